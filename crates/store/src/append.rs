//! Appends a recording to another one: from then on their segments are those of one recording.
//!
//! ```text
//! append-to           in the folder of the recording that is to be appended, from its begin on
//! append-<id>/        in the folder of the other one: copies of its segments, at their times there; durable
//! append-publish      in the folder of the other one, if its link is to show it: until that is on its way
//! append.json         what is appended, durable: from here on it is completed, also by the next start
//! <id>.deleted        the appended recording's own folder
//! 000007.webm …       the copies, renamed
//! rows                in one transaction; the appended recording has none any more
//! recording.json      written anew
//! append.json         removed
//! ```
//!
//! A program that dies before `append.json` is durable leaves both recordings as they were, and the next start makes
//! the copies anew. The copies may be made by any thread ([`append_folder`]).

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension as _, Transaction, params};
use serde::{Deserialize, Serialize};
use snaplark_core::RecordingId;
use snaplark_core::edit::{Edit, with_replaced};
use snaplark_files as files;
use tracing::info;

use crate::edits::{edit_of, text_of};
use crate::sidecar::SegmentEntry;
use crate::{RECORDINGS, Result, Segment, Store, StoreError};

const MARK_FILE: &str = "append-to";
const APPEND_FILE: &str = "append.json";
const PUBLISH_FILE: &str = "append-publish";
/// The prefix of the folder with the copies.
const COPIES_PREFIX: &str = "append-";

/// The recording that another one is to be appended to when it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppendTo {
    /// The recording that becomes longer.
    pub to: RecordingId,
    /// Whether its link is to show that.
    pub publishes: bool,
    /// The stretch of it, in milliseconds, in whose place the appended recording plays. `None`: it plays at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<(u64, u64)>,
}

/// A recording of which durable copies are in the folder of another one ([`append_folder`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAppend {
    /// The recording that is appended.
    pub more: RecordingId,
    /// Whether the other one's link is to show it.
    pub publishes: bool,
    /// The stretch of the other one in whose place it plays; `None` for its end.
    pub replaces: Option<(u64, u64)>,
    /// How many segments the other one had when the copies were made.
    pub first_index: u32,
    /// The copies, as they are in the other one. Those before `first_index` are segments of its own that had been
    /// cleared.
    pub segments: Vec<Segment>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AppendEntry {
    more: RecordingId,
    /// The time at which the appended recording begins in the other one.
    from_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replaces: Option<(u64, u64)>,
    segments: Vec<(u32, SegmentEntry)>,
}

/// Returns the folder for copies of a recording that is to be appended, below the store's folder `root`. It has
/// segments, pointer files and the init under their names in the recording that becomes longer. The next start removes
/// it.
pub fn append_folder(root: &Path, to: RecordingId, more: RecordingId) -> PathBuf {
    root.join(RECORDINGS).join(to.to_string()).join(format!("{COPIES_PREFIX}{more}"))
}

impl Store {
    /// Notes, durably, that a recording is to be appended to another one when it has ended. Its folder must exist.
    pub fn expect_append(&self, more: RecordingId, append: AppendTo) -> Result<()> {
        let json = serde_json::to_vec(&append).map_err(std::io::Error::other)?;
        Ok(files::write_durably(&self.folder(more).join(MARK_FILE), &json)?)
    }

    /// Returns what a recording is to be appended to, if anything.
    pub fn append_of(&self, more: RecordingId) -> Option<AppendTo> {
        let json = std::fs::read(self.folder(more).join(MARK_FILE)).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// Forgets that a recording is to be appended: it stays one of its own.
    pub fn forget_append(&self, more: RecordingId) -> Result<()> {
        remove_file(&self.folder(more).join(MARK_FILE))
    }

    /// Returns whether something was appended to a recording that its link is to show and that is not on its way yet.
    pub fn is_append_to_publish(&self, to: RecordingId) -> bool {
        self.folder(to).join(PUBLISH_FILE).exists()
    }

    /// Notes that what was appended to a recording is on its way to its link, or can't get there.
    pub fn note_append_published(&self, to: RecordingId) -> Result<()> {
        remove_file(&self.folder(to).join(PUBLISH_FILE))
    }

    /// Appends a recording, whose copies are durable, to another one. Its own row and folder are gone then. A saved edit
    /// of the other one keeps what is appended. Returns false if what the copies were made from has changed.
    pub fn append(&mut self, to: RecordingId, new: &NewAppend) -> Result<bool> {
        let rows = (self.visible(to)?, self.visible(new.more)?);
        let row = rows.0.ok_or(StoreError::NoSuchRecording(to))?;
        let more = rows.1.ok_or(StoreError::NoSuchRecording(new.more))?;
        // Its own segments may have been cleared since.
        let has_all = !row.cleared || new.segments.first().is_some_and(|it| it.index == 0);
        let is_same = row.segments == new.first_index && !row.running && !more.running;
        if !is_same || !has_all || self.init(to)? != self.init(new.more)? {
            return Ok(false);
        }
        if new.publishes {
            files::write_durably(&self.folder(to).join(PUBLISH_FILE), b"")?;
        }
        let segments = new.segments.iter().map(|it| (it.index, SegmentEntry::from(it)));
        let (more, from_ms) = (new.more, row.duration_ms);
        let (replaces, segments) = (new.replaces, segments.collect());
        let entry = AppendEntry { more, from_ms, replaces, segments };
        let json = serde_json::to_vec(&entry).map_err(std::io::Error::other)?;
        files::write_durably(&self.folder(to).join(APPEND_FILE), &json)?;
        self.complete_append(to, &entry)?;
        Ok(true)
    }

    /// Completes an append from the state in which a program or an error left it.
    fn complete_append(&mut self, to: RecordingId, entry: &AppendEntry) -> Result<()> {
        let (folder, more) = (self.folder(to), entry.more);
        self.move_to_bin(more)?;
        let copies = append_folder(&self.root, to, more);
        for copy in list(&copies)? {
            std::fs::rename(copies.join(&copy), folder.join(&copy))?;
        }
        files::sync_folder(&folder)?;
        let transaction = self.connection.transaction()?;
        let (id, of) = (to.to_string(), more.to_string());
        for (index, segment) in &entry.segments {
            let SegmentEntry { size_bytes, start_ms, duration_ms, sha256 } = segment;
            transaction.execute(
                "INSERT INTO segments (recording, idx, size_bytes, start_ms, duration_ms, sha256)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (recording, idx) DO UPDATE SET
                     size_bytes = excluded.size_bytes, sha256 = excluded.sha256",
                params![
                    id,
                    index,
                    *size_bytes as i64,
                    *start_ms as i64,
                    *duration_ms as i64,
                    sha256
                ],
            )?;
        }
        // Its own file has the segments of before only.
        transaction
            .execute("UPDATE recordings SET file = NULL, cleared = 0 WHERE id = ?1", [&id])?;
        // Nothing of this is done twice, since the row of the appended recording is gone then.
        transaction.execute(
            "UPDATE recordings SET frames = recordings.frames + more.frames,
                 unchanged = recordings.unchanged + more.unchanged,
                 dropped = recordings.dropped + more.dropped,
                 end_reason = coalesce(more.end_reason, recordings.end_reason)
             FROM recordings AS more WHERE recordings.id = ?1 AND more.id = ?2",
            [&id, &of],
        )?;
        transaction.execute(
            "INSERT INTO health (recording, idx, at_ms, kind, detail, params)
             SELECT ?1, idx + (SELECT coalesce(max(idx) + 1, 0) FROM health WHERE recording = ?1),
                 at_ms + ?3, kind, detail, params FROM health WHERE recording = ?2",
            params![id, of, entry.from_ms as i64],
        )?;
        extend_edit(&transaction, &id, entry)?;
        transaction.execute("DELETE FROM recordings WHERE id = ?1", [&of])?;
        transaction.commit()?;
        self.segments_changed(to);
        self.segments_changed(more);
        self.touch(to);
        self.write_sidecar(to);
        std::fs::remove_file(folder.join(APPEND_FILE))?;
        files::sync_folder(&folder)?;
        remove_folder(&copies)?;
        self.finish_deleting(more)
    }

    /// Completes what an earlier program had begun to append, and removes what it had only prepared.
    pub(crate) fn recover_append(&mut self, to: RecordingId) -> Result<()> {
        let folder = self.folder(to);
        match std::fs::read(folder.join(APPEND_FILE)) {
            Ok(json) => {
                let entry: AppendEntry =
                    serde_json::from_slice(&json).map_err(std::io::Error::other)?;
                info!(recording = %to, appended = %entry.more, "An append is completed");
                // Before the sidecar is written anew, without an upload that only the sidecar knows.
                self.restore_upload(to)?;
                self.complete_append(to, &entry)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                for name in list(&folder)? {
                    let path = folder.join(&name);
                    if name.starts_with(COPIES_PREFIX) && path.is_dir() {
                        remove_folder(&path)?;
                    } else if name.starts_with(APPEND_FILE) {
                        std::fs::remove_file(&path)?;
                    }
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Has a saved edit keep what is appended: at the end, or in the place of the stretch that it replaces. An edit of a newer
/// form stays as it is.
fn extend_edit(to: &Transaction<'_>, id: &str, entry: &AppendEntry) -> Result<()> {
    let query = "SELECT edit FROM edits WHERE item = ?1";
    let saved: Option<String> = to.query_row(query, [id], |row| row.get(0)).optional()?;
    let edit = match (saved.as_deref(), entry.replaces) {
        (Some(saved), _) => edit_of(saved),
        (None, Some(_)) => Some(Edit::whole(entry.from_ms)),
        (None, None) => None,
    };
    let Some(Edit::Cuts { mut keep, covers, chapters }) = edit else { return Ok(()) };
    let end_ms = entry.segments.last().map_or(0, |(_, last)| last.start_ms + last.duration_ms);
    let appended = entry.from_ms..end_ms;
    if keep.iter().any(|range| range.end > entry.from_ms) {
        return Ok(());
    }
    match (entry.replaces, keep.last_mut()) {
        (Some((from_ms, to_ms)), _) => keep = with_replaced(&keep, &(from_ms..to_ms), &appended),
        (None, Some(last)) if last.end == appended.start => last.end = end_ms,
        (None, Some(_) | None) => keep.push(appended),
    }
    to.execute(
        "INSERT INTO edits (item, revision, edit, saved_unix_ms)
         VALUES (?1, 1, ?2, CAST(unixepoch('subsec') * 1000 AS INTEGER))
         ON CONFLICT (item) DO UPDATE SET edit = excluded.edit, revision = revision + 1",
        params![id, text_of(&Edit::Cuts { keep, covers, chapters })?],
    )?;
    Ok(())
}

fn list(folder: &Path) -> Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect()
}

fn remove_file(file: &Path) -> Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn remove_folder(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
