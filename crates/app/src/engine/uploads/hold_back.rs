//! Holds back the last seconds of the recording that runs, so that they can be struck before they leave this
//! computer. The upload machine learns of a segment only when it is old enough.
//!
//! Ages are counted in the recording's time, which stands still in a pause: the last seconds of what was recorded
//! are here however long the pause is. All is released when the recording's end is in the rows; a program that dies
//! leaves an ended recording. Others may begin before that, such as copies and shared minutes.

use std::collections::VecDeque;

use snaplark_core::RecordingId;
use snaplark_core::policy::HOLD_BACK_MARGIN_MS;
use snaplark_core::upload::{UploadEvent, UploadRows};
use snaplark_store::{Segment, Struck};

use super::{Context, Uploads};

/// The segments of a recording that has not ended, as far as the upload machine does not know them.
#[derive(Debug, Default)]
pub(super) struct HoldBack {
    /// How many segments of it the machine knows.
    released: u32,
    held: VecDeque<HeldSegment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct HeldSegment {
    size_bytes: u64,
    end_ms: u64,
}

impl HoldBack {
    fn hold(&mut self, size_bytes: u64, end_ms: u64) {
        self.held.push_back(HeldSegment { size_bytes, end_ms });
    }

    /// Takes the next segment that is old enough, and returns its size.
    fn release(&mut self, hold_ms: u64) -> Option<u64> {
        let newest_ms = self.held.back()?.end_ms;
        let margin_ms = if hold_ms == 0 { 0 } else { HOLD_BACK_MARGIN_MS };
        let is_old = |held: &mut HeldSegment| held.end_ms + hold_ms + margin_ms <= newest_ms;
        let held = self.held.pop_front_if(is_old)?;
        self.released += 1;
        Some(held.size_bytes)
    }

    /// Follows a strike. Returns whether the machine knew some of what was struck.
    fn strike(&mut self, struck: &Struck) -> bool {
        let is_known = self.released > struck.untouched;
        self.released = self.released.min(struck.untouched);
        self.held.truncate((struck.untouched - self.released) as usize);
        if let Some(cut) = &struck.cut {
            self.hold(cut.size_bytes, cut.start_ms + cut.duration_ms);
        }
        is_known
    }
}

impl Uploads {
    /// Offers a segment that has its row, now or when it is old enough.
    pub(crate) fn segment_sealed(
        &mut self,
        cx: &Context,
        recording: RecordingId,
        segment: &Segment,
    ) {
        let Some(hold) = self.held.get_mut(&recording) else {
            let size_bytes = segment.size_bytes;
            self.handle(cx, UploadEvent::SegmentSealed { recording, size_bytes });
            return;
        };
        hold.hold(segment.size_bytes, segment.start_ms + segment.duration_ms);
        let hold_ms = u64::from(cx.settings.upload.hold_back_seconds) * 1_000;
        let released: Vec<u64> = std::iter::from_fn(|| hold.release(hold_ms)).collect();
        for size_bytes in released {
            self.handle(cx, UploadEvent::SegmentSealed { recording, size_bytes });
        }
    }

    /// Offers what was held back of a recording that has ended.
    pub(crate) fn release_held(&mut self, cx: &Context, recording: RecordingId) {
        let Some(hold) = self.held.remove(&recording) else { return };
        for HeldSegment { size_bytes, .. } in hold.held {
            self.handle(cx, UploadEvent::SegmentSealed { recording, size_bytes });
        }
    }

    /// Follows a strike that is in the rows. Returns whether some of what was struck had left this computer.
    pub(crate) fn struck(&mut self, cx: &Context, recording: RecordingId, struck: &Struck) -> bool {
        let kept = struck.untouched;
        let was_online = self.machine.has_sent(recording, kept);
        if let Some(hold) = self.held.get_mut(&recording) {
            if hold.strike(struck) {
                self.handle(cx, UploadEvent::SegmentsStruck { recording, kept });
            }
        } else {
            self.handle(cx, UploadEvent::SegmentsStruck { recording, kept });
            if let Some(cut) = &struck.cut {
                self.segment_sealed(cx, recording, cut);
            }
        }
        was_online
    }

    /// Leaves out of the rows what is held back: a machine that is rebuilt from them must not know it.
    pub(super) fn hide_held(&self, rows: &mut [UploadRows]) {
        for row in rows {
            if let Some(hold) = self.held.get(&self.item_of(row.recording)) {
                row.segment_bytes.truncate(hold.released as usize);
            }
        }
    }

    /// Returns how many segments of a recording may be offered now; `None` for all.
    pub(super) fn released_of(&self, recording: RecordingId) -> Option<u32> {
        self.held.get(&recording).map(|hold| hold.released)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn released(hold: &mut HoldBack, hold_ms: u64) -> Vec<u64> {
        std::iter::from_fn(|| hold.release(hold_ms)).collect()
    }

    fn cut(index: u32, start_ms: u64, end_ms: u64) -> Segment {
        let (size_bytes, duration_ms) = (50, end_ms - start_ms);
        Segment { index, size_bytes, start_ms, duration_ms, sha256: [0; 32] }
    }

    #[test]
    fn segments_are_released_when_they_are_older_than_what_is_held_back() {
        let mut hold = HoldBack::default();
        let mut when = Vec::new();
        for n in 0..6 {
            hold.hold(100 + n, (n + 1) * 2_000);
            when.push(released(&mut hold, 4_000));
        }
        // The margin keeps a segment that is just old enough for one more.
        assert_eq!(when, [vec![], vec![], vec![], vec![100], vec![101], vec![102]]);
        assert_eq!(hold.released, 3);
        // The person wants nothing held back any more.
        assert_eq!(released(&mut hold, 0), [103, 104, 105]);
    }

    #[test]
    fn strike_within_what_is_held_back_is_not_known_to_the_machine() {
        let mut hold = HoldBack::default();
        for n in 0..6 {
            hold.hold(100 + n, (n + 1) * 2_000);
            released(&mut hold, 6_000);
        }
        assert_eq!(hold.released, 2);
        let struck = Struck { untouched: 3, cut: Some(cut(3, 6_000, 6_500)) };
        assert!(!hold.strike(&struck));
        let sizes: Vec<u64> = hold.held.iter().map(|held| held.size_bytes).collect();
        assert_eq!((hold.released, sizes), (2, vec![102, 50]));
        // What follows the strike ages as the rest does.
        hold.hold(200, 8_500);
        hold.hold(201, 10_500);
        assert_eq!(released(&mut hold, 6_000), [] as [u64; 0]);
        hold.hold(202, 12_500);
        assert_eq!(released(&mut hold, 6_000), [102]);
    }

    #[test]
    fn strike_beyond_what_is_held_back_takes_back_what_the_machine_knows() {
        let mut hold = HoldBack::default();
        for n in 0..4 {
            hold.hold(100 + n, (n + 1) * 2_000);
            released(&mut hold, 2_000);
        }
        assert_eq!(hold.released, 2);
        assert!(hold.strike(&Struck { untouched: 1, cut: Some(cut(1, 2_000, 3_000)) }));
        assert_eq!((hold.released, hold.held.len()), (1, 1));
        assert!(hold.strike(&Struck { untouched: 0, cut: None }));
        assert_eq!((hold.released, hold.held.len()), (0, 0));
    }
}
