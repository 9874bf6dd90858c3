//! What the threads of one recording tell one another, beside the frames. One lock, never held
//! while anything is called.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use snaplark_core::capture::{CaptureError, Trouble};

use crate::timeline::{Switch, Timeline};

#[derive(Debug, Default)]
pub struct Signals {
    /// When the source was first looked at: all times count from here.
    started: OnceLock<Instant>,
    state: Mutex<State>,
    changed: Condvar,
    unchanged: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    stop_asked: Option<Instant>,
    failure: Option<CaptureError>,
    pipeline_failed: bool,
    sound_failure: Option<String>,
    muted: Switch,
    /// Not told yet.
    troubles: Vec<Trouble>,
}

impl Signals {
    pub fn start(&self) -> Instant {
        let start = *self.started.get_or_init(Instant::now);
        self.changed.notify_all();
        start
    }

    /// `None`: it did not begin yet.
    pub fn timeline(&self) -> Option<Timeline> {
        self.started.get().map(|start| Timeline::starting_at(*start))
    }

    /// The last moment that the recording shows: when the stop was asked for, by whomever.
    pub fn stopped_ms(&self) -> u64 {
        let span = self.timeline().zip(self.stop_asked());
        span.map_or(0, |(timeline, stop)| timeline.time_of(stop).as_millis() as u64)
    }

    pub fn set_muted(&self, muted: bool) {
        self.lock().muted.turn(Instant::now(), muted);
    }

    pub fn muted(&self) -> Switch {
        self.lock().muted.clone()
    }

    pub fn trouble(&self, trouble: Trouble) {
        self.lock().troubles.push(trouble);
    }

    pub fn take_troubles(&self) -> Vec<Trouble> {
        std::mem::take(&mut self.lock().troubles)
    }

    pub fn ask_to_stop(&self) {
        self.lock().stop_asked.get_or_insert_with(Instant::now);
        self.changed.notify_all();
    }

    pub fn stop_asked(&self) -> Option<Instant> {
        self.lock().stop_asked
    }

    /// The first failure is the one that counts; it also stops the recording.
    pub fn fail(&self, error: CaptureError) {
        self.lock().failure.get_or_insert(error);
        self.ask_to_stop();
    }

    /// As `fail`, and no further frame is to be waited for.
    pub fn pipeline_failed(&self, reason: String) {
        self.lock().pipeline_failed = true;
        self.fail(CaptureError::PipelineFailed { reason });
    }

    /// The picture goes on without.
    pub fn sound_failed(&self, reason: String) {
        self.lock().sound_failure.get_or_insert(reason);
    }

    pub fn sound_failure(&self) -> Option<String> {
        self.lock().sound_failure.clone()
    }

    /// Held by a thread that must not end unseen.
    pub fn fail_on_panic(&self) -> FailOnPanic<'_> {
        FailOnPanic(self)
    }

    pub fn failure(&self) -> Option<CaptureError> {
        self.lock().failure.clone()
    }

    pub fn has_pipeline_failed(&self) -> bool {
        self.lock().pipeline_failed
    }

    /// Waits for that moment. True: a stop came first.
    pub fn stop_comes_before(&self, moment: Instant) -> bool {
        let mut state = self.lock();
        loop {
            if state.stop_asked.is_some() {
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

    /// A panic elsewhere leaves these few values as right as they were.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct FailOnPanic<'a>(&'a Signals);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(fault());
        }
    }
}

/// For what cannot happen.
pub fn fault() -> CaptureError {
    CaptureError::PipelineFailed { reason: "a fault in Snaplark itself".to_owned() }
}
