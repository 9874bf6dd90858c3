//! The window of the toasts: bottom right, as high as they are, never focused, gone when there are
//! none. What is in it, and how high that is, its page says.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tauri::{AppHandle, Manager, WebviewWindow, async_runtime};

use crate::panel::{self, Card};
use crate::place::{Rect, monitor_at};
use crate::words::word;
use crate::{platform, quiet};

pub const LABEL: &str = "toast";

/// 420 px of toast, and 16 px on each side in which its shadow falls: the window touches the work
/// area's corner, the toast stays 16 px away from it.
const WIDTH: f64 = 452.0;
/// How often a desktop that is set not to disturb is asked again, while there is something to show.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// On the main thread. Made soon after the start: a toast has to be there at once.
pub fn create(app: &AppHandle) -> tauri::Result<()> {
    let window = panel::create(app, LABEL, "toast", word("app_name"), |window| {
        window.inner_size(WIDTH, 1.0).focused(false).focusable(false)
    })?;
    platform::make_notice(&window);
    Ok(())
}

/// Fits it, later where it would disturb. The latest call is the one that counts.
pub async fn fit_unless_quiet(app: &AppHandle, height: f64, cards: Vec<Card>) {
    tracing::debug!(height, "toasts are drawn");
    let asked = app.state::<ToastPlace>().asked.fetch_add(1, Ordering::SeqCst) + 1;
    // One that is shown already disturbs no more by what else it says.
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

/// On the main thread: gives the window its page's height, at the corner of the display on which
/// the pointer is when the first toast comes. No height hides it.
fn fit(app: &AppHandle, height: f64, cards: Vec<Card>) -> tauri::Result<()> {
    let Some(window) = app.get_webview_window(LABEL) else { return Ok(()) };
    if height <= 0.0 {
        return platform::set_visible(&window, false);
    }
    let appears = !window.is_visible()?;
    tracing::debug!(appears, "toasts are placed");
    let Some(corner) = corner(app, &window, appears)? else { return Ok(()) };
    let width = (WIDTH * corner.scale).round() as u32;
    let height = ((height * corner.scale).ceil() as u32).min(corner.room);
    let (x, y) = (corner.x - width as i32, corner.y - height as i32);
    panel::show(&window, Rect { x, y, width, height }, cards).map(drop)
}

/// The bottom right corner of a work area, in physical pixels.
#[derive(Clone, Copy)]
pub struct Corner {
    x: i32,
    y: i32,
    /// How high a window may be there.
    room: u32,
    scale: f64,
}

/// Toasts stay on the display where the first of them came.
#[derive(Default)]
pub struct ToastPlace {
    corner: Mutex<Option<Corner>>,
    /// How often it was asked for.
    asked: AtomicU64,
}

fn corner(app: &AppHandle, window: &WebviewWindow, chooses: bool) -> tauri::Result<Option<Corner>> {
    let place = app.state::<ToastPlace>();
    let mut kept = place.corner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if chooses || kept.is_none() {
        let pointer = app.cursor_position().ok();
        let under = pointer.and_then(|at| monitor_at(app, at.x as i32, at.y as i32));
        let monitor = match under {
            Some(monitor) => Some(monitor),
            None => match window.primary_monitor()? {
                Some(monitor) => Some(monitor),
                None => window.available_monitors()?.into_iter().next(),
            },
        };
        *kept = monitor.map(|monitor| {
            let area = monitor.work_area();
            Corner {
                x: area.position.x + area.size.width as i32,
                y: area.position.y + area.size.height as i32,
                room: area.size.height,
                scale: monitor.scale_factor(),
            }
        });
    }
    Ok(*kept)
}
