//! The database interface, in terms of the domain. There is no SQL outside this folder.
//!
//! A row never names a blob that isn't durable yet. A blob without a row is deleted by the sweeper.
//! Changes that must happen together are one method here and one transaction in `rows`.
//!
//! The values in rows are declared by what they are about: accounts (`account`), background jobs
//! (`job`), and here uploads and links.

mod account;
mod door;
mod job;
#[cfg(feature = "postgres")]
mod postgres;
// The statements of `rows` are compiled once for each dialect, with that dialect's types.
#[allow(clippy::duplicate_mod)]
mod sqlite;

use snaplark_api::VideoState;
use snaplark_formats::sniff::MediaKind;
use thiserror::Error;
use uuid::Uuid;

use crate::layout::{ClusterAt, Layout};
use crate::quotas::Over;

pub use account::{
    AuditEntry, AuditRecord, Code, NewPassword, NewToken, TokenId, TokenInfo, User, UserAdded,
    UserId,
};
pub use door::Db;
pub use job::{JobState, JobStatus, Lane, Lease, Measured, NewProduct, Product, ProductName};
use job::{is_kept, is_kept_damaged, known_products};

/// An error of the database.
#[derive(Debug, Error)]
pub enum DbError {
    /// A statement failed, or no connection was free.
    #[error("the database did not answer: {0}")]
    Sql(#[from] sqlx::Error),
    /// A migration failed, or a newer program has written the database.
    #[error("the database could not be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A PostgreSQL address was given to a program without that feature.
    #[cfg(not(feature = "postgres"))]
    #[error("this program was built without PostgreSQL: it has no feature \"postgres\"")]
    NoPostgres,
    /// A copy of the file was asked for, and the database is a server.
    #[cfg(feature = "postgres")]
    #[error("the database is no file")]
    NoFile,
    /// The text of the value.
    #[error("the database holds a value that this version does not know: {0}")]
    Unknown(String),
}

impl DbError {
    /// Returns whether the disk is full.
    pub fn is_full(&self) -> bool {
        // The codes of SQLITE_FULL and of PostgreSQL's disk_full.
        const FULL: [&str; 2] = ["13", "53100"];
        match self {
            DbError::Sql(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| FULL.contains(&code.as_ref()))
            }
            #[cfg(not(feature = "postgres"))]
            DbError::NoPostgres => false,
            #[cfg(feature = "postgres")]
            DbError::NoFile => false,
            DbError::Sql(_) | DbError::Migrate(_) | DbError::Unknown(_) => false,
        }
    }
}

/// The upload's id, which is known to its owner only. The link holds the video's id instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub Uuid);

/// The id in a link. A recording's maker may choose it before the upload begins.
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
    /// The id that only the owner knows.
    pub session_id: SessionId,
    /// The owner.
    pub user_id: UserId,
    /// The id in the link.
    pub video_id: VideoId,
    /// How far it has come.
    pub state: VideoState,
    /// The name of the file, as its sender gave it.
    pub filename: String,
    /// The width in pixels: as init stated it, and as the bytes say once they are here.
    pub width: u32,
    /// The height in pixels, likewise.
    pub height: u32,
    /// When init was answered.
    pub created_ms: i64,
    /// When it last changed. An open upload that is idle for too long expires.
    pub active_ms: i64,
    /// The version of what is behind the link (`rows/versions`). The greatest finished one is served.
    pub version: u32,
    /// Incremented whenever the bytes that the video consists of change.
    pub revision: i64,
    /// The bytes of the parts that count towards the quota (`quotas`).
    pub stored_bytes: u64,
    /// The facts that finalize found; `None` before it.
    pub finished: Option<Finished>,
    /// Whether its owner has deleted it. The sweeper deletes its bytes later.
    pub removed: bool,
    /// The kind of file that it is.
    pub media: MediaKind,
    /// The settings of its link.
    pub share: Share,
    /// The number of its parts whose stored bytes differ from what was received.
    pub parts_damaged: u32,
    /// The products that exist: made from the upload, or added by its owner.
    pub made: Vec<ProductName>,
    /// Whether it has a list of pieces (`rows/versions`).
    pub is_edited: bool,
}

impl Upload {
    /// Returns whether this product of the video is there.
    pub fn has(&self, product: &ProductName) -> bool {
        self.made.contains(product)
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
    /// The number of parts that belong to the video.
    pub parts_total: u32,
    /// How the video is put together from them.
    pub assembly: Assembly,
    /// The size of the file that visitors get.
    pub size_bytes: u64,
    /// The length of the video, or zero for a picture.
    pub duration_ms: u64,
    /// The fingerprint of the parts as they came.
    pub etag: String,
    /// The ranges, in milliseconds, in which a placeholder is shown because the recording was damaged
    /// before it was uploaded.
    pub holes: Vec<(u64, u64)>,
}

/// A newly built map (`uploads::maps`), as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMap {
    /// The entity tag that the video is served with.
    pub etag: String,
    /// The map in its stored form.
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
    /// The owner.
    pub user_id: UserId,
    /// The recording's id, which becomes the video's id. `None` gives the video a new id.
    pub recording_id: Option<Uuid>,
    /// 1, or a greater version of a recording that is behind its link already.
    pub version: u32,
    /// The kind of file that was announced.
    pub media: MediaKind,
    /// The name of the file.
    pub filename: String,
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// The frame rate, or zero if init stated none.
    pub fps: u32,
    /// The fields of init that are kept as they came, in JSON.
    pub metadata: String,
    /// Whether the client may replace what is behind the link by a greater version: it has proved the id's
    /// secret, or its token has the scope `account`.
    pub may_replace: bool,
}

/// The result of opening an upload.
#[derive(Debug)]
pub enum Opened {
    /// An upload was created.
    New(Box<Upload>),
    /// The upload that this recording already has.
    Known(Box<Upload>),
    /// The recording's id belongs to another user.
    Taken,
    /// This greater version is behind the link already.
    Newer(u32),
    /// Another version is behind the link, and the client may not replace it.
    Unproven,
    /// The version is too far above the last one. The greatest that is accepted.
    TooFar(u32),
    /// A quota is exceeded, so nothing was created.
    Over(Over),
}

/// A stored part of an upload.
#[derive(Clone, Debug)]
pub struct StoredPart {
    /// Its place among the parts: `chunkIndex` in the API.
    pub index: u32,
    /// The key of its object in the storage.
    pub object_key: String,
    /// The size of its object.
    pub size_bytes: u64,
    /// The digest of what was received.
    pub sha256: [u8; 32],
    /// The layout that it was found to have.
    pub layout: Layout,
    /// What its row counts (`quotas`); 0 before it has one.
    pub row_bytes: u64,
    /// The stored object differs from what was received (`scrub`).
    pub is_damaged: bool,
    /// Is added to the times of its clusters when they are served (`rows/versions`).
    pub shift_ms: i64,
}

impl StoredPart {
    /// Returns its clusters at the times at which they are shown. A part whose structure is unknown has
    /// none.
    pub fn clusters(&self) -> impl Iterator<Item = ClusterAt> + '_ {
        let clusters: &[ClusterAt] = match &self.layout {
            Layout::Clusters { clusters, .. } => clusters,
            Layout::Opaque => &[],
        };
        clusters.iter().map(|cluster| cluster.shifted(self.shift_ms))
    }
}

/// Parts of an earlier version that follow each other and are kept by the version that is finished now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptRun {
    /// The index of the first one in the earlier version.
    pub from_index: u32,
    /// Its index in the new one.
    pub index: u32,
    /// How many they are.
    pub count: u32,
    /// Is added to the times of their clusters.
    pub shift_ms: i64,
}

/// The parts that a finished version keeps of an earlier one, as they are committed with it.
#[derive(Clone, Debug, Default)]
pub struct KeptParts {
    /// The version whose parts are kept.
    pub from: Option<SessionId>,
    /// Its parts that are kept as they are.
    pub runs: Vec<KeptRun>,
    /// The bytes of these parts.
    pub size_bytes: u64,
    /// What the rows of these parts count (`quotas`).
    pub row_bytes: u64,
    /// Index and shift of the version's own parts.
    pub shifts: Vec<(u32, i64)>,
    /// A product that was made of one of the earlier version: captions.
    pub product: Option<(ProductName, NewProduct)>,
}

impl KeptParts {
    /// Adds a part of the earlier version that is kept as it is.
    pub fn keep(&mut self, part: &StoredPart, index: u32, shift_ms: i64) {
        self.size_bytes += part.size_bytes;
        self.row_bytes += part.row_bytes;
        let from_index = part.index;
        match self.runs.last_mut() {
            Some(last)
                if last.shift_ms == shift_ms
                    && last.from_index + last.count == from_index
                    && last.index + last.count == index =>
            {
                last.count += 1;
            }
            _ => self.runs.push(KeptRun { from_index, index, count: 1, shift_ms }),
        }
    }
}

/// The result of finalize, with what is committed together with it.
#[derive(Clone, Copy, Debug)]
pub struct Finalization<'a> {
    /// The facts that finalize found.
    pub finished: &'a Finished,
    /// The map to serve from now on, if it was built already.
    pub map: Option<&'a NewMap>,
    /// The products to make.
    pub work: &'a [&'a ProductName],
    /// The parts that are kept of an earlier version.
    pub kept: &'a KeptParts,
    /// The time of the first check of its parts.
    pub scrub_ms: i64,
}

/// Where the bytes of a part come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartOrigin {
    /// Its owner sent them, which counts as bytes of the day.
    Sent,
    /// They were copied from an earlier version.
    Copied,
}

/// The result of storing a part.
#[derive(Debug)]
pub enum PartStored {
    /// The row names the new object now.
    Stored {
        /// How many parts the upload has.
        parts_received: u32,
        /// The objects that no row names now: the one that held this index before, and those of streams
        /// that were made of it.
        replaced: Vec<String>,
    },
    /// The upload was finalized, expired or removed meanwhile.
    Closed,
    /// A quota is exceeded, so nothing was stored.
    Over(Over),
}

/// Selects a user's uploads, newest first.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// A substring of their names; empty selects all.
    pub matching: &'a str,
    /// The last upload of the previous page.
    pub behind: Option<Cursor>,
    /// How many are returned at most.
    pub limit: u32,
    /// Includes screenshots.
    pub with_images: bool,
}

/// Selects one page of the user's own videos.
#[derive(Clone, Copy, Debug)]
pub struct VideoQuery<'a> {
    /// A substring of their names; empty selects all.
    pub matching: &'a str,
    /// Which kind of items.
    pub kind: ShelfKind,
    /// The order of the list.
    pub sort: Sort,
    /// The last upload of the previous page.
    pub behind: Option<SessionId>,
    /// How many are returned at most.
    pub limit: u32,
}

/// Selects recordings or screenshots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShelfKind {
    /// Both.
    #[default]
    All,
    /// Videos only.
    Recordings,
    /// Pictures only.
    Screenshots,
}

impl ShelfKind {
    /// Lists all choices.
    pub const ALL: [ShelfKind; 3] = [ShelfKind::All, ShelfKind::Recordings, ShelfKind::Screenshots];

    /// Returns the name used in URLs.
    pub const fn name(self) -> &'static str {
        match self {
            ShelfKind::All => "all",
            ShelfKind::Recordings => "recordings",
            ShelfKind::Screenshots => "screenshots",
        }
    }

    /// Returns the choice with this name in URLs.
    pub fn of(name: &str) -> Option<Self> {
        ShelfKind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The order of a list of videos.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The videos are ordered by the time at which they began, the latest first.
    #[default]
    Newest,
    /// The same, the earliest first.
    Oldest,
    /// The videos are ordered by title, whatever the case.
    Title,
    /// The largest first.
    Size,
    /// The longest first.
    Length,
    /// The most watched first.
    Views,
}

impl Sort {
    /// Lists all orders.
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

    /// Returns the order with this name in URLs.
    pub fn of(name: &str) -> Option<Self> {
        Sort::ALL.into_iter().find(|sort| sort.name() == name)
    }
}

/// A position in a list. The next page starts after this upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When that upload began.
    pub created_ms: i64,
    /// That upload, since several may begin in one millisecond.
    pub session_id: SessionId,
}

/// The owner's settings of a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Replaces the title that is derived from the file name.
    pub title: Option<String>,
    /// The text below the title.
    pub description: Option<String>,
    /// Who may see the video.
    pub visibility: Visibility,
    /// An Argon2id hash string.
    pub password: Option<String>,
    /// When the link ends.
    pub expires_ms: Option<i64>,
    /// How often the page was watched, not counting its owner.
    pub views: u64,
    /// Whether visitors are offered no download of the video.
    pub downloads_off: bool,
    /// Whether the owner wants to know how far the video is watched.
    pub counts_watching: bool,
}

impl Share {
    /// Returns whether the video can be seen without knowing who asks.
    pub fn is_open(&self) -> bool {
        self.visibility == Visibility::Link && self.expires_ms.is_none()
    }
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
    /// Lists all settings.
    pub const ALL: [Visibility; 3] = [Visibility::Link, Visibility::Members, Visibility::Password];

    /// Returns the word for it in rows, forms and the API.
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
    /// The new title; `Some(None)` returns to the one from the file name.
    pub title: Option<Option<String>>,
    /// The new description, or none.
    pub description: Option<Option<String>>,
    /// Who may see the video from now on.
    pub visibility: Option<Visibility>,
    /// An Argon2id hash string.
    pub password: Option<String>,
    /// When the link ends from now on, or never.
    pub expires_ms: Option<Option<i64>>,
    /// Whether visitors are offered no download of the video.
    pub downloads_off: Option<bool>,
    /// Whether it is counted how far the video is watched. `false` also deletes what was counted.
    pub counts_watching: Option<bool>,
}

/// The number of stretches of equal length for which it is counted how often they were played.
pub const WATCH_STRETCHES: usize = 100;

/// How far a version of a video was watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watching {
    /// How often somebody began to watch it.
    pub viewings: u64,
    /// How often each stretch of it was played, at most once for each viewing.
    pub plays: [u64; WATCH_STRETCHES],
}

/// Totals of the whole server.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// The bytes of all parts.
    pub stored_bytes: i64,
    /// Bytes of all products.
    pub made_bytes: i64,
    /// The number of accounts.
    pub users: i64,
    /// The number of parts whose stored bytes differ from what was received.
    pub parts_damaged: i64,
    /// Number of uploads by state.
    pub sessions: Vec<(String, i64)>,
    /// Number of jobs by product and state.
    pub jobs: Vec<(String, String, i64)>,
}

/// A token bucket for rate limiting: it holds `size` tokens and gains one every `refill_ms`.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// How many tokens it holds when it is full.
    pub size: u32,
    /// The time after which one token is added.
    pub refill_ms: i64,
}

/// The result of taking a token out of a [`Bucket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// A token was taken, and `left` remain.
    One {
        /// How many tokens remain.
        left: u32,
    },
    /// The bucket is empty. The next token is available after `wait_ms`.
    None {
        /// The time until then.
        wait_ms: i64,
    },
}

impl Bucket {
    /// Returns the time in which an empty bucket becomes full. A bucket that was quiet for that
    /// long is forgotten.
    pub fn full_ms(self) -> i64 {
        i64::from(self.size) * self.refill_ms
    }
}
