//! Rebuilds a database that is broken or missing. A broken one is set aside under another name.
//!
//! ```text
//! snaplark.db (-wal, -shm)   ->  snaplark.db.broken-1764370000 (-wal, -shm)
//! settings.json              ->  settings
//! recordings/ID/             ->  rows, from its recording.json; from its segments if it has none
//! ```
//! Folders without a row are adopted at each start: a database that was restored from a backup, or
//! whose last commits were lost with its write-ahead log, lacks some. The folder of a deleted recording
//! is renamed before its row is deleted (`ID.deleted`), so it never comes back.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use serde::{Deserialize, Serialize};
use snaplark_core::{INIT_FILE, ItemKind, RecordingId};
use tracing::{error, warn};

use crate::sidecar::{self, Bare};
use crate::{DATABASE, Format, RECORDINGS, Result, SETTINGS_FILE, Store, StoreError, prepare};
use snaplark_files as files;

/// Checking reads the whole file, which takes some 10 ms at this size. A larger file is checked only
/// after a program that did not end cleanly.
const CHECK_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The highest plausible version. A higher number is not a newer version but damage.
pub(crate) const VERSION_MAX: i64 = 10_000;
/// The key in `settings` of the report on the last rebuild.
const SETTING: &str = "rebuilt";
/// Nobody has more settings. The limit prevents an endless read of a damaged page.
const SETTINGS_MAX: usize = 10_000;
/// Defaults for a recording whose values are unknown: capture's usual ones.
const FPS: u32 = 30;
const BITRATE_BITS: u32 = 2_500_000;
pub(crate) const DELETED_SUFFIX: &str = ".deleted";

/// The result of a rebuild, for the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rebuilt {
    /// When the database was rebuilt.
    pub at_unix_ms: i64,
    /// How many recordings were found in their folders.
    pub recordings: u32,
    /// The file name of the broken database; `None` if it was missing.
    pub set_aside: Option<String>,
    /// True once the person has seen it.
    #[serde(default)]
    pub is_dismissed: bool,
}

impl StoreError {
    /// Returns whether the database itself is damaged, so that a retry is useless.
    pub fn is_broken(&self) -> bool {
        match self {
            StoreError::Broken { .. } => true,
            StoreError::Sql(source) | StoreError::Database { source, .. } => is_damage(source),
            StoreError::InUse(_)
            | StoreError::Folder { .. }
            | StoreError::Newer { .. }
            | StoreError::NoSuchRecording(_)
            | StoreError::Io(_) => false,
        }
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, detail) => match failure.code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => true,
            ErrorCode::Unknown => detail.as_ref().is_some_and(|detail| is_other_schema(detail)),
            _ => false,
        },
        rusqlite::Error::SqlInputError { msg, .. } => is_other_schema(msg),
        // A column contains another type of value than was written.
        rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::Utf8Error(..) => true,
        _ => false,
    }
}

/// Returns whether this is SQLite's message for tables that are not those of the schema's version.
fn is_other_schema(message: &str) -> bool {
    const SAID: [&str; 6] = [
        "no such table",
        "no such column",
        "has no column",
        "already exists",
        "duplicate column",
        "malformed",
    ];
    SAID.iter().any(|said| message.contains(said))
}

impl Store {
    /// Opens the store for writing, whatever state the database is in. Returns a report if a database
    /// had to be set aside, or if recordings were found without one.
    pub fn open_or_rebuild(root: &Path, format: &dyn Format) -> Result<(Self, Option<Rebuilt>)> {
        // An empty file is what a full disk leaves of a database.
        let had_none = !std::fs::metadata(root.join(DATABASE)).is_ok_and(|file| file.len() > 0);
        let (lock, was_unclean) = crate::lock(root)?;
        let opened = crate::open_locked(root, lock.try_clone()?);
        let checked = opened.and_then(|store| {
            store.check(was_unclean)?;
            Ok(store)
        });
        let (store, aside) = match checked {
            Ok(store) => (store, None),
            Err(error) if error.is_broken() => {
                error!(%error, "The list of recordings is damaged: it is set aside and rebuilt");
                let settings = salvage_settings(root);
                let aside = set_database_aside(root)?;
                let store = crate::open_locked(root, lock)?;
                store.put_settings(&settings)?;
                (store, Some(aside))
            }
            Err(error) => return Err(error),
        };
        if had_none {
            store.put_settings(&salvage_settings(root))?;
        }
        let adopted = store.adopt_folders(format, None)?.len() as u32;
        let is_news = aside.is_some() || (had_none && adopted > 0);
        let rebuilt = is_news.then(|| rebuilt(adopted, aside.as_deref()));
        if let Some(rebuilt) = &rebuilt {
            store.set_rebuilt(rebuilt)?;
        }
        Ok((store, rebuilt))
    }

    /// Rebuilds a database that was found to be damaged while in use. `running` is the recording in
    /// progress, with the number of its segments that had rows.
    pub fn rebuild(
        &mut self,
        format: &dyn Format,
        running: Option<(RecordingId, usize)>,
    ) -> Result<Rebuilt> {
        let settings = salvage_settings(&self.root);
        self.connection = Connection::open_in_memory()?;
        self.totals.take();
        let aside = set_database_aside(&self.root)?;
        let path = self.root.join(DATABASE);
        self.connection = prepare(&path).map_err(|source| crate::database(&path, source))?;
        self.migrate()?;
        self.put_settings(&settings)?;
        let adopted = self.adopt_folders(format, running)?;
        adopted.iter().for_each(|recording| self.touch(*recording));
        let rebuilt = rebuilt(adopted.len() as u32, Some(&aside));
        self.set_rebuilt(&rebuilt)?;
        Ok(rebuilt)
    }

    /// Returns the result of the last rebuild, which says whether the person has seen it.
    pub fn rebuilt(&self) -> Result<Option<Rebuilt>> {
        let said = self.setting(SETTING)?;
        Ok(said.and_then(|said| serde_json::from_str(&said).ok()))
    }

    /// Notes that the person has seen the result.
    pub fn dismiss_rebuilt(&self) -> Result<()> {
        match self.rebuilt()? {
            Some(rebuilt) => self.set_rebuilt(&Rebuilt { is_dismissed: true, ..rebuilt }),
            None => Ok(()),
        }
    }

    fn set_rebuilt(&self, rebuilt: &Rebuilt) -> Result<()> {
        let json = serde_json::to_string(rebuilt).map_err(std::io::Error::other)?;
        self.set_setting(SETTING, &json)
    }

    /// Finds damage that opening doesn't find.
    fn check(&self, was_unclean: bool) -> Result<()> {
        let path = self.root.join(DATABASE);
        let broken = |reason: String| StoreError::Broken { path: path.clone(), reason };
        let size_bytes = std::fs::metadata(&path)?.len();
        if was_unclean || size_bytes <= CHECK_BYTES_MAX {
            let found: String =
                self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
            if found != "ok" {
                return Err(broken(found));
            }
        }
        // Read everything once: the integrity check does not find a missing table.
        for recording in self.recordings()? {
            self.elsewhere(recording.id)?;
        }
        self.upload_rows()?;
        self.links()?;
        self.issues()?;
        for kind in ItemKind::ALL {
            for item in self.items(kind)? {
                self.edit(item.id)?;
                self.versions(item.id)?;
            }
        }
        self.open_jobs()?;
        self.setting(SETTING)?;
        Ok(())
    }

    /// Makes rows for folders that have none. Whole segments that the sidecar doesn't list are adopted
    /// by recovery, as after a crash.
    pub(crate) fn adopt_folders(
        &self,
        format: &dyn Format,
        running: Option<(RecordingId, usize)>,
    ) -> Result<Vec<RecordingId>> {
        let mut adopted = Vec::new();
        for entry in std::fs::read_dir(self.root.join(RECORDINGS))? {
            let path = entry?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if let Some(id) = name.strip_suffix(DELETED_SUFFIX).and_then(|id| id.parse().ok()) {
                self.finish_deleting(id)?;
                continue;
            }
            let Ok(id) = name.parse::<RecordingId>() else { continue };
            if !path.is_dir() || self.has_row(id)? {
                continue;
            }
            match self.adopt(id, &path, format, running) {
                Ok(true) => adopted.push(id),
                Ok(false) => {}
                // A folder that can't be read must not prevent the others from being adopted.
                Err(error) if !error.is_broken() => {
                    warn!(recording = %id, %error, "A folder of a recording could not be adopted");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(adopted)
    }

    fn adopt(
        &self,
        id: RecordingId,
        folder: &Path,
        format: &dyn Format,
        running: Option<(RecordingId, usize)>,
    ) -> Result<bool> {
        let kept = sidecar::read(folder).filter(|sidecar| sidecar.id == id);
        let sidecar = match kept {
            // The file of a screenshot or an import is gone. The folder stays.
            Some(sidecar) if !sidecar.has_source(folder) => return Ok(false),
            Some(sidecar) => sidecar,
            // There is no recording: an empty folder, or a thumbnail that is left over.
            None if !folder.join(INIT_FILE).is_file() => return Ok(false),
            None => {
                let started_unix_ms = began(id, folder);
                let (title, started_text) = format.names(started_unix_ms);
                let (fps, bitrate_bits) = (FPS, BITRATE_BITS);
                Bare { id, title, started_text, started_unix_ms, fps, bitrate_bits }.sidecar()
            }
        };
        let told = running.filter(|(running, _)| *running == id).map(|(_, segments)| segments);
        let transaction = self.connection.unchecked_transaction()?;
        sidecar.insert(&transaction, told.unwrap_or(usize::MAX))?;
        transaction.commit()?;
        self.segments_changed(id);
        if let Some(told) = told {
            self.adopt_told(id, folder, format, told)?;
        }
        self.touch(id);
        Ok(true)
    }

    /// Adopts the segments of a running recording whose rows were lost. Capture has yet to report the
    /// ones after them.
    fn adopt_told(
        &self,
        id: RecordingId,
        folder: &Path,
        format: &dyn Format,
        told: usize,
    ) -> Result<()> {
        let known = self.segments(id)?.len();
        for index in known as u32..told as u32 {
            let bytes = std::fs::read(folder.join(snaplark_core::segment_file(index)))?;
            let Some(judged) = format.judge(&bytes) else { break };
            self.commit_judged(id, index, bytes.len() as u64, &judged)?;
        }
        if self.recording(id)?.init_bytes == 0 && folder.join(INIT_FILE).is_file() {
            let size = format.size(&std::fs::read(folder.join(INIT_FILE))?).unwrap_or_default();
            self.note_started(id, size.0, size.1)?;
        }
        Ok(())
    }

    fn has_row(&self, id: RecordingId) -> Result<bool> {
        let query = "SELECT EXISTS (SELECT 1 FROM recordings WHERE id = ?1)";
        Ok(self.connection.query_row(query, [id.to_string()], |row| row.get(0))?)
    }

    /// Inserts the settings of a copy that are not in the table.
    fn put_settings(&self, settings: &[(String, String)]) -> Result<()> {
        for (key, value) in settings {
            self.connection.execute(
                "INSERT INTO settings (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING",
                [key, value],
            )?;
        }
        Ok(())
    }

    /// Writes `settings.json`, the copy from which the settings of a lost database are restored. Tokens
    /// are in neither.
    pub(crate) fn write_settings_copy(&self) {
        let written = self.all_settings().and_then(|settings| {
            let settings: std::collections::BTreeMap<_, _> = settings.into_iter().collect();
            let json = serde_json::to_vec(&settings).map_err(std::io::Error::other)?;
            Ok(files::write_durably(&self.root.join(SETTINGS_FILE), &json)?)
        });
        if let Err(error) = written {
            warn!(%error, "The copy of the settings could not be written");
        }
    }

    fn all_settings(&self) -> Result<Vec<(String, String)>> {
        let mut statement = self.connection.prepare_cached("SELECT key, value FROM settings")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn rebuilt(recordings: u32, aside: Option<&Path>) -> Rebuilt {
    let name = aside.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    Rebuilt { at_unix_ms: now_unix_ms(), recordings, set_aside: name, is_dismissed: false }
}

/// Returns when a recording began, from its id, or from its folder if the id contains no time.
fn began(id: RecordingId, folder: &Path) -> i64 {
    if let Some(began) = id.0.get_timestamp() {
        let (seconds, nanos) = began.to_unix();
        return seconds as i64 * 1_000 + i64::from(nanos / 1_000_000);
    }
    let changed = std::fs::metadata(folder.join(INIT_FILE)).and_then(|file| file.modified());
    changed.map_or(0, since_epoch_ms)
}

fn now_unix_ms() -> i64 {
    since_epoch_ms(SystemTime::now())
}

fn since_epoch_ms(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// Returns the settings from the copy, or else what can still be read of the broken database.
fn salvage_settings(root: &Path) -> Vec<(String, String)> {
    let copy = std::fs::read(root.join(SETTINGS_FILE)).ok();
    let copy = copy.and_then(|json| {
        serde_json::from_slice::<std::collections::BTreeMap<String, String>>(&json).ok()
    });
    if let Some(copy) = copy {
        return copy.into_iter().filter(|(key, _)| key != SETTING).collect();
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let read = || -> rusqlite::Result<Vec<(String, String)>> {
        let connection = Connection::open_with_flags(root.join(DATABASE), flags)?;
        let mut statement = connection.prepare("SELECT key, value FROM settings")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.map_while(std::result::Result::ok).take(SETTINGS_MAX).collect())
    };
    read().unwrap_or_default()
}

/// Renames the database and its write-ahead log consistently, so that SQLite would find the log again.
fn set_database_aside(root: &Path) -> Result<PathBuf> {
    let suffix = format!(".broken-{}", now_unix_ms() / 1_000);
    let path = root.join(DATABASE);
    let aside = files::set_aside(&path, &suffix)?.unwrap_or_else(|| path.clone());
    for ending in ["-wal", "-shm"] {
        let with = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            PathBuf::from(name)
        };
        match std::fs::rename(with(&path), with(&aside)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(aside)
}
