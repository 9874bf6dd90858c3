//! Tests with a server that sends responses which no honest server would.

use snaplark_api::{Capabilities, Profile};
use uuid::Uuid;

use super::testing::{SERVER, restored};
use super::*;
use crate::policy;

const RECORDING: RecordingId = RecordingId(Uuid::from_u128(7));
const HOSTILE: [&str; 4] = [
    "file:///etc/passwd",
    "\\\\host\\share\\x.exe",
    "javascript:alert(1)",
    "https://host/\u{1b}]0;x\u{7}",
];

fn machine() -> UploadMachines {
    restored(Profile::Spec, Vec::new())
}

fn capabilities(link_template: &str) -> Capabilities {
    Capabilities {
        part_bytes_max: 1,
        parts_in_flight_max: 1,
        parts_cut_anywhere: false,
        link_template: Some(link_template.into()),
        ..testing::capabilities()
    }
}

/// Records one segment and ends the recording. Returns the actions up to the next request.
fn recorded(machine: &mut UploadMachines, verdict: ProbeVerdict) -> Vec<UploadAction> {
    let events = [
        UploadEvent::ProbeAnswered { server: SERVER.into(), verdict },
        UploadEvent::UploadWanted { recording: RECORDING },
        UploadEvent::InitSealed { recording: RECORDING, size_bytes: 10 },
        UploadEvent::SegmentSealed { recording: RECORDING, size_bytes: 10 },
        UploadEvent::RecordingEnded { recording: RECORDING, duration_ms: 2_000 },
    ];
    events.into_iter().flat_map(|event| machine.handle(1, event).actions).collect()
}

fn status(machine: &UploadMachines, now_ms: u64) -> UploadStatus {
    machine.status(now_ms, RECORDING).expect("the upload is there")
}

fn no_link(step: &Step, what: &str) {
    let is_link = |change: &UploadChange| {
        matches!(
            change,
            UploadChange::LinkKnown { .. } | UploadChange::Finished { link: Some(_), .. }
        )
    };
    assert!(!step.changes.iter().any(is_link), "{what:?} is stored: {:?}", step.changes);
    let tells = |action: &UploadAction| matches!(action, UploadAction::TellLink { .. });
    assert!(!step.actions.iter().any(tells), "{what:?} is handed out: {:?}", step.actions);
}

#[test]
fn link_is_neither_stored_nor_handed_out_when_it_is_no_page_of_the_web() {
    for hostile in HOSTILE {
        let mut machine = machine();
        let actions = recorded(&mut machine, ProbeVerdict::Online { capabilities: None });
        let Some(UploadAction::OpenSession { request, .. }) = actions.last() else {
            panic!("{actions:?}")
        };
        let session = SessionId("s".into());
        let link = Some(hostile.to_owned());
        let event = UploadEvent::SessionOpened { request: *request, session, link: link.clone() };
        let step = machine.handle(2, event);
        no_link(&step, hostile);
        let Some(UploadAction::SendPart { request, .. }) = step.actions.last() else {
            panic!("{step:?}")
        };
        let step = machine.handle(
            3,
            UploadEvent::PartAcknowledged { request: *request, receipt: Receipt::default() },
        );
        let Some(UploadAction::Finalize { request, .. }) = step.actions.last() else {
            panic!("{step:?}")
        };
        let step = machine.handle(4, UploadEvent::Finalized { request: *request, link });
        no_link(&step, hostile);
        assert_eq!(status(&machine, 5).link, None);
        assert_eq!(status(&machine, 5).phase, Phase::Finished);
    }
}

#[test]
fn link_template_makes_no_link_when_it_is_no_page_of_the_web() {
    for template in ["file:///{recordingId}", "https://host/\u{9b}{recordingId}", "{recordingId}"] {
        let verdict = ProbeVerdict::Online { capabilities: Some(capabilities(template)) };
        let mut machine = machine();
        recorded(&mut machine, verdict);
        assert_eq!(status(&machine, 2).link, None, "{template}");
    }
}

/// Runs an upload to a server that makes links, up to the request for a session.
fn opening(machine: &mut UploadMachines, id: u128) -> RequestId {
    let id = Uuid::from_u128(id);
    machine.handle(1, UploadEvent::Claimed { recording: RECORDING, id });
    let capabilities = Some(capabilities("https://host/{recordingId}"));
    let verdict = ProbeVerdict::Online { capabilities };
    let actions = recorded(machine, verdict);
    let found = actions.iter().find_map(|action| match action {
        UploadAction::OpenSession { request, .. } => Some(*request),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{actions:?}"))
}

fn taken() -> Failure {
    Failure::AddressTaken { detail: "taken".into() }
}

#[test]
fn link_is_made_from_what_the_app_alone_can_prove() {
    let mut machine = machine();
    opening(&mut machine, 9);
    let link = status(&machine, 2).link;
    assert_eq!(link, Some(format!("https://host/{}", Uuid::from_u128(9))));
}

#[test]
fn upload_gets_another_address_when_its_own_is_taken() {
    let mut machine = machine();
    let request = opening(&mut machine, 9);
    let step = machine.handle(2, UploadEvent::RequestFailed { request, failure: taken() });
    assert_eq!(step.changes, [UploadChange::LinkLost { recording: RECORDING }]);
    assert_eq!(step.actions, [UploadAction::ClaimAnew { recording: RECORDING }]);
    let waiting = machine.handle(100_000, UploadEvent::Woke);
    assert!(waiting.actions.is_empty(), "nothing before the new one is durable: {waiting:?}");

    let id = Uuid::from_u128(10);
    let step = machine.handle(100_001, UploadEvent::Claimed { recording: RECORDING, id });
    let link = format!("https://host/{id}");
    let tells = UploadAction::TellLink { recording: RECORDING, link, finished: false };
    assert!(step.actions.contains(&tells), "{step:?}");
    let asks = |action: &UploadAction| matches!(action, UploadAction::OpenSession { .. });
    assert!(step.actions.iter().any(asks), "{step:?}");
}

#[test]
fn upload_stops_when_each_of_its_addresses_is_taken() {
    let mut machine = machine();
    let mut request = opening(&mut machine, 9);
    for turn in 1..=policy::ADDRESSES_TAKEN_MAX {
        let now_ms = u64::from(turn) * 1_000_000;
        machine.handle(now_ms, UploadEvent::RequestFailed { request, failure: taken() });
        let id = Uuid::from_u128(u128::from(turn) + 100);
        let claimed = UploadEvent::Claimed { recording: RECORDING, id };
        let step = machine.handle(now_ms + 500_000, claimed);
        let next = step.actions.iter().find_map(|action| match action {
            UploadAction::OpenSession { request, .. } => Some(*request),
            _ => None,
        });
        request = next.unwrap_or_else(|| panic!("{step:?}"));
    }
    machine.handle(9_000_000, UploadEvent::RequestFailed { request, failure: taken() });
    let phase = status(&machine, 9_000_001).phase;
    assert!(matches!(phase, Phase::Stopped(Stop::Refused { .. })), "{phase:?}");
}

#[test]
fn conflict_at_a_server_of_the_documents_is_a_refusal() {
    let mut machine = machine();
    let actions = recorded(&mut machine, ProbeVerdict::Online { capabilities: None });
    let Some(UploadAction::OpenSession { request, named: false, .. }) = actions.last() else {
        panic!("{actions:?}")
    };
    let failure = taken();
    machine.handle(2, UploadEvent::RequestFailed { request: *request, failure });
    let phase = status(&machine, 3).phase;
    assert!(matches!(phase, Phase::Stopped(Stop::Refused { .. })), "{phase:?}");
}

/// Runs an upload to a server of the documents, up to the second part's request.
fn second_part(machine: &mut UploadMachines) -> RequestId {
    let actions = recorded(machine, ProbeVerdict::Online { capabilities: None });
    let Some(UploadAction::OpenSession { request, .. }) = actions.last() else {
        panic!("{actions:?}")
    };
    let session = SessionId("s".into());
    let opened = UploadEvent::SessionOpened { request: *request, session, link: None };
    let step = machine.handle(2, opened);
    let Some(UploadAction::SendPart { request, .. }) = step.actions.last() else {
        panic!("{step:?}")
    };
    machine.handle(
        3,
        UploadEvent::PartAcknowledged { request: *request, receipt: Receipt::default() },
    );
    let more = UploadEvent::SegmentSealed { recording: RECORDING, size_bytes: 10 };
    let step = machine.handle(4, more);
    match step.actions.last() {
        Some(UploadAction::SendPart { request, index: 1, with_init: false, .. }) => *request,
        _ => panic!("{step:?}"),
    }
}

#[test]
fn upload_begins_again_with_parts_that_stand_alone_when_the_server_refuses_the_second() {
    let mut machine = machine();
    let request = second_part(&mut machine);
    let refused = || Failure::PartRefused { detail: "mimes".into() };
    let failure = refused();
    let step = machine.handle(5, UploadEvent::RequestFailed { request, failure });
    let profile = Profile::SpecStandalone;
    let server = "https://host/api/v1".to_owned();
    let anew = UploadChange::UploadWanted { recording: RECORDING, server, profile };
    assert!(step.changes.contains(&anew), "{step:?}");
    let opens = step.actions.iter().find_map(|action| match action {
        UploadAction::OpenSession { request, .. } => Some(*request),
        _ => None,
    });
    let session = SessionId("t".into());
    let request = opens.unwrap_or_else(|| panic!("{step:?}"));
    let step = machine.handle(6, UploadEvent::SessionOpened { request, session, link: None });
    let with_init =
        |action: &UploadAction| matches!(action, UploadAction::SendPart { with_init: true, .. });
    assert_eq!(step.actions.iter().filter(|action| with_init(action)).count(), 2, "{step:?}");

    // If that is refused as well, the person must decide.
    let Some(UploadAction::SendPart { request, .. }) = step.actions.last() else {
        panic!("{step:?}")
    };
    let failure = refused();
    machine.handle(7, UploadEvent::RequestFailed { request: *request, failure });
    let phase = status(&machine, 8).phase;
    assert!(matches!(phase, Phase::Stopped(Stop::Refused { .. })), "{phase:?}");
}

#[test]
fn new_uploads_begin_with_the_profile_that_was_learned() {
    let mut machine = machine();
    let request = second_part(&mut machine);
    let failure = Failure::PartRefused { detail: "mimes".into() };
    let step = machine.handle(5, UploadEvent::RequestFailed { request, failure });
    let (server, profile) = (SERVER.to_owned(), Profile::SpecStandalone);
    let learned = UploadAction::ProfileLearned { server: server.clone(), profile };
    assert!(step.actions.contains(&learned), "{step:?}");
    let recording = RecordingId(Uuid::from_u128(8));
    let step = machine.handle(6, UploadEvent::UploadWanted { recording });
    assert!(step.changes.contains(&UploadChange::UploadWanted { recording, server, profile }));
}

#[test]
fn server_that_has_taken_a_part_without_the_header_keeps_getting_such() {
    let mut machine = machine();
    let request = second_part(&mut machine);
    machine.handle(5, UploadEvent::PartAcknowledged { request, receipt: Receipt::default() });
    let more = UploadEvent::SegmentSealed { recording: RECORDING, size_bytes: 10 };
    let step = machine.handle(6, more);
    let Some(UploadAction::SendPart { request, index: 2, .. }) = step.actions.last() else {
        panic!("{step:?}")
    };
    let failure = Failure::PartRefused { detail: "the disk is full".into() };
    machine.handle(7, UploadEvent::RequestFailed { request: *request, failure });
    let phase = status(&machine, 8).phase;
    assert!(matches!(phase, Phase::Stopped(Stop::Refused { .. })), "{phase:?}");
}

#[test]
fn refusal_of_the_smallest_part_names_the_limit_of_a_proxy() {
    let mut machine = machine();
    let request = second_part(&mut machine);
    let failure = Failure::PartTooLarge;
    machine.handle(5, UploadEvent::RequestFailed { request, failure });
    let Phase::Stopped(Stop::Refused { detail }) = status(&machine, 6).phase else { panic!() };
    assert!(detail.contains("client_max_body_size"), "{detail}");
}
