//! The user's own audit log.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use crate::http::app::App;
use crate::http::errors::ApiError;
use crate::http::html::{html, unkept};
use crate::http::visitor::Owner;
use crate::pages::{self, Moment};
use snaplark_cloud_data::db::VideoId;

/// The number is enough to see what happened recently. The operator can read the rest.
const SHOWN: u32 = 200;

pub(crate) async fn list(State(app): State<App>, owner: Owner) -> Result<Response, ApiError> {
    let entries = app.accounts.activity(owner.user.id, SHOWN).await?;
    let named: BTreeSet<Uuid> =
        entries.iter().filter_map(|entry| entry.subject.parse().ok()).collect();
    let named: Vec<_> = named.into_iter().map(VideoId).collect();
    // If several uploads share a link, the last one is shown.
    let about = app.uploads.of_videos(owner.user.id, &named).await?.into_iter();
    let about = about.map(|upload| (upload.video_id.to_string(), upload)).collect();
    let moment = Moment { now_ms: app.uploads.clock.now_ms(), words: owner.words };
    Ok(unkept(html(StatusCode::OK, pages::activity(owner.person(), &entries, &about, moment))))
}
