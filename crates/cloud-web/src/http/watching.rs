//! How far videos are watched: what players report, and what owners ask for.

use std::ops::Range;

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::access::access;
use super::app::App;
use super::auth::Signed;
use super::errors::ApiError;
use super::forms;
use super::json_body::json_body_up_to;
#[cfg(test)]
use super::openapi::RefusedStatus;
use super::share::video_id;
use super::visitor::from;
use snaplark_cloud::shares::Access;
use snaplark_cloud_data::db::WATCH_STRETCHES;

/// A hundred stretches in brackets have less than a kilobyte.
const REPORT_BYTES_MAX: usize = 4 * 1024;

/// The stretches that a player has played since its last report.
#[derive(Debug, Deserialize)]
struct WatchReport {
    /// The version of the video. What was played of another one is not counted.
    version: u32,
    /// First and last stretch, the last one not included.
    stretches: Vec<(u32, u32)>,
}

/// `/videos/{id}/watched`: called by the page's script while the video plays, if its owner wants that. Whoever
/// may not see the video, and its owner, get the same answer and are not counted.
pub(crate) async fn watched(
    State(app): State<App>,
    Path(video): Path<String>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let (mut parts, body) = request.into_parts();
    let body = Request::from_parts(parts.clone(), body);
    let report = json_body_up_to(body, REPORT_BYTES_MAX).await?;
    let report: WatchReport = serde_json::from_value(report).map_err(|_| {
        ApiError::field("body", "The body must have a version and a list of stretches.")
    })?;
    if report.stretches.len() > WATCH_STRETCHES {
        return Err(ApiError::field("stretches", "The stretches field has too many entries."));
    }
    let upload = match video_id(&video) {
        Some(video) => app.uploads.behind_link(video).await?,
        None => None,
    };
    if let Some(upload) = upload
        && app.uploads.is_there(&upload)
        && upload.version == report.version
        && app.watch_counter.counts(&upload)
        && access(&app, &mut parts, &upload).await? == Access::Granted
    {
        let stretches: Vec<Range<u32>> =
            report.stretches.iter().map(|&(start, end)| start..end).collect();
        let from = from(&app, &parts.headers, &parts.extensions);
        app.watch_counter.watched(&upload, from, &stretches).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// How far a video is watched. Nothing says by whom.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema), schema(as = Watching))]
#[serde(rename_all = "camelCase")]
pub(crate) struct WatchingAnswer {
    success: bool,
    /// Whether it is counted now.
    counts_watching: bool,
    /// The version that was watched. Another one begins at zero.
    version: u32,
    duration_ms: u64,
    /// How often somebody began to watch.
    viewings: u64,
    /// How often each hundredth of the video was played, at most once for each viewing.
    plays: Vec<u64>,
}

#[cfg_attr(test, utoipa::path(
    get, path = "/api/v1/videos/{session}/watching", operation_id = "getWatching", tag = "Snaplark",
    summary = "Get how far a video is watched", description = "",
    params(("session" = Uuid, Path, description = "The upload session")),
    responses((status = 200, description = "How often each part of the video was played", body = WatchingAnswer),
        RefusedStatus<401>, RefusedStatus<403>, RefusedStatus<404>, RefusedStatus<500>),
))]
pub(crate) async fn watching(
    State(app): State<App>,
    Signed(user): Signed,
    Path(session): Path<String>,
) -> Result<Json<WatchingAnswer>, ApiError> {
    let upload = app.uploads.own(user, forms::session_id(&session)?).await?;
    let watching = app.watch_counter.watching(&upload).await?;
    Ok(Json(WatchingAnswer {
        success: true,
        counts_watching: app.watch_counter.counts(&upload),
        version: upload.version,
        duration_ms: upload.finished.as_ref().map_or(0, |finished| finished.duration_ms),
        viewings: watching.viewings,
        plays: watching.plays.to_vec(),
    }))
}
