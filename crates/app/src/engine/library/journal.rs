//! The journal: the queue of writes to the store, in order.
//!
//! If a write fails for a reason that may pass (disk full, database locked by another program), later ones
//! queue up behind it and it is retried. Meanwhile capture keeps writing segments, which recovery would
//! find.

use std::collections::VecDeque;
use std::path::PathBuf;

use snaplark_core::capture::{FrameCounts, Issue};
use snaplark_core::upload::Step;
use snaplark_core::{EndReason, RecordingId};
use snaplark_store::{Segment, StoreError, Strike, Struck};
use tracing::error;

use super::{Context, Library};
use crate::finish;
use crate::messages::Reply;
use crate::source::{self, Repair};
use crate::view::StruckView;

/// How long after a failed commit the next attempt is made.
const COMMIT_AGAIN_MS: u64 = 1_000;
/// How long someone who waits for the end of a recording waits while its rows can't be written, before
/// getting an error. Longer than a backup program holds the database's lock. Retries continue.
const COMMIT_PATIENCE_MS: u64 = 10_000;

/// A write that waits for the store.
pub(in crate::engine) enum Write {
    Started {
        recording: RecordingId,
        width: u32,
        height: u32,
    },
    /// A sealed segment. The path is set if its file lies elsewhere and has to be moved into the
    /// recording's folder first.
    Segment(RecordingId, Segment, Option<PathBuf>),
    Issue(RecordingId, u64, Issue),
    Repair(RecordingId, Repair),
    /// Removes what was struck.
    Strike(StrikeWrite),
    Close(RecordingId, FrameCounts, Option<EndReason>),
    /// Deletes a cancelled recording.
    Delete(RecordingId),
    Step(Step),
}

/// A strike that waits for the store.
pub(in crate::engine) struct StrikeWrite {
    pub(in crate::engine) recording: RecordingId,
    pub(in crate::engine) strike: Strike,
    pub(in crate::engine) removed_ms: u64,
    /// The state that the strike has left; set once it is done.
    pub(in crate::engine) struck: Option<Struck>,
    pub(in crate::engine) reply: Option<Reply<StruckView>>,
}

/// The result of the first write of the journal.
pub(in crate::engine) enum Wrote {
    /// There is none.
    Nothing,
    Done(Write),
    /// The store will never take it, so it is left out.
    Refused,
    /// The database is broken and may be rebuilt.
    Broken,
    /// It waits and is tried again. The error is set once people have waited long enough.
    Stuck(Option<StoreError>),
}

/// The writes that wait for the store.
#[derive(Default)]
pub(super) struct Journal {
    unwritten: VecDeque<Write>,
    /// Somebody wants the first write tried now.
    is_due: bool,
    again_ms: Option<u64>,
    /// When the first failure since the last successful commit happened.
    failing_since_ms: Option<u64>,
}

impl Journal {
    pub(crate) fn again_ms(&self) -> Option<u64> {
        self.again_ms
    }

    /// Drops the steps of the upload machine.
    pub(crate) fn forget_steps(&mut self) {
        self.unwritten.retain(|write| !matches!(write, Write::Step(_)));
    }
}

impl Library {
    /// Queues writes and has the journal tried now.
    pub(crate) fn queue(&mut self, writes: Vec<Write>) {
        self.journal.unwritten.extend(writes);
        self.journal.is_due = true;
    }

    /// Has the journal tried now.
    pub(crate) fn retry_writes(&mut self) {
        self.journal.is_due = true;
    }

    /// Queues a step of the upload machine. Behind a write that fails it waits for the next attempt, since
    /// steps come many times a second.
    pub(crate) fn queue_step(&mut self, step: Step) {
        self.journal.unwritten.push_back(Write::Step(step));
        self.journal.is_due |= self.journal.unwritten.len() == 1;
    }

    /// Returns whether the journal should be tried now, and assumes that the caller does so.
    pub(crate) fn take_due(&mut self) -> bool {
        let is_due = std::mem::take(&mut self.journal.is_due);
        if is_due {
            self.journal.again_ms = None;
        }
        is_due
    }

    /// Tries the rest of the journal after the messages that have arrived meanwhile.
    pub(crate) fn write_soon(&mut self, cx: &Context) {
        if !self.journal.unwritten.is_empty() {
            self.journal.again_ms = Some(cx.now_ms());
        }
    }

    /// Tries the journal again after a rebuild that failed.
    pub(crate) fn write_later(&mut self, cx: &Context) {
        self.journal.again_ms = Some(cx.now_ms() + COMMIT_AGAIN_MS);
    }

    /// Tries the first write of the journal.
    pub(crate) fn write_next(&mut self, cx: &mut Context) -> Wrote {
        let Some(mut write) = self.journal.unwritten.pop_front() else { return Wrote::Nothing };
        let Err(error) = commit(cx, &mut write) else {
            self.journal.failing_since_ms = None;
            return Wrote::Done(write);
        };
        if self.may_rebuild(cx, &error) {
            error!(%error, "The list of recordings is damaged");
            // A step is dropped, since the rebuilt machine produces a new one.
            if !matches!(write, Write::Step(_)) {
                self.journal.unwritten.push_front(write);
            }
            return Wrote::Broken;
        }
        if !error.may_pass() {
            error!(%error, "The list of recordings refuses an entry; it is left out");
            return Wrote::Refused;
        }
        if self.journal.failing_since_ms.is_none() {
            error!(%error, "The list of recordings could not be written; trying again");
        }
        let now_ms = cx.now_ms();
        let since_ms = *self.journal.failing_since_ms.get_or_insert(now_ms);
        self.journal.unwritten.push_front(write);
        self.journal.again_ms = Some(now_ms + COMMIT_AGAIN_MS);
        Wrote::Stuck((now_ms >= since_ms + COMMIT_PATIENCE_MS).then_some(error))
    }

    /// Returns the recording whose rows are to be closed and aren't yet.
    pub(crate) fn unclosed(&self) -> Option<RecordingId> {
        self.journal.unwritten.iter().find_map(|write| match write {
            Write::Close(recording, ..) => Some(*recording),
            Write::Started { .. }
            | Write::Segment(..)
            | Write::Issue(..)
            | Write::Repair(..)
            | Write::Strike(_)
            | Write::Delete(_)
            | Write::Step(_) => None,
        })
    }

    /// Returns how many segments of a recording are sealed, whether or not their rows are written, and its
    /// title if there are any.
    pub(crate) fn saved(&self, cx: &Context, recording: RecordingId) -> (String, u32) {
        let unwritten = self.journal.unwritten.iter().filter(|write| match write {
            Write::Segment(of, ..) => *of == recording,
            Write::Started { .. }
            | Write::Issue(..)
            | Write::Repair(..)
            | Write::Strike(_)
            | Write::Close(..)
            | Write::Delete(_)
            | Write::Step(_) => false,
        });
        let unwritten = unwritten.count() as u32;
        match cx.store.recording(recording) {
            Ok(row) if row.segments + unwritten > 0 => (row.title, row.segments + unwritten),
            Ok(_) | Err(_) => (String::new(), unwritten),
        }
    }
}

fn commit(cx: &mut Context, write: &mut Write) -> Result<(), StoreError> {
    let store = &mut cx.store;
    match write {
        Write::Strike(StrikeWrite { recording, strike, struck, .. }) => {
            *struck = Some(store.strike(*recording, *strike, &finish::Webm)?);
            Ok(())
        }
        Write::Started { recording, width, height } => {
            store.note_started(*recording, *width, *height)
        }
        Write::Segment(recording, segment, None) => store.commit_segment(*recording, segment),
        Write::Segment(recording, segment, Some(from)) => {
            let home = store.bring_home(*recording, segment, from, &finish::retime)?;
            store.commit_segment(*recording, &home)
        }
        Write::Issue(recording, at_ms, issue) => store.note_issue(*recording, *at_ms, issue),
        Write::Repair(recording, repair) => commit_repair(cx, *recording, repair),
        Write::Close(recording, counts, reason) => {
            store.close(*recording, *counts, reason.as_ref())
        }
        Write::Delete(recording) => match store.delete(*recording) {
            Err(StoreError::NoSuchRecording(_)) => Ok(()),
            deleted => deleted,
        },
        Write::Step(step) => store.apply(&step.changes),
    }
}

fn commit_repair(
    cx: &mut Context,
    recording: RecordingId,
    repair: &Repair,
) -> Result<(), StoreError> {
    cx.store.correct_segments(recording, &repair.corrected)?;
    cx.store.note_replaced(recording, &repair.replaced)?;
    for segment in &repair.replaced {
        let issue = source::damage(segment);
        cx.store.note_issue(recording, segment.start_ms, &issue)?;
    }
    match &repair.lost {
        Some(lost) => cx.store.note_missing(recording, lost),
        None => Ok(()),
    }
}
