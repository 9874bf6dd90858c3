//! Deleting recordings, and undoing that.
//!
//! Hides a deleted recording at once, and deletes it ten seconds later. Until then its rows and files are
//! kept, together with the time of deletion. If the program ends in between, for whatever reason, the next
//! start deletes what is overdue: the person asked for it, and nobody expects to see a deleted recording
//! again.

use std::collections::BTreeMap;

use snaplark_core::RecordingId;
use snaplark_core::upload::{Event, Phase};
use snaplark_store::StoreError;
use tracing::{error, info, warn};

use super::Engine;
use crate::AppError;
use crate::view::DeletedView;

/// Enough time to read a line and reach its button.
const UNDO_MS: i64 = 10_000;
/// How long after a failed deletion it is retried.
const DELETE_AGAIN_MS: u64 = 60_000;

impl Engine {
    /// Deletes a recording for good, without undo.
    pub(super) fn delete(&mut self, recording: RecordingId) -> Result<(), AppError> {
        self.refuse_running(&[recording])?;
        self.store.delete(recording)?;
        self.forget(recording);
        Ok(())
    }

    pub(super) fn delete_undoably(&mut self, recordings: &[RecordingId]) -> Result<(), AppError> {
        self.refuse_running(recordings)?;
        self.store.set_deleted(recordings, now_unix_ms())?;
        for recording in recordings {
            self.forget(*recording);
        }
        self.delete_again_ms = 0;
        self.delete_overdue();
        Ok(())
    }

    /// Restores what was deleted last and resumes its uploads.
    pub(super) fn undo_delete(&mut self) -> Result<(), AppError> {
        let restored = self.store.restore_deleted()?;
        self.rebuild_machine()?;
        for recording in restored {
            let status = self.machine.status(self.now_ms(), recording);
            if status.is_some_and(|status| status.phase != Phase::Finished) {
                self.toasts.remember(recording);
            }
        }
        self.delete_again_ms = 0;
        self.delete_overdue();
        Ok(())
    }

    /// Deletes what can no longer be restored, and schedules the next run.
    pub(super) fn delete_overdue(&mut self) {
        let now_ms = self.now_ms();
        if now_ms < self.delete_again_ms {
            return;
        }
        let deleted = match self.store.deleted() {
            Ok(deleted) => deleted,
            Err(error) => {
                error!(%error, "It can't be told what is to be deleted");
                self.delete_again_ms = now_ms + DELETE_AGAIN_MS;
                return;
            }
        };
        self.delete_again_ms = u64::MAX;
        let mut look_again = |ms: u64| {
            self.delete_again_ms = self.delete_again_ms.min(now_ms + ms);
        };
        let mut undoable = BTreeMap::new();
        for (recording, at_unix_ms) in deleted {
            let left_ms = at_unix_ms + UNDO_MS - now_unix_ms();
            // A clock that was set back must not delay the deletion for hours.
            if (1..=UNDO_MS).contains(&left_ms) {
                look_again(left_ms as u64);
                undoable.insert(recording, at_unix_ms);
                continue;
            }
            match self.store.delete(recording) {
                Ok(()) | Err(StoreError::NoSuchRecording(_)) => info!(%recording, "Deleted"),
                Err(error) => {
                    warn!(%recording, %error, "A recording could not be deleted");
                    look_again(DELETE_AGAIN_MS);
                }
            }
        }
        self.deleted = self.undoable(&undoable);
    }

    /// Returns what was deleted last, out of everything that can be restored.
    fn undoable(&self, deleted: &BTreeMap<RecordingId, i64>) -> Option<DeletedView> {
        let at_unix_ms = deleted.values().max()?;
        let mut last = deleted.iter().filter(|(_, at)| *at == at_unix_ms).map(|(id, _)| *id);
        let count = last.clone().count() as u32;
        let first = self.store.recording(last.next()?).ok()?;
        Some(DeletedView { count, title: first.title })
    }

    fn refuse_running(&self, recordings: &[RecordingId]) -> Result<(), AppError> {
        match self.recorder.recording().filter(|running| recordings.contains(running)) {
            Some(_) => Err(AppError::AlreadyRecording),
            None => Ok(()),
        }
    }

    fn forget(&mut self, recording: RecordingId) {
        self.toasts.forget(recording);
        self.tell_machine(Event::Forgotten { recording });
    }
}

fn now_unix_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
