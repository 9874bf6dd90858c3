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
        CommandError { code, params: ErrorParams::of(reason.to_string()) }
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
    /// The name of the file that the error is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    file: Option<String>,
}

impl ErrorParams {
    fn of(reason: String) -> Self {
        ErrorParams { reason, server: None, file: None }
    }
}

impl From<AppError> for CommandError {
    fn from(error: AppError) -> Self {
        let (server, file) = (error.server().map(str::to_owned), error.file().map(str::to_owned));
        let params = ErrorParams { server, file, ..ErrorParams::of(error.reason()) };
        CommandError { code: error.code(), params }
    }
}
