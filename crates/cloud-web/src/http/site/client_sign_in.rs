//! The sign-in of seed 004's own desktop client: it opens `/auth/client?callback_protocol=snaplark` in the browser,
//! and takes its token from the address `snaplark://auth?access_token=…` to which that leads back.
//!
//! The client has no secret and takes no code, so the token itself is in that address, and any program that has
//! registered the scheme on this computer could get it. Hence:
//! - The person has to agree on a page of this server, which no other site can send or frame.
//! - The token may upload, and nothing else: it neither lists, renames nor deletes. It stands in the list of devices
//!   and can be revoked there.
//! - It leads to that scheme alone, and the address is neither cached nor sent on as a referrer.

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::oauth::device;
use crate::http::app::App;
use crate::http::errors::ApiError;
use crate::http::html::{html, html_that_sends_to, unkept};
use crate::http::visitor::{Owner, OwnerPosted, see_other};
use crate::pages;
use crate::words::PageWords;
use snaplark_cloud_data::scopes::{Scope, Scopes};

const PATH: &str = "/auth/client";
/// The only scheme to which this leads.
const PROTOCOL: &str = "snaplark";
/// The client uploads and asks who it is. Both need this scope alone.
const SCOPES: Scopes = Scopes::of(Scope::Upload);

type Asked = BTreeMap<String, String>;

pub(crate) async fn page(
    State(app): State<App>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
    request: Request,
) -> Result<Response, ApiError> {
    let Some(client) = client(&asked, &headers) else { return Ok(unknown(&headers)) };
    let (mut parts, _) = request.into_parts();
    let owner = match Owner::from_request_parts(&mut parts, &app).await {
        Ok(owner) => owner,
        Err(to_sign_in) => return Ok(to_sign_in),
    };
    let hidden = [("callback_protocol", PROTOCOL), ("device_name", &client.device)];
    let page = pages::consent(owner.person(), &client.device, client.scopes, (PATH, &hidden));
    Ok(unkept(html_that_sends_to(StatusCode::OK, page, "'self' snaplark:")))
}

pub(crate) async fn agree(
    State(app): State<App>,
    headers: HeaderMap,
    posted: OwnerPosted,
) -> Result<Response, ApiError> {
    let Some(client) = client(&posted.fields, &headers) else { return Ok(unknown(&headers)) };
    if posted.text("answer") != "yes" {
        return Ok(see_other("/my/videos"));
    }
    let user = posted.owner.user.id;
    app.accounts.admit_change(user).await?;
    let token = app.accounts.connect_client(user, &client.device, SCOPES).await?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("access_token", &token);
    Ok(unkept(see_other(&format!("{PROTOCOL}://auth?{}", query.finish()))))
}

/// Returns which program asks for access, if `next` leads to this sign-in.
pub(crate) fn asking(next: &str, headers: &HeaderMap) -> Option<pages::ConnectingApp> {
    let query = next.strip_prefix(PATH)?.strip_prefix('?')?;
    let asked: Asked = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    client(&asked, headers)
}

fn client(asked: &Asked, headers: &HeaderMap) -> Option<pages::ConnectingApp> {
    let text = |name: &str| asked.get(name).map_or("", String::as_str);
    let device = device(text("device_name"), headers);
    (text("callback_protocol") == PROTOCOL)
        .then_some(pages::ConnectingApp { device, scopes: SCOPES })
}

fn unknown(headers: &HeaderMap) -> Response {
    let words = PageWords::asked(headers);
    let page = pages::refused(words, words.sign_in_stopped(), words.sign_in_stopped_hint());
    html(StatusCode::BAD_REQUEST, page)
}
