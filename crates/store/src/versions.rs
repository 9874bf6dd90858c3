//! The versions of an item that were published, or are going to be.
//!
//! Each version of a picture has its flattened bytes in a file of the item's folder, `version-<n>.<ending>`,
//! until the link shows it or a later version takes its place. Order of writes: the file, the row, the
//! upload; each is durable before the next. So what is sent can always be read, and a crash in between
//! leaves a file without a row, which the next start removes, or a row without an upload, which begins then.
//! The bytes may be written by any thread ([`WrittenVersion`]), under a name of their own until the version has its
//! number.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use snaplark_core::edit::Edit;
use snaplark_core::upload::StoredEditedVersion;
use snaplark_core::{ItemId, RecordingId};

use crate::edits::{edit_of, text_of};
use crate::items::ITEMS_SINCE;
use crate::rows::unsigned;
use crate::sidecar::hex;
use crate::{RECORDINGS, Result, Store};
use snaplark_files as files;

/// The schema version that added the files of versions.
pub(crate) const VERSION_FILES_SINCE: i64 = 12;
/// The prefix of the names of versions' files.
pub(crate) const PREFIX: &str = "version-";
/// The prefix of the names of files that have no number yet.
pub(crate) const RENDERED: &str = "rendered-";

/// A version of an item: what is, or is going to be, shown under its link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRow {
    /// Counts from 1.
    pub number: u32,
    /// The edit that it shows. `None`: the source as it is, or an edit of a newer form.
    pub edit: Option<Edit>,
    /// When the link showed it; `None` before that.
    pub published_unix_ms: Option<i64>,
}

/// A version before it is in the store.
#[derive(Clone, Copy, Debug)]
pub struct NewVersion<'a> {
    /// The edit that it shows. `None`: the source as it is.
    pub edit: Option<&'a Edit>,
    /// The ending of the file's name, without a dot.
    pub extension: &'a str,
    /// The flattened picture.
    pub bytes: &'a [u8],
    /// The hash of these bytes.
    pub sha256: [u8; 32],
}

/// A flattened picture that is durable in its item's folder, and has no version yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenVersion {
    pub(crate) item: ItemId,
    pub(crate) path: PathBuf,
    pub(crate) extension: String,
    pub(crate) size_bytes: u64,
    pub(crate) sha256: [u8; 32],
}

impl WrittenVersion {
    /// Writes the file of a version below the store's folder `root`, on any thread. It is durable when this returns.
    pub fn write(root: &Path, item: ItemId, new: &NewVersion<'_>) -> Result<Self> {
        let NewVersion { extension, bytes, sha256, .. } = *new;
        let name = format!("{RENDERED}{}.{extension}", uuid::Uuid::new_v4().simple());
        let path = root.join(RECORDINGS).join(item.to_string()).join(name);
        files::write_durably(&path, bytes)?;
        let size_bytes = bytes.len() as u64;
        Ok(WrittenVersion { item, path, extension: extension.to_owned(), size_bytes, sha256 })
    }

    /// Removes the file, which becomes no version. What can't be removed now is removed at the next start.
    pub fn discard(self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, "A rendered picture could not be removed");
        }
    }
}

/// The flattened picture of a version that is not shown yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionFile {
    /// The version.
    pub number: u32,
    /// The file in the item's folder.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// The hash of its bytes.
    pub sha256: [u8; 32],
}

/// A version in the sidecar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VersionEntry {
    pub number: u32,
    /// The same text as in the row.
    pub edit: Option<String>,
    pub published_unix_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(default)]
    pub size_bytes: u64,
    /// Empty if there is none.
    #[serde(default, with = "hex")]
    pub sha256: Vec<u8>,
    /// The pieces of an edited recording's version, the same text as in the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pieces: Option<String>,
    /// The parts that its server has, the same text as in the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<String>,
}

impl Store {
    /// Adds the next version of an item. Its file and its row are durable when this returns.
    pub fn add_version(&self, item: ItemId, new: &NewVersion<'_>) -> Result<VersionFile> {
        self.item(item)?;
        let written = WrittenVersion::write(&self.root, item, new)?;
        self.add_written_version(written, new.edit, 1)
    }

    /// Adds the next version of an item, whose file is written. Its number is at least `number_min`. Its row is
    /// durable when this returns.
    pub fn add_written_version(
        &self,
        written: WrittenVersion,
        edit: Option<&Edit>,
        number_min: u32,
    ) -> Result<VersionFile> {
        let WrittenVersion { item, path: from, extension, size_bytes, sha256 } = written;
        self.item(item)?;
        let highest = "SELECT coalesce(max(number), 0) FROM versions WHERE item = ?1";
        let highest: u32 =
            self.connection.query_row(highest, [item.to_string()], |row| row.get(0))?;
        let number = highest.saturating_add(1).max(number_min);
        let name = format!("{PREFIX}{number}.{extension}");
        let path = self.folder(RecordingId(item.0)).join(&name);
        files::rename_durably(&from, &path)?;
        self.connection.execute(
            "INSERT INTO versions (item, number, edit, file, size_bytes, sha256)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                item.to_string(),
                number,
                edit.map(text_of).transpose()?,
                name,
                size_bytes as i64,
                sha256,
            ],
        )?;
        self.edited(item);
        Ok(VersionFile { number, path, size_bytes, sha256 })
    }

    /// Returns the versions of an item, the first one first.
    pub fn versions(&self, item: ItemId) -> Result<Vec<VersionRow>> {
        // A reader may open the store before a writer of this version has migrated it.
        if self.version()? < ITEMS_SINCE {
            return Ok(Vec::new());
        }
        // Without the pieces, of which a recording of hours has thousands.
        let mut statement = self.connection.prepare_cached(
            "SELECT number, edit, published_unix_ms FROM versions WHERE item = ?1 ORDER BY number",
        )?;
        let rows = statement.query_map([item.to_string()], |row| {
            Ok(VersionRow {
                number: row.get(0)?,
                edit: row.get::<_, Option<String>>(1)?.as_deref().and_then(edit_of),
                published_unix_ms: row.get(2)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns the file of the last version, if the link doesn't show that version yet.
    pub fn version_file(&self, item: ItemId) -> Result<Option<VersionFile>> {
        if self.version()? < VERSION_FILES_SINCE {
            return Ok(None);
        }
        let query = "SELECT number, file, size_bytes, sha256 FROM versions
                     WHERE item = ?1 AND file IS NOT NULL ORDER BY number DESC LIMIT 1";
        let read = |row: &Row<'_>| self.read_version_file(item, row, 0);
        Ok(self.connection.query_row(query, [item.to_string()], read).optional()?)
    }

    /// Returns the files of all last versions that no link shows yet, without those of deleted items. After
    /// a crash, some of them have no upload.
    pub fn version_files(&self) -> Result<Vec<(ItemId, VersionFile)>> {
        if self.version()? < VERSION_FILES_SINCE {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT item, number, file, size_bytes, sha256 FROM versions v WHERE file IS NOT NULL
               AND number = (SELECT max(number) FROM versions WHERE item = v.item)
               AND item NOT IN (SELECT recording FROM deleted)",
        )?;
        let rows = statement.query_map([], |row| {
            let id = crate::rows::recording_id(row, 0)?;
            let item = ItemId::from(id);
            Ok((item, self.read_version_file(item, row, 1)?))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn read_version_file(
        &self,
        item: ItemId,
        row: &Row<'_>,
        first: usize,
    ) -> rusqlite::Result<VersionFile> {
        let name: String = row.get(first + 1)?;
        Ok(VersionFile {
            number: row.get(first)?,
            path: self.folder(RecordingId(item.0)).join(name),
            size_bytes: unsigned(row, first + 2)?,
            sha256: row.get(first + 3)?,
        })
    }

    /// Removes the files of versions that no row names any more. A failure leaves them to the next start.
    pub(crate) fn sweep_version_files(&self, item: ItemId) -> Result<()> {
        let entries = self.version_entries(item)?;
        let mut named: BTreeSet<String> = BTreeSet::new();
        for entry in entries {
            named.extend(entry.file);
            let pieces = entry.pieces.as_deref().map(serde_json::from_str::<StoredEditedVersion>);
            match pieces.transpose() {
                Ok(pieces) => {
                    named.extend(pieces.iter().flat_map(|it| it.files().map(str::to_owned)));
                }
                // Nothing is removed on doubt.
                Err(_) => return Ok(()),
            }
        }
        self.remove_files(item, |name| name.starts_with(PREFIX) && !named.contains(name))
    }

    /// Removes the files that were written for versions and never got one. Only at a start: later, one of them may
    /// be about to become a version.
    pub(crate) fn sweep_rendered_files(&self, item: ItemId) -> Result<()> {
        self.remove_files(item, |name| name.starts_with(RENDERED))
    }

    /// Removes the files of an item's folder whose names are so.
    pub(crate) fn remove_files(
        &self,
        item: ItemId,
        is_removed: impl Fn(&str) -> bool,
    ) -> Result<()> {
        let folder = match std::fs::read_dir(self.folder(RecordingId(item.0))) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            folder => folder?,
        };
        for entry in folder {
            let entry = entry?;
            if !is_removed(&entry.file_name().to_string_lossy()) {
                continue;
            }
            match entry.file_type()?.is_dir() {
                true => std::fs::remove_dir_all(entry.path())?,
                false => std::fs::remove_file(entry.path())?,
            }
        }
        Ok(())
    }

    pub(crate) fn version_entries(&self, item: ItemId) -> Result<Vec<VersionEntry>> {
        // A reader may open the store before a writer of this version has migrated it.
        let version = self.version()?;
        if version < ITEMS_SINCE {
            return Ok(Vec::new());
        }
        let added = match version {
            ITEMS_SINCE => "NULL, 0, NULL, NULL, NULL",
            VERSION_FILES_SINCE => "file, size_bytes, sha256, NULL, NULL",
            _ => "file, size_bytes, sha256, pieces, served",
        };
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT number, edit, published_unix_ms, {added} FROM versions WHERE item = ?1
             ORDER BY number"
        ))?;
        let rows = statement.query_map([item.to_string()], |row| {
            Ok(VersionEntry {
                number: row.get(0)?,
                edit: row.get(1)?,
                published_unix_ms: row.get(2)?,
                file: row.get(3)?,
                size_bytes: unsigned(row, 4)?,
                sha256: row.get::<_, Option<Vec<u8>>>(5)?.unwrap_or_default(),
                pieces: row.get(6)?,
                served: row.get(7)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// Notes that the link shows the version that the upload has sent. Its file is not needed any more.
pub(crate) fn note_published(to: &Transaction<'_>, recording: RecordingId) -> Result<()> {
    to.execute(
        "UPDATE versions SET file = NULL,
             served = CASE WHEN number < (SELECT max(before.number) FROM versions before
                     WHERE before.item = ?1 AND before.served IS NOT NULL
                       AND before.number < (SELECT version FROM uploads WHERE recording = ?1))
                 THEN NULL ELSE served END,
             published_unix_ms = CASE
                 WHEN number < (SELECT version FROM uploads WHERE recording = ?1)
                 THEN published_unix_ms ELSE CAST(unixepoch('subsec') * 1000 AS INTEGER) END
         WHERE item = ?1 AND number <= (SELECT version FROM uploads WHERE recording = ?1)",
        [recording.to_string()],
    )?;
    Ok(())
}

/// Inserts the rows of a rebuilt item.
pub(crate) fn insert(to: &Transaction<'_>, id: &str, versions: &[VersionEntry]) -> Result<()> {
    for entry in versions {
        to.execute(
            "INSERT INTO versions (item, number, edit, published_unix_ms, file, size_bytes, sha256,
                 pieces, served)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                id,
                entry.number,
                entry.edit,
                entry.published_unix_ms,
                entry.file,
                entry.size_bytes as i64,
                (!entry.sha256.is_empty()).then_some(&entry.sha256),
                entry.pieces,
                entry.served,
            ],
        )?;
    }
    Ok(())
}
