//! What only Linux wants: a display before GTK is asked for one, a way around black WebKitGTK
//! windows, and toasts that are cut along their cards. Elsewhere all of it is nothing.

use tauri::{AppHandle, WebviewWindow};

use crate::panel::{Builder, Card};
use crate::place::Rect;

/// Before the first window. Says in a sentence why there can't be one.
pub fn prepare() -> anyhow::Result<()> {
    imp::prepare()
}

/// Whether windows can be seen through.
pub fn is_composited() -> bool {
    imp::is_composited()
}

/// Whether other programs' keys and windows are the desktop's alone to know.
pub fn is_wayland() -> bool {
    imp::is_wayland()
}

/// On the main thread: makes a window, in the web process of that other one where there can be
/// several in one.
pub fn build(
    handle: &AppHandle,
    beside: Option<WebviewWindow>,
    window: impl for<'a> FnOnce(&'a AppHandle) -> Builder<'a> + Send + 'static,
) -> tauri::Result<WebviewWindow> {
    imp::build(handle, beside, window)
}

/// On the main thread, after a window is made. GTK has one setting for all windows, and Tauri sets it
/// to the system's theme with each new one: the person's choice has to be set again.
pub fn keep_theme(chosen: Option<tauri::Theme>) {
    imp::keep_theme(chosen);
}

/// A window for notices: the window manager neither focuses nor animates nor frames it.
pub fn make_notice(window: &WebviewWindow) {
    imp::make_notice(window);
}

/// A small window without a frame that is no notice: it can be moved, and focused where it wants to.
pub fn make_panel(window: &WebviewWindow, takes_focus: bool) {
    imp::make_panel(window, takes_focus);
}

/// Shows it over all of a display, panels included. Physical pixels.
pub fn cover(window: &WebviewWindow, display: Rect) -> tauri::Result<()> {
    imp::cover(window, display)
}

/// Shown and hidden at once: asked through the event loop, a window that hides for the last toast
/// could overtake the one that shows for the next.
pub fn set_visible(window: &WebviewWindow, visible: bool) -> tauri::Result<()> {
    imp::set_visible(window, visible)
}

/// Size and place in one step, so that nothing is seen in between. Physical pixels.
pub fn place(window: &WebviewWindow, at: Rect) -> tauri::Result<()> {
    imp::place(window, at)
}

/// Only the cards take the pointer, and without a compositor only they are drawn.
pub fn cut_to(window: &WebviewWindow, cards: Vec<Card>) {
    imp::cut_to(window, cards);
}

#[cfg(target_os = "linux")]
mod imp {
    use std::os::unix::process::CommandExt;
    use std::path::Path;
    use std::process::Command;
    use std::sync::mpsc::channel;

    use anyhow::{Context, bail};
    use gtk::cairo::{RectangleInt, Region};
    use gtk::prelude::*;
    use tauri::{AppHandle, WebviewWindow};

    use crate::panel::{Builder, Card};
    use crate::place::Rect;

    const NO_DMABUF: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";

    pub fn prepare() -> anyhow::Result<()> {
        if std::env::var_os(NO_DMABUF).is_none() && dmabuf_is_bad() {
            // The environment of a running program is not changed safely: begin again with it.
            let program = std::env::current_exe().context("Snaplark can't find its own program")?;
            let error =
                Command::new(program).args(std::env::args_os().skip(1)).env(NO_DMABUF, "1").exec();
            return Err(error).context("Snaplark can't start itself again");
        }
        // Toasts, bar and menu have places that Wayland gives no window, but X11 beside it does.
        gtk::gdk::set_allowed_backends("x11,*");
        if gtk::init().is_err() {
            bail!(
                "There is no display to show a window on. Start Snaplark in a desktop session, or \
                 record without one: snaplark record"
            );
        }
        Ok(())
    }

    /// On NVIDIA's own driver WebKitGTK's DMA-BUF renderer draws black windows. Where no GPU can be
    /// reached it works, and costs 80 MB and twice the time of painting without it.
    fn dmabuf_is_bad() -> bool {
        let no_gpu = std::fs::read_dir("/dev/dri").map_or(true, |entries| {
            !entries
                .flatten()
                .any(|entry| entry.file_name().to_string_lossy().starts_with("renderD"))
        });
        no_gpu || Path::new("/proc/driver/nvidia/version").exists()
    }

    pub fn is_composited() -> bool {
        // Without DMA-BUF WebKitGTK paints over what it painted before: shadows grow darker with
        // each picture. So there are none.
        let paints_over = std::env::var_os(NO_DMABUF).is_some_and(|value| value != "0");
        !paints_over && gtk::gdk::Screen::default().is_some_and(|screen| screen.is_composited())
    }

    pub fn is_wayland() -> bool {
        std::env::var_os("WAYLAND_DISPLAY").is_some_and(|name| !name.is_empty())
    }

    pub fn build(
        handle: &AppHandle,
        beside: Option<WebviewWindow>,
        window: impl for<'a> FnOnce(&'a AppHandle) -> Builder<'a> + Send + 'static,
    ) -> tauri::Result<WebviewWindow> {
        let Some(beside) = beside else { return window(handle).build() };
        let (tell, told) = channel();
        let handle = handle.clone();
        beside.with_webview(move |view| {
            // Whoever asked waits for it below.
            let _ = tell.send(window(&handle).with_related_view(view.inner()).build());
        })?;
        // On the main thread it has been done by now.
        told.recv().unwrap_or(Err(tauri::Error::WindowNotFound))
    }

    pub fn keep_theme(chosen: Option<tauri::Theme>) {
        if let (Some(theme), Some(settings)) = (chosen, gtk::Settings::default()) {
            settings.set_gtk_application_prefer_dark_theme(theme == tauri::Theme::Dark);
        }
    }

    pub fn make_notice(window: &WebviewWindow) {
        let Ok(window) = window.gtk_window() else { return };
        window.set_type_hint(gtk::gdk::WindowTypeHint::Notification);
        window.set_accept_focus(false);
        window.set_focus_on_map(false);
    }

    pub fn make_panel(window: &WebviewWindow, takes_focus: bool) {
        let Ok(window) = window.gtk_window() else { return };
        window.set_type_hint(gtk::gdk::WindowTypeHint::Utility);
        window.set_accept_focus(takes_focus);
        window.set_focus_on_map(takes_focus);
    }

    pub fn cover(window: &WebviewWindow, display: Rect) -> tauri::Result<()> {
        let Rect { x, y, width, height } = display;
        let scale = window.scale_factor()?.round().max(1.0) as i32;
        let gtk_window = window.gtk_window()?;
        super::place(window, display)?;
        let monitors = gtk::gdk::Display::default();
        let screen = gtk::gdk::Screen::default();
        if let (Some(monitors), Some(screen)) = (monitors, screen) {
            let number = (0..monitors.n_monitors()).find(|number| {
                let at = monitors.monitor(*number).map(|monitor| monitor.geometry());
                at.is_some_and(|at| (at.x(), at.y()) == (x / scale, y / scale))
            });
            // Tauri lets the edges of windows without a frame resize them, where they can be resized.
            gtk_window.set_size_request(width as i32 / scale, height as i32 / scale);
            gtk_window.set_resizable(false);
            gtk_window.fullscreen_on_monitor(&screen, number.unwrap_or(0));
        }
        set_visible(window, true)
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
                // Out of memory is all that cairo could say here.
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

    /// A rounded rectangle as one rectangle a line where it is round, and one in between.
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
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use tauri::{AppHandle, PhysicalPosition, PhysicalSize, WebviewWindow};

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

    pub fn build(
        handle: &AppHandle,
        _beside: Option<WebviewWindow>,
        window: impl for<'a> FnOnce(&'a AppHandle) -> Builder<'a>,
    ) -> tauri::Result<WebviewWindow> {
        window(handle).build()
    }

    pub fn keep_theme(_chosen: Option<tauri::Theme>) {}

    pub fn make_notice(_window: &WebviewWindow) {}

    pub fn make_panel(_window: &WebviewWindow, _takes_focus: bool) {}

    pub fn cover(window: &WebviewWindow, display: Rect) -> tauri::Result<()> {
        place(window, display)?;
        window.show()
    }

    pub fn set_visible(window: &WebviewWindow, visible: bool) -> tauri::Result<()> {
        if visible { window.show() } else { window.hide() }
    }

    pub fn place(window: &WebviewWindow, at: Rect) -> tauri::Result<()> {
        window.set_size(PhysicalSize::new(at.width, at.height))?;
        window.set_position(PhysicalPosition::new(at.x, at.y))
    }

    pub fn cut_to(_window: &WebviewWindow, _cards: Vec<Card>) {}
}
