//! The door on SQLite: WAL, synchronous=FULL, one writer.
//!
//! Writes go through a pool of one connection and begin IMMEDIATE: this process never waits for
//! itself inside a transaction, and another process (`snaplark-cloud token`) waits `BUSY_MS_MAX`.
//! Reads have their own pool and never wait for the writer.

use std::path::Path;
use std::time::Duration;

use snaplark_api::VideoState;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Row, Sqlite as Dialect, Transaction};
use uuid::Uuid;

use super::{
    Assembly, Cursor, DbError, Finished, NewUpload, Opened, Part, PartStored, SessionId, Upload,
    UserId, VideoId,
};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");

/// A writer holds the lock for well under a second; past this it is stuck, and we say so.
const BUSY_MS_MAX: u64 = 10_000;
/// Reads are short; more connections than this only take memory.
const READERS_MAX: u32 = 8;

macro_rules! upload_columns {
    () => {
        "session_id, user_id, video_id, state, filename, width, height, created_ms, active_ms, \
         revision, parts_total, assembly, size_bytes, duration_ms, etag, removed_ms"
    };
}

#[derive(Clone, Debug)]
pub struct Sqlite {
    reads: SqlitePool,
    writes: SqlitePool,
}

impl Sqlite {
    /// Opens or makes the file, and brings it up to date.
    pub async fn open(file: &Path) -> Result<Self, DbError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_millis(BUSY_MS_MAX));
        let writes =
            SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        MIGRATIONS.run(&writes).await?;
        let reads = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .connect_with(options.create_if_missing(false))
            .await?;
        Ok(Sqlite { reads, writes })
    }

    pub async fn close(&self) {
        self.reads.close().await;
        self.writes.close().await;
    }

    /// Whether it answers (`/readyz`).
    pub async fn ping(&self) -> Result<(), DbError> {
        sqlx::query("SELECT 1").execute(&self.reads).await?;
        Ok(())
    }

    async fn begin(&self) -> Result<Transaction<'_, Dialect>, DbError> {
        Ok(self.writes.begin_with("BEGIN IMMEDIATE").await?)
    }

    // --- who ---

    /// Adds a token for the user, who is made where there is none.
    pub async fn add_token(
        &self,
        email: &str,
        hash: &[u8],
        now_ms: i64,
    ) -> Result<UserId, DbError> {
        let mut tx = self.begin().await?;
        sqlx::query("INSERT INTO users (id, email, created_ms) VALUES ($1, $2, $3) ON CONFLICT (email) DO NOTHING")
            .bind(Uuid::now_v7())
            .bind(email)
            .bind(now_ms)
            .execute(&mut *tx)
            .await?;
        let user: Uuid = sqlx::query_scalar("SELECT id FROM users WHERE email = $1")
            .bind(email)
            .fetch_one(&mut *tx)
            .await?;
        sqlx::query("INSERT INTO tokens (hash, user_id, created_ms) VALUES ($1, $2, $3)")
            .bind(hash)
            .bind(user)
            .bind(now_ms)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(UserId(user))
    }

    pub async fn user_of_token(&self, hash: &[u8]) -> Result<Option<UserId>, DbError> {
        let user: Option<Uuid> = sqlx::query_scalar("SELECT user_id FROM tokens WHERE hash = $1")
            .bind(hash)
            .fetch_optional(&self.reads)
            .await?;
        Ok(user.map(UserId))
    }

    // --- uploads ---

    /// The live upload of this recording where its owner asks again, else a new one. `idle_since_ms`:
    /// what was last active before this has expired.
    pub async fn open_upload(
        &self,
        new: &NewUpload,
        now_ms: i64,
        idle_since_ms: i64,
    ) -> Result<Opened, DbError> {
        let mut tx = self.begin().await?;
        if let Some(recording) = new.recording_id {
            let rows = sqlx::query(concat!(
                "SELECT ",
                upload_columns!(),
                " FROM uploads WHERE video_id = $1"
            ))
            .bind(recording)
            .fetch_all(&mut *tx)
            .await?;
            for row in &rows {
                let upload = upload(row)?;
                if upload.user_id != new.user_id {
                    return Ok(Opened::Taken);
                }
                let idle = upload.is_open() && upload.active_ms < idle_since_ms;
                if idle {
                    set_state(&mut tx, upload.session_id, VideoState::Expired).await?;
                } else if upload.is_open() || (upload.finished.is_some() && !upload.removed) {
                    return Ok(Opened::Upload(upload));
                }
            }
        }
        let session = Uuid::new_v4();
        sqlx::query(
            "INSERT INTO uploads (session_id, user_id, video_id, state, filename, width, height, \
             fps, metadata, created_ms, active_ms) \
             VALUES ($1, $2, $3, 'initialized', $4, $5, $6, $7, $8, $9, $9)",
        )
        .bind(session)
        .bind(new.user_id.0)
        .bind(new.recording_id.unwrap_or_else(Uuid::new_v4))
        .bind(&new.filename)
        .bind(new.width)
        .bind(new.height)
        .bind(new.fps)
        .bind(&new.metadata)
        .bind(now_ms)
        .execute(&mut *tx)
        .await?;
        let row = sqlx::query(concat!(
            "SELECT ",
            upload_columns!(),
            " FROM uploads WHERE session_id = $1"
        ))
        .bind(session)
        .fetch_one(&mut *tx)
        .await?;
        let opened = upload(&row)?;
        tx.commit().await?;
        Ok(Opened::Upload(opened))
    }

    pub async fn upload(&self, session: SessionId) -> Result<Option<Upload>, DbError> {
        sqlx::query(concat!("SELECT ", upload_columns!(), " FROM uploads WHERE session_id = $1"))
            .bind(session.0)
            .fetch_optional(&self.reads)
            .await?
            .as_ref()
            .map(upload)
            .transpose()
    }

    /// What stands behind a link: the live upload of this video, else its last one.
    pub async fn upload_of_video(&self, video: VideoId) -> Result<Option<Upload>, DbError> {
        sqlx::query(concat!(
            "SELECT ",
            upload_columns!(),
            " FROM uploads WHERE video_id = $1 \
             ORDER BY state IN ('failed', 'expired') OR removed_ms IS NOT NULL, created_ms DESC \
             LIMIT 1"
        ))
        .bind(video.0)
        .fetch_optional(&self.reads)
        .await?
        .as_ref()
        .map(upload)
        .transpose()
    }

    /// A user's uploads, newest first, without what is removed or expired.
    pub async fn uploads_of_user(
        &self,
        user: UserId,
        behind: Option<Cursor>,
        limit: u32,
        idle_since_ms: i64,
    ) -> Result<Vec<Upload>, DbError> {
        let behind =
            behind.unwrap_or(Cursor { created_ms: i64::MAX, session_id: SessionId(Uuid::max()) });
        sqlx::query(concat!(
            "SELECT ",
            upload_columns!(),
            " FROM uploads WHERE user_id = $1 AND removed_ms IS NULL AND state <> 'expired' \
             AND (active_ms >= $5 OR state IN ('completed', 'failed')) \
             AND (created_ms, session_id) < ($2, $3) \
             ORDER BY created_ms DESC, session_id DESC LIMIT $4"
        ))
        .bind(user.0)
        .bind(behind.created_ms)
        .bind(behind.session_id.0)
        .bind(limit)
        .bind(idle_since_ms)
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(upload)
        .collect()
    }

    /// Commits what finalize found, if no part came or went since it looked (`revision`).
    pub async fn complete(
        &self,
        seen: &Upload,
        finished: &Finished,
        now_ms: i64,
    ) -> Result<bool, DbError> {
        let done = sqlx::query(
            "UPDATE uploads SET state = 'completed', parts_total = $3, assembly = $4, \
             size_bytes = $5, duration_ms = $6, etag = $7, finalized_ms = $8, active_ms = $8 \
             WHERE session_id = $1 AND revision = $2 AND removed_ms IS NULL \
             AND state IN ('initialized', 'uploading', 'finalizing')",
        )
        .bind(seen.session_id.0)
        .bind(seen.revision)
        .bind(finished.parts_total)
        .bind(assembly_word(finished.assembly))
        .bind(signed(finished.size_bytes))
        .bind(signed(finished.duration_ms))
        .bind(&finished.etag)
        .bind(now_ms)
        .execute(&self.writes)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Takes the upload off the link at once; its parts are forgotten by the sweeper's way.
    pub async fn remove(&self, session: SessionId, now_ms: i64) -> Result<(), DbError> {
        sqlx::query(
            "UPDATE uploads SET removed_ms = $2 WHERE session_id = $1 AND removed_ms IS NULL",
        )
        .bind(session.0)
        .bind(now_ms)
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    // --- parts ---

    /// Commits a part whose object is durable. The same index again takes the place of the first.
    pub async fn put_part(
        &self,
        session: SessionId,
        part: &Part,
        now_ms: i64,
    ) -> Result<PartStored, DbError> {
        let layout =
            serde_json::to_string(&part.layout).map_err(|e| DbError::Unknown(e.to_string()))?;
        let mut tx = self.begin().await?;
        let open = sqlx::query(
            "UPDATE uploads SET state = 'uploading', active_ms = $2, revision = revision + 1 \
             WHERE session_id = $1 AND removed_ms IS NULL AND state IN ('initialized', 'uploading')",
        )
        .bind(session.0)
        .bind(now_ms)
        .execute(&mut *tx)
        .await?;
        if open.rows_affected() == 0 {
            return Ok(PartStored::Closed);
        }
        let replaced: Option<String> = sqlx::query_scalar(
            "SELECT object_key FROM parts WHERE session_id = $1 AND part_index = $2",
        )
        .bind(session.0)
        .bind(part.index)
        .fetch_optional(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO parts (session_id, part_index, object_key, size_bytes, sha256, layout, received_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (session_id, part_index) DO UPDATE SET object_key = excluded.object_key, \
             size_bytes = excluded.size_bytes, sha256 = excluded.sha256, \
             layout = excluded.layout, received_ms = excluded.received_ms",
        )
        .bind(session.0)
        .bind(part.index)
        .bind(&part.object_key)
        .bind(signed(part.size_bytes))
        .bind(part.sha256.as_slice())
        .bind(layout)
        .bind(now_ms)
        .execute(&mut *tx)
        .await?;
        let received: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM parts WHERE session_id = $1")
            .bind(session.0)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(PartStored::Stored { parts_received: whole(received)?, replaced })
    }

    /// The upload's parts from `first` on, in order.
    pub async fn parts_from(&self, session: SessionId, first: u32) -> Result<Vec<Part>, DbError> {
        sqlx::query(
            "SELECT part_index, object_key, size_bytes, sha256, layout FROM parts \
             WHERE session_id = $1 AND part_index >= $2 ORDER BY part_index",
        )
        .bind(session.0)
        .bind(first)
        .fetch_all(&self.reads)
        .await?
        .iter()
        .map(part)
        .collect()
    }

    pub async fn part(&self, session: SessionId, index: u32) -> Result<Option<Part>, DbError> {
        sqlx::query(
            "SELECT part_index, object_key, size_bytes, sha256, layout FROM parts \
             WHERE session_id = $1 AND part_index = $2",
        )
        .bind(session.0)
        .bind(index)
        .fetch_optional(&self.reads)
        .await?
        .as_ref()
        .map(part)
        .transpose()
    }

    pub async fn part_indices(&self, session: SessionId) -> Result<Vec<u32>, DbError> {
        let indices: Vec<i64> = sqlx::query_scalar(
            "SELECT part_index FROM parts WHERE session_id = $1 ORDER BY part_index",
        )
        .bind(session.0)
        .fetch_all(&self.reads)
        .await?;
        indices.into_iter().map(whole).collect()
    }

    pub async fn parts_received(&self, session: SessionId) -> Result<u32, DbError> {
        let parts: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM parts WHERE session_id = $1")
            .bind(session.0)
            .fetch_one(&self.reads)
            .await?;
        whole(parts)
    }

    // --- sweeping ---

    /// Marks what is open and idle as expired, and says how many there were.
    pub async fn expire_idle(&self, idle_since_ms: i64) -> Result<u64, DbError> {
        let done = sqlx::query(
            "UPDATE uploads SET state = 'expired' WHERE active_ms < $1 AND removed_ms IS NULL \
             AND state IN ('initialized', 'uploading', 'finalizing')",
        )
        .bind(idle_since_ms)
        .execute(&self.writes)
        .await?;
        Ok(done.rows_affected())
    }

    /// Forgets some of the parts that nothing will ever serve, and names their objects.
    pub async fn forget_dead_parts(&self, limit: u32) -> Result<Vec<String>, DbError> {
        let keys = sqlx::query_scalar(
            "DELETE FROM parts WHERE rowid IN (SELECT parts.rowid FROM parts \
             JOIN uploads ON uploads.session_id = parts.session_id \
             WHERE uploads.state = 'expired' OR uploads.removed_ms IS NOT NULL \
             OR part_index >= parts_total LIMIT $1) RETURNING object_key",
        )
        .bind(limit)
        .fetch_all(&self.writes)
        .await?;
        Ok(keys)
    }

    pub async fn has_object(&self, key: &str) -> Result<bool, DbError> {
        let found: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM parts WHERE object_key = $1")
            .bind(key)
            .fetch_one(&self.reads)
            .await?;
        Ok(found > 0)
    }
}

async fn set_state(
    tx: &mut Transaction<'_, Dialect>,
    session: SessionId,
    state: VideoState,
) -> Result<(), DbError> {
    sqlx::query("UPDATE uploads SET state = $2 WHERE session_id = $1")
        .bind(session.0)
        .bind(state.name())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

fn upload(row: &SqliteRow) -> Result<Upload, DbError> {
    let assembly: Option<String> = row.try_get("assembly")?;
    let finished = match assembly {
        None => None,
        Some(word) => Some(Finished {
            parts_total: whole(row.try_get("parts_total")?)?,
            assembly: assembly_of(&word)?,
            size_bytes: whole(row.try_get("size_bytes")?)?,
            duration_ms: whole(row.try_get("duration_ms")?)?,
            etag: row.try_get("etag")?,
        }),
    };
    Ok(Upload {
        session_id: SessionId(row.try_get("session_id")?),
        user_id: UserId(row.try_get("user_id")?),
        video_id: VideoId(row.try_get("video_id")?),
        state: state_of(row.try_get("state")?)?,
        filename: row.try_get("filename")?,
        width: whole(row.try_get("width")?)?,
        height: whole(row.try_get("height")?)?,
        created_ms: row.try_get("created_ms")?,
        active_ms: row.try_get("active_ms")?,
        revision: row.try_get("revision")?,
        finished,
        removed: row.try_get::<Option<i64>, _>("removed_ms")?.is_some(),
    })
}

fn part(row: &SqliteRow) -> Result<Part, DbError> {
    let sha256: Vec<u8> = row.try_get("sha256")?;
    Ok(Part {
        index: whole(row.try_get("part_index")?)?,
        object_key: row.try_get("object_key")?,
        size_bytes: whole(row.try_get("size_bytes")?)?,
        sha256: sha256.try_into().map_err(|_| DbError::Unknown("sha256".to_owned()))?,
        layout: serde_json::from_str(row.try_get("layout")?)
            .map_err(|e| DbError::Unknown(format!("layout: {e}")))?,
    })
}

fn state_of(word: &str) -> Result<VideoState, DbError> {
    VideoState::ALL
        .into_iter()
        .find(|state| state.name() == word)
        .ok_or_else(|| DbError::Unknown(format!("state {word}")))
}

fn assembly_word(assembly: Assembly) -> &'static str {
    match assembly {
        Assembly::Mapped => "mapped",
        Assembly::Joined => "joined",
    }
}

fn assembly_of(word: &str) -> Result<Assembly, DbError> {
    [Assembly::Mapped, Assembly::Joined]
        .into_iter()
        .find(|assembly| assembly_word(*assembly) == word)
        .ok_or_else(|| DbError::Unknown(format!("assembly {word}")))
}

/// SQL has no unsigned numbers; sizes and times of ours never come near the sign.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn whole<T: TryFrom<i64>>(value: i64) -> Result<T, DbError> {
    T::try_from(value).map_err(|_| DbError::Unknown(format!("number {value}")))
}
