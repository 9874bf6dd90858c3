//! The pages of the user's own videos.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::http::app::App;
use crate::http::errors::ApiError;
use crate::http::forms;
use crate::http::html::{html, unkept};
use crate::http::visitor::{Owner, OwnerPosted, see_other};
use crate::pages::{self, Listed, Moment};
use crate::words::PageWords;
use snaplark_api::limits;
use snaplark_cloud::accounts::AccountError;
use snaplark_cloud::shares::{PASSWORD_CHARS_MIN, ShareAsk, ShareError};
use snaplark_cloud::uploads::UploadError;
use snaplark_cloud_data::db::{SessionId, ShelfKind, Sort, VideoQuery, Visibility};

/// Fills rows of four, three and two.
const PAGE: u32 = 24;

#[derive(Debug, Default, Deserialize)]
pub(crate) struct VideosQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    sort: String,
    #[serde(default)]
    after: String,
    #[serde(default)]
    said: String,
}

pub(crate) async fn home() -> Response {
    see_other("/my/videos")
}

pub(crate) async fn list(
    State(app): State<App>,
    owner: Owner,
    Query(wanted): Query<VideosQuery>,
) -> Result<Response, ApiError> {
    // Unknown values in the URL are ignored.
    let behind = wanted.after.parse().ok().map(SessionId);
    let sort = Sort::of(&wanted.sort).unwrap_or_default();
    let kind = ShelfKind::of(&wanted.kind).unwrap_or_default();
    let matching = wanted.q.trim();
    let shelf = VideoQuery { matching, kind, sort, behind, limit: PAGE + 1 };
    let mut uploads = app.uploads.shelf(owner.user.id, shelf).await?;
    let more = uploads.len() > PAGE as usize;
    uploads.truncate(PAGE as usize);
    let (used, limits) = app.uploads.usage(owner.user.id).await?;
    let listed = Listed {
        used,
        limits,
        next: uploads.last().filter(|_| more).map(|upload| upload.session_id),
        is_first: behind.is_none(),
        kind,
        sort,
        uploads: &uploads,
        matching,
        said: said(owner.words, &wanted.said),
        may_count_watching: app.watch_counter.is_allowed(),
    };
    let moment = Moment { now_ms: app.uploads.clock.now_ms(), words: owner.words };
    let page = pages::library(&app.public_url, owner.person(), &listed, moment);
    Ok(unkept(html(StatusCode::OK, page)))
}

pub(crate) async fn edit(
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
    let now_ms = app.uploads.clock.now_ms();
    let ask = ask(&posted, now_ms);
    match app.accounts.admit_change(owner.user.id).await {
        Ok(()) => {}
        Err(AccountError::TooMany { .. }) => return Ok(see_other("/my/videos?said=often")),
        Err(error) => return Err(error.into()),
    }
    match app.shares.change(&app.accounts, &upload, &ask).await {
        Ok(()) => Ok(see_other("/my/videos?said=saved")),
        Err(ShareError::PasswordMissing | ShareError::PasswordLength) => {
            Ok(see_other("/my/videos?said=password"))
        }
        Err(ShareError::WatchingNotCounted) => Ok(see_other("/my/videos?said=uncounted")),
        Err(ShareError::EndInThePast) => Ok(see_other("/my/videos?said=past")),
        Err(error) => Err(error.into()),
    }
}

fn ask(posted: &OwnerPosted, now_ms: i64) -> ShareAsk {
    let word = posted.text("visibility");
    let switch = |name: &str| {
        let is_there = posted.text("switches").split(' ').any(|it| it == name);
        is_there.then(|| posted.fields.contains_key(name))
    };
    let filled = |name: &str| Some(posted.text(name)).filter(|text| !text.is_empty());
    ShareAsk {
        title: posted.fields.get("title").cloned(),
        description: posted.fields.get("description").cloned(),
        visibility: Visibility::ALL.into_iter().find(|known| known.name() == word),
        password: filled("password")
            .filter(|_| word == Visibility::Password.name())
            .map(str::to_owned),
        // A date that can't be parsed is refused like a date in the past.
        expires_ms: posted
            .fields
            .contains_key("until")
            .then(|| filled("until").map(|day| end_of(day, posted.text("zone")).unwrap_or(now_ms))),
        downloads: switch("downloads"),
        counts_watching: switch("watching"),
    }
}

/// Returns the end of a day in the reader's time zone. `zone` is the offset that browsers give: the
/// minutes by which UTC is ahead.
fn end_of(day: &str, zone: &str) -> Option<i64> {
    let day: jiff::civil::Date = day.parse().ok()?;
    let next = day.tomorrow().ok()?;
    let utc = next.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_millisecond();
    let minutes = zone.parse::<i64>().ok().filter(|minutes| minutes.abs() <= 24 * 60);
    Some(utc + minutes.unwrap_or(0) * 60_000)
}

/// Trims the ends of a video. The fields `from` and `to` are seconds.
pub(crate) async fn trim(
    State(app): State<App>,
    Path(session): Path<String>,
    posted: OwnerPosted,
) -> Result<Response, ApiError> {
    let session = forms::session_id(&session)?;
    let (Some(from_ms), Some(to_ms)) = (ms(posted.text("from")), ms(posted.text("to"))) else {
        return Ok(see_other("/my/videos?said=untrimmed"));
    };
    let said = match app.uploads.trim(posted.owner.user.id, session, from_ms, to_ms).await {
        Ok(trimmed) => {
            app.sweep_link(trimmed.video_id);
            "trimmed"
        }
        Err(UploadError::NotFound) => "gone",
        Err(UploadError::NotTrimmable) => "untrimmed",
        Err(UploadError::NewerVersion(_)) => "edited",
        Err(error) => return Err(error.into()),
    };
    app.jobs.look_soon();
    Ok(see_other(&format!("/my/videos?said={said}")))
}

/// Parses seconds. Returns `None` for what is no time of a video.
fn ms(seconds: &str) -> Option<u64> {
    let seconds: f64 = seconds.parse().ok()?;
    let is_time = (0.0..limits::TIME_MS_MAX as f64 / 1000.0).contains(&seconds);
    is_time.then_some((seconds * 1000.0).round() as u64)
}

pub(crate) async fn delete(
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
    Ok(see_other("/my/videos?said=deleted"))
}

/// Returns the text for a code in the URL. Only fixed texts are shown, so that a URL from someone
/// else can't put other text on the page.
fn said(words: PageWords, word: &str) -> Option<String> {
    let said = match word {
        "saved" => words.said_saved(),
        "password" => return Some(words.said_password_short(PASSWORD_CHARS_MIN).text()),
        "trimmed" => words.said_trimmed(),
        "untrimmed" => words.said_untrimmed(),
        "edited" => words.said_edited(),
        "past" => words.said_past(),
        "uncounted" => words.said_uncounted(),
        "often" => words.said_often(),
        "deleted" => words.said_deleted(),
        "gone" => words.said_gone(),
        _ => return None,
    };
    Some(said.to_owned())
}
