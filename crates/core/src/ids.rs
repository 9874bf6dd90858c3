//! Ids that can't be confused with one another, and the names of a recording's files.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A UUIDv7 made by the app, so that ids sort by the time of their recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordingId(pub Uuid);

impl std::fmt::Display for RecordingId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for RecordingId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(RecordingId)
    }
}

/// The server's id for an upload, which is opaque to us.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub String);

/// The WebM header of a recording, in its folder.
pub const INIT_FILE: &str = "init.webm";
/// The thumbnail of a recording, in its folder. It may remain when the segments are deleted.
pub const STILL_FILE: &str = "still.jpg";
/// The suffix of a [`pointer_file`].
pub const POINTER_SUFFIX: &str = ".pointer";
/// The file in a recording's folder that marks its upload's session as one that may have bytes of struck segments,
/// under numbers that other parts get. It outlives the database.
pub const STRUCK_PARTS_FILE: &str = "struck-parts";
/// The suffix of a file whose bytes are damaged. It is kept beside its replacement.
pub const DAMAGED_SUFFIX: &str = ".damaged";

/// Returns a segment's file name. Sorted by bytes, the names are in playing order.
pub fn segment_file(index: u32) -> String {
    format!("{index:06}.webm")
}

/// Returns the index of the segment that the file name belongs to, or `None` for any other name.
pub fn segment_index(file_name: &str) -> Option<u32> {
    let digits = file_name.strip_suffix(".webm")?;
    (digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| digits.parse().ok())?
}

/// Returns the name of the file with the pointer's positions and clicks of a segment. It lies beside the segment
/// and is never uploaded.
pub fn pointer_file(index: u32) -> String {
    format!("{index:06}{POINTER_SUFFIX}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_go_both_ways() {
        assert_eq!(segment_file(7), "000007.webm");
        assert_eq!(segment_index("000007.webm"), Some(7));
        for name in ["init.webm", "7.webm", "000007.webm.part", "00000a.webm", "+00007.webm"] {
            assert_eq!(segment_index(name), None, "{name}");
        }
    }
}
