//! The recorder's state machine. It allows one recording at a time and decides what each request does
//! in each state.

use crate::RecordingId;
use crate::capture::{
    CaptureEnd, CaptureError, CaptureEvent, FrameCounts, Permission, SealedSegment, Trouble,
};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Recorder {
    #[default]
    Idle,
    /// The countdown runs; nothing is recorded yet.
    Counting {
        recording: RecordingId,
    },
    /// Capture was requested; there is no frame yet.
    Starting {
        recording: RecordingId,
    },
    Recording {
        recording: RecordingId,
    },
    /// The recording is paused, and everything recorded is sealed.
    Paused {
        recording: RecordingId,
        at_ms: u64,
    },
    /// Capture was asked to end; its last segment follows.
    Stopping {
        recording: RecordingId,
    },
    /// As `Stopping`, but the recording will be deleted.
    Cancelling {
        recording: RecordingId,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// `recording` is the id that a new recording would get.
    StartAsked {
        recording: RecordingId,
        countdown: bool,
    },
    CountdownOver,
    /// A recording has begun from the ring buffer: it takes over the ring's capture, and what the ring
    /// kept is its beginning.
    TakenOver {
        recording: RecordingId,
    },
    StopAsked,
    /// The shortcut: starts if nothing runs, else stops. With `too_short`, what runs has lasted for
    /// less than anybody records, so it was pressed by mistake, and nothing is kept.
    ToggleAsked {
        recording: RecordingId,
        countdown: bool,
        too_short: bool,
    },
    /// Ends the recording and keeps nothing.
    CancelAsked,
    PauseAsked,
    ResumeAsked,
    /// Capture refused immediately.
    CaptureRefused {
        error: CaptureError,
    },
    Captured(CaptureEvent),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Start the countdown, and send `CountdownOver` after it.
    CountDown {
        recording: RecordingId,
    },
    /// The recording ended in its countdown, so there is nothing to undo.
    DropCountdown,
    /// Make the row and the folder, then start capture.
    Begin {
        recording: RecordingId,
    },
    /// Ask capture to end.
    EndCapture,
    /// Ask capture to pause. May be repeated until it has paused.
    PauseCapture,
    /// Ask capture to resume, even if it is not paused.
    ResumeCapture,
    /// The first frame has arrived.
    NoteStarted {
        recording: RecordingId,
        width: u32,
        height: u32,
    },
    /// The recording continues from that time.
    NoteResumed {
        recording: RecordingId,
        at_ms: u64,
    },
    /// Inform the person.
    NoteTrouble {
        recording: RecordingId,
        at_ms: u64,
        trouble: Trouble,
    },
    /// Keep it for the next recording of the same source.
    NotePermission {
        permission: Permission,
    },
    /// Commit its row, then offer it to the upload.
    CommitSegment {
        recording: RecordingId,
        segment: SealedSegment,
    },
    /// Close the recording's row, write the person's file, and inform the upload.
    Close {
        recording: RecordingId,
        end: CaptureEnd,
        counts: FrameCounts,
    },
    /// The recording was cancelled and has ended: delete its row, its folder and its upload.
    Delete {
        recording: RecordingId,
    },
    /// Nothing was recorded: delete the row and the folder.
    Discard {
        recording: RecordingId,
        error: CaptureError,
    },
    Refuse(Refusal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    AlreadyRecording,
    NotRecording,
}

impl Recorder {
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

    pub fn handle(&mut self, event: Event) -> Option<Action> {
        match event {
            Event::StartAsked { recording, countdown } => Some(self.start(recording, countdown)),
            Event::CountdownOver => match self {
                Recorder::Counting { recording } => {
                    let recording = *recording;
                    *self = Recorder::Starting { recording };
                    Some(Action::Begin { recording })
                }
                Recorder::Idle
                | Recorder::Starting { .. }
                | Recorder::Recording { .. }
                | Recorder::Paused { .. }
                | Recorder::Stopping { .. }
                | Recorder::Cancelling { .. } => None,
            },
            Event::TakenOver { recording } => match self {
                Recorder::Idle => {
                    *self = Recorder::Recording { recording };
                    None
                }
                Recorder::Counting { .. }
                | Recorder::Starting { .. }
                | Recorder::Recording { .. }
                | Recorder::Paused { .. }
                | Recorder::Stopping { .. }
                | Recorder::Cancelling { .. } => Some(Action::Refuse(Refusal::AlreadyRecording)),
            },
            Event::StopAsked => Some(self.stop()),
            Event::CancelAsked => Some(self.cancel()),
            Event::ToggleAsked { recording, countdown, too_short } => Some(match self {
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
            Event::PauseAsked => Some(self.when_started(Action::PauseCapture)),
            Event::ResumeAsked => Some(self.when_started(Action::ResumeCapture)),
            Event::CaptureRefused { error } => {
                let recording = self.recording()?;
                *self = Recorder::Idle;
                Some(Action::Discard { recording, error })
            }
            Event::Captured(event) => self.captured(event),
        }
    }

    fn start(&mut self, recording: RecordingId, countdown: bool) -> Action {
        match self {
            Recorder::Idle if countdown => {
                *self = Recorder::Counting { recording };
                Action::CountDown { recording }
            }
            Recorder::Idle => {
                *self = Recorder::Starting { recording };
                Action::Begin { recording }
            }
            Recorder::Counting { .. }
            | Recorder::Starting { .. }
            | Recorder::Recording { .. }
            | Recorder::Paused { .. }
            | Recorder::Stopping { .. }
            | Recorder::Cancelling { .. } => Action::Refuse(Refusal::AlreadyRecording),
        }
    }

    fn stop(&mut self) -> Action {
        match self {
            Recorder::Idle => Action::Refuse(Refusal::NotRecording),
            Recorder::Counting { .. } => {
                *self = Recorder::Idle;
                Action::DropCountdown
            }
            Recorder::Starting { recording }
            | Recorder::Recording { recording }
            | Recorder::Paused { recording, .. }
            | Recorder::Stopping { recording } => {
                *self = Recorder::Stopping { recording: *recording };
                Action::EndCapture
            }
            // A cancelled recording can't be kept any more.
            Recorder::Cancelling { .. } => Action::EndCapture,
        }
    }

    fn cancel(&mut self) -> Action {
        let action = self.stop();
        if let Recorder::Stopping { recording } = self {
            *self = Recorder::Cancelling { recording: *recording };
        }
        action
    }

    /// Accepts the request in any started state, since capture's own state may have changed in between.
    fn when_started(&self, action: Action) -> Action {
        match self {
            Recorder::Recording { .. } | Recorder::Paused { .. } => action,
            Recorder::Idle
            | Recorder::Counting { .. }
            | Recorder::Starting { .. }
            | Recorder::Stopping { .. }
            | Recorder::Cancelling { .. } => Action::Refuse(Refusal::NotRecording),
        }
    }

    fn captured(&mut self, event: CaptureEvent) -> Option<Action> {
        let recording = self.recording()?;
        match event {
            CaptureEvent::Started { width, height } => {
                if let Recorder::Starting { .. } = self {
                    *self = Recorder::Recording { recording };
                }
                Some(Action::NoteStarted { recording, width, height })
            }
            CaptureEvent::SegmentSealed(segment) => {
                Some(Action::CommitSegment { recording, segment })
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
                Some(Action::NoteResumed { recording, at_ms })
            }
            CaptureEvent::Troubled { at_ms, trouble } => {
                Some(Action::NoteTrouble { recording, at_ms, trouble })
            }
            CaptureEvent::Permitted(permission) => Some(Action::NotePermission { permission }),
            // The cut was requested by the ring that this recording was begun from.
            CaptureEvent::Cut { .. } | CaptureEvent::Level { .. } => None,
            CaptureEvent::Ended { end, counts } => Some(match std::mem::take(self) {
                Recorder::Cancelling { .. } => Action::Delete { recording },
                Recorder::Idle
                | Recorder::Counting { .. }
                | Recorder::Starting { .. }
                | Recorder::Recording { .. }
                | Recorder::Paused { .. }
                | Recorder::Stopping { .. } => Action::Close { recording, end, counts },
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

    fn start(n: u128) -> Event {
        Event::StartAsked { recording: id(n), countdown: false }
    }

    fn toggle(n: u128, too_short: bool) -> Event {
        Event::ToggleAsked { recording: id(n), countdown: false, too_short }
    }

    #[test]
    fn a_double_press_of_the_shortcut_keeps_nothing() {
        for has_started in [false, true] {
            let mut recorder = Recorder::default();
            recorder.handle(toggle(1, false));
            if has_started {
                let started = CaptureEvent::Started { width: 64, height: 36 };
                recorder.handle(Event::Captured(started));
            }
            assert_eq!(recorder.handle(toggle(2, true)), Some(Action::EndCapture));
            assert_eq!(recorder, Recorder::Cancelling { recording: id(1) });
            let ended =
                CaptureEvent::Ended { end: CaptureEnd::Stopped, counts: FrameCounts::default() };
            let deleted = recorder.handle(Event::Captured(ended));
            assert_eq!(deleted, Some(Action::Delete { recording: id(1) }));
        }
    }

    #[test]
    fn a_countdown_may_be_over_or_called_off() {
        let mut recorder = Recorder::default();
        let counting = Event::StartAsked { recording: id(1), countdown: true };
        for call_off in [Event::StopAsked, Event::CancelAsked] {
            let begun = recorder.handle(counting.clone());
            assert_eq!(begun, Some(Action::CountDown { recording: id(1) }));
            assert_eq!(recorder.handle(call_off), Some(Action::DropCountdown));
            // The timer of a cancelled countdown starts nothing.
            assert_eq!(recorder.handle(Event::CountdownOver), None);
        }
        recorder.handle(counting);
        let begun = recorder.handle(Event::CountdownOver);
        assert_eq!(begun, Some(Action::Begin { recording: id(1) }));
        assert_eq!(recorder, Recorder::Starting { recording: id(1) });
    }

    #[test]
    fn what_is_cancelled_is_deleted_whatever_is_asked_after_it() {
        let mut recorder = Recorder::default();
        recorder.handle(start(1));
        recorder.handle(Event::Captured(CaptureEvent::Started { width: 64, height: 36 }));
        for asked in [Event::CancelAsked, Event::StopAsked] {
            assert_eq!(recorder.handle(asked), Some(Action::EndCapture));
        }
        assert_eq!(recorder, Recorder::Cancelling { recording: id(1) });
        let ended =
            CaptureEvent::Ended { end: CaptureEnd::Stopped, counts: FrameCounts::default() };
        let deleted = recorder.handle(Event::Captured(ended));
        assert_eq!(deleted, Some(Action::Delete { recording: id(1) }));
        assert_eq!(recorder, Recorder::Idle);
    }

    #[test]
    fn the_shortcut_starts_and_stops() {
        let mut recorder = Recorder::default();
        let toggle = |n| toggle(n, false);
        assert_eq!(recorder.handle(toggle(1)), Some(Action::Begin { recording: id(1) }));
        let started = CaptureEvent::Started { width: 64, height: 36 };
        recorder.handle(Event::Captured(started));
        assert_eq!(recorder, Recorder::Recording { recording: id(1) });
        assert_eq!(recorder.handle(toggle(2)), Some(Action::EndCapture));
        assert_eq!(recorder, Recorder::Stopping { recording: id(1) });
    }

    #[test]
    fn a_stop_before_the_first_frame_still_ends() {
        let mut recorder = Recorder::default();
        recorder.handle(start(1));
        assert_eq!(recorder.handle(Event::StopAsked), Some(Action::EndCapture));
        recorder.handle(Event::Captured(CaptureEvent::Started { width: 1, height: 1 }));
        assert_eq!(recorder, Recorder::Stopping { recording: id(1) });
        let ended =
            CaptureEvent::Ended { end: CaptureEnd::Stopped, counts: FrameCounts::default() };
        assert!(matches!(recorder.handle(Event::Captured(ended)), Some(Action::Close { .. })));
        assert_eq!(recorder, Recorder::Idle);
    }

    #[test]
    fn a_recording_that_begins_in_the_past_is_one_from_then_on() {
        let mut recorder = Recorder::default();
        let take = |n| Event::TakenOver { recording: id(n) };
        assert_eq!(recorder.handle(take(1)), None);
        let refused = Some(Action::Refuse(Refusal::AlreadyRecording));
        assert_eq!(recorder.handle(take(2)), refused);
        assert_eq!(recorder.handle(Event::PauseAsked), Some(Action::PauseCapture));
        assert_eq!(recorder.handle(Event::Captured(CaptureEvent::Cut { at_ms: 9 })), None);
        assert_eq!(recorder.handle(Event::StopAsked), Some(Action::EndCapture));
        assert_eq!(recorder, Recorder::Stopping { recording: id(1) });
    }

    #[test]
    fn one_recording_at_a_time() {
        let mut recorder = Recorder::default();
        assert_eq!(recorder.handle(Event::StopAsked), Some(Action::Refuse(Refusal::NotRecording)));
        recorder.handle(start(1));
        assert_eq!(recorder.handle(start(2)), Some(Action::Refuse(Refusal::AlreadyRecording)));
    }

    #[test]
    fn a_pause_is_what_capture_says_it_is() {
        let mut recorder = Recorder::default();
        let refused = Some(Action::Refuse(Refusal::NotRecording));
        assert_eq!(recorder.handle(Event::PauseAsked), refused);
        recorder.handle(start(1));
        assert_eq!(recorder.handle(Event::PauseAsked), refused);
        recorder.handle(Event::Captured(CaptureEvent::Started { width: 64, height: 36 }));
        assert_eq!(recorder.handle(Event::PauseAsked), Some(Action::PauseCapture));
        assert_eq!(recorder, Recorder::Recording { recording: id(1) });
        recorder.handle(Event::Captured(CaptureEvent::Paused { at_ms: 900 }));
        assert_eq!(recorder, Recorder::Paused { recording: id(1), at_ms: 900 });
        assert_eq!(recorder.handle(start(2)), Some(Action::Refuse(Refusal::AlreadyRecording)));
        assert_eq!(recorder.handle(Event::ResumeAsked), Some(Action::ResumeCapture));
        assert_eq!(recorder, Recorder::Paused { recording: id(1), at_ms: 900 });
        assert_eq!(
            recorder.handle(Event::Captured(CaptureEvent::Resumed { at_ms: 900 })),
            Some(Action::NoteResumed { recording: id(1), at_ms: 900 })
        );
        assert_eq!(recorder, Recorder::Recording { recording: id(1) });
    }

    #[test]
    fn a_stop_ends_a_pause_and_a_late_word_of_one_changes_nothing() {
        let mut recorder = Recorder::default();
        recorder.handle(start(1));
        recorder.handle(Event::Captured(CaptureEvent::Started { width: 64, height: 36 }));
        recorder.handle(Event::Captured(CaptureEvent::Paused { at_ms: 900 }));
        assert_eq!(recorder.handle(toggle(2, false)), Some(Action::EndCapture));
        recorder.handle(Event::Captured(CaptureEvent::Paused { at_ms: 900 }));
        recorder.handle(Event::Captured(CaptureEvent::Resumed { at_ms: 900 }));
        assert_eq!(recorder, Recorder::Stopping { recording: id(1) });
        assert_eq!(
            recorder.handle(Event::ResumeAsked),
            Some(Action::Refuse(Refusal::NotRecording))
        );
    }

    #[test]
    fn a_refused_capture_leaves_nothing_running() {
        let mut recorder = Recorder::default();
        recorder.handle(start(1));
        let error = CaptureError::NoDisplay { reason: "none".into() };
        assert_eq!(
            recorder.handle(Event::CaptureRefused { error: error.clone() }),
            Some(Action::Discard { recording: id(1), error })
        );
        assert_eq!(recorder, Recorder::Idle);
    }
}
