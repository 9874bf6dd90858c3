//! Who people are: signing in by password, browsers that are signed in, tokens, and the sign-in
//! that the app uses (authorization code with PKCE, RFC 6749 and 7636). Without HTTP.
//!
//! Invariants: a secret is handed out once and stored as its hash. Whether an address has an account
//! can't be told from an answer or from how long it takes. Every way to guess is counted in the
//! database, so that more nodes don't mean more guesses.

use std::net::{IpAddr, Ipv6Addr};

use thiserror::Error;

use crate::audit::{self, Action};
use crate::clock::Clock;
use crate::db::{Bucket, Code, Db, DbError, NewToken, Taken, Token, TokenId, User, UserId};
use crate::rate::OwnBuckets;
use crate::scopes::Scopes;
use crate::secrets::{self, Passwords, SecretError};

/// A browser stays signed in for so long.
pub(crate) const WEB_SESSION_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// A token that nothing used for so long is good for nothing any more. Longer than any leave: the app
/// only has to be signed in again, and keeps what it recorded.
pub(crate) const TOKEN_IDLE_MS: i64 = 180 * 24 * 60 * 60 * 1000;
/// Long enough for a redirect to this very computer.
const CODE_MS: i64 = 60 * 1000;
/// Names are lines in a list.
const TOKEN_NAME_CHARS_MAX: usize = 80;
const EMAIL_BYTES_MAX: usize = 254;

/// Somebody who mistypes has enough of these; a machine that guesses has not.
pub(crate) const TRIES_OF_ONE: Bucket = Bucket { size: 8, refill_ms: 60_000 };
/// Of one address on any account: offices share one.
const TRIES_FROM: Bucket = Bucket { size: 60, refill_ms: 5_000 };
/// On one account from anywhere: above what its owner needs, so that nobody can lock them out.
const TRIES_ON: Bucket = Bucket { size: 100, refill_ms: 20_000 };
/// A token is 256 random bits: no number of guesses finds one. This keeps them from being work.
const WRONG_TOKENS_FROM: Bucket = Bucket { size: 120, refill_ms: 1_000 };
const EXCHANGES_FROM: Bucket = Bucket { size: 60, refill_ms: 1_000 };

#[derive(Debug, Error)]
pub enum AccountError {
    #[error("the e-mail address or the password is wrong")]
    Wrong,
    /// A new password that is too short or too long.
    #[error("a password has at least {} characters", secrets::PASSWORD_CHARS_MIN)]
    NewPassword,
    /// A link that resets a password was used, is too old, or never was one.
    #[error("the link does not work, or not any more")]
    ResetLink,
    #[error("too many tries")]
    TooMany { retry_after_s: u64 },
    /// RFC 6749, 5.2: `invalid_grant`.
    #[error("the code is not valid, or not any more")]
    Grant,
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error(transparent)]
    Db(#[from] DbError),
}

#[derive(Debug)]
pub struct Accounts {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub passwords: Passwords,
    wrong_tokens: OwnBuckets,
}

/// What the app asked the browser to ask for.
#[derive(Clone, Debug)]
pub struct Consent {
    pub challenge: String,
    pub redirect_uri: String,
    pub device: String,
    pub scopes: Scopes,
}

impl Accounts {
    pub fn new(db: Db, clock: Clock) -> Self {
        Accounts { db, clock, passwords: Passwords::default(), wrong_tokens: OwnBuckets::default() }
    }

    // --- browsers ---

    /// The secret of a browser that is signed in from now on.
    pub async fn sign_in(
        &self,
        email: &str,
        password: &str,
        from: IpAddr,
        device: Option<&str>,
    ) -> Result<String, AccountError> {
        let from = place(from);
        let email = plain_email(email);
        let now_ms = self.clock.now_ms();
        // What is no address is nobody's, and names in the database stay short.
        let name = if is_email(&email) { email.as_str() } else { "-" };
        // A browser that its owner signed in by before has tries of its own, which nobody else can use
        // up: whoever guesses from elsewhere can't keep the owner out.
        let buckets = match device {
            Some(device) => vec![(format!("sign-in device {device}"), TRIES_OF_ONE)],
            None => vec![
                (format!("sign-in {name} {from}"), TRIES_OF_ONE),
                (format!("sign-in from {from}"), TRIES_FROM),
                (format!("sign-in on {name}"), TRIES_ON),
            ],
        };
        for (bucket, limit) in buckets {
            self.take(&bucket, limit, now_ms).await?;
        }
        let user = self.db.user_by_email(&email).await?;
        let hash = user.as_ref().and_then(|user| user.password.as_deref());
        let fits = self.passwords.verify(password, hash).await?;
        let Some(user) = user.as_ref().filter(|user| fits && !user.is_disabled) else {
            let tried = user.map(|user| user.id);
            self.note(tried, Action::SignInRefused, (name, "")).await;
            return Err(AccountError::Wrong);
        };
        let (secret, stored) = secrets::new_secret()?;
        self.db.add_web_session(user.id, &stored, now_ms, now_ms + WEB_SESSION_MS).await?;
        self.note(Some(user.id), Action::SignedIn, (&user.email, "")).await;
        Ok(secret)
    }

    pub async fn signed_in(&self, secret: &str) -> Result<Option<User>, AccountError> {
        let stored = secrets::stored(secret);
        Ok(self.db.user_of_web_session(&stored, self.clock.now_ms()).await?)
    }

    pub async fn sign_out(&self, secret: &str) -> Result<(), AccountError> {
        if let Some(user) = self.db.remove_web_session(&secrets::stored(secret)).await? {
            self.note(Some(user), Action::SignedOut, ("", "")).await;
        }
        Ok(())
    }

    /// Nobody could sign in by password.
    pub async fn has_nobody(&self) -> Result<bool, AccountError> {
        Ok(self.db.users_count().await? == 0)
    }

    // --- tokens ---

    pub async fn tokens(&self, user: UserId) -> Result<Vec<Token>, AccountError> {
        Ok(self.db.tokens(user).await?)
    }

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
        self.note(Some(user), Action::TokenCreated, (&name, "")).await;
        Ok(token)
    }

    pub async fn revoke_token(&self, user: UserId, token: TokenId) -> Result<(), AccountError> {
        if let Some(name) = self.db.remove_token(user, token).await? {
            self.note(Some(user), Action::TokenRevoked, (&name, "")).await;
        }
        Ok(())
    }

    /// Whoever holds a token may give it back.
    pub async fn forget_token(&self, token: &str) -> Result<(), AccountError> {
        if let Some((user, name)) = self.db.forget_token(&secrets::stored(token)).await? {
            self.note(Some(user), Action::TokenRevoked, (&name, "")).await;
        }
        Ok(())
    }

    /// Counted in memory: a refused token writes nothing, and no number of guesses finds one.
    pub fn wrong_token(&self, from: IpAddr) -> Result<(), AccountError> {
        let now_ms = self.clock.now_ms();
        match self.wrong_tokens.take(place(from), WRONG_TOKENS_FROM, now_ms) {
            Taken::One { .. } => Ok(()),
            Taken::None { wait_ms } => Err(too_many(wait_ms)),
        }
    }

    // --- the app's sign-in ---

    /// The code that the app changes for its token.
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
        self.note(Some(user), Action::AppConnected, (&consent.device, "")).await;
        Ok(code)
    }

    pub async fn exchange(
        &self,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
        from: IpAddr,
    ) -> Result<(String, Scopes), AccountError> {
        let (now_ms, from) = (self.clock.now_ms(), place(from));
        self.take(&format!("exchange from {from}"), EXCHANGES_FROM, now_ms).await?;
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

    // --- both ---

    pub(crate) async fn note(&self, user: Option<UserId>, action: Action, what: (&str, &str)) {
        audit::note(&self.db, &self.clock, user, action, what).await;
    }

    pub async fn take(&self, name: &str, bucket: Bucket, now_ms: i64) -> Result<(), AccountError> {
        match self.db.take(name, bucket, now_ms).await? {
            Taken::One { .. } => Ok(()),
            Taken::None { wait_ms } => Err(too_many(wait_ms)),
        }
    }
}

fn too_many(wait_ms: i64) -> AccountError {
    let retry_after_s = u64::try_from(wait_ms).unwrap_or(0).div_ceil(1000).max(1);
    AccountError::TooMany { retry_after_s }
}

/// Returns what tries are counted by: an IPv4 address, and of an IPv6 address the network, since one
/// customer is given 2^64 addresses.
pub fn place(from: IpAddr) -> IpAddr {
    match from {
        IpAddr::V4(_) => from,
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// As it is stored and looked for.
pub fn plain_email(email: &str) -> String {
    email.trim().to_lowercase()
}

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

    #[test]
    fn tries_are_counted_by_the_network_of_an_ipv6_address() {
        let of = |text: &str| place(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2:ffff::1"), of("2001:db8:1:2::9"));
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
    }
}
