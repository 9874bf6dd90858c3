//! The page behind a link, and what its script requests.
//!
//! The page works without scripts, with the browser's own player. Scripts add the custom player, the
//! copy buttons, and live playback while the recording is running.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use snaplark_api::VideoState;
use uuid::Uuid;

use super::App;
use super::access::{access, admit, is_public, pass_cookie};
use super::api::bad_query;
use super::dialects::arrived;
use super::errors::ApiError;
use super::html::{form_page, html, unkept};
use super::visitor::{Posted, Visitor, from, see_other, sign_in_address, with_cookie};
use crate::db::{Upload, VideoId};
use crate::media::Media;
use crate::media_map;
use crate::pages::{self, Moment, Refusal};
use crate::parts::Layout;
use crate::shares::{Access, PASS_MS, ShareError};
use crate::uploads::{UploadError, Uploads};

const NO_VIDEO: VideoId = VideoId(Uuid::nil());
/// The width of an embedded player if the embedding site gives none.
const EMBED_WIDTH: u32 = 960;
/// The time for which the page waits for a recording. A link may be known long before its recording
/// arrives, if it was recorded offline; after this time it will not come any more.
const AWAITED_MS_MAX: i64 = 30 * 24 * 60 * 60 * 1000;

/// Parses the video's id in a link.
pub fn video_id(text: &str) -> Option<VideoId> {
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

pub async fn page(
    State(app): State<App>,
    Path(video): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    let moment = Moment { now_ms: app.uploads.clock.now_ms() };
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
    }
    Ok(match behind {
        Behind::Finished(upload) if is_lost(&app, &upload).await? => {
            html(StatusCode::INTERNAL_SERVER_ERROR, pages::damaged())
        }
        Behind::Finished(upload) if upload.media.is_image() => html(
            StatusCode::OK,
            pages::image(&app.public_url, &upload, is_owner, only_here, moment),
        ),
        Behind::Finished(upload) => html(
            StatusCode::OK,
            pages::finished(&app.public_url, &upload, is_owner, only_here, moment),
        ),
        Behind::Live { upload, mime } => {
            html(StatusCode::OK, pages::live(&app.public_url, &upload, &mime, only_here))
        }
        Behind::Awaited => html(StatusCode::NOT_FOUND, pages::awaited(&video)),
        Behind::Removed => html(StatusCode::GONE, pages::removed()),
        Behind::Expired => html(StatusCode::GONE, pages::expired()),
        Behind::Nothing => html(StatusCode::NOT_FOUND, pages::nothing()),
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
    refusal: Option<Refusal>,
) -> Result<Option<Response>, ApiError> {
    let path = pages::page_path(upload);
    let noun = pages::noun(upload);
    Ok(match access {
        Access::Owner | Access::Granted => None,
        Access::NeedsSignIn => {
            let page = pages::for_members(noun, &sign_in_address(&path));
            Some(unkept(html(StatusCode::FORBIDDEN, page)))
        }
        Access::NeedsPassword => {
            let visitor = Visitor::from_request_parts(parts, app).await?;
            let (key, cookie) = visitor.form_key(app)?;
            let page = pages::locked(noun, &path, &key, refusal);
            Some(with_cookie(form_page(StatusCode::FORBIDDEN, page, refusal), cookie))
        }
        Access::Over => Some(html(StatusCode::GONE, pages::over(noun))),
    })
}

/// Handles the password form of a link.
pub async fn unlock(
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
                Err(ShareError::Wrong) => Refusal::Wrong,
                Err(ShareError::TooMany { retry_after_s }) => Refusal::TooMany { retry_after_s },
                Err(error) => return Err(error.into()),
            }
        } else {
            Refusal::Stale
        };
        let closed = closed(&app, &mut parts, upload, access, Some(refusal)).await?;
        Ok(closed.unwrap_or_else(|| see_other(&path)))
    };
    answer.await.map_err(|error: ApiError| error.into_response())
}

/// Called by the page's script when playback begins.
pub async fn viewed(
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
pub async fn embed(
    State(app): State<App>,
    Path(video): Path<String>,
) -> Result<Response, ApiError> {
    let behind = behind(&app, &video).await?;
    let page = match &behind {
        Behind::Finished(upload) if !upload.media.is_image() && is_public(&app, upload).await? => {
            pages::embedded(&app.public_url, upload, "")
        }
        Behind::Live { upload, mime } if is_public(&app, upload).await? => {
            pages::embedded(&app.public_url, upload, mime)
        }
        Behind::Finished(_)
        | Behind::Live { .. }
        | Behind::Awaited
        | Behind::Removed
        | Behind::Expired
        | Behind::Nothing => {
            let link =
                format!("{}/videos/{}", app.public_url, video_id(&video).unwrap_or(NO_VIDEO));
            return Ok(framed(html(StatusCode::NOT_FOUND, pages::not_embedded(&link))));
        }
    };
    Ok(framed(html(StatusCode::OK, page)))
}

#[derive(Debug, Deserialize)]
pub struct OembedQuery {
    #[serde(default)]
    url: String,
    format: Option<String>,
    maxwidth: Option<u32>,
    maxheight: Option<u32>,
}

/// https://oembed.com, by which other sites learn how to embed a link.
pub async fn oembed(
    State(app): State<App>,
    asked: Result<Query<OembedQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(asked) = asked.map_err(|error| bad_query(&error))?;
    if asked.format.as_deref().is_some_and(|format| format != "json") {
        return Ok(StatusCode::NOT_IMPLEMENTED.into_response());
    }
    let path = asked.url.strip_prefix(app.public_url.as_str()).unwrap_or_default();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let behind = behind(&app, path.strip_prefix("/videos/").unwrap_or_default()).await?;
    let Some(upload) = behind.upload() else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    if !is_public(&app, upload).await? {
        return Ok(StatusCode::UNAUTHORIZED.into_response());
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
pub struct LiveQuery {
    #[serde(default)]
    after: u32,
}

/// The state of a recording, for a page that waits for it or follows it. `after` is the number of
/// parts that it already knows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum LiveAnswer {
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
    },
    Gone,
}

/// The parts from `after` on, up to the first gap.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PartTimes {
    /// Start and end time of each part.
    parts: Vec<(u64, u64)>,
    /// For each part, where playback can start: a time, a part, and an offset in it. If this is set,
    /// parts are cut at arbitrary positions and can only be decoded in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    joints: Option<Vec<Option<(u64, u32, u64)>>>,
}

pub async fn live(
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
        Behind::Finished(upload) => {
            LiveAnswer::Finished { parts: times(&app, &upload, query.after).await? }
        }
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

pub async fn front(State(app): State<App>) -> Response {
    html(StatusCode::OK, pages::front(&app.public_url, app.has_sign_in))
}

pub async fn unknown(uri: Uri) -> Response {
    if uri.path().starts_with("/api/") {
        let answer =
            ApiError::new(StatusCode::NOT_FOUND, "Not found", "The API has no such address.");
        return answer.into_response();
    }
    html(StatusCode::NOT_FOUND, pages::nothing())
}

async fn behind(app: &App, video: &str) -> Result<Behind, ApiError> {
    let Some(id) = video_id(video) else { return Ok(Behind::Nothing) };
    let Some(upload) = app.uploads.behind_link(id).await? else {
        let awaited = is_awaited(id.0, app.uploads.clock.now_ms());
        return Ok(if awaited { Behind::Awaited } else { Behind::Nothing });
    };
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
        && let Ok(Some(upload)) = arrived(app, &upload).await
    {
        return Ok(Behind::Finished(upload));
    }
    let first = app.uploads.db.part(upload.session_id, 0).await?;
    let Some(first) = first.filter(|_| !upload.media.is_image()) else {
        return Ok(Behind::Awaited);
    };
    let mime = match &first.layout {
        _ if Uploads::is_cut(&upload, &first) => {
            let mime = app.uploads.followed(&upload, u32::MAX).await?.mime;
            match upload.media {
                Media::Webm | Media::Mkv => mime.unwrap_or_default(),
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

/// Returns whether the recording may still arrive. Its id contains the time at which it was made.
fn is_awaited(id: Uuid, now_ms: i64) -> bool {
    let Some(made) = id.get_timestamp().filter(|_| id.get_version_num() == 7) else { return false };
    let (seconds, nanos) = made.to_unix();
    let made_ms = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000)
        + i64::from(nanos / 1_000_000);
    // The recorder's clock may be ahead by as much as it may be behind.
    (now_ms - made_ms).abs() < AWAITED_MS_MAX
}

async fn times(app: &App, upload: &Upload, after: u32) -> Result<PartTimes, ApiError> {
    let first = app.uploads.db.part(upload.session_id, 0).await?;
    if first.is_some_and(|first| Uploads::is_cut(upload, &first)) {
        let followed = app.uploads.followed(upload, after).await?.parts;
        let joints = followed
            .iter()
            .map(|part| part.joint.map(|joint| (joint.start_ms, joint.part, joint.offset)));
        let joints = Some(joints.collect());
        let parts = followed.iter().map(|part| (part.start_ms, part.end_ms)).collect();
        return Ok(PartTimes { parts, joints });
    }
    let parts = app.uploads.db.parts_from(upload.session_id, after).await?;
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
        assert!(!is_awaited(Uuid::new_v4(), now_ms));
        assert!(!is_awaited(Uuid::nil(), now_ms));
    }
}
