//! The upload state machine: takes events, returns steps.
//!
//! Length: one state machine, which is read as a whole.

use std::collections::{BTreeMap, BTreeSet};

use snaplark_api::Profile;
use snaplark_api::untrusted::is_web_link;

use super::one::{Slot, Upload};
use super::{
    Action, Change, Event, Failure, Offers, Phase, ProbeVerdict, Reach, RequestId, Speed, Step,
    Stop, UploadRows, UploadStatus, Wait,
};
use uuid::Uuid;

use crate::{RecordingId, SessionId, policy};

/// The account that uploads go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub server: String,
    pub profile: Profile,
    /// True if the server runs on this computer: another address of it is still the same server.
    pub is_this_computer: bool,
}

pub struct UploadMachine {
    target: Target,
    pub(super) uploads: BTreeMap<RecordingId, Upload>,
    /// The ids from which the recordings' addresses are made.
    pub(super) claims: BTreeMap<RecordingId, Uuid>,
    pub(super) requests: BTreeMap<RequestId, Request>,
    pub(super) next_request: u64,
    pub(super) reach: Reach,
    pub(super) offers: Offers,
    pub(super) probe: Probe,
    pub(super) signed_in: bool,
    link_metered: bool,
    waits_on_metered: bool,
    /// The recording that was served last; the next in order is served first (round robin).
    pub(super) turn: Option<RecordingId>,
    speed: Speed,
    random: u64,
}

#[derive(Clone, Copy)]
pub(super) struct Request {
    pub recording: RecordingId,
    pub what: What,
    /// The upload's failure count when this was sent, so that requests that fail together count once.
    pub failures_before: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Open,
    Part(u32),
    Finalize,
    Received,
}

#[derive(Default)]
pub(super) struct Probe {
    pub in_flight: bool,
    pub failures: u32,
    pub due_ms: Option<u64>,
}

impl UploadMachine {
    /// Rebuilds the machine from rows. `seed` is used only for the jitter of waits.
    pub fn restore(target: Target, rows: Vec<UploadRows>, seed: u64) -> (Self, Step) {
        let mut step = Step::default();
        let (mut uploads, mut claims) = (BTreeMap::new(), BTreeMap::new());
        for row in rows {
            let recording = row.recording;
            claims.extend(row.claim.map(|id| (recording, id)));
            let mut upload = Upload::from_rows(row);
            if upload.is_live() && upload.server != target.server {
                meet_other_server(recording, &mut upload, &target, &mut step);
            }
            uploads.insert(recording, upload);
        }
        let machine = UploadMachine {
            target,
            uploads,
            claims,
            requests: BTreeMap::new(),
            next_request: 1,
            reach: Reach::Unknown,
            offers: None,
            probe: Probe { due_ms: Some(0), ..Probe::default() },
            signed_in: true,
            link_metered: false,
            waits_on_metered: false,
            turn: None,
            speed: Speed::default(),
            random: seed,
        };
        (machine, step)
    }

    pub fn handle(&mut self, now_ms: u64, event: Event) -> Step {
        let mut step = Step::default();
        match event {
            Event::UploadWanted { recording } => self.want(recording, &mut step),
            Event::Claimed { recording, id } => {
                self.claims.insert(recording, id);
                self.with(recording, |upload| upload.claiming = false);
            }
            Event::InitSealed { recording, size_bytes } => {
                self.with(recording, |upload| upload.init_bytes = size_bytes);
            }
            Event::SegmentSealed { recording, size_bytes } => {
                self.with(recording, |upload| upload.segment_bytes.push(size_bytes));
            }
            Event::RecordingEnded { recording, duration_ms } => {
                self.with(recording, |upload| upload.duration_ms = Some(duration_ms));
            }
            Event::SessionOpened { request, session, link } => {
                self.session_opened(request, session, link, &mut step);
            }
            Event::PartAcknowledged { request } => {
                self.part_acknowledged(now_ms, request, &mut step);
            }
            Event::Finalized { request, link } => self.finalized(request, link, &mut step),
            Event::RequestFailed { request, failure } => {
                self.request_failed(now_ms, request, failure, &mut step);
            }
            Event::PartsReceived { request, indices } => {
                self.parts_received(request, &indices, &mut step);
            }
            Event::SegmentsRepaired { recording, sizes } => {
                self.segments_repaired(recording, &sizes);
            }
            Event::SegmentsLost { recording, detail } => {
                self.segments_lost(recording, detail, &mut step);
            }
            Event::ServerDamaged { rows, indices } => {
                self.server_damaged(*rows, indices, &mut step);
            }
            Event::PartProgressed { request, sent_bytes } => {
                self.part_progressed(now_ms, request, sent_bytes);
            }
            Event::ProbeAnswered { verdict } => self.probe_answered(now_ms, verdict),
            Event::NetworkHinted => self.probe.due_ms = Some(now_ms),
            Event::SystemResumed => self.system_resumed(now_ms, &mut step),
            Event::LinkMetered { metered } => self.link_metered = metered,
            Event::MeteredChosen { wait } => self.waits_on_metered = wait,
            Event::RetryAsked { recording } => self.retry_asked(now_ms, recording, &mut step),
            Event::PauseAsked { recording } => self.set_paused(recording, true, &mut step),
            Event::ResumeAsked { recording } => self.set_paused(recording, false, &mut step),
            Event::Forgotten { recording } => {
                self.abandon_requests(recording, &mut step);
                self.uploads.remove(&recording);
                self.claims.remove(&recording);
            }
            Event::Woke => {}
        }
        self.advance(now_ms, &mut step);
        step
    }

    /// Returns when to send [`Event::Woke`] if nothing else happens before.
    pub fn next_wake_ms(&self, now_ms: u64) -> Option<u64> {
        let probe_ms = self.probe.due_ms.filter(|_| self.wants_probe());
        let gates = self.uploads.values().filter_map(|upload| upload.closed_until(now_ms));
        gates.map(|(wake_ms, _)| wake_ms).chain(probe_ms).min()
    }

    pub fn status(&self, now_ms: u64, recording: RecordingId) -> Option<UploadStatus> {
        let upload = self.uploads.get(&recording)?;
        let uploaded = upload.slots.iter().filter(|slot| slot.acknowledged).count() as u32;
        let failed = |slot: &&Slot| !slot.acknowledged && slot.gate.failures > 0;
        Some(UploadStatus {
            phase: self.phase(now_ms, upload),
            link: upload.link.clone(),
            has_session: upload.session.is_some(),
            uploaded,
            pending: upload.slots.len() as u32 - uploaded,
            failed: upload.slots.iter().filter(failed).count() as u32,
            sent_bytes: upload.sent_bytes(),
            total_bytes: upload.total_bytes(),
            worrying: upload.failures() >= policy::FAILURES_BEFORE_TELLING,
        })
    }

    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// Returns whether the server has reported what it offers beyond the documents.
    pub fn knows_server(&self) -> bool {
        self.offers.is_some()
    }

    pub fn is_signed_in(&self) -> bool {
        self.signed_in
    }

    pub fn speed(&self) -> &Speed {
        &self.speed
    }

    /// Returns the number of uploads that are neither finished nor stopped.
    pub fn live_count(&self) -> usize {
        self.uploads.values().filter(|upload| upload.is_live()).count()
    }

    fn phase(&self, now_ms: u64, upload: &Upload) -> Phase {
        if upload.finished {
            return Phase::Finished;
        }
        if let Some(stop) = &upload.stop {
            return Phase::Stopped(stop.clone());
        }
        if !self.signed_in {
            return Phase::NeedsSignIn;
        }
        let waits = |wait, until_ms| Phase::Waits { wait, until_ms };
        if upload.paused {
            return waits(Wait::Paused, None);
        }
        if self.is_held(upload) {
            return waits(Wait::Metered, None);
        }
        if self.reach == Reach::Offline {
            return waits(Wait::Offline, self.probe.due_ms);
        }
        if upload.in_flight() {
            return Phase::Sending;
        }
        if let Some((until_ms, because)) = upload.closed_until(now_ms) {
            return waits(because.unwrap_or(Wait::ServerTrouble), Some(until_ms));
        }
        let others_send = self.requests.values().any(|request| request.what != What::Finalize);
        if upload.sendable_part(now_ms).is_some() && others_send {
            return waits(Wait::Queue, None);
        }
        Phase::Sending
    }

    fn want(&mut self, recording: RecordingId, step: &mut Step) {
        if self.uploads.contains_key(&recording) {
            return;
        }
        let Target { server, profile, .. } = self.target.clone();
        step.changes.push(Change::UploadWanted { recording, server: server.clone(), profile });
        self.uploads.insert(recording, Upload::new(server, profile));
    }

    fn session_opened(
        &mut self,
        request: RequestId,
        session: SessionId,
        link: Option<String>,
        step: &mut Step,
    ) {
        let Some((recording, upload)) = self.answered(request) else { return };
        upload.gate.reset();
        upload.opening = None;
        upload.session = Some(session.clone());
        step.changes.push(Change::SessionSet { recording, session: Some(session) });
        if let Some(link) = link {
            know_link(recording, upload, link, step);
        }
    }

    fn part_acknowledged(&mut self, now_ms: u64, request: RequestId, step: &mut Step) {
        let Some(What::Part(index)) = self.requests.get(&request).map(|request| request.what)
        else {
            return;
        };
        let Some((recording, upload)) = self.answered(request) else { return };
        upload.gate.reset();
        let slot = &mut upload.slots[index as usize];
        let rest_bytes = slot.part.size_bytes.saturating_sub(slot.sent_bytes);
        slot.request = None;
        slot.acknowledged = true;
        slot.gate.reset();
        step.changes.push(Change::PartAcknowledged { recording, index });
        self.speed.add(now_ms, rest_bytes);
    }

    fn parts_received(&mut self, request: RequestId, indices: &[u32], step: &mut Step) {
        let Some((recording, upload)) = self.answered(request) else { return };
        upload.gate.reset();
        upload.asking = None;
        upload.rebuilt = false;
        for index in indices {
            let slot = upload.slots.get_mut(*index as usize).filter(|slot| !slot.acknowledged);
            if let Some(slot) = slot {
                slot.acknowledged = true;
                step.changes.push(Change::PartAcknowledged { recording, index: *index });
            }
        }
        step.changes.push(Change::PartsKnown { recording });
    }

    /// Sizes are not committed: rows compute a part's size from its segments.
    fn segments_repaired(&mut self, recording: RecordingId, sizes: &[(u32, u64)]) {
        let Some(upload) = self.uploads.get_mut(&recording) else { return };
        for (segment, size_bytes) in sizes {
            let Some(known) = upload.segment_bytes.get_mut(*segment as usize) else { continue };
            let before = std::mem::replace(known, *size_bytes);
            let carries =
                |slot: &&mut Slot| (slot.part.first_segment..slot.part.end()).contains(segment);
            for slot in upload.slots.iter_mut().filter(carries) {
                slot.repairing = false;
                slot.part.size_bytes = slot.part.size_bytes - before + size_bytes;
            }
        }
    }

    fn segments_lost(&mut self, recording: RecordingId, detail: String, step: &mut Step) {
        let Some(upload) = self.uploads.get_mut(&recording).filter(|upload| upload.is_live())
        else {
            return;
        };
        upload.slots.iter_mut().for_each(|slot| slot.repairing = false);
        stop(recording, upload, Stop::FilesMissing { detail }, step);
        self.abandon_requests(recording, step);
    }

    /// Reopens a finished upload to replace damaged parts. The same session accepts a part again if its
    /// bytes are unchanged, and then confirms the video once more.
    fn server_damaged(&mut self, rows: UploadRows, indices: Vec<u32>, step: &mut Step) {
        let recording = rows.recording;
        let known = self.uploads.get(&recording).is_some_and(|upload| upload.finished);
        let parts = rows.parts.len() as u32;
        let indices: Vec<u32> = indices.into_iter().filter(|index| *index < parts).collect();
        if !known || rows.session.is_none() || indices.is_empty() {
            return;
        }
        let mut upload = Upload::from_rows(UploadRows { finished: false, mending: true, ..rows });
        for index in &indices {
            upload.slots[*index as usize].acknowledged = false;
        }
        self.uploads.insert(recording, upload);
        step.changes.push(Change::Reopened { recording, indices });
    }

    fn finalized(&mut self, request: RequestId, link: Option<String>, step: &mut Step) {
        let Some((recording, upload)) = self.answered(request) else { return };
        upload.finalizing = None;
        upload.finished = true;
        upload.mending = false;
        upload.link = link.filter(|link| is_web_link(link)).or(upload.link.take());
        step.changes.push(Change::Finished { recording, link: upload.link.clone() });
        if let Some(link) = upload.link.clone() {
            step.actions.push(Action::TellLink { recording, link, finished: true });
        }
    }

    fn part_progressed(&mut self, now_ms: u64, request: RequestId, sent_bytes: u64) {
        let Some(&Request { recording, what: What::Part(index), .. }) = self.requests.get(&request)
        else {
            return;
        };
        let Some(upload) = self.uploads.get_mut(&recording) else { return };
        let slot = &mut upload.slots[index as usize];
        self.speed.add(now_ms, sent_bytes.saturating_sub(slot.sent_bytes));
        slot.sent_bytes = sent_bytes;
    }

    fn request_failed(
        &mut self,
        now_ms: u64,
        request: RequestId,
        failure: Failure,
        step: &mut Step,
    ) {
        let Some(Request { what, failures_before, .. }) = self.requests.get(&request).copied()
        else {
            return;
        };
        let random = self.random();
        let documents_alone = self.offers.is_none();
        // Such a server was not given an address.
        let failure = match failure {
            Failure::AddressTaken { detail } if documents_alone => Failure::Refused { detail },
            other => other,
        };
        let Some((recording, upload)) = self.answered(request) else { return };
        match what {
            What::Open => upload.opening = None,
            What::Received => upload.asking = None,
            What::Finalize => upload.finalizing = None,
            What::Part(index) => {
                let slot = &mut upload.slots[index as usize];
                slot.request = None;
                slot.sent_bytes = 0;
            }
        }
        let hold = |upload: &mut Upload, wait, asked_ms| match what {
            What::Finalize => upload.finalize_gate.fail(now_ms, wait, asked_ms, random),
            What::Open | What::Received => upload.gate.fail(now_ms, wait, asked_ms, random),
            What::Part(index) => {
                upload.slots[index as usize].gate.fail(now_ms, wait, asked_ms, random);
                if upload.gate.failures == failures_before {
                    upload.gate.fail(now_ms, wait, asked_ms, random);
                }
            }
        };
        match failure {
            Failure::Unreachable { .. } | Failure::NotTheApi { .. } => {
                hold(upload, Wait::Offline, None);
                self.doubt_reach(now_ms);
            }
            Failure::ServerTrouble { retry_after_ms, .. } => {
                hold(upload, Wait::ServerTrouble, retry_after_ms);
            }
            Failure::RateLimited { retry_after_ms } => {
                hold(upload, Wait::RateLimited, Some(retry_after_ms));
            }
            Failure::Unauthorized => self.signed_in = false,
            Failure::SessionGone => {
                upload.gate.fail(now_ms, Wait::ServerTrouble, None, random);
                upload.forget_session();
                step.changes.push(Change::SessionSet { recording, session: None });
                self.abandon_requests(recording, step);
            }
            Failure::AddressTaken { .. } if upload.taken < policy::ADDRESSES_TAKEN_MAX => {
                upload.gate.fail(now_ms, Wait::ServerTrouble, None, random);
                upload.taken += 1;
                upload.claiming = true;
                upload.link = None;
                step.changes.push(Change::LinkLost { recording });
                step.actions.push(Action::ClaimAnew { recording });
            }
            Failure::PartsMissing { indices } => {
                upload.finalize_gate.fail(now_ms, Wait::ServerTrouble, None, random);
                let count = upload.slots.len() as u32;
                let indices: Vec<u32> = indices.into_iter().filter(|i| *i < count).collect();
                for index in &indices {
                    upload.slots[*index as usize].acknowledged = false;
                }
                step.changes.push(Change::PartsLost { recording, indices });
            }
            Failure::PartRefused { .. }
                if documents_alone
                    && upload.profile == Profile::Spec
                    && upload.slots.first().is_some_and(|slot| slot.acknowledged)
                    && matches!(what, What::Part(1..)) =>
            {
                restart_standalone(recording, upload, step);
                self.target.profile = Profile::SpecStandalone;
                self.abandon_requests(recording, step);
            }
            Failure::PartTooLarge => part_too_large(recording, upload, what, step),
            Failure::Refused { detail }
            | Failure::PartRefused { detail }
            | Failure::AddressTaken { detail } => {
                stop(recording, upload, Stop::Refused { detail }, step);
                self.abandon_requests(recording, step);
            }
            Failure::SegmentsDamaged { segments } if upload.mending => {
                let detail = format!("segments {segments:?}");
                stop(recording, upload, Stop::DamagedOnServer { detail }, step);
                self.abandon_requests(recording, step);
            }
            Failure::SegmentsDamaged { segments } => {
                if let What::Part(index) = what {
                    upload.slots[index as usize].repairing = true;
                }
                step.actions.push(Action::RepairSegments { recording, segments });
            }
            Failure::FilesMissing { detail } if upload.mending => {
                stop(recording, upload, Stop::DamagedOnServer { detail }, step);
                self.abandon_requests(recording, step);
            }
            Failure::FilesMissing { detail } => {
                stop(recording, upload, Stop::FilesMissing { detail }, step);
                self.abandon_requests(recording, step);
            }
        }
    }

    fn probe_answered(&mut self, now_ms: u64, verdict: ProbeVerdict) {
        self.probe.in_flight = false;
        match verdict {
            ProbeVerdict::Online { capabilities } => {
                self.offers = capabilities;
                self.reach = Reach::Online;
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
                self.reach = Reach::Offline;
                self.probe.failures += 1;
                let wait_ms = policy::retry_ms(self.probe.failures, self.random());
                self.probe.due_ms = Some(now_ms + wait_ms);
            }
        }
    }

    /// Starts a probe after a failure that may mean that the network is gone.
    fn doubt_reach(&mut self, now_ms: u64) {
        if self.reach == Reach::Online {
            self.reach = Reach::Unknown;
        }
        if self.probe.failures == 0 {
            self.probe.due_ms = Some(now_ms);
        }
    }

    fn retry_asked(&mut self, now_ms: u64, recording: RecordingId, step: &mut Step) {
        let target = self.target.clone();
        let Some(upload) = self.uploads.get_mut(&recording) else { return };
        if upload.finished {
            return;
        }
        if let Some(Stop::OtherServer { .. }) = upload.stop {
            let Target { server, profile, .. } = target;
            upload.forget_session();
            upload.slots.clear();
            upload.server.clone_from(&server);
            upload.profile = profile;
            upload.link = None;
            upload.mending = false;
            step.changes.push(Change::UploadWanted { recording, server, profile });
        }
        if upload.stop.take().is_some() {
            step.changes.push(Change::Stopped { recording, stop: None });
        }
        upload.open_gates();
        upload.ignores_metered = true;
        if self.reach != Reach::Online {
            self.probe.due_ms = Some(now_ms);
        }
    }

    fn system_resumed(&mut self, now_ms: u64, step: &mut Step) {
        let all: Vec<RecordingId> = self.uploads.keys().copied().collect();
        for recording in all {
            self.abandon_requests(recording, step);
            self.with(recording, Upload::open_gates);
        }
        self.reach = Reach::Unknown;
        self.probe = Probe { due_ms: Some(now_ms), ..Probe::default() };
    }

    pub(super) fn is_held(&self, upload: &Upload) -> bool {
        self.link_metered && self.waits_on_metered && !upload.ignores_metered
    }

    fn set_paused(&mut self, recording: RecordingId, paused: bool, step: &mut Step) {
        let Some(upload) = self.uploads.get_mut(&recording) else { return };
        if upload.paused != paused {
            upload.paused = paused;
            step.changes.push(Change::Paused { recording, paused });
        }
    }

    /// Returns the upload that a response belongs to; `None` if it came too late.
    fn answered(&mut self, request: RequestId) -> Option<(RecordingId, &mut Upload)> {
        let recording = self.requests.remove(&request)?.recording;
        Some((recording, self.uploads.get_mut(&recording)?))
    }

    fn abandon_requests(&mut self, recording: RecordingId, step: &mut Step) {
        let late: BTreeSet<RequestId> = self
            .requests
            .iter()
            .filter(|(_, request)| request.recording == recording)
            .map(|(id, _)| *id)
            .collect();
        self.requests.retain(|id, _| !late.contains(id));
        step.actions.extend(late.into_iter().map(|request| Action::Abort { request }));
        self.with(recording, Upload::forget_requests);
    }

    pub(super) fn with(&mut self, recording: RecordingId, act: impl FnOnce(&mut Upload)) {
        if let Some(upload) = self.uploads.get_mut(&recording) {
            act(upload);
        }
    }

    /// SplitMix64: core has no random source of its own.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

fn meet_other_server(
    recording: RecordingId,
    upload: &mut Upload,
    target: &Target,
    step: &mut Step,
) {
    if target.is_this_computer && is_loopback(&upload.server) {
        upload.server.clone_from(&target.server);
        upload.link = None;
        step.changes.push(Change::ServerMoved { recording, server: target.server.clone() });
    } else {
        let server = upload.server.clone();
        stop(recording, upload, Stop::OtherServer { server }, step);
    }
}

fn is_loopback(server: &str) -> bool {
    server.starts_with("http://127.0.0.1:")
}

pub(super) fn know_link(
    recording: RecordingId,
    upload: &mut Upload,
    link: String,
    step: &mut Step,
) {
    if upload.link.as_ref() == Some(&link) || !is_web_link(&link) {
        return;
    }
    upload.link = Some(link.clone());
    step.changes.push(Change::LinkKnown { recording, link: link.clone() });
    step.actions.push(Action::TellLink { recording, link, finished: false });
}

fn stop(recording: RecordingId, upload: &mut Upload, why: Stop, step: &mut Step) {
    upload.stop = Some(why.clone());
    step.changes.push(Change::Stopped { recording, stop: Some(why) });
}

/// Restarts an upload with the header in every part. A server of the documents that accepted the first
/// part, which begins with the header, and refuses later ones validates each part by itself
/// (`mimes:webm` of the implementation guide). So the right profile is known without asking the person.
fn restart_standalone(recording: RecordingId, upload: &mut Upload, step: &mut Step) {
    let profile = Profile::SpecStandalone;
    upload.forget_session();
    upload.slots.clear();
    upload.profile = profile;
    upload.link = None;
    upload.open_gates();
    let server = upload.server.clone();
    step.changes.push(Change::UploadWanted { recording, server, profile });
}

/// Makes later parts smaller. If the part is a single segment already, the upload stops.
fn part_too_large(recording: RecordingId, upload: &mut Upload, what: What, step: &mut Step) {
    let What::Part(index) = what else { return };
    let part = upload.slots[index as usize].part;
    if part.segment_count == 1 {
        let detail = format!(
            "no part of {} bytes is taken (413). If there is a proxy before the server, its limit \
             has to be raised to 11 MB (nginx: client_max_body_size 11m)",
            part.size_bytes
        );
        stop(recording, upload, Stop::Refused { detail }, step);
        return;
    }
    upload.part_bytes_max = (part.size_bytes / 2).max(1);
    upload.slots.truncate(index as usize);
    step.changes
        .push(Change::PartBytesLearned { recording, part_bytes_max: upload.part_bytes_max });
    step.changes.push(Change::PartsDropped { recording, from: index });
}
