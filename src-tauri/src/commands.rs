//! The commands of the windows. A window names recordings by id: links and paths come from the snapshot,
//! never from a window. An error is `{code, params}`, and the window picks the words.

pub mod preview;
pub mod recorder;

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Value, json};
use snaplark_app::control::{self, Order};
use snaplark_app::view::{MediaView, RecordingView, Snapshot};
use snaplark_app::{
    App, AppError, Listening, RecordingId, Settings, SettingsChange, Shortcut, Token, is_web_link,
    private_folder,
};
use tauri::{AppHandle, Manager, State, WebviewWindow, async_runtime};
use tauri_plugin_autostart::ManagerExt as _;
use tauri_plugin_clipboard_manager::ClipboardExt;
use tauri_plugin_dialog::DialogExt as _;
use tokio::sync::oneshot;

use crate::media_server::MediaServer;
use crate::panel::Card;
use crate::program::Program;
use crate::recorded::Recorded;
use crate::shortcut::{Bound, Shortcuts};
use crate::sign_in::{SignInView, SigningIn};
use crate::words::word;
use crate::{pages, platform, shortcut, sign_in, toast, words};

#[derive(Clone, Debug, Serialize)]
pub struct CommandError {
    code: String,
    params: Value,
}

impl CommandError {
    pub fn new(code: &str, reason: impl Display) -> Self {
        CommandError { code: code.into(), params: json!({ "reason": reason.to_string() }) }
    }
}

impl From<AppError> for CommandError {
    fn from(error: AppError) -> Self {
        match &error {
            AppError::KeysTwice { keys } => CommandError::new(error.code(), keys),
            AppError::ForeignSignIn { other, .. } => CommandError::new(error.code(), other),
            _ => CommandError::new(error.code(), &error),
        }
    }
}

pub type Answer<T = ()> = Result<T, CommandError>;

/// A device that the system offers for a setting.
#[derive(Clone, Debug, Serialize)]
pub struct Named {
    name: String,
    /// The name that a person sees.
    words: String,
}

/// Properties of the desktop that the windows need.
#[derive(Clone, Debug, Serialize)]
pub struct Desktop {
    /// The shortcut that starts and stops a recording.
    pub shortcut: Bound,
    pub shortcuts: Vec<Bound>,
    pub composited: bool,
    /// Only the desktop can ask what to share, so the chooser is not used.
    pub asks: bool,
    /// The language of all windows, as a tag.
    pub language: &'static str,
}

#[tauri::command]
pub async fn snapshot(
    app: State<'_, App>,
    recorded: State<'_, Recorded>,
    window: WebviewWindow,
    since: u64,
) -> Answer<Snapshot> {
    let mut snapshot = app.snapshot_since(since).await?;
    // Toasts that were held back come with the first snapshot after the recording, and stay as long as
    // usual.
    if window.label() == toast::LABEL && recorded.holds_toasts(&snapshot.recorder) {
        snapshot.toasts.clear();
    }
    Ok(snapshot)
}

#[tauri::command]
pub fn desktop(shortcuts: State<'_, Shortcuts>) -> Desktop {
    // Runs on the main thread, as all commands that are not async do, because it asks GTK.
    Desktop {
        shortcut: shortcuts.of(Shortcut::Record),
        shortcuts: shortcuts.all(),
        composited: platform::is_composited(),
        asks: snaplark_capture::desktop_asks(),
        language: words::tag(),
    }
}

/// Describes a recording to a player before it reads.
#[derive(Clone, Debug, Serialize)]
pub struct Playable {
    #[serde(flatten)]
    view: MediaView,
    /// The address at which the sealed segments are served as one file. `None`: the loopback server can't
    /// listen, and only the pieces of the media's own scheme are available.
    file: Option<String>,
}

#[tauri::command]
pub async fn media(
    app: State<'_, App>,
    server: State<'_, MediaServer>,
    id: String,
) -> Answer<Playable> {
    let media = app.media(parsed(&id)?).await?;
    let view = async_runtime::spawn_blocking(move || media.view()).await;
    let view = view.map_err(|_| AppError::Closing)??;
    let file = match server.address(&app, &id).await {
        Ok(address) => Some(address),
        Err(error) => {
            tracing::warn!(%error, "media server can't listen");
            None
        }
    };
    Ok(Playable { view, file })
}

#[tauri::command]
pub async fn start_recording(app: State<'_, App>) -> Answer {
    control::obey(&app, Order::Start).await?;
    Ok(())
}

#[tauri::command]
pub async fn stop_recording(app: State<'_, App>) -> Answer {
    control::obey(&app, Order::Stop).await?;
    Ok(())
}

#[tauri::command]
pub async fn retry(app: State<'_, App>, id: String) -> Answer {
    Ok(app.retry(parsed(&id)?).await?)
}

#[tauri::command]
pub async fn rename(app: State<'_, App>, id: String, title: String) -> Answer {
    Ok(app.rename(parsed(&id)?, title).await?)
}

#[tauri::command]
pub async fn delete_recordings(app: State<'_, App>, ids: Vec<String>) -> Answer {
    let ids: Vec<RecordingId> = ids.iter().map(|id| parsed(id)).collect::<Answer<_>>()?;
    Ok(app.delete_undoably(ids).await?)
}

/// Notes that the person has read that the list of recordings was rebuilt.
#[tauri::command]
pub async fn dismiss_rebuilt(app: State<'_, App>) -> Answer {
    Ok(app.dismiss_rebuilt().await?)
}

#[tauri::command]
pub async fn undo_delete(app: State<'_, App>) -> Answer {
    Ok(app.undo_delete().await?)
}

/// Copies the link. With `at_ms`, the page plays from that time.
#[tauri::command]
pub async fn copy_link(
    app: State<'_, App>,
    handle: AppHandle,
    id: String,
    at_ms: Option<u64>,
) -> Answer {
    let link = link_of(&app, &id).await?;
    let at = at_ms.map(|ms| format!("?t={}", ms / 1_000)).unwrap_or_default();
    put_on_clipboard(&handle, link + &at)?;
    app.note_link_copied(parsed(&id)?).await?;
    Ok(())
}

/// More would turn the menu into a list, and the library is one line below.
const RECENTS_MAX: usize = 3;

/// Returns the newest recordings that have links, for a menu.
#[tauri::command]
pub async fn recents(app: State<'_, App>) -> Answer<Vec<RecordingView>> {
    let recordings = app.snapshot().await?.recordings.into_iter();
    Ok(recordings.filter(|recording| recording.link.is_some()).take(RECENTS_MAX).collect())
}

/// Copies the links of several recordings, one on each line.
#[tauri::command]
pub async fn copy_links(app: State<'_, App>, handle: AppHandle, ids: Vec<String>) -> Answer {
    let snapshot = app.snapshot().await?;
    let wanted = |id: &String| snapshot.recordings.iter().find(|recording| recording.id == *id);
    let links: Vec<&str> = ids.iter().filter_map(|id| wanted(id)?.link.as_deref()).collect();
    put_on_clipboard(&handle, links.join("\n"))
}

#[tauri::command]
pub async fn open_link(app: State<'_, App>, id: String) -> Answer {
    let link = link_of(&app, &id).await?;
    open_page(link).await
}

#[tauri::command]
pub async fn reveal_file(app: State<'_, App>, id: String) -> Answer {
    let file = recording(&app, &id).await?.file.ok_or(CommandError::new("no-file", &id))?;
    if !std::path::Path::new(&file).is_file() {
        return Err(CommandError::new("no-file", file));
    }
    opened("no-file-manager", move || tauri_plugin_opener::reveal_item_in_dir(file)).await
}

/// Starts dragging the files of recordings, when the page has noticed a drag. The files go where the person
/// drops them.
#[tauri::command]
pub async fn drag_files(
    app: State<'_, App>,
    handle: AppHandle,
    window: WebviewWindow,
    ids: Vec<String>,
) -> Answer {
    let recordings = app.snapshot().await?.recordings.into_iter();
    let wanted = recordings.filter(|recording| ids.contains(&recording.id));
    let files: Vec<PathBuf> =
        wanted.filter_map(|it| it.file).map(PathBuf::from).filter(|file| file.is_file()).collect();
    if files.is_empty() {
        return Err(CommandError::new("no-file", ids.join(", ")));
    }
    on_main(&handle, move |_| platform::drag_files(&window, &files))
        .await?
        .map_err(|error| CommandError::new("no-drag", error))
}

#[tauri::command]
pub fn open_library(handle: AppHandle) -> Answer {
    pages::open(&handle, &pages::LIBRARY).map_err(|error| CommandError::new("no-window", error))
}

#[tauri::command]
pub fn leave_welcome(handle: AppHandle) -> Answer {
    pages::leave_welcome(&handle).map_err(|error| CommandError::new("no-window", error))
}

#[tauri::command]
pub fn open_settings(handle: AppHandle) -> Answer {
    pages::open(&handle, &pages::SETTINGS).map_err(|error| CommandError::new("no-window", error))
}

#[tauri::command]
pub async fn settings(app: State<'_, App>) -> Answer<Settings> {
    Ok(app.settings().await?)
}

/// Applies all changes or none: if a shortcut can't be registered, nothing is changed. `following` applies
/// their effects, whoever made the change.
#[tauri::command]
pub async fn change_settings(
    app: State<'_, App>,
    handle: AppHandle,
    change: SettingsChange,
) -> Answer<Settings> {
    let before = app.settings().await?;
    let keys = change.apply(&before)?.desktop.shortcuts;
    if keys != before.desktop.shortcuts {
        let rebound = on_main(&handle, move |handle| shortcut::rebind(handle, &keys)).await?;
        rebound.map_err(|keys| CommandError::new("shortcut-taken", keys))?;
    }
    Ok(app.change_settings(change).await?)
}

/// Suspends the shortcuts while a window listens for keys to assign.
#[tauri::command]
pub fn hold_shortcuts(handle: AppHandle, held: bool) {
    shortcut::hold(&handle, held);
}

/// Lets the desktop ask the person again who declined the shortcuts before.
#[tauri::command]
pub fn ask_for_shortcuts(shortcuts: State<'_, Shortcuts>) {
    shortcuts.ask_again();
}

/// Returns the microphones that are connected now.
#[tauri::command]
pub async fn microphones() -> Answer<Vec<Named>> {
    let listed = async_runtime::spawn_blocking(|| snaplark_capture::probe().sound);
    let devices = listed.await.map_err(|error| CommandError::new("no-sound", error))?;
    let devices = devices.map_err(|error| CommandError::new("no-sound", error))?;
    let microphones =
        devices.into_iter().filter(|device| device.listening == Listening::Microphone);
    Ok(microphones.map(|device| Named { name: device.name, words: device.description }).collect())
}

/// Returns the cameras that are connected now.
#[tauri::command]
pub async fn cameras() -> Answer<Vec<Named>> {
    let listed = async_runtime::spawn_blocking(snaplark_capture::cameras);
    let cameras = listed.await.map_err(|error| CommandError::new("no-cameras", error))?;
    let cameras = cameras.map_err(|error| CommandError::new("no-cameras", error))?;
    Ok(cameras.into_iter().map(|c| Named { name: c.name, words: c.description }).collect())
}

/// Asks for a folder with the system's dialog, which starts at the current one. Returns `None` if the
/// person cancelled.
#[tauri::command]
pub async fn choose_save_folder(
    program: State<'_, Program>,
    window: WebviewWindow,
) -> Answer<Option<PathBuf>> {
    let now = program.app.settings().await?.recording.save_folder;
    let now = now.unwrap_or_else(|| program.home.save_folder.clone());
    // For a folder that doesn't exist, the dialog would show and read the folders around it. It would do so
    // in this process, and if the list of recordings lay there, the process would lose its own file locks
    // on it.
    let is_there = private_folder(&now).is_ok();
    let dialog = window.dialog().file().set_parent(&window).set_title(word("save_folder"));
    let dialog = if is_there { dialog.set_directory(now) } else { dialog };
    let (chosen, answer) = oneshot::channel();
    dialog.pick_folder(move |folder| drop(chosen.send(folder)));
    let folder = answer.await.ok().flatten();
    let path = folder.map(|folder| folder.into_path()).transpose();
    path.map_err(|error| CommandError::new("no-folder", error))
}

#[tauri::command]
pub fn starts_at_login(handle: AppHandle) -> Answer<bool> {
    handle.autolaunch().is_enabled().map_err(|error| CommandError::new("no-autostart", error))
}

#[tauri::command]
pub fn set_starts_at_login(handle: AppHandle, starts: bool) -> Answer {
    let autolaunch = handle.autolaunch();
    let done = if starts { autolaunch.enable() } else { autolaunch.disable() };
    done.map_err(|error| CommandError::new("no-autostart", error))
}

#[tauri::command]
pub async fn dismiss_toast(app: State<'_, App>, id: String) -> Answer {
    Ok(app.dismiss_toast(id).await?)
}

/// Shows the toasts. While the desktop is in do-not-disturb mode they stay hidden; those that need the
/// person are still there afterwards.
#[tauri::command]
pub async fn fit_toasts(handle: AppHandle, height: f64, cards: Vec<Card>) -> Answer {
    toast::fit_unless_quiet(&handle, height, cards).await;
    Ok(())
}

#[tauri::command]
pub async fn pause_upload(app: State<'_, App>, id: String) -> Answer {
    Ok(app.pause_upload(parsed(&id)?).await?)
}

#[tauri::command]
pub async fn resume_upload(app: State<'_, App>, id: String) -> Answer {
    Ok(app.resume_upload(parsed(&id)?).await?)
}

/// Starts a sign-in. Windows learn its outcome by an event. Errors are shown in the library, since a toast
/// has no room for them.
#[tauri::command]
pub async fn sign_in(
    window: WebviewWindow,
    server: Option<String>,
    remember: bool,
    allow_http: Option<bool>,
) -> Answer {
    let allow_http = allow_http.unwrap_or_default();
    let handle = window.app_handle().clone();
    let signed_in = sign_in::with_browser(&handle, server, remember, allow_http).await;
    if !signed_in && window.label() == toast::LABEL {
        pages::show(&handle, &pages::LIBRARY);
    }
    Ok(())
}

#[tauri::command]
pub fn sign_in_state(signing_in: State<'_, SigningIn>) -> SignInView {
    signing_in.view()
}

#[tauri::command]
pub async fn sign_in_with_token(
    handle: AppHandle,
    server: String,
    token: String,
    remember: bool,
) -> Answer {
    sign_in::with_token(&handle, server, Token::new(token.trim()), remember).await;
    Ok(())
}

#[tauri::command]
pub fn leave_sign_in(handle: AppHandle) {
    sign_in::leave(&handle);
}

#[tauri::command]
pub async fn sign_out(program: State<'_, Program>) -> Answer {
    Ok(program.sign_out().await?)
}

/// Retries starting the embedded cloud, which did not start before.
#[tauri::command]
pub async fn start_cloud(program: State<'_, Program>) -> Answer {
    Ok(program.start_cloud().await?)
}

/// Opens the settings page that explains who can open links.
#[tauri::command]
pub fn open_account(handle: AppHandle) -> Answer {
    pages::show_at(&handle, &pages::SETTINGS, Some("account".to_owned()));
    Ok(())
}

/// Sets whether others on the local network can open links to this computer. Changes nothing else.
#[tauri::command]
pub async fn share_on_local_network(app: State<'_, App>, shared: bool) -> Answer {
    let change = SettingsChange::of(&["upload", "shareOnLocalNetwork"], shared);
    app.change_settings(change).await?;
    Ok(())
}

/// Opens a web page. The address may be a server's, so only web links are allowed, never a file or another
/// program.
pub async fn open_page(address: String) -> Answer {
    if !is_web_link(&address) {
        return Err(CommandError::new("no-link", "it is no address of a web page"));
    }
    opened("no-browser", move || tauri_plugin_opener::open_url(address, None::<&str>)).await
}

pub fn put_on_clipboard(handle: &AppHandle, link: String) -> Answer {
    handle.clipboard().write_text(link).map_err(|error| CommandError::new("no-clipboard", error))
}

/// Runs a function on the main thread, as GTK and the system's shortcut table require, and returns its
/// result.
pub async fn on_main<T: Send + 'static>(
    handle: &AppHandle,
    act: impl FnOnce(&AppHandle) -> T + Send + 'static,
) -> Answer<T> {
    let (reply, answer) = oneshot::channel();
    let there = handle.clone();
    handle
        .run_on_main_thread(move || drop(reply.send(act(&there))))
        .map_err(|error| CommandError::new("closing", error))?;
    answer.await.map_err(|error| CommandError::new("closing", error))
}

/// Parses a recording's id.
fn parsed<Id: FromStr<Err: Display>>(id: &str) -> Answer<Id> {
    id.parse().map_err(|error| CommandError::new("no-recording", error))
}

async fn recording(app: &App, id: &str) -> Answer<RecordingView> {
    let snapshot = app.snapshot().await?;
    snapshot
        .recordings
        .into_iter()
        .find(|recording| recording.id == id)
        .ok_or_else(|| CommandError::new("no-recording", id))
}

async fn link_of(app: &App, id: &str) -> Answer<String> {
    recording(app, id).await?.link.ok_or_else(|| CommandError::new("no-link", id))
}

/// Opens something with another program on a blocking thread, since browsers and file managers take time to
/// start.
pub async fn opened(
    code: &'static str,
    opens: impl FnOnce() -> Result<(), tauri_plugin_opener::Error> + Send + 'static,
) -> Answer {
    async_runtime::spawn_blocking(opens)
        .await
        .map_err(|error| CommandError::new(code, error))?
        .map_err(|error| CommandError::new(code, error))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    const BUILD: &str = include_str!("../build.rs");
    const SHELL: &str = include_str!("shell.rs");
    const CONFIG: &str = include_str!("../../tauri.conf.json");
    const BAR: &str = include_str!("../capabilities/bar.json");
    const CHOOSER: &str = include_str!("../capabilities/chooser.json");
    const QUICK: &str = include_str!("../capabilities/quick.json");
    const LIBRARY: &str = include_str!("../capabilities/library.json");
    const SETTINGS: &str = include_str!("../capabilities/settings.json");
    const WELCOME: &str = include_str!("../capabilities/welcome.json");
    const PREVIEW: &str = include_str!("../capabilities/preview.json");
    const TOAST: &str = include_str!("../capabilities/toast.json");

    /// The permissions that events need, and nothing else of Tauri's.
    const OF_TAURI: [&str; 2] = ["core:event:allow-listen", "core:event:allow-unlisten"];

    fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
        let (_, rest) = text.split_once(start).unwrap();
        rest.split_once(end).unwrap().0
    }

    fn handled() -> BTreeSet<String> {
        between(SHELL, "generate_handler![", "]")
            .split(',')
            .filter_map(|path| path.trim().rsplit_once("::"))
            .map(|(_, name)| name.to_owned())
            .collect()
    }

    fn allowed(capability: &str, label: &str) -> BTreeSet<String> {
        let capability: Value = serde_json::from_str(capability).unwrap();
        assert_eq!(capability["windows"], serde_json::json!([label]));
        let permissions = capability["permissions"].as_array().unwrap();
        let own = permissions.iter().map(|one| one.as_str().unwrap()).filter_map(|name| {
            let own = name.strip_prefix("allow-").map(|name| name.replace('-', "_"));
            assert!(own.is_some() || OF_TAURI.contains(&name), "{label} may {name}");
            own
        });
        own.collect()
    }

    #[test]
    fn each_command_has_a_permission_and_a_window_that_uses_it() {
        let handled = handled();
        let named: BTreeSet<String> = between(BUILD, "COMMANDS: &[&str] = &[", "]")
            .split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        assert_eq!(handled, named, "build.rs gives permissions for what shell.rs handles");
        let windows = [
            (BAR, crate::bar::LABEL),
            (CHOOSER, "chooser-*"),
            (QUICK, crate::quick::LABEL),
            (LIBRARY, crate::pages::LIBRARY.label),
            (SETTINGS, crate::pages::SETTINGS.label),
            (WELCOME, crate::pages::WELCOME.label),
            (PREVIEW, crate::pages::PREVIEW.label),
            (TOAST, crate::toast::LABEL),
        ];
        let used: BTreeSet<String> =
            windows.iter().flat_map(|(file, label)| allowed(file, label)).collect();
        assert_eq!(handled, used);
        // A capability file that the configuration doesn't name gives its window nothing.
        let config: Value = serde_json::from_str(CONFIG).unwrap();
        let named = config["app"]["security"]["capabilities"].as_array().unwrap();
        let named: BTreeSet<&str> = named.iter().filter_map(Value::as_str).collect();
        let files: Vec<Value> =
            windows.iter().map(|(file, _)| serde_json::from_str(file).unwrap()).collect();
        let files: BTreeSet<&str> = files.iter().filter_map(|f| f["identifier"].as_str()).collect();
        assert_eq!(named, files);
    }

    #[test]
    fn the_toasts_can_neither_record_nor_delete() {
        let toast = allowed(TOAST, crate::toast::LABEL);
        for command in
            ["start_recording", "stop_recording", "rename", "delete_recordings", "sign_out"]
        {
            assert!(!toast.contains(command), "{command}");
        }
    }
}
