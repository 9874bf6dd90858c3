//! The rows of recordings and their segments.

use std::ops::Range;
use std::path::PathBuf;

use rusqlite::{OptionalExtension as _, Row, params};
use snaplark_core::capture::{FrameCounts, SealedSegment};
use snaplark_core::{EndReason, INIT_FILE, ItemKind, POINTER_SUFFIX, RecordingId, STILL_FILE};

use crate::imports::ImportedFile;
use crate::items::ITEMS_SINCE;
use crate::rebuild::DELETED_SUFFIX;
use crate::versions::{PREFIX, RENDERED};
use crate::{Judged, RECORDINGS, Result, SEGMENTS_FILE, SIDECAR_FILE, Store, StoreError};
use snaplark_files as files;

/// The facts of a recording that are known before its first frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecording {
    /// Its id, which names its folder.
    pub id: RecordingId,
    /// Its title.
    pub title: String,
    /// The local time at its start, as in file names: `2024-01-15T10-30-45`.
    pub started_text: String,
    /// When it began.
    pub started_unix_ms: i64,
    /// The frame rate that was asked for.
    pub fps: u32,
    /// The bitrate that was asked for, in bits per second.
    pub bitrate_bits: u32,
}

/// A recording as its row and those of its segments say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Its id, which names its folder.
    pub id: RecordingId,
    /// Its title.
    pub title: String,
    /// The local time at its start, as in file names: `2024-01-15T10-30-45`.
    pub started_text: String,
    /// When it began.
    pub started_unix_ms: i64,
    /// The frame rate that was asked for.
    pub fps: u32,
    /// The bitrate that was asked for, in bits per second.
    pub bitrate_bits: u32,
    /// The picture's width in pixels; 0 before the first frame.
    pub width: u32,
    /// The picture's height in pixels; 0 before the first frame.
    pub height: u32,
    /// The size of `init.webm`; 0 before the first frame.
    pub init_bytes: u64,
    /// Whether it has not ended.
    pub running: bool,
    /// Why it ended, if the person did not stop it.
    pub end: Option<StoredEnd>,
    /// How many frames it has and lacks.
    pub counts: FrameCounts,
    /// The person's own file, if it was written.
    pub file: Option<PathBuf>,
    /// Which of its files are missing, if any.
    pub missing_detail: Option<String>,
    /// True if its segments were deleted because they are not needed: it is online, and the person has
    /// a file.
    pub cleared: bool,
    /// How many segments it has.
    pub segments: u32,
    /// The size of all segments.
    pub size_bytes: u64,
    /// The length of all segments.
    pub duration_ms: u64,
    /// The file of a video that a person brought in. Its size, length and place are this row's then.
    pub imported: Option<ImportedFile>,
}

/// Why a recording ended, as its row has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredEnd {
    /// A reason that this version knows.
    Known(EndReason),
    /// An English sentence of an earlier version, or the kind of a reason of a newer one.
    Worded(String),
}

impl StoredEnd {
    fn read(reason: Option<&str>, words: Option<String>) -> Option<Self> {
        let Some(reason) = reason else { return words.map(StoredEnd::Worded) };
        match serde_json::from_str(reason) {
            Ok(reason) => Some(StoredEnd::Known(reason)),
            Err(_) => {
                let json: Option<serde_json::Value> = serde_json::from_str(reason).ok();
                let kind = json.as_ref().and_then(|json| json["kind"].as_str()).map(str::to_owned);
                Some(StoredEnd::Worded(kind.or(words).unwrap_or_default()))
            }
        }
    }
}

impl std::fmt::Display for StoredEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StoredEnd::Known(reason) => reason.fmt(f),
            StoredEnd::Worded(words) => f.write_str(words),
        }
    }
}

/// A segment as its row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its place in the recording, from 0.
    pub index: u32,
    /// The size of its file.
    pub size_bytes: u64,
    /// The time of its first frame.
    pub start_ms: u64,
    /// The time until the next segment begins.
    pub duration_ms: u64,
    /// The digest of its file.
    pub sha256: [u8; 32],
}

impl From<SealedSegment> for Segment {
    fn from(sealed: SealedSegment) -> Self {
        let SealedSegment { index, size_bytes, start_ms, duration_ms, sha256 } = sealed;
        Segment { index, size_bytes, start_ms, duration_ms, sha256 }
    }
}

impl Segment {
    /// Makes a row of what a file's bytes are.
    pub fn judged(index: u32, size_bytes: u64, judged: &Judged) -> Self {
        let Judged { start_ms, duration_ms, sha256 } = *judged;
        Segment { index, size_bytes, start_ms, duration_ms, sha256 }
    }
}

const RECORDING: &str = "
    SELECT r.id, r.title, r.started_text, r.started_unix_ms, r.fps, r.bitrate_bits, r.width,
           r.height, r.init_bytes, r.state = 'running', r.end_detail, r.frames, r.unchanged,
           r.dropped, r.file, r.missing_detail, r.cleared, {totals}, {end_reason}
    FROM recordings r";
/// The totals of the segments' rows, as [`SegmentTotals`] has it.
const TOTALS: &str = "count(s.idx), coalesce(sum(s.size_bytes), 0),
    coalesce(max(s.start_ms + s.duration_ms), 0)";

/// Adds up the rows of a recording's segments. A recording of hours has thousands of them, and its row is read
/// each time that something changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentTotals {
    count: u32,
    size_bytes: u64,
    duration_ms: u64,
}

impl Store {
    /// Creates the empty folder durably, then the row.
    pub fn begin(&self, new: &NewRecording) -> Result<PathBuf> {
        let folder = self.folder(new.id);
        files::make_folder(&folder)
            .and_then(|()| folder.parent().map_or(Ok(()), files::sync_folder))
            .map_err(|source| StoreError::Folder { path: folder.clone(), source })?;
        self.connection.execute(
            "INSERT INTO recordings (id, title, started_text, started_unix_ms, fps, bitrate_bits)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                new.id.to_string(),
                new.title,
                new.started_text,
                new.started_unix_ms,
                new.fps,
                new.bitrate_bits
            ],
        )?;
        self.touch(new.id);
        self.write_sidecar(new.id);
        Ok(folder)
    }

    /// Records the first frame. `init.webm` must be durable.
    pub fn note_started(&self, recording: RecordingId, width: u32, height: u32) -> Result<()> {
        let init = std::fs::read(self.folder(recording).join(INIT_FILE))?;
        self.connection.execute(
            "UPDATE recordings SET width = ?2, height = ?3, init_bytes = ?4, init = ?5
             WHERE id = ?1",
            params![recording.to_string(), width, height, init.len() as i64, init],
        )?;
        self.touch(recording);
        self.write_sidecar(recording);
        Ok(())
    }

    /// Commits a segment's row. Idempotent: after a rebuild the row may already exist.
    pub fn commit_segment(&self, recording: RecordingId, segment: &Segment) -> Result<()> {
        self.connection.execute(
            "INSERT INTO segments (recording, idx, size_bytes, start_ms, duration_ms, sha256)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (recording, idx) DO UPDATE SET
                 size_bytes = excluded.size_bytes, sha256 = excluded.sha256",
            params![
                recording.to_string(),
                segment.index,
                segment.size_bytes as i64,
                segment.start_ms as i64,
                segment.duration_ms as i64,
                segment.sha256
            ],
        )?;
        self.segments_changed(recording);
        self.touch(recording);
        Ok(())
    }

    /// Marks the recording as ended, with the reason if the person did not stop it.
    pub fn close(
        &self,
        recording: RecordingId,
        counts: FrameCounts,
        reason: Option<&EndReason>,
    ) -> Result<()> {
        let reason =
            reason.map(serde_json::to_string).transpose().map_err(std::io::Error::other)?;
        self.connection.execute(
            "UPDATE recordings SET state = 'ended', frames = ?2, unchanged = ?3, dropped = ?4,
                 end_reason = ?5 WHERE id = ?1",
            params![
                recording.to_string(),
                counts.encoded as i64,
                counts.unchanged as i64,
                counts.dropped as i64,
                reason
            ],
        )?;
        self.touch(recording);
        self.leave_elsewhere(recording, false)?;
        self.write_sidecar(recording);
        Ok(())
    }

    /// Sets the person's own file.
    pub fn set_file(&self, recording: RecordingId, file: &std::path::Path) -> Result<()> {
        self.change(recording, "file", &file.to_string_lossy())
    }

    /// Deletes a recording. The folder is renamed before the row is deleted, so that no start mistakes
    /// it for one whose row was lost. If the program crashes meanwhile, the next start completes the
    /// deletion.
    pub fn delete(&self, recording: RecordingId) -> Result<()> {
        self.recording(recording)?;
        self.move_to_bin(recording)?;
        self.finish_deleting(recording)
    }

    /// Renames a recording's folder, if it is there, so that the next start deletes it.
    pub(crate) fn move_to_bin(&self, recording: RecordingId) -> Result<()> {
        match files::rename_durably(&self.folder(recording), &self.bin(recording)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    pub(crate) fn finish_deleting(&self, recording: RecordingId) -> Result<()> {
        let gone = "DELETE FROM recordings WHERE id = ?1";
        self.connection.execute(gone, [recording.to_string()])?;
        self.segments_changed(recording);
        self.touch(recording);
        self.leave_elsewhere(recording, true)?;
        match std::fs::remove_dir_all(self.bin(recording)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn bin(&self, recording: RecordingId) -> PathBuf {
        self.root.join(RECORDINGS).join(format!("{recording}{DELETED_SUFFIX}"))
    }

    /// Returns the recordings whose segments may be deleted: the server has confirmed the video, and
    /// the person's own file is written. Each has the time of its confirmation; the oldest recording
    /// comes first.
    pub fn confirmed(&self) -> Result<Vec<(RecordingId, i64)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT r.id, u.finished_unix_ms FROM recordings r JOIN uploads u ON u.recording = r.id
             WHERE u.finished_unix_ms > 0 AND r.file IS NOT NULL AND NOT r.cleared
               AND r.state = 'ended' AND NOT EXISTS (
                   SELECT 1 FROM uploads f WHERE f.item = r.id AND f.finished_unix_ms = 0)
             ORDER BY r.id",
        )?;
        let rows = statement.query_map([], |row| Ok((recording_id(row, 0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Deletes a recording's segments. The row is changed first, so that the next start can complete an
    /// interrupted deletion. The thumbnail stays, since the card still shows it, and so do the sidecar and the
    /// pointer's positions, which are in no other file. What belongs to versions stays as well: a cleared
    /// recording can be published, and the files of a version may have to be sent.
    pub fn clear_segments(&self, recording: RecordingId) -> Result<()> {
        let cleared = "UPDATE recordings SET cleared = 1 WHERE id = ?1";
        self.connection.execute(cleared, [recording.to_string()])?;
        self.touch(recording);
        self.write_sidecar_alone(recording);
        let entries = match std::fs::read_dir(self.folder(recording)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let stays = name == STILL_FILE
                || name == SIDECAR_FILE
                || name == SEGMENTS_FILE
                || name.ends_with(POINTER_SUFFIX)
                || name.starts_with(PREFIX)
                || name.starts_with(RENDERED);
            if !stays && !entry.file_type()?.is_dir() {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Returns a recording, or [`StoreError::NoSuchRecording`].
    pub fn recording(&self, recording: RecordingId) -> Result<Recording> {
        let query = format!("{} WHERE r.id = ?1", self.select("0, 0, 0")?);
        let found = self
            .connection
            .query_row(&query, [recording.to_string()], read_recording)
            .optional()?
            .ok_or(StoreError::NoSuchRecording(recording))?;
        let SegmentTotals { count: segments, size_bytes, duration_ms } = self.totals(recording)?;
        Ok(Recording { segments, size_bytes, duration_ms, ..found })
    }

    /// Returns what the rows of the segments add up to. Only the writer remembers it, since nobody else changes them.
    fn totals(&self, recording: RecordingId) -> Result<SegmentTotals> {
        if let Some(known) = self.totals.borrow().get(&recording) {
            return Ok(*known);
        }
        let query = format!("SELECT {TOTALS} FROM segments s WHERE s.recording = ?1");
        let read = |row: &Row<'_>| {
            Ok(SegmentTotals {
                count: row.get(0)?,
                size_bytes: unsigned(row, 1)?,
                duration_ms: unsigned(row, 2)?,
            })
        };
        let totals = self.connection.query_row(&query, [recording.to_string()], read)?;
        if self.lock.is_some() {
            self.totals.borrow_mut().insert(recording, totals);
        }
        Ok(totals)
    }

    /// Notes that rows of segments were written. Whoever writes any calls this after its commit.
    pub(crate) fn segments_changed(&self, recording: RecordingId) {
        self.totals.borrow_mut().remove(&recording);
    }

    /// Returns the query for recordings. A reader may open the store before a writer of this version has
    /// migrated it.
    fn select(&self, totals: &str) -> Result<String> {
        let is_old = self.version()? < ITEMS_SINCE;
        let query = RECORDING.replace("{end_reason}", if is_old { "NULL" } else { "r.end_reason" });
        Ok(query.replace("{totals}", totals))
    }

    /// Returns all recordings, newest first, without the deleted ones.
    pub fn recordings(&self) -> Result<Vec<Recording>> {
        let kind = if self.version()? < ITEMS_SINCE { "" } else { "WHERE r.kind = 'recording'" };
        let query = format!(
            "{} LEFT JOIN segments s ON s.recording = r.id {kind} GROUP BY r.id ORDER BY r.id DESC",
            self.select(TOTALS)?
        );
        let mut statement = self.connection.prepare_cached(&query)?;
        let rows = statement.query_map([], read_recording)?;
        let mut recordings = rows.collect::<rusqlite::Result<Vec<Recording>>>()?;
        let deleted = self.deleted()?;
        recordings.retain(|recording| !deleted.contains_key(&recording.id));
        Ok(recordings)
    }

    /// Returns a recording if `recordings` would return it: neither deleted nor another kind of item.
    pub fn visible(&self, recording: RecordingId) -> Result<Option<Recording>> {
        match self.recording(recording) {
            Ok(row) => {
                let is_other = self.kind(recording)? != ItemKind::Recording;
                let is_hidden = is_other || self.deleted()?.contains_key(&recording);
                Ok((!is_hidden).then_some(row))
            }
            Err(StoreError::NoSuchRecording(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn kind(&self, recording: RecordingId) -> Result<ItemKind> {
        match self.version()? {
            ..ITEMS_SINCE => Ok(ItemKind::Recording),
            _ => Ok(self.item(recording.into())?.kind),
        }
    }

    /// Returns `init.webm` as it was sealed. For a recording of an older version, reads it from the
    /// folder.
    pub fn init(&self, recording: RecordingId) -> Result<Vec<u8>> {
        let query = "SELECT init FROM recordings WHERE id = ?1";
        let kept = match self.version()? {
            ..5 => None,
            _ => self
                .connection
                .query_row(query, [recording.to_string()], |row| row.get(0))
                .optional()?
                .flatten(),
        };
        kept.map_or_else(|| Ok(std::fs::read(self.folder(recording).join(INIT_FILE))?), Ok)
    }

    /// Returns all segments in playing order.
    pub fn segments(&self, recording: RecordingId) -> Result<Vec<Segment>> {
        self.segments_in(recording, 0..u32::MAX)
    }

    /// Returns the segments with these indices, in playing order.
    pub fn segments_in(&self, recording: RecordingId, range: Range<u32>) -> Result<Vec<Segment>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT idx, size_bytes, start_ms, duration_ms, sha256 FROM segments
             WHERE recording = ?1 AND idx >= ?2 AND idx < ?3 ORDER BY idx",
        )?;
        let params = params![recording.to_string(), range.start, range.end];
        let rows = statement.query_map(params, |row| {
            Ok(Segment {
                index: row.get(0)?,
                size_bytes: unsigned(row, 1)?,
                start_ms: unsigned(row, 2)?,
                duration_ms: unsigned(row, 3)?,
                sha256: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns the total size of the segments before that one.
    pub fn bytes_before(&self, recording: RecordingId, index: u32) -> Result<u64> {
        let mut statement = self.connection.prepare_cached(
            "SELECT coalesce(sum(size_bytes), 0) FROM segments WHERE recording = ?1 AND idx < ?2",
        )?;
        Ok(statement.query_row(params![recording.to_string(), index], |row| unsigned(row, 0))?)
    }

    /// Returns the path of the person's own file.
    pub fn file(&self, recording: RecordingId) -> Result<Option<PathBuf>> {
        let mut statement =
            self.connection.prepare_cached("SELECT file FROM recordings WHERE id = ?1")?;
        let file =
            statement.query_row([recording.to_string()], |row| row.get::<_, Option<String>>(0));
        let file = file.optional()?.ok_or(StoreError::NoSuchRecording(recording))?;
        Ok(file.map(PathBuf::from))
    }

    pub(crate) fn change(&self, recording: RecordingId, column: &str, value: &str) -> Result<()> {
        let query = format!("UPDATE recordings SET {column} = ?2 WHERE id = ?1");
        if self.connection.execute(&query, params![recording.to_string(), value])? == 0 {
            return Err(StoreError::NoSuchRecording(recording));
        }
        self.touch(recording);
        self.write_sidecar_alone(recording);
        Ok(())
    }
}

fn read_recording(row: &Row<'_>) -> rusqlite::Result<Recording> {
    Ok(Recording {
        id: recording_id(row, 0)?,
        title: row.get(1)?,
        started_text: row.get(2)?,
        started_unix_ms: row.get(3)?,
        fps: row.get(4)?,
        bitrate_bits: row.get(5)?,
        width: row.get(6)?,
        height: row.get(7)?,
        init_bytes: unsigned(row, 8)?,
        running: row.get(9)?,
        end: StoredEnd::read(row.get::<_, Option<String>>(20)?.as_deref(), row.get(10)?),
        counts: FrameCounts {
            encoded: unsigned(row, 11)?,
            unchanged: unsigned(row, 12)?,
            dropped: unsigned(row, 13)?,
        },
        file: row.get::<_, Option<String>>(14)?.map(PathBuf::from),
        missing_detail: row.get(15)?,
        cleared: row.get(16)?,
        segments: row.get(17)?,
        size_bytes: unsigned(row, 18)?,
        duration_ms: unsigned(row, 19)?,
        imported: None,
    })
}

pub(crate) fn recording_id(row: &Row<'_>, column: usize) -> rusqlite::Result<RecordingId> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error| conversion(column, error))
}

pub(crate) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|error| conversion(column, error))
}

pub(crate) fn conversion(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    let kind = rusqlite::types::Type::Text;
    rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
}
