//! Items that are one file: screenshots and imports. Recordings, which are segments, are in `rows`.
//!
//! Order of writes: the folder, the file, the sidecar, the row; each is durable before the next. A crash
//! before the sidecar leaves a folder without a row, which no start takes for an item and none deletes. A
//! crash after it leaves an item that the next start adopts.
//!
//! Folder and file may be written by any thread ([`WrittenItem`]), since a file takes as long as its disk. Only
//! sidecar and row need the store.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension as _, Row};
use serde::{Deserialize, Serialize};
use snaplark_core::{ItemId, ItemKind, RecordingId};

use crate::rows::{conversion, unsigned};
use crate::sidecar::{self, Bare, Sidecar, hex};
use crate::{RECORDINGS, Result, SIDECAR_FILE, Store, StoreError};
use snaplark_files as files;

/// The schema version that added items.
pub(crate) const ITEMS_SINCE: i64 = 11;

/// A screenshot or an import before it is in the library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewItem {
    /// The item's id, which nothing else has.
    pub id: ItemId,
    /// The kind; recordings begin with [`Store::begin`] instead.
    pub kind: ItemKind,
    /// The title.
    pub title: String,
    /// The local time, as it stands in file names.
    pub started_text: String,
    /// When it was taken or brought in.
    pub started_unix_ms: i64,
    /// The width in pixels; 0 if it is not known.
    pub width: u32,
    /// The height in pixels; 0 if it is not known.
    pub height: u32,
    /// The ending of the file's name, without a dot.
    pub extension: String,
    /// The number of bytes that are going to be written.
    pub size_bytes: u64,
    /// The hash of these bytes.
    pub sha256: [u8; 32],
}

/// Anything in the library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The item's id, which names its folder.
    pub id: ItemId,
    /// The kind.
    pub kind: ItemKind,
    /// The title.
    pub title: String,
    /// When it was made or brought in.
    pub started_unix_ms: i64,
    /// The width in pixels; 0 if it is not known.
    pub width: u32,
    /// The height in pixels; 0 if it is not known.
    pub height: u32,
    /// The item's file. `None` for a recording, which has segments.
    pub source: Option<SourceFile>,
}

/// The file of an item, which no edit changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The file in the item's folder.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// The hash of its bytes.
    pub sha256: [u8; 32],
}

/// A source file in the sidecar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SourceEntry {
    pub file: String,
    pub size_bytes: u64,
    #[serde(with = "hex")]
    pub sha256: Vec<u8>,
}

/// An item whose file is durable, and which is not in the library yet ([`Store::add_written`]).
#[derive(Debug)]
pub struct WrittenItem {
    new: NewItem,
    folder: PathBuf,
    file: String,
}

impl WrittenItem {
    /// Writes the folder and the file of an item below the store's folder `root`, on any thread. `write` writes the
    /// bytes into the file that it is given; they are durable when this returns. After an error nothing is left.
    pub fn write(
        root: &Path,
        new: NewItem,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<Self> {
        let folder = root.join(RECORDINGS).join(new.id.to_string());
        let file = source_name(&new.extension);
        let refused = |source| StoreError::Folder { path: folder.clone(), source };
        // Fails if the folder is there, so that nothing of another item is ever replaced.
        files::make_new_folder(&folder)
            .and_then(|()| folder.parent().map_or(Ok(()), files::sync_folder))
            .map_err(refused)?;
        match write_source(&folder, &file, &new, write) {
            Ok(()) => Ok(WrittenItem { new, folder, file }),
            Err(error) => {
                remove_written(&folder, &part_of(&folder, &file));
                Err(error)
            }
        }
    }
}

const ITEM: &str =
    "SELECT id, kind, title, started_unix_ms, width, height, source_file, source_bytes,
    source_sha256 FROM recordings";

impl Store {
    /// Adds a screenshot or an import. `write` writes its bytes into the file that it is given; they are
    /// durable, and so is the row, when this returns. After an error the item is not in the library.
    pub fn add_item(
        &self,
        new: &NewItem,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<Item> {
        self.add_written(WrittenItem::write(&self.root, new.clone(), write)?)
    }

    /// Adds an item whose file is written. Its row is durable when this returns.
    pub fn add_written(&self, written: WrittenItem) -> Result<Item> {
        let WrittenItem { new, folder, file } = written;
        let id = RecordingId(new.id.0);
        let path = folder.join(&file);
        let source = SourceEntry { file, size_bytes: new.size_bytes, sha256: new.sha256.to_vec() };
        let sidecar = new.sidecar(source);
        let json = serde_json::to_vec(&sidecar).map_err(io::Error::other)?;
        if let Err(error) = files::write_durably(&folder.join(SIDECAR_FILE), &json) {
            remove_written(&folder, &path);
            return Err(error.into());
        }
        let transaction = self.connection.unchecked_transaction()?;
        sidecar.insert(&transaction, 0)?;
        transaction.commit()?;
        self.touch(id);
        self.item(new.id)
    }

    /// Returns an item of any kind.
    pub fn item(&self, item: ItemId) -> Result<Item> {
        let missing = || StoreError::NoSuchRecording(RecordingId(item.0));
        if self.version()? < ITEMS_SINCE {
            return Err(missing());
        }
        let query = format!("{ITEM} WHERE id = ?1");
        let read = |row: &Row<'_>| self.read_item(row);
        self.connection.query_row(&query, [item.to_string()], read).optional()?.ok_or_else(missing)
    }

    /// Returns all items of that kind, newest first, without the deleted ones.
    pub fn items(&self, kind: ItemKind) -> Result<Vec<Item>> {
        // A reader may open the store before a writer of this version has migrated it.
        if self.version()? < ITEMS_SINCE {
            return Ok(Vec::new());
        }
        let query = format!("{ITEM} WHERE kind = ?1 ORDER BY id DESC");
        let mut statement = self.connection.prepare_cached(&query)?;
        let rows = statement.query_map([kind.name()], |row| self.read_item(row))?;
        let mut items = rows.collect::<rusqlite::Result<Vec<Item>>>()?;
        let deleted = self.deleted()?;
        items.retain(|item| !deleted.contains_key(&RecordingId(item.id.0)));
        Ok(items)
    }

    /// Deletes an item of any kind, as [`Store::delete`] does.
    pub fn delete_item(&self, item: ItemId) -> Result<()> {
        self.delete(RecordingId(item.0))
    }

    /// Returns the items whose file is missing or has another size.
    pub fn damaged_items(&self) -> Result<Vec<ItemId>> {
        let mut damaged = Vec::new();
        for kind in [ItemKind::Screenshot, ItemKind::Import] {
            let items = self.items(kind)?.into_iter();
            damaged.extend(items.filter(|item| !item.is_whole()).map(|item| item.id));
        }
        Ok(damaged)
    }

    pub(crate) fn source_entry(&self, item: ItemId) -> Result<Option<SourceEntry>> {
        let Some(SourceFile { path, size_bytes, sha256 }) = self.item(item)?.source else {
            return Ok(None);
        };
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Ok(file.map(|file| SourceEntry { file, size_bytes, sha256: sha256.to_vec() }))
    }

    fn read_item(&self, row: &Row<'_>) -> rusqlite::Result<Item> {
        let id: String = row.get(0)?;
        let id: ItemId = id.parse().map_err(|error| conversion(0, error))?;
        let kind: String = row.get(1)?;
        let unknown = || conversion(1, io::Error::other(format!("'{kind}' is no kind of item")));
        let source = match row.get::<_, Option<String>>(6)? {
            None => None,
            Some(file) => Some(SourceFile {
                path: self.folder(RecordingId(id.0)).join(file),
                size_bytes: unsigned(row, 7)?,
                sha256: row.get(8)?,
            }),
        };
        Ok(Item {
            id,
            kind: ItemKind::parse(&kind).ok_or_else(unknown)?,
            title: row.get(2)?,
            started_unix_ms: row.get(3)?,
            width: row.get(4)?,
            height: row.get(5)?,
            source,
        })
    }
}

impl Item {
    /// Returns whether the item's file is there with the size that was written. A recording's segments are
    /// checked by recovery.
    pub fn is_whole(&self) -> bool {
        self.source.as_ref().is_none_or(|source| {
            std::fs::metadata(&source.path)
                .is_ok_and(|file| file.is_file() && file.len() == source.size_bytes)
        })
    }
}

impl NewItem {
    fn sidecar(&self, source: SourceEntry) -> Sidecar {
        let bare = Bare {
            id: RecordingId(self.id.0),
            title: self.title.clone(),
            started_text: self.started_text.clone(),
            started_unix_ms: self.started_unix_ms,
            fps: 0,
            bitrate_bits: 0,
        };
        Sidecar {
            version: sidecar::version_of(self.kind),
            kind: self.kind,
            source: Some(source),
            width: self.width,
            height: self.height,
            running: false,
            ..bare.sidecar()
        }
    }
}

fn write_source(
    folder: &Path,
    file: &str,
    new: &NewItem,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<()> {
    let part = part_of(folder, file);
    let mut to = files::create(&part)?;
    write(&mut to)?;
    to.sync_all()?;
    let written = to.metadata()?.len();
    if written != new.size_bytes {
        let what = format!("{written} bytes were written instead of {}", new.size_bytes);
        return Err(io::Error::other(what).into());
    }
    drop(to);
    Ok(files::rename_durably(&part, &folder.join(file))?)
}

/// Removes what was written of an item. What can't be removed stays, and no start takes it for an item.
fn remove_written(folder: &Path, file: &Path) {
    let _ = std::fs::remove_file(file);
    let _ = std::fs::remove_dir(folder);
}

fn part_of(folder: &Path, file: &str) -> PathBuf {
    folder.join(format!("{file}{}", files::PART_SUFFIX))
}

/// Returns the name of an item's file. Text from outside is only used as its ending, and only if it is one.
fn source_name(extension: &str) -> String {
    let is_ending = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    // Two of them, as of `animated.gif`.
    let is_one = extension.split('.').count() <= 2 && extension.split('.').all(is_ending);
    match is_one {
        true => format!("source.{}", extension.to_ascii_lowercase()),
        false => "source".to_owned(),
    }
}
