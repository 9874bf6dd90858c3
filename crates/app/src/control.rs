//! The running program, told by another: `snaplark toggle`, bound to a key where the desktop gives
//! programs no global shortcuts; and what else only the program that holds the store can do, such as
//! changing a setting.
//!
//! A socket in the home, which is its owner's alone: one line of JSON there, one back. The program
//! that holds the store's lock listens, so there is one listener a home, and a socket that was left
//! by a killed one can be taken away.

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
    /// Starts where nothing runs, else stops.
    Toggle,
    Start,
    /// Begins so many seconds ago, out of what is kept.
    StartAgo {
        seconds: u64,
    },
    /// Makes a recording of what is kept, or of so many seconds of it, without a preview.
    ShareLast {
        seconds: Option<u64>,
    },
    Stop,
    /// Once more goes on.
    Pause,
    Resume,
    /// The microphone is silence; once more it is heard.
    Mute,
    /// Ends it and deletes it. Whoever orders this has asked the person; so with the next.
    Cancel,
    Restart,
    /// Shown where it is not, and not where it is.
    Webcam,
}

/// What another program may ask beside an [`Order`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Request {
    Order(Order),
    /// As the program itself shows them, with what uploads wait for.
    Recordings,
    /// One setting by its name; the others stay as they are.
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

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Obeyed {
    pub state: State,
    /// Whether its microphone is silence.
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

/// Why not: a code, and a sentence for people.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Refused {
    code: String,
    text: String,
}

type Answer<T> = Result<T, Refused>;

/// Answers one request with a line of JSON.
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

/// Does it, and answers when it is done.
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
            // It turns with the next frame, or the screen has stopped giving any.
            tokio::time::timeout(TURN_MAX, turned).await.unwrap_or(Ok(()))?;
            None
        }
    };
    Ok(Obeyed::now(&app.snapshot().await?, touched))
}

/// As `Order::Start`, of what the person chose.
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

    /// Far more than a request takes.
    const REQUEST_BYTES_MAX: u64 = 16 * 1024;
    /// Some kilobytes for each of ten thousand recordings.
    const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
    /// Who connects has something to say.
    const ORDER_MAX: Duration = Duration::from_secs(5);

    fn address(home: &Home) -> PathBuf {
        home.root.join("control.sock")
    }

    /// Until the program ends. Without it everything but orders from elsewhere works.
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
        // Whoever asked may have gone; it is done all the same.
        if let Ok(line) = answer(&app, request).await {
            drop(say(&mut stream, line).await);
        }
        app.answering.send_modify(|count| *count -= 1);
    }

    /// Asks the program that runs there, and waits until it is done.
    pub async fn order(home: &Home, order: Order) -> Result<Obeyed, AppError> {
        ask(home, &Request::Order(order)).await
    }

    /// Returns the recordings as the running program shows them.
    pub async fn recordings(home: &Home) -> Result<Vec<RecordingView>, AppError> {
        ask(home, &Request::Recordings).await
    }

    /// Changes one setting in the running program, and returns all.
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

/// A named pipe would do on Windows; nobody has written it yet.
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

    /// Text as a request holds it, with what is no JSON between.
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
