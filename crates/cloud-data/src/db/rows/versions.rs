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
//! it. Parts that are kept whole stay where they are, for good: that transaction only notes runs of them
//! (`kept_runs`), which costs the same for hours as for a minute. Of a part that is kept in part, the new version
//! has a copy of the kept range, and the whole part is deleted with the old version. So no object that survives
//! holds a byte that was cut.
//!
//! ```text
//! version 1, removed    parts 0 1 2 3 4 5 6 7      0, 1 and 7 are named by no run: the sweeper deletes them
//! version 3, served     parts 0           5        its own, with what is at the cuts
//!                       run     1 2 3 4            from 1 on: 4 parts of version 1, from 3 on
//! ```
//!
//! - A run names the upload that has received the parts, so no run leads to another one. What version 2 kept of
//!   version 1 is named by version 3 as parts of version 1.
//! - A part of a dead upload is dead if no run names it. The runs of a dead version are deleted first (`sweep`).
//! - An upload's row stays as long as a version keeps parts of it.

use sqlx::{AssertSqlSafe, QueryBuilder, Transaction};

use super::usage::{keep, release};
use super::watching::forget_watching;
use super::{Dialect, Pools, signed};
use crate::db::{
    DbError, KeptParts, KeptRun, NewUpload, Opened, SessionId, StoredPart, Upload, UserId, VideoId,
};

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

    /// Stores the layout of a version's part that was looked at again, also of one that it keeps.
    pub async fn set_layout(&self, session: SessionId, part: &StoredPart) -> Result<(), DbError> {
        let layout =
            serde_json::to_string(&part.layout).map_err(|e| DbError::Unknown(e.to_string()))?;
        let mut tx = self.begin().await?;
        let before: Option<i64> = sqlx::query_scalar(
            "SELECT CAST(LENGTH(layout) AS BIGINT) FROM parts WHERE object_key = $1",
        )
        .bind(&part.object_key)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(before) = before else { return Ok(()) };
        let set = sqlx::query("UPDATE parts SET layout = $2 WHERE object_key = $1")
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
    kept: &KeptParts,
) -> Result<bool, sqlx::Error> {
    let Some(from) = kept.from.filter(|_| !kept.runs.is_empty()) else { return Ok(true) };
    let found = sqlx::query(
        "UPDATE uploads SET active_ms = active_ms \
         WHERE session_id = $1 AND removed_ms IS NULL AND state = 'completed'",
    )
    .bind(from.0)
    .execute(&mut **tx)
    .await?;
    Ok(found.rows_affected() == 1)
}

/// Notes which parts the new version keeps, and stores the shifts of its own. That is a row for each run of
/// kept parts, however many they are.
pub(super) async fn keep_parts(
    tx: &mut Transaction<'_, Dialect>,
    session: SessionId,
    kept: &KeptParts,
) -> Result<(), sqlx::Error> {
    /// One statement for this many rows: far below the limits of both databases on the size of one.
    const BATCH: usize = 500;
    // Numbers alone, so they are written into the statement.
    for shifts in kept.shifts.chunks(BATCH) {
        let rows: Vec<String> =
            shifts.iter().map(|(index, shift_ms)| format!("({index}, {shift_ms})")).collect();
        let sql = format!(
            "WITH shifts (at_index, by_ms) AS (VALUES {}) UPDATE parts SET shift_ms = shifts.by_ms \
             FROM shifts WHERE parts.session_id = $1 AND parts.part_index = shifts.at_index",
            rows.join(", ")
        );
        sqlx::query(AssertSqlSafe(sql)).bind(session.0).execute(&mut **tx).await?;
    }
    let Some(from) = kept.from.filter(|_| !kept.runs.is_empty()) else { return Ok(()) };
    let sources: Vec<(i64, i64, uuid::Uuid, i64)> = sqlx::query_as(
        "SELECT part_index, parts, from_session, from_index FROM kept_runs \
         WHERE session_id = $1 ORDER BY part_index",
    )
    .bind(from.0)
    .fetch_all(&mut **tx)
    .await?;
    let rows = kept.runs.iter().flat_map(|run| stored_runs(from, &sources, *run));
    let rows: Vec<StoredRun> = rows.collect();
    for rows in rows.chunks(BATCH) {
        let mut query = QueryBuilder::<Dialect>::new(
            "INSERT INTO kept_runs (session_id, part_index, parts, from_session, from_index, shift_ms) ",
        );
        query.push_values(rows, |mut row, run| {
            row.push_bind(session.0)
                .push_bind(run.part_index)
                .push_bind(run.parts)
                .push_bind(run.from_session)
                .push_bind(run.from_index)
                .push_bind(run.shift_ms);
        });
        query.build().execute(&mut **tx).await?;
    }
    Ok(())
}

/// A row of `kept_runs`, without the version that keeps the parts.
#[derive(Debug, PartialEq, Eq)]
struct StoredRun {
    part_index: i64,
    parts: i64,
    from_session: uuid::Uuid,
    from_index: i64,
    shift_ms: i64,
}

/// Returns the rows of a run. Parts that the earlier version keeps itself (`sources`: index, count, session and
/// index there) are named where they are, so that no run leads to another one.
fn stored_runs(
    from: SessionId,
    sources: &[(i64, i64, uuid::Uuid, i64)],
    run: KeptRun,
) -> Vec<StoredRun> {
    let KeptRun { from_index, index, count, shift_ms } = run;
    let by = i64::from(index) - i64::from(from_index);
    let (mut at, end) = (i64::from(from_index), i64::from(from_index) + i64::from(count));
    let mut rows = Vec::new();
    let mut push = |at: i64, until: i64, from_session, from_index| {
        if at < until {
            let (part_index, parts) = (at + by, until - at);
            rows.push(StoredRun { part_index, parts, from_session, from_index, shift_ms });
        }
    };
    for (first, parts, session, first_there) in sources {
        let (begins, ends) = (at.max(*first), end.min(first + parts));
        if begins < ends {
            push(at, begins, from.0, at);
            push(begins, ends, *session, first_there + (begins - first));
            at = ends;
        }
    }
    push(at, end, from.0, at);
    rows
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

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn run_names_the_uploads_that_received_the_parts() {
        let (first, second, third) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        // Version 3 has parts 0, 4 and 8 of its own, four of the first and one of the second version.
        let sources = [(1, 3, first, 10), (5, 1, first, 20), (6, 2, second, 0)];
        let rows = |from_index, index, count| {
            let run = KeptRun { from_index, index, count, shift_ms: -7 };
            let rows = stored_runs(SessionId(third), &sources, run).into_iter();
            assert!(rows.as_slice().iter().all(|row| row.shift_ms == -7));
            rows.map(|row| (row.part_index, row.parts, row.from_session, row.from_index))
                .collect::<Vec<_>>()
        };
        assert_eq!(rows(2, 0, 2), [(0, 2, first, 11)]);
        assert_eq!(
            rows(0, 100, 9),
            [
                (100, 1, third, 0),
                (101, 3, first, 10),
                (104, 1, third, 4),
                (105, 1, first, 20),
                (106, 2, second, 0),
                (108, 1, third, 8),
            ]
        );
        assert_eq!(rows(7, 0, 1), [(0, 1, second, 1)]);
        assert_eq!(rows(8, 0, 1), [(0, 1, third, 8)]);
    }
}
