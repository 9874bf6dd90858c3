//! The program's end: asked about where something would be lost to the person's sight, and a running
//! recording closed properly first.

use std::sync::atomic::{AtomicBool, Ordering};

use snaplark_app::App;
use snaplark_app::view::RecorderView;
use tauri::{AppHandle, Manager, async_runtime};
use tauri_plugin_dialog::{DialogExt as _, MessageDialogButtons};

use crate::program::Program;
use crate::words::word;
use crate::{left, pages};

/// From a person: what is recorded or unsent is said first. What comes from the system isn't asked
/// about, since nobody may be there.
pub fn ask(handle: &AppHandle) {
    let handle = handle.clone();
    async_runtime::spawn(async move {
        let words = match handle.state::<App>().snapshot().await {
            Ok(snapshot) if !matches!(snapshot.recorder, RecorderView::Idle) => {
                Some(word("quit_recording"))
            }
            Ok(snapshot) if snapshot.has_unsent() => Some(word("quit_unsent")),
            Ok(_) | Err(_) => None,
        };
        let Some(words) = words else { return quit(&handle) };
        if handle.state::<Closing>().asks.swap(true, Ordering::SeqCst) {
            return;
        }
        let answers =
            MessageDialogButtons::OkCancelCustom(word("tray_quit").into(), word("quit_not").into());
        let question = handle.dialog().message(words).title(word("quit_title")).buttons(answers);
        let asked = handle.clone();
        question.show(move |quits| {
            asked.state::<Closing>().asks.store(false, Ordering::SeqCst);
            if quits {
                quit(&asked);
            }
        });
    });
}

#[derive(Default)]
pub struct Closing {
    closes: AtomicBool,
    asks: AtomicBool,
}

/// Closes what runs, then ends. A second call changes nothing.
pub fn quit(handle: &AppHandle) {
    end(handle, false);
}

/// The same, and begins anew: another version is in its place.
pub fn restart(handle: &AppHandle) {
    end(handle, true);
}

fn end(handle: &AppHandle, starts_again: bool) {
    if handle.state::<Closing>().closes.swap(true, Ordering::SeqCst) {
        return;
    }
    let handle = handle.clone();
    async_runtime::spawn(async move {
        left::remember_all(&handle, &pages::KEPT).await;
        for window in handle.webview_windows().values() {
            // It ends either way.
            let _ = window.hide();
        }
        if let Some(program) = handle.try_state::<Program>() {
            program.close().await;
        }
        match starts_again {
            true => handle.restart(),
            false => handle.exit(0),
        }
    });
}

#[cfg(unix)]
pub async fn when_told(handle: AppHandle) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::warn!("signals can't be heard; quit from the tray");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    quit(&handle);
}

#[cfg(not(unix))]
pub async fn when_told(handle: AppHandle) {
    if tokio::signal::ctrl_c().await.is_ok() {
        quit(&handle);
    }
}
