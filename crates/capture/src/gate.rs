//! Decides which pictures of the screen go to the encoder, and which of those begin a segment. Pure: it
//! takes times and returns decisions.

use crate::policy::{HEARTBEAT_MS, SEGMENT_MS, SEGMENT_MS_MIN, SETTLE_MS};

/// Decides which frames begin a segment: the first at or after each multiple of `SEGMENT_MS`.
#[derive(Clone, Debug, Default)]
struct Boundaries {
    next_ms: u64,
}

impl Boundaries {
    fn is_due(&self, time_ms: u64) -> bool {
        time_ms >= self.next_ms
    }

    fn pass(&mut self, time_ms: u64) {
        if self.is_due(time_ms) {
            self.next_ms = (time_ms + SEGMENT_MS_MIN).div_ceil(SEGMENT_MS) * SEGMENT_MS;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Encode it as the first frame of a segment.
    Begin,
    Encode,
    /// Encode it again at high quality: it changed, and has stood still since.
    Settle,
    /// Equal to the last frame that was encoded, so nothing is encoded.
    Unchanged,
}

/// Passes frames that differ from the last one passed, the beginning of each segment, a heartbeat, and
/// once more a picture that stands still after a change.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    boundaries: Boundaries,
    last_ms: Option<u64>,
    /// When the picture last changed; `None` once it was encoded at high quality.
    changed_ms: Option<u64>,
}

impl Gate {
    /// Judges a frame. `is_equal` is true if it equals the last frame that was passed.
    pub fn judge(&self, time_ms: u64, is_equal: bool) -> Verdict {
        if self.boundaries.is_due(time_ms) {
            return Verdict::Begin;
        }
        let settled = self.changed_ms.is_some_and(|ms| time_ms >= ms + SETTLE_MS);
        let due = self.last_ms.is_none_or(|last_ms| time_ms >= last_ms + HEARTBEAT_MS);
        match is_equal {
            false => Verdict::Encode,
            true if settled => Verdict::Settle,
            true if due => Verdict::Encode,
            true => Verdict::Unchanged,
        }
    }

    /// Records that the frame found room in the encoder's queue. `changed` is true if it differs from
    /// the previous such frame.
    pub fn passed(&mut self, time_ms: u64, verdict: Verdict, changed: bool) {
        self.boundaries.pass(time_ms);
        self.last_ms = Some(time_ms);
        match verdict {
            Verdict::Begin | Verdict::Settle => self.changed_ms = None,
            Verdict::Encode | Verdict::Unchanged => {}
        }
        if changed {
            self.changed_ms = Some(time_ms);
        }
    }

    /// Makes the next frame begin a segment, whenever it comes.
    pub fn break_off(&mut self) {
        self.boundaries.next_ms = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_keep_to_the_clock_but_not_too_near() {
        let mut boundaries = Boundaries::default();
        let mut begun = Vec::new();
        for time_ms in [0, 33, 1_999, 2_001, 3_990, 4_010, 7_900, 8_030, 10_000] {
            if boundaries.is_due(time_ms) {
                begun.push(time_ms);
            }
            boundaries.pass(time_ms);
        }
        // The segment of 6 s began late at 7.9 s, so none begins at 8 s.
        assert_eq!(begun, [0, 2_001, 4_010, 7_900, 10_000]);
    }

    #[test]
    fn a_still_screen_passes_heartbeats_and_boundaries() {
        let mut gate = Gate::default();
        let mut passed = Vec::new();
        for time_ms in (0..4_100).step_by(40) {
            let verdict = gate.judge(time_ms, true);
            if verdict != Verdict::Unchanged {
                gate.passed(time_ms, verdict, false);
                passed.push(time_ms);
            }
        }
        assert_eq!(passed, [0, 520, 1_040, 1_560, 2_000, 2_520, 3_040, 3_560, 4_000]);
    }

    #[test]
    fn what_changed_and_stands_still_passes_once_more() {
        let mut gate = Gate::default();
        let mut settled = Vec::new();
        for time_ms in (0..4_000).step_by(40) {
            // Ten pictures a second until 1 s, then one at 1.2 s and at 2.8 s.
            let changed =
                time_ms < 1_000 && time_ms % 120 == 0 || [1_200, 2_800].contains(&time_ms);
            let verdict = gate.judge(time_ms, !changed);
            match verdict {
                Verdict::Settle => settled.push(time_ms),
                Verdict::Begin | Verdict::Encode | Verdict::Unchanged => {}
            }
            if verdict != Verdict::Unchanged {
                gate.passed(time_ms, verdict, changed);
            }
        }
        assert_eq!(settled, [1_160, 1_400, 3_000]);
    }

    #[test]
    fn a_change_passes_at_once_and_a_lost_frame_is_tried_again() {
        let mut gate = Gate::default();
        gate.passed(0, Verdict::Begin, false);
        assert_eq!(gate.judge(33, true), Verdict::Unchanged);
        assert_eq!(gate.judge(66, false), Verdict::Encode);
        // It found no room: a boundary that was due stays due.
        assert_eq!(gate.judge(2_000, true), Verdict::Begin);
        assert_eq!(gate.judge(2_033, true), Verdict::Begin);
        gate.passed(2_033, Verdict::Begin, false);
        assert_eq!(gate.judge(2_066, true), Verdict::Unchanged);
        gate.break_off();
        assert_eq!(gate.judge(2_099, true), Verdict::Begin);
    }
}
