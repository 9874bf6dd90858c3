//! Windows without frames: creating, placing, showing, focusing and shaping them.

use std::sync::mpsc::channel;
use std::time::Duration;

use gtk::cairo::{RectangleInt, Region};
use gtk::glib;
use gtk::prelude::*;
use tauri::{AppHandle, WebviewWindow};

use super::session::is_composited;
use crate::panel::{Builder, Card};
use crate::place::Rect;

const FOCUS_TRY_EVERY: Duration = Duration::from_millis(100);
const FOCUS_TRIES: u32 = 10;

pub fn build(
    handle: &AppHandle,
    beside: Option<WebviewWindow>,
    window: impl for<'a> FnOnce(&'a AppHandle) -> Builder<'a> + Send + 'static,
) -> tauri::Result<WebviewWindow> {
    let Some(beside) = beside else { return window(handle).build() };
    let (tell, told) = channel();
    let handle = handle.clone();
    beside.with_webview(move |view| {
        // The caller waits for it below.
        let _ = tell.send(window(&handle).with_related_view(view.inner()).build());
    })?;
    // On the main thread it has been done by now.
    told.recv().unwrap_or(Err(tauri::Error::WindowNotFound))
}

pub fn make_notice(window: &WebviewWindow) {
    let Ok(window) = window.gtk_window() else { return };
    window.set_type_hint(gtk::gdk::WindowTypeHint::Notification);
    window.set_accept_focus(false);
    window.set_focus_on_map(false);
    window.realize();
    if let Some(gdk_window) = window.window()
        && !is_wayland_window(&window)
    {
        gdk_window.set_override_redirect(true);
    }
}

pub fn is_wayland_window(window: &gtk::ApplicationWindow) -> bool {
    window.display().backend().is_wayland()
}

pub fn make_panel(window: &WebviewWindow, takes_focus: bool) {
    let Ok(window) = window.gtk_window() else { return };
    window.set_type_hint(gtk::gdk::WindowTypeHint::Utility);
    window.set_accept_focus(takes_focus);
    window.set_focus_on_map(takes_focus);
}

pub fn cover(window: &WebviewWindow, display: Rect, takes_focus: bool) -> tauri::Result<()> {
    let Rect { x, y, width, height } = display;
    let scale = window.scale_factor()?.round().max(1.0) as i32;
    let gtk_window = window.gtk_window()?;
    gtk_window.set_focus_on_map(takes_focus);
    place(window, display)?;
    let monitors = gtk::gdk::Display::default();
    let screen = gtk::gdk::Screen::default();
    if let (Some(monitors), Some(screen)) = (monitors, screen) {
        let number = (0..monitors.n_monitors()).find(|number| {
            let at = monitors.monitor(*number).map(|monitor| monitor.geometry());
            at.is_some_and(|at| (at.x(), at.y()) == (x / scale, y / scale))
        });
        gtk_window.set_size_request(width as i32 / scale, height as i32 / scale);
        gtk_window.fullscreen_on_monitor(&screen, number.unwrap_or(0));
        // Tauri keeps the outer five pixels of frameless windows to itself, to resize them. A window that fills the
        // display gets no frame in any case, and an area may begin at the edge.
        gtk_window.set_decorated(true);
    }
    set_visible(window, true)
}

/// A display server ignores a focus request with the time of an old event, and this program may have no
/// newer one, since its shortcuts are not sent to its windows. So it uses the server's current time,
/// and retries until the window has the focus, because window managers lose requests of windows that
/// they have only just seen.
pub fn take_focus(window: &WebviewWindow) -> tauri::Result<()> {
    let window = window.gtk_window()?;
    present(&window);
    let mut left = FOCUS_TRIES;
    glib::timeout_add_local(FOCUS_TRY_EVERY, move || {
        if window.is_active() || !window.is_visible() || left == 0 {
            return glib::ControlFlow::Break;
        }
        left -= 1;
        present(&window);
        glib::ControlFlow::Continue
    });
    Ok(())
}

fn present(window: &gtk::ApplicationWindow) {
    let x11 = window.window().and_then(|it| it.downcast::<gdkx11::X11Window>().ok());
    let time = x11.as_ref().map_or(gtk::gdk::ffi::GDK_CURRENT_TIME as u32, |it| {
        gdkx11::functions::x11_get_server_time(it)
    });
    window.present_with_time(time);
}

pub fn set_visible(window: &WebviewWindow, visible: bool) -> tauri::Result<()> {
    let window = window.gtk_window()?;
    if visible {
        window.show_all();
    } else {
        window.hide();
    }
    Ok(())
}

pub fn place(window: &WebviewWindow, at: Rect) -> tauri::Result<()> {
    let Rect { x, y, width, height } = at;
    let scale = window.scale_factor()?.round().max(1.0) as i32;
    let gtk_window = window.gtk_window()?;
    let (width, height) = (width as i32 / scale, height as i32 / scale);
    gtk_window.resize(width.max(1), height.max(1));
    gtk_window.move_(x / scale, y / scale);
    if let Some(gdk_window) = gtk_window.window() {
        gdk_window.move_resize(x / scale, y / scale, width.max(1), height.max(1));
    }
    Ok(())
}

pub fn cut_to(window: &WebviewWindow, cards: Vec<Card>) {
    let Ok(gtk_window) = window.gtk_window() else { return };
    let Some(gdk_window) = gtk_window.window() else { return };
    let region = Region::create();
    for card in &cards {
        for row in rows(card) {
            // The only error that cairo can report here is running out of memory.
            let _ = region.union_rectangle(&row);
        }
    }
    gdk_window.input_shape_combine_region(&region, 0, 0);
    if is_composited() {
        gdk_window.shape_combine_region(None, 0, 0);
    } else {
        gdk_window.shape_combine_region(Some(&region), 0, 0);
    }
}

/// Converts a rounded rectangle into rectangles: one for each line of its rounded parts, and one in
/// between.
fn rows(card: &Card) -> Vec<RectangleInt> {
    let (x, y) = (card.x.round() as i32, card.y.round() as i32);
    let (width, height) = (card.width.round() as i32, card.height.round() as i32);
    let radius = card.radius.min(card.width / 2.0).min(card.height / 2.0).round() as i32;
    let mut rows = vec![RectangleInt::new(x, y + radius, width, height - 2 * radius)];
    for line in 0..radius {
        let rise = f64::from(radius) - f64::from(line) - 0.5;
        let reach = (f64::from(radius).powi(2) - rise.powi(2)).sqrt();
        let inset = radius - reach.round() as i32;
        for row in [y + line, y + height - 1 - line] {
            rows.push(RectangleInt::new(x + inset, row, width - 2 * inset, 1));
        }
    }
    rows
}
