//! Runs one external program as one step. Its output goes to a log. A failure includes the end of the log
//! and a remedy.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::Place;
use crate::progress::{Progress, spoken};

/// The interval at which a running step is checked.
const LOOK: Duration = Duration::from_millis(100);
/// The number of lines of the log that are shown when its step fails.
const TAIL_LINES: usize = 40;
const TAIL_BYTES: u64 = 16 * 1024;

pub struct Step {
    name: String,
    remedy: String,
    log: PathBuf,
    command: Command,
}

impl Step {
    pub fn new(place: &Place, name: &str, program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(&place.root).stdin(Stdio::null());
        let file: String =
            name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        Self {
            name: name.into(),
            remedy: String::new(),
            log: place.logs.join(format!("{file}.log")),
            command,
        }
    }

    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Sets what a person can do when the step fails.
    pub fn remedy(mut self, remedy: &str) -> Self {
        self.remedy = remedy.into();
        self
    }

    pub fn command(&mut self) -> &mut Command {
        &mut self.command
    }

    /// Runs the step with its output in the log.
    pub fn run(mut self) -> Result<()> {
        let log = File::create(&self.log)
            .with_context(|| format!("{} can't be written", self.log.display()))?;
        self.command.stdout(log.try_clone()?).stderr(log);
        let mut progress = Progress::begin(&self.name);
        let mut child = match self.command.spawn() {
            Ok(child) => child,
            Err(error) => {
                progress.failed();
                bail!("{}", self.unstarted(&error));
            }
        };
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            let last = tail(&self.log, 1);
            progress.tick(&last);
            std::thread::sleep(LOOK);
        };
        if status.success() {
            progress.done("");
            return Ok(());
        }
        let elapsed = spoken(progress.elapsed());
        progress.failed();
        bail!(
            "step '{}' failed after {elapsed} ({status}). The end of what it said:\n\n{}\n\n\
             All of it: {}{}",
            self.name,
            tail(&self.log, TAIL_LINES),
            self.log.display(),
            self.helps()
        );
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn failed(&self, status: ExitStatus) -> String {
        format!("step '{}' failed ({status}).{}", self.name, self.helps())
    }

    pub fn unstarted(&self, error: &std::io::Error) -> String {
        let program = self.command.get_program().to_string_lossy().into_owned();
        format!("step '{}': {program} can't be started: {error}.{}", self.name, self.helps())
    }

    fn helps(&self) -> String {
        if self.remedy.is_empty() {
            String::new()
        } else {
            format!("\nWhat helps: {}", self.remedy)
        }
    }
}

/// Runs a short program and returns what it printed, or its error output as an error.
pub fn answer(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{program} can't be started"))?;
    if !output.status.success() {
        bail!("{program} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Returns whether a program of that name is in PATH.
pub fn has_program(name: &str) -> bool {
    let Some(path) = std::env::var_os("PATH") else { return false };
    std::env::split_paths(&path)
        .any(|folder| folder.join(name).is_file() || folder.join(format!("{name}.exe")).is_file())
}

fn tail(log: &Path, lines: usize) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let rows: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    rows[rows.len().saturating_sub(lines)..].join("\n")
}
