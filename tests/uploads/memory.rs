//! However large a recording is, it goes up from its files: memory stays where it was, online and
//! offline. Two gigabytes when `SNAPLARK_SOAK` is set, else a tenth.

use std::time::Duration;

use serde_json::Value;
use snaplark_tests::fake_capture::sha256_of;
use snaplark_tests::fault_proxy::FaultProxy;
use snaplark_tests::home::Home;
use snaplark_tests::recorder::pieces;
use snaplark_tests::webdriver::client;

use crate::rig::{Server, fake_recorder, is_soak, runtime};

/// The promise: above what the program takes while it does nothing.
const ABOVE_IDLE_MAX: u64 = 40_000_000;
/// 20 Mbit/s. Up to five segments are in memory at once: two parts on their way, two that were just acknowledged or
/// are being read, and one for the person's own file.
const SEGMENT_BYTES: u64 = 5_000_000;
/// Two gigabytes on a disk that others use as well, thrice: segments, file, server.
const LIMIT: Duration = Duration::from_secs(1_200);

fn segments() -> u64 {
    if is_soak() { 400 } else { 40 }
}

/// Records so much and uploads it, at once or, where the network is away, afterwards.
fn weigh(name: &str, online: bool) {
    let home = Home::new().unwrap();
    let server = Server::start(&home).unwrap();
    let runtime = runtime().unwrap();
    let proxy = runtime.block_on(FaultProxy::start(server.address)).unwrap();
    if !online {
        proxy.close();
    }
    let (count, size) = (segments().to_string(), SEGMENT_BYTES.to_string());
    let more = ["--every-ms", "10", "--segments", &count, "--segment-bytes", &size];
    let mut recorder = fake_recorder(&home, &proxy.url(), &server.token, &more).unwrap();
    assert_eq!(recorder.line(LIMIT).unwrap(), "recorded");
    if !online {
        assert_eq!(proxy.asked().len(), 0, "nothing went up before");
        runtime.block_on(proxy.reopen()).unwrap();
    }
    let said: Value = serde_json::from_str(&recorder.line(LIMIT).unwrap()).unwrap();
    let bytes = |name: &str| said[name].as_u64().unwrap();
    let above = bytes("peakBytes").saturating_sub(bytes("idleBytes"));
    println!(
        "figures: memory, {name}: {} MB recorded and sent, idle {:.1} MB, peak {:.1} MB above it; \
         the recording was held up {} ms at the most",
        segments() * SEGMENT_BYTES / 1_000_000,
        bytes("idleBytes") as f64 / 1e6,
        above as f64 / 1e6,
        bytes("heldUpMs")
    );
    assert!(above < ABOVE_IDLE_MAX, "{above} bytes above idle");

    let recording = &said["recordings"][0];
    let folder = home.snaplark().join("recordings").join(recording["id"].as_str().unwrap());
    let files = pieces(&folder).unwrap();
    assert_eq!(files.len() as u64, segments() + 1);
    let readers = files.iter().map(|file| std::fs::File::open(file).unwrap());
    let recorded = readers
        .fold(Box::new(std::io::empty()) as Box<dyn std::io::Read>, |before, file| {
            Box::new(std::io::Read::chain(before, file))
        });
    let url = format!("{}/original.webm", recording["link"].as_str().unwrap());
    let served = client().unwrap().get(url).timeout(LIMIT).send().unwrap();
    assert!(served.status().is_success(), "{}", served.status());
    assert!(sha256_of(recorded).unwrap() == sha256_of(served).unwrap(), "another video is served");
}

#[test]
fn memory_stays_where_it_is_online() {
    weigh("online", true);
}

#[test]
fn memory_stays_where_it_is_offline() {
    weigh("offline while recording", false);
}
