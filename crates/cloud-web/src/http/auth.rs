//! Authentication of programs by bearer token.

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method, header};

use super::app::App;
use super::errors::ApiError;
use super::needed_scopes::needed_scopes;
use super::visitor::from;
use snaplark_cloud_data::db::UserId;
use snaplark_cloud_data::scopes::Scopes;

/// The limit is longer than any token that this server issues, so not worth hashing.
const TOKEN_BYTES_MAX: usize = 512;
const TOKEN: &str = "token";

/// A user who is authenticated by a token. A handler with this argument runs for nobody else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed(pub(crate) UserId);

impl FromRequestParts<App> for Signed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        signed(app, (&parts.method, &parts.headers), &parts.extensions).await.map(Signed)
    }
}

/// The same, with the scopes of the token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedFor(pub(crate) UserId, pub(crate) Scopes);

impl FromRequestParts<App> for SignedFor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let signed = signed_for(app, (&parts.method, &parts.headers), &parts.extensions).await;
        signed.map(|(user, scopes)| SignedFor(user, scopes))
    }
}

/// Returns the user of the token, if its scopes allow this request. Wrong tokens are counted by the
/// address that they come from, good ones never: a user who shares an address with a guesser is not
/// locked out.
pub(crate) async fn signed(
    app: &App,
    asked: (&Method, &HeaderMap),
    extensions: &Extensions,
) -> Result<UserId, ApiError> {
    signed_for(app, asked, extensions).await.map(|(user, _)| user)
}

async fn signed_for(
    app: &App,
    (method, headers): (&Method, &HeaderMap),
    extensions: &Extensions,
) -> Result<(UserId, Scopes), ApiError> {
    if let Some((user, scopes)) = by_token(app, headers).await? {
        let pattern = extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let needed = needed_scopes(method, pattern);
        return match needed.iter().any(|scope| scopes.has(*scope)) {
            true => Ok((user, scopes)),
            false => Err(ApiError::out_of_scope(needed.first().map_or("", |scope| scope.name()))),
        };
    }
    if bearer(headers).is_some() {
        app.accounts.wrong_token(from(app, headers, extensions)).await?;
    }
    Err(ApiError::unauthorized())
}

/// Returns the token's user and scopes.
pub(crate) async fn by_token(
    app: &App,
    headers: &HeaderMap,
) -> Result<Option<(UserId, Scopes)>, ApiError> {
    let Some(token) = bearer(headers) else { return Ok(None) };
    Ok(app.accounts.of_token(token).await?)
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    // The client of seed 002 sends its token in this header.
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        let token = headers.get(TOKEN)?.to_str().ok()?.trim();
        return (!token.is_empty() && token.len() <= TOKEN_BYTES_MAX).then_some(token);
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= TOKEN_BYTES_MAX)
        .then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bearer_tokens_count() {
        let of = |text: &str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, text.parse().unwrap())]);
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(of("Bearer abc"), Some("abc".to_owned()));
        assert_eq!(of("bearer abc"), Some("abc".to_owned()));
        for text in ["Basic abc", "Bearer", "Bearer ", "abc"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
