//! Who asks: bearer tokens. A token is 32 random bytes; the database knows its SHA-256 only. The
//! lookup by hash tells nothing about near misses, so its timing needs no care.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::App;
use super::errors::ApiError;
use crate::db::UserId;

/// So that a token that leaked into a log or a repository can be found.
const PREFIX: &str = "snap_";
/// Longer than any token of ours: not worth hashing.
const TOKEN_BYTES_MAX: usize = 512;

/// A new token, and what is stored of it.
pub fn new_token() -> Result<(String, Vec<u8>), getrandom::Error> {
    let mut secret = [0_u8; 32];
    getrandom::fill(&mut secret)?;
    let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
    let hash = hash(&token);
    Ok((token, hash))
}

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token).to_vec()
}

/// A signed-in user. A handler that takes this runs for nobody else.
#[derive(Clone, Copy, Debug)]
pub struct Signed(pub UserId);

impl FromRequestParts<App> for Signed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let token = bearer(&parts.headers).ok_or_else(ApiError::unauthorized)?;
        let user = app.uploads.db.user_of_token(&hash(token)).await?;
        user.map(Signed).ok_or_else(ApiError::unauthorized)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
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

    #[test]
    fn tokens_differ_and_are_not_their_hashes() {
        let (one, hash_of_one) = new_token().unwrap();
        let (two, _) = new_token().unwrap();
        assert_ne!(one, two);
        assert_eq!(one.len(), PREFIX.len() + 43);
        assert_eq!(hash_of_one, hash(&one));
    }
}
