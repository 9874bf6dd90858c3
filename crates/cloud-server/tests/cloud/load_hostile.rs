//! Clients that mean ill, as many as one attacker has at hand. They run on a thread of their own, so
//! that they take the server's time and not the honest clients'.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Client;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;

use crate::browser::Browser;
use crate::maps::torn;
use crate::support::User;

const IDLE: usize = 1138;
const HALF_OPEN: usize = 100;
const SLOW_BODIES: usize = 24;
const WRONG_TOKENS: usize = 200;
const GUESSERS: u8 = 8;
const WORST_READERS: usize = 8;
/// Uploads of the hostile member's own, each with a picture, a preview and three MP4s to make.
const COSTLY: usize = 6;

/// Whom they attack.
#[derive(Clone)]
pub struct Target {
    pub url: String,
    /// A member of the server, with a token.
    pub member: User,
    /// A video with a password.
    pub locked: String,
}

/// Runs until `end`.
pub struct Hostile {
    stop: Option<oneshot::Sender<()>>,
    thread: std::thread::JoinHandle<()>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    tokens: AtomicU64,
    passwords: AtomicU64,
    ranges: AtomicU64,
    jobs: AtomicU64,
}

impl Hostile {
    /// Uploads the worst videos that are taken, and returns when the attack has begun. `at_length`:
    /// with work for ffmpeg that takes minutes.
    pub async fn begin(target: Target, at_length: bool) -> Hostile {
        let counts = Arc::new(Counts::default());
        let worst = worst(&target.member).await;
        let costly = if at_length { costly() } else { Vec::new() };
        let (stop, stopped) = oneshot::channel();
        let (begun, has_begun) = oneshot::channel();
        let told = Arc::clone(&counts);
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let held = idle(&target).await;
                begin_all(&target, &told, &worst, costly);
                begun.send(()).ok();
                stopped.await.ok();
                drop(held);
            });
            runtime.shutdown_timeout(Duration::from_millis(100));
        });
        has_begun.await.expect("the attack begins");
        Hostile { stop: Some(stop), thread, counts }
    }

    /// Ends the attack and returns what was tried.
    pub fn end(mut self) -> String {
        self.stop.take().map(|stop| stop.send(()));
        self.thread.join().unwrap();
        let Counts { tokens, passwords, ranges, jobs } = &*self.counts;
        let [tokens, passwords, ranges, jobs] =
            [tokens, passwords, ranges, jobs].map(|count| count.load(Ordering::SeqCst));
        format!(
            "{IDLE} idle connections, {HALF_OPEN} half-open requests, {SLOW_BODIES} slow bodies, \
             {tokens} wrong tokens, {passwords} wrong passwords, {ranges} ranges of the worst video, \
             {jobs} videos for ffmpeg"
        )
    }
}

fn begin_all(target: &Target, counts: &Arc<Counts>, worst: &str, costly: Vec<u8>) {
    for _ in 0..HALF_OPEN {
        tokio::spawn(half_open(target.clone()));
    }
    for _ in 0..SLOW_BODIES {
        tokio::spawn(slow_body(target.clone()));
    }
    let http = from([127, 0, 0, 5]);
    for _ in 0..WRONG_TOKENS {
        tokio::spawn(wrong_tokens(target.clone(), Arc::clone(counts), http.clone()));
    }
    for at in 0..GUESSERS {
        tokio::spawn(wrong_passwords(target.clone(), Arc::clone(counts), at));
    }
    let http = from([127, 0, 0, 8]);
    for _ in 0..WORST_READERS {
        tokio::spawn(reads(target.clone(), Arc::clone(counts), http.clone(), worst.to_owned()));
    }
    if !costly.is_empty() {
        tokio::spawn(costs(target.clone(), Arc::clone(counts), costly));
    }
}

/// As many clusters as are taken, in parts that are as torn as may be.
async fn worst(member: &User) -> String {
    let session = member.init().await;
    let parts = torn(50_000 / 900, 900, 8);
    for (index, part) in parts.iter().enumerate() {
        // Ten parts of an upload a second are taken.
        while member.chunk(&session, index, part).await.status == 429 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    let answer = member.finalize(&session, parts.len()).await.ok();
    format!("/{}", answer["key"].as_str().unwrap())
}

/// Some seconds of large pictures that never hold still.
fn costly() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("costly.webm");
    let done = std::process::Command::new("ffmpeg")
        .args("-v error -f lavfi -i testsrc2=size=1920x1080:rate=30 -t 5 -c:v libvpx".split(' '))
        .args("-deadline realtime -cpu-used 16 -threads 2 -b:v 2M -g 30".split(' '))
        .arg(&out)
        .status()
        .unwrap();
    assert!(done.success());
    std::fs::read(&out).unwrap()
}

fn from(address: [u8; 4]) -> Client {
    let from = IpAddr::V4(Ipv4Addr::from(address));
    Client::builder().no_proxy().local_address(from).build().unwrap()
}

async fn connect(target: &Target, from: [u8; 4]) -> Option<TcpStream> {
    let at: SocketAddr = target.url.strip_prefix("http://").unwrap().parse().unwrap();
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(SocketAddr::from((from, 0))).ok()?;
    socket.connect(at).await.ok()
}

async fn idle(target: &Target) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for _ in 0..IDLE {
        held.extend(connect(target, [127, 0, 0, 2]).await);
    }
    assert_eq!(held.len(), IDLE, "the kernel takes them");
    held
}

/// A header, letter by letter.
async fn half_open(target: Target) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let Some(mut stream) = connect(&target, [127, 0, 0, 3]).await else { continue };
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ").await.ok();
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// A part of a megabyte, byte by byte, with a good token.
async fn slow_body(target: Target) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let Some(mut stream) = connect(&target, [127, 0, 0, 4]).await else { continue };
        let head = format!(
            "POST /api/v1/videos/chunk HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
             Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n",
            target.member.token
        );
        stream.write_all(head.as_bytes()).await.ok();
        let mut answer = [0; 256];
        loop {
            tokio::select! {
                read = stream.read(&mut answer) => if !matches!(read, Ok(1..)) { break },
                () = tokio::time::sleep(Duration::from_millis(250)) => {}
            }
            if stream.write_all(b"-").await.is_err() {
                break;
            }
        }
    }
}

async fn wrong_tokens(target: Target, counts: Arc<Counts>, http: Client) {
    loop {
        let request = http.get(format!("{}/api/v1/videos", target.url)).bearer_auth("snap_wrong");
        if let Ok(response) = request.send().await {
            assert!(matches!(response.status().as_u16(), 401 | 429), "{}", response.status());
            counts.tokens.fetch_add(1, Ordering::SeqCst);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// At one account and at one link, from addresses of their own; without a pause but for the answer.
async fn wrong_passwords(target: Target, counts: Arc<Counts>, at: u8) {
    let browser = Browser::at(&target.url, Some(IpAddr::from([127, 0, 1, at])));
    let key = browser.key("/sign-in").await;
    let unlock = format!("{}/password", target.locked);
    for turn in 0_u64.. {
        let wrong = format!("a wrong password {turn}");
        let (path, email) = match turn % 3 {
            0 => (unlock.as_str(), String::new()),
            1 => ("/sign-in", "victim@example.com".to_owned()),
            _ => ("/sign-in", format!("nobody-{turn}@example.com")),
        };
        let fields =
            [("email", email.as_str()), ("password", &wrong), ("formKey", &key), ("next", "")];
        let seen = browser.post(path, &fields).await;
        assert!(seen.status != 303, "a wrong password opens nothing");
        counts.passwords.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn reads(target: Target, counts: Arc<Counts>, http: Client, path: String) {
    for turn in 0_u64.. {
        let at = turn * 1000 % 500_000;
        let request = http.get(format!("{}{path}", target.url));
        let request = request.header("Range", format!("bytes={at}-{}", at + 300_000));
        if let Ok(response) = request.send().await {
            response.bytes().await.ok();
            counts.ranges.fetch_add(1, Ordering::SeqCst);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn costs(target: Target, counts: Arc<Counts>, costly: Vec<u8>) {
    for _ in 0..COSTLY {
        let answer = target.member.upload(std::slice::from_ref(&costly)).await;
        let path = format!("{}/videos/{}", target.url, answer["videoId"].as_str().unwrap());
        for height in [1080, 720, 480] {
            target.member.http.get(format!("{path}/made/{height}.mp4")).send().await.ok();
        }
        counts.jobs.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
