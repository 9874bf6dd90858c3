//! The state of the current recording that is not in rows: its capture, and its timers.

use std::collections::BTreeSet;
use std::time::Duration;

use snaplark_core::EndReason;
use snaplark_core::capture::{Abandoned, CaptureControl, Issue};
use snaplark_core::recorder::Recorder;
use snaplark_core::ring::RingId;
use snaplark_store::Elsewhere;

use super::strike::{CaptureBase, Strikes};
use crate::StartRequest;
use crate::view::Warning;

/// The maximum bitrate of a recording's sound, whatever the picture's bitrate.
const SOUND_BITS: u32 = 96_000;

pub(crate) struct RunningRecording {
    pub(crate) request: StartRequest,
    pub(crate) control: Option<Box<dyn CaptureControl>>,
    /// Stops a capture that has no control yet.
    pub(crate) abandoned: Abandoned,
    /// When the countdown is over, by the engine's clock.
    pub(crate) begins_ms: Option<u64>,
    /// When the recording reaches its limit if it is not paused before, by the engine's clock.
    pub(crate) ends_ms: Option<u64>,
    pub(crate) started_unix_ms: i64,
    /// When the first frame arrived, by the engine's clock.
    pub(crate) began_ms: Option<u64>,
    /// The recording was stopped so soon that it was probably not meant.
    pub(crate) too_short: bool,
    /// The last pause state that was asked for.
    pub(crate) paused: bool,
    /// Paused because the computer sleeps, not by the person.
    pub(crate) sleeps: bool,
    /// How long the recording was paused in total.
    pub(crate) paused_ms: u64,
    /// The last problem that did not end the recording.
    pub(crate) issue: Option<Issue>,
    /// The warnings that are active now.
    pub(crate) warnings: BTreeSet<Warning>,
    /// The webcam should be shown, but isn't available.
    pub(crate) webcam_lost: bool,
    pub(crate) disk_low_told: bool,
    /// Why the recording was ended without anybody asking: a code and a sentence.
    pub(crate) stopped_for: Option<EndReason>,
    /// The ring whose capture the recording continues.
    pub(crate) taken_over: Option<RingId>,
    /// The offsets that are added to the recording's indices and times to get those of its capture.
    pub(crate) base: CaptureBase,
    /// The begin and the end of each segment that is sealed.
    pub(crate) sealed: Vec<(u64, u64)>,
    pub(crate) strikes: Strikes,
    /// Where its segments are written, if not in its own folder.
    pub(crate) elsewhere: Option<Elsewhere>,
}

impl RunningRecording {
    pub(crate) fn new(request: StartRequest, now_ms: u64, now_unix_ms: i64) -> Self {
        let countdown_ms = request.countdown.as_ref().map(ms);
        RunningRecording {
            begins_ms: countdown_ms.map(|countdown_ms| now_ms + countdown_ms),
            started_unix_ms: now_unix_ms + countdown_ms.unwrap_or(0) as i64,
            request,
            control: None,
            abandoned: Abandoned::default(),
            ends_ms: None,
            began_ms: None,
            too_short: false,
            paused: false,
            sleeps: false,
            paused_ms: 0,
            issue: None,
            warnings: BTreeSet::new(),
            webcam_lost: false,
            disk_low_told: false,
            stopped_for: None,
            taken_over: None,
            base: CaptureBase::default(),
            sealed: Vec::new(),
            strikes: Strikes::default(),
            elsewhere: None,
        }
    }

    /// Sets the end of the recording, given that it is `recorded_ms` long now.
    pub(crate) fn count_from(&mut self, recorded_ms: u64, now_ms: u64) {
        let limit_ms = self.request.limit.as_ref().map(ms);
        self.ends_ms = limit_ms.map(|limit_ms| now_ms + limit_ms.saturating_sub(recorded_ms));
    }

    /// Returns when the next timer expires.
    pub(crate) fn wake_ms(&self, recorder: &Recorder) -> Option<u64> {
        match recorder {
            Recorder::Counting { .. } => self.begins_ms,
            Recorder::Recording { .. } => self.ends_ms,
            Recorder::Idle
            | Recorder::Starting { .. }
            | Recorder::Paused { .. }
            | Recorder::Stopping { .. }
            | Recorder::Cancelling { .. } => None,
        }
    }

    /// Returns the bitrate of a recording, which determines the disk space and upload bandwidth it needs.
    pub(crate) fn bits_per_second(request: &StartRequest) -> u32 {
        request.bitrate_bits + SOUND_BITS
    }
}

fn ms(time: &Duration) -> u64 {
    time.as_millis() as u64
}
