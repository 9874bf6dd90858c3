//! The controller's [`Shell`] made of Tauri: windows, tray, clipboard, dialogs and keys. It carries out and
//! decides nothing.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use snaplark_app::desktop::bar::Bar;
use snaplark_app::desktop::chooser::ChooserContent;
use snaplark_app::desktop::place::{CapturedPart, Display};
use snaplark_app::desktop::tray::TrayState;
use snaplark_app::desktop::{Controller, DesktopWindow, Shell, SignInView};
use snaplark_app::pictures::clipboard;
use snaplark_app::view::RecorderView;
use snaplark_app::{
    Action, App, AppError, DesktopSettings, ErrorCode, ItemId, RecordingId, Shortcut, Source, Way,
};
use tauri::{AppHandle, Manager, async_runtime};
use tauri_plugin_clipboard_manager::ClipboardExt as _;
use tauri_plugin_dialog::{DialogExt as _, MessageDialogKind};
use tokio::sync::oneshot;

use crate::captured_area::AvoidedArea;
use crate::events::UiEvent;
use crate::program::DesktopProgram;
use crate::shortcut::{BindingState, Shortcuts};
use crate::tray::Tray;
use crate::words::{Word, word};
use crate::{
    bar, captured_area, chooser, cutter, devices, editor, pages, quick, quiet, quit, shell,
    shortcut, stills, toast,
};

/// The controller of this program, which Tauri manages.
pub type DesktopController = Controller<TauriShell>;

pub struct TauriShell {
    handle: AppHandle,
}

impl TauriShell {
    pub fn new(handle: AppHandle) -> Self {
        TauriShell { handle }
    }

    /// Runs a function on the main thread, and returns when it is done.
    async fn on_main(
        &self,
        act: impl FnOnce(&AppHandle) -> tauri::Result<()> + Send + 'static,
    ) -> Result<(), AppError> {
        let (reply, answer) = oneshot::channel();
        let there = self.handle.clone();
        let asked = self.handle.run_on_main_thread(move || drop(reply.send(act(&there))));
        asked.map_err(|_| AppError::Closing)?;
        let done = answer.await.map_err(|_| AppError::Closing)?;
        done.map_err(|error| AppError::told(ErrorCode::NoWindow, error))
    }

    /// Runs a function on the main thread later. An error is logged.
    fn later(
        &self,
        what: &'static str,
        act: impl FnOnce(&AppHandle) -> tauri::Result<()> + Send + 'static,
    ) {
        let there = self.handle.clone();
        let asked = self.handle.run_on_main_thread(move || {
            if let Err(error) = act(&there) {
                tracing::warn!(%error, what, "Desktop request failed");
            }
        });
        if let Err(error) = asked {
            tracing::warn!(%error, what, "Desktop request failed");
        }
    }

    fn on_tray(
        &self,
        act: impl FnOnce(&mut Tray, &AppHandle) -> tauri::Result<()> + Send + 'static,
    ) {
        self.later("tray", move |handle| match handle.try_state::<Mutex<Tray>>() {
            Some(tray) => act(&mut tray.lock().unwrap_or_else(PoisonError::into_inner), handle),
            None => Ok(()),
        });
    }
}

impl Shell for TauriShell {
    async fn open_window(&self, page: DesktopWindow) -> Result<(), AppError> {
        let (page, at) = match page {
            DesktopWindow::Library => (&pages::LIBRARY, None),
            DesktopWindow::LibraryAt(id) => (&pages::LIBRARY, Some(id.to_string())),
            DesktopWindow::Settings => (&pages::SETTINGS, None),
            DesktopWindow::Account => (&pages::SETTINGS, Some("account".to_owned())),
            DesktopWindow::Preview => (&pages::PREVIEW, None),
            DesktopWindow::Welcome => (&pages::WELCOME, None),
        };
        self.on_main(move |handle| pages::open_at(handle, page, at.as_deref())).await
    }

    fn are_toasts_shown(&self) -> bool {
        toast::is_shown(&self.handle)
    }

    async fn is_quiet(&self) -> bool {
        async_runtime::spawn_blocking(quiet::is_on).await.unwrap_or(false)
    }

    async fn toggle_quick_menu(&self) -> Result<(), AppError> {
        self.on_main(quick::toggle).await
    }

    async fn show_bar(&self, shown: bool) -> Result<(), AppError> {
        self.on_main(if shown { bar::show } else { bar::hide }).await
    }

    fn with_bar<T>(&self, act: impl FnOnce(&mut Bar) -> T) -> T {
        self.handle.state::<bar::RecorderBar>().with(act)
    }

    fn draw_bar(&self) {
        self.later("bar", bar::draw);
    }

    fn part_to_avoid(&self) -> Option<CapturedPart> {
        self.handle.state::<AvoidedArea>().now().to_avoid()
    }

    async fn displays_for(&self, source: &Source) -> Vec<Display> {
        captured_area::displays_for(&self.handle, source).await
    }

    fn keys_to_stop(&self) -> Option<String> {
        let bound = self.handle.try_state::<Shortcuts>()?.of(Shortcut::Record);
        (bound.state == BindingState::Works).then_some(bound.keys)
    }

    fn desktop_asks(&self) -> bool {
        stills::desktop_asks(&self.handle)
    }

    fn chooser_content(&self) -> Option<Arc<ChooserContent>> {
        chooser::content(&self.handle)
    }

    async fn open_chooser(&self, content: ChooserContent) -> Result<(), AppError> {
        let opened = chooser::open(&self.handle, content).await;
        opened.map_err(|error| AppError::told(ErrorCode::NoWindow, error))
    }

    async fn close_chooser(&self) {
        if let Err(error) = chooser::close(&self.handle) {
            tracing::warn!(%error, "the chooser can't be closed");
        }
    }

    async fn display_with_pointer(&self) -> Option<u32> {
        chooser::display_with_pointer(&self.handle).await
    }

    async fn hide_for_still(&self) -> bool {
        captured_area::hide_for_still(&self.handle).await
    }

    fn show_after_still(&self) {
        captured_area::show_after_still(&self.handle);
    }

    fn show_countdown(&self, until_unix_ms: Option<i64>) {
        bar::count_down(&self.handle, until_unix_ms);
    }

    fn play_shutter(&self) {
        let devices = devices::of(&self.handle);
        async_runtime::spawn_blocking(move || {
            if let Err(error) = devices.play_shutter() {
                tracing::debug!(%error, "Shutter sound not played");
            }
        });
    }

    async fn prepare_editor(&self, item: ItemId) {
        self.later("prepared editor", move |handle| editor::prepare(handle, item));
    }

    async fn discard_editor(&self, item: ItemId) {
        self.later("prepared editor", move |handle| editor::discard(handle, item));
    }

    async fn open_editor(&self, item: ItemId) -> Result<(), AppError> {
        self.on_main(move |handle| editor::open(handle, item)).await
    }

    async fn open_cutter(&self, recording: RecordingId) -> Result<(), AppError> {
        self.on_main(move |handle| cutter::open(handle, recording)).await
    }

    async fn copy_picture(&self, png: Vec<u8>) -> Result<(), AppError> {
        clipboard::copy(png).await
    }

    fn copy(&self, text: String) -> Result<(), AppError> {
        let copied = self.handle.clipboard().write_text(text);
        copied.map_err(|error| AppError::told(ErrorCode::NoClipboard, error))
    }

    async fn open_address(&self, address: String) -> Result<(), AppError> {
        let open = move || tauri_plugin_opener::open_url(address, None::<&str>);
        opened(ErrorCode::NoBrowser, open).await
    }

    async fn show_file(&self, file: PathBuf) -> Result<(), AppError> {
        let open = move || tauri_plugin_opener::reveal_item_in_dir(file);
        opened(ErrorCode::NoFileManager, open).await
    }

    async fn ask_where(&self, file: PathBuf) -> Option<PathBuf> {
        let dialog = self.handle.dialog().file().set_title(word(Word::ASK_WHERE_TITLE));
        let dialog = dialog.add_filter("WebM", &["webm"]);
        let dialog = match (file.parent(), file.file_name().and_then(|name| name.to_str())) {
            (Some(folder), Some(name)) => dialog.set_directory(folder).set_file_name(name),
            _ => dialog,
        };
        let (chosen, answer) = oneshot::channel();
        dialog.save_file(move |to| drop(chosen.send(to)));
        answer.await.ok().flatten().and_then(|to| to.into_path().ok())
    }

    async fn ask_files(&self) -> Vec<PathBuf> {
        const ENDINGS: [&str; 12] =
            ["mp4", "m4v", "mov", "webm", "mkv", "png", "jpg", "jpeg", "webp", "gif", "apng", "qt"];
        let dialog = self.handle.dialog().file().set_title(word(Word::UPLOAD_FILE_TITLE));
        // Names prove nothing, so every file can be chosen.
        let dialog = dialog
            .add_filter(word(Word::UPLOAD_FILE_KINDS), &ENDINGS)
            .add_filter(word(Word::UPLOAD_FILE_ALL), &["*"]);
        let (chosen, answer) = oneshot::channel();
        dialog.pick_files(move |files| drop(chosen.send(files)));
        let files = answer.await.ok().flatten().unwrap_or_default();
        files.into_iter().filter_map(|file| file.into_path().ok()).collect()
    }

    fn warn(&self, error: AppError) {
        let message = self.handle.dialog().message(error.to_string());
        message.kind(MessageDialogKind::Warning).show(|_| {});
    }

    fn show_tray(&self, state: TrayState) {
        self.on_tray(move |tray, handle| tray.show(handle, state));
    }

    fn show_time(&self, time: Option<String>) {
        self.on_tray(move |tray, _| tray.show_time(time.as_deref()));
    }

    fn announce_change(&self, change: u64) {
        if let Err(error) = UiEvent::Changed(change).send(&self.handle) {
            tracing::warn!(%error, "windows can't be told of a change");
        }
    }

    fn show_sign_in(&self, view: SignInView) {
        if let Err(error) = UiEvent::SignIn(view).send(&self.handle) {
            tracing::warn!(%error, "windows can't be told of the sign-in");
        }
    }

    async fn recorder_changed(&self, recorder: &RecorderView, change: u64) {
        let app = self.handle.state::<App>().inner().clone();
        captured_area::follow(&self.handle, &app, recorder, change).await;
    }

    fn activate_keys(&self, records: bool, keeps: bool) {
        self.later("keys", move |handle| {
            shortcut::follow(handle, records, keeps);
            Ok(())
        });
    }

    fn settings_changed(&self, before: DesktopSettings, now: DesktopSettings) {
        self.later("settings", move |handle| {
            if now.theme != before.theme {
                shell::show_theme(handle, now.theme);
            }
            shell::show_language(handle, now.language);
            if let Err(keys) = shortcut::rebind(handle, &now.shortcuts) {
                tracing::warn!(keys, "a shortcut can't be had");
            }
            Ok(())
        });
    }

    async fn signed_out(&self) {
        self.handle.state::<DesktopProgram>().upload_here().await;
    }

    fn quit(&self) {
        quit::ask(&self.handle);
    }
}

/// Asks the controller for an action, from the tray or by keys. An error is logged; the app shows a failed
/// start as a notification.
pub fn ask(handle: &AppHandle, action: Action, way: Way) {
    let handle = handle.clone();
    async_runtime::spawn(async move {
        if let Err(error) = handle.state::<DesktopController>().ask(action, way).await {
            tracing::warn!(%error, %action, ?way, "Action failed");
        }
    });
}

/// Opens something with another program on a blocking thread, since browsers and file managers take time to
/// start.
pub async fn opened(
    code: ErrorCode,
    open: impl FnOnce() -> Result<(), tauri_plugin_opener::Error> + Send + 'static,
) -> Result<(), AppError> {
    let done = async_runtime::spawn_blocking(open).await;
    done.map_err(|error| AppError::told(code, error))?.map_err(|error| AppError::told(code, error))
}
