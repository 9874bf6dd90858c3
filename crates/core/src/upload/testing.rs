//! The server, the rows and the rig that tests of the upload machine share.

use snaplark_api::{Capabilities, Profile};
use uuid::Uuid;

use super::*;

pub(super) const SERVER: &str = "https://host/api/v1";
/// The id in the link of whatever a rig uploads.
pub(super) const CLAIM: Uuid = Uuid::from_u128(7);

pub(super) fn target(profile: Profile) -> Target {
    Target { server: SERVER.into(), profile, is_this_computer: false }
}

/// Returns a machine with `rows` whose only server is the current one.
pub(super) fn restored(profile: Profile, rows: Vec<UploadRows>) -> UploadMachines {
    let targets = Targets { current: Some(target(profile)), others: Vec::new() };
    UploadMachines::restore(&targets, rows, 1).0
}

/// Returns the capabilities of a server that knows neither pictures nor versions of videos.
pub(super) fn capabilities() -> Capabilities {
    Capabilities {
        server: Capabilities::SERVER.into(),
        version: "1".into(),
        framings: Vec::new(),
        part_bytes_max: 1_000_000,
        parts_in_flight_max: 2,
        parts_cut_anywhere: true,
        link_template: Some("https://host/videos/{recordingId}".into()),
        sign_in: None,
        screenshots: None,
        videos: None,
    }
}

/// Returns the rows of an upload of which nothing was sent.
pub(super) fn rows(recording: RecordingId, profile: Profile) -> UploadRows {
    UploadRows {
        recording,
        server: SERVER.into(),
        profile,
        version: None,
        is_edited: false,
        session: None,
        link: None,
        part_bytes_max: None,
        cuts: SegmentCuts::None,
        paused: false,
        stop: None,
        finished: false,
        mending: false,
        rebuilt: false,
        struck: false,
        claim: None,
        parts: Vec::new(),
        receipts: BTreeMap::new(),
        init_bytes: 10,
        segment_bytes: Vec::new(),
        duration_ms: Some(2_000),
        file_bytes: None,
    }
}

/// A machine with one upload, in virtual time. It keeps all changes, and the actions of the last step.
pub(super) struct Rig {
    pub(super) recording: RecordingId,
    pub(super) machine: UploadMachines,
    pub(super) now_ms: u64,
    pub(super) changes: Vec<UploadChange>,
    pub(super) actions: Vec<UploadAction>,
}

impl Rig {
    /// Brings the machine online with a link that is known beforehand.
    pub(super) fn online(
        recording: RecordingId,
        machine: UploadMachines,
        capabilities: Capabilities,
    ) -> Self {
        let (changes, actions) = (Vec::new(), Vec::new());
        let mut rig = Rig { recording, machine, now_ms: 1, changes, actions };
        rig.tell(UploadEvent::Claimed { recording, id: CLAIM });
        let verdict = ProbeVerdict::Online { capabilities: Some(capabilities) };
        rig.tell(UploadEvent::ProbeAnswered { server: SERVER.into(), verdict });
        rig
    }

    pub(super) fn tell(&mut self, event: UploadEvent) {
        let step = self.machine.handle(self.now_ms, event);
        self.changes.extend(step.changes);
        self.actions = step.actions;
    }

    /// Waits until the machine wants to be woken.
    pub(super) fn wait(&mut self) {
        if let Some(wake_ms) = self.machine.next_wake_ms() {
            self.now_ms = self.now_ms.max(wake_ms);
        }
        self.tell(UploadEvent::Woke);
    }

    /// Returns the number of the last step's request.
    pub(super) fn request(&self) -> RequestId {
        let request = self.actions.iter().find_map(|action| match action {
            UploadAction::OpenSession { request, .. }
            | UploadAction::SendPieces { request, .. }
            | UploadAction::SendPart { request, .. }
            | UploadAction::Finalize { request, .. } => Some(*request),
            _ => None,
        });
        request.unwrap_or_else(|| panic!("no request in {:?}", self.actions))
    }

    pub(super) fn phase(&self) -> Phase {
        self.machine.status(self.now_ms, self.recording).expect("the upload is there").phase
    }
}
