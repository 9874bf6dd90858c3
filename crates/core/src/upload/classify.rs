//! Interprets responses. The uplink passes on what it received; this is the only place that interprets
//! a status.

use snaplark_api::untrusted::{NAME_CHARS_MAX, SENTENCE_CHARS_MAX, plain_line};
use snaplark_api::{Capabilities, ErrorAnswer};
use thiserror::Error;

use crate::policy;

/// Our cloud's error code for an id whose secret was not presented.
const SECRET_NEEDED: &str = "recording_secret_needed";

/// The request that a response belongs to: some statuses have a meaning only for certain requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    OpenSession,
    SendPart,
    Finalize,
    /// Lists the parts that a session has.
    Received,
}

/// The relevant fields of an HTTP response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The time from now on, whether the header gave seconds or a date.
    pub retry_after_ms: Option<u64>,
    /// The body, if it has the API's error format.
    pub error: Option<ErrorAnswer>,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    /// Refused, reset, timed out, no such host.
    #[error("no answer: {detail}")]
    Unreachable { detail: String },
    /// A captive portal, a proxy, another server.
    #[error("an answer that isn't the API's: {detail}")]
    NotTheApi { detail: String },
    #[error("the token isn't known")]
    Unauthorized,
    #[error("the session is gone")]
    SessionGone,
    /// Another upload has the requested id, or ownership of it is not proven.
    #[error("the address is taken: {detail}")]
    AddressTaken { detail: String },
    #[error("{} parts are missing", indices.len())]
    PartsMissing { indices: Vec<u32> },
    #[error("the part is too large")]
    PartTooLarge,
    #[error("too many requests")]
    RateLimited { retry_after_ms: u64 },
    #[error("the server has trouble (status {status})")]
    ServerTrouble { status: u16, retry_after_ms: Option<u64> },
    /// The server understood the request and refused it.
    #[error("refused: {detail}")]
    Refused { detail: String },
    /// The server refused the request because of the part itself.
    #[error("part refused: {detail}")]
    PartRefused { detail: String },
    /// Files of the recording itself.
    #[error("files can't be read: {detail}")]
    FilesMissing { detail: String },
    /// The files of these segments don't contain the bytes that were sealed.
    #[error("segments {segments:?} are damaged")]
    SegmentsDamaged { segments: Vec<u32> },
}

/// Classifies a failed request. This includes a 2xx with an unexpected body.
pub fn classify(ask: Ask, answer: &Answer) -> Failure {
    let retry_after_ms = answer.retry_after_ms.map(|ms| ms.min(policy::RETRY_AFTER_MS_MAX));
    match (answer.status, ask) {
        (200..=399 | 511, _) => Failure::NotTheApi { detail: format!("status {}", answer.status) },
        (401, _) => Failure::Unauthorized,
        (404 | 410, Ask::SendPart | Ask::Finalize | Ask::Received) => Failure::SessionGone,
        (400, Ask::SendPart) if names(answer, "Content-Digest") => {
            Failure::ServerTrouble { status: 400, retry_after_ms }
        }
        (409, Ask::OpenSession) => {
            Failure::AddressTaken { detail: words(409, answer.error.as_ref()) }
        }
        (422, Ask::OpenSession) if says(answer, SECRET_NEEDED) => {
            Failure::AddressTaken { detail: words(422, answer.error.as_ref()) }
        }
        (408 | 425, _) => Failure::ServerTrouble { status: answer.status, retry_after_ms },
        (409, Ask::Finalize) => match &answer.error {
            Some(error) if !error.missing_chunks.is_empty() => {
                Failure::PartsMissing { indices: error.missing_chunks.clone() }
            }
            Some(_) | None => Failure::ServerTrouble { status: 409, retry_after_ms },
        },
        (413, Ask::SendPart) if names(answer, "video") => {
            Failure::Refused { detail: words(413, answer.error.as_ref()) }
        }
        (413, Ask::SendPart) => Failure::PartTooLarge,
        (429, _) => Failure::RateLimited {
            retry_after_ms: retry_after_ms.unwrap_or(policy::RETRY_AFTER_MS_DEFAULT),
        },
        (500..=599, _) => Failure::ServerTrouble { status: answer.status, retry_after_ms },
        (status @ (415 | 422), Ask::SendPart) => {
            Failure::PartRefused { detail: words(status, answer.error.as_ref()) }
        }
        (status, _) => Failure::Refused { detail: words(status, answer.error.as_ref()) },
    }
}

/// Returns whether the error names that field, by which our cloud refines a status: the digest, if what
/// arrived is not what was sent; the video, if the whole is too large and not this part.
fn names(answer: &Answer, field: &str) -> bool {
    answer.error.as_ref().is_some_and(|error| error.errors.contains_key(field))
}

fn says(answer: &Answer, code: &str) -> bool {
    answer.error.as_ref().is_some_and(|error| error.code.as_deref() == Some(code))
}

fn words(status: u16, error: Option<&ErrorAnswer>) -> String {
    let said = error.map(|error| error.message.as_deref().unwrap_or(&error.error));
    let said = said.map(|said| plain_line(said, SENTENCE_CHARS_MAX));
    match said {
        Some(said) if !said.is_empty() => format!("{said} ({status})"),
        Some(_) | None => format!("status {status}"),
    }
}

/// What a probe found out about the connection to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeVerdict {
    /// The server responds. Its capabilities are present if it supports that request.
    Online {
        capabilities: Option<Capabilities>,
    },
    Offline {
        detail: String,
    },
}

/// Judges a probe's response. `body` is present if it could be read as capabilities. A server of the
/// documents alone responds with 404 or requires a sign-in; a captive portal responds with 200 or a
/// redirect, and a page of its own.
pub fn judge_probe(status: u16, body: Option<Capabilities>) -> ProbeVerdict {
    match (status, body) {
        (200, Some(capabilities)) if capabilities.server == Capabilities::SERVER => {
            let version = plain_line(&capabilities.version, NAME_CHARS_MAX);
            ProbeVerdict::Online { capabilities: Some(Capabilities { version, ..capabilities }) }
        }
        (200..=399 | 511, _) => {
            ProbeVerdict::Offline { detail: format!("another server answered ({status})") }
        }
        _ => ProbeVerdict::Online { capabilities: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> Answer {
        Answer { status, ..Answer::default() }
    }

    #[test]
    fn statuses_mean_what_the_design_says() {
        use Ask::*;
        let trouble = |status| Failure::ServerTrouble { status, retry_after_ms: None };
        for (ask, status, want) in [
            (SendPart, 401, Failure::Unauthorized),
            (SendPart, 404, Failure::SessionGone),
            (Finalize, 404, Failure::SessionGone),
            (SendPart, 413, Failure::PartTooLarge),
            (SendPart, 500, trouble(500)),
            (Finalize, 503, trouble(503)),
            (Finalize, 409, trouble(409)),
            (OpenSession, 404, Failure::Refused { detail: "status 404".into() }),
            (SendPart, 400, Failure::Refused { detail: "status 400".into() }),
            (SendPart, 200, Failure::NotTheApi { detail: "status 200".into() }),
            (SendPart, 302, Failure::NotTheApi { detail: "status 302".into() }),
        ] {
            assert_eq!(classify(ask, &answer(status)), want, "{ask:?} {status}");
        }
    }

    #[test]
    fn smaller_parts_do_not_help_where_the_video_is_too_large() {
        let error = ErrorAnswer {
            message: Some("A video may have 2.1 GB here.".into()),
            errors: [("video".to_owned(), Vec::new())].into(),
            ..ErrorAnswer::default()
        };
        let answer = Answer { error: Some(error), ..answer(413) };
        let detail = "A video may have 2.1 GB here. (413)".into();
        assert_eq!(classify(Ask::SendPart, &answer), Failure::Refused { detail });
    }

    #[test]
    fn a_wait_of_a_day_is_cut() {
        let day = Answer { status: 429, retry_after_ms: Some(86_400_000), error: None };
        assert_eq!(
            classify(Ask::SendPart, &day),
            Failure::RateLimited { retry_after_ms: policy::RETRY_AFTER_MS_MAX }
        );
        assert_eq!(
            classify(Ask::SendPart, &answer(429)),
            Failure::RateLimited { retry_after_ms: policy::RETRY_AFTER_MS_DEFAULT }
        );
    }

    #[test]
    fn a_part_that_was_damaged_on_its_way_is_sent_again() {
        let errors = [("Content-Digest".to_owned(), vec!["another".to_owned()])];
        let error = ErrorAnswer { errors: errors.into(), ..ErrorAnswer::default() };
        let answer = Answer { status: 400, error: Some(error), ..Answer::default() };
        let trouble = Failure::ServerTrouble { status: 400, retry_after_ms: None };
        assert_eq!(classify(Ask::SendPart, &answer), trouble);
    }

    #[test]
    fn missing_parts_are_read_from_the_answer() {
        let error = ErrorAnswer { missing_chunks: vec![2, 5], ..ErrorAnswer::default() };
        let answer = Answer { status: 409, error: Some(error), ..Answer::default() };
        assert_eq!(classify(Ask::Finalize, &answer), Failure::PartsMissing { indices: vec![2, 5] });
    }

    #[test]
    fn a_portal_is_not_the_server() {
        for status in [200, 204, 302, 307, 511] {
            assert!(matches!(judge_probe(status, None), ProbeVerdict::Offline { .. }), "{status}");
        }
        for status in [401, 404, 405, 500] {
            assert_eq!(judge_probe(status, None), ProbeVerdict::Online { capabilities: None });
        }
    }
}
