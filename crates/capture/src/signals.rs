//! The shared state of one recording's threads: everything they exchange except frames. It has one
//! lock, which is never held while other code is called.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use snaplark_core::capture::{CaptureError, Trouble};

use crate::sound;
use crate::timeline::{Switch, Timeline};

#[derive(Debug, Default)]
pub struct Signals {
    state: Mutex<State>,
    changed: Condvar,
    unchanged: AtomicU64,
    dropped: AtomicU64,
}

/// A request to end the segment early.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cut {
    #[default]
    None,
    Asked,
    /// The frame of this time begins the next segment.
    Taken(u64),
}

#[derive(Debug, Default)]
struct State {
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
    cut: Cut,
    /// The issues that were not reported yet, each with its time.
    troubles: Vec<(u64, Trouble)>,
}

impl Signals {
    pub fn start(&self) -> Instant {
        let start = Instant::now();
        let step = Duration::from_millis(sound::BLOCK_MS);
        self.lock().timeline = Some(Timeline::new(start, step));
        start
    }

    /// Returns `None` before the recording has begun.
    pub fn timeline(&self) -> Option<Timeline> {
        self.lock().timeline.clone()
    }

    /// Returns the current time of the recording, in whole milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.lock().now_ms()
    }

    /// Returns the recording's end: the time at which the stop was requested, by the person or by a
    /// failure.
    pub fn stopped_ms(&self) -> u64 {
        let state = self.lock();
        let span = state.timeline.as_ref().zip(state.stop_asked);
        span.map_or(0, |(timeline, stop)| ms(timeline.time_of(stop)))
    }

    pub fn pause(&self) {
        if let Some(timeline) = &mut self.lock().timeline {
            timeline.pause(Instant::now());
        }
        self.changed.notify_all();
    }

    pub fn resume(&self) {
        let mut state = self.lock();
        state.paused_after_ms = None;
        if let Some(timeline) = &mut state.timeline {
            timeline.resume(Instant::now());
        }
        self.changed.notify_all();
    }

    /// Returns the time at which the recording is paused.
    pub fn paused_at_ms(&self) -> Option<u64> {
        self.lock().paused_at_ms()
    }

    /// Blocks the frame grabber until the pause ends or the stop is requested. `last_frame_ms` is the
    /// time of its last frame before the pause.
    pub fn wait_in_pause(&self, last_frame_ms: u64) {
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
    pub fn pause_taken(&self) -> Option<(u64, u64)> {
        let state = self.lock();
        state.paused_at_ms().zip(state.paused_after_ms)
    }

    pub fn cut(&self) {
        let mut state = self.lock();
        if state.timeline.is_some() && state.paused_at_ms().is_none() {
            state.cut = Cut::Asked;
        }
    }

    /// Tells the frame grabber that the next frame must begin a segment.
    pub fn is_cut_asked(&self) -> bool {
        self.lock().cut == Cut::Asked
    }

    pub fn note_cut(&self, time_ms: u64) {
        self.lock().cut = Cut::Taken(time_ms);
    }

    /// Returns the time of a cut that the writer must report. `sealed_ms` is the time up to which all
    /// segments are sealed.
    pub fn cut_before(&self, sealed_ms: u64) -> Option<u64> {
        let mut state = self.lock();
        match state.cut {
            Cut::Taken(time_ms) if time_ms <= sealed_ms => {
                state.cut = Cut::None;
                Some(time_ms)
            }
            Cut::None | Cut::Asked | Cut::Taken(_) => None,
        }
    }

    pub fn set_muted(&self, muted: bool) {
        self.lock().muted.turn(Instant::now(), muted);
    }

    pub fn muted(&self) -> Switch {
        self.lock().muted.clone()
    }

    pub fn trouble(&self, trouble: Trouble) {
        let mut state = self.lock();
        let at_ms = state.now_ms();
        state.troubles.push((at_ms, trouble));
    }

    pub fn take_troubles(&self) -> Vec<(u64, Trouble)> {
        std::mem::take(&mut self.lock().troubles)
    }

    pub fn ask_to_stop(&self) {
        self.lock().stop_asked.get_or_insert_with(Instant::now);
        self.changed.notify_all();
    }

    pub fn stop_asked(&self) -> Option<Instant> {
        self.lock().stop_asked
    }

    /// Records a failure and stops the recording. Only the first failure counts.
    pub fn fail(&self, error: CaptureError) {
        self.lock().failure.get_or_insert(error);
        self.ask_to_stop();
    }

    /// Fails as `fail` does. The writer then waits for no further frame.
    pub fn pipeline_failed(&self, reason: String) {
        self.lock().pipeline_failed = true;
        self.fail(CaptureError::PipelineFailed { reason });
    }

    /// Records that the encoder failed, so that the writer replaces it.
    pub fn encoder_failed(&self, reason: String) {
        self.lock().encoder_failure.get_or_insert(reason);
    }

    pub fn take_encoder_failure(&self) -> Option<String> {
        self.lock().encoder_failure.take()
    }

    /// Records that the sound failed. The recording continues without it.
    pub fn sound_failed(&self, reason: String) {
        self.lock().sound_failure.get_or_insert(reason);
    }

    pub fn sound_failure(&self) -> Option<String> {
        self.lock().sound_failure.clone()
    }

    /// Returns a guard for a thread whose panic must fail the recording.
    pub fn fail_on_panic(&self) -> FailOnPanic<'_> {
        FailOnPanic(self)
    }

    pub fn failure(&self) -> Option<CaptureError> {
        self.lock().failure.clone()
    }

    pub fn has_pipeline_failed(&self) -> bool {
        self.lock().pipeline_failed
    }

    /// Waits until that moment. Returns true if a stop came first.
    pub fn stop_comes_before(&self, moment: Instant) -> bool {
        self.comes_before(moment, |state| state.stop_asked.is_some())
    }

    /// Waits until that moment. Returns true if a stop or a pause came first.
    pub fn halt_comes_before(&self, moment: Instant) -> bool {
        self.comes_before(moment, |state| {
            state.stop_asked.is_some() || state.paused_at_ms().is_some()
        })
    }

    fn comes_before(&self, moment: Instant, happened: impl Fn(&State) -> bool) -> bool {
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

    pub fn count_unchanged(&self) {
        self.unchanged.fetch_add(1, Ordering::Relaxed);
    }

    pub fn count_dropped(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }

    pub fn unchanged(&self) -> u64 {
        self.unchanged.load(Ordering::Relaxed)
    }

    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// A poisoned lock is ignored: a panic elsewhere can't leave these values inconsistent.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
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

pub struct FailOnPanic<'a>(&'a Signals);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(fault());
        }
    }
}

/// Returns the error for conditions that cannot happen.
pub fn fault() -> CaptureError {
    CaptureError::PipelineFailed { reason: "a fault in Snaplark itself".to_owned() }
}
