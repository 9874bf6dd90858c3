//! Changing a password, resetting a forgotten one, and deleting an account. Without HTTP.
//!
//! Invariants: an action that only the owner may do asks for the password again, and counts the
//! tries. A new password ends every other session and every token. A reset link holds 256 random
//! bits, is stored as its hash, and works once and for an hour. Neither the answer to "Forgot your
//! password?" nor its timing reveals whether an address has an account: everything that differs
//! happens after the answer.

use std::net::IpAddr;

use crate::accounts::{AccountError, Accounts, WEB_SESSION_MS, counted_name, plain_email};
use crate::audit::AuditAction;
use crate::guesses::{Guess, place};
use crate::secrets::{self, Claim, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};
use snaplark_cloud_data::db::{NewPassword, User};

/// The lifetime of a reset link: long enough to find the mail, and short enough that an old mail is
/// worth nothing.
pub const RESET_LINK_MS: i64 = 60 * 60 * 1000;
/// A password that a signed-in user entered again.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// The user who is signed in.
    pub user: &'a User,
    /// The text that they entered.
    pub password: &'a str,
    /// The address that it came from.
    pub from: IpAddr,
}

impl Accounts {
    /// Sets a new password. Returns the secret of the browser session that replaces all others.
    pub async fn change_password(&self, said: Said<'_>, new: &str) -> Result<String, AccountError> {
        check_new(new)?;
        let checked = self.checked(said).await?;
        let hash = self.passwords.hash(new).await?;
        let (secret, stored) = secrets::new_secret()?;
        let now_ms = self.clock.now_ms();
        let new = NewPassword {
            password: &hash,
            session_hash: &stored,
            session_expires_ms: now_ms + WEB_SESSION_MS,
        };
        if !self.db.change_password(said.user.id, &checked, &new, now_ms).await? {
            return Err(AccountError::Wrong);
        }
        self.note(Some(said.user.id), AuditAction::PasswordChanged, ("", "")).await;
        Ok(secret)
    }

    /// Deletes the account and everything in it.
    pub async fn delete_account(&self, said: Said<'_>, typed: &str) -> Result<(), AccountError> {
        if plain_email(typed) != said.user.email {
            return Err(AccountError::Wrong);
        }
        let checked = self.checked(said).await?;
        if !self.db.delete_account(said.user.id, Some(&checked), self.clock.now_ms()).await? {
            return Err(AccountError::Wrong);
        }
        // The entry belongs to no user, because it outlives the account.
        self.note(None, AuditAction::AccountDeleted, (&said.user.email, "")).await;
        Ok(())
    }

    /// Checks the password and returns the stored hash that it matches.
    async fn checked(&self, said: Said<'_>) -> Result<String, AccountError> {
        let Said { user, password, from } = said;
        self.guesses.count(Guess::OwnPassword { email: &user.email, from }).await?;
        let claim = Claim { target: &user.email, at: place(from), is_known: true };
        let fits = self.passwords.verify(password, user.password.as_deref(), claim).await?;
        match user.password.clone().filter(|_| fits) {
            Some(hash) => Ok(hash),
            None => {
                self.note(Some(user.id), AuditAction::PasswordRefused, ("", "")).await;
                Err(AccountError::Wrong)
            }
        }
    }

    // --- forgotten passwords ---

    /// Counts a request for a reset link, in the same way for addresses with and without an account.
    pub async fn count_reset_ask(&self, email: &str, from: IpAddr) -> Result<(), AccountError> {
        let email = plain_email(email);
        let name = counted_name(&email);
        Ok(self.guesses.count(Guess::ResetMail { email: name, from }).await?)
    }

    /// Creates a reset link for a user who is not disabled. Returns its secret and the user.
    pub async fn reset_link(
        &self,
        email: &str,
        made: AuditAction,
    ) -> Result<Option<(String, User)>, AccountError> {
        let user = self.db.user_by_email(&plain_email(email)).await?;
        let Some(user) = user.filter(|user| !user.is_disabled) else { return Ok(None) };
        let (secret, stored) = secrets::new_secret()?;
        let expires_ms = self.clock.now_ms() + RESET_LINK_MS;
        self.db.add_reset_link(user.id, &stored, expires_ms).await?;
        self.note(Some(user.id), made, ("", "")).await;
        Ok(Some((secret, user)))
    }

    /// Returns the user whose password a link resets, if the link is still valid.
    pub async fn of_reset_link(&self, secret: &str) -> Result<User, AccountError> {
        let stored = secrets::stored(secret);
        let found = self.db.user_of_reset_link(&stored, self.clock.now_ms()).await?;
        found.ok_or(AccountError::ResetLink)
    }

    /// Uses up a reset link and sets the password. Returns the secret of a new browser session.
    pub async fn reset_password(
        &self,
        secret: &str,
        new: &str,
        from: IpAddr,
    ) -> Result<String, AccountError> {
        let now_ms = self.clock.now_ms();
        self.guesses.count(Guess::ResetLink { from }).await?;
        self.of_reset_link(secret).await?;
        check_new(new)?;
        let hash = self.passwords.hash(new).await?;
        let (session, stored) = secrets::new_secret()?;
        let new = NewPassword {
            password: &hash,
            session_hash: &stored,
            session_expires_ms: now_ms + WEB_SESSION_MS,
        };
        let user = self.db.reset_password(&secrets::stored(secret), &new, now_ms).await?;
        let user = user.ok_or(AccountError::ResetLink)?;
        self.note(Some(user), AuditAction::PasswordReset, ("", "")).await;
        Ok(session)
    }
}

fn check_new(password: &str) -> Result<(), AccountError> {
    let fits =
        password.chars().count() >= PASSWORD_CHARS_MIN && password.len() <= PASSWORD_BYTES_MAX;
    if fits { Ok(()) } else { Err(AccountError::NewPassword) }
}
