//! What the first recording of a program would wait for, had beforehand: GStreamer's list of its
//! plugins, which it makes anew where one was installed since, and the libraries that encode. A
//! picture goes through a pipeline as small as one can be; its memory is given back.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use snaplark_core::capture::CaptureError;

use crate::encoder::{SOFTWARE, Settings};
use crate::pipeline::{self, Encoded, Treat};
use crate::policy::{BITRATE_BITS_MIN, OPEN_WAIT};
use crate::signals::{Signals, fault};
use crate::source::picture::BYTES_PER_PIXEL;

const SIDE_PX: u32 = 64;

/// Takes a second where GStreamer makes its list, and a tenth of one elsewhere: not for a thread that
/// others wait for.
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
