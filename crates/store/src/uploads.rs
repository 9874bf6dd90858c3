//! The upload machine's rows: stores its changes, one transaction for each step, and loads its whole
//! state.
//!
//! Length: a statement for each change of an upload.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::ErrorKind;

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use snaplark_api::{Profile, recording_id_of};
use snaplark_core::upload::{
    Part, Receipt, SegmentCuts, UploadChange, UploadRows, file_pieces, is_link_of,
};
use snaplark_core::{ItemId, RecordingId, STRUCK_PARTS_FILE, SessionId};

use crate::further::FURTHER_SINCE;
use crate::rows::{conversion, recording_id, unsigned};
use crate::{Result, Store, sidecar, versions, webhook};

struct PartRow {
    index: u32,
    part: Part,
    acknowledged: bool,
    receipt: Option<String>,
}

impl Store {
    /// Stores all changes or none. They are on the disk when it returns.
    pub fn apply(&mut self, changes: &[UploadChange]) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let transaction = self.connection.transaction()?;
        for change in changes {
            if self.keeps_webhook_events.get() {
                webhook::note(&transaction, change)?;
            }
            apply_one(&transaction, change)?;
        }
        transaction.commit()?;
        let mut significant = BTreeSet::new();
        let mut left = BTreeSet::new();
        for change in changes {
            let item = self.item_of_upload(change.recording())?;
            self.touch(item);
            significant.extend(sidecar::is_significant(change).then_some(item));
            left.extend(leaves_version_files(change).then_some(item));
        }
        significant.into_iter().for_each(|item| self.write_sidecar_alone(item));
        changes.iter().for_each(|change| self.follow_session(change));
        for recording in left {
            let item = ItemId::from(recording);
            let swept = self.sweep_version_files(item).and(self.sweep_further_files(item));
            // What can't be removed now is removed at the next start.
            if let Err(error) = swept {
                tracing::warn!(%recording, %error, "Files of sent versions could not be removed");
            }
        }
        Ok(())
    }

    /// Returns the rows from which the machine is rebuilt, without deleted recordings, which must not
    /// be sent.
    pub fn upload_rows(&self) -> Result<Vec<UploadRows>> {
        let mut uploads = self.uploads()?;
        let deleted = self.deleted()?;
        let further = self.further_uploads()?;
        let items: HashMap<RecordingId, RecordingId> =
            further.into_iter().map(|upload| (upload.id, upload.item)).collect();
        let item_of =
            |upload: &UploadRows| *items.get(&upload.recording).unwrap_or(&upload.recording);
        uploads.retain(|upload| !deleted.contains_key(&item_of(upload)));
        let mut parts = self.parts(None)?;
        for upload in uploads.iter_mut().filter(|upload| !upload.finished) {
            let parts = parts.remove(&upload.recording).unwrap_or_default();
            let item = item_of(upload);
            self.put_parts(item, upload, parts)?;
        }
        Ok(uploads)
    }

    /// Returns the rows of one upload, finished or not; `None` if it must not be sent.
    pub fn upload_rows_of(&self, recording: RecordingId) -> Result<Option<UploadRows>> {
        let item = self.item_of_upload(recording)?;
        if self.deleted()?.contains_key(&item) {
            return Ok(None);
        }
        let found = self.uploads()?.into_iter().find(|upload| upload.recording == recording);
        let Some(mut upload) = found else { return Ok(None) };
        let parts = self.parts(Some(recording))?.remove(&recording).unwrap_or_default();
        self.put_parts(item, &mut upload, parts)?;
        Ok(Some(upload))
    }

    /// Removes the mark of a session with struck parts once it is not the upload's any more, or is complete.
    fn follow_session(&self, change: &UploadChange) {
        if let UploadChange::UploadWanted { recording, .. }
        | UploadChange::SessionSet { recording, .. }
        | UploadChange::Finished { recording, .. } = change
        {
            match std::fs::remove_file(self.folder(*recording).join(STRUCK_PARTS_FILE)) {
                // With it, at most parts are sent once more.
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    tracing::warn!(%recording, %error, "Mark of struck parts could not be removed");
                }
                Ok(()) | Err(_) => {}
            }
        }
    }

    /// Sets the parts and their sizes, and whether the server may have struck ones. The sizes are computed from the
    /// present segments, since some may have been replaced after the part was planned.
    fn put_parts(
        &self,
        recording: RecordingId,
        upload: &mut UploadRows,
        parts: Vec<PartRow>,
    ) -> Result<()> {
        // A further upload has that in its row.
        upload.struck |= recording == upload.recording
            && !upload.is_edited
            && self.folder(recording).join(STRUCK_PARTS_FILE).exists();
        let item = ItemId::from(recording);
        upload.segment_bytes = match upload.version {
            Some(version) if upload.is_edited => {
                let version = self.edited_version(item, version)?.unwrap_or_default();
                upload.duration_ms = Some(version.duration_ms);
                version.sizes()
            }
            None => match self.imported(recording)? {
                Some(file) => {
                    (upload.file_bytes, upload.duration_ms) =
                        (Some(file.size_bytes), Some(file.duration_ms));
                    file_pieces(file.size_bytes)
                }
                None => {
                    let segments = self.segments(recording)?;
                    segments.iter().map(|segment| segment.size_bytes).collect()
                }
            },
            Some(_) => {
                let file = match upload.recording == recording {
                    true => self.version_file(item)?,
                    false => self.further_picture(upload.recording)?,
                };
                file.iter().map(|file| file.size_bytes).collect()
            }
        };
        if upload.is_edited {
            // Its list plans all of its parts. Those that the server has kept have no row.
            let is_there = upload.session.is_some();
            let sizes = (0..).zip(&upload.segment_bytes);
            let whole =
                sizes.map(|(index, size_bytes)| (Part::whole(index, 1, *size_bytes), is_there));
            upload.parts = whole.collect();
        }
        for PartRow { index, part, acknowledged, receipt } in parts {
            match upload.parts.get_mut(index as usize).filter(|_| upload.is_edited) {
                Some((_, is_there)) => *is_there = acknowledged,
                None if upload.is_edited => continue,
                None => upload.parts.push((part.measured(&upload.segment_bytes), acknowledged)),
            }
            upload.receipts.extend(receipt.map(|receipt| (index, Receipt(receipt))));
        }
        Ok(())
    }

    /// Returns the item whose own upload is finished, and which a server knows by this session.
    pub fn finished_by_session(
        &self,
        server: &str,
        session: &SessionId,
    ) -> Result<Option<RecordingId>> {
        let query = "SELECT recording FROM uploads
                     WHERE server = ?1 AND session = ?2 AND finished_unix_ms > 0 AND recording = item";
        let read = |row: &Row<'_>| recording_id(row, 0);
        Ok(self.connection.query_row(query, [server, &session.0], read).optional()?)
    }

    fn uploads(&self) -> Result<Vec<UploadRows>> {
        // A reader may open the store before a writer of this version has migrated it.
        let version = self.version()?;
        let added = match version {
            ..5 => "0, 0, NULL, 0, NULL, 0, 0",
            5 | 6 => "u.mending, u.rebuilt, NULL, 0, NULL, 0, 0",
            7 => "u.mending, u.rebuilt, r.secret, 0, NULL, 0, 0",
            8..12 => "u.mending, u.rebuilt, r.secret, u.cuts, NULL, 0, 0",
            12..FURTHER_SINCE => {
                "u.mending, u.rebuilt, r.secret, u.cuts, u.version,
                 u.version IS NOT NULL AND r.kind = 'recording', 0"
            }
            _ => {
                "u.mending, u.rebuilt, CASE u.recording WHEN u.item THEN r.secret ELSE u.secret END,
                 u.cuts, u.version, u.version IS NOT NULL AND r.kind = 'recording', u.struck"
            }
        };
        let item = if version < FURTHER_SINCE { "recording" } else { "item" };
        let mut statement = self.connection.prepare(&format!(
            "SELECT u.recording, u.server, u.profile, u.session, u.link, u.part_bytes_max, u.paused,
                    u.stop, u.finished_unix_ms > 0, r.init_bytes,
                    CASE r.state WHEN 'ended' THEN
                        (SELECT coalesce(max(start_ms + duration_ms), 0) FROM segments
                         WHERE recording = r.id) END, {added}
             FROM uploads u JOIN recordings r ON r.id = u.{item} ORDER BY u.rowid"
        ))?;
        let rows = statement.query_map([], read_upload)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns the servers for which uploads were begun that are not finished.
    pub fn servers_of_unfinished(&self) -> Result<BTreeSet<String>> {
        let deleted = self.deleted()?;
        let item = if self.version()? < FURTHER_SINCE { "recording" } else { "item" };
        let query = format!("SELECT {item}, server FROM uploads WHERE finished_unix_ms = 0");
        let mut statement = self.connection.prepare_cached(&query)?;
        let rows = statement.query_map([], |row| Ok((recording_id(row, 0)?, row.get(1)?)))?;
        let rows: Vec<(RecordingId, String)> = rows.collect::<rusqlite::Result<_>>()?;
        let unfinished = rows.into_iter().filter(|(id, _)| !deleted.contains_key(id));
        Ok(unfinished.map(|(_, server)| server).collect())
    }

    /// Returns the known links of items' own uploads, each with whether its upload is finished.
    pub fn links(&self) -> Result<HashMap<RecordingId, (String, bool)>> {
        let is_own = if self.version()? < FURTHER_SINCE { "" } else { "AND recording = item" };
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT recording, link, finished_unix_ms > 0, profile FROM uploads
             WHERE link IS NOT NULL {is_own}"
        ))?;
        let rows = statement.query_map([], |row| {
            let (link, finished): (String, bool) = (row.get(1)?, row.get(2)?);
            let is_link = is_link_of(profile(row, 3)?, &link);
            Ok(is_link.then_some((recording_id(row, 0)?, (link, finished))))
        })?;
        let links: Vec<Option<_>> = rows.collect::<rusqlite::Result<_>>()?;
        Ok(links.into_iter().flatten().collect())
    }

    /// Returns the parts of one upload, or of all unfinished ones.
    fn parts(&self, of: Option<RecordingId>) -> Result<HashMap<RecordingId, Vec<PartRow>>> {
        let added = match self.version()? {
            ..8 => "0, NULL, NULL",
            8 | 9 => "p.from_bytes, p.to_bytes, NULL",
            _ => "p.from_bytes, p.to_bytes, p.receipt",
        };
        let mut statement = self.connection.prepare(&format!(
            "SELECT p.recording, p.first_segment, p.segment_count, p.size_bytes, p.acknowledged, {added},
                 p.idx
             FROM parts p JOIN uploads u ON u.recording = p.recording
             WHERE CASE WHEN ?1 IS NULL THEN u.finished_unix_ms = 0 ELSE u.recording = ?1 END
             ORDER BY p.recording, p.idx"
        ))?;
        let of = of.map(|recording| recording.to_string());
        let rows = statement.query_map([of], |row| {
            let part = Part {
                first_segment: row.get(1)?,
                segment_count: row.get(2)?,
                from_bytes: unsigned(row, 5)?,
                to_bytes: row.get::<_, Option<i64>>(6)?.map(|bytes| bytes as u64),
                size_bytes: unsigned(row, 3)?,
            };
            let (acknowledged, receipt, index) = (row.get(4)?, row.get(7)?, row.get(8)?);
            Ok((recording_id(row, 0)?, PartRow { index, part, acknowledged, receipt }))
        })?;
        let mut parts: HashMap<RecordingId, Vec<PartRow>> = HashMap::new();
        for row in rows {
            let (recording, part) = row?;
            parts.entry(recording).or_default().push(part);
        }
        Ok(parts)
    }
}

fn profile(row: &Row<'_>, column: usize) -> rusqlite::Result<Profile> {
    let name: String = row.get(column)?;
    serde_json::from_value(name.into()).map_err(|error| conversion(column, error))
}

fn read_upload(row: &Row<'_>) -> rusqlite::Result<UploadRows> {
    let profile = profile(row, 2)?;
    let stop: Option<String> = row.get(7)?;
    Ok(UploadRows {
        recording: recording_id(row, 0)?,
        server: row.get(1)?,
        profile,
        session: row.get::<_, Option<String>>(3)?.map(SessionId),
        // An older version stored whatever the server sent.
        link: row.get::<_, Option<String>>(4)?.filter(|link| is_link_of(profile, link)),
        part_bytes_max: row.get::<_, Option<i64>>(5)?.map(|bytes| bytes as u64),
        paused: row.get(6)?,
        stop: stop
            .map(|stop| serde_json::from_str(&stop).map_err(|error| conversion(7, error)))
            .transpose()?,
        finished: row.get(8)?,
        parts: Vec::new(),
        receipts: BTreeMap::new(),
        init_bytes: unsigned(row, 9)?,
        segment_bytes: Vec::new(),
        duration_ms: row.get::<_, Option<i64>>(10)?.map(|ms| ms as u64),
        file_bytes: None,
        mending: row.get(11)?,
        rebuilt: row.get(12)?,
        struck: row.get(17)?,
        claim: row
            .get::<_, Option<Vec<u8>>>(13)?
            .and_then(|secret| secret.try_into().ok())
            .map(|secret| recording_id_of(&secret)),
        cuts: cuts_of_row(row.get(14)?),
        version: row.get(15)?,
        is_edited: row.get(16)?,
    })
}

/// Returns the number that stands for where segments are cut.
fn cuts_in_row(cuts: SegmentCuts) -> i64 {
    match cuts {
        SegmentCuts::None => 0,
        SegmentCuts::AnyByte => 1,
        SegmentCuts::Frames => 2,
    }
}

fn cuts_of_row(number: i64) -> SegmentCuts {
    match number {
        0 => SegmentCuts::None,
        2 => SegmentCuts::Frames,
        _ => SegmentCuts::AnyByte,
    }
}

fn apply_one(to: &Transaction<'_>, change: &UploadChange) -> Result<()> {
    match change {
        UploadChange::UploadWanted { recording, server, profile } => {
            to.execute("DELETE FROM parts WHERE recording = ?1", [recording.to_string()])?;
            // A further upload has its row already.
            to.execute(
                "INSERT INTO uploads (recording, item, server, profile) VALUES (?1, ?1, ?2, ?3)
                 ON CONFLICT (recording) DO UPDATE SET server = excluded.server,
                     profile = excluded.profile, session = NULL, link = NULL, part_bytes_max = NULL,
                     cuts = 0, paused = 0, stop = NULL, finished_unix_ms = 0, mending = 0,
                     rebuilt = 0, version = NULL, struck = 0",
                params![recording.to_string(), server, profile.name()],
            )?;
        }
        UploadChange::ServerMoved { recording, server } => {
            to.execute(
                "UPDATE uploads SET server = ?2, link = NULL WHERE recording = ?1",
                params![recording.to_string(), server],
            )?;
        }
        UploadChange::SessionSet { recording, session } => {
            to.execute(
                "UPDATE uploads SET session = ?2, struck = 0,
                     rebuilt = CASE WHEN ?2 IS NULL THEN 0 ELSE rebuilt END,
                     mending = CASE WHEN ?2 IS NULL THEN 0 ELSE mending END
                 WHERE recording = ?1",
                params![recording.to_string(), session.as_ref().map(|session| &session.0)],
            )?;
            to.execute(
                "UPDATE parts SET acknowledged = 0 WHERE recording = ?1",
                [recording.to_string()],
            )?;
        }
        UploadChange::VersionSet { recording, version } => {
            to.execute(
                "UPDATE uploads SET version = ?2, session = NULL, stop = NULL, paused = 0,
                     finished_unix_ms = 0, rebuilt = 0, mending = 0
                 WHERE recording = ?1",
                params![recording.to_string(), version],
            )?;
            to.execute("DELETE FROM parts WHERE recording = ?1", [recording.to_string()])?;
            to.execute(
                "UPDATE versions SET file = NULL, pieces = NULL WHERE item = ?1 AND number < ?2",
                params![recording.to_string(), version],
            )?;
        }
        UploadChange::Renumbered { recording, from, to: number } => {
            let id = recording.to_string();
            to.execute(
                "UPDATE uploads SET version = ?2, session = NULL, stop = NULL, finished_unix_ms = 0,
                     rebuilt = 0, mending = 0
                 WHERE recording = ?1",
                params![id, number],
            )?;
            to.execute("UPDATE parts SET acknowledged = 0 WHERE recording = ?1", [&id])?;
            to.execute(
                "UPDATE versions SET number = ?3 WHERE item = ?1 AND number = ?2",
                params![id, from, number],
            )?;
        }
        UploadChange::Withdrawn { recording, is_online } => {
            let id = recording.to_string();
            to.execute(
                "DELETE FROM versions WHERE item = ?1 AND published_unix_ms IS NULL",
                [&id],
            )?;
            to.execute("DELETE FROM parts WHERE recording = ?1", [&id])?;
            match is_online {
                true => to.execute(
                    "UPDATE uploads SET version = NULL, session = NULL, stop = NULL,
                         finished_unix_ms = CAST(unixepoch('subsec') * 1000 AS INTEGER)
                     WHERE recording = ?1",
                    [&id],
                )?,
                false => to.execute("DELETE FROM uploads WHERE recording = ?1", [&id])?,
            };
        }
        UploadChange::PartPlanned { recording, index, part } => {
            // Hundreds at once, for a recording that is uploaded after its end.
            let mut insert = to.prepare_cached(
                "INSERT INTO parts (recording, idx, first_segment, segment_count, size_bytes, from_bytes,
                     to_bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            insert.execute(params![
                recording.to_string(),
                index,
                part.first_segment,
                part.segment_count,
                part.size_bytes as i64,
                part.from_bytes as i64,
                part.to_bytes.map(|bytes| bytes as i64),
            ])?;
        }
        UploadChange::PartsKnown { recording } => {
            to.execute(
                "UPDATE uploads SET rebuilt = 0 WHERE recording = ?1",
                [recording.to_string()],
            )?;
        }
        UploadChange::PiecesKnown { recording, missing } => {
            let id = recording.to_string();
            to.execute("UPDATE uploads SET rebuilt = 0 WHERE recording = ?1", [&id])?;
            to.execute("UPDATE parts SET acknowledged = 1 WHERE recording = ?1", [&id])?;
            let mut insert = to.prepare_cached(
                "INSERT INTO parts (recording, idx, first_segment, segment_count, size_bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (recording, idx) DO UPDATE SET acknowledged = 0",
            )?;
            for (index, part) in missing {
                let Part { first_segment, segment_count, size_bytes, .. } = *part;
                insert.execute(params![
                    id,
                    index,
                    first_segment,
                    segment_count,
                    size_bytes as i64
                ])?;
            }
        }
        UploadChange::Reopened { recording, indices } => {
            to.execute(
                "UPDATE uploads SET finished_unix_ms = 0, mending = 1 WHERE recording = ?1",
                [recording.to_string()],
            )?;
            for index in indices {
                take_acknowledgement_back(to, *recording, *index)?;
            }
        }
        UploadChange::PartsDropped { recording, from } => {
            to.execute(
                "DELETE FROM parts WHERE recording = ?1 AND idx >= ?2",
                params![recording.to_string(), from],
            )?;
        }
        UploadChange::PartAcknowledged { recording, index, receipt } => {
            let mut update = to.prepare_cached(
                "UPDATE parts SET acknowledged = 1, receipt = nullif(?3, '')
                 WHERE recording = ?1 AND idx = ?2",
            )?;
            update.execute(params![recording.to_string(), index, receipt.0])?;
        }
        UploadChange::PartsLost { recording, indices } => {
            for index in indices {
                take_acknowledgement_back(to, *recording, *index)?;
            }
        }
        UploadChange::PartBytesLearned { recording, part_bytes_max, cuts } => {
            to.execute(
                "UPDATE uploads SET part_bytes_max = ?2, cuts = ?3 WHERE recording = ?1",
                params![recording.to_string(), *part_bytes_max as i64, cuts_in_row(*cuts)],
            )?;
        }
        UploadChange::LinkKnown { recording, link } => {
            to.execute(
                "UPDATE uploads SET link = ?2 WHERE recording = ?1",
                params![recording.to_string(), link],
            )?;
        }
        UploadChange::LinkLost { recording } => {
            to.execute(
                "UPDATE uploads SET link = NULL WHERE recording = ?1",
                [recording.to_string()],
            )?;
        }
        UploadChange::Paused { recording, paused } => {
            to.execute(
                "UPDATE uploads SET paused = ?2 WHERE recording = ?1",
                params![recording.to_string(), paused],
            )?;
        }
        UploadChange::Stopped { recording, stop } => {
            let stop = stop.as_ref().map(serde_json::to_string).transpose();
            let stop =
                stop.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
            to.execute(
                "UPDATE uploads SET stop = ?2 WHERE recording = ?1",
                params![recording.to_string(), stop],
            )?;
        }
        UploadChange::Finished { recording, link } => {
            to.execute(
                "UPDATE uploads SET link = ?2, struck = 0, file = NULL,
                     finished_unix_ms = CAST(unixepoch('subsec') * 1000 AS INTEGER), mending = 0
                 WHERE recording = ?1",
                params![recording.to_string(), link],
            )?;
            versions::note_published(to, *recording)?;
        }
    }
    Ok(())
}

/// Returns whether files of versions may not be needed any more after this change.
fn leaves_version_files(change: &UploadChange) -> bool {
    match change {
        UploadChange::VersionSet { .. }
        | UploadChange::Withdrawn { .. }
        | UploadChange::Finished { .. } => true,
        UploadChange::UploadWanted { .. }
        | UploadChange::ServerMoved { .. }
        | UploadChange::Renumbered { .. }
        | UploadChange::SessionSet { .. }
        | UploadChange::PartPlanned { .. }
        | UploadChange::PartsDropped { .. }
        | UploadChange::PartAcknowledged { .. }
        | UploadChange::PartsLost { .. }
        | UploadChange::PartsKnown { .. }
        | UploadChange::PiecesKnown { .. }
        | UploadChange::Reopened { .. }
        | UploadChange::PartBytesLearned { .. }
        | UploadChange::LinkKnown { .. }
        | UploadChange::LinkLost { .. }
        | UploadChange::Paused { .. }
        | UploadChange::Stopped { .. } => false,
    }
}

/// Marks a part as not acknowledged. Its receipt stays until it is acknowledged again; only acknowledged parts are
/// completed.
fn take_acknowledgement_back(
    to: &Transaction<'_>,
    recording: RecordingId,
    index: u32,
) -> Result<()> {
    let id = recording.to_string();
    let update = "UPDATE parts SET acknowledged = 0 WHERE recording = ?1 AND idx = ?2";
    if to.execute(update, params![id, index])? == 0 {
        // A part of a version that its server had kept. Its size is in the version's list.
        to.execute(
            "INSERT INTO parts (recording, idx, first_segment, segment_count, size_bytes)
             SELECT recording, ?2, ?2, 1, 0 FROM uploads
             WHERE recording = ?1 AND version IS NOT NULL",
            params![id, index],
        )?;
    }
    Ok(())
}
