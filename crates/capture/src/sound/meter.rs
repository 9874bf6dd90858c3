//! Measures how loud a microphone is while nothing is recorded, for the person who chooses one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use snaplark_core::capture::{CaptureError, Device, Listening};

use super::RATE;
use super::device::{self, AudioInput};
use super::devices::SoundServer;
use super::mix;
use crate::policy::METER_LAG;
use crate::signals::Signals;

const LEVEL_INTERVAL: Duration = Duration::from_millis(100);
const FRAMES: usize = RATE as usize / 10;

/// Measures until it is dropped.
pub(crate) struct Meter(Arc<Signals>);

impl Drop for Meter {
    fn drop(&mut self) {
        self.0.ask_to_stop();
    }
}

/// Calls `on_level` ten times a second with the microphone's level, in thousandths of full scale. The level
/// is 0 if the microphone can't be heard.
pub(crate) fn measure_microphone(
    device: Device,
    mut on_level: impl FnMut(u16) + Send + 'static,
) -> Result<Meter, CaptureError> {
    gstreamer::init()
        .map_err(|error| CaptureError::PipelineFailed { reason: error.to_string() })?;
    let signals = Arc::new(Signals::default());
    let input = AudioInput::new(Listening::Microphone, false);
    let (heard, until) = (input.clone(), signals.clone());
    crate::spawn("meter-in", move || {
        device::run(&SoundServer::named(None), &device, &heard, &until);
    })?;
    let until = signals.clone();
    crate::spawn("meter", move || {
        let mut frames = vec![[0.0; 2]; FRAMES];
        let mut next = Instant::now() + LEVEL_INTERVAL;
        while !until.stop_comes_before(next) {
            next += LEVEL_INTERVAL;
            input.lock().resampler.read(Instant::now() - METER_LAG, &mut frames);
            on_level(mix::level(&frames));
        }
    })?;
    Ok(Meter(signals))
}
