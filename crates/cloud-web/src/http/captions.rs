//! `/api/v1/videos/{session}/captions`: WebVTT captions that the owner adds to a video. They are
//! stored as received, in UTF-8; a browser shows them as text only.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use snaplark_api::limits;

use super::app::App;
use super::auth::Signed;
use super::errors::ApiError;
use super::forms;
#[cfg(test)]
use super::openapi::{Bytes, Done, RefusedStatus};
use snaplark_cloud_data::db::Upload;

#[cfg_attr(test, utoipa::path(
    put, path = "/api/v1/videos/{session}/captions", operation_id = "putCaptions", tag = "Snaplark",
    summary = "Set the captions of a video", description = "",
    params(("session" = Uuid, Path, description = "The upload session")),
    request_body(
        content((String = "text/vtt"), (inline(Bytes) = "application/octet-stream")),
        description = "WebVTT in UTF-8, at most 1048576 bytes",
    ),
    responses((status = 200, description = "The captions are stored", body = Done), RefusedStatus<401>,
        RefusedStatus<403>, RefusedStatus<404>, RefusedStatus<413>, RefusedStatus<415>, RefusedStatus<500>, RefusedStatus<507>),
))]
pub(crate) async fn put(
    State(app): State<App>,
    Signed(user): Signed,
    Path(session): Path<String>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let upload = app.uploads.own(user, forms::session_id(&session)?).await?;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next());
    // Generated clients may know no content type but the second.
    if !matches!(kind, Some("text/vtt" | "application/octet-stream")) {
        return Err(ApiError::unsupported("Send captions as text/vtt."));
    }
    let text = to_bytes(request.into_body(), limits::CAPTIONS_BYTES_MAX as usize).await;
    let text = text.map_err(|_| ApiError::too_large(limits::CAPTIONS_BYTES_MAX))?;
    give(&app, &upload, &text).await?;
    Ok(Json(json!({"success": true, "sessionId": session, "message": "Captions stored"})))
}

#[cfg_attr(test, utoipa::path(
    delete, path = "/api/v1/videos/{session}/captions",
    operation_id = "deleteCaptions", tag = "Snaplark",
    summary = "Remove the captions of a video", description = "",
    params(("session" = Uuid, Path, description = "The upload session")),
    responses((status = 200, description = "The captions are gone", body = Done), RefusedStatus<401>,
        RefusedStatus<403>, RefusedStatus<404>, RefusedStatus<500>),
))]
pub(crate) async fn remove(
    State(app): State<App>,
    Signed(user): Signed,
    Path(session): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let upload = app.uploads.own(user, forms::session_id(&session)?).await?;
    app.uploads.take_captions(&upload).await?;
    Ok(Json(json!({"success": true, "sessionId": session, "message": "Captions removed"})))
}

pub(crate) async fn give(app: &App, upload: &Upload, text: &[u8]) -> Result<(), ApiError> {
    let wrong =
        |sentence: &str| ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not WebVTT", sentence);
    if upload.media.is_image() {
        return Err(wrong("A screenshot can't have captions."));
    }
    let plain = std::str::from_utf8(text).map_err(|_| wrong("Captions must be UTF-8 text."))?;
    if !is_webvtt(plain) {
        return Err(wrong("Captions must begin with the line WEBVTT."));
    }
    Ok(app.uploads.give_captions(upload, plain.to_owned().into()).await?)
}

/// Checks for the signature, followed by nothing or white space:
/// https://www.w3.org/TR/webvtt1/#file-structure
fn is_webvtt(text: &str) -> bool {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let rest = text.strip_prefix("WEBVTT");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']))
}

#[cfg(test)]
mod tests {
    use super::is_webvtt;

    #[test]
    fn the_first_line_says_what_it_is() {
        for good in ["WEBVTT", "WEBVTT\n\n00:00.000 --> 00:01.000\nHi", "\u{FEFF}WEBVTT - x\r\n"] {
            assert!(is_webvtt(good), "{good}");
        }
        for bad in ["", "webvtt", "WEBVTTX", "1\n00:00:00,000 --> 00:00:01,000\nHi", "<html>"] {
            assert!(!is_webvtt(bad), "{bad}");
        }
    }
}
