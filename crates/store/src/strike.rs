//! Removes the last part of a recording that runs: what a person has struck.
//!
//! ```text
//! strike-000003.webm  what stays of the segment in which the strike begins, durable
//! strike.json         the strike, durable: from here on it is completed, also by the next start
//! 000003.webm         replaced by a rename; later segments and all that was made of either are removed
//! struck-parts        if the server may have parts of it: it outlives the strike
//! rows                in one transaction
//! recording.json      written anew
//! strike.json         removed
//! ```
//!
//! A program that dies before `strike.json` is durable leaves the recording as it was. Segments that capture
//! writes after the strike are in another folder ([`Store::expect_elsewhere`]) until then, so every later segment
//! that is found in the recording's folder was struck.

use std::io::{Error, ErrorKind};
use std::path::Path;

use rusqlite::params;
use serde::{Deserialize, Serialize};
use snaplark_core::capture::StrikePoint;
use snaplark_core::{
    INIT_FILE, RecordingId, STILL_FILE, STRUCK_PARTS_FILE, pointer_file, segment_file,
    segment_index,
};
use snaplark_files as files;
use tracing::info;

use crate::{Format, Judged, Recovery, Result, Segment, Store, StoreError};

const STRIKE_FILE: &str = "strike.json";
/// The prefix of a file that is about to replace the one without it.
const NEXT_PREFIX: &str = "strike-";

/// The span to strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    /// The time in the recording from which on everything is removed.
    pub from_ms: u64,
    /// The index in capture's folder of the recording's first segment, were it there, from now on.
    pub first_index: u32,
}

/// The state that a strike has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Struck {
    /// How many segments are as they were: the first one that is changed or gone has this index.
    pub untouched: u32,
    /// The segment in which the strike began, without what was struck.
    pub cut: Option<Segment>,
}

impl Struck {
    /// Returns how many segments the recording has now.
    pub fn segments(&self) -> u32 {
        self.untouched + u32::from(self.cut.is_some())
    }
}

/// Makes files of which only the beginning is kept.
pub trait Truncate: Format {
    /// Returns what comes before that time of a segment, and its properties; `None` if it can't be cut.
    fn segment(&self, bytes: &[u8], end_ms: u64) -> Option<(Vec<u8>, Judged)>;

    /// Returns what comes before that time of the pointer's positions, counted from their segment's start.
    fn pointer(&self, bytes: &[u8], end_ms: u64) -> Option<Vec<u8>>;
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StrikeEntry {
    from_ms: u64,
    untouched: u32,
    /// The new value of `Elsewhere::first_index`.
    first_index: u32,
    cut: Option<CutEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CutEntry {
    size_bytes: u64,
    start_ms: u64,
    duration_ms: u64,
    sha256: [u8; 32],
}

impl StrikeEntry {
    fn struck(&self) -> Struck {
        let cut = self.cut.as_ref().map(|cut| Segment {
            index: self.untouched,
            size_bytes: cut.size_bytes,
            start_ms: cut.start_ms,
            duration_ms: cut.duration_ms,
            sha256: cut.sha256,
        });
        Struck { untouched: self.untouched, cut }
    }
}

impl Store {
    /// Removes everything of a recording from a time on. All of its segments up to the strike must have their
    /// rows. May be repeated after an error.
    pub fn strike(
        &mut self,
        recording: RecordingId,
        strike: Strike,
        truncate: &dyn Truncate,
    ) -> Result<Struck> {
        let folder = self.folder(recording);
        let entry = match read_entry(&folder)? {
            Some(entry) => entry,
            None => {
                let entry = self.begin_strike(recording, &folder, strike, truncate)?;
                let json = serde_json::to_vec(&entry).map_err(std::io::Error::other)?;
                files::write_durably(&folder.join(STRIKE_FILE), &json)?;
                entry
            }
        };
        self.complete_strike(recording, &folder, &entry)?;
        Ok(entry.struck())
    }

    fn begin_strike(
        &self,
        recording: RecordingId,
        folder: &Path,
        strike: Strike,
        truncate: &dyn Truncate,
    ) -> Result<StrikeEntry> {
        let Strike { from_ms, first_index } = strike;
        let segments = self.segments(recording)?;
        let times = segments.iter().map(|it| (it.start_ms, it.start_ms + it.duration_ms));
        let StrikePoint { untouched, cuts } = StrikePoint::find(times, from_ms);
        let reached = segments.get(untouched as usize).filter(|_| cuts);
        let cut = reached.map(|segment| cut(folder, segment, from_ms, truncate)).transpose()?;
        Ok(StrikeEntry { from_ms, untouched, first_index, cut })
    }

    /// Completes a strike from the state in which a program or an error left it.
    fn complete_strike(
        &mut self,
        recording: RecordingId,
        folder: &Path,
        entry: &StrikeEntry,
    ) -> Result<()> {
        replace_files(folder, entry)?;
        let Struck { untouched, cut } = entry.struck();
        let id = recording.to_string();
        // The server has them, or may have, until others replace them. This must outlive the parts' rows.
        let has_parts: bool = self.connection.query_row(
            "SELECT EXISTS (SELECT 1 FROM parts JOIN uploads USING (recording) WHERE recording = ?1
                 AND session IS NOT NULL AND first_segment + segment_count > ?2)",
            params![id, untouched],
            |row| row.get(0),
        )?;
        if has_parts {
            files::write_durably(&folder.join(STRUCK_PARTS_FILE), b"")?;
        }
        let transaction = self.connection.transaction()?;
        transaction.execute(
            "UPDATE uploads SET struck = 1 WHERE item = ?1 AND recording != item AND session IS NOT NULL
                 AND recording IN (SELECT recording FROM parts WHERE first_segment + segment_count > ?2)",
            params![id, untouched],
        )?;
        // Segments of before are replaced by none, or by one that is shorter.
        for table in ["damage", "segments"] {
            transaction.execute(
                &format!("DELETE FROM {table} WHERE recording = ?1 AND idx >= ?2"),
                params![id, untouched],
            )?;
        }
        if let Some(cut) = &cut {
            transaction.execute(
                "INSERT INTO segments (recording, idx, size_bytes, start_ms, duration_ms, sha256)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    id,
                    cut.index,
                    cut.size_bytes as i64,
                    cut.start_ms as i64,
                    cut.duration_ms as i64,
                    cut.sha256
                ],
            )?;
        }
        // Parts are numbered without a gap, so those after the first one go with it.
        transaction.execute(
            "DELETE FROM parts AS p
             WHERE recording IN (SELECT recording FROM uploads WHERE item = ?1)
                 AND idx >= (SELECT min(idx) FROM parts q WHERE q.recording = p.recording
                     AND q.first_segment + q.segment_count > ?2)",
            params![id, untouched],
        )?;
        // A microphone that was lost in the struck seconds is lost still.
        transaction.execute(
            "UPDATE health SET at_ms = ?2 WHERE recording = ?1 AND at_ms > ?2",
            params![id, entry.from_ms as i64],
        )?;
        transaction.execute(
            "UPDATE elsewhere SET first_idx = ?2 WHERE recording = ?1",
            params![id, entry.first_index],
        )?;
        transaction.commit()?;
        self.segments_changed(recording);
        self.touch(recording);
        self.write_sidecar(recording);
        std::fs::remove_file(folder.join(STRIKE_FILE))?;
        files::sync_folder(folder)?;
        Ok(())
    }

    /// Completes a strike that an earlier program had begun, and removes what it had only prepared.
    pub(crate) fn recover_strike(
        &mut self,
        recording: RecordingId,
        recovery: &mut Recovery,
    ) -> Result<()> {
        let folder = self.folder(recording);
        match read_entry(&folder)? {
            Some(entry) => {
                info!(%recording, from_ms = entry.from_ms, "A strike is completed");
                // Before the sidecar is written anew, without an upload that only the sidecar knows.
                self.restore_upload(recording)?;
                self.complete_strike(recording, &folder, &entry)?;
                recovery.struck.push(recording);
            }
            None => remove(&folder, |name| {
                name.starts_with(NEXT_PREFIX) || name.starts_with(STRIKE_FILE)
            })?,
        }
        Ok(())
    }
}

/// Writes what stays of a segment, and of its pointer's positions, beside them.
fn cut(
    folder: &Path,
    segment: &Segment,
    from_ms: u64,
    truncate: &dyn Truncate,
) -> Result<CutEntry> {
    let name = segment_file(segment.index);
    let bytes = std::fs::read(folder.join(&name)).ok();
    let (bytes, judged) = match bytes.and_then(|bytes| truncate.segment(&bytes, from_ms)) {
        Some(kept) => kept,
        // It is damaged, or can't be read. What was struck must not stay, so a placeholder stands for what came
        // before. While the whole folder is away, the init is too, and the strike is tried again.
        None => {
            let init = std::fs::read(folder.join(INIT_FILE))?;
            let duration_ms = from_ms - segment.start_ms;
            let made = truncate.placeholder(&init, segment.start_ms, duration_ms, 0);
            let damaged = || Error::new(ErrorKind::InvalidData, format!("{name} can't be cut"));
            let bytes = made.ok_or_else(damaged)?;
            let judged = truncate.judge(&bytes).ok_or_else(damaged)?;
            (bytes, judged)
        }
    };
    files::write_durably(&folder.join(format!("{NEXT_PREFIX}{name}")), &bytes)?;
    let pointer = pointer_file(segment.index);
    let positions = std::fs::read(folder.join(&pointer)).ok();
    let end_ms = from_ms - segment.start_ms;
    if let Some(kept) = positions.and_then(|positions| truncate.pointer(&positions, end_ms)) {
        files::write_durably(&folder.join(format!("{NEXT_PREFIX}{pointer}")), &kept)?;
    }
    Ok(CutEntry {
        size_bytes: bytes.len() as u64,
        start_ms: segment.start_ms,
        duration_ms: judged.duration_ms,
        sha256: judged.sha256,
    })
}

fn read_entry(folder: &Path) -> Result<Option<StrikeEntry>> {
    match std::fs::read(folder.join(STRIKE_FILE)) {
        Ok(json) => Ok(Some(serde_json::from_slice(&json).map_err(std::io::Error::other)?)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::Io(error)),
    }
}

/// Puts what stays into its place, and removes what was struck and all that was made of it.
fn replace_files(folder: &Path, entry: &StrikeEntry) -> Result<()> {
    let untouched = entry.untouched;
    let first_gone = untouched + u32::from(entry.cut.is_some());
    // The pointer's old positions go first: there may be no new ones.
    let pointer = folder.join(pointer_file(untouched));
    let has_segment_next =
        folder.join(format!("{NEXT_PREFIX}{}", segment_file(untouched))).exists();
    let next_pointer = folder.join(format!("{NEXT_PREFIX}{}", pointer_file(untouched)));
    match (next_pointer.exists(), has_segment_next) {
        (true, _) => std::fs::rename(&next_pointer, &pointer)?,
        (false, true) => remove(folder, |name| name == pointer_file(untouched))?,
        // It was put into its place before.
        (false, false) => {}
    }
    if has_segment_next {
        let name = segment_file(untouched);
        std::fs::rename(folder.join(format!("{NEXT_PREFIX}{name}")), folder.join(name))?;
    }
    remove(folder, |name| is_struck(name, untouched, first_gone))?;
    files::sync_folder(folder)?;
    Ok(())
}

/// Returns whether a file holds something that was struck: a segment from `first_gone` on, or something made of
/// the segments from `untouched` on.
fn is_struck(name: &str, untouched: u32, first_gone: u32) -> bool {
    let stem = name.strip_suffix(files::PART_SUFFIX).unwrap_or(name);
    if let Some(index) = segment_index(stem) {
        return index >= first_gone;
    }
    let is_init = stem == INIT_FILE;
    // `000004.pointer`, `000004.webm.damaged`, `000004.webm.torn`.
    let numbered = stem.get(..6).and_then(|number| number.parse::<u32>().ok());
    if let Some(index) = numbered.filter(|_| !is_init) {
        let is_pointer = stem == pointer_file(index);
        return index >= if is_pointer { first_gone } else { untouched };
    }
    // `frame-000004.jpg`, `waveform-000004-20.bin`: made from this segment, or from this one on.
    let made = stem.strip_prefix("frame-").or_else(|| stem.strip_prefix("waveform-"));
    if let Some(made) = made {
        let index = made.get(..6).and_then(|number| number.parse::<u32>().ok());
        // A waveform covers several segments from its first one on.
        return stem.starts_with("waveform-") || index.is_none_or(|index| index >= untouched);
    }
    // It shows one of several segments, and nothing says which. It is made again on demand.
    stem == STILL_FILE
}

fn remove(folder: &Path, is_meant: impl Fn(&str) -> bool) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(&is_meant) {
            match std::fs::remove_file(entry.path()) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                Ok(()) | Err(_) => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
