//! Strikes the last seconds of the recording that runs.
//!
//! ```text
//! strike ─► row of a folder elsewhere ─► capture: drops what isn't sealed, goes on in that folder ─► Struck
//!        ─► store: removes what was sealed, files first, then rows ─► uploads: drop the parts ─► reply
//! ```
//!
//! Capture never goes back: its indices and times grow, and [`CaptureBase`] says what they are in the recording.
//! A program that dies before the store's strike leaves the recording as it was, with what follows the strike
//! behind it. Strikes that capture has not made when it ends are made by the store alone.

use std::collections::VecDeque;
use std::time::Duration;

use snaplark_core::RecordingId;
use snaplark_core::capture::{CaptureError, CaptureEvent, SealedSegment, StrikePoint};
use snaplark_core::recorder::{RecorderAction, RecorderEvent};
use snaplark_store::{Elsewhere, Strike, Struck};
use tracing::info;

use super::{Context, RecordingSession, Write};
use crate::AppError;
use crate::engine::context::now_unix_ms;
use crate::engine::library::StrikeWrite;
use crate::messages::Reply;
use crate::view::StruckView;

/// The offsets that are added to a recording's indices and times to get those of its capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CaptureBase {
    pub(crate) first_index: u32,
    pub(crate) ms: u64,
}

impl CaptureBase {
    /// Returns a capture's event with the recording's indices and times.
    pub(super) fn of_recording(self, event: CaptureEvent) -> CaptureEvent {
        snaplark_core::ring::rebased(event, self.first_index, self.ms)
    }
}

/// The strikes of the recording that runs. Capture does one at a time.
#[derive(Default)]
pub(crate) struct Strikes {
    /// How many were begun, for the names of their folders.
    begun: u32,
    under_way: Option<StrikeUnderWay>,
    /// Each with its length.
    waiting: VecDeque<(u64, Reply<StruckView>)>,
    last: Option<StruckView>,
}

struct StrikeUnderWay {
    folder: std::path::PathBuf,
    length_ms: u64,
    /// `None` once capture has done its part, and the rows follow.
    reply: Option<Reply<StruckView>>,
}

impl Strikes {
    /// Returns what was struck last.
    pub(crate) fn last(&self) -> Option<StruckView> {
        self.last
    }
}

/// Returns the times at which a segment begins and ends.
pub(super) fn span(segment: &SealedSegment) -> (u64, u64) {
    (segment.start_ms, segment.start_ms + segment.duration_ms)
}

impl RecordingSession {
    /// Strikes the last `length` of the recording. The reply comes when nothing of it is here any more.
    pub(crate) fn strike(&mut self, cx: &Context, length: Duration, reply: Reply<StruckView>) {
        let length_ms = length.as_millis() as u64;
        let action = self.recorder.handle(RecorderEvent::StrikeAsked { length_ms });
        match (action, &mut self.running) {
            (Some(RecorderAction::StrikeCapture { recording, .. }), Some(running)) => {
                running.strikes.waiting.push_back((length_ms, reply));
                self.strike_next(cx, recording);
            }
            _ => drop(reply.send(Err(AppError::NotRecording))),
        }
    }

    /// Has capture begin the strike that has waited longest, unless one is under way.
    fn strike_next(&mut self, cx: &Context, recording: RecordingId) {
        let Some(running) = &mut self.running else { return };
        if running.strikes.under_way.is_some() {
            return;
        }
        let Some((length_ms, reply)) = running.strikes.waiting.pop_front() else { return };
        let name = format!("strike-{recording}-{}", running.strikes.begun);
        running.strikes.begun += 1;
        // Until the strike is in the rows, what follows it follows what was sealed before.
        let begun = cx.store.begin_elsewhere(recording, &name, running.base.first_index);
        let folder = match begun {
            Ok(there) => there.folder,
            Err(error) => {
                let _ = reply.send(Err(error.into()));
                return self.strike_next(cx, recording);
            }
        };
        let reply = Some(reply);
        running.strikes.under_way = Some(StrikeUnderWay { folder, length_ms, reply });
        self.strike_capture(cx, recording, length_ms);
    }

    pub(super) fn strike_capture(&mut self, cx: &Context, recording: RecordingId, length_ms: u64) {
        let Some(running) = &mut self.running else { return };
        let Some(strike) = &running.strikes.under_way else { return };
        info!(%recording, length_ms, "Striking the last of the recording");
        match &mut running.control {
            Some(control) => control.strike(length_ms, strike.folder.clone()),
            None => self.strike_failed(cx, "capture is not ready".to_owned()),
        }
    }

    /// Notes that capture has struck the last `removed_ms` before `until_ms`: what of them is sealed goes, and what
    /// follows takes its place.
    pub(super) fn note_struck(
        &mut self,
        recording: RecordingId,
        until_ms: u64,
        removed_ms: u64,
        next_index: u32,
    ) {
        let strike = self.running.as_mut().and_then(|it| it.strikes.under_way.as_mut());
        let reply = strike.and_then(|strike| strike.reply.take());
        self.write_strike(recording, until_ms, removed_ms, next_index, reply);
        let Some(running) = &mut self.running else { return };
        let first_index = running.base.first_index;
        if let Some(strike) = &running.strikes.under_way {
            running.elsewhere = Some(Elsewhere { folder: strike.folder.clone(), first_index });
        }
    }

    /// Makes the strikes that capture had not made when it ended, before the recording is closed. What they remove
    /// is counted back from its end.
    pub(super) fn strike_ended(&mut self, recording: RecordingId) {
        let Some(running) = &mut self.running else { return };
        let Strikes { under_way, waiting, .. } = &mut running.strikes;
        let unanswered = under_way.take().and_then(|it| Some((it.length_ms, it.reply?)));
        let rest: Vec<_> = unanswered.into_iter().chain(waiting.drain(..)).collect();
        for (length_ms, reply) in rest {
            let Some(running) = &self.running else { return };
            let until_ms = running.sealed.last().map_or(0, |(_, end_ms)| *end_ms);
            let next_index = running.sealed.len() as u32;
            let removed_ms = length_ms.min(until_ms);
            self.write_strike(recording, until_ms, removed_ms, next_index, Some(reply));
        }
    }

    /// Has the store remove the last `removed_ms` before `until_ms`. Capture's next segment, if it has one, has the
    /// index `next_index`.
    fn write_strike(
        &mut self,
        recording: RecordingId,
        until_ms: u64,
        removed_ms: u64,
        next_index: u32,
        reply: Option<Reply<StruckView>>,
    ) {
        let Some(running) = &mut self.running else { return };
        let from_ms = until_ms.saturating_sub(removed_ms);
        let point = StrikePoint::find(running.sealed.iter().copied(), from_ms);
        running.sealed.truncate(point.segments() as usize);
        if let Some((_, end_ms)) = running.sealed.last_mut().filter(|_| point.cuts) {
            *end_ms = from_ms;
        }
        running.base.ms += removed_ms;
        running.base.first_index += next_index.saturating_sub(point.segments());
        running.paused_ms += removed_ms;
        running.ends_ms = running.ends_ms.map(|ends_ms| ends_ms + removed_ms);
        let strike = Strike { from_ms, first_index: running.base.first_index };
        let struck = None;
        self.write(Write::Strike(StrikeWrite { recording, strike, removed_ms, struck, reply }));
    }

    pub(super) fn strike_failed(&mut self, cx: &Context, reason: String) {
        let Some(running) = &mut self.running else { return };
        let failed = running.strikes.under_way.take();
        if let Some(reply) = failed.and_then(|strike| strike.reply) {
            let _ = reply.send(Err(CaptureError::FolderUnwritable { reason }.into()));
        }
        if let Some(recording) = self.recorder.recording() {
            self.strike_next(cx, recording);
        }
    }

    /// Notes that a strike is in the rows, and replies.
    pub(crate) fn struck(
        &mut self,
        cx: &Context,
        recording: RecordingId,
        struck: &Struck,
        removed_ms: u64,
        was_online: bool,
        reply: Option<Reply<StruckView>>,
    ) {
        let view = StruckView { length_ms: removed_ms, at_unix_ms: now_unix_ms(), was_online };
        if let Some(reply) = reply {
            self.answer(reply, Ok(view));
        }
        // It may have ended since.
        if self.recording() != Some(recording) {
            return;
        }
        self.committed = struck.segments();
        let Some(running) = &mut self.running else { return };
        running.strikes.last = Some(view);
        running.strikes.under_way = None;
        self.strike_next(cx, recording);
    }
}
