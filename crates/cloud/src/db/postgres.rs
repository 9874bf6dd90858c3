//! The door on PostgreSQL: any number of nodes on one database.
//!
//! READ COMMITTED: where two transactions may meet, the first statement of each takes the row that
//! they meet at (`rows`).

use std::time::Duration;

use sqlx::Transaction;
use sqlx::postgres::{PgPool, PgPoolOptions};

use super::DbError;

#[path = "rows/mod.rs"]
mod rows;

pub type Dialect = sqlx::Postgres;
pub type Row = sqlx::postgres::PgRow;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/postgres");

/// PostgreSQL takes 100 by default; several nodes share them.
const CONNECTIONS_MAX: u32 = 16;
/// A request waits for a free connection so long, and then says that the server is busy.
const ACQUIRE_MAX: Duration = Duration::from_secs(10);

/// One pool under both of the names that the statements use.
#[derive(Clone, Debug)]
pub struct Pools {
    reads: PgPool,
    writes: PgPool,
}

impl Pools {
    /// Connects, and brings the database up to date: one node at a time.
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
