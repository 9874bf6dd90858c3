//! Time, dice, and everything that can go wrong with the client; what can go wrong on the way to the servers
//! is in `network.rs`.
//!
//! Length: one world holds all state of a run, and each of its methods changes several parts of it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use snaplark_api::PartSize;
use snaplark_core::upload::{
    Failure, Part, Phase, ProbeVerdict, Step, Stop, UploadAction, UploadEvent, UploadMachines,
};
use snaplark_core::{RecordingId, SessionId};

use crate::checks::Checks;
use crate::client::Client;
use crate::edited::EditedRequest;
use crate::plans::{EditedPlan, PicturePlan, Plan};
use crate::random::Random;
use crate::sites::Sites;

/// Faults end here; what is not finished in the time after that is stuck.
pub(crate) const FAULTS_END_MS: u64 = 12 * 3_600_000;
const WORLD_ENDS_MS: u64 = 24 * 3_600_000;

/// The counts of a run. Two runs of one seed count the same.
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
    pub pieces_sent: u64,
    pub fixed_sent: u64,
    pub segments_cut: u64,
    pub profiles_learned: u64,
    pub versions_shown: u64,
    pub edits_shown: u64,
    pub pieces_kept: u64,
    pub trims: u64,
    pub switches: u64,
    pub sign_outs: u64,
    pub sent_on: u64,
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
        self.pieces_sent += other.pieces_sent;
        self.fixed_sent += other.fixed_sent;
        self.segments_cut += other.segments_cut;
        self.profiles_learned += other.profiles_learned;
        self.versions_shown += other.versions_shown;
        self.edits_shown += other.edits_shown;
        self.pieces_kept += other.pieces_kept;
        self.trims += other.trims;
        self.switches += other.switches;
        self.sign_outs += other.sign_outs;
        self.sent_on += other.sent_on;
        self.virtual_ms += other.virtual_ms;
    }
}

pub(crate) enum Happening {
    /// Something reaches the machine; of this life of the process only.
    Client {
        life: u64,
        event: UploadEvent,
    },
    /// A request reaches the server, perhaps for the second time.
    Server {
        site: usize,
        life: u64,
        action: UploadAction,
        reply: bool,
    },
    Segment {
        plan: usize,
    },
    /// A person publishes a picture as it is now.
    Publish {
        picture: usize,
    },
    /// A person publishes a recording as it is edited now; the first time it is recorded.
    PublishEdited {
        index: usize,
    },
    /// Somebody publishes a version of an edited recording from elsewhere.
    Trim {
        index: usize,
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
    Hint(UploadEvent),
    Outage {
        site: usize,
    },
    OutageEnds {
        site: usize,
    },
    /// A proxy before the server gets another limit on requests.
    Proxy {
        site: usize,
        part_bytes_max: u64,
    },
    /// The person signs in again where the token was refused, or where nobody was signed in.
    SignIn {
        site: usize,
    },
    /// New uploads go to another server; the person stays signed in at the one before.
    Switch {
        site: usize,
    },
    SignOut {
        site: usize,
    },
    /// Expects that everything that was begun for this server has arrived, whatever happened to the others.
    Expect {
        site: usize,
    },
    Person {
        recording: RecordingId,
    },
}

pub struct World {
    pub(crate) now_ms: u64,
    pub(crate) random: Random,
    pub(crate) permille: u64,
    pub(crate) queue: BinaryHeap<Reverse<(u64, u64)>>,
    pub(crate) happenings: BTreeMap<u64, Happening>,
    pub(crate) next: u64,
    pub(crate) life: u64,
    /// Grows with each new process; `life`, with each end of its connections, too.
    pub(crate) process: u64,
    pub(crate) machine: UploadMachines,
    pub(crate) client: Client,
    pub(crate) sites: Sites,
    pub(crate) checks: Checks,
    pub(crate) plans: Vec<Plan>,
    pub(crate) pictures: Vec<PicturePlan>,
    pub(crate) edited: Vec<EditedPlan>,
    /// The content of the requests of edited versions, by life and number.
    pub(crate) edited_requests: BTreeMap<(u64, u64), EditedRequest>,
    /// How many pieces were rendered.
    pub(crate) rendered: u32,
    /// Segments whose files have other bytes than their rows say.
    pub(crate) damaged: BTreeSet<(RecordingId, u32)>,
    pub(crate) replaced: BTreeSet<(RecordingId, u32)>,
    /// Finished videos that the server's disk has gone for once.
    pub(crate) scrubbed: BTreeSet<RecordingId>,
    /// Uploads that the person leaves alone until somebody is signed in at their server again.
    pub(crate) left_alone: BTreeSet<RecordingId>,
    pub(crate) outcome: Outcome,
}

impl World {
    /// The version is durable first; the process may die before the machine hears of it.
    fn publish(&mut self, picture: usize) {
        let plan = &mut self.pictures[picture];
        if plan.published == 0 {
            self.client.take_picture(plan.id);
        }
        plan.published += 1;
        let recording = plan.id;
        let file = self.client.add_version(recording);
        if self.fault() && self.random.permille(300) {
            self.crash();
            return;
        }
        self.want_picture(recording, file.number, file.size_bytes);
    }

    /// A version goes to the current server, wherever the one before is.
    fn want_picture(&mut self, recording: RecordingId, version: u32, size_bytes: u64) {
        if self.checks.is_elsewhere(recording, self.sites.current_address()) {
            self.checks.may_move(recording);
        }
        self.tell(UploadEvent::PictureWanted { recording, version, size_bytes });
    }

    /// Does what the app does at its start with pictures' versions that have no upload.
    pub(crate) fn want_pictures(&mut self) {
        for (item, file) in self.client.store().version_files().unwrap() {
            let recording = RecordingId::from(item);
            if self.machine.picture_version(recording) != Some(file.number) {
                self.want_picture(recording, file.number, file.size_bytes);
            }
        }
    }

    pub fn run(mut self) -> Outcome {
        while self.now_ms < WORLD_ENDS_MS && !self.is_done() {
            let wake_ms = self.machine.next_wake_ms().map(|ms| ms.max(self.now_ms));
            let next_ms = self.queue.peek().map(|Reverse((at_ms, _))| *at_ms);
            match (wake_ms, next_ms) {
                (Some(wake_ms), next_ms) if next_ms.is_none_or(|next_ms| wake_ms < next_ms) => {
                    self.now_ms = wake_ms;
                    self.tell(UploadEvent::Woke);
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

    pub(crate) fn at(&mut self, at_ms: u64, happening: Happening) {
        self.queue.push(Reverse((at_ms, self.next)));
        self.happenings.insert(self.next, happening);
        self.next += 1;
    }

    pub(crate) fn after(&mut self, delay_ms: u64, happening: Happening) {
        self.at(self.now_ms + delay_ms, happening);
    }

    pub(crate) fn fault(&mut self) -> bool {
        self.now_ms < FAULTS_END_MS && self.random.permille(self.permille)
    }

    fn happen(&mut self) {
        let Some(Reverse((at_ms, number))) = self.queue.pop() else { return };
        self.now_ms = at_ms;
        let Some(happening) = self.happenings.remove(&number) else { return };
        match happening {
            Happening::Client { life, event } if life == self.life => self.receive(event),
            Happening::Client { .. } => {}
            Happening::Server { site, life, action, reply } => {
                self.serve(site, life, action, reply);
            }
            Happening::Segment { plan } => self.record(plan),
            Happening::Publish { picture } => self.publish(picture),
            Happening::PublishEdited { index } => self.publish_edited(index),
            Happening::Trim { index } => self.trim_elsewhere(index),
            Happening::Crash => self.crash(),
            // Where both copies are damaged, nobody has the bytes.
            Happening::Damage { recording, .. } if self.scrubbed.contains(&recording) => {}
            Happening::Damage { recording, segment } => {
                self.damaged.insert((recording, segment));
            }
            Happening::Repaired { process, recording, segments } if process == self.process => {
                self.repaired(recording, &segments);
            }
            Happening::Repaired { .. } => {}
            Happening::Scrub { recording, part } => self.scrub(recording, part),
            Happening::Hint(event) => {
                if event == UploadEvent::SystemResumed {
                    self.life += 1;
                    self.checks.waits_forgiven();
                    self.sites.all.iter_mut().for_each(|site| site.probes_failed = 0);
                }
                self.tell(event);
            }
            Happening::Outage { site } => self.sites.all[site].is_outage = true,
            Happening::OutageEnds { site } => self.sites.all[site].is_outage = false,
            Happening::Proxy { site, part_bytes_max } => {
                self.sites.all[site].server.part_bytes_max = part_bytes_max;
                // Requests that it held without a client are gone with it.
                self.happenings
                    .retain(|_, it| !matches!(it, Happening::Server { reply: false, .. }));
            }
            Happening::SignIn { site } => {
                self.sites.all[site].token_works = true;
                self.sites.all[site].is_signed_in = true;
                self.change_accounts();
            }
            Happening::Switch { site } => {
                self.outcome.switches += u64::from(site != self.sites.current);
                self.sites.switch(site);
                self.change_accounts();
            }
            // Who signs out of the current server is signed in at the other.
            Happening::SignOut { site } => {
                self.outcome.sign_outs += 1;
                if self.sites.current == site {
                    self.sites.switch(1 - site);
                }
                self.sites.all[site].is_signed_in = false;
                self.change_accounts();
            }
            Happening::Expect { site } => self.expect_all_of(site),
            Happening::Person { recording } => {
                self.checks.waits_forgiven();
                if self.machine.moves_on_retry(recording) {
                    self.checks.may_move(recording);
                    self.outcome.sent_on += 1;
                }
                self.tell(UploadEvent::RetryAsked { recording });
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
            self.tell(UploadEvent::UploadWanted { recording });
            assert_eq!(self.checks.home(recording), self.sites.current_address(), "a new upload");
            self.tell(UploadEvent::InitSealed { recording, size_bytes: 300 });
            self.after(2_000, Happening::Segment { plan: index });
        } else if segment < plan.segments {
            plan.sealed += 1;
            self.client.seal(recording, segment, size_bytes, true);
            self.tell(UploadEvent::SegmentSealed { recording, size_bytes });
            self.after(2_000, Happening::Segment { plan: index });
            if self.fault() && self.random.permille(200) {
                let delay_ms = self.random.below(10_000);
                self.after(delay_ms, Happening::Damage { recording, segment });
            }
        } else {
            plan.ended = true;
            self.client.end(recording);
            let duration_ms = u64::from(segment) * 2_000;
            self.tell(UploadEvent::RecordingEnded { recording, duration_ms });
        }
    }

    /// An answer reaches the machine.
    fn receive(&mut self, event: UploadEvent) {
        match &event {
            UploadEvent::PartAcknowledged { request, .. } => {
                self.checks.part_answered(self.now_ms, request.0, false, true);
            }
            UploadEvent::RequestFailed { request, failure } => {
                let counts = matches!(
                    failure,
                    Failure::Unreachable { .. }
                        | Failure::NotTheApi { .. }
                        | Failure::RateLimited { .. }
                        | Failure::TryAgain { .. }
                );
                self.checks.part_answered(self.now_ms, request.0, counts, false);
            }
            UploadEvent::Finalized { .. } => self.scrub_later(),
            UploadEvent::ProbeAnswered { server, verdict: ProbeVerdict::Offline { .. } } => {
                let site = self.sites.named(server);
                self.sites.all[site].probes_failed += 1;
            }
            UploadEvent::ProbeAnswered { server, verdict: ProbeVerdict::Online { .. } } => {
                let site = self.sites.named(server);
                if std::mem::take(&mut self.sites.all[site].probes_failed) > 0 {
                    self.checks.waits_forgiven_at(server);
                }
            }
            _ => {}
        }
        self.tell(event);
    }

    pub(crate) fn tell(&mut self, event: UploadEvent) {
        let step = self.machine.handle(self.now_ms, event);
        self.take(step);
        self.watch_over_stopped();
    }

    /// Commits, then acts; now and then the process dies in between.
    pub(crate) fn take(&mut self, step: Step) {
        self.client.commit(&step);
        self.checks.committed(&step.changes);
        for action in step.actions {
            self.check_address(&action);
            self.note_edited(&action);
            match action {
                UploadAction::TellLink { .. }
                | UploadAction::ClaimAnew { .. }
                | UploadAction::ListAnew { .. } => {}
                UploadAction::Abort { request } => self.checks.aborted(request.0),
                UploadAction::ProfileLearned { server, profile } => {
                    let site = self.sites.named(&server);
                    assert!(self.sites.all[site].server.wants_init, "nothing was refused");
                    self.sites.all[site].profile = profile;
                    self.outcome.profiles_learned += 1;
                }
                UploadAction::CutSegment { request, recording, segment, from_bytes, bytes_max } => {
                    self.cut_segment(request, recording, segment, from_bytes, bytes_max);
                }
                // Neither the beginning nor the end of a picture makes a request.
                UploadAction::OpenSession { request, recording, .. }
                    if self.machine.picture_version(recording).is_some() =>
                {
                    let version = self.machine.picture_version(recording).unwrap();
                    let session = SessionId(format!("picture-{version}"));
                    let event = UploadEvent::SessionOpened { request, session, link: None };
                    let life = self.life;
                    self.after(1, Happening::Client { life, event });
                }
                UploadAction::Finalize { request, recording, receipts, .. }
                    if self.machine.picture_version(recording).is_some() =>
                {
                    self.checks.finalize_sent(recording, receipts.len() as u32);
                    let link = receipts.first().map(|receipt| receipt.0.clone());
                    let (life, event) = (self.life, UploadEvent::Finalized { request, link });
                    self.after(1, Happening::Client { life, event });
                }
                UploadAction::Probe { .. }
                | UploadAction::OpenSession { .. }
                | UploadAction::AskReceived { .. }
                | UploadAction::SendPieces { .. } => {
                    self.send(action);
                }
                UploadAction::RepairSegments { recording, segments } => {
                    let (process, delay_ms) = (self.process, self.random.between(1, 2_000));
                    self.after(delay_ms, Happening::Repaired { process, recording, segments });
                }
                UploadAction::SendPart { request, recording, part, .. }
                    if self.machine.edited_version(recording).is_none()
                        && !self.damaged_of(recording, part).is_empty() =>
                {
                    let segments = self.damaged_of(recording, part);
                    assert!(!self.is_repairing(recording, &segments), "sent while it is repaired");
                    let failure = Failure::SegmentsDamaged { segments };
                    let (life, event) =
                        (self.life, UploadEvent::RequestFailed { request, failure });
                    self.after(1, Happening::Client { life, event });
                }
                UploadAction::SendPart { request, recording, index, part, .. } => {
                    let profile = self.sites.all[self.site_of(&action)].profile;
                    self.checks.part_sent(self.now_ms, request.0, recording, index, part, profile);
                    self.outcome.parts_sent += 1;
                    let is_fixed = matches!(profile.part_size(), PartSize::Fixed(_));
                    self.outcome.fixed_sent += u64::from(is_fixed);
                    self.outcome.pieces_sent += u64::from(part.is_piece() && !is_fixed);
                    self.send(action);
                }
                UploadAction::Finalize { recording, ref receipts, .. } => {
                    self.checks.finalize_sent(recording, receipts.len() as u32);
                    self.send(action);
                }
            }
        }
    }

    fn damaged_of(&self, recording: RecordingId, part: Part) -> Vec<u32> {
        part.segments().filter(|segment| self.damaged.contains(&(recording, *segment))).collect()
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
        let replaced = segments.to_vec();
        self.tell(UploadEvent::SegmentsRepaired { recording, sizes, replaced });
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
        let site = self.sites.named(&rows.server);
        let server = &mut self.sites.all[site].server;
        if server.knows_recordings && is_sound && server.damage(&session, part) {
            self.outcome.server_damages += 1;
            let indices = vec![part];
            self.tell(UploadEvent::ServerDamaged { rows: Box::new(rows), indices });
        }
    }

    /// A person sees a stopped upload, and after a while presses retry.
    fn watch_over_stopped(&mut self) {
        let recordings = self.plans.iter().map(|plan| plan.id);
        let others = self.pictures.iter().map(|plan| plan.id);
        let others = others.chain(self.edited.iter().map(|plan| plan.id));
        let all: Vec<_> = recordings.chain(others).collect();
        for recording in all {
            let status = self.machine.status(self.now_ms, recording);
            let Some(Phase::Stopped(stop)) = status.map(|status| status.phase) else { continue };
            if self.left_alone.contains(&recording) && matches!(stop, Stop::OtherServer { .. }) {
                continue;
            }
            let pending = self.happenings.values().any(
                |happening| matches!(happening, Happening::Person { recording: r } if *r == recording),
            );
            if !pending {
                if matches!(stop, Stop::OtherServer { .. }) {
                    // The person sends it to the current server, or waits.
                    if self.random.permille(500) {
                        self.left_alone.insert(recording);
                        continue;
                    }
                    let delay_ms = self.random.between(1_000, 600_000);
                    self.after(delay_ms, Happening::Person { recording });
                    continue;
                }
                let Stop::Refused { detail } = stop else { panic!("{stop:?}") };
                let is_mended = self.scrubbed.contains(&recording);
                let is_for_size = detail.contains("(413)");
                let site = self.sites.named(self.checks.home(recording));
                let is_plan = self.plans.iter().any(|plan| plan.id == recording);
                let site = &self.sites.all[site];
                let may_cut = (is_plan && !site.is_bucket()) || site.may_cut();
                assert!(!is_for_size || is_mended || !may_cut, "{detail}");
                let delay_ms = self.random.between(1_000, 600_000);
                self.after(delay_ms, Happening::Person { recording });
            }
        }
    }

    pub(crate) fn crash(&mut self) {
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
            self.checks.forgot(self.edited.iter().map(|plan| plan.id));
        }
        self.client.restart(database_is_lost);
        self.rebuild();
    }

    /// A new process: all that counts is in the rows.
    pub(crate) fn rebuild(&mut self) {
        let rows = self.client.store().upload_rows().unwrap();
        let seed = self.random.next();
        let (machine, step) = UploadMachines::restore(&self.sites.targets(), rows, seed);
        self.machine = machine;
        self.begin_again(step);
    }

    /// The same process with other accounts.
    fn change_accounts(&mut self) {
        let rows = self.client.store().upload_rows().unwrap();
        let seed = self.random.next();
        let step = self.machine.rebuild(&self.sites.targets(), rows, seed);
        self.begin_again(step);
    }

    fn begin_again(&mut self, step: Step) {
        self.life += 1;
        self.process += 1;
        self.checks.crashed();
        self.sites.all.iter_mut().for_each(|site| site.probes_failed = 0);
        self.take(step);
        self.want_pictures();
        self.want_edited_versions();
        self.tell(UploadEvent::Woke);
    }
}
