//! One signed request, as Standard Webhooks describes it: `webhook-id`, `webhook-timestamp` in seconds, and
//! `webhook-signature`, which is `v1,` and the base64 of the HMAC-SHA256 of `ID.TIMESTAMP.BODY`.

use std::fmt;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Url};
use sha2::Sha256;
use snaplark_api::is_plain_http;
use snaplark_destinations::http_client;

use super::{policy, secret};
use crate::settings::UploadSettings;

/// Why a server was not told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WebhookFailure {
    /// It answers that there will never be anything at this address.
    Gone,
    /// It answers with another status than success.
    Refused { status: u16, retry_after_ms: i64 },
    /// There was no answer.
    Unreachable { reason: String },
    /// The request would not be encrypted, and the person has not allowed that.
    PlainHttp,
    /// There is nothing to sign with.
    NoSecret { reason: String },
}

impl WebhookFailure {
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            WebhookFailure::Gone => Some(410),
            WebhookFailure::Refused { status, .. } => Some(*status),
            WebhookFailure::Unreachable { .. }
            | WebhookFailure::PlainHttp
            | WebhookFailure::NoSecret { .. } => None,
        }
    }

    pub(super) fn retry_after_ms(&self) -> i64 {
        match self {
            WebhookFailure::Refused { retry_after_ms, .. } => *retry_after_ms,
            WebhookFailure::Gone
            | WebhookFailure::Unreachable { .. }
            | WebhookFailure::PlainHttp
            | WebhookFailure::NoSecret { .. } => 0,
        }
    }
}

/// Says it without the address.
impl fmt::Display for WebhookFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WebhookFailure::Gone => f.write_str("status 410"),
            WebhookFailure::Refused { status, .. } => write!(f, "status {status}"),
            WebhookFailure::Unreachable { reason } => write!(f, "no answer: {reason}"),
            WebhookFailure::PlainHttp => f.write_str("the address is not encrypted (https)"),
            WebhookFailure::NoSecret { reason } => write!(f, "no secret: {reason}"),
        }
    }
}

/// Returns whether requests may go to an address: it is one of https, or of this computer, or the person allows it to
/// be unencrypted.
pub(crate) fn is_webhook_address(address: &str, is_plain_http_allowed: bool) -> bool {
    let is_address = Url::parse(address).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty()
    });
    is_address && (is_plain_http_allowed || !is_plain_http(address))
}

/// Tells the server. Makes one attempt, and follows no redirect: the server that the person named is the one that is
/// told.
pub(super) async fn send(
    settings: &UploadSettings,
    id: &str,
    body: String,
) -> Result<(), WebhookFailure> {
    let address = settings.webhook.as_deref().unwrap_or_default();
    if !is_webhook_address(address, settings.webhook_plain_http) {
        return Err(WebhookFailure::PlainHttp);
    }
    let asked = tokio::time::timeout(policy::KEYRING_MAX, secret::key()).await;
    let key = asked.unwrap_or_else(|_| Err("the keyring doesn't answer".to_owned()));
    let key = key.map_err(|reason| WebhookFailure::NoSecret { reason })?;
    let timestamp = jiff::Timestamp::now().as_second();
    let request = client()?
        .post(address)
        .timeout(policy::REQUEST_MAX)
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", timestamp.to_string())
        .header("webhook-signature", signature(&key, id, timestamp, &body))
        .body(body);
    let answer = request.send().await.map_err(|error| {
        // Its text would name the address.
        WebhookFailure::Unreachable { reason: cause(&error.without_url()) }
    })?;
    // The body is not read.
    match answer.status().as_u16() {
        200..=299 => Ok(()),
        410 => Err(WebhookFailure::Gone),
        status => Err(WebhookFailure::Refused {
            status,
            retry_after_ms: retry_after_ms(answer.headers()),
        }),
    }
}

fn client() -> Result<&'static Client, WebhookFailure> {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client);
    }
    let made = http_client().map_err(|error| WebhookFailure::Unreachable { reason: error.0 })?;
    Ok(CLIENT.get_or_init(|| made))
}

fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Returns the wait that a server asks for in seconds; 0 if it asks for none.
fn retry_after_ms(headers: &HeaderMap) -> i64 {
    let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.map_or(0, |seconds: u32| i64::from(seconds) * 1_000)
}

fn signature(key: &[u8], id: &str, timestamp: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification's libraries.
    #[test]
    fn signature_is_that_of_the_standard() {
        let key = BASE64.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(
            &key,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn only_encrypted_addresses_are_told_unless_that_is_allowed() {
        for (address, is_allowed) in [
            ("https://hooks.example/a?b=c", true),
            ("http://127.0.0.1:8080/hook", true),
            ("http://localhost:8080/hook", true),
            ("http://hooks.example/a", false),
        ] {
            assert_eq!(is_webhook_address(address, false), is_allowed, "{address}");
            assert!(is_webhook_address(address, true), "{address}");
        }
        for address in ["", "hooks.example", "file:///etc/passwd", "ftp://a/b", "https://me@host/"]
        {
            assert!(!is_webhook_address(address, true), "{address}");
        }
    }
}
