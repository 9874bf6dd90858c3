//! The page behind a link, and what its script requests.
//!
//! The page works without scripts, with the browser's own player. Scripts add the custom player, the
//! copy buttons, and live playback while the recording is running.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use snaplark_api::{VideoState, is_claimed_by_secret};
use snaplark_formats::sniff::MediaKind;
use uuid::Uuid;

use super::access::{access, admit, is_public, pass_cookie};
use super::app::App;
use super::errors::{ApiError, bad_query};
use super::html::{form_page, html, unkept, with_preloads};
use super::visitor::{Posted, Visitor, from, see_other, sign_in_address, with_cookie};
use crate::pages::{self, FormRefusal, Moment};
use crate::words::PageWords;
use snaplark_cloud::edit::VersionEdit;
use snaplark_cloud::media_map;
use snaplark_cloud::products::Mp4Height;
use snaplark_cloud::shares::{Access, PASS_MS, ShareError};
use snaplark_cloud::uploads::{UploadError, Uploads};
use snaplark_cloud_data::db::{Upload, VideoId};
use snaplark_cloud_data::layout::Layout;

const NO_VIDEO: VideoId = VideoId(Uuid::nil());
/// The width of an embedded player if the embedding site gives none.
const EMBED_WIDTH: u32 = 960;
/// The time for which the page waits for a recording. A link may be known long before its recording
/// arrives, if it was recorded offline; after this time it will not come any more.
const AWAITED_MS_MAX: i64 = 30 * 24 * 60 * 60 * 1000;

/// Parses the video's id in a link.
pub(crate) fn video_id(text: &str) -> Option<VideoId> {
    Uuid::try_parse(text).ok().map(VideoId)
}

/// The current target of a link.
enum Behind {
    Finished(Upload),
    Live {
        upload: Upload,
        mime: String,
    },
    /// The recording has not arrived yet: it is younger than `AWAITED_MS_MAX`, or its upload has
    /// begun.
    Awaited,
    Removed,
    /// The upload was begun and never finished.
    Expired,
    Nothing,
}

impl Behind {
    /// Returns the upload, if there is something to be seen.
    fn upload(&self) -> Option<&Upload> {
        match self {
            Behind::Finished(upload) | Behind::Live { upload, .. } => Some(upload),
            Behind::Awaited | Behind::Removed | Behind::Expired | Behind::Nothing => None,
        }
    }
}

pub(crate) async fn page(
    State(app): State<App>,
    Path(video): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    let words = PageWords::asked(&parts.headers);
    let moment = Moment { now_ms: app.uploads.clock.now_ms(), words };
    let only_here = app.is_this_computer;
    let behind = behind(&app, &video).await?;
    // A video under /screenshots, or an image under /videos.
    if let Some(upload) = behind.upload()
        && parts.uri.path().split('/').nth(1) != pages::page_path(upload).split('/').nth(1)
    {
        return Ok(see_other(&pages::page_path(upload)));
    }
    let mut is_owner = false;
    if let Some(upload) = behind.upload() {
        let access = access(&app, &mut parts, upload).await?;
        is_owner = access == Access::Owner;
        if let Some(closed) = closed(&app, &mut parts, upload, access, None).await? {
            return Ok(closed);
        }
        if let Some(file) = file_instead(upload, &parts.headers) {
            return Ok(see_other(&file));
        }
    }
    Ok(match behind {
        Behind::Finished(upload) if is_lost(&app, &upload).await? => {
            html(StatusCode::INTERNAL_SERVER_ERROR, pages::damaged(words))
        }
        Behind::Finished(upload) if upload.media.is_image() => html(
            StatusCode::OK,
            pages::image(&app.public_url, &upload, is_owner, only_here, moment),
        ),
        Behind::Finished(upload) => {
            let edit = app.uploads.edit_of(&upload).await?.unwrap_or_default();
            let mime = mime(&app, &upload).await?;
            let shown = shown(&app, words, &upload, &edit, &mime, is_owner);
            let owners = if is_owner { Some(owners_view(&app, &upload).await?) } else { None };
            let page = pages::finished(&app.public_url, shown, owners, only_here, moment);
            with_preloads(html(StatusCode::OK, page), &pages::preloads(words, &upload))
        }
        Behind::Live { upload, mime } => {
            let edit = VersionEdit::default();
            let shown = shown(&app, words, &upload, &edit, &mime, is_owner);
            let page = pages::live(&app.public_url, shown, only_here);
            with_preloads(html(StatusCode::OK, page), &pages::preloads(words, &upload))
        }
        Behind::Awaited => {
            let is_image = parts.uri.path().starts_with("/screenshots/");
            html(StatusCode::NOT_FOUND, pages::awaited(words, is_image, &video))
        }
        Behind::Removed => html(StatusCode::GONE, pages::removed(words)),
        Behind::Expired => html(StatusCode::GONE, pages::expired(words)),
        Behind::Nothing => html(StatusCode::NOT_FOUND, pages::nothing(words)),
    })
}

fn shown<'a>(
    app: &App,
    words: PageWords,
    upload: &'a Upload,
    edit: &'a VersionEdit,
    mime: &'a str,
    is_owner: bool,
) -> pages::ShownVideo<'a> {
    pages::ShownVideo {
        upload,
        edit,
        mime,
        has_mp4: app.jobs.makes_mp4(),
        has_heights: app.uploads.stream_heights(upload).len() > 1,
        has_downloads: is_owner || !upload.share.downloads_off,
        counts_watching: !is_owner && app.watch_counter.counts(upload),
        words,
    }
}

async fn owners_view(app: &App, upload: &Upload) -> Result<pages::OwnersView, ApiError> {
    let watching = match app.watch_counter.counts(upload) {
        true => Some(app.watch_counter.watching(upload).await?),
        false => None,
    };
    Ok(pages::OwnersView { watching })
}

/// Returns the content type of a finished video, with its codecs where they are known without reading it.
async fn mime(app: &App, upload: &Upload) -> Result<String, ApiError> {
    let mime = upload.media.mime();
    if upload.media != MediaKind::Webm {
        return Ok(mime.to_owned());
    }
    let layout = app.uploads.part(upload, 0).await?.map(|part| part.layout);
    Ok(match layout {
        Some(Layout::Clusters { init: Some(init), .. }) if !init.codecs.is_empty() => {
            format!("{mime}; codecs=\"{}\"", init.codecs)
        }
        Some(Layout::Clusters { .. } | Layout::Opaque) | None => mime.to_owned(),
    })
}

/// Returns the address of the file that a program wants which takes video and no page: `Accept: video/mp4`.
/// It is the MP4 only if that was made already: such a program doesn't wait.
fn file_instead(upload: &Upload, accepts: &HeaderMap) -> Option<String> {
    let accepts = accepts.get(header::ACCEPT)?.to_str().ok()?;
    let mut kinds = accepts.split(',').map(|kind| kind.split(';').next().unwrap_or("").trim());
    let first = kinds.next()?;
    if upload.finished.is_none() || upload.media.is_image() || !first.starts_with("video/") {
        return None;
    }
    Some(match first {
        "video/mp4"
            if upload.has(&Mp4Height::P720.product().name) && !upload.share.downloads_off =>
        {
            pages::product_path(upload, Mp4Height::P720.product())
        }
        _ => pages::file_path(upload),
    })
}

/// Returns whether damage left nothing that can be played.
async fn is_lost(app: &App, upload: &Upload) -> Result<bool, ApiError> {
    if upload.parts_damaged == 0 {
        return Ok(false);
    }
    match app.uploads.video(upload).await {
        Ok(_) => Ok(false),
        Err(UploadError::Damaged) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Returns the page for a person who may not see the video. It shows neither title nor owner.
async fn closed(
    app: &App,
    parts: &mut Parts,
    upload: &Upload,
    access: Access,
    refusal: Option<FormRefusal>,
) -> Result<Option<Response>, ApiError> {
    let path = pages::page_path(upload);
    let (words, is_image) = (PageWords::asked(&parts.headers), upload.media.is_image());
    Ok(match access {
        Access::Owner | Access::Granted => None,
        Access::NeedsSignIn => {
            let page = pages::for_members(words, is_image, &sign_in_address(&path));
            Some(unkept(html(StatusCode::FORBIDDEN, page)))
        }
        Access::NeedsPassword => {
            let visitor = Visitor::from_request_parts(parts, app).await?;
            let (key, cookie) = visitor.form_key(app)?;
            let page = pages::locked(words, is_image, &path, &key, refusal);
            Some(with_cookie(form_page(StatusCode::FORBIDDEN, page, refusal), cookie))
        }
        Access::Over => Some(html(StatusCode::GONE, pages::over(words, is_image))),
    })
}

/// Handles the password form of a link.
pub(crate) async fn unlock(
    State(app): State<App>,
    Path(video): Path<String>,
    request: Request,
) -> Result<Response, Response> {
    let (mut parts, body) = request.into_parts();
    let posted = Posted::from_request(Request::from_parts(parts.clone(), body), &app).await?;
    let behind = behind(&app, &video).await.map_err(IntoResponse::into_response)?;
    let Some(upload) = behind.upload() else {
        return Ok(see_other(&format!("/videos/{}", video_id(&video).unwrap_or(NO_VIDEO))));
    };
    let path = pages::page_path(upload);
    let answer = async {
        let access = access(&app, &mut parts, upload).await?;
        if access != Access::NeedsPassword {
            return Ok(see_other(&path));
        }
        let refusal = if posted.is_ours {
            let password = posted.text("password");
            match app.shares.unlock(&app.accounts, upload, password, posted.visitor.from).await {
                Ok(pass) => {
                    let cookie = app.cookie(&pass_cookie(upload.video_id), &pass, PASS_MS / 1000);
                    return Ok(with_cookie(see_other(&path), cookie));
                }
                Err(ShareError::Wrong) => FormRefusal::Wrong,
                Err(ShareError::TooMany { retry_after_s }) => {
                    FormRefusal::TooMany { retry_after_s }
                }
                Err(error) => return Err(error.into()),
            }
        } else {
            FormRefusal::Stale
        };
        let closed = closed(&app, &mut parts, upload, access, Some(refusal)).await?;
        Ok(closed.unwrap_or_else(|| see_other(&path)))
    };
    answer.await.map_err(|error: ApiError| error.into_response())
}

/// Called by the page's script when playback begins.
pub(crate) async fn viewed(
    State(app): State<App>,
    Path(video): Path<String>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let (mut parts, _) = request.into_parts();
    let behind = behind(&app, &video).await?;
    if let Some(upload) = behind.upload()
        && access(&app, &mut parts, upload).await? == Access::Granted
    {
        app.shares
            .viewed(&app.accounts, upload, from(&app, &parts.headers, &parts.extensions))
            .await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The player alone, for pages of other sites. They don't send this server's cookies, so only public
/// videos play there.
pub(crate) async fn embed(
    State(app): State<App>,
    words: PageWords,
    Path(video): Path<String>,
) -> Result<Response, ApiError> {
    let behind = behind(&app, &video).await?;
    let page = match &behind {
        Behind::Finished(upload) if !upload.media.is_image() && is_public(&app, upload).await? => {
            let edit = app.uploads.edit_of(upload).await?.unwrap_or_default();
            let mime = mime(&app, upload).await?;
            pages::embedded(&app.public_url, shown(&app, words, upload, &edit, &mime, false))
        }
        Behind::Live { upload, mime } if is_public(&app, upload).await? => {
            let edit = VersionEdit::default();
            pages::embedded(&app.public_url, shown(&app, words, upload, &edit, mime, false))
        }
        Behind::Finished(_)
        | Behind::Live { .. }
        | Behind::Awaited
        | Behind::Removed
        | Behind::Expired
        | Behind::Nothing => {
            let link =
                format!("{}/videos/{}", app.public_url, video_id(&video).unwrap_or(NO_VIDEO));
            return Ok(framed(html(StatusCode::NOT_FOUND, pages::not_embedded(words, &link))));
        }
    };
    Ok(framed(html(StatusCode::OK, page)))
}

#[derive(Debug, Deserialize)]
pub(crate) struct OembedQuery {
    #[serde(default)]
    url: String,
    format: Option<String>,
    maxwidth: Option<u32>,
    maxheight: Option<u32>,
}

/// https://oembed.com, by which other sites learn how to embed a link.
pub(crate) async fn oembed(
    State(app): State<App>,
    asked: Result<Query<OembedQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(asked) = asked.map_err(|error| bad_query(&error))?;
    if asked.format.as_deref().is_some_and(|format| format != "json") {
        return Ok(StatusCode::NOT_IMPLEMENTED.into_response());
    }
    let path = asked.url.strip_prefix(app.public_url.as_str()).unwrap_or_default();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let id = ["/videos/", "/screenshots/"].iter().find_map(|kind| path.strip_prefix(kind));
    let behind = behind(&app, id.unwrap_or_default()).await?;
    let Some(upload) = behind.upload() else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    if !is_public(&app, upload).await? {
        return Ok(StatusCode::UNAUTHORIZED.into_response());
    }
    if upload.media.is_image() {
        let max = (asked.maxwidth.unwrap_or(u32::MAX), asked.maxheight.unwrap_or(u32::MAX));
        return Ok(Json(pages::image_oembed(&app.public_url, upload, max)).into_response());
    }
    let max = (asked.maxwidth.unwrap_or(EMBED_WIDTH), asked.maxheight.unwrap_or(u32::MAX));
    Ok(Json(pages::oembed(&app.public_url, upload, max)).into_response())
}

/// Allows other sites to frame the page.
fn framed(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.remove(header::X_FRAME_OPTIONS);
    let policy =
        headers.get(header::CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok());
    let open = policy.unwrap_or_default().replace("frame-ancestors 'none'", "frame-ancestors *");
    if let Ok(open) = open.parse() {
        headers.insert(header::CONTENT_SECURITY_POLICY, open);
    }
    response
}

#[derive(Debug, Deserialize)]
pub(crate) struct LiveQuery {
    #[serde(default)]
    after: u32,
}

/// The state of a recording, for a page that waits for it or follows it. `after` is the number of
/// parts that it already knows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub(crate) enum LiveAnswer {
    Awaited,
    #[serde(rename_all = "camelCase")]
    Live {
        #[serde(flatten)]
        parts: PartTimes,
        /// The time since the last part arrived.
        quiet_ms: i64,
    },
    #[serde(rename_all = "camelCase")]
    Finished {
        #[serde(flatten)]
        parts: PartTimes,
        /// A page that shows a smaller version loads anew.
        version: u32,
    },
    Gone,
}

/// The parts from `after` on, up to the first gap.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PartTimes {
    /// Start and end time of each part.
    parts: Vec<(u64, u64)>,
    /// For each part, where playback can start: a time, a part, and an offset in it. If this is set,
    /// parts are cut at arbitrary positions and can only be decoded in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    joints: Option<Vec<Option<(u64, u32, u64)>>>,
}

pub(crate) async fn live(
    State(app): State<App>,
    Path(video): Path<String>,
    query: Result<Query<LiveQuery>, QueryRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|error| bad_query(&error))?;
    let behind = behind(&app, &video).await?;
    if let Some(upload) = behind.upload() {
        admit(&app, &mut request.into_parts().0, upload).await?;
    }
    let answer = match behind {
        Behind::Finished(upload) => LiveAnswer::Finished {
            parts: times(&app, &upload, query.after).await?,
            version: upload.version,
        },
        Behind::Live { upload, .. } => LiveAnswer::Live {
            parts: times(&app, &upload, query.after).await?,
            quiet_ms: (app.uploads.clock.now_ms() - upload.active_ms).max(0),
        },
        Behind::Awaited => LiveAnswer::Awaited,
        Behind::Removed | Behind::Expired | Behind::Nothing => LiveAnswer::Gone,
    };
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((no_store, Json(answer)).into_response())
}

pub(crate) async fn front(State(app): State<App>, words: PageWords) -> Response {
    html(StatusCode::OK, pages::front(words, &app.public_url, app.has_sign_in))
}

pub(crate) async fn unknown(uri: Uri, words: PageWords) -> Response {
    if uri.path().starts_with("/api/") {
        let answer = ApiError::new(
            StatusCode::NOT_FOUND,
            "Not found",
            "This address doesn't exist in the API.",
        );
        return answer.into_response();
    }
    html(StatusCode::NOT_FOUND, pages::nothing(words))
}

async fn behind(app: &App, video: &str) -> Result<Behind, ApiError> {
    let Some(id) = video_id(video) else { return Ok(Behind::Nothing) };
    let Some(upload) = app.uploads.behind_link(id).await? else {
        let awaited = is_awaited(id.0, app.uploads.clock.now_ms());
        return Ok(if awaited { Behind::Awaited } else { Behind::Nothing });
    };
    // The attempt failed, and its owner tries again.
    if upload.removed && upload.finished.is_none() && upload.media.is_image() {
        return Ok(Behind::Awaited);
    }
    if upload.removed {
        return Ok(Behind::Removed);
    }
    if !app.uploads.is_there(&upload) {
        return Ok(Behind::Expired);
    }
    if upload.finished.is_some() {
        return Ok(Behind::Finished(upload));
    }
    if upload.state == VideoState::Initialized
        && let Ok(Some(upload)) = app.arrived(&upload).await
    {
        return Ok(Behind::Finished(upload));
    }
    let first = app.uploads.part(&upload, 0).await?;
    let is_shown = !upload.media.is_image() && !upload.is_edited;
    let Some(first) = first.filter(|_| is_shown) else {
        return Ok(Behind::Awaited);
    };
    let mime = match &first.layout {
        _ if Uploads::is_cut(&upload, &first) => {
            let mime = app.uploads.followed(&upload, u32::MAX).await?.mime;
            match upload.media {
                MediaKind::Webm | MediaKind::Mkv => mime.unwrap_or_default(),
                // Other files can't be shown before they are complete.
                _ => match mime {
                    Some(mime) => mime,
                    None => return Ok(Behind::Awaited),
                },
            }
        }
        Layout::Clusters { init: Some(init), .. } if !init.codecs.is_empty() => {
            format!("video/webm; codecs=\"{}\"", init.codecs)
        }
        Layout::Clusters { .. } | Layout::Opaque => String::new(),
    };
    Ok(Behind::Live { upload, mime })
}

/// Returns whether the recording may still arrive. Its id contains the time at which it was made, or is
/// made from a secret, which tells no time.
fn is_awaited(id: Uuid, now_ms: i64) -> bool {
    if is_claimed_by_secret(id) {
        return true;
    }
    let Some(made) = id.get_timestamp().filter(|_| id.get_version_num() == 7) else { return false };
    let (seconds, nanos) = made.to_unix();
    let made_ms = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000)
        + i64::from(nanos / 1_000_000);
    // The recorder's clock may be ahead by as much as it may be behind.
    (now_ms - made_ms).abs() < AWAITED_MS_MAX
}

async fn times(app: &App, upload: &Upload, after: u32) -> Result<PartTimes, ApiError> {
    // A page that asks for the version alone knows all parts.
    if upload.media.is_image() || after == u32::MAX {
        return Ok(PartTimes { parts: Vec::new(), joints: None });
    }
    let first = app.uploads.part(upload, 0).await?;
    if first.is_some_and(|first| Uploads::is_cut(upload, &first)) {
        let followed = app.uploads.followed(upload, after).await?.parts;
        let joints = followed
            .iter()
            .map(|part| part.joint.map(|joint| (joint.start_ms, joint.part, joint.offset)));
        let joints = Some(joints.collect());
        let parts = followed.iter().map(|part| (part.start_ms, part.end_ms)).collect();
        return Ok(PartTimes { parts, joints });
    }
    let parts = app.uploads.parts_after(upload, after).await?;
    Ok(PartTimes { parts: media_map::times(&parts, after), joints: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::{NoContext, Timestamp};

    #[test]
    fn a_fresh_recordings_link_is_awaited_and_a_made_up_one_is_not() {
        let day_ms = 24 * 60 * 60 * 1000;
        let now_ms = 1_800_000_000_000;
        let made = |ms: i64| Uuid::new_v7(Timestamp::from_unix(NoContext, (ms / 1000) as u64, 0));
        assert!(is_awaited(made(now_ms), now_ms));
        assert!(is_awaited(made(now_ms - 29 * day_ms), now_ms));
        assert!(is_awaited(made(now_ms + day_ms), now_ms));
        assert!(!is_awaited(made(now_ms - 31 * day_ms), now_ms));
        assert!(is_awaited(snaplark_api::recording_id_of(&[7; 32]), now_ms));
        assert!(!is_awaited(Uuid::new_v4(), now_ms));
        assert!(!is_awaited(Uuid::nil(), now_ms));
    }
}
