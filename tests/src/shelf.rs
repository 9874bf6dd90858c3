//! Makes a library of thousands of recordings from a single real one, by copying its rows and its still
//! under other ids. No program may have the library open meanwhile. And scrolls it, in the app's own WebView.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use rusqlite::{Connection, params};
use serde_json::json;
use snaplark_core::{RecordingId, STILL_FILE};

use crate::webdriver::Session;

/// The tables with the rows of one recording, their key columns, and all that name it.
const TABLES: [(&str, &str, &str); 3] = [
    ("recordings", "id", "id = ?1"),
    ("segments", "recording", "recording = ?1"),
    ("uploads", "recording", "recording = ?1, item = ?1"),
];

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
    for (table, key, _) in TABLES {
        rows.execute_batch(&format!(
            "CREATE TEMP TABLE one_{table} AS SELECT * FROM {table}
                 WHERE {key} = (SELECT max(id) FROM recordings);"
        ))?;
    }
    rows.execute_batch("UPDATE one_recordings SET cleared = 1;")?;
    for _ in 0..count {
        let id = RecordingId(uuid::Uuid::now_v7()).to_string();
        for (table, _, named) in TABLES {
            rows.execute(&format!("UPDATE one_{table} SET {named}"), params![id])?;
            rows.execute(&format!("INSERT INTO {table} SELECT * FROM one_{table}"), [])?;
        }
        let folder = snaplark.join("recordings").join(&id);
        std::fs::create_dir(&folder)?;
        std::fs::hard_link(&still, folder.join(STILL_FILE))?;
    }
    Ok(rows.commit()?)
}

/// Scrolls the library that is shown by so many pixels a frame, and returns the milliseconds from each frame to the next.
pub fn scroll(
    windows: &Session,
    frames: usize,
    frame_px: u32,
    limit: Duration,
) -> Result<Vec<f64>> {
    let scroll = "const [frames, px] = arguments;
        const [list, times] = [document.querySelector('main'), []];
        window.scrolled = undefined;
        const step = (now) => {
            times.push(now);
            list.scrollTop += px;
            if (times.length <= frames) requestAnimationFrame(step);
            else window.scrolled = times.slice(1).map((time, n) => time - times[n]);
        };
        requestAnimationFrame(step);";
    windows.run(scroll, &[json!(frames), json!(frame_px)])?;
    let times = windows.until("the library to be scrolled", limit, "return window.scrolled;")?;
    Ok(times.as_array().into_iter().flatten().filter_map(|time| time.as_f64()).collect())
}
