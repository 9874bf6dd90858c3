//! A request to start a recording.

use std::time::Duration;

use snaplark_core::RecordingId;
use snaplark_core::capture::{Sound, Source};
use snaplark_core::overlay::{Marks, Webcam};
use snaplark_core::policy::SpaceLimits;

use crate::PictureSize;

/// A request to start a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartRequest {
    /// The source that is recorded.
    pub source: Source,
    /// Has the desktop show its sharing dialog even if a permission from earlier is stored.
    pub asks: bool,
    /// Frames per second.
    pub fps: u32,
    /// The bitrate of the picture.
    pub bitrate_bits: u32,
    /// Allows a hardware encoder of the graphics card where one works.
    pub hardware_encoding: bool,
    /// The maximum number of pixels of the picture's shorter side. `None`: the size of the source.
    pub lines_max: Option<u32>,
    /// The size of the picture, whatever that of the source. `None`: the source and `lines_max` decide.
    pub picture_size: Option<(u32, u32)>,
    /// The pointer is in the picture.
    pub pointer: bool,
    /// Keeps the pointer's positions and clicks beside the recording, unless the settings say otherwise.
    pub pointer_positions: bool,
    /// Which sounds are recorded.
    pub sound: Sound,
    /// True while the microphone is recorded as silence; changed with [`App::set_muted`].
    pub muted: bool,
    /// The webcam in the picture.
    pub webcam: Webcam,
    /// Clicks and keys that are drawn into the picture.
    pub marks: Marks,
    /// Uploads the recording, if there is an account.
    pub upload: bool,
    /// A countdown before the recording begins, so that the person can get ready.
    pub countdown: Option<Duration>,
    /// The recording ends by itself at this length; pauses do not count.
    pub limit: Option<Duration>,
    /// The recording begins this long ago, with segments from the ring buffer.
    pub past: Option<Duration>,
    /// The recording that this one is appended to when it ends. Then it is recorded in that one's size and with its
    /// tracks, and `upload` says whether that one's link is to show it.
    pub append_to: Option<RecordingId>,
    /// With `append_to`: the stretch of that recording, in milliseconds, in whose place this one plays. `None`: it plays
    /// at the end.
    pub replaces: Option<(u64, u64)>,
    /// When the disk is too full to go on.
    pub space: SpaceLimits,
}

impl Default for StartRequest {
    fn default() -> Self {
        StartRequest {
            source: Source::Display(None),
            asks: false,
            fps: 30,
            bitrate_bits: 2_500_000,
            hardware_encoding: true,
            lines_max: PictureSize::P1080.lines_max(),
            picture_size: None,
            pointer: true,
            pointer_positions: true,
            sound: Sound::default(),
            muted: false,
            webcam: Webcam::default(),
            marks: Marks::default(),
            upload: true,
            countdown: None,
            limit: None,
            past: None,
            append_to: None,
            replaces: None,
            space: SpaceLimits::default(),
        }
    }
}
