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
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, finish, output, program};
use snaplark_tests::webdriver::client;
use snaplark_webm::{Block, Track, Tracks, Video, VideoCodec};
use uuid::Uuid;

use crate::rig::is_soak;

const SAMPLE: usize = 20;
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

/// What was answered with a 2xx.
#[derive(Default)]
struct Acknowledged {
    session: Option<String>,
    parts: Vec<usize>,
    video: Option<String>,
}

fn parts() -> Vec<Vec<u8>> {
    let video = Video { codec: VideoCodec::Vp9, width: 640, height: 360 };
    let init = snaplark_webm::init(&Tracks { video, audio: None });
    let segment = |index: usize| {
        let block = |frame: usize| Block {
            track: Track::Video,
            time_ms: (index * 2000 + frame * 1000) as u64,
            keyframe: frame == 0,
            duration_ms: (frame == 1).then_some(1000),
            // More than one write of the server's, less than what takes long.
            data: vec![(index * 2 + frame) as u8; 300_000],
        };
        snaplark_webm::cluster(&[block(0), block(1)]).unwrap()
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
