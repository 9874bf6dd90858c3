//! Settings, and the disk space that recordings use on this computer.

use std::time::{SystemTime, UNIX_EPOCH};

use snaplark_core::upload::Event;
use tracing::{info, warn};

use super::Engine;
use crate::{AppError, Settings, SettingsChange, named_settings};

/// How often segments that are no longer needed are looked for.
const LOOK_AGAIN_MS: u64 = 10 * 60 * 1_000;
/// Below this free space, confirmed segments are deleted regardless of age, since the next recording needs
/// the room.
const FREE_BYTES_MIN: u64 = 2_000_000_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

impl Engine {
    /// Applies a change to the current settings and returns the result.
    pub(super) fn change_settings(
        &mut self,
        change: &SettingsChange,
    ) -> Result<Settings, AppError> {
        let settings = change.apply(&self.settings)?;
        self.keep_settings(settings)?;
        Ok(self.settings.clone())
    }

    /// Changes one setting, with name and value as the command line writes them.
    pub(super) fn change_setting(&mut self, name: &str, value: &str) -> Result<Settings, AppError> {
        let mut after = self.settings.clone();
        named_settings::change_setting(&mut after, name, value)
            .map_err(|reason| AppError::BadSetting { reason })?;
        self.change_settings(&SettingsChange::between(&self.settings, &after))
    }

    /// Commits the settings, then applies them to everything that is running.
    pub(super) fn keep_settings(&mut self, settings: Settings) -> Result<(), AppError> {
        settings.store(&self.store)?;
        self.throttle.set(settings.upload.bytes_per_second_max);
        let before = std::mem::replace(&mut self.settings, settings);
        self.follow_webcam(&before.recording.webcam);
        self.clear_again_ms = self.now_ms();
        self.tell_settings();
        self.choose_ring();
        self.told.settings.send_replace(self.settings.clone());
        Ok(())
    }

    pub(super) fn tell_settings(&mut self) {
        self.tell_machine(Event::MeteredChosen { wait: self.settings.upload.wait_on_metered });
    }

    /// Deletes segments, oldest first, if the server has confirmed the finished video, the person's own
    /// file is written, and either their retention time is over or the disk is nearly full.
    pub(super) fn clear_confirmed(&mut self) {
        let now_ms = self.now_ms();
        if now_ms < self.clear_again_ms {
            return;
        }
        self.clear_again_ms = now_ms + LOOK_AGAIN_MS;
        let confirmed = match self.store.confirmed() {
            Ok(confirmed) => confirmed,
            Err(error) => {
                warn!(%error, "It can't be told which segments need not stay");
                return;
            }
        };
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_unix_ms = since.as_millis() as i64;
        for (recording, confirmed_unix_ms) in confirmed {
            let age_ms = now_unix_ms - confirmed_unix_ms;
            let is_over = self
                .settings
                .upload
                .keep_local_days
                .is_some_and(|days| age_ms >= i64::from(days) * DAY_MS);
            let is_full = fs4::available_space(&self.home.root).is_ok_and(|b| b < FREE_BYTES_MIN);
            if !is_over && !is_full {
                continue;
            }
            match self.store.clear_segments(recording) {
                Ok(()) => info!(%recording, "Its segments need not stay: it is online and saved"),
                Err(error) => warn!(%recording, %error, "Its segments could not be cleared"),
            }
        }
    }
}
