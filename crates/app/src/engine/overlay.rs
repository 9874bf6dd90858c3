//! The webcam of the current recording: switching it, applying its settings, and its state.

use snaplark_core::capture::Trouble;
use snaplark_core::overlay::Webcam;

use super::{Engine, Running};
use crate::{AppError, WebcamSettings, WebcamState};

impl Engine {
    /// Shows or hides the webcam; `None` toggles it. The choice applies to the next recording too. Returns
    /// whether the webcam is shown now.
    pub(super) fn show_webcam(&mut self, shown: Option<bool>) -> Result<bool, AppError> {
        let running = self.running.as_ref();
        let now = running
            .map_or(self.settings.recording.webcam.shown, |running| running.request.webcam.shown);
        let shown = shown.unwrap_or(!now);
        let mut settings = self.settings.clone();
        settings.recording.webcam.shown = shown;
        self.keep_settings(settings)?;
        // The recording may have been started with a choice other than the settings'.
        if let Some(running) = &mut self.running
            && running.request.webcam.shown != shown
        {
            running.set_webcam(Webcam { shown, ..running.request.webcam.clone() });
        }
        Ok(shown)
    }

    pub(super) fn webcam(&self) -> WebcamState {
        let settings = || self.settings.recording.webcam.state();
        self.running.as_ref().map_or_else(settings, Running::webcam)
    }

    /// Applies changed webcam settings to the current recording.
    pub(super) fn follow_webcam(&mut self, before: &WebcamSettings) {
        let now = &self.settings.recording.webcam;
        if let Some(running) = &mut self.running
            && now != before
        {
            running.set_webcam(now.webcam());
        }
    }
}

impl Running {
    fn set_webcam(&mut self, webcam: Webcam) {
        self.webcam_lost &= webcam.shown;
        self.request.webcam = webcam;
        // A control that arrives later gets the webcam's settings then.
        if let Some(control) = &mut self.control {
            control.set_webcam(self.request.webcam.clone());
        }
    }

    pub(super) fn note_webcam(&mut self, trouble: &Trouble) {
        match trouble {
            // The report may be of a webcam that was switched off in the meantime.
            Trouble::WebcamLost { .. } => self.webcam_lost = self.request.webcam.shown,
            Trouble::WebcamBack => self.webcam_lost = false,
            Trouble::FramesDropped { .. }
            | Trouble::SourceStalled { .. }
            | Trouble::SourceLost
            | Trouble::SourceBack { .. }
            | Trouble::EncoderHurried
            | Trouble::EncoderRelaxed
            | Trouble::EncoderSwitched { .. }
            | Trouble::AudioLost { .. }
            | Trouble::AudioBack { .. }
            | Trouble::MarksMissing { .. }
            | Trouble::DiskLow { .. }
            | Trouble::FolderLost { .. }
            | Trouble::FolderBack => {}
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
