//! The routes for other computers on the local network: share pages and their media, each under a
//! link whose path contains its key. The API, sign-in, lists and the operator's pages are not
//! available there.
//!
//! A link is `/videos/ID-KEY`. Before routing, the key is checked and removed from the path; in
//! outgoing pages the key is added to the id again. So no page contains a URL that would not work,
//! and all wrong URLs get the same answer.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use super::app::{App, AppState};
use super::body;
use super::html::html;
use super::router::{headers_for_all, link_routes};
use super::visitor_rate::VisitorRate;
use crate::pages;
use crate::words::PageWords;
use snaplark_cloud_data::db::VideoId;

/// The rate limit of a visitor. A page with its media sends a dozen requests at once; a player that
/// seeks sends a few each second.
const REQUESTS_PER_SECOND: f64 = 50.0;
const REQUESTS_AT_ONCE: f64 = 200.0;
/// The largest page has a few tens of kilobytes.
const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// Returns the rate limiter of the network's visitors.
pub(crate) fn visitor_rate() -> VisitorRate {
    VisitorRate::new(REQUESTS_PER_SECOND, REQUESTS_AT_ONCE)
}

#[derive(Clone)]
struct VisitorGate {
    app: App,
    rate: Arc<VisitorRate>,
}

impl AppState {
    /// Returns a state with the same videos, for visitors who use another URL.
    pub(crate) fn for_visitors(&self, public_url: String) -> AppState {
        AppState {
            // Other computers on the network may use any name for this one.
            is_named: false,
            uploads: Arc::clone(&self.uploads),
            accounts: self.uploads.accounts(),
            shares: self.uploads.shares(),
            watch_counter: Arc::clone(&self.watch_counter),
            jobs: Arc::clone(&self.jobs),
            signing: self.signing.clone(),
            public_url,
            behind_proxy: false,
            has_sign_in: false,
            redirects_downloads: false,
            cache_max: self.cache_max,
            is_this_computer: false,
            mailer: None,
            request_metrics: Arc::clone(&self.request_metrics),
            sweep: Arc::clone(&self.sweep),
            held_playlists: Arc::clone(&self.held_playlists),
            exports: Arc::clone(&self.exports),
        }
    }
}

pub(crate) fn router(app: App, rate: Arc<VisitorRate>) -> Router {
    let inner = link_routes()
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .layer(middleware::from_fn(body::answer_after_body))
        .with_state(Arc::clone(&app));
    Router::new()
        .fallback_service(inner)
        .layer(middleware::from_fn_with_state(VisitorGate { app: Arc::clone(&app), rate }, admit))
        .layer(middleware::from_fn_with_state(app, headers_for_all))
}

async fn nothing(words: PageWords) -> Response {
    html(StatusCode::NOT_FOUND, pages::nothing(words))
}

async fn admit(State(gate): State<VisitorGate>, mut request: Request, next: Next) -> Response {
    let from = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let from = from.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical();
    if !gate.rate.admits(from, Instant::now()) {
        let again = [(header::RETRY_AFTER, HeaderValue::from_static("1"))];
        return (StatusCode::TOO_MANY_REQUESTS, again).into_response();
    }
    // Nobody signs in here. A token that was sent by mistake is ignored.
    request.headers_mut().remove(header::AUTHORIZATION);
    if request.uri().path().starts_with("/static/") {
        return next.run(request).await;
    }
    let Some((video, segment, inner)) = opened(&gate.app, request.uri()) else {
        return nothing(PageWords::asked(request.headers())).await;
    };
    *request.uri_mut() = inner;
    with_keys(next.run(request).await, video, &segment).await
}

/// Checks the key of a URL. Returns the video, the path segment with the key, and the URL without it.
fn opened(app: &AppState, uri: &Uri) -> Option<(VideoId, String, Uri)> {
    let mut steps = uri.path().splitn(4, '/').skip(1);
    let (kind, segment, rest) = (steps.next()?, steps.next()?, steps.next());
    let video = app.signing.video_of_segment(segment)?;
    let mut inner = format!("/{kind}/{video}");
    if let Some(rest) = rest {
        inner.push('/');
        inner.push_str(rest);
    }
    if let Some(query) = uri.query() {
        inner.push('?');
        inner.push_str(query);
    }
    Some((video, segment.to_owned(), inner.parse().ok()?))
}

/// Replaces the video's id by the segment with its key, wherever the response names it.
async fn with_keys(response: Response, video: VideoId, segment: &str) -> Response {
    let (mut parts, body) = response.into_parts();
    let id = video.to_string();
    for name in [header::LOCATION, header::LINK] {
        if let Some(to) = parts.headers.get(&name)
            && let Some(to) = to.to_str().ok().and_then(|to| to.replace(&id, segment).parse().ok())
        {
            parts.headers.insert(name, to);
        }
    }
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_text = kind.is_some_and(|kind| {
        ["text/html", "application/json", "application/vnd.apple.mpegurl"]
            .iter()
            .any(|text| kind.starts_with(text))
    });
    if !is_text {
        return Response::from_parts(parts, body);
    }
    let Ok(bytes) = to_bytes(body, PAGE_BYTES_MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let text = String::from_utf8_lossy(&bytes).replace(&id, segment);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(text))
}
