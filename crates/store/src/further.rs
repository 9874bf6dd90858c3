//! Further uploads of an item, to other places than that of its own upload.
//!
//! An item's own upload has the item's id, and a further one has an id of its own. All are in the same tables, so a join
//! by the item's id finds its own upload alone: an item's link, versions and titles are those of that one.
//!
//! A picture's further upload has the flattened bytes in a file of the item's folder, `further-<upload>-<n>.<ending>`,
//! until the place has them. Order of writes, as for versions: the file, the row, the upload.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use snaplark_api::Profile;
use snaplark_core::{ItemId, RecordingId};

use crate::rows::{recording_id, unsigned};
use crate::sidecar::{UploadEntry, hex};
use crate::{Result, Secret, Store, StoreError, VersionFile, WrittenVersion};
use snaplark_files as files;

/// The version of the schema since which all uploads of an item are in one table. Readers of earlier ones know the own
/// uploads alone.
pub(crate) const FURTHER_SINCE: i64 = 17;
/// The prefix of the names of the files that further uploads send.
pub(crate) const PREFIX: &str = "further-";

/// A further upload of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FurtherUpload {
    /// The upload's own id.
    pub id: RecordingId,
    /// The item that it sends.
    pub item: RecordingId,
    /// The place that it sends it to.
    pub server: String,
}

/// A further upload in the sidecar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FurtherEntry {
    pub id: RecordingId,
    /// Empty if there is none.
    #[serde(default, with = "hex")]
    pub secret: Vec<u8>,
    #[serde(default)]
    pub struck: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(default)]
    pub size_bytes: u64,
    /// Empty if there is none.
    #[serde(default, with = "hex")]
    pub sha256: Vec<u8>,
    #[serde(flatten)]
    pub upload: UploadEntry,
}

impl Store {
    /// Returns the further uploads of all items, in the order in which they were begun.
    pub fn further_uploads(&self) -> Result<Vec<FurtherUpload>> {
        // A reader may open the store before a writer of this version has migrated it.
        if self.version()? < FURTHER_SINCE {
            return Ok(Vec::new());
        }
        let query = "SELECT recording, item, server FROM uploads WHERE recording != item ORDER BY recording";
        let mut statement = self.connection.prepare_cached(query)?;
        let rows = statement.query_map([], |row| {
            let (id, item) = (recording_id(row, 0)?, recording_id(row, 1)?);
            Ok(FurtherUpload { id, item, server: row.get(2)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Begins a further upload. Nothing is planned yet.
    pub fn add_further_upload(
        &self,
        upload: &FurtherUpload,
        profile: Profile,
        secret: &Secret,
    ) -> Result<()> {
        let FurtherUpload { id, item, server } = upload;
        let added = self.connection.execute(
            "INSERT INTO uploads (recording, item, server, profile, secret)
             SELECT ?1, id, ?3, ?4, ?5 FROM recordings WHERE id = ?2",
            params![id.to_string(), item.to_string(), server, profile.name(), secret.as_slice()],
        )?;
        if added == 0 {
            return Err(StoreError::NoSuchRecording(*item));
        }
        self.touch(*item);
        self.write_sidecar_alone(*item);
        Ok(())
    }

    /// Begins a further upload of a picture, whose flattened bytes are written. Its file and its row are durable when
    /// this returns.
    pub fn add_further_picture(
        &self,
        upload: &FurtherUpload,
        profile: Profile,
        secret: &Secret,
        written: WrittenVersion,
    ) -> Result<VersionFile> {
        self.recording(upload.item)?;
        let (name, file) = self.name_further_file(upload.id, 1, written)?;
        let FurtherUpload { id, item, server } = upload;
        self.connection.execute(
            "INSERT INTO uploads (recording, item, server, profile, secret, version, file,
                 size_bytes, sha256)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                id.to_string(),
                item.to_string(),
                server,
                profile.name(),
                secret.as_slice(),
                file.number,
                name,
                file.size_bytes as i64,
                file.sha256,
            ],
        )?;
        self.touch(*item);
        self.write_sidecar_alone(*item);
        Ok(file)
    }

    /// Has a further upload of a picture send other bytes, as a version whose number is at least `number_min`. Returns
    /// `None`, and removes the file, if it has sent or sends the same bytes.
    pub fn renew_further_picture(
        &self,
        upload: RecordingId,
        written: WrittenVersion,
        number_min: u32,
    ) -> Result<Option<VersionFile>> {
        let query = "SELECT version, sha256 FROM uploads
                     WHERE recording = ?1 AND recording != item AND version IS NOT NULL";
        let before = |row: &Row<'_>| Ok((row.get::<_, u32>(0)?, row.get::<_, [u8; 32]>(1)?));
        let before = self.connection.query_row(query, [upload.to_string()], before).optional()?;
        let (number, sha256) = before.ok_or(StoreError::NoSuchRecording(upload))?;
        if sha256 == written.sha256 && number_min <= number {
            written.discard();
            return Ok(None);
        }
        let item = self.item_of_upload(upload)?;
        let number = number.saturating_add(1).max(number_min);
        let (name, file) = self.name_further_file(upload, number, written)?;
        let transaction = self.connection.unchecked_transaction()?;
        transaction.execute(
            "UPDATE uploads SET version = ?2, file = ?3, size_bytes = ?4, sha256 = ?5, session = NULL,
                 stop = NULL, paused = 0, finished_unix_ms = 0, rebuilt = 0, mending = 0
             WHERE recording = ?1",
            params![upload.to_string(), number, name, file.size_bytes as i64, file.sha256],
        )?;
        transaction.execute("DELETE FROM parts WHERE recording = ?1", [upload.to_string()])?;
        transaction.commit()?;
        self.touch(item);
        self.write_sidecar_alone(item);
        self.sweep_further_files(item.into())?;
        Ok(Some(file))
    }

    /// Gives a written file the name under which a further upload sends it.
    fn name_further_file(
        &self,
        upload: RecordingId,
        number: u32,
        written: WrittenVersion,
    ) -> Result<(String, VersionFile)> {
        let WrittenVersion { item, path: from, extension, size_bytes, sha256 } = written;
        let name = format!("{PREFIX}{upload}-{number}.{extension}");
        let path = self.folder(item.into()).join(&name);
        files::rename_durably(&from, &path)?;
        Ok((name, VersionFile { number, path, size_bytes, sha256 }))
    }

    /// Returns the file that a further upload of a picture sends; `None` once the place has it, and for other uploads.
    pub fn further_picture(&self, upload: RecordingId) -> Result<Option<VersionFile>> {
        if self.version()? < FURTHER_SINCE {
            return Ok(None);
        }
        let query = "SELECT item, version, file, size_bytes, sha256 FROM uploads
                     WHERE recording = ?1 AND file IS NOT NULL";
        let mut statement = self.connection.prepare_cached(query)?;
        let read = |row: &Row<'_>| {
            let folder = self.folder(recording_id(row, 0)?);
            Ok(VersionFile {
                number: row.get(1)?,
                path: folder.join(row.get::<_, String>(2)?),
                size_bytes: unsigned(row, 3)?,
                sha256: row.get(4)?,
            })
        };
        Ok(statement.query_row([upload.to_string()], read).optional()?)
    }

    /// Forgets a further upload. What the place has of it stays there.
    pub fn remove_further_upload(&self, id: RecordingId) -> Result<()> {
        let item = self.item_of_upload(id)?;
        let query = "DELETE FROM uploads WHERE recording = ?1 AND recording != item";
        let removed = self.connection.execute(query, [id.to_string()])?;
        if removed == 0 {
            return Err(StoreError::NoSuchRecording(id));
        }
        self.touch(item);
        self.write_sidecar_alone(item);
        self.sweep_further_files(item.into())
    }

    /// Removes the files of further uploads that no row names any more. A failure leaves them to the next start.
    pub(crate) fn sweep_further_files(&self, item: ItemId) -> Result<()> {
        let query = "SELECT file FROM uploads WHERE item = ?1 AND file IS NOT NULL";
        let mut statement = self.connection.prepare_cached(query)?;
        let named = statement.query_map([item.to_string()], |row| row.get(0))?;
        let named: BTreeSet<String> = named.collect::<rusqlite::Result<_>>()?;
        self.remove_files(item, |name| name.starts_with(PREFIX) && !named.contains(name))
    }

    /// Returns the item that an upload sends. An item's own upload has the item's id.
    pub(crate) fn item_of_upload(&self, upload: RecordingId) -> Result<RecordingId> {
        if self.version()? < FURTHER_SINCE {
            return Ok(upload);
        }
        let query = "SELECT item FROM uploads WHERE recording = ?1";
        let mut statement = self.connection.prepare_cached(query)?;
        let found = statement.query_row([upload.to_string()], |row| recording_id(row, 0));
        Ok(found.optional()?.unwrap_or(upload))
    }

    /// Returns the further uploads of an item as its sidecar has them.
    pub(crate) fn further_entries(&self, item: RecordingId) -> Result<Vec<FurtherEntry>> {
        let query = "SELECT recording, secret, struck, file, size_bytes, sha256 FROM uploads
                     WHERE item = ?1 AND recording != item ORDER BY recording";
        let mut statement = self.connection.prepare_cached(query)?;
        let mut rows = statement.query([item.to_string()])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let id = recording_id(row, 0)?;
            let Some(upload) = self.upload_entry(id)? else { continue };
            entries.push(FurtherEntry {
                id,
                secret: row.get::<_, Option<Vec<u8>>>(1)?.unwrap_or_default(),
                struck: row.get(2)?,
                file: row.get(3)?,
                size_bytes: unsigned(row, 4)?,
                sha256: row.get::<_, Option<Vec<u8>>>(5)?.unwrap_or_default(),
                upload,
            });
        }
        Ok(entries)
    }
}

impl FurtherEntry {
    /// Inserts the rows of a further upload.
    pub(crate) fn insert(&self, item: RecordingId, to: &Transaction<'_>) -> Result<()> {
        self.upload.insert(self.id, item, to)?;
        to.execute(
            "UPDATE uploads SET secret = ?2, struck = ?3, file = ?4, size_bytes = ?5, sha256 = ?6
             WHERE recording = ?1",
            params![
                self.id.to_string(),
                (!self.secret.is_empty()).then_some(&self.secret),
                self.struck,
                self.file,
                self.size_bytes as i64,
                (!self.sha256.is_empty()).then_some(&self.sha256),
            ],
        )?;
        Ok(())
    }
}
