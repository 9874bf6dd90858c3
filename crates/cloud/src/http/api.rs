//! `/api/v1`: the endpoints of the specifications. This only translates between HTTP and `uploads`,
//! which makes the decisions.

use axum::Json;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::DefaultBodyLimit;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use snaplark_api::{
    Capabilities, ChunkAnswer, FinalizeAnswer, Framing, InitAnswer, SignIn, VideoStatus, limits,
    routes,
};
use uuid::Uuid;

use super::auth::Signed;
use super::body::is_too_slow;
use super::errors::{ApiError, allowance_headers};
use super::{App, captions, forms, multipart, openapi, screenshots};
use crate::db::{Cursor, JobStatus, Listing, ProductKind, SessionId, Upload};
use crate::media_map;
use crate::pages::{file_path, page_path, shown_title, thumbnail_url};
use crate::shares::ShareAsk;
use crate::signing::ADDRESS_AGE;

/// 10,000 indexes with commas take 60 KB.
const JSON_BYTES_MAX: usize = 1024 * 1024;
const LIST_DEFAULT: u32 = 50;
const LIST_MAX: u32 = 200;
/// More than any profile sends at once, and few enough to be served beside other requests.
const PARTS_IN_FLIGHT_MAX: u32 = 4;

/// Paths and their handlers. The router is built from these tables, and tests compare the API's
/// document (`openapi`) with them.
pub type Routes = Vec<(&'static str, MethodRouter<App>)>;

pub fn table() -> Routes {
    vec![
        (routes::INIT, post(init)),
        (routes::CHUNK, post(chunk)),
        (routes::FINALIZE, post(finalize)),
        (routes::VIDEOS, get(list)),
        ("/videos/{session}", get(status).delete(remove).patch(change)),
        ("/videos/{session}/captions", put(captions::put).delete(captions::remove)),
        ("/videos/{session}/download", get(download)),
        (routes::SCREENSHOTS, post(screenshots::upload)),
        ("/screenshots/{id}", delete(screenshots::remove)),
        (routes::CAPABILITIES, get(capabilities)),
        (routes::USAGE, get(usage)),
        ("/user", get(user)),
        ("/media/upload", post(screenshots::upload)),
        ("/openapi.json", get(openapi::serve)),
    ]
}

pub fn routes() -> Router<App> {
    let api =
        table().into_iter().fold(Router::new(), |api, (path, methods)| api.route(path, methods));
    let api = api
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        // Each handler has its own, smaller limit.
        .layer(DefaultBodyLimit::disable());
    Router::new().nest(routes::PREFIX, api)
}

async fn init(
    State(app): State<App>,
    Signed(user): Signed,
    request: Request,
) -> Result<Json<InitAnswer>, ApiError> {
    let body = json_body(request).await?;
    let new = forms::init(&body, user)?;
    let upload = app.uploads.init(&new).await?;
    // Only the first title is set here, because a later one was chosen by the owner.
    if let Some(title) = body.get("title").and_then(Value::as_str)
        && upload.share.title.is_none()
    {
        let ask = ShareAsk { title: Some(title.to_owned()), ..ShareAsk::default() };
        app.shares.change(&app.accounts, &upload, &ask).await?;
    }
    Ok(Json(InitAnswer {
        success: Some(true),
        session_id: upload.session_id.to_string(),
        video_id: Some(upload.video_id.to_string()),
        video_url: Some(page_url(&app, &upload)),
        message: Some("Upload session initialized".to_owned()),
    }))
}

async fn chunk(
    State(app): State<App>,
    Signed(user): Signed,
    request: Request,
) -> Result<Response, ApiError> {
    let mut form = multipart::read_chunk::<forms::VideoChunk>(&app, user, request).await?;
    let headers = allowance_headers(form.allowance);
    let (session, index) = (form.upload.session_id, form.index);
    app.uploads.tell_media(&mut form.upload, index, &form.written).await?;
    let receipt =
        app.uploads.receive(&form.upload, index, form.written, form.sha256_claimed).await?;
    let answer = ChunkAnswer {
        success: Some(true),
        received_chunk_index: Some(index),
        session_id: Some(session.to_string()),
        total_chunks_received: Some(receipt.parts_received),
        received: Some(true),
        chunk_index: Some(index),
        message: Some("Chunk received".to_owned()),
    };
    Ok((headers, Json(answer)).into_response())
}

async fn finalize(
    State(app): State<App>,
    Signed(user): Signed,
    request: Request,
) -> Result<Json<FinalizeAnswer>, ApiError> {
    let (session, ask) = forms::finalize(&json_body(request).await?)?;
    let upload = app.uploads.finalize(user, session, &ask).await?;
    app.jobs.look_soon();
    let key = file_path(&upload).trim_start_matches('/').to_owned();
    Ok(Json(FinalizeAnswer {
        success: Some(true),
        session_id: Some(session.to_string()),
        video_id: Some(upload.video_id.to_string()),
        video_url: Some(page_url(&app, &upload)),
        url: Some(format!("{}/{key}", app.public_url)),
        key: Some(key),
        message: Some("Video assembled".to_owned()),
    }))
}

async fn status(
    State(app): State<App>,
    Signed(user): Signed,
    Path(session): Path<String>,
) -> Result<Json<OwnVideo>, ApiError> {
    let upload = app.uploads.own(user, forms::session_id(&session)?).await?;
    let indices = app.uploads.db.part_indices(upload.session_id).await?;
    let mut status = video_status(&app, &upload).await?;
    status.status.received_chunks = indices;
    status.status.damaged_chunks = damaged_chunks(&app, &upload).await?;
    let jobs = app.uploads.db.jobs(upload.session_id).await?;
    let told = |job: JobStatus| JobAnswer {
        product: job.product.name(),
        state: job.state.name(),
        attempts: job.attempts,
        error: job.error,
    };
    status.jobs = jobs.into_iter().map(told).collect();
    Ok(Json(status))
}

/// The status that the specifications define, and what our server adds to it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnVideo {
    #[serde(flatten)]
    status: VideoStatus,
    title: String,
    visibility: &'static str,
    expires_unix_ms: Option<i64>,
    views: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    thumbnail_url: Option<String>,
    /// The ranges in which a placeholder is shown for what was damaged before the upload.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    holes: Vec<Hole>,
    /// The video's jobs and their progress. Only in answers about a single video.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    jobs: Vec<JobAnswer>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Hole {
    start_ms: u64,
    end_ms: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JobAnswer {
    product: &'static str,
    state: &'static str,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OwnVideos {
    success: bool,
    videos: Vec<OwnVideo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Changes a video's title, visibility and other link settings.
async fn change(
    State(app): State<App>,
    Signed(user): Signed,
    Path(session): Path<String>,
    request: Request,
) -> Result<Json<OwnVideo>, ApiError> {
    let session = forms::session_id(&session)?;
    let upload = app.uploads.own(user, session).await?;
    let ask = forms::share(&json_body(request).await?)?;
    app.shares.change(&app.accounts, &upload, &ask).await?;
    let upload = app.uploads.own(user, session).await?;
    Ok(Json(video_status(&app, &upload).await?))
}

#[derive(Debug, Deserialize)]
struct ListQuery {
    limit: Option<u32>,
    cursor: Option<String>,
    /// Returns only videos with damaged parts here, and lists those parts.
    damaged: Option<bool>,
}

/// Converts the rejection of a query string into the API's error format.
pub fn bad_query(error: &QueryRejection) -> ApiError {
    let text = error.body_text();
    let reason = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
    // An example is `limit: invalid digit found in string`.
    let (field, reason) = reason.split_once(": ").unwrap_or(("query", reason));
    ApiError::field(field, &format!("The {field} field can't be read: {reason}."))
}

async fn list(
    State(app): State<App>,
    Signed(user): Signed,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<OwnVideos>, ApiError> {
    let Query(query) = query.map_err(|error| bad_query(&error))?;
    let limit = query.limit.unwrap_or(LIST_DEFAULT);
    if !(1..=LIST_MAX).contains(&limit) {
        let sentence = format!("The limit field must be between 1 and {LIST_MAX}.");
        return Err(ApiError::field("limit", &sentence));
    }
    if query.damaged == Some(true) {
        let mut videos = Vec::new();
        for upload in &app.uploads.damaged(user, LIST_MAX).await? {
            let mut video = video_status(&app, upload).await?;
            video.status.damaged_chunks = damaged_chunks(&app, upload).await?;
            videos.push(video);
        }
        return Ok(Json(OwnVideos { success: true, videos, next_cursor: None }));
    }
    let behind = query.cursor.as_deref().map(read_cursor).transpose()?;
    // One more than requested is read, to find out whether there are more.
    let listing = Listing { matching: "", behind, limit: limit + 1, with_images: false };
    let mut uploads = app.uploads.list(user, listing).await?;
    let more = uploads.len() > limit as usize;
    uploads.truncate(limit as usize);
    let next_cursor = uploads.last().filter(|_| more).map(cursor);
    let mut videos = Vec::with_capacity(uploads.len());
    for upload in &uploads {
        let mut video = video_status(&app, upload).await?;
        video.status.received_chunks = app.uploads.db.part_indices(upload.session_id).await?;
        videos.push(video);
    }
    Ok(Json(OwnVideos { success: true, videos, next_cursor }))
}

async fn remove(
    State(app): State<App>,
    Signed(user): Signed,
    Path(session): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let session = forms::session_id(&session)?;
    app.uploads.remove(user, session).await?;
    app.sweep_soon();
    Ok(Json(json!({"success": true, "sessionId": session.to_string(), "message": "Video removed"})))
}

/// Returns the user of the token. Clients of the specifications call this after signing in.
async fn user(State(app): State<App>, Signed(user): Signed) -> Result<Json<Value>, ApiError> {
    let email = app.uploads.db.email_of(user).await?.ok_or_else(ApiError::unauthorized)?;
    let name = email.split('@').next().unwrap_or_default();
    Ok(Json(json!({"id": user.0.to_string(), "name": name, "email": email})))
}

/// The user's usage and limits. A limit that does not exist is `null`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageAnswer {
    success: bool,
    stored_bytes: u64,
    stored_bytes_max: Option<u64>,
    video_bytes_max: Option<u64>,
    /// The current day in UTC.
    today: Today,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Today {
    uploads: u64,
    uploads_max: Option<u64>,
    bytes: u64,
    bytes_max: Option<u64>,
}

async fn usage(
    State(app): State<App>,
    Signed(user): Signed,
) -> Result<Json<UsageAnswer>, ApiError> {
    let (used, limits) = app.uploads.usage(user).await?;
    Ok(Json(UsageAnswer {
        success: true,
        stored_bytes: used.stored_bytes,
        stored_bytes_max: limits.storage_bytes,
        video_bytes_max: limits.video_bytes,
        today: Today {
            uploads: used.day_uploads,
            uploads_max: limits.day_uploads,
            bytes: used.day_bytes,
            bytes_max: limits.day_bytes,
        },
    }))
}

/// Returns a URL that downloads the video without a token for an hour. It leads to the bucket if the
/// video is a single object there, otherwise to this server.
async fn download(
    State(app): State<App>,
    Signed(user): Signed,
    Path(session): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let upload = app.uploads.own(user, forms::session_id(&session)?).await?;
    if upload.finished.is_none() {
        let sentence = "It is not finished yet. Its page shows what is here.";
        return Err(ApiError::new(StatusCode::CONFLICT, "Not finished", sentence));
    }
    let until_ms = app.uploads.clock.now_ms() + ADDRESS_AGE.as_millis() as i64;
    let video = app.uploads.video(&upload).await?;
    let of_bucket = match video.map.only_object() {
        Some(key) => app.uploads.storage.presigned(Method::GET, key, ADDRESS_AGE, &[]).await?,
        None => None,
    };
    let url = of_bucket.unwrap_or_else(|| {
        let path = file_path(&upload);
        format!("{}{}", app.public_url, app.signing.address("GET", &path, until_ms))
    });
    Ok(Json(json!({"success": true, "url": url, "expiresUnixMs": until_ms})))
}

async fn capabilities(State(app): State<App>) -> Json<Capabilities> {
    Json(Capabilities {
        server: "snaplark".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        framings: vec![Framing::Stream, Framing::Standalone],
        part_bytes_max: limits::PART_BYTES_MAX,
        parts_in_flight_max: PARTS_IN_FLIGHT_MAX,
        link_template: Some(routes::share_page(&app.public_url, "{recordingId}")),
        sign_in: app.has_sign_in.then(|| SignIn {
            authorize: format!("{}/oauth/authorize", app.public_url),
            token: format!("{}/oauth/token", app.public_url),
            revoke: Some(format!("{}/oauth/revoke", app.public_url)),
        }),
    })
}

async fn unknown_route() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "Not found", "The API has no such address.")
}

async fn wrong_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "Method not allowed",
        "This address does not take that method.",
    )
}

async fn video_status(app: &App, upload: &Upload) -> Result<OwnVideo, ApiError> {
    let (size_bytes, duration_ms) = match &upload.finished {
        Some(finished) => (finished.size_bytes, finished.duration_ms),
        None => {
            let parts = app.uploads.db.parts_from(upload.session_id, 0).await?;
            (upload.stored_bytes, media_map::end_ms(&media_map::contiguous(parts)))
        }
    };
    let status = VideoStatus {
        success: true,
        session_id: upload.session_id.to_string(),
        video_id: upload.video_id.to_string(),
        video_url: page_url(app, upload),
        state: upload.state,
        received_chunks: Vec::new(),
        total_chunks: upload.finished.as_ref().map(|finished| finished.parts_total),
        size_bytes,
        duration_ms,
        filename: Some(upload.filename.clone()),
        created_unix_ms: Some(upload.created_ms),
        damaged_chunks: Vec::new(),
    };
    let holes = upload.finished.iter().flat_map(|finished| &finished.holes);
    let holes = holes.map(|&(start_ms, end_ms)| Hole { start_ms, end_ms }).collect();
    let share = &upload.share;
    Ok(OwnVideo {
        status,
        title: shown_title(upload),
        visibility: share.visibility.name(),
        expires_unix_ms: share.expires_ms,
        views: share.views,
        thumbnail_url: upload
            .has(ProductKind::Thumbnail)
            .then(|| thumbnail_url(&app.public_url, upload)),
        holes,
        jobs: Vec::new(),
    })
}

async fn damaged_chunks(app: &App, upload: &Upload) -> Result<Vec<u32>, ApiError> {
    if upload.parts_damaged == 0 {
        return Ok(Vec::new());
    }
    let parts = app.uploads.db.parts_from(upload.session_id, 0).await?;
    Ok(parts.iter().filter(|part| part.is_damaged).map(|part| part.index).collect())
}

pub fn page_url(app: &App, upload: &Upload) -> String {
    format!("{}{}", app.public_url, page_path(upload))
}

pub fn cursor_of(upload: &Upload) -> Cursor {
    Cursor { created_ms: upload.created_ms, session_id: upload.session_id }
}

pub fn cursor(upload: &Upload) -> String {
    format!("{}_{}", upload.created_ms, upload.session_id)
}

pub fn read_cursor(text: &str) -> Result<Cursor, ApiError> {
    let read = || {
        let (created_ms, session) = text.split_once('_')?;
        let session_id = SessionId(session.parse::<Uuid>().ok()?);
        Some(Cursor { created_ms: created_ms.parse().ok()?, session_id })
    };
    read()
        .ok_or_else(|| ApiError::field("cursor", "The cursor field must be one that a list gave."))
}

pub async fn json_body(request: Request) -> Result<Value, ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind != "application/json" && !(kind.starts_with("application/") && kind.ends_with("+json"))
    {
        return Err(ApiError::unsupported("The body is sent as application/json."));
    }
    let bytes = to_bytes(request.into_body(), JSON_BYTES_MAX).await.map_err(|error| {
        if is_too_slow(&error) {
            return ApiError::slow();
        }
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Body exceeds maximum size",
            "The body could not be read to its end, or is larger than 1 MB.",
        )
    })?;
    serde_json::from_slice(&bytes)
        .map_err(|_| ApiError::field("body", "The body must be a JSON object."))
}
