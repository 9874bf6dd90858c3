//! The database on PostgreSQL: any number of nodes share it.
//!
//! Transactions run at READ COMMITTED. Where two of them may conflict, the first statement of each
//! locks the row that both need (`rows`).

use std::time::Duration;

use sqlx::Transaction;
use sqlx::postgres::{PgPool, PgPoolOptions};

use super::DbError;

#[path = "rows/mod.rs"]
mod rows;

pub(super) type Dialect = sqlx::Postgres;
pub(super) type Row = sqlx::postgres::PgRow;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/postgres");

/// PostgreSQL accepts 100 connections by default, which several nodes share.
const CONNECTIONS_MAX: u32 = 16;
/// The time that a request waits for a free connection before it fails with "server busy".
const ACQUIRE_MAX: Duration = Duration::from_secs(10);

/// The same pool under both names, because the statements use `reads` and `writes`.
#[derive(Clone, Debug)]
pub struct Pools {
    reads: PgPool,
    writes: PgPool,
}

impl Pools {
    /// Connects and runs the migrations. Only one node at a time runs them.
    pub async fn open(url: &str) -> Result<Self, DbError> {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_MAX)
            .connect(url)
            .await?;
        MIGRATIONS.run(&pool).await?;
        Ok(Pools { reads: pool.clone(), writes: pool })
    }

    pub async fn close(&self) {
        self.writes.close().await;
    }

    async fn begin(&self) -> Result<Transaction<'_, Dialect>, DbError> {
        Ok(self.writes.begin().await?)
    }
}
