//! Which part of the screen is recorded, and what that means for our own windows: the recorder bar, the
//! toasts and the border around an area.
//!
//! Windows and macOS can exclude our windows from recordings (`content_protected`). X11 can't: a recording
//! of a window uses that window's own pixmap, but a display or an area is read from the root window, with
//! everything on it. A Wayland desktop doesn't report which display it shares. So bar and toasts are placed
//! outside of what is recorded, or hidden.
//!
//! Each recording starts through [`Uncovering`], whether a shortcut, the command line or the end of a
//! countdown started it. It removes our windows from the first frame.

use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use snaplark_app::view::RecorderView;
use snaplark_app::{App, Source};
use snaplark_capture::{Border, SystemCapture};
use snaplark_core::capture::{
    Capture, CaptureControl, CaptureError, CaptureRequest, CaptureSink, Still, Subject,
};
use tauri::{AppHandle, Manager, async_runtime};

use crate::chooser::UNCOVERED;
use crate::place::Rect;
use crate::{bar, toast};

/// The recording red of the windows' light theme.
const BORDER_COLOUR: u32 = 0x00E5_383B;
/// In CSS pixels.
const BORDER: f64 = 2.0;
/// The main thread answers in milliseconds. A recording does not wait for one that hangs.
const HIDDEN_WAIT: Duration = Duration::from_secs(1);

/// The part of the screen that is in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// None of our windows, wherever they are: only another window is recorded, or the platform excludes
    /// ours.
    NoneOfOurs,
    /// Everything in that part of the screen, in physical pixels.
    Part(Rect),
    /// A display, but the desktop doesn't report which.
    SomeDisplay,
}

impl Seen {
    /// Returns whether a window at that place would be in the picture.
    pub fn has(self, at: Rect) -> bool {
        match self {
            Seen::NoneOfOurs => false,
            Seen::Part(part) => part.meets(at),
            Seen::SomeDisplay => true,
        }
    }

    /// Returns what a recording of the source would show. Blocks until the display has answered.
    pub fn of(source: &Source) -> Self {
        if !cfg!(target_os = "linux") || matches!(source, Source::Window(_)) {
            return Seen::NoneOfOurs;
        }
        let asks = snaplark_capture::desktop_asks();
        let screens = || snaplark_capture::surroundings().ok().map(|seen| seen.screens);
        let display = |index: Option<u32>| {
            let screens = screens()?;
            let screen = match index {
                Some(index) => screens.get(index as usize),
                None => screens.iter().find(|screen| screen.is_first),
            }?;
            let snaplark_capture::Rect { x, y, width, height } = screen.at;
            Some(Rect { x, y, width, height })
        };
        match *source {
            Source::Window(_) => Seen::NoneOfOurs,
            Source::Display(_) | Source::Region { .. } if asks => Seen::SomeDisplay,
            Source::Display(index) => display(index).map_or(Seen::SomeDisplay, Seen::Part),
            Source::Region { x, y, width, height } => Seen::Part(Rect { x, y, width, height }),
        }
    }
}

/// The part of the screen that is recorded now, for placing bar and toasts.
#[derive(Default)]
pub struct Recorded(Mutex<Now>);

#[derive(Default)]
struct Now {
    seen: Option<Seen>,
    /// The person wants bar and toasts in recordings.
    ours_wanted: bool,
    /// No display has room for a toast outside of what is recorded.
    holds_toasts: bool,
    /// The border around an area, once drawing it was tried.
    border: Option<Option<Border>>,
}

impl Recorded {
    /// Returns what bar and toasts must stay out of. `None`: nothing is recorded, or they may be in the
    /// picture.
    pub fn to_avoid(&self) -> Option<Seen> {
        let now = self.lock();
        now.seen.filter(|_| !now.ours_wanted)
    }

    /// Returns whether toasts wait until the recording is over.
    pub fn holds_toasts(&self, recorder: &RecorderView) -> bool {
        is_capturing(recorder) && self.lock().holds_toasts
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether our windows could be in the picture. After a stop they can't.
fn is_capturing(recorder: &RecorderView) -> bool {
    match recorder {
        RecorderView::Starting | RecorderView::Recording { .. } | RecorderView::Paused { .. } => {
            true
        }
        RecorderView::Idle | RecorderView::Counting { .. } | RecorderView::Stopping { .. } => false,
    }
}

/// Called with each change of the recorder.
pub async fn follow(handle: &AppHandle, app: &App, recorder: &RecorderView) {
    let recorded = handle.state::<Recorded>();
    let is_over = match recorder {
        RecorderView::Idle | RecorderView::Stopping { .. } => true,
        RecorderView::Counting { .. }
        | RecorderView::Starting
        | RecorderView::Recording { .. }
        | RecorderView::Paused { .. } => false,
    };
    if is_over {
        let was = {
            let mut now = recorded.lock();
            now.border = None;
            (now.holds_toasts, now.seen) != (false, None) && {
                (now.holds_toasts, now.seen) = (false, None);
                true
            }
        };
        if was {
            toast::show_again(handle);
        }
        return;
    }
    let (is_known, has_border) = {
        let now = recorded.lock();
        (now.seen.is_some(), now.border.is_some())
    };
    let is_unknown = is_capturing(recorder) && !is_known;
    if has_border && !is_unknown {
        return;
    }
    let Ok(Some(request)) = app.recorded().await else { return };
    // A recording that begins in the past was never started through `Uncovering`.
    if is_unknown {
        note(handle, app, &request.source).await;
    }
    if !has_border {
        let border = border_around(handle, &request.source).await;
        recorded.lock().border = Some(border);
    }
}

async fn border_around(handle: &AppHandle, source: &Source) -> Option<Border> {
    let Source::Region { x, y, width, height } = *source else { return None };
    let area = snaplark_capture::Rect { x, y, width, height };
    let first = handle.primary_monitor().ok().flatten();
    let scale = first.map_or(1.0, |monitor| monitor.scale_factor());
    let thickness_px = (BORDER * scale).round() as u16;
    let around = async_runtime::spawn_blocking(move || {
        snaplark_capture::border_around(area, thickness_px, BORDER_COLOUR)
    });
    match around.await {
        Ok(Ok(border)) => Some(border),
        Ok(Err(error)) => {
            tracing::debug!(%error, "there is no border around the area");
            None
        }
        Err(error) => {
            tracing::warn!(%error, "there is no border around the area");
            None
        }
    }
}

async fn note(handle: &AppHandle, app: &App, source: &Source) {
    let source = source.clone();
    let seen = async_runtime::spawn_blocking(move || Seen::of(&source)).await;
    let seen = seen.unwrap_or(Seen::SomeDisplay);
    let ours_wanted = app.settings().await.is_ok_and(|settings| settings.desktop.bar_in_recordings);
    let holds_toasts = !ours_wanted && !toast::has_room(handle, seen);
    let recorded = handle.state::<Recorded>();
    let mut now = recorded.lock();
    (now.seen, now.ours_wanted, now.holds_toasts) = (Some(seen), ours_wanted, holds_toasts);
}

/// The product's capture, started only after our windows have left the picture.
pub struct Uncovering {
    capture: SystemCapture,
    handle: AppHandle,
    /// The folder of the ring buffer, whose capture runs for hours and may show toasts.
    ring: PathBuf,
}

impl Uncovering {
    pub fn new(capture: SystemCapture, handle: AppHandle, ring: PathBuf) -> Self {
        Uncovering { capture, handle, ring }
    }

    fn uncover(&self, source: &Source) {
        let Some(app) = self.handle.try_state::<App>() else { return };
        async_runtime::block_on(note(&self.handle, &app, source));
        let (tell, told) = channel();
        let handle = self.handle.clone();
        let asked = self.handle.run_on_main_thread(move || {
            let went = [bar::make_way(&handle), toast::make_way(&handle)];
            let went = went.into_iter().fold(false, |any, went| match went {
                Ok(went) => any | went,
                Err(error) => {
                    tracing::warn!(%error, "a window of ours may be in the picture");
                    any
                }
            });
            // Nobody may be waiting any more, if it took too long.
            let _ = tell.send(went);
        });
        match asked.map(|()| told.recv_timeout(HIDDEN_WAIT)) {
            // Waits until the programs below have redrawn.
            Ok(Ok(true)) => std::thread::sleep(UNCOVERED),
            Ok(Ok(false)) => {}
            Ok(Err(_)) | Err(_) => tracing::warn!("windows of ours may be in the picture"),
        }
    }
}

impl Capture for Uncovering {
    fn start(
        &self,
        request: CaptureRequest,
        events: CaptureSink,
    ) -> Result<Box<dyn CaptureControl>, CaptureError> {
        if !request.folder.starts_with(&self.ring) {
            self.uncover(&request.source);
        }
        self.capture.start(request, events)
    }

    fn still(&self, init: &[u8], segment: &[u8]) -> Result<Still, CaptureError> {
        self.capture.still(init, segment)
    }

    fn subject(&self, source: &Source) -> Option<Subject> {
        self.capture.subject(source)
    }
}
