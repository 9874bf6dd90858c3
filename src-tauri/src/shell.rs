//! The shell's main module: opens the program, creates windows, tray and shortcuts, and starts the controller.
//! `desktop_shell` carries out what the controller asks for; `quit` ends the program.
//!
//! GTK's main thread owns windows and tray. Tasks call the app; nothing here waits for it on the main
//! thread.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use snaplark_app::desktop::HIDDEN_FLAG;
use snaplark_app::{App, DesktopSettings, Language, Notice, Theme};
use tauri::{AppHandle, Manager, RunEvent, async_runtime};
use tokio::sync::mpsc;

use crate::captured_area::AvoidedArea;
use crate::commands::list::with_commands;
use crate::desktop_shell::{DesktopController, TauriShell};
use crate::devices::{self, SystemDevices};
use crate::events::UiEvent;
use crate::program::{self, DesktopProgram};
use crate::stills::{self, ScreenStills};
use crate::toast::ToastWindow;
use crate::tray::Tray;
use crate::updates::Updates;
use crate::window_state::WindowStates;
use crate::words;
use crate::{
    about, bar, camera, chooser, commands, cutter, editor, media, media_server, meter, navigation,
    pages, pin, platform, quick, quiet, quit, shortcut, toast, updates,
};

macro_rules! handlers {
    ($($command:tt)*) => { tauri::generate_handler![$($command)*] };
}

/// Windows are created after this time, since they keep the main thread busy while the panel asks it for
/// the icon and its menu.
const TRAY_FIRST: Duration = Duration::from_millis(300);

/// Runs the shell, started with these arguments.
pub fn run(arguments: Arc<[String]>) -> anyhow::Result<()> {
    let app = tauri::Builder::default()
        // The first plugin: a second start ends in it, before it touches anything.
        .plugin(program::single_instance(|app, arguments| {
            app.state::<EarlyStarts>().started_again(app, arguments.into());
        }))
        .manage(EarlyStarts::default())
        .plugin(navigation::plugin())
        .plugin(updates::plugin())
        .plugin(tauri_plugin_clipboard_manager::init())
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_autostart::Builder::new().arg(HIDDEN_FLAG).build())
        .manage(ToastWindow::default())
        .manage(bar::RecorderBar::default())
        .manage(AvoidedArea::default())
        .manage(quick::QuickWindow::default())
        .manage(chooser::Chooser::default())
        .manage(ScreenStills(program::stills()))
        .manage(SystemDevices(program::devices()))
        .manage(meter::Meters::default())
        .manage(camera::SettingsCamera::default())
        .manage(Updates::default())
        .manage(media_server::MediaServer::default())
        .manage(quit::QuitState::default())
        .register_asynchronous_uri_scheme_protocol(media::SCHEME, media::serve)
        .register_asynchronous_uri_scheme_protocol(chooser::SCHEME, chooser::serve)
        .invoke_handler(with_commands!(handlers))
        .build(tauri::generate_context!())
        .context("Snaplark's windows can't be made")?;

    let (notices, noticed) = mpsc::unbounded_channel();
    let program = async_runtime::block_on(DesktopProgram::open(app.handle(), notices))?;
    let settings = async_runtime::block_on(program.app.settings())?;
    app.manage(async_runtime::block_on(WindowStates::load(&program.app, &pages::KEPT)));
    app.manage(program.app.clone());
    let mut start = Some((program.app.clone(), settings.desktop, noticed));
    app.manage(program);

    app.run(move |handle, event| match event {
        RunEvent::Ready => {
            let Some((app, desktop, noticed)) = start.take() else { return };
            if let Err(error) = begin(handle, &app, desktop, noticed, arguments.clone()) {
                tracing::error!(%error, "Snaplark's windows can't be made");
                platform::show_failure(&format!("Snaplark's windows can't be made: {error}"));
                quit::fail(handle);
            }
        }
        // The last window is gone, but the tray isn't. Only `quit` ends the program.
        RunEvent::ExitRequested { code: None, api, .. } => api.prevent_exit(),
        _ => {}
    });
    Ok(())
}

/// Holds the arguments of second starts that come before the controller is there: the program is on the bus, and its
/// icon may be in the tray, a moment earlier.
#[derive(Default)]
struct EarlyStarts(Mutex<Vec<Arc<[String]>>>);

impl EarlyStarts {
    /// Hands a second start to the controller, or keeps it until there is one.
    fn started_again(&self, app: &AppHandle, arguments: Arc<[String]>) {
        let mut early = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match app.try_state::<DesktopController>() {
            None => early.push(arguments),
            Some(controller) => {
                let controller = controller.inner().clone();
                async_runtime::spawn(async move { controller.started_again(arguments).await });
            }
        }
    }

    /// Makes the controller known and hands it what was kept.
    fn end(&self, app: &AppHandle, controller: &DesktopController) {
        let mut early = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        app.manage(controller.clone());
        for arguments in early.drain(..) {
            let controller = controller.clone();
            async_runtime::spawn(async move { controller.started_again(arguments).await });
        }
    }
}

/// Starts everything. Runs on the main thread, once the event loop is running.
fn begin(
    handle: &AppHandle,
    app: &App,
    desktop: DesktopSettings,
    noticed: mpsc::UnboundedReceiver<Notice>,
    arguments: Arc<[String]>,
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
    let shell = TauriShell::new(handle.clone());
    let controller = DesktopController::new(app.clone(), shell, stills::of(handle));
    handle.state::<EarlyStarts>().end(handle, &controller);
    let there = controller.clone();
    async_runtime::spawn(async move { there.started(arguments).await });
    async_runtime::spawn(controller.run(noticed));
    async_runtime::spawn(bar::follow_levels(handle.clone(), app.clone()));
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
    let devices = devices::of(&handle);
    let warmed = async_runtime::spawn_blocking(move || {
        // The first toast asks the desktop this, and the first answer is slow.
        quiet::is_on();
        devices.warm_up()
    });
    if let Ok(Err(error)) = warmed.await {
        tracing::info!(%error, "there is no recording here yet");
    }
}

type Make = fn(&AppHandle) -> tauri::Result<()>;

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
    if let Err(error) = UiEvent::Language(words::tag().to_owned()).send(handle) {
        tracing::warn!(%error, "windows can't be told of the language");
    }
}
