//! Real Wayland sessions without a screen: bare mutter, GNOME Shell or sway, with PipeWire and the
//! desktop's own portal. Also one whose portal answers as a test specifies, for cases that are too rare
//! with a real one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::hand::Hand;
use crate::home::Home;
use crate::process::{Process, command, finish, output, program};
use crate::sway::{self, Sway};
use crate::{session, wait};

const START: Duration = Duration::from_secs(30);
const DISPLAY: &str = "wayland-test";
/// The restore token of the real portal, which the app stores.
const TOKEN: &str = "00000000-1111-2222-3333-444444444444";

/// A session. Its programs end in the reverse order of their start.
pub struct Session {
    programs: Vec<Process>,
    _bus: Process,
    pub home: Home,
}

impl Session {
    /// Starts monitors of these sizes, with the numbered screen on the first. If there are two, the second
    /// is the permitted one.
    pub fn start(monitors: &[&str], numbers: u32) -> Result<Self> {
        let session = Session::with_screen(monitors, &["--fps", &numbers.to_string()])?;
        session.permit(monitors.len() - 1)?;
        Ok(session)
    }

    /// Starts one monitor with nothing permitted. Only its lower edge shows the numbered screen, so that
    /// the desktop's dialog above it is visible (`Hand`).
    pub fn with_room_for_a_question(numbers: u32) -> Result<Self> {
        let strip = ["--width", "1280", "--height", "160", "--y", "560"];
        let numbers = numbers.to_string();
        Session::with_screen(&["1280x720"], &[&strip[..], &["--fps", &numbers]].concat())
    }

    fn with_screen(monitors: &[&str], screen: &[&str]) -> Result<Self> {
        let mut session = Session::of_gnome(Home::new()?)?;
        let mut mutter = command(&session.home, "mutter");
        mutter.args(["--headless", "--wayland", "--wayland-display", DISPLAY]);
        for monitor in monitors {
            mutter.args(["--virtual-monitor", monitor]);
        }
        // Runs on mutter's X11 display, which shows on the Wayland one, and which programs know as well.
        mutter.args(["--", "sh", "-c", r#"echo "$DISPLAY"; echo "$XAUTHORITY"; exec "$@""#, "sh"]);
        mutter.arg(program("numbered-screen")?).args(screen);
        let mut mutter = Process::start(&session.home, "mutter", mutter)?;
        for name in ["DISPLAY", "XAUTHORITY"] {
            session.home.set(name, &mutter.line(START)?);
        }
        mutter.line(START)?;
        session.programs.push(mutter);
        session.wait_for_portal("gnome")?;
        Ok(session)
    }

    /// Starts a session with the stand-in portal that answers so: see `stand-in-portal`.
    pub fn with_stand_in(answer: &str) -> Result<Self> {
        let mut home = Home::new()?;
        home.set("WAYLAND_DISPLAY", DISPLAY);
        home.set("XDG_CURRENT_DESKTOP", "GNOME");
        let mut session = Session::with_portal(home, "stand-in", STAND_IN_PORTAL)?;
        let mut portal = command(&session.home, program("stand-in-portal")?);
        portal.arg(answer);
        let mut portal = Process::start(&session.home, "stand-in-portal", portal)?;
        portal.line(START)?;
        session.programs.push(portal);
        Ok(session)
    }

    fn of_gnome(mut home: Home) -> Result<Self> {
        home.set("WAYLAND_DISPLAY", DISPLAY);
        home.set("XDG_CURRENT_DESKTOP", "GNOME");
        Session::with_portal(home, "gnome", GNOME_PORTAL)
    }

    /// Starts a session without a compositor, whose only portal is that of `name`.
    fn with_portal(mut home: Home, name: &str, portal: &str) -> Result<Self> {
        let portals = home.path().join("portals");
        fs::create_dir_all(&portals)?;
        fs::write(portals.join(format!("{name}.portal")), portal)?;
        let portals = portals.to_str().context("the path is not UTF-8")?.to_owned();
        for (name, value) in [
            ("XDG_SESSION_TYPE", "wayland"),
            ("XDG_DESKTOP_PORTAL_DIR", &portals),
            ("GTK_A11Y", "none"),
        ] {
            home.set(name, value);
        }
        let bus = session::bus(&mut home)?;
        Ok(Session { programs: session::media(&home)?, _bus: bus, home })
    }

    /// Starts sway with the numbered screen, run with these arguments, and with Debian's portal for sway.
    /// Without a graphics card sway offers no DMABUF, and this portal then shares nothing. If one is
    /// offered anyway (`stand-in-dmabuf`), it shares through memory.
    pub fn sway(screen: &[&str], offers_dmabuf: bool) -> Result<(Self, Sway)> {
        let mut home = Home::new()?;
        let sway = Sway::start(&mut home)?;
        let config = home.path().join("config/xdg-desktop-portal-wlr");
        fs::create_dir_all(&config)?;
        let chosen = format!("[screencast]\nchooser_type=none\noutput_name={}\n", sway::MONITOR);
        fs::write(config.join("config"), chosen)?;
        let mut session = Session::with_portal(home, "wlr", WLR_PORTAL)?;
        let home = &session.home;
        let folders = ["/usr/libexec", "/usr/lib"].map(Path::new);
        let portal = folders.map(|folder| folder.join("xdg-desktop-portal-wlr"));
        let portal = portal.into_iter().find(|it| it.is_file());
        let mut portal = command(home, portal.context("xdg-desktop-portal-wlr is not installed")?);
        if offers_dmabuf {
            let socket = home.path().join("run/wayland-with-dmabuf");
            let mut between = command(home, program("stand-in-dmabuf")?);
            between.arg("--compositor").arg(&sway.socket).arg("--socket").arg(&socket);
            let mut between = Process::start(home, "stand-in-dmabuf", between)?;
            between.line(START)?;
            session.programs.push(between);
            portal.env("WAYLAND_DISPLAY", socket);
        }
        session.programs.push(Process::start(home, "xdg-desktop-portal-wlr", portal)?);
        let mut numbered = command(home, program("numbered-screen")?);
        numbered.args(screen);
        let mut numbered = Process::start(home, "numbered-screen", numbered)?;
        numbered.line(START)?;
        session.programs.push(numbered);
        session.wait_for_portal("wlr")?;
        Ok((session, sway))
    }

    /// Starts GNOME's own desktop with the numbered screen on its only monitor, which may be shared.
    pub fn gnome_shell(numbers: u32) -> Result<Self> {
        let mut home = Home::new()?;
        let system_bus = session::system_bus(&mut home)?;
        let mut session = Session::of_gnome(home)?;
        session.programs.push(system_bus);
        let home = &mut session.home;
        let mut shell = command(home, "gnome-shell");
        shell.args(["--headless", "--wayland", "--wayland-display", DISPLAY]);
        shell.args(["--virtual-monitor", "1280x720"]);
        let shell = Process::start(home, "gnome-shell", shell)?;
        let display = wait::until("the shell's X11 display", START, || {
            const BEFORE: &str = "Using public X11 display ";
            let log = fs::read_to_string(home.log("gnome-shell")).unwrap_or_default();
            let said = log.split_once(BEFORE).and_then(|(_, said)| said.split_once(','));
            Ok(said.map(|(display, _)| display.to_owned()))
        })?;
        home.set("DISPLAY", &display);
        let run = home.path().join("run");
        let cookie = wait::until("the X11 display's cookie", START, || {
            let mut files = fs::read_dir(&run)?.flatten().map(|entry| entry.path());
            let is_it = |file: &PathBuf| file.to_string_lossy().contains(".mutter-Xwaylandauth");
            Ok(files.find(is_it))
        })?;
        home.set("XAUTHORITY", cookie.to_str().context("the path is not UTF-8")?);
        session.programs.push(shell);
        session.wait_for_portal("gnome")?;
        session.permit(0)?;
        let hand = Hand::on(&session)?;
        // GNOME Shell starts with its overview, which Escape closes.
        hand.press(Hand::ESCAPE)?;
        let mut screen = command(&session.home, program("numbered-screen")?);
        screen.args(["--fps", &numbers.to_string()]);
        let mut screen = Process::start(&session.home, "numbered-screen", screen)?;
        screen.line(START)?;
        session.programs.push(screen);
        Ok(session)
    }

    /// Returns the program that was started last: the compositor or the stand-in.
    pub fn last(&mut self) -> &mut Process {
        self.programs.last_mut().expect("a session has programs")
    }

    /// Waits until the program behind the portal knows the compositor. A portal that starts before that
    /// believes forever that nothing can be shared, with or without a pointer.
    fn wait_for_portal(&self, name: &str) -> Result<()> {
        let mut ask = command(&self.home, "gdbus");
        let name = format!("org.freedesktop.impl.portal.desktop.{name}");
        ask.args(["call", "--session", "-d", &name]);
        ask.args(["-o", "/org/freedesktop/portal/desktop"]);
        ask.args(["-m", "org.freedesktop.DBus.Properties.Get"]);
        ask.args(["org.freedesktop.impl.portal.ScreenCast", "AvailableCursorModes"]);
        wait::until("the desktop's portal", START, || {
            let said = finish(&mut ask, START)?;
            Ok((said.status.success() && !said.stdout.contains("uint32 0")).then_some(()))
        })
    }

    /// Stores a permanent permission for that monitor, as if a person had given it.
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

    /// Allows programs to take pictures of the screen, as if a person had agreed to that.
    pub fn permit_screenshots(&self) -> Result<()> {
        const STORE: &str = "org.freedesktop.impl.portal.PermissionStore";
        let mut set = command(&self.home, "gdbus");
        set.args(["call", "--session", "-d", STORE]);
        set.args(["-o", "/org/freedesktop/impl/portal/PermissionStore"]);
        set.args(["-m", &format!("{STORE}.Set"), "screenshot", "true", "screenshot"]);
        set.args(["{'': ['yes']}", "<byte 0x00>"]);
        output(set, START).map(drop)
    }

    /// Returns the process that owns a name on the session bus.
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

    /// Makes the stand-in end the sharing, as the desktop's indicator does.
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
Interfaces=org.freedesktop.impl.portal.ScreenCast;org.freedesktop.impl.portal.Screenshot;org.freedesktop.impl.portal.Access;
UseIn=gnome
";

const WLR_PORTAL: &str = "[portal]
DBusName=org.freedesktop.impl.portal.desktop.wlr
Interfaces=org.freedesktop.impl.portal.ScreenCast;
UseIn=sway
";

const STAND_IN_PORTAL: &str = "[portal]
DBusName=org.freedesktop.impl.portal.desktop.standin
Interfaces=org.freedesktop.impl.portal.ScreenCast;
UseIn=gnome
";
