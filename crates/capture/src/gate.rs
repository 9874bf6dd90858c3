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
pub(crate) enum GateVerdict {
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
pub(crate) struct FrameGate {
    boundaries: Boundaries,
    last_ms: Option<u64>,
    /// When the picture last changed; `None` once it was encoded at high quality.
    changed_ms: Option<u64>,
}

impl FrameGate {
    /// Judges a frame. `is_equal` is true if it equals the last frame that was passed.
    pub(crate) fn judge(&self, time_ms: u64, is_equal: bool) -> GateVerdict {
        if self.boundaries.is_due(time_ms) {
            return GateVerdict::Begin;
        }
        let settled = self.changed_ms.is_some_and(|ms| time_ms >= ms + SETTLE_MS);
        let due = self.last_ms.is_none_or(|last_ms| time_ms >= last_ms + HEARTBEAT_MS);
        match is_equal {
            false => GateVerdict::Encode,
            true if settled => GateVerdict::Settle,
            true if due => GateVerdict::Encode,
            true => GateVerdict::Unchanged,
        }
    }

    /// Records that the frame found room in the encoder's queue. `changed` is true if it differs from
    /// the previous such frame.
    pub(crate) fn passed(&mut self, time_ms: u64, verdict: GateVerdict, changed: bool) {
        self.boundaries.pass(time_ms);
        self.last_ms = Some(time_ms);
        match verdict {
            GateVerdict::Begin | GateVerdict::Settle => self.changed_ms = None,
            GateVerdict::Encode | GateVerdict::Unchanged => {}
        }
        if changed {
            self.changed_ms = Some(time_ms);
        }
    }

    /// Makes the next frame begin a segment, whenever it comes.
    pub(crate) fn begin_segment_next(&mut self) {
        self.boundaries.next_ms = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_follow_the_clock_but_keep_the_minimum_length() {
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
    fn frame_gate_passes_heartbeats_and_boundaries_of_a_still_screen() {
        let mut gate = FrameGate::default();
        let mut passed = Vec::new();
        for time_ms in (0..4_100).step_by(40) {
            let verdict = gate.judge(time_ms, true);
            if verdict != GateVerdict::Unchanged {
                gate.passed(time_ms, verdict, false);
                passed.push(time_ms);
            }
        }
        assert_eq!(passed, [0, 520, 1_040, 1_560, 2_000, 2_520, 3_040, 3_560, 4_000]);
    }

    #[test]
    fn frame_gate_passes_a_settled_picture_once_more() {
        let mut gate = FrameGate::default();
        let mut settled = Vec::new();
        for time_ms in (0..4_000).step_by(40) {
            // Ten pictures a second until 1 s, then one at 1.2 s and at 2.8 s.
            let changed =
                time_ms < 1_000 && time_ms % 120 == 0 || [1_200, 2_800].contains(&time_ms);
            let verdict = gate.judge(time_ms, !changed);
            match verdict {
                GateVerdict::Settle => settled.push(time_ms),
                GateVerdict::Begin | GateVerdict::Encode | GateVerdict::Unchanged => {}
            }
            if verdict != GateVerdict::Unchanged {
                gate.passed(time_ms, verdict, changed);
            }
        }
        assert_eq!(settled, [1_160, 1_400, 3_000]);
    }

    #[test]
    fn frame_gate_repeats_a_boundary_that_found_no_room() {
        let mut gate = FrameGate::default();
        gate.passed(0, GateVerdict::Begin, false);
        assert_eq!(gate.judge(33, true), GateVerdict::Unchanged);
        assert_eq!(gate.judge(66, false), GateVerdict::Encode);
        // It found no room: a boundary that was due stays due.
        assert_eq!(gate.judge(2_000, true), GateVerdict::Begin);
        assert_eq!(gate.judge(2_033, true), GateVerdict::Begin);
        gate.passed(2_033, GateVerdict::Begin, false);
        assert_eq!(gate.judge(2_066, true), GateVerdict::Unchanged);
        gate.begin_segment_next();
        assert_eq!(gate.judge(2_099, true), GateVerdict::Begin);
    }
}
