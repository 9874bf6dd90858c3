//! Shows a camera's picture outside of a recording, for the person who chooses one. It uses the same
//! `Webcam` as a recording, without recording it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use snaplark_core::capture::{CaptureError, Device};
use snaplark_core::overlay::Webcam as Wanted;

use super::{Face, Webcam};
use crate::policy::{PREVIEW_LAPSE, PREVIEW_SIDE_PX};
use crate::signals::Signals;

/// Holds the camera open while pictures are asked for. It closes the camera when it is dropped, and
/// when nobody has asked for a while: a window that hangs can't keep the camera's light on.
pub struct CameraPreview {
    webcam: Arc<Webcam>,
    signals: Arc<Signals>,
    asked: Arc<Mutex<Instant>>,
}

/// A square picture as windows paint it: RGBA, rows without padding.
pub struct CameraPicture {
    pub side: u32,
    pub rgba: Vec<u8>,
}

/// Begins to open that camera, and returns without waiting for it.
pub fn preview(camera: Device) -> Result<CameraPreview, CaptureError> {
    let signals = Arc::new(Signals::default());
    let wanted = Wanted { shown: true, camera, height_permille: 500, ..Wanted::default() };
    // The webcam takes half of the height of a picture that is twice as high.
    let size = (2 * PREVIEW_SIDE_PX, 2 * PREVIEW_SIDE_PX);
    let webcam = Webcam::new(size, wanted, signals.clone());
    let asked = Arc::new(Mutex::new(Instant::now()));
    let (until, last) = (signals.clone(), asked.clone());
    crate::spawn("preview", move || {
        let lapses = || *last.lock().unwrap_or_else(PoisonError::into_inner) + PREVIEW_LAPSE;
        while !until.stop_comes_before(lapses()) {
            if lapses() <= Instant::now() {
                until.ask_to_stop();
            }
        }
    })?;
    Ok(CameraPreview { webcam, signals, asked })
}

impl CameraPreview {
    /// Returns the newest picture; `None` until the first has come. The error says why there is none.
    /// A camera that was lost is opened again by itself.
    pub fn picture(&self) -> Result<Option<CameraPicture>, String> {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Ok(self.webcam.newest()?.map(|face| CameraPicture { side: face.side, rgba: rgba(&face) }))
    }

    /// Returns whether the camera was closed because nobody asked for too long. It stays closed.
    pub fn has_lapsed(&self) -> bool {
        self.signals.stop_asked().is_some()
    }
}

impl Drop for CameraPreview {
    fn drop(&mut self) {
        self.signals.ask_to_stop();
    }
}

fn rgba(face: &Face) -> Vec<u8> {
    let (pixels, _) = face.pixels.as_chunks::<4>();
    pixels.iter().flat_map(|&[blue, green, red, _]| [red, green, blue, u8::MAX]).collect()
}
