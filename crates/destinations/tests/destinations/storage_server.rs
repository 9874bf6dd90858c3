//! A strict server of seed 003 in front of a [`FakeServer`], with the document's own statuses and words.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router, middleware};
use serde_json::{Value, json};
use snaplark_core::SessionId;
use snaplark_core::upload::Failure;
use snaplark_destinations::fake::FakeServer;

use crate::documents_server::DocumentsServer;
use crate::strict::{Gate, Log, StrictForm, content_type, json_object, pass};

const TYPES: [&str; 3] = ["video/mp4", "video/quicktime", "video/webm"];
const FILE_BYTES_MAX: u64 = 500 * 1024 * 1024;
const CHUNK_BYTES_MAX: usize = 50 * 1024 * 1024;

/// Whether the server gives addresses for whole files.
#[derive(Clone, Copy, PartialEq)]
pub enum Direct {
    NotOffered,
    Offered,
    /// Each address is over when it is used for the first time.
    Over,
}

#[derive(Clone)]
struct Storage {
    server: FakeServer,
    direct: Direct,
    log: Log,
    sessions: Sessions,
}

/// The rows of the server's database, by the ids of the uploads.
pub type Sessions = Arc<Mutex<BTreeMap<String, Session>>>;

#[derive(Clone)]
pub struct Session {
    name: String,
    mime: String,
    file_size: u64,
    total: u32,
    /// As the document's server counts them: each time that one comes.
    pub received: Vec<u32>,
    size_bytes: u64,
    url: Option<String>,
}

/// A server, and what it was asked and told.
pub struct Watched {
    pub http: DocumentsServer,
    pub log: Log,
    pub sessions: Sessions,
}

pub async fn start(server: FakeServer, direct: Direct) -> DocumentsServer {
    watched(server, direct).await.http
}

pub async fn watched(server: FakeServer, direct: Direct) -> Watched {
    let (log, sessions) = (Log::default(), Sessions::default());
    let storage =
        Storage { server: server.clone(), direct, log: log.clone(), sessions: sessions.clone() };
    let token = ("authorization", "Bearer a-token");
    let is_open = |request: &Request| request.uri().path() == "/api/storage/network-test";
    let gate = Gate { server, log: log.clone(), token, is_open };
    let api = Router::new()
        .route("/api/storage/get-direct-upload-url", get(direct_url))
        .route("/api/storage/init-chunked-upload", post(init))
        .route("/api/storage/upload-chunk", post(chunk))
        .route("/api/storage/complete-chunked-upload", post(complete))
        .route("/api/storage/upload-status", get(status))
        .route("/api/storage/network-test", get(network_test))
        .layer(middleware::from_fn_with_state(gate, pass));
    // The bucket is another server, and knows no token of this one.
    let bucket = Router::new().route("/bucket/{name}", put(put_file));
    let router = api.merge(bucket).layer(DefaultBodyLimit::disable()).with_state(storage);
    Watched { http: DocumentsServer::of(router, log.clone()).await, log, sessions }
}

fn error(status: u16, error: impl Into<String>) -> Response {
    let error: String = error.into();
    let body = Json(json!({ "error": error }));
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

async fn direct_url(
    State(storage): State<Storage>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    if storage.direct == Direct::NotOffered {
        return error(404, "Not found");
    }
    let names: Vec<&str> = query.keys().map(String::as_str).collect();
    if names != ["contentType", "fileName"] {
        return storage.log.violation(format!("the query has {names:?}"));
    }
    if !TYPES.contains(&query["contentType"].as_str()) {
        return error(400, "Unsupported content type");
    }
    let count = storage.log.count("/api/storage/get-direct-upload-url");
    let name = format!("file-{count}");
    let host = headers[header::HOST].to_str().unwrap();
    let session = Session {
        name: query["fileName"].clone(),
        mime: query["contentType"].clone(),
        file_size: 0,
        total: 1,
        received: Vec::new(),
        size_bytes: 0,
        url: None,
    };
    storage.sessions.lock().unwrap().insert(name.clone(), session);
    let upload_url = format!("http://{host}/bucket/{name}?signature=x");
    Json(json!({ "url": format!("https://fake.example/{name}"), "uploadUrl": upload_url }))
        .into_response()
}

async fn put_file(
    State(storage): State<Storage>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if headers.contains_key(header::AUTHORIZATION) || !headers.contains_key(header::CONTENT_LENGTH)
    {
        return storage.log.violation(format!("the file comes with {headers:?}"));
    }
    let Some(session) = storage.sessions.lock().unwrap().get(&name).cloned() else {
        return storage.log.violation("no such address");
    };
    if content_type(&headers) != session.mime {
        return storage.log.violation(format!("the file is {}", content_type(&headers)));
    }
    if storage.direct == Direct::Over && name == "file-1" {
        return error(403, "Request has expired");
    }
    storage.server.open_named(&name).unwrap();
    let id = SessionId(name);
    storage.server.store(&id, 0, body.to_vec()).unwrap();
    storage.server.complete(&id, 1, None).unwrap();
    StatusCode::OK.into_response()
}

async fn init(State(storage): State<Storage>, request: Request) -> Response {
    let names = ["fileName", "fileSize", "contentType", "totalChunks"];
    let asked = match json_object(request, &names).await {
        Ok(asked) => asked,
        Err(why) => return storage.log.violation(why),
    };
    let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| asked[name].as_u64().unwrap_or_default();
    let (name, mime) = (text("fileName"), text("contentType"));
    let (file_size, total) = (number("fileSize"), number("totalChunks"));
    if name.is_empty() || mime.is_empty() || file_size == 0 || total == 0 {
        return error(400, "Missing required parameters");
    }
    if file_size > FILE_BYTES_MAX {
        return error(400, "File size exceeds maximum allowed size");
    }
    if !TYPES.contains(&mime.as_str()) {
        return error(400, "Unsupported content type");
    }
    let opened = match storage.server.open(None, 1, None) {
        Ok(opened) => opened,
        Err(failure) => return error(400, failure.to_string()),
    };
    let total = total as u32;
    let (received, size_bytes, url) = (Vec::new(), 0, None);
    let session = Session { name, mime, file_size, total, received, size_bytes, url };
    storage.sessions.lock().unwrap().insert(opened.session.0.clone(), session);
    let expires = "2026-12-01T10:30:45.000Z";
    Json(json!({ "uploadId": opened.session.0, "expiresAt": expires })).into_response()
}

impl Storage {
    /// Returns an upload that the server has not forgotten.
    fn session(&self, id: &str) -> Option<Session> {
        self.server.parts(&SessionId(id.to_owned())).ok()?;
        self.sessions.lock().unwrap().get(id).cloned()
    }
}

async fn chunk(State(storage): State<Storage>, request: Request) -> Response {
    let form = match StrictForm::read(request, &["uploadId", "chunkIndex"], "chunk").await {
        Ok(form) => form,
        Err(why) => return storage.log.violation(why),
    };
    let index = match form.number("chunkIndex") {
        Ok(index) => index,
        Err(why) => return storage.log.violation(why),
    };
    let id = form.texts["uploadId"].clone();
    let Some(session) = storage.session(&id) else { return error(404, "Upload session not found") };
    if index >= session.total {
        return error(400, "Invalid chunk index");
    }
    if form.file.len() > CHUNK_BYTES_MAX {
        return storage.log.violation(format!("a chunk of {} bytes", form.file.len()));
    }
    let size_bytes = form.file.len() as u64;
    match storage.server.store(&SessionId(id.clone()), index, form.file.to_vec()) {
        Ok(_) => {}
        Err(Failure::PartTooLarge) => return error(413, "maxFileSize exceeded"),
        Err(failure) => return error(400, failure.to_string()),
    }
    let mut sessions = storage.sessions.lock().unwrap();
    let session = sessions.get_mut(&id).unwrap();
    session.received.push(index);
    session.size_bytes += size_bytes;
    Json(json!({ "success": true, "chunkIndex": index, "received": true })).into_response()
}

async fn complete(State(storage): State<Storage>, request: Request) -> Response {
    let asked = match json_object(request, &["uploadId", "fileName", "contentType"]).await {
        Ok(asked) => asked,
        Err(why) => return storage.log.violation(why),
    };
    let id = asked["uploadId"].as_str().unwrap_or_default().to_owned();
    let Some(session) = storage.session(&id) else { return error(404, "Upload session not found") };
    if session.url.is_some() {
        // Its chunks were removed.
        return error(500, "Failed to complete upload");
    }
    if (&asked["fileName"], &asked["contentType"]) != (&json!(session.name), &json!(session.mime)) {
        return storage.log.violation(format!("{asked:?}"));
    }
    if session.received.len() != session.total as usize {
        let body = json!({
            "error": "Not all chunks have been received",
            "receivedChunks": session.received.len(), "totalChunks": session.total,
        });
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    }
    if session.size_bytes != session.file_size {
        return storage.log.violation(format!("{} bytes came", session.size_bytes));
    }
    let link = storage.server.complete(&SessionId(id.clone()), session.total, None).unwrap();
    storage.sessions.lock().unwrap().get_mut(&id).unwrap().url = Some(link.clone());
    Json(json!({
        "success": true, "url": link, "contentType": session.mime, "size": session.file_size,
    }))
    .into_response()
}

async fn status(
    State(storage): State<Storage>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let Some(id) = query.get("uploadId").filter(|_| query.len() == 1) else {
        return storage.log.violation(format!("the query is {query:?}"));
    };
    let Some(session) = storage.session(id) else { return error(404, "Upload session not found") };
    let state = match (&session.url, session.received.is_empty()) {
        (Some(_), _) => "completed",
        (None, true) => "initialized",
        (None, false) => "in-progress",
    };
    let mut body = json!({
        "uploadId": id, "fileName": session.name, "fileSize": session.file_size,
        "contentType": session.mime, "status": state, "totalChunks": session.total,
        "receivedChunks": session.received, "createdAt": "2026-11-30T10:30:45.000Z",
        "lastActivityAt": "2026-11-30T10:30:45.000Z",
    });
    if let Some(url) = session.url {
        body["url"] = Value::String(url);
    }
    Json(body).into_response()
}

async fn network_test(
    State(storage): State<Storage>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let size = query.get("size").filter(|_| query.len() == 1);
    let Some(size) = size.and_then(|size| size.parse::<usize>().ok()) else {
        return storage.log.violation(format!("the query is {query:?}"));
    };
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CACHE_CONTROL, "no-store, no-cache, must-revalidate, proxy-revalidate"),
    ];
    (headers, vec![0_u8; size.min(1024 * 1024)]).into_response()
}
