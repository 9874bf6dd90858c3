//! The secret from which a recording's address at our servers is made. It is sent to a server with
//! `init` and never before, so that a person who sees the link can't begin an upload under it.

use rusqlite::{OptionalExtension as _, params};
use snaplark_api::RECORDING_SECRET_BYTES;
use snaplark_core::RecordingId;

use crate::{Result, Store, StoreError};

/// The secret from which a recording's address is made.
pub type Secret = [u8; RECORDING_SECRET_BYTES];

impl Store {
    /// Returns a recording's secret; `None` if an older version of the app made the recording.
    pub fn secret(&self, recording: RecordingId) -> Result<Option<Secret>> {
        // A reader may open the store before a writer of this version has migrated it.
        if self.version()? < 7 {
            return Ok(None);
        }
        let query = "SELECT secret FROM recordings WHERE id = ?1";
        let read = |row: &rusqlite::Row<'_>| row.get::<_, Option<Vec<u8>>>(0);
        let found = self.connection.query_row(query, [recording.to_string()], read).optional()?;
        Ok(found.flatten().and_then(|secret| secret.try_into().ok()))
    }

    /// Sets a recording's secret, or replaces one whose address is taken.
    pub fn set_secret(&self, recording: RecordingId, secret: &Secret) -> Result<()> {
        let query = "UPDATE recordings SET secret = ?2 WHERE id = ?1";
        if self.connection.execute(query, params![recording.to_string(), secret.as_slice()])? == 0 {
            return Err(StoreError::NoSuchRecording(recording));
        }
        self.write_sidecar(recording);
        Ok(())
    }
}
