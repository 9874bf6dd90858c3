//! The control socket, through which other programs command the running one: `snaplark toggle`, for
//! example, bound to a key on desktops without global shortcuts for programs. It also serves what only the
//! program that holds the store can do, such as changing a setting.
//!
//! The socket is in the home and only its owner can open it. A request is one line of JSON, and so is the
//! answer. The program that holds the store's lock listens, so each home has at most one listener, and a
//! socket left by a killed program can be removed safely.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use snaplark_core::RecordingId;
use snaplark_core::capture::Source;

use crate::view::{MicrophoneView, RecorderView, Snapshot};
use crate::{App, AppError, StartRequest, WebcamState};

const TURN_MAX: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Starts a recording if none is running, else stops it.
    Toggle,
    Start,
    /// Starts a recording that begins this many seconds ago, with segments from the ring buffer.
    StartAgo {
        seconds: u64,
    },
    /// Makes a recording of the ring buffer, or of its last `seconds`, without a preview.
    ShareLast {
        seconds: Option<u64>,
    },
    Stop,
    /// Pauses the recording; resumes it if it is paused.
    Pause,
    Resume,
    /// Mutes the microphone; unmutes it if it is muted.
    Mute,
    /// Ends the recording and deletes it. The sender must have asked the person; the same applies to
    /// `Restart`.
    Cancel,
    Restart,
    /// Shows the webcam if it is hidden, else hides it.
    Webcam,
}

/// A request of another program: an [`Order`] or something else.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Request {
    Order(Order),
    /// Lists the recordings as the program itself shows them, including what their uploads wait for.
    Recordings,
    /// Changes one setting by its name; the others keep their values.
    ChangeSetting {
        name: String,
        value: String,
    },
    SignOut,
    Retry {
        id: RecordingId,
    },
    Delete {
        id: RecordingId,
    },
    Rename {
        id: RecordingId,
        title: String,
    },
}

/// The state after an order was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Obeyed {
    pub state: State,
    /// True while the microphone is recorded as silence.
    #[serde(default)]
    pub muted: bool,
    pub id: Option<String>,
    pub link: Option<String>,
    pub webcam: WebcamState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Recording,
    Paused,
    Idle,
}

/// Why a request was refused: a code, and a sentence for people.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Refused {
    code: String,
    text: String,
}

type Answer<T> = Result<T, Refused>;

/// Handles one request and returns the answer as JSON.
async fn answer(app: &App, request: Request) -> serde_json::Result<Vec<u8>> {
    match request {
        Request::Order(order) => line(obey(app, order).await),
        Request::Recordings => line(app.snapshot().await.map(|snapshot| snapshot.recordings)),
        Request::ChangeSetting { name, value } => line(app.change_setting(name, value).await),
        Request::SignOut => line(app.sign_out_elsewhere().await),
        Request::Retry { id } => line(app.retry(id).await),
        Request::Delete { id } => line(app.delete(id).await),
        Request::Rename { id, title } => line(app.rename(id, title).await),
    }
}

fn line<T: Serialize>(answer: Result<T, AppError>) -> serde_json::Result<Vec<u8>> {
    let refused =
        |error: AppError| Refused { code: error.code().to_owned(), text: error.to_string() };
    let answer: Answer<T> = answer.map_err(refused);
    serde_json::to_vec(&answer)
}

/// Carries out an order and returns when it is done.
pub async fn obey(app: &App, order: Order) -> Result<Obeyed, AppError> {
    let wanted = async || {
        Ok::<_, AppError>(
            app.settings().await?.recording.request_with_microphone_at_hand(Source::Display(None)),
        )
    };
    let touched = match order {
        Order::Toggle => Some(app.toggle_recording(wanted().await?).await?),
        Order::Start => Some(app.start_recording(wanted().await?).await?),
        Order::StartAgo { seconds } => {
            let past = Some(Duration::from_secs(seconds));
            let request = StartRequest { past, ..wanted().await? };
            Some(app.start_recording(request).await?)
        }
        Order::ShareLast { seconds } => {
            Some(app.share_last(seconds.map(Duration::from_secs)).await?)
        }
        Order::Stop => Some(app.stop_recording().await?),
        Order::Cancel => {
            app.cancel_recording().await?;
            None
        }
        Order::Restart => Some(app.restart_recording().await?),
        Order::Mute => {
            let muted = is_muted(&app.snapshot().await?);
            app.set_muted(!muted).await?;
            None
        }
        Order::Webcam => {
            app.toggle_webcam().await?;
            None
        }
        Order::Pause | Order::Resume => {
            let pauses = order == Order::Pause && !is_paused(&app.snapshot().await?);
            match pauses {
                true => app.pause_recording().await?,
                false => app.resume_recording().await?,
            }
            let turned = until(app, |now| is_paused(now) == pauses);
            // The state changes with the next frame, which never comes if the screen has stopped sending
            // any.
            tokio::time::timeout(TURN_MAX, turned).await.unwrap_or(Ok(()))?;
            None
        }
    };
    Ok(Obeyed::now(&app.snapshot().await?, touched))
}

/// Starts a recording like [`Order::Start`], of a source that the person chose.
pub async fn record(app: &App, source: Source) -> Result<Obeyed, AppError> {
    let request = app.settings().await?.recording.request_with_microphone_at_hand(source);
    let touched = app.start_recording(request).await?;
    Ok(Obeyed::now(&app.snapshot().await?, Some(touched)))
}

fn is_paused(snapshot: &Snapshot) -> bool {
    matches!(snapshot.recorder, RecorderView::Paused { .. })
}

fn is_muted(snapshot: &Snapshot) -> bool {
    match snapshot.recorder {
        RecorderView::Recording { microphone, .. } | RecorderView::Paused { microphone, .. } => {
            microphone == MicrophoneView::Muted
        }
        RecorderView::Idle
        | RecorderView::Counting { .. }
        | RecorderView::Starting
        | RecorderView::Stopping { .. } => false,
    }
}

async fn until(app: &App, is_so: impl Fn(&Snapshot) -> bool) -> Result<(), AppError> {
    let mut changes = app.changes();
    while !is_so(&app.snapshot().await?) {
        changes.changed().await.map_err(|_| AppError::Closing)?;
    }
    Ok(())
}

impl Obeyed {
    fn now(snapshot: &Snapshot, touched: Option<RecordingId>) -> Self {
        let (state, runs) = match &snapshot.recorder {
            RecorderView::Idle | RecorderView::Counting { .. } | RecorderView::Starting => {
                (State::Idle, None)
            }
            RecorderView::Recording { id, .. } => (State::Recording, Some(id.clone())),
            RecorderView::Paused { id, .. } => (State::Paused, Some(id.clone())),
            RecorderView::Stopping { id } => (State::Idle, Some(id.clone())),
        };
        let id = touched.map(|id| id.to_string()).or(runs);
        let recording =
            snapshot.recordings.iter().find(|recording| Some(&recording.id) == id.as_ref());
        let link = recording.and_then(|recording| recording.link.clone());
        Obeyed { state, muted: is_muted(snapshot), id, link, webcam: snapshot.webcam }
    }
}

#[cfg(unix)]
pub use socket::{change_setting, delete, listen, order, recordings, rename, retry, sign_out};

#[cfg(unix)]
mod socket {
    use std::io::ErrorKind;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;
    use std::time::Duration;

    use serde::de::DeserializeOwned;
    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::{UnixListener, UnixStream};
    use tracing::warn;

    use snaplark_core::RecordingId;

    use super::{Answer, Obeyed, Order, Refused, Request, answer};
    use crate::view::RecordingView;
    use crate::{App, AppError, Home, Settings};

    /// Far more than any request needs.
    const REQUEST_BYTES_MAX: u64 = 16 * 1024;
    /// Enough for ten thousand recordings of some kilobytes each.
    const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
    /// How long a connected client may take to send its request.
    const ORDER_MAX: Duration = Duration::from_secs(5);

    fn address(home: &Home) -> PathBuf {
        home.root.join("control.sock")
    }

    /// Listens until the program ends. If the socket can't be bound, everything but requests from other
    /// programs works.
    pub fn listen(home: &Home, app: &App) {
        let address = address(home);
        let listener = match bind(&address) {
            Ok(listener) => listener,
            Err(error) => {
                warn!(%error, "`snaplark toggle` and its like can't be heard");
                return;
            }
        };
        let app = app.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(app.clone(), stream));
            }
        });
    }

    fn bind(address: &PathBuf) -> std::io::Result<UnixListener> {
        match std::fs::remove_file(address) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(address)?;
        std::fs::set_permissions(address, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    }

    async fn serve(app: App, mut stream: UnixStream) {
        let heard = hear(&mut stream, REQUEST_BYTES_MAX);
        let Ok(Ok(request)) = tokio::time::timeout(ORDER_MAX, heard).await else { return };
        app.answering.send_modify(|count| *count += 1);
        // The client may have disconnected; its request is handled anyway.
        if let Ok(line) = answer(&app, request).await {
            drop(say(&mut stream, line).await);
        }
        app.answering.send_modify(|count| *count -= 1);
    }

    /// Sends an order to the running program and waits until it is carried out.
    pub async fn order(home: &Home, order: Order) -> Result<Obeyed, AppError> {
        ask(home, &Request::Order(order)).await
    }

    /// Returns the recordings as the running program shows them.
    pub async fn recordings(home: &Home) -> Result<Vec<RecordingView>, AppError> {
        ask(home, &Request::Recordings).await
    }

    /// Changes one setting in the running program and returns all settings.
    pub async fn change_setting(
        home: &Home,
        name: &str,
        value: &str,
    ) -> Result<Settings, AppError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        ask(home, &Request::ChangeSetting { name, value }).await
    }

    pub async fn sign_out(home: &Home) -> Result<(), AppError> {
        ask(home, &Request::SignOut).await
    }

    pub async fn retry(home: &Home, id: RecordingId) -> Result<(), AppError> {
        ask(home, &Request::Retry { id }).await
    }

    pub async fn delete(home: &Home, id: RecordingId) -> Result<(), AppError> {
        ask(home, &Request::Delete { id }).await
    }

    pub async fn rename(home: &Home, id: RecordingId, title: &str) -> Result<(), AppError> {
        ask(home, &Request::Rename { id, title: title.to_owned() }).await
    }

    async fn ask<T: DeserializeOwned>(home: &Home, request: &Request) -> Result<T, AppError> {
        let told = async {
            let mut stream = UnixStream::connect(address(home)).await?;
            say(&mut stream, serde_json::to_vec(request)?).await?;
            hear::<Answer<T>>(&mut stream, ANSWER_BYTES_MAX).await
        };
        match told.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Refused { code, text })) => Err(AppError::Told { code, text }),
            Err(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::ConnectionRefused => Err(AppError::NotRunning),
                _ => Err(AppError::Closing),
            },
        }
    }

    async fn say(stream: &mut UnixStream, mut line: Vec<u8>) -> std::io::Result<()> {
        line.push(b'\n');
        stream.write_all(&line).await
    }

    async fn hear<T: DeserializeOwned>(stream: &mut UnixStream, max: u64) -> std::io::Result<T> {
        let mut line = String::new();
        BufReader::new(stream.take(max)).read_line(&mut line).await?;
        Ok(serde_json::from_str(&line)?)
    }
}

/// Does nothing: a named pipe would work on Windows, but is not implemented.
#[cfg(not(unix))]
pub fn listen(_: &crate::Home, _: &App) {}

#[cfg(not(unix))]
pub use nowhere::{change_setting, delete, order, recordings, rename, retry, sign_out};

#[cfg(not(unix))]
mod nowhere {
    use snaplark_core::RecordingId;

    use super::{Obeyed, Order};
    use crate::view::RecordingView;
    use crate::{AppError, Home, Settings};

    pub async fn order(_: &Home, _: Order) -> Result<Obeyed, AppError> {
        Err(AppError::NotRunning)
    }

    pub async fn recordings(_: &Home) -> Result<Vec<RecordingView>, AppError> {
        Err(AppError::NotRunning)
    }

    pub async fn change_setting(_: &Home, _: &str, _: &str) -> Result<Settings, AppError> {
        Err(AppError::NotRunning)
    }

    pub async fn sign_out(_: &Home) -> Result<(), AppError> {
        Err(AppError::NotRunning)
    }

    pub async fn retry(_: &Home, _: RecordingId) -> Result<(), AppError> {
        Err(AppError::NotRunning)
    }

    pub async fn delete(_: &Home, _: RecordingId) -> Result<(), AppError> {
        Err(AppError::NotRunning)
    }

    pub async fn rename(_: &Home, _: RecordingId, _: &str) -> Result<(), AppError> {
        Err(AppError::NotRunning)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Generates text from pieces of requests mixed with invalid JSON.
    fn fragments() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("{".to_owned()),
            Just("}".to_owned()),
            Just("[".to_owned()),
            Just(":".to_owned()),
            Just(",".to_owned()),
            "\"(order|retry|rename|delete|change-setting|sign-out|toggle|start-ago|seconds|id|title|Ok|Err)\"",
            "\"\\PC{0,12}\"",
            "-?[0-9]{1,25}(\\.[0-9]{1,5})?(e[0-9]{1,4})?",
            "null|true|false",
        ];
        proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_line_at_the_socket_brings_anything_down(bytes: Vec<u8>, text in fragments()) {
            drop(serde_json::from_slice::<Request>(&bytes));
            drop(serde_json::from_str::<Answer<Obeyed>>(&text));
            if let Ok(request) = serde_json::from_str::<Request>(&text) {
                // A request means the same when it is written and read again.
                let again = serde_json::to_string(&request).unwrap();
                let again: Request = serde_json::from_str(&again).unwrap();
                prop_assert_eq!(format!("{request:?}"), format!("{again:?}"));
            }
        }

        #[test]
        fn seconds_of_any_order_are_a_duration(seconds: u64) {
            let order = serde_json::json!({ "start-ago": { "seconds": seconds } });
            let order: Order = serde_json::from_value(order).unwrap();
            prop_assert_eq!(order, Order::StartAgo { seconds });
        }
    }
}
