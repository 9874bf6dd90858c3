//! Quitting the program. It asks the person first if a recording or an upload is unfinished, and closes a
//! running recording properly.

use std::sync::atomic::{AtomicBool, Ordering};

use snaplark_app::App;
use snaplark_app::desktop::Unfinished;
use tauri::{AppHandle, Manager, async_runtime};
#[cfg(not(target_os = "linux"))]
use tauri_plugin_dialog::{DialogExt as _, MessageDialogButtons};

#[cfg(target_os = "linux")]
use crate::commands::on_main;
use crate::program::DesktopProgram;
use crate::words::Word;
#[cfg(not(target_os = "linux"))]
use crate::words::word;
use crate::{pages, window_state};

/// Quits on the person's request. Asks first if something is being recorded or is not uploaded. The end of
/// the session quits without asking, since nobody may be there.
pub fn ask(handle: &AppHandle) {
    let handle = handle.clone();
    async_runtime::spawn(async move {
        let Some(words) = words_now(&handle).await else { return quit(&handle) };
        if handle.state::<QuitState>().asks.swap(true, Ordering::SeqCst) {
            return;
        }
        show_question(&handle, words).await;
    });
}

/// Returns the question about what is unfinished now, or `None` if nothing is.
async fn words_now(handle: &AppHandle) -> Option<Word> {
    match handle.state::<App>().snapshot().await {
        Ok(snapshot) => words_for(Unfinished::of(&snapshot)),
        // The app is closing already.
        Err(_) => None,
    }
}

fn words_for(unfinished: Unfinished) -> Option<Word> {
    match unfinished {
        Unfinished::Nothing => None,
        Unfinished::Uploads => Some(Word::QUIT_UNSENT),
        Unfinished::Exports => Some(Word::QUIT_EXPORTING),
        Unfinished::Recording => Some(Word::QUIT_RECORDING),
    }
}

fn answered(handle: &AppHandle, quits: bool) {
    handle.state::<QuitState>().asks.store(false, Ordering::SeqCst);
    if quits {
        quit(handle);
    }
}

/// A dialog of our own, since those of the plugin can't be changed while they are shown, and this one is
/// kept up to date.
#[cfg(target_os = "linux")]
async fn show_question(handle: &AppHandle, mut words: Word) {
    let shown = handle.clone();
    if on_main(handle, move |_| dialog::show(&shown, words)).await.is_err() {
        return answered(handle, false);
    }
    let mut changes = handle.state::<App>().changes();
    while changes.changed().await.is_ok() && handle.state::<QuitState>().asks.load(Ordering::SeqCst)
    {
        // A question that is shown stays until it is answered, even if everything is done by then.
        let now = words_now(handle).await.unwrap_or(Word::QUIT_NOTHING);
        if now != words && on_main(handle, move |_| dialog::say(now)).await.is_ok() {
            words = now;
        }
    }
}

#[cfg(not(target_os = "linux"))]
async fn show_question(handle: &AppHandle, words: Word) {
    let answers = MessageDialogButtons::OkCancelCustom(
        word(Word::TRAY_QUIT).into(),
        word(Word::QUIT_NOT).into(),
    );
    let question =
        handle.dialog().message(word(words)).title(word(Word::QUIT_TITLE)).buttons(answers);
    let asked = handle.clone();
    question.show(move |quits| answered(&asked, quits));
}

/// The question's dialog, on the main thread.
#[cfg(target_os = "linux")]
mod dialog {
    use std::cell::RefCell;

    use gtk::prelude::*;
    use gtk::{ButtonsType, DialogFlags, MessageDialog, MessageType, ResponseType};
    use tauri::AppHandle;

    use super::answered;
    use crate::words::{Word, word};

    thread_local! {
        static QUESTION: RefCell<Option<MessageDialog>> = const { RefCell::new(None) };
    }

    pub fn show(handle: &AppHandle, words: Word) {
        let parent = None::<&gtk::Window>;
        let (flags, kind) = (DialogFlags::empty(), MessageType::Question);
        let question =
            MessageDialog::new(parent, flags, kind, ButtonsType::None, word(Word::QUIT_TITLE));
        question.set_title(word(Word::QUIT_TITLE));
        question.set_secondary_text(Some(word(words)));
        question.add_button(word(Word::QUIT_NOT), ResponseType::Cancel);
        question.add_button(word(Word::TRAY_QUIT), ResponseType::Accept);
        question.set_default_response(ResponseType::Accept);
        let asked = handle.clone();
        question.connect_response(move |question, response| {
            QUESTION.with_borrow_mut(Option::take);
            question.close();
            answered(&asked, response == ResponseType::Accept);
        });
        question.show_all();
        question.present();
        QUESTION.set(Some(question));
    }

    pub fn say(words: Word) {
        QUESTION.with_borrow(|question| {
            if let Some(question) = question {
                question.set_secondary_text(Some(word(words)));
            }
        });
    }
}

#[derive(Default)]
pub struct QuitState {
    closes: AtomicBool,
    asks: AtomicBool,
}

/// Closes everything, then ends the program. A second call does nothing.
pub fn quit(handle: &AppHandle) {
    end(handle, |handle| handle.exit(0));
}

/// Closes everything, then ends the program with the exit code of a failure.
pub fn fail(handle: &AppHandle) {
    end(handle, |handle| handle.exit(1));
}

/// Closes everything and starts again, because another version was installed.
pub fn restart(handle: &AppHandle) {
    end(handle, |handle| handle.restart());
}

fn end(handle: &AppHandle, ends: impl FnOnce(&AppHandle) + Send + 'static) {
    if handle.state::<QuitState>().closes.swap(true, Ordering::SeqCst) {
        return;
    }
    let handle = handle.clone();
    async_runtime::spawn(async move {
        window_state::store_all(&handle, &pages::KEPT).await;
        for window in handle.webview_windows().values() {
            // The program ends even if hiding a window fails.
            let _ = window.hide();
        }
        if let Some(program) = handle.try_state::<DesktopProgram>() {
            program.close().await;
        }
        ends(&handle);
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
