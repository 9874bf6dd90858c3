//! Time, dice, and everything that can go wrong between the client and the server.
//!
//! Length: every fault of the simulated world, which share its clock and dice.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use snaplark_api::{Capabilities, Profile};
use snaplark_core::upload::{
    Action, Event, Failure, Part, Phase, ProbeVerdict, Step, Stop, Target, UploadMachine,
};
use snaplark_core::{RecordingId, SessionId, policy};

use crate::checks::Checks;
use crate::client::Client;
use crate::random::Random;
use crate::server::{Piece, Server, is_whole, pieces};

/// Faults end here; what is not finished in the time after that is stuck.
const FAULTS_END_MS: u64 = 12 * 3_600_000;
const WORLD_ENDS_MS: u64 = 24 * 3_600_000;

/// What a run counted. Two runs of one seed count the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub events: u64,
    pub parts_sent: u64,
    pub crashes: u64,
    pub sessions_lost: u64,
    pub parts_lost: u64,
    pub replies_lost: u64,
    pub outages: u64,
    pub refused: u64,
    pub segments_replaced: u64,
    pub databases_lost: u64,
    pub server_damages: u64,
    pub virtual_ms: u64,
}

impl Outcome {
    pub fn add(&mut self, other: &Outcome) {
        self.events += other.events;
        self.parts_sent += other.parts_sent;
        self.crashes += other.crashes;
        self.sessions_lost += other.sessions_lost;
        self.parts_lost += other.parts_lost;
        self.replies_lost += other.replies_lost;
        self.outages += other.outages;
        self.refused += other.refused;
        self.segments_replaced += other.segments_replaced;
        self.databases_lost += other.databases_lost;
        self.server_damages += other.server_damages;
        self.virtual_ms += other.virtual_ms;
    }
}

enum Happening {
    /// Something reaches the machine; of this life of the process only.
    Client {
        life: u64,
        event: Event,
    },
    /// A request reaches the server, perhaps for the second time.
    Server {
        life: u64,
        action: Action,
        reply: bool,
    },
    Segment {
        plan: usize,
    },
    Crash,
    /// Bytes of a sealed segment change on the client's disk.
    Damage {
        recording: RecordingId,
        segment: u32,
    },
    /// The client has written placeholders.
    Repaired {
        process: u64,
        recording: RecordingId,
        segments: Vec<u32>,
    },
    /// The server finds that a part of a finished video is damaged, and the client hears of it.
    Scrub {
        recording: RecordingId,
        part: u32,
    },
    /// Sleep, a person at the network's settings, a cable.
    Hint(Event),
    OutageEnds,
    SignIn,
    Person {
        recording: RecordingId,
    },
}

/// A recording that will be made.
struct Plan {
    id: RecordingId,
    segments: u32,
    sealed: u32,
    started: bool,
    ended: bool,
    size_bytes: u64,
}

pub struct World {
    now_ms: u64,
    random: Random,
    permille: u64,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    happenings: BTreeMap<u64, Happening>,
    next: u64,
    life: u64,
    /// Grows with each new process; `life`, with each end of its connections, too.
    process: u64,
    profile: Profile,
    machine: UploadMachine,
    client: Client,
    server: Server,
    checks: Checks,
    plans: Vec<Plan>,
    is_outage: bool,
    probes_failed: u32,
    token_works: bool,
    /// Segments whose files have other bytes than their rows say.
    damaged: BTreeSet<(RecordingId, u32)>,
    replaced: BTreeSet<(RecordingId, u32)>,
    /// Finished videos that the server's disk has gone for once.
    scrubbed: BTreeSet<RecordingId>,
    outcome: Outcome,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let profiles = [Profile::Spec, Profile::SpecStandalone, Profile::Snaplark];
        let profile = profiles[random.below(3) as usize];
        let knows_recordings = random.permille(500);
        let mebibyte = 1024 * 1024;
        let part_bytes_max = if random.permille(200) { 4 * mebibyte } else { 10 * mebibyte };
        let client = Client::new(seed);
        let (machine, step) = client.rebuild(target(profile), seed);
        let mut world = World {
            now_ms: 0,
            permille: random.between(10, 300),
            queue: BinaryHeap::new(),
            happenings: BTreeMap::new(),
            next: 0,
            life: 0,
            process: 0,
            profile,
            machine,
            client,
            server: Server::new(knows_recordings, part_bytes_max),
            checks: Checks::default(),
            plans: Vec::new(),
            is_outage: false,
            probes_failed: 0,
            token_works: true,
            damaged: BTreeSet::new(),
            replaced: BTreeSet::new(),
            scrubbed: BTreeSet::new(),
            outcome: Outcome::default(),
            random,
        };
        for plan in 0..world.random.between(1, 3) {
            let sizes = [40_000, 600_000, 2 * mebibyte];
            let size_bytes = sizes[world.random.below(3) as usize];
            world.plans.push(Plan {
                id: RecordingId(uuid::Uuid::from_u128(u128::from(plan) + 1)),
                segments: world.random.between(1, 40) as u32,
                sealed: 0,
                started: false,
                ended: false,
                size_bytes,
            });
            let begins_ms = world.random.below(600_000);
            world.at(begins_ms, Happening::Segment { plan: plan as usize });
        }
        for _ in 0..world.random.below(4) {
            let at_ms = world.random.below(FAULTS_END_MS / 12);
            world.at(at_ms, Happening::Crash);
        }
        for _ in 0..world.random.below(6) {
            let at_ms = world.random.below(FAULTS_END_MS / 12);
            let wait = world.random.permille(500);
            let hints = [
                Event::SystemResumed,
                Event::NetworkHinted,
                Event::LinkMetered { metered: world.random.permille(500) },
                Event::MeteredChosen { wait },
            ];
            let hint = hints[world.random.below(4) as usize].clone();
            world.at(at_ms, Happening::Hint(hint));
        }
        world.at(FAULTS_END_MS, Happening::Hint(Event::LinkMetered { metered: false }));
        world.take(step);
        world.tell(Event::Woke);
        world
    }

    pub fn run(mut self) -> Outcome {
        while self.now_ms < WORLD_ENDS_MS && !self.is_done() {
            let wake_ms = self.machine.next_wake_ms(self.now_ms).map(|ms| ms.max(self.now_ms));
            let next_ms = self.queue.peek().map(|Reverse((at_ms, _))| *at_ms);
            match (wake_ms, next_ms) {
                (Some(wake_ms), next_ms) if next_ms.is_none_or(|next_ms| wake_ms < next_ms) => {
                    self.now_ms = wake_ms;
                    self.tell(Event::Woke);
                }
                (_, Some(_)) => self.happen(),
                (_, None) => panic!("nothing will ever happen again: {}", self.describe()),
            }
            self.outcome.events += 1;
            assert!(self.outcome.events < 200_000, "it spins: {}", self.describe());
        }
        assert!(self.is_done(), "not finished in {WORLD_ENDS_MS} ms: {}", self.describe());
        self.check_videos();
        self.outcome.virtual_ms = self.now_ms;
        self.outcome
    }

    fn is_done(&self) -> bool {
        let finished = |plan: &Plan| {
            let status = self.machine.status(self.now_ms, plan.id);
            status.is_some_and(|status| status.phase == Phase::Finished)
        };
        let waits = |happening: &Happening| matches!(happening, Happening::Scrub { .. });
        if self.happenings.values().any(waits) {
            return false;
        }
        // One that died before its first segment leaves nothing to send.
        self.plans.iter().all(|plan| plan.ended && (plan.sealed == 0 || finished(plan)))
    }

    fn describe(&self) -> String {
        let phases = self.plans.iter().map(|plan| self.machine.status(self.now_ms, plan.id));
        format!("{:?} {:?} at {} ms", self.profile, phases.collect::<Vec<_>>(), self.now_ms)
    }

    fn check_videos(&self) {
        let whole = |plan: &Plan, parts: &Vec<_>| {
            let replaced = self.replaced.iter().filter(|(id, _)| *id == plan.id);
            let replaced = replaced.map(|(_, segment)| *segment).collect();
            is_whole(parts, plan.sealed, self.profile.framing(), &replaced)
        };
        for plan in self.plans.iter().filter(|plan| plan.sealed > 0) {
            let whole = |parts: &Vec<_>| whole(plan, parts);
            let videos = self.server.sessions.values().filter_map(|s| s.completed.as_ref());
            assert!(videos.clone().any(whole), "the video of {} isn't whole", plan.id);
        }
        for session in self.server.sessions.values() {
            let whole = |parts: &Vec<_>| self.plans.iter().any(|plan| whole(plan, parts));
            assert!(session.damaged.is_empty(), "the server's damage was not mended");
            assert!(session.completed.as_ref().is_none_or(whole), "a video with a gap");
        }
    }

    fn at(&mut self, at_ms: u64, happening: Happening) {
        self.queue.push(Reverse((at_ms, self.next)));
        self.happenings.insert(self.next, happening);
        self.next += 1;
    }

    fn after(&mut self, delay_ms: u64, happening: Happening) {
        self.at(self.now_ms + delay_ms, happening);
    }

    fn fault(&mut self) -> bool {
        self.now_ms < FAULTS_END_MS && self.random.permille(self.permille)
    }

    fn happen(&mut self) {
        let Some(Reverse((at_ms, number))) = self.queue.pop() else { return };
        self.now_ms = at_ms;
        match self.happenings.remove(&number).unwrap() {
            Happening::Client { life, event } if life == self.life => self.receive(event),
            Happening::Client { .. } => {}
            Happening::Server { life, action, reply } => self.serve(life, action, reply),
            Happening::Segment { plan } => self.record(plan),
            Happening::Crash => self.crash(),
            Happening::Damage { recording, segment } => {
                self.damaged.insert((recording, segment));
            }
            Happening::Repaired { process, recording, segments } if process == self.process => {
                self.repaired(recording, &segments);
            }
            Happening::Repaired { .. } => {}
            Happening::Scrub { recording, part } => self.scrub(recording, part),
            Happening::Hint(event) => {
                if event == Event::SystemResumed {
                    self.life += 1;
                    self.checks.waits_forgiven();
                    self.probes_failed = 0;
                }
                self.tell(event);
            }
            Happening::OutageEnds => self.is_outage = false,
            Happening::SignIn => {
                self.token_works = true;
                self.rebuild();
            }
            Happening::Person { recording } => {
                self.checks.waits_forgiven();
                self.tell(Event::RetryAsked { recording });
            }
        }
    }

    fn record(&mut self, index: usize) {
        let plan = &mut self.plans[index];
        if plan.ended {
            return;
        }
        let (recording, size_bytes, segment) = (plan.id, plan.size_bytes, plan.sealed);
        if !plan.started {
            plan.started = true;
            self.client.begin(recording);
            self.tell(Event::UploadWanted { recording });
            self.tell(Event::InitSealed { recording, size_bytes: 300 });
            self.after(2_000, Happening::Segment { plan: index });
        } else if segment < plan.segments {
            plan.sealed += 1;
            self.client.seal(recording, segment, size_bytes, true);
            self.tell(Event::SegmentSealed { recording, size_bytes });
            self.after(2_000, Happening::Segment { plan: index });
            if self.fault() && self.random.permille(200) {
                let delay_ms = self.random.below(10_000);
                self.after(delay_ms, Happening::Damage { recording, segment });
            }
        } else {
            plan.ended = true;
            self.client.end(recording);
            let duration_ms = u64::from(segment) * 2_000;
            self.tell(Event::RecordingEnded { recording, duration_ms });
        }
    }

    /// An answer reaches the machine.
    fn receive(&mut self, event: Event) {
        match &event {
            Event::PartAcknowledged { request } => {
                self.checks.part_answered(self.now_ms, request.0, false, true);
            }
            Event::RequestFailed { request, failure } => {
                let counts = matches!(
                    failure,
                    Failure::Unreachable { .. }
                        | Failure::NotTheApi { .. }
                        | Failure::RateLimited { .. }
                        | Failure::ServerTrouble { .. }
                );
                self.checks.part_answered(self.now_ms, request.0, counts, false);
            }
            Event::Finalized { .. } => self.scrub_later(),
            Event::ProbeAnswered { verdict: ProbeVerdict::Offline { .. } } => {
                self.probes_failed += 1;
            }
            Event::ProbeAnswered { verdict: ProbeVerdict::Online { .. } }
                if std::mem::take(&mut self.probes_failed) > 0 =>
            {
                self.checks.waits_forgiven();
            }
            _ => {}
        }
        self.tell(event);
    }

    fn tell(&mut self, event: Event) {
        let step = self.machine.handle(self.now_ms, event);
        self.take(step);
        self.watch_over_stopped();
    }

    /// Commits, then acts; now and then the process dies in between.
    fn take(&mut self, step: Step) {
        self.client.commit(&step);
        self.checks.committed(&step.changes);
        for action in step.actions {
            match action {
                Action::TellLink { .. } | Action::ClaimAnew { .. } => {}
                Action::Abort { request } => self.checks.aborted(request.0),
                Action::Probe | Action::OpenSession { .. } | Action::AskReceived { .. } => {
                    self.send(action);
                }
                Action::RepairSegments { recording, segments } => {
                    let (process, delay_ms) = (self.process, self.random.between(1, 2_000));
                    self.after(delay_ms, Happening::Repaired { process, recording, segments });
                }
                Action::SendPart { request, recording, part, .. }
                    if !self.damaged_of(recording, part).is_empty() =>
                {
                    let segments = self.damaged_of(recording, part);
                    assert!(!self.is_repairing(recording, &segments), "sent while it is repaired");
                    let failure = Failure::SegmentsDamaged { segments };
                    let (life, event) = (self.life, Event::RequestFailed { request, failure });
                    self.after(1, Happening::Client { life, event });
                }
                Action::SendPart { request, recording, index, part, .. } => {
                    let (now_ms, profile) = (self.now_ms, self.profile);
                    self.checks.part_sent(now_ms, request.0, recording, index, part, profile);
                    self.outcome.parts_sent += 1;
                    self.send(action);
                }
                Action::Finalize { recording, part_count, .. } => {
                    self.checks.finalize_sent(recording, part_count);
                    self.send(action);
                }
            }
        }
    }

    fn damaged_of(&self, recording: RecordingId, part: Part) -> Vec<u32> {
        let segments = part.first_segment..part.end();
        segments.filter(|segment| self.damaged.contains(&(recording, *segment))).collect()
    }

    fn is_repairing(&self, recording: RecordingId, damaged: &[u32]) -> bool {
        self.happenings.values().any(|happening| match happening {
            Happening::Repaired { process, recording: repaired, segments } => {
                let is_its = *process == self.process && *repaired == recording;
                is_its && damaged.iter().all(|segment| segments.contains(segment))
            }
            _ => false,
        })
    }

    fn repaired(&mut self, recording: RecordingId, segments: &[u32]) {
        let plan = self.plans.iter().find(|plan| plan.id == recording).unwrap();
        // Where a segment had no room for a picture, its placeholder is longer.
        let grows = self.random.permille(500);
        let size_bytes = plan.size_bytes + if grows { 777 } else { 0 };
        for segment in segments {
            self.client.replace(recording, *segment, size_bytes);
            self.damaged.remove(&(recording, *segment));
            self.replaced.insert((recording, *segment));
            self.outcome.segments_replaced += 1;
        }
        let sizes = segments.iter().map(|segment| (*segment, size_bytes)).collect();
        self.tell(Event::SegmentsRepaired { recording, sizes });
    }

    /// Once for each video; of a part whose bytes the client still has.
    fn scrub_later(&mut self) {
        for index in 0..self.plans.len() {
            let recording = self.plans[index].id;
            if !self.random.permille(200) || !self.scrubbed.insert(recording) {
                continue;
            }
            let delay_ms = self.random.between(1_000, 3_600_000);
            let part = self.random.below(8) as u32;
            self.after(delay_ms, Happening::Scrub { recording, part });
        }
    }

    fn scrub(&mut self, recording: RecordingId, part: u32) {
        let Some(rows) = self.client.store().upload_rows_of(recording).unwrap() else { return };
        let Some((session, true)) = rows.session.clone().map(|s| (s, rows.finished)) else {
            return;
        };
        let Some((planned, _)) = rows.parts.get(part as usize).copied() else { return };
        let is_sound = self.damaged_of(recording, planned).is_empty();
        if self.server.knows_recordings && is_sound && self.server.damage(&session, part) {
            self.outcome.server_damages += 1;
            let indices = vec![part];
            self.tell(Event::ServerDamaged { rows: Box::new(rows), indices });
        }
    }

    /// A person sees a stopped upload, and after a while presses retry.
    fn watch_over_stopped(&mut self) {
        for index in 0..self.plans.len() {
            let recording = self.plans[index].id;
            let status = self.machine.status(self.now_ms, recording);
            let Some(Phase::Stopped(stop)) = status.map(|status| status.phase) else { continue };
            let pending = self.happenings.values().any(
                |happening| matches!(happening, Happening::Person { recording: r } if *r == recording),
            );
            if !pending {
                assert!(matches!(stop, Stop::Refused { .. }), "{stop:?}");
                let delay_ms = self.random.between(1_000, 600_000);
                self.after(delay_ms, Happening::Person { recording });
            }
        }
    }

    fn send(&mut self, action: Action) {
        let life = self.life;
        if !self.is_outage && self.fault() && self.random.permille(60) {
            self.is_outage = true;
            self.outcome.outages += 1;
            let lengths = [3_000, 60_000, 600_000, 6 * 3_600_000];
            let length_ms = lengths[self.random.below(4) as usize];
            self.after(length_ms, Happening::OutageEnds);
        }
        let latency_ms = self.random.between(5, 2_000);
        if self.is_outage || (self.fault() && self.random.permille(300)) {
            let slow = self.random.permille(300);
            let delay_ms = if slow { policy::NO_PROGRESS_MS_MAX } else { latency_ms };
            let lost = lost();
            self.after(delay_ms, Happening::Client { life, event: failed(&action, lost) });
            return;
        }
        if self.fault() && self.random.permille(100) {
            let late_ms = latency_ms + self.random.below(60_000);
            self.after(late_ms, Happening::Server { life, action: action.clone(), reply: false });
        }
        self.after(latency_ms, Happening::Server { life, action, reply: true });
    }

    fn serve(&mut self, life: u64, action: Action, reply: bool) {
        let event = match self.refusal(&action, reply) {
            Some(failure) => failed(&action, failure),
            None => self.process(&action),
        };
        if !reply {
            return;
        }
        let latency_ms = self.random.between(5, 2_000);
        if self.fault() && self.random.permille(400) {
            self.outcome.replies_lost += 1;
            let wrong_echo = Failure::NotTheApi { detail: "wrong echo".into() };
            let failure = if self.random.permille(300) { wrong_echo } else { lost() };
            self.after(latency_ms, Happening::Client { life, event: failed(&action, failure) });
        } else {
            self.after(latency_ms, Happening::Client { life, event });
        }
    }

    /// What a server says instead of doing it.
    fn refusal(&mut self, action: &Action, reply: bool) -> Option<Failure> {
        let is_request = !matches!(action, Action::Probe) && reply;
        if is_request && !self.token_works {
            return Some(Failure::Unauthorized);
        }
        if !is_request || !self.fault() {
            return None;
        }
        match self.random.below(12) {
            0..=3 => {
                let status = [500, 502, 503, 504][self.random.below(4) as usize];
                let asked = self.random.permille(200);
                let retry_after_ms = asked.then(|| self.random.between(0, 120_000));
                Some(Failure::ServerTrouble { status, retry_after_ms })
            }
            4..=5 => {
                let retry_after_ms = self.random.between(0, 30_000);
                Some(Failure::RateLimited { retry_after_ms })
            }
            6 => Some(Failure::NotTheApi { detail: "a portal".into() }),
            7 if self.random.permille(300) => {
                self.token_works = false;
                let delay_ms = self.random.between(1_000, 3_600_000);
                self.after(delay_ms, Happening::SignIn);
                Some(Failure::Unauthorized)
            }
            8 if self.random.permille(100) => {
                self.outcome.refused += 1;
                Some(Failure::Refused { detail: "no".into() })
            }
            9..=10 => {
                self.lose_something(action);
                None
            }
            _ => None,
        }
    }

    fn lose_something(&mut self, action: &Action) {
        let (session, parts) = match action {
            Action::SendPart { session, index, .. } => (session, *index),
            Action::Finalize { session, part_count, .. } => (session, *part_count),
            Action::Probe
            | Action::OpenSession { .. }
            | Action::AskReceived { .. }
            | Action::ClaimAnew { .. }
            | Action::RepairSegments { .. }
            | Action::Abort { .. }
            | Action::TellLink { .. } => return,
        };
        if self.random.permille(300) {
            self.outcome.sessions_lost += u64::from(self.server.lose_session(session));
        } else if parts > 0 {
            let index = self.random.below(u64::from(parts)) as u32;
            self.outcome.parts_lost += u64::from(self.server.lose_part(session, index));
        }
    }

    fn process(&mut self, action: &Action) -> Event {
        match action.clone() {
            Action::Probe => {
                let template = "http://host/videos/{recordingId}".to_owned();
                let capabilities = self.server.knows_recordings.then(|| Capabilities {
                    server: Capabilities::SERVER.into(),
                    version: String::new(),
                    framings: Vec::new(),
                    part_bytes_max: self.server.part_bytes_max,
                    parts_in_flight_max: 2,
                    link_template: Some(template),
                    sign_in: None,
                });
                Event::ProbeAnswered { verdict: ProbeVerdict::Online { capabilities } }
            }
            Action::OpenSession { request, recording, named } => {
                let session = self.server.open(recording, named);
                Event::SessionOpened { request, session, link: None }
            }
            Action::AskReceived { request, session, .. } => {
                assert!(self.server.knows_recordings, "a server of the documents was asked");
                match self.server.received(&session) {
                    Ok(indices) => Event::PartsReceived { request, indices },
                    Err(failure) => Event::RequestFailed { request, failure },
                }
            }
            Action::SendPart { request, recording, session, index, part, with_init } => {
                let is_replaced = |segment| self.replaced.contains(&(recording, segment));
                let content = pieces(part, with_init).into_iter().map(|piece| match piece {
                    Piece::Segment(index) if is_replaced(index) => Piece::Placeholder(index),
                    piece => piece,
                });
                let content = content.collect();
                match self.server.take_part(&session, index, part, content) {
                    Ok(()) => Event::PartAcknowledged { request },
                    Err(failure) => Event::RequestFailed { request, failure },
                }
            }
            Action::Finalize { request, session, part_count, .. } => {
                match self.server.finalize(&session, part_count) {
                    Ok(()) => {
                        let SessionId(id) = session;
                        Event::Finalized { request, link: Some(format!("http://host/{id}")) }
                    }
                    Err(failure) => Event::RequestFailed { request, failure },
                }
            }
            Action::Abort { .. }
            | Action::ClaimAnew { .. }
            | Action::RepairSegments { .. }
            | Action::TellLink { .. } => {
                unreachable!("never sent")
            }
        }
    }

    fn crash(&mut self) {
        self.outcome.crashes += 1;
        for plan in self.plans.iter_mut().filter(|plan| plan.started && !plan.ended) {
            plan.ended = true;
            // Sometimes a segment's file was there, and its row wasn't yet.
            if self.random.permille(500) {
                self.client.seal(plan.id, plan.sealed, plan.size_bytes, false);
                plan.sealed += 1;
            }
        }
        let database_is_lost = self.random.permille(300);
        if database_is_lost {
            self.outcome.databases_lost += 1;
            let is_finished = |plan: &&Plan| {
                let status = self.machine.status(self.now_ms, plan.id);
                status.is_some_and(|status| status.phase == Phase::Finished)
            };
            self.checks.forgot(self.plans.iter().filter(|p| !is_finished(p)).map(|plan| plan.id));
        }
        self.client.restart(database_is_lost);
        self.rebuild();
    }

    /// A new process, or another account in the old one: all that counts is in the rows.
    fn rebuild(&mut self) {
        self.life += 1;
        self.process += 1;
        self.checks.crashed();
        self.probes_failed = 0;
        let seed = self.random.next();
        let (machine, step) = self.client.rebuild(target(self.profile), seed);
        self.machine = machine;
        self.take(step);
        self.tell(Event::Woke);
    }
}

fn target(profile: Profile) -> Target {
    Target { server: "http://host/api/v1".into(), profile, is_this_computer: false }
}

fn lost() -> Failure {
    Failure::Unreachable { detail: "lost".into() }
}

fn failed(action: &Action, failure: Failure) -> Event {
    match action {
        Action::Probe => Event::ProbeAnswered {
            verdict: ProbeVerdict::Offline { detail: format!("{failure:?}") },
        },
        Action::OpenSession { request, .. }
        | Action::AskReceived { request, .. }
        | Action::SendPart { request, .. }
        | Action::Finalize { request, .. } => Event::RequestFailed { request: *request, failure },
        Action::Abort { .. }
        | Action::ClaimAnew { .. }
        | Action::RepairSegments { .. }
        | Action::TellLink { .. } => {
            unreachable!("never sent")
        }
    }
}
