//! What the threads of one recording tell one another, beside the frames. One lock, never held
//! while anything is called.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use snaplark_core::capture::CaptureError;

#[derive(Debug, Default)]
pub struct Signals {
    state: Mutex<State>,
    changed: Condvar,
    unchanged: AtomicU64,
    dropped: AtomicU64,
    stopped_ms: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    stop_asked: Option<Instant>,
    failure: Option<CaptureError>,
    pipeline_failed: bool,
}

impl Signals {
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

    /// The last moment that the recording shows.
    pub fn set_stopped_ms(&self, time_ms: u64) {
        self.stopped_ms.store(time_ms, Ordering::Release);
    }

    pub fn stopped_ms(&self) -> u64 {
        self.stopped_ms.load(Ordering::Acquire)
    }

    /// A panic elsewhere leaves these few values as right as they were.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
