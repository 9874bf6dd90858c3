//! Secrets that people and programs hold, and what is stored of them.
//!
//! Random secrets (tokens, cookies, codes) are 32 bytes. Their SHA-256 is stored, and a look-up by it
//! reveals nothing about near misses, so its timing is harmless. Passwords are chosen by people, so
//! they are hashed with Argon2id, which takes 19 MiB and tens of milliseconds on purpose. Only a few
//! are hashed at a time.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;
use tokio::sync::{Mutex as AsyncMutex, Semaphore, SemaphorePermit};

use crate::metrics::{Metrics, NoMetrics};

/// The prefix lets a token that leaked into a log or a repository be found.
const TOKEN_PREFIX: &str = "snap_";
/// The most hashes of first tries at once; it is also limited to half of the cores. Each takes 19 MiB
/// and a core.
const FIRST_MAX: usize = 2;
/// The time for which a wrong password makes its place and its target suspect.
const WRONG_MAX: Duration = Duration::from_secs(10 * 60);
/// The limit on suspect places, and on suspect targets. Further ones are not recorded.
const WRONG_KEPT_MAX: usize = 10_000;
/// A hash that no password matches. It is checked if the user doesn't exist, so that the answer takes
/// as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c25hcGxhcmsgbm9ib2R5$\
                      ZG9lcyBub3QgbWF0Y2ggYW55IHBhc3N3b3JkIGF0IGE";

/// The shortest password of an account.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// The longest password. Hashing a megabyte would be work for nothing.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// A failure of making or hashing a secret.
#[derive(Debug, Error)]
pub enum SecretError {
    /// The system has no random source.
    #[error("the system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// Argon2 reported a failure.
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

/// Returns whether the text has the form of a token of this server.
pub fn is_token(text: &str) -> bool {
    text.strip_prefix(TOKEN_PREFIX).is_some_and(|secret| secret.len() == 43)
}

/// Returns the digest by which a secret is looked up. The secrets are random, so it needs no salt.
pub fn stored(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

/// Returns the value that a form carries to prove that a page of this server made it. It can be
/// computed from the cookie, but the cookie can't be computed from it.
pub fn form_key(cookie: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("form:{cookie}")))
}

/// Compares two texts in constant time. Only their lengths may be learned from the time.
pub fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// RFC 7636, S256.
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// Describes an attempt at a password: whose password it would be, and who sent it.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The account or the link.
    pub target: &'a str,
    /// The network that it was sent from (`guesses::place`).
    pub at: IpAddr,
    /// It came from a browser that was signed in to this account before, or is now.
    pub is_known: bool,
}

/// The line in which a password waits for its hash. Each line has turns of its own, so nobody waits
/// for a hash of a line behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HashLane {
    /// The password comes from browsers that were signed in before.
    Known,
    /// Neither the place nor the target has a wrong password of the last minutes.
    First,
    /// Somebody sent a wrong password for this target, from another place.
    Contested,
    /// The place itself sent a wrong password.
    Guess,
}

impl HashLane {
    const ALL: [HashLane; 4] =
        [HashLane::Known, HashLane::First, HashLane::Contested, HashLane::Guess];

    /// The hashes at once.
    fn turns(self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        match self {
            HashLane::First => (cores / 2).clamp(1, FIRST_MAX),
            HashLane::Known | HashLane::Contested | HashLane::Guess => 1,
        }
    }

    /// The priority of its hashes: a guess gets what nobody else needs, but comes before ffmpeg.
    #[cfg(target_os = "linux")]
    fn niceness(self) -> i32 {
        match self {
            HashLane::Known | HashLane::First => 0,
            HashLane::Contested => 5,
            HashLane::Guess => 10,
        }
    }
}

/// Hashes passwords, a few at once.
///
/// A wrong password makes its place and its target suspect for `WRONG_MAX`. What comes from a suspect
/// place waits in a line behind all others, whose hashes have the lowest priority; so an honest person
/// waits for other people's first tries, and never for a guesser's further ones. Somebody's first try
/// for a suspect target has a line between. The lane is chosen again when the turn has come, since a
/// burst of first tries is known as guesses as soon as one of them was wrong. Requests from one place
/// wait in a queue of their own, and only the first of a queue waits for a turn.
///
/// Whoever has many addresses and many accounts to guess at has one first try for each address, which
/// nothing tells from an honest one. More of them a second than hashes a second make honest first tries
/// wait; only browsers that were signed in before have their lane.
#[derive(Debug)]
pub struct Passwords {
    lanes: [Semaphore; HashLane::ALL.len()],
    queues: Mutex<HashMap<IpAddr, Arc<AsyncMutex<()>>>>,
    /// The time at which each place last sent a wrong password.
    wrong_places: Wrong<IpAddr>,
    /// The time at which a wrong password for each target was last sent.
    wrong_targets: Wrong<String>,
    /// Counts the passwords that are hashed, right or wrong.
    pub metrics: Arc<dyn Metrics>,
}

impl Default for Passwords {
    fn default() -> Self {
        Passwords {
            lanes: HashLane::ALL.map(|lane| Semaphore::new(lane.turns())),
            queues: Mutex::default(),
            wrong_places: Wrong::default(),
            wrong_targets: Wrong::default(),
            metrics: Arc::new(NoMetrics),
        }
    }
}

impl Passwords {
    /// Hashes a new password. Who sets one is signed in, or came by a link of a mail.
    pub async fn hash(&self, password: &str) -> Result<String, SecretError> {
        let password = password.to_owned();
        let turn = self.turn(HashLane::Known).await;
        let hashed = self.apart(HashLane::Known, move || {
            let hashed: Result<PasswordHash, _> =
                Argon2::default().hash_password(password.as_bytes());
            hashed.map(|hash| hash.to_string()).map_err(|error| error.to_string())
        });
        let hashed = hashed.await?.map_err(SecretError::Hash);
        drop(turn);
        hashed
    }

    /// Checks a password. `hash` is `None` if there is no user whose password it could be. A password
    /// that is too long costs as much as any other, so that guesses with it are no cheaper.
    pub async fn verify(
        &self,
        password: &str,
        hash: Option<&str>,
        claim: Claim<'_>,
    ) -> Result<bool, SecretError> {
        let queue = (!claim.is_known).then(|| self.queue(claim.at));
        let first = match &queue {
            Some(queue) => Some(queue.lock().await),
            None => None,
        };
        let mut lane = self.lane(claim);
        let turn = loop {
            let turn = self.turn(lane).await;
            let now = self.lane(claim);
            if now == lane {
                break turn;
            }
            lane = now;
        };
        let fits = self.fits(lane, password, hash).await;
        if !matches!(fits, Ok(true)) {
            // A right password later doesn't clear this, or whoever has an account could guess at
            // others between two sign-ins of their own.
            self.wrong_places.note(claim.at);
            self.wrong_targets.note(claim.target.to_owned());
        }
        drop((turn, first));
        drop(queue);
        self.queues().retain(|_, queue| Arc::strong_count(queue) > 1);
        fits
    }

    fn lane(&self, claim: Claim<'_>) -> HashLane {
        if claim.is_known {
            return HashLane::Known;
        }
        if self.wrong_places.has(&claim.at) {
            return HashLane::Guess;
        }
        if self.wrong_targets.has(claim.target) { HashLane::Contested } else { HashLane::First }
    }

    async fn turn(&self, lane: HashLane) -> SemaphorePermit<'_> {
        self.lanes[lane as usize].acquire().await.expect("the semaphore is never closed")
    }

    fn queue(&self, at: IpAddr) -> Arc<AsyncMutex<()>> {
        Arc::clone(self.queues().entry(at).or_default())
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<IpAddr, Arc<AsyncMutex<()>>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fits(
        &self,
        lane: HashLane,
        password: &str,
        hash: Option<&str>,
    ) -> Result<bool, SecretError> {
        let known = hash.is_some() && password.len() <= PASSWORD_BYTES_MAX;
        let password = if known { password.to_owned() } else { String::new() };
        let hash = hash.unwrap_or(NOBODY).to_owned();
        let fits = self
            .apart(lane, move || {
                let hash = PasswordHash::new(&hash).map_err(|error| error.to_string())?;
                Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
            })
            .await?
            .map_err(SecretError::Hash)?;
        Ok(fits && known)
    }

    /// Runs the work on a thread with the lane's priority. The caller holds a turn of the lane.
    async fn apart<T: Send + 'static>(
        &self,
        lane: HashLane,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, SecretError> {
        self.metrics.password_hashed();
        let (done, wait) = tokio::sync::oneshot::channel();
        let thread = std::thread::Builder::new().name("password".to_owned());
        let begun = thread.spawn(move || {
            // On Linux a thread has its own priority. Elsewhere this would change the whole
            // process's.
            #[cfg(target_os = "linux")]
            rustix::process::setpriority_process(None, lane.niceness()).ok();
            #[cfg(not(target_os = "linux"))]
            let _ = lane;
            done.send(work()).ok();
        });
        begun.map_err(|error| SecretError::Hash(error.to_string()))?;
        wait.await.map_err(|error| SecretError::Hash(error.to_string()))
    }
}

/// The times of the latest wrong passwords, with bounded memory.
#[derive(Debug)]
struct Wrong<K>(Mutex<HashMap<K, Instant>>);

impl<K> Default for Wrong<K> {
    fn default() -> Self {
        Wrong(Mutex::default())
    }
}

impl<K: Eq + Hash> Wrong<K> {
    fn has<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.times().get(key).is_some_and(|since| since.elapsed() < WRONG_MAX)
    }

    fn note(&self, key: K) {
        let mut times = self.times();
        if times.len() >= WRONG_KEPT_MAX {
            times.retain(|_, since| since.elapsed() < WRONG_MAX);
        }
        if times.len() < WRONG_KEPT_MAX {
            times.insert(key, Instant::now());
        }
    }

    fn times(&self) -> MutexGuard<'_, HashMap<K, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

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

    #[derive(Debug, Default)]
    struct HashCount(AtomicU64);

    impl Metrics for HashCount {
        fn password_hashed(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl HashCount {
        fn get(&self) -> u64 {
            self.0.load(Ordering::SeqCst)
        }
    }

    fn counted() -> (Passwords, Arc<HashCount>) {
        let hashed = Arc::<HashCount>::default();
        (Passwords { metrics: hashed.clone(), ..Passwords::default() }, hashed)
    }

    fn claim(at: IpAddr) -> Claim<'static> {
        Claim { target: "somebody@example.com", at, is_known: false }
    }

    #[tokio::test]
    async fn a_password_fits_its_hash_alone() {
        let (passwords, hashed) = counted();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let at = IpAddr::from([192, 0, 2, 7]);
        let verify =
            async |text: &str, hash| passwords.verify(text, hash, claim(at)).await.unwrap();
        assert!(verify("correct horse", Some(&hash)).await);
        assert!(!verify("correct horsf", Some(&hash)).await);
        let before = hashed.get();
        let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
        assert!(!verify(&long, Some(&hash)).await);
        assert!(!verify("anything", None).await, "nobody's hash is well formed");
        assert_eq!(hashed.get() - before, 2, "each of them costs a hash");
        assert!(passwords.queues().is_empty(), "a line that nobody waits in is forgotten");
    }

    #[tokio::test]
    async fn place_with_a_long_line_keeps_others_waiting_for_a_few_hashes() {
        let (passwords, hashed) = counted();
        let hash = passwords.hash("correct horse").await.unwrap();
        let (crowd, one) = (IpAddr::from([192, 0, 2, 7]), IpAddr::from([192, 0, 2, 8]));
        let guess = || passwords.verify("a guess", Some(&hash), claim(crowd));
        let guesses = futures_util::future::join_all((0..30).map(|_| guess()));
        let honest = async {
            passwords.verify("correct horse", Some(&hash), claim(one)).await.unwrap();
            hashed.get()
        };
        let (_, hashed_before) = tokio::join!(guesses, honest);
        // Two or three, and what was hashed until a busy machine went on with this one.
        assert!(hashed_before <= 10, "{hashed_before} of 30 before a place of its own");
    }

    /// Somebody with `correct horse` for a password, while 20 places guess. Returns how many guesses
    /// were hashed before it was checked.
    async fn guesses_before(mine: Claim<'_>, guessed_before: bool, targets: &[String]) -> u64 {
        let (passwords, hashed) = counted();
        let hash = passwords.hash("correct horse").await.unwrap();
        let guess = |place: u8| {
            let at = IpAddr::from([192, 0, 2, place]);
            let target = &targets[usize::from(place) % targets.len()];
            passwords.verify("a guess", Some(&hash), Claim { target, at, is_known: false })
        };
        if guessed_before {
            for place in 0..20 {
                guess(place).await.unwrap();
            }
        }
        let before = hashed.get();
        let guesses = futures_util::future::join_all((0..20).map(guess));
        let honest = async {
            assert!(passwords.verify("correct horse", Some(&hash), mine).await.unwrap());
            hashed.get() - before - 1
        };
        tokio::join!(guesses, honest).1
    }

    const MINE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 200));

    #[tokio::test]
    async fn first_try_waits_for_no_guess_of_places_that_guessed_before() {
        let others: Vec<_> = (0..20).map(|at| format!("{at}@example.com")).collect();
        // Those that run beside it are counted too.
        let hashed = guesses_before(claim(MINE), true, &others).await;
        assert!(hashed <= 3, "{hashed} guesses");
    }

    #[tokio::test]
    async fn first_tries_of_many_places_at_one_account_are_known_after_the_first_of_them() {
        let hashed = guesses_before(claim(MINE), false, &["victim@example.com".to_owned()]).await;
        assert!(hashed <= 4, "{hashed} guesses");
    }

    #[tokio::test]
    async fn owner_of_the_guessed_account_waits_for_no_guess_of_places_that_guessed_before() {
        let mine = Claim { target: "victim@example.com", ..claim(MINE) };
        let hashed = guesses_before(mine, true, &["victim@example.com".to_owned()]).await;
        assert!(hashed <= 3, "{hashed} guesses");
    }

    #[tokio::test]
    async fn browser_that_was_signed_in_waits_for_no_first_tries() {
        let others: Vec<_> = (0..20).map(|at| format!("{at}@example.com")).collect();
        let mine = Claim { is_known: true, ..claim(MINE) };
        let hashed = guesses_before(mine, false, &others).await;
        assert!(hashed <= 4, "{hashed} guesses");
    }

    #[tokio::test]
    async fn right_password_does_not_make_a_guesser_honest_again() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse").await.unwrap();
        for (text, lane) in [("wrong", HashLane::Guess), ("correct horse", HashLane::Guess)] {
            passwords.verify(text, Some(&hash), claim(MINE)).await.unwrap();
            assert_eq!(passwords.lane(claim(MINE)), lane, "after {text}");
        }
    }
}
