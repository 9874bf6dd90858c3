//! Decides what damage does to an upload: of segments at the client, and of parts at the server.

use super::failing::stop;
use super::machine::UploadMachine;
use super::one::{Slot, UploadState};
use super::{Step, Stop, UploadChange, UploadRows};
use crate::RecordingId;

impl UploadMachine {
    /// Sizes are not committed: rows compute a part's size from its segments. `replaced` segments have
    /// other bytes now. Pieces of such a segment that were sent before are sent again, or the server
    /// would join half of one with half of the other. Where parts have a fixed size, those from the first that
    /// isn't of that size any more are planned anew.
    pub(super) fn segments_repaired(
        &mut self,
        recording: RecordingId,
        sizes: &[(u32, u64)],
        replaced: &[u32],
        step: &mut Step,
    ) {
        let Some(upload) = self.uploads.get_mut(&recording).filter(|upload| !upload.is_edited)
        else {
            return;
        };
        // The pieces that come may be of the bytes before.
        upload.cut_waits = false;
        let cutting = upload.cutting.take();
        for (segment, size_bytes) in sizes {
            let Some(known) = upload.segment_bytes.get_mut(*segment as usize) else { continue };
            *known = *size_bytes;
            let carries = |slot: &&mut Slot| slot.part.segments().contains(segment);
            for slot in upload.slots.iter_mut().filter(carries) {
                slot.repairing = false;
                slot.part = slot.part.measured(&upload.segment_bytes);
            }
        }
        if upload.finished || upload.mending {
            self.abort_cut(cutting, step);
            return;
        }
        let mut indices = Vec::new();
        for (index, slot) in (0..).zip(&mut upload.slots) {
            if replaced.iter().any(|segment| slot.part.cuts(*segment)) {
                slot.outdated = slot.request.is_some();
                if std::mem::take(&mut slot.acknowledged) {
                    indices.push(index);
                }
            }
        }
        let misfit = upload.first_misfit();
        upload.too_large = upload.too_large.into_iter().chain(misfit).min();
        if !indices.is_empty() {
            step.changes.push(UploadChange::PartsLost { recording, indices });
        }
        self.abort_cut(cutting, step);
    }

    pub(super) fn segments_lost(
        &mut self,
        recording: RecordingId,
        detail: String,
        step: &mut Step,
    ) {
        let Some(upload) = self.uploads.get_mut(&recording).filter(|upload| upload.is_live())
        else {
            return;
        };
        upload.slots.iter_mut().for_each(|slot| slot.repairing = false);
        upload.cut_waits = false;
        stop(recording, upload, Stop::FilesMissing { detail }, step);
        self.abandon_requests(recording, step);
    }

    /// Reopens a finished upload to replace damaged parts. The same session accepts a part again if its
    /// bytes are unchanged, and then confirms the video once more.
    pub(super) fn server_damaged(&mut self, rows: UploadRows, indices: Vec<u32>, step: &mut Step) {
        let recording = rows.recording;
        let known = self.uploads.get(&recording).is_some_and(|upload| upload.finished);
        let parts = rows.parts.len() as u32;
        let indices: Vec<u32> = indices.into_iter().filter(|index| *index < parts).collect();
        if !known || rows.session.is_none() || indices.is_empty() {
            return;
        }
        let mut upload =
            UploadState::from_rows(UploadRows { finished: false, mending: true, ..rows });
        for index in &indices {
            upload.slots[*index as usize].acknowledged = false;
        }
        self.uploads.insert(recording, upload);
        step.changes.push(UploadChange::Reopened { recording, indices });
    }
}
