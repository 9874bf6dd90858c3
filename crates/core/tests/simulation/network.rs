//! Injects the faults between the client and a server, and makes the server's refusals.

use snaplark_api::{Capabilities, VideoCapabilities};
use snaplark_core::upload::{Failure, ProbeVerdict, SegmentCuts, UploadAction, UploadEvent};
use snaplark_core::{SessionId, policy};

use crate::frames::PLACEHOLDER_BYTES;
use crate::server::pieces;
use crate::world::{Happening, World};

impl World {
    /// Returns the server that a request goes to, found as the app finds it.
    pub(crate) fn site_of(&self, action: &UploadAction) -> usize {
        let server = match action {
            UploadAction::Probe { server } => Some(server.as_str()),
            UploadAction::OpenSession { request, .. }
            | UploadAction::AskReceived { request, .. }
            | UploadAction::SendPieces { request, .. }
            | UploadAction::SendPart { request, .. }
            | UploadAction::Finalize { request, .. } => self.machine.server_of(*request),
            UploadAction::Abort { .. }
            | UploadAction::ClaimAnew { .. }
            | UploadAction::ListAnew { .. }
            | UploadAction::RepairSegments { .. }
            | UploadAction::CutSegment { .. }
            | UploadAction::ProfileLearned { .. }
            | UploadAction::TellLink { .. } => unreachable!("never sent"),
        };
        self.sites.named(server.expect("a request of this life"))
    }

    pub(crate) fn send(&mut self, action: UploadAction) {
        let (life, site) = (self.life, self.site_of(&action));
        if !self.sites.all[site].is_outage && self.fault() && self.random.permille(60) {
            self.sites.all[site].is_outage = true;
            self.outcome.outages += 1;
            let lengths = [3_000, 60_000, 600_000, 6 * 3_600_000];
            let length_ms = lengths[self.random.below(4) as usize];
            self.after(length_ms, Happening::OutageEnds { site });
        }
        let latency_ms = self.random.between(5, 2_000);
        if self.sites.all[site].is_outage || (self.fault() && self.random.permille(300)) {
            let slow = self.random.permille(300);
            let delay_ms = if slow { policy::NO_PROGRESS_MS_MAX } else { latency_ms };
            let lost = lost();
            self.after(delay_ms, Happening::Client { life, event: failed(&action, lost) });
            return;
        }
        if self.fault() && self.random.permille(100) {
            let late_ms = latency_ms + self.random.below(60_000);
            self.after(
                late_ms,
                Happening::Server { site, life, action: action.clone(), reply: false },
            );
        }
        self.after(latency_ms, Happening::Server { site, life, action, reply: true });
    }

    pub(crate) fn serve(&mut self, site: usize, life: u64, action: UploadAction, reply: bool) {
        let event = match self.refusal(site, &action, reply) {
            Some(failure) => failed(&action, failure),
            None => self.process(site, life, &action),
        };
        if !reply {
            return;
        }
        let latency_ms = self.random.between(5, 2_000);
        if self.fault() && self.random.permille(400) {
            self.outcome.replies_lost += 1;
            let wrong_echo = Failure::NotTheApi { detail: "wrong echo".into() };
            let failure = if self.random.permille(300) { wrong_echo } else { lost() };
            self.after(latency_ms, Happening::Client { life, event: failed(&action, failure) });
        } else {
            self.after(latency_ms, Happening::Client { life, event });
        }
    }

    /// Returns the refusal that the server answers with instead of doing it.
    fn refusal(&mut self, site: usize, action: &UploadAction, reply: bool) -> Option<Failure> {
        let is_request = !matches!(action, UploadAction::Probe { .. }) && reply;
        if is_request && !self.sites.all[site].token_works {
            return Some(Failure::SignedOut);
        }
        if !is_request || !self.fault() {
            return None;
        }
        match self.random.below(12) {
            0..=3 => {
                let status = [500, 502, 503, 504][self.random.below(4) as usize];
                let asked = self.random.permille(200);
                let retry_after_ms = asked.then(|| self.random.between(0, 120_000));
                let detail = format!("status {status}");
                Some(Failure::TryAgain { detail, retry_after_ms })
            }
            4..=5 => {
                let retry_after_ms = self.random.between(0, 30_000);
                Some(Failure::RateLimited { retry_after_ms })
            }
            6 => Some(Failure::NotTheApi { detail: "a portal".into() }),
            7 if self.random.permille(300) => {
                self.sites.all[site].token_works = false;
                let delay_ms = self.random.between(1_000, 3_600_000);
                self.after(delay_ms, Happening::SignIn { site });
                Some(Failure::SignedOut)
            }
            8 if self.random.permille(100) => {
                self.outcome.refused += 1;
                Some(Failure::Refused { detail: "no".into() })
            }
            9..=10 => {
                self.lose_something(site, action);
                None
            }
            _ => None,
        }
    }

    fn lose_something(&mut self, site: usize, action: &UploadAction) {
        let (session, parts) = match action {
            UploadAction::SendPart { session, index, .. } => (session, *index),
            UploadAction::Finalize { session, receipts, .. } => (session, receipts.len() as u32),
            UploadAction::Probe { .. }
            | UploadAction::OpenSession { .. }
            | UploadAction::AskReceived { .. }
            | UploadAction::SendPieces { .. }
            | UploadAction::ClaimAnew { .. }
            | UploadAction::ListAnew { .. }
            | UploadAction::RepairSegments { .. }
            | UploadAction::CutSegment { .. }
            | UploadAction::ProfileLearned { .. }
            | UploadAction::Abort { .. }
            | UploadAction::TellLink { .. } => return,
        };
        if self.random.permille(300) {
            self.outcome.sessions_lost +=
                u64::from(self.sites.all[site].server.lose_session(session));
        } else if parts > 0 {
            let index = self.random.below(u64::from(parts)) as u32;
            self.outcome.parts_lost +=
                u64::from(self.sites.all[site].server.lose_part(session, index));
        }
    }

    fn process(&mut self, site: usize, life: u64, action: &UploadAction) -> UploadEvent {
        let server = &mut self.sites.all[site].server;
        match action.clone() {
            UploadAction::Probe { server: address } => {
                let template = address.replace("/api/v1", "/videos/{recordingId}");
                let capabilities = server.knows_recordings.then(|| Capabilities {
                    server: Capabilities::SERVER.into(),
                    version: String::new(),
                    framings: Vec::new(),
                    part_bytes_max: server.part_bytes_max,
                    parts_in_flight_max: 2,
                    parts_cut_anywhere: server.takes_pieces,
                    link_template: Some(template),
                    sign_in: None,
                    screenshots: None,
                    videos: server.part_bytes.is_none().then_some(VideoCapabilities {
                        versions: true,
                        pieces_max: 10_000,
                        chapters_max: 500,
                        piece_runs: true,
                    }),
                });
                let verdict = ProbeVerdict::Online { capabilities };
                UploadEvent::ProbeAnswered { server: address, verdict }
            }
            UploadAction::OpenSession { request, recording, .. }
                if self.edited_requests.contains_key(&(life, request.0)) =>
            {
                let version = self.edited_requests[&(life, request.0)].version;
                match server.open_version(recording, version) {
                    Ok(session) => UploadEvent::SessionOpened { request, session, link: None },
                    Err(failure) => UploadEvent::RequestFailed { request, failure },
                }
            }
            UploadAction::SendPieces { request, session, .. } => {
                match server.list_pieces(&session, &self.edited_requests[&(life, request.0)].list) {
                    Ok((kept, missing)) => {
                        self.outcome.pieces_kept += kept;
                        UploadEvent::PiecesListed { request, missing }
                    }
                    Err(failure) => UploadEvent::RequestFailed { request, failure },
                }
            }
            UploadAction::SendPart { request, session, index, part, .. }
                if self.edited_requests.contains_key(&(life, request.0)) =>
            {
                let content = self.edited_requests[&(life, request.0)].content.clone();
                match server.take_part(&session, index, part, SegmentCuts::None, content) {
                    Ok(receipt) => UploadEvent::PartAcknowledged { request, receipt },
                    Err(failure) => UploadEvent::RequestFailed { request, failure },
                }
            }
            UploadAction::Finalize { request, session, .. }
                if server.sessions.get(&session.0).is_some_and(|it| it.list.is_some()) =>
            {
                match server.finalize_version(&session) {
                    Ok(()) => {
                        self.outcome.edits_shown += 1;
                        UploadEvent::Finalized { request, link: None }
                    }
                    Err(failure) => UploadEvent::RequestFailed { request, failure },
                }
            }
            UploadAction::OpenSession { request, recording, named } => {
                let session = server.open(recording, named);
                UploadEvent::SessionOpened { request, session, link: None }
            }
            UploadAction::AskReceived { request, session, .. } => {
                assert!(server.knows_recordings, "a server of the documents was asked");
                match server.received(&session) {
                    Ok((parts, finished)) => {
                        UploadEvent::PartsReceived { request, parts, finished }
                    }
                    Err(failure) => UploadEvent::RequestFailed { request, failure },
                }
            }
            UploadAction::SendPart { request, recording, session, with_init, .. }
                if session.0.starts_with("picture-") =>
            {
                assert!(!with_init, "a picture has no init");
                let version = session.0["picture-".len()..].parse().unwrap();
                match server.take_picture(recording, version) {
                    Ok(receipt) => {
                        self.outcome.versions_shown += 1;
                        UploadEvent::PartAcknowledged { request, receipt }
                    }
                    Err(failure) => UploadEvent::RequestFailed { request, failure },
                }
            }
            UploadAction::SendPart {
                request,
                recording,
                session,
                index,
                mut part,
                with_init,
                cuts,
            } => {
                let is_replaced = |segment| self.replaced.contains(&(recording, segment));
                let content = pieces(part, with_init, is_replaced);
                if cuts == SegmentCuts::Frames && part.segments().all(is_replaced) {
                    part.size_bytes = PLACEHOLDER_BYTES;
                }
                match server.take_part(&session, index, part, cuts, content) {
                    Ok(receipt) => UploadEvent::PartAcknowledged { request, receipt },
                    Err(failure) => UploadEvent::RequestFailed { request, failure },
                }
            }
            UploadAction::Finalize { request, session, receipts, .. } => {
                match server.finalize(&session, &receipts) {
                    Ok(()) => {
                        let SessionId(id) = session;
                        UploadEvent::Finalized { request, link: Some(format!("http://host/{id}")) }
                    }
                    Err(failure) => UploadEvent::RequestFailed { request, failure },
                }
            }
            UploadAction::Abort { .. }
            | UploadAction::ClaimAnew { .. }
            | UploadAction::ListAnew { .. }
            | UploadAction::RepairSegments { .. }
            | UploadAction::CutSegment { .. }
            | UploadAction::ProfileLearned { .. }
            | UploadAction::TellLink { .. } => {
                unreachable!("never sent")
            }
        }
    }
}

fn lost() -> Failure {
    Failure::Unreachable { detail: "lost".into() }
}

fn failed(action: &UploadAction, failure: Failure) -> UploadEvent {
    match action {
        UploadAction::Probe { server } => UploadEvent::ProbeAnswered {
            server: server.clone(),
            verdict: ProbeVerdict::Offline { detail: format!("{failure:?}") },
        },
        UploadAction::OpenSession { request, .. }
        | UploadAction::AskReceived { request, .. }
        | UploadAction::SendPieces { request, .. }
        | UploadAction::SendPart { request, .. }
        | UploadAction::Finalize { request, .. } => {
            UploadEvent::RequestFailed { request: *request, failure }
        }
        UploadAction::Abort { .. }
        | UploadAction::ClaimAnew { .. }
        | UploadAction::ListAnew { .. }
        | UploadAction::RepairSegments { .. }
        | UploadAction::CutSegment { .. }
        | UploadAction::ProfileLearned { .. }
        | UploadAction::TellLink { .. } => {
            unreachable!("never sent")
        }
    }
}
