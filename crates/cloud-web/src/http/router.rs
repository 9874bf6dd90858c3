//! All routes, and what every answer gets: its headers, its request id and its line in the log.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;

use super::app::App;
use super::operator::{self, REQUEST_ID};
use super::visitor_rate::{self, VisitorLimit};
use super::{api, body, cors, dialects, hls, hosts, share, site, video, watching};
use crate::assets;

/// Two years, as the browsers' preload lists recommend. Subdomains are not included, because they may
/// belong to others.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

pub(crate) fn router(app: App) -> Router {
    Router::new()
        .merge(api::routes())
        .merge(dialects::routes())
        .merge(site::routes())
        .merge(link_routes())
        .route("/oembed", get(share::oembed))
        .route("/", get(share::front))
        .route("/healthz", get(operator::healthz))
        .route("/readyz", get(operator::readyz))
        .fallback(share::unknown)
        .layer(middleware::from_fn(body::work_to_the_end))
        .layer(middleware::from_fn_with_state(
            VisitorLimit::new(Arc::clone(&app)),
            visitor_rate::admit,
        ))
        .layer(middleware::from_fn(body::answer_after_body))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), headers_for_all))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), operator::counted))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(operator::span)
                .on_request(())
                .on_failure(())
                .on_response(operator::log_response),
        )
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(middleware::from_fn(operator::plain_request_id))
        .with_state(app)
}

/// The routes of links: share pages, their media, and what those pages load.
pub(super) fn link_routes() -> Router<App> {
    Router::new()
        .route("/videos/{video}", get(share::page))
        .route("/videos/{video}/password", post(share::unlock))
        .route("/videos/{video}/viewed", post(share::viewed))
        .route("/videos/{video}/watched", post(watching::watched))
        .route("/videos/{video}/embed", get(share::embed))
        .route("/videos/{video}/live", get(share::live))
        .route("/videos/{video}/live/init.webm", get(video::live_init))
        .route("/videos/{video}/live/{index}", get(video::live_part))
        .route("/videos/{video}/video.webm", get(video::video))
        .route("/videos/{video}/video.mkv", get(video::video))
        .route("/videos/{video}/video.mp4", get(video::video))
        .route("/videos/{video}/video.mov", get(video::video))
        .route("/videos/{video}/original.webm", get(video::original))
        .route("/videos/{video}/made/{name}", get(video::product))
        .route("/videos/{video}/hls/{name}", get(hls::hls))
        .route("/screenshots/{video}", get(share::page))
        .route("/screenshots/{video}/password", post(share::unlock))
        .route("/screenshots/{video}/viewed", post(share::viewed))
        .route("/screenshots/{video}/{name}", get(video::image))
        .route("/screenshots/{video}/made/{name}", get(video::product))
        .route("/static/{version}/{name}", get(assets::serve))
        .route("/static/{version}/{language}/{name}", get(assets::serve_script))
}

pub(super) async fn headers_for_all(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response {
    let is_api = cors::is_open_to_all(request.uri().path());
    let mut response = if !hosts::is_ours(&app, &request) {
        hosts::refused()
    } else if is_api && request.method() == Method::OPTIONS {
        cors::preflight()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    if app.is_https() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    if is_api {
        cors::open_to_all(headers);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let same_origin = HeaderValue::from_static("same-origin");
    headers.entry(header::REFERRER_POLICY).or_insert(same_origin);
    response
}
