//! Whether the server can be reached: probes, and what their answers change.

use snaplark_api::Profile;

use super::machine::UploadMachine;
use super::one::UploadState;
use super::{ProbeVerdict, Reachability, Step, TargetRole, Wait};
use crate::{RecordingId, policy};

#[derive(Default)]
pub(super) struct Probe {
    pub in_flight: bool,
    pub failures: u32,
    pub due_ms: Option<u64>,
}

impl UploadMachine {
    pub(super) fn probe_answered(&mut self, now_ms: u64, verdict: ProbeVerdict) {
        self.probe.in_flight = false;
        match verdict {
            ProbeVerdict::Online { capabilities } => {
                self.offers = capabilities;
                self.kept_template = None;
                self.reach = Reachability::Online;
                self.probe.due_ms = None;
                // After a real outage, retries need not wait for the rest of their backoff. A probe
                // that succeeds at the first try proves no outage, so the failed requests keep their
                // backoff, or they would be retried in a tight loop.
                if std::mem::take(&mut self.probe.failures) > 0 {
                    for upload in self.uploads.values_mut() {
                        upload.open_gates();
                    }
                }
            }
            ProbeVerdict::Offline { .. } => {
                self.reach = Reachability::Offline;
                self.probe.failures += 1;
                let wait_ms = policy::retry_ms(self.probe.failures, self.random());
                self.probe.due_ms = Some(now_ms + wait_ms);
            }
        }
    }

    /// Starts a probe after a failure that may mean that the network is gone.
    pub(super) fn doubt_reach(&mut self, now_ms: u64) {
        if self.reach == Reachability::Online {
            self.reach = Reachability::Unknown;
        }
        if self.probe.failures == 0 {
            self.probe.due_ms = Some(now_ms);
        }
    }

    /// Returns why uploads wait while nothing answers.
    pub(super) fn offline_wait(&self) -> Wait {
        match self.target.profile == Profile::Folder {
            true => Wait::FolderMissing,
            false => Wait::Offline,
        }
    }

    pub(super) fn system_resumed(&mut self, now_ms: u64, step: &mut Step) {
        let all: Vec<RecordingId> = self.uploads.keys().copied().collect();
        for recording in all {
            self.abandon_requests(recording, step);
            self.with(recording, UploadState::open_gates);
        }
        self.reach = Reachability::Unknown;
        self.probe = Probe { due_ms: Some(now_ms), ..Probe::default() };
    }

    /// Returns whether a probe is wanted. An idle app probes only its current server, and that only once, to
    /// know it before it is needed.
    pub(super) fn wants_probe(&self) -> bool {
        let is_needed = match self.role {
            TargetRole::Current => self.reach == Reachability::Unknown || self.live_count() > 0,
            TargetRole::Other => self.live_count() > 0,
            TargetRole::SignedOut => false,
        };
        is_needed && !self.probe.in_flight
    }
}
