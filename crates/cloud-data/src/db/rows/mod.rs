//! The SQL statements. This folder is compiled once for each dialect (`sqlite`, `postgres`), with
//! that dialect's types. The SQL is understood by both, and numbers are signed 64-bit integers.
//!
//! Changes that must happen together are one transaction. Where two transactions may conflict, the
//! first statement of each locks the row that both need.

mod accounts;
mod audit;
mod buckets;
mod credentials;
mod jobs;
mod maps;
mod scrub;
mod shares;
mod shelf;
mod sweep;
mod totals;
mod upload_row;
mod uploads;
mod usage;
mod versions;
mod watching;

use super::{Dialect, Pools, Row};
use crate::db::DbError;

impl Pools {
    /// Checks that the database answers (`/readyz`).
    pub async fn ping(&self) -> Result<(), DbError> {
        sqlx::query("SELECT 1").execute(&self.reads).await?;
        Ok(())
    }
}

/// Converts to a signed integer, since SQL has no unsigned ones. The sizes and times stored here are
/// far below the limit.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn whole<T: TryFrom<i64>>(value: i64) -> Result<T, DbError> {
    T::try_from(value).map_err(|_| DbError::Unknown(format!("number {value}")))
}
