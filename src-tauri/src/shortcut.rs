//! The global shortcut. Where it can't be had - another program holds it, or the desktop has no
//! such thing - Snaplark goes on without, and says so in the log and in the library.

use serde::Serialize;
use tauri::AppHandle;
use tauri_plugin_global_shortcut::{GlobalShortcutExt, ShortcutState};

use crate::shell;

/// What the product's users know from before.
pub const RECORD_KEYS: &str = "Alt+R";

#[derive(Clone, Debug, Serialize)]
pub struct Shortcut {
    pub keys: &'static str,
    pub state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Works,
    /// Another program has it.
    Taken,
    /// The desktop gives none to programs.
    Unavailable,
}

/// On the main thread.
pub fn register(app: &AppHandle) -> Shortcut {
    let state = match app.plugin(tauri_plugin_global_shortcut::Builder::new().build()) {
        Err(error) => {
            tracing::warn!(%error, keys = RECORD_KEYS, "there are no global shortcuts here");
            State::Unavailable
        }
        Ok(()) => {
            let registered = app.global_shortcut().on_shortcut(RECORD_KEYS, |app, _, event| {
                if event.state() == ShortcutState::Pressed {
                    shell::toggle(app);
                }
            });
            match registered {
                Ok(()) => State::Works,
                Err(error) => {
                    tracing::warn!(%error, keys = RECORD_KEYS, "another program holds the shortcut");
                    State::Taken
                }
            }
        }
    };
    Shortcut { keys: RECORD_KEYS, state }
}
