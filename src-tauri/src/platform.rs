//! What only Linux wants: a display before GTK is asked for one, a way around black WebKitGTK
//! windows, and toasts that are cut along their cards. Elsewhere all of it is nothing.

use std::path::PathBuf;

use tauri::{AppHandle, Theme, WebviewWindow};

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

/// On the main thread: all windows, those that are made later too, are drawn in this theme. `None`:
/// in the desktop's.
pub fn show_theme(handle: &AppHandle, theme: Option<Theme>) {
    imp::show_theme(handle, theme);
}

/// On the main thread: whether a page is drawn dark now.
pub fn is_dark(handle: &AppHandle) -> bool {
    imp::is_dark(handle)
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

/// A window that stands over all others and never has the focus: toasts and recorder bar. On X11 no
/// window manager places, frames or focuses it (override-redirect), as tiling ones would.
pub fn make_notice(window: &WebviewWindow) {
    imp::make_notice(window);
}

/// Where it is, in physical pixels.
pub fn place_of(window: &WebviewWindow) -> Option<Rect> {
    let (at, size) = (window.outer_position().ok()?, window.outer_size().ok()?);
    Some(Rect { x: at.x, y: at.y, width: size.width, height: size.height })
}

/// What became of a drag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dragged {
    To(Rect),
    /// The button was up before the window moved.
    Nowhere,
}

/// On the main thread: the window follows the pointer for as long as the left button is down, however
/// short that is.
pub fn drag(
    window: &WebviewWindow,
    ended: impl FnOnce(Dragged) + Send + 'static,
) -> tauri::Result<()> {
    imp::drag(window, ended)
}

/// On the main thread, while the button is down: files are dragged out of the window, and copied by
/// whatever they are dropped on. Only on Linux so far.
pub fn drag_files(window: &WebviewWindow, files: &[PathBuf]) -> anyhow::Result<()> {
    imp::drag_files(window, files)
}

/// A small window without a frame that is no notice: it can be moved, and focused where it wants to.
pub fn make_panel(window: &WebviewWindow, takes_focus: bool) {
    imp::make_panel(window, takes_focus);
}

/// Shows it over all of a display, panels included. Physical pixels. One that does not take the focus
/// leaves it where it is.
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

    /// As the portal's interface has it.
    const PREFERS_DARK: u32 = 1;
    /// As long as tao waits for it.
    const PORTAL_ANSWER_MS: i32 = 5_000;
    const NO_DMABUF: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
    const FOCUS_TRY_EVERY: Duration = Duration::from_millis(100);
    const FOCUS_TRIES: u32 = 10;

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

    thread_local! {
        /// What the person chose; `None`: as the desktop is.
        static CHOSEN: Cell<Option<Theme>> = const { Cell::new(None) };
        static IS_HELD: Cell<bool> = const { Cell::new(false) };
    }

    /// Each window that is made, and each word of the desktop's, sets GTK's preference to the
    /// desktop's (tao does that), whatever was set before: so it is held to the person's choice.
    pub fn show_theme(handle: &AppHandle, theme: Option<Theme>) {
        let Some(settings) = gtk::Settings::default() else { return };
        CHOSEN.set(theme);
        if !IS_HELD.replace(true) {
            settings.connect_gtk_application_prefer_dark_theme_notify(hold_theme);
        }
        hold_theme(&settings);
        if theme.is_none() {
            let handle = handle.clone();
            // The portal may have to be started for the answer.
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
        // A variant in a variant, as the first version of the interface has it.
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
            // Whoever asked waits for it below.
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

    /// How often a window that is dragged follows the pointer.
    const FOLLOWS: Duration = Duration::from_millis(16);

    /// Asked of the pointer itself and not of the window manager: one that hears of the press after
    /// the button is up again moves the window until the next press.
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
            // There no program moves its windows.
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
            // Tauri lets the edges of windows without a frame resize them, where they can be resized.
            gtk_window.set_size_request(width as i32 / scale, height as i32 / scale);
            gtk_window.set_resizable(false);
            gtk_window.fullscreen_on_monitor(&screen, number.unwrap_or(0));
        }
        set_visible(window, true)
    }

    /// A display server ignores whoever asks for the focus with the time of an old event, and this
    /// program may have no other: its shortcuts are not sent to its windows. So it asks with the
    /// server's own time, and again for as long as the window has not got it, as window managers
    /// lose the request of a window that they have only just seen.
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

    /// By the system, which says nothing of its end.
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
