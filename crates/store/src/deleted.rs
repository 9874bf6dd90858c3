//! Recordings that are deleted but can still be restored.

use std::collections::BTreeMap;

use rusqlite::params;
use snaplark_core::RecordingId;

use crate::rows::recording_id;
use crate::{Result, Store, StoreError};

impl Store {
    /// Hides these recordings, all or none. [`Store::delete`] deletes them for good.
    pub fn set_deleted(&mut self, recordings: &[RecordingId], at_unix_ms: i64) -> Result<()> {
        let transaction = self.connection.transaction()?;
        for recording in recordings {
            let known = transaction.execute(
                "INSERT INTO deleted (recording, at_unix_ms) SELECT id, ?2 FROM recordings
                 WHERE id = ?1 ON CONFLICT (recording) DO NOTHING",
                params![recording.to_string(), at_unix_ms],
            )?;
            if known == 0 {
                return Err(StoreError::NoSuchRecording(*recording));
            }
        }
        transaction.commit()?;
        for recording in recordings {
            self.touch(*recording);
            self.write_sidecar_alone(*recording);
        }
        Ok(())
    }

    /// Restores the recordings that were deleted last, and returns them.
    pub fn restore_deleted(&mut self) -> Result<Vec<RecordingId>> {
        let mut statement = self.connection.prepare_cached(
            "DELETE FROM deleted WHERE at_unix_ms = (SELECT max(at_unix_ms) FROM deleted)
             RETURNING recording",
        )?;
        let restored = statement
            .query_map([], |row| recording_id(row, 0))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        drop(statement);
        for recording in &restored {
            self.touch(*recording);
            self.write_sidecar_alone(*recording);
        }
        Ok(restored)
    }

    /// Returns the hidden recordings, each with the time of its deletion.
    pub fn deleted(&self) -> Result<BTreeMap<RecordingId, i64>> {
        // A reader may open the store before a writer of this version has migrated it.
        if self.version()? < 3 {
            return Ok(BTreeMap::new());
        }
        let query = "SELECT recording, at_unix_ms FROM deleted";
        let mut statement = self.connection.prepare_cached(query)?;
        let rows = statement.query_map([], |row| Ok((recording_id(row, 0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
