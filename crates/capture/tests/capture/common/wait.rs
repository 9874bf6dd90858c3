//! Waits for a condition that sends no event, always with a limit.

use std::time::{Duration, Instant};

use super::PATIENCE;

/// The interval at which a condition is checked.
const LOOK: Duration = Duration::from_millis(10);

/// Calls `look` until it returns a value. `what` completes "waited in vain for …".
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let last = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < last, "waited in vain for {what}");
        std::thread::sleep(LOOK);
    }
}

/// Calls `is_so` until it returns true.
#[track_caller]
pub fn until_true(what: &str, mut is_so: impl FnMut() -> bool) {
    until(what, || is_so().then_some(()));
}
