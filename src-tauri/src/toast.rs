//! The window of the toasts: bottom right, as high as they are, never focused, gone when there are
//! none. What is in it, and how high that is, its page says.

use std::sync::Mutex;

use serde::Deserialize;
use tauri::{AppHandle, Manager, WebviewUrl, WebviewWindow, WebviewWindowBuilder};

use crate::platform;
use crate::words::word;

pub const LABEL: &str = "toast";

/// 420 px of toast, and 16 px on each side in which its shadow falls: the window touches the work
/// area's corner, the toast stays 16 px away from it.
const WIDTH: f64 = 452.0;

/// A toast in its window, in CSS pixels.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Card {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    pub radius: f64,
}

/// Made at the start and hidden: a toast has to be there at once.
pub fn create(app: &AppHandle) -> tauri::Result<()> {
    let window =
        WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App("windows/toast/index.html".into()))
            .title(word("app_name"))
            .inner_size(WIDTH, 1.0)
            .visible(false)
            .focused(false)
            .focusable(false)
            .always_on_top(true)
            .visible_on_all_workspaces(true)
            .skip_taskbar(true)
            .decorations(false)
            .shadow(false)
            .transparent(true)
            .maximizable(false)
            .minimizable(false)
            // GTK makes windows that can't be resized 200 px high at least.
            .resizable(true)
            .build()?;
    platform::make_notice(&window);
    Ok(())
}

/// On the main thread: gives the window its page's height, at the corner of the display on which
/// the pointer is when the first toast comes. No height hides it.
pub fn fit(app: &AppHandle, height: f64, cards: Vec<Card>) -> tauri::Result<()> {
    let Some(window) = app.get_webview_window(LABEL) else { return Ok(()) };
    if height <= 0.0 {
        return platform::set_visible(&window, false);
    }
    let appears = !window.is_visible()?;
    let Some(corner) = corner(app, &window, appears)? else { return Ok(()) };
    let width = (WIDTH * corner.scale).round() as u32;
    let height = ((height * corner.scale).ceil() as u32).min(corner.room);
    let (x, y) = (corner.x - width as i32, corner.y - height as i32);
    platform::place(&window, x, y, width, height)?;
    if appears {
        platform::set_visible(&window, true)?;
        // Window managers place a window when they first see it.
        platform::place(&window, x, y, width, height)?;
    }
    platform::cut_to(&window, cards);
    Ok(())
}

/// The bottom right corner of a work area, in physical pixels.
#[derive(Clone, Copy)]
pub struct Corner {
    x: i32,
    y: i32,
    /// How high a window may be there.
    room: u32,
    scale: f64,
}

/// Toasts stay on the display where the first of them came.
#[derive(Default)]
pub struct ToastPlace(Mutex<Option<Corner>>);

fn corner(app: &AppHandle, window: &WebviewWindow, chooses: bool) -> tauri::Result<Option<Corner>> {
    let place = app.state::<ToastPlace>();
    let mut kept = place.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if chooses || kept.is_none() {
        let pointer = app.cursor_position().ok();
        let under = pointer.and_then(|at| app.monitor_from_point(at.x, at.y).ok().flatten());
        let monitor = match under {
            Some(monitor) => Some(monitor),
            None => match window.primary_monitor()? {
                Some(monitor) => Some(monitor),
                None => window.available_monitors()?.into_iter().next(),
            },
        };
        *kept = monitor.map(|monitor| {
            let area = monitor.work_area();
            Corner {
                x: area.position.x + area.size.width as i32,
                y: area.position.y + area.size.height as i32,
                room: area.size.height,
                scale: monitor.scale_factor(),
            }
        });
    }
    Ok(*kept)
}
