//! Makes parts smaller after a 413, which mostly comes from a proxy before the server.
//!
//! A server that takes parts cut anywhere gets a large segment in pieces of equal size, and so does each server the
//! pieces of a file. Each other server gets a segment in clusters of fewer frames. Where these are is in the
//! segment's bytes, so the machine asks for them ([`UploadAction::CutSegment`]) before it plans the pieces. The
//! upload stops where even the smallest piece, or a single frame, is too large. A version of an edited recording
//! stops as well, since its list of pieces is durable. Its edit is then published again, with what was learned
//! ([`UploadAction::ListAnew`]), unless a single segment is too large.

use snaplark_api::{Framing, PartSize};

use super::failing::stop;
use super::machine::{UploadMachine, What};
use super::one::{Slot, UploadState};
use super::part::{Part, PartLimit, SegmentCuts};
use super::{RequestId, Step, Stop, UploadAction, UploadChange};
use crate::{RecordingId, policy};

/// A piece of a segment that is cut at frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentPiece {
    /// Where it ends in the segment; `None` at the segment's end.
    pub to_bytes: Option<u64>,
    /// How many bytes are sent of it.
    pub size_bytes: u64,
}

/// A segment whose pieces are not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WantedCut {
    pub segment: u32,
    pub from_bytes: u64,
    pub bytes_max: u64,
}

impl UploadMachine {
    /// Returns whether the server reports that parts may be cut anywhere.
    pub(super) fn takes_pieces(&self) -> bool {
        self.offers.as_ref().is_some_and(|offers| offers.parts_cut_anywhere)
    }

    /// Drops refused parts and those after them, which are then planned anew. While one of these is in
    /// flight, this waits: an answer to the old one must not count for the new one of the same number.
    pub(super) fn drop_too_large(&mut self, step: &mut Step) {
        for (recording, upload) in self.uploads.iter_mut().filter(|(_, upload)| upload.is_live()) {
            let Some(from) = upload.too_large else { continue };
            if upload.slots.iter().any(|slot| slot.request.is_some() || slot.repairing) {
                continue;
            }
            upload.too_large = None;
            upload.slots.truncate(from as usize);
            step.changes.push(UploadChange::PartsDropped { recording: *recording, from });
        }
    }

    /// Asks for the pieces of segments that have to be cut at frames.
    pub(super) fn cut_segments(&mut self, step: &mut Step) {
        let is_due = |upload: &UploadState| {
            upload.is_live()
                && upload.cutting.is_none()
                && !upload.cut_waits
                && upload.too_large.is_none()
        };
        let uploads = self.uploads.iter().filter(|(_, upload)| is_due(upload));
        let wanted = uploads.filter_map(|(id, upload)| Some((*id, upload.wanted_cut()?)));
        for (recording, cut) in wanted.collect::<Vec<_>>() {
            let request = self.request(recording, What::Cut(cut));
            self.with(recording, |upload| upload.cutting = Some(request));
            let WantedCut { segment, from_bytes, bytes_max } = cut;
            step.actions.push(UploadAction::CutSegment {
                request,
                recording,
                segment,
                from_bytes,
                bytes_max,
            });
        }
    }

    /// Plans the pieces of a segment. If the plan has changed meanwhile, they are asked for again. A piece that is as
    /// large as what was refused is a single frame.
    pub(super) fn segment_cut(
        &mut self,
        request: RequestId,
        pieces: &[SegmentPiece],
        step: &mut Step,
    ) {
        let Some(What::Cut(cut)) = self.requests.get(&request).map(|request| request.what) else {
            return;
        };
        let Some((recording, upload)) = self.answered(request) else { return };
        upload.cutting = None;
        if upload.wanted_cut() != Some(cut) || upload.too_large.is_some() || !upload.is_live() {
            return;
        }
        let too_large = pieces.iter().find(|piece| piece.size_bytes >= upload.refused_bytes);
        if let Some(piece) = too_large {
            stop(recording, upload, refused(piece.size_bytes), step);
            self.abandon_requests(recording, step);
            return;
        }
        let mut from_bytes = cut.from_bytes;
        for SegmentPiece { to_bytes, size_bytes } in pieces {
            let part = Part {
                from_bytes,
                to_bytes: *to_bytes,
                ..Part::whole(cut.segment, 1, *size_bytes)
            };
            let index = upload.slots.len() as u32;
            upload.slots.push(Slot::new(part, false));
            step.changes.push(UploadChange::PartPlanned { recording, index, part });
            from_bytes = part.next().1;
        }
    }

    /// Forgets a request for pieces, whose segment has changed.
    pub(super) fn abort_cut(&mut self, cutting: Option<RequestId>, step: &mut Step) {
        let Some(request) = cutting else { return };
        self.requests.remove(&request);
        step.actions.push(UploadAction::Abort { request });
    }
}

/// Gives an upload that begins the limit that uploads to this server have met.
pub(super) fn begin_with_limit(
    recording: RecordingId,
    upload: &mut UploadState,
    bytes_max: u64,
    takes_pieces: bool,
    step: &mut Step,
) {
    if bytes_max < policy::PART_BYTES_MAX {
        let cuts = cuts(upload, takes_pieces);
        learn(recording, upload, PartLimit { bytes_max, cuts }, step);
    }
}

/// Learns from a refused part that parts have to be smaller. The upload stops if they can't be.
pub(super) fn part_too_large(
    recording: RecordingId,
    upload: &mut UploadState,
    index: u32,
    takes_pieces: bool,
    step: &mut Step,
) {
    if let Some(bytes) = upload.equal_part_bytes() {
        return equal_part_too_large(recording, upload, bytes, index, step);
    }
    let part = upload.slots[index as usize].part;
    upload.refused_bytes = upload.refused_bytes.min(part.size_bytes);
    let cuts = cuts(upload, takes_pieces);
    let is_smallest = part.segment_count == 1
        && (cuts == SegmentCuts::None || part.size_bytes <= policy::PIECE_BYTES_MIN);
    // The parts of a finished video stay as they are.
    if is_smallest || upload.mending {
        stop(recording, upload, refused(part.size_bytes), step);
        return;
    }
    let bytes_max = (part.size_bytes / 2).max(1).min(upload.limit.bytes_max);
    learn(recording, upload, PartLimit { bytes_max, cuts }, step);
    upload.too_large = Some(upload.too_large.map_or(index, |before| before.min(index)));
}

/// Learns a smaller size for all parts, which have to be of one size. So that is possible only while none is stored.
fn equal_part_too_large(
    recording: RecordingId,
    upload: &mut UploadState,
    bytes: u64,
    index: u32,
    step: &mut Step,
) {
    let part_bytes = upload.slots[index as usize].part.size_bytes + upload.init_bytes_of(index);
    if part_bytes > bytes {
        // It is of the plan before, which is dropped as soon as nothing of it is in flight.
        return;
    }
    let bytes_max = (bytes / 2).max(upload.profile.fixed_part_bytes_min());
    let is_any_stored = upload.slots.iter().any(|slot| slot.acknowledged);
    if is_any_stored || bytes_max >= bytes || upload.mending {
        stop(recording, upload, refused(part_bytes), step);
        return;
    }
    let cuts = upload.limit.cuts;
    learn(recording, upload, PartLimit { bytes_max, cuts }, step);
    upload.too_large = Some(0);
}

/// Learns from a refused part of an edited version, and stops its upload. The smallest limit is learned at once, so
/// that the next list is taken if any is. It holds for this recording alone.
pub(super) fn version_too_large(
    recording: RecordingId,
    upload: &mut UploadState,
    index: u32,
    step: &mut Step,
) {
    let part_bytes = upload.slots[index as usize].part.size_bytes;
    let bytes_max = upload.limit.bytes_max.min(policy::PIECE_BYTES_MIN);
    learn(recording, upload, PartLimit { bytes_max, cuts: SegmentCuts::None }, step);
    stop(recording, upload, refused(part_bytes), step);
}

fn refused(part_bytes: u64) -> Stop {
    let detail = format!(
        "no part of {part_bytes} bytes is taken (413). If there is a proxy before the server, its limit has to be \
         raised to 11 MB (nginx: client_max_body_size 11m)"
    );
    Stop::Refused { detail }
}

fn learn(recording: RecordingId, upload: &mut UploadState, limit: PartLimit, step: &mut Step) {
    upload.limit = PartLimit { cuts: kept_cuts(upload).unwrap_or(limit.cuts), ..limit };
    let PartLimit { bytes_max: part_bytes_max, cuts } = upload.limit;
    step.changes.push(UploadChange::PartBytesLearned { recording, part_bytes_max, cuts });
}

/// Returns how an upload's segments are cut already. It stays so, since pieces of both kinds don't fit together.
fn kept_cuts(upload: &UploadState) -> Option<SegmentCuts> {
    Some(upload.limit.cuts).filter(|cuts| *cuts != SegmentCuts::None)
}

/// Returns where segments are cut that are too large for an upload's server.
fn cuts(upload: &UploadState, takes_pieces: bool) -> SegmentCuts {
    let joins_bytes = upload.profile.framing() == Framing::Stream;
    let has_segments =
        matches!(upload.profile.part_size(), PartSize::Realtime | PartSize::Multipart);
    match kept_cuts(upload) {
        Some(cuts) => cuts,
        // Its bytes are joined whatever they mean.
        None if upload.is_file() => SegmentCuts::AnyByte,
        None if takes_pieces && joins_bytes => SegmentCuts::AnyByte,
        None if has_segments && upload.version.is_none() => SegmentCuts::Frames,
        None => SegmentCuts::None,
    }
}
