//! The window state: library and settings reopen where the person left them, if a display is still there.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use snaplark_app::App;
use tauri::{AppHandle, Manager, PhysicalPosition, PhysicalSize, WebviewWindow, async_runtime};

use crate::pages::Page;
use crate::place::{Rect, area_of};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Left {
    /// The position includes the frame and the size does not, as window managers expect.
    at: Rect,
    maximized: bool,
}

/// The window states by label.
#[derive(Default)]
pub struct Places(Mutex<BTreeMap<String, Left>>);

impl Places {
    /// Loads the states before windows are created, since that can't wait.
    pub async fn recall(app: &App, pages: &[&Page]) -> Self {
        let mut places = BTreeMap::new();
        for page in pages {
            let kept = app.recall(&key(page.label)).await.ok().flatten();
            if let Some(left) = kept.and_then(|text| serde_json::from_str(&text).ok()) {
                places.insert(page.label.to_owned(), left);
            }
        }
        Places(Mutex::new(places))
    }

    fn get(&self, label: &str) -> Option<Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(label).copied()
    }
}

/// Restores a window that is not shown yet. It stays in the middle of the display if it has no stored state
/// or its display is gone.
pub fn put_back(window: &WebviewWindow) -> tauri::Result<()> {
    let Some(Left { at, maximized }) = window.state::<Places>().get(window.label()) else {
        return Ok(());
    };
    let areas = window.available_monitors()?.iter().map(area_of).collect::<Vec<_>>();
    if let Some(at) = on_display(at, &areas) {
        window.set_size(PhysicalSize::new(at.width, at.height))?;
        window.set_position(PhysicalPosition::new(at.x, at.y))?;
    }
    if maximized { window.maximize() } else { Ok(()) }
}

/// Stores a window's state. Must be called before the window is hidden.
pub fn remember(window: &WebviewWindow) {
    let Some(left) = note(window) else { return };
    let (app, label) = (window.state::<App>().inner().clone(), window.label().to_owned());
    async_runtime::spawn(async move { keep(&app, &label, left).await });
}

/// Stores the states of the windows that are open when the program ends.
pub async fn remember_all(handle: &AppHandle, pages: &[&Page]) {
    for page in pages {
        let Some(window) = handle.get_webview_window(page.label) else { continue };
        if let Some(left) = note(&window) {
            keep(handle.state::<App>().inner(), page.label, left).await;
        }
    }
}

async fn keep(app: &App, label: &str, left: Left) {
    // The state is plain data, so converting it to JSON never fails.
    let text = serde_json::to_string(&left).unwrap_or_default();
    if let Err(error) = app.remember(&key(label), text).await {
        tracing::warn!(%error, "a window's place can't be kept");
    }
}

fn note(window: &WebviewWindow) -> Option<Left> {
    if !window.is_visible().ok()? || window.is_minimized().ok()? {
        return None;
    }
    let places = window.state::<Places>();
    let maximized = window.is_maximized().ok()?;
    let left = match (maximized, places.get(window.label())) {
        // Keeps the size from before it was maximized, to which it will return.
        (true, Some(before)) => Left { maximized, ..before },
        _ => {
            let (corner, size) = (window.outer_position().ok()?, window.inner_size().ok()?);
            let at = Rect { x: corner.x, y: corner.y, width: size.width, height: size.height };
            Left { at, maximized }
        }
    };
    let mut kept = places.0.lock().unwrap_or_else(PoisonError::into_inner);
    kept.insert(window.label().to_owned(), left);
    Some(left)
}

/// Moves a rectangle onto the display that contains most of it. Returns `None` if none contains any of it.
fn on_display(at: Rect, areas: &[Rect]) -> Option<Rect> {
    let common = |area: &&Rect| {
        let width = (at.right().min(area.right()) - at.x.max(area.x)).max(0);
        let height = (at.bottom().min(area.bottom()) - at.y.max(area.y)).max(0);
        i64::from(width) * i64::from(height)
    };
    let area = areas.iter().max_by_key(common).filter(|area| common(area) > 0)?;
    let (width, height) = (at.width.min(area.width), at.height.min(area.height));
    Some(area.hold(Rect { width, height, ..at }))
}

fn key(label: &str) -> String {
    format!("window-{label}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn rect(x: i32, y: i32, width: u32, height: u32) -> Rect {
        Rect { x, y, width, height }
    }

    #[test]
    fn a_window_comes_back_whole_and_on_a_display() {
        let displays = [rect(0, 30, 1280, 690), rect(1280, 0, 1920, 1080)];
        for (left, back) in [
            (rect(100, 100, 800, 560), Some(rect(100, 100, 800, 560))),
            (rect(900, 100, 800, 560), Some(rect(1280, 100, 800, 560))),
            (rect(700, 500, 800, 560), Some(rect(480, 160, 800, 560))),
            (rect(1400, 10, 4000, 3000), Some(rect(1280, 0, 1920, 1080))),
            (rect(5000, 100, 800, 560), None),
        ] {
            assert_eq!(on_display(left, &displays), back, "{left:?}");
        }
    }
}
