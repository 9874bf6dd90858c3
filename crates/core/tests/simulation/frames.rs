//! A model of segments that are cut at their frames: all frames of a segment are of the same size.

use snaplark_core::RecordingId;
use snaplark_core::upload::{Failure, RequestId, SegmentPiece, UploadEvent};

use crate::world::{Happening, World};

const FRAMES: u64 = 16;
/// The size of a placeholder without its Void.
pub const PLACEHOLDER_BYTES: u64 = 1_000;

impl World {
    /// Answers the request for a segment's pieces, as the app does: after a while, and from its file.
    pub(crate) fn cut_segment(
        &mut self,
        request: RequestId,
        recording: RecordingId,
        segment: u32,
        from_bytes: u64,
        bytes_max: u64,
    ) {
        let event = if self.damaged.contains(&(recording, segment)) {
            let failure = Failure::SegmentsDamaged { segments: vec![segment] };
            UploadEvent::RequestFailed { request, failure }
        } else if self.replaced.contains(&(recording, segment)) {
            let piece = SegmentPiece { to_bytes: None, size_bytes: PLACEHOLDER_BYTES };
            UploadEvent::SegmentCut { request, pieces: vec![piece] }
        } else {
            let rows = self.client.store().segments(recording).unwrap();
            let pieces = pieces(rows[segment as usize].size_bytes, from_bytes, bytes_max);
            self.outcome.segments_cut += 1;
            UploadEvent::SegmentCut { request, pieces }
        };
        let (life, delay_ms) = (self.life, self.random.between(1, 50));
        self.after(delay_ms, Happening::Client { life, event });
    }
}

fn pieces(segment_bytes: u64, from_bytes: u64, bytes_max: u64) -> Vec<SegmentPiece> {
    let frame_bytes = segment_bytes.div_ceil(FRAMES);
    let piece_bytes = (bytes_max / frame_bytes).max(1) * frame_bytes;
    let mut pieces = Vec::new();
    let mut at = from_bytes;
    while at < segment_bytes {
        let size_bytes = piece_bytes.min(segment_bytes - at);
        at += size_bytes;
        pieces.push(SegmentPiece { to_bytes: (at < segment_bytes).then_some(at), size_bytes });
    }
    pieces
}
