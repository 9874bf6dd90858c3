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
    pub length_ms: u64,
    pub bytes_max: u64,
}

/// A reason why the ring is blocked, though the person wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hindrance {
    Recording,
    /// The session is locked, so the person is not there.
    Locked,
    Asleep,
    DiskLow,
    Closing,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The person's choice. `None` turns the ring off.
    Chosen {
        bounds: Option<Bounds>,
    },
    /// The ring must be restarted with other settings: another source, or another quality.
    Renewed,
    Hindered {
        by: Hindrance,
    },
    Freed {
        from: Hindrance,
    },
    /// Capture refused immediately.
    CaptureRefused {
        ring: RingId,
        error: CaptureError,
    },
    Captured {
        ring: RingId,
        event: CaptureEvent,
    },
    /// Requests that the last `length_ms` become a recording. The ring continues.
    ShareAsked {
        recording: RecordingId,
        length_ms: u64,
    },
    /// The requested cut did not come in time.
    CutOverdue,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Make the folder and start capture.
    Begin {
        ring: RingId,
    },
    /// Ask capture to end. Its content is not needed any more.
    End {
        ring: RingId,
    },
    /// The capture has ended: delete its folder.
    Sweep {
        ring: RingId,
    },
    /// Delete this segment.
    Drop {
        ring: RingId,
        index: u32,
    },
    /// Ask capture to cut. If no cut comes, `CutOverdue` must be sent.
    Cut {
        ring: RingId,
    },
    Share {
        recording: RecordingId,
        kept: Kept,
    },
    /// Nothing is kept that could be shared.
    RefuseShare {
        recording: RecordingId,
    },
    NotePermission {
        permission: Permission,
    },
}

/// What becomes a recording: consecutive segments, with the ring's indices and times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub ring: RingId,
    pub size: (u32, u32),
    pub segments: Vec<SealedSegment>,
}

impl Kept {
    /// Returns the ring's index of the recording's first segment.
    pub fn first_index(&self) -> u32 {
        self.segments.first().map_or(0, |segment| segment.index)
    }

    /// Returns the ring's time at which the recording begins.
    pub fn base_ms(&self) -> u64 {
        self.segments.first().map_or(0, |segment| segment.start_ms)
    }

    pub fn duration_ms(&self) -> u64 {
        self.segments.iter().map(|segment| segment.duration_ms).sum()
    }
}

/// Converts an event of a ring's capture for the recording that took it over.
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
        CaptureEvent::Troubled { at_ms, trouble } => {
            CaptureEvent::Troubled { at_ms: since(at_ms), trouble }
        }
        CaptureEvent::Started { .. }
        | CaptureEvent::Permitted(_)
        | CaptureEvent::Level { .. }
        | CaptureEvent::Ended { .. } => event,
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The person has turned it off.
    Off,
    /// The screen is being kept.
    Keeping {
        held_ms: u64,
    },
    Waits {
        hindrance: Hindrance,
    },
    /// Capture failed. It is not tried again until something changes.
    Failed {
        error: CaptureError,
    },
}

#[derive(Debug, Default)]
pub struct Ring {
    bounds: Option<Bounds>,
    hindrances: BTreeSet<Hindrance>,
    failure: Option<CaptureError>,
    last: u32,
    running: Option<Running>,
}

/// A running capture.
#[derive(Debug)]
struct Running {
    ring: RingId,
    /// `None` until the first picture.
    size: Option<(u32, u32)>,
    held: VecDeque<SealedSegment>,
    /// The requests that wait for the cut.
    shares: Vec<(RecordingId, u64)>,
}

impl Ring {
    pub fn state(&self) -> State {
        match (&self.bounds, &self.running, &self.failure, self.hindrances.first()) {
            (None, ..) => State::Off,
            (Some(_), Some(running), ..) => State::Keeping { held_ms: running.held_ms() },
            (Some(_), None, _, Some(hindrance)) => State::Waits { hindrance: *hindrance },
            (Some(_), None, Some(error), None) => State::Failed { error: error.clone() },
            // Between its end and the next beginning, which are one step.
            (Some(_), None, None, None) => State::Keeping { held_ms: 0 },
        }
    }

    pub fn is_hindered_by(&self, hindrance: Hindrance) -> bool {
        self.hindrances.contains(&hindrance)
    }

    /// Returns the ring whose capture is running.
    pub fn running(&self) -> Option<RingId> {
        self.running.as_ref().map(|running| running.ring)
    }

    pub fn handle(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::Chosen { bounds } => {
                self.failure = None;
                self.bounds = bounds;
                let mut actions = self.evict();
                actions.extend(self.settle());
                actions
            }
            Event::Renewed => {
                self.failure = None;
                let mut actions = self.end();
                actions.extend(self.settle());
                actions
            }
            Event::Hindered { by } => {
                self.hindrances.insert(by);
                self.settle()
            }
            Event::Freed { from } => {
                if self.hindrances.remove(&from) {
                    // Something has changed, so capture may work again.
                    self.failure = None;
                }
                self.settle()
            }
            Event::CaptureRefused { ring, error } => self.ended(ring, error),
            Event::Captured { ring, event } => self.captured(ring, event),
            Event::ShareAsked { recording, length_ms } => match &mut self.running {
                Some(running) => {
                    running.shares.push((recording, length_ms));
                    vec![Action::Cut { ring: running.ring }]
                }
                None => vec![Action::RefuseShare { recording }],
            },
            Event::CutOverdue => self.running.as_mut().map_or_else(Vec::new, Running::share),
        }
    }

    /// Turns the newest segments into the beginning of a recording, which takes over this capture. The
    /// rest of the ring is dropped. Returns `None` if nothing is kept.
    pub fn take_over(&mut self, length_ms: u64) -> Option<(Kept, Vec<Action>)> {
        let kept = self.running.as_ref()?.kept(length_ms)?;
        let mut running = self.running.take()?;
        let mut actions = running.share();
        self.hindrances.insert(Hindrance::Recording);
        let older = running.held.iter().take_while(|held| held.index < kept.first_index());
        actions.extend(older.map(|held| Action::Drop { ring: running.ring, index: held.index }));
        Some((kept, actions))
    }

    /// Begins or ends the capture, as is wanted and possible now.
    fn settle(&mut self) -> Vec<Action> {
        let wanted = self.bounds.is_some() && self.hindrances.is_empty() && self.failure.is_none();
        match (&self.running, wanted) {
            (None, true) => {
                self.last += 1;
                let ring = RingId(self.last);
                let (held, shares) = (VecDeque::new(), Vec::new());
                self.running = Some(Running { ring, size: None, held, shares });
                vec![Action::Begin { ring }]
            }
            (Some(_), false) => self.end(),
            (None, false) | (Some(_), true) => Vec::new(),
        }
    }

    fn end(&mut self) -> Vec<Action> {
        let Some(mut running) = self.running.take() else { return Vec::new() };
        let mut actions = running.share();
        actions.push(Action::End { ring: running.ring });
        actions
    }

    fn ended(&mut self, ring: RingId, failure: CaptureError) -> Vec<Action> {
        let mut actions = Vec::new();
        if let Some(mut running) = self.running.take_if(|running| running.ring == ring) {
            actions = running.share();
            self.failure = Some(failure);
        }
        actions.push(Action::Sweep { ring });
        actions
    }

    fn captured(&mut self, ring: RingId, event: CaptureEvent) -> Vec<Action> {
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
                return vec![Action::NotePermission { permission }];
            }
            CaptureEvent::Paused { .. }
            | CaptureEvent::Resumed { .. }
            | CaptureEvent::Troubled { .. }
            | CaptureEvent::Level { .. }
            | CaptureEvent::Ended { .. } => {}
        }
        Vec::new()
    }

    /// Drops the oldest segments while the rest is long enough, or while the size limit is exceeded.
    fn evict(&mut self) -> Vec<Action> {
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
            actions.push(Action::Drop { ring: running.ring, index: oldest.index });
        }
        actions
    }
}

impl Running {
    fn held_ms(&self) -> u64 {
        self.held.iter().map(|segment| segment.duration_ms).sum()
    }

    /// Completes all waiting requests, with the segments that are sealed.
    fn share(&mut self) -> Vec<Action> {
        let shares = std::mem::take(&mut self.shares);
        let answer = |(recording, length_ms)| match self.kept(length_ms) {
            Some(kept) => Action::Share { recording, kept },
            None => Action::RefuseShare { recording },
        };
        shares.into_iter().map(answer).collect()
    }

    /// Returns the fewest of the newest segments that last that long, or all of them.
    fn kept(&self, length_ms: u64) -> Option<Kept> {
        let size = self.size?;
        let mut lasts_ms = 0;
        let enough = self.held.iter().rev().take_while(|segment| {
            let wanted = lasts_ms < length_ms;
            lasts_ms += segment.duration_ms;
            wanted
        });
        let count = enough.count();
        let segments: Vec<_> = self.held.range(self.held.len() - count..).cloned().collect();
        (!segments.is_empty()).then_some(Kept { ring: self.ring, size, segments })
    }
}
