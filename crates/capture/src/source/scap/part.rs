//! The helper process in which scap runs. It takes all pictures, keeps only the newest, and sends it as
//! fast as the parent reads.

use std::fmt;
use std::process::ExitCode;
use std::str::FromStr;

use snaplark_core::capture::Source as Wanted;

/// What the helper captures. Its text form is the helper's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub target: Target,
    pub fps: u32,
    pub pointer: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The display that the system calls the main one.
    Main,
    /// A display, by its index.
    Display(u32),
    /// A window, by the system's number.
    Window(u64),
}

impl Target {
    pub fn of(wanted: &Wanted) -> Self {
        match *wanted {
            Wanted::Display(None) | Wanted::Region { .. } => Target::Main,
            Wanted::Display(Some(place)) => Target::Display(place),
            Wanted::Window(id) => Target::Window(id),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Order { target, fps, pointer } = self;
        match target {
            Target::Main => write!(f, "{fps} {pointer} main"),
            Target::Display(place) => write!(f, "{fps} {pointer} display {place}"),
            Target::Window(id) => write!(f, "{fps} {pointer} window {id}"),
        }
    }
}

impl FromStr for Order {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let words: Vec<&str> = text.split(' ').collect();
        let (fps, pointer, target) = match words[..] {
            [fps, pointer, "main"] => (fps, pointer, Target::Main),
            [fps, pointer, "display", place] => {
                (fps, pointer, Target::Display(place.parse().map_err(drop)?))
            }
            [fps, pointer, "window", id] => {
                (fps, pointer, Target::Window(id.parse().map_err(drop)?))
            }
            _ => return Err(()),
        };
        let (fps, pointer) = (fps.parse().map_err(drop)?, pointer.parse().map_err(drop)?);
        Ok(Order { target, fps, pointer })
    }
}

pub fn run(order: &str) -> ExitCode {
    match order.parse() {
        Ok(order) => inside::run(order),
        Err(()) => ExitCode::FAILURE,
    }
}

/// True if this build contains scap.
pub const IS_BUILT: bool = cfg!(any(feature = "scap", not(target_os = "linux")));

#[cfg(not(any(feature = "scap", not(target_os = "linux"))))]
mod inside {
    use super::*;

    /// Never called: a build without scap does not start this helper.
    pub fn run(_: Order) -> ExitCode {
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
    use crate::source::scap::wire::{self, End};

    /// The messages to send. Only the newest picture is kept.
    #[derive(Default)]
    struct Desk {
        state: Mutex<State>,
        changed: Condvar,
    }

    #[derive(Default)]
    struct State {
        newest: Option<Frame>,
        end: Option<(End, String)>,
    }

    pub fn run(order: Order) -> ExitCode {
        // Panic messages are for the parent, which receives them as this helper's end.
        std::panic::set_hook(Box::new(|_| {}));
        let desk = Arc::new(Desk::default());
        let sayer = desk.clone();
        let said = std::thread::spawn(move || sayer.say());
        let end = catch_unwind(AssertUnwindSafe(|| take(order, &desk)))
            .unwrap_or_else(|panic| end_of(&words_of(panic.as_ref())));
        desk.lock().end.get_or_insert(end);
        desk.changed.notify_all();
        let _ = said.join();
        ExitCode::SUCCESS
    }

    /// Captures pictures into `desk` until there are no more. Returns the reason.
    fn take(order: Order, desk: &Desk) -> (End, String) {
        let target = match find(order.target) {
            Ok(target) => target,
            Err(words) => return (End::Missing, words),
        };
        let options = Options {
            fps: order.fps,
            show_cursor: order.pointer,
            show_highlight: true,
            target,
            crop_area: None,
            output_type: FrameType::BGRAFrame,
            output_resolution: Resolution::Captured,
            excluded_targets: None,
        };
        let mut capturer = match Capturer::build(options) {
            Ok(capturer) => capturer,
            Err(error) => return (End::Broken, error.to_string()),
        };
        capturer.start_capture();
        while let Ok(frame) = capturer.get_next_frame() {
            desk.lock().newest = Some(frame);
            desk.changed.notify_all();
        }
        (End::Broken, "its stream ended".to_owned())
    }

    /// Finds the target; `None` is the main display. On Linux the desktop asks what to share, whatever
    /// the target.
    #[cfg(target_os = "linux")]
    #[allow(clippy::unnecessary_wraps)]
    fn find(_: Target) -> Result<Option<::scap::Target>, String> {
        Ok(None)
    }

    #[cfg(not(target_os = "linux"))]
    fn find(wanted: Target) -> Result<Option<::scap::Target>, String> {
        use ::scap::Target as Shown;

        let mut all = ::scap::get_all_targets().into_iter();
        let found = match wanted {
            Target::Main => return Ok(None),
            Target::Display(place) => {
                all.filter(|shown| matches!(shown, Shown::Display(_))).nth(place as usize)
            }
            Target::Window(id) => all
                .find(|shown| matches!(shown, Shown::Window(window) if u64::from(window.id) == id)),
        };
        found.map(Some).ok_or_else(|| match wanted {
            Target::Main => "there is no display".to_owned(),
            Target::Display(place) => {
                format!("there is no display {place}; displays are counted from 0")
            }
            Target::Window(id) => format!("there is no window {id}"),
        })
    }

    fn words_of(panic: &(dyn Any + Send)) -> String {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("it gives no reason").to_owned()
    }

    /// Interprets the message of a panic, which is scap's only error report.
    pub fn end_of(words: &str) -> (End, String) {
        let end = if words.contains("User cancelled") {
            End::Declined
        } else if words.contains("Did not get response") || words.contains("NoReply") {
            End::Silent
        } else {
            End::Broken
        };
        // The reason follows what failed, in Rust's debug format.
        let why = words.split_once("msg: \"").and_then(|(_, rest)| rest.split_once('"'));
        (end, why.map_or(words, |(why, _)| why).to_owned())
    }

    impl Desk {
        /// Writes each newest picture, then the end.
        fn say(&self) {
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
                let said = match (newest, end) {
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
                if said.is_err() {
                    // The parent no longer reads.
                    std::process::exit(0);
                }
            }
        }

        fn lock(&self) -> MutexGuard<'_, State> {
            self.state.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_was_written() {
        for target in [Target::Main, Target::Display(1), Target::Window(0x3_0000_0001)] {
            let order = Order { target, fps: 24, pointer: true };
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        assert_eq!("30 true".parse::<Order>(), Err(()));
    }

    #[cfg(feature = "scap")]
    #[test]
    fn what_scap_dies_of_has_a_meaning() {
        use crate::source::scap::wire::End;

        for (words, end) in [
            ("User cancelled the interaction", End::Declined),
            ("Did not get response", End::Silent),
            ("Did not get any streams", End::Broken),
        ] {
            let panic = format!("Failed to get a stream: LinCapError {{ msg: \"{words}\" }}");
            assert_eq!(inside::end_of(&panic), (end, words.to_owned()));
        }
        let plain = "Failed to receive: RecvError";
        assert_eq!(inside::end_of(plain), (End::Broken, plain.to_owned()));
    }
}
