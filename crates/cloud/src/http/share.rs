//! What stands behind a link, for people: the page and what its script asks for.
//!
//! The page is whole without scripts (the browser's own player); scripts add the player, the copy
//! buttons, and the way along while the recording still runs.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::App;
use super::errors::ApiError;
use super::html::html;
use crate::db::{Upload, VideoId};
use crate::media_map;
use crate::pages::{self, Moment};
use crate::parts::Layout;

/// A link may be known long before its recording comes: it was made offline. Past this it won't.
const AWAITED_MS_MAX: i64 = 30 * 24 * 60 * 60 * 1000;

/// The id in a link.
pub fn video_id(text: &str) -> Option<VideoId> {
    Uuid::try_parse(text).ok().map(VideoId)
}

/// What a link leads to just now.
enum Behind {
    Finished(Upload),
    Live {
        upload: Upload,
        mime: String,
    },
    /// The recording is awaited: it is younger than `AWAITED_MS_MAX`, or its upload has begun.
    Awaited,
    Removed,
    /// Begun, and never finished.
    Expired,
    Nothing,
}

pub async fn page(State(app): State<App>, Path(video): Path<String>) -> Result<Response, ApiError> {
    let moment = Moment { now_ms: app.uploads.clock.now_ms() };
    Ok(match behind(&app, &video).await? {
        Behind::Finished(upload) => {
            html(StatusCode::OK, pages::finished(&app.public_url, &upload, moment))
        }
        Behind::Live { upload, mime } => {
            html(StatusCode::OK, pages::live(&app.public_url, &upload, &mime))
        }
        Behind::Awaited => html(StatusCode::NOT_FOUND, pages::awaited(&video)),
        Behind::Removed => html(StatusCode::GONE, pages::removed()),
        Behind::Expired => html(StatusCode::GONE, pages::expired()),
        Behind::Nothing => html(StatusCode::NOT_FOUND, pages::nothing()),
    })
}

#[derive(Debug, Deserialize)]
pub struct LiveQuery {
    #[serde(default)]
    after: u32,
}

/// What a page that waits or follows has to know. `after`: so many parts are known already.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub enum LiveAnswer {
    Awaited,
    #[serde(rename_all = "camelCase")]
    Live {
        /// Start and end of each part from `after` on, as far as there is no gap.
        parts: Vec<(u64, u64)>,
        /// How long ago the last part came.
        quiet_ms: i64,
    },
    #[serde(rename_all = "camelCase")]
    Finished {
        parts: Vec<(u64, u64)>,
    },
    Gone,
}

pub async fn live(
    State(app): State<App>,
    Path(video): Path<String>,
    Query(query): Query<LiveQuery>,
) -> Result<Response, ApiError> {
    let answer = match behind(&app, &video).await? {
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
    let Some(first) = app.uploads.db.part(upload.session_id, 0).await? else {
        return Ok(Behind::Awaited);
    };
    let mime = match &first.layout {
        Layout::Clusters { init: Some(init), .. } if !init.codecs.is_empty() => {
            format!("video/webm; codecs=\"{}\"", init.codecs)
        }
        Layout::Clusters { .. } | Layout::Opaque => String::new(),
    };
    Ok(Behind::Live { upload, mime })
}

/// Recordings' ids hold the time they were made at.
fn is_awaited(id: Uuid, now_ms: i64) -> bool {
    let Some(made) = id.get_timestamp().filter(|_| id.get_version_num() == 7) else { return false };
    let (seconds, nanos) = made.to_unix();
    let made_ms = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000)
        + i64::from(nanos / 1_000_000);
    // Another clock may be ahead of ours by as much as it likes to be behind.
    (now_ms - made_ms).abs() < AWAITED_MS_MAX
}

async fn times(app: &App, upload: &Upload, after: u32) -> Result<Vec<(u64, u64)>, ApiError> {
    let parts = app.uploads.db.parts_from(upload.session_id, after).await?;
    Ok(media_map::times(&parts, after))
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
