//! Tests of what a strike does to the upload of a recording that runs.

use snaplark_api::{Capabilities, Profile};
use uuid::Uuid;

use super::testing::{SERVER, capabilities, restored};
use super::*;

const RECORDING: RecordingId = RecordingId(Uuid::from_u128(7));

struct StrikeRun {
    machine: UploadMachines,
    /// The parts of the rows, with their first segments.
    planned: Vec<u32>,
    sent: Vec<(RequestId, u32, u64)>,
    aborted: Vec<RequestId>,
    sessions: u32,
    /// Requests for the parts that the server has.
    asked: Vec<RequestId>,
}

impl StrikeRun {
    fn start(offers: bool) -> Self {
        let mut run = StrikeRun::restore(offers, Vec::new());
        run.tell(UploadEvent::UploadWanted { recording: RECORDING });
        run.tell(UploadEvent::InitSealed { recording: RECORDING, size_bytes: 10 });
        run
    }

    fn restore(offers: bool, rows: Vec<UploadRows>) -> Self {
        let machine = restored(Profile::Spec, rows);
        let (planned, sent, aborted) = (Vec::new(), Vec::new(), Vec::new());
        let mut run = StrikeRun { machine, planned, sent, aborted, sessions: 0, asked: Vec::new() };
        let capabilities = offers.then(|| Capabilities {
            part_bytes_max: 10_000_000,
            link_template: None,
            ..capabilities()
        });
        let verdict = ProbeVerdict::Online { capabilities };
        run.tell(UploadEvent::ProbeAnswered { server: SERVER.into(), verdict });
        run
    }

    fn tell(&mut self, event: UploadEvent) {
        let step = self.machine.handle(1_000, event);
        for change in step.changes {
            match change {
                UploadChange::PartPlanned { index, part, .. } => {
                    assert_eq!(index as usize, self.planned.len(), "numbers have no gap");
                    self.planned.push(part.first_segment);
                }
                UploadChange::PartsDropped { from, .. } => self.planned.truncate(from as usize),
                _ => {}
            }
        }
        for action in step.actions {
            match action {
                UploadAction::OpenSession { request, .. } => {
                    self.sessions += 1;
                    let session = SessionId(format!("session {}", self.sessions));
                    self.tell(UploadEvent::SessionOpened { request, session, link: None });
                }
                UploadAction::SendPart { request, index, part, .. } => {
                    self.sent.push((request, index, part.size_bytes));
                }
                UploadAction::AskReceived { request, .. } => self.asked.push(request),
                UploadAction::Abort { request } => self.aborted.push(request),
                _ => {}
            }
        }
    }

    fn seal(&mut self, size_bytes: u64) {
        self.tell(UploadEvent::SegmentSealed { recording: RECORDING, size_bytes });
    }

    fn acknowledge(&mut self, request: RequestId) {
        self.tell(UploadEvent::PartAcknowledged { request, receipt: Receipt::default() });
    }

    fn strike(&mut self, kept: u32) {
        self.tell(UploadEvent::SegmentsStruck { recording: RECORDING, kept });
    }

    fn status(&self) -> UploadStatus {
        self.machine.status(1_000, RECORDING).unwrap()
    }
}

#[test]
fn struck_parts_are_replaced_under_their_numbers() {
    let mut run = StrikeRun::start(true);
    for size_bytes in [101, 102, 103] {
        run.seal(size_bytes);
    }
    let [(first, 0, 101), (second, 1, 102)] = run.sent[..] else { panic!("{:?}", run.sent) };
    run.acknowledge(first);
    run.acknowledge(second);
    let (third, ..) = run.sent[2];
    assert!(run.machine.has_sent(RECORDING, 1));
    run.strike(1);
    assert_eq!(run.planned, [0]);
    assert_eq!(run.aborted, [third]);
    assert_eq!((run.status().uploaded, run.status().pending), (1, 0));
    // The answer to a request for what was struck comes too late to count.
    run.acknowledge(third);
    run.seal(201);
    let (request, index, size_bytes) = run.sent[3];
    assert_eq!((index, size_bytes), (1, 201));
    assert_eq!(run.status().uploaded, 1);
    run.acknowledge(request);
    assert_eq!((run.status().uploaded, run.sessions), (2, 1));
}

#[test]
fn server_of_the_documents_alone_gets_a_new_session_for_what_it_has() {
    let mut run = StrikeRun::start(false);
    run.seal(101);
    run.seal(102);
    for (request, ..) in run.sent.clone() {
        run.acknowledge(request);
    }
    run.strike(1);
    assert_eq!(run.sessions, 2);
    assert_eq!(run.sent.last().map(|(_, index, bytes)| (*index, *bytes)), Some((0, 101)));
}

#[test]
fn strike_of_what_was_never_sent_changes_no_session_and_is_known_to_be_that() {
    let mut run = StrikeRun::start(false);
    run.seal(101);
    run.strike(1);
    assert_eq!((run.sessions, run.sent.len()), (1, 1));
    assert!(!run.machine.has_sent(RECORDING, 1));
    assert!(run.machine.has_sent(RECORDING, 0));
    // All of it, before anything was answered.
    run.strike(0);
    assert_eq!(run.planned, [] as [u32; 0]);
    assert!(!run.machine.has_sent(RECORDING, 0));
}

#[test]
fn what_was_sent_in_a_session_that_is_lost_has_left_this_computer() {
    let mut run = StrikeRun::start(true);
    run.seal(101);
    run.seal(102);
    let [(first, ..), (second, ..)] = run.sent[..] else { panic!("{:?}", run.sent) };
    run.acknowledge(first);
    let failure = Failure::SessionUnknown;
    run.tell(UploadEvent::RequestFailed { request: second, failure });
    assert_eq!((run.status().uploaded, run.status().has_session), (0, false));
    assert!(run.machine.has_sent(RECORDING, 1));
    // What is recorded after the strike has not left.
    run.strike(1);
    run.seal(201);
    assert!(!run.machine.has_sent(RECORDING, 1));
    assert!(run.machine.has_sent(RECORDING, 0));
}

#[test]
fn part_whose_request_was_abandoned_has_left_this_computer() {
    let mut run = StrikeRun::start(true);
    run.seal(101);
    run.tell(UploadEvent::SystemResumed);
    assert_eq!(run.aborted.len(), 1);
    assert!(run.machine.has_sent(RECORDING, 0));
}

/// Returns the rows of a recording whose second segment was struck after it was sent.
fn struck_rows(rebuilt: bool) -> UploadRows {
    UploadRows {
        session: Some(SessionId("before".into())),
        rebuilt,
        struck: true,
        parts: vec![(Part::whole(0, 1, 101), !rebuilt)],
        segment_bytes: vec![101],
        duration_ms: None,
        ..testing::rows(RECORDING, Profile::Spec)
    }
}

#[test]
fn restart_after_a_strike_gives_a_server_of_the_documents_alone_a_new_session() {
    let run = StrikeRun::restore(false, vec![struck_rows(false)]);
    assert_eq!(run.sessions, 1);
    assert_eq!(run.sent.iter().map(|(_, index, _)| *index).collect::<Vec<_>>(), [0]);
    // Our own server replaces what it has.
    let run = StrikeRun::restore(true, vec![struck_rows(false)]);
    assert_eq!((run.sessions, run.sent.len()), (0, 0));
}

#[test]
fn parts_that_a_server_has_are_sent_again_after_a_strike_and_a_rebuilt_database() {
    let mut run = StrikeRun::restore(true, vec![struck_rows(true)]);
    run.planned.push(0);
    run.seal(201);
    let request = run.asked[0];
    let parts = (0..2).map(|index| (index, Receipt::default())).collect();
    run.tell(UploadEvent::PartsReceived { request, parts, finished: false });
    let sent: Vec<_> = run.sent.iter().map(|(_, index, bytes)| (*index, *bytes)).collect();
    assert_eq!((run.status().uploaded, sent), (0, vec![(0, 101), (1, 201)]));
}
