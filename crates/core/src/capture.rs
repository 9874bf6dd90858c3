//! The port between the app and whatever captures: `capture` in the product, a fake that emits
//! real WebM in tests. Types only.
//!
//! Order of events: `Started`, then `SegmentSealed` with indices 0, 1, 2, … and `Troubled` in
//! between, then `Ended` exactly once and last, whatever happened. A capture that fails before its
//! first frame answers `Ended` without `Started`.

use std::path::PathBuf;

use thiserror::Error;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureRequest {
    /// Exists and is empty. Capture writes `init.webm` and `NNNNNN.webm` into it.
    pub folder: PathBuf,
    pub source: Source,
    pub fps: u32,
    pub bitrate_bits: u32,
    pub pointer: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The whole of one display; `None` is the one that the platform calls first.
    Display(Option<u32>),
    /// A window by the platform's id (an XID on X11).
    Window(u64),
    /// Physical pixels on the display that holds the corner.
    Region { x: i32, y: i32, width: u32, height: u32 },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaptureEvent {
    /// The first frame is there, and `init.webm` is durable.
    Started {
        width: u32,
        height: u32,
    },
    SegmentSealed(SealedSegment),
    Troubled(Trouble),
    Ended {
        end: CaptureEnd,
        counts: FrameCounts,
    },
}

/// A segment whose file is whole, synced and under its final name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSegment {
    pub index: u32,
    pub size_bytes: u64,
    pub start_ms: u64,
    pub duration_ms: u64,
    pub sha256: [u8; 32],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// In the file.
    pub encoded: u64,
    /// Taken from the source and equal to the one before: nothing is lost with them.
    pub unchanged: u64,
    /// Lost, because encoder or disk did not keep up.
    pub dropped: u64,
}

/// Something that the person should know of, while the recording goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// So many frames were lost since it was last said.
    FramesDropped { count: u64 },
    /// No frame came for so long.
    SourceStalled { ms: u64 },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaptureEnd {
    Stopped,
    Failed(CaptureError),
}

/// Why there is no capture, or no more of it. What was sealed before is whole.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CaptureError {
    #[error("There is no display to record: {reason}")]
    NoDisplay { reason: String },
    #[error("Recording needs '{element}', which is not installed here. {remedy}")]
    EncoderMissing { element: String, remedy: String },
    #[error("The source that was chosen is not there: {reason}")]
    SourceMissing { reason: String },
    #[error("The recording's folder can't be written: {reason}")]
    FolderUnwritable { reason: String },
    #[error("The disk is full")]
    DiskFull,
    #[error("This platform can't be recorded yet: {reason}")]
    Unsupported { reason: String },
    #[error("Recording stopped by itself: {reason}")]
    PipelineFailed { reason: String },
}

/// Called on capture's own writer thread. It may block for a while: encoding goes on meanwhile, up
/// to the bound of capture's queue.
pub type CaptureSink = Box<dyn FnMut(CaptureEvent) + Send>;

pub trait Capture: Send + Sync {
    /// Returns as soon as capture is under way or known to be impossible.
    fn start(
        &self,
        request: CaptureRequest,
        events: CaptureSink,
    ) -> Result<Box<dyn CaptureControl>, CaptureError>;
}

pub trait CaptureControl: Send {
    /// Asks for the end; the last segment and `Ended` follow. Can be repeated. Dropping does it too.
    fn stop(&mut self);
}
