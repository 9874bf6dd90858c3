//! Snaplark's API and the servers of its documents, in all profiles, over HTTP.
//!
//! - A part's bytes stay in memory until they are sent: 10 MiB at most, and two parts at a time. They are
//!   read once, so what was checked is what is sent.
//! - A stalled part times out (policy: no_progress_ms_max), and so does a whole part after a deadline for
//!   its size.
//! - The API returns nothing for a part that completion needs, so receipts are empty. Those of pictures are
//!   their links (`picture`).

mod picture;
mod status;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::multipart::{Form, Part as FormPart};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use snaplark_api::untrusted::{NAME_CHARS_MAX, plain_line};
use snaplark_api::{
    Capabilities, ChunkAnswer, ErrorAnswer, FinalizeAnswer, FinalizeRequest, InitAnswer,
    InitRequest, Media, PiecesAnswer, PiecesRequest, Profile, VideoList, VideoStatus, hex, routes,
};
use snaplark_core::upload::{Failure, ProbeVerdict, Receipt};
use snaplark_core::{SessionId, policy};
use uuid::Uuid;

use self::status::{HttpAnswer, RequestKind, classify, judge_probe};
use crate::http::{
    self, HttpSetupError, chain, in_time, read_body, small, stream, unreachable_server,
};
use crate::{
    Completion, Destination, FileFacts, Offers, OpenedUpload, Opening, OutgoingPart, ReceivedParts,
    Throttle, Token,
};

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// A server of the API. Clones share their connections.
#[derive(Clone)]
pub struct Snaplark {
    client: Client,
    base_url: String,
    profile: Profile,
    token: Option<Token>,
    throttle: Arc<Throttle>,
    /// The features that the server has reported.
    capabilities: Arc<Mutex<Option<Capabilities>>>,
}

impl Snaplark {
    /// Returns the server at an address, which includes `/api/v1`. Connects to nothing yet.
    pub fn new(
        base_url: String,
        profile: Profile,
        token: Option<Token>,
        throttle: Arc<Throttle>,
    ) -> Result<Self, HttpSetupError> {
        let client = http::client()?;
        let capabilities = Arc::default();
        Ok(Snaplark { client, base_url, profile, token, throttle, capabilities })
    }

    /// Posts a form of the sign-in to an address that the server named, and reads the answer.
    pub async fn exchange<T: DeserializeOwned>(
        &self,
        url: &str,
        form: &[(&str, &str)],
    ) -> Result<T, Failure> {
        read_answer(RequestKind::Open, self.post_form(url, form).await?).await
    }

    /// Posts a form to an address that the server itself named, without the token in the headers.
    async fn post_form(&self, url: &str, form: &[(&str, &str)]) -> Result<Response, Failure> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.client.post(url).timeout(small()).body(body);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        request.send().await.map_err(unreachable_server)
    }

    /// Revokes a token at an address that the server named. Returns whether the server confirmed it.
    pub async fn revoke(&self, url: &str, token: &Token) -> bool {
        let answer = self.post_form(url, &[("token", token.reveal())]).await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    fn init_request(
        &self,
        media: &Media,
        file: Option<&FileFacts>,
        opening: Option<&Opening>,
    ) -> InitRequest {
        let address = opening.and_then(|opening| opening.address.as_ref());
        let body = InitRequest::new(self.profile, media, address.map(|address| address.id));
        let secret = address.and_then(|address| address.secret);
        let title = opening.and_then(|opening| opening.title.clone());
        let recording_secret = secret.map(|secret| hex(&secret));
        let version = opening.and_then(|opening| opening.version);
        // Servers of the documents alone get no fields of ours.
        let ours = file.filter(|_| address.is_some());
        InitRequest {
            title,
            recording_secret,
            version,
            file_bytes: ours.map(|file| file.size_bytes),
            description: ours.and_then(|file| file.description.clone()),
            codec: file.map_or(body.codec, |file| file.mime.clone()),
            ..body
        }
    }

    fn url(&self, route: &str) -> String {
        format!("{}{route}", self.base_url)
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request.header(reqwest::header::ACCEPT, "application/json");
        match &self.token {
            Some(token) => request.bearer_auth(token.reveal()),
            None => request,
        }
    }

    fn is_extended(&self) -> bool {
        self.capabilities.lock().is_ok_and(|capabilities| capabilities.is_some())
    }
}

#[async_trait]
impl Destination for Snaplark {
    fn offers(&self) -> Offers {
        let is_extended = self.is_extended();
        let makes_links = |able: &Capabilities| able.link_template.is_some();
        let capabilities = self.capabilities.lock();
        let link_known_beforehand =
            capabilities.is_ok_and(|able| able.as_ref().is_some_and(makes_links));
        Offers {
            framing: self.profile.framing(),
            part_size: self.profile.part_size(),
            parts_in_flight_max: self.profile.parts_in_flight_max(),
            file_bytes_max: None,
            link_known_beforehand,
            lists_parts: is_extended,
            reports_damage: is_extended,
            takes_titles: is_extended,
        }
    }

    async fn probe(&self) -> ProbeVerdict {
        let request = self.client.get(self.url(routes::CAPABILITIES)).timeout(small());
        let verdict = match request.send().await {
            Err(error) => ProbeVerdict::Offline { detail: chain(&error) },
            Ok(response) => {
                let status = response.status().as_u16();
                let body = read_body(response).await.ok();
                let capabilities =
                    body.and_then(|b| serde_json::from_slice::<Capabilities>(&b).ok());
                judge_probe(status, capabilities)
            }
        };
        if let (ProbeVerdict::Online { capabilities }, Ok(mut known)) =
            (&verdict, self.capabilities.lock())
        {
            known.clone_from(capabilities);
        }
        verdict
    }

    /// Checks that the server accepts the token. A server that only implements the documented API can't be
    /// asked; there the first part shows it.
    async fn check(&self) -> Result<(), Failure> {
        let request = self.signed(self.client.get(self.url(routes::VIDEOS))).timeout(small());
        match request.send().await.map_err(unreachable_server)?.status().as_u16() {
            401 | 403 => Err(Failure::SignedOut),
            status @ (300..=399 | 500..=599) => Err(status::try_again(status, None)),
            _ => Ok(()),
        }
    }

    async fn open(&self, opening: &Opening) -> Result<OpenedUpload, Failure> {
        if let Some(version) = opening.picture {
            return Ok(picture::opened(version));
        }
        let body = self.init_request(&opening.media, opening.file.as_ref(), Some(opening));
        let request = self.signed(self.client.post(self.url(routes::INIT))).timeout(small());
        let response = request.json(&body).send().await.map_err(unreachable_server)?;
        let answer: InitAnswer = read_answer(RequestKind::Open, response).await?;
        if answer.session_id.is_empty() || answer.success == Some(false) {
            return Err(Failure::NotTheApi { detail: "no session in the answer".into() });
        }
        if plain_line(&answer.session_id, NAME_CHARS_MAX) != answer.session_id {
            return Err(Failure::NotTheApi { detail: "the session's name is none".into() });
        }
        Ok(OpenedUpload { session: SessionId(answer.session_id), link: answer.video_url })
    }

    async fn send(&self, session: &SessionId, part: OutgoingPart) -> Result<Receipt, Failure> {
        let OutgoingPart { index, pieces, size_bytes, sha256, sent, picture, .. } = part;
        if let Some(picture) = picture {
            let file = picture::PictureFile { pieces, size_bytes, sha256, sent };
            return self.send_picture(file, picture).await;
        }
        let digest = content_digest(&sha256)?;
        let body = reqwest::Body::wrap_stream(stream(pieces, sent.clone(), self.throttle.clone()));
        let chunk = FormPart::stream_with_length(body, size_bytes)
            .file_name(format!("chunk_{index}.webm"))
            .mime_str("video/webm")
            .map_err(unreachable_server)?
            .headers(HeaderMap::from_iter([(CONTENT_DIGEST, digest)]));
        let form = Form::new()
            .text("sessionId", session.0.clone())
            .text("chunkIndex", index.to_string())
            .part("chunk", chunk);
        let request = self.signed(self.client.post(self.url(routes::CHUNK))).multipart(form);
        let answer = async {
            let response = request.send().await.map_err(unreachable_server)?;
            read_answer::<ChunkAnswer>(RequestKind::Part, response).await
        };
        let answer = in_time(&sent, size_bytes, answer).await?;
        if !answer.acknowledges(&session.0, index) {
            let detail = format!("part {index} isn't echoed in the answer");
            return Err(Failure::NotTheApi { detail });
        }
        Ok(Receipt::default())
    }

    async fn received(&self, session: &SessionId) -> Result<ReceivedParts, Failure> {
        let url = self.url(&format!("{}/{}", routes::VIDEOS, session.0));
        let request = self.signed(self.client.get(url)).timeout(small());
        let response = request.send().await.map_err(unreachable_server)?;
        let answer: VideoStatus = read_answer(RequestKind::Received, response).await?;
        if answer.session_id != session.0 {
            return Err(Failure::NotTheApi { detail: "another session's parts".into() });
        }
        let is_whole = |index: &u32| !answer.damaged_chunks.contains(index);
        let indices = answer.received_chunks.iter().copied().filter(is_whole);
        let parts = indices.map(|index| (index, Receipt::default())).collect();
        Ok(ReceivedParts { parts, finished: answer.total_chunks.is_some() })
    }

    async fn list_pieces(
        &self,
        session: &SessionId,
        pieces: &PiecesRequest,
    ) -> Result<Vec<u32>, Failure> {
        // A list of hours has a body like that of a part, and the server copies what is kept in part.
        let body = serde_json::to_vec(pieces)
            .map_err(|error| Failure::FilesMissing { detail: error.to_string() })?;
        let limit = Duration::from_millis(policy::deadline_ms(body.len() as u64));
        let request = self.client.put(self.url(&routes::pieces(&session.0))).timeout(limit);
        let request = self.signed(request).header(CONTENT_TYPE, "application/json").body(body);
        let response = request.send().await.map_err(unreachable_server)?;
        let answer: PiecesAnswer = read_answer(RequestKind::Pieces, response).await?;
        if answer.session_id != session.0 || !answer.success {
            return Err(Failure::NotTheApi { detail: "the pieces aren't confirmed".into() });
        }
        Ok(answer.missing_chunks)
    }

    async fn finish(
        &self,
        session: &SessionId,
        end: &Completion,
    ) -> Result<Option<String>, Failure> {
        if end.picture.is_some() {
            return Ok(picture::link_of(&end.receipts));
        }
        let init = self.init_request(&end.media, end.file.as_ref(), None);
        let (session, part_count) = (session.0.clone(), end.receipts.len() as u32);
        let mut body =
            FinalizeRequest::new(self.profile, session, part_count, end.duration_ms, &init);
        if end.keeps_parts {
            body.list_sent(end.receipts.iter().map(|receipt| *receipt != Receipt::default()));
        }
        let request = self.signed(self.client.post(self.url(routes::FINALIZE))).timeout(small());
        let response = request.json(&body).send().await.map_err(unreachable_server)?;
        let answer: FinalizeAnswer = read_answer(RequestKind::Finish, response).await?;
        let other_session =
            answer.session_id.as_deref().is_some_and(|session| session != body.session_id);
        if answer.success == Some(false) || other_session {
            return Err(Failure::NotTheApi { detail: "finalize isn't confirmed".into() });
        }
        Ok(answer.link().map(str::to_owned))
    }

    async fn damaged(&self) -> Result<Vec<(SessionId, Vec<u32>)>, Failure> {
        // An older server answers with videos that name no damage.
        let url = self.url(&format!("{}?damaged=true", routes::VIDEOS));
        let request = self.signed(self.client.get(url)).timeout(small());
        let response = request.send().await.map_err(unreachable_server)?;
        let answer: VideoList = read_answer(RequestKind::Received, response).await?;
        let damaged = answer.videos.into_iter().filter(|video| !video.damaged_chunks.is_empty());
        Ok(damaged.map(|video| (SessionId(video.session_id), video.damaged_chunks)).collect())
    }

    async fn rename(&self, session: &SessionId, title: &str) -> Result<(), Failure> {
        self.set_title(&format!("{}/{}", routes::VIDEOS, session.0), title).await
    }

    async fn rename_picture(&self, id: Uuid, title: &str) -> Result<(), Failure> {
        self.set_title(&routes::screenshot(id), title).await
    }
}

impl Snaplark {
    async fn set_title(&self, route: &str, title: &str) -> Result<(), Failure> {
        let url = self.url(route);
        let request = self.signed(self.client.patch(url)).timeout(small());
        let body = serde_json::json!({ "title": title });
        let answer = request.json(&body).send().await.map_err(unreachable_server)?;
        match answer.status().as_u16() {
            401 | 403 => Err(Failure::SignedOut),
            status @ (300..=399 | 429 | 500..=599) => Err(status::try_again(status, None)),
            _ => Ok(()),
        }
    }
}

/// Returns the header with a part's digest (RFC 9530), so that the server can detect damage in transit.
/// Servers that only implement the documented API ignore it.
fn content_digest(sha256: &[u8; 32]) -> Result<HeaderValue, Failure> {
    let digest = format!("sha-256=:{}:", BASE64.encode(sha256));
    HeaderValue::try_from(digest)
        .map_err(|error| Failure::FilesMissing { detail: error.to_string() })
}

/// Parses a 2xx answer as `T`. Everything else, and a 2xx that isn't a `T`, is classified as a failure.
async fn read_answer<T: DeserializeOwned>(
    kind: RequestKind,
    response: Response,
) -> Result<T, Failure> {
    let status = response.status();
    let retry_after_ms = http::retry_after_ms(&response);
    let body = read_body(response).await?;
    if status.is_success()
        && status != StatusCode::NO_CONTENT
        && let Ok(answer) = serde_json::from_slice(&body)
    {
        return Ok(answer);
    }
    let error = serde_json::from_slice::<ErrorAnswer>(&body).ok();
    Err(classify(kind, &HttpAnswer { status: status.as_u16(), retry_after_ms, error }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use snaplark_api::untrusted::is_web_link;

    use super::*;

    fn hostile_text() -> impl Strategy<Value = String> {
        prop_oneof![
            "\\PC{0,40}",
            "(https?|file|javascript|smb):/{0,3}[!-~]{0,40}",
            "[\\x00-\\x9f\u{202a}-\u{202e}a-z{}/:.]{0,40}",
            "https://host/\\{recordingId\\}[\\x00-\\x20]{0,2}",
        ]
    }

    /// Answers that servers gave, and those that once went wrong.
    const CORPUS: [&[u8]; 8] = [
        include_bytes!("../../corpus/capabilities-of-ours.json"),
        include_bytes!("../../corpus/capabilities-that-lie.json"),
        include_bytes!("../../corpus/captive-portal.json"),
        include_bytes!("../../corpus/chunk-of-000.json"),
        include_bytes!("../../corpus/chunk-of-004.json"),
        include_bytes!("../../corpus/error-of-a-proxy.json"),
        include_bytes!("../../corpus/error-with-fields.json"),
        include_bytes!("../../corpus/video-status.json"),
    ];

    /// Bytes without any form, or a known answer with some of its bytes replaced.
    fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
        let replaced = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
        let spoiled =
            (prop::sample::select(&CORPUS[..]), replaced).prop_map(|(known, replaced)| {
                let mut bytes = known.to_vec();
                for (at, byte) in replaced {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
                bytes
            });
        prop_oneof![any::<Vec<u8>>(), spoiled]
    }

    #[test]
    fn known_answers_are_read_as_what_they_are() {
        let are = |is: fn(&[u8]) -> bool| CORPUS.iter().filter(|answer| is(answer)).count();
        assert_eq!(are(|bytes| serde_json::from_slice::<Capabilities>(bytes).is_ok()), 2);
        assert!(are(|bytes| serde_json::from_slice::<VideoStatus>(bytes).is_ok()) > 0);
        assert_eq!(
            are(|bytes| serde_json::from_slice::<serde_json::Value>(bytes).is_ok()),
            CORPUS.len()
        );
    }

    proptest! {
        /// Checks that whatever a server reports as its capabilities, its links are web pages and its
        /// version is a single line.
        #[test]
        fn no_capabilities_bring_anything_down(
            status in 100_u16..600,
            bytes in hostile_bytes(),
            version in hostile_text(),
            template in proptest::option::of(hostile_text()),
            part_bytes_max: u64,
            at_once: u32,
        ) {
            let body = serde_json::from_slice::<Capabilities>(&bytes).ok();
            if let ProbeVerdict::Online { capabilities: Some(able) } = judge_probe(status, body) {
                prop_assert!(!able.version.contains(char::is_control), "{able:?}");
            }
            let json = serde_json::json!({
                "server": Capabilities::SERVER, "version": version, "framings": ["stream"],
                "partBytesMax": part_bytes_max, "partsInFlightMax": at_once,
                "linkTemplate": template,
            });
            let body: Capabilities = serde_json::from_value(json).unwrap();
            let verdict = judge_probe(200, Some(body));
            let ProbeVerdict::Online { capabilities: Some(able) } = verdict else { panic!() };
            prop_assert!(!able.version.contains(char::is_control));
            if let Some(link) = able.link("0190b5a2-0000-7000-8000-000000000000") {
                prop_assert!(is_web_link(&link), "{link:?}");
                prop_assert!(reqwest::Url::parse(&link).is_ok_and(|url| url.has_host()), "{link:?}");
            }
        }

        /// Checks that whatever a server answers to a part, it is classified and what is shown of it is a
        /// single line.
        #[test]
        fn no_answer_brings_anything_down(
            status in 100_u16..600,
            bytes in hostile_bytes(),
            message in hostile_text(),
        ) {
            drop(serde_json::from_slice::<ChunkAnswer>(&bytes));
            drop(serde_json::from_slice::<VideoStatus>(&bytes));
            let error = ErrorAnswer { message: Some(message), ..ErrorAnswer::default() };
            let answer = HttpAnswer { status, retry_after_ms: None, error: Some(error) };
            for kind in RequestKind::ALL {
                let said = classify(kind, &answer).to_string();
                prop_assert!(!said.contains(char::is_control), "{said:?}");
            }
        }
    }
}
