//! Password reset: sends a link by mail if the server can send mail, and handles the link.

use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;

use crate::http::app::App;
use crate::http::errors::ApiError;
use crate::http::html::{form_page, html, unkept};
use crate::http::visitor::{Posted, Visitor, see_other, with_cookie};
use crate::outlets::Mail;
use crate::pages::{self, Forgotten, FormRefusal};
use crate::words::PageWords;
use snaplark_cloud::accounts::{AccountError, is_email, plain_email};
use snaplark_cloud::audit::{AuditAction, with_client_address};
use snaplark_cloud::commands::reset_address;

pub(crate) async fn forgotten(
    State(app): State<App>,
    visitor: Visitor,
) -> Result<Response, ApiError> {
    ask(&app, &visitor, None)
}

/// Answers before it looks up the account, and with the same page for every address.
pub(crate) async fn send(State(app): State<App>, posted: Posted) -> Result<Response, ApiError> {
    if app.mailer.is_none() || !posted.is_ours {
        return ask(&app, &posted.visitor, Some(FormRefusal::Stale));
    }
    let (email, from) = (plain_email(posted.text("email")), posted.visitor.from);
    match app.accounts.count_reset_ask(&email, from).await {
        Ok(()) => {}
        Err(AccountError::TooMany { retry_after_s }) => {
            return ask(&app, &posted.visitor, Some(FormRefusal::TooMany { retry_after_s }));
        }
        Err(error) => return Err(error.into()),
    }
    if is_email(&email) {
        let app = App::clone(&app);
        let words = posted.visitor.words;
        tokio::spawn(with_client_address(from, async move {
            mail_link(&app, words, &email).await;
        }));
    }
    Ok(unkept(html(StatusCode::OK, pages::forgotten(posted.visitor.words, Forgotten::Asked))))
}

/// Sends nothing for accounts without a password. Only the operator can give them one.
async fn mail_link(app: &App, words: PageWords, email: &str) {
    let sent = async {
        let Some(mailer) = &app.mailer else { return Ok(()) };
        let user = app.accounts.user_of_email(email).await.map_err(|e| e.to_string())?;
        if user.is_none_or(|user| user.password.is_none()) {
            return Ok(());
        }
        let made = app.accounts.reset_link(email, AuditAction::ResetLinkSent).await;
        let Some((secret, user)) = made.map_err(|error| error.to_string())? else { return Ok(()) };
        mailer.send(reset_mail(words, &user.email, &reset_address(&app.public_url, &secret))).await
    };
    if let Err(error) = sent.await {
        tracing::error!(%error, "A link to reset a password could not be sent by mail");
    }
}

/// The link stands alone on its line: characters that isolate it would become a part of it in some readers.
fn reset_mail(words: PageWords, email: &str, link: &str) -> Mail {
    let begin = words.mail_reset(email).text();
    Mail {
        to: email.to_owned(),
        subject: words.mail_reset_subject().to_owned(),
        text: format!("{begin}\n{link}\n\n{}\n", words.mail_reset_ignore()),
    }
}

fn ask(app: &App, visitor: &Visitor, refusal: Option<FormRefusal>) -> Result<Response, ApiError> {
    if !app.has_sign_in {
        return Ok(html(StatusCode::OK, pages::library_in_app(visitor.words)));
    }
    if app.mailer.is_none() {
        return Ok(html(StatusCode::OK, pages::forgotten(visitor.words, Forgotten::Operator)));
    }
    let (key, cookie) = visitor.form_key(app)?;
    let page = pages::forgotten(visitor.words, Forgotten::Mail { key: &key, refusal });
    Ok(with_cookie(form_page(StatusCode::OK, page, refusal), cookie))
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Link {
    #[serde(default)]
    key: String,
}

/// Shows the form without using up the link, because virus scanners for mail open links too.
pub(crate) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    Query(Link { key }): Query<Link>,
) -> Result<Response, ApiError> {
    choose(&app, &visitor, &key, None).await
}

pub(crate) async fn reset(State(app): State<App>, posted: Posted) -> Result<Response, ApiError> {
    let (link, visitor) = (posted.text("key"), &posted.visitor);
    if !posted.is_ours {
        return choose(&app, visitor, link, Some(FormRefusal::Stale)).await;
    }
    let password = posted.text("password");
    match app.accounts.reset_password(link, password, visitor.from).await {
        Ok(session) => {
            // Ends the session that this browser had before.
            if let Some(old) = visitor.session() {
                app.accounts.sign_out(old).await?;
            }
            let to = see_other("/my/account?said=password");
            Ok(with_cookie(to, app.session_cookie(&session)))
        }
        Err(AccountError::NewPassword) => {
            choose(&app, visitor, link, Some(FormRefusal::NewPassword)).await
        }
        Err(AccountError::TooMany { retry_after_s }) => {
            choose(&app, visitor, link, Some(FormRefusal::TooMany { retry_after_s })).await
        }
        Err(AccountError::ResetLink) => Ok(dead(visitor.words)),
        Err(error) => Err(error.into()),
    }
}

async fn choose(
    app: &App,
    visitor: &Visitor,
    link: &str,
    refusal: Option<FormRefusal>,
) -> Result<Response, ApiError> {
    let user = match app.accounts.of_reset_link(link).await {
        Ok(user) => user,
        Err(AccountError::ResetLink) => return Ok(dead(visitor.words)),
        Err(error) => return Err(error.into()),
    };
    let (key, cookie) = visitor.form_key(app)?;
    let page = pages::new_password(visitor.words, &user.email, link, &key, refusal);
    Ok(with_cookie(unreferred(form_page(StatusCode::OK, page, refusal)), cookie))
}

fn dead(words: PageWords) -> Response {
    unreferred(unkept(html(StatusCode::GONE, pages::dead_link(words))))
}

/// Sends no referrer, because the page's URL holds a secret.
fn unreferred(mut response: Response) -> Response {
    let none = HeaderValue::from_static("no-referrer");
    response.headers_mut().insert(header::REFERRER_POLICY, none);
    response
}
