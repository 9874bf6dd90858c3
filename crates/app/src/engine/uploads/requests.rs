//! Carries out the upload machines' actions: one task for each request, whose answer comes back as an
//! event.

use std::sync::atomic::Ordering;

use snaplark_api::{Media, PartSize, recording_id_of};
use snaplark_core::RecordingId;
use snaplark_core::upload::{
    Addressee, Failure, MeasuredLine, Receipt, RequestId, UploadAction, UploadEvent,
};
use snaplark_destinations::{
    Address, Completion, OpenedUpload, Opening, ReceivedParts, Sent, WholeItem,
};
use snaplark_store::{Recording, StoreError};
use tracing::{info, warn};

use super::{Context, RequestTask, Uploads, UploadsEvent};
use crate::account;
use crate::imports;
use crate::messages::Message;
use crate::source::{RecordingSource, SourceError};
use snaplark_api::hex;

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
                    let offers = destination.offers();
                    if let PartSize::Fixed(part_bytes) = offers.part_size {
                        let parts_in_flight_max = offers.parts_in_flight_max;
                        let line = MeasuredLine { part_bytes, parts_in_flight_max };
                        let event = UploadEvent::LineMeasured { server: server.clone(), line };
                        let _ = inbox.send(Message::Upload { generation, event }).await;
                    }
                    let event = UploadEvent::ProbeAnswered { server, verdict };
                    let _ = inbox.send(Message::Upload { generation, event }).await;
                });
            }
            UploadAction::OpenSession { request, recording, named } => {
                let Some(destination) = self.destination_of(request) else { return };
                let whole = self.machine.whole(recording);
                let whole =
                    whole.map(|(size_bytes, part_count)| WholeItem { size_bytes, part_count });
                let item = self.item_of(recording);
                let opening = opening(cx, recording, item, named).map(|opening| Opening {
                    whole,
                    picture: self.machine.picture_version(recording),
                    version: self.machine.edited_version(recording),
                    ..opening
                });
                let inbox = cx.inbox.clone();
                self.request(cx, request, Sent::default(), async move {
                    let opening = opening?;
                    let OpenedUpload { session, link } = destination.open(&opening).await?;
                    if let Some(title) = opening.title.filter(|_| item == recording) {
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
            UploadAction::SendPart { request, recording, session, index, part, .. }
                if self.machine.is_file(recording) =>
            {
                self.send_file(cx, request, recording, session, (index, part));
            }
            UploadAction::SendPieces { request, recording, session } => {
                self.send_pieces(cx, request, recording, session);
            }
            UploadAction::SendPart {
                request,
                recording,
                session,
                index,
                part,
                with_init,
                cuts,
            } => {
                let Some(destination) = self.destination_of(request) else { return };
                let item = self.item_of(recording);
                let source = RecordingSource::of_part(&cx.store, item, part.segments());
                let source = source.map_err(unreadable);
                let part_count = self.machine.part_count(recording);
                let sent = Sent::default();
                let counter = sent.clone();
                self.request(cx, request, sent, async move {
                    let source = source?;
                    let bytes = read_part(move || source.part(part, with_init, cuts)).await?;
                    let digest = Receipt(hex(&bytes.sha256));
                    let mut outgoing = bytes.outgoing(index, counter);
                    outgoing.part_count = part_count;
                    let receipt = destination.send(&session, outgoing).await?;
                    // Where nothing else is returned, the digest is kept, by which a version can keep the part.
                    let receipt = if receipt == Receipt::default() { digest } else { receipt };
                    Ok(UploadEvent::PartAcknowledged { request, receipt })
                });
            }
            UploadAction::CutSegment { request, recording, segment, from_bytes, bytes_max } => {
                let item = self.item_of(recording);
                let source = RecordingSource::of_part(&cx.store, item, segment..segment + 1);
                let source = source.map_err(unreadable);
                self.request(cx, request, Sent::default(), async move {
                    let source = source?;
                    let cut = move || source.cut(segment, from_bytes, bytes_max);
                    let pieces = read_part(cut).await?;
                    Ok(UploadEvent::SegmentCut { request, pieces })
                });
            }
            UploadAction::ProfileLearned { server, profile } => {
                info!(profile = profile.name(), "Server takes only parts that begin with a header");
                self.targets.learn_profile(&server, profile);
                if let Err(error) = account::keep_profile(&cx.store, &server, profile) {
                    warn!(%error, "What was learned about a server can't be kept");
                }
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
                let item = self.item_of(recording);
                self.events.push_back(UploadsEvent::Repair(item, segments));
            }
            UploadAction::Finalize { request, recording, session, receipts, duration_ms } => {
                let Some(destination) = self.destination_of(request) else { return };
                let row = row_of(cx, self.item_of(recording));
                let picture = self.machine.picture_version(recording);
                let keeps_parts = self.machine.edited_version(recording).is_some();
                self.request(cx, request, Sent::default(), async move {
                    let row = row?;
                    let (file, media) = (imports::facts(&row), media(&row));
                    let duration_ms =
                        row.imported.as_ref().map_or(duration_ms, |file| file.duration_ms);
                    let title = Some(row.title).filter(|title| !title.is_empty());
                    let end = Completion {
                        file,
                        media,
                        duration_ms,
                        title,
                        receipts,
                        picture,
                        keeps_parts,
                    };
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
                if !self.is_further(recording) {
                    self.events.push_back(UploadsEvent::LinkKnown(recording, link));
                }
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
        self.keep_link_template(cx, &event);
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

fn opening(
    cx: &Context,
    upload: RecordingId,
    item: RecordingId,
    named: bool,
) -> Result<Opening, Failure> {
    let row = row_of(cx, item)?;
    let secret = cx.store.secret(upload).map_err(unreadable)?;
    let id = secret.as_ref().map_or(upload.0, recording_id_of);
    // Address and title go only to servers that report that they support them.
    let address = named.then_some(Address { id, secret });
    let title = Some(row.title.clone()).filter(|title| named && !title.is_empty());
    Ok(Opening {
        item: item.0,
        file: imports::facts(&row),
        whole: None,
        media: media(&row),
        address,
        title,
        picture: None,
        version: None,
    })
}

/// Reads a part, or what is needed of it, on a thread that may block on the disk.
pub(super) async fn read_part<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, Failure> {
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(|error| Failure::FilesMissing { detail: error.to_string() })?.map_err(|error| {
        match error {
            SourceError::Damaged(segments) => Failure::SegmentsDamaged { segments },
            SourceError::Unreadable(error) => Failure::FilesMissing { detail: error.to_string() },
        }
    })
}

/// Returns the row of a recording, a picture, or a video that was brought in.
fn row_of(cx: &Context, recording: RecordingId) -> Result<Recording, Failure> {
    match cx.store.shown(recording).map_err(unreadable)? {
        Some(row) => Ok(row),
        None => cx.store.recording(recording).map_err(unreadable),
    }
}

fn media(row: &Recording) -> Media {
    if let Some(file) = imports::facts(row) {
        return imports::media(row, file);
    }
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
