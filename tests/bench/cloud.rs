//! Measures what simultaneous recorders and viewers cost a server: CPU time, waiting and memory for a part of 625 KB every two
//! seconds, beside @tus/server; and Range reads of a finished video, beside nginx with the same file.
//!
//! The load comes from this process, on the same machine, so it takes its share of the cores: CPU time is that of the
//! server alone, waiting is with everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::header::{CONTENT_TYPE, LOCATION, RANGE};
use reqwest::{Client, multipart};
use serde_json::{Value, json};
use snaplark_tests::fake_capture::Clip;
use snaplark_tests::home::Home;
use snaplark_tests::server::Server;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

use crate::report::{Area, millis};
use crate::sides::{self, Nginx, TusServer};

const RECORDERS: [u32; 3] = [1, 50, 200];
const PARTS: u32 = 8;
/// A part of two seconds at 2.5 Mbit/s.
const PART_BYTES: usize = 625_000;
const EVERY: Duration = Duration::from_secs(2);
const VIEWERS: usize = 50;
const VIEW_FOR: Duration = Duration::from_secs(10);
const RANGE_BYTES: u64 = 1024 * 1024;
const VIDEO_PARTS: u32 = 200;
const ROUNDS: usize = 3;

const OURS: &str = "Snaplark";
const TUS: &str = "@tus/server";
const NGINX: &str = "nginx with the file";

pub fn measure(area: &mut Area) -> Result<()> {
    area.title = "Recorders and viewers at once".to_owned();
    let home = Home::new()?;
    area.versions.insert("@tus/server".to_owned(), sides::npm_version("@tus/server")?);
    let clip = Arc::new(Clip::at(&home.path().join("clip.ivf"))?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let counts = area.much(&RECORDERS[..], &RECORDERS[..2]);
    let most = counts[counts.len() - 1];
    for round in 0..area.much(ROUNDS, 1) {
        for recorders in counts.iter().copied() {
            area.progress(&format!("round {}, {recorders} recorders", round + 1));
            let home = Home::new()?;
            let server = Server::start_with(&home, &SERVER)?;
            let to = Arc::new(Ours::new(&server, &clip)?);
            let load = || runtime.block_on(record(recorders, move |_| to.clone().record()));
            note(area, OURS, recorders, load, || server.cpu(), || server.peak_kib())?;
            drop(server);

            let home = Home::new()?;
            let server = TusServer::start(&home)?;
            let address: Arc<str> = server.address.as_str().into();
            let client = sides::client()?;
            let load = || {
                runtime.block_on(record(recorders, move |_| {
                    record_by_tus(client.clone(), address.clone())
                }))
            };
            note(area, TUS, recorders, load, || server.cpu(), || server.peak_kib())?;
        }
        viewers(area, &runtime, &clip)?;
    }
    let cpu = |area: &Area, side| area.median(&figure("CPU of the server", most), side);
    let ratio = cpu(area, TUS)? / cpu(area, OURS)?;
    area.aim(&format!("Recorders a core beside @tus/server, at {most}"), ratio, Some(1.0), None);
    let p99 = area.median(&figure("p99 of a part", most), OURS)?;
    area.aim(&format!("p99 of a part at {most} recorders, in ms"), p99, None, Some(250.0));
    let speed = "Viewers: bytes for a second of CPU";
    let ratio = area.median(speed, OURS)? / area.median(speed, NGINX)?;
    area.aim("Viewers beside nginx, for the same CPU time", ratio, Some(0.5), None);
    area.left_out.push(
        "@tus/server syncs nothing and looks into nothing; Snaplark syncs each part, hashes and indexes it. 1,000 \
         recorders are not run: on two cores the load itself takes more than one of them. SeaweedFS is not among the \
         servers."
            .to_owned(),
    );
    Ok(())
}

const SERVER: [&str; 6] =
    ["--parts-per-second", "100000", "--mp4", "never", "--video-size", "none"];

fn figure(what: &str, recorders: u32) -> String {
    format!("{what}, {recorders} recorders")
}

/// Runs a load and notes what it has cost.
fn note(
    area: &mut Area,
    side: &str,
    recorders: u32,
    load: impl FnOnce() -> Result<Vec<Duration>>,
    cpu: impl Fn() -> Result<Duration>,
    peak_kib: impl Fn() -> Result<u64>,
) -> Result<()> {
    let before = cpu()?;
    let mut waits = load()?;
    let used = cpu()?.saturating_sub(before);
    waits.sort();
    let parts = waits.len();
    ensure!(parts as u32 == recorders * PARTS, "{side} took {parts} parts");
    let at = |share: f64| millis(waits[((parts - 1) as f64 * share) as usize]);
    area.add(&figure("CPU of the server", recorders), side, "ms/part", millis(used) / parts as f64);
    area.add(&figure("p50 of a part", recorders), side, "ms", at(0.5));
    area.add(&figure("p99 of a part", recorders), side, "ms", at(0.99));
    let memory = peak_kib()? as f64 / 1024.0;
    area.add(&figure("Memory of the server", recorders), side, "MiB", memory);
    Ok(())
}

/// Runs recorders that begin one after the other within two seconds, and returns how long each part took.
async fn record<F>(count: u32, one: impl Fn(u32) -> F) -> Result<Vec<Duration>>
where
    F: Future<Output = Result<Vec<Duration>>> + Send + 'static,
{
    let mut recorders = JoinSet::new();
    for index in 0..count {
        let recorder = one(index);
        recorders.spawn(async move {
            sleep(EVERY * index / count).await;
            recorder.await
        });
    }
    let mut waits = Vec::new();
    while let Some(ended) = recorders.join_next().await {
        waits.extend(ended??);
    }
    Ok(waits)
}

/// Our server, as recorders see it.
struct Ours {
    client: Client,
    url: String,
    token: String,
    parts: Vec<Vec<u8>>,
}

impl Ours {
    fn new(server: &Server, clip: &Clip) -> Result<Self> {
        let parts = (0..PARTS).map(|index| padded(clip, index)).collect::<Result<_>>()?;
        let url = format!("http://{}/api/v1/videos", server.address);
        Ok(Ours { client: sides::client()?, url, token: server.token.clone(), parts })
    }

    async fn record(self: Arc<Self>) -> Result<Vec<Duration>> {
        let session = self.open().await?;
        let (mut waits, mut clock) = (Vec::new(), interval(EVERY));
        for (index, part) in self.parts.iter().enumerate() {
            clock.tick().await;
            waits.push(self.send(&session, index, part.clone()).await?);
        }
        self.finalize(&session, self.parts.len()).await?;
        Ok(waits)
    }

    async fn open(&self) -> Result<String> {
        let opening = json!({
            "filename": "recording.webm", "timestamp": 1, "fps": 15, "codec": "vp9",
            "bitrate": 2_500_000, "resolution": "320x180",
        });
        let opened = self.post("init", &opening).await?;
        Ok(opened["sessionId"].as_str().context("a session")?.to_owned())
    }

    /// Sends a part and returns how long that took.
    async fn send(&self, session: &str, index: usize, bytes: Vec<u8>) -> Result<Duration> {
        let part = multipart::Part::bytes(bytes).file_name("chunk.webm");
        let form = multipart::Form::new().text("sessionId", session.to_owned());
        let form = form.text("chunkIndex", index.to_string()).part("chunk", part);
        let begun = Instant::now();
        let sent = self.client.post(format!("{}/chunk", self.url)).bearer_auth(&self.token);
        sent.multipart(form).send().await?.error_for_status()?.bytes().await?;
        Ok(begun.elapsed())
    }

    async fn finalize(&self, session: &str, parts: usize) -> Result<String> {
        let end = json!({
            "sessionId": session, "totalChunks": parts,
            "uploadedChunks": (0..parts).collect::<Vec<_>>(), "duration": parts * 2_000,
        });
        let answer = self.post("finalize", &end).await?;
        Ok(answer["videoUrl"].as_str().context("a link")?.to_owned())
    }

    async fn post(&self, route: &str, body: &Value) -> Result<Value> {
        let sent = self.client.post(format!("{}/{route}", self.url)).bearer_auth(&self.token);
        Ok(sent.json(body).send().await?.error_for_status()?.json().await?)
    }
}

/// Returns a part in stream framing with so many bytes: a Void follows the cluster.
fn padded(clip: &Clip, index: u32) -> Result<Vec<u8>> {
    let init = if index == 0 { Clip::init() } else { Vec::new() };
    let mut bytes = [init, clip.cluster(index)].concat();
    let rest = PART_BYTES.checked_sub(bytes.len() + 9).context("the clip is too large")?;
    bytes.push(0xEC);
    bytes.extend((rest as u64 | 1 << 56).to_be_bytes());
    bytes.resize(PART_BYTES, 0x55);
    Ok(bytes)
}

async fn record_by_tus(client: Client, address: Arc<str>) -> Result<Vec<Duration>> {
    let created = client
        .post(&*address)
        .header("Tus-Resumable", "1.0.0")
        .header("Upload-Length", PARTS as usize * PART_BYTES)
        .send()
        .await?
        .error_for_status()?;
    let url = created.headers().get(LOCATION).context("an address")?.to_str()?.to_owned();
    let (mut waits, mut clock) = (Vec::new(), interval(EVERY));
    for index in 0..PARTS as usize {
        clock.tick().await;
        let begun = Instant::now();
        let sent = client
            .patch(&url)
            .header("Tus-Resumable", "1.0.0")
            .header("Upload-Offset", index * PART_BYTES)
            .header(CONTENT_TYPE, "application/offset+octet-stream")
            .body(vec![0x55; PART_BYTES]);
        sent.send().await?.error_for_status()?;
        waits.push(begun.elapsed());
    }
    Ok(waits)
}

/// Reads ranges of one video, from our server and from nginx with the same file.
fn viewers(area: &mut Area, runtime: &tokio::runtime::Runtime, clip: &Clip) -> Result<()> {
    let home = Home::new()?;
    let server = Server::start_with(&home, &SERVER)?;
    let api = Ours::new(&server, clip)?;
    let link = runtime.block_on(async {
        let session = api.open().await?;
        for index in 0..VIDEO_PARTS {
            api.send(&session, index as usize, padded(clip, index)?).await?;
        }
        api.finalize(&session, VIDEO_PARTS as usize).await
    })?;
    let video = format!("{}/original.webm", link.trim_end_matches('/'));
    let file = home.path().join("www/original.webm");
    std::fs::create_dir_all(file.parent().context("a folder")?)?;
    let whole = runtime.block_on(async {
        let answer = api.client.get(&video).send().await?;
        answer.error_for_status()?.bytes().await
    })?;
    std::fs::write(&file, &whole)?;
    let nginx = Nginx::start(&home, file.parent().context("a folder")?)?;
    for (side, url, cpu) in [
        (OURS, video, &(|| server.cpu()) as &dyn Fn() -> Result<Duration>),
        (NGINX, format!("http://{}/original.webm", nginx.address), &|| nginx.cpu()),
    ] {
        let before = cpu()?;
        let read = runtime.block_on(view(&url, whole.len() as u64))?;
        let used = cpu()?.saturating_sub(before).as_secs_f64();
        let mib = read as f64 / (1024.0 * 1024.0);
        area.add("Viewers: bytes for a second of CPU", side, "MiB", mib / used.max(0.01));
        area.add("Viewers: throughput", side, "MiB/s", mib / VIEW_FOR.as_secs_f64());
    }
    Ok(())
}

/// Reads ranges at scattered places until the time is over, and returns the bytes.
async fn view(url: &str, len: u64) -> Result<u64> {
    let (read, client) = (Arc::new(AtomicU64::new(0)), sides::client()?);
    let end = Instant::now() + VIEW_FOR;
    let mut viewers = JoinSet::new();
    for viewer in 0..VIEWERS as u64 {
        let (read, client, url) = (read.clone(), client.clone(), url.to_owned());
        viewers.spawn(async move {
            let mut at = viewer * 7 * RANGE_BYTES;
            while Instant::now() < end {
                at = (at + 13 * RANGE_BYTES) % (len - RANGE_BYTES);
                let range = format!("bytes={at}-{}", at + RANGE_BYTES - 1);
                let answer = client.get(&url).header(RANGE, range).send().await?;
                let bytes = answer.error_for_status()?.bytes().await?;
                ensure!(bytes.len() as u64 == RANGE_BYTES, "{} bytes came", bytes.len());
                read.fetch_add(RANGE_BYTES, Ordering::Relaxed);
            }
            Ok(())
        });
    }
    while let Some(ended) = viewers.join_next().await {
        ended??;
    }
    Ok(read.load(Ordering::Relaxed))
}
