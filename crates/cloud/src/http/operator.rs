//! Endpoints for the operator, and middleware that every request passes for metrics and logs.
//!
//! `/metrics` is only served on its own address: it reveals how much a business records, and behind a
//! proxy every visitor would seem to come from this computer.

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::request_id::RequestId;

use super::errors::ApiError;
use super::visitor::from;
use super::{App, REQUEST_ID};
use crate::audit::asked_from;

/// Load balancers have short timeouts of their own.
const READY_MAX: Duration = Duration::from_secs(2);
/// The longest request id that is accepted from outside. It is written to the logs.
const ID_BYTES_MAX: usize = 64;
const METRICS_TYPE: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

pub fn metrics_router(app: App) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(app)
}

async fn metrics(State(app): State<App>) -> Result<Response, ApiError> {
    let totals = app.uploads.db.totals().await?;
    let text = app.uploads.metrics.text(&totals);
    Ok(([(header::CONTENT_TYPE, METRICS_TYPE)], text).into_response())
}

pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Returns whether requests can be answered. A full disk does not count as a failure, because stored
/// videos can still be watched.
pub async fn readyz(State(app): State<App>) -> Response {
    let (db, storage) = (&app.uploads.db, &app.uploads.storage);
    let ready = async {
        db.ping().await.map_err(|error| ("database", error.to_string()))?;
        storage.probe().await.map_err(|error| ("storage", error.to_string()))
    };
    let late = Err(("database or storage", format!("no answer in {} s", READY_MAX.as_secs())));
    match tokio::time::timeout(READY_MAX, ready).await.unwrap_or(late) {
        Ok(()) => "ready\n".into_response(),
        Err((what, error)) => {
            tracing::warn!(what, error, "The server is not ready");
            let text = format!("not ready: the {what} can't be reached\n");
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}

/// Counts requests by route and never by path, because a path names a video. Also makes the client's
/// address available to the audit log.
pub async fn counted(State(app): State<App>, request: Request, next: Next) -> Response {
    let (begun, _under_way) = (Instant::now(), app.uploads.metrics.under_way());
    let path = request.extensions().get::<MatchedPath>().cloned();
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE];
    let method = known.into_iter().find(|known| known == request.method());
    let (parts, body) = request.into_parts();
    let from = from(&app, &parts.headers, &parts.extensions);
    let response = asked_from(from, next.run(Request::from_parts(parts, body))).await;
    let route = path.as_ref().map_or("none", MatchedPath::as_str);
    let method = method.as_ref().map_or("other", Method::as_str);
    app.uploads.metrics.answered(method, route, response.status().as_u16(), begun.elapsed());
    response
}

/// Removes an invalid request id, so that a new one is generated.
pub async fn plain_request_id(mut request: Request, next: Next) -> Response {
    let is_plain = |id: &HeaderValue| {
        let bytes = id.as_bytes();
        !bytes.is_empty()
            && bytes.len() <= ID_BYTES_MAX
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
    };
    if request.headers().get(REQUEST_ID).is_some_and(|id| !is_plain(id)) {
        request.headers_mut().remove(REQUEST_ID);
    }
    next.run(request).await
}

/// Logs method and path. The path holds no secret except the link itself; the query is left out.
pub fn span(request: &Request) -> tracing::Span {
    let id = request.extensions().get::<RequestId>();
    let id = id.and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
}

pub fn log_response(response: &Response, took: Duration, _: &tracing::Span) {
    let (status, ms) = (response.status().as_u16(), took.as_millis() as u64);
    if response.status().is_server_error() {
        tracing::warn!(status, ms, "Answered");
    } else {
        tracing::debug!(status, ms, "Answered");
    }
}
