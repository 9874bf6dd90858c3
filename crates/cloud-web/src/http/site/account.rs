//! The pages of the user's own account: password, export, deletion.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::export;
use super::export_progress::ExportAnswer;
use crate::http::app::App;
use crate::http::errors::ApiError;
use crate::http::html::{form_page, html, unkept};
use crate::http::visitor::{Owner, OwnerPosted, see_other, with_cookie};
use crate::pages::{self, AccountForm, AccountPage, FormRefusal};
use snaplark_cloud::accounts::AccountError;
use snaplark_cloud::audit::AuditAction;
use snaplark_cloud::credentials::Said;
use snaplark_cloud_data::db::Bucket;

/// The rate limit of exports by one user. An export reads everything that the user has.
const EXPORTS: Bucket = Bucket { size: 5, refill_ms: 10 * 60_000 };

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Shown {
    #[serde(default)]
    said: String,
}

pub(crate) async fn page(
    State(app): State<App>,
    owner: Owner,
    Query(shown): Query<Shown>,
) -> Result<Response, ApiError> {
    let said = match shown.said.as_str() {
        "password" => Some(owner.words.password_changed()),
        _ => None,
    };
    show(&app, &owner, said, None).await
}

pub(crate) async fn password(
    State(app): State<App>,
    posted: OwnerPosted,
) -> Result<Response, ApiError> {
    let owner = &posted.owner;
    let said = Said { user: &owner.user, password: posted.text("current"), from: owner.from };
    match app.accounts.change_password(said, posted.text("password")).await {
        Ok(session) => {
            let to = see_other("/my/account?said=password");
            Ok(with_cookie(to, app.session_cookie(&session)))
        }
        Err(error) => {
            let refusal = refusal(error, FormRefusal::WrongCurrent)?;
            show(&app, owner, None, Some((AccountForm::Password, refusal))).await
        }
    }
}

pub(crate) async fn export(
    State(app): State<App>,
    posted: OwnerPosted,
) -> Result<Response, ApiError> {
    let owner = &posted.owner;
    let user = &owner.user;
    match app.accounts.guesses.take(&[(format!("export {}", user.id.0), EXPORTS)]).await {
        Ok(()) => {}
        Err(error) => {
            let refusal = refusal(error.into(), FormRefusal::Wrong)?;
            return show(&app, owner, None, Some((AccountForm::Export, refusal))).await;
        }
    }
    // What is said of an earlier one isn't said of this one.
    app.exports.forget(user.id);
    let response = export::everything(&app, user).await?;
    app.accounts.note(Some(user.id), AuditAction::AccountExported, ("", "")).await;
    Ok(unkept(response))
}

/// How far the export of the person who is signed in is, for the page's script.
pub(crate) async fn export_progress(State(app): State<App>, owner: Owner) -> Response {
    let progress = app.exports.of(owner.user.id);
    unkept(Json(ExportAnswer::new(owner.words, progress)).into_response())
}

pub(crate) async fn delete(
    State(app): State<App>,
    posted: OwnerPosted,
) -> Result<Response, ApiError> {
    let owner = &posted.owner;
    let said = Said { user: &owner.user, password: posted.text("current"), from: owner.from };
    match app.accounts.delete_account(said, posted.text("email")).await {
        Ok(()) => {
            app.sweep_soon();
            let page = unkept(html(StatusCode::OK, pages::account_deleted(owner.words)));
            Ok(with_cookie(page, app.no_session_cookie()))
        }
        Err(error) => {
            let refusal = refusal(error, FormRefusal::WrongToDelete)?;
            show(&app, owner, None, Some((AccountForm::Delete, refusal))).await
        }
    }
}

fn refusal(error: AccountError, wrong: FormRefusal) -> Result<FormRefusal, ApiError> {
    match error {
        AccountError::Wrong => Ok(wrong),
        AccountError::NewPassword => Ok(FormRefusal::NewPassword),
        AccountError::TooMany { retry_after_s } => Ok(FormRefusal::TooMany { retry_after_s }),
        other => Err(other.into()),
    }
}

async fn show(
    app: &App,
    owner: &Owner,
    said: Option<&'static str>,
    refused: Option<(AccountForm, FormRefusal)>,
) -> Result<Response, ApiError> {
    let (used, limits) = app.uploads.usage(owner.user.id).await?;
    let uploads = app.uploads.count_of(owner.user.id).await?;
    let uploads = u64::try_from(uploads).unwrap_or(0);
    let export = export::counts(app, &owner.user).await?;
    let account = AccountPage { used, limits, uploads, export, said, refused };
    let page = pages::my_account(owner.person(), &account);
    Ok(form_page(StatusCode::OK, page, refused.map(|(_, refusal)| refusal)))
}
