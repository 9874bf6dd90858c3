//! Output: sentences for a person on standard error, the answer as JSON on standard output, and how a
//! failure ends the program.

use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde::Serialize;
use snaplark_app::AppError;
use snaplark_terminal::output;

/// How often progress is printed where the line can't be changed in place. SNAPLARK_PROGRESS_SECONDS
/// overrides it.
const PROGRESS_EVERY: Duration = Duration::from_secs(30);

struct Manners {
    json: bool,
    quiet: bool,
    progress_every: Duration,
}

static MANNERS: OnceLock<Manners> = OnceLock::new();

/// Stores the output options of this run.
pub fn begin(json: bool, quiet: bool) {
    let every = std::env::var("SNAPLARK_PROGRESS_SECONDS").ok();
    let every = every.and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    let progress_every = every.unwrap_or(PROGRESS_EVERY);
    // Called once; a second call would change nothing.
    let _ = MANNERS.set(Manners { json, quiet, progress_every });
}

/// Returns whether the answer is one JSON object.
pub fn is_json() -> bool {
    MANNERS.get().is_some_and(|manners| manners.json)
}

pub fn is_quiet() -> bool {
    MANNERS.get().is_some_and(|manners| manners.quiet)
}

/// Prints a sentence, unless `--quiet` is set.
pub fn line(text: &str) {
    if !is_quiet() {
        output::say(text);
    }
}

/// Prints the one JSON object of this run.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    output::answer_json(&serde_json::to_string(value)?);
    Ok(())
}

/// The output with `--json` when something failed.
#[derive(Serialize)]
struct JsonFailure<'a> {
    error: JsonError<'a>,
}

#[derive(Serialize)]
struct JsonError<'a> {
    code: &'a str,
    message: &'a str,
}

/// Prints a failure and returns the program's exit code.
pub fn failure(error: &anyhow::Error) -> ExitCode {
    let sentence = sentence(error);
    output::say(&format!("snaplark: {sentence}"));
    if is_json() {
        let code = error.chain().find_map(|cause| cause.downcast_ref::<AppError>());
        json_failure(code.map_or("failed", |error| error.code().as_str()), &sentence);
    }
    ExitCode::from(crate::FAILED)
}

/// Returns the error in one sentence, with its causes only if they add something.
fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !sentence.contains(&cause) {
            sentence = format!("{}: {cause}", sentence.trim_end_matches('.'));
        }
    }
    let end = if sentence.ends_with('.') { "" } else { "." };
    format!("{sentence}{end}")
}

/// Prints help or version as an answer, and an unreadable command line as an error.
pub fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render();
    if error.use_stderr() {
        let shown = match output::has_colours() {
            true => text.ansi().to_string(),
            false => text.to_string(),
        };
        output::say_raw(&shown);
        if std::env::args().any(|argument| argument == "--json") {
            let message = text.to_string();
            let first = message.lines().next().unwrap_or_default();
            json_failure("usage", first.trim_start_matches("error: "));
        }
    } else {
        output::answer_bytes(text.to_string().as_bytes());
    }
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn json_failure(code: &str, message: &str) {
    let failed = JsonFailure { error: JsonError { code, message } };
    // Two strings always convert to JSON.
    output::answer_json(&serde_json::to_string(&failed).unwrap_or_default());
}

/// The subject of a progress line. Outside of a terminal, a line is printed when its topic begins, and then
/// only at intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Countdown,
    Recording,
    Ending,
    Uploading,
    Keeping,
    Exporting,
}

/// A progress line: changed in place on a terminal, printed now and then elsewhere.
#[derive(Default)]
pub struct Progress {
    shown: String,
    said: String,
    pace: Pace,
}

/// Decides when a progress line is printed where it can't be changed in place.
#[derive(Default)]
struct Pace {
    last: Option<(Topic, Instant)>,
}

impl Pace {
    fn is_due(&mut self, topic: Topic, now: Instant, every: Duration) -> bool {
        let is_due = match self.last {
            Some((last, at)) => last != topic || now.duration_since(at) >= every,
            None => true,
        };
        if is_due {
            self.last = Some((topic, now));
        }
        is_due
    }
}

impl Progress {
    pub fn show(&mut self, topic: Topic, text: &str) {
        if text == self.shown || is_quiet() {
            return;
        }
        if output::is_live_terminal() {
            output::say_in_place(text);
        } else {
            let every = MANNERS.get().map_or(PROGRESS_EVERY, |manners| manners.progress_every);
            if !self.pace.is_due(topic, Instant::now(), every) {
                return;
            }
            output::say(text);
        }
        text.clone_into(&mut self.shown);
    }

    /// Prints a sentence that stays on the screen, unless it was the last one printed.
    pub fn say_once(&mut self, sentence: &str) {
        if sentence != self.said {
            self.end();
            line(&format!("{}.", sentence.trim_end_matches('.')));
            sentence.clone_into(&mut self.said);
        }
    }

    pub fn end(&mut self) {
        if output::is_live_terminal() && !self.shown.is_empty() {
            output::say("");
        }
        self.shown.clear();
    }
}

/// Formats a length: 1:42
pub fn time(ms: u64) -> String {
    let seconds = ms / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Formats a long time: 03:12 hours
pub fn hours(seconds: u64) -> String {
    format!("{:02}:{:02} hours", seconds / 3_600, seconds / 60 % 60)
}

/// Formats a count with its noun: 1 segment, 2 segments
pub fn counted(count: impl Into<u64>, what: &str) -> String {
    let count = count.into();
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Formats a size: 31 MB
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
    use super::*;

    #[test]
    fn times_sizes_and_counts_are_short() {
        assert_eq!([hours(11_520), hours(360_000)], ["03:12 hours", "100:00 hours"]);
        assert_eq!([time(102_000), time(3_723_000)], ["1:42", "1:02:03"]);
        assert_eq!(
            [size(1), size(4_200_000), size(31_400_000), size(2_500_000_000)],
            ["1 kB", "4.2 MB", "31 MB", "2.5 GB"]
        );
        assert_eq!(
            [counted(0u32, "part"), counted(1u32, "part"), counted(2u32, "part")],
            ["0 parts", "1 part", "2 parts"]
        );
    }

    #[test]
    fn progress_is_said_now_and_then_where_it_cannot_be_shown_in_place() {
        let (began, every) = (Instant::now(), Duration::from_secs(30));
        let mut pace = Pace::default();
        let mut due =
            |topic, second| pace.is_due(topic, began + Duration::from_secs(second), every);
        assert!(due(Topic::Recording, 0), "at once");
        assert!(!due(Topic::Recording, 1) && !due(Topic::Recording, 29));
        assert!(due(Topic::Recording, 30));
        assert!(due(Topic::Uploading, 31), "something else begins");
    }

    #[test]
    fn failure_is_one_sentence_with_its_causes_once() {
        let error = anyhow::anyhow!("no room").context("It failed: no room").context("Stopped.");
        assert_eq!(sentence(&error), "Stopped: It failed: no room.");
    }
}
