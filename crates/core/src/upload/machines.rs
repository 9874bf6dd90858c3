//! All upload machines, one for each server that an upload was begun for.
//!
//! Each has its own connectivity, backoff, sign-in state and capabilities, and its own numbers of requests: a
//! request tells by its number which server it was made for, even after the upload has moved elsewhere. Numbers
//! are never used twice, so an action of machines that were rebuilt since reaches no server.

use std::collections::BTreeMap;

use snaplark_api::Profile;

use super::machine::{Target, TargetRole, UploadMachine};
use super::one::UploadState;
use super::{Addressee, RequestId, Step, UploadChange, UploadEvent, UploadRows, UploadStatus};
use crate::{RecordingId, SessionId, policy};

/// How many requests one machine can make. At a million requests a second it lasts for twelve days.
const REQUESTS_BITS: u32 = 40;

/// Where uploads may go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// Where new uploads go. `None`: there are none.
    pub current: Option<Target>,
    /// Other servers at which the person is signed in.
    pub others: Vec<Target>,
}

impl Targets {
    /// Returns the servers of these rows at which somebody is signed in.
    pub fn of_rows(rows: &[UploadRows], is_known: impl Fn(&str) -> bool) -> Self {
        let mut known: BTreeMap<&str, Profile> = BTreeMap::new();
        for row in rows.iter().filter(|row| is_known(&row.server)) {
            known.insert(&row.server, row.profile);
        }
        let target = |(server, profile): (&str, Profile)| Target {
            server: server.to_owned(),
            profile,
            is_this_computer: false,
        };
        Targets { current: None, others: known.into_iter().map(target).collect() }
    }

    fn all(&self) -> impl Iterator<Item = (&Target, TargetRole)> {
        let current = self.current.iter().map(|target| (target, TargetRole::Current));
        current.chain(self.others.iter().map(|target| (target, TargetRole::Other)))
    }

    /// Returns this computer's own server if it has another address now than this one.
    fn moved(&self, server: &str) -> Option<&Target> {
        let is_loopback = server.starts_with("http://127.0.0.1:");
        let is_known = self.all().any(|(target, _)| target.server == server);
        let mut here = self.all().map(|(target, _)| target).filter(|it| it.is_this_computer);
        here.next().filter(|_| is_loopback && !is_known)
    }
}

/// A session that is open at a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSession {
    /// The address of the server.
    pub server: String,
    /// The session there.
    pub session: SessionId,
}

/// The upload machines of all servers.
pub struct UploadMachines {
    machines: BTreeMap<String, UploadMachine>,
    current: Option<String>,
    /// The servers whose requests have these numbers, by the bits above [`REQUESTS_BITS`].
    ranges: BTreeMap<u64, String>,
    next_range: u64,
    /// The places that uploads which have not begun go to, if that isn't the current one.
    routes: BTreeMap<RecordingId, String>,
    link_metered: bool,
    waits_on_metered: bool,
}

impl UploadMachines {
    /// Builds the machines from rows. `seed` is used only for the jitter of waits.
    pub fn restore(targets: &Targets, rows: Vec<UploadRows>, seed: u64) -> (Self, Step) {
        let mut machines = UploadMachines {
            machines: BTreeMap::new(),
            current: None,
            ranges: BTreeMap::new(),
            next_range: 0,
            routes: BTreeMap::new(),
            link_metered: false,
            waits_on_metered: false,
        };
        let step = machines.rebuild(targets, rows, seed);
        (machines, step)
    }

    /// Builds the machines anew, for other targets or from other rows. Requests of before are unknown now.
    pub fn rebuild(&mut self, targets: &Targets, rows: Vec<UploadRows>, seed: u64) -> Step {
        let mut step = Step::default();
        let mut by_server: BTreeMap<String, (Target, TargetRole, Vec<UploadRows>)> = targets
            .all()
            .map(|(target, role)| (target.server.clone(), (target.clone(), role, Vec::new())))
            .collect();
        for mut row in rows {
            if let Some(here) = targets.moved(&row.server).filter(|_| !row.finished) {
                let (recording, server) = (row.recording, here.server.clone());
                (row.server, row.link) = (server.clone(), None);
                step.changes.push(UploadChange::ServerMoved { recording, server });
            }
            let of_server = by_server.entry(row.server.clone()).or_insert_with(|| {
                let (server, profile) = (row.server.clone(), row.profile);
                let target = Target { server, profile, is_this_computer: false };
                (target, TargetRole::SignedOut, Vec::new())
            });
            of_server.2.push(row);
        }
        self.ranges.clear();
        self.machines.clear();
        self.current = targets.current.as_ref().map(|target| target.server.clone());
        for (server, (target, role, rows)) in by_server {
            self.ranges.insert(self.next_range, server.clone());
            let first = (self.next_range << REQUESTS_BITS) + 1;
            let seed = seed.wrapping_add(self.next_range);
            self.next_range += 1;
            let mut machine = UploadMachine::restore(target, role, first, rows, seed, &mut step);
            machine.link_metered = self.link_metered;
            machine.waits_on_metered = self.waits_on_metered;
            self.machines.insert(server, machine);
        }
        step
    }

    /// Changes the state by an event, and returns the changes to commit and the actions to do then.
    pub fn handle(&mut self, now_ms: u64, event: UploadEvent) -> Step {
        let mut step = Step::default();
        let machine = match event.addressee() {
            Addressee::Upload(recording) => self.receiver(recording, &event, &mut step),
            Addressee::Request(request) => {
                let server = self.ranges.get(&(request.0 >> REQUESTS_BITS));
                server.and_then(|server| self.machines.get_mut(server))
            }
            Addressee::Server(server) => self.machines.get_mut(server),
            Addressee::Everyone => {
                if let UploadEvent::LinkMetered { metered } = event {
                    self.link_metered = metered;
                }
                if let UploadEvent::MeteredChosen { wait } = event {
                    self.waits_on_metered = wait;
                }
                for machine in self.machines.values_mut() {
                    machine.handle(now_ms, event.clone(), &mut step);
                }
                None
            }
        };
        if let Some(machine) = machine {
            machine.handle(now_ms, event, &mut step);
        }
        step
    }

    /// Returns when to send [`UploadEvent::Woke`] if nothing else happens before.
    pub fn next_wake_ms(&self) -> Option<u64> {
        self.machines.values().filter_map(UploadMachine::next_wake_ms).min()
    }

    /// Returns the status of a recording's upload, if it has one.
    pub fn status(&self, now_ms: u64, recording: RecordingId) -> Option<UploadStatus> {
        self.of(recording)?.status(now_ms, recording)
    }

    /// Returns the version of a picture that is uploaded; `None` for a recording, and without an upload.
    pub fn picture_version(&self, recording: RecordingId) -> Option<u32> {
        self.of(recording)?.version(recording, false)
    }

    /// Returns the size and the number of parts of an upload that is planned as a whole.
    pub fn whole(&self, recording: RecordingId) -> Option<(u64, u32)> {
        self.upload(recording)?.whole()
    }

    /// Returns whether the upload is of a file that a person brought in.
    pub fn is_file(&self, recording: RecordingId) -> bool {
        self.upload(recording).is_some_and(UploadState::is_file)
    }

    /// Returns how many parts an upload has, once it is whole.
    pub fn part_count(&self, recording: RecordingId) -> Option<u32> {
        self.upload(recording)?.part_count()
    }

    /// Returns the version of an edited recording that is uploaded; `None` if its upload shows it as it is, and
    /// without an upload.
    pub fn edited_version(&self, recording: RecordingId) -> Option<u32> {
        self.of(recording)?.version(recording, true)
    }

    /// Returns whether the server of a recording's upload, or else the current one, can show an edited recording
    /// behind the same link. `None`: it is not known yet, or there is no server.
    pub fn shows_versions(&self, recording: RecordingId) -> Option<bool> {
        self.of(recording).or_else(|| self.next_for(recording))?.shows_versions()
    }

    /// Returns whether one piece of a recording's version may keep several parts at its server.
    pub fn takes_piece_runs(&self, recording: RecordingId) -> bool {
        self.of(recording).is_some_and(UploadMachine::takes_piece_runs)
    }

    /// Returns the smallest limit on parts that uploads to the server of a recording's upload, or else to the current
    /// one, have met.
    pub fn part_bytes_max(&self, recording: RecordingId) -> u64 {
        let machine = self.of(recording).or_else(|| self.next_for(recording));
        machine.map_or(policy::PART_BYTES_MAX, UploadMachine::part_bytes_max)
    }

    /// Returns the machine of the server that an upload which has not begun will go to.
    fn next_for(&self, recording: RecordingId) -> Option<&UploadMachine> {
        let route = self.routes.get(&recording).and_then(|server| self.machines.get(server));
        route.or_else(|| self.current())
    }

    /// Returns the machine of the current server.
    pub fn current(&self) -> Option<&UploadMachine> {
        self.machines.get(self.current.as_ref()?)
    }

    /// Returns the machine of a server.
    pub fn at(&self, server: &str) -> Option<&UploadMachine> {
        self.machines.get(server)
    }

    /// Returns the machine that has a recording's upload.
    pub fn of(&self, recording: RecordingId) -> Option<&UploadMachine> {
        self.machines.values().find(|machine| machine.uploads.contains_key(&recording))
    }

    /// Returns the session of an upload that is not complete: what its server keeps parts for.
    pub fn open_session(&self, recording: RecordingId) -> Option<OpenSession> {
        let machine = self.of(recording)?;
        let upload = machine.uploads.get(&recording)?;
        let session = upload.session.clone().filter(|_| !upload.finished && !upload.mending)?;
        Some(OpenSession { server: machine.target().server.clone(), session })
    }

    /// Returns whether a retry sends this upload to the current server, as a new one: nobody is signed in at
    /// its own.
    pub fn moves_on_retry(&self, recording: RecordingId) -> bool {
        let is_homeless = |machine: &UploadMachine| machine.is_homeless(recording);
        self.current.is_some() && self.of(recording).is_some_and(is_homeless)
    }

    /// Returns the server that a request was made for; `None` if it is of machines that were rebuilt since.
    pub fn server_of(&self, request: RequestId) -> Option<&str> {
        self.ranges.get(&(request.0 >> REQUESTS_BITS)).map(String::as_str)
    }

    /// Returns the machines of all servers but the current one.
    pub fn others(&self) -> impl Iterator<Item = &UploadMachine> {
        self.machines.values().filter(|machine| machine.role() != TargetRole::Current)
    }

    /// Sends an upload that begins next to this server, and later versions of a picture, too. `None`: to the current
    /// one.
    pub fn route(&mut self, recording: RecordingId, server: Option<&str>) {
        match server.filter(|server| self.machines.contains_key(*server)) {
            Some(server) => drop(self.routes.insert(recording, server.to_owned())),
            None => drop(self.routes.remove(&recording)),
        }
    }

    fn upload(&self, recording: RecordingId) -> Option<&UploadState> {
        self.of(recording)?.uploads.get(&recording)
    }

    /// Returns the machine that receives an event of an upload. What is new goes to its route or else to the current
    /// server, and so does what the person has sent there: a later version of a picture, and a retried upload whose
    /// own server nobody is signed in at.
    fn receiver(
        &mut self,
        recording: RecordingId,
        event: &UploadEvent,
        step: &mut Step,
    ) -> Option<&mut UploadMachine> {
        let route =
            self.routes.get(&recording).filter(|server| self.machines.contains_key(*server));
        let current = route.cloned().or_else(|| self.current.clone());
        let Some(holder) = self.of(recording) else {
            return self.machines.get_mut(&current?);
        };
        let server = holder.target().server.clone();
        if current.as_ref().is_none_or(|current| *current == server) {
            return self.machines.get_mut(&server);
        }
        let is_later = matches!(event, UploadEvent::PictureWanted { version, .. }
            if holder.version(recording, false) != Some(*version))
            || matches!(event, UploadEvent::FileWanted { .. } if holder.is_homeless(recording));
        let is_sent_on =
            matches!(event, UploadEvent::RetryAsked { .. }) && holder.is_homeless(recording);
        if !is_later && !is_sent_on {
            return self.machines.get_mut(&server);
        }
        let (upload, claim) = self.machines.get_mut(&server)?.release(recording, step)?;
        let machine = self.machines.get_mut(&current?)?;
        if is_sent_on {
            machine.adopt(recording, upload, step);
        }
        machine.claims.extend(claim.map(|claim| (recording, claim)));
        Some(machine)
    }
}
