//! HTTP: the API for programs, the share page and the videos for people.
//!
//! Handlers translate; nothing is decided here but what HTTP itself asks for.

mod access;
mod api;
mod assets;
mod auth;
mod body;
mod errors;
mod forms;
mod html;
mod multipart;
mod share;
mod site;
mod video;
mod visitor;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::Notify;
use tower_http::request_id::{
    MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::trace::TraceLayer;

use crate::accounts::Accounts;
use crate::jobs::Jobs;
use crate::shares::Shares;
use crate::uploads::Uploads;

pub use assets::address as asset;
pub use video::bytes as bytes_of;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub type App = Arc<AppState>;

#[derive(Debug)]
pub struct AppState {
    pub uploads: Arc<Uploads>,
    pub accounts: Accounts,
    pub shares: Shares,
    pub jobs: Arc<Jobs>,
    /// Without a slash at its end.
    pub public_url: String,
    pub behind_proxy: bool,
    /// Not in the cloud of this computer, which has one user and no passwords.
    pub has_sign_in: bool,
    pub sweep: Arc<Notify>,
}

impl AppState {
    /// Something was removed: its bytes need not wait for the next round.
    fn sweep_soon(&self) {
        self.sweep.notify_one();
    }
}

pub fn router(app: App) -> Router {
    Router::new()
        .merge(api::routes())
        .merge(site::routes())
        .route("/videos/{video}", get(share::page))
        .route("/videos/{video}/password", post(share::unlock))
        .route("/videos/{video}/viewed", post(share::viewed))
        .route("/videos/{video}/embed", get(share::embed))
        .route("/oembed", get(share::oembed))
        .route("/videos/{video}/live", get(share::live))
        .route("/videos/{video}/live/init.webm", get(video::live_init))
        .route("/videos/{video}/live/{index}", get(video::live_part))
        .route("/videos/{video}/video.webm", get(video::video))
        .route("/videos/{video}/original.webm", get(video::original))
        .route("/videos/{video}/made/{name}", get(video::product))
        .route("/static/{version}/{name}", get(assets::serve))
        .route("/", get(share::front))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .fallback(share::unknown)
        .layer(middleware::from_fn(body::answer_after_body))
        .layer(middleware::from_fn(headers_for_all))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_request(())
                .on_failure(())
                .on_response(log_response),
        )
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .with_state(app)
}

async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(app): State<App>) -> Response {
    let ready = async {
        app.uploads.db.ping().await.map_err(|error| error.to_string())?;
        app.uploads.storage.probe().await.map_err(|error| error.to_string())
    };
    match ready.await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            tracing::warn!(error, "The server is not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
        }
    }
}

/// Method and path: the path holds no secret but the link itself, the query is left out.
fn span(request: &Request) -> tracing::Span {
    let id = request.extensions().get::<RequestId>();
    let id = id.and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
}

fn log_response(response: &Response, took: Duration, _: &tracing::Span) {
    let (status, ms) = (response.status().as_u16(), took.as_millis() as u64);
    if response.status().is_server_error() {
        tracing::warn!(status, ms, "Answered");
    } else {
        tracing::debug!(status, ms, "Answered");
    }
}

async fn headers_for_all(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}
