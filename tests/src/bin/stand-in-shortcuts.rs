//! A fake backend of the portal that assigns shortcuts to programs, since GNOME's on Debian 12 assigns
//! none. It answers as it is told, and presses what a test wants pressed.
//!
//! Prints `ready`, then `asked record=ALT+r …` for each dialog that a person would have seen.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use anyhow::Result;
use clap::{Parser, ValueEnum};
use zbus::object_server::{ObjectServer, SignalEmitter};
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};

const NAME: &str = "org.freedesktop.impl.portal.desktop.shortcuts";
const PATH: &str = "/org/freedesktop/portal/desktop";

const DONE: u32 = 0;
const CANCELLED: u32 = 1;

#[derive(Parser)]
struct Options {
    answer: Answer,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Answer {
    /// Agrees, with the keys that were proposed.
    Give,
    /// The person declined.
    Decline,
    /// Agrees, but assigns nothing, like KDE 5.27, which uses another interface.
    GiveNone,
    /// Doesn't even answer the request for a session.
    Hang,
}

type Results = HashMap<String, OwnedValue>;
type Described = Vec<(String, Results)>;

struct Shortcuts(Mutex<Now>);

struct Now {
    answer: Answer,
    session: OwnedObjectPath,
    /// The assigned shortcuts, with the descriptions of their keys.
    given: Vec<(String, String)>,
}

#[zbus::interface(name = "org.freedesktop.impl.portal.GlobalShortcuts")]
impl Shortcuts {
    async fn create_session(
        &self,
        _handle: ObjectPath<'_>,
        session: OwnedObjectPath,
        _app: String,
        _options: Results,
        #[zbus(object_server)] server: &ObjectServer,
    ) -> zbus::fdo::Result<(u32, Results)> {
        let answer = self.lock().answer;
        if answer == Answer::Hang {
            println!("hangs");
            std::future::pending::<()>().await;
        }
        server.at(&session, Session).await?;
        let mut now = self.lock();
        (now.session, now.given) = (session, Vec::new());
        Ok((DONE, Results::new()))
    }

    fn bind_shortcuts(
        &self,
        _handle: ObjectPath<'_>,
        _session: ObjectPath<'_>,
        shortcuts: Described,
        _parent: String,
        _options: Results,
    ) -> zbus::fdo::Result<(u32, Results)> {
        let wanted = |(id, info): &(String, Results)| {
            let trigger = info.get("preferred_trigger").and_then(|it| it.downcast_ref().ok());
            (id.clone(), trigger.unwrap_or_default())
        };
        let wanted: Vec<(String, String)> = shortcuts.iter().map(wanted).collect();
        let asked: Vec<String> = wanted.iter().map(|(id, keys)| format!("{id}={keys}")).collect();
        println!("asked {}", asked.join(" "));
        let mut now = self.lock();
        match now.answer {
            Answer::Decline => return Ok((CANCELLED, Results::new())),
            Answer::Give => now.given = wanted,
            Answer::GiveNone | Answer::Hang => {}
        }
        Ok((DONE, now.results()?))
    }

    fn list_shortcuts(
        &self,
        _handle: ObjectPath<'_>,
        _session: ObjectPath<'_>,
    ) -> zbus::fdo::Result<(u32, Results)> {
        Ok((DONE, self.lock().results()?))
    }

    #[zbus(signal)]
    async fn activated(
        emitter: &SignalEmitter<'_>,
        session: ObjectPath<'_>,
        shortcut: &str,
        timestamp: u64,
        options: Results,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn shortcuts_changed(
        emitter: &SignalEmitter<'_>,
        session: ObjectPath<'_>,
        shortcuts: Described,
    ) -> zbus::Result<()>;

    /// Is called by tests like the methods below, and is not part of the portal.
    async fn press(
        &self,
        shortcut: String,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<()> {
        let session = self.lock().session.clone();
        Self::activated(&emitter, session.into(), &shortcut, 0, Results::new()).await?;
        Ok(())
    }

    /// Changes the keys, as a person does.
    async fn change(
        &self,
        shortcut: String,
        keys: String,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<()> {
        let (session, described) = {
            let mut now = self.lock();
            now.given
                .iter_mut()
                .filter(|(id, _)| *id == shortcut)
                .for_each(|it| it.1 = keys.clone());
            (now.session.clone(), now.described()?)
        };
        Self::shortcuts_changed(&emitter, session.into(), described).await?;
        Ok(())
    }

    /// Agrees to all further requests.
    fn give(&self) {
        self.lock().answer = Answer::Give;
    }

    #[zbus(property, name = "version")]
    fn version(&self) -> u32 {
        1
    }
}

impl Shortcuts {
    fn lock(&self) -> MutexGuard<'_, Now> {
        self.0.lock().expect("no thread panics")
    }
}

impl Now {
    fn described(&self) -> zbus::Result<Described> {
        let text = |text: &str| OwnedValue::try_from(Value::from(text));
        let described = |(id, keys): &(String, String)| {
            let info = HashMap::from([
                ("description".to_owned(), text(id)?),
                ("trigger_description".to_owned(), text(keys)?),
            ]);
            Ok((id.clone(), info))
        };
        self.given.iter().map(described).collect()
    }

    fn results(&self) -> zbus::Result<Results> {
        let described = OwnedValue::try_from(Value::from(self.described()?))?;
        Ok(HashMap::from([("shortcuts".to_owned(), described)]))
    }
}

struct Session;

#[zbus::interface(name = "org.freedesktop.impl.portal.Session")]
impl Session {
    fn close(&self) {}

    #[zbus(signal)]
    async fn closed(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}

fn main() -> Result<()> {
    let answer = Options::parse().answer;
    let session = ObjectPath::from_static_str(PATH)?.into();
    let shortcuts = Shortcuts(Mutex::new(Now { answer, session, given: Vec::new() }));
    let _bus = zbus::blocking::connection::Builder::session()?
        .serve_at(PATH, shortcuts)?
        .name(NAME)?
        .build()?;
    println!("ready");
    loop {
        std::thread::park();
    }
}
