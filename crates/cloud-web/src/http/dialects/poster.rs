//! "Chunked Video Upload System Flow" (seed 002): uploads an existing file in chunks of 1 MB.
//!
//! There is no init request: the client names its upload, and the first chunk that arrives begins it.
//! The upload's own id is derived from that name and the user, so that names of different users never
//! collide.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use snaplark_api::limits;
use snaplark_formats::sniff::MediaKind;

use crate::http::app::App;
use crate::http::auth::Signed;
use crate::http::errors::{ApiError, FieldErrors, allowance_headers};
use crate::http::forms::{self, chunk_index};
use crate::http::json_body::json_body;
use crate::http::json_form::JsonForm;
use crate::http::multipart::{Admitted, ChunkFields, Texts, read_chunk, required};
use crate::http::openapi::endpoints;
#[cfg(test)]
use crate::http::openapi::{
    MetadataAnswer, MetadataRequest, PosterChunkAnswer, PosterChunkForm, PosterFinalizeAnswer,
    PosterFinalizeRequest, RefusedStatus,
};
use snaplark_cloud::shares::{DESCRIPTION_CHARS_MAX, ShareAsk, TITLE_CHARS_MAX};
use snaplark_cloud::uploads::FinalizeAsk;
use snaplark_cloud_data::db::{NewUpload, Upload, UserId};

const CHUNK_BYTES_MAX: u64 = limits::POSTER_CHUNK_BYTES_MAX;
const CHUNKS_MAX: u32 = (limits::POSTER_FILE_BYTES_MAX / CHUNK_BYTES_MAX) as u32;
const UPLOAD_ID_CHARS_MAX: usize = 255;
/// Seed 002: "mp4, mov, webm, etc."; the etc. is m4v, which is another name for mp4.
const WRONG_TYPE: &str = "The filename field must end in mp4, mov, m4v or webm.";

endpoints! {
    "/api/poster/video/chunk" => post(chunk);
    "/api/poster/video/finalize" => post(finalize);
    "/api/videos/chunk" => post(chunk_of_client);
    "/api/videos/metadata" => post(metadata);
}

struct PosterChunk;

impl ChunkFields for PosterChunk {
    const TEXTS: &'static [&'static str] = &["uploadId", "chunkIndex", "totalChunks"];
    const BYTES_MAX: u64 = CHUNK_BYTES_MAX;

    async fn admit(app: &App, user: UserId, texts: &Texts) -> Result<Admitted, ApiError> {
        let mut errors = FieldErrors::new();
        let mut field = |name: &str, found: Result<u32, String>| {
            found.map_err(|sentence| errors.insert(name.to_owned(), vec![sentence])).ok()
        };
        let number = |name: &str| {
            texts.get(name).map_or_else(|| Err(required(name)), |text| chunk_index(text, name))
        };
        let total = field("totalChunks", number("totalChunks").and_then(checked_total));
        let index = field("chunkIndex", number("chunkIndex"));
        let index = index.filter(|index| total.is_none_or(|total| *index < total));
        let upload_id = texts.get("uploadId").filter(|id| id.len() <= UPLOAD_ID_CHARS_MAX);
        if upload_id.is_none() {
            errors.insert("uploadId".to_owned(), vec![required("uploadId")]);
        }
        let (Some(upload_id), Some(index), Some(_)) = (upload_id, index, total) else {
            if errors.is_empty() {
                let sentence = "The chunkIndex field must be less than totalChunks.";
                return Err(ApiError::field("chunkIndex", sentence));
            }
            return Err(ApiError::invalid(errors));
        };
        let opened = open(app, user, upload_id).await?;
        let (upload, allowance) = app.uploads.admit(user, opened.session_id, index).await?;
        Ok(Admitted { upload, index, allowance })
    }
}

fn checked_total(total: u32) -> Result<u32, String> {
    let fits = (1..=CHUNKS_MAX).contains(&total);
    fits.then_some(total)
        .ok_or_else(|| format!("The totalChunks field must be between 1 and {CHUNKS_MAX}: 50 MB."))
}

/// Returns the user's upload with this name.
async fn open(app: &App, user: UserId, upload_id: &str) -> Result<Upload, ApiError> {
    let new = NewUpload {
        user_id: user,
        recording_id: Some(app.signing.id(&["poster", &user.0.to_string(), upload_id])),
        version: 1,
        // The first chunk shows the type, and it may arrive last.
        media: MediaKind::Unknown,
        filename: "video".to_owned(),
        width: 0,
        height: 0,
        fps: 0,
        metadata: json!({"uploadId": upload_id}).to_string(),
        may_replace: false,
    };
    Ok(app.uploads.init(&new).await?)
}

#[cfg_attr(test, utoipa::path(
    post, path = "/api/poster/video/chunk",
    operation_id = "uploadPosterChunk", tag = "Seed 002: posters",
    summary = "Send a chunk of 1 MB", description = "",
    request_body(content = PosterChunkForm, content_type = "multipart/form-data"),
    responses((status = 200, description = "The chunk is stored", body = PosterChunkAnswer),
        RefusedStatus<400>, RefusedStatus<401>, RefusedStatus<403>, RefusedStatus<408>, RefusedStatus<413>, RefusedStatus<415>,
        RefusedStatus<429>, RefusedStatus<500>, RefusedStatus<507>),
))]
async fn chunk(
    State(app): State<App>,
    Signed(user): Signed,
    request: Request,
) -> Result<(axum::http::HeaderMap, Json<Value>), ApiError> {
    let form = read_chunk::<PosterChunk>(&app, user, request).await?;
    let headers = allowance_headers(form.allowance);
    let receipt =
        app.uploads.receive(&form.upload, form.index, form.written, form.sha256_claimed).await?;
    let answer = json!({
        "success": true, "chunkIndex": form.index, "receivedChunks": receipt.parts_received,
        "message": "Chunk received",
    });
    Ok((headers, Json(answer)))
}

/// The same at the address that the client of seed 002 uses.
#[cfg_attr(test, utoipa::path(
    post, path = "/api/videos/chunk",
    operation_id = "uploadPosterClientChunk", tag = "Seed 002: posters",
    summary = "Send a chunk, as seed 002's own client does", description = "",
    request_body(content = PosterChunkForm, content_type = "multipart/form-data"),
    responses((status = 200, description = "The chunk is stored", body = PosterChunkAnswer),
        RefusedStatus<400>, RefusedStatus<401>, RefusedStatus<403>, RefusedStatus<408>, RefusedStatus<413>, RefusedStatus<415>,
        RefusedStatus<429>, RefusedStatus<500>, RefusedStatus<507>),
))]
async fn chunk_of_client(
    app: State<App>,
    user: Signed,
    request: Request,
) -> Result<(axum::http::HeaderMap, Json<Value>), ApiError> {
    chunk(app, user, request).await
}

#[cfg_attr(test, utoipa::path(
    post, path = "/api/poster/video/finalize",
    operation_id = "finalizePoster", tag = "Seed 002: posters",
    summary = "Join the chunks", description = "",
    request_body = PosterFinalizeRequest,
    responses((status = 200, description = "The video and its link", body = PosterFinalizeAnswer),
        RefusedStatus<400>, RefusedStatus<401>, RefusedStatus<403>, RefusedStatus<409>, RefusedStatus<413>, RefusedStatus<415>,
        RefusedStatus<422>, RefusedStatus<429>, RefusedStatus<500>, RefusedStatus<507>),
))]
async fn finalize(
    State(app): State<App>,
    Signed(user): Signed,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let body = json_body(request).await?;
    let mut form = JsonForm::of(&body)?;
    let upload_id = form.text("uploadId", UPLOAD_ID_CHARS_MAX);
    // The client of seed 002 uses other field names than its specification: {uploadId,
    // originalFilename}.
    let name = if body["filename"].is_null() && !body["originalFilename"].is_null() {
        "originalFilename"
    } else {
        "filename"
    };
    let filename = form.text(name, limits::FILENAME_CHARS_MAX);
    let is_counted = body.get("totalChunks").is_none();
    let total = match is_counted {
        true => Some(0),
        false => form.whole("totalChunks", 1..=i64::from(CHUNKS_MAX)),
    };
    let filename = filename.map(forms::plain_name);
    let named = filename.as_deref().and_then(MediaKind::of_name).filter(|media| !media.is_image());
    if filename.is_some() && named.is_none() {
        form.wrong(name, WRONG_TYPE.to_owned());
    }
    let (Some(upload_id), Some(filename), Some(total), Some(named)) =
        (upload_id, filename, total, named)
    else {
        return Err(form.refused());
    };
    let opened = open(&app, user, &upload_id).await?;
    let parts_total = match is_counted {
        true => app.uploads.parts_received(&opened).await?.max(1),
        false => u32::try_from(total).unwrap_or(CHUNKS_MAX),
    };
    let ask = FinalizeAsk { parts_total, filename: Some(filename), ..FinalizeAsk::default() };
    let upload = app.uploads.finalize(user, opened.session_id, &ask).await?;
    if !named.may_be(upload.media) {
        app.uploads.remove(user, upload.session_id).await?;
        return Err(ApiError::unsupported("The file is of another type than its name says."));
    }
    app.jobs.look_soon();
    Ok(Json(json!({
        "success": true, "filename": upload.filename, "url": app.page_url(&upload),
        "message": "Video uploaded",
    })))
}

/// Sets title and description of the newest video with this name.
#[cfg_attr(test, utoipa::path(
    post, path = "/api/videos/metadata",
    operation_id = "setPosterMetadata", tag = "Seed 002: posters",
    summary = "Set title and description of a finished video", description = "",
    request_body = MetadataRequest,
    responses((status = 200, description = "The changed video", body = MetadataAnswer),
        RefusedStatus<400>, RefusedStatus<401>, RefusedStatus<403>, RefusedStatus<404>, RefusedStatus<413>, RefusedStatus<415>,
        RefusedStatus<429>, RefusedStatus<500>),
))]
async fn metadata(
    State(app): State<App>,
    Signed(user): Signed,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let body = json_body(request).await?;
    let mut form = JsonForm::of(&body)?;
    let filename = form.text("filename", limits::FILENAME_CHARS_MAX);
    let title = form.text("title", TITLE_CHARS_MAX);
    let description = form.optional_text("description", DESCRIPTION_CHARS_MAX);
    form.end()?;
    let found = app.uploads.by_name(user, &filename.unwrap_or_default()).await?;
    let upload = found.ok_or_else(|| {
        let sentence = "You have no finished video of that name. Finalize it first.";
        ApiError::new(StatusCode::NOT_FOUND, "Video not found", sentence)
    })?;
    let ask = ShareAsk { title, description, ..ShareAsk::default() };
    app.accounts.admit_change(user).await?;
    app.shares.change(&app.accounts, &upload, &ask).await?;
    let upload = app.uploads.own(user, upload.session_id).await?;
    Ok(Json(json!({
        "success": true,
        "video": {
            "id": upload.video_id.to_string(), "filename": upload.filename,
            "title": upload.share.title, "description": upload.share.description,
            "url": app.page_url(&upload),
        },
    })))
}
