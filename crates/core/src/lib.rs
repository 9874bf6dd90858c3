//! Decisions without I/O: takes events with the time at which they happened and returns actions.
//! Nothing here reads a clock, a disk, a network or a random source (`clippy.toml` forbids it), so
//! everything can be simulated in virtual time.

#![cfg_attr(test, allow(clippy::unwrap_used))]
#![warn(missing_docs, unreachable_pub)]

mod action;
pub mod capture;
pub mod cut;
mod device;
pub mod devices;
pub mod edit;
mod end_reason;
mod ids;
mod item;
pub mod overlay;
pub mod policy;
pub mod recorder;
pub mod render;
pub mod ring;
pub mod still;
pub mod upload;

pub use action::{
    Action, CarriedOutBy, DesktopAction, EngineAction, LinkAt, NoSuchAction, SendTarget, Way,
};
pub use end_reason::EndReason;
pub use ids::{
    DAMAGED_SUFFIX, INIT_FILE, POINTER_SUFFIX, RecordingId, STILL_FILE, STRUCK_PARTS_FILE,
    SessionId, pointer_file, segment_file, segment_index,
};
pub use item::{ItemId, ItemKind};
pub use snaplark_api::{bytes_of_hex, hex};
