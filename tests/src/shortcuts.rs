//! A Wayland desktop that assigns shortcuts to programs (`stand-in-shortcuts`), beside its own portal.

use std::time::Duration;

use anyhow::Result;

use crate::process::{Process, command, output, program};
use crate::wayland::Session;

const START: Duration = Duration::from_secs(30);
const NAME: &str = "org.freedesktop.impl.portal.desktop.shortcuts";
const INTERFACE: &str = "org.freedesktop.impl.portal.GlobalShortcuts";
const PORTAL: &str = "[portal]
DBusName=org.freedesktop.impl.portal.desktop.shortcuts
Interfaces=org.freedesktop.impl.portal.GlobalShortcuts;
UseIn=gnome
";

pub struct Shortcuts<'a> {
    session: &'a Session,
    program: Process,
}

impl<'a> Shortcuts<'a> {
    /// Must be called before anything uses the session's portal, which looks only once for its backends.
    /// `answer`: see `stand-in-shortcuts`.
    pub fn start(session: &'a Session, answer: &str) -> Result<Self> {
        std::fs::write(session.home.path().join("portals/shortcuts.portal"), PORTAL)?;
        Ok(Shortcuts { session, program: start(session, answer)? })
    }

    /// Kills it as a crash would, and starts it again with another answer.
    pub fn start_again(&mut self, answer: &str) -> Result<()> {
        self.kill()?;
        self.program = start(self.session, answer)?;
        Ok(())
    }

    pub fn kill(&mut self) -> Result<()> {
        self.program.kill()
    }

    /// Returns its next line of output.
    pub fn line(&mut self, limit: Duration) -> Result<String> {
        self.program.line(limit)
    }

    /// Lets the person agree from now on.
    pub fn give(&self) -> Result<()> {
        self.call("Give", &[])
    }

    pub fn press(&self, shortcut: &str) -> Result<()> {
        self.call("Press", &[shortcut])
    }

    /// Changes the keys, as a person does in the desktop's settings.
    pub fn change(&self, shortcut: &str, keys: &str) -> Result<()> {
        self.call("Change", &[shortcut, keys])
    }

    fn call(&self, method: &str, args: &[&str]) -> Result<()> {
        let mut call = command(&self.session.home, "gdbus");
        call.args(["call", "--session", "-d", NAME, "-o", "/org/freedesktop/portal/desktop"]);
        call.args(["-m", &format!("{INTERFACE}.{method}")]).args(args);
        output(call, START).map(drop)
    }
}

fn start(session: &Session, answer: &str) -> Result<Process> {
    let mut program = command(&session.home, program("stand-in-shortcuts")?);
    program.arg(answer);
    let mut program = Process::start(&session.home, "stand-in-shortcuts", program)?;
    program.line(START)?;
    Ok(program)
}
