//! The commands of the recording editor. Its window may name its own recording only: the capability allows the
//! commands, and each of them compares the id with the window's label.

use std::path::PathBuf;

use snaplark_app::cuts::ExportChoice;
use snaplark_app::cuts::view::{CutEdit, CutFormat, CutView, KeptSpan};
use snaplark_app::{App, ErrorCode, RecordingId};
use snaplark_command_macro::command;
use tauri::{AppHandle, State, WebviewWindow};
use tauri_plugin_dialog::DialogExt as _;
use tokio::sync::oneshot;

use super::{Answer, CommandError, parsed};
use crate::cutter;
use crate::desktop_shell::DesktopController;
use crate::media_server::MediaServer;

/// Returns what the window shows of its recording.
#[command]
pub async fn cut_view(
    app: State<'_, App>,
    server: State<'_, MediaServer>,
    window: WebviewWindow,
    id: String,
) -> Answer<CutView> {
    let view = app.cuts().open(own(&window, &id)?).await?;
    let file = match server.address(&app, &id).await {
        Ok(address) => Some(address),
        Err(error) => {
            tracing::warn!(%error, "media server can't listen");
            None
        }
    };
    Ok(CutView { file, ..view })
}

/// Saves what was cut in place of the edit with the revision `replaces`, and returns its own revision.
#[command]
pub async fn save_cut(
    app: State<'_, App>,
    window: WebviewWindow,
    id: String,
    edit: CutEdit,
    replaces: u32,
) -> Answer<u32> {
    Ok(app.cuts().save(own(&window, &id)?, edit, Some(replaces)).await?)
}

/// Returns the waveform of some two minutes that begin with a piece of the media, in peaks of 50 ms.
#[command]
pub async fn cut_waveform(
    app: State<'_, App>,
    window: WebviewWindow,
    id: String,
    piece: u32,
) -> Answer<Vec<u8>> {
    Ok(app.cuts().waveform(own(&window, &id)?, piece as usize).await?)
}

/// Names the window's recording.
#[command]
pub async fn rename_cut(
    app: State<'_, App>,
    window: WebviewWindow,
    id: String,
    title: String,
) -> Answer {
    Ok(app.rename(own(&window, &id)?, title).await?)
}

/// Begins to export the window's recording as it is edited now: into the person's folder, or where they choose if they
/// are to be asked. The export is a job of the view. False if they chose no place.
#[command]
pub async fn export_cut(
    app: State<'_, App>,
    handle: AppHandle,
    window: WebviewWindow,
    id: String,
    choice: ExportChoice,
    ask: bool,
) -> Answer<bool> {
    let (recording, cuts) = (own(&window, &id)?, app.cuts());
    let mut file = cuts.proposed_file(recording, choice.format).await?;
    if ask {
        let Some(chosen) = ask_where(&handle, &file, choice.format).await else { return Ok(false) };
        file = chosen;
    }
    cuts.export(recording, choice, file).await?;
    Ok(true)
}

/// Makes a recording of its own out of the window's recording as it is edited now. Answers when it is in the library;
/// false if it was cancelled.
#[command]
pub async fn copy_cut(app: State<'_, App>, window: WebviewWindow, id: String) -> Answer<bool> {
    Ok(app.cuts().copy(own(&window, &id)?).await?.is_some())
}

/// Publishes the window's recording as it is edited now, behind the same link. Answers when it is rendered; it is
/// uploaded then. False if it was cancelled.
#[command]
pub async fn publish_cut(app: State<'_, App>, window: WebviewWindow, id: String) -> Answer<bool> {
    Ok(app.cuts().publish(own(&window, &id)?).await?)
}

/// Starts a recording that plays in the place of a stretch of the window's recording when it ends.
#[command]
pub async fn record_again(
    app: State<'_, App>,
    window: WebviewWindow,
    id: String,
    stretch: KeptSpan,
) -> Answer {
    let stretch = (stretch.start_ms, stretch.end_ms);
    app.cuts().record_again(own(&window, &id)?, stretch).await?;
    Ok(())
}

/// Estimates the size of an export in bytes.
#[command]
pub async fn cut_export_size(
    app: State<'_, App>,
    window: WebviewWindow,
    id: String,
    choice: ExportChoice,
) -> Answer<u64> {
    Ok(app.cuts().export_bytes(own(&window, &id)?, choice).await?)
}

/// Cancels an export of the window's recording.
#[command]
pub async fn cancel_cut_export(
    app: State<'_, App>,
    window: WebviewWindow,
    id: String,
    job: u64,
) -> Answer {
    let job = app.cuts().job(own(&window, &id)?, job).await?;
    Ok(app.cancel_job(job.id).await?)
}

/// Dismisses an export of the window's recording that has ended.
#[command]
pub async fn dismiss_cut_export(
    app: State<'_, App>,
    window: WebviewWindow,
    id: String,
    job: u64,
) -> Answer {
    let job = app.cuts().job(own(&window, &id)?, job).await?;
    Ok(app.dismiss_job(job.id).await?)
}

/// Shows the file of an export of the window's recording in the file manager.
#[command]
pub async fn show_cut_export(
    app: State<'_, App>,
    desktop: State<'_, DesktopController>,
    window: WebviewWindow,
    id: String,
    job: u64,
) -> Answer {
    let job = app.cuts().job(own(&window, &id)?, job).await?;
    Ok(desktop.show_job_file(&job).await?)
}

async fn ask_where(
    handle: &AppHandle,
    proposed: &std::path::Path,
    format: CutFormat,
) -> Option<PathBuf> {
    let dialog = handle.dialog().file();
    let dialog = match format.ending() {
        Some(ending) => dialog.add_filter(ending.to_uppercase(), &[ending]),
        None => dialog,
    };
    let name = proposed.file_name().and_then(|name| name.to_str());
    let dialog = match (proposed.parent(), name) {
        (Some(folder), Some(name)) => dialog.set_directory(folder).set_file_name(name),
        _ => dialog,
    };
    let (chosen, answer) = oneshot::channel();
    dialog.save_file(move |to| drop(chosen.send(to)));
    answer.await.ok().flatten().and_then(|to| to.into_path().ok())
}

/// Returns the recording with that id if it is the window's own.
fn own(window: &WebviewWindow, id: &str) -> Answer<RecordingId> {
    let recording: RecordingId = parsed(id)?;
    match is_own(window.label(), recording) {
        true => Ok(recording),
        false => Err(CommandError::new(ErrorCode::NotOffered, id)),
    }
}

fn is_own(label: &str, recording: RecordingId) -> bool {
    cutter::WINDOW.is_of(label, &recording.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_names_its_own_recording_only() {
        let [own, other] = [1, 2].map(|n| RecordingId(uuid::Uuid::from_u128(n)));
        assert!(is_own(&cutter::WINDOW.label(own), own));
        assert!(!is_own(&cutter::WINDOW.label(own), other));
        assert!(!is_own("library", own));
        assert!(!is_own("cutter-", own));
    }
}
