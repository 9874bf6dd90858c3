//! Checks the invariants at every moment with a ledger of its own, which never asks the machine.

use std::collections::{BTreeMap, BTreeSet};

use snaplark_api::Profile;
use snaplark_core::upload::{Part, UploadChange};
use snaplark_core::{RecordingId, policy};

/// The ledger's record of the tries of one request.
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
    /// The parts that the server lacked of each listed version.
    listed: BTreeMap<RecordingId, BTreeSet<u32>>,
    /// Committed plans.
    planned: BTreeMap<(RecordingId, u32), Part>,
    /// The server of each upload.
    homes: BTreeMap<RecordingId, String>,
    /// Uploads that a person has sent to another server.
    movers: BTreeSet<RecordingId>,
}

impl Checks {
    pub fn committed(&mut self, changes: &[UploadChange]) {
        for change in changes {
            match change {
                UploadChange::PartPlanned { recording, index, part } => {
                    self.planned.insert((*recording, *index), *part);
                }
                UploadChange::PartAcknowledged { recording, index, .. } => {
                    self.acknowledged.insert((*recording, *index));
                }
                UploadChange::PartsLost { recording, indices } => self.lost(*recording, indices),
                UploadChange::PiecesKnown { recording, missing } => {
                    self.acknowledged.retain(|(id, _)| id != recording);
                    let missing = missing.iter().map(|(index, _)| *index);
                    self.listed.insert(*recording, missing.collect());
                }
                UploadChange::PartsDropped { recording, from } => {
                    self.forget(*recording, *from);
                }
                UploadChange::SessionSet { recording, .. }
                | UploadChange::Renumbered { recording, .. } => {
                    self.acknowledged.retain(|(id, _)| id != recording);
                    self.listed.remove(recording);
                }
                UploadChange::UploadWanted { recording, server, .. } => {
                    self.forget(*recording, 0);
                    let before = self.homes.insert(*recording, server.clone());
                    let moves = before.is_some_and(|before| before != *server);
                    let may_move = self.movers.remove(recording);
                    assert!(!moves || may_move, "{recording} goes to {server} by itself");
                }
                UploadChange::VersionSet { recording, .. } => self.forget(*recording, 0),
                UploadChange::Reopened { recording, indices } => {
                    assert!(!indices.is_empty(), "reopened for nothing");
                    self.lost(*recording, indices);
                }
                UploadChange::ServerMoved { .. }
                | UploadChange::PartsKnown { .. }
                | UploadChange::Withdrawn { .. }
                | UploadChange::PartBytesLearned { .. }
                | UploadChange::LinkKnown { .. }
                | UploadChange::LinkLost { .. }
                | UploadChange::Paused { .. }
                | UploadChange::Stopped { .. }
                | UploadChange::Finished { .. } => {}
            }
        }
    }

    /// Returns the server that an upload was begun for.
    pub fn home(&self, recording: RecordingId) -> &str {
        self.homes.get(&recording).expect("it was begun for a server")
    }

    /// Returns whether an upload was begun for another server than this one.
    pub fn is_elsewhere(&self, recording: RecordingId, server: &str) -> bool {
        self.homes.get(&recording).is_some_and(|home| home != server)
    }

    /// The person sends an upload to the current server.
    pub fn may_move(&mut self, recording: RecordingId) {
        self.movers.insert(recording);
    }

    fn lost(&mut self, recording: RecordingId, indices: &[u32]) {
        for index in indices {
            self.acknowledged.remove(&(recording, *index));
        }
        if let Some(missing) = self.listed.get_mut(&recording) {
            missing.extend(indices);
        }
    }

    /// Returns whether the server has a part, as far as is committed.
    fn is_there(&self, recording: RecordingId, index: u32) -> bool {
        let is_kept = |missing: &BTreeSet<u32>| !missing.contains(&index);
        self.acknowledged.contains(&(recording, index))
            || self.listed.get(&recording).is_some_and(is_kept)
    }

    fn forget(&mut self, recording: RecordingId, from: u32) {
        self.listed.remove(&recording);
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
        let range = |part: &Part| (part.segments(), part.from_bytes, part.to_bytes);
        // A version's list, which is durable before it is sent, is the plan of all of its parts.
        if !self.listed.contains_key(&recording) {
            let planned = self.planned.get(&key).map(range);
            assert_eq!(planned, Some(range(&part)), "sent before its plan was committed");
        }
        assert!(!self.is_there(recording, index), "part {index} is acknowledged, and sent again");
        if let Some(tries) = self.tries.get(&key).filter(|tries| tries.failures > 0) {
            let step = (tries.failures as usize - 1).min(policy::RETRY_MS.len() - 1);
            let waited_ms = now_ms - tries.failed_at_ms;
            let least_ms = policy::RETRY_MS[step];
            assert!(waited_ms >= least_ms, "part {index} waited {waited_ms}, not {least_ms} ms");
        }
        self.in_flight.insert(request, key);
        let home = self.homes.get(&recording);
        let is_there = |(id, _): &&(RecordingId, u32)| self.homes.get(id) == home;
        let at_once = self.in_flight.values().filter(is_there).count();
        assert!(at_once <= policy::PARTS_IN_FLIGHT_MAX, "too many at once at one server");
        let own = self.in_flight.values().filter(|(id, _)| *id == recording).count();
        assert!(own <= profile.parts_in_flight_max(), "too many of one upload at once");
        if profile == Profile::Snaplark {
            let before = (0..index).all(|before| self.is_there(recording, before));
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

    /// An outage of one server is over.
    pub fn waits_forgiven_at(&mut self, server: &str) {
        let homes = &self.homes;
        self.tries.retain(|(id, _), _| homes.get(id).is_none_or(|home| home != server));
    }

    pub fn crashed(&mut self) {
        self.in_flight.clear();
        self.tries.clear();
    }

    /// The database is lost, and with it what was acknowledged of videos that are not finished.
    pub fn forgot(&mut self, recordings: impl Iterator<Item = RecordingId>) {
        let recordings: BTreeSet<RecordingId> = recordings.collect();
        self.acknowledged.retain(|(id, _)| !recordings.contains(id));
        self.listed.retain(|id, _| !recordings.contains(id));
    }

    pub fn finalize_sent(&self, recording: RecordingId, part_count: u32) {
        for index in 0..part_count {
            assert!(
                self.is_there(recording, index),
                "finalize without part {index} of {part_count}"
            );
        }
    }
}
