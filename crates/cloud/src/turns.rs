//! Turns at work that few may do at once, fair by user: a user's requests wait in a line of their own,
//! and only the first of each line waits for a turn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore, SemaphorePermit};

use snaplark_cloud_data::db::UserId;

type Lines = HashMap<UserId, Arc<AsyncMutex<()>>>;

/// A number of turns, of which no user has more than one.
#[derive(Debug)]
pub(crate) struct Turns {
    turns: Semaphore,
    lines: Mutex<Lines>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    first: Option<OwnedMutexGuard<()>>,
    _permit: SemaphorePermit<'a>,
}

impl Turns {
    pub(crate) fn new(turns: usize) -> Self {
        Turns { turns: Semaphore::new(turns), lines: Mutex::default() }
    }

    /// Waits for a turn of this user.
    pub(crate) async fn take(&self, user: UserId) -> Turn<'_> {
        let line = Arc::clone(self.lines().entry(user).or_default());
        let first = Some(line.lock_owned().await);
        let permit = self.turns.acquire().await.expect("the semaphore is never closed");
        Turn { turns: self, first, _permit: permit }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        drop(self.first.take());
        self.turns.lines().retain(|_, line| Arc::strong_count(line) > 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use uuid::Uuid;

    #[test]
    fn user_with_a_long_line_has_one_turn_and_keeps_nobody_waiting() {
        let turns = Turns::new(2);
        let (crowd, one) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let mut context = Context::from_waker(Waker::noop());
        let (mut first, mut second) = (pin!(turns.take(crowd)), pin!(turns.take(crowd)));
        let Poll::Ready(turn) = first.as_mut().poll(&mut context) else { panic!("a free turn") };
        assert!(second.as_mut().poll(&mut context).is_pending(), "one turn for one user");
        let Poll::Ready(other) = pin!(turns.take(one)).poll(&mut context) else {
            panic!("the second turn is another user's");
        };
        drop(turn);
        let Poll::Ready(turn) = second.as_mut().poll(&mut context) else { panic!("the next") };
        drop((turn, other));
        assert!(turns.lines().is_empty(), "a line that nobody waits in is forgotten");
    }
}
