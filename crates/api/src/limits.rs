//! The limits that the documents state, which both sides observe.

/// A larger part gets a 413 (000: "max:10240" KiB).
pub const PART_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// S3 accepts no smaller part except the last (004).
pub const MULTIPART_PART_BYTES_MIN: u64 = 5 * 1024 * 1024;
/// S3's limit on the number of parts; also the most that finalize may list.
pub const PARTS_MAX: u32 = 10_000;
/// 000: "maximum total video size, recommended 2 GB". It is a default of the cloud, not a rule here.
pub const VIDEO_BYTES_DEFAULT_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// An upload expires when nothing was sent to it for this long (000).
pub const SESSION_IDLE_SECONDS_MAX: u64 = 24 * 60 * 60;
/// 000: "10 chunks/second per session".
pub const PARTS_PER_SECOND: u32 = 10;

/// The longest name of a file (000).
pub const FILENAME_CHARS_MAX: usize = 255;
/// The frame rates that init takes (000).
pub const FPS: std::ops::RangeInclusive<i64> = 1..=120;
/// The bitrates that init takes, in bits per second (000).
pub const BITRATE: std::ops::RangeInclusive<i64> = 100_000..=10_000_000;
/// The widths that init takes, in pixels (000).
pub const WIDTH: std::ops::RangeInclusive<i64> = 1..=7680;
/// The heights that init takes, in pixels (000).
pub const HEIGHT: std::ops::RangeInclusive<i64> = 1..=4320;

/// 002: "1MB (1024 * 1024 bytes)".
pub const POSTER_CHUNK_BYTES_MAX: u64 = 1024 * 1024;
/// 002: "max 50MB".
pub const POSTER_FILE_BYTES_MAX: u64 = 50 * 1024 * 1024;
/// 003: "500 * 1024 * 1024; // 500MB".
pub const STORAGE_FILE_BYTES_MAX: u64 = 500 * 1024 * 1024;

/// 004 shows one PNG; a current screen is far below this.
pub const SCREENSHOT_BYTES_MAX: u64 = 25 * 1024 * 1024;
/// The versions of one screenshot. More than a person saves, and within every integer of a client.
pub const SCREENSHOT_VERSIONS: std::ops::RangeInclusive<u32> = 1..=1_000_000;
/// The versions of one video, by the same measure.
pub const VIDEO_VERSIONS: std::ops::RangeInclusive<u32> = 1..=1_000_000;
/// The pieces of one version: each is a part.
pub const PIECES_MAX: u32 = PARTS_MAX;
/// The kept stretches of one version. An edit has a few; its list has to stay small, since the page gets it.
pub const STRETCHES_MAX: usize = 1_000;
/// The chapters of one version. Each is a line on the page.
pub const CHAPTERS_MAX: usize = 500;
/// The longest title of a chapter, as of a video.
pub const CHAPTER_CHARS_MAX: usize = 200;
/// The latest time of a video, in milliseconds: a year, far above every recording. Sums of such times fit
/// everywhere.
pub const TIME_MS_MAX: u64 = 365 * 24 * 60 * 60 * 1000;
/// WebVTT of many hours of speech.
pub const CAPTIONS_BYTES_MAX: u64 = 1024 * 1024;
