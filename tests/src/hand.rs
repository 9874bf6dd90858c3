//! A person's pointer on the Wayland desktop of a test, through mutter's remote desktop interface. It
//! clicks what a person would click: the real dialogs of the real portal.

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use zbus::MatchRule;
use zbus::blocking::connection::Builder;
use zbus::blocking::fdo::MonitoringProxy;
use zbus::blocking::{Connection, MessageIterator, Proxy};
use zbus::message::Type;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

use crate::wayland::Session;

const REMOTE: &str = "org.gnome.Mutter.RemoteDesktop";
const SCREENS: &str = "org.gnome.Mutter.ScreenCast";
const DISPLAYS: &str = "org.gnome.Mutter.DisplayConfig";
/// The left button's code on Linux.
const LEFT: i32 = 0x110;

/// The position of the only monitor's row in the desktop's dialog, on a monitor of 1280x720.
const MONITOR: (u32, u32) = (640, 386);
const SHARE: (u32, u32) = (853, 233);
const CANCEL: (u32, u32) = (430, 233);

type Details = HashMap<String, OwnedValue>;
type Mode = (String, i32, i32, f64, f64, Vec<f64>, Details);
type Name = (String, String, String, String);
type Place = (i32, i32, f64, u32, bool, Vec<Name>, Details);
type Displays = (u32, Vec<(Name, Vec<Mode>, Details)>, Vec<Place>, Details);

pub struct Hand {
    remote: Proxy<'static>,
    /// Positions are relative to this stream's screen.
    stream: OwnedObjectPath,
    /// One for each time that the portal asks the desktop to show its question.
    questions: Receiver<()>,
}

impl Hand {
    /// Connects to the first monitor.
    pub fn on(session: &Session) -> Result<Self> {
        let address = session.home.var("DBUS_SESSION_BUS_ADDRESS").context("there is no bus")?;
        let bus = Builder::address(address)?.build()?;
        let displays = proxy(&bus, DISPLAYS, "/org/gnome/Mutter/DisplayConfig", DISPLAYS)?;
        let displays: Displays = displays.call("GetCurrentState", &())?;
        let (name, ..) = displays.1.first().context("there is no monitor")?;
        let desk = proxy(&bus, REMOTE, "/org/gnome/Mutter/RemoteDesktop", REMOTE)?;
        let path: OwnedObjectPath = desk.call("CreateSession", &())?;
        let remote = proxy(&bus, REMOTE, path.as_str(), &format!("{REMOTE}.Session"))?;
        let id: String = remote.get_property("SessionId")?;
        let screens = proxy(&bus, SCREENS, "/org/gnome/Mutter/ScreenCast", SCREENS)?;
        let of_remote = HashMap::from([("remote-desktop-session-id", Value::from(id))]);
        let path: OwnedObjectPath = screens.call("CreateSession", &of_remote)?;
        let screen = proxy(&bus, SCREENS, path.as_str(), &format!("{SCREENS}.Session"))?;
        let nothing = HashMap::<&str, Value<'_>>::new();
        let stream = screen.call("RecordMonitor", &(name.0.as_str(), nothing))?;
        remote.call::<_, _, ()>("Start", &())?;
        Ok(Hand { remote, stream, questions: questions(address)? })
    }

    /// Waits until the desktop was asked to show its question. It is drawn soon after that.
    pub fn question(&self, limit: Duration) -> Result<()> {
        self.questions.recv_timeout(limit).context("nobody was asked")
    }

    /// Chooses the only monitor and confirms. Does nothing if there is no dialog.
    pub fn share(&self) -> Result<()> {
        self.click(MONITOR)?;
        self.click(SHARE)
    }

    /// Declines the dialog.
    pub fn decline(&self) -> Result<()> {
        self.click(CANCEL)
    }

    /// The key's X11 keysym.
    pub const ESCAPE: u32 = 0xff1b;

    /// Presses and releases a key.
    pub fn press(&self, key: u32) -> Result<()> {
        for pressed in [true, false] {
            self.remote.call::<_, _, ()>("NotifyKeyboardKeysym", &(key, pressed))?;
        }
        Ok(())
    }

    fn click(&self, (x, y): (u32, u32)) -> Result<()> {
        let place = (self.stream.as_str(), f64::from(x), f64::from(y));
        self.remote.call::<_, _, ()>("NotifyPointerMotionAbsolute", &place)?;
        for pressed in [true, false] {
            self.remote.call::<_, _, ()>("NotifyPointerButton", &(LEFT, pressed))?;
        }
        Ok(())
    }
}

/// Listens on the bus, on a thread that ends with it.
fn questions(address: &str) -> Result<Receiver<()>> {
    let bus = Builder::address(address)?.build()?;
    let starts = MatchRule::builder()
        .msg_type(Type::MethodCall)
        .interface("org.freedesktop.impl.portal.ScreenCast")?
        .member("Start")?
        .build();
    MonitoringProxy::new(&bus)?.become_monitor(&[starts], 0)?;
    let (heard, questions) = mpsc::channel();
    thread::spawn(move || {
        for message in MessageIterator::from(bus).flatten() {
            let is_start = message.header().member().is_some_and(|member| member == "Start");
            if is_start && heard.send(()).is_err() {
                break;
            }
        }
    });
    Ok(questions)
}

fn proxy(bus: &Connection, name: &str, path: &str, interface: &str) -> Result<Proxy<'static>> {
    Ok(Proxy::new(bus, name.to_owned(), path.to_owned(), interface.to_owned())?)
}
