//! Users' usage and limits. `usage` is a running total that is never computed anew: every transaction
//! that changes what it counts also updates it. The upload's row is always locked before the `usage`
//! row.

use sqlx::{Row as _, Transaction};
use uuid::Uuid;

use super::{Dialect, Pools, Row, signed, whole};
use crate::db::{DbError, SessionId, UserId};
use crate::quotas::{Limits, Over, OwnLimits, Usage, day};

/// The amounts that a transaction adds to the usage.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Charge {
    pub stored_bytes: i64,
    pub uploads: i64,
    pub sent_bytes: i64,
    /// The bytes that the same upload will free once it is finished. They don't count against the limit
    /// any more, so that a new version fits where the old one was.
    pub replaced_bytes: i64,
}

/// Adds to the usage. Returns `Some` if that exceeds a limit; the transaction must not be committed
/// then.
pub(super) async fn charge(
    tx: &mut Transaction<'_, Dialect>,
    user: UserId,
    charge: Charge,
    limits: &Limits,
    now_ms: i64,
) -> Result<Option<Over>, DbError> {
    let row = sqlx::query(
        "INSERT INTO usage (user_id, stored_bytes, day, day_uploads, day_bytes) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id) DO UPDATE SET \
         stored_bytes = usage.stored_bytes + excluded.stored_bytes, \
         day_uploads = excluded.day_uploads + \
         CASE WHEN usage.day = excluded.day THEN usage.day_uploads ELSE 0 END, \
         day_bytes = excluded.day_bytes + \
         CASE WHEN usage.day = excluded.day THEN usage.day_bytes ELSE 0 END, \
         day = excluded.day RETURNING stored_bytes, day, day_uploads, day_bytes",
    )
    .bind(user.0)
    .bind(charge.stored_bytes)
    .bind(day(now_ms))
    .bind(charge.uploads)
    .bind(charge.sent_bytes)
    .fetch_one(&mut **tx)
    .await?;
    let mut used = usage(&row)?;
    used.stored_bytes = used.stored_bytes.saturating_sub(whole(charge.replaced_bytes)?);
    let own = sqlx::query(SELECT_LIMITS).bind(user.0).fetch_one(&mut **tx).await?;
    let limits = limits.of(own_limits(&own)?);
    let begins = charge.uploads > 0;
    // A request that takes no additional space is never refused, such as a part that replaces one of
    // the same size.
    let grows = charge.stored_bytes > 0 || charge.sent_bytes > 0;
    Ok(match (begins, grows) {
        (true, _) => limits.used_up(used, now_ms).or_else(|| limits.exceeded(used, now_ms)),
        (false, true) => limits.exceeded(used, now_ms),
        (false, false) => None,
    })
}

/// Changes the bytes counted for an upload besides those of its parts. A change is never refused.
/// Nothing is counted for an expired or removed upload.
pub(super) async fn keep(
    tx: &mut Transaction<'_, Dialect>,
    session: SessionId,
    bytes: i64,
) -> Result<(), DbError> {
    let user: Option<Uuid> = sqlx::query_scalar(
        "UPDATE uploads SET kept_bytes = kept_bytes + $2 \
         WHERE session_id = $1 AND removed_ms IS NULL AND state <> 'expired' RETURNING user_id",
    )
    .bind(session.0)
    .bind(bytes)
    .fetch_optional(&mut **tx)
    .await?;
    match user {
        Some(user) => release(tx, UserId(user), -bytes).await,
        None => Ok(()),
    }
}

/// Releases the space of what was deleted.
pub(super) async fn release(
    tx: &mut Transaction<'_, Dialect>,
    user: UserId,
    stored_bytes: i64,
) -> Result<(), DbError> {
    sqlx::query("UPDATE usage SET stored_bytes = stored_bytes - $2 WHERE user_id = $1")
        .bind(user.0)
        .bind(stored_bytes)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

const SELECT_LIMITS: &str =
    "SELECT storage_bytes_max, day_uploads_max, day_bytes_max FROM users WHERE id = $1";

impl Pools {
    /// Returns a user's usage and limits, also for a user who never sent anything.
    pub async fn usage(&self, user: UserId) -> Result<(Usage, OwnLimits), DbError> {
        let row = sqlx::query(
            "SELECT COALESCE(stored_bytes, 0) AS stored_bytes, COALESCE(day, 0) AS day, \
             COALESCE(day_uploads, 0) AS day_uploads, COALESCE(day_bytes, 0) AS day_bytes, \
             storage_bytes_max, day_uploads_max, day_bytes_max \
             FROM users LEFT JOIN usage ON usage.user_id = users.id WHERE users.id = $1",
        )
        .bind(user.0)
        .fetch_one(&self.reads)
        .await?;
        Ok((usage(&row)?, own_limits(&row)?))
    }

    pub async fn set_limits(&self, user: UserId, own: &OwnLimits) -> Result<(), DbError> {
        let stored = |limit: Option<Option<u64>>| limit.map(|max| max.map_or(i64::MAX, signed));
        sqlx::query(
            "UPDATE users SET storage_bytes_max = $2, day_uploads_max = $3, day_bytes_max = $4 \
             WHERE id = $1",
        )
        .bind(user.0)
        .bind(stored(own.storage_bytes))
        .bind(stored(own.day_uploads))
        .bind(stored(own.day_bytes))
        .execute(&self.writes)
        .await?;
        Ok(())
    }
}

fn usage(row: &Row) -> Result<Usage, DbError> {
    Ok(Usage {
        stored_bytes: whole(row.try_get("stored_bytes")?)?,
        day: row.try_get("day")?,
        day_uploads: whole(row.try_get("day_uploads")?)?,
        day_bytes: whole(row.try_get("day_bytes")?)?,
    })
}

fn own_limits(row: &Row) -> Result<OwnLimits, DbError> {
    let limit = |column: &str| -> Result<Option<Option<u64>>, DbError> {
        let stored: Option<i64> = row.try_get(column)?;
        stored.map(|max| if max == i64::MAX { Ok(None) } else { whole(max).map(Some) }).transpose()
    };
    Ok(OwnLimits {
        storage_bytes: limit("storage_bytes_max")?,
        day_uploads: limit("day_uploads_max")?,
        day_bytes: limit("day_bytes_max")?,
    })
}
