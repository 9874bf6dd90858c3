//! The recording session: the recording that runs, the ring buffer, and the preview of the last minutes.
//!
//! It owns both state machines of recording and their captures, and everyone who waits for the start or end
//! of a recording. What others have to do it queues as [`SessionEvent`]s. The engine carries them out in
//! order, each with all that follows from it before the next. So a reply that stands behind a write is sent
//! after the commit.

mod capturing;
mod preview;
mod recording;
mod ring;
mod running;
mod strike;
mod warnings;
mod webcam;

pub(super) use capturing::{keep_permission, permission};

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use snaplark_core::RecordingId;
use snaplark_core::capture::Capture;
use snaplark_core::recorder::Recorder;
use snaplark_core::upload::UploadEvent;

use super::context::Context;
use super::library::Write;
use crate::messages::Reply;
use crate::view::{RingView, SoundView, Warning};
use crate::{AppError, Keeps, StartRequest, WebcamState};

use preview::Preview;
pub(super) use preview::is_preview;
use ring::Keeping;
pub(crate) use running::RunningRecording;

/// The recording that runs, the ring buffer, and the preview of the last minutes.
pub(super) struct RecordingSession {
    capture: Arc<dyn Capture>,
    recorder: Recorder,
    running: Option<RunningRecording>,
    start_reply: Option<Reply<RecordingId>>,
    stop_replies: Vec<Reply<RecordingId>>,
    /// Each with the request that was cancelled.
    cancel_replies: Vec<(Reply<StartRequest>, StartRequest)>,
    /// The number of segments of the current recording that have their rows.
    committed: u32,
    /// Why recordings of this run ended without anybody stopping them.
    why_ended: HashMap<RecordingId, String>,
    /// Recordings whose folder is back and for which that was already noted.
    came_back: HashSet<RecordingId>,
    keeps: Keeps,
    keeping: Keeping,
    /// The frozen last minutes that a person looks at before sharing them.
    preview: Option<Preview>,
    events: VecDeque<SessionEvent>,
}

/// A task of the session for other parts of the engine.
#[expect(clippy::large_enum_variant, reason = "a few are queued at a time")]
pub(super) enum SessionEvent {
    /// Queue these writes behind all earlier ones.
    Write(Vec<Write>),
    Upload(UploadEvent),
    /// A recording begins that is to be uploaded if there is a destination.
    UploadAsked(RecordingId),
    Toast(RecordingId, ToastChange),
    /// Give a recording this title, unless a person has named it.
    Name(RecordingId, String),
    /// Delete the row of a recording that did not begin.
    TakeBack(RecordingId),
    /// Run this, now that everything before it has been carried out: a reply, or the start of a capture.
    Then(Box<dyn FnOnce() + Send>),
}

/// A change of a recording's toasts.
pub(super) enum ToastChange {
    /// Follow the recording's upload.
    Remember,
    Forget,
    /// It ended by itself. The toast names what is kept of it.
    Failed(String),
    /// It failed, and nothing of it is kept.
    Lost(String),
    WarningBegan(Warning),
    WarningEnded(Warning),
    /// The recording is over, and so are its warnings.
    WarningsOver,
}

/// The session's part of a snapshot.
pub(crate) struct SessionState<'a> {
    pub(crate) recorder: &'a Recorder,
    pub(crate) running: Option<&'a RunningRecording>,
    pub(crate) webcam: WebcamState,
    pub(crate) sound: SoundView,
    pub(crate) ring: RingView,
}

impl RecordingSession {
    pub(crate) fn new(capture: Arc<dyn Capture>, keeps: Keeps) -> Self {
        RecordingSession {
            capture,
            recorder: Recorder::default(),
            running: None,
            start_reply: None,
            stop_replies: Vec::new(),
            cancel_replies: Vec::new(),
            committed: 0,
            why_ended: HashMap::new(),
            came_back: HashSet::new(),
            keeps,
            keeping: Keeping::default(),
            preview: None,
            events: VecDeque::new(),
        }
    }

    /// Returns the next thing that others have to do.
    pub(crate) fn next_event(&mut self) -> Option<SessionEvent> {
        self.events.pop_front()
    }

    /// Returns the recording that runs or is about to.
    pub(crate) fn recording(&self) -> Option<RecordingId> {
        self.recorder.recording()
    }

    /// Returns the request of the recording that runs or is about to.
    pub(crate) fn request(&self) -> Option<&StartRequest> {
        self.running.as_ref().map(|running| &running.request)
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.recorder == Recorder::Idle
    }

    /// Returns whether nothing is captured any more, neither for a recording nor for the ring buffer.
    pub(crate) fn is_over(&self) -> bool {
        self.is_idle() && self.keeping.is_over()
    }

    /// Returns whether something is recorded that is not sealed yet.
    pub(crate) fn is_awake(&self) -> bool {
        self.recorder.is_awake()
    }

    /// Returns why a recording of this run ended without anybody stopping it.
    pub(crate) fn why_ended(&self, recording: RecordingId) -> Option<String> {
        self.why_ended.get(&recording).cloned()
    }

    /// Returns the current recording and the number of its segments that have rows.
    pub(crate) fn rows(&self) -> Option<(RecordingId, usize)> {
        self.recording().map(|recording| (recording, self.committed as usize))
    }

    /// Notes that a segment has its row.
    pub(crate) fn segment_committed(&mut self, recording: RecordingId, index: u32) {
        if self.recording() == Some(recording) {
            self.committed = index + 1;
        }
    }

    pub(crate) fn state(&self, cx: &Context) -> SessionState<'_> {
        SessionState {
            recorder: &self.recorder,
            running: self.running.as_ref(),
            webcam: self.webcam(cx),
            sound: self.sound(cx),
            ring: self.ring_view(cx),
        }
    }

    /// Returns when the session has to act next, by the engine's clock.
    pub(crate) fn next_wake_ms(&self) -> Option<u64> {
        let recorder_ms = self.running.as_ref().and_then(|running| running.wake_ms(&self.recorder));
        recorder_ms.into_iter().chain(self.keeping.wake_ms()).min()
    }

    /// Follows the clock: countdown, time limit, and the ring buffer's timers.
    pub(crate) fn woke(&mut self, cx: &Context) {
        self.follow_clock(cx);
        self.follow_ring_clock(cx);
    }

    fn ask(&mut self, event: SessionEvent) {
        self.events.push_back(event);
    }

    fn write(&mut self, write: Write) {
        self.ask(SessionEvent::Write(vec![write]));
    }

    fn upload(&mut self, event: UploadEvent) {
        self.ask(SessionEvent::Upload(event));
    }

    fn toast(&mut self, recording: RecordingId, change: ToastChange) {
        self.ask(SessionEvent::Toast(recording, change));
    }

    fn then(&mut self, act: impl FnOnce() + Send + 'static) {
        self.ask(SessionEvent::Then(Box::new(act)));
    }

    /// Replies when everything before it has been carried out.
    fn answer<T: Send + 'static>(&mut self, reply: Reply<T>, answer: Result<T, AppError>) {
        self.then(move || drop(reply.send(answer)));
    }

    /// Returns the sound switches of the running recording, else those of the next one.
    fn sound(&self, cx: &Context) -> SoundView {
        let next = cx.settings.recording.sound_view();
        self.running.as_ref().map_or(next, |running| SoundView {
            microphone: running.request.sound.microphone.is_some() && !running.request.muted,
            system: running.request.sound.system,
        })
    }
}
