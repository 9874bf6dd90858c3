//! "Video Upload Server Implementation Guide" (seed 003): uploads a file by a direct URL, or in
//! chunks of up to 50 MB. Answers and errors have that specification's format, `{error, message}`.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use futures_util::StreamExt;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use snaplark_api::{VideoState, limits};

use crate::db::{NewUpload, SessionId, Upload, UserId};
use crate::http::api::{Routes, bad_query, json_body};
use crate::http::auth::signed;
use crate::http::errors::ApiError;
use crate::http::multipart::{
    self, Admitted, ChunkFields, Texts, check_announced, read_chunk, silence,
};
use crate::http::{App, forms};
use crate::media::Media;
use crate::pages::file_path;
use crate::signing::{self, ADDRESS_AGE};
use crate::storage::Storage;
use crate::uploads::{FinalizeAsk, UploadError};

const FILE_BYTES_MAX: u64 = 500 * 1024 * 1024;
const CHUNK_BYTES_MAX: u64 = 50 * 1024 * 1024;
/// The validation of seed 003: "totalChunks … max(1000)".
const CHUNKS_MAX: u64 = 1_000;
const TEST_BYTES: u64 = 100 * 1024;
const TEST_BYTES_MAX: u64 = 1024 * 1024;
const SESSION_HOURS: i64 = 24;

pub fn routes() -> Routes {
    let of = |methods: axum::routing::MethodRouter<App>| methods.fallback(wrong_method);
    vec![
        ("/api/storage/get-direct-upload-url", of(get(direct_url))),
        ("/api/storage/direct/{upload}", of(put(direct))),
        ("/api/storage/complete-direct-upload", of(post(complete_direct))),
        ("/api/storage/init-chunked-upload", of(post(init))),
        ("/api/storage/upload-chunk", of(post(chunk))),
        ("/api/storage/complete-chunked-upload", of(post(complete))),
        ("/api/storage/upload-status", of(get(status))),
        // The client of seed 003 falls back to this.
        ("/api/storage/upload-file", of(post(upload_file))),
        ("/api/storage/network-test", of(get(network_test))),
    ]
}

/// An error in this specification's format.
struct Refusal(StatusCode, Value);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(self.1)).into_response()
    }
}

fn refused(status: StatusCode, error: &str) -> Refusal {
    Refusal(status, json!({"error": error}))
}

fn bad(error: &str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, error, "")
}

struct Answer(Response);

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        self.0
    }
}

/// Converts errors of the core, using this specification's words where it has some.
impl From<ApiError> for Answer {
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
        Answer((status, headers.clone(), Json(body)).into_response())
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Answer(refusal.into_response())
    }
}

impl From<UploadError> for Answer {
    fn from(error: UploadError) -> Self {
        ApiError::from(error).into()
    }
}

async fn wrong_method() -> Refusal {
    refused(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
}

/// Takes parts of the request instead of the request, because the body can't be shared between
/// threads.
fn user<'a>(
    app: &'a App,
    request: &'a Request,
) -> impl Future<Output = Result<UserId, Answer>> + Send + use<'a> {
    let asked = (request.method(), request.headers());
    let extensions = request.extensions();
    async move { Ok(signed(app, asked, extensions).await?) }
}

/// Returns the user's upload. The error is 404 if there is none, and 403 if it is another user's.
async fn own(app: &App, user: UserId, id: &str) -> Result<Upload, ApiError> {
    let session: SessionId = forms::session_id(id)?;
    match app.uploads.db.upload(session).await? {
        Some(upload) if !app.uploads.is_there(&upload) => Err(ApiError::not_found()),
        Some(upload) if upload.user_id != user => {
            Err(ApiError::new(StatusCode::FORBIDDEN, "Forbidden", ""))
        }
        Some(upload) => Ok(upload),
        None => Err(ApiError::not_found()),
    }
}

fn media(content_type: &str) -> Result<Media, ApiError> {
    Media::of_mime(content_type)
        .filter(|media| !media.is_image())
        .ok_or_else(|| bad("Unsupported content type"))
}

/// The properties that the client stated when it began the upload.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Begun {
    file_name: String,
    file_size: u64,
    content_type: String,
    total_chunks: u32,
}

async fn begun(app: &App, upload: &Upload) -> Result<Begun, ApiError> {
    let metadata = app.uploads.db.metadata(upload.session_id).await?;
    serde_json::from_str(&metadata).map_err(|_| ApiError::not_found())
}

async fn begin(app: &App, user: UserId, begun: &Begun, media: Media) -> Result<Upload, ApiError> {
    let new = NewUpload {
        user_id: user,
        recording_id: None,
        media,
        filename: begun.file_name.clone(),
        width: 0,
        height: 0,
        fps: 0,
        metadata: json!({
            "fileName": begun.file_name, "fileSize": begun.file_size,
            "contentType": begun.content_type, "totalChunks": begun.total_chunks,
        })
        .to_string(),
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
#[serde(rename_all = "camelCase")]
struct DirectQuery {
    file_name: Option<String>,
    content_type: Option<String>,
}

async fn direct_url(
    State(app): State<App>,
    asked: Result<Query<DirectQuery>, QueryRejection>,
    request: Request,
) -> Result<Json<Value>, Answer> {
    let user = user(&app, &request).await?;
    let Query(asked) = asked.map_err(|error| bad_query(&error))?;
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (Some(name), Some(content_type)) = (filled(asked.file_name), filled(asked.content_type))
    else {
        return Err(bad("Missing required parameters").into());
    };
    let media = media(&content_type)?;
    let begun = Begun { file_name: file_name(&name)?, content_type, ..Begun::default() };
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
async fn direct(
    State(app): State<App>,
    Path(id): Path<String>,
    sign: Result<Query<signing::Signed>, QueryRejection>,
    request: Request,
) -> Result<Json<Value>, Answer> {
    let now_ms = app.uploads.clock.now_ms();
    let path = request.uri().path();
    let is_good = sign.is_ok_and(|Query(it)| app.signing.is_good("PUT", path, &it, now_ms));
    if !is_good {
        return Err(refused(StatusCode::FORBIDDEN, "The upload URL is not valid any more").into());
    }
    let session = forms::session_id(&id)?;
    let id = session.0;
    let upload = app.uploads.db.upload(session).await.map_err(ApiError::from)?;
    let upload = upload.filter(|upload| app.uploads.is_there(upload) && upload.is_open());
    let upload = upload.ok_or_else(ApiError::not_found)?;
    check_announced(request.headers(), FILE_BYTES_MAX)?;
    let mut writer = app.uploads.storage.incoming_writer(id);
    let mut bytes = Body::into_data_stream(request.into_body());
    while let Some(bytes) = silence(bytes.next()).await? {
        let bytes = bytes.map_err(|_| bad("The file ends early"))?;
        if writer.size_bytes() + bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(ApiError::too_large(FILE_BYTES_MAX).into());
        }
        writer.write(bytes).await.map_err(UploadError::from)?;
    }
    writer.finish().await.map_err(UploadError::from)?;
    let done = app.uploads.adopt(&upload, FILE_BYTES_MAX).await?;
    app.jobs.look_soon();
    let url = file_url(&app, done.as_ref().unwrap_or(&upload));
    Ok(Json(json!({"success": true, "url": url})))
}

/// Checks a file that was uploaded directly to the bucket, and takes it over. A request for the
/// file's URL does the same.
async fn complete_direct(State(app): State<App>, request: Request) -> Result<Json<Value>, Answer> {
    let user = user(&app, &request).await?;
    let body = json_body(request).await?;
    let Some(id) = body["uploadId"].as_str() else {
        return Err(bad("Missing required parameters").into());
    };
    let upload = own(&app, user, id).await?;
    let done = match upload.finished {
        Some(_) => Some(upload),
        None => app.uploads.adopt(&upload, FILE_BYTES_MAX).await?,
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

/// Takes over a file that may have been uploaded to the bucket without a completion request.
pub async fn arrived(app: &App, upload: &Upload) -> Result<Option<Upload>, ApiError> {
    let is_direct = begun(app, upload)
        .await
        .is_ok_and(|begun| begun.total_chunks == 0 && !begun.content_type.is_empty());
    if !is_direct {
        return Ok(None);
    }
    let done = app.uploads.adopt(upload, FILE_BYTES_MAX).await?;
    app.jobs.look_soon();
    Ok(done)
}

/// Receives a whole video in one form, in the field `file`.
async fn upload_file(State(app): State<App>, request: Request) -> Result<Json<Value>, Answer> {
    let user = user(&app, &request).await?;
    let form = multipart::read_file(&app, request, multipart::VIDEO).await?;
    let begun = Begun {
        file_name: file_name(&form.filename)
            .unwrap_or_else(|_| format!("video.{}", form.media.name())),
        content_type: form.media.mime().to_owned(),
        ..Begun::default()
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

async fn init(State(app): State<App>, request: Request) -> Result<Json<Value>, Answer> {
    let user = user(&app, &request).await?;
    let body = json_body(request).await?;
    let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty());
    let number = |name: &str| body[name].as_u64().filter(|number| *number > 0);
    let (Some(name), Some(file_size), Some(content_type), Some(total_chunks)) =
        (text("fileName"), number("fileSize"), text("contentType"), number("totalChunks"))
    else {
        return Err(bad("Missing required parameters").into());
    };
    if file_size > FILE_BYTES_MAX {
        return Err(bad("File size exceeds maximum allowed size").into());
    }
    let media = media(content_type)?;
    let total_chunks = u32::try_from(total_chunks)
        .ok()
        .filter(|total| u64::from(*total) <= CHUNKS_MAX)
        .ok_or_else(|| bad("Too many chunks"))?;
    let (file_name, content_type) = (file_name(name)?, content_type.to_owned());
    let begun = Begun { file_name, file_size, content_type, total_chunks };
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

async fn chunk(State(app): State<App>, request: Request) -> Result<Json<Value>, Answer> {
    let user = user(&app, &request).await?;
    let form = read_chunk::<StorageChunk>(&app, user, request).await?;
    let index = form.index;
    app.uploads.receive(&form.upload, index, form.written, form.sha256_claimed).await?;
    Ok(Json(json!({"success": true, "chunkIndex": index, "received": true})))
}

async fn complete(State(app): State<App>, request: Request) -> Result<Json<Value>, Answer> {
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
    let parts = app.uploads.db.parts_from(upload.session_id, 0).await.map_err(ApiError::from)?;
    if upload.finished.is_none() {
        if parts.len() != begun.total_chunks as usize {
            let answer = json!({
                "error": "Not all chunks have been received",
                "receivedChunks": parts.len(), "totalChunks": begun.total_chunks,
            });
            return Err(Refusal(StatusCode::BAD_REQUEST, answer).into());
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
#[serde(rename_all = "camelCase")]
struct StatusQuery {
    upload_id: Option<String>,
}

async fn status(
    State(app): State<App>,
    asked: Result<Query<StatusQuery>, QueryRejection>,
    request: Request,
) -> Result<Json<Value>, Answer> {
    let user = user(&app, &request).await?;
    let Query(asked) = asked.map_err(|error| bad_query(&error))?;
    let Some(id) = asked.upload_id.filter(|id| !id.is_empty()) else {
        return Err(bad("Missing upload ID").into());
    };
    let upload = own(&app, user, &id).await?;
    let begun = begun(&app, &upload).await?;
    let received = app.uploads.db.part_indices(upload.session_id).await.map_err(ApiError::from)?;
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
struct TestQuery {
    size: Option<String>,
}

/// Serves zero bytes to everyone, as seed 003 specifies.
async fn network_test(asked: Result<Query<TestQuery>, QueryRejection>) -> Result<Response, Answer> {
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
