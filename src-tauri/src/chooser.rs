//! The chooser's windows: one over each display that shows the frozen picture of that display, on which the
//! person chooses an area, a window or the display, for a recording or a screenshot. The picture makes
//! dimming possible without a compositor and allows looking at single pixels. It is never written to disk:
//! pages get it through a URI scheme of its own, and it is dropped when the chooser closes.
//!
//! Pages get PNG files. WebKitGTK reads what a scheme serves in pieces of 8 KB, so the pixels themselves, 33 MB on a
//! display of 3840x2160, would take half a second. Large displays are divided into strips, which are encoded and decoded
//! on all cores.
//!
//! If the desktop itself asks what to share, its dialog is the chooser.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use serde::Serialize;
use snaplark_app::desktop::chooser::{
    ChooserContent, ChooserKind, ChooserPurpose, ChosenDisplay, remembered,
};
use snaplark_app::desktop::screenshot::LAST_AREA;
use snaplark_app::view::Levels;
use snaplark_app::{App, Microphone};
use snaplark_core::devices::UntilDropped;
use snaplark_core::still::{PixelRect, SourceList, Stills, WindowInfo};
use tauri::http::{Request, Response, StatusCode, header};
use tauri::{
    AppHandle, Manager, UriSchemeContext, UriSchemeResponder, Url, WebviewWindow, Wry,
    async_runtime,
};
use ts_rs::TS;

use crate::events::UiEvent;
use crate::place::Rect;
use crate::stills::rect_of;
use crate::words::{Word, word};
use crate::{devices, panel, platform, stills};

/// The prefix of the window labels; the display's number follows.
pub const LABEL: &str = "chooser-";
pub const SCHEME: &str = "still";
/// The pixels of a strip: those of a display of 1920x1080, which is encoded and decoded in one.
const STRIP_PIXELS: u64 = 2 << 20;
/// More strips would find no core.
const STRIPS_MAX: u64 = 4;

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
    /// The displays on which an area may lie.
    room: Vec<Rect>,
    /// The windows on all displays, topmost first.
    windows: Vec<WindowView>,
    /// The region chosen last time, if it is on this display, or begins or ends on it.
    last: Option<Rect>,
    microphone: Microphone,
    system_sound: bool,
    webcam: bool,
    countdown_seconds: u32,
    /// The display's picture, from the top.
    strips: Vec<StripView>,
    /// The pointer is on this display.
    has_pointer: bool,
}

/// A part of a display's picture, as wide as the display.
#[derive(Clone, Debug, PartialEq, Serialize, TS)]
pub struct StripView {
    /// The address of its file.
    src: String,
    /// The first row.
    y: u32,
    height: u32,
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
    number: u32,
    is_first: bool,
    /// The files of the view's strips.
    files: Vec<FrozenFile>,
}

/// The PNG file of a part of the picture. `None`: there is none, because encoding failed.
type FrozenFile = Shared<BoxFuture<'static, Option<Arc<Vec<u8>>>>>;

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
    let content = Arc::new(content);
    let screens = &content.sources.screens;
    // Encoding begins at once, while the pages are still told to ask for it.
    let files: Vec<Vec<FrozenFile>> = screens
        .iter()
        .map(|screen| {
            let strips = strips_of(screen.at).into_iter();
            strips.map(|strip| encoded(stills::of(handle), &content, strip)).collect()
        })
        .collect();
    let settings = app.settings().await?.recording;
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
    for ((number, screen), files) in (0_u32..).zip(screens).zip(files) {
        let at = rect_of(screen.at);
        let room = room(&content.sources, screen.at);
        let holds = |area: Rect| {
            let around = room.iter().copied().reduce(Rect::around);
            around.is_some_and(|around| around.hold(area) == area) && at.meets(area)
        };
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
            last: last.filter(|last| holds(*last)),
            room,
            microphone: settings.microphone.clone(),
            system_sound: settings.system_sound,
            webcam: settings.webcam.shown,
            countdown_seconds: settings.countdown_seconds,
            strips: strips(screen.at, number, opening),
            has_pointer,
        };
        pages.push(DisplayPage { view, number, is_first: screen.is_first, files });
    }
    let title = title_of(content.purpose);
    chooser.lock().open = Some(OpenChooser { content, displays: pages });
    let there = handle.clone();
    handle.run_on_main_thread(move || {
        for number in 0..displays {
            let shown = match there.get_webview_window(&format!("{LABEL}{number}")) {
                Some(window) => window
                    .set_title(word(title))
                    .and_then(|()| UiEvent::ChooserOpened.send_to(&there, window.label())),
                None => create(&there, number, title),
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
        false => create(handle, 0, title_of(ChooserPurpose::Record)),
    }
}

fn title_of(purpose: ChooserPurpose) -> Word {
    match purpose {
        ChooserPurpose::Record => Word::CHOOSER,
        ChooserPurpose::Screenshot => Word::SCREENSHOT_CHOOSER,
    }
}

/// Returns the displays on which an area of a display's page may lie. Pages count in pixels of their own display, so
/// another scale would make another size of them. Recordings and screenshots alike are read from the desktop that all
/// displays form; where they can't be (`Stills::list`), there is no chooser.
fn room(sources: &SourceList, own: PixelRect) -> Vec<Rect> {
    let screens = &sources.screens;
    match screens.windows(2).all(|two| two[0].scale == two[1].scale) {
        true => screens.iter().map(|screen| rect_of(screen.at)).collect(),
        false => vec![rect_of(own)],
    }
}

/// Returns the strips of a display from the top.
fn strips_of(at: PixelRect) -> Vec<PixelRect> {
    let pixels = u64::from(at.width) * u64::from(at.height);
    let count = pixels.div_ceil(STRIP_PIXELS).clamp(1, STRIPS_MAX);
    let height = at.height.div_ceil(count as u32).max(1);
    let tops = (0..at.height.max(1)).step_by(height as usize);
    tops.map(|top| PixelRect {
        y: at.y + top.cast_signed(),
        height: height.min(at.height - top),
        ..at
    })
    .collect()
}

fn strips(at: PixelRect, number: u32, opening: u64) -> Vec<StripView> {
    let strips = (0_usize..).zip(strips_of(at));
    strips
        .map(|(strip, part)| StripView {
            src: address(number, opening, strip),
            y: (part.y - at.y).cast_unsigned(),
            height: part.height,
        })
        .collect()
}

/// Starts encoding a part of the picture on a blocking thread.
fn encoded(stills: Arc<dyn Stills>, content: &Arc<ChooserContent>, at: PixelRect) -> FrozenFile {
    let content = content.clone();
    let encoding = async_runtime::spawn_blocking(move || {
        let whole = &content.picture;
        let part = match whole.area() == at {
            true => None,
            false => Some(whole.crop(at)?),
        };
        let file = stills.png(part.as_ref().unwrap_or(whole));
        file.inspect_err(|error| tracing::error!(%error, "a frozen screen can't be shown")).ok()
    });
    async move { encoding.await.ok().flatten().map(Arc::new) }.boxed().shared()
}

fn create(handle: &AppHandle, number: usize, title: Word) -> tauri::Result<()> {
    let label = format!("{LABEL}{number}");
    panel::create(handle, &label, "chooser", word(title), |window| window.transparent(false))?;
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
    context: UriSchemeContext<'_, Wry>,
    request: Request<Vec<u8>>,
    responder: UriSchemeResponder,
) {
    let file = file_for(context.app_handle(), context.webview_label(), request.uri().path());
    let label = context.webview_label().to_owned();
    async_runtime::spawn(async move {
        let file = match file {
            Some(file) => file.await,
            None => None,
        };
        tracing::debug!(
            label,
            bytes = file.as_ref().map(|file| file.len()),
            "a page gets its picture"
        );
        responder.respond(answer(file.as_deref()));
    });
}

/// Returns the file at that address, if it is the picture of the window's own display.
fn file_for(handle: &AppHandle, label: &str, path: &str) -> Option<FrozenFile> {
    let number = number_of(label)?;
    let chooser = handle.state::<Chooser>();
    let now = chooser.lock();
    let page = now.open.as_ref()?.displays.iter().find(|page| page.number == number)?;
    let is_wanted = |strip: &StripView| Url::parse(&strip.src).is_ok_and(|src| src.path() == path);
    let strip = page.view.strips.iter().position(is_wanted)?;
    page.files.get(strip).cloned()
}

fn answer(file: Option<&Vec<u8>>) -> Response<Vec<u8>> {
    let mut response = Response::new(file.cloned().unwrap_or_default());
    if file.is_none() {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("image/png"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
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

fn address(number: u32, opening: u64, strip: usize) -> String {
    match cfg!(any(windows, target_os = "android")) {
        true => format!("http://{SCHEME}.localhost/{opening}/{number}-{strip}.png"),
        false => format!("{SCHEME}://localhost/{opening}/{number}-{strip}.png"),
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

#[cfg(test)]
mod tests {
    use snaplark_core::still::{Screen, StillError, StillPicture, StillRequest};

    use super::*;

    /// "Encodes" a picture as its width, its height and its first pixel.
    struct SizeStills;

    impl Stills for SizeStills {
        fn desktop_asks(&self) -> bool {
            false
        }

        fn list(&self) -> Result<SourceList, StillError> {
            Ok(sources([1.0, 1.0]))
        }

        fn take(&self, _: &StillRequest) -> Result<StillPicture, StillError> {
            Err(StillError::Silent)
        }

        fn png(&self, picture: &StillPicture) -> Result<Vec<u8>, StillError> {
            Ok(vec![picture.width as u8, picture.height as u8, picture.rgba[0]])
        }

        fn glance(&self, picture: &StillPicture) -> Result<Vec<u8>, StillError> {
            self.png(picture)
        }
    }

    const LEFT: PixelRect = PixelRect { x: -1, y: 0, width: 1, height: 2 };
    const RIGHT: PixelRect = PixelRect { x: 0, y: 0, width: 1, height: 2 };

    fn sources(scales: [f64; 2]) -> SourceList {
        let screen = |(at, scale)| Screen { name: String::new(), at, is_first: true, scale };
        SourceList {
            screens: [LEFT, RIGHT].into_iter().zip(scales).map(screen).collect(),
            windows: Vec::new(),
        }
    }

    #[test]
    fn page_gets_a_file_of_its_own_display() {
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
        let content = Arc::new(ChooserContent {
            kind: ChooserKind::Area,
            purpose: ChooserPurpose::Screenshot,
            picture,
            sources: sources([1.0, 1.0]),
        });
        let file = |at| {
            let file = async_runtime::block_on(encoded(Arc::new(SizeStills), &content, at));
            file.map(|file| file.to_vec())
        };
        assert_eq!(file(RIGHT), Some(vec![1, 2, 5]));
        assert_eq!(file(content.picture.area()), Some(vec![2, 2, 1]));
        assert_eq!(file(PixelRect { x: 9, ..RIGHT }), None);
        assert_eq!(answer(None).status(), StatusCode::NOT_FOUND);
    }

    #[test]
    fn strips_of_a_large_display_hold_each_row_once() {
        assert_eq!(strips_of(PixelRect { width: 1920, height: 1080, ..LEFT }).len(), 1);
        for (width, height, count) in [(3840, 2160, 4), (3440, 1441, 3), (7680, 4320, 4), (1, 1, 1)]
        {
            let at = PixelRect { x: -5, y: 7, width, height };
            let strips = strips_of(at);
            assert_eq!(strips.len(), count, "{width}x{height}");
            let mut next = at.y;
            for strip in &strips {
                assert_eq!((strip.x, strip.y, strip.width), (at.x, next, width));
                next += strip.height.cast_signed();
            }
            assert_eq!(next, at.y + height.cast_signed());
        }
        let views = strips(PixelRect { width: 3840, height: 2160, ..LEFT }, 0, 1);
        let places: Vec<_> = views.iter().map(|strip| (strip.y, strip.height)).collect();
        assert_eq!(places, [(0, 540), (540, 540), (1080, 540), (1620, 540)]);
    }

    #[test]
    fn area_may_lie_on_all_displays_of_one_scale() {
        let both = vec![rect_of(LEFT), rect_of(RIGHT)];
        let own = vec![rect_of(RIGHT)];
        assert_eq!(room(&sources([1.5, 1.5]), RIGHT), both);
        assert_eq!(room(&sources([1.0, 2.0]), RIGHT), own);
    }

    #[test]
    fn each_page_has_an_address_of_its_own() {
        assert_eq!(number_of("chooser-1"), Some(1));
        assert_eq!(number_of("library"), None);
        assert_ne!(address(0, 1, 0), address(0, 2, 0));
        assert_ne!(address(0, 1, 0), address(1, 1, 0));
        assert_ne!(address(0, 1, 0), address(0, 1, 1));
    }
}
