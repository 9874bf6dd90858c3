//! Uploads and their parts.

use std::collections::HashMap;

use snaplark_api::VideoState;
use snaplark_formats::sniff::MediaKind;
use sqlx::{QueryBuilder, Row as _, Transaction};
use uuid::Uuid;

use super::jobs::{SCRUB, enqueue, forget_streams, put};
use super::maps;
use super::upload_row::{
    assembly_word, holes_text, is_the_video, part, select_uploads, state_of, upload,
};
use super::usage::{Charge, charge, keep, release};
use super::versions;
use super::watching::forget_watching;
use super::{Dialect, Pools, signed, whole};
use crate::db::{
    Cursor, DbError, Finalization, Listing, NewUpload, Opened, PartOrigin, PartStored, SessionId,
    StoredPart, Upload, UserId, VideoId, is_kept,
};
use crate::layout::{Layout, VIDEO_CLUSTERS_MAX};
use crate::quotas::{Limits, Over, ROW_BYTES, UPLOAD_BYTES};

impl Pools {
    /// Returns the open or finished upload of this version of the recording if its owner asks again,
    /// otherwise a new one. An open upload that was last active before `idle_since_ms` has expired.
    pub async fn open_upload(
        &self,
        new: &NewUpload,
        limits: &Limits,
        now_ms: i64,
        idle_since_ms: i64,
    ) -> Result<Opened, DbError> {
        loop {
            if let Some(opened) = self.try_open_upload(new, limits, now_ms, idle_since_ms).await? {
                return Ok(opened);
            }
        }
    }

    /// Returns `None` if another process created an upload of this video meanwhile.
    async fn try_open_upload(
        &self,
        new: &NewUpload,
        limits: &Limits,
        now_ms: i64,
        idle_since_ms: i64,
    ) -> Result<Option<Opened>, DbError> {
        let mut tx = self.begin().await?;
        let (mut known, mut created_ms, mut last) = (None, now_ms, None);
        if let Some(recording) = new.recording_id {
            let rows = sqlx::query(concat!(select_uploads!(), "WHERE uploads.video_id = $1"))
                .bind(recording)
                .fetch_all(&mut *tx)
                .await?;
            for row in &rows {
                let upload = upload(row)?;
                if upload.user_id != new.user_id {
                    return Ok(Some(Opened::Taken));
                }
                if upload.finished.is_some() {
                    last = last.max(Some(upload.version));
                }
                let idle = upload.is_open() && upload.active_ms < idle_since_ms;
                if idle {
                    expire(&mut tx, &upload).await?;
                } else if upload.is_open() || (upload.finished.is_some() && !upload.removed) {
                    if upload.version > new.version && upload.finished.is_some() {
                        return Ok(Some(Opened::Newer(upload.version)));
                    }
                    // A new version keeps its place in lists.
                    created_ms = created_ms.min(upload.created_ms);
                    if upload.version == new.version {
                        known = Some(upload);
                    }
                }
            }
        }
        if let Some(known) = known {
            return Ok(Some(Opened::Known(Box::new(known))));
        }
        if let Some(refused) = versions::refused(new, last) {
            return Ok(Some(refused));
        }
        let (session, version) = (Uuid::new_v4(), i64::from(new.version));
        let video = new.recording_id.unwrap_or_else(Uuid::new_v4);
        let added = sqlx::query(
            "INSERT INTO uploads (session_id, user_id, video_id, state, filename, width, height, \
             fps, metadata, created_ms, active_ms, media, kept_bytes, version) \
             VALUES ($1, $2, $3, 'initialized', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT DO NOTHING",
        )
        .bind(session)
        .bind(new.user_id.0)
        .bind(video)
        .bind(&new.filename)
        .bind(i64::from(new.width))
        .bind(i64::from(new.height))
        .bind(i64::from(new.fps))
        .bind(&new.metadata)
        .bind(created_ms)
        .bind(now_ms)
        .bind(new.media.name())
        .bind(UPLOAD_BYTES)
        .bind(version)
        .execute(&mut *tx)
        .await?;
        if added.rows_affected() == 0 {
            return Ok(None);
        }
        let replaced_bytes = versions::replaced_bytes(&mut tx, video, version).await?;
        let begun =
            Charge { uploads: 1, stored_bytes: UPLOAD_BYTES, sent_bytes: 0, replaced_bytes };
        if let Some(over) = charge(&mut tx, new.user_id, begun, limits, now_ms).await? {
            return Ok(Some(Opened::Over(over)));
        }
        let row = sqlx::query(concat!(select_uploads!(), "WHERE session_id = $1"))
            .bind(session)
            .fetch_one(&mut *tx)
            .await?;
        let opened = upload(&row)?;
        tx.commit().await?;
        Ok(Some(Opened::New(Box::new(opened))))
    }

    pub async fn upload(&self, session: SessionId) -> Result<Option<Upload>, DbError> {
        sqlx::query(concat!(select_uploads!(), "WHERE session_id = $1"))
            .bind(session.0)
            .fetch_optional(&self.reads)
            .await?
            .as_ref()
            .map(upload)
            .transpose()
    }

    /// Returns the upload behind a link: the version that is served, else the live upload of this
    /// video, otherwise its last one.
    pub async fn upload_of_video(&self, video: VideoId) -> Result<Option<Upload>, DbError> {
        sqlx::query(concat!(
            select_uploads!(),
            "WHERE uploads.video_id = $1 \
             ORDER BY state IN ('failed', 'expired') OR removed_ms IS NOT NULL, \
             state <> 'completed' AND removed_ms IS NULL, version DESC, created_ms DESC \
             LIMIT 1"
        ))
        .bind(video.0)
        .fetch_optional(&self.reads)
        .await?
        .as_ref()
        .map(upload)
        .transpose()
    }

    /// Returns a user's uploads, newest first, without removed or expired ones.
    pub async fn uploads_of_user(
        &self,
        user: UserId,
        listing: Listing<'_>,
        idle_since_ms: i64,
    ) -> Result<Vec<Upload>, DbError> {
        let Listing { matching, behind, limit, with_images } = listing;
        let behind =
            behind.unwrap_or(Cursor { created_ms: i64::MAX, session_id: SessionId(Uuid::max()) });
        sqlx::query(concat!(
            select_uploads!(),
            "WHERE uploads.user_id = $1 AND removed_ms IS NULL AND state <> 'expired' \
             AND (active_ms >= $5 OR state IN ('completed', 'failed')) ",
            is_the_video!(),
            "AND (created_ms, session_id) < ($2, $3) \
             AND ($7 OR media NOT IN ('png', 'jpg', 'webp', 'gif')) \
             AND ($6 = '' OR LOWER(COALESCE(title, filename)) LIKE $6 ESCAPE '!') \
             ORDER BY created_ms DESC, session_id DESC LIMIT $4"
        ))
        .bind(user.0)
        .bind(behind.created_ms)
        .bind(behind.session_id.0)
        .bind(i64::from(limit))
        .bind(idle_since_ms)
        .bind(pattern(matching))
        .bind(with_images)
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(upload)
        .collect()
    }

    /// Returns the metadata that the init request carried.
    pub async fn metadata(&self, session: SessionId) -> Result<String, DbError> {
        let sql = "SELECT metadata FROM uploads WHERE session_id = $1";
        Ok(sqlx::query_scalar(sql).bind(session.0).fetch_one(&self.reads).await?)
    }

    /// Returns the newest finished upload with this name.
    pub async fn upload_by_name(
        &self,
        user: UserId,
        filename: &str,
    ) -> Result<Option<Upload>, DbError> {
        sqlx::query(concat!(
            select_uploads!(),
            "WHERE uploads.user_id = $1 AND filename = $2 AND state = 'completed' \
             AND removed_ms IS NULL ORDER BY created_ms DESC, session_id DESC LIMIT 1"
        ))
        .bind(user.0)
        .bind(filename)
        .fetch_optional(&self.reads)
        .await?
        .as_ref()
        .map(upload)
        .transpose()
    }

    /// Changes the media type of an open upload that was announced as WebM.
    pub async fn set_media(&self, session: SessionId, media: MediaKind) -> Result<(), DbError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "UPDATE uploads SET media = $2, revision = revision + 1 WHERE session_id = $1 \
             AND media = 'webm' AND state IN ('initialized', 'uploading', 'finalizing')",
        )
        .bind(session.0)
        .bind(media.name())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Commits the result of finalize, with the upload's name, media type and size, the jobs to be done and
    /// what is kept of an earlier version, if no part was added or removed since `seen` was read
    /// (`revision`), and no greater version is finished; otherwise returns `None`. Smaller versions are
    /// removed. Returns the keys of objects that no row names any more.
    pub async fn complete(
        &self,
        seen: &Upload,
        completion: &Finalization<'_>,
        now_ms: i64,
    ) -> Result<Option<Vec<String>>, DbError> {
        let Finalization { finished, map, work, kept, scrub_ms } = *completion;
        let mut tx = self.begin().await?;
        let superseded = async {
            if !versions::lock_source(&mut tx, kept).await? {
                return Ok(None);
            }
            let freed = versions::supersede(&mut tx, seen, now_ms).await?;
            versions::keep_parts(&mut tx, seen.session_id, kept).await?;
            Ok(Some(freed))
        };
        let freed = match superseded.await {
            Err(error) if versions::is_lost_race(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
            // What is kept went away: the caller looks again.
            Ok(None) => return Ok(None),
            Ok(Some(freed)) => freed,
        };
        let done = sqlx::query(
            "UPDATE uploads SET state = 'completed', parts_total = $3, assembly = $4, \
             size_bytes = $5, duration_ms = $6, etag = $7, finalized_ms = $8, active_ms = $8, \
             stored_bytes = $14 + (SELECT CAST(COALESCE(SUM(parts.size_bytes), 0) AS BIGINT) FROM parts \
             WHERE parts.session_id = $1 AND part_index < $3), \
             media = $9, width = $10, height = $11, filename = $12, holes = $13 \
             WHERE session_id = $1 AND revision = $2 AND removed_ms IS NULL \
             AND state IN ('initialized', 'uploading', 'finalizing') \
             AND NOT EXISTS (SELECT 1 FROM uploads AS newer \
             WHERE newer.video_id = uploads.video_id AND newer.version > uploads.version \
             AND newer.state = 'completed' AND newer.removed_ms IS NULL)",
        )
        .bind(seen.session_id.0)
        .bind(seen.revision)
        .bind(i64::from(finished.parts_total))
        .bind(assembly_word(finished.assembly))
        .bind(signed(finished.size_bytes))
        .bind(signed(finished.duration_ms))
        .bind(&finished.etag)
        .bind(now_ms)
        .bind(seen.media.name())
        .bind(i64::from(seen.width))
        .bind(i64::from(seen.height))
        .bind(&seen.filename)
        .bind(holes_text(&finished.holes))
        .bind(signed(kept.size_bytes))
        .execute(&mut *tx)
        .await;
        let done = match done {
            Err(error) if versions::is_lost_race(&error) => false,
            done => done?.rows_affected() == 1,
        };
        let mut unnamed = Vec::new();
        if done {
            let stored: i64 =
                sqlx::query_scalar("SELECT stored_bytes FROM uploads WHERE session_id = $1")
                    .bind(seen.session_id.0)
                    .fetch_one(&mut *tx)
                    .await?;
            release(&mut tx, seen.user_id, signed(seen.stored_bytes) - stored + freed).await?;
            // The rows of parts that were received but do not belong to the video.
            let cut: i64 = sqlx::query_scalar(
                "SELECT CAST(COALESCE(SUM($3 + LENGTH(layout)), 0) AS BIGINT) FROM parts \
                 WHERE session_id = $1 AND part_index >= $2",
            )
            .bind(seen.session_id.0)
            .bind(i64::from(finished.parts_total))
            .bind(ROW_BYTES)
            .fetch_one(&mut *tx)
            .await?;
            keep(&mut tx, seen.session_id, signed(kept.row_bytes) - cut).await?;
            // A stream that has followed the recording shows them.
            if cut > 0 {
                unnamed = forget_streams(&mut tx, seen.session_id, now_ms).await?;
            }
            if let Some((name, product)) = &kept.product {
                put(&mut tx, seen.session_id, name, product).await?;
            }
            // A stream that couldn't be made while parts arrived is tried again with all of them.
            sqlx::query(
                "UPDATE jobs SET state = 'waiting', attempts = 0, due_ms = $2, error = NULL \
                 WHERE session_id = $1 AND product LIKE '%.hls' AND state = 'failed'",
            )
            .bind(seen.session_id.0)
            .bind(now_ms)
            .execute(&mut *tx)
            .await?;
            for product in work {
                enqueue(&mut tx, seen.session_id, product, now_ms).await?;
            }
            enqueue(&mut tx, seen.session_id, &SCRUB, scrub_ms).await?;
            if let Some(map) = map {
                maps::put(&mut tx, seen.session_id, seen.revision, map).await?;
            }
            tx.commit().await?;
        }
        Ok(done.then_some(unnamed))
    }

    /// Takes the upload off its link at once. The sweeper deletes its parts later.
    pub async fn remove(&self, session: SessionId, now_ms: i64) -> Result<(), DbError> {
        let mut tx = self.begin().await?;
        let removed = sqlx::query(
            "UPDATE uploads SET removed_ms = $2 WHERE session_id = $1 AND removed_ms IS NULL \
             RETURNING user_id, video_id, version, state, stored_bytes + kept_bytes AS freed",
        )
        .bind(session.0)
        .bind(now_ms)
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(row) = &removed {
            let user = UserId(row.try_get("user_id")?);
            let video = VideoId(row.try_get("video_id")?);
            forget_watching(&mut tx, (user, video), whole(row.try_get("version")?)?).await?;
        }
        // An expired upload already gave its space back when it expired.
        if let Some(row) = removed
            && state_of(row.try_get("state")?)? != VideoState::Expired
        {
            let user = UserId(row.try_get("user_id")?);
            release(&mut tx, user, row.try_get("freed")?).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    // --- parts ---

    /// Commits a part whose object is durable. A part with the same index is replaced.
    pub async fn put_part(
        &self,
        session: SessionId,
        part: &StoredPart,
        origin: PartOrigin,
        limits: &Limits,
        now_ms: i64,
    ) -> Result<PartStored, DbError> {
        let clusters = part.layout.clusters_count();
        let mut tx = self.begin().await?;
        let open = sqlx::query(
            "UPDATE uploads SET state = 'uploading', active_ms = $2, revision = revision + 1, \
             clusters = clusters + $3 \
             WHERE session_id = $1 AND removed_ms IS NULL AND state IN ('initialized', 'uploading') \
             RETURNING user_id, stored_bytes, clusters, video_id, version",
        )
        .bind(session.0)
        .bind(now_ms)
        .bind(i64::from(clusters))
        .fetch_optional(&mut *tx)
        .await?;
        let Some(open) = open else { return Ok(PartStored::Closed) };
        // The part is kept, but as an opaque one, without its clusters. That keeps its row small, and
        // the video's map too.
        let is_too_many = open.try_get::<i64, _>("clusters")? > VIDEO_CLUSTERS_MAX;
        let layout = if is_too_many { &Layout::Opaque } else { &part.layout };
        let layout = serde_json::to_string(layout).map_err(|e| DbError::Unknown(e.to_string()))?;
        let replaced: Option<(String, i64, i64, Vec<u8>)> = sqlx::query_as(
            "SELECT object_key, size_bytes, CAST(LENGTH(layout) AS BIGINT), sha256 FROM parts \
             WHERE session_id = $1 AND part_index = $2",
        )
        .bind(session.0)
        .bind(i64::from(part.index))
        .fetch_optional(&mut *tx)
        .await?;
        let is_other = replaced.as_ref().is_some_and(|(.., sha256)| sha256[..] != part.sha256[..]);
        let (replaced, replaced_bytes, replaced_row) = replaced
            .map_or((None, 0, 0), |(key, size, layout, _)| (Some(key), size, ROW_BYTES + layout));
        let more_of_row = ROW_BYTES + signed(layout.len() as u64) - replaced_row;
        let more = signed(part.size_bytes) - replaced_bytes;
        let stored_bytes = open.try_get::<i64, _>("stored_bytes")? + more;
        if let Some(bytes_max) = limits.video_bytes
            && more > 0
            && stored_bytes > signed(bytes_max)
        {
            return Ok(PartStored::Over(Over::Video { bytes_max }));
        }
        let user = UserId(open.try_get("user_id")?);
        let stored_more = more + more_of_row;
        let (video, version) = (open.try_get("video_id")?, open.try_get("version")?);
        let replaced_bytes = versions::replaced_bytes(&mut tx, video, version).await?;
        let sent_bytes = match origin {
            PartOrigin::Sent => more.max(0),
            PartOrigin::Copied => 0,
        };
        let sent = Charge { stored_bytes: stored_more, sent_bytes, uploads: 0, replaced_bytes };
        if let Some(over) = charge(&mut tx, user, sent, limits, now_ms).await? {
            return Ok(PartStored::Over(over));
        }
        sqlx::query(
            "UPDATE uploads SET stored_bytes = $2, kept_bytes = kept_bytes + $3 \
             WHERE session_id = $1",
        )
        .bind(session.0)
        .bind(stored_bytes)
        .bind(more_of_row)
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO parts (session_id, part_index, object_key, size_bytes, sha256, layout, received_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (session_id, part_index) DO UPDATE SET object_key = excluded.object_key, \
             size_bytes = excluded.size_bytes, sha256 = excluded.sha256, \
             layout = excluded.layout, received_ms = excluded.received_ms, damaged_ms = NULL",
        )
        .bind(session.0)
        .bind(i64::from(part.index))
        .bind(&part.object_key)
        .bind(signed(part.size_bytes))
        .bind(part.sha256.as_slice())
        .bind(layout)
        .bind(now_ms)
        .execute(&mut *tx)
        .await?;
        let received: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM parts WHERE session_id = $1")
            .bind(session.0)
            .fetch_one(&mut *tx)
            .await?;
        let mut replaced = Vec::from_iter(replaced);
        if is_other {
            replaced.extend(forget_streams(&mut tx, session, now_ms).await?);
        }
        tx.commit().await?;
        Ok(PartStored::Stored { parts_received: whole(received)?, replaced })
    }

    /// Returns the upload's parts from `first` on, in order, with those that it keeps of earlier versions.
    pub async fn parts_from(
        &self,
        session: SessionId,
        first: u32,
    ) -> Result<Vec<StoredPart>, DbError> {
        let rows = sqlx::query(concat!(
            "SELECT part_index, object_key, size_bytes, sha256, layout, damaged_ms, shift_ms FROM parts \
             WHERE session_id = $1 AND part_index >= $2 UNION ALL \
             SELECT parts.part_index - kept_runs.from_index + kept_runs.part_index, object_key, \
             size_bytes, sha256, layout, damaged_ms, kept_runs.shift_ms FROM kept_runs JOIN parts ON ",
            is_kept!(),
            " WHERE kept_runs.session_id = $1 AND kept_runs.part_index + kept_runs.parts > $2 \
             AND parts.part_index - kept_runs.from_index + kept_runs.part_index >= $2 \
             ORDER BY part_index"
        ))
        .bind(session.0)
        .bind(i64::from(first))
        .fetch_all(&self.reads)
        .await?;
        // Parsing thousands of layouts from JSON is CPU work.
        let read = move || rows.iter().map(part).collect();
        tokio::task::spawn_blocking(read)
            .await
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    /// Returns a part of an upload, also one that it keeps of an earlier version.
    pub async fn part(
        &self,
        session: SessionId,
        index: u32,
    ) -> Result<Option<StoredPart>, DbError> {
        sqlx::query(
            "SELECT part_index, object_key, size_bytes, sha256, layout, damaged_ms, shift_ms FROM parts \
             WHERE session_id = $1 AND part_index = $2 UNION ALL \
             SELECT parts.part_index - kept_runs.from_index + kept_runs.part_index, object_key, \
             size_bytes, sha256, layout, damaged_ms, kept_runs.shift_ms FROM kept_runs JOIN parts \
             ON parts.session_id = kept_runs.from_session \
             AND parts.part_index = $2 - kept_runs.part_index + kept_runs.from_index \
             WHERE kept_runs.session_id = $1 AND kept_runs.part_index <= $2 \
             AND kept_runs.part_index + kept_runs.parts > $2",
        )
        .bind(session.0)
        .bind(i64::from(index))
        .fetch_optional(&self.reads)
        .await?
        .as_ref()
        .map(part)
        .transpose()
    }

    pub async fn part_indices(&self, session: SessionId) -> Result<Vec<u32>, DbError> {
        Ok(self.part_indices_of(&[session]).await?.remove(&session).unwrap_or_default())
    }

    /// Answers for all uploads of a list, in order, with the parts that they keep of earlier versions. Uploads
    /// without a part are left out.
    pub async fn part_indices_of(
        &self,
        sessions: &[SessionId],
    ) -> Result<HashMap<SessionId, Vec<u32>>, DbError> {
        let mut indices = HashMap::<SessionId, Vec<u32>>::new();
        // PostgreSQL takes no empty list, and NULL equals nothing.
        let select = "SELECT session_id, part_index FROM parts WHERE session_id IN (NULL";
        let mut query = QueryBuilder::<Dialect>::new(select);
        for session in sessions {
            query.push(", ").push_bind(session.0);
        }
        query.push(") ORDER BY session_id, part_index");
        for row in query.build().fetch_all(&self.reads).await? {
            let session = SessionId(row.try_get("session_id")?);
            indices.entry(session).or_default().push(whole(row.try_get("part_index")?)?);
        }
        let select =
            "SELECT session_id, part_index, parts FROM kept_runs WHERE session_id IN (NULL";
        let mut query = QueryBuilder::<Dialect>::new(select);
        for session in sessions {
            query.push(", ").push_bind(session.0);
        }
        query.push(")");
        for row in query.build().fetch_all(&self.reads).await? {
            let session = SessionId(row.try_get("session_id")?);
            let first: u32 = whole(row.try_get("part_index")?)?;
            let count: u32 = whole(row.try_get("parts")?)?;
            indices.entry(session).or_default().extend(first..first.saturating_add(count));
        }
        indices.values_mut().for_each(|indices| indices.sort_unstable());
        Ok(indices)
    }

    pub async fn parts_received(&self, session: SessionId) -> Result<u32, DbError> {
        let parts: i64 = sqlx::query_scalar(
            "SELECT (SELECT COUNT(*) FROM parts WHERE session_id = $1) \
             + (SELECT CAST(COALESCE(SUM(parts), 0) AS BIGINT) FROM kept_runs WHERE session_id = $1)",
        )
        .bind(session.0)
        .fetch_one(&self.reads)
        .await?;
        whole(parts)
    }
}

/// Marks an upload as expired. The sweeper does the same; only the first of them releases the space.
async fn expire(tx: &mut Transaction<'_, Dialect>, upload: &Upload) -> Result<(), DbError> {
    let freed: Option<i64> = sqlx::query_scalar(
        "UPDATE uploads SET state = 'expired' WHERE session_id = $1 AND removed_ms IS NULL \
         AND state IN ('initialized', 'uploading', 'finalizing') RETURNING stored_bytes + kept_bytes",
    )
    .bind(upload.session_id.0)
    .fetch_optional(&mut **tx)
    .await?;
    release(tx, upload.user_id, freed.unwrap_or(0)).await
}

/// Returns a `LIKE` pattern that matches the text literally: `LIKE`'s wildcards in it are escaped.
pub(super) fn pattern(text: &str) -> String {
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        return text;
    }
    let mut pattern = String::from("%");
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}
