//! The keys of every program on Windows and macOS, by Tauri's library.

use anyhow::Result;
use snaplark_app::Shortcut;
use tauri::AppHandle;
use tauri_plugin_global_shortcut::{Builder, GlobalShortcutExt, ShortcutState};

/// The keys that this program has registered.
pub(super) struct GlobalKeys {
    app: AppHandle,
    pressed: fn(&AppHandle, Shortcut),
}

impl GlobalKeys {
    /// Prepares the library. `pressed` is called on the main thread.
    pub(super) fn open(app: &AppHandle, pressed: fn(&AppHandle, Shortcut)) -> Result<Self> {
        app.plugin(Builder::new().build())?;
        Ok(GlobalKeys { app: app.clone(), pressed })
    }

    /// Registers keys such as `Alt+R`. Fails if another program holds them.
    pub(super) fn take(&self, keys: &str, shortcut: Shortcut) -> Result<()> {
        let pressed = self.pressed;
        Ok(self.app.global_shortcut().on_shortcut(keys, move |app, _, event| {
            if event.state() == ShortcutState::Pressed {
                pressed(app, shortcut);
            }
        })?)
    }

    /// Releases the keys to other programs.
    pub(super) fn give_back(&self, keys: &str) -> Result<()> {
        Ok(self.app.global_shortcut().unregister(keys)?)
    }

    /// Returns whether the keys are registered by this program.
    pub(super) fn has(&self, keys: &str) -> bool {
        self.app.global_shortcut().is_registered(keys)
    }
}
