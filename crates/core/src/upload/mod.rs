//! The upload machine: what to send next, and what an answer means for it.
//!
//! Events go in with the time they happened; out comes a [`Step`]: changes that must be committed,
//! and then actions to do. Invariants:
//! - A part is acknowledged only by an answer that echoes it; only a lost session or the server's
//!   own word takes that back.
//! - Finalize is asked for only when the recording has ended and every part is acknowledged.
//! - A part is never skipped: what fails is tried again, or the upload stops in a named state.
//! - The machine can be rebuilt from rows at any point ([`UploadMachine::restore`]); what was on
//!   its way is then simply sent again.

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

/// Names one request, so that an answer that comes too late is known as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A recording that is to go up has begun, or an old one is to go up now.
    UploadWanted {
        recording: RecordingId,
    },
    /// The address of a recording at our servers is made from this id, whose secret is durable. Told
    /// before the recording is wanted, and again when the address is another.
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
    /// Damaged segments can be read again: as they were sealed, or as placeholders. With the sizes
    /// that they have now.
    SegmentsRepaired {
        recording: RecordingId,
        sizes: Vec<(u32, u64)>,
    },
    /// Damaged segments can neither be restored nor replaced.
    SegmentsLost {
        recording: RecordingId,
        detail: String,
    },
    /// The server says that its copy of these parts is damaged. `rows` are those of the upload, with
    /// its parts.
    ServerDamaged {
        rows: Box<UploadRows>,
        indices: Vec<u32>,
    },
    /// So many bytes of a part are out.
    PartProgressed {
        request: RequestId,
        sent_bytes: u64,
    },

    ProbeAnswered {
        verdict: ProbeVerdict,
    },
    /// Something hints that the network changed.
    NetworkHinted,
    /// The computer slept: connections are dead, whatever they say, and addresses may be others.
    SystemResumed,
    /// Whether bytes cost money now, as far as the system knows.
    LinkMetered {
        metered: bool,
    },
    /// The person's setting.
    MeteredChosen {
        wait: bool,
    },
    /// The person wants a stopped upload to go on, to the account's server of now.
    RetryAsked {
        recording: RecordingId,
    },
    PauseAsked {
        recording: RecordingId,
    },
    ResumeAsked {
        recording: RecordingId,
    },
    /// The recording is deleted.
    Forgotten {
        recording: RecordingId,
    },
    /// The time that [`UploadMachine::next_wake`] named has come.
    Woke,
}

/// The machine's answer to one event. Every change is committed before any action is done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    pub changes: Vec<Change>,
    pub actions: Vec<Action>,
}

/// What has to be durable.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// From the beginning, to this server: nothing of an earlier session holds.
    UploadWanted {
        recording: RecordingId,
        server: String,
        profile: Profile,
    },
    /// The same server under another address.
    ServerMoved {
        recording: RecordingId,
        server: String,
    },
    /// Takes every acknowledgement back, unless it names the session that is there.
    SessionSet {
        recording: RecordingId,
        session: Option<SessionId>,
    },
    PartPlanned {
        recording: RecordingId,
        index: u32,
        part: Part,
    },
    /// Parts from here on are no more; they are planned anew.
    PartsDropped {
        recording: RecordingId,
        from: u32,
    },
    PartAcknowledged {
        recording: RecordingId,
        index: u32,
    },
    /// The server says it hasn't got them.
    PartsLost {
        recording: RecordingId,
        indices: Vec<u32>,
    },
    /// Which parts the server has is known again, after the rows were rebuilt.
    PartsKnown {
        recording: RecordingId,
    },
    /// It was finished; the server has damaged these parts since, and they are sent again.
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
    /// Its address is somebody else's.
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

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    OpenSession {
        request: RequestId,
        recording: RecordingId,
        /// The server knows of `recordingId`; one of the documents alone might refuse it.
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
    /// Ask which parts of the session the server has. Only of a server that is known to answer it.
    AskReceived { request: RequestId, recording: RecordingId, session: SessionId },
    /// The address of a recording is somebody else's: make another, and say so.
    ClaimAnew { recording: RecordingId },
    /// Restore these segments' bytes, or put placeholders in their places.
    RepairSegments { recording: RecordingId, segments: Vec<u32> },
    /// Ask the server's capabilities, as the cheapest true exchange.
    Probe,
    /// The answer is of no use any more.
    Abort { request: RequestId },
    /// The link is known for the first time, or the video behind it is finished.
    TellLink { recording: RecordingId, link: String, finished: bool },
}

/// Why an upload goes on only when the person has done something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Stop {
    /// The server refuses it, in its own words.
    Refused { detail: String },
    /// Its files can't be read.
    FilesMissing { detail: String },
    /// The server's copy of a finished video is damaged, and this computer doesn't have the bytes.
    DamagedOnServer { detail: String },
    /// It was begun for another server than the account's of now.
    OtherServer { server: String },
}

/// What the last true exchange with the account's server said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    #[default]
    Unknown,
    Online,
    Offline,
}

/// Why an upload that wants to go on doesn't, just now.
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
    /// Something of it is on its way, or it waits for the next segment.
    Sending,
    Waits {
        wait: Wait,
        until_ms: Option<u64>,
    },
    NeedsSignIn,
    Stopped(Stop),
    Finished,
}

/// One upload, as the documents and people ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadStatus {
    pub phase: Phase,
    pub link: Option<String>,
    pub has_session: bool,
    pub uploaded: u32,
    pub pending: u32,
    /// Parts whose last try failed; they are among the pending.
    pub failed: u32,
    pub sent_bytes: u64,
    pub total_bytes: u64,
    /// Five failures in a row: the person should hear of it.
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
    /// It was finished, and parts that the server has damaged since are sent again.
    pub mending: bool,
    /// These rows were rebuilt: which parts the server has is not known.
    pub rebuilt: bool,
    /// What its address is made from; `None`: its recording's own id.
    pub claim: Option<Uuid>,
    /// In order of their index, with whether each is acknowledged.
    pub parts: Vec<(Part, bool)>,
    pub init_bytes: u64,
    pub segment_bytes: Vec<u64>,
    /// `Some` when no segment follows.
    pub duration_ms: Option<u64>,
}

/// What the account's server is known to offer, beyond the documents.
pub type Offers = Option<Capabilities>;

#[cfg(test)]
mod hostile_tests;
