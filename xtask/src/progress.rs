//! The progress of a step, on standard error only. On a terminal: a line that moves after the first second
//! and stays as one line when the step is done. Elsewhere: a line at the beginning, one a minute, and one
//! at the end.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Nothing moves before this time, since most steps are done by then.
const QUIET: Duration = Duration::from_secs(1);
/// The interval at which a log without a terminal says that the step is still running.
const REMINDER: Duration = Duration::from_secs(60);
const FRAMES: [char; 8] = ['⣾', '⣽', '⣻', '⢿', '⡿', '⣟', '⣯', '⣷'];

pub struct Progress {
    step: String,
    started: Instant,
    reminded: Instant,
    terminal: bool,
    drawn: bool,
    frame: usize,
}

impl Progress {
    pub fn begin(step: &str) -> Self {
        let now = Instant::now();
        let terminal = std::io::stderr().is_terminal();
        if !terminal {
            eprintln!("· {step} …");
        }
        Self { step: step.into(), started: now, reminded: now, terminal, drawn: false, frame: 0 }
    }

    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Must be called a few times a second. `last` is the newest line of the step's own output.
    pub fn tick(&mut self, last: &str) {
        if self.terminal && self.elapsed() >= QUIET {
            self.frame = (self.frame + 1) % FRAMES.len();
            let last: String = last.trim().chars().filter(|c| !c.is_control()).take(60).collect();
            eprint!(
                "\r\x1b[2K{} {} {}  \x1b[2m{last}\x1b[0m",
                FRAMES[self.frame],
                self.step,
                spoken(self.elapsed())
            );
            std::io::stderr().flush().ok();
            self.drawn = true;
        } else if !self.terminal && self.reminded.elapsed() >= REMINDER {
            self.reminded = Instant::now();
            eprintln!("· {} … {} so far", self.step, spoken(self.elapsed()));
        }
    }

    pub fn done(mut self, note: &str) {
        self.clear();
        let note = if note.is_empty() { String::new() } else { format!(": {note}") };
        eprintln!("✓ {}{note} ({})", self.step, spoken(self.elapsed()));
    }

    pub fn failed(mut self) {
        self.clear();
        eprintln!("✗ {} ({})", self.step, spoken(self.elapsed()));
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            eprint!("\r\x1b[2K");
        }
    }
}

pub fn spoken(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        seconds @ 1..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_words() {
        assert_eq!(spoken(Duration::from_millis(40)), "40 ms");
        assert_eq!(spoken(Duration::from_secs(59)), "59 s");
        assert_eq!(spoken(Duration::from_secs(61)), "1 min 1 s");
    }
}
