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
mod desktop;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use snaplark_app::control::Order;
use snaplark_app::{Serves, Shortcut, ShortcutKeys};
use tauri::{AppHandle, Emitter as _, Manager, async_runtime};
use tauri_plugin_global_shortcut::{GlobalShortcutExt, ShortcutState};
use tokio::sync::Notify;

use crate::chooser::{self, Kind};
use crate::words::word;
use crate::{pages, platform, quick, shell};

/// The event for changed shortcuts.
const CHANGED: &str = "shortcuts";

/// The state of a shortcut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bound {
    pub shortcut: Shortcut,
    /// Such as `Alt+R`, or the desktop's description of keys that it assigned.
    pub keys: String,
    /// The default keys.
    pub usual: String,
    /// The command that does the same, to be bound to a key in the desktop's settings.
    pub command: &'static str,
    pub state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
pub enum State {
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
        found.unwrap_or_else(|| bound(shortcut, "", State::Unavailable))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Bound>> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Registers the shortcuts at the start. Must be called on the main thread.
pub fn register(app: &AppHandle, keys: &ShortcutKeys) {
    app.manage(Shortcuts::new());
    let bound = match platform::is_wayland() {
        true => Shortcut::ALL.map(|shortcut| bound(shortcut, "", State::Asked)),
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
    let wanted = |shortcut| desktop::Wanted {
        shortcut,
        words: words_for(shortcut),
        keys: keys.of(shortcut).to_owned(),
    };
    let wanted = Shortcut::ALL.into_iter().map(wanted).collect();
    let handle = app.clone();
    async_runtime::spawn(async move {
        let tell = |news| {
            let there = handle.clone();
            let told = handle.run_on_main_thread(move || heed(&there, news));
            if let Err(error) = told {
                tracing::warn!(%error, "shortcuts can't be told of");
            }
        };
        desktop::follow(wanted, &handle.state::<Shortcuts>().again, tell).await;
    });
}

/// Handles news from the desktop. Runs on the main thread.
#[cfg(target_os = "linux")]
fn heed(app: &AppHandle, news: desktop::News) {
    use desktop::News;

    let (state, given) = match news {
        News::Pressed(shortcut) => return act(app, shortcut),
        News::Given(given) => (State::ByDesktop, given),
        News::Asked => (State::Asked, Vec::new()),
        News::Declined => (State::Declined, Vec::new()),
        News::Missing => (State::Unavailable, Vec::new()),
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
            true if keys.is_empty() => bound(shortcut, keys, State::Unset),
            true if shortcut.serves() != Serves::Always => bound(shortcut, keys, State::Resting),
            true => take(app, shortcut, keys),
            false => bound(shortcut, keys, State::Unavailable),
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
        (State::Resting, true) => take(app, bound.shortcut, &bound.keys),
        (State::Works, false) => {
            give_back(app, bound);
            Bound { state: State::Resting, ..bound.clone() }
        }
        // The keys may be free by the next time.
        (State::Taken, false) => Bound { state: State::Resting, ..bound.clone() },
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
    let refused = came.iter().find(|bound| bound.state == State::Taken);
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
                State::Resting => old.clone(),
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
        State::Works => Bound { state: State::Resting, ..bound },
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
        (false, State::Works | State::Taken | State::Resting) if !is_ours(app, &bound.keys) => {
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
    if let Err(error) = app.emit(CHANGED, ()) {
        tracing::warn!(%error, "windows can't be told of the shortcuts");
    }
}

fn bound(shortcut: Shortcut, keys: &str, state: State) -> Bound {
    let usual = ShortcutKeys::default().of(shortcut).to_owned();
    Bound { shortcut, keys: keys.to_owned(), usual, command: command_for(shortcut), state }
}

fn command_for(shortcut: Shortcut) -> &'static str {
    match shortcut {
        Shortcut::Record => "snaplark toggle",
        Shortcut::ChooseArea => "snaplark-desktop --choose",
        Shortcut::Microphone => "snaplark mute",
        Shortcut::Webcam => "snaplark webcam",
        Shortcut::QuickMenu => "snaplark-desktop --quick-menu",
        Shortcut::Pause => "snaplark pause",
        Shortcut::ShareLast => "snaplark-desktop --share-last",
        Shortcut::Library => "snaplark-desktop",
    }
}

/// Carries out the shortcut command that another start of the program was given, if any.
pub fn obey(app: &AppHandle, arguments: &[String]) -> bool {
    let Some(shortcut) = wish(arguments) else { return false };
    let there = app.clone();
    if let Err(error) = app.run_on_main_thread(move || act(&there, shortcut)) {
        tracing::warn!(%error, ?shortcut, "a command was not carried out");
    }
    true
}

fn wish(arguments: &[String]) -> Option<Shortcut> {
    let own = |shortcut: &Shortcut| command_for(*shortcut).strip_prefix("snaplark-desktop ");
    let is_meant = |flag: &str| arguments.iter().any(|argument| argument == flag);
    Shortcut::ALL.into_iter().find(|shortcut| own(shortcut).is_some_and(is_meant))
}

#[cfg(target_os = "linux")]
fn words_for(shortcut: Shortcut) -> &'static str {
    word(match shortcut {
        Shortcut::Record => "shortcut_record",
        // No portal can record an area.
        Shortcut::ChooseArea => "shortcut_choose_screen",
        Shortcut::Microphone => "shortcut_microphone",
        Shortcut::Webcam => "shortcut_webcam",
        Shortcut::QuickMenu => "shortcut_quick_menu",
        Shortcut::Pause => "shortcut_pause",
        Shortcut::ShareLast => "shortcut_share_last",
        Shortcut::Library => "shortcut_library",
    })
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
        State::ByDesktop | State::Asked | State::Declined => old.clone(),
        State::Unavailable => Bound { keys: keys.to_owned(), ..old.clone() },
        State::Works | State::Resting | State::Taken | State::Unset => {
            take(app, old.shortcut, keys)
        }
    }
}

fn take(app: &AppHandle, shortcut: Shortcut, keys: &str) -> Bound {
    let bound = |state| bound(shortcut, keys, state);
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
    if bound.state != State::Works || !is_ours(app, &bound.keys) {
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
    match shortcut {
        Shortcut::Record => shell::order(app, Order::Toggle),
        Shortcut::Microphone => shell::order(app, Order::Mute),
        Shortcut::Webcam => shell::order(app, Order::Webcam),
        Shortcut::Pause => shell::order(app, Order::Pause),
        Shortcut::ShareLast => shell::share_last(app),
        Shortcut::Library => pages::show(app, &pages::LIBRARY),
        Shortcut::ChooseArea => chooser::open(app, Kind::Area, false),
        Shortcut::QuickMenu => {
            if let Err(error) = quick::toggle(app) {
                tracing::error!(%error, "the quick menu can't be opened");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_start_may_stand_for_a_key() {
        let wish = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|it| it.to_string()).collect();
            wish(&arguments)
        };
        assert_eq!(wish(&["snaplark-desktop", "--choose"]), Some(Shortcut::ChooseArea));
        assert_eq!(wish(&["snaplark-desktop", "--quick-menu"]), Some(Shortcut::QuickMenu));
        assert_eq!(wish(&["snaplark-desktop", "--share-last"]), Some(Shortcut::ShareLast));
        for other in [&["snaplark-desktop"][..], &["snaplark-desktop", "--hidden"], &["", ""]] {
            assert_eq!(wish(other), None);
        }
    }
}
