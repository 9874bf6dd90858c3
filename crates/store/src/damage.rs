//! Segments whose bytes were damaged: the original sizes and hashes, and the rows of their
//! placeholders.

use rusqlite::params;
use snaplark_core::RecordingId;

use crate::rows::unsigned;
use crate::{Result, Segment, Store};

/// The original data of a segment that was replaced by a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// The segment's index.
    pub index: u32,
    /// The size that its file had.
    pub size_bytes: u64,
    /// The digest that its file had.
    pub sha256: [u8; 32],
    /// The time at which it begins.
    pub start_ms: u64,
    /// Its length.
    pub duration_ms: u64,
}

impl Store {
    /// Returns the replaced segments of a recording, in playing order.
    pub fn damaged(&self, recording: RecordingId) -> Result<Vec<Damaged>> {
        // A reader may open the store before a writer of this version has migrated it.
        if self.version()? < 5 {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT d.idx, d.size_bytes, d.sha256, s.start_ms, s.duration_ms
             FROM damage d JOIN segments s ON s.recording = d.recording AND s.idx = d.idx
             WHERE d.recording = ?1 ORDER BY d.idx",
        )?;
        let rows = statement.query_map([recording.to_string()], |row| {
            Ok(Damaged {
                index: row.get(0)?,
                size_bytes: unsigned(row, 1)?,
                sha256: row.get(2)?,
                start_ms: unsigned(row, 3)?,
                duration_ms: unsigned(row, 4)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Records that these segments' files durably contain placeholders now: updates their rows and
    /// keeps the original sizes and hashes. All in one transaction.
    pub fn note_replaced(&mut self, recording: RecordingId, segments: &[Segment]) -> Result<()> {
        let transaction = self.connection.transaction()?;
        for segment in segments {
            transaction.execute(
                "INSERT OR IGNORE INTO damage (recording, idx, size_bytes, sha256)
                 SELECT recording, idx, size_bytes, sha256 FROM segments
                 WHERE recording = ?1 AND idx = ?2",
                params![recording.to_string(), segment.index],
            )?;
            set_bytes(&transaction, recording, segment)?;
        }
        transaction.commit()?;
        self.segments_changed(recording);
        self.touch(recording);
        self.write_sidecar(recording);
        Ok(())
    }

    /// Corrects rows that don't match the bytes of these segments' files, where the rows are wrong.
    pub fn correct_segments(&mut self, recording: RecordingId, segments: &[Segment]) -> Result<()> {
        let transaction = self.connection.transaction()?;
        for segment in segments {
            set_bytes(&transaction, recording, segment)?;
        }
        transaction.commit()?;
        self.segments_changed(recording);
        self.touch(recording);
        self.write_sidecar(recording);
        Ok(())
    }

    /// Records that nothing of the recording can be read any more; `detail` names what is missing.
    pub fn note_missing(&self, recording: RecordingId, detail: &str) -> Result<()> {
        self.change(recording, "missing_detail", detail)
    }
}

/// Sets a segment's size and hash. Pieces of it that an unfinished upload has sent carry the bytes before,
/// so they lose their acknowledgement.
fn set_bytes(
    to: &rusqlite::Transaction<'_>,
    recording: RecordingId,
    segment: &Segment,
) -> rusqlite::Result<usize> {
    to.execute(
        "UPDATE parts SET acknowledged = 0
         WHERE recording IN (SELECT recording FROM uploads WHERE item = ?1
                             AND finished_unix_ms = 0 AND mending = 0)
             AND (first_segment = ?2 AND from_bytes > 0
                  OR first_segment + segment_count - 1 = ?2 AND to_bytes IS NOT NULL)",
        params![recording.to_string(), segment.index],
    )?;
    to.execute(
        "UPDATE segments SET size_bytes = ?3, sha256 = ?4 WHERE recording = ?1 AND idx = ?2",
        params![recording.to_string(), segment.index, segment.size_bytes as i64, segment.sha256],
    )
}
