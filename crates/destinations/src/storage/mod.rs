//! Servers of the "Video Upload Server Implementation Guide" (seed 003): a whole video by an address of its own, where
//! the server offers one, or in chunks.
//!
//! ```text
//! GET  /api/storage/get-direct-upload-url?fileName&contentType  ->  {url, uploadUrl}, then PUT uploadUrl
//! POST /api/storage/init-chunked-upload      {fileName, fileSize, contentType, totalChunks}  ->  {uploadId}
//! POST /api/storage/upload-chunk             uploadId, chunkIndex, chunk (form)
//! GET  /api/storage/upload-status?uploadId   ->  {status, receivedChunks, url?}
//! POST /api/storage/complete-chunked-upload  {uploadId, fileName, contentType}  ->  {url}
//! GET  /api/storage/network-test?size
//! ```
//!
//! - A direct upload is one request, which can't be resumed and is in memory as a whole. So only a file that is a
//!   single part goes up that way (`direct`), and a larger one in chunks.
//! - The document's server counts a chunk that comes twice as two, and then never completes. So no chunk is sent twice
//!   with the same bytes, and one whose answer was lost only if the status doesn't list it.
//! - The network test chooses size and number of parts once for each connection to a server (`line`).
//! - The document has neither pictures, versions nor titles.

mod direct;
mod line;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use reqwest::multipart::{Form, Part as FormPart};
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde_json::json;
use snaplark_api::untrusted::{NAME_CHARS_MAX, is_web_link, plain_line};
use snaplark_api::{Framing, PartSize, Profile, limits};
use snaplark_core::SessionId;
use snaplark_core::upload::{Failure, MeasuredLine, ProbeVerdict, Receipt};

use self::direct::AddressesOfRun;
use self::line::LineTest;
use crate::http::{self, Answer, HttpSetupError, in_time, small, stream, unreachable_server};
use crate::whole_file::{check_opening, name_and_mime, root_of};
use crate::{
    Completion, Destination, Offers, OpenedUpload, Opening, OutgoingPart, ReceivedParts, Throttle,
    Token, WholeItem,
};

const INIT: &str = "/api/storage/init-chunked-upload";
const CHUNK: &str = "/api/storage/upload-chunk";
const COMPLETE: &str = "/api/storage/complete-chunked-upload";
const STATUS: &str = "/api/storage/upload-status";
/// The `status` of an upload that is complete.
const COMPLETED: &str = "completed";

/// A server of seed 003. Clones share their connections.
#[derive(Clone)]
pub struct Storage {
    client: Client,
    root: String,
    token: Option<Token>,
    throttle: Arc<Throttle>,
    line: Arc<Mutex<LineState>>,
    uploads: Arc<Mutex<BTreeMap<SessionId, KnownChunks>>>,
    addresses: Arc<Mutex<AddressesOfRun>>,
}

#[derive(Clone, Copy, Default)]
struct LineState {
    /// The server has answered the test, or has none.
    is_tested: bool,
    line: Option<MeasuredLine>,
}

/// The state of an upload's chunks at the server.
struct KnownChunks {
    /// How many there are.
    part_count: u32,
    /// The chunks that were sent without an answer.
    in_doubt: BTreeSet<u32>,
    /// The chunks that it has, with their hashes if they were sent in this run.
    there: BTreeMap<u32, Option<[u8; 32]>>,
}

impl KnownChunks {
    fn new(part_count: u32) -> Self {
        KnownChunks { part_count, in_doubt: BTreeSet::new(), there: BTreeMap::new() }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewUploadId {
    upload_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChunkTaken {
    success: bool,
    chunk_index: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChunkedStatus {
    upload_id: String,
    status: String,
    total_chunks: u32,
    received_chunks: Vec<u32>,
    #[serde(default)]
    url: Option<String>,
}

#[derive(Deserialize)]
struct StoredFile {
    success: bool,
    url: String,
}

impl Storage {
    /// Returns the server at an address. Connects to nothing yet.
    pub fn new(
        base_url: String,
        token: Option<Token>,
        throttle: Arc<Throttle>,
    ) -> Result<Self, HttpSetupError> {
        let (line, uploads, addresses) = Default::default();
        let (client, root) = (http::client()?, root_of(&base_url));
        Ok(Storage { client, root, token, throttle, line, uploads, addresses })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request.header(reqwest::header::ACCEPT, "application/json");
        match &self.token {
            Some(token) => request.bearer_auth(token.reveal()),
            None => request,
        }
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.signed(self.client.post(self.url(path)))
    }

    fn line(&self) -> MutexGuard<'_, LineState> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn uploads(&self) -> MutexGuard<'_, BTreeMap<SessionId, KnownChunks>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open_in_chunks(
        &self,
        opening: &Opening,
        whole: WholeItem,
    ) -> Result<OpenedUpload, Failure> {
        let (filename, mime) = name_and_mime(opening.file.as_ref(), &opening.media);
        let WholeItem { size_bytes, part_count } = whole;
        let body = json!({
            "fileName": filename, "fileSize": size_bytes, "contentType": mime,
            "totalChunks": part_count,
        });
        let answer = Answer::to(self.post(INIT).timeout(small()).json(&body)).await?;
        let NewUploadId { upload_id } = answer.success().ok_or_else(|| answer.failure())?;
        if upload_id.is_empty() || plain_line(&upload_id, NAME_CHARS_MAX) != upload_id {
            return Err(Failure::NotTheApi { detail: "the upload's name is none".into() });
        }
        let session = SessionId(upload_id);
        self.uploads().insert(session.clone(), KnownChunks::new(part_count));
        Ok(OpenedUpload { session, link: None })
    }

    async fn status(&self, session: &SessionId) -> Result<ChunkedStatus, Failure> {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("uploadId", &session.0)
            .finish();
        let url = self.url(&format!("{STATUS}?{query}"));
        let answer = Answer::to(self.signed(self.client.get(url)).timeout(small())).await?;
        match answer.success::<ChunkedStatus>() {
            Some(status) if status.upload_id == session.0 => Ok(status),
            Some(_) => Err(Failure::NotTheApi { detail: "another upload's status".into() }),
            None => Err(failure(&answer)),
        }
    }

    /// Returns whether the server has a chunk already: it has confirmed these bytes, or its status lists what it was
    /// sent without an answer. Fails if the upload was begun with another number of chunks, since the server would
    /// join the wrong ones.
    async fn has_come(&self, session: &SessionId, part: &OutgoingPart) -> Result<bool, Failure> {
        let is_known = |known: &KnownChunks| !known.in_doubt.contains(&part.index);
        if !self.uploads().get(session).is_some_and(is_known) {
            let ChunkedStatus { total_chunks, received_chunks, .. } = self.status(session).await?;
            let mut uploads = self.uploads();
            let known = uploads.entry(session.clone()).or_insert_with(|| KnownChunks {
                there: received_chunks.iter().map(|index| (*index, None)).collect(),
                ..KnownChunks::new(total_chunks)
            });
            known.in_doubt.remove(&part.index);
            if received_chunks.contains(&part.index) {
                known.there.insert(part.index, None);
            }
        }
        let uploads = self.uploads();
        let Some(known) = uploads.get(session) else { return Ok(false) };
        if part.part_count.is_some_and(|part_count| part_count != known.part_count) {
            return Err(Failure::SessionUnknown);
        }
        let is_same = |sha256: &Option<[u8; 32]>| sha256.is_none_or(|it| it == part.sha256);
        Ok(known.there.get(&part.index).is_some_and(is_same))
    }

    /// Changes what is known of an upload.
    fn note(&self, session: &SessionId, change: impl FnOnce(&mut KnownChunks)) {
        if let Some(known) = self.uploads().get_mut(session) {
            change(known);
        }
    }

    async fn send_chunk(&self, session: &SessionId, part: OutgoingPart) -> Result<(), Failure> {
        let OutgoingPart { index, pieces, size_bytes, sent, .. } = part;
        let body = reqwest::Body::wrap_stream(stream(pieces, sent.clone(), self.throttle.clone()));
        let chunk = FormPart::stream_with_length(body, size_bytes)
            .file_name(format!("chunk-{index}"))
            .mime_str("application/octet-stream")
            .map_err(unreachable_server)?;
        let form = Form::new()
            .text("uploadId", session.0.clone())
            .text("chunkIndex", index.to_string())
            .part("chunk", chunk);
        let request = self.post(CHUNK).multipart(form);
        let answer = in_time(&sent, size_bytes, Answer::to(request)).await?;
        match answer.success::<ChunkTaken>() {
            Some(it) if it.success && it.chunk_index == index => Ok(()),
            Some(_) => {
                let detail = format!("part {index} isn't echoed in the answer");
                Err(Failure::NotTheApi { detail })
            }
            None => Err(match answer.status {
                413 => Failure::PartTooLarge,
                415 | 422 => Failure::PartRefused { detail: answer.words() },
                _ => failure(&answer),
            }),
        }
    }

    async fn complete(
        &self,
        session: &SessionId,
        end: &Completion,
    ) -> Result<Option<String>, Failure> {
        let status = self.status(session).await?;
        if status.status == COMPLETED {
            return Ok(web_link(status.url));
        }
        let indices = missing(&status.received_chunks, end.receipts.len());
        if !indices.is_empty() {
            self.note(session, |known| known.there.retain(|index, _| !indices.contains(index)));
            return Err(Failure::PartsMissing { indices });
        }
        if status.received_chunks.len() > end.receipts.len() {
            // The server has counted a chunk twice, and waits for as many as it never gets.
            return Err(Failure::SessionUnknown);
        }
        let (filename, mime) = name_and_mime(end.file.as_ref(), &end.media);
        let body = json!({"uploadId": session.0, "fileName": filename, "contentType": mime});
        let answer = Answer::to(self.post(COMPLETE).timeout(small()).json(&body)).await?;
        match answer.success::<StoredFile>() {
            Some(done) if done.success => Ok(web_link(Some(done.url))),
            Some(_) => Err(Failure::NotTheApi { detail: "the end isn't confirmed".into() }),
            None => Err(failure(&answer)),
        }
    }
}

/// Returns what the refusal of a request about an upload means.
fn failure(answer: &Answer) -> Failure {
    match answer.status {
        404 | 410 => Failure::SessionUnknown,
        _ => answer.failure(),
    }
}

/// Returns the chunks that a server lacks.
fn missing(received: &[u32], total: usize) -> Vec<u32> {
    let received: BTreeSet<u32> = received.iter().copied().collect();
    (0..total as u32).filter(|index| !received.contains(index)).collect()
}

fn web_link(url: Option<String>) -> Option<String> {
    url.filter(|url| is_web_link(url))
}

#[async_trait]
impl Destination for Storage {
    fn offers(&self) -> Offers {
        let line = self.line().line;
        let part_size =
            line.map_or(Profile::Storage.part_size(), |it| PartSize::Fixed(it.part_bytes));
        let in_flight = line.map(|it| it.parts_in_flight_max);
        Offers {
            framing: Framing::Stream,
            part_size,
            parts_in_flight_max: in_flight.unwrap_or(Profile::Storage.parts_in_flight_max()),
            file_bytes_max: Some(limits::STORAGE_FILE_BYTES_MAX),
            link_known_beforehand: false,
            lists_parts: true,
            reports_damage: false,
            takes_titles: false,
        }
    }

    /// Tests the line by the first probe that is answered. Further probes download one byte.
    async fn probe(&self) -> ProbeVerdict {
        if self.line().is_tested {
            return line::probe(&self.client, &self.root).await;
        }
        let LineTest { verdict, line } = line::measure(&self.client, &self.root).await;
        if matches!(verdict, ProbeVerdict::Online { .. }) {
            *self.line() = LineState { is_tested: true, line };
        }
        verdict
    }

    async fn open(&self, opening: &Opening) -> Result<OpenedUpload, Failure> {
        let whole = check_opening(opening, limits::STORAGE_FILE_BYTES_MAX)?;
        if whole.part_count == 1
            && let Some(session) = self.open_direct(opening).await?
        {
            return Ok(OpenedUpload { session, link: None });
        }
        self.open_in_chunks(opening, whole).await
    }

    async fn send(&self, session: &SessionId, part: OutgoingPart) -> Result<Receipt, Failure> {
        if direct::is_direct(session) {
            return self.send_direct(session, part).await;
        }
        if self.has_come(session, &part).await? {
            return Ok(Receipt::default());
        }
        let (index, sha256) = (part.index, part.sha256);
        // Also if this request is cancelled.
        self.note(session, |known| {
            known.in_doubt.insert(index);
        });
        self.send_chunk(session, part).await?;
        self.note(session, |known| {
            known.in_doubt.remove(&index);
            known.there.insert(index, Some(sha256));
        });
        Ok(Receipt::default())
    }

    async fn received(&self, session: &SessionId) -> Result<ReceivedParts, Failure> {
        if direct::is_direct(session) {
            return Ok(ReceivedParts::default());
        }
        let status = self.status(session).await?;
        let indices: BTreeSet<u32> = status.received_chunks.into_iter().collect();
        let parts = indices.into_iter().map(|index| (index, Receipt::default())).collect();
        Ok(ReceivedParts { parts, finished: status.status == COMPLETED })
    }

    async fn finish(
        &self,
        session: &SessionId,
        end: &Completion,
    ) -> Result<Option<String>, Failure> {
        if direct::is_direct(session) {
            return self.finish_direct(session, end).await;
        }
        let link = self.complete(session, end).await?;
        self.uploads().remove(session);
        Ok(link)
    }

    async fn damaged(&self) -> Result<Vec<(SessionId, Vec<u32>)>, Failure> {
        Ok(Vec::new())
    }

    async fn rename(&self, _session: &SessionId, _title: &str) -> Result<(), Failure> {
        Ok(())
    }
}
