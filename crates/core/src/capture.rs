//! The port between the app and a capture implementation: the crate `capture` in the product, a fake
//! that emits real WebM in tests. Types only.
//!
//! Order of events: `Started`, then `SegmentSealed` with indices 0, 1, 2, …; in between `Paused` and
//! `Resumed` alternately, `Cut`, `Troubled`, `Permitted` and `Level`; then `Ended` exactly once and
//! last, whatever happened. A capture that fails before its first frame sends `Ended` without
//! `Started`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

use crate::overlay::{Marks, Webcam};

#[derive(Clone, Debug)]
pub struct CaptureRequest {
    /// Must exist and be empty. Capture writes `init.webm` and `NNNNNN.webm` into it.
    pub folder: PathBuf,
    /// The folder that capture creates and switches to when `folder` can't be written any more, after
    /// it has reported `FolderLost`. It gets an init of its own. With `None` the recording ends
    /// instead.
    pub spare_folder: Option<PathBuf>,
    pub source: Source,
    pub fps: u32,
    pub bitrate_bits: u32,
    /// Whether a hardware encoder may be used, if one works.
    pub hardware_encoding: bool,
    /// The limit on the shorter side, in pixels; larger sources are scaled down.
    pub lines_max: Option<u32>,
    pub pointer: bool,
    pub sound: Sound,
    pub webcam: Webcam,
    pub marks: Marks,
    /// The permission of an earlier recording of the same source, so that the desktop need not ask
    /// again.
    pub permission: Option<Permission>,
    pub abandoned: Abandoned,
}

/// A token from a desktop that asks before it shares a screen. Whoever holds it can record without a
/// question.
#[derive(Clone, PartialEq, Eq)]
pub struct Permission(pub String);

impl std::fmt::Debug for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Permission(…)")
    }
}

/// Set when the start is no longer wanted: a desktop that asks may be answered after minutes, or never.
#[derive(Clone, Debug, Default)]
pub struct Abandoned(Arc<AtomicBool>);

impl Abandoned {
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The sound to record, mixed into one track. By default there is none, and no track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sound {
    pub microphone: Option<Device>,
    /// Leaves the microphone closed until it is unmuted for the first time. There is a track for it
    /// from the start, but the device of a person who wants to be silent is not opened.
    pub microphone_waits: bool,
    /// Whether to record what this computer plays, on any output.
    pub system: bool,
    /// Whether to send `Level` events.
    pub levels: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// The system's default device, also when that changes.
    #[default]
    Default,
    /// A device by the system's name for it, or by the one that people see. No other device replaces
    /// it.
    Named(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listening {
    Microphone,
    System,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The whole of one display; `None` is the one that the platform calls first.
    Display(Option<u32>),
    /// A window by the platform's id (an XID on X11).
    Window(u64),
    /// An area in physical pixels, on the display that contains its corner.
    Region { x: i32, y: i32, width: u32, height: u32 },
}

/// What a source shows, in the words of the programs themselves; either may be empty. It is untrusted
/// and private text, so `Debug` does not print it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Subject {
    pub app: String,
    pub window: String,
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subject(…)")
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaptureEvent {
    /// The first frame has arrived, and `init.webm` is durable.
    Started {
        width: u32,
        height: u32,
    },
    SegmentSealed(SealedSegment),
    /// The recording is paused, and everything up to this time is sealed.
    Paused {
        at_ms: u64,
    },
    /// The recording continues from that time.
    Resumed {
        at_ms: u64,
    },
    /// Everything up to this time is sealed, as requested with `cut`. The recording continues.
    Cut {
        at_ms: u64,
    },
    Troubled {
        at_ms: u64,
        trouble: Trouble,
    },
    /// The desktop gave a new permission. Sent at most once; the earlier one may no longer be valid.
    Permitted(Permission),
    /// The peak levels of the last tenth of a second, in thousandths of full scale; 0 for a source that
    /// is not recorded. A muted microphone still has its level.
    Level {
        microphone: u16,
        system: u16,
    },
    Ended {
        end: CaptureEnd,
        counts: FrameCounts,
    },
}

/// A segment whose file is complete, synced and under its final name.
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
    /// Frames that are in the file.
    pub encoded: u64,
    /// Frames that equal the one before; nothing is lost with them.
    pub unchanged: u64,
    /// Frames that were lost because encoder or disk did not keep up.
    pub dropped: u64,
}

/// A non-fatal problem that the person should know about while the recording continues.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Trouble {
    /// Frames were lost since the last such report.
    #[error(
        "This computer did not keep up: {count} {} lost. The recording goes on",
        if *count == 1 { "picture was" } else { "pictures were" }
    )]
    FramesDropped { count: u64 },
    /// No frame came for this long.
    #[error("No picture came for {} seconds. The recording goes on", ms / 1_000)]
    SourceStalled { ms: u64 },
    /// The source can't be seen; its last picture is shown instead.
    #[error("What is recorded can't be seen now. The recording goes on with its last picture")]
    SourceLost,
    #[error("What is recorded is to be seen again, after {} seconds", ms / 1_000)]
    SourceBack { ms: u64 },
    /// The encoder went to lower quality, so that no pictures are lost.
    #[error("This computer is busy, so pictures are a little less sharp. Nothing is lost")]
    EncoderHurried,
    #[error("Pictures are as sharp as before")]
    EncoderRelaxed,
    /// The encoder was replaced. Pictures that were inside it are lost, and counted.
    #[error(
        "The graphics card's encoder failed: {reason}. The recording goes on without it, and what \
         was recorded is whole"
    )]
    EncoderSwitched { reason: String },
    /// There is silence from here on. Also sent at the start, if there was no sound at all.
    #[error("There is no sound of the {listening}: {reason}. The recording goes on without it")]
    AudioLost { listening: Listening, reason: String },
    #[error("The sound of the {listening} is back")]
    AudioBack { listening: Listening },
    /// The webcam is missing from the picture from here on. Also sent at the start, if there was no
    /// webcam at all.
    #[error("There is no picture of the webcam: {reason}. The recording goes on without it")]
    WebcamLost { reason: String },
    #[error("The webcam is back")]
    WebcamBack,
    /// Sent at the start, if marks were requested.
    #[error("Clicks and keys can't be shown: {reason}. The recording goes on without them")]
    MarksMissing { reason: String },
    #[error(
        "Only {} MB are free on the disk. The recording goes on until {} MB are left",
        free_bytes / 1_000_000, stop_bytes / 1_000_000
    )]
    DiskLow { free_bytes: u64, stop_bytes: u64 },
    /// Later segments are sealed in that folder instead.
    #[error(
        "The recording's folder is gone ({reason}). The recording goes on in {}", instead.display()
    )]
    FolderLost { reason: String, instead: PathBuf },
    /// The segments that were sealed elsewhere are back in the recording's folder.
    #[error("The recording's folder is back, and the recording whole in it")]
    FolderBack,
}

impl Trouble {
    /// Returns a short name for the issue, which is the same in rows, windows and JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Trouble::FramesDropped { .. } => "frames-dropped",
            Trouble::SourceStalled { .. } => "source-stalled",
            Trouble::SourceLost => "source-lost",
            Trouble::SourceBack { .. } => "source-back",
            Trouble::EncoderHurried => "encoder-hurried",
            Trouble::EncoderRelaxed => "encoder-relaxed",
            Trouble::EncoderSwitched { .. } => "encoder-switched",
            Trouble::AudioLost { .. } => "audio-lost",
            Trouble::AudioBack { .. } => "audio-back",
            Trouble::WebcamLost { .. } => "webcam-lost",
            Trouble::WebcamBack => "webcam-back",
            Trouble::MarksMissing { .. } => "marks-missing",
            Trouble::DiskLow { .. } => "disk-low",
            Trouble::FolderLost { .. } => "folder-lost",
            Trouble::FolderBack => "folder-back",
        }
    }
}

impl std::fmt::Display for Listening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Listening::Microphone => "microphone",
            Listening::System => "system",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaptureEnd {
    Stopped,
    Failed(CaptureError),
}

/// A recording's thumbnail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Still {
    pub jpeg: Vec<u8>,
    /// True if the picture is nearly all of one color, so that another one is more useful.
    pub blank: bool,
}

/// Why there is no capture, or why it ended. Segments that were sealed before are complete.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CaptureError {
    #[error("There is no display to record: {reason}")]
    NoDisplay { reason: String },
    #[error("Recording needs '{element}', which is not installed here. {remedy}")]
    EncoderMissing { element: String, remedy: String },
    #[error("The source that was chosen is not there: {reason}")]
    SourceMissing { reason: String },
    #[error("You closed the desktop's question what to share. Start again and choose a screen")]
    Declined,
    #[error("The desktop does not share the screen: {reason}")]
    SharingRefused { reason: String },
    #[error(
        "The desktop's screen sharing does not answer. Start again; if that does not help, log out \
         and in"
    )]
    SharingSilent,
    #[error("The desktop ended the sharing of the screen")]
    SharingRevoked,
    #[error("The desktop's screen sharing broke off ({reason})")]
    SharingLost { reason: String },
    #[error("It was stopped before anything was recorded")]
    Abandoned,
    #[error("The recording's folder can't be written: {reason}")]
    FolderUnwritable { reason: String },
    #[error("No sound can be recorded: {reason}")]
    NoSound { reason: String },
    #[error("The disk is full")]
    DiskFull,
    #[error("This platform can't be recorded yet: {reason}")]
    Unsupported { reason: String },
    #[error("Recording stopped by itself: {reason}")]
    PipelineFailed { reason: String },
    #[error("No picture can be made of it: {reason}")]
    NoStill { reason: String },
}

/// Receives events on capture's own writer thread. It may block for a while: encoding continues
/// meanwhile, up to the limit of capture's queue.
pub type CaptureSink = Box<dyn FnMut(CaptureEvent) + Send>;

pub trait Capture: Send + Sync {
    /// Starts a capture. Returns as soon as it is running, or known to be impossible.
    fn start(
        &self,
        request: CaptureRequest,
        events: CaptureSink,
    ) -> Result<Box<dyn CaptureControl>, CaptureError>;

    /// Returns the first picture of a segment, scaled down. Takes some ten milliseconds, and no part of
    /// a recording waits for it.
    fn still(&self, init: &[u8], segment: &[u8]) -> Result<Still, CaptureError>;

    /// Returns the window that is the source, or the one that is in use on it now. `None` if the
    /// platform does not tell.
    fn subject(&self, _source: &Source) -> Option<Subject> {
        None
    }
}

pub trait CaptureControl: Send {
    /// Requests the end; the last segment and `Ended` follow. Can be repeated. Dropping does the same.
    fn stop(&mut self);

    /// Pauses the recording's time; devices stay open. `Paused` follows when everything recorded is
    /// sealed. Does nothing before `Started` or in a pause.
    fn pause(&mut self);

    /// Ends a pause. `Resumed` follows with the first picture, which begins a segment. If `Paused` was
    /// not sent yet, neither event is sent.
    fn resume(&mut self);

    /// Seals everything up to now and continues. `Cut` follows, once for all requests before it. Does
    /// nothing before `Started` or in a pause.
    fn cut(&mut self);

    /// Mutes the microphone from now on, to the sample. The computer's own sound is still recorded.
    fn set_muted(&mut self, muted: bool);

    /// Changes the webcam from the next picture on: visibility, position, size, camera. A missing
    /// camera is reported as an issue.
    fn set_webcam(&mut self, webcam: Webcam);
}
