//! The rows of accounts: users, tokens, codes and the audit log.

use uuid::Uuid;

use crate::scopes::Scopes;

/// The id of an account's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserId(pub Uuid);

/// The id of a token's row. It is listed; the token itself is never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenId(pub Uuid);

/// An account as signing in needs it.
#[derive(Clone, Debug)]
pub struct User {
    /// The id that all rows of the account name.
    pub id: UserId,
    /// The address with which the person signs in, in small letters.
    pub email: String,
    /// An Argon2id hash string. Without one the user can't sign in by password.
    pub password: Option<String>,
    /// Disabled by the operator.
    pub is_disabled: bool,
}

/// The result of setting a user's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserAdded {
    /// The password is stored.
    Set(UserId),
    /// The user already has a password.
    Exists,
    /// There is no user whose password could be replaced.
    Unknown,
}

/// A replacement password, and the browser session that stays signed in.
#[derive(Clone, Copy, Debug)]
pub struct NewPassword<'a> {
    /// An Argon2id hash string.
    pub password: &'a str,
    /// The digest of the secret of the browser session that stays.
    pub session_hash: &'a [u8],
    /// When that session ends.
    pub session_expires_ms: i64,
}

/// A token to be stored.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    /// The account that the token acts for.
    pub user_id: UserId,
    /// The digest of the token. The token itself is stored nowhere.
    pub hash: &'a [u8],
    /// The name of the program that it was made for.
    pub name: &'a str,
    /// Its scope.
    pub scopes: Scopes,
}

/// A token as it is listed. Its hash is never included.
#[derive(Clone, Debug)]
pub struct TokenInfo {
    /// The id by which it is revoked.
    pub id: TokenId,
    /// The name of the program that it was made for.
    pub name: String,
    /// Its scope.
    pub scopes: Scopes,
    /// When it was made.
    pub created_ms: i64,
    /// When it was last used, to within ten minutes.
    pub used_ms: Option<i64>,
}

/// An authorization code: the user's consent, for which the app has not yet fetched its token.
#[derive(Clone, Debug)]
pub struct Code {
    /// The account that agreed.
    pub user_id: UserId,
    /// The digest of the secret that whoever fetches the token must show (PKCE).
    pub challenge: String,
    /// The address that the browser was led back to. The request for the token repeats it.
    pub redirect_uri: String,
    /// The name of the program, which the token gets.
    pub token_name: String,
    /// The scope that the account agreed to.
    pub scopes: Scopes,
    /// After this time it is good for nothing.
    pub expires_ms: i64,
}

/// A new entry of the audit log: who did what (`audit`).
#[derive(Clone, Copy, Debug)]
pub struct AuditEntry<'a> {
    /// The account that the entry is about, if there is one.
    pub user_id: Option<UserId>,
    /// The name of what was done.
    pub action: &'a str,
    /// The object of the action, such as the id of a video.
    pub subject: &'a str,
    /// More about it, such as the name of the video.
    pub detail: &'a str,
    /// The network address that it came from. An operator's command has `this server`.
    pub address: &'a str,
}

/// An entry read from the audit log.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord {
    /// When it was done.
    #[serde(rename = "atUnixMs")]
    pub at_ms: i64,
    /// The e-mail address of the account that the entry is about.
    pub user: Option<String>,
    /// The name of what was done.
    pub action: String,
    /// The object of the action, such as the id of a video.
    pub subject: String,
    /// More about it, such as the name of the video.
    pub detail: String,
    /// The network address that it came from. An operator's command has `this server`.
    pub address: String,
}
