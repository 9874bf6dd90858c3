//! Follows the app's watch channels: notifies the windows, and updates the bar, the tray and its time.

use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use snaplark_app::view::{RecorderView, RingView};
use snaplark_app::{App, Settings};
use tauri::{AppHandle, Emitter, Manager, async_runtime};
use tokio::sync::watch;

use crate::tray::{Look, Tray};
use crate::{bar, recorded, shell, shortcut, tray};

/// The event that all windows receive, with the app's change number.
const CHANGED: &str = "changed";
/// Limits the event to 25 times a second. More is not visible, and each event costs the main thread a
/// script in every window. The last change is never the one that is dropped.
const CHANGES_APART_MIN: Duration = Duration::from_millis(40);
const SECOND: Duration = Duration::from_secs(1);

/// Starts the tasks, which run until the program ends.
pub fn begin(handle: &AppHandle, app: &App) {
    let (recorder, recorded) = watch::channel(RecorderView::Idle);
    async_runtime::spawn(pass_changes(handle.clone(), app.clone(), recorder));
    async_runtime::spawn(pass_time(handle.clone(), recorded));
    async_runtime::spawn(pass_levels(handle.clone(), app.clone()));
    async_runtime::spawn(follow_settings(handle.clone(), app.settings_changes()));
}

/// Applies theme, language and shortcuts whenever they change, whether by a window or a command.
async fn follow_settings(handle: AppHandle, mut settings: watch::Receiver<Settings>) {
    let mut shown = settings.borrow_and_update().desktop.clone();
    while settings.changed().await.is_ok() {
        let now = settings.borrow_and_update().desktop.clone();
        let before = std::mem::replace(&mut shown, now.clone());
        if now == before {
            continue;
        }
        let there = handle.clone();
        let followed = handle.run_on_main_thread(move || {
            if now.theme != before.theme {
                shell::show_theme(&there, now.theme);
            }
            shell::show_language(&there, now.language);
            if let Err(keys) = shortcut::rebind(&there, &now.shortcuts) {
                tracing::warn!(keys, "a shortcut can't be had");
            }
        });
        if let Err(error) = followed {
            tracing::warn!(%error, "the settings can't be followed");
        }
    }
}

/// Notifies the windows and updates the tray after each change.
async fn pass_changes(handle: AppHandle, app: App, recorder: watch::Sender<RecorderView>) {
    let mut changes = app.changes();
    let Ok(mut snapshot) = app.snapshot().await else { return };
    let mut served = (false, false);
    loop {
        let change = *changes.borrow_and_update();
        if let Err(error) = handle.emit(CHANGED, change) {
            tracing::warn!(%error, "windows can't be told of a change");
        }
        let Ok(newer) = app.snapshot_since(snapshot.version).await else { return };
        snapshot.follow(newer);
        recorded::follow(&handle, &app, &snapshot.recorder).await;
        bar::follow(&handle, &app, &snapshot.recorder).await;
        bar::tell_hidden(&handle, &app, &snapshot.recorder).await;
        show_tray(&handle, Look::of(&snapshot, bar::is_away(&handle)));
        let serves = (records(&snapshot.recorder), keeps(&snapshot.ring));
        if serves != served {
            served = serves;
            let there = handle.clone();
            let follow = move || shortcut::follow(&there, serves.0, serves.1);
            if let Err(error) = handle.run_on_main_thread(follow) {
                tracing::warn!(%error, "shortcuts can't follow the recorder");
            }
        }
        recorder.send_if_modified(|was| {
            let is_new = *was != snapshot.recorder;
            was.clone_from(&snapshot.recorder);
            is_new
        });
        tokio::time::sleep(CHANGES_APART_MIN).await;
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Returns whether a recording is active that can be muted, paused, or given a webcam.
fn records(recorder: &RecorderView) -> bool {
    match recorder {
        RecorderView::Idle | RecorderView::Stopping { .. } => false,
        RecorderView::Counting { .. }
        | RecorderView::Starting
        | RecorderView::Recording { .. }
        | RecorderView::Paused { .. } => true,
    }
}

fn keeps(ring: &RingView) -> bool {
    matches!(ring, RingView::Keeping { .. })
}

/// Shows the length of the recording beside the tray icon.
async fn pass_time(handle: AppHandle, mut recorder: watch::Receiver<RecorderView>) {
    let mut told = None;
    loop {
        let now = recorder.borrow_and_update().clone();
        let time = now.recorded_ms(now_unix_ms()).map(tray::clock);
        if time != told {
            told.clone_from(&time);
            on_tray(&handle, move |tray, _| tray.tell_time(time.as_deref()));
        }
        let runs = matches!(now, RecorderView::Recording { .. });
        tokio::select! {
            changed = recorder.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            () = tokio::time::sleep(SECOND), if runs => {}
        }
    }
}

/// Sends sound levels to the bar while it is visible.
async fn pass_levels(handle: AppHandle, app: App) {
    let mut levels = app.levels();
    while levels.changed().await.is_ok() {
        let now = *levels.borrow_and_update();
        if handle.state::<bar::Bar>().is_shown()
            && let Err(error) = handle.emit_to(bar::LABEL, shell::LEVELS, now)
        {
            tracing::warn!(%error, "the recorder bar can't be told a level");
        }
    }
}

fn show_tray(handle: &AppHandle, look: Look) {
    on_tray(handle, move |tray, handle| tray.show(handle, look));
}

fn on_tray(
    handle: &AppHandle,
    act: impl FnOnce(&mut Tray, &AppHandle) -> tauri::Result<()> + Send + 'static,
) {
    let on_main = handle.clone();
    let told = handle.run_on_main_thread(move || {
        let Some(tray) = on_main.try_state::<Mutex<Tray>>() else { return };
        let mut tray = tray.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Err(error) = act(&mut tray, &on_main) {
            tracing::warn!(%error, "the tray can't be drawn");
        }
    });
    if let Err(error) = told {
        tracing::warn!(%error, "the tray can't be reached");
    }
}

fn now_unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or_default()
}
