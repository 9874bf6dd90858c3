//! The recording machine: at most one recording at a time, and which request means what now.

use crate::RecordingId;
use crate::capture::{CaptureEnd, CaptureError, CaptureEvent, FrameCounts, SealedSegment, Trouble};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Recorder {
    #[default]
    Idle,
    /// Capture was asked for; no frame yet.
    Starting {
        recording: RecordingId,
    },
    Recording {
        recording: RecordingId,
    },
    /// What was recorded is sealed, and time stands still.
    Paused {
        recording: RecordingId,
        at_ms: u64,
    },
    /// Capture was asked to end; its last segment follows.
    Stopping {
        recording: RecordingId,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// `recording` is the id that a new one would get.
    StartAsked {
        recording: RecordingId,
    },
    StopAsked,
    /// The shortcut: start where nothing runs, else stop.
    ToggleAsked {
        recording: RecordingId,
    },
    PauseAsked,
    ResumeAsked,
    /// Capture said no at once.
    CaptureRefused {
        error: CaptureError,
    },
    Captured(CaptureEvent),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Make the row and the folder, then start capture.
    Begin {
        recording: RecordingId,
    },
    /// Ask capture to end.
    EndCapture,
    /// Ask capture to stand still. Said again while it doesn't yet.
    PauseCapture,
    /// Ask capture to go on, also where it does.
    ResumeCapture,
    /// The first frame is there.
    NoteStarted {
        recording: RecordingId,
        width: u32,
        height: u32,
    },
    /// It goes on from that time.
    NoteResumed {
        recording: RecordingId,
        at_ms: u64,
    },
    /// Tell the person.
    NoteTrouble {
        recording: RecordingId,
        trouble: Trouble,
    },
    /// Commit its row, then offer it to the upload.
    CommitSegment {
        recording: RecordingId,
        segment: SealedSegment,
    },
    /// Close the recording's row, write the person's file, tell the upload.
    Close {
        recording: RecordingId,
        end: CaptureEnd,
        counts: FrameCounts,
    },
    /// Nothing was recorded: take the row and the folder back.
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
            Recorder::Starting { recording }
            | Recorder::Recording { recording }
            | Recorder::Paused { recording, .. }
            | Recorder::Stopping { recording } => Some(*recording),
        }
    }

    pub fn handle(&mut self, event: Event) -> Option<Action> {
        match event {
            Event::StartAsked { recording } => Some(self.start(recording)),
            Event::StopAsked => Some(self.stop()),
            Event::ToggleAsked { recording } => Some(match self {
                Recorder::Idle => self.start(recording),
                Recorder::Starting { .. }
                | Recorder::Recording { .. }
                | Recorder::Paused { .. }
                | Recorder::Stopping { .. } => self.stop(),
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

    fn start(&mut self, recording: RecordingId) -> Action {
        match self {
            Recorder::Idle => {
                *self = Recorder::Starting { recording };
                Action::Begin { recording }
            }
            Recorder::Starting { .. }
            | Recorder::Recording { .. }
            | Recorder::Paused { .. }
            | Recorder::Stopping { .. } => Action::Refuse(Refusal::AlreadyRecording),
        }
    }

    fn stop(&mut self) -> Action {
        match self {
            Recorder::Idle => Action::Refuse(Refusal::NotRecording),
            Recorder::Starting { recording }
            | Recorder::Recording { recording }
            | Recorder::Paused { recording, .. }
            | Recorder::Stopping { recording } => {
                *self = Recorder::Stopping { recording: *recording };
                Action::EndCapture
            }
        }
    }

    /// What is said in between meets capture in whatever state it is then.
    fn when_started(&self, action: Action) -> Action {
        match self {
            Recorder::Recording { .. } | Recorder::Paused { .. } => action,
            Recorder::Idle | Recorder::Starting { .. } | Recorder::Stopping { .. } => {
                Action::Refuse(Refusal::NotRecording)
            }
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
                // A stop came first: it goes on to its end.
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
            CaptureEvent::Troubled(trouble) => Some(Action::NoteTrouble { recording, trouble }),
            CaptureEvent::Level { .. } => None,
            CaptureEvent::Ended { end, counts } => {
                *self = Recorder::Idle;
                Some(Action::Close { recording, end, counts })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> RecordingId {
        RecordingId(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn the_shortcut_starts_and_stops() {
        let mut recorder = Recorder::default();
        let toggle = |n| Event::ToggleAsked { recording: id(n) };
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
        recorder.handle(Event::StartAsked { recording: id(1) });
        assert_eq!(recorder.handle(Event::StopAsked), Some(Action::EndCapture));
        recorder.handle(Event::Captured(CaptureEvent::Started { width: 1, height: 1 }));
        assert_eq!(recorder, Recorder::Stopping { recording: id(1) });
        let ended =
            CaptureEvent::Ended { end: CaptureEnd::Stopped, counts: FrameCounts::default() };
        assert!(matches!(recorder.handle(Event::Captured(ended)), Some(Action::Close { .. })));
        assert_eq!(recorder, Recorder::Idle);
    }

    #[test]
    fn one_recording_at_a_time() {
        let mut recorder = Recorder::default();
        assert_eq!(recorder.handle(Event::StopAsked), Some(Action::Refuse(Refusal::NotRecording)));
        recorder.handle(Event::StartAsked { recording: id(1) });
        assert_eq!(
            recorder.handle(Event::StartAsked { recording: id(2) }),
            Some(Action::Refuse(Refusal::AlreadyRecording))
        );
    }

    #[test]
    fn a_pause_is_what_capture_says_it_is() {
        let mut recorder = Recorder::default();
        let refused = Some(Action::Refuse(Refusal::NotRecording));
        assert_eq!(recorder.handle(Event::PauseAsked), refused);
        recorder.handle(Event::StartAsked { recording: id(1) });
        assert_eq!(recorder.handle(Event::PauseAsked), refused);
        recorder.handle(Event::Captured(CaptureEvent::Started { width: 64, height: 36 }));
        assert_eq!(recorder.handle(Event::PauseAsked), Some(Action::PauseCapture));
        assert_eq!(recorder, Recorder::Recording { recording: id(1) });
        recorder.handle(Event::Captured(CaptureEvent::Paused { at_ms: 900 }));
        assert_eq!(recorder, Recorder::Paused { recording: id(1), at_ms: 900 });
        assert_eq!(
            recorder.handle(Event::StartAsked { recording: id(2) }),
            Some(Action::Refuse(Refusal::AlreadyRecording))
        );
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
        recorder.handle(Event::StartAsked { recording: id(1) });
        recorder.handle(Event::Captured(CaptureEvent::Started { width: 64, height: 36 }));
        recorder.handle(Event::Captured(CaptureEvent::Paused { at_ms: 900 }));
        assert_eq!(
            recorder.handle(Event::ToggleAsked { recording: id(2) }),
            Some(Action::EndCapture)
        );
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
        recorder.handle(Event::StartAsked { recording: id(1) });
        let error = CaptureError::NoDisplay { reason: "none".into() };
        assert_eq!(
            recorder.handle(Event::CaptureRefused { error: error.clone() }),
            Some(Action::Discard { recording: id(1), error })
        );
        assert_eq!(recorder, Recorder::Idle);
    }
}
