//! Tokens, which are kept in the system's keyring and nowhere else: not in a file, a database or our
//! environment.
//!
//! These calls talk to another process and may wait for a person to unlock the keyring, so they must never
//! run on the event loop.

use keyring::v1::{Entry, Error};

use snaplark_destinations::Token;

const SERVICE: &str = "snaplark";

/// Why the keyring can't be used, in the system's words.
#[derive(Debug)]
pub(crate) struct KeyringProblem(pub String);

pub(crate) fn load(base_url: &str) -> Result<Option<Token>, KeyringProblem> {
    match entry(base_url)?.get_password() {
        Ok(token) => Ok(Some(Token::new(token))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(KeyringProblem(error.to_string())),
    }
}

pub(crate) fn save(base_url: &str, token: &Token) -> Result<(), KeyringProblem> {
    let saved = entry(base_url)?.set_password(token.reveal());
    saved.map_err(|error| KeyringProblem(error.to_string()))
}

pub(crate) fn forget(base_url: &str) -> Result<(), KeyringProblem> {
    match entry(base_url)?.delete_credential() {
        Ok(()) | Err(Error::NoEntry) => Ok(()),
        Err(error) => Err(KeyringProblem(error.to_string())),
    }
}

fn entry(base_url: &str) -> Result<Entry, KeyringProblem> {
    if let Err(error) = Entry::store_status() {
        return Err(KeyringProblem(error.to_string()));
    }
    Entry::new(SERVICE, base_url).map_err(|error| KeyringProblem(error.to_string()))
}
