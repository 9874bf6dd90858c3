//! Those who mean no good: bytes that are no request, requests that are no form, forms that lie, and
//! connections that are only held. The server answers each with a refusal and goes on.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::screenshots::picture;
use crate::support::{Server, User, init_000, synthetic};

/// In the test command; `SNAPLARK_FUZZ_SECONDS` for longer (`cargo xtask soak`).
const FUZZ_SECONDS: u64 = 4;
/// An answer that takes longer is counted as none. Eight kinds run at once, perhaps at the lowest priority.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// xorshift: the same seed is the same run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// Some bytes turned, cut out, doubled, or replaced by what parsers stumble over.
    fn spoil(&mut self, bytes: &[u8]) -> Vec<u8> {
        const STONES: [&[u8]; 12] = [
            b"\0",
            b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
            b"\x01\0\0\0\0\0\0\0",
            b"\r\n\r\n",
            b"--b",
            b"--b--",
            b"../../../../etc/passwd",
            b"%00",
            b"\"",
            b"[[[[[[[[",
            b"\xED\xA0\x80",
            b"99999999999999999999",
        ];
        let mut bytes = bytes.to_vec();
        for _ in 0..=self.below(6) {
            let at = self.below(bytes.len());
            match self.below(5) {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                1 => drop(bytes.drain(at..(at + self.below(40)).min(bytes.len()))),
                2 => {
                    let piece = bytes[at..(at + self.below(40)).min(bytes.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
                3 => bytes.truncate(at),
                _ => {
                    let stone = STONES[self.below(STONES.len())];
                    bytes.splice(at..at, stone.iter().copied());
                }
            }
        }
        bytes
    }
}

fn seed() -> (u64, Duration) {
    let told = |name: &str| std::env::var(name).ok()?.parse().ok();
    let seed = told("SNAPLARK_FUZZ_SEED").unwrap_or(0x5EED);
    let seconds = told("SNAPLARK_FUZZ_SECONDS").unwrap_or(FUZZ_SECONDS);
    println!("SNAPLARK_FUZZ_SEED={seed} for {seconds} s");
    (seed, Duration::from_secs(seconds))
}

fn form(session: &str, index: &str, file: &[u8]) -> Vec<u8> {
    let text = |name: &str, value: &str| {
        format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let head = "--b\r\ncontent-disposition: form-data; name=\"chunk\"; filename=\"c\"\r\n\r\n";
    [
        text("sessionId", session).as_bytes(),
        text("chunkIndex", index).as_bytes(),
        head.as_bytes(),
        file,
        b"\r\n--b--\r\n",
    ]
    .concat()
}

/// Stands for the id of an upload in the corpus.
const SESSION: &str = "SESSION";

/// Gives the inputs of a corpus as they are, then spoiled ones of them without an end.
struct Inputs {
    corpus: Vec<Vec<u8>>,
    next: usize,
    dice: Dice,
}

impl Inputs {
    fn new(corpus: Vec<Vec<u8>>, dice: Dice) -> Self {
        assert!(!corpus.is_empty());
        Inputs { corpus, next: 0, dice }
    }

    /// Returns whether each was given as it is.
    fn is_at_spoiled(&self) -> bool {
        self.next >= self.corpus.len()
    }

    fn next(&mut self) -> Vec<u8> {
        self.next += 1;
        match self.corpus.get(self.next - 1) {
            Some(whole) => whole.clone(),
            None => {
                let which = self.dice.below(self.corpus.len());
                self.dice.spoil(&self.corpus[which])
            }
        }
    }
}

/// Any answer but a 500, and the server is still itself after. It begins with what the test itself makes and with
/// what the corpus has under this name.
async fn fuzz(path: &str, kind: &str, name: &str, good: impl Fn(&str) -> Vec<u8>) {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let session = user.init().await;
    let kept = corpus(name).into_iter().map(|input| replaced(&input, SESSION, &session));
    let (seed, long) = seed();
    let mut inputs = Inputs::new(kept.chain([good(&session)]).collect(), Dice(seed));
    let (begun, mut statuses) = (Instant::now(), [0_u32; 6]);
    while !inputs.is_at_spoiled() || begun.elapsed() < long {
        let body = inputs.next();
        let request = user.http.post(format!("{}{path}", user.url)).bearer_auth(&user.token);
        let sent = request.header("content-type", kind).body(body.clone()).send();
        let answer = tokio::time::timeout(ANSWER_MAX, sent).await;
        let answer =
            answer.unwrap_or_else(|_| panic!("no answer to {}", body.escape_ascii())).unwrap();
        let status = answer.status().as_u16();
        statuses[usize::from(status / 100)] += 1;
        assert!(status < 500, "{status}: {}", body.escape_ascii());
    }
    println!("{path}: {} accepted, {} refused", statuses[2], statuses[4]);
    assert!(statuses[4] > 0);
    user.upload(&synthetic(2, 100).stream()).await;
}

#[tokio::test]
async fn spoiled_chunk_forms() {
    let part = synthetic(2, 60).whole();
    let kind = "multipart/form-data; boundary=b";
    let good = move |session: &str| form(session, "0", &part);
    fuzz("/api/v1/videos/chunk", kind, "chunk-forms", good).await;
}

#[tokio::test]
async fn spoiled_screenshots() {
    let image = picture("jpg");
    let file = image[..image.len().min(2_000)].to_vec();
    let good = move |_: &str| {
        let head = b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"c\"\r\n\r\n";
        [head.as_slice(), &file, b"\r\n--b--\r\n"].concat()
    };
    let kind = "multipart/form-data; boundary=b";
    fuzz("/api/v1/screenshots/upload", kind, "screenshot-forms", good).await;
}

#[tokio::test]
async fn spoiled_json() {
    let init = init_000().to_string().into_bytes();
    let init = fuzz("/api/v1/videos/init", "application/json", "init", move |_| init.clone());
    let finalize = fuzz("/api/v1/videos/finalize", "application/json", "finalize", |session| {
        json!({
            "sessionId": session, "totalChunks": 1, "uploadedChunks": [0], "duration": 1,
            "metadata": {"a": [1, 2]}
        })
        .to_string()
        .into_bytes()
    });
    tokio::join!(init, finalize);
}

#[tokio::test]
async fn spoiled_page_forms() {
    let good =
        |_: &str| b"email=a%40example.com&password=x&formKey=abc&next=%2Fmy%2Fvideos".to_vec();
    fuzz("/sign-in", "application/x-www-form-urlencoded", "page-forms", good).await;
}

/// Inputs of one kind that programs of others sent, and those that once went wrong.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
    let files =
        std::fs::read_dir(format!("{folder}/{name}")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|it| it != "md")).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Recorders' files in parts cut anywhere, spoiled, and whoever watches them meanwhile: their header,
/// where their clusters and fragments stand, and what finalize makes of them. Each costs a dozen requests and
/// commits. What the parsers make of such files is asked a thousand times as often by `spoiled_recorders_files`;
/// this is about the rest of the way.
#[tokio::test]
async fn spoiled_recorders_uploads() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let (seed, long) = seed();
    let mut inputs = Inputs::new(corpus("recorders"), Dice(seed));
    let (mut dice, begun, mut statuses) = (Dice(seed + 1), Instant::now(), [0_u32; 6]);
    while !inputs.is_at_spoiled() || begun.elapsed() < long {
        let file = inputs.next();
        let opened = user.post("/videos/init", &init_000()).await.ok();
        let session = opened["sessionId"].as_str().unwrap();
        let page = format!("{}/videos/{}", user.url, opened["videoId"].as_str().unwrap());
        let parts: Vec<&[u8]> = file.chunks(file.len() / (1 + dice.below(3)) + 1).collect();
        for (index, part) in parts.iter().enumerate() {
            let answer = user.chunk(session, index, part).await;
            assert!(answer.status < 500, "{answer:?}: {}", file.escape_ascii());
        }
        for path in ["", "/live?after=0", "/live/init.webm", "/live/0"] {
            let answer = user.http.get(format!("{page}{path}")).send().await.unwrap();
            let status = answer.status().as_u16();
            assert!(status < 500, "{path} {status}: {}", file.escape_ascii());
        }
        let done = user.finalize(session, parts.len().max(1)).await;
        statuses[usize::from(done.status / 100)] += 1;
        assert!(done.status < 500, "{done:?}: {}", file.escape_ascii());
    }
    println!("recorders: {} finished, {} refused", statuses[2], statuses[4]);
    assert!(statuses[2] > 0);
}

#[tokio::test]
async fn spoiled_captions() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let session = user.init().await;
    let (seed, long) = seed();
    let mut inputs = Inputs::new(corpus("captions"), Dice(seed));
    let (begun, mut statuses) = (Instant::now(), [0_u32; 6]);
    while !inputs.is_at_spoiled() || begun.elapsed() < long {
        let body = inputs.next();
        let url = format!("{}/api/v1/videos/{session}/captions", user.url);
        let put = user.http.put(url).bearer_auth(&user.token).header("content-type", "text/vtt");
        let status = put.body(body.clone()).send().await.unwrap().status().as_u16();
        statuses[usize::from(status / 100)] += 1;
        assert!(status < 500, "{status}: {}", body.escape_ascii());
    }
    println!("captions: {} accepted, {} refused", statuses[2], statuses[4]);
    assert!(statuses[2] > 0 && statuses[4] > 0);
}

/// The parsers of recorders' files by themselves, as they are used while such a file arrives: they may refuse, and
/// what they find lies in the file.
#[test]
fn spoiled_recorders_files() {
    use snaplark_formats::{mp4, webm};
    let (seed, long) = seed();
    let mut inputs = Inputs::new(corpus("recorders"), Dice(seed));
    let (mut dice, begun, mut runs, mut read) = (Dice(seed + 1), Instant::now(), 0, 0);
    while !inputs.is_at_spoiled() || begun.elapsed() < long {
        let file = inputs.next();
        let len = file.len() as u64;
        let piece = 1 + dice.below(3_000);
        let (mut scan, mut fragments) = (webm::Scan::new(), mp4::Fragments::default());
        let mut is_webm = true;
        for piece in file.chunks(piece) {
            is_webm = is_webm && scan.push(piece).is_ok();
            fragments.push(piece);
            let joints = [scan.take_joints(), fragments.take_joints()].concat();
            assert!(joints.iter().all(|joint| joint.offset <= len), "{}", file.escape_ascii());
        }
        read += usize::from(fragments.head().is_some());
        if let (true, Ok((init, found))) = (is_webm, scan.finish()) {
            read += 1;
            assert!(found.iter().all(|one| one.data.end <= len), "{}", file.escape_ascii());
            let clusters: Vec<_> = found.iter().map(|one| one.cluster).collect();
            webm::finish(&init, &clusters).ok();
        }
        drop((webm::index(&file), webm::read_init(&file)));
        let mut walk = mp4::Walk::new(len);
        while let Some(bytes) = file.get(walk.wants().start as usize..walk.wants().end as usize) {
            if !matches!(walk.step(bytes), Ok(mp4::Mp4Step::On)) {
                break;
            }
        }
        runs += 1;
    }
    println!("recorders' files: {runs} runs, {read} had a header");
    assert!(read > 1 && runs > 10);
}

/// The reader of WebM by itself, as often as there is time: it may refuse, never panic or run away.
#[test]
fn spoiled_webm() {
    let good = crate::jobs::without_sizes();
    let (seed, long) = seed();
    let (mut dice, begun, mut runs, mut read) = (Dice(seed), Instant::now(), 0, 0);
    while begun.elapsed() < long {
        let from = dice.below(3) * 1000;
        let bytes = dice.spoil(&good[..good.len().min(20_000 + from)]);
        read += usize::from(snaplark_formats::webm::index(&bytes).is_ok());
        let mut scan = snaplark_formats::webm::Scan::new();
        let piece = 1 + dice.below(3_000);
        let pushed = bytes.chunks(piece).try_for_each(|piece| scan.push(piece));
        if let (Ok(()), Ok((init, found))) = (pushed, scan.finish()) {
            read += 1;
            let clusters: Vec<_> = found.iter().map(|one| one.cluster).collect();
            snaplark_formats::webm::finish(&init, &clusters).ok();
            assert!(found.iter().all(|one| one.data.end <= bytes.len() as u64));
        }
        runs += 1;
    }
    println!("{runs} runs, {read} could be read");
    assert!(runs > 10);
}

/// Puts the id of an upload where the corpus names one.
fn replaced(input: &[u8], what: &str, by: &str) -> Vec<u8> {
    let Some(at) = input.windows(what.len()).position(|it| it == what.as_bytes()) else {
        return input.to_vec();
    };
    [&input[..at], by.as_bytes(), &input[at + what.len()..]].concat()
}

/// Returns the bytes that come back on one connection.
async fn raw(server: &Server, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.cloud.address()).await.unwrap();
    // The server may have answered and closed before it got all of it.
    stream.write_all(request).await.ok();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(ANSWER_MAX, stream.read_to_end(&mut answer));
    read.await.expect("the server ends it").ok();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn headers_without_end() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let many: String = (0..5_000).map(|n| format!("x-{n}: y\r\n")).collect();
    let long = format!("x: {}\r\n", "y".repeat(1024 * 1024));
    let cookies = format!("cookie: {}\r\n", "snaplark_session=x; ".repeat(20_000));
    for headers in [many, long, cookies] {
        let request = format!("GET / HTTP/1.1\r\nhost: x\r\n{headers}connection: close\r\n\r\n");
        let answer = raw(&server, request.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    let path = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(200_000));
    let answer = raw(&server, path.as_bytes()).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    user.init().await;
}

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_not_waited_for() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let path = "/api/storage/get-direct-upload-url?fileName=f&contentType=video/mp4";
    let given = crate::dialects::get(&user, path).await.ok();
    // A bucket takes such files itself.
    let ours = given["uploadUrl"].as_str().unwrap().strip_prefix(&server.url());
    let direct = ours.map(|to| format!(
        "PUT {to} HTTP/1.1\r\nhost: x\r\ncontent-length: 600000000\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n"
    ));
    let chunk = format!(
        "POST /api/v1/videos/chunk HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: 600000000\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n",
        user.token
    );
    for request in direct.into_iter().chain([chunk]) {
        let answer = raw(&server, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    }
}

/// Ten connections that send a letter now and then: others are served, and after half a minute
/// they are closed.
#[tokio::test]
async fn who_sends_a_header_letter_by_letter_is_let_go() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let begun = Instant::now();
    let address = server.cloud.address();
    let slow = (0..10).map(|_| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
        let mut tick = tokio::time::interval(Duration::from_millis(500));
        let mut byte = [0];
        loop {
            tokio::select! {
                ended = stream.read(&mut byte) => return matches!(ended, Ok(0) | Err(_)),
                _ = tick.tick() => if stream.write_all(b"y").await.is_err() { return true },
            }
        }
    });
    let held = futures_util::future::join_all(slow);
    let ended = tokio::time::timeout(Duration::from_secs(60), held);
    let (ended, ()) = tokio::join!(ended, async {
        for _ in 0..5 {
            user.init().await;
        }
    });
    assert!(ended.expect("they are closed").iter().all(|ended| *ended));
    assert!(begun.elapsed() > Duration::from_secs(20), "and not before a slow line had its time");
}

#[tokio::test]
async fn names_that_lead_elsewhere_lead_nowhere() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let names = [
        "../../../../etc/passwd",
        "..\\..\\windows\\win.ini",
        "/etc/passwd",
        "a/../../b.webm",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..;/..;/etc",
        "a\u{0}b.webm",
        "CON",
        "\u{202E}gpj.exe",
    ];
    for name in names {
        let mut body = init_000();
        body["filename"] = json!(name);
        let answer = user.post("/videos/init", &body).await;
        if answer.status == 200 {
            let session = answer.body["sessionId"].as_str().unwrap().to_owned();
            user.chunk(&session, 0, &synthetic(1, 50).whole()).await.ok();
            user.finalize(&session, 1).await.ok();
            let told = user.get(&format!("/videos/{session}")).await.ok();
            let kept = told["filename"].as_str().unwrap();
            assert!(!kept.contains(['/', '\\']) && !kept.chars().any(char::is_control), "{kept}");
        } else {
            answer.refused(400);
        }
        let part = reqwest::multipart::Part::bytes(synthetic(1, 50).whole());
        let form = reqwest::multipart::Form::new()
            .text("sessionId", name)
            .text("chunkIndex", name)
            .part("chunk", part.file_name(name));
        user.post_form(form).await.refused(400);
        let form = reqwest::multipart::Form::new()
            .text("uploadId", name)
            .text("chunkIndex", "0")
            .text("totalChunks", "1")
            .part("chunk", reqwest::multipart::Part::bytes(picture("png")).file_name(name));
        let sent = user.http.post(format!("{}/api/poster/video/chunk", user.url));
        let sent = sent.bearer_auth(&user.token).multipart(form).send().await.unwrap();
        let status = sent.status().as_u16();
        assert!([400, 415].contains(&status), "an image, under whatever name: {name} {status}");
    }
    for path in [
        "/static/x/..%2f..%2fCargo.toml",
        "/static/..%2f..%2fetc%2fpasswd/x",
        "/videos/..%2f..",
        "/videos/x/made/..%2f..%2fcloud.sqlite",
        "/screenshots/..%2f/image.png",
        "/api/v1/videos/..%2f..%2f",
        "/api/storage/direct/..%2f..%2fx?until=9&signature=x",
        "/videos/%00",
        "/static//",
        "//etc/passwd",
        "/videos/x/live/..%2f..",
    ] {
        let answer = raw(
            &server,
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes(),
        )
        .await;
        let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
        assert!(["400", "401", "404", "405"].contains(&status.as_str()), "{path}: {answer}");
        assert!(!answer.contains("root:"), "{path}");
    }
    // Objects have names of ours alone.
    let folder = server.backend.place().data;
    if let Some(folder) = folder {
        let outside = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
        for name in outside {
            let name = name.to_string_lossy().into_owned();
            assert!(name == "objects" || name.starts_with("cloud.sqlite"), "{name}");
        }
    }
}

#[tokio::test]
async fn tokens_are_not_to_be_guessed() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    let mut refused = 0;
    for guess in 0..400 {
        let stranger = User::new(&server.url(), &format!("snap_{guess:043}"));
        let answer = stranger.get("/videos").await;
        if answer.status == 429 {
            let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
            answer.refused(429);
            refused += 1;
            break;
        }
        answer.refused(401);
    }
    assert_eq!(refused, 1, "guesses are counted");
    // Who has a good one is not locked out by others who share an address.
    user.get("/videos").await.ok();
    server.pass_ms(10 * 60 * 1000);
    User::new(&server.url(), "snap_x").get("/videos").await.refused(401);
}

#[tokio::test]
async fn deep_json_is_a_refusal() {
    let server = Server::start().await;
    let user = server.user("a@example.com").await;
    for body in [
        format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("{{\"a\":{}1{}}}", "{\"a\":".repeat(50_000), "}".repeat(50_000)),
        "{\"fps\":1e400}".to_owned(),
        "{\"filename\":\"\\ud800\"}".to_owned(),
    ] {
        let request = user.http.post(format!("{}/api/v1/videos/init", user.url));
        let request = request.bearer_auth(&user.token).header("content-type", "application/json");
        let sent = request.body(body).send().await.unwrap();
        assert_eq!(sent.status().as_u16(), 400);
        let told: Value = sent.json().await.unwrap();
        assert_eq!(told["success"], false);
    }
}
