//! The small frameless windows: toasts, recorder bar, quick menu and chooser. They are always on top,
//! appear in no window list, and stay hidden until their page knows what it shows and how large it is.
//!
//! They are created ahead of time, since a page takes time to load. On Linux they all share the toasts' web
//! process: a process of its own would cost each more than all that it shows.

use serde::Deserialize;
pub use snaplark_app::desktop::place::Size;
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager, WebviewUrl, WebviewWindow, WebviewWindowBuilder, Wry};
use ts_rs::TS;

use crate::place::Rect;
use crate::{platform, toast, web_process};

/// The visible part of a window, in its CSS pixels.
#[derive(Clone, Debug, PartialEq, Deserialize, TS)]
#[ts(export)]
pub struct Card {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    pub radius: f64,
}

pub type Builder<'a> = WebviewWindowBuilder<'a, Wry, AppHandle>;

/// Creates a panel window. `page` is the folder of its page; `own` sets its own properties. Must be called
/// on the main thread.
pub fn create(
    handle: &AppHandle,
    label: &str,
    page: &str,
    title: &str,
    own: for<'a> fn(Builder<'a>) -> Builder<'a>,
) -> tauri::Result<WebviewWindow> {
    let (label, title) = (label.to_owned(), title.to_owned());
    let page = WebviewUrl::App(format!("windows/{page}/index.html").into());
    let first = handle.get_webview_window(toast::LABEL);
    let window = platform::build(handle, first, move |handle| {
        own(WebviewWindowBuilder::new(handle, label, page)
            .title(title)
            .on_new_window(|_, _| NewWindowResponse::Deny)
            .inner_size(1.0, 1.0)
            .visible(false)
            .always_on_top(true)
            .visible_on_all_workspaces(true)
            .skip_taskbar(true)
            .decorations(false)
            .shadow(false)
            .transparent(true)
            .maximizable(false)
            .minimizable(false)
            // GTK makes windows that can't be resized at least 200 px high.
            .resizable(true))
    })?;
    web_process::watch(&window);
    Ok(window)
}

/// Places and shows the window; only its cards receive the pointer. Returns whether it has just appeared.
/// Must be called on the main thread.
pub fn show(window: &WebviewWindow, at: Rect, cards: Vec<Card>) -> tauri::Result<bool> {
    let appears = !window.is_visible()?;
    platform::place(window, at)?;
    if appears {
        platform::set_visible(window, true)?;
        // Placed again, since window managers place a window when they first see it.
        platform::place(window, at)?;
    }
    platform::cut_to(window, cards);
    Ok(appears)
}
