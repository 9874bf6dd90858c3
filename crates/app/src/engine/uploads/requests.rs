//! Carries out the upload machines' actions: one task for each request, whose answer comes back as an
//! event.

use std::sync::atomic::Ordering;

use snaplark_api::{Media, recording_id_of};
use snaplark_core::RecordingId;
use snaplark_core::upload::{Addressee, Failure, Receipt, RequestId, UploadAction, UploadEvent};
use snaplark_destinations::{Address, Completion, OpenedUpload, Opening, ReceivedParts, Sent};
use snaplark_store::{Recording, StoreError};
use tracing::info;

use super::{Context, RequestTask, Uploads, UploadsEvent};
use crate::cuts::publish::hex;
use crate::messages::Message;
use crate::source::{PartBytes, RecordingSource, SourceError};

impl Uploads {
    /// Carries out an action of a step whose changes are committed.
    pub(crate) fn act(&mut self, cx: &Context, action: UploadAction) {
        match action {
            UploadAction::Probe { server } => {
                let Some(target) = self.targets.at(&server) else { return };
                let (destination, inbox) = (target.destination.clone(), cx.inbox.clone());
                let generation = self.generation;
                tokio::spawn(async move {
                    let verdict = destination.probe().await;
                    let event = UploadEvent::ProbeAnswered { server, verdict };
                    let _ = inbox.send(Message::Upload { generation, event }).await;
                });
            }
            UploadAction::OpenSession { request, recording, named } => {
                let Some(destination) = self.destination_of(request) else { return };
                let opening = opening(cx, recording, named).map(|opening| Opening {
                    picture: self.machine.picture_version(recording),
                    version: self.machine.edited_version(recording),
                    ..opening
                });
                let inbox = cx.inbox.clone();
                self.request(cx, request, Sent::default(), async move {
                    let opening = opening?;
                    let OpenedUpload { session, link } = destination.open(&opening).await?;
                    if let Some(title) = opening.title {
                        let _ = inbox.send(Message::TitleKnown { recording, title }).await;
                    }
                    Ok(UploadEvent::SessionOpened { request, session, link })
                });
            }
            UploadAction::SendPart { request, recording, session, .. }
                if self.machine.picture_version(recording).is_some() =>
            {
                self.send_picture(cx, request, recording, session);
            }
            UploadAction::SendPart { request, recording, session, index, with_init, .. }
                if self.machine.edited_version(recording).is_some() =>
            {
                self.send_edited(cx, request, recording, session, (index, with_init));
            }
            UploadAction::SendPieces { request, recording, session } => {
                self.send_pieces(cx, request, recording, session);
            }
            UploadAction::SendPart { request, recording, session, index, part, with_init } => {
                let Some(destination) = self.destination_of(request) else { return };
                let source = RecordingSource::of_part(&cx.store, recording, part.segments());
                let source = source.map_err(unreadable);
                let sent = Sent::default();
                let counter = sent.clone();
                self.request(cx, request, sent, async move {
                    let source = source?;
                    let bytes = read_part(move || source.part(part, with_init)).await?;
                    let digest = Receipt(hex(&bytes.sha256));
                    let receipt =
                        destination.send(&session, bytes.outgoing(index, counter)).await?;
                    // Where nothing else is returned, the digest is kept, by which a version can keep the part.
                    let receipt = if receipt == Receipt::default() { digest } else { receipt };
                    Ok(UploadEvent::PartAcknowledged { request, receipt })
                });
            }
            UploadAction::AskReceived { request, session, .. } => {
                let Some(destination) = self.destination_of(request) else { return };
                self.request(cx, request, Sent::default(), async move {
                    let ReceivedParts { parts, finished } = destination.received(&session).await?;
                    Ok(UploadEvent::PartsReceived { request, parts, finished })
                });
            }
            UploadAction::ClaimAnew { recording } => self.claim_anew(cx, recording),
            UploadAction::ListAnew { recording } => {
                self.events.push_back(UploadsEvent::ListAnew(recording));
            }
            UploadAction::RepairSegments { recording, segments } => {
                self.events.push_back(UploadsEvent::Repair(recording, segments));
            }
            UploadAction::Finalize { request, recording, session, receipts, duration_ms } => {
                let Some(destination) = self.destination_of(request) else { return };
                let media = cx.store.recording(recording).map(|row| media(&row));
                let picture = self.machine.picture_version(recording);
                self.request(cx, request, Sent::default(), async move {
                    let media = media.map_err(unreadable)?;
                    let end = Completion { media, duration_ms, receipts, picture };
                    let link = destination.finish(&session, &end).await?;
                    Ok(UploadEvent::Finalized { request, link })
                });
            }
            UploadAction::Abort { request } => {
                if let Some(request) = self.requests.remove(&request) {
                    request.task.abort();
                }
            }
            UploadAction::TellLink { recording, link, finished } => {
                // A picture that was renamed meanwhile can be renamed there only now.
                if finished {
                    self.send_titles_soon(cx);
                }
                self.events.push_back(UploadsEvent::LinkKnown(recording, link));
            }
        }
    }

    /// Receives the answer to a request. Answers to requests of an earlier account are ignored.
    pub(crate) fn answered(&mut self, cx: &Context, generation: u64, event: UploadEvent) {
        if generation != self.generation {
            return;
        }
        if let Some(request) = request_of(&event) {
            self.requests.remove(&request);
        }
        self.handle(cx, event);
    }

    /// Returns whether requests are under way.
    pub(crate) fn are_requests_under_way(&self) -> bool {
        !self.requests.is_empty()
    }

    /// Notes how much of the parts that are being sent has gone out.
    pub(crate) fn note_progress(&mut self, cx: &Context) {
        let sent: Vec<(RequestId, u64)> = self
            .requests
            .iter()
            .map(|(id, request)| (*id, request.sent.load(Ordering::Relaxed)))
            .collect();
        for (request, sent_bytes) in sent {
            self.handle(cx, UploadEvent::PartProgressed { request, sent_bytes });
        }
    }

    pub(super) fn request(
        &mut self,
        cx: &Context,
        request: RequestId,
        sent: Sent,
        exchange: impl Future<Output = Result<UploadEvent, Failure>> + Send + 'static,
    ) {
        let (inbox, generation) = (cx.inbox.clone(), self.generation);
        let task = tokio::spawn(async move {
            let event = exchange.await.unwrap_or_else(|failure| {
                info!(?failure, "A request failed");
                UploadEvent::RequestFailed { request, failure }
            });
            let _ = inbox.send(Message::Upload { generation, event }).await;
        });
        self.requests.insert(request, RequestTask { task: task.abort_handle(), sent });
    }
}

fn opening(cx: &Context, recording: RecordingId, named: bool) -> Result<Opening, Failure> {
    let row = cx.store.recording(recording).map_err(unreadable)?;
    let secret = cx.store.secret(recording).map_err(unreadable)?;
    let id = secret.as_ref().map_or(recording.0, recording_id_of);
    // Address and title go only to servers that report that they support them.
    let address = named.then_some(Address { id, secret });
    let title = Some(row.title.clone()).filter(|title| named && !title.is_empty());
    Ok(Opening { media: media(&row), address, title, picture: None, version: None })
}

/// Reads a part on a thread that may block on the disk.
pub(super) async fn read_part(
    read: impl FnOnce() -> Result<PartBytes, SourceError> + Send + 'static,
) -> Result<PartBytes, Failure> {
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(|error| Failure::FilesMissing { detail: error.to_string() })?.map_err(|error| {
        match error {
            SourceError::Damaged(segments) => Failure::SegmentsDamaged { segments },
            SourceError::Unreadable(error) => Failure::FilesMissing { detail: error.to_string() },
        }
    })
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

pub(super) fn unreadable(error: StoreError) -> Failure {
    Failure::FilesMissing { detail: error.to_string() }
}

/// Returns the request that an event ends.
fn request_of(event: &UploadEvent) -> Option<RequestId> {
    match event.addressee() {
        Addressee::Request(_) if matches!(event, UploadEvent::PartProgressed { .. }) => None,
        Addressee::Request(request) => Some(request),
        Addressee::Upload(_) | Addressee::Server(_) | Addressee::Everyone => None,
    }
}
