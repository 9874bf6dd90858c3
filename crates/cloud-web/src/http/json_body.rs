//! Reads JSON bodies of bounded size. Fields are `json_form`'s and `forms`' to judge.

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use serde_json::Value;

use super::body::is_too_slow;
use super::errors::ApiError;

/// 10,000 indexes with commas take 60 KB.
const JSON_BYTES_MAX: usize = 1024 * 1024;

/// Reads a body that is an object of a few fields.
pub(crate) async fn json_body(request: Request) -> Result<Value, ApiError> {
    json_body_up_to(request, JSON_BYTES_MAX).await
}

/// Reads a body of up to `bytes_max` bytes.
pub(crate) async fn json_body_up_to(request: Request, bytes_max: usize) -> Result<Value, ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind != "application/json" && !(kind.starts_with("application/") && kind.ends_with("+json"))
    {
        return Err(ApiError::unsupported("Send the body as application/json."));
    }
    let bytes = to_bytes(request.into_body(), bytes_max).await.map_err(|error| {
        if is_too_slow(&error) {
            return ApiError::slow();
        }
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Body exceeds maximum size",
            &format!("The body is incomplete, or larger than {} MB.", bytes_max / 1024 / 1024),
        )
    })?;
    serde_json::from_slice(&bytes)
        .map_err(|_| ApiError::field("body", "The body must be a JSON object."))
}
