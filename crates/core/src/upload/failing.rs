//! Decides what follows from a failed request: a wait, a new session, another plan of the parts, or a stop.

use snaplark_api::Profile;

use super::edited::renumber;
use super::machine::{InFlightRequest, UploadMachine, What};
use super::one::{Slot, UploadState};
use super::picture::stop_of_picture;
use super::resize::{begin_with_limit, part_too_large, version_too_large};
use super::{Failure, RequestId, Step, Stop, UploadAction, UploadChange, Wait};
use crate::{RecordingId, policy};

impl UploadMachine {
    pub(super) fn request_failed(
        &mut self,
        now_ms: u64,
        request: RequestId,
        failure: Failure,
        step: &mut Step,
    ) {
        let Some(InFlightRequest { what, failures_before, .. }) =
            self.requests.get(&request).copied()
        else {
            return;
        };
        let random = self.random();
        let documents_alone = self.offers.is_none();
        let (takes_pieces, part_bytes_max) = (self.takes_pieces(), self.part_bytes_max);
        let offline_wait = self.offline_wait();
        // Such a server was not given an address.
        let failure = match failure {
            Failure::AddressTaken { detail } if documents_alone => Failure::Refused { detail },
            other => other,
        };
        let Some((recording, upload)) = self.answered(request) else { return };
        match what {
            What::Open => upload.opening = None,
            What::Received => upload.asking = None,
            What::Finalize => upload.finalizing = None,
            What::Cut(_) => upload.cutting = None,
            What::Part(index) => {
                let slot = &mut upload.slots[index as usize];
                slot.request = None;
                slot.sent_bytes = 0;
                slot.outdated = false;
            }
        }
        let hold = |upload: &mut UploadState, wait, asked_ms| match what {
            What::Finalize => upload.finalize_gate.fail(now_ms, wait, asked_ms, random),
            What::Open | What::Received | What::Cut(_) => {
                upload.gate.fail(now_ms, wait, asked_ms, random);
            }
            What::Part(index) => {
                upload.slots[index as usize].gate.fail(now_ms, wait, asked_ms, random);
                if upload.gate.failures == failures_before {
                    upload.gate.fail(now_ms, wait, asked_ms, random);
                }
            }
        };
        match failure {
            Failure::Unreachable { .. } | Failure::NotTheApi { .. } => {
                hold(upload, offline_wait, None);
                self.doubt_reach(now_ms);
            }
            Failure::TryAgain { retry_after_ms, .. } => {
                hold(upload, Wait::ServerTrouble, retry_after_ms);
            }
            Failure::RateLimited { retry_after_ms } => {
                hold(upload, Wait::RateLimited, Some(retry_after_ms));
            }
            Failure::StorageFull => hold(upload, Wait::StorageFull, None),
            Failure::AccessDenied => hold(upload, Wait::AccessDenied, None),
            Failure::SignedOut => self.signed_in = false,
            Failure::SessionUnknown => {
                upload.gate.fail(now_ms, Wait::ServerTrouble, None, random);
                upload.forget_session();
                step.changes.push(UploadChange::SessionSet { recording, session: None });
                self.abandon_requests(recording, step);
            }
            // Another address would be another link.
            Failure::AddressTaken { detail } if upload.is_edited => {
                stop(recording, upload, Stop::Refused { detail }, step);
                self.abandon_requests(recording, step);
            }
            Failure::AddressTaken { .. } if upload.taken < policy::ADDRESSES_TAKEN_MAX => {
                upload.gate.fail(now_ms, Wait::ServerTrouble, None, random);
                upload.taken += 1;
                upload.claiming = true;
                upload.link = None;
                step.changes.push(UploadChange::LinkLost { recording });
                step.actions.push(UploadAction::ClaimAnew { recording });
            }
            Failure::PartsMissing { indices } => {
                upload.finalize_gate.fail(now_ms, Wait::ServerTrouble, None, random);
                let count = upload.slots.len() as u32;
                let indices: Vec<u32> = indices.into_iter().filter(|i| *i < count).collect();
                for index in &indices {
                    upload.slots[*index as usize].acknowledged = false;
                }
                step.changes.push(UploadChange::PartsLost { recording, indices });
            }
            Failure::PartRefused { .. }
                if documents_alone
                    && matches!(what, What::Part(1..))
                    && takes_no_cluster(upload) =>
            {
                restart_standalone(recording, upload, step);
                begin_with_limit(recording, upload, part_bytes_max, takes_pieces, step);
                let (server, profile) = (upload.server.clone(), upload.profile);
                self.target.profile = profile;
                self.abandon_requests(recording, step);
                step.actions.push(UploadAction::ProfileLearned { server, profile });
            }
            Failure::PartTooLarge if upload.is_edited => {
                let What::Part(index) = what else { return };
                version_too_large(recording, upload, index, step);
                self.abandon_requests(recording, step);
                step.actions.push(UploadAction::ListAnew { recording });
            }
            failure @ (Failure::PartTooLarge | Failure::SegmentsDamaged { .. })
                if upload.version.is_some() =>
            {
                stop(recording, upload, stop_of_picture(&failure), step);
                self.abandon_requests(recording, step);
            }
            Failure::PartTooLarge => {
                let What::Part(index) = what else { return };
                part_too_large(recording, upload, index, takes_pieces, step);
                let bytes_max = upload.limit.bytes_max;
                self.part_bytes_max = self.part_bytes_max.min(bytes_max);
            }
            Failure::Refused { detail }
            | Failure::PartRefused { detail }
            | Failure::AddressTaken { detail } => {
                stop(recording, upload, Stop::Refused { detail }, step);
                self.abandon_requests(recording, step);
            }
            Failure::NewerVersion { served, .. }
                if upload.is_edited && upload.tried < policy::VERSIONS_TRIED_MAX =>
            {
                upload.gate.fail(now_ms, Wait::ServerTrouble, None, random);
                renumber(recording, upload, served, step);
                self.abandon_requests(recording, step);
            }
            Failure::NewerVersion { served, detail } => {
                stop(recording, upload, Stop::NewerVersion { served, detail }, step);
                self.abandon_requests(recording, step);
            }
            Failure::SegmentsDamaged { segments } if upload.mending => {
                let detail = format!("segments {segments:?}");
                stop(recording, upload, Stop::DamagedOnServer { detail }, step);
                self.abandon_requests(recording, step);
            }
            Failure::SegmentsDamaged { segments } => {
                let carries = |slot: &&mut Slot| {
                    slot.part.segments().any(|segment| segments.contains(&segment))
                };
                upload.slots.iter_mut().filter(carries).for_each(|slot| slot.repairing = true);
                upload.cut_waits |= matches!(what, What::Cut(_));
                step.actions.push(UploadAction::RepairSegments { recording, segments });
            }
            Failure::FileChanged if upload.mending => {
                let detail = String::new();
                stop(recording, upload, Stop::DamagedOnServer { detail }, step);
                self.abandon_requests(recording, step);
            }
            Failure::FileChanged => {
                stop(recording, upload, Stop::FileChanged, step);
                self.abandon_requests(recording, step);
            }
            Failure::FilesMissing { detail } if upload.mending => {
                stop(recording, upload, Stop::DamagedOnServer { detail }, step);
                self.abandon_requests(recording, step);
            }
            Failure::FilesMissing { detail } => {
                stop(recording, upload, Stop::FilesMissing { detail }, step);
                self.abandon_requests(recording, step);
            }
        }
    }
}

pub(super) fn stop(recording: RecordingId, upload: &mut UploadState, why: Stop, step: &mut Step) {
    upload.stop = Some(why.clone());
    step.changes.push(UploadChange::Stopped { recording, stop: Some(why) });
}

/// Returns whether the server may want the header in every part: it has taken no part without one. A server that has
/// taken one refuses for another reason.
fn takes_no_cluster(upload: &UploadState) -> bool {
    let mut bare = upload.slots.iter().skip(1);
    upload.profile == Profile::Spec
        && upload.version.is_none()
        && !upload.is_file()
        && !bare.any(|slot| slot.acknowledged)
}

/// Restarts an upload with the header in every part. A server of the documents that refuses a part which doesn't
/// begin with the header probably validates each part by itself (`mimes:webm` of the implementation guide), so the
/// right profile is found without asking the person. If the server refuses these parts as well, the upload stops.
fn restart_standalone(recording: RecordingId, upload: &mut UploadState, step: &mut Step) {
    let profile = Profile::SpecStandalone;
    let server = upload.server.clone();
    upload.begin_anew(server.clone(), profile);
    upload.open_gates();
    step.changes.push(UploadChange::UploadWanted { recording, server, profile });
}
