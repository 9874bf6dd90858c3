//! A request's body that can still be read when its first reader is done with it.

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

/// A request that is refused early still has its body on the way: so much of it is read, so that
/// the client sees the answer and not a reset connection.
const DRAIN_BYTES_MAX: usize = 32 * 1024 * 1024;
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// Clones read on where another one stopped. One reads at a time.
#[derive(Clone)]
pub struct SharedBody(Arc<Mutex<State>>);

struct State {
    body: BodyDataStream,
    asked: bool,
}

impl SharedBody {
    pub fn new(body: Body) -> Self {
        SharedBody(Arc::new(Mutex::new(State { body: body.into_data_stream(), asked: false })))
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
        state.body.poll_next_unpin(cx)
    }
}

/// Reads what an early answer left of the request's body. Not where the client waits to be asked
/// for it (`Expect: 100-continue`): then nothing was sent yet.
pub async fn answer_after_body(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let waits = head.headers.contains_key(header::EXPECT);
    let body = SharedBody::new(body);
    let rest = body.clone();
    let response = next.run(Request::from_parts(head, Body::from_stream(body))).await;
    let is_coming = !waits || rest.was_asked();
    if !response.status().is_success() && is_coming {
        // What is still not here then is cut off.
        tokio::time::timeout(DRAIN_MAX, drain(rest)).await.ok();
    }
    response
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
