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

pub const FILENAME_CHARS_MAX: usize = 255;
pub const FPS: std::ops::RangeInclusive<i64> = 1..=120;
pub const BITRATE: std::ops::RangeInclusive<i64> = 100_000..=10_000_000;
pub const WIDTH: std::ops::RangeInclusive<i64> = 1..=7680;
pub const HEIGHT: std::ops::RangeInclusive<i64> = 1..=4320;

/// 004 shows one PNG; a current screen is far below this.
pub const SCREENSHOT_BYTES_MAX: u64 = 25 * 1024 * 1024;
/// WebVTT of many hours of speech.
pub const CAPTIONS_BYTES_MAX: u64 = 1024 * 1024;
