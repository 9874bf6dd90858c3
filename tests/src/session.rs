//! The services of a desktop session: the session bus, the server for cameras and screens, and the keyring.

use std::fs::File;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::home::Home;
use crate::process::{Process, command, finish, output};
use crate::wait;

const START: Duration = Duration::from_secs(30);

/// Starts a session bus of its own and makes it the home's.
pub fn bus(home: &mut Home) -> Result<Process> {
    bus_as(home, "DBUS_SESSION_BUS_ADDRESS")
}

/// Starts a bus in place of the system bus. It lets any program own any name.
pub fn system_bus(home: &mut Home) -> Result<Process> {
    bus_as(home, "DBUS_SYSTEM_BUS_ADDRESS")
}

fn bus_as(home: &mut Home, variable: &str) -> Result<Process> {
    let mut daemon = command(home, "dbus-daemon");
    daemon.args(["--session", "--nofork", "--nopidfile", "--print-address=1"]);
    let mut daemon = Process::start(home, variable, daemon)?;
    home.set(variable, daemon.line(START)?.trim());
    Ok(daemon)
}

/// Starts PipeWire and its session manager on the home's bus.
pub fn media(home: &Home) -> Result<Vec<Process>> {
    let pipewire = Process::start(home, "pipewire", command(home, "pipewire"))?;
    let socket = home.path().join("run/pipewire-0");
    wait::until("PipeWire", START, || Ok(socket.exists().then_some(())))?;
    let manager = Process::start(home, "wireplumber", command(home, "wireplumber"))?;
    Ok(vec![pipewire, manager])
}

/// Starts the system's real keyring on the home's bus, unlocked as by a sign-in to the desktop.
pub fn keyring(home: &Home) -> Result<Process> {
    let password = home.path().join("password");
    std::fs::write(&password, "a password\n")?;
    let mut daemon = command(home, "gnome-keyring-daemon");
    daemon.args(["--foreground", "--unlock", "--components=secrets"]);
    daemon.stdin(File::open(&password)?);
    let daemon = Process::start(home, "gnome-keyring-daemon", daemon)?;
    wait::until("the keyring", START, || {
        let mut ask = call(home, "org.freedesktop.DBus", "/org/freedesktop/DBus");
        ask.args(["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"]);
        Ok(output(ask, START)?.contains("true").then_some(()))
    })?;
    Ok(daemon)
}

/// Returns how many secrets the keyring holds.
pub fn secrets(home: &Home) -> Result<usize> {
    let mut ask = call(home, "org.freedesktop.secrets", "/org/freedesktop/secrets");
    ask.args(["org.freedesktop.Secret.Service.SearchItems", "dict:string:string:"]);
    let said = finish(&mut ask, START)?.stdout;
    Ok(said.matches("object path").count())
}

fn call(home: &Home, name: &str, path: &str) -> Command {
    let mut call = command(home, "dbus-send");
    call.args(["--session", "--print-reply", &format!("--dest={name}"), path]);
    call
}
