//! Windows, theme and session where Tauri is enough: on Windows and macOS.

use std::path::PathBuf;

use tauri::{AppHandle, PhysicalPosition, PhysicalSize, Theme, WebviewWindow};

use super::DragOutcome;
use crate::panel::{Builder, Card};
use crate::place::Rect;

pub fn prepare() -> anyhow::Result<()> {
    Ok(())
}

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
