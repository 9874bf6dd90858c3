//! The program without a window: one event loop that owns the store, both state machines (recorder and
//! upload), the destinations of uploads and the view models. Shells plug in an implementation of
//! [`Capture`]; `app` never names one.
//!
//! [`App`] is the only entry point. Its methods enqueue a command and wait for the event loop's reply.
//! Shells get what they show from [`App::snapshot`] and ask again whenever [`App::changes`] reports a
//! change.

#![warn(missing_docs, unreachable_pub)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod account;
mod callback_page;
mod command_error;
pub mod control;
pub mod cuts;
pub mod desktop;
mod diagnostics;
mod engine;
mod error;
mod error_code;
mod export_notes;
mod exports;
#[cfg(test)]
mod fake_render;
mod file_problem;
mod finish;
mod handover;
mod hints;
mod home;
pub mod imports;
mod jobs;
pub mod logs;
mod media;
mod messages;
mod new_place;
pub mod pictures;
mod reach;
mod setting_list;
mod settings;
mod settings_change;
mod shelf;
mod shortcuts;
mod sign_in;
mod signing;
mod sleep;
mod source;
mod start_request;
mod stored;
mod titles;
mod tokens;
pub mod view;
mod views;
mod webcam;
mod webhook;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use snaplark_core::capture::{Capture, Permission};
use snaplark_core::render::Render;
use snaplark_destinations::{Destination, Throttle};
use tokio::sync::{mpsc, oneshot, watch};

pub use account::Account;
pub use callback_page::CallbackPage;
pub use command_error::CommandError;
use engine::JobSpec;
pub use error::AppError;
pub use error_code::ErrorCode;
pub use exports::EditedRecording;
pub use handover::Handover;
pub use home::{Home, writable};
pub use imports::{FileRefusal, ImportOptions, Imports};
pub use media::{PlayableMedia, WholeMedia};
use messages::{EngineCommand, Message};
pub use new_place::{BucketStyle, NewPlace, PlaceOptions};
pub use pictures::{Arrival, ExportedPicture, NewPicture, PictureBytes, Pictures};
pub use reach::{LinkReach, LocalLinks, LocalNetwork, LocalNetworkView};
pub use setting_list::{AllowedValues, SETTINGS, Setting};
pub use settings::{
    AfterScreenshot, AfterSleep, DesktopSettings, Fps, KEEP_SECONDS, Language, Microphone,
    Notifications, PictureSize, Quality, RecordingSettings, ScreenshotFormat, ScreenshotSettings,
    Settings, Theme, UploadSettings,
};
pub use settings_change::SettingsChange;
pub use shortcuts::{Serves, Shortcut, ShortcutKeys, asked_by_flag};
pub use sign_in::BrowserSignIn;
pub use signing::Reached;
pub use snaplark_api::untrusted::is_web_link;
pub use snaplark_api::{Profile, base_url};
pub use snaplark_core::capture::{Listening, Source};
pub use snaplark_core::edit::{Area, DRAWING_JSON_BYTES_MAX, Drawing, Edit};
pub use snaplark_core::policy::SpaceLimits;
pub use snaplark_core::render::{
    ExportFormat, ExportOptions, PictureFormat, Recognized, RenderProgress,
};
pub use snaplark_core::{Action, ItemId, LinkAt, RecordingId, Way};
pub use snaplark_destinations::Token;
pub use snaplark_files::{make_folder as private_folder, options as private_options, write_beside};
pub use snaplark_store::Rebuilt;
pub use start_request::StartRequest;
pub(crate) use stored::{open_store, open_to_read};
pub use stored::{peek, rebuilt, rebuilt_here, store_setting, stored_settings};
use view::{JobKind, Levels, PreviewView, Snapshot, StruckView};
pub use webcam::{Camera, KeysShown, WebcamSettings, WebcamShape, WebcamState};
pub use webhook::{
    WebhookOutcome, WebhookTry, WebhookView, test_webhook, webhook_secret, webhook_view,
};

/// How long closing waits until requests from other programs are answered. Requests that wait for a person
/// may take longer and are cut off.
const ANSWERING_MAX: Duration = Duration::from_secs(1);
/// Capture has a bounded queue of its own; this inbox only has to outlast a slow commit.
const INBOX_MESSAGES_MAX: usize = 256;

/// The options with which a shell opens the program.
pub struct AppOptions {
    /// The folder of the program's data.
    pub home: Home,
    /// Where new uploads go. `None`: nothing new is uploaded, and recordings stay on this computer. Uploads
    /// that were begun for another server go on there if the keyring has its token.
    pub account: Option<Account>,
    /// Records the screen.
    pub capture: Arc<dyn Capture>,
    /// Makes files and stills of recordings.
    pub render: Arc<dyn Render>,
    /// How much of the last minutes is kept.
    pub keeps: Keeps,
    /// Is called on the event loop's thread, and must not block.
    pub notices: Box<dyn Fn(Notice) + Send + Sync>,
}

/// Makes the destination of an account.
pub type Connect =
    Arc<dyn Fn(&Account, Arc<Throttle>) -> Result<Arc<dyn Destination>, AppError> + Send + Sync>;

/// How much of the last minutes this program keeps in the ring buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// Nothing is kept, because the program runs for a single command.
    Nothing,
    /// The settings decide. For a program that runs as long as the person is signed in to the desktop.
    AsSet,
    /// So much is kept, whatever the settings say.
    Last(Duration),
}

/// Something that the shell has to do without a person having asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Put the link on the clipboard, then confirm with [`App::note_link_copied`].
    CopyLink {
        /// Whose link it is.
        recording: RecordingId,
        /// The link.
        link: String,
    },
    /// Ask the person where to put this file, then report the answer with [`App::move_file`].
    AskWhere {
        /// Whose file it is.
        recording: RecordingId,
        /// Where it is now.
        file: PathBuf,
    },
    /// Another program has signed out, so nothing is uploaded any more. The shell may name another
    /// destination with [`App::upload_to`].
    SignedOut,
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
    render: Arc<dyn Render>,
    publishing: Arc<cuts::publish::PublishTurns>,
    arrivals: Arc<pictures::Arrivals>,
}

impl App {
    /// Opens the store, repairs what an earlier run left unfinished, and resumes uploads. Must be called
    /// within a tokio runtime, which has to outlive the app.
    pub async fn open(options: AppOptions) -> Result<App, AppError> {
        let connect = |account: &Account, throttle| -> Result<Arc<dyn Destination>, AppError> {
            account.connect(throttle)
        };
        let others = Account::others(&options.home, options.account.as_ref()).await;
        App::open_all(options, others, Arc::new(connect)).await
    }

    /// Does the same, with other destinations than the servers that accounts name. For tests.
    pub async fn open_with(options: AppOptions, connect: Connect) -> Result<App, AppError> {
        App::open_all(options, Vec::new(), connect).await
    }

    async fn open_all(
        options: AppOptions,
        others: Vec<Account>,
        connect: Connect,
    ) -> Result<App, AppError> {
        let (inbox, messages) = mpsc::channel(INBOX_MESSAGES_MAX);
        let (changed, changes) = watch::channel(1);
        let (is_awake, awake) = watch::channel(false);
        let levels = watch::Sender::default();
        let (home, render) = (options.home.clone(), options.render.clone());
        let (appends, due_appends) = mpsc::unbounded_channel();
        let (settings_changed, settings) = watch::channel(Settings::default());
        let told = engine::Broadcasts {
            changed,
            is_awake,
            levels: levels.clone(),
            settings: settings_changed,
            appends,
        };
        let engine = engine::Engine::open(options, others, connect, inbox.clone(), told)?;
        let runtime = tokio::runtime::Handle::current();
        // A thread of its own, because commits sync the disk and no other task should wait for that.
        std::thread::Builder::new()
            .name("snaplark-app".into())
            .spawn(move || runtime.block_on(engine.run(messages)))
            .map_err(AppError::home)?;
        hints::watch(&inbox);
        sleep::watch(&inbox, awake);
        let answering = watch::Sender::default();
        let app = App {
            inbox,
            changes,
            levels,
            answering,
            settings,
            home,
            render,
            publishing: Arc::default(),
            arrivals: Arc::default(),
        };
        handover::sweep(&app.home);
        control::listen(&app.home, &app);
        tokio::spawn(cuts::append::run(app.clone(), due_appends));
        let root = app.home.root.clone();
        tokio::task::spawn_blocking(move || {
            pictures::sweep(&root);
            export_notes::sweep(&root);
        });
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

    /// Returns everything that a window shows.
    pub async fn snapshot(&self) -> Result<Snapshot, AppError> {
        self.snapshot_since(0).await
    }

    /// Returns a snapshot with only those recordings that changed since the snapshot of version `since`. A
    /// shell that asks many times a second must not receive thousands of recordings each time.
    pub async fn snapshot_since(&self, since: u64) -> Result<Snapshot, AppError> {
        self.ask(|reply| EngineCommand::Snapshot { since, reply }).await
    }

    /// Starts a recording. Returns when the first frame has arrived, or when it is certain that none will.
    pub async fn start_recording(&self, request: StartRequest) -> Result<RecordingId, AppError> {
        self.ask(|reply| EngineCommand::Start { request, reply }).await?
    }

    /// Stops the recording. Returns when the last segment is committed.
    pub async fn stop_recording(&self) -> Result<RecordingId, AppError> {
        self.ask(|reply| EngineCommand::Stop { reply }).await?
    }

    /// Pauses the recording. Its time stands still until it is resumed, and the video has no gap.
    pub async fn pause_recording(&self) -> Result<(), AppError> {
        self.ask(|reply| EngineCommand::Pause { paused: true, reply }).await?
    }

    /// Resumes a paused recording.
    pub async fn resume_recording(&self) -> Result<(), AppError> {
        self.ask(|reply| EngineCommand::Pause { paused: false, reply }).await?
    }

    /// Sets whether the microphone is recorded as silence, exact to the sample. The sound that the computer
    /// plays is recorded either way.
    pub async fn set_muted(&self, muted: bool) -> Result<(), AppError> {
        self.ask(|reply| EngineCommand::Mute { muted, reply }).await?
    }

    /// Strikes the last `length` of the recording: it goes on from before that. Returns when nothing of it is on
    /// this computer any more, with whether it had left it.
    pub async fn strike(&self, length: Duration) -> Result<StruckView, AppError> {
        self.ask(|reply| EngineCommand::Strike { length, reply }).await?
    }

    /// Returns the request of the recording that runs or is about to begin.
    pub async fn recorded(&self) -> Result<Option<StartRequest>, AppError> {
        self.ask(|reply| EngineCommand::Recorded { reply }).await
    }

    /// Shows or hides the webcam in the current recording and in later ones.
    pub async fn show_webcam(&self, shown: bool) -> Result<(), AppError> {
        self.ask(|reply| EngineCommand::ShowWebcam { shown: Some(shown), reply }).await?.map(drop)
    }

    /// Shows the webcam if it is hidden, else hides it, as the shortcut does. Returns whether it is shown
    /// now.
    pub async fn toggle_webcam(&self) -> Result<bool, AppError> {
        self.ask(|reply| EngineCommand::ShowWebcam { shown: None, reply }).await?
    }

    /// Ends the recording and deletes it on this computer. The parts that are already uploaded never become
    /// a finished video; servers delete such sessions. The caller must have asked the person for
    /// confirmation.
    pub async fn cancel_recording(&self) -> Result<(), AppError> {
        self.ask(|reply| EngineCommand::Cancel { reply }).await?.map(drop)
    }

    /// Cancels the recording like [`App::cancel_recording`] and starts another with the same request.
    pub async fn restart_recording(&self) -> Result<RecordingId, AppError> {
        let request = self.ask(|reply| EngineCommand::Cancel { reply }).await??;
        // The desktop asked for permission when the first recording started; that permission still holds.
        self.start_recording(StartRequest { asks: false, ..request }).await
    }

    /// Starts a recording if none is running, else stops it, as the shortcut does.
    pub async fn toggle_recording(&self, request: StartRequest) -> Result<RecordingId, AppError> {
        self.ask(|reply| EngineCommand::Toggle { request, reply }).await?
    }

    /// Makes a recording of the last `length` of the ring buffer, or of all of it if `None`. The ring
    /// buffer keeps running. Returns when every segment of the recording is committed.
    pub async fn share_last(&self, length: Option<Duration>) -> Result<RecordingId, AppError> {
        self.ask(|reply| EngineCommand::Share { length, reply }).await?
    }

    /// Freezes the content of the ring buffer so that a person can look at it before any of it is shared.
    /// The ring buffer keeps running. Returns the id of the preview, which its recording will have too. If
    /// a preview exists already, it is returned instead.
    pub async fn preview_last(&self) -> Result<RecordingId, AppError> {
        self.ask(|reply| EngineCommand::AskPreview { reply }).await?
    }

    /// Returns the preview that is neither shared nor discarded, including one from an earlier run.
    pub async fn preview(&self) -> Result<Option<PreviewView>, AppError> {
        self.ask(|reply| EngineCommand::Preview { reply }).await
    }

    /// Makes a recording of a range of the preview's segments. Answers when every one of them is
    /// committed. On an error the preview stays.
    pub async fn share_preview(
        &self,
        recording: RecordingId,
        range: Range<usize>,
    ) -> Result<RecordingId, AppError> {
        self.ask(|reply| EngineCommand::SharePreview { recording, range, reply }).await?
    }

    /// Deletes a preview that is still there.
    pub async fn discard_preview(&self, recording: RecordingId) -> Result<(), AppError> {
        self.ask(|reply| EngineCommand::DiscardPreview { recording, reply }).await?
    }

    /// Returns whether this run has asked the server for damaged copies and sent it every title, or the
    /// server can't be reached. Recordings whose copies are damaged are then no longer shown as online but
    /// as to be sent again.
    pub async fn is_up_to_date(&self) -> Result<bool, AppError> {
        self.ask(|reply| EngineCommand::IsUpToDate { reply }).await
    }

    /// Returns why a recording of this run ended without anybody stopping it: `disk-full`, `slept`, or the
    /// code of the failure.
    pub async fn why_ended(&self, recording: RecordingId) -> Result<Option<String>, AppError> {
        self.ask(|reply| EngineCommand::WhyEnded { recording, reply }).await
    }

    /// Retries a stopped or waiting upload now. A recording without an upload gets one.
    pub async fn retry(&self, recording: RecordingId) -> Result<(), AppError> {
        if self.imports().renew(recording.into()).await? {
            return Ok(());
        }
        self.ask(|reply| EngineCommand::Retry { recording, reply }).await?
    }

    /// Sends an item to a place at which the person is signed in, named by its address, its name or its key, whatever
    /// other places have it already. Returns the id of the upload, which [`App::retry`] and others take.
    pub async fn send_to(&self, item: RecordingId, place: &str) -> Result<RecordingId, AppError> {
        let server = self.place_to_send_to(place).await?;
        let pictures = self.pictures();
        if pictures.has(item.into()).await {
            return pictures.send_to(item.into(), server).await;
        }
        self.ask(|reply| EngineCommand::SendTo { item, server, reply }).await?
    }

    /// Cancels a further upload of an item and forgets it. What the place has of it stays there.
    pub async fn remove_upload(&self, upload: RecordingId) -> Result<(), AppError> {
        self.ask(|reply| EngineCommand::RemoveUpload { upload, reply }).await?
    }

    /// Sets the title of a recording.
    pub async fn rename(&self, recording: RecordingId, title: String) -> Result<(), AppError> {
        self.ask(|reply| EngineCommand::Rename { recording, title, reply }).await?
    }

    /// Hides recordings at once and deletes them a little later. Until then, [`App::undo_delete`] restores
    /// them.
    pub async fn delete_undoably(&self, recordings: Vec<RecordingId>) -> Result<(), AppError> {
        self.ask(|reply| EngineCommand::DeleteUndoably { recordings, reply }).await?
    }

    /// Restores what was deleted last, if it still exists.
    pub async fn undo_delete(&self) -> Result<(), AppError> {
        self.ask(|reply| EngineCommand::UndoDelete { reply }).await?
    }

    /// Deletes the recording on this computer immediately. The server's copy stays.
    pub async fn delete(&self, recording: RecordingId) -> Result<(), AppError> {
        self.ask(|reply| EngineCommand::Delete { recording, reply }).await?
    }

    /// Returns the media of a recording: all segments that are sealed.
    pub async fn media(&self, recording: RecordingId) -> Result<PlayableMedia, AppError> {
        self.ask(|reply| EngineCommand::Media { recording, reply }).await?
    }

    /// Dismisses a toast. `recording_id` is the id that the toast carries.
    pub async fn dismiss_toast(&self, recording_id: String) -> Result<(), AppError> {
        self.send(EngineCommand::DismissToast { recording_id }).await
    }

    /// Notes that the person has read that the list of recordings was rebuilt.
    pub async fn dismiss_rebuilt(&self) -> Result<(), AppError> {
        self.send(EngineCommand::DismissRebuilt).await
    }

    /// Notes that the link of a recording is on the clipboard now.
    pub async fn note_link_copied(&self, recording: RecordingId) -> Result<(), AppError> {
        self.send(EngineCommand::NoteLinkCopied { recording }).await
    }

    /// Shows a toast once, saying that the recorder bar is hidden from recordings. `keys` is the shortcut
    /// that stops a recording; empty if there is none.
    pub async fn note_bar_hidden(&self, keys: String) -> Result<(), AppError> {
        self.send(EngineCommand::NoteBarHidden { keys }).await
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
        let copy = move |progress: &RenderProgress| finish::copy_file(&old, &new, progress);
        let (kind, item) = (JobKind::MoveFile, Some(recording.into()));
        let job = JobSpec { kind, item, target: Some(to.clone()), part: None };
        let copied = self.run_job(job, copy).await?;
        let failed = |reason: String| AppError::NotMoved { to: to.display().to_string(), reason };
        copied.map_err(|error| failed(error.to_string()))?;
        let noted = to.clone();
        self.ask(|reply| EngineCommand::FileMoved { recording, to: noted, reply }).await??;
        tokio::fs::remove_file(&from).await.map_err(|error| failed(error.to_string()))
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

    /// Sets the shell's state of sharing on the local network, from which links are made from now on.
    pub async fn set_local_network(&self, network: LocalNetwork) -> Result<(), AppError> {
        self.send(EngineCommand::SetLocalNetwork { network }).await
    }

    /// Sets why the embedded cloud is not running, if uploads would go to it. Recordings work without it
    /// and get their links when [`App::use_account`] names a cloud.
    pub async fn set_cloud_problem(&self, problem: Option<String>) -> Result<(), AppError> {
        self.send(EngineCommand::SetCloudProblem { problem }).await
    }

    /// Returns the settings.
    pub async fn settings(&self) -> Result<Settings, AppError> {
        self.ask(|reply| EngineCommand::Settings { reply }).await
    }

    /// Applies a change to the current settings and returns the result. Settings that the change doesn't
    /// name keep their values, whoever set them last.
    pub async fn change_settings(&self, change: SettingsChange) -> Result<Settings, AppError> {
        self.ask(|reply| EngineCommand::ChangeSettings { change, reply }).await?
    }

    /// Returns a watch channel with the settings, for a shell that follows them.
    pub fn settings_changes(&self) -> watch::Receiver<Settings> {
        self.settings.clone()
    }

    /// Changes one setting, with name and value as the command line writes them, and returns all settings.
    pub async fn change_setting(&self, name: String, value: String) -> Result<Settings, AppError> {
        self.ask(|reply| EngineCommand::ChangeSetting { name, value, reply }).await?
    }

    /// Stores a value that the shell needs after a restart, such as the position of a window.
    pub async fn remember(&self, what: &str, value: String) -> Result<(), AppError> {
        let what = what.to_owned();
        self.ask(|reply| EngineCommand::Remember { what, value, reply }).await?
    }

    /// Returns a value that [`App::remember`] stored.
    pub async fn recall(&self, what: &str) -> Result<Option<String>, AppError> {
        let what = what.to_owned();
        self.ask(|reply| EngineCommand::Recall { what, reply }).await?
    }

    /// Returns the permission that the desktop gave for recording that source, after storing a new one.
    pub async fn permission(
        &self,
        source: &Source,
        given: Option<Permission>,
    ) -> Result<Option<Permission>, AppError> {
        let source = source.clone();
        self.ask(|reply| EngineCommand::Permission { source, given, reply }).await?
    }

    /// Pauses an upload until it is resumed. Its parts stay on this computer.
    pub async fn pause_upload(&self, recording: RecordingId) -> Result<(), AppError> {
        self.send(EngineCommand::PauseUpload { recording, paused: true }).await
    }

    /// Resumes a paused upload.
    pub async fn resume_upload(&self, recording: RecordingId) -> Result<(), AppError> {
        self.send(EngineCommand::PauseUpload { recording, paused: false }).await
    }

    /// Reports that the network may have changed, so that the server is probed now instead of at the next
    /// retry.
    pub async fn hint_network(&self) -> Result<(), AppError> {
        self.send(EngineCommand::HintNetwork).await
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
        if self.inbox.send(Message::Command(EngineCommand::Shutdown { reply })).await.is_ok() {
            let _ = done.await;
        }
    }

    async fn send(&self, command: EngineCommand) -> Result<(), AppError> {
        self.inbox.send(Message::Command(command)).await.map_err(|_| AppError::Closing)
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> EngineCommand,
    ) -> Result<T, AppError> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply)).await?;
        answer.await.map_err(|_| AppError::Closing)
    }
}
