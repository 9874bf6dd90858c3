//! Disks that are full and disks that go away, while something is recorded on them: true ones, in a
//! namespace of their own.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use snaplark_tests::media;
use snaplark_tests::mounts::Mounts;
use snaplark_tests::numbers::{MISSING_SHARE, read_file, read_video};
use snaplark_tests::process::{Process, finish, program};
use snaplark_tests::recorder::{Recorded, ask, ask_json, pieces};
use snaplark_tests::wait;

use crate::screen::{NUMBERS, SIZE, Screen};

const LIMIT: Duration = Duration::from_secs(60);
/// Enough for a recording to begin, and little enough to be filled.
const SMALL_BYTES: u64 = 260_000_000;

fn snaplark(screen: &Screen, mounts: &Mounts, args: &[&str]) -> Command {
    let mut snaplark = mounts.inside(&screen.home, program("snaplark").unwrap());
    snaplark.args(args);
    snaplark
}

fn json(command: &mut Command) -> Value {
    let answer = finish(command, LIMIT).unwrap();
    serde_json::from_str(&answer.stdout).unwrap_or_else(|_| panic!("{answer:?}"))
}

fn record(screen: &Screen, mounts: &Mounts) -> Process {
    let record = snaplark(screen, mounts, &["record", "--seconds", "600", "--json", "--no-upload"]);
    Process::start(&screen.home, "record", record).unwrap()
}

fn until_says(process: &Process, words: &str) {
    wait::until(words, LIMIT, || Ok(process.complaints().contains(words).then_some(()))).unwrap();
}

/// Every frame is there, up to what the screen showed last; how long it lasts.
fn hold_whole(file: &Path, long_at_least_s: f64) {
    let reading = read_file(file, SIZE).unwrap();
    let (span, missing) = reading.hold(long_at_least_s..=60.0, NUMBERS, MISSING_SHARE).unwrap();
    println!("{missing} of {span} numbers are missing");
    assert_eq!(media::container_warnings(file).unwrap(), Vec::<String>::new());
}

/// The free space in which the list of recordings fits, but no segment.
const LEFT_BYTES: u64 = 32_768;

#[test]
fn full_disk_ends_a_recording_without_losing_sealed_segments() {
    let screen = Screen::start();
    let mounts = Mounts::start(&screen.home).unwrap();
    let home = screen.home.snaplark().to_owned();
    mounts.small_disk(&screen.home, &home, SMALL_BYTES).unwrap();
    let keep = snaplark(&screen, &mounts, &["keep"]);
    let mut keep = Process::start(&screen.home, "keep", keep).unwrap();
    until_says(&keep, "Paused because the disk is almost full");
    keep.terminate();
    assert!(keep.wait(LIMIT).unwrap().success());

    let mut record = record(&screen, &mounts);
    until_says(&record, "Recording 0:05");
    mounts.leave(&screen.home, &home, LEFT_BYTES).unwrap();
    let recorded = Recorded::read(&record.line(LIMIT).unwrap()).unwrap();
    assert_eq!(recorded.ended.as_deref(), Some("disk-full"), "{recorded:?}");
    assert!(!record.wait(LIMIT).unwrap().success());
    let said = record.complaints();
    assert!(said.contains("The disk is full"), "{said}");
    assert!(said.contains("of 10:00"), "{said}");
    assert!(said.contains("The recording is safe in"), "{said}");
    assert!(recorded.file.is_none() && recorded.segments >= 2, "{recorded:?}");
    let folder = mounts.seen(&home.join("recordings").join(&recorded.id));
    let whole: Vec<u8> =
        pieces(&folder).unwrap().iter().flat_map(|piece| std::fs::read(piece).unwrap()).collect();
    let joined = screen.home.path().join("joined.webm");
    std::fs::write(&joined, whole).unwrap();
    let seconds = recorded.segments as f64 * 2.0 - 0.5;
    let reading = read_video(joined.to_str().unwrap(), SIZE).unwrap();
    reading.hold(seconds..=seconds + 1.5, NUMBERS, MISSING_SHARE).unwrap();

    // With room again the next program writes the file that could not be written.
    mounts.leave(&screen.home, &home, SMALL_BYTES).unwrap();
    let status = json(&mut snaplark(&screen, &mounts, &["status", "--wait", "--json"]));
    let [only] = status["recordings"].as_array().unwrap().as_slice() else { panic!("{status}") };
    hold_whole(&mounts.seen(Path::new(only["file"].as_str().unwrap())), seconds);
}

/// No row and no log finds room, either.
#[test]
fn completely_full_disk_ends_a_recording_and_the_message_names_its_segments() {
    let screen = Screen::start();
    let mounts = Mounts::start(&screen.home).unwrap();
    let home = screen.home.snaplark().to_owned();
    mounts.small_disk(&screen.home, &home, SMALL_BYTES).unwrap();
    let mut record = record(&screen, &mounts);
    until_says(&record, "Recording 0:07");
    let filled = Instant::now();
    mounts.leave(&screen.home, &home, 0).unwrap();
    let status = record.wait(LIMIT).unwrap();
    let took = filled.elapsed();
    println!("figures: ended {took:.1?} after the disk was full");
    assert!(!status.success() && took < Duration::from_secs(30), "{status}, {took:?}");
    let said = record.complaints();
    assert!(said.contains("safe in") && said.contains("when it can be written"), "{said}");
    let answer: Value = serde_json::from_str(&record.line(LIMIT).unwrap()).unwrap();
    assert_eq!(answer["error"]["code"], "not-listed", "{answer}");

    // With room again everything that was sealed is in the list, and its file is written.
    mounts.leave(&screen.home, &home, SMALL_BYTES).unwrap();
    let status = json(&mut snaplark(&screen, &mounts, &["status", "--wait", "--json"]));
    let [only] = status["recordings"].as_array().unwrap().as_slice() else { panic!("{status}") };
    assert!(only["segments"].as_u64().unwrap() >= 3, "{only}");
    hold_whole(&mounts.seen(Path::new(only["file"].as_str().unwrap())), 5.5);
}

#[test]
fn full_disk_of_the_save_folder_loses_no_recording() {
    let screen = Screen::start();
    let mounts = Mounts::start(&screen.home).unwrap();
    let videos = screen.home.path().join("videos");
    mounts.small_disk(&screen.home, &videos, 50_000).unwrap();
    let set = ["settings", "save-folder", videos.to_str().unwrap()];
    assert!(ask(&screen.home, None, &set).unwrap().status.success());
    let args = ["record", "--seconds", "3", "--json", "--no-upload"];
    let answer = finish(&mut snaplark(&screen, &mounts, &args), LIMIT).unwrap();
    let recorded = Recorded::read(&answer.stdout).unwrap();
    let (said, file) = (answer.stderr, recorded.file.unwrap());
    assert!(said.contains("No space left") && said.contains("instead"), "{said}");
    assert!(file.starts_with(screen.home.snaplark()), "{file:?}");
    hold_whole(&file, 2.5);
    let left = std::fs::read_dir(mounts.seen(&videos)).unwrap().count();
    assert_eq!(left, 0, "half a copy helps nobody");
}

/// Returns the issues about the folder. A busy machine may have had other issues in between.
fn of_folder(shown: &Value) -> Vec<&str> {
    let issues = shown["issues"].as_array().unwrap();
    let kinds = issues.iter().filter_map(|issue| issue["kind"].as_str());
    kinds.filter(|kind| kind.starts_with("folder")).collect()
}

#[test]
fn recording_continues_in_the_spare_folder_while_its_folder_is_gone_and_is_merged() {
    let screen = Screen::start();
    let home = screen.home.snaplark().to_owned();
    let away = screen.home.path().join("away");
    let args = ["record", "--seconds", "600", "--json", "--no-upload"];
    let record = snaplark_tests::recorder::snaplark(&screen.home, None, &args).unwrap();
    let mut record = Process::start(&screen.home, "record", record).unwrap();
    until_says(&record, "Recording 0:03");
    std::fs::rename(&home, &away).unwrap();
    until_says(&record, "Recording continues in");
    wait::pass("some of it elsewhere", Duration::from_secs(2)).unwrap();
    std::fs::rename(&away, &home).unwrap();
    wait::until("the folder to be back", LIMIT, || {
        let list = ask_json(&screen.home, None, &["list", "--json"])?;
        let is_back = of_folder(&list["recordings"][0]) == ["folder-lost", "folder-back"];
        Ok(is_back.then_some(()))
    })
    .unwrap();
    record.terminate();
    let recorded = Recorded::read(&record.line(LIMIT).unwrap()).unwrap();
    hold_whole(&recorded.file.unwrap(), 5.0);
    let spare = std::env::temp_dir().join(format!("snaplark-{}", recorded.id));
    assert!(!spare.exists(), "nothing stays elsewhere");
}

#[test]
fn usb_stick_that_returns_later_holds_the_whole_recording() {
    let screen = Screen::start();
    let mounts = Mounts::start(&screen.home).unwrap();
    let (home, stick) = (screen.home.snaplark().to_owned(), screen.home.path().join("stick"));
    mounts.bind(&screen.home, &stick, &home).unwrap();
    let mut record = record(&screen, &mounts);
    until_says(&record, "Recording 0:03");
    mounts.pull(&screen.home, &home).unwrap();
    until_says(&record, "Recording continues in");
    record.terminate();
    assert!(!record.wait(LIMIT).unwrap().success());
    let said = record.complaints();
    assert!(said.contains("is unavailable") && said.contains("joins the rest when"), "{said}");
    let id = std::fs::read_dir(stick.join("recordings")).unwrap().next().unwrap().unwrap();
    let spare = std::env::temp_dir().join(format!("snaplark-{}", id.file_name().display()));
    assert!(spare.join("init.webm").is_file());
    crate::private::hold_closed(&spare);

    mounts.bind(&screen.home, &stick, &home).unwrap();
    let status = json(&mut snaplark(&screen, &mounts, &["status", "--wait", "--json"]));
    let [only] = status["recordings"].as_array().unwrap().as_slice() else { panic!("{status}") };
    assert_eq!(of_folder(only), ["folder-lost"]);
    hold_whole(&mounts.seen(Path::new(only["file"].as_str().unwrap())), 3.5);
    assert!(!spare.exists(), "nothing stays elsewhere");
}
