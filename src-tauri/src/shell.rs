//! The shell's main module: opens the program, creates windows, tray and shortcuts, and carries out their
//! actions. `following` shows the results; `quit` ends the program.
//!
//! GTK's main thread owns windows and tray. Tasks call the app; nothing here waits for it on the main
//! thread.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::Context as _;
use snaplark_app::control::{self, Order};
use snaplark_app::{App, DesktopSettings, Language, Notice, RecordingId, SettingsChange, Theme};
use tauri::{AppHandle, Emitter, Manager, RunEvent, async_runtime};
use tauri_plugin_dialog::{DialogExt as _, MessageDialogKind};
use tokio::sync::{mpsc, oneshot};

use crate::deep_link::{self, Wish};
use crate::left::Places;
use crate::program::{self, Program};
use crate::recorded::Recorded;
use crate::sign_in::SigningIn;
use crate::toast::ToastPlace;
use crate::tray::Tray;
use crate::updates::Updates;
use crate::words::{self, word};
use crate::{
    HIDDEN_FLAG, about, bar, camera, chooser, commands, following, media, media_server, meter,
    navigation, pages, platform, quick, quiet, quit, shortcut, toast, tray, updates,
};

/// The event for a changed language, with its tag as the payload.
const LANGUAGE: &str = "language";
/// The event with sound levels, for windows that show them.
pub const LEVELS: &str = "levels";
/// Windows are created after this time, since they keep the main thread busy while the panel asks it for
/// the icon and its menu.
const TRAY_FIRST: Duration = Duration::from_millis(300);

/// Runs the shell. `wish` is the link with which the program was started.
pub fn run(hidden: bool, wish: Option<Wish>) -> anyhow::Result<()> {
    let app = tauri::Builder::default()
        // The first plugin: a second start ends in it, before it touches anything.
        .plugin(program::single_instance(|app, arguments| {
            if shortcut::obey(app, arguments) {
                return;
            }
            let wish = deep_link::wish(arguments.iter().map(String::as_str));
            deep_link::show(app, wish.unwrap_or(Wish::Library));
        }))
        .plugin(navigation::plugin())
        .plugin(updates::plugin())
        .plugin(tauri_plugin_clipboard_manager::init())
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_autostart::Builder::new().arg(HIDDEN_FLAG).build())
        .manage(ToastPlace::default())
        .manage(bar::Bar::default())
        .manage(Recorded::default())
        .manage(quick::Quick::default())
        .manage(chooser::Chooser::default())
        .manage(SigningIn::default())
        .manage(meter::Meters::default())
        .manage(camera::Preview::default())
        .manage(Updates::default())
        .manage(media_server::MediaServer::default())
        .manage(quit::Closing::default())
        .register_asynchronous_uri_scheme_protocol(media::SCHEME, media::serve)
        .register_uri_scheme_protocol(chooser::SCHEME, |context, request| {
            chooser::serve(context.app_handle(), context.webview_label(), &request)
        })
        .invoke_handler(tauri::generate_handler![
            commands::snapshot,
            commands::desktop,
            commands::media,
            commands::start_recording,
            commands::preview::share_last,
            commands::preview::preview,
            commands::preview::share_preview,
            commands::preview::discard_preview,
            commands::stop_recording,
            commands::recorder::pause_recording,
            commands::recorder::mute_microphone,
            commands::recorder::switch_webcam,
            commands::recorder::switch_microphone,
            commands::recorder::hear_microphone,
            commands::recorder::cancel_recording,
            commands::recorder::restart_recording,
            commands::recorder::record_here,
            commands::recorder::fit_bar,
            commands::recorder::drag_bar,
            commands::recorder::hide_bar,
            commands::recorder::show_bar,
            commands::recorder::fit_quick,
            commands::recorder::close_quick,
            commands::recorder::open_chooser,
            commands::recorder::chooser,
            commands::recorder::show_chooser,
            commands::recorder::close_chooser,
            commands::recorder::pass_chooser,
            commands::recorder::choose,
            commands::recorder::meter_microphone,
            commands::retry,
            commands::rename,
            commands::delete_recordings,
            commands::undo_delete,
            commands::dismiss_rebuilt,
            commands::copy_link,
            commands::copy_links,
            commands::recents,
            commands::open_link,
            commands::reveal_file,
            commands::drag_files,
            commands::open_library,
            commands::dismiss_toast,
            commands::fit_toasts,
            commands::pause_upload,
            commands::resume_upload,
            commands::sign_in,
            commands::sign_in_state,
            commands::sign_in_with_token,
            commands::leave_sign_in,
            commands::sign_out,
            commands::start_cloud,
            commands::open_account,
            commands::share_on_local_network,
            commands::open_settings,
            commands::settings,
            commands::change_settings,
            commands::hold_shortcuts,
            commands::ask_for_shortcuts,
            commands::microphones,
            commands::cameras,
            camera::camera_picture,
            camera::close_camera,
            commands::choose_save_folder,
            commands::starts_at_login,
            commands::set_starts_at_login,
            commands::leave_welcome,
            updates::update_state,
            updates::look_for_update,
            updates::fetch_update,
            updates::install_update,
            about::about,
            about::works_here,
            about::test_connection,
            about::set_profile,
            about::copy_diagnostics,
            about::open_logs,
            about::last_crash,
            about::forget_crash,
        ])
        .build(tauri::generate_context!())
        .context("Snaplark's windows can't be made")?;

    let (notices, noticed) = mpsc::unbounded_channel();
    let program = async_runtime::block_on(Program::open(app.handle(), notices))?;
    let settings = async_runtime::block_on(program.app.settings())?;
    app.manage(async_runtime::block_on(Places::recall(&program.app, &pages::KEPT)));
    app.manage(program.app.clone());
    let mut start = Some((program.app.clone(), settings.desktop, noticed));
    app.manage(program);

    app.run(move |handle, event| match event {
        RunEvent::Ready => {
            let Some((app, desktop, noticed)) = start.take() else { return };
            if let Err(error) = begin(handle, &app, desktop, noticed, hidden, wish) {
                tracing::error!(%error, "Snaplark's windows can't be made");
                quit::quit(handle);
            }
        }
        // The last window is gone, but the tray isn't. Only `quit` ends the program.
        RunEvent::ExitRequested { code: None, api, .. } => api.prevent_exit(),
        _ => {}
    });
    Ok(())
}

/// Starts everything. Runs on the main thread, once the event loop is running.
fn begin(
    handle: &AppHandle,
    app: &App,
    desktop: DesktopSettings,
    noticed: mpsc::UnboundedReceiver<Notice>,
    hidden: bool,
    wish: Option<Wish>,
) -> tauri::Result<()> {
    words::speak(desktop.language);
    show_theme(handle, desktop.theme);
    shortcut::register(handle, &desktop.shortcuts);
    match Tray::create(handle) {
        Ok(tray) => {
            handle.manage(Mutex::new(tray));
        }
        Err(error) => tracing::warn!(%error, "there is no tray here; the library stays at hand"),
    }
    if !hidden {
        match desktop.welcomed {
            true => deep_link::show(handle, wish.unwrap_or(Wish::Library)),
            false => pages::open(handle, &pages::WELCOME)?,
        }
        async_runtime::spawn(note_welcomed(app.clone()));
    }
    following::begin(handle, app);
    async_runtime::spawn(offer_preview(handle.clone(), app.clone()));
    async_runtime::spawn(carry_out(handle.clone(), app.clone(), noticed));
    async_runtime::spawn(updates::watch(handle.clone(), app.clone()));
    async_runtime::spawn(quit::when_told(handle.clone()));
    async_runtime::spawn(warm(handle.clone(), desktop.show_bar));
    Ok(())
}

/// Creates ahead of time what would otherwise have to be waited for. One thing after the other, so that the
/// main thread has time in between.
async fn warm(handle: AppHandle, bar: bool) {
    tokio::time::sleep(TRAY_FIRST).await;
    let windows = [Some(toast::create as Make), bar.then_some(bar::create), Some(chooser::warm)];
    for make in windows.into_iter().flatten() {
        match commands::on_main(&handle, make).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a window will be made when it is wanted"),
            Err(_) => return,
        }
    }
    let warmed = async_runtime::spawn_blocking(|| {
        // The first toast asks the desktop this, and the first answer is slow.
        quiet::is_on();
        snaplark_capture::warm()
    });
    if let Ok(Err(error)) = warmed.await {
        tracing::info!(%error, "there is no recording here yet");
    }
}

type Make = fn(&AppHandle) -> tauri::Result<()>;

/// Notes that the welcome window was shown, even if it was only closed.
async fn note_welcomed(app: App) {
    let noted = SettingsChange::of(&["desktop", "welcomed"], true);
    if let Err(error) = app.change_settings(noted).await {
        tracing::warn!(%error, "the welcome will be shown again");
    }
}

async fn carry_out(handle: AppHandle, app: App, mut noticed: mpsc::UnboundedReceiver<Notice>) {
    while let Some(notice) = noticed.recv().await {
        match notice {
            Notice::AskWhere { recording, file } => {
                async_runtime::spawn(ask_where(handle.clone(), app.clone(), recording, file));
            }
            Notice::SignedOut => {
                let handle = handle.clone();
                async_runtime::spawn(async move { handle.state::<Program>().upload_here().await });
            }
            Notice::CopyLink { recording, link } => {
                match commands::put_on_clipboard(&handle, link.clone()) {
                    // Fails only if the app is closing.
                    Ok(()) => drop(app.note_link_copied(recording).await),
                    Err(error) => tracing::warn!(?error, "the link can't be put on the clipboard"),
                }
                let opens = app.settings().await.is_ok_and(|settings| settings.desktop.open_link);
                if opens && let Err(error) = commands::open_page(link).await {
                    tracing::warn!(?error, "the link can't be opened");
                }
            }
        }
    }
}

/// Opens the preview that an earlier run left neither shared nor discarded.
async fn offer_preview(handle: AppHandle, app: App) {
    if matches!(app.preview().await, Ok(Some(_))) {
        pages::show(&handle, &pages::PREVIEW);
    }
}

/// Asks where to move a file, with the system's own dialog, without blocking other work. If the person
/// cancels, the file stays.
async fn ask_where(handle: AppHandle, app: App, recording: RecordingId, file: PathBuf) {
    let dialog = handle.dialog().file().set_title(word("ask_where_title"));
    let dialog = dialog.add_filter("WebM", &["webm"]);
    let dialog = match (file.parent(), file.file_name().and_then(|name| name.to_str())) {
        (Some(folder), Some(name)) => dialog.set_directory(folder).set_file_name(name),
        _ => dialog,
    };
    let (chosen, answer) = oneshot::channel();
    dialog.save_file(move |to| drop(chosen.send(to)));
    let to = answer.await.ok().flatten().and_then(|to| to.into_path().ok());
    let Some(to) = to else { return };
    if let Err(error) = app.move_file(recording, to).await {
        tracing::warn!(code = error.code(), "a recording's file stays where it was");
        handle.dialog().message(error.to_string()).kind(MessageDialogKind::Warning).show(|_| {});
    }
}

/// Carries out an order from a shortcut or the tray.
pub fn order(handle: &AppHandle, order: Order) {
    tracing::debug!(?order, "ordered");
    let app = handle.state::<App>().inner().clone();
    async_runtime::spawn(async move {
        // The app shows a failed start as a toast; here it is only logged.
        if let Err(error) = control::obey(&app, order).await {
            tracing::warn!(%error, ?order, "an order was not carried out");
        }
    });
}

/// Shares the last minutes, from a shortcut or the tray.
pub fn share_last(handle: &AppHandle) {
    let handle = handle.clone();
    async_runtime::spawn(async move {
        if let Err(error) = commands::preview::share_last(handle.state(), handle.clone()).await {
            tracing::warn!(?error, "the last minutes can't be shared");
        }
    });
}

/// Sets the theme. Pages follow it through their media query. Must be called on the main thread.
pub fn show_theme(handle: &AppHandle, theme: Theme) {
    let theme = match theme {
        Theme::System => None,
        Theme::Light => Some(tauri::Theme::Light),
        Theme::Dark => Some(tauri::Theme::Dark),
    };
    platform::show_theme(handle, theme);
}

/// Sets the language of everything visible. Must be called on the main thread.
pub fn show_language(handle: &AppHandle, language: Language) {
    let before = words::tag();
    words::speak(language);
    if words::tag() == before {
        return;
    }
    pages::name_again(handle);
    if let Some(tray) = handle.try_state::<Mutex<Tray>>() {
        let mut tray = tray.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Err(error) = tray.say_again(handle) {
            tracing::warn!(%error, "the tray can't be drawn");
        }
    }
    if let Err(error) = handle.emit(LANGUAGE, words::tag()) {
        tracing::warn!(%error, "windows can't be told of the language");
    }
}

pub fn copy_last_link(handle: &AppHandle) {
    let handle = handle.clone();
    async_runtime::spawn(async move {
        let Ok(snapshot) = handle.state::<App>().snapshot().await else { return };
        let Some((id, _)) = tray::last_link(&snapshot) else { return };
        copy_link(&handle, id);
    });
}

pub fn copy_link(handle: &AppHandle, id: &str) {
    let (handle, id) = (handle.clone(), id.to_owned());
    async_runtime::spawn(async move {
        if let Err(error) = commands::copy_link(handle.state(), handle.clone(), id, None).await {
            tracing::warn!(?error, "the link can't be copied");
        }
    });
}

pub fn open_link(handle: &AppHandle, id: &str) {
    let (handle, id) = (handle.clone(), id.to_owned());
    async_runtime::spawn(async move {
        if let Err(error) = commands::open_link(handle.state(), id).await {
            tracing::warn!(?error, "the link can't be opened");
        }
    });
}

pub fn show_file(handle: &AppHandle, id: &str) {
    let (handle, id) = (handle.clone(), id.to_owned());
    async_runtime::spawn(async move {
        if let Err(error) = commands::reveal_file(handle.state(), id).await {
            tracing::warn!(?error, "the file can't be shown");
        }
    });
}
