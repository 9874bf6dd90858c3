//! The messages to the event loop. Everything that happens arrives as one of these.

use std::ops::Range;
use std::time::Duration;

use snaplark_core::capture::{
    CaptureControl, CaptureError, CaptureEvent, Permission, Source, Subject,
};
use snaplark_core::ring::RingId;
use snaplark_core::upload::{Failure, UploadEvent};
use snaplark_core::{RecordingId, SessionId};
use tokio::sync::oneshot;

use crate::account::Account;
use crate::cuts::CutsCommand;
use crate::engine::{JobOutcome, JobSpec, Work};
use crate::imports::ImportCommand;
use crate::pictures::PictureCommand;
use crate::view::{PreviewView, Snapshot, StruckView};
use crate::webhook::WebhookFailure;
use crate::{AppError, LocalNetwork, PlayableMedia, Settings, SettingsChange, StartRequest};

pub(crate) type Reply<T> = oneshot::Sender<Result<T, AppError>>;

pub(crate) enum Message {
    Command(EngineCommand),
    CaptureReady {
        recording: RecordingId,
        control: Result<Box<dyn CaptureControl>, CaptureError>,
    },
    Captured {
        recording: RecordingId,
        event: CaptureEvent,
    },
    /// The window or app that the source shows was found.
    SubjectFound {
        recording: RecordingId,
        subject: Subject,
    },
    /// The server learned the title when the upload session was opened.
    TitleKnown {
        recording: RecordingId,
        title: String,
    },
    TitleSent {
        server: String,
        generation: u64,
        recording: RecordingId,
        title: String,
        outcome: Result<(), Failure>,
    },
    RingReady {
        ring: RingId,
        control: Result<Box<dyn CaptureControl>, CaptureError>,
    },
    /// An event of a ring's capture, including a capture that a recording took over.
    Kept {
        ring: RingId,
        event: CaptureEvent,
    },
    Upload {
        generation: u64,
        event: UploadEvent,
    },
    /// A hint from the system, independent of the account.
    Hint(UploadEvent),
    /// The computer is about to sleep, or has woken up.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))] // Only logind is watched so far.
    Sleep {
        begins: bool,
    },
    /// The session was locked or unlocked.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))] // Only logind is watched so far.
    Locked {
        is_locked: bool,
    },
    /// A file that was brought in has another name in its folder.
    ImportMoved {
        recording: RecordingId,
        path: std::path::PathBuf,
    },
    /// An event was told to the webhook's server, or could not be.
    WebhookTried {
        number: i64,
        tries: u32,
        outcome: Result<(), WebhookFailure>,
    },
    /// Background work has ended, whatever came of it.
    JobEnded {
        job: u64,
        outcome: JobOutcome,
    },
    /// A server reported damaged copies of finished videos.
    ServerDamage {
        server: String,
        generation: u64,
        videos: Vec<(SessionId, Vec<u32>)>,
    },
}

pub(crate) enum EngineCommand {
    /// A message about pictures.
    Picture(PictureCommand),
    Cuts(CutsCommand),
    /// A message about files that were brought in.
    Import(ImportCommand),
    Snapshot {
        since: u64,
        reply: oneshot::Sender<Snapshot>,
    },
    Start {
        request: StartRequest,
        reply: Reply<RecordingId>,
    },
    Stop {
        reply: Reply<RecordingId>,
    },
    Toggle {
        request: StartRequest,
        reply: Reply<RecordingId>,
    },
    /// Shares the last `length` of the ring buffer, or all of it if `None`.
    Share {
        length: Option<Duration>,
        reply: Reply<RecordingId>,
    },
    /// Freezes the ring buffer's content for a person to look at.
    AskPreview {
        reply: Reply<RecordingId>,
    },
    Preview {
        reply: oneshot::Sender<Option<PreviewView>>,
    },
    /// Shares a range of the preview's segments.
    SharePreview {
        recording: RecordingId,
        range: Range<usize>,
        reply: Reply<RecordingId>,
    },
    DiscardPreview {
        recording: RecordingId,
        reply: Reply<()>,
    },
    /// Cancels the recording and replies with its request.
    Cancel {
        reply: Reply<StartRequest>,
    },
    Pause {
        paused: bool,
        reply: Reply<()>,
    },
    Mute {
        muted: bool,
        reply: Reply<()>,
    },
    /// Strikes the last `length` of the recording.
    Strike {
        length: Duration,
        reply: Reply<StruckView>,
    },
    Recorded {
        reply: oneshot::Sender<Option<StartRequest>>,
    },
    Remember {
        what: String,
        value: String,
        reply: Reply<()>,
    },
    Recall {
        what: String,
        reply: Reply<Option<String>>,
    },
    /// Returns the desktop's permission for a source, after storing a new one.
    Permission {
        source: Source,
        given: Option<Permission>,
        reply: Reply<Option<Permission>>,
    },
    /// Shows or hides the webcam; `None` toggles it.
    ShowWebcam {
        shown: Option<bool>,
        reply: Reply<bool>,
    },
    Retry {
        recording: RecordingId,
        reply: Reply<()>,
    },
    SendTo {
        item: RecordingId,
        server: String,
        reply: Reply<RecordingId>,
    },
    RemoveUpload {
        upload: RecordingId,
        reply: Reply<()>,
    },
    Rename {
        recording: RecordingId,
        title: String,
        reply: Reply<()>,
    },
    Delete {
        recording: RecordingId,
        reply: Reply<()>,
    },
    DeleteUndoably {
        recordings: Vec<RecordingId>,
        reply: Reply<()>,
    },
    UndoDelete {
        reply: Reply<()>,
    },
    Media {
        recording: RecordingId,
        reply: Reply<PlayableMedia>,
    },
    FileMoved {
        recording: RecordingId,
        to: std::path::PathBuf,
        reply: Reply<()>,
    },
    DismissToast {
        recording_id: String,
    },
    /// The person has read that the list of recordings was rebuilt.
    DismissRebuilt,
    NoteLinkCopied {
        recording: RecordingId,
    },
    NoteBarHidden {
        keys: String,
    },
    HintNetwork,
    SetLocalNetwork {
        network: LocalNetwork,
    },
    /// `None`: the embedded cloud is running or not needed.
    SetCloudProblem {
        problem: Option<String>,
    },
    TellSignedOut,
    Settings {
        reply: oneshot::Sender<Settings>,
    },
    ChangeSettings {
        change: SettingsChange,
        reply: Reply<Settings>,
    },
    ChangeSetting {
        name: String,
        value: String,
        reply: Reply<Settings>,
    },
    PauseUpload {
        recording: RecordingId,
        paused: bool,
    },
    WhyEnded {
        recording: RecordingId,
        reply: oneshot::Sender<Option<String>>,
    },
    IsUpToDate {
        reply: oneshot::Sender<bool>,
    },
    Account {
        reply: oneshot::Sender<Option<Account>>,
    },
    /// Replies with the current account and those at other servers.
    Accounts {
        reply: oneshot::Sender<(Option<Account>, Vec<Account>)>,
    },
    /// `left_stays`: uploads that were begun for the account before go on there.
    SwitchAccount {
        account: Option<Account>,
        left_stays: bool,
        reply: Reply<()>,
    },
    /// Uploads that were begun for this account's server go on there.
    AddAccount {
        account: Account,
        reply: Reply<()>,
    },
    /// Replies with the account at another server than the current one, which is removed.
    RemoveAccount {
        server: String,
        reply: Reply<Option<Account>>,
    },
    /// Runs work in the background, when it is its turn. Replies with the number of the job once its row is
    /// committed.
    RunJob {
        job: JobSpec,
        work: Work,
        reply: Reply<u64>,
    },
    CancelJob {
        job: u64,
    },
    DismissJob {
        job: u64,
    },
    Shutdown {
        reply: oneshot::Sender<()>,
    },
}

impl EngineCommand {
    /// Returns whether the command only reads. Such commands must not count as changes, or shells that ask
    /// after each change would ask forever.
    pub(crate) fn is_question(&self) -> bool {
        match self {
            EngineCommand::Picture(command) => command.is_question(),
            EngineCommand::Cuts(command) => command.is_question(),
            EngineCommand::Import(command) => command.is_question(),
            EngineCommand::Snapshot { .. }
            | EngineCommand::Preview { .. }
            | EngineCommand::Recorded { .. }
            | EngineCommand::Recall { .. }
            | EngineCommand::Permission { .. }
            | EngineCommand::Media { .. }
            | EngineCommand::Settings { .. }
            | EngineCommand::WhyEnded { .. }
            | EngineCommand::IsUpToDate { .. }
            | EngineCommand::Accounts { .. }
            | EngineCommand::Account { .. } => true,
            EngineCommand::Start { .. }
            | EngineCommand::Stop { .. }
            | EngineCommand::Toggle { .. }
            | EngineCommand::Share { .. }
            | EngineCommand::AskPreview { .. }
            | EngineCommand::SharePreview { .. }
            | EngineCommand::DiscardPreview { .. }
            | EngineCommand::Cancel { .. }
            | EngineCommand::Pause { .. }
            | EngineCommand::Mute { .. }
            | EngineCommand::Strike { .. }
            | EngineCommand::ShowWebcam { .. }
            | EngineCommand::Remember { .. }
            | EngineCommand::Retry { .. }
            | EngineCommand::SendTo { .. }
            | EngineCommand::RemoveUpload { .. }
            | EngineCommand::Rename { .. }
            | EngineCommand::Delete { .. }
            | EngineCommand::DeleteUndoably { .. }
            | EngineCommand::UndoDelete { .. }
            | EngineCommand::FileMoved { .. }
            | EngineCommand::DismissToast { .. }
            | EngineCommand::DismissRebuilt
            | EngineCommand::NoteLinkCopied { .. }
            | EngineCommand::NoteBarHidden { .. }
            | EngineCommand::HintNetwork
            | EngineCommand::SetLocalNetwork { .. }
            | EngineCommand::SetCloudProblem { .. }
            | EngineCommand::ChangeSettings { .. }
            | EngineCommand::TellSignedOut
            | EngineCommand::ChangeSetting { .. }
            | EngineCommand::PauseUpload { .. }
            | EngineCommand::SwitchAccount { .. }
            | EngineCommand::AddAccount { .. }
            | EngineCommand::RemoveAccount { .. }
            | EngineCommand::RunJob { .. }
            | EngineCommand::CancelJob { .. }
            | EngineCommand::DismissJob { .. }
            | EngineCommand::Shutdown { .. } => false,
        }
    }
}
