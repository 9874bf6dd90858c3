//! Tests with several servers: what stays with its own, what goes to the current one, and what is held back.

use snaplark_api::Profile;
use uuid::Uuid;

use super::*;

const OLD: &str = "https://old/api/v1";
const NEW: &str = "https://new/api/v1";
const FIRST: RecordingId = RecordingId(Uuid::from_u128(7));
const SECOND: RecordingId = RecordingId(Uuid::from_u128(8));

fn target(server: &str) -> Target {
    Target { server: server.into(), profile: Profile::Spec, is_this_computer: false }
}

fn to_new(others: &[&str]) -> Targets {
    let others = others.iter().map(|server| target(server)).collect();
    Targets { current: Some(target(NEW)), others }
}

/// Returns the rows of a recording of one segment that was begun for a server.
fn rows(recording: RecordingId, server: &str) -> UploadRows {
    UploadRows {
        server: server.into(),
        segment_bytes: vec![10],
        ..testing::rows(recording, Profile::Spec)
    }
}

fn restore(targets: &Targets, rows: Vec<UploadRows>) -> UploadMachines {
    let mut machines = UploadMachines::restore(targets, rows, 1).0;
    machines.handle(1, UploadEvent::Woke);
    machines
}

fn online(machines: &mut UploadMachines, server: &str) -> Step {
    let verdict = ProbeVerdict::Online { capabilities: None };
    machines.handle(2, UploadEvent::ProbeAnswered { server: server.into(), verdict })
}

fn opened(step: &Step) -> RequestId {
    let request = step.actions.iter().find_map(|action| match action {
        UploadAction::OpenSession { request, .. } => Some(*request),
        _ => None,
    });
    request.unwrap_or_else(|| panic!("no session is opened: {step:?}"))
}

/// Answers everything that an upload asks for, from its first request on.
fn finish(machines: &mut UploadMachines, request: RequestId) {
    let session = SessionId("s".into());
    let step = machines.handle(3, UploadEvent::SessionOpened { request, session, link: None });
    let Some(UploadAction::SendPart { request, .. }) = step.actions.last() else {
        panic!("{step:?}")
    };
    let (request, receipt) = (*request, Receipt::default());
    let step = machines.handle(4, UploadEvent::PartAcknowledged { request, receipt });
    let Some(UploadAction::Finalize { request, .. }) = step.actions.last() else {
        panic!("{step:?}")
    };
    machines.handle(5, UploadEvent::Finalized { request: *request, link: None });
}

fn record(machines: &mut UploadMachines, recording: RecordingId) -> Step {
    let events = [
        UploadEvent::UploadWanted { recording },
        UploadEvent::InitSealed { recording, size_bytes: 10 },
        UploadEvent::SegmentSealed { recording, size_bytes: 10 },
        UploadEvent::RecordingEnded { recording, duration_ms: 2_000 },
    ];
    let mut all = Step::default();
    for event in events {
        let step = machines.handle(2, event);
        all.changes.extend(step.changes);
        all.actions.extend(step.actions);
    }
    all
}

fn phase(machines: &UploadMachines, recording: RecordingId) -> Phase {
    machines.status(6, recording).expect("the upload is there").phase
}

fn is_homeless(phase: &Phase) -> bool {
    matches!(phase, Phase::Stopped(Stop::OtherServer { server }) if server == OLD)
}

#[test]
fn upload_goes_on_at_its_own_server_and_a_new_one_goes_to_the_current() {
    let mut machines = restore(&to_new(&[OLD]), vec![rows(FIRST, OLD)]);
    let first = opened(&online(&mut machines, OLD));
    online(&mut machines, NEW);
    let step = record(&mut machines, SECOND);
    let second = opened(&step);
    let (server, profile) = (NEW.to_owned(), Profile::Spec);
    let wanted = UploadChange::UploadWanted { recording: SECOND, server, profile };
    assert_eq!(step.changes.first(), Some(&wanted));
    assert_eq!(machines.server_of(first), Some(OLD));
    assert_eq!(machines.server_of(second), Some(NEW));
    finish(&mut machines, first);
    finish(&mut machines, second);
    assert_eq!(phase(&machines, FIRST), Phase::Finished);
    assert_eq!(phase(&machines, SECOND), Phase::Finished);
}

#[test]
fn server_that_cannot_be_reached_holds_back_its_own_uploads_alone() {
    let mut machines = restore(&to_new(&[OLD]), vec![rows(FIRST, OLD), rows(SECOND, NEW)]);
    let verdict = ProbeVerdict::Offline { detail: "refused".into() };
    machines.handle(2, UploadEvent::ProbeAnswered { server: OLD.into(), verdict });
    let request = opened(&online(&mut machines, NEW));
    finish(&mut machines, request);
    assert_eq!(phase(&machines, SECOND), Phase::Finished);
    let waits = phase(&machines, FIRST);
    assert!(matches!(waits, Phase::Waits { wait: Wait::Offline, .. }), "{waits:?}");
    assert_eq!(machines.at(OLD).map(UploadMachine::reach), Some(Reachability::Offline));
    assert_eq!(machines.current().map(UploadMachine::reach), Some(Reachability::Online));
}

#[test]
fn link_is_known_without_a_network_by_the_template_of_before() {
    let mut machines = restore(&to_new(&[]), Vec::new());
    let template = "https://new/videos/{recordingId}".to_owned();
    machines.handle(1, UploadEvent::LinkTemplateKept { server: NEW.into(), template });
    let step = machines.handle(2, UploadEvent::UploadWanted { recording: FIRST });
    let link = format!("https://new/videos/{}", FIRST.0);
    let known = UploadChange::LinkKnown { recording: FIRST, link };
    assert!(step.changes.contains(&known), "{step:?}");
    // The server, which has answered since, makes no links by ids any more.
    let verdict = ProbeVerdict::Online { capabilities: None };
    machines.handle(3, UploadEvent::ProbeAnswered { server: NEW.into(), verdict });
    let step = machines.handle(4, UploadEvent::UploadWanted { recording: SECOND });
    let is_link = |change: &UploadChange| matches!(change, UploadChange::LinkKnown { .. });
    assert!(!step.changes.iter().any(is_link), "{step:?}");
}

#[test]
fn wait_that_ended_while_others_were_served_is_still_to_be_woken_from() {
    let mut machines = restore(&to_new(&[OLD]), vec![rows(FIRST, OLD), rows(SECOND, NEW)]);
    let request = opened(&online(&mut machines, NEW));
    let failure = Failure::RateLimited { retry_after_ms: 1_000 };
    machines.handle(10, UploadEvent::RequestFailed { request, failure });
    let wake_ms = machines.next_wake_ms().expect("it is tried again");
    assert!(wake_ms >= 1_010, "{wake_ms}");
    let verdict = ProbeVerdict::Offline { detail: "refused".into() };
    machines.handle(wake_ms + 5, UploadEvent::ProbeAnswered { server: OLD.into(), verdict });
    assert_eq!(machines.next_wake_ms(), Some(wake_ms));
    opened(&machines.handle(wake_ms + 6, UploadEvent::Woke));
}

#[test]
fn other_server_that_refuses_the_token_stops_its_own_uploads_alone() {
    let mut machines = restore(&to_new(&[OLD]), vec![rows(FIRST, OLD), rows(SECOND, NEW)]);
    let first = opened(&online(&mut machines, OLD));
    let second = opened(&online(&mut machines, NEW));
    let failure = Failure::SignedOut;
    machines.handle(3, UploadEvent::RequestFailed { request: first, failure });
    assert!(is_homeless(&phase(&machines, FIRST)), "{:?}", phase(&machines, FIRST));
    finish(&mut machines, second);
    assert_eq!(phase(&machines, SECOND), Phase::Finished);
}

#[test]
fn nothing_is_sent_where_nobody_is_signed_in_until_somebody_is() {
    let stop = Some(Stop::OtherServer { server: OLD.into() });
    let stored = UploadRows { stop, ..rows(FIRST, OLD) };
    let (mut machines, step) = UploadMachines::restore(&to_new(&[]), vec![stored], 1);
    let cleared = UploadChange::Stopped { recording: FIRST, stop: None };
    assert_eq!(step.changes, [cleared], "it depends on who is signed in, so no row keeps it");
    let step = machines.handle(1, UploadEvent::Woke);
    let probe = UploadAction::Probe { server: NEW.into() };
    assert_eq!(step.actions, [probe], "nobody asks the old server");
    assert_eq!(online(&mut machines, OLD).actions, []);
    assert!(is_homeless(&phase(&machines, FIRST)));
    machines.rebuild(&to_new(&[OLD]), vec![rows(FIRST, OLD)], 1);
    machines.handle(1, UploadEvent::Woke);
    let request = opened(&online(&mut machines, OLD));
    finish(&mut machines, request);
    assert_eq!(phase(&machines, FIRST), Phase::Finished);
}

#[test]
fn retry_sends_an_upload_to_the_current_server_only_if_nobody_is_signed_in_at_its_own() {
    let mut machines = restore(&to_new(&[OLD]), vec![rows(FIRST, OLD)]);
    assert!(!machines.moves_on_retry(FIRST));
    let step = machines.handle(2, UploadEvent::RetryAsked { recording: FIRST });
    assert_eq!(step.changes, [], "it waits for its own server");

    let mut machines = restore(&to_new(&[]), vec![rows(FIRST, OLD)]);
    online(&mut machines, NEW);
    assert!(machines.moves_on_retry(FIRST));
    let step = machines.handle(2, UploadEvent::RetryAsked { recording: FIRST });
    let (server, profile) = (NEW.to_owned(), Profile::Spec);
    let wanted = UploadChange::UploadWanted { recording: FIRST, server, profile };
    assert_eq!(step.changes.first(), Some(&wanted));
    let request = opened(&step);
    assert_eq!(machines.server_of(request), Some(NEW));
    finish(&mut machines, request);
    assert_eq!(phase(&machines, FIRST), Phase::Finished);
}

#[test]
fn answer_to_a_request_of_before_a_change_of_account_changes_nothing() {
    let mut machines = restore(&to_new(&[OLD]), vec![rows(FIRST, OLD)]);
    let late = opened(&online(&mut machines, OLD));
    machines.rebuild(&to_new(&[OLD]), vec![rows(FIRST, OLD)], 1);
    machines.handle(1, UploadEvent::Woke);
    assert_eq!(machines.server_of(late), None);
    let session = SessionId("of before".into());
    let event = UploadEvent::SessionOpened { request: late, session, link: None };
    assert_eq!(machines.handle(2, event), Step::default());
    let request = opened(&online(&mut machines, OLD));
    assert_ne!(request, late);
}

#[test]
fn idle_server_that_is_not_the_current_one_is_never_asked() {
    let finished = UploadRows { finished: true, ..rows(FIRST, OLD) };
    let mut machines = UploadMachines::restore(&to_new(&[OLD]), vec![finished], 1).0;
    let step = machines.handle(1, UploadEvent::Woke);
    assert_eq!(step.actions, [UploadAction::Probe { server: NEW.into() }]);
    assert_eq!(phase(&machines, FIRST), Phase::Finished);
}

#[test]
fn upload_for_this_computer_follows_its_address_and_stays_off_other_servers() {
    let here = Target { is_this_computer: true, ..target("http://127.0.0.1:2000/api/v1") };
    let targets = Targets { current: Some(target(NEW)), others: vec![here.clone()] };
    let before = "http://127.0.0.1:1000/api/v1";
    let (mut machines, step) = UploadMachines::restore(&targets, vec![rows(FIRST, before)], 1);
    let (recording, server) = (FIRST, here.server.clone());
    assert_eq!(step.changes, [UploadChange::ServerMoved { recording, server }]);
    machines.handle(1, UploadEvent::Woke);
    let request = opened(&online(&mut machines, &here.server));
    assert_eq!(machines.server_of(request), Some(here.server.as_str()));
}

#[test]
fn later_version_of_a_picture_goes_to_the_current_server() {
    let first = UploadRows { version: Some(1), ..rows(FIRST, OLD) };
    let mut machines = restore(&to_new(&[OLD]), vec![first]);
    let old = opened(&online(&mut machines, OLD));
    online(&mut machines, NEW);
    let same = UploadEvent::PictureWanted { recording: FIRST, version: 1, size_bytes: 10 };
    assert_eq!(machines.handle(2, same), Step::default(), "that version is at the old one");
    let later = UploadEvent::PictureWanted { recording: FIRST, version: 2, size_bytes: 10 };
    let step = machines.handle(2, later);
    assert!(step.actions.contains(&UploadAction::Abort { request: old }), "{step:?}");
    let request = opened(&step);
    assert_eq!(machines.server_of(request), Some(NEW));
    finish(&mut machines, request);
    assert_eq!(phase(&machines, FIRST), Phase::Finished);
}

#[test]
fn upload_that_is_routed_begins_at_its_place_and_stays_there() {
    let mut machines = restore(&to_new(&[OLD]), Vec::new());
    let wanted = |recording| UploadEvent::UploadWanted { recording };
    machines.route(FIRST, Some(OLD));
    machines.route(SECOND, Some("https://nobody/api/v1"));
    for (recording, server) in [(FIRST, OLD), (SECOND, NEW)] {
        let step = machines.handle(3, wanted(recording));
        let is_begun = |change: &UploadChange| matches!(change, UploadChange::UploadWanted { server: at, .. } if at == server);
        assert!(step.changes.iter().any(is_begun), "{step:?}");
        assert_eq!(machines.of(recording).unwrap().target().server, server);
    }
    online(&mut machines, OLD);
    let step = machines.handle(4, UploadEvent::InitSealed { recording: FIRST, size_bytes: 5 });
    let opens = |action: &UploadAction| matches!(action, UploadAction::OpenSession { .. });
    assert!(step.actions.iter().any(opens), "other places than the current one are sent to");
}

#[test]
fn what_happens_to_files_is_told_to_each_upload_and_what_happens_to_one_upload_is_not() {
    let sealed = UploadEvent::SegmentSealed { recording: FIRST, size_bytes: 7 };
    let told = UploadEvent::SegmentSealed { recording: SECOND, size_bytes: 7 };
    assert_eq!(sealed.for_upload(SECOND), Some(told));
    assert_eq!(UploadEvent::RetryAsked { recording: FIRST }.for_upload(SECOND), None);
    assert_eq!(UploadEvent::Woke.for_upload(SECOND), None);
}

#[test]
fn folder_that_is_missing_full_or_locked_is_waited_for() {
    let folder = Target { profile: Profile::Folder, ..target(NEW) };
    let targets = Targets { current: Some(folder), others: Vec::new() };
    let row = UploadRows { profile: Profile::Folder, init_bytes: 5, ..rows(FIRST, NEW) };
    let mut machines = restore(&targets, vec![row]);
    let opened = online(&mut machines, NEW);
    let request = opened.actions.iter().find_map(|action| match action {
        UploadAction::OpenSession { request, .. } => Some(*request),
        _ => None,
    });
    let failure = Failure::StorageFull;
    machines.handle(3, UploadEvent::RequestFailed { request: request.unwrap(), failure });
    let phase = machines.status(4, FIRST).unwrap().phase;
    assert!(matches!(phase, Phase::Waits { wait: Wait::StorageFull, .. }), "{phase:?}");
    let verdict = ProbeVerdict::Offline { detail: "gone".into() };
    machines.handle(5, UploadEvent::ProbeAnswered { server: NEW.into(), verdict });
    let phase = machines.status(6, FIRST).unwrap().phase;
    assert!(matches!(phase, Phase::Waits { wait: Wait::FolderMissing, .. }), "{phase:?}");
}
