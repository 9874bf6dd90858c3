//! The reasons why an upload can't continue.

use snaplark_api::VideoState;
use snaplark_formats::sniff::MediaKind;
use thiserror::Error;

use crate::rate::Allowance;
use snaplark_cloud_data::db::DbError;
use snaplark_cloud_data::quotas::Over;
use snaplark_cloud_data::storage::StorageError;

/// An error of an operation on an upload.
#[derive(Debug, Error)]
pub enum UploadError {
    /// It does not exist, or not for this user.
    #[error("there is no such upload")]
    NotFound,
    /// The upload is no longer open. A finished upload only acknowledges parts with the bytes that it
    /// has.
    #[error("the upload is {}", .0.name())]
    NotActive(VideoState),
    /// Somebody else began an upload with this id.
    #[error("the recording's id belongs to another upload")]
    RecordingTaken,
    /// The version that is there.
    #[error("version {0} is behind the link already")]
    NewerVersion(u32),
    /// Whoever only uploads may add, not replace.
    #[error("only the id's secret or the scope account may replace what is behind the link")]
    Unproven,
    /// The greatest version that is accepted.
    #[error("a version above {0} is too far above the last one")]
    VersionTooFar(u32),
    /// The user has more bytes on the way than are accepted at once.
    #[error("too many bytes on their way at once")]
    TooMuchAtOnce,
    /// A version never changes its bytes.
    #[error("this version is behind the link already, with other bytes")]
    VersionTaken,
    /// Why not.
    #[error("the image can't be read: {0}")]
    Unreadable(&'static str),
    /// The indices of the parts that finalize needs.
    #[error("parts are missing")]
    Missing(Vec<u32>),
    /// The video was finished before, with another number of parts.
    #[error("finalize was asked for {asked} parts; the video is finished with {finished}")]
    OtherTotal {
        /// The value of this request.
        asked: u32,
        /// The value of the video.
        finished: u32,
    },
    /// The version has another number of pieces.
    #[error("finalize was asked for {asked} parts; the version has {pieces} pieces")]
    OtherPieces {
        /// The value of this request.
        asked: u32,
        /// The value of its list of pieces.
        pieces: u32,
    },
    /// A version has one list of pieces. Another edit is another version.
    #[error("this version has other pieces")]
    PiecesTaken,
    /// The piece, and what is wrong with it.
    #[error("piece {index}: {reason}")]
    Piece {
        /// Its place in the list.
        index: u32,
        /// The problem.
        reason: &'static str,
    },
    /// Its parts don't consist of whole clusters, or are damaged; or nothing would be cut, or all of it.
    #[error("the video can't be trimmed like that")]
    NotTrimmable,
    /// The upload sent too many parts in this second.
    #[error("more parts than the limit for this second")]
    TooFast(Allowance),
    /// A quota is exceeded.
    #[error("more than this user may have")]
    Over(Over),
    /// The first bytes of the part are of no WebM.
    #[error("the part is not WebM")]
    NotWebm,
    /// The kind that was announced.
    #[error("the file is not what it was announced as")]
    OtherKind(MediaKind),
    /// The file is empty, or larger than the server takes.
    #[error("the file has {size_bytes} bytes")]
    Size {
        /// The size of the file.
        size_bytes: u64,
        /// The largest that is taken.
        bytes_max: u64,
    },
    /// The request had a part without bytes.
    #[error("the part is empty")]
    Empty,
    /// The digest in the request is another.
    #[error("the bytes that came are not the bytes that were sent")]
    DigestMismatch,
    /// Why the parts make no video.
    #[error("the parts do not make a video: {0}")]
    Unplayable(String),
    /// Finalize gave up after several attempts.
    #[error("parts kept coming while the upload was finalized")]
    Busy,
    /// The video can't be served without the damaged bytes.
    #[error("bytes of the video were damaged in the storage")]
    Damaged,
    /// The database did not answer.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The storage did not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
