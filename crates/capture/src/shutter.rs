//! The sound of a camera's shutter. It is made here: two short bursts of noise, as a curtain opens and closes.

use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::graph::{Graph, appsrc_for, make, text};

const RATE: u32 = 48_000;
/// How long the sound takes.
const LENGTH: Duration = Duration::from_millis(140);
/// When the second burst begins.
const SECOND_BURST_S: f64 = 0.07;
/// How fast a burst fades.
const FADE_S: f64 = 0.009;
/// Well below full scale: it is heard, and startles nobody.
const PEAK: f64 = 0.25;
/// A sound server that has not played it by then is stuck.
const PLAY_WAIT: Duration = Duration::from_secs(3);

/// Plays the sound of a shutter, and returns when it was played.
pub(crate) fn play_shutter() -> Result<(), String> {
    gst::init().map_err(text)?;
    let caps = gst::Caps::builder("audio/x-raw")
        .field("format", "S16LE")
        .field("layout", "interleaved")
        .field("channels", 1)
        .field("rate", RATE.cast_signed())
        .build();
    let source = appsrc_for(&caps);
    let [convert, resample, sink] =
        [make("audioconvert")?, make("audioresample")?, make("autoaudiosink")?];
    let graph = Graph::of([source.upcast_ref(), &convert, &resample, &sink])?;
    let mut buffer = gst::Buffer::from_slice(samples());
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(gst::ClockTime::ZERO);
        buffer.set_duration(gst::ClockTime::try_from(LENGTH).ok());
    }
    graph.play()?;
    source.push_buffer(buffer).map_err(text)?;
    source.end_of_stream().map_err(text)?;
    let bus = graph.pipeline().bus().ok_or("there is no bus")?;
    let wait = gst::ClockTime::try_from(PLAY_WAIT).ok();
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    match bus.timed_pop_filtered(wait, &ends) {
        Some(message) => match message.view() {
            gst::MessageView::Error(error) => Err(text(error.error())),
            _ => Ok(()),
        },
        None => Err("the sound server does not play".to_owned()),
    }
}

/// Returns the samples, as 16 bits little-endian.
fn samples() -> Vec<u8> {
    let count = (LENGTH.as_secs_f64() * f64::from(RATE)) as u32;
    let mut noise = 0x2545_F491_u32;
    let sample = |n: u32| {
        // xorshift: the same noise each time.
        noise ^= noise << 13;
        noise ^= noise >> 17;
        noise ^= noise << 5;
        let at = f64::from(n) / f64::from(RATE);
        let burst = |begins: f64| if at < begins { 0.0 } else { (-(at - begins) / FADE_S).exp() };
        let loudness = PEAK * (burst(0.0) + burst(SECOND_BURST_S)).min(1.0);
        let value = (f64::from(noise) / f64::from(u32::MAX) * 2.0 - 1.0) * loudness;
        ((value * f64::from(i16::MAX)) as i16).to_le_bytes()
    };
    (0..count).flat_map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shutter_is_short_quiet_and_ends_in_silence() {
        let samples: Vec<i16> =
            samples().chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
        assert_eq!(samples.len(), 6_720);
        let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!((2_000..=8_192).contains(&loudest), "{loudest}");
        assert!(samples[samples.len() - 200..].iter().all(|sample| sample.unsigned_abs() < 100));
    }
}
