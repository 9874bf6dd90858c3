//! The database on SQLite: WAL, synchronous=FULL, one writer.
//!
//! Writes use a pool of one connection and begin IMMEDIATE. So this process never waits for itself
//! inside a transaction, and another process (`snaplark-cloud token`) waits at most `BUSY_MS_MAX`.
//! Reads use their own pool and never wait for the writer.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection, Transaction};

use super::DbError;

#[path = "rows/mod.rs"]
mod rows;

pub(super) type Dialect = sqlx::Sqlite;
pub(super) type Row = sqlx::sqlite::SqliteRow;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");

/// A writer holds the lock for well under a second. If a lock lasts longer than this, its holder is
/// stuck, and waiting for it fails.
const BUSY_MS_MAX: u64 = 10_000;
/// Reads are short; more connections would only take memory.
const READERS_MAX: u32 = 8;

#[derive(Clone, Debug)]
pub struct Pools {
    reads: SqlitePool,
    writes: SqlitePool,
}

impl Pools {
    /// Opens the file, or creates it, and runs the migrations.
    pub async fn open(file: &Path) -> Result<Self, DbError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_millis(BUSY_MS_MAX));
        let writes = SqlitePoolOptions::new()
            .max_connections(1)
            // On a full disk SQLite ends a transaction by itself, but sqlx keeps believing that the
            // connection is inside it. Such a connection is replaced.
            .before_acquire(|writer, _| Box::pin(async { Ok(!writer.is_in_transaction()) }))
            .connect_with(options.clone())
            .await?;
        MIGRATIONS.run(&writes).await?;
        let reads = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .connect_with(options.create_if_missing(false))
            .await?;
        Ok(Pools { reads, writes })
    }

    /// Copies the current state of the whole database into a separate file.
    pub async fn copy_into(&self, file: &Path) -> Result<(), DbError> {
        let name = file.to_string_lossy().into_owned();
        sqlx::query("VACUUM INTO $1").bind(name).execute(&self.reads).await?;
        Ok(())
    }

    pub async fn close(&self) {
        self.reads.close().await;
        self.writes.close().await;
    }

    async fn begin(&self) -> Result<Transaction<'_, Dialect>, DbError> {
        Ok(self.writes.begin_with("BEGIN IMMEDIATE").await?)
    }
}
