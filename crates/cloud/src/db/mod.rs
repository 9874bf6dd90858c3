//! The database interface, in terms of the domain. There is no SQL outside this folder.
//!
//! A row never names a blob that isn't durable yet. A blob without a row is deleted by the sweeper.
//! Changes that must happen together are one method here and one transaction in `rows`.

mod door;
#[cfg(feature = "postgres")]
mod postgres;
// The statements of `rows` are compiled once for each dialect, with that dialect's types.
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

/// An error of the database.
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

/// The upload's id, which is known to its owner only. The link holds the video's id instead.
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

/// An upload and the video that it becomes: one row of `uploads`, with its link's settings.
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
    /// Incremented whenever the bytes that the video consists of change.
    pub revision: i64,
    /// The bytes of the parts that count towards the quota (`quotas`).
    pub stored_bytes: u64,
    pub finished: Option<Finished>,
    pub removed: bool,
    pub media: Media,
    pub share: Share,
    pub parts_damaged: u32,
    /// The products that exist: made from the upload, or added by its owner.
    pub made: Vec<ProductKind>,
}

impl Upload {
    pub fn has(&self, product: ProductKind) -> bool {
        self.made.contains(&product)
    }

    /// Returns whether parts may still arrive.
    pub fn is_open(&self) -> bool {
        match self.state {
            VideoState::Initialized | VideoState::Uploading | VideoState::Finalizing => {
                !self.removed
            }
            VideoState::Completed | VideoState::Failed | VideoState::Expired => false,
        }
    }
}

/// The result of finalize, derived from the parts and committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    pub parts_total: u32,
    pub assembly: Assembly,
    pub size_bytes: u64,
    pub duration_ms: u64,
    pub etag: String,
    /// The ranges, in milliseconds, in which a placeholder is shown because the recording was damaged
    /// before it was uploaded.
    pub holes: Vec<(u64, u64)>,
}

/// A newly built map (`uploads::maps`), as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMap {
    pub etag: String,
    pub map: Vec<u8>,
}

/// The way in which the finished video is assembled from the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assembly {
    /// A new head, the parts' clusters, and Cues.
    Mapped,
    /// The parts one after the other, because they do not consist of whole clusters.
    Joined,
}

/// The properties of an upload that an init request states.
#[derive(Clone, Debug)]
pub struct NewUpload {
    pub user_id: UserId,
    /// The recording's id, which becomes the video's id. `None` gives the video a new id.
    pub recording_id: Option<Uuid>,
    pub media: Media,
    pub filename: String,
    pub width: u32,
    pub height: u32,
    pub fps: u32,
    pub metadata: String,
}

/// The result of opening an upload.
#[derive(Debug)]
pub enum Opened {
    New(Box<Upload>),
    /// The upload that this recording already has.
    Known(Box<Upload>),
    /// The recording's id belongs to another user.
    Taken,
    Over(Over),
}

/// A stored part of an upload.
#[derive(Clone, Debug)]
pub struct Part {
    pub index: u32,
    pub object_key: String,
    pub size_bytes: u64,
    pub sha256: [u8; 32],
    pub layout: Layout,
    /// The stored object differs from what was received (`scrub`).
    pub is_damaged: bool,
}

/// The result of storing a part.
#[derive(Debug)]
pub enum PartStored {
    Stored {
        parts_received: u32,
        /// The object that held this index before. No row names it now.
        replaced: Option<String>,
    },
    /// The upload was finalized, expired or removed meanwhile.
    Closed,
    Over(Over),
}

/// Selects a user's uploads, newest first.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// A substring of their names; empty selects all.
    pub matching: &'a str,
    pub behind: Option<Cursor>,
    pub limit: u32,
    /// Includes screenshots.
    pub with_images: bool,
}

/// Selects one page of the user's own videos.
#[derive(Clone, Copy, Debug)]
pub struct Shelf<'a> {
    /// A substring of their names; empty selects all.
    pub matching: &'a str,
    pub sort: Sort,
    /// The last upload of the previous page.
    pub behind: Option<SessionId>,
    pub limit: u32,
}

/// The order of a list of videos.
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

    /// Returns the name used in URLs.
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

/// A position in a list. The next page starts after this upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub created_ms: i64,
    pub session_id: SessionId,
}

/// The owner's settings of a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Replaces the title that is derived from the file name.
    pub title: Option<String>,
    pub description: Option<String>,
    pub visibility: Visibility,
    /// An Argon2id hash string.
    pub password: Option<String>,
    pub expires_ms: Option<i64>,
    pub views: u64,
}

/// The people who may see a video.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Visibility {
    /// Anyone who has the link.
    #[default]
    Link,
    /// Anyone who is signed in to this server.
    Members,
    /// Anyone who enters the password.
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

/// A change of a link's settings. `None` leaves a setting as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShareChange {
    pub title: Option<Option<String>>,
    pub description: Option<Option<String>>,
    pub visibility: Option<Visibility>,
    /// An Argon2id hash string.
    pub password: Option<String>,
    pub expires_ms: Option<Option<i64>>,
}

#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    pub email: String,
    /// An Argon2id hash string. Without one the user can't sign in by password.
    pub password: Option<String>,
    /// Disabled by the operator.
    pub is_disabled: bool,
}

/// The result of setting a user's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserAdded {
    Set(UserId),
    /// The user already has a password.
    Exists,
    /// There is no user whose password could be replaced.
    Unknown,
}

/// A replacement password, and the browser session that stays signed in.
#[derive(Clone, Copy, Debug)]
pub struct NewPassword<'a> {
    /// An Argon2id hash string.
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

/// A token as it is listed. Its hash is never included.
#[derive(Clone, Debug)]
pub struct Token {
    pub id: TokenId,
    pub name: String,
    pub scopes: Scopes,
    pub created_ms: i64,
    pub used_ms: Option<i64>,
}

/// An authorization code: the user's consent, for which the app has not yet fetched its token.
#[derive(Clone, Debug)]
pub struct Code {
    pub user_id: UserId,
    pub challenge: String,
    pub redirect_uri: String,
    pub token_name: String,
    pub scopes: Scopes,
    pub expires_ms: i64,
}

/// A new entry of the audit log: who did what (`audit`).
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    pub user_id: Option<UserId>,
    pub action: &'a str,
    pub subject: &'a str,
    pub detail: &'a str,
    pub address: &'a str,
}

/// An entry read from the audit log.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Noted {
    #[serde(rename = "atUnixMs")]
    pub at_ms: i64,
    /// The e-mail address of the account that the entry is about.
    pub user: Option<String>,
    pub action: String,
    pub subject: String,
    pub detail: String,
    pub address: String,
}

/// Totals of the whole server.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    pub stored_bytes: i64,
    /// Bytes of all products.
    pub made_bytes: i64,
    pub users: i64,
    pub parts_damaged: i64,
    /// Number of uploads by state.
    pub sessions: Vec<(String, i64)>,
    /// Number of jobs by product and state.
    pub jobs: Vec<(String, String, i64)>,
}

/// A token bucket for rate limiting: it holds `size` tokens and gains one every `refill_ms`.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    pub size: u32,
    pub refill_ms: i64,
}

/// The result of taking a token out of a [`Bucket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// A token was taken, and `left` remain.
    One { left: u32 },
    /// The bucket is empty. The next token is available after `wait_ms`.
    None { wait_ms: i64 },
}

impl Bucket {
    pub fn full_ms(self) -> i64 {
        i64::from(self.size) * self.refill_ms
    }
}

/// A file that is made from a finished video, or added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProductKind {
    Thumbnail,
    /// A silent animation of a few seconds.
    Preview,
    /// An MP4 of at most this height.
    Mp4(Mp4Height),
    /// The positions of the clusters in parts that were cut at arbitrary positions (`stream_index`).
    Index,
    /// The same video as a seekable file, for streams that can't be indexed.
    Remux,
    /// WebVTT captions that the owner uploaded.
    Captions,
}

/// The maximum height of an MP4.
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

    /// Returns whether the product has a URL of its own. The others are parts of the video.
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

/// A stored product.
#[derive(Clone, Debug)]
pub struct Product {
    pub kind: ProductKind,
    pub object_key: String,
    pub size_bytes: u64,
    pub sha256: [u8; 32],
}

/// A product that was just written, to be committed.
#[derive(Clone, Debug)]
pub struct NewProduct {
    pub object_key: String,
    pub size_bytes: u64,
    pub sha256: [u8; 32],
    /// The properties of the video that became known when the product was made.
    pub media: Option<Measured>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    pub duration_ms: u64,
    pub size_bytes: u64,
}

/// A worker's claim on a job.
#[derive(Clone, Debug)]
pub struct Lease {
    pub session_id: SessionId,
    /// The name of the work. A video has at most one job of each name.
    pub work: &'static str,
    pub attempts: u32,
    pub fence: i64,
}

/// A product to be made.
#[derive(Clone, Debug)]
pub struct Job {
    pub lease: Lease,
    pub product: ProductKind,
}

/// Assigns jobs to workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Thumbnails, previews and indexes: seconds each.
    Pictures,
    /// MP4s and remuxes: minutes to hours.
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

/// The state of one job, as the API reports it.
#[derive(Clone, Debug)]
pub struct JobStatus {
    pub product: ProductKind,
    pub state: JobState,
    pub attempts: u32,
    pub error: Option<String>,
}
