//! Tests with a server that sends responses which no honest server would.

use snaplark_api::{Capabilities, ErrorAnswer, Profile};
use uuid::Uuid;

use super::*;
use crate::policy;

const RECORDING: RecordingId = RecordingId(Uuid::from_u128(7));
const HOSTILE: [&str; 4] = [
    "file:///etc/passwd",
    "\\\\host\\share\\x.exe",
    "javascript:alert(1)",
    "https://host/\u{1b}]0;x\u{7}",
];

fn machine() -> UploadMachine {
    let target = Target {
        server: "https://host/api/v1".into(),
        profile: Profile::Spec,
        is_this_computer: false,
    };
    UploadMachine::restore(target, Vec::new(), 1).0
}

fn capabilities(link_template: &str) -> Capabilities {
    Capabilities {
        server: Capabilities::SERVER.into(),
        version: "1\u{1b}[2J".into(),
        framings: Vec::new(),
        part_bytes_max: 1,
        parts_in_flight_max: 1,
        link_template: Some(link_template.into()),
        sign_in: None,
    }
}

/// Records one segment and ends the recording. Returns the actions up to the next request.
fn recorded(machine: &mut UploadMachine, verdict: ProbeVerdict) -> Vec<Action> {
    let events = [
        Event::ProbeAnswered { verdict },
        Event::UploadWanted { recording: RECORDING },
        Event::InitSealed { recording: RECORDING, size_bytes: 10 },
        Event::SegmentSealed { recording: RECORDING, size_bytes: 10 },
        Event::RecordingEnded { recording: RECORDING, duration_ms: 2_000 },
    ];
    events.into_iter().flat_map(|event| machine.handle(1, event).actions).collect()
}

fn status(machine: &UploadMachine, now_ms: u64) -> UploadStatus {
    machine.status(now_ms, RECORDING).expect("the upload is there")
}

fn no_link(step: &Step, what: &str) {
    let is_link = |change: &Change| {
        matches!(change, Change::LinkKnown { .. } | Change::Finished { link: Some(_), .. })
    };
    assert!(!step.changes.iter().any(is_link), "{what:?} is stored: {:?}", step.changes);
    let tells = |action: &Action| matches!(action, Action::TellLink { .. });
    assert!(!step.actions.iter().any(tells), "{what:?} is handed out: {:?}", step.actions);
}

#[test]
fn link_is_neither_stored_nor_handed_out_when_it_is_no_page_of_the_web() {
    for hostile in HOSTILE {
        let mut machine = machine();
        let actions = recorded(&mut machine, ProbeVerdict::Online { capabilities: None });
        let Some(Action::OpenSession { request, .. }) = actions.last() else {
            panic!("{actions:?}")
        };
        let session = SessionId("s".into());
        let link = Some(hostile.to_owned());
        let event = Event::SessionOpened { request: *request, session, link: link.clone() };
        let step = machine.handle(2, event);
        no_link(&step, hostile);
        let Some(Action::SendPart { request, .. }) = step.actions.last() else {
            panic!("{step:?}")
        };
        let step = machine.handle(3, Event::PartAcknowledged { request: *request });
        let Some(Action::Finalize { request, .. }) = step.actions.last() else {
            panic!("{step:?}")
        };
        let step = machine.handle(4, Event::Finalized { request: *request, link });
        no_link(&step, hostile);
        assert_eq!(status(&machine, 5).link, None);
        assert_eq!(status(&machine, 5).phase, Phase::Finished);
    }
}

#[test]
fn link_template_makes_no_link_when_it_is_no_page_of_the_web() {
    for template in ["file:///{recordingId}", "https://host/\u{9b}{recordingId}", "{recordingId}"] {
        let verdict = judge_probe(200, Some(capabilities(template)));
        let ProbeVerdict::Online { capabilities: Some(ref able) } = verdict else { panic!() };
        assert_eq!(able.version, "1[2J", "a version is a plain line");
        let mut machine = machine();
        recorded(&mut machine, verdict);
        assert_eq!(status(&machine, 2).link, None, "{template}");
    }
}

#[test]
fn refusal_is_one_plain_line_of_bounded_length() {
    let message = format!("no\u{1b}[2J\nSaved: \u{202E}{}", "x".repeat(100_000));
    let error = Some(ErrorAnswer { message: Some(message), ..ErrorAnswer::default() });
    let answer = Answer { status: 422, error, ..Answer::default() };
    let Failure::Refused { detail } = classify(Ask::Finalize, &answer) else { panic!() };
    assert!(detail.starts_with("no[2J Saved: xxx"), "{detail}");
    assert!(detail.chars().count() < 320, "{} characters", detail.chars().count());
}

/// Runs an upload to a server that makes links, up to the request for a session.
fn opening(machine: &mut UploadMachine, id: u128) -> RequestId {
    let id = Uuid::from_u128(id);
    machine.handle(1, Event::Claimed { recording: RECORDING, id });
    let verdict = judge_probe(200, Some(capabilities("https://host/{recordingId}")));
    let actions = recorded(machine, verdict);
    let found = actions.iter().find_map(|action| match action {
        Action::OpenSession { request, .. } => Some(*request),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{actions:?}"))
}

fn taken(code: Option<&str>, status: u16) -> Failure {
    let error = ErrorAnswer { code: code.map(str::to_owned), ..ErrorAnswer::default() };
    classify(Ask::OpenSession, &Answer { status, error: Some(error), ..Answer::default() })
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
    for failure in [taken(None, 409), taken(Some("recording_secret_needed"), 422)] {
        let mut machine = machine();
        let request = opening(&mut machine, 9);
        let step = machine.handle(2, Event::RequestFailed { request, failure });
        assert_eq!(step.changes, [Change::LinkLost { recording: RECORDING }]);
        assert_eq!(step.actions, [Action::ClaimAnew { recording: RECORDING }]);
        let waiting = machine.handle(100_000, Event::Woke);
        assert!(waiting.actions.is_empty(), "nothing before the new one is durable: {waiting:?}");

        let id = Uuid::from_u128(10);
        let step = machine.handle(100_001, Event::Claimed { recording: RECORDING, id });
        let link = format!("https://host/{id}");
        let tells = Action::TellLink { recording: RECORDING, link, finished: false };
        assert!(step.actions.contains(&tells), "{step:?}");
        let asks = |action: &Action| matches!(action, Action::OpenSession { .. });
        assert!(step.actions.iter().any(asks), "{step:?}");
    }
}

#[test]
fn upload_stops_when_each_of_its_addresses_is_taken() {
    let mut machine = machine();
    let mut request = opening(&mut machine, 9);
    for turn in 1..=policy::ADDRESSES_TAKEN_MAX {
        let now_ms = u64::from(turn) * 1_000_000;
        machine.handle(now_ms, Event::RequestFailed { request, failure: taken(None, 409) });
        let id = Uuid::from_u128(u128::from(turn) + 100);
        let claimed = Event::Claimed { recording: RECORDING, id };
        let step = machine.handle(now_ms + 500_000, claimed);
        let next = step.actions.iter().find_map(|action| match action {
            Action::OpenSession { request, .. } => Some(*request),
            _ => None,
        });
        request = next.unwrap_or_else(|| panic!("{step:?}"));
    }
    machine.handle(9_000_000, Event::RequestFailed { request, failure: taken(None, 409) });
    let phase = status(&machine, 9_000_001).phase;
    assert!(matches!(phase, Phase::Stopped(Stop::Refused { .. })), "{phase:?}");
}

#[test]
fn conflict_at_a_server_of_the_documents_is_a_refusal() {
    let mut machine = machine();
    let actions = recorded(&mut machine, ProbeVerdict::Online { capabilities: None });
    let Some(Action::OpenSession { request, named: false, .. }) = actions.last() else {
        panic!("{actions:?}")
    };
    let failure = taken(None, 409);
    machine.handle(2, Event::RequestFailed { request: *request, failure });
    let phase = status(&machine, 3).phase;
    assert!(matches!(phase, Phase::Stopped(Stop::Refused { .. })), "{phase:?}");
}

/// Runs an upload to a server of the documents, up to the second part's request.
fn second_part(machine: &mut UploadMachine) -> RequestId {
    let actions = recorded(machine, ProbeVerdict::Online { capabilities: None });
    let Some(Action::OpenSession { request, .. }) = actions.last() else { panic!("{actions:?}") };
    let session = SessionId("s".into());
    let opened = Event::SessionOpened { request: *request, session, link: None };
    let step = machine.handle(2, opened);
    let Some(Action::SendPart { request, .. }) = step.actions.last() else { panic!("{step:?}") };
    machine.handle(3, Event::PartAcknowledged { request: *request });
    let more = Event::SegmentSealed { recording: RECORDING, size_bytes: 10 };
    let step = machine.handle(4, more);
    match step.actions.last() {
        Some(Action::SendPart { request, index: 1, with_init: false, .. }) => *request,
        _ => panic!("{step:?}"),
    }
}

#[test]
fn upload_begins_again_with_parts_that_stand_alone_when_the_server_refuses_the_second() {
    let mut machine = machine();
    let request = second_part(&mut machine);
    let answer = Answer { status: 422, ..Answer::default() };
    let failure = classify(Ask::SendPart, &answer);
    let step = machine.handle(5, Event::RequestFailed { request, failure });
    let profile = Profile::SpecStandalone;
    let server = "https://host/api/v1".to_owned();
    let anew = Change::UploadWanted { recording: RECORDING, server, profile };
    assert!(step.changes.contains(&anew), "{step:?}");
    let opens = step.actions.iter().find_map(|action| match action {
        Action::OpenSession { request, .. } => Some(*request),
        _ => None,
    });
    let session = SessionId("t".into());
    let request = opens.unwrap_or_else(|| panic!("{step:?}"));
    let step = machine.handle(6, Event::SessionOpened { request, session, link: None });
    let with_init = |action: &Action| matches!(action, Action::SendPart { with_init: true, .. });
    assert_eq!(step.actions.iter().filter(|action| with_init(action)).count(), 2, "{step:?}");

    // If that is refused as well, the person must decide.
    let Some(Action::SendPart { request, .. }) = step.actions.last() else { panic!("{step:?}") };
    let failure = classify(Ask::SendPart, &answer);
    machine.handle(7, Event::RequestFailed { request: *request, failure });
    let phase = status(&machine, 8).phase;
    assert!(matches!(phase, Phase::Stopped(Stop::Refused { .. })), "{phase:?}");
}

#[test]
fn refusal_of_the_smallest_part_names_the_limit_of_a_proxy() {
    let mut machine = machine();
    let request = second_part(&mut machine);
    let failure = classify(Ask::SendPart, &Answer { status: 413, ..Answer::default() });
    machine.handle(5, Event::RequestFailed { request, failure });
    let Phase::Stopped(Stop::Refused { detail }) = status(&machine, 6).phase else { panic!() };
    assert!(detail.contains("client_max_body_size"), "{detail}");
}
