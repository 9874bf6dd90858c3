//! Global shortcuts: keys that work in every program. Where one can't be had - another program
//! holds it, or the desktop has no such thing - Snaplark goes on without, and says so in the log,
//! the library and the settings.
//!
//! All of it happens on the main thread, as the system's own table does.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use snaplark_app::control::Order;
use snaplark_app::{Shortcut, ShortcutKeys};
use tauri::{AppHandle, Manager};
use tauri_plugin_global_shortcut::{GlobalShortcutExt, ShortcutState};

use crate::chooser::{self, Kind};
use crate::{quick, shell};

/// What became of a shortcut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bound {
    pub shortcut: Shortcut,
    pub keys: String,
    /// What they are when nobody chose others.
    pub usual: String,
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
    /// It has no keys.
    Unset,
    /// There is nothing yet that it could do.
    Later,
}

/// Those of now.
pub struct Shortcuts(Mutex<Vec<Bound>>);

impl Shortcuts {
    pub fn all(&self) -> Vec<Bound> {
        self.lock().clone()
    }

    pub fn of(&self, shortcut: Shortcut) -> Bound {
        let found = self.lock().iter().find(|bound| bound.shortcut == shortcut).cloned();
        found.unwrap_or_else(|| bound(shortcut, "", State::Unavailable))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Bound>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// At the start, on the main thread.
pub fn register(app: &AppHandle, keys: &ShortcutKeys) {
    let has_some = match app.plugin(tauri_plugin_global_shortcut::Builder::new().build()) {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%error, "there are no global shortcuts here");
            false
        }
    };
    let bound = Shortcut::ALL.map(|shortcut| {
        let keys = keys.of(shortcut);
        match has_some {
            true => take(app, shortcut, keys),
            false => bound(shortcut, keys, State::Unavailable),
        }
    });
    app.manage(Shortcuts(Mutex::new(bound.to_vec())));
}

/// On the main thread: takes other keys in place of those of now. All of them or none; an error is
/// the keys that can't be had.
pub fn rebind(app: &AppHandle, keys: &ShortcutKeys) -> Result<(), String> {
    let before = app.state::<Shortcuts>().all();
    let (stays, goes): (Vec<Bound>, Vec<Bound>) =
        before.iter().cloned().partition(|bound| bound.keys == keys.of(bound.shortcut));
    // Two may change places: all old ones first.
    goes.iter().for_each(|bound| give_back(app, bound));
    let came: Vec<Bound> =
        goes.iter().map(|old| take_as(app, old, keys.of(old.shortcut))).collect();
    let refused = came.iter().find(|bound| bound.state == State::Taken);
    let refused = refused.map(|bound| bound.keys.clone());
    let now = match &refused {
        None => stays.into_iter().chain(came).collect(),
        Some(_) => {
            came.iter().for_each(|bound| give_back(app, bound));
            let back = goes.iter().map(|old| take_as(app, old, &old.keys));
            stays.into_iter().chain(back).collect()
        }
    };
    *app.state::<Shortcuts>().lock() = sorted(now);
    refused.map_or(Ok(()), Err)
}

/// On the main thread: while keys are chosen ours do nothing, and the window hears them.
pub fn hold(app: &AppHandle, held: bool) {
    for bound in app.state::<Shortcuts>().all() {
        match held {
            true => give_back(app, &bound),
            false if bound.state == State::Works && !is_taken(app, &bound.keys) => {
                take(app, bound.shortcut, &bound.keys);
            }
            false => {}
        }
    }
}

fn bound(shortcut: Shortcut, keys: &str, state: State) -> Bound {
    let usual = ShortcutKeys::default().of(shortcut).to_owned();
    Bound { shortcut, keys: keys.to_owned(), usual, state }
}

/// The tables are short and each has its place.
fn sorted(mut bound: Vec<Bound>) -> Vec<Bound> {
    bound.sort_by_key(|bound| bound.shortcut);
    bound
}

fn is_taken(app: &AppHandle, keys: &str) -> bool {
    app.global_shortcut().is_registered(keys)
}

/// Where the desktop has none, keys are only written down.
fn take_as(app: &AppHandle, old: &Bound, keys: &str) -> Bound {
    match old.state {
        State::Unavailable => Bound { keys: keys.to_owned(), ..old.clone() },
        State::Works | State::Taken | State::Unset | State::Later => take(app, old.shortcut, keys),
    }
}

fn take(app: &AppHandle, shortcut: Shortcut, keys: &str) -> Bound {
    let bound = |state| bound(shortcut, keys, state);
    if matches!(shortcut, Shortcut::Screenshot | Shortcut::Webcam) {
        return bound(State::Later);
    }
    if keys.is_empty() {
        return bound(State::Unset);
    }
    let registered = app.global_shortcut().on_shortcut(keys, move |app, _, event| {
        if event.state() == ShortcutState::Pressed {
            act(app, shortcut);
        }
    });
    bound(match registered {
        Ok(()) => State::Works,
        Err(error) => {
            tracing::warn!(%error, keys, "the shortcut can't be had");
            State::Taken
        }
    })
}

fn give_back(app: &AppHandle, bound: &Bound) {
    if bound.state == State::Works
        && is_taken(app, &bound.keys)
        && let Err(error) = app.global_shortcut().unregister(bound.keys.as_str())
    {
        tracing::warn!(%error, keys = bound.keys, "the shortcut can't be given back");
    }
}

/// On the main thread.
fn act(app: &AppHandle, shortcut: Shortcut) {
    match shortcut {
        Shortcut::Record => shell::order(app, Order::Toggle),
        Shortcut::Microphone => shell::order(app, Order::Mute),
        Shortcut::Webcam => shell::order(app, Order::Webcam),
        Shortcut::ChooseArea => chooser::open(app, Kind::Area, false),
        Shortcut::QuickMenu => {
            if let Err(error) = quick::toggle(app) {
                tracing::error!(%error, "the quick menu can't be opened");
            }
        }
        Shortcut::Screenshot => {}
    }
}
