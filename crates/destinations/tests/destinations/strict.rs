//! The common part of the strict servers of the older documents: a request that the document doesn't describe is
//! noted with its reason and refused, and fails the test at its end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};
use snaplark_destinations::fake::FakeServer;

use crate::documents_server::{half, read_to_end};

/// The requests so far, and those that the document doesn't describe.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    requests: Vec<String>,
    violations: Vec<String>,
}

impl Log {
    /// Returns how many requests there were to a path.
    pub fn count(&self, path: &str) -> usize {
        self.0.lock().unwrap().requests.iter().filter(|it| it.as_str() == path).count()
    }

    /// Returns why requests were no requests of the document.
    pub fn violations(&self) -> Vec<String> {
        self.0.lock().unwrap().violations.clone()
    }

    fn note(&self, path: &str) {
        self.0.lock().unwrap().requests.push(path.to_owned());
    }

    /// Notes a violation. Returns the answer to it.
    pub fn violation(&self, why: impl Into<String>) -> Response {
        let why = why.into();
        self.0.lock().unwrap().violations.push(why.clone());
        (StatusCode::BAD_REQUEST, axum::Json(json!({ "error": why, "message": why })))
            .into_response()
    }
}

/// Checks every request before its handler sees it.
#[derive(Clone)]
pub struct Gate {
    pub server: FakeServer,
    pub log: Log,
    /// The header with the token, and its value.
    pub token: (&'static str, &'static str),
    /// Returns whether a request needs no token.
    pub is_open: fn(&Request) -> bool,
}

/// Ends the connection, asks for a sign-in, or cuts the reply in half after the request was done.
pub async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    gate.log.note(&path);
    if gate.server.is_offline() {
        return half("");
    }
    if (gate.is_open)(&request) {
        return next.run(request).await;
    }
    let headers = request.headers();
    let tokens: Vec<(&str, &str)> = ["token", "authorization"]
        .into_iter()
        .filter_map(|name| Some((name, headers.get(name)?.to_str().ok()?)))
        .collect();
    if tokens != [gate.token] {
        return gate.log.violation(format!("{path} with the tokens {tokens:?}"));
    }
    if gate.server.check_sign_in().is_err() {
        read_to_end(request).await;
        let body = axum::Json(json!({ "error": "Unauthorized", "message": "Unauthorized" }));
        return (StatusCode::UNAUTHORIZED, body).into_response();
    }
    let response = next.run(request).await;
    match gate.server.cuts_reply() {
        true => half("{\"success\":tr"),
        false => response,
    }
}

/// A form with one file and some texts.
pub struct StrictForm {
    pub texts: BTreeMap<String, String>,
    pub file: Bytes,
}

impl StrictForm {
    /// Reads a form that has these texts and this file, once each, and nothing else.
    pub async fn read(request: Request, texts: &[&str], file: &str) -> Result<Self, String> {
        let mut fields =
            Multipart::from_request(request, &()).await.map_err(|error| error.body_text())?;
        let mut form = StrictForm { texts: BTreeMap::new(), file: Bytes::new() };
        while let Some(field) = fields.next_field().await.map_err(|error| error.body_text())? {
            let name = field.name().unwrap_or_default().to_owned();
            let is_file = field.file_name().is_some();
            let bytes = field.bytes().await.map_err(|error| error.body_text())?;
            let is_new = match (is_file, name == file, texts.contains(&name.as_str())) {
                (true, true, _) => std::mem::replace(&mut form.file, bytes).is_empty(),
                (false, _, true) => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    form.texts.insert(name.clone(), text).is_none()
                }
                _ => return Err(format!("no document names the field '{name}'")),
            };
            if !is_new {
                return Err(format!("the field '{name}' comes twice"));
            }
        }
        match form.texts.len() == texts.len() && !form.file.is_empty() {
            true => Ok(form),
            false => Err(format!("{texts:?} and {file} are required: {:?}", form.texts)),
        }
    }

    pub fn number(&self, name: &str) -> Result<u32, String> {
        let text = &self.texts[name];
        text.parse().map_err(|_| format!("{name} is '{text}', and no number"))
    }
}

/// Reads a JSON object that has these fields and no others.
pub async fn json_object(request: Request, names: &[&str]) -> Result<Map<String, Value>, String> {
    let kind = content_type(request.headers());
    if kind != "application/json" {
        return Err(format!("Content-Type is '{kind}'"));
    }
    let body = axum::body::to_bytes(request.into_body(), 64 * 1024);
    let body = body.await.map_err(|error| error.to_string())?;
    let object: Map<String, Value> =
        serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    let mut has: Vec<&str> = object.keys().map(String::as_str).collect();
    let mut wanted = names.to_vec();
    has.sort_unstable();
    wanted.sort_unstable();
    match has == wanted {
        true => Ok(object),
        false => Err(format!("the fields are {has:?}, and not {wanted:?}")),
    }
}

pub fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default()
}

/// Answers a path of the document to a method that it doesn't have there.
pub async fn wrong_method() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, Body::empty()).into_response()
}
