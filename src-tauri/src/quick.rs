//! The quick menu's window. It opens at the pointer with the focus and closes when it loses it.
//! `snaplark_app::desktop::quick_menu` decides where it is; its page determines its content and size.

use std::sync::{Mutex, PoisonError};

use snaplark_app::desktop::quick_menu::QuickMenu;
use tauri::{AppHandle, Manager, WebviewWindow, WindowEvent};

use crate::panel::{self, Card, Size};
use crate::place::{displays_from, point_of_attention};
use crate::platform;
use crate::words::{Word, word};

pub const LABEL: &str = "quick";

/// The state of the menu, and the visible parts of its page.
#[derive(Default)]
pub struct QuickWindow(Mutex<(QuickMenu, Vec<Card>)>);

impl QuickWindow {
    fn with<T>(&self, act: impl FnOnce(&mut QuickMenu, &mut Vec<Card>) -> T) -> T {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (menu, cards) = &mut *now;
        act(menu, cards)
    }
}

/// Opens the menu, or closes it if it is open. Must be called on the main thread.
pub fn toggle(handle: &AppHandle) -> tauri::Result<()> {
    let pointer = handle.cursor_position().ok().map(|at| (at.x as i32, at.y as i32));
    let is_open = handle.state::<QuickWindow>().with(|menu, _| menu.toggle(pointer));
    match (is_open, handle.get_webview_window(LABEL)) {
        (false, _) => close(handle),
        (true, Some(window)) => put(handle, &window),
        // The window is shown when its page has reported its size.
        (true, None) => create(handle),
    }
}

pub fn close(handle: &AppHandle) -> tauri::Result<()> {
    handle.state::<QuickWindow>().with(|menu, _| menu.close());
    match handle.get_webview_window(LABEL) {
        Some(window) => platform::set_visible(&window, false),
        None => Ok(()),
    }
}

/// Gives the window its page's size. Must be called on the main thread.
pub fn fit(handle: &AppHandle, size: Option<Size>, cards: Vec<Card>) -> tauri::Result<()> {
    handle.state::<QuickWindow>().with(|menu, shown| {
        menu.fit(size);
        *shown = cards;
    });
    match handle.get_webview_window(LABEL) {
        Some(window) => put(handle, &window),
        None => Ok(()),
    }
}

fn create(handle: &AppHandle) -> tauri::Result<()> {
    let window = panel::create(handle, LABEL, "quick", word(Word::QUICK_MENU), |window| window)?;
    platform::make_panel(&window, true);
    let left = handle.clone();
    window.on_window_event(move |event| {
        if let WindowEvent::Focused(false) = event
            && let Err(error) = close(&left)
        {
            tracing::warn!(%error, "the quick menu can't be closed");
        }
    });
    Ok(())
}

/// Places and shows the window, if there is something to show.
fn put(handle: &AppHandle, window: &WebviewWindow) -> tauri::Result<()> {
    let quick = handle.state::<QuickWindow>();
    let pointer = quick.with(|menu, _| menu.pointer());
    let displays = displays_from(handle, pointer.unwrap_or_else(|| point_of_attention(handle)));
    let (at, cards) = quick.with(|menu, cards| (menu.window(&displays), cards.clone()));
    let Some(at) = at else { return Ok(()) };
    match panel::show(window, at, cards)? {
        true => platform::take_focus(window),
        false => Ok(()),
    }
}
