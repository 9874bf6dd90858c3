//! The commands of the preview window.

use snaplark_app::view::PreviewView;
use snaplark_app::{App, ErrorCode};
use snaplark_command_macro::command;
use tauri::{AppHandle, State};

use super::{Answer, CommandError, on_main, parsed};
use crate::pages;

/// Returns `None` if the preview was shared or discarded.
#[command]
pub async fn preview(app: State<'_, App>) -> Answer<Option<PreviewView>> {
    Ok(app.preview().await?)
}

/// Shares the pieces from `start` up to `end`, by index in the preview's media. Closes the window when they
/// have become a recording. On an error, window and preview stay.
#[command]
pub async fn share_preview(
    app: State<'_, App>,
    handle: AppHandle,
    id: String,
    start: usize,
    end: usize,
) -> Answer {
    app.share_preview(parsed(&id)?, start..end).await?;
    close(&handle).await
}

/// Discards the preview and closes its window. `None`: the preview is gone already.
#[command]
pub async fn discard_preview(app: State<'_, App>, handle: AppHandle, id: Option<String>) -> Answer {
    if let Some(id) = id {
        app.discard_preview(parsed(&id)?).await?;
    }
    close(&handle).await
}

async fn close(handle: &AppHandle) -> Answer {
    let closed = on_main(handle, pages::close_preview).await?;
    closed.map_err(|error| CommandError::new(ErrorCode::NoWindow, error))
}
