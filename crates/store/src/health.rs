//! Non-fatal problems of a recording.

use std::collections::HashMap;

use rusqlite::params;
use snaplark_core::RecordingId;
use snaplark_core::capture::Trouble;

use crate::rows::{recording_id, unsigned};
use crate::{Result, Store};

/// The most problems that are kept for a recording, so that rows can't fill the disk.
const ROWS_MAX: u32 = 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The time in the recording.
    pub at_ms: u64,
    /// The value of `Trouble::kind`.
    pub kind: String,
    /// A sentence for the person.
    pub detail: String,
}

impl Store {
    pub fn note_trouble(
        &self,
        recording: RecordingId,
        at_ms: u64,
        trouble: &Trouble,
    ) -> Result<()> {
        self.note_health(recording, at_ms, trouble.kind(), &trouble.to_string())
    }

    /// Records a problem that capture doesn't know of.
    pub fn note_health(
        &self,
        recording: RecordingId,
        at_ms: u64,
        kind: &str,
        detail: &str,
    ) -> Result<()> {
        self.connection.execute(
            "INSERT INTO health (recording, idx, at_ms, kind, detail)
             SELECT ?1, count(*), ?2, ?3, ?4 FROM health WHERE recording = ?1
             HAVING count(*) < ?5",
            params![recording.to_string(), at_ms as i64, kind, detail, ROWS_MAX],
        )?;
        self.touch(recording);
        Ok(())
    }

    /// Returns the problems of all recordings, in the order of their times in the recording.
    pub fn health(&self) -> Result<HashMap<RecordingId, Vec<Health>>> {
        let mut all: HashMap<RecordingId, Vec<Health>> = HashMap::new();
        // A reader may open the store before a writer of this version has migrated it.
        if self.version()? < 2 {
            return Ok(all);
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT recording, at_ms, kind, detail FROM health ORDER BY recording, at_ms, idx",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let health =
                Health { at_ms: unsigned(row, 1)?, kind: row.get(2)?, detail: row.get(3)? };
            all.entry(recording_id(row, 0)?).or_default().push(health);
        }
        Ok(all)
    }

    /// Returns the problems of one recording, in the order of their times in it.
    pub fn health_of(&self, recording: RecordingId) -> Result<Vec<Health>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT at_ms, kind, detail FROM health WHERE recording = ?1 ORDER BY at_ms, idx",
        )?;
        let rows = statement.query_map([recording.to_string()], |row| {
            Ok(Health { at_ms: unsigned(row, 0)?, kind: row.get(1)?, detail: row.get(2)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
