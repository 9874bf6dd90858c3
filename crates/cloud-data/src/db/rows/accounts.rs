//! Users, their tokens and their browser sessions.

use sqlx::{Row as _, Transaction};
use uuid::Uuid;

use super::{Dialect, Pools, Row};
use crate::db::{Code, DbError, NewToken, TokenId, TokenInfo, User, UserAdded, UserId};
use crate::scopes::Scopes;

/// The interval at which a token's last use is written: not for each part that is sent with it.
const USED_MS_STEP: i64 = 10 * 60 * 1000;

impl Pools {
    /// Returns the user with this address. Creates the user if there is none.
    pub async fn user_named(&self, email: &str, now_ms: i64) -> Result<UserId, DbError> {
        let mut tx = self.begin().await?;
        let user = named(&mut tx, email, now_ms).await?;
        tx.commit().await?;
        Ok(user)
    }

    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>, DbError> {
        sqlx::query("SELECT id, email, password, disabled_ms FROM users WHERE email = $1")
            .bind(email)
            .fetch_optional(&self.reads)
            .await?
            .as_ref()
            .map(user)
            .transpose()
    }

    pub async fn email_of(&self, user: UserId) -> Result<Option<String>, DbError> {
        let email = sqlx::query_scalar("SELECT email FROM users WHERE id = $1").bind(user.0);
        Ok(email.fetch_optional(&self.reads).await?)
    }

    pub async fn users_count(&self) -> Result<i64, DbError> {
        let sql = "SELECT COUNT(*) FROM users WHERE password IS NOT NULL";
        Ok(sqlx::query_scalar(sql).fetch_one(&self.reads).await?)
    }

    /// Sets a password. With `replace`, an existing password is replaced and all tokens are revoked.
    /// Ends the user's browser sessions, reset links, and app sign-ins that are under way.
    pub async fn set_password(
        &self,
        email: &str,
        password: &str,
        replace: bool,
        now_ms: i64,
    ) -> Result<UserAdded, DbError> {
        let mut tx = self.begin().await?;
        let known: Option<Option<String>> =
            sqlx::query_scalar("SELECT password FROM users WHERE email = $1")
                .bind(email)
                .fetch_optional(&mut *tx)
                .await?;
        match (known, replace) {
            (Some(Some(_)), false) => return Ok(UserAdded::Exists),
            (None, true) => return Ok(UserAdded::Unknown),
            (None | Some(None), false) | (Some(_), true) => {}
        }
        let user = named(&mut tx, email, now_ms).await?;
        sqlx::query("UPDATE users SET password = $2 WHERE id = $1")
            .bind(user.0)
            .bind(password)
            .execute(&mut *tx)
            .await?;
        // Someone who knew the old password may hold tokens. Setting a first password revokes none.
        let tokens = replace.then_some("DELETE FROM tokens WHERE user_id = $1");
        for sql in [
            "DELETE FROM web_sessions WHERE user_id = $1",
            "DELETE FROM codes WHERE user_id = $1",
            "DELETE FROM reset_links WHERE user_id = $1",
        ]
        .into_iter()
        .chain(tokens)
        {
            sqlx::query(sql).bind(user.0).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(UserAdded::Set(user))
    }

    // --- tokens ---

    /// Adds a token. Adding the same token again only marks it as used.
    pub async fn add_token(&self, new: &NewToken<'_>, now_ms: i64) -> Result<(), DbError> {
        sqlx::query(
            "INSERT INTO tokens (id, hash, user_id, name, created_ms, scopes) \
             VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (hash) DO UPDATE SET used_ms = excluded.created_ms",
        )
        .bind(Uuid::now_v7())
        .bind(new.hash)
        .bind(new.user_id.0)
        .bind(new.name)
        .bind(now_ms)
        .bind(new.scopes.to_string())
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// Returns the user and the scopes of a token, if the user is not disabled and the token was used
    /// since `idle_since_ms`. Records the use, at most every `USED_MS_STEP`.
    pub async fn use_token(
        &self,
        hash: &[u8],
        now_ms: i64,
        idle_since_ms: i64,
    ) -> Result<Option<(UserId, Scopes)>, DbError> {
        let row = sqlx::query(
            "SELECT user_id, used_ms, scopes FROM tokens \
             JOIN users ON users.id = tokens.user_id AND disabled_ms IS NULL \
             WHERE hash = $1 AND COALESCE(used_ms, tokens.created_ms) >= $2",
        )
        .bind(hash)
        .bind(idle_since_ms)
        .fetch_optional(&self.reads)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let used_ms: Option<i64> = row.try_get("used_ms")?;
        if used_ms.is_none_or(|used_ms| used_ms < now_ms - USED_MS_STEP) {
            sqlx::query("UPDATE tokens SET used_ms = $2 WHERE hash = $1")
                .bind(hash)
                .bind(now_ms)
                .execute(&self.writes)
                .await?;
        }
        Ok(Some((UserId(row.try_get("user_id")?), scopes(&row)?)))
    }

    /// Returns the user's tokens, newest first.
    pub async fn tokens(&self, user: UserId) -> Result<Vec<TokenInfo>, DbError> {
        let rows = sqlx::query(
            "SELECT id, name, created_ms, used_ms, scopes FROM tokens WHERE user_id = $1 \
             ORDER BY created_ms DESC, id DESC",
        )
        .bind(user.0)
        .fetch_all(&self.reads)
        .await?;
        let token = |row: &Row| {
            Ok(TokenInfo {
                id: TokenId(row.try_get("id")?),
                name: row.try_get("name")?,
                scopes: scopes(row)?,
                created_ms: row.try_get("created_ms")?,
                used_ms: row.try_get("used_ms")?,
            })
        };
        rows.iter().map(token).collect()
    }

    /// Revokes a token of any user. Returns its user and its name.
    pub async fn revoke_token(&self, token: TokenId) -> Result<Option<(UserId, String)>, DbError> {
        let sql = "DELETE FROM tokens WHERE id = $1 RETURNING user_id, name";
        let gone: Option<(Uuid, String)> =
            sqlx::query_as(sql).bind(token.0).fetch_optional(&self.writes).await?;
        Ok(gone.map(|(user, name)| (UserId(user), name)))
    }

    /// Disables a user as of a time, or enables them again. A disabled user is signed out. Their
    /// tokens stay, but are not accepted while the user is disabled.
    pub async fn set_disabled(
        &self,
        user: UserId,
        disabled_ms: Option<i64>,
    ) -> Result<(), DbError> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE users SET disabled_ms = $2 WHERE id = $1")
            .bind(user.0)
            .bind(disabled_ms)
            .execute(&mut *tx)
            .await?;
        if disabled_ms.is_some() {
            for sql in [
                "DELETE FROM web_sessions WHERE user_id = $1",
                "DELETE FROM codes WHERE user_id = $1",
                "DELETE FROM reset_links WHERE user_id = $1",
            ] {
                sqlx::query(sql).bind(user.0).execute(&mut *tx).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// Removes a user's token. Returns its name, if it existed.
    pub async fn remove_token(
        &self,
        user: UserId,
        token: TokenId,
    ) -> Result<Option<String>, DbError> {
        let sql = "DELETE FROM tokens WHERE user_id = $1 AND id = $2 RETURNING name";
        let removed = sqlx::query_scalar(sql).bind(user.0).bind(token.0);
        Ok(removed.fetch_optional(&self.writes).await?)
    }

    /// Returns whether there is a token with this hash, whoever has it and however old it is.
    pub async fn has_token(&self, hash: &[u8]) -> Result<bool, DbError> {
        let found = sqlx::query("SELECT 1 FROM tokens WHERE hash = $1").bind(hash);
        Ok(found.fetch_optional(&self.reads).await?.is_some())
    }

    /// Removes a token by its hash. Returns its user and its name.
    pub async fn forget_token(&self, hash: &[u8]) -> Result<Option<(UserId, String)>, DbError> {
        let sql = "DELETE FROM tokens WHERE hash = $1 RETURNING user_id, name";
        let gone: Option<(Uuid, String)> =
            sqlx::query_as(sql).bind(hash).fetch_optional(&self.writes).await?;
        Ok(gone.map(|(user, name)| (UserId(user), name)))
    }

    // --- browsers ---

    pub async fn add_web_session(
        &self,
        user: UserId,
        hash: &[u8],
        now_ms: i64,
        expires_ms: i64,
    ) -> Result<(), DbError> {
        sqlx::query(
            "INSERT INTO web_sessions (hash, user_id, created_ms, expires_ms) VALUES ($1, $2, $3, $4)",
        )
        .bind(hash)
        .bind(user.0)
        .bind(now_ms)
        .bind(expires_ms)
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    pub async fn user_of_web_session(
        &self,
        hash: &[u8],
        now_ms: i64,
    ) -> Result<Option<User>, DbError> {
        sqlx::query(
            "SELECT users.id, email, password, disabled_ms FROM web_sessions \
             JOIN users ON users.id = web_sessions.user_id WHERE hash = $1 AND expires_ms > $2 \
             AND disabled_ms IS NULL",
        )
        .bind(hash)
        .bind(now_ms)
        .fetch_optional(&self.reads)
        .await?
        .as_ref()
        .map(user)
        .transpose()
    }

    /// Removes a browser session. Returns its user.
    pub async fn remove_web_session(&self, hash: &[u8]) -> Result<Option<UserId>, DbError> {
        let sql = "DELETE FROM web_sessions WHERE hash = $1 RETURNING user_id";
        let user = sqlx::query_scalar(sql).bind(hash).fetch_optional(&self.writes).await?;
        Ok(user.map(UserId))
    }

    // --- the app's sign-in ---

    pub async fn add_code(&self, hash: &[u8], code: &Code) -> Result<(), DbError> {
        sqlx::query(
            "INSERT INTO codes (hash, user_id, challenge, redirect_uri, token_name, expires_ms, scopes) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(hash)
        .bind(code.user_id.0)
        .bind(&code.challenge)
        .bind(&code.redirect_uri)
        .bind(&code.token_name)
        .bind(code.expires_ms)
        .bind(code.scopes.to_string())
        .execute(&self.writes)
        .await?;
        Ok(())
    }

    /// Takes an authorization code out of the database, so that it can be used only once, whether the
    /// rest of the request is right or wrong.
    pub async fn take_code(&self, hash: &[u8]) -> Result<Option<Code>, DbError> {
        let row = sqlx::query(
            "DELETE FROM codes WHERE hash = $1 \
             RETURNING user_id, challenge, redirect_uri, token_name, expires_ms, scopes",
        )
        .bind(hash)
        .fetch_optional(&self.writes)
        .await?;
        let code = |row: Row| {
            Ok(Code {
                user_id: UserId(row.try_get("user_id")?),
                challenge: row.try_get("challenge")?,
                redirect_uri: row.try_get("redirect_uri")?,
                token_name: row.try_get("token_name")?,
                scopes: scopes(&row)?,
                expires_ms: row.try_get("expires_ms")?,
            })
        };
        row.map(code).transpose()
    }
}

async fn named(
    tx: &mut Transaction<'_, Dialect>,
    email: &str,
    now_ms: i64,
) -> Result<UserId, DbError> {
    let user: Uuid = sqlx::query_scalar(
        "INSERT INTO users (id, email, created_ms) VALUES ($1, $2, $3) \
         ON CONFLICT (email) DO UPDATE SET email = excluded.email RETURNING id",
    )
    .bind(Uuid::now_v7())
    .bind(email)
    .bind(now_ms)
    .fetch_one(&mut **tx)
    .await?;
    Ok(UserId(user))
}

/// Reads a token's scopes. A row without a valid scope, which this program never writes, allows
/// nothing.
fn scopes(row: &Row) -> Result<Scopes, DbError> {
    let text: String = row.try_get("scopes")?;
    Scopes::parse(&text).ok_or_else(|| DbError::Unknown(format!("scopes '{text}'")))
}

pub(super) fn user(row: &Row) -> Result<User, DbError> {
    Ok(User {
        id: UserId(row.try_get("id")?),
        email: row.try_get("email")?,
        password: row.try_get("password")?,
        is_disabled: row.try_get::<Option<i64>, _>("disabled_ms")?.is_some(),
    })
}
