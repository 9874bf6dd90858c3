//! CORS: which responses pages of other sites may read. These are the API's, which identifies callers
//! by a token that they have to send, and none that depend on a browser's cookies. So `*` is safe,
//! and credentials are never allowed.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Cookies are ignored below this path.
const API: &str = "/api/";
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-digest, content-type, token, x-request-id");
const ANSWER_HEADERS: HeaderValue = HeaderValue::from_static(
    "retry-after, www-authenticate, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, \
     x-request-id",
);
/// The longest time for which browsers cache a preflight response.
const PREFLIGHT_AGE_S: HeaderValue = HeaderValue::from_static("7200");

pub(crate) fn is_open_to_all(path: &str) -> bool {
    path.starts_with(API)
}

/// Says what may be sent. Whether the path exists is only answered to the request itself.
pub(crate) fn preflight() -> Response {
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE_S),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

pub(crate) fn open_to_all(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
}
