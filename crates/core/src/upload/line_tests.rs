//! Parts whose size suits the connection.

use snaplark_api::Profile;
use uuid::Uuid;

use super::testing::{SERVER, restored, rows};
use super::*;

const MIB: u64 = 1024 * 1024;
const RECORDING: RecordingId = RecordingId(Uuid::from_u128(9));

/// Returns the rows of a recording of 24 MiB in segments of 1 MiB.
fn recorded(profile: Profile) -> UploadRows {
    UploadRows { init_bytes: 1_000, segment_bytes: vec![MIB; 24], ..rows(RECORDING, profile) }
}

fn measured(part_bytes: u64, parts_in_flight_max: usize) -> UploadEvent {
    let line = MeasuredLine { part_bytes, parts_in_flight_max };
    UploadEvent::LineMeasured { server: SERVER.into(), line }
}

fn online() -> UploadEvent {
    let verdict = ProbeVerdict::Online { capabilities: None };
    UploadEvent::ProbeAnswered { server: SERVER.into(), verdict }
}

fn part_count(machines: &UploadMachines) -> usize {
    machines.whole(RECORDING).map_or(0, |(_, part_count)| part_count as usize)
}

/// Tells the machine of the events, opens the session, and returns how many parts are in flight then.
fn in_flight(machines: &mut UploadMachines, events: Vec<UploadEvent>) -> usize {
    let steps: Vec<Step> = events.into_iter().map(|event| machines.handle(1, event)).collect();
    let actions = steps.into_iter().flat_map(|step| step.actions);
    let mut request = actions.filter_map(|action| match action {
        UploadAction::OpenSession { request, .. } => Some(request),
        _ => None,
    });
    let request = request.next_back().expect("a session is opened");
    let (session, link) = (SessionId("s".into()), None);
    let opened = machines.handle(1, UploadEvent::SessionOpened { request, session, link });
    let sends = |action: &&UploadAction| matches!(action, UploadAction::SendPart { .. });
    opened.actions.iter().filter(sends).count()
}

#[test]
fn parts_have_the_size_that_suits_the_line_once_it_is_measured() {
    let mut machines = restored(Profile::Storage, vec![recorded(Profile::Storage)]);
    assert_eq!(part_count(&machines), 0, "nothing is planned before the server has answered");
    assert_eq!(in_flight(&mut machines, vec![measured(8 * MIB, 1), online()]), 1);
    let (size_bytes, _) = machines.whole(RECORDING).expect("it is planned");
    assert_eq!(size_bytes, 24 * MIB + 1_000, "the init is part of the whole");
    let large = part_count(&machines);

    let mut machines = restored(Profile::Storage, vec![recorded(Profile::Storage)]);
    assert_eq!(in_flight(&mut machines, vec![measured(2 * MIB, 2), online()]), 2);
    assert!(part_count(&machines) > 2 * large, "{} and {large}", part_count(&machines));
}

#[test]
fn plan_keeps_its_size_when_another_is_measured_later() {
    let mut machines = restored(Profile::Storage, vec![recorded(Profile::Storage)]);
    machines.handle(1, measured(2 * MIB, 2));
    let planned = part_count(&machines);
    assert!(planned >= 8, "{planned} parts");
    machines.handle(2, measured(8 * MIB, 2));
    machines.handle(2, online());
    assert_eq!(part_count(&machines), planned);
}

#[test]
fn server_without_a_test_gets_parts_of_the_usual_size() {
    let mut machines = restored(Profile::Storage, vec![recorded(Profile::Storage)]);
    machines.handle(1, online());
    let usual = part_count(&machines);
    assert!((5..=6).contains(&usual), "{usual} parts of 5 MiB");
}

#[test]
fn other_profiles_keep_their_sizes() {
    for profile in [Profile::Poster, Profile::Spec, Profile::Snaplark] {
        let mut machines = restored(profile, vec![recorded(profile)]);
        machines.handle(1, online());
        let planned = part_count(&machines);
        let mut machines = restored(profile, vec![recorded(profile)]);
        machines.handle(1, measured(8 * MIB, 2));
        machines.handle(1, online());
        assert_eq!(part_count(&machines), planned, "{}", profile.name());
    }
}
