//! Information about the program and this computer: which features work here, whether the cloud answers,
//! and the last panic. None of it is sent; a person reads or copies it.

use serde::Serialize;
use snaplark_app::{
    App, ErrorCode, Listening, Profile, Reached, Shortcut, logs, private_folder, writable,
};
use snaplark_command_macro::command;
use snaplark_core::devices::SystemProbe;
use tauri::{AppHandle, State, async_runtime};
use tauri_plugin_clipboard_manager::ClipboardExt as _;
use ts_rs::TS;

use crate::commands::{Answer, CommandError};
use crate::desktop_shell::opened;
use crate::devices;
use crate::program::DesktopProgram;
use crate::shortcut::{BindingState, Shortcuts};

#[derive(Clone, Debug, Serialize, TS)]
#[ts(export)]
pub struct About {
    version: &'static str,
    system: String,
    gstreamer: String,
}

/// One feature of this computer that recording needs.
#[derive(Clone, Debug, Serialize, TS)]
#[ts(export)]
pub struct Ability {
    what: AbilityKind,
    state: AbilityState,
    /// The finding, or why it doesn't work and how to fix that.
    detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
enum AbilityState {
    Works,
    /// Recording works without it.
    Lacks,
    Fails,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
enum AbilityKind {
    Picture,
    Encoder,
    Folder,
    Sound,
    Shortcut,
}

/// Returns versions for a problem report. They contain nothing personal.
#[command]
pub async fn about(handle: AppHandle) -> Answer<About> {
    let probe = probe(&handle).await?;
    Ok(About { version: VERSION, system: system(), gstreamer: probe.gstreamer })
}

/// Checks what works on this computer, as `snaplark doctor` does.
#[command]
pub async fn works_here(
    program: State<'_, DesktopProgram>,
    shortcuts: State<'_, Shortcuts>,
    handle: AppHandle,
) -> Answer<Vec<Ability>> {
    let shortcut = shortcuts.of(Shortcut::Record);
    let probe = probe(&handle).await?;
    let picture = probe
        .backends
        .into_iter()
        .next()
        .map_or_else(|| Err(String::new()), |backend| backend.found);
    let microphones = probe.sound.map(|devices| {
        let heard = devices.iter().filter(|device| device.listening == Listening::Microphone);
        heard.map(|device| device.description.clone()).collect::<Vec<_>>().join(", ")
    });
    let folder = [&program.home.root, &program.home.save_folder].map(|folder| writable(folder));
    let folder = folder.into_iter().collect::<Result<Vec<()>, String>>();
    let ability = |what, found: Result<String, String>, without| match found {
        Ok(detail) => Ability { what, state: AbilityState::Works, detail },
        Err(detail) => Ability { what, state: without, detail },
    };
    let keys = match shortcut.state {
        BindingState::Works | BindingState::ByDesktop | BindingState::Asked => Ok(shortcut.keys),
        BindingState::Taken => Err(shortcut.keys),
        // The keys have no effect here.
        BindingState::Unavailable
        | BindingState::Declined
        | BindingState::Unset
        | BindingState::Resting => Err(String::new()),
    };
    Ok(vec![
        ability(AbilityKind::Picture, picture, AbilityState::Fails),
        ability(
            AbilityKind::Encoder,
            probe.encoder.map_err(|error| error.to_string()),
            AbilityState::Fails,
        ),
        ability(AbilityKind::Folder, folder.map(|_| String::new()), AbilityState::Fails),
        ability(
            AbilityKind::Sound,
            microphones.map_err(|error| error.to_string()),
            AbilityState::Lacks,
        ),
        ability(AbilityKind::Shortcut, keys, AbilityState::Lacks),
    ])
}

#[command]
pub async fn test_connection(app: State<'_, App>) -> Answer<Reached> {
    Ok(app.test_connection().await?)
}

#[command]
pub async fn set_profile(app: State<'_, App>, profile: Profile) -> Answer {
    Ok(app.set_profile(profile).await?)
}

#[command]
pub async fn copy_diagnostics(app: State<'_, App>, handle: AppHandle) -> Answer {
    let probe = probe(&handle).await?;
    let backend = probe.backends.first().map_or("", |backend| backend.name);
    let found = if probe.backends.first().is_some_and(|backend| backend.found.is_ok()) {
        ""
    } else {
        ", fails"
    };
    let variable = |name| std::env::var(name).unwrap_or_default();
    let facts = [
        ("version", VERSION.to_owned()),
        ("system", system()),
        ("session", [variable("XDG_SESSION_TYPE"), variable("XDG_CURRENT_DESKTOP")].join(" ")),
        ("gstreamer", probe.gstreamer),
        ("picture", format!("{backend}{found}")),
        ("hardware encoders", probe.hardware.join(", ")),
        (
            "sound",
            match probe.sound {
                Ok(devices) => format!("{} devices", devices.len()),
                Err(_) => "none".to_owned(),
            },
        ),
    ];
    let text = app.diagnostics(&facts).await?;
    handle
        .clipboard()
        .write_text(text)
        .map_err(|error| CommandError::new(ErrorCode::NoClipboard, error))
}

#[command]
pub async fn open_logs(program: State<'_, DesktopProgram>) -> Answer {
    let folder = program.home.logs();
    private_folder(&folder).map_err(|error| CommandError::new(ErrorCode::NoFolder, error))?;
    let open = move || tauri_plugin_opener::open_path(folder, None::<&str>);
    Ok(opened(ErrorCode::NoFileManager, open).await?)
}

/// Returns the note of the last panic, or `None` if there was none or it was forgotten.
#[command]
pub fn last_crash(program: State<'_, DesktopProgram>) -> Option<String> {
    logs::crash(&program.home)
}

#[command]
pub fn forget_crash(program: State<'_, DesktopProgram>) -> Answer {
    logs::forget_crash(&program.home).map_err(|error| CommandError::new(ErrorCode::Store, error))
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn system() -> String {
    format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)
}

/// Probes devices and other programs on a blocking thread, since that takes time.
async fn probe(handle: &AppHandle) -> Answer<SystemProbe> {
    let devices = devices::of(handle);
    let probed = async_runtime::spawn_blocking(move || devices.probe()).await;
    probed.map_err(|error| CommandError::new(ErrorCode::Capture, error))
}
