//! The upload machines, one for each server: they decide what to send next, and what a response means for it.
//!
//! It takes events with the time at which they happened and returns a [`Step`]: changes that must be
//! committed, and then actions to do. Invariants:
//! - A part is acknowledged only by a response that echoes it. Only a lost session, the server's own
//!   report, a 413 for a part before it, or new bytes of a segment that it has a piece of take that back.
//! - Finalize is requested only when the recording has ended and every part is acknowledged.
//! - A part is never skipped: a failed part is retried, or the upload stops in a named state.
//! - A picture is an upload of one part, for each of its versions ([`UploadEvent::PictureWanted`]).
//! - A version of an edited recording is an upload of its pieces, of which only those are sent that the server lacks
//!   ([`UploadEvent::EditedWanted`]).
//! - A file that a person brought in is an upload of its pieces ([`UploadEvent::FileWanted`]).
//! - An upload stays with the server for which it was begun, until the person has it sent to another.
//!   Servers share nothing: one that can't be reached, or refuses, never holds back another's uploads.
//! - The machines can be rebuilt from rows at any point ([`UploadMachines::restore`]); what was in flight is then asked
//!   for where the server can say it, and simply sent again elsewhere.
//!
//! Length: events, changes, actions and rows are one vocabulary, in which the modules below speak.

mod damage;
mod edited;
mod failing;
mod failure;
mod file;
mod link;
mod machine;
mod machines;
mod one;
mod part;
mod picture;
mod reach;
mod resize;
mod schedule;
mod speed;
mod stored_parts;
mod strike;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use snaplark_api::Profile;
use uuid::Uuid;

pub use edited::{
    EditedUpload, EditedVersion, KeptPart, PartContent, PlannedPart, RenderedPiece, ServedPart,
    ServedVersion, VersionPart, planned_parts, served_recording,
};
pub use failure::{Failure, ProbeVerdict};
pub use file::{file_pieces, file_range};
pub use link::is_link_of;
pub use machine::{Target, TargetRole, UploadMachine};
pub use machines::{OpenSession, Targets, UploadMachines};
pub use part::{Part, SegmentCuts};
pub use resize::SegmentPiece;
pub use speed::Speed;
pub use stored_parts::{SegmentBytes, ServedParts, StoredEditedVersion};

use crate::{RecordingId, SessionId};

/// Identifies a request, so that a late response can be recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// The proof that a destination returned for a part and needs at completion, such as the ETag of S3. Empty if
/// completion needs nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt(pub String);

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant's text says what its fields are")]
pub enum UploadEvent {
    /// A recording that is to be uploaded has begun, or an old one is to be uploaded now.
    UploadWanted {
        recording: RecordingId,
    },
    /// A version of a picture is to be uploaded, and the file with its bytes is durable. It takes the
    /// place of an earlier version, whose link stays.
    PictureWanted {
        recording: RecordingId,
        version: u32,
        size_bytes: u64,
    },
    /// A file that a person brought in is to be uploaded, and its row is durable. Sent again if the file has
    /// changed and the person wants it uploaded as it is now.
    FileWanted {
        recording: RecordingId,
        size_bytes: u64,
    },
    /// A version of an edited recording is to be uploaded, and its row is durable. It takes the place of the
    /// recording's upload, whose link stays.
    EditedWanted {
        recording: RecordingId,
        wanted: EditedUpload,
    },
    /// The person has given the edit a link of its own, since the server can't show it behind the same one. What
    /// the link showed before counts again; `is_online`: it showed something.
    EditedWithdrawn {
        recording: RecordingId,
        is_online: bool,
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
    /// Segments from index `kept` on were struck from the recording that runs, and are gone. Others with the
    /// same indices may follow.
    SegmentsStruck {
        recording: RecordingId,
        kept: u32,
    },
    /// No segment follows.
    RecordingEnded {
        recording: RecordingId,
        duration_ms: u64,
    },

    /// A session was opened. Some servers return the link with it.
    SessionOpened {
        request: RequestId,
        session: SessionId,
        link: Option<String>,
    },
    /// The part is stored at the destination.
    PartAcknowledged {
        request: RequestId,
        receipt: Receipt,
    },
    /// The upload is complete at the destination.
    Finalized {
        request: RequestId,
        link: Option<String>,
    },
    RequestFailed {
        request: RequestId,
        failure: Failure,
    },
    /// The server has these parts of the session, each with its receipt. `finished`: the video is
    /// complete there.
    PartsReceived {
        request: RequestId,
        parts: Vec<(u32, Receipt)>,
        finished: bool,
    },
    /// The server has taken the list of pieces, and lacks these parts.
    PiecesListed {
        request: RequestId,
        missing: Vec<u32>,
    },
    /// The rest of a segment consists of these pieces.
    SegmentCut {
        request: RequestId,
        pieces: Vec<SegmentPiece>,
    },
    /// Damaged segments can be read again, restored or as placeholders. `sizes` are their present
    /// sizes; `replaced` names those that have other bytes now.
    SegmentsRepaired {
        recording: RecordingId,
        sizes: Vec<(u32, u64)>,
        replaced: Vec<u32>,
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

    /// A probe was answered, or was not.
    ProbeAnswered {
        server: String,
        verdict: ProbeVerdict,
    },
    /// A destination that chooses the size of parts by the connection has measured it. Parts that are planned from
    /// now on have this size, and so many are sent at once.
    LineMeasured {
        server: String,
        line: MeasuredLine,
    },
    /// The server made links by this template the last time that it was asked.
    LinkTemplateKept {
        server: String,
        template: String,
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
    /// The person wants a stopped upload to go on. If nobody is signed in at its server any more, it begins
    /// anew at the current one.
    RetryAsked {
        recording: RecordingId,
    },
    /// The person pauses an upload.
    PauseAsked {
        recording: RecordingId,
    },
    /// The person resumes a paused upload.
    ResumeAsked {
        recording: RecordingId,
    },
    /// The recording was deleted.
    Forgotten {
        recording: RecordingId,
    },
    /// The time that [`UploadMachines::next_wake_ms`] returned has come.
    Woke,
}

/// The parts that suit a connection, as a destination has measured it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasuredLine {
    /// The size of each part but the last.
    pub part_bytes: u64,
    /// How many parts of one upload are in flight.
    pub parts_in_flight_max: usize,
}

/// The addressee of an event, which decides whose machine receives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressee<'a> {
    /// The upload of this recording or picture.
    Upload(RecordingId),
    /// The request that it answers.
    Request(RequestId),
    /// This server.
    Server(&'a str),
    /// All servers.
    Everyone,
}

impl UploadEvent {
    /// Returns the same event for another upload of the item, if it is about the item's files and not about an upload.
    pub fn for_upload(&self, upload: RecordingId) -> Option<UploadEvent> {
        let mut event = self.clone();
        match &mut event {
            UploadEvent::InitSealed { recording, .. }
            | UploadEvent::SegmentSealed { recording, .. }
            | UploadEvent::SegmentsStruck { recording, .. }
            | UploadEvent::RecordingEnded { recording, .. }
            | UploadEvent::SegmentsRepaired { recording, .. }
            | UploadEvent::SegmentsLost { recording, .. }
            | UploadEvent::Forgotten { recording } => *recording = upload,
            UploadEvent::UploadWanted { .. }
            | UploadEvent::PictureWanted { .. }
            | UploadEvent::FileWanted { .. }
            | UploadEvent::EditedWanted { .. }
            | UploadEvent::EditedWithdrawn { .. }
            | UploadEvent::Claimed { .. }
            | UploadEvent::LineMeasured { .. }
            | UploadEvent::LinkTemplateKept { .. }
            | UploadEvent::RetryAsked { .. }
            | UploadEvent::PauseAsked { .. }
            | UploadEvent::ResumeAsked { .. }
            | UploadEvent::ServerDamaged { .. }
            | UploadEvent::SessionOpened { .. }
            | UploadEvent::PartAcknowledged { .. }
            | UploadEvent::Finalized { .. }
            | UploadEvent::RequestFailed { .. }
            | UploadEvent::PartsReceived { .. }
            | UploadEvent::PiecesListed { .. }
            | UploadEvent::SegmentCut { .. }
            | UploadEvent::PartProgressed { .. }
            | UploadEvent::ProbeAnswered { .. }
            | UploadEvent::NetworkHinted
            | UploadEvent::SystemResumed
            | UploadEvent::LinkMetered { .. }
            | UploadEvent::MeteredChosen { .. }
            | UploadEvent::Woke => return None,
        }
        Some(event)
    }

    /// Returns what the event is about.
    pub fn addressee(&self) -> Addressee<'_> {
        match self {
            UploadEvent::UploadWanted { recording }
            | UploadEvent::PictureWanted { recording, .. }
            | UploadEvent::FileWanted { recording, .. }
            | UploadEvent::EditedWanted { recording, .. }
            | UploadEvent::EditedWithdrawn { recording, .. }
            | UploadEvent::Claimed { recording, .. }
            | UploadEvent::InitSealed { recording, .. }
            | UploadEvent::SegmentSealed { recording, .. }
            | UploadEvent::SegmentsStruck { recording, .. }
            | UploadEvent::RecordingEnded { recording, .. }
            | UploadEvent::SegmentsRepaired { recording, .. }
            | UploadEvent::SegmentsLost { recording, .. }
            | UploadEvent::RetryAsked { recording }
            | UploadEvent::PauseAsked { recording }
            | UploadEvent::ResumeAsked { recording }
            | UploadEvent::Forgotten { recording } => Addressee::Upload(*recording),
            UploadEvent::ServerDamaged { rows, .. } => Addressee::Upload(rows.recording),
            UploadEvent::SessionOpened { request, .. }
            | UploadEvent::PartAcknowledged { request, .. }
            | UploadEvent::Finalized { request, .. }
            | UploadEvent::RequestFailed { request, .. }
            | UploadEvent::PartsReceived { request, .. }
            | UploadEvent::PiecesListed { request, .. }
            | UploadEvent::SegmentCut { request, .. }
            | UploadEvent::PartProgressed { request, .. } => Addressee::Request(*request),
            UploadEvent::ProbeAnswered { server, .. }
            | UploadEvent::LineMeasured { server, .. }
            | UploadEvent::LinkTemplateKept { server, .. } => Addressee::Server(server),
            UploadEvent::NetworkHinted
            | UploadEvent::SystemResumed
            | UploadEvent::LinkMetered { .. }
            | UploadEvent::MeteredChosen { .. }
            | UploadEvent::Woke => Addressee::Everyone,
        }
    }
}

/// The machine's response to one event. Every change must be committed before any action is done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// The changes that must be committed first.
    pub changes: Vec<UploadChange>,
    /// The actions that are to be done then.
    pub actions: Vec<UploadAction>,
}

/// A change that must be made durable.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant's text says what its fields are")]
pub enum UploadChange {
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
    /// The part with this index is planned.
    PartPlanned {
        recording: RecordingId,
        index: u32,
        part: Part,
    },
    /// The upload sends this version of a picture or an edited recording from now on, from scratch. Its link stays, and
    /// so does the limit on its parts.
    VersionSet {
        recording: RecordingId,
        version: u32,
    },
    /// The version of an edited recording is not uploaded. `is_online`: the link shows what it showed before. Else
    /// there is no upload any more.
    Withdrawn {
        recording: RecordingId,
        is_online: bool,
    },
    /// The version of an edited recording has another number, since the server has one with the old number or
    /// a greater one. Its upload begins from scratch.
    Renumbered {
        recording: RecordingId,
        from: u32,
        to: u32,
    },
    /// Parts from this index on are dropped and will be planned again.
    PartsDropped {
        recording: RecordingId,
        from: u32,
    },
    /// The part with this index is stored at the destination.
    PartAcknowledged {
        recording: RecordingId,
        index: u32,
        receipt: Receipt,
    },
    /// The server reports that it does not have them, or has bytes that were replaced since.
    PartsLost {
        recording: RecordingId,
        indices: Vec<u32>,
    },
    /// It is known again which parts the server has, after the rows were rebuilt.
    PartsKnown {
        recording: RecordingId,
    },
    /// The server lacks these parts of a version of an edited recording, and has all others.
    PiecesKnown {
        recording: RecordingId,
        missing: Vec<(u32, Part)>,
    },
    /// The upload was finished, but the server has damaged these parts since; they are sent again.
    Reopened {
        recording: RecordingId,
        indices: Vec<u32>,
    },
    /// Parts that are planned from now on have at most this size. `cuts`: where a larger segment is cut.
    PartBytesLearned {
        recording: RecordingId,
        part_bytes_max: u64,
        cuts: SegmentCuts,
    },
    LinkKnown {
        recording: RecordingId,
        link: String,
    },
    /// The recording's address belongs to another upload.
    LinkLost {
        recording: RecordingId,
    },
    /// The person paused the upload, or resumed it.
    Paused {
        recording: RecordingId,
        paused: bool,
    },
    /// The upload stopped until the person acts, or goes on again (`None`).
    Stopped {
        recording: RecordingId,
        stop: Option<Stop>,
    },
    /// The upload is complete.
    Finished {
        recording: RecordingId,
        link: Option<String>,
    },
}

impl UploadChange {
    /// Returns the recording whose upload changes.
    pub fn recording(&self) -> RecordingId {
        match self {
            UploadChange::UploadWanted { recording, .. }
            | UploadChange::ServerMoved { recording, .. }
            | UploadChange::SessionSet { recording, .. }
            | UploadChange::PartPlanned { recording, .. }
            | UploadChange::VersionSet { recording, .. }
            | UploadChange::Renumbered { recording, .. }
            | UploadChange::Withdrawn { recording, .. }
            | UploadChange::PartsDropped { recording, .. }
            | UploadChange::PartAcknowledged { recording, .. }
            | UploadChange::PartsLost { recording, .. }
            | UploadChange::PartsKnown { recording }
            | UploadChange::PiecesKnown { recording, .. }
            | UploadChange::Reopened { recording, .. }
            | UploadChange::PartBytesLearned { recording, .. }
            | UploadChange::LinkKnown { recording, .. }
            | UploadChange::LinkLost { recording }
            | UploadChange::Paused { recording, .. }
            | UploadChange::Stopped { recording, .. }
            | UploadChange::Finished { recording, .. } => *recording,
        }
    }
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant's text says what its fields are")]
pub enum UploadAction {
    /// Open a session.
    OpenSession {
        request: RequestId,
        recording: RecordingId,
        /// True if the server supports `recordingId`; a server of the documents alone might refuse it.
        named: bool,
    },
    /// Send a part; `with_init`: preceded by the init; `cuts`: how a piece of a segment is cut.
    SendPart {
        request: RequestId,
        recording: RecordingId,
        session: SessionId,
        index: u32,
        part: Part,
        with_init: bool,
        cuts: SegmentCuts,
    },
    /// Find the pieces of at most `bytes_max` that a segment has from `from_bytes` on if it is cut at frames.
    /// A failure of this request is one of the recording's files.
    CutSegment {
        request: RequestId,
        recording: RecordingId,
        segment: u32,
        from_bytes: u64,
        bytes_max: u64,
    },
    /// The server takes only parts that begin with the init: new uploads to it use this profile.
    ProfileLearned { server: String, profile: Profile },
    /// Complete the upload.
    Finalize {
        request: RequestId,
        recording: RecordingId,
        session: SessionId,
        /// One for each part, in order.
        receipts: Vec<Receipt>,
        duration_ms: u64,
    },
    /// Ask which parts of the session the server has. Used only with a server that supports it.
    AskReceived { request: RequestId, recording: RecordingId, session: SessionId },
    /// Send the list of pieces of a version. Used only with a server that supports it.
    SendPieces { request: RequestId, recording: RecordingId, session: SessionId },
    /// The recording's address belongs to another upload: make another one, and send `Claimed`.
    ClaimAnew { recording: RecordingId },
    /// The version has stopped because a part is too large. If smaller ones are possible, publish its edit again.
    ListAnew { recording: RecordingId },
    /// Restore these segments' bytes, or replace them with placeholders.
    RepairSegments { recording: RecordingId, segments: Vec<u32> },
    /// Ask for the server's capabilities: the cheapest request that proves a connection.
    Probe { server: String },
    /// The response is not needed any more.
    Abort { request: RequestId },
    /// The link is known for the first time, or the video behind it is finished.
    TellLink { recording: RecordingId, link: String, finished: bool },
}

/// Why an upload continues only after the person has done something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant's text says what its fields are")]
pub enum Stop {
    /// The server refuses it; `detail` is its own message.
    Refused { detail: String },
    /// A newer version is behind the link. Only a version above `served` replaces it.
    NewerVersion { served: Option<u32>, detail: String },
    /// The server can't show an edited recording behind the same link.
    NoVersions,
    /// The recording's files can't be read.
    FilesMissing { detail: String },
    /// The file that a person brought in is another one than when it was brought in.
    FileChanged,
    /// The destination takes files of this size at most.
    TooLarge { bytes_max: u64 },
    /// The server's copy of a finished video is damaged, and this computer doesn't have the bytes.
    DamagedOnServer { detail: String },
    /// The upload was begun for another server than the account's, and nobody is signed in there any more. A
    /// sign-in there resumes it; so it isn't stored.
    OtherServer { server: String },
}

/// The state of a server as the last real exchange with it showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reachability {
    /// There was no exchange yet.
    #[default]
    Unknown,
    /// The server responded.
    Online,
    /// The server could not be reached.
    Offline,
}

/// Why an upload is waiting at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// The server can't be reached.
    Offline,
    /// The folder isn't there: its disk is unmounted or away.
    FolderMissing,
    /// The destination has no room left.
    StorageFull,
    /// The folder may not be written.
    AccessDenied,
    /// The server responded with an error that passes.
    ServerTrouble,
    /// The server wants fewer requests.
    RateLimited,
    /// Other uploads are sent first.
    Queue,
    /// The person paused it.
    Paused,
    /// The connection is metered, and the person wants to wait for another.
    Metered,
}

/// The activity of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's text says what its fields are")]
pub enum Phase {
    /// A request is in flight, or the upload waits for the next segment.
    Sending,
    /// It waits, until a known time or an event.
    Waits { wait: Wait, until_ms: Option<u64> },
    /// It waits until the person has signed in.
    NeedsSignIn,
    /// It goes on only when the person has done something.
    Stopped(Stop),
    /// It is complete.
    Finished,
}

/// The status of one upload, for people and for the documents' fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadStatus {
    /// The activity.
    pub phase: Phase,
    /// The recording's link, if it is known.
    pub link: Option<String>,
    /// Whether the destination knows the upload.
    pub has_session: bool,
    /// How many parts are stored at the destination.
    pub uploaded: u32,
    /// How many parts are not.
    pub pending: u32,
    /// Parts whose last try failed; they are also counted as pending.
    pub failed: u32,
    /// How many bytes have been sent, those of unfinished parts included.
    pub sent_bytes: u64,
    /// The size of all segments that are sealed.
    pub total_bytes: u64,
    /// True after five failures in a row: the person should be informed.
    pub worrying: bool,
}

/// An upload's rows, from which the machine is rebuilt.
#[derive(Clone, Debug, PartialEq)]
pub struct UploadRows {
    /// The recording that is uploaded.
    pub recording: RecordingId,
    /// The server that the upload was begun for.
    pub server: String,
    /// The document that the server implements.
    pub profile: Profile,
    /// The version of a picture or of an edited recording; `None` for recordings as they are.
    pub version: Option<u32>,
    /// Whether it is a version of an edited recording. Its pieces take the place of the segments then.
    pub is_edited: bool,
    /// The session, if one is open.
    pub session: Option<SessionId>,
    /// The recording's link, if it is known.
    pub link: Option<String>,
    /// The limit on parts that are planned from now on, if a 413 has shown one.
    pub part_bytes_max: Option<u64>,
    /// Where a segment above that limit is cut.
    pub cuts: SegmentCuts,
    /// Whether the person paused it.
    pub paused: bool,
    /// Why it stopped, if it did.
    pub stop: Option<Stop>,
    /// Whether it is complete.
    pub finished: bool,
    /// True if the upload was finished, and parts that the server has damaged since are sent again.
    pub mending: bool,
    /// True if these rows were rebuilt, so that it is unknown which parts the server has.
    pub rebuilt: bool,
    /// True if the session may have bytes of struck segments, under numbers that other parts get.
    pub struck: bool,
    /// The id from which its address is made; `None` means its recording's own id.
    pub claim: Option<Uuid>,
    /// The parts in order of their index, each with whether it is acknowledged.
    pub parts: Vec<(Part, bool)>,
    /// The receipts of acknowledged parts, by index; empty ones are left out.
    pub receipts: BTreeMap<u32, Receipt>,
    /// The size of `init.webm`; 0 until it is sealed.
    pub init_bytes: u64,
    /// The size of each sealed segment, or of each piece of an edited version.
    pub segment_bytes: Vec<u64>,
    /// `Some` when no segment follows.
    pub duration_ms: Option<u64>,
    /// The size of a file that a person brought in, whose pieces take the place of segments; `None` for others.
    pub file_bytes: Option<u64>,
}

#[cfg(test)]
mod edited_tests;
#[cfg(test)]
mod equal_parts_tests;
#[cfg(test)]
mod file_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod line_tests;
#[cfg(test)]
mod machines_tests;
#[cfg(test)]
mod picture_tests;
#[cfg(test)]
mod resize_tests;
#[cfg(test)]
mod restart_tests;
#[cfg(test)]
mod strike_tests;
#[cfg(test)]
mod testing;
