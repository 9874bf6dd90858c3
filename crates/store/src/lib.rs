//! The one durable truth: SQLite rows and the segment files that they name.
//!
//! Invariants:
//! - Rows follow files. A row never names a file that was not durable before it.
//! - Everything that [`Store::apply`] takes is in one transaction, synced when it returns.
//! - Recordings are never deleted on doubt: what recovery can't place is set aside under another name,
//!   and reported.
//! - The data from which a lost database is rebuilt lies beside the segments (`sidecar`, `rebuild`).
//! - Only one program at a time has a store open for writing ([`Store::open`]); any number may read.

#![warn(missing_docs, unreachable_pub)]

mod append;
mod claims;
mod damage;
mod deleted;
mod edited;
mod edits;
mod elsewhere;
mod format;
mod further;
mod home_permissions;
mod imports;
mod issues;
mod items;
mod jobs;
mod rebuild;
mod recover;
mod rows;
mod sidecar;
mod strike;
mod titles;
mod uploads;
mod versions;
mod webhook;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use snaplark_core::RecordingId;
use snaplark_files as files;
use thiserror::Error;

pub use append::{AppendTo, NewAppend, append_folder};
pub use claims::Secret;
pub use damage::Damaged;
pub use edited::{NewEditedVersion, UploadSummary, rendering_folder};
pub use edits::SavedEdit;
pub use elsewhere::{Elsewhere, RING};
pub use format::{Format, Judged, Retime};
pub use further::FurtherUpload;
pub use imports::{ImportedFile, NewImport};
pub use issues::{IssueRow, StoredIssue};
pub use items::{Item, NewItem, SourceFile, WrittenItem};
pub use jobs::{JobId, JobProgress, JobRow, NewJob};
pub use rebuild::Rebuilt;
pub use recover::Recovery;
pub use rows::{NewRecording, Recording, Segment, StoredEnd};
pub(crate) use sidecar::{SEGMENTS_FILE, SIDECAR_FILE};
pub use strike::{Strike, Struck, Truncate};
pub use titles::PendingTitle;
pub use versions::{NewVersion, VersionFile, VersionRow, WrittenVersion};
pub use webhook::{WebhookEvent, WebhookEventCounts, WebhookEventType, WebhookSubject};

/// How long a writer waits for another one (`snaplark list` beside the app) before it fails.
const BUSY_MS_MAX: u64 = 10_000;
/// One migration script for each version. Each changes what the previous ones made; a released one is
/// never changed.
const SCHEMA: [&str; 18] = [
    include_str!("schema/1-recordings.sql"),
    include_str!("schema/2-health.sql"),
    include_str!("schema/3-deleted.sql"),
    include_str!("schema/4-elsewhere.sql"),
    include_str!("schema/5-damage.sql"),
    include_str!("schema/6-titles.sql"),
    include_str!("schema/7-claims.sql"),
    include_str!("schema/8-pieces.sql"),
    include_str!("schema/9-issues.sql"),
    include_str!("schema/10-receipts.sql"),
    include_str!("schema/11-items.sql"),
    include_str!("schema/12-pictures.sql"),
    include_str!("schema/13-edited.sql"),
    include_str!("schema/14-further.sql"),
    include_str!("schema/15-files.sql"),
    include_str!("schema/16-webhook.sql"),
    include_str!("schema/17-uploads.sql"),
    include_str!("schema/18-runs.sql"),
];
const SCHEMA_VERSION: i64 = SCHEMA.len() as i64;
const DATABASE: &str = "snaplark.db";
const LOCK: &str = "snaplark.lock";
/// The lock file's content while a program has the store open. After a crash it is still there.
const OPEN: &[u8] = b"open";
/// A copy of the settings, in case the database is lost.
const SETTINGS_FILE: &str = "settings.json";
const RECORDINGS: &str = "recordings";

/// Why the store can't be opened, read or written.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each variant's text says what its fields are")]
pub enum StoreError {
    /// Another program has it open for writing.
    #[error("Snaplark is already running with the folder {0}. Use its tray icon, or quit it first")]
    InUse(PathBuf),
    /// A folder can't be made or written.
    #[error(
        "The folder {path} can't be written: {source}. Set SNAPLARK_HOME to a folder that you can write to"
    )]
    Folder { path: PathBuf, source: std::io::Error },
    /// SQLite refuses to open the database.
    #[error("Snaplark's list of recordings ({path}) can't be used: {source}")]
    Database { path: PathBuf, source: rusqlite::Error },
    /// The database is damaged, so it is to be set aside and rebuilt.
    #[error("Snaplark's list of recordings ({path}) is damaged: {reason}")]
    Broken { path: PathBuf, reason: String },
    /// The database has a schema that only newer versions know.
    #[error(
        "This folder was written by a newer version of Snaplark (format {found}). Update Snaplark to use it"
    )]
    Newer { found: i64 },
    /// There is no row for it.
    #[error("There is no recording {0}")]
    NoSuchRecording(RecordingId),
    /// A query failed.
    #[error("Snaplark's list of recordings could not be read or written: {0}")]
    Sql(#[from] rusqlite::Error),
    /// A file of a recording could not be read or written.
    #[error("A recording's file could not be read or written: {0}")]
    Io(#[from] std::io::Error),
}

impl StoreError {
    /// Returns whether a retry may succeed: a full disk, a locked database. A violated constraint stays
    /// violated.
    pub fn may_pass(&self) -> bool {
        match self {
            StoreError::Sql(rusqlite::Error::SqliteFailure(failure, _)) => {
                failure.code != rusqlite::ErrorCode::ConstraintViolation && !self.is_broken()
            }
            StoreError::Io(_) | StoreError::Folder { .. } => true,
            StoreError::InUse(_)
            | StoreError::Database { .. }
            | StoreError::Broken { .. }
            | StoreError::Newer { .. }
            | StoreError::NoSuchRecording(_)
            | StoreError::Sql(_) => false,
        }
    }
}

type Result<T> = std::result::Result<T, StoreError>;

/// The database and the folders of one home.
pub struct Store {
    connection: Connection,
    root: PathBuf,
    /// The recordings whose rows were written since the last `take_touched`.
    touched: RefCell<BTreeSet<RecordingId>>,
    /// The totals of the segments' rows, until they are written (`segments_changed`).
    totals: RefCell<BTreeMap<RecordingId, rows::SegmentTotals>>,
    /// Whether a webhook is told what happens to items.
    keeps_webhook_events: Cell<bool>,
    /// Held while the store is open for writing; the system releases it with the process.
    lock: Option<File>,
}

impl Store {
    /// Opens a store for writing. Creates what is missing.
    pub fn open(root: &Path) -> Result<Self> {
        open_locked(root, lock(root)?.0)
    }

    /// Opens a store for reading, beside a program that writes. Returns `None` if there is no store
    /// yet.
    pub fn open_to_read(root: &Path) -> Result<Option<Self>> {
        let path = root.join(DATABASE);
        if !path.exists() {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags)
            .and_then(|connection| {
                connection.busy_timeout(std::time::Duration::from_millis(BUSY_MS_MAX))?;
                connection.pragma_update(None, "query_only", true)?;
                // Disable checkpoint-on-close. A connection that takes itself for the last one
                // checkpoints and deletes the log when it closes. A writer may exist all the same: its
                // POSIX locks are lost when anything in its process (a file dialog that looks into the
                // folder) has closed the file once.
                connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
                Ok(connection)
            })
            .map_err(|source| database(&path, source))?;
        let (touched, totals) = (RefCell::default(), RefCell::default());
        let keeps_webhook_events = Cell::default();
        let store = Store {
            connection,
            root: root.to_owned(),
            touched,
            totals,
            keeps_webhook_events,
            lock: None,
        };
        let found = store.version()?;
        match found {
            0 => Ok(None),
            1..=SCHEMA_VERSION => Ok(Some(store)),
            _ => Err(store.newer(found)),
        }
    }

    /// Returns the error for an unknown version. A number that no version of ours uses means damage.
    fn newer(&self, found: i64) -> StoreError {
        if (0..=rebuild::VERSION_MAX).contains(&found) {
            return StoreError::Newer { found };
        }
        let reason = format!("its version is {found}");
        StoreError::Broken { path: self.root.join(DATABASE), reason }
    }

    /// Returns whether a program has the store open for writing.
    pub fn is_in_use(root: &Path) -> bool {
        let lock = File::open(root.join(LOCK));
        lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Returns whether there are folders of recordings, with or without a database.
    pub fn has_recordings(root: &Path) -> bool {
        let folders = std::fs::read_dir(root.join(RECORDINGS)).into_iter().flatten().flatten();
        let mut names = folders.map(|folder| folder.file_name());
        names.any(|name| name.to_str().is_some_and(|name| name.parse::<RecordingId>().is_ok()))
    }

    /// Returns the folder of a recording's init and segments.
    pub fn folder(&self, recording: RecordingId) -> PathBuf {
        self.root.join(RECORDINGS).join(recording.to_string())
    }

    /// Returns the recordings whose rows were written since the last call, so that views of them can be
    /// refreshed.
    pub fn take_touched(&self) -> BTreeSet<RecordingId> {
        self.touched.take()
    }

    pub(crate) fn touch(&self, recording: RecordingId) {
        self.touched.borrow_mut().insert(recording);
    }

    /// Returns a setting's stored text.
    pub fn setting(&self, key: &str) -> Result<Option<String>> {
        let query = "SELECT value FROM settings WHERE key = ?1";
        Ok(self.connection.query_row(query, [key], |row| row.get(0)).optional()?)
    }

    /// Stores one setting.
    pub fn set_setting(&self, key: &str, value: &str) -> Result<()> {
        self.set_settings(&[(key, value)])
    }

    /// Changes all of these settings or none.
    pub fn set_settings(&self, settings: &[(&str, &str)]) -> Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        for (key, value) in settings {
            transaction.execute(
                "INSERT INTO settings (key, value) VALUES (?1, ?2)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                params![key, value],
            )?;
        }
        transaction.commit()?;
        self.write_settings_copy();
        Ok(())
    }

    fn version(&self) -> Result<i64> {
        Ok(self.connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
    }

    fn migrate(&self) -> Result<()> {
        let found = self.version()?;
        let Some(missing) = usize::try_from(found).ok().and_then(|found| SCHEMA.get(found..))
        else {
            return Err(self.newer(found));
        };
        if missing.is_empty() {
            return Ok(());
        }
        let scripts = missing.concat();
        Ok(self.connection.execute_batch(&format!(
            "BEGIN; {scripts} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        ))?)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(lock) = &self.lock {
            // If this fails, the next start does one unnecessary check.
            let _ = lock.set_len(0);
        }
    }
}

/// Takes the lock. Also returns whether the program that held it last died.
fn lock(root: &Path) -> Result<(File, bool)> {
    let folder = |source| StoreError::Folder { path: root.to_owned(), source };
    files::make_folder(&root.join(RECORDINGS)).map_err(folder)?;
    let mut options = files::options();
    options.read(true).write(true).create(true).truncate(false);
    let mut lock = options.open(root.join(LOCK)).map_err(folder)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(root.to_owned())),
        Err(TryLockError::Error(source)) => return Err(folder(source)),
    }
    home_permissions::tighten(root);
    let mut left = Vec::new();
    lock.read_to_end(&mut left).map_err(folder)?;
    if left.is_empty() {
        lock.write_all(OPEN).map_err(folder)?;
    }
    Ok((lock, !left.is_empty()))
}

fn open_locked(root: &Path, lock: File) -> Result<Store> {
    let path = root.join(DATABASE);
    let connection = prepare(&path).map_err(|source| database(&path, source))?;
    let (touched, totals) = (RefCell::default(), RefCell::default());
    let keeps_webhook_events = Cell::default();
    let store = Store {
        connection,
        root: root.to_owned(),
        touched,
        totals,
        keeps_webhook_events,
        lock: Some(lock),
    };
    store.migrate()?;
    Ok(store)
}

fn prepare(path: &Path) -> rusqlite::Result<Connection> {
    if !path.exists() {
        // The write-ahead log gets the same permissions. If this fails, opening fails too.
        drop(files::create(path));
    }
    let connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_MS_MAX))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit that returned is on the disk, since requests are sent on the strength of it.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn database(path: &Path, source: rusqlite::Error) -> StoreError {
    StoreError::Database { path: path.to_owned(), source }
}

#[cfg(test)]
mod rebuild_tests;
#[cfg(test)]
mod tests;
