//! What was done with one's own account.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::http::App;
use crate::http::errors::ApiError;
use crate::http::html::{html, unkept};
use crate::http::visitor::Owner;
use crate::pages::{self, Moment};

/// Enough to see what happened lately; the rest is the operator's to ask for.
const SHOWN: u32 = 200;

pub async fn list(State(app): State<App>, owner: Owner) -> Result<Response, ApiError> {
    let noted = app.uploads.db.noted(Some(owner.user.id), SHOWN).await?;
    let moment = Moment { now_ms: app.uploads.clock.now_ms() };
    Ok(unkept(html(StatusCode::OK, pages::activity(owner.person(), &noted, moment))))
}
