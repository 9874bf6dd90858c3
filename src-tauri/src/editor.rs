//! The picture editor's windows, one for each picture.

use std::fmt::Display;

use snaplark_app::ErrorCode;
use snaplark_command_macro::command;
use tauri::{AppHandle, Manager as _, WebviewWindow};
use tauri_plugin_clipboard_manager::ClipboardExt as _;

use crate::commands::{Answer, CommandError, on_main};
use crate::dropping;
use crate::edit_window::{self, EditWindow};
use crate::events::UiEvent;
use crate::words::Word;

/// The usual size shows all tools and their settings, the smallest a picture of some use beside them.
pub const WINDOW: EditWindow = EditWindow {
    labels: "editor-",
    page: "windows/editor/index.html",
    title: Word::EDITOR,
    size: (1180.0, 760.0),
    size_min: (480.0, 400.0),
};

/// Shows the editor of a picture in front and focused. Must be called on the main thread.
pub fn open(app: &AppHandle, picture: impl Display) -> tauri::Result<()> {
    let label = WINDOW.label(&picture);
    match WINDOW.open(app, picture)? {
        Some(window) => {
            dropping::take_drops(&window);
            Ok(())
        }
        // It may have been prepared, and wait for its picture.
        None => UiEvent::PictureAdded.send_to(app, label.as_str()),
    }
}

/// Creates the editor of a picture that is not there yet. It stays hidden until it is opened. Must be called on the main
/// thread.
pub fn prepare(app: &AppHandle, picture: impl Display) -> tauri::Result<()> {
    dropping::take_drops(&WINDOW.prepare(app, picture)?);
    Ok(())
}

/// Destroys an editor that was prepared. Must be called on the main thread.
pub fn discard(app: &AppHandle, picture: impl Display) -> tauri::Result<()> {
    let window = app.get_webview_window(&WINDOW.label(picture));
    window.map_or(Ok(()), |window| window.destroy())
}

/// Closes the calling editor.
#[command]
pub async fn close_editor(handle: AppHandle, window: WebviewWindow) -> Answer {
    on_main(&handle, move |_| edit_window::close(&window)).await
}

/// Puts a text that the person asked for onto the clipboard: recognized words.
#[command]
pub async fn copy_text(handle: AppHandle, text: String) -> Answer {
    handle
        .clipboard()
        .write_text(text)
        .map_err(|error| CommandError::new(ErrorCode::NoClipboard, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editor_is_of_its_own_picture_alone_and_no_other_window_is() {
        assert!(WINDOW.is_of("editor-1", "1"));
        for (label, picture) in [
            ("editor-1", "2"),
            ("editor-1", "editor-1"),
            ("editor-", "1"),
            ("editor-", ""),
            ("library", "1"),
            ("cutter-1", "1"),
            ("pin-1", "1"),
        ] {
            assert!(!WINDOW.is_of(label, picture), "{label} {picture}");
        }
    }
}
