//! The frame grabber. Grabs the source at a fixed rate and decides which frames go to the encoder. It
//! never waits for the encoder: if the queue is full, the frame is dropped and counted.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::{Duration, Instant};

use snaplark_core::capture::{CaptureError, Permission, Trouble};

use crate::gate::{Gate, Verdict};
use crate::overlay::Overlay;
use crate::pipeline::{Feed, Treat};
use crate::policy::UNSEEN_MS;
use crate::signals::Signals;
use crate::source::{self, Opening, Source};

/// What is known about a source before its first frame is recorded.
pub struct Opened {
    pub size: (u32, u32),
    pub permission: Option<Permission>,
}

/// What the frame grabber needs to start recording: the overlay to draw and the pipeline to feed.
pub struct Work {
    pub feed: Feed,
    pub overlay: Overlay,
    /// Delivers a feed that replaces `feed` when the pipeline was replaced.
    pub others: Receiver<Feed>,
}

/// Runs the frame grabber's thread. Opens the source, sends its size or the error to `opened`, waits
/// for the pipeline in `work`, then grabs frames until the stop.
pub fn run(
    opening: &Opening,
    fps: u32,
    signals: &Arc<Signals>,
    opened: &SyncSender<Result<Opened, CaptureError>>,
    work: &Receiver<Work>,
) {
    let first = source::open(opening).and_then(|mut source| {
        // A source that can't be seen at the start is reported as missing right away.
        let seen = source.look()?.is_some();
        let reason = "nothing can be seen of it now".to_owned();
        if seen { Ok(source) } else { Err(CaptureError::SourceMissing { reason }) }
    });
    let mut source = match first {
        Ok(source) => source,
        Err(error) => {
            // Fails only if the receiver has stopped waiting.
            let _ = opened.send(Err(error));
            return;
        }
    };
    let found = Opened { size: source.size(), permission: source.permission() };
    if opened.send(Ok(found)).is_err() {
        return;
    }
    // An error means that the pipeline could not be built; the caller already knows.
    let Ok(work) = work.recv() else { return };
    let _guard = signals.fail_on_panic();
    if let Err(error) = watch(source.as_mut(), work, fps, signals) {
        signals.fail(error);
    }
}

fn watch(
    source: &mut dyn Source,
    work: Work,
    fps: u32,
    signals: &Signals,
) -> Result<(), CaptureError> {
    let Work { mut feed, mut overlay, others } = work;
    let period = Duration::from_secs(1) / fps;
    let start = signals.start();
    let mut gate = Gate::default();
    // Ticks are counted from the start, so that delays do not accumulate.
    let mut tick = 0_u32;
    let (mut next_ms, mut last_ms) = (0, 0);
    // The time at which the recording resumed, until the first frame after the pause was pushed.
    let mut resumes_ms = None;
    let mut sight = Sight::default();
    loop {
        // The first picture is recorded even if the stop came before it.
        if tick > 0 && signals.halt_comes_before(start + period * tick) {
            if signals.stop_asked().is_some() {
                return Ok(());
            }
            resumes_ms = signals.paused_at_ms().or(resumes_ms);
            signals.wait_in_pause(last_ms);
            gate.break_off();
            overlay.break_off();
            tick = ticks(start, period);
            continue;
        }
        if let Ok(mut fresh) = others.try_recv() {
            fresh.follow(&mut feed);
            feed = fresh;
            gate.break_off();
        }
        let late = ticks(start, period);
        let missed = late.saturating_sub(tick);
        tick = tick.max(late);
        // A grab right after a late one must not get the same time.
        let time_ms = next_ms.max(resumes_ms.unwrap_or_else(|| signals.now_ms()));
        next_ms = time_ms + 1;
        let place = source.place();
        let seen = source.look()?;
        if let Some(trouble) = sight.note(time_ms, seen.is_some()) {
            signals.trouble(trouble);
        }
        let picture = overlay.lay(seen, place);
        let changed = picture.is_some_and(|picture| !feed.is_last(picture));
        let cut = signals.is_cut_asked();
        if cut {
            gate.break_off();
        }
        let verdict = gate.judge(time_ms, !changed);
        if changed {
            // The screen changed while no frame was grabbed, so up to `missed` pictures may be lost.
            signals.count_dropped(u64::from(missed));
        }
        match verdict {
            Verdict::Unchanged => signals.count_unchanged(),
            Verdict::Begin | Verdict::Encode | Verdict::Settle if feed.has_room() => {
                let begins = verdict == Verdict::Begin;
                // A keyframe of a still picture must not have lower quality than the careful frame
                // before it.
                let care = verdict == Verdict::Settle || begins && !changed;
                let treat = Treat { begins, care };
                match feed.push(picture, time_ms, treat) {
                    Ok(()) => {
                        gate.passed(time_ms, verdict, changed);
                        if cut {
                            signals.note_cut(time_ms);
                        }
                        (last_ms, resumes_ms) = (time_ms, None);
                    }
                    Err(_) if feed.is_replaceable => signals.count_dropped(1),
                    Err(_) => return Ok(()),
                }
            }
            // The still picture is already recorded at normal quality; the careful one is tried again.
            Verdict::Settle => signals.count_unchanged(),
            Verdict::Begin | Verdict::Encode => signals.count_dropped(1),
        }
        tick += 1;
    }
}

/// Tracks whether the source is visible: a window may be minimized.
#[derive(Debug, Default)]
struct Sight {
    unseen_since_ms: Option<u64>,
    told: bool,
}

impl Sight {
    /// Records whether the source is visible now and returns the issue to report, if any.
    fn note(&mut self, time_ms: u64, is_seen: bool) -> Option<Trouble> {
        if is_seen {
            let since_ms = self.unseen_since_ms.take()?;
            let told = std::mem::take(&mut self.told);
            return told.then(|| Trouble::SourceBack { ms: time_ms - since_ms });
        }
        let since_ms = *self.unseen_since_ms.get_or_insert(time_ms);
        let is_new = !self.told && time_ms - since_ms >= UNSEEN_MS;
        self.told |= is_new;
        is_new.then_some(Trouble::SourceLost)
    }
}

/// Returns how many periods have passed since `start`.
fn ticks(start: Instant, period: Duration) -> u32 {
    (start.elapsed().as_nanos() / period.as_nanos()) as u32
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, sync_channel};

    use gstreamer as gst;

    use snaplark_core::overlay::Webcam as Wanted;

    use super::*;
    use crate::encoder::{self, SOFTWARE, Settings};
    use crate::pipeline::{self, Encoded, Running};
    use crate::policy::{CONVERTED_FRAMES_MAX, RAW_FRAMES_MAX};
    use crate::segmenter::EncodedFrame;
    use crate::webcam::Webcam;

    const WIDTH: u32 = 64;
    const HEIGHT: u32 = 36;

    /// Returns the result of `next` for each look, and requests the stop after the last one.
    struct Script<F> {
        looks: u32,
        next: F,
        signals: Arc<Signals>,
        picture: Vec<u8>,
    }

    impl<F: FnMut(u32) -> Result<Option<u8>, CaptureError>> Source for Script<F> {
        fn size(&self) -> (u32, u32) {
            (WIDTH, HEIGHT)
        }

        fn look(&mut self) -> Result<Option<&[u8]>, CaptureError> {
            let look = self.looks;
            self.looks += 1;
            if self.looks == LOOKS {
                self.signals.ask_to_stop();
            }
            let Some(grey) = (self.next)(look)? else { return Ok(None) };
            self.picture.fill(grey);
            Ok(Some(&self.picture))
        }
    }

    const LOOKS: u32 = 100;

    #[test]
    fn a_source_that_hides_is_told_once_and_its_return_too() {
        let mut sight = Sight::default();
        let mut told = Vec::new();
        for time_ms in (0..9_000).step_by(500) {
            // Hidden for a moment, then for four seconds.
            let is_seen = !(time_ms == 1_000 || (3_000..7_000).contains(&time_ms));
            told.extend(sight.note(time_ms, is_seen).map(|trouble| (time_ms, trouble)));
        }
        let back = Trouble::SourceBack { ms: 4_000 };
        assert_eq!(told, [(5_000, Trouble::SourceLost), (7_000, back)]);
    }

    struct Run {
        result: Result<(), CaptureError>,
        signals: Arc<Signals>,
        frames: Vec<EncodedFrame>,
    }

    /// Runs a script through a real pipeline. The output is read only after the frame grabber has
    /// ended.
    fn run(
        fps: u32,
        encoded_max: usize,
        next: impl FnMut(u32) -> Result<Option<u8>, CaptureError>,
    ) -> Run {
        gst::init().unwrap();
        let signals = Arc::new(Signals::default());
        let settings = Settings { width: WIDTH, height: HEIGHT, bitrate_bits: 500_000 };
        let (out, frames) = sync_channel(encoded_max);
        encoder::check().unwrap();
        let (pipeline, feed): (Running, Feed) =
            pipeline::start(SOFTWARE, &settings, (WIDTH, HEIGHT), fps, out, signals.clone())
                .unwrap();
        let picture = vec![0; (WIDTH * HEIGHT * 4) as usize];
        let mut script = Script { looks: 0, next, signals: signals.clone(), picture };
        let (_, others) = sync_channel(1);
        let work = Work { feed, overlay: overlay(&signals), others };
        let result = watch(&mut script, work, fps, &signals);
        let frames = all(&frames);
        drop(pipeline);
        Run { result, signals, frames }
    }

    /// Returns an overlay that draws nothing.
    fn overlay(signals: &Arc<Signals>) -> Overlay {
        let size = (WIDTH, HEIGHT);
        Overlay::new(size, Webcam::new(size, Wanted::default(), signals.clone()), None)
    }

    fn all(encoded: &Receiver<Encoded>) -> Vec<EncodedFrame> {
        let mut frames = Vec::new();
        while let Encoded::Frame(frame) = encoded.recv_timeout(Duration::from_secs(20)).unwrap() {
            frames.push(frame);
        }
        frames
    }

    #[test]
    fn what_finds_no_room_is_counted_and_the_rest_is_whole() {
        let run = run(120, 1, |look| Ok(Some(look as u8)));
        assert_eq!(run.result, Ok(()));
        let encoded = run.frames.len() as u64;
        assert!(run.signals.dropped() >= 20, "{}", run.signals.dropped());
        // Each look was either encoded or counted as dropped; missed ticks were counted on top.
        assert!(encoded + run.signals.dropped() >= u64::from(LOOKS));
        // Two frames are held by the appsink, some inside the elements.
        let waiting = u64::from(CONVERTED_FRAMES_MAX) + RAW_FRAMES_MAX;
        assert!((waiting..waiting + 10).contains(&encoded), "{encoded} were kept");
        // When the pipeline continued, the queue was long enough to make the encoder hurry.
        let troubles = run.signals.take_troubles();
        assert!(
            troubles.iter().any(|(_, trouble)| *trouble == Trouble::EncoderHurried),
            "{troubles:?}"
        );
        assert!(run.frames[0].keyframe);
        assert!(run.frames.windows(2).all(|pair| pair[0].time_ms < pair[1].time_ms));
    }

    #[test]
    fn a_source_with_nothing_new_gives_heartbeats() {
        let run = run(50, 600, |look| Ok((look == 0).then_some(9)));
        assert_eq!(run.result, Ok(()));
        // One heartbeat each half second, each a little later by the time of a grab, and one careful
        // frame.
        let (frames, ms) = (run.frames.len() as u64, run.signals.stopped_ms());
        assert!((ms / 750..=ms / 500 + 2).contains(&frames), "{frames} in {ms} ms");
        assert_eq!(run.signals.unchanged(), u64::from(LOOKS) - run.frames.len() as u64);
        assert_eq!(run.signals.dropped(), 0);
        assert!(ms >= 1_900, "{ms}");
    }

    #[test]
    fn a_source_that_ends_keeps_what_it_gave() {
        let gone = CaptureError::SourceMissing { reason: "it was closed".to_owned() };
        let run =
            run(50, 600, |look| if look < 10 { Ok(Some(look as u8)) } else { Err(gone.clone()) });
        assert_eq!(run.result, Err(gone));
        assert_eq!(run.frames.len(), 10);
    }
}
