//! Copies all data to another disk while the server runs, for SQLite and local files. The copy is a
//! data folder like the original, so to restore it, serve from it or copy it back.
//!
//! The files are copied first, then the database, then the files that were added meanwhile. So every
//! file that a copied row names is there. Files never change under their names, so existing ones are
//! not copied again. Files that no copied row names and that the server no longer has are deleted
//! last.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::db::Db;
use crate::place::{DATABASE_FILE, DataError, DataLocation, OBJECTS_FOLDER, open_database, plain};
use crate::private;
use crate::storage::Storage;

/// The number of objects that are listed at once.
const PAGE: usize = 5_000;

/// The result of a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BackedUp {
    /// All objects that the backup holds now.
    pub objects: u64,
    /// The objects that were missing in the copy.
    pub copied: u64,
    /// The bytes of the objects that were new.
    pub copied_bytes: u64,
    /// Objects of earlier backups that no row names any more.
    pub deleted: u64,
}

/// Updates the backup in `to`. Works while a server runs on `place`. Only new files are copied.
pub async fn backup(place: impl Into<DataLocation>, to: &Path) -> Result<BackedUp, DataError> {
    let place = place.into();
    let data = match &place {
        DataLocation { data: Some(data), database_url: None, storage_url: None, .. } => {
            data.clone()
        }
        _ => return Err(DataError::BackupPlace),
    };
    let failed = |what: &dyn std::fmt::Display| DataError::Backup(what.to_string());
    let failed_io = |error: io::Error| DataError::Backup(plain(&error));
    let objects = to.join(OBJECTS_FOLDER);
    if !private::admit(to).map_err(failed_io)? {
        return Err(DataError::LooseFolder(to.to_owned()));
    }
    private::make_folder(&objects).and_then(|()| private::close_all(to)).map_err(failed_io)?;
    let from = data.join(OBJECTS_FOLDER);
    let mut done = BackedUp::default();
    copy(&from, &objects, &mut done).await?;

    let db = open_database(&place).await?;
    let fresh = to.join(format!("{DATABASE_FILE}.new"));
    let copied = write_database(&db, &fresh, &to.join(DATABASE_FILE)).await;
    db.close().await;
    copied?;
    done.objects = copy(&from, &objects, &mut done).await?;

    let copy = Db::open(&to.join(DATABASE_FILE)).await.map_err(|error| failed(&error))?;
    let kept = Storage::local(&objects).map_err(|error| failed(&error))?;
    let here = keys(&from).await?;
    for key in keys(&objects).await?.difference(&here) {
        if !copy.has_object(key).await.map_err(|error| failed(&error))? {
            kept.delete(key).await.map_err(|error| failed(&error))?;
            done.deleted += 1;
        }
    }
    copy.close().await;
    Ok(done)
}

/// Writes a consistent snapshot of the database. It appears under its name complete or not at all.
async fn write_database(db: &Db, fresh: &Path, name: &Path) -> Result<(), DataError> {
    let failed = |error: io::Error| DataError::Backup(plain(&error));
    for old in [fresh.to_owned(), with(name, "-wal"), with(name, "-shm")] {
        match fs::remove_file(old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            Ok(()) | Err(_) => {}
        }
    }
    // SQLite writes into the empty file, which keeps its mode.
    private::write(fresh, b"").map_err(failed)?;
    db.copy_into(fresh).await.map_err(|error| DataError::Backup(error.to_string()))?;
    open_to_sync(fresh).and_then(|file| file.sync_all()).map_err(failed)?;
    fs::rename(fresh, name).map_err(failed)
}

/// Opens a file that somebody else has written. Windows syncs none that is open only for reading.
fn open_to_sync(path: &Path) -> io::Result<File> {
    File::options().write(true).open(path)
}

fn with(name: &Path, end: &str) -> PathBuf {
    let mut name = name.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Copies the missing objects. Returns how many objects there are.
async fn copy(from: &Path, to: &Path, done: &mut BackedUp) -> Result<u64, DataError> {
    let mut all = 0;
    for key in keys(from).await? {
        let (from, to) = (from.join(&key), to.join(&key));
        let copied = tokio::task::spawn_blocking(move || copy_one(&from, &to)).await;
        let copied = copied.map_err(io::Error::other).and_then(|copied| copied);
        if let Some(bytes) = copied.map_err(|error| DataError::Backup(plain(&error)))? {
            done.copied += 1;
            done.copied_bytes += bytes;
        }
        all += 1;
    }
    Ok(all)
}

/// Copies a file and returns its size. Returns `None` if the copy exists, or if the file was deleted
/// meanwhile.
fn copy_one(from: &Path, to: &Path) -> io::Result<Option<u64>> {
    let size = match from.metadata() {
        Ok(meta) => meta.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if to.metadata().is_ok_and(|meta| meta.len() == size) {
        return Ok(None);
    }
    if let Some(folder) = to.parent() {
        private::make_folder(folder)?;
    }
    // The sweeper recognizes this name as an unfinished file.
    let fresh = with(to, "#1");
    match fs::copy(from, &fresh) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        copied => copied?,
    };
    private::close(&fresh)?;
    open_to_sync(&fresh)?.sync_all()?;
    fs::rename(&fresh, to)?;
    Ok(Some(size))
}

/// Returns the keys of all finished files.
async fn keys(folder: &Path) -> Result<HashSet<String>, DataError> {
    let failed = |error: crate::storage::StorageError| DataError::Backup(error.to_string());
    let storage = Storage::local(folder).map_err(failed)?;
    let (mut keys, mut after) = (HashSet::new(), String::new());
    loop {
        let page = storage.page(&after, PAGE).await.map_err(failed)?;
        let Some(last) = page.last() else { return Ok(keys) };
        after.clone_from(&last.key);
        keys.extend(page.into_iter().map(|stored| stored.key).filter(|key| !key.contains('#')));
    }
}
