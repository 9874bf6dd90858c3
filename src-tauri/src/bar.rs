//! The recorder bar's window: there while something is recorded, never focused, where the person
//! dragged it to. What is in it, and how large that is, its page says.
//!
//! X11 and the portals know no window that is seen and not recorded. So the bar of a region is
//! outside of it where there is room, and one that is in the picture can be hidden.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use snaplark_app::view::RecorderView;
use snaplark_app::{App, Source};
use tauri::{AppHandle, Manager, Monitor, PhysicalPosition, WindowEvent, async_runtime};

use crate::panel::{self, Card, Size};
use crate::place::{Rect, area_of, monitor_at};
use crate::platform;
use crate::words::word;

pub const LABEL: &str = "bar";

/// Between the bar and what it keeps away from, in CSS pixels.
const GAP: f64 = 24.0;
/// A drag is over when the window has stood still for so long.
const STANDS_STILL: Duration = Duration::from_millis(300);

/// Where a person left it, from the corner of its display: the middle of its upper edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    x: i32,
    y: i32,
}

#[derive(Clone, Debug)]
struct Place {
    /// What its display is called.
    display: String,
    corner: PhysicalPosition<i32>,
    area: Rect,
    scale: f64,
    /// What is recorded, where that is a part of the display.
    region: Option<Rect>,
    kept: Option<Kept>,
}

#[derive(Default)]
pub struct Bar(Mutex<Now>);

#[derive(Default)]
struct Now {
    /// `None`: nothing is recorded.
    place: Option<Place>,
    /// Not wanted for this recording.
    away: bool,
    fit: Option<(Size, Vec<Card>)>,
    shown: bool,
    /// How often it moved in the drag of now. `None`: nobody drags it.
    drag: Option<u64>,
}

impl Bar {
    pub fn is_shown(&self) -> bool {
        self.lock().shown
    }

    /// Something is recorded, and the bar is not wanted for it.
    pub fn is_away(&self) -> bool {
        let now = self.lock();
        now.place.is_some() && now.away
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// With each change: a recording that begins gets its bar.
pub async fn follow(handle: &AppHandle, app: &App, recorder: &RecorderView) {
    let bar = handle.state::<Bar>();
    let is_on = !matches!(recorder, RecorderView::Idle);
    let was_on = bar.lock().place.is_some();
    if is_on == was_on {
        return;
    }
    if !is_on {
        // The page, which hears of it too, takes the window away.
        let mut now = bar.lock();
        (now.place, now.away) = (None, false);
        return;
    }
    let (Ok(Some(request)), Ok(settings)) = (app.recorded().await, app.settings().await) else {
        return;
    };
    let Some(mut place) = place_for(handle, &request.source) else { return };
    let kept = app.recall(&remembered(&place.display)).await.ok().flatten();
    place.kept = kept.and_then(|text| serde_json::from_str(&text).ok());
    {
        let mut now = bar.lock();
        (now.place, now.away) = (Some(place), !settings.desktop.show_bar);
    }
    if settings.desktop.show_bar {
        on_main(handle, create);
    }
}

/// On the main thread: for this recording it is wanted again.
pub fn show(handle: &AppHandle) -> tauri::Result<()> {
    handle.state::<Bar>().lock().away = false;
    create(handle)?;
    put(handle)
}

pub fn hide(handle: &AppHandle) -> tauri::Result<()> {
    handle.state::<Bar>().lock().away = true;
    take_away(handle)
}

/// On the main thread: gives the window its page's size. None hides it.
pub fn fit(handle: &AppHandle, size: Option<Size>, cards: Vec<Card>) -> tauri::Result<()> {
    handle.state::<Bar>().lock().fit = size.map(|size| (size, cards));
    match size {
        Some(_) => put(handle),
        None => take_away(handle),
    }
}

/// The person pressed upon it and moves it.
pub fn drag(handle: &AppHandle) -> tauri::Result<()> {
    let Some(window) = handle.get_webview_window(LABEL) else { return Ok(()) };
    handle.state::<Bar>().lock().drag = Some(0);
    window.start_dragging()
}

/// On the main thread. Made before it is wanted, it is there when a recording begins.
pub fn create(handle: &AppHandle) -> tauri::Result<()> {
    if handle.get_webview_window(LABEL).is_some() {
        return Ok(());
    }
    let window = panel::create(handle, LABEL, "bar", word("recorder_bar"), |window| {
        window.focused(false).focusable(false).content_protected(true)
    })?;
    platform::make_panel(&window, false);
    let moved = handle.clone();
    window.on_window_event(move |event| {
        if let WindowEvent::Moved(_) = event {
            note_move(&moved);
        }
    });
    Ok(())
}

/// Places and shows it, where it is wanted.
fn put(handle: &AppHandle) -> tauri::Result<()> {
    let Some(window) = handle.get_webview_window(LABEL) else { return Ok(()) };
    let bar = handle.state::<Bar>();
    let mut now = bar.lock();
    let (Some(place), Some((size, cards)), false) = (&now.place, now.fit.clone(), now.away) else {
        return Ok(());
    };
    if now.drag.is_some() {
        return Ok(());
    }
    let px = |length: f64| (length * place.scale).round() as u32;
    let (width, height) = (px(size.width), px(size.height));
    let (x, y) = spot(place, (width, height));
    now.shown = true;
    // Moving it makes events that want the same lock.
    drop(now);
    panel::show(&window, Rect { x, y, width, height }, cards).map(drop)
}

fn take_away(handle: &AppHandle) -> tauri::Result<()> {
    handle.state::<Bar>().lock().shown = false;
    match handle.get_webview_window(LABEL) {
        Some(window) => platform::set_visible(&window, false),
        None => Ok(()),
    }
}

fn note_move(handle: &AppHandle) {
    let moves = {
        let bar = handle.state::<Bar>();
        let mut now = bar.lock();
        let Some(moves) = &mut now.drag else { return };
        *moves += 1;
        *moves
    };
    let handle = handle.clone();
    async_runtime::spawn(async move {
        tokio::time::sleep(STANDS_STILL).await;
        let is_last = handle.state::<Bar>().lock().drag == Some(moves);
        if is_last {
            on_main(&handle, end_drag);
        }
    });
}

/// It stays where it was left, but on a display, and is there again the next time.
fn end_drag(handle: &AppHandle) -> tauri::Result<()> {
    let Some(window) = handle.get_webview_window(LABEL) else { return Ok(()) };
    let (corner, size) = (window.outer_position()?, window.outer_size()?);
    let middle = corner.x + size.width.cast_signed() / 2;
    let monitor = monitor_at(handle, middle, corner.y);
    let remembered = {
        let bar = handle.state::<Bar>();
        let mut now = bar.lock();
        now.drag = None;
        let (Some(place), Some(monitor)) = (&mut now.place, monitor) else { return Ok(()) };
        *place = Place { region: place.region, ..place_on(&monitor) };
        let kept = Kept { x: middle - place.corner.x, y: corner.y - place.corner.y };
        place.kept = Some(kept);
        (remembered(&place.display), serde_json::to_string(&kept).unwrap_or_default())
    };
    let app = handle.state::<App>().inner().clone();
    async_runtime::spawn(async move {
        if let Err(error) = app.remember(&remembered.0, remembered.1).await {
            tracing::warn!(%error, "the bar's place can't be kept");
        }
    });
    put(handle)
}

fn remembered(display: &str) -> String {
    format!("bar-{display}")
}

/// On the display that is recorded.
fn place_for(handle: &AppHandle, source: &Source) -> Option<Place> {
    let middle = |start: i32, length: u32| start + length.cast_signed() / 2;
    let nth = |index: u32| handle.available_monitors().ok()?.into_iter().nth(index as usize);
    let first = || handle.primary_monitor().ok()?.or_else(|| nth(0));
    let (monitor, region) = match *source {
        Source::Display(None) => (first(), None),
        Source::Display(Some(index)) => (nth(index), None),
        Source::Window(_) => {
            let pointer = handle.cursor_position().ok();
            (pointer.and_then(|at| monitor_at(handle, at.x as i32, at.y as i32)), None)
        }
        Source::Region { x, y, width, height } => (
            monitor_at(handle, middle(x, width), middle(y, height)),
            Some(Rect { x, y, width, height }),
        ),
    };
    Some(Place { region, ..place_on(&monitor.or_else(first)?) })
}

fn place_on(monitor: &Monitor) -> Place {
    Place {
        display: monitor.name().cloned().unwrap_or_default(),
        corner: *monitor.position(),
        area: area_of(monitor),
        scale: monitor.scale_factor(),
        region: None,
        kept: None,
    }
}

/// The window's corner. Where a person left it, inside the work area; but not upon the region that
/// is recorded, where there is room beside it.
fn spot(place: &Place, (width, height): (u32, u32)) -> (i32, i32) {
    let at = |x: i32, y: i32| place.area.hold(Rect { x, y, width, height });
    let gap = (GAP * place.scale).round() as i32;
    let (w, h) = (width.cast_signed(), height.cast_signed());
    let kept = place.kept.map(|kept| at(place.corner.x + kept.x - w / 2, place.corner.y + kept.y));
    let area = place.area;
    let usual = at(area.x + (area.width.cast_signed() - w) / 2, area.bottom() - h - gap);
    let Some(region) = place.region else {
        let rect = kept.unwrap_or(usual);
        return (rect.x, rect.y);
    };
    // The window has room for a shadow around the pill, which may lie on the region.
    let x = region.x + (region.width.cast_signed() - w) / 2;
    let beside = [
        at(x, region.bottom()),
        at(x, region.y - h),
        at(region.right(), region.bottom() - h),
        at(region.x - w, region.bottom() - h),
    ];
    let free = kept.into_iter().chain(beside).find(|rect| !rect.meets(region));
    let rect = free.or(kept).unwrap_or(usual);
    (rect.x, rect.y)
}

fn on_main(handle: &AppHandle, act: fn(&AppHandle) -> tauri::Result<()>) {
    let there = handle.clone();
    let asked = handle.run_on_main_thread(move || {
        if let Err(error) = act(&there) {
            tracing::warn!(%error, "the recorder bar can't be placed");
        }
    });
    if let Err(error) = asked {
        tracing::warn!(%error, "the recorder bar can't be reached");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (u32, u32) = (400, 80);

    /// A panel of 30 px above.
    fn place(region: Option<Rect>, kept: Option<Kept>) -> Place {
        Place {
            display: "first".into(),
            corner: PhysicalPosition::new(0, 0),
            area: Rect { x: 0, y: 30, width: 1280, height: 690 },
            scale: 1.0,
            region,
            kept,
        }
    }

    #[test]
    fn it_is_at_the_bottom_or_where_it_was_left_but_never_off_the_display() {
        assert_eq!(spot(&place(None, None), SIZE), (440, 720 - 80 - 24));
        let left = Some(Kept { x: 640, y: 100 });
        assert_eq!(spot(&place(None, left), SIZE), (440, 100));
        let beyond = Some(Kept { x: 5_000, y: -50 });
        assert_eq!(spot(&place(None, beyond), SIZE), (880, 30));
    }

    #[test]
    fn it_is_beside_a_region_where_there_is_room() {
        let region = |x, y, width, height| Some(Rect { x, y, width, height });
        let at = |region| spot(&place(region, None), SIZE);
        assert_eq!(at(region(400, 100, 480, 300)), (440, 400), "below");
        assert_eq!(at(region(0, 100, 300, 300)), (0, 400), "below, at the edge");
        assert_eq!(at(region(400, 300, 480, 400)), (440, 220), "above");
        assert_eq!(at(region(0, 30, 800, 690)), (800, 640), "at the right");
        assert_eq!(at(region(480, 30, 800, 690)), (80, 640), "at the left");
        assert_eq!(at(region(0, 0, 1280, 720)), (440, 616), "nowhere: upon it");
    }

    #[test]
    fn where_it_was_left_holds_beside_a_region_only() {
        let region = Some(Rect { x: 400, y: 100, width: 480, height: 300 });
        let free = Some(Kept { x: 640, y: 600 });
        assert_eq!(spot(&place(region, free), SIZE), (440, 600));
        let upon = Some(Kept { x: 640, y: 200 });
        assert_eq!(spot(&place(region, upon), SIZE), (440, 400));
    }
}
