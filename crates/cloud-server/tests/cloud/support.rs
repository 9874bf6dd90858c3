//! A server on a folder of its own, a client for it, and WebM to send.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};

use snaplark_formats::webm::{Block, Track, Tracks, Video, VideoCodec};

use crate::backend::Backend;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use snaplark_cloud::Clock;
use snaplark_cloud_server::ServerOptions;
use snaplark_cloud_web::Cloud;
use tempfile::TempDir;

static RUSTLS: LazyLock<()> = LazyLock::new(|| {
    rustls::crypto::ring::default_provider().install_default().ok();
});

pub fn http() -> Client {
    LazyLock::force(&RUSTLS);
    Client::builder().no_proxy().build().unwrap()
}

/// A server whose clock the test holds.
pub struct Server {
    pub cloud: Cloud,
    pub metrics_address: Option<SocketAddr>,
    pub backend: Backend,
    folder: TempDir,
    now_ms: Arc<AtomicI64>,
}

impl Server {
    pub async fn start() -> Server {
        Server::with(|_| {}).await
    }

    /// No limit on parts a second: other tests are not about that.
    pub async fn with(change: impl FnOnce(&mut ServerOptions)) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let now_ms = Arc::new(AtomicI64::new(1_800_000_000_000));
        let backend = Backend::new(folder.path());
        Stopped { backend, folder, now_ms }.start_again(change).await
    }

    /// Stops it. Its database and objects stay.
    pub async fn stop(self) -> Stopped {
        self.cloud.shutdown().await.unwrap();
        Stopped { backend: self.backend, folder: self.folder, now_ms: self.now_ms }
    }

    pub fn pass_ms(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.cloud.address())
    }

    pub async fn user(&self, email: &str) -> User {
        User::new(&self.url(), &self.cloud.issue_token(email).await.unwrap())
    }

    pub fn objects(&self) -> usize {
        self.backend.objects()
    }
}

/// A stopped server: its backend and folder, from which it can start again.
pub struct Stopped {
    pub backend: Backend,
    folder: TempDir,
    now_ms: Arc<AtomicI64>,
}

impl Stopped {
    pub async fn start_again(self, change: impl FnOnce(&mut ServerOptions)) -> Server {
        let Stopped { backend, folder, now_ms } = self;
        let told = Arc::clone(&now_ms);
        let mut options = ServerOptions::new(backend.place(), "127.0.0.1:0".parse().unwrap());
        options.cloud.parts_per_second = 1_000_000;
        // Nothing is made of the videos but where a test is about that.
        options.cloud.ffmpeg = "no-ffmpeg-here".into();
        options.cloud.clock = Clock::new(move || told.load(Ordering::SeqCst));
        LazyLock::force(&RUSTLS);
        change(&mut options);
        let snaplark_cloud_server::Server { cloud, metrics_address } =
            snaplark_cloud_server::start(options).await.unwrap();
        Server { cloud, metrics_address, backend, folder, now_ms }
    }
}

/// A client with a token.
#[derive(Clone)]
pub struct User {
    pub http: Client,
    pub url: String,
    pub token: String,
}

impl User {
    pub fn new(url: &str, token: &str) -> User {
        User { http: http(), url: url.to_owned(), token: token.to_owned() }
    }

    fn api(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.url)
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self.http.post(self.api(path)).bearer_auth(&self.token).json(body);
        Answer::of(request.send().await.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        let request = self.http.get(self.api(path)).bearer_auth(&self.token);
        Answer::of(request.send().await.unwrap()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        let request = self.http.delete(self.api(path)).bearer_auth(&self.token);
        Answer::of(request.send().await.unwrap()).await
    }

    pub async fn post_form(&self, form: Form) -> Answer {
        let request = self.http.post(self.api("/videos/chunk")).bearer_auth(&self.token);
        Answer::of(request.multipart(form).send().await.unwrap()).await
    }

    pub async fn init(&self) -> String {
        self.post("/videos/init", &init_000()).await.ok()["sessionId"].as_str().unwrap().to_owned()
    }

    pub async fn chunk(&self, session: &str, index: usize, bytes: &[u8]) -> Answer {
        self.post_form(chunk_form(session, &index.to_string(), bytes)).await
    }

    pub async fn finalize(&self, session: &str, total: usize) -> Answer {
        self.post("/videos/finalize", &finalize_000(session, total)).await
    }

    /// Whoever wants to see it has to say a password from now on.
    pub async fn lock(&self, session: &str, password: &str) {
        let url = self.api(&format!("/videos/{session}"));
        let change = json!({"visibility": "password", "password": password});
        let request = self.http.patch(url).bearer_auth(&self.token).json(&change);
        Answer::of(request.send().await.unwrap()).await.ok();
    }

    /// A whole upload; the answer to finalize.
    pub async fn upload(&self, parts: &[Vec<u8>]) -> Value {
        let session = self.init().await;
        for (index, part) in parts.iter().enumerate() {
            self.chunk(&session, index, part).await.ok();
        }
        self.finalize(&session, parts.len()).await.ok()
    }

    pub async fn bytes(&self, path: &str) -> Vec<u8> {
        let response = self.http.get(format!("{}{path}", self.url)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.bytes().await.unwrap().to_vec()
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub async fn of(response: Response) -> Answer {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, headers, body }
    }

    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.body
    }

    /// Every refusal has the documents' form.
    #[track_caller]
    pub fn refused(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.body["success"], false, "{self:?}");
        assert!(self.body["error"].as_str().is_some_and(|e| !e.is_empty()), "{self:?}");
        assert!(self.body["message"].as_str().is_some_and(|m| !m.is_empty()), "{self:?}");
        self.body
    }
}

pub fn chunk_form(session: &str, index: &str, bytes: &[u8]) -> Form {
    Form::new()
        .text("sessionId", session.to_owned())
        .text("chunkIndex", index.to_owned())
        .part("chunk", file(bytes))
}

pub fn file(bytes: &[u8]) -> Part {
    Part::bytes(bytes.to_vec()).file_name("chunk.webm").mime_str("video/webm").unwrap()
}

/// 000's example, letter for letter.
pub fn init_000() -> Value {
    json!({
        "filename": "recording_2024-01-15T10-30-45.webm",
        "timestamp": "2024-01-15T10-30-45",
        "fps": 30,
        "codec": "video/webm;codecs=vp9",
        "bitrate": 2_500_000,
        "resolution": {"width": 1920, "height": 1080}
    })
}

/// 004's example, letter for letter.
pub fn init_004() -> Value {
    json!({
        "filename": "recording-1234567890.webm",
        "timestamp": 1_234_567_890,
        "fps": 30,
        "codec": "vp9",
        "bitrate": 2_500_000,
        "resolution": "1920x1080"
    })
}

pub fn finalize_000(session: &str, total: usize) -> Value {
    json!({
        "sessionId": session,
        "totalChunks": total,
        "uploadedChunks": (0..total).collect::<Vec<_>>(),
        "duration": 300_000,
        "metadata": init_000()
    })
}

/// A recording: its init, and its segments (one cluster each).
pub struct Recording {
    pub init: Vec<u8>,
    pub segments: Vec<Vec<u8>>,
}

impl Recording {
    /// Part 0 = init and segment, the others segments only.
    pub fn stream(&self) -> Vec<Vec<u8>> {
        let mut parts = self.segments.clone();
        parts[0] = [self.init.as_slice(), &self.segments[0]].concat();
        parts
    }

    /// Every part = init and segment.
    pub fn standalone(&self) -> Vec<Vec<u8>> {
        self.segments.iter().map(|s| [self.init.as_slice(), s].concat()).collect()
    }

    pub fn whole(&self) -> Vec<u8> {
        self.stream().concat()
    }
}

/// Six seconds of VP9 and Opus that players play, in segments of one second.
pub fn real() -> &'static Recording {
    static REAL: OnceLock<Recording> = OnceLock::new();
    REAL.get_or_init(|| {
        encoded(
            "-f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000 -t 6 \
             -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 300k -g 30 -keyint_min 30 -c:a libopus",
        )
    })
}

/// Returns the WebM that ffmpeg makes with these arguments, as a recorder writes it that doesn't know yet how long
/// it will be: in segments of one second.
pub fn encoded(arguments: &str) -> Recording {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("encoded.webm");
    let done = Command::new("ffmpeg")
        .args(["-v", "error"])
        .args(arguments.split_whitespace())
        .args(["-cluster_time_limit", "1000"])
        .arg(&out)
        .status()
        .expect("ffmpeg is installed");
    assert!(done.success());
    let bytes = std::fs::read(&out).unwrap();
    let part = snaplark_formats::webm::index(&bytes).unwrap();
    let init = snaplark_formats::webm::init(&part.init.unwrap().tracks);
    let cut = |it: &snaplark_formats::webm::Cluster| {
        bytes[it.offset as usize..(it.offset + it.size) as usize].to_vec()
    };
    Recording { init, segments: part.clusters.iter().map(cut).collect() }
}

/// Says whether nothing else runs, as in `cargo xtask soak load`.
pub fn is_quiet() -> bool {
    std::env::var_os("SNAPLARK_QUIET").is_some()
}

/// Returns how many parts a long video has: those of two hours where nothing else runs, else those of 20 minutes.
pub fn long_parts() -> usize {
    if is_quiet() { 3_600 } else { 600 }
}

/// Well-formed WebM of two-second segments whose frames are noise: nobody decodes them.
pub fn synthetic(segments: usize, frame_bytes: usize) -> Recording {
    let video = Video { codec: VideoCodec::Vp9, width: 1280, height: 720 };
    let init = snaplark_formats::webm::init(&Tracks { video, audio: None });
    let segment = |index: usize| {
        let block = |frame: usize| Block {
            track: Track::Video,
            time_ms: (index * 2000 + frame * 500) as u64,
            keyframe: frame == 0,
            duration_ms: (frame == 3).then_some(500),
            data: vec![(index + frame) as u8; frame_bytes],
        };
        snaplark_formats::webm::cluster(&[block(0), block(1), block(2), block(3)]).unwrap()
    };
    Recording { init, segments: (0..segments).map(segment).collect() }
}

/// Returns ffprobe's entries for a file; ffprobe may not report any error.
pub fn probe(bytes: &[u8], entries: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("video.webm");
    std::fs::write(&file, bytes).unwrap();
    let out = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", entries, "-of", "csv=p=0"])
        .arg(&file)
        .output()
        .expect("ffprobe is installed");
    assert!(
        out.status.success() && out.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

/// Decodes all of it; not one complaint.
pub fn decode(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("video.webm");
    std::fs::write(&file, bytes).unwrap();
    let out = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&file)
        .args(["-f", "null", "-"])
        .output()
        .expect("ffmpeg is installed");
    assert!(
        out.status.success() && out.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
}
