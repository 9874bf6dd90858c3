//! What windows and the command line see: plain values made from the store's rows and the machines'
//! states on each question. No words: `{kind, …}` and numbers, from which the shell picks the words.

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
    /// Grows with every change; windows ask again when it did.
    #[ts(type = "number")]
    pub change: u64,
    /// 0: all recordings are here. Else those alone that changed since the snapshot of that version.
    #[ts(type = "number")]
    pub since: u64,
    #[ts(type = "number")]
    pub version: u64,
    pub recorder: RecorderView,
    /// Of the recording of now, else of the next one.
    pub webcam: WebcamState,
    /// The same of what is heard.
    pub sound: SoundView,
    /// Whether the last minutes of the screen are being kept.
    pub ring: RingView,
    /// Newest first.
    pub recordings: Vec<RecordingView>,
    /// Ids of those that are no more, since then.
    pub gone: Vec<String>,
    /// What was deleted last, while it can be had back.
    pub deleted: Option<DeletedView>,
    /// The list of recordings was rebuilt, and nobody has read so yet.
    pub rebuilt: Option<RebuiltView>,
    /// Oldest first: the newest is drawn at the bottom.
    pub toasts: Vec<ToastView>,
    /// What is wrong now with the recording that runs.
    pub warnings: Vec<Warning>,
    /// `None`: nothing goes up, recordings stay here.
    pub account: Option<AccountView>,
    /// Why there are no links now: the cloud in this computer does not run. In a sentence.
    pub cloud_problem: Option<String>,
    pub local_network: LocalNetworkView,
    #[ts(type = "number")]
    pub disk_free_bytes: u64,
    /// For how long a recording can go on with that, at its bitrate.
    #[ts(type = "number")]
    pub space_seconds: u64,
}

impl Snapshot {
    /// Made into the newer one, which may have only what changed since this.
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
        /// How long it stood still since then.
        #[ts(type = "number")]
        paused_ms: u64,
        link: Option<String>,
        microphone: MicrophoneView,
        /// What went wrong last without ending it, in a sentence.
        trouble: Option<String>,
    },
    #[serde(rename_all = "camelCase")]
    Paused {
        id: String,
        /// How long it is so far.
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
    /// How long what is recorded is so far.
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
    /// Whether something is to be sent that is not.
    pub fn has_unsent(&self) -> bool {
        self.recordings.iter().any(|recording| match recording.state {
            RecordingState::Uploading
            | RecordingState::Waits { .. }
            | RecordingState::NeedsYou { .. } => true,
            RecordingState::Recording | RecordingState::Done | RecordingState::Local => false,
        })
    }
}

/// Of the recording that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum MicrophoneView {
    /// It was begun without one.
    Absent,
    Heard,
    /// Silence until the person says otherwise.
    Muted,
}

/// What is heard in a recording; where nothing is, it has no sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct SoundView {
    pub microphone: bool,
    /// What this computer plays.
    pub system: bool,
}

/// In thousandths of the loudest that there is. A muted microphone goes on telling its level.
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
    /// Of one of them.
    pub title: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct RebuiltView {
    /// How many recordings were found in their folders.
    pub recordings: u32,
    /// The file name of the broken list, which is kept; `None` where it was gone.
    pub set_aside: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", tag = "kind")]
#[ts(export)]
pub enum RingView {
    /// Nobody wants it.
    Off,
    /// The screen is being kept, in a folder of this computer alone.
    #[serde(rename_all = "camelCase")]
    Keeping {
        /// What could be shared now.
        #[ts(type = "number")]
        held_ms: u64,
        #[ts(type = "number")]
        length_ms: u64,
    },
    /// It is wanted, and not done now.
    Waits { reason: RingWait },
    /// It could not be done, and is not tried again before something changes; in a sentence.
    Failed { detail: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum RingWait {
    /// A recording runs.
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
    /// Who can open the link; `None` without one.
    pub link_reach: Option<LinkReach>,
    /// The person's own file, where it is written already.
    pub file: Option<String>,
    /// Why it could not be written, or is elsewhere than in the person's folder; the recording itself
    /// is safe in Snaplark's.
    pub file_problem: Option<String>,
    /// Its video is on this computer: else it is only online.
    pub here: bool,
    #[ts(type = "number")]
    pub frames: u64,
    #[ts(type = "number")]
    pub dropped: u64,
    /// What went wrong without ending it, and what mended itself, in its order.
    pub health: Vec<HealthView>,
    /// Why it ended, where nobody stopped it, in a sentence.
    pub end_detail: Option<String>,
    pub upload: Option<UploadProgress>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct HealthView {
    /// On the recording's time line.
    #[ts(type = "number")]
    pub at_ms: u64,
    /// `frames-dropped`, `source-stalled`, `source-lost`, `source-back`, `encoder-hurried`,
    /// `encoder-relaxed`, `encoder-switched`, `audio-lost`, `audio-back`, `webcam-lost`,
    /// `webcam-back`, `marks-missing`, `disk-low`, `folder-lost`, `folder-back`, `segment-damaged`.
    pub kind: String,
    /// In a sentence.
    pub detail: String,
}

/// The last minutes, frozen for a person to look at. Their media is asked for by the id.
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
    /// With its codecs.
    pub mime: String,
    /// In playing order.
    pub pieces: Vec<PieceView>,
    /// There will be more of them.
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

/// One word for each recording, the same in every window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", tag = "kind")]
#[ts(export)]
pub enum RecordingState {
    /// It runs.
    Recording,
    /// Parts go up, or the server joins them.
    Uploading,
    /// It is safe here and goes on by itself.
    #[serde(rename_all = "camelCase")]
    Waits { reason: WaitReason },
    /// It is safe here and goes on when the person has done something.
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
    /// No network, or the server is out of reach.
    Offline,
    /// The server failed or was slow; tried again soon.
    ServerTrouble,
    /// The server asked for less.
    RateLimited,
    /// Others go first.
    Queue,
    /// Paused by the person.
    Paused,
    /// The link is metered, and the person chose to wait.
    Metered,
    /// Nothing sends it now: it goes on when Snaplark runs.
    NotRunning,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum NeedReason {
    SignIn,
    /// The server refuses this upload, with its words in `detail`.
    Refused,
    /// Files of the recording are gone or damaged on this disk.
    FilesMissing,
    /// The server's copy is damaged, and this computer doesn't have the bytes any more.
    DamagedOnServer,
    /// It was begun for another server, named in `detail`; a retry sends it to the one of now.
    OtherServer,
}

/// In the documents' own words, and what a person wants to know beside them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct UploadProgress {
    pub uploaded: u32,
    pub pending: u32,
    pub failed: u32,
    pub total: u32,
    /// 0 to 100, never backwards within one session.
    pub percentage: u8,
    pub is_online: bool,
    pub has_session: bool,
    #[ts(type = "number")]
    pub sent_bytes: u64,
    #[ts(type = "number")]
    pub total_bytes: u64,
    #[ts(type = "number")]
    pub bytes_per_second: u64,
    /// `None` while nobody can know.
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
    /// Who can open the link; `None` without one.
    pub link_reach: Option<LinkReach>,
    /// 0 to 100.
    pub percentage: u8,
    /// How many recordings the toast speaks for. Those that wait for the same thing share a toast,
    /// which carries the id and title of the newest of them.
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
    /// Goes away by itself after 6 s, unless the pointer is on it: then the window dismisses it.
    #[serde(rename_all = "camelCase")]
    Done {
        link_copied: bool,
        #[ts(type = "number")]
        duration_ms: u64,
    },
    /// Recording didn't start, or stopped by itself. `title` is empty where there is no recording.
    #[serde(rename_all = "camelCase")]
    RecordingFailed { detail: String },
    /// Something is wrong with the recording that runs, or with one that is over and lacks it.
    #[serde(rename_all = "camelCase")]
    Warning { warning: Warning, over: bool },
    /// Said once. `keys` stop a recording; empty where there are none. Goes away as `Done` does.
    #[serde(rename_all = "camelCase")]
    BarHidden { keys: String },
}

/// What a person has to know at once of the recording that runs, and lasts until it is over.
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
    /// Host and port, for people.
    pub server: String,
    /// Who can open the links that come from there.
    pub links_reach: LinkReach,
    pub reach: Reach,
    /// Parts wait for a sign-in.
    pub needs_sign_in: bool,
    #[ts(type = "number")]
    pub bytes_per_second: u64,
    pub uploads: u32,
    /// Which document the server is spoken to by, where it doesn't say itself what it takes.
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

/// What the last true exchange with the account's server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum Reach {
    Unknown,
    Online,
    Offline,
}
