//! A Wayland desktop that gives programs shortcuts (`stand-in-shortcuts`), beside its own portal.

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
    /// Before anything asks the session's portal, which looks once who is behind it. `answer`: see
    /// `stand-in-shortcuts`.
    pub fn start(session: &'a Session, answer: &str) -> Result<Self> {
        std::fs::write(session.home.path().join("portals/shortcuts.portal"), PORTAL)?;
        Ok(Shortcuts { session, program: start(session, answer)? })
    }

    /// Ends as in a crash, and is there again with another answer.
    pub fn start_again(&mut self, answer: &str) -> Result<()> {
        self.kill()?;
        self.program = start(self.session, answer)?;
        Ok(())
    }

    pub fn kill(&mut self) -> Result<()> {
        self.program.kill()
    }

    /// What it says next.
    pub fn line(&mut self, limit: Duration) -> Result<String> {
        self.program.line(limit)
    }

    /// From now on the person says yes.
    pub fn give(&self) -> Result<()> {
        self.call("Give", &[])
    }

    pub fn press(&self, shortcut: &str) -> Result<()> {
        self.call("Press", &[shortcut])
    }

    /// The person chooses other keys in the desktop's settings.
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
