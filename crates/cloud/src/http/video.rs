//! Serves a video's bytes by GET and HEAD, with ranges, streamed through its map. Nothing is held in
//! memory, and any node can answer any range.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use serde_json::json;
use std::ops::Range;
use std::sync::Arc;

use super::dialects::arrived;
use super::errors::ApiError;
use super::{App, access, share, visitor};
use crate::db::{Bucket, JobState, ProductKind, Upload};
use crate::guesses::{GuessError, place};
use crate::media::Media;
use crate::media_map::{MediaMap, Piece, Source};
use crate::pages;
use crate::parts::Layout;
use crate::shares::Access;
use crate::signing::{ADDRESS_AGE, Signed};
use crate::storage::{Storage, StorageError};
use crate::uploads::{UploadError, Uploads, Watchable};

/// A finished video never changes under its ETag, but its owner may remove it, so browsers revalidate
/// each time.
const FINISHED: HeaderValue = HeaderValue::from_static("public, no-cache");
/// For a viewer whose access was checked: shared caches must not store the response.
const FINISHED_PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
/// A file from a user must never act as a page of this server.
const FILE_POLICY: &str = "default-src 'none'; sandbox";
/// The policy for what browsers display in a document of their own, which a sandbox would keep from
/// loading the file: only the file itself and the browser's own style. None of the images and videos
/// that are served contains scripts, since the type is determined from the bytes, and sniffing is
/// off.
const MEDIA_POLICY: &str =
    "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'";
/// The rate limit of MP4s that one address (or one IPv6 /64) requests of other people's videos.
const MP4_ASKED: Bucket = Bucket { size: 10, refill_ms: 6 * 60 * 1000 };
const GROWING: HeaderValue = HeaderValue::from_static("no-store");

/// `/videos/{id}/video.webm` (`.mkv`, `.mp4`, `.mov`): serves the video for watching.
/// `/screenshots/{id}/image.png` is the same for an image.
pub async fn video(
    State(app): State<App>,
    Path(video): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    let upload = there(&app, &video, &mut parts).await?;
    let Watchable { map, etag, media } = app.uploads.video(&upload).await?;
    let is_open = upload.share.is_open();
    File { map, etag, mime: media.mime(), is_open }.send(&app, &upload, media.name(), &parts).await
}

pub async fn image(
    State(app): State<App>,
    Path((image, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    let upload = there(&app, &image, &mut parts).await?;
    if pages::file_path(&upload).rsplit('/').next() != Some(name.as_str()) {
        return Err(gone());
    }
    let Watchable { map, etag, media } = app.uploads.video(&upload).await?;
    let is_open = upload.share.is_open();
    File { map, etag, mime: media.mime(), is_open }.send(&app, &upload, media.name(), &parts).await
}

/// `/videos/{id}/original.webm`: serves the bytes exactly as received.
pub async fn original(
    State(app): State<App>,
    Path(video): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    let upload = there(&app, &video, &mut parts).await?;
    let Watchable { map, etag, .. } = app.uploads.original(&upload).await?;
    let (mime, is_open) = (upload.media.mime(), upload.share.is_open());
    File { map, etag, mime, is_open }.answer(&app.uploads.storage, &parts.headers)
}

/// `/videos/{id}/live/init.webm`: serves the header that a player needs before any part.
pub async fn live_init(
    State(app): State<App>,
    Path(video): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let upload = there(&app, &video, &mut request.into_parts().0).await?;
    let first = app.uploads.db.part(upload.session_id, 0).await?.ok_or_else(gone)?;
    if first.is_damaged {
        return Err(gone());
    }
    if Uploads::is_cut(&upload, &first) {
        let map = app.uploads.followed_head(&upload).await?;
        return File::growing(map).answer(&app.uploads.storage, &HeaderMap::new());
    }
    let Layout::Clusters { init: Some(init), .. } = &first.layout else { return Err(gone()) };
    let mut map = MediaMap::default();
    map.push_object(&first.object_key, 0..init.len_bytes);
    File::growing(map).answer(&app.uploads.storage, &HeaderMap::new())
}

/// `/videos/{id}/live/{index}`: serves one part's clusters without the init, or the whole part if
/// parts are cut at arbitrary positions.
pub async fn live_part(
    State(app): State<App>,
    Path((video, index)): Path<(String, u32)>,
    request: Request,
) -> Result<Response, ApiError> {
    let upload = there(&app, &video, &mut request.into_parts().0).await?;
    let part = app.uploads.db.part(upload.session_id, index).await?;
    let part = part.filter(|part| !part.is_damaged).ok_or_else(gone)?;
    let mut map = MediaMap::default();
    let first = app.uploads.db.part(upload.session_id, 0).await?.ok_or_else(gone)?;
    match Uploads::is_cut(&upload, &first) {
        true => map.push_part(&part),
        false => map.push_media(&part),
    }
    File::growing(map).answer(&app.uploads.storage, &HeaderMap::new())
}

/// `/videos/{id}/made/thumbnail.jpg`, `/videos/{id}/made/720.mp4`: serves a product. A request for an
/// MP4 that doesn't exist yet starts its job and is answered with 202, and the client polls.
pub async fn product(
    State(app): State<App>,
    Path((video, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    let kind = ProductKind::of(&name).filter(|kind| kind.is_served()).ok_or_else(gone)?;
    let upload = there(&app, &video, &mut parts).await?;
    let Some(made) = app.uploads.db.product(upload.session_id, kind).await? else {
        return not_made(&app, &upload, kind, &mut parts).await;
    };
    let mut map = MediaMap::default();
    map.push_object(&made.object_key, 0..made.size_bytes);
    // The object of a key never changes.
    let etag = format!("\"{}\"", made.object_key.rsplit('/').next().unwrap_or_default());
    let is_open = upload.share.is_open();
    let ending = kind.name().rsplit('.').next().unwrap_or_default();
    File { map: Arc::new(map), etag: Some(etag), mime: kind.mime(), is_open }
        .send(&app, &upload, ending, &parts)
        .await
}

async fn not_made(
    app: &App,
    upload: &Upload,
    kind: ProductKind,
    parts: &mut Parts,
) -> Result<Response, ApiError> {
    if !matches!(kind, ProductKind::Mp4(_)) || upload.finished.is_none() || upload.media.is_image()
    {
        return Err(gone());
    }
    if !app.jobs.works() {
        return Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "No MP4 here",
            "This server has no ffmpeg, so it makes no MP4. The video itself is there as WebM.",
        ));
    }
    let jobs = app.uploads.db.jobs(upload.session_id).await?;
    let is_busy = jobs.iter().any(|job| {
        matches!(job.product, ProductKind::Mp4(_))
            && job.product != kind
            && matches!(job.state, JobState::Waiting | JobState::Running)
    });
    let job = jobs.into_iter().find(|job| job.product == kind);
    match job {
        Some(job) if job.state == JobState::Failed => Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "MP4 failed",
            "This video could not be made an MP4. The video itself is there as WebM.",
        )),
        Some(_) | None => {
            // Only one MP4 of a video is made at a time. The client comes back anyway.
            if job.is_none() && !is_busy {
                may_ask(app, upload, parts).await?;
                app.jobs.ask_for(upload, kind).await?;
            }
            let state = job.map_or(JobState::Waiting, |job| job.state);
            let answer = Json(json!({"success": true, "state": state.name()}));
            let headers = [
                (header::RETRY_AFTER, HeaderValue::from_static("3")),
                (header::CACHE_CONTROL, GROWING),
            ];
            Ok((StatusCode::ACCEPTED, headers, answer).into_response())
        }
    }
}

/// Limits how many jobs people other than the owner may start.
async fn may_ask(app: &App, upload: &Upload, parts: &mut Parts) -> Result<(), ApiError> {
    if access::access(app, parts, upload).await? == Access::Owner {
        return Ok(());
    }
    let from = visitor::from(app, &parts.headers, &parts.extensions);
    match app.accounts.guesses.take(&[(format!("mp4 {}", place(from)), MP4_ASKED)]).await {
        Ok(()) => Ok(()),
        Err(GuessError::TooMany { retry_after_s }) => Err(ApiError::too_many(retry_after_s)),
        Err(GuessError::Db(error)) => Err(UploadError::from(error).into()),
    }
}

async fn there(app: &App, video: &str, parts: &mut Parts) -> Result<Upload, ApiError> {
    let video = share::video_id(video).ok_or_else(gone)?;
    let mut upload = app.uploads.behind_link(video).await?;
    // If a file was uploaded directly to the bucket, a request for its URL takes it over.
    if let Some(waiting) = upload.as_ref().filter(|upload| upload.is_open())
        && let Ok(Some(arrived)) = arrived(app, waiting).await
    {
        upload = Some(arrived);
    }
    let upload = upload.filter(|upload| app.uploads.is_there(upload)).ok_or_else(gone)?;
    // A signed URL, which the owner requested for someone.
    let signed = Query::<Signed>::try_from_uri(&parts.uri);
    let now_ms = app.uploads.clock.now_ms();
    if !signed.is_ok_and(|Query(it)| app.signing.is_good("GET", parts.uri.path(), &it, now_ms)) {
        access::admit(app, parts, &upload).await?;
    }
    Ok(upload)
}

fn gone() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "Video not found", "There is no video here, or not yet.")
}

struct File {
    map: Arc<MediaMap>,
    /// Set if the content will not change any more.
    etag: Option<String>,
    mime: &'static str,
    is_open: bool,
}

impl File {
    fn growing(map: MediaMap) -> Self {
        File { map: Arc::new(map), etag: None, mime: Media::Webm.mime(), is_open: false }
    }

    /// With `?download` the file is saved under the video's title, and may be served by the bucket.
    async fn send(
        self,
        app: &App,
        upload: &Upload,
        ending: &str,
        asked: &Parts,
    ) -> Result<Response, ApiError> {
        let is_download = asked.uri.query().is_some_and(|query| {
            form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "download")
        });
        if !is_download {
            return self.answer(&app.uploads.storage, &asked.headers);
        }
        let disposition = attachment(&pages::shown_title(upload), ending);
        if let Some(key) = self.map.only_object().filter(|_| app.redirects_downloads) {
            let answers = [
                ("response-content-type", self.mime),
                ("response-content-disposition", disposition.as_str()),
            ];
            let storage = &app.uploads.storage;
            if let Some(url) = storage.presigned(Method::GET, key, ADDRESS_AGE, &answers).await? {
                let headers =
                    [(header::LOCATION, url.as_str()), (header::CACHE_CONTROL, "no-store")];
                return Ok((StatusCode::FOUND, headers).into_response());
            }
        }
        let mut response = self.answer(&app.uploads.storage, &asked.headers)?;
        response
            .headers_mut()
            .extend(disposition.parse().ok().map(|it| (header::CONTENT_DISPOSITION, it)));
        Ok(response)
    }

    fn answer(self, storage: &Storage, asked: &HeaderMap) -> Result<Response, ApiError> {
        let File { map, etag, mime, is_open } = self;
        let len = map.len_bytes();
        if len == 0 {
            return Err(gone());
        }
        let keep = match (&etag, is_open) {
            (Some(_), true) => FINISHED,
            (Some(_), false) => FINISHED_PRIVATE,
            (None, _) => GROWING,
        };
        let mut headers = HeaderMap::from_iter([
            (header::CONTENT_TYPE, HeaderValue::from_static(mime)),
            (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
            (header::CACHE_CONTROL, keep),
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy(mime))),
        ]);
        headers.extend(
            etag.as_ref().and_then(|etag| etag.parse().ok()).map(|etag| (header::ETAG, etag)),
        );
        if !is_match(etag.as_deref(), asked) {
            return Err(changed());
        }
        if is_unmodified(etag.as_deref(), asked) {
            return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
        }
        let content_range = |text: String| text.parse().ok().map(|it| (header::CONTENT_RANGE, it));
        let (status, range) = match range(asked, etag.as_deref(), len) {
            Asked::Whole => (StatusCode::OK, 0..len),
            Asked::Part(range) => {
                let text = format!("bytes {}-{}/{len}", range.start, range.end - 1);
                headers.extend(content_range(text));
                (StatusCode::PARTIAL_CONTENT, range)
            }
            Asked::Nothing => {
                headers.extend(content_range(format!("bytes */{len}")));
                headers.remove(header::CONTENT_TYPE);
                return Ok((StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response());
            }
        };
        headers.insert(header::CONTENT_LENGTH, (range.end - range.start).into());
        let body = Body::from_stream(bytes(storage.clone(), map.pieces(range)));
        Ok((status, headers, body).into_response())
    }
}

/// RFC 6266 and 8187: any characters, percent-encoded so that none ends the name early.
fn attachment(title: &str, ending: &str) -> String {
    let mut name = String::new();
    for byte in format!("{title}.{ending}").bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename*=UTF-8''{name}")
}

/// Streams the pieces one after the other. Each is opened when it is needed.
pub fn bytes(
    storage: Storage,
    pieces: impl Iterator<Item = Piece> + Send + 'static,
) -> impl futures_util::Stream<Item = Result<Bytes, StorageError>> {
    stream::iter(pieces)
        .then(move |piece| {
            let storage = storage.clone();
            async move { open(&storage, piece).await }
        })
        .try_flatten()
        .inspect_err(|error| tracing::error!(%error, "A video broke off while it was served"))
}

async fn open(
    storage: &Storage,
    piece: Piece,
) -> Result<BoxStream<'static, Result<Bytes, StorageError>>, StorageError> {
    match piece.source {
        Source::Bytes(bytes) => Ok(stream::once(async { Ok(bytes) }).boxed()),
        Source::Object { key, offset } => {
            storage.stream(&key, offset..offset + piece.len_bytes).await
        }
    }
}

fn policy(mime: &str) -> &'static str {
    let is_shown = mime.starts_with("video/") || mime.starts_with("image/");
    if is_shown { MEDIA_POLICY } else { FILE_POLICY }
}

/// RFC 9110, 13.1.1: a weak tag never matches, and content that still grows has no tag.
fn is_match(etag: Option<&str>, asked: &HeaderMap) -> bool {
    let lines = || asked.get_all(header::IF_MATCH).iter();
    let mut wanted = lines().filter_map(|line| line.to_str().ok()).flat_map(|it| it.split(','));
    lines().next().is_none() || wanted.any(|it| it.trim() == "*" || Some(it.trim()) == etag)
}

fn changed() -> ApiError {
    ApiError::new(
        StatusCode::PRECONDITION_FAILED,
        "Precondition failed",
        "The file is not, or not any more, the one that If-Match names.",
    )
}

fn is_unmodified(etag: Option<&str>, asked: &HeaderMap) -> bool {
    let known = asked.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let (Some(etag), Some(known)) = (etag, known) else { return false };
    known
        .split(',')
        .map(str::trim)
        .any(|known| known == "*" || known.trim_start_matches("W/") == etag)
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Part(Range<u64>),
    Nothing,
}

/// RFC 9110, 14: the whole file is served if the range can't be parsed, if there are several ranges,
/// or if If-Range isn't exactly this ETag.
fn range(asked: &HeaderMap, etag: Option<&str>, len: u64) -> Asked {
    let text = |name| asked.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(spec) = text(header::RANGE).and_then(|range| range.trim().strip_prefix("bytes="))
    else {
        return Asked::Whole;
    };
    if asked.contains_key(header::IF_RANGE) && text(header::IF_RANGE) != etag {
        return Asked::Whole;
    }
    let Some((first, last)) = spec.split_once('-').filter(|_| !spec.contains(',')) else {
        return Asked::Whole;
    };
    let number = |text: &str| -> Option<Option<u64>> {
        let text = text.trim();
        if text.is_empty() {
            return Some(None);
        }
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        // A number with too many digits is beyond the end of any file.
        digits.then(|| Some(text.parse().unwrap_or(u64::MAX)))
    };
    match (number(first), number(last)) {
        (Some(Some(first)), Some(last)) => {
            let end = last.map_or(len, |last| last.saturating_add(1).min(len));
            match last {
                Some(last) if last < first => Asked::Whole,
                _ if first >= len => Asked::Nothing,
                _ => Asked::Part(first..end),
            }
        }
        (Some(None), Some(Some(suffix))) if suffix == 0 || len == 0 => Asked::Nothing,
        (Some(None), Some(Some(suffix))) => Asked::Part(len.saturating_sub(suffix)..len),
        (Some(None), Some(None)) | (None, _) | (_, None) => Asked::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        for (text, expected) in [
            ("bytes=0-0", Asked::Part(0..1)),
            ("bytes=0-", Asked::Part(0..10)),
            ("bytes=4-6", Asked::Part(4..7)),
            ("bytes=4-600", Asked::Part(4..10)),
            ("bytes=4-99999999999999999999999", Asked::Part(4..10)),
            ("bytes=-3", Asked::Part(7..10)),
            ("bytes=-30", Asked::Part(0..10)),
            ("bytes=-0", Asked::Nothing),
            ("bytes=10-", Asked::Nothing),
            ("bytes=99999999999999999999999-", Asked::Nothing),
            ("bytes=6-4", Asked::Whole),
            ("bytes=0-1,3-4", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("items=0-1", Asked::Whole),
        ] {
            assert_eq!(range(&asked(&[(header::RANGE, text)]), None, 10), expected, "{text}");
        }
        assert_eq!(range(&asked(&[(header::RANGE, "bytes=0-")]), None, 0), Asked::Nothing);
    }

    #[test]
    fn a_name_is_any_text_and_never_a_header() {
        assert_eq!(
            attachment("Q3 \"ä\"\r\nX: y", "mp4"),
            "attachment; filename*=UTF-8''Q3%20%22%C3%A4%22%0D%0AX%3A%20y.mp4"
        );
    }

    #[test]
    fn if_range_needs_the_very_etag() {
        let with = |value| asked(&[(header::RANGE, "bytes=1-2"), (header::IF_RANGE, value)]);
        assert_eq!(range(&with("\"a\""), Some("\"a\""), 10), Asked::Part(1..3));
        for other in ["\"b\"", "W/\"a\"", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(range(&with(other), Some("\"a\""), 10), Asked::Whole, "{other}");
        }
        assert_eq!(range(&with("\"a\""), None, 10), Asked::Whole);
    }
}
