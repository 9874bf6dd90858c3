//! Writes to standard output and standard error.
//!
//! After a write fails, nothing more is written to that stream. [`exit_code`] alone decides what the
//! failure means: a reader that has ended (`| head`) or a closed terminal end the program quietly with
//! its usual code; a full disk is an error that is reported.
//!
//! Untrusted text in a line (a server's link, a window's title) can't control the terminal: control
//! characters are written as `\u{1b}`. Only `say_raw` and `answer_bytes` write unescaped, for text that
//! the program itself has made.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::{LazyLock, Mutex, PoisonError};

use snaplark_api::untrusted::{escaped, escaped_json};

/// Why a stream can't be written any more.
#[derive(Clone, Debug, PartialEq, Eq)]
enum WriteFailure {
    /// Its reader has ended, or its terminal was closed.
    Gone,
    /// A full disk and the like, in the system's words.
    Unwritable(String),
}

struct Stream {
    /// True if it was a terminal when the program started: a closed terminal is no longer recognized as
    /// one.
    was_terminal: bool,
    failure: Option<WriteFailure>,
}

impl Stream {
    fn new(was_terminal: bool) -> Mutex<Self> {
        Mutex::new(Stream { was_terminal, failure: None })
    }

    fn write(&mut self, to: &mut impl Write, bytes: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        let Err(error) = to.write_all(bytes).and_then(|()| to.flush()) else { return };
        let is_gone = error.kind() == ErrorKind::BrokenPipe || self.was_terminal;
        self.failure = Some(match is_gone {
            true => WriteFailure::Gone,
            false => WriteFailure::Unwritable(plain(&error)),
        });
    }
}

static OUTPUT: LazyLock<Mutex<Stream>> = LazyLock::new(|| Stream::new(io::stdout().is_terminal()));
static ERRORS: LazyLock<Mutex<Stream>> = LazyLock::new(|| Stream::new(io::stderr().is_terminal()));

/// Records which streams are terminals. Must be called first, since a closed terminal is no longer
/// recognized as one.
pub fn begin() {
    LazyLock::force(&OUTPUT);
    LazyLock::force(&ERRORS);
}

/// Writes a line of the program's result to standard output.
pub fn answer(line: &str) {
    answer_bytes(format!("{}\n", escaped(line)).as_bytes());
}

/// Writes JSON to standard output as one line.
pub fn answer_json(json: &str) {
    answer_bytes(format!("{}\n", escaped_json(json)).as_bytes());
}

/// Writes to standard output unchanged.
pub fn answer_bytes(bytes: &[u8]) {
    locked(&OUTPUT).write(&mut io::stdout().lock(), bytes);
}

/// Writes a line for the person to standard error.
pub fn say(line: &str) {
    say_raw(&format!("{}\n", escaped(line)));
}

/// Replaces the terminal's last line with another one for the person.
pub fn say_in_place(line: &str) {
    say_raw(&format!("\r\x1b[2K{}", escaped(line)));
}

/// Writes to standard error without ending the line.
pub fn say_raw(text: &str) {
    locked(&ERRORS).write(&mut io::stderr().lock(), text.as_bytes());
}

/// Returns whether the terminal that the program was started in was closed.
pub fn is_terminal_gone() -> bool {
    [&OUTPUT, &ERRORS].into_iter().any(|stream| {
        let stream = locked(stream);
        stream.was_terminal && stream.failure == Some(WriteFailure::Gone)
    })
}

/// Returns whether standard error is a terminal on which a line can be replaced.
pub fn is_live_terminal() -> bool {
    locked(&ERRORS).was_terminal && !is_dumb()
}

/// Returns whether standard error should have colors: a terminal that supports them, and `NO_COLOR` is
/// not set.
pub fn has_colours() -> bool {
    let is_wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    is_live_terminal() && is_wanted
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Returns the exit code of the program: `code`, unless its result could not be written.
pub fn exit_code(code: ExitCode) -> ExitCode {
    let failure = locked(&OUTPUT).failure.clone();
    match failure {
        None | Some(WriteFailure::Gone) => code,
        Some(WriteFailure::Unwritable(reason)) => {
            say(&format!("The answer can't be written to standard output: {reason}."));
            if code == ExitCode::SUCCESS { ExitCode::FAILURE } else { code }
        }
    }
}

/// Writes log lines to standard error. A line that can't be written is dropped.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        locked(&ERRORS).write(&mut io::stderr().lock(), bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn locked(stream: &Mutex<Stream>) -> std::sync::MutexGuard<'_, Stream> {
    stream.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the system's message without the error number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(i32, usize);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            Err(io::Error::from_raw_os_error(self.0))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn failure(errno: i32, was_terminal: bool) -> WriteFailure {
        let stream = Stream::new(was_terminal);
        let mut stream = stream.into_inner().unwrap();
        let mut broken = Broken(errno, 0);
        stream.write(&mut broken, b"one");
        stream.write(&mut broken, b"two");
        assert_eq!(broken.1, 1, "a stream that failed is left alone");
        stream.failure.unwrap()
    }

    #[test]
    fn stream_is_gone_when_its_reader_or_its_terminal_is() {
        const EPIPE: i32 = 32;
        const EIO: i32 = 5;
        assert_eq!(failure(EPIPE, false), WriteFailure::Gone);
        assert_eq!(failure(EIO, true), WriteFailure::Gone);
        assert_eq!(failure(EIO, false), WriteFailure::Unwritable("Input/output error".into()));
    }

    #[test]
    fn stream_names_the_reason_when_the_disk_is_full() {
        const ENOSPC: i32 = 28;
        let full = WriteFailure::Unwritable("No space left on device".into());
        assert_eq!(failure(ENOSPC, false), full);
    }
}
