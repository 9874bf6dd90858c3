//! Tests of parts that are too large for what lies between the app and the server.

use snaplark_api::{Capabilities, Profile};
use uuid::Uuid;

use super::testing::{capabilities, restored, target};
use super::*;
use crate::policy;

const RECORDING: RecordingId = RecordingId(Uuid::from_u128(7));
const OTHER: RecordingId = RecordingId(Uuid::from_u128(8));
const SEGMENT_BYTES: u64 = 1_370_000;
const HALF_BYTES: u64 = SEGMENT_BYTES / 2;

fn verdict(parts_cut_anywhere: bool) -> ProbeVerdict {
    let capabilities = Capabilities {
        part_bytes_max: policy::PART_BYTES_MAX,
        parts_cut_anywhere,
        link_template: None,
        ..capabilities()
    };
    ProbeVerdict::Online { capabilities: Some(capabilities) }
}

/// A machine with rows that are made of its changes, as the store makes them.
struct MachineRun {
    machine: UploadMachines,
    rows: UploadRows,
    /// Requests for parts that are not answered yet.
    sent: Vec<(RequestId, u32, Part)>,
    asked_received: Option<RequestId>,
    /// Requests for a segment's pieces: the segment, where they begin, and how long they may be.
    asked_cut: Vec<(RequestId, u32, u64, u64)>,
}

impl MachineRun {
    /// Records `segments` segments and opens a session.
    fn start(profile: Profile, parts_cut_anywhere: bool, segments: usize) -> Self {
        let segment_bytes = vec![SEGMENT_BYTES; segments];
        let rows = UploadRows { segment_bytes, ..testing::rows(RECORDING, profile) };
        MachineRun::of(rows, parts_cut_anywhere)
    }

    fn of(rows: UploadRows, parts_cut_anywhere: bool) -> Self {
        let machine = restored(rows.profile, vec![rows.clone()]);
        let (server, verdict) = (rows.server.clone(), verdict(parts_cut_anywhere));
        let mut run = MachineRun {
            machine,
            rows,
            sent: Vec::new(),
            asked_received: None,
            asked_cut: Vec::new(),
        };
        run.tell(UploadEvent::ProbeAnswered { server, verdict });
        run
    }

    fn tell(&mut self, event: UploadEvent) {
        let step = self.machine.handle(1_000_000, event);
        for change in step.changes {
            match change {
                UploadChange::PartPlanned { index, part, .. } => {
                    assert_eq!(index as usize, self.rows.parts.len(), "numbers have no gap");
                    self.rows.parts.push((part, false));
                }
                UploadChange::PartsDropped { from, .. } => self.rows.parts.truncate(from as usize),
                UploadChange::PartAcknowledged { index, .. } => {
                    self.rows.parts[index as usize].1 = true;
                }
                UploadChange::PartsLost { indices, .. } => {
                    indices.iter().for_each(|index| self.rows.parts[*index as usize].1 = false);
                }
                UploadChange::PartBytesLearned { part_bytes_max, cuts, .. } => {
                    self.rows.part_bytes_max = Some(part_bytes_max);
                    self.rows.cuts = cuts;
                }
                UploadChange::SessionSet { session, .. } => self.rows.session = session,
                _ => {}
            }
        }
        for action in step.actions {
            match action {
                UploadAction::OpenSession { request, .. } => {
                    let session = SessionId("s".into());
                    self.tell(UploadEvent::SessionOpened { request, session, link: None });
                }
                UploadAction::SendPart { request, index, part, .. } => {
                    let planned = self.rows.parts[index as usize];
                    assert_eq!(planned, (part, false), "its plan is committed");
                    self.sent.push((request, index, part));
                }
                UploadAction::AskReceived { request, .. } => self.asked_received = Some(request),
                UploadAction::CutSegment { request, segment, from_bytes, bytes_max, .. } => {
                    self.asked_cut.push((request, segment, from_bytes, bytes_max));
                }
                UploadAction::Abort { request } => {
                    self.asked_cut.retain(|(asked, ..)| *asked != request);
                }
                _ => {}
            }
        }
    }

    fn acknowledge(&mut self, index: u32) {
        let request = self.take(index);
        self.tell(UploadEvent::PartAcknowledged { request, receipt: Receipt::default() });
    }

    fn refuse(&mut self, index: u32) {
        let request = self.take(index);
        self.tell(UploadEvent::RequestFailed { request, failure: Failure::PartTooLarge });
    }

    /// Answers the request for a segment's pieces. Returns what was asked for.
    fn cut(&mut self, ends: &[u64]) -> (u32, u64, u64) {
        let (request, segment, from_bytes, bytes_max) = self.asked_cut.remove(0);
        let size_bytes = self.rows.segment_bytes[segment as usize];
        let mut begins = from_bytes;
        let pieces = ends.iter().map(|end| {
            let to_bytes = (*end < size_bytes).then_some(*end);
            SegmentPiece { to_bytes, size_bytes: end - std::mem::replace(&mut begins, *end) }
        });
        let pieces = pieces.collect();
        self.tell(UploadEvent::SegmentCut { request, pieces });
        (segment, from_bytes, bytes_max)
    }

    fn take(&mut self, index: u32) -> RequestId {
        let place = self.sent.iter().position(|(_, sent, _)| *sent == index).expect("it is sent");
        self.sent.remove(place).0
    }

    /// Returns the numbers of the parts in flight, with segment and bytes.
    fn in_flight(&self) -> Vec<(u32, u32, u64, u64)> {
        let of = |(_, index, part): &(RequestId, u32, Part)| {
            (*index, part.first_segment, part.from_bytes, part.size_bytes)
        };
        self.sent.iter().map(of).collect()
    }

    fn phase(&self) -> Phase {
        self.machine.status(1_000_000, RECORDING).expect("the upload is there").phase
    }
}

#[test]
fn segment_goes_in_pieces_when_a_proxy_refuses_it() {
    for profile in [Profile::Spec, Profile::Snaplark] {
        let mut run = MachineRun::start(profile, true, 1);
        run.refuse(0);
        assert_eq!(run.in_flight()[0], (0, 0, 0, HALF_BYTES), "{profile:?}");
        run.acknowledge(0);
        // It shrinks in the middle: what is acknowledged stays.
        run.refuse(1);
        let rest = [(1, HALF_BYTES), (2, HALF_BYTES + HALF_BYTES / 2)];
        for (index, from_bytes) in rest {
            let (number, _, from, size_bytes) = run.in_flight()[0];
            assert_eq!((number, from, size_bytes), (index, from_bytes, HALF_BYTES / 2));
            run.acknowledge(index);
        }
        assert!(run.in_flight().is_empty() && run.rows.parts.iter().all(|(_, done)| *done));
        assert_eq!(run.phase(), Phase::Sending, "finalize is asked for");
    }
}

#[test]
fn segment_is_cut_at_frames_for_servers_that_do_not_take_pieces() {
    for (profile, takes) in [
        (Profile::Spec, false),
        (Profile::Snaplark, false),
        (Profile::SpecStandalone, false),
        (Profile::SpecStandalone, true),
    ] {
        let mut run = MachineRun::start(profile, takes, 1);
        run.refuse(0);
        assert!(run.in_flight().is_empty(), "{profile:?}: its frames are not known");
        assert_eq!(run.cut(&[600_000, 1_200_000, SEGMENT_BYTES]), (0, 0, HALF_BYTES));
        assert_eq!(run.in_flight()[0], (0, 0, 0, 600_000), "{profile:?}");
        for index in 0..3 {
            run.acknowledge(index);
        }
        assert!(run.rows.parts.iter().all(|(part, done)| *done && part.is_piece()));
        assert_eq!(run.phase(), Phase::Sending, "finalize is asked for");
    }
}

#[test]
fn segments_to_come_are_cut_at_frames_before_they_are_sent() {
    let mut run = MachineRun::start(Profile::Spec, false, 2);
    run.refuse(0);
    run.acknowledge(1);
    assert_eq!(run.cut(&[HALF_BYTES, SEGMENT_BYTES]), (0, 0, HALF_BYTES));
    assert_eq!(run.cut(&[HALF_BYTES, SEGMENT_BYTES]), (1, 0, HALF_BYTES));
    let parts = run.rows.parts.iter().map(|(part, _)| (part.first_segment, part.from_bytes));
    let halves = [(0, 0), (0, HALF_BYTES), (1, 0), (1, HALF_BYTES)];
    assert_eq!(parts.collect::<Vec<_>>(), halves);
}

#[test]
fn upload_stops_when_a_single_frame_is_refused() {
    let mut run = MachineRun::start(Profile::Spec, false, 1);
    run.refuse(0);
    // The keyframe is larger than what was asked for, and may pass all the same.
    run.cut(&[900_000, SEGMENT_BYTES]);
    run.refuse(0);
    run.acknowledge(1);
    assert_eq!(run.cut(&[900_000, 1_100_000, SEGMENT_BYTES]), (0, 0, 450_000));
    let Phase::Stopped(Stop::Refused { detail }) = run.phase() else { panic!("{:?}", run.phase()) };
    assert!(detail.contains("900000") && detail.contains("client_max_body_size"), "{detail}");
    // The person has raised the proxy's limit.
    run.tell(UploadEvent::RetryAsked { recording: RECORDING });
    run.cut(&[900_000, 1_100_000, SEGMENT_BYTES]);
    for index in 0..3 {
        run.acknowledge(index);
    }
    assert_eq!(run.phase(), Phase::Sending);
}

#[test]
fn pieces_at_frames_go_on_where_the_plan_ends_after_a_restart() {
    let mut run = MachineRun::start(Profile::Spec, false, 1);
    run.refuse(0);
    run.cut(&[500_000, 1_000_000, SEGMENT_BYTES]);
    run.acknowledge(0);
    // The rows of later parts are lost.
    let rows = UploadRows { parts: run.rows.parts[..1].to_vec(), ..run.rows };
    let mut run = MachineRun::of(rows, false);
    assert!(run.in_flight().is_empty());
    assert_eq!(run.cut(&[1_000_000, SEGMENT_BYTES]), (0, 500_000, HALF_BYTES));
    assert_eq!(run.in_flight().first(), Some(&(1, 0, 500_000, 500_000)));
}

#[test]
fn pieces_of_a_segment_that_has_changed_are_asked_for_again() {
    let mut run = MachineRun::start(Profile::Spec, false, 1);
    run.refuse(0);
    let (late, ..) = run.asked_cut[0];
    let sizes = vec![(0, SEGMENT_BYTES)];
    run.tell(UploadEvent::SegmentsRepaired { recording: RECORDING, sizes, replaced: vec![0] });
    let whole = SegmentPiece { to_bytes: None, size_bytes: 1 };
    run.tell(UploadEvent::SegmentCut { request: late, pieces: vec![whole] });
    assert!(run.rows.parts.is_empty(), "it is of the bytes before");
    run.cut(&[HALF_BYTES, SEGMENT_BYTES]);
    assert_eq!(run.rows.parts.len(), 2);
}

#[test]
fn damaged_segment_is_cut_after_its_repair() {
    let mut run = MachineRun::start(Profile::Spec, false, 1);
    run.refuse(0);
    let (request, ..) = run.asked_cut.remove(0);
    let failure = Failure::SegmentsDamaged { segments: vec![0] };
    run.tell(UploadEvent::RequestFailed { request, failure });
    assert!(run.asked_cut.is_empty(), "it is being repaired");
    let sizes = vec![(0, SEGMENT_BYTES)];
    run.tell(UploadEvent::SegmentsRepaired { recording: RECORDING, sizes, replaced: Vec::new() });
    run.cut(&[HALF_BYTES, SEGMENT_BYTES]);
    assert_eq!(run.in_flight().len(), 2);
}

#[test]
fn upload_stops_when_the_smallest_piece_is_refused() {
    let mut run = MachineRun::start(Profile::Snaplark, true, 1);
    for _ in 0..3 {
        run.refuse(0);
    }
    assert_eq!(run.in_flight()[0].3, SEGMENT_BYTES.div_ceil(6), "256 KiB at the most");
    run.refuse(0);
    assert!(matches!(run.phase(), Phase::Stopped(Stop::Refused { .. })));
}

#[test]
fn answer_to_an_earlier_plan_does_not_count_for_the_new_one() {
    let mut run = MachineRun::start(Profile::Spec, true, 3);
    assert_eq!(run.in_flight().len(), 2);
    run.refuse(0);
    assert_eq!(run.in_flight(), [(1, 1, 0, SEGMENT_BYTES)], "nothing more while it is in flight");
    run.acknowledge(1);
    assert_eq!(run.in_flight(), [(0, 0, 0, HALF_BYTES), (1, 0, HALF_BYTES, HALF_BYTES)]);
    assert_eq!(run.rows.parts.len(), 6);
    assert!(run.rows.parts.iter().all(|(_, acknowledged)| !acknowledged));
}

#[test]
fn pieces_of_a_replaced_segment_are_sent_again() {
    let mut run = MachineRun::start(Profile::Spec, true, 2);
    run.refuse(0);
    run.refuse(1);
    run.acknowledge(0);
    assert_eq!(run.in_flight(), [(1, 0, HALF_BYTES, HALF_BYTES), (2, 1, 0, HALF_BYTES)]);
    let sizes = vec![(0, SEGMENT_BYTES + 7)];
    run.rows.segment_bytes[0] += 7;
    for (part, _) in &mut run.rows.parts {
        *part = part.measured(&run.rows.segment_bytes);
    }
    let recording = RECORDING;
    run.tell(UploadEvent::SegmentsRepaired { recording, sizes, replaced: vec![0] });
    assert!(!run.rows.parts[0].1, "it has bytes of before");
    run.acknowledge(1);
    run.acknowledge(2);
    assert!(!run.rows.parts[1].1, "so has the one in flight");
    assert_eq!(run.in_flight(), [(0, 0, 0, HALF_BYTES), (1, 0, HALF_BYTES, HALF_BYTES + 7)]);
    run.acknowledge(0);
    run.acknowledge(1);
    let acknowledged: Vec<bool> = run.rows.parts.iter().map(|(_, done)| *done).collect();
    assert_eq!(acknowledged, [true, true, true, false]);
}

#[test]
fn pieces_of_a_restored_segment_are_not_sent_again() {
    let mut run = MachineRun::start(Profile::Snaplark, true, 1);
    run.refuse(0);
    run.acknowledge(0);
    let request = run.take(1);
    let failure = Failure::SegmentsDamaged { segments: vec![0] };
    run.tell(UploadEvent::RequestFailed { request, failure });
    assert!(run.in_flight().is_empty());
    let (recording, sizes) = (RECORDING, vec![(0, SEGMENT_BYTES)]);
    run.tell(UploadEvent::SegmentsRepaired { recording, sizes, replaced: Vec::new() });
    assert_eq!(run.in_flight(), [(1, 0, HALF_BYTES, HALF_BYTES)]);
}

#[test]
fn further_uploads_begin_with_the_limit_that_is_known() {
    let mut run = MachineRun::start(Profile::Snaplark, true, 1);
    run.refuse(0);
    // A restart knows it from the upload that is not finished.
    let mut run = MachineRun::of(run.rows, true);
    let wanted = UploadEvent::UploadWanted { recording: OTHER };
    let step = run.machine.handle(1_000_001, wanted);
    let cuts = SegmentCuts::AnyByte;
    let learned =
        UploadChange::PartBytesLearned { recording: OTHER, part_bytes_max: HALF_BYTES, cuts };
    assert!(step.changes.contains(&learned), "{step:?}");
}

#[test]
fn plan_in_pieces_is_the_same_after_a_restart() {
    let mut run = MachineRun::start(Profile::Snaplark, true, 2);
    run.refuse(0);
    run.refuse(0);
    run.acknowledge(0);
    assert_eq!(run.rows.parts.len(), 4);
    let planned = run.rows.parts.clone();
    // The rows of later parts are lost, and the server can't be reached yet.
    let rows = UploadRows { parts: planned[..1].to_vec(), ..run.rows.clone() };
    let targets = Targets { current: Some(target(rows.profile)), others: Vec::new() };
    let mut machine = UploadMachines::restore(&targets, vec![rows], 1).0;
    let step = machine.handle(1, UploadEvent::Woke);
    let planned_again = |change: &UploadChange| match change {
        UploadChange::PartPlanned { part, .. } => Some(*part),
        _ => None,
    };
    let again: Vec<Part> = step.changes.iter().filter_map(planned_again).collect();
    let before: Vec<Part> = planned[1..].iter().map(|(part, _)| *part).collect();
    assert_eq!(again, before);
}

#[test]
fn parts_that_the_server_has_count_after_a_413_only_if_the_video_is_finished() {
    let mut run = MachineRun::start(Profile::Snaplark, true, 1);
    run.refuse(0);
    let rows = UploadRows { rebuilt: true, ..run.rows };
    for finished in [false, true] {
        let mut run = MachineRun::of(rows.clone(), true);
        let request = run.asked_received.expect("it asks what the server has");
        let indices = 0..run.rows.parts.len() as u32;
        let parts = indices.map(|index| (index, Receipt::default())).collect();
        run.tell(UploadEvent::PartsReceived { request, parts, finished });
        let acknowledged = run.rows.parts.iter().filter(|(_, acknowledged)| *acknowledged).count();
        if finished {
            assert_eq!((run.in_flight(), acknowledged), (vec![], run.rows.parts.len()));
        } else {
            assert_eq!(run.in_flight(), [(0, 0, 0, HALF_BYTES)], "the server may have other bytes");
        }
    }
}

#[test]
fn pieces_end_with_the_account() {
    let mut run = MachineRun::start(Profile::Snaplark, true, 1);
    run.refuse(0);
    let other = Target { server: "https://other/api/v1".into(), ..target(Profile::Snaplark) };
    let targets = Targets { current: Some(other), others: Vec::new() };
    let (mut machine, _) = UploadMachines::restore(&targets, vec![run.rows], 1);
    let step = machine.handle(1, UploadEvent::RetryAsked { recording: RECORDING });
    let part = Part::whole(0, 1, SEGMENT_BYTES);
    let planned = UploadChange::PartPlanned { recording: RECORDING, index: 0, part };
    assert!(step.changes.contains(&planned), "{step:?}");
}
