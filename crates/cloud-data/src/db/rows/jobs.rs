//! Background jobs: claimed under a lease, committed under a fencing token. A transaction that changes an
//! upload and its jobs locks the upload's row first.

use sqlx::{Row as _, Transaction};

use super::usage::keep;
use super::{Dialect, Pools, Row, maps, signed, whole};
use crate::db::{
    DbError, JobState, JobStatus, Lane, Lease, NewProduct, Product, ProductName, SessionId,
};
use crate::quotas::ROW_BYTES;

/// The name of the job that checks a video's parts. It has no product.
pub(super) static SCRUB: ProductName = ProductName::new("scrub");

/// The claim of one job out of `$3`, which holds names between spaces (`listed`).
macro_rules! claim_sql {
    ($of_lane:literal, $turn:literal) => {
        concat!(
            "UPDATE jobs SET state = 'running', attempts = attempts + 1, fence = fence + 1, \
             due_ms = $2 WHERE (session_id, product) IN (SELECT jobs.session_id, jobs.product \
             FROM jobs JOIN uploads ON uploads.session_id = jobs.session_id \
             JOIN users ON users.id = uploads.user_id \
             WHERE jobs.state IN ('waiting', 'running') AND jobs.due_ms <= $1 \
             AND $3 LIKE '% ' || jobs.product || ' %' ",
            $of_lane,
            " ORDER BY users.",
            $turn,
            ", jobs.due_ms LIMIT 1) AND state IN ('waiting', 'running') AND due_ms <= $1 \
             RETURNING session_id, product, attempts, fence"
        )
    };
}

/// The beginning of each statement whose rows [`product_of`] reads.
macro_rules! select_products {
    () => {
        "SELECT product, object_key, size_bytes, sha256 FROM products "
    };
}

impl Pools {
    /// Adds a job. If the job already exists, it stays as it is.
    pub async fn enqueue(
        &self,
        session: SessionId,
        product: &ProductName,
        now_ms: i64,
    ) -> Result<(), DbError> {
        let mut tx = self.begin().await?;
        enqueue(&mut tx, session, product, now_ms).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Claims a job for one of these products, which belong to this lane, including one whose lease
    /// ended at `due_ms` because its worker stopped responding. Users take turns: the user whose last
    /// turn is the longest ago comes first, with the job that has waited longest. A user has one job
    /// of `Videos` running at a time, and two of each kind of `Streams`. Returns `None` if there is no job, or if
    /// another worker claimed it first.
    pub async fn claim(
        &self,
        lane: Lane,
        products: &[&ProductName],
        now_ms: i64,
        lease_until_ms: i64,
    ) -> Result<Option<Lease>, DbError> {
        let sql = match lane {
            Lane::Pictures => claim_sql!("", "pictures_ms"),
            Lane::Videos => claim_sql!(
                "AND NOT EXISTS (SELECT 1 FROM jobs AS others JOIN uploads AS theirs \
                 ON theirs.session_id = others.session_id \
                 WHERE theirs.user_id = uploads.user_id AND others.state = 'running' \
                 AND others.due_ms > $1 AND $3 LIKE '% ' || others.product || ' %')",
                "videos_ms"
            ),
            Lane::Streams => claim_sql!(
                "AND (SELECT COUNT(*) FROM jobs AS others JOIN uploads AS theirs \
                 ON theirs.session_id = others.session_id \
                 WHERE theirs.user_id = uploads.user_id AND others.state = 'running' \
                 AND others.due_ms > $1 AND $3 LIKE '% ' || others.product || ' %') < 2",
                "videos_ms"
            ),
            Lane::FinishedStreams => claim_sql!(
                "AND uploads.state = 'completed' AND (SELECT COUNT(*) FROM jobs AS others \
                 JOIN uploads AS theirs ON theirs.session_id = others.session_id \
                 WHERE theirs.user_id = uploads.user_id AND theirs.state = 'completed' \
                 AND others.state = 'running' AND others.due_ms > $1 \
                 AND $3 LIKE '% ' || others.product || ' %') < 2",
                "videos_ms"
            ),
        };
        let mut tx = self.begin().await?;
        let row = sqlx::query(sql)
            .bind(now_ms)
            .bind(lease_until_ms)
            .bind(listed(products))
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let lease = lease(&row, name(&row)?)?;
        let turn = match lane {
            Lane::Pictures => {
                "UPDATE users SET pictures_ms = $2 \
                 WHERE id = (SELECT user_id FROM uploads WHERE session_id = $1)"
            }
            Lane::Videos | Lane::Streams | Lane::FinishedStreams => {
                "UPDATE users SET videos_ms = $2 \
                 WHERE id = (SELECT user_id FROM uploads WHERE session_id = $1)"
            }
        };
        sqlx::query(turn).bind(lease.session_id.0).bind(now_ms).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(Some(lease))
    }

    /// Renews the lease until `lease_until_ms`. Returns `false` if the job is no longer this
    /// worker's.
    pub async fn keep(&self, lease: &Lease, lease_until_ms: i64) -> Result<bool, DbError> {
        let done = sqlx::query(
            "UPDATE jobs SET due_ms = $4 \
             WHERE session_id = $1 AND product = $2 AND fence = $3 AND state = 'running'",
        )
        .bind(lease.session_id.0)
        .bind(lease.work.as_str())
        .bind(lease.fence)
        .bind(lease_until_ms)
        .execute(&self.writes)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Commits a finished product. Returns `false` if the job is no longer this worker's, or if the video is
    /// gone.
    pub async fn finish(&self, lease: &Lease, made: &NewProduct) -> Result<bool, DbError> {
        let mut tx = self.begin().await?;
        if !is_alive(&mut tx, lease.session_id).await?
            || !set_running(&mut tx, lease, JobState::Done).await?
        {
            return Ok(false);
        }
        put(&mut tx, lease.session_id, &lease.work, made).await?;
        if made.changes_video {
            maps::outdate(&mut tx, lease.session_id).await?;
        }
        if let Some(media) = made.media {
            sqlx::query(
                "UPDATE uploads SET duration_ms = $2, size_bytes = $3 WHERE session_id = $1",
            )
            .bind(lease.session_id.0)
            .bind(signed(media.duration_ms))
            .bind(signed(media.size_bytes))
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Stores a piece of a product that is still being made, in place of an earlier piece of that name.
    /// Returns `None` if the job is no longer this worker's, or if the video is gone; otherwise the key of
    /// the object that it replaces, if there is one.
    pub async fn put_piece(
        &self,
        lease: &Lease,
        piece: &ProductName,
        made: &NewProduct,
    ) -> Result<Option<Option<String>>, DbError> {
        let mut tx = self.begin().await?;
        if !is_alive(&mut tx, lease.session_id).await?
            || !set_running(&mut tx, lease, JobState::Running).await?
        {
            return Ok(None);
        }
        let replaced = take(&mut tx, lease.session_id, piece).await?;
        put(&mut tx, lease.session_id, piece, made).await?;
        tx.commit().await?;
        Ok(Some(replaced))
    }

    /// Removes pieces of a job's product, if the job is still this worker's. Returns the keys of their
    /// objects, which no row names any more.
    pub async fn remove_pieces(
        &self,
        lease: &Lease,
        pieces: &[ProductName],
    ) -> Result<Vec<String>, DbError> {
        let mut tx = self.begin().await?;
        if !is_alive(&mut tx, lease.session_id).await?
            || !set_running(&mut tx, lease, JobState::Running).await?
        {
            return Ok(Vec::new());
        }
        let mut removed = Vec::new();
        for piece in pieces {
            removed.extend(take(&mut tx, lease.session_id, piece).await?);
        }
        tx.commit().await?;
        Ok(removed)
    }

    /// Returns whether a job of one of these products waits for a worker, now or for its next attempt.
    pub async fn has_waiting(&self, products: &[&ProductName]) -> Result<bool, DbError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS waiting FROM jobs \
             WHERE state = 'waiting' AND $1 LIKE '% ' || product || ' %'",
        )
        .bind(listed(products))
        .fetch_one(&self.reads)
        .await?;
        Ok(row.try_get::<i64, _>("waiting")? > 0)
    }

    /// Returns whether a job of one of these products can be begun now, or taken over from a worker that stopped
    /// responding. It changes nothing, unlike `claim`, so it may be asked often.
    pub async fn has_due(&self, products: &[&ProductName], now_ms: i64) -> Result<bool, DbError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS due FROM jobs WHERE state IN ('waiting', 'running') \
             AND due_ms <= $1 AND $2 LIKE '% ' || product || ' %'",
        )
        .bind(now_ms)
        .bind(listed(products))
        .fetch_one(&self.reads)
        .await?;
        Ok(row.try_get::<i64, _>("due")? > 0)
    }

    /// Removes the job, as if nobody had asked for it, if it is still this worker's.
    pub async fn drop_job(&self, lease: &Lease) -> Result<(), DbError> {
        sqlx::query(
            "DELETE FROM jobs \
             WHERE session_id = $1 AND product = $2 AND fence = $3 AND state = 'running'",
        )
        .bind(lease.session_id.0)
        .bind(lease.work.as_str())
        .bind(lease.fence)
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// Adds a product that no job makes. Returns the key of the object that it replaces.
    pub async fn put_product(
        &self,
        session: SessionId,
        product: &ProductName,
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
        product: &ProductName,
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
        .bind(lease.work.as_str())
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
        .bind(SCRUB.as_str())
        .fetch_all(&self.reads)
        .await?;
        let status = |row: &Row| {
            Ok(JobStatus {
                product: name(row)?,
                state: state(row.try_get("state")?)?,
                attempts: whole(row.try_get("attempts")?)?,
                error: row.try_get("error")?,
            })
        };
        rows.iter().map(status).collect()
    }

    /// Returns one product of a video.
    pub async fn product(
        &self,
        session: SessionId,
        product: &ProductName,
    ) -> Result<Option<Product>, DbError> {
        let row =
            sqlx::query(concat!(select_products!(), "WHERE session_id = $1 AND product = $2"))
                .bind(session.0)
                .bind(product.as_str())
                .fetch_optional(&self.reads)
                .await?;
        row.as_ref().map(product_of).transpose()
    }

    /// Returns all products of a video, and their pieces.
    pub async fn products(&self, session: SessionId) -> Result<Vec<Product>, DbError> {
        let rows = sqlx::query(concat!(select_products!(), "WHERE session_id = $1"))
            .bind(session.0)
            .fetch_all(&self.reads)
            .await?;
        rows.iter().map(product_of).collect()
    }

    /// Returns the pieces of a product in the order of their names.
    pub async fn pieces(
        &self,
        session: SessionId,
        product: &ProductName,
    ) -> Result<Vec<Product>, DbError> {
        let rows = sqlx::query(concat!(
            select_products!(),
            "WHERE session_id = $1 AND product LIKE $2 || '.%' ORDER BY product"
        ))
        .bind(session.0)
        .bind(product.as_str())
        .fetch_all(&self.reads)
        .await?;
        rows.iter().map(product_of).collect()
    }

    /// Returns how many pieces of a product there are besides this one, and the last of their names.
    pub async fn pieces_count(
        &self,
        session: SessionId,
        product: &ProductName,
        except: &ProductName,
    ) -> Result<(usize, Option<ProductName>), DbError> {
        let (count, last): (i64, Option<String>) = sqlx::query_as(
            "SELECT COUNT(*), MAX(product) FROM products \
             WHERE session_id = $1 AND product LIKE $2 || '.%' AND product <> $3",
        )
        .bind(session.0)
        .bind(product.as_str())
        .bind(except.as_str())
        .fetch_one(&self.reads)
        .await?;
        Ok((whole(count)?, last.map(ProductName::from)))
    }
}

fn product_of(row: &Row) -> Result<Product, DbError> {
    let sha256: Vec<u8> = row.try_get("sha256")?;
    Ok(Product {
        name: name(row)?,
        object_key: row.try_get("object_key")?,
        size_bytes: whole(row.try_get("size_bytes")?)?,
        sha256: sha256.try_into().map_err(|_| DbError::Unknown("sha256".to_owned()))?,
    })
}

/// Sets the state of a running job. Returns `false` if it is no longer this worker's.
async fn set_running(
    tx: &mut Transaction<'_, Dialect>,
    lease: &Lease,
    state: JobState,
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "UPDATE jobs SET state = $4, error = NULL \
         WHERE session_id = $1 AND product = $2 AND fence = $3 AND state = 'running'",
    )
    .bind(lease.session_id.0)
    .bind(lease.work.as_str())
    .bind(lease.fence)
    .bind(state.name())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns whether the upload is still there. Its row is locked by this, so that a removal comes either
/// before or after, and the sweeper that follows it sees the product.
async fn is_alive(tx: &mut Transaction<'_, Dialect>, session: SessionId) -> Result<bool, DbError> {
    let alive = sqlx::query(
        "UPDATE uploads SET active_ms = active_ms \
         WHERE session_id = $1 AND removed_ms IS NULL AND state <> 'expired'",
    )
    .bind(session.0)
    .execute(&mut **tx)
    .await?;
    Ok(alive.rows_affected() == 1)
}

pub(super) fn lease(row: &Row, work: ProductName) -> Result<Lease, DbError> {
    Ok(Lease {
        session_id: SessionId(row.try_get("session_id")?),
        work,
        attempts: whole(row.try_get("attempts")?)?,
        fence: row.try_get("fence")?,
    })
}

/// Locks the upload's row. Two concurrent changes of the same upload wait for each other here.
pub(super) async fn lock(
    tx: &mut Transaction<'_, Dialect>,
    session: SessionId,
) -> Result<(), DbError> {
    sqlx::query("UPDATE uploads SET revision = revision WHERE session_id = $1")
        .bind(session.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) async fn take(
    tx: &mut Transaction<'_, Dialect>,
    session: SessionId,
    product: &ProductName,
) -> Result<Option<String>, DbError> {
    lock(tx, session).await?;
    let gone: Option<(String, i64)> = sqlx::query_as(
        "DELETE FROM products WHERE session_id = $1 AND product = $2 RETURNING object_key, size_bytes",
    )
    .bind(session.0)
    .bind(product.as_str())
    .fetch_optional(&mut **tx)
    .await?;
    let Some((object_key, size_bytes)) = gone else { return Ok(None) };
    keep(tx, session, -size_bytes - ROW_BYTES).await?;
    Ok(Some(object_key))
}

/// Removes all streams of an upload with their pieces, because parts that they were made of are no longer
/// what they were, and has them made again from the beginning. The new fencing token ends the work of who
/// makes one now. The caller has locked the upload's row. Returns the keys of their objects, which no row
/// names any more.
pub(super) async fn forget_streams(
    tx: &mut Transaction<'_, Dialect>,
    session: SessionId,
    now_ms: i64,
) -> Result<Vec<String>, DbError> {
    sqlx::query(
        "UPDATE jobs SET state = 'waiting', attempts = 0, fence = fence + 1, due_ms = $2, \
         error = NULL WHERE session_id = $1 AND product LIKE '%.hls'",
    )
    .bind(session.0)
    .bind(now_ms)
    .execute(&mut **tx)
    .await?;
    let gone: Vec<(String, i64)> = sqlx::query_as(
        "DELETE FROM products WHERE session_id = $1 \
         AND (product LIKE '%.hls' OR product LIKE '%.hls.%') RETURNING object_key, size_bytes",
    )
    .bind(session.0)
    .fetch_all(&mut **tx)
    .await?;
    let freed: i64 = gone.iter().map(|(_, size_bytes)| size_bytes + ROW_BYTES).sum();
    keep(tx, session, -freed).await?;
    Ok(gone.into_iter().map(|(key, _)| key).collect())
}

pub(super) async fn put(
    tx: &mut Transaction<'_, Dialect>,
    session: SessionId,
    product: &ProductName,
    made: &NewProduct,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO products (session_id, product, object_key, size_bytes, sha256) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(session.0)
    .bind(product.as_str())
    .bind(&made.object_key)
    .bind(signed(made.size_bytes))
    .bind(made.sha256.as_slice())
    .execute(&mut **tx)
    .await?;
    keep(tx, session, signed(made.size_bytes) + ROW_BYTES).await
}

pub(super) async fn enqueue(
    tx: &mut Transaction<'_, Dialect>,
    session: SessionId,
    work: &ProductName,
    due_ms: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO jobs (session_id, product, state, due_ms, created_ms) \
         VALUES ($1, $2, 'waiting', $3, $3) ON CONFLICT DO NOTHING",
    )
    .bind(session.0)
    .bind(work.as_str())
    .bind(due_ms)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Joins names so that each stands between two spaces.
fn listed(products: &[&ProductName]) -> String {
    let mut listed = " ".to_owned();
    for product in products {
        listed.push_str(product.as_str());
        listed.push(' ');
    }
    listed
}

fn name(row: &Row) -> Result<ProductName, DbError> {
    Ok(ProductName::from(row.try_get::<String, _>("product")?))
}

fn state(word: &str) -> Result<JobState, DbError> {
    let known = JobState::ALL.into_iter().find(|state| state.name() == word);
    known.ok_or_else(|| DbError::Unknown(format!("job state {word}")))
}
