//! Which answers pages of other sites may read (CORS): the API's, which knows its callers by a token
//! that they have to send along, and nothing that a browser's cookies open. So `*` is safe, and
//! credentials are never allowed.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Below it no cookie counts.
const API: &str = "/api/";
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-digest, content-type, token, x-request-id");
const ANSWER_HEADERS: HeaderValue = HeaderValue::from_static(
    "retry-after, www-authenticate, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, \
     x-request-id",
);
/// What browsers keep at most.
const PREFLIGHT_AGE_S: HeaderValue = HeaderValue::from_static("7200");

pub fn is_open_to_all(path: &str) -> bool {
    path.starts_with(API)
}

/// Says what may be sent; whether the address exists is the request's own answer to tell.
pub fn preflight() -> Response {
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_AGE_S),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

pub fn open_to_all(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
}
