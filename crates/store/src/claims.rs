//! The secret from which a recording's address at our servers is made. It is sent to a server with
//! `init` and never before, so that a person who sees the link can't begin an upload under it.

use rusqlite::{OptionalExtension as _, params};
use snaplark_api::RECORDING_SECRET_BYTES;
use snaplark_core::RecordingId;

use crate::further::FURTHER_SINCE;
use crate::{Result, Store, StoreError};

/// The secret from which a recording's address is made.
pub type Secret = [u8; RECORDING_SECRET_BYTES];

impl Store {
    /// Returns the secret of a recording or of a further upload; `None` if an older version of the app made the recording.
    pub fn secret(&self, recording: RecordingId) -> Result<Option<Secret>> {
        // A reader may open the store before a writer of this version has migrated it.
        if self.version()? < 7 {
            return Ok(None);
        }
        let query = "SELECT secret FROM recordings WHERE id = ?1";
        let read = |row: &rusqlite::Row<'_>| row.get::<_, Option<Vec<u8>>>(0);
        let found = self.connection.query_row(query, [recording.to_string()], read).optional()?;
        let found = match found.is_none() && self.version()? >= FURTHER_SINCE {
            true => {
                let query = "SELECT secret FROM uploads WHERE recording = ?1";
                self.connection.query_row(query, [recording.to_string()], read).optional()?
            }
            false => found,
        };
        Ok(found.flatten().and_then(|secret| secret.try_into().ok()))
    }

    /// Sets the secret of a recording or of a further upload, or replaces one whose address is taken.
    pub fn set_secret(&self, recording: RecordingId, secret: &Secret) -> Result<()> {
        let query = "UPDATE recordings SET secret = ?2 WHERE id = ?1";
        let values = params![recording.to_string(), secret.as_slice()];
        if self.connection.execute(query, values)? > 0 {
            self.write_sidecar_alone(recording);
            return Ok(());
        }
        let query = "UPDATE uploads SET secret = ?2 WHERE recording = ?1";
        if self.connection.execute(query, values)? == 0 {
            return Err(StoreError::NoSuchRecording(recording));
        }
        self.write_sidecar_alone(self.item_of_upload(recording)?);
        Ok(())
    }
}
