//! Shows a camera's picture outside of a recording, for the person who chooses one. It uses the same
//! `Webcam` as a recording, without recording it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use snaplark_core::capture::{CaptureError, Device};
use snaplark_core::devices::{CameraPicture, CameraPreview};
use snaplark_core::overlay::Webcam as Wanted;

use super::{CameraFrame, WebcamCapture};
use crate::policy::{PREVIEW_LAPSE, PREVIEW_SIDE_PX};
use crate::signals::Signals;

/// Holds the camera open while pictures are asked for. It closes the camera when it is dropped, and
/// when nobody has asked for a while: a window that hangs can't keep the camera's light on.
pub(crate) struct WebcamPreview {
    webcam: Arc<WebcamCapture>,
    signals: Arc<Signals>,
    asked: Arc<Mutex<Instant>>,
}

/// Begins to open that camera, and returns without waiting for it.
pub(crate) fn preview(camera: Device) -> Result<WebcamPreview, CaptureError> {
    let signals = Arc::new(Signals::default());
    let wanted = Wanted { shown: true, camera, height_permille: 500, ..Wanted::default() };
    // The webcam takes half of the height of a picture that is twice as high.
    let size = (2 * PREVIEW_SIDE_PX, 2 * PREVIEW_SIDE_PX);
    let webcam = WebcamCapture::new(size, wanted, signals.clone());
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
    Ok(WebcamPreview { webcam, signals, asked })
}

impl CameraPreview for WebcamPreview {
    fn picture(&self) -> Result<Option<CameraPicture>, String> {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        // A camera that was lost is opened again by itself.
        Ok(self
            .webcam
            .newest()?
            .map(|frame| CameraPicture { side: frame.side, rgba: rgba(&frame) }))
    }

    fn has_lapsed(&self) -> bool {
        self.signals.stop_asked().is_some()
    }
}

impl Drop for WebcamPreview {
    fn drop(&mut self) {
        self.signals.ask_to_stop();
    }
}

fn rgba(frame: &CameraFrame) -> Vec<u8> {
    let (pixels, _) = frame.pixels.as_chunks::<4>();
    pixels.iter().flat_map(|&[blue, green, red, _]| [red, green, blue, u8::MAX]).collect()
}
