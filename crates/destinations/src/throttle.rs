//! A rate limiter: the person's limit on upload bandwidth, shared by all requests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// The lowest limit. Below it, a single read of a file would look like a dead connection.
pub const BYTES_PER_SECOND_MIN: u64 = 16 * 1024;

/// A rate limiter for bytes.
#[derive(Debug)]
pub struct Throttle {
    /// 0: no limit.
    bytes_per_second: AtomicU64,
    /// When the next bytes may go out, given all that was let through.
    free_at: Mutex<Instant>,
}

impl Default for Throttle {
    fn default() -> Self {
        Throttle { bytes_per_second: AtomicU64::new(0), free_at: Mutex::new(Instant::now()) }
    }
}

impl Throttle {
    /// Sets the limit; `None` lifts it.
    pub fn set(&self, bytes_per_second: Option<u64>) {
        let limit = bytes_per_second.map_or(0, |limit| limit.max(BYTES_PER_SECOND_MIN));
        self.bytes_per_second.store(limit, Ordering::Relaxed);
    }

    /// Waits until `bytes` more bytes may go out.
    pub(crate) async fn take(&self, bytes: usize) {
        let limit = self.bytes_per_second.load(Ordering::Relaxed);
        if limit == 0 {
            return;
        }
        let mut free_at = self.free_at.lock().await;
        let begins = (*free_at).max(Instant::now());
        *free_at = begins + Duration::from_millis(bytes as u64 * 1_000 / limit);
        tokio::time::sleep_until(begins).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_megabyte_at_a_quarter_takes_four_seconds() {
        let throttle = Throttle::default();
        throttle.take(usize::MAX).await;
        throttle.set(Some(250_000));
        let began = Instant::now();
        for _ in 0..16 {
            throttle.take(62_500).await;
        }
        assert_eq!(began.elapsed().as_secs(), 3);
        throttle.take(1).await;
        assert_eq!(began.elapsed().as_secs(), 4);
    }
}
