//! The toasts' window: at the bottom right, as high as they are, never focused, hidden when there are none.
//! Its page determines its content and height.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tauri::{AppHandle, Manager, async_runtime};

use crate::panel::{self, Card};
use crate::place::{Display, Rect, displays_from, point_of_attention};
use crate::recorded::{Recorded, Seen};
use crate::words::word;
use crate::{platform, quiet};

pub const LABEL: &str = "toast";

/// 420 px of toast and 16 px on each side for its shadow: the window touches the corner of the work area,
/// and the toast stays 16 px away from it.
const WIDTH: f64 = 452.0;
/// Room for three toasts and "2 more" beside a recorded area, in CSS pixels.
const STACK: f64 = 380.0;
/// How often a desktop in do-not-disturb mode is asked again while there is something to show.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Creates the window soon after the start, since a toast has to appear at once. Must be called on the main
/// thread.
pub fn create(app: &AppHandle) -> tauri::Result<()> {
    let window = panel::create(app, LABEL, "toast", word("app_name"), |window| {
        window.inner_size(WIDTH, 1.0).focused(false).focusable(false).content_protected(true)
    })?;
    platform::make_notice(&window);
    Ok(())
}

/// Fits the window, or waits with that while the desktop is in do-not-disturb mode. Only the latest call
/// counts.
pub async fn fit_unless_quiet(app: &AppHandle, height: f64, cards: Vec<Card>) {
    tracing::debug!(height, "toasts are drawn");
    let asked = app.state::<ToastPlace>().asked.fetch_add(1, Ordering::SeqCst) + 1;
    // A window that is shown already may change its content.
    while height > 0.0 && !is_shown(app) {
        let quiet = async_runtime::spawn_blocking(quiet::is_on).await.unwrap_or(false);
        if app.state::<ToastPlace>().asked.load(Ordering::SeqCst) != asked {
            return;
        }
        if !quiet {
            break;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    let fitted = app.clone();
    let on_main = app.run_on_main_thread(move || {
        if let Err(error) = fit(&fitted, height, cards) {
            tracing::warn!(%error, "the toasts can't be shown");
        }
    });
    if let Err(error) = on_main {
        tracing::warn!(%error, "the toasts can't be shown");
    }
}

fn is_shown(app: &AppHandle) -> bool {
    let window = app.get_webview_window(LABEL);
    window.is_some_and(|window| window.is_visible().unwrap_or(false))
}

/// Gives the window its page's height, at the corner of the display with the pointer when the first toast
/// appears. If it would be recorded there, it goes to another display or is hidden. A height of 0 hides it.
/// Must be called on the main thread.
fn fit(app: &AppHandle, height: f64, cards: Vec<Card>) -> tauri::Result<()> {
    let place = app.state::<ToastPlace>();
    place.lock().last = Some((height, cards.clone()));
    let Some(window) = app.get_webview_window(LABEL) else { return Ok(()) };
    if height <= 0.0 {
        return platform::set_visible(&window, false);
    }
    let appears = !window.is_visible()?;
    tracing::debug!(appears, "toasts are placed");
    let avoided = app.state::<Recorded>().to_avoid();
    let corner = {
        let mut now = place.lock();
        // Toasts stay on the display where the first of them appeared.
        let stays = now.corner.filter(|corner| !appears && corner.is_outside(avoided));
        now.corner = stays.or_else(|| corner(&near_pointer(app), avoided));
        now.corner
    };
    let Some(corner) = corner else { return platform::set_visible(&window, false) };
    let width = (WIDTH * corner.scale).round() as u32;
    let height = ((height * corner.scale).ceil() as u32).min(corner.room);
    let (x, y) = (corner.x - width as i32, corner.y - height as i32);
    panel::show(&window, Rect { x, y, width, height }, cards).map(drop)
}

/// Moves toasts that would be in the picture to another display, or hides them, before a recording starts.
/// Returns whether they were visible there. Must be called on the main thread.
pub fn make_way(app: &AppHandle) -> tauri::Result<bool> {
    let avoided = app.state::<Recorded>().to_avoid();
    let place = app.state::<ToastPlace>();
    let (last, is_in_it) = {
        let now = place.lock();
        let is_in_it = now.corner.is_some_and(|corner| !corner.is_outside(avoided));
        (now.last.clone(), is_in_it)
    };
    if !is_shown(app) || !is_in_it {
        return Ok(false);
    }
    let (height, cards) = last.unwrap_or_default();
    fit(app, height, cards)?;
    Ok(true)
}

/// Shows toasts again after a recording, on the display where the person is.
pub fn show_again(app: &AppHandle) {
    let there = app.clone();
    let asked = app.run_on_main_thread(move || {
        let last = {
            let place = there.state::<ToastPlace>();
            let mut now = place.lock();
            now.corner = None;
            now.last.clone()
        };
        let Some((height, cards)) = last.filter(|(height, _)| *height > 0.0) else { return };
        if let Err(error) = fit(&there, height, cards) {
            tracing::warn!(%error, "the toasts can't be shown");
        }
    });
    if let Err(error) = asked {
        tracing::warn!(%error, "the toasts can't be shown");
    }
}

/// Returns whether some display can show toasts outside of what is recorded.
pub fn has_room(app: &AppHandle, recorded: Seen) -> bool {
    corner(&near_pointer(app), Some(recorded)).is_some()
}

fn near_pointer(app: &AppHandle) -> Vec<Display> {
    displays_from(app, point_of_attention(app))
}

/// The bottom right corner of a work area, in physical pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Corner {
    x: i32,
    y: i32,
    /// The maximum height of a window there.
    room: u32,
    scale: f64,
}

impl Corner {
    fn is_outside(&self, recorded: Option<Seen>) -> bool {
        recorded.is_none_or(|recorded| !recorded.has(self.stack(STACK)))
    }

    /// Returns the rectangle of toasts of that height.
    fn stack(&self, height: f64) -> Rect {
        let width = (WIDTH * self.scale).round() as u32;
        let height = ((height * self.scale).round() as u32).min(self.room);
        let (x, y) = (self.x - width.cast_signed(), self.y - height.cast_signed());
        Rect { x, y, width, height }
    }
}

/// Returns the corner of the first display that is outside of what is recorded.
fn corner(displays: &[Display], recorded: Option<Seen>) -> Option<Corner> {
    displays.iter().find_map(|display| {
        let Display { area, scale, .. } = *display;
        let (x, y) = (area.right(), area.bottom());
        let mut corner = Corner { x, y, room: area.height, scale };
        if recorded.is_some_and(|recorded| recorded != Seen::NoneOfOurs) {
            corner.room = corner.room.min(display.px(STACK));
        }
        corner.is_outside(recorded).then_some(corner)
    })
}

#[derive(Default)]
pub struct ToastPlace {
    now: Mutex<Now>,
    /// Counts the calls, so that only the latest is carried out.
    asked: AtomicU64,
}

#[derive(Default)]
struct Now {
    corner: Option<Corner>,
    /// The last size and cards that the page asked for.
    last: Option<(f64, Vec<Card>)>,
}

impl ToastPlace {
    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn display(x: i32) -> Display {
        Display {
            name: x.to_string(),
            at: Rect { x, y: 0, width: 1280, height: 720 },
            area: Rect { x, y: 30, width: 1280, height: 690 },
            scale: 1.0,
        }
    }

    #[test]
    fn toasts_are_outside_of_what_is_recorded_or_nowhere() {
        let both = [display(0), display(1280)];
        let x = |displays: &[Display], seen| corner(displays, seen).map(|corner| corner.x);
        let part = |x, y, width, height| Some(Seen::Part(Rect { x, y, width, height }));
        assert_eq!(x(&both, None), Some(1280));
        assert_eq!(x(&both, Some(Seen::NoneOfOurs)), Some(1280));
        assert_eq!(x(&both, Some(Seen::SomeDisplay)), None);
        // The whole of the first display is recorded: toasts go to the other one, or nowhere.
        assert_eq!(x(&both, part(0, 0, 1280, 720)), Some(2560));
        assert_eq!(x(&both[..1], part(0, 0, 1280, 720)), None);
        // An area leaves the corner free, or doesn't.
        assert_eq!(x(&both[..1], part(0, 0, 600, 720)), Some(1280));
        assert_eq!(x(&both[..1], part(600, 300, 600, 400)), None);
    }

    #[test]
    fn toasts_beside_a_recorded_area_never_grow_into_it() {
        let seen = Seen::Part(Rect { x: 700, y: 0, width: 580, height: 300 });
        let corner = corner(&[display(0)], Some(seen)).unwrap();
        assert!(!seen.has(corner.stack(10_000.0)));
    }
}
