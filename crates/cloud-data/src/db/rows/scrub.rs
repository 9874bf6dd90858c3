//! Periodic checks of stored parts, and what they found.

use super::jobs::{SCRUB, lease, lock, take};
use super::maps;
use super::upload_row::{select_uploads, upload};
use super::usage::keep;
use super::{Pools, Row, signed};
use crate::db::{DbError, Lease, Product, SessionId, StoredPart, Upload, UserId, is_kept_damaged};
use crate::quotas::ROW_BYTES;

impl Pools {
    /// Claims the video whose last check is the longest ago, if its next check is due.
    pub async fn claim_scrub(
        &self,
        now_ms: i64,
        lease_until_ms: i64,
    ) -> Result<Option<Lease>, DbError> {
        let row = sqlx::query(
            "UPDATE jobs SET state = 'running', attempts = attempts + 1, fence = fence + 1, \
             due_ms = $2 WHERE product = $3 AND session_id IN (SELECT session_id FROM jobs \
             WHERE state IN ('waiting', 'running') AND due_ms <= $1 AND product = $3 \
             ORDER BY due_ms LIMIT 1) AND state IN ('waiting', 'running') AND due_ms <= $1 \
             RETURNING session_id, attempts, fence",
        )
        .bind(now_ms)
        .bind(lease_until_ms)
        .bind(SCRUB.as_str())
        .fetch_optional(&self.writes)
        .await?;
        row.map(|row: Row| lease(&row, SCRUB.clone())).transpose()
    }

    /// Schedules the next check, if the job is still this worker's.
    pub async fn put_back(&self, lease: &Lease, due_ms: i64) -> Result<(), DbError> {
        sqlx::query(
            "UPDATE jobs SET state = 'waiting', attempts = 0, error = NULL, due_ms = $4 \
             WHERE session_id = $1 AND product = $2 AND fence = $3 AND state = 'running'",
        )
        .bind(lease.session_id.0)
        .bind(lease.work.as_str())
        .bind(lease.fence)
        .bind(due_ms)
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// Returns the finished uploads of all users, one page at a time.
    pub async fn finished_uploads(
        &self,
        behind: Option<SessionId>,
        limit: u32,
    ) -> Result<Vec<Upload>, DbError> {
        sqlx::query(concat!(
            select_uploads!(),
            "WHERE state = 'completed' AND removed_ms IS NULL AND session_id > $1 \
             ORDER BY session_id LIMIT $2"
        ))
        .bind(behind.map_or(uuid::Uuid::nil(), |behind| behind.0))
        .bind(i64::from(limit))
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(upload)
        .collect()
    }

    /// Returns a user's finished uploads that have damaged parts, newest first.
    pub async fn damaged_uploads(&self, user: UserId, limit: u32) -> Result<Vec<Upload>, DbError> {
        sqlx::query(concat!(
            select_uploads!(),
            "WHERE uploads.user_id = $1 AND state = 'completed' AND removed_ms IS NULL \
             AND (EXISTS (SELECT 1 FROM parts WHERE parts.session_id = uploads.session_id \
             AND damaged_ms IS NOT NULL) OR EXISTS (SELECT 1 FROM kept_runs JOIN parts ON ",
            is_kept_damaged!(),
            " WHERE kept_runs.session_id = uploads.session_id)) \
             ORDER BY created_ms DESC LIMIT $2"
        ))
        .bind(user.0)
        .bind(i64::from(limit))
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(upload)
        .collect()
    }

    /// Marks a part of a version as damaged or undamaged, also one that it keeps. Returns whether that is a
    /// change. Does nothing if the part's object was replaced meanwhile.
    pub async fn set_damaged(
        &self,
        session: SessionId,
        part: &StoredPart,
        damaged_ms: Option<i64>,
    ) -> Result<bool, DbError> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "UPDATE parts SET damaged_ms = $2 WHERE object_key = $1 \
             AND (damaged_ms IS NULL) <> ($2 IS NULL)",
        )
        .bind(&part.object_key)
        .bind(damaged_ms)
        .execute(&mut *tx)
        .await?;
        let is_news = done.rows_affected() == 1;
        if is_news {
            maps::outdate(&mut tx, session).await?;
            tx.commit().await?;
        }
        Ok(is_news)
    }

    /// Replaces a damaged part's object by one with the same bytes that was sent again.
    pub async fn mend_part(
        &self,
        session: SessionId,
        part: &StoredPart,
        object_key: &str,
    ) -> Result<bool, DbError> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "UPDATE parts SET object_key = $2, damaged_ms = NULL WHERE object_key = $1 \
             AND damaged_ms IS NOT NULL",
        )
        .bind(&part.object_key)
        .bind(object_key)
        .execute(&mut *tx)
        .await?;
        let is_mended = done.rows_affected() == 1;
        if is_mended {
            maps::outdate(&mut tx, session).await?;
            tx.commit().await?;
        }
        Ok(is_mended)
    }

    /// Deletes a product and schedules its job again. Products that no job can make (captions) stay. With a
    /// piece, the product that it belongs to is no longer complete; its other pieces stay until they are
    /// made anew. Returns the keys of the objects that no row names any more.
    pub async fn make_again(
        &self,
        session: SessionId,
        product: &Product,
        now_ms: i64,
    ) -> Result<Vec<String>, DbError> {
        let mut tx = self.begin().await?;
        lock(&mut tx, session).await?;
        let again = sqlx::query(
            "UPDATE jobs SET state = 'waiting', attempts = 0, due_ms = $3 \
             WHERE session_id = $1 AND product = $2 AND state = 'done'",
        )
        .bind(session.0)
        .bind(product.name.whole().as_str())
        .bind(now_ms)
        .execute(&mut *tx)
        .await?;
        let gone = sqlx::query("DELETE FROM products WHERE session_id = $1 AND object_key = $2")
            .bind(session.0)
            .bind(&product.object_key)
            .execute(&mut *tx)
            .await?;
        let mut unnamed = Vec::new();
        if again.rows_affected() == 1 && gone.rows_affected() == 1 {
            unnamed.push(product.object_key.clone());
            let whole = product.name.whole();
            if whole != product.name {
                unnamed.extend(take(&mut tx, session, &whole).await?);
            }
            keep(&mut tx, session, -signed(product.size_bytes) - ROW_BYTES).await?;
            maps::outdate(&mut tx, session).await?;
            tx.commit().await?;
        }
        Ok(unnamed)
    }
}
