//! The quick menu's window. It opens at the pointer with the focus and closes when it loses it. Its page
//! determines its content and size.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tauri::{AppHandle, Manager, WebviewWindow, WindowEvent};

use crate::panel::{self, Card, Size};
use crate::place::{Rect, area_of, monitor_at};
use crate::platform;
use crate::words::word;

pub const LABEL: &str = "quick";

#[derive(Default)]
pub struct Quick(Mutex<Now>);

#[derive(Default)]
struct Now {
    wanted: bool,
    fit: Option<(Size, Vec<Card>)>,
    /// The pointer's position when the menu was requested, in physical pixels.
    at: Option<(i32, i32)>,
}

impl Quick {
    fn lock(&self) -> MutexGuard<'_, Now> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the menu, or closes it if it is open. Must be called on the main thread.
pub fn toggle(handle: &AppHandle) -> tauri::Result<()> {
    let quick = handle.state::<Quick>();
    if quick.lock().wanted {
        return close(handle);
    }
    let at = handle.cursor_position().ok().map(|at| (at.x as i32, at.y as i32));
    {
        let mut now = quick.lock();
        (now.wanted, now.at) = (true, at);
    }
    match handle.get_webview_window(LABEL) {
        Some(window) => put(handle, &window),
        // The window is shown when its page has reported its size.
        None => create(handle),
    }
}

pub fn close(handle: &AppHandle) -> tauri::Result<()> {
    handle.state::<Quick>().lock().wanted = false;
    match handle.get_webview_window(LABEL) {
        Some(window) => platform::set_visible(&window, false),
        None => Ok(()),
    }
}

/// Gives the window its page's size. Must be called on the main thread.
pub fn fit(handle: &AppHandle, size: Option<Size>, cards: Vec<Card>) -> tauri::Result<()> {
    handle.state::<Quick>().lock().fit = size.map(|size| (size, cards));
    match handle.get_webview_window(LABEL) {
        Some(window) => put(handle, &window),
        None => Ok(()),
    }
}

fn create(handle: &AppHandle) -> tauri::Result<()> {
    let window = panel::create(handle, LABEL, "quick", word("quick_menu"), |window| window)?;
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

fn put(handle: &AppHandle, window: &WebviewWindow) -> tauri::Result<()> {
    let (at, size, cards) = {
        let quick = handle.state::<Quick>();
        let now = quick.lock();
        let (true, Some((size, cards))) = (now.wanted, now.fit.clone()) else { return Ok(()) };
        (now.at, size, cards)
    };
    let under = at.and_then(|(x, y)| monitor_at(handle, x, y));
    let Some(monitor) = under.map_or_else(|| handle.primary_monitor(), |it| Ok(Some(it)))? else {
        return Ok(());
    };
    let px = |length: f64| (length * monitor.scale_factor()).round() as u32;
    let area = area_of(&monitor);
    let place = spot(area, at, (px(size.width), px(size.height)));
    match panel::show(window, place, cards)? {
        true => platform::take_focus(window),
        false => Ok(()),
    }
}

/// Places the menu with its first line at the pointer, or in the middle of the display if there is no
/// pointer.
fn spot(area: Rect, at: Option<(i32, i32)>, (width, height): (u32, u32)) -> Rect {
    let (w, h) = (width.cast_signed(), height.cast_signed());
    let middle = (area.x + area.width.cast_signed() / 2, area.y + area.height.cast_signed() / 2);
    let (x, y) = at.map_or((middle.0 - w / 2, middle.1 - h / 2), |(x, y)| (x - w / 2, y - h / 8));
    area.hold(Rect { x, y, width, height })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_at_the_pointer_and_on_the_display() {
        let area = Rect { x: 1280, y: 30, width: 1280, height: 690 };
        let size = (300, 400);
        let at = |pointer| {
            let place = spot(area, pointer, size);
            (place.x, place.y)
        };
        assert_eq!(at(Some((1900, 200))), (1750, 150));
        assert_eq!(at(Some((2559, 719))), (2260, 320));
        assert_eq!(at(Some((1280, 0))), (1280, 30));
        assert_eq!(at(None), (1770, 175));
    }
}
