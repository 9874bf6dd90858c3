//! Identifies people by their browser's cookies, and checks the forms that they send.
//!
//! A form is accepted only if it came from a page of this server (`Sec-Fetch-Site`, `Origin`) and
//! carries the key that is derived from this browser's cookie. Another site can make a browser send
//! our cookies along, but can read neither them nor our pages.
//!
//! Cookies are read and written here, not by the `cookie` crate: the values are our own random texts, which
//! need no encoding, so it is one line to write one and ten to find one, and the crate would bring the
//! `time` crate into the server.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::body::to_bytes;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::app::{App, AppState};
use super::errors::ApiError;
use super::html::html;
use crate::pages::{self, FORM_KEY, Person};
use crate::words::PageWords;
use snaplark_cloud::accounts::plain_email;
use snaplark_cloud::secrets;
use snaplark_cloud_data::db::User;

const SESSION_COOKIE: &str = "snaplark_session";
/// The cookie for forms of people who aren't signed in.
const FORM_COOKIE: &str = "snaplark_form";
/// The cookie of a browser that was used to sign in: `nonce.mac`, where the MAC covers the nonce and
/// the account. It grants no access; sign-in tries are counted by it.
const DEVICE_COOKIE: &str = "snaplark_device";
/// The longest time for which browsers keep a cookie.
const DEVICE_AGE_S: i64 = 400 * 24 * 60 * 60;
const SESSION_AGE_S: i64 = 30 * 24 * 60 * 60;
const FORM_AGE_S: i64 = 24 * 60 * 60;
/// The largest form of this server has a few lines.
const FORM_BYTES_MAX: usize = 64 * 1024;
/// No secret of this server is longer.
const COOKIE_BYTES_MAX: usize = 128;

/// A person's request: who is signed in, the client's address, and the cookies.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) user: Option<User>,
    pub(crate) from: IpAddr,
    pub(crate) words: PageWords,
    session: Option<String>,
    form: Option<String>,
    device: Option<String>,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let mut session = cookie(app, &parts.headers, SESSION_COOKIE);
        let user = match &session {
            Some(secret) => app.accounts.signed_in(secret).await?,
            None => None,
        };
        session = session.filter(|_| user.is_some());
        let form = cookie(app, &parts.headers, FORM_COOKIE);
        let device = cookie(app, &parts.headers, DEVICE_COOKIE);
        Ok(Visitor {
            user,
            session,
            form,
            device,
            from: from(app, &parts.headers, &parts.extensions),
            words: PageWords::asked(&parts.headers),
        })
    }
}

impl Visitor {
    /// Returns the key of this visitor's forms, and the cookie to set if the visitor has none yet.
    pub(crate) fn form_key(&self, app: &App) -> Result<(String, Option<HeaderValue>), ApiError> {
        if let Some(secret) = self.session.as_ref().or(self.form.as_ref()) {
            return Ok((secrets::form_key(secret), None));
        }
        let (secret, _) = secrets::new_secret()?;
        let cookie = app.cookie(FORM_COOKIE, &secret, FORM_AGE_S);
        Ok((secrets::form_key(&secret), cookie))
    }

    fn has_key(&self, key: &str) -> bool {
        let secret = self.session.as_ref().or(self.form.as_ref());
        secret.is_some_and(|secret| secrets::is_same(&secrets::form_key(secret), key))
    }

    /// Returns the id of this browser, if this account was signed in with it before.
    pub(crate) fn device(&self, app: &App, email: &str) -> Option<&str> {
        let (nonce, mac) = self.device.as_deref()?.split_once('.')?;
        secrets::is_same(mac, &app.device_mac(email, nonce)).then_some(nonce)
    }

    pub(crate) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }
}

impl AppState {
    pub(crate) fn session_cookie(&self, secret: &str) -> Option<HeaderValue> {
        self.cookie(SESSION_COOKIE, secret, SESSION_AGE_S)
    }

    pub(crate) fn device_cookie(&self, email: &str) -> Option<HeaderValue> {
        let (nonce, _) = secrets::new_secret().ok()?;
        let mac = self.device_mac(email, &nonce);
        self.cookie(DEVICE_COOKIE, &format!("{nonce}.{mac}"), DEVICE_AGE_S)
    }

    fn device_mac(&self, email: &str, nonce: &str) -> String {
        self.signing.id(&["device", &plain_email(email), nonce]).simple().to_string()
    }

    pub(crate) fn no_session_cookie(&self) -> Option<HeaderValue> {
        self.cookie(SESSION_COOKIE, "", 0)
    }

    /// Builds a cookie that only this host receives and no script can read. Over HTTPS its name has
    /// the `__Host-` prefix, by which browsers enforce that.
    pub(crate) fn cookie(&self, name: &str, value: &str, age_s: i64) -> Option<HeaderValue> {
        let secure = if self.is_https() { "; Secure" } else { "" };
        let name = self.cookie_name(name);
        format!("{name}={value}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Lax{secure}")
            .parse()
            .ok()
    }

    fn cookie_name(&self, name: &str) -> String {
        if self.is_https() { format!("__Host-{name}") } else { name.to_owned() }
    }

    pub(crate) fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

pub(crate) fn cookie(app: &App, headers: &HeaderMap, name: &str) -> Option<String> {
    let name = app.cookie_name(name);
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
        .filter(|value| !value.is_empty() && value.len() <= COOKIE_BYTES_MAX)
}

pub(crate) fn from(app: &App, headers: &HeaderMap, extensions: &Extensions) -> IpAddr {
    let forwarded = || {
        let mut lines = headers.get_all("x-forwarded-for").iter();
        lines.next_back()?.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
    };
    let direct = || extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let proxied = if app.behind_proxy { forwarded() } else { None };
    proxied.or_else(direct).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical()
}

/// A person who is signed in. Anyone else is redirected to the sign-in page and then back.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) user: User,
    pub(crate) from: IpAddr,
    pub(crate) words: PageWords,
    form_key: String,
}

impl Owner {
    pub(crate) fn person(&self) -> Person<'_> {
        Person { email: &self.user.email, form_key: &self.form_key, words: self.words }
    }
}

impl FromRequestParts<App> for Owner {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let visitor =
            Visitor::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        let (form_key, _) = visitor.form_key(app).map_err(IntoResponse::into_response)?;
        let Visitor { user, from, words, .. } = visitor;
        match user {
            Some(user) => Ok(Owner { user, from, words, form_key }),
            None => {
                let here = parts.uri.path_and_query().map_or("/", |here| here.as_str());
                Err(see_other(&sign_in_address(here)))
            }
        }
    }
}

pub(crate) fn sign_in_address(next: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
    format!("/sign-in?{query}")
}

pub(crate) fn see_other(to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(to) => (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

pub(crate) fn with_cookie(response: Response, cookie: Option<HeaderValue>) -> Response {
    let mut response = response;
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

pub(crate) type Fields = BTreeMap<String, String>;

/// A form of one of this server's pages, and who sent it.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) visitor: Visitor,
    pub(crate) fields: Fields,
    /// True if the form carries this browser's key. Without it nothing may be changed.
    pub(crate) is_ours: bool,
}

impl Posted {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

impl FromRequest<App> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app)
            .await
            .map_err(IntoResponse::into_response)?;
        let same_site = is_same_site(app, &parts.headers);
        let fields = read_fields(Request::from_parts(parts, body))
            .await
            .map_err(IntoResponse::into_response)?;
        let key = fields.get(FORM_KEY).map_or("", String::as_str);
        let is_ours = same_site && visitor.has_key(key);
        Ok(Posted { visitor, fields, is_ours })
    }
}

/// A form sent by a person who is signed in. Other forms are refused.
#[derive(Debug)]
pub(crate) struct OwnerPosted {
    pub(crate) owner: Owner,
    pub(crate) fields: Fields,
}

impl OwnerPosted {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

impl FromRequest<App> for OwnerPosted {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let posted = Posted::from_request(request, app).await?;
        let (form_key, _) = posted.visitor.form_key(app).map_err(IntoResponse::into_response)?;
        let Posted { visitor: Visitor { user, from, words, .. }, fields, is_ours } = posted;
        match user {
            Some(user) if is_ours => {
                Ok(OwnerPosted { owner: Owner { user, from, words, form_key }, fields })
            }
            Some(_) => Err(html(
                StatusCode::FORBIDDEN,
                pages::refused(words, words.refused_form(), words.refused_form_hint()),
            )),
            None => Err(see_other(&sign_in_address("/my/videos"))),
        }
    }
}

/// Parses a URL-encoded body.
pub(crate) async fn read_fields(request: Request) -> Result<Fields, ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        return Err(ApiError::unsupported("Send the form as application/x-www-form-urlencoded."));
    }
    let body = to_bytes(request.into_body(), FORM_BYTES_MAX)
        .await
        .map_err(|_| ApiError::field("body", "The form is incomplete or too long."))?;
    Ok(form_urlencoded::parse(&body).into_owned().collect())
}

/// Checks where the browser says that the request comes from. Requests without that information still
/// need the form key.
fn is_same_site(app: &App, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = text("origin") else { return true };
    let host = text("host").unwrap_or_default();
    app.public_url == origin
        || app.public_url.strip_prefix(origin).is_some_and(|rest| rest.starts_with('/'))
        || origin.split_once("://").is_some_and(|(_, from)| from == host)
}
