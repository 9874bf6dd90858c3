//! Access control for links: the one check before a video's pages, bytes and everything else.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;

use super::App;
use super::auth::by_token;
use super::errors::ApiError;
use super::visitor::{Visitor, cookie};
use crate::db::{Upload, VideoId};
use crate::scopes::Scope;
use crate::shares::{Access, Asking};

pub fn pass_cookie(video: VideoId) -> String {
    format!("snaplark_pass_{}", video.0.simple())
}

/// Returns whether the person who asks may see the video. A token says who asks, or else the browser's
/// cookies.
pub async fn access(app: &App, parts: &mut Parts, upload: &Upload) -> Result<Access, ApiError> {
    let user = match by_token(app, &parts.headers).await? {
        Some((user, scopes)) => scopes.has(Scope::Read).then_some(user),
        None => Visitor::from_request_parts(parts, app).await?.user.map(|user| user.id),
    };
    let pass = cookie(app, &parts.headers, &pass_cookie(upload.video_id));
    Ok(app.shares.access(upload, Asking { user, pass: pass.as_deref() }).await?)
}

/// Checks access to bytes, which have no page that could explain a refusal.
pub async fn admit(app: &App, parts: &mut Parts, upload: &Upload) -> Result<(), ApiError> {
    if upload.share.is_open() {
        return Ok(());
    }
    match access(app, parts, upload).await? {
        Access::Owner | Access::Granted => Ok(()),
        Access::NeedsSignIn | Access::NeedsPassword | Access::Over => Err(private()),
    }
}

/// Returns whether anybody may see the video, without looking at cookies.
pub async fn is_public(app: &App, upload: &Upload) -> Result<bool, ApiError> {
    let nobody = Asking { user: None, pass: None };
    Ok(app.shares.access(upload, nobody).await? == Access::Granted)
}

fn private() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "Video is private",
        "Its owner chose who may see it. Open its page to sign in or to say the password.",
    )
}
