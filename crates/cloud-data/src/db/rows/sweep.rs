//! Deletes rows that nothing will ask for again.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, QueryBuilder};
use uuid::Uuid;

use super::usage::release;
use super::{Dialect, Pools};
use crate::db::{DbError, UserId, VideoId};

/// The uploads of which nothing is served any more, but for parts that later versions keep.
const DEAD: &str =
    "SELECT session_id FROM uploads WHERE (state = 'expired' OR removed_ms IS NOT NULL)";
/// Holds for parts that no version keeps.
const UNKEPT: &str = "NOT EXISTS (SELECT 1 FROM kept_runs \
     WHERE kept_runs.from_session = parts.session_id AND kept_runs.from_index <= parts.part_index \
     AND parts.part_index < kept_runs.from_index + kept_runs.parts)";

impl Pools {
    /// Marks idle open uploads as expired. Returns how many there were.
    pub async fn expire_idle(&self, idle_since_ms: i64) -> Result<u64, DbError> {
        let mut tx = self.begin().await?;
        let expired: Vec<(Uuid, i64)> = sqlx::query_as(
            "UPDATE uploads SET state = 'expired' WHERE active_ms < $1 AND removed_ms IS NULL \
             AND state IN ('initialized', 'uploading', 'finalizing') RETURNING user_id, \
             stored_bytes + kept_bytes",
        )
        .bind(idle_since_ms)
        .fetch_all(&mut *tx)
        .await?;
        // All transactions update users in the same order, so that no two of them deadlock.
        let mut freed = BTreeMap::<Uuid, i64>::new();
        for (user, stored_bytes) in &expired {
            *freed.entry(*user).or_default() += stored_bytes;
        }
        for (user, stored_bytes) in freed {
            release(&mut tx, UserId(user), stored_bytes).await?;
        }
        tx.commit().await?;
        Ok(expired.len() as u64)
    }

    /// Returns the keys of some of the objects that will never be served: parts and products of expired
    /// and removed uploads, and parts behind the last one of a finished video. Parts that a version keeps are
    /// not among them. No job makes another one.
    pub async fn dead_objects(&self, limit: u32) -> Result<Vec<String>, DbError> {
        for of_dead in ["DELETE FROM jobs", "DELETE FROM maps"] {
            let sql = format!("{of_dead} WHERE session_id IN ({DEAD})");
            sqlx::query(AssertSqlSafe(sql)).execute(&self.writes).await?;
        }
        self.forget_runs(DEAD, None).await?;
        let sql = format!(
            "SELECT object_key FROM products WHERE session_id IN ({DEAD}) UNION ALL \
             SELECT object_key FROM parts WHERE session_id IN ({DEAD} AND NOT all_kept) AND {UNKEPT} \
             UNION ALL SELECT object_key FROM parts JOIN uploads ON uploads.session_id = parts.session_id \
             WHERE part_index >= parts_total AND removed_ms IS NULL LIMIT $1"
        );
        let keys = sqlx::query_scalar(AssertSqlSafe(sql)).bind(i64::from(limit));
        Ok(keys.fetch_all(&self.reads).await?)
    }

    /// Returns the same of the removed uploads of one video.
    pub async fn dead_objects_of(
        &self,
        video: VideoId,
        limit: u32,
    ) -> Result<Vec<String>, DbError> {
        const REMOVED: &str =
            "SELECT session_id FROM uploads WHERE video_id = $1 AND removed_ms IS NOT NULL";
        for of_dead in ["DELETE FROM jobs", "DELETE FROM maps"] {
            let sql = format!("{of_dead} WHERE session_id IN ({REMOVED})");
            sqlx::query(AssertSqlSafe(sql)).bind(video.0).execute(&self.writes).await?;
        }
        self.forget_runs(REMOVED, Some(video)).await?;
        let sql = format!(
            "SELECT object_key FROM products WHERE session_id IN ({REMOVED}) UNION ALL \
             SELECT object_key FROM parts WHERE session_id IN ({REMOVED} AND NOT all_kept) \
             AND {UNKEPT} LIMIT $2"
        );
        let keys = sqlx::query_scalar(AssertSqlSafe(sql)).bind(video.0).bind(i64::from(limit));
        Ok(keys.fetch_all(&self.reads).await?)
    }

    /// Deletes the runs of parts that dead versions have kept. The uploads that have received those parts are
    /// looked at again.
    async fn forget_runs(&self, dead: &str, video: Option<VideoId>) -> Result<(), DbError> {
        let mut tx = self.begin().await?;
        let sql =
            format!("DELETE FROM kept_runs WHERE session_id IN ({dead}) RETURNING from_session");
        let mut query = sqlx::query_scalar(AssertSqlSafe(sql));
        if let Some(video) = video {
            query = query.bind(video.0);
        }
        let freed: BTreeSet<Uuid> = query.fetch_all(&mut *tx).await?.into_iter().collect();
        for session in freed {
            // Whatever the row says, so that this waits for whoever is marking it.
            sqlx::query("UPDATE uploads SET all_kept = FALSE WHERE session_id = $1")
                .bind(session)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Marks the dead uploads that have nothing but parts that versions keep, so that the next rounds don't look
    /// at each of these parts.
    pub async fn mark_all_kept(&self) -> Result<(), DbError> {
        let mut tx = self.begin().await?;
        // Whoever deletes a run of their parts has to change these rows, too, and waits for this transaction.
        let sql = format!(
            "UPDATE uploads SET all_kept = TRUE WHERE session_id IN ({DEAD} AND NOT all_kept) \
             AND EXISTS (SELECT 1 FROM kept_runs WHERE from_session = uploads.session_id) \
             RETURNING session_id"
        );
        let marked: Vec<Uuid> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut *tx).await?;
        // A statement of its own sees what was committed before the rows were locked.
        for session in marked {
            let sql = format!(
                "UPDATE uploads SET all_kept = FALSE WHERE session_id = $1 \
                 AND EXISTS (SELECT 1 FROM parts WHERE parts.session_id = $1 AND {UNKEPT})"
            );
            sqlx::query(AssertSqlSafe(sql)).bind(session).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Deletes the rows of objects that were deleted.
    pub async fn forget_objects(&self, keys: &[String]) -> Result<(), DbError> {
        let mut tx = self.begin().await?;
        for table in ["parts", "products"] {
            let mut query =
                QueryBuilder::<Dialect>::new(format!("DELETE FROM {table} WHERE object_key IN ("));
            let mut listed = query.separated(", ");
            for key in keys {
                listed.push_bind(key);
            }
            query.push(")");
            query.build().execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Deletes some of the uploads that expired or were removed before `before_ms` and have no parts
    /// or products left. Returns how many.
    pub async fn forget_dead_uploads(&self, before_ms: i64, limit: u32) -> Result<u64, DbError> {
        let mut tx = self.begin().await?;
        let deleted = sqlx::query(
            "DELETE FROM uploads WHERE session_id IN (SELECT session_id FROM uploads \
             WHERE (removed_ms < $1 OR (state = 'expired' AND active_ms < $1)) \
             AND NOT EXISTS (SELECT 1 FROM parts WHERE parts.session_id = uploads.session_id) \
             AND NOT EXISTS (SELECT 1 FROM products \
                             WHERE products.session_id = uploads.session_id) LIMIT $2)",
        )
        .bind(before_ms)
        .bind(i64::from(limit))
        .execute(&mut *tx)
        .await?;
        // The row of an upload of which parts are kept stays, without what a person has written.
        sqlx::query(
            "UPDATE uploads SET edit = NULL, metadata = '{}', filename = '' \
             WHERE removed_ms < $1 AND all_kept AND (edit IS NOT NULL OR filename <> '')",
        )
        .bind(before_ms)
        .execute(&mut *tx)
        .await?;
        // A link's settings are deleted with its last upload. Settings that restrict who may see it
        // stay, so that a recording that is sent again is as private as before.
        let links: Vec<(Uuid, i64)> = sqlx::query_as(
            "DELETE FROM shares WHERE NOT EXISTS (SELECT 1 FROM uploads \
             WHERE uploads.video_id = shares.video_id AND uploads.user_id = shares.user_id) \
             AND visibility = 'link' AND expires_ms IS NULL AND NOT downloads_off \
             RETURNING user_id, kept_bytes",
        )
        .fetch_all(&mut *tx)
        .await?;
        let mut freed = BTreeMap::<Uuid, i64>::new();
        for (user, kept_bytes) in links {
            *freed.entry(user).or_default() += kept_bytes;
        }
        for (user, kept_bytes) in freed {
            release(&mut tx, UserId(user), kept_bytes).await?;
        }
        tx.commit().await?;
        Ok(deleted.rows_affected())
    }

    pub async fn has_object(&self, key: &str) -> Result<bool, DbError> {
        let found: i64 = sqlx::query_scalar(
            "SELECT (SELECT COUNT(*) FROM parts WHERE object_key = $1) + \
             (SELECT COUNT(*) FROM products WHERE object_key = $1)",
        )
        .bind(key)
        .fetch_one(&self.reads)
        .await?;
        Ok(found > 0)
    }

    /// Returns the checkpoint of a task that is done piece by piece.
    pub async fn mark(&self, name: &str) -> Result<Option<String>, DbError> {
        let mark = sqlx::query_scalar("SELECT value FROM marks WHERE name = $1").bind(name);
        Ok(mark.fetch_optional(&self.reads).await?)
    }

    pub async fn set_mark(&self, name: &str, value: &str) -> Result<(), DbError> {
        sqlx::query(
            "INSERT INTO marks (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value)
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// Deletes sessions, codes, reset links and passes that are over, buckets that were not used
    /// since `quiet_ms` and are full again, audit log entries from before `audit_ms`, and tokens that
    /// were not used since `token_ms`.
    pub async fn forget_over(
        &self,
        now_ms: i64,
        quiet_ms: i64,
        audit_ms: i64,
        token_ms: i64,
    ) -> Result<(), DbError> {
        for (sql, before_ms) in [
            ("DELETE FROM web_sessions WHERE expires_ms <= $1", now_ms),
            ("DELETE FROM codes WHERE expires_ms <= $1", now_ms),
            ("DELETE FROM reset_links WHERE expires_ms <= $1", now_ms),
            ("DELETE FROM share_passes WHERE expires_ms <= $1", now_ms),
            ("DELETE FROM buckets WHERE at_ms < $1", quiet_ms),
            ("DELETE FROM audit WHERE at_ms < $1", audit_ms),
            ("DELETE FROM tokens WHERE COALESCE(used_ms, created_ms) < $1", token_ms),
        ] {
            sqlx::query(sql).bind(before_ms).execute(&self.writes).await?;
        }
        Ok(())
    }
}
