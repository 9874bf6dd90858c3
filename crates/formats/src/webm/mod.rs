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
//! finished  head (an init with the Voids filled and the Segment's size known, perhaps with Chapters), the
//!           clusters as they are, Cues
//! ```
//!
//! Times are milliseconds from the recording's start; a TimestampScale other than 1 ms is refused. The
//! reader takes untrusted bytes: it never panics, never recurses, and allocates by the actual size, not
//! by the claimed one.

mod durations;
mod ebml;
mod finish;
mod placeholder;
mod read;
mod retime;
mod scan;
mod split;
mod truncate;
mod vp9;
mod write;

use thiserror::Error;

pub use durations::{blocks, with_durations};
pub use finish::{FinishedFile, finish, finish_with_chapters};
pub use placeholder::{is_placeholder, placeholder};
pub use read::{Cluster, Init, PartContents, index, read_init};
pub use retime::{cluster_head_bytes, moved, moved_cluster_head, retime};
pub use scan::{Joint, Scan, Scanned};
pub use split::{FramePiece, cut_at_frames, frames_between};
pub use truncate::truncate;
pub use write::{Block, Track, cluster, cluster_header, init, init_with_frame_rate};

/// The tracks of a file. Parsed from any WebM; written with one video track (VP9, VP8 or AV1) and at
/// most one audio track.
#[derive(Clone, Debug, PartialEq)]
pub struct Tracks {
    /// The video track.
    pub video: Video,
    /// The audio track, if there is one.
    pub audio: Option<Audio>,
}

/// The description of a video track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Video {
    /// The codec of the pictures.
    pub codec: VideoCodec,
    /// The width of a picture in pixels.
    pub width: u32,
    /// The height of a picture in pixels.
    pub height: u32,
}

/// A codec of pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VideoCodec {
    /// VP8.
    Vp8,
    /// VP9.
    Vp9,
    /// AV1.
    Av1,
    /// Another codec, by its Matroska id.
    Other(String),
}

/// The description of an audio track.
#[derive(Clone, Debug, PartialEq)]
pub struct Audio {
    /// The codec of the packets.
    pub codec: AudioCodec,
    /// The OpusHead packet, for Opus.
    pub codec_private: Vec<u8>,
    /// The sample rate in hertz.
    pub sample_rate: f64,
    /// The number of channels.
    pub channels: u8,
    /// The pre-skip as time, for Opus.
    pub codec_delay_ns: u64,
}

/// A codec of sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioCodec {
    /// Opus.
    Opus,
    /// Vorbis.
    Vorbis,
    /// Another codec, by its Matroska id.
    Other(String),
}

/// A reason why bytes can't be read or written as WebM.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WebmError {
    /// The bytes begin with neither a WebM header nor a cluster.
    #[error("the bytes do not begin with a WebM header or a cluster")]
    NotWebm,
    /// An element claims more bytes than there are.
    #[error("an element ends beyond the bytes (at byte {offset})")]
    Truncated {
        /// The position of the element in the bytes.
        offset: u64,
    },
    /// An element is not allowed there, or has an invalid value.
    #[error("an element is not what WebM allows there: {reason} (at byte {offset})")]
    Malformed {
        /// The position of the element in the bytes.
        offset: u64,
        /// The problem of the element.
        reason: &'static str,
    },
    /// Written by live muxers and browsers. It is unknown whether such a cluster is complete or cut
    /// off.
    #[error("a cluster has no size (at byte {offset})")]
    ClusterUnsized {
        /// The position of the cluster in the bytes.
        offset: u64,
    },
    /// The header lacks what is named.
    #[error("there is no {0} in the header")]
    Missing(&'static str),
    /// The times have another unit than milliseconds, given in nanoseconds.
    #[error("times are not in milliseconds but in units of {0} ns")]
    OtherTimescale(u64),
    /// A cluster was to be written without a block.
    #[error("a cluster can't hold no block")]
    ClusterEmpty,
    /// A cluster was to be written that spans more milliseconds than a block's time can express.
    #[error("a cluster can't span {0} ms")]
    ClusterTooLong(u64),
    /// The clusters are not in the order of their times.
    #[error("clusters are not in the order of their times (at {start_ms} ms)")]
    Backwards {
        /// The time of the cluster that begins before the one in front of it.
        start_ms: u64,
    },
    /// A part has more clusters than this limit.
    #[error("there are more than {0} clusters in one part")]
    TooManyClusters(usize),
}
