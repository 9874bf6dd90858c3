//! The structure of a part as it is stored in the part's row. Pure.

use serde::{Deserialize, Serialize};
use snaplark_formats::webm::Cluster;

/// Building a video's map holds all of this in memory for a moment. The limit is enough for ten hours
/// of clusters of two thirds of a second, or 14 hours of the app's own. Later parts become opaque
/// too.
pub const VIDEO_CLUSTERS_MAX: i64 = 50_000;

/// The structure of a part, determined on arrival and stored in its row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Layout {
    /// Whole clusters, which may follow an init.
    Clusters {
        /// The header before the first cluster.
        init: Option<InitAt>,
        /// All clusters, in the order of their bytes.
        clusters: Vec<ClusterAt>,
    },
    /// A part whose clusters are not known: it was cut at arbitrary positions, has too many clusters
    /// or gaps, or is not WebM.
    Opaque,
}

impl Layout {
    /// Returns how many clusters the part is known to hold.
    pub fn clusters_count(&self) -> u32 {
        match self {
            Layout::Clusters { clusters, .. } => u32::try_from(clusters.len()).unwrap_or(u32::MAX),
            Layout::Opaque => 0,
        }
    }
}

/// The init at the beginning of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitAt {
    /// The size of the header at the beginning of the part.
    pub len_bytes: u64,
    /// Equal for parts whose clusters may be combined in one file.
    pub tracks: String,
    /// The codecs as Media Source Extensions expect them: `vp9,opus`. Empty if one of them has no
    /// known name.
    pub codecs: String,
}

/// Offset, size, start, end, and flags: 1 if it begins with a keyframe, 2 for a placeholder; the other six
/// bits are the length of its head (`snaplark_formats::webm::cluster_head_bytes`), or 0 if it isn't known.
/// It is a tuple because there are thousands of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterAt(pub u64, pub u64, pub u64, pub u64, pub u8);

const KEYFRAME: u8 = 1;
const PLACEHOLDER: u8 = 2;
const HEAD_SHIFT: u32 = 2;

impl From<&Cluster> for ClusterAt {
    fn from(c: &Cluster) -> Self {
        let flags = if c.starts_with_keyframe { KEYFRAME } else { 0 };
        ClusterAt(c.offset, c.size, c.start_ms, c.end_ms, flags)
    }
}

impl ClusterAt {
    /// Returns the cluster in the words of the WebM reader.
    pub fn cluster(self) -> Cluster {
        let ClusterAt(offset, size, start_ms, end_ms, flags) = self;
        let starts_with_keyframe = flags & KEYFRAME > 0;
        Cluster { offset, size, start_ms, end_ms, starts_with_keyframe, video_frames: 0 }
    }

    /// Notes the length of the cluster's head. A longer one than any muxer writes stays unknown.
    pub fn set_head_bytes(&mut self, head_bytes: u64) {
        if head_bytes < 1 << (u8::BITS - HEAD_SHIFT) {
            self.4 |= (head_bytes as u8) << HEAD_SHIFT;
        }
    }

    /// Returns the length of the cluster's head, if it is known.
    pub fn head_bytes(self) -> Option<u64> {
        Some(u64::from(self.4 >> HEAD_SHIFT)).filter(|head_bytes| *head_bytes > 0)
    }

    /// Returns the same cluster at another time.
    #[must_use]
    pub fn shifted(self, shift_ms: i64) -> ClusterAt {
        let ClusterAt(offset, size, start_ms, end_ms, flags) = self;
        let shifted = |ms: u64| ms.saturating_add_signed(shift_ms);
        ClusterAt(offset, size, shifted(start_ms), shifted(end_ms), flags)
    }

    /// Marks the cluster as a placeholder.
    pub fn mark_placeholder(&mut self) {
        self.4 |= PLACEHOLDER;
    }

    /// Returns whether this is a placeholder for a segment that was damaged on the recording
    /// computer.
    pub fn is_placeholder(self) -> bool {
        self.4 & PLACEHOLDER > 0
    }

    /// Returns its place in the bytes of the part.
    pub fn range(self) -> std::ops::Range<u64> {
        self.0..self.0.saturating_add(self.1)
    }

    /// Returns when its first frame is shown.
    pub fn start_ms(self) -> u64 {
        self.2
    }

    /// Returns when its last frame ends.
    pub fn end_ms(self) -> u64 {
        self.3
    }
}
