//! A bucket: SeaweedFS in a separate process, behind a proxy that notes what is asked.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::runtime::Handle;

use crate::home::Home;
use crate::ports;
use crate::process::{Process, command, tool};
use crate::webdriver::client;

/// The keys, as the keyring has them.
pub const KEYS: &str = "test:test-secret";
const BUCKET: &str = "videos";
const START: Duration = Duration::from_secs(60);

/// A request that went through the proxy, and its answer.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub size_bytes: u64,
    pub status: u16,
}

impl Asked {
    /// Returns the number of the part that it carries, from 0.
    pub fn part(&self) -> Option<u32> {
        let number = self.path.split_once("partNumber=")?.1.split('&').next()?;
        Some(number.parse::<u32>().ok()? - 1).filter(|_| self.method == "PUT")
    }
}

pub struct Bucket {
    proxy: SocketAddr,
    filer: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    _process: Process,
}

#[derive(Clone)]
struct Proxy {
    server: SocketAddr,
    client: reqwest::Client,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Bucket {
    pub fn start(runtime: &Handle, home: &Home) -> Result<Self> {
        let folder = home.path().join("bucket");
        std::fs::create_dir_all(&folder)?;
        let [s3, filer, master, volume, admin, grpc @ ..] = ports::free::<10>()?;
        let mut weed = command(home, tool("weed")?);
        weed.arg("mini").arg(format!("-dir={}", folder.display())).current_dir(&folder);
        weed.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1"]).arg(format!("-bucket={BUCKET}"));
        weed.args(["-master.telemetry=false", "-webdav=false", "-admin.ui=false"]);
        weed.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
        let names = ["s3", "filer", "master", "volume", "admin"];
        for ((name, port), grpc) in names.iter().zip([s3, filer, master, volume, admin]).zip(grpc) {
            weed.arg(format!("-{name}.port={port}")).arg(format!("-{name}.port.grpc={grpc}"));
        }
        let (id, secret) = KEYS.split_once(':').context("two keys")?;
        weed.env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret);
        weed.stdin(Stdio::null());
        let mut process = Process::start(home, "weed", weed)?;
        while !process.line(START)?.contains("All enabled components are running") {}

        let asked = Arc::new(Mutex::new(Vec::new()));
        let server = SocketAddr::from(([127, 0, 0, 1], s3));
        // The app's client installs the same provider; a second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let state = Proxy { server, client: reqwest::Client::new(), asked: asked.clone() };
        let app = Router::new().fallback(forward).with_state(state);
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
        let proxy = listener.local_addr()?;
        runtime.spawn(async move { axum::serve(listener, app).await });
        Ok(Self { proxy, filer, asked, _process: process })
    }

    /// Returns its address through the proxy.
    pub fn address(&self) -> String {
        format!("s3+http://{}/{BUCKET}/recordings", self.proxy)
    }

    /// Returns what was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// Returns the keys of its objects, without the prefix.
    pub fn keys(&self) -> Result<Vec<String>> {
        self.names("recordings")
    }

    /// Returns an object's bytes, from beside S3.
    pub fn object(&self, key: &str) -> Result<Vec<u8>> {
        let url = format!("http://127.0.0.1:{}/buckets/{BUCKET}/recordings/{key}", self.filer);
        Ok(client()?.get(url).send()?.error_for_status()?.bytes()?.to_vec())
    }

    /// Returns the ids of the uploads that are not complete.
    pub fn open_uploads(&self) -> Result<Vec<String>> {
        self.names(".uploads")
    }

    fn names(&self, folder: &str) -> Result<Vec<String>> {
        let url = format!("http://127.0.0.1:{}/buckets/{BUCKET}/{folder}/?limit=1000", self.filer);
        let answer =
            client()?.get(url).header(header::ACCEPT.as_str(), "application/json").send()?;
        let listed: Value = serde_json::from_str(&answer.text()?).unwrap_or_default();
        let entries = listed["Entries"].as_array().cloned().unwrap_or_default();
        let paths = entries.iter().filter_map(|entry| entry["FullPath"].as_str());
        Ok(paths.filter_map(|path| path.rsplit('/').next()).map(str::to_owned).collect())
    }
}

async fn forward(State(proxy): State<Proxy>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // A client that is killed leaves a part unsent, which doesn't count as asked.
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let (method, size_bytes) = (parts.method.to_string(), body.len() as u64);
    let url = format!("http://{}{path}", proxy.server);
    let sent = proxy.client.request(parts.method, url).headers(parts.headers).body(body).send();
    let Ok(answer) = sent.await else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::CONNECTION);
    let body = answer.bytes().await.unwrap_or_default();
    let asked = Asked { method, path, size_bytes, status: status.as_u16() };
    proxy.asked.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(asked);
    (status, headers, Body::from(body)).into_response()
}
