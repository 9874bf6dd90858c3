//! The sign-in that the app uses: OAuth 2.0's authorization code with PKCE (RFC 6749, 7636) for a
//! native app (RFC 8252). There is one public client, which keeps no secret. The code is protected
//! because it is only sent to the same computer, is valid for a minute, works once, and needs the
//! verifier.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{FromRequestParts, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::http::app::App;
use crate::http::errors::ApiError;
use crate::http::html::{html, html_that_sends_to, unkept};
use crate::http::visitor::{Owner, OwnerPosted, from, read_fields, see_other};
use crate::pages;
use crate::words::PageWords;
use snaplark_cloud::accounts::{AccountError, Consent};
use snaplark_cloud_data::scopes::Scopes;

const CLIENT: &str = "snaplark-app";
const APP_ADDRESS: &str = "snaplark://signed-in";
const CALLBACK: &str = "/callback";
/// The longest `state`. It is opaque to this server, but is returned in a URL.
const STATE_BYTES_MAX: usize = 512;
const DEVICE_CHARS_MAX: usize = 48;
/// RFC 7636, 4.1.
const VERIFIER_BYTES: std::ops::RangeInclusive<usize> = 43..=128;

type Asked = BTreeMap<String, String>;

/// A valid authorization request of our client, which may be answered by a redirect to it.
struct AuthorizationRequest {
    redirect_uri: String,
    state: String,
    challenge: String,
    device: String,
    scopes: Scopes,
}

enum BadAsk {
    /// The redirect target is not trusted, so only the person sees the error.
    Unknown,
    /// RFC 6749, 4.1.2.1.
    Refused { redirect_uri: String, state: String, error: &'static str },
}

pub(crate) async fn authorize(
    State(app): State<App>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
    request: Request,
) -> Result<Response, ApiError> {
    let ask = match read(&asked, &headers) {
        Ok(ask) => ask,
        Err(bad) => return Ok(bad.answer(&app, PageWords::asked(&headers))),
    };
    let (mut parts, _) = request.into_parts();
    let owner = match Owner::from_request_parts(&mut parts, &app).await {
        Ok(owner) => owner,
        Err(to_sign_in) => return Ok(to_sign_in),
    };
    let scopes = ask.scopes.to_string();
    let hidden = [
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", &ask.redirect_uri),
        ("state", &ask.state),
        ("code_challenge", &ask.challenge),
        ("code_challenge_method", "S256"),
        ("device", &ask.device),
        ("scope", &scopes),
    ];
    let form = ("/oauth/authorize", &hidden[..]);
    let page = pages::consent(owner.person(), &ask.device, ask.scopes, form);
    let targets = format!("'self' {}", form_target(&ask.redirect_uri));
    Ok(unkept(html_that_sends_to(StatusCode::OK, page, &targets)))
}

pub(crate) async fn agree(
    State(app): State<App>,
    headers: HeaderMap,
    posted: OwnerPosted,
) -> Result<Response, ApiError> {
    let ask = match read(&posted.fields, &headers) {
        Ok(ask) => ask,
        Err(bad) => return Ok(bad.answer(&app, PageWords::asked(&headers))),
    };
    if posted.text("answer") != "yes" {
        return Ok(lead_back(&app, &ask.redirect_uri, &ask.state, ("error", "access_denied")));
    }
    let consent = Consent {
        challenge: ask.challenge,
        redirect_uri: ask.redirect_uri.clone(),
        device: ask.device,
        scopes: ask.scopes,
    };
    let owner = &posted.owner;
    app.accounts.admit_change(owner.user.id).await?;
    let code = app.accounts.consent(owner.user.id, &consent).await?;
    Ok(lead_back(&app, &ask.redirect_uri, &ask.state, ("code", &code)))
}

/// Exchanges a code for a token: RFC 6749, 4.1.3 and 5.
pub(crate) async fn token(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let from = from(&app, &parts.headers, &parts.extensions);
    let fields = read_fields(Request::from_parts(parts, body)).await?;
    let text = |name: &str| fields.get(name).map_or("", String::as_str);
    if text("grant_type") != "authorization_code" {
        return Ok(refused("unsupported_grant_type", "The grant_type must be authorization_code."));
    }
    if text("client_id") != CLIENT {
        return Ok(refused("invalid_client", "The client_id is unknown."));
    }
    let verifier = text("code_verifier");
    if text("code").is_empty() || !VERIFIER_BYTES.contains(&verifier.len()) {
        return Ok(refused("invalid_request", "The code and its code_verifier are required."));
    }
    match app.accounts.exchange(text("code"), verifier, text("redirect_uri"), from).await {
        Ok((token, scopes)) => {
            let answer = json!({
                "access_token": token, "token_type": "Bearer", "scope": scopes.to_string(),
            });
            Ok((no_store(), Json(answer)).into_response())
        }
        Err(AccountError::Grant) => Ok(refused(
            "invalid_grant",
            "The code is invalid: it was used, is older than a minute, or belongs to another sign-in. Sign in again.",
        )),
        Err(error) => Err(error.into()),
    }
}

/// RFC 7009: signs the app out. Revoking an unknown token succeeds.
pub(crate) async fn revoke(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let from = from(&app, &parts.headers, &parts.extensions);
    let fields = read_fields(Request::from_parts(parts, body)).await?;
    if let Some(token) = fields.get("token") {
        app.accounts.forget_token(token, from).await?;
    }
    Ok((no_store(), StatusCode::OK).into_response())
}

fn read(asked: &Asked, headers: &HeaderMap) -> Result<AuthorizationRequest, BadAsk> {
    let text = |name: &str| asked.get(name).map_or("", String::as_str);
    let redirect_uri = text("redirect_uri").to_owned();
    if text("client_id") != CLIENT || !leads_to_the_app(&redirect_uri) {
        return Err(BadAsk::Unknown);
    }
    let state = text("state").to_owned();
    if state.len() > STATE_BYTES_MAX {
        return Err(BadAsk::Unknown);
    }
    let scopes = asked_scopes(asked);
    let error = if text("response_type") != "code" {
        Some("unsupported_response_type")
    } else if text("code_challenge_method") != "S256" || !is_challenge(text("code_challenge")) {
        Some("invalid_request")
    } else if scopes.is_none() {
        Some("invalid_scope")
    } else {
        None
    };
    let (Some(scopes), None) = (scopes, error) else {
        let error = error.unwrap_or("invalid_scope");
        return Err(BadAsk::Refused { redirect_uri, state, error });
    };
    let challenge = text("code_challenge").to_owned();
    let device = device(text("device"), headers);
    Ok(AuthorizationRequest { redirect_uri, state, challenge, device, scopes })
}

/// RFC 6749, 3.3: without `scope` all scopes are granted, as before there were scopes.
fn asked_scopes(asked: &Asked) -> Option<Scopes> {
    asked.get("scope").map_or(Some(Scopes::ALL), |text| Scopes::parse(text))
}

/// Returns which program asks for access, if `next` is a valid authorization request.
pub(crate) fn asking(next: &str, headers: &HeaderMap) -> Option<pages::ConnectingApp> {
    let query = next.strip_prefix("/oauth/authorize?")?;
    let asked: Asked = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let ask = read(&asked, headers).ok()?;
    Some(pages::ConnectingApp { device: ask.device, scopes: ask.scopes })
}

impl BadAsk {
    fn answer(self, app: &App, words: PageWords) -> Response {
        match self {
            BadAsk::Unknown => html(
                StatusCode::BAD_REQUEST,
                pages::refused(words, words.sign_in_stopped(), words.sign_in_stopped_hint()),
            ),
            BadAsk::Refused { redirect_uri, state, error } => {
                lead_back(app, &redirect_uri, &state, ("error", error))
            }
        }
    }
}

/// Accepts only a port of this computer, or the app's own URL scheme. With anything else, codes could
/// be redirected to others.
fn leads_to_the_app(uri: &str) -> bool {
    if uri == APP_ADDRESS {
        return true;
    }
    let host =
        ["http://127.0.0.1:", "http://[::1]:"].iter().find_map(|host| uri.strip_prefix(host));
    host.and_then(|rest| rest.strip_suffix(CALLBACK)).is_some_and(|port| {
        port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

/// Returns the source expression for `form-action`. Browsers apply it to redirects after a form too,
/// and it has no syntax for `[::1]`.
fn form_target(redirect_uri: &str) -> &str {
    if redirect_uri == APP_ADDRESS {
        "snaplark:"
    } else if redirect_uri.starts_with("http://127.0.0.1:") {
        redirect_uri.strip_suffix(CALLBACK).unwrap_or("http:")
    } else {
        "http:"
    }
}

/// Checks for a SHA-256 in base64url.
fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Returns the device name that the app gave, or else what the browser tells about its computer,
/// which is the same one.
pub(super) fn device(named: &str, headers: &HeaderMap) -> String {
    let plain: String = named.chars().filter(|c| !c.is_control()).collect();
    let plain: String = plain.trim().chars().take(DEVICE_CHARS_MAX).collect();
    if !plain.is_empty() {
        return plain;
    }
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let agent = agent.unwrap_or_default();
    let kinds = [
        ("Windows", "this Windows computer"),
        ("Mac OS X", "this Mac"),
        ("Linux", "this Linux computer"),
    ];
    let kind = kinds.iter().find(|(sign, _)| agent.contains(sign));
    kind.map_or("this computer", |(_, name)| name).to_owned()
}

/// RFC 9207: `iss` identifies the server, so that an app never sends one server's code to another.
fn lead_back(app: &App, redirect_uri: &str, state: &str, (name, value): (&str, &str)) -> Response {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair(name, value);
    if !state.is_empty() {
        query.append_pair("state", state);
    }
    query.append_pair("iss", origin(&app.public_url));
    unkept(see_other(&format!("{redirect_uri}?{}", query.finish())))
}

/// Returns scheme, host and port of a URL.
fn origin(url: &str) -> &str {
    let host_at = url.find("://").map_or(0, |at| at + 3);
    url[host_at..].find('/').map_or(url, |end| &url[..host_at + end])
}

fn refused(error: &str, description: &str) -> Response {
    let answer = json!({"error": error, "error_description": description});
    (StatusCode::BAD_REQUEST, no_store(), Json(answer)).into_response()
}

fn no_store() -> [(header::HeaderName, HeaderValue); 1] {
    [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_path() {
        for (url, is) in [
            ("https://a.example", "https://a.example"),
            ("https://a.example:8443/below/it", "https://a.example:8443"),
            ("http://[::1]:80/x", "http://[::1]:80"),
        ] {
            assert_eq!(origin(url), is);
        }
    }

    #[test]
    fn codes_lead_to_this_computer_only() {
        for good in [
            "http://127.0.0.1:1/callback",
            "http://127.0.0.1:65535/callback",
            "http://[::1]:8080/callback",
            "snaplark://signed-in",
        ] {
            assert!(leads_to_the_app(good), "{good}");
        }
        for bad in [
            "",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:65536/callback",
            "http://127.0.0.1:80@evil/callback",
            "http://127.0.0.1:8080/callback?x",
            "http://127.0.0.1:8080/callback/../callback",
            "http://127.0.0.1:+80/callback",
            "http://127.0.0.1.evil:80/callback",
            "http://localhost:8080/callback",
            "https://127.0.0.1:8080/callback",
            "https://evil/callback",
            "snaplark://signed-in.evil",
        ] {
            assert!(!leads_to_the_app(bad), "{bad}");
        }
    }
}
