//! Tests of what is sent after the program ended in the middle of an upload.

use snaplark_api::{Capabilities, Profile};
use uuid::Uuid;

use super::testing::{SERVER, capabilities, restored, rows};
use super::*;

const RECORDING: RecordingId = RecordingId(Uuid::from_u128(7));

/// Returns the rows of three parts, of which the first is known to be stored.
fn one_of_three() -> UploadRows {
    let sizes = [101, 102, 103];
    let part = |(index, bytes): (u32, &u64)| (Part::whole(index, 1, *bytes), index == 0);
    UploadRows {
        session: Some(SessionId("before".into())),
        parts: (0..).zip(&sizes).map(part).collect(),
        segment_bytes: sizes.to_vec(),
        ..rows(RECORDING, Profile::Spec)
    }
}

fn online(machine: &mut UploadMachines, capabilities: Option<Capabilities>) -> Step {
    let verdict = ProbeVerdict::Online { capabilities };
    machine.handle(1_000, UploadEvent::ProbeAnswered { server: SERVER.into(), verdict })
}

fn sent(step: &Step) -> Vec<u32> {
    let index = |action: &UploadAction| match action {
        UploadAction::SendPart { index, .. } => Some(*index),
        _ => None,
    };
    step.actions.iter().filter_map(index).collect()
}

#[test]
fn part_that_arrived_before_the_program_was_killed_is_not_sent_again() {
    let mut machine = restored(Profile::Spec, vec![one_of_three()]);
    let step = online(&mut machine, Some(Capabilities { link_template: None, ..capabilities() }));
    let [UploadAction::AskReceived { request, .. }] = step.actions[..] else { panic!("{step:?}") };
    let parts = (0..2).map(|index| (index, Receipt::default())).collect();
    let step =
        machine.handle(1_001, UploadEvent::PartsReceived { request, parts, finished: false });
    assert_eq!(sent(&step), [2]);
    let noted = |change: &&UploadChange| matches!(change, UploadChange::PartAcknowledged { .. });
    let noted: Vec<_> = step.changes.iter().filter(noted).collect();
    assert!(matches!(noted[..], [UploadChange::PartAcknowledged { index: 1, .. }]), "{noted:?}");
}

#[test]
fn server_of_the_documents_alone_is_sent_what_it_may_have() {
    let mut machine = restored(Profile::Spec, vec![one_of_three()]);
    assert_eq!(sent(&online(&mut machine, None)), [1, 2]);
}
