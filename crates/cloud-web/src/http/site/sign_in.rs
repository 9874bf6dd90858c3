//! Signing in and out.

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::{client_sign_in, oauth};
use crate::http::app::App;
use crate::http::errors::ApiError;
use crate::http::html::{form_page, html};
use crate::http::visitor::{Posted, Visitor, see_other, with_cookie};
use crate::pages::{self, ConnectingApp, FormRefusal};
use snaplark_cloud::accounts::AccountError;

const HOME: &str = "/my/videos";

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Next {
    #[serde(default)]
    next: String,
}

pub(crate) async fn page(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    Query(Next { next }): Query<Next>,
) -> Result<Response, ApiError> {
    // Nobody has an account there: the library is a window of the app.
    if !app.has_sign_in {
        return Ok(html(StatusCode::OK, pages::library_in_app(visitor.words)));
    }
    if visitor.user.is_some() {
        return Ok(see_other(checked(&next)));
    }
    form(&app, &visitor, &headers, &next, "", None).await
}

pub(crate) async fn sign_in(
    State(app): State<App>,
    headers: HeaderMap,
    posted: Posted,
) -> Result<Response, ApiError> {
    let (next, email) = (posted.text("next"), posted.text("email"));
    if !posted.is_ours {
        return form(&app, &posted.visitor, &headers, next, email, Some(FormRefusal::Stale)).await;
    }
    let device = posted.visitor.device(&app, email);
    let signed =
        app.accounts.sign_in(email, posted.text("password"), posted.visitor.from, device).await;
    let refusal = match signed {
        Ok(secret) => {
            // Ends the session that this browser had before.
            if let Some(old) = posted.visitor.session() {
                app.accounts.sign_out(old).await?;
            }
            let to = with_cookie(see_other(checked(next)), app.session_cookie(&secret));
            let fresh = device.is_none().then(|| app.device_cookie(email)).flatten();
            return Ok(with_cookie(to, fresh));
        }
        Err(AccountError::Wrong) => FormRefusal::Wrong,
        Err(AccountError::TooMany { retry_after_s }) => FormRefusal::TooMany { retry_after_s },
        Err(error) => return Err(error.into()),
    };
    form(&app, &posted.visitor, &headers, next, email, Some(refusal)).await
}

pub(crate) async fn sign_out(State(app): State<App>, posted: Posted) -> Result<Response, ApiError> {
    let Some(secret) = posted.visitor.session().filter(|_| posted.is_ours) else {
        return Ok(see_other("/"));
    };
    app.accounts.sign_out(secret).await?;
    Ok(with_cookie(see_other("/sign-in"), app.no_session_cookie()))
}

async fn form(
    app: &App,
    visitor: &Visitor,
    headers: &HeaderMap,
    next: &str,
    email: &str,
    refusal: Option<FormRefusal>,
) -> Result<Response, ApiError> {
    let (key, cookie) = visitor.form_key(app)?;
    let nobody = app.accounts.has_nobody().await?;
    let page = pages::sign_in(
        visitor.words,
        checked(next),
        email,
        &key,
        refusal,
        nobody,
        asking(checked(next), headers).as_ref(),
    );
    Ok(with_cookie(form_page(StatusCode::OK, page, refusal), cookie))
}

/// Returns the program that the sign-in is for, if it is for one.
fn asking(next: &str, headers: &HeaderMap) -> Option<ConnectingApp> {
    oauth::asking(next, headers).or_else(|| client_sign_in::asking(next, headers))
}

/// Accepts only a path on this server: `//elsewhere` and `/\elsewhere` lead to other sites.
fn checked(next: &str) -> &str {
    let mut letters = next.chars();
    let is_path = letters.next() == Some('/') && !matches!(letters.next(), Some('/' | '\\'));
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_path && is_plain { next } else { HOME }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_away() {
        for next in ["/my/tokens", "/oauth/authorize?a=b%20c&d"] {
            assert_eq!(checked(next), next);
        }
        for next in [
            "",
            "//evil",
            "/\\evil",
            "https://evil",
            "/a\r\nb",
            "/a\\b",
            "javascript:1",
            "/\t/evil",
        ] {
            assert_eq!(checked(next), HOME, "{next}");
        }
    }
}
