//! The pages for people who are signed in, and the sign-in pages.

mod account;
mod activity;
mod client_sign_in;
mod export;
mod export_progress;
mod oauth;
mod reset;
mod sign_in;
mod tokens;
mod videos;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use super::app::App;
use super::visitor::see_other;

pub(crate) use export_progress::Exports;

/// The limit on bodies. The forms are small, and the handlers have their own, smaller limit.
const BODY_BYTES_MAX: usize = 128 * 1024;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/forgot-password", get(reset::forgotten).post(reset::send))
        .route("/reset-password", get(reset::page).post(reset::reset))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/my", get(videos::home))
        .route("/my/videos", get(videos::list))
        .route("/my/videos/{session}/edit", post(videos::edit))
        .route("/my/videos/{session}/trim", post(videos::trim))
        .route("/my/videos/{session}/delete", post(videos::delete))
        .route("/my/account", get(account::page))
        .route("/my/account/password", post(account::password))
        .route("/my/account/export", get(account::export_progress).post(account::export))
        .route("/my/account/delete", post(account::delete))
        .route("/my/activity", get(activity::list))
        .route("/my/tokens", get(tokens::list).post(tokens::create))
        .route("/my/tokens/{token}/revoke", post(tokens::revoke))
        .route("/auth/client", get(client_sign_in::page).post(client_sign_in::agree))
        // Seed 004's own desktop client opens these.
        .route("/captures", get(|| async { see_other("/my/videos") }))
        .route("/account/settings", get(|| async { see_other("/my/account") }))
        .route("/oauth/authorize", get(oauth::authorize).post(oauth::agree))
        .route("/oauth/token", post(oauth::token))
        .route("/oauth/revoke", post(oauth::revoke))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}
