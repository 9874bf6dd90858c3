//! The statements, for every dialect: this folder is compiled once for each (`sqlite`, `postgres`),
//! with that dialect's own types. SQL that both understand, numbers as 64 bits with a sign.
//!
//! What has to hold together is one transaction. Where two of them may meet, the first statement
//! takes the row that they meet at.

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
mod uploads;
mod usage;

use super::{Dialect, Pools, Row};
use crate::db::DbError;

impl Pools {
    /// Whether it answers (`/readyz`).
    pub async fn ping(&self) -> Result<(), DbError> {
        sqlx::query("SELECT 1").execute(&self.reads).await?;
        Ok(())
    }
}

/// SQL has no unsigned numbers; sizes and times of ours never come near the sign.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn whole<T: TryFrom<i64>>(value: i64) -> Result<T, DbError> {
    T::try_from(value).map_err(|_| DbError::Unknown(format!("number {value}")))
}
