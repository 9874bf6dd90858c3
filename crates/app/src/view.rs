//! The values that windows and the command line show, made from the store's rows and the state machines for
//! each snapshot. They contain no text: `{kind, …}` and numbers, from which the shell picks the words.
//!
//! Length: plain types, and a comment for each field.

mod jobs;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use snaplark_api::Profile;
use snaplark_store::{IssueRow, StoredEnd, StoredIssue};
use ts_rs::TS;

use crate::pictures::view::{PictureSaid, PictureSummary};
use crate::{LinkReach, LocalNetworkView, WebcamState};

pub use crate::file_problem::FileProblem;
pub use jobs::{JobKind, JobStateView, JobView};

/// Everything a window needs, at one moment.
#[derive(Clone, Debug, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Snapshot {
    /// Grows with every change; a window asks again when it did.
    #[ts(type = "number")]
    pub change: u64,
    /// 0: all recordings are included. Otherwise only those that changed since the snapshot of that
    /// version.
    #[ts(type = "number")]
    pub since: u64,
    /// The version that this snapshot shows; the next question names it.
    #[ts(type = "number")]
    pub version: u64,
    /// The recording that runs now.
    pub recorder: RecorderView,
    /// The webcam of the current recording, else of the next one.
    pub webcam: WebcamState,
    /// The sound switches of the current recording, else of the next one.
    pub sound: SoundView,
    /// The state of the ring buffer, which keeps the last minutes of the screen.
    pub ring: RingView,
    /// Newest first.
    pub recordings: Vec<RecordingView>,
    /// Newest first.
    pub pictures: Vec<PictureSummary>,
    /// Ids of recordings and pictures that were removed since `since`.
    pub gone: Vec<String>,
    /// The last deletion, while it can be undone.
    pub deleted: Option<DeletedView>,
    /// The list of recordings was rebuilt, and the person has not read that yet.
    pub rebuilt: Option<RebuiltView>,
    /// Oldest first: the newest is drawn at the bottom.
    pub toasts: Vec<ToastView>,
    /// The background work that waits, runs, or has ended and was not dismissed; oldest first.
    pub jobs: Vec<JobView>,
    /// The current problems of the running recording.
    pub warnings: Vec<Warning>,
    /// `None`: nothing is uploaded and recordings stay here.
    pub account: Option<AccountView>,
    /// Other servers to which uploads go still, or at which the person is signed in.
    pub other_servers: Vec<OtherServerView>,
    /// Why there are no links now, in a sentence: the embedded cloud is not running.
    pub cloud_problem: Option<String>,
    /// Whether other computers in the house can open the links.
    pub local_network: LocalNetworkView,
    /// The free space where recordings lie.
    #[ts(type = "number")]
    pub disk_free_bytes: u64,
    /// How long a recording can continue with that space, at its bitrate.
    #[ts(type = "number")]
    pub space_seconds: u64,
}

impl Snapshot {
    /// Replaces this snapshot by the newer one, which may contain only the recordings that changed since
    /// this one, and keeps the others.
    pub fn follow(&mut self, newer: Snapshot) {
        let before = std::mem::replace(self, newer);
        if self.since == 0 {
            return;
        }
        let changed: HashSet<&str> = self.recordings.iter().map(|view| view.id.as_str()).collect();
        let gone: HashSet<&str> = self.gone.iter().map(String::as_str).collect();
        let is_kept = |id: &str| !changed.contains(id) && !gone.contains(id);
        let kept: Vec<_> = before.recordings.into_iter().filter(|view| is_kept(&view.id)).collect();
        self.recordings.extend(kept);
        // Ids sort by the time of their recordings.
        self.recordings.sort_by(|a, b| b.id.cmp(&a.id));
        let changed: HashSet<&str> = self.pictures.iter().map(|view| view.id.as_str()).collect();
        let is_kept = |id: &str| !changed.contains(id) && !gone.contains(id);
        let kept: Vec<_> = before.pictures.into_iter().filter(|view| is_kept(&view.id)).collect();
        self.pictures.extend(kept);
        self.pictures.sort_by(|a, b| b.id.cmp(&a.id));
        (self.since, self.gone) = (0, Vec::new());
    }
}

/// The state of the recorder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", tag = "kind")]
#[ts(export)]
pub enum RecorderView {
    /// Nothing is recorded.
    Idle,
    /// A countdown runs.
    #[serde(rename_all = "camelCase")]
    Counting {
        /// When the countdown is over.
        #[ts(type = "number")]
        starts_unix_ms: i64,
    },
    /// The first frame has not arrived yet.
    Starting,
    /// A recording runs.
    #[serde(rename_all = "camelCase")]
    Recording {
        /// The recording's id.
        id: String,
        /// When it began.
        #[ts(type = "number")]
        started_unix_ms: i64,
        /// How long the recording was paused since then.
        #[ts(type = "number")]
        paused_ms: u64,
        /// The recording's link, if it is known already.
        link: Option<String>,
        /// The recording's microphone.
        microphone: MicrophoneView,
        /// The last problem that did not end the recording, in a sentence.
        issue: Option<String>,
        /// The last strike.
        struck: Option<StruckView>,
    },
    /// The recording is paused.
    #[serde(rename_all = "camelCase")]
    Paused {
        /// The recording's id.
        id: String,
        /// The recording's length so far.
        #[ts(type = "number")]
        duration_ms: u64,
        /// The recording's link, if it is known already.
        link: Option<String>,
        /// The recording's microphone.
        microphone: MicrophoneView,
        /// The last problem that did not end the recording, in a sentence.
        issue: Option<String>,
        /// The last strike.
        struck: Option<StruckView>,
    },
    /// The last segment is being sealed.
    #[serde(rename_all = "camelCase")]
    Stopping {
        /// The recording's id.
        id: String,
    },
}

/// Seconds that were struck from the recording that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct StruckView {
    /// How much was struck.
    #[ts(type = "number")]
    pub length_ms: u64,
    /// When.
    #[ts(type = "number")]
    pub at_unix_ms: i64,
    /// Whether some of it was at the server already, where what is recorded next replaces it. False: it never
    /// left this computer.
    pub was_online: bool,
}

impl RecorderView {
    /// Returns the length of the current recording so far.
    pub fn recorded_ms(&self, now_unix_ms: i64) -> Option<u64> {
        match self {
            RecorderView::Recording { started_unix_ms, paused_ms, .. } => {
                let since_ms = u64::try_from(now_unix_ms - started_unix_ms).unwrap_or(0);
                Some(since_ms.saturating_sub(*paused_ms))
            }
            RecorderView::Paused { duration_ms, .. } => Some(*duration_ms),
            RecorderView::Idle
            | RecorderView::Counting { .. }
            | RecorderView::Starting
            | RecorderView::Stopping { .. } => None,
        }
    }
}

impl Snapshot {
    /// Returns whether a recording or a picture still has to be uploaded.
    pub fn has_unsent(&self) -> bool {
        let pictures = self.pictures.iter().map(|picture| &picture.state);
        let recordings = self.recordings.iter().map(|recording| &recording.state);
        recordings.chain(pictures).any(|state| match state {
            RecordingState::Uploading
            | RecordingState::Waits { .. }
            | RecordingState::NeedsYou { .. } => true,
            RecordingState::Recording | RecordingState::Done | RecordingState::Local => false,
        })
    }
}

/// The microphone of the running recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum MicrophoneView {
    /// The recording began without one.
    Absent,
    /// The microphone is recorded.
    Heard,
    /// The microphone is recorded as silence until the person unmutes it.
    Muted,
}

/// The sounds that a recording has. If both are off, it has no sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SoundView {
    /// The microphone.
    pub microphone: bool,
    /// The sound that this computer plays.
    pub system: bool,
}

/// Sound levels in thousandths of the maximum. A muted microphone keeps reporting its level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Levels {
    /// The microphone's level.
    pub microphone: u16,
    /// The level of the sound that this computer plays.
    pub system: u16,
}

/// A deletion that can be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct DeletedView {
    /// How many recordings were deleted.
    pub count: u32,
    /// The title of one of the deleted recordings.
    pub title: String,
}

/// The list of recordings was rebuilt from their folders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RebuiltView {
    /// How many recordings were found in their folders.
    pub recordings: u32,
    /// The file name of the broken list, which is kept. `None` if the list was missing.
    pub set_aside: Option<String>,
}

/// The state of the ring buffer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", tag = "kind")]
#[ts(export)]
pub enum RingView {
    /// The setting is off.
    Off,
    /// The screen is being kept, only in a folder on this computer.
    #[serde(rename_all = "camelCase")]
    Keeping {
        /// How much could be shared now.
        #[ts(type = "number")]
        held_ms: u64,
        /// How much is kept at most.
        #[ts(type = "number")]
        length_ms: u64,
    },
    /// The ring buffer is on, but waits for something.
    Waits {
        /// The reason why it waits.
        reason: RingWait,
    },
    /// The ring buffer failed and is not restarted until something changes; the reason in a sentence.
    Failed {
        /// The reason, in a sentence.
        detail: String,
    },
}

/// The reason why the ring buffer waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum RingWait {
    /// A recording is running.
    Recording,
    /// The session is locked.
    Locked,
    /// The computer sleeps.
    Asleep,
    /// The disk is nearly full.
    DiskLow,
    /// The program closes.
    Closing,
}

/// A recording, as the library shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RecordingView {
    /// The recording's id.
    pub id: String,
    /// It is a video that the person brought in. Its file is where it was, and it has no segments.
    #[serde(default)]
    pub is_imported: bool,
    /// The recording's title.
    pub title: String,
    /// When it began.
    #[ts(type = "number")]
    pub started_unix_ms: i64,
    /// Its length.
    #[ts(type = "number")]
    pub duration_ms: u64,
    /// The size of its files.
    #[ts(type = "number")]
    pub size_bytes: u64,
    /// The number of its segments.
    pub segments: u32,
    /// The state of the recording and its upload.
    pub state: RecordingState,
    /// The link, if it is known.
    pub link: Option<String>,
    /// Who can open the link; `None` without a link.
    pub link_reach: Option<LinkReach>,
    /// The person's own file, if it is written already.
    pub file: Option<String>,
    /// Why the file could not be written or is not in the person's folder. The recording itself is safe in
    /// Snaplark's own folder.
    pub file_problem: Option<FileProblem>,
    /// The video is on this computer. If false, it is only online.
    pub here: bool,
    /// How many frames were encoded.
    #[ts(type = "number")]
    pub frames: u64,
    /// How many frames were lost.
    #[ts(type = "number")]
    pub dropped: u64,
    /// The problems that did not end the recording, and their ends, in order.
    pub issues: Vec<IssueView>,
    /// Why the recording ended without anybody stopping it, in a sentence.
    pub end_detail: Option<String>,
    /// The same as kind and fields, for the words of the windows. Its time is the recording's end. Its kind
    /// is `slept`, `disk-nearly-full`, `interrupted`, the kind of a capture's error, or `other` (an
    /// English sentence of an earlier version).
    pub end: Option<IssueView>,
    /// The progress of its upload. `None` if it has none.
    pub upload: Option<UploadProgress>,
    /// All of its uploads: its own first, and then those to further places.
    #[serde(default)]
    pub uploads: Vec<PlacedUpload>,
}

/// An item's upload to one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PlacedUpload {
    /// The upload's id, by which it is retried, paused and cancelled. The first one has the item's.
    pub id: String,
    /// The name of the place.
    pub place: String,
    /// The kind of place.
    pub kind: AccountKind,
    /// The state of the upload.
    pub state: RecordingState,
    /// The link there, if it is known.
    pub link: Option<String>,
    /// Who can open the link; `None` without a link.
    pub link_reach: Option<LinkReach>,
    /// The percentage that is sent.
    pub percentage: u8,
}

/// A problem of a recording, at its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct IssueView {
    /// The time within the recording.
    #[ts(type = "number")]
    pub at_ms: u64,
    /// `frames-dropped`, `source-stalled`, `source-lost`, `source-back`, `encoder-hurried`,
    /// `encoder-relaxed`, `encoder-switched`, `audio-lost`, `audio-back`, `webcam-lost`,
    /// `webcam-back`, `marks-missing`, `disk-low`, `folder-lost`, `folder-back`, `segment-damaged`,
    /// `link-changed`.
    pub kind: String,
    /// The fields of the kind, for the words of the windows. Empty in issues of earlier versions.
    #[ts(type = "Record<string, string | number>")]
    pub params: serde_json::Map<String, serde_json::Value>,
    /// An English sentence.
    pub detail: String,
}

impl IssueView {
    pub(crate) fn of_end(at_ms: u64, end: StoredEnd) -> Self {
        match end {
            StoredEnd::Known(reason) => {
                let (kind, detail) = (reason.kind().to_owned(), reason.to_string());
                IssueView { at_ms, kind, params: params_of(&reason), detail }
            }
            StoredEnd::Worded(detail) => IssueView {
                at_ms,
                kind: "other".to_owned(),
                params: serde_json::Map::new(),
                detail,
            },
        }
    }

    pub(crate) fn of(IssueRow { at_ms, issue }: IssueRow) -> Self {
        match issue {
            StoredIssue::Known(issue) => {
                let (kind, detail) = (issue.kind().to_owned(), issue.to_string());
                IssueView { at_ms, kind, params: params_of(&issue), detail }
            }
            StoredIssue::Worded { kind, words } => {
                IssueView { at_ms, kind, params: serde_json::Map::new(), detail: words }
            }
        }
    }
}

/// Returns the fields of an issue or a reason without its kind.
fn params_of(value: &impl Serialize) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::Object(mut fields)) => {
            fields.remove("kind");
            fields
        }
        _ => serde_json::Map::new(),
    }
}

/// The frozen last minutes, for a person to look at. Their media is requested by the id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PreviewView {
    /// The id, which its recording will have too.
    pub id: String,
    /// The time of its first frame.
    #[ts(type = "number")]
    pub began_unix_ms: i64,
}

/// A recording's media as a player takes it: an init, then pieces that each begin with a keyframe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct MediaView {
    /// Includes the codecs.
    pub mime: String,
    /// The pieces are in playing order.
    pub pieces: Vec<PieceView>,
    /// More pieces will follow.
    pub running: bool,
}

/// A piece of a recording's media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PieceView {
    /// Where it begins within the recording.
    #[ts(type = "number")]
    pub start_ms: u64,
    /// Where it ends within the recording.
    #[ts(type = "number")]
    pub end_ms: u64,
}

/// The state of a recording, the same in every window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", tag = "kind")]
#[ts(export)]
pub enum RecordingState {
    /// It is being recorded.
    Recording,
    /// Parts are being uploaded, or the server is joining them.
    Uploading,
    /// The recording is safe here, and its upload continues by itself.
    #[serde(rename_all = "camelCase")]
    Waits {
        /// The reason why it waits.
        reason: WaitReason,
    },
    /// The recording is safe here, and its upload continues after the person has done something.
    #[serde(rename_all = "camelCase")]
    NeedsYou {
        /// Why it needs the person.
        reason: NeedReason,
        /// The server's or the system's words.
        detail: String,
    },
    /// The link works.
    Done,
    /// Recorded without an upload.
    Local,
}

/// The reason why an upload waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum WaitReason {
    /// There is no network, or the server can't be reached.
    Offline,
    /// The folder isn't there: its disk is unmounted or away.
    FolderMissing,
    /// The destination has no room left.
    StorageFull,
    /// The folder may not be written.
    AccessDenied,
    /// The server failed or was slow; the upload is retried soon.
    ServerTrouble,
    /// The server asked for fewer requests.
    RateLimited,
    /// Other uploads go first.
    Queue,
    /// The person paused it.
    Paused,
    /// The connection is metered, and the person chose to wait.
    Metered,
    /// No program is running that could send it; it continues when Snaplark runs.
    NotRunning,
}

/// Why an upload needs the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum NeedReason {
    /// Nobody is signed in.
    SignIn,
    /// The server refuses this upload; its reason is in `detail`.
    Refused,
    /// Files of the recording are missing or damaged on this disk.
    FilesMissing,
    /// The file that was brought in is not where it was, which is in `detail`.
    FileMissing,
    /// The file that was brought in is another one now. A retry uploads it as it is.
    FileChanged,
    /// The server takes files of so many bytes at most, which is in `detail`.
    TooLarge,
    /// The server's copy is damaged, and this computer no longer has the bytes.
    DamagedOnServer,
    /// Nobody is signed in any more at the server that the upload was begun for, named in `detail`. It goes on
    /// after a sign-in there; a retry sends it to the current server.
    OtherServer,
    /// The server can't show an edited recording behind the same link: it gets a link of its own if the person
    /// wants that.
    NewLink,
}

/// The progress of an upload, with the fields of the API's documents and some more for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct UploadProgress {
    /// Parts that the server has.
    pub uploaded: u32,
    /// Parts that it doesn't have yet.
    pub pending: u32,
    /// Parts whose last try failed. They are pending, too.
    pub failed: u32,
    /// All parts that are known so far.
    pub total: u32,
    /// The percentage, which never goes backwards within one session.
    pub percentage: u8,
    /// The server can be reached.
    pub is_online: bool,
    /// Host and port of the server that it goes to, if that isn't the account's.
    pub other_server: Option<String>,
    /// The server knows the upload.
    pub has_session: bool,
    /// How much has been sent.
    #[ts(type = "number")]
    pub sent_bytes: u64,
    /// How much there is to send, as far as it is known.
    #[ts(type = "number")]
    pub total_bytes: u64,
    /// The speed of all uploads together.
    #[ts(type = "number")]
    pub bytes_per_second: u64,
    /// `None` while it can't be estimated.
    #[ts(type = "number | null")]
    pub seconds_left: Option<u64>,
}

impl UploadProgress {
    /// Returns it without what changes from one moment to the next.
    pub(crate) fn without_speed(self) -> Self {
        UploadProgress { bytes_per_second: 0, seconds_left: None, ..self }
    }
}

/// A toast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ToastView {
    /// The id by which the toast is dismissed: its recording's, or another for other toasts.
    pub recording_id: String,
    /// The title of its recording.
    pub title: String,
    /// The content.
    pub body: ToastBody,
    /// The link of its recording.
    pub link: Option<String>,
    /// Who can open the link; `None` without a link.
    pub link_reach: Option<LinkReach>,
    /// The percentage.
    pub percentage: u8,
    /// The number of recordings that the toast stands for. Those that wait for the same thing share a
    /// toast, which carries the id and title of the newest one.
    pub count: u32,
}

/// The content of a toast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", tag = "kind")]
#[ts(export)]
pub enum ToastBody {
    /// Its recording is being uploaded.
    #[serde(rename_all = "camelCase")]
    Uploading {
        /// The speed of all uploads together.
        #[ts(type = "number")]
        bytes_per_second: u64,
        /// `None` while it can't be estimated.
        #[ts(type = "number | null")]
        seconds_left: Option<u64>,
    },
    /// The upload waits, with this many parts.
    #[serde(rename_all = "camelCase")]
    Waits {
        /// The reason why it waits.
        reason: WaitReason,
        /// How many parts wait.
        parts: u32,
    },
    /// The upload needs the person. The detail is the server's or the system's.
    #[serde(rename_all = "camelCase")]
    NeedsYou {
        /// Why it needs the person.
        reason: NeedReason,
        /// The server's or the system's words.
        detail: String,
    },
    /// Disappears after 6 s unless the pointer is over it; the window then dismisses it.
    #[serde(rename_all = "camelCase")]
    Done {
        /// The link is on the clipboard.
        link_copied: bool,
        /// The recording's length.
        #[ts(type = "number")]
        duration_ms: u64,
    },
    /// Something was done with a picture. Disappears like `Done`.
    #[serde(rename_all = "camelCase")]
    Picture {
        /// The result, or the reason why there is none.
        said: PictureSaid,
    },
    /// A picture is online. Disappears like `Done`.
    #[serde(rename_all = "camelCase")]
    PictureDone {
        /// The link is on the clipboard.
        link_copied: bool,
    },
    /// The recording didn't start, or stopped by itself. `title` is empty if there is no recording.
    #[serde(rename_all = "camelCase")]
    RecordingFailed {
        /// Why, in a sentence.
        detail: String,
    },
    /// Something is wrong with the running recording, or was with one that is over and lacks it.
    #[serde(rename_all = "camelCase")]
    Warning {
        /// The problem.
        warning: Warning,
        /// The recording is over.
        over: bool,
    },
    /// Shown once. `keys` is the shortcut that stops a recording; empty if there is none. Disappears like
    /// `Done`.
    #[serde(rename_all = "camelCase")]
    BarHidden {
        /// The keys, as people write them.
        keys: String,
    },
}

/// A problem of the running recording that the person has to know about at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum Warning {
    /// The disk is nearly full.
    DiskLow,
    /// The recording's folder has vanished; segments are written elsewhere.
    FolderLost,
    /// The microphone is gone.
    MicrophoneLost,
    /// The sound that this computer plays is gone.
    SystemSoundLost,
    /// The webcam is gone.
    WebcamLost,
}

/// The account that uploads go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AccountView {
    /// The kind of server.
    pub kind: AccountKind,
    /// The address, by which settings name it.
    pub address: String,
    /// The number by which actions name it.
    #[ts(type = "number")]
    pub key: u64,
    /// Host and port, for people to read.
    pub server: String,
    /// Who can open the links of this server.
    pub links_reach: LinkReach,
    /// Whether the server can be reached.
    pub reach: Reach,
    /// Parts wait for a sign-in.
    pub needs_sign_in: bool,
    /// The speed of all uploads to it together.
    #[ts(type = "number")]
    pub bytes_per_second: u64,
    /// How many uploads to it are neither finished nor stopped.
    pub uploads: u32,
    /// The API profile used with the server if that doesn't report what it supports.
    #[ts(
        type = "\"spec\" | \"spec-standalone\" | \"snaplark\" | \"poster\" | \"storage\" | \"s3\" | \"folder\""
    )]
    pub profile: Profile,
    /// The person has allowed http for this server: others on the network can read what is sent there.
    pub plain_http: bool,
}

/// Another server than the account's, to which uploads go still, or at which the person is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct OtherServerView {
    /// The address of its API, by which commands name it.
    pub address: String,
    /// The number by which actions name it.
    #[ts(type = "number")]
    pub key: u64,
    /// Host and port, for people to read.
    pub server: String,
    /// The kind of server.
    pub kind: AccountKind,
    /// Somebody is signed in there. Otherwise its uploads wait for a sign-in.
    pub signed_in: bool,
    /// Whether the server can be reached. Asked only while an upload goes there.
    pub reach: Reach,
    /// How many uploads still go there.
    pub uploads: u32,
}

/// The kinds of accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum AccountKind {
    /// The cloud inside the program.
    ThisComputer,
    /// Snaplark's own cloud.
    Snaplark,
    /// A server that the person chose.
    OwnServer,
    /// A bucket that speaks the S3 protocol.
    Bucket,
    /// A folder on this computer, or one that is mounted or synced.
    Folder,
}

/// The result of the last real exchange with the account's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum Reach {
    /// There was no exchange yet.
    Unknown,
    /// It answers.
    Online,
    /// It doesn't answer.
    Offline,
}
