//! `/api/v1/screenshots`: uploads an image in one request. It gets a link like a video's. Internally
//! it is an upload with one part, so that access, quotas and deletion are handled by the same code as
//! for videos.

use axum::Json;
use axum::extract::{Path, Request, State};
use serde_json::{Value, json};
use snaplark_api::ScreenshotAnswer;

use super::api::page_url;
use super::auth::Signed;
use super::errors::ApiError;
use super::{App, forms, multipart, share};
use crate::db::{NewUpload, Upload, UserId};
use crate::pages::file_path;
use crate::uploads::FinalizeAsk;

/// The name of a screenshot that a browser pasted without one.
const NAME: &str = "Screenshot";

pub async fn upload(
    State(app): State<App>,
    Signed(user): Signed,
    request: Request,
) -> Result<Json<ScreenshotAnswer>, ApiError> {
    let image = multipart::read_file(&app, request, multipart::IMAGE).await?;
    let named = forms::plain_name(image.filename);
    let new = NewUpload {
        user_id: user,
        recording_id: None,
        media: image.media,
        filename: if named.is_empty() { format!("{NAME}.{}", image.media.name()) } else { named },
        // Set from the bytes once they are complete.
        width: 0,
        height: 0,
        fps: 0,
        metadata: "{}".to_owned(),
    };
    let opened = match app.uploads.init(&new).await {
        Ok(opened) => opened,
        Err(error) => {
            app.uploads.discard(&image.written.key).await;
            return Err(error.into());
        }
    };
    let taken = async {
        app.uploads.receive(&opened, 0, image.written, image.sha256_claimed).await?;
        let ask = FinalizeAsk { parts_total: 1, uploaded: vec![0], ..FinalizeAsk::default() };
        app.uploads.finalize(user, opened.session_id, &ask).await
    };
    let upload = match taken.await {
        Ok(upload) => upload,
        Err(error) => {
            app.uploads.remove(user, opened.session_id).await?;
            app.sweep_soon();
            return Err(error.into());
        }
    };
    app.jobs.look_soon();
    Ok(Json(ScreenshotAnswer {
        success: Some(true),
        id: Some(upload.video_id.to_string()),
        // As the specification means it: the file itself, which people open and pages embed.
        url: format!("{}{}", app.public_url, file_path(&upload)),
        page_url: Some(page_url(&app, &upload)),
        image_url: Some(format!("{}{}", app.public_url, file_path(&upload))),
        width: Some(upload.width),
        height: Some(upload.height),
        size_bytes: upload.finished.as_ref().map(|finished| finished.size_bytes),
        message: Some("Screenshot uploaded".to_owned()),
    }))
}

pub async fn remove(
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

async fn own(app: &App, user: UserId, id: &str) -> Result<Upload, ApiError> {
    let id = share::video_id(id).ok_or_else(ApiError::not_found)?;
    let upload = app.uploads.behind_link(id).await?.filter(|upload| upload.media.is_image());
    let upload = upload.ok_or_else(ApiError::not_found)?;
    Ok(app.uploads.own(user, upload.session_id).await?)
}
