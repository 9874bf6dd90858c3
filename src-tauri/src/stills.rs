//! The port by which the shell lists what is on the screen. `main` decides what is behind it.

use std::sync::Arc;

use snaplark_app::desktop::place::Rect;
use snaplark_core::still::{PixelRect, SourceList, Stills};
use tauri::{AppHandle, Manager, async_runtime};

/// The implementation of `Stills` that Tauri manages.
pub struct ScreenStills(pub Arc<dyn Stills>);

/// Returns the port.
pub fn of(handle: &AppHandle) -> Arc<dyn Stills> {
    handle.state::<ScreenStills>().0.clone()
}

/// Lists displays and windows on a blocking thread. `None` if the desktop does not tell.
pub async fn list(handle: &AppHandle) -> Option<SourceList> {
    let stills = of(handle);
    async_runtime::spawn_blocking(move || stills.list()).await.ok()?.ok()
}

/// Returns whether the desktop asks what to share, so that the shell can't.
pub fn desktop_asks(handle: &AppHandle) -> bool {
    of(handle).desktop_asks()
}

/// Returns the rectangle in the form in which windows get it.
pub fn rect_of(at: PixelRect) -> Rect {
    Rect { x: at.x, y: at.y, width: at.width, height: at.height }
}
