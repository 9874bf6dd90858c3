//! Carries out the ring buffer's actions: starting and stopping its capture, dropping its segments, and
//! making recordings of what is wanted from it.
//!
//! A recording from the ring buffer is made like any other: first its row, then its segments in order, then
//! its end. The only difference is that its segments are moved from another folder first.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use snaplark_core::RecordingId;
use snaplark_core::capture::{
    Abandoned, CaptureControl, CaptureError, CaptureEvent, FrameCounts, SealedSegment, Source,
};
use snaplark_core::overlay::Webcam;
use snaplark_core::policy::{
    RING_BYTES_SLACK, RING_CUT_MS_MAX, RING_FREE_BYTES_AGAIN, RING_FREE_BYTES_MIN,
    RING_SPACE_LOOK_MS,
};
use snaplark_core::recorder::{Recorder, RecorderEvent};
use snaplark_core::ring::{Bounds, Ring, RingAction, RingBlock, RingEvent, RingId, RingRange};
use snaplark_store::Elsewhere;
use tracing::{info, warn};

use super::capturing::keep_permission;
use super::preview::from_zero;
use super::strike::{CaptureBase, span};
use super::{Context, RecordingSession, RunningRecording, SessionEvent, Write};
use crate::engine::context::now_unix_ms;
use crate::messages::{Message, Reply};
use crate::view::RingView;
use crate::{AppError, Keeps, StartRequest, views};

/// The ring buffer and its captures.
#[derive(Default)]
pub(super) struct Keeping {
    pub(super) machine: Ring,
    /// Captures that have begun and not ended.
    captures: BTreeMap<RingId, Capturing>,
    /// Replies that are due when the shared minutes have become a recording.
    pub(super) shares: HashMap<RecordingId, Reply<RecordingId>>,
    /// The recordings among them that become a preview first, with their titles if known.
    pub(super) previews: HashMap<RecordingId, Option<String>>,
    cut_due_ms: Option<u64>,
    look_again_ms: u64,
}

struct Capturing {
    request: StartRequest,
    control: Option<Box<dyn CaptureControl>>,
    abandoned: Abandoned,
    /// The time of the capture's time zero.
    began_unix_ms: i64,
}

impl Keeping {
    pub(crate) fn is_over(&self) -> bool {
        self.captures.is_empty()
    }

    pub(crate) fn wake_ms(&self) -> Option<u64> {
        let looks = self.machine.is_blocked_by(RingBlock::DiskLow);
        self.cut_due_ms.into_iter().chain(looks.then_some(self.look_again_ms)).min()
    }
}

impl RecordingSession {
    /// Applies the current settings to the ring buffer.
    pub(crate) fn choose_ring(&mut self, cx: &Context) {
        let request = ring_request(cx);
        let is_other = self
            .keeping
            .machine
            .running()
            .and_then(|ring| self.keeping.captures.get(&ring))
            .is_some_and(|capturing| capturing.request != request);
        let bytes_per_second = u64::from(RunningRecording::bits_per_second(&request)) / 8;
        let bounds = self.kept_ms(cx).map(|length_ms| Bounds {
            length_ms,
            bytes_max: length_ms / 1_000 * bytes_per_second * RING_BYTES_SLACK,
        });
        self.tell_ring(cx, RingEvent::Chosen { bounds });
        if is_other {
            self.tell_ring(cx, RingEvent::Renewed);
        }
    }

    /// Stops the ring buffer while a recording runs, and lets it go on afterwards.
    pub(crate) fn block_ring_while_recording(&mut self, cx: &Context) {
        self.block_ring(cx, RingBlock::Recording, !self.is_idle());
    }

    /// Stops the ring buffer while the session is locked.
    pub(crate) fn locked(&mut self, cx: &Context, is_locked: bool) {
        self.block_ring(cx, RingBlock::Locked, is_locked);
    }

    pub(super) fn block_ring(&mut self, cx: &Context, by: RingBlock, is_there: bool) {
        if self.keeping.machine.is_blocked_by(by) != is_there {
            let event = match is_there {
                true => RingEvent::Blocked { by },
                false => RingEvent::Unblocked { by },
            };
            self.tell_ring(cx, event);
        }
    }

    fn tell_ring(&mut self, cx: &Context, event: RingEvent) {
        for action in self.keeping.machine.handle(event) {
            self.do_ring(cx, action);
        }
    }

    fn do_ring(&mut self, cx: &Context, action: RingAction) {
        match action {
            RingAction::Begin { ring } => self.begin_ring(cx, ring),
            RingAction::End { ring } => {
                info!("The screen is not kept any more");
                if let Some(capturing) = self.keeping.captures.get_mut(&ring) {
                    // The capture may still wait for the desktop's permission.
                    capturing.abandoned.set();
                    capturing.control = None;
                }
            }
            RingAction::Sweep { ring } => {
                self.keeping.captures.remove(&ring);
                if let Err(error) = cx.store.sweep_ring(&name(ring)) {
                    warn!(%error, "What was kept could not be deleted; the next start does it");
                }
            }
            RingAction::Drop { ring, index } => {
                if let Err(error) = cx.store.drop_kept(&name(ring), index) {
                    warn!(%error, "What need not be kept any more could not be deleted");
                }
            }
            RingAction::Cut { ring } => {
                self.keeping.cut_due_ms = Some(cx.now_ms() + RING_CUT_MS_MAX);
                let capturing = self.keeping.captures.get_mut(&ring);
                if let Some(control) = capturing.and_then(|capturing| capturing.control.as_mut()) {
                    control.cut();
                }
            }
            RingAction::Share { recording, kept } => self.share(cx, recording, &kept),
            RingAction::RefuseShare { recording } => {
                self.keeping.previews.remove(&recording);
                let _ = self.answer_share(recording, Err(AppError::NothingKept));
            }
            RingAction::NotePermission { permission } => {
                keep_permission(cx, &Source::Display(None), &permission);
            }
        }
    }

    fn begin_ring(&mut self, cx: &Context, ring: RingId) {
        let request = ring_request(cx);
        let abandoned = Abandoned::default();
        let began_unix_ms = now_unix_ms();
        let (control, capturing) = (None, request.clone());
        let capturing =
            Capturing { request: capturing, control, abandoned: abandoned.clone(), began_unix_ms };
        self.keeping.captures.insert(ring, capturing);
        if fs4::available_space(&cx.home.root).is_ok_and(|free| free < RING_FREE_BYTES_MIN) {
            self.tell_ring(cx, RingEvent::CaptureRefused { ring, error: CaptureError::DiskFull });
            self.block_ring(cx, RingBlock::DiskLow, true);
            return;
        }
        let folder = match cx.store.make_ring(&name(ring)) {
            Ok(folder) => folder,
            Err(error) => {
                let error = CaptureError::FolderUnwritable { reason: error.to_string() };
                self.tell_ring(cx, RingEvent::CaptureRefused { ring, error });
                return;
            }
        };
        info!("The screen is being kept");
        self.capture(
            cx,
            request,
            (folder, None),
            abandoned,
            move |event| Message::Kept { ring, event },
            move |control| Message::RingReady { ring, control },
        );
    }

    /// Receives the capture of the ring buffer, or why there is none.
    pub(crate) fn ring_ready(
        &mut self,
        cx: &Context,
        ring: RingId,
        control: Result<Box<dyn CaptureControl>, CaptureError>,
    ) {
        match control {
            Err(error) => {
                warn!(%error, "The screen is not kept");
                self.tell_ring(cx, RingEvent::CaptureRefused { ring, error });
            }
            Ok(control) if self.keeping.machine.running() == Some(ring) => {
                if let Some(capturing) = self.keeping.captures.get_mut(&ring) {
                    capturing.control = Some(control);
                }
            }
            // The ring was ended in the meantime, and dropping the control ends its capture. It can't
            // belong to a recording that took the ring over: that needed its segments, so the capture was
            // ready long before.
            Ok(_) => {}
        }
    }

    /// Receives an event of a ring's capture, including one that a recording continues.
    pub(crate) fn kept(&mut self, cx: &Context, ring: RingId, event: CaptureEvent) {
        let taken = self.running.as_ref().and_then(|running| running.taken_over);
        if taken == Some(ring) {
            self.captured_by_own(cx, event);
            return;
        }
        match &event {
            CaptureEvent::Started { .. } => {
                if let Some(capturing) = self.keeping.captures.get_mut(&ring) {
                    capturing.began_unix_ms = now_unix_ms();
                }
            }
            CaptureEvent::SegmentSealed(_) => {
                let free_bytes = fs4::available_space(&cx.home.root);
                if free_bytes.is_ok_and(|free_bytes| free_bytes < RING_FREE_BYTES_MIN) {
                    warn!("The disk is nearly full, so the screen is not kept any more");
                    self.keeping.look_again_ms = cx.now_ms() + RING_SPACE_LOOK_MS;
                    self.block_ring(cx, RingBlock::DiskLow, true);
                }
            }
            CaptureEvent::IssueNoticed { issue, .. } => info!(%issue, "Ring buffer issue"),
            CaptureEvent::Paused { .. }
            | CaptureEvent::Resumed { .. }
            | CaptureEvent::Cut { .. }
            | CaptureEvent::Struck { .. }
            | CaptureEvent::StrikeFailed { .. }
            | CaptureEvent::Permitted(_)
            | CaptureEvent::Level { .. }
            | CaptureEvent::Ended { .. } => {}
        }
        if matches!(event, CaptureEvent::Cut { .. }) {
            self.keeping.cut_due_ms = None;
        }
        self.tell_ring(cx, RingEvent::Captured { ring, event });
    }

    pub(super) fn follow_ring_clock(&mut self, cx: &Context) {
        let now_ms = cx.now_ms();
        if self.keeping.cut_due_ms.take_if(|due_ms| *due_ms <= now_ms).is_some() {
            self.tell_ring(cx, RingEvent::CutOverdue);
        }
        if self.keeping.machine.is_blocked_by(RingBlock::DiskLow)
            && self.keeping.look_again_ms <= now_ms
        {
            self.keeping.look_again_ms = now_ms + RING_SPACE_LOOK_MS;
            let free_bytes = fs4::available_space(&cx.home.root).unwrap_or(0);
            self.block_ring(cx, RingBlock::DiskLow, free_bytes < RING_FREE_BYTES_AGAIN);
        }
    }

    /// Makes a recording of the last `length` of the ring buffer, or of all of it if `None`.
    pub(crate) fn share_last(
        &mut self,
        cx: &Context,
        length: Option<Duration>,
        reply: Reply<RecordingId>,
    ) {
        self.ask_share(cx, length, false, reply);
    }

    /// Asks to share the last `length` of the ring buffer, or all of it if `None`. Returns the id that the
    /// recording or preview will have.
    pub(super) fn ask_share(
        &mut self,
        cx: &Context,
        length: Option<Duration>,
        is_preview: bool,
        reply: Reply<RecordingId>,
    ) -> RecordingId {
        let recording = RecordingId(uuid::Uuid::now_v7());
        self.keeping.shares.insert(recording, reply);
        if is_preview {
            self.keeping.previews.insert(recording, None);
        }
        let length_ms = length.map_or(u64::MAX, |length| length.as_millis() as u64);
        self.tell_ring(cx, RingEvent::ShareAsked { recording, length_ms });
        recording
    }

    /// Replies to whoever shared the minutes that this recording is made of. Returns whether anybody did.
    pub(super) fn answer_share(
        &mut self,
        recording: RecordingId,
        answer: Result<RecordingId, AppError>,
    ) -> bool {
        let Some(reply) = self.keeping.shares.remove(&recording) else { return false };
        self.answer(reply, answer);
        true
    }

    fn share(&mut self, cx: &Context, recording: RecordingId, kept: &RingRange) {
        let preview = self.keeping.previews.remove(&recording);
        let Some(capturing) = self.keeping.captures.get(&kept.ring) else { return };
        let (request, began_unix_ms) = (capturing.request.clone(), capturing.began_unix_ms);
        let began_unix_ms = began_unix_ms + kept.base_ms() as i64;
        if let Some(title) = preview {
            self.freeze(cx, recording, kept, request, began_unix_ms, title);
            return;
        }
        info!(%recording, duration_ms = kept.duration_ms(), "What was kept becomes a recording");
        // Hard-linked under other names, so that the ring buffer can go on dropping its segments.
        let folder = cx.store.ring_folder(&format!("share-{recording}"));
        let there = Elsewhere { folder, first_index: 0 };
        let indices = kept.segments.iter().map(|segment| segment.index);
        let made = self
            .make_row(cx, recording, &request, began_unix_ms)
            .and_then(|_| cx.store.expect_elsewhere(recording, &there))
            .and_then(|()| cx.store.link_kept(&name(kept.ring), indices, &there))
            .and_then(|()| cx.store.bring_init(recording, &there.segment(0)));
        if let Err(error) = made {
            self.take_back(recording);
            let _ = self.answer_share(recording, Err(error.into()));
            return;
        }
        let segments = from_zero(&kept.segments);
        let close = Write::Close(recording, FrameCounts::default(), None);
        self.write_kept(recording, &request, kept.size, &segments, &there, Some(close));
    }

    /// Starts a recording that begins `past` ago, with segments from the ring buffer, and continues its
    /// capture.
    pub(super) fn take_over(
        &mut self,
        cx: &Context,
        request: StartRequest,
        past: Duration,
        reply: Reply<RecordingId>,
    ) {
        if self.recorder != Recorder::Idle {
            let _ = reply.send(Err(AppError::AlreadyRecording));
            return;
        }
        let Some((kept, actions)) = self.keeping.machine.take_over(past.as_millis() as u64) else {
            let _ = reply.send(Err(AppError::NothingKept));
            return;
        };
        actions.into_iter().for_each(|action| self.do_ring(cx, action));
        let Some(capturing) = self.keeping.captures.remove(&kept.ring) else { return };
        let recording = RecordingId(uuid::Uuid::now_v7());
        self.recorder.handle(RecorderEvent::TakenOver { recording });
        info!(%recording, duration_ms = kept.duration_ms(), "Recording, from the past on");
        let began_unix_ms = capturing.began_unix_ms + kept.base_ms() as i64;
        let StartRequest { limit, space, upload, webcam, .. } = request;
        let request = StartRequest { limit, space, upload, webcam, ..capturing.request };
        let mut running = RunningRecording::new(request.clone(), cx.now_ms(), began_unix_ms);
        let folder = cx.store.ring_folder(&name(kept.ring));
        let there = Elsewhere { folder, first_index: kept.first_index() };
        running.count_from(kept.duration_ms(), cx.now_ms());
        running.taken_over = Some(kept.ring);
        running.base = CaptureBase { first_index: kept.first_index(), ms: kept.base_ms() };
        running.sealed = from_zero(&kept.segments).iter().map(span).collect();
        running.control = capturing.control.map(|mut control| {
            control.set_webcam(request.webcam.clone());
            control
        });
        running.elsewhere = Some(there.clone());
        self.running = Some(running);
        let made = self
            .make_row(cx, recording, &request, began_unix_ms)
            .and_then(|_| cx.store.expect_elsewhere(recording, &there))
            .and_then(|()| cx.store.bring_init(recording, &there.segment(0)));
        if let Err(error) = made {
            let error = CaptureError::FolderUnwritable { reason: error.to_string() };
            self.start_reply = Some(reply);
            self.handle_recorder_event(cx, RecorderEvent::CaptureRefused { error });
            return;
        }
        let _ = reply.send(Ok(recording));
        self.write_kept(recording, &request, kept.size, &from_zero(&kept.segments), &there, None);
    }

    /// Queues the writes of a recording whose row exists: its start, its segments from another folder, and
    /// its end if it has ended.
    pub(super) fn write_kept(
        &mut self,
        recording: RecordingId,
        request: &StartRequest,
        (width, height): (u32, u32),
        segments: &[SealedSegment],
        there: &Elsewhere,
        close: Option<Write>,
    ) {
        if request.upload {
            self.ask(SessionEvent::UploadAsked(recording));
        }
        let segments = segments.iter().map(|segment| {
            let from = there.segment(segment.index);
            Write::Segment(recording, segment.clone().into(), Some(from))
        });
        let started = Write::Started { recording, width, height };
        // Queued at once, so that the journal does a few and lets the event loop handle messages in between.
        let writes = [started].into_iter().chain(segments).chain(close).collect();
        self.ask(SessionEvent::Write(writes));
    }

    pub(super) fn ring_view(&self, cx: &Context) -> RingView {
        views::of_ring(self.keeping.machine.state(), self.kept_ms(cx).unwrap_or(0))
    }

    fn kept_ms(&self, cx: &Context) -> Option<u64> {
        match self.keeps {
            Keeps::Nothing => None,
            Keeps::AsSet => cx.settings.recording.kept_seconds().map(|s| u64::from(s) * 1_000),
            Keeps::Last(length) => Some(length.as_millis() as u64),
        }
    }
}

/// Returns the request for the ring buffer's capture: without a countdown, since nobody gets ready for it,
/// and without the webcam, which must not film a person all day.
pub(super) fn ring_request(cx: &Context) -> StartRequest {
    let request = cx.settings.recording.request(Source::Display(None));
    StartRequest { countdown: None, webcam: Webcam::default(), ..request }
}

pub(super) fn name(ring: RingId) -> String {
    ring.0.to_string()
}
