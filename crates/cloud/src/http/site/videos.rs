//! One's own videos.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::db::ShareChange;
use crate::http::App;
use crate::http::api::{cursor, read_cursor};
use crate::http::errors::ApiError;
use crate::http::forms;
use crate::http::html::{html, unkept};
use crate::http::visitor::{Owner, OwnerPosted, see_other};
use crate::pages::{self, Listed, Moment};
use crate::uploads::UploadError;

/// Rows of four, three and two come out even.
const PAGE: u32 = 24;
const TITLE_CHARS_MAX: usize = 200;

#[derive(Debug, Default, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    q: String,
    cursor: Option<String>,
    #[serde(default)]
    said: String,
}

pub async fn home() -> Response {
    see_other("/my/videos")
}

pub async fn list(
    State(app): State<App>,
    owner: Owner,
    Query(wanted): Query<Wanted>,
) -> Result<Response, ApiError> {
    // A cursor that is none begins at the beginning.
    let behind = wanted.cursor.as_deref().and_then(|cursor| read_cursor(cursor).ok());
    let matching = wanted.q.trim();
    let mut uploads = app.uploads.list(owner.user.id, matching, behind, PAGE + 1).await?;
    let more = uploads.len() > PAGE as usize;
    uploads.truncate(PAGE as usize);
    let listed = Listed {
        cursor: uploads.last().filter(|_| more).map(cursor),
        uploads: &uploads,
        matching,
        said: said(&wanted.said),
    };
    let moment = Moment { now_ms: app.uploads.clock.now_ms() };
    let page = pages::library(&app.public_url, owner.person(), &listed, moment);
    Ok(unkept(html(StatusCode::OK, page)))
}

pub async fn edit(
    State(app): State<App>,
    Path(session): Path<String>,
    posted: OwnerPosted,
) -> Result<Response, ApiError> {
    let owner = &posted.owner;
    let upload = match app.uploads.own(owner.user.id, forms::session_id(&session)?).await {
        Ok(upload) => upload,
        Err(UploadError::NotFound) => return Ok(see_other("/my/videos?said=gone")),
        Err(error) => return Err(error.into()),
    };
    let change =
        ShareChange { title: Some(plain_title(posted.text("title"))), ..ShareChange::default() };
    app.uploads.db.change_share(owner.user.id, upload.video_id, &change).await?;
    let video = upload.video_id.to_string();
    app.accounts.note(Some(owner.user.id), "video changed", &video, owner.from).await?;
    Ok(see_other("/my/videos?said=saved"))
}

pub async fn delete(
    State(app): State<App>,
    Path(session): Path<String>,
    posted: OwnerPosted,
) -> Result<Response, ApiError> {
    let owner = &posted.owner;
    let session = forms::session_id(&session)?;
    match app.uploads.remove(owner.user.id, session).await {
        Ok(()) => {}
        Err(UploadError::NotFound) => return Ok(see_other("/my/videos?said=gone")),
        Err(error) => return Err(error.into()),
    }
    app.sweep_soon();
    let session = session.to_string();
    app.accounts.note(Some(owner.user.id), "video deleted", &session, owner.from).await?;
    Ok(see_other("/my/videos?said=deleted"))
}

/// Nothing stands for the name that is made from the file's.
pub fn plain_title(title: &str) -> Option<String> {
    let plain: String = title.chars().filter(|c| !c.is_control()).collect();
    let plain: String = plain.trim().chars().take(TITLE_CHARS_MAX).collect();
    (!plain.is_empty()).then_some(plain)
}

/// Words come from here only: an address that is passed on can't put others on the page.
fn said(word: &str) -> Option<&'static str> {
    match word {
        "saved" => Some("Saved"),
        "deleted" => Some("Deleted. Its link shows that it was removed."),
        "gone" => Some("That video was removed already."),
        _ => None,
    }
}
