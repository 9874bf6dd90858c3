//! Killed before any single thing that it does to its files or to the network, the program loses
//! nothing that was sealed and nothing that was acknowledged: the next start finds it, sends only
//! what the server has not confirmed, and the video is byte for byte what was recorded.
//!
//! `crash-point` numbers the points of a recording with its upload. All of them are tried when
//! `SNAPLARK_SOAK` is set, else a sample. What a kill can't show is a power cut that also undoes
//! what was not synced: for that the order of the points themselves is held to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use snaplark_store::Store;
use snaplark_tests::fake_capture::sha256_of;
use snaplark_tests::fault_proxy::FaultProxy;
use snaplark_tests::home::Home;
use snaplark_tests::process::{Answer, command, finish};
use snaplark_tests::recorder::pieces;
use snaplark_tests::webdriver::client;
use tokio::runtime::Runtime;

use crate::rig::{Server, clip_file, hold_served, is_soak, runtime};

/// The number of crash points that are tried at each pace.
const SAMPLE: usize = 8;
const RECOVERY_SAMPLE: usize = 5;
const SEGMENTS: u32 = 4;
/// Time from one segment to the next, in ms. Without any, files are far ahead of their rows.
const PACES: [u32; 2] = [50, 0];
/// One run of the recorder, killed or not.
const RUN: Duration = Duration::from_secs(60);
const KILLED: i32 = 99;
/// The number of threads, which is the usual number of processors.
const AT_ONCE: usize = 2;

struct World {
    address: SocketAddr,
    token: String,
    proxy: FaultProxy,
    _runtime: Runtime,
    /// The server. The mutex only makes the struct shareable between threads.
    _server: Mutex<Server>,
    home: Home,
}

/// One store, and what is to be lost of it under no circumstances.
struct Case<'a> {
    world: &'a World,
    root: PathBuf,
    every_ms: u32,
}

/// The promises that were made before the kill.
#[derive(Default)]
struct Promised {
    /// The names and bytes of the sealed segments, by recording.
    sealed: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    /// The parts that the client knows to be stored, by session.
    acknowledged: BTreeMap<String, Vec<u32>>,
}

impl World {
    fn start() -> Self {
        let home = Home::new().unwrap();
        let server = Server::start(&home).unwrap();
        let runtime = runtime().unwrap();
        let proxy = runtime.block_on(FaultProxy::start(server.address)).unwrap();
        let (address, token) = (server.address, server.token.clone());
        Self { address, token, proxy, _runtime: runtime, _server: Mutex::new(server), home }
    }

    fn case(&self, name: &str, every_ms: u32) -> Case<'_> {
        Case { world: self, root: self.home.path().join(format!("{name}-{every_ms}")), every_ms }
    }

    fn hold_server_has(&self, acknowledged: &BTreeMap<String, Vec<u32>>) {
        for (session, parts) in acknowledged {
            let url = format!("http://{}/api/v1/videos/{session}", self.address);
            let answer = client().unwrap().get(url).bearer_auth(&self.token).send().unwrap();
            let answer: Value = answer.json().unwrap();
            let has = answer["receivedChunks"].as_array().unwrap();
            for part in parts {
                assert!(has.contains(&(*part).into()), "part {part} is acknowledged: {answer}");
            }
        }
    }
}

impl Case<'_> {
    fn recorder(&self, segments: u32) -> Vec<String> {
        let root = self.root.to_str().unwrap();
        let clip = clip_file().to_str().unwrap();
        let url = self.world.proxy.url();
        let (segments, every_ms) = (segments.to_string(), self.every_ms.to_string());
        [env!("CARGO_BIN_EXE_fake-recorder"), "--home", root, "--server", &url]
            .into_iter()
            .chain(["--token", &self.world.token, "--clip", clip])
            .chain(["--segments", &segments, "--every-ms", &every_ms])
            .map(str::to_owned)
            .collect()
    }

    /// Runs it up to that point. `None` where it ended before.
    fn kill_at(&self, point: usize, segments: u32, list: Option<&Path>) -> Option<String> {
        let mut run = command(&self.world.home, env!("CARGO_BIN_EXE_crash-point"));
        run.args(["--at", &point.to_string(), "--root"]).arg(&self.root);
        if let Some(list) = list {
            run.arg("--list").arg(list);
        }
        run.arg("--").args(self.recorder(segments));
        let Answer { status, stdout, stderr } = finish(&mut run, RUN).unwrap();
        match status.code() {
            Some(0) => None,
            Some(KILLED) => Some(stdout.lines().last().unwrap_or_default().to_owned()),
            _ => panic!("{status} at point {point}:\n{stdout}{stderr}"),
        }
    }

    /// Starts it again and lets it finish. Gives its recordings by id.
    fn resume(&self) -> BTreeMap<String, Value> {
        let words = self.recorder(0);
        let mut run = command(&self.world.home, &words[0]);
        run.args(&words[1..]);
        let Answer { status, stdout, stderr } = finish(&mut run, RUN).unwrap();
        assert!(status.success(), "{status}:\n{stdout}{stderr}");
        let said: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
        let recordings = said["recordings"].as_array().unwrap().iter();
        recordings.map(|r| (r["id"].as_str().unwrap().to_owned(), r.clone())).collect()
    }

    /// Read from a copy: looking must not mend anything.
    fn promised(&self) -> Promised {
        let mut promised = Promised::default();
        for folder in std::fs::read_dir(self.root.join("recordings")).into_iter().flatten() {
            let folder = folder.unwrap().path();
            let mut sealed = BTreeMap::new();
            for file in std::fs::read_dir(&folder).unwrap() {
                let path = file.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                if name.starts_with('0') && name.ends_with(".webm") {
                    sealed.insert(name, std::fs::read(&path).unwrap());
                }
            }
            let id = folder.file_name().unwrap().to_str().unwrap().to_owned();
            promised.sealed.insert(id, sealed);
        }
        let copy = self.root.with_extension("copy");
        let copied = Command::new("cp").arg("-r").args([&self.root, &copy]).status().unwrap();
        if self.root.exists() {
            assert!(copied.success(), "{} can't be copied", self.root.display());
        }
        if let Ok(Some(store)) = Store::open_to_read(&copy) {
            for upload in store.upload_rows().unwrap() {
                let Some(session) = upload.session else { continue };
                let parts = (0..).zip(&upload.parts);
                let acknowledged = parts.filter(|(_, (_, done))| *done).map(|(index, _)| index);
                promised.acknowledged.insert(session.0, acknowledged.collect());
            }
        }
        promised
    }

    /// Everything that was promised is online, and nothing acknowledged was sent again.
    fn hold(&self, promised: &Promised, asked_before: usize) {
        let recordings = self.resume();
        for (id, sealed) in &promised.sealed {
            if sealed.is_empty() {
                continue;
            }
            let recording = recordings.get(id).unwrap_or_else(|| {
                panic!("recording {id} is lost with {} sealed segments", sealed.len())
            });
            let folder = self.root.join("recordings").join(id);
            let mut whole = Vec::new();
            let pieces = pieces(&folder).unwrap();
            for piece in &pieces {
                let bytes = std::fs::read(piece).unwrap();
                let name = piece.file_name().unwrap().to_str().unwrap();
                if let Some(before) = sealed.get(name) {
                    assert!(*before == bytes, "{name} was sealed, and is another now");
                }
                whole.extend_from_slice(&bytes);
            }
            assert!(pieces.len() > sealed.len(), "a sealed segment is gone: {pieces:?}");
            let (bytes, sha256) = sha256_of(whole.as_slice()).unwrap();
            hold_served(recording["link"].as_str().unwrap(), bytes, sha256);
        }
        for asked in &self.world.proxy.asked()[asked_before..] {
            let (Some(session), Some(index)) = (&asked.session, asked.index) else { continue };
            let known = promised.acknowledged.get(session);
            let again = known.is_some_and(|parts| parts.contains(&index));
            assert!(!again, "part {index} was acknowledged, and is sent again");
        }
    }
}

/// Tries points until none are left, some at a time, and says what each did.
fn each(points: &[usize], act: impl Fn(usize) -> bool + Sync) -> usize {
    let next = AtomicUsize::new(0);
    let killed = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    *killed.lock().unwrap() += usize::from(act(*point));
                }
            });
        }
    });
    killed.into_inner().unwrap()
}

fn sample(points: usize, wanted: usize) -> Vec<usize> {
    if is_soak() {
        // A few more: no two runs have exactly as many.
        return (1..=points + 10).collect();
    }
    (0..wanted).map(|n| 1 + n * (points - 1) / (wanted - 1)).collect()
}

fn points_of(case: &Case<'_>, segments: u32) -> Vec<String> {
    let list = case.root.with_extension("points");
    assert_eq!(case.kill_at(0, segments, Some(&list)), None);
    let points = std::fs::read_to_string(list).unwrap();
    points.lines().map(str::to_owned).collect()
}

#[test]
fn killed_before_any_write_sync_rename_or_request_nothing_promised_is_lost() {
    let world = World::start();
    for every_ms in PACES {
        let points = points_of(&world.case("points", every_ms), SEGMENTS);
        let tried = sample(points.len(), SAMPLE);
        let killed = each(&tried, |point| {
            let case = world.case(&format!("case-{point}"), every_ms);
            let Some(at) = case.kill_at(point, SEGMENTS, None) else { return false };
            println!("killed before point {point}: {at}");
            let promised = case.promised();
            world.hold_server_has(&promised.acknowledged);
            case.hold(&promised, world.proxy.asked().len());
            true
        });
        println!(
            "figures: crash points: {} in one run with a segment each {every_ms} ms, killed at \
             {killed}",
            points.len()
        );
        assert!(killed * 10 >= tried.len() * 8, "{killed} of {} were killed", tried.len());
    }
}

/// The start after a kill can be killed as well.
#[test]
fn killed_again_while_it_recovers_nothing_promised_is_lost() {
    let world = World::start();
    let first = points_of(&world.case("points", PACES[0]), SEGMENTS).len() / 2;
    let reference = world.case("recovery", PACES[0]);
    reference.kill_at(first, SEGMENTS, None).unwrap();
    let points = points_of(&reference, 0);
    let tried = sample(points.len(), RECOVERY_SAMPLE);
    let killed = each(&tried, |point| {
        let case = world.case(&format!("again-{point}"), PACES[0]);
        case.kill_at(first, SEGMENTS, None).expect("half way it is far from its end");
        let before = case.promised();
        let Some(at) = case.kill_at(point, 0, None) else { return false };
        println!("killed before point {point} of the recovery: {at}");
        let mut promised = case.promised();
        world.hold_server_has(&promised.acknowledged);
        promised.sealed.extend(before.sealed);
        case.hold(&promised, world.proxy.asked().len());
        true
    });
    println!(
        "figures: crash points of a recovery: {} in one run, killed at {killed}",
        points.len()
    );
    assert!(killed * 10 >= tried.len() * 7, "{killed} of {} were killed", tried.len());
}

/// A power cut may undo every rename and every new folder that was not synced. So they are, before
/// a row or a request tells of them.
#[test]
fn what_a_power_cut_could_undo_is_synced_before_it_is_told() {
    let world = World::start();
    let case = world.case("order", PACES[0]);
    let points = points_of(&case, SEGMENTS);
    let call = |point: &str| point.split(" by ").next().unwrap_or_default().to_owned();
    let calls: Vec<String> = points.iter().map(|point| call(point)).collect();
    let mut made = 0;
    for (at, call) in calls.iter().enumerate() {
        let Some((what, path)) = call.split_once(' ') else { continue };
        if !["rename", "renameat", "renameat2", "mkdir", "mkdirat"].contains(&what) {
            continue;
        }
        let parent = Path::new(path).parent().and_then(Path::to_str).unwrap_or_default();
        if what.starts_with("mkdir") && parent.is_empty() {
            // Of the home itself: everything below it is younger.
            continue;
        }
        let synced = format!("fsync {parent}");
        let tells = |call: &str| call == "fsync snaplark.db-wal" || call.contains("a socket");
        let mut after = calls[at + 1..].iter().filter(|call| **call == synced || tells(call));
        // Threads go on side by side: another's commit may come between. Two would be too late.
        let soon = after.by_ref().take(4).any(|call| *call == synced);
        assert!(soon, "'{call}' is not synced in time:\n{}", calls[at..].join("\n"));
        made += 1;
    }
    // Init, four segments, the person's file, and the recording's folder.
    assert!(made >= 7, "{made} names were made");
}
