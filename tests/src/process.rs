//! A program that ends when its guard is dropped: its whole process group, at the latest when this process
//! ends. Its error output is kept in a file, and shown when a test fails.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::home::Home;
use crate::wait;

/// The time that a program has to end before it is killed.
const GRACE: Duration = Duration::from_secs(5);
/// The number of lines of a program's error output that a failed test shows.
const SHOWN_LINES: usize = 25;

/// Returns the path of one of our own programs: built beside the running test, or from the folder in
/// `SNAPLARK_PROGRAMS` (an installation under test).
pub fn program(name: &str) -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("SNAPLARK_PROGRAMS") {
        let program = Path::new(&folder).join(name);
        if program.is_file() {
            return Ok(program);
        }
    }
    let program = built()?.join(name);
    if !program.is_file() {
        bail!(
            "{} is not built. `cargo xtask test` does that first; by hand: `cargo build --workspace --bins`.",
            program.display()
        );
    }
    Ok(program)
}

/// Returns the path of a tool that is in no system package: where `cargo xtask test` installs it, or its name, for the
/// person's own.
pub fn tool(name: &str) -> Result<PathBuf> {
    let target = built()?.parent().context("the programs' folder has no parent")?.to_path_buf();
    let ours = target.join("tools/bin").join(name);
    Ok(if ours.exists() { ours } else { PathBuf::from(name) })
}

/// The folder of the programs of this build. A CI's is far from its checkout.
fn built() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let mut folders = test.ancestors().skip(1);
    let folder = folders.find(|folder| folder.file_name() != Some(OsStr::new("deps")));
    Ok(folder.context("the test has no folder")?.to_path_buf())
}

/// Returns a command that is killed when this process ends, however it ends. Its environment is the home's.
pub fn command(home: &Home, program: impl AsRef<OsStr>) -> Command {
    let mut command = if cfg!(target_os = "linux") {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    home.apply(&mut command);
    command.stdin(Stdio::null());
    command
}

pub struct Process {
    name: String,
    child: Child,
    lines: Receiver<String>,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts a program. Its standard output is read by line, its standard error goes to a file in the
    /// home.
    pub fn start(home: &Home, name: &str, mut command: Command) -> Result<Self> {
        let log = home.log(name);
        let file = File::create(&log).with_context(|| log.display().to_string())?;
        command.stdout(Stdio::piped()).stderr(file).process_group(0);
        let mut child = command.spawn().with_context(|| format!("{name} can't be started"))?;
        let stdout = child.stdout.take().context("standard output is piped")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Nobody may be listening any more, but the pipe has to be drained anyway.
                sender.send(line).ok();
            }
        });
        Ok(Self { name: name.into(), child, lines, log, ended: None })
    }

    /// Starts a program with pipes whose readers are closed for both outputs, as after a closed terminal.
    pub fn start_unheard(name: &str, log: PathBuf, mut command: Command) -> Result<Self> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().with_context(|| format!("{name} can't be started"))?;
        drop((child.stdout.take(), child.stderr.take()));
        let (_, lines) = channel();
        Ok(Self { name: name.into(), child, lines, log, ended: None })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the next line of its standard output.
    pub fn line(&mut self, limit: Duration) -> Result<String> {
        let what = format!("{} to say something", self.name);
        wait::until(&what, limit, || {
            if let Ok(line) = self.lines.try_recv() {
                return Ok(Some(line));
            }
            if let Some(status) = self.child.try_wait()? {
                if let Ok(line) = self.lines.recv_timeout(Duration::from_millis(200)) {
                    return Ok(Some(line));
                }
                bail!("{} ended too early ({status}):\n{}", self.name, self.complaints());
            }
            Ok(None)
        })
    }

    /// Returns the lines printed since the last call, without waiting.
    pub fn lines(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    /// Returns the end of its standard error.
    pub fn complaints(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let rows: Vec<&str> = text.lines().collect();
        rows[rows.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }

    pub fn is_running(&mut self) -> bool {
        self.ended.is_none() && matches!(self.child.try_wait(), Ok(None))
    }

    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        if let Some(status) = self.ended {
            return Ok(status);
        }
        let status =
            wait::until(&format!("{} to end", self.name), limit, || Ok(self.child.try_wait()?))?;
        self.ended = Some(status);
        Ok(status)
    }

    /// Asks it to end, as a system's shutdown does.
    pub fn terminate(&mut self) {
        self.send_signal(Signal::TERM);
    }

    /// Kills it as a power cut would: it runs no further instruction.
    pub fn kill(&mut self) -> Result<()> {
        self.send_signal(Signal::KILL);
        self.wait(GRACE).map(|_| ())
    }

    /// Sends a signal to its whole process group.
    pub fn send_signal(&self, signal: Signal) {
        if let Some(group) = Pid::from_raw(self.child.id().cast_signed()) {
            // It fails only for a group that has ended already.
            kill_process_group(group, signal).ok();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the end of what {} said:\n{}\n", self.name, self.complaints());
        }
        if self.is_running() {
            self.send_signal(Signal::TERM);
            let asked = Instant::now();
            while self.is_running() && asked.elapsed() < GRACE {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        // Kills its children too, if they outlived it.
        self.send_signal(Signal::KILL);
        self.child.wait().ok();
    }
}

/// Runs a program to its end and returns its output. If it fails, the error contains both outputs.
pub fn output(mut command: Command, limit: Duration) -> Result<String> {
    let answer = finish(&mut command, limit)?;
    if !answer.status.success() {
        bail!("{} failed ({}):\n{}{}", name(&command), answer.status, answer.stdout, answer.stderr);
    }
    Ok(answer.stdout)
}

#[derive(Debug)]
pub struct Answer {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a program to its end, even if it fails.
pub fn finish(command: &mut Command, limit: Duration) -> Result<Answer> {
    let name = name(command);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().with_context(|| format!("{name} can't be started"))?;
    let group = Pid::from_raw(child.id().cast_signed());
    let (Some(mut stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        bail!("the outputs of {name} are piped");
    };
    std::thread::scope(|scope| {
        let read = |stream: &mut dyn std::io::Read| {
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).ok();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let stdout = scope.spawn(move || read(&mut stdout));
        let stderr = scope.spawn(move || read(&mut stderr));
        let status = wait::until(&format!("{name} to end"), limit, || Ok(child.try_wait()?));
        if let (Err(_), Some(group)) = (&status, group) {
            kill_process_group(group, Signal::KILL).ok();
            child.wait().ok();
        }
        let (stdout, stderr) = (stdout.join(), stderr.join());
        let (stdout, stderr) = (stdout.unwrap_or_default(), stderr.unwrap_or_default());
        let status = status.with_context(|| format!("{name} said:\n{stdout}{stderr}"))?;
        Ok(Answer { status, stdout, stderr })
    })
}

fn name(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .filter(|word| !["setpriv", "--pdeathsig", "KILL", "--"].iter().any(|own| word == own))
        .map(|word| Path::new(word).file_name().unwrap_or(word).to_string_lossy())
        .collect();
    words.join(" ")
}
