//! Versions of what is behind a link.
//!
//! Each version is an upload of its own under the same video id, with its own parts, products, jobs and
//! map. What the link shows is the one that is finished and not removed; the index `uploads_served`
//! allows only one. A greater version becomes visible in the transaction that finishes it, which removes
//! the others: a visitor sees the old version or the new one, never a mixture, and the sweeper deletes
//! the old objects as it deletes those of any removed upload. A version with many parts can arrive while
//! an earlier one is served.
//!
//! A version of a video may have a list of pieces (`uploads.edit`), which names parts of the version before
//! it. Parts that are kept whole stay where they are until that transaction, which moves their rows to the
//! new version before it can be seen. Of a part that is kept in part, the new version has a copy of the kept
//! range, and the whole part is deleted with the old version. So no object that survives holds a byte that
//! was cut.

use sqlx::{AssertSqlSafe, Transaction};

use super::usage::{keep, release};
use super::watching::forget_watching;
use super::{Dialect, Pools, signed};
use crate::db::{
    DbError, KeptParts, NewUpload, Opened, SessionId, StoredPart, Upload, UserId, VideoId,
};
use crate::quotas::ROW_BYTES;

impl Pools {
    /// Stores the list of pieces of an open upload that has none. Returns `false` if it has one, or is no
    /// longer open.
    pub async fn set_edit(&self, session: SessionId, edit: &str) -> Result<bool, DbError> {
        let mut tx = self.begin().await?;
        let set = sqlx::query(
            "UPDATE uploads SET edit = $2, revision = revision + 1 WHERE session_id = $1 \
             AND edit IS NULL AND removed_ms IS NULL AND state IN ('initialized', 'uploading')",
        )
        .bind(session.0)
        .bind(edit)
        .execute(&mut *tx)
        .await?;
        let is_set = set.rows_affected() == 1;
        if is_set {
            keep(&mut tx, session, signed(edit.len() as u64)).await?;
            tx.commit().await?;
        }
        Ok(is_set)
    }

    /// Returns the list of pieces of an upload, if it has one.
    pub async fn edit(&self, session: SessionId) -> Result<Option<String>, DbError> {
        let edit = sqlx::query_scalar("SELECT edit FROM uploads WHERE session_id = $1");
        let edit: Option<Option<String>> = edit.bind(session.0).fetch_optional(&self.reads).await?;
        Ok(edit.flatten())
    }

    /// Stores the layout of a part that was looked at again.
    pub async fn set_layout(&self, session: SessionId, part: &StoredPart) -> Result<(), DbError> {
        let layout =
            serde_json::to_string(&part.layout).map_err(|e| DbError::Unknown(e.to_string()))?;
        let mut tx = self.begin().await?;
        let before: Option<i64> = sqlx::query_scalar(
            "SELECT CAST(LENGTH(layout) AS BIGINT) FROM parts \
             WHERE session_id = $1 AND part_index = $2 AND object_key = $3",
        )
        .bind(session.0)
        .bind(i64::from(part.index))
        .bind(&part.object_key)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(before) = before else { return Ok(()) };
        let set = sqlx::query(
            "UPDATE parts SET layout = $4 \
             WHERE session_id = $1 AND part_index = $2 AND object_key = $3",
        )
        .bind(session.0)
        .bind(i64::from(part.index))
        .bind(&part.object_key)
        .bind(&layout)
        .execute(&mut *tx)
        .await?;
        if set.rows_affected() == 1 {
            keep(&mut tx, session, signed(layout.len() as u64) - before).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Takes all versions of a video off its link at once, also those that are being sent.
    pub async fn remove_versions(
        &self,
        user: UserId,
        video: VideoId,
        now_ms: i64,
    ) -> Result<(), DbError> {
        let mut tx = self.begin().await?;
        let freed: Vec<(String, i64)> = sqlx::query_as(
            "UPDATE uploads SET removed_ms = $3 WHERE video_id = $1 AND user_id = $2 \
             AND removed_ms IS NULL RETURNING state, stored_bytes + kept_bytes",
        )
        .bind(video.0)
        .bind(user.0)
        .bind(now_ms)
        .fetch_all(&mut *tx)
        .await?;
        // An expired upload already gave its space back when it expired.
        let freed = freed.iter().filter(|(state, _)| state != "expired").map(|(_, bytes)| bytes);
        release(&mut tx, user, freed.sum()).await?;
        forget_watching(&mut tx, (user, video), u32::MAX).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Locks the version whose parts are kept. Returns whether it is still there: if its owner has removed it,
/// its objects may be gone already.
pub(super) async fn lock_source(
    tx: &mut Transaction<'_, Dialect>,
    taken: &KeptParts,
) -> Result<bool, sqlx::Error> {
    let Some(from) = taken.from.filter(|_| !taken.moved.is_empty()) else { return Ok(true) };
    let found = sqlx::query(
        "UPDATE uploads SET active_ms = active_ms \
         WHERE session_id = $1 AND removed_ms IS NULL AND state = 'completed'",
    )
    .bind(from.0)
    .execute(&mut **tx)
    .await?;
    Ok(found.rows_affected() == 1)
}

/// Moves the parts that are kept whole to the new version, and stores the shifts of all its parts. Returns
/// what the rows of the moved parts count (`quotas`), or `None` if one of them is no longer there.
pub(super) async fn take_over(
    tx: &mut Transaction<'_, Dialect>,
    session: SessionId,
    taken: &KeptParts,
) -> Result<Option<i64>, sqlx::Error> {
    /// One statement for this many rows: far below the limits of both databases on the size of one.
    const BATCH: usize = 500;
    // Numbers alone, so they are written into the statement.
    for shifts in taken.shifts.chunks(BATCH) {
        let rows: Vec<String> =
            shifts.iter().map(|(index, shift_ms)| format!("({index}, {shift_ms})")).collect();
        let sql = format!(
            "WITH shifts (at_index, by_ms) AS (VALUES {}) UPDATE parts SET shift_ms = shifts.by_ms \
             FROM shifts WHERE parts.session_id = $1 AND parts.part_index = shifts.at_index",
            rows.join(", ")
        );
        sqlx::query(AssertSqlSafe(sql)).bind(session.0).execute(&mut **tx).await?;
    }
    let Some(from) = taken.from.filter(|_| !taken.moved.is_empty()) else { return Ok(Some(0)) };
    let own_bytes = row_bytes(tx, session).await?;
    for moved in taken.moved.chunks(BATCH) {
        let rows: Vec<String> = moved
            .iter()
            .map(|run| {
                let (first, last) = (run.from_index, run.from_index + run.count - 1);
                let by = i64::from(run.index) - i64::from(run.from_index);
                format!("({first}, {last}, {by}, {})", run.shift_ms)
            })
            .collect();
        let sql = format!(
            "WITH moved (first_index, last_index, by_index, by_ms) AS (VALUES {}) UPDATE parts \
             SET session_id = $1, part_index = parts.part_index + moved.by_index, \
             shift_ms = moved.by_ms FROM moved WHERE parts.session_id = $2 \
             AND parts.part_index BETWEEN moved.first_index AND moved.last_index",
            rows.join(", ")
        );
        let done =
            sqlx::query(AssertSqlSafe(sql)).bind(session.0).bind(from.0).execute(&mut **tx).await?;
        if done.rows_affected() != moved.iter().map(|run| u64::from(run.count)).sum::<u64>() {
            return Ok(None);
        }
    }
    Ok(Some(row_bytes(tx, session).await? - own_bytes))
}

/// Returns what the rows of an upload's parts count (`quotas`).
async fn row_bytes(
    tx: &mut Transaction<'_, Dialect>,
    session: SessionId,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM($2 + LENGTH(layout)), 0) AS BIGINT) FROM parts \
         WHERE session_id = $1",
    )
    .bind(session.0)
    .bind(ROW_BYTES)
    .fetch_one(&mut **tx)
    .await
}

/// How far a version may be above the last one that was finished. Numbers may be skipped, because a person
/// may save many times before anything can be sent; but nobody may use up all of them with one upload.
const VERSION_STEP_MAX: u32 = 1_000;

/// Returns why a new version is refused, if it is. `last` is the greatest version that was ever finished,
/// also if it was removed. Whoever may only upload must not replace what is there.
pub(super) fn refused(new: &NewUpload, last: Option<u32>) -> Option<Opened> {
    let last = last.filter(|_| new.version > 1)?;
    let version_max = last.saturating_add(VERSION_STEP_MAX);
    if !new.may_replace {
        Some(Opened::Unproven)
    } else if new.version > version_max {
        Some(Opened::TooFar(version_max))
    } else {
        None
    }
}

/// Returns the bytes that a version of this upload will free once it is finished: those of the version
/// that is served. Other versions that are on their way count, or any number of them would fit.
pub(super) async fn replaced_bytes(
    tx: &mut Transaction<'_, Dialect>,
    video: uuid::Uuid,
    version: i64,
) -> Result<i64, DbError> {
    // Most uploads have one version, and many parts.
    if version == 1 {
        return Ok(0);
    }
    let bytes = sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(stored_bytes + kept_bytes), 0) AS BIGINT) FROM uploads \
         WHERE video_id = $1 AND version < $2 AND removed_ms IS NULL AND state = 'completed'",
    )
    .bind(video)
    .bind(version);
    Ok(bytes.fetch_one(&mut **tx).await?)
}

/// Removes the smaller versions. Returns the bytes that this frees, which the caller releases after it
/// has changed the upload's own row.
pub(super) async fn supersede(
    tx: &mut Transaction<'_, Dialect>,
    upload: &Upload,
    now_ms: i64,
) -> Result<i64, sqlx::Error> {
    if upload.version == 1 {
        return Ok(0);
    }
    let freed: Vec<i64> = sqlx::query_scalar(
        "UPDATE uploads SET removed_ms = $3 WHERE video_id = $1 AND version < $2 AND user_id = $4 \
         AND removed_ms IS NULL AND state <> 'expired' RETURNING stored_bytes + kept_bytes",
    )
    .bind(upload.video_id.0)
    .bind(signed(upload.version.into()))
    .bind(now_ms)
    .bind(upload.user_id.0)
    .fetch_all(&mut **tx)
    .await?;
    // The times of its stretches are not those of the new version.
    let link = (upload.user_id, upload.video_id);
    forget_watching(tx, link, upload.version.saturating_sub(1)).await?;
    Ok(freed.iter().sum())
}

/// Returns whether the error is that another version was finished at the same moment: both are the served
/// one (`uploads_served`), or each waits for a row of the other.
pub(super) fn is_lost_race(error: &sqlx::Error) -> bool {
    /// PostgreSQL's deadlock_detected.
    const DEADLOCK: &str = "40P01";
    let sqlx::Error::Database(error) = error else { return false };
    error.is_unique_violation() || error.code().as_deref() == Some(DEADLOCK)
}
