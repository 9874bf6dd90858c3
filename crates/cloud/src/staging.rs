//! Counts the bytes that are on their way: received for a user, and not named by a row yet that counts
//! them against their storage. In the memory of this process, since its connections are too.
//!
//! Each upload holds a [`Staged`] from before its first byte until its row is committed or its object is
//! deleted. So however many uploads a user sends at once, the disk never holds much more of theirs than
//! their storage allows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use snaplark_cloud_data::db::UserId;

/// The bytes of one user on their way at once: two of the largest files that a form carries, or a hundred
/// parts of the app.
const STAGED_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// The bytes that may be on their way beyond the space that is left. A new version needs them until the old one is
/// deleted, and so does a part that comes again: several parts, or two of the largest pictures.
const BEYOND_BYTES: u64 = 64 * 1024 * 1024;

/// The bytes of all users that are on their way.
#[derive(Debug, Default)]
pub(crate) struct Staging {
    users: Arc<Mutex<HashMap<UserId, u64>>>,
}

/// The bytes of one upload that is on its way. They stop counting when it is dropped.
#[derive(Debug)]
pub struct Staged {
    users: Arc<Mutex<HashMap<UserId, u64>>>,
    user: UserId,
    bytes: u64,
    bytes_max: u64,
}

impl Staging {
    /// Begins an upload of a user who has `left_bytes` of storage left, if it is limited.
    pub(crate) fn begin(&self, user: UserId, left_bytes: Option<u64>) -> Staged {
        let of_storage = left_bytes.map(|left| left.saturating_add(BEYOND_BYTES));
        let bytes_max = of_storage.unwrap_or(STAGED_BYTES_MAX).min(STAGED_BYTES_MAX);
        Staged { users: Arc::clone(&self.users), user, bytes: 0, bytes_max }
    }
}

impl Staged {
    /// Counts bytes that have come. Returns `false` if they are too many beside the user's other uploads;
    /// they must not be written then.
    pub fn add(&mut self, bytes: u64) -> bool {
        let mut users = lock(&self.users);
        let of_user = users.entry(self.user).or_default();
        if *of_user + bytes > self.bytes_max {
            return false;
        }
        *of_user += bytes;
        self.bytes += bytes;
        true
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let mut users = lock(&self.users);
        let left = users.get(&self.user).map_or(0, |bytes| bytes.saturating_sub(self.bytes));
        if left == 0 {
            users.remove(&self.user);
        } else {
            users.insert(self.user, left);
        }
    }
}

fn lock(users: &Mutex<HashMap<UserId, u64>>) -> MutexGuard<'_, HashMap<UserId, u64>> {
    users.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn uploads_of_one_user_share_what_may_be_on_its_way() {
        let staging = Staging::default();
        let (one, other) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let mut first = staging.begin(one, Some(10));
        let mut second = staging.begin(one, Some(10));
        assert!(first.add(BEYOND_BYTES) && second.add(10));
        assert!(!first.add(1) && !second.add(1), "the space that is left is on its way");
        assert!(staging.begin(other, Some(0)).add(BEYOND_BYTES), "another user has their own");
        drop(first);
        assert!(second.add(BEYOND_BYTES));
        drop(second);
        assert!(lock(&staging.users).is_empty());
        let mut unlimited = staging.begin(one, None);
        assert!(unlimited.add(STAGED_BYTES_MAX) && !unlimited.add(1));
    }
}
