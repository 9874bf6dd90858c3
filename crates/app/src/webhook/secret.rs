//! The secret by which a receiver recognizes this computer. It is in the keyring, or in SNAPLARK_WEBHOOK_SECRET for a
//! program that runs without one.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use snaplark_destinations::Token;

use super::policy;
use crate::AppError;
use crate::tokens::{self, KeyringProblem};

/// The name of the secret in the keyring, which is no server's address.
const ENTRY: &str = "webhook";
const VARIABLE: &str = "SNAPLARK_WEBHOOK_SECRET";
/// The prefix by which Standard Webhooks marks secrets.
const PREFIX: &str = "whsec_";

/// Returns the secret with which requests are signed, in the form in which receivers take it. Makes one if there is
/// none, or if a new one is asked for.
pub async fn webhook_secret(is_new: bool) -> Result<String, AppError> {
    let secret =
        stored(is_new).await.map_err(|KeyringProblem(reason)| AppError::NoKeyring { reason })?;
    Ok(secret.reveal().to_owned())
}

/// Returns the key of the signature.
pub(super) async fn key() -> Result<Vec<u8>, String> {
    let secret = stored(false).await.map_err(|KeyringProblem(reason)| reason)?;
    decode(secret.reveal()).ok_or_else(|| format!("the secret is not {PREFIX} and base64"))
}

fn decode(secret: &str) -> Option<Vec<u8>> {
    BASE64.decode(secret.strip_prefix(PREFIX)?).ok().filter(|key| !key.is_empty())
}

async fn stored(is_new: bool) -> Result<Token, KeyringProblem> {
    if let Some(secret) = std::env::var(VARIABLE).ok().filter(|secret| !secret.is_empty()) {
        return Ok(Token::new(secret));
    }
    // The keyring may ask a person to unlock it.
    let stored = tokio::task::spawn_blocking(move || {
        if let Some(secret) = tokens::load(ENTRY)?.filter(|_| !is_new) {
            return Ok(secret);
        }
        let mut bytes = [0; policy::SECRET_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| KeyringProblem(error.to_string()))?;
        let secret = Token::new(format!("{PREFIX}{}", BASE64.encode(bytes)));
        tokens::save(ENTRY, &secret)?;
        Ok(secret)
    });
    stored.await.map_err(|error| KeyringProblem(error.to_string()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_is_base64_behind_its_prefix() {
        assert_eq!(decode("whsec_AQID"), Some(vec![1, 2, 3]));
        for bad in ["", "whsec_", "AQID", "whsec_!"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
