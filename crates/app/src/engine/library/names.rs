//! The names of recordings. Titles that change are sent to the server by the uploads.

use snaplark_core::RecordingId;
use tracing::warn;

use super::{Context, Library};
use crate::{AppError, titles};

impl Library {
    /// Names a recording unless the person has named it already. Returns whether its title may have changed.
    pub(crate) fn name(&self, cx: &Context, recording: RecordingId, title: &str) -> bool {
        let dated = match cx.store.recording(recording) {
            Ok(row) => cx.dated_title(row.started_unix_ms),
            // The recording is over and nothing is left of it.
            Err(_) => return false,
        };
        match cx.store.rename_from(recording, &dated, title) {
            Ok(_) => true,
            Err(error) => {
                warn!(%recording, %error, "A recording could not be named");
                false
            }
        }
    }

    /// Sets a title that a person chose.
    pub(crate) fn rename(
        &self,
        cx: &Context,
        recording: RecordingId,
        title: &str,
    ) -> Result<(), AppError> {
        let title = titles::given(title).ok_or(AppError::EmptyTitle)?;
        Ok(cx.store.rename(recording, &title)?)
    }
}
