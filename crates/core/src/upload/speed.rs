//! Measures bytes per second over the last few seconds, and estimates the remaining time.

use std::collections::VecDeque;

/// The span is long enough to be steady, short enough to follow a change of network.
const WINDOW_MS: u64 = 5_000;

/// The bytes that were sent in the last seconds.
#[derive(Clone, Debug, Default)]
pub struct Speed {
    samples: VecDeque<(u64, u64)>,
}

impl Speed {
    /// Notes that so many bytes were sent just now.
    pub fn add(&mut self, now_ms: u64, bytes: u64) {
        self.forget(now_ms);
        self.samples.push_back((now_ms, bytes));
    }

    /// Returns the speed of the last seconds.
    pub fn bytes_per_second(&self, now_ms: u64) -> u64 {
        let oldest_ms = now_ms.saturating_sub(WINDOW_MS);
        let recent = self.samples.iter().filter(|(at_ms, _)| *at_ms > oldest_ms);
        let (mut first_ms, mut bytes) = (None, 0);
        for (at_ms, sample) in recent {
            first_ms.get_or_insert(*at_ms);
            bytes += sample;
        }
        let span_ms = first_ms.map_or(0, |first| now_ms.saturating_sub(first)).max(1_000);
        bytes * 1_000 / span_ms
    }

    /// Returns `None` while nothing moves.
    pub fn seconds_left(&self, now_ms: u64, left_bytes: u64) -> Option<u64> {
        match self.bytes_per_second(now_ms) {
            0 => None,
            speed => Some(left_bytes.div_ceil(speed)),
        }
    }

    fn forget(&mut self, now_ms: u64) {
        let oldest_ms = now_ms.saturating_sub(WINDOW_MS);
        while self.samples.front().is_some_and(|(at_ms, _)| *at_ms <= oldest_ms) {
            self.samples.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Speed;

    #[test]
    fn speed_is_that_of_the_last_seconds() {
        let mut speed = Speed::default();
        for second in 0..20 {
            speed.add(second * 1_000, 1_000_000);
        }
        assert_eq!(speed.bytes_per_second(19_000), 1_250_000);
        assert_eq!(speed.seconds_left(19_000, 2_500_000), Some(2));
        assert_eq!(speed.bytes_per_second(60_000), 0);
        assert_eq!(speed.seconds_left(60_000, 1), None);
    }
}
