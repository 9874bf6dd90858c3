//! Background jobs: claimed under a lease, committed under a fencing token.

use sqlx::{Row as _, Transaction};

use super::usage::keep;
use super::{Dialect, Pools, Row, maps, signed, whole};
use crate::db::{
    DbError, Job, JobState, JobStatus, Lane, Lease, NewProduct, Product, ProductKind, SessionId,
};
use crate::quotas::ROW_BYTES;

/// The name of the job that checks a video's parts. It has no product.
pub const SCRUB: &str = "scrub";

macro_rules! claim_sql {
    ($of_lane:literal, $turn:literal) => {
        concat!(
            "UPDATE jobs SET state = 'running', attempts = attempts + 1, fence = fence + 1, \
             due_ms = $2 WHERE (session_id, product) IN (SELECT jobs.session_id, jobs.product \
             FROM jobs JOIN uploads ON uploads.session_id = jobs.session_id \
             JOIN users ON users.id = uploads.user_id \
             WHERE jobs.state IN ('waiting', 'running') AND jobs.due_ms <= $1 \
             AND ($3 OR jobs.product = 'index.json') ",
            $of_lane,
            " ORDER BY users.",
            $turn,
            ", jobs.due_ms LIMIT 1) AND state IN ('waiting', 'running') AND due_ms <= $1 \
             RETURNING session_id, product, attempts, fence"
        )
    };
}

impl Pools {
    /// Adds a job. If the job already exists, it stays as it is.
    pub async fn enqueue(
        &self,
        session: SessionId,
        product: ProductKind,
        now_ms: i64,
    ) -> Result<(), DbError> {
        let mut tx = self.begin().await?;
        enqueue(&mut tx, session, product.name(), now_ms).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Claims a job of this lane, including one whose lease ended at `due_ms` because its worker
    /// stopped responding. Users take turns: the user whose last turn is the longest ago comes first,
    /// with the job that has waited longest. A user has one job of `Videos` running at a time.
    /// Returns `None` if there is no job, or if another worker claimed it first. Without ffmpeg, only
    /// jobs that don't need it are claimed.
    pub async fn claim(
        &self,
        lane: Lane,
        has_ffmpeg: bool,
        now_ms: i64,
        lease_until_ms: i64,
    ) -> Result<Option<Job>, DbError> {
        let sql = match lane {
            Lane::Pictures => claim_sql!(
                "AND jobs.product IN ('thumbnail.jpg', 'preview.webp', 'index.json')",
                "pictures_ms"
            ),
            Lane::Videos => claim_sql!(
                "AND jobs.product IN ('1080.mp4', '720.mp4', '480.mp4', 'remux.webm') \
                 AND NOT EXISTS (SELECT 1 FROM jobs AS others JOIN uploads AS theirs \
                 ON theirs.session_id = others.session_id \
                 WHERE theirs.user_id = uploads.user_id AND others.state = 'running' \
                 AND others.due_ms > $1 \
                 AND others.product IN ('1080.mp4', '720.mp4', '480.mp4', 'remux.webm'))",
                "videos_ms"
            ),
        };
        let mut tx = self.begin().await?;
        let row = sqlx::query(sql)
            .bind(now_ms)
            .bind(lease_until_ms)
            .bind(has_ffmpeg)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let product = kind(row.try_get("product")?)?;
        let job = Job { lease: lease(&row, product.name())?, product };
        let turn = match lane {
            Lane::Pictures => {
                "UPDATE users SET pictures_ms = $2 \
                 WHERE id = (SELECT user_id FROM uploads WHERE session_id = $1)"
            }
            Lane::Videos => {
                "UPDATE users SET videos_ms = $2 \
                 WHERE id = (SELECT user_id FROM uploads WHERE session_id = $1)"
            }
        };
        sqlx::query(turn).bind(job.lease.session_id.0).bind(now_ms).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(Some(job))
    }

    /// Renews the lease until `lease_until_ms`. Returns `false` if the job is no longer this
    /// worker's.
    pub async fn keep(&self, lease: &Lease, lease_until_ms: i64) -> Result<bool, DbError> {
        let done = sqlx::query(
            "UPDATE jobs SET due_ms = $4 \
             WHERE session_id = $1 AND product = $2 AND fence = $3 AND state = 'running'",
        )
        .bind(lease.session_id.0)
        .bind(lease.work)
        .bind(lease.fence)
        .bind(lease_until_ms)
        .execute(&self.writes)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Commits a finished product. Returns `false` if the job is no longer this worker's.
    pub async fn finish(&self, job: &Job, made: &NewProduct) -> Result<bool, DbError> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "UPDATE jobs SET state = 'done', error = NULL \
             WHERE session_id = $1 AND product = $2 AND fence = $3 AND state = 'running'",
        )
        .bind(job.lease.session_id.0)
        .bind(job.product.name())
        .bind(job.lease.fence)
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        put(&mut tx, job.lease.session_id, job.product, made).await?;
        match job.product {
            ProductKind::Index | ProductKind::Remux => {
                maps::outdate(&mut tx, job.lease.session_id).await?;
            }
            ProductKind::Thumbnail
            | ProductKind::Preview
            | ProductKind::Mp4(_)
            | ProductKind::Captions => {}
        }
        if let Some(media) = made.media {
            sqlx::query(
                "UPDATE uploads SET duration_ms = $2, size_bytes = $3 WHERE session_id = $1",
            )
            .bind(job.lease.session_id.0)
            .bind(signed(media.duration_ms))
            .bind(signed(media.size_bytes))
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Adds a product that no job makes. Returns the key of the object that it replaces.
    pub async fn put_product(
        &self,
        session: SessionId,
        product: ProductKind,
        made: &NewProduct,
    ) -> Result<Option<String>, DbError> {
        let mut tx = self.begin().await?;
        let replaced = take(&mut tx, session, product).await?;
        put(&mut tx, session, product, made).await?;
        tx.commit().await?;
        Ok(replaced)
    }

    /// Removes a product. Returns the key of its object, which no row names any more.
    pub async fn remove_product(
        &self,
        session: SessionId,
        product: ProductKind,
    ) -> Result<Option<String>, DbError> {
        let mut tx = self.begin().await?;
        let removed = take(&mut tx, session, product).await?;
        tx.commit().await?;
        Ok(removed)
    }

    /// Ends an attempt. With `retry_ms` the job is tried again at that time, otherwise it has failed.
    pub async fn give_up(
        &self,
        lease: &Lease,
        error: &str,
        retry_ms: Option<i64>,
    ) -> Result<(), DbError> {
        let state = if retry_ms.is_some() { JobState::Waiting } else { JobState::Failed };
        sqlx::query(
            "UPDATE jobs SET state = $4, error = $5, due_ms = $6 \
             WHERE session_id = $1 AND product = $2 AND fence = $3 AND state = 'running'",
        )
        .bind(lease.session_id.0)
        .bind(lease.work)
        .bind(lease.fence)
        .bind(state.name())
        .bind(error)
        .bind(retry_ms.unwrap_or(0))
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    pub async fn jobs(&self, session: SessionId) -> Result<Vec<JobStatus>, DbError> {
        let rows = sqlx::query(
            "SELECT product, state, attempts, error FROM jobs \
             WHERE session_id = $1 AND product <> $2 ORDER BY product",
        )
        .bind(session.0)
        .bind(SCRUB)
        .fetch_all(&self.reads)
        .await?;
        let status = |row: &Row| {
            Ok(JobStatus {
                product: kind(row.try_get("product")?)?,
                state: state(row.try_get("state")?)?,
                attempts: whole(row.try_get("attempts")?)?,
                error: row.try_get("error")?,
            })
        };
        rows.iter().map(status).collect()
    }

    pub async fn product(
        &self,
        session: SessionId,
        product: ProductKind,
    ) -> Result<Option<Product>, DbError> {
        let made = self.products(session).await?;
        Ok(made.into_iter().find(|made| made.kind == product))
    }

    /// Returns all products of a video, which are only a few.
    pub async fn products(&self, session: SessionId) -> Result<Vec<Product>, DbError> {
        let rows = sqlx::query(
            "SELECT product, object_key, size_bytes, sha256 FROM products WHERE session_id = $1",
        )
        .bind(session.0)
        .fetch_all(&self.reads)
        .await?;
        let product = |row: &Row| {
            let sha256: Vec<u8> = row.try_get("sha256")?;
            Ok(Product {
                kind: kind(row.try_get("product")?)?,
                object_key: row.try_get("object_key")?,
                size_bytes: whole(row.try_get("size_bytes")?)?,
                sha256: sha256.try_into().map_err(|_| DbError::Unknown("sha256".to_owned()))?,
            })
        };
        rows.iter().map(product).collect()
    }
}

pub fn lease(row: &Row, work: &'static str) -> Result<Lease, DbError> {
    Ok(Lease {
        session_id: SessionId(row.try_get("session_id")?),
        work,
        attempts: whole(row.try_get("attempts")?)?,
        fence: row.try_get("fence")?,
    })
}

async fn take(
    tx: &mut Transaction<'_, Dialect>,
    session: SessionId,
    product: ProductKind,
) -> Result<Option<String>, DbError> {
    // Two concurrent changes of the same upload wait for each other here.
    sqlx::query("UPDATE uploads SET revision = revision WHERE session_id = $1")
        .bind(session.0)
        .execute(&mut **tx)
        .await?;
    let gone: Option<(String, i64)> = sqlx::query_as(
        "DELETE FROM products WHERE session_id = $1 AND product = $2 RETURNING object_key, size_bytes",
    )
    .bind(session.0)
    .bind(product.name())
    .fetch_optional(&mut **tx)
    .await?;
    let Some((object_key, size_bytes)) = gone else { return Ok(None) };
    keep(tx, session, -size_bytes - ROW_BYTES).await?;
    Ok(Some(object_key))
}

async fn put(
    tx: &mut Transaction<'_, Dialect>,
    session: SessionId,
    product: ProductKind,
    made: &NewProduct,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO products (session_id, product, object_key, size_bytes, sha256) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(session.0)
    .bind(product.name())
    .bind(&made.object_key)
    .bind(signed(made.size_bytes))
    .bind(made.sha256.as_slice())
    .execute(&mut **tx)
    .await?;
    keep(tx, session, signed(made.size_bytes) + ROW_BYTES).await
}

pub async fn enqueue(
    tx: &mut Transaction<'_, Dialect>,
    session: SessionId,
    work: &str,
    due_ms: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO jobs (session_id, product, state, due_ms, created_ms) \
         VALUES ($1, $2, 'waiting', $3, $3) ON CONFLICT DO NOTHING",
    )
    .bind(session.0)
    .bind(work)
    .bind(due_ms)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn kind(word: &str) -> Result<ProductKind, DbError> {
    ProductKind::of(word).ok_or_else(|| DbError::Unknown(format!("product {word}")))
}

fn state(word: &str) -> Result<JobState, DbError> {
    let known = JobState::ALL.into_iter().find(|state| state.name() == word);
    known.ok_or_else(|| DbError::Unknown(format!("job state {word}")))
}
