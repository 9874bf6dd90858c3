//! The ring: the last minutes of the screen, kept in segments of which the oldest go as new ones
//! come, so that a recording can begin in the past.
//!
//! It stands beside the recorder and is no state of it: a ring has no row, no upload and no end that
//! anyone waits for, and each of the recorder's doors would have to say "but not for the ring".
//! What joins them is that one of them captures at a time: a recording hinders the ring, or takes its
//! capture over. What a ring held is gone when it ends, for whatever reason.

use std::collections::{BTreeSet, VecDeque};

use crate::RecordingId;
use crate::capture::{CaptureEnd, CaptureError, CaptureEvent, Permission, SealedSegment};

/// One run of its capture, with a folder of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RingId(pub u32);

/// How much is kept at the most. Whole segments: one more than the time asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub length_ms: u64,
    pub bytes_max: u64,
}

/// Why nothing is kept now, though the person wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hindrance {
    Recording,
    /// The session is locked: its owner is not there.
    Locked,
    Asleep,
    DiskLow,
    Closing,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// `None`: nothing is to be kept.
    Chosen {
        bounds: Option<Bounds>,
    },
    /// It is to be kept otherwise from now on: another source, or another sharpness.
    Renewed,
    Hindered {
        by: Hindrance,
    },
    Freed {
        from: Hindrance,
    },
    /// Capture said no at once.
    CaptureRefused {
        ring: RingId,
        error: CaptureError,
    },
    Captured {
        ring: RingId,
        event: CaptureEvent,
    },
    /// So much, up to now, is to become a recording; the ring goes on.
    ShareAsked {
        recording: RecordingId,
        length_ms: u64,
    },
    /// The cut that was asked for did not come in time.
    CutOverdue,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Make the folder and start capture.
    Begin {
        ring: RingId,
    },
    /// Ask capture to end. Nothing of it is wanted any more.
    End {
        ring: RingId,
    },
    /// It has ended: delete its folder.
    Sweep {
        ring: RingId,
    },
    /// Delete this segment.
    Drop {
        ring: RingId,
        index: u32,
    },
    /// Ask capture to cut. `CutOverdue` follows where it doesn't.
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

/// What becomes a recording: segments in their order, with the ring's indices and times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub ring: RingId,
    pub size: (u32, u32),
    pub segments: Vec<SealedSegment>,
}

impl Kept {
    /// The ring's number of what is the recording's first segment.
    pub fn first_index(&self) -> u32 {
        self.segments.first().map_or(0, |segment| segment.index)
    }

    /// The ring's time at which the recording begins.
    pub fn base_ms(&self) -> u64 {
        self.segments.first().map_or(0, |segment| segment.start_ms)
    }

    pub fn duration_ms(&self) -> u64 {
        self.segments.iter().map(|segment| segment.duration_ms).sum()
    }
}

/// What a ring's capture says, as the recording that took it over means it.
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
    /// Nobody wants it.
    Off,
    /// The screen is being kept.
    Keeping {
        held_ms: u64,
    },
    Waits {
        hindrance: Hindrance,
    },
    /// It is not tried again before something changes.
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

/// A capture under way.
#[derive(Debug)]
struct Running {
    ring: RingId,
    /// `None`: no picture yet.
    size: Option<(u32, u32)>,
    held: VecDeque<SealedSegment>,
    /// Wait for the cut.
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

    /// Whose capture runs.
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
                    // Something has changed: what failed may work again.
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

    /// What becomes the beginning of a recording, whose capture this is from now on. The rest of the
    /// ring is dropped with it. `None`: nothing is kept.
    pub fn take_over(&mut self, length_ms: u64) -> Option<(Kept, Vec<Action>)> {
        let kept = self.running.as_ref()?.kept(length_ms)?;
        let mut running = self.running.take()?;
        let mut actions = running.share();
        self.hindrances.insert(Hindrance::Recording);
        let older = running.held.iter().take_while(|held| held.index < kept.first_index());
        actions.extend(older.map(|held| Action::Drop { ring: running.ring, index: held.index }));
        Some((kept, actions))
    }

    /// Begins or ends, as is wanted and possible now.
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
                // Nobody asked it to, or it is not this one: it is not tried over and over.
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

    /// The oldest go while the rest is enough, or too much.
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

    /// Answers everyone who waits, with what is sealed.
    fn share(&mut self) -> Vec<Action> {
        let shares = std::mem::take(&mut self.shares);
        let answer = |(recording, length_ms)| match self.kept(length_ms) {
            Some(kept) => Action::Share { recording, kept },
            None => Action::RefuseShare { recording },
        };
        shares.into_iter().map(answer).collect()
    }

    /// The fewest of the newest segments that last so long, or all.
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
