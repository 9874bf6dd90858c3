//! The port between the app and a capture implementation: the crate `capture` in the product, a fake
//! that emits real WebM in tests. Types only.
//!
//! Order of events: `Started`, then `SegmentSealed` with indices 0, 1, 2, …; in between `Paused` and
//! `Resumed` alternately, `Cut`, `Struck`, `IssueNoticed`, `Permitted` and `Level`; then `Ended` exactly once
//! and last, whatever happened. A capture that fails before its first frame sends `Ended` without
//! `Started`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use crate::device::Device;
use crate::overlay::{Marks, Webcam};
use crate::render::RenderError;
use crate::{DAMAGED_SUFFIX, segment_file};

/// The source that is to be recorded, and how.
#[derive(Clone, Debug)]
pub struct CaptureRequest {
    /// Must exist and be empty. Capture writes `init.webm` and `NNNNNN.webm` into it.
    pub folder: PathBuf,
    /// The folder that capture creates and switches to when `folder` can't be written any more, after
    /// it has reported `FolderLost`. It gets an init of its own. With `None` the recording ends
    /// instead.
    pub spare_folder: Option<PathBuf>,
    /// The screen, window or area.
    pub source: Source,
    /// The highest frame rate. Pictures that equal the one before are left out.
    pub fps: u32,
    /// The bitrate at which the encoder aims, in bits per second.
    pub bitrate_bits: u32,
    /// Whether a hardware encoder may be used, if one works.
    pub hardware_encoding: bool,
    /// The limit on the shorter side, in pixels; larger sources are scaled down.
    pub lines_max: Option<u32>,
    /// The size of the picture, whatever that of the source: it is scaled into it, with black bars beside it where its
    /// shape is another. With `None`, the source and `lines_max` decide.
    pub picture_size: Option<(u32, u32)>,
    /// Whether the mouse pointer is in the picture.
    pub pointer: bool,
    /// Whether the pointer's positions and clicks are kept in a file beside each segment
    /// ([`pointer_file`](crate::pointer_file)), where the platform tells them.
    pub pointer_positions: bool,
    /// The sound.
    pub sound: Sound,
    /// The webcam at the start.
    pub webcam: Webcam,
    /// The clicks and keys that are shown.
    pub marks: Marks,
    /// The permission of an earlier recording of the same source, so that the desktop need not ask
    /// again.
    pub permission: Option<Permission>,
    /// Set by whoever no longer wants the start.
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
    /// Gives up the start.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns whether the start was given up.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The sound to record, mixed into one track. By default there is none, and no track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sound {
    /// The microphone to record.
    pub microphone: Option<Device>,
    /// Leaves the microphone closed until it is unmuted for the first time. There is a track for it
    /// from the start, but the device of a person who wants to be silent is not opened.
    pub microphone_waits: bool,
    /// Whether to record what this computer plays, on any output.
    pub system: bool,
    /// Whether to send `Level` events.
    pub levels: bool,
}

/// One of the two kinds of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listening {
    /// The microphone.
    Microphone,
    /// The sound that the computer plays.
    System,
}

/// The source that is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's text says what its fields are")]
pub enum Source {
    /// The whole of one display; `None` is the one that the platform calls first.
    Display(Option<u32>),
    /// A window by the platform's id (an XID on X11).
    Window(u64),
    /// An area in physical pixels, on the display that contains its corner.
    /// An area in physical pixels, on the display that contains its corner.
    Region { x: i32, y: i32, width: u32, height: u32 },
}

/// The subject of a source, in the words of the programs themselves; either may be empty. It is untrusted
/// and private text, so `Debug` does not print it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// The program's name.
    pub app: String,
    /// The window's title.
    pub window: String,
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subject(…)")
    }
}

/// A report of capture while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's text says what its fields are")]
pub enum CaptureEvent {
    /// The first frame has arrived, and `init.webm` is durable.
    Started { width: u32, height: u32 },
    /// The file of a segment is complete and durable.
    SegmentSealed(SealedSegment),
    /// The recording is paused, and everything up to this time is sealed.
    Paused { at_ms: u64 },
    /// The recording continues from that time.
    Resumed { at_ms: u64 },
    /// Everything up to this time is sealed, as requested with `cut`. The recording continues.
    Cut { at_ms: u64 },
    /// The last `removed_ms` before `until_ms` are struck, as requested with `strike`. Nothing of them is
    /// sealed any more: what follows begins at `until_ms`, with the segment of index `next_index`, in the
    /// folder of the request. Whoever keeps the segments removes those that were sealed before.
    Struck { until_ms: u64, removed_ms: u64, next_index: u32 },
    /// The requested strike can't be done, and everything is as before.
    StrikeFailed { reason: String },
    /// Something is wrong, and the recording goes on.
    IssueNoticed { at_ms: u64, issue: Issue },
    /// The desktop gave a new permission. Sent at most once; the earlier one may no longer be valid.
    Permitted(Permission),
    /// The peak levels of the last tenth of a second, in thousandths of full scale; 0 for a source that
    /// is not recorded. A muted microphone still has its level.
    Level { microphone: u16, system: u16 },
    /// The capture is over. Nothing follows.
    Ended { end: CaptureEnd, counts: FrameCounts },
}

/// A segment whose file is complete, synced and under its final name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSegment {
    /// Its place in the recording, from 0.
    pub index: u32,
    /// The size of its file.
    pub size_bytes: u64,
    /// The time of its first frame.
    pub start_ms: u64,
    /// The time until the next segment begins.
    pub duration_ms: u64,
    /// The digest of its file.
    pub sha256: [u8; 32],
}

/// Where a strike begins among the segments of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrikePoint {
    /// How many segments stay as they are.
    pub untouched: u32,
    /// Whether the segment after those is cut, so that its beginning stays. The others after them go.
    pub cuts: bool,
}

impl StrikePoint {
    /// Finds the time in the segments, given in playing order as the times at which they begin and end.
    pub fn find(segments: impl IntoIterator<Item = (u64, u64)>, from_ms: u64) -> Self {
        let mut untouched = 0;
        for (start_ms, end_ms) in segments {
            if end_ms > from_ms {
                return StrikePoint { untouched, cuts: start_ms < from_ms };
            }
            untouched += 1;
        }
        StrikePoint { untouched, cuts: false }
    }

    /// Returns how many segments there are after the strike.
    pub fn segments(self) -> u32 {
        self.untouched + u32::from(self.cuts)
    }
}

/// How many frames a recording has and lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// Frames that are in the file.
    pub encoded: u64,
    /// Frames that equal the one before; nothing is lost with them.
    pub unchanged: u64,
    /// Frames that were lost because encoder or disk did not keep up.
    pub dropped: u64,
}

/// A non-fatal problem that the person should know about while the recording continues. It is stored as its
/// kind and fields, and worded where it is shown; its text is for the command line and logs.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "each variant's text says what its fields are")]
pub enum Issue {
    /// Frames were lost since the last such report.
    #[error(
        "This computer could not keep up: {count} {} lost. Recording continues",
        if *count == 1 { "picture was" } else { "pictures were" }
    )]
    FramesDropped { count: u64 },
    /// No frame came for this long.
    #[error("No picture came for {} seconds. Recording continues", ms / 1_000)]
    SourceStalled { ms: u64 },
    /// The source can't be seen; its last picture is shown instead.
    #[error("The screen can't be seen. Recording continues with its last picture")]
    SourceLost,
    /// The source can be seen again.
    #[error("The screen is back after {} seconds", ms / 1_000)]
    SourceBack { ms: u64 },
    /// The encoder went to lower quality, so that no pictures are lost.
    #[error("This computer is busy. Quality was lowered to keep up. Nothing is lost")]
    EncoderHurried,
    /// The encoder works at the normal quality again.
    #[error("Quality is back to normal")]
    EncoderRelaxed,
    /// The encoder was replaced. Pictures that were inside it are lost, and counted.
    #[error(
        "The graphics card's encoder failed: {reason}. Recording continues with software \
         encoding. What was recorded is complete"
    )]
    EncoderSwitched { reason: String },
    /// There is silence from here on. Also sent at the start, if there was no sound at all.
    #[error("The sound of the {listening} was lost: {reason}. Recording continues without it")]
    AudioLost { listening: Listening, reason: String },
    /// The sound is recorded again.
    #[error("The sound of the {listening} is back")]
    AudioBack { listening: Listening },
    /// The webcam is missing from the picture from here on. Also sent at the start, if there was no
    /// webcam at all.
    #[error("The webcam was lost: {reason}. Recording continues without it")]
    WebcamLost { reason: String },
    /// The webcam is in the picture again.
    #[error("The webcam is back")]
    WebcamBack,
    /// Sent at the start, if marks were requested.
    #[error("Clicks and keys can't be shown: {reason}. Recording continues without them")]
    MarksMissing { reason: String },
    /// There is little free space on the disk.
    #[error(
        "Only {} MB are free on the disk. Recording continues until {} MB are left",
        free_bytes / 1_000_000, stop_bytes / 1_000_000
    )]
    DiskLow { free_bytes: u64, stop_bytes: u64 },
    /// Later segments are sealed in that folder instead.
    #[error(
        "The recording's folder is unavailable ({reason}). Recording continues in {}", instead.display()
    )]
    FolderLost { reason: String, instead: PathBuf },
    /// The segments that were sealed elsewhere are back in the recording's folder.
    #[error("The recording's folder is back and has the complete recording")]
    FolderBack,
    /// The bytes on the disk were not those that were sealed. A placeholder stands for the segment, and its
    /// bytes were set aside.
    #[error(
        "{} from {}:{:02} on were damaged on this computer (segment {index}). A gray picture replaces \
         them. The rest is complete, and the damaged file is kept as {}{DAMAGED_SUFFIX}",
        seconds(*duration_ms), start_ms / 60_000, start_ms / 1_000 % 60, segment_file(*index)
    )]
    SegmentDamaged { index: u32, start_ms: u64, duration_ms: u64 },
    /// Somebody else claimed the address before the upload began.
    #[error(
        "Someone else took the link that was known before the upload began. The recording has \
         another link now. Share that one"
    )]
    LinkChanged,
}

fn seconds(ms: u64) -> String {
    match (ms + 500) / 1_000 {
        0 | 1 => "1 second".to_owned(),
        seconds => format!("{seconds} seconds"),
    }
}

impl Issue {
    /// Returns a short name for the issue, which is the same in rows, windows and JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Issue::FramesDropped { .. } => "frames-dropped",
            Issue::SourceStalled { .. } => "source-stalled",
            Issue::SourceLost => "source-lost",
            Issue::SourceBack { .. } => "source-back",
            Issue::EncoderHurried => "encoder-hurried",
            Issue::EncoderRelaxed => "encoder-relaxed",
            Issue::EncoderSwitched { .. } => "encoder-switched",
            Issue::AudioLost { .. } => "audio-lost",
            Issue::AudioBack { .. } => "audio-back",
            Issue::WebcamLost { .. } => "webcam-lost",
            Issue::WebcamBack => "webcam-back",
            Issue::MarksMissing { .. } => "marks-missing",
            Issue::DiskLow { .. } => "disk-low",
            Issue::FolderLost { .. } => "folder-lost",
            Issue::FolderBack => "folder-back",
            Issue::SegmentDamaged { .. } => "segment-damaged",
            Issue::LinkChanged => "link-changed",
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

/// How a capture ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaptureEnd {
    /// It was asked to.
    Stopped,
    /// It could not go on.
    Failed(CaptureError),
}

/// Why there is no capture, or why it ended. Segments that were sealed before are complete.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "each variant's text says what its fields are")]
pub enum CaptureError {
    /// There is no display.
    #[error("There is no display to record: {reason}")]
    NoDisplay { reason: String },
    /// A part of GStreamer is missing.
    #[error("Recording needs '{element}', which is not installed here. {remedy}")]
    EncoderMissing { element: String, remedy: String },
    /// The chosen display, window or area is gone.
    #[error("The chosen display, window or area isn't available: {reason}")]
    SourceMissing { reason: String },
    /// The person declined the desktop's question.
    #[error(
        "Nothing was recorded, because the screen wasn't shared. Record again and choose what to share"
    )]
    Declined,
    /// The desktop refuses to share the screen.
    #[error("The desktop can't share the screen: {reason}")]
    SharingRefused { reason: String },
    /// The desktop does not respond to the request to share the screen.
    #[error(
        "The desktop's screen sharing isn't responding. Record again. If that doesn't help, log \
         out and in again"
    )]
    SharingSilent,
    /// The person or the desktop ended the sharing.
    #[error("The desktop stopped sharing the screen")]
    SharingRevoked,
    /// The desktop's sharing broke off.
    #[error("The desktop's screen sharing failed ({reason})")]
    SharingLost { reason: String },
    /// The start was given up before there was a frame.
    #[error("The recording was stopped before anything was recorded")]
    Abandoned,
    /// The recording's folder can't be written.
    #[error("The recording's folder can't be written: {reason}")]
    FolderUnwritable { reason: String },
    /// Sound was requested, and there is no sound server.
    #[error("No sound can be recorded: {reason}")]
    NoSound { reason: String },
    /// The disk is full.
    #[error("The disk is full")]
    DiskFull,
    /// There is no capture for this platform.
    #[error("Recording isn't supported on this platform yet: {reason}")]
    Unsupported { reason: String },
    /// GStreamer reported an error, or a part of capture ended unexpectedly.
    #[error("Recording stopped unexpectedly: {reason}")]
    PipelineFailed { reason: String },
}

impl CaptureError {
    /// Returns a short name for the error, which is the same in rows, windows and JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            CaptureError::NoDisplay { .. } => "no-display",
            CaptureError::EncoderMissing { .. } => "encoder-missing",
            CaptureError::SourceMissing { .. } => "source-missing",
            CaptureError::Declined => "declined",
            CaptureError::SharingRefused { .. } => "sharing-refused",
            CaptureError::SharingSilent => "sharing-silent",
            CaptureError::SharingRevoked => "sharing-revoked",
            CaptureError::SharingLost { .. } => "sharing-lost",
            CaptureError::Abandoned => "abandoned",
            CaptureError::FolderUnwritable { .. } => "folder-unwritable",
            CaptureError::NoSound { .. } => "no-sound",
            CaptureError::DiskFull => "disk-full",
            CaptureError::Unsupported { .. } => "unsupported",
            CaptureError::PipelineFailed { .. } => "pipeline-failed",
        }
    }
}

/// Receives events on capture's own writer thread. It may block for a while: encoding continues
/// meanwhile, up to the limit of capture's queue.
pub type CaptureSink = Box<dyn FnMut(CaptureEvent) + Send>;

/// Records a source into files. Implemented by the crate `capture`, and by fakes in tests.
pub trait Capture: Send + Sync {
    /// Starts a capture. Returns as soon as it is running, or known to be impossible.
    fn start(
        &self,
        request: CaptureRequest,
        events: CaptureSink,
    ) -> Result<Box<dyn CaptureControl>, CaptureError>;

    /// Returns the window that is the source, or the one that is in use on it now. `None` if the
    /// platform does not tell.
    fn subject(&self, _source: &Source) -> Option<Subject> {
        None
    }

    /// Returns a picture of a video file as JPEG. Nobody knows what is in such a file, so it is decoded in a process of
    /// its own.
    fn still_of_file(&self, _file: &Path) -> Result<Vec<u8>, RenderError> {
        Err(RenderError::NoStill { reason: "nothing here decodes files".to_owned() })
    }
}

/// Controls a running capture.
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

    /// Strikes the last `length_ms` of the recording's time: nothing of them is sealed from now on, and what
    /// follows is written into `folder`, which exists and is empty. `Struck` or `StrikeFailed` follows. Does
    /// nothing before `Started`; must not be repeated before the answer.
    fn strike(&mut self, length_ms: u64, folder: PathBuf);

    /// Mutes the microphone from now on, to the sample. The computer's own sound is still recorded.
    fn set_muted(&mut self, muted: bool);

    /// Changes the webcam from the next picture on: visibility, position, size, camera. A missing
    /// camera is reported as an issue.
    fn set_webcam(&mut self, webcam: Webcam);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strike_point_is_a_border_or_inside_of_a_segment() {
        let segments = [(0, 2_000), (2_000, 4_000), (4_000, 4_700)];
        for (from_ms, untouched, cuts) in [
            (0, 0, false),
            (1, 0, true),
            (1_999, 0, true),
            (2_000, 1, false),
            (4_020, 2, true),
            (4_700, 3, false),
            (9_000, 3, false),
        ] {
            let point = StrikePoint::find(segments, from_ms);
            assert_eq!(point, StrikePoint { untouched, cuts }, "{from_ms}");
            assert_eq!(point.segments(), untouched + u32::from(cuts));
        }
    }
}
