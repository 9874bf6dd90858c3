//! Pictures: an upload of one part for each version. Opening it makes no request, the part is the upload,
//! its receipt carries the link, and finishing returns that.
//!
//! A picture is never cut and has no init. So a 413 stops it, and damaged bytes, which nothing repairs,
//! stop it too.

use super::machine::{Target, UploadMachine};
use super::one::{Slot, UploadState};
use super::part::Part;
use super::{Failure, Step, Stop, UploadChange};
use crate::RecordingId;

impl UploadMachine {
    /// Returns the version that is uploaded, of a picture or of an edited recording; `None` for others.
    pub(super) fn version(&self, recording: RecordingId, is_edited: bool) -> Option<u32> {
        let upload = self.uploads.get(&recording)?;
        upload.version.filter(|_| upload.is_edited == is_edited)
    }

    /// Begins the upload of a version. A request of an earlier version is aborted; whatever it has done
    /// at the server, the later version replaces it there.
    pub(super) fn want_picture(
        &mut self,
        recording: RecordingId,
        version: u32,
        size_bytes: u64,
        step: &mut Step,
    ) {
        let before = self.uploads.get(&recording);
        if before.is_some_and(|before| before.version == Some(version)) {
            return;
        }
        let Target { server, profile, .. } = self.target.clone();
        let link = match before {
            Some(before) => before.link.clone(),
            None => {
                let server = server.clone();
                step.changes.push(UploadChange::UploadWanted { recording, server, profile });
                None
            }
        };
        self.abandon_requests(recording, step);
        step.changes.push(UploadChange::VersionSet { recording, version });
        let upload = UploadState {
            version: Some(version),
            link,
            segment_bytes: Vec::from([size_bytes]),
            duration_ms: Some(0),
            ..UploadState::new(server, profile)
        };
        self.uploads.insert(recording, upload);
    }
}

impl UploadState {
    /// Plans the one part of a picture, whatever its size is.
    pub(super) fn plan_picture(&mut self) -> Option<(u32, Part)> {
        if !self.slots.is_empty() {
            return None;
        }
        let part = Part::whole(0, 1, *self.segment_bytes.first()?);
        self.slots.push(Slot::new(part, false));
        Some((0, part))
    }
}

/// Returns why a picture's upload stops after a failure that a recording would get past.
pub(super) fn stop_of_picture(failure: &Failure) -> Stop {
    let detail = failure.to_string();
    match failure {
        Failure::NewerVersion { served, .. } => Stop::NewerVersion { served: *served, detail },
        Failure::SegmentsDamaged { .. } | Failure::FilesMissing { .. } => {
            Stop::FilesMissing { detail }
        }
        Failure::FileChanged => Stop::FileChanged,
        Failure::PartTooLarge
        | Failure::Unreachable { .. }
        | Failure::NotTheApi { .. }
        | Failure::SignedOut
        | Failure::SessionUnknown
        | Failure::AddressTaken { .. }
        | Failure::PartsMissing { .. }
        | Failure::RateLimited { .. }
        | Failure::TryAgain { .. }
        | Failure::StorageFull
        | Failure::AccessDenied
        | Failure::Refused { .. }
        | Failure::PartRefused { .. } => Stop::Refused { detail },
    }
}
