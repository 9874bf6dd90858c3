//! The state of one upload, and the queries that the machine needs.

use snaplark_api::{Framing, Profile};

use super::part::next_part;
use super::{Part, RequestId, Stop, UploadRows, Wait};
use crate::{SessionId, policy};

/// The backoff of a request: prevents it from being retried too soon.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate {
    pub failures: u32,
    pub not_before_ms: u64,
    pub because: Option<Wait>,
}

impl Gate {
    pub fn is_open(&self, now_ms: u64) -> bool {
        now_ms >= self.not_before_ms
    }

    /// Closes the gate after a failure, for the longer of the documents' wait and the server's own.
    pub fn fail(&mut self, now_ms: u64, because: Wait, asked_ms: Option<u64>, random: u64) {
        self.failures += 1;
        self.not_before_ms =
            now_ms + asked_ms.unwrap_or(0).max(policy::retry_ms(self.failures, random));
        self.because = Some(because);
    }

    pub fn reset(&mut self) {
        *self = Gate::default();
    }

    fn wake_ms(&self, now_ms: u64) -> Option<u64> {
        (!self.is_open(now_ms)).then_some(self.not_before_ms)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub part: Part,
    pub acknowledged: bool,
    pub request: Option<RequestId>,
    pub sent_bytes: u64,
    pub gate: Gate,
    /// True while segments of it are being repaired; it is sent afterwards.
    pub repairing: bool,
}

impl Slot {
    fn new(part: Part, acknowledged: bool) -> Self {
        let gate = Gate::default();
        Slot { part, acknowledged, request: None, sent_bytes: 0, gate, repairing: false }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Upload {
    pub server: String,
    pub profile: Profile,
    pub session: Option<SessionId>,
    pub link: Option<String>,
    pub part_bytes_max: u64,
    pub paused: bool,
    /// The person asked to upload now, even on a metered connection.
    pub ignores_metered: bool,
    pub stop: Option<Stop>,
    pub finished: bool,
    /// True if it was finished once: only the bytes that the server had then can be used.
    pub mending: bool,
    /// True while it is unknown which parts the server has.
    pub rebuilt: bool,
    pub asking: Option<RequestId>,
    pub slots: Vec<Slot>,
    pub init_bytes: u64,
    pub segment_bytes: Vec<u64>,
    pub duration_ms: Option<u64>,
    pub opening: Option<RequestId>,
    /// True while another address is being made, since its own belongs to another upload.
    pub claiming: bool,
    /// How often its address was taken.
    pub taken: u32,
    pub finalizing: Option<RequestId>,
    /// The backoff of the whole upload: each failure closes it, each success opens it.
    pub gate: Gate,
    /// The backoff of finalize alone, which acknowledged parts do not reset.
    pub finalize_gate: Gate,
}

impl Upload {
    pub fn new(server: String, profile: Profile) -> Self {
        Upload {
            server,
            profile,
            session: None,
            link: None,
            part_bytes_max: policy::PART_BYTES_MAX,
            paused: false,
            ignores_metered: false,
            stop: None,
            finished: false,
            slots: Vec::new(),
            init_bytes: 0,
            segment_bytes: Vec::new(),
            duration_ms: None,
            mending: false,
            rebuilt: false,
            asking: None,
            opening: None,
            claiming: false,
            taken: 0,
            finalizing: None,
            gate: Gate::default(),
            finalize_gate: Gate::default(),
        }
    }

    pub fn from_rows(rows: UploadRows) -> Self {
        let slot = |(part, acknowledged)| Slot::new(part, acknowledged);
        Upload {
            session: rows.session,
            link: rows.link,
            part_bytes_max: rows.part_bytes_max.unwrap_or(policy::PART_BYTES_MAX),
            paused: rows.paused,
            stop: rows.stop,
            finished: rows.finished,
            mending: rows.mending,
            rebuilt: rows.rebuilt,
            slots: rows.parts.into_iter().map(slot).collect(),
            init_bytes: rows.init_bytes,
            segment_bytes: rows.segment_bytes,
            duration_ms: rows.duration_ms,
            ..Upload::new(rows.server, rows.profile)
        }
    }

    /// Returns whether it is neither finished nor stopped.
    pub fn is_live(&self) -> bool {
        !self.finished && self.stop.is_none()
    }

    pub fn may_act(&self, now_ms: u64) -> bool {
        self.is_live() && !self.paused && self.gate.is_open(now_ms)
    }

    /// Plans the next part from the available segments. Returns it with its index.
    pub fn plan(&mut self) -> Option<(u32, Part)> {
        let first = self.slots.last().map_or(0, |slot| slot.part.end());
        let part = next_part(
            self.profile.part_size(),
            self.part_bytes_max,
            self.slots.len(),
            first,
            &self.segment_bytes,
            self.duration_ms.is_some(),
        )?;
        let index = self.slots.len() as u32;
        self.slots.push(Slot::new(part, false));
        Some((index, part))
    }

    /// Returns whether to open a session. That needs the init, since the request describes the first
    /// frame.
    pub fn wants_session(&self, now_ms: u64) -> bool {
        self.may_act(now_ms)
            && self.init_bytes > 0
            && self.session.is_none()
            && self.opening.is_none()
            && !self.claiming
    }

    /// Returns whether to ask for the server's parts, after the rows were rebuilt.
    pub fn wants_received(&self, now_ms: u64) -> bool {
        self.may_act(now_ms) && self.rebuilt && self.session.is_some() && self.asking.is_none()
    }

    pub fn sendable_part(&self, now_ms: u64) -> Option<u32> {
        if !self.may_act(now_ms) || self.session.is_none() || self.rebuilt {
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

    pub fn is_sent(&self) -> bool {
        let planned = self.slots.last().map_or(0, |slot| slot.part.end());
        self.duration_ms.is_some()
            && !self.slots.is_empty()
            && planned as usize == self.segment_bytes.len()
            && self.slots.iter().all(|slot| slot.acknowledged)
    }

    pub fn wants_finalize(&self, now_ms: u64) -> bool {
        self.may_act(now_ms)
            && self.session.is_some()
            && self.finalizing.is_none()
            && !self.rebuilt
            && self.is_sent()
            && self.finalize_gate.is_open(now_ms)
    }

    pub fn with_init(&self, index: u32) -> bool {
        index == 0 || self.profile.framing() == Framing::Standalone
    }

    pub fn in_flight(&self) -> bool {
        self.opening.is_some()
            || self.asking.is_some()
            || self.finalizing.is_some()
            || self.slots.iter().any(|slot| slot.request.is_some())
    }

    /// Forgets the session, which makes all acknowledgements invalid.
    pub fn forget_session(&mut self) {
        self.session = None;
        // A new session is known to have no parts.
        self.rebuilt = false;
        self.mending = false;
        for slot in &mut self.slots {
            slot.acknowledged = false;
        }
        self.forget_requests();
    }

    pub fn forget_requests(&mut self) {
        self.opening = None;
        self.asking = None;
        self.finalizing = None;
        for slot in &mut self.slots {
            slot.request = None;
            slot.sent_bytes = 0;
        }
    }

    pub fn open_gates(&mut self) {
        self.gate.reset();
        self.finalize_gate.reset();
        for slot in &mut self.slots {
            slot.gate.reset();
        }
    }

    /// Returns when its next closed gate opens, and why it is closed.
    pub fn closed_until(&self, now_ms: u64) -> Option<(u64, Option<Wait>)> {
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

    pub fn failures(&self) -> u32 {
        let parts = self.slots.iter().filter(|slot| !slot.acknowledged);
        let worst_part = parts.map(|slot| slot.gate.failures).max().unwrap_or(0);
        worst_part.max(self.gate.failures).max(self.finalize_gate.failures)
    }

    pub fn total_bytes(&self) -> u64 {
        self.segment_bytes.iter().sum()
    }

    pub fn sent_bytes(&self) -> u64 {
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
