//! The small windows without a frame: toasts, recorder bar, quick menu, chooser. They lie above all
//! others, are in no list of windows, and stay hidden until their page knows what it shows and how
//! large that is.
//!
//! They are made before they are wanted, as a page takes its time to load. On Linux the toasts' web
//! process is that of all of them: its own would cost each of them more than all that it shows.

use serde::Deserialize;
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager, WebviewUrl, WebviewWindow, WebviewWindowBuilder, Wry};

use crate::place::Rect;
use crate::{platform, toast, web_process};

/// In CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Size {
    pub width: f64,
    pub height: f64,
}

/// What is seen of a window, in CSS pixels of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Card {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    pub radius: f64,
}

pub type Builder<'a> = WebviewWindowBuilder<'a, Wry, AppHandle>;

/// On the main thread. `page`: its folder among the windows'. `own`: what it has of its own.
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
            // GTK makes windows that can't be resized 200 px high at least.
            .resizable(true))
    })?;
    web_process::watch(&window);
    Ok(window)
}

/// On the main thread: there, and seen. Only its cards take the pointer. Whether it has just appeared.
pub fn show(window: &WebviewWindow, at: Rect, cards: Vec<Card>) -> tauri::Result<bool> {
    let appears = !window.is_visible()?;
    platform::place(window, at)?;
    if appears {
        platform::set_visible(window, true)?;
        // Window managers place a window when they first see it.
        platform::place(window, at)?;
    }
    platform::cut_to(window, cards);
    Ok(appears)
}
