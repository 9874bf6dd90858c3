//! HTTP as all destinations that speak it use it: one client, time limits, streamed bodies, bounded answers.
//!
//! - Redirects are not followed, since the token would go along.
//! - A part's bytes are streamed in small slices, so that the rate limit is kept and progress can be counted.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, RequestBuilder, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use snaplark_api::untrusted::{SENTENCE_CHARS_MAX, plain_line};
use snaplark_core::policy;
use snaplark_core::upload::{Failure, ProbeVerdict};

use crate::{Sent, Throttle};

/// How much of a part is handed to the connection at a time.
const SLICE_BYTES: usize = 64 * 1024;
/// How often the watchdog checks for progress.
const LOOK: Duration = Duration::from_secs(1);

/// Why no HTTP client can be made, in the system's words.
#[derive(Debug)]
pub struct HttpSetupError(pub String);

/// Returns a client. It connects to nothing yet, and follows no redirect, since a token or a signature would go along.
pub fn client() -> Result<Client, HttpSetupError> {
    // The default is process-wide, and there is only one provider; a second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = || {
        Client::builder()
            .connect_timeout(Duration::from_millis(policy::CONNECT_MS_MAX))
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("Snaplark/", env!("CARGO_PKG_VERSION")))
    };
    // A system without root certificates can't verify any server, but it can still record and reach the
    // embedded cloud.
    let client = builder().build().or_else(|error| {
        tracing::warn!(error = chain(&error), "No HTTPS server can be reached");
        builder().tls_certs_only([]).build()
    });
    client.map_err(|error| HttpSetupError(chain(&error)))
}

/// Returns the time limit of requests with a small body.
pub(crate) fn small() -> Duration {
    Duration::from_millis(policy::SMALL_REQUEST_MS_MAX)
}

/// Waits for the answer to a request with a large body, as long as bytes go out and it doesn't take too long.
pub(crate) async fn in_time<T>(
    sent: &Sent,
    size_bytes: u64,
    answer: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    within(sent, Duration::from_millis(policy::deadline_ms(size_bytes)), answer).await
}

/// Does the same with another time limit.
pub(crate) async fn within<T>(
    sent: &Sent,
    limit: Duration,
    answer: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let dead = |detail: &str| Err(Failure::Unreachable { detail: detail.to_owned() });
    tokio::select! {
        answer = answer => answer,
        () = stalled(sent) => dead("no byte went out for too long"),
        () = tokio::time::sleep(limit) => dead("it took too long"),
    }
}

/// Returns when no byte has been sent for too long.
async fn stalled(sent: &Sent) {
    let (mut last, mut since) = (sent.load(Ordering::Relaxed), Instant::now());
    while since.elapsed() < Duration::from_millis(policy::no_progress_ms_max(last)) {
        tokio::time::sleep(LOOK).await;
        let now = sent.load(Ordering::Relaxed);
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
}

/// Streams the pieces in small slices, so that the rate limit is kept and progress can be counted.
pub(crate) fn stream(
    pieces: Vec<Bytes>,
    sent: Sent,
    throttle: Arc<Throttle>,
) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> {
    let slices = pieces.into_iter().flat_map(|piece| {
        let starts = (0..piece.len()).step_by(SLICE_BYTES);
        starts.map(move |start| piece.slice(start..piece.len().min(start + SLICE_BYTES)))
    });
    futures_util::stream::iter(slices).then(move |bytes| {
        let (sent, throttle) = (sent.clone(), throttle.clone());
        async move {
            throttle.take(bytes.len()).await;
            sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            Ok(bytes)
        }
    })
}

/// Reads a body, up to a limit that every answer of an API fits into.
pub(crate) async fn read_body(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(unreachable_server)? {
        body.extend_from_slice(&bytes);
        if body.len() > policy::ANSWER_BYTES_MAX {
            return Err(Failure::NotTheApi { detail: "the answer is too long".into() });
        }
    }
    Ok(body)
}

/// Returns the wait that an answer asks for.
pub(crate) fn retry_after_ms(response: &Response) -> Option<u64> {
    response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(retry_after)
}

/// Parses a Retry-After header: seconds or a date. Returns milliseconds.
fn retry_after(text: &str) -> Option<u64> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(seconds.saturating_mul(1_000));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let left = date.duration_since(std::time::SystemTime::now()).unwrap_or_default();
    Some(left.as_millis() as u64)
}

pub(crate) fn unreachable_server(error: reqwest::Error) -> Failure {
    Failure::Unreachable { detail: chain(&error) }
}

/// Returns the innermost cause, which is the helpful one; reqwest's own text only repeats the address.
pub(crate) fn chain(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// The complete answer of a server.
pub(crate) struct Answer {
    pub(crate) status: u16,
    retry_after_ms: Option<u64>,
    body: Vec<u8>,
}

/// The words with which servers of the older documents refuse. Each has one or both.
#[derive(Default, Deserialize)]
struct RefusalWords {
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

impl Answer {
    /// Sends a request and reads its whole answer.
    pub(crate) async fn to(request: RequestBuilder) -> Result<Answer, Failure> {
        let response = request.send().await.map_err(unreachable_server)?;
        let (status, retry_after_ms) = (response.status().as_u16(), retry_after_ms(&response));
        Ok(Answer { status, retry_after_ms, body: read_body(response).await? })
    }

    /// Returns the body, if the request succeeded and the body is a `T`.
    pub(crate) fn success<T: DeserializeOwned>(&self) -> Option<T> {
        let is_success = (200..=299).contains(&self.status);
        is_success.then(|| serde_json::from_slice(&self.body).ok()).flatten()
    }

    /// Returns the body of a refusal, if it is a `T`.
    pub(crate) fn refusal<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Returns what the status means whatever was asked. This includes a 2xx with an unexpected body.
    pub(crate) fn failure(&self) -> Failure {
        let retry_after_ms = self.retry_after_ms.map(|ms| ms.min(policy::RETRY_AFTER_MS_MAX));
        match self.status {
            200..=399 | 511 => Failure::NotTheApi { detail: format!("status {}", self.status) },
            401 => Failure::SignedOut,
            429 => Failure::RateLimited {
                retry_after_ms: retry_after_ms.unwrap_or(policy::RETRY_AFTER_MS_DEFAULT),
            },
            408 | 425 | 500..=599 => {
                Failure::TryAgain { detail: format!("status {}", self.status), retry_after_ms }
            }
            _ => Failure::Refused { detail: self.words() },
        }
    }

    /// Returns the server's own words for a refusal, as one plain line.
    pub(crate) fn words(&self) -> String {
        let words: RefusalWords = serde_json::from_slice(&self.body).unwrap_or_default();
        let said = words.message.filter(|said| !said.is_empty()).or(words.error);
        let said = said.map(|said| plain_line(&said, SENTENCE_CHARS_MAX)).unwrap_or_default();
        match said.is_empty() {
            true => format!("status {}", self.status),
            false => format!("{said} ({})", self.status),
        }
    }
}

/// Judges the answer to a probe that no server of a document answers with success: a captive portal does, or leads
/// elsewhere. A proxy whose server is away says nothing about the server.
pub(crate) fn verdict_of(status: u16) -> ProbeVerdict {
    match status {
        200..=399 | 511 => {
            ProbeVerdict::Offline { detail: format!("another server answered ({status})") }
        }
        408 | 425 | 429 | 502..=599 => ProbeVerdict::Offline { detail: format!("status {status}") },
        _ => ProbeVerdict::Online { capabilities: None },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, retry_after_ms: None, body: body.as_bytes().to_vec() }
    }

    proptest! {
        #[test]
        fn no_wait_that_a_server_asks_for_brings_anything_down(text in "\\PC{0,40}|[0-9]{1,30}") {
            let _ = retry_after(&text);
        }

        /// Checks that whatever a server of an older document answers, it is classified and what is shown of it is a
        /// single line.
        #[test]
        fn no_answer_brings_anything_down(status in 100_u16..600, body: String, message: String) {
            let json = serde_json::json!({ "message": message }).to_string();
            for answer in [answer(status, &body), answer(status, &json)] {
                let said = answer.failure().to_string();
                prop_assert!(!said.contains(char::is_control), "{said:?}");
            }
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after("7"), Some(7_000));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(0));
        let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(90);
        let ms = retry_after(&httpdate::fmt_http_date(soon)).unwrap();
        assert!((80_000..=90_000).contains(&ms), "{ms}");
        assert_eq!(retry_after("soon"), None);
    }

    #[test]
    fn refusal_is_told_in_the_words_of_either_document() {
        let refused = |body: &str| answer(400, body).failure();
        for (body, detail) in [
            (r#"{"message":"Too long"}"#, "Too long (400)"),
            (r#"{"error":"Unsupported content type"}"#, "Unsupported content type (400)"),
            (r#"{"error":"Failed","message":"Disk is full"}"#, "Disk is full (400)"),
            ("<h1>no</h1>", "status 400"),
        ] {
            assert_eq!(refused(body), Failure::Refused { detail: detail.into() });
        }
    }
}
