//! Counts how far videos are watched, for their owners, if owner and operator both want it.
//!
//! The database holds one number for each stretch of a video, and nothing about who watched. So that somebody
//! who watches a stretch again counts once, the stretches that an address has played are kept in memory, and
//! forgotten half an hour after the last one. Each node counts for itself; the next start forgets them all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::clock::Clock;
use crate::guesses::place;
use snaplark_cloud_data::db::{Db, DbError, SessionId, Upload, WATCH_STRETCHES, Watching};

/// The time after which somebody who watches again counts again, as for views.
const FORGET_MS: i64 = 30 * 60 * 1000;
/// The viewings that are remembered, in a few megabytes. More than these at once are not counted.
const VIEWINGS_MAX: usize = 20_000;
/// Between two looks for viewings that can be forgotten, while there is no room.
const FORGET_EVERY_MS: i64 = 60 * 1000;

/// Counts how far videos are watched.
#[derive(Debug)]
pub struct WatchCounter {
    db: Db,
    clock: Clock,
    is_allowed: bool,
    recent: Mutex<RecentViewings>,
}

#[derive(Debug, Default)]
struct RecentViewings {
    viewings: HashMap<(SessionId, IpAddr), Viewing>,
    forgot_ms: i64,
}

/// The stretches of a video that somebody has played: a bit for each stretch.
#[derive(Debug)]
struct Viewing {
    played: u128,
    active_ms: i64,
}

const _: () = assert!(WATCH_STRETCHES <= u128::BITS as usize);

/// The stretches that count now, and whether a viewing begins with them.
#[derive(Debug, PartialEq, Eq)]
struct NewPlays {
    stretches: Vec<u32>,
    begins: bool,
}

impl WatchCounter {
    /// Returns a counter. `is_allowed` is the operator's decision.
    pub fn new(db: Db, clock: Clock, is_allowed: bool) -> Self {
        WatchCounter { db, clock, is_allowed, recent: Mutex::default() }
    }

    /// Returns whether owners may switch it on.
    pub fn is_allowed(&self) -> bool {
        self.is_allowed
    }

    /// Returns whether it is counted how far this video is watched.
    pub fn counts(&self, upload: &Upload) -> bool {
        self.is_allowed
            && upload.share.counts_watching
            && upload.finished.is_some()
            && !upload.media.is_image()
    }

    /// Counts the stretches of a video that somebody at this address has played.
    pub async fn watched(
        &self,
        upload: &Upload,
        from: IpAddr,
        stretches: &[Range<u32>],
    ) -> Result<(), DbError> {
        if !self.counts(upload) {
            return Ok(());
        }
        let viewing = (upload.session_id, place(from));
        match self.new_plays(viewing, stretches) {
            Some(NewPlays { stretches, begins }) => {
                self.db.count_watching(upload.session_id, &stretches, begins).await
            }
            None => Ok(()),
        }
    }

    fn new_plays(
        &self,
        viewing: (SessionId, IpAddr),
        stretches: &[Range<u32>],
    ) -> Option<NewPlays> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.add(viewing, stretches, self.clock.now_ms())
    }

    /// Returns how far a version was watched.
    pub async fn watching(&self, upload: &Upload) -> Result<Watching, DbError> {
        self.db.watching(upload.session_id).await
    }
}

impl RecentViewings {
    /// Remembers what was played. Returns what of it is new.
    fn add(
        &mut self,
        viewing: (SessionId, IpAddr),
        stretches: &[Range<u32>],
        now_ms: i64,
    ) -> Option<NewPlays> {
        let last = WATCH_STRETCHES as u32;
        let all = stretches.iter().flat_map(|range| range.start..range.end.min(last));
        let played = all.fold(0_u128, |played, stretch| played | (1 << stretch));
        let is_over = |it: &Viewing| now_ms - it.active_ms > FORGET_MS;
        if self.viewings.get(&viewing).is_some_and(is_over) {
            self.viewings.remove(&viewing);
        }
        let begins = !self.viewings.contains_key(&viewing);
        if begins && self.viewings.len() >= VIEWINGS_MAX {
            if now_ms - self.forgot_ms < FORGET_EVERY_MS {
                return None;
            }
            self.forgot_ms = now_ms;
            self.viewings.retain(|_, it| !is_over(it));
            if self.viewings.len() >= VIEWINGS_MAX {
                return None;
            }
        }
        if played == 0 {
            return None;
        }
        let known =
            self.viewings.entry(viewing).or_insert(Viewing { played: 0, active_ms: now_ms });
        let new = played & !known.played;
        known.played |= played;
        known.active_ms = now_ms;
        let stretches: Vec<u32> = (0..last).filter(|stretch| new >> stretch & 1 == 1).collect();
        (!stretches.is_empty()).then_some(NewPlays { stretches, begins })
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "a report may be of one range")]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use uuid::Uuid;

    fn viewing(session: u128, from: u32) -> (SessionId, IpAddr) {
        (SessionId(Uuid::from_u128(session)), IpAddr::V4(Ipv4Addr::from_bits(from)))
    }

    #[test]
    fn stretch_counts_once_for_each_viewing_and_again_after_half_an_hour() {
        let mut recent = RecentViewings::default();
        let new =
            |stretches: &[u32], begins| Some(NewPlays { stretches: stretches.to_vec(), begins });
        let one = viewing(1, 1);
        assert_eq!(recent.add(one, &[0..3, 2..4], 0), new(&[0, 1, 2, 3], true));
        assert_eq!(recent.add(one, &[1..3], 5), None);
        assert_eq!(recent.add(one, &[3..5, 98..u32::MAX], 5), new(&[4, 98, 99], false));
        assert_eq!(recent.add(viewing(1, 2), &[3..4], 5), new(&[3], true), "somebody else");
        assert_eq!(recent.add(viewing(2, 1), &[3..4], 5), new(&[3], true), "another video");
        assert_eq!(recent.add(one, &[0..1], FORGET_MS + 5), None, "it goes on");
        assert_eq!(recent.add(one, &[0..1], 2 * FORGET_MS + 6), new(&[0], true));
        for nothing in [vec![], vec![3..3], vec![100..200]] {
            assert_eq!(recent.add(viewing(3, 1), &nothing, 0), None);
        }
    }

    #[test]
    fn more_viewings_than_can_be_remembered_are_not_counted_until_there_is_room() {
        let mut recent = RecentViewings::default();
        for from in 0..VIEWINGS_MAX as u32 {
            assert!(recent.add(viewing(1, from), &[0..1], 0).is_some());
        }
        let late = viewing(1, u32::MAX);
        assert_eq!(recent.add(late, &[0..1], 1), None);
        assert!(recent.add(viewing(1, 7), &[1..2], 1).is_some(), "known ones go on");
        let after_ms = FORGET_MS + 2 + FORGET_EVERY_MS;
        assert!(recent.add(late, &[0..1], after_ms).is_some());
        assert_eq!(recent.viewings.len(), 1, "the others are forgotten");
    }
}
