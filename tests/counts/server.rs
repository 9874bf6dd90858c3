//! What a part, an end and a read of one range cost the server.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::blocking::multipart;
use serde_json::{Value, json};
use snaplark_tests::fake_capture::{Clip, SEGMENT_MS};
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, output, program};
use snaplark_tests::webdriver::client;

use crate::effects::{Effects, traced_io};
use crate::hold;

const START: Duration = Duration::from_secs(60);
const FEW: u32 = 10;
const MANY: u32 = 200;

/// A server whose effects are listed, and what recorders and viewers ask of it.
struct Traced {
    address: String,
    token: String,
    effects: Effects,
    clip: Clip,
    process: Process,
    _home: Home,
}

impl Traced {
    fn start() -> Result<Self> {
        let home = Home::new()?;
        let data = home.path().join("cloud");
        let mut token = command(&home, program("snaplark-cloud")?);
        token.args(["token", "--user", "test@example.org", "--data"]).arg(&data);
        let token = output(token, START)?.trim().to_owned();
        let mut serve = command(&home, program("snaplark-cloud")?);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--parts-per-second", "100000"]);
        // Nothing is made from what is sent.
        serve.args(["--ffmpeg", "no-ffmpeg-here", "--data"]).arg(&data);
        let (effects, run) = Effects::trace(&home, "server", &data, &serve);
        let mut process = Process::start(&home, "snaplark-cloud", run)?;
        let line = process.line(START)?;
        let address = line.strip_prefix("listening on ").context("an address")?.to_owned();
        let clip = Clip::at(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("clip.ivf"))?;
        Ok(Self { address, token, effects, clip, process, _home: home })
    }

    /// Opens a session and sends its parts in order.
    fn send(&self, parts: u32) -> Result<String> {
        let opening = json!({
            "filename": "recording.webm", "timestamp": 1, "fps": 15, "codec": "vp9",
            "bitrate": 100_000, "resolution": "320x180",
        });
        let session = self.post("init", &opening)?["sessionId"].as_str().map(str::to_owned);
        let session = session.context("a session")?;
        for index in 0..parts {
            let init = if index == 0 { Clip::init() } else { Vec::new() };
            let bytes = [init, self.clip.cluster(index)].concat();
            let form = multipart::Form::new()
                .text("sessionId", session.clone())
                .text("chunkIndex", index.to_string())
                .part("chunk", multipart::Part::bytes(bytes).file_name("chunk.webm"));
            let url = format!("{}/api/v1/videos/chunk", self.address);
            let sent = client()?.post(url).bearer_auth(&self.token).multipart(form).send()?;
            sent.error_for_status()?;
        }
        Ok(session)
    }

    /// Returns the link.
    fn finalize(&self, session: &str, parts: u32) -> Result<String> {
        let end = json!({
            "sessionId": session, "totalChunks": parts,
            "uploadedChunks": (0..parts).collect::<Vec<_>>(),
            "duration": u64::from(parts) * SEGMENT_MS,
        });
        let link = self.post("finalize", &end)?["videoUrl"].as_str().map(str::to_owned);
        link.context("a link")
    }

    fn post(&self, route: &str, body: &Value) -> Result<Value> {
        let url = format!("{}/api/v1/videos/{route}", self.address);
        let sent = client()?.post(url).bearer_auth(&self.token).json(body).send()?;
        Ok(sent.error_for_status()?.json()?)
    }

    /// Reads one byte of the middle, and returns the bytes that the server has read from files for it.
    fn read_middle(&self, link: &str) -> Result<f64> {
        let video = format!("{link}/original.webm");
        let whole = client()?.head(&video).send()?.error_for_status()?;
        let bytes: u64 = whole.headers()["content-length"].to_str()?.parse()?;
        let range = format!("bytes={0}-{0}", bytes / 2);
        let before = traced_io(&self.process, "rchar")?;
        let answer = client()?.get(&video).header("range", range).send()?;
        anyhow::ensure!(answer.status() == 206, "{video} answers {}", answer.status());
        anyhow::ensure!(answer.bytes()?.len() == 1, "one byte was asked for");
        Ok(traced_io(&self.process, "rchar")? - before)
    }
}

#[test]
fn part_costs_few_syncs_and_an_end_the_same_however_long() {
    let server = Traced::start().unwrap();
    let warm = server.send(FEW).unwrap();
    server.finalize(&warm, FEW).unwrap();

    let begun = server.effects.count();
    let short = server.send(FEW).unwrap();
    let sent = server.effects.count();
    let short_link = server.finalize(&short, FEW).unwrap();
    let ended = server.effects.count();
    let long = server.send(MANY).unwrap();
    let sent_long = server.effects.count();
    let long_link = server.finalize(&long, MANY).unwrap();
    let ended_long = server.effects.count();

    let part = sent_long.each(ended, MANY);
    println!("figures: each part: {part:?}, of a short one {:?}", sent.each(begun, FEW));
    hold("fsyncs of the server for a part", part.syncs, 4.0);
    hold("effects of the server for a part", part.all, 27.0);
    let (end, end_long) = (ended.each(sent, 1), ended_long.each(sent_long, 1));
    println!("figures: the end at {FEW} and {MANY} parts: {end:?}, {end_long:?}");
    hold("fsyncs of the server for an end", end_long.syncs, 3.0);
    hold("effects of an end with many parts beyond one with few", end_long.all - end.all, 20.0);

    let (short_read, long_read) =
        (server.read_middle(&short_link).unwrap(), server.read_middle(&long_link).unwrap());
    println!("figures: bytes read for one range: {short_read}, {long_read}");
    // The map of the video, if it isn't in memory, has 20 KB.
    hold("bytes read for a range of many parts", long_read, 40_000.0);
}
