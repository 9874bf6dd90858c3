//! What the recording machine wants done: capture begun and ended, rows made and taken back.

use snaplark_core::RecordingId;
use snaplark_core::capture::{
    CaptureControl, CaptureEnd, CaptureError, CaptureRequest, FrameCounts,
};
use snaplark_core::recorder::{self, Recorder, Refusal};
use snaplark_core::upload::Event;
use snaplark_store::{NewRecording, StoreError};
use tracing::{info, warn};

use super::{Engine, Running, Write};
use crate::messages::{Message, Reply};
use crate::{AppError, StartRequest};

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
            Some(action @ recorder::Action::Begin { .. }) => {
                self.start_reply = Some(reply);
                self.running = Some(Running {
                    request,
                    control: None,
                    started_unix_ms: 0,
                    paused: false,
                    paused_ms: 0,
                    trouble: None,
                });
                self.do_recording(action);
            }
            Some(action) => {
                self.stop_replies.push(reply);
                self.do_recording(action);
            }
            None => {}
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

    pub(super) fn tell_recorder(&mut self, event: recorder::Event) {
        if let Some(action) = self.recorder.handle(event) {
            self.do_recording(action);
        }
    }

    pub(super) fn do_recording(&mut self, action: recorder::Action) {
        match action {
            recorder::Action::Begin { recording } => self.begin(recording),
            recorder::Action::EndCapture => {
                let control = self.running.as_mut().and_then(|running| running.control.as_mut());
                if let Some(control) = control {
                    control.stop();
                }
            }
            recorder::Action::PauseCapture => self.pause_capture(true),
            recorder::Action::ResumeCapture => self.pause_capture(false),
            recorder::Action::NoteResumed { recording, at_ms } => {
                if let Some(running) = &mut self.running {
                    let now_unix_ms = jiff::Timestamp::now().as_millisecond();
                    let since_ms = (now_unix_ms - running.started_unix_ms).max(0) as u64;
                    running.paused_ms = since_ms.saturating_sub(at_ms);
                }
                info!(%recording, at_ms, "Recording goes on");
            }
            recorder::Action::NoteTrouble { recording, trouble } => {
                warn!(%recording, %trouble, "Recording has trouble");
                if let Some(running) = &mut self.running {
                    running.trouble = Some(trouble);
                }
            }
            recorder::Action::NoteStarted { recording, width, height } => {
                self.started(recording, width, height);
            }
            recorder::Action::CommitSegment { recording, segment } => {
                self.unwritten.push_back(Write::Segment(recording, segment.into()));
                self.write();
            }
            recorder::Action::Close { recording, end, counts } => {
                self.close(recording, end, counts);
            }
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
            // It hears of it when it is here.
            (None, _) => {}
        }
    }

    pub(super) fn begin(&mut self, recording: RecordingId) {
        let now = jiff::Zoned::now();
        let Some(running) = &mut self.running else { return };
        running.started_unix_ms = now.timestamp().as_millisecond();
        let started = self.store.begin(&NewRecording {
            id: recording,
            title: now.strftime("%-d %b, %H:%M").to_string(),
            started_text: now.strftime("%Y-%m-%dT%H-%M-%S").to_string(),
            started_unix_ms: now.timestamp().as_millisecond(),
            fps: running.request.fps,
            bitrate_bits: running.request.bitrate_bits,
        });
        let folder = match started {
            Ok(folder) => folder,
            Err(error) => {
                let error = CaptureError::FolderUnwritable { reason: error.to_string() };
                self.tell_recorder(recorder::Event::CaptureRefused { error });
                return;
            }
        };
        // Before there is anything to lose: a program that dies from here on still knows.
        let wants_upload = running.request.upload && self.uplink.is_some();
        let request = CaptureRequest {
            folder,
            source: running.request.source.clone(),
            fps: running.request.fps,
            bitrate_bits: running.request.bitrate_bits,
            pointer: running.request.pointer,
            sound: running.request.sound.clone(),
        };
        if wants_upload {
            self.tell_machine(Event::UploadWanted { recording });
        }
        let (capture, inbox) = (self.capture.clone(), self.inbox.clone());
        // Finding displays and loading encoders takes its time; the loop doesn't wait for it.
        tokio::task::spawn_blocking(move || {
            let events = inbox.clone();
            let control = capture.start(
                request,
                Box::new(move |event| {
                    let _ = events.blocking_send(Message::Captured { recording, event });
                }),
            );
            let _ = inbox.blocking_send(Message::CaptureReady { recording, control });
        });
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
                if matches!(self.recorder, Recorder::Stopping { .. }) {
                    control.stop();
                }
                if let Some(running) = &mut self.running {
                    if running.paused {
                        control.pause();
                    }
                    running.control = Some(control);
                }
            }
        }
    }

    pub(super) fn started(&mut self, recording: RecordingId, width: u32, height: u32) {
        info!(%recording, width, height, "Recording");
        self.unwritten.push_back(Write::Started { recording, width, height });
        self.write();
        if let Some(reply) = self.start_reply.take() {
            let _ = reply.send(Ok(recording));
        }
    }

    pub(super) fn close(&mut self, recording: RecordingId, end: CaptureEnd, counts: FrameCounts) {
        let detail = match end {
            CaptureEnd::Stopped => None,
            CaptureEnd::Failed(error) => {
                warn!(%recording, %error, "Recording ended by itself");
                self.toasts.fail(recording, error.to_string());
                if let Some(reply) = self.start_reply.take() {
                    let _ = reply.send(Err(error.clone().into()));
                }
                Some(error.to_string())
            }
        };
        self.running = None;
        self.unwritten.push_back(Write::Close(recording, counts, detail));
        self.write();
    }

    pub(super) fn discard(&mut self, recording: RecordingId, error: CaptureError) {
        self.running = None;
        self.tell_machine(Event::Forgotten { recording });
        if let Err(error) = self.store.delete(recording)
            && !matches!(error, StoreError::NoSuchRecording(_))
        {
            warn!(%recording, %error, "An empty recording could not be taken back");
        }
        self.toasts.fail(recording, error.to_string());
        match self.start_reply.take() {
            Some(reply) => drop(reply.send(Err(error.into()))),
            None => warn!(%recording, %error, "Recording did not start"),
        }
        for reply in self.stop_replies.drain(..) {
            let _ = reply.send(Err(AppError::NotRecording));
        }
    }
}
