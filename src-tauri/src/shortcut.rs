//! The global shortcut. Where it can't be had - another program holds it, or the desktop has no
//! such thing - Snaplark goes on without, and says so in the log, the library and the settings.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use snaplark_app::control::Order;
use tauri::{AppHandle, Manager};
use tauri_plugin_global_shortcut::{GlobalShortcutExt, ShortcutState};

use crate::shell;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shortcut {
    pub keys: String,
    pub state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Works,
    /// Another program has it, or it is none.
    Taken,
    /// The desktop gives none to programs.
    Unavailable,
}

/// The one of now.
pub struct Shortcuts(Mutex<Shortcut>);

impl Shortcuts {
    pub fn now(&self) -> Shortcut {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Shortcut> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// At the start, on the main thread.
pub fn register(app: &AppHandle, keys: String) {
    let state = match app.plugin(tauri_plugin_global_shortcut::Builder::new().build()) {
        Ok(()) => take(app, &keys),
        Err(error) => {
            tracing::warn!(%error, "there are no global shortcuts here");
            State::Unavailable
        }
    };
    app.manage(Shortcuts(Mutex::new(Shortcut { keys, state })));
}

/// Takes other keys in place of those of now, which stay where the others can't be had.
pub fn rebind(app: &AppHandle, keys: &str) -> State {
    let shortcuts = app.state::<Shortcuts>();
    let mut now = shortcuts.lock();
    if now.state == State::Unavailable || (now.keys == keys && now.state == State::Works) {
        now.keys = keys.to_owned();
        return now.state;
    }
    let state = take(app, keys);
    if state == State::Works {
        if now.state == State::Works
            && let Err(error) = app.global_shortcut().unregister(now.keys.as_str())
        {
            tracing::warn!(%error, keys = now.keys, "the old shortcut can't be given back");
        }
        *now = Shortcut { keys: keys.to_owned(), state };
    }
    state
}

fn take(app: &AppHandle, keys: &str) -> State {
    let registered = app.global_shortcut().on_shortcut(keys, |app, _, event| {
        if event.state() == ShortcutState::Pressed {
            shell::order(app, Order::Toggle);
        }
    });
    match registered {
        Ok(()) => State::Works,
        Err(error) => {
            tracing::warn!(%error, keys, "the shortcut can't be had");
            State::Taken
        }
    }
}
