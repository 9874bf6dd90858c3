//! `/api/v1`: the endpoints of the specifications. This only translates between HTTP and `uploads`,
//! which makes the decisions.
//!
//! Length: a third of it describes the operations for the API's document.

use axum::Json;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use snaplark_api::{
    Capabilities, ChunkAnswer, FinalizeAnswer, Framing, InitAnswer, PiecesAnswer,
    ScreenshotCapabilities, SignIn, VideoCapabilities, VideoStatus, limits, routes,
};
#[cfg(test)]
use snaplark_api::{ErrorAnswer, FinalizeRequest, InitRequest, PiecesRequest};
use uuid::Uuid;

use super::app::App;
use super::auth::{Signed, SignedFor};
use super::errors::{ApiError, allowance_headers, bad_query};
use super::json_body::{json_body, json_body_up_to};
use super::openapi::endpoints;
#[cfg(test)]
use super::openapi::{
    AddressSchema, ChunkFormSchema, Done, JobStateSchema, RefusedStatus, ShareRequest, UserSchema,
    VisibilitySchema,
};
use super::{captions, forms, multipart, openapi, screenshots, watching};
use crate::pages::{file_path, shown_title, thumbnail_url};
use snaplark_cloud::media_map;
use snaplark_cloud::products::THUMBNAIL;
use snaplark_cloud::shares::ShareAsk;
use snaplark_cloud::signing::ADDRESS_AGE;
use snaplark_cloud_data::db::{Cursor, JobStatus, Listing, SessionId, Upload};
use snaplark_cloud_data::scopes::Scope;

/// 10,000 pieces with their digests take 2 MB.
const PIECES_BYTES_MAX: usize = 4 * 1024 * 1024;
const LIST_DEFAULT: u32 = 50;
const LIST_MAX: u32 = 200;
/// More than any profile sends at once, and few enough to be served beside other requests.
const PARTS_IN_FLIGHT_MAX: u32 = 4;

/// Paths and their handlers. The router is built from these tables, and tests compare the API's
/// document (`openapi`) with them.
pub(crate) type Routes = Vec<(&'static str, MethodRouter<App>)>;

endpoints! {
    routes::INIT => post(init);
    routes::CHUNK => post(chunk);
    routes::FINALIZE => post(finalize);
    routes::VIDEOS => get(list);
    "/videos/{session}" => get(status), delete(remove), patch(change);
    "/videos/{session}/pieces" => put(pieces);
    "/videos/{session}/captions" => put(captions::put), delete(captions::remove);
    "/videos/{session}/download" => get(download);
    "/videos/{session}/watching" => get(watching::watching);
    routes::SCREENSHOTS => post(screenshots::upload);
    "/screenshots/{id}" => delete(screenshots::remove), patch(screenshots::change);
    routes::CAPABILITIES => get(capabilities);
    routes::USAGE => get(usage);
    "/user" => get(user);
    // Seed 004's desktop client uploads here.
    "/media/upload" => post(screenshots::upload_media);
    "/openapi.json" => get(openapi::serve);
}

pub(crate) fn routes() -> Router<App> {
    let api =
        table().into_iter().fold(Router::new(), |api, (path, methods)| api.route(path, methods));
    let api = api
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        // Each handler has its own, smaller limit.
        .layer(DefaultBodyLimit::disable());
    Router::new().nest(routes::PREFIX, api)
}

#[cfg_attr(test, utoipa::path(
    post, path = "/api/v1/videos/init", operation_id = "initUpload", tag = "Snaplark",
    summary = "Begin an upload", description = "",
    request_body = InitRequest,
    responses((status = 200, description = "The session", body = InitAnswer), RefusedStatus<400>,
        RefusedStatus<401>, RefusedStatus<403>, RefusedStatus<409>, RefusedStatus<413>, RefusedStatus<415>, RefusedStatus<429>,
        RefusedStatus<500>, RefusedStatus<507>,
        (status = 422, body = ErrorAnswer, description = "The recordingId is of version 8, and its \
            secret is missing (code recording_secret_needed) or wrong (recording_secret_wrong)")),
))]
async fn init(
    State(app): State<App>,
    SignedFor(user, scopes): SignedFor,
    request: Request,
) -> Result<Json<InitAnswer>, ApiError> {
    let body = json_body(request).await?;
    let mut new = forms::init(&body, user)?;
    new.may_replace |= scopes.has(Scope::Account);
    if let Some(file_bytes) = body.get("fileBytes").and_then(Value::as_u64) {
        app.uploads.admit_file(&new, file_bytes).await?;
    }
    let upload = app.uploads.init(&new).await?;
    // Only the first ones are set here, because later ones were chosen by the owner.
    let said = |name: &str, known: &Option<String>| {
        let text = body.get(name).and_then(Value::as_str).filter(|_| known.is_none());
        text.map(str::to_owned)
    };
    let title = said("title", &upload.share.title);
    let description = said("description", &upload.share.description);
    if title.is_some() || description.is_some() {
        let ask = ShareAsk { title, description, ..ShareAsk::default() };
        app.shares.change(&app.accounts, &upload, &ask).await?;
    }
    Ok(Json(InitAnswer {
        success: Some(true),
        session_id: upload.session_id.to_string(),
        video_id: Some(upload.video_id.to_string()),
        video_url: Some(app.page_url(&upload)),
        message: Some("Upload session initialized".to_owned()),
    }))
}

#[cfg_attr(test, utoipa::path(
    post, path = "/api/v1/videos/chunk", operation_id = "uploadChunk", tag = "Snaplark",
    summary = "Send a part: in any order, several at once, and again if in doubt", description = "",
    request_body(content = ChunkFormSchema, content_type = "multipart/form-data"),
    responses((status = 200, description = "The part is stored", body = ChunkAnswer), RefusedStatus<400>,
        RefusedStatus<401>, RefusedStatus<403>, RefusedStatus<404>, RefusedStatus<408>, RefusedStatus<413>, RefusedStatus<415>,
        RefusedStatus<429>, RefusedStatus<500>, RefusedStatus<507>),
))]
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
    if index == 0 {
        // The stream of a recording may begin with it.
        app.jobs.look_soon();
    }
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

#[cfg_attr(test, utoipa::path(
    post, path = "/api/v1/videos/finalize", operation_id = "finalizeUpload", tag = "Snaplark",
    summary = "Finish the video; may be repeated", description = "",
    request_body = FinalizeRequest,
    responses((status = 200, description = "The video and its link", body = FinalizeAnswer),
        RefusedStatus<400>, RefusedStatus<401>, RefusedStatus<403>, RefusedStatus<404>, RefusedStatus<409>, RefusedStatus<413>,
        RefusedStatus<415>, RefusedStatus<422>, RefusedStatus<500>, RefusedStatus<507>),
))]
async fn finalize(
    State(app): State<App>,
    Signed(user): Signed,
    request: Request,
) -> Result<Json<FinalizeAnswer>, ApiError> {
    let (session, ask) = forms::finalize(&json_body(request).await?)?;
    let upload = app.uploads.finalize(user, session, &ask).await?;
    app.jobs.look_soon();
    if upload.version > 1 {
        // What was cut is deleted now, not in the next round.
        app.sweep_link(upload.video_id);
    }
    let key = file_path(&upload).trim_start_matches('/').to_owned();
    Ok(Json(FinalizeAnswer {
        success: Some(true),
        session_id: Some(session.to_string()),
        video_id: Some(upload.video_id.to_string()),
        video_url: Some(app.page_url(&upload)),
        url: Some(format!("{}/{key}", app.public_url)),
        key: Some(key),
        version: Some(upload.version),
        message: Some("Video assembled".to_owned()),
    }))
}

/// Says what a version of a video consists of. Parts that it keeps of the version behind the link aren't
/// sent again.
#[cfg_attr(test, utoipa::path(
    put, path = "/api/v1/videos/{session}/pieces", operation_id = "setPieces", tag = "Snaplark",
    summary = "Say which pieces of the version behind the link a new version keeps; may be repeated",
    description = "",
    params(("session" = Uuid, Path, description = "The upload session of the new version")),
    request_body = PiecesRequest,
    responses((status = 200, description = "The parts that have to be sent", body = PiecesAnswer),
        RefusedStatus<400>, RefusedStatus<401>, RefusedStatus<403>, RefusedStatus<404>, RefusedStatus<409>,
        RefusedStatus<413>, RefusedStatus<415>, RefusedStatus<500>, RefusedStatus<507>),
))]
async fn pieces(
    State(app): State<App>,
    Signed(user): Signed,
    Path(session): Path<String>,
    request: Request,
) -> Result<Json<PiecesAnswer>, ApiError> {
    let session = forms::session_id(&session)?;
    let asked = forms::pieces(&json_body_up_to(request, PIECES_BYTES_MAX).await?)?;
    let set = app.uploads.set_pieces(user, session, asked).await?;
    Ok(Json(PiecesAnswer {
        success: true,
        session_id: session.to_string(),
        version: set.version,
        missing_chunks: set.missing,
    }))
}

#[cfg_attr(test, utoipa::path(
    get, path = "/api/v1/videos/{session}", operation_id = "getVideo", tag = "Snaplark",
    summary = "Get state, received parts and jobs of a video", description = "",
    params(("session" = Uuid, Path, description = "The upload session")),
    responses((status = 200, description = "The video", body = OwnVideo), RefusedStatus<401>,
        RefusedStatus<403>, RefusedStatus<404>, RefusedStatus<500>),
))]
async fn status(
    State(app): State<App>,
    Signed(user): Signed,
    Path(session): Path<String>,
) -> Result<Json<OwnVideo>, ApiError> {
    let upload = app.uploads.own(user, forms::session_id(&session)?).await?;
    let indices = app.uploads.part_indices(&upload).await?;
    let mut status = video_status(&app, &upload).await?;
    status.status.received_chunks = indices;
    status.status.damaged_chunks = damaged_chunks(&app, &upload).await?;
    let jobs = app.uploads.jobs(&upload).await?;
    let told = |job: JobStatus| JobAnswer {
        product: job.product.as_str().to_owned(),
        state: job.state.name(),
        attempts: job.attempts,
        error: job.error,
    };
    status.jobs = jobs.into_iter().map(told).collect();
    Ok(Json(status))
}

/// The status that the specifications define, and what our server adds to it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Video))]
#[serde(rename_all = "camelCase")]
pub(crate) struct OwnVideo {
    #[serde(flatten)]
    status: VideoStatus,
    /// The version of the video. A greater one replaces it behind its link.
    version: u32,
    title: String,
    #[cfg_attr(test, schema(value_type = VisibilitySchema))]
    visibility: &'static str,
    #[cfg_attr(test, schema(required = true))]
    expires_unix_ms: Option<i64>,
    views: u64,
    /// Whether the page offers the video as a download.
    downloads: bool,
    /// Whether it is counted how far the video is watched.
    counts_watching: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(value_type = String))]
    thumbnail_url: Option<String>,
    /// The ranges in which a placeholder is shown for what was damaged before the upload.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    holes: Vec<Hole>,
    /// The video's jobs and their progress. Only in answers about a single video.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    jobs: Vec<JobAnswer>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
struct Hole {
    start_ms: u64,
    end_ms: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Job))]
#[serde(rename_all = "camelCase")]
struct JobAnswer {
    product: String,
    #[cfg_attr(test, schema(value_type = JobStateSchema))]
    state: &'static str,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(value_type = String))]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Videos))]
#[serde(rename_all = "camelCase")]
struct OwnVideos {
    success: bool,
    videos: Vec<OwnVideo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(value_type = String))]
    next_cursor: Option<String>,
}

/// Changes a video's title, visibility and other link settings.
#[cfg_attr(test, utoipa::path(
    patch, path = "/api/v1/videos/{session}", operation_id = "changeVideo", tag = "Snaplark",
    summary = "Change title, visibility and other link settings", description = "",
    params(("session" = Uuid, Path, description = "The upload session")),
    request_body = ShareRequest,
    responses((status = 200, description = "The changed video", body = OwnVideo), RefusedStatus<400>,
        RefusedStatus<401>, RefusedStatus<403>, RefusedStatus<404>, RefusedStatus<413>, RefusedStatus<415>, RefusedStatus<429>, RefusedStatus<500>),
))]
async fn change(
    State(app): State<App>,
    Signed(user): Signed,
    Path(session): Path<String>,
    request: Request,
) -> Result<Json<OwnVideo>, ApiError> {
    let session = forms::session_id(&session)?;
    let upload = app.uploads.own(user, session).await?;
    let ask = forms::share(&json_body(request).await?)?;
    app.accounts.admit_change(user).await?;
    app.shares.change(&app.accounts, &upload, &ask).await?;
    let upload = app.uploads.own(user, session).await?;
    Ok(Json(video_status(&app, &upload).await?))
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(utoipa::IntoParams), into_params(parameter_in = Query))]
struct ListQuery {
    #[cfg_attr(test, param(value_type = u32, required = false, minimum = 1, maximum = 200))]
    limit: Option<u32>,
    #[cfg_attr(test, param(value_type = String, required = false, pattern = "^[0-9]+_[0-9a-fA-F-]{36}$"))]
    cursor: Option<String>,
    /// Returns only videos with damaged parts here, and lists those parts.
    #[cfg_attr(test, param(value_type = bool, required = false))]
    damaged: Option<bool>,
}

#[cfg_attr(test, utoipa::path(
    get, path = "/api/v1/videos", operation_id = "listVideos", tag = "Snaplark",
    summary = "List your own videos, newest first", description = "",
    params(ListQuery),
    responses((status = 200, description = "A page of videos", body = OwnVideos), RefusedStatus<400>,
        RefusedStatus<401>, RefusedStatus<403>, RefusedStatus<500>),
))]
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
    let sessions: Vec<_> = uploads.iter().map(|upload| upload.session_id).collect();
    let mut received = app.uploads.part_indices_of(&sessions).await?;
    let mut videos = Vec::with_capacity(uploads.len());
    for upload in &uploads {
        let mut video = video_status(&app, upload).await?;
        video.status.received_chunks = received.remove(&upload.session_id).unwrap_or_default();
        videos.push(video);
    }
    Ok(Json(OwnVideos { success: true, videos, next_cursor }))
}

#[cfg_attr(test, utoipa::path(
    delete, path = "/api/v1/videos/{session}", operation_id = "deleteVideo", tag = "Snaplark",
    summary = "Remove a video: its link at once, its bytes soon after", description = "",
    params(("session" = Uuid, Path, description = "The upload session")),
    responses((status = 200, description = "The link is gone", body = Done), RefusedStatus<401>,
        RefusedStatus<403>, RefusedStatus<404>, RefusedStatus<500>),
))]
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
#[cfg_attr(test, utoipa::path(
    get, path = "/api/v1/user", operation_id = "getUser", tag = "Snaplark",
    summary = "Get the user of the token", description = "",
    responses((status = 200, description = "The user", body = UserSchema), RefusedStatus<401>, RefusedStatus<403>,
        RefusedStatus<500>),
))]
async fn user(State(app): State<App>, Signed(user): Signed) -> Result<Json<Value>, ApiError> {
    let email = app.accounts.email_of(user).await?.ok_or_else(ApiError::unauthorized)?;
    let name = email.split('@').next().unwrap_or_default();
    Ok(Json(json!({"id": user.0.to_string(), "name": name, "email": email})))
}

/// The user's usage and limits. A limit that does not exist is `null`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Usage))]
#[serde(rename_all = "camelCase")]
struct UsageAnswer {
    success: bool,
    stored_bytes: u64,
    #[cfg_attr(test, schema(required = true))]
    stored_bytes_max: Option<u64>,
    #[cfg_attr(test, schema(required = true))]
    video_bytes_max: Option<u64>,
    /// The current day in UTC.
    today: Today,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
struct Today {
    uploads: u64,
    #[cfg_attr(test, schema(required = true))]
    uploads_max: Option<u64>,
    bytes: u64,
    #[cfg_attr(test, schema(required = true))]
    bytes_max: Option<u64>,
}

#[cfg_attr(test, utoipa::path(
    get, path = "/api/v1/usage", operation_id = "getUsage", tag = "Snaplark",
    summary = "Get your usage and limits", description = "",
    responses((status = 200, description = "Usage and limits", body = UsageAnswer), RefusedStatus<401>,
        RefusedStatus<403>, RefusedStatus<500>),
))]
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
#[cfg_attr(test, utoipa::path(
    get, path = "/api/v1/videos/{session}/download",
    operation_id = "getDownloadUrl", tag = "Snaplark",
    summary = "Get a URL that downloads the video without a token for an hour", description = "",
    params(("session" = Uuid, Path, description = "The upload session")),
    responses((status = 200, description = "The URL", body = AddressSchema), RefusedStatus<401>, RefusedStatus<403>,
        RefusedStatus<404>, RefusedStatus<409>, RefusedStatus<500>),
))]
async fn download(
    State(app): State<App>,
    Signed(user): Signed,
    Path(session): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let upload = app.uploads.own(user, forms::session_id(&session)?).await?;
    if upload.finished.is_none() {
        let sentence = "This video isn't finished yet. Its page shows what has arrived.";
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

#[cfg_attr(test, utoipa::path(
    get, path = "/api/v1/capabilities", operation_id = "getCapabilities", tag = "Snaplark",
    summary = "Get what this server supports", description = "", security(),
    responses((status = 200, description = "The capabilities", body = Capabilities)),
))]
async fn capabilities(State(app): State<App>) -> Json<Capabilities> {
    Json(Capabilities {
        server: "snaplark".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        framings: vec![Framing::Stream, Framing::Standalone],
        part_bytes_max: limits::PART_BYTES_MAX,
        parts_in_flight_max: PARTS_IN_FLIGHT_MAX,
        parts_cut_anywhere: true,
        link_template: Some(routes::share_page(&app.public_url, "{recordingId}")),
        sign_in: app.has_sign_in.then(|| SignIn {
            authorize: format!("{}/oauth/authorize", app.public_url),
            token: format!("{}/oauth/token", app.public_url),
            revoke: Some(format!("{}/oauth/revoke", app.public_url)),
        }),
        screenshots: Some(ScreenshotCapabilities {
            claims: true,
            versions: true,
            bytes_max: limits::SCREENSHOT_BYTES_MAX,
            link_template: Some(routes::screenshot_page(&app.public_url, "{recordingId}")),
        }),
        videos: Some(VideoCapabilities {
            versions: true,
            pieces_max: limits::PIECES_MAX,
            piece_runs: true,
            chapters_max: limits::CHAPTERS_MAX as u32,
        }),
    })
}

async fn unknown_route() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "Not found", "This address doesn't exist in the API.")
}

async fn wrong_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "Method not allowed",
        "This address doesn't support this method.",
    )
}

async fn video_status(app: &App, upload: &Upload) -> Result<OwnVideo, ApiError> {
    let (size_bytes, duration_ms) = match &upload.finished {
        Some(finished) => (finished.size_bytes, finished.duration_ms),
        None => {
            let parts = app.uploads.parts(upload).await?;
            (upload.stored_bytes, media_map::end_ms(&media_map::contiguous(parts)))
        }
    };
    let status = VideoStatus {
        success: true,
        session_id: upload.session_id.to_string(),
        video_id: upload.video_id.to_string(),
        video_url: app.page_url(upload),
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
        version: upload.version,
        title: shown_title(upload),
        visibility: share.visibility.name(),
        expires_unix_ms: share.expires_ms,
        views: share.views,
        downloads: !share.downloads_off,
        counts_watching: share.counts_watching,
        thumbnail_url: upload.has(&THUMBNAIL.name).then(|| thumbnail_url(&app.public_url, upload)),
        holes,
        jobs: Vec::new(),
    })
}

async fn damaged_chunks(app: &App, upload: &Upload) -> Result<Vec<u32>, ApiError> {
    if upload.parts_damaged == 0 {
        return Ok(Vec::new());
    }
    let parts = app.uploads.parts(upload).await?;
    Ok(parts.iter().filter(|part| part.is_damaged).map(|part| part.index).collect())
}

pub(crate) fn cursor_of(upload: &Upload) -> Cursor {
    Cursor { created_ms: upload.created_ms, session_id: upload.session_id }
}

pub(crate) fn cursor(upload: &Upload) -> String {
    format!("{}_{}", upload.created_ms, upload.session_id)
}

pub(crate) fn read_cursor(text: &str) -> Result<Cursor, ApiError> {
    let read = || {
        let (created_ms, session) = text.split_once('_')?;
        let session_id = SessionId(session.parse::<Uuid>().ok()?);
        Some(Cursor { created_ms: created_ms.parse().ok()?, session_id })
    };
    read().ok_or_else(|| ApiError::field("cursor", "The cursor field must come from a list."))
}
