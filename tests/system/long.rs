//! Hours of recording: memory that stays where it is, pictures that stay where the clock is, a file
//! that can be entered anywhere. `SNAPLARK_LONG_SECONDS` says how long; a soak takes two hours.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use snaplark_tests::display::{Display, Rectangle};
use snaplark_tests::home::Home;
use snaplark_tests::media;
use snaplark_tests::numbers::{self, MISSING_SHARE, read_file};
use snaplark_tests::process::{Process, command, program};
use snaplark_tests::recorder::{Recorded, snaplark};

use crate::screen::SIZE;

const LIMIT: Duration = Duration::from_secs(60);
const FPS: u32 = 5;
/// Less than half of what is recorded.
const NUMBERS: u32 = 2;
const FRAME_MS: f64 = 1_000.0 / FPS as f64;
/// The length of the short everyday run, which has the encoder's first pictures only.
const SHORT_SECONDS: u64 = 8;

fn seconds() -> u64 {
    std::env::var("SNAPLARK_LONG_SECONDS").map_or(SHORT_SECONDS, |text| text.parse().unwrap())
}

fn resident_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Each packet's time, in playing order.
fn times_ms(file: &Path) -> Vec<f64> {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time"]);
    let said = ffprobe.args(["-of", "csv=p=0"]).arg(file).output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    said.lines().map(|line| line.trim_matches(',').parse::<f64>().unwrap() * 1_000.0).collect()
}

/// Returns the number that a player shows after seeking to `ms`.
fn number_at(file: &Path, ms: f64) -> Option<u16> {
    let Rectangle { x, y, width, height } = numbers::field(SIZE.0, SIZE.1);
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-ss", &format!("{:.3}", ms / 1_000.0), "-i"]).arg(file);
    ffmpeg.args(["-vf", &format!("crop={width}:{height}:{x}:{y},format=gray")]);
    let grey = ffmpeg.args(["-frames:v", "1", "-f", "rawvideo", "-"]).output().unwrap().stdout;
    numbers::read(&grey)
}

#[test]
fn long_recording_keeps_memory_flat_and_time_exact_and_seeks_anywhere() {
    let mut home = Home::new().unwrap();
    let _display = Display::start(&mut home, SIZE.0, SIZE.1).unwrap();
    let mut painter = command(&home, program("numbered-screen").unwrap());
    painter.args(["--fps", &NUMBERS.to_string(), "--print"]);
    let mut painter = Process::start(&home, "numbered-screen", painter).unwrap();
    painter.line(LIMIT).unwrap();

    let seconds = seconds();
    let (length, fps) = (seconds.to_string(), FPS.to_string());
    let args = ["record", "--seconds", &length, "--fps", &fps, "--json", "--no-upload"];
    let record = Process::start(&home, "record", snaplark(&home, None, &args).unwrap()).unwrap();
    let began = Instant::now();
    let mut resident = Vec::new();
    let limit = Duration::from_secs(seconds) + LIMIT;
    let line = snaplark_tests::wait::until("the recording", limit, || {
        let due = began.elapsed().as_millis() as u64 * 500 / (seconds * 1_000);
        if due > resident.len() as u64 {
            resident.extend(resident_kib(record.id()));
        }
        Ok(record.lines().pop())
    })
    .unwrap();
    let recorded = Recorded::read(&line).unwrap();
    let file = recorded.file.unwrap();

    // Five hundred looks: those of the second tenth against those of the last.
    let median = |looks: &[u64]| {
        let mut looks = looks.to_vec();
        looks.sort_unstable();
        looks[looks.len() / 2] as f64
    };
    let tenth = resident.len() / 10;
    let early_kib = median(&resident[tenth..2 * tenth]);
    let late_kib = median(&resident[resident.len() - tenth..]);
    let growth = late_kib / early_kib - 1.0;

    // When the screen showed a number, against when the recording does.
    let shown_ms: BTreeMap<u16, f64> = painter
        .lines()
        .iter()
        .filter_map(|line| {
            let (number, ms) = line.split_once(' ')?;
            Some((number.parse().ok()?, ms.parse().ok()?))
        })
        .collect();
    let reading = read_file(&file, SIZE).unwrap();
    let times_ms = times_ms(&file);
    assert_eq!(times_ms.len(), reading.frames.len());
    let mut first_ms = BTreeMap::new();
    for (number, ms) in reading.frames.iter().zip(&times_ms) {
        first_ms.entry(number.unwrap()).or_insert(*ms);
    }
    let lead_ms: Vec<f64> =
        first_ms.iter().skip(1).map(|(number, ms)| ms - shown_ms[number]).collect();
    let mean = |ms: &[f64]| ms.iter().sum::<f64>() / ms.len() as f64;
    let part = (lead_ms.len() / 10).max(1);
    let drift_ms = mean(&lead_ms[lead_ms.len() - part..]) - mean(&lead_ms[..part]);

    let duration_s = media::probe(file.to_str().unwrap()).unwrap().duration_s.unwrap();
    println!(
        "figures: {seconds} s at {FPS} frames a second: {} frames, {} dropped; memory {:.1} MB, \
         {:+.1}% from the second tenth to the last; drift {drift_ms:+.0} ms",
        reading.frames.len(),
        recorded.dropped,
        late_kib / 1_024.0,
        growth * 100.0
    );
    assert!((duration_s - seconds as f64).abs() < 1.5, "{duration_s}");
    reading.hold(duration_s - 2.0..=duration_s + 2.0, NUMBERS, MISSING_SHARE).unwrap();
    assert!(drift_ms.abs() < FRAME_MS, "{drift_ms} ms");
    for share in [0.1, 0.5, 0.9] {
        let at = (times_ms.len() as f64 * share) as usize;
        assert_eq!(number_at(&file, times_ms[at]), reading.frames[at], "entered at {share}");
    }
    assert_eq!(media::container_warnings(&file).unwrap(), Vec::<String>::new());
    // What a program takes to get going is no growth.
    assert!(seconds < 300 || growth < 0.05, "{:.1}%", growth * 100.0);
}
