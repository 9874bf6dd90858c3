//! User accounts: signing in by password, signed-in browsers, tokens, and the sign-in that the app
//! uses (authorization code with PKCE, RFC 6749 and 7636). Without HTTP.
//!
//! Invariants: a secret is returned once and stored as its hash. Neither an answer nor its timing
//! reveals whether an e-mail address has an account. Every kind of guess is counted (`guesses`).

use std::net::IpAddr;

use thiserror::Error;

use crate::audit::{self, AuditAction};
use crate::clock::Clock;
use crate::guesses::{Guess, GuessError, Guesses, place};
use crate::secrets::{self, Claim, Passwords, SecretError};
use snaplark_cloud_data::db::{
    AuditRecord, Bucket, Code, Db, DbError, NewToken, TokenId, TokenInfo, User, UserId,
};
use snaplark_cloud_data::scopes::Scopes;

/// The time for which a browser stays signed in.
pub const WEB_SESSION_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// A token that was not used for this long is no longer accepted. It is longer than any leave from
/// work. After that the app only has to be signed in again; it keeps what it recorded.
pub const TOKEN_IDLE_MS: i64 = 180 * 24 * 60 * 60 * 1000;
/// The lifetime of an authorization code: long enough for a redirect to the same computer.
const CODE_MS: i64 = 60 * 1000;
/// The changes of one user: of links, tokens and connected apps. More than a person makes by hand, and with
/// the uploads of a day it bounds the audit log.
const CHANGES: Bucket = Bucket { size: 200, refill_ms: 60_000 };
/// The longest token name. Names are shown as lines of a list.
const TOKEN_NAME_CHARS_MAX: usize = 80;
const EMAIL_BYTES_MAX: usize = 254;

/// An error of signing in or of changing an account.
#[derive(Debug, Error)]
pub enum AccountError {
    /// The same for an unknown account, so that nobody learns who has one.
    #[error("the e-mail address or the password is wrong")]
    Wrong,
    /// The new password is too short or too long.
    #[error("a password must have at least {} characters", secrets::PASSWORD_CHARS_MIN)]
    NewPassword,
    /// A password reset link that was used, has expired, or never existed.
    #[error("the link is not valid, or has expired")]
    ResetLink,
    /// The rate limiter refused the try.
    #[error("too many tries")]
    TooMany {
        /// The time until a try is looked at again.
        retry_after_s: u64,
    },
    /// RFC 6749, 5.2: `invalid_grant`.
    #[error("the code is not valid, or has expired")]
    Grant,
    /// A secret could not be made, or a password not be hashed.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database did not answer.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Users, their browser sessions, tokens and passwords.
#[derive(Debug)]
pub struct Accounts {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Counts tries.
    pub guesses: Guesses,
}

/// The request that the app makes to the user, by way of the browser.
#[derive(Clone, Debug)]
pub struct Consent {
    /// The digest of the secret that the app will show for its token (PKCE).
    pub challenge: String,
    /// The address on this computer that the browser is led back to.
    pub redirect_uri: String,
    /// The name of the computer, which the token gets.
    pub device: String,
    /// The scope that the app asks for.
    pub scopes: Scopes,
}

impl Accounts {
    /// Returns the accounts of this database, without metrics.
    pub fn new(db: Db, clock: Clock) -> Self {
        let guesses = Guesses::new(db.clone(), clock.clone());
        Accounts { db, clock, passwords: Passwords::default(), guesses }
    }

    // --- browser sessions ---

    /// Checks the password and signs a browser in. Returns the secret of its session.
    pub async fn sign_in(
        &self,
        email: &str,
        password: &str,
        from: IpAddr,
        device: Option<&str>,
    ) -> Result<String, AccountError> {
        let email = plain_email(email);
        let now_ms = self.clock.now_ms();
        let name = counted_name(&email);
        self.guesses.count(Guess::SignIn { email: name, from, device }).await?;
        let user = self.db.user_by_email(&email).await?;
        let hash = user.as_ref().and_then(|user| user.password.as_deref());
        let claim = Claim { target: name, at: place(from), is_known: device.is_some() };
        let fits = self.passwords.verify(password, hash, claim).await?;
        let Some(user) = user.as_ref().filter(|user| fits && !user.is_disabled) else {
            let tried = user.map(|user| user.id);
            self.note(tried, AuditAction::SignInRefused, (name, "")).await;
            return Err(AccountError::Wrong);
        };
        let (secret, stored) = secrets::new_secret()?;
        self.db.add_web_session(user.id, &stored, now_ms, now_ms + WEB_SESSION_MS).await?;
        self.note(Some(user.id), AuditAction::SignedIn, (&user.email, "")).await;
        Ok(secret)
    }

    /// Returns the user whose browser session has this secret.
    pub async fn signed_in(&self, secret: &str) -> Result<Option<User>, AccountError> {
        let stored = secrets::stored(secret);
        Ok(self.db.user_of_web_session(&stored, self.clock.now_ms()).await?)
    }

    /// Ends a browser session.
    pub async fn sign_out(&self, secret: &str) -> Result<(), AccountError> {
        if let Some(user) = self.db.remove_web_session(&secrets::stored(secret)).await? {
            self.note(Some(user), AuditAction::SignedOut, ("", "")).await;
        }
        Ok(())
    }

    /// Returns whether there is no user with a password.
    pub async fn has_nobody(&self) -> Result<bool, AccountError> {
        Ok(self.db.users_count().await? == 0)
    }

    /// Returns the user with this e-mail address, in the form in which it is stored.
    pub async fn user_of_email(&self, email: &str) -> Result<Option<User>, AccountError> {
        Ok(self.db.user_by_email(email).await?)
    }

    /// Returns the address with which an account signs in.
    pub async fn email_of(&self, user: UserId) -> Result<Option<String>, AccountError> {
        Ok(self.db.email_of(user).await?)
    }

    /// Returns the user's latest audit entries, newest first.
    pub async fn activity(
        &self,
        user: UserId,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, AccountError> {
        Ok(self.db.audit_entries(Some(user), limit).await?)
    }

    // --- tokens ---

    /// Returns the token's user and scopes, and marks the token as used.
    pub async fn of_token(&self, token: &str) -> Result<Option<(UserId, Scopes)>, AccountError> {
        let now_ms = self.clock.now_ms();
        let stored = secrets::stored(token);
        Ok(self.db.use_token(&stored, now_ms, now_ms - TOKEN_IDLE_MS).await?)
    }

    /// Returns the tokens of an account, newest first.
    pub async fn tokens(&self, user: UserId) -> Result<Vec<TokenInfo>, AccountError> {
        Ok(self.db.tokens(user).await?)
    }

    /// Makes a token by hand. Returns it; only its hash is stored.
    pub async fn create_token(
        &self,
        user: UserId,
        name: &str,
        scopes: Scopes,
    ) -> Result<String, AccountError> {
        let name = plain_name(name);
        let (token, stored) = secrets::new_token()?;
        let new = NewToken { user_id: user, hash: &stored, name: &name, scopes };
        self.db.add_token(&new, self.clock.now_ms()).await?;
        self.note(Some(user), AuditAction::TokenCreated, (&name, "")).await;
        Ok(token)
    }

    /// Revokes a token of the user's own.
    pub async fn revoke_token(&self, user: UserId, token: TokenId) -> Result<(), AccountError> {
        if let Some(name) = self.db.remove_token(user, token).await? {
            self.note(Some(user), AuditAction::TokenRevoked, (&name, "")).await;
        }
        Ok(())
    }

    /// Revokes a token. Holding the token is enough to do so. A token that nobody has is a guess, and
    /// causes no write.
    pub async fn forget_token(&self, token: &str, from: IpAddr) -> Result<(), AccountError> {
        let stored = secrets::stored(token);
        if !self.db.has_token(&stored).await? {
            return self.wrong_token(from).await;
        }
        if let Some((user, name)) = self.db.forget_token(&stored).await? {
            self.note(Some(user), AuditAction::TokenRevoked, (&name, "")).await;
        }
        Ok(())
    }

    /// Counts a token that nobody has. Refuses further ones from an address that sends too many.
    pub async fn wrong_token(&self, from: IpAddr) -> Result<(), AccountError> {
        Ok(self.guesses.count(Guess::Token { from }).await?)
    }

    // --- the app's sign-in ---

    /// Records the user's consent. Returns the authorization code that the app exchanges for its
    /// token.
    pub async fn consent(&self, user: UserId, consent: &Consent) -> Result<String, AccountError> {
        let (code, stored) = secrets::new_secret()?;
        let kept = Code {
            user_id: user,
            challenge: consent.challenge.clone(),
            redirect_uri: consent.redirect_uri.clone(),
            token_name: plain_name(&format!("Snaplark on {}", consent.device)),
            scopes: consent.scopes,
            expires_ms: self.clock.now_ms() + CODE_MS,
        };
        self.db.add_code(&stored, &kept).await?;
        self.note(Some(user), AuditAction::AppConnected, (&consent.device, "")).await;
        Ok(code)
    }

    /// Makes the token of a client that takes no code, to which the user has agreed.
    pub async fn connect_client(
        &self,
        user: UserId,
        device: &str,
        scopes: Scopes,
    ) -> Result<String, AccountError> {
        self.note(Some(user), AuditAction::AppConnected, (device, "")).await;
        self.create_token(user, &format!("Snaplark on {device}"), scopes).await
    }

    /// Exchanges a code for a token, once, if the app shows the secret behind its challenge.
    pub async fn exchange(
        &self,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
        from: IpAddr,
    ) -> Result<(String, Scopes), AccountError> {
        let now_ms = self.clock.now_ms();
        self.guesses.count(Guess::Code { from }).await?;
        let kept = self.db.take_code(&secrets::stored(code)).await?.ok_or(AccountError::Grant)?;
        let fits = kept.expires_ms > now_ms
            && kept.redirect_uri == redirect_uri
            && secrets::is_same(&kept.challenge, &secrets::challenge(verifier));
        if !fits {
            return Err(AccountError::Grant);
        }
        let token = self.create_token(kept.user_id, &kept.token_name, kept.scopes).await?;
        Ok((token, kept.scopes))
    }

    // --- audit log ---

    /// Limits how often a user may change what is theirs. Each change writes rows, and most of them into
    /// the audit log, which no quota counts.
    pub async fn admit_change(&self, user: UserId) -> Result<(), AccountError> {
        Ok(self.guesses.take(&[(format!("changes {}", user.0), CHANGES)]).await?)
    }

    /// Writes an entry into the audit log.
    pub async fn note(&self, user: Option<UserId>, action: AuditAction, what: (&str, &str)) {
        audit::note(&self.db, &self.clock, user, action, what).await;
    }
}

impl From<GuessError> for AccountError {
    fn from(error: GuessError) -> Self {
        match error {
            GuessError::TooMany { retry_after_s } => AccountError::TooMany { retry_after_s },
            GuessError::Db(error) => error.into(),
        }
    }
}

/// Returns the name by which tries are counted. All invalid addresses share one name, which also
/// keeps the names of buckets short.
pub(crate) fn counted_name(email: &str) -> &str {
    if is_email(email) { email } else { "-" }
}

/// Returns the address in the form in which it is stored and looked up.
pub fn plain_email(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Returns whether the text has a name and a host. Only a mail can show more.
pub fn is_email(email: &str) -> bool {
    let parted = email.split_once('@');
    parted.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
        && !email.contains(|c: char| c.is_whitespace() || c.is_control())
        && email.len() <= EMAIL_BYTES_MAX
}

fn plain_name(name: &str) -> String {
    let plain: String = name.chars().filter(|c| !c.is_control()).collect();
    let plain: String = plain.trim().chars().take(TOKEN_NAME_CHARS_MAX).collect();
    if plain.is_empty() { "Token".to_owned() } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["a@b", "you@example.com"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "a b@c", "a@b\n"] {
            assert!(!is_email(bad), "{bad}");
        }
        assert_eq!(plain_email(" You@Example.com "), "you@example.com");
    }
}
