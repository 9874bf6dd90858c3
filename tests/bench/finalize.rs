//! The time from the last part to the finished video, at 30, 300 and 3,600 parts, beside ffmpeg's concat of the same
//! parts (what seed 000 does), and the first byte of a range in the middle of the longest.

use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::blocking::{Client, multipart};
use reqwest::header::RANGE;
use serde_json::{Value, json};
use snaplark_tests::fake_capture::{Clip, SEGMENT_MS};
use snaplark_tests::home::Home;
use snaplark_tests::process::command;
use snaplark_tests::server::Server;

use crate::report::{Area, millis};
use crate::sides::{self, measured};

/// A minute, ten minutes, and two hours.
const PARTS: [u32; 3] = [30, 300, 3_600];
const ROUNDS: usize = 5;
/// The time that any request may take.
const LIMIT: Duration = Duration::from_secs(60);

const FIRST: &str = "First byte of the first range, 2 hours";
const AGAIN: &str = "First byte of a further range, 2 hours";
const OURS: &str = "Snaplark";
const FFMPEG: &str = "ffmpeg concat";

pub fn measure(area: &mut Area) -> Result<()> {
    area.title = "From the last part to the finished video".to_owned();
    let home = Home::new()?;
    area.versions.insert("ffmpeg".to_owned(), sides::version(&home, "ffmpeg", "-version")?);
    let clip = Clip::at(&home.path().join("clip.ivf"))?;
    let server = Server::start_with(
        &home,
        &["--parts-per-second", "100000", "--mp4", "never", "--video-size", "none"],
    )?;
    let client = Client::builder().no_proxy().timeout(LIMIT).build()?;
    let api = Api { client, server: &server };
    let lengths = area.much(&PARTS[..], &PARTS[..2]);
    let (short, long) = (lengths[0], lengths[lengths.len() - 1]);
    for round in 0..area.much(ROUNDS, 1) {
        area.progress(&format!("round {}", round + 1));
        for parts in lengths.iter().copied() {
            let (session, bytes) = api.send(&clip, parts)?;
            let middle = bytes / 2;
            let begun = Instant::now();
            let link = api.finalize(&session, parts)?;
            area.add(&figure(parts), OURS, "ms", millis(begun.elapsed()));
            if parts == long {
                // The first one finds nothing in memory.
                for what in [FIRST, AGAIN] {
                    area.add(what, OURS, "ms", api.first_byte(&link, middle)?);
                }
            }
        }
    }
    // Once is enough for a time of seconds.
    for parts in lengths.iter().copied() {
        let list = write_parts(home.path(), &clip, parts)?;
        let mut concat = command(&home, "ffmpeg");
        concat.args(["-v", "error", "-y", "-f", "concat", "-safe", "0", "-i"]).arg(&list);
        concat.args(["-c", "copy"]).arg(home.path().join("joined.webm"));
        let used = measured(&home, "ffmpeg", concat)?;
        area.add(&figure(parts), FFMPEG, "ms", millis(used.time));
    }
    let flat = area.median(&figure(long), OURS)? / area.median(&figure(short), OURS)?;
    area.aim(&format!("{long} parts beside {short}"), flat, None, Some(1.2));
    let faster = area.median(&figure(long), FFMPEG)? / area.median(&figure(long), OURS)?;
    area.aim(&format!("ffmpeg beside Snaplark at {long} parts"), faster, Some(100.0), None);
    for what in [FIRST, AGAIN] {
        let ms = area.median(what, OURS)?;
        area.aim(&format!("{what}, in ms"), ms, None, Some(20.0));
    }
    Ok(())
}

fn figure(parts: u32) -> String {
    format!("Finalize at {parts} parts")
}

struct Api<'a> {
    client: Client,
    server: &'a Server,
}

impl Api<'_> {
    /// Opens a session and sends all parts in order. Returns the session and how many bytes that were.
    fn send(&self, clip: &Clip, parts: u32) -> Result<(String, u64)> {
        let opened = self.post(
            "init",
            &json!({
                "filename": "recording.webm", "timestamp": 1, "fps": 15, "codec": "vp9",
                "bitrate": 100_000, "resolution": "320x180",
            }),
        )?;
        let session = opened["sessionId"].as_str().context("a session")?.to_owned();
        let mut bytes = 0;
        for index in 0..parts {
            let part = part(clip, index);
            bytes += part.len() as u64;
            let part = multipart::Part::bytes(part).file_name("chunk.webm");
            let form = multipart::Form::new().text("sessionId", session.clone());
            let form = form.text("chunkIndex", index.to_string()).part("chunk", part);
            let sent = self.client.post(self.url("chunk")).bearer_auth(&self.server.token);
            sent.multipart(form).send()?.error_for_status()?;
        }
        Ok((session, bytes))
    }

    /// Returns the link.
    fn finalize(&self, session: &str, parts: u32) -> Result<String> {
        let answer = self.post(
            "finalize",
            &json!({
                "sessionId": session, "totalChunks": parts,
                "uploadedChunks": (0..parts).collect::<Vec<_>>(),
                "duration": u64::from(parts) * SEGMENT_MS,
            }),
        )?;
        Ok(answer["videoUrl"].as_str().context("a link")?.to_owned())
    }

    /// Returns how many milliseconds the first byte from there on takes, as a visitor gets the video.
    fn first_byte(&self, link: &str, from: u64) -> Result<f64> {
        let video = format!("{}/video.webm", link.trim_end_matches('/'));
        let begun = Instant::now();
        let mut answer = self.client.get(&video).header(RANGE, format!("bytes={from}-")).send()?;
        ensure!(answer.status() == 206, "{video} answers {}", answer.status());
        answer.read_exact(&mut [0])?;
        Ok(millis(begun.elapsed()))
    }

    fn post(&self, route: &str, body: &Value) -> Result<Value> {
        let sent = self.client.post(self.url(route)).bearer_auth(&self.server.token).json(body);
        Ok(sent.send()?.error_for_status()?.json()?)
    }

    fn url(&self, route: &str) -> String {
        format!("http://{}/api/v1/videos/{route}", self.server.address)
    }
}

/// Returns a part in stream framing.
fn part(clip: &Clip, index: u32) -> Vec<u8> {
    let init = if index == 0 { Clip::init() } else { Vec::new() };
    [init, clip.cluster(index)].concat()
}

/// Writes each part as a file that plays by itself, which concat needs, and returns the list of them.
fn write_parts(folder: &Path, clip: &Clip, parts: u32) -> Result<PathBuf> {
    let folder = folder.join(format!("parts-{parts}"));
    std::fs::create_dir_all(&folder)?;
    let mut list = String::new();
    for index in 0..parts {
        let file = folder.join(format!("{index:06}.webm"));
        std::fs::write(&file, [Clip::init(), clip.cluster(index)].concat())?;
        let _ = writeln!(list, "file '{}'", file.display());
    }
    let file = folder.join("list.txt");
    std::fs::write(&file, list)?;
    Ok(file)
}
