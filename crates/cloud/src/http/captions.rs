//! `/api/v1/videos/{session}/captions`: WebVTT captions that the owner adds to a video. They are
//! stored as received, in UTF-8; a browser shows them as text only.

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use snaplark_api::limits;

use super::auth::Signed;
use super::errors::ApiError;
use super::{App, forms};
use crate::db::Upload;

pub async fn put(
    State(app): State<App>,
    Signed(user): Signed,
    Path(session): Path<String>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let upload = app.uploads.own(user, forms::session_id(&session)?).await?;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind.is_none_or(|kind| kind.split(';').next() != Some("text/vtt")) {
        return Err(ApiError::unsupported("Captions are sent as text/vtt."));
    }
    let text = to_bytes(request.into_body(), limits::CAPTIONS_BYTES_MAX as usize).await;
    let text = text.map_err(|_| ApiError::too_large(limits::CAPTIONS_BYTES_MAX))?;
    give(&app, &upload, &text).await?;
    Ok(Json(json!({"success": true, "sessionId": session, "message": "Captions stored"})))
}

pub async fn remove(
    State(app): State<App>,
    Signed(user): Signed,
    Path(session): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let upload = app.uploads.own(user, forms::session_id(&session)?).await?;
    app.uploads.take_captions(&upload).await?;
    Ok(Json(json!({"success": true, "sessionId": session, "message": "Captions removed"})))
}

pub async fn give(app: &App, upload: &Upload, text: &[u8]) -> Result<(), ApiError> {
    let wrong =
        |sentence: &str| ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not WebVTT", sentence);
    if upload.media.is_image() {
        return Err(wrong("A screenshot has no captions."));
    }
    let plain = std::str::from_utf8(text).map_err(|_| wrong("Captions are text in UTF-8."))?;
    if !is_webvtt(plain) {
        return Err(wrong("Captions begin with a line that says WEBVTT."));
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
