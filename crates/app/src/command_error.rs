//! The error that a window gets instead of an answer.

use std::fmt::Display;

use serde::Serialize;
use ts_rs::TS;

use crate::{AppError, ErrorCode};

/// Why a command did nothing. The windows choose the words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
pub struct CommandError {
    code: ErrorCode,
    params: ErrorParams,
}

impl CommandError {
    /// Returns an error of the shell, with the cause as others put it.
    pub fn new(code: ErrorCode, reason: impl Display) -> Self {
        CommandError { code, params: ErrorParams { reason: reason.to_string(), server: None } }
    }
}

/// The values that the words of an error may contain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
struct ErrorParams {
    /// The cause as others put it (the system, a server), or what the error is about.
    #[ts(as = "Option<String>", optional)]
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    server: Option<String>,
}

impl From<AppError> for CommandError {
    fn from(error: AppError) -> Self {
        let server = error.server().map(str::to_owned);
        CommandError { code: error.code(), params: ErrorParams { reason: error.reason(), server } }
    }
}
