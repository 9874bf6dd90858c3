//! The toasts' window, which is never focused. `snaplark_app::desktop::toast_stack` decides where it is; its page
//! determines its content and height.

use std::sync::{Mutex, PoisonError};

use snaplark_app::desktop::toast_stack::{self, TOAST_WIDTH, ToastStack};
use tauri::{AppHandle, Manager};

use crate::captured_area::AvoidedArea;
use crate::panel::{self, Card};
use crate::place::{CapturedPart, Display, displays_from, point_of_attention};
use crate::platform;
use crate::words::{Word, word};

pub const LABEL: &str = "toast";

/// The state of the toasts, and the visible parts of their page.
#[derive(Default)]
pub struct ToastWindow(Mutex<(ToastStack, Vec<Card>)>);

impl ToastWindow {
    fn with<T>(&self, act: impl FnOnce(&mut ToastStack, &mut Vec<Card>) -> T) -> T {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (stack, cards) = &mut *now;
        act(stack, cards)
    }
}

/// Creates the window soon after the start, since a toast has to appear at once. Must be called on the main
/// thread.
pub fn create(app: &AppHandle) -> tauri::Result<()> {
    let window = panel::create(app, LABEL, "toast", word(Word::APP_NAME), |window| {
        window.inner_size(TOAST_WIDTH, 1.0).focused(false).focusable(false).content_protected(true)
    })?;
    platform::make_notice(&window);
    Ok(())
}

/// Gives the window its page's height. May be called on any thread.
pub fn fit(app: &AppHandle, height: f64, cards: Vec<Card>) {
    tracing::debug!(height, "toasts are drawn");
    draw(app, move |app| {
        app.state::<ToastWindow>().with(|stack, shown| {
            stack.fit(height);
            *shown = cards;
        });
    });
}

/// Shows toasts again after a recording, on the display where the person is. May be called on any thread.
pub fn show_again(app: &AppHandle) {
    draw(app, |app| app.state::<ToastWindow>().with(|stack, _| stack.leave_display()));
}

/// Moves toasts that would be in the picture to another display, or hides them, before a recording starts.
/// Returns whether they were visible there. Must be called on the main thread.
pub fn make_way(app: &AppHandle) -> tauri::Result<bool> {
    let avoided = app.state::<AvoidedArea>().now().to_avoid_now();
    let is_in_it = app.state::<ToastWindow>().with(|stack, _| stack.is_in(avoided));
    if !is_shown(app) || !is_in_it {
        return Ok(false);
    }
    put(app)?;
    Ok(true)
}

/// Returns whether some display can show toasts outside of what is recorded.
pub fn has_room(app: &AppHandle, recorded: CapturedPart) -> bool {
    toast_stack::has_room(&near_person(app), recorded)
}

/// Returns whether the window is shown.
pub fn is_shown(app: &AppHandle) -> bool {
    let window = app.get_webview_window(LABEL);
    window.is_some_and(|window| window.is_visible().unwrap_or(false))
}

/// Changes the state on the main thread, and then the window.
fn draw(app: &AppHandle, change: impl FnOnce(&AppHandle) + Send + 'static) {
    let there = app.clone();
    let asked = app.run_on_main_thread(move || {
        change(&there);
        if let Err(error) = put(&there) {
            tracing::warn!(%error, "the toasts can't be shown");
        }
    });
    if let Err(error) = asked {
        tracing::warn!(%error, "the toasts can't be shown");
    }
}

/// Places and shows the window, or hides it. Must be called on the main thread.
fn put(app: &AppHandle) -> tauri::Result<()> {
    let Some(window) = app.get_webview_window(LABEL) else { return Ok(()) };
    let is_shown = window.is_visible()?;
    let (displays, avoided) = (near_person(app), app.state::<AvoidedArea>().now().to_avoid_now());
    let (at, cards) = app
        .state::<ToastWindow>()
        .with(|stack, cards| (stack.window(is_shown, &displays, avoided), cards.clone()));
    match at {
        Some(at) => panel::show(&window, at, cards).map(drop),
        None => platform::set_visible(&window, false),
    }
}

fn near_person(app: &AppHandle) -> Vec<Display> {
    displays_from(app, point_of_attention(app))
}
