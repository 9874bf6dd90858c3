//! The frame grabber. Grabs the source at a fixed rate and decides which frames go to the encoder. It
//! never waits for the encoder: if the queue is full, the frame is dropped and counted.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::{Duration, Instant};

use snaplark_core::capture::{CaptureError, Issue, Permission};

use crate::gate::{FrameGate, GateVerdict};
use crate::overlay::Overlay;
use crate::pipeline::{EncodeMode, FrameInput};
use crate::pointer::PointerReader;
use crate::policy::{SOURCE_LOST_MS, UNCHANGED_TICKS_MAX};
use crate::signals::Signals;
use crate::source::picture::BYTES_PER_PIXEL;
use crate::source::{self, FrameSource, SourceRequest};

/// The facts of a source that are known before its first frame is recorded.
pub(crate) struct SourceInfo {
    pub size: (u32, u32),
    pub permission: Option<Permission>,
}

/// The needs of the frame grabber to start recording: the overlay to draw and the pipeline to feed.
pub(crate) struct GrabberSetup {
    pub input: FrameInput,
    pub overlay: Overlay,
    /// Reads where the pointer is, if that is wanted and possible.
    pub pointer: Option<PointerReader>,
    /// Delivers a feed that replaces `input` when the pipeline was replaced.
    pub replacements: Receiver<FrameInput>,
}

/// Runs the frame grabber's thread. Opens the source, sends its size or the error to `opened`, waits
/// for the pipeline in `setup`, then grabs frames until the stop.
pub(crate) fn run(
    opening: &SourceRequest,
    fps: u32,
    signals: &Arc<Signals>,
    opened: &SyncSender<Result<SourceInfo, CaptureError>>,
    setup: &Receiver<GrabberSetup>,
) {
    let first = source::open(opening).and_then(|mut source| {
        // A source that can't be seen at the start is reported as missing right away.
        let seen = source.grab()?.is_some();
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
    let found = SourceInfo { size: source.size(), permission: source.permission() };
    if opened.send(Ok(found)).is_err() {
        return;
    }
    // An error means that the pipeline could not be built; the caller already knows.
    let Ok(setup) = setup.recv() else { return };
    record(source.as_mut(), setup, fps, signals);
}

/// Grabs frames until the end and reports why they ended. The order matters: dropping the input ends the stream, and
/// the writer then reports the failure that is known by that time. A failure, or a panic, is therefore noted while the
/// input is still there.
fn record(source: &mut dyn FrameSource, mut setup: GrabberSetup, fps: u32, signals: &Arc<Signals>) {
    // Is dropped before `setup`, because it is declared after it.
    let _guard = signals.fail_on_panic();
    if let Err(error) = grab_frames(source, &mut setup, fps, signals) {
        signals.fail(error);
    }
}

fn grab_frames(
    source: &mut dyn FrameSource,
    setup: &mut GrabberSetup,
    fps: u32,
    signals: &Signals,
) -> Result<(), CaptureError> {
    let GrabberSetup { input, overlay, pointer, replacements } = setup;
    let period = Duration::from_secs(1) / fps;
    let start = signals.start();
    let mut gate = FrameGate::default();
    // Ticks are counted from the start, so that delays do not accumulate.
    let mut tick = 0_u32;
    let (mut next_ms, mut last_ms) = (0, 0);
    // The time at which the recording resumed, until the first frame after the pause was pushed.
    let mut resumes_ms = None;
    let mut visibility = SourceVisibility::default();
    let mut rest = Rest::default();
    let black = vec![0; source.size().0 as usize * source.size().1 as usize * BYTES_PER_PIXEL];
    loop {
        // The first picture is recorded even if the stop came before it.
        if tick > 0 && signals.halt_comes_before(start + period * tick) {
            if signals.stop_asked().is_some() {
                return Ok(());
            }
            resumes_ms = signals.paused_at_ms().or(resumes_ms);
            signals.wait_in_pause(last_ms);
            gate.begin_segment_next();
            rest.forget();
            overlay.discard_input();
            if let Some(pointer) = pointer {
                pointer.forget();
            }
            tick = ticks(start, period);
            continue;
        }
        if let Ok(mut replacement) = replacements.try_recv() {
            replacement.take_over(input);
            *input = replacement;
            gate.begin_segment_next();
            rest.forget();
        }
        let late = ticks(start, period);
        let missed = late.saturating_sub(tick);
        tick = tick.max(late);
        // The first picture stands from the start, however late a busy machine grabs it: the recording has no gap
        // there. A grab right after a late one must not get the same time.
        let now_ms = if next_ms == 0 { 0 } else { resumes_ms.unwrap_or_else(|| signals.now_ms()) };
        let time_ms = next_ms.max(now_ms);
        let strike_end_ms = signals.strike_ends_before(time_ms);
        let time_ms = strike_end_ms.unwrap_or(time_ms);
        next_ms = time_ms + 1;
        let mapping = source.mapping();
        let rests = rest.begins(source, overlay.is_clear() && strike_end_ms.is_none())?;
        let seen = if rests { None } else { source.grab()? };
        let is_seen = rests || seen.is_some();
        if let Some(issue) = visibility.update(time_ms, is_seen) {
            signals.report_issue(issue);
        }
        // What was drawn before a strike, and the last picture of a source that can't be seen now, are struck.
        if strike_end_ms.is_some() {
            gate.begin_segment_next();
            overlay.discard_input();
            if let Some(pointer) = pointer {
                pointer.forget();
            }
        }
        match pointer.as_mut().map(|pointer| pointer.poll(mapping)) {
            Some(Ok(actions)) => signals.push_pointer(time_ms, actions),
            // The display is gone, which the source will report.
            Some(Err(_)) => *pointer = None,
            None => {}
        }
        let seen = seen.or(strike_end_ms.map(|_| black.as_slice()));
        let picture = overlay.draw(seen, mapping);
        let changed = picture.is_some_and(|picture| !input.is_last(picture));
        let mut is_recorded = is_seen && !changed && strike_end_ms.is_none();
        let cut = signals.is_cut_asked();
        if cut {
            gate.begin_segment_next();
        }
        let verdict = gate.judge(time_ms, !changed);
        if changed {
            // The screen changed while no frame was grabbed, so up to `missed` pictures may be lost.
            signals.count_dropped(u64::from(missed));
        }
        match verdict {
            GateVerdict::Unchanged => signals.count_unchanged(),
            GateVerdict::Begin | GateVerdict::Encode | GateVerdict::Settle if input.has_room() => {
                let begins_segment = verdict == GateVerdict::Begin;
                // A keyframe of a still picture must not have lower quality than the careful frame
                // before it.
                let high_quality = verdict == GateVerdict::Settle || begins_segment && !changed;
                let mode = EncodeMode { begins_segment, high_quality };
                match input.push(picture, time_ms, mode) {
                    Ok(()) => {
                        gate.passed(time_ms, verdict, changed);
                        is_recorded = is_seen && strike_end_ms.is_none();
                        if cut {
                            signals.note_cut(time_ms);
                        }
                        if strike_end_ms.is_some() {
                            signals.note_strike_begun();
                        }
                        (last_ms, resumes_ms) = (time_ms, None);
                    }
                    Err(_) if input.is_replaceable => signals.count_dropped(1),
                    Err(_) => return Ok(()),
                }
            }
            // The still picture is already recorded at normal quality; the careful one is tried again.
            GateVerdict::Settle => signals.count_unchanged(),
            GateVerdict::Begin | GateVerdict::Encode => signals.count_dropped(1),
        }
        rest.ends(source, changed, is_recorded)?;
        tick += 1;
    }
}

/// Decides which grabs can be left out: nothing was drawn since the last one, whose picture is recorded.
#[derive(Debug, Default)]
struct Rest {
    is_recorded: bool,
    /// True if something was drawn since the last grab.
    is_drawn: bool,
    /// How many grabs were left out since the last one.
    ticks: u32,
    /// True if a grab could have been left out, and is done to see whether the source is right.
    is_check: bool,
}

impl Rest {
    /// Returns whether this tick's grab is left out. `is_plain` says whether the picture is nothing but the source's.
    fn begins(
        &mut self,
        source: &mut dyn FrameSource,
        is_plain: bool,
    ) -> Result<bool, CaptureError> {
        self.is_drawn |= !source.is_unchanged()?;
        let can_rest = is_plain && self.is_recorded && !self.is_drawn;
        self.is_check = can_rest && self.ticks >= UNCHANGED_TICKS_MAX;
        if can_rest && !self.is_check {
            self.ticks += 1;
            return Ok(true);
        }
        (self.is_drawn, self.ticks) = (false, 0);
        Ok(false)
    }

    /// Notes what became of the tick's picture.
    fn ends(
        &mut self,
        source: &mut dyn FrameSource,
        changed: bool,
        is_recorded: bool,
    ) -> Result<(), CaptureError> {
        self.is_recorded = is_recorded;
        if self.is_check && changed {
            // It may have been drawn after the question. Then the source says so by now.
            self.is_drawn = !source.is_unchanged()?;
            if !self.is_drawn {
                tracing::info!(
                    "The display doesn't tell all that is drawn, so each picture is looked at"
                );
                source.distrust();
            }
        }
        Ok(())
    }

    /// Has the next picture grabbed in any case.
    fn forget(&mut self) {
        self.is_recorded = false;
    }
}

/// Tracks whether the source is visible: a window may be minimized.
#[derive(Debug, Default)]
struct SourceVisibility {
    unseen_since_ms: Option<u64>,
    reported: bool,
}

impl SourceVisibility {
    /// Records whether the source is visible now and returns the issue to report, if any.
    fn update(&mut self, time_ms: u64, is_seen: bool) -> Option<Issue> {
        if is_seen {
            let since_ms = self.unseen_since_ms.take()?;
            let reported = std::mem::take(&mut self.reported);
            return reported.then(|| Issue::SourceBack { ms: time_ms - since_ms });
        }
        let since_ms = *self.unseen_since_ms.get_or_insert(time_ms);
        let is_new = !self.reported && time_ms - since_ms >= SOURCE_LOST_MS;
        self.reported |= is_new;
        is_new.then_some(Issue::SourceLost)
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
    use crate::encoder::{self, EncoderSettings, SOFTWARE};
    use crate::pipeline::{self, EncoderOutput, RunningPipeline};
    use crate::policy::{CONVERTED_FRAMES_MAX, RAW_FRAMES_MAX};
    use crate::segmenter::EncodedFrame;
    use crate::webcam::WebcamCapture;

    const WIDTH: u32 = 64;
    const HEIGHT: u32 = 36;

    /// Returns the result of `next` for each look, and requests the stop after the last one.
    struct ScriptedSource<F> {
        grabs: u32,
        next: F,
        signals: Arc<Signals>,
        picture: Vec<u8>,
    }

    impl<F: FnMut(u32) -> Result<Option<u8>, CaptureError>> FrameSource for ScriptedSource<F> {
        fn size(&self) -> (u32, u32) {
            (WIDTH, HEIGHT)
        }

        fn grab(&mut self) -> Result<Option<&[u8]>, CaptureError> {
            let grab = self.grabs;
            self.grabs += 1;
            if self.grabs == GRABS {
                self.signals.ask_to_stop();
            }
            let Some(grey) = (self.next)(grab)? else { return Ok(None) };
            self.picture.fill(grey);
            Ok(Some(&self.picture))
        }
    }

    const GRABS: u32 = 100;

    #[test]
    fn source_visibility_reports_a_hidden_source_once_and_its_return() {
        let mut visibility = SourceVisibility::default();
        let mut reported = Vec::new();
        for time_ms in (0..9_000).step_by(500) {
            // Hidden for a moment, then for four seconds.
            let is_seen = !(time_ms == 1_000 || (3_000..7_000).contains(&time_ms));
            reported.extend(visibility.update(time_ms, is_seen).map(|issue| (time_ms, issue)));
        }
        let back = Issue::SourceBack { ms: 4_000 };
        assert_eq!(reported, [(5_000, Issue::SourceLost), (7_000, back)]);
    }

    /// A source that says whether something was drawn, until it is not believed any more.
    #[derive(Default)]
    struct TellingSource {
        is_drawn: bool,
        is_distrusted: bool,
    }

    impl FrameSource for TellingSource {
        fn size(&self) -> (u32, u32) {
            (WIDTH, HEIGHT)
        }

        fn grab(&mut self) -> Result<Option<&[u8]>, CaptureError> {
            Ok(None)
        }

        fn is_unchanged(&mut self) -> Result<bool, CaptureError> {
            Ok(!self.is_distrusted && !std::mem::take(&mut self.is_drawn))
        }

        fn distrust(&mut self) {
            self.is_distrusted = true;
        }
    }

    /// Returns how many grabs are left out until the next one, whose picture is another one if `changed`.
    fn left_out(rest: &mut Rest, source: &mut TellingSource, changed: bool) -> u32 {
        let mut count = 0;
        while rest.begins(source, true).unwrap() {
            rest.ends(source, false, true).unwrap();
            count += 1;
        }
        rest.ends(source, changed, true).unwrap();
        count
    }

    #[test]
    fn grabs_are_left_out_while_nothing_is_drawn() {
        let (mut rest, mut source) = (Rest::default(), TellingSource::default());
        assert_eq!(left_out(&mut rest, &mut source, true), 0, "nothing is recorded yet");
        assert_eq!(left_out(&mut rest, &mut source, false), UNCHANGED_TICKS_MAX);
        source.is_drawn = true;
        assert_eq!(left_out(&mut rest, &mut source, true), 0);
        // The picture was dropped, because the encoder had no room.
        source.is_drawn = true;
        assert!(!rest.begins(&mut source, true).unwrap());
        rest.ends(&mut source, true, false).unwrap();
        assert_eq!(left_out(&mut rest, &mut source, true), 0, "it comes again");
        assert!(!rest.begins(&mut source, false).unwrap(), "something is drawn onto it");
        assert!(!source.is_distrusted);
    }

    #[test]
    fn source_that_was_wrong_is_not_believed_again() {
        let (mut rest, mut source) = (Rest::default(), TellingSource::default());
        left_out(&mut rest, &mut source, true);
        // It was drawn between question and grab, which the source says when it is asked again.
        while rest.begins(&mut source, true).unwrap() {
            rest.ends(&mut source, false, true).unwrap();
        }
        source.is_drawn = true;
        rest.ends(&mut source, true, true).unwrap();
        assert!(!source.is_distrusted);
        assert_eq!(left_out(&mut rest, &mut source, true), 0, "what came behind the grab is seen");
        assert_eq!(left_out(&mut rest, &mut source, true), UNCHANGED_TICKS_MAX);
        assert!(source.is_distrusted, "its picture changed, and it said nothing");
        assert_eq!(left_out(&mut rest, &mut source, false), 0);
    }

    struct GrabResult {
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
    ) -> GrabResult {
        gst::init().unwrap();
        let signals = Arc::new(Signals::default());
        let settings = EncoderSettings {
            width: WIDTH,
            height: HEIGHT,
            bitrate_bits: 500_000,
            has_borders: false,
        };
        let (out, frames) = sync_channel(encoded_max);
        encoder::check().unwrap();
        let (pipeline, input): (RunningPipeline, FrameInput) =
            pipeline::start(SOFTWARE, &settings, (WIDTH, HEIGHT), fps, out, signals.clone())
                .unwrap();
        let picture = vec![0; (WIDTH * HEIGHT * 4) as usize];
        let mut script = ScriptedSource { grabs: 0, next, signals: signals.clone(), picture };
        let (_, replacements) = sync_channel(1);
        let mut setup =
            GrabberSetup { input, overlay: overlay(&signals), pointer: None, replacements };
        let result = grab_frames(&mut script, &mut setup, fps, &signals);
        drop(setup);
        let frames = all(&frames);
        drop(pipeline);
        GrabResult { result, signals, frames }
    }

    /// Returns an overlay that draws nothing.
    fn overlay(signals: &Arc<Signals>) -> Overlay {
        let size = (WIDTH, HEIGHT);
        Overlay::new(size, WebcamCapture::new(size, Wanted::default(), signals.clone()), None)
    }

    fn all(encoded: &Receiver<EncoderOutput>) -> Vec<EncodedFrame> {
        let mut frames = Vec::new();
        while let EncoderOutput::Frame(frame) =
            encoded.recv_timeout(Duration::from_secs(20)).unwrap()
        {
            frames.push(frame);
        }
        frames
    }

    #[test]
    fn frame_grabber_counts_dropped_frames_when_the_queue_is_full() {
        let run = run(120, 1, |grab| Ok(Some(grab as u8)));
        assert_eq!(run.result, Ok(()));
        let encoded = run.frames.len() as u64;
        assert!(run.signals.dropped() >= 20, "{}", run.signals.dropped());
        // Each look was either encoded or counted as dropped; missed ticks were counted on top.
        assert!(encoded + run.signals.dropped() >= u64::from(GRABS));
        // Two frames are held by the appsink, some inside the elements.
        let waiting = u64::from(CONVERTED_FRAMES_MAX) + RAW_FRAMES_MAX;
        assert!((waiting..waiting + 10).contains(&encoded), "{encoded} were kept");
        // When the pipeline continued, the queue was long enough to make the encoder hurry.
        let issues = run.signals.take_issues();
        assert!(issues.iter().any(|(_, issue)| *issue == Issue::EncoderHurried), "{issues:?}");
        assert!(run.frames[0].keyframe && run.frames[0].time_ms == 0);
        assert!(run.frames.windows(2).all(|pair| pair[0].time_ms < pair[1].time_ms));
    }

    #[test]
    fn frame_grabber_sends_heartbeats_when_nothing_changes() {
        let run = run(50, 600, |grab| Ok((grab == 0).then_some(9)));
        assert_eq!(run.result, Ok(()));
        // One heartbeat each half second, each a little later by the time of a grab, and one careful
        // frame.
        let (frames, ms) = (run.frames.len() as u64, run.signals.stopped_ms());
        assert!((ms / 750..=ms / 500 + 2).contains(&frames), "{frames} in {ms} ms");
        assert_eq!(run.signals.unchanged(), u64::from(GRABS) - run.frames.len() as u64);
        assert_eq!(run.signals.dropped(), 0);
        assert!(ms >= 1_900, "{ms}");
    }

    #[test]
    fn frame_grabber_keeps_its_frames_when_the_source_ends() {
        let gone = CaptureError::SourceMissing { reason: "it was closed".to_owned() };
        // No more than the queue holds, however slow the encoder is.
        let grabs = RAW_FRAMES_MAX as u32;
        let run = run(
            50,
            600,
            |grab| if grab < grabs { Ok(Some(grab as u8)) } else { Err(gone.clone()) },
        );
        assert_eq!(run.result, Err(gone));
        assert_eq!(run.frames.len(), RAW_FRAMES_MAX as usize);
    }

    /// The memory of a picture. When the frame grabber drops it together with its input, it sends the failure that is
    /// known by then.
    struct FailureWitness(Arc<Signals>, std::sync::mpsc::Sender<Option<CaptureError>>);

    impl AsRef<[u8]> for FailureWitness {
        fn as_ref(&self) -> &[u8] {
            &[0; 4]
        }
    }

    impl Drop for FailureWitness {
        fn drop(&mut self) {
            self.1.send(self.0.failure()).unwrap();
        }
    }

    /// Runs a script that ends at the first grab, and returns the failure that was known when the input was dropped.
    fn failure_at_end_of_stream(
        next: impl FnMut(u32) -> Result<Option<u8>, CaptureError>,
    ) -> Option<CaptureError> {
        gst::init().unwrap();
        let signals = Arc::new(Signals::default());
        let (width, height) = (WIDTH, HEIGHT);
        let settings = EncoderSettings { width, height, bitrate_bits: 500_000, has_borders: false };
        encoder::check().unwrap();
        let (out, frames) = sync_channel(600);
        let size = (WIDTH, HEIGHT);
        let (pipeline, mut input) =
            pipeline::start(SOFTWARE, &settings, size, 30, out, signals.clone()).unwrap();
        let (sender, witnessed) = std::sync::mpsc::channel();
        input.set_last(gst::Buffer::from_slice(FailureWitness(signals.clone(), sender)));
        let mut script =
            ScriptedSource { grabs: 0, next, signals: signals.clone(), picture: Vec::new() };
        let (_, replacements) = sync_channel(1);
        let setup = GrabberSetup { input, overlay: overlay(&signals), pointer: None, replacements };
        let run = || record(&mut script, setup, 30, &signals);
        // A panic of the source is one of the ends.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        assert!(all(&frames).is_empty());
        drop(pipeline);
        witnessed.try_recv().expect("the input was not dropped")
    }

    #[test]
    fn failure_is_noted_before_the_stream_ends() {
        let gone = CaptureError::SourceMissing { reason: "it was closed".to_owned() };
        assert_eq!(failure_at_end_of_stream(|_| Err(gone.clone())), Some(gone.clone()));
        let panics = failure_at_end_of_stream(|_| panic!("a fault of the source"));
        assert_eq!(panics, Some(crate::signals::internal_error()));
    }
}
