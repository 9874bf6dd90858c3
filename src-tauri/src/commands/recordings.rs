//! The commands for recordings in the library: list, play, rename, delete, upload.

use std::path::PathBuf;

use serde::Serialize;
use snaplark_app::desktop::Shell as _;
use snaplark_app::view::{MediaView, RecordingView, Snapshot};
use snaplark_app::{App, AppError, ErrorCode, RecordingId};
use snaplark_command_macro::command;
use tauri::{AppHandle, State, WebviewWindow, async_runtime};
use ts_rs::TS;

use super::{Answer, CommandError, on_main, parsed};
use crate::captured_area::AvoidedArea;
use crate::desktop_shell::DesktopController;
use crate::media_server::MediaServer;
use crate::{platform, toast};

#[command]
pub async fn snapshot(
    app: State<'_, App>,
    recorded: State<'_, AvoidedArea>,
    window: WebviewWindow,
    since: u64,
) -> Answer<Snapshot> {
    let mut snapshot = app.snapshot_since(since).await?;
    // Toasts that were held back come with the first snapshot after the recording, and stay as long as
    // usual.
    if window.label() == toast::LABEL && recorded.now().holds_toasts(&snapshot.recorder) {
        snapshot.toasts.clear();
    }
    Ok(snapshot)
}

/// Describes a recording to a player before it reads.
#[derive(Clone, Debug, Serialize, TS)]
#[ts(export)]
pub struct Playable {
    #[serde(flatten)]
    view: MediaView,
    /// The address at which the sealed segments are served as one file. `None`: the loopback server can't
    /// listen, and only the pieces of the media's own scheme are available.
    file: Option<String>,
}

#[command]
pub async fn media(
    app: State<'_, App>,
    server: State<'_, MediaServer>,
    id: String,
) -> Answer<Playable> {
    let media = app.media(parsed(&id)?).await?;
    let view = async_runtime::spawn_blocking(move || media.view()).await;
    let view = view.map_err(|_| AppError::Closing)??;
    let file = match server.address(&app, &id).await {
        Ok(address) => Some(address),
        Err(error) => {
            tracing::warn!(%error, "media server can't listen");
            None
        }
    };
    Ok(Playable { view, file })
}

#[command]
pub async fn rename(app: State<'_, App>, id: String, title: String) -> Answer {
    Ok(app.rename(parsed(&id)?, title).await?)
}

#[command]
pub async fn delete_recordings(app: State<'_, App>, ids: Vec<String>) -> Answer {
    let ids: Vec<RecordingId> = ids.iter().map(|id| parsed(id)).collect::<Answer<_>>()?;
    Ok(app.delete_undoably(ids).await?)
}

#[command]
pub async fn undo_delete(app: State<'_, App>) -> Answer {
    Ok(app.undo_delete().await?)
}

/// Notes that the person has read that the list of recordings was rebuilt.
#[command]
pub async fn dismiss_rebuilt(app: State<'_, App>) -> Answer {
    Ok(app.dismiss_rebuilt().await?)
}

/// More would turn the menu into a list, and the library is one line below.
const RECENTS_MAX: usize = 3;

/// Returns the newest recordings that have links, for a menu.
#[command]
pub async fn recents(app: State<'_, App>) -> Answer<Vec<RecordingView>> {
    let recordings = app.snapshot().await?.recordings.into_iter();
    Ok(recordings.filter(|recording| recording.link.is_some()).take(RECENTS_MAX).collect())
}

/// Copies the links of several recordings, one on each line.
#[command]
pub async fn copy_links(
    app: State<'_, App>,
    desktop: State<'_, DesktopController>,
    ids: Vec<String>,
) -> Answer {
    let snapshot = app.snapshot().await?;
    let recording =
        |id: &String| snapshot.recordings.iter().find(|one| one.id == *id)?.link.as_deref();
    let picture = |id: &String| snapshot.pictures.iter().find(|one| one.id == *id)?.link.as_deref();
    let links: Vec<&str> =
        ids.iter().filter_map(|id| recording(id).or_else(|| picture(id))).collect();
    Ok(desktop.shell().copy(links.join("\n"))?)
}

/// Starts dragging the files of recordings, when the page has noticed a drag. The files go where the person
/// drops them.
#[command]
pub async fn drag_files(
    app: State<'_, App>,
    handle: AppHandle,
    window: WebviewWindow,
    ids: Vec<String>,
) -> Answer {
    let recordings = app.snapshot().await?.recordings.into_iter();
    let wanted = recordings.filter(|recording| ids.contains(&recording.id));
    let files: Vec<PathBuf> =
        wanted.filter_map(|it| it.file).map(PathBuf::from).filter(|file| file.is_file()).collect();
    if files.is_empty() {
        return Err(CommandError::new(ErrorCode::NoFile, ids.join(", ")));
    }
    on_main(&handle, move |_| platform::drag_files(&window, &files))
        .await?
        .map_err(|error| CommandError::new(ErrorCode::NoDrag, error))
}

#[command]
pub async fn pause_upload(app: State<'_, App>, id: String) -> Answer {
    Ok(app.pause_upload(parsed(&id)?).await?)
}

#[command]
pub async fn resume_upload(app: State<'_, App>, id: String) -> Answer {
    Ok(app.resume_upload(parsed(&id)?).await?)
}
