//! The commands of the windows around a recording: the bar, the quick menu and the chooser.

use serde_json::json;
use snaplark_app::control::{self, Order};
use snaplark_app::{App, Microphone, SettingsChange};
use tauri::{AppHandle, State, WebviewWindow};

use super::{Answer, CommandError};
use crate::chooser::{self, Choice, ChooserView, Kind};
use crate::panel::{Card, Size};
use crate::quick;
use crate::{bar, meter};

#[tauri::command]
pub async fn pause_recording(app: State<'_, App>) -> Answer {
    obey(&app, Order::Pause).await
}

#[tauri::command]
pub async fn mute_microphone(app: State<'_, App>) -> Answer {
    obey(&app, Order::Mute).await
}

#[tauri::command]
pub async fn switch_webcam(app: State<'_, App>) -> Answer {
    obey(&app, Order::Webcam).await
}

/// Switches the microphone off or on, in the current recording or else in the next one.
#[tauri::command]
pub async fn switch_microphone(app: State<'_, App>) -> Answer {
    if app.recorded().await?.is_some() {
        return obey(&app, Order::Mute).await;
    }
    let kind = match app.settings().await?.recording.microphone {
        Microphone::Off => "default",
        Microphone::Default | Microphone::Named(_) => "off",
    };
    let change = SettingsChange::of(&["recording", "microphone"], json!({ "kind": kind }));
    app.change_settings(change).await?;
    Ok(())
}

/// Starts sending the level of this microphone to the calling window.
#[tauri::command]
pub async fn hear_microphone(window: WebviewWindow, microphone: Microphone) {
    meter::listen(&window, &microphone);
}

/// Cancels the recording. The window has asked the person; the same applies to `restart_recording`.
#[tauri::command]
pub async fn cancel_recording(app: State<'_, App>) -> Answer {
    obey(&app, Order::Cancel).await
}

#[tauri::command]
pub async fn restart_recording(app: State<'_, App>) -> Answer {
    obey(&app, Order::Restart).await
}

#[tauri::command]
pub async fn record_here(handle: AppHandle) -> Answer {
    Ok(chooser::record_here(&handle).await?)
}

#[tauri::command]
pub fn fit_bar(handle: AppHandle, size: Option<Size>, cards: Vec<Card>) -> Answer {
    bar::fit(&handle, size, cards).map_err(no_window)
}

#[tauri::command]
pub fn drag_bar(handle: AppHandle) -> Answer {
    bar::drag(&handle).map_err(no_window)
}

#[tauri::command]
pub fn hide_bar(handle: AppHandle) -> Answer {
    bar::hide(&handle).map_err(no_window)
}

#[tauri::command]
pub fn show_bar(handle: AppHandle) -> Answer {
    bar::show(&handle).map_err(no_window)
}

#[tauri::command]
pub fn fit_quick(handle: AppHandle, size: Option<Size>, cards: Vec<Card>) -> Answer {
    quick::fit(&handle, size, cards).map_err(no_window)
}

#[tauri::command]
pub fn close_quick(handle: AppHandle) -> Answer {
    quick::close(&handle).map_err(no_window)
}

/// Opens the chooser from one of our windows, which is hidden first.
#[tauri::command]
pub fn open_chooser(handle: AppHandle, kind: Kind) {
    chooser::open(&handle, kind, true);
}

/// Returns what the calling window should show, or `None` if there is nothing to choose any more.
#[tauri::command]
pub fn chooser(handle: AppHandle, window: WebviewWindow) -> Option<ChooserView> {
    chooser::view(&handle, &window)
}

#[tauri::command]
pub fn show_chooser(handle: AppHandle, window: WebviewWindow) -> Answer {
    chooser::show(&handle, &window).map_err(no_window)
}

#[tauri::command]
pub fn close_chooser(handle: AppHandle) -> Answer {
    chooser::close(&handle).map_err(no_window)
}

/// Moves the person's choice to another display's window.
#[tauri::command]
pub fn pass_chooser(handle: AppHandle, window: WebviewWindow, steps: i32) -> Answer {
    chooser::pass(&handle, &window, steps).map_err(no_window)
}

#[tauri::command]
pub async fn choose(handle: AppHandle, window: WebviewWindow, choice: Choice) -> Answer {
    Ok(chooser::choose(&handle, &window, choice).await?)
}

#[tauri::command]
pub async fn meter_microphone(handle: AppHandle, microphone: Microphone) {
    chooser::listen(&handle, &microphone);
}

async fn obey(app: &App, order: Order) -> Answer {
    control::obey(app, order).await?;
    Ok(())
}

fn no_window(error: tauri::Error) -> CommandError {
    CommandError::new("no-window", error)
}
