//! Servers as somebody would build them from one of the documents alone. They accept what it requires and
//! nothing else: an extra field, another type or a wrong order is a violation, which is recorded with its
//! request and answered as the document says. They have no capabilities endpoint and nothing of ours.
//!
//! - [`Kind::Joined`]: the first half of the Backend API Specification: any order, parts joined with `cat`,
//!   the link in finalize's answer.
//! - [`Kind::Laravel`]: its implementation guide: each part must be WebM by its own bytes (`mimes:webm`),
//!   parts are joined with `ffmpeg -f concat`, and finalize returns no link.
//! - [`Kind::CloudUpload`]: the Cloud Upload page: parts in order, of at least 5 MiB except the last.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::{HeaderMap, StatusCode, header, request};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// 000: `max:10240`, in KiB.
const CHUNK_BYTES_MAX: usize = 10_240 * 1024;
/// 004: S3 takes no smaller part except the last.
const CHUNK_BYTES_MIN: usize = 5 * 1024 * 1024;
/// A part and its fields.
const BODY_BYTES_MAX: usize = CHUNK_BYTES_MAX + 64 * 1024;
/// The number of bytes of a refused body that are shown.
const SHOWN_BYTES: usize = 600;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Joined,
    Laravel,
    CloudUpload,
}

/// A server that stops when its guard is dropped. Needs a tokio runtime around it.
pub struct DocumentServer {
    address: SocketAddr,
    pub token: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    kind: Kind,
    token: String,
    folder: PathBuf,
    sessions: Mutex<BTreeMap<String, Session>>,
    violations: Mutex<Vec<String>>,
}

#[derive(Default)]
struct Session {
    init: Map<String, Value>,
    chunks: BTreeMap<u64, usize>,
    finalized: Option<f64>,
}

/// A finished video, as the server has it.
#[derive(Clone, Debug)]
pub struct Assembled {
    pub file: PathBuf,
    pub chunk_bytes: Vec<usize>,
    /// The duration as finalize sent it, in the document's unit.
    pub duration: f64,
    pub link: Option<String>,
}

impl DocumentServer {
    pub async fn start(kind: Kind, folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let token = format!("{}|{}", 1, uuid::Uuid::new_v4().simple());
        let shared = Arc::new(Shared {
            kind,
            token: token.clone(),
            folder: folder.into(),
            sessions: Mutex::default(),
            violations: Mutex::default(),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let router = router.layer(DefaultBodyLimit::disable());
        let task = tokio::spawn(async move {
            // It ends with the task.
            axum::serve(listener, router).await.ok();
        });
        Ok(Self { address, token, shared, task })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the requests that the document does not allow, each with the reason.
    pub fn violations(&self) -> Vec<String> {
        lock(&self.shared.violations).clone()
    }

    /// Returns the one video that was finalized, joined as the document says.
    pub fn assembled(&self) -> Result<Assembled> {
        let sessions = lock(&self.shared.sessions);
        let mut finalized = sessions.iter().filter(|(_, session)| session.finalized.is_some());
        let (Some((id, session)), None) = (finalized.next(), finalized.next()) else {
            bail!("there is not one finalized session");
        };
        let file = match self.shared.kind {
            Kind::Joined | Kind::CloudUpload => self.shared.cat(id, session)?,
            Kind::Laravel => self.shared.concat(id, session)?,
        };
        Ok(Assembled {
            file,
            chunk_bytes: session.chunks.values().copied().collect(),
            duration: session.finalized.unwrap_or_default(),
            link: self.shared.link(id),
        })
    }
}

impl Drop for DocumentServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The status and the reason of a refused request.
struct Refusal(StatusCode, String);

type Checked<T> = std::result::Result<T, Refusal>;

fn no<T>(why: impl Into<String>) -> Checked<T> {
    Err(Refusal(StatusCode::UNPROCESSABLE_ENTITY, why.into()))
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let (method, path) = (head.method.as_str().to_owned(), head.uri.path().to_owned());
    if (method.as_str(), path.as_str()) == ("GET", "/api/v1/capabilities") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let checked = match to_bytes(body, BODY_BYTES_MAX).await {
        Ok(body) => {
            let checked = match (method.as_str(), path.as_str()) {
                ("POST", "/api/v1/videos/init") => shared.init(&head.headers, &body),
                ("POST", "/api/v1/videos/chunk") => shared.chunk(&head, &body).await,
                ("POST", "/api/v1/videos/finalize") => shared.finalize(&head.headers, &body),
                _ => Err(Refusal(StatusCode::NOT_FOUND, "the document knows no such route".into())),
            };
            checked.map_err(|refusal| (refusal, body))
        }
        Err(error) => {
            let why = Refusal(StatusCode::PAYLOAD_TOO_LARGE, error.to_string());
            Err((why, Bytes::new()))
        }
    };
    match checked {
        Ok(answer) => axum::Json(answer).into_response(),
        Err((Refusal(status, why), body)) => {
            let shown = String::from_utf8_lossy(&body[..body.len().min(SHOWN_BYTES)]).into_owned();
            let request = format!("{method} {path}\n{:#?}\n{shown}", head.headers);
            lock(&shared.violations).push(format!("{why} ({status}):\n{request}"));
            (status, axum::Json(json!({ "message": why }))).into_response()
        }
    }
}

impl Shared {
    fn init(&self, headers: &HeaderMap, body: &[u8]) -> Checked<Value> {
        self.signed_in(headers)?;
        let init = json_object(headers, body)?;
        let names = ["filename", "timestamp", "fps", "codec", "bitrate", "resolution"];
        only(&init, &names, &names)?;
        self.metadata(&init)?;
        let id = uuid::Uuid::new_v4().to_string();
        let session = Session { init, ..Session::default() };
        lock(&self.sessions).insert(id.clone(), session);
        Ok(match self.kind {
            Kind::Joined | Kind::Laravel => json!({
                "success": true, "sessionId": id, "message": "Upload session initialized"
            }),
            Kind::CloudUpload => json!({ "sessionId": id }),
        })
    }

    /// Checks what init and finalize's `metadata` have in common.
    fn metadata(&self, of: &Map<String, Value>) -> Checked<()> {
        let filename = text(of, "filename")?;
        if filename.chars().count() > 255 {
            return no("filename: max:255");
        }
        whole(of, "fps", 1..=120)?;
        whole(of, "bitrate", 100_000..=10_000_000)?;
        match self.kind {
            Kind::Joined | Kind::Laravel => {
                text(of, "timestamp")?;
                let codec = text(of, "codec")?;
                if codec != "video/webm;codecs=vp9" {
                    return no(format!("codec is '{codec}', not video/webm;codecs=vp9"));
                }
                let Some(size) = of["resolution"].as_object() else {
                    return no("resolution is no object");
                };
                only(size, &["width", "height"], &["width", "height"])?;
                whole(size, "width", 1..=7680)?;
                whole(size, "height", 1..=4320)?;
            }
            Kind::CloudUpload => {
                if !of["timestamp"].is_i64() {
                    return no("timestamp is no number");
                }
                let codec = text(of, "codec")?;
                if codec != "vp9" {
                    return no(format!("codec is '{codec}', not vp9"));
                }
                let size = text(of, "resolution")?;
                let numbers: Option<Vec<u32>> =
                    size.split('x').map(|number| number.parse().ok()).collect();
                if numbers.is_none_or(|numbers| numbers.len() != 2) {
                    return no(format!("resolution is '{size}', not WIDTHxHEIGHT"));
                }
            }
        }
        Ok(())
    }

    async fn chunk(&self, head: &request::Parts, body: &Bytes) -> Checked<Value> {
        self.signed_in(&head.headers)?;
        let form = Form::read(head, body).await?;
        if form.index.is_empty() || !form.index.bytes().all(|byte| byte.is_ascii_digit()) {
            return no(format!("chunkIndex is '{}', not ^\\d+$", form.index));
        }
        let index: u64 = form.index.parse().or_else(|_| no("chunkIndex is too large"))?;
        let mut sessions = lock(&self.sessions);
        let Some(session) = sessions.get_mut(&form.session) else {
            return Err(Refusal(StatusCode::NOT_FOUND, "no such session".into()));
        };
        if session.finalized.is_some() {
            return no("a chunk after finalize");
        }
        match self.kind {
            Kind::Joined => {}
            Kind::Laravel => {
                if !is_webm(&form.chunk) {
                    return no("chunk: mimes:webm (its bytes are no WebM)");
                }
            }
            Kind::CloudUpload => in_order(session, index)?,
        }
        let file = self.chunk_file(&form.session, index);
        std::fs::write(&file, &form.chunk).or_else(|error| no(error.to_string()))?;
        session.chunks.insert(index, form.chunk.len());
        Ok(match self.kind {
            Kind::Joined | Kind::Laravel => json!({
                "success": true,
                "receivedChunkIndex": index,
                "sessionId": form.session,
                "totalChunksReceived": session.chunks.len(),
                "message": "Chunk received"
            }),
            Kind::CloudUpload => json!({ "received": true, "chunkIndex": index }),
        })
    }

    fn finalize(&self, headers: &HeaderMap, body: &[u8]) -> Checked<Value> {
        self.signed_in(headers)?;
        let asked = json_object(headers, body)?;
        let names = ["sessionId", "totalChunks", "uploadedChunks", "duration", "metadata"];
        only(&asked, &names, &names)?;
        let id = text(&asked, "sessionId")?;
        let total = whole(&asked, "totalChunks", 1..=10_000)?;
        let mut sessions = lock(&self.sessions);
        let Some(session) = sessions.get_mut(id) else {
            return Err(Refusal(StatusCode::NOT_FOUND, "no such session".into()));
        };
        let listed: Option<Vec<u64>> = asked["uploadedChunks"]
            .as_array()
            .and_then(|all| all.iter().map(Value::as_u64).collect());
        if listed.as_ref() != Some(&(0..total as u64).collect()) {
            return no("uploadedChunks does not list every chunk once, in order");
        }
        if !session.chunks.keys().copied().eq(0..total as u64) {
            return no(format!("the server has the chunks {:?}", session.chunks.keys()));
        }
        let duration = match self.kind {
            Kind::Joined | Kind::Laravel => whole(&asked, "duration", 0..=i64::MAX)? as f64,
            Kind::CloudUpload => match asked["duration"].as_f64() {
                Some(seconds) if seconds >= 0.0 => seconds,
                _ => return no("duration is no number of seconds"),
            },
        };
        let Some(metadata) = asked["metadata"].as_object() else {
            return no("metadata is no object");
        };
        let names = ["filename", "timestamp", "fps", "codec", "bitrate", "resolution"];
        only(metadata, &names, &names)?;
        self.metadata(metadata)?;
        if *metadata != session.init {
            return no("metadata differs from init's");
        }
        session.finalized = Some(duration);
        Ok(match self.kind {
            Kind::Joined => json!({
                "success": true,
                "sessionId": id,
                "videoId": id,
                "videoUrl": self.link(id),
                "message": "Video assembled successfully"
            }),
            Kind::Laravel => json!({
                "success": true,
                "sessionId": id,
                "message": "Video assembly started",
                "note": "Video is being processed. Poll /api/v1/videos/{sessionId} or use \
                         webhooks to get final video URL."
            }),
            Kind::CloudUpload => json!({
                "key": format!("videos/{id}/recording.webm"), "url": self.link(id)
            }),
        })
    }

    fn link(&self, id: &str) -> Option<String> {
        match self.kind {
            Kind::Joined => Some(format!("https://snaplark.example/videos/{id}")),
            Kind::Laravel => None,
            Kind::CloudUpload => {
                Some(format!("https://cdn.snaplark.example/videos/{id}/recording.webm"))
            }
        }
    }

    fn signed_in(&self, headers: &HeaderMap) -> Checked<()> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if header(header::AUTHORIZATION) != Some(&format!("Bearer {}", self.token)) {
            return Err(Refusal(StatusCode::UNAUTHORIZED, "Unauthenticated.".into()));
        }
        // Laravel answers anything else with a redirect to a page.
        if header(header::ACCEPT) != Some("application/json") {
            return no("Accept is not application/json");
        }
        Ok(())
    }

    fn chunk_file(&self, session: &str, index: u64) -> PathBuf {
        self.folder.join(format!("{session}_chunk_{index}.webm"))
    }

    /// Joins parts as 000 does: `cat chunk_0.webm chunk_1.webm … > final.webm`. S3 joins a multipart upload
    /// in the same way.
    fn cat(&self, id: &str, session: &Session) -> Result<PathBuf> {
        let whole = self.folder.join(format!("{id}.webm"));
        let mut to = std::fs::File::create(&whole)?;
        for index in session.chunks.keys() {
            let mut from = std::fs::File::open(self.chunk_file(id, *index))?;
            std::io::copy(&mut from, &mut to)?;
        }
        Ok(whole)
    }

    /// Joins parts as 000's guide does: `ffmpeg -f concat -safe 0 -i filelist.txt -c copy final.webm`.
    fn concat(&self, id: &str, session: &Session) -> Result<PathBuf> {
        let list = self.folder.join(format!("{id}_filelist.txt"));
        let row = |index: &u64| format!("file '{}'\n", self.chunk_file(id, *index).display());
        std::fs::write(&list, session.chunks.keys().map(row).collect::<String>())?;
        let whole = self.folder.join(format!("{id}_output.webm"));
        let output = Command::new("ffmpeg")
            .args(["-v", "error", "-y", "-f", "concat", "-safe", "0", "-i"])
            .arg(&list)
            .args(["-c", "copy"])
            .arg(&whole)
            .stdin(Stdio::null())
            .output()
            .context("ffmpeg can't be started")?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() || !said.trim().is_empty() {
            bail!("ffmpeg -f concat ({}): {said}", output.status);
        }
        Ok(whole)
    }
}

/// Checks the order of an S3 multipart upload: each part follows the one before or repeats it, and only the
/// last is small.
fn in_order(session: &Session, index: u64) -> Checked<()> {
    let next = session.chunks.len() as u64;
    if index != next && index + 1 != next {
        return no(format!("chunk {index} where {next} is due"));
    }
    let before = session.chunks.iter().filter(|(before, _)| **before < index);
    for (before, bytes) in before {
        if *bytes < CHUNK_BYTES_MIN {
            return no(format!("chunk {before} has {bytes} bytes, and is not the last"));
        }
    }
    Ok(())
}

/// A chunk's form: these three fields, once each, and nothing else.
struct Form {
    session: String,
    index: String,
    chunk: Bytes,
}

impl Form {
    async fn read(head: &request::Parts, body: &Bytes) -> Checked<Self> {
        let request = Request::from_parts(head.clone(), Body::from(body.clone()));
        let unread = |why: String| Refusal(StatusCode::BAD_REQUEST, why);
        let mut fields = Multipart::from_request(request, &())
            .await
            .map_err(|error| unread(error.body_text()))?;
        let (mut session, mut index, mut chunk) = (None, None, None);
        while let Some(field) =
            fields.next_field().await.map_err(|error| unread(error.body_text()))?
        {
            let name = field.name().unwrap_or_default().to_owned();
            let file = field.file_name().map(str::to_owned);
            let bytes = field.bytes().await.map_err(|error| unread(error.body_text()))?;
            let text = || String::from_utf8_lossy(&bytes).into_owned();
            let again = match (name.as_str(), &file) {
                ("sessionId", None) => session.replace(text()).is_some(),
                ("chunkIndex", None) => index.replace(text()).is_some(),
                ("chunk", Some(_)) => chunk.replace(bytes).is_some(),
                _ => return no(format!("the field '{name}' (file {file:?}) is not asked for")),
            };
            if again {
                return no(format!("'{name}' comes twice"));
            }
        }
        let (Some(session), Some(index), Some(chunk)) = (session, index, chunk) else {
            return no("sessionId, chunkIndex and chunk are required");
        };
        if chunk.is_empty() || chunk.len() > CHUNK_BYTES_MAX {
            let why = format!("chunk has {} bytes: max:10240", chunk.len());
            return Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, why));
        }
        Ok(Self { session, index, chunk })
    }
}

/// Returns whether libmagic, and so Laravel's `mimes`, would call the bytes video/webm: an EBML head, and
/// the DocType in its first 4 KiB.
fn is_webm(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(4096)];
    let doc_type = head.windows(7).find(|seven| seven.starts_with(&[0x42, 0x82]));
    head.starts_with(&[0x1A, 0x45, 0xDF, 0xA3])
        && doc_type.is_some_and(|doc_type| &doc_type[3..] == b"webm")
}

fn json_object(headers: &HeaderMap, body: &[u8]) -> Checked<Map<String, Value>> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if kind != Some("application/json") {
        return no(format!("Content-Type is {kind:?}"));
    }
    serde_json::from_slice(body)
        .map_err(|error| Refusal(StatusCode::BAD_REQUEST, format!("no JSON object: {error}")))
}

fn only(object: &Map<String, Value>, allowed: &[&str], required: &[&str]) -> Checked<()> {
    for name in object.keys() {
        if !allowed.contains(&name.as_str()) {
            return no(format!("the field '{name}' is not asked for"));
        }
    }
    for &name in required {
        if !object.contains_key(name) {
            return no(format!("{name} is required"));
        }
    }
    Ok(())
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Checked<&'a str> {
    match object.get(name).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => Ok(text),
        _ => no(format!("{name} is no text")),
    }
}

fn whole(
    object: &Map<String, Value>,
    name: &str,
    range: std::ops::RangeInclusive<i64>,
) -> Checked<i64> {
    match object.get(name).and_then(Value::as_i64) {
        Some(number) if range.contains(&number) => Ok(number),
        _ => no(format!("{name} is no whole number in {range:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webm_is_told_from_its_clusters() {
        let head = [&[0x1A, 0x45, 0xDF, 0xA3, 0x87, 0x42, 0x82, 0x84][..], b"webm"].concat();
        assert!(is_webm(&head));
        let matroska =
            [&[0x1A, 0x45, 0xDF, 0xA3, 0x8B, 0x42, 0x82, 0x88][..], b"matroska"].concat();
        assert!(!is_webm(&matroska));
        assert!(!is_webm(&[0x1F, 0x43, 0xB6, 0x75, 0x80]));
    }

    #[test]
    fn parts_come_in_order_and_only_the_last_is_small() {
        let mut session = Session::default();
        assert!(in_order(&session, 1).is_err());
        assert!(in_order(&session, 0).is_ok());
        session.chunks.insert(0, CHUNK_BYTES_MIN);
        assert!(in_order(&session, 0).is_ok(), "its answer was lost");
        session.chunks.insert(1, 5);
        assert!(in_order(&session, 1).is_ok());
        assert!(in_order(&session, 2).is_err(), "chunk 1 was small");
    }
}
