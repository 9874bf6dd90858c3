//! The database door: what is asked of it, in the words of the domain. No SQL outside this folder.
//!
//! A row never speaks of a blob that isn't durable already; a blob without a row is the sweeper's.
//! Whatever has to hold together is one method here, and one transaction below.

mod sqlite;

use snaplark_api::VideoState;
use thiserror::Error;
use uuid::Uuid;

use crate::parts::Layout;

pub use sqlite::Sqlite as Db;

#[derive(Debug, Error)]
pub enum DbError {
    #[error("the database did not answer: {0}")]
    Sql(#[from] sqlx::Error),
    #[error("the database could not be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[error("the database holds a value that this version does not know: {0}")]
    Unknown(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserId(pub Uuid);

/// The upload's secret-ish name: known to its owner only, while the video's id is in the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub Uuid);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VideoId(pub Uuid);

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Display for VideoId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Clone, Debug)]
pub struct Upload {
    pub session_id: SessionId,
    pub user_id: UserId,
    pub video_id: VideoId,
    pub state: VideoState,
    pub filename: String,
    pub width: u32,
    pub height: u32,
    pub created_ms: i64,
    pub active_ms: i64,
    pub revision: i64,
    pub finished: Option<Finished>,
    pub removed: bool,
}

impl Upload {
    /// Parts may still come.
    pub fn is_open(&self) -> bool {
        match self.state {
            VideoState::Initialized | VideoState::Uploading | VideoState::Finalizing => {
                !self.removed
            }
            VideoState::Completed | VideoState::Failed | VideoState::Expired => false,
        }
    }
}

/// What finalize found out and committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    pub parts_total: u32,
    pub assembly: Assembly,
    pub size_bytes: u64,
    pub duration_ms: u64,
    pub etag: String,
}

/// How the finished video is made from the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assembly {
    /// A fresh head, the parts' clusters, Cues.
    Mapped,
    /// The parts one after the other: their bytes are no clusters of ours.
    Joined,
}

#[derive(Clone, Debug)]
pub struct NewUpload {
    pub user_id: UserId,
    /// The recording's id; without one the video gets a new id.
    pub recording_id: Option<Uuid>,
    pub filename: String,
    pub width: u32,
    pub height: u32,
    pub fps: u32,
    pub metadata: String,
}

#[derive(Debug)]
pub enum Opened {
    Upload(Upload),
    /// The recording's id is somebody else's.
    Taken,
}

#[derive(Clone, Debug)]
pub struct Part {
    pub index: u32,
    pub object_key: String,
    pub size_bytes: u64,
    pub sha256: [u8; 32],
    pub layout: Layout,
}

#[derive(Debug)]
pub enum PartStored {
    Stored {
        parts_received: u32,
        /// The object that held this index before, now without a row.
        replaced: Option<String>,
    },
    /// The upload was finalized, expired or removed meanwhile.
    Closed,
}

/// Where a page of a list goes on: behind this upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub created_ms: i64,
    pub session_id: SessionId,
}
