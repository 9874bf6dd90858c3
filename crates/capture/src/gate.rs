//! Which pictures of the screen go to the encoder, and which of those begin a segment. Pure: times
//! come in, decisions come out.

use crate::policy::{HEARTBEAT_MS, SEGMENT_MS, SEGMENT_MS_MIN};

/// Says which frames begin a segment: the first at or after each multiple of `SEGMENT_MS`.
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
    /// As the first frame of a segment.
    Begin,
    Encode,
    /// Equal to the last one that was encoded, which goes on standing for it.
    Unchanged,
}

/// Lets through what differs from the last frame that went through, the beginning of each segment,
/// and a heartbeat.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    boundaries: Boundaries,
    last_ms: Option<u64>,
}

impl Gate {
    /// `is_equal` compares with the last frame that went through; it is not asked where the frame
    /// goes on anyway.
    pub fn judge(&self, time_ms: u64, is_equal: impl FnOnce() -> bool) -> Verdict {
        if self.boundaries.is_due(time_ms) {
            return Verdict::Begin;
        }
        let due = self.last_ms.is_none_or(|last_ms| time_ms >= last_ms + HEARTBEAT_MS);
        if due || !is_equal() { Verdict::Encode } else { Verdict::Unchanged }
    }

    /// The frame found room in the encoder's queue.
    pub fn passed(&mut self, time_ms: u64) {
        self.boundaries.pass(time_ms);
        self.last_ms = Some(time_ms);
    }

    /// What comes next begins a segment, whenever it comes.
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
        // 7.9 s is late for 6 s, so 8 s begins nothing.
        assert_eq!(begun, [0, 2_001, 4_010, 7_900, 10_000]);
    }

    #[test]
    fn a_still_screen_passes_heartbeats_and_boundaries() {
        let mut gate = Gate::default();
        let mut passed = Vec::new();
        for time_ms in (0..4_100).step_by(40) {
            if gate.judge(time_ms, || true) != Verdict::Unchanged {
                gate.passed(time_ms);
                passed.push(time_ms);
            }
        }
        assert_eq!(passed, [0, 520, 1_040, 1_560, 2_000, 2_520, 3_040, 3_560, 4_000]);
    }

    #[test]
    fn a_change_passes_at_once_and_a_lost_frame_is_tried_again() {
        let mut gate = Gate::default();
        gate.passed(0);
        assert_eq!(gate.judge(33, || true), Verdict::Unchanged);
        assert_eq!(gate.judge(66, || false), Verdict::Encode);
        // It found no room: a boundary that was due stays due.
        assert_eq!(gate.judge(2_000, || true), Verdict::Begin);
        assert_eq!(gate.judge(2_033, || true), Verdict::Begin);
        gate.passed(2_033);
        assert_eq!(gate.judge(2_066, || true), Verdict::Unchanged);
        gate.break_off();
        assert_eq!(gate.judge(2_099, || true), Verdict::Begin);
    }
}
