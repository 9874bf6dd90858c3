//! The chooser: one window over each display that shows a still picture of that display, on which the
//! person chooses a region, a window or the display. The still makes dimming possible without a compositor
//! and allows looking at single pixels. It is never written to disk: pages get it through a URI scheme of
//! its own, and it is dropped when the chooser closes.
//!
//! If the desktop itself asks what to share, its dialog is the chooser.

use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use snaplark_app::control;
use snaplark_app::view::{Levels, RecorderView};
use snaplark_app::{App, Microphone, SettingsChange, Source, StartRequest};
use snaplark_capture::{Meter, Picture, Screen, ShownWindow};
use tauri::http::{Request, Response, StatusCode, header};
use tauri::{AppHandle, Emitter, Manager, Url, WebviewWindow, async_runtime};

use crate::place::Rect;
use crate::words::word;
use crate::{panel, platform, shell};

/// The prefix of the window labels; the display's number follows.
pub const LABEL: &str = "chooser-";
pub const SCHEME: &str = "still";
/// The event that tells pages which stay loaded that there are new pictures to choose from.
const OPENED: &str = "chooser-opened";
/// How long to wait until other programs have redrawn what lay below our windows. They can't be asked when
/// they are done.
pub const UNCOVERED: Duration = Duration::from_millis(150);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Area,
    Window,
    Display,
}

/// The content of one page.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChooserView {
    kind: Kind,
    display: DisplayView,
    /// The number of displays.
    displays: usize,
    /// The windows on all displays, topmost first.
    windows: Vec<WindowView>,
    /// The region chosen last time, if it is on this display.
    last: Option<Rect>,
    microphone: Microphone,
    system_sound: bool,
    webcam: bool,
    countdown_seconds: u32,
    picture: String,
    /// The pointer is on this display.
    has_pointer: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct DisplayView {
    name: String,
    at: Rect,
}

#[derive(Clone, Debug, Serialize)]
pub struct WindowView {
    /// A string, because JavaScript numbers can't hold every id.
    id: String,
    title: String,
    program: String,
    at: Rect,
}

/// The chosen source, and how it is to be recorded.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    source: Chosen,
    microphone: Microphone,
    system_sound: bool,
    webcam: bool,
    countdown_seconds: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
enum Chosen {
    Display,
    Window { id: String },
    Area { at: Rect },
}

#[derive(Default)]
pub struct Chooser(Mutex<Now>);

#[derive(Default)]
struct Now {
    /// Grows with each opening, so that no page shows an earlier picture.
    opening: u64,
    open: Option<Vec<Still>>,
    meter: Option<Meter>,
}

/// The still picture of one display.
struct Still {
    view: ChooserView,
    bmp: Vec<u8>,
    number: u32,
    is_first: bool,
}

impl Chooser {
    fn lock(&self) -> MutexGuard<'_, Now> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the chooser. May be called on any thread. `covered` says that one of our windows was shown until
/// now.
pub fn open(handle: &AppHandle, kind: Kind, covered: bool) {
    let handle = handle.clone();
    async_runtime::spawn(async move {
        if snaplark_capture::desktop_asks() {
            // The app shows a failed start as a toast; here it is only logged.
            if let Err(error) = let_desktop_ask(&handle, kind).await {
                tracing::warn!(%error, "nothing was chosen");
            }
            return;
        }
        if let Err(error) = prepare(&handle, kind, covered).await {
            tracing::error!(%error, "the chooser can't be opened");
        }
    });
}

/// Lets the desktop ask what to share and records that. Portals offer displays and windows; some list parts
/// of a display among the displays.
async fn let_desktop_ask(handle: &AppHandle, kind: Kind) -> Result<(), snaplark_app::AppError> {
    let app = handle.state::<App>().inner().clone();
    let source = match kind {
        // Any window will do, since the source has no name before the answer.
        Kind::Window => Source::Window(0),
        Kind::Area | Kind::Display => Source::Display(None),
    };
    let request = app.settings().await?.recording.request_with_microphone_at_hand(source);
    app.start_recording(StartRequest { asks: true, ..request }).await.map(drop)
}

async fn prepare(handle: &AppHandle, kind: Kind, covered: bool) -> anyhow::Result<()> {
    let app = handle.state::<App>().inner().clone();
    let chooser = handle.state::<Chooser>();
    if chooser.lock().open.is_some() {
        close(handle)?;
        return Ok(());
    }
    if !matches!(app.snapshot().await?.recorder, RecorderView::Idle) {
        return Ok(());
    }
    if covered {
        tokio::time::sleep(UNCOVERED).await;
    }
    let looked = async_runtime::spawn_blocking(|| {
        let surroundings = snaplark_capture::surroundings()?;
        let pictures: Result<Vec<Picture>, _> =
            surroundings.screens.iter().map(|it| snaplark_capture::picture_of(it.at)).collect();
        anyhow::Ok((surroundings, pictures?))
    });
    let (surroundings, pictures) = looked.await??;
    let settings = app.settings().await?.recording;
    let windows: Vec<WindowView> = surroundings.windows.iter().map(WindowView::of).collect();
    let displays = surroundings.screens.len();
    let pointer = pointer(handle);
    let opening = {
        let mut now = chooser.lock();
        now.opening += 1;
        now.opening
    };
    let mut stills = Vec::new();
    for (number, (screen, picture)) in (0_u32..).zip(surroundings.screens.iter().zip(pictures)) {
        let at = rect_of(screen.at);
        let last = app.recall(&remembered(&screen.name)).await?;
        let last: Option<Rect> = last.and_then(|text| serde_json::from_str(&text).ok());
        let has_pointer = pointer.map_or(screen.is_first, |pointer| at.meets(pointer));
        let view = ChooserView {
            kind,
            display: DisplayView { name: screen.name.clone(), at },
            displays,
            windows: windows.clone(),
            last: last.filter(|last| at.hold(*last) == *last && at.meets(*last)),
            microphone: settings.microphone.clone(),
            system_sound: settings.system_sound,
            webcam: settings.webcam.shown,
            countdown_seconds: settings.countdown_seconds,
            picture: address(number, opening),
            has_pointer,
        };
        stills.push(Still { view, bmp: bmp(&picture), number, is_first: screen.is_first });
    }
    chooser.lock().open = Some(stills);
    let there = handle.clone();
    handle.run_on_main_thread(move || {
        for number in 0..displays {
            let shown = match there.get_webview_window(&format!("{LABEL}{number}")) {
                Some(window) => window.emit_to(window.label(), OPENED, ()),
                None => create(&there, number),
            };
            if let Err(error) = shown {
                tracing::error!(%error, "the chooser can't be shown");
            }
        }
    })?;
    Ok(())
}

/// Creates the first display's window ahead of time, so that the first choice doesn't have to wait for it.
/// Its page finds nothing to choose and stays hidden. The window may exist already, if the person was
/// faster. Must be called on the main thread.
pub fn warm(handle: &AppHandle) -> tauri::Result<()> {
    let is_there = handle.get_webview_window(&format!("{LABEL}0")).is_some();
    match is_there || snaplark_capture::desktop_asks() {
        true => Ok(()),
        false => create(handle, 0),
    }
}

fn create(handle: &AppHandle, number: usize) -> tauri::Result<()> {
    let label = format!("{LABEL}{number}");
    panel::create(handle, &label, "chooser", word("chooser"), |window| window.transparent(false))?;
    Ok(())
}

pub fn view(handle: &AppHandle, window: &WebviewWindow) -> Option<ChooserView> {
    let number = number_of(window.label())?;
    let chooser = handle.state::<Chooser>();
    let now = chooser.lock();
    let stills = now.open.as_ref()?;
    stills.iter().find(|still| still.number == number).map(|still| still.view.clone())
}

/// Shows a window whose page has drawn its picture. Must be called on the main thread.
pub fn show(handle: &AppHandle, window: &WebviewWindow) -> tauri::Result<()> {
    let Some(view) = view(handle, window) else { return Ok(()) };
    platform::cover(window, view.display.at, view.has_pointer)?;
    if view.has_pointer {
        platform::take_focus(window)?;
    }
    Ok(())
}

/// Moves the focus to the window of the display `steps` further. Must be called on the main thread.
pub fn pass(handle: &AppHandle, window: &WebviewWindow, steps: i32) -> tauri::Result<()> {
    let chooser = handle.state::<Chooser>();
    let count = chooser.lock().open.as_ref().map_or(0, Vec::len);
    let (Some(number), Ok(count @ 1..)) = (number_of(window.label()), i32::try_from(count)) else {
        return Ok(());
    };
    let next = (number.cast_signed() + steps).rem_euclid(count);
    match handle.get_webview_window(&format!("{LABEL}{next}")) {
        Some(next) => platform::take_focus(&next),
        None => Ok(()),
    }
}

/// Closes the windows and drops the pictures. May be called on any thread.
pub fn close(handle: &AppHandle) -> tauri::Result<()> {
    {
        let chooser = handle.state::<Chooser>();
        let mut now = chooser.lock();
        (now.open, now.meter) = (None, None);
    }
    let there = handle.clone();
    handle.run_on_main_thread(move || {
        for (label, window) in there.webview_windows() {
            if number_of(&label).is_some()
                && let Err(error) = platform::set_visible(&window, false)
            {
                tracing::warn!(%error, "the chooser can't be closed");
            }
        }
    })
}

/// Records the choice, and stores its options as settings for the next recording.
pub async fn choose(
    handle: &AppHandle,
    window: &WebviewWindow,
    choice: Choice,
) -> Result<(), snaplark_app::AppError> {
    let Some(number) = number_of(window.label()) else { return Ok(()) };
    let app = handle.state::<App>().inner().clone();
    let (display, is_first) = {
        let chooser = handle.state::<Chooser>();
        let now = chooser.lock();
        let still = now.open.iter().flatten().find(|still| still.number == number);
        let Some(still) = still else { return Ok(()) };
        (still.view.display.name.clone(), still.is_first)
    };
    let source = match choice.source {
        Chosen::Display if is_first => Source::Display(None),
        Chosen::Display => Source::Display(Some(number)),
        Chosen::Window { id } => Source::Window(id.parse().unwrap_or_default()),
        Chosen::Area { at } => {
            let kept = serde_json::to_string(&at).unwrap_or_default();
            app.remember(&remembered(&display), kept).await?;
            Source::Region { x: at.x, y: at.y, width: at.width, height: at.height }
        }
    };
    let before = app.settings().await?;
    let mut after = before.clone();
    after.recording.microphone = choice.microphone;
    after.recording.system_sound = choice.system_sound;
    after.recording.webcam.shown = choice.webcam;
    after.recording.countdown_seconds = choice.countdown_seconds;
    app.change_settings(SettingsChange::between(&before, &after)).await?;
    if let Err(error) = close(handle) {
        tracing::warn!(%error, "the chooser can't be closed");
    }
    // Waits so that the chooser is not in the first frames.
    tokio::time::sleep(UNCOVERED).await;
    control::record(&app, source).await.map(drop)
}

/// Records the display with the pointer, or the first one if the pointer's position is unknown.
pub async fn record_here(handle: &AppHandle) -> Result<(), snaplark_app::AppError> {
    let app = handle.state::<App>().inner().clone();
    let pointer = pointer(handle);
    let looked = async_runtime::spawn_blocking(snaplark_capture::surroundings).await;
    let screens = looked.ok().and_then(Result::ok).map(|seen| seen.screens).unwrap_or_default();
    let is_here = |screen: &Screen| pointer.is_some_and(|it| rect_of(screen.at).meets(it));
    let here = (0_u32..).zip(&screens).find(|(_, screen)| is_here(screen));
    let source = match here {
        Some((number, screen)) if !screen.is_first => Source::Display(Some(number)),
        Some(_) | None => Source::Display(None),
    };
    tokio::time::sleep(UNCOVERED).await;
    control::record(&app, source).await.map(drop)
}

/// Measures the microphone that the toolbar shows, while the chooser is open.
pub fn listen(handle: &AppHandle, microphone: &Microphone) {
    let told = handle.clone();
    let tell = move |level| {
        let levels = Levels { microphone: level, system: 0 };
        for label in told.webview_windows().keys().filter(|label| number_of(label).is_some()) {
            if let Err(error) = told.emit_to(label.as_str(), shell::LEVELS, levels) {
                tracing::debug!(%error, "a level can't be told");
            }
        }
    };
    let meter = microphone.device().and_then(|device| {
        let listens = snaplark_capture::listen(device, tell);
        listens.inspect_err(|error| tracing::warn!(%error, "the microphone can't be heard")).ok()
    });
    let chooser = handle.state::<Chooser>();
    let mut now = chooser.lock();
    now.meter = meter.filter(|_| now.open.is_some());
}

/// Serves each of the chooser's pages the picture of its own display. Other windows get nothing.
pub fn serve(
    handle: &AppHandle,
    label: &str,
    request: &Request<Vec<u8>>,
) -> Response<Cow<'static, [u8]>> {
    let chooser = handle.state::<Chooser>();
    let now = chooser.lock();
    let found = number_of(label).and_then(|number| {
        let still = now.open.as_ref()?.iter().find(|still| still.number == number)?;
        let wanted = Url::parse(&still.view.picture).ok()?;
        (wanted.path() == request.uri().path()).then(|| still.bmp.clone())
    });
    tracing::debug!(label, is_there = found.is_some(), "a page reads its picture");
    let (status, bytes) = match found {
        Some(bytes) => (StatusCode::OK, Cow::Owned(bytes)),
        None => (StatusCode::NOT_FOUND, Cow::Borrowed(&[][..])),
    };
    let mut response = Response::new(bytes);
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("image/bmp"));
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

/// Returns the pixel under the pointer.
fn pointer(handle: &AppHandle) -> Option<Rect> {
    let at = handle.cursor_position().ok()?;
    Some(Rect { x: at.x as i32, y: at.y as i32, width: 1, height: 1 })
}

fn number_of(label: &str) -> Option<u32> {
    label.strip_prefix(LABEL)?.parse().ok()
}

fn address(number: u32, opening: u64) -> String {
    match cfg!(any(windows, target_os = "android")) {
        true => format!("http://{SCHEME}.localhost/{opening}/{number}.bmp"),
        false => format!("{SCHEME}://localhost/{opening}/{number}.bmp"),
    }
}

fn remembered(display: &str) -> String {
    format!("region-{display}")
}

fn rect_of(at: snaplark_capture::Rect) -> Rect {
    Rect { x: at.x, y: at.y, width: at.width, height: at.height }
}

impl WindowView {
    fn of(window: &ShownWindow) -> Self {
        WindowView {
            id: window.id.to_string(),
            title: window.title.clone(),
            program: window.program.clone(),
            at: rect_of(window.at),
        }
    }
}

/// Encodes the picture as a BMP file, which browsers read without decompressing. The masks leave out the
/// fourth byte, since programs write anything into it.
fn bmp(picture: &Picture) -> Vec<u8> {
    const FILE_HEADER: u32 = 14;
    const INFO_HEADER: u32 = 40;
    const MASKS: [u32; 3] = [0xff_0000, 0xff00, 0xff];
    const BITFIELDS: u32 = 3;
    let start = FILE_HEADER + INFO_HEADER + 4 * MASKS.len() as u32;
    let size = start + picture.bgrx.len() as u32;
    let mut bmp = Vec::with_capacity(size as usize);
    bmp.extend(b"BM");
    bmp.extend([size, 0, start, INFO_HEADER, picture.width].map(u32::to_le_bytes).concat());
    // A negative height means rows from the top down.
    bmp.extend((-picture.height.cast_signed()).to_le_bytes());
    bmp.extend([1_u16, 32].map(u16::to_le_bytes).concat());
    let pixels = picture.bgrx.len() as u32;
    bmp.extend([BITFIELDS, pixels, 0, 0, 0, 0].map(u32::to_le_bytes).concat());
    bmp.extend(MASKS.map(u32::to_le_bytes).concat());
    bmp.extend(&picture.bgrx);
    bmp
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_the_file_that_it_says_it_is() {
        let bgrx = vec![1, 2, 3, 0, 4, 5, 6, 255];
        let bytes = bmp(&Picture { width: 1, height: 2, bgrx: bgrx.clone() });
        assert_eq!(bytes.len(), 66 + 8);
        assert_eq!(&bytes[..2], b"BM");
        let number = |at: usize| i32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!([number(2), number(10), number(18), number(22)], [74, 66, 1, -2]);
        assert_eq!(bytes[66..], bgrx);
    }

    #[test]
    fn each_page_has_an_address_of_its_own() {
        assert_eq!(number_of("chooser-1"), Some(1));
        assert_eq!(number_of("library"), None);
        assert_ne!(address(0, 1), address(0, 2));
        assert_ne!(address(0, 1), address(1, 1));
    }
}
