//! What must hold at every moment, kept by a ledger of its own: it never asks the machine.

use std::collections::{BTreeMap, BTreeSet};

use snaplark_api::Profile;
use snaplark_core::upload::{Change, Part};
use snaplark_core::{RecordingId, policy};

/// What the ledger knows of one try of something.
#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    failures: u32,
    failed_at_ms: u64,
}

#[derive(Default)]
pub struct Checks {
    /// Committed acknowledgements.
    acknowledged: BTreeSet<(RecordingId, u32)>,
    in_flight: BTreeMap<u64, (RecordingId, u32)>,
    tries: BTreeMap<(RecordingId, u32), Tries>,
    /// Committed plans.
    planned: BTreeMap<(RecordingId, u32), Part>,
}

impl Checks {
    pub fn committed(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::PartPlanned { recording, index, part } => {
                    self.planned.insert((*recording, *index), *part);
                }
                Change::PartAcknowledged { recording, index } => {
                    self.acknowledged.insert((*recording, *index));
                }
                Change::PartsLost { recording, indices } => {
                    for index in indices {
                        self.acknowledged.remove(&(*recording, *index));
                    }
                }
                Change::PartsDropped { recording, from } => {
                    self.forget(*recording, *from);
                }
                Change::SessionSet { recording, .. } => {
                    self.acknowledged.retain(|(id, _)| id != recording);
                }
                Change::UploadWanted { recording, .. } => self.forget(*recording, 0),
                Change::Reopened { recording, indices } => {
                    assert!(!indices.is_empty(), "reopened for nothing");
                    for index in indices {
                        self.acknowledged.remove(&(*recording, *index));
                    }
                }
                Change::ServerMoved { .. }
                | Change::PartsKnown { .. }
                | Change::PartBytesLearned { .. }
                | Change::LinkKnown { .. }
                | Change::LinkLost { .. }
                | Change::Paused { .. }
                | Change::Stopped { .. }
                | Change::Finished { .. } => {}
            }
        }
    }

    fn forget(&mut self, recording: RecordingId, from: u32) {
        let stays = |id: RecordingId, index: u32| id != recording || index < from;
        self.planned.retain(|(id, index), _| stays(*id, *index));
        self.acknowledged.retain(|(id, index)| stays(*id, *index));
        self.tries.retain(|(id, index), _| stays(*id, *index));
    }

    pub fn part_sent(
        &mut self,
        now_ms: u64,
        request: u64,
        recording: RecordingId,
        index: u32,
        part: Part,
        profile: Profile,
    ) {
        let key = (recording, index);
        // Its size changes with a segment that is replaced.
        let segments = |part: &Part| (part.first_segment, part.segment_count);
        let planned = self.planned.get(&key).map(segments);
        assert_eq!(planned, Some(segments(&part)), "sent before its plan was committed");
        assert!(!self.acknowledged.contains(&key), "part {index} is acknowledged, and sent again");
        if let Some(tries) = self.tries.get(&key).filter(|tries| tries.failures > 0) {
            let step = (tries.failures as usize - 1).min(policy::RETRY_MS.len() - 1);
            let waited_ms = now_ms - tries.failed_at_ms;
            let least_ms = policy::RETRY_MS[step];
            assert!(waited_ms >= least_ms, "part {index} waited {waited_ms}, not {least_ms} ms");
        }
        self.in_flight.insert(request, key);
        assert!(self.in_flight.len() <= policy::PARTS_IN_FLIGHT_MAX, "too many at once");
        let own = self.in_flight.values().filter(|(id, _)| *id == recording).count();
        assert!(own <= profile.parts_in_flight_max(), "too many of one upload at once");
        if profile == Profile::Snaplark {
            let before = (0..index).all(|before| self.acknowledged.contains(&(recording, before)));
            assert!(before, "part {index} goes before one that is in front of it");
        }
    }

    pub fn part_answered(&mut self, now_ms: u64, request: u64, counts_as_failure: bool, ok: bool) {
        let Some(key) = self.in_flight.remove(&request) else { return };
        if ok {
            self.tries.remove(&key);
        } else if counts_as_failure {
            let tries = self.tries.entry(key).or_default();
            tries.failures += 1;
            tries.failed_at_ms = now_ms;
        }
    }

    pub fn aborted(&mut self, request: u64) {
        self.in_flight.remove(&request);
    }

    /// An outage is over, or the person asked: nobody waits for the rest of a step.
    pub fn waits_forgiven(&mut self) {
        self.tries.clear();
    }

    pub fn crashed(&mut self) {
        self.in_flight.clear();
        self.tries.clear();
    }

    /// The database is lost, and with it what was acknowledged of videos that are not finished.
    pub fn forgot(&mut self, recordings: impl Iterator<Item = RecordingId>) {
        let recordings: BTreeSet<RecordingId> = recordings.collect();
        self.acknowledged.retain(|(id, _)| !recordings.contains(id));
    }

    pub fn finalize_sent(&self, recording: RecordingId, part_count: u32) {
        for index in 0..part_count {
            assert!(
                self.acknowledged.contains(&(recording, index)),
                "finalize without part {index} of {part_count}"
            );
        }
    }
}
