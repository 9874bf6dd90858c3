//! The recording of now, as far as it isn't in rows: who captures it, and what the clock has to do
//! with it.

use std::collections::BTreeSet;
use std::time::Duration;

use snaplark_core::capture::{Abandoned, CaptureControl, Trouble};
use snaplark_core::recorder::Recorder;
use snaplark_store::Elsewhere;

use super::ring::TakenOver;
use crate::StartRequest;
use crate::view::Warning;

/// In every recording sound is so much of it at the most, whatever the picture's share.
const SOUND_BITS: u32 = 96_000;

pub struct Running {
    pub request: StartRequest,
    pub control: Option<Box<dyn CaptureControl>>,
    /// Tells a capture that has no control yet.
    pub abandoned: Abandoned,
    /// When its countdown is over, by the engine's clock.
    pub begins_ms: Option<u64>,
    /// When its time is over, if it goes on without a pause.
    pub ends_ms: Option<u64>,
    pub started_unix_ms: i64,
    /// When its first picture was there, by the engine's clock.
    pub began_ms: Option<u64>,
    /// It was ended before it was long enough to be meant.
    pub too_short: bool,
    /// As it was asked for last.
    pub paused: bool,
    /// Paused because the computer sleeps, by nobody's wish.
    pub sleeps: bool,
    /// How long it stood still in all.
    pub paused_ms: u64,
    /// What went wrong last without ending it.
    pub trouble: Option<Trouble>,
    /// The warnings that hold now.
    pub warnings: BTreeSet<Warning>,
    /// It is to be shown and isn't there.
    pub webcam_lost: bool,
    pub disk_low_told: bool,
    /// Why it was ended without anybody's asking: a code, and a sentence.
    pub stopped_for: Option<(&'static str, String)>,
    /// The ring whose capture it goes on with.
    pub taken_over: Option<TakenOver>,
    /// Where its segments are written, if not in its own folder.
    pub elsewhere: Option<Elsewhere>,
}

impl Running {
    pub fn new(request: StartRequest, now_ms: u64, now_unix_ms: i64) -> Self {
        let countdown_ms = request.countdown.as_ref().map(ms);
        Running {
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
            trouble: None,
            warnings: BTreeSet::new(),
            webcam_lost: false,
            disk_low_told: false,
            stopped_for: None,
            taken_over: None,
            elsewhere: None,
        }
    }

    /// So much of it is recorded now.
    pub fn count_from(&mut self, recorded_ms: u64, now_ms: u64) {
        let limit_ms = self.request.limit.as_ref().map(ms);
        self.ends_ms = limit_ms.map(|limit_ms| now_ms + limit_ms.saturating_sub(recorded_ms));
    }

    /// When the clock has something to say next.
    pub fn wake_ms(&self, recorder: &Recorder) -> Option<u64> {
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

    /// What it takes of the disk, and of the link.
    pub fn bits_per_second(request: &StartRequest) -> u32 {
        request.bitrate_bits + SOUND_BITS
    }
}

fn ms(time: &Duration) -> u64 {
    time.as_millis() as u64
}
