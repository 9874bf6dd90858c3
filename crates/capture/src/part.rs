//! Parts of a recording that are processes of their own: what they call may end the process that it
//! is in, or never answer. The program is started once more, its environment names the part, and the
//! first line that it reads is its order. What it reads after that never comes: its end is the
//! asker's, and with it the part's.

use std::io::{BufRead, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::source::scap;
use crate::{trial, webcam};

/// Names the part to the process that is to be it.
const VARIABLE: &str = "SNAPLARK_PART";

/// Whether this program can be started as a part of itself.
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

/// For the first line of a program's `main`. Some: this process was a part, and is to end so.
/// Without this call a program has no parts, and does without what needs one.
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
        // Whoever asked is gone, however it went.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        std::process::exit(0);
    });
    Some(name.run(order.trim_end()))
}

/// A part's last words. Threads of others' code may hang: nothing is waited for.
pub fn end_with(words: &str) -> ExitCode {
    match std::io::stdout().write_all(words.as_bytes()) {
        Ok(()) => std::process::exit(0),
        Err(_) => ExitCode::FAILURE,
    }
}

/// Whether this program has parts.
pub fn can_start() -> bool {
    ABLE.load(Ordering::Relaxed)
}

/// A part that runs; it ends with this.
pub struct Part {
    process: Child,
    _life: Option<ChildStdin>,
}

impl Part {
    /// And what it says. `order` is one line.
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
                // What others' code has to say of itself is for nobody here.
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

    /// All that one says that is to end within `wait`, which is something.
    pub fn ask(name: Name, order: &str, wait: Duration) -> Result<String, String> {
        let (part, mut said) = Part::start(name, order)?;
        let (tell, told) = channel();
        // Ends with the part.
        std::thread::spawn(move || {
            let mut words = String::new();
            let read = said.read_to_string(&mut words);
            // Fails only where nobody waits for it any more.
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

/// Ctrl-C in a terminal is for the one that asked, who then ends the part.
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
        // One that ended already refuses.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
