//! Endpoints for the operator, and middleware that every request passes for metrics and logs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::request_id::RequestId;

use super::app::App;
use super::visitor::from;
use crate::outlets::RequestMetrics;
use snaplark_cloud::audit::with_client_address;
use snaplark_cloud::uploads::NotReady;

/// The header in which a request's id comes, or is answered.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Load balancers have short timeouts of their own.
const READY_MAX: Duration = Duration::from_secs(2);
/// The longest request id that is accepted from outside. It is written to the logs.
const ID_BYTES_MAX: usize = 64;

pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Returns whether requests can be answered. A full disk does not count as a failure, because stored
/// videos can still be watched.
pub(crate) async fn readyz(State(app): State<App>) -> Response {
    let late = Err(NotReady {
        what: "database or storage",
        error: format!("no answer in {} s", READY_MAX.as_secs()),
    });
    match tokio::time::timeout(READY_MAX, app.uploads.ready()).await.unwrap_or(late) {
        Ok(()) => "ready\n".into_response(),
        Err(NotReady { what, error }) => {
            tracing::warn!(what, error, "The server is not ready");
            let text = format!("not ready: the {what} can't be reached\n");
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}

/// Counts a request as in progress until it is dropped, also if the client disconnects.
struct UnderWay(Arc<dyn RequestMetrics>);

impl UnderWay {
    fn new(app: &App) -> Self {
        app.request_metrics.began();
        UnderWay(Arc::clone(&app.request_metrics))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.ended();
    }
}

/// Counts requests by route and never by path, because a path names a video. Also makes the client's
/// address available to the audit log.
pub(crate) async fn counted(State(app): State<App>, request: Request, next: Next) -> Response {
    let (begun, _under_way) = (Instant::now(), UnderWay::new(&app));
    let path = request.extensions().get::<MatchedPath>().cloned();
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE];
    let method = known.into_iter().find(|known| known == request.method());
    let (parts, body) = request.into_parts();
    let from = from(&app, &parts.headers, &parts.extensions);
    let response = with_client_address(from, next.run(Request::from_parts(parts, body))).await;
    let route = path.as_ref().map_or("none", MatchedPath::as_str);
    let method = method.as_ref().map_or("other", Method::as_str);
    app.request_metrics.answered(method, route, response.status().as_u16(), begun.elapsed());
    response
}

/// Removes an invalid request id, so that a new one is generated.
pub(crate) async fn plain_request_id(mut request: Request, next: Next) -> Response {
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
pub(crate) fn span(request: &Request) -> tracing::Span {
    let id = request.extensions().get::<RequestId>();
    let id = id.and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
}

pub(crate) fn log_response(response: &Response, took: Duration, _: &tracing::Span) {
    let (status, ms) = (response.status().as_u16(), took.as_millis() as u64);
    if response.status().is_server_error() {
        tracing::warn!(status, ms, "Answered");
    } else {
        tracing::debug!(status, ms, "Answered");
    }
}
