//! The API of the documents over HTTP, in front of a [`FakeServer`]: what the memory says is answered with
//! the documents' statuses and bodies.

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Multipart, Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};
use snaplark_api::{
    Capabilities, FinalizeRequest, InitRequest, PiecesRequest, Profile, ScreenshotFields,
    VideoList, VideoState, VideoStatus, codes, routes,
};
use snaplark_core::SessionId;
use snaplark_core::upload::{Failure, Receipt};
use snaplark_destinations::fake::{self, ArrivingPicture, FakePicture, FakeServer};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::strict::Log;

/// A listener on this computer. It ends with the test.
pub struct DocumentsServer {
    pub base_url: String,
    task: AbortHandle,
    log: Log,
}

#[derive(Clone)]
struct Memory {
    server: FakeServer,
    profile: Profile,
}

impl DocumentsServer {
    pub async fn start(server: FakeServer, profile: Profile) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}{}", listener.local_addr().unwrap(), routes::PREFIX);
        let memory = Memory { server, profile };
        let api = Router::new()
            .route(routes::CAPABILITIES, get(capabilities))
            .route(routes::INIT, post(init))
            .route(routes::CHUNK, post(chunk))
            .route(routes::FINALIZE, post(finalize))
            .route(&routes::pieces("{session}"), put(pieces))
            .route(routes::SCREENSHOTS, post(screenshot))
            .route(routes::VIDEOS, get(videos))
            .route(&format!("{}/{{session}}", routes::VIDEOS), get(video).patch(rename))
            .layer(middleware::from_fn_with_state(memory.clone(), faults))
            .layer(DefaultBodyLimit::disable())
            .with_state(memory);
        let app = Router::new().nest(routes::PREFIX, api);
        DocumentsServer::at(listener, base_url, app, Log::default())
    }

    /// Serves another document, at an address without a path. What the document forbids fails the test.
    pub async fn of(router: Router, log: Log) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        DocumentsServer::at(listener, base_url, router, log)
    }

    fn at(listener: TcpListener, base_url: String, app: Router, log: Log) -> Self {
        let serving = tokio::spawn(async move { axum::serve(listener, app).await });
        DocumentsServer { base_url, task: serving.abort_handle(), log }
    }

    /// Closes the listener.
    pub fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for DocumentsServer {
    fn drop(&mut self) {
        self.stop();
        if !std::thread::panicking() {
            assert_eq!(self.log.violations(), Vec::<String>::new(), "the document forbids it");
        }
    }
}

/// Ends the connection, asks for a sign-in, or cuts the reply in half after the request was done.
async fn faults(State(memory): State<Memory>, request: Request, next: Next) -> Response {
    if memory.server.is_offline() {
        return half("");
    }
    if request.uri().path().ends_with(routes::CAPABILITIES) {
        return next.run(request).await;
    }
    let has_token =
        request.headers().get(header::AUTHORIZATION).is_some_and(|token| token == "Bearer a-token");
    assert!(has_token, "every request but the probe carries the token");
    if let Err(failure) = memory.server.check_sign_in() {
        read_to_end(request).await;
        return refusal(&failure);
    }
    let response = next.run(request).await;
    match memory.server.cuts_reply() {
        true => half("{\"success\":tr"),
        false => response,
    }
}

/// Reads a request that is refused, as the cloud does: a connection that is closed with unread bytes is reset, and on
/// Windows the client then loses an answer that it has received already.
pub async fn read_to_end(request: Request) {
    axum::body::to_bytes(request.into_body(), usize::MAX).await.ok();
}

/// Returns an answer whose connection ends before its body does.
pub fn half(body: &'static str) -> Response {
    let pieces = [Ok(body), Err(std::io::Error::other("cut"))];
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    (StatusCode::OK, [(header::CONTENT_LENGTH, "200")], body).into_response()
}

async fn capabilities(State(memory): State<Memory>) -> Json<Capabilities> {
    Json(Capabilities {
        server: Capabilities::SERVER.into(),
        version: "1".into(),
        framings: vec![memory.profile.framing()],
        part_bytes_max: u64::MAX,
        parts_in_flight_max: 2,
        parts_cut_anywhere: false,
        link_template: None,
        sign_in: None,
        screenshots: Some(fake::screenshots()),
        videos: Some(fake::videos()),
    })
}

async fn init(State(memory): State<Memory>, Json(body): Json<InitRequest>) -> Response {
    let form = matches!(body.timestamp, snaplark_api::Timestamp::Number(_));
    assert_eq!(form, memory.profile == Profile::Snaplark, "init has the profile's form");
    answer(
        memory.server.open(body.recording_id, body.version.unwrap_or(1), body.title),
        |opened| json!({ "success": true, "sessionId": opened.session.0, "videoUrl": opened.link }),
    )
}

async fn chunk(State(memory): State<Memory>, mut form: Multipart) -> Response {
    let (mut session, mut index, mut bytes) = (String::new(), 0, Vec::new());
    while let Some(field) = form.next_field().await.unwrap() {
        match field.name() {
            Some("sessionId") => session = field.text().await.unwrap(),
            Some("chunkIndex") => index = field.text().await.unwrap().parse().unwrap(),
            Some("chunk") => bytes = field.bytes().await.unwrap().to_vec(),
            other => panic!("a field that no document names: {other:?}"),
        }
    }
    let stored = memory.server.store(&SessionId(session.clone()), index, bytes);
    answer(stored, |_: Receipt| match memory.profile {
        Profile::Snaplark => json!({ "received": true, "chunkIndex": index }),
        _ => {
            json!({ "success": true, "sessionId": session, "receivedChunkIndex": index })
        }
    })
}

async fn pieces(
    State(memory): State<Memory>,
    Path(session): Path<String>,
    Json(body): Json<PiecesRequest>,
) -> Response {
    let listed = memory.server.list_pieces(&SessionId(session.clone()), &body);
    answer(
        listed,
        |missing_chunks| json!({ "success": true, "sessionId": session, "version": 2, "missingChunks": missing_chunks }),
    )
}

async fn screenshot(State(memory): State<Memory>, mut form: Multipart) -> Response {
    let (mut id, mut version, mut title, mut bytes) = (None, 1, None, Vec::new());
    while let Some(field) = form.next_field().await.unwrap() {
        match field.name() {
            Some(ScreenshotFields::RECORDING_ID) => {
                id = Some(field.text().await.unwrap().parse().unwrap());
            }
            Some(ScreenshotFields::VERSION) => {
                version = field.text().await.unwrap().parse().unwrap();
            }
            Some(ScreenshotFields::TITLE) => title = Some(field.text().await.unwrap()),
            Some("file") => {
                assert_eq!(field.content_type(), Some("image/png"));
                assert_eq!(field.file_name(), Some("Checkout.png"));
                bytes = field.bytes().await.unwrap().to_vec();
            }
            other => panic!("a field that no document names: {other:?}"),
        }
    }
    let picture = FakePicture { version, bytes, title };
    answer(
        memory.server.take_picture(ArrivingPicture { id, picture }),
        |link| json!({ "success": true, "url": format!("{link}.png"), "pageUrl": link }),
    )
}

async fn finalize(State(memory): State<Memory>, Json(body): Json<FinalizeRequest>) -> Response {
    let session = SessionId(body.session_id.clone());
    answer(memory.server.complete(&session, body.total_chunks, None), |link| match memory.profile {
        Profile::Snaplark => json!({ "key": body.session_id, "url": link }),
        _ => json!({ "success": true, "videoUrl": link }),
    })
}

async fn video(State(memory): State<Memory>, Path(session): Path<String>) -> Response {
    let session = SessionId(session);
    let damaged = damage_of(&memory.server, &session);
    answer(memory.server.parts(&session), |received| {
        let indices = received.parts.iter().map(|(index, _)| *index).chain(damaged.clone());
        json!(status(&session, indices.collect(), received.finished, damaged.clone()))
    })
}

async fn videos(State(memory): State<Memory>, Query(query): Query<Value>) -> Json<VideoList> {
    assert_eq!(query["damaged"], "true");
    let found = memory.server.completed().into_iter().map(|session| {
        let damaged = damage_of(&memory.server, &session);
        status(&session, Vec::new(), true, damaged)
    });
    Json(VideoList { success: true, videos: found.collect(), next_cursor: None })
}

async fn rename(
    State(memory): State<Memory>,
    Path(session): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let session = SessionId(session);
    answer(memory.server.parts(&session), |_| {
        memory.server.set_title(&session, body["title"].as_str().unwrap());
        json!({ "success": true })
    })
}

fn damage_of(server: &FakeServer, session: &SessionId) -> Vec<u32> {
    let damaged = server.damaged_parts();
    damaged.into_iter().filter(|(id, _)| id == session).flat_map(|(_, parts)| parts).collect()
}

fn status(
    session: &SessionId,
    received: Vec<u32>,
    finished: bool,
    damaged: Vec<u32>,
) -> VideoStatus {
    VideoStatus {
        success: true,
        session_id: session.0.clone(),
        video_id: session.0.clone(),
        video_url: String::new(),
        state: VideoState::Completed,
        total_chunks: finished.then_some(received.len() as u32),
        received_chunks: received,
        size_bytes: 0,
        duration_ms: 0,
        filename: None,
        created_unix_ms: None,
        damaged_chunks: damaged,
    }
}

fn answer<T>(outcome: Result<T, Failure>, body: impl FnOnce(T) -> Value) -> Response {
    match outcome {
        Ok(done) => Json(body(done)).into_response(),
        Err(failure) => refusal(&failure),
    }
}

/// Returns the documents' status for a failure.
fn refusal(failure: &Failure) -> Response {
    let (status, missing) = match failure {
        Failure::SignedOut => (401, Vec::new()),
        Failure::SessionUnknown => (404, Vec::new()),
        Failure::PartsMissing { indices } => (409, indices.clone()),
        Failure::PartTooLarge => (413, Vec::new()),
        Failure::PartRefused { .. } => (422, Vec::new()),
        Failure::Refused { .. } => (400, Vec::new()),
        Failure::NewerVersion { .. } => (409, Vec::new()),
        other => panic!("the memory never says {other:?}"),
    };
    let mut body = json!({
        "success": false, "error": "no", "message": failure.to_string(), "missingChunks": missing,
    });
    if let Failure::NewerVersion { served, .. } = failure {
        (body["code"], body["servedVersion"]) = (json!(codes::NEWER_VERSION), json!(served));
    }
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}
