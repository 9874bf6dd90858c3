//! The messages to the event loop. Everything that happens arrives as one of these.

use std::ops::Range;
use std::time::Duration;

use snaplark_core::capture::{CaptureControl, CaptureError, CaptureEvent, Subject};
use snaplark_core::ring::RingId;
use snaplark_core::upload::{Event, Failure};
use snaplark_core::{RecordingId, SessionId};
use tokio::sync::oneshot;

use crate::account::Account;
use crate::source::Repair;
use crate::view::{PreviewView, Snapshot};
use crate::{AppError, LocalNetwork, Media, Settings, SettingsChange, StartRequest};

pub type Reply<T> = oneshot::Sender<Result<T, AppError>>;

pub enum Message {
    Command(Command),
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
        event: Event,
    },
    /// A hint from the system, independent of the account.
    Hint(Event),
    /// The computer is about to sleep, or has woken up.
    Sleep {
        begins: bool,
    },
    /// The session was locked or unlocked.
    Locked {
        is_locked: bool,
    },
    FileWritten {
        recording: RecordingId,
        file: Option<std::path::PathBuf>,
        /// Why there is no file, or why it is in another folder than intended.
        problem: Option<String>,
        /// There is no file because these segments are damaged.
        damaged: Vec<u32>,
    },
    /// Damaged segments were restored or replaced on the disk.
    Repaired {
        recording: RecordingId,
        repair: Repair,
    },
    /// The server reported damaged copies of finished videos.
    ServerDamage {
        generation: u64,
        videos: Vec<(SessionId, Vec<u32>)>,
    },
}

pub enum Command {
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
    /// Shows or hides the webcam; `None` toggles it.
    ShowWebcam {
        shown: Option<bool>,
        reply: Reply<bool>,
    },
    Retry {
        recording: RecordingId,
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
        reply: Reply<Media>,
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
    InStepWithServer {
        reply: oneshot::Sender<bool>,
    },
    Account {
        reply: oneshot::Sender<Option<Account>>,
    },
    SwitchAccount {
        account: Option<Account>,
        reply: Reply<()>,
    },
    Shutdown {
        reply: oneshot::Sender<()>,
    },
}

impl Command {
    /// Returns whether the command only reads. Such commands must not count as changes, or shells that ask
    /// after each change would ask forever.
    pub fn is_question(&self) -> bool {
        match self {
            Command::Snapshot { .. }
            | Command::Preview { .. }
            | Command::Recorded { .. }
            | Command::Recall { .. }
            | Command::Media { .. }
            | Command::Settings { .. }
            | Command::WhyEnded { .. }
            | Command::InStepWithServer { .. }
            | Command::Account { .. } => true,
            Command::Start { .. }
            | Command::Stop { .. }
            | Command::Toggle { .. }
            | Command::Share { .. }
            | Command::AskPreview { .. }
            | Command::SharePreview { .. }
            | Command::DiscardPreview { .. }
            | Command::Cancel { .. }
            | Command::Pause { .. }
            | Command::Mute { .. }
            | Command::ShowWebcam { .. }
            | Command::Remember { .. }
            | Command::Retry { .. }
            | Command::Rename { .. }
            | Command::Delete { .. }
            | Command::DeleteUndoably { .. }
            | Command::UndoDelete { .. }
            | Command::FileMoved { .. }
            | Command::DismissToast { .. }
            | Command::DismissRebuilt
            | Command::NoteLinkCopied { .. }
            | Command::NoteBarHidden { .. }
            | Command::HintNetwork
            | Command::SetLocalNetwork { .. }
            | Command::SetCloudProblem { .. }
            | Command::ChangeSettings { .. }
            | Command::TellSignedOut
            | Command::ChangeSetting { .. }
            | Command::PauseUpload { .. }
            | Command::SwitchAccount { .. }
            | Command::Shutdown { .. } => false,
        }
    }
}
