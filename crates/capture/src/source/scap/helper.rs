//! The helper process in which scap runs. It takes all pictures, keeps only the newest, and sends it as
//! fast as the parent reads.

use std::fmt;
use std::process::ExitCode;
use std::str::FromStr;

use snaplark_core::capture::Source as Wanted;

/// The source that the helper captures. Its text form is the helper's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScapRequest {
    pub target: ScapTarget,
    pub fps: u32,
    pub pointer: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScapTarget {
    /// The display that the system calls the main one.
    Main,
    /// A display, by its index.
    Display(u32),
    /// A window, by the system's number.
    Window(u64),
}

impl ScapTarget {
    pub(crate) fn of(wanted: &Wanted) -> Self {
        match *wanted {
            Wanted::Display(None) | Wanted::Region { .. } => ScapTarget::Main,
            Wanted::Display(Some(place)) => ScapTarget::Display(place),
            Wanted::Window(id) => ScapTarget::Window(id),
        }
    }
}

impl fmt::Display for ScapRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ScapRequest { target, fps, pointer } = self;
        match target {
            ScapTarget::Main => write!(f, "{fps} {pointer} main"),
            ScapTarget::Display(place) => write!(f, "{fps} {pointer} display {place}"),
            ScapTarget::Window(id) => write!(f, "{fps} {pointer} window {id}"),
        }
    }
}

impl FromStr for ScapRequest {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let words: Vec<&str> = text.split(' ').collect();
        let (fps, pointer, target) = match words[..] {
            [fps, pointer, "main"] => (fps, pointer, ScapTarget::Main),
            [fps, pointer, "display", place] => {
                (fps, pointer, ScapTarget::Display(place.parse().map_err(drop)?))
            }
            [fps, pointer, "window", id] => {
                (fps, pointer, ScapTarget::Window(id.parse().map_err(drop)?))
            }
            _ => return Err(()),
        };
        let (fps, pointer) = (fps.parse().map_err(drop)?, pointer.parse().map_err(drop)?);
        Ok(ScapRequest { target, fps, pointer })
    }
}

pub(crate) fn run(request: &str) -> ExitCode {
    match request.parse() {
        Ok(request) => inside::run(request),
        Err(()) => ExitCode::FAILURE,
    }
}

/// True if this build contains scap.
pub(crate) const IS_BUILT: bool = cfg!(any(feature = "scap", not(target_os = "linux")));

#[cfg(not(any(feature = "scap", not(target_os = "linux"))))]
mod inside {
    use super::*;

    /// Is never called: a build without scap does not start this helper.
    pub(crate) fn run(_: ScapRequest) -> ExitCode {
        ExitCode::FAILURE
    }
}

#[cfg(any(feature = "scap", not(target_os = "linux")))]
mod inside {
    use std::any::Any;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

    use ::scap::capturer::{Capturer, Options, Resolution};
    use ::scap::frame::{Frame, FrameType};

    use super::*;
    use crate::source::scap::frame::Bgrx;
    use crate::source::scap::wire::{self, StreamEnd};

    /// The messages to send. Only the newest picture is kept.
    #[derive(Default)]
    struct Outbox {
        state: Mutex<OutboxState>,
        changed: Condvar,
    }

    #[derive(Default)]
    struct OutboxState {
        newest: Option<Frame>,
        end: Option<(StreamEnd, String)>,
    }

    pub(super) fn run(request: ScapRequest) -> ExitCode {
        // Panic messages are for the parent, which receives them as this helper's end.
        std::panic::set_hook(Box::new(|_| {}));
        let outbox = Arc::new(Outbox::default());
        let sender = outbox.clone();
        let sent = std::thread::spawn(move || sender.send_all());
        let end = catch_unwind(AssertUnwindSafe(|| capture(request, &outbox)))
            .unwrap_or_else(|panic| end_of(&words_of(panic.as_ref())));
        outbox.lock().end.get_or_insert(end);
        outbox.changed.notify_all();
        let _ = sent.join();
        ExitCode::SUCCESS
    }

    /// Captures pictures into `outbox` until there are no more. Returns the reason.
    fn capture(request: ScapRequest, outbox: &Outbox) -> (StreamEnd, String) {
        let target = match find(request.target) {
            Ok(target) => target,
            Err(words) => return (StreamEnd::Missing, words),
        };
        let options = Options {
            fps: request.fps,
            show_cursor: request.pointer,
            show_highlight: true,
            target,
            crop_area: None,
            output_type: FrameType::BGRAFrame,
            output_resolution: Resolution::Captured,
            excluded_targets: None,
        };
        let mut capturer = match Capturer::build(options) {
            Ok(capturer) => capturer,
            Err(error) => return (StreamEnd::Broken, error.to_string()),
        };
        capturer.start_capture();
        while let Ok(frame) = capturer.get_next_frame() {
            outbox.lock().newest = Some(frame);
            outbox.changed.notify_all();
        }
        (StreamEnd::Broken, "its stream ended".to_owned())
    }

    /// Finds the target; `None` is the main display. On Linux the desktop asks what to share, whatever
    /// the target.
    #[cfg(target_os = "linux")]
    #[allow(clippy::unnecessary_wraps)]
    fn find(_: ScapTarget) -> Result<Option<::scap::Target>, String> {
        Ok(None)
    }

    #[cfg(not(target_os = "linux"))]
    fn find(wanted: ScapTarget) -> Result<Option<::scap::Target>, String> {
        use ::scap::Target as Shown;

        let mut all = ::scap::get_all_targets().into_iter();
        let found = match wanted {
            ScapTarget::Main => return Ok(None),
            ScapTarget::Display(place) => {
                all.filter(|shown| matches!(shown, Shown::Display(_))).nth(place as usize)
            }
            ScapTarget::Window(id) => all
                .find(|shown| matches!(shown, Shown::Window(window) if u64::from(window.id) == id)),
        };
        found.map(Some).ok_or_else(|| match wanted {
            ScapTarget::Main => "there is no display".to_owned(),
            ScapTarget::Display(place) => {
                format!("there is no display {place}; displays are counted from 0")
            }
            ScapTarget::Window(id) => format!("there is no window {id}"),
        })
    }

    fn words_of(panic: &(dyn Any + Send)) -> String {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("it gives no reason").to_owned()
    }

    /// Interprets the message of a panic, which is scap's only error report.
    pub(super) fn end_of(words: &str) -> (StreamEnd, String) {
        let end = if words.contains("User cancelled") {
            StreamEnd::Declined
        } else if words.contains("Did not get response") || words.contains("NoReply") {
            StreamEnd::Silent
        } else {
            StreamEnd::Broken
        };
        // The reason follows what failed, in Rust's debug format.
        let why = words.split_once("msg: \"").and_then(|(_, rest)| rest.split_once('"'));
        (end, why.map_or(words, |(why, _)| why).to_owned())
    }

    impl Outbox {
        /// Writes each newest picture, then the end.
        fn send_all(&self) {
            let out = std::io::stdout();
            let mut bgrx = Bgrx::default();
            loop {
                let mut state = self.lock();
                while state.newest.is_none() && state.end.is_none() {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                let (newest, end) = (state.newest.take(), state.end.clone());
                drop(state);
                // Locked for a whole message, since scap also writes to the standard output.
                let mut out = out.lock();
                let sent = match (newest, end) {
                    (Some(frame), _) => match bgrx.of(&frame) {
                        Some(size) => wire::write_picture(&mut out, size, bgrx.pixels()),
                        None => Ok(()),
                    },
                    (None, Some((end, words))) => {
                        let _ = wire::write_end(&mut out, end, &words);
                        return;
                    }
                    (None, None) => Ok(()),
                };
                if sent.is_err() {
                    // The parent no longer reads.
                    std::process::exit(0);
                }
            }
        }

        fn lock(&self) -> MutexGuard<'_, OutboxState> {
            self.state.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scap_request_is_parsed_as_it_was_formatted() {
        for target in [ScapTarget::Main, ScapTarget::Display(1), ScapTarget::Window(0x3_0000_0001)]
        {
            let request = ScapRequest { target, fps: 24, pointer: true };
            assert_eq!(request.to_string().parse(), Ok(request));
        }
        assert_eq!("30 true".parse::<ScapRequest>(), Err(()));
    }

    #[cfg(feature = "scap")]
    #[test]
    fn scap_panic_message_is_translated_to_an_end() {
        use crate::source::scap::wire::StreamEnd;

        for (words, end) in [
            ("User cancelled the interaction", StreamEnd::Declined),
            ("Did not get response", StreamEnd::Silent),
            ("Did not get any streams", StreamEnd::Broken),
        ] {
            let panic = format!("Failed to get a stream: LinCapError {{ msg: \"{words}\" }}");
            assert_eq!(inside::end_of(&panic), (end, words.to_owned()));
        }
        let plain = "Failed to receive: RecvError";
        assert_eq!(inside::end_of(plain), (StreamEnd::Broken, plain.to_owned()));
    }
}
