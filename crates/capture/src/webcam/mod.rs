//! The webcam of one recording: its settings and its newest picture.
//!
//! ```text
//!  GStreamer's threads                  camera's thread                    frame grabber
//! ┌──────────────────────────────┐    ┌──────────────────────────────┐   ┌─────────────────────┐
//! │ cut, scaled, BGRx ► newest    │◄───┤ opens, hears errors, tries    │   │ look: the newest, or │
//! │ picture (`camera`)            │    │ again (`camera`, `cameras`)   │   │ what is wrong        │
//! └──────────────────────────────┘    └──────────────────────────────┘   └─────────────────────┘
//! ```
//!
//! Nothing waits for a camera. Everything that may hang is on a thread of its own, which exists while
//! the webcam is to be shown. When it ends, the camera is closed and its light goes out.

mod camera;
pub(crate) mod cameras;
mod preview;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use snaplark_core::capture::{Device, Issue};
use snaplark_core::overlay::{Shape, Webcam as Wanted};

pub(crate) use cameras::list;
pub(crate) use preview::preview;

use crate::policy::{CAMERA_LOST, WEBCAM_MARGIN_PERMILLE, WEBCAM_SIDE_PX_MIN};
use crate::signals::Signals;
use crate::source::picture::{BYTES_PER_PIXEL, PixelRect};

pub(crate) struct WebcamCapture {
    /// The size of the recorded picture.
    size: (u32, u32),
    signals: Arc<Signals>,
    state: Mutex<CameraState>,
}

struct CameraState {
    wanted: Wanted,
    /// True while the camera's thread exists.
    runs: bool,
    newest: Option<Arc<CameraFrame>>,
    /// When a picture last came; before the first one, when waiting for it began.
    came: Instant,
    /// Why no pictures come.
    problem: Option<String>,
    /// True if the loss was reported.
    reported: bool,
}

/// A square picture of the camera: BGRx, rows without padding.
pub(crate) struct CameraFrame {
    pub side: u32,
    pub pixels: Vec<u8>,
}

impl CameraFrame {
    pub(crate) fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let at = (y * self.side + x) as usize * BYTES_PER_PIXEL;
        [self.pixels[at], self.pixels[at + 1], self.pixels[at + 2]]
    }
}

/// The picture to paint now.
pub(crate) struct WebcamLayer {
    pub frame: Arc<CameraFrame>,
    pub rect: PixelRect,
    pub shape: Shape,
    pub mirrored: bool,
}

const SILENT: &str = "nothing comes from it";

impl CameraState {
    fn is_silent(&self) -> bool {
        self.came.elapsed() > CAMERA_LOST
    }
}

impl WebcamCapture {
    /// Creates the webcam of a recording of that size.
    pub(crate) fn new(size: (u32, u32), wanted: Wanted, signals: Arc<Signals>) -> Arc<Self> {
        let state = CameraState {
            wanted: Wanted { shown: false, ..wanted.clone() },
            runs: false,
            newest: None,
            came: Instant::now(),
            problem: None,
            reported: false,
        };
        let webcam = Arc::new(WebcamCapture { size, signals, state: Mutex::new(state) });
        webcam.set(wanted);
        webcam
    }

    pub(crate) fn set(self: &Arc<Self>, wanted: Wanted) {
        let mut state = self.lock();
        let is_new = !state.wanted.shown || state.wanted.camera != wanted.camera;
        state.wanted = wanted;
        if !state.wanted.shown {
            state.reported = false;
            return;
        }
        if is_new {
            (state.came, state.problem) = (Instant::now(), None);
        }
        if !state.runs {
            let webcam = self.clone();
            match crate::spawn("camera", move || camera::run(&webcam)) {
                Ok(()) => state.runs = true,
                Err(error) => state.problem = Some(error.to_string()),
            }
        }
    }

    /// Returns what to paint. Also reports that the webcam was lost, or is back.
    pub(crate) fn layer(&self) -> Option<WebcamLayer> {
        let mut state = self.lock();
        if !state.wanted.shown {
            return None;
        }
        let silent = || state.is_silent().then(|| SILENT.to_owned());
        let problem = state.problem.clone().or_else(silent);
        let is_back = state.reported && problem.is_none() && state.newest.is_some();
        let issue = match &problem {
            Some(reason) if !state.reported => Some(Issue::WebcamLost { reason: reason.clone() }),
            None if is_back => Some(Issue::WebcamBack),
            Some(_) | None => None,
        };
        state.reported ^= issue.is_some();
        // An old picture is not shown once the camera is lost.
        let frame = state.newest.clone().filter(|_| problem.is_none());
        let (rect, shape) = (place(&state.wanted, self.size), state.wanted.shape);
        let mirrored = state.wanted.mirrored;
        drop(state);
        if let Some(issue) = issue {
            self.signals.report_issue(issue);
        }
        Some(WebcamLayer { frame: frame?, rect: rect?, shape, mirrored })
    }

    /// Returns the newest picture, or why there is none; `None` until the first one has come.
    fn newest(&self) -> Result<Option<Arc<CameraFrame>>, String> {
        let state = self.lock();
        match &state.problem {
            Some(problem) => Err(problem.clone()),
            None if state.is_silent() => Err(SILENT.to_owned()),
            None => Ok(state.newest.clone()),
        }
    }

    /// Tells the camera's thread which camera to open. On `None` the thread ends.
    fn wanted(&self) -> Option<Device> {
        let mut state = self.lock();
        let wanted = state.wanted.shown && self.signals.stop_asked().is_none();
        state.runs = wanted;
        state.came = Instant::now();
        wanted.then(|| state.wanted.camera.clone())
    }

    fn wants(&self, camera: &Device) -> bool {
        let state = self.lock();
        let is_it = state.wanted.shown && state.wanted.camera == *camera;
        is_it && self.signals.stop_asked().is_none()
    }

    fn is_silent(&self) -> bool {
        self.lock().is_silent()
    }

    /// Returns the size at which its pictures are needed.
    fn side(&self) -> u32 {
        place(&self.lock().wanted, self.size).map_or(WEBCAM_SIDE_PX_MIN, |rect| rect.width)
    }

    fn set_newest(&self, frame: CameraFrame) {
        let mut state = self.lock();
        state.newest = Some(Arc::new(frame));
        (state.came, state.problem) = (Instant::now(), None);
    }

    /// Records that the camera was closed, and why if that was not requested.
    fn note_closed(&self, problem: Option<String>) {
        let mut state = self.lock();
        (state.newest, state.problem) = (None, problem);
    }

    /// A poisoned lock is ignored: a panic elsewhere can't leave these values inconsistent. Lock order:
    /// `Signals` may be locked while this is held, never the other way round.
    fn lock(&self) -> MutexGuard<'_, CameraState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns where the webcam is painted. `None` if there is no room for it.
fn place(wanted: &Wanted, (width, height): (u32, u32)) -> Option<PixelRect> {
    let permille = |of: u32, part: u16| of * u32::from(part.min(1_000)) / 1_000;
    let margin = permille(width.min(height), WEBCAM_MARGIN_PERMILLE);
    let room = |length: u32| length - 2 * margin;
    let side = permille(height, wanted.height_permille).min(room(width)).min(room(height));
    let at = |length: u32, part| (margin + permille(room(length) - side, part)) as i32;
    (side >= WEBCAM_SIDE_PX_MIN).then(|| PixelRect {
        x: at(width, wanted.place.right_permille),
        y: at(height, wanted.place.down_permille),
        width: side,
        height: side,
    })
}

#[cfg(test)]
mod tests {
    use snaplark_core::overlay::Place;

    use super::*;

    fn at(right_permille: u16, down_permille: u16, height_permille: u16) -> Wanted {
        let place = Place { right_permille, down_permille };
        Wanted { place, height_permille, ..Wanted::default() }
    }

    #[test]
    fn webcam_rect_keeps_its_corner_at_any_size() {
        let corners = |height_permille, size| {
            [(0, 0), (1_000, 0), (0, 1_000), (1_000, 1_000)].map(|(right, down)| {
                let rect = place(&at(right, down, height_permille), size).unwrap();
                let (right, bottom) = (rect.x as u32 + rect.width, rect.y as u32 + rect.height);
                (rect.x as u32, rect.y as u32, size.0 - right, size.1 - bottom)
            })
        };
        let [top_left, top_right, bottom_left, bottom_right] = corners(220, (1920, 1080));
        assert_eq!((top_left.0, top_left.1), (23, 23));
        assert_eq!((top_right.1, top_right.2), (23, 23));
        assert_eq!((bottom_left.0, bottom_left.3), (23, 23));
        assert_eq!((bottom_right.2, bottom_right.3), (23, 23));
        // Larger than there is room for, in a picture of odd sizes.
        for (_, top, _, bottom) in corners(60_000, (801, 333)) {
            assert_eq!((top, bottom), (7, 7));
        }
        assert_eq!(place(&at(0, 0, 220), (100, 60)), None);
        assert!(place(&at(500, 500, 220), (16, 8_192)).is_none());
    }
}
