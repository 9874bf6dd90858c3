//! Access control for links: the one check before a video's pages, bytes and everything else.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::app::App;
use super::auth::by_token;
use super::errors::ApiError;
use super::visitor::{Visitor, cookie};
use snaplark_cloud::shares::{Access, Viewer};
use snaplark_cloud_data::db::{Upload, VideoId};
use snaplark_cloud_data::scopes::Scope;

pub(crate) fn pass_cookie(video: VideoId) -> String {
    format!("snaplark_pass_{}", video.0.simple())
}

/// Returns whether the person who asks may see the video. A token says who asks, or else the browser's
/// cookies.
pub(crate) async fn access(
    app: &App,
    parts: &mut Parts,
    upload: &Upload,
) -> Result<Access, ApiError> {
    let user = match by_token(app, &parts.headers).await? {
        Some((user, scopes)) => scopes.has(Scope::Read).then_some(user),
        None => Visitor::from_request_parts(parts, app).await?.user.map(|user| user.id),
    };
    let pass = cookie(app, &parts.headers, &pass_cookie(upload.video_id));
    Ok(app.shares.access(upload, Viewer { user, pass: pass.as_deref() }).await?)
}

/// Checks access to bytes, which have no page that could explain a refusal.
pub(crate) async fn admit(app: &App, parts: &mut Parts, upload: &Upload) -> Result<(), ApiError> {
    if upload.share.is_open() {
        return Ok(());
    }
    match access(app, parts, upload).await? {
        Access::Owner | Access::Granted => Ok(()),
        Access::NeedsSignIn | Access::NeedsPassword | Access::Over => Err(private()),
    }
}

/// Returns whether anybody may see the video, without looking at cookies.
pub(crate) async fn is_public(app: &App, upload: &Upload) -> Result<bool, ApiError> {
    let nobody = Viewer { user: None, pass: None };
    Ok(app.shares.access(upload, nobody).await? == Access::Granted)
}

fn private() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "Video is private",
        "Its owner chose who can see it. Open its page to sign in or to enter the password.",
    )
}
