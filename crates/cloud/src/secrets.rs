//! Secrets that people and programs hold, and what is stored of them.
//!
//! Random secrets (tokens, cookies, codes) are 32 bytes. Their SHA-256 is stored, and a look-up by it
//! reveals nothing about near misses, so its timing is harmless. Passwords are chosen by people, so
//! they are hashed with Argon2id, which takes 19 MiB and tens of milliseconds on purpose. Only a few
//! are hashed at a time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prometheus_client::metrics::counter::Counter;
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

/// The prefix lets a token that leaked into a log or a repository be found.
const TOKEN_PREFIX: &str = "snap_";
/// The most password hashes at once; it is also limited to half of the cores. Each takes 19 MiB and a
/// core.
const HASHING_MAX: usize = 2;
/// The time for which a place that sent a wrong password shares one turn with other such places.
const WRONG_MAX: Duration = Duration::from_secs(10 * 60);
/// With this many such places, new ones are not recorded.
const WRONG_PLACES_MAX: usize = 10_000;
/// The priority of password hashing: below requests, which are answered quickly, and above ffmpeg.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;
/// A hash that no password matches. It is checked if the user doesn't exist, so that the answer takes
/// as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c25hcGxhcmsgbm9ib2R5$\
                      ZG9lcyBub3QgbWF0Y2ggYW55IHBhc3N3b3JkIGF0IGE";

pub const PASSWORD_CHARS_MIN: usize = 10;
/// The longest password. Hashing a megabyte would be work for nothing.
pub const PASSWORD_BYTES_MAX: usize = 1024;

#[derive(Debug, Error)]
pub enum SecretError {
    #[error("the system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    #[error("a password could not be hashed: {0}")]
    Hash(String),
}

/// Returns a new random secret, and the hash of it that is stored.
pub fn new_secret() -> Result<(String, Vec<u8>), SecretError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    let secret = URL_SAFE_NO_PAD.encode(bytes);
    let stored = stored(&secret);
    Ok((secret, stored))
}

/// Returns a new bearer token, and the hash of it that is stored.
pub fn new_token() -> Result<(String, Vec<u8>), SecretError> {
    let token = format!("{TOKEN_PREFIX}{}", new_secret()?.0);
    let stored = stored(&token);
    Ok((token, stored))
}

pub fn is_token(text: &str) -> bool {
    text.strip_prefix(TOKEN_PREFIX).is_some_and(|secret| secret.len() == 43)
}

pub fn stored(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

/// Returns the value that a form carries to prove that a page of this server made it. It can be
/// computed from the cookie, but the cookie can't be computed from it.
pub fn form_key(cookie: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("form:{cookie}")))
}

/// Compares two texts of the same length in constant time.
pub fn is_same(one: &str, other: &str) -> bool {
    let differing = one.bytes().zip(other.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && differing == 0
}

/// RFC 7636, S256.
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// Hashes passwords, a few at once. Requests from one place wait in a queue of their own, and only
/// the first of a queue waits for a turn. So places take turns, however long the queue of one of them
/// is. Places that recently sent a wrong password share one turn, so that everybody else waits for at
/// most one guess, however many addresses a guesser has.
#[derive(Debug)]
pub struct Passwords {
    turns: Semaphore,
    guessing: Semaphore,
    lines: Mutex<HashMap<IpAddr, Arc<AsyncMutex<()>>>>,
    /// The time at which each place last sent a wrong password.
    wrong: Mutex<HashMap<IpAddr, Instant>>,
    /// The number of passwords that were hashed, right or wrong.
    pub hashed: Counter,
}

impl Default for Passwords {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let turns = Semaphore::new((cores / 2).clamp(1, HASHING_MAX));
        Passwords {
            turns,
            guessing: Semaphore::new(1),
            lines: Mutex::default(),
            wrong: Mutex::default(),
            hashed: Counter::default(),
        }
    }
}

impl Passwords {
    pub async fn hash(&self, password: &str) -> Result<String, SecretError> {
        let password = password.to_owned();
        self.apart(move || {
            let hashed: Result<PasswordHash, _> =
                Argon2::default().hash_password(password.as_bytes());
            hashed.map(|hash| hash.to_string()).map_err(|error| error.to_string())
        })
        .await?
        .map_err(SecretError::Hash)
    }

    /// Checks a password that was sent from a place (`guesses::place`). `hash` is `None` if there is
    /// no user whose password it could be. A password that is too long costs as much as any other, so
    /// that guesses with it are no cheaper.
    pub async fn verify(
        &self,
        password: &str,
        hash: Option<&str>,
        at: IpAddr,
    ) -> Result<bool, SecretError> {
        let line = self.line(at);
        let first = line.lock().await;
        let guess = match self.is_guessing(at) {
            true => Some(self.guessing.acquire().await.expect("the semaphore is never closed")),
            false => None,
        };
        let fits = self.fits(password, hash).await;
        self.note(at, matches!(fits, Ok(true)));
        drop((guess, first));
        drop(line);
        self.lines().retain(|_, line| Arc::strong_count(line) > 1);
        fits
    }

    fn is_guessing(&self, at: IpAddr) -> bool {
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.get(&at).is_some_and(|since| since.elapsed() < WRONG_MAX)
    }

    fn note(&self, at: IpAddr, fits: bool) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if fits {
            wrong.remove(&at);
            return;
        }
        if wrong.len() >= WRONG_PLACES_MAX {
            wrong.retain(|_, since| since.elapsed() < WRONG_MAX);
        }
        if wrong.len() < WRONG_PLACES_MAX {
            wrong.insert(at, Instant::now());
        }
    }

    fn line(&self, at: IpAddr) -> Arc<AsyncMutex<()>> {
        Arc::clone(self.lines().entry(at).or_default())
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<IpAddr, Arc<AsyncMutex<()>>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fits(&self, password: &str, hash: Option<&str>) -> Result<bool, SecretError> {
        let known = hash.is_some() && password.len() <= PASSWORD_BYTES_MAX;
        let password = if known { password.to_owned() } else { String::new() };
        let hash = hash.unwrap_or(NOBODY).to_owned();
        let fits = self
            .apart(move || {
                let hash = PasswordHash::new(&hash).map_err(|error| error.to_string())?;
                Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
            })
            .await?
            .map_err(SecretError::Hash)?;
        Ok(fits && known)
    }

    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, SecretError> {
        let _turn = self.turns.acquire().await.expect("the semaphore is never closed");
        self.hashed.inc();
        let (done, wait) = tokio::sync::oneshot::channel();
        let thread = std::thread::Builder::new().name("password".to_owned());
        let begun = thread.spawn(move || {
            // On Linux a thread has its own priority. Elsewhere this would change the whole
            // process's.
            #[cfg(target_os = "linux")]
            rustix::process::setpriority_process(None, NICENESS).ok();
            done.send(work()).ok();
        });
        begun.map_err(|error| SecretError::Hash(error.to_string()))?;
        wait.await.map_err(|error| SecretError::Hash(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_not_their_hashes() {
        let (one, hash_of_one) = new_token().unwrap();
        let (two, _) = new_token().unwrap();
        assert_ne!(one, two);
        assert!(is_token(&one) && !is_token("snap_") && !is_token("x"));
        assert_eq!(hash_of_one, stored(&one));
    }

    #[test]
    fn the_rfcs_own_example() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn sameness() {
        assert!(is_same("abc", "abc") && is_same("", ""));
        assert!(!is_same("abc", "abd") && !is_same("abc", "ab") && !is_same("", "a"));
    }

    #[tokio::test]
    async fn a_password_fits_its_hash_alone() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let at = IpAddr::from([192, 0, 2, 7]);
        let verify = async |text: &str, hash| passwords.verify(text, hash, at).await.unwrap();
        assert!(verify("correct horse", Some(&hash)).await);
        assert!(!verify("correct horsf", Some(&hash)).await);
        let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
        assert!(!verify(&long, Some(&hash)).await, "and it was hashed");
        assert!(!verify("anything", None).await, "nobody's hash is well formed");
        assert!(passwords.lines().is_empty(), "a line that nobody waits in is forgotten");
    }

    #[tokio::test]
    async fn place_with_a_long_line_keeps_others_waiting_for_a_few_hashes() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse").await.unwrap();
        let (crowd, one) = (IpAddr::from([192, 0, 2, 7]), IpAddr::from([192, 0, 2, 8]));
        let guess = || passwords.verify("a guess", Some(&hash), crowd);
        let guesses = futures_util::future::join_all((0..30).map(|_| guess()));
        let honest = async {
            passwords.verify("correct horse", Some(&hash), one).await.unwrap();
            passwords.hashed.get()
        };
        let (_, hashed_before) = tokio::join!(guesses, honest);
        assert!(hashed_before <= 5, "{hashed_before} before a place of its own");
    }

    #[tokio::test]
    async fn guessers_from_many_places_keep_others_waiting_for_one_guess() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse").await.unwrap();
        let guess = |place: u8| {
            let at = IpAddr::from([192, 0, 2, place]);
            passwords.verify("a guess", Some(&hash), at)
        };
        for place in 0..20 {
            guess(place).await.unwrap();
        }
        let before = passwords.hashed.get();
        let guesses = futures_util::future::join_all((0..20).map(guess));
        let honest = async {
            let at = IpAddr::from([192, 0, 2, 200]);
            assert!(passwords.verify("correct horse", Some(&hash), at).await.unwrap());
            passwords.hashed.get() - before
        };
        let (_, hashed) = tokio::join!(guesses, honest);
        assert!(hashed <= 4, "{hashed} with its own");
    }
}
