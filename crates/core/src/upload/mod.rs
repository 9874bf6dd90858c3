//! The upload machine: decides what to send next, and what a response means for it.
//!
//! It takes events with the time at which they happened and returns a [`Step`]: changes that must be
//! committed, and then actions to do. Invariants:
//! - A part is acknowledged only by a response that echoes it; only a lost session or the server's own
//!   report takes that back.
//! - Finalize is requested only when the recording has ended and every part is acknowledged.
//! - A part is never skipped: a failed part is retried, or the upload stops in a named state.
//! - The machine can be rebuilt from rows at any point ([`UploadMachine::restore`]); what was in flight
//!   is then simply sent again.

mod classify;
mod machine;
mod one;
mod part;
mod schedule;
mod speed;

use serde::{Deserialize, Serialize};
use snaplark_api::{Capabilities, Profile};
use uuid::Uuid;

pub use classify::{Answer, Ask, Failure, ProbeVerdict, classify, judge_probe};
pub use machine::{Target, UploadMachine};
pub use part::Part;
pub use speed::Speed;

use crate::{RecordingId, SessionId};

/// Identifies a request, so that a late response can be recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A recording that is to be uploaded has begun, or an old one is to be uploaded now.
    UploadWanted {
        recording: RecordingId,
    },
    /// The recording's address at our servers is made from this id, whose secret is durable. Sent
    /// before `UploadWanted`, and again when the address changes.
    Claimed {
        recording: RecordingId,
        id: Uuid,
    },
    /// `init.webm` is on disk.
    InitSealed {
        recording: RecordingId,
        size_bytes: u64,
    },
    /// The segment with the next index is on disk, and its row is committed.
    SegmentSealed {
        recording: RecordingId,
        size_bytes: u64,
    },
    /// No segment follows.
    RecordingEnded {
        recording: RecordingId,
        duration_ms: u64,
    },

    SessionOpened {
        request: RequestId,
        session: SessionId,
        link: Option<String>,
    },
    PartAcknowledged {
        request: RequestId,
    },
    Finalized {
        request: RequestId,
        link: Option<String>,
    },
    RequestFailed {
        request: RequestId,
        failure: Failure,
    },
    /// The server has these parts of the session.
    PartsReceived {
        request: RequestId,
        indices: Vec<u32>,
    },
    /// Damaged segments can be read again, restored or as placeholders. `sizes` are their present
    /// sizes.
    SegmentsRepaired {
        recording: RecordingId,
        sizes: Vec<(u32, u64)>,
    },
    /// Damaged segments can neither be restored nor replaced.
    SegmentsLost {
        recording: RecordingId,
        detail: String,
    },
    /// The server reports that its copy of these parts is damaged. `rows` are the rows of the upload,
    /// with its parts.
    ServerDamaged {
        rows: Box<UploadRows>,
        indices: Vec<u32>,
    },
    /// So many bytes of a part have been sent.
    PartProgressed {
        request: RequestId,
        sent_bytes: u64,
    },

    ProbeAnswered {
        verdict: ProbeVerdict,
    },
    /// Something suggests that the network changed.
    NetworkHinted,
    /// The computer slept: connections are dead, whatever they report, and addresses may have changed.
    SystemResumed,
    /// Whether the connection is metered, as far as the system knows.
    LinkMetered {
        metered: bool,
    },
    /// The person's setting: whether to wait on metered connections.
    MeteredChosen {
        wait: bool,
    },
    /// The person wants a stopped upload to go on, to the account's present server.
    RetryAsked {
        recording: RecordingId,
    },
    PauseAsked {
        recording: RecordingId,
    },
    ResumeAsked {
        recording: RecordingId,
    },
    /// The recording was deleted.
    Forgotten {
        recording: RecordingId,
    },
    /// The time that [`UploadMachine::next_wake_ms`] returned has come.
    Woke,
}

/// The machine's response to one event. Every change must be committed before any action is done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    pub changes: Vec<Change>,
    pub actions: Vec<Action>,
}

/// A change that must be made durable.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The upload begins from scratch, to this server: nothing of an earlier session is valid.
    UploadWanted {
        recording: RecordingId,
        server: String,
        profile: Profile,
    },
    /// The same server has another address.
    ServerMoved {
        recording: RecordingId,
        server: String,
    },
    /// Sets or clears the session. Removes all acknowledgements, which belong to the session before.
    SessionSet {
        recording: RecordingId,
        session: Option<SessionId>,
    },
    PartPlanned {
        recording: RecordingId,
        index: u32,
        part: Part,
    },
    /// Parts from this index on are dropped and will be planned again.
    PartsDropped {
        recording: RecordingId,
        from: u32,
    },
    PartAcknowledged {
        recording: RecordingId,
        index: u32,
    },
    /// The server reports that it does not have them.
    PartsLost {
        recording: RecordingId,
        indices: Vec<u32>,
    },
    /// It is known again which parts the server has, after the rows were rebuilt.
    PartsKnown {
        recording: RecordingId,
    },
    /// The upload was finished, but the server has damaged these parts since; they are sent again.
    Reopened {
        recording: RecordingId,
        indices: Vec<u32>,
    },
    PartBytesLearned {
        recording: RecordingId,
        part_bytes_max: u64,
    },
    LinkKnown {
        recording: RecordingId,
        link: String,
    },
    /// The recording's address belongs to another upload.
    LinkLost {
        recording: RecordingId,
    },
    Paused {
        recording: RecordingId,
        paused: bool,
    },
    Stopped {
        recording: RecordingId,
        stop: Option<Stop>,
    },
    Finished {
        recording: RecordingId,
        link: Option<String>,
    },
}

impl Change {
    pub fn recording(&self) -> RecordingId {
        match self {
            Change::UploadWanted { recording, .. }
            | Change::ServerMoved { recording, .. }
            | Change::SessionSet { recording, .. }
            | Change::PartPlanned { recording, .. }
            | Change::PartsDropped { recording, .. }
            | Change::PartAcknowledged { recording, .. }
            | Change::PartsLost { recording, .. }
            | Change::PartsKnown { recording }
            | Change::Reopened { recording, .. }
            | Change::PartBytesLearned { recording, .. }
            | Change::LinkKnown { recording, .. }
            | Change::LinkLost { recording }
            | Change::Paused { recording, .. }
            | Change::Stopped { recording, .. }
            | Change::Finished { recording, .. } => *recording,
        }
    }
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    OpenSession {
        request: RequestId,
        recording: RecordingId,
        /// True if the server supports `recordingId`; a server of the documents alone might refuse it.
        named: bool,
    },
    SendPart {
        request: RequestId,
        recording: RecordingId,
        session: SessionId,
        index: u32,
        part: Part,
        with_init: bool,
    },
    Finalize {
        request: RequestId,
        recording: RecordingId,
        session: SessionId,
        part_count: u32,
        duration_ms: u64,
    },
    /// Ask which parts of the session the server has. Used only with a server that supports it.
    AskReceived { request: RequestId, recording: RecordingId, session: SessionId },
    /// The recording's address belongs to another upload: make another one, and send `Claimed`.
    ClaimAnew { recording: RecordingId },
    /// Restore these segments' bytes, or replace them with placeholders.
    RepairSegments { recording: RecordingId, segments: Vec<u32> },
    /// Ask for the server's capabilities: the cheapest request that proves a connection.
    Probe,
    /// The response is not needed any more.
    Abort { request: RequestId },
    /// The link is known for the first time, or the video behind it is finished.
    TellLink { recording: RecordingId, link: String, finished: bool },
}

/// Why an upload continues only after the person has done something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Stop {
    /// The server refuses it; `detail` is its own message.
    Refused { detail: String },
    /// The recording's files can't be read.
    FilesMissing { detail: String },
    /// The server's copy of a finished video is damaged, and this computer doesn't have the bytes.
    DamagedOnServer { detail: String },
    /// The upload was begun for a server that is not the account's any more.
    OtherServer { server: String },
}

/// What the last real exchange with the account's server showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    #[default]
    Unknown,
    Online,
    Offline,
}

/// Why an upload is waiting at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    Offline,
    ServerTrouble,
    RateLimited,
    Queue,
    Paused,
    Metered,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A request is in flight, or the upload waits for the next segment.
    Sending,
    Waits {
        wait: Wait,
        until_ms: Option<u64>,
    },
    NeedsSignIn,
    Stopped(Stop),
    Finished,
}

/// The status of one upload, for people and for the documents' fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadStatus {
    pub phase: Phase,
    pub link: Option<String>,
    pub has_session: bool,
    pub uploaded: u32,
    pub pending: u32,
    /// Parts whose last try failed; they are also counted as pending.
    pub failed: u32,
    pub sent_bytes: u64,
    pub total_bytes: u64,
    /// True after five failures in a row: the person should be informed.
    pub worrying: bool,
}

/// An upload's rows, from which the machine is rebuilt.
#[derive(Clone, Debug, PartialEq)]
pub struct UploadRows {
    pub recording: RecordingId,
    pub server: String,
    pub profile: Profile,
    pub session: Option<SessionId>,
    pub link: Option<String>,
    pub part_bytes_max: Option<u64>,
    pub paused: bool,
    pub stop: Option<Stop>,
    pub finished: bool,
    /// True if the upload was finished, and parts that the server has damaged since are sent again.
    pub mending: bool,
    /// True if these rows were rebuilt, so that it is unknown which parts the server has.
    pub rebuilt: bool,
    /// The id from which its address is made; `None` means its recording's own id.
    pub claim: Option<Uuid>,
    /// In order of their index, each with whether it is acknowledged.
    pub parts: Vec<(Part, bool)>,
    pub init_bytes: u64,
    pub segment_bytes: Vec<u64>,
    /// `Some` when no segment follows.
    pub duration_ms: Option<u64>,
}

/// What the account's server is known to offer beyond the documents.
pub type Offers = Option<Capabilities>;

#[cfg(test)]
mod hostile_tests;
