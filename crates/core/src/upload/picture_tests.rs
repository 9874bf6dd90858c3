//! Pictures: one part, one version after the other, and every failure that the machine knows.

use snaplark_api::{Capabilities, Profile, ScreenshotCapabilities};
use uuid::Uuid;

use super::testing::{CLAIM, Rig, restored};
use super::*;

const PICTURE: RecordingId = RecordingId(Uuid::from_u128(9));
const SIZE_BYTES: u64 = 30 * 1024 * 1024;
const LINK: &str = "https://host/screenshots/00000000-0000-0000-0000-000000000007";

/// Returns the capabilities of a server for which a picture is far too large a part. It is sent whole all the same.
fn capabilities() -> Capabilities {
    let screenshots = ScreenshotCapabilities {
        claims: true,
        versions: true,
        bytes_max: SIZE_BYTES,
        link_template: Some("https://host/screenshots/{recordingId}".into()),
    };
    Capabilities {
        parts_in_flight_max: 1,
        screenshots: Some(screenshots),
        ..testing::capabilities()
    }
}

fn target() -> Target {
    testing::target(Profile::Snaplark)
}

fn restore(rows: Vec<UploadRows>) -> UploadMachines {
    restored(Profile::Snaplark, rows)
}

impl Rig {
    /// Returns a machine that is online, with version 1 of a picture to be uploaded.
    fn new() -> Self {
        Rig::at(restore(Vec::new())).wanting(1)
    }

    fn at(machine: UploadMachines) -> Self {
        Rig::online(PICTURE, machine, capabilities())
    }

    fn wanting(mut self, version: u32) -> Self {
        self.want_picture(version);
        self
    }

    fn want_picture(&mut self, version: u32) {
        let (recording, size_bytes) = (PICTURE, SIZE_BYTES);
        self.tell(UploadEvent::PictureWanted { recording, version, size_bytes });
    }

    fn picture_opened(&mut self, version: u32) {
        let session = SessionId(format!("picture-{version}"));
        let request = self.request();
        self.tell(UploadEvent::SessionOpened { request, session, link: None });
    }

    /// Answers the part, then the end of the upload.
    fn sent(&mut self) {
        let receipt = Receipt(LINK.into());
        self.tell(UploadEvent::PartAcknowledged { request: self.request(), receipt });
        let UploadAction::Finalize { request, receipts, .. } = self.actions[0].clone() else {
            panic!("{:?}", self.actions)
        };
        assert_eq!(receipts, [Receipt(LINK.into())], "the end gets the receipt with the link");
        self.tell(UploadEvent::Finalized { request, link: Some(LINK.into()) });
    }

    fn fail(&mut self, failure: Failure) {
        let request = self.request();
        self.tell(UploadEvent::RequestFailed { request, failure });
    }

    fn link(&self) -> Option<String> {
        self.machine.status(self.now_ms, PICTURE).and_then(|status| status.link)
    }
}

fn rows(version: u32, session: Option<&str>, acknowledged: bool) -> UploadRows {
    let part = Part::whole(0, 1, SIZE_BYTES);
    UploadRows {
        version: Some(version),
        session: session.map(|session| SessionId(session.into())),
        link: Some(LINK.into()),
        claim: Some(CLAIM),
        parts: vec![(part, acknowledged)],
        receipts: [(0, Receipt(LINK.into()))].into_iter().filter(|_| acknowledged).collect(),
        init_bytes: 0,
        segment_bytes: vec![SIZE_BYTES],
        duration_ms: Some(0),
        ..testing::rows(PICTURE, Profile::Snaplark)
    }
}

#[test]
fn picture_is_one_whole_part_and_its_link_is_known_beforehand() {
    let mut rig = Rig::new();
    assert_eq!(rig.link().as_deref(), Some(LINK), "before anything is sent");
    rig.picture_opened(1);
    let [UploadAction::SendPart { index: 0, part, with_init: false, .. }] = &rig.actions[..] else {
        panic!("{:?}", rig.actions)
    };
    assert_eq!(*part, Part::whole(0, 1, SIZE_BYTES), "however small the server's parts are");
    rig.sent();
    assert_eq!((rig.phase(), rig.link().as_deref()), (Phase::Finished, Some(LINK)));
}

#[test]
fn new_version_is_sent_behind_the_same_link_whatever_the_one_before_was_doing() {
    let finished = || {
        let mut rig = Rig::new();
        rig.picture_opened(1);
        rig.sent();
        rig
    };
    let in_flight = || {
        let mut rig = Rig::new();
        rig.picture_opened(1);
        rig
    };
    let refused = || {
        let mut rig = in_flight();
        rig.fail(Failure::Refused { detail: "no".into() });
        rig
    };
    for (name, mut rig) in [("done", finished()), ("sending", in_flight()), ("refused", refused())]
    {
        let late = rig.actions.iter().find_map(|action| match action {
            UploadAction::SendPart { request, .. } => Some(*request),
            _ => None,
        });
        rig.changes.clear();
        rig.want_picture(2);
        let set = UploadChange::VersionSet { recording: PICTURE, version: 2 };
        assert!(rig.changes.contains(&set), "{name}: {:?}", rig.changes);
        let is_anew = |change: &UploadChange| matches!(change, UploadChange::UploadWanted { .. });
        assert!(!rig.changes.iter().any(is_anew), "{name}: the link stays");
        if let Some(request) = late {
            assert!(rig.actions.contains(&UploadAction::Abort { request }), "{name}");
        }
        rig.picture_opened(2);
        let open = rig.actions.clone();
        if let Some(request) = late {
            let receipt = Receipt("https://host/old".into());
            rig.tell(UploadEvent::PartAcknowledged { request, receipt });
            assert_ne!(rig.phase(), Phase::Finished, "{name}: an answer to the version before");
        }
        rig.actions = open;
        rig.sent();
        assert_eq!((rig.phase(), rig.link().as_deref()), (Phase::Finished, Some(LINK)), "{name}");
        rig.changes.clear();
        rig.want_picture(2);
        assert_eq!(rig.changes, [], "{name}: the same version once");
    }
}

#[test]
fn every_failure_is_got_past_or_stops_a_picture_in_a_named_state() {
    let detail = || "d".to_owned();
    let later = [
        Failure::Unreachable { detail: detail() },
        Failure::NotTheApi { detail: detail() },
        Failure::RateLimited { retry_after_ms: 5_000 },
        Failure::TryAgain { detail: detail(), retry_after_ms: None },
        Failure::SessionUnknown,
    ];
    for failure in later {
        let mut rig = Rig::new();
        rig.picture_opened(1);
        rig.fail(failure.clone());
        for _ in 0..20 {
            if rig.actions.contains(&UploadAction::Probe { server: target().server }) {
                let verdict = ProbeVerdict::Online { capabilities: Some(capabilities()) };
                rig.tell(UploadEvent::ProbeAnswered { server: target().server, verdict });
            }
            let is_open =
                |action: &UploadAction| matches!(action, UploadAction::OpenSession { .. });
            if rig.actions.iter().any(is_open) {
                rig.picture_opened(1);
            }
            let is_part = |action: &UploadAction| matches!(action, UploadAction::SendPart { .. });
            if rig.actions.iter().any(is_part) {
                break;
            }
            rig.wait();
        }
        rig.sent();
        assert_eq!(rig.phase(), Phase::Finished, "{failure:?}");
    }
    let refused: fn(&Stop) -> bool = |stop| matches!(stop, Stop::Refused { .. });
    let newer: fn(&Stop) -> bool =
        |stop| matches!(stop, Stop::NewerVersion { served: Some(7), .. });
    let missing: fn(&Stop) -> bool = |stop| matches!(stop, Stop::FilesMissing { .. });
    let stops = [
        (Failure::PartTooLarge, refused),
        (Failure::Refused { detail: detail() }, refused),
        (Failure::PartRefused { detail: detail() }, refused),
        (Failure::NewerVersion { served: Some(7), detail: detail() }, newer),
        (Failure::FilesMissing { detail: detail() }, missing),
        (Failure::SegmentsDamaged { segments: vec![0] }, missing),
    ];
    for (failure, is_expected) in stops {
        let mut rig = Rig::new();
        rig.picture_opened(1);
        rig.fail(failure.clone());
        let Phase::Stopped(stop) = rig.phase() else { panic!("{failure:?}: {:?}", rig.phase()) };
        assert!(is_expected(&stop), "{failure:?}: {stop:?}");
        let cuts = |change: &UploadChange| matches!(change, UploadChange::PartBytesLearned { .. });
        assert!(!rig.changes.iter().any(cuts), "{failure:?}: a picture is never cut");
        rig.tell(UploadEvent::RetryAsked { recording: PICTURE });
        rig.sent();
        assert_eq!(rig.phase(), Phase::Finished, "{failure:?}: the person retried");
    }
}

#[test]
fn signed_out_picture_waits_for_the_sign_in() {
    let mut rig = Rig::new();
    rig.picture_opened(1);
    rig.fail(Failure::SignedOut);
    assert_eq!(rig.phase(), Phase::NeedsSignIn);
    assert_eq!(rig.actions, []);
}

#[test]
fn taken_address_gives_a_picture_another_link() {
    let mut rig = Rig::new();
    rig.picture_opened(1);
    rig.fail(Failure::AddressTaken { detail: String::new() });
    assert_eq!(rig.actions, [UploadAction::ClaimAnew { recording: PICTURE }]);
    assert_eq!(rig.link(), None, "the link is another's");
    rig.wait();
    assert_eq!(rig.actions, [], "nothing is sent before there is another address");
    rig.tell(UploadEvent::Claimed { recording: PICTURE, id: Uuid::from_u128(8) });
    let link = rig.link().unwrap_or_default();
    assert!(link.ends_with("08"), "{link}");
    let is_part = |action: &UploadAction| matches!(action, UploadAction::SendPart { .. });
    assert!(rig.actions.iter().any(is_part), "{:?}", rig.actions);
}

#[test]
fn picture_goes_on_from_its_rows() {
    // Not sent; sent and not confirmed; confirmed and not finished.
    for (session, acknowledged) in [(None, false), (Some("s"), false), (Some("s"), true)] {
        for rebuilt in [false, true] {
            let rows = UploadRows { rebuilt, ..rows(1, session, acknowledged && !rebuilt) };
            let mut rig = Rig::at(restore(vec![rows]));
            if session.is_none() {
                rig.picture_opened(1);
            }
            if matches!(rig.actions[0], UploadAction::Finalize { .. }) {
                let request = rig.request();
                rig.tell(UploadEvent::Finalized { request, link: Some(LINK.into()) });
            } else {
                rig.sent();
            }
            assert_eq!(rig.phase(), Phase::Finished, "{session:?} {acknowledged} {rebuilt}");
        }
    }
}

#[test]
fn version_for_another_server_begins_there_with_another_link() {
    let before = UploadRows {
        server: "https://other/api/v1".into(),
        finished: true,
        link: Some("https://other/1".into()),
        ..rows(1, Some("s"), true)
    };
    let mut rig = Rig::at(restore(vec![before]));
    rig.want_picture(2);
    let is_anew = |change: &UploadChange| matches!(change, UploadChange::UploadWanted { .. });
    assert!(rig.changes.iter().any(is_anew), "{:?}", rig.changes);
    assert_eq!(rig.link().as_deref(), Some(LINK));

    let stopped = UploadRows { finished: false, ..rows(1, None, false) };
    let stopped = UploadRows { server: "https://other/api/v1".into(), ..stopped };
    let mut rig = Rig::at(restore(vec![stopped]));
    assert!(matches!(rig.phase(), Phase::Stopped(Stop::OtherServer { .. })));
    rig.tell(UploadEvent::RetryAsked { recording: PICTURE });
    let set = UploadChange::VersionSet { recording: PICTURE, version: 1 };
    assert!(rig.changes.contains(&set), "{:?}", rig.changes);
    rig.picture_opened(1);
    rig.sent();
    assert_eq!(rig.phase(), Phase::Finished);
}
