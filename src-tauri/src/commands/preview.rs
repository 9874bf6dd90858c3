//! The last minutes, looked at before they are shared: what asks for them, and what their window asks.

use snaplark_app::App;
use snaplark_app::control::{self, Order};
use snaplark_app::view::PreviewView;
use tauri::{AppHandle, State};

use super::{Answer, CommandError, on_main, parsed};
use crate::pages;

/// Shows the last minutes, or shares them at once where the person has chosen so.
#[tauri::command]
pub async fn share_last(app: State<'_, App>, handle: AppHandle) -> Answer {
    if app.settings().await?.recording.share_at_once {
        control::obey(&app, Order::ShareLast { seconds: None }).await?;
    } else {
        app.preview_last().await?;
        pages::show(&handle, &pages::PREVIEW);
    }
    Ok(())
}

/// `None`: it is shared or discarded.
#[tauri::command]
pub async fn preview(app: State<'_, App>) -> Answer<Option<PreviewView>> {
    Ok(app.preview().await?)
}

/// The pieces from `start` up to `end`, by their places in the preview's media. The window goes when
/// they are a recording; on an error it stays, and so do they.
#[tauri::command]
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

/// `None`: it is gone already, and so goes the window.
#[tauri::command]
pub async fn discard_preview(app: State<'_, App>, handle: AppHandle, id: Option<String>) -> Answer {
    if let Some(id) = id {
        app.discard_preview(parsed(&id)?).await?;
    }
    close(&handle).await
}

async fn close(handle: &AppHandle) -> Answer {
    let closed = on_main(handle, pages::close_preview).await?;
    closed.map_err(|error| CommandError::new("no-window", error))
}
