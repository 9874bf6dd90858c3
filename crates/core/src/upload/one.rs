//! The state of one upload, and the queries that the machine needs.

use snaplark_api::{Framing, Profile};

use super::part::{PartLimit, next_part};
use super::{Part, Receipt, RequestId, Stop, UploadRows, Wait};
use crate::{SessionId, policy};

/// The backoff of a request: prevents it from being retried too soon.
#[derive(Clone, Debug, Default)]
pub(super) struct Backoff {
    pub failures: u32,
    pub not_before_ms: u64,
    pub because: Option<Wait>,
}

impl Backoff {
    pub(super) fn is_open(&self, now_ms: u64) -> bool {
        now_ms >= self.not_before_ms
    }

    /// Closes the gate after a failure, for the longer of the documents' wait and the server's own.
    pub(super) fn fail(&mut self, now_ms: u64, because: Wait, asked_ms: Option<u64>, random: u64) {
        self.failures += 1;
        self.not_before_ms =
            now_ms + asked_ms.unwrap_or(0).max(policy::retry_ms(self.failures, random));
        self.because = Some(because);
    }

    pub(super) fn reset(&mut self) {
        *self = Backoff::default();
    }

    fn wake_ms(&self, now_ms: u64) -> Option<u64> {
        (!self.is_open(now_ms)).then_some(self.not_before_ms)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub part: Part,
    pub acknowledged: bool,
    /// The receipt that the destination returned when it acknowledged the part.
    pub receipt: Receipt,
    pub request: Option<RequestId>,
    pub sent_bytes: u64,
    pub gate: Backoff,
    /// True while segments of it are being repaired; it is sent afterwards.
    pub repairing: bool,
    /// True if what is in flight has bytes that were replaced since; it is sent again.
    pub outdated: bool,
}

impl Slot {
    pub(super) fn new(part: Part, acknowledged: bool) -> Self {
        let gate = Backoff::default();
        let (request, repairing, outdated) = (None, false, false);
        let receipt = Receipt::default();
        Slot { part, acknowledged, receipt, request, sent_bytes: 0, gate, repairing, outdated }
    }
}

#[derive(Clone, Debug)]
pub(super) struct UploadState {
    pub server: String,
    pub profile: Profile,
    /// The version of a picture or of an edited recording; `None` for recordings as they are.
    pub version: Option<u32>,
    /// Whether it is a version of an edited recording. Its pieces take the place of the segments then.
    pub is_edited: bool,
    pub session: Option<SessionId>,
    pub link: Option<String>,
    pub limit: PartLimit,
    /// The first part that was refused as too large. It and those after it are planned anew as soon as
    /// nothing is in flight.
    pub too_large: Option<u32>,
    pub paused: bool,
    /// The person asked to upload now, even on a metered connection.
    pub ignores_metered: bool,
    pub stop: Option<Stop>,
    pub finished: bool,
    /// True if it was finished once: only the bytes that the server had then can be used.
    pub mending: bool,
    /// True while it is unknown which parts the server has.
    pub rebuilt: bool,
    /// True if the session may have bytes of struck segments, under numbers that other parts get.
    pub struck: bool,
    pub asking: Option<RequestId>,
    pub slots: Vec<Slot>,
    /// Segments before this one may have left this computer, in this session or an earlier one.
    pub left_until: u32,
    pub init_bytes: u64,
    pub segment_bytes: Vec<u64>,
    pub duration_ms: Option<u64>,
    pub opening: Option<RequestId>,
    /// True while another address is being made, since its own belongs to another upload.
    pub claiming: bool,
    /// How often its address was taken.
    pub taken: u32,
    /// How often the number of its version was taken.
    pub tried: u32,
    pub finalizing: Option<RequestId>,
    /// The backoff of the whole upload: each failure closes it, each success opens it.
    pub gate: Backoff,
    /// The backoff of finalize alone, which acknowledged parts do not reset.
    pub finalize_gate: Backoff,
}

impl UploadState {
    pub(super) fn new(server: String, profile: Profile) -> Self {
        UploadState {
            server,
            profile,
            version: None,
            is_edited: false,
            session: None,
            link: None,
            limit: PartLimit::default(),
            too_large: None,
            paused: false,
            ignores_metered: false,
            stop: None,
            finished: false,
            slots: Vec::new(),
            left_until: 0,
            init_bytes: 0,
            segment_bytes: Vec::new(),
            duration_ms: None,
            mending: false,
            rebuilt: false,
            struck: false,
            asking: None,
            opening: None,
            claiming: false,
            taken: 0,
            tried: 0,
            finalizing: None,
            gate: Backoff::default(),
            finalize_gate: Backoff::default(),
        }
    }

    pub(super) fn from_rows(rows: UploadRows) -> Self {
        let mut receipts = rows.receipts;
        let slot = |(index, (part, acknowledged))| Slot {
            receipt: receipts.remove(&index).unwrap_or_default(),
            ..Slot::new(part, acknowledged)
        };
        let slots = (0..).zip(rows.parts).map(slot).collect();
        UploadState {
            // A picture is one request, which is sent again instead of being asked for. The list of a version's
            // pieces is sent again.
            rebuilt: match (rows.version, rows.is_edited) {
                (_, true) => rows.session.is_some() && !rows.finished && !rows.mending,
                (Some(_), false) => false,
                (None, false) => rows.rebuilt,
            },
            version: rows.version,
            is_edited: rows.is_edited,
            session: rows.session,
            link: rows.link,
            limit: PartLimit {
                bytes_max: rows.part_bytes_max.unwrap_or(policy::PART_BYTES_MAX),
                cuts: rows.cuts,
            },
            paused: rows.paused,
            stop: rows.stop,
            finished: rows.finished,
            mending: rows.mending,
            struck: rows.struck,
            slots,
            // Rows don't say what was being sent.
            left_until: rows.segment_bytes.len() as u32,
            init_bytes: rows.init_bytes,
            segment_bytes: rows.segment_bytes,
            duration_ms: rows.duration_ms,
            ..UploadState::new(rows.server, rows.profile)
        }
    }

    /// Returns whether it is a version of a picture.
    pub(super) fn is_picture(&self) -> bool {
        self.version.is_some() && !self.is_edited
    }

    /// Returns whether it is neither finished nor stopped.
    pub(super) fn is_live(&self) -> bool {
        !self.finished && self.stop.is_none()
    }

    pub(super) fn may_act(&self, now_ms: u64) -> bool {
        self.is_live() && !self.paused && self.gate.is_open(now_ms)
    }

    /// Plans the next part from the available segments. Returns it with its index.
    pub(super) fn plan(&mut self) -> Option<(u32, Part)> {
        if self.is_edited {
            self.plan_edited();
            return None;
        }
        if self.version.is_some() {
            return self.plan_picture();
        }
        let part = next_part(
            self.profile.part_size(),
            self.limit,
            self.slots.len(),
            self.planned(),
            &self.segment_bytes,
            self.duration_ms.is_some(),
        )?;
        let index = self.slots.len() as u32;
        self.slots.push(Slot::new(part, false));
        Some((index, part))
    }

    /// Returns where the plan ends: a segment, and the position in it.
    fn planned(&self) -> (u32, u64) {
        self.slots.last().map_or((0, 0), |slot| slot.part.next())
    }

    /// Returns whether to open a session. That needs the init, since the request describes the first
    /// frame.
    pub(super) fn wants_session(&self, now_ms: u64) -> bool {
        self.may_act(now_ms)
            && (self.init_bytes > 0 || self.version.is_some())
            && self.session.is_none()
            && self.opening.is_none()
            && !self.claiming
    }

    /// Returns whether to ask for the server's parts, after the rows were rebuilt.
    pub(super) fn wants_received(&self, now_ms: u64) -> bool {
        self.may_act(now_ms) && self.rebuilt && self.session.is_some() && self.asking.is_none()
    }

    pub(super) fn sendable_part(&self, now_ms: u64) -> Option<u32> {
        if !self.may_act(now_ms) || self.session.is_none() || self.rebuilt {
            return None;
        }
        if self.too_large.is_some() || self.claiming {
            return None;
        }
        let at_once = self.profile.parts_in_flight_max();
        if self.slots.iter().filter(|slot| slot.request.is_some()).count() >= at_once {
            return None;
        }
        let mut unsent = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| !slot.acknowledged && slot.request.is_none());
        // If parts are sent one at a time, they are sent in order: a part that waits holds back those
        // after it.
        let is_ready = |slot: &Slot| slot.gate.is_open(now_ms) && !slot.repairing;
        let next = if at_once == 1 {
            unsent.next().filter(|(_, slot)| is_ready(slot))
        } else {
            unsent.find(|(_, slot)| is_ready(slot))
        };
        next.map(|(index, _)| index as u32)
    }

    pub(super) fn is_sent(&self) -> bool {
        self.duration_ms.is_some()
            && !self.slots.is_empty()
            && self.planned() == (self.segment_bytes.len() as u32, 0)
            && self.slots.iter().all(|slot| slot.acknowledged)
    }

    pub(super) fn wants_finalize(&self, now_ms: u64) -> bool {
        self.may_act(now_ms)
            && self.session.is_some()
            && self.finalizing.is_none()
            && !self.rebuilt
            && self.is_sent()
            && self.finalize_gate.is_open(now_ms)
    }

    pub(super) fn with_init(&self, index: u32) -> bool {
        !self.is_picture() && (index == 0 || self.profile.framing() == Framing::Standalone)
    }

    pub(super) fn in_flight(&self) -> bool {
        self.opening.is_some()
            || self.asking.is_some()
            || self.finalizing.is_some()
            || self.slots.iter().any(|slot| slot.request.is_some())
    }

    /// Starts from scratch: the server and the profile may be others, so nothing that was learned holds.
    pub(super) fn begin_anew(&mut self, server: String, profile: Profile) {
        self.forget_session();
        self.slots.clear();
        self.limit = PartLimit::default();
        self.too_large = None;
        self.server = server;
        self.profile = profile;
        self.link = None;
    }

    /// Forgets the session, which makes all acknowledgements invalid.
    pub(super) fn forget_session(&mut self) {
        self.session = None;
        // A new session is known to have no parts.
        self.rebuilt = false;
        self.struck = false;
        self.mending = false;
        for slot in &mut self.slots {
            slot.acknowledged = false;
        }
        self.forget_requests();
    }

    pub(super) fn forget_requests(&mut self) {
        self.opening = None;
        self.asking = None;
        self.finalizing = None;
        for slot in &mut self.slots {
            slot.request = None;
            slot.sent_bytes = 0;
            slot.outdated = false;
        }
    }

    pub(super) fn open_gates(&mut self) {
        self.gate.reset();
        self.finalize_gate.reset();
        for slot in &mut self.slots {
            slot.gate.reset();
        }
    }

    /// Returns when its next closed gate opens, and why it is closed.
    pub(super) fn closed_until(&self, now_ms: u64) -> Option<(u64, Option<Wait>)> {
        if !self.is_live() || self.paused {
            return None;
        }
        if let Some(wake_ms) = self.gate.wake_ms(now_ms) {
            return Some((wake_ms, self.gate.because));
        }
        let waiting = self.slots.iter().filter(|slot| !slot.acknowledged && slot.request.is_none());
        let parts =
            waiting.filter_map(|slot| Some((slot.gate.wake_ms(now_ms)?, slot.gate.because)));
        let finalize =
            self.finalize_gate.wake_ms(now_ms).map(|wake_ms| (wake_ms, self.finalize_gate.because));
        parts.chain(finalize).min_by_key(|(wake_ms, _)| *wake_ms)
    }

    pub(super) fn failures(&self) -> u32 {
        let parts = self.slots.iter().filter(|slot| !slot.acknowledged);
        let worst_part = parts.map(|slot| slot.gate.failures).max().unwrap_or(0);
        worst_part.max(self.gate.failures).max(self.finalize_gate.failures)
    }

    pub(super) fn total_bytes(&self) -> u64 {
        self.segment_bytes.iter().sum()
    }

    pub(super) fn sent_bytes(&self) -> u64 {
        let sent = |slot: &Slot| {
            if slot.acknowledged {
                slot.part.size_bytes
            } else {
                slot.sent_bytes.min(slot.part.size_bytes)
            }
        };
        self.slots.iter().map(sent).sum()
    }
}
