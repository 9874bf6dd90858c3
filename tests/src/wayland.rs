//! A real Wayland session without a screen: bare mutter, PipeWire and the desktop's own portal. And
//! one whose portal answers as a test says, which a real one does too rarely to wait for.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::home::Home;
use crate::process::{Process, command, finish, output, program};
use crate::{session, wait};

const START: Duration = Duration::from_secs(30);
const DISPLAY: &str = "wayland-test";
/// What the real portal restores from, and the app keeps.
const TOKEN: &str = "00000000-1111-2222-3333-444444444444";

/// Ends in the reverse order of its start.
pub struct Session {
    programs: Vec<Process>,
    _bus: Process,
    pub home: Home,
}

impl Session {
    /// Monitors of these sizes, the numbered screen on the first. The second monitor is the one that
    /// is permitted where there are two.
    pub fn start(monitors: &[&str], numbers: u32) -> Result<Self> {
        let session = Session::with_screen(monitors, &["--fps", &numbers.to_string()])?;
        session.permit(monitors.len() - 1)?;
        Ok(session)
    }

    /// One monitor, and nothing is permitted. Its lower edge alone has the numbered screen: the
    /// desktop's question stands above it and is to be seen (`Hand`).
    pub fn with_room_for_a_question(numbers: u32) -> Result<Self> {
        let strip = ["--width", "1280", "--height", "160", "--y", "560"];
        let numbers = numbers.to_string();
        Session::with_screen(&["1280x720"], &[&strip[..], &["--fps", &numbers]].concat())
    }

    fn with_screen(monitors: &[&str], screen: &[&str]) -> Result<Self> {
        let mut session = Session::without_compositor("gnome", GNOME_PORTAL)?;
        let mut mutter = command(&session.home, "mutter");
        mutter.args(["--headless", "--wayland", "--wayland-display", DISPLAY]);
        for monitor in monitors {
            mutter.args(["--virtual-monitor", monitor]);
        }
        // On its X11 display, which shows on the Wayland one, and which programs know as well.
        mutter.args(["--", "sh", "-c", r#"echo "$DISPLAY"; echo "$XAUTHORITY"; exec "$@""#, "sh"]);
        mutter.arg(program("numbered-screen")?).args(screen);
        let mut mutter = Process::start(&session.home, "mutter", mutter)?;
        for name in ["DISPLAY", "XAUTHORITY"] {
            session.home.set(name, &mutter.line(START)?);
        }
        mutter.line(START)?;
        session.programs.push(mutter);
        session.wait_for_portal()?;
        Ok(session)
    }

    /// With the portal that answers so: see `stand-in-portal`.
    pub fn with_stand_in(answer: &str) -> Result<Self> {
        let mut session = Session::without_compositor("stand-in", STAND_IN_PORTAL)?;
        let mut portal = command(&session.home, program("stand-in-portal")?);
        portal.arg(answer);
        let mut portal = Process::start(&session.home, "stand-in-portal", portal)?;
        portal.line(START)?;
        session.programs.push(portal);
        Ok(session)
    }

    fn without_compositor(name: &str, portal: &str) -> Result<Self> {
        let mut home = Home::new()?;
        let portals = home.path().join("portals");
        fs::create_dir_all(&portals)?;
        fs::write(portals.join(format!("{name}.portal")), portal)?;
        let portals = portals.to_str().context("the path is not UTF-8")?.to_owned();
        for (name, value) in [
            ("XDG_CURRENT_DESKTOP", "GNOME"),
            ("XDG_SESSION_TYPE", "wayland"),
            ("XDG_DESKTOP_PORTAL_DIR", &portals),
            ("WAYLAND_DISPLAY", DISPLAY),
            ("GTK_A11Y", "none"),
        ] {
            home.set(name, value);
        }
        let bus = session::bus(&mut home)?;
        Ok(Session { programs: session::media(&home)?, _bus: bus, home })
    }

    /// The program that was started last: the compositor, or the stand-in.
    pub fn last(&mut self) -> &mut Process {
        self.programs.last_mut().expect("a session has programs")
    }

    /// The program behind the portal knows the compositor. A portal that starts before that believes
    /// for ever that nothing can be shared, with or without a pointer.
    fn wait_for_portal(&self) -> Result<()> {
        let mut ask = command(&self.home, "gdbus");
        ask.args(["call", "--session", "-d", "org.freedesktop.impl.portal.desktop.gnome"]);
        ask.args(["-o", "/org/freedesktop/portal/desktop"]);
        ask.args(["-m", "org.freedesktop.DBus.Properties.Get"]);
        ask.args(["org.freedesktop.impl.portal.ScreenCast", "AvailableCursorModes"]);
        wait::until("the desktop's portal", START, || {
            let said = finish(&mut ask, START)?;
            Ok((said.status.success() && !said.stdout.contains("uint32 0")).then_some(()))
        })
    }

    /// As if a person had once said yes to that monitor, for ever.
    fn permit(&self, monitor: usize) -> Result<()> {
        const STORE: &str = "org.freedesktop.impl.portal.PermissionStore";
        let data = format!(
            "<('GNOME', uint32 1, <(int64 1, int64 1, \
             [(uint32 0, uint32 1, <'MetaVendor:MetaVirtualMonitor:0x{monitor:02x}'>)])>)>"
        );
        let mut set = command(&self.home, "gdbus");
        set.args(["call", "--session", "-d", STORE]);
        set.args(["-o", "/org/freedesktop/impl/portal/PermissionStore"]);
        set.args(["-m", &format!("{STORE}.Set"), "screencast", "true", TOKEN]);
        set.args(["{'': ['yes']}", &data]);
        output(set, START)?;
        let store = snaplark_store::Store::open(self.home.snaplark())?;
        Ok(store.set_setting("permission", TOKEN)?)
    }

    /// The process that owns a name on the session's bus.
    pub fn owner(&self, name: &str) -> Result<u32> {
        let mut ask = command(&self.home, "gdbus");
        ask.args(["call", "--session", "-d", "org.freedesktop.DBus"]);
        ask.args(["-o", "/org/freedesktop/DBus"]);
        ask.args(["-m", "org.freedesktop.DBus.GetConnectionUnixProcessID", name]);
        // (uint32 4711,)
        let said = output(ask, START)?;
        let number = said.trim_matches(|c: char| !c.is_ascii_digit()).rsplit(' ').next();
        number.and_then(|number| number.parse().ok()).with_context(|| format!("no process: {said}"))
    }

    /// The stand-in ends the sharing, as the desktop's indicator does.
    pub fn revoke(&self) -> Result<()> {
        let mut revoke = command(&self.home, "gdbus");
        revoke.args(["call", "--session", "-d", "org.freedesktop.impl.portal.desktop.standin"]);
        revoke.args(["-o", "/org/freedesktop/portal/desktop"]);
        revoke.args(["-m", "org.freedesktop.impl.portal.ScreenCast.Revoke"]);
        output(revoke, START).map(drop)
    }
}

const GNOME_PORTAL: &str = "[portal]
DBusName=org.freedesktop.impl.portal.desktop.gnome
Interfaces=org.freedesktop.impl.portal.ScreenCast;
UseIn=gnome
";

const STAND_IN_PORTAL: &str = "[portal]
DBusName=org.freedesktop.impl.portal.desktop.standin
Interfaces=org.freedesktop.impl.portal.ScreenCast;
UseIn=gnome
";
