//! The ring buffer of the last minutes of the screen. It keeps segments and deletes the oldest as new
//! ones come, so that a recording can begin in the past.
//!
//! It is not a state of the recorder: a ring has no row, no upload and no end that anyone waits for, so
//! each of the recorder's methods would need an exception for it. The two share one rule: only one of
//! them captures at a time. A recording blocks the ring, or takes over its capture. When a ring ends,
//! for whatever reason, its content is deleted.

use std::collections::{BTreeSet, VecDeque};

use crate::RecordingId;
use crate::capture::{CaptureEnd, CaptureError, CaptureEvent, Permission, SealedSegment};

/// One run of the ring's capture, with a folder of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RingId(pub u32);

/// The limits on what is kept. Segments are kept whole, so there is up to one more than the time
/// requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How far back a recording can begin.
    pub length_ms: u64,
    /// The limit on the disk space of the segments.
    pub bytes_max: u64,
}

/// A reason why the ring is blocked, though the person wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RingBlock {
    /// A recording is running.
    Recording,
    /// The session is locked, so the person is not there.
    Locked,
    /// The computer sleeps.
    Asleep,
    /// The disk is too full for anything but recordings.
    DiskLow,
    /// The program is closing.
    Closing,
}

/// An event of the ring.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant's text says what its fields are")]
pub enum RingEvent {
    /// The person's choice. `None` turns the ring off.
    Chosen { bounds: Option<Bounds> },
    /// The ring must be restarted with other settings: another source, or another quality.
    Renewed,
    /// The ring must not run for this reason.
    Blocked { by: RingBlock },
    /// The reason is gone.
    Unblocked { by: RingBlock },
    /// Capture refused immediately.
    CaptureRefused { ring: RingId, error: CaptureError },
    /// The ring's capture reports something.
    Captured { ring: RingId, event: CaptureEvent },
    /// Requests that the last `length_ms` become a recording. The ring continues.
    ShareAsked { recording: RecordingId, length_ms: u64 },
    /// The requested cut did not come in time.
    CutOverdue,
}

/// An action that the ring wants to be done.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant's text says what its fields are")]
pub enum RingAction {
    /// Make the folder and start capture.
    Begin { ring: RingId },
    /// Ask capture to end. Its content is not needed any more.
    End { ring: RingId },
    /// The capture has ended: delete its folder.
    Sweep { ring: RingId },
    /// Delete this segment.
    Drop { ring: RingId, index: u32 },
    /// Ask capture to cut. If no cut comes, `CutOverdue` must be sent.
    Cut { ring: RingId },
    /// Make the kept segments a recording.
    Share { recording: RecordingId, kept: RingRange },
    /// Nothing is kept that could be shared.
    RefuseShare { recording: RecordingId },
    /// Keep it for the next capture of the same source.
    NotePermission { permission: Permission },
}

/// The segments that become a recording: consecutive ones, with the ring's indices and times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingRange {
    /// The ring whose segments these are.
    pub ring: RingId,
    /// The picture's width and height.
    pub size: (u32, u32),
    /// The segments, oldest first.
    pub segments: Vec<SealedSegment>,
}

impl RingRange {
    /// Returns the ring's index of the recording's first segment.
    pub fn first_index(&self) -> u32 {
        self.segments.first().map_or(0, |segment| segment.index)
    }

    /// Returns the ring's time at which the recording begins.
    pub fn base_ms(&self) -> u64 {
        self.segments.first().map_or(0, |segment| segment.start_ms)
    }

    /// Returns the length of all segments.
    pub fn duration_ms(&self) -> u64 {
        self.segments.iter().map(|segment| segment.duration_ms).sum()
    }
}

/// Converts an event of a capture whose times and indices are not those of its recording: of a ring that the
/// recording took over, or after seconds were struck.
pub fn rebased(event: CaptureEvent, first_index: u32, base_ms: u64) -> CaptureEvent {
    let since = |ms: u64| ms.saturating_sub(base_ms);
    match event {
        CaptureEvent::SegmentSealed(segment) => CaptureEvent::SegmentSealed(SealedSegment {
            index: segment.index.saturating_sub(first_index),
            start_ms: since(segment.start_ms),
            ..segment
        }),
        CaptureEvent::Paused { at_ms } => CaptureEvent::Paused { at_ms: since(at_ms) },
        CaptureEvent::Resumed { at_ms } => CaptureEvent::Resumed { at_ms: since(at_ms) },
        CaptureEvent::Cut { at_ms } => CaptureEvent::Cut { at_ms: since(at_ms) },
        CaptureEvent::Struck { until_ms, removed_ms, next_index } => CaptureEvent::Struck {
            until_ms: since(until_ms),
            removed_ms,
            next_index: next_index.saturating_sub(first_index),
        },
        CaptureEvent::IssueNoticed { at_ms, issue } => {
            CaptureEvent::IssueNoticed { at_ms: since(at_ms), issue }
        }
        CaptureEvent::Started { .. }
        | CaptureEvent::StrikeFailed { .. }
        | CaptureEvent::Permitted(_)
        | CaptureEvent::Level { .. }
        | CaptureEvent::Ended { .. } => event,
    }
}

/// The state of the ring, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant's text says what its fields are")]
pub enum RingState {
    /// The person has turned it off.
    Off,
    /// The screen is being kept.
    Keeping { held_ms: u64 },
    /// The ring is wanted, and blocked for this reason.
    Waits { block: RingBlock },
    /// Capture failed. It is not tried again until something changes.
    Failed { error: CaptureError },
}

/// The ring buffer's state.
#[derive(Debug, Default)]
pub struct Ring {
    bounds: Option<Bounds>,
    blocks: BTreeSet<RingBlock>,
    failure: Option<CaptureError>,
    last: u32,
    running: Option<RunningRing>,
}

/// A running capture.
#[derive(Debug)]
struct RunningRing {
    ring: RingId,
    /// `None` until the first picture.
    size: Option<(u32, u32)>,
    held: VecDeque<SealedSegment>,
    /// The requests that wait for the cut.
    shares: Vec<(RecordingId, u64)>,
}

impl Ring {
    /// Returns what the ring does.
    pub fn state(&self) -> RingState {
        match (&self.bounds, &self.running, &self.failure, self.blocks.first()) {
            (None, ..) => RingState::Off,
            (Some(_), Some(running), ..) => RingState::Keeping { held_ms: running.held_ms() },
            (Some(_), None, _, Some(block)) => RingState::Waits { block: *block },
            (Some(_), None, Some(error), None) => RingState::Failed { error: error.clone() },
            // Between its end and the next beginning, which are one step.
            (Some(_), None, None, None) => RingState::Keeping { held_ms: 0 },
        }
    }

    /// Returns whether that reason blocks the ring.
    pub fn is_blocked_by(&self, block: RingBlock) -> bool {
        self.blocks.contains(&block)
    }

    /// Returns the ring whose capture is running.
    pub fn running(&self) -> Option<RingId> {
        self.running.as_ref().map(|running| running.ring)
    }

    /// Changes the state by an event, and returns what is to be done.
    pub fn handle(&mut self, event: RingEvent) -> Vec<RingAction> {
        match event {
            RingEvent::Chosen { bounds } => {
                self.failure = None;
                self.bounds = bounds;
                let mut actions = self.evict();
                actions.extend(self.settle());
                actions
            }
            RingEvent::Renewed => {
                self.failure = None;
                let mut actions = self.end();
                actions.extend(self.settle());
                actions
            }
            RingEvent::Blocked { by } => {
                self.blocks.insert(by);
                self.settle()
            }
            RingEvent::Unblocked { by } => {
                if self.blocks.remove(&by) {
                    // Something has changed, so capture may work again.
                    self.failure = None;
                }
                self.settle()
            }
            RingEvent::CaptureRefused { ring, error } => self.ended(ring, error),
            RingEvent::Captured { ring, event } => self.captured(ring, event),
            RingEvent::ShareAsked { recording, length_ms } => match &mut self.running {
                Some(running) => {
                    running.shares.push((recording, length_ms));
                    vec![RingAction::Cut { ring: running.ring }]
                }
                None => vec![RingAction::RefuseShare { recording }],
            },
            RingEvent::CutOverdue => {
                self.running.as_mut().map_or_else(Vec::new, RunningRing::share)
            }
        }
    }

    /// Turns the newest segments into the beginning of a recording, which takes over this capture. The
    /// rest of the ring is dropped. Returns `None` if nothing is kept.
    pub fn take_over(&mut self, length_ms: u64) -> Option<(RingRange, Vec<RingAction>)> {
        let kept = self.running.as_ref()?.kept(length_ms)?;
        let mut running = self.running.take()?;
        let mut actions = running.share();
        self.blocks.insert(RingBlock::Recording);
        let older = running.held.iter().take_while(|held| held.index < kept.first_index());
        actions
            .extend(older.map(|held| RingAction::Drop { ring: running.ring, index: held.index }));
        Some((kept, actions))
    }

    /// Begins or ends the capture, as is wanted and possible now.
    fn settle(&mut self) -> Vec<RingAction> {
        let wanted = self.bounds.is_some() && self.blocks.is_empty() && self.failure.is_none();
        match (&self.running, wanted) {
            (None, true) => {
                self.last += 1;
                let ring = RingId(self.last);
                let (held, shares) = (VecDeque::new(), Vec::new());
                self.running = Some(RunningRing { ring, size: None, held, shares });
                vec![RingAction::Begin { ring }]
            }
            (Some(_), false) => self.end(),
            (None, false) | (Some(_), true) => Vec::new(),
        }
    }

    fn end(&mut self) -> Vec<RingAction> {
        let Some(mut running) = self.running.take() else { return Vec::new() };
        let mut actions = running.share();
        actions.push(RingAction::End { ring: running.ring });
        actions
    }

    fn ended(&mut self, ring: RingId, failure: CaptureError) -> Vec<RingAction> {
        let mut actions = Vec::new();
        if let Some(mut running) = self.running.take_if(|running| running.ring == ring) {
            actions = running.share();
            self.failure = Some(failure);
        }
        actions.push(RingAction::Sweep { ring });
        actions
    }

    fn captured(&mut self, ring: RingId, event: CaptureEvent) -> Vec<RingAction> {
        if let CaptureEvent::Ended { end, .. } = event {
            let failure = match end {
                // It stopped without a request, or it is an older run. It is not retried in a loop.
                CaptureEnd::Stopped => CaptureError::Abandoned,
                CaptureEnd::Failed(error) => error,
            };
            return self.ended(ring, failure);
        }
        let Some(running) = self.running.as_mut().filter(|running| running.ring == ring) else {
            return Vec::new();
        };
        match event {
            CaptureEvent::Started { width, height } => running.size = Some((width, height)),
            CaptureEvent::SegmentSealed(segment) => {
                running.held.push_back(segment);
                return self.evict();
            }
            CaptureEvent::Cut { .. } => return running.share(),
            CaptureEvent::Permitted(permission) => {
                return vec![RingAction::NotePermission { permission }];
            }
            // Only recordings are struck.
            CaptureEvent::Struck { .. }
            | CaptureEvent::StrikeFailed { .. }
            | CaptureEvent::Paused { .. }
            | CaptureEvent::Resumed { .. }
            | CaptureEvent::IssueNoticed { .. }
            | CaptureEvent::Level { .. }
            | CaptureEvent::Ended { .. } => {}
        }
        Vec::new()
    }

    /// Drops the oldest segments while the rest is long enough, or while the size limit is exceeded.
    fn evict(&mut self) -> Vec<RingAction> {
        let (Some(running), Some(bounds)) = (&mut self.running, self.bounds) else {
            return Vec::new();
        };
        let mut actions = Vec::new();
        let mut held_ms = running.held_ms();
        let mut held_bytes: u64 = running.held.iter().map(|segment| segment.size_bytes).sum();
        while let Some(oldest) = running.held.pop_front_if(|oldest| {
            held_ms - oldest.duration_ms >= bounds.length_ms || held_bytes > bounds.bytes_max
        }) {
            held_ms -= oldest.duration_ms;
            held_bytes -= oldest.size_bytes;
            actions.push(RingAction::Drop { ring: running.ring, index: oldest.index });
        }
        actions
    }
}

impl RunningRing {
    fn held_ms(&self) -> u64 {
        self.held.iter().map(|segment| segment.duration_ms).sum()
    }

    /// Completes all waiting requests, with the segments that are sealed.
    fn share(&mut self) -> Vec<RingAction> {
        let shares = std::mem::take(&mut self.shares);
        let answer = |(recording, length_ms)| match self.kept(length_ms) {
            Some(kept) => RingAction::Share { recording, kept },
            None => RingAction::RefuseShare { recording },
        };
        shares.into_iter().map(answer).collect()
    }

    /// Returns the fewest of the newest segments that last that long, or all of them.
    fn kept(&self, length_ms: u64) -> Option<RingRange> {
        let size = self.size?;
        let mut lasts_ms = 0;
        let enough = self.held.iter().rev().take_while(|segment| {
            let wanted = lasts_ms < length_ms;
            lasts_ms += segment.duration_ms;
            wanted
        });
        let count = enough.count();
        let segments: Vec<_> = self.held.range(self.held.len() - count..).cloned().collect();
        (!segments.is_empty()).then_some(RingRange { ring: self.ring, size, segments })
    }
}
