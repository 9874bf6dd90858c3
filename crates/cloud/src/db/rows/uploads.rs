//! Uploads and their parts.

use snaplark_api::VideoState;
use sqlx::{Row as _, Transaction};
use uuid::Uuid;

use super::jobs::{SCRUB, enqueue};
use super::maps;
use super::usage::{Charge, charge, keep, release};
use super::{Dialect, Pools, Row, signed, whole};
use crate::db::{
    Assembly, Cursor, DbError, Finished, Listing, NewMap, NewUpload, Opened, Part, PartStored,
    ProductKind, SessionId, Share, Upload, UserId, VideoId, Visibility,
};
use crate::media::Media;
use crate::parts::{Layout, VIDEO_CLUSTERS_MAX};
use crate::quotas::{Limits, Over, ROW_BYTES, UPLOAD_BYTES};

macro_rules! select_uploads {
    () => {
        "SELECT uploads.session_id, uploads.user_id, uploads.video_id, state, filename, width, \
         height, created_ms, active_ms, revision, stored_bytes, parts_total, assembly, size_bytes, \
         duration_ms, etag, holes, removed_ms, media, title, description, visibility, password, expires_ms, \
         views, (SELECT string_agg(product, ' ') FROM products \
         WHERE products.session_id = uploads.session_id) AS made, (SELECT COUNT(*) FROM parts \
         WHERE parts.session_id = uploads.session_id AND damaged_ms IS NOT NULL) AS damaged \
         FROM uploads \
         LEFT JOIN shares ON shares.video_id = uploads.video_id AND shares.user_id = uploads.user_id "
    };
}
pub(super) use select_uploads;

impl Pools {
    /// Returns the recording's open or finished upload if its owner asks again, otherwise a new one.
    /// An open upload that was last active before `idle_since_ms` has expired.
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
                let idle = upload.is_open() && upload.active_ms < idle_since_ms;
                if idle {
                    expire(&mut tx, &upload).await?;
                } else if upload.is_open() || (upload.finished.is_some() && !upload.removed) {
                    return Ok(Some(Opened::Known(Box::new(upload))));
                }
            }
        }
        let session = Uuid::new_v4();
        let added = sqlx::query(
            "INSERT INTO uploads (session_id, user_id, video_id, state, filename, width, height, \
             fps, metadata, created_ms, active_ms, media, kept_bytes) \
             VALUES ($1, $2, $3, 'initialized', $4, $5, $6, $7, $8, $9, $9, $10, $11) \
             ON CONFLICT DO NOTHING",
        )
        .bind(session)
        .bind(new.user_id.0)
        .bind(new.recording_id.unwrap_or_else(Uuid::new_v4))
        .bind(&new.filename)
        .bind(i64::from(new.width))
        .bind(i64::from(new.height))
        .bind(i64::from(new.fps))
        .bind(&new.metadata)
        .bind(now_ms)
        .bind(new.media.name())
        .bind(UPLOAD_BYTES)
        .execute(&mut *tx)
        .await?;
        if added.rows_affected() == 0 {
            return Ok(None);
        }
        let begun = Charge { uploads: 1, stored_bytes: UPLOAD_BYTES, sent_bytes: 0 };
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

    /// Returns the upload behind a link: the live upload of this video, otherwise its last one.
    pub async fn upload_of_video(&self, video: VideoId) -> Result<Option<Upload>, DbError> {
        sqlx::query(concat!(
            select_uploads!(),
            "WHERE uploads.video_id = $1 \
             ORDER BY state IN ('failed', 'expired') OR removed_ms IS NOT NULL, created_ms DESC \
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
             AND (active_ms >= $5 OR state IN ('completed', 'failed')) \
             AND (created_ms, session_id) < ($2, $3) \
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
    pub async fn set_media(&self, session: SessionId, media: Media) -> Result<(), DbError> {
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

    /// Commits the result of finalize, with the upload's name, media type and size and the jobs to be
    /// done, if no part was added or removed since `seen` was read (`revision`). `map` is the map to
    /// serve from now on, if it was built already. `scrub_ms` is the time of the first check of its
    /// parts.
    pub async fn complete(
        &self,
        seen: &Upload,
        finished: &Finished,
        map: Option<&NewMap>,
        work: &[ProductKind],
        now_ms: i64,
        scrub_ms: i64,
    ) -> Result<bool, DbError> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "UPDATE uploads SET state = 'completed', parts_total = $3, assembly = $4, \
             size_bytes = $5, duration_ms = $6, etag = $7, finalized_ms = $8, active_ms = $8, \
             stored_bytes = (SELECT CAST(COALESCE(SUM(parts.size_bytes), 0) AS BIGINT) FROM parts \
             WHERE parts.session_id = $1 AND part_index < $3), \
             media = $9, width = $10, height = $11, filename = $12, holes = $13 \
             WHERE session_id = $1 AND revision = $2 AND removed_ms IS NULL \
             AND state IN ('initialized', 'uploading', 'finalizing')",
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
        .execute(&mut *tx)
        .await?;
        let done = done.rows_affected() == 1;
        if done {
            let kept: i64 =
                sqlx::query_scalar("SELECT stored_bytes FROM uploads WHERE session_id = $1")
                    .bind(seen.session_id.0)
                    .fetch_one(&mut *tx)
                    .await?;
            release(&mut tx, seen.user_id, signed(seen.stored_bytes) - kept).await?;
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
            keep(&mut tx, seen.session_id, -cut).await?;
            for product in work {
                enqueue(&mut tx, seen.session_id, product.name(), now_ms).await?;
            }
            enqueue(&mut tx, seen.session_id, SCRUB, scrub_ms).await?;
            if let Some(map) = map {
                maps::put(&mut tx, seen.session_id, seen.revision, map).await?;
            }
            tx.commit().await?;
        }
        Ok(done)
    }

    /// Takes the upload off its link at once. The sweeper deletes its parts later.
    pub async fn remove(&self, session: SessionId, now_ms: i64) -> Result<(), DbError> {
        let mut tx = self.begin().await?;
        let removed = sqlx::query(
            "UPDATE uploads SET removed_ms = $2 WHERE session_id = $1 AND removed_ms IS NULL \
             RETURNING user_id, state, stored_bytes + kept_bytes AS freed",
        )
        .bind(session.0)
        .bind(now_ms)
        .fetch_optional(&mut *tx)
        .await?;
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
        part: &Part,
        limits: &Limits,
        now_ms: i64,
    ) -> Result<PartStored, DbError> {
        let clusters = part.layout.clusters_count();
        let mut tx = self.begin().await?;
        let open = sqlx::query(
            "UPDATE uploads SET state = 'uploading', active_ms = $2, revision = revision + 1, \
             clusters = clusters + $3 \
             WHERE session_id = $1 AND removed_ms IS NULL AND state IN ('initialized', 'uploading') \
             RETURNING user_id, stored_bytes, clusters",
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
        let replaced: Option<(String, i64, i64)> = sqlx::query_as(
            "SELECT object_key, size_bytes, CAST(LENGTH(layout) AS BIGINT) FROM parts \
             WHERE session_id = $1 AND part_index = $2",
        )
        .bind(session.0)
        .bind(i64::from(part.index))
        .fetch_optional(&mut *tx)
        .await?;
        let (replaced, replaced_bytes, replaced_row) = replaced
            .map_or((None, 0, 0), |(key, size, layout)| (Some(key), size, ROW_BYTES + layout));
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
        let sent = Charge { stored_bytes: stored_more, sent_bytes: more.max(0), uploads: 0 };
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
        tx.commit().await?;
        Ok(PartStored::Stored { parts_received: whole(received)?, replaced })
    }

    /// Returns the upload's parts from `first` on, in order.
    pub async fn parts_from(&self, session: SessionId, first: u32) -> Result<Vec<Part>, DbError> {
        let rows = sqlx::query(
            "SELECT part_index, object_key, size_bytes, sha256, layout, damaged_ms FROM parts \
             WHERE session_id = $1 AND part_index >= $2 ORDER BY part_index",
        )
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

    pub async fn part(&self, session: SessionId, index: u32) -> Result<Option<Part>, DbError> {
        sqlx::query(
            "SELECT part_index, object_key, size_bytes, sha256, layout, damaged_ms FROM parts \
             WHERE session_id = $1 AND part_index = $2",
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
        let indices: Vec<i64> = sqlx::query_scalar(
            "SELECT part_index FROM parts WHERE session_id = $1 ORDER BY part_index",
        )
        .bind(session.0)
        .fetch_all(&self.reads)
        .await?;
        indices.into_iter().map(whole).collect()
    }

    pub async fn parts_received(&self, session: SessionId) -> Result<u32, DbError> {
        let parts: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM parts WHERE session_id = $1")
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

pub fn upload(row: &Row) -> Result<Upload, DbError> {
    let assembly: Option<String> = row.try_get("assembly")?;
    let finished = match assembly {
        None => None,
        Some(word) => Some(Finished {
            parts_total: whole(row.try_get("parts_total")?)?,
            assembly: assembly_of(&word)?,
            size_bytes: whole(row.try_get("size_bytes")?)?,
            duration_ms: whole(row.try_get("duration_ms")?)?,
            etag: row.try_get("etag")?,
            holes: holes_of(row.try_get("holes")?),
        }),
    };
    Ok(Upload {
        session_id: SessionId(row.try_get("session_id")?),
        user_id: UserId(row.try_get("user_id")?),
        video_id: VideoId(row.try_get("video_id")?),
        state: state_of(row.try_get("state")?)?,
        filename: row.try_get("filename")?,
        width: whole(row.try_get("width")?)?,
        height: whole(row.try_get("height")?)?,
        created_ms: row.try_get("created_ms")?,
        active_ms: row.try_get("active_ms")?,
        revision: row.try_get("revision")?,
        stored_bytes: whole(row.try_get("stored_bytes")?)?,
        finished,
        removed: row.try_get::<Option<i64>, _>("removed_ms")?.is_some(),
        media: media_of(row.try_get("media")?)?,
        share: share(row)?,
        parts_damaged: whole(row.try_get("damaged")?)?,
        made: row.try_get::<Option<&str>, _>("made")?.map_or_else(Vec::new, products_of),
    })
}

fn holes_text(holes: &[(u64, u64)]) -> String {
    let words: Vec<String> = holes.iter().map(|(start, end)| format!("{start}-{end}")).collect();
    words.join(" ")
}

fn holes_of(words: &str) -> Vec<(u64, u64)> {
    let hole = |word: &str| {
        let (start, end) = word.split_once('-')?;
        Some((start.parse().ok()?, end.parse().ok()?))
    };
    words.split(' ').filter_map(hole).collect()
}

fn media_of(word: &str) -> Result<Media, DbError> {
    let known = Media::ALL.into_iter().find(|media| media.name() == word);
    known.ok_or_else(|| DbError::Unknown(format!("media {word}")))
}

/// Skips products that only a newer version of the program knows.
fn products_of(words: &str) -> Vec<ProductKind> {
    words.split(' ').filter_map(ProductKind::of).collect()
}

fn share(row: &Row) -> Result<Share, DbError> {
    let Some(word) = row.try_get::<Option<String>, _>("visibility")? else {
        return Ok(Share::default());
    };
    Ok(Share {
        title: row.try_get("title")?,
        description: row.try_get("description")?,
        visibility: Visibility::ALL
            .into_iter()
            .find(|visibility| visibility.name() == word)
            .ok_or_else(|| DbError::Unknown(format!("visibility {word}")))?,
        password: row.try_get("password")?,
        expires_ms: row.try_get("expires_ms")?,
        views: whole(row.try_get("views")?)?,
    })
}

fn part(row: &Row) -> Result<Part, DbError> {
    let sha256: Vec<u8> = row.try_get("sha256")?;
    Ok(Part {
        index: whole(row.try_get("part_index")?)?,
        object_key: row.try_get("object_key")?,
        size_bytes: whole(row.try_get("size_bytes")?)?,
        sha256: sha256.try_into().map_err(|_| DbError::Unknown("sha256".to_owned()))?,
        layout: serde_json::from_str(row.try_get("layout")?)
            .map_err(|e| DbError::Unknown(format!("layout: {e}")))?,
        is_damaged: row.try_get::<Option<i64>, _>("damaged_ms")?.is_some(),
    })
}

fn state_of(word: &str) -> Result<VideoState, DbError> {
    VideoState::ALL
        .into_iter()
        .find(|state| state.name() == word)
        .ok_or_else(|| DbError::Unknown(format!("state {word}")))
}

fn assembly_word(assembly: Assembly) -> &'static str {
    match assembly {
        Assembly::Mapped => "mapped",
        Assembly::Joined => "joined",
    }
}

fn assembly_of(word: &str) -> Result<Assembly, DbError> {
    [Assembly::Mapped, Assembly::Joined]
        .into_iter()
        .find(|assembly| assembly_word(*assembly) == word)
        .ok_or_else(|| DbError::Unknown(format!("assembly {word}")))
}
