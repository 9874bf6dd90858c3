//! The upload machine's rows: stores its changes, one transaction for each step, and loads its whole
//! state.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use snaplark_api::recording_id_of;
use snaplark_api::untrusted::is_web_link;
use snaplark_core::upload::{Change, Part, UploadRows};
use snaplark_core::{RecordingId, SessionId};

use crate::rows::{conversion, recording_id, unsigned};
use crate::{Result, Store, sidecar};

impl Store {
    /// Stores all changes or none. They are on the disk when it returns.
    pub fn apply(&mut self, changes: &[Change]) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let transaction = self.connection.transaction()?;
        for change in changes {
            apply_one(&transaction, change)?;
        }
        transaction.commit()?;
        changes.iter().for_each(|change| self.touch(change.recording()));
        let significant = changes.iter().filter(|change| sidecar::is_significant(change));
        let significant: BTreeSet<RecordingId> = significant.map(Change::recording).collect();
        significant.into_iter().for_each(|recording| self.write_sidecar(recording));
        Ok(())
    }

    /// Returns the rows from which the machine is rebuilt, without deleted recordings, which must not
    /// be sent.
    pub fn upload_rows(&self) -> Result<Vec<UploadRows>> {
        let mut uploads = self.uploads()?;
        let deleted = self.deleted()?;
        uploads.retain(|upload| !deleted.contains_key(&upload.recording));
        let mut parts = self.parts(None)?;
        for upload in uploads.iter_mut().filter(|upload| !upload.finished) {
            let parts = parts.remove(&upload.recording).unwrap_or_default();
            self.put_parts(upload, parts)?;
        }
        Ok(uploads)
    }

    /// Returns the rows of one upload, finished or not; `None` if it must not be sent.
    pub fn upload_rows_of(&self, recording: RecordingId) -> Result<Option<UploadRows>> {
        if self.deleted()?.contains_key(&recording) {
            return Ok(None);
        }
        let found = self.uploads()?.into_iter().find(|upload| upload.recording == recording);
        let Some(mut upload) = found else { return Ok(None) };
        let parts = self.parts(Some(recording))?.remove(&recording).unwrap_or_default();
        self.put_parts(&mut upload, parts)?;
        Ok(Some(upload))
    }

    /// Sets the parts and their sizes. The sizes are computed from the present segments, since some may
    /// have been replaced after the part was planned.
    fn put_parts(&self, upload: &mut UploadRows, mut parts: Vec<(Part, bool)>) -> Result<()> {
        let segments = self.segments(upload.recording)?;
        upload.segment_bytes = segments.iter().map(|segment| segment.size_bytes).collect();
        for (part, _) in &mut parts {
            let range = part.first_segment as usize..part.end() as usize;
            if let Some(sizes) = upload.segment_bytes.get(range) {
                part.size_bytes = sizes.iter().sum();
            }
        }
        upload.parts = parts;
        Ok(())
    }

    /// Returns the finished upload that a server knows by this session.
    pub fn finished_by_session(
        &self,
        server: &str,
        session: &SessionId,
    ) -> Result<Option<RecordingId>> {
        let query = "SELECT recording FROM uploads
                     WHERE server = ?1 AND session = ?2 AND finished_unix_ms > 0";
        let read = |row: &Row<'_>| recording_id(row, 0);
        Ok(self.connection.query_row(query, [server, &session.0], read).optional()?)
    }

    fn uploads(&self) -> Result<Vec<UploadRows>> {
        // A reader may open the store before a writer of this version has migrated it.
        let added = match self.version()? {
            ..5 => "0, 0, NULL",
            5 | 6 => "u.mending, u.rebuilt, NULL",
            _ => "u.mending, u.rebuilt, r.secret",
        };
        let mut statement = self.connection.prepare(&format!(
            "SELECT u.recording, u.server, u.profile, u.session, u.link, u.part_bytes_max, u.paused,
                    u.stop, u.finished_unix_ms > 0, r.init_bytes,
                    CASE r.state WHEN 'ended' THEN
                        (SELECT coalesce(max(start_ms + duration_ms), 0) FROM segments
                         WHERE recording = r.id) END, {added}
             FROM uploads u JOIN recordings r ON r.id = u.recording"
        ))?;
        let rows = statement.query_map([], read_upload)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns the known links, each with whether its upload is finished.
    pub fn links(&self) -> Result<HashMap<RecordingId, (String, bool)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT recording, link, finished_unix_ms > 0 FROM uploads WHERE link IS NOT NULL",
        )?;
        let rows = statement.query_map([], |row| {
            Ok((recording_id(row, 0)?, (row.get::<_, String>(1)?, row.get(2)?)))
        })?;
        let mut links: HashMap<_, (String, bool)> = rows.collect::<rusqlite::Result<_>>()?;
        links.retain(|_, (link, _)| is_web_link(link));
        Ok(links)
    }

    /// Returns the parts of one upload, or of all unfinished ones.
    fn parts(&self, of: Option<RecordingId>) -> Result<HashMap<RecordingId, Vec<(Part, bool)>>> {
        let mut statement = self.connection.prepare(
            "SELECT p.recording, p.first_segment, p.segment_count, p.size_bytes, p.acknowledged
             FROM parts p JOIN uploads u ON u.recording = p.recording
             WHERE CASE WHEN ?1 IS NULL THEN u.finished_unix_ms = 0 ELSE u.recording = ?1 END
             ORDER BY p.recording, p.idx",
        )?;
        let of = of.map(|recording| recording.to_string());
        let rows = statement.query_map([of], |row| {
            let part = Part {
                first_segment: row.get(1)?,
                segment_count: row.get(2)?,
                size_bytes: unsigned(row, 3)?,
            };
            Ok((recording_id(row, 0)?, (part, row.get(4)?)))
        })?;
        let mut parts: HashMap<RecordingId, Vec<(Part, bool)>> = HashMap::new();
        for row in rows {
            let (recording, part) = row?;
            parts.entry(recording).or_default().push(part);
        }
        Ok(parts)
    }
}

fn read_upload(row: &Row<'_>) -> rusqlite::Result<UploadRows> {
    let profile: String = row.get(2)?;
    let stop: Option<String> = row.get(7)?;
    Ok(UploadRows {
        recording: recording_id(row, 0)?,
        server: row.get(1)?,
        profile: serde_json::from_value(profile.into()).map_err(|error| conversion(2, error))?,
        session: row.get::<_, Option<String>>(3)?.map(SessionId),
        // An older version stored whatever the server sent.
        link: row.get::<_, Option<String>>(4)?.filter(|link| is_web_link(link)),
        part_bytes_max: row.get::<_, Option<i64>>(5)?.map(|bytes| bytes as u64),
        paused: row.get(6)?,
        stop: stop
            .map(|stop| serde_json::from_str(&stop).map_err(|error| conversion(7, error)))
            .transpose()?,
        finished: row.get(8)?,
        parts: Vec::new(),
        init_bytes: unsigned(row, 9)?,
        segment_bytes: Vec::new(),
        duration_ms: row.get::<_, Option<i64>>(10)?.map(|ms| ms as u64),
        mending: row.get(11)?,
        rebuilt: row.get(12)?,
        claim: row
            .get::<_, Option<Vec<u8>>>(13)?
            .and_then(|secret| secret.try_into().ok())
            .map(|secret| recording_id_of(&secret)),
    })
}

fn apply_one(to: &Transaction<'_>, change: &Change) -> Result<()> {
    match change {
        Change::UploadWanted { recording, server, profile } => {
            to.execute("DELETE FROM uploads WHERE recording = ?1", [recording.to_string()])?;
            to.execute(
                "INSERT INTO uploads (recording, server, profile) VALUES (?1, ?2, ?3)",
                params![recording.to_string(), server, profile.name()],
            )?;
        }
        Change::ServerMoved { recording, server } => {
            to.execute(
                "UPDATE uploads SET server = ?2, link = NULL WHERE recording = ?1",
                params![recording.to_string(), server],
            )?;
        }
        Change::SessionSet { recording, session } => {
            to.execute(
                "UPDATE uploads SET session = ?2,
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
        Change::PartPlanned { recording, index, part } => {
            to.execute(
                "INSERT INTO parts (recording, idx, first_segment, segment_count, size_bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    recording.to_string(),
                    index,
                    part.first_segment,
                    part.segment_count,
                    part.size_bytes as i64
                ],
            )?;
        }
        Change::PartsKnown { recording } => {
            to.execute(
                "UPDATE uploads SET rebuilt = 0 WHERE recording = ?1",
                [recording.to_string()],
            )?;
        }
        Change::Reopened { recording, indices } => {
            to.execute(
                "UPDATE uploads SET finished_unix_ms = 0, mending = 1 WHERE recording = ?1",
                [recording.to_string()],
            )?;
            for index in indices {
                set_acknowledged(to, *recording, *index, false)?;
            }
        }
        Change::PartsDropped { recording, from } => {
            to.execute(
                "DELETE FROM parts WHERE recording = ?1 AND idx >= ?2",
                params![recording.to_string(), from],
            )?;
        }
        Change::PartAcknowledged { recording, index } => {
            set_acknowledged(to, *recording, *index, true)?;
        }
        Change::PartsLost { recording, indices } => {
            for index in indices {
                set_acknowledged(to, *recording, *index, false)?;
            }
        }
        Change::PartBytesLearned { recording, part_bytes_max } => {
            to.execute(
                "UPDATE uploads SET part_bytes_max = ?2 WHERE recording = ?1",
                params![recording.to_string(), *part_bytes_max as i64],
            )?;
        }
        Change::LinkKnown { recording, link } => {
            to.execute(
                "UPDATE uploads SET link = ?2 WHERE recording = ?1",
                params![recording.to_string(), link],
            )?;
        }
        Change::LinkLost { recording } => {
            to.execute(
                "UPDATE uploads SET link = NULL WHERE recording = ?1",
                [recording.to_string()],
            )?;
        }
        Change::Paused { recording, paused } => {
            to.execute(
                "UPDATE uploads SET paused = ?2 WHERE recording = ?1",
                params![recording.to_string(), paused],
            )?;
        }
        Change::Stopped { recording, stop } => {
            let stop = stop.as_ref().map(serde_json::to_string).transpose();
            let stop =
                stop.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
            to.execute(
                "UPDATE uploads SET stop = ?2 WHERE recording = ?1",
                params![recording.to_string(), stop],
            )?;
        }
        Change::Finished { recording, link } => {
            to.execute(
                "UPDATE uploads SET link = ?2,
                     finished_unix_ms = CAST(unixepoch('subsec') * 1000 AS INTEGER), mending = 0
                 WHERE recording = ?1",
                params![recording.to_string(), link],
            )?;
        }
    }
    Ok(())
}

fn set_acknowledged(
    to: &Transaction<'_>,
    recording: RecordingId,
    index: u32,
    acknowledged: bool,
) -> Result<()> {
    to.execute(
        "UPDATE parts SET acknowledged = ?3 WHERE recording = ?1 AND idx = ?2",
        params![recording.to_string(), index, acknowledged],
    )?;
    Ok(())
}
