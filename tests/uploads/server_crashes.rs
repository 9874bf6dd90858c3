//! The cloud killed before any single thing that it does to its files or sockets: what it had
//! acknowledged is there at the next start, what it had not can be sent again, and the video is byte
//! for byte what was sent, with nothing counted twice.
//!
//! The points are `crash-point`'s, as in `crashes`: all of them where `SNAPLARK_SOAK` is set, else a
//! sample.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::blocking::{Client, multipart};
use serde_json::{Value, json};
use snaplark_api::hex;
use snaplark_formats::webm::{Block, Track, Tracks, Video, VideoCodec};
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, finish, output, program};
use snaplark_tests::webdriver::client;
use uuid::Uuid;

use crate::rig::is_soak;

const SAMPLE: usize = 10;
const START: Duration = Duration::from_secs(60);
const KILLED: i32 = 99;
const PARTS: usize = 3;

/// One life of a server, and what a client saw of it.
struct Case<'a> {
    home: &'a Home,
    root: PathBuf,
    token: String,
    recording: Uuid,
}

/// The requests that were answered with a 2xx.
#[derive(Default)]
struct Acknowledged {
    session: Option<String>,
    parts: Vec<usize>,
    video: Option<String>,
}

fn parts() -> Vec<Vec<u8>> {
    let video = Video { codec: VideoCodec::Vp9, width: 640, height: 360 };
    let init = snaplark_formats::webm::init(&Tracks { video, audio: None });
    let segment = |index: usize| {
        let block = |frame: usize| Block {
            track: Track::Video,
            time_ms: (index * 2000 + frame * 1000) as u64,
            keyframe: frame == 0,
            duration_ms: (frame == 1).then_some(1000),
            // More than one write of the server's, less than what takes long.
            data: vec![(index * 2 + frame) as u8; 300_000],
        };
        snaplark_formats::webm::cluster(&[block(0), block(1)]).unwrap()
    };
    let mut parts: Vec<Vec<u8>> = (0..PARTS).map(segment).collect();
    parts[0] = [init, parts[0].clone()].concat();
    parts
}

impl<'a> Case<'a> {
    /// Beside a database that is there already: making one is the first start's, not each one's.
    fn new(home: &'a Home, name: &str) -> Result<Self> {
        let root = home.path().join(name);
        let mut token = command(home, program("snaplark-cloud")?);
        token.args(["token", "--user", "test@example.org", "--data"]).arg(&root);
        let token = output(token, START)?.trim().to_owned();
        Ok(Case { home, root, token, recording: Uuid::now_v7() })
    }

    fn serve(&self) -> Result<Vec<String>> {
        let cloud = program("snaplark-cloud")?.to_string_lossy().into_owned();
        let data = self.root.to_string_lossy().into_owned();
        let args = ["serve", "--listen", "127.0.0.1:0", "--ffmpeg", "no-ffmpeg-here"];
        let args = args.map(str::to_owned).into_iter();
        Ok([cloud].into_iter().chain(args).chain(["--data".to_owned(), data]).collect())
    }

    /// Up to that point of its life; 0: to the end of what is asked of it.
    fn crash_point(&self, at: usize, list: Option<&Path>) -> Result<Process> {
        let mut run = command(self.home, env!("CARGO_BIN_EXE_crash-point"));
        run.args(["--at", &at.to_string(), "--root"]).arg(&self.root);
        if let Some(list) = list {
            run.arg("--list").arg(list);
        }
        run.arg("--").args(self.serve()?);
        Process::start(self.home, "crash-point", run)
    }

    /// Everything a client asks for, until it gets no answer.
    fn play(&self, address: &str) -> Acknowledged {
        let mut seen = Acknowledged::default();
        // Its last error is the kill: the answer that never came.
        self.try_play(address, &mut seen).ok();
        seen
    }

    fn try_play(&self, address: &str, seen: &mut Acknowledged) -> Result<()> {
        let http = client()?;
        let ask = json!({"filename": "a.webm", "timestamp": 1, "fps": 30, "codec": "vp9",
            "bitrate": 2_500_000, "resolution": "640x360", "recordingId": self.recording});
        let answer = self.post(&http, address, "init", &ask)?;
        let session = answer["sessionId"].as_str().context("a session")?.to_owned();
        seen.session = Some(session.clone());
        // One of them twice: the second takes the first one's place.
        for index in [0, 2, 2, 1] {
            let part = multipart::Part::bytes(parts()[index].clone()).file_name("chunk.webm");
            let form = multipart::Form::new().text("sessionId", session.clone());
            let form = form.text("chunkIndex", index.to_string()).part("chunk", part);
            let url = format!("{address}/api/v1/videos/chunk");
            let sent = http.post(url).bearer_auth(&self.token).multipart(form).send()?;
            sent.error_for_status()?;
            seen.parts.push(index);
        }
        let ask = json!({"sessionId": session, "totalChunks": PARTS,
            "uploadedChunks": (0..PARTS).collect::<Vec<_>>(), "duration": 6000});
        let answer = self.post(&http, address, "finalize", &ask)?;
        seen.video = Some(answer["videoId"].as_str().context("a video")?.to_owned());
        Ok(())
    }

    fn post(&self, http: &Client, address: &str, route: &str, ask: &Value) -> Result<Value> {
        let url = format!("{address}/api/v1/videos/{route}");
        let sent = http.post(url).bearer_auth(&self.token).json(ask).send()?;
        Ok(sent.error_for_status()?.json()?)
    }

    fn get(&self, address: &str, path: &str) -> Value {
        let url = format!("{address}/api/v1{path}");
        let answer = client().unwrap().get(url).bearer_auth(&self.token).send().unwrap();
        answer.error_for_status().unwrap().json().unwrap()
    }

    /// Nothing acknowledged is lost, the rest can be sent, and it is counted right.
    fn hold(&self, seen: &Acknowledged) {
        let words = self.serve().unwrap();
        let mut run = command(self.home, &words[0]);
        run.args(&words[1..]);
        let mut server = Process::start(self.home, "snaplark-cloud", run).unwrap();
        let address = address_of(&mut server).unwrap();
        if let Some(session) = &seen.session {
            let status = self.get(&address, &format!("/videos/{session}"));
            for part in &seen.parts {
                let has = status["receivedChunks"].as_array().unwrap();
                assert!(has.contains(&json!(part)), "part {part} was acknowledged: {status}");
            }
            if seen.video.is_some() {
                assert_eq!(status["state"], "completed", "it was acknowledged");
            }
        }
        let mut again = Acknowledged::default();
        self.try_play(&address, &mut again).unwrap();
        if let Some(session) = &seen.session {
            assert_eq!(again.session.as_ref(), Some(session), "one recording is one session");
        }
        let video = again.video.unwrap();
        let url = format!("{address}/videos/{video}/original.webm");
        let bytes = client().unwrap().get(url).send().unwrap().bytes().unwrap();
        assert!(bytes == parts().concat(), "other bytes than were sent");
        let stored = parts().iter().map(Vec::len).sum::<usize>();
        let counted = self.get(&address, "/usage")["storedBytes"].as_u64().unwrap() as usize;
        let rows = 4096 + 512 * parts().len();
        assert!(
            (stored + rows..stored + 2 * rows + 4096).contains(&counted),
            "{counted}, {stored} sent"
        );
        drop(server);
        let mut scrub = command(self.home, program("snaplark-cloud").unwrap());
        scrub.arg("scrub").arg("--data").arg(&self.root);
        let scrubbed = finish(&mut scrub, START).unwrap();
        assert!(scrubbed.status.success(), "{}", scrubbed.stdout);
    }
}

fn address_of(server: &mut Process) -> Result<String> {
    let line = server.line(START)?;
    let address = line.strip_prefix("listening on ");
    Ok(address.with_context(|| format!("the server says '{line}'"))?.to_owned())
}

#[test]
fn killed_before_any_write_sync_rename_or_answer_the_cloud_keeps_its_word() {
    let home = Home::new().unwrap();
    let reference = Case::new(&home, "points").unwrap();
    let list = home.path().join("points.txt");
    let mut traced = reference.crash_point(0, Some(&list)).unwrap();
    let address = address_of(&mut traced).unwrap();
    let seen = reference.play(&address);
    assert!(seen.video.is_some(), "without a kill it plays to the end");
    drop(traced);
    let points = std::fs::read_to_string(&list).unwrap().lines().count();
    assert!(points > 40, "only {points} points: what is counted?");

    let sample = |n: usize| 1 + n * (points - 1) / (SAMPLE - 1);
    let tried: Vec<usize> =
        if is_soak() { (1..=points + 10).collect() } else { (0..SAMPLE).map(sample).collect() };
    let mut killed = 0;
    for point in &tried {
        let case = Case::new(&home, &format!("case-{point}")).unwrap();
        let mut traced = case.crash_point(*point, None).unwrap();
        // It may die before it listens.
        let seen = address_of(&mut traced).map(|address| case.play(&address)).unwrap_or_default();
        if seen.video.is_some() && traced.is_running() {
            // Its life was shorter this time.
            drop(traced);
        } else {
            let status = traced.wait(START).unwrap();
            assert_eq!(status.code(), Some(KILLED), "{}", traced.complaints());
            let at = traced.lines().pop().unwrap_or_default();
            println!("killed before point {point}: {at}");
            killed += 1;
        }
        case.hold(&seen);
        Command::new("rm").arg("-r").arg(&case.root).status().unwrap();
    }
    println!("figures: crash points of the cloud: {points} in one upload, killed at {killed}");
    assert!(killed * 10 >= tried.len() * 8, "{killed} of {} were killed", tried.len());
}

/// Publishing an edit over a video that is there: its first segment, and half of the second part, are cut.
struct Publishing<'a> {
    case: Case<'a>,
    /// The video before and after, as it is served.
    old: &'a [u8],
    new: &'a [u8],
}

const CUT: [&[u8]; 2] = [b"<cut segment 0>", b"<cut segment 2>"];
/// How often the server's files are looked at.
const SWEPT_LOOK: Duration = Duration::from_millis(20);
/// How long a server that has swept is given to reach its point: it notes in its rows what it has deleted.
const NOTED_MAX: Duration = Duration::from_secs(20);

/// Three parts of two segments; those that are cut have marks of their own.
fn marked_parts() -> [Vec<u8>; 3] {
    let video = Video { codec: VideoCodec::Vp9, width: 640, height: 360 };
    let init = snaplark_formats::webm::init(&Tracks { video, audio: None });
    let segment = |index: usize| {
        let mark = match index {
            0 => CUT[0].to_vec(),
            2 => CUT[1].to_vec(),
            other => format!("<kept segment {other}>").into_bytes(),
        };
        let block = |frame: usize| Block {
            track: Track::Video,
            time_ms: (index * 2000 + frame * 1000) as u64,
            keyframe: frame == 0,
            duration_ms: (frame == 1).then_some(1000),
            data: mark.repeat(5_000),
        };
        snaplark_formats::webm::cluster(&[block(0), block(1)]).unwrap()
    };
    let pair = |part: usize| [segment(part * 2), segment(part * 2 + 1)].concat();
    [[init, pair(0)].concat(), pair(1), pair(2)]
}

/// Returns the pieces of version 2: half of part 0, half of part 1, all of part 2.
fn pieces() -> Value {
    use sha2::{Digest, Sha256};
    let parts = marked_parts();
    let keep = |index: usize, from: usize, shift_ms: i64| {
        let digest = Sha256::digest(&parts[index][from..]);
        let digest = hex(&digest);
        let range = json!({"chunkIndex": index, "start": from, "end": parts[index].len(), "sha256": digest});
        json!({"keep": range, "shiftMs": shift_ms})
    };
    let second = |index: usize| {
        let clusters = snaplark_formats::webm::index(&parts[index]).unwrap().clusters;
        clusters[1].offset as usize
    };
    json!({"fromVersion": 1, "pieces": [
        keep(0, second(0), -2000), keep(1, second(1), -4000), keep(2, 0, -4000),
    ]})
}

impl Publishing<'_> {
    /// A server with version 1, which each case gets a copy of.
    fn prepare(case: &Case<'_>) -> Vec<u8> {
        let mut server = case.start();
        let address = address_of(&mut server).unwrap();
        let session = case.begin(&address, 1).unwrap();
        for (index, part) in marked_parts().into_iter().enumerate() {
            let part = multipart::Part::bytes(part).file_name("chunk.webm");
            let form = multipart::Form::new().text("sessionId", session.clone());
            let form = form.text("chunkIndex", index.to_string()).part("chunk", part);
            let url = format!("{address}/api/v1/videos/chunk");
            let request = client().unwrap().post(url).bearer_auth(&case.token).multipart(form);
            request.send().unwrap().error_for_status().unwrap();
        }
        case.finish(&address, &session).unwrap();
        case.video(&address)
    }

    /// Publishes version 2, and waits until what was cut is gone. Sets whether the switch was acknowledged, and
    /// fails where a request has no answer. Waiting asks the server nothing: each answer would be one more point at
    /// which it can be killed, and how many there are would be a matter of speed.
    fn play(
        case: &Case<'_>,
        server: &mut Process,
        address: &str,
        is_switched: &mut bool,
    ) -> Result<()> {
        let session = case.begin(address, 2)?;
        let url = format!("{address}/api/v1/videos/{session}/pieces");
        let set = client()?.put(url).bearer_auth(&case.token).json(&pieces()).send()?;
        let set: Value = set.error_for_status()?.json()?;
        assert_eq!(set["missingChunks"], json!([]), "all of it is kept");
        case.finish(address, &session)?;
        *is_switched = true;
        while case.has_cut() {
            // Nobody sweeps any more if it was killed meanwhile.
            anyhow::ensure!(server.is_running(), "it was killed");
            std::thread::sleep(SWEPT_LOOK);
        }
        Ok(())
    }

    /// One version is shown whole, publishing can be repeated, and nothing of what was cut is left.
    fn hold(&self, is_switched: bool) {
        let mut server = self.case.start();
        let address = address_of(&mut server).unwrap();
        let shown = self.case.video(&address);
        assert!(shown == self.new || (shown == self.old && !is_switched), "a mixture, or neither");
        let mut again = false;
        Publishing::play(&self.case, &mut server, &address, &mut again).unwrap();
        assert!(self.case.video(&address) == self.new);
        let counted = self.case.get(&address, "/usage")["storedBytes"].as_u64().unwrap();
        // The kept half of the parts, and their rows.
        assert!(
            (self.new.len() as u64..self.new.len() as u64 + 12_000).contains(&counted),
            "{counted}"
        );
        drop(server);
        assert!(!self.case.has_cut(), "after a stop");
        let mut scrub = command(self.case.home, program("snaplark-cloud").unwrap());
        scrub.arg("scrub").arg("--data").arg(&self.case.root);
        let scrubbed = finish(&mut scrub, START).unwrap();
        assert!(scrubbed.status.success(), "{}", scrubbed.stdout);
    }
}

impl Case<'_> {
    fn start(&self) -> Process {
        let words = self.serve().unwrap();
        let mut run = command(self.home, &words[0]);
        run.args(&words[1..]);
        Process::start(self.home, "snaplark-cloud", run).unwrap()
    }

    fn begin(&self, address: &str, version: u32) -> Result<String> {
        let ask = json!({"filename": "a.webm", "timestamp": 1, "fps": 30, "codec": "vp9",
            "bitrate": 2_500_000, "resolution": "640x360", "recordingId": self.recording,
            "version": version});
        let answer = self.post(&client()?, address, "init", &ask)?;
        Ok(answer["sessionId"].as_str().context("a session")?.to_owned())
    }

    fn finish(&self, address: &str, session: &str) -> Result<()> {
        let ask = json!({"sessionId": session, "totalChunks": 3, "uploadedChunks": [0, 1, 2],
            "duration": 6000});
        self.post(&client()?, address, "finalize", &ask).map(|_| ())
    }

    fn video(&self, address: &str) -> Vec<u8> {
        let url = format!("{address}/videos/{}/video.webm", self.recording);
        let answer = client().unwrap().get(url).send().unwrap().error_for_status().unwrap();
        answer.bytes().unwrap().to_vec()
    }

    /// Returns whether any file of the server has bytes of what was cut.
    fn has_cut(&self) -> bool {
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            for path in entries.flatten().map(|entry| entry.path()) {
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let bytes = std::fs::read(path).unwrap_or_default();
                if CUT.iter().any(|cut| bytes.windows(cut.len()).any(|bytes| bytes == *cut)) {
                    return true;
                }
            }
        }
        false
    }

    /// The same server in another folder.
    fn copied(&self, name: &str) -> Self {
        let root = self.home.path().join(name);
        let copied = Command::new("cp").arg("-a").arg(&self.root).arg(&root).status().unwrap();
        assert!(copied.success());
        Case { home: self.home, root, token: self.token.clone(), recording: self.recording }
    }
}

#[test]
fn killed_at_any_point_of_publishing_the_cloud_shows_one_version_and_then_forgets_what_was_cut() {
    let home = Home::new().unwrap();
    let base = Case::new(&home, "base").unwrap();
    let old = Publishing::prepare(&base);
    assert!(base.has_cut());

    let reference = base.copied("points");
    let list = home.path().join("points.txt");
    let mut traced = reference.crash_point(0, Some(&list)).unwrap();
    let address = address_of(&mut traced).unwrap();
    let mut is_switched = false;
    Publishing::play(&reference, &mut traced, &address, &mut is_switched).unwrap();
    // What comes later is made in the background, more or less of it in each run.
    let points = std::fs::read_to_string(&list).unwrap().lines().count();
    let new = reference.video(&address);
    assert!(is_switched && new != old);
    drop(traced);
    assert!(points > 40, "only {points} points: what is counted?");

    let sample = |n: usize| 1 + n * (points - 1) / (SAMPLE - 1);
    let tried: Vec<usize> =
        if is_soak() { (1..=points).collect() } else { (0..SAMPLE).map(sample).collect() };
    let mut killed = 0;
    for point in &tried {
        let case = base.copied(&format!("case-{point}"));
        let publishing = Publishing { case, old: &old, new: &new };
        let mut traced = publishing.case.crash_point(*point, None).unwrap();
        let mut is_switched = false;
        if let Ok(address) = address_of(&mut traced) {
            // Its error is the kill: the answer that never came.
            let played =
                Publishing::play(&publishing.case, &mut traced, &address, &mut is_switched);
            if played.is_ok() {
                traced.wait(NOTED_MAX).ok();
            }
        }
        if traced.is_running() {
            drop(traced);
        } else {
            let status = traced.wait(START).unwrap();
            assert_eq!(status.code(), Some(KILLED), "{}", traced.complaints());
            println!("killed before point {point}: {}", traced.lines().pop().unwrap_or_default());
            killed += 1;
        }
        publishing.hold(is_switched);
        Command::new("rm").arg("-r").arg(&publishing.case.root).status().unwrap();
    }
    println!("figures: crash points of publishing an edit: {points}, killed at {killed}");
    // The last points are of what is made in the background, which a run has more or less of.
    assert!(killed * 10 >= tried.len() * 6, "{killed} of {} were killed", tried.len());
}
