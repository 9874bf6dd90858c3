//! Mixes the devices' sound, applies the microphone's mute, and computes levels. Pure.

use crate::sound::resampler::Frame;

/// A mute is a ramp over this many frames (4 ms), since an abrupt one would click.
const RAMP_FRAMES: f32 = 192.0;
/// The mix is unchanged up to this value; above it, it is compressed to stay below 1.
const BEND: f32 = 0.8;

/// Holds the microphone's current gain. It begins muted.
#[derive(Debug, Default)]
pub(super) struct Mixer {
    microphone: f32,
}

impl Mixer {
    /// Mixes one block. `open` returns for each frame whether the microphone is audible.
    pub(super) fn mix(
        &mut self,
        microphone: Option<&[Frame]>,
        system: Option<&[Frame]>,
        open: impl Fn(usize) -> bool,
        out: &mut [[i16; 2]],
    ) {
        for (n, mixed) in out.iter_mut().enumerate() {
            let step = if open(n) { 1.0 } else { -1.0 } / RAMP_FRAMES;
            self.microphone = (self.microphone + step).clamp(0.0, 1.0);
            let microphone = microphone.map_or([0.0; 2], |frames| frames[n]);
            let system = system.map_or([0.0; 2], |frames| frames[n]);
            *mixed = std::array::from_fn(|side| {
                let sum = microphone[side] * self.microphone + system[side];
                (bend(sum) * 32_767.0).round() as i16
            });
        }
    }
}

/// Limits a value: smooth at the threshold, and never beyond 1.
fn bend(value: f32) -> f32 {
    let over = value.abs() - BEND;
    if over <= 0.0 {
        return value;
    }
    let room = 1.0 - BEND;
    (BEND + room * over / (over + room)).copysign(value)
}

/// Returns the loudest sample in thousandths.
pub(super) fn level(frames: &[Frame]) -> u16 {
    let peak = frames.iter().flatten().fold(0.0_f32, |peak, value| peak.max(value.abs()));
    (peak.min(1.0) * 1_000.0).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixer_does_not_clip_two_loud_inputs() {
        let loud = [[0.9, -0.9]; 300];
        let mut out = [[0; 2]; 300];
        Mixer::default().mix(Some(&loud), Some(&loud), |_| true, &mut out);
        assert_eq!(out[299], [31_675, -31_675]);
        let quiet = [[0.25, 0.5]; 300];
        Mixer::default().mix(Some(&quiet), None, |_| true, &mut out);
        assert_eq!(out[299], [8_192, 16_384]);
    }

    #[test]
    fn mixer_mutes_only_the_microphone_and_with_a_ramp() {
        let tone = [[0.5; 2]; 1_000];
        let mut out = [[0; 2]; 1_000];
        let mut mixer = Mixer { microphone: 1.0 };
        mixer.mix(Some(&tone), Some(&[[0.25; 2]; 1_000]), |n| n < 500, &mut out);
        assert_eq!(out[499][0], (0.75_f32 * 32_767.0).round() as i16);
        assert_eq!(out[700][0], (0.25_f32 * 32_767.0).round() as i16);
        assert!(out.windows(2).all(|pair| pair[0][0].abs_diff(pair[1][0]) < 200));
    }

    #[test]
    fn level_is_the_peak_in_thousandths() {
        assert_eq!(level(&[[0.0, -0.25], [0.1, 0.2]]), 250);
        assert_eq!(level(&[[3.0, 0.0]]), 1_000);
        assert_eq!(level(&[]), 0);
    }
}
