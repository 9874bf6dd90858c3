//! Servers of the "Chunked Video Upload System Flow" (seed 002): a whole video in chunks of 1 MiB, joined at the end,
//! then its title and description.
//!
//! ```text
//! POST /api/poster/video/chunk     chunk, chunkIndex, uploadId, totalChunks (form)
//! POST /api/poster/video/finalize  {uploadId, filename, totalChunks}  ->  {filename, url?}
//! POST /api/videos/metadata        {filename, title, description}
//! ```
//!
//! - There is no request that opens an upload: the client names it. The name is made from the item's id, so a client
//!   that was restarted goes on where it was.
//! - The document says nothing of accounts. Its own client sends the token in a header `token`, and so does this.
//! - It has neither pictures nor versions, lists no parts, and forgets the chunks when it has joined them. So if the
//!   answer to finalize is lost and the server then knows nothing of the upload, all of it is sent again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::multipart::{Form, Part as FormPart};
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use serde_json::json;
use snaplark_api::untrusted::is_web_link;
use snaplark_api::{Framing, Profile, limits};
use snaplark_core::upload::{Failure, ProbeVerdict, Receipt};
use snaplark_core::{SessionId, policy};

use crate::http::{self, Answer, HttpSetupError, small, stream, unreachable_server, within};
use crate::whole_file::{check_opening, name_and_mime, root_of, with_ending};
use crate::{
    Completion, Destination, Offers, OpenedUpload, Opening, OutgoingPart, ReceivedParts, Throttle,
    Token,
};

const CHUNK: &str = "/api/poster/video/chunk";
const FINALIZE: &str = "/api/poster/video/finalize";
const METADATA: &str = "/api/videos/metadata";
const TOKEN: &str = "token";

/// A server of seed 002. Clones share their connections.
#[derive(Clone)]
pub struct Poster {
    client: Client,
    root: String,
    token: Option<Token>,
    throttle: Arc<Throttle>,
    /// Whether a chunk was still moving when the document's time limit ended. The others then get the time of a slow
    /// line.
    is_slow: Arc<AtomicBool>,
    ends: Arc<Mutex<BTreeMap<SessionId, JoinState>>>,
}

/// The state of an upload that was asked to be finalized.
#[derive(Clone)]
enum JoinState {
    /// The answer was lost, so the server may have joined the chunks.
    InDoubt,
    /// The server has joined the chunks.
    Joined(JoinedVideo),
    /// The server also has the title. The link is that of its answer.
    Titled(Option<String>),
}

/// The answer to a chunk. The document shows none; its client expects `success`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChunkConfirmed {
    success: bool,
    #[serde(default)]
    chunk_index: Option<u32>,
}

#[derive(Clone, Deserialize)]
struct JoinedVideo {
    filename: String,
    #[serde(default)]
    url: Option<String>,
}

/// The parts that a server misses at finalize, if it says so.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MissingParts {
    missing_chunks: Vec<u32>,
}

impl Poster {
    /// Returns the server at an address. Connects to nothing yet.
    pub fn new(
        base_url: String,
        token: Option<Token>,
        throttle: Arc<Throttle>,
    ) -> Result<Self, HttpSetupError> {
        Ok(Poster {
            client: http::client()?,
            root: root_of(&base_url),
            token,
            throttle,
            is_slow: Arc::default(),
            ends: Arc::default(),
        })
    }

    fn post(&self, path: &str) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.root));
        let request = request.header(reqwest::header::ACCEPT, "application/json");
        match &self.token {
            Some(token) => request.header(TOKEN, token.reveal()),
            None => request,
        }
    }

    fn ends(&self) -> MutexGuard<'_, BTreeMap<SessionId, JoinState>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the time limit for a chunk of that size.
    fn chunk_limit(&self, size_bytes: u64) -> Duration {
        Duration::from_millis(match self.is_slow.load(Ordering::Relaxed) {
            true => policy::deadline_ms(size_bytes),
            false => policy::POSTER_CHUNK_MS_MAX,
        })
    }

    /// Has the chunks joined. A repetition returns what the first answer said.
    async fn join(
        &self,
        session: &SessionId,
        filename: &str,
        part_count: usize,
    ) -> Result<JoinedVideo, Failure> {
        let before = self.ends().get(session).cloned();
        if let Some(JoinState::Joined(answer)) = before {
            return Ok(answer);
        }
        // If this request is cancelled, nobody knows whether the server has done it.
        self.ends().insert(session.clone(), JoinState::InDoubt);
        let body = json!({"uploadId": session.0, "filename": filename, "totalChunks": part_count});
        let request = self.post(FINALIZE).timeout(small()).json(&body);
        let answer = Answer::to(request).await?;
        if let Some(joined) = answer.success::<JoinedVideo>() {
            self.ends().insert(session.clone(), JoinState::Joined(joined.clone()));
            return Ok(joined);
        }
        if answer.status < 400 {
            return Err(answer.failure());
        }
        self.ends().remove(session);
        let was_in_doubt = before.is_some();
        Err(refused_join(&answer, was_in_doubt))
    }
}

/// Returns what a refusal of finalize means. `was_in_doubt`: an earlier answer was lost.
fn refused_join(answer: &Answer, was_in_doubt: bool) -> Failure {
    if let Some(MissingParts { missing_chunks: indices }) = answer.refusal()
        && !indices.is_empty()
    {
        return Failure::PartsMissing { indices };
    }
    match answer.status {
        404 | 410 => Failure::SessionUnknown,
        // The chunks are gone if the server joined them when the answer was lost.
        400 | 409 | 422 | 500 if was_in_doubt => Failure::SessionUnknown,
        _ => answer.failure(),
    }
}

#[async_trait]
impl Destination for Poster {
    fn offers(&self) -> Offers {
        Offers {
            framing: Framing::Stream,
            part_size: Profile::Poster.part_size(),
            parts_in_flight_max: Profile::Poster.parts_in_flight_max(),
            file_bytes_max: Some(limits::POSTER_FILE_BYTES_MAX),
            link_known_beforehand: false,
            lists_parts: false,
            reports_damage: false,
            takes_titles: false,
        }
    }

    /// Asks in a way that the server refuses, since the document has no request without an effect.
    async fn probe(&self) -> ProbeVerdict {
        let request = self.client.get(format!("{}{FINALIZE}", self.root)).timeout(small());
        match request.send().await {
            Ok(response) => http::verdict_of(response.status().as_u16()),
            Err(error) => ProbeVerdict::Offline { detail: http::chain(&error) },
        }
    }

    async fn open(&self, opening: &Opening) -> Result<OpenedUpload, Failure> {
        check_opening(opening, limits::POSTER_FILE_BYTES_MAX)?;
        let session = SessionId(format!("upload_{}", opening.item.simple()));
        // It may be another upload of the same item.
        self.ends().remove(&session);
        Ok(OpenedUpload { session, link: None })
    }

    async fn send(&self, session: &SessionId, part: OutgoingPart) -> Result<Receipt, Failure> {
        let OutgoingPart { index, pieces, size_bytes, part_count, sent, .. } = part;
        let Some(part_count) = part_count else {
            return Err(Failure::Refused { detail: "the item isn't whole yet".into() });
        };
        let body = reqwest::Body::wrap_stream(stream(pieces, sent.clone(), self.throttle.clone()));
        let chunk = FormPart::stream_with_length(body, size_bytes)
            .file_name(format!("chunk_{index}"))
            .mime_str("application/octet-stream")
            .map_err(unreachable_server)?;
        let form = Form::new()
            .text("chunkIndex", index.to_string())
            .text("totalChunks", part_count.to_string())
            .text("uploadId", session.0.clone())
            .part("chunk", chunk);
        let request = self.post(CHUNK).multipart(form);
        let began = tokio::time::Instant::now();
        let limit = self.chunk_limit(size_bytes);
        let answer = within(&sent, limit, Answer::to(request)).await;
        if answer.is_err() && began.elapsed() >= limit {
            self.is_slow.store(true, Ordering::Relaxed);
        }
        let answer = answer?;
        match answer.success::<ChunkConfirmed>() {
            Some(it) if it.success && it.chunk_index.is_none_or(|echoed| echoed == index) => {
                Ok(Receipt::default())
            }
            Some(_) => Err(Failure::NotTheApi { detail: format!("part {index} isn't confirmed") }),
            None => Err(match answer.status {
                413 => Failure::PartTooLarge,
                415 | 422 => Failure::PartRefused { detail: answer.words() },
                _ => answer.failure(),
            }),
        }
    }

    async fn received(&self, _session: &SessionId) -> Result<ReceivedParts, Failure> {
        Err(Failure::Refused { detail: "this destination lists no parts".into() })
    }

    async fn finish(
        &self,
        session: &SessionId,
        end: &Completion,
    ) -> Result<Option<String>, Failure> {
        if let Some(JoinState::Titled(link)) = self.ends().get(session) {
            return Ok(link.clone());
        }
        let (filename, mime) = name_and_mime(end.file.as_ref(), &end.media);
        let filename = with_ending(filename, mime);
        let joined = self.join(session, &filename, end.receipts.len()).await?;
        let title = end.title.as_deref().unwrap_or_else(|| stem(&filename));
        let description = end.file.as_ref().and_then(|file| file.description.as_deref());
        let body = json!({
            "filename": joined.filename, "title": title,
            "description": description.unwrap_or_default(),
        });
        let request = self.post(METADATA).timeout(small()).json(&body);
        let answer = Answer::to(request).await?;
        if !(200..=299).contains(&answer.status) {
            match answer.failure() {
                // The video is there, and a retry would change nothing.
                Failure::Refused { detail } => {
                    tracing::warn!(detail, "The server has refused the title of a video");
                }
                failure => return Err(failure),
            }
        }
        let link = joined.url.filter(|url| is_web_link(url));
        self.ends().insert(session.clone(), JoinState::Titled(link.clone()));
        Ok(link)
    }

    async fn damaged(&self) -> Result<Vec<(SessionId, Vec<u32>)>, Failure> {
        Ok(Vec::new())
    }

    async fn rename(&self, _session: &SessionId, _title: &str) -> Result<(), Failure> {
        Ok(())
    }
}

/// Returns a file's name without its ending.
fn stem(filename: &str) -> &str {
    filename.rsplit_once('.').map_or(filename, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_has_the_time_of_the_document_until_the_line_is_known_to_be_slow() {
        let poster = Poster::new("https://host".into(), None, Arc::default()).unwrap();
        let limit = || poster.chunk_limit(limits::POSTER_CHUNK_BYTES_MAX);
        assert_eq!(limit(), Duration::from_secs(30));
        poster.is_slow.store(true, Ordering::Relaxed);
        assert!(limit() > Duration::from_secs(30 * 60), "256 bytes a second are slow, not dead");
    }
}
