//! Maps moments of the monotonic clock to times of the recording, which begins when the source is first
//! grabbed and does not advance in pauses. Also holds the history of switches that a person turns
//! meanwhile, such as mute. Pure.

use std::time::{Duration, Instant};

/// Converts between moments and times of the recording. Pauses begin at multiples of `step`, so that
/// none splits a packet of sound.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    start: Instant,
    step: Duration,
    pauses: Vec<PauseSpan>,
}

#[derive(Clone, Debug)]
struct PauseSpan {
    from: Instant,
    /// `None` while the pause lasts.
    until: Option<Instant>,
}

impl Timeline {
    pub(crate) fn new(start: Instant, step: Duration) -> Self {
        Timeline { start, step, pauses: Vec::new() }
    }

    /// Pauses the recording's time at the next multiple of `step`.
    pub(crate) fn pause(&mut self, moment: Instant) {
        if self.paused_at().is_none() {
            let time = self.time_of(moment);
            let steps = time.as_nanos().div_ceil(self.step.as_nanos()) as u32;
            self.pauses.push(PauseSpan { from: moment + (self.step * steps - time), until: None });
        }
    }

    pub(crate) fn resume(&mut self, moment: Instant) {
        if let Some(pause) = self.pauses.last_mut() {
            pause.until.get_or_insert(moment.max(pause.from));
        }
    }

    /// Returns the time at which the recording is paused.
    pub(crate) fn paused_at(&self) -> Option<Duration> {
        let pause = self.pauses.last().filter(|pause| pause.until.is_none())?;
        Some(self.time_of(pause.from))
    }

    pub(crate) fn time_of(&self, moment: Instant) -> Duration {
        let since = moment.saturating_duration_since(self.start);
        let paused = self.pauses.iter().map(|pause| {
            let until = pause.until.map_or(moment, |until| until.min(moment));
            until.saturating_duration_since(pause.from)
        });
        since.saturating_sub(paused.sum())
    }

    /// Returns the moment at which that time was reached. `None` if a pause comes first that still
    /// lasts.
    pub(crate) fn moment_of(&self, time: Duration) -> Option<Instant> {
        let mut moment = self.start + time;
        for pause in &self.pauses {
            if moment < pause.from {
                break;
            }
            moment += pause.until? - pause.from;
        }
        Some(moment)
    }
}

/// A switch that is off at first, with its history. A query for a past moment returns the state that
/// the switch had then.
#[derive(Clone, Debug, Default)]
pub(crate) struct Switch {
    changes: Vec<(Instant, bool)>,
}

impl Switch {
    pub(crate) fn set(&mut self, moment: Instant, on: bool) {
        if self.is_on() != on {
            self.changes.push((moment, on));
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.changes.last().is_some_and(|(_, on)| *on)
    }

    pub(crate) fn was_on(&self, moment: Instant) -> bool {
        let change = self.changes.iter().rev().find(|(at, _)| *at <= moment);
        change.is_some_and(|(_, on)| *on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeline_does_not_advance_in_pauses() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let ms = Duration::from_millis;
        let mut timeline = Timeline::new(start, ms(20));
        timeline.pause(after(101));
        // A second request changes nothing: the pause continues.
        timeline.pause(after(110));
        assert_eq!(timeline.paused_at(), Some(ms(120)));
        assert_eq!(timeline.time_of(after(110)), ms(110));
        assert_eq!(timeline.time_of(after(900)), ms(120));
        assert_eq!(timeline.moment_of(ms(119)), Some(after(119)));
        assert_eq!(timeline.moment_of(ms(120)), None);
        timeline.resume(after(1_007));
        timeline.resume(after(1_100));
        assert_eq!(timeline.paused_at(), None);
        assert_eq!(timeline.time_of(after(1_100)), ms(213));
        assert_eq!(timeline.moment_of(ms(120)), Some(after(1_007)));
        // A second pause, which is over before it begins.
        timeline.pause(after(1_210));
        timeline.resume(after(1_212));
        assert_eq!(timeline.time_of(after(1_300)), ms(413));
        assert_eq!(timeline.moment_of(ms(413)), Some(after(1_300)));
        for n in 0..500 {
            let moment = timeline.moment_of(ms(n)).unwrap();
            assert_eq!(timeline.time_of(moment), ms(n));
        }
    }

    #[test]
    fn switch_remembers_its_state_at_past_moments() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut switch = Switch::default();
        for (ms, on) in [(100, true), (150, true), (200, false), (300, true)] {
            switch.set(after(ms), on);
        }
        let on: Vec<u64> = (0..400).step_by(50).filter(|ms| switch.was_on(after(*ms))).collect();
        assert_eq!(on, [100, 150, 300, 350]);
    }
}
