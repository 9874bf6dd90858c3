//! Chapters of a file, as containers hold them: a time, an end and a title.

/// A chapter of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChapterMark {
    /// When it begins.
    pub start_ms: u64,
    /// When the next one begins, or the file ends.
    pub end_ms: u64,
    /// Its title.
    pub title: String,
}
