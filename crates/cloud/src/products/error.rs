//! The reasons why a product isn't made, and how often each is tried again.

use std::time::Duration;

use snaplark_cloud_data::db::DbError;
use snaplark_cloud_data::storage::StorageError;
use thiserror::Error;

use super::kind::ProductKind;

/// Attempts if our own database, storage or disk failed.
const ATTEMPTS_MAX: u32 = 3;
/// Attempts if something else killed ffmpeg, which may have been the kernel when it ran out of
/// memory.
const KILLED_ATTEMPTS_MAX: u32 = 2;

/// The reason why a job did not make its product.
#[derive(Debug, Error)]
pub(crate) enum JobError {
    #[error("ffmpeg could not be run: {0}")]
    Run(std::io::Error),
    #[error("ffmpeg: {0}")]
    Ffmpeg(String),
    #[error("ffmpeg was killed; the computer may have been short of memory")]
    Killed,
    #[error("it took longer than {} seconds", .0.as_secs())]
    TooLong(Duration),
    #[error("{0}")]
    Refused(&'static str),
    #[error("the job is another worker's by now")]
    Lost,
    #[error("the video is gone")]
    Gone,
    /// The job is dropped, and begins anew when it is asked for again.
    #[error("nothing more of the recording has arrived")]
    Quiet,
    /// Another product serves the same purpose and is made now.
    #[error("{reason}")]
    Instead { reason: String, instead: &'static ProductKind },
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The video can't be served as it is.
    #[error("{0}")]
    Video(String),
}

impl JobError {
    /// Returns how often the job is tried in all. What depends on the bytes alone would fail again.
    pub(crate) fn attempts_max(&self) -> u32 {
        match self {
            JobError::Run(_) | JobError::Db(_) | JobError::Storage(_) | JobError::Video(_) => {
                ATTEMPTS_MAX
            }
            JobError::Killed => KILLED_ATTEMPTS_MAX,
            JobError::Ffmpeg(said) if said.contains("No space left") => ATTEMPTS_MAX,
            JobError::Ffmpeg(_)
            | JobError::TooLong(_)
            | JobError::Refused(_)
            | JobError::Lost
            | JobError::Gone
            | JobError::Quiet
            | JobError::Instead { .. } => 1,
        }
    }
}
