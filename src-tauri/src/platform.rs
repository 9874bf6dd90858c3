//! Functions that only Linux needs: a display check before GTK is initialized, a workaround for black
//! WebKitGTK windows, and toasts clipped to their cards. On other systems most of it does nothing.

use std::path::PathBuf;

use tauri::{AppHandle, Theme, WebviewWindow};

use crate::panel::{Builder, Card};
use crate::place::Rect;

/// Prepares the platform before the first window. The error says in a sentence why there can be no window.
pub fn prepare() -> anyhow::Result<()> {
    imp::prepare()
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
pub enum Dragged {
    To(Rect),
    /// The button was released before the window moved.
    Nowhere,
}

/// Moves the window with the pointer while the left button is down, however short that is. Must be called
/// on the main thread.
pub fn drag(
    window: &WebviewWindow,
    ended: impl FnOnce(Dragged) + Send + 'static,
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

#[cfg(target_os = "linux")]
mod imp {
    use std::cell::{Cell, RefCell};
    use std::os::unix::process::CommandExt;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::rc::Rc;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use anyhow::{Context, bail};

    use gtk::cairo::{RectangleInt, Region};
    use gtk::gdk::ModifierType;
    use gtk::gio;
    use gtk::glib::{self, Variant, VariantTy};
    use gtk::prelude::*;
    use tauri::{AppHandle, Theme, WebviewWindow, async_runtime};

    use super::Dragged;
    use crate::panel::{Builder, Card};
    use crate::place::Rect;

    /// The value of the portal's interface.
    const PREFERS_DARK: u32 = 1;
    /// As long as tao waits.
    const PORTAL_ANSWER_MS: i32 = 5_000;
    const NO_DMABUF: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
    const FOCUS_TRY_EVERY: Duration = Duration::from_millis(100);
    const FOCUS_TRIES: u32 = 10;

    pub fn prepare() -> anyhow::Result<()> {
        if std::env::var_os(NO_DMABUF).is_none() && dmabuf_is_bad() {
            // The environment of a running program can't be changed safely, so it starts again with the
            // variable.
            let program = std::env::current_exe().context("Snaplark can't find its own program")?;
            let error =
                Command::new(program).args(std::env::args_os().skip(1)).env(NO_DMABUF, "1").exec();
            return Err(error).context("Snaplark can't start itself again");
        }
        // Toasts, bar and menu need positions, which Wayland gives no window, but X11 (XWayland) does.
        gtk::gdk::set_allowed_backends("x11,*");
        if gtk::init().is_err() {
            bail!(
                "There is no display to show a window on. Start Snaplark in a desktop session, or \
                 record without one: snaplark record"
            );
        }
        Ok(())
    }

    /// Returns whether WebKitGTK's DMA-BUF renderer should be off. With NVIDIA's own driver it draws black
    /// windows. Without a GPU it works, but costs 80 MB and twice the time of painting without it.
    fn dmabuf_is_bad() -> bool {
        let no_gpu = std::fs::read_dir("/dev/dri").map_or(true, |entries| {
            !entries
                .flatten()
                .any(|entry| entry.file_name().to_string_lossy().starts_with("renderD"))
        });
        no_gpu || Path::new("/proc/driver/nvidia/version").exists()
    }

    pub fn is_composited() -> bool {
        // Without DMA-BUF, WebKitGTK paints over earlier frames, so shadows get darker with each frame.
        // Transparency is therefore off.
        let paints_over = std::env::var_os(NO_DMABUF).is_some_and(|value| value != "0");
        !paints_over && gtk::gdk::Screen::default().is_some_and(|screen| screen.is_composited())
    }

    pub fn is_wayland() -> bool {
        std::env::var_os("WAYLAND_DISPLAY").is_some_and(|name| !name.is_empty())
    }

    thread_local! {
        /// The person's choice; `None` follows the desktop.
        static CHOSEN: Cell<Option<Theme>> = const { Cell::new(None) };
        static IS_HELD: Cell<bool> = const { Cell::new(false) };
    }

    /// tao sets GTK's preference to the desktop's for each new window and each change of the desktop,
    /// whatever was set before. This handler sets it back to the person's choice.
    pub fn show_theme(handle: &AppHandle, theme: Option<Theme>) {
        let Some(settings) = gtk::Settings::default() else { return };
        CHOSEN.set(theme);
        if !IS_HELD.replace(true) {
            settings.connect_gtk_application_prefer_dark_theme_notify(hold_theme);
        }
        hold_theme(&settings);
        if theme.is_none() {
            let handle = handle.clone();
            // The portal may have to be started to answer.
            async_runtime::spawn_blocking(move || {
                let is_dark = desktop_is_dark();
                let shown = handle.run_on_main_thread(move || {
                    if let (None, Some(settings)) = (CHOSEN.get(), gtk::Settings::default()) {
                        settings.set_gtk_application_prefer_dark_theme(is_dark);
                    }
                });
                if let Err(error) = shown {
                    tracing::warn!(%error, "the desktop's theme can't be shown");
                }
            });
        }
    }

    fn hold_theme(settings: &gtk::Settings) {
        let Some(theme) = CHOSEN.get() else { return };
        let is_dark = theme == Theme::Dark;
        if settings.is_gtk_application_prefer_dark_theme() != is_dark {
            settings.set_gtk_application_prefer_dark_theme(is_dark);
        }
    }

    /// Asks the settings portal. A desktop without one has its theme by name, which GTK knows.
    fn desktop_is_dark() -> bool {
        let Ok(bus) = gio::bus_get_sync(gio::BusType::Session, gio::Cancellable::NONE) else {
            return false;
        };
        let answer = bus.call_sync(
            Some("org.freedesktop.portal.Desktop"),
            "/org/freedesktop/portal/desktop",
            "org.freedesktop.portal.Settings",
            "Read",
            Some(&("org.freedesktop.appearance", "color-scheme").to_variant()),
            VariantTy::new("(v)").ok(),
            gio::DBusCallFlags::NONE,
            PORTAL_ANSWER_MS,
            gio::Cancellable::NONE,
        );
        let value = answer.ok().and_then(|answer| answer.get::<(Variant,)>());
        // The first version of the interface returns a variant in a variant.
        let value = value.map(|(value,)| value.as_variant().unwrap_or(value));
        value.and_then(|value| value.get::<u32>()) == Some(PREFERS_DARK)
    }

    pub fn is_dark(_: &AppHandle) -> bool {
        gtk::Settings::default().is_some_and(|settings| {
            let name = settings.gtk_theme_name();
            settings.is_gtk_application_prefer_dark_theme()
                || name.is_some_and(|name| name.ends_with("-dark"))
        })
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

    fn is_wayland_window(window: &gtk::ApplicationWindow) -> bool {
        window.display().backend().is_wayland()
    }

    /// How often a dragged window follows the pointer.
    const FOLLOWS: Duration = Duration::from_millis(16);

    /// Follows the pointer itself instead of asking the window manager. A window manager that learns of the
    /// press after the button is up moves the window until the next press.
    pub fn drag(
        window: &WebviewWindow,
        ended: impl FnOnce(Dragged) + Send + 'static,
    ) -> tauri::Result<()> {
        let gtk_window = window.gtk_window()?;
        let pointer = gtk_window.display().default_seat().and_then(|seat| seat.pointer());
        let (Some(gdk_window), Some(pointer)) = (gtk_window.window(), pointer) else {
            ended(Dragged::Nowhere);
            return Ok(());
        };
        if is_wayland_window(&gtk_window) {
            // On Wayland, no program can move its windows.
            ended(Dragged::Nowhere);
            return window.start_dragging();
        }
        let (_, x, y) = pointer.position();
        let (left, top) = gtk_window.position();
        let grip = (x - left, y - top);
        let (window, mut ended, mut moved) = (window.clone(), Some(ended), false);
        glib::timeout_add_local(FOLLOWS, move || {
            let (_, _, _, held) = gdk_window.device_position(&pointer);
            let (_, x, y) = pointer.position();
            let to = (x - grip.0, y - grip.1);
            if to != gtk_window.position() && (moved || held.contains(ModifierType::BUTTON1_MASK)) {
                gtk_window.move_(to.0, to.1);
                gdk_window.move_(to.0, to.1);
                moved = true;
            }
            if held.contains(ModifierType::BUTTON1_MASK) {
                return glib::ControlFlow::Continue;
            }
            let dragged = match super::place_of(&window) {
                Some(at) if moved => {
                    let scale = gtk_window.scale_factor();
                    Dragged::To(Rect { x: to.0 * scale, y: to.1 * scale, ..at })
                }
                Some(_) | None => Dragged::Nowhere,
            };
            if let Some(ended) = ended.take() {
                ended(dragged);
            }
            glib::ControlFlow::Break
        });
        Ok(())
    }

    pub fn drag_files(window: &WebviewWindow, files: &[PathBuf]) -> anyhow::Result<()> {
        const LEFT_BUTTON: i32 = 1;
        let window = window.gtk_window()?;
        let addresses: Vec<_> = files.iter().map(|file| gio::File::for_path(file).uri()).collect();
        let targets = gtk::TargetList::new(&[]);
        targets.add_uri_targets(0);
        let gives = window.connect_drag_data_get(move |_, _, data, _, _| {
            let addresses: Vec<&str> = addresses.iter().map(|address| address.as_str()).collect();
            data.set_uris(&addresses);
        });
        let copy = gtk::gdk::DragAction::COPY;
        let drag = window.drag_begin_with_coordinates(&targets, copy, LEFT_BUTTON, None, -1, -1);
        let Some(drag) = drag else {
            window.disconnect(gives);
            bail!("the window system takes no drag now");
        };
        drag.drag_set_icon_name("video-x-generic", 0, 0);
        let handlers = Rc::new(RefCell::new(vec![gives]));
        let ended = handlers.clone();
        let ends = window.connect_drag_end(move |window, _| {
            for handler in ended.take() {
                window.disconnect(handler);
            }
        });
        handlers.borrow_mut().push(ends);
        Ok(())
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
        super::place(window, display)?;
        let monitors = gtk::gdk::Display::default();
        let screen = gtk::gdk::Screen::default();
        if let (Some(monitors), Some(screen)) = (monitors, screen) {
            let number = (0..monitors.n_monitors()).find(|number| {
                let at = monitors.monitor(*number).map(|monitor| monitor.geometry());
                at.is_some_and(|at| (at.x(), at.y()) == (x / scale, y / scale))
            });
            // Tauri lets the edges of frameless windows resize them if they are resizable.
            gtk_window.set_size_request(width as i32 / scale, height as i32 / scale);
            gtk_window.set_resizable(false);
            gtk_window.fullscreen_on_monitor(&screen, number.unwrap_or(0));
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
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::path::PathBuf;

    use tauri::{AppHandle, PhysicalPosition, PhysicalSize, Theme, WebviewWindow};

    use super::Dragged;
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
        ended: impl FnOnce(Dragged) + Send + 'static,
    ) -> tauri::Result<()> {
        window.start_dragging()?;
        ended(super::place_of(window).map_or(Dragged::Nowhere, Dragged::To));
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
}
