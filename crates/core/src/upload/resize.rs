//! Makes parts smaller after a 413, which mostly comes from a proxy before the server.
//!
//! A server that takes parts cut anywhere gets a large segment in pieces. Each other server must get
//! whole segments, so there an upload stops when a single one is too large. A version of an edited recording stops as
//! well, since its list of pieces is durable. Its edit is then published again, with what was learned
//! ([`super::UploadAction::ListAnew`]), unless a single segment is too large.

use snaplark_api::{Framing, Profile};

use super::failing::stop;
use super::machine::UploadMachine;
use super::one::UploadState;
use super::part::PartLimit;
use super::{Step, Stop, UploadChange};
use crate::{RecordingId, policy};

impl UploadMachine {
    /// Returns whether the server reports that parts may be cut anywhere.
    pub(super) fn takes_pieces(&self) -> bool {
        self.offers.as_ref().is_some_and(|offers| offers.parts_cut_anywhere)
    }

    /// Gives a new upload the limit that others to this server have met.
    pub(super) fn begin_with_limit(
        &self,
        recording: RecordingId,
        upload: &mut UploadState,
        step: &mut Step,
    ) {
        if self.part_bytes_max < policy::PART_BYTES_MAX {
            let cuts = self.takes_pieces() && joins_bytes(upload.profile);
            let limit = PartLimit { bytes_max: self.part_bytes_max, cuts };
            learn(recording, upload, limit, step);
        }
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
}

/// Learns from a refused part that parts have to be smaller. The upload stops if they can't be.
pub(super) fn part_too_large(
    recording: RecordingId,
    upload: &mut UploadState,
    index: u32,
    takes_pieces: bool,
    step: &mut Step,
) {
    let part = upload.slots[index as usize].part;
    let cuts = takes_pieces && joins_bytes(upload.profile);
    let is_smallest =
        part.segment_count == 1 && (!cuts || part.size_bytes <= policy::PIECE_BYTES_MIN);
    // The parts of a finished video stay as they are.
    if is_smallest || upload.mending {
        stop(recording, upload, refused(part.size_bytes), step);
        return;
    }
    let bytes_max = (part.size_bytes / 2).max(1).min(upload.limit.bytes_max);
    learn(recording, upload, PartLimit { bytes_max, cuts }, step);
    upload.too_large = Some(upload.too_large.map_or(index, |before| before.min(index)));
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
    learn(recording, upload, PartLimit { bytes_max, cuts: false }, step);
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
    upload.limit = PartLimit { cuts: limit.cuts || upload.limit.cuts, ..limit };
    let PartLimit { bytes_max: part_bytes_max, cuts } = upload.limit;
    step.changes.push(UploadChange::PartBytesLearned { recording, part_bytes_max, cuts });
}

/// Returns whether the server joins the parts' bytes, and does not play each part by itself.
fn joins_bytes(profile: Profile) -> bool {
    profile.framing() == Framing::Stream
}
