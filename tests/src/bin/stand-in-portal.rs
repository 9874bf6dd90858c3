//! A fake backend of a desktop's portal that answers as it is told, which a real one does only when a
//! person, or a fault, makes it. Its screen is a picture with a moving ball, a new stream each time, as on
//! real desktops.
//!
//! Prints `ready`, then `asked for screens` or `asked for windows` for each dialog that a person would have
//! seen, and `restored` if an earlier permission made one unnecessary.

use std::collections::HashMap;
use std::process::{Child, Command};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use snaplark_tests::wait;
use zbus::object_server::{ObjectServer, SignalEmitter};
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};

const NAME: &str = "org.freedesktop.impl.portal.desktop.standin";
const PATH: &str = "/org/freedesktop/portal/desktop";
const SCREEN: Duration = Duration::from_secs(20);

/// The time that a person takes to read the dialog.
const READING: Duration = Duration::from_secs(1);

const DONE: u32 = 0;
const CANCELLED: u32 = 1;
const FAILED: u32 = 2;

#[derive(Parser)]
struct Options {
    answer: Answer,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Answer {
    /// Agrees. A program that comes back with that permission is not asked again.
    Accept,
    /// The person read the dialog and closed it.
    Cancel,
    /// The dialog could not be shown, which desktops report as a refusal.
    CancelAtOnce,
    Fail,
    /// Doesn't even answer the request for a session.
    HangAtOnce,
    /// Shows the dialog, and nobody answers it.
    HangAsking,
}

type Results = HashMap<String, OwnedValue>;

struct ScreenCast {
    answer: Answer,
    sessions: Mutex<Vec<OwnedObjectPath>>,
    /// The kind of source that `SelectSources` asked for; `None` if it came with an earlier permission.
    asks: Mutex<Option<&'static str>>,
    screens: Mutex<Vec<Child>>,
}

#[zbus::interface(name = "org.freedesktop.impl.portal.ScreenCast")]
impl ScreenCast {
    async fn create_session(
        &self,
        _handle: ObjectPath<'_>,
        session: OwnedObjectPath,
        _app: String,
        _options: Results,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> zbus::fdo::Result<(u32, Results)> {
        if self.answer == Answer::HangAtOnce {
            std::future::pending::<()>().await;
        }
        server.at(&session, Session).await?;
        self.sessions.lock().expect("no thread panics").push(session);
        Ok((DONE, Results::new()))
    }

    async fn select_sources(
        &self,
        _handle: ObjectPath<'_>,
        _session: ObjectPath<'_>,
        _app: String,
        options: Results,
    ) -> (u32, Results) {
        const WINDOWS: u32 = 2;
        let types = options.get("types").and_then(|types| types.downcast_ref::<u32>().ok());
        let kind = if types == Some(WINDOWS) { "windows" } else { "screens" };
        let asks = (!options.contains_key("restore_data")).then_some(kind);
        *self.asks.lock().expect("no thread panics") = asks;
        (DONE, Results::new())
    }

    async fn start(
        &self,
        _handle: ObjectPath<'_>,
        _session: ObjectPath<'_>,
        _app: String,
        _parent: String,
        _options: Results,
    ) -> zbus::fdo::Result<(u32, Results)> {
        match *self.asks.lock().expect("no thread panics") {
            Some(kind) => println!("asked for {kind}"),
            None => println!("restored"),
        }
        match self.answer {
            Answer::Cancel => {
                std::thread::sleep(READING);
                return Ok((CANCELLED, Results::new()));
            }
            Answer::CancelAtOnce => return Ok((CANCELLED, Results::new())),
            Answer::Fail => return Ok((FAILED, Results::new())),
            Answer::HangAsking => std::future::pending::<()>().await,
            Answer::Accept | Answer::HangAtOnce => {}
        }
        let results =
            self.share().map_err(|error| zbus::fdo::Error::Failed(format!("{error:#}")))?;
        Ok((DONE, results))
    }

    /// Is called by tests, and is not part of the portal.
    async fn revoke(&self, #[zbus(connection)] bus: &zbus::Connection) -> zbus::fdo::Result<()> {
        let sessions = std::mem::take(&mut *self.sessions.lock().expect("no thread panics"));
        for session in sessions {
            Session::closed(&SignalEmitter::new(bus, session)?).await?;
        }
        Ok(())
    }

    /// Displays and windows.
    #[zbus(property)]
    fn available_source_types(&self) -> u32 {
        3
    }

    /// Hidden, embedded.
    #[zbus(property)]
    fn available_cursor_modes(&self) -> u32 {
        3
    }

    #[zbus(property, name = "version")]
    fn version(&self) -> u32 {
        4
    }
}

struct Session;

#[zbus::interface(name = "org.freedesktop.impl.portal.Session")]
impl Session {
    fn close(&self) {}

    #[zbus(signal)]
    async fn closed(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}

impl ScreenCast {
    fn share(&self) -> Result<Results> {
        let properties: HashMap<&str, Value<'_>> = HashMap::from([
            ("size", Value::from((640_i32, 360_i32))),
            ("position", Value::from((0_i32, 0_i32))),
        ]);
        let streams = vec![(self.screen()?, properties)];
        let restore = ("stand-in", 1_u32, Value::new(Value::from("the one screen")));
        Ok(HashMap::from([
            ("streams".to_owned(), OwnedValue::try_from(Value::from(streams))?),
            ("persist_mode".to_owned(), OwnedValue::from(2_u32)),
            ("restore_data".to_owned(), OwnedValue::try_from(Value::from(restore))?),
        ]))
    }

    /// Returns the id of the screen's PipeWire node.
    fn screen(&self) -> Result<u32> {
        let mut screens = self.screens.lock().expect("no thread panics");
        let name = format!("stand-in-screen-{}", screens.len());
        let mut screen = Command::new("setpriv");
        screen.args(["--pdeathsig", "KILL", "--", "gst-launch-1.0", "-q"]);
        screen.args(["videotestsrc", "is-live=true", "pattern=ball", "!"]);
        screen.args(["video/x-raw,format=BGRx,width=640,height=360,framerate=30/1", "!"]);
        screen.args(["pipewiresink", "mode=provide"]);
        screen.arg(format!("stream-properties=p,media.class=Video/Source,node.name={name}"));
        screens.push(screen.spawn().context("gst-launch-1.0 can't be started")?);
        wait::until("the stand-in's screen", SCREEN, || node(&name))
    }
}

fn node(name: &str) -> Result<Option<u32>> {
    let dump = Command::new("pw-dump").output().context("pw-dump can't be started")?;
    let objects: serde_json::Value = serde_json::from_slice(&dump.stdout)?;
    let objects = objects.as_array().context("pw-dump gives no list")?;
    let is_it = |object: &&serde_json::Value| object["info"]["props"]["node.name"] == name;
    let id = objects.iter().find(is_it).and_then(|object| object["id"].as_u64());
    Ok(id.map(u32::try_from).transpose()?)
}

fn main() -> Result<()> {
    let answer = Options::parse().answer;
    let screens = ScreenCast {
        answer,
        sessions: Mutex::default(),
        asks: Mutex::default(),
        screens: Mutex::default(),
    };
    let _bus = zbus::blocking::connection::Builder::session()?
        .serve_at(PATH, screens)?
        .name(NAME)?
        .build()?;
    println!("ready");
    loop {
        std::thread::park();
    }
}
