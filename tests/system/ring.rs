//! The last minutes of the screen: what is shared is what was seen, a recording that begins in the
//! past has no seam, and nothing of what was kept outlives its use.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use snaplark_tests::media;
use snaplark_tests::numbers::{MISSING_SHARE, read_file};
use snaplark_tests::process::Process;
use snaplark_tests::recorder::{ask, ask_json, snaplark};
use snaplark_tests::wait;

use crate::screen::{NUMBERS, SIZE, Screen};

const LIMIT: Duration = Duration::from_secs(60);

/// `snaplark keep`, until so many seconds are kept.
fn keep(screen: &Screen, held_s: u32) -> Process {
    let keep = snaplark(&screen.home, None, &["keep", "--seconds", "30"]).unwrap();
    let keep = Process::start(&screen.home, "keep", keep).unwrap();
    until_held(&keep, held_s);
    keep
}

fn until_held(keep: &Process, held_s: u32) {
    wait::until("some seconds to be kept", LIMIT, || {
        let said = keep.complaints();
        let held = said.lines().last().and_then(|line| {
            let held = line.strip_prefix("Keeping the last 0:")?.split('.').next()?;
            held.parse::<u32>().ok()
        });
        Ok(held.filter(|held| *held >= held_s).map(drop))
    })
    .unwrap();
}

fn ring(screen: &Screen) -> PathBuf {
    screen.home.snaplark().join("ring")
}

/// Whole segments below it.
fn segments(folder: &Path) -> usize {
    let folders = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten());
    files.flatten().filter(|file| file.file_name() != "init.webm").count()
}

/// The person's own file of a recording, when it is written.
fn file(screen: &Screen, id: &str) -> PathBuf {
    wait::until("the file", LIMIT, || {
        let shown = ask_json(&screen.home, None, &["show", id, "--json"])?;
        Ok(shown["file"].as_str().map(PathBuf::from))
    })
    .unwrap()
}

fn hold_beginning(file: &Path) -> f64 {
    let mut ffprobe = std::process::Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-of", "json", "-show_format", "-show_streams"]).arg(file);
    let said: Value = serde_json::from_slice(&ffprobe.output().unwrap().stdout).unwrap();
    assert_eq!(said["format"]["start_time"], "0.000000", "{said}");
    let duration = media::probe(file.to_str().unwrap()).unwrap().duration_s;
    assert_eq!(media::container_warnings(file).unwrap(), Vec::<String>::new());
    duration.expect("it says how long it is")
}

/// Checks that the file shows what the screen showed in that time, up to the number `last`.
fn hold_shown(file: &Path, seconds: std::ops::Range<f64>, last: std::ops::RangeInclusive<u16>) {
    let duration_s = hold_beginning(file);
    assert!(seconds.contains(&duration_s), "{duration_s}");
    let reading = read_file(file, SIZE).unwrap();
    // The screen's clock may lag on a busy machine, and leaves no number out for it.
    let spanned = duration_s * 0.9 - 0.3..=duration_s + 0.3;
    let (span, missing) = reading.hold(spanned, NUMBERS, MISSING_SHARE).unwrap();
    let end = reading.frames.last().copied().flatten().unwrap();
    println!(
        "figures: {duration_s} s, {missing} of {span} numbers missing, ends with {end} of {last:?}"
    );
    assert!(last.contains(&end), "{end} of {last:?}");
}

#[test]
fn ring_shares_the_last_seconds_and_continues_into_a_recording_without_a_gap() {
    let screen = Screen::start();
    let mut keep = keep(&screen, 6);
    let order = |args: &[&str]| ask_json(&screen.home, None, args).unwrap();
    let before = screen.number().unwrap();
    let shared = order(&["share-last", "--seconds", "4", "--json"]);
    let after = screen.number().unwrap();
    assert_eq!(shared["state"]["kind"], "idle", "{shared}");
    // From a keyframe, so up to one segment more.
    let shared = file(&screen, shared["id"].as_str().unwrap());
    // The first look after the order begins what comes next, so what is shared may end a look (33 ms)
    // before the order, which is less than a number.
    hold_shown(&shared, 4.0..6.6, before.saturating_sub(1)..=after);

    // The ring went on, and has it all once more.
    let begun = order(&["start", "--ago", "5", "--json"]);
    assert_eq!(begun["state"]["kind"], "recording", "{begun}");
    let again = ask(&screen.home, None, &["share-last"]).unwrap();
    assert!(again.stderr.contains("The last minutes aren't being kept"), "{}", again.stderr);
    wait::pass("some of what goes on", Duration::from_secs(3)).unwrap();
    let before = screen.number().unwrap();
    let stopped = order(&["stop", "--json"]);
    let after = screen.number().unwrap();
    assert_eq!(stopped["id"], begun["id"]);
    let recorded = file(&screen, begun["id"].as_str().unwrap());
    hold_shown(&recorded, 8.0..14.0, before.saturating_sub(2)..=after);

    until_held(&keep, 1);
    keep.terminate();
    assert!(keep.wait(LIMIT).unwrap().success());
    assert_eq!(segments(&ring(&screen)), 0, "nothing is kept by nobody");
}

#[test]
fn ring_is_cleared_and_a_recording_begun_from_it_is_whole_after_a_kill() {
    let screen = Screen::start();
    let mut keeper = keep(&screen, 3);
    keeper.kill().unwrap();
    crate::private::hold_closed(&ring(&screen));
    assert!(segments(&ring(&screen)) >= 1);
    let mut keeper = keep(&screen, 4);
    assert!(segments(&ring(&screen)) <= 4, "of the one that was killed nothing is left");
    let args = ["start", "--ago", "3", "--json"];
    let begun = ask_json(&screen.home, None, &args).unwrap();
    wait::pass("some of what goes on", Duration::from_secs(3)).unwrap();
    keeper.kill().unwrap();

    let status = ask_json(&screen.home, None, &["status", "--wait", "--json"]).unwrap();
    assert!(!ring(&screen).exists(), "swept");
    let [only] = status["recordings"].as_array().unwrap().as_slice() else { panic!("{status}") };
    assert_eq!(only["id"], begun["id"]);
    let file = PathBuf::from(only["file"].as_str().unwrap());
    let duration_s = hold_beginning(&file);
    // At most the unfinished segment is lost.
    assert!((4.0..9.5).contains(&duration_s), "{duration_s}");
    let reading = read_file(&file, SIZE).unwrap();
    reading.hold(duration_s * 0.9 - 0.3..=duration_s + 0.3, NUMBERS, MISSING_SHARE).unwrap();
}
