//! Carries out the recording machine's actions: starting and stopping capture, making and deleting rows.

use std::path::{Path, PathBuf};

use snaplark_core::RecordingId;
use snaplark_core::capture::{
    CaptureControl, CaptureEnd, CaptureError, FrameCounts, Permission, SealedSegment, Sound,
    Source, Trouble,
};
use snaplark_core::policy::{RECORDING_MS_MIN, Space};
use snaplark_core::recorder::{self, Recorder, Refusal};
use snaplark_core::upload::Event;
use snaplark_store::{Elsewhere, Format as _, NewRecording, Segment, StoreError};
use tracing::{info, warn};

use super::{Engine, Running, Write};
use crate::finish::Webm;
use crate::messages::{Message, Reply};
use crate::{AfterSleep, AppError, StartRequest};

impl Engine {
    pub(super) fn ask_recorder(
        &mut self,
        event: recorder::Event,
        request: StartRequest,
        reply: Reply<RecordingId>,
    ) {
        match self.recorder.handle(event) {
            Some(recorder::Action::Refuse(Refusal::AlreadyRecording)) => {
                let _ = reply.send(Err(AppError::AlreadyRecording));
            }
            Some(recorder::Action::Refuse(Refusal::NotRecording)) => {
                let _ = reply.send(Err(AppError::NotRecording));
            }
            Some(
                action @ (recorder::Action::Begin { .. } | recorder::Action::CountDown { .. }),
            ) => {
                self.start_reply = Some(reply);
                let now_unix_ms = jiff::Timestamp::now().as_millisecond();
                self.running = Some(Running::new(request, self.now_ms(), now_unix_ms));
                self.do_recording(action);
            }
            Some(action) => {
                self.stop_replies.push(reply);
                self.do_recording(action);
            }
            None => {}
        }
    }

    /// Returns whether the recording has only just begun, so that a press of the shortcut counts as the
    /// second one of a double press.
    pub(super) fn is_too_short(&mut self) -> bool {
        let now_ms = self.now_ms();
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

    pub(super) fn cancel(&mut self, reply: Reply<StartRequest>) {
        let request = self.running.as_ref().map(|running| running.request.clone());
        match (self.recorder.handle(recorder::Event::CancelAsked), request) {
            (None | Some(recorder::Action::Refuse(_)), _) | (_, None) => {
                let _ = reply.send(Err(AppError::NotRecording));
            }
            (Some(action), Some(request)) => {
                self.cancel_replies.push((reply, request));
                self.do_recording(action);
            }
        }
    }

    pub(super) fn ask_pause(&mut self, paused: bool) -> Result<(), AppError> {
        let event = if paused { recorder::Event::PauseAsked } else { recorder::Event::ResumeAsked };
        match self.recorder.handle(event) {
            Some(recorder::Action::Refuse(_)) => return Err(AppError::NotRecording),
            Some(action) => self.do_recording(action),
            None => {}
        }
        Ok(())
    }

    pub(super) fn mute(&mut self, muted: bool) -> Result<(), AppError> {
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

    pub(super) fn tell_recorder(&mut self, event: recorder::Event) {
        if let Some(action) = self.recorder.handle(event) {
            self.do_recording(action);
        }
    }

    pub(super) fn do_recording(&mut self, action: recorder::Action) {
        match action {
            recorder::Action::CountDown { recording } => info!(%recording, "Counting down"),
            recorder::Action::DropCountdown => self.nothing_stays(),
            recorder::Action::Begin { recording } => self.begin(recording),
            recorder::Action::EndCapture => {
                match &mut self.running {
                    Some(Running { control: Some(control), .. }) => control.stop(),
                    // The capture may still wait for the desktop's permission.
                    Some(Running { abandoned, control: None, .. }) => abandoned.set(),
                    None => {}
                }
                if let Recorder::Stopping { recording } = self.recorder {
                    self.toasts.remember(recording);
                }
            }
            recorder::Action::PauseCapture => self.pause_capture(true),
            recorder::Action::ResumeCapture => self.pause_capture(false),
            recorder::Action::NoteResumed { recording, at_ms } => {
                let now_ms = self.now_ms();
                if let Some(running) = &mut self.running {
                    running.count_from(at_ms, now_ms);
                    let now_unix_ms = jiff::Timestamp::now().as_millisecond();
                    let since_ms = (now_unix_ms - running.started_unix_ms).max(0) as u64;
                    running.paused_ms = since_ms.saturating_sub(at_ms);
                }
                info!(%recording, at_ms, "Recording goes on");
            }
            recorder::Action::NoteTrouble { recording, at_ms, trouble } => {
                self.note_trouble(recording, at_ms, trouble);
            }
            recorder::Action::NotePermission { permission } => self.note_permission(&permission),
            recorder::Action::NoteStarted { recording, width, height } => {
                self.started(recording, width, height);
            }
            recorder::Action::CommitSegment { recording, segment } => {
                self.watch_space(recording, &segment);
                let elsewhere =
                    self.running.as_ref().and_then(|running| running.elsewhere.as_ref());
                let from = elsewhere.map(|elsewhere| elsewhere.segment(segment.index));
                self.unwritten.push_back(Write::Segment(recording, segment.into(), from));
                self.write();
            }
            recorder::Action::Close { recording, end, counts } => {
                self.close(recording, end, counts);
            }
            recorder::Action::Delete { recording } => self.delete_cancelled(recording),
            recorder::Action::Discard { recording, error } => self.discard(recording, error),
            recorder::Action::Refuse(_) => {}
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

    pub(super) fn begin(&mut self, recording: RecordingId) {
        let now_unix_ms = jiff::Timestamp::now().as_millisecond();
        let Some(running) = &mut self.running else { return };
        running.started_unix_ms = now_unix_ms;
        running.begins_ms = None;
        self.committed = 0;
        let request = running.request.clone();
        let abandoned = running.abandoned.clone();
        // If the recording's folder vanishes, the list of recordings may vanish too, so the store has to
        // know the spare folder beforehand.
        let spare = Elsewhere { folder: self.home.spare_folder(recording), first_index: 0 };
        let started = self
            .make_row(recording, &request, now_unix_ms)
            .and_then(|folder| self.store.expect_elsewhere(recording, &spare).map(|()| folder));
        let folder = match started {
            Ok(folder) => folder,
            Err(error) => {
                let error = CaptureError::FolderUnwritable { reason: error.to_string() };
                self.tell_recorder(recorder::Event::CaptureRefused { error });
                return;
            }
        };
        // The upload is wanted before there is anything to lose: a program that dies from here on still
        // knows it.
        let wants_upload = request.upload && self.uplink.is_some();
        if request.upload && self.cloud_problem.is_some() {
            self.without_cloud.push(recording);
        }
        let sound = Sound { levels: self.told.levels.receiver_count() > 0, ..request.sound };
        let request = StartRequest { sound, ..request };
        if wants_upload {
            self.want_upload(recording);
        }
        self.capture(
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
        recording: RecordingId,
        request: &StartRequest,
        started_unix_ms: i64,
    ) -> Result<PathBuf, StoreError> {
        self.find_subject(recording, request.source.clone());
        self.begin_row(recording, request, started_unix_ms)
    }

    /// Makes a row with a title of its date, which stays until it is renamed. Returns the recording's
    /// folder.
    pub(super) fn begin_row(
        &self,
        recording: RecordingId,
        request: &StartRequest,
        started_unix_ms: i64,
    ) -> Result<PathBuf, StoreError> {
        let (_, started_text) = Webm.names(started_unix_ms);
        self.store.begin(&NewRecording {
            id: recording,
            title: self.dated_title(started_unix_ms),
            started_text,
            started_unix_ms,
            fps: request.fps,
            bitrate_bits: request.bitrate_bits,
        })
    }

    pub(super) fn capture_ready(
        &mut self,
        recording: RecordingId,
        control: Result<Box<dyn CaptureControl>, CaptureError>,
    ) {
        if self.recorder.recording() != Some(recording) {
            return;
        }
        match control {
            Err(error) => self.tell_recorder(recorder::Event::CaptureRefused { error }),
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

    pub(super) fn started(&mut self, recording: RecordingId, width: u32, height: u32) {
        info!(%recording, width, height, "Recording");
        let now_ms = self.now_ms();
        if let Some(running) = &mut self.running {
            running.count_from(0, now_ms);
            running.began_ms = Some(now_ms);
        }
        self.unwritten.push_back(Write::Started { recording, width, height });
        self.write();
        if let Some(reply) = self.start_reply.take() {
            let _ = reply.send(Ok(recording));
        }
    }

    pub(super) fn close(&mut self, recording: RecordingId, end: CaptureEnd, counts: FrameCounts) {
        let (title, _) = self.saved(recording);
        let detail = match end {
            CaptureEnd::Stopped => {
                let why = self.running.take().and_then(|running| running.stopped_for);
                why.map(|(kind, reason)| {
                    self.why_ended.insert(recording, kind.to_owned());
                    self.toasts.fail(recording, title, reason.clone());
                    reason
                })
            }
            CaptureEnd::Failed(error) => {
                warn!(%recording, %error, "Recording ended by itself");
                self.toasts.fail(recording, title, error.to_string());
                let code = AppError::from(error.clone()).code().to_owned();
                self.why_ended.insert(recording, code);
                if let Some(reply) = self.start_reply.take() {
                    let _ = reply.send(Err(error.clone().into()));
                }
                Some(error.to_string())
            }
        };
        self.running = None;
        let (title, _) = self.saved(recording);
        self.toasts.end_warnings(recording, &title);
        self.unwritten.push_back(Write::Close(recording, counts, detail));
        self.write();
    }

    pub(super) fn discard(&mut self, recording: RecordingId, error: CaptureError) {
        self.take_back(recording);
        self.toasts.forget(recording);
        // A person who stopped it needs no message.
        if error != CaptureError::Abandoned {
            self.toasts.fail(recording, String::new(), error.to_string());
        }
        match self.start_reply.take() {
            Some(reply) => drop(reply.send(Err(error.into()))),
            None => warn!(%recording, %error, "Recording did not start"),
        }
        self.nothing_stays();
    }

    fn delete_cancelled(&mut self, recording: RecordingId) {
        info!(%recording, "Cancelled: it is deleted");
        self.tell_machine(Event::Forgotten { recording });
        self.toasts.forget(recording);
        if self.running.as_ref().is_some_and(|running| running.too_short) {
            let reason = "It was stopped right after it had begun. Press once to record, and once \
                          more to stop";
            self.toasts.fail(recording, String::new(), reason.to_owned());
        }
        // Queued like any write: even if the store is held up now, the recording must be gone at the next
        // start.
        self.unwritten.push_back(Write::Delete(recording));
        self.write();
    }

    /// Seals what is recorded before the computer sleeps. Afterwards the recording continues or has ended,
    /// as the settings say.
    pub(super) fn sleep(&mut self, begins: bool) {
        let Some(running) = &mut self.running else { return };
        if self.settings.recording.after_sleep == AfterSleep::Stop {
            if begins {
                let reason = "The computer went to sleep, so the recording was ended, as is set";
                running.stopped_for.get_or_insert_with(|| ("slept", reason.to_owned()));
                self.tell_recorder(recorder::Event::StopAsked);
            }
            return;
        }
        let sleeps = std::mem::replace(&mut running.sleeps, begins && !running.paused);
        if running.sleeps != sleeps {
            info!(begins, "Recording minds the computer's sleep");
            // A recording that is already ending seals its last segment by itself.
            let _ = self.ask_pause(begins);
        }
    }

    pub(super) fn take_back(&mut self, recording: RecordingId) {
        self.tell_machine(Event::Forgotten { recording });
        self.toasts.forget(recording);
        if let Err(error) = self.store.delete(recording)
            && !matches!(error, StoreError::NoSuchRecording(_))
        {
            warn!(%recording, %error, "A recording could not be taken back");
        }
    }

    /// Replies to everyone who waits for the start or end of a recording of which nothing is left.
    pub(super) fn nothing_stays(&mut self) {
        self.running = None;
        for reply in self.start_reply.take().into_iter().chain(self.stop_replies.drain(..)) {
            let _ = reply.send(Err(AppError::NothingRecorded));
        }
        for (reply, request) in self.cancel_replies.drain(..) {
            let _ = reply.send(Ok(request));
        }
    }

    /// Handles the end of a countdown or of a recording's time limit.
    pub(super) fn follow_clock(&mut self) {
        let Some(running) = &self.running else { return };
        if running.wake_ms(&self.recorder).is_none_or(|wake_ms| self.now_ms() < wake_ms) {
            return;
        }
        let is_countdown = matches!(self.recorder, Recorder::Counting { .. });
        self.tell_recorder(match is_countdown {
            true => recorder::Event::CountdownOver,
            false => recorder::Event::StopAsked,
        });
    }

    fn note_trouble(&mut self, recording: RecordingId, at_ms: u64, trouble: Trouble) {
        warn!(%recording, %trouble, "Recording has trouble");
        self.note_warning(recording, &trouble);
        if let Some(running) = &mut self.running {
            running.note_webcam(&trouble);
            if let Trouble::FolderLost { instead, .. } = &trouble {
                running.elsewhere = Some(Elsewhere { folder: instead.clone(), first_index: 0 });
            }
            // While the folder is lost, no other problem is more important.
            if !matches!(running.trouble, Some(Trouble::FolderLost { .. })) {
                running.trouble = Some(trouble.clone());
            }
        }
        self.unwritten.push_back(Write::Trouble(recording, at_ms, trouble));
        self.write();
    }

    /// Notes that a segment is back in the recording's folder, after the folder had vanished and it was
    /// written elsewhere.
    pub(super) fn came_home(
        &mut self,
        recording: RecordingId,
        segment: &Segment,
        from: Option<&Path>,
    ) {
        let spare = self.home.spare_folder(recording);
        let is_back = from.is_some_and(|from| from.parent() == Some(&spare));
        if is_back && self.came_back.insert(recording) {
            if let Some(running) = &mut self.running {
                running.trouble = Some(Trouble::FolderBack);
            }
            self.note_warning(recording, &Trouble::FolderBack);
            let told = Write::Trouble(recording, segment.start_ms, Trouble::FolderBack);
            self.unwritten.push_back(told);
        }
    }

    fn watch_space(&mut self, recording: RecordingId, segment: &SealedSegment) {
        let Some(running) = &mut self.running else { return };
        let there = running.elsewhere.as_ref().map_or(&self.home.root, |there| &there.folder);
        let Ok(free_bytes) = fs4::available_space(there) else { return };
        let limits = running.request.space;
        match limits.judge(free_bytes) {
            Space::Low if !running.disk_low_told => {
                running.disk_low_told = true;
                let at_ms = segment.start_ms + segment.duration_ms;
                let stop_bytes = limits.stop_bytes;
                let trouble = Trouble::DiskLow { free_bytes, stop_bytes };
                self.note_trouble(recording, at_ms, trouble);
            }
            Space::Out if running.stopped_for.is_none() => {
                let reason = "The disk is nearly full, so the recording was ended. All of it up to \
                              there is safe. Free some space before the next one";
                running.stopped_for = Some(("disk-full", reason.to_owned()));
                self.tell_recorder(recorder::Event::StopAsked);
            }
            Space::Enough | Space::Low | Space::Out => {}
        }
    }

    fn note_permission(&mut self, permission: &Permission) {
        let source = self.running.as_ref().map(|running| running.request.source.clone());
        if let Some(source) = source {
            self.keep_permission(&source, permission);
        }
    }

    pub(super) fn keep_permission(&self, source: &Source, permission: &Permission) {
        let Some(setting) = permission_setting(source) else { return };
        // If this fails, the desktop asks once more next time.
        if let Err(error) = self.store.set_setting(&setting, &permission.0) {
            warn!(%error, "The desktop's permission could not be kept");
        }
    }
}

/// Returns the setting that stores the desktop's permission. Each display that is named by its number has
/// its own. `None`: the desktop asks each time, since that is how a window is chosen.
pub(super) fn permission_setting(source: &Source) -> Option<String> {
    match source {
        Source::Display(None) | Source::Region { .. } => Some("permission".to_owned()),
        Source::Display(Some(number)) => Some(format!("permission-{number}")),
        Source::Window(_) => None,
    }
}
