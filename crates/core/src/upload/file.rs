//! Files that a person brought in: an upload of one file that exists already, in pieces of equal size.
//!
//! The pieces take the place of a recording's segments, so parts, receipts, a smaller size after a 413 and resuming
//! are the same. There is no init, and nothing follows: the whole is known from the start.
//! - The pieces of a file are computed from its size alone and are never stored. [`policy::FILE_PIECE_BYTES`] may
//!   not change, since rows name pieces by their numbers.
//! - A file may be cut anywhere. What its bytes mean is no concern of the parts.
//! - A destination that states a largest size is asked for nothing if the file is larger.

use std::ops::Range;

use snaplark_api::{PartSize, Profile, limits};

use super::failing::stop;
use super::machine::{Target, UploadMachine};
use super::one::UploadState;
use super::resize::begin_with_limit;
use super::{Part, Step, Stop, UploadChange};
use crate::{RecordingId, policy};

/// Returns the sizes of a file's pieces.
pub fn file_pieces(size_bytes: u64) -> Vec<u64> {
    let whole = size_bytes / policy::FILE_PIECE_BYTES;
    let rest = size_bytes % policy::FILE_PIECE_BYTES;
    let whole = (0..whole).map(|_| policy::FILE_PIECE_BYTES);
    whole.chain((rest > 0).then_some(rest)).collect()
}

/// Returns the bytes of the file that a part carries.
pub fn file_range(part: &Part) -> Range<u64> {
    let from = u64::from(part.first_segment) * policy::FILE_PIECE_BYTES + part.from_bytes;
    from..from + part.size_bytes
}

/// Returns the size of the parts of a file: that of the profile, or so much more that finalize can list all of them.
pub(super) fn file_part_size(profile: Profile, size_bytes: u64) -> PartSize {
    let usual = match profile.part_size() {
        PartSize::Realtime | PartSize::Multipart => policy::MULTIPART_PART_BYTES_MIN,
        PartSize::Fixed(bytes) => bytes,
    };
    let needed = size_bytes.div_ceil(u64::from(limits::PARTS_MAX));
    let needed = needed.next_multiple_of(policy::FILE_PIECE_BYTES);
    PartSize::Fixed(usual.max(needed))
}

impl UploadMachine {
    /// Begins the upload of a file. One that is there already begins from scratch, under the same address: the file is
    /// another one now, even if its size is the same.
    pub(super) fn want_file(&mut self, recording: RecordingId, size_bytes: u64, step: &mut Step) {
        if self.uploads.get(&recording).is_some_and(|before| before.finished) {
            return;
        }
        self.abandon_requests(recording, step);
        let Target { server, profile, .. } = self.target.clone();
        step.changes.push(UploadChange::UploadWanted {
            recording,
            server: server.clone(),
            profile,
        });
        let mut upload = UploadState {
            file_bytes: Some(size_bytes),
            segment_bytes: file_pieces(size_bytes),
            duration_ms: Some(0),
            ..UploadState::new(server, profile)
        };
        let takes_pieces = self.takes_pieces();
        begin_with_limit(recording, &mut upload, self.part_bytes_max, takes_pieces, step);
        self.uploads.insert(recording, upload);
    }

    /// Stops the uploads that are larger than their servers take, before anything is sent of them.
    pub(super) fn refuse_too_large(&mut self, step: &mut Step) {
        for (recording, upload) in &mut self.uploads {
            let Some(bytes_max) = upload.profile.file_bytes_max() else { continue };
            let is_whole = upload.is_live() && upload.session.is_none() && upload.is_complete();
            if is_whole && upload.total_bytes() + upload.init_bytes > bytes_max {
                stop(*recording, upload, Stop::TooLarge { bytes_max }, step);
            }
        }
    }
}

impl UploadState {
    /// Returns whether it is a file that a person brought in.
    pub(super) fn is_file(&self) -> bool {
        self.file_bytes.is_some()
    }

    /// Returns whether nothing follows.
    pub(super) fn is_complete(&self) -> bool {
        self.duration_ms.is_some()
    }
}
