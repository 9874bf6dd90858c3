//! Serves a video's bytes by GET and HEAD, with ranges, streamed through its map. Nothing is held in
//! memory, and any node can answer any range.
//!
//! Range and conditional headers are read here, not by the `headers` crate. Its `Range` gives bounds as they
//! are written: clamping them to the file, and telling a malformed range (200) from one beyond the file
//! (416), would stay here, and these are most of the lines. Its `IfRange` compares dates too, which are never
//! sent.
//!
//! Length: all addresses that serve bytes of a link are here, because they share who gets them and for how long.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use snaplark_formats::sniff::MediaKind;
use std::ops::Range;
use std::sync::Arc;

use super::app::App;
use super::errors::ApiError;
use super::{access, share, visitor};
use crate::pages;
use snaplark_cloud::guesses::{GuessError, place};
use snaplark_cloud::media_map::MediaMap;
use snaplark_cloud::products::{CAPTIONS, Mp4Mode, ProductKind};
use snaplark_cloud::shares::Access;
use snaplark_cloud::signing::{ADDRESS_AGE, AddressSignature};
use snaplark_cloud::stream_pieces;
use snaplark_cloud::uploads::{UploadError, Uploads, Watchable};
use snaplark_cloud_data::db::{Bucket, JobState, Product, Upload};
use snaplark_cloud_data::layout::Layout;
use snaplark_cloud_data::storage::Storage;

/// A finished video never changes under its ETag, but its owner may remove it, so browsers and shared caches
/// revalidate each time.
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
/// How often a video or an image is looked up again because a newer version replaced it in the middle of the
/// request.
const REPLACED_TRIES_MAX: usize = 4;
pub(super) const GROWING: HeaderValue = HeaderValue::from_static("no-store");

/// `/videos/{id}/video.webm` (`.mkv`, `.mp4`, `.mov`): serves the video for watching. With `?v=2` it is the
/// second version alone, so that a player never continues one version with another.
/// `/screenshots/{id}/image.png` is the same for an image.
pub(crate) async fn video(
    State(app): State<App>,
    Path(video): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    for _ in 1..REPLACED_TRIES_MAX {
        let upload = there(&app, &video, &mut parts).await?;
        if asks_for_download(&parts) {
            admit_download(&app, &upload, &mut parts).await?;
        }
        let answer = video_of(&app, &upload, &parts).await;
        if answer.is_ok() || !is_replaced(&app, &upload).await? {
            return answer;
        }
    }
    let upload = there(&app, &video, &mut parts).await?;
    if asks_for_download(&parts) {
        admit_download(&app, &upload, &mut parts).await?;
    }
    video_of(&app, &upload, &parts).await
}

/// Returns whether the file is to be saved and not to be played: `?download`.
fn asks_for_download(asked: &Parts) -> bool {
    let query = asked.uri.query().unwrap_or_default().as_bytes();
    form_urlencoded::parse(query).any(|(name, _)| name == "download")
}

/// Refuses what no player needs, if the owner has switched downloads off. What players need can be saved
/// all the same by whoever wants to; nothing keeps them from it.
async fn admit_download(app: &App, upload: &Upload, asked: &mut Parts) -> Result<(), ApiError> {
    if !upload.share.downloads_off
        || is_signed(app, asked)
        || access::access(app, asked, upload).await? == Access::Owner
    {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        "Downloads are off",
        "The owner of this video doesn't offer it as a download. Its page plays it.",
    ))
}

async fn video_of(app: &App, upload: &Upload, asked: &Parts) -> Result<Response, ApiError> {
    match version_asked(asked) {
        Some(version) if version < upload.version => return Err(edited()),
        Some(version) if version > upload.version => return Err(gone()),
        Some(_) | None => {}
    }
    let Watchable { map, etag, media } = app.uploads.video(upload).await?;
    let keep = keep(app, upload, version_asked(asked).is_some());
    File { map, etag, mime: media.mime(), keep, opens_first: false }
        .send(app, upload, media.name(), asked)
        .await
}

/// Returns how long caches may keep bytes. `is_version`: the address names the version, so that its bytes
/// never become others. How long a cache may then show what was removed meanwhile is the operator's to say.
pub(super) fn keep(app: &App, upload: &Upload, is_version: bool) -> HeaderValue {
    let seconds = app.cache_max.as_secs();
    if !upload.share.is_open() {
        return FINISHED_PRIVATE;
    }
    if !is_version || seconds == 0 || upload.finished.is_none() {
        return FINISHED;
    }
    HeaderValue::try_from(format!("public, max-age={seconds}, immutable")).unwrap_or(FINISHED)
}

/// Does the same for what visitors get only while downloads are on.
fn keep_of_download(app: &App, upload: &Upload, is_version: bool) -> HeaderValue {
    if upload.share.downloads_off { FINISHED_PRIVATE } else { keep(app, upload, is_version) }
}

/// Returns the version that an address names. A `v` that is no number names none.
pub(super) fn version_asked(asked: &Parts) -> Option<u32> {
    let query = asked.uri.query()?;
    let version = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "v");
    version.and_then(|(_, version)| version.parse().ok())
}

/// Returns whether a greater version has replaced this one, which may have taken its bytes away in the
/// middle of the request.
async fn is_replaced(app: &App, upload: &Upload) -> Result<bool, ApiError> {
    let now = app.uploads.behind_link(upload.video_id).await?;
    Ok(now.is_some_and(|now| now.version != upload.version))
}

pub(super) fn edited() -> ApiError {
    ApiError::new(
        StatusCode::GONE,
        "Video was edited",
        "The owner replaced this video by an edited version. Its page shows it.",
    )
}

pub(crate) async fn image(
    State(app): State<App>,
    Path((image, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    for _ in 1..REPLACED_TRIES_MAX {
        let upload = there(&app, &image, &mut parts).await?;
        let answer = image_of(&app, &upload, &name, &parts).await;
        if answer.is_ok() || !is_replaced(&app, &upload).await? {
            return answer;
        }
    }
    let upload = there(&app, &image, &mut parts).await?;
    image_of(&app, &upload, &name, &parts).await
}

async fn image_of(
    app: &App,
    upload: &Upload,
    name: &str,
    asked: &Parts,
) -> Result<Response, ApiError> {
    let is_version = match wanted_image(upload, name) {
        WantedImage::Newest => false,
        WantedImage::This => true,
        WantedImage::Earlier => return Err(replaced()),
        WantedImage::Nothing => return Err(gone()),
    };
    let Watchable { map, etag, media } = app.uploads.video(upload).await?;
    let keep = keep(app, upload, is_version);
    File { map, etag, mime: media.mime(), keep, opens_first: true }
        .send(app, upload, media.name(), asked)
        .await
}

/// The image that a name below a screenshot's link means.
enum WantedImage {
    /// Whichever version is served.
    Newest,
    /// This version alone.
    This,
    /// A version that was replaced.
    Earlier,
    Nothing,
}

/// `image.png` is the version that is served, and stays the address if a later one has another type.
/// `image.2.png` is the second version alone: the bytes at this address never change.
fn wanted_image(upload: &Upload, name: &str) -> WantedImage {
    let Some((stem, ending)) = name.rsplit_once('.') else { return WantedImage::Nothing };
    let is_image = MediaKind::ALL.iter().any(|kind| kind.is_image() && kind.name() == ending);
    let is_ending = ending == upload.media.name();
    if !is_image || !upload.media.is_image() {
        return WantedImage::Nothing;
    }
    if stem == "image" {
        return if is_ending || upload.version > 1 {
            WantedImage::Newest
        } else {
            WantedImage::Nothing
        };
    }
    match stem.strip_prefix("image.").and_then(|version| version.parse::<u32>().ok()) {
        Some(version) if version == upload.version && is_ending => WantedImage::This,
        Some(version) if (1..upload.version).contains(&version) => WantedImage::Earlier,
        Some(_) | None => WantedImage::Nothing,
    }
}

fn replaced() -> ApiError {
    ApiError::new(
        StatusCode::GONE,
        "Image was replaced",
        "The owner replaced this image by a newer version. Its page shows it.",
    )
}

/// `/videos/{id}/original.webm`: serves the bytes exactly as received.
pub(crate) async fn original(
    State(app): State<App>,
    Path(video): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    let upload = there(&app, &video, &mut parts).await?;
    admit_download(&app, &upload, &mut parts).await?;
    let Watchable { map, etag, .. } = app.uploads.original(&upload).await?;
    let (mime, keep) = (upload.media.mime(), keep_of_download(&app, &upload, false));
    File { map, etag, mime, keep, opens_first: false }
        .answer(&app.uploads.storage, &parts.headers)
        .await
}

/// `/videos/{id}/live/init.webm`: serves the header that a player needs before any part.
pub(crate) async fn live_init(
    State(app): State<App>,
    Path(video): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let upload = there(&app, &video, &mut request.into_parts().0).await?;
    let first = app.uploads.part(&upload, 0).await?.ok_or_else(gone)?;
    // Nobody follows an edited version while it arrives, and its parts have other times.
    if first.is_damaged || upload.is_edited {
        return Err(gone());
    }
    if Uploads::is_cut(&upload, &first) {
        let map = app.uploads.followed_head(&upload).await?;
        return File::growing(map).answer(&app.uploads.storage, &HeaderMap::new()).await;
    }
    let Layout::Clusters { init: Some(init), .. } = &first.layout else { return Err(gone()) };
    let mut map = MediaMap::default();
    map.push_object(&first.object_key, 0..init.len_bytes);
    File::growing(map).answer(&app.uploads.storage, &HeaderMap::new()).await
}

/// `/videos/{id}/live/{index}`: serves one part's clusters without the init, or the whole part if
/// parts are cut at arbitrary positions.
pub(crate) async fn live_part(
    State(app): State<App>,
    Path((video, index)): Path<(String, u32)>,
    request: Request,
) -> Result<Response, ApiError> {
    let upload = there(&app, &video, &mut request.into_parts().0).await?;
    let part = app.uploads.part(&upload, index).await?;
    let part = part.filter(|part| !part.is_damaged && !upload.is_edited).ok_or_else(gone)?;
    let mut map = MediaMap::default();
    let first = app.uploads.part(&upload, 0).await?.ok_or_else(gone)?;
    match Uploads::is_cut(&upload, &first) {
        true => map.push_part(&part),
        false => map.push_media(&part),
    }
    File::growing(map).answer(&app.uploads.storage, &HeaderMap::new()).await
}

/// `/videos/{id}/made/thumbnail.jpg`, `/videos/{id}/made/720.mp4`: serves a product. If it is
/// made on request (an MP4) and doesn't exist yet, its job is started and the answer is 202, and the
/// client polls.
pub(crate) async fn product(
    State(app): State<App>,
    Path((video, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    let kind = ProductKind::of(&name).filter(|kind| kind.is_served).ok_or_else(gone)?;
    let upload = there(&app, &video, &mut parts).await?;
    let is_download = kind.mime == "video/mp4";
    if is_download || asks_for_download(&parts) {
        admit_download(&app, &upload, &mut parts).await?;
    }
    let version = version_asked(&parts);
    match version {
        Some(version) if version < upload.version => return Err(edited()),
        Some(version) if version > upload.version => return Err(gone()),
        Some(_) | None => {}
    }
    let Some(made) = app.uploads.product(upload.session_id, kind).await? else {
        return not_made(&app, &upload, kind, &mut parts).await;
    };
    let ending = kind.name.as_str().rsplit('.').next().unwrap_or_default();
    // Owners change captions without making a version.
    let is_version = version.is_some() && *kind != CAPTIONS;
    let keep = match is_download {
        true => keep_of_download(&app, &upload, is_version),
        false => keep(&app, &upload, is_version),
    };
    File::made(&made, kind.mime, keep).send(&app, &upload, ending, &parts).await
}

/// Asks for a product that isn't there, if it is made on request. Returns 202 while it is made.
pub(super) async fn not_made(
    app: &App,
    upload: &Upload,
    kind: &ProductKind,
    parts: &mut Parts,
) -> Result<Response, ApiError> {
    let noun = kind.noun_on_request().ok_or_else(gone)?;
    // Only WebM can be read before its end, and nobody follows an edited version.
    let can_follow = kind.follows_upload()
        && !upload.is_edited
        && matches!(upload.media, MediaKind::Webm | MediaKind::Mkv);
    let is_early = upload.finished.is_none() && !can_follow;
    if is_early || upload.media.is_image() {
        return Err(gone());
    }
    if app.uploads.mp4_mode() == Mp4Mode::Never {
        return Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            &format!("No {noun} here"),
            &format!("This server makes no {noun}s. The video is available as WebM."),
        ));
    }
    if !app.jobs.works() {
        return Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            &format!("No {noun} here"),
            &format!(
                "This server can't make {noun}s, because it has no ffmpeg. The video is available as WebM."
            ),
        ));
    }
    let jobs = app.uploads.jobs(upload).await?;
    let is_busy = jobs.iter().any(|job| {
        let other = ProductKind::of(job.product.as_str())
            .filter(|it| job.product != kind.name && it.noun_on_request().is_some());
        // A player doesn't wait for somebody's download, nor a download for a stream that nobody makes yet.
        !kind.follows_upload()
            && match job.state {
                JobState::Waiting => other.is_some_and(|it| !it.follows_upload()),
                JobState::Running => other.is_some(),
                JobState::Done | JobState::Failed => false,
            }
    });
    let job = jobs.into_iter().find(|job| job.product == kind.name);
    match job {
        Some(job) if job.state == JobState::Failed => Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            &format!("{noun} failed"),
            &format!("This video could not be converted to {noun}. It is available as WebM."),
        )),
        Some(_) | None => {
            // Only one product of a video is made on request at a time. The client comes back anyway.
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

pub(super) async fn there(app: &App, video: &str, parts: &mut Parts) -> Result<Upload, ApiError> {
    let video = share::video_id(video).ok_or_else(gone)?;
    let mut upload = app.uploads.behind_link(video).await?;
    // If a file was uploaded directly to the bucket, a request for its URL takes it over.
    if let Some(waiting) = upload.as_ref().filter(|upload| upload.is_open())
        && let Ok(Some(arrived)) = app.arrived(waiting).await
    {
        upload = Some(arrived);
    }
    let upload = upload.filter(|upload| app.uploads.is_there(upload)).ok_or_else(gone)?;
    if !is_signed(app, parts) {
        access::admit(app, parts, &upload).await?;
    }
    Ok(upload)
}

/// Returns whether this is a signed URL, which the owner requested for someone.
fn is_signed(app: &App, asked: &Parts) -> bool {
    let signed = Query::<AddressSignature>::try_from_uri(&asked.uri);
    let now_ms = app.uploads.clock.now_ms();
    signed.is_ok_and(|Query(it)| app.signing.is_good("GET", asked.uri.path(), &it, now_ms))
}

pub(super) fn gone() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "Video not found",
        "There is no video here, or it isn't uploaded yet.",
    )
}

/// Bytes to be served.
pub(super) struct File {
    map: Arc<MediaMap>,
    /// Set if the content will not change any more.
    etag: Option<String>,
    mime: &'static str,
    /// How long caches may keep it, if it has an ETag.
    keep: HeaderValue,
    /// Opens the object before the answer begins, so that an object that was deleted meanwhile is an error
    /// instead of an answer that breaks off.
    opens_first: bool,
}

impl File {
    /// Serves a product's object.
    pub(super) fn made(made: &Product, mime: &'static str, keep: HeaderValue) -> Self {
        let mut map = MediaMap::default();
        map.push_object(&made.object_key, 0..made.size_bytes);
        // The object of a key never changes.
        let etag = format!("\"{}\"", made.object_key.rsplit('/').next().unwrap_or_default());
        File { map: Arc::new(map), etag: Some(etag), mime, keep, opens_first: false }
    }

    fn growing(map: MediaMap) -> Self {
        let mime = MediaKind::Webm.mime();
        File { map: Arc::new(map), etag: None, mime, keep: GROWING, opens_first: false }
    }

    /// With `?download` the file is saved under the video's title, and may be served by the bucket.
    async fn send(
        self,
        app: &App,
        upload: &Upload,
        ending: &str,
        asked: &Parts,
    ) -> Result<Response, ApiError> {
        if !asks_for_download(asked) {
            return self.answer(&app.uploads.storage, &asked.headers).await;
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
        let mut response = self.answer(&app.uploads.storage, &asked.headers).await?;
        response
            .headers_mut()
            .extend(disposition.parse().ok().map(|it| (header::CONTENT_DISPOSITION, it)));
        Ok(response)
    }

    pub(super) async fn answer(
        self,
        storage: &Storage,
        asked: &HeaderMap,
    ) -> Result<Response, ApiError> {
        let File { map, etag, mime, keep, opens_first } = self;
        let len = map.len_bytes();
        if len == 0 {
            return Err(gone());
        }
        let keep = if etag.is_some() { keep } else { GROWING };
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
        let body = match map.only_object().filter(|_| opens_first) {
            Some(key) => match storage.stream(key, range).await {
                Ok(stream) => Body::from_stream(stream),
                Err(error) if error.is_missing() => return Err(gone()),
                Err(error) => return Err(error.into()),
            },
            None => Body::from_stream(stream_pieces(storage, map.pieces(range))),
        };
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
        "The file isn't the version that If-Match names.",
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
