//! A server that answers with what no honest one would.

use snaplark_api::{Capabilities, ErrorAnswer, Profile};
use uuid::Uuid;

use super::*;

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

/// One segment of a recording that has ended, up to the request that is asked next.
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
        assert_eq!(machine.status(5, RECORDING).unwrap().link, None);
        assert_eq!(machine.status(5, RECORDING).unwrap().phase, Phase::Finished);
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
        assert_eq!(machine.status(2, RECORDING).unwrap().link, None, "{template}");
    }
}

#[test]
fn refusal_is_one_plain_line_of_bounded_length() {
    let message = format!("no\u{1b}[2J\nSaved: \u{202E}{}", "x".repeat(100_000));
    let error = Some(ErrorAnswer { message: Some(message), ..ErrorAnswer::default() });
    let answer = Answer { status: 422, error, ..Answer::default() };
    let Failure::Refused { detail } = classify(Ask::SendPart, &answer) else { panic!() };
    assert!(detail.starts_with("no[2J Saved: xxx"), "{detail}");
    assert!(detail.chars().count() < 320, "{} characters", detail.chars().count());
}
