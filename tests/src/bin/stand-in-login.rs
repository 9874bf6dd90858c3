//! A fake logind: gives locks and prints when each is held and released, and sends signals for sleep and
//! for a locked session when a test asks for it (`Sleep`, `Lock`).

use std::io::Read;
use std::os::fd::OwnedFd;

use anyhow::Result;
use zbus::object_server::SignalEmitter;
use zbus::zvariant;

const SESSION: &str = "/org/freedesktop/login1/session/one";

struct Manager;

#[zbus::interface(name = "org.freedesktop.login1.Manager")]
impl Manager {
    fn inhibit(
        &self,
        what: String,
        _who: String,
        why: String,
        mode: String,
    ) -> zbus::fdo::Result<zvariant::OwnedFd> {
        let failed = |error: std::io::Error| zbus::fdo::Error::Failed(error.to_string());
        let (mut ours, theirs) = std::io::pipe().map_err(failed)?;
        println!("holds {what} {mode}: {why}");
        std::thread::spawn(move || {
            // Ends when nobody holds the other end any more.
            ours.read_to_end(&mut Vec::new()).ok();
            println!("lets go {what}");
        });
        Ok(OwnedFd::from(theirs).into())
    }

    fn get_session(&self, _id: String) -> zvariant::OwnedObjectPath {
        zvariant::ObjectPath::from_static_str_unchecked(SESSION).into()
    }

    /// Is called by tests, and is not part of logind.
    async fn lock(
        &self,
        locked: bool,
        #[zbus(object_server)] server: &zbus::ObjectServer,
    ) -> zbus::fdo::Result<()> {
        let session = server.interface::<_, Session>(SESSION).await?;
        session.get_mut().await.locked = locked;
        Ok(session.get().await.locked_hint_changed(session.signal_emitter()).await?)
    }

    /// Is called by tests, and is not part of logind.
    async fn sleep(
        &self,
        begins: bool,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> zbus::fdo::Result<()> {
        Ok(Self::prepare_for_sleep(&emitter, begins).await?)
    }

    #[zbus(signal)]
    async fn prepare_for_sleep(emitter: &SignalEmitter<'_>, begins: bool) -> zbus::Result<()>;
}

struct Session {
    locked: bool,
}

#[zbus::interface(name = "org.freedesktop.login1.Session")]
impl Session {
    #[zbus(property)]
    fn locked_hint(&self) -> bool {
        self.locked
    }
}

fn main() -> Result<()> {
    let _bus = zbus::blocking::connection::Builder::session()?
        .serve_at("/org/freedesktop/login1", Manager)?
        .serve_at(SESSION, Session { locked: false })?
        .name("org.freedesktop.login1")?
        .build()?;
    println!("ready");
    loop {
        std::thread::park();
    }
}
