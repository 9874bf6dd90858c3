//! Totals of the whole server, for the operator.

use super::Pools;
use crate::db::{DbError, Totals};

impl Pools {
    pub async fn totals(&self) -> Result<Totals, DbError> {
        let one = async |sql: &'static str| -> Result<i64, DbError> {
            Ok(sqlx::query_scalar(sql).fetch_one(&self.reads).await?)
        };
        let sum = "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM products";
        Ok(Totals {
            stored_bytes: one(
                "SELECT CAST(COALESCE(SUM(stored_bytes), 0) AS BIGINT) FROM uploads \
                 WHERE state <> 'expired' AND removed_ms IS NULL",
            )
            .await?,
            made_bytes: one(sum).await?,
            users: one("SELECT COUNT(*) FROM users WHERE deleted_ms IS NULL").await?,
            parts_damaged: one("SELECT COUNT(*) FROM parts WHERE damaged_ms IS NOT NULL").await?,
            sessions: sqlx::query_as(
                "SELECT state, COUNT(*) FROM uploads WHERE removed_ms IS NULL GROUP BY state",
            )
            .fetch_all(&self.reads)
            .await?,
            jobs: sqlx::query_as(
                "SELECT product, state, COUNT(*) FROM jobs GROUP BY product, state",
            )
            .fetch_all(&self.reads)
            .await?,
        })
    }
}
