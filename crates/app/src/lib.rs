//! The program without a window: one event loop that owns the store and both machines, the uplink,
//! and the view models. The shells plug in what captures; `app` never names it.
//!
//! [`App`] is the only door. Its methods enqueue a request and wait for the loop's answer; what
//! shells show they get from [`App::snapshot`], asked again whenever [`App::changes`] says so.
//!
//! Length: one method for each thing that a shell can ask, each of a few lines.

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

/// Orders are answered within this time before the program closes; one that waits for a person isn't.
const ANSWERING_MAX: Duration = Duration::from_secs(1);
/// Capture's own queue is bounded; this one only has to outlast a slow commit.
const INBOX_MESSAGES_MAX: usize = 256;

pub struct AppOptions {
    pub home: Home,
    /// `None`: nothing goes up, recordings stay here.
    pub account: Option<Account>,
    pub capture: Arc<dyn Capture>,
    pub keeps: Keeps,
    /// Called on the loop's thread; must not block.
    pub notices: Box<dyn Fn(Notice) + Send + Sync>,
}

/// What of the last minutes this program keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// It runs for a single command.
    Nothing,
    /// It runs for as long as its person is there.
    AsSet,
    Last(Duration),
}

/// What a shell does without being asked by a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Put it on the clipboard, and say so with [`App::note_link_copied`].
    CopyLink { recording: RecordingId, link: String },
    /// Ask where the person wants this file, and say so with [`App::move_file`].
    AskWhere { recording: RecordingId, file: PathBuf },
    /// Another program has signed out, so that uploads go nowhere: say where with
    /// [`App::upload_to`].
    SignedOut,
}

/// What a server answered when it was asked whether it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reached {
    pub server: String,
    pub took_ms: u64,
    /// It knows the account's token.
    pub knows_token: bool,
    /// Of the server, where it says so.
    pub version: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartRequest {
    pub source: Source,
    /// Where the desktop asks what to share, it asks, whatever it permitted before.
    pub asks: bool,
    pub fps: u32,
    pub bitrate_bits: u32,
    /// An encoder of the graphics card may be used, where it works.
    pub hardware_encoding: bool,
    /// The shorter side has so many pixels at most. `None`: as the source is.
    pub lines_max: Option<u32>,
    pub pointer: bool,
    pub sound: Sound,
    /// Whether the microphone is silence; changes with [`App::set_muted`].
    pub muted: bool,
    pub webcam: Webcam,
    pub marks: Marks,
    /// Whether it goes up, where there is an account.
    pub upload: bool,
    /// Time to get ready.
    pub countdown: Option<Duration>,
    /// It ends by itself when it is so long; pauses do not count.
    pub limit: Option<Duration>,
    /// It begins so long ago, out of what is kept.
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

/// A handle to the running program; clones talk to the same one.
#[derive(Clone)]
pub struct App {
    inbox: mpsc::Sender<Message>,
    changes: watch::Receiver<u64>,
    levels: watch::Sender<Levels>,
    settings: watch::Receiver<Settings>,
    /// How many other programs wait for an answer.
    answering: watch::Sender<usize>,
    home: Home,
}

impl App {
    /// Opens the store, makes whole what an earlier run left, and goes on with unfinished uploads.
    /// Must be called within a tokio runtime, which has to outlive the app.
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
        // A thread of its own: commits sync the disk, which no other task should wait for.
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

    /// Grows with every change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// How loud it is, ten times a second while something is recorded. Nothing else changes with it,
    /// and a recording during whose start nobody holds one tells none.
    pub fn levels(&self) -> watch::Receiver<Levels> {
        self.levels.subscribe()
    }

    pub async fn snapshot(&self) -> Result<Snapshot, AppError> {
        self.snapshot_since(0).await
    }

    /// Of recordings only what changed since the snapshot of that version: who asks many times a
    /// second must not be handed thousands each time.
    pub async fn snapshot_since(&self, since: u64) -> Result<Snapshot, AppError> {
        self.ask(|reply| Command::Snapshot { since, reply }).await
    }

    /// Answers when the first frame is there, or when it is clear that none comes.
    pub async fn start_recording(&self, request: StartRequest) -> Result<RecordingId, AppError> {
        self.ask(|reply| Command::Start { request, reply }).await?
    }

    /// Answers when the last segment is committed.
    pub async fn stop_recording(&self) -> Result<RecordingId, AppError> {
        self.ask(|reply| Command::Stop { reply }).await?
    }

    /// Its time stands still until it is resumed, without a gap in the video.
    pub async fn pause_recording(&self) -> Result<(), AppError> {
        self.ask(|reply| Command::Pause { paused: true, reply }).await?
    }

    pub async fn resume_recording(&self) -> Result<(), AppError> {
        self.ask(|reply| Command::Pause { paused: false, reply }).await?
    }

    /// Whether the microphone is silence, to the sample; what the computer plays goes on.
    pub async fn set_muted(&self, muted: bool) -> Result<(), AppError> {
        self.ask(|reply| Command::Mute { muted, reply }).await?
    }

    /// What is recorded now, or about to be.
    pub async fn recorded(&self) -> Result<Option<StartRequest>, AppError> {
        self.ask(|reply| Command::Recorded { reply }).await
    }

    /// In the recording of now and in those after it.
    pub async fn show_webcam(&self, shown: bool) -> Result<(), AppError> {
        self.ask(|reply| Command::ShowWebcam { shown: Some(shown), reply }).await?.map(drop)
    }

    /// The shortcut: shown where it is not, and not where it is. The answer is whether it is shown.
    pub async fn toggle_webcam(&self) -> Result<bool, AppError> {
        self.ask(|reply| Command::ShowWebcam { shown: None, reply }).await?
    }

    /// Ends it and deletes it here. What of it went up never becomes a finished video; servers sweep
    /// such. Whoever calls this has asked the person.
    pub async fn cancel_recording(&self) -> Result<(), AppError> {
        self.ask(|reply| Command::Cancel { reply }).await?.map(drop)
    }

    /// As `cancel_recording`, and begins another of the same kind.
    pub async fn restart_recording(&self) -> Result<RecordingId, AppError> {
        let request = self.ask(|reply| Command::Cancel { reply }).await??;
        // What the desktop was asked for then is what it permits now.
        self.start_recording(StartRequest { asks: false, ..request }).await
    }

    /// The shortcut: starts where nothing runs, else stops.
    pub async fn toggle_recording(&self, request: StartRequest) -> Result<RecordingId, AppError> {
        self.ask(|reply| Command::Toggle { request, reply }).await?
    }

    /// So much of what is kept, up to now, becomes a recording; `None`: all of it. Keeping goes on.
    /// Answers when every segment of it is committed.
    pub async fn share_last(&self, length: Option<Duration>) -> Result<RecordingId, AppError> {
        self.ask(|reply| Command::Share { length, reply }).await?
    }

    /// Freezes all that is kept, for a person to look at before any of it is shared; keeping goes on.
    /// Returns the id of the preview, which its recording will have. As long as one is there, it is
    /// that one.
    pub async fn preview_last(&self) -> Result<RecordingId, AppError> {
        self.ask(|reply| Command::AskPreview { reply }).await?
    }

    /// Returns the preview that is neither shared nor discarded, also one of an earlier run.
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

    /// Whether the server has been asked in this run which of its copies are damaged, and told every
    /// title; or can't be reached. What it has damaged is no longer said to be online then, but to be
    /// sent again.
    pub async fn is_in_step_with_server(&self) -> Result<bool, AppError> {
        self.ask(|reply| Command::InStepWithServer { reply }).await
    }

    /// Returns why a recording of this run ended where nobody stopped it: `disk-full`, `slept`, or the
    /// code of what failed.
    pub async fn why_ended(&self, recording: RecordingId) -> Result<Option<String>, AppError> {
        self.ask(|reply| Command::WhyEnded { recording, reply }).await
    }

    /// Makes a stopped or waiting upload try again now; a recording without one gets one.
    pub async fn retry(&self, recording: RecordingId) -> Result<(), AppError> {
        self.ask(|reply| Command::Retry { recording, reply }).await?
    }

    pub async fn rename(&self, recording: RecordingId, title: String) -> Result<(), AppError> {
        self.ask(|reply| Command::Rename { recording, title, reply }).await?
    }

    /// Out of sight at once, and deleted a little later; `undo_delete` has them back until then.
    pub async fn delete_undoably(&self, recordings: Vec<RecordingId>) -> Result<(), AppError> {
        self.ask(|reply| Command::DeleteUndoably { recordings, reply }).await?
    }

    /// What was deleted last is back, if it is still there.
    pub async fn undo_delete(&self) -> Result<(), AppError> {
        self.ask(|reply| Command::UndoDelete { reply }).await?
    }

    /// Deletes it here and now; what the server has stays there.
    pub async fn delete(&self, recording: RecordingId) -> Result<(), AppError> {
        self.ask(|reply| Command::Delete { recording, reply }).await?
    }

    /// The recording itself, as far as it is sealed.
    pub async fn media(&self, recording: RecordingId) -> Result<Media, AppError> {
        self.ask(|reply| Command::Media { recording, reply }).await?
    }

    /// `recording_id` as the toast names it.
    pub async fn dismiss_toast(&self, recording_id: String) -> Result<(), AppError> {
        self.send(Command::DismissToast { recording_id }).await
    }

    /// The person has read that the list of recordings was rebuilt.
    pub async fn dismiss_rebuilt(&self) -> Result<(), AppError> {
        self.send(Command::DismissRebuilt).await
    }

    pub async fn note_link_copied(&self, recording: RecordingId) -> Result<(), AppError> {
        self.send(Command::NoteLinkCopied { recording }).await
    }

    /// Says once that the recorder bar keeps out of what is recorded. `keys` stop it, where there are any.
    pub async fn note_bar_hidden(&self, keys: String) -> Result<(), AppError> {
        self.send(Command::NoteBarHidden { keys }).await
    }

    /// The person's own file of a recording gets another place. On any error it stays.
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

    /// Asks the account's server whether it is there, and whether it knows the token.
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

    /// How the account's server is spoken to from now on, where it doesn't say itself what it takes.
    pub async fn set_profile(&self, profile: Profile) -> Result<(), AppError> {
        match self.account().await? {
            Some(account) => self.use_account(Some(Account { profile, ..account })).await,
            None => Ok(()),
        }
    }

    /// What helps others to see what is wrong here, and nothing of the person's: no token, title,
    /// address or path. `facts` is what the shell knows of the computer.
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

    /// Where uploads go now.
    pub async fn account(&self) -> Result<Option<Account>, AppError> {
        self.ask(|reply| Command::Account { reply }).await
    }

    /// Uploads go there from now on. The token is tried at the server first; with `remember` it is
    /// put into the keyring, else it is gone with this session. On any error nothing has changed.
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
        // What an earlier sign-in left there stays until signing out.
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

    /// The token leaves the keyring, and uploads go to `next` from now on. Whatever the keyring
    /// does, the person is signed out.
    pub async fn sign_out(&self, next: Option<Account>) -> Result<(), AppError> {
        let left = self.account().await?;
        self.use_account(next).await?;
        match left {
            Some(left) => forget(&left).await,
            None => Ok(()),
        }
    }

    /// What the shell knows of sharing on the local network; links are handed out by it from now on.
    pub async fn set_local_network(&self, network: LocalNetwork) -> Result<(), AppError> {
        self.send(Command::SetLocalNetwork { network }).await
    }

    /// Why the cloud in this computer does not run, where uploads would go to it. Recordings go on
    /// without it, and get their links when [`App::use_account`] names one.
    pub async fn set_cloud_problem(&self, problem: Option<String>) -> Result<(), AppError> {
        self.send(Command::SetCloudProblem { problem }).await
    }

    /// Signs out on behalf of another program. The shell is told, which may have a cloud of its own
    /// for what is recorded from now on.
    async fn sign_out_elsewhere(&self) -> Result<(), AppError> {
        let signed_out = self.sign_out(None).await;
        self.send(Command::TellSignedOut).await?;
        signed_out
    }

    /// Uploads go there from now on, where they went nowhere.
    pub async fn upload_to(&self, account: Account) -> Result<(), AppError> {
        match self.account().await? {
            Some(_) => Ok(()),
            None => self.use_account(Some(account)).await,
        }
    }

    /// Uploads go there from now on, and nobody has signed in or out.
    pub async fn use_account(&self, account: Option<Account>) -> Result<(), AppError> {
        self.ask(|reply| Command::SwitchAccount { account, reply }).await?
    }

    pub async fn settings(&self) -> Result<Settings, AppError> {
        self.ask(|reply| Command::Settings { reply }).await
    }

    /// Applies a change to the settings of that moment and returns what they are then. Settings
    /// that the change doesn't name stay as whoever changed them last left them.
    pub async fn change_settings(&self, change: SettingsChange) -> Result<Settings, AppError> {
        self.ask(|reply| Command::ChangeSettings { change, reply }).await?
    }

    /// Returns the settings as a channel, for a shell that follows them.
    pub fn settings_changes(&self) -> watch::Receiver<Settings> {
        self.settings.clone()
    }

    /// Changes one setting by its name and its value as the command line has them, and returns all.
    pub async fn change_setting(&self, name: String, value: String) -> Result<Settings, AppError> {
        self.ask(|reply| Command::ChangeSetting { name, value, reply }).await?
    }

    /// Keeps what a shell wants to find again after a restart, such as the place of a window.
    pub async fn remember(&self, what: &str, value: String) -> Result<(), AppError> {
        let what = what.to_owned();
        self.ask(|reply| Command::Remember { what, value, reply }).await?
    }

    pub async fn recall(&self, what: &str) -> Result<Option<String>, AppError> {
        let what = what.to_owned();
        self.ask(|reply| Command::Recall { what, reply }).await?
    }

    /// Holds an upload until it is resumed; its parts stay here.
    pub async fn pause_upload(&self, recording: RecordingId) -> Result<(), AppError> {
        self.send(Command::PauseUpload { recording, paused: true }).await
    }

    pub async fn resume_upload(&self, recording: RecordingId) -> Result<(), AppError> {
        self.send(Command::PauseUpload { recording, paused: false }).await
    }

    /// The network may have changed: ask the server now instead of at the next try.
    pub async fn hint_network(&self) -> Result<(), AppError> {
        self.send(Command::HintNetwork).await
    }

    /// Closes a running recording properly, then ends. What is unsent goes on next time.
    pub async fn shutdown(&self) {
        // What another program has just ordered may be why this one ends.
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

/// Of an account that uploads go to no more. A token that is void may stay in a keyring that can't
/// be opened.
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

/// Returns the settings as they are stored, whether a program runs or not.
pub fn stored_settings(home: &Home) -> Result<Settings, AppError> {
    let Some(store) = open_to_read(home)? else { return Ok(Settings::default()) };
    Ok(Settings::stored(&store)?)
}

/// Changes one setting where no program runs; else it is refused as in use.
pub fn store_setting(home: &Home, name: &str, value: &str) -> Result<Settings, AppError> {
    let store = open_store(home)?;
    let mut settings = Settings::stored(&store)?;
    named_settings::change_setting(&mut settings, name, value)
        .map_err(|reason| AppError::BadSetting { reason })?;
    settings.store(&store)?;
    Ok(settings)
}

/// What is known without the running program: for `snaplark list` and the like.
pub fn peek(home: &Home) -> Result<Option<Snapshot>, AppError> {
    let Some(store) = open_to_read(home)? else { return Ok(None) };
    Ok(Some(views::of_rows(&store, home)?))
}

/// Opens the store to read, whatever state its database is in: one that is broken, or gone from
/// beside its recordings, is rebuilt first, unless a program runs that will.
fn open_to_read(home: &Home) -> Result<Option<Store>, AppError> {
    let read = || {
        let Some(store) = Store::open_to_read(&home.root)? else { return Ok(None) };
        // A page that is damaged shows when it is read.
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

/// Where every opening of a store leaves what it had to rebuild.
static REBUILT_HERE: OnceLock<Rebuilt> = OnceLock::new();

/// Opens the store for writing, whatever state its database is in.
pub(crate) fn open_store(home: &Home) -> Result<Store, StoreError> {
    let (store, rebuilt) = Store::open_or_rebuild(&home.root, &finish::Webm)?;
    if let Some(rebuilt) = rebuilt {
        let _ = REBUILT_HERE.set(rebuilt);
    }
    Ok(store)
}

/// What this process had to rebuild: a program without a window says so.
pub fn rebuilt_here() -> Option<Rebuilt> {
    REBUILT_HERE.get().cloned()
}

/// What the last rebuilding of the list did; `None` where it never was.
pub fn rebuilt(home: &Home) -> Result<Option<Rebuilt>, AppError> {
    match open_to_read(home)? {
        Some(store) => Ok(store.rebuilt()?),
        None => Ok(None),
    }
}
