//! Information about the program and this computer: which features work here, whether the cloud answers,
//! and the last panic. None of it is sent; a person reads or copies it.

use serde::Serialize;
use snaplark_app::{App, Listening, Profile, Reached, Shortcut, logs, private_folder, writable};
use snaplark_capture::Probe;
use tauri::{AppHandle, State, async_runtime};
use tauri_plugin_clipboard_manager::ClipboardExt as _;

use crate::commands::{Answer, CommandError, opened};
use crate::program::Program;
use crate::shortcut::{Shortcuts, State as ShortcutState};

#[derive(Clone, Debug, Serialize)]
pub struct About {
    version: &'static str,
    system: String,
    gstreamer: String,
}

/// One feature of this computer that recording needs.
#[derive(Clone, Debug, Serialize)]
pub struct Ability {
    what: &'static str,
    state: AbilityState,
    /// What was found, or why it doesn't work and how to fix that.
    detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum AbilityState {
    Works,
    /// Recording works without it.
    Lacks,
    Fails,
}

/// Returns versions for a problem report. They contain nothing personal.
#[tauri::command]
pub async fn about() -> Answer<About> {
    let probe = probe().await?;
    Ok(About { version: VERSION, system: system(), gstreamer: probe.gstreamer })
}

/// Checks what works on this computer, as `snaplark doctor` does.
#[tauri::command]
pub async fn works_here(
    program: State<'_, Program>,
    shortcuts: State<'_, Shortcuts>,
) -> Answer<Vec<Ability>> {
    let shortcut = shortcuts.of(Shortcut::Record);
    let probe = probe().await?;
    let picture = probe.ways.into_iter().next().map_or_else(|| Err(String::new()), |way| way.found);
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
        ShortcutState::Works | ShortcutState::ByDesktop | ShortcutState::Asked => Ok(shortcut.keys),
        ShortcutState::Taken => Err(shortcut.keys),
        // The keys have no effect here.
        ShortcutState::Unavailable
        | ShortcutState::Declined
        | ShortcutState::Unset
        | ShortcutState::Resting => Err(String::new()),
    };
    Ok(vec![
        ability("picture", picture, AbilityState::Fails),
        ability("encoder", probe.encoder.map_err(|error| error.to_string()), AbilityState::Fails),
        ability("folder", folder.map(|_| String::new()), AbilityState::Fails),
        ability("sound", microphones.map_err(|error| error.to_string()), AbilityState::Lacks),
        ability("shortcut", keys, AbilityState::Lacks),
    ])
}

#[tauri::command]
pub async fn test_connection(app: State<'_, App>) -> Answer<Reached> {
    Ok(app.test_connection().await?)
}

#[tauri::command]
pub async fn set_profile(app: State<'_, App>, profile: Profile) -> Answer {
    Ok(app.set_profile(profile).await?)
}

#[tauri::command]
pub async fn copy_diagnostics(app: State<'_, App>, handle: AppHandle) -> Answer {
    let probe = probe().await?;
    let way = probe.ways.first().map_or("", |way| way.name);
    let found =
        if probe.ways.first().is_some_and(|way| way.found.is_ok()) { "" } else { ", fails" };
    let variable = |name| std::env::var(name).unwrap_or_default();
    let facts = [
        ("version", VERSION.to_owned()),
        ("system", system()),
        ("session", [variable("XDG_SESSION_TYPE"), variable("XDG_CURRENT_DESKTOP")].join(" ")),
        ("gstreamer", probe.gstreamer),
        ("picture", format!("{way}{found}")),
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
    handle.clipboard().write_text(text).map_err(|error| CommandError::new("no-clipboard", error))
}

#[tauri::command]
pub async fn open_logs(program: State<'_, Program>) -> Answer {
    let folder = program.home.logs();
    private_folder(&folder).map_err(|error| CommandError::new("no-folder", error))?;
    opened("no-file-manager", move || tauri_plugin_opener::open_path(folder, None::<&str>)).await
}

/// Returns the note of the last panic, or `None` if there was none or it was forgotten.
#[tauri::command]
pub fn last_crash(program: State<'_, Program>) -> Option<String> {
    logs::crash(&program.home)
}

#[tauri::command]
pub fn forget_crash(program: State<'_, Program>) -> Answer {
    logs::forget_crash(&program.home).map_err(|error| CommandError::new("store", error))
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn system() -> String {
    format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)
}

/// Probes devices and other programs on a blocking thread, since that takes time.
async fn probe() -> Answer<Probe> {
    let probed = async_runtime::spawn_blocking(snaplark_capture::probe).await;
    probed.map_err(|error| CommandError::new("capture", error))
}
