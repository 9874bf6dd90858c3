//! `snaplark webhook`: says how the webhook is getting on, sends a test, and prints its secret.

use std::process::ExitCode;

use clap::Subcommand;
use snaplark_app::{
    Home, WebhookOutcome, WebhookTry, WebhookView, stored_settings, test_webhook, webhook_secret,
    webhook_view,
};
use snaplark_terminal::output;

use crate::say;

#[derive(Debug, Subcommand)]
pub enum WebhookAction {
    /// Send a test event now.
    Test,
    /// Print the secret by which a receiver verifies what it gets.
    ///
    /// It is made the first time, and kept in the system's keyring.
    Secret {
        /// Make a new one. What is signed with the one before is refused from then on.
        #[arg(long)]
        new: bool,
    },
}

pub async fn webhook(home: &Home, action: Option<WebhookAction>) -> anyhow::Result<ExitCode> {
    match action {
        None => show(home)?,
        Some(WebhookAction::Test) => {
            test_webhook(&stored_settings(home)?).await?;
            if say::is_json() {
                say::json(&serde_json::json!({ "taken": true }))?;
            }
            say::line("The webhook's server has taken the test.");
        }
        Some(WebhookAction::Secret { new }) => {
            let secret = webhook_secret(new).await?;
            if say::is_json() {
                say::json(&serde_json::json!({ "secret": secret }))?;
            } else {
                output::answer(&secret);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(home: &Home) -> anyhow::Result<()> {
    let address = stored_settings(home)?.upload.webhook;
    let view = webhook_view(home)?;
    if say::is_json() {
        return say::json(
            &serde_json::json!({ "webhook": { "address": address, "events": view } }),
        );
    }
    output::answer(address.as_deref().unwrap_or("off"));
    for line in words(&view) {
        say::line(&line);
    }
    Ok(())
}

fn words(view: &WebhookView) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(WebhookTry { outcome, status, .. }) = view.last {
        let status = status.map(|status| format!(" (status {status})")).unwrap_or_default();
        lines.push(match outcome {
            WebhookOutcome::Taken => "The last event was taken.".to_owned(),
            WebhookOutcome::Failed => format!("The last try failed{status}. It is tried again."),
            WebhookOutcome::GivenUp => format!("The last event was given up{status}."),
            WebhookOutcome::Gone => {
                "The server answered that the address is gone (410), and the webhook was switched off.".to_owned()
            }
            WebhookOutcome::NoSecret => {
                "The last event could not be signed, since this computer's keyring can't be used.".to_owned()
            }
        });
    }
    if view.waiting > 0 {
        lines.push(format!("Waiting to be told: {}.", view.waiting));
    }
    if view.given_up > 0 {
        lines.push(format!("Given up: {}.", view.given_up));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_say_what_became_of_the_last_try_and_what_waits() {
        let last = |outcome, status| Some(WebhookTry { outcome, at_unix_ms: 1, status });
        let failed =
            WebhookView { waiting: 2, given_up: 1, last: last(WebhookOutcome::Failed, Some(503)) };
        let said = words(&failed);
        assert_eq!(
            said,
            [
                "The last try failed (status 503). It is tried again.",
                "Waiting to be told: 2.",
                "Given up: 1."
            ]
        );
        assert!(words(&WebhookView::default()).is_empty());
    }
}
