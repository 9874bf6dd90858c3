//! Videos that a person brought in. The file stays where it is and is never written: a copy of hours would take its
//! disk space again, and minutes before the first byte can be sent. A row says which bytes are meant.
//!
//! Order of writes: the folder, the sidecar, the rows; each is durable before the next. The folder has only the
//! sidecar, from which a rebuild makes the rows again.

use std::io;
use std::path::PathBuf;

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use snaplark_core::{ItemId, ItemKind, RecordingId};

use crate::rows::{recording_id, unsigned};
use crate::sidecar::{self, Bare, Sidecar};
use crate::{RECORDINGS, Recording, Result, SIDECAR_FILE, Store, StoreError};
use snaplark_files as files;

/// The schema version that added files.
pub(crate) const FILES_SINCE: i64 = 15;

/// The file of a video that a person brought in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its size when it was brought in.
    pub size_bytes: u64,
    /// When it had last been modified then, in nanoseconds since 1970.
    pub modified_ns: i64,
    /// The length of the video; 0 if its header doesn't say.
    pub duration_ms: u64,
    /// The media type of its content.
    pub mime: String,
    /// The person's description of it; empty for none.
    pub description: String,
    /// Whether it is to be uploaded.
    pub is_wanted: bool,
}

/// A video before it is in the library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImport {
    /// The item's id, which nothing else has.
    pub id: ItemId,
    /// The title.
    pub title: String,
    /// The local time, as it stands in file names.
    pub started_text: String,
    /// When it was brought in.
    pub started_unix_ms: i64,
    /// The width in pixels; 0 if it is not known.
    pub width: u32,
    /// The height in pixels; 0 if it is not known.
    pub height: u32,
    /// The file.
    pub file: ImportedFile,
}

const FILE: &str =
    "SELECT item, path, size_bytes, modified_ns, duration_ms, mime, description, is_wanted
    FROM files";

impl Store {
    /// Adds a video. Its rows are durable when this returns.
    pub fn add_import(&self, new: NewImport) -> Result<()> {
        let recording = RecordingId(new.id.0);
        let folder = self.root.join(RECORDINGS).join(new.id.to_string());
        // Fails if the folder is there, so that nothing of another item is ever replaced.
        files::make_new_folder(&folder)
            .and_then(|()| folder.parent().map_or(Ok(()), files::sync_folder))
            .map_err(|source| StoreError::Folder { path: folder.clone(), source })?;
        let sidecar = new.sidecar();
        let json = serde_json::to_vec(&sidecar).map_err(io::Error::other)?;
        if let Err(error) = files::write_durably(&folder.join(SIDECAR_FILE), &json) {
            // A folder without a sidecar is no item; it stays if it can't be removed.
            let _ = std::fs::remove_dir(&folder);
            return Err(error.into());
        }
        let transaction = self.connection.unchecked_transaction()?;
        sidecar.insert(&transaction, 0)?;
        transaction.commit()?;
        self.touch(recording);
        Ok(())
    }

    /// Returns the file of a video that was brought in; `None` for every other item.
    pub fn imported(&self, recording: RecordingId) -> Result<Option<ImportedFile>> {
        if self.version()? < FILES_SINCE {
            return Ok(None);
        }
        let mut statement = self.connection.prepare_cached(&format!("{FILE} WHERE item = ?1"))?;
        let found = statement.query_row([recording.to_string()], read_file).optional()?;
        Ok(found.map(|(_, file)| file))
    }

    /// Returns the videos that were brought in, newest first, without the deleted ones.
    pub fn imports(&self) -> Result<Vec<Recording>> {
        if self.version()? < FILES_SINCE {
            return Ok(Vec::new());
        }
        let mut statement =
            self.connection.prepare_cached(&format!("{FILE} ORDER BY item DESC"))?;
        let found = statement.query_map([], read_file)?.collect::<rusqlite::Result<Vec<_>>>()?;
        let deleted = self.deleted()?;
        let shown = found.into_iter().filter(|(id, _)| !deleted.contains_key(id));
        shown.map(|(id, file)| Ok(as_import(self.recording(id)?, file))).collect()
    }

    /// Returns what the library shows as a video: a recording, or a video that was brought in. `None` if it is
    /// deleted or another kind of item.
    pub fn shown(&self, recording: RecordingId) -> Result<Option<Recording>> {
        let Some(file) = self.imported(recording)? else { return self.visible(recording) };
        if self.deleted()?.contains_key(&recording) {
            return Ok(None);
        }
        Ok(Some(as_import(self.recording(recording)?, file)))
    }

    /// Returns the videos that are to be uploaded and have no upload, because there was no server or the program
    /// died before its row was written.
    pub fn waiting_imports(&self) -> Result<Vec<(RecordingId, u64)>> {
        if self.version()? < FILES_SINCE {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT item, size_bytes FROM files
             WHERE is_wanted AND item NOT IN (SELECT recording FROM uploads) ORDER BY item",
        )?;
        let rows = statement.query_map([], |row| Ok((recording_id(row, 0)?, unsigned(row, 1)?)))?;
        let mut waiting = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        let deleted = self.deleted()?;
        waiting.retain(|(id, _)| !deleted.contains_key(id));
        Ok(waiting)
    }

    /// Sets what is known of a file: it was moved, or is to be uploaded as it is now.
    pub fn set_imported(&self, recording: RecordingId, file: &ImportedFile) -> Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        transaction.execute("DELETE FROM files WHERE item = ?1", [recording.to_string()])?;
        insert(&transaction, &recording.to_string(), Some(file))?;
        transaction.commit()?;
        self.touch(recording);
        self.write_sidecar(recording);
        Ok(())
    }
}

fn read_file(row: &Row<'_>) -> rusqlite::Result<(RecordingId, ImportedFile)> {
    let file = ImportedFile {
        path: row.get::<_, String>(1)?.into(),
        size_bytes: unsigned(row, 2)?,
        modified_ns: row.get(3)?,
        duration_ms: unsigned(row, 4)?,
        mime: row.get(5)?,
        description: row.get(6)?,
        is_wanted: row.get(7)?,
    };
    Ok((recording_id(row, 0)?, file))
}

fn as_import(row: Recording, file: ImportedFile) -> Recording {
    Recording {
        size_bytes: file.size_bytes,
        duration_ms: file.duration_ms,
        file: Some(file.path.clone()),
        imported: Some(file),
        ..row
    }
}

/// Inserts the row of a file.
pub(crate) fn insert(to: &Transaction<'_>, item: &str, file: Option<&ImportedFile>) -> Result<()> {
    let Some(file) = file else { return Ok(()) };
    to.execute(
        "INSERT INTO files (item, path, size_bytes, modified_ns, duration_ms, mime, description,
             is_wanted)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            item,
            file.path.to_string_lossy(),
            file.size_bytes as i64,
            file.modified_ns,
            file.duration_ms as i64,
            file.mime,
            file.description,
            file.is_wanted,
        ],
    )?;
    Ok(())
}

impl NewImport {
    fn sidecar(&self) -> Sidecar {
        let bare = Bare {
            id: RecordingId(self.id.0),
            title: self.title.clone(),
            started_text: self.started_text.clone(),
            started_unix_ms: self.started_unix_ms,
            fps: 0,
            bitrate_bits: 0,
        };
        Sidecar {
            version: sidecar::version_of(ItemKind::Import),
            kind: ItemKind::Import,
            imported: Some(self.file.clone()),
            width: self.width,
            height: self.height,
            running: false,
            ..bare.sidecar()
        }
    }
}
