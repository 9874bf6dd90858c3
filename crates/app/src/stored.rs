//! Reads the store without the running program: for `snaplark list` and similar commands.

use std::sync::OnceLock;

use snaplark_store::{Rebuilt, Store, StoreError};

use crate::home::Home;
use crate::view::Snapshot;
use crate::{AppError, Setting, Settings, account, finish, views};

/// Returns the stored settings, whether or not a program is running.
pub fn stored_settings(home: &Home) -> Result<Settings, AppError> {
    let Some(store) = open_to_read(home)? else { return Ok(Settings::default()) };
    Ok(Settings::stored(&store)?)
}

/// Changes one setting in the store. Fails with `in-use` while a program is running.
pub fn store_setting(home: &Home, name: &str, value: &str) -> Result<Settings, AppError> {
    let store = open_store(home)?;
    let settings = Setting::named(name)?.changed(&Settings::stored(&store)?, value)?;
    settings.store(&store)?;
    Ok(settings)
}

/// Returns what the store knows without the running program, for `snaplark list` and similar commands.
pub fn peek(home: &Home) -> Result<Option<Snapshot>, AppError> {
    let Some(store) = open_to_read(home)? else { return Ok(None) };
    let is_known = account::is_known(&store)?;
    Ok(Some(views::of_rows(&store, home, is_known)?))
}

/// Opens the store for reading, whatever the state of its database. A database that is broken, or missing
/// beside existing recordings, is rebuilt first, unless a program is running that will do so.
pub(crate) fn open_to_read(home: &Home) -> Result<Option<Store>, AppError> {
    let read = || {
        let Some(store) = Store::open_to_read(&home.root)? else { return Ok(None) };
        // Reads all rows now, because a damaged page shows only when it is read.
        store.recordings()?;
        store.setting(account::SETTING)?;
        Ok::<_, StoreError>(Some(store))
    };
    match read() {
        Ok(Some(store)) => Ok(Some(store)),
        Ok(None) if !Store::has_recordings(&home.root) => Ok(None),
        Err(error) if !error.is_broken() => Err(error.into()),
        Ok(None) | Err(_) if Store::is_in_use(&home.root) => Ok(read()?),
        Ok(None) | Err(_) => {
            let mut store = open_store(home)?;
            store.recover(&finish::Webm)?;
            drop(store);
            Ok(read()?)
        }
    }
}

/// The result of a rebuild in this process; set by every call that opens the store.
static REBUILT_HERE: OnceLock<Rebuilt> = OnceLock::new();

/// Opens the store for writing, whatever state its database is in.
pub(crate) fn open_store(home: &Home) -> Result<Store, StoreError> {
    let (store, rebuilt) = Store::open_or_rebuild(&home.root, &finish::Webm)?;
    if let Some(rebuilt) = rebuilt {
        let _ = REBUILT_HERE.set(rebuilt);
    }
    Ok(store)
}

/// Returns what this process had to rebuild, for a program without a window to report.
pub fn rebuilt_here() -> Option<Rebuilt> {
    REBUILT_HERE.get().cloned()
}

/// Returns what the last rebuild of the list of recordings did, or `None` if it was never rebuilt.
pub fn rebuilt(home: &Home) -> Result<Option<Rebuilt>, AppError> {
    match open_to_read(home)? {
        Some(store) => Ok(store.rebuilt()?),
        None => Ok(None),
    }
}
