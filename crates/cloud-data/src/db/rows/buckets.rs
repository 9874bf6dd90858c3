//! Rate limit buckets and secrets that all processes on the database share.

use super::{Pools, whole};
use crate::db::{Admission, Bucket, DbError};

impl Pools {
    /// Returns the shared secret of this name. The first process that asks stores `fresh` as the
    /// secret.
    pub async fn key(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, DbError> {
        let secret = sqlx::query_scalar(
            "INSERT INTO keys (name, secret) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING secret",
        )
        .bind(name)
        .bind(fresh)
        .fetch_one(&self.writes)
        .await?;
        Ok(secret)
    }

    /// Takes a token out of a bucket, or returns how long it takes until there is one.
    pub async fn take(
        &self,
        name: &str,
        bucket: Bucket,
        now_ms: i64,
    ) -> Result<Admission, DbError> {
        let full = bucket.full_ms();
        let mut tx = self.begin().await?;
        // This updates the row even if nothing changes, because that locks it until the end of the
        // transaction.
        let (level, at_ms): (i64, i64) = sqlx::query_as(
            "INSERT INTO buckets (name, level_ms, at_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING level_ms, at_ms",
        )
        .bind(name)
        .bind(full)
        .bind(now_ms)
        .fetch_one(&mut *tx)
        .await?;
        // A clock that goes backwards adds no tokens and removes none.
        let level = level.saturating_add((now_ms - at_ms).max(0)).min(full);
        let left = level - bucket.refill_ms;
        sqlx::query("UPDATE buckets SET level_ms = $2, at_ms = $3 WHERE name = $1")
            .bind(name)
            .bind(if left < 0 { level } else { left })
            .bind(now_ms)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(match left {
            0.. => Admission::One { left: whole(left / bucket.refill_ms)? },
            ..0 => Admission::None { wait_ms: -left },
        })
    }
}
