//! Real servers of S3, each with an empty bucket, behind a proxy that does what a [`FakeServer`]'s faults say.
//!
//! SeaweedFS enforces S3's rules: signatures, tags, the smallest part. Moto is another implementation, which checks no
//! signature. What they store is read beside the product: from SeaweedFS's filer, which needs no signature, and from
//! moto with one that it doesn't check. They end with the test.

use std::io::{BufRead as _, BufReader, Read};
use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use snaplark_core::SessionId;
use snaplark_core::upload::Failure;
use snaplark_destinations::fake::{FakePicture, FakeServer};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::documents_server::half;

pub const KEYS: (&str, &str) = ("test", "test-secret");
pub const BUCKET: &str = "videos";
const START_MAX: Duration = Duration::from_secs(60);
/// A signature that moto accepts.
const UNCHECKED: &str = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=x";

/// Which server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    SeaweedFs,
    Moto,
}

pub struct BucketServer {
    store: Store,
    /// The host and port of the proxy.
    pub proxy: SocketAddr,
    /// The server itself.
    pub direct: SocketAddr,
    /// Where what is stored can be read without a signature.
    beside: String,
    client: reqwest::Client,
    task: AbortHandle,
    process: Child,
    _folder: Option<Folder>,
}

impl BucketServer {
    pub async fn start(store: Store, server: FakeServer) -> Self {
        // The default is process-wide; a second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::new();
        let (process, direct, beside, folder) = match store {
            Store::SeaweedFs => {
                let (process, s3, filer, folder) = start_weed();
                (process, s3, format!("http://127.0.0.1:{filer}/buckets/{BUCKET}"), Some(folder))
            }
            Store::Moto => {
                let (process, s3) = start_moto();
                let beside = format!("http://{s3}/{BUCKET}");
                let made =
                    client.put(&beside).header(header::AUTHORIZATION, UNCHECKED).send().await;
                assert!(made.unwrap().status().is_success(), "no bucket was made");
                (process, s3, beside, None)
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = listener.local_addr().unwrap();
        let state = Proxy { server, direct, client: client.clone() };
        let app = Router::new().fallback(forward).with_state(state);
        let serving = tokio::spawn(async move { axum::serve(listener, app).await });
        let task = serving.abort_handle();
        BucketServer { store, proxy, direct, beside, client, task, process, _folder: folder }
    }

    /// Closes the proxy's listener.
    pub fn stop(&self) {
        self.task.abort();
    }

    /// Returns the bytes of a session's object.
    pub async fn content(&self, session: &SessionId) -> Option<Vec<u8>> {
        let key = session.0.split(' ').nth(2).expect("an upload in parts");
        Some(self.object(key).await?.2)
    }

    /// Returns an object's title, version and bytes.
    async fn object(&self, key: &str) -> Option<(Option<String>, Option<u32>, Vec<u8>)> {
        let answer = self.get(&format!("{}/{key}", self.beside)).await?;
        let header = |name: &str| Some(answer.headers().get(name)?.to_str().unwrap().to_owned());
        let named = header("content-disposition");
        let title = named.and_then(|named| {
            Some(named.split_once("filename=\"")?.1.split_once('.')?.0.to_owned())
        });
        let version = header("x-amz-meta-snaplark-version").map(|it| it.parse().unwrap());
        Some((title, version, answer.bytes().await.unwrap().to_vec()))
    }

    /// Returns the storage class of an object, if it isn't the usual one.
    pub async fn storage_class(&self, key: &str) -> Option<String> {
        let answer = self.get(&format!("{}/{key}", self.beside)).await?;
        let class = answer.headers().get("x-amz-storage-class")?;
        Some(class.to_str().unwrap().to_owned())
    }

    /// Returns the keys of the objects.
    pub async fn keys(&self) -> Vec<String> {
        match self.store {
            Store::SeaweedFs => self.entries("").await,
            Store::Moto => {
                let listed = self.get(&format!("{}?list-type=2", self.beside)).await.unwrap();
                elements(&listed.text().await.unwrap(), "Key")
            }
        }
    }

    /// Returns the ids of the uploads that are not complete.
    pub async fn open_uploads(&self) -> Vec<String> {
        match self.store {
            Store::SeaweedFs => self.entries("/.uploads").await,
            Store::Moto => {
                let listed = self.get(&format!("{}?uploads", self.beside)).await.unwrap();
                elements(&listed.text().await.unwrap(), "UploadId")
            }
        }
    }

    /// Returns the pictures, each with its key.
    pub async fn pictures(&self) -> Vec<(String, FakePicture)> {
        let mut pictures = Vec::new();
        for key in self.keys().await {
            let (title, version, bytes) = self.object(&key).await.unwrap();
            if let Some(version) = version {
                pictures.push((key, FakePicture { version, bytes, title }));
            }
        }
        pictures
    }

    /// Removes the uploads that are not complete, as a rule of the bucket does.
    pub async fn lose_sessions(&self) {
        assert_eq!(self.store, Store::SeaweedFs, "moto answers 500 to what it has lost");
        let url = format!("{}/.uploads?recursive=true", self.beside);
        let deleted = self.client.delete(url).send().await.unwrap();
        assert!(deleted.status().is_success(), "{deleted:?}");
    }

    async fn get(&self, url: &str) -> Option<reqwest::Response> {
        let request = self.client.get(url).header(header::AUTHORIZATION, UNCHECKED);
        let request = match self.store {
            Store::SeaweedFs => self.client.get(url),
            Store::Moto => request,
        };
        let answer = request.send().await.unwrap();
        answer.status().is_success().then_some(answer)
    }

    /// Returns the names of what is in a folder of SeaweedFS's filer.
    async fn entries(&self, folder: &str) -> Vec<String> {
        let url = format!("{}{folder}/?limit=10000", self.beside);
        let request = self.client.get(url).header(header::ACCEPT, "application/json");
        let listed = request.send().await.unwrap().bytes().await.unwrap();
        let listed: serde_json::Value = serde_json::from_slice(&listed).unwrap_or_default();
        let entries = listed["Entries"].as_array().cloned().unwrap_or_default();
        let paths = entries.iter().filter_map(|entry| entry["FullPath"].as_str());
        let names = paths.filter_map(|path| path.rsplit('/').next());
        names.filter(|name| *name != ".uploads").map(str::to_owned).collect()
    }
}

impl Drop for BucketServer {
    fn drop(&mut self) {
        self.stop();
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[derive(Clone)]
struct Proxy {
    server: FakeServer,
    direct: SocketAddr,
    client: reqwest::Client,
}

/// Sends a request on as it is, signature included, unless a fault prevents it or cuts the answer.
async fn forward(State(proxy): State<Proxy>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let faults = proxy.server.faults();
    if faults.is_offline {
        return half("");
    }
    if let Err(failure) = proxy.server.check_sign_in() {
        return refusal(&failure);
    }
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let begins = (parts.method == Method::POST && path.ends_with("?uploads="))
        || (parts.method == Method::PUT && !path.contains("uploadId="));
    if faults.refuses && begins {
        return refusal(&Failure::Refused { detail: "no space left".into() });
    }
    if parts.method == Method::PUT
        && faults.part_bytes_max.is_some_and(|bytes_max| body.len() as u64 > bytes_max)
    {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    let changes = parts.method != Method::GET && parts.method != Method::HEAD;
    let url = format!("http://{}{path}", proxy.direct);
    let sent = proxy.client.request(parts.method, url).headers(parts.headers).body(body).send();
    let answer = sent.await.unwrap();
    if changes && proxy.server.cuts_reply() {
        return half("<?xml");
    }
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::CONNECTION);
    let body = answer.bytes().await.unwrap();
    (status, headers, Body::from(body)).into_response()
}

/// Returns S3's answer for a failure.
fn refusal(failure: &Failure) -> Response {
    let (status, code) = match failure {
        Failure::SignedOut => (403, "InvalidAccessKeyId"),
        Failure::Refused { .. } => (409, "QuotaExceeded"),
        other => panic!("the proxy never says {other:?}"),
    };
    let body = format!("<Error><Code>{code}</Code><Message>{failure}</Message></Error>");
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

/// Returns the texts of the elements of that name.
fn elements(xml: &str, name: &str) -> Vec<String> {
    let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
    let texts = xml.split(begin.as_str()).skip(1).filter_map(|rest| rest.split_once(end.as_str()));
    texts.map(|(text, _)| text.to_owned()).collect()
}

/// A folder that is removed when its guard is dropped.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn start_weed() -> (Child, SocketAddr, u16, Folder) {
    let folder = std::env::temp_dir().join(format!("snaplark-bucket-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let [s3, filer, master, volume, admin] = [(); 5].map(|()| free_port());
    let mut weed = tied(&tool("weed"));
    weed.arg("mini").arg(format!("-dir={}", folder.display()));
    weed.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1"]).arg(format!("-bucket={BUCKET}"));
    weed.args(["-master.telemetry=false", "-webdav=false", "-admin.ui=false"]);
    weed.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
    for (name, port) in
        [("s3", s3), ("filer", filer), ("master", master), ("volume", volume), ("admin", admin)]
    {
        weed.arg(format!("-{name}.port={port}"));
        weed.arg(format!("-{name}.port.grpc={}", free_port()));
    }
    weed.env("AWS_ACCESS_KEY_ID", KEYS.0).env("AWS_SECRET_ACCESS_KEY", KEYS.1);
    weed.current_dir(&folder).stdout(Stdio::piped()).stderr(Stdio::null());
    let process = run_until(weed, "SeaweedFS", "All enabled components are running");
    (process, SocketAddr::from(([127, 0, 0, 1], s3)), filer, Folder(folder))
}

fn start_moto() -> (Child, SocketAddr) {
    let port = free_port();
    let mut moto = tied(&tool("moto_server"));
    moto.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
    moto.stdout(Stdio::null()).stderr(Stdio::piped());
    (run_until(moto, "moto", "Running on"), SocketAddr::from(([127, 0, 0, 1], port)))
}

/// Returns a command whose process ends with the thread that begins it.
fn tied(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program).stdin(Stdio::null());
    command
}

/// Starts a server and returns when it has written `ready`. What it writes after that is read as well, so that it never
/// waits for us.
fn run_until(mut command: Command, what: &str, ready: &'static str) -> Child {
    let mut process = command.spawn().unwrap();
    let written: Box<dyn Read + Send> = match (process.stdout.take(), process.stderr.take()) {
        (Some(written), _) => Box::new(written),
        (None, written) => Box::new(written.expect("one of both is a pipe")),
    };
    let (is_ready, wait) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(written).split(b'\n').map_while(Result::ok) {
            if String::from_utf8_lossy(&line).contains(ready) {
                is_ready.send(()).ok();
            }
        }
    });
    wait.recv_timeout(START_MAX).unwrap_or_else(|error| panic!("{what} does not start: {error}"));
    process
}

/// Returns a free port below those that the system gives to connections: one of those could be taken before the server
/// listens. It is random, so that tests that run at the same time don't find the same.
fn free_port() -> u16 {
    let random = || {
        let [low, high, ..] = *uuid::Uuid::new_v4().as_bytes();
        10_000 + u16::from_le_bytes([low, high]) % 20_000
    };
    let mut ports = std::iter::repeat_with(random);
    ports.find(|port| StdListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// Returns the path of a tool where `cargo xtask test` installs it, or its name, for the person's own.
fn tool(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let ours = test.ancestors().map(|folder| folder.join("tools/bin").join(name));
    ours.into_iter().find(|program| program.exists()).unwrap_or_else(|| PathBuf::from(name))
}
