//! What another program may ask of the one that runs: a shortcut of the desktop's own that is bound
//! to `snaplark toggle` (Wayland lets programs have none), or a person at a terminal.
//!
//! A socket in the home, which only its owner can open; one line each way. It is there from the start
//! of the program on, and stays as a dead file, which the next one replaces: whoever holds the store
//! is the only one that listens.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tracing::debug;

use crate::{App, AppError, Home, Source};

const SOCKET: &str = "control.sock";
/// How a line begins that says that it was done, or why not.
const DONE: &str = "done";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As the person's settings say.
    Start,
    Stop,
    Toggle,
    Pause,
    Resume,
    Cancel,
    Restart,
}

const ORDERS: [(Order, &str); 7] = [
    (Order::Start, "start"),
    (Order::Stop, "stop"),
    (Order::Toggle, "toggle"),
    (Order::Pause, "pause"),
    (Order::Resume, "resume"),
    (Order::Cancel, "cancel"),
    (Order::Restart, "restart"),
];

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = ORDERS.iter().find(|(order, _)| order == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

impl FromStr for Order {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        ORDERS.iter().find(|(_, name)| *name == text).map(|(order, _)| *order).ok_or(())
    }
}

impl Order {
    async fn carry_out(self, app: &App) -> Result<(), AppError> {
        let wanted = async || {
            Ok::<_, AppError>(app.settings().await?.recording.request(Source::Display(None)))
        };
        match self {
            Order::Start => app.start_recording(wanted().await?).await.map(drop),
            Order::Stop => app.stop_recording().await.map(drop),
            Order::Toggle => app.toggle_recording(wanted().await?).await.map(drop),
            Order::Pause => app.pause_recording().await,
            Order::Resume => app.resume_recording().await,
            Order::Cancel => app.cancel_recording().await,
            Order::Restart => app.restart_recording().await.map(drop),
        }
    }
}

fn socket(root: &Path) -> PathBuf {
    root.join(SOCKET)
}

/// Gives the order to the program that runs in that home; returns when it is carried out.
#[cfg(unix)]
pub fn give_order(home: &Home, order: Order) -> Result<(), AppError> {
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixStream;

    let not_running = |_| AppError::NotRunning;
    let mut stream = UnixStream::connect(socket(&home.root)).map_err(not_running)?;
    writeln!(stream, "{order}").map_err(not_running)?;
    let mut said = String::new();
    BufReader::new(stream).read_line(&mut said).map_err(not_running)?;
    match said.trim() {
        DONE => Ok(()),
        // It ended meanwhile.
        "" => Err(AppError::NotRunning),
        reason => Err(AppError::OrderRefused { reason: reason.to_owned() }),
    }
}

#[cfg(not(unix))]
pub fn give_order(_: &Home, _: Order) -> Result<(), AppError> {
    Err(AppError::NotRunning)
}

/// Until the program ends.
#[cfg(unix)]
pub(crate) fn listen(app: &App, root: &Path) {
    let path = socket(root);
    // The store's lock is held: whoever listened there is gone.
    drop(std::fs::remove_file(&path));
    let listener = match tokio::net::UnixListener::bind(&path).and_then(|listener| {
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        Ok(listener)
    }) {
        Ok(listener) => listener,
        Err(error) => {
            debug!(%error, "Orders of other programs can't be heard");
            return;
        }
    };
    let app = app.clone();
    tokio::spawn(async move {
        let mut changes = app.changes();
        loop {
            tokio::select! {
                Ok((stream, _)) = listener.accept() => {
                    tokio::spawn(answer(app.clone(), stream));
                }
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    });
}

#[cfg(not(unix))]
pub(crate) fn listen(_: &App, _: &Path) {}

#[cfg(unix)]
async fn answer(app: App, stream: tokio::net::UnixStream) {
    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

    /// No order is longer.
    const LINE_BYTES_MAX: u64 = 64;
    let (from, mut to) = stream.into_split();
    let mut line = String::new();
    if BufReader::new(from.take(LINE_BYTES_MAX)).read_line(&mut line).await.is_err() {
        return;
    }
    let said = match line.trim().parse::<Order>() {
        Ok(order) => match order.carry_out(&app).await {
            Ok(()) => DONE.to_owned(),
            Err(error) => error.to_string(),
        },
        Err(()) => "That is no order".to_owned(),
    };
    // Whoever asked may have gone.
    drop(to.write_all(format!("{said}\n").as_bytes()).await);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_as_they_are_written() {
        for (order, name) in ORDERS {
            assert_eq!((order.to_string().as_str(), name.parse()), (name, Ok(order)));
        }
        assert_eq!("dance".parse::<Order>(), Err(()));
    }
}
