//! The maps that finished videos are served by.

use sqlx::Transaction;

use super::usage::keep;
use super::{Dialect, Pools, signed};
use crate::db::{DbError, NewMap, SessionId};

impl Pools {
    /// Returns the ETag and the map of this revision, if it is stored.
    pub async fn map(
        &self,
        session: SessionId,
        revision: i64,
    ) -> Result<Option<(String, Vec<u8>)>, DbError> {
        let sql = "SELECT etag, map FROM maps WHERE session_id = $1 AND revision = $2";
        let map = sqlx::query_as(sql).bind(session.0).bind(revision);
        Ok(map.fetch_optional(&self.reads).await?)
    }

    /// Stores the map, unless a map of a newer revision is stored.
    pub async fn put_map(
        &self,
        session: SessionId,
        revision: i64,
        new: &NewMap,
    ) -> Result<(), DbError> {
        let mut tx = self.begin().await?;
        put(&mut tx, session, revision, new).await?;
        tx.commit().await?;
        Ok(())
    }
}

pub(super) async fn put(
    tx: &mut Transaction<'_, Dialect>,
    session: SessionId,
    revision: i64,
    new: &NewMap,
) -> Result<(), DbError> {
    let before: Option<i64> =
        sqlx::query_scalar("SELECT CAST(LENGTH(map) AS BIGINT) FROM maps WHERE session_id = $1")
            .bind(session.0)
            .fetch_optional(&mut **tx)
            .await?;
    let put = sqlx::query(
        "INSERT INTO maps (session_id, revision, etag, map) SELECT session_id, $2, $3, $4 \
         FROM uploads WHERE session_id = $1 AND removed_ms IS NULL \
         ON CONFLICT (session_id) DO UPDATE SET revision = excluded.revision, \
         etag = excluded.etag, map = excluded.map WHERE maps.revision < excluded.revision",
    )
    .bind(session.0)
    .bind(revision)
    .bind(&new.etag)
    .bind(new.map.as_slice())
    .execute(&mut **tx)
    .await?;
    if put.rows_affected() == 1 {
        keep(tx, session, signed(new.map.len() as u64) - before.unwrap_or(0)).await?;
    }
    Ok(())
}

/// Increments the revision, because the video's bytes have changed.
pub(super) async fn outdate(
    tx: &mut Transaction<'_, Dialect>,
    session: SessionId,
) -> Result<(), DbError> {
    sqlx::query("UPDATE uploads SET revision = revision + 1 WHERE session_id = $1")
        .bind(session.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
