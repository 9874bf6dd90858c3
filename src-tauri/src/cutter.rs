//! The windows of the recording editor, one for each recording.

use std::fmt::Display;

use snaplark_command_macro::command;
use tauri::{AppHandle, WebviewWindow};

use crate::commands::{Answer, on_main};
use crate::edit_window::{self, EditWindow};
use crate::words::Word;

/// The usual size shows the video, the timeline and the lists beside it; the smallest fits the timeline below a video of
/// some use.
pub const WINDOW: EditWindow = EditWindow {
    labels: "cutter-",
    page: "windows/cutter/index.html",
    title: Word::CUTTER,
    size: (1180.0, 780.0),
    size_min: (480.0, 420.0),
};

/// Shows the editor of a recording in front and focused. Must be called on the main thread.
pub fn open(app: &AppHandle, recording: impl Display) -> tauri::Result<()> {
    WINDOW.open(app, recording).map(drop)
}

/// Closes the calling editor.
#[command]
pub async fn close_cutter(handle: AppHandle, window: WebviewWindow) -> Answer {
    on_main(&handle, move |_| edit_window::close(&window)).await
}
