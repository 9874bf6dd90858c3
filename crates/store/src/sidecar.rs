//! The sidecar file `recording.json`: a copy of a recording's rows beside its segments, so that a lost
//! database can be rebuilt from the folders. The rows of its segments are in a file of their own, `segments.json`: a
//! recording of hours has thousands, and they hardly ever change once it has ended.
//!
//! Nothing reads it while the database is sound. It is written durably when a recording begins and at
//! each significant change, but not for each segment or part, which would double the syncs of a
//! recording. What it lacks can be determined again: segments after the last one that it lists are read
//! from their bytes, and the server is asked which parts it has.
//!
//! A failure to write it is logged and not returned: the rows are durable.
//!
//! Length: the form of the files, the rows that they are made of, and the rows that are made of them.

use std::path::Path;

use rusqlite::{OptionalExtension as _, Transaction, params};
use serde::{Deserialize, Serialize};
use snaplark_core::capture::FrameCounts;
use snaplark_core::upload::UploadChange;
use snaplark_core::{EndReason, ItemId, ItemKind, RecordingId};
use tracing::warn;

use crate::edits::{self, EditEntry};
use crate::further::FurtherEntry;
use crate::imports::{self, ImportedFile};
use crate::items::SourceEntry;
use crate::rows::{StoredEnd, unsigned};
use crate::versions::{self, VersionEntry};
use crate::{Damaged, Elsewhere, IssueRow, Recording, Result, Segment, Store};
use snaplark_files as files;

/// The copy of a recording's rows, in its folder.
pub(crate) const SIDECAR_FILE: &str = "recording.json";
/// The copy of the rows of a recording's segments, in its folder.
pub(crate) const SEGMENTS_FILE: &str = "segments.json";
/// Incremented when an older version could not read the file; files with a greater version are skipped.
const VERSION: u32 = 1;
/// The version of items that are no recordings. A program that knows recordings only would take them for empty
/// ones, and delete them.
const ITEM_VERSION: u32 = 2;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sidecar {
    pub version: u32,
    pub id: RecordingId,
    #[serde(default)]
    pub kind: ItemKind,
    pub title: String,
    pub started_text: String,
    pub started_unix_ms: i64,
    pub fps: u32,
    pub bitrate_bits: u32,
    #[serde(default)]
    pub width: u32,
    #[serde(default)]
    pub height: u32,
    /// The content of `init.webm`, so that a damaged one can be written again.
    #[serde(default, with = "hex")]
    pub init: Vec<u8>,
    #[serde(default)]
    pub running: bool,
    /// An English sentence, in files of earlier versions.
    #[serde(default)]
    pub end_detail: Option<String>,
    #[serde(default)]
    pub end_reason: Option<EndReason>,
    #[serde(default)]
    pub frames: u64,
    #[serde(default)]
    pub unchanged: u64,
    #[serde(default)]
    pub dropped: u64,
    #[serde(default)]
    pub file: Option<String>,
    #[serde(default)]
    pub cleared: bool,
    #[serde(default)]
    pub deleted_unix_ms: Option<i64>,
    /// The segments in playing order. They are in a file of their own; earlier programs wrote them into this one.
    #[serde(default, skip_serializing)]
    pub segments: Vec<SegmentEntry>,
    /// The original data of damaged segments.
    #[serde(default)]
    pub damaged: Vec<DamagedEntry>,
    #[serde(default)]
    #[serde(rename = "health")]
    pub issues: Vec<IssueEntry>,
    #[serde(default)]
    pub elsewhere: Vec<ElsewhereEntry>,
    #[serde(default)]
    pub upload: Option<UploadEntry>,
    /// The uploads to further places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further: Vec<FurtherEntry>,
    /// Empty if there is none.
    #[serde(default, with = "hex")]
    pub secret: Vec<u8>,
    /// The file of an item that is no recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceEntry>,
    /// The file of a video that was brought in, which is elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<ImportedFile>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<EditEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VersionEntry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SegmentEntry {
    pub size_bytes: u64,
    pub start_ms: u64,
    pub duration_ms: u64,
    #[serde(with = "hex")]
    pub sha256: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DamagedEntry {
    pub index: u32,
    pub size_bytes: u64,
    #[serde(with = "hex")]
    pub sha256: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IssueEntry {
    pub at_ms: u64,
    pub kind: String,
    /// An English sentence, in entries of earlier versions.
    pub detail: String,
    #[serde(default)]
    pub params: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ElsewhereEntry {
    pub folder: String,
    pub first_index: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UploadEntry {
    pub server: String,
    pub profile: String,
    /// The version of a picture or an edited recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    pub session: Option<String>,
    pub link: Option<String>,
    pub part_bytes_max: Option<i64>,
    #[serde(default)]
    pub cuts: bool,
    /// Segments that are too large are cut at frames; `cuts` then says nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_frames: bool,
    pub paused: bool,
    /// The same text as in the row.
    pub stop: Option<String>,
    pub finished_unix_ms: i64,
    pub mending: bool,
    /// First segment, number of segments, size. Parts after the last one are planned again, with the
    /// same result.
    pub parts: Vec<(u32, u32, u64)>,
    /// Those of them that are pieces of a segment: the part's number, where it begins in the segment,
    /// and where it ends if not with it.
    #[serde(default)]
    pub pieces: Vec<(u32, u64, Option<u64>)>,
}

pub(crate) mod hex {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        // A recording of hours has thousands of digests, and its sidecar is written at each step of an upload.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |value: u8| char::from(DIGITS[usize::from(value & 0x0f)]);
        let mut text = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            text.extend([digit(byte >> 4), digit(*byte)]);
        }
        to.serialize_str(&text)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        let digits = text.as_bytes();
        if digits.len() % 2 > 0 {
            return Err(D::Error::custom("an odd number of hexadecimal digits"));
        }
        let byte = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).map_err(D::Error::custom)?;
            u8::from_str_radix(pair, 16).map_err(D::Error::custom)
        };
        digits.chunks(2).map(byte).collect()
    }
}

/// Returns whether a rebuilt database would lack something that can't be determined again.
pub(crate) fn is_significant(change: &UploadChange) -> bool {
    match change {
        UploadChange::PartPlanned { .. }
        | UploadChange::PartAcknowledged { .. }
        | UploadChange::PartsLost { .. }
        | UploadChange::PiecesKnown { .. }
        | UploadChange::PartsKnown { .. } => false,
        UploadChange::UploadWanted { .. }
        | UploadChange::VersionSet { .. }
        | UploadChange::Renumbered { .. }
        | UploadChange::Withdrawn { .. }
        | UploadChange::ServerMoved { .. }
        | UploadChange::SessionSet { .. }
        | UploadChange::PartsDropped { .. }
        | UploadChange::PartBytesLearned { .. }
        | UploadChange::LinkKnown { .. }
        | UploadChange::LinkLost { .. }
        | UploadChange::Paused { .. }
        | UploadChange::Stopped { .. }
        | UploadChange::Finished { .. }
        | UploadChange::Reopened { .. } => true,
    }
}

/// Returns the sidecar's version for an item of that kind.
pub(crate) fn version_of(kind: ItemKind) -> u32 {
    match kind {
        ItemKind::Recording => VERSION,
        ItemKind::Screenshot | ItemKind::Import => ITEM_VERSION,
    }
}

/// Reads a folder's sidecar. `None` if there is none that can be read; a damaged one is left in place.
pub(crate) fn read(folder: &Path) -> Option<Sidecar> {
    let bytes = std::fs::read(folder.join(SIDECAR_FILE)).ok()?;
    match serde_json::from_slice::<Sidecar>(&bytes) {
        Ok(mut sidecar) if sidecar.version == version_of(sidecar.kind) => {
            if sidecar.segments.is_empty() {
                sidecar.segments = read_segments(folder);
            }
            Some(sidecar)
        }
        Ok(_) => None,
        Err(error) => {
            warn!(%error, "A recording.json can't be read");
            None
        }
    }
}

/// Reads the list of segments. Those that it lacks are read from their bytes.
fn read_segments(folder: &Path) -> Vec<SegmentEntry> {
    let Ok(bytes) = std::fs::read(folder.join(SEGMENTS_FILE)) else { return Vec::new() };
    serde_json::from_slice(&bytes).unwrap_or_else(|error| {
        warn!(%error, "A segments.json can't be read");
        Vec::new()
    })
}

impl Store {
    /// Returns the hashes of the segments according to the sidecar, in case the rows are wrong.
    pub fn kept_sha256(&self, recording: RecordingId) -> Vec<[u8; 32]> {
        let sidecar = read(&self.folder(recording));
        let segments = sidecar.map(|sidecar| sidecar.segments).unwrap_or_default();
        segments.iter().filter_map(|entry| entry.sha256.as_slice().try_into().ok()).collect()
    }

    /// Writes the sidecar and the list of segments.
    pub(crate) fn write_sidecar(&self, recording: RecordingId) {
        self.write_copies(recording, true);
    }

    /// Writes the sidecar after a change that leaves all segments as they are. The list of those of a recording that
    /// runs is written, too, since they become more.
    pub(crate) fn write_sidecar_alone(&self, recording: RecordingId) {
        self.write_copies(recording, false);
    }

    fn write_copies(&self, recording: RecordingId, lists_segments: bool) {
        let folder = self.folder(recording);
        // Skips recordings whose disk is not connected, and those that are being deleted.
        if !folder.is_dir() {
            return;
        }
        let written = self.sidecar(recording).and_then(|sidecar| {
            let list = folder.join(SEGMENTS_FILE);
            // Earlier programs had the list in the sidecar, so it must be elsewhere before that is written.
            let is_new = !list.exists();
            if lists_segments || sidecar.running || is_new {
                let segments = self.segments(recording)?;
                // The first picture waits for nothing.
                if !(is_new && segments.is_empty()) {
                    let segments: Vec<_> = segments.iter().map(SegmentEntry::from).collect();
                    let json = serde_json::to_vec(&segments).map_err(std::io::Error::other)?;
                    files::write_durably(&list, &json)?;
                }
            }
            let json = serde_json::to_vec(&sidecar).map_err(std::io::Error::other)?;
            Ok(files::write_durably(&folder.join(SIDECAR_FILE), &json)?)
        });
        if let Err(error) = written {
            warn!(%recording, %error, "A recording's recording.json could not be written");
        }
    }

    /// Restores uploads that are in the sidecar but not in the rows, of an item without any: a damaged write-ahead log
    /// loses the last commits.
    pub(crate) fn restore_upload(&self, recording: RecordingId) -> Result<()> {
        if self.upload_entry(recording)?.is_some() {
            return Ok(());
        }
        let sidecar = read(&self.folder(recording)).filter(|sidecar| sidecar.id == recording);
        let Some((upload, further)) = sidecar.and_then(|it| Some((it.upload?, it.further))) else {
            return Ok(());
        };
        let transaction = self.connection.unchecked_transaction()?;
        upload.insert(recording, recording, &transaction)?;
        for entry in further {
            if self.upload_entry(entry.id)?.is_none() {
                entry.insert(recording, &transaction)?;
            }
        }
        transaction.commit()?;
        self.touch(recording);
        Ok(())
    }

    /// Returns the sidecar without the segments.
    fn sidecar(&self, recording: RecordingId) -> Result<Sidecar> {
        let row = self.recording(recording)?;
        let item = ItemId::from(recording);
        let kind = self.item(item)?.kind;
        let (end_reason, end_detail) = match row.end {
            None => (None, None),
            Some(StoredEnd::Known(reason)) => (Some(reason), None),
            Some(StoredEnd::Worded(words)) => (None, Some(words)),
        };
        let init = if row.init_bytes > 0 { self.init(recording)? } else { Vec::new() };
        let Recording { id, title, started_text, started_unix_ms, fps, bitrate_bits, .. } = row;
        Ok(Sidecar {
            version: version_of(kind),
            id,
            kind,
            title,
            started_text,
            started_unix_ms,
            fps,
            bitrate_bits,
            width: row.width,
            height: row.height,
            init,
            running: row.running,
            end_detail,
            end_reason,
            frames: row.counts.encoded,
            unchanged: row.counts.unchanged,
            dropped: row.counts.dropped,
            file: row.file.map(|file| file.to_string_lossy().into_owned()),
            cleared: row.cleared,
            deleted_unix_ms: self.deleted()?.get(&recording).copied(),
            segments: Vec::new(),
            damaged: self.damaged(recording)?.iter().map(DamagedEntry::from).collect(),
            issues: self.issues_of(recording)?.into_iter().map(IssueEntry::from).collect(),
            elsewhere: self.elsewhere(recording)?.iter().map(ElsewhereEntry::from).collect(),
            upload: self.upload_entry(recording)?,
            further: self.further_entries(recording)?,
            secret: self.secret(recording)?.map(|secret| secret.to_vec()).unwrap_or_default(),
            source: self.source_entry(item)?,
            imported: self.imported(recording)?,
            edit: self.edit_entry(item)?,
            versions: self.version_entries(item)?,
        })
    }

    pub(crate) fn upload_entry(&self, recording: RecordingId) -> Result<Option<UploadEntry>> {
        let query = "SELECT server, profile, session, link, part_bytes_max, paused, stop,
                            finished_unix_ms, mending, cuts, version FROM uploads WHERE recording = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(UploadEntry {
                server: row.get(0)?,
                profile: row.get(1)?,
                session: row.get(2)?,
                link: row.get(3)?,
                part_bytes_max: row.get(4)?,
                paused: row.get(5)?,
                stop: row.get(6)?,
                finished_unix_ms: row.get(7)?,
                mending: row.get(8)?,
                cuts: row.get::<_, i64>(9)? == 1,
                at_frames: row.get::<_, i64>(9)? == 2,
                version: row.get(10)?,
                parts: Vec::new(),
                pieces: Vec::new(),
            })
        };
        let entry = self.connection.query_row(query, [recording.to_string()], read).optional()?;
        let Some(mut entry) = entry else { return Ok(None) };
        let mut statement = self.connection.prepare_cached(
            "SELECT first_segment, segment_count, size_bytes, idx, from_bytes, to_bytes FROM parts
             WHERE recording = ?1 ORDER BY idx",
        )?;
        let mut rows = statement.query([recording.to_string()])?;
        while let Some(row) = rows.next()? {
            // The parts of a version that its server has kept have no rows, and are known by its list.
            if row.get::<_, u32>(3)? as usize != entry.parts.len() {
                break;
            }
            entry.parts.push((row.get(0)?, row.get(1)?, unsigned(row, 2)?));
            let from_bytes = unsigned(row, 4)?;
            let to_bytes = row.get::<_, Option<i64>>(5)?.map(|bytes| bytes as u64);
            if from_bytes > 0 || to_bytes.is_some() {
                entry.pieces.push((row.get(3)?, from_bytes, to_bytes));
            }
        }
        Ok(Some(entry))
    }
}

impl Sidecar {
    /// Returns whether the file of a screenshot or an import is there. Recordings have segments instead.
    pub(crate) fn has_source(&self, folder: &Path) -> bool {
        self.source.as_ref().is_none_or(|source| folder.join(&source.file).is_file())
    }

    /// Inserts the rows. `segments_max` is the number of segments that capture has reported, for a
    /// running recording.
    pub(crate) fn insert(&self, to: &Transaction<'_>, segments_max: usize) -> Result<()> {
        let id = self.id.to_string();
        to.execute(
            "INSERT INTO recordings (id, title, started_text, started_unix_ms, fps, bitrate_bits,
                 width, height, init_bytes, state, end_detail, frames, unchanged, dropped, file,
                 cleared, init, secret, kind, source_file, source_bytes, source_sha256, end_reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                 ?18, ?19, ?20, ?21, ?22, ?23)",
            params![
                id,
                self.title,
                self.started_text,
                self.started_unix_ms,
                self.fps,
                self.bitrate_bits,
                self.width,
                self.height,
                self.init.len() as i64,
                if self.running { "running" } else { "ended" },
                self.end_detail,
                self.frames as i64,
                self.unchanged as i64,
                self.dropped as i64,
                self.file,
                self.cleared,
                (!self.init.is_empty()).then_some(&self.init),
                (!self.secret.is_empty()).then_some(&self.secret),
                self.kind.name(),
                self.source.as_ref().map(|source| &source.file),
                self.source.as_ref().map_or(0, |source| source.size_bytes as i64),
                self.source.as_ref().map(|source| &source.sha256),
                self.end_reason.as_ref().and_then(|reason| serde_json::to_string(reason).ok()),
            ],
        )?;
        for (index, entry) in self.segments.iter().take(segments_max).enumerate() {
            to.execute(
                "INSERT INTO segments (recording, idx, size_bytes, start_ms, duration_ms, sha256)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    id,
                    index as i64,
                    entry.size_bytes as i64,
                    entry.start_ms as i64,
                    entry.duration_ms as i64,
                    entry.sha256,
                ],
            )?;
        }
        for DamagedEntry { index, size_bytes, sha256 } in &self.damaged {
            to.execute(
                "INSERT OR IGNORE INTO damage (recording, idx, size_bytes, sha256)
                 VALUES (?1, ?2, ?3, ?4)",
                params![id, index, *size_bytes as i64, sha256],
            )?;
        }
        for (index, IssueEntry { at_ms, kind, detail, params }) in self.issues.iter().enumerate() {
            to.execute(
                "INSERT INTO health (recording, idx, at_ms, kind, detail, params)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![id, index as i64, *at_ms as i64, kind, detail, params],
            )?;
        }
        if let Some(at_unix_ms) = self.deleted_unix_ms {
            to.execute(
                "INSERT INTO deleted (recording, at_unix_ms) VALUES (?1, ?2)",
                params![id, at_unix_ms],
            )?;
        }
        for ElsewhereEntry { folder, first_index } in &self.elsewhere {
            to.execute(
                "INSERT OR IGNORE INTO elsewhere (folder, recording, first_idx)
                 VALUES (?1, ?2, ?3)",
                params![folder, id, first_index],
            )?;
        }
        imports::insert(to, &id, self.imported.as_ref())?;
        edits::insert(to, &id, self.edit.as_ref())?;
        versions::insert(to, &id, &self.versions)?;
        if let Some(upload) = &self.upload {
            upload.insert(self.id, self.id, to)?;
        }
        self.further.iter().try_for_each(|entry| entry.insert(self.id, to))
    }
}

impl UploadEntry {
    /// Inserts the rows of an item's upload.
    pub(crate) fn insert(
        &self,
        upload: RecordingId,
        item: RecordingId,
        to: &Transaction<'_>,
    ) -> Result<()> {
        let id = upload.to_string();
        to.execute(
            "INSERT INTO uploads (recording, item, server, profile, session, link, part_bytes_max, paused,
                 stop, finished_unix_ms, mending, rebuilt, cuts, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            params![
                id,
                item.to_string(),
                self.server,
                self.profile,
                self.session,
                self.link,
                self.part_bytes_max,
                self.paused,
                self.stop,
                self.finished_unix_ms,
                self.mending,
                self.finished_unix_ms == 0,
                if self.at_frames { 2 } else { i64::from(self.cuts) },
                self.version,
            ],
        )?;
        for (index, (first, count, size_bytes)) in self.parts.iter().enumerate() {
            to.execute(
                "INSERT INTO parts (recording, idx, first_segment, segment_count, size_bytes,
                     acknowledged)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    id,
                    index as i64,
                    first,
                    count,
                    *size_bytes as i64,
                    self.finished_unix_ms > 0
                ],
            )?;
        }
        for (index, from_bytes, to_bytes) in &self.pieces {
            to.execute(
                "UPDATE parts SET from_bytes = ?3, to_bytes = ?4 WHERE recording = ?1 AND idx = ?2",
                params![id, index, *from_bytes as i64, to_bytes.map(|bytes| bytes as i64)],
            )?;
        }
        Ok(())
    }
}

impl From<&Segment> for SegmentEntry {
    fn from(segment: &Segment) -> Self {
        let Segment { size_bytes, start_ms, duration_ms, sha256, .. } = *segment;
        SegmentEntry { size_bytes, start_ms, duration_ms, sha256: sha256.to_vec() }
    }
}

impl From<&Damaged> for DamagedEntry {
    fn from(damaged: &Damaged) -> Self {
        let Damaged { index, size_bytes, sha256, .. } = *damaged;
        DamagedEntry { index, size_bytes, sha256: sha256.to_vec() }
    }
}

impl From<IssueRow> for IssueEntry {
    fn from(IssueRow { at_ms, issue }: IssueRow) -> Self {
        let (kind, detail, params) = issue.columns();
        IssueEntry { at_ms, kind: kind.to_owned(), detail: detail.to_owned(), params }
    }
}

impl From<&Elsewhere> for ElsewhereEntry {
    fn from(there: &Elsewhere) -> Self {
        let folder = there.folder.to_string_lossy().into_owned();
        ElsewhereEntry { folder, first_index: there.first_index }
    }
}

/// The values for a folder that has no `recording.json`.
pub(crate) struct Bare {
    pub id: RecordingId,
    pub title: String,
    pub started_text: String,
    pub started_unix_ms: i64,
    /// Unknown, so defaults are used.
    pub fps: u32,
    pub bitrate_bits: u32,
}

impl Bare {
    pub(crate) fn sidecar(self) -> Sidecar {
        let FrameCounts { encoded, unchanged, dropped } = FrameCounts::default();
        Sidecar {
            version: VERSION,
            id: self.id,
            kind: ItemKind::Recording,
            title: self.title,
            started_text: self.started_text,
            started_unix_ms: self.started_unix_ms,
            fps: self.fps,
            bitrate_bits: self.bitrate_bits,
            width: 0,
            height: 0,
            init: Vec::new(),
            // Recovery reads the rest from the files, and ends the recording.
            running: true,
            end_detail: None,
            end_reason: None,
            frames: encoded,
            unchanged,
            dropped,
            file: None,
            cleared: false,
            deleted_unix_ms: None,
            segments: Vec::new(),
            damaged: Vec::new(),
            issues: Vec::new(),
            elsewhere: Vec::new(),
            upload: None,
            further: Vec::new(),
            secret: Vec::new(),
            source: None,
            imported: None,
            edit: None,
            versions: Vec::new(),
        }
    }
}
