//! A bucket that is slow to say yes: `SlowDown`, and answers that are lost after it did what it was
//! asked. What a client sees of it is nothing, or an answer that it may try again.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::backend::bucket_address;
use crate::support::{Server, User, decode, real};
use crate::wait;

const HEAD_BYTES_MAX: usize = 64 * 1024;

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    /// Nothing is done; the store says so.
    SlowDown,
    /// It is done, and nobody hears of it.
    LoseReply,
}

/// Between the server and the bucket: one request a connection.
struct Proxy {
    address: SocketAddr,
    met: Arc<AtomicUsize>,
}

impl Proxy {
    /// `judge` sees each request's line and how many faults there were.
    async fn start(judge: impl Fn(&str, usize) -> Option<Fault> + Send + Sync + 'static) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let met = Arc::new(AtomicUsize::new(0));
        let (judge, counted) = (Arc::new(judge), Arc::clone(&met));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (judge, met) = (Arc::clone(&judge), Arc::clone(&counted));
                // A connection that breaks off is the client's to notice.
                tokio::spawn(async move { serve(client, &*judge, &met).await.ok() });
            }
        });
        Proxy { address, met }
    }

    fn met(&self) -> usize {
        self.met.load(Ordering::SeqCst)
    }

    async fn server(&self, ffmpeg: &Path) -> Server {
        let endpoint = format!("http://{}", self.address);
        Server::with(|options| {
            let url = options.cloud.place.storage_url.as_mut().unwrap();
            *url = url.replace(&format!("http://{}", bucket_address()), &endpoint);
            assert!(url.contains(&endpoint), "{url}");
            options.cloud.ffmpeg = ffmpeg.to_owned();
        })
        .await
    }
}

async fn serve(
    client: TcpStream,
    judge: &(dyn Fn(&str, usize) -> Option<Fault> + Send + Sync),
    met: &AtomicUsize,
) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert!(head.len() < HEAD_BYTES_MAX, "a head without end");
        if client.read_until(b'\n', &mut head).await? == 0 {
            return Ok(());
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<u64>().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0) as usize];
    client.read_exact(&mut body).await?;
    let fault = judge(text.lines().next().unwrap(), met.load(Ordering::SeqCst));
    met.fetch_add(usize::from(fault.is_some()), Ordering::SeqCst);
    if fault == Some(Fault::SlowDown) {
        let xml = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
        let answer = format!(
            "HTTP/1.1 503 Slow Down\r\ncontent-type: application/xml\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{xml}",
            xml.len()
        );
        return client.write_all(answer.as_bytes()).await;
    }
    let mut bucket = TcpStream::connect(bucket_address()).await?;
    // The connection is no part of what is signed.
    let head = text.trim_end().to_owned() + "\r\nconnection: close\r\n\r\n";
    bucket.write_all(head.as_bytes()).await?;
    bucket.write_all(&body).await?;
    let mut answer = Vec::new();
    bucket.read_to_end(&mut answer).await?;
    if fault == Some(Fault::LoseReply) {
        return Ok(());
    }
    client.write_all(&answer).await?;
    client.shutdown().await
}

async fn upload(user: &User) -> (String, String) {
    let session = user.init().await;
    for (index, part) in real().stream().iter().enumerate() {
        user.chunk(&session, index, part).await.ok();
    }
    let answer = user.finalize(&session, real().segments.len()).await.ok();
    (session, format!("/videos/{}", answer["videoId"].as_str().unwrap()))
}

#[tokio::test]
async fn slow_down_and_lost_replies_are_the_servers_own_to_try_again() {
    for fault in [Fault::SlowDown, Fault::LoseReply] {
        let proxy =
            Proxy::start(move |line, met| (line.starts_with("PUT ") && met < 3).then_some(fault))
                .await;
        let server = proxy.server(Path::new("ffmpeg")).await;
        let user = server.user("a@example.com").await;
        let (_, path) = upload(&user).await;
        assert_eq!(proxy.met(), 3);
        assert!(user.bytes(&format!("{path}/original.webm")).await == real().whole());
        decode(&user.bytes(&format!("{path}/video.webm")).await);
    }
}

#[tokio::test]
async fn a_read_that_is_refused_is_tried_again_too() {
    let proxy =
        Proxy::start(|line, met| (line.starts_with("GET ") && met < 4).then_some(Fault::SlowDown))
            .await;
    let server = proxy.server(Path::new("ffmpeg")).await;
    let user = server.user("a@example.com").await;
    let (_, path) = upload(&user).await;
    decode(&user.bytes(&format!("{path}/video.webm")).await);
    assert_eq!(proxy.met(), 4);
}

/// Something larger than a part is sent in pieces, and the answer to the last word of it is lost.
#[cfg(unix)]
#[tokio::test]
async fn a_lost_answer_to_complete_makes_nothing_twice() {
    use std::os::unix::fs::PermissionsExt;
    const SIZE: usize = 12_000_000;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("ffmpeg");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = -version ] && exit 0\n\
         for out; do :; done\nexec head -c {SIZE} /dev/zero > \"$out\"\n"
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let is_complete = |line: &str| line.starts_with("POST ") && line.contains("uploadId=");
    let proxy =
        Proxy::start(move |line, met| (is_complete(line) && met < 1).then_some(Fault::LoseReply))
            .await;
    let server = proxy.server(&program).await;
    let user = server.user("a@example.com").await;
    let (session, path) = upload(&user).await;
    let jobs = wait::until("its products", async || {
        let status = user.get(&format!("/videos/{session}")).await.ok();
        let jobs = status["jobs"].as_array().unwrap();
        assert!(jobs.iter().all(|job| job["state"] != "failed"), "{status}");
        // The second try waits for the clock.
        server.pass_ms(10_000);
        jobs.iter().all(|job| job["state"] == "done").then(|| jobs.clone())
    })
    .await;
    assert_eq!(proxy.met(), 1);
    assert_eq!(user.bytes(&format!("{path}/made/thumbnail.jpg")).await, vec![0; SIZE]);
    // A try that is not known to have succeeded may leave an orphan behind: the sweeper's.
    let tries = jobs.iter().map(|job| job["attempts"].as_u64().unwrap() as usize).sum();
    let made = server.objects() - real().segments.len();
    assert!((jobs.len()..=tries).contains(&made), "{made} objects in {tries} tries");
}
