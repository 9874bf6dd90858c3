//! Carries out the upload machine's actions: one task for each request, whose answer comes back as an
//! event.

use std::sync::atomic::Ordering;

use snaplark_api::{FinalizeRequest, InitRequest, Media, Profile, recording_id_of};
use snaplark_core::upload::{Action, Event, Failure, RequestId, Target};
use snaplark_core::{RecordingId, SessionId};
use snaplark_store::{Recording, Secret, StoreError};
use tracing::{error, info, warn};

use super::{Engine, Request, Write};
use crate::messages::Message;
use crate::source::Source;
use crate::uplink::Sent;

/// The kind of the entry in the recording's health list, and its default English text.
const LINK_CHANGED: &str = "link-changed";
const LINK_CHANGED_WORDS: &str = "The link that was known before the upload began was taken by \
    somebody else. The recording has another link now: share that one";

impl Engine {
    pub(super) fn tell_machine(&mut self, event: Event) {
        if self.uplink.is_none() {
            return;
        }
        let step = self.machine.handle(self.now_ms(), event);
        self.unwritten.push_back(Write::Step(step));
        if self.unwritten.len() == 1 {
            self.write();
        }
    }

    /// Wants a recording uploaded. Its address is known before anything is sent and may be handed out,
    /// because only someone who knows the secret behind it can claim it.
    pub(super) fn want_upload(&mut self, recording: RecordingId) {
        match self.store.secret(recording) {
            Ok(Some(secret)) => {
                let id = recording_id_of(&secret);
                self.tell_machine(Event::Claimed { recording, id });
            }
            Ok(None) => self.claim(recording),
            Err(error) => warn!(%recording, %error, "A recording's secret can't be read"),
        }
        self.tell_machine(Event::UploadWanted { recording });
    }

    /// Gives a recording a new address, whether or not it has one.
    pub(super) fn claim(&mut self, recording: RecordingId) {
        let mut secret = Secret::default();
        let made = getrandom::fill(&mut secret)
            .map_err(|error| error.to_string())
            .and_then(|()| self.store.set_secret(recording, &secret).map_err(|e| e.to_string()));
        match made {
            Ok(()) => {
                let id = recording_id_of(&secret);
                self.tell_machine(Event::Claimed { recording, id });
            }
            // The recording's own id serves as its address, as in earlier versions.
            Err(error) => warn!(%recording, error, "A recording gets no secret of its own"),
        }
    }

    fn claim_anew(&mut self, recording: RecordingId) {
        info!(%recording, "Address of a recording was taken; it gets another");
        if let Err(error) = self.store.note_health(recording, 0, LINK_CHANGED, LINK_CHANGED_WORDS) {
            warn!(%recording, %error, "A changed link can't be noted");
        }
        self.claim(recording);
    }

    pub(super) fn offer_init(&mut self, recording: RecordingId) {
        match self.store.recording(recording) {
            Ok(row) => {
                self.tell_machine(Event::InitSealed { recording, size_bytes: row.init_bytes });
            }
            Err(error) => error!(%recording, %error, "A recording that has begun can't be read"),
        }
    }

    /// Offers all of a recording that has ended already.
    pub(super) fn offer_whole(&mut self, recording: RecordingId) {
        let (Ok(row), Ok(segments)) =
            (self.store.recording(recording), self.store.segments(recording))
        else {
            return;
        };
        self.tell_machine(Event::InitSealed { recording, size_bytes: row.init_bytes });
        for segment in segments {
            self.tell_machine(Event::SegmentSealed { recording, size_bytes: segment.size_bytes });
        }
        self.tell_machine(Event::RecordingEnded { recording, duration_ms: row.duration_ms });
    }

    pub(super) fn act(&mut self, action: Action) {
        let Some(uplink) = self.uplink.clone() else { return };
        let generation = self.generation;
        match action {
            Action::Probe => {
                let inbox = self.inbox.clone();
                tokio::spawn(async move {
                    let verdict = uplink.probe().await;
                    let event = Event::ProbeAnswered { verdict };
                    let _ = inbox.send(Message::Upload { generation, event }).await;
                });
            }
            Action::OpenSession { request, recording, named } => {
                let body = self.init_request(recording, named);
                let inbox = self.inbox.clone();
                self.request(request, Sent::default(), async move {
                    let body = body?;
                    let (session, link) = uplink.open_session(&body).await?;
                    if let Some(title) = body.title {
                        let _ = inbox.send(Message::TitleKnown { recording, title }).await;
                    }
                    Ok(Event::SessionOpened { request, session, link })
                });
            }
            Action::SendPart { request, recording, session, index, part, with_init } => {
                let segments = part.first_segment..part.end();
                let source = Source::of_part(&self.store, recording, segments.clone());
                let source = source.map_err(unreadable);
                let sent = Sent::default();
                let counter = sent.clone();
                self.request(request, sent, async move {
                    let source = source?;
                    let read = move || source.part(segments, with_init);
                    uplink.send_part(&session, index, read, counter).await?;
                    Ok(Event::PartAcknowledged { request })
                });
            }
            Action::AskReceived { request, session, .. } => {
                self.request(request, Sent::default(), async move {
                    let indices = uplink.received(&session).await?;
                    Ok(Event::PartsReceived { request, indices })
                });
            }
            Action::ClaimAnew { recording } => self.claim_anew(recording),
            Action::RepairSegments { recording, segments } => self.repair(recording, segments),
            Action::Finalize { request, recording, session, part_count, duration_ms } => {
                let body = self.finalize_request(recording, session, part_count, duration_ms);
                self.request(request, Sent::default(), async move {
                    let link = uplink.finalize(&body?).await?;
                    Ok(Event::Finalized { request, link })
                });
            }
            Action::Abort { request } => {
                if let Some(request) = self.requests.remove(&request) {
                    request.task.abort();
                }
            }
            Action::TellLink { recording, link, .. } => self.copy_link(recording, link),
        }
    }

    pub(super) fn request(
        &mut self,
        request: RequestId,
        sent: Sent,
        exchange: impl Future<Output = Result<Event, Failure>> + Send + 'static,
    ) {
        let (inbox, generation) = (self.inbox.clone(), self.generation);
        let task = tokio::spawn(async move {
            let event = exchange.await.unwrap_or_else(|failure| {
                info!(?failure, "A request failed");
                Event::RequestFailed { request, failure }
            });
            let _ = inbox.send(Message::Upload { generation, event }).await;
        });
        self.requests.insert(request, Request { task: task.abort_handle(), sent });
    }

    pub(super) fn note_progress(&mut self) {
        let sent: Vec<(RequestId, u64)> = self
            .requests
            .iter()
            .map(|(id, request)| (*id, request.sent.load(Ordering::Relaxed)))
            .collect();
        for (request, sent_bytes) in sent {
            self.tell_machine(Event::PartProgressed { request, sent_bytes });
        }
    }

    pub(super) fn source(&self, recording: RecordingId) -> Result<Source, StoreError> {
        Source::new(&self.store, recording)
    }

    pub(super) fn init_request(
        &self,
        recording: RecordingId,
        named: bool,
    ) -> Result<InitRequest, Failure> {
        let row = self.store.recording(recording).map_err(unreadable)?;
        let account = self.account.as_ref();
        let profile = account.map(|account| account.profile).unwrap_or(Profile::Spec);
        let secret = self.store.secret(recording).map_err(unreadable)?.filter(|_| named);
        let id = secret.as_ref().map_or(recording.0, recording_id_of);
        let body = InitRequest::new(profile, &media(&row), named.then_some(id));
        // The title goes only to servers that report what they support, as the id does.
        let title = Some(row.title).filter(|title| named && !title.is_empty());
        Ok(InitRequest { title, recording_secret: secret.map(|secret| hex(&secret)), ..body })
    }

    pub(super) fn finalize_request(
        &self,
        recording: RecordingId,
        session: SessionId,
        part_count: u32,
        duration_ms: u64,
    ) -> Result<FinalizeRequest, Failure> {
        let init = self.init_request(recording, false)?;
        let account = self.account.as_ref();
        let profile = account.map(|account| account.profile).unwrap_or(Profile::Spec);
        Ok(FinalizeRequest::new(profile, session.0, part_count, duration_ms, &init))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn media(row: &Recording) -> Media {
    Media {
        filename: format!("recording_{}.webm", row.started_text),
        started_text: row.started_text.clone(),
        started_unix_ms: row.started_unix_ms,
        fps: row.fps,
        bitrate: u64::from(row.bitrate_bits),
        width: row.width,
        height: row.height,
    }
}

fn unreadable(error: StoreError) -> Failure {
    Failure::FilesMissing { detail: error.to_string() }
}

/// Returns the target without an account. Nothing is ever sent, so its address is never used.
pub(super) fn no_target() -> Target {
    let profile = Profile::Spec;
    Target { server: String::new(), profile, is_this_computer: false }
}

pub(super) fn request_of(event: &Event) -> Option<RequestId> {
    match event {
        Event::SessionOpened { request, .. }
        | Event::PartAcknowledged { request }
        | Event::Finalized { request, .. }
        | Event::PartsReceived { request, .. }
        | Event::RequestFailed { request, .. } => Some(*request),
        Event::PartProgressed { .. }
        | Event::UploadWanted { .. }
        | Event::Claimed { .. }
        | Event::InitSealed { .. }
        | Event::SegmentSealed { .. }
        | Event::RecordingEnded { .. }
        | Event::SegmentsRepaired { .. }
        | Event::SegmentsLost { .. }
        | Event::ServerDamaged { .. }
        | Event::ProbeAnswered { .. }
        | Event::NetworkHinted
        | Event::SystemResumed
        | Event::LinkMetered { .. }
        | Event::MeteredChosen { .. }
        | Event::RetryAsked { .. }
        | Event::PauseAsked { .. }
        | Event::ResumeAsked { .. }
        | Event::Forgotten { .. }
        | Event::Woke => None,
    }
}
