//! All responses that are not 2xx, in the format of the specifications: `{success, error, message,
//! errors, missingChunks}`. The server's own failures are logged here and nowhere else.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use snaplark_api::{ErrorAnswer, codes};

use snaplark_cloud::accounts::AccountError;
use snaplark_cloud::rate::Allowance;
use snaplark_cloud::secrets::SecretError;
use snaplark_cloud::shares::{self, ShareError};
use snaplark_cloud::sizes;
use snaplark_cloud::uploads::UploadError;
use snaplark_cloud_data::db::DbError;
use snaplark_cloud_data::quotas::Over;
use snaplark_cloud_data::scopes::Scope;
use snaplark_cloud_data::storage::StorageError;

/// The delay after which a client tries again if the storage was full. There may be space by then.
const ROOM_RETRY_S: u64 = 60;
/// The delay after which some of the bytes that are on their way have arrived.
const STAGED_RETRY_S: u64 = 1;

/// An error response: status, body and headers.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    answer: Box<ErrorAnswer>,
    headers: HeaderMap,
}

/// Field name -> sentences, like the request classes of seed 000.
pub(crate) type FieldErrors = BTreeMap<String, Vec<String>>;

impl ApiError {
    pub(crate) fn new(status: StatusCode, error: &str, message: &str) -> Self {
        let answer = ErrorAnswer {
            success: false,
            error: error.to_owned(),
            message: Some(message.to_owned()),
            ..ErrorAnswer::default()
        };
        ApiError { status, answer: Box::new(answer), headers: HeaderMap::new() }
    }

    /// Adds a code by which a program can tell this error from others of the same status.
    pub(crate) fn coded(mut self, code: &str) -> Self {
        self.answer.code = Some(code.to_owned());
        self
    }

    /// Adds the version of a picture that is behind its link.
    fn serving(mut self, version: u32) -> Self {
        self.answer.served_version = Some(version);
        self
    }

    pub(crate) fn invalid(errors: FieldErrors) -> Self {
        let first = errors.values().flatten().next().cloned().unwrap_or_default();
        let mut error = ApiError::new(StatusCode::BAD_REQUEST, "Invalid request data", &first);
        error.answer.errors = errors;
        error
    }

    /// Adds another invalid field, if this error is about invalid fields.
    pub(crate) fn and_field(mut self, name: &str, sentence: &str) -> Self {
        if self.status == StatusCode::BAD_REQUEST {
            self.answer.errors.insert(name.to_owned(), vec![sentence.to_owned()]);
        }
        self
    }

    pub(crate) fn field(name: &str, sentence: &str) -> Self {
        ApiError::invalid(BTreeMap::from([(name.to_owned(), vec![sentence.to_owned()])]))
    }

    pub(crate) fn unauthorized() -> Self {
        let mut error = ApiError::new(
            StatusCode::UNAUTHORIZED,
            "Unauthenticated",
            "The token is missing or invalid. Nothing was lost. Sign in again.",
        );
        error.headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        error
    }

    /// RFC 6750, 3.1: the token is valid, but its scopes don't allow this.
    pub(crate) fn out_of_scope(needed: &str) -> Self {
        let mut error = ApiError::new(
            StatusCode::FORBIDDEN,
            "Out of scope",
            &format!("This token doesn't have the scope {needed}. Use one that has."),
        )
        .coded("insufficient_scope");
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\"");
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            error.headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        error
    }

    pub(crate) fn not_found() -> Self {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "Session not found",
            "This upload doesn't exist, or has expired. Start again with init.",
        )
    }

    #[cfg(test)]
    pub(crate) fn fields(&self) -> &FieldErrors {
        &self.answer.errors
    }

    pub(crate) fn too_large(bytes_max: u64) -> Self {
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Chunk exceeds maximum size",
            &format!("A chunk can have up to {} kilobytes. Send smaller chunks.", bytes_max / 1024),
        )
    }

    /// Returns the error's parts, so that a dialect can word them in its own format.
    pub(crate) fn told(&self) -> (StatusCode, &ErrorAnswer, &HeaderMap) {
        (self.status, &self.answer, &self.headers)
    }

    pub(crate) fn unsupported(message: &str) -> Self {
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type", message)
    }

    pub(crate) fn too_many(retry_after_s: u64) -> Self {
        let mut error = ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many requests",
            "Too many attempts. Nothing is lost. Wait, then try again.",
        );
        error.headers.insert(header::RETRY_AFTER, retry_after_s.into());
        error
    }

    pub(super) fn is_too_many(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS
    }

    pub(crate) fn slow() -> Self {
        ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "Request timed out",
            "No data arrived for a while. Send the chunk again.",
        )
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        let message = error.to_string();
        match error {
            UploadError::NotFound => ApiError::not_found(),
            UploadError::NotActive(_) => ApiError::new(
                StatusCode::BAD_REQUEST,
                "Session is not active",
                &format!("This upload takes no more chunks: {message}."),
            ),
            UploadError::RecordingTaken => ApiError::new(
                StatusCode::CONFLICT,
                "Recording id is taken",
                "Another recording has this id. Use a new one.",
            ),
            UploadError::NewerVersion(version) => ApiError::new(
                StatusCode::CONFLICT,
                "Newer version exists",
                &format!("Version {version} is behind the link already. Nothing was changed."),
            )
            .coded(codes::NEWER_VERSION)
            .serving(version),
            UploadError::Unproven => ApiError::out_of_scope(Scope::Account.name()),
            UploadError::VersionTooFar(version_max) => ApiError::field(
                "version",
                &format!("The version field must be at most {version_max} after the last one."),
            ),
            UploadError::TooMuchAtOnce => ApiError::too_many(STAGED_RETRY_S),
            UploadError::VersionTaken => ApiError::new(
                StatusCode::CONFLICT,
                "Version is taken",
                "This version is behind the link already, with other bytes. Send a greater one.",
            )
            .coded(codes::VERSION_TAKEN),
            UploadError::Unreadable(_) => ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "Unreadable image",
                &format!("Nothing was stored: {message}."),
            ),
            UploadError::Missing(missing) => {
                let text = missing.iter().take(20).map(u32::to_string).collect::<Vec<_>>();
                let dots = if missing.len() > text.len() { ", …" } else { "" };
                let sentence = format!("Missing chunks: {}{dots}", text.join(", "));
                let mut error = ApiError::new(StatusCode::CONFLICT, "Missing chunks", &sentence);
                error.answer.missing_chunks = missing;
                error
            }
            UploadError::OtherTotal { finished, .. } => ApiError::field(
                "totalChunks",
                &format!("The video is finished already, with {finished} chunks."),
            ),
            UploadError::OtherPieces { pieces, .. } => ApiError::field(
                "totalChunks",
                &format!("The totalChunks field must be {pieces}, as the version has pieces."),
            ),
            UploadError::PiecesTaken => ApiError::new(
                StatusCode::CONFLICT,
                "Version is taken",
                "This version has other pieces. Nothing was changed. Send a greater one.",
            )
            .coded(codes::VERSION_TAKEN),
            UploadError::Piece { index, reason } => {
                let field = format!("pieces.{index}");
                ApiError::field(&field, &format!("The {field} field is wrong: {reason}."))
            }
            UploadError::NotTrimmable => ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "Can't be trimmed",
                "This video can't be trimmed like that. Nothing was changed.",
            ),
            UploadError::TooFast(allowance) => {
                let mut error = ApiError::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "Too many requests",
                    &format!("An upload may send {} chunks a second.", allowance.limit),
                );
                error.headers = allowance_headers(allowance);
                error
            }
            UploadError::Over(over) => over_limit(over),
            UploadError::NotWebm => {
                let mut error = ApiError::unsupported("The chunk field must be a WebM file.");
                let sentence = "The chunk field must be a file of type: webm.".to_owned();
                error.answer.errors.insert("chunk".to_owned(), vec![sentence]);
                error
            }
            UploadError::OtherKind(media) if media.is_image() => {
                let mut error = ApiError::unsupported("The file field must be an image.");
                let sentence = "The file field must be a file of type: png, jpg, webp, gif.";
                error.answer.errors.insert("file".to_owned(), vec![sentence.to_owned()]);
                error
            }
            UploadError::OtherKind(_) => ApiError::unsupported(
                "The file must be a video: mp4, mov, m4v or webm, as announced.",
            ),
            UploadError::Size { bytes_max, .. } => ApiError::too_large(bytes_max),
            UploadError::Empty => ApiError::field("chunk", "The chunk field must not be empty."),
            UploadError::DigestMismatch => ApiError::field(
                "chunk",
                "The chunk was damaged on its way: its Content-Digest doesn't match. Send it again.",
            ),
            UploadError::Unplayable(_) => ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "Assembly failed",
                &format!("All chunks are here, but {message}."),
            ),
            UploadError::Busy => ApiError::new(
                StatusCode::CONFLICT,
                "Session is busy",
                "Chunks kept coming during finalize. Finalize again when all are sent.",
            ),
            // This was found and logged before, and trying again changes nothing.
            UploadError::Damaged => ApiError::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Video is damaged",
                "A part of this video was damaged on the server. To repair it, its owner uploads that part again.",
            ),
            UploadError::Db(error) => {
                let full = error.is_full();
                internal(&error, full)
            }
            UploadError::Storage(error) => {
                let full = is_disk_full(&error);
                internal(&error, full)
            }
        }
    }
}

/// Returns the error for an exceeded limit. A client that waits succeeds without help once there is
/// space, or once the day is over.
fn over_limit(over: Over) -> ApiError {
    let (status, error, message) = match over {
        Over::Storage { stored_bytes, bytes_max } => (
            StatusCode::INSUFFICIENT_STORAGE,
            "Storage quota exceeded",
            format!(
                "Your storage is full: {} of {}. Confirmed uploads are safe. Delete a recording to free space.",
                sizes::words(stored_bytes.min(bytes_max)),
                sizes::words(bytes_max)
            ),
        ),
        Over::DayUploads { uploads_max, .. } => (
            StatusCode::TOO_MANY_REQUESTS,
            "Daily upload limit reached",
            format!(
                "The daily limit of {uploads_max} uploads is reached. Uploads resume after midnight (UTC)."
            ),
        ),
        Over::DayBytes { bytes_max, .. } => (
            StatusCode::TOO_MANY_REQUESTS,
            "Daily upload limit reached",
            format!(
                "The daily limit of {} is reached. Confirmed uploads are safe; the rest resumes after midnight (UTC).",
                sizes::words(bytes_max)
            ),
        ),
        Over::Video { bytes_max } => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "Video exceeds maximum size",
            format!(
                "This server accepts videos of up to {}. The recording stays on its computer.",
                sizes::words(bytes_max)
            ),
        ),
    };
    let mut answer = ApiError::new(status, error, &message);
    match over {
        Over::Storage { .. } => {
            answer.headers.insert(header::RETRY_AFTER, ROOM_RETRY_S.into());
        }
        Over::DayUploads { retry_after_s, .. } | Over::DayBytes { retry_after_s, .. } => {
            answer.headers.insert(header::RETRY_AFTER, retry_after_s.into());
        }
        // This field tells it from a part that is too large, because smaller parts would not help
        // here.
        Over::Video { .. } => {
            answer.answer.errors.insert("video".to_owned(), vec![message]);
        }
    }
    answer
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        UploadError::from(error).into()
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        UploadError::from(error).into()
    }
}

impl From<SecretError> for ApiError {
    fn from(error: SecretError) -> Self {
        internal(&error, false)
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Wrong => ApiError::unauthorized(),
            AccountError::TooMany { retry_after_s } => ApiError::too_many(retry_after_s),
            AccountError::NewPassword => ApiError::field("password", &error.to_string()),
            AccountError::ResetLink => ApiError::not_found(),
            AccountError::Grant => ApiError::field("code", "The code is invalid or has expired."),
            AccountError::Secret(error) => error.into(),
            AccountError::Db(error) => error.into(),
        }
    }
}

impl From<ShareError> for ApiError {
    fn from(error: ShareError) -> Self {
        match error {
            ShareError::PasswordMissing => ApiError::field(
                "password",
                "The password field is required where the visibility is password.",
            ),
            ShareError::PasswordLength => ApiError::field(
                "password",
                &format!(
                    "The password field must have at least {} characters.",
                    shares::PASSWORD_CHARS_MIN
                ),
            ),
            ShareError::EndInThePast => {
                ApiError::field("expiresUnixMs", "The expiresUnixMs field must be in the future.")
            }
            ShareError::WatchingNotCounted => ApiError::field(
                "countsWatching",
                "The person who runs this server has switched off that watching is counted.",
            ),
            ShareError::Wrong => ApiError::field("password", "The password is wrong."),
            ShareError::TooMany { retry_after_s } => ApiError::too_many(retry_after_s),
            ShareError::Secret(error) => error.into(),
            ShareError::Db(error) => error.into(),
        }
    }
}

/// Logs a failure of the server. The client is asked to try again, and sees no internal details.
pub(crate) fn internal(error: &dyn std::error::Error, full: bool) -> ApiError {
    if full {
        tracing::error!(%error, "The server has no room left");
        return ApiError::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "Insufficient storage",
            "The server's disk is full. Confirmed uploads are safe. Try again later.",
        );
    }
    tracing::error!(%error, "A request could not be answered");
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Server error",
        "Something went wrong on the server. Confirmed uploads are safe. Try again.",
    )
}

fn is_disk_full(error: &StorageError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::StorageFull
        {
            return true;
        }
        cause = error.source();
    }
    false
}

pub(crate) fn allowance_headers(allowance: Allowance) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("x-ratelimit-limit"), allowance.limit.into());
    headers.insert(HeaderName::from_static("x-ratelimit-remaining"), allowance.remaining.into());
    if let Some(seconds) = allowance.retry_after_s {
        headers.insert(HeaderName::from_static("x-ratelimit-reset"), seconds.into());
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    headers
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        (self.status, no_store, self.headers, Json(self.answer)).into_response()
    }
}

/// Converts the rejection of a query string into the API's error format.
pub(crate) fn bad_query(error: &QueryRejection) -> ApiError {
    let text = error.body_text();
    let reason = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
    // An example is `limit: invalid digit found in string`.
    let (field, reason) = reason.split_once(": ").unwrap_or(("query", reason));
    ApiError::field(field, &format!("The {field} field can't be read: {reason}."))
}
