//! Global shortcuts: keys that work in every program. If one can't be registered, because another program
//! holds it or the desktop has no global shortcuts, Snaplark works without it and says so in the log, the
//! library and the settings, with the command that does the same.
//!
//! On X11, Windows and macOS Snaplark registers the keys that are set, each only while it has an effect:
//! those of microphone, webcam and pause while something is recorded, that of the last minutes while they
//! are kept. At other times other programs can use them. On Wayland the desktop assigns the keys, or not
//! (`desktop`); there they are ignored at other times. All of it happens on the main thread, as the
//! system's own table requires.

#[cfg(target_os = "linux")]
mod portal;

#[cfg(target_os = "linux")]
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use snaplark_app::{Serves, Shortcut, ShortcutKeys, Way};
#[cfg(target_os = "linux")]
use snaplark_core::policy::STRIKE_SECONDS;
#[cfg(target_os = "linux")]
use tauri::async_runtime;
use tauri::{AppHandle, Manager};
use tauri_plugin_global_shortcut::{GlobalShortcutExt, ShortcutState};
use tokio::sync::Notify;
use ts_rs::TS;

use crate::events::UiEvent;
#[cfg(target_os = "linux")]
use crate::words::{CountedWord, Word, counted, word};
use crate::{desktop_shell, platform};

/// The state of a shortcut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[ts(export)]
pub struct Bound {
    pub shortcut: Shortcut,
    /// Such as `Alt+R`, or the desktop's description of keys that it assigned.
    pub keys: String,
    /// The default keys.
    pub usual: String,
    /// The command that does the same, to be bound to a key in the desktop's settings.
    pub command: String,
    pub state: BindingState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
pub enum BindingState {
    Works,
    /// It has keys, but no effect now, so other programs have them.
    Resting,
    /// Another program holds the keys, or they are invalid.
    Taken,
    /// The desktop gives programs no shortcuts.
    Unavailable,
    /// It has no keys.
    Unset,
    /// The desktop assigns the keys and lets the person choose them.
    ByDesktop,
    /// The desktop has been asked for them.
    Asked,
    /// The person declined when the desktop asked.
    Declined,
}

/// The current shortcuts.
pub struct Shortcuts {
    bound: Mutex<Vec<Bound>>,
    again: Notify,
    is_recording: AtomicBool,
    is_keeping: AtomicBool,
}

impl Shortcuts {
    fn new() -> Self {
        Shortcuts {
            bound: Mutex::default(),
            again: Notify::new(),
            is_recording: AtomicBool::new(false),
            is_keeping: AtomicBool::new(false),
        }
    }

    /// Returns whether the keys have an effect now.
    fn serves_now(&self, shortcut: Shortcut) -> bool {
        match shortcut.serves() {
            Serves::Always => true,
            Serves::WhileRecording => self.is_recording.load(Ordering::Relaxed),
            Serves::WhileKeeping => self.is_keeping.load(Ordering::Relaxed),
        }
    }

    pub fn all(&self) -> Vec<Bound> {
        self.lock().clone()
    }

    /// Lets the desktop ask the person again who declined before.
    pub fn ask_again(&self) {
        self.again.notify_one();
    }

    pub fn of(&self, shortcut: Shortcut) -> Bound {
        let found = self.lock().iter().find(|bound| bound.shortcut == shortcut).cloned();
        found.unwrap_or_else(|| bound(shortcut, "", BindingState::Unavailable))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Bound>> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Registers the shortcuts at the start. Must be called on the main thread.
pub fn register(app: &AppHandle, keys: &ShortcutKeys) {
    app.manage(Shortcuts::new());
    let bound = match platform::is_wayland() {
        true => Shortcut::ALL.map(|shortcut| bound(shortcut, "", BindingState::Asked)),
        false => take_all(app, keys),
    };
    *app.state::<Shortcuts>().lock() = bound.to_vec();
    #[cfg(target_os = "linux")]
    if platform::is_wayland() {
        ask_desktop(app, keys);
    }
}

#[cfg(target_os = "linux")]
fn ask_desktop(app: &AppHandle, keys: &ShortcutKeys) {
    let wanted = |shortcut| portal::ShortcutRequest {
        shortcut,
        words: words_for(shortcut),
        keys: keys.of(shortcut).to_owned(),
    };
    let wanted = Shortcut::ALL.into_iter().map(wanted).collect();
    let handle = app.clone();
    async_runtime::spawn(async move {
        let tell = |news| {
            let there = handle.clone();
            let told = handle.run_on_main_thread(move || handle_portal_event(&there, news));
            if let Err(error) = told {
                tracing::warn!(%error, "shortcuts can't be told of");
            }
        };
        portal::follow(wanted, &handle.state::<Shortcuts>().again, tell).await;
    });
}

/// Handles news from the desktop. Runs on the main thread.
#[cfg(target_os = "linux")]
fn handle_portal_event(app: &AppHandle, news: portal::PortalEvent) {
    use portal::PortalEvent;

    let (state, given) = match news {
        PortalEvent::Pressed(shortcut) => return act(app, shortcut),
        PortalEvent::Given(given) => (BindingState::ByDesktop, given),
        PortalEvent::Asked => (BindingState::Asked, Vec::new()),
        PortalEvent::Declined => (BindingState::Declined, Vec::new()),
        PortalEvent::Missing => (BindingState::Unavailable, Vec::new()),
    };
    for bound in app.state::<Shortcuts>().lock().iter_mut() {
        let keys = given.iter().find(|(shortcut, _)| *shortcut == bound.shortcut);
        bound.keys = keys.map(|(_, keys)| keys.clone()).unwrap_or_default();
        bound.state = state;
    }
    tell(app);
}

fn take_all(app: &AppHandle, keys: &ShortcutKeys) -> [Bound; Shortcut::ALL.len()] {
    let has_some = match app.plugin(tauri_plugin_global_shortcut::Builder::new().build()) {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%error, "there are no global shortcuts here");
            false
        }
    };
    Shortcut::ALL.map(|shortcut| {
        let keys = keys.of(shortcut);
        match has_some {
            true if keys.is_empty() => bound(shortcut, keys, BindingState::Unset),
            true if shortcut.serves() != Serves::Always => {
                bound(shortcut, keys, BindingState::Resting)
            }
            true => take(app, shortcut, keys),
            false => bound(shortcut, keys, BindingState::Unavailable),
        }
    })
}

/// Registers the keys that have an effect from now on, and releases those that no longer do. Must be called
/// on the main thread.
pub fn follow(app: &AppHandle, is_recording: bool, is_keeping: bool) {
    let shortcuts = app.state::<Shortcuts>();
    shortcuts.is_recording.store(is_recording, Ordering::Relaxed);
    shortcuts.is_keeping.store(is_keeping, Ordering::Relaxed);
    let before = shortcuts.all();
    let follows = |bound: &Bound| match (bound.state, shortcuts.serves_now(bound.shortcut)) {
        (BindingState::Resting, true) => take(app, bound.shortcut, &bound.keys),
        (BindingState::Works, false) => {
            give_back(app, bound);
            Bound { state: BindingState::Resting, ..bound.clone() }
        }
        // The keys may be free by the next time.
        (BindingState::Taken, false) => Bound { state: BindingState::Resting, ..bound.clone() },
        (_, _) => bound.clone(),
    };
    let now: Vec<Bound> = before.iter().map(follows).collect();
    if now != before {
        *shortcuts.lock() = now;
        tell(app);
    }
}

/// Replaces the current keys, all or none. The error is the keys that can't be registered. Must be called
/// on the main thread.
pub fn rebind(app: &AppHandle, keys: &ShortcutKeys) -> Result<(), String> {
    let before = app.state::<Shortcuts>().all();
    let (stays, goes): (Vec<Bound>, Vec<Bound>) =
        before.iter().cloned().partition(|bound| bound.keys == keys.of(bound.shortcut));
    // All old keys are released first, since two shortcuts may swap theirs.
    goes.iter().for_each(|bound| give_back(app, bound));
    let came: Vec<Bound> =
        goes.iter().map(|old| take_as(app, old, keys.of(old.shortcut))).collect();
    let refused = came.iter().find(|bound| bound.state == BindingState::Taken);
    let refused = refused.map(|bound| bound.keys.clone());
    let now = match &refused {
        None => {
            let rest = |bound: Bound| match app.state::<Shortcuts>().serves_now(bound.shortcut) {
                true => bound,
                false => rest(app, bound),
            };
            stays.into_iter().chain(came.into_iter().map(rest)).collect()
        }
        Some(_) => {
            came.iter().for_each(|bound| give_back(app, bound));
            let back = goes.iter().map(|old| match old.state {
                BindingState::Resting => old.clone(),
                _ => take_as(app, old, &old.keys),
            });
            stays.into_iter().chain(back).collect()
        }
    };
    *app.state::<Shortcuts>().lock() = sorted(now);
    if !goes.is_empty() && refused.is_none() {
        tell(app);
    }
    refused.map_or(Ok(()), Err)
}

/// Releases the keys to other programs until the shortcut has an effect.
fn rest(app: &AppHandle, bound: Bound) -> Bound {
    give_back(app, &bound);
    match bound.state {
        BindingState::Works => Bound { state: BindingState::Resting, ..bound },
        _ => bound,
    }
}

/// While keys are being chosen, releases ours so that the window receives them. Afterwards, keys that
/// another program held are tried again. Must be called on the main thread.
pub fn hold(app: &AppHandle, held: bool) {
    let before = app.state::<Shortcuts>().all();
    let kept = |bound: &Bound| match (held, bound.state) {
        (true, _) => {
            give_back(app, bound);
            bound.clone()
        }
        (false, BindingState::Works | BindingState::Taken | BindingState::Resting)
            if !is_ours(app, &bound.keys) =>
        {
            let took = take(app, bound.shortcut, &bound.keys);
            match app.state::<Shortcuts>().serves_now(bound.shortcut) {
                true => took,
                false => rest(app, took),
            }
        }
        (false, _) => bound.clone(),
    };
    let now: Vec<Bound> = before.iter().map(kept).collect();
    let changed = now != before;
    *app.state::<Shortcuts>().lock() = now;
    if changed {
        tell(app);
    }
}

fn tell(app: &AppHandle) {
    if let Err(error) = UiEvent::Shortcuts.send(app) {
        tracing::warn!(%error, "windows can't be told of the shortcuts");
    }
}

fn bound(shortcut: Shortcut, keys: &str, state: BindingState) -> Bound {
    let usual = ShortcutKeys::default().of(shortcut).to_owned();
    Bound { shortcut, keys: keys.to_owned(), usual, command: shortcut.command(), state }
}

#[cfg(target_os = "linux")]
fn words_for(shortcut: Shortcut) -> Cow<'static, str> {
    Cow::Borrowed(word(match shortcut {
        Shortcut::Record => Word::SHORTCUT_RECORD,
        // No portal can record an area.
        Shortcut::ChooseArea => Word::SHORTCUT_CHOOSE_SCREEN,
        Shortcut::Microphone => Word::SHORTCUT_MICROPHONE,
        Shortcut::Webcam => Word::SHORTCUT_WEBCAM,
        Shortcut::QuickMenu => Word::SHORTCUT_QUICK_MENU,
        Shortcut::Pause => Word::SHORTCUT_PAUSE,
        Shortcut::Strike => return counted(CountedWord::STRIKE_LAST, STRIKE_SECONDS).into(),
        Shortcut::ShareLast => Word::SHORTCUT_SHARE_LAST,
        Shortcut::Library => Word::SHORTCUT_LIBRARY,
        Shortcut::Screenshot => Word::SHORTCUT_SCREENSHOT,
    }))
}

/// Sorts the shortcuts, so that each has its fixed place in the list.
fn sorted(mut bound: Vec<Bound>) -> Vec<Bound> {
    bound.sort_by_key(|bound| bound.shortcut);
    bound
}

fn is_ours(app: &AppHandle, keys: &str) -> bool {
    app.global_shortcut().is_registered(keys)
}

/// Registers new keys. If the desktop owns the keys, they are only noted.
fn take_as(app: &AppHandle, old: &Bound, keys: &str) -> Bound {
    match old.state {
        BindingState::ByDesktop | BindingState::Asked | BindingState::Declined => old.clone(),
        BindingState::Unavailable => Bound { keys: keys.to_owned(), ..old.clone() },
        BindingState::Works | BindingState::Resting | BindingState::Taken | BindingState::Unset => {
            take(app, old.shortcut, keys)
        }
    }
}

fn take(app: &AppHandle, shortcut: Shortcut, keys: &str) -> Bound {
    let bound = |state| bound(shortcut, keys, state);
    if keys.is_empty() {
        return bound(BindingState::Unset);
    }
    let registered = app.global_shortcut().on_shortcut(keys, move |app, _, event| {
        if event.state() == ShortcutState::Pressed {
            act(app, shortcut);
        }
    });
    bound(match registered {
        Ok(()) => BindingState::Works,
        Err(error) => {
            tracing::warn!(%error, keys, "the shortcut can't be had");
            BindingState::Taken
        }
    })
}

fn give_back(app: &AppHandle, bound: &Bound) {
    if bound.state != BindingState::Works || !is_ours(app, &bound.keys) {
        return;
    }
    let release = || app.global_shortcut().unregister(bound.keys.as_str());
    if let Err(error) = release() {
        tracing::warn!(%error, keys = bound.keys, "the shortcut can't be given back");
        return;
    }
    // On X11, the library writes the release into a buffer that only its next request to the server
    // flushes. Each release begins with such a request, so without another one the last key would stay
    // registered.
    if cfg!(target_os = "linux")
        && let Err(error) = release()
    {
        tracing::debug!(%error, "nothing was to be given back any more");
    }
}

/// Carries out a shortcut. Keys that arrive too late, or that the desktop holds at all times, do nothing if
/// the shortcut has no effect now: a webcam is never switched on for later. Must be called on the main
/// thread.
fn act(app: &AppHandle, shortcut: Shortcut) {
    if !app.state::<Shortcuts>().serves_now(shortcut) {
        tracing::debug!(?shortcut, "a key does nothing now");
        return;
    }
    desktop_shell::ask(app, shortcut.action(), Way::Shortcut);
}
