//! Carries out the ring buffer's actions: starting and stopping its capture, dropping its segments, and
//! making recordings of what is wanted from it.
//!
//! A recording from the ring buffer is made like any other: first its row, then its segments in order, then
//! its end. The only difference is that its segments are moved from another folder first.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use snaplark_core::capture::{
    Abandoned, CaptureControl, CaptureError, CaptureEvent, FrameCounts, Permission, SealedSegment,
    Source,
};
use snaplark_core::overlay::Webcam;
use snaplark_core::policy::{
    RING_BYTES_SLACK, RING_CUT_MS_MAX, RING_FREE_BYTES_AGAIN, RING_FREE_BYTES_MIN,
    RING_SPACE_LOOK_MS,
};
use snaplark_core::recorder::{self, Recorder};
use snaplark_core::ring::{Action, Bounds, Event, Hindrance, Kept, Ring, RingId};
use snaplark_core::{RecordingId, upload};
use snaplark_store::Elsewhere;
use tracing::{info, warn};

use super::preview::from_zero;
use super::recording::permission_setting;
use super::{Engine, Running, Write};
use crate::messages::{Message, Reply};
use crate::view::RingView;
use crate::{AppError, Keeps, StartRequest, views};

/// The ring buffer and its captures.
#[derive(Default)]
pub struct Keeping {
    pub machine: Ring,
    /// Captures that have begun and not ended.
    captures: BTreeMap<RingId, Capturing>,
    /// Replies that are due when the shared minutes have become a recording.
    pub shares: HashMap<RecordingId, Reply<RecordingId>>,
    /// The recordings among them that become a preview first, with their titles if known.
    pub previews: HashMap<RecordingId, Option<String>>,
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
    pub fn is_over(&self) -> bool {
        self.captures.is_empty()
    }

    pub fn wake_ms(&self) -> Option<u64> {
        let looks = self.machine.is_hindered_by(Hindrance::DiskLow);
        self.cut_due_ms.into_iter().chain(looks.then_some(self.look_again_ms)).min()
    }
}

impl Engine {
    /// Applies the current settings to the ring buffer.
    pub(super) fn choose_ring(&mut self) {
        let request = self.ring_request();
        let is_other = self
            .keeping
            .machine
            .running()
            .and_then(|ring| self.keeping.captures.get(&ring))
            .is_some_and(|capturing| capturing.request != request);
        let bytes_per_second = u64::from(Running::bits_per_second(&request)) / 8;
        let bounds = self.kept_ms().map(|length_ms| Bounds {
            length_ms,
            bytes_max: length_ms / 1_000 * bytes_per_second * RING_BYTES_SLACK,
        });
        self.tell_ring(Event::Chosen { bounds });
        if is_other {
            self.tell_ring(Event::Renewed);
        }
    }

    pub(super) fn hinder_ring(&mut self, by: Hindrance, is_there: bool) {
        if self.keeping.machine.is_hindered_by(by) != is_there {
            self.tell_ring(match is_there {
                true => Event::Hindered { by },
                false => Event::Freed { from: by },
            });
        }
    }

    pub(super) fn tell_ring(&mut self, event: Event) {
        for action in self.keeping.machine.handle(event) {
            self.do_ring(action);
        }
    }

    fn do_ring(&mut self, action: Action) {
        match action {
            Action::Begin { ring } => self.begin_ring(ring),
            Action::End { ring } => {
                info!("The screen is not kept any more");
                if let Some(capturing) = self.keeping.captures.get_mut(&ring) {
                    // The capture may still wait for the desktop's permission.
                    capturing.abandoned.set();
                    capturing.control = None;
                }
            }
            Action::Sweep { ring } => {
                self.keeping.captures.remove(&ring);
                if let Err(error) = self.store.sweep_ring(&name(ring)) {
                    warn!(%error, "What was kept could not be deleted; the next start does it");
                }
            }
            Action::Drop { ring, index } => {
                if let Err(error) = self.store.drop_kept(&name(ring), index) {
                    warn!(%error, "What need not be kept any more could not be deleted");
                }
            }
            Action::Cut { ring } => {
                self.keeping.cut_due_ms = Some(self.now_ms() + RING_CUT_MS_MAX);
                let capturing = self.keeping.captures.get_mut(&ring);
                if let Some(control) = capturing.and_then(|capturing| capturing.control.as_mut()) {
                    control.cut();
                }
            }
            Action::Share { recording, kept } => self.share(recording, &kept),
            Action::RefuseShare { recording } => {
                self.keeping.previews.remove(&recording);
                self.answer_share(recording, Err(AppError::NothingKept));
            }
            Action::NotePermission { permission } => {
                self.keep_permission(&Source::Display(None), &permission);
            }
        }
    }

    fn begin_ring(&mut self, ring: RingId) {
        let request = self.ring_request();
        let abandoned = Abandoned::default();
        let began_unix_ms = jiff::Timestamp::now().as_millisecond();
        let (control, capturing) = (None, request.clone());
        let capturing =
            Capturing { request: capturing, control, abandoned: abandoned.clone(), began_unix_ms };
        self.keeping.captures.insert(ring, capturing);
        if fs4::available_space(&self.home.root).is_ok_and(|free| free < RING_FREE_BYTES_MIN) {
            self.tell_ring(Event::CaptureRefused { ring, error: CaptureError::DiskFull });
            self.hinder_ring(Hindrance::DiskLow, true);
            return;
        }
        let folder = match self.store.make_ring(&name(ring)) {
            Ok(folder) => folder,
            Err(error) => {
                let error = CaptureError::FolderUnwritable { reason: error.to_string() };
                self.tell_ring(Event::CaptureRefused { ring, error });
                return;
            }
        };
        info!("The screen is being kept");
        self.capture(
            request,
            (folder, None),
            abandoned,
            move |event| Message::Kept { ring, event },
            move |control| Message::RingReady { ring, control },
        );
    }

    pub(super) fn ring_ready(
        &mut self,
        ring: RingId,
        control: Result<Box<dyn CaptureControl>, CaptureError>,
    ) {
        match control {
            Err(error) => {
                warn!(%error, "The screen is not kept");
                self.tell_ring(Event::CaptureRefused { ring, error });
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

    pub(super) fn kept(&mut self, ring: RingId, event: CaptureEvent) {
        let taken = self.running.as_ref().and_then(|running| running.taken_over);
        if let Some(taken) = taken.filter(|taken| taken.ring == ring) {
            let event = snaplark_core::ring::rebased(event, taken.first_index, taken.base_ms);
            self.tell_recorder(recorder::Event::Captured(event));
            return;
        }
        match &event {
            CaptureEvent::Started { .. } => {
                if let Some(capturing) = self.keeping.captures.get_mut(&ring) {
                    capturing.began_unix_ms = jiff::Timestamp::now().as_millisecond();
                }
            }
            CaptureEvent::SegmentSealed(_) => {
                let free_bytes = fs4::available_space(&self.home.root);
                if free_bytes.is_ok_and(|free_bytes| free_bytes < RING_FREE_BYTES_MIN) {
                    warn!("The disk is nearly full, so the screen is not kept any more");
                    self.keeping.look_again_ms = self.now_ms() + RING_SPACE_LOOK_MS;
                    self.hinder_ring(Hindrance::DiskLow, true);
                }
            }
            CaptureEvent::Troubled { trouble, .. } => info!(%trouble, "The ring has trouble"),
            CaptureEvent::Paused { .. }
            | CaptureEvent::Resumed { .. }
            | CaptureEvent::Cut { .. }
            | CaptureEvent::Permitted(_)
            | CaptureEvent::Level { .. }
            | CaptureEvent::Ended { .. } => {}
        }
        if matches!(event, CaptureEvent::Cut { .. }) {
            self.keeping.cut_due_ms = None;
        }
        self.tell_ring(Event::Captured { ring, event });
    }

    pub(super) fn follow_ring_clock(&mut self) {
        let now_ms = self.now_ms();
        if self.keeping.cut_due_ms.take_if(|due_ms| *due_ms <= now_ms).is_some() {
            self.tell_ring(Event::CutOverdue);
        }
        if self.keeping.machine.is_hindered_by(Hindrance::DiskLow)
            && self.keeping.look_again_ms <= now_ms
        {
            self.keeping.look_again_ms = now_ms + RING_SPACE_LOOK_MS;
            let free_bytes = fs4::available_space(&self.home.root).unwrap_or(0);
            self.hinder_ring(Hindrance::DiskLow, free_bytes < RING_FREE_BYTES_AGAIN);
        }
    }

    /// Asks to share the last `length` of the ring buffer, or all of it if `None`. Returns the id that the
    /// recording or preview will have.
    pub(super) fn ask_share(
        &mut self,
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
        self.tell_ring(Event::ShareAsked { recording, length_ms });
        recording
    }

    pub(super) fn answer_share(
        &mut self,
        recording: RecordingId,
        answer: Result<RecordingId, AppError>,
    ) {
        if let Some(reply) = self.keeping.shares.remove(&recording) {
            let _ = reply.send(answer);
        }
    }

    fn share(&mut self, recording: RecordingId, kept: &Kept) {
        let preview = self.keeping.previews.remove(&recording);
        let Some(capturing) = self.keeping.captures.get(&kept.ring) else { return };
        let (request, began_unix_ms) = (capturing.request.clone(), capturing.began_unix_ms);
        let began_unix_ms = began_unix_ms + kept.base_ms() as i64;
        if let Some(title) = preview {
            self.freeze(recording, kept, request, began_unix_ms, title);
            return;
        }
        info!(%recording, duration_ms = kept.duration_ms(), "What was kept becomes a recording");
        // Hard-linked under other names, so that the ring buffer can go on dropping its segments.
        let folder = self.store.ring_folder(&format!("share-{recording}"));
        let there = Elsewhere { folder, first_index: 0 };
        let indices = kept.segments.iter().map(|segment| segment.index);
        let made = self
            .make_row(recording, &request, began_unix_ms)
            .and_then(|_| self.store.expect_elsewhere(recording, &there))
            .and_then(|()| self.store.link_kept(&name(kept.ring), indices, &there))
            .and_then(|()| self.store.bring_init(recording, &there.segment(0)));
        if let Err(error) = made {
            self.take_back(recording);
            self.answer_share(recording, Err(error.into()));
            return;
        }
        self.write_kept(recording, &request, kept.size, &from_zero(&kept.segments), &there);
        self.unwritten.push_back(Write::Close(recording, FrameCounts::default(), None));
        self.write();
    }

    /// Starts a recording that begins `past` ago, with segments from the ring buffer, and continues its
    /// capture.
    pub(super) fn take_over(
        &mut self,
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
        actions.into_iter().for_each(|action| self.do_ring(action));
        let Some(capturing) = self.keeping.captures.remove(&kept.ring) else { return };
        let recording = RecordingId(uuid::Uuid::now_v7());
        self.recorder.handle(recorder::Event::TakenOver { recording });
        info!(%recording, duration_ms = kept.duration_ms(), "Recording, from the past on");
        let began_unix_ms = capturing.began_unix_ms + kept.base_ms() as i64;
        let StartRequest { limit, space, upload, webcam, .. } = request;
        let request = StartRequest { limit, space, upload, webcam, ..capturing.request };
        let mut running = Running::new(request.clone(), self.now_ms(), began_unix_ms);
        let folder = self.store.ring_folder(&name(kept.ring));
        let there = Elsewhere { folder, first_index: kept.first_index() };
        running.count_from(kept.duration_ms(), self.now_ms());
        running.taken_over = Some(TakenOver {
            ring: kept.ring,
            first_index: kept.first_index(),
            base_ms: kept.base_ms(),
        });
        running.control = capturing.control.map(|mut control| {
            control.set_webcam(request.webcam.clone());
            control
        });
        running.elsewhere = Some(there.clone());
        self.running = Some(running);
        let made = self
            .make_row(recording, &request, began_unix_ms)
            .and_then(|_| self.store.expect_elsewhere(recording, &there))
            .and_then(|()| self.store.bring_init(recording, &there.segment(0)));
        if let Err(error) = made {
            let error = CaptureError::FolderUnwritable { reason: error.to_string() };
            self.start_reply = Some(reply);
            self.tell_recorder(recorder::Event::CaptureRefused { error });
            return;
        }
        self.write_kept(recording, &request, kept.size, &from_zero(&kept.segments), &there);
        let _ = reply.send(Ok(recording));
        self.write();
    }

    /// Queues the writes of a recording whose row exists: its start, and its segments from another folder.
    pub(super) fn write_kept(
        &mut self,
        recording: RecordingId,
        request: &StartRequest,
        (width, height): (u32, u32),
        segments: &[SealedSegment],
        there: &Elsewhere,
    ) {
        if request.upload && self.uplink.is_some() {
            self.tell_machine(upload::Event::UploadWanted { recording });
        }
        self.unwritten.push_back(Write::Started { recording, width, height });
        for segment in segments {
            let from = there.segment(segment.index);
            self.unwritten.push_back(Write::Segment(recording, segment.clone().into(), Some(from)));
        }
    }

    /// Returns the request for the ring buffer's capture: without a countdown, since nobody gets ready for
    /// it, and without the webcam, which must not film a person all day.
    pub(super) fn ring_request(&self) -> StartRequest {
        let request = self.settings.recording.request(Source::Display(None));
        StartRequest { countdown: None, webcam: Webcam::default(), ..request }
    }

    pub(super) fn ring_view(&self) -> RingView {
        views::of_ring(self.keeping.machine.state(), self.kept_ms().unwrap_or(0))
    }

    fn kept_ms(&self) -> Option<u64> {
        match self.keeps {
            Keeps::Nothing => None,
            Keeps::AsSet => self.settings.recording.kept_seconds().map(|s| u64::from(s) * 1_000),
            Keeps::Last(length) => Some(length.as_millis() as u64),
        }
    }

    pub(super) fn permission(&self, source: &Source) -> Option<Permission> {
        let setting = permission_setting(source)?;
        self.store.setting(&setting).ok().flatten().map(Permission)
    }
}

/// The ring whose capture a recording continues.
#[derive(Clone, Copy, Debug)]
pub struct TakenOver {
    pub ring: RingId,
    pub first_index: u32,
    pub base_ms: u64,
}

pub fn name(ring: RingId) -> String {
    ring.0.to_string()
}
