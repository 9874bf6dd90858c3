//! Hides the recorder bar and toasts from what is recorded, and draws the border around a recorded area. What has to be
//! hidden is decided by `snaplark_app::desktop::captured_area`.
//!
//! Each recording starts through [`Uncovering`], whether a shortcut, the command line or the end of a
//! countdown started it. It removes our windows from the first frame.

use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use snaplark_app::desktop::UNCOVERED;
use snaplark_app::desktop::captured_area::{AreaChange, CapturedArea, captured_part};
use snaplark_app::view::RecorderView;
use snaplark_app::{App, Source};
use snaplark_core::capture::{
    Capture, CaptureControl, CaptureError, CaptureRequest, CaptureSink, Subject,
};
use snaplark_core::devices::UntilDropped;
use snaplark_core::render::RenderError;
use snaplark_core::still::PixelRect;
use tauri::{AppHandle, Manager, async_runtime};
use tokio::sync::oneshot;

use crate::place::{CapturedPart, Display, Rect, displays_from, point_of_attention};
use crate::{bar, devices, stills, toast};

/// The recording red of the windows' light theme.
const BORDER_COLOUR: u32 = 0x00E5_383B;
/// The size in CSS pixels.
const BORDER: f64 = 2.0;
/// The main thread answers in milliseconds. A recording does not wait for one that hangs.
const HIDDEN_WAIT: Duration = Duration::from_secs(1);

/// The part of the screen that is recorded now, and the border around it.
#[derive(Default)]
pub struct AvoidedArea {
    now: Mutex<CapturedArea>,
    /// The border around an area, once drawing it was tried.
    border: Mutex<Option<Option<UntilDropped>>>,
}

impl AvoidedArea {
    /// Returns what is known of it now.
    pub fn now(&self) -> MutexGuard<'_, CapturedArea> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn border(&self) -> MutexGuard<'_, Option<Option<UntilDropped>>> {
        self.border.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Is called with each change of the recorder and its number.
pub async fn follow(handle: &AppHandle, app: &App, recorder: &RecorderView, change: u64) {
    let recorded = handle.state::<AvoidedArea>();
    let followed = recorded.now().recorder_changed(recorder, change);
    let is_unknown = match followed {
        AreaChange::Over { was_captured } => {
            *recorded.border() = None;
            if was_captured {
                toast::show_again(handle);
            }
            return;
        }
        AreaChange::Captured { is_unknown } => is_unknown,
    };
    let has_border = recorded.border().is_some();
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
        *recorded.border() = Some(border);
    }
}

/// Returns the displays for the bar of a recording. The recorded display comes first; for a recording of a
/// window, the display with the pointer.
pub async fn displays_for(handle: &AppHandle, source: &Source) -> Vec<Display> {
    let (source, stills) = (source.clone(), stills::of(handle));
    let seen = async_runtime::spawn_blocking(move || captured_part(&*stills, &source)).await;
    let from = match seen {
        Ok(CapturedPart::Part(Rect { x, y, width, height })) => {
            (x + width.cast_signed() / 2, y + height.cast_signed() / 2)
        }
        Ok(CapturedPart::NoneOfOurs | CapturedPart::SomeDisplay) | Err(_) => {
            point_of_attention(handle)
        }
    };
    displays_from(handle, from)
}

async fn border_around(handle: &AppHandle, source: &Source) -> Option<UntilDropped> {
    let Source::Region { x, y, width, height } = *source else { return None };
    let area = PixelRect { x, y, width, height };
    let first = handle.primary_monitor().ok().flatten();
    let scale = first.map_or(1.0, |monitor| monitor.scale_factor());
    let thickness_px = (BORDER * scale).round() as u16;
    let devices = devices::of(handle);
    let around = async_runtime::spawn_blocking(move || {
        devices.border_around(area, thickness_px, BORDER_COLOUR)
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
    let (source, stills) = (source.clone(), stills::of(handle));
    let seen = async_runtime::spawn_blocking(move || captured_part(&*stills, &source)).await;
    let seen = seen.unwrap_or(CapturedPart::SomeDisplay);
    let ours_wanted = app.settings().await.is_ok_and(|settings| settings.desktop.bar_in_recordings);
    let has_room = toast::has_room(handle, seen);
    let change = *app.changes().borrow();
    handle.state::<AvoidedArea>().now().note(seen, ours_wanted, has_room, change);
}

/// Moves or hides bar and toasts where they must not be. Returns whether any was there. Must be called on the main
/// thread.
fn make_way(handle: &AppHandle) -> bool {
    let went = [bar::make_way(handle), toast::make_way(handle)];
    went.into_iter().fold(false, |any, went| match went {
        Ok(went) => any | went,
        Err(error) => {
            tracing::warn!(%error, "a window of ours may be in the picture");
            any
        }
    })
}

/// Hides bar and toasts before a screenshot. Returns whether any was visible. [`show_after_still`] shows them again.
pub async fn hide_for_still(handle: &AppHandle) -> bool {
    handle.state::<AvoidedArea>().now().takes_still(true);
    let (tell, told) = oneshot::channel();
    let there = handle.clone();
    let asked = handle.run_on_main_thread(move || {
        // Nobody may be waiting any more, if it took too long.
        let _ = tell.send(make_way(&there));
    });
    match (asked, tokio::time::timeout(HIDDEN_WAIT, told).await) {
        (Ok(()), Ok(Ok(went))) => went,
        _ => {
            tracing::warn!("windows of ours may be in the picture");
            false
        }
    }
}

/// Shows again what [`hide_for_still`] has hidden.
pub fn show_after_still(handle: &AppHandle) {
    handle.state::<AvoidedArea>().now().takes_still(false);
    let there = handle.clone();
    let asked = handle.run_on_main_thread(move || {
        if let Err(error) = bar::put(&there) {
            tracing::warn!(%error, "the recorder bar can't be shown again");
        }
    });
    if let Err(error) = asked {
        tracing::warn!(%error, "the recorder bar can't be shown again");
    }
    toast::show_again(handle);
}

/// The product's capture, started only after our windows have left the picture.
pub struct Uncovering {
    capture: Arc<dyn Capture>,
    handle: AppHandle,
    /// The folder of the ring buffer, whose capture runs for hours and may show toasts.
    ring: PathBuf,
}

impl Uncovering {
    pub fn new(capture: Arc<dyn Capture>, handle: AppHandle, ring: PathBuf) -> Self {
        Uncovering { capture, handle, ring }
    }

    fn uncover(&self, source: &Source) {
        let Some(app) = self.handle.try_state::<App>() else { return };
        async_runtime::block_on(note(&self.handle, &app, source));
        let (tell, told) = channel();
        let handle = self.handle.clone();
        let asked = self.handle.run_on_main_thread(move || {
            // Nobody may be waiting any more, if it took too long.
            let _ = tell.send(make_way(&handle));
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

    fn subject(&self, source: &Source) -> Option<Subject> {
        self.capture.subject(source)
    }

    fn still_of_file(&self, file: &Path) -> Result<Vec<u8>, RenderError> {
        self.capture.still_of_file(file)
    }
}
