//! Decides what the machine does next. Called after every event; finds everything that is due now.

use snaplark_api::{Capabilities, link_of_template};
use uuid::Uuid;

use super::machine::{InFlightRequest, UploadMachine, What, know_link};
use super::one::UploadState;
use super::{Reachability, RequestId, Step, UploadAction, UploadChange};
use crate::{RecordingId, policy};

impl UploadMachine {
    pub(super) fn advance(&mut self, now_ms: u64, step: &mut Step) {
        self.advanced_ms = now_ms;
        self.drop_too_large(step);
        if self.reach == Reachability::Online {
            self.refuse_versions(step);
        }
        self.refuse_too_large(step);
        self.plan_parts(step);
        self.cut_segments(step);
        self.know_links(step);
        if self.wants_probe() && self.probe.due_ms.is_some_and(|due_ms| due_ms <= now_ms) {
            self.probe.in_flight = true;
            self.probe.due_ms = None;
            step.actions.push(UploadAction::Probe { server: self.target.server.clone() });
        }
        if self.reach == Reachability::Online && self.signed_in {
            self.renew_struck(step);
            self.ask_received(now_ms, step);
            self.finalize_one(now_ms, step);
            self.open_one(now_ms, step);
            self.send_parts(now_ms, step);
        }
    }

    fn plan_parts(&mut self, step: &mut Step) {
        let (line, is_online) = (self.line, self.reach == Reachability::Online);
        for (recording, upload) in self.uploads.iter_mut().filter(|(_, upload)| upload.is_live()) {
            upload.line = line;
            if upload.fits_line() && line.is_none() && !is_online {
                // The first answer of the server may bring a measurement.
                continue;
            }
            while let Some((index, part)) = upload.plan() {
                step.changes.push(UploadChange::PartPlanned { recording: *recording, index, part });
            }
        }
    }

    fn know_links(&mut self, step: &mut Step) {
        if self.offers.is_none() && self.kept_template.is_none() {
            return;
        }
        for (recording, upload) in self.uploads.iter_mut() {
            if upload.link.is_none()
                && upload.is_live()
                && !upload.claiming
                && let id = self.claims.get(recording).copied().unwrap_or(recording.0)
                && let Some(link) = match (&self.offers, &self.kept_template) {
                    (Some(offers), _) => link_beforehand(offers, upload, id),
                    (None, Some(template)) if !upload.is_picture() => {
                        link_of_template(template, &id.to_string())
                    }
                    (None, _) => None,
                }
            {
                know_link(*recording, upload, link, step);
            }
        }
    }

    fn finalize_one(&mut self, now_ms: u64, step: &mut Step) {
        if self.requests.values().any(|request| request.what == What::Finalize) {
            return;
        }
        let ready = |upload: &UploadState| upload.wants_finalize(now_ms);
        let Some(recording) = self.next_in_turn(ready) else { return };
        let request = self.request(recording, What::Finalize);
        let Some(upload) = self.uploads.get_mut(&recording) else { return };
        let (Some(session), Some(duration_ms)) = (upload.session.clone(), upload.duration_ms)
        else {
            return;
        };
        upload.finalizing = Some(request);
        let receipts = upload.slots.iter().map(|slot| slot.receipt.clone()).collect();
        step.actions.push(UploadAction::Finalize {
            request,
            recording,
            session,
            receipts,
            duration_ms,
        });
    }

    /// Asks which parts the server has, after a restart or after the rows were rebuilt, or sends the list of a version's
    /// pieces. A server of the documents alone can't be asked: what isn't known to be there is sent to it again, and it
    /// treats each part as the one that it has.
    fn ask_received(&mut self, now_ms: u64, step: &mut Step) {
        while let Some(recording) = self.next_in_turn(|upload| upload.wants_received(now_ms)) {
            let is_edited = self.uploads.get(&recording).is_some_and(|upload| upload.is_edited);
            if self.offers.is_none() && !is_edited {
                self.with(recording, |upload| upload.rebuilt = false);
                step.changes.push(UploadChange::PartsKnown { recording });
                continue;
            }
            let request = self.request(recording, What::Received);
            let Some(upload) = self.uploads.get_mut(&recording) else { return };
            let Some(session) = upload.session.clone() else { return };
            upload.asking = Some(request);
            step.actions.push(match is_edited {
                true => UploadAction::SendPieces { request, recording, session },
                false => UploadAction::AskReceived { request, recording, session },
            });
        }
    }

    fn open_one(&mut self, now_ms: u64, step: &mut Step) {
        if self.requests.values().any(|request| request.what == What::Open) {
            return;
        }
        let Some(recording) = self.next_in_turn(|upload| upload.wants_session(now_ms)) else {
            return;
        };
        let request = self.request(recording, What::Open);
        self.with(recording, |upload| upload.opening = Some(request));
        let named = self.offers.is_some();
        step.actions.push(UploadAction::OpenSession { request, recording, named });
    }

    fn send_parts(&mut self, now_ms: u64, step: &mut Step) {
        let is_part = |request: &&InFlightRequest| matches!(request.what, What::Part(_));
        let mut free = policy::PARTS_IN_FLIGHT_MAX
            .saturating_sub(self.requests.values().filter(is_part).count());
        while free > 0 {
            let ready = |upload: &UploadState| upload.sendable_part(now_ms).is_some();
            let Some(recording) = self.next_in_turn(ready) else { return };
            let Some(index) = self.uploads[&recording].sendable_part(now_ms) else { return };
            let request = self.request(recording, What::Part(index));
            let Some(upload) = self.uploads.get_mut(&recording) else { return };
            let Some(session) = upload.session.clone() else { return };
            let with_init = upload.with_init(index);
            let slot = &mut upload.slots[index as usize];
            slot.request = Some(request);
            slot.sent_bytes = 0;
            let (part, cuts) = (slot.part, upload.limit.cuts);
            upload.left_until = upload.left_until.max(part.segments().end);
            step.actions.push(UploadAction::SendPart {
                request,
                recording,
                session,
                index,
                part,
                with_init,
                cuts,
            });
            self.turn = Some(recording);
            free -= 1;
        }
    }

    /// Returns the first upload that is ready, after the one that was served last.
    fn next_in_turn(&self, ready: impl Fn(&UploadState) -> bool) -> Option<RecordingId> {
        let after = |id: &RecordingId| self.turn.is_none_or(|turn| *id > turn);
        let (late, early): (Vec<_>, Vec<_>) = self
            .uploads
            .iter()
            .filter(|(_, upload)| ready(upload) && !self.is_held(upload))
            .map(|(id, _)| *id)
            .partition(after);
        late.into_iter().chain(early).next()
    }

    pub(super) fn request(&mut self, recording: RecordingId, what: What) -> RequestId {
        let request = RequestId(self.next_request);
        self.next_request += 1;
        let failures_before = self.uploads.get(&recording).map_or(0, |upload| upload.gate.failures);
        self.requests.insert(request, InFlightRequest { recording, what, failures_before });
        request
    }
}

/// Returns the link that an upload will have, if the server makes it from the id.
fn link_beforehand(offers: &Capabilities, upload: &UploadState, id: Uuid) -> Option<String> {
    match upload.is_picture() {
        false => offers.link(&id.to_string()),
        true => offers.screenshot_link(&id.to_string()),
    }
}
