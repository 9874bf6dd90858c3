//! The rows of background jobs and of the products that they make.
//!
//! A row knows a product by its name only. What a product is, and how it is made, is known to
//! `snaplark_cloud::jobs`, so that a new one changes nothing here.

use std::borrow::Cow;

use super::SessionId;

/// The name of a product: of its rows, of its job, and of the last segment of its URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProductName(Cow<'static, str>);

/// The names of the products whose presence [`super::Upload::has`] knows, as SQL. A stream has thousands of
/// pieces, so the statement looks for these alone.
macro_rules! known_products {
    () => {
        "'1080.hls', '1080.mp4', '480.hls', '480.mp4', '720.hls', '720.mp4', 'captions.vtt', \
         'index.json', 'preview.webp', 'remux.webm', 'thumbnail.jpg'"
    };
}
pub(super) use known_products;

/// The condition under which a row of `parts` is kept by a row of `kept_runs`.
macro_rules! is_kept {
    () => {
        "parts.session_id = kept_runs.from_session AND parts.part_index >= kept_runs.from_index \
         AND parts.part_index < kept_runs.from_index + kept_runs.parts"
    };
}
pub(super) use is_kept;

/// The same for damaged parts. The sign makes SQLite look at the few damaged parts, and not at all of the run.
macro_rules! is_kept_damaged {
    () => {
        "parts.session_id = kept_runs.from_session AND parts.damaged_ms IS NOT NULL \
         AND +parts.part_index >= kept_runs.from_index \
         AND +parts.part_index < kept_runs.from_index + kept_runs.parts"
    };
}
pub(super) use is_kept_damaged;

impl ProductName {
    /// Returns whether rows of uploads say if this product is there. Each that isn't a piece has to be
    /// among them.
    pub fn is_known(&self) -> bool {
        known_products!().split(", ").any(|name| name.trim_matches('\'') == self.0)
    }

    /// Names a product that this program knows. [`ProductName::is_valid`] has to hold.
    pub const fn new(name: &'static str) -> Self {
        ProductName(Cow::Borrowed(name))
    }

    /// Returns the name as its row and its URL have it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Names a piece of this product. It has a row of its own, and is no product that is listed.
    #[must_use]
    pub fn piece(&self, piece: &str) -> ProductName {
        ProductName(Cow::Owned(format!("{}.{piece}", self.0)))
    }

    /// Returns the product that this is a piece of, or the product itself.
    #[must_use]
    pub fn whole(&self) -> ProductName {
        match self.0.split_once(".hls.") {
            Some((height, _)) => ProductName(Cow::Owned(format!("{height}.hls"))),
            None => self.clone(),
        }
    }

    /// Returns whether the statements of `rows`, which join and compare names, can use this one: it
    /// consists of small letters, digits, points and hyphens.
    pub fn is_valid(&self) -> bool {
        let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
        !self.0.is_empty() && self.0.bytes().all(fits)
    }
}

/// A row's text. Another version of the program may have written it.
impl From<String> for ProductName {
    fn from(name: String) -> Self {
        ProductName(Cow::Owned(name))
    }
}

/// A stored product.
#[derive(Clone, Debug)]
pub struct Product {
    /// The product that it is.
    pub name: ProductName,
    /// The key of its object in the storage.
    pub object_key: String,
    /// The size of its object.
    pub size_bytes: u64,
    /// The digest of its object when it was written.
    pub sha256: [u8; 32],
}

/// A product that was just written, to be committed.
#[derive(Clone, Debug)]
pub struct NewProduct {
    /// The key of its object, which is durable already.
    pub object_key: String,
    /// The size of its object.
    pub size_bytes: u64,
    /// The digest of its object.
    pub sha256: [u8; 32],
    /// The properties of the video that became known when the product was made.
    pub media: Option<Measured>,
    /// Whether the video is served in another way once the product is there. If so, the map that was
    /// stored for it is outdated.
    pub changes_video: bool,
}

/// The properties of a video that reading all of it has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The length of the video.
    pub duration_ms: u64,
    /// The size of the file that visitors get.
    pub size_bytes: u64,
}

/// A worker's claim on a job.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The upload whose job it is.
    pub session_id: SessionId,
    /// The name of the work. A video has at most one job of each name.
    pub work: ProductName,
    /// How often the job was claimed, this time included.
    pub attempts: u32,
    /// The fencing token: a later claim has a greater one.
    pub fence: i64,
}

/// Assigns jobs to workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Thumbnails, previews and indexes: seconds each.
    Pictures,
    /// MP4s and remuxes: minutes to hours. No user has two of them made at once.
    Videos,
    /// Streams of H.264, which may follow a recording for as long as it runs. No user has more than two
    /// of them made at once.
    Streams,
    /// The same of finished videos alone, so that recordings don't occupy all workers. Two for one user.
    FinishedStreams,
}

/// The state of a job so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It is made when a worker is free and its time has come.
    Waiting,
    /// A worker has it, as long as its lease lasts.
    Running,
    /// Its product is there.
    Done,
    /// It isn't tried again.
    Failed,
}

impl JobState {
    /// Lists all states.
    pub const ALL: [JobState; 4] =
        [JobState::Waiting, JobState::Running, JobState::Done, JobState::Failed];

    /// Returns the word for it in rows and in the API.
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
    /// The product that the job makes.
    pub product: ProductName,
    /// Its state so far.
    pub state: JobState,
    /// How often a worker has begun it.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub error: Option<String>,
}
