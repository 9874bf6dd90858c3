//! Sentences for a person, on standard error; and how a failure ends the program.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

pub fn line(text: &str) {
    eprintln!("{text}");
}

/// What happened, in one sentence, and its causes only where they say something more.
pub fn failure(error: &anyhow::Error) -> ExitCode {
    let mut sentence = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !sentence.contains(&cause) {
            sentence = format!("{}: {cause}", sentence.trim_end_matches('.'));
        }
    }
    let end = if sentence.ends_with('.') { "" } else { "." };
    eprintln!("snaplark: {sentence}{end}");
    ExitCode::from(crate::FAILED)
}

/// One line that changes on a terminal; elsewhere a line each time that it says something new.
#[derive(Default)]
pub struct Progress {
    shown: String,
    said: String,
}

impl Progress {
    pub fn show(&mut self, text: &str) {
        if text == self.shown {
            return;
        }
        if std::io::stderr().is_terminal() {
            eprint!("\r\x1b[2K{text}");
            // A terminal that is gone shows no progress; the work goes on.
            let _ = std::io::stderr().flush();
        } else {
            eprintln!("{text}");
        }
        text.clone_into(&mut self.shown);
    }

    /// A sentence that stays, unless it is the one that was said last.
    pub fn say_once(&mut self, sentence: &str) {
        if sentence != self.said {
            self.end();
            line(&format!("{sentence}."));
            sentence.clone_into(&mut self.said);
        }
    }

    pub fn end(&mut self) {
        if std::io::stderr().is_terminal() && !self.shown.is_empty() {
            eprintln!();
        }
        self.shown.clear();
    }
}

/// 1:42
pub fn time(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// 03:12 hours
pub fn hours(seconds: u64) -> String {
    format!("{:02}:{:02} hours", seconds / 3_600, seconds / 60 % 60)
}

/// 31 MB
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        1_000_000..10_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        10_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::{hours, size, time};

    #[test]
    fn times_and_sizes_are_short() {
        assert_eq!([hours(11_520), hours(360_000)], ["03:12 hours", "100:00 hours"]);
        assert_eq!([time(102_000), time(3_723_000)], ["1:42", "1:02:03"]);
        assert_eq!(
            [size(1), size(4_200_000), size(31_400_000), size(2_500_000_000)],
            ["1 kB", "4.2 MB", "31 MB", "2.5 GB"]
        );
    }
}
