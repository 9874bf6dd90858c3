//! The shared state of one recording's threads: everything they exchange except frames. It has one
//! lock, which is never held while other code is called.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use snaplark_core::capture::{CaptureError, Issue};
use snaplark_formats::pointer::PointerAction;

use crate::pointer::PointerLog;
use crate::policy::STRIKE_LEAD_MS;
use crate::sound;
use crate::strikes::{StruckSpan, StruckSpans};
use crate::timeline::{Switch, Timeline};

#[derive(Debug, Default)]
pub(crate) struct Signals {
    state: Mutex<SignalState>,
    changed: Condvar,
    unchanged: AtomicU64,
    dropped: AtomicU64,
}

/// A request to end the segment early.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CutRequest {
    #[default]
    None,
    WindowQuery,
    /// The frame of this time begins the next segment.
    Taken(u64),
}

/// A strike that the writer has to carry out.
#[derive(Clone, Debug)]
pub(crate) struct PendingStrike {
    pub span: StruckSpan,
    /// How much of the span was kept before.
    pub removed_ms: u64,
    /// Where what follows is written.
    pub folder: PathBuf,
    /// Whether the first frame after it has gone to the encoder.
    begun: bool,
    /// The spans before it, in case that it fails.
    before: StruckSpans,
}

#[derive(Debug, Default)]
struct SignalState {
    /// Set when the source is first grabbed; all times count from there.
    timeline: Option<Timeline>,
    /// The time of the last frame before the pause. Set once the frame grabber has noticed the pause.
    paused_after_ms: Option<u64>,
    stop_asked: Option<Instant>,
    failure: Option<CaptureError>,
    pipeline_failed: bool,
    encoder_failure: Option<String>,
    sound_failure: Option<String>,
    muted: Switch,
    cut: CutRequest,
    pointer: PointerLog,
    struck: StruckSpans,
    strike: Option<PendingStrike>,
    /// The issues that were not reported yet, each with its time.
    issues: Vec<(u64, Issue)>,
}

impl Signals {
    pub(crate) fn start(&self) -> Instant {
        let start = Instant::now();
        let step = Duration::from_millis(sound::BLOCK_MS);
        self.lock().timeline = Some(Timeline::new(start, step));
        start
    }

    /// Returns `None` before the recording has begun.
    pub(crate) fn timeline(&self) -> Option<Timeline> {
        self.lock().timeline.clone()
    }

    /// Returns the current time of the recording, in whole milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        self.lock().now_ms()
    }

    /// Returns the recording's end: the time at which the stop was requested, by the person or by a
    /// failure.
    pub(crate) fn stopped_ms(&self) -> u64 {
        let state = self.lock();
        let span = state.timeline.as_ref().zip(state.stop_asked);
        span.map_or(0, |(timeline, stop)| ms(timeline.time_of(stop)))
    }

    pub(crate) fn pause(&self) {
        let mut state = self.lock();
        if let Some(timeline) = &mut state.timeline {
            timeline.pause(Instant::now());
        }
        // A strike that would end in the pause ends before it.
        if let Some(at_ms) = state.paused_at_ms()
            && let Some(strike) = state.strike.as_mut().filter(|strike| !strike.begun)
            && strike.span.until_ms > at_ms
        {
            strike.removed_ms = strike.removed_ms.saturating_sub(strike.span.until_ms - at_ms);
            strike.span.until_ms = at_ms;
            state.struck.end_last_at(at_ms);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Asks for the last `length_ms` to be struck. Does nothing before the first frame, or while a strike is
    /// pending.
    pub(crate) fn strike(&self, length_ms: u64, folder: PathBuf) {
        let mut state = self.lock();
        if state.timeline.is_none() || state.strike.is_some() {
            return;
        }
        let (now_ms, until_ms) = match state.paused_at_ms() {
            Some(at_ms) => (at_ms, at_ms),
            None => {
                let now_ms = state.now_ms();
                (now_ms, now_ms.next_multiple_of(sound::BLOCK_MS) + STRIKE_LEAD_MS)
            }
        };
        let before = state.struck.clone();
        let (span, removed_ms) = state.struck.strike(now_ms, until_ms, length_ms);
        state.strike = Some(PendingStrike { span, removed_ms, folder, begun: false, before });
    }

    /// Returns the strike that the writer has to carry out.
    pub(crate) fn pending_strike(&self) -> Option<PendingStrike> {
        self.lock().strike.clone()
    }

    /// Returns the end of a strike after which no frame has gone to the encoder yet, if a frame of that time comes
    /// after it.
    pub(crate) fn strike_ends_before(&self, time_ms: u64) -> Option<u64> {
        let state = self.lock();
        let strike = state.strike.as_ref().filter(|strike| !strike.begun)?;
        (time_ms >= strike.span.until_ms).then_some(strike.span.until_ms)
    }

    /// Notes that the first frame after a strike has gone to the encoder.
    pub(crate) fn note_strike_begun(&self) {
        if let Some(strike) = &mut self.lock().strike {
            strike.begun = true;
        }
    }

    /// Notes that the strike was carried out, or that it failed and nothing is struck.
    pub(crate) fn end_strike(&self, is_done: bool) {
        let mut state = self.lock();
        let Some(PendingStrike { span, before, .. }) = state.strike.take() else { return };
        match is_done {
            true => state.pointer.strike(span.from_ms, span.until_ms),
            false => state.struck = before,
        }
    }

    /// Notes what the pointer did at the time of a picture.
    pub(crate) fn push_pointer(&self, time_ms: u64, actions: Vec<PointerAction>) {
        if !actions.is_empty() {
            self.lock().pointer.push(time_ms, actions);
        }
    }

    /// Takes what the pointer did during a segment, as the bytes of a file.
    pub(crate) fn take_pointer(&self, start_ms: u64, end_ms: u64) -> Option<Vec<u8>> {
        self.lock().pointer.take(start_ms, end_ms)
    }

    /// Returns the struck span that ends at that time.
    pub(crate) fn struck_until(&self, time_ms: u64) -> Option<StruckSpan> {
        self.lock().struck.ending_at(time_ms)
    }

    pub(crate) fn resume(&self) {
        let mut state = self.lock();
        state.paused_after_ms = None;
        if let Some(timeline) = &mut state.timeline {
            timeline.resume(Instant::now());
        }
        self.changed.notify_all();
    }

    /// Returns the time at which the recording is paused.
    pub(crate) fn paused_at_ms(&self) -> Option<u64> {
        self.lock().paused_at_ms()
    }

    /// Blocks the frame grabber until the pause ends or the stop is requested. `last_frame_ms` is the
    /// time of its last frame before the pause.
    pub(crate) fn wait_in_pause(&self, last_frame_ms: u64) {
        let mut state = self.lock();
        if state.paused_at_ms().is_some() {
            state.paused_after_ms = Some(last_frame_ms);
        }
        while state.stop_asked.is_none() && state.paused_at_ms().is_some() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Returns the time of the pause and of the last frame before it, once the frame grabber has
    /// noticed it.
    pub(crate) fn pause_taken(&self) -> Option<(u64, u64)> {
        let state = self.lock();
        state.paused_at_ms().zip(state.paused_after_ms)
    }

    pub(crate) fn cut(&self) {
        let mut state = self.lock();
        if state.timeline.is_some() && state.paused_at_ms().is_none() {
            state.cut = CutRequest::WindowQuery;
        }
    }

    /// Tells the frame grabber that the next frame must begin a segment.
    pub(crate) fn is_cut_asked(&self) -> bool {
        self.lock().cut == CutRequest::WindowQuery
    }

    pub(crate) fn note_cut(&self, time_ms: u64) {
        self.lock().cut = CutRequest::Taken(time_ms);
    }

    /// Returns the time of a cut that the writer must report. `sealed_ms` is the time up to which all
    /// segments are sealed.
    pub(crate) fn cut_before(&self, sealed_ms: u64) -> Option<u64> {
        let mut state = self.lock();
        match state.cut {
            CutRequest::Taken(time_ms) if time_ms <= sealed_ms => {
                state.cut = CutRequest::None;
                Some(time_ms)
            }
            CutRequest::None | CutRequest::WindowQuery | CutRequest::Taken(_) => None,
        }
    }

    pub(crate) fn set_muted(&self, muted: bool) {
        self.lock().muted.set(Instant::now(), muted);
    }

    pub(crate) fn muted(&self) -> Switch {
        self.lock().muted.clone()
    }

    pub(crate) fn report_issue(&self, issue: Issue) {
        let mut state = self.lock();
        let at_ms = state.now_ms();
        state.issues.push((at_ms, issue));
    }

    pub(crate) fn take_issues(&self) -> Vec<(u64, Issue)> {
        std::mem::take(&mut self.lock().issues)
    }

    pub(crate) fn ask_to_stop(&self) {
        self.lock().stop_asked.get_or_insert_with(Instant::now);
        self.changed.notify_all();
    }

    pub(crate) fn stop_asked(&self) -> Option<Instant> {
        self.lock().stop_asked
    }

    /// Records a failure and stops the recording. Only the first failure counts.
    pub(crate) fn fail(&self, error: CaptureError) {
        self.lock().failure.get_or_insert(error);
        self.ask_to_stop();
    }

    /// Fails as `fail` does. The writer then waits for no further frame.
    pub(crate) fn pipeline_failed(&self, reason: String) {
        self.lock().pipeline_failed = true;
        self.fail(CaptureError::PipelineFailed { reason });
    }

    /// Records that the encoder failed, so that the writer replaces it.
    pub(crate) fn encoder_failed(&self, reason: String) {
        self.lock().encoder_failure.get_or_insert(reason);
    }

    pub(crate) fn take_encoder_failure(&self) -> Option<String> {
        self.lock().encoder_failure.take()
    }

    /// Records that the sound failed. The recording continues without it.
    pub(crate) fn sound_failed(&self, reason: String) {
        self.lock().sound_failure.get_or_insert(reason);
    }

    pub(crate) fn sound_failure(&self) -> Option<String> {
        self.lock().sound_failure.clone()
    }

    /// Returns a guard for a thread whose panic must fail the recording.
    pub(crate) fn fail_on_panic(&self) -> FailOnPanic<'_> {
        FailOnPanic(self)
    }

    pub(crate) fn failure(&self) -> Option<CaptureError> {
        self.lock().failure.clone()
    }

    pub(crate) fn has_pipeline_failed(&self) -> bool {
        self.lock().pipeline_failed
    }

    /// Waits until that moment. Returns true if a stop came first.
    pub(crate) fn stop_comes_before(&self, moment: Instant) -> bool {
        self.comes_before(moment, |state| state.stop_asked.is_some())
    }

    /// Waits until that moment. Returns true if a stop or a pause came first.
    pub(crate) fn halt_comes_before(&self, moment: Instant) -> bool {
        self.comes_before(moment, |state| {
            state.stop_asked.is_some() || state.paused_at_ms().is_some()
        })
    }

    fn comes_before(&self, moment: Instant, happened: impl Fn(&SignalState) -> bool) -> bool {
        let mut state = self.lock();
        loop {
            if happened(&state) {
                return true;
            }
            let left = moment.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state =
                self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(crate) fn count_unchanged(&self) {
        self.unchanged.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_dropped(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn unchanged(&self) -> u64 {
        self.unchanged.load(Ordering::Relaxed)
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// A poisoned lock is ignored: a panic elsewhere can't leave these values inconsistent.
    fn lock(&self) -> MutexGuard<'_, SignalState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SignalState {
    fn now_ms(&self) -> u64 {
        self.timeline.as_ref().map_or(0, |timeline| ms(timeline.time_of(Instant::now())))
    }

    fn paused_at_ms(&self) -> Option<u64> {
        self.timeline.as_ref()?.paused_at().map(ms)
    }
}

fn ms(time: Duration) -> u64 {
    time.as_millis() as u64
}

pub(crate) struct FailOnPanic<'a>(&'a Signals);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(internal_error());
        }
    }
}

/// Returns the error for conditions that cannot happen.
pub(crate) fn internal_error() -> CaptureError {
    CaptureError::PipelineFailed { reason: "a fault in Snaplark itself".to_owned() }
}
