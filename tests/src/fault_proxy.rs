//! A proxy between the real client and a real server that fails on demand, as a network, a load balancer or
//! a dying server does to one request. It also counts what is sent again.
//!
//! It supports only the HTTP/1.1 that these two use: requests and answers with Content-Length, and
//! keep-alive connections. A script looks at each request and decides what happens to it; without a script
//! all pass. Faults use real sockets: a reset is a RST, and a closed port refuses.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

/// A part's fields come before its bytes; this much of a body is searched for them.
const FIELDS_BYTES_MAX: usize = 1024;
const HEAD_BYTES_MAX: usize = 16 * 1024;
const COPY_BYTES: usize = 64 * 1024;
/// The time slice of a trickle.
const DRIP: Duration = Duration::from_millis(100);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    Init,
    Chunk,
    Finalize,
    Other(String),
}

/// A request whose head has arrived and whose body follows.
#[derive(Clone, Debug)]
pub struct Asked {
    pub route: Route,
    /// The request's number within its route, from 1.
    pub nth: usize,
    /// Set for a part.
    pub session: Option<String>,
    pub index: Option<u32>,
    /// The size of the body, according to the head.
    pub bytes: u64,
    /// The token that came with it.
    pub token: Option<String>,
    pub faulted: bool,
}

/// The action that a script chose for a request.
#[derive(Clone, Debug)]
pub enum Turn {
    Pass,
    /// RST on both sides after this many bytes of the body.
    Reset {
        after_bytes: u64,
    },
    /// The body is read and never answered.
    BlackHole,
    /// The server has handled the request, but the client's connection is reset before the answer.
    LoseReply,
    /// Half of the answer, then RST.
    CutReply,
    /// The body passes at this rate for this time, then at full speed.
    Trickle {
        bytes_per_second: u64,
        lasting: Duration,
    },
    /// The proxy answers in the server's place, after the body has arrived.
    Answer(String),
    /// The server has handled the request; the answer names the next part instead.
    WrongEcho,
}

impl Turn {
    /// Returns a complete answer that the proxy gives in the server's place.
    pub fn answer(status: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let mut head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        Turn::Answer(format!("{head}\r\n{body}"))
    }
}

type Script = Box<dyn FnMut(&Asked) -> Turn + Send>;

/// A proxy that stops when its guard is dropped. Needs a tokio runtime around it.
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: SocketAddr,
    script: Mutex<Script>,
    asked: Mutex<Vec<Asked>>,
    /// The bodies of all requests, if they are kept.
    bodies: Mutex<Option<Vec<u8>>>,
    /// True while the port is open. Every change resets the open connections.
    open: watch::Sender<bool>,
}

impl FaultProxy {
    pub async fn start(upstream: SocketAddr) -> Result<Self> {
        let listener = listen(([127, 0, 0, 1], 0).into())?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            script: Mutex::new(Box::new(|_| Turn::Pass)),
            asked: Mutex::default(),
            bodies: Mutex::default(),
            open: watch::Sender::new(true),
        });
        tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn script(&self, script: impl FnMut(&Asked) -> Turn + Send + 'static) {
        *lock(&self.shared.script) = Box::new(script);
    }

    /// Simulates a lost network: connections are reset, and the port refuses.
    pub fn close(&self) {
        self.shared.open.send_replace(false);
    }

    /// Opens the port again, under the same address.
    pub async fn reopen(&self) -> Result<()> {
        // The old listener closes a moment after it was told to.
        let listener = loop {
            match listen(self.address) {
                Err(error) if error.kind() == ErrorKind::AddrInUse => {
                    tokio::task::yield_now().await;
                }
                listener => break listener.context("the proxy's port is taken")?,
            }
        };
        self.shared.open.send_replace(true);
        tokio::spawn(accept(listener, Arc::clone(&self.shared)));
        Ok(())
    }

    /// Keeps the bodies of all requests from now on.
    pub fn keep_bodies(&self) {
        *lock(&self.shared.bodies) = Some(Vec::new());
    }

    /// Returns the bodies of all requests one after the other, as far as they arrived.
    pub fn bodies(&self) -> Vec<u8> {
        lock(&self.shared.bodies).clone().unwrap_or_default()
    }

    /// Returns all requests, in order.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.shared.asked).clone()
    }

    pub fn count(&self, route: &Route) -> usize {
        lock(&self.shared.asked).iter().filter(|asked| asked.route == *route).count()
    }

    pub fn faults(&self) -> usize {
        lock(&self.shared.asked).iter().filter(|asked| asked.faulted).count()
    }

    /// Returns what the parts of one recording cost beyond being sent once.
    pub fn again(&self) -> Again {
        Again::of(&self.asked())
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.close();
    }
}

/// The cost of retries. Each retry of a part counts as the whole part, however little of it came through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Again {
    pub parts: u64,
    pub bytes: u64,
    pub largest_part_bytes: u64,
}

impl Again {
    pub fn of(asked: &[Asked]) -> Self {
        let mut again = Self::default();
        let mut sent = std::collections::HashSet::new();
        for part in asked.iter().filter(|asked| asked.route == Route::Chunk) {
            again.largest_part_bytes = again.largest_part_bytes.max(part.bytes);
            if !sent.insert(part.index) {
                again.parts += 1;
                again.bytes += part.bytes;
            }
        }
        again
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(64)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut open = shared.open.subscribe();
    loop {
        let client = tokio::select! {
            client = listener.accept() => client,
            _ = open.wait_for(|open| !open) => return,
        };
        let Ok((client, _)) = client else { return };
        let (shared, mut open) = (Arc::clone(&shared), open.clone());
        tokio::spawn(async move {
            let Ok(mut pair) = Pair::new(client, shared.upstream).await else { return };
            let reset = tokio::select! {
                reset = pair.serve(&shared) => reset,
                _ = open.wait_for(|open| !open) => true,
            };
            if reset {
                pair.reset();
            }
        });
    }
}

/// A client's connection and the upstream connection that is made for it.
struct Pair {
    from_client: BufReader<OwnedReadHalf>,
    to_client: OwnedWriteHalf,
    from_server: BufReader<OwnedReadHalf>,
    to_server: OwnedWriteHalf,
}

/// The state in which an exchange left the connection.
enum After {
    Keep,
    Close,
    Reset,
}

impl Pair {
    /// Connects to the server. If that fails, the client's connection is reset.
    async fn new(client: TcpStream, upstream: SocketAddr) -> std::io::Result<Self> {
        let server = match TcpStream::connect(upstream).await {
            Ok(server) => server,
            Err(error) => {
                client.set_zero_linger()?;
                return Err(error);
            }
        };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let (from_client, from_server) = (BufReader::new(from_client), BufReader::new(from_server));
        Ok(Self { from_client, to_client, from_server, to_server })
    }

    fn reset(&self) {
        for stream in [self.to_client.as_ref(), self.to_server.as_ref()] {
            // It fails only if there is nothing left to reset.
            stream.set_zero_linger().ok();
        }
    }

    /// Serves until one side ends the connection. Returns whether to end it with a reset.
    async fn serve(&mut self, shared: &Shared) -> bool {
        loop {
            match self.exchange(shared).await {
                Ok(After::Keep) => {}
                Ok(After::Close) => return false,
                Ok(After::Reset) | Err(_) => return true,
            }
        }
    }

    async fn exchange(&mut self, shared: &Shared) -> std::io::Result<After> {
        // A server that closes an idle connection closes it for the client too.
        let head = tokio::select! {
            head = read_head(&mut self.from_client) => head?,
            gone = self.from_server.fill_buf() => {
                gone?;
                return Ok(After::Close);
            }
        };
        let Some(head) = head else { return Ok(After::Close) };
        let fields = read_fields(&mut self.from_client, head.length).await?;
        let (asked, turn) = shared.judge(&head, &fields);
        let left = asked.bytes - fields.len() as u64;
        let body = Body { first: fields, left, slow: None, kept: &shared.bodies };
        match turn {
            Turn::Pass => self.pass(&head, body, |_| Reply::Whole).await,
            Turn::LoseReply => self.pass(&head, body, |_| Reply::Nothing).await,
            Turn::CutReply => self.pass(&head, body, |_| Reply::Half).await,
            Turn::WrongEcho => self.pass(&head, body, wrong_echo).await,
            Turn::Trickle { bytes_per_second, lasting } => {
                let slow = Some((bytes_per_second, Instant::now() + lasting));
                self.pass(&head, Body { slow, ..body }, |_| Reply::Whole).await
            }
            Turn::Reset { after_bytes } => {
                let left = after_bytes.saturating_sub(body.first.len() as u64).min(body.left);
                self.to_server.write_all(&head.bytes).await?;
                let body = Body { left, ..body };
                body.copy(&mut self.from_client, &mut self.to_server).await?;
                Ok(After::Reset)
            }
            Turn::BlackHole => {
                body.copy(&mut self.from_client, &mut tokio::io::sink()).await?;
                // Waits until the client gives up.
                tokio::io::copy_buf(&mut self.from_client, &mut tokio::io::sink()).await?;
                Ok(After::Reset)
            }
            Turn::Answer(answer) => {
                body.copy(&mut self.from_client, &mut tokio::io::sink()).await?;
                self.to_client.write_all(answer.as_bytes()).await?;
                Ok(After::Keep)
            }
        }
    }

    /// Passes the request on. The server may answer before the body is complete; then that is the answer,
    /// and the rest of the body is discarded.
    async fn pass(
        &mut self,
        head: &Head,
        body: Body<'_>,
        reply: impl Fn(&[u8]) -> Reply,
    ) -> std::io::Result<After> {
        self.to_server.write_all(&head.bytes).await?;
        let answer = {
            let mut answering = Box::pin(read_answer(&mut self.from_server));
            let copied = tokio::select! {
                biased;
                answer = &mut answering => Err(answer),
                copied = body.copy(&mut self.from_client, &mut self.to_server) => Ok(copied),
            };
            match copied {
                Ok(Ok(())) => answering.await?,
                // A server that has refused may close before it has read everything.
                Ok(Err(error)) => answering.await.map_err(|_| error)?,
                Err(early) => {
                    self.to_client.write_all(&early?).await?;
                    self.to_client.shutdown().await?;
                    tokio::io::copy_buf(&mut self.from_client, &mut tokio::io::sink()).await?;
                    return Ok(After::Close);
                }
            }
        };
        match reply(&answer) {
            Reply::Whole => self.to_client.write_all(&answer).await?,
            Reply::Other(answer) => self.to_client.write_all(&answer).await?,
            Reply::Half => {
                self.to_client.write_all(&answer[..answer.len() / 2]).await?;
                return Ok(After::Reset);
            }
            Reply::Nothing => return Ok(After::Reset),
        }
        Ok(After::Keep)
    }
}

enum Reply {
    Whole,
    Half,
    Nothing,
    Other(Vec<u8>),
}

impl Shared {
    fn judge(&self, head: &Head, fields: &[u8]) -> (Asked, Turn) {
        let route = match head.path.rsplit_once("/api/v1").map_or("", |(_, path)| path) {
            "/videos/init" => Route::Init,
            "/videos/chunk" => Route::Chunk,
            "/videos/finalize" => Route::Finalize,
            _ => Route::Other(head.path.clone()),
        };
        let mut all = lock(&self.asked);
        let nth = all.iter().filter(|asked| asked.route == route).count() + 1;
        let text = String::from_utf8_lossy(fields);
        let mut asked = Asked {
            route,
            nth,
            session: field(&text, "sessionId"),
            index: field(&text, "chunkIndex").and_then(|index| index.parse().ok()),
            bytes: head.length,
            token: head.token.clone(),
            faulted: false,
        };
        let turn = (lock(&self.script))(&asked);
        asked.faulted = !matches!(turn, Turn::Pass);
        all.push(asked.clone());
        (asked, turn)
    }
}

/// Returns a text field of a multipart body.
fn field(body: &str, name: &str) -> Option<String> {
    let (_, rest) = body.split_once(&format!("name=\"{name}\""))?;
    let (_, rest) = rest.split_once("\r\n\r\n")?;
    rest.split_once("\r\n").map(|(value, _)| value.to_owned())
}

struct Head {
    bytes: Vec<u8>,
    path: String,
    length: u64,
    token: Option<String>,
}

async fn read_head(from: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<Head>> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        if from.read_until(b'\n', &mut bytes).await? == 0 {
            return if bytes.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
        }
        if bytes.len() > HEAD_BYTES_MAX {
            return Err(Error::other("a head without end"));
        }
    }
    let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    if text.contains("transfer-encoding:") {
        return Err(Error::other("this proxy knows no chunked bodies"));
    }
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.map_or(Ok(0), |length| length.trim().parse()).map_err(Error::other)?;
    let text = String::from_utf8_lossy(&bytes);
    let path = text.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let bearer = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let token = value.trim().strip_prefix("Bearer ")?;
        name.eq_ignore_ascii_case("authorization").then(|| token.to_owned())
    };
    let token = text.lines().find_map(bearer);
    Ok(Some(Head { path, length, bytes, token }))
}

async fn read_fields(
    from: &mut (impl AsyncBufRead + Unpin),
    length: u64,
) -> std::io::Result<Vec<u8>> {
    let mut fields = vec![0; length.min(FIELDS_BYTES_MAX as u64) as usize];
    from.read_exact(&mut fields).await?;
    Ok(fields)
}

async fn read_answer(from: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let head = read_head(from).await?.ok_or(ErrorKind::UnexpectedEof)?;
    let mut answer = head.bytes;
    let start = answer.len();
    answer.resize(start + head.length as usize, 0);
    from.read_exact(&mut answer[start..]).await?;
    Ok(answer)
}

struct Body<'a> {
    first: Vec<u8>,
    left: u64,
    /// The rate in bytes per second, and until when it applies.
    slow: Option<(u64, Instant)>,
    kept: &'a Mutex<Option<Vec<u8>>>,
}

impl Body<'_> {
    async fn copy(
        self,
        from: &mut (impl AsyncBufRead + Unpin),
        to: &mut (impl tokio::io::AsyncWrite + Unpin),
    ) -> std::io::Result<()> {
        let keep = |bytes: &[u8]| {
            if let Some(kept) = lock(self.kept).as_mut() {
                kept.extend_from_slice(bytes);
            }
        };
        keep(&self.first);
        to.write_all(&self.first).await?;
        let mut left = self.left;
        let mut block = vec![0; COPY_BYTES];
        while left > 0 {
            let mut portion = left.min(COPY_BYTES as u64);
            if let Some((rate, _)) = self.slow.filter(|(_, until)| Instant::now() < *until) {
                // The fault itself consists of passing time.
                tokio::time::sleep(DRIP).await;
                portion = portion.min((rate * DRIP.as_millis() as u64 / 1_000).max(1));
            }
            match from.read(&mut block[..portion as usize]).await? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                count => {
                    keep(&block[..count]);
                    to.write_all(&block[..count]).await?;
                    left -= count as u64;
                }
            }
        }
        to.flush().await
    }
}

/// Changes the index in an answer of either document to that of the next part.
fn wrong_echo(answer: &[u8]) -> Reply {
    let text = String::from_utf8_lossy(answer);
    let Some((_, body)) = text.split_once("\r\n\r\n") else { return Reply::Whole };
    let Ok(mut body) = serde_json::from_str::<Value>(body) else { return Reply::Whole };
    for name in ["receivedChunkIndex", "chunkIndex"] {
        if let Some(index) = body[name].as_u64() {
            body[name] = (index + 1).into();
        }
    }
    let body = body.to_string();
    let head = format!("content-type: application/json\r\ncontent-length: {}", body.len());
    Reply::Other(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(index: u32, bytes: u64) -> Asked {
        let route = Route::Chunk;
        Asked {
            route,
            nth: 0,
            session: None,
            index: Some(index),
            bytes,
            token: None,
            faulted: false,
        }
    }

    #[test]
    fn each_further_try_counts_as_the_whole_part() {
        let asked = [part(0, 10), part(1, 20), part(1, 20), part(0, 10), part(1, 20)];
        let again = Again { parts: 3, bytes: 50, largest_part_bytes: 20 };
        assert_eq!(Again::of(&asked), again);
    }

    #[test]
    fn fields_are_read_from_the_body() {
        let body = "--b\r\ncontent-disposition: form-data; name=\"chunkIndex\"\r\n\r\n17\r\n--b";
        assert_eq!(field(body, "chunkIndex").as_deref(), Some("17"));
        assert_eq!(field(body, "sessionId"), None);
    }
}
