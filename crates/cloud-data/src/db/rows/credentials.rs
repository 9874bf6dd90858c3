//! Password changes, reset links, and deletion of accounts.

use sqlx::Transaction;
use uuid::Uuid;

use super::{Dialect, Pools};
use crate::db::{DbError, NewPassword, User, UserId};

impl Pools {
    /// Replaces the password if it is still the one that was checked. Ends every browser session,
    /// token, pending app sign-in and reset link of the user, and begins the given session.
    pub async fn change_password(
        &self,
        user: UserId,
        checked: &str,
        new: &NewPassword<'_>,
        now_ms: i64,
    ) -> Result<bool, DbError> {
        let mut tx = self.begin().await?;
        let changed = sqlx::query(
            "UPDATE users SET password = $3 WHERE id = $1 AND password = $2 AND deleted_ms IS NULL",
        )
        .bind(user.0)
        .bind(checked)
        .bind(new.password)
        .execute(&mut *tx)
        .await?;
        if changed.rows_affected() == 0 {
            return Ok(false);
        }
        begin_anew(&mut tx, user, new, now_ms).await?;
        tx.commit().await?;
        Ok(true)
    }

    pub async fn add_reset_link(
        &self,
        user: UserId,
        hash: &[u8],
        expires_ms: i64,
    ) -> Result<(), DbError> {
        sqlx::query("INSERT INTO reset_links (hash, user_id, expires_ms) VALUES ($1, $2, $3)")
            .bind(hash)
            .bind(user.0)
            .bind(expires_ms)
            .execute(&self.writes)
            .await?;
        Ok(())
    }

    /// Returns the user of a link that still works. Does not use it up.
    pub async fn user_of_reset_link(
        &self,
        hash: &[u8],
        now_ms: i64,
    ) -> Result<Option<User>, DbError> {
        sqlx::query(
            "SELECT users.id, email, password, disabled_ms FROM reset_links \
             JOIN users ON users.id = reset_links.user_id \
             WHERE hash = $1 AND expires_ms > $2 AND deleted_ms IS NULL AND disabled_ms IS NULL",
        )
        .bind(hash)
        .bind(now_ms)
        .fetch_optional(&self.reads)
        .await?
        .as_ref()
        .map(super::accounts::user)
        .transpose()
    }

    /// Uses up a link: sets the password of its user, and ends what `change_password` ends. If two
    /// requests come with the same link, one of them succeeds.
    pub async fn reset_password(
        &self,
        link: &[u8],
        new: &NewPassword<'_>,
        now_ms: i64,
    ) -> Result<Option<UserId>, DbError> {
        let mut tx = self.begin().await?;
        let user: Option<Uuid> = sqlx::query_scalar(
            "DELETE FROM reset_links WHERE hash = $1 AND expires_ms > $2 RETURNING user_id",
        )
        .bind(link)
        .bind(now_ms)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(user) = user.map(UserId) else { return Ok(None) };
        let set =
            sqlx::query("UPDATE users SET password = $2 WHERE id = $1 AND deleted_ms IS NULL")
                .bind(user.0)
                .bind(new.password)
                .execute(&mut *tx)
                .await?;
        if set.rows_affected() == 0 {
            return Ok(None);
        }
        begin_anew(&mut tx, user, new, now_ms).await?;
        tx.commit().await?;
        Ok(Some(user))
    }

    /// Returns how many videos and screenshots the user has on this server.
    pub async fn uploads_count(&self, user: UserId) -> Result<i64, DbError> {
        let sql = "SELECT COUNT(*) FROM uploads WHERE user_id = $1 AND removed_ms IS NULL \
                   AND state <> 'expired'";
        Ok(sqlx::query_scalar(sql).bind(user.0).fetch_one(&self.reads).await?)
    }

    /// Deletes an account if its password is still the one that was checked. `None` skips that check,
    /// and also deletes accounts without a password. In one transaction every link ends and all
    /// personal data leaves the database; the sweeper deletes the bytes. The rows of the user and the
    /// uploads stay as empty markers (`deleted_ms`, `removed_ms`).
    pub async fn delete_account(
        &self,
        user: UserId,
        checked: Option<&str>,
        now_ms: i64,
    ) -> Result<bool, DbError> {
        let mut tx = self.begin().await?;
        // This is not an e-mail address, so nobody can ever sign in or sign up with it.
        let deleted = sqlx::query(
            "UPDATE users SET email = $3, password = NULL, deleted_ms = $4 \
             WHERE id = $1 AND ($2 IS NULL OR password = $2) AND deleted_ms IS NULL",
        )
        .bind(user.0)
        .bind(checked)
        .bind(format!("deleted {}", user.0))
        .bind(now_ms)
        .execute(&mut *tx)
        .await?;
        if deleted.rows_affected() == 0 {
            return Ok(false);
        }
        for sql in [
            "DELETE FROM web_sessions WHERE user_id = $1",
            "DELETE FROM tokens WHERE user_id = $1",
            "DELETE FROM codes WHERE user_id = $1",
            "DELETE FROM reset_links WHERE user_id = $1",
            "DELETE FROM share_passes WHERE video_id IN \
             (SELECT video_id FROM uploads WHERE user_id = $1)",
            "DELETE FROM shares WHERE user_id = $1",
            "DELETE FROM watching WHERE session_id IN \
             (SELECT session_id FROM uploads WHERE user_id = $1)",
            "UPDATE uploads SET filename = '', metadata = '{}', edit = NULL, viewings = 0 \
             WHERE user_id = $1",
            "UPDATE usage SET stored_bytes = 0 WHERE user_id = $1",
            "UPDATE audit SET subject = '', detail = '' WHERE user_id = $1",
        ] {
            sqlx::query(sql).bind(user.0).execute(&mut *tx).await?;
        }
        sqlx::query("UPDATE uploads SET removed_ms = $2 WHERE user_id = $1 AND removed_ms IS NULL")
            .bind(user.0)
            .bind(now_ms)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Removes data that was added after an account's deletion by requests that had begun before it.
    pub async fn remove_uploads_of_deleted(&self, now_ms: i64) -> Result<(), DbError> {
        const DELETED: &str = "(SELECT id FROM users WHERE deleted_ms IS NOT NULL)";
        for sql in [
            format!(
                "UPDATE uploads SET removed_ms = {now_ms}, filename = '', metadata = '{{}}', \
                 edit = NULL WHERE removed_ms IS NULL AND user_id IN {DELETED}"
            ),
            format!("DELETE FROM tokens WHERE user_id IN {DELETED}"),
            format!("DELETE FROM web_sessions WHERE user_id IN {DELETED}"),
            format!("DELETE FROM shares WHERE user_id IN {DELETED}"),
            format!(
                "DELETE FROM watching WHERE session_id IN \
                 (SELECT session_id FROM uploads WHERE user_id IN {DELETED})"
            ),
            format!("UPDATE usage SET stored_bytes = 0 WHERE user_id IN {DELETED}"),
        ] {
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&self.writes).await?;
        }
        Ok(())
    }
}

/// Ends everything that was signed in before, including apps and programs, because someone who knew
/// the old password may hold any of it. Only the new session remains.
async fn begin_anew(
    tx: &mut Transaction<'_, Dialect>,
    user: UserId,
    new: &NewPassword<'_>,
    now_ms: i64,
) -> Result<(), DbError> {
    for sql in [
        "DELETE FROM web_sessions WHERE user_id = $1",
        "DELETE FROM codes WHERE user_id = $1",
        "DELETE FROM reset_links WHERE user_id = $1",
        "DELETE FROM tokens WHERE user_id = $1",
    ] {
        sqlx::query(sql).bind(user.0).execute(&mut **tx).await?;
    }
    sqlx::query(
        "INSERT INTO web_sessions (hash, user_id, created_ms, expires_ms) VALUES ($1, $2, $3, $4)",
    )
    .bind(new.session_hash)
    .bind(user.0)
    .bind(now_ms)
    .bind(new.session_expires_ms)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
