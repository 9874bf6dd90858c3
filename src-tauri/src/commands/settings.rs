//! The commands of the settings, and what the windows need to know about the desktop.

use std::path::PathBuf;

use serde::Serialize;
use snaplark_app::{
    App, ErrorCode, Listening, Settings, SettingsChange, Shortcut, WebhookView, private_folder,
};
use snaplark_command_macro::command;
use tauri::{AppHandle, State, WebviewWindow, async_runtime};
use tauri_plugin_autostart::ManagerExt as _;
use tauri_plugin_clipboard_manager::ClipboardExt as _;
use tauri_plugin_dialog::DialogExt as _;
use tokio::sync::oneshot;
use ts_rs::TS;

use super::{Answer, CommandError, on_main};
use crate::program::DesktopProgram;
use crate::shortcut::{Bound, Shortcuts};
use crate::words::{Word, word};
use crate::{devices, platform, shortcut, stills, words};

/// Properties of the desktop that the windows need.
#[derive(Clone, Debug, Serialize, TS)]
#[ts(export)]
pub struct Desktop {
    /// The shortcut that starts and stops a recording.
    pub shortcut: Bound,
    pub shortcuts: Vec<Bound>,
    pub composited: bool,
    /// Only the desktop can ask what to share, so the chooser is not used.
    pub asks: bool,
    /// The language of all windows, as a tag.
    pub language: &'static str,
}

#[command]
pub fn desktop(handle: AppHandle, shortcuts: State<'_, Shortcuts>) -> Desktop {
    // Runs on the main thread, as all commands that are not async do, because it asks GTK.
    Desktop {
        shortcut: shortcuts.of(Shortcut::Record),
        shortcuts: shortcuts.all(),
        composited: platform::is_composited(),
        asks: stills::desktop_asks(&handle),
        language: words::tag(),
    }
}

#[command]
pub async fn settings(app: State<'_, App>) -> Answer<Settings> {
    Ok(app.settings().await?)
}

/// Applies all changes or none: if a shortcut can't be registered, nothing is changed. `following` applies
/// their effects, whoever made the change.
#[command]
pub async fn change_settings(
    app: State<'_, App>,
    handle: AppHandle,
    change: SettingsChange,
) -> Answer<Settings> {
    let before = app.settings().await?;
    let keys = change.apply(&before)?.desktop.shortcuts;
    if keys != before.desktop.shortcuts {
        let rebound = on_main(&handle, move |handle| shortcut::rebind(handle, &keys)).await?;
        rebound.map_err(|keys| CommandError::new(ErrorCode::ShortcutTaken, keys))?;
    }
    Ok(app.change_settings(change).await?)
}

/// Suspends the shortcuts while a window listens for keys to assign.
#[command]
pub fn hold_shortcuts(handle: AppHandle, held: bool) {
    shortcut::hold(&handle, held);
}

/// Lets the desktop ask the person again who declined the shortcuts before.
#[command]
pub fn ask_for_shortcuts(shortcuts: State<'_, Shortcuts>) {
    shortcuts.ask_again();
}

/// A device that the system offers for a setting.
#[derive(Clone, Debug, Serialize, TS)]
#[ts(export)]
pub struct DeviceView {
    name: String,
    /// The name that a person sees.
    words: String,
}

/// Returns the microphones that are connected now.
#[command]
pub async fn microphones(handle: AppHandle) -> Answer<Vec<DeviceView>> {
    let devices = devices::of(&handle);
    let listed = async_runtime::spawn_blocking(move || devices.probe().sound);
    let devices = listed.await.map_err(|error| CommandError::new(ErrorCode::NoSound, error))?;
    let devices = devices.map_err(|error| CommandError::new(ErrorCode::NoSound, error))?;
    let microphones =
        devices.into_iter().filter(|device| device.listening == Listening::Microphone);
    Ok(microphones
        .map(|device| DeviceView { name: device.name, words: device.description })
        .collect())
}

/// Returns the cameras that are connected now.
#[command]
pub async fn cameras(handle: AppHandle) -> Answer<Vec<DeviceView>> {
    let devices = devices::of(&handle);
    let listed = async_runtime::spawn_blocking(move || devices.cameras());
    let cameras = listed.await.map_err(|error| CommandError::new(ErrorCode::NoCameras, error))?;
    let cameras = cameras.map_err(|error| CommandError::new(ErrorCode::NoCameras, error))?;
    Ok(cameras.into_iter().map(|c| DeviceView { name: c.name, words: c.description }).collect())
}

/// Asks for a folder with the system's dialog, which starts at the current one. Returns `None` if the
/// person cancelled.
#[command]
pub async fn choose_save_folder(
    program: State<'_, DesktopProgram>,
    window: WebviewWindow,
) -> Answer<Option<PathBuf>> {
    let now = program.app.settings().await?.recording.save_folder;
    let now = now.unwrap_or_else(|| program.home.save_folder.clone());
    // For a folder that doesn't exist, the dialog would show and read the folders around it. It would do so
    // in this process, and if the list of recordings lay there, the process would lose its own file locks
    // on it.
    let is_there = private_folder(&now).is_ok();
    let dialog = window.dialog().file().set_parent(&window).set_title(word(Word::SAVE_FOLDER));
    let dialog = if is_there { dialog.set_directory(now) } else { dialog };
    let (chosen, answer) = oneshot::channel();
    dialog.pick_folder(move |folder| drop(chosen.send(folder)));
    let folder = answer.await.ok().flatten();
    let path = folder.map(|folder| folder.into_path()).transpose();
    path.map_err(|error| CommandError::new(ErrorCode::NoFolder, error))
}

#[command]
pub fn starts_at_login(handle: AppHandle) -> Answer<bool> {
    handle
        .autolaunch()
        .is_enabled()
        .map_err(|error| CommandError::new(ErrorCode::NoAutostart, error))
}

#[command]
pub fn set_starts_at_login(handle: AppHandle, starts: bool) -> Answer {
    let autolaunch = handle.autolaunch();
    let done = if starts { autolaunch.enable() } else { autolaunch.disable() };
    done.map_err(|error| CommandError::new(ErrorCode::NoAutostart, error))
}

/// Returns how the webhook is getting on.
#[command]
pub async fn webhook_view(program: State<'_, DesktopProgram>) -> Answer<WebhookView> {
    let home = program.home.clone();
    let read = async_runtime::spawn_blocking(move || snaplark_app::webhook_view(&home)).await;
    Ok(read.map_err(|error| CommandError::new(ErrorCode::Store, error))??)
}

/// Sends the webhook a test event. Returns when its server has taken it.
#[command]
pub async fn test_webhook(app: State<'_, App>) -> Answer {
    Ok(snaplark_app::test_webhook(&app.settings().await?).await?)
}

/// Puts the webhook's secret on the clipboard. The window never has it.
#[command]
pub async fn copy_webhook_secret(handle: AppHandle) -> Answer {
    let secret = snaplark_app::webhook_secret(false).await?;
    let copied = handle.clipboard().write_text(secret);
    copied.map_err(|error| CommandError::new(ErrorCode::NoClipboard, error))
}
