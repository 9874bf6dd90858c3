//! The state of one upload, and the queries that the machine needs.

use snaplark_api::{Framing, PartSize, Profile};

use super::file::file_part_size;
use super::part::{PartLimit, next_part};
use super::resize::WantedCut;
use super::{MeasuredLine, Part, Receipt, RequestId, SegmentCuts, Stop, UploadRows, Wait};
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
    /// The parts that suit the connection, if it was measured.
    pub line: Option<MeasuredLine>,
    /// The first part that was refused as too large, or isn't of the fixed size any more. It and those after
    /// it are planned anew as soon as nothing is in flight.
    pub too_large: Option<u32>,
    /// The smallest size of a part that was refused as too large in this life of the program.
    pub refused_bytes: u64,
    /// The request for a segment's pieces that is under way.
    pub cutting: Option<RequestId>,
    /// True while the segment that is to be cut is being repaired.
    pub cut_waits: bool,
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
    /// The size of a file that a person brought in, whose pieces take the place of segments; `None` for others.
    pub file_bytes: Option<u64>,
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
            line: None,
            too_large: None,
            refused_bytes: u64::MAX,
            cutting: None,
            cut_waits: false,
            paused: false,
            ignores_metered: false,
            stop: None,
            finished: false,
            slots: Vec::new(),
            left_until: 0,
            init_bytes: 0,
            segment_bytes: Vec::new(),
            duration_ms: None,
            file_bytes: None,
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
        let slots: Vec<Slot> = (0..).zip(rows.parts).map(slot).collect();
        // The program may have ended after a part was sent and before its answer was noted.
        let may_have_more = rows.session.is_some()
            && !rows.finished
            && !rows.mending
            && slots.iter().any(|slot| !slot.acknowledged);
        let mut upload = UploadState {
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
            file_bytes: rows.file_bytes,
            ..UploadState::new(rows.server, rows.profile)
        };
        // Parts that are cut anywhere are sent again in any case, and so are the few of a file.
        upload.rebuilt |= may_have_more
            && upload.version.is_none()
            && !upload.is_file()
            && upload.equal_part_bytes().is_none();
        // The program may have ended after a segment was replaced, and before the plan was made anew.
        upload.too_large = upload.first_misfit();
        upload
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
        if self.wanted_cut().is_some() {
            return None;
        }
        let index = self.slots.len() as u32;
        let part = next_part(
            self.part_size(),
            self.limit,
            self.slots.len(),
            self.init_bytes_of(index),
            self.planned(),
            &self.segment_bytes,
            self.duration_ms.is_some(),
        )?;
        self.slots.push(Slot::new(part, false));
        Some((index, part))
    }

    /// Returns when a part is full.
    fn part_size(&self) -> PartSize {
        let of_profile = match self.file_bytes {
            Some(size_bytes) => file_part_size(self.profile, size_bytes),
            None => self.profile.part_size(),
        };
        let PartSize::Fixed(default_bytes) = of_profile else { return of_profile };
        if !self.fits_line() {
            return of_profile;
        }
        let slots = (0..).zip(&self.slots);
        let planned = slots.map(|(index, slot)| slot.part.size_bytes + self.init_bytes_of(index));
        let wanted_bytes = self.line.map_or(default_bytes, |line| line.part_bytes);
        // A plan keeps its size, although another is measured later: the server was told how many parts there are.
        PartSize::Fixed(match (self.slots.len(), planned.max()) {
            (2.., Some(planned_bytes)) => planned_bytes,
            (_, planned_bytes) => wanted_bytes.max(planned_bytes.unwrap_or(0)),
        })
    }

    /// Returns the size that all parts but the last have to have; `None` if they may differ.
    pub(super) fn equal_part_bytes(&self) -> Option<u64> {
        match (self.profile.part_size(), self.part_size()) {
            (PartSize::Fixed(_), PartSize::Fixed(bytes)) => Some(self.limit.fixed(bytes)),
            _ => None,
        }
    }

    /// Returns the first part that isn't of the fixed size any more, since a segment was replaced by one of another
    /// length. The parts of a finished upload stay as they are.
    pub(super) fn first_misfit(&self) -> Option<u32> {
        let bytes = self.equal_part_bytes()?;
        if self.version.is_some() || self.finished || self.mending {
            return None;
        }
        let end = (self.segment_bytes.len() as u32, 0);
        let fits = |index: u32, slot: &Slot| {
            let size_bytes = slot.part.size_bytes + self.init_bytes_of(index);
            let is_end = self.duration_ms.is_some() && slot.part.next() == end;
            size_bytes == bytes || (is_end && size_bytes < bytes)
        };
        let mut slots = (0..).zip(&self.slots);
        slots.find(|(index, slot)| !fits(*index, slot)).map(|(index, _)| index)
    }

    /// Returns whether its parts are of the size that suits the connection.
    pub(super) fn fits_line(&self) -> bool {
        self.profile == Profile::Storage
    }

    /// Returns how many parts may be in flight at once.
    fn parts_in_flight_max(&self) -> usize {
        let of_profile = self.profile.parts_in_flight_max();
        match self.line.filter(|_| self.fits_line()) {
            Some(line) => line.parts_in_flight_max.clamp(1, of_profile),
            None => of_profile,
        }
    }

    /// Returns the size and the number of parts of an upload that is planned as a whole.
    pub(super) fn whole(&self) -> Option<(u64, u32)> {
        let is_planned = self.planned() == (self.segment_bytes.len() as u32, 0);
        if self.slots.is_empty() || !is_planned || self.version.is_some() {
            return None;
        }
        Some((self.total_bytes() + self.init_bytes_of(0), self.slots.len() as u32))
    }

    /// Returns the segment that has to be cut at frames before more can be planned, if there is one.
    pub(super) fn wanted_cut(&self) -> Option<WantedCut> {
        let bytes_max = self.limit.bytes_max.max(policy::PIECE_BYTES_MIN);
        let (segment, from_bytes) = self.planned();
        let size_bytes = *self.segment_bytes.get(segment as usize)?;
        let is_cut = self.limit.cuts == SegmentCuts::Frames && self.version.is_none();
        let is_wanted = is_cut && (from_bytes > 0 || size_bytes > bytes_max);
        is_wanted.then_some(WantedCut { segment, from_bytes, bytes_max })
    }

    /// Returns where the plan ends: a segment, and the position in it.
    fn planned(&self) -> (u32, u64) {
        self.slots.last().map_or((0, 0), |slot| slot.part.next())
    }

    /// Returns how many parts there are, once all of them are planned.
    pub(super) fn part_count(&self) -> Option<u32> {
        let is_planned = self.planned() == (self.segment_bytes.len() as u32, 0);
        (self.is_complete() && is_planned).then_some(self.slots.len() as u32)
    }

    /// Returns whether to open a session. That needs the init, since the request describes the first
    /// frame, and the whole if the server has to be told how much there is.
    pub(super) fn wants_session(&self, now_ms: u64) -> bool {
        self.may_act(now_ms)
            && (self.init_bytes > 0 || self.version.is_some() || self.is_file())
            && (self.is_complete() || !self.profile.needs_whole_file())
            && self.session.is_none()
            && self.opening.is_none()
            && !self.claiming
    }

    /// Returns whether to ask for the server's parts, after a restart or after the rows were rebuilt.
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
        let at_once = self.parts_in_flight_max();
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
        !self.slots.is_empty()
            && self.part_count().is_some()
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
        let is_first = index == 0 || self.profile.framing() == Framing::Standalone;
        is_first && !self.is_picture() && !self.is_file()
    }

    /// Returns how many bytes of the init precede a part.
    pub(super) fn init_bytes_of(&self, index: u32) -> u64 {
        if self.with_init(index) { self.init_bytes } else { 0 }
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
        self.refused_bytes = u64::MAX;
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
        self.cutting = None;
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
