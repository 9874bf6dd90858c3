//! Versions of edited recordings.
//!
//! Order of writes: the rendered pieces, the row, the upload; each is durable before the next. A crash in between
//! leaves files without a row, which the next start removes, or a row without an upload, which begins then. The
//! rendered pieces stay until a later version takes their place: the server may ask for them again.

use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension as _, params};
use serde::de::DeserializeOwned;
use snaplark_core::edit::Edit;
use snaplark_core::upload::{
    EditedVersion, PartContent, SegmentBytes, ServedParts, ServedVersion, StoredEditedVersion,
};
use snaplark_core::{ItemId, RecordingId};
use snaplark_files as files;

use crate::edits::text_of;
use crate::rows::unsigned;
use crate::versions::{PREFIX, RENDERED};
use crate::{RECORDINGS, Result, Store};

/// The schema version that added versions of edited recordings.
pub(crate) const EDITED_SINCE: i64 = 13;

/// A version of an edited recording before it is in the store.
#[derive(Clone, Debug)]
pub struct NewEditedVersion {
    /// The edit that it shows.
    pub edit: Edit,
    /// The version's pieces. Its rendered files are in the recording's folder, under any names.
    pub version: EditedVersion,
    /// The version that the link shows now, if its upload is the last one.
    pub served: Option<ServedVersion>,
    /// The least number that it may have.
    pub number_min: u32,
}

/// The row of a recording's upload without its parts, of which a recording of hours has thousands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadSummary {
    /// It is of a version of an edited recording.
    pub is_edited: bool,
    /// Its number; `None`: the recording as it is.
    pub version: Option<u32>,
    /// How long the version is.
    pub version_ms: Option<u64>,
    /// The link shows it, also while its damage is mended.
    pub is_shown: bool,
    /// It has stopped.
    pub is_stopped: bool,
    /// The largest part that its server takes, if that is known.
    pub part_bytes_max: Option<u64>,
    /// The size of the parts that were sent, without those that the server kept.
    pub sent_bytes: u64,
    /// How many segments are in its parts, or how many pieces.
    pub planned_segments: u32,
}

/// Returns a folder for pieces that are being rendered, below the store's folder `root`. It is removed by the next
/// start.
pub fn rendering_folder(root: &Path, recording: RecordingId) -> PathBuf {
    let name = format!("{RENDERED}{}", uuid::Uuid::new_v4().simple());
    root.join(RECORDINGS).join(recording.to_string()).join(name)
}

impl Store {
    /// Adds the next version of an edited recording, and returns its number. Its row is durable then.
    pub fn add_edited_version(&self, item: ItemId, new: NewEditedVersion) -> Result<u32> {
        let NewEditedVersion { edit, mut version, served, number_min } = new;
        self.item(item)?;
        let highest = "SELECT coalesce(max(number), 0) FROM versions WHERE item = ?1";
        let highest: u32 =
            self.connection.query_row(highest, [item.to_string()], |row| row.get(0))?;
        let number = highest.saturating_add(1).max(number_min);
        self.name_files(item, number, &mut version)?;
        let segments = self.sealed_segments(item)?;
        let transaction = self.connection.unchecked_transaction()?;
        if let Some(served) = served {
            transaction.execute(
                "INSERT INTO versions (item, number, published_unix_ms, served)
                 VALUES (?1, ?2, CAST(unixepoch('subsec') * 1000 AS INTEGER), ?3)
                 ON CONFLICT (item, number) DO UPDATE SET served = excluded.served",
                params![
                    item.to_string(),
                    served.number,
                    json(&ServedParts::new(&served.parts, &segments))?
                ],
            )?;
        }
        let pieces = json(&StoredEditedVersion::new(&version, &segments))?;
        transaction.execute(
            "INSERT INTO versions (item, number, edit, pieces) VALUES (?1, ?2, ?3, ?4)",
            params![item.to_string(), number, text_of(&edit)?, pieces],
        )?;
        transaction.commit()?;
        self.edited(item);
        Ok(number)
    }

    /// Gives the rendered files the names of their version. No other version has the number yet, so a file under such
    /// a name is of a version that never got its row.
    fn name_files(&self, item: ItemId, number: u32, version: &mut EditedVersion) -> Result<()> {
        let folder = self.folder(RecordingId(item.0));
        let mut is_any = false;
        for (index, part) in version.parts.iter_mut().enumerate() {
            let PartContent::File(name, _) = &mut part.content else { continue };
            let named = format!("{PREFIX}{number}-{index:06}.webm");
            std::fs::rename(folder.join(&*name), folder.join(&named))?;
            (*name, is_any) = (named, true);
        }
        if is_any {
            files::sync_folder(&folder)?;
        }
        Ok(())
    }

    /// Returns what a version of an edited recording consists of. `None`: there is none, or a later one has taken its
    /// place.
    pub fn edited_version(&self, item: ItemId, number: u32) -> Result<Option<EditedVersion>> {
        let found = self.version_json::<StoredEditedVersion>(item, "pieces", Some(number))?;
        let Some((_, stored)) = found else { return Ok(None) };
        // What can't be read counts as missing: it is made again then.
        Ok(stored.version(&self.sealed_segments(item)?))
    }

    /// Returns the parts of the version that a recording's link shows, if a later version's upload has taken the
    /// place of that one's.
    pub fn served_version(&self, item: ItemId) -> Result<Option<ServedVersion>> {
        match self.served_number(item)? {
            Some(number) => self.noted_version(item, number),
            None => Ok(None),
        }
    }

    /// Returns the parts of a version that its link has shown, if they were noted: a later version keeps of them, also
    /// when it is shown itself.
    pub fn noted_version(&self, item: ItemId, number: u32) -> Result<Option<ServedVersion>> {
        let found: Option<(u32, ServedParts)> = self.version_json(item, "served", Some(number))?;
        let Some((number, stored)) = found else { return Ok(None) };
        // What can't be read counts as missing: it is sent again then.
        let parts = stored.parts(&self.sealed_segments(item)?);
        Ok(parts.map(|parts| ServedVersion { number, parts }))
    }

    /// Returns the bytes of all segments as they were sealed, also of those that a placeholder has replaced since: what
    /// was sent before that is what the server has.
    fn sealed_segments(&self, item: ItemId) -> Result<Vec<SegmentBytes>> {
        let recording = RecordingId(item.0);
        let segments = self.segments(recording)?;
        let mut sealed: Vec<_> = segments.iter().map(|it| (it.size_bytes, it.sha256)).collect();
        for damaged in self.damaged(recording)? {
            if let Some(bytes) = sealed.get_mut(damaged.index as usize) {
                *bytes = (damaged.size_bytes, damaged.sha256);
            }
        }
        Ok(sealed)
    }

    /// Returns the number of that version.
    pub fn served_number(&self, item: ItemId) -> Result<Option<u32>> {
        if self.version()? < EDITED_SINCE {
            return Ok(None);
        }
        // The parts of the version before the shown one are noted still, since that one keeps of them.
        let query = "SELECT max(number) FROM versions WHERE item = ?1 AND served IS NOT NULL
                     AND number >= (SELECT max(number) FROM versions
                                    WHERE item = ?1 AND published_unix_ms IS NOT NULL)";
        Ok(self.connection.query_row(query, [item.to_string()], |row| row.get(0))?)
    }

    /// Returns what is known of a recording's upload as a whole. Only for a store that is open for writing.
    pub fn upload_summary(&self, recording: RecordingId) -> Result<Option<UploadSummary>> {
        // A receipt stays when a part has to be sent again, and a part that is kept has none.
        let mut statement = self.connection.prepare_cached(
            "SELECT u.version IS NOT NULL AND r.kind = 'recording', u.version,
                 (SELECT json_extract(pieces, '$.durationMs') FROM versions
                  WHERE item = u.recording AND number = u.version),
                 u.finished_unix_ms > 0 OR u.mending, u.stop IS NOT NULL, u.part_bytes_max,
                 (SELECT coalesce(sum(size_bytes), 0) FROM parts
                  WHERE recording = u.recording AND acknowledged AND receipt IS NOT NULL),
                 (SELECT coalesce(max(first_segment + segment_count), 0) FROM parts
                  WHERE recording = u.recording)
             FROM uploads u JOIN recordings r ON r.id = u.recording
             WHERE u.recording = ?1 AND u.recording NOT IN (SELECT recording FROM deleted)",
        )?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(UploadSummary {
                is_edited: row.get(0)?,
                version: row.get(1)?,
                version_ms: row.get::<_, Option<i64>>(2)?.map(|ms| ms as u64),
                is_shown: row.get(3)?,
                is_stopped: row.get(4)?,
                part_bytes_max: row.get::<_, Option<i64>>(5)?.map(|bytes| bytes as u64),
                sent_bytes: unsigned(row, 6)?,
                planned_segments: row.get(7)?,
            })
        };
        Ok(statement.query_row([recording.to_string()], read).optional()?)
    }

    /// Returns the JSON in a column of a version, or of the last one that has any. What can't be read counts as
    /// missing: it is made again then.
    fn version_json<T: DeserializeOwned>(
        &self,
        item: ItemId,
        column: &str,
        number: Option<u32>,
    ) -> Result<Option<(u32, T)>> {
        if self.version()? < EDITED_SINCE {
            return Ok(None);
        }
        let query = format!(
            "SELECT number, {column} FROM versions
             WHERE item = ?1 AND {column} IS NOT NULL AND (?2 IS NULL OR number = ?2)
             ORDER BY number DESC LIMIT 1"
        );
        let found: Option<(u32, String)> = self
            .connection
            .query_row(&query, params![item.to_string(), number], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        Ok(found.and_then(|(number, text)| Some((number, serde_json::from_str(&text).ok()?))))
    }

    /// Returns the last versions of edited recordings that no link shows yet, without those of deleted recordings.
    /// After a crash, some of them have no upload.
    pub fn waiting_edited_versions(&self) -> Result<Vec<(RecordingId, u32)>> {
        if self.version()? < EDITED_SINCE {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT item, number FROM versions v
             WHERE pieces IS NOT NULL AND published_unix_ms IS NULL
               AND number = (SELECT max(number) FROM versions WHERE item = v.item)
               AND item NOT IN (SELECT recording FROM deleted)",
        )?;
        let rows =
            statement.query_map([], |row| Ok((crate::rows::recording_id(row, 0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn json(of: &impl serde::Serialize) -> Result<String> {
    Ok(serde_json::to_string(of).map_err(std::io::Error::other)?)
}
