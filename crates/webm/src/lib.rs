//! WebM as Snaplark writes and reads it: bytes in, bytes out, no I/O.
//!
//! Why not a library: no crate gives hold of cluster boundaries, known sizes and reserved space at
//! once, and all three are what makes a segment playable and a file seekable without a copy.
//!
//! ```text
//! init    EBML header, Segment (unknown size), Void 100 (for SeekHead), Info + Void 11 (for
//!         Duration), Tracks
//! cluster Timestamp, SimpleBlocks by time, a video keyframe first; its size is known
//! cues    at the end of a finished file; then the two Voids are patched, in place
//! ```
