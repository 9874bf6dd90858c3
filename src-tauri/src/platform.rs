//! Functions that only Linux needs: a display check before GTK is initialized, a workaround for black
//! WebKitGTK windows, and toasts clipped to their cards. On other systems most of it does nothing.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

use std::path::PathBuf;

#[cfg(target_os = "linux")]
use linux as imp;
#[cfg(not(target_os = "linux"))]
use other as imp;
use tauri::{AppHandle, Theme, WebviewWindow};

use crate::panel::{Builder, Card};
use crate::place::Rect;

/// Prepares the platform before the first window. The error says in a sentence why there can be no window.
pub fn prepare() -> anyhow::Result<()> {
    imp::prepare()
}

/// Shows the person why the program ends, where nobody sees standard error. Returns when it was read.
pub fn show_failure(reason: &str) {
    imp::show_failure(reason);
}

/// Returns whether windows can be transparent.
pub fn is_composited() -> bool {
    imp::is_composited()
}

/// Returns whether this is a Wayland session, where only the desktop knows global keys and other programs'
/// windows.
pub fn is_wayland() -> bool {
    imp::is_wayland()
}

/// Sets the theme of all windows, including later ones. `None` follows the desktop. Must be called on the
/// main thread.
pub fn show_theme(handle: &AppHandle, theme: Option<Theme>) {
    imp::show_theme(handle, theme);
}

/// Passes this start's arguments to the program that runs under this name. Returns whether there was one. False where
/// only `tauri-plugin-single-instance` looks for it.
pub fn pass_to_running(id: &str) -> anyhow::Result<bool> {
    imp::pass_to_running(id)
}

/// Returns whether pages are drawn dark now. Must be called on the main thread.
pub fn is_dark(handle: &AppHandle) -> bool {
    imp::is_dark(handle)
}

/// Creates a window. It shares the web process of `beside` if the platform allows that. Must be called on
/// the main thread.
pub fn build(
    handle: &AppHandle,
    beside: Option<WebviewWindow>,
    window: impl for<'a> FnOnce(&'a AppHandle) -> Builder<'a> + Send + 'static,
) -> tauri::Result<WebviewWindow> {
    imp::build(handle, beside, window)
}

/// Makes a window that is above all others and never takes the focus: toasts and recorder bar. On X11 it is
/// override-redirect, so that no window manager places, frames or focuses it, as tiling ones would.
pub fn make_notice(window: &WebviewWindow) {
    imp::make_notice(window);
}

/// Returns the window's rectangle in physical pixels.
pub fn place_of(window: &WebviewWindow) -> Option<Rect> {
    let (at, size) = (window.outer_position().ok()?, window.outer_size().ok()?);
    Some(Rect { x: at.x, y: at.y, width: size.width, height: size.height })
}

/// The outcome of a drag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DragOutcome {
    To(Rect),
    /// The button was released before the window moved.
    Nowhere,
}

/// Moves the window with the pointer while the left button is down, however short that is. Must be called
/// on the main thread.
pub fn drag(
    window: &WebviewWindow,
    ended: impl FnOnce(DragOutcome) + Send + 'static,
) -> tauri::Result<()> {
    imp::drag(window, ended)
}

/// Drags files out of the window; the drop target copies them. Must be called on the main thread while the
/// button is down. Implemented only on Linux so far.
pub fn drag_files(window: &WebviewWindow, files: &[PathBuf]) -> anyhow::Result<()> {
    imp::drag_files(window, files)
}

/// Makes a small frameless window that is no notification: it can be moved, and can take the focus if it
/// wants to.
pub fn make_panel(window: &WebviewWindow, takes_focus: bool) {
    imp::make_panel(window, takes_focus);
}

/// Shows the window over all of a display, panels included, in physical pixels. Without `takes_focus`, the
/// focus stays where it is.
pub fn cover(window: &WebviewWindow, display: Rect, takes_focus: bool) -> tauri::Result<()> {
    imp::cover(window, display, takes_focus)
}

/// Gives the window the keyboard focus. May be called on any thread.
pub fn take_focus(window: &WebviewWindow) -> tauri::Result<()> {
    let focused = window.clone();
    window.run_on_main_thread(move || {
        if let Err(error) = imp::take_focus(&focused) {
            tracing::warn!(%error, label = focused.label(), "window focus failed");
        }
    })
}

/// Shows or hides the window synchronously. Through the event loop, hiding it for the last toast could
/// overtake showing it for the next.
pub fn set_visible(window: &WebviewWindow, visible: bool) -> tauri::Result<()> {
    imp::set_visible(window, visible)
}

/// Sets size and position in one step, so that nothing in between is visible. In physical pixels.
pub fn place(window: &WebviewWindow, at: Rect) -> tauri::Result<()> {
    imp::place(window, at)
}

/// Lets only the cards receive the pointer. Without a compositor, only they are drawn.
pub fn cut_to(window: &WebviewWindow, cards: Vec<Card>) {
    imp::cut_to(window, cards);
}
