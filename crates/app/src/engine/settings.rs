//! Changing settings: committed first, then applied to every part.

use tracing::warn;

use super::Engine;
use crate::{AppError, Setting, Settings, SettingsChange};

impl Engine {
    /// Applies a change to the current settings and returns the result.
    pub(super) fn change_settings(
        &mut self,
        change: &SettingsChange,
    ) -> Result<Settings, AppError> {
        let settings = change.apply(&self.cx.settings)?;
        settings.store(&self.cx.store)?;
        let before = std::mem::replace(&mut self.cx.settings, settings);
        self.session.follow_webcam(&self.cx, &before.recording.webcam);
        self.library.follow_settings(&self.cx);
        self.uploads.follow_settings(&self.cx);
        if before.upload != self.cx.settings.upload {
            self.webhook.follow_settings(&self.cx);
        }
        self.session.choose_ring(&self.cx);
        let settings = self.cx.settings.clone();
        self.cx.broadcasts.settings.send_replace(settings.clone());
        Ok(settings)
    }

    /// Switches the webhook off, whose address is gone.
    pub(super) fn switch_webhook_off(&mut self) {
        let off = SettingsChange::of(&["upload", "webhook"], serde_json::Value::Null);
        if let Err(error) = self.change_settings(&off) {
            warn!(%error, "The webhook can't be switched off");
        }
    }

    /// Changes one setting, with name and value as the command line writes them.
    pub(super) fn change_setting(&mut self, name: &str, value: &str) -> Result<Settings, AppError> {
        let after = Setting::named(name)?.changed(&self.cx.settings, value)?;
        self.change_settings(&SettingsChange::between(&self.cx.settings, &after))
    }

    /// Shows or hides the webcam; `None` toggles it. The choice applies to the next recording too. Returns
    /// whether the webcam is shown now.
    pub(super) fn show_webcam(&mut self, shown: Option<bool>) -> Result<bool, AppError> {
        let shown = shown.unwrap_or(!self.session.is_webcam_shown(&self.cx));
        self.change_settings(&SettingsChange::of(&["recording", "webcam", "shown"], shown))?;
        self.session.show_webcam(shown);
        Ok(shown)
    }
}
