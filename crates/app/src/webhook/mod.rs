//! The webhook: tells a server of the person's what happens to items. docs/webhooks.md is its contract.
//!
//! ```text
//! upload's change ─► event's row (same transaction) ─► body (kept) ─► signed request ─► 2xx: the row is deleted
//!                                                        ▲                  │ else
//!                                                        └──── waits ◄──────┘  (policy: WAITS_MS, then given up)
//! ```
//! - An event is told at least once. Its id and its body are the same in each try, so a receiver can drop repetitions.
//! - One request is under way at a time.
//! - The secret is in the keyring, and in the memory of the request that is being signed; the address is not logged,
//!   since some receivers' addresses are secrets as well.

mod payload;
mod policy;
mod request;
mod secret;

use serde::{Deserialize, Serialize};
use snaplark_store::{Store, StoreError, WebhookEvent};
use tracing::{info, warn};
use ts_rs::TS;

use crate::engine::{Context, now_unix_ms};
use crate::home::Home;
use crate::messages::Message;
use crate::settings::UploadSettings;
use crate::{AppError, Settings, open_to_read};

pub(crate) use request::WebhookFailure;
pub(crate) use request::is_webhook_address;
pub use secret::webhook_secret;

/// The key of what became of the last try among the settings.
const STATE: &str = "webhook-state";

/// The events that wait, and when they are tried.
#[derive(Default)]
pub(crate) struct Webhook {
    is_sending: bool,
    /// When the next event is due, by the engine's clock.
    due_ms: Option<u64>,
}

/// How a webhook is getting on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct WebhookView {
    /// How many events wait to be told.
    pub waiting: u32,
    /// How many events were given up after all tries.
    pub given_up: u32,
    /// The outcome of the last try.
    pub last: Option<WebhookTry>,
}

/// The outcome of the last try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct WebhookTry {
    /// The outcome.
    pub outcome: WebhookOutcome,
    /// When that was.
    #[ts(type = "number")]
    pub at_unix_ms: i64,
    /// The status of the server's answer, if there was one.
    pub status: Option<u16>,
}

/// The outcome of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum WebhookOutcome {
    /// The server has taken the event.
    Taken,
    /// The server could not be reached, or refused it. It is tried again.
    Failed,
    /// It failed for the last time.
    GivenUp,
    /// The server answered that the address is gone, and the webhook was switched off.
    Gone,
    /// There is no secret to sign with, since the system has no keyring. It is tried again.
    NoSecret,
}

impl Webhook {
    /// Follows the settings: without an address, nothing is kept to be told.
    pub(crate) fn follow_settings(&mut self, cx: &Context) {
        let is_wanted = cx.settings.upload.webhook.is_some();
        if let Err(error) = cx.store.keep_webhook_events(is_wanted) {
            warn!(%error, "Events for the webhook can't be kept");
        }
        self.look(cx);
    }

    /// Looks when the next event is due, after events were added.
    pub(crate) fn look(&mut self, cx: &Context) {
        self.due_ms = match next(cx) {
            Ok(event) => event.map(|event| {
                // The computer's clock may have been set back.
                let wait_ms = (event.next_unix_ms - now_unix_ms()).clamp(0, policy::WAIT_MS_MAX);
                cx.now_ms() + wait_ms.unsigned_abs()
            }),
            Err(error) => {
                warn!(%error, "Events for the webhook can't be read");
                None
            }
        };
    }

    /// Returns when to call [`Webhook::woke`].
    pub(crate) fn next_wake_ms(&self) -> Option<u64> {
        self.due_ms.filter(|_| !self.is_sending)
    }

    /// Returns whether every event was tried, so that a program that runs for one command may end.
    pub(crate) fn is_up_to_date(&self, cx: &Context) -> bool {
        !self.is_sending && self.due_ms.is_none_or(|due_ms| due_ms > cx.now_ms())
    }

    /// Sends the event that is due.
    pub(crate) fn woke(&mut self, cx: &Context) {
        if self.is_sending || self.due_ms.is_none_or(|due_ms| due_ms > cx.now_ms()) {
            return;
        }
        self.due_ms = None;
        match with_body(cx) {
            Ok(Some((event, body))) => self.send(cx, event, body),
            Ok(None) => {}
            Err(error) => warn!(%error, "An event for the webhook can't be read"),
        }
    }

    fn send(&mut self, cx: &Context, event: WebhookEvent, body: String) {
        self.is_sending = true;
        let (inbox, upload) = (cx.inbox.clone(), cx.settings.upload.clone());
        tokio::spawn(async move {
            let outcome = request::send(&upload, &event.id, body).await;
            let (number, tries) = (event.number, event.tries + 1);
            let _ = inbox.send(Message::WebhookTried { number, tries, outcome }).await;
        });
    }

    /// Notes the outcome of a try. Returns whether the webhook has to be switched off.
    pub(crate) fn tried(
        &mut self,
        cx: &Context,
        number: i64,
        tries: u32,
        outcome: Result<(), WebhookFailure>,
    ) -> bool {
        self.is_sending = false;
        let waits_ms = policy::WAITS_MS.get(tries as usize - 1).copied();
        let (result, status, noted) = match outcome {
            Ok(()) => (WebhookOutcome::Taken, None, cx.store.webhook_event_told(number)),
            Err(WebhookFailure::Gone) => {
                warn!("The webhook's address is gone (410); it is switched off");
                (WebhookOutcome::Gone, Some(410), Ok(()))
            }
            Err(failure) => {
                let status = failure.status();
                let asked_ms = failure.retry_after_ms();
                let next_ms = waits_ms.map(|wait_ms| {
                    now_unix_ms() + wait_ms.max(asked_ms).clamp(0, policy::WAIT_MS_MAX)
                });
                let result = match (next_ms, &failure) {
                    (None, _) => WebhookOutcome::GivenUp,
                    (Some(_), WebhookFailure::NoSecret { .. }) => WebhookOutcome::NoSecret,
                    (Some(_), _) => WebhookOutcome::Failed,
                };
                match next_ms {
                    None => warn!(tries, %failure, "An event for the webhook is given up"),
                    Some(_) => {
                        info!(tries, %failure, "The webhook was not told; it is tried again");
                    }
                }
                (result, status, cx.store.webhook_event_failed(number, next_ms))
            }
        };
        let last = WebhookTry { outcome: result, at_unix_ms: now_unix_ms(), status };
        let state = serde_json::to_string(&last).unwrap_or_default();
        if let Err(error) = noted.and_then(|()| cx.store.set_setting(STATE, &state)) {
            warn!(%error, "A try of the webhook can't be noted");
        }
        self.look(cx);
        result == WebhookOutcome::Gone
    }
}

fn next(cx: &Context) -> Result<Option<WebhookEvent>, StoreError> {
    match cx.settings.upload.webhook.is_some() {
        true => cx.store.next_webhook_event(),
        false => Ok(None),
    }
}

/// Returns the event that is tried next with its body, which is kept before the first try.
fn with_body(cx: &Context) -> Result<Option<(WebhookEvent, String)>, StoreError> {
    let Some(mut event) = next(cx)? else { return Ok(None) };
    let body = match event.body.take() {
        Some(body) => body,
        None => {
            let subject = cx.store.webhook_subject(event.item)?;
            let is_titled = cx.settings.recording.names_in_titles;
            let body = payload::of_event(&event, subject, is_titled);
            cx.store.set_webhook_body(event.number, &body)?;
            body
        }
    };
    Ok(Some((event, body)))
}

/// Sends a test event, and returns when the server has taken it.
pub async fn test_webhook(settings: &Settings) -> Result<(), AppError> {
    let upload: &UploadSettings = &settings.upload;
    if upload.webhook.is_none() {
        return Err(AppError::NoWebhook);
    }
    let (id, body) = payload::of_test();
    request::send(upload, &id, body).await.map_err(|failure| match failure {
        WebhookFailure::NoSecret { reason } => AppError::NoKeyring { reason },
        other => AppError::WebhookRefused { reason: other.to_string() },
    })
}

/// Returns how the webhook of this home is getting on, whether or not a program is running.
pub fn webhook_view(home: &Home) -> Result<WebhookView, AppError> {
    let Some(store) = open_to_read(home)? else { return Ok(WebhookView::default()) };
    Ok(view(&store)?)
}

fn view(store: &Store) -> Result<WebhookView, StoreError> {
    let counts = store.webhook_event_counts()?;
    let last = store.setting(STATE)?.and_then(|text| serde_json::from_str(&text).ok());
    Ok(WebhookView { waiting: counts.waiting, given_up: counts.given_up, last })
}
