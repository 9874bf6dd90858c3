//! Decisions without I/O: takes events with the time at which they happened and returns actions.
//! Nothing here reads a clock, a disk, a network or a random source (`clippy.toml` forbids it), so
//! everything can be simulated in virtual time.

pub mod capture;
mod ids;
pub mod overlay;
pub mod policy;
pub mod recorder;
pub mod ring;
pub mod upload;

pub use ids::{
    INIT_FILE, PART_SUFFIX, RecordingId, STILL_FILE, SessionId, segment_file, segment_index,
};
