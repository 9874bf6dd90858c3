//! The port between the app and whatever captures: `capture` in the product, a fake that emits
//! real WebM in tests. Types only.
//!
//! Order of events: `Started`, then `SegmentSealed` with indices 0, 1, 2, … and in between `Paused`
//! and `Resumed` in turns, `Cut`, `Troubled`, `Permitted` and `Level`, then `Ended` exactly once and last,
//! whatever happened. A capture that fails before its first frame answers `Ended` without `Started`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

use crate::overlay::{Marks, Webcam};

#[derive(Clone, Debug)]
pub struct CaptureRequest {
    /// Exists and is empty. Capture writes `init.webm` and `NNNNNN.webm` into it.
    pub folder: PathBuf,
    /// Where it goes on when `folder` can't be written any more, having said `FolderLost`; with an
    /// init of its own. Made then. `None`: it ends.
    pub spare_folder: Option<PathBuf>,
    pub source: Source,
    pub fps: u32,
    pub bitrate_bits: u32,
    /// An encoder of the graphics card may be used, where it works.
    pub hardware_encoding: bool,
    /// The shorter side is made to have so many pixels, where the source has more.
    pub lines_max: Option<u32>,
    pub pointer: bool,
    pub sound: Sound,
    pub webcam: Webcam,
    pub marks: Marks,
    /// Of an earlier recording of the same source, so that the desktop need not ask again.
    pub permission: Option<Permission>,
    pub abandoned: Abandoned,
}

/// What a desktop that asks before it shares a screen gave with the answer. Whoever has it records
/// without being asked.
#[derive(Clone, PartialEq, Eq)]
pub struct Permission(pub String);

impl std::fmt::Debug for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Permission(…)")
    }
}

/// Whether the start is still wanted: a desktop that asks may be answered in minutes, or never.
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

/// What is heard, mixed into one track; by default nothing, and there is no track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sound {
    pub microphone: Option<Device>,
    /// What this computer plays, on whatever it is played.
    pub system: bool,
    /// Whether `Level`s are wanted.
    pub levels: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// Whatever the system takes for the default one, also when that changes.
    #[default]
    Default,
    /// By the system's name for it, or the one that people see. No other takes its place.
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
    /// Physical pixels on the display that holds the corner.
    Region { x: i32, y: i32, width: u32, height: u32 },
}

/// What a source shows, in the words of the programs themselves; either may be empty. Text from
/// outside, and nobody's business but the person's: it is never printed.
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
    /// The first frame is there, and `init.webm` is durable.
    Started {
        width: u32,
        height: u32,
    },
    SegmentSealed(SealedSegment),
    /// Everything up to this time of the recording is sealed, which stands still.
    Paused {
        at_ms: u64,
    },
    /// It goes on from that time.
    Resumed {
        at_ms: u64,
    },
    /// Everything up to this time is sealed, as it was asked for, and it goes on.
    Cut {
        at_ms: u64,
    },
    Troubled {
        at_ms: u64,
        trouble: Trouble,
    },
    /// The desktop let it be recorded. At most once; the one of before may be of no use any more.
    Permitted(Permission),
    /// The loudest of the last tenth of a second, in thousandths of the loudest that there is; 0
    /// where nothing is listened to. A muted microphone goes on telling its level.
    Level {
        microphone: u16,
        system: u16,
    },
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
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Trouble {
    /// So many frames were lost since it was last said.
    #[error(
        "This computer did not keep up: {count} {} lost. The recording goes on",
        if *count == 1 { "picture was" } else { "pictures were" }
    )]
    FramesDropped { count: u64 },
    /// No frame came for so long.
    #[error("No picture came for {} seconds. The recording goes on", ms / 1_000)]
    SourceStalled { ms: u64 },
    /// Its last picture stands for it.
    #[error("What is recorded can't be seen now. The recording goes on with its last picture")]
    SourceLost,
    #[error("What is recorded is to be seen again, after {} seconds", ms / 1_000)]
    SourceBack { ms: u64 },
    /// Before pictures are lost, they are encoded with less care.
    #[error("This computer is busy, so pictures are a little less sharp. Nothing is lost")]
    EncoderHurried,
    #[error("Pictures are as sharp as before")]
    EncoderRelaxed,
    /// Pictures that were inside it are lost, and counted.
    #[error(
        "The graphics card's encoder failed: {reason}. The recording goes on without it, and what \
         was recorded is whole"
    )]
    EncoderSwitched { reason: String },
    /// It is silence from here on. Also at the start, where it was not there at all.
    #[error("There is no sound of the {listening}: {reason}. The recording goes on without it")]
    AudioLost { listening: Listening, reason: String },
    #[error("The sound of the {listening} is back")]
    AudioBack { listening: Listening },
    /// It is not on the picture from here on. Also at the start, where it was not there at all.
    #[error("There is no picture of the webcam: {reason}. The recording goes on without it")]
    WebcamLost { reason: String },
    #[error("The webcam is back")]
    WebcamBack,
    /// Told at the start, where they were asked for.
    #[error("Clicks and keys can't be shown: {reason}. The recording goes on without them")]
    MarksMissing { reason: String },
    #[error(
        "Only {} MB are free on the disk. The recording goes on until {} MB are left",
        free_bytes / 1_000_000, stop_bytes / 1_000_000
    )]
    DiskLow { free_bytes: u64, stop_bytes: u64 },
    /// What follows is sealed there instead.
    #[error(
        "The recording's folder is gone ({reason}). The recording goes on in {}", instead.display()
    )]
    FolderLost { reason: String, instead: PathBuf },
    /// What was sealed elsewhere is where it belongs.
    #[error("The recording's folder is back, and the recording whole in it")]
    FolderBack,
}

impl Trouble {
    /// One word for what happened, the same in rows, windows and JSON.
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

/// A picture of a recording, for its card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Still {
    pub jpeg: Vec<u8>,
    /// All of one colour, or nearly: another one says more.
    pub blank: bool,
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

    /// The first picture of a segment, small. Takes some ten milliseconds, and no part of a recording
    /// waits for it.
    fn still(&self, init: &[u8], segment: &[u8]) -> Result<Still, CaptureError>;

    /// The window that is the source, else the one that is used on it now. `None` where the platform
    /// does not tell.
    fn subject(&self, _source: &Source) -> Option<Subject> {
        None
    }
}

pub trait CaptureControl: Send {
    /// Asks for the end; the last segment and `Ended` follow. Can be repeated. Dropping does it too.
    fn stop(&mut self);

    /// The recording's time stands still from now on; devices stay open. `Paused` follows when what
    /// was recorded is sealed. Before `Started`, and in a pause, it does nothing.
    fn pause(&mut self);

    /// `Resumed` follows with the first picture, which begins a segment. Where no `Paused` came yet,
    /// neither does.
    fn resume(&mut self);

    /// Seals what there is up to now and goes on: `Cut` follows, once for what is asked before it.
    /// Before `Started`, and in a pause, it does nothing.
    fn cut(&mut self);

    /// From now on, to the sample: the microphone is silence. What the computer plays goes on.
    fn set_muted(&mut self, muted: bool);

    /// From the next picture on: shown or not, elsewhere, larger, another camera. One that is not
    /// there is told as trouble.
    fn set_webcam(&mut self, webcam: Webcam);
}
