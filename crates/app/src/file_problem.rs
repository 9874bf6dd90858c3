//! Why there is no video file of a recording where the person wants it. Never stored: each start finds out anew.

use serde::{Deserialize, Serialize};
use snaplark_core::render::RenderError;
use snaplark_store::StoreError;
use thiserror::Error;
use ts_rs::TS;

/// Why a recording has no file of the person's own, or has it in another folder. Windows choose their words
/// by the code; the text is for the command line and logs.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize, TS)]
#[serde(
    tag = "code",
    content = "params",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
#[ts(export)]
pub enum FileProblem {
    /// The person's folder can't be written, so the file is in one of Snaplark's own.
    #[error("{path} can't be written: {reason}. The file is in {folder} instead")]
    Elsewhere {
        /// The path that was to be written.
        path: String,
        /// The system's reason.
        reason: String,
        /// The folder that has the file.
        folder: String,
    },
    /// Neither folder can be written.
    #[error("{path} can't be written: {reason}")]
    Unwritable {
        /// The path that was to be written.
        path: String,
        /// The system's reason.
        reason: String,
    },
    /// Segments are gone or can't be read, so there is nothing to write.
    #[error("The recording's files are gone or can't be read: {reason}")]
    FilesMissing {
        /// The finding.
        reason: String,
    },
    /// The list of recordings can't be read or written.
    #[error("{reason}")]
    Store {
        /// The store's reason.
        reason: String,
    },
}

impl From<RenderError> for FileProblem {
    fn from(error: RenderError) -> Self {
        match error {
            RenderError::Unwritable { path, reason } => {
                FileProblem::Unwritable { path: path.to_string_lossy().into_owned(), reason }
            }
            RenderError::NoStill { reason }
            | RenderError::Unreadable { reason }
            | RenderError::Malformed { reason } => FileProblem::FilesMissing { reason },
            RenderError::Damaged(_)
            | RenderError::Cancelled
            | RenderError::NotAPicture { .. }
            | RenderError::PictureTooLarge { .. }
            | RenderError::EmptyCrop
            | RenderError::Drawing(_)
            | RenderError::NoWaveform { .. }
            | RenderError::NotEncoded { .. }
            | RenderError::NoEncoder { .. }
            | RenderError::NoSpace { .. }
            | RenderError::Silent
            | RenderError::Edit(_) => FileProblem::FilesMissing { reason: error.to_string() },
        }
    }
}

impl From<StoreError> for FileProblem {
    fn from(error: StoreError) -> Self {
        FileProblem::Store { reason: error.to_string() }
    }
}
