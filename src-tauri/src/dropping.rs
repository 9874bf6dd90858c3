//! Files that are dropped on a window: videos are uploaded, pictures brought in. The system tells the window which
//! files they are: pages get no files of WebKitGTK, and never hand over a path. Pages hear of files above them by
//! Tauri's own events.

use std::path::{Path, PathBuf};

use snaplark_app::desktop::{DesktopWindow, Shell as _};
use snaplark_app::{App, Home};
use tauri::{AppHandle, DragDropEvent, Manager, WebviewWindow, WindowEvent, async_runtime};

use crate::desktop_shell::DesktopController;

/// Brings in the files that are dropped on this window.
pub fn take_drops(window: &WebviewWindow) {
    let handle = window.app_handle().clone();
    window.on_window_event(move |event| {
        if let WindowEvent::DragDrop(DragDropEvent::Drop { paths, .. }) = event {
            let (handle, paths) = (handle.clone(), paths.clone());
            async_runtime::spawn(async move { bring(&handle, paths).await });
        }
    });
}

/// Brings in files, and opens a single picture in the editor. A file that is in the library is shown there instead: it
/// may have been dragged out of a window of ours and come back.
async fn bring(handle: &AppHandle, paths: Vec<PathBuf>) {
    let app = handle.state::<App>();
    let controller = handle.state::<DesktopController>();
    let shell = controller.shell();
    let known = match app.snapshot().await {
        Ok(snapshot) => snapshot.recordings,
        Err(error) => return shell.warn(error),
    };
    let mut brought = Vec::new();
    for path in paths.into_iter().filter(|path| !is_in_home(path)) {
        let same =
            known.iter().find(|it| it.file.as_deref().is_some_and(|file| path == Path::new(file)));
        if let Some(id) = same.and_then(|same| same.id.parse().ok()) {
            if let Err(error) = shell.open_window(DesktopWindow::LibraryAt(id)).await {
                tracing::warn!(%error, "the library can't be shown");
            }
            continue;
        }
        match app.imports().bring(path).await {
            Ok(item) => brought.push(item),
            Err(error) => shell.warn(error),
        }
    }
    if let [(only, true)] = brought[..]
        && let Err(error) = shell.open_editor(only).await
    {
        tracing::warn!(%error, "a dropped picture can't be opened");
    }
}

/// Returns whether a file is in the program's own folder: it was dragged out of a window and is in the library already.
fn is_in_home(path: &Path) -> bool {
    Home::from_env().is_ok_and(|home| path.starts_with(&home.root))
}
