//! Changing a password, resetting a forgotten one, and deleting an account. Without HTTP.
//!
//! Invariants: what only the owner may do asks for the password again, and counts the tries. A new
//! password ends every other session and every token. A reset link holds 256 random bits, is stored as its hash,
//! works once and for an hour. Whether an address has an account can't be told from the answer to
//! "Forgot your password?" or from how long it takes: everything that differs happens after it.

use std::net::IpAddr;

use crate::accounts::{AccountError, Accounts, WEB_SESSION_MS, counted_name, plain_email};
use crate::audit::Action;
use crate::db::{NewPassword, User};
use crate::guesses::{Guess, place};
use crate::secrets::{self, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};

/// Long enough to find the mail, short enough that an old one is worth nothing.
pub const RESET_LINK_MS: i64 = 60 * 60 * 1000;
/// A password that was said by somebody who is signed in.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    pub user: &'a User,
    pub password: &'a str,
    pub from: IpAddr,
}

impl Accounts {
    /// Sets a new password, and returns the secret of the browser session that takes the place of
    /// all others.
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
        self.note(Some(said.user.id), Action::PasswordChanged, ("", "")).await;
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
        // Of nobody's account: the line outlives it.
        self.note(None, Action::AccountDeleted, (&said.user.email, "")).await;
        Ok(())
    }

    /// Returns the stored hash that the password fits.
    async fn checked(&self, said: Said<'_>) -> Result<String, AccountError> {
        let Said { user, password, from } = said;
        self.guesses.count(Guess::OwnPassword { email: &user.email, from }).await?;
        let fits = self.passwords.verify(password, user.password.as_deref(), place(from)).await?;
        match user.password.clone().filter(|_| fits) {
            Some(hash) => Ok(hash),
            None => {
                self.note(Some(user.id), Action::PasswordRefused, ("", "")).await;
                Err(AccountError::Wrong)
            }
        }
    }

    // --- forgotten ---

    /// Counts a request for a reset link; the same for addresses with and without an account.
    pub async fn count_reset_ask(&self, email: &str, from: IpAddr) -> Result<(), AccountError> {
        let email = plain_email(email);
        let name = counted_name(&email);
        Ok(self.guesses.count(Guess::ResetMail { email: name, from }).await?)
    }

    /// Makes a reset link for somebody who can sign in by password. Returns its secret, and the
    /// address that it is for.
    pub async fn reset_link(
        &self,
        email: &str,
        made: Action,
    ) -> Result<Option<(String, User)>, AccountError> {
        let user = self.db.user_by_email(&plain_email(email)).await?;
        let Some(user) = user.filter(|user| !user.is_disabled) else { return Ok(None) };
        let (secret, stored) = secrets::new_secret()?;
        let expires_ms = self.clock.now_ms() + RESET_LINK_MS;
        self.db.add_reset_link(user.id, &stored, expires_ms).await?;
        self.note(Some(user.id), made, ("", "")).await;
        Ok(Some((secret, user)))
    }

    /// Returns whose password a link resets, while it works.
    pub async fn of_reset_link(&self, secret: &str) -> Result<User, AccountError> {
        let stored = secrets::stored(secret);
        let found = self.db.user_of_reset_link(&stored, self.clock.now_ms()).await?;
        found.ok_or(AccountError::ResetLink)
    }

    /// Uses a reset link up, and returns the secret of a browser session.
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
        self.note(Some(user), Action::PasswordReset, ("", "")).await;
        Ok(session)
    }
}

fn check_new(password: &str) -> Result<(), AccountError> {
    let fits =
        password.chars().count() >= PASSWORD_CHARS_MIN && password.len() <= PASSWORD_BYTES_MAX;
    if fits { Ok(()) } else { Err(AccountError::NewPassword) }
}
