//! A bucket that speaks the S3 protocol: Amazon's, Cloudflare's, Backblaze's, MinIO, SeaweedFS, and others.
//!
//! - An item is one object. Its bytes are those that were recorded: the init and all segments.
//! - A recording is a multipart upload, whose parts are of one size, as R2 wants it, and arrive in any order. A file
//!   below one part, and each version of a picture, is one request.
//! - The receipt of a part is its ETag. The signature of each request covers the digest of its body, so the store
//!   refuses what was damaged on the way.
//! - An upload that is opened again is found among the bucket's open uploads, and others of the same item are aborted.
//!   So none is left there for whose parts the person pays.
//! - Requests are signed with the store's time once it has said that this computer's clock is wrong.
//! - The link is the public address that the person has named, else the object's own if everybody can read it, else one
//!   that works for seven days, the longest that S3 signs.
//! - No key is in an error or a log.

mod address;
mod answer;
mod object;
mod sign;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::{Client, Method, RequestBuilder, Url};
use sha2::{Digest as _, Sha256};
use snaplark_api::{Capabilities, Framing, PartSize, Profile, hex};
use snaplark_core::upload::{Failure, ProbeVerdict, Receipt};
use snaplark_core::{SessionId, policy};
use uuid::Uuid;

pub use self::address::{BucketAddress, BucketAddressError};
use self::answer::{BucketRequest, ListPage, OpenUpload, S3Answer, completion};
use self::object::{ObjectName, ObjectSession, picture_filename, picture_key, served_as};
pub use self::sign::BucketKeys;
use self::sign::{Signer, query_of};
use crate::http::{self, HttpSetupError, in_time, read_body, small, stream, unreachable_server};
use crate::{
    Completion, Destination, Offers, OpenedUpload, Opening, OutgoingPart, OutgoingPicture,
    ReceivedParts, Sent, Throttle, Token,
};

/// The longest that a link to a private object works.
const LINK_SECONDS: u64 = 7 * 24 * 60 * 60;
/// The uploads and parts of one page of a list, which stays below [`policy::ANSWER_BYTES_MAX`].
const PAGE_ENTRIES: u32 = 250;
/// 10,000 parts, and more open uploads than a bucket ever has.
const PAGES_MAX: u32 = 40;
/// How an object says which version of a picture it is, and its bytes.
const VERSION: &str = "x-amz-meta-snaplark-version";
const SHA256: &str = "x-amz-meta-snaplark-sha256";
/// The bytes at a recording's or a file's key don't change.
const CACHED: &str = "max-age=86400";
/// A later version of a picture replaces it.
const REVALIDATED: &str = "no-cache";

type Headers = Vec<(&'static str, String)>;

/// A bucket. Clones share their connections.
#[derive(Clone)]
pub struct S3 {
    client: Client,
    address: BucketAddress,
    /// `None`: nobody is signed in.
    keys: Option<BucketKeys>,
    throttle: Arc<Throttle>,
    /// How far the store's clock is ahead of this computer's.
    clock_ahead_ms: Arc<AtomicI64>,
}

/// The body of a request.
enum RequestBody {
    Text(String),
    Bytes { pieces: Vec<Bytes>, size_bytes: u64, sha256: [u8; 32], sent: Sent },
}

impl S3 {
    /// Returns the bucket at an address ([`BucketAddress`]), with the keys of a token ([`BucketKeys::parse`]). Connects
    /// to nothing yet.
    pub fn new(
        address: &str,
        token: Option<Token>,
        throttle: Arc<Throttle>,
    ) -> Result<Self, HttpSetupError> {
        let address = address.parse::<BucketAddress>();
        let address = address.map_err(|error| HttpSetupError(error.to_string()))?;
        let keys = token.as_ref().and_then(BucketKeys::parse);
        let client = http::client()?;
        Ok(S3 { client, address, keys, throttle, clock_ahead_ms: Arc::default() })
    }

    /// Checks that the keys may write, read and delete: sends a small object there and removes it.
    pub async fn check_access(&self) -> Result<(), Failure> {
        let key = format!("{}snaplark-check-{}", self.address.prefix(), Uuid::new_v4());
        let url = self.address.object_url(&key);
        let put = self.request(Method::PUT, &url, Vec::new(), text("Snaplark")).await?;
        if !put.is_success() {
            return Err(put.failure(BucketRequest::Object));
        }
        let read = self.request(Method::GET, &url, Vec::new(), text("")).await?;
        let is_same = read.is_success() && read.body == "Snaplark";
        let deleted = self.request(Method::DELETE, &url, Vec::new(), text("")).await?;
        match (is_same, deleted.is_success()) {
            (false, _) => Err(read.failure(BucketRequest::Small)),
            (true, false) => Err(deleted.failure(BucketRequest::Small)),
            (true, true) => Ok(()),
        }
    }

    /// Returns the signed time: this computer's, put right by the store's.
    fn now(&self) -> SystemTime {
        let ahead_ms = self.clock_ahead_ms.load(Ordering::Relaxed);
        let ahead = Duration::from_millis(ahead_ms.unsigned_abs());
        let now = SystemTime::now();
        let shifted = if ahead_ms < 0 { now.checked_sub(ahead) } else { now.checked_add(ahead) };
        shifted.unwrap_or(now)
    }

    /// Takes over the store's time if it has refused ours.
    fn follow_clock(&self, answer: &S3Answer) {
        let Some(theirs) = answer.date() else { return };
        if answer.code().as_deref() != Some("RequestTimeTooSkewed") {
            return;
        }
        let ours = SystemTime::now();
        let ahead_ms = match theirs.duration_since(ours) {
            Ok(ahead) => ahead.as_millis() as i64,
            Err(behind) => -(behind.duration().as_millis() as i64),
        };
        self.clock_ahead_ms.store(ahead_ms, Ordering::Relaxed);
        tracing::info!(ahead_ms, "Requests are signed with the store's time");
    }

    /// Sends a signed request and reads its whole answer.
    async fn request(
        &self,
        method: Method,
        url: &str,
        headers: Headers,
        body: RequestBody,
    ) -> Result<S3Answer, Failure> {
        self.request_within(small(), method, url, headers, body).await
    }

    async fn request_within(
        &self,
        limit: Duration,
        method: Method,
        url: &str,
        mut headers: Headers,
        body: RequestBody,
    ) -> Result<S3Answer, Failure> {
        let keys = self.keys.as_ref().ok_or(Failure::SignedOut)?;
        let url =
            Url::parse(url).map_err(|error| Failure::Refused { detail: error.to_string() })?;
        let digest = match &body {
            RequestBody::Text(text) => Sha256::digest(text).into(),
            RequestBody::Bytes { sha256, .. } => *sha256,
        };
        let signer = Signer::new(keys, self.address.region(), self.now());
        let added = signer.headers(method.as_str(), &url, &headers, &digest);
        headers.extend(added);
        let mut request = self.client.request(method, url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        match body {
            RequestBody::Text(text) => self.read(request.timeout(limit).body(text)).await,
            RequestBody::Bytes { pieces, size_bytes, sent, .. } => {
                let pieces = stream(pieces, sent.clone(), self.throttle.clone());
                // S3 takes no body whose length it isn't told.
                let request = request.header("content-length", size_bytes);
                let request = request.body(reqwest::Body::wrap_stream(pieces));
                in_time(&sent, size_bytes, self.read(request)).await
            }
        }
    }

    async fn read(&self, request: RequestBuilder) -> Result<S3Answer, Failure> {
        let response = request.send().await.map_err(unreachable_server)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let retry_after_ms = http::retry_after_ms(&response);
        let body = String::from_utf8_lossy(&read_body(response).await?).into_owned();
        let answer = S3Answer { status, headers, retry_after_ms, body };
        self.follow_clock(&answer);
        Ok(answer)
    }

    /// Returns the headers of an object's answer, if it is there. Where the keys may not list the bucket, an object
    /// that isn't there is answered with 403.
    async fn head(&self, key: &str) -> Result<Option<S3Answer>, Failure> {
        let url = self.address.object_url(key);
        let answer = self.request(Method::HEAD, &url, Vec::new(), text("")).await?;
        match answer.status {
            403 | 404 => Ok(None),
            _ if answer.is_success() => Ok(Some(answer)),
            _ => Err(answer.failure(BucketRequest::Small)),
        }
    }

    /// Returns the open upload of an item, and aborts all others of it.
    async fn find_upload(&self, key_end: &str) -> Result<Option<OpenUpload>, Failure> {
        let (mut found, mut next) = (Vec::new(), Some((String::new(), String::new())));
        for _ in 0..PAGES_MAX {
            let Some((key, upload)) = next else { break };
            let mut query = vec![
                ("uploads", String::new()),
                ("max-uploads", PAGE_ENTRIES.to_string()),
                ("prefix", self.address.prefix().to_owned()),
            ];
            if !key.is_empty() {
                query.extend([("key-marker", key), ("upload-id-marker", upload)]);
            }
            let url = format!("{}?{}", self.address.bucket_url(), query_of(&query));
            let answer = self.request(Method::GET, &url, Vec::new(), text("")).await?;
            // Keys that may only write, and stores without such lists.
            if let Some("AccessDenied" | "NotImplemented" | "MethodNotAllowed") =
                answer.code().as_deref()
            {
                return Ok(None);
            }
            let page = answer.is_success().then(|| answer.uploads()).flatten();
            let page: ListPage<OpenUpload> =
                page.ok_or_else(|| answer.failure(BucketRequest::Small))?;
            found.extend(page.entries.into_iter().filter(|it| it.key.ends_with(key_end)));
            next = page.next;
        }
        let last = found.pop();
        for other in found {
            self.abort(&other.key, &other.id).await?;
        }
        Ok(last)
    }

    async fn create_upload(&self, name: &ObjectName) -> Result<OpenUpload, Failure> {
        let url = format!("{}?uploads=", self.address.object_url(&name.key));
        let headers = self.stored_as(served_as(&name.mime, &name.filename, CACHED));
        let answer = self.request(Method::POST, &url, headers, text("")).await?;
        let id = answer.is_success().then(|| answer.text("UploadId")).flatten();
        match id.filter(|id| !id.is_empty()) {
            Some(id) => Ok(OpenUpload { key: name.key.clone(), id }),
            None => Err(answer.failure(BucketRequest::Small)),
        }
    }

    /// Removes an upload that is not complete, with its parts.
    async fn abort(&self, key: &str, upload: &str) -> Result<(), Failure> {
        let query = query_of(&[("uploadId", upload.to_owned())]);
        let url = format!("{}?{query}", self.address.object_url(key));
        let answer = self.request(Method::DELETE, &url, Vec::new(), text("")).await?;
        match answer.is_success() {
            true => Ok(()),
            false => match answer.failure(BucketRequest::Small) {
                Failure::SessionUnknown => Ok(()),
                failure => Err(failure),
            },
        }
    }

    /// Returns the tags of the parts that an upload has.
    async fn tags(&self, key: &str, upload: &str) -> Result<BTreeMap<u32, String>, Failure> {
        let (mut tags, mut next) = (BTreeMap::new(), Some(String::new()));
        for _ in 0..PAGES_MAX {
            let Some(marker) = next else { break };
            let mut query =
                vec![("uploadId", upload.to_owned()), ("max-parts", PAGE_ENTRIES.to_string())];
            if !marker.is_empty() {
                query.push(("part-number-marker", marker));
            }
            let url = format!("{}?{}", self.address.object_url(key), query_of(&query));
            let answer = self.request(Method::GET, &url, Vec::new(), text("")).await?;
            let page = answer.is_success().then(|| answer.parts()).flatten();
            let page = page.ok_or_else(|| answer.failure(BucketRequest::Small))?;
            let numbered = page.entries.into_iter();
            tags.extend(numbered.filter_map(|(number, tag)| Some((number.checked_sub(1)?, tag))));
            next = page.next.map(|(marker, _)| marker);
        }
        Ok(tags)
    }

    /// Returns how many parts the object at this key was completed from, and its tag.
    async fn completed(&self, key: &str) -> Result<Option<(u32, String)>, Failure> {
        let Some(tag) = self.head(key).await?.and_then(|answer| answer.etag()) else {
            return Ok(None);
        };
        let parts = tag.rsplit_once('-').and_then(|(_, parts)| parts.parse().ok());
        Ok(Some((parts.unwrap_or(1), tag)))
    }

    async fn complete(&self, key: &str, upload: &str, receipts: &[Receipt]) -> Result<(), Failure> {
        let is_missing = |(_, receipt): &(u32, &Receipt)| receipt.0.is_empty();
        let missing = (0..).zip(receipts).filter(is_missing).map(|(index, _)| index);
        let indices: Vec<u32> = missing.collect();
        if !indices.is_empty() {
            return Err(Failure::PartsMissing { indices });
        }
        let tags: Vec<&str> = receipts.iter().map(|receipt| receipt.0.as_str()).collect();
        let query = query_of(&[("uploadId", upload.to_owned())]);
        let url = format!("{}?{query}", self.address.object_url(key));
        let limit = Duration::from_millis(policy::ASSEMBLY_MS_MAX);
        let body = RequestBody::Text(completion(&tags));
        let headers = vec![("content-type", "application/xml".to_owned())];
        let answer = self.request_within(limit, Method::POST, &url, headers, body).await?;
        // An error may come after the status, while the store joins the parts.
        if answer.is_success() && answer.is_document("CompleteMultipartUploadResult") {
            return Ok(());
        }
        if let Some("InvalidPart" | "InvalidPartOrder") = answer.code().as_deref() {
            let has = self.tags(key, upload).await?;
            let differs =
                |(index, tag): &(u32, &&str)| has.get(index).map(String::as_str) != Some(**tag);
            let indices: Vec<u32> =
                (0..).zip(&tags).filter(differs).map(|(index, _)| index).collect();
            if !indices.is_empty() {
                return Err(Failure::PartsMissing { indices });
            }
        }
        match answer.failure(BucketRequest::Small) {
            // The answer to an earlier completion was lost.
            Failure::SessionUnknown => match self.completed(key).await? {
                Some((parts, _)) if parts as usize == receipts.len() => Ok(()),
                Some(_) | None => Err(Failure::SessionUnknown),
            },
            failure => Err(failure),
        }
    }

    /// Sends a whole object. Returns its tag.
    async fn put(
        &self,
        key: &str,
        headers: Headers,
        body: RequestBody,
    ) -> Result<Receipt, Failure> {
        let url = self.address.object_url(key);
        let answer = self.request(Method::PUT, &url, self.stored_as(headers), body).await?;
        match answer.etag().filter(|_| answer.is_success()) {
            Some(tag) => Ok(Receipt(tag)),
            None => Err(answer.failure(BucketRequest::Object)),
        }
    }

    /// Sends a version of a picture, unless a later one is there.
    async fn put_picture(
        &self,
        (id, version): (Uuid, u32),
        picture: &OutgoingPicture,
        sha256: &[u8; 32],
        body: RequestBody,
    ) -> Result<Receipt, Failure> {
        let key = picture_key(id, self.address.prefix());
        let sha256 = hex(sha256);
        if let Some(there) = self.head(&key).await? {
            let served = there.header(VERSION).and_then(|version| version.parse().ok());
            let is_same = there.header(SHA256) == Some(sha256.as_str());
            if served == Some(version) && is_same {
                return Ok(Receipt(there.etag().unwrap_or_default()));
            }
            if served.is_some_and(|served| served >= version) {
                let detail = "the bucket has a later version of the picture".into();
                return Err(Failure::NewerVersion { served, detail });
            }
        }
        let mut headers = served_as(&picture.mime, &picture_filename(picture), REVALIDATED);
        headers.extend([(VERSION, version.to_string()), (SHA256, sha256)]);
        self.put(&key, headers, body).await
    }

    fn stored_as(&self, mut headers: Headers) -> Headers {
        let class = self.address.storage_class();
        headers.extend(class.map(|class| ("x-amz-storage-class", class.to_owned())));
        headers
    }

    /// Returns the link of an object that is there.
    async fn link(&self, key: &str) -> Option<String> {
        if let Some(link) = self.address.public_url(key) {
            return Some(link);
        }
        let url = Url::parse(&self.address.object_url(key)).ok()?;
        let unsigned = self.client.head(url.clone()).timeout(small()).send().await;
        if unsigned.is_ok_and(|answer| answer.status().is_success()) {
            return Some(url.into());
        }
        let signer = Signer::new(self.keys.as_ref()?, self.address.region(), self.now());
        Some(signer.presigned(url, LINK_SECONDS).into())
    }
}

#[async_trait]
impl Destination for S3 {
    fn offers(&self) -> Offers {
        Offers {
            framing: Profile::S3.framing(),
            part_size: Profile::S3.part_size(),
            parts_in_flight_max: Profile::S3.parts_in_flight_max(),
            // It shows nothing before the upload is complete.
            link_known_beforehand: false,
            lists_parts: true,
            reports_damage: false,
            takes_titles: false,
            file_bytes_max: None,
        }
    }

    /// Asks for the bucket's region: the one small request to which every store answers with XML.
    async fn probe(&self) -> ProbeVerdict {
        let url = format!("{}?location=", self.address.bucket_url());
        let answer = match &self.keys {
            Some(_) => self.request(Method::GET, &url, Vec::new(), text("")).await,
            None => self.read(self.client.get(&url).timeout(small())).await,
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => return ProbeVerdict::Offline { detail: failure.to_string() },
        };
        match answer.status {
            408 | 425 | 429 | 500..=599 => {
                ProbeVerdict::Offline { detail: format!("status {}", answer.status) }
            }
            200..=399 if !answer.has("LocationConstraint") && answer.code().is_none() => {
                let detail = format!("another server answered ({})", answer.status);
                ProbeVerdict::Offline { detail }
            }
            _ => ProbeVerdict::Online { capabilities: Some(capabilities()) },
        }
    }

    async fn check(&self) -> Result<(), Failure> {
        self.check_access().await
    }

    async fn open(&self, opening: &Opening) -> Result<OpenedUpload, Failure> {
        let id = opening.address.as_ref().map_or(opening.item, |address| address.id);
        if let Some(version) = opening.picture {
            return Ok(opened(&ObjectSession::Picture { id, version }));
        }
        if opening.version.is_some() {
            let detail = "a bucket can't show another version behind the same link".into();
            return Err(Failure::Refused { detail });
        }
        let name = ObjectName::of(opening, self.address.prefix());
        if opening.file.as_ref().is_some_and(|file| is_one_part(file.size_bytes)) {
            let ObjectName { key, mime, filename, .. } = name;
            return Ok(opened(&ObjectSession::Whole { key, mime, filename }));
        }
        let OpenUpload { key, id } = match self.find_upload(&name.key_end).await? {
            Some(found) => found,
            None => self.create_upload(&name).await?,
        };
        Ok(opened(&ObjectSession::Parts { upload: id, key }))
    }

    async fn send(&self, session: &SessionId, part: OutgoingPart) -> Result<Receipt, Failure> {
        let OutgoingPart { index, pieces, size_bytes, sha256, sent, picture, .. } = part;
        let body = RequestBody::Bytes { pieces, size_bytes, sha256, sent };
        match (ObjectSession::read(session).ok_or(Failure::SessionUnknown)?, picture) {
            (ObjectSession::Parts { upload, key }, _) => {
                let number = index.saturating_add(1).to_string();
                let query = query_of(&[("partNumber", number), ("uploadId", upload)]);
                let url = format!("{}?{query}", self.address.object_url(&key));
                let answer = self.request(Method::PUT, &url, Vec::new(), body).await?;
                match answer.etag().filter(|_| answer.is_success()) {
                    Some(tag) => Ok(Receipt(tag)),
                    None => Err(answer.failure(BucketRequest::Part)),
                }
            }
            (ObjectSession::Whole { key, mime, filename }, _) => {
                self.put(&key, served_as(&mime, &filename, CACHED), body).await
            }
            (ObjectSession::Picture { id, version }, Some(picture)) => {
                self.put_picture((id, version), &picture, &sha256, body).await
            }
            (ObjectSession::Picture { .. }, None) => Err(Failure::SessionUnknown),
        }
    }

    async fn received(&self, session: &SessionId) -> Result<ReceivedParts, Failure> {
        let (upload, key) = match ObjectSession::read(session).ok_or(Failure::SessionUnknown)? {
            ObjectSession::Parts { upload, key } => (Some(upload), key),
            ObjectSession::Whole { key, .. } => (None, key),
            ObjectSession::Picture { id, .. } => (None, picture_key(id, self.address.prefix())),
        };
        if self.keys.is_none() {
            return Err(Failure::SignedOut);
        }
        if let Some(upload) = &upload {
            match self.tags(&key, upload).await {
                Ok(tags) => {
                    let parts = tags.into_iter().map(|(index, tag)| (index, Receipt(tag)));
                    return Ok(ReceivedParts { parts: parts.collect(), finished: false });
                }
                Err(Failure::SessionUnknown) => {}
                Err(failure) => return Err(failure),
            }
        }
        match (self.completed(&key).await?, upload) {
            (Some((parts, tag)), _) => {
                let parts = (0..parts).map(|index| (index, Receipt(tag.clone()))).collect();
                Ok(ReceivedParts { parts, finished: true })
            }
            (None, Some(_)) => Err(Failure::SessionUnknown),
            (None, None) => Ok(ReceivedParts::default()),
        }
    }

    async fn finish(
        &self,
        session: &SessionId,
        end: &Completion,
    ) -> Result<Option<String>, Failure> {
        let key = match ObjectSession::read(session).ok_or(Failure::SessionUnknown)? {
            ObjectSession::Parts { upload, key } => {
                self.complete(&key, &upload, &end.receipts).await?;
                key
            }
            // The one request has made the object.
            ObjectSession::Whole { key, .. } => key,
            ObjectSession::Picture { id, .. } => picture_key(id, self.address.prefix()),
        };
        Ok(self.link(&key).await)
    }

    async fn damaged(&self) -> Result<Vec<(SessionId, Vec<u32>)>, Failure> {
        Ok(Vec::new())
    }

    async fn rename(&self, _session: &SessionId, _title: &str) -> Result<(), Failure> {
        Ok(())
    }

    async fn abandon(&self, session: &SessionId) -> Result<(), Failure> {
        match ObjectSession::read(session) {
            Some(ObjectSession::Parts { upload, key }) => self.abort(&key, &upload).await,
            Some(ObjectSession::Whole { .. } | ObjectSession::Picture { .. }) | None => Ok(()),
        }
    }
}

/// Returns what a bucket can do, as the upload machine asks it of servers: it takes the id and the title of an item,
/// and parts cut anywhere.
fn capabilities() -> Capabilities {
    Capabilities {
        server: Capabilities::SERVER.into(),
        version: String::new(),
        framings: vec![Framing::Stream],
        part_bytes_max: u64::MAX,
        parts_in_flight_max: Profile::S3.parts_in_flight_max() as u32,
        parts_cut_anywhere: true,
        link_template: None,
        sign_in: None,
        screenshots: None,
        videos: None,
    }
}

/// Returns whether a file of that size is one part.
fn is_one_part(file_bytes: u64) -> bool {
    match Profile::S3.part_size() {
        PartSize::Fixed(bytes) => file_bytes <= bytes,
        PartSize::Realtime | PartSize::Multipart => false,
    }
}

fn opened(session: &ObjectSession) -> OpenedUpload {
    OpenedUpload { session: session.id(), link: None }
}

fn text(text: &str) -> RequestBody {
    RequestBody::Text(text.to_owned())
}

#[cfg(test)]
mod tests {
    use reqwest::header::{DATE, HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn requests_are_signed_with_the_time_of_the_store_that_has_refused_ours() {
        let s3 = S3::new("s3+https://s3.example.com/b", None, Arc::default()).unwrap();
        let theirs = SystemTime::now() - Duration::from_secs(7 * 3_600);
        let date = HeaderValue::try_from(httpdate::fmt_http_date(theirs)).unwrap();
        let mut answer = S3Answer {
            status: 403,
            headers: HeaderMap::from_iter([(DATE, date)]),
            body: "<Error><Code>AccessDenied</Code></Error>".into(),
            ..S3Answer::default()
        };
        let apart_seconds = || match s3.now().duration_since(theirs) {
            Ok(after) => after.as_secs(),
            Err(before) => before.duration().as_secs(),
        };
        s3.follow_clock(&answer);
        assert!(apart_seconds() >= 7 * 3_600, "only a refusal for the time counts");
        answer.body = "<Error><Code>RequestTimeTooSkewed</Code></Error>".into();
        s3.follow_clock(&answer);
        assert!(apart_seconds() < 60, "{}", apart_seconds());
    }
}
