//! The recorder bar's window. It is shown while something is recorded, never takes the focus, and stays
//! where the person dragged it. It is kept out of the recorded picture: beside a recorded area or on
//! another display. If no display has room for it, it is hidden until the person asks for it, and the tray
//! and shortcuts serve meanwhile. Its page determines its content and size.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use snaplark_app::view::RecorderView;
use snaplark_app::{App, Shortcut, Source};
use tauri::{AppHandle, Manager, async_runtime};

use crate::panel::{self, Card, Size};
use crate::place::{Display, Rect, displays_from, point_of_attention};
use crate::platform::{self, Dragged};
use crate::recorded::{Recorded, Seen};
use crate::shortcut::{Shortcuts, State};
use crate::words::word;

pub const LABEL: &str = "bar";

/// The key under which is stored that the person was told about the hidden bar.
const TOLD_HIDDEN: &str = "bar-hidden-told";
/// The distance between the bar and the edge of the work area, in CSS pixels.
const GAP: f64 = 24.0;
/// The size assumed before the page has reported one; close to the real one.
const USUAL_SIZE: Size = Size { width: 460.0, height: 80.0 };

/// Where a person left the bar: the middle of its upper edge, relative to its display's corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    x: i32,
    y: i32,
}

/// The inputs of the bar's position during one recording.
#[derive(Clone, Debug)]
struct Stage {
    /// The display to prefer comes first.
    displays: Vec<Display>,
    /// The recorded area, if a part of a display is recorded.
    region: Option<Rect>,
    /// Positions by the displays' names.
    kept: HashMap<String, Kept>,
}

#[derive(Default)]
pub struct Bar(Mutex<Now>);

#[derive(Default)]
struct Now {
    /// `None`: nothing is recorded.
    stage: Option<Stage>,
    /// Hidden for this recording.
    away: bool,
    /// The person asked for the bar, even if it is in the picture.
    insisted: bool,
    fit: Option<(Size, Vec<Card>)>,
    shown: bool,
    dragged: bool,
    /// The person was told that the bar is hidden, or needn't be any more.
    told: bool,
}

impl Bar {
    pub fn is_shown(&self) -> bool {
        self.lock().shown
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    /// Returns where the bar should be, or `None` if it should be hidden.
    fn spot(&self, avoided: Option<Seen>) -> Option<Rect> {
        let stage = self.stage.as_ref().filter(|_| !self.away)?;
        let size = self.fit.as_ref().map_or(USUAL_SIZE, |(size, _)| *size);
        spot(stage, size, avoided, self.insisted)
    }
}

/// Returns whether something is recorded while the bar is hidden, because it is not wanted or would be in
/// the picture.
pub fn is_away(handle: &AppHandle) -> bool {
    let avoided = handle.state::<Recorded>().to_avoid();
    let bar = handle.state::<Bar>();
    let now = bar.lock();
    now.stage.is_some() && now.spot(avoided).is_none()
}

/// Called with each change of the recorder. A recording that begins gets its bar.
pub async fn follow(handle: &AppHandle, app: &App, recorder: &RecorderView) {
    let bar = handle.state::<Bar>();
    let is_on = !matches!(recorder, RecorderView::Idle);
    let was_on = bar.lock().stage.is_some();
    if is_on == was_on {
        return;
    }
    if !is_on {
        // The page also learns of the end and hides the window.
        let mut now = bar.lock();
        (now.stage, now.away, now.insisted) = (None, false, false);
        return;
    }
    let (Ok(Some(request)), Ok(settings)) = (app.recorded().await, app.settings().await) else {
        return;
    };
    let mut stage = stage_for(handle, request.source).await;
    for display in &stage.displays {
        let kept = app.recall(&remembered(&display.name)).await.ok().flatten();
        let kept = kept.and_then(|text| serde_json::from_str(&text).ok());
        stage.kept.extend(kept.map(|kept| (display.name.clone(), kept)));
    }
    {
        let mut now = bar.lock();
        (now.stage, now.away) = (Some(stage), !settings.desktop.show_bar);
    }
    if settings.desktop.show_bar {
        on_main(handle, |handle| {
            create(handle)?;
            put(handle)
        });
    }
}

/// Tells the person, once ever, that the bar is hidden because it would be in the picture, and how to stop
/// the recording instead. If toasts have no room either, this appears after the recording.
pub async fn tell_hidden(handle: &AppHandle, app: &App, recorder: &RecorderView) {
    let is_over_or_young = !matches!(recorder, RecorderView::Recording { .. });
    {
        let avoided = handle.state::<Recorded>().to_avoid();
        let bar = handle.state::<Bar>();
        let mut now = bar.lock();
        let is_hidden = !now.away && now.stage.is_some() && now.spot(avoided).is_none();
        if is_over_or_young || !is_hidden || std::mem::replace(&mut now.told, true) {
            return;
        }
    }
    if !matches!(app.recall(TOLD_HIDDEN).await, Ok(None)) {
        return;
    }
    let keys = handle.try_state::<Shortcuts>().map(|shortcuts| shortcuts.of(Shortcut::Record));
    let keys = keys.filter(|bound| bound.state == State::Works).map(|bound| bound.keys);
    let told = async {
        app.note_bar_hidden(keys.unwrap_or_default()).await?;
        app.remember(TOLD_HIDDEN, "yes".to_owned()).await
    };
    if let Err(error) = told.await {
        tracing::warn!(%error, "that the bar is hidden can't be said");
    }
}

/// Hides or moves the bar before a recording starts, if it would be in the picture. Returns whether it was
/// there. Must be called on the main thread.
pub fn make_way(handle: &AppHandle) -> tauri::Result<bool> {
    let avoided = handle.state::<Recorded>().to_avoid();
    let was_in_it = {
        let bar = handle.state::<Bar>();
        let now = bar.lock();
        let at = handle.get_webview_window(LABEL).and_then(|window| platform::place_of(&window));
        now.shown && at.zip(avoided).is_some_and(|(at, avoided)| avoided.has(at))
    };
    if was_in_it {
        put(handle)?;
    }
    Ok(was_in_it)
}

/// Shows the bar for this recording although it was hidden. Must be called on the main thread.
pub fn show(handle: &AppHandle) -> tauri::Result<()> {
    {
        let bar = handle.state::<Bar>();
        let mut now = bar.lock();
        (now.away, now.insisted) = (false, true);
    }
    create(handle)?;
    put(handle)
}

pub fn hide(handle: &AppHandle) -> tauri::Result<()> {
    handle.state::<Bar>().lock().away = true;
    take_away(handle)
}

/// Gives the window its page's size; `None` hides it. Must be called on the main thread.
pub fn fit(handle: &AppHandle, size: Option<Size>, cards: Vec<Card>) -> tauri::Result<()> {
    handle.state::<Bar>().lock().fit = size.map(|size| (size, cards));
    match size {
        Some(_) => put(handle),
        None => take_away(handle),
    }
}

/// Starts moving the bar when the person presses on it. Must be called on the main thread.
pub fn drag(handle: &AppHandle) -> tauri::Result<()> {
    let Some(window) = handle.get_webview_window(LABEL) else { return Ok(()) };
    handle.state::<Bar>().lock().dragged = true;
    let there = handle.clone();
    platform::drag(&window, move |dragged| {
        if let Err(error) = end_drag(&there, dragged) {
            tracing::warn!(%error, "the recorder bar can't be placed");
        }
    })
}

/// Creates the window ahead of time, so that it is ready when a recording begins. Must be called on the
/// main thread.
pub fn create(handle: &AppHandle) -> tauri::Result<()> {
    if handle.get_webview_window(LABEL).is_some() {
        return Ok(());
    }
    let window = panel::create(handle, LABEL, "bar", word("recorder_bar"), |window| {
        window.focused(false).focusable(false).content_protected(true)
    })?;
    platform::make_notice(&window);
    Ok(())
}

/// Places and shows the window if it is wanted and allowed.
fn put(handle: &AppHandle) -> tauri::Result<()> {
    let Some(window) = handle.get_webview_window(LABEL) else { return Ok(()) };
    let avoided = handle.state::<Recorded>().to_avoid();
    let bar = handle.state::<Bar>();
    let mut now = bar.lock();
    if now.dragged {
        return Ok(());
    }
    let Some((_, cards)) = now.fit.clone() else { return Ok(()) };
    let spot = now.spot(avoided);
    now.shown = spot.is_some();
    // The lock is released first, because moving the window causes events that take it too.
    drop(now);
    match spot {
        Some(at) => panel::show(&window, at, cards).map(drop),
        None => platform::set_visible(&window, false),
    }
}

fn take_away(handle: &AppHandle) -> tauri::Result<()> {
    handle.state::<Bar>().lock().shown = false;
    match handle.get_webview_window(LABEL) {
        Some(window) => platform::set_visible(&window, false),
        None => Ok(()),
    }
}

/// Keeps the bar where it was dropped, moved onto a display if necessary, and stores the position.
fn end_drag(handle: &AppHandle, dragged: Dragged) -> tauri::Result<()> {
    let left = {
        let bar = handle.state::<Bar>();
        let mut now = bar.lock();
        now.dragged = false;
        match (dragged, &mut now.stage) {
            (Dragged::To(at), Some(stage)) => {
                let middle = at.x + at.width.cast_signed() / 2;
                let displays = displays_from(handle, (middle, at.y));
                let left = displays.first().map(|display| {
                    let kept = Kept { x: middle - display.at.x, y: at.y - display.at.y };
                    stage.kept.insert(display.name.clone(), kept);
                    let text = serde_json::to_string(&kept).unwrap_or_default();
                    (remembered(&display.name), text)
                });
                stage.displays = displays;
                left
            }
            (Dragged::To(_) | Dragged::Nowhere, _) => None,
        }
    };
    if let Some((what, kept)) = left {
        let app = handle.state::<App>().inner().clone();
        async_runtime::spawn(async move {
            if let Err(error) = app.remember(&what, kept).await {
                tracing::warn!(%error, "the bar's place can't be kept");
            }
        });
    }
    put(handle)
}

fn remembered(display: &str) -> String {
    format!("bar-{display}")
}

/// Collects what the position depends on. The recorded display comes first; for a recording of a window,
/// the display with the pointer.
async fn stage_for(handle: &AppHandle, source: Source) -> Stage {
    let middle = |at: Rect| (at.x + at.width.cast_signed() / 2, at.y + at.height.cast_signed() / 2);
    let region = match source {
        Source::Region { x, y, width, height } => Some(Rect { x, y, width, height }),
        Source::Display(_) | Source::Window(_) => None,
    };
    let seen = async_runtime::spawn_blocking(move || Seen::of(&source)).await;
    let from = match seen {
        Ok(Seen::Part(part)) => middle(part),
        Ok(Seen::NoneOfOurs | Seen::SomeDisplay) | Err(_) => point_of_attention(handle),
    };
    Stage { displays: displays_from(handle, from), region, kept: HashMap::new() }
}

/// Picks the bar's position: where a person left it, else beside the recorded area, else at the bottom; on
/// the first display where one of these is outside of `avoided`. If there is none and the person insists,
/// inside it.
fn spot(stage: &Stage, size: Size, avoided: Option<Seen>, insisted: bool) -> Option<Rect> {
    let free = |rect: &Rect| avoided.is_none_or(|avoided| !avoided.has(*rect));
    let all = || stage.displays.iter().flat_map(|display| spots(stage, display, size));
    // The bar is out of the way beside an area, even if it may be in the picture.
    let beside = |rect: &Rect| stage.region.is_none_or(|region| !rect.meets(region));
    let upon = || if insisted { all().next() } else { None };
    all().filter(beside).find(free).or_else(|| all().find(free)).or_else(upon)
}

fn spots(stage: &Stage, display: &Display, size: Size) -> impl Iterator<Item = Rect> {
    let (width, height) = (display.px(size.width), display.px(size.height));
    let (w, h) = (width.cast_signed(), height.cast_signed());
    let gap = display.px(GAP).cast_signed();
    let area = display.area;
    let at = move |x: i32, y: i32| area.hold(Rect { x, y, width, height });
    let kept = stage.kept.get(&display.name);
    let kept = kept.map(|kept| at(display.at.x + kept.x - w / 2, display.at.y + kept.y));
    let beside = stage.region.filter(|region| region.meets(display.at)).map(|region| {
        // The window has a margin for the shadow around the pill; the margin may overlap the region.
        let x = region.x + (region.width.cast_signed() - w) / 2;
        [
            at(x, region.bottom()),
            at(x, region.y - h),
            at(region.right(), region.bottom() - h),
            at(region.x - w, region.bottom() - h),
        ]
    });
    let usual = at(area.x + (area.width.cast_signed() - w) / 2, area.bottom() - h - gap);
    kept.into_iter().chain(beside.into_iter().flatten()).chain([usual])
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

    const SIZE: Size = Size { width: 400.0, height: 80.0 };

    /// Returns a display with a panel of 30 px at the top.
    fn display(x: i32) -> Display {
        Display {
            name: x.to_string(),
            at: Rect { x, y: 0, width: 1280, height: 720 },
            area: Rect { x, y: 30, width: 1280, height: 690 },
            scale: 1.0,
        }
    }

    fn stage(region: Option<Rect>, kept: Option<Kept>) -> Stage {
        let kept = kept.into_iter().map(|kept| ("0".to_owned(), kept)).collect();
        Stage { displays: vec![display(0)], region, kept }
    }

    fn at(stage: &Stage, avoided: Option<Seen>) -> Option<(i32, i32)> {
        spot(stage, SIZE, avoided, false).map(|rect| (rect.x, rect.y))
    }

    #[test]
    fn bar_is_at_the_bottom_or_where_it_was_left_but_never_off_the_display() {
        let window = Some(Seen::NoneOfOurs);
        assert_eq!(at(&stage(None, None), window), Some((440, 720 - 80 - 24)));
        let left = Some(Kept { x: 640, y: 100 });
        assert_eq!(at(&stage(None, left), window), Some((440, 100)));
        let beyond = Some(Kept { x: 5_000, y: -50 });
        assert_eq!(at(&stage(None, beyond), window), Some((880, 30)));
    }

    #[test]
    fn bar_is_beside_a_region_where_there_is_room() {
        let at = |x, y, width, height| {
            let region = Rect { x, y, width, height };
            at(&stage(Some(region), None), Some(Seen::Part(region)))
        };
        assert_eq!(at(400, 100, 480, 300), Some((440, 400)), "below");
        assert_eq!(at(0, 100, 300, 300), Some((0, 400)), "below, at the edge");
        assert_eq!(at(400, 300, 480, 400), Some((440, 220)), "above");
        assert_eq!(at(0, 30, 800, 690), Some((800, 640)), "at the right");
        assert_eq!(at(480, 30, 800, 690), Some((80, 640)), "at the left");
        assert_eq!(at(0, 0, 1280, 720), None, "nowhere");
    }

    #[test]
    fn bar_stays_where_it_was_left_unless_that_is_recorded() {
        let region = Rect { x: 400, y: 100, width: 480, height: 300 };
        let at = |kept| at(&stage(Some(region), Some(kept)), Some(Seen::Part(region)));
        assert_eq!(at(Kept { x: 640, y: 600 }), Some((440, 600)));
        assert_eq!(at(Kept { x: 640, y: 200 }), Some((440, 400)));
    }

    #[test]
    fn bar_goes_to_another_display_or_away_when_its_display_is_recorded() {
        let first = Some(Seen::Part(display(0).at));
        let alone = stage(None, Some(Kept { x: 640, y: 100 }));
        assert_eq!(at(&alone, first), None);
        let beside = Stage { displays: vec![display(0), display(1280)], ..alone.clone() };
        assert_eq!(at(&beside, first), Some((1280 + 440, 616)));
        assert_eq!(at(&beside, Some(Seen::SomeDisplay)), None);
        // The bar is wanted in the picture, or the person asked for it.
        assert_eq!(at(&alone, None), Some((440, 100)));
        let insisted = spot(&alone, SIZE, first, true);
        assert_eq!(insisted.map(|rect| (rect.x, rect.y)), Some((440, 100)));
    }
}
