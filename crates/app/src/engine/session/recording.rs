//! Carries out the recording machine's actions: starting and stopping capture, making and deleting rows.

use std::path::{Path, PathBuf};

use snaplark_core::capture::{
    CaptureControl, CaptureEnd, CaptureError, CaptureEvent, FrameCounts, Issue, SealedSegment,
    Sound,
};
use snaplark_core::policy::{RECORDING_MS_MIN, Space};
use snaplark_core::recorder::{Recorder, RecorderAction, RecorderEvent, Refusal};
use snaplark_core::ring::RingBlock;
use snaplark_core::upload::UploadEvent;
use snaplark_core::{EndReason, RecordingId};
use snaplark_store::{AppendTo, Elsewhere, Format as _, NewRecording, Segment, StoreError};
use tracing::{info, warn};

use super::capturing::keep_permission;
use super::strike::span;
use super::{Context, RecordingSession, RunningRecording, SessionEvent, ToastChange, Write};
use crate::cuts::append;
use crate::engine::context::now_unix_ms;
use crate::finish::Webm;
use crate::messages::{Message, Reply};
use crate::{AfterSleep, AppError, ErrorCode, StartRequest};

impl RecordingSession {
    /// Starts a recording. The reply comes with its first frame.
    pub(crate) fn start(&mut self, cx: &Context, request: StartRequest, reply: Reply<RecordingId>) {
        if let Some(past) = request.past {
            self.take_over(cx, request, past, reply);
            return;
        }
        let request = match append::shaped(&cx.store, request) {
            Ok(request) => request,
            Err(error) => {
                let _ = reply.send(Err(error));
                return;
            }
        };
        let recording = RecordingId(uuid::Uuid::now_v7());
        let countdown = request.countdown.is_some();
        let event = RecorderEvent::StartAsked { recording, countdown };
        self.ask_recorder(cx, event, request, reply);
    }

    /// Starts a recording if none is running, else stops it.
    pub(crate) fn toggle(
        &mut self,
        cx: &Context,
        request: StartRequest,
        reply: Reply<RecordingId>,
    ) {
        let recording = RecordingId(uuid::Uuid::now_v7());
        let countdown = request.countdown.is_some();
        let too_short = self.is_too_short(cx);
        let event = RecorderEvent::ToggleAsked { recording, countdown, too_short };
        self.ask_recorder(cx, event, request, reply);
    }

    /// Stops the recording. The reply comes when its rows are closed.
    pub(crate) fn stop(&mut self, cx: &Context, reply: Reply<RecordingId>) {
        self.ask_recorder(cx, RecorderEvent::StopAsked, StartRequest::default(), reply);
    }

    /// Replies when the recording is closed that ended by itself and whose rows are not written yet.
    pub(crate) fn await_end(&mut self, reply: Reply<RecordingId>) {
        self.stop_replies.push(reply);
    }

    /// Receives an event of a recording's capture.
    pub(crate) fn captured(&mut self, cx: &Context, recording: RecordingId, event: CaptureEvent) {
        if self.recorder.recording() == Some(recording) {
            self.captured_by_own(cx, event);
        }
    }

    /// Receives an event of the recording's capture, which counts indices and times in its own way.
    pub(super) fn captured_by_own(&mut self, cx: &Context, event: CaptureEvent) {
        let base = self.running.as_ref().map(|running| running.base).unwrap_or_default();
        self.handle_recorder_event(cx, RecorderEvent::Captured(base.of_recording(event)));
    }

    fn ask_recorder(
        &mut self,
        cx: &Context,
        event: RecorderEvent,
        request: StartRequest,
        reply: Reply<RecordingId>,
    ) {
        match self.recorder.handle(event) {
            Some(RecorderAction::Refuse(Refusal::AlreadyRecording)) => {
                let _ = reply.send(Err(AppError::AlreadyRecording));
            }
            Some(RecorderAction::Refuse(Refusal::NotRecording)) => {
                let _ = reply.send(Err(AppError::NotRecording));
            }
            Some(action @ (RecorderAction::Begin { .. } | RecorderAction::CountDown { .. })) => {
                self.start_reply = Some(reply);
                self.running = Some(RunningRecording::new(request, cx.now_ms(), now_unix_ms()));
                self.do_recording(cx, action);
            }
            Some(action) => {
                self.stop_replies.push(reply);
                self.do_recording(cx, action);
            }
            None => {}
        }
    }

    /// Returns whether the recording has only just begun, so that a press of the shortcut counts as the
    /// second one of a double press.
    fn is_too_short(&mut self, cx: &Context) -> bool {
        let now_ms = cx.now_ms();
        let Some(running) = &mut self.running else { return false };
        running.too_short = match &self.recorder {
            Recorder::Starting { .. } => true,
            Recorder::Recording { .. } => {
                running.began_ms.is_some_and(|began_ms| now_ms < began_ms + RECORDING_MS_MIN)
            }
            Recorder::Idle
            | Recorder::Counting { .. }
            | Recorder::Paused { .. }
            | Recorder::Stopping { .. }
            | Recorder::Cancelling { .. } => running.too_short,
        };
        running.too_short
    }

    /// Ends the recording and deletes it. Replies with its request.
    pub(crate) fn cancel(&mut self, cx: &Context, reply: Reply<StartRequest>) {
        let request = self.running.as_ref().map(|running| running.request.clone());
        match (self.recorder.handle(RecorderEvent::CancelAsked), request) {
            (None | Some(RecorderAction::Refuse(_)), _) | (_, None) => {
                let _ = reply.send(Err(AppError::NotRecording));
            }
            (Some(action), Some(request)) => {
                self.cancel_replies.push((reply, request));
                self.do_recording(cx, action);
            }
        }
    }

    pub(crate) fn pause(&mut self, cx: &Context, paused: bool) -> Result<(), AppError> {
        let event = if paused { RecorderEvent::PauseAsked } else { RecorderEvent::ResumeAsked };
        match self.recorder.handle(event) {
            Some(RecorderAction::Refuse(_)) => return Err(AppError::NotRecording),
            Some(action) => self.do_recording(cx, action),
            None => {}
        }
        Ok(())
    }

    pub(crate) fn mute(&mut self, muted: bool) -> Result<(), AppError> {
        let running = self.running.as_mut().ok_or(AppError::NotRecording)?;
        if running.request.sound.microphone.is_none() {
            return Err(AppError::NoMicrophone);
        }
        running.request.muted = muted;
        if let Some(control) = &mut running.control {
            control.set_muted(muted);
        }
        Ok(())
    }

    pub(super) fn handle_recorder_event(&mut self, cx: &Context, event: RecorderEvent) {
        if let Some(action) = self.recorder.handle(event) {
            self.do_recording(cx, action);
        }
    }

    fn do_recording(&mut self, cx: &Context, action: RecorderAction) {
        match action {
            RecorderAction::CountDown { recording } => info!(%recording, "Counting down"),
            RecorderAction::DropCountdown => self.nothing_stays(),
            RecorderAction::Begin { recording } => self.begin(cx, recording),
            RecorderAction::EndCapture => {
                match &mut self.running {
                    Some(RunningRecording { control: Some(control), .. }) => control.stop(),
                    // The capture may still wait for the desktop's permission.
                    Some(RunningRecording { abandoned, control: None, .. }) => abandoned.set(),
                    None => {}
                }
                if let Recorder::Stopping { recording } = self.recorder {
                    self.toast(recording, ToastChange::Remember);
                }
            }
            RecorderAction::PauseCapture => self.pause_capture(true),
            RecorderAction::ResumeCapture => self.pause_capture(false),
            RecorderAction::StrikeCapture { recording, length_ms } => {
                self.strike_capture(cx, recording, length_ms);
            }
            RecorderAction::NoteStruck { recording, until_ms, removed_ms, next_index } => {
                self.note_struck(recording, until_ms, removed_ms, next_index);
            }
            RecorderAction::NoteStrikeFailed { reason } => self.strike_failed(cx, reason),
            RecorderAction::NoteResumed { recording, at_ms } => {
                if let Some(running) = &mut self.running {
                    running.count_from(at_ms, cx.now_ms());
                    let since_ms = (now_unix_ms() - running.started_unix_ms).max(0) as u64;
                    running.paused_ms = since_ms.saturating_sub(at_ms);
                }
                info!(%recording, at_ms, "Recording goes on");
            }
            RecorderAction::NoteIssue { recording, at_ms, issue } => {
                self.note_issue(recording, at_ms, issue);
            }
            RecorderAction::NotePermission { permission } => {
                if let Some(running) = &self.running {
                    keep_permission(cx, &running.request.source, &permission);
                }
            }
            RecorderAction::NoteStarted { recording, width, height } => {
                self.started(cx, recording, width, height);
            }
            RecorderAction::CommitSegment { recording, segment } => {
                self.watch_space(cx, recording, &segment);
                if let Some(running) = &mut self.running {
                    running.sealed.push(span(&segment));
                }
                let elsewhere =
                    self.running.as_ref().and_then(|running| running.elsewhere.as_ref());
                let from = elsewhere.map(|elsewhere| elsewhere.segment(segment.index));
                self.write(Write::Segment(recording, segment.into(), from));
            }
            RecorderAction::Close { recording, end, counts } => {
                self.close(recording, end, counts);
            }
            RecorderAction::Delete { recording } => self.delete_cancelled(recording),
            RecorderAction::Discard { recording, error } => self.discard(recording, error),
            RecorderAction::Refuse(_) => {}
        }
    }

    fn pause_capture(&mut self, paused: bool) {
        let Some(running) = &mut self.running else { return };
        running.paused = paused;
        match (&mut running.control, paused) {
            (Some(control), true) => control.pause(),
            (Some(control), false) => control.resume(),
            // A control that arrives later is paused then.
            (None, _) => {}
        }
    }

    fn begin(&mut self, cx: &Context, recording: RecordingId) {
        let now_unix_ms = now_unix_ms();
        let Some(running) = &mut self.running else { return };
        running.started_unix_ms = now_unix_ms;
        running.begins_ms = None;
        self.committed = 0;
        let request = running.request.clone();
        let abandoned = running.abandoned.clone();
        // If the recording's folder vanishes, the list of recordings may vanish too, so the store has to
        // know the spare folder beforehand.
        let spare = Elsewhere { folder: cx.home.spare_folder(recording), first_index: 0 };
        let started = self
            .make_row(cx, recording, &request, now_unix_ms)
            .and_then(|folder| cx.store.expect_elsewhere(recording, &spare).map(|()| folder))
            .and_then(|folder| match request.append_to {
                Some(to) => {
                    let (publishes, replaces) = (request.upload, request.replaces);
                    let append = AppendTo { to, publishes, replaces };
                    cx.store.expect_append(recording, append).map(|()| folder)
                }
                None => Ok(folder),
            });
        let folder = match started {
            Ok(folder) => folder,
            Err(error) => {
                let error = CaptureError::FolderUnwritable { reason: error.to_string() };
                self.handle_recorder_event(cx, RecorderEvent::CaptureRefused { error });
                return;
            }
        };
        // The upload is wanted before there is anything to lose: a program that dies from here on still
        // knows it.
        if request.upload && request.append_to.is_none() {
            self.ask(SessionEvent::UploadAsked(recording));
        }
        let sound = Sound { levels: cx.broadcasts.levels.receiver_count() > 0, ..request.sound };
        let request = StartRequest { sound, ..request };
        self.capture(
            cx,
            request,
            (folder, Some(spare.folder)),
            abandoned,
            move |event| Message::Captured { recording, event },
            move |control| Message::CaptureReady { recording, control },
        );
    }

    /// Makes the row of a recording that began at that time, and asks for its name. Returns its folder.
    pub(super) fn make_row(
        &self,
        cx: &Context,
        recording: RecordingId,
        request: &StartRequest,
        started_unix_ms: i64,
    ) -> Result<PathBuf, StoreError> {
        self.find_subject(cx, recording, request.source.clone());
        begin_row(cx, recording, request, started_unix_ms)
    }

    /// Receives the capture of a recording, or why there is none.
    pub(crate) fn capture_ready(
        &mut self,
        cx: &Context,
        recording: RecordingId,
        control: Result<Box<dyn CaptureControl>, CaptureError>,
    ) {
        if self.recorder.recording() != Some(recording) {
            return;
        }
        match control {
            Err(error) => self.handle_recorder_event(cx, RecorderEvent::CaptureRefused { error }),
            Ok(mut control) => {
                let over = Recorder::Stopping { recording };
                let cancelled = Recorder::Cancelling { recording };
                if self.recorder == over || self.recorder == cancelled {
                    control.stop();
                }
                if let Some(running) = &mut self.running {
                    if running.paused {
                        control.pause();
                    }
                    control.set_muted(running.request.muted);
                    control.set_webcam(running.request.webcam.clone());
                    running.control = Some(control);
                }
            }
        }
    }

    fn started(&mut self, cx: &Context, recording: RecordingId, width: u32, height: u32) {
        info!(%recording, width, height, "Recording");
        let now_ms = cx.now_ms();
        if let Some(running) = &mut self.running {
            running.count_from(0, now_ms);
            running.began_ms = Some(now_ms);
        }
        self.write(Write::Started { recording, width, height });
        if let Some(reply) = self.start_reply.take() {
            self.answer(reply, Ok(recording));
        }
    }

    fn close(&mut self, recording: RecordingId, end: CaptureEnd, counts: FrameCounts) {
        self.strike_ended(recording);
        let stopped_for = self.running.take().and_then(|running| running.stopped_for);
        let reason = match end {
            CaptureEnd::Stopped => {
                if let Some(reason) = &stopped_for {
                    // The command line says `disk-full` whether the app or the system noticed it.
                    let kind = match reason {
                        EndReason::DiskNearlyFull => ErrorCode::DiskFull.as_str(),
                        EndReason::Slept | EndReason::Interrupted | EndReason::Capture(_) => {
                            reason.kind()
                        }
                    };
                    self.why_ended.insert(recording, kind.to_owned());
                    self.toast(recording, ToastChange::Failed(reason.to_string()));
                }
                stopped_for
            }
            CaptureEnd::Failed(error) => {
                warn!(%recording, %error, "Recording ended by itself");
                self.toast(recording, ToastChange::Failed(error.to_string()));
                let code = AppError::from(error.clone()).code().to_string();
                self.why_ended.insert(recording, code);
                if let Some(reply) = self.start_reply.take() {
                    let _ = reply.send(Err(error.clone().into()));
                }
                Some(EndReason::Capture(error))
            }
        };
        self.toast(recording, ToastChange::WarningsOver);
        self.write(Write::Close(recording, counts, reason));
    }

    fn discard(&mut self, recording: RecordingId, error: CaptureError) {
        self.take_back(recording);
        self.toast(recording, ToastChange::Forget);
        // A person who stopped it needs no message.
        if error != CaptureError::Abandoned {
            self.toast(recording, ToastChange::Lost(error.to_string()));
        }
        match self.start_reply.take() {
            Some(reply) => self.answer(reply, Err(error.into())),
            None => warn!(%recording, %error, "Recording did not start"),
        }
        self.nothing_stays();
    }

    fn delete_cancelled(&mut self, recording: RecordingId) {
        info!(%recording, "Cancelled: it is deleted");
        self.upload(UploadEvent::Forgotten { recording });
        self.toast(recording, ToastChange::Forget);
        if self.running.as_ref().is_some_and(|running| running.too_short) {
            let reason = "It was stopped right after it had begun. Press once to record, and once \
                          more to stop";
            self.toast(recording, ToastChange::Lost(reason.to_owned()));
        }
        // Queued like any write: even if the store is held up now, the recording must be gone at the next
        // start.
        self.write(Write::Delete(recording));
    }

    /// Seals what is recorded before the computer sleeps. Afterwards the recording continues or has ended,
    /// as the settings say.
    pub(crate) fn sleep(&mut self, cx: &Context, begins: bool) {
        self.block_ring(cx, RingBlock::Asleep, begins);
        let Some(running) = &mut self.running else { return };
        if cx.settings.recording.after_sleep == AfterSleep::Stop {
            if begins {
                running.stopped_for.get_or_insert(EndReason::Slept);
                self.handle_recorder_event(cx, RecorderEvent::StopAsked);
            }
            return;
        }
        let sleeps = std::mem::replace(&mut running.sleeps, begins && !running.paused);
        if running.sleeps != sleeps {
            info!(begins, "Recording minds the computer's sleep");
            // A recording that is already ending seals its last segment by itself.
            let _ = self.pause(cx, begins);
        }
    }

    /// Ends what runs, because the program closes.
    pub(crate) fn shut_down(&mut self, cx: &Context) {
        self.block_ring(cx, RingBlock::Closing, true);
        if !self.is_idle() {
            self.handle_recorder_event(cx, RecorderEvent::StopAsked);
        }
    }

    /// Takes back a recording that has begun and of which nothing is kept.
    pub(super) fn take_back(&mut self, recording: RecordingId) {
        self.upload(UploadEvent::Forgotten { recording });
        self.toast(recording, ToastChange::Forget);
        self.ask(SessionEvent::TakeBack(recording));
    }

    /// Replies to everyone who waits for the start or end of a recording of which nothing is left.
    pub(crate) fn nothing_stays(&mut self) {
        self.running = None;
        for reply in
            self.start_reply.take().into_iter().chain(std::mem::take(&mut self.stop_replies))
        {
            self.answer(reply, Err(AppError::NothingRecorded));
        }
        for (reply, request) in std::mem::take(&mut self.cancel_replies) {
            self.answer(reply, Ok(request));
        }
    }

    /// Replies that a recording is closed in its rows.
    pub(crate) fn closed(&mut self, recording: RecordingId) {
        // Whoever waits for the end of a recording that runs doesn't wait for shared minutes.
        if self.answer_share(recording, Ok(recording)) {
            return;
        }
        for reply in std::mem::take(&mut self.stop_replies) {
            self.answer(reply, Ok(recording));
        }
    }

    /// Takes back a recording that is closed in its rows and has no segment.
    pub(crate) fn closed_empty(&mut self, recording: RecordingId) {
        self.take_back(recording);
        let _ = self.answer_share(recording, Err(AppError::NothingRecorded));
        for reply in std::mem::take(&mut self.stop_replies) {
            self.answer(reply, Err(AppError::NothingRecorded));
        }
    }

    /// Replies with an error to everyone who waits for the end of a recording while its folder is away and
    /// nothing can be written. They should not have to wait until it is back.
    pub(crate) fn folder_away(&mut self, cx: &Context) {
        if self.is_idle() {
            for reply in self.stop_replies.drain(..) {
                let _ = reply.send(Err(AppError::FolderAway { folder: cx.home.root.clone() }));
            }
        }
    }

    /// Replies to everyone who cancelled a recording that it can't be deleted now.
    pub(crate) fn not_deleted(&mut self, reason: &str) {
        for (reply, _) in self.cancel_replies.drain(..) {
            let _ = reply.send(Err(AppError::NotDeleted { reason: reason.to_owned() }));
        }
    }

    /// Replies to everyone who waits for the end of a recording that its rows can't be written now.
    pub(crate) fn not_listed(&mut self, recording: RecordingId, unlisted: impl Fn() -> AppError) {
        for reply in self.stop_replies.drain(..) {
            let _ = reply.send(Err(unlisted()));
        }
        self.answer_share(recording, Err(unlisted()));
    }

    /// Handles the end of a countdown or of a recording's time limit.
    pub(super) fn follow_clock(&mut self, cx: &Context) {
        let Some(running) = &self.running else { return };
        if running.wake_ms(&self.recorder).is_none_or(|wake_ms| cx.now_ms() < wake_ms) {
            return;
        }
        let is_countdown = matches!(self.recorder, Recorder::Counting { .. });
        let event = match is_countdown {
            true => RecorderEvent::CountdownOver,
            false => RecorderEvent::StopAsked,
        };
        self.handle_recorder_event(cx, event);
    }

    fn note_issue(&mut self, recording: RecordingId, at_ms: u64, issue: Issue) {
        warn!(%recording, %issue, "Recording issue");
        self.note_warning(recording, &issue);
        if let Some(running) = &mut self.running {
            running.note_webcam(&issue);
            if let Issue::FolderLost { instead, .. } = &issue {
                let first_index = running.base.first_index;
                running.elsewhere = Some(Elsewhere { folder: instead.clone(), first_index });
            }
            // While the folder is lost, no other problem is more important.
            if !matches!(running.issue, Some(Issue::FolderLost { .. })) {
                running.issue = Some(issue.clone());
            }
        }
        self.write(Write::Issue(recording, at_ms, issue));
    }

    /// Notes that a segment is back in the recording's folder, after the folder had vanished and it was
    /// written elsewhere.
    pub(crate) fn segment_relocated(
        &mut self,
        cx: &Context,
        recording: RecordingId,
        segment: &Segment,
        from: Option<&Path>,
    ) {
        let spare = cx.home.spare_folder(recording);
        let is_back = from.is_some_and(|from| from.parent() == Some(&spare));
        if is_back && self.came_back.insert(recording) {
            if let Some(running) = &mut self.running {
                running.issue = Some(Issue::FolderBack);
            }
            self.note_warning(recording, &Issue::FolderBack);
            self.write(Write::Issue(recording, segment.start_ms, Issue::FolderBack));
        }
    }

    fn watch_space(&mut self, cx: &Context, recording: RecordingId, segment: &SealedSegment) {
        let Some(running) = &mut self.running else { return };
        let there = running.elsewhere.as_ref().map_or(&cx.home.root, |there| &there.folder);
        let Ok(free_bytes) = fs4::available_space(there) else { return };
        let limits = running.request.space;
        match limits.judge(free_bytes) {
            Space::Low if !running.disk_low_told => {
                running.disk_low_told = true;
                let at_ms = segment.start_ms + segment.duration_ms;
                let stop_bytes = limits.stop_bytes;
                let issue = Issue::DiskLow { free_bytes, stop_bytes };
                self.note_issue(recording, at_ms, issue);
            }
            Space::Out if running.stopped_for.is_none() => {
                running.stopped_for = Some(EndReason::DiskNearlyFull);
                self.handle_recorder_event(cx, RecorderEvent::StopAsked);
            }
            Space::Enough | Space::Low | Space::Out => {}
        }
    }
}

/// Makes a row with a title of its date, which stays until it is renamed. Returns the recording's folder.
pub(super) fn begin_row(
    cx: &Context,
    recording: RecordingId,
    request: &StartRequest,
    started_unix_ms: i64,
) -> Result<PathBuf, StoreError> {
    let (_, started_text) = Webm.names(started_unix_ms);
    cx.store.begin(&NewRecording {
        id: recording,
        title: cx.dated_title(started_unix_ms),
        started_text,
        started_unix_ms,
        fps: request.fps,
        bitrate_bits: request.bitrate_bits,
    })
}
