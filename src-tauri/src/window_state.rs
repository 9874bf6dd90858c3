//! Stores the window state and restores it: library and settings reopen where the person left them, if a display is still
//! there.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use snaplark_app::App;
use snaplark_app::desktop::window_state::WindowState;
use tauri::{AppHandle, Manager, PhysicalPosition, PhysicalSize, WebviewWindow, async_runtime};

use crate::pages::Page;
use crate::place::{Rect, area_of};

/// The window states by label.
#[derive(Default)]
pub struct WindowStates(Mutex<BTreeMap<String, WindowState>>);

impl WindowStates {
    /// Loads the states before windows are created, since that can't wait.
    pub async fn load(app: &App, pages: &[&Page]) -> Self {
        let mut states = BTreeMap::new();
        for page in pages {
            let kept = app.recall(&key(page.label)).await.ok().flatten();
            if let Some(state) = kept.and_then(|text| serde_json::from_str(&text).ok()) {
                states.insert(page.label.to_owned(), state);
            }
        }
        WindowStates(Mutex::new(states))
    }

    fn get(&self, label: &str) -> Option<WindowState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(label).copied()
    }
}

/// Restores a window that is not shown yet. It stays in the middle of the display if it has no stored state
/// or its display is gone.
pub fn restore(window: &WebviewWindow) -> tauri::Result<()> {
    let Some(state) = window.state::<WindowStates>().get(window.label()) else { return Ok(()) };
    let areas = window.available_monitors()?.iter().map(area_of).collect::<Vec<_>>();
    if let Some(at) = state.reopened(&areas) {
        window.set_size(PhysicalSize::new(at.width, at.height))?;
        window.set_position(PhysicalPosition::new(at.x, at.y))?;
    }
    if state.maximized { window.maximize() } else { Ok(()) }
}

/// Stores a window's state. Must be called before the window is hidden.
pub fn store(window: &WebviewWindow) {
    let Some(state) = current(window) else { return };
    let (app, label) = (window.state::<App>().inner().clone(), window.label().to_owned());
    async_runtime::spawn(async move { save(&app, &label, state).await });
}

/// Stores the states of the windows that are open when the program ends.
pub async fn store_all(handle: &AppHandle, pages: &[&Page]) {
    for page in pages {
        let Some(window) = handle.get_webview_window(page.label) else { continue };
        if let Some(state) = current(&window) {
            save(handle.state::<App>().inner(), page.label, state).await;
        }
    }
}

async fn save(app: &App, label: &str, state: WindowState) {
    // The state is plain data, so converting it to JSON never fails.
    let text = serde_json::to_string(&state).unwrap_or_default();
    if let Err(error) = app.remember(&key(label), text).await {
        tracing::warn!(%error, "a window's place can't be kept");
    }
}

fn current(window: &WebviewWindow) -> Option<WindowState> {
    if !window.is_visible().ok()? || window.is_minimized().ok()? {
        return None;
    }
    let states = window.state::<WindowStates>();
    let (corner, size) = (window.outer_position().ok()?, window.inner_size().ok()?);
    let at = Rect { x: corner.x, y: corner.y, width: size.width, height: size.height };
    let seen = WindowState { at, maximized: window.is_maximized().ok()? };
    let state = WindowState::stored(seen, states.get(window.label()));
    let mut kept = states.0.lock().unwrap_or_else(PoisonError::into_inner);
    kept.insert(window.label().to_owned(), state);
    Some(state)
}

fn key(label: &str) -> String {
    format!("window-{label}")
}
