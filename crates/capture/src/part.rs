//! Runs crash-prone third-party code in helper processes. Such code may crash its process or never
//! return. The program starts itself again with an environment variable that names the helper; the
//! first line on the helper's standard input is its order (its arguments). The input then stays open
//! without further data. When the parent ends, the input closes and the helper exits.

use std::io::{BufRead, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::source::scap;
use crate::{trial, webcam};

/// The environment variable that names the helper to run.
const VARIABLE: &str = "SNAPLARK_PART";

/// True if this program can be started as a helper of itself.
static ABLE: AtomicBool = AtomicBool::new(false);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    Cameras,
    Scap,
    Trial,
}

impl Name {
    const ALL: [Name; 3] = [Name::Cameras, Name::Scap, Name::Trial];

    fn text(self) -> &'static str {
        match self {
            Name::Cameras => "cameras",
            Name::Scap => "scap",
            Name::Trial => "trial",
        }
    }

    fn run(self, order: &str) -> ExitCode {
        match self {
            Name::Cameras => webcam::cameras::run(),
            Name::Scap => scap::part::run(order),
            Name::Trial => trial::run(order),
        }
    }
}

/// Must be called first in a program's `main`. If it returns `Some`, this process was a helper and must
/// exit with that code. A program that does not call this can't start helpers, and the features that
/// need one are not available.
pub fn part() -> Option<ExitCode> {
    let Ok(wanted) = std::env::var(VARIABLE) else {
        ABLE.store(true, Ordering::Relaxed);
        return None;
    };
    let name = Name::ALL.into_iter().find(|name| name.text() == wanted);
    let mut order = String::new();
    let read = std::io::stdin().lock().read_line(&mut order);
    let (Some(name), Ok(_)) = (name, read) else { return Some(ExitCode::FAILURE) };
    std::thread::spawn(|| {
        // The parent is gone, however it ended.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        std::process::exit(0);
    });
    Some(name.run(order.trim_end()))
}

/// Writes a helper's final output and exits at once, since threads of third-party code may hang.
pub fn end_with(words: &str) -> ExitCode {
    match std::io::stdout().write_all(words.as_bytes()) {
        Ok(()) => std::process::exit(0),
        Err(_) => ExitCode::FAILURE,
    }
}

/// Returns whether this program can start helpers.
pub fn can_start() -> bool {
    ABLE.load(Ordering::Relaxed)
}

/// A running helper process; it is killed when this is dropped.
pub struct Part {
    process: Child,
    _life: Option<ChildStdin>,
}

impl Part {
    /// Starts a helper and returns it with its standard output. `order` is one line.
    pub fn start(name: Name, order: &str) -> Result<(Part, ChildStdout), String> {
        if !can_start() {
            return Err("this program can't be started as a part of itself".to_owned());
        }
        let start = || {
            let mut command = Command::new(std::env::current_exe()?);
            apart(&mut command);
            let mut process = command
                .env(VARIABLE, name.text())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                // Diagnostics of third-party code are discarded.
                .stderr(Stdio::null())
                .spawn()?;
            let said = process.stdout.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
            let mut part = Part { _life: process.stdin.take(), process };
            if let Some(order_in) = &mut part._life {
                writeln!(order_in, "{order}")?;
            }
            std::io::Result::Ok((part, said))
        };
        start().map_err(|error| error.to_string())
    }

    /// Runs a helper that must finish within `wait` and returns all of its output. Empty output is an
    /// error.
    pub fn ask(name: Name, order: &str, wait: Duration) -> Result<String, String> {
        let (part, mut said) = Part::start(name, order)?;
        let (tell, told) = channel();
        // Ends with the helper.
        std::thread::spawn(move || {
            let mut words = String::new();
            let read = said.read_to_string(&mut words);
            // Fails only if the receiver has stopped waiting.
            drop(tell.send(read.map(|_| words)));
        });
        let words = told.recv_timeout(wait);
        drop(part);
        match words {
            Ok(Ok(words)) if words.is_empty() => Err("its process died".to_owned()),
            Ok(words) => words.map_err(|error| error.to_string()),
            Err(_) => Err("it hangs".to_owned()),
        }
    }
}

/// Detaches the helper from the terminal's Ctrl-C, which is for the parent; the parent then ends the
/// helper.
fn apart(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(windows)]
    {
        const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
        const CREATE_NO_WINDOW: u32 = 0x0800_0000;
        let flags = CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW;
        std::os::windows::process::CommandExt::creation_flags(command, flags);
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Fails if the process has already ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
