//! When was what: moments of the monotonic clock against times of the recording, which begins with
//! the first look at the source. And the switches that a person turns meanwhile. Pure.

use std::time::{Duration, Instant};

/// A time of the recording counts from its first look at the source.
#[derive(Clone, Debug)]
pub struct Timeline {
    start: Instant,
}

impl Timeline {
    pub fn starting_at(start: Instant) -> Self {
        Timeline { start }
    }

    pub fn time_of(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.start)
    }

    pub fn moment_of(&self, time: Duration) -> Instant {
        self.start + time
    }
}

/// Off at first. A turn counts from its own moment on, however much later it is asked for.
#[derive(Clone, Debug, Default)]
pub struct Switch {
    turns: Vec<(Instant, bool)>,
}

impl Switch {
    pub fn turn(&mut self, moment: Instant, on: bool) {
        if self.is_on() != on {
            self.turns.push((moment, on));
        }
    }

    pub fn is_on(&self) -> bool {
        self.turns.last().is_some_and(|(_, on)| *on)
    }

    pub fn was_on(&self, moment: Instant) -> bool {
        let turn = self.turns.iter().rev().find(|(at, _)| *at <= moment);
        turn.is_some_and(|(_, on)| *on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_counts_from_the_moment_it_was_turned() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut switch = Switch::default();
        for (ms, on) in [(100, true), (150, true), (200, false), (300, true)] {
            switch.turn(after(ms), on);
        }
        let on: Vec<u64> = (0..400).step_by(50).filter(|ms| switch.was_on(after(*ms))).collect();
        assert_eq!(on, [100, 150, 300, 350]);
    }
}
