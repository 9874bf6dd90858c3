//! The recorder bar's window. Whether it is shown and where is decided by `snaplark_app::desktop::bar`; its page
//! determines its content and size. It never takes the focus.

use std::sync::{Mutex, PoisonError};

use snaplark_app::App;
use snaplark_app::desktop::bar::{Bar, BarWindow};
use tauri::{AppHandle, Manager, async_runtime};

use crate::captured_area::AvoidedArea;
use crate::events::UiEvent;
use crate::panel::{self, Card, Size};
use crate::place::displays_from;
use crate::platform::{self, DragOutcome};
use crate::words::{Word, word};

pub const LABEL: &str = "bar";

/// The bar's state and its window's. The lock is not held while the window moves, because that causes events
/// which take it too.
#[derive(Default)]
pub struct RecorderBar(Mutex<(Bar, BarPage)>);

#[derive(Default)]
struct BarPage {
    /// The visible parts of the page.
    cards: Vec<Card>,
    shown: bool,
    /// When the countdown to a screenshot ends.
    countdown: Option<i64>,
}

impl RecorderBar {
    pub fn with<T>(&self, act: impl FnOnce(&mut Bar) -> T) -> T {
        self.locked(|bar, _| act(bar))
    }

    fn locked<T>(&self, act: impl FnOnce(&mut Bar, &mut BarPage) -> T) -> T {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (bar, page) = &mut *now;
        act(bar, page)
    }

    fn is_shown(&self) -> bool {
        self.locked(|_, page| page.shown)
    }
}

/// Hides or moves the bar before a recording starts, if it would be in the picture. Returns whether it was
/// there. Must be called on the main thread.
pub fn make_way(handle: &AppHandle) -> tauri::Result<bool> {
    let avoided = handle.state::<AvoidedArea>().now().to_avoid_now();
    let at = handle.get_webview_window(LABEL).and_then(|window| platform::place_of(&window));
    let is_in_it = at.zip(avoided).is_some_and(|(at, avoided)| avoided.has(at));
    let was_in_it = is_in_it && handle.state::<RecorderBar>().is_shown();
    if was_in_it {
        put(handle)?;
    }
    Ok(was_in_it)
}

/// Shows the bar for this recording although it was hidden. Must be called on the main thread.
pub fn show(handle: &AppHandle) -> tauri::Result<()> {
    handle.state::<RecorderBar>().with(Bar::request);
    draw(handle)
}

pub fn hide(handle: &AppHandle) -> tauri::Result<()> {
    handle.state::<RecorderBar>().with(Bar::hide);
    take_away(handle)
}

/// Shows the countdown to a screenshot until that time; `None` ends it. May be called on any thread.
pub fn count_down(handle: &AppHandle, until_unix_ms: Option<i64>) {
    handle.state::<RecorderBar>().locked(|_, page| page.countdown = until_unix_ms);
    if let Err(error) = UiEvent::Countdown(until_unix_ms).send_to(handle, LABEL) {
        tracing::warn!(%error, "the recorder bar can't be told of the countdown");
    }
}

/// Returns when the countdown to a screenshot ends, for a page that was loaded after it had begun.
pub fn countdown(handle: &AppHandle) -> Option<i64> {
    handle.state::<RecorderBar>().locked(|_, page| page.countdown)
}

/// Gives the window its page's size; `None` hides it. Must be called on the main thread.
pub fn fit(handle: &AppHandle, size: Option<Size>, cards: Vec<Card>) -> tauri::Result<()> {
    handle.state::<RecorderBar>().locked(|bar, page| {
        bar.fit(size);
        page.cards = cards;
    });
    match size {
        Some(_) => put(handle),
        None => take_away(handle),
    }
}

/// Starts moving the bar when the person presses on it. Must be called on the main thread.
pub fn drag(handle: &AppHandle) -> tauri::Result<()> {
    let Some(window) = handle.get_webview_window(LABEL) else { return Ok(()) };
    handle.state::<RecorderBar>().with(Bar::drag_begins);
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
    let window = panel::create(handle, LABEL, "bar", word(Word::RECORDER_BAR), |window| {
        window.focused(false).focusable(false).content_protected(true)
    })?;
    platform::make_notice(&window);
    Ok(())
}

/// Creates the window if it is missing, and places it. Must be called on the main thread.
pub fn draw(handle: &AppHandle) -> tauri::Result<()> {
    create(handle)?;
    put(handle)
}

/// Places and shows the window, or hides it. Must be called on the main thread.
pub fn put(handle: &AppHandle) -> tauri::Result<()> {
    let Some(window) = handle.get_webview_window(LABEL) else { return Ok(()) };
    let avoided = handle.state::<AvoidedArea>().now().to_avoid_now();
    let (to, cards) = handle.state::<RecorderBar>().locked(|bar, page| {
        let to = bar.window(avoided);
        page.shown = match to {
            BarWindow::AsIs => page.shown,
            BarWindow::Hidden => false,
            BarWindow::At(_) => true,
        };
        (to, page.cards.clone())
    });
    match to {
        BarWindow::AsIs => Ok(()),
        BarWindow::Hidden => platform::set_visible(&window, false),
        BarWindow::At(at) => panel::show(&window, at, cards).map(drop),
    }
}

fn take_away(handle: &AppHandle) -> tauri::Result<()> {
    handle.state::<RecorderBar>().locked(|_, page| page.shown = false);
    match handle.get_webview_window(LABEL) {
        Some(window) => platform::set_visible(&window, false),
        None => Ok(()),
    }
}

/// Keeps the bar where it was dropped, moved onto a display if necessary, and stores the position.
fn end_drag(handle: &AppHandle, dragged: DragOutcome) -> tauri::Result<()> {
    let (to, displays) = match dragged {
        DragOutcome::To(at) => {
            let middle = at.x + at.width.cast_signed() / 2;
            (Some(at), displays_from(handle, (middle, at.y)))
        }
        DragOutcome::Nowhere => (None, Vec::new()),
    };
    let stored = handle.state::<RecorderBar>().with(|bar| bar.drag_ends(to, displays));
    if let Some((key, position)) = stored {
        let app = handle.state::<App>().inner().clone();
        async_runtime::spawn(async move {
            if let Err(error) = app.remember(&key, position).await {
                tracing::warn!(%error, "the bar's place can't be kept");
            }
        });
    }
    put(handle)
}

/// Sends sound levels to the bar while it is visible.
pub async fn follow_levels(handle: AppHandle, app: App) {
    let mut levels = app.levels();
    while levels.changed().await.is_ok() {
        let now = *levels.borrow_and_update();
        if handle.state::<RecorderBar>().is_shown()
            && let Err(error) = UiEvent::Levels(now).send_to(&handle, LABEL)
        {
            tracing::warn!(%error, "the recorder bar can't be told a level");
        }
    }
}
