//! Controls the encoder's speed: faster at lower quality when it falls behind, slower again when it has
//! kept up for a while. Pure.

use crate::policy::{HURRY_FRAMES, HURRY_STEP_MS, RELAX_MS};

/// The number of steps that the encoder is set faster than at its beginning.
#[derive(Debug)]
pub struct Load {
    haste: u32,
    haste_max: u32,
    changed_ms: u64,
    /// When the encoder was last behind.
    behind_ms: u64,
}

impl Load {
    pub fn new(haste_max: u32) -> Self {
        Load { haste: 0, haste_max, changed_ms: 0, behind_ms: 0 }
    }

    /// Takes the number of frames that wait for the encoder. Returns the new number of steps if it
    /// changes.
    pub fn judge(&mut self, waiting: u32, time_ms: u64) -> Option<u32> {
        let is_behind = waiting >= HURRY_FRAMES;
        if is_behind {
            self.behind_ms = time_ms;
        }
        let since_change_ms = time_ms.saturating_sub(self.changed_ms);
        let is_first = self.changed_ms == 0;
        if is_behind
            && self.haste < self.haste_max
            && (is_first || since_change_ms >= HURRY_STEP_MS)
        {
            self.haste += 1;
        } else if self.haste > 0
            && time_ms.saturating_sub(self.behind_ms) >= RELAX_MS
            && since_change_ms >= RELAX_MS
        {
            self.haste -= 1;
        } else {
            return None;
        }
        self.changed_ms = time_ms;
        Some(self.haste)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn haste_comes_quickly_and_goes_slowly() {
        let mut load = Load::new(2);
        let mut changes = Vec::new();
        for time_ms in (0..40_000).step_by(100) {
            // Behind for four seconds.
            let waiting = if (1_000..5_000).contains(&time_ms) { HURRY_FRAMES } else { 1 };
            if let Some(haste) = load.judge(waiting, time_ms) {
                changes.push((time_ms, haste));
            }
        }
        assert_eq!(changes, [(1_000, 1), (2_000, 2), (14_900, 1), (24_900, 0)]);
    }

    #[test]
    fn an_encoder_at_its_fastest_is_left_alone() {
        let mut load = Load::new(0);
        assert_eq!(load.judge(HURRY_FRAMES * 3, 5_000), None);
    }
}
