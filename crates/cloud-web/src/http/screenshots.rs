//! `/api/v1/screenshots`: uploads an image in one request. It gets a link like a video's. Internally
//! it is an upload with one part, so that access, quotas and deletion are handled by the same code as
//! for videos. A client that chooses the id knows the link beforehand, and may replace the picture
//! behind it by a greater version.

use axum::Json;
use axum::extract::{Path, Request, State};
use serde_json::{Value, json};
#[cfg(test)]
use snaplark_api::ErrorAnswer;
use snaplark_api::ScreenshotAnswer;

use super::app::App;
use super::auth::{Signed, SignedFor};
use super::errors::ApiError;
use super::json_body::json_body;
#[cfg(test)]
use super::openapi::{RefusedStatus, ScreenshotForm, ScreenshotRemoved, ShareRequest};
use super::{forms, multipart, share};
use crate::pages::file_path;
use snaplark_cloud::shares::ShareAsk;
use snaplark_cloud_data::db::{NewUpload, Upload, UserId, VideoId};
use snaplark_cloud_data::scopes::{Scope, Scopes};

/// The name of a screenshot that a browser pasted without one.
const NAME: &str = "Screenshot";

#[cfg_attr(test, utoipa::path(
    post, path = "/api/v1/screenshots/upload", operation_id = "uploadScreenshot", tag = "Snaplark",
    summary = "Upload a screenshot", description = "",
    request_body(content = ScreenshotForm, content_type = "multipart/form-data"),
    responses((status = 200, description = "The screenshot and its link", body = ScreenshotAnswer),
        RefusedStatus<400>, RefusedStatus<401>, RefusedStatus<403>, RefusedStatus<408>,
        (status = 409, body = ErrorAnswer, description = "The id belongs to another recording, a greater \
            version is behind the link (code newerVersion), or this version with other bytes \
            (versionTaken)"),
        RefusedStatus<413>, RefusedStatus<415>,
        RefusedStatus<422>, RefusedStatus<429>, RefusedStatus<500>, RefusedStatus<507>),
))]
pub(crate) async fn upload(
    State(app): State<App>,
    SignedFor(user, scopes): SignedFor,
    request: Request,
) -> Result<Json<ScreenshotAnswer>, ApiError> {
    let upload = receive(&app, (user, scopes), request).await?;
    let file = format!("{}{}", app.public_url, file_path(&upload));
    Ok(Json(ScreenshotAnswer {
        success: Some(true),
        id: Some(upload.video_id.to_string()),
        // As the specification means it: the file itself, which people open and pages embed.
        url: file.clone(),
        page_url: Some(app.page_url(&upload)),
        image_url: Some(file),
        width: Some(upload.width),
        height: Some(upload.height),
        size_bytes: upload.finished.as_ref().map(|finished| finished.size_bytes),
        version: Some(upload.version),
        message: Some("Screenshot uploaded".to_owned()),
    }))
}

/// Stores the picture of a form behind its link.
async fn receive(
    app: &App,
    (user, scopes): (UserId, Scopes),
    request: Request,
) -> Result<Upload, ApiError> {
    let image = multipart::read_file(app, user, request, multipart::image(known)).await?;
    let asked = match forms::screenshot(&image.texts) {
        Ok(asked) => asked,
        Err(error) => {
            app.uploads.discard(&image.written.key).await;
            return Err(error);
        }
    };
    let named = forms::plain_name(image.filename);
    let new = NewUpload {
        user_id: user,
        recording_id: asked.recording_id,
        version: asked.version,
        media: image.media,
        filename: if named.is_empty() { format!("{NAME}.{}", image.media.name()) } else { named },
        // Set from the bytes once they are complete.
        width: 0,
        height: 0,
        fps: 0,
        metadata: "{}".to_owned(),
        may_replace: asked.is_proved || scopes.has(Scope::Account),
    };
    let upload = app.uploads.put_picture(&new, image.written, image.sha256_claimed).await?;
    // Only the first title is set here, because a later one was chosen by the owner.
    if asked.title.is_some() && upload.share.title.is_none() {
        let ask = ShareAsk { title: asked.title, ..ShareAsk::default() };
        app.shares.change(&app.accounts, &upload, &ask).await?;
    }
    app.jobs.look_soon();
    Ok(upload)
}

/// The same as seed 004's own desktop client does it. Its answer is the key alone, as a JSON string: the client
/// shares the server's address with the key behind it, and can't read an object.
#[cfg_attr(test, utoipa::path(
    post, path = "/api/v1/media/upload", operation_id = "uploadMedia", tag = "Snaplark",
    summary = "Upload a screenshot, as the desktop client of seed 004 does", description = "",
    request_body(content = ScreenshotForm, content_type = "multipart/form-data"),
    responses((status = 200, description = "The key: the path of the file below the server's address", body = String,
            content_type = "application/json", example = json!("screenshots/3b241101-e2bb-4255-8caf-4136c566a962/image.png")),
        RefusedStatus<400>, RefusedStatus<401>, RefusedStatus<403>, RefusedStatus<408>,
        (status = 409, body = ErrorAnswer, description = "The id belongs to another recording, a greater \
            version is behind the link (code newerVersion), or this version with other bytes \
            (versionTaken)"),
        RefusedStatus<413>, RefusedStatus<415>,
        RefusedStatus<422>, RefusedStatus<429>, RefusedStatus<500>, RefusedStatus<507>),
))]
pub(crate) async fn upload_media(
    State(app): State<App>,
    SignedFor(user, scopes): SignedFor,
    request: Request,
) -> Result<Json<String>, ApiError> {
    let upload = receive(&app, (user, scopes), request).await?;
    Ok(Json(file_path(&upload).trim_start_matches('/').to_owned()))
}

#[cfg_attr(test, utoipa::path(
    delete, path = "/api/v1/screenshots/{id}", operation_id = "deleteScreenshot", tag = "Snaplark",
    summary = "Remove a screenshot", description = "",
    params(("id" = Uuid, Path, description = "The screenshot")),
    responses((status = 200, description = "The link is gone", body = ScreenshotRemoved),
        RefusedStatus<401>, RefusedStatus<403>, RefusedStatus<404>, RefusedStatus<500>),
))]
pub(crate) async fn remove(
    State(app): State<App>,
    Signed(user): Signed,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let upload = own(&app, user, &id).await?;
    app.uploads.remove(user, upload.session_id).await?;
    app.sweep_soon();
    Ok(Json(
        json!({"success": true, "id": upload.video_id.to_string(), "message": "Screenshot removed"}),
    ))
}

/// Changes a screenshot's title, visibility and other link settings, which stay when its picture is replaced.
#[cfg_attr(test, utoipa::path(
    patch, path = "/api/v1/screenshots/{id}", operation_id = "changeScreenshot", tag = "Snaplark",
    summary = "Change title, visibility and other link settings of a screenshot", description = "",
    params(("id" = Uuid, Path, description = "The screenshot")),
    request_body = ShareRequest,
    responses((status = 200, description = "The screenshot is changed", body = ScreenshotRemoved),
        RefusedStatus<400>, RefusedStatus<401>, RefusedStatus<403>, RefusedStatus<404>, RefusedStatus<413>,
        RefusedStatus<415>, RefusedStatus<429>, RefusedStatus<500>),
))]
pub(crate) async fn change(
    State(app): State<App>,
    Signed(user): Signed,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let upload = own(&app, user, &id).await?;
    let ask = forms::share(&json_body(request).await?)?;
    app.accounts.admit_change(user).await?;
    app.shares.change(&app.accounts, &upload, &ask).await?;
    Ok(Json(
        json!({"success": true, "id": upload.video_id.to_string(), "message": "Screenshot changed"}),
    ))
}

async fn own(app: &App, user: UserId, id: &str) -> Result<Upload, ApiError> {
    let id = share::video_id(id).ok_or_else(ApiError::not_found)?;
    let upload = app.uploads.behind_link(id).await?.filter(|upload| upload.media.is_image());
    let upload = upload.ok_or_else(ApiError::not_found)?;
    Ok(app.uploads.own(user, upload.session_id).await?)
}

/// Returns the id and version that the fields before the file name.
fn known(texts: &multipart::Texts) -> Option<(VideoId, u32)> {
    let ask = forms::screenshot(texts).ok()?;
    Some((VideoId(ask.recording_id?), ask.version))
}
