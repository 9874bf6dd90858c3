//! Reactions to sleep and to a locked session. While something is recorded, the computer does not go to
//! sleep for lack of input. When a person sends it to sleep, the recording is sealed first and continues
//! when the computer wakes up.
//!
//! While the session is locked, the ring buffer keeps nothing, because its owner is away.
//!
//! On Linux this uses logind's inhibitor locks: one prevents idle sleep, another delays any sleep until it
//! is released, which happens when the recording is paused. On other systems, and without logind, there are
//! no locks, and a segment that sleep interrupts is lost as in a crash.

use tokio::sync::{mpsc, watch};

use crate::messages::Message;

/// Starts the watchers. `awake` is true while something is being recorded that is not sealed yet.
pub(crate) fn watch(inbox: &mpsc::Sender<Message>, awake: watch::Receiver<bool>) {
    #[cfg(target_os = "linux")]
    {
        tokio::spawn(logind::mind(inbox.clone(), awake));
        tokio::spawn(logind::mind_lock(inbox.clone()));
    }
    #[cfg(not(target_os = "linux"))]
    drop((inbox.clone(), awake));
}

#[cfg(target_os = "linux")]
mod logind {
    use futures_util::StreamExt as _;
    use tracing::debug;
    use zbus::zvariant::{OwnedFd, OwnedObjectPath};

    use super::{Message, mpsc, watch};

    const WHO: &str = "Snaplark";
    const WHY: &str = "The screen is being recorded";

    #[zbus::proxy(
        interface = "org.freedesktop.login1.Manager",
        default_service = "org.freedesktop.login1",
        default_path = "/org/freedesktop/login1"
    )]
    trait Manager {
        fn inhibit(&self, what: &str, who: &str, why: &str, mode: &str) -> zbus::Result<OwnedFd>;

        /// Returns the session `id`; `auto` is the caller's own, or else the one in front of its user.
        fn get_session(&self, id: &str) -> zbus::Result<OwnedObjectPath>;

        #[zbus(signal)]
        fn prepare_for_sleep(&self, begins: bool) -> zbus::Result<()>;
    }

    #[zbus::proxy(
        interface = "org.freedesktop.login1.Session",
        default_service = "org.freedesktop.login1"
    )]
    trait Session {
        /// The session is locked, as reported by the desktop that locks it.
        #[zbus(property)]
        fn locked_hint(&self) -> zbus::Result<bool>;
    }

    pub(crate) async fn mind_lock(inbox: mpsc::Sender<Message>) {
        if let Err(error) = follow_lock(&inbox).await {
            debug!(%error, "logind tells nothing of a locked session");
        }
    }

    async fn follow_lock(inbox: &mpsc::Sender<Message>) -> zbus::Result<()> {
        let bus = zbus::Connection::system().await?;
        let path = ManagerProxy::new(&bus).await?.get_session("auto").await?;
        let session = SessionProxy::builder(&bus).path(path)?.build().await?;
        // The stream begins with the current value.
        let mut changes = session.receive_locked_hint_changed().await;
        while let Some(change) = changes.next().await {
            let is_locked = change.get().await?;
            if inbox.send(Message::Locked { is_locked }).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    pub(crate) async fn mind(inbox: mpsc::Sender<Message>, awake: watch::Receiver<bool>) {
        if let Err(error) = follow(&inbox, awake).await {
            debug!(%error, "logind tells nothing of sleep and takes no locks");
        }
    }

    async fn follow(
        inbox: &mpsc::Sender<Message>,
        mut awake: watch::Receiver<bool>,
    ) -> zbus::Result<()> {
        let bus = zbus::Connection::system().await?;
        let manager = ManagerProxy::new(&bus).await?;
        let mut sleeps = manager.receive_prepare_for_sleep().await?;
        // Dropping the file descriptors releases the locks.
        let mut locks = Vec::new();
        loop {
            tokio::select! {
                changed = awake.changed() => match changed {
                    Ok(()) => {
                        locks.clear();
                        if *awake.borrow_and_update() {
                            locks = take(&manager).await;
                        }
                    }
                    // The program ends.
                    Err(_) => return Ok(()),
                },
                sleep = sleeps.next() => {
                    let Some(sleep) = sleep else { return Ok(()) };
                    let begins = sleep.args()?.begins;
                    if inbox.send(Message::Sleep { begins }).await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn take(manager: &ManagerProxy<'_>) -> Vec<OwnedFd> {
        let mut locks = Vec::new();
        for (what, mode) in [("idle", "block"), ("sleep", "delay")] {
            match manager.inhibit(what, WHO, WHY, mode).await {
                Ok(lock) => locks.push(lock),
                Err(error) => debug!(%error, what, "logind gives no lock"),
            }
        }
        locks
    }
}
