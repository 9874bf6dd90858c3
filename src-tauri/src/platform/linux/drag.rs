//! Dragging: the recorder bar on the screen, and files out of the library.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use anyhow::bail;
use gtk::gdk::ModifierType;
use gtk::prelude::*;
use gtk::{gio, glib};
use tauri::WebviewWindow;

use super::window::is_wayland_window;
use crate::place::Rect;
use crate::platform::{self, DragOutcome};

/// How often a dragged window follows the pointer.
const FOLLOWS: Duration = Duration::from_millis(16);

/// Follows the pointer itself instead of asking the window manager. A window manager that learns of the
/// press after the button is up moves the window until the next press.
pub fn drag(
    window: &WebviewWindow,
    ended: impl FnOnce(DragOutcome) + Send + 'static,
) -> tauri::Result<()> {
    let gtk_window = window.gtk_window()?;
    let pointer = gtk_window.display().default_seat().and_then(|seat| seat.pointer());
    let (Some(gdk_window), Some(pointer)) = (gtk_window.window(), pointer) else {
        ended(DragOutcome::Nowhere);
        return Ok(());
    };
    if is_wayland_window(&gtk_window) {
        // On Wayland, no program can move its windows.
        ended(DragOutcome::Nowhere);
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
        let dragged = match platform::place_of(&window) {
            Some(at) if moved => {
                let scale = gtk_window.scale_factor();
                DragOutcome::To(Rect { x: to.0 * scale, y: to.1 * scale, ..at })
            }
            Some(_) | None => DragOutcome::Nowhere,
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
