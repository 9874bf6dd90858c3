//! Resamples one device's sound from its own rate and position to the recording's. Pure: takes frames
//! with their moments and returns the frames of any span of time, with silence where there are none.
//!
//! A library's resampler does not fit: those convert one rate to another and adjust it by how full a
//! queue is. Here the position to read from is known to a fraction of a frame at every moment, so there
//! is no feedback loop, and the sound never drifts from the time at which it was heard.

use std::f64::consts::PI;
use std::sync::LazyLock;
use std::time::Instant;

use crate::policy::{DEVICE_RATE_ERROR_MAX, READ_JUMP_FRAMES, RESAMPLER_FRAMES_MAX};
use crate::sound::RATE;
use crate::sound::clock::DeviceClock;

/// Left and right, from -1 to 1.
pub(super) type Frame = [f32; 2];

/// How many frames are used to interpolate one: half before it, half after it.
const TAPS: usize = 32;
const HALF: f64 = (TAPS / 2) as f64;
/// How many fractional positions have precomputed weights; weights between them are interpolated.
const PHASES: usize = 128;
/// The filter's cutoff, relative to half the rate: 20 kHz still pass.
const CUTOFF: f64 = 0.94;
/// Sound that is cut off decays to a hundredth in 4 ms; sound that sets in rises over this many frames.
const DECAY: f32 = 0.976;
const RISE_FRAMES: f32 = 192.0;

pub(super) struct Resampler {
    epoch: Instant,
    frames: Vec<Frame>,
    /// The position of `frames[0]`.
    first: u64,
    clock: Option<DeviceClock>,
    /// Where the next read begins, once there was one.
    next: Option<f64>,
    /// The gain of the fade-in; 1 when it is complete.
    level: f32,
    /// The frame that was returned last.
    last: Frame,
    /// The decaying rest of the sound after a cut.
    tail: Frame,
}

impl Resampler {
    /// Creates an empty line. `epoch` must be before all other moments.
    pub(super) fn new(epoch: Instant) -> Self {
        Resampler {
            epoch,
            frames: Vec::new(),
            first: 0,
            clock: None,
            next: None,
            level: 0.0,
            last: [0.0; 2],
            tail: [0.0; 2],
        }
    }

    /// Adds interleaved frames that arrived now. According to the server, the frame that is heard now
    /// lies `ahead` frames after the last of them.
    pub(super) fn push(&mut self, samples: &[f32], now: Instant, ahead: Option<f64>) {
        self.frames.extend(samples.chunks_exact(2).map(|pair| [pair[0], pair[1]]));
        if self.frames.len() > RESAMPLER_FRAMES_MAX {
            // Half is dropped at once, since each drop moves the rest.
            self.forget(self.frames.len() - RESAMPLER_FRAMES_MAX / 2);
        }
        let seconds = self.seconds(now);
        let delivered = self.end() as f64;
        let clock = self.clock.get_or_insert_with(|| DeviceClock::starting_at(seconds, delivered));
        clock.note(seconds, delivered, ahead.map(|ahead| delivered + ahead));
    }

    /// Inserts silence for frames that were lost on the way.
    pub(super) fn skip(&mut self, count: usize) {
        let silence = count.min(RESAMPLER_FRAMES_MAX);
        self.frames.resize(self.frames.len() + silence, [0.0; 2]);
        self.first += (count - silence) as u64;
    }

    /// Starts over after the device was reopened: new frames are unrelated to the old ones.
    pub(super) fn restart(&mut self) {
        self.first = self.end();
        self.frames.clear();
        self.clock = None;
        self.next = None;
    }

    /// Returns whether all sound from before that moment has arrived.
    pub(super) fn covers(&self, moment: Instant) -> bool {
        let place = self.clock.as_ref().map(|clock| clock.position_at(self.seconds(moment)));
        place.is_some_and(|place| place + HALF <= self.end() as f64)
    }

    /// Fills `out` with the sound from that moment on. Moments must not go back.
    pub(super) fn read(&mut self, from: Instant, out: &mut [Frame]) {
        let Some((start, step)) = self.plan(from, out.len()) else {
            self.cut();
            out.iter_mut().for_each(|frame| *frame = self.fade());
            return;
        };
        if self.next.is_none_or(|next| (next - start).abs() > 1e-3) {
            self.cut();
        }
        for (n, frame) in out.iter_mut().enumerate() {
            let heard = self.between(start + step * n as f64);
            let [left, right] = self.fade();
            match heard {
                Some(heard) => {
                    self.level = (self.level + 1.0 / RISE_FRAMES).min(1.0);
                    *frame = [left + heard[0] * self.level, right + heard[1] * self.level];
                    self.last = *frame;
                }
                None => {
                    self.cut();
                    *frame = self.fade();
                }
            }
        }
        let end = start + step * out.len() as f64;
        self.next = Some(end);
        let done = (end - HALF).floor() as i64 - self.first as i64;
        self.forget(done.clamp(0, self.frames.len() as i64) as usize);
    }

    /// Returns where reading begins, and the distance between the frames that it reads.
    fn plan(&self, from: Instant, count: usize) -> Option<(f64, f64)> {
        let clock = self.clock.as_ref()?;
        let seconds = self.seconds(from);
        let heard = clock.position_at(seconds);
        let start = match self.next {
            Some(next) if (next - heard).abs() <= READ_JUMP_FRAMES => next,
            _ => heard,
        };
        let end = clock.position_at(seconds + count as f64 / f64::from(RATE));
        let range = 1.0 - 2.0 * DEVICE_RATE_ERROR_MAX..=1.0 + 2.0 * DEVICE_RATE_ERROR_MAX;
        let step = ((end - start) / count as f64).clamp(*range.start(), *range.end());
        Some((start, step))
    }

    /// Interpolates the frame at a fractional position. `None` if not all frames for it are there.
    fn between(&self, position: f64) -> Option<Frame> {
        let whole = position.floor();
        let begin = whole as i64 - (TAPS as i64 / 2 - 1) - self.first as i64;
        let begin = usize::try_from(begin).ok()?;
        let frames = self.frames.get(begin..begin + TAPS)?;
        let phase = (position - whole) * PHASES as f64;
        let (low, part) = (phase as usize, phase.fract() as f32);
        let (low, high) = (&WEIGHTS[low], &WEIGHTS[low + 1]);
        let (mut left, mut right) = (0.0, 0.0);
        for (n, frame) in frames.iter().enumerate() {
            let weight = low[n] + (high[n] - low[n]) * part;
            left += frame[0] * weight;
            right += frame[1] * weight;
        }
        Some([left, right])
    }

    /// Marks where the sound breaks off. It fades out from here, since an abrupt end would click.
    fn cut(&mut self) {
        if self.last != [0.0; 2] {
            self.tail = self.last;
        }
        (self.last, self.level) = ([0.0; 2], 0.0);
    }

    fn fade(&mut self) -> Frame {
        self.tail = self.tail.map(|value| if value.abs() < 1e-5 { 0.0 } else { value * DECAY });
        self.tail
    }

    fn end(&self) -> u64 {
        self.first + self.frames.len() as u64
    }

    fn forget(&mut self, count: usize) {
        self.frames.drain(..count);
        self.first += count as u64;
    }

    fn seconds(&self, moment: Instant) -> f64 {
        moment.saturating_duration_since(self.epoch).as_secs_f64()
    }
}

/// A windowed sinc filter for each phase, each with a sum of 1.
static WEIGHTS: LazyLock<Vec<[f32; TAPS]>> =
    LazyLock::new(|| (0..=PHASES).map(|phase| weights(phase as f64 / PHASES as f64)).collect());

fn weights(part: f64) -> [f32; TAPS] {
    let raw: [f64; TAPS] = std::array::from_fn(|n| {
        let x = n as f64 - (HALF - 1.0) - part;
        let sinc = if x == 0.0 { 1.0 } else { (PI * CUTOFF * x).sin() / (PI * CUTOFF * x) };
        // A Blackman window.
        let turn = PI * x / HALF;
        sinc * (0.42 + 0.5 * turn.cos() + 0.08 * (2.0 * turn).cos())
    });
    let sum: f64 = raw.iter().sum();
    raw.map(|weight| (weight / sum) as f32)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const BLOCK: usize = 960;

    fn after(epoch: Instant, seconds: f64) -> Instant {
        epoch + Duration::from_secs_f64(seconds)
    }

    /// Simulates a device of that rate that records a tone of 1 kHz in chunks of 10 ms for that many
    /// seconds. It is read in blocks of 20 ms, 100 ms later.
    fn tone(rate: f64, seconds: u32, heard: impl Fn(f64) -> bool) -> Vec<Frame> {
        let epoch = Instant::now();
        let mut resampler = Resampler::new(epoch);
        let mut out = Vec::new();
        let mut read_until = 0.0;
        for chunk in 1..=u64::from(seconds) * 100 {
            let now = chunk as f64 * 480.0 / rate;
            let samples: Vec<f32> = (chunk * 480 - 480..chunk * 480)
                .flat_map(|p| [(TAU_KHZ * p as f64 / rate).sin() as f32 * 0.5; 2])
                .collect();
            match heard(now) {
                true => resampler.push(&samples, after(epoch, now), Some(0.0)),
                false => resampler.skip(480),
            }
            while read_until + 0.12 < now {
                let mut block = [[0.0; 2]; BLOCK];
                resampler.read(after(epoch, read_until), &mut block);
                out.extend(block);
                read_until += 0.02;
            }
        }
        out
    }

    const TAU_KHZ: f64 = std::f64::consts::TAU * 1_000.0;

    #[test]
    fn resampler_keeps_a_tone_pure_and_in_time_at_any_rate() {
        for ppm in [0.0, 200.0, -300.0] {
            let out = tone(48_000.0 * (1.0 + ppm / 1e6), 40, |_| true);
            // Compared with the tone as it was played, after the loop has settled.
            let mut worst: f64 = 0.0;
            for (n, frame) in out.iter().enumerate().skip(20 * 48_000) {
                let ideal = (TAU_KHZ * n as f64 / 48_000.0).sin() * 0.5;
                worst = worst.max((f64::from(frame[0]) - ideal).abs());
            }
            // A thousandth of a turn is a microsecond.
            assert!(worst < 0.01, "{ppm} ppm: {worst}");
        }
    }

    #[test]
    fn resampler_fades_where_the_sound_stops_and_starts() {
        let out = tone(48_000.0, 6, |now| !(2.0..3.0).contains(&now));
        let step = out.windows(2).map(|w| (w[1][0] - w[0][0]).abs()).fold(0.0, f32::max);
        // The tone's own steepest step is 0.065.
        assert!(step < 0.09, "{step}");
        let silent = out[(48_000.0 * 2.1) as usize..(48_000.0 * 2.9) as usize].iter();
        assert!(silent.clone().all(|frame| *frame == [0.0; 2]));
        let loud = out[4 * 48_000..].iter().map(|frame| frame[0].abs()).fold(0.0, f32::max);
        assert!(loud > 0.49, "{loud}");
    }

    #[test]
    fn resampler_drops_frames_that_were_read() {
        let epoch = Instant::now();
        let mut resampler = Resampler::new(epoch);
        assert!(!resampler.covers(epoch));
        resampler.push(&[0.1; 9_600 * 2], after(epoch, 0.2), None);
        assert!(resampler.covers(after(epoch, 0.19)));
        assert!(!resampler.covers(after(epoch, 0.2)));
        let mut block = [[0.0; 2]; BLOCK];
        resampler.read(after(epoch, 0.1), &mut block);
        assert!(resampler.frames.len() < 9_600);
        assert!(block.iter().skip(RISE_FRAMES as usize).all(|f| (f[0] - 0.1).abs() < 1e-3));
        for _ in 0..400 {
            resampler.push(&[0.0; 960], after(epoch, 0.3), None);
        }
        assert!(resampler.frames.len() <= RESAMPLER_FRAMES_MAX);
        resampler.restart();
        resampler.read(after(epoch, 0.5), &mut block);
        assert_eq!(block[BLOCK - 1], [0.0; 2]);
    }
}
