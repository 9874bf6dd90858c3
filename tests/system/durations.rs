//! The times of a recording's pictures in other players: which of them lasts until when. Recordings state the
//! usual duration once (DefaultDuration) and that of each picture that lasts longer.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use snaplark_formats::webm::*;
use snaplark_tests::browser::Browser;
use snaplark_tests::display::Display;
use snaplark_tests::firefox::Firefox;
use snaplark_tests::home::Home;
use snaplark_tests::process::{command, output};

const SOON: Duration = Duration::from_secs(60);
const FPS: u64 = 20;
const SEGMENT_PICTURES: usize = 2 * FPS as usize;
/// So close to its beginning and end a picture is looked for.
const MARGIN_MS: u64 = 2;

struct Picture {
    time_ms: u64,
    duration_ms: u64,
    data: Vec<u8>,
}

/// Returns pictures of which most last longer than usual: those between were dropped, since nothing moved.
fn pictures(home: &Home) -> Vec<Picture> {
    let path = home.path().join("pictures.ivf");
    let mut ffmpeg = command(home, "ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", &format!("testsrc2=s=64x36:r={FPS}:d=6")]);
    ffmpeg.args("-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -lag-in-frames 0".split(' '));
    let keyframes = SEGMENT_PICTURES.to_string();
    ffmpeg.args(["-g", &keyframes, "-keyint_min", &keyframes, "-y"]).arg(&path);
    output(ffmpeg, SOON).unwrap();
    // A header of 32 bytes, then frames, each behind its size (4) and time (8).
    let ivf = std::fs::read(path).unwrap();
    let (mut rest, mut pictures, mut time_ms) = (&ivf[32..], Vec::new(), 0);
    while let Some(size) = rest.first_chunk() {
        let (size, n) = (u32::from_le_bytes(*size) as usize, pictures.len());
        let is_usual = (50..70).contains(&n) || n.is_multiple_of(4);
        let duration_ms = if is_usual { 1_000 / FPS } else { 240 + n as u64 % 7 };
        pictures.push(Picture { time_ms, duration_ms, data: rest[12..12 + size].to_vec() });
        time_ms += duration_ms;
        rest = &rest[12 + size..];
    }
    pictures
}

/// Returns a recording as capture writes it, or one in which each picture states its own duration.
fn recording(pictures: &[Picture], states_each: bool) -> Vec<u8> {
    let video = Video { codec: VideoCodec::Vp9, width: 64, height: 36 };
    let tracks = Tracks { video, audio: None };
    let mut bytes = match states_each {
        true => init(&tracks),
        false => init_with_frame_rate(&tracks, FPS as u32),
    };
    for segment in pictures.chunks(SEGMENT_PICTURES) {
        let block = |(n, picture): (usize, &Picture)| {
            let is_usual = picture.duration_ms == 1_000 / FPS && n + 1 < segment.len();
            Block {
                track: Track::Video,
                time_ms: picture.time_ms,
                keyframe: n == 0,
                duration_ms: (states_each || !is_usual).then_some(picture.duration_ms),
                data: picture.data.clone(),
            }
        };
        let blocks: Vec<Block> = segment.iter().enumerate().map(block).collect();
        bytes.extend(cluster(&blocks).unwrap());
    }
    bytes
}

/// Serves an empty page, whose origin may use Media Source Extensions.
fn serve_page() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
            let page = "<!doctype html><title>Durations</title><body></body>";
            let length = page.len();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close";
            write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n{page}").ok();
        }
    });
    format!("http://{address}/")
}

/// Opens the page anew, runs a script in it, and returns what the script left there.
type Player<'a> = dyn FnMut(&str, &str) -> Value + 'a;

const SEEN: &str = "return document.body.dataset.seen || null;";

fn holds_times(name: &str, player: &mut Player<'_>, pictures: &[Picture]) {
    let chosen: Vec<&Picture> = pictures.iter().step_by(5).collect();
    let begins = chosen.iter().map(|picture| picture.time_ms + MARGIN_MS);
    let ends = chosen.iter().map(|picture| picture.time_ms + picture.duration_ms - MARGIN_MS);
    let times_ms: Vec<u64> = begins.chain(ends).collect();
    let times: Vec<f64> = times_ms.iter().map(|ms| *ms as f64 / 1_000.0).collect();
    let mut play = |states_each| {
        let film = STANDARD.encode(recording(pictures, states_each));
        let script = include_str!("durations.js");
        let script = format!("const film = {film:?}; const times = {times:?};\n{script}");
        let seen = player(&script, SEEN);
        let seen: Value = serde_json::from_str(seen.as_str().unwrap()).unwrap();
        assert_eq!(seen["error"], Value::Null, "{name}: {seen}");
        seen
    };
    let (ours, stated) = (play(false), play(true));

    let last = pictures.last().unwrap();
    let length_ms = last.time_ms + last.duration_ms;
    let ms = |seconds: f64| (seconds * 1_000.0).round() as u64;
    let buffered: Vec<(f64, f64)> = serde_json::from_value(ours["buffered"].clone()).unwrap();
    let buffered: Vec<_> = buffered.iter().map(|(from, to)| (ms(*from), ms(*to))).collect();
    assert_eq!(buffered, [(0, length_ms)], "{name}: one range without a hole");
    assert_eq!(ms(ours["length"].as_f64().unwrap()), length_ms, "{name}");
    let shown: Vec<(f64, u64)> = serde_json::from_value(ours["shown"].clone()).unwrap();
    assert_eq!(shown.iter().map(|(time, _)| ms(*time)).collect::<Vec<_>>(), times_ms, "{name}");
    let (at_begin, at_end) = shown.split_at(chosen.len());
    for ((time, begin), (until, end)) in at_begin.iter().zip(at_end) {
        assert_eq!(begin, end, "{name}: another picture at {until} than at {time}");
    }
    let distinct: std::collections::BTreeSet<u64> = at_begin.iter().map(|(_, it)| *it).collect();
    assert_eq!(distinct.len(), chosen.len(), "{name}: each picture is another one");
    assert_eq!(ours, stated, "{name}: as if each picture stated its duration");
}

#[test]
fn pictures_last_as_long_as_recorded_in_firefox() {
    let home = Home::new().unwrap();
    let (pictures, page) = (pictures(&home), serve_page());
    let mut firefox = Firefox::start(&home).unwrap();
    let mut player = |script: &str, seen: &str| {
        firefox.go(&page).unwrap();
        firefox.run(script).unwrap();
        firefox.until("the end of the film", SOON, seen).unwrap()
    };
    holds_times("Firefox", &mut player, &pictures);
}

#[test]
fn pictures_last_as_long_as_recorded_in_webkit() {
    let mut home = Home::new().unwrap();
    let _display = Display::start(&mut home, 800, 600).unwrap();
    let (pictures, page) = (pictures(&home), serve_page());
    let browser = Browser::webkit(&home).unwrap();
    let mut player = |script: &str, seen: &str| {
        browser.session.go(&page).unwrap();
        browser.session.run(script, &[]).unwrap();
        browser.session.until("the end of the film", SOON, seen).unwrap()
    };
    holds_times("WebKit", &mut player, &pictures);
}
