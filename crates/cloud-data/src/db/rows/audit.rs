//! The audit log.

use sqlx::Row as _;
use uuid::Uuid;

use super::{Pools, Row};
use crate::db::{AuditEntry, AuditRecord, DbError, UserId};

impl Pools {
    pub async fn note(&self, entry: &AuditEntry<'_>, at_ms: i64) -> Result<(), DbError> {
        sqlx::query(
            "INSERT INTO audit (id, at_ms, user_id, action, subject, detail, address) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(Uuid::now_v7())
        .bind(at_ms)
        .bind(entry.user_id.map(|user| user.0))
        .bind(entry.action)
        .bind(entry.subject)
        .bind(entry.detail)
        .bind(entry.address)
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// Returns the latest entries, newest first, of one user or of all.
    pub async fn audit_entries(
        &self,
        user: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, DbError> {
        const SELECT: &str = "SELECT at_ms, email, action, subject, detail, address FROM audit \
                              LEFT JOIN users ON users.id = audit.user_id";
        const LAST: &str = "ORDER BY at_ms DESC, audit.id DESC LIMIT $1";
        // There are two statements so that each can use its own index.
        let rows = match user {
            None => {
                let sql = format!("{SELECT} {LAST}");
                let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(i64::from(limit));
                query.fetch_all(&self.reads).await?
            }
            Some(user) => {
                let sql = format!("{SELECT} WHERE user_id = $2 {LAST}");
                let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(i64::from(limit));
                query.bind(user.0).fetch_all(&self.reads).await?
            }
        };
        rows.iter().map(read).collect()
    }
}

fn read(row: &Row) -> Result<AuditRecord, DbError> {
    Ok(AuditRecord {
        at_ms: row.try_get("at_ms")?,
        user: row.try_get("email")?,
        action: row.try_get("action")?,
        subject: row.try_get("subject")?,
        detail: row.try_get("detail")?,
        address: row.try_get("address")?,
    })
}
