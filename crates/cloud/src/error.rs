//! The reasons why an operator's command can't be carried out.

use snaplark_cloud_data::place::DataError;
use thiserror::Error;

use crate::secrets::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, SecretError};

/// An error of an operator's command.
#[derive(Debug, Error)]
pub enum OperatorError {
    /// The data of the server can't be opened.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The text is no URL that a visitor could open.
    #[error("'{0}' is not a public address. It must begin with http:// or https:// and a host.")]
    PublicUrl(String),
    /// The text is no e-mail address.
    #[error("'{0}' is not an e-mail address.")]
    Email(String),
    /// The password is too short or too long.
    #[error(
        "A password must have at least {PASSWORD_CHARS_MIN} characters and at most {PASSWORD_BYTES_MAX} bytes. Nothing was changed."
    )]
    Password,
    /// The user has a password, and was to be added.
    #[error("{0} already has a password. To replace it, use: snaplark-cloud user password.")]
    UserExists(String),
    /// No user has this address.
    #[error("There is no user {0}. To add one, use: snaplark-cloud user add.")]
    UserUnknown(String),
    /// The text holds a word that is no scope.
    #[error("'{0}' are not scopes. Use one or more of upload, read and account.")]
    Scopes(String),
    /// No token has this id.
    #[error("There is no token {0}. To list tokens, use: snaplark-cloud token list --user EMAIL.")]
    TokenUnknown(String),
    /// Some bytes could not be read.
    #[error(
        "Not everything could be read: {0}. The damage found so far is marked; nothing else was changed."
    )]
    Scrub(String),
    /// The system gives no random numbers.
    #[error("No secret could be generated: {0}.")]
    Secret(#[from] SecretError),
}
