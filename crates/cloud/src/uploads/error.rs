//! The reasons why an upload can't continue.

use snaplark_api::VideoState;
use thiserror::Error;

use crate::db::DbError;
use crate::media::Media;
use crate::quotas::Over;
use crate::rate::Allowance;
use crate::storage::StorageError;

/// An error of an operation on an upload.
#[derive(Debug, Error)]
pub enum UploadError {
    #[error("there is no such upload")]
    NotFound,
    /// The upload is no longer open. A finished upload only acknowledges parts with the bytes that it
    /// has.
    #[error("the upload is {}", .0.name())]
    NotActive(VideoState),
    #[error("the recording's id belongs to another upload")]
    RecordingTaken,
    #[error("parts are missing")]
    Missing(Vec<u32>),
    #[error("finalize was asked for {asked} parts; the video is finished with {finished}")]
    OtherTotal { asked: u32, finished: u32 },
    #[error("more parts than the limit for this second")]
    TooFast(Allowance),
    #[error("more than this user may have")]
    Over(Over),
    #[error("the part is not WebM")]
    NotWebm,
    #[error("the file is not what it was announced as")]
    OtherKind(Media),
    #[error("the file has {size_bytes} bytes")]
    Size { size_bytes: u64, bytes_max: u64 },
    #[error("the part is empty")]
    Empty,
    #[error("the bytes that came are not the bytes that were sent")]
    DigestMismatch,
    #[error("the parts do not make a video: {0}")]
    Unplayable(String),
    #[error("parts kept coming while the upload was finalized")]
    Busy,
    /// The video can't be served without the damaged bytes.
    #[error("bytes of the video were damaged in the storage")]
    Damaged,
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Storage(#[from] StorageError),
}
