//! The desktop program on a virtual desktop: pressed as a person presses, looked at as a person
//! looks. Pictures stay in `target/pictures`.

#![cfg(test)]

mod bar;
mod chooser;
mod control;
mod cutter;
mod deep_link;
mod displays;
mod editor;
mod files;
mod first_hour;
mod hostile;
mod imports;
mod keys;
mod library;
mod pictures_out;
mod places;
mod player;
mod policy;
mod preview;
mod quick;
mod screenshot;
mod sign_in;
mod strike;
mod theme;
mod tiling;
mod tray;
mod unseen;
mod unsent;
mod updates;
mod web_process;
mod welcome;

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use snaplark_tests::browser::{Browser, play};
use snaplark_tests::demonstration::{Demonstration, NUMBERS_A_SECOND, SIZE};
use snaplark_tests::display::Display;
use snaplark_tests::failure::hold as hold_failure;
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, finish, program};
use snaplark_tests::{media, numbers, wait};

const SECONDS: u64 = 5;
/// A page that is there already.
const SOON: Duration = Duration::from_secs(10);
/// The time that the demonstration takes beyond its recording, on a loaded machine.
const SHOW: Duration = Duration::from_secs(180);

fn pictures(of: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join("target/pictures").join(of)
}

/// Numbers in order and all there, and the whole of it plays in Chromium.
fn hold(home: &Home, file: &Path, link: &str, seconds: RangeInclusive<f64>) {
    let served = format!("{link}/video.webm");
    for video in [file.to_str().unwrap(), &served] {
        let probe = media::probe(video).unwrap();
        assert_eq!((probe.codec.as_str(), probe.width, probe.height), ("vp9", SIZE.0, SIZE.1));
        media::decode(video).unwrap();
        let (span, missing) = numbers::read_video(video, SIZE)
            .unwrap()
            .hold(seconds.clone(), NUMBERS_A_SECOND, 0.01)
            .unwrap_or_else(|error| panic!("{video}: {error}"));
        println!("{video}: {missing} of {span} numbers are missing");
    }
    let browser = Browser::chromium(home).unwrap();
    for address in [link, &format!("file://{}", file.display())] {
        let played = play(&browser.session, address).unwrap();
        assert!(played.frames > 0, "{address}: {played:?}");
    }
}

#[test]
fn shortcut_records_and_second_press_gives_toast_and_link() {
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &pictures("desktop")).unwrap();
    let windows = shown.windows().unwrap();
    shown.start_recording().unwrap();
    wait::pass("the recording", Duration::from_secs(SECONDS)).unwrap();
    let shared = shown.stop_recording().unwrap();

    windows.session.enter_window_at("toast", SOON).unwrap();
    let toast = windows.session.text("[data-testid=toast]", SOON).unwrap();
    assert!(toast.contains("Link copied"), "the toast says '{toast}'");
    windows.session.find("[data-testid=toast-open]", SOON).unwrap();

    shown.open_library().unwrap();
    windows.session.enter_window_at("library", SOON).unwrap();
    let library = windows.session.text("main", SOON).unwrap();
    let lengths = (SECONDS - 1..=SECONDS + 4).map(|seconds| format!("0:{seconds:02}"));
    assert!(lengths.into_iter().any(|length| library.contains(&length)), "'{library}'");

    hold(&shown.desk.home, &shared.file, &shared.link, shared.seconds.clone());
}

/// Runs the demonstration, as `cargo xtask run` does where there is no display.
#[test]
fn demonstration_prints_a_playable_link_and_file() {
    let home = Home::new().unwrap();
    let mut demonstration = command(&home, program("demonstration").unwrap());
    demonstration.args(["--seconds", "6", "--keep", "--pictures"]);
    demonstration.arg(pictures("demonstration"));
    let mut demonstration = Process::start(&home, "demonstration", demonstration).unwrap();
    let mut printed = Vec::new();
    wait::until("the demonstration", SHOW, || {
        printed.push(demonstration.line(SHOW)?);
        Ok(printed.last().is_some_and(|line| line.starts_with("The link works")).then_some(()))
    })
    .unwrap();
    let said = |name: &str| {
        let line = printed.iter().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no '{name}' in {printed:?}")).trim()
    };
    for line in &printed {
        if let Some(picture) = line.strip_prefix("Picture") {
            let size = std::fs::metadata(picture.trim()).unwrap().len();
            assert!(size > 200, "{picture} has {size} bytes");
        }
    }
    hold(&home, Path::new(said("File")), said("Link"), 5.5..=9.0);

    demonstration.terminate();
    let status = demonstration.wait(SHOW).unwrap();
    assert!(status.success(), "{status}:\n{}", demonstration.complaints());
}

#[test]
fn app_names_the_missing_display() {
    let home = Home::new().unwrap();
    let mut program = command(&home, program("snaplark-desktop").unwrap());
    hold_failure(&finish(&mut program, SHOW).unwrap(), &["display"]);
}

#[test]
fn app_names_the_folder_that_it_cannot_use() {
    let mut home = Home::new().unwrap();
    let _display = Display::start(&mut home, SIZE.0, SIZE.1).unwrap();
    let taken = home.path().join("taken");
    std::fs::write(&taken, "").unwrap();
    let mut program = command(&home, program("snaplark-desktop").unwrap());
    program.env("SNAPLARK_HOME", taken.join("snaplark"));
    hold_failure(&finish(&mut program, SHOW).unwrap(), &["taken"]);
}
