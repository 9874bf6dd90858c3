//! The recorder's state machine. It allows one recording at a time and decides what each request does
//! in each state.

use crate::RecordingId;
use crate::capture::{
    CaptureEnd, CaptureError, CaptureEvent, FrameCounts, Issue, Permission, SealedSegment,
};

/// The state of the recorder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's text says what its fields are")]
pub enum Recorder {
    /// No recording runs.
    #[default]
    Idle,
    /// The countdown runs; nothing is recorded yet.
    Counting { recording: RecordingId },
    /// Capture was requested; there is no frame yet.
    Starting { recording: RecordingId },
    /// Frames are being recorded.
    Recording { recording: RecordingId },
    /// The recording is paused, and everything recorded is sealed.
    Paused { recording: RecordingId, at_ms: u64 },
    /// Capture was asked to end; its last segment follows.
    Stopping { recording: RecordingId },
    /// The same as `Stopping`, but the recording will be deleted.
    Cancelling { recording: RecordingId },
}

/// An event of the recorder. Every event that names a recording is about that one.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant's text says what its fields are")]
pub enum RecorderEvent {
    /// `recording` is the id that a new recording would get.
    StartAsked { recording: RecordingId, countdown: bool },
    /// The countdown has ended.
    CountdownOver,
    /// A recording has begun from the ring buffer: it takes over the ring's capture, and what the ring
    /// kept is its beginning.
    TakenOver { recording: RecordingId },
    /// The person wants the recording to end.
    StopAsked,
    /// The shortcut: starts if nothing runs, else stops. With `too_short`, what runs has lasted for
    /// less than anybody records, so it was pressed by mistake, and nothing is kept.
    ToggleAsked { recording: RecordingId, countdown: bool, too_short: bool },
    /// Ends the recording and keeps nothing.
    CancelAsked,
    /// The person wants a pause.
    PauseAsked,
    /// The person wants the pause to end.
    ResumeAsked,
    /// The person wants the last of the recording struck.
    StrikeAsked { length_ms: u64 },
    /// Capture refused immediately.
    CaptureRefused { error: CaptureError },
    /// Capture reports something.
    Captured(CaptureEvent),
}

/// An action that the recorder wants to be done, for the recording that it names.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant's text says what its fields are")]
pub enum RecorderAction {
    /// Start the countdown, and send `CountdownOver` after it.
    CountDown { recording: RecordingId },
    /// The recording ended in its countdown, so there is nothing to undo.
    DropCountdown,
    /// Make the row and the folder, then start capture.
    Begin { recording: RecordingId },
    /// Ask capture to end.
    EndCapture,
    /// Ask capture to pause. May be repeated until it has paused.
    PauseCapture,
    /// Ask capture to resume, even if it is not paused.
    ResumeCapture,
    /// Ask capture to strike the last `length_ms`.
    StrikeCapture { recording: RecordingId, length_ms: u64 },
    /// Capture has struck the last `removed_ms` before `until_ms`: remove what of them is sealed.
    NoteStruck { recording: RecordingId, until_ms: u64, removed_ms: u64, next_index: u32 },
    /// Capture could not strike anything: tell whoever asked.
    NoteStrikeFailed { reason: String },
    /// The first frame has arrived.
    NoteStarted { recording: RecordingId, width: u32, height: u32 },
    /// The recording continues from that time.
    NoteResumed { recording: RecordingId, at_ms: u64 },
    /// Inform the person.
    NoteIssue { recording: RecordingId, at_ms: u64, issue: Issue },
    /// Keep it for the next recording of the same source.
    NotePermission { permission: Permission },
    /// Commit its row, then offer it to the upload.
    CommitSegment { recording: RecordingId, segment: SealedSegment },
    /// Close the recording's row, write the person's file, and inform the upload.
    Close { recording: RecordingId, end: CaptureEnd, counts: FrameCounts },
    /// The recording was cancelled and has ended: delete its row, its folder and its upload.
    Delete { recording: RecordingId },
    /// Nothing was recorded: delete the row and the folder.
    Discard { recording: RecordingId, error: CaptureError },
    /// Tell whoever asked that nothing was done.
    Refuse(Refusal),
}

/// Why the recorder does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A recording is running already.
    AlreadyRecording,
    /// No recording is running.
    NotRecording,
}

impl Recorder {
    /// Returns the recording that is running or counted down.
    pub fn recording(&self) -> Option<RecordingId> {
        match self {
            Recorder::Idle => None,
            Recorder::Counting { recording }
            | Recorder::Starting { recording }
            | Recorder::Recording { recording }
            | Recorder::Paused { recording, .. }
            | Recorder::Stopping { recording }
            | Recorder::Cancelling { recording } => Some(*recording),
        }
    }

    /// Returns whether something that is not sealed is recorded, or is about to be.
    pub fn is_awake(&self) -> bool {
        match self {
            Recorder::Starting { .. }
            | Recorder::Recording { .. }
            | Recorder::Stopping { .. }
            | Recorder::Cancelling { .. } => true,
            Recorder::Idle | Recorder::Counting { .. } | Recorder::Paused { .. } => false,
        }
    }

    /// Changes the state by an event, and returns what is to be done.
    pub fn handle(&mut self, event: RecorderEvent) -> Option<RecorderAction> {
        match event {
            RecorderEvent::StartAsked { recording, countdown } => {
                Some(self.start(recording, countdown))
            }
            RecorderEvent::CountdownOver => match self {
                Recorder::Counting { recording } => {
                    let recording = *recording;
                    *self = Recorder::Starting { recording };
                    Some(RecorderAction::Begin { recording })
                }
                Recorder::Idle
                | Recorder::Starting { .. }
                | Recorder::Recording { .. }
                | Recorder::Paused { .. }
                | Recorder::Stopping { .. }
                | Recorder::Cancelling { .. } => None,
            },
            RecorderEvent::TakenOver { recording } => match self {
                Recorder::Idle => {
                    *self = Recorder::Recording { recording };
                    None
                }
                Recorder::Counting { .. }
                | Recorder::Starting { .. }
                | Recorder::Recording { .. }
                | Recorder::Paused { .. }
                | Recorder::Stopping { .. }
                | Recorder::Cancelling { .. } => {
                    Some(RecorderAction::Refuse(Refusal::AlreadyRecording))
                }
            },
            RecorderEvent::StopAsked => Some(self.stop()),
            RecorderEvent::CancelAsked => Some(self.cancel()),
            RecorderEvent::ToggleAsked { recording, countdown, too_short } => Some(match self {
                Recorder::Idle => self.start(recording, countdown),
                Recorder::Starting { .. } | Recorder::Recording { .. } if too_short => {
                    self.cancel()
                }
                Recorder::Counting { .. }
                | Recorder::Starting { .. }
                | Recorder::Recording { .. }
                | Recorder::Paused { .. }
                | Recorder::Stopping { .. }
                | Recorder::Cancelling { .. } => self.stop(),
            }),
            RecorderEvent::PauseAsked => Some(self.when_started(RecorderAction::PauseCapture)),
            RecorderEvent::ResumeAsked => Some(self.when_started(RecorderAction::ResumeCapture)),
            RecorderEvent::StrikeAsked { length_ms } => Some(match self.recording() {
                Some(recording) => {
                    self.when_started(RecorderAction::StrikeCapture { recording, length_ms })
                }
                None => RecorderAction::Refuse(Refusal::NotRecording),
            }),
            RecorderEvent::CaptureRefused { error } => {
                let recording = self.recording()?;
                *self = Recorder::Idle;
                Some(RecorderAction::Discard { recording, error })
            }
            RecorderEvent::Captured(event) => self.captured(event),
        }
    }

    fn start(&mut self, recording: RecordingId, countdown: bool) -> RecorderAction {
        match self {
            Recorder::Idle if countdown => {
                *self = Recorder::Counting { recording };
                RecorderAction::CountDown { recording }
            }
            Recorder::Idle => {
                *self = Recorder::Starting { recording };
                RecorderAction::Begin { recording }
            }
            Recorder::Counting { .. }
            | Recorder::Starting { .. }
            | Recorder::Recording { .. }
            | Recorder::Paused { .. }
            | Recorder::Stopping { .. }
            | Recorder::Cancelling { .. } => RecorderAction::Refuse(Refusal::AlreadyRecording),
        }
    }

    fn stop(&mut self) -> RecorderAction {
        match self {
            Recorder::Idle => RecorderAction::Refuse(Refusal::NotRecording),
            Recorder::Counting { .. } => {
                *self = Recorder::Idle;
                RecorderAction::DropCountdown
            }
            Recorder::Starting { recording }
            | Recorder::Recording { recording }
            | Recorder::Paused { recording, .. }
            | Recorder::Stopping { recording } => {
                *self = Recorder::Stopping { recording: *recording };
                RecorderAction::EndCapture
            }
            // A cancelled recording can't be kept any more.
            Recorder::Cancelling { .. } => RecorderAction::EndCapture,
        }
    }

    fn cancel(&mut self) -> RecorderAction {
        let action = self.stop();
        if let Recorder::Stopping { recording } = self {
            *self = Recorder::Cancelling { recording: *recording };
        }
        action
    }

    /// Accepts the request in any started state, since capture's own state may have changed in between.
    fn when_started(&self, action: RecorderAction) -> RecorderAction {
        match self {
            Recorder::Recording { .. } | Recorder::Paused { .. } => action,
            Recorder::Idle
            | Recorder::Counting { .. }
            | Recorder::Starting { .. }
            | Recorder::Stopping { .. }
            | Recorder::Cancelling { .. } => RecorderAction::Refuse(Refusal::NotRecording),
        }
    }

    fn captured(&mut self, event: CaptureEvent) -> Option<RecorderAction> {
        let recording = self.recording()?;
        match event {
            CaptureEvent::Started { width, height } => {
                if let Recorder::Starting { .. } = self {
                    *self = Recorder::Recording { recording };
                }
                Some(RecorderAction::NoteStarted { recording, width, height })
            }
            CaptureEvent::SegmentSealed(segment) => {
                Some(RecorderAction::CommitSegment { recording, segment })
            }
            CaptureEvent::Paused { at_ms } => {
                // If a stop came first, the recording still continues to its end.
                if let Recorder::Recording { .. } = self {
                    *self = Recorder::Paused { recording, at_ms };
                }
                None
            }
            CaptureEvent::Resumed { at_ms } => {
                if let Recorder::Paused { .. } = self {
                    *self = Recorder::Recording { recording };
                }
                Some(RecorderAction::NoteResumed { recording, at_ms })
            }
            CaptureEvent::Struck { until_ms, removed_ms, next_index } => {
                if let Recorder::Paused { at_ms, .. } = self {
                    *at_ms = at_ms.saturating_sub(removed_ms);
                }
                Some(RecorderAction::NoteStruck { recording, until_ms, removed_ms, next_index })
            }
            CaptureEvent::StrikeFailed { reason } => {
                Some(RecorderAction::NoteStrikeFailed { reason })
            }
            CaptureEvent::IssueNoticed { at_ms, issue } => {
                Some(RecorderAction::NoteIssue { recording, at_ms, issue })
            }
            CaptureEvent::Permitted(permission) => {
                Some(RecorderAction::NotePermission { permission })
            }
            // The cut was requested by the ring that this recording was begun from.
            CaptureEvent::Cut { .. } | CaptureEvent::Level { .. } => None,
            CaptureEvent::Ended { end, counts } => Some(match std::mem::take(self) {
                Recorder::Cancelling { .. } => RecorderAction::Delete { recording },
                Recorder::Idle
                | Recorder::Counting { .. }
                | Recorder::Starting { .. }
                | Recorder::Recording { .. }
                | Recorder::Paused { .. }
                | Recorder::Stopping { .. } => RecorderAction::Close { recording, end, counts },
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> RecordingId {
        RecordingId(uuid::Uuid::from_u128(n))
    }

    fn start(n: u128) -> RecorderEvent {
        RecorderEvent::StartAsked { recording: id(n), countdown: false }
    }

    fn toggle(n: u128, too_short: bool) -> RecorderEvent {
        RecorderEvent::ToggleAsked { recording: id(n), countdown: false, too_short }
    }

    #[test]
    fn a_double_press_of_the_shortcut_keeps_nothing() {
        for has_started in [false, true] {
            let mut recorder = Recorder::default();
            recorder.handle(toggle(1, false));
            if has_started {
                let started = CaptureEvent::Started { width: 64, height: 36 };
                recorder.handle(RecorderEvent::Captured(started));
            }
            assert_eq!(recorder.handle(toggle(2, true)), Some(RecorderAction::EndCapture));
            assert_eq!(recorder, Recorder::Cancelling { recording: id(1) });
            let ended =
                CaptureEvent::Ended { end: CaptureEnd::Stopped, counts: FrameCounts::default() };
            let deleted = recorder.handle(RecorderEvent::Captured(ended));
            assert_eq!(deleted, Some(RecorderAction::Delete { recording: id(1) }));
        }
    }

    #[test]
    fn a_countdown_may_be_over_or_called_off() {
        let mut recorder = Recorder::default();
        let counting = RecorderEvent::StartAsked { recording: id(1), countdown: true };
        for call_off in [RecorderEvent::StopAsked, RecorderEvent::CancelAsked] {
            let begun = recorder.handle(counting.clone());
            assert_eq!(begun, Some(RecorderAction::CountDown { recording: id(1) }));
            assert_eq!(recorder.handle(call_off), Some(RecorderAction::DropCountdown));
            // The timer of a cancelled countdown starts nothing.
            assert_eq!(recorder.handle(RecorderEvent::CountdownOver), None);
        }
        recorder.handle(counting);
        let begun = recorder.handle(RecorderEvent::CountdownOver);
        assert_eq!(begun, Some(RecorderAction::Begin { recording: id(1) }));
        assert_eq!(recorder, Recorder::Starting { recording: id(1) });
    }

    #[test]
    fn what_is_cancelled_is_deleted_whatever_is_asked_after_it() {
        let mut recorder = Recorder::default();
        recorder.handle(start(1));
        recorder.handle(RecorderEvent::Captured(CaptureEvent::Started { width: 64, height: 36 }));
        for asked in [RecorderEvent::CancelAsked, RecorderEvent::StopAsked] {
            assert_eq!(recorder.handle(asked), Some(RecorderAction::EndCapture));
        }
        assert_eq!(recorder, Recorder::Cancelling { recording: id(1) });
        let ended =
            CaptureEvent::Ended { end: CaptureEnd::Stopped, counts: FrameCounts::default() };
        let deleted = recorder.handle(RecorderEvent::Captured(ended));
        assert_eq!(deleted, Some(RecorderAction::Delete { recording: id(1) }));
        assert_eq!(recorder, Recorder::Idle);
    }

    #[test]
    fn the_shortcut_starts_and_stops() {
        let mut recorder = Recorder::default();
        let toggle = |n| toggle(n, false);
        assert_eq!(recorder.handle(toggle(1)), Some(RecorderAction::Begin { recording: id(1) }));
        let started = CaptureEvent::Started { width: 64, height: 36 };
        recorder.handle(RecorderEvent::Captured(started));
        assert_eq!(recorder, Recorder::Recording { recording: id(1) });
        assert_eq!(recorder.handle(toggle(2)), Some(RecorderAction::EndCapture));
        assert_eq!(recorder, Recorder::Stopping { recording: id(1) });
    }

    #[test]
    fn a_stop_before_the_first_frame_still_ends() {
        let mut recorder = Recorder::default();
        recorder.handle(start(1));
        assert_eq!(recorder.handle(RecorderEvent::StopAsked), Some(RecorderAction::EndCapture));
        recorder.handle(RecorderEvent::Captured(CaptureEvent::Started { width: 1, height: 1 }));
        assert_eq!(recorder, Recorder::Stopping { recording: id(1) });
        let ended =
            CaptureEvent::Ended { end: CaptureEnd::Stopped, counts: FrameCounts::default() };
        assert!(matches!(
            recorder.handle(RecorderEvent::Captured(ended)),
            Some(RecorderAction::Close { .. })
        ));
        assert_eq!(recorder, Recorder::Idle);
    }

    #[test]
    fn a_recording_that_begins_in_the_past_is_one_from_then_on() {
        let mut recorder = Recorder::default();
        let take = |n| RecorderEvent::TakenOver { recording: id(n) };
        assert_eq!(recorder.handle(take(1)), None);
        let refused = Some(RecorderAction::Refuse(Refusal::AlreadyRecording));
        assert_eq!(recorder.handle(take(2)), refused);
        assert_eq!(recorder.handle(RecorderEvent::PauseAsked), Some(RecorderAction::PauseCapture));
        assert_eq!(recorder.handle(RecorderEvent::Captured(CaptureEvent::Cut { at_ms: 9 })), None);
        assert_eq!(recorder.handle(RecorderEvent::StopAsked), Some(RecorderAction::EndCapture));
        assert_eq!(recorder, Recorder::Stopping { recording: id(1) });
    }

    #[test]
    fn one_recording_at_a_time() {
        let mut recorder = Recorder::default();
        assert_eq!(
            recorder.handle(RecorderEvent::StopAsked),
            Some(RecorderAction::Refuse(Refusal::NotRecording))
        );
        recorder.handle(start(1));
        assert_eq!(
            recorder.handle(start(2)),
            Some(RecorderAction::Refuse(Refusal::AlreadyRecording))
        );
    }

    #[test]
    fn a_pause_is_what_capture_says_it_is() {
        let mut recorder = Recorder::default();
        let refused = Some(RecorderAction::Refuse(Refusal::NotRecording));
        assert_eq!(recorder.handle(RecorderEvent::PauseAsked), refused);
        recorder.handle(start(1));
        assert_eq!(recorder.handle(RecorderEvent::PauseAsked), refused);
        recorder.handle(RecorderEvent::Captured(CaptureEvent::Started { width: 64, height: 36 }));
        assert_eq!(recorder.handle(RecorderEvent::PauseAsked), Some(RecorderAction::PauseCapture));
        assert_eq!(recorder, Recorder::Recording { recording: id(1) });
        recorder.handle(RecorderEvent::Captured(CaptureEvent::Paused { at_ms: 900 }));
        assert_eq!(recorder, Recorder::Paused { recording: id(1), at_ms: 900 });
        assert_eq!(
            recorder.handle(start(2)),
            Some(RecorderAction::Refuse(Refusal::AlreadyRecording))
        );
        assert_eq!(
            recorder.handle(RecorderEvent::ResumeAsked),
            Some(RecorderAction::ResumeCapture)
        );
        assert_eq!(recorder, Recorder::Paused { recording: id(1), at_ms: 900 });
        assert_eq!(
            recorder.handle(RecorderEvent::Captured(CaptureEvent::Resumed { at_ms: 900 })),
            Some(RecorderAction::NoteResumed { recording: id(1), at_ms: 900 })
        );
        assert_eq!(recorder, Recorder::Recording { recording: id(1) });
    }

    #[test]
    fn a_stop_ends_a_pause_and_a_late_word_of_one_changes_nothing() {
        let mut recorder = Recorder::default();
        recorder.handle(start(1));
        recorder.handle(RecorderEvent::Captured(CaptureEvent::Started { width: 64, height: 36 }));
        recorder.handle(RecorderEvent::Captured(CaptureEvent::Paused { at_ms: 900 }));
        assert_eq!(recorder.handle(toggle(2, false)), Some(RecorderAction::EndCapture));
        recorder.handle(RecorderEvent::Captured(CaptureEvent::Paused { at_ms: 900 }));
        recorder.handle(RecorderEvent::Captured(CaptureEvent::Resumed { at_ms: 900 }));
        assert_eq!(recorder, Recorder::Stopping { recording: id(1) });
        assert_eq!(
            recorder.handle(RecorderEvent::ResumeAsked),
            Some(RecorderAction::Refuse(Refusal::NotRecording))
        );
    }

    #[test]
    fn seconds_are_struck_while_recording_and_in_a_pause_and_at_no_other_time() {
        let mut recorder = Recorder::default();
        let strike = RecorderEvent::StrikeAsked { length_ms: 400 };
        let refused = Some(RecorderAction::Refuse(Refusal::NotRecording));
        assert_eq!(recorder.handle(strike.clone()), refused);
        recorder.handle(start(1));
        assert_eq!(recorder.handle(strike.clone()), refused);
        recorder.handle(RecorderEvent::Captured(CaptureEvent::Started { width: 64, height: 36 }));
        let asked = RecorderAction::StrikeCapture { recording: id(1), length_ms: 400 };
        assert_eq!(recorder.handle(strike.clone()), Some(asked.clone()));
        recorder.handle(RecorderEvent::Captured(CaptureEvent::Paused { at_ms: 900 }));
        assert_eq!(recorder.handle(strike.clone()), Some(asked));
        let struck = CaptureEvent::Struck { until_ms: 900, removed_ms: 400, next_index: 1 };
        assert_eq!(
            recorder.handle(RecorderEvent::Captured(struck)),
            Some(RecorderAction::NoteStruck {
                recording: id(1),
                until_ms: 900,
                removed_ms: 400,
                next_index: 1
            })
        );
        assert_eq!(recorder, Recorder::Paused { recording: id(1), at_ms: 500 });
        recorder.handle(RecorderEvent::StopAsked);
        assert_eq!(recorder.handle(strike), refused);
    }

    #[test]
    fn a_refused_capture_leaves_nothing_running() {
        let mut recorder = Recorder::default();
        recorder.handle(start(1));
        let error = CaptureError::NoDisplay { reason: "none".into() };
        assert_eq!(
            recorder.handle(RecorderEvent::CaptureRefused { error: error.clone() }),
            Some(RecorderAction::Discard { recording: id(1), error })
        );
        assert_eq!(recorder, Recorder::Idle);
    }
}
