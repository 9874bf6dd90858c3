//! A shell without a desktop that records what was asked of it, and a capture and stills without a screen.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use snaplark_core::capture::{
    Capture, CaptureControl, CaptureEnd, CaptureError, CaptureEvent, CaptureRequest, CaptureSink,
    FrameCounts, Permission, Source,
};
use snaplark_core::still::{
    DisplayArea, PixelRect, Screen, SourceList, StillError, StillPicture, StillRequest,
    StillSource, Stills, WindowInfo,
};
use snaplark_core::{ItemId, RecordingId};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

use super::bar::Bar;
use super::chooser::{ChooserContent, ChooserKind, ChooserPurpose};
use super::place::{CapturedPart, Display, Rect};
use super::tray::TrayState;
use super::{Controller, DesktopWindow, Shell, SignInView};
use crate::fake_render::FakeRender;
use crate::view::RecorderView;
use crate::{App, AppError, AppOptions, DesktopSettings, ErrorCode, Home, Keeps, Notice};

/// A call of the shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ShellCall {
    OpenWindow(DesktopWindow),
    ToggleQuickMenu,
    ShowBar(bool),
    DrawBar,
    OpenChooser(ChooserKind, ChooserPurpose),
    CloseChooser,
    /// True while a countdown is shown.
    ShowCountdown(bool),
    PlayShutter,
    PrepareEditor,
    DiscardEditor,
    OpenEditor,
    OpenCutter(RecordingId),
    CopyPicture(Vec<u8>),
    Copy(String),
    OpenAddress(String),
    ShowFile(PathBuf),
    AskWhere(PathBuf),
    AskFiles,
    Warn(ErrorCode),
    SettingsChanged,
    SignedOut,
    SignIn(SignInView),
    Quit,
}

#[derive(Default)]
pub(super) struct FakeShell {
    asked: Mutex<Vec<ShellCall>>,
    /// The files that the person chooses.
    pub(super) files: Mutex<Vec<PathBuf>>,
    pub(super) desktop_asks: AtomicBool,
    pub(super) chooser: Mutex<Option<Arc<ChooserContent>>>,
    pub(super) bar: Mutex<Bar>,
    pub(super) avoided: Mutex<Option<CapturedPart>>,
    /// Whether bar and toasts were hidden for a screenshot, in the order of the calls.
    pub(super) hidden: Mutex<Vec<bool>>,
    /// The screenshot for which the editor's window waits.
    pub(super) prepared: Mutex<Option<ItemId>>,
    pub(super) pointer_on: Mutex<Option<u32>>,
    pub(super) toasts_shown: AtomicBool,
    /// How often the desktop still says that it must not be disturbed.
    pub(super) quiet_times: AtomicU32,
    /// The newest state of the tray, and the keys that are active.
    pub(super) tray: watch::Sender<Option<TrayState>>,
    pub(super) active_keys: watch::Sender<(bool, bool)>,
}

/// The only display of the fake desktop.
pub(super) fn display() -> Display {
    Display {
        name: "DP-1".to_owned(),
        at: Rect { x: 0, y: 0, width: 1280, height: 720 },
        area: Rect { x: 0, y: 0, width: 1280, height: 720 },
        scale: 1.0,
    }
}

impl FakeShell {
    fn note(&self, asked: ShellCall) {
        locked(&self.asked).push(asked);
    }

    /// Returns what was asked since the last call.
    pub(super) fn taken(&self) -> Vec<ShellCall> {
        std::mem::take(&mut *locked(&self.asked))
    }

    /// Returns the same without the bar, which appears whenever the recorder has started by then.
    pub(super) fn taken_beside_the_bar(&self) -> Vec<ShellCall> {
        let mut taken = self.taken();
        taken.retain(|call| *call != ShellCall::DrawBar);
        taken
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shell for FakeShell {
    async fn open_window(&self, page: DesktopWindow) -> Result<(), AppError> {
        self.note(ShellCall::OpenWindow(page));
        Ok(())
    }

    async fn toggle_quick_menu(&self) -> Result<(), AppError> {
        self.note(ShellCall::ToggleQuickMenu);
        Ok(())
    }

    fn are_toasts_shown(&self) -> bool {
        self.toasts_shown.load(Ordering::SeqCst)
    }

    async fn is_quiet(&self) -> bool {
        // Others get their turn, as with a real desktop, which takes time to answer.
        tokio::task::yield_now().await;
        let left = |times: u32| times.checked_sub(1);
        self.quiet_times.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_ok()
    }

    async fn show_bar(&self, shown: bool) -> Result<(), AppError> {
        self.note(ShellCall::ShowBar(shown));
        Ok(())
    }

    fn with_bar<T>(&self, act: impl FnOnce(&mut Bar) -> T) -> T {
        act(&mut locked(&self.bar))
    }

    fn draw_bar(&self) {
        self.note(ShellCall::DrawBar);
    }

    fn part_to_avoid(&self) -> Option<CapturedPart> {
        *locked(&self.avoided)
    }

    async fn displays_for(&self, _: &Source) -> Vec<Display> {
        vec![display()]
    }

    fn keys_to_stop(&self) -> Option<String> {
        Some("Alt+R".to_owned())
    }

    fn desktop_asks(&self) -> bool {
        self.desktop_asks.load(Ordering::SeqCst)
    }

    fn chooser_content(&self) -> Option<Arc<ChooserContent>> {
        locked(&self.chooser).clone()
    }

    async fn open_chooser(&self, content: ChooserContent) -> Result<(), AppError> {
        self.note(ShellCall::OpenChooser(content.kind, content.purpose));
        *locked(&self.chooser) = Some(Arc::new(content));
        Ok(())
    }

    async fn close_chooser(&self) {
        *locked(&self.chooser) = None;
        self.note(ShellCall::CloseChooser);
    }

    async fn display_with_pointer(&self) -> Option<u32> {
        *locked(&self.pointer_on)
    }

    async fn hide_for_still(&self) -> bool {
        locked(&self.hidden).push(true);
        false
    }

    fn show_after_still(&self) {
        locked(&self.hidden).push(false);
    }

    fn show_countdown(&self, until_unix_ms: Option<i64>) {
        self.note(ShellCall::ShowCountdown(until_unix_ms.is_some()));
    }

    fn play_shutter(&self) {
        self.note(ShellCall::PlayShutter);
    }

    async fn prepare_editor(&self, item: ItemId) {
        self.note(ShellCall::PrepareEditor);
        *locked(&self.prepared) = Some(item);
    }

    async fn discard_editor(&self, item: ItemId) {
        self.note(ShellCall::DiscardEditor);
        assert_eq!(locked(&self.prepared).take(), Some(item), "another one was prepared");
    }

    async fn open_editor(&self, _: ItemId) -> Result<(), AppError> {
        self.note(ShellCall::OpenEditor);
        Ok(())
    }

    async fn open_cutter(&self, recording: RecordingId) -> Result<(), AppError> {
        self.note(ShellCall::OpenCutter(recording));
        Ok(())
    }

    async fn copy_picture(&self, png: Vec<u8>) -> Result<(), AppError> {
        self.note(ShellCall::CopyPicture(png));
        Ok(())
    }

    fn copy(&self, text: String) -> Result<(), AppError> {
        self.note(ShellCall::Copy(text));
        Ok(())
    }

    async fn open_address(&self, address: String) -> Result<(), AppError> {
        self.note(ShellCall::OpenAddress(address));
        Ok(())
    }

    async fn show_file(&self, file: PathBuf) -> Result<(), AppError> {
        self.note(ShellCall::ShowFile(file));
        Ok(())
    }

    async fn ask_where(&self, file: PathBuf) -> Option<PathBuf> {
        self.note(ShellCall::AskWhere(file));
        None
    }

    async fn ask_files(&self) -> Vec<PathBuf> {
        self.note(ShellCall::AskFiles);
        self.files.lock().unwrap().clone()
    }

    fn warn(&self, error: AppError) {
        self.note(ShellCall::Warn(error.code()));
    }

    fn show_tray(&self, state: TrayState) {
        self.tray.send_replace(Some(state));
    }

    fn show_time(&self, _: Option<String>) {}

    fn announce_change(&self, _: u64) {}

    fn show_sign_in(&self, view: SignInView) {
        self.note(ShellCall::SignIn(view));
    }

    async fn recorder_changed(&self, _: &RecorderView, _: u64) {}

    fn activate_keys(&self, records: bool, keeps: bool) {
        self.active_keys.send_replace((records, keeps));
    }

    fn settings_changed(&self, _: DesktopSettings, _: DesktopSettings) {
        self.note(ShellCall::SettingsChanged);
    }

    async fn signed_out(&self) {
        self.note(ShellCall::SignedOut);
    }

    fn quit(&self) {
        self.note(ShellCall::Quit);
    }
}

/// Two displays side by side, on which each pixel's color says where it is, and one window.
#[derive(Default)]
pub(super) struct FakeStills {
    requests: Mutex<Vec<StillRequest>>,
    pub(super) fails: Mutex<Option<StillError>>,
    /// The permission that the desktop gives with each picture.
    pub(super) gives: Mutex<Option<Permission>>,
}

/// The id of the only window.
pub(super) const WINDOW: u64 = 77;
const DISPLAYS: [PixelRect; 2] = [
    PixelRect { x: 0, y: 0, width: 160, height: 90 },
    PixelRect { x: 160, y: 0, width: 80, height: 60 },
];

impl FakeStills {
    pub(super) fn requests(&self) -> Vec<StillRequest> {
        locked(&self.requests).clone()
    }
}

fn area_of(source: StillSource) -> PixelRect {
    match source {
        StillSource::Display(number) => DISPLAYS[number.unwrap_or_default() as usize],
        StillSource::Window(_) => PixelRect { x: 20, y: 10, width: 60, height: 40 },
        StillSource::Area(area) => area,
        StillSource::All => DISPLAYS[0].around(DISPLAYS[1]),
    }
}

impl Stills for FakeStills {
    fn desktop_asks(&self) -> bool {
        false
    }

    fn list(&self) -> Result<SourceList, StillError> {
        let screen = |(n, at): (usize, PixelRect)| Screen {
            name: format!("DP-{}", n + 1),
            at,
            is_first: n == 0,
            scale: 1.0,
        };
        let at = area_of(StillSource::Window(WINDOW));
        let window = WindowInfo {
            id: WINDOW,
            title: "A window".to_owned(),
            program: "program".to_owned(),
            at: PixelRect {
                x: at.x - 5,
                y: at.y - 5,
                width: at.width + 10,
                height: at.height + 10,
            },
            without_shadow: at,
        };
        let screens = DISPLAYS.into_iter().enumerate().map(screen).collect();
        Ok(SourceList { screens, windows: vec![window] })
    }

    fn take(&self, request: &StillRequest) -> Result<StillPicture, StillError> {
        locked(&self.requests).push(request.clone());
        if let Some(error) = locked(&self.fails).clone() {
            return Err(error);
        }
        let at = area_of(request.source);
        let pixel = |n: u32| {
            let (x, y) = (at.x as u32 + n % at.width, at.y as u32 + n / at.width);
            [x as u8, y as u8, 0, 255]
        };
        let whole = PixelRect { x: 0, y: 0, ..at };
        Ok(StillPicture {
            width: at.width,
            height: at.height,
            rgba: (0..at.width * at.height).flat_map(pixel).collect(),
            corner: (at.x, at.y),
            scale: 1.0,
            displays: vec![DisplayArea { name: "DP-1".to_owned(), at: whole, scale: 1.0 }],
            subject: None,
            permission: locked(&self.gives).clone(),
        })
    }

    fn png(&self, picture: &StillPicture) -> Result<Vec<u8>, StillError> {
        Ok(png(picture.width, picture.height, [picture.rgba[0], picture.rgba[1]]))
    }

    fn glance(&self, picture: &StillPicture) -> Result<Vec<u8>, StillError> {
        Ok(png(picture.width / 2, picture.height / 2, [picture.rgba[0], picture.rgba[1]]))
    }
}

/// Returns what is enough of a PNG to be one, with the first pixel, so that pictures can be told apart.
pub(super) fn png(width: u32, height: u32, first: [u8; 2]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    file.extend([width, height].map(u32::to_be_bytes).concat());
    file.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
    file.extend(first);
    file
}

/// A capture that notes what it is to record and then either fails or stays silent, so that the recorder keeps
/// starting.
#[derive(Default)]
pub(super) struct FakeCapture {
    requests: Mutex<Vec<CaptureRequest>>,
    stays_silent: AtomicBool,
}

impl FakeCapture {
    pub(super) fn stay_silent(&self) {
        self.stays_silent.store(true, Ordering::SeqCst);
    }

    pub(super) fn sources(&self) -> Vec<Source> {
        locked(&self.requests).iter().map(|request| request.source.clone()).collect()
    }
}

/// Sends `Ended` when it is stopped or dropped, and nothing before.
struct SilentControl(Option<CaptureSink>);

impl CaptureControl for SilentControl {
    fn stop(&mut self) {
        if let Some(mut events) = self.0.take() {
            // Capture sends from a thread of its own, so that whoever stops it may hold a lock.
            std::thread::spawn(move || {
                let end = CaptureEnd::Failed(CaptureError::Abandoned);
                events(CaptureEvent::Ended { end, counts: FrameCounts::default() });
            });
        }
    }

    fn pause(&mut self) {}
    fn resume(&mut self) {}
    fn cut(&mut self) {}
    fn strike(&mut self, _: u64, _: std::path::PathBuf) {}
    fn set_muted(&mut self, _: bool) {}
    fn set_webcam(&mut self, _: snaplark_core::overlay::Webcam) {}
}

impl Drop for SilentControl {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Capture for FakeCapture {
    fn start(
        &self,
        request: CaptureRequest,
        events: CaptureSink,
    ) -> Result<Box<dyn CaptureControl>, CaptureError> {
        locked(&self.requests).push(request);
        match self.stays_silent.load(Ordering::SeqCst) {
            true => Ok(Box::new(SilentControl(Some(events)))),
            false => Err(CaptureError::Declined),
        }
    }
}

/// The controller over a real app in a folder of its own.
pub(super) struct DesktopRig {
    pub(super) app: App,
    pub(super) controller: Controller<FakeShell>,
    pub(super) capture: Arc<FakeCapture>,
    pub(super) stills: Arc<FakeStills>,
    pub(super) notices: mpsc::UnboundedSender<Notice>,
    _folder: TempDir,
}

impl DesktopRig {
    /// Opens the app and runs the controller.
    pub(super) async fn open() -> DesktopRig {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("home");
        let capture = Arc::new(FakeCapture::default());
        let app = App::open(AppOptions {
            home: Home { save_folder: root.join("saved"), root },
            account: None,
            capture: capture.clone(),
            render: Arc::new(FakeRender::default()),
            keeps: Keeps::Nothing,
            notices: Box::new(|_| {}),
        })
        .await
        .unwrap();
        let stills = Arc::new(FakeStills::default());
        let controller = Controller::new(app.clone(), FakeShell::default(), stills.clone());
        let (notices, noticed) = mpsc::unbounded_channel();
        tokio::spawn(controller.clone().run(noticed));
        DesktopRig { app, controller, capture, stills, notices, _folder: folder }
    }

    /// Closes the app, whose thread must not outlive the test's runtime.
    pub(super) async fn close(self) {
        self.app.shutdown().await;
    }

    pub(super) fn shell(&self) -> &FakeShell {
        self.controller.shell()
    }
}
