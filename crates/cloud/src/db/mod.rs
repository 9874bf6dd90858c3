//! The database door: what is asked of it, in the words of the domain. No SQL outside this folder.
//!
//! A row never speaks of a blob that isn't durable already; a blob without a row is the sweeper's.
//! Whatever has to hold together is one method here, and one transaction below.

mod door;
#[cfg(feature = "postgres")]
mod postgres;
// Its statements are compiled once for each dialect, with that dialect's types.
#[allow(clippy::duplicate_mod)]
mod sqlite;

use snaplark_api::VideoState;
use thiserror::Error;
use uuid::Uuid;

use crate::media::Media;
use crate::parts::Layout;
use crate::quotas::Over;
use crate::scopes::Scopes;

pub use door::Db;

#[derive(Debug, Error)]
pub enum DbError {
    #[error("the database did not answer: {0}")]
    Sql(#[from] sqlx::Error),
    #[error("the database could not be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    #[cfg(not(feature = "postgres"))]
    #[error("this program was built without PostgreSQL: it has no feature \"postgres\"")]
    NoPostgres,
    #[cfg(feature = "postgres")]
    #[error("the database is no file")]
    NoFile,
    #[error("the database holds a value that this version does not know: {0}")]
    Unknown(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserId(pub Uuid);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenId(pub Uuid);

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
    /// Grows whenever the bytes that its video is made of change.
    pub revision: i64,
    /// Of the parts that count (`quotas`).
    pub stored_bytes: u64,
    pub finished: Option<Finished>,
    pub removed: bool,
    pub media: Media,
    pub share: Share,
    pub parts_damaged: u32,
    /// What was made of it, or given to it, and is there.
    pub made: Vec<ProductKind>,
}

impl Upload {
    pub fn has(&self, product: ProductKind) -> bool {
        self.made.contains(&product)
    }

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
    /// Where a placeholder is shown, in milliseconds: that was damaged before it came.
    pub holes: Vec<(u64, u64)>,
}

/// A map that was built (`uploads::maps`), as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMap {
    pub etag: String,
    pub map: Vec<u8>,
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
    pub media: Media,
    pub filename: String,
    pub width: u32,
    pub height: u32,
    pub fps: u32,
    pub metadata: String,
}

#[derive(Debug)]
pub enum Opened {
    New(Box<Upload>),
    /// The one that this recording has already.
    Known(Box<Upload>),
    /// The recording's id is somebody else's.
    Taken,
    Over(Over),
}

#[derive(Clone, Debug)]
pub struct Part {
    pub index: u32,
    pub object_key: String,
    pub size_bytes: u64,
    pub sha256: [u8; 32],
    pub layout: Layout,
    /// Its object is not what came (`scrub`).
    pub is_damaged: bool,
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
    Over(Over),
}

/// Which of a user's uploads, newest first.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// A piece of their names, or nothing.
    pub matching: &'a str,
    pub behind: Option<Cursor>,
    pub limit: u32,
    /// Screenshots as well.
    pub with_images: bool,
}

/// One's own page of videos: how it is sorted, and where it goes on.
#[derive(Clone, Copy, Debug)]
pub struct Shelf<'a> {
    /// A piece of their names, or nothing.
    pub matching: &'a str,
    pub sort: Sort,
    /// The last one of the page before.
    pub behind: Option<SessionId>,
    pub limit: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    #[default]
    Newest,
    Oldest,
    Title,
    Size,
    Length,
    Views,
}

impl Sort {
    pub const ALL: [Sort; 6] =
        [Sort::Newest, Sort::Oldest, Sort::Title, Sort::Size, Sort::Length, Sort::Views];

    /// As it is in an address.
    pub const fn name(self) -> &'static str {
        match self {
            Sort::Newest => "newest",
            Sort::Oldest => "oldest",
            Sort::Title => "title",
            Sort::Size => "size",
            Sort::Length => "length",
            Sort::Views => "views",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        Sort::ALL.into_iter().find(|sort| sort.name() == name)
    }
}

/// Where a page of a list goes on: behind this upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub created_ms: i64,
    pub session_id: SessionId,
}

/// What the owner decided about a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Instead of the one that is made from the file's name.
    pub title: Option<String>,
    pub description: Option<String>,
    pub visibility: Visibility,
    /// An argon2id string.
    pub password: Option<String>,
    pub expires_ms: Option<i64>,
    pub views: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Visibility {
    /// Anyone who has the link.
    #[default]
    Link,
    /// Whoever is signed in to this server.
    Members,
    /// Whoever says the password.
    Password,
}

impl Visibility {
    pub const ALL: [Visibility; 3] = [Visibility::Link, Visibility::Members, Visibility::Password];

    pub const fn name(self) -> &'static str {
        match self {
            Visibility::Link => "link",
            Visibility::Members => "members",
            Visibility::Password => "password",
        }
    }
}

/// What is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShareChange {
    pub title: Option<Option<String>>,
    pub description: Option<Option<String>>,
    pub visibility: Option<Visibility>,
    /// An argon2id string.
    pub password: Option<String>,
    pub expires_ms: Option<Option<i64>>,
}

#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    pub email: String,
    /// An argon2id string; without one there is no signing in by password.
    pub password: Option<String>,
    /// Shut out by the operator.
    pub is_disabled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserAdded {
    Set(UserId),
    /// There is a user with a password already.
    Exists,
    /// There is no user whose password could be replaced.
    Unknown,
}

/// A password that takes another's place, and the browser that stays signed in.
#[derive(Clone, Copy, Debug)]
pub struct NewPassword<'a> {
    /// An argon2id string.
    pub password: &'a str,
    pub session_hash: &'a [u8],
    pub session_expires_ms: i64,
}

#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    pub user_id: UserId,
    pub hash: &'a [u8],
    pub name: &'a str,
    pub scopes: Scopes,
}

/// What is told of a token; its hash never is.
#[derive(Clone, Debug)]
pub struct Token {
    pub id: TokenId,
    pub name: String,
    pub scopes: Scopes,
    pub created_ms: i64,
    pub used_ms: Option<i64>,
}

/// Consent that the app still has to fetch its token for.
#[derive(Clone, Debug)]
pub struct Code {
    pub user_id: UserId,
    pub challenge: String,
    pub redirect_uri: String,
    pub token_name: String,
    pub scopes: Scopes,
    pub expires_ms: i64,
}

/// Who did what (`audit`).
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    pub user_id: Option<UserId>,
    pub action: &'a str,
    pub subject: &'a str,
    pub detail: &'a str,
    pub address: &'a str,
}

/// A deed of before.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Noted {
    #[serde(rename = "atUnixMs")]
    pub at_ms: i64,
    /// Whose account it was about, by their address.
    pub user: Option<String>,
    pub action: String,
    pub subject: String,
    pub detail: String,
    pub address: String,
}

/// How much there is.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    pub stored_bytes: i64,
    /// Of what was made of videos.
    pub made_bytes: i64,
    pub users: i64,
    pub parts_damaged: i64,
    /// By state.
    pub sessions: Vec<(String, i64)>,
    /// By what is done, and state.
    pub jobs: Vec<(String, String, i64)>,
}

/// So many at once, and one more each `refill_ms`.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    pub size: u32,
    pub refill_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// And so many are left.
    One { left: u32 },
    /// There is none; there will be after this time.
    None { wait_ms: i64 },
}

impl Bucket {
    pub fn full_ms(self) -> i64 {
        i64::from(self.size) * self.refill_ms
    }
}

/// What is made of a finished video, or given to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProductKind {
    Thumbnail,
    /// A few seconds that move, without a sound.
    Preview,
    /// No higher than so many lines.
    Mp4(Mp4Height),
    /// Where the clusters stand in parts that were cut anywhere (`stream_index`).
    Index,
    /// The same video in a file that players can seek in, where no index can be made.
    Remux,
    /// WebVTT that the owner gave.
    Captions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mp4Height {
    P1080,
    P720,
    P480,
}

impl Mp4Height {
    pub const ALL: [Mp4Height; 3] = [Mp4Height::P1080, Mp4Height::P720, Mp4Height::P480];

    pub const fn lines(self) -> u32 {
        match self {
            Mp4Height::P1080 => 1080,
            Mp4Height::P720 => 720,
            Mp4Height::P480 => 480,
        }
    }
}

impl ProductKind {
    pub const ALL: [ProductKind; 8] = [
        ProductKind::Thumbnail,
        ProductKind::Preview,
        ProductKind::Mp4(Mp4Height::P1080),
        ProductKind::Mp4(Mp4Height::P720),
        ProductKind::Mp4(Mp4Height::P480),
        ProductKind::Index,
        ProductKind::Remux,
        ProductKind::Captions,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            ProductKind::Thumbnail => "thumbnail.jpg",
            ProductKind::Preview => "preview.webp",
            ProductKind::Mp4(Mp4Height::P1080) => "1080.mp4",
            ProductKind::Mp4(Mp4Height::P720) => "720.mp4",
            ProductKind::Mp4(Mp4Height::P480) => "480.mp4",
            ProductKind::Index => "index.json",
            ProductKind::Remux => "remux.webm",
            ProductKind::Captions => "captions.vtt",
        }
    }

    pub const fn mime(self) -> &'static str {
        match self {
            ProductKind::Thumbnail => "image/jpeg",
            ProductKind::Preview => "image/webp",
            ProductKind::Mp4(_) => "video/mp4",
            ProductKind::Index => "application/json",
            ProductKind::Remux => "video/webm",
            ProductKind::Captions => "text/vtt; charset=utf-8",
        }
    }

    /// Has an address of its own; the others are parts of the video's.
    pub const fn is_served(self) -> bool {
        match self {
            ProductKind::Thumbnail
            | ProductKind::Preview
            | ProductKind::Mp4(_)
            | ProductKind::Captions => true,
            ProductKind::Index | ProductKind::Remux => false,
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        ProductKind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

#[derive(Clone, Debug)]
pub struct Product {
    pub kind: ProductKind,
    pub object_key: String,
    pub size_bytes: u64,
    pub sha256: [u8; 32],
}

#[derive(Clone, Debug)]
pub struct NewProduct {
    pub object_key: String,
    pub size_bytes: u64,
    pub sha256: [u8; 32],
    /// What is known of the video only since this was made.
    pub media: Option<Measured>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    pub duration_ms: u64,
    pub size_bytes: u64,
}

/// A claim on a piece of work.
#[derive(Clone, Debug)]
pub struct Lease {
    pub session_id: SessionId,
    /// What the work is called, one of each for a video.
    pub work: &'static str,
    pub attempts: u32,
    pub fence: i64,
}

/// Something to be made.
#[derive(Clone, Debug)]
pub struct Job {
    pub lease: Lease,
    pub product: ProductKind,
}

/// Which workers do a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Pictures, previews and indexes: seconds each.
    Pictures,
    /// MP4s and copies of streams: minutes to hours.
    Videos,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    Waiting,
    Running,
    Done,
    Failed,
}

impl JobState {
    pub const ALL: [JobState; 4] =
        [JobState::Waiting, JobState::Running, JobState::Done, JobState::Failed];

    pub const fn name(self) -> &'static str {
        match self {
            JobState::Waiting => "waiting",
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Failed => "failed",
        }
    }
}

#[derive(Clone, Debug)]
pub struct JobStatus {
    pub product: ProductKind,
    pub state: JobState,
    pub attempts: u32,
    pub error: Option<String>,
}
