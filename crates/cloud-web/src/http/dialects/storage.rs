//! "Video Upload Server Implementation Guide" (seed 003): uploads a file by a direct URL, or in
//! chunks of up to 50 MB. Answers and errors have that specification's format, `{error, message}`.
//!
//! Length: a fifth of it describes the operations for the API's document.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use futures_util::StreamExt;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use snaplark_api::{VideoState, limits};
use snaplark_formats::sniff::MediaKind;

use crate::http::api::Routes;
use crate::http::app::App;
use crate::http::auth::signed;
use crate::http::errors::{ApiError, bad_query};
use crate::http::forms;
use crate::http::json_body::json_body;
use crate::http::multipart::{
    self, Admitted, ChunkFields, Texts, check_announced, read_chunk, silence,
};
use crate::http::openapi::endpoints;
#[cfg(test)]
use crate::http::openapi::{
    Bytes, DirectAnswer, DirectCompleteRequest, DirectUrlAnswer, StorageChunkAnswer,
    StorageChunkForm, StorageCompleteRequest, StorageCompleted, StorageInitAnswer,
    StorageInitRequest, StorageRefused, StorageStatus, VideoFileForm, VideoType,
};
use crate::pages::file_path;
use snaplark_cloud::signing::{self, ADDRESS_AGE};
use snaplark_cloud::uploads::{Announced, DIRECT_BYTES_MAX, FinalizeAsk, UploadError};
use snaplark_cloud_data::db::{NewUpload, SessionId, Upload, UserId};
use snaplark_cloud_data::storage::Storage;

const CHUNK_BYTES_MAX: u64 = 50 * 1024 * 1024;
/// The validation of seed 003: "totalChunks … max(1000)".
const CHUNKS_MAX: u64 = 1_000;
const TEST_BYTES: u64 = 100 * 1024;
const TEST_BYTES_MAX: u64 = 1024 * 1024;
const SESSION_HOURS: i64 = 24;

endpoints! {
    "/api/storage/get-direct-upload-url" => get(direct_url);
    "/api/storage/direct/{upload}" => put(direct);
    "/api/storage/complete-direct-upload" => post(complete_direct);
    "/api/storage/init-chunked-upload" => post(init);
    "/api/storage/upload-chunk" => post(chunk);
    "/api/storage/complete-chunked-upload" => post(complete);
    "/api/storage/upload-status" => get(status);
    // The client of seed 003 falls back to this.
    "/api/storage/upload-file" => post(upload_file);
    "/api/storage/network-test" => get(network_test);
}

pub(crate) fn routes() -> Routes {
    let with_fallback =
        |(path, methods): (_, MethodRouter<App>)| (path, methods.fallback(wrong_method));
    table().into_iter().map(with_fallback).collect()
}

/// An error in this specification's format.
struct StorageRefusal(StatusCode, Value);

impl IntoResponse for StorageRefusal {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

fn refused(status: StatusCode, error: &str) -> StorageRefusal {
    StorageRefusal(status, json!({"error": error}))
}

fn bad(error: &str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, error, "")
}

struct StorageAnswer(Response);

impl IntoResponse for StorageAnswer {
    fn into_response(self) -> Response {
        self.0
    }
}

/// Converts errors of the core, using this specification's words where it has some.
impl From<ApiError> for StorageAnswer {
    fn from(error: ApiError) -> Self {
        let (status, told, headers) = error.told();
        let error = match status {
            StatusCode::UNAUTHORIZED => "Unauthorized",
            StatusCode::NOT_FOUND => "Upload session not found",
            _ => &told.error,
        };
        let message = told.message.as_deref().filter(|message| !message.is_empty());
        let body = match message {
            Some(message) => json!({"error": error, "message": message}),
            None => json!({"error": error}),
        };
        StorageAnswer((status, headers.clone(), Json(body)).into_response())
    }
}

impl From<StorageRefusal> for StorageAnswer {
    fn from(refusal: StorageRefusal) -> Self {
        StorageAnswer(refusal.into_response())
    }
}

impl From<UploadError> for StorageAnswer {
    fn from(error: UploadError) -> Self {
        ApiError::from(error).into()
    }
}

async fn wrong_method() -> StorageRefusal {
    refused(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
}

/// Takes parts of the request instead of the request, because the body can't be shared between
/// threads.
fn user<'a>(
    app: &'a App,
    request: &'a Request,
) -> impl Future<Output = Result<UserId, StorageAnswer>> + Send + use<'a> {
    let asked = (request.method(), request.headers());
    let extensions = request.extensions();
    async move { Ok(signed(app, asked, extensions).await?) }
}

/// Returns the user's upload. The error is 404 if there is none, and 403 if it is another user's.
async fn own(app: &App, user: UserId, id: &str) -> Result<Upload, ApiError> {
    let session: SessionId = forms::session_id(id)?;
    match app.uploads.by_session(session).await? {
        Some(upload) if !app.uploads.is_there(&upload) => Err(ApiError::not_found()),
        Some(upload) if upload.user_id != user => {
            Err(ApiError::new(StatusCode::FORBIDDEN, "Forbidden", ""))
        }
        Some(upload) => Ok(upload),
        None => Err(ApiError::not_found()),
    }
}

fn media(content_type: &str) -> Result<MediaKind, ApiError> {
    MediaKind::of_mime(content_type)
        .filter(|media| !media.is_image())
        .ok_or_else(|| bad("Unsupported content type"))
}

async fn begun(app: &App, upload: &Upload) -> Result<Announced, ApiError> {
    app.uploads.announced(upload).await?.ok_or_else(ApiError::not_found)
}

async fn begin(
    app: &App,
    user: UserId,
    begun: &Announced,
    media: MediaKind,
) -> Result<Upload, ApiError> {
    let new = NewUpload {
        user_id: user,
        recording_id: None,
        version: 1,
        media,
        filename: begun.file_name.clone(),
        width: 0,
        height: 0,
        fps: 0,
        metadata: begun.to_metadata(),
        may_replace: false,
    };
    Ok(app.uploads.init(&new).await?)
}

/// Seed 003: `z.string().min(1).max(255)`.
fn file_name(text: &str) -> Result<String, ApiError> {
    let plain = forms::plain_name(text.to_owned());
    let fits = text.chars().count() <= limits::FILENAME_CHARS_MAX && !plain.is_empty();
    fits.then_some(plain).ok_or_else(|| bad("Invalid file name"))
}

// --- one file by a direct URL ---

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase")]
struct DirectQuery {
    #[cfg_attr(test, param(value_type = String, min_length = 1, max_length = 255, pattern = "\\S"))]
    file_name: Option<String>,
    #[cfg_attr(test, param(inline, value_type = VideoType))]
    content_type: Option<String>,
}

#[cfg_attr(test, utoipa::path(
    get, path = "/api/storage/get-direct-upload-url",
    operation_id = "getDirectUploadUrl", tag = "Seed 003: storage",
    summary = "Get a URL to send a file to", description = "",
    params(DirectQuery),
    responses((status = 200, description = "The URLs", body = DirectUrlAnswer), StorageRefused<400>,
        StorageRefused<401>, StorageRefused<403>, StorageRefused<405>, StorageRefused<429>,
        StorageRefused<500>, StorageRefused<507>),
))]
async fn direct_url(
    State(app): State<App>,
    asked: Result<Query<DirectQuery>, QueryRejection>,
    request: Request,
) -> Result<Json<Value>, StorageAnswer> {
    let user = user(&app, &request).await?;
    let Query(asked) = asked.map_err(|error| bad_query(&error))?;
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (Some(name), Some(content_type)) = (filled(asked.file_name), filled(asked.content_type))
    else {
        return Err(bad("Missing required parameters").into());
    };
    let media = media(&content_type)?;
    let begun = Announced { file_name: file_name(&name)?, content_type, ..Announced::default() };
    let upload = begin(&app, user, &begun, media).await?;
    let key = Storage::incoming_key(upload.session_id.0);
    let presigned = app.uploads.storage.presigned(Method::PUT, &key, ADDRESS_AGE, &[]).await;
    let upload_url = match presigned.map_err(UploadError::from)? {
        Some(address) => address,
        None => {
            let until_ms = app.uploads.clock.now_ms() + ADDRESS_AGE.as_millis() as i64;
            let path = format!("/api/storage/direct/{}", upload.session_id);
            format!("{}{}", app.public_url, app.signing.address("PUT", &path, until_ms))
        }
    };
    Ok(Json(json!({
        "url": file_url(&app, &upload), "uploadUrl": upload_url,
        "uploadId": upload.session_id.to_string(),
    })))
}

/// Receives the file if the storage is local. The signed URL is the permission.
#[cfg_attr(test, utoipa::path(
    put, path = "/api/storage/direct/{upload}",
    operation_id = "putDirectUpload", tag = "Seed 003: storage",
    summary = "Send a file to such a URL; used without a bucket", description = "", security(),
    params(
        ("upload" = Uuid, Path, description = "The upload session"),
        ("until" = u64, Query, description = "When the URL expires, in milliseconds since 1970"),
        ("signature" = String, Query, description = "The permission"),
    ),
    request_body(
        content = inline(Bytes), content_type = "application/octet-stream",
        description = "The file, at most 524288000 bytes",
    ),
    responses((status = 200, description = "The file is stored", body = DirectAnswer),
        StorageRefused<400>, StorageRefused<403>, StorageRefused<404>, StorageRefused<405>,
        StorageRefused<408>, StorageRefused<413>, StorageRefused<415>, StorageRefused<422>,
        StorageRefused<429>, StorageRefused<500>, StorageRefused<507>),
))]
async fn direct(
    State(app): State<App>,
    Path(id): Path<String>,
    sign: Result<Query<signing::AddressSignature>, QueryRejection>,
    request: Request,
) -> Result<Json<Value>, StorageAnswer> {
    let now_ms = app.uploads.clock.now_ms();
    let path = request.uri().path();
    let is_good = sign.is_ok_and(|Query(it)| app.signing.is_good("PUT", path, &it, now_ms));
    if !is_good {
        return Err(refused(StatusCode::FORBIDDEN, "The upload URL is not valid any more").into());
    }
    let session = forms::session_id(&id)?;
    let id = session.0;
    let upload = app.uploads.by_session(session).await.map_err(ApiError::from)?;
    let upload = upload.filter(|upload| app.uploads.is_there(upload) && upload.is_open());
    let upload = upload.ok_or_else(ApiError::not_found)?;
    check_announced(request.headers(), DIRECT_BYTES_MAX)?;
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let mut staged = app.uploads.stage(upload.user_id).await.map_err(ApiError::from)?;
    let mut writer = app.uploads.storage.incoming_writer(id);
    let mut bytes = Body::into_data_stream(request.into_body());
    while let Some(bytes) = silence(bytes.next()).await? {
        let bytes = bytes.map_err(|_| bad("The file ends early"))?;
        if writer.size_bytes() + bytes.len() as u64 > DIRECT_BYTES_MAX {
            return Err(ApiError::too_large(DIRECT_BYTES_MAX).into());
        }
        if !staged.add(bytes.len() as u64) {
            return Err(UploadError::TooMuchAtOnce.into());
        }
        writer.write(bytes).await.map_err(UploadError::from)?;
    }
    if announced.is_some_and(|announced| announced != writer.size_bytes()) {
        return Err(bad("The file ends early").into());
    }
    writer.finish().await.map_err(UploadError::from)?;
    let done = app.uploads.adopt(&upload).await?;
    app.jobs.look_soon();
    let url = file_url(&app, done.as_ref().unwrap_or(&upload));
    Ok(Json(json!({"success": true, "url": url})))
}

/// Checks a file that was uploaded directly to the bucket, and takes it over. A request for the
/// file's URL does the same.
#[cfg_attr(test, utoipa::path(
    post, path = "/api/storage/complete-direct-upload",
    operation_id = "completeDirectUpload", tag = "Seed 003: storage",
    summary = "Check and take over a file that was sent to such a URL", description = "",
    request_body = DirectCompleteRequest,
    responses((status = 200, description = "The file", body = StorageCompleted),
        StorageRefused<400>, StorageRefused<401>, StorageRefused<403>, StorageRefused<404>,
        StorageRefused<405>, StorageRefused<413>, StorageRefused<415>, StorageRefused<422>,
        StorageRefused<429>, StorageRefused<500>, StorageRefused<507>),
))]
async fn complete_direct(
    State(app): State<App>,
    request: Request,
) -> Result<Json<Value>, StorageAnswer> {
    let user = user(&app, &request).await?;
    let body = json_body(request).await?;
    let Some(id) = body["uploadId"].as_str() else {
        return Err(bad("Missing required parameters").into());
    };
    let upload = own(&app, user, id).await?;
    let done = match upload.finished {
        Some(_) => Some(upload),
        None => app.uploads.adopt(&upload).await?,
    };
    let Some(done) = done else { return Err(bad("No file has been uploaded").into()) };
    app.jobs.look_soon();
    Ok(Json(completed(&app, &done)))
}

/// Returns the URL of the file itself, which this specification's clients use as the source of a
/// player.
fn file_url(app: &App, upload: &Upload) -> String {
    format!("{}{}", app.public_url, file_path(upload))
}

fn completed(app: &App, upload: &Upload) -> Value {
    json!({
        "success": true, "url": file_url(app, upload), "contentType": upload.media.mime(),
        "size": upload.finished.as_ref().map(|finished| finished.size_bytes),
    })
}

/// Receives a whole video in one form, in the field `file`.
#[cfg_attr(test, utoipa::path(
    post, path = "/api/storage/upload-file", operation_id = "uploadFile", tag = "Seed 003: storage",
    summary = "Send a whole video in one form", description = "",
    request_body(content = VideoFileForm, content_type = "multipart/form-data"),
    responses((status = 200, description = "The file", body = StorageCompleted),
        StorageRefused<400>, StorageRefused<401>, StorageRefused<403>, StorageRefused<405>,
        StorageRefused<408>, StorageRefused<413>, StorageRefused<415>, StorageRefused<422>,
        StorageRefused<429>, StorageRefused<500>, StorageRefused<507>),
))]
async fn upload_file(
    State(app): State<App>,
    request: Request,
) -> Result<Json<Value>, StorageAnswer> {
    let user = user(&app, &request).await?;
    let form = multipart::read_file(&app, user, request, multipart::VIDEO).await?;
    let begun = Announced {
        file_name: file_name(&form.filename)
            .unwrap_or_else(|_| format!("video.{}", form.media.name())),
        content_type: form.media.mime().to_owned(),
        ..Announced::default()
    };
    let upload = match begin(&app, user, &begun, form.media).await {
        Ok(upload) => upload,
        Err(error) => {
            app.uploads.discard(&form.written.key).await;
            return Err(error.into());
        }
    };
    let taken = async {
        app.uploads.receive(&upload, 0, form.written, form.sha256_claimed).await?;
        let ask = FinalizeAsk { parts_total: 1, uploaded: vec![0], ..FinalizeAsk::default() };
        app.uploads.finalize(user, upload.session_id, &ask).await
    };
    match taken.await {
        Ok(done) => {
            app.jobs.look_soon();
            Ok(Json(completed(&app, &done)))
        }
        Err(error) => {
            app.uploads.remove(user, upload.session_id).await?;
            Err(error.into())
        }
    }
}

// --- one file in chunks ---

#[cfg_attr(test, utoipa::path(
    post, path = "/api/storage/init-chunked-upload",
    operation_id = "initChunkedUpload", tag = "Seed 003: storage",
    summary = "Begin an upload in chunks", description = "",
    request_body = StorageInitRequest,
    responses((status = 200, description = "The session", body = StorageInitAnswer),
        StorageRefused<400>, StorageRefused<401>, StorageRefused<403>, StorageRefused<405>,
        StorageRefused<413>, StorageRefused<415>, StorageRefused<429>, StorageRefused<500>,
        StorageRefused<507>),
))]
async fn init(State(app): State<App>, request: Request) -> Result<Json<Value>, StorageAnswer> {
    let user = user(&app, &request).await?;
    let body = json_body(request).await?;
    let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty());
    let number = |name: &str| body[name].as_u64().filter(|number| *number > 0);
    let (Some(name), Some(file_size), Some(content_type), Some(total_chunks)) =
        (text("fileName"), number("fileSize"), text("contentType"), number("totalChunks"))
    else {
        return Err(bad("Missing required parameters").into());
    };
    if file_size > DIRECT_BYTES_MAX {
        return Err(bad("File size exceeds maximum allowed size").into());
    }
    let media = media(content_type)?;
    let total_chunks = u32::try_from(total_chunks)
        .ok()
        .filter(|total| u64::from(*total) <= CHUNKS_MAX)
        .ok_or_else(|| bad("Too many chunks"))?;
    let (file_name, content_type) = (file_name(name)?, content_type.to_owned());
    let begun = Announced { file_name, file_size, content_type, total_chunks };
    let upload = begin(&app, user, &begun, media).await?;
    let expires_ms = upload.created_ms + SESSION_HOURS * 60 * 60 * 1000;
    Ok(Json(json!({"uploadId": upload.session_id.to_string(), "expiresAt": date(expires_ms)})))
}

struct StorageChunk;

impl ChunkFields for StorageChunk {
    const TEXTS: &'static [&'static str] = &["uploadId", "chunkIndex"];
    const BYTES_MAX: u64 = CHUNK_BYTES_MAX;

    async fn admit(app: &App, user: UserId, texts: &Texts) -> Result<Admitted, ApiError> {
        let index = texts.get("chunkIndex").and_then(|text| text.parse::<i64>().ok());
        let (Some(id), Some(index)) = (texts.get("uploadId"), index) else {
            return Err(bad("Missing required parameters"));
        };
        let upload = own(app, user, id).await?;
        let total = begun(app, &upload).await?.total_chunks;
        let index = u32::try_from(index).ok().filter(|index| *index < total);
        let index = index.ok_or_else(|| bad("Invalid chunk index"))?;
        let (upload, allowance) = app.uploads.admit(user, upload.session_id, index).await?;
        Ok(Admitted { upload, index, allowance })
    }

    fn no_file() -> ApiError {
        bad("No chunk file provided")
    }
}

#[cfg_attr(test, utoipa::path(
    post, path = "/api/storage/upload-chunk",
    operation_id = "uploadStorageChunk", tag = "Seed 003: storage",
    summary = "Send a chunk", description = "",
    request_body(content = StorageChunkForm, content_type = "multipart/form-data"),
    responses((status = 200, description = "The chunk is stored", body = StorageChunkAnswer),
        StorageRefused<400>, StorageRefused<401>, StorageRefused<403>, StorageRefused<404>,
        StorageRefused<405>, StorageRefused<408>, StorageRefused<413>, StorageRefused<415>,
        StorageRefused<429>, StorageRefused<500>, StorageRefused<507>),
))]
async fn chunk(State(app): State<App>, request: Request) -> Result<Json<Value>, StorageAnswer> {
    let user = user(&app, &request).await?;
    let form = read_chunk::<StorageChunk>(&app, user, request).await?;
    let index = form.index;
    app.uploads.receive(&form.upload, index, form.written, form.sha256_claimed).await?;
    Ok(Json(json!({"success": true, "chunkIndex": index, "received": true})))
}

#[cfg_attr(test, utoipa::path(
    post, path = "/api/storage/complete-chunked-upload",
    operation_id = "completeChunkedUpload", tag = "Seed 003: storage",
    summary = "Join the chunks", description = "",
    request_body = StorageCompleteRequest,
    responses((status = 200, description = "The file", body = StorageCompleted),
        StorageRefused<400>, StorageRefused<401>, StorageRefused<403>, StorageRefused<404>,
        StorageRefused<405>, StorageRefused<413>, StorageRefused<415>, StorageRefused<422>,
        StorageRefused<500>, StorageRefused<507>),
))]
async fn complete(State(app): State<App>, request: Request) -> Result<Json<Value>, StorageAnswer> {
    let user = user(&app, &request).await?;
    let body = json_body(request).await?;
    let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty());
    let (Some(id), Some(name), Some(content_type)) =
        (text("uploadId"), text("fileName"), text("contentType"))
    else {
        return Err(bad("Missing required parameters").into());
    };
    let upload = own(&app, user, id).await?;
    let begun = begun(&app, &upload).await?;
    if content_type != begun.content_type {
        return Err(bad("Content type differs from the one that the upload began with").into());
    }
    let parts = app.uploads.parts(&upload).await.map_err(ApiError::from)?;
    if upload.finished.is_none() {
        if parts.len() != begun.total_chunks as usize {
            let answer = json!({
                "error": "Not all chunks have been received",
                "receivedChunks": parts.len(), "totalChunks": begun.total_chunks,
            });
            return Err(StorageRefusal(StatusCode::BAD_REQUEST, answer).into());
        }
        if parts.iter().map(|part| part.size_bytes).sum::<u64>() != begun.file_size {
            return Err(bad("File size differs from the one that the upload began with").into());
        }
    }
    let ask = FinalizeAsk {
        parts_total: begun.total_chunks,
        filename: Some(file_name(name)?),
        ..FinalizeAsk::default()
    };
    let done = app.uploads.finalize(user, upload.session_id, &ask).await?;
    app.jobs.look_soon();
    Ok(Json(completed(&app, &done)))
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase")]
struct StatusQuery {
    #[cfg_attr(test, param(value_type = Uuid))]
    upload_id: Option<String>,
}

#[cfg_attr(test, utoipa::path(
    get, path = "/api/storage/upload-status",
    operation_id = "getUploadStatus", tag = "Seed 003: storage",
    summary = "Get the state of an upload", description = "",
    params(StatusQuery),
    responses((status = 200, description = "The state", body = StorageStatus), StorageRefused<400>,
        StorageRefused<401>, StorageRefused<403>, StorageRefused<404>, StorageRefused<405>,
        StorageRefused<500>),
))]
async fn status(
    State(app): State<App>,
    asked: Result<Query<StatusQuery>, QueryRejection>,
    request: Request,
) -> Result<Json<Value>, StorageAnswer> {
    let user = user(&app, &request).await?;
    let Query(asked) = asked.map_err(|error| bad_query(&error))?;
    let Some(id) = asked.upload_id.filter(|id| !id.is_empty()) else {
        return Err(bad("Missing upload ID").into());
    };
    let upload = own(&app, user, &id).await?;
    let begun = begun(&app, &upload).await?;
    let received = app.uploads.part_indices(&upload).await.map_err(ApiError::from)?;
    let mut answer = json!({
        "uploadId": upload.session_id.to_string(),
        "fileName": upload.filename,
        "fileSize": begun.file_size,
        "contentType": begun.content_type,
        "status": word(upload.state),
        "totalChunks": begun.total_chunks,
        "receivedChunks": received,
        "createdAt": date(upload.created_ms),
        "lastActivityAt": date(upload.active_ms),
    });
    if upload.finished.is_some() {
        // A finished upload has no later activity.
        answer["completedAt"] = date(upload.active_ms).into();
        answer["url"] = file_url(&app, &upload).into();
    }
    Ok(Json(answer))
}

fn word(state: VideoState) -> &'static str {
    match state {
        VideoState::Initialized => "initialized",
        VideoState::Uploading | VideoState::Finalizing => "in-progress",
        VideoState::Completed => "completed",
        VideoState::Failed | VideoState::Expired => "failed",
    }
}

/// Formats a time as JavaScript's `Date` does in JSON.
fn date(ms: i64) -> String {
    let at = Timestamp::from_millisecond(ms).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

// --- speed test ---

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(utoipa::IntoParams), into_params(parameter_in = Query))]
struct TestQuery {
    #[cfg_attr(test, param(value_type = String, required = false, pattern = "^[0-9]+(kb|mb)?$"))]
    size: Option<String>,
}

/// Serves zero bytes to everyone, as seed 003 specifies.
#[cfg_attr(test, utoipa::path(
    get, path = "/api/storage/network-test",
    operation_id = "testNetwork", tag = "Seed 003: storage",
    summary = "Download zero bytes to measure the speed", description = "", security(),
    params(TestQuery),
    responses((status = 200, description = "Zero bytes", body = inline(Bytes),
            content_type = "application/octet-stream"),
        StorageRefused<400>, StorageRefused<405>),
))]
async fn network_test(
    asked: Result<Query<TestQuery>, QueryRejection>,
) -> Result<Response, StorageAnswer> {
    let Query(asked) = asked.map_err(|error| bad_query(&error))?;
    let size = match asked.size.as_deref() {
        None => Some(TEST_BYTES),
        Some(text) => bytes_of(text),
    };
    let Some(size) = size else {
        return Err(refused(StatusCode::BAD_REQUEST, "Invalid size").into());
    };
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CACHE_CONTROL, "no-store, no-cache, must-revalidate, proxy-revalidate"),
        (header::PRAGMA, "no-cache"),
        (header::EXPIRES, "0"),
    ];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    Ok((headers, vec![0_u8; size.min(TEST_BYTES_MAX) as usize]).into_response())
}

/// Parses `100kb`, `1mb`, `4096`.
fn bytes_of(text: &str) -> Option<u64> {
    let (digits, unit) = match text {
        _ if text.ends_with("kb") => (&text[..text.len() - 2], 1024),
        _ if text.ends_with("mb") => (&text[..text.len() - 2], 1024 * 1024),
        _ => (text, 1),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_the_document_writes_them() {
        assert_eq!(bytes_of("100kb"), Some(100 * 1024));
        assert_eq!(bytes_of("2mb"), Some(2 * 1024 * 1024));
        assert_eq!(bytes_of("17"), Some(17));
        for bad in ["", "kb", "-1", "1gb", "x"] {
            assert_eq!(bytes_of(bad), None, "{bad}");
        }
        assert_eq!(date(1_705_314_645_250), "2024-01-15T10:30:45.250Z");
    }
}
