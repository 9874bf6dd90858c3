//! Pictures that are dropped on a window. The system tells the window which files they are: pages get no files of
//! WebKitGTK, and never hand over a path. Pages hear of files above them by Tauri's own events.

use std::path::{Path, PathBuf};

use snaplark_app::desktop::Shell as _;
use snaplark_app::{App, Home};
use tauri::{AppHandle, DragDropEvent, Manager, WebviewWindow, WindowEvent, async_runtime};

use crate::desktop_shell::DesktopController;

/// Brings in the pictures that are dropped on this window.
pub fn take_drops(window: &WebviewWindow) {
    let handle = window.app_handle().clone();
    window.on_window_event(move |event| {
        if let WindowEvent::DragDrop(DragDropEvent::Drop { paths, .. }) = event {
            let (handle, paths) = (handle.clone(), paths.clone());
            async_runtime::spawn(async move { bring(&handle, paths).await });
        }
    });
}

/// Brings in files, and opens a single one in the editor.
async fn bring(handle: &AppHandle, paths: Vec<PathBuf>) {
    let pictures = handle.state::<App>().pictures();
    let controller = handle.state::<DesktopController>();
    let shell = controller.shell();
    let mut brought = Vec::new();
    for path in paths.into_iter().filter(|path| !is_ours(path)) {
        match pictures.import_file(path).await {
            Ok(item) => brought.push(item),
            Err(error) => shell.warn(error),
        }
    }
    if let [only] = brought[..]
        && let Err(error) = shell.open_editor(only).await
    {
        tracing::warn!(%error, "a dropped picture can't be opened");
    }
}

/// Returns whether a file was dragged out of a window of ours and came back: it is in the library already.
fn is_ours(path: &Path) -> bool {
    let is_recording = path.extension().is_some_and(|ending| ending == "webm");
    is_recording || Home::from_env().is_ok_and(|home| path.starts_with(&home.root))
}
