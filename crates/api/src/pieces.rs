//! The pieces of a version of a video: which bytes of the version before it are kept, and which are new.

use serde::{Deserialize, Serialize};

/// The request of `PUT /videos/{sessionId}/pieces`: what a version of a video consists of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PiecesRequest {
    /// The version to which `keep` refers. If the link shows another one, no piece is kept.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000_000))]
    pub from_version: u32,
    /// The pieces in playing order. The place in this list is the index of the new version's part.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 10_000))]
    pub pieces: Vec<VersionPiece>,
    /// Where the times of the recording are shown in this version, in the order of `at_ms`. Absent means
    /// that they are not moved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 1_000))]
    pub times: Vec<ShownStretch>,
    /// The chapters, by times of the recording. Those that were cut are dropped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(max_items = 500))]
    pub chapters: Vec<VersionChapter>,
}

/// One part of a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct VersionPiece {
    /// The bytes of the earlier version that are kept. Absent means that the part is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = KeptBytes))]
    pub keep: Option<KeptBytes>,
    /// Is added to the time of each of the part's clusters when it is served. The stored bytes don't
    /// change.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = false, minimum = -31_536_000_000_i64, maximum = 31_536_000_000_i64))]
    pub shift_ms: i64,
}

/// Bytes of a part that the server has: whole clusters, of which the first begins with a keyframe, or the
/// whole part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeptBytes {
    /// The index of the earlier version's part.
    #[cfg_attr(feature = "openapi", schema(maximum = 9_999))]
    pub chunk_index: u32,
    /// The offset of the first byte in that part.
    #[cfg_attr(feature = "openapi", schema(maximum = 1_099_511_627_776_u64))]
    pub start: u64,
    /// The offset behind the last byte.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_099_511_627_776_u64))]
    pub end: u64,
    /// SHA-256 of exactly these bytes, as hexadecimal digits.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-fA-F]{64}$"))]
    pub sha256: String,
}

/// A stretch of the recording that a version shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ShownStretch {
    /// The time of the recording at which the stretch begins.
    #[cfg_attr(feature = "openapi", schema(maximum = 31_536_000_000_u64))]
    pub from_ms: u64,
    /// The time of the recording at which it ends.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 31_536_000_000_u64))]
    pub to_ms: u64,
    /// The time of the version at which it begins.
    #[cfg_attr(feature = "openapi", schema(maximum = 31_536_000_000_u64))]
    pub at_ms: u64,
}

/// A chapter of a video.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct VersionChapter {
    /// The time of the recording at which the chapter begins.
    #[cfg_attr(feature = "openapi", schema(maximum = 31_536_000_000_u64))]
    pub source_ms: u64,
    /// Its title.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 200, pattern = "\\S"))]
    pub title: String,
}

/// The response of `PUT /videos/{sessionId}/pieces`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct PiecesAnswer {
    /// Always true.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub success: bool,
    /// The upload of this version.
    #[cfg_attr(feature = "openapi", schema(value_type = uuid::Uuid, required = true))]
    pub session_id: String,
    /// The version.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub version: u32,
    /// The parts that have to be sent: new ones, and kept ones that the server lacks. A kept one is sent as
    /// the bytes of its range.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub missing_chunks: Vec<u32>,
}
