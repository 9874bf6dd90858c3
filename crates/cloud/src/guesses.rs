//! Rate limits on guesses: one design for passwords, link passwords, codes, reset links and tokens.
//!
//! A guess takes one try out of each of its buckets. The buckets in memory are checked first, and
//! either all of them give a try or none. A guess that is refused there causes no write and no
//! password hash, however many such guesses come. If other nodes work on the same database, the
//! database counts the guesses that memory lets through, so that more nodes don't allow more guesses.
//! When the database refuses one, memory learns how long that lasts. Tokens are 256 random bits,
//! which no number of guesses finds, so for them memory alone limits the work.
//!
//! Someone without tries left gets only a few refusals each second: a refusal waits for its turn
//! among the refusals to the same place, so that a flood of guesses holds up its own connections and
//! nothing else.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::time::Instant;

use crate::clock::Clock;
use snaplark_cloud_data::db::{Admission, Bucket, Db, DbError, VideoId};

/// The time between two refusals to one place.
const REFUSALS_EVERY: Duration = Duration::from_millis(50);
/// The longest time that a refusal is held back.
const REFUSAL_MAX: Duration = Duration::from_secs(5);
/// With more places than this, those with no recent refusal are forgotten.
const PLACES_MAX: usize = 1_000;
/// With more buckets than this, the fuller half of them is forgotten.
const KEPT_MAX: usize = 10_000;

/// The tries of one person: enough for someone who mistypes, too few for a program that guesses.
const TRIES_OF_ONE: Bucket = Bucket { size: 8, refill_ms: 60_000 };
/// The tries of one address on all accounts together. An office shares one address.
const SIGN_INS_FROM: Bucket = Bucket { size: 30, refill_ms: 5_000 };
/// The tries on one account from all addresses together. It is more than the owner needs, so that
/// nobody can lock the owner out.
const SIGN_INS_ON: Bucket = Bucket { size: 100, refill_ms: 20_000 };
const UNLOCKS_OF_ONE: Bucket = Bucket { size: 5, refill_ms: 60_000 };
/// The tries on one link from all addresses together: a few hundred an hour, however many addresses
/// the guesser has.
const UNLOCKS_ON: Bucket = Bucket { size: 60, refill_ms: 10_000 };
const TOKENS_FROM: Bucket = Bucket { size: 120, refill_ms: 1_000 };
const CODES_FROM: Bucket = Bucket { size: 60, refill_ms: 1_000 };
const MAILS_FROM: Bucket = Bucket { size: 10, refill_ms: 60_000 };
/// Mails to one e-mail address, whoever asks for them, so that nobody's mailbox can be filled from
/// here.
const MAILS_ON: Bucket = Bucket { size: 3, refill_ms: 20 * 60_000 };
/// New passwords by reset link from one place. Each costs a password hash.
const RESETS_FROM: Bucket = Bucket { size: 20, refill_ms: 30_000 };

/// The target and the origin of a guess. If an e-mail address is not valid, `-` stands
/// for it, which keeps the names of buckets short.
#[derive(Clone, Copy, Debug)]
pub enum Guess<'a> {
    /// A password on the page for signing in.
    SignIn {
        /// The account that was named.
        email: &'a str,
        /// The address that it came from.
        from: IpAddr,
        /// The browser's id, if this account was signed in with that browser before. Such a browser has
        /// its own tries, which nobody else can use up: guesses from elsewhere can't lock the owner out.
        device: Option<&'a str>,
    },
    /// The user's own password, entered again while signed in.
    OwnPassword {
        /// The account that was named.
        email: &'a str,
        /// The address that it came from.
        from: IpAddr,
    },
    /// The password of a link.
    LinkPassword {
        /// The video behind the link.
        video: VideoId,
        /// The address that it came from.
        from: IpAddr,
    },
    /// A token that a program sent.
    Token {
        /// The address that it came from.
        from: IpAddr,
    },
    /// The app's authorization code, which it exchanges for a token.
    Code {
        /// The address that it came from.
        from: IpAddr,
    },
    /// A mail with a password reset link.
    ResetMail {
        /// The account that was named.
        email: &'a str,
        /// The address that it came from.
        from: IpAddr,
    },
    /// The secret in a password reset link.
    ResetLink {
        /// The address that it came from.
        from: IpAddr,
    },
}

/// The name of a bucket, and the bucket.
pub type Try = (String, Bucket);

impl Guess<'_> {
    fn tries(self) -> Vec<Try> {
        match self {
            Guess::SignIn { device: Some(device), .. } => {
                vec![(format!("sign-in device {device}"), TRIES_OF_ONE)]
            }
            Guess::SignIn { email, from, device: None } => {
                let from = place(from);
                vec![
                    (format!("sign-in {email} {from}"), TRIES_OF_ONE),
                    (format!("sign-in from {from}"), SIGN_INS_FROM),
                    (format!("sign-in on {email}"), SIGN_INS_ON),
                ]
            }
            Guess::OwnPassword { email, from } => {
                vec![(format!("password {email} {}", place(from)), TRIES_OF_ONE)]
            }
            Guess::LinkPassword { video, from } => vec![
                (format!("unlock {video} {}", place(from)), UNLOCKS_OF_ONE),
                (format!("unlock {video}"), UNLOCKS_ON),
            ],
            Guess::Token { from } => vec![(format!("token from {}", place(from)), TOKENS_FROM)],
            Guess::Code { from } => vec![(format!("exchange from {}", place(from)), CODES_FROM)],
            Guess::ResetMail { email, from } => vec![
                (format!("reset from {}", place(from)), MAILS_FROM),
                (format!("reset on {email}"), MAILS_ON),
            ],
            Guess::ResetLink { from } => {
                vec![(format!("resets from {}", place(from)), RESETS_FROM)]
            }
        }
    }

    fn from(self) -> IpAddr {
        match self {
            Guess::SignIn { from, .. }
            | Guess::OwnPassword { from, .. }
            | Guess::LinkPassword { from, .. }
            | Guess::Token { from }
            | Guess::Code { from }
            | Guess::ResetMail { from, .. }
            | Guess::ResetLink { from } => place(from),
        }
    }

    /// Returns whether the database counts this kind of guess too.
    fn is_shared(self) -> bool {
        match self {
            Guess::Token { .. } => false,
            Guess::SignIn { .. }
            | Guess::OwnPassword { .. }
            | Guess::LinkPassword { .. }
            | Guess::Code { .. }
            | Guess::ResetMail { .. }
            | Guess::ResetLink { .. } => true,
        }
    }
}

/// The refusal of a guess, or a failure to count it.
#[derive(Debug, Error)]
pub enum GuessError {
    /// The guess must not be looked at. Waiting longer helps.
    #[error("too many tries")]
    TooMany {
        /// The time until a try is looked at again.
        retry_after_s: u64,
    },
    /// The database did not answer, so the guess was not counted.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Counts guesses and delays refusals. See the file's header.
#[derive(Debug)]
pub struct Guesses {
    /// The database, if other nodes count in it as well.
    shared: Option<Db>,
    clock: Clock,
    here: Tries,
    /// The time at which the next refusal to each place may be sent.
    refusals: Mutex<HashMap<IpAddr, Instant>>,
}

impl Guesses {
    /// Returns a limiter that also counts in the database if other nodes share it.
    pub fn new(db: Db, clock: Clock) -> Self {
        let shared = db.is_shared().then_some(db);
        Guesses { shared, clock, here: Tries::default(), refusals: Mutex::default() }
    }

    /// Counts a guess. Must be called before anything else is done about the guess.
    pub async fn count(&self, guess: Guess<'_>) -> Result<(), GuessError> {
        let tries = guess.tries();
        let counted = if guess.is_shared() {
            self.take(&tries).await
        } else {
            self.here.take(&tries, self.clock.now_ms()).map_err(too_many)
        };
        if let Err(GuessError::TooMany { .. }) = &counted {
            tokio::time::sleep_until(self.turn(guess.from(), Instant::now())).await;
        }
        counted
    }

    /// Returns when a refusal that is due now may be sent to this place.
    fn turn(&self, at: IpAddr, now: Instant) -> Instant {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if refusals.len() >= PLACES_MAX {
            refusals.retain(|_, next| *next > now);
        }
        let next = refusals.entry(at).or_insert(now);
        let turn = (*next).clamp(now, now + REFUSAL_MAX);
        *next = turn + REFUSALS_EVERY;
        turn
    }

    /// Counts in the same way work that is no guess, but that people without an account can ask for.
    pub async fn take(&self, tries: &[Try]) -> Result<(), GuessError> {
        let now_ms = self.clock.now_ms();
        self.here.take(tries, now_ms).map_err(too_many)?;
        let Some(db) = &self.shared else { return Ok(()) };
        for (name, bucket) in tries {
            if let Admission::None { wait_ms } = db.take(name, *bucket, now_ms).await? {
                self.here.learn(name, *bucket, wait_ms, now_ms);
                return Err(too_many(wait_ms));
            }
        }
        Ok(())
    }
}

/// The level of each bucket in memory, by the bucket's name.
#[derive(Debug, Default)]
struct Tries(Mutex<HashMap<String, Credit>>);

#[derive(Clone, Copy, Debug)]
struct Credit {
    level_ms: i64,
    at_ms: i64,
    full_ms: i64,
}

impl Credit {
    fn now(self, now_ms: i64) -> i64 {
        // A clock that goes backwards adds no tries and removes none.
        let passed_ms = (now_ms - self.at_ms).max(0);
        self.level_ms.saturating_add(passed_ms).min(self.full_ms)
    }
}

impl Tries {
    /// Takes one try out of each bucket. If a bucket is empty, takes none and returns how long it
    /// takes until each has one.
    fn take(&self, tries: &[Try], now_ms: i64) -> Result<(), i64> {
        let mut credits = self.credits();
        let level = |credits: &HashMap<String, Credit>, (name, bucket): &Try| {
            credits.get(name).map_or(bucket.full_ms(), |credit| credit.now(now_ms))
        };
        let missing = |one: &Try| one.1.refill_ms - level(&credits, one);
        if let Some(wait_ms) = tries.iter().map(missing).max().filter(|missing| *missing > 0) {
            return Err(wait_ms);
        }
        if credits.len() + tries.len() > KEPT_MAX {
            // The fuller half is dropped, so that guesses from ever more addresses can't make the
            // emptiest buckets be forgotten.
            let mut missing: Vec<i64> =
                credits.values().map(|credit| credit.full_ms - credit.now(now_ms)).collect();
            let half = missing.len() / 2;
            let (_, middle, _) = missing.select_nth_unstable(half);
            let middle = *middle;
            credits.retain(|_, credit| credit.full_ms - credit.now(now_ms) > middle);
        }
        for one in tries {
            let level_ms = level(&credits, one) - one.1.refill_ms;
            let credit = Credit { level_ms, at_ms: now_ms, full_ms: one.1.full_ms() };
            credits.insert(one.0.clone(), credit);
        }
        Ok(())
    }

    /// Records that another process took the tries, and that there is none for `wait_ms`.
    fn learn(&self, name: &str, bucket: Bucket, wait_ms: i64, now_ms: i64) {
        let level_ms = bucket.refill_ms - wait_ms;
        let credit = Credit { level_ms, at_ms: now_ms, full_ms: bucket.full_ms() };
        self.credits().insert(name.to_owned(), credit);
    }

    fn credits(&self) -> MutexGuard<'_, HashMap<String, Credit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_many(wait_ms: i64) -> GuessError {
    let retry_after_s = u64::try_from(wait_ms).unwrap_or(0).div_ceil(1000).max(1);
    GuessError::TooMany { retry_after_s }
}

/// Returns the key by which tries are counted: an IPv4 address, or the /64 network of an IPv6
/// address, since one customer is given 2^64 addresses.
pub fn place(from: IpAddr) -> IpAddr {
    match from {
        IpAddr::V4(_) => from,
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: Bucket = Bucket { size: 2, refill_ms: 100 };

    fn sharing(db: Db, clock: Clock) -> Guesses {
        Guesses { shared: Some(db.clone()), ..Guesses::new(db, clock) }
    }

    fn one(name: impl ToString) -> Vec<Try> {
        vec![(name.to_string(), PAIR)]
    }

    #[test]
    fn buckets_fill_again_and_memory_stays_bounded() {
        let tries = Tries::default();
        assert_eq!(tries.take(&one("a"), 0), Ok(()));
        assert_eq!(tries.take(&one("a"), 0), Ok(()));
        assert_eq!(tries.take(&one("a"), 40), Err(60));
        assert_eq!(tries.take(&one("b"), 40), Ok(()), "another's");
        assert_eq!(tries.take(&one("a"), 100), Ok(()));
        for n in 0..3 * KEPT_MAX {
            tries.take(&one(n), 100).unwrap();
        }
        assert!(tries.credits().len() <= KEPT_MAX);
        assert_eq!(tries.take(&one("a"), 100), Err(100), "who missed most is still known");
    }

    #[test]
    fn refused_guess_takes_nothing_from_its_other_buckets() {
        let tries = Tries::default();
        let both = [one("of one"), one("on all")].concat();
        tries.take(&one("of one"), 0).unwrap();
        tries.take(&one("of one"), 0).unwrap();
        for _ in 0..10 {
            assert_eq!(tries.take(&both, 0), Err(100));
        }
        tries.take(&one("on all"), 0).unwrap();
        tries.take(&one("on all"), 0).unwrap();
    }

    #[tokio::test]
    async fn database_is_asked_again_only_when_there_may_be_a_try() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("db")).await.unwrap();
        let clock = Clock::new(|| 1_000_000);
        let (here, elsewhere) = (sharing(db.clone(), clock.clone()), sharing(db.clone(), clock));
        let from = "192.0.2.7".parse().unwrap();
        let guess = Guess::OwnPassword { email: "a@example.com", from };
        for _ in 0..TRIES_OF_ONE.size {
            elsewhere.count(guess).await.unwrap();
        }
        // Another node's count is enforced here too, and is cached after the first refusal.
        for _ in 0..2 {
            let refused = here.count(guess).await.unwrap_err();
            assert!(matches!(refused, GuessError::TooMany { retry_after_s: 60 }), "{refused}");
            assert!(here.here.take(&guess.tries(), 1_000_000).is_err());
        }
    }

    #[tokio::test]
    async fn refusals_to_one_place_are_spaced_and_wait_for_some_seconds_at_most() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("db")).await.unwrap();
        let guesses = sharing(db, Clock::new(|| 0));
        let (one, other) = (IpAddr::from([192, 0, 2, 7]), IpAddr::from([192, 0, 2, 8]));
        let now = Instant::now();
        assert_eq!(guesses.turn(one, now), now, "the first at once");
        assert_eq!(guesses.turn(one, now), now + REFUSALS_EVERY);
        assert_eq!(guesses.turn(other, now), now);
        for _ in 0..1000 {
            assert!(guesses.turn(one, now) <= now + REFUSAL_MAX);
        }
        let later = now + 2 * REFUSAL_MAX;
        assert_eq!(guesses.turn(one, later), later);
    }

    #[test]
    fn tries_are_counted_by_the_network_of_an_ipv6_address() {
        let of = |text: &str| place(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2:ffff::1"), of("2001:db8:1:2::9"));
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
    }
}
