//! The program without a window: one event loop that owns the store, both state machines (recorder and
//! upload), the uplink and the view models. Shells plug in an implementation of [`Capture`]; `app` never
//! names one.
//!
//! [`App`] is the only entry point. Its methods enqueue a command and wait for the event loop's reply.
//! Shells get what they show from [`App::snapshot`] and ask again whenever [`App::changes`] reports a
//! change.
//!
//! Length: one method for each thing that a shell can ask for, each of a few lines.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod account;
mod callback_page;
pub mod control;
mod diagnostics;
mod engine;
mod error;
mod finish;
mod hints;
mod home;
pub mod logs;
mod media;
mod messages;
mod named_settings;
mod reach;
mod settings;
mod settings_change;
mod shelf;
mod shortcuts;
mod sign_in;
mod sleep;
mod source;
mod throttle;
mod titles;
mod tokens;
mod uplink;
pub mod view;
mod views;
mod webcam;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde::Serialize;
use snaplark_core::capture::{Capture, Sound};
use snaplark_core::overlay::{Marks, Webcam};
use snaplark_core::upload::{Failure, ProbeVerdict};
use snaplark_store::{Store, StoreError};
use tokio::sync::{mpsc, oneshot, watch};

pub use account::{Account, Token};
pub use callback_page::CallbackPage;
pub use error::AppError;
pub use home::{Home, writable};
pub use media::{Media, WholeMedia};
use messages::{Command, Message};
pub use named_settings::{SETTING_NAMES, setting};
pub use reach::{LinkReach, LocalLinks, LocalNetwork, LocalNetworkView};
pub use settings::{
    AfterSleep, DesktopSettings, Fps, KEEP_SECONDS, Language, Microphone, Notifications,
    PictureSize, Quality, RecordingSettings, Settings, Theme, UploadSettings,
};
pub use settings_change::SettingsChange;
pub use shortcuts::{Serves, Shortcut, ShortcutKeys};
pub use sign_in::BrowserSignIn;
pub use snaplark_api::untrusted::is_web_link;
pub use snaplark_api::{Profile, base_url};
pub use snaplark_core::RecordingId;
pub use snaplark_core::capture::{Listening, Source};
pub use snaplark_core::policy::SpaceLimits;
pub use snaplark_store::{Rebuilt, create_private_folder as private_folder};
use view::{Levels, PreviewView, Snapshot};
pub use webcam::{Camera, KeysShown, WebcamSettings, WebcamShape, WebcamState};

/// How long closing waits until requests from other programs are answered. Requests that wait for a person
/// may take longer and are cut off.
const ANSWERING_MAX: Duration = Duration::from_secs(1);
/// Capture has a bounded queue of its own; this inbox only has to outlast a slow commit.
const INBOX_MESSAGES_MAX: usize = 256;

pub struct AppOptions {
    pub home: Home,
    /// `None`: nothing is uploaded and recordings stay on this computer.
    pub account: Option<Account>,
    pub capture: Arc<dyn Capture>,
    pub keeps: Keeps,
    /// Called on the event loop's thread; must not block.
    pub notices: Box<dyn Fn(Notice) + Send + Sync>,
}

/// How much of the last minutes this program keeps in the ring buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// Nothing is kept, because the program runs for a single command.
    Nothing,
    /// The settings decide. For a program that runs as long as the person is signed in to the desktop.
    AsSet,
    Last(Duration),
}

/// Something that the shell has to do without a person having asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Put the link on the clipboard, then confirm with [`App::note_link_copied`].
    CopyLink { recording: RecordingId, link: String },
    /// Ask the person where to put this file, then report the answer with [`App::move_file`].
    AskWhere { recording: RecordingId, file: PathBuf },
    /// Another program has signed out, so nothing is uploaded any more. The shell may name another
    /// destination with [`App::upload_to`].
    SignedOut,
}

/// A server's answer to a connection test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reached {
    pub server: String,
    pub took_ms: u64,
    /// The server accepts the account's token.
    pub knows_token: bool,
    /// The server's version, if it reports one.
    pub version: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartRequest {
    pub source: Source,
    /// Has the desktop show its sharing dialog even if a permission from earlier is stored.
    pub asks: bool,
    pub fps: u32,
    pub bitrate_bits: u32,
    /// Allows a hardware encoder of the graphics card where one works.
    pub hardware_encoding: bool,
    /// The maximum number of pixels of the picture's shorter side. `None`: the size of the source.
    pub lines_max: Option<u32>,
    pub pointer: bool,
    pub sound: Sound,
    /// True while the microphone is recorded as silence; changed with [`App::set_muted`].
    pub muted: bool,
    pub webcam: Webcam,
    pub marks: Marks,
    /// Uploads the recording, if there is an account.
    pub upload: bool,
    /// A countdown before the recording begins, so that the person can get ready.
    pub countdown: Option<Duration>,
    /// The recording ends by itself at this length; pauses do not count.
    pub limit: Option<Duration>,
    /// The recording begins this long ago, with segments from the ring buffer.
    pub past: Option<Duration>,
    pub space: SpaceLimits,
}

impl Default for StartRequest {
    fn default() -> Self {
        StartRequest {
            source: Source::Display(None),
            asks: false,
            fps: 30,
            bitrate_bits: 2_500_000,
            hardware_encoding: true,
            lines_max: PictureSize::P1080.lines_max(),
            pointer: true,
            sound: Sound::default(),
            muted: false,
            webcam: Webcam::default(),
            marks: Marks::default(),
            upload: true,
            countdown: None,
            limit: None,
            past: None,
            space: SpaceLimits::default(),
        }
    }
}

/// A handle to the running program. Clones are handles to the same program.
#[derive(Clone)]
pub struct App {
    inbox: mpsc::Sender<Message>,
    changes: watch::Receiver<u64>,
    levels: watch::Sender<Levels>,
    settings: watch::Receiver<Settings>,
    /// The number of requests from other programs that are not answered yet.
    answering: watch::Sender<usize>,
    home: Home,
}

impl App {
    /// Opens the store, repairs what an earlier run left unfinished, and resumes uploads. Must be called
    /// within a tokio runtime, which has to outlive the app.
    pub async fn open(options: AppOptions) -> Result<App, AppError> {
        let (inbox, messages) = mpsc::channel(INBOX_MESSAGES_MAX);
        let (changed, changes) = watch::channel(1);
        let (is_awake, awake) = watch::channel(false);
        let levels = watch::Sender::default();
        let home = options.home.clone();
        let (settings_changed, settings) = watch::channel(Settings::default());
        let told =
            engine::Told { changed, is_awake, levels: levels.clone(), settings: settings_changed };
        let engine = engine::Engine::open(options, inbox.clone(), told)?;
        let runtime = tokio::runtime::Handle::current();
        // A thread of its own, because commits sync the disk and no other task should wait for that.
        std::thread::Builder::new()
            .name("snaplark-app".into())
            .spawn(move || runtime.block_on(engine.run(messages)))
            .map_err(AppError::home)?;
        hints::watch(&inbox);
        sleep::watch(&inbox, awake);
        let answering = watch::Sender::default();
        let app = App { inbox, changes, levels, answering, settings, home };
        control::listen(&app.home, &app);
        Ok(app)
    }

    /// Returns a watch channel with a number that grows with every change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Returns a watch channel with the sound levels, updated ten times a second while something is
    /// recorded. Levels do not count as changes. A recording measures no levels unless someone holds a
    /// receiver when it starts.
    pub fn levels(&self) -> watch::Receiver<Levels> {
        self.levels.subscribe()
    }

    pub async fn snapshot(&self) -> Result<Snapshot, AppError> {
        self.snapshot_since(0).await
    }

    /// Returns a snapshot with only those recordings that changed since the snapshot of version `since`. A
    /// shell that asks many times a second must not receive thousands of recordings each time.
    pub async fn snapshot_since(&self, since: u64) -> Result<Snapshot, AppError> {
        self.ask(|reply| Command::Snapshot { since, reply }).await
    }

    /// Starts a recording. Returns when the first frame has arrived, or when it is certain that none will.
    pub async fn start_recording(&self, request: StartRequest) -> Result<RecordingId, AppError> {
        self.ask(|reply| Command::Start { request, reply }).await?
    }

    /// Stops the recording. Returns when the last segment is committed.
    pub async fn stop_recording(&self) -> Result<RecordingId, AppError> {
        self.ask(|reply| Command::Stop { reply }).await?
    }

    /// Pauses the recording. Its time stands still until it is resumed, and the video has no gap.
    pub async fn pause_recording(&self) -> Result<(), AppError> {
        self.ask(|reply| Command::Pause { paused: true, reply }).await?
    }

    pub async fn resume_recording(&self) -> Result<(), AppError> {
        self.ask(|reply| Command::Pause { paused: false, reply }).await?
    }

    /// Sets whether the microphone is recorded as silence, exact to the sample. The sound that the computer
    /// plays is recorded either way.
    pub async fn set_muted(&self, muted: bool) -> Result<(), AppError> {
        self.ask(|reply| Command::Mute { muted, reply }).await?
    }

    /// Returns the request of the recording that runs or is about to begin.
    pub async fn recorded(&self) -> Result<Option<StartRequest>, AppError> {
        self.ask(|reply| Command::Recorded { reply }).await
    }

    /// Shows or hides the webcam in the current recording and in later ones.
    pub async fn show_webcam(&self, shown: bool) -> Result<(), AppError> {
        self.ask(|reply| Command::ShowWebcam { shown: Some(shown), reply }).await?.map(drop)
    }

    /// Shows the webcam if it is hidden, else hides it, as the shortcut does. Returns whether it is shown
    /// now.
    pub async fn toggle_webcam(&self) -> Result<bool, AppError> {
        self.ask(|reply| Command::ShowWebcam { shown: None, reply }).await?
    }

    /// Ends the recording and deletes it on this computer. The parts that are already uploaded never become
    /// a finished video; servers delete such sessions. The caller must have asked the person for
    /// confirmation.
    pub async fn cancel_recording(&self) -> Result<(), AppError> {
        self.ask(|reply| Command::Cancel { reply }).await?.map(drop)
    }

    /// Cancels the recording like [`App::cancel_recording`] and starts another with the same request.
    pub async fn restart_recording(&self) -> Result<RecordingId, AppError> {
        let request = self.ask(|reply| Command::Cancel { reply }).await??;
        // The desktop asked for permission when the first recording started; that permission still holds.
        self.start_recording(StartRequest { asks: false, ..request }).await
    }

    /// Starts a recording if none is running, else stops it, as the shortcut does.
    pub async fn toggle_recording(&self, request: StartRequest) -> Result<RecordingId, AppError> {
        self.ask(|reply| Command::Toggle { request, reply }).await?
    }

    /// Makes a recording of the last `length` of the ring buffer, or of all of it if `None`. The ring
    /// buffer keeps running. Returns when every segment of the recording is committed.
    pub async fn share_last(&self, length: Option<Duration>) -> Result<RecordingId, AppError> {
        self.ask(|reply| Command::Share { length, reply }).await?
    }

    /// Freezes the content of the ring buffer so that a person can look at it before any of it is shared.
    /// The ring buffer keeps running. Returns the id of the preview, which its recording will have too. If
    /// a preview exists already, it is returned instead.
    pub async fn preview_last(&self) -> Result<RecordingId, AppError> {
        self.ask(|reply| Command::AskPreview { reply }).await?
    }

    /// Returns the preview that is neither shared nor discarded, including one from an earlier run.
    pub async fn preview(&self) -> Result<Option<PreviewView>, AppError> {
        self.ask(|reply| Command::Preview { reply }).await
    }

    /// Makes a recording of a range of the preview's segments. Answers when every one of them is
    /// committed. On an error the preview stays.
    pub async fn share_preview(
        &self,
        recording: RecordingId,
        range: Range<usize>,
    ) -> Result<RecordingId, AppError> {
        self.ask(|reply| Command::SharePreview { recording, range, reply }).await?
    }

    /// Deletes a preview that is still there.
    pub async fn discard_preview(&self, recording: RecordingId) -> Result<(), AppError> {
        self.ask(|reply| Command::DiscardPreview { recording, reply }).await?
    }

    /// Returns whether this run has asked the server for damaged copies and sent it every title, or the
    /// server can't be reached. Recordings whose copies are damaged are then no longer shown as online but
    /// as to be sent again.
    pub async fn is_in_step_with_server(&self) -> Result<bool, AppError> {
        self.ask(|reply| Command::InStepWithServer { reply }).await
    }

    /// Returns why a recording of this run ended without anybody stopping it: `disk-full`, `slept`, or the
    /// code of the failure.
    pub async fn why_ended(&self, recording: RecordingId) -> Result<Option<String>, AppError> {
        self.ask(|reply| Command::WhyEnded { recording, reply }).await
    }

    /// Retries a stopped or waiting upload now. A recording without an upload gets one.
    pub async fn retry(&self, recording: RecordingId) -> Result<(), AppError> {
        self.ask(|reply| Command::Retry { recording, reply }).await?
    }

    pub async fn rename(&self, recording: RecordingId, title: String) -> Result<(), AppError> {
        self.ask(|reply| Command::Rename { recording, title, reply }).await?
    }

    /// Hides recordings at once and deletes them a little later. Until then, [`App::undo_delete`] restores
    /// them.
    pub async fn delete_undoably(&self, recordings: Vec<RecordingId>) -> Result<(), AppError> {
        self.ask(|reply| Command::DeleteUndoably { recordings, reply }).await?
    }

    /// Restores what was deleted last, if it still exists.
    pub async fn undo_delete(&self) -> Result<(), AppError> {
        self.ask(|reply| Command::UndoDelete { reply }).await?
    }

    /// Deletes the recording on this computer immediately. The server's copy stays.
    pub async fn delete(&self, recording: RecordingId) -> Result<(), AppError> {
        self.ask(|reply| Command::Delete { recording, reply }).await?
    }

    /// Returns the media of a recording: all segments that are sealed.
    pub async fn media(&self, recording: RecordingId) -> Result<Media, AppError> {
        self.ask(|reply| Command::Media { recording, reply }).await?
    }

    /// Dismisses a toast. `recording_id` is the id that the toast carries.
    pub async fn dismiss_toast(&self, recording_id: String) -> Result<(), AppError> {
        self.send(Command::DismissToast { recording_id }).await
    }

    /// Notes that the person has read that the list of recordings was rebuilt.
    pub async fn dismiss_rebuilt(&self) -> Result<(), AppError> {
        self.send(Command::DismissRebuilt).await
    }

    pub async fn note_link_copied(&self, recording: RecordingId) -> Result<(), AppError> {
        self.send(Command::NoteLinkCopied { recording }).await
    }

    /// Shows a toast once, saying that the recorder bar is hidden from recordings. `keys` is the shortcut
    /// that stops a recording; empty if there is none.
    pub async fn note_bar_hidden(&self, keys: String) -> Result<(), AppError> {
        self.send(Command::NoteBarHidden { keys }).await
    }

    /// Moves the person's own file of a recording to `to`. On any error it stays where it is.
    pub async fn move_file(&self, recording: RecordingId, to: PathBuf) -> Result<(), AppError> {
        let id = recording.to_string();
        let snapshot = self.snapshot().await?;
        let known = snapshot.recordings.into_iter().find(|recording| recording.id == id);
        let Some(from) = known.and_then(|recording| recording.file).map(PathBuf::from) else {
            return Err(AppError::NothingRecorded);
        };
        if from == to {
            return Ok(());
        }
        let (old, new) = (from.clone(), to.clone());
        let copied = tokio::task::spawn_blocking(move || finish::copy_file(&old, &new)).await;
        let failed = |reason: String| AppError::NotMoved { to: to.display().to_string(), reason };
        copied.map_err(|_| AppError::Closing)?.map_err(|error| failed(error.to_string()))?;
        let noted = to.clone();
        self.ask(|reply| Command::FileMoved { recording, to: noted, reply }).await??;
        tokio::fs::remove_file(&from).await.map_err(|error| failed(error.to_string()))
    }

    /// Asks the account's server whether it can be reached and accepts the token.
    pub async fn test_connection(&self) -> Result<Reached, AppError> {
        let Some(account) = self.account().await? else {
            return Err(AppError::Network { reason: "no cloud runs here".into() });
        };
        let server = account.server_name();
        let uplink = uplink::Uplink::new(account, Arc::default())?;
        let asked = Instant::now();
        let unreachable = |reason| AppError::ServerUnreachable { server: server.clone(), reason };
        let version = match uplink.probe().await {
            ProbeVerdict::Online { capabilities } => capabilities.map(|able| able.version),
            ProbeVerdict::Offline { detail } => return Err(unreachable(detail)),
        };
        let took_ms = asked.elapsed().as_millis() as u64;
        let knows_token = match uplink.check_token().await {
            Ok(()) => true,
            Err(Failure::Unauthorized) => false,
            Err(failure) => return Err(unreachable(failure.to_string())),
        };
        Ok(Reached { server, took_ms, knows_token, version })
    }

    /// Sets the API profile used with the account's server if that doesn't report what it supports.
    pub async fn set_profile(&self, profile: Profile) -> Result<(), AppError> {
        match self.account().await? {
            Some(account) => self.use_account(Some(Account { profile, ..account })).await,
            None => Ok(()),
        }
    }

    /// Returns a report that helps others to find a problem. It contains nothing personal: no token, title,
    /// address or path. `facts` is what the shell knows about the computer.
    pub async fn diagnostics(&self, facts: &[(&str, String)]) -> Result<String, AppError> {
        let (snapshot, settings) = (self.snapshot().await?, self.settings().await?);
        Ok(diagnostics::write(
            facts,
            &snapshot,
            &settings,
            self.account().await?.as_ref(),
            &self.home,
        ))
    }

    /// Returns the account that uploads go to.
    pub async fn account(&self) -> Result<Option<Account>, AppError> {
        self.ask(|reply| Command::Account { reply }).await
    }

    /// Signs in: uploads go to `account` from now on. Tries the token at the server first. With `remember`
    /// the token is stored in the keyring, otherwise it lasts for this session only. On any error nothing
    /// has changed.
    pub async fn sign_in(&self, account: Account, remember: bool) -> Result<(), AppError> {
        account.check_way()?;
        let server = account.server_name();
        let uplink = uplink::Uplink::new(account.clone(), Arc::default())?;
        match uplink.check_token().await {
            Ok(()) => {}
            Err(Failure::Unauthorized) => return Err(AppError::TokenRefused { server }),
            Err(failure) => {
                let reason = failure.to_string();
                return Err(AppError::ServerUnreachable { server, reason });
            }
        }
        let before = self.account().await?;
        let same = before.as_ref().filter(|before| before.base_url == account.base_url);
        let mut account = account;
        // A token that an earlier sign-in stored in the keyring stays there until the person signs out.
        account.token_is_kept = same.is_some_and(|before| before.token_is_kept);
        if let (true, Some(token)) = (remember, account.token.clone()) {
            let base_url = account.base_url.clone();
            on_keyring(move || tokens::save(&base_url, &token)).await?;
            account.token_is_kept = true;
        }
        let left = before.filter(|before| before.base_url != account.base_url);
        self.use_account(Some(account)).await?;
        match left {
            Some(left) => forget(&left).await,
            None => Ok(()),
        }
    }

    /// Signs out: removes the token from the keyring and uploads to `next` from now on. The person is
    /// signed out even if the keyring fails.
    pub async fn sign_out(&self, next: Option<Account>) -> Result<(), AppError> {
        let left = self.account().await?;
        self.use_account(next).await?;
        match left {
            Some(left) => forget(&left).await,
            None => Ok(()),
        }
    }

    /// Sets the shell's state of sharing on the local network, from which links are made from now on.
    pub async fn set_local_network(&self, network: LocalNetwork) -> Result<(), AppError> {
        self.send(Command::SetLocalNetwork { network }).await
    }

    /// Sets why the embedded cloud is not running, if uploads would go to it. Recordings work without it
    /// and get their links when [`App::use_account`] names a cloud.
    pub async fn set_cloud_problem(&self, problem: Option<String>) -> Result<(), AppError> {
        self.send(Command::SetCloudProblem { problem }).await
    }

    /// Signs out on behalf of another program and notifies the shell, which may have an embedded cloud for
    /// later recordings.
    async fn sign_out_elsewhere(&self) -> Result<(), AppError> {
        let signed_out = self.sign_out(None).await;
        self.send(Command::TellSignedOut).await?;
        signed_out
    }

    /// Uploads to `account` from now on, unless there is an account already.
    pub async fn upload_to(&self, account: Account) -> Result<(), AppError> {
        match self.account().await? {
            Some(_) => Ok(()),
            None => self.use_account(Some(account)).await,
        }
    }

    /// Uploads to `account` from now on. Nothing is signed in or out and the keyring is not touched.
    pub async fn use_account(&self, account: Option<Account>) -> Result<(), AppError> {
        self.ask(|reply| Command::SwitchAccount { account, reply }).await?
    }

    pub async fn settings(&self) -> Result<Settings, AppError> {
        self.ask(|reply| Command::Settings { reply }).await
    }

    /// Applies a change to the current settings and returns the result. Settings that the change doesn't
    /// name keep their values, whoever set them last.
    pub async fn change_settings(&self, change: SettingsChange) -> Result<Settings, AppError> {
        self.ask(|reply| Command::ChangeSettings { change, reply }).await?
    }

    /// Returns a watch channel with the settings, for a shell that follows them.
    pub fn settings_changes(&self) -> watch::Receiver<Settings> {
        self.settings.clone()
    }

    /// Changes one setting, with name and value as the command line writes them, and returns all settings.
    pub async fn change_setting(&self, name: String, value: String) -> Result<Settings, AppError> {
        self.ask(|reply| Command::ChangeSetting { name, value, reply }).await?
    }

    /// Stores a value that the shell needs after a restart, such as the position of a window.
    pub async fn remember(&self, what: &str, value: String) -> Result<(), AppError> {
        let what = what.to_owned();
        self.ask(|reply| Command::Remember { what, value, reply }).await?
    }

    pub async fn recall(&self, what: &str) -> Result<Option<String>, AppError> {
        let what = what.to_owned();
        self.ask(|reply| Command::Recall { what, reply }).await?
    }

    /// Pauses an upload until it is resumed. Its parts stay on this computer.
    pub async fn pause_upload(&self, recording: RecordingId) -> Result<(), AppError> {
        self.send(Command::PauseUpload { recording, paused: true }).await
    }

    pub async fn resume_upload(&self, recording: RecordingId) -> Result<(), AppError> {
        self.send(Command::PauseUpload { recording, paused: false }).await
    }

    /// Reports that the network may have changed, so that the server is probed now instead of at the next
    /// retry.
    pub async fn hint_network(&self) -> Result<(), AppError> {
        self.send(Command::HintNetwork).await
    }

    /// Closes a running recording properly, then ends the event loop. Unfinished uploads resume at the next
    /// start.
    pub async fn shutdown(&self) {
        // The program may be closing because of a request from another program, which still needs its
        // answer.
        let mut answering = self.answering.subscribe();
        let answered = answering.wait_for(|count| *count == 0);
        drop(tokio::time::timeout(ANSWERING_MAX, answered).await);
        let (reply, done) = oneshot::channel();
        if self.inbox.send(Message::Command(Command::Shutdown { reply })).await.is_ok() {
            let _ = done.await;
        }
    }

    async fn send(&self, command: Command) -> Result<(), AppError> {
        self.inbox.send(Message::Command(command)).await.map_err(|_| AppError::Closing)
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, AppError> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply)).await?;
        answer.await.map_err(|_| AppError::Closing)
    }
}

/// Removes the token of an account that is no longer used. A token that the server has revoked may stay in
/// a keyring that can't be opened.
async fn forget(account: &Account) -> Result<(), AppError> {
    let base_url = account.base_url.clone();
    let forgotten = match account.token_is_kept {
        true => on_keyring(move || tokens::forget(&base_url)).await,
        false => Ok(()),
    };
    let is_void = sign_in::give_back(account).await;
    match forgotten {
        Err(AppError::NoKeyring { reason }) if !is_void => Err(AppError::TokenRemains { reason }),
        Err(AppError::NoKeyring { .. }) | Ok(()) => Ok(()),
        Err(other) => Err(other),
    }
}

async fn on_keyring(
    act: impl FnOnce() -> Result<(), tokens::KeyringProblem> + Send + 'static,
) -> Result<(), AppError> {
    let done = tokio::task::spawn_blocking(act).await.map_err(|_| AppError::Closing)?;
    done.map_err(|tokens::KeyringProblem(reason)| AppError::NoKeyring { reason })
}

/// Returns the stored settings, whether or not a program is running.
pub fn stored_settings(home: &Home) -> Result<Settings, AppError> {
    let Some(store) = open_to_read(home)? else { return Ok(Settings::default()) };
    Ok(Settings::stored(&store)?)
}

/// Changes one setting in the store. Fails with `in-use` while a program is running.
pub fn store_setting(home: &Home, name: &str, value: &str) -> Result<Settings, AppError> {
    let store = open_store(home)?;
    let mut settings = Settings::stored(&store)?;
    named_settings::change_setting(&mut settings, name, value)
        .map_err(|reason| AppError::BadSetting { reason })?;
    settings.store(&store)?;
    Ok(settings)
}

/// Returns what the store knows without the running program, for `snaplark list` and similar commands.
pub fn peek(home: &Home) -> Result<Option<Snapshot>, AppError> {
    let Some(store) = open_to_read(home)? else { return Ok(None) };
    Ok(Some(views::of_rows(&store, home)?))
}

/// Opens the store for reading, whatever the state of its database. A database that is broken, or missing
/// beside existing recordings, is rebuilt first, unless a program is running that will do so.
fn open_to_read(home: &Home) -> Result<Option<Store>, AppError> {
    let read = || {
        let Some(store) = Store::open_to_read(&home.root)? else { return Ok(None) };
        // Reads all rows now, because a damaged page shows only when it is read.
        store.recordings()?;
        store.setting(account::SETTING)?;
        Ok::<_, StoreError>(Some(store))
    };
    match read() {
        Ok(Some(store)) => Ok(Some(store)),
        Ok(None) if !Store::has_recordings(&home.root) => Ok(None),
        Err(error) if !error.is_broken() => Err(error.into()),
        Ok(None) | Err(_) if Store::is_in_use(&home.root) => Ok(read()?),
        Ok(None) | Err(_) => {
            let mut store = open_store(home)?;
            store.recover(&finish::Webm)?;
            drop(store);
            Ok(read()?)
        }
    }
}

/// The result of a rebuild in this process; set by every call that opens the store.
static REBUILT_HERE: OnceLock<Rebuilt> = OnceLock::new();

/// Opens the store for writing, whatever state its database is in.
pub(crate) fn open_store(home: &Home) -> Result<Store, StoreError> {
    let (store, rebuilt) = Store::open_or_rebuild(&home.root, &finish::Webm)?;
    if let Some(rebuilt) = rebuilt {
        let _ = REBUILT_HERE.set(rebuilt);
    }
    Ok(store)
}

/// Returns what this process had to rebuild, for a program without a window to report.
pub fn rebuilt_here() -> Option<Rebuilt> {
    REBUILT_HERE.get().cloned()
}

/// Returns what the last rebuild of the list of recordings did, or `None` if it was never rebuilt.
pub fn rebuilt(home: &Home) -> Result<Option<Rebuilt>, AppError> {
    match open_to_read(home)? {
        Some(store) => Ok(store.rebuilt()?),
        None => Ok(None),
    }
}
