//! The requests at the control socket: what the running program answers, and how another program asks.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;
use snaplark_core::capture::Subject;
use snaplark_core::{Action, ItemId, RecordingId};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tracing::warn;

use super::local_socket::{self, Stream};
use super::{Answer, Performed, PublishedEdit, Refused, Request, UploadedItem, answer};
use crate::cuts::view::CutEdit;
use crate::pictures::view::PictureSummary;
use crate::view::RecordingView;
use crate::{App, AppError, ErrorCode, Home, ImportOptions, Settings};

/// More than any request needs: an edit of two thousand pieces has some hundred kilobytes.
const REQUEST_BYTES_MAX: u64 = 512 * 1024;
/// The limit is enough for ten thousand recordings of some kilobytes each.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How long a connected client may take to send its request.
const ORDER_MAX: Duration = Duration::from_secs(5);

/// Listens until the program ends. If the socket can't be bound, everything but requests from other
/// programs works.
pub fn listen(home: &Home, app: &App) {
    let listener = match local_socket::listen(&home.root) {
        Ok(listener) => listener,
        Err(error) => {
            warn!(%error, "`snaplark toggle` and its like can't be heard");
            return;
        }
    };
    let app = app.clone();
    tokio::spawn(async move {
        while let Ok(stream) = local_socket::accept(&listener).await {
            tokio::spawn(serve(app.clone(), stream));
        }
    });
}

async fn serve(app: App, mut stream: Stream) {
    let heard = hear(&mut stream, REQUEST_BYTES_MAX);
    let Ok(Ok(request)) = tokio::time::timeout(ORDER_MAX, heard).await else { return };
    app.answering.send_modify(|count| *count += 1);
    // The client may have disconnected; its request is handled anyway.
    if let Ok(line) = answer(&app, request).await {
        drop(say(&mut stream, line).await);
    }
    app.answering.send_modify(|count| *count -= 1);
}

/// Sends an action to the running program and waits until it is carried out.
pub async fn ask_for(home: &Home, action: Action) -> Result<Performed, AppError> {
    ask(home, &Request::Act(action)).await
}

/// Returns the recordings as the running program shows them.
pub async fn recordings(home: &Home) -> Result<Vec<RecordingView>, AppError> {
    ask(home, &Request::Recordings).await
}

/// Returns the pictures as the running program shows them.
pub async fn pictures(home: &Home) -> Result<Vec<PictureSummary>, AppError> {
    ask(home, &Request::Pictures).await
}

/// Changes one setting in the running program and returns all settings.
pub async fn change_setting(home: &Home, name: &str, value: &str) -> Result<Settings, AppError> {
    let (name, value) = (name.to_owned(), value.to_owned());
    ask(home, &Request::ChangeSetting { name, value }).await
}

/// Signs the running program out.
pub async fn sign_out(home: &Home) -> Result<(), AppError> {
    ask(home, &Request::SignOut).await
}

/// Signs the running program out of the server with this address.
pub async fn sign_out_at(home: &Home, server: &str) -> Result<(), AppError> {
    ask(home, &Request::SignOutAt { server: server.to_owned() }).await
}

/// Has the running program delete a recording.
pub async fn delete(home: &Home, id: RecordingId) -> Result<(), AppError> {
    ask(home, &Request::Delete { id }).await
}

/// Has the running program rename a recording.
pub async fn rename(home: &Home, id: RecordingId, title: &str) -> Result<(), AppError> {
    ask(home, &Request::Rename { id, title: title.to_owned() }).await
}

/// Has the running program send an item to a place. Returns the id of the upload.
pub async fn send_to(home: &Home, id: RecordingId, to: &str) -> Result<RecordingId, AppError> {
    ask(home, &Request::SendTo { id, to: to.to_owned() }).await
}

/// Has the running program save a recording's edit. Returns its revision.
pub async fn save_edit(home: &Home, id: RecordingId, edit: CutEdit) -> Result<u32, AppError> {
    ask(home, &Request::SaveEdit { id, edit }).await
}

/// Has the running program publish a recording as it is edited. Returns when it is rendered; false if that was
/// cancelled.
pub async fn publish(home: &Home, id: RecordingId) -> Result<bool, AppError> {
    ask(home, &Request::Publish { id }).await
}

/// Has the running program make a recording of its own out of a recording's edit. Returns its id; `None` if that was
/// cancelled.
pub async fn copy_edit(home: &Home, id: RecordingId) -> Result<Option<RecordingId>, AppError> {
    ask(home, &Request::CopyEdit { id }).await
}

/// Returns where a recording's edit is on its way to the link, as the running program knows.
pub async fn published_elsewhere(home: &Home, id: RecordingId) -> Result<PublishedEdit, AppError> {
    ask(home, &Request::Published { id }).await
}

/// Adds a screenshot to the running program, from a PNG that it removes.
pub async fn add_screenshot_elsewhere(
    home: &Home,
    file: PathBuf,
    subject: Option<&Subject>,
    upload: bool,
) -> Result<PictureSummary, AppError> {
    let subject = subject.map(|subject| (subject.app.clone(), subject.window.clone()));
    ask(home, &Request::AddScreenshot { file, subject, upload }).await
}

/// Returns what the running program shows of a picture.
pub async fn picture_elsewhere(home: &Home, id: ItemId) -> Result<PictureSummary, AppError> {
    ask(home, &Request::Picture { id }).await
}

/// Has the running program bring in a file and upload it. Returns its id.
pub async fn upload_elsewhere(
    home: &Home,
    file: PathBuf,
    said: ImportOptions,
) -> Result<ItemId, AppError> {
    ask(home, &Request::Upload { file, said }).await
}

/// Returns how far the uploads of these items are, as the running program knows.
pub async fn uploaded_elsewhere(
    home: &Home,
    ids: &[ItemId],
) -> Result<Vec<UploadedItem>, AppError> {
    ask(home, &Request::Uploaded { ids: ids.to_vec() }).await
}

async fn ask<T: DeserializeOwned>(home: &Home, request: &Request) -> Result<T, AppError> {
    let told = async {
        let mut stream = local_socket::connect(&home.root).await?;
        say(&mut stream, serde_json::to_vec(request)?).await?;
        hear::<Answer<T>>(&mut stream, ANSWER_BYTES_MAX).await
    };
    match told.await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(Refused { code, text })) => {
            Err(AppError::Told { code: ErrorCode::parse(&code), text })
        }
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => Err(AppError::NotRunning),
            _ => Err(AppError::Closing),
        },
    }
}

async fn say(stream: &mut Stream, mut line: Vec<u8>) -> std::io::Result<()> {
    line.push(b'\n');
    stream.write_all(&line).await
}

async fn hear<T: DeserializeOwned>(stream: &mut Stream, max: u64) -> std::io::Result<T> {
    let mut line = String::new();
    BufReader::new(stream.take(max)).read_line(&mut line).await?;
    Ok(serde_json::from_str(&line)?)
}
