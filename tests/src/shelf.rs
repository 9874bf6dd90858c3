//! Makes a library of thousands of recordings from a single real one, by copying its rows and its still
//! under other ids. No program may have the library open meanwhile.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rusqlite::{Connection, params};
use snaplark_core::{RecordingId, STILL_FILE};

/// The tables with the rows of one recording, and their key columns.
const TABLES: [(&str, &str); 3] =
    [("recordings", "id"), ("segments", "recording"), ("uploads", "recording")];

/// Returns the newest recording's still, if it has been made.
pub fn still(snaplark: &Path) -> Option<PathBuf> {
    let recordings = std::fs::read_dir(snaplark.join("recordings")).ok()?.flatten();
    let newest = recordings.map(|entry| entry.path()).max()?;
    Some(newest.join(STILL_FILE)).filter(|still| still.is_file())
}

/// Adds `count` copies of the newest recording, each cleared: it is online, and only its still is here.
pub fn multiply(snaplark: &Path, count: usize) -> Result<()> {
    let still = still(snaplark).context("no recording has a still")?;
    let mut database = Connection::open(snaplark.join("snaplark.db"))?;
    let rows = database.transaction()?;
    for (table, key) in TABLES {
        rows.execute_batch(&format!(
            "CREATE TEMP TABLE one_{table} AS SELECT * FROM {table}
                 WHERE {key} = (SELECT max(id) FROM recordings);"
        ))?;
    }
    rows.execute_batch("UPDATE one_recordings SET cleared = 1;")?;
    for _ in 0..count {
        let id = RecordingId(uuid::Uuid::now_v7()).to_string();
        for (table, key) in TABLES {
            rows.execute(&format!("UPDATE one_{table} SET {key} = ?1"), params![id])?;
            rows.execute(&format!("INSERT INTO {table} SELECT * FROM one_{table}"), [])?;
        }
        let folder = snaplark.join("recordings").join(&id);
        std::fs::create_dir(&folder)?;
        std::fs::hard_link(&still, folder.join(STILL_FILE))?;
    }
    Ok(rows.commit()?)
}
