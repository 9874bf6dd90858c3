//! Recordings and sleep. While something is recorded the computer does not fall asleep for want of
//! input; where a person sends it to sleep, what was recorded is sealed first, and the recording goes
//! on when the computer is back.
//!
//! Linux has logind for that: a lock that is held forbids idle sleep, another delays any sleep until
//! it is let go, which happens when the recording stands still. Elsewhere, and where there is no
//! logind, nothing is held, and a segment that sleep tore apart is lost as in a crash.

use tokio::sync::{mpsc, watch};

use crate::messages::Message;

/// `awake`: something is recorded that is not sealed.
pub fn watch(inbox: &mpsc::Sender<Message>, awake: watch::Receiver<bool>) {
    #[cfg(target_os = "linux")]
    tokio::spawn(logind::mind(inbox.clone(), awake));
    #[cfg(not(target_os = "linux"))]
    drop((inbox.clone(), awake));
}

#[cfg(target_os = "linux")]
mod logind {
    use futures_util::StreamExt as _;
    use tracing::debug;
    use zbus::zvariant::OwnedFd;

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

        #[zbus(signal)]
        fn prepare_for_sleep(&self, begins: bool) -> zbus::Result<()>;
    }

    pub async fn mind(inbox: mpsc::Sender<Message>, awake: watch::Receiver<bool>) {
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
        // Let go when they are dropped.
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
