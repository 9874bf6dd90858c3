//! Tests of uploads whose parts have to be of one size.

use snaplark_api::Profile;
use uuid::Uuid;

use super::testing::{Rig, capabilities, restored};
use super::*;

const RECORDING: RecordingId = RecordingId(Uuid::from_u128(7));
const MIB: u64 = 1024 * 1024;
const INIT_BYTES: u64 = 10;

/// Returns the rows of an upload of segments of these sizes.
fn rows(profile: Profile, segment_bytes: &[u64]) -> UploadRows {
    let segment_bytes = segment_bytes.to_vec();
    UploadRows { segment_bytes, init_bytes: INIT_BYTES, ..testing::rows(RECORDING, profile) }
}

/// Brings a machine with these rows online and opens a session. The first parts are in the actions then.
fn online(rows: UploadRows) -> Rig {
    let has_session = rows.session.is_some();
    let machine = restored(rows.profile, vec![rows]);
    let mut rig = Rig::online(RECORDING, machine, capabilities());
    if !has_session {
        let (request, session) = (rig.request(), SessionId("s".into()));
        rig.tell(UploadEvent::SessionOpened { request, session, link: None });
    }
    rig
}

/// Returns the parts that the last step sends.
fn sent(rig: &Rig) -> Vec<(RequestId, u32, Part)> {
    let parts = rig.actions.iter().filter_map(|action| match action {
        UploadAction::SendPart { request, index, part, .. } => Some((*request, *index, *part)),
        _ => None,
    });
    parts.collect()
}

/// Returns numbers and sizes of the parts that the last step sends.
fn sizes(rig: &Rig) -> Vec<(u32, u64)> {
    sent(rig).iter().map(|(_, index, part)| (*index, part.size_bytes)).collect()
}

fn acknowledge(rig: &mut Rig, request: RequestId) {
    rig.tell(UploadEvent::PartAcknowledged { request, receipt: Receipt::default() });
}

fn refuse(rig: &mut Rig, request: RequestId) {
    rig.tell(UploadEvent::RequestFailed { request, failure: Failure::PartTooLarge });
}

fn replaced(segment: u32, size_bytes: u64) -> UploadEvent {
    let sizes = vec![(segment, size_bytes)];
    UploadEvent::SegmentsRepaired { recording: RECORDING, sizes, replaced: vec![segment] }
}

#[test]
fn parts_go_out_while_the_recording_runs_as_soon_as_they_are_full() {
    let running = UploadRows { duration_ms: None, ..rows(Profile::S3, &[3 * MIB]) };
    let mut rig = online(running);
    assert_eq!(sizes(&rig), [], "not full");
    let recording = RECORDING;
    rig.tell(UploadEvent::SegmentSealed { recording, size_bytes: 3 * MIB });
    let [(request, 0, part)] = sent(&rig)[..] else { panic!("{:?}", rig.actions) };
    assert_eq!(part.size_bytes + INIT_BYTES, 5 * MIB);
    assert_eq!(part.to_bytes, Some(2 * MIB - INIT_BYTES), "cut within the second segment");
    acknowledge(&mut rig, request);
    rig.tell(UploadEvent::RecordingEnded { recording, duration_ms: 4_000 });
    assert_eq!(sizes(&rig), [(1, MIB + INIT_BYTES)], "the end is smaller");
}

#[test]
fn refused_size_shrinks_for_all_parts_while_none_is_stored() {
    let mut rig = online(rows(Profile::Poster, &[4 * MIB]));
    let [(first, 0, _), ..] = sent(&rig)[..] else { panic!("{:?}", rig.actions) };
    refuse(&mut rig, first);
    let half = MIB / 2;
    assert_eq!(sizes(&rig), [(0, half - INIT_BYTES)], "one at a time");
    let learned = rig.changes.iter().rev().find_map(|change| match change {
        UploadChange::PartBytesLearned { part_bytes_max, .. } => Some(*part_bytes_max),
        _ => None,
    });
    assert_eq!(learned, Some(half), "further uploads begin with it");
    let (request, ..) = sent(&rig)[0];
    refuse(&mut rig, request);
    let (request, ..) = sent(&rig)[0];
    assert_eq!(sizes(&rig), [(0, half / 2 - INIT_BYTES)]);
    refuse(&mut rig, request);
    assert!(matches!(rig.phase(), Phase::Stopped(Stop::Refused { .. })), "none is smaller");
}

#[test]
fn refusal_of_the_smallest_part_of_s3_stops_the_upload_with_its_reason() {
    let mut rig = online(rows(Profile::S3, &[12 * MIB]));
    let [(first, ..), (second, ..)] = sent(&rig)[..] else { panic!("{:?}", rig.actions) };
    refuse(&mut rig, first);
    let Phase::Stopped(Stop::Refused { detail }) = rig.phase() else { panic!("{:?}", rig.phase()) };
    assert!(detail.contains("5242880") && detail.contains("413"), "{detail}");
    refuse(&mut rig, second);
}

#[test]
fn refusal_after_a_part_is_stored_stops_the_upload_instead_of_mixing_sizes() {
    let mut rig = online(rows(Profile::Storage, &[12 * MIB]));
    let [(first, ..), (second, ..)] = sent(&rig)[..] else { panic!("{:?}", rig.actions) };
    acknowledge(&mut rig, first);
    refuse(&mut rig, second);
    assert!(matches!(rig.phase(), Phase::Stopped(Stop::Refused { .. })), "{:?}", rig.phase());
}

#[test]
fn segment_of_another_length_makes_the_parts_from_its_first_anew() {
    let mut rig = online(rows(Profile::S3, &[4 * MIB, 4 * MIB, 4 * MIB]));
    let [(first, ..), (second, 1, _)] = sent(&rig)[..] else { panic!("{:?}", rig.actions) };
    acknowledge(&mut rig, first);
    let [(third, 2, _)] = sent(&rig)[..] else { panic!("{:?}", rig.actions) };
    rig.tell(replaced(1, 4 * MIB + 777));
    assert_eq!(sizes(&rig), [], "an answer to an old part must not count for the new one");
    acknowledge(&mut rig, second);
    assert_eq!(sizes(&rig), []);
    acknowledge(&mut rig, third);
    let dropped = UploadChange::PartsDropped { recording: RECORDING, from: 1 };
    assert!(rig.changes.contains(&dropped), "{:?}", rig.changes);
    assert_eq!(
        sizes(&rig),
        [(0, 5 * MIB - INIT_BYTES), (1, 5 * MIB)],
        "the first has a piece of it"
    );
}

#[test]
fn segment_of_the_same_length_is_sent_again_only_where_it_is_cut() {
    let mut rig = online(rows(Profile::S3, &[2 * MIB, 2 * MIB, 4 * MIB]));
    let [(first, ..), (second, ..)] = sent(&rig)[..] else { panic!("{:?}", rig.actions) };
    acknowledge(&mut rig, first);
    rig.tell(replaced(1, 2 * MIB));
    assert_eq!(sizes(&rig), [], "the first part has all of it");
    rig.tell(replaced(2, 4 * MIB));
    assert_eq!(sizes(&rig), [(0, 5 * MIB - INIT_BYTES)], "the first part has a piece of it");
    acknowledge(&mut rig, second);
    assert_eq!(sizes(&rig), [(1, 3 * MIB + INIT_BYTES)], "what was in flight had bytes of before");
}

#[test]
fn plan_that_fits_no_more_is_made_anew_after_a_restart() {
    let stored = [
        Part { to_bytes: Some(MIB - INIT_BYTES), ..Part::whole(0, 2, 5 * MIB - INIT_BYTES) },
        Part { from_bytes: MIB - INIT_BYTES, ..Part::whole(1, 1, 0) },
    ];
    // The second segment was replaced by a longer one, and the program ended before the machine knew of it.
    let sizes_now = [4 * MIB, 6 * MIB];
    let parts = stored.map(|part| (part.measured(&sizes_now), false));
    let session = Some(SessionId("s".into()));
    let rows = UploadRows { parts: parts.to_vec(), session, ..rows(Profile::S3, &sizes_now) };
    let rig = online(rows);
    assert_eq!(sizes(&rig), [(0, 5 * MIB - INIT_BYTES), (1, 5 * MIB)]);
    assert!(rig.changes.contains(&UploadChange::PartsDropped { recording: RECORDING, from: 1 }));
}

#[test]
fn struck_end_is_replaced_from_the_part_that_has_its_beginning() {
    let running = UploadRows { duration_ms: None, ..rows(Profile::S3, &[4 * MIB, 4 * MIB]) };
    let mut rig = online(running);
    let (first, ..) = sent(&rig)[0];
    acknowledge(&mut rig, first);
    let recording = RECORDING;
    rig.tell(UploadEvent::SegmentsStruck { recording, kept: 1 });
    assert!(rig.changes.contains(&UploadChange::PartsDropped { recording, from: 0 }));
    rig.tell(UploadEvent::SegmentSealed { recording, size_bytes: 2 * MIB });
    let [(_, 0, part)] = sent(&rig)[..] else { panic!("{:?}", rig.actions) };
    assert_eq!((part.to_bytes, part.size_bytes), (Some(MIB - INIT_BYTES), 5 * MIB - INIT_BYTES));
}
