//! Accepts connections. axum's own `serve` sets no timeouts on them, so a client that sends a header
//! byte by byte could hold one forever. It doesn't limit their number either, so one address could
//! use up all files that the process may open. The timeouts of bodies are in `http::body`.
//!
//! A client that has agreed on HTTP/2 during its TLS handshake gets that; without TLS it is HTTP/1.1.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::{Listener, ListenerExt};
use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

use snaplark_cloud::guesses::place;

/// The timeout for the headers of one request. It also limits how long a connection may be idle
/// between requests.
const HEADER_MAX: Duration = Duration::from_secs(30);
/// Browsers with a dozen cookies send a few kilobytes.
const HEADER_BYTES_MAX: usize = 64 * 1024;
const HEADERS_MAX: usize = 100;
/// The limit is enough for a dozen people, each with the six connections that a browser opens, and some more.
const VISITORS_MAX: usize = 128;
/// One address may hold this fraction of all connections. Behind a proxy all of them are the proxy's,
/// so the limit does not apply.
const SHARE_OF_ONE: usize = 4;
/// Files reserved for other purposes: the database, objects, ffmpeg's pipes.
const FILES_KEPT: usize = 256;
const CONNECTIONS_MIN: usize = 64;
const CONNECTIONS_MAX: usize = 16_384;
/// The delay after the process ran out of files, because a retry at once would fail again.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Requests that one client may have answered at once over HTTP/2. A page loads a dozen files.
const STREAMS_MAX: u32 = 32;
/// The bytes of all bodies of one HTTP/2 connection that are received before somebody reads them. With 100 ms to the
/// client it is enough for 40 Mbit/s.
const WINDOW_BYTES: u32 = 512 * 1024;
/// The bytes of one answer that are held until the client takes them.
const SEND_BYTES_MAX: usize = 64 * 1024;
/// How often a client that is being answered over HTTP/2 is asked whether it is still there, and how long it has
/// to say so.
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long a client may take to end an idle HTTP/2 connection that it was asked to end.
const GOODBYE_MAX: Duration = Duration::from_secs(5);

/// A connection that was accepted.
pub trait Connection: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Returns whether both sides have agreed on HTTP/2.
    fn speaks_http2(&self) -> bool;
}

impl Connection for TcpStream {
    fn speaks_http2(&self) -> bool {
        false
    }
}

/// Sets TCP_NODELAY. An answer's head and body are two writes, and without it the second would wait
/// until the client acknowledges the first, which takes 40 ms with most systems.
pub fn prompt(listener: TcpListener) -> impl Listener<Addr = SocketAddr, Io = TcpStream> {
    listener.tap_io(|stream| {
        stream.set_nodelay(true).ok();
    })
}

/// Returns the number of connections for which the process's limit on open files is enough.
pub(crate) fn connections_max() -> usize {
    #[cfg(unix)]
    let files = {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        limit.current.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
    };
    #[cfg(not(unix))]
    let files = CONNECTIONS_MAX;
    files.saturating_sub(FILES_KEPT).clamp(CONNECTIONS_MIN, CONNECTIONS_MAX)
}

/// Limits the number of concurrent connections, in total and from one address. A connection over the
/// limit is closed at once; the client can try again.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    taken: Arc<Mutex<ConnectionCounts>>,
    all: usize,
    of_one: usize,
}

#[derive(Debug, Default)]
struct ConnectionCounts {
    all: usize,
    by_place: HashMap<IpAddr, usize>,
}

impl Room {
    /// With `one_for_all`, every connection comes from the proxy in front.
    pub(crate) fn new(all: usize, one_for_all: bool) -> Self {
        let of_one = if one_for_all { all } else { all.div_ceil(SHARE_OF_ONE) };
        Room { taken: Arc::default(), all, of_one }
    }

    fn take(&self, from: IpAddr) -> Option<Seat> {
        let from = place(from.to_canonical());
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.all {
            return None;
        }
        let of_one = taken.by_place.entry(from).or_default();
        if *of_one >= self.of_one {
            return None;
        }
        *of_one += 1;
        taken.all += 1;
        Some(Seat { room: self.clone(), from })
    }
}

/// One connection's slot, which is released when it is dropped.
#[derive(Debug)]
struct Seat {
    room: Room,
    from: IpAddr,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.room.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(of_one) = taken.by_place.get_mut(&self.from) {
            *of_one -= 1;
            if *of_one == 0 {
                taken.by_place.remove(&self.from);
            }
        }
    }
}

/// Serves until `stop`, and then lets requests in progress finish.
pub(crate) async fn serve(
    mut listener: impl Listener<Addr = SocketAddr, Io: Connection>,
    router: Router,
    room: Room,
    stop: CancellationToken,
) -> io::Result<()> {
    let connections = TaskTracker::new();
    loop {
        let (stream, from) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let Some(seat) = room.take(from.ip()) else { continue };
        let connection = connection(stream, from, router.clone(), stop.clone());
        connections.spawn(async move {
            connection.await;
            drop(seat);
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
    Ok(())
}

/// Serves visitors of a network that may be hostile. In contrast to `serve`, there are at most
/// `VISITORS_MAX` connections, and `stop` ends all of them at once.
pub(crate) async fn serve_until(listener: TcpListener, router: Router, stop: CancellationToken) {
    let room = Room::new(VISITORS_MAX, false);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "A connection was not accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        stream.set_nodelay(true).ok();
        let Some(seat) = room.take(from.ip()) else { continue };
        let (router, stop) = (router.clone(), stop.clone());
        tokio::spawn(async move {
            let _seat = seat;
            tokio::select! {
                () = connection(stream, from, router, CancellationToken::new()) => {}
                () = stop.cancelled() => {}
            }
        });
    }
}

fn header_bytes(headers: &HeaderMap) -> usize {
    // `name: value` and the end of the line.
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

fn too_long() -> Response {
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response()
}

/// Names the host in the header that HTTP/1.1 has for it, where handlers look. HTTP/2 names it in the address.
fn name_host(request: &mut Request<Body>) {
    if request.headers().contains_key(header::HOST) {
        return;
    }
    let host = request.uri().authority().map(|host| HeaderValue::from_str(host.as_str()));
    if let Some(Ok(host)) = host {
        request.headers_mut().insert(header::HOST, host);
    }
}

/// Counts the answers of one connection that are under way.
#[derive(Clone, Debug)]
struct AnswersUnderWay(Arc<watch::Sender<usize>>);

/// One answer that is under way, until this is dropped.
#[derive(Debug)]
struct AnswerUnderWay(AnswersUnderWay);

impl AnswersUnderWay {
    fn new() -> Self {
        AnswersUnderWay(Arc::new(watch::Sender::new(0)))
    }

    fn begin(&self) -> AnswerUnderWay {
        self.0.send_modify(|count| *count += 1);
        AnswerUnderWay(self.clone())
    }

    /// Waits until the connection has been idle for as long as it may.
    async fn until_idle(&self) {
        let mut count = self.0.subscribe();
        loop {
            // It never fails: the sender is here.
            count.wait_for(|count| *count == 0).await.ok();
            let begun = count.wait_for(|count| *count > 0);
            if tokio::time::timeout(HEADER_MAX, begun).await.is_err() {
                return;
            }
        }
    }
}

impl Drop for AnswerUnderWay {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

/// The body of an answer that is under way until it was sent or given up.
struct CountedBody {
    body: Body,
    _answer: AnswerUnderWay,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

async fn connection(
    stream: impl Connection,
    from: SocketAddr,
    router: Router,
    stop: CancellationToken,
) {
    let is_http2 = stream.speaks_http2();
    let answers = AnswersUnderWay::new();
    let counted = answers.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let under_way = counted.begin();
        // The parser may read more at once than the limit of its buffer, so check the size again.
        let is_long = header_bytes(request.headers()) > HEADER_BYTES_MAX
            || request.headers().len() > HEADERS_MAX;
        let mut request = request.map(Body::new);
        name_host(&mut request);
        request.extensions_mut().insert(ConnectInfo(from));
        let answer = (!is_long).then(|| router.clone().call(request));
        async move {
            let Some(answer) = answer else { return Ok(too_long()) };
            let answer = answer.await.unwrap_or_else(|never| match never {});
            Ok::<_, Infallible>(
                answer.map(|body| Body::new(CountedBody { body, _answer: under_way })),
            )
        }
    });
    if is_http2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).keep_alive_interval(PING_EVERY);
        builder.keep_alive_timeout(PING_EVERY).max_concurrent_streams(STREAMS_MAX);
        builder.max_header_list_size(HEADER_BYTES_MAX as u32).max_send_buf_size(SEND_BYTES_MAX);
        builder.initial_stream_window_size(WINDOW_BYTES);
        builder.initial_connection_window_size(WINDOW_BYTES);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => {}
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await.ok();
            }
            // HTTP/1.1 has the timeout of the next request's headers for this.
            () = answers.until_idle() => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(GOODBYE_MAX, connection).await.ok();
            }
        }
        return;
    }
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_MAX);
    builder.max_buf_size(HEADER_BYTES_MAX).max_headers(HEADERS_MAX);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // An error of the connection is not reported, since it concerns only its client.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await.ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn connection_is_idle_when_nothing_was_under_way_for_as_long_as_it_may_be() {
        let answers = AnswersUnderWay::new();
        // The clock of a test has whole milliseconds.
        let is_about = |taken: Duration, expected: Duration| {
            taken >= expected && taken < expected + Duration::from_millis(10)
        };
        let begun = Instant::now();
        answers.until_idle().await;
        assert!(is_about(begun.elapsed(), HEADER_MAX), "from its beginning");

        let (one, other) = (answers.begin(), answers.begin());
        let begun = Instant::now();
        let end = async {
            tokio::time::sleep(2 * HEADER_MAX).await;
            drop(one);
            tokio::time::sleep(2 * HEADER_MAX).await;
            drop(other);
        };
        tokio::join!(answers.until_idle(), end);
        assert!(is_about(begun.elapsed(), 5 * HEADER_MAX), "from the end of the last answer");
    }
}
