//! Waiting for a condition, with a limit.

use std::time::{Duration, Instant};

const WAIT_MAX: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Calls `look` until it returns a value. `what` completes "waited for …".
#[track_caller]
pub fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> impl Future<Output = T> {
    let asked_at = std::panic::Location::caller();
    async move {
        let begun = Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(begun.elapsed() < WAIT_MAX, "waited for {what} in vain, at {asked_at}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Calls `is` until it returns true.
#[track_caller]
pub fn until_true(what: &str, mut is: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    until(what, async move || is().await.then_some(()))
}
