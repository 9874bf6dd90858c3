//! The operator's commands, which work on the data whether a server runs there or not.

use snaplark_api::limits;
use uuid::Uuid;

use crate::accounts;
use crate::accounts::{AccountError, Accounts};
use crate::audit::{self, AuditAction};
use crate::clock::Clock;
use crate::error::OperatorError;
use crate::public_url::checked_url;
use crate::rate::PartRate;
use crate::scrub::{self, Scrubbed};
use crate::secrets::{self, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, Passwords};
use crate::uploads::{Rules, Uploads};
use snaplark_cloud_data::db::{
    AuditRecord, Db, DbError, NewToken, TokenId, TokenInfo, User, UserAdded,
};
use snaplark_cloud_data::place::{DataError, DataLocation, open, open_database};
use snaplark_cloud_data::quotas::{self, OwnLimits, Usage};
use snaplark_cloud_data::scopes::Scopes;

/// The name in the list of tokens for those made by `snaplark-cloud token`.
const ISSUED_NAME: &str = "Made on the server";

/// Creates a token. Works whether a server runs there or not.
pub async fn issue_token(
    place: impl Into<DataLocation>,
    user_email: &str,
    scopes: &str,
) -> Result<String, OperatorError> {
    let scopes = Scopes::parse(scopes).ok_or_else(|| OperatorError::Scopes(scopes.to_owned()))?;
    let db = open_database(&place.into()).await?;
    let accounts = Accounts::new(db.clone(), Clock::system());
    let token = accounts.issue_token(user_email, scopes).await;
    db.close().await;
    token
}

/// A token as the operator sees it.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenLine {
    /// The id that `token revoke` takes.
    pub id: String,
    /// The name of the program that it was made for.
    pub name: String,
    /// Its scope.
    pub scopes: String,
    /// When it was made.
    pub created_ms: i64,
    /// When it was last used.
    pub used_ms: Option<i64>,
}

/// Returns the tokens of a user, newest first. Works while a server runs there.
pub async fn list_tokens(
    place: impl Into<DataLocation>,
    user_email: &str,
) -> Result<Vec<TokenLine>, OperatorError> {
    with_user(place.into(), user_email, async |db, user| {
        let line = |token: TokenInfo| TokenLine {
            id: token.id.0.to_string(),
            name: token.name,
            scopes: token.scopes.to_string(),
            created_ms: token.created_ms,
            used_ms: token.used_ms,
        };
        Ok(db.tokens(user.id).await?.into_iter().map(line).collect())
    })
    .await
}

/// Revokes a token of any user. Works while a server runs there.
pub async fn revoke_token(place: impl Into<DataLocation>, id: &str) -> Result<(), OperatorError> {
    let unknown = || OperatorError::TokenUnknown(id.to_owned());
    let token: Uuid = id.parse().map_err(|_| unknown())?;
    let db = open_database(&place.into()).await?;
    let gone = db.revoke_token(TokenId(token)).await;
    if let Ok(Some((user, name))) = &gone {
        let clock = Clock::system();
        audit::note(&db, &clock, Some(*user), AuditAction::TokenRevoked, (name, "")).await;
    }
    db.close().await;
    gone.map_err(in_database)?.map(|_| ()).ok_or_else(unknown)
}

/// Disables a user, or enables them again. Links stay as they are. Works while a server runs there.
pub async fn set_disabled(
    place: impl Into<DataLocation>,
    user_email: &str,
    is_disabled: bool,
) -> Result<(), OperatorError> {
    with_user(place.into(), user_email, async |db, user| {
        let clock = Clock::system();
        db.set_disabled(user.id, is_disabled.then(|| clock.now_ms())).await?;
        let action = if is_disabled { AuditAction::UserDisabled } else { AuditAction::UserEnabled };
        audit::note(db, &clock, Some(user.id), action, ("", "")).await;
        Ok(())
    })
    .await
}

/// Deletes a user and everything in their account, as the user can do too. Works while a server runs
/// there; the server then deletes the bytes.
pub async fn delete_user(
    place: impl Into<DataLocation>,
    user_email: &str,
) -> Result<(), OperatorError> {
    with_user(place.into(), user_email, async |db, user| {
        let clock = Clock::system();
        db.delete_account(user.id, None, clock.now_ms()).await?;
        audit::note(db, &clock, None, AuditAction::AccountDeleted, (&user.email, "")).await;
        Ok(())
    })
    .await
}

async fn with_user<T>(
    place: DataLocation,
    user_email: &str,
    work: impl AsyncFnOnce(&Db, &User) -> Result<T, DbError>,
) -> Result<T, OperatorError> {
    let email = checked_email(user_email)?;
    let db = open_database(&place).await?;
    let done = async {
        match db.user_by_email(&email).await? {
            Some(user) => work(&db, &user).await.map(Some),
            None => Ok(None),
        }
    };
    let done = done.await.map_err(in_database);
    db.close().await;
    done?.ok_or(OperatorError::UserUnknown(email))
}

/// Selects between adding a first password and replacing an existing one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetPassword {
    /// Adds a user, or a password to one who has none.
    Add,
    /// Replaces the password of an existing user.
    Replace,
}

/// Sets a user's password for signing in. Works while a server runs there.
pub async fn set_password(
    place: impl Into<DataLocation>,
    user_email: &str,
    password: &str,
    set: SetPassword,
) -> Result<(), OperatorError> {
    let email = checked_email(user_email)?;
    if password.chars().count() < PASSWORD_CHARS_MIN || password.len() > PASSWORD_BYTES_MAX {
        return Err(OperatorError::Password);
    }
    let hash = Passwords::default().hash(password).await?;
    let db = open_database(&place.into()).await?;
    let replace = set == SetPassword::Replace;
    let clock = Clock::system();
    let added = db.set_password(&email, &hash, replace, clock.now_ms()).await;
    if let Ok(UserAdded::Set(user)) = &added {
        audit::note(&db, &clock, Some(*user), AuditAction::PasswordSet, ("", "")).await;
    }
    db.close().await;
    match added.map_err(in_database)? {
        UserAdded::Set(_) => Ok(()),
        UserAdded::Exists => Err(OperatorError::UserExists(email)),
        UserAdded::Unknown => Err(OperatorError::UserUnknown(email)),
    }
}

/// Returns a link with which the user can choose a new password, once and within an hour. Works while
/// a server runs there; `public_url` is that server's public URL.
pub async fn reset_link(
    place: impl Into<DataLocation>,
    user_email: &str,
    public_url: &str,
) -> Result<String, OperatorError> {
    let (email, public_url) = (checked_email(user_email)?, checked_url(public_url)?);
    let db = open_database(&place.into()).await?;
    let accounts = Accounts::new(db.clone(), Clock::system());
    let made = accounts.reset_link(&email, AuditAction::ResetLinkMade).await;
    db.close().await;
    match made {
        Ok(Some((secret, _))) => Ok(reset_address(&public_url, &secret)),
        Ok(None) => Err(OperatorError::UserUnknown(email)),
        Err(AccountError::Secret(error)) => Err(error.into()),
        Err(error) => {
            Err(DataError::Database { at: "of this server".to_owned(), source: error.into() }
                .into())
        }
    }
}

/// Returns the URL of a reset link. The secret is in the query, which is never logged.
pub fn reset_address(public_url: &str, secret: &str) -> String {
    format!("{public_url}/reset-password?key={secret}")
}

/// Reads all stored bytes and reports those that differ from what was received. Works while a server
/// runs there.
pub async fn scrub(place: impl Into<DataLocation>) -> Result<Scrubbed, OperatorError> {
    let (db, storage) = open(&place.into()).await?;
    let rate = PartRate::new(limits::PARTS_PER_SECOND, &db);
    let uploads = Uploads::new(db, storage, Clock::system(), rate, Rules::default());
    let scrubbed = scrub::all(&uploads).await;
    uploads.db.close().await;
    scrubbed.map_err(|error| OperatorError::Scrub(error.to_string()))
}

/// Changes a user's own limits. Returns today's usage and the user's own limits after the change.
/// Works while a server runs there.
pub async fn limit_user(
    place: impl Into<DataLocation>,
    user_email: &str,
    change: impl FnOnce(&mut OwnLimits),
) -> Result<(Usage, OwnLimits), OperatorError> {
    let email = checked_email(user_email)?;
    let db = open_database(&place.into()).await?;
    let limited = async {
        let Some(user) = db.user_by_email(&email).await? else { return Ok(None) };
        let (used, mut own) = db.usage(user.id).await?;
        let before = own;
        change(&mut own);
        if own != before {
            db.set_limits(user.id, &own).await?;
            audit::note(&db, &Clock::system(), Some(user.id), AuditAction::LimitsSet, ("", ""))
                .await;
        }
        Ok(Some((used.on(quotas::day(Clock::system().now_ms())), own)))
    };
    let limited = limited.await.map_err(in_database);
    db.close().await;
    limited?.ok_or(OperatorError::UserUnknown(email))
}

/// Returns the latest audit entries, oldest first, of one user or of all. Works while a server runs
/// there.
pub async fn audit_entries(
    place: impl Into<DataLocation>,
    user_email: Option<&str>,
    limit: u32,
) -> Result<Vec<AuditRecord>, OperatorError> {
    let email = user_email.map(checked_email).transpose()?;
    let db = open_database(&place.into()).await?;
    let entries = async {
        let user = match &email {
            None => None,
            Some(email) => match db.user_by_email(email).await? {
                Some(user) => Some(user.id),
                None => return Ok(None),
            },
        };
        Ok(Some(db.audit_entries(user, limit).await?))
    };
    let entries = entries.await.map_err(in_database);
    db.close().await;
    let mut entries =
        entries?.ok_or_else(|| OperatorError::UserUnknown(email.unwrap_or_default()))?;
    entries.reverse();
    Ok(entries)
}

impl Accounts {
    /// Creates a token for the user, and the user if there is none. An operator calls this.
    pub async fn issue_token(
        &self,
        user_email: &str,
        scopes: Scopes,
    ) -> Result<String, OperatorError> {
        let now_ms = self.clock.now_ms();
        let email = checked_email(user_email)?;
        let (token, hash) = secrets::new_token()?;
        let user_id = self.db.user_named(&email, now_ms).await.map_err(in_database)?;
        let new = NewToken { user_id, hash: &hash, name: ISSUED_NAME, scopes };
        self.db.add_token(&new, now_ms).await.map_err(in_database)?;
        self.note(Some(user_id), AuditAction::TokenCreated, (ISSUED_NAME, "")).await;
        Ok(token)
    }

    /// Stores a token that was created elsewhere, so that it is accepted. Storing it again only marks
    /// it as used.
    pub async fn know_token(
        &self,
        user_email: &str,
        token: &str,
        name: &str,
    ) -> Result<(), OperatorError> {
        let now_ms = self.clock.now_ms();
        let user_id = self.db.user_named(user_email, now_ms).await.map_err(in_database)?;
        let hash = secrets::stored(token);
        let new = NewToken { user_id, hash: &hash, name, scopes: Scopes::ALL };
        self.db.add_token(&new, now_ms).await.map_err(in_database)
    }
}

fn checked_email(email: &str) -> Result<String, OperatorError> {
    let email = accounts::plain_email(email);
    if accounts::is_email(&email) { Ok(email) } else { Err(OperatorError::Email(email)) }
}

fn in_database(source: DbError) -> OperatorError {
    DataError::Database { at: "of this server".to_owned(), source: source.into() }.into()
}
