//! The documents' own code blocks, as they stand, against a real server: in node and in Chromium.

use std::time::Duration;

use serde_json::{Value, json};
use snaplark_api::hex;
use snaplark_tests::browser::Browser;
use snaplark_tests::cloud::{Cloud, fetch};
use snaplark_tests::fake_capture::sha256_of;
use snaplark_tests::home::Home;
use snaplark_tests::process::{command, output};

const SOON: Duration = Duration::from_secs(60);
const BLOCKS: &str = include_str!("seeds/blocks.md");
const RUN: &str = include_str!("seeds/run.js");
/// Two parts of five megabytes, and a rest.
const PADDING_BYTES: usize = 11 * 1024 * 1024;

#[track_caller]
fn check(cloud: &Cloud, done: &Value, parts: usize) {
    assert_eq!(done["finished"]["success"], true, "{done}");
    assert_eq!(done["finished"]["uploadedChunks"], json!(parts), "{done}");
    assert_eq!(done["progress"]["percentage"], 100, "{done}");
    assert_eq!(done["progress"]["pending"], 0, "{done}");
    assert_eq!(done["metadata"], 200, "{done}");
    assert_eq!(done["title"], "Video Title", "{done}");
    assert_eq!(done["picture"], json!([200, "image/png"]), "{done}");
    let key = done["finished"]["key"].as_str().unwrap_or_default();
    let folder = key.rsplit_once('/').unwrap_or_else(|| panic!("{done}")).0;
    let original = fetch(&format!("{}/{folder}/original.webm", cloud.address)).unwrap();
    assert_eq!(json!(original.len()), done["size"]);
    let (_, sha256) = sha256_of(original.as_slice()).unwrap();
    let sha256 = hex(&sha256);
    assert_eq!(json!(sha256), done["sha256"]);
}

#[test]
fn documents_code_uploads_from_node_as_it_stands() {
    let home = Home::new().unwrap();
    let cloud = Cloud::start(&home).unwrap();
    let film = home.path().join("film.webm");
    let mut ffmpeg = command(&home, "ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=15", "-t", "2"]);
    ffmpeg.args(["-c:v", "libvpx", "-deadline", "realtime", "-f", "webm"]).arg(&film);
    output(ffmpeg, SOON).unwrap();
    let mut bytes = std::fs::read(&film).unwrap();
    // A Void, which players pass over.
    bytes.push(0xEC);
    bytes.extend((PADDING_BYTES as u64 | 1 << 56).to_be_bytes());
    bytes.resize(bytes.len() + PADDING_BYTES, 0);
    std::fs::write(&film, bytes).unwrap();
    let blocks = home.path().join("blocks.md");
    std::fs::write(&blocks, BLOCKS).unwrap();
    let script = home.path().join("run.mjs");
    let call = "
        import { readFileSync } from 'node:fs';
        const [blocks, film, address, token] = process.argv.slice(2);
        const bytes = readFileSync(film);
        const pieces = [];
        for (let at = 0; at < bytes.length; at += 300_000) pieces.push(new Blob([bytes.subarray(at, at + 300_000)]));
        console.log(JSON.stringify(await seeds(readFileSync(blocks, 'utf8'), address, token, pieces, 2)));";
    std::fs::write(&script, format!("{RUN}{call}")).unwrap();
    let mut node = command(&home, "node");
    node.args([&script, &blocks, &film]).args([&cloud.address, &cloud.token]);
    let done: Value = serde_json::from_str(&output(node, SOON).unwrap()).unwrap();
    check(&cloud, &done, 3);
}

#[test]
fn documents_code_uploads_a_mediarecorder_from_chromium_as_it_stands() {
    let home = Home::new().unwrap();
    let cloud = Cloud::start(&home).unwrap();
    let browser = Browser::chromium(&home).unwrap();
    browser.session.go(&format!("{}/healthz", cloud.address)).unwrap();
    let start = format!(
        "{RUN}; window.done = null;
         seeds(...arguments).then((done) => (window.done = done), (e) => (window.done = {{error: String(e.stack)}}));"
    );
    let args = [json!(BLOCKS), json!(cloud.address), json!(cloud.token), Value::Null, json!(5)];
    browser.session.run(&start, &args).unwrap();
    let done = browser.session.until("the upload", SOON, "return window.done;").unwrap();
    assert_eq!(done["error"], Value::Null, "{done}");
    check(&cloud, &done, 1);
}
