//! Does in advance what the first recording of a program would wait for: GStreamer scans its plugins
//! (again if one was installed since), and the encoding libraries are loaded. One picture goes through
//! the smallest possible pipeline; the memory is freed afterwards.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use snaplark_core::capture::CaptureError;

use crate::encoder::{SOFTWARE, Settings};
use crate::pipeline::{self, Encoded, Treat};
use crate::policy::{BITRATE_BITS_MIN, OPEN_WAIT};
use crate::signals::{Signals, fault};
use crate::source::picture::BYTES_PER_PIXEL;

const SIDE_PX: u32 = 64;

/// Takes a second if GStreamer scans its plugins, else a tenth of that. Must not be called on a thread
/// that others wait for.
pub fn warm() -> Result<(), CaptureError> {
    crate::ready()?;
    let settings = Settings { width: SIDE_PX, height: SIDE_PX, bitrate_bits: BITRATE_BITS_MIN };
    let (out, frames) = sync_channel(1);
    let signals = Arc::new(Signals::default());
    let (_running, mut feed) =
        pipeline::start(SOFTWARE, &settings, (SIDE_PX, SIDE_PX), 30, out, signals)?;
    let picture = vec![0; (SIDE_PX * SIDE_PX) as usize * BYTES_PER_PIXEL];
    let treat = Treat { begins: true, care: false };
    feed.push(Some(&picture), 0, treat).map_err(|_| fault())?;
    match frames.recv_timeout(OPEN_WAIT) {
        Ok(Encoded::Frame(_)) => Ok(()),
        Ok(Encoded::End) | Err(_) => Err(fault()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_picture_goes_all_the_way() {
        super::warm().unwrap();
    }
}
