//! A request body that can still be read after its first reader is done with it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Error;
use axum::body::{Body, BodyDataStream};
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use snaplark_cloud::audit;
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep_until};
use tracing::Instrument;

use super::cors;

/// The number of bytes that are read after an early refusal, while the client is still sending it.
/// That way the client sees the answer and not a connection reset.
const DRAIN_BYTES_MAX: usize = 32 * 1024 * 1024;
const DRAIN_MAX: Duration = Duration::from_secs(10);
/// A client that sends nothing for this long is gone, or only occupies a connection.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// The slowest connection that is accepted. A client below this rate only occupies a connection.
const BYTES_PER_SECOND_MIN: u64 = 512;

/// A shared reader of a body. A clone continues where another one stopped. Only one reads at a time.
#[derive(Clone)]
pub(crate) struct SharedBody(Arc<Mutex<State>>);

struct State {
    body: BodyDataStream,
    asked: bool,
    pace: Option<ReadDeadline>,
}

/// Tracks when the next bytes must arrive.
struct ReadDeadline {
    begun: Instant,
    bytes: u64,
    late: Pin<Box<Sleep>>,
}

/// The error of a body that arrives below the minimum rate.
#[derive(Debug, Error)]
#[error("the body comes too slowly")]
pub(crate) struct TooSlow;

impl ReadDeadline {
    fn new() -> Self {
        let begun = Instant::now();
        ReadDeadline { begun, bytes: 0, late: Box::pin(sleep_until(begun + SILENCE_MAX)) }
    }

    fn count(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        let due = due(self.bytes, self.begun.elapsed());
        self.late.as_mut().reset(self.begun + due);
    }
}

/// Returns the time, counted from the body's beginning, by which more must arrive when `bytes` have
/// come after `elapsed`.
fn due(bytes: u64, elapsed: Duration) -> Duration {
    Duration::from_secs(bytes / BYTES_PER_SECOND_MIN).min(elapsed) + SILENCE_MAX
}

impl SharedBody {
    pub(crate) fn new(body: Body) -> Self {
        SharedBody(Arc::new(Mutex::new(State {
            body: body.into_data_stream(),
            asked: false,
            pace: None,
        })))
    }

    fn was_asked(&self) -> bool {
        self.state().asked
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream for SharedBody {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.state();
        state.asked = true;
        let State { body, pace, .. } = &mut *state;
        let pace = pace.get_or_insert_with(ReadDeadline::new);
        match body.poll_next_unpin(cx) {
            Poll::Ready(Some(Ok(bytes))) => {
                pace.count(bytes.len());
                Poll::Ready(Some(Ok(bytes)))
            }
            Poll::Pending => match pace.late.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(Some(Err(Error::new(TooSlow)))),
                Poll::Pending => Poll::Pending,
            },
            ended => ended,
        }
    }
}

/// Reads the rest of the request's body after an early answer. If the client waits to be asked for
/// the body (`Expect: 100-continue`), nothing was sent yet and nothing is read.
pub(crate) async fn answer_after_body(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let waits = head.headers.contains_key(header::EXPECT);
    let body = SharedBody::new(body);
    let rest = body.clone();
    let response = next.run(Request::from_parts(head, Body::from_stream(body))).await;
    let is_coming = !waits || rest.was_asked();
    if !response.status().is_success() && is_coming {
        // A body that is not complete by then is cut off.
        tokio::time::timeout(DRAIN_MAX, drain(rest)).await.ok();
    }
    response
}

/// Answers a change through the API in a task of its own, which goes on if the client hangs up: a handler
/// that was dropped between an object and its row would leave an object that nothing counts. While the
/// body is still coming, its end is an error, and the handler deletes what it has written.
pub(crate) async fn work_to_the_end(request: Request, next: Next) -> Response {
    if request.method().is_safe() || !cors::is_open_to_all(request.uri().path()) {
        return next.run(request).await;
    }
    let from = audit::client_address();
    let answer = next.run(request);
    let answer = async move {
        match from {
            Some(from) => audit::with_client_address(from, answer).await,
            None => answer.await,
        }
    };
    match tokio::spawn(answer.in_current_span()).await {
        Ok(response) => response,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime ends, and with it the connection.
        Err(_) => std::future::pending().await,
    }
}

/// Returns whether a body could not be read because it came too slowly.
pub(crate) fn is_too_slow(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<TooSlow>() {
            return true;
        }
        cause = error.source();
    }
    false
}

async fn drain(mut rest: SharedBody) {
    let mut left = DRAIN_BYTES_MAX;
    while let Some(Ok(bytes)) = rest.next().await {
        match left.checked_sub(bytes.len()) {
            Some(less) => left = less,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how many seconds a body that sends `bytes` each second is accepted.
    fn lasts(bytes: u64) -> u64 {
        let late = |second: &u64| due(bytes * second, Duration::from_secs(*second)).as_secs();
        (0..24 * 60 * 60).find(|second| late(second) < second + 1).unwrap_or(u64::MAX)
    }

    #[test]
    fn a_slow_line_is_waited_for_and_a_held_one_is_not() {
        assert_eq!(lasts(1024), u64::MAX, "a kilobyte a second is a line");
        assert!((29..=32).contains(&lasts(1)), "a byte a second is none: {}", lasts(1));
        assert!((29..=32).contains(&lasts(0)));
        // A client that sent much at first gets no extra time for that.
        assert_eq!(due(10_000_000, Duration::from_secs(3)), Duration::from_secs(33));
    }
}
