//! Does in advance what the first recording of a program would wait for: GStreamer scans its plugins
//! (again if one was installed since), and the encoding libraries are loaded. One picture goes through
//! the smallest possible pipeline; the memory is freed afterwards.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use snaplark_core::capture::CaptureError;

use crate::encoder::{EncoderSettings, SOFTWARE};
use crate::pipeline::{self, EncodeMode, EncoderOutput};
use crate::policy::{BITRATE_BITS_MIN, OPEN_WAIT};
use crate::signals::{Signals, internal_error};
use crate::source::picture::BYTES_PER_PIXEL;

const SIDE_PX: u32 = 64;

/// Takes a second if GStreamer scans its plugins, else a tenth of that. Must not be called on a thread
/// that others wait for.
pub(crate) fn warm_up() -> Result<(), CaptureError> {
    crate::check_gstreamer()?;
    let settings = EncoderSettings {
        width: SIDE_PX,
        height: SIDE_PX,
        bitrate_bits: BITRATE_BITS_MIN,
        has_borders: false,
    };
    let (out, frames) = sync_channel(1);
    let signals = Arc::new(Signals::default());
    let (_running, mut input) =
        pipeline::start(SOFTWARE, &settings, (SIDE_PX, SIDE_PX), 30, out, signals)?;
    let picture = vec![0; (SIDE_PX * SIDE_PX) as usize * BYTES_PER_PIXEL];
    let mode = EncodeMode { begins_segment: true, high_quality: false };
    input.push(Some(&picture), 0, mode).map_err(|_| internal_error())?;
    match frames.recv_timeout(OPEN_WAIT) {
        Ok(EncoderOutput::Frame(_)) => Ok(()),
        Ok(EncoderOutput::End) | Err(_) => Err(internal_error()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn warm_up_encodes_one_picture() {
        super::warm_up().unwrap();
    }
}
