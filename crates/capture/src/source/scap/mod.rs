//! Captures through the crate scap: the way on Windows and macOS, and on Linux if requested.
//!
//! ```text
//!  scap's threads     helper's threads                  a thread here     frame grabber
//! ┌──────────────┐   ┌───────────────────────────┐     ┌────────────┐    ┌───────────────────┐
//! │ its queue     ├──►│ the newest picture, BGRx  ├────►│ the newest ├───►│ look: cut, copied │
//! └──────────────┘   └───────────────────────────┘pipe └────────────┘    └───────────────────┘
//!                     a helper process (`helper_process`)
//! ```
//!
//! scap runs in a helper process since it panics on errors, also in callbacks from C, where a panic
//! ends the process and can't be caught. It dereferences pointers that a compositor may leave null,
//! queues pictures without a bound, can capture only once per process, and hangs if the stream ends
//! without notice. All that affects only the helper: its end is reported as an error message.
//!
//! scap does not report a display's position, so a region is relative to the main display, whose corner
//! is the origin. The size of a recording does not change: the size of the source may, and it is scaled
//! into the recording's (`fit`). A region is cropped instead, and is black where the source no longer
//! shows it.

#[cfg(any(feature = "scap", not(target_os = "linux")))]
mod frame;
pub(crate) mod helper;
mod wire;

use std::io::{BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use snaplark_core::capture::{CaptureError, Source as Wanted};

use self::helper::{ScapRequest, ScapTarget};
use self::wire::{HelperMessage, StreamEnd};
use super::fit::Fit;
use super::picture::{BYTES_PER_PIXEL, PixelRect, check_size, set_on_black};
use super::{FrameSource, SourceRequest, missing};
use crate::helper_process::{HelperKind, HelperProcess};
use crate::policy::CONSENT_WAIT;

/// How often to check whether the start was abandoned.
const ABANDONED_POLL: Duration = Duration::from_millis(100);

pub(crate) struct ScapSource {
    shared: Arc<LatestFrame>,
    picture: ScapPicture,
    #[cfg(target_os = "linux")]
    lost: super::portal::sharing::PortalWatch,
    /// Dropped last, after what it sends to.
    _helper: HelperProcess,
}

/// The recorded part of the newest picture, in the recording's size.
struct ScapPicture {
    /// The recorded area of the source.
    region: Option<PixelRect>,
    size: (u32, u32),
    fit: Fit,
    pixels: Vec<u8>,
}

/// The newest picture and the end, shared between the reading thread and the frame grabber.
#[derive(Default)]
struct LatestFrame {
    state: Mutex<LatestFrameState>,
    changed: Condvar,
}

#[derive(Default)]
struct LatestFrameState {
    size: (u32, u32),
    pixels: Vec<u8>,
    /// True until the newest picture was used.
    is_new: bool,
    end: Option<CaptureError>,
}

impl ScapSource {
    pub(crate) fn open(opening: &SourceRequest) -> Result<Self, CaptureError> {
        let region = match opening.wanted {
            Wanted::Region { x, y, width, height } => Some(PixelRect { x, y, width, height }),
            Wanted::Display(_) | Wanted::Window(_) => None,
        };
        let request = ScapRequest {
            target: ScapTarget::of(&opening.wanted),
            fps: opening.fps,
            pointer: opening.pointer,
        };
        let (helper, output) = HelperProcess::start(HelperKind::Scap, &request.to_string())
            .map_err(|reason| CaptureError::Unsupported { reason })?;
        let shared = Arc::new(LatestFrame::default());
        let reader = shared.clone();
        crate::spawn("scap", move || reader.read_messages(output))?;
        let size = shared.wait_for_first(opening)?;
        // Only now does it run, so that its end can be observed.
        #[cfg(target_os = "linux")]
        let lost = super::portal::sharing::PortalWatch::start()?;
        let shown = PixelRect { x: 0, y: 0, width: size.0, height: size.1 };
        let region = region.map(|region| {
            region.common(shown).ok_or_else(|| missing("the region is not on the main display"))
        });
        let region = region.transpose()?;
        let seen = region.unwrap_or(shown);
        check_size((seen.width, seen.height))?;
        Ok(ScapSource {
            shared,
            picture: ScapPicture::new(region, (seen.width, seen.height)),
            #[cfg(target_os = "linux")]
            lost,
            _helper: helper,
        })
    }
}

impl ScapPicture {
    fn new(region: Option<PixelRect>, size: (u32, u32)) -> Self {
        let bytes = PixelRect { x: 0, y: 0, width: size.0, height: size.1 }.bytes();
        ScapPicture { region, size, fit: Fit::new(size), pixels: vec![0; bytes] }
    }

    /// Updates from a picture of the size `from`.
    fn update(&mut self, pixels: &[u8], from: (u32, u32)) -> Result<(), CaptureError> {
        let stride_bytes = from.0 as usize * BYTES_PER_PIXEL;
        let whole = PixelRect { x: 0, y: 0, width: from.0, height: from.1 };
        if self.region.is_none() && from != self.size {
            return self.fit.scale(&mut self.pixels, pixels, stride_bytes, from).map(drop);
        }
        let wanted = self.region.unwrap_or(whole);
        let Some(helper) = wanted.common(whole) else {
            self.pixels.fill(0);
            return Ok(());
        };
        let start = helper.y as usize * stride_bytes + helper.x as usize * BYTES_PER_PIXEL;
        let at = ((helper.x - wanted.x) as u32, (helper.y - wanted.y) as u32);
        set_on_black(&mut self.pixels, self.size, &pixels[start..], stride_bytes, helper, at);
        Ok(())
    }
}

impl FrameSource for ScapSource {
    fn size(&self) -> (u32, u32) {
        self.picture.size
    }

    fn grab(&mut self) -> Result<Option<&[u8]>, CaptureError> {
        #[cfg(target_os = "linux")]
        if let Some(error) = self.lost.end().get() {
            return Err(error);
        }
        let mut state = self.shared.lock();
        // An empty picture, from a minimized window, changes nothing.
        if std::mem::take(&mut state.is_new) && state.size.0 > 0 && state.size.1 > 0 {
            self.picture.update(&state.pixels, state.size)?;
        }
        match &state.end {
            Some(error) => Err(error.clone()),
            None => Ok(Some(&self.picture.pixels)),
        }
    }
}

impl LatestFrame {
    /// Reads the helper's messages until it ends.
    fn read_messages(&self, output: impl Read) {
        let mut output = BufReader::with_capacity(1 << 16, output);
        let mut content = Vec::new();
        loop {
            let message = wire::read(&mut output, &mut content);
            let mut state = self.lock();
            match message {
                Ok(HelperMessage::Picture { width, height }) => {
                    state.size = (width, height);
                    std::mem::swap(&mut state.pixels, &mut content);
                    state.is_new = true;
                }
                Ok(HelperMessage::End(end)) => {
                    let reason = String::from_utf8_lossy(&content).into_owned();
                    state.end = Some(error_of(end, reason, state.size != (0, 0)));
                }
                // The helper died, or the recorded window was closed.
                Err(_) => {
                    let reason = "what was recorded is gone".to_owned();
                    state.end = Some(error_of(StreamEnd::Broken, reason, state.size != (0, 0)));
                }
            }
            self.changed.notify_all();
            if state.end.is_some() {
                return;
            }
        }
    }

    fn wait_for_first(&self, opening: &SourceRequest) -> Result<(u32, u32), CaptureError> {
        let until = Instant::now() + CONSENT_WAIT;
        let mut state = self.lock();
        loop {
            if let Some(error) = &state.end {
                return Err(error.clone());
            }
            if state.is_new {
                return Ok(state.size);
            }
            if opening.abandoned.is_set() {
                return Err(CaptureError::Abandoned);
            }
            if Instant::now() >= until {
                return Err(CaptureError::SharingSilent);
            }
            let waited = self.changed.wait_timeout(state, ABANDONED_POLL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A poisoned lock is ignored: a panic elsewhere can't leave a picture incomplete.
    fn lock(&self) -> MutexGuard<'_, LatestFrameState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn error_of(end: StreamEnd, reason: String, was_seen: bool) -> CaptureError {
    match end {
        _ if was_seen => CaptureError::SharingLost { reason },
        StreamEnd::Declined => CaptureError::Declined,
        StreamEnd::Missing => CaptureError::SourceMissing { reason },
        StreamEnd::Silent => CaptureError::SharingSilent,
        StreamEnd::Broken => CaptureError::SharingRefused { reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scap_picture_is_scaled_when_its_size_changes_and_a_region_is_cropped() {
        gstreamer::init().unwrap();
        let filled = |width: u32, height: u32| vec![90; (width * height * 4) as usize];
        let seen = |picture: &ScapPicture| {
            picture.pixels.chunks_exact(4).filter(|pixel| pixel[0].abs_diff(90) < 2).count()
        };
        let mut picture = ScapPicture::new(None, (40, 20));
        for (from, expected) in [((40, 20), 800), ((81, 41), 800), ((10, 40), 5 * 20)] {
            picture.update(&filled(from.0, from.1), from).unwrap();
            assert_eq!(seen(&picture), expected, "{from:?}");
        }
        let region = PixelRect { x: 5, y: 5, width: 20, height: 10 };
        let mut picture = ScapPicture::new(Some(region), (20, 10));
        for (from, expected) in [((40, 20), 200), ((15, 20), 100), ((4, 4), 0)] {
            picture.update(&filled(from.0, from.1), from).unwrap();
            assert_eq!(seen(&picture), expected, "{from:?}");
        }
    }
}
