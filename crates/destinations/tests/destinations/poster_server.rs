//! A strict server of seed 002 in front of a [`FakeServer`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router, middleware};
use serde_json::json;
use snaplark_core::SessionId;
use snaplark_core::upload::Failure;
use snaplark_destinations::fake::FakeServer;

use crate::documents_server::DocumentsServer;
use crate::strict::{Gate, Log, StrictForm, json_object, pass, wrong_method};

/// "Chunk Size: 1MB (1024 * 1024 bytes)", "max 50MB".
const CHUNK_BYTES_MAX: usize = 1024 * 1024;
const CHUNKS_MAX: u32 = 50;

/// The server's row of an upload whose chunks it has joined.
#[derive(Clone, Copy, PartialEq)]
pub enum Memory {
    Keeps,
    /// "Temporary chunk files deleted", as the document says.
    Forgets,
}

/// The title and the description of a video, by its name.
pub type Titles = Arc<Mutex<BTreeMap<String, (String, String)>>>;

#[derive(Clone)]
struct Poster {
    server: FakeServer,
    memory: Memory,
    log: Log,
    titles: Titles,
    /// The number of chunks that each upload was said to have, and how many came.
    totals: Arc<Mutex<BTreeMap<String, (u32, u32)>>>,
}

/// A server, and what it was asked and told.
pub struct Watched {
    pub http: DocumentsServer,
    pub log: Log,
    pub titles: Titles,
}

pub async fn start(server: FakeServer, memory: Memory) -> DocumentsServer {
    watched(server, memory).await.http
}

pub async fn watched(server: FakeServer, memory: Memory) -> Watched {
    let (log, titles) = (Log::default(), Titles::default());
    let poster = Poster {
        server: server.clone(),
        memory,
        log: log.clone(),
        titles: titles.clone(),
        totals: Arc::default(),
    };
    // The document says nothing of accounts; its own client sends this header.
    let token = ("token", "a-token");
    // The probe of a client has no token, and no effect.
    let is_open = |request: &Request| request.method() == Method::GET;
    let gate = Gate { server, log: log.clone(), token, is_open };
    let router = Router::new()
        .route("/api/poster/video/chunk", post(chunk))
        .route("/api/poster/video/finalize", post(finalize).get(wrong_method))
        .route("/api/videos/metadata", post(metadata))
        .layer(middleware::from_fn_with_state(gate, pass))
        .layer(DefaultBodyLimit::disable())
        .with_state(poster);
    Watched { http: DocumentsServer::of(router, log.clone()).await, log, titles }
}

async fn chunk(State(poster): State<Poster>, request: Request) -> Response {
    let texts = ["chunkIndex", "uploadId", "totalChunks"];
    let form = match StrictForm::read(request, &texts, "chunk").await {
        Ok(form) => form,
        Err(why) => return poster.log.violation(why),
    };
    let (index, total) = match (form.number("chunkIndex"), form.number("totalChunks")) {
        (Ok(index), Ok(total)) => (index, total),
        (Err(why), _) | (_, Err(why)) => return poster.log.violation(why),
    };
    let upload = form.texts["uploadId"].clone();
    let before = poster.totals.lock().unwrap().get(&upload).copied();
    let (total_before, next) = before.unwrap_or((total, 0));
    if total != total_before || index >= total || total > CHUNKS_MAX {
        return poster.log.violation(format!("chunk {index} of {total}, once {total_before}"));
    }
    if index > next {
        return poster.log.violation(format!("chunk {index} before chunk {next}"));
    }
    if form.file.len() > CHUNK_BYTES_MAX {
        return poster.log.violation(format!("a chunk of {} bytes", form.file.len()));
    }
    let session = SessionId(upload.clone());
    let stored = poster
        .server
        .open_named(&upload)
        .and_then(|()| poster.server.store(&session, index, form.file.to_vec()));
    if let Err(failure) = stored {
        return refusal(&failure);
    }
    poster.totals.lock().unwrap().insert(upload, (total, next.max(index + 1)));
    Json(json!({ "success": true, "chunkId": format!("chunk_{index}") })).into_response()
}

async fn finalize(State(poster): State<Poster>, request: Request) -> Response {
    let asked = match json_object(request, &["uploadId", "filename", "totalChunks"]).await {
        Ok(asked) => asked,
        Err(why) => return poster.log.violation(why),
    };
    let (Some(upload), Some(name), Some(total)) =
        (asked["uploadId"].as_str(), asked["filename"].as_str(), asked["totalChunks"].as_u64())
    else {
        return poster.log.violation(format!("{asked:?}"));
    };
    let ending = name.rsplit('.').next().unwrap_or_default();
    if !["mp4", "mov", "webm"].contains(&ending) {
        return poster.log.violation(format!("the name is '{name}'"));
    }
    let session = SessionId(upload.to_owned());
    let is_joined = poster.server.completed().contains(&session);
    if is_joined && poster.memory == Memory::Forgets {
        let body = json!({ "message": "ENOENT: no such file, open '/tmp/chunks/chunk_0'" });
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response();
    }
    match poster.server.complete(&session, total as u32, None) {
        Ok(link) => {
            let filename = format!("video_{upload}.{ending}");
            poster.titles.lock().unwrap().entry(filename.clone()).or_default();
            Json(json!({ "success": true, "filename": filename, "url": link })).into_response()
        }
        Err(failure) => refusal(&failure),
    }
}

async fn metadata(State(poster): State<Poster>, request: Request) -> Response {
    let told = match json_object(request, &["filename", "title", "description"]).await {
        Ok(told) => told,
        Err(why) => return poster.log.violation(why),
    };
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    let mut titles = poster.titles.lock().unwrap();
    match titles.get_mut(&text("filename")) {
        Some(title) => {
            *title = (text("title"), text("description"));
            Json(json!({ "success": true })).into_response()
        }
        None => poster.log.violation(format!("there is no file '{}'", text("filename"))),
    }
}

fn refusal(failure: &Failure) -> Response {
    let (status, missing) = match failure {
        Failure::SessionUnknown => (404, None),
        Failure::PartsMissing { indices } => (409, Some(indices.clone())),
        Failure::PartTooLarge => (413, None),
        Failure::Refused { .. } | Failure::PartRefused { .. } => (400, None),
        other => panic!("the memory never says {other:?}"),
    };
    let mut body = json!({ "message": failure.to_string() });
    if let Some(missing) = missing {
        body["missingChunks"] = json!(missing);
    }
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}
