//! Runs crash-prone third-party code in helper processes. Such code may crash its process or never
//! return. The program starts itself again with an environment variable that names the helper; the
//! first line on the helper's standard input is its order (its arguments). The input then stays open
//! without further data. When the parent ends, the input closes and the helper exits.

use std::io::{BufRead, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::policy::{FILE_STILL_BYTES_MAX, HELPER_OUTPUT_BYTES_MAX};
use crate::source::scap;
use crate::{encoder_trial, file_still, webcam};

/// The environment variable that names the helper to run.
const VARIABLE: &str = "SNAPLARK_HELPER";

/// True if this program can be started as a helper of itself.
static AVAILABLE: AtomicBool = AtomicBool::new(false);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HelperKind {
    Cameras,
    FileStill,
    Scap,
    Trial,
}

impl HelperKind {
    const ALL: [HelperKind; 4] =
        [HelperKind::Cameras, HelperKind::FileStill, HelperKind::Scap, HelperKind::Trial];

    fn text(self) -> &'static str {
        match self {
            HelperKind::Cameras => "cameras",
            HelperKind::FileStill => "file-still",
            HelperKind::Scap => "scap",
            HelperKind::Trial => "trial",
        }
    }

    /// Returns the most memory that the helper may take. Those without a limit read no files of others.
    fn memory_bytes_max(self) -> Option<u64> {
        match self {
            HelperKind::FileStill => Some(FILE_STILL_BYTES_MAX),
            HelperKind::Cameras | HelperKind::Scap | HelperKind::Trial => None,
        }
    }

    fn run(self, arguments: &str) -> ExitCode {
        if self.memory_bytes_max().is_some_and(|bytes| limit_memory(bytes).is_err()) {
            return ExitCode::FAILURE;
        }
        match self {
            HelperKind::Cameras => webcam::cameras::run(),
            HelperKind::FileStill => file_still::run(arguments),
            HelperKind::Scap => scap::helper::run(arguments),
            HelperKind::Trial => encoder_trial::run(arguments),
        }
    }
}

/// Limits the memory of this process. An allocation beyond it fails, and most libraries then end the process.
///
/// `RLIMIT_DATA` counts what the process can write to. `RLIMIT_AS` would also count the reservations of threads and
/// libraries, which depend on the number of processors.
#[cfg(target_os = "linux")]
fn limit_memory(bytes: u64) -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    Ok(setrlimit(Resource::Data, limit)?)
}

/// Does nothing: macOS ignores such a limit, and Windows has none that a process sets itself without a job.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "Linux has a limit, which may fail")]
fn limit_memory(_: u64) -> std::io::Result<()> {
    Ok(())
}

/// Must be called first in a program's `main`. If it returns `Some`, this process was a helper and must
/// exit with that code. A program that does not call this can't start helpers, and the features that
/// need one are not available.
pub fn run_if_helper() -> Option<ExitCode> {
    let Ok(wanted) = std::env::var(VARIABLE) else {
        AVAILABLE.store(true, Ordering::Relaxed);
        return None;
    };
    let name = HelperKind::ALL.into_iter().find(|name| name.text() == wanted);
    let mut arguments = String::new();
    let read = std::io::stdin().lock().read_line(&mut arguments);
    let (Some(name), Ok(_)) = (name, read) else { return Some(ExitCode::FAILURE) };
    std::thread::spawn(|| {
        // The parent is gone, however it ended.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        std::process::exit(0);
    });
    Some(name.run(arguments.trim_end()))
}

/// Writes a helper's final output and exits at once, since threads of third-party code may hang.
pub(crate) fn exit_with_output(output: &str) -> ExitCode {
    match std::io::stdout().write_all(output.as_bytes()) {
        Ok(()) => std::process::exit(0),
        Err(_) => ExitCode::FAILURE,
    }
}

/// Returns whether this program can start helpers.
pub(crate) fn helpers_available() -> bool {
    AVAILABLE.load(Ordering::Relaxed)
}

/// A running helper process; it is killed when this is dropped.
pub(crate) struct HelperProcess {
    process: Child,
    _stdin: Option<ChildStdin>,
}

impl HelperProcess {
    /// Starts a helper and returns it with its standard output. `arguments` is one line.
    pub(crate) fn start(
        name: HelperKind,
        arguments: &str,
    ) -> Result<(HelperProcess, ChildStdout), String> {
        if !helpers_available() {
            return Err("this program can't be started as a part of itself".to_owned());
        }
        let start = || {
            let mut command = Command::new(std::env::current_exe()?);
            detach_from_terminal(&mut command);
            let mut process = command
                .env(VARIABLE, name.text())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                // Diagnostics of third-party code are discarded.
                .stderr(Stdio::null())
                .spawn()?;
            let stdout = process.stdout.take().ok_or(std::io::ErrorKind::BrokenPipe)?;
            let mut helper = HelperProcess { _stdin: process.stdin.take(), process };
            if let Some(stdin) = &mut helper._stdin {
                writeln!(stdin, "{arguments}")?;
            }
            std::io::Result::Ok((helper, stdout))
        };
        start().map_err(|error| error.to_string())
    }

    /// Runs a helper that must finish within `wait` and returns all of its output. Empty output is an
    /// error.
    pub(crate) fn run_to_end(
        name: HelperKind,
        arguments: &str,
        wait: Duration,
    ) -> Result<String, String> {
        let (helper, stdout) = HelperProcess::start(name, arguments)?;
        let (sender, receiver) = channel();
        // Ends with the helper.
        std::thread::spawn(move || {
            let mut output = String::new();
            let read = stdout.take(HELPER_OUTPUT_BYTES_MAX).read_to_string(&mut output);
            // Fails only if the receiver has stopped waiting.
            drop(sender.send(read.map(|_| output)));
        });
        let output = receiver.recv_timeout(wait);
        drop(helper);
        match output {
            Ok(Ok(output)) if output.is_empty() => Err("its process died".to_owned()),
            Ok(output) => output.map_err(|error| error.to_string()),
            Err(_) => Err("it hangs".to_owned()),
        }
    }
}

/// Detaches the helper from the terminal's Ctrl-C, which is for the parent; the parent then ends the
/// helper.
fn detach_from_terminal(command: &mut Command) {
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

impl Drop for HelperProcess {
    fn drop(&mut self) {
        // Fails if the process has already ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
