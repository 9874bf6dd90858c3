//! The commands of the windows around a recording: the bar, the quick menu and the chooser.

use snaplark_app::desktop::chooser::{Choice, ChosenSource};
use snaplark_app::{AfterScreenshot, ErrorCode, Microphone};
use snaplark_command_macro::command;
use tauri::{AppHandle, State, WebviewWindow};

use super::{Answer, CommandError};
use crate::chooser::{self, ChooserView};
use crate::desktop_shell::DesktopController;
use crate::panel::{Card, Size};
use crate::quick;
use crate::{bar, meter};

/// Starts sending the level of this microphone to the calling window.
#[command]
pub async fn hear_microphone(window: WebviewWindow, microphone: Microphone) {
    meter::listen(&window, &microphone);
}

#[command]
pub fn fit_bar(handle: AppHandle, size: Option<Size>, cards: Vec<Card>) -> Answer {
    bar::fit(&handle, size, cards).map_err(no_window)
}

#[command]
pub fn drag_bar(handle: AppHandle) -> Answer {
    bar::drag(&handle).map_err(no_window)
}

#[command]
pub fn fit_quick(handle: AppHandle, size: Option<Size>, cards: Vec<Card>) -> Answer {
    quick::fit(&handle, size, cards).map_err(no_window)
}

#[command]
pub fn close_quick(handle: AppHandle) -> Answer {
    quick::close(&handle).map_err(no_window)
}

/// Returns what the calling window should show, or `None` if there is nothing to choose any more.
#[command]
pub fn chooser(handle: AppHandle, window: WebviewWindow) -> Option<ChooserView> {
    chooser::view(&handle, &window)
}

#[command]
pub fn show_chooser(handle: AppHandle, window: WebviewWindow) -> Answer {
    chooser::show(&handle, &window).map_err(no_window)
}

/// Is called when the calling window has drawn what it shows. What the person will need next is prepared now.
#[command]
pub async fn chooser_shown(desktop: State<'_, DesktopController>) -> Answer {
    Ok(desktop.chooser_shown().await?)
}

#[command]
pub async fn close_chooser(desktop: State<'_, DesktopController>) -> Answer {
    desktop.close_chooser().await;
    Ok(())
}

/// Moves the person's choice to another display's window.
#[command]
pub fn pass_chooser(handle: AppHandle, window: WebviewWindow, steps: i32) -> Answer {
    chooser::pass(&handle, &window, steps).map_err(no_window)
}

/// Records what the person chose in the calling window.
#[command]
pub async fn choose(
    handle: AppHandle,
    desktop: State<'_, DesktopController>,
    window: WebviewWindow,
    choice: Choice,
) -> Answer {
    match chooser::display_of(&handle, &window) {
        Some(display) => Ok(desktop.choose(choice, display).await?),
        None => Ok(()),
    }
}

/// Keeps the part of the frozen screen that the person chose in the calling window. Without `after`, the
/// settings say what happens to it.
#[command]
pub async fn take_screenshot(
    handle: AppHandle,
    desktop: State<'_, DesktopController>,
    window: WebviewWindow,
    source: ChosenSource,
    after: Option<AfterScreenshot>,
) -> Answer {
    match chooser::display_of(&handle, &window) {
        Some(display) => Ok(desktop.keep_chosen(source, display, after).await?),
        None => Ok(()),
    }
}

/// Returns when the countdown to a screenshot ends; `None` if there is none.
#[command]
pub fn countdown(handle: AppHandle) -> Option<f64> {
    // JavaScript's numbers hold milliseconds since 1970 exactly.
    bar::countdown(&handle).map(|ms| ms as f64)
}

#[command]
pub async fn meter_microphone(handle: AppHandle, microphone: Microphone) {
    chooser::listen(&handle, &microphone);
}

fn no_window(error: tauri::Error) -> CommandError {
    CommandError::new(ErrorCode::NoWindow, error)
}
