//! The webcam of the current recording: switching it, applying its settings, and its state.

use snaplark_core::capture::Issue;
use snaplark_core::overlay::Webcam;

use super::{Context, RecordingSession, RunningRecording};
use crate::{WebcamSettings, WebcamState};

impl RecordingSession {
    /// Returns whether the webcam is shown in the current recording, else whether it will be in the next.
    pub(crate) fn is_webcam_shown(&self, cx: &Context) -> bool {
        let next = cx.settings.recording.webcam.shown;
        self.request().map_or(next, |request| request.webcam.shown)
    }

    /// Shows or hides the webcam of the current recording, which may have been started with a choice other
    /// than the settings'.
    pub(crate) fn show_webcam(&mut self, shown: bool) {
        if let Some(running) = &mut self.running
            && running.request.webcam.shown != shown
        {
            running.set_webcam(Webcam { shown, ..running.request.webcam.clone() });
        }
    }

    /// Applies changed webcam settings to the current recording.
    pub(crate) fn follow_webcam(&mut self, cx: &Context, before: &WebcamSettings) {
        let now = &cx.settings.recording.webcam;
        if let Some(running) = &mut self.running
            && now != before
        {
            running.set_webcam(now.webcam());
        }
    }

    pub(super) fn webcam(&self, cx: &Context) -> WebcamState {
        let settings = || cx.settings.recording.webcam.state();
        self.running.as_ref().map_or_else(settings, RunningRecording::webcam)
    }
}

impl RunningRecording {
    fn set_webcam(&mut self, webcam: Webcam) {
        self.webcam_lost &= webcam.shown;
        self.request.webcam = webcam;
        // A control that arrives later gets the webcam's settings then.
        if let Some(control) = &mut self.control {
            control.set_webcam(self.request.webcam.clone());
        }
    }

    pub(super) fn note_webcam(&mut self, issue: &Issue) {
        match issue {
            // The report may be of a webcam that was switched off in the meantime.
            Issue::WebcamLost { .. } => self.webcam_lost = self.request.webcam.shown,
            Issue::WebcamBack => self.webcam_lost = false,
            Issue::FramesDropped { .. }
            | Issue::SourceStalled { .. }
            | Issue::SourceLost
            | Issue::SourceBack { .. }
            | Issue::EncoderHurried
            | Issue::EncoderRelaxed
            | Issue::EncoderSwitched { .. }
            | Issue::AudioLost { .. }
            | Issue::AudioBack { .. }
            | Issue::MarksMissing { .. }
            | Issue::DiskLow { .. }
            | Issue::FolderLost { .. }
            | Issue::FolderBack
            | Issue::SegmentDamaged { .. }
            | Issue::LinkChanged => {}
        }
    }

    fn webcam(&self) -> WebcamState {
        match (self.request.webcam.shown, self.webcam_lost) {
            (false, _) => WebcamState::Off,
            (true, false) => WebcamState::On,
            (true, true) => WebcamState::Lost,
        }
    }
}
