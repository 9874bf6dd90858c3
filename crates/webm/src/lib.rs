//! Writes and reads WebM: takes bytes and returns bytes, without I/O.
//!
//! This is not done by a library: no crate gives control over cluster boundaries, known sizes and
//! reserved space at once, and all three are needed to make a segment playable and a file seekable
//! without a copy.
//!
//! ```text
//! init      EBML header, Segment (unknown size), Void 100 (for SeekHead), Info + Void 11 (for
//!           Duration), Tracks
//! cluster   Timestamp, blocks by time, a video keyframe first; its size is known
//! finished  head (an init with the Voids filled and the Segment's size known), the clusters as
//!           they are, Cues
//! ```
//!
//! Times are milliseconds from the recording's start; a TimestampScale other than 1 ms is refused. The
//! reader takes untrusted bytes: it never panics, never recurses, and allocates by the actual size, not
//! by the claimed one.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod durations;
mod ebml;
mod finish;
mod placeholder;
mod read;
mod retime;
mod scan;
mod vp9;
mod write;

use thiserror::Error;

pub use durations::with_durations;
pub use finish::{Finished, finish};
pub use placeholder::{is_placeholder, placeholder};
pub use read::{Cluster, Init, Part, index, read_init};
pub use retime::retime;
pub use scan::{Joint, Scan, Scanned};
pub use write::{Block, Track, cluster, cluster_header, init};

/// The tracks of a file. Parsed from any WebM; written with one video track (VP9, VP8 or AV1) and at
/// most one audio track.
#[derive(Clone, Debug, PartialEq)]
pub struct Tracks {
    pub video: Video,
    pub audio: Option<Audio>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Video {
    pub codec: VideoCodec,
    pub width: u32,
    pub height: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VideoCodec {
    Vp8,
    Vp9,
    Av1,
    /// Another codec, by its Matroska id.
    Other(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Audio {
    pub codec: AudioCodec,
    /// For Opus, the OpusHead packet.
    pub codec_private: Vec<u8>,
    pub sample_rate: f64,
    pub channels: u8,
    /// For Opus, the pre-skip as time.
    pub codec_delay_ns: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioCodec {
    Opus,
    Vorbis,
    /// Another codec, by its Matroska id.
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WebmError {
    #[error("the bytes do not begin with a WebM header or a cluster")]
    NotWebm,
    #[error("an element ends beyond the bytes (at byte {offset})")]
    Truncated { offset: u64 },
    #[error("an element is not what WebM allows there: {reason} (at byte {offset})")]
    Malformed { offset: u64, reason: &'static str },
    /// Written by live muxers and browsers. It is unknown whether such a cluster is complete or cut
    /// off.
    #[error("a cluster has no size (at byte {offset})")]
    ClusterUnsized { offset: u64 },
    #[error("there is no {0} in the header")]
    Missing(&'static str),
    #[error("times are not in milliseconds but in units of {0} ns")]
    OtherTimescale(u64),
    #[error("a cluster can't hold no block")]
    ClusterEmpty,
    #[error("a cluster can't span {0} ms")]
    ClusterTooLong(u64),
    #[error("clusters are not in the order of their times (at {start_ms} ms)")]
    Backwards { start_ms: u64 },
    #[error("there are more than {0} clusters in one part")]
    TooManyClusters(usize),
}
