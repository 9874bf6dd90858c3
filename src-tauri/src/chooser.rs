//! The chooser's windows: one over each display that shows the frozen picture of that display, on which the
//! person chooses an area, a window or the display, for a recording or a screenshot. The picture makes
//! dimming possible without a compositor and allows looking at single pixels. It is never written to disk:
//! pages get it through a URI scheme of its own, and it is dropped when the chooser closes.
//!
//! If the desktop itself asks what to share, its dialog is the chooser.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use snaplark_app::desktop::chooser::{
    ChooserContent, ChooserKind, ChooserPurpose, ChosenDisplay, remembered,
};
use snaplark_app::desktop::screenshot::LAST_AREA;
use snaplark_app::view::Levels;
use snaplark_app::{App, Microphone};
use snaplark_core::devices::UntilDropped;
use snaplark_core::still::{PixelRect, StillPicture, WindowInfo};
use tauri::http::{Request, Response, StatusCode, header};
use tauri::{AppHandle, Manager, Url, WebviewWindow};
use ts_rs::TS;

use crate::events::UiEvent;
use crate::place::Rect;
use crate::stills::rect_of;
use crate::words::{Word, word};
use crate::{devices, panel, platform, stills};

/// The prefix of the window labels; the display's number follows.
pub const LABEL: &str = "chooser-";
pub const SCHEME: &str = "still";
/// The content of one page.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ChooserView {
    kind: ChooserKind,
    purpose: ChooserPurpose,
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

#[derive(Clone, Debug, Serialize, TS)]
pub struct DisplayView {
    name: String,
    at: Rect,
}

#[derive(Clone, Debug, Serialize, TS)]
pub struct WindowView {
    /// A string, because JavaScript numbers can't hold every id.
    id: String,
    title: String,
    program: String,
    at: Rect,
}

#[derive(Default)]
pub struct Chooser(Mutex<ChooserState>);

#[derive(Default)]
struct ChooserState {
    /// Grows with each opening, so that no page shows an earlier picture.
    opening: u64,
    open: Option<OpenChooser>,
    /// Measures the microphone that the toolbar shows.
    meter: Option<UntilDropped>,
}

struct OpenChooser {
    content: Arc<ChooserContent>,
    displays: Vec<DisplayPage>,
}

/// The page of one display.
struct DisplayPage {
    view: ChooserView,
    at: PixelRect,
    number: u32,
    is_first: bool,
}

impl Chooser {
    fn lock(&self) -> MutexGuard<'_, ChooserState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns what the open chooser shows; `None` if it is closed.
pub fn content(handle: &AppHandle) -> Option<Arc<ChooserContent>> {
    handle.state::<Chooser>().lock().open.as_ref().map(|open| open.content.clone())
}

/// Shows the windows. May be called on any thread.
pub async fn open(handle: &AppHandle, content: ChooserContent) -> anyhow::Result<()> {
    let app = handle.state::<App>().inner().clone();
    let chooser = handle.state::<Chooser>();
    let settings = app.settings().await?.recording;
    let screens = &content.sources.screens;
    let windows = content.sources.windows.iter();
    let windows: Vec<WindowView> = windows.map(|it| WindowView::of(it, content.purpose)).collect();
    let displays = screens.len();
    let pointer = pointer(handle);
    let opening = {
        let mut now = chooser.lock();
        now.opening += 1;
        now.opening
    };
    let mut pages = Vec::new();
    for (number, screen) in (0_u32..).zip(screens) {
        let at = rect_of(screen.at);
        let last = match content.purpose {
            ChooserPurpose::Record => app.recall(&remembered(&screen.name)).await?,
            ChooserPurpose::Screenshot => app.recall(LAST_AREA).await?,
        };
        let last: Option<Rect> = last.and_then(|text| serde_json::from_str(&text).ok());
        let has_pointer = pointer.map_or(screen.is_first, |pointer| at.meets(pointer));
        let view = ChooserView {
            kind: content.kind,
            purpose: content.purpose,
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
        pages.push(DisplayPage { view, at: screen.at, number, is_first: screen.is_first });
    }
    let open = OpenChooser { content: Arc::new(content), displays: pages };
    chooser.lock().open = Some(open);
    let there = handle.clone();
    handle.run_on_main_thread(move || {
        for number in 0..displays {
            let shown = match there.get_webview_window(&format!("{LABEL}{number}")) {
                Some(window) => UiEvent::ChooserOpened.send_to(&there, window.label()),
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
    match is_there || stills::desktop_asks(handle) {
        true => Ok(()),
        false => create(handle, 0),
    }
}

fn create(handle: &AppHandle, number: usize) -> tauri::Result<()> {
    let label = format!("{LABEL}{number}");
    panel::create(handle, &label, "chooser", word(Word::CHOOSER), |window| {
        window.transparent(false)
    })?;
    Ok(())
}

pub fn view(handle: &AppHandle, window: &WebviewWindow) -> Option<ChooserView> {
    let number = number_of(window.label())?;
    let chooser = handle.state::<Chooser>();
    let now = chooser.lock();
    let open = now.open.as_ref()?;
    open.displays.iter().find(|page| page.number == number).map(|page| page.view.clone())
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
    let count = chooser.lock().open.as_ref().map_or(0, |open| open.displays.len());
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

/// Returns the display that a window of the chooser covers, or `None` if the chooser is closed.
pub fn display_of(handle: &AppHandle, window: &WebviewWindow) -> Option<ChosenDisplay> {
    let number = number_of(window.label())?;
    let chooser = handle.state::<Chooser>();
    let now = chooser.lock();
    let page = now.open.as_ref()?.displays.iter().find(|page| page.number == number)?;
    Some(ChosenDisplay { name: page.view.display.name.clone(), number, is_first: page.is_first })
}

/// Returns the number of the display with the pointer. `None`: it is the first one, or the pointer's position
/// is unknown.
pub async fn display_with_pointer(handle: &AppHandle) -> Option<u32> {
    let pointer = pointer(handle)?;
    let screens = stills::list(handle).await.map(|seen| seen.screens).unwrap_or_default();
    let mut numbered = (0_u32..).zip(&screens);
    let (number, screen) = numbered.find(|(_, screen)| rect_of(screen.at).meets(pointer))?;
    (!screen.is_first).then_some(number)
}

/// Measures the microphone that the toolbar shows, while the chooser is open.
pub fn listen(handle: &AppHandle, microphone: &Microphone) {
    let told = handle.clone();
    let tell = move |level| {
        let levels = Levels { microphone: level, system: 0 };
        for label in told.webview_windows().keys().filter(|label| number_of(label).is_some()) {
            if let Err(error) = UiEvent::Levels(levels).send_to(&told, label.as_str()) {
                tracing::debug!(%error, "a level can't be told");
            }
        }
    };
    let meter = microphone.device().and_then(|device| {
        let listens = devices::of(handle).measure_microphone(device, Box::new(tell));
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
    let found = number_of(label).and_then(|number| {
        let now = chooser.lock();
        let open = now.open.as_ref()?;
        let page = open.displays.iter().find(|page| page.number == number)?;
        let wanted = Url::parse(&page.view.picture).ok()?;
        (wanted.path() == request.uri().path()).then(|| (open.content.clone(), page.at))
    });
    let found = found.and_then(|(content, at)| bmp(&content.picture, at));
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

impl WindowView {
    fn of(window: &WindowInfo, purpose: ChooserPurpose) -> Self {
        let at = match purpose {
            ChooserPurpose::Record => window.at,
            ChooserPurpose::Screenshot => window.without_shadow,
        };
        WindowView {
            id: window.id.to_string(),
            title: window.title.clone(),
            program: window.program.clone(),
            at: rect_of(at),
        }
    }
}

/// Encodes a display's part of the picture as a BMP file, which browsers read without decompressing. `None` if
/// the picture shows nothing of it.
fn bmp(picture: &StillPicture, at: PixelRect) -> Option<Vec<u8>> {
    const FILE_HEADER: u32 = 14;
    const INFO_HEADER: u32 = 40;
    /// The pixels have red, green and blue; the fourth byte is left out.
    const MASKS: [u32; 3] = [0xff, 0xff00, 0xff_0000];
    const BITFIELDS: u32 = 3;
    let part;
    let picture = match picture.area() == at {
        true => picture,
        false => {
            part = picture.crop(at)?;
            &part
        }
    };
    let start = FILE_HEADER + INFO_HEADER + 4 * MASKS.len() as u32;
    let pixels = picture.rgba.len() as u32;
    let mut bmp = Vec::with_capacity((start + pixels) as usize);
    bmp.extend(b"BM");
    bmp.extend(
        [start + pixels, 0, start, INFO_HEADER, picture.width].map(u32::to_le_bytes).concat(),
    );
    // A negative height means rows from the top down.
    bmp.extend((-picture.height.cast_signed()).to_le_bytes());
    bmp.extend([1_u16, 32].map(u16::to_le_bytes).concat());
    bmp.extend([BITFIELDS, pixels, 0, 0, 0, 0].map(u32::to_le_bytes).concat());
    bmp.extend(MASKS.map(u32::to_le_bytes).concat());
    bmp.extend(&picture.rgba);
    Some(bmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_gets_a_bmp_of_its_own_display() {
        let picture = StillPicture {
            width: 2,
            height: 2,
            rgba: (1..=16).collect(),
            corner: (-1, 0),
            scale: 1.0,
            displays: Vec::new(),
            subject: None,
            permission: None,
        };
        let bytes = bmp(&picture, PixelRect { x: 0, y: 0, width: 1, height: 2 }).unwrap();
        assert_eq!(bytes.len(), 66 + 8);
        assert_eq!(&bytes[..2], b"BM");
        let number = |at: usize| i32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!([number(2), number(10), number(18), number(22)], [74, 66, 1, -2]);
        assert_eq!(bytes[66..], [5, 6, 7, 8, 13, 14, 15, 16]);
        assert_eq!(bmp(&picture, picture.area()).unwrap()[66..], picture.rgba);
        assert_eq!(bmp(&picture, PixelRect { x: 9, y: 0, width: 1, height: 2 }), None);
    }

    #[test]
    fn each_page_has_an_address_of_its_own() {
        assert_eq!(number_of("chooser-1"), Some(1));
        assert_eq!(number_of("library"), None);
        assert_ne!(address(0, 1), address(0, 2));
        assert_ne!(address(0, 1), address(1, 1));
    }
}
