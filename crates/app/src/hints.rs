//! Hints from the system about network changes and sleep. A hint only triggers a probe of the account's
//! server, which alone tells whether the server can be reached.
//!
//! Each watcher is a task that ends with the event loop. On a system without such a source there are no
//! hints, and the probe's own retries suffice.

use std::time::{Duration, Instant, SystemTime};

use futures_util::StreamExt as _;
use snaplark_core::upload::UploadEvent;
use tokio::sync::mpsc;
use tracing::{debug, info};

use crate::messages::Message;

/// A network change arrives as a burst of single changes; one probe afterwards is enough (debounce).
const SETTLE: Duration = Duration::from_millis(700);
/// How often the monotonic clock and the wall clock are compared.
const CLOCKS: Duration = Duration::from_secs(5);
/// The least difference between the clocks that counts as sleep: the monotonic clock stands still in sleep,
/// the wall clock doesn't. A wall clock that was merely set looks the same and costs one probe.
const SLEPT_MIN: Duration = Duration::from_secs(20);

pub(crate) fn watch(inbox: &mpsc::Sender<Message>) {
    tokio::spawn(interfaces(inbox.clone()));
    tokio::spawn(sleep(inbox.clone()));
    #[cfg(target_os = "linux")]
    tokio::spawn(linux::metered(inbox.clone()));
}

async fn interfaces(inbox: mpsc::Sender<Message>) {
    let mut watcher = match if_watch::tokio::IfWatcher::new() {
        Ok(watcher) => watcher,
        Err(error) => {
            debug!(%error, "The system doesn't tell of network changes");
            return;
        }
    };
    while let Some(Ok(_)) = watcher.next().await {
        while tokio::time::timeout(SETTLE, watcher.next()).await.is_ok() {}
        if inbox.send(Message::Hint(UploadEvent::NetworkHinted)).await.is_err() {
            return;
        }
    }
}

async fn sleep(inbox: mpsc::Sender<Message>) {
    let mut before = (Instant::now(), SystemTime::now());
    loop {
        tokio::time::sleep(CLOCKS).await;
        let now = (Instant::now(), SystemTime::now());
        let wall = now.1.duration_since(before.1).unwrap_or_default();
        if has_slept(now.0 - before.0, wall) {
            info!("The computer slept: connections begin anew");
            if inbox.send(Message::Hint(UploadEvent::SystemResumed)).await.is_err() {
                return;
            }
        }
        if inbox.is_closed() {
            return;
        }
        before = now;
    }
}

fn has_slept(monotonic: Duration, wall: Duration) -> bool {
    wall.saturating_sub(monotonic) >= SLEPT_MIN
}

#[cfg(target_os = "linux")]
mod linux {
    use futures_util::StreamExt as _;

    use super::{Message, UploadEvent, debug, mpsc};

    #[zbus::proxy(
        interface = "org.freedesktop.NetworkManager",
        default_service = "org.freedesktop.NetworkManager",
        default_path = "/org/freedesktop/NetworkManager"
    )]
    trait NetworkManager {
        #[zbus(property)]
        fn metered(&self) -> zbus::Result<u32>;
    }

    pub(crate) async fn metered(inbox: mpsc::Sender<Message>) {
        if let Err(error) = follow(&inbox).await {
            debug!(%error, "NetworkManager doesn't tell whether the link is metered");
        }
    }

    async fn follow(inbox: &mpsc::Sender<Message>) -> zbus::Result<()> {
        let bus = zbus::Connection::system().await?;
        let manager = NetworkManagerProxy::new(&bus).await?;
        let mut changes = manager.receive_metered_changed().await;
        let mut value = manager.metered().await?;
        loop {
            let metered = is_metered(value);
            if inbox.send(Message::Hint(UploadEvent::LinkMetered { metered })).await.is_err() {
                return Ok(());
            }
            let Some(change) = changes.next().await else { return Ok(()) };
            value = change.get().await?;
        }
    }

    /// Interprets NMMetered: 0 unknown, 1 yes, 2 no, 3 guessed yes, 4 guessed no.
    fn is_metered(value: u32) -> bool {
        matches!(value, 1 | 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_shows_between_the_clocks() {
        let seconds = Duration::from_secs;
        assert!(has_slept(seconds(5), seconds(3_600)));
        assert!(!has_slept(seconds(5), seconds(6)));
        assert!(!has_slept(seconds(5), seconds(0)));
    }
}
