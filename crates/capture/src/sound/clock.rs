//! Estimates the real rate and position of a device's own clock. Pure.
//!
//! A device that claims 48 kHz delivers 47,990 or 48,020 frames a second of the computer's clock. The
//! rate is measured by the arrival of its frames. An arrival is late by whatever this computer was
//! doing meanwhile, but never early. So only the least late observation of each short interval counts,
//! and a second-order delay-locked loop (DLL) is fitted through those: steady drift leaves no error,
//! and errors do not add up.
//!
//! The sound server also reports which frame is heard now. That report varies by some milliseconds and
//! is wrong by half a second at first. So only its distance from the loop is used, averaged slowly: it
//! is the latency of the device's own buffers.

use std::f64::consts::{SQRT_2, TAU};

use crate::policy::{
    DEVICE_JUMP_MS, DEVICE_JUMP_WHILES, DEVICE_LEAD_MS_MAX, DEVICE_RATE_ERROR_MAX,
};
use crate::sound::RATE;

/// The loop's bandwidth and the length of its intervals: wide at first, to find the device, then
/// narrow, since real clocks drift slowly.
const WIDE: LoopBandwidth = LoopBandwidth { hz: 0.3, seconds: 0.1 };
const NARROW: LoopBandwidth = LoopBandwidth { hz: 0.03, seconds: 0.5 };
const WIDE_SECONDS: f64 = 6.0;
/// The most that an interval in which all observations were late moves the loop.
const LATE_MS_MAX: f64 = 5.0;
/// The averaging time of the distance to the server's report, at first and in the long run; when
/// averaging begins, after the report has settled; and the largest distance that counts at a time.
const LEAD_SECONDS: [f64; 2] = [5.0, 60.0];
const LEAD_SETTLED_SECONDS: f64 = 2.0;
const LEAD_STEP_MS_MAX: f64 = 20.0;

struct LoopBandwidth {
    hz: f64,
    seconds: f64,
}

#[derive(Clone, Debug)]
pub(super) struct DeviceClock {
    /// The loop's line goes through this moment and this position.
    seconds: f64,
    position: f64,
    rate: f64,
    since: f64,
    /// The least late observation of this interval, and its distance ahead of the line.
    best: Option<(f64, f64)>,
    while_since: f64,
    /// The number of intervals in a row that were far behind the line.
    strange: u32,
    /// How many frames the device is ahead of what it delivers.
    lead: f64,
    looked: f64,
}

impl DeviceClock {
    /// Starts a clock. Moments are in seconds and positions in frames; the caller chooses both origins.
    pub(super) fn starting_at(seconds: f64, delivered: f64) -> Self {
        DeviceClock {
            seconds,
            position: delivered,
            rate: f64::from(RATE),
            since: seconds,
            best: None,
            while_since: seconds,
            strange: 0,
            lead: 0.0,
            looked: seconds,
        }
    }

    /// Returns which frame is heard at that moment.
    pub(super) fn position_at(&self, seconds: f64) -> f64 {
        self.delivered_at(seconds) + self.lead
    }

    /// Notes how many frames had been delivered at that moment, and which frame the server reports as
    /// heard.
    pub(super) fn note(&mut self, seconds: f64, delivered: f64, heard: Option<f64>) {
        if let Some(heard) = heard {
            self.note_lead(seconds, heard);
        }
        self.looked = seconds;
        let ahead = delivered - self.delivered_at(seconds);
        if self.best.is_none_or(|(_, best)| ahead > best) {
            self.best = Some((seconds, ahead));
        }
        let pace = if seconds - self.since < WIDE_SECONDS { WIDE } else { NARROW };
        if seconds - self.while_since >= pace.seconds
            && let Some((at, ahead)) = self.best.take()
        {
            self.while_since = seconds;
            self.follow(at, ahead, &pace);
        }
    }

    fn follow(&mut self, at: f64, ahead: f64, pace: &LoopBandwidth) {
        let jump = frames(DEVICE_JUMP_MS as f64);
        self.strange = if ahead < -jump { self.strange + 1 } else { 0 };
        // Frames never arrive early, so the device has jumped ahead. If they stay late, it has stalled.
        if ahead > jump || self.strange >= DEVICE_JUMP_WHILES {
            let (rate, lead, looked) = (self.rate, self.lead, self.looked);
            let delivered = self.delivered_at(at) + ahead;
            *self = DeviceClock { rate, lead, looked, ..Self::starting_at(at, delivered) };
            return;
        }
        let passed = at - self.seconds;
        if passed <= 0.0 {
            return;
        }
        let error = ahead.max(-frames(LATE_MS_MAX));
        // The loop would oscillate with more.
        let turn = (TAU * pace.hz * passed).min(0.3);
        let off = f64::from(RATE) * DEVICE_RATE_ERROR_MAX;
        let rate = self.rate + turn * turn * error / passed;
        self.position = self.delivered_at(at) + SQRT_2 * turn * error;
        self.rate = rate.clamp(f64::from(RATE) - off, f64::from(RATE) + off);
        self.seconds = at;
    }

    fn note_lead(&mut self, seconds: f64, heard: f64) {
        let passed = (seconds - self.looked).clamp(0.0, 1.0);
        let age = seconds - self.since - LEAD_SETTLED_SECONDS;
        if age < 0.0 {
            return;
        }
        let most = frames(LEAD_STEP_MS_MAX);
        let off = (heard - self.position_at(seconds)).clamp(-most, most);
        let limit = frames(DEVICE_LEAD_MS_MAX as f64);
        self.lead = (self.lead + off * passed / age.clamp(LEAD_SECONDS[0], LEAD_SECONDS[1]))
            .clamp(-limit, limit);
    }

    fn delivered_at(&self, seconds: f64) -> f64 {
        self.position + self.rate * (seconds - self.seconds)
    }
}

fn frames(ms: f64) -> f64 {
    f64::from(RATE) * ms / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Observes the clock every 10 ms, late by up to 4 ms in a fixed irregular pattern, and every tenth
    /// second by 300 ms. The server's report varies.
    fn follow(clock: &mut DeviceClock, rate: f64, seconds: std::ops::Range<u32>, lead: f64) -> f64 {
        let mut worst: f64 = 0.0;
        for n in seconds.start * 100..seconds.end * 100 {
            let now = f64::from(n) / 100.0;
            let disorder = f64::from(n.wrapping_mul(2_654_435_761) >> 16) / 65_536.0;
            let late = if n % 1_000 < 30 { 0.3 } else { disorder * 0.004 };
            let heard = rate * now + lead + (now / 3.0).sin() * 300.0;
            clock.note(now, rate * (now - late), Some(heard));
            worst = worst.max((clock.position_at(now) - rate * now - lead).abs());
        }
        worst
    }

    #[test]
    fn device_clock_follows_drift_without_error() {
        for ppm in [-500.0, -200.0, 0.0, 200.0, 1_000.0] {
            let rate = 48_000.0 * (1.0 + ppm / 1e6);
            let mut clock = DeviceClock::starting_at(0.0, 0.0);
            follow(&mut clock, rate, 0..60, -480.0);
            // Ten minutes at 200 ppm would be 120 ms.
            let worst = follow(&mut clock, rate, 60..660, -480.0);
            assert!(worst < 48.0 * 4.0, "{ppm} ppm: {worst} frames off");
            assert!((clock.rate / rate - 1.0).abs() < 60e-6, "{ppm} ppm: {}", clock.rate);
        }
    }

    #[test]
    fn device_clock_ignores_late_frames_and_follows_a_jump() {
        let mut clock = DeviceClock::starting_at(0.0, 0.0);
        follow(&mut clock, 48_000.0, 0..10, 0.0);
        let before = clock.position_at(11.0);
        for n in 0..100 {
            clock.note(10.0 + f64::from(n) / 100.0, 48_000.0 * 9.5, None);
        }
        assert!((clock.position_at(11.0) - before).abs() < 48.0 * 3.0);
        for n in 0..60 {
            let now = 11.0 + f64::from(n) / 100.0;
            clock.note(now, 48_000.0 * (now + 3.0), None);
        }
        assert!((clock.delivered_at(12.0) - 48_000.0 * 15.0).abs() < 480.0);
    }
}
