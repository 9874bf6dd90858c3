//! Limits how many parts of one upload may arrive in a second. A single process counts in memory;
//! several nodes on one database count there.

use std::collections::HashMap;
use std::sync::Mutex;

use snaplark_cloud_data::db::{Admission, Bucket, Db, DbError, SessionId};

/// With more uploads than this, those that were idle long enough to be full again are forgotten.
const BUCKETS_KEPT_MAX: usize = 10_000;
const FULL_AGAIN_MS: i64 = 2_000;

/// The values of the answer's rate limit headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// The number of parts that are allowed each second.
    pub limit: u32,
    /// How many of them are left now.
    pub remaining: u32,
    /// Set if no part is allowed now.
    pub retry_after_s: Option<u64>,
}

/// The rate limiter of parts: in memory, or in a database that several nodes share.
#[derive(Debug)]
pub enum PartRate {
    /// The levels in this process.
    Own(OwnRate),
    /// The levels in the database.
    Shared {
        /// The parts that an upload may send each second.
        per_second: u32,
        /// The database that all nodes share.
        db: Db,
    },
}

impl PartRate {
    /// Chooses the database if other nodes share it.
    pub fn new(per_second: u32, db: &Db) -> Self {
        let per_second = per_second.max(1);
        if db.is_shared() {
            PartRate::Shared { per_second, db: db.clone() }
        } else {
            PartRate::Own(OwnRate::new(per_second))
        }
    }

    /// Returns the parts that an upload may send each second.
    pub fn per_second(&self) -> u32 {
        match self {
            PartRate::Own(rate) => rate.per_second,
            PartRate::Shared { per_second, .. } => *per_second,
        }
    }

    /// Takes one part of an upload from its allowance.
    pub async fn take(&self, session: SessionId, now_ms: i64) -> Result<Allowance, DbError> {
        match self {
            PartRate::Own(rate) => Ok(rate.take(session, now_ms)),
            PartRate::Shared { per_second: limit, db } => {
                let full = Allowance { limit: *limit, remaining: *limit, retry_after_s: None };
                // The interval is below the clock's resolution, so there is effectively no limit.
                let refill_ms = 1000 / i64::from(*limit);
                if refill_ms == 0 {
                    return Ok(full);
                }
                let bucket = Bucket { size: *limit, refill_ms };
                let taken = db.take(&format!("parts {session}"), bucket, now_ms).await?;
                Ok(match taken {
                    Admission::One { left } => Allowance { remaining: left, ..full },
                    Admission::None { .. } => {
                        Allowance { remaining: 0, retry_after_s: Some(1), ..full }
                    }
                })
            }
        }
    }
}

/// A token bucket for each upload, which holds one second's parts and is refilled over time.
#[derive(Debug)]
pub struct OwnRate {
    per_second: u32,
    buckets: Mutex<HashMap<SessionId, Level>>,
}

#[derive(Debug)]
struct Level {
    /// The level in thousandths of a part.
    level: i64,
    at_ms: i64,
}

impl OwnRate {
    fn new(per_second: u32) -> Self {
        OwnRate { per_second, buckets: Mutex::default() }
    }

    fn take(&self, session: SessionId, now_ms: i64) -> Allowance {
        let full = i64::from(self.per_second) * 1000;
        let mut buckets = self.buckets.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if buckets.len() >= BUCKETS_KEPT_MAX {
            buckets.retain(|_, bucket| now_ms - bucket.at_ms < FULL_AGAIN_MS);
        }
        let bucket = buckets.entry(session).or_insert(Level { level: full, at_ms: now_ms });
        // A clock that goes backwards adds nothing and removes nothing.
        let passed_ms = (now_ms - bucket.at_ms).clamp(0, 1000);
        bucket.level = (bucket.level + passed_ms * i64::from(self.per_second)).min(full);
        bucket.at_ms = now_ms;
        let taken = bucket.level >= 1000;
        if taken {
            bucket.level -= 1000;
        }
        Allowance {
            limit: self.per_second,
            remaining: u32::try_from(bucket.level / 1000).unwrap_or(0),
            retry_after_s: (!taken).then_some(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn ten_in_a_second_and_ten_more_in_the_next() {
        let rate = OwnRate::new(10);
        let (one, other) = (SessionId(Uuid::from_u128(1)), SessionId(Uuid::from_u128(2)));
        for left in (0..10).rev() {
            assert_eq!(rate.take(one, 5).remaining, left);
        }
        assert_eq!(rate.take(one, 5).retry_after_s, Some(1));
        assert_eq!(rate.take(other, 5).retry_after_s, None, "another upload has its own");
        assert_eq!(rate.take(one, 105).retry_after_s, None, "one more after a tenth of a second");
        assert_eq!(rate.take(one, 105).retry_after_s, Some(1));
        assert_eq!(rate.take(one, 9_000).remaining, 9, "never more than one second's");
    }
}
