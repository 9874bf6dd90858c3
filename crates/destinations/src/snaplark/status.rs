//! Interprets the statuses of the API. No other place does.

use snaplark_api::untrusted::{NAME_CHARS_MAX, SENTENCE_CHARS_MAX, plain_line};
use snaplark_api::{Capabilities, ErrorAnswer, codes};
use snaplark_core::policy;
use snaplark_core::upload::{Failure, ProbeVerdict};

use crate::http::verdict_of;

/// The request that a response belongs to: some statuses have a meaning only for certain requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestKind {
    Open,
    Part,
    Finish,
    /// Uploads a version of a picture.
    Picture,
    /// Lists the parts that a session has.
    Received,
    /// Lists the pieces of a version.
    Pieces,
}

#[cfg(test)]
impl RequestKind {
    pub(super) const ALL: [RequestKind; 6] = [
        RequestKind::Open,
        RequestKind::Part,
        RequestKind::Finish,
        RequestKind::Picture,
        RequestKind::Received,
        RequestKind::Pieces,
    ];
}

/// The relevant fields of an HTTP response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HttpAnswer {
    pub status: u16,
    /// The time from now on, whether the header gave seconds or a date.
    pub retry_after_ms: Option<u64>,
    /// The body, if it has the API's error format.
    pub error: Option<ErrorAnswer>,
}

/// Classifies a failed request. This includes a 2xx with an unexpected body.
pub(super) fn classify(kind: RequestKind, answer: &HttpAnswer) -> Failure {
    let retry_after_ms = answer.retry_after_ms.map(|ms| ms.min(policy::RETRY_AFTER_MS_MAX));
    match (answer.status, kind) {
        (200..=399 | 511, _) => Failure::NotTheApi { detail: format!("status {}", answer.status) },
        (401, _) => Failure::SignedOut,
        (
            404 | 410,
            RequestKind::Part | RequestKind::Finish | RequestKind::Received | RequestKind::Pieces,
        ) => Failure::SessionUnknown,
        (400, RequestKind::Part | RequestKind::Picture) if names(answer, "Content-Digest") => {
            try_again(400, retry_after_ms)
        }
        // The link shows another version than this computer knows of. A later version gets past that.
        (409, _) if says(answer, codes::NEWER_VERSION) || says(answer, codes::VERSION_TAKEN) => {
            let served = answer.error.as_ref().and_then(|error| error.served_version);
            Failure::NewerVersion { served, detail: words(409, answer.error.as_ref()) }
        }
        (409, RequestKind::Open | RequestKind::Picture) => {
            Failure::AddressTaken { detail: words(409, answer.error.as_ref()) }
        }
        (422, RequestKind::Picture) if says(answer, codes::RECORDING_SECRET_WRONG) => {
            Failure::AddressTaken { detail: words(422, answer.error.as_ref()) }
        }
        (422, RequestKind::Open | RequestKind::Picture)
            if says(answer, codes::RECORDING_SECRET_NEEDED) =>
        {
            Failure::AddressTaken { detail: words(422, answer.error.as_ref()) }
        }
        (408 | 425, _) => try_again(answer.status, retry_after_ms),
        (409, RequestKind::Finish) => match &answer.error {
            Some(error) if !error.missing_chunks.is_empty() => {
                Failure::PartsMissing { indices: error.missing_chunks.clone() }
            }
            Some(_) | None => try_again(409, retry_after_ms),
        },
        (413, RequestKind::Part) if names(answer, "video") => {
            Failure::Refused { detail: words(413, answer.error.as_ref()) }
        }
        (413, RequestKind::Part) => Failure::PartTooLarge,
        (429, _) => Failure::RateLimited {
            retry_after_ms: retry_after_ms.unwrap_or(policy::RETRY_AFTER_MS_DEFAULT),
        },
        (500..=599, _) => try_again(answer.status, retry_after_ms),
        // Servers of the documents differ in the status by which they refuse a part's content.
        (status @ (400 | 415 | 422), RequestKind::Part)
        | (status @ (415 | 422), RequestKind::Picture) => {
            Failure::PartRefused { detail: words(status, answer.error.as_ref()) }
        }
        (status, _) => Failure::Refused { detail: words(status, answer.error.as_ref()) },
    }
}

/// Returns the failure of a request that may succeed later.
pub(super) fn try_again(status: u16, retry_after_ms: Option<u64>) -> Failure {
    Failure::TryAgain { detail: format!("status {status}"), retry_after_ms }
}

/// Returns whether the error names that field, by which our cloud refines a status: the digest, if what
/// arrived is not what was sent; the video, if the whole is too large and not this part.
fn names(answer: &HttpAnswer, field: &str) -> bool {
    answer.error.as_ref().is_some_and(|error| error.errors.contains_key(field))
}

fn says(answer: &HttpAnswer, code: &str) -> bool {
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

/// Judges a probe's response. `body` is present if it could be read as capabilities. A server of the
/// documents alone responds with 404 or requires a sign-in; a captive portal responds with 200 or a
/// redirect, and a page of its own. A proxy whose server is away, and a server that wants fewer requests, say nothing
/// about what is offered, so the probe is repeated. A 500 or 501 may be how a server of the documents responds to what
/// it doesn't know, and such a server has to get its uploads.
pub(super) fn judge_probe(status: u16, body: Option<Capabilities>) -> ProbeVerdict {
    match (status, body) {
        (200, Some(mut capabilities)) if capabilities.server == Capabilities::SERVER => {
            capabilities.version = plain_line(&capabilities.version, NAME_CHARS_MAX);
            let is_bad = |template: &mut String| !makes_addresses(template);
            capabilities.link_template.take_if(is_bad);
            if let Some(screenshots) = &mut capabilities.screenshots {
                screenshots.link_template.take_if(is_bad);
            }
            ProbeVerdict::Online { capabilities: Some(capabilities) }
        }
        (status, _) => verdict_of(status),
    }
}

/// Returns whether a browser can open what the template gives. An address may look like one and have, say, a
/// port that is no number.
fn makes_addresses(template: &str) -> bool {
    let link = template.replace("{recordingId}", "0");
    reqwest::Url::parse(&link).is_ok_and(|url| url.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16) -> HttpAnswer {
        HttpAnswer { status, ..HttpAnswer::default() }
    }

    #[test]
    fn statuses_mean_what_the_design_says() {
        use RequestKind::*;
        let trouble = |status| try_again(status, None);
        for (kind, status, want) in [
            (Part, 401, Failure::SignedOut),
            (Part, 404, Failure::SessionUnknown),
            (Finish, 404, Failure::SessionUnknown),
            (Part, 413, Failure::PartTooLarge),
            (Part, 500, trouble(500)),
            (Finish, 503, trouble(503)),
            (Finish, 409, trouble(409)),
            (Open, 404, Failure::Refused { detail: "status 404".into() }),
            (Part, 400, Failure::PartRefused { detail: "status 400".into() }),
            (Part, 415, Failure::PartRefused { detail: "status 415".into() }),
            (Part, 422, Failure::PartRefused { detail: "status 422".into() }),
            (Finish, 422, Failure::Refused { detail: "status 422".into() }),
            (Part, 200, Failure::NotTheApi { detail: "status 200".into() }),
            (Part, 302, Failure::NotTheApi { detail: "status 302".into() }),
        ] {
            assert_eq!(classify(kind, &answer(status)), want, "{kind:?} {status}");
        }
    }

    #[test]
    fn smaller_parts_do_not_help_where_the_video_is_too_large() {
        let error = ErrorAnswer {
            message: Some("This server accepts videos of up to 2.1 GB.".into()),
            errors: [("video".to_owned(), Vec::new())].into(),
            ..ErrorAnswer::default()
        };
        let answer = HttpAnswer { error: Some(error), ..answer(413) };
        let detail = "This server accepts videos of up to 2.1 GB. (413)".into();
        assert_eq!(classify(RequestKind::Part, &answer), Failure::Refused { detail });
    }

    #[test]
    fn a_wait_of_a_day_is_cut() {
        let day = HttpAnswer { status: 429, retry_after_ms: Some(86_400_000), error: None };
        assert_eq!(
            classify(RequestKind::Part, &day),
            Failure::RateLimited { retry_after_ms: policy::RETRY_AFTER_MS_MAX }
        );
        assert_eq!(
            classify(RequestKind::Part, &answer(429)),
            Failure::RateLimited { retry_after_ms: policy::RETRY_AFTER_MS_DEFAULT }
        );
    }

    #[test]
    fn a_part_that_was_damaged_on_its_way_is_sent_again() {
        let errors = [("Content-Digest".to_owned(), vec!["another".to_owned()])];
        let error = ErrorAnswer { errors: errors.into(), ..ErrorAnswer::default() };
        let answer = HttpAnswer { status: 400, error: Some(error), ..HttpAnswer::default() };
        let trouble = try_again(400, None);
        assert_eq!(classify(RequestKind::Part, &answer), trouble);
    }

    #[test]
    fn missing_parts_are_read_from_the_answer() {
        let error = ErrorAnswer { missing_chunks: vec![2, 5], ..ErrorAnswer::default() };
        let answer = HttpAnswer { status: 409, error: Some(error), ..HttpAnswer::default() };
        assert_eq!(
            classify(RequestKind::Finish, &answer),
            Failure::PartsMissing { indices: vec![2, 5] }
        );
    }

    #[test]
    fn a_portal_is_not_the_server() {
        for status in [200, 204, 302, 307, 511] {
            assert!(matches!(judge_probe(status, None), ProbeVerdict::Offline { .. }), "{status}");
        }
        for status in [401, 404, 405, 500, 501] {
            assert_eq!(judge_probe(status, None), ProbeVerdict::Online { capabilities: None });
        }
    }

    #[test]
    fn answer_that_passes_says_nothing_about_what_a_server_offers() {
        for status in [408, 425, 429, 502, 503, 504, 522] {
            assert!(matches!(judge_probe(status, None), ProbeVerdict::Offline { .. }), "{status}");
        }
    }

    #[test]
    fn refusal_is_one_plain_line_of_bounded_length() {
        let message = format!("no\u{1b}[2J\nSaved: \u{202E}{}", "x".repeat(100_000));
        let error = Some(ErrorAnswer { message: Some(message), ..ErrorAnswer::default() });
        let answer = HttpAnswer { error, ..answer(422) };
        let Failure::Refused { detail } = classify(RequestKind::Finish, &answer) else { panic!() };
        assert!(detail.starts_with("no[2J Saved: xxx"), "{detail}");
        assert!(detail.chars().count() < 320, "{} characters", detail.chars().count());
    }

    #[test]
    fn taken_address_is_a_conflict_or_a_missing_secret() {
        let taken = |code: Option<&str>, status| {
            let code = code.map(str::to_owned);
            let error = Some(ErrorAnswer { code, ..ErrorAnswer::default() });
            classify(RequestKind::Open, &HttpAnswer { error, ..answer(status) })
        };
        assert!(matches!(taken(None, 409), Failure::AddressTaken { .. }));
        assert!(matches!(
            taken(Some(codes::RECORDING_SECRET_NEEDED), 422),
            Failure::AddressTaken { .. }
        ));
        assert!(matches!(taken(None, 422), Failure::Refused { .. }));
    }

    #[test]
    fn picture_fails_by_what_its_answer_says() {
        let of = |status, code: Option<&str>| {
            let code = code.map(str::to_owned);
            let error = Some(ErrorAnswer { code, ..ErrorAnswer::default() });
            classify(RequestKind::Picture, &HttpAnswer { error, ..answer(status) })
        };
        assert_eq!(of(401, None), Failure::SignedOut);
        // A server without screenshots, and a picture above its limit.
        for status in [403, 404, 410, 413] {
            assert!(matches!(of(status, None), Failure::Refused { .. }), "{status}");
        }
        for code in [codes::NEWER_VERSION, codes::VERSION_TAKEN] {
            let newer = Failure::NewerVersion { served: None, detail: "status 409".into() };
            assert_eq!(of(409, Some(code)), newer, "{code}");
        }
        assert!(matches!(of(409, None), Failure::AddressTaken { .. }));
        for code in [codes::RECORDING_SECRET_NEEDED, codes::RECORDING_SECRET_WRONG] {
            assert!(matches!(of(422, Some(code)), Failure::AddressTaken { .. }), "{code}");
        }
        assert!(matches!(of(422, None), Failure::PartRefused { .. }));
        assert!(matches!(of(429, None), Failure::RateLimited { .. }));
        assert!(matches!(of(503, None), Failure::TryAgain { .. }));
    }

    #[test]
    fn part_is_refused_by_its_kind_or_its_content() {
        for status in [415, 422] {
            let failure = classify(RequestKind::Part, &answer(status));
            assert!(matches!(failure, Failure::PartRefused { .. }), "{status}: {failure:?}");
        }
    }
}
