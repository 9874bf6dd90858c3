//! Measures how loud a microphone is while nothing is recorded, for the person who chooses one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use snaplark_core::capture::{CaptureError, Device, Listening};

use super::RATE;
use super::device::{self, Input};
use super::devices::Server;
use super::mix;
use crate::policy::METER_LAG;
use crate::signals::Signals;

const TELLS_APART: Duration = Duration::from_millis(100);
const FRAMES: usize = RATE as usize / 10;

/// Measures until it is dropped.
pub struct Meter(Arc<Signals>);

impl Drop for Meter {
    fn drop(&mut self) {
        self.0.ask_to_stop();
    }
}

/// Calls `tell` ten times a second with the microphone's level, in thousandths of full scale. The level
/// is 0 if the microphone can't be heard.
pub fn listen(
    device: Device,
    mut tell: impl FnMut(u16) + Send + 'static,
) -> Result<Meter, CaptureError> {
    gstreamer::init()
        .map_err(|error| CaptureError::PipelineFailed { reason: error.to_string() })?;
    let signals = Arc::new(Signals::default());
    let input = Input::new(Listening::Microphone, false);
    let (heard, until) = (input.clone(), signals.clone());
    crate::spawn("meter-in", move || device::run(&Server::named(None), &device, &heard, &until))?;
    let until = signals.clone();
    crate::spawn("meter", move || {
        let mut frames = vec![[0.0; 2]; FRAMES];
        let mut next = Instant::now() + TELLS_APART;
        while !until.stop_comes_before(next) {
            next += TELLS_APART;
            input.lock().line.read(Instant::now() - METER_LAG, &mut frames);
            tell(mix::level(&frames));
        }
    })?;
    Ok(Meter(signals))
}
