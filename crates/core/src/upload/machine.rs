//! The upload state machine of one server: takes events, returns steps. What follows from a failed request is
//! in `failing.rs`, what follows from a probe in `reach.rs`, what is due next in `schedule.rs`.

use std::collections::{BTreeMap, BTreeSet};

use snaplark_api::{Capabilities, Profile};

use super::link::is_link_of;
use super::one::{Slot, UploadState};
use super::part::PartLimit;
use super::reach::Probe;
use super::resize::{WantedCut, begin_with_limit};
use super::{
    MeasuredLine, Phase, Reachability, Receipt, RequestId, Speed, Step, Stop, UploadAction,
    UploadChange, UploadEvent, UploadRows, UploadStatus, Wait,
};
use uuid::Uuid;

use crate::{RecordingId, SessionId, policy};

/// An account that uploads go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The address of the server's API.
    pub server: String,
    /// The document that the server implements.
    pub profile: Profile,
    /// True if the server runs on this computer: another address of it is still the same server.
    pub is_this_computer: bool,
}

/// The role of a server for the person now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetRole {
    /// New uploads go there.
    Current,
    /// The person is signed in there. Uploads that were begun for it go on, and nothing new goes there.
    Other,
    /// Nobody is signed in there. Nothing is sent.
    SignedOut,
}

/// The state of all uploads to one server, and the decisions about them.
pub struct UploadMachine {
    pub(super) target: Target,
    pub(super) role: TargetRole,
    pub(super) uploads: BTreeMap<RecordingId, UploadState>,
    /// The ids from which the recordings' addresses are made.
    pub(super) claims: BTreeMap<RecordingId, Uuid>,
    pub(super) requests: BTreeMap<RequestId, InFlightRequest>,
    pub(super) next_request: u64,
    pub(super) reach: Reachability,
    /// The features beyond the documents that the server has reported.
    pub(super) offers: Option<Capabilities>,
    /// How the server made links the last time that it was asked, until it is asked again.
    pub(super) kept_template: Option<String>,
    pub(super) probe: Probe,
    /// The parts that suit the connection, if the destination has measured it.
    pub(super) line: Option<MeasuredLine>,
    pub(super) signed_in: bool,
    pub(super) link_metered: bool,
    pub(super) waits_on_metered: bool,
    /// The smallest limit on parts that uploads to this server have met; further ones begin with it.
    pub(super) part_bytes_max: u64,
    /// The recording that was served last; the next in order is served first (round robin).
    pub(super) turn: Option<RecordingId>,
    speed: Speed,
    random: u64,
    /// When the machine last started what was due.
    pub(super) advanced_ms: u64,
}

#[derive(Clone, Copy)]
pub(super) struct InFlightRequest {
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
    /// The pieces of a segment, which this computer finds.
    Cut(WantedCut),
}

impl UploadMachine {
    /// Rebuilds the machine from the rows of its server. Its requests are numbered from `first_request` on.
    /// `seed` is used only for the jitter of waits.
    pub(super) fn restore(
        target: Target,
        role: TargetRole,
        first_request: u64,
        rows: Vec<UploadRows>,
        seed: u64,
        step: &mut Step,
    ) -> Self {
        let (mut uploads, mut claims) = (BTreeMap::new(), BTreeMap::new());
        let mut part_bytes_max = policy::PART_BYTES_MAX;
        for row in rows {
            let recording = row.recording;
            claims.extend(row.claim.map(|id| (recording, id)));
            let mut upload = UploadState::from_rows(row);
            // Earlier versions stopped an upload as soon as the account had another server.
            if matches!(upload.stop, Some(Stop::OtherServer { .. })) {
                upload.stop = None;
                step.changes.push(UploadChange::Stopped { recording, stop: None });
            }
            if !upload.finished && !upload.is_edited {
                part_bytes_max = part_bytes_max.min(upload.limit.bytes_max);
            }
            uploads.insert(recording, upload);
        }
        UploadMachine {
            target,
            role,
            uploads,
            claims,
            requests: BTreeMap::new(),
            next_request: first_request,
            reach: Reachability::Unknown,
            offers: None,
            kept_template: None,
            probe: Probe { due_ms: Some(0), ..Probe::default() },
            line: None,
            signed_in: role != TargetRole::SignedOut,
            link_metered: false,
            waits_on_metered: false,
            part_bytes_max,
            turn: None,
            speed: Speed::default(),
            random: seed,
            advanced_ms: 0,
        }
    }

    /// Changes the state by an event, and adds the changes to commit and the actions to do then.
    pub(super) fn handle(&mut self, now_ms: u64, event: UploadEvent, step: &mut Step) {
        match event {
            UploadEvent::UploadWanted { recording } => self.want(recording, step),
            UploadEvent::PictureWanted { recording, version, size_bytes } => {
                self.want_picture(recording, version, size_bytes, step);
            }
            UploadEvent::FileWanted { recording, size_bytes } => {
                self.want_file(recording, size_bytes, step);
            }
            UploadEvent::EditedWanted { recording, wanted } => {
                self.want_edited(recording, wanted, step);
            }
            UploadEvent::Claimed { recording, id } => {
                self.claims.insert(recording, id);
                self.with(recording, |upload| upload.claiming = false);
            }
            UploadEvent::EditedWithdrawn { recording, is_online } => {
                self.withdraw_edited(recording, is_online, step);
            }
            // The pieces of an edited version stay as they are.
            UploadEvent::InitSealed { recording, .. }
            | UploadEvent::SegmentSealed { recording, .. }
            | UploadEvent::SegmentsStruck { recording, .. }
            | UploadEvent::RecordingEnded { recording, .. }
                if self.version(recording, true).is_some() => {}
            UploadEvent::InitSealed { recording, size_bytes } => {
                self.with(recording, |upload| upload.init_bytes = size_bytes);
            }
            UploadEvent::SegmentSealed { recording, size_bytes } => {
                self.with(recording, |upload| upload.segment_bytes.push(size_bytes));
            }
            UploadEvent::SegmentsStruck { recording, kept } => {
                self.segments_struck(recording, kept, step);
            }
            UploadEvent::RecordingEnded { recording, duration_ms } => {
                self.with(recording, |upload| upload.duration_ms = Some(duration_ms));
            }
            UploadEvent::SessionOpened { request, session, link } => {
                self.session_opened(request, session, link, step);
            }
            UploadEvent::PartAcknowledged { request, receipt } => {
                self.part_acknowledged(now_ms, request, receipt, step);
            }
            UploadEvent::Finalized { request, link } => self.finalized(request, link, step),
            UploadEvent::RequestFailed { request, failure } => {
                self.request_failed(now_ms, request, failure, step);
            }
            UploadEvent::PartsReceived { request, parts, finished } => {
                self.parts_received(request, parts, finished, step);
            }
            UploadEvent::PiecesListed { request, missing } => {
                self.pieces_listed(request, &missing, step);
            }
            UploadEvent::SegmentCut { request, pieces } => {
                self.segment_cut(request, &pieces, step);
            }
            UploadEvent::SegmentsRepaired { recording, sizes, replaced } => {
                self.segments_repaired(recording, &sizes, &replaced, step);
            }
            UploadEvent::SegmentsLost { recording, detail } => {
                self.segments_lost(recording, detail, step);
            }
            UploadEvent::ServerDamaged { rows, indices } => {
                self.server_damaged(*rows, indices, step);
            }
            UploadEvent::PartProgressed { request, sent_bytes } => {
                self.part_progressed(now_ms, request, sent_bytes);
            }
            UploadEvent::ProbeAnswered { verdict, .. } => self.probe_answered(now_ms, verdict),
            UploadEvent::LineMeasured { line, .. } => self.line = Some(line),
            UploadEvent::LinkTemplateKept { template, .. } => {
                self.kept_template = Some(template);
            }
            UploadEvent::NetworkHinted => self.probe.due_ms = Some(now_ms),
            UploadEvent::SystemResumed => self.system_resumed(now_ms, step),
            UploadEvent::LinkMetered { metered } => self.link_metered = metered,
            UploadEvent::MeteredChosen { wait } => self.waits_on_metered = wait,
            UploadEvent::RetryAsked { recording } => self.retry_asked(now_ms, recording, step),
            UploadEvent::PauseAsked { recording } => self.set_paused(recording, true, step),
            UploadEvent::ResumeAsked { recording } => self.set_paused(recording, false, step),
            UploadEvent::Forgotten { recording } => {
                self.abandon_requests(recording, step);
                self.uploads.remove(&recording);
                self.claims.remove(&recording);
            }
            UploadEvent::Woke => {}
        }
        self.advance(now_ms, step);
    }

    /// Returns when to send [`UploadEvent::Woke`] if nothing else happens before. A time that has passed without an
    /// event is still returned: what was due then has not begun.
    pub(super) fn next_wake_ms(&self) -> Option<u64> {
        let probe_ms = self.probe.due_ms.filter(|_| self.wants_probe());
        let gates =
            self.uploads.values().filter_map(|upload| upload.closed_until(self.advanced_ms));
        gates.map(|(wake_ms, _)| wake_ms).chain(probe_ms).min()
    }

    /// Returns the status of a recording's upload, if it has one.
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

    /// Returns the server, and the document that it implements.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Returns what the server is to the person now.
    pub fn role(&self) -> TargetRole {
        self.role
    }

    /// Returns what the last real exchange with the server showed.
    pub fn reach(&self) -> Reachability {
        self.reach
    }

    /// Returns whether the server takes the account's token, as far as is known.
    pub fn is_signed_in(&self) -> bool {
        self.signed_in
    }

    /// Returns the smallest limit on parts that uploads to this server have met.
    pub fn part_bytes_max(&self) -> u64 {
        self.part_bytes_max
    }

    /// Returns the measured speed of all uploads together.
    pub fn speed(&self) -> &Speed {
        &self.speed
    }

    /// Returns the number of uploads that are neither finished nor stopped.
    pub fn live_count(&self) -> usize {
        self.uploads.values().filter(|upload| upload.is_live()).count()
    }

    fn phase(&self, now_ms: u64, upload: &UploadState) -> Phase {
        if upload.finished {
            return Phase::Finished;
        }
        if let Some(stop) = &upload.stop {
            return Phase::Stopped(stop.clone());
        }
        if !self.signed_in {
            return match self.role {
                TargetRole::Current => Phase::NeedsSignIn,
                TargetRole::Other | TargetRole::SignedOut => {
                    Phase::Stopped(Stop::OtherServer { server: self.target.server.clone() })
                }
            };
        }
        let waits = |wait, until_ms| Phase::Waits { wait, until_ms };
        if upload.paused {
            return waits(Wait::Paused, None);
        }
        if self.is_held(upload) {
            return waits(Wait::Metered, None);
        }
        if self.reach == Reachability::Offline {
            return waits(self.offline_wait(), self.probe.due_ms);
        }
        if upload.in_flight() {
            return Phase::Sending;
        }
        if let Some((until_ms, because)) = upload.closed_until(now_ms) {
            return waits(because.unwrap_or(Wait::ServerTrouble), Some(until_ms));
        }
        let is_sent = |what: &What| !matches!(what, What::Finalize | What::Cut(_));
        let others_send = self.requests.values().any(|request| is_sent(&request.what));
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
        step.changes.push(UploadChange::UploadWanted {
            recording,
            server: server.clone(),
            profile,
        });
        let mut upload = UploadState::new(server, profile);
        let takes_pieces = self.takes_pieces();
        begin_with_limit(recording, &mut upload, self.part_bytes_max, takes_pieces, step);
        self.uploads.insert(recording, upload);
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
        // The server says then which parts it lacks.
        upload.rebuilt = upload.is_edited;
        step.changes.push(UploadChange::SessionSet { recording, session: Some(session) });
        if let Some(link) = link {
            know_link(recording, upload, link, step);
        }
    }

    fn part_acknowledged(
        &mut self,
        now_ms: u64,
        request: RequestId,
        receipt: Receipt,
        step: &mut Step,
    ) {
        let Some(What::Part(index)) = self.requests.get(&request).map(|request| request.what)
        else {
            return;
        };
        let Some((recording, upload)) = self.answered(request) else { return };
        upload.gate.reset();
        let slot = &mut upload.slots[index as usize];
        let rest_bytes = slot.part.size_bytes.saturating_sub(slot.sent_bytes);
        slot.request = None;
        slot.gate.reset();
        if std::mem::take(&mut slot.outdated) {
            return;
        }
        slot.acknowledged = true;
        slot.receipt = receipt.clone();
        step.changes.push(UploadChange::PartAcknowledged { recording, index, receipt });
        self.speed.add(now_ms, rest_bytes);
    }

    /// Takes over which parts the server has. After a 413 or a strike the parts were planned anew: under a number, the
    /// server may still have bytes of the earlier plan, so all parts are sent again. So they are where parts are cut
    /// anywhere, since a segment may have been replaced of which the server has a half. A finished video has the bytes
    /// of the last plan.
    fn parts_received(
        &mut self,
        request: RequestId,
        parts: Vec<(u32, Receipt)>,
        finished: bool,
        step: &mut Step,
    ) {
        let Some((recording, upload)) = self.answered(request) else { return };
        upload.gate.reset();
        upload.asking = None;
        upload.rebuilt = false;
        let is_cut = upload.equal_part_bytes().is_some();
        let is_other_plan = upload.struck || is_cut || upload.limit != PartLimit::default();
        let parts = if finished || !is_other_plan { parts } else { Vec::new() };
        for (index, receipt) in parts {
            let slot = upload.slots.get_mut(index as usize).filter(|slot| !slot.acknowledged);
            if let Some(slot) = slot {
                slot.acknowledged = true;
                slot.receipt = receipt.clone();
                step.changes.push(UploadChange::PartAcknowledged { recording, index, receipt });
            }
        }
        step.changes.push(UploadChange::PartsKnown { recording });
    }

    fn finalized(&mut self, request: RequestId, link: Option<String>, step: &mut Step) {
        let Some((recording, upload)) = self.answered(request) else { return };
        upload.finalizing = None;
        upload.finished = true;
        upload.mending = false;
        let profile = upload.profile;
        upload.link = link.filter(|link| is_link_of(profile, link)).or(upload.link.take());
        step.changes.push(UploadChange::Finished { recording, link: upload.link.clone() });
        if let Some(link) = upload.link.clone() {
            step.actions.push(UploadAction::TellLink { recording, link, finished: true });
        }
    }

    fn part_progressed(&mut self, now_ms: u64, request: RequestId, sent_bytes: u64) {
        let Some(&InFlightRequest { recording, what: What::Part(index), .. }) =
            self.requests.get(&request)
        else {
            return;
        };
        let Some(upload) = self.uploads.get_mut(&recording) else { return };
        let slot = &mut upload.slots[index as usize];
        self.speed.add(now_ms, sent_bytes.saturating_sub(slot.sent_bytes));
        slot.sent_bytes = sent_bytes;
    }

    fn retry_asked(&mut self, now_ms: u64, recording: RecordingId, step: &mut Step) {
        let Some(upload) = self.uploads.get_mut(&recording) else { return };
        if upload.finished {
            return;
        }
        if upload.stop.take().is_some() {
            step.changes.push(UploadChange::Stopped { recording, stop: None });
        }
        upload.open_gates();
        upload.refused_bytes = u64::MAX;
        upload.ignores_metered = true;
        if self.reach != Reachability::Online {
            self.probe.due_ms = Some(now_ms);
        }
    }

    /// Takes an upload away, with the id of its address: it goes on at another server.
    pub(super) fn release(
        &mut self,
        recording: RecordingId,
        step: &mut Step,
    ) -> Option<(UploadState, Option<Uuid>)> {
        self.abandon_requests(recording, step);
        let claim = self.claims.remove(&recording);
        Some((self.uploads.remove(&recording)?, claim))
    }

    /// Begins an upload of another server here, because the person asked for it.
    pub(super) fn adopt(
        &mut self,
        recording: RecordingId,
        mut upload: UploadState,
        step: &mut Step,
    ) {
        let Target { server, profile, .. } = self.target.clone();
        upload.begin_anew(server.clone(), profile);
        upload.stop = None;
        upload.paused = false;
        let version = upload.version;
        step.changes.push(UploadChange::UploadWanted { recording, server, profile });
        step.changes.extend(version.map(|version| UploadChange::VersionSet { recording, version }));
        self.uploads.insert(recording, upload);
    }

    /// Returns whether an upload can't go on because nobody is signed in at its server, which is not the
    /// current one.
    pub(super) fn is_homeless(&self, recording: RecordingId) -> bool {
        // One that was finished has its link there.
        let is_unfinished = |upload: &UploadState| !upload.finished && !upload.mending;
        !self.signed_in
            && self.role != TargetRole::Current
            && self.uploads.get(&recording).is_some_and(is_unfinished)
    }

    pub(super) fn is_held(&self, upload: &UploadState) -> bool {
        self.link_metered && self.waits_on_metered && !upload.ignores_metered
    }

    fn set_paused(&mut self, recording: RecordingId, paused: bool, step: &mut Step) {
        let Some(upload) = self.uploads.get_mut(&recording) else { return };
        if upload.paused != paused {
            upload.paused = paused;
            step.changes.push(UploadChange::Paused { recording, paused });
        }
    }

    /// Returns the upload that a response belongs to; `None` if it came too late.
    pub(super) fn answered(
        &mut self,
        request: RequestId,
    ) -> Option<(RecordingId, &mut UploadState)> {
        let recording = self.requests.remove(&request)?.recording;
        Some((recording, self.uploads.get_mut(&recording)?))
    }

    pub(super) fn abandon_requests(&mut self, recording: RecordingId, step: &mut Step) {
        let late: BTreeSet<RequestId> = self
            .requests
            .iter()
            .filter(|(_, request)| request.recording == recording)
            .map(|(id, _)| *id)
            .collect();
        self.requests.retain(|id, _| !late.contains(id));
        step.actions.extend(late.into_iter().map(|request| UploadAction::Abort { request }));
        self.with(recording, UploadState::forget_requests);
    }

    pub(super) fn with(&mut self, recording: RecordingId, act: impl FnOnce(&mut UploadState)) {
        if let Some(upload) = self.uploads.get_mut(&recording) {
            act(upload);
        }
    }

    /// Returns the next number of SplitMix64: core has no random source of its own.
    pub(super) fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

pub(super) fn know_link(
    recording: RecordingId,
    upload: &mut UploadState,
    link: String,
    step: &mut Step,
) {
    if upload.link.as_ref() == Some(&link) || !is_link_of(upload.profile, &link) {
        return;
    }
    upload.link = Some(link.clone());
    step.changes.push(UploadChange::LinkKnown { recording, link: link.clone() });
    step.actions.push(UploadAction::TellLink { recording, link, finished: false });
}
