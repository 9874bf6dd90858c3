//! Why a recording ended though nobody stopped it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::capture::CaptureError;

/// Why a recording ended though nobody stopped it. It is stored as its kind and fields, and worded where it is
/// shown; its text is for the command line and logs.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum EndReason {
    /// The computer went to sleep, and the settings say that this ends a recording.
    #[error("The computer went to sleep, so the recording was ended, as is set")]
    Slept,
    /// The app ended the recording while there was still space to finish it.
    #[error(
        "The disk is nearly full, so the recording was ended. All of it up to there is safe. Free some \
         space before the next one"
    )]
    DiskNearlyFull,
    /// The program ended without ending the recording: it crashed, or the computer lost its power.
    #[error("Snaplark ended while it was recording")]
    Interrupted,
    /// Capture could not continue.
    #[error(transparent)]
    #[serde(untagged)]
    Capture(CaptureError),
}

impl EndReason {
    /// Returns a short name for the reason, which is the same in rows, windows and JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            EndReason::Slept => "slept",
            EndReason::DiskNearlyFull => "disk-nearly-full",
            EndReason::Interrupted => "interrupted",
            EndReason::Capture(error) => error.kind(),
        }
    }
}
