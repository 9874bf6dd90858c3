//! The shell's life: opens the program, makes windows, tray and shortcut, passes changes on, and
//! closes a running recording properly before it ends.
//!
//! GTK's main thread owns windows and tray. The app is asked from tasks; nothing here waits for it
//! on the main thread.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use snaplark_app::control::{self, Order};
use snaplark_app::view::RecorderView;
use snaplark_app::{App, DesktopSettings, Language, Notice, RecordingId, Theme};
use tauri::{AppHandle, Emitter, Manager, RunEvent, async_runtime};
use tauri_plugin_dialog::{DialogExt as _, MessageDialogButtons, MessageDialogKind};
use tokio::sync::{mpsc, oneshot, watch};

use crate::deep_link::{self, Wish};
use crate::left::{self, Places};
use crate::program::{self, Program};
use crate::sign_in::SigningIn;
use crate::toast::ToastPlace;
use crate::tray::{Look, Tray};
use crate::updates::Updates;
use crate::words::{self, word};
use crate::{
    HIDDEN_FLAG, about, bar, chooser, commands, media, pages, quick, shortcut, toast, tray, updates,
};

/// The one event that windows hear: the app's change number.
const CHANGED: &str = "changed";
/// Windows hear it with the language's tag as its payload.
const LANGUAGE: &str = "language";
/// Beside it, for the windows that show it: how loud it is.
pub const LEVELS: &str = "levels";
/// Windows hear of changes 25 times a second at most: faster is not seen, and each costs the main
/// thread a script in every window. The last change is never the one that is left out.
const CHANGES_APART_MIN: Duration = Duration::from_millis(40);
const SECOND: Duration = Duration::from_secs(1);
/// The panel asks the main thread for the icon and its menu: windows keep that busy for longer.
const TRAY_FIRST: Duration = Duration::from_millis(300);

/// `wish`: what the address asked for that the program was started with.
pub fn run(hidden: bool, wish: Option<Wish>) -> anyhow::Result<()> {
    let app = tauri::Builder::default()
        // First: a second start ends inside of it, before it touches anything.
        .plugin(program::single_instance(|app, arguments| {
            if shortcut::obey(app, arguments) {
                return;
            }
            let wish = deep_link::wish(arguments.iter().map(String::as_str));
            deep_link::show(app, wish.unwrap_or(Wish::Library));
        }))
        .plugin(updates::plugin())
        .plugin(tauri_plugin_clipboard_manager::init())
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_autostart::Builder::new().arg(HIDDEN_FLAG).build())
        .manage(ToastPlace::default())
        .manage(bar::Bar::default())
        .manage(quick::Quick::default())
        .manage(chooser::Chooser::default())
        .manage(SigningIn::default())
        .manage(Updates::default())
        .manage(Closing::default())
        .register_asynchronous_uri_scheme_protocol(media::SCHEME, media::serve)
        .register_uri_scheme_protocol(chooser::SCHEME, |context, request| {
            chooser::serve(context.app_handle(), context.webview_label(), &request)
        })
        .invoke_handler(tauri::generate_handler![
            commands::snapshot,
            commands::desktop,
            commands::media,
            commands::start_recording,
            commands::share_last,
            commands::stop_recording,
            commands::recorder::pause_recording,
            commands::recorder::mute_microphone,
            commands::recorder::switch_webcam,
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
            commands::copy_link,
            commands::copy_links,
            commands::open_link,
            commands::reveal_file,
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
            commands::open_settings,
            commands::settings,
            commands::set_settings,
            commands::hold_shortcuts,
            commands::ask_for_shortcuts,
            commands::microphones,
            commands::cameras,
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
    let program = async_runtime::block_on(Program::open(notices))?;
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
                quit(handle);
            }
        }
        // The last window is gone, but the tray is not: only `quit` ends the program.
        RunEvent::ExitRequested { code: None, api, .. } => api.prevent_exit(),
        _ => {}
    });
    Ok(())
}

/// On the main thread, once the event loop runs.
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
    let (recorder, recorded) = watch::channel(RecorderView::Idle);
    async_runtime::spawn(pass_changes(handle.clone(), app.clone(), recorder));
    async_runtime::spawn(pass_time(handle.clone(), recorded));
    async_runtime::spawn(pass_levels(handle.clone(), app.clone()));
    async_runtime::spawn(carry_out(handle.clone(), app.clone(), noticed));
    async_runtime::spawn(updates::watch(handle.clone(), app.clone()));
    async_runtime::spawn(quit_when_told(handle.clone()));
    async_runtime::spawn(warm(handle.clone(), desktop.show_bar));
    Ok(())
}

/// What nobody waits for yet, and would when it is wanted. One after the other: in between the main
/// thread has time for whoever is there already.
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
    if let Ok(Err(error)) = async_runtime::spawn_blocking(snaplark_capture::warm).await {
        tracing::info!(%error, "there is no recording here yet");
    }
}

type Make = fn(&AppHandle) -> tauri::Result<()>;

/// Shown once is enough, also where it was only closed.
async fn note_welcomed(app: App) {
    let noted = async {
        let mut settings = app.settings().await?;
        settings.desktop.welcomed = true;
        app.set_settings(settings).await
    };
    if let Err(error) = noted.await {
        tracing::warn!(%error, "the welcome will be shown again");
    }
}

/// Windows ask again, the tray is drawn again.
async fn pass_changes(handle: AppHandle, app: App, recorder: watch::Sender<RecorderView>) {
    let mut changes = app.changes();
    let Ok(mut snapshot) = app.snapshot().await else { return };
    loop {
        let change = *changes.borrow_and_update();
        if let Err(error) = handle.emit(CHANGED, change) {
            tracing::warn!(%error, "windows can't be told of a change");
        }
        let Ok(newer) = app.snapshot_since(snapshot.version).await else { return };
        snapshot.follow(newer);
        bar::follow(&handle, &app, &snapshot.recorder).await;
        show_tray(&handle, Look::of(&snapshot, handle.state::<bar::Bar>().is_away()));
        recorder.send_if_modified(|was| {
            let is_new = *was != snapshot.recorder;
            was.clone_from(&snapshot.recorder);
            is_new
        });
        tokio::time::sleep(CHANGES_APART_MIN).await;
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Beside the tray's icon: how long it records.
async fn pass_time(handle: AppHandle, mut recorder: watch::Receiver<RecorderView>) {
    let mut told = None;
    loop {
        let now = recorder.borrow_and_update().clone();
        let time = now.recorded_ms(now_unix_ms()).map(tray::clock);
        if time != told {
            told.clone_from(&time);
            on_tray(&handle, move |tray, _| tray.tell_time(time.as_deref()));
        }
        let runs = matches!(now, RecorderView::Recording { .. });
        tokio::select! {
            changed = recorder.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            () = tokio::time::sleep(SECOND), if runs => {}
        }
    }
}

/// To the bar, while that is seen.
async fn pass_levels(handle: AppHandle, app: App) {
    let mut levels = app.levels();
    while levels.changed().await.is_ok() {
        let now = *levels.borrow_and_update();
        if handle.state::<bar::Bar>().is_shown()
            && let Err(error) = handle.emit_to(bar::LABEL, LEVELS, now)
        {
            tracing::warn!(%error, "the recorder bar can't be told a level");
        }
    }
}

fn show_tray(handle: &AppHandle, look: Look) {
    on_tray(handle, move |tray, handle| tray.show(handle, look));
}

fn on_tray(
    handle: &AppHandle,
    act: impl FnOnce(&mut Tray, &AppHandle) -> tauri::Result<()> + Send + 'static,
) {
    let on_main = handle.clone();
    let told = handle.run_on_main_thread(move || {
        let Some(tray) = on_main.try_state::<Mutex<Tray>>() else { return };
        let mut tray = tray.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Err(error) = act(&mut tray, &on_main) {
            tracing::warn!(%error, "the tray can't be drawn");
        }
    });
    if let Err(error) = told {
        tracing::warn!(%error, "the tray can't be reached");
    }
}

fn now_unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or_default()
}

async fn carry_out(handle: AppHandle, app: App, mut noticed: mpsc::UnboundedReceiver<Notice>) {
    while let Some(notice) = noticed.recv().await {
        match notice {
            Notice::AskWhere { recording, file } => {
                async_runtime::spawn(ask_where(handle.clone(), app.clone(), recording, file));
            }
            Notice::CopyLink { recording, link } => {
                match commands::put_on_clipboard(&handle, link.clone()) {
                    // Closing is all that can keep it from being noted.
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

/// With the system's own dialog, while others go on. Thought better of, the file stays.
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

/// From the shortcut and the tray.
pub fn order(handle: &AppHandle, order: Order) {
    tracing::debug!(?order, "ordered");
    let app = handle.state::<App>().inner().clone();
    async_runtime::spawn(async move {
        // The app shows a failed start as a toast; here it is only for the log.
        if let Err(error) = control::obey(&app, order).await {
            tracing::warn!(%error, ?order, "an order was not carried out");
        }
    });
}

/// Windows follow by their own media query.
pub fn show_theme(handle: &AppHandle, theme: Theme) {
    handle.set_theme(match theme {
        Theme::System => None,
        Theme::Light => Some(tauri::Theme::Light),
        Theme::Dark => Some(tauri::Theme::Dark),
    });
}

/// On the main thread: everything that is seen says it anew.
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

/// From a person: what is recorded or unsent is said first. What comes from the system isn't asked
/// about, since nobody may be there.
pub fn ask_to_quit(handle: &AppHandle) {
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
struct Closing {
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
async fn quit_when_told(handle: AppHandle) {
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
async fn quit_when_told(handle: AppHandle) {
    if tokio::signal::ctrl_c().await.is_ok() {
        quit(&handle);
    }
}
