//! Applies a strike to an upload: the last segments of a recording that runs are gone.
//!
//! Their parts are dropped from the plan. What is recorded next gets their numbers, and its bytes replace theirs
//! at the server, whose session is still open; parts that remain above the last number are not part of the video.
//! No document says that a part may be replaced, so a server of the documents alone gets a new session, also after a
//! restart: until then the upload is marked as [`struck`](super::UploadRows::struck).

use std::collections::BTreeSet;

use super::machine::{UploadMachine, What};
use super::machines::UploadMachines;
use super::one::UploadState;
use super::{RequestId, Step, UploadAction, UploadChange};
use crate::RecordingId;

impl UploadMachines {
    /// Returns whether bytes of the segments from index `first` on may have left this computer: a part of them was
    /// being sent at any time, or the machines were rebuilt from rows, which don't say that.
    pub fn has_sent(&self, recording: RecordingId, first: u32) -> bool {
        let upload = self.of(recording).and_then(|machine| machine.uploads.get(&recording));
        upload.is_some_and(|upload| upload.left_until > first)
    }
}

impl UploadMachine {
    pub(super) fn segments_struck(&mut self, recording: RecordingId, kept: u32, step: &mut Step) {
        let Some(upload) = self.uploads.get_mut(&recording) else { return };
        upload.segment_bytes.truncate(kept as usize);
        // The pieces that come may be of a segment that is gone.
        let cutting = upload.cutting.take();
        let was_sent = upload.left_until > kept;
        upload.left_until = upload.left_until.min(kept);
        upload.struck |= was_sent && upload.session.is_some();
        let Some(from) = upload.slots.iter().position(|slot| slot.part.segments().end > kept)
        else {
            self.abort_cut(cutting, step);
            return;
        };
        let aborted = drop_parts(upload, from);
        upload.too_large = upload.too_large.filter(|index| (*index as usize) < from);
        step.changes.push(UploadChange::PartsDropped { recording, from: from as u32 });
        self.abort(&aborted, step);
        self.abort_cut(cutting, step);
    }

    /// Gives marked uploads a new session if the server, which has answered, is one of the documents alone.
    pub(super) fn renew_struck(&mut self, step: &mut Step) {
        if self.offers.is_some() {
            return;
        }
        let is_due = |upload: &UploadState| upload.struck && upload.is_live();
        let due: Vec<RecordingId> =
            self.uploads.iter().filter(|(_, upload)| is_due(upload)).map(|(id, _)| *id).collect();
        for recording in due {
            self.abandon_requests(recording, step);
            self.with(recording, UploadState::forget_session);
            step.changes.push(UploadChange::SessionSet { recording, session: None });
        }
    }

    fn abort(&mut self, aborted: &BTreeSet<RequestId>, step: &mut Step) {
        let is_aborted =
            |id: &RequestId, what: What| aborted.contains(id) && matches!(what, What::Part(_));
        self.requests.retain(|id, request| !is_aborted(id, request.what));
        step.actions
            .extend(aborted.iter().map(|request| UploadAction::Abort { request: *request }));
    }
}

/// Drops the parts from that one on. Returns their requests.
fn drop_parts(upload: &mut UploadState, from: usize) -> BTreeSet<RequestId> {
    upload.slots.drain(from..).filter_map(|slot| slot.request).collect()
}
