//! Serves recordings and videos that were brought in to the library's player as seekable files, by HTTP byte ranges on loopback.
//!
//! Measured with WebKitGTK 2.50 on Debian 12 and the packages that Snaplark depends on:
//! `MediaSource.isTypeSupported('video/webm; codecs="vp9,opus"')` is false, because Media Source Extensions
//! need `opusparse` of gst-plugins-bad, while the same recording plays and seeks as a plain file. WebKitGTK
//! hands only http(s) and blob URLs to GStreamer, not custom schemes.
//!
//! Access: the listener accepts connections from this computer only. Each recording's address contains a random key
//! of its own of 122 bits, which only windows that may play that recording get and which is never logged. Without
//! the key, other users
//! of this computer and pages in a browser get 404 for every request. No answer names an allowed origin
//! (CORS), so no page may read one. A request for another host than the address (DNS rebinding) gets 404
//! too. `Cross-Origin-Resource-Policy` is not sent, because it would block the player itself: windows have
//! an origin of their own. Nothing is written.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use snaplark_app::{App, AppError, WholeMedia};
use tokio::net::TcpListener;
use tokio::sync::OnceCell;

/// The server, started when the first recording is played.
#[derive(Default)]
pub struct MediaServer {
    base: OnceCell<String>,
    keys: Keys,
}

/// The key of each recording whose address was asked for, by its id.
type Keys = Arc<Mutex<HashMap<String, String>>>;

#[derive(Clone)]
struct Served {
    app: App,
    /// `127.0.0.1:PORT`
    host: Arc<str>,
    keys: Keys,
}

impl MediaServer {
    /// Returns the address of a recording's file.
    pub async fn address(&self, app: &App, id: &str) -> std::io::Result<String> {
        let base = self.base.get_or_try_init(|| start(app.clone(), self.keys.clone())).await?;
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || uuid::Uuid::new_v4().simple().to_string();
        let key = keys.entry(id.to_owned()).or_insert_with(new);
        Ok(format!("{base}/{key}/{id}"))
    }
}

async fn start(app: App, keys: Keys) -> std::io::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let host: Arc<str> = listener.local_addr()?.to_string().into();
    let base = format!("http://{host}");
    let served = Served { app, host, keys };
    let router = Router::new().route("/{key}/{id}", get(serve)).with_state(served);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::warn!(%error, "media server ended");
        }
    });
    Ok(base)
}

async fn serve(
    State(served): State<Served>,
    Path((key, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
    if !opens(&served.keys, &key, &id) || host != Some(served.host.as_bytes()) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Ok(id) = id.parse() else { return StatusCode::NOT_FOUND.into_response() };
    let whole = match open(&served.app, id).await {
        Ok(whole) => whole,
        Err(error) => {
            tracing::debug!(%error, "media not served");
            return StatusCode::NOT_FOUND.into_response();
        }
    };
    let size = whole.size_bytes();
    let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let range = match asked.map(|asked| byte_range(asked, size)) {
        None => None,
        Some(Some(range)) => Some(range),
        Some(None) => {
            let size = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            return (StatusCode::RANGE_NOT_SATISFIABLE, size).into_response();
        }
    };
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let part = range.clone().unwrap_or(0..size);
    let kind = HeaderValue::from_str(whole.mime());
    let mut response = (status, body(Arc::new(whole), part.clone())).into_response();
    let headers = response.headers_mut();
    let unknown = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, kind.unwrap_or(unknown));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_LENGTH, (part.end - part.start).into());
    if range.is_some() {
        let place = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        if let Ok(place) = HeaderValue::from_str(&place) {
            headers.insert(header::CONTENT_RANGE, place);
        }
    }
    response
}

/// Returns whether that is the key of that recording.
fn opens(keys: &Keys, key: &str, id: &str) -> bool {
    let keys = keys.lock().unwrap_or_else(PoisonError::into_inner);
    keys.get(id).is_some_and(|of| of == key)
}

async fn open(app: &App, id: snaplark_app::RecordingId) -> Result<WholeMedia, AppError> {
    let media = app.media(id).await?;
    tokio::task::spawn_blocking(move || media.whole()).await.map_err(|_| AppError::Closing)?
}

/// Streams the body segment by segment, as fast as the player reads.
fn body(whole: Arc<WholeMedia>, part: Range<u64>) -> Body {
    let chunks = futures_util::stream::try_unfold(part, move |part| {
        let whole = whole.clone();
        async move {
            if part.is_empty() {
                return Ok(None);
            }
            let start = part.start;
            let read = tokio::task::spawn_blocking(move || whole.read_at(start)).await;
            let mut bytes = read
                .map_err(|error| std::io::Error::other(error.to_string()))?
                .map_err(|error| std::io::Error::other(error.to_string()))?;
            bytes.truncate(usize::try_from(part.end - part.start).unwrap_or(usize::MAX));
            if bytes.is_empty() {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
            }
            let next = start + bytes.len() as u64..part.end;
            Ok(Some((bytes, next)))
        }
    });
    Body::from_stream(chunks)
}

/// Parses the one range of a `Range` header. Returns `None` if it can't be satisfied.
fn byte_range(asked: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = asked.trim().strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(tail)) if first.is_empty() => size.saturating_sub(tail)..size,
        _ => return None,
    };
    (!range.is_empty()).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_of_a_recording_opens_no_other() {
        let keys = Keys::default();
        keys.lock()
            .unwrap()
            .extend([("a", "1"), ("b", "2")].map(|(id, key)| (id.into(), key.into())));
        assert!(opens(&keys, "1", "a"));
        assert!(!opens(&keys, "1", "b") && !opens(&keys, "", "c"));
    }

    #[test]
    fn range_header_is_cut_to_the_file() {
        assert_eq!(byte_range("bytes=0-", 10), Some(0..10));
        assert_eq!(byte_range("bytes=3-5", 10), Some(3..6));
        assert_eq!(byte_range("bytes=3-50", 10), Some(3..10));
        assert_eq!(byte_range("bytes=-4", 10), Some(6..10));
        for refused in ["bytes=10-", "bytes=5-3", "bytes=a-b", "bytes=-", "0-3", "bytes=0-1,4-5"] {
            assert_eq!(byte_range(refused, 10), None, "{refused}");
        }
    }
}
