//! Controls the encoder's speed: faster at lower quality when it falls behind, slower again when it has
//! kept up for a while. Pure.

use crate::policy::{SLOW_DOWN_MS, SPEED_STEP_MS, SPEED_UP_FRAMES};

/// The number of steps that the encoder is set faster than at its beginning.
#[derive(Debug)]
pub(crate) struct EncoderSpeed {
    steps: u32,
    steps_max: u32,
    changed_ms: u64,
    /// When the encoder was last behind.
    behind_ms: u64,
}

impl EncoderSpeed {
    pub(crate) fn new(steps_max: u32) -> Self {
        EncoderSpeed { steps: 0, steps_max, changed_ms: 0, behind_ms: 0 }
    }

    /// Takes the number of frames that wait for the encoder. Returns the new number of steps if it
    /// changes.
    pub(crate) fn judge(&mut self, waiting: u32, time_ms: u64) -> Option<u32> {
        let is_behind = waiting >= SPEED_UP_FRAMES;
        if is_behind {
            self.behind_ms = time_ms;
        }
        let since_change_ms = time_ms.saturating_sub(self.changed_ms);
        let is_first = self.changed_ms == 0;
        if is_behind
            && self.steps < self.steps_max
            && (is_first || since_change_ms >= SPEED_STEP_MS)
        {
            self.steps += 1;
        } else if self.steps > 0
            && time_ms.saturating_sub(self.behind_ms) >= SLOW_DOWN_MS
            && since_change_ms >= SLOW_DOWN_MS
        {
            self.steps -= 1;
        } else {
            return None;
        }
        self.changed_ms = time_ms;
        Some(self.steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoder_speed_rises_quickly_and_falls_slowly() {
        let mut load = EncoderSpeed::new(2);
        let mut changes = Vec::new();
        for time_ms in (0..40_000).step_by(100) {
            // Behind for four seconds.
            let waiting = if (1_000..5_000).contains(&time_ms) { SPEED_UP_FRAMES } else { 1 };
            if let Some(steps) = load.judge(waiting, time_ms) {
                changes.push((time_ms, steps));
            }
        }
        assert_eq!(changes, [(1_000, 1), (2_000, 2), (14_900, 1), (24_900, 0)]);
    }

    #[test]
    fn encoder_speed_stays_when_it_is_at_its_maximum() {
        let mut load = EncoderSpeed::new(0);
        assert_eq!(load.judge(SPEED_UP_FRAMES * 3, 5_000), None);
    }
}
