//! Windows, theme and session where Tauri is enough: on Windows and macOS.

#[cfg(windows)]
mod message_box;

use std::path::PathBuf;

use tauri::{AppHandle, Manager as _, PhysicalPosition, PhysicalSize, Theme, WebviewWindow};

use super::DragOutcome;
use crate::panel::{Builder, Card};
use crate::place::Rect;

/// On Windows, pages are drawn by WebView2, which Windows 10 may lack.
#[cfg(windows)]
pub fn prepare() -> anyhow::Result<()> {
    use anyhow::Context as _;

    tauri::webview_version().map(drop).context(
        "Snaplark's windows need WebView2 from Microsoft, which is missing on this computer. Install it from \
         https://go.microsoft.com/fwlink/p/?LinkId=2124703 and start Snaplark again. Recordings on this computer are \
         safe, and the command line works without it",
    )
}

#[cfg(not(windows))]
pub fn prepare() -> anyhow::Result<()> {
    Ok(())
}

pub fn pass_to_running(_id: &str) -> anyhow::Result<bool> {
    Ok(false)
}

#[cfg(windows)]
pub fn show_failure(reason: &str) {
    message_box::show(reason);
}

#[cfg(not(windows))]
pub fn show_failure(_reason: &str) {}

pub fn is_composited() -> bool {
    true
}

pub fn is_wayland() -> bool {
    false
}

pub fn show_theme(handle: &AppHandle, theme: Option<Theme>) {
    handle.set_theme(theme);
}

pub fn is_dark(handle: &AppHandle) -> bool {
    let window = handle.webview_windows().into_values().next();
    window.is_some_and(|window| matches!(window.theme(), Ok(Theme::Dark)))
}

pub fn build(
    handle: &AppHandle,
    _beside: Option<WebviewWindow>,
    window: impl for<'a> FnOnce(&'a AppHandle) -> Builder<'a>,
) -> tauri::Result<WebviewWindow> {
    window(handle).build()
}

pub fn make_notice(_window: &WebviewWindow) {}

pub fn make_panel(_window: &WebviewWindow, _takes_focus: bool) {}

pub fn drag_files(_window: &WebviewWindow, _files: &[PathBuf]) -> anyhow::Result<()> {
    anyhow::bail!("files can't be dragged out on this system yet")
}

/// Lets the system move the window. It doesn't report when the drag ends.
pub fn drag(
    window: &WebviewWindow,
    ended: impl FnOnce(DragOutcome) + Send + 'static,
) -> tauri::Result<()> {
    window.start_dragging()?;
    ended(super::place_of(window).map_or(DragOutcome::Nowhere, DragOutcome::To));
    Ok(())
}

pub fn cover(window: &WebviewWindow, display: Rect, _takes_focus: bool) -> tauri::Result<()> {
    place(window, display)?;
    window.show()
}

pub fn take_focus(window: &WebviewWindow) -> tauri::Result<()> {
    window.set_focus()
}

pub fn set_visible(window: &WebviewWindow, visible: bool) -> tauri::Result<()> {
    if visible { window.show() } else { window.hide() }
}

pub fn place(window: &WebviewWindow, at: Rect) -> tauri::Result<()> {
    window.set_size(PhysicalSize::new(at.width, at.height))?;
    window.set_position(PhysicalPosition::new(at.x, at.y))
}

pub fn cut_to(_window: &WebviewWindow, _cards: Vec<Card>) {}
