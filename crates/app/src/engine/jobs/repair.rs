//! The job that repairs segments whose bytes differ from what was sealed.

use std::sync::{Mutex, PoisonError};

use snaplark_core::RecordingId;
use snaplark_store::StoreError;
use tracing::warn;

use super::{Context, JobOutcome, Jobs};
use crate::source::{self, RecordingSource};

/// Allows one repair at a time, since two repairs of one segment would write the same file.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

impl Jobs {
    /// Repairs damaged segments of a recording.
    pub(crate) fn repair(
        &mut self,
        cx: &Context,
        recording: RecordingId,
        damaged: Vec<u32>,
    ) -> Result<(), StoreError> {
        let source = RecordingSource::new(&cx.store, recording)?;
        warn!(%recording, ?damaged, "Segments of a recording are damaged");
        let kept = cx.store.kept_sha256(recording);
        // Closing the program waits for the repair, as it does for a file being written.
        let work = move |_: &_| {
            let one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
            let repair = source::repair(&source, &damaged, &kept);
            drop(one);
            JobOutcome::Repaired(recording, repair)
        };
        self.begin_unlisted(cx, None, recording, work, || {});
        Ok(())
    }
}
