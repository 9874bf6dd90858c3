//! `/api/v1/screenshots`: an image in one request, behind a link like a video's. Under the hood it
//! is an upload of one part, so that who may see it, how much there may be, and what becomes of it
//! is decided where it is for videos.

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

/// Where a browser pasted it and knows no name.
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
        // Told by the bytes, when they are all here.
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
        // As the document means it: the file, which people open and pages show.
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
