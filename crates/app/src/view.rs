//! The values that windows and the command line show, made from the store's rows and the state machines for
//! each snapshot. They contain no text: `{kind, …}` and numbers, from which the shell picks the words.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use snaplark_api::Profile;
use ts_rs::TS;

use crate::{LinkReach, LocalNetworkView, WebcamState};

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
    #[ts(type = "number")]
    pub version: u64,
    pub recorder: RecorderView,
    /// The webcam of the current recording, else of the next one.
    pub webcam: WebcamState,
    /// The sound switches of the current recording, else of the next one.
    pub sound: SoundView,
    /// The state of the ring buffer, which keeps the last minutes of the screen.
    pub ring: RingView,
    /// Newest first.
    pub recordings: Vec<RecordingView>,
    /// Ids of recordings that were removed since `since`.
    pub gone: Vec<String>,
    /// The last deletion, while it can be undone.
    pub deleted: Option<DeletedView>,
    /// The list of recordings was rebuilt, and the person has not read that yet.
    pub rebuilt: Option<RebuiltView>,
    /// Oldest first: the newest is drawn at the bottom.
    pub toasts: Vec<ToastView>,
    /// The current problems of the running recording.
    pub warnings: Vec<Warning>,
    /// `None`: nothing is uploaded and recordings stay here.
    pub account: Option<AccountView>,
    /// Why there are no links now, in a sentence: the embedded cloud is not running.
    pub cloud_problem: Option<String>,
    pub local_network: LocalNetworkView,
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
        (self.since, self.gone) = (0, Vec::new());
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", tag = "kind")]
#[ts(export)]
pub enum RecorderView {
    Idle,
    #[serde(rename_all = "camelCase")]
    Counting {
        /// When the countdown is over.
        #[ts(type = "number")]
        starts_unix_ms: i64,
    },
    Starting,
    #[serde(rename_all = "camelCase")]
    Recording {
        id: String,
        #[ts(type = "number")]
        started_unix_ms: i64,
        /// How long the recording was paused since then.
        #[ts(type = "number")]
        paused_ms: u64,
        link: Option<String>,
        microphone: MicrophoneView,
        /// The last problem that did not end the recording, in a sentence.
        trouble: Option<String>,
    },
    #[serde(rename_all = "camelCase")]
    Paused {
        id: String,
        /// The recording's length so far.
        #[ts(type = "number")]
        duration_ms: u64,
        link: Option<String>,
        microphone: MicrophoneView,
        trouble: Option<String>,
    },
    #[serde(rename_all = "camelCase")]
    Stopping {
        id: String,
    },
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
    /// Returns whether a recording still has to be uploaded.
    pub fn has_unsent(&self) -> bool {
        self.recordings.iter().any(|recording| match recording.state {
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
    Heard,
    /// The microphone is recorded as silence until the person unmutes it.
    Muted,
}

/// The sounds that a recording has. If both are off, it has no sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SoundView {
    pub microphone: bool,
    /// The sound that this computer plays.
    pub system: bool,
}

/// Sound levels in thousandths of the maximum. A muted microphone keeps reporting its level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Levels {
    pub microphone: u16,
    pub system: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct DeletedView {
    pub count: u32,
    /// The title of one of the deleted recordings.
    pub title: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RebuiltView {
    /// How many recordings were found in their folders.
    pub recordings: u32,
    /// The file name of the broken list, which is kept. `None` if the list was missing.
    pub set_aside: Option<String>,
}

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
        #[ts(type = "number")]
        length_ms: u64,
    },
    /// The ring buffer is on, but waits for something.
    Waits { reason: RingWait },
    /// The ring buffer failed and is not restarted until something changes; the reason in a sentence.
    Failed { detail: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum RingWait {
    /// A recording is running.
    Recording,
    /// The session is locked.
    Locked,
    Asleep,
    DiskLow,
    Closing,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RecordingView {
    pub id: String,
    pub title: String,
    #[ts(type = "number")]
    pub started_unix_ms: i64,
    #[ts(type = "number")]
    pub duration_ms: u64,
    #[ts(type = "number")]
    pub size_bytes: u64,
    pub segments: u32,
    pub state: RecordingState,
    pub link: Option<String>,
    /// Who can open the link; `None` without a link.
    pub link_reach: Option<LinkReach>,
    /// The person's own file, if it is written already.
    pub file: Option<String>,
    /// Why the file could not be written or is not in the person's folder. The recording itself is safe in
    /// Snaplark's own folder.
    pub file_problem: Option<String>,
    /// The video is on this computer. If false, it is only online.
    pub here: bool,
    #[ts(type = "number")]
    pub frames: u64,
    #[ts(type = "number")]
    pub dropped: u64,
    /// The problems that did not end the recording, and their ends, in order.
    pub health: Vec<HealthView>,
    /// Why the recording ended without anybody stopping it, in a sentence.
    pub end_detail: Option<String>,
    pub upload: Option<UploadProgress>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct HealthView {
    /// The time within the recording.
    #[ts(type = "number")]
    pub at_ms: u64,
    /// `frames-dropped`, `source-stalled`, `source-lost`, `source-back`, `encoder-hurried`,
    /// `encoder-relaxed`, `encoder-switched`, `audio-lost`, `audio-back`, `webcam-lost`,
    /// `webcam-back`, `marks-missing`, `disk-low`, `folder-lost`, `folder-back`, `segment-damaged`.
    pub kind: String,
    /// A sentence.
    pub detail: String,
}

/// The frozen last minutes, for a person to look at. Their media is requested by the id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PreviewView {
    pub id: String,
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
    /// In playing order.
    pub pieces: Vec<PieceView>,
    /// More pieces will follow.
    pub running: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct PieceView {
    #[ts(type = "number")]
    pub start_ms: u64,
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
    Waits { reason: WaitReason },
    /// The recording is safe here, and its upload continues after the person has done something.
    #[serde(rename_all = "camelCase")]
    NeedsYou { reason: NeedReason, detail: String },
    /// The link works.
    Done,
    /// Recorded without an upload.
    Local,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum WaitReason {
    /// There is no network, or the server can't be reached.
    Offline,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum NeedReason {
    SignIn,
    /// The server refuses this upload; its reason is in `detail`.
    Refused,
    /// Files of the recording are missing or damaged on this disk.
    FilesMissing,
    /// The server's copy is damaged, and this computer no longer has the bytes.
    DamagedOnServer,
    /// The upload was begun for another server, named in `detail`; a retry sends it to the current one.
    OtherServer,
}

/// The progress of an upload, with the fields of the API's documents and some more for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct UploadProgress {
    pub uploaded: u32,
    pub pending: u32,
    pub failed: u32,
    pub total: u32,
    /// From 0 to 100; never goes backwards within one session.
    pub percentage: u8,
    pub is_online: bool,
    pub has_session: bool,
    #[ts(type = "number")]
    pub sent_bytes: u64,
    #[ts(type = "number")]
    pub total_bytes: u64,
    #[ts(type = "number")]
    pub bytes_per_second: u64,
    /// `None` while it can't be estimated.
    #[ts(type = "number | null")]
    pub seconds_left: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ToastView {
    pub recording_id: String,
    pub title: String,
    pub body: ToastBody,
    pub link: Option<String>,
    /// Who can open the link; `None` without a link.
    pub link_reach: Option<LinkReach>,
    /// From 0 to 100.
    pub percentage: u8,
    /// The number of recordings that the toast stands for. Those that wait for the same thing share a
    /// toast, which carries the id and title of the newest one.
    pub count: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", tag = "kind")]
#[ts(export)]
pub enum ToastBody {
    #[serde(rename_all = "camelCase")]
    Uploading {
        #[ts(type = "number")]
        bytes_per_second: u64,
        #[ts(type = "number | null")]
        seconds_left: Option<u64>,
    },
    #[serde(rename_all = "camelCase")]
    Waits { reason: WaitReason, parts: u32 },
    #[serde(rename_all = "camelCase")]
    NeedsYou { reason: NeedReason, detail: String },
    /// Disappears after 6 s unless the pointer is over it; the window then dismisses it.
    #[serde(rename_all = "camelCase")]
    Done {
        link_copied: bool,
        #[ts(type = "number")]
        duration_ms: u64,
    },
    /// The recording didn't start, or stopped by itself. `title` is empty if there is no recording.
    #[serde(rename_all = "camelCase")]
    RecordingFailed { detail: String },
    /// Something is wrong with the running recording, or was with one that is over and lacks it.
    #[serde(rename_all = "camelCase")]
    Warning { warning: Warning, over: bool },
    /// Shown once. `keys` is the shortcut that stops a recording; empty if there is none. Disappears like
    /// `Done`.
    #[serde(rename_all = "camelCase")]
    BarHidden { keys: String },
}

/// A problem of the running recording that the person has to know about at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum Warning {
    DiskLow,
    FolderLost,
    MicrophoneLost,
    SystemSoundLost,
    WebcamLost,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct AccountView {
    pub kind: AccountKind,
    /// Host and port, for people to read.
    pub server: String,
    /// Who can open the links of this server.
    pub links_reach: LinkReach,
    pub reach: Reach,
    /// Parts wait for a sign-in.
    pub needs_sign_in: bool,
    #[ts(type = "number")]
    pub bytes_per_second: u64,
    pub uploads: u32,
    /// The API profile used with the server if that doesn't report what it supports.
    #[ts(type = "\"spec\" | \"spec-standalone\" | \"snaplark\"")]
    pub profile: Profile,
    /// The person has allowed http for this server: others on the network can read what is sent there.
    pub plain_http: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum AccountKind {
    ThisComputer,
    Snaplark,
    OwnServer,
}

/// The result of the last real exchange with the account's server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum Reach {
    Unknown,
    Online,
    Offline,
}
