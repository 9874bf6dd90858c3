//! The routes for other computers on the local network: share pages and their media, each under a
//! link whose path contains its key. The API, sign-in, lists and the operator's pages are not
//! available there.
//!
//! A link is `/videos/ID-KEY`. Before routing, the key is checked and removed from the path; in
//! outgoing pages the key is added to the id again. So no page contains a URL that would not work,
//! and all wrong URLs get the same answer.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use super::html::html;
use super::{App, AppState, body, headers_for_all, link_routes};
use crate::accounts::Accounts;
use crate::db::VideoId;
use crate::pages;
use crate::shares::Shares;

/// The rate limit of a visitor. A page with its media sends a dozen requests at once; a player that
/// seeks sends a few each second.
const REQUESTS_PER_SECOND: f64 = 50.0;
const REQUESTS_AT_ONCE: f64 = 200.0;
/// With more visitors than this, those whose bucket is full again are forgotten.
const VISITORS_KEPT_MAX: usize = 4_096;
/// The largest page has a few tens of kilobytes.
const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// Rate limiter of visitors: a token bucket for each address.
#[derive(Debug, Default)]
pub struct VisitorRate {
    buckets: Mutex<HashMap<IpAddr, (f64, Instant)>>,
}

impl VisitorRate {
    fn admits(&self, from: IpAddr, now: Instant) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = |(left, at): (f64, Instant)| {
            let passed = now.saturating_duration_since(at).as_secs_f64();
            (left + passed * REQUESTS_PER_SECOND).min(REQUESTS_AT_ONCE)
        };
        if buckets.len() >= VISITORS_KEPT_MAX {
            buckets.retain(|_, bucket| filled(*bucket) < REQUESTS_AT_ONCE);
        }
        let bucket = buckets.entry(from).or_insert((REQUESTS_AT_ONCE, now));
        let left = filled(*bucket);
        let admits = left >= 1.0;
        *bucket = (left - f64::from(u8::from(admits)), now);
        admits
    }
}

#[derive(Clone)]
struct Gate {
    app: App,
    rate: Arc<VisitorRate>,
}

impl AppState {
    /// Returns a state with the same videos, for visitors who use another URL.
    pub fn for_visitors(&self, public_url: String) -> AppState {
        AppState {
            // Other computers on the network may use any name for this one.
            is_named: false,
            uploads: Arc::clone(&self.uploads),
            accounts: Accounts::new(self.uploads.db.clone(), self.uploads.clock.clone()),
            shares: Shares::new(self.uploads.db.clone(), self.uploads.clock.clone()),
            jobs: Arc::clone(&self.jobs),
            signing: self.signing.clone(),
            public_url,
            behind_proxy: false,
            has_sign_in: false,
            redirects_downloads: false,
            is_this_computer: false,
            mailer: None,
            sweep: Arc::clone(&self.sweep),
        }
    }
}

pub fn router(app: App, rate: Arc<VisitorRate>) -> Router {
    let inner = link_routes()
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .layer(middleware::from_fn(body::answer_after_body))
        .with_state(Arc::clone(&app));
    Router::new()
        .fallback_service(inner)
        .layer(middleware::from_fn_with_state(Gate { app: Arc::clone(&app), rate }, admit))
        .layer(middleware::from_fn_with_state(app, headers_for_all))
}

async fn nothing() -> Response {
    html(StatusCode::NOT_FOUND, pages::nothing())
}

async fn admit(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
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
        return nothing().await;
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
    if let Some(to) = parts.headers.get(header::LOCATION)
        && let Some(to) = to.to_str().ok().and_then(|to| to.replace(&id, segment).parse().ok())
    {
        parts.headers.insert(header::LOCATION, to);
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_visitor_has_a_rate_of_its_own() {
        let rate = VisitorRate::default();
        let (one, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let now = Instant::now();
        let admitted = (0..1_000).filter(|_| rate.admits(one, now)).count();
        assert_eq!(admitted, REQUESTS_AT_ONCE as usize);
        assert!(rate.admits(other, now));
        let later = now + Duration::from_secs(1);
        let again = (0..1_000).filter(|_| rate.admits(one, later)).count();
        assert_eq!(again, REQUESTS_PER_SECOND as usize);
    }
}
