//! The page of the user's own tokens.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use crate::http::app::App;
use crate::http::errors::ApiError;
use crate::http::html::{html, unkept};
use crate::http::visitor::{Owner, OwnerPosted, see_other};
use crate::pages::{self, Moment};
use snaplark_cloud_data::db::TokenId;
use snaplark_cloud_data::scopes::Scopes;

pub(crate) async fn list(State(app): State<App>, owner: Owner) -> Result<Response, ApiError> {
    show(&app, &owner, None).await
}

pub(crate) async fn create(
    State(app): State<App>,
    posted: OwnerPosted,
) -> Result<Response, ApiError> {
    let owner = &posted.owner;
    app.accounts.admit_change(owner.user.id).await?;
    let token = app.accounts.create_token(owner.user.id, posted.text("name"), Scopes::ALL).await?;
    show(&app, owner, Some(&token)).await
}

pub(crate) async fn revoke(
    State(app): State<App>,
    Path(token): Path<Uuid>,
    posted: OwnerPosted,
) -> Result<Response, ApiError> {
    let owner = posted.owner;
    app.accounts.revoke_token(owner.user.id, TokenId(token)).await?;
    Ok(see_other("/my/tokens"))
}

async fn show(app: &App, owner: &Owner, fresh: Option<&str>) -> Result<Response, ApiError> {
    let tokens = app.accounts.tokens(owner.user.id).await?;
    let moment = Moment { now_ms: app.uploads.clock.now_ms(), words: owner.words };
    let page = pages::tokens(owner.person(), &tokens, fresh, moment);
    Ok(unkept(html(StatusCode::OK, page)))
}
