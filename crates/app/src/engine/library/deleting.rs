//! Deleting recordings, and undoing that.
//!
//! Hides a deleted recording at once, and deletes it ten seconds later. Until then its rows and files are
//! kept, together with the time of deletion. If the program ends in between, for whatever reason, the next
//! start deletes what is overdue: the person asked for it, and nobody expects to see a deleted recording
//! again.

use std::collections::BTreeMap;

use snaplark_core::RecordingId;
use snaplark_store::StoreError;
use tracing::{error, info, warn};

use super::{Context, Library};
use crate::AppError;
use crate::engine::context::now_unix_ms;
use crate::view::DeletedView;

/// The time is enough to read a line and reach its button.
const UNDO_MS: i64 = 10_000;
/// How long after a failed deletion it is retried.
const DELETE_AGAIN_MS: u64 = 60_000;

impl Library {
    /// Deletes a recording for good, without undo.
    pub(crate) fn delete(&mut self, cx: &Context, recording: RecordingId) -> Result<(), AppError> {
        cx.store.delete(recording)?;
        self.toasts.forget(recording);
        self.picture_toasts.forget(recording);
        Ok(())
    }

    /// Deletes recordings so that it can be undone for a while.
    pub(crate) fn delete_undoably(
        &mut self,
        cx: &mut Context,
        recordings: &[RecordingId],
    ) -> Result<(), AppError> {
        cx.store.set_deleted(recordings, now_unix_ms())?;
        for recording in recordings {
            self.toasts.forget(*recording);
            self.picture_toasts.forget(*recording);
        }
        self.delete_again_ms = 0;
        self.delete_overdue(cx);
        Ok(())
    }

    /// Restores what was deleted last, and returns it.
    pub(crate) fn undo_delete(&mut self, cx: &mut Context) -> Result<Vec<RecordingId>, AppError> {
        let restored = cx.store.restore_deleted()?;
        self.delete_again_ms = 0;
        self.delete_overdue(cx);
        Ok(restored)
    }

    /// Takes back the row of a recording of which nothing is kept.
    pub(crate) fn take_back(&self, cx: &Context, recording: RecordingId) {
        if let Err(error) = cx.store.delete(recording)
            && !matches!(error, StoreError::NoSuchRecording(_))
        {
            warn!(%recording, %error, "A recording could not be taken back");
        }
    }

    /// Deletes what can no longer be restored, and schedules the next run.
    pub(super) fn delete_overdue(&mut self, cx: &Context) {
        let now_ms = cx.now_ms();
        if now_ms < self.delete_again_ms {
            return;
        }
        let deleted = match cx.store.deleted() {
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
            match cx.store.delete(recording) {
                Ok(()) | Err(StoreError::NoSuchRecording(_)) => info!(%recording, "Deleted"),
                Err(error) => {
                    warn!(%recording, %error, "A recording could not be deleted");
                    look_again(DELETE_AGAIN_MS);
                }
            }
        }
        self.deleted = undoable_view(cx, &undoable);
    }
}

/// Returns what was deleted last, out of everything that can be restored.
fn undoable_view(cx: &Context, deleted: &BTreeMap<RecordingId, i64>) -> Option<DeletedView> {
    let at_unix_ms = deleted.values().max()?;
    let mut last = deleted.iter().filter(|(_, at)| *at == at_unix_ms).map(|(id, _)| *id);
    let count = last.clone().count() as u32;
    let first = cx.store.recording(last.next()?).ok()?;
    Some(DeletedView { count, title: first.title })
}
