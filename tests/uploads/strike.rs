//! The last seconds of a recording that runs are struck: with uploads held back they never leave, otherwise they
//! are replaced at the server. What is looked for is the noise in each segment, in every request body and every file.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use snaplark_app::SettingsChange;
use snaplark_app::view::{RecordingView, StruckView};
use snaplark_core::RecordingId;
use snaplark_tests::fake_capture::{Pace, SEGMENT_MS, noise_of};
use snaplark_tests::home::Home;
use snaplark_tests::media;
use snaplark_tests::process::{Answer, command, finish};
use snaplark_tests::webdriver::client;

use crate::rig::{RECORDING, Rig, Server, clip_file, is_soak};
use crate::ring;

const PACE: Pace =
    Pace { segments_max: 1_000, every: Duration::from_millis(50), segment_bytes: 50_000 };
const DONE: Duration = Duration::from_secs(60);
const STRUCK: Duration = Duration::from_secs(10);

fn contains(bytes: &[u8], index: u32) -> bool {
    let noise = noise_of(index);
    // A search for the first eight bytes is quick, and finds nothing else.
    bytes.windows(noise.len()).any(|found| found[..8] == noise[..8] && found == noise)
}

/// Returns the segments of which a file below a folder holds the noise.
fn found_below(folder: &Path, segments: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => {
                    let bytes = std::fs::read(entry.path()).unwrap_or_default();
                    found.extend((0..segments).filter(|index| contains(&bytes, *index)));
                }
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn hold_back(rig: &Rig, seconds: u32) {
    let change = SettingsChange::of(&["upload", "holdBackSeconds"], seconds);
    rig.client.run(rig.client.app.change_settings(change)).unwrap();
}

fn wait_for(rig: &Rig, id: RecordingId, what: &str, is_so: impl Fn(&RecordingView) -> bool) {
    let id = id.to_string();
    let is_so = |r: &RecordingView| r.id == id && is_so(r);
    rig.client.until(what, RECORDING, |view| view.recordings.iter().any(is_so)).unwrap();
}

fn wait_for_segments(rig: &Rig, id: RecordingId, count: u32) {
    wait_for(rig, id, "segments", |view| view.segments >= count);
}

fn strike(rig: &Rig) -> StruckView {
    rig.client.run(rig.client.app.strike(STRUCK)).unwrap()
}

/// Ends the recording, and holds that the video and the person's file are whole and without what was struck.
fn hold_struck(rig: &Rig, id: RecordingId) -> RecordingView {
    rig.client.run(rig.client.app.stop_recording()).unwrap();
    let view = rig.client.done(id, DONE).unwrap();
    let record = rig.client.capture.record();
    let kept = record.kept;
    assert!(kept.len() < record.segments as usize);
    assert_eq!(view.segments as usize, kept.len());
    assert_eq!(view.duration_ms, kept.len() as u64 * SEGMENT_MS);
    let link = view.link.as_deref().unwrap();
    let answer = client().unwrap().get(format!("{link}/original.webm")).send().unwrap();
    let served = answer.bytes().unwrap();
    let there: Vec<u32> = (0..record.segments).filter(|n| contains(&served, *n)).collect();
    assert_eq!(there, kept, "segments that are served");
    assert_eq!(found_below(&rig.client_root(), record.segments), kept, "files of the client");
    media::decode(view.file.as_deref().unwrap()).unwrap();
    media::decode(&format!("{link}/video.webm")).unwrap();
    view
}

#[test]
fn held_back_seconds_that_are_struck_are_in_no_request_and_no_file() {
    let rig = Rig::start(PACE);
    hold_back(&rig, 10);
    rig.proxy.keep_bodies();
    let id = rig.client.begin().unwrap();
    wait_for_segments(&rig, id, 12);
    let StruckView { length_ms, was_online, .. } = strike(&rig);
    assert_eq!((length_ms, was_online), (10_000, false));
    // The next strike begins behind the first one.
    let segments = rig.client.capture.record().segments;
    wait_for_segments(&rig, id, segments + 2);
    assert!(!strike(&rig).was_online);
    wait_for(&rig, id, "more parts to be sent", |view| {
        view.upload.as_ref().is_some_and(|upload| upload.uploaded > 8)
    });
    hold_struck(&rig, id);
    let record = rig.client.capture.record();
    assert_eq!(record.segments as usize - record.kept.len(), 10);
    let bodies = rig.proxy.bodies();
    let sent: Vec<u32> = (0..record.segments).filter(|n| contains(&bodies, *n)).collect();
    assert_eq!(sent, record.kept, "segments in request bodies");
}

#[test]
fn seconds_that_were_online_are_replaced_there() {
    let rig = Rig::start(PACE);
    let id = rig.client.begin().unwrap();
    wait_for_segments(&rig, id, 10);
    // In the pause, all of it gets there, however slow uploads are.
    rig.client.run(rig.client.app.pause_recording()).unwrap();
    wait_for(&rig, id, "all parts to be sent", |view| {
        view.upload.as_ref().is_some_and(|upload| upload.uploaded >= 10 && upload.pending == 0)
    });
    assert!(strike(&rig).was_online);
    rig.client.run(rig.client.app.resume_recording()).unwrap();
    let segments = rig.client.capture.record().segments;
    wait_for_segments(&rig, id, segments);
    hold_struck(&rig, id);
    // Neither does the server hold them under another name.
    let record = rig.client.capture.record();
    let there = found_below(&rig.home.path().join("cloud"), record.segments);
    assert_eq!(there, record.kept, "files of the server");
}

#[test]
fn strike_cuts_a_segment_in_which_it_begins() {
    let rig = Rig::start(Pace { segment_bytes: 0, ..PACE });
    hold_back(&rig, 5);
    let id = rig.client.begin().unwrap();
    wait_for_segments(&rig, id, 6);
    let struck = rig.client.run(rig.client.app.strike(Duration::from_millis(3_100))).unwrap();
    assert_eq!((struck.length_ms, struck.was_online), (3_100, false));
    let segments = rig.client.capture.record().segments;
    wait_for_segments(&rig, id, segments);
    rig.client.run(rig.client.app.stop_recording()).unwrap();
    let view = rig.client.done(id, DONE).unwrap();
    let record = rig.client.capture.record();
    assert_eq!(view.duration_ms, u64::from(record.segments) * SEGMENT_MS - 3_100);
    // Of the two segments that the strike reaches into, the first keeps its begin.
    assert_eq!(view.segments, record.segments - 1);
    media::decode(view.file.as_deref().unwrap()).unwrap();
    media::decode(&format!("{}/video.webm", view.link.unwrap())).unwrap();
}

#[test]
fn strikes_that_wait_when_the_recording_stops_are_made_before_it_is_closed() {
    let rig = Rig::start(PACE);
    hold_back(&rig, 60);
    rig.proxy.keep_bodies();
    let id = rig.client.begin().unwrap();
    wait_for_segments(&rig, id, 12);
    let app = &rig.client.app;
    let length = Duration::from_millis(2 * SEGMENT_MS);
    let (first, second, stopped) = rig
        .client
        .run(async { tokio::join!(app.strike(length), app.strike(length), app.stop_recording()) });
    assert_eq!(stopped.unwrap(), id);
    for struck in [first.unwrap(), second.unwrap()] {
        assert_eq!((struck.length_ms, struck.was_online), (2 * SEGMENT_MS, false));
    }
    let view = rig.client.done(id, DONE).unwrap();
    let segments = rig.client.capture.record().segments;
    assert_eq!(view.segments, segments - 4);
    let found = found_below(&rig.client_root(), segments);
    assert_eq!(found.len() as u32, view.segments, "{found:?}");
    let bodies = rig.proxy.bodies();
    let sent: Vec<u32> = (0..segments).filter(|n| contains(&bodies, *n)).collect();
    assert_eq!(sent, found, "segments in request bodies");
    media::decode(view.file.as_deref().unwrap()).unwrap();
}

#[test]
fn shared_minutes_leave_what_is_held_back_of_a_running_recording_alone() {
    let rig = Rig::start(PACE);
    hold_back(&rig, 60);
    ring::keep(&rig);
    let shared = rig.client.run(rig.client.app.preview_last()).unwrap();
    let id = rig.client.begin().unwrap();
    wait_for_segments(&rig, id, 6);
    rig.client.run(rig.client.app.share_preview(shared, 0..2)).unwrap();
    wait_for(&rig, id, "segments after it", |view| {
        let parts = view.upload.as_ref().map_or(0, |upload| upload.uploaded + upload.pending);
        let is_held = u64::from(view.segments) * SEGMENT_MS <= 60_000;
        assert!(!is_held || parts == 0, "{parts} parts of {} segments", view.segments);
        view.segments >= 10
    });
    rig.client.run(rig.client.app.stop_recording()).unwrap();
    assert_eq!(ring::hold(&rig, shared), 2 * SEGMENT_MS);
    assert!(ring::hold(&rig, id) >= 10 * SEGMENT_MS);
}

/// The exit code of `crash-point` when it has killed the program.
const KILLED: i32 = 99;
/// The segments that have rows before the strike, and the seconds that are struck: two segments.
const CRASHED_STRIKE: &str = "4:4";
const CRASHED_SEGMENTS: u32 = 8;
/// The number of crash points that are tried without a soak.
const CRASHES: usize = 10;

struct CrashWorld {
    url: String,
    token: String,
    home: Home,
}

impl CrashWorld {
    fn recorder(&self, root: &Path, segments: u32) -> Vec<String> {
        let words = [
            env!("CARGO_BIN_EXE_fake-recorder"),
            "--home",
            root.to_str().unwrap(),
            "--server",
            &self.url,
            "--token",
            &self.token,
            "--clip",
            clip_file().to_str().unwrap(),
            "--segments",
            &segments.to_string(),
            "--segment-bytes",
            "50000",
        ]
        .map(str::to_owned);
        let strike = (segments > 0).then(|| ["--strike".to_owned(), CRASHED_STRIKE.to_owned()]);
        words.into_iter().chain(strike.into_iter().flatten()).collect()
    }

    /// Runs the recorder up to that point. Returns whether it was killed there.
    fn kill_at(&self, root: &Path, point: usize, list: Option<&Path>) -> bool {
        let mut run = command(&self.home, env!("CARGO_BIN_EXE_crash-point"));
        run.args(["--at", &point.to_string(), "--root"]).arg(root);
        if let Some(list) = list {
            run.arg("--list").arg(list);
        }
        run.arg("--").args(self.recorder(root, CRASHED_SEGMENTS));
        let Answer { status, stdout, stderr } = finish(&mut run, DONE).unwrap();
        match status.code() {
            Some(0) => false,
            Some(KILLED) => true,
            _ => panic!("{status} at point {point}:\n{stdout}{stderr}"),
        }
    }

    /// Starts it again, and holds that the strike was done or not. Returns whether it was done.
    fn hold_after(&self, root: &Path, point: usize) -> bool {
        let words = self.recorder(root, 0);
        let mut run = command(&self.home, &words[0]);
        run.args(&words[1..]);
        let Answer { status, stdout, stderr } = finish(&mut run, DONE).unwrap();
        assert!(status.success(), "{status} after point {point}:\n{stdout}{stderr}");
        let said: serde_json::Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
        let recording = &said["recordings"][0];
        let folder = root.join("recordings").join(recording["id"].as_str().unwrap());
        let found = found_below(&folder, CRASHED_SEGMENTS + 4);
        let missing: Vec<u32> =
            (0..*found.last().unwrap()).filter(|index| !found.contains(index)).collect();
        let is_whole = match missing[..] {
            [] => true,
            [first, second] => second == first + 1,
            _ => false,
        };
        assert!(is_whole, "killed before point {point}, there are {found:?}");
        let left: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains("strike"))
            .collect();
        assert!(left.is_empty(), "{left:?} after point {point}");
        let link = recording["link"].as_str().unwrap();
        let answer = client().unwrap().get(format!("{link}/original.webm")).send().unwrap();
        let served = answer.bytes().unwrap();
        let there: Vec<u32> = (0..CRASHED_SEGMENTS + 4).filter(|n| contains(&served, *n)).collect();
        assert_eq!(there, found, "what is served after point {point}");
        media::decode(recording["file"].as_str().unwrap()).unwrap();
        !missing.is_empty()
    }
}

#[test]
fn killed_at_any_step_of_a_strike_it_is_done_or_not() {
    let home = Home::new().unwrap();
    let server = Server::start(&home).unwrap();
    let (url, token) = (format!("http://{}", server.address), server.token.clone());
    let world = CrashWorld { url, token, home };
    let root = |name: &str| -> PathBuf { world.home.path().join(name) };
    let list = root("points.txt");
    assert!(!world.kill_at(&root("points"), 0, Some(&list)));
    let points = std::fs::read_to_string(list).unwrap();
    let points: Vec<&str> = points.lines().collect();
    // From the folder of the strike to its last trace, which is moved from there.
    let of_strike = |point: &&str| point.contains("strike");
    let first = points.iter().position(&of_strike).unwrap() + 1;
    let last = points.iter().rposition(&of_strike).unwrap() + 1;
    let wanted = if is_soak() { last - first } else { CRASHES };
    let tried: Vec<usize> =
        (0..=wanted).map(|n| first + n * (last - first) / wanted.max(1)).collect();
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new((0, 0)));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(point) = tried.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let root = root(&format!("case-{point}"));
                    if world.kill_at(&root, *point, None) {
                        let is_done = world.hold_after(&root, *point);
                        let mut outcomes = outcomes.lock().unwrap();
                        match is_done {
                            true => outcomes.1 += 1,
                            false => outcomes.0 += 1,
                        }
                    }
                }
            });
        }
    });
    let (old, new) = outcomes.into_inner().unwrap();
    println!(
        "figures: crash points of a strike: {} of {}, {old} as before, {new} struck",
        old + new,
        last - first
    );
    assert!(old + new > tried.len() / 2, "{old} and {new} of {} were killed", tried.len());
    assert!(old > 0 && new > 0, "{old} as before and {new} struck: both have to be seen");
}
