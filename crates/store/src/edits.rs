//! Edits of items. What is published of them is in `versions`.
//!
//! An edit is replaced as a whole each time that it is saved. An edit of a newer format is kept as it is.

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use snaplark_core::edit::{Edit, StoredEdit};
use snaplark_core::{ItemId, RecordingId};

use crate::items::ITEMS_SINCE;
use crate::{Result, Store, StoreError};

/// An edit as its row has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedEdit {
    /// Counts the times that it was saved.
    pub revision: u32,
    /// The edit. `None` if it has a form that this version doesn't know; it must not be saved over.
    pub edit: Option<Edit>,
}

/// A saved edit in the sidecar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EditEntry {
    pub revision: u32,
    /// The same text as in the row.
    pub edit: String,
    pub saved_unix_ms: i64,
}

impl Store {
    /// Saves an item's edit, in place of the one before. Returns its revision.
    pub fn save_edit(&self, item: ItemId, edit: &Edit, now_unix_ms: i64) -> Result<u32> {
        let text = text_of(edit)?;
        let revision = self
            .connection
            .query_row(
                "INSERT INTO edits (item, revision, edit, saved_unix_ms)
                 SELECT id, 1, ?2, ?3 FROM recordings WHERE id = ?1
                 ON CONFLICT (item) DO UPDATE SET
                     revision = revision + 1, edit = excluded.edit,
                     saved_unix_ms = excluded.saved_unix_ms
                 RETURNING revision",
                params![item.to_string(), text, now_unix_ms],
                |row| row.get(0),
            )
            .optional()?;
        let revision = revision.ok_or(StoreError::NoSuchRecording(RecordingId(item.0)))?;
        self.edited(item);
        Ok(revision)
    }

    /// Returns the edit of an item that was saved last.
    pub fn edit(&self, item: ItemId) -> Result<Option<SavedEdit>> {
        let entry = self.edit_entry(item)?;
        Ok(entry.map(|entry| SavedEdit { revision: entry.revision, edit: edit_of(&entry.edit) }))
    }

    /// Discards an item's edit. The item is its source again.
    pub fn discard_edit(&self, item: ItemId) -> Result<()> {
        self.connection.execute("DELETE FROM edits WHERE item = ?1", [item.to_string()])?;
        self.edited(item);
        Ok(())
    }

    pub(crate) fn edited(&self, item: ItemId) {
        self.touch(RecordingId(item.0));
        self.write_sidecar_alone(RecordingId(item.0));
    }

    pub(crate) fn edit_entry(&self, item: ItemId) -> Result<Option<EditEntry>> {
        // A reader may open the store before a writer of this version has migrated it.
        if self.version()? < ITEMS_SINCE {
            return Ok(None);
        }
        let query = "SELECT revision, edit, saved_unix_ms FROM edits WHERE item = ?1";
        let read = |row: &Row<'_>| {
            Ok(EditEntry { revision: row.get(0)?, edit: row.get(1)?, saved_unix_ms: row.get(2)? })
        };
        Ok(self.connection.query_row(query, [item.to_string()], read).optional()?)
    }
}

/// Inserts the row of a rebuilt item.
pub(crate) fn insert(to: &Transaction<'_>, id: &str, edit: Option<&EditEntry>) -> Result<()> {
    if let Some(EditEntry { revision, edit, saved_unix_ms }) = edit {
        to.execute(
            "INSERT INTO edits (item, revision, edit, saved_unix_ms) VALUES (?1, ?2, ?3, ?4)",
            params![id, revision, edit, saved_unix_ms],
        )?;
    }
    Ok(())
}

pub(crate) fn text_of(edit: &Edit) -> Result<String> {
    Ok(serde_json::to_string(&StoredEdit::from(edit.clone())).map_err(std::io::Error::other)?)
}

/// Reads an edit. `None` if its form is not known here.
pub(crate) fn edit_of(text: &str) -> Option<Edit> {
    let stored: StoredEdit = serde_json::from_str(text).ok()?;
    (1..=Edit::FORMAT).contains(&stored.format).then_some(stored.edit)
}
