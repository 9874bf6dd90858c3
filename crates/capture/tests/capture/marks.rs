//! Clicks and keys, told by another program as hands would, and looked for in the decoded pictures.

use std::process::Command;
use std::time::{Duration, Instant};

use snaplark_core::capture::*;
use snaplark_core::overlay::*;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{ConnectionExt as _, InputFocus};

use crate::common::*;

const SCREEN: u32 = 0xC0_C0_C0;
/// Longer than anything stays.
const OVER: Duration = Duration::from_millis(2_300);

fn hands(display: &Xvfb, do_this: &[&str]) {
    let done = Command::new("xdotool").args(do_this).env("DISPLAY", &display.name).status();
    assert!(done.expect("xdotool is needed for this test").success(), "{do_this:?}");
}

fn begin(display: &Xvfb, folder: &Folder, source: Source, marks: Marks) -> Recording {
    let wanted = CaptureRequest { marks, ..request(&folder.0, source) };
    let mut recording = record(display, wanted);
    while !matches!(recording.hear(), CaptureEvent::Started { .. }) {}
    recording
}

fn hear_for(recording: &mut Recording, time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        recording.hear_nothing_for(Duration::from_millis(50));
    }
}

/// The difference from the screen, for each picture that has something: when, and where.
struct Mark {
    seconds: f64,
    left: usize,
    top: usize,
    width: usize,
    height: usize,
    /// Of the rectangle around it.
    part: f64,
    /// Darker than anything but the ground of keys.
    is_dark: bool,
}

fn marks(recording: &Recording, width: usize, height: usize) -> Vec<Mark> {
    let folder = Folder::new();
    let path = folder.0.join("joined");
    recording.join(&path);
    let frames = frames_brightness(&path, width * height);
    let times = packets(&path);
    assert_eq!(frames.len(), times.len());
    let plain = frames[0][0];
    let mark = |(frame, seconds): (&Vec<u8>, f64)| {
        let inked = |n: &usize| frame[*n].abs_diff(plain) > 10;
        let all: Vec<usize> = (0..frame.len()).filter(inked).collect();
        // Less is what encoding leaves of something pale.
        if all.len() < 40 {
            return None;
        }
        let (left, right) =
            (all.iter().map(|n| n % width).min()?, all.iter().map(|n| n % width).max()?);
        let (top, bottom) = (all[0] / width, all[all.len() - 1] / width);
        let (width, height) = (right - left + 1, bottom - top + 1);
        let part = all.len() as f64 / (width * height) as f64;
        let is_dark = all.iter().filter(|n| frame[**n] < 60).count() > 200;
        Some(Mark { seconds, left, top, width, height, part, is_dark })
    };
    frames.iter().zip(times.iter().map(|packet| packet.seconds)).filter_map(mark).collect()
}

#[test]
fn clicks_are_drawn_at_their_position_by_button() {
    let display = Xvfb::start("1281x721x24");
    display.connect().fill_root(SCREEN);
    let folder = Folder::new();
    let source = Source::Region { x: 101, y: 53, width: 1_001, height: 601 };
    let clicks = Marks { clicks: true, keys: None };
    let mut recording = begin(&display, &folder, source, clicks);
    let a_while = Duration::from_millis(900);
    hands(&display, &["mousemove", "400", "250", "click", "1"]);
    hear_for(&mut recording, a_while);
    hands(&display, &["mousemove", "700", "350", "click", "3"]);
    hear_for(&mut recording, a_while);
    // Off the region, and a key, which nobody asked for.
    hands(&display, &["mousemove", "40", "20", "click", "1", "key", "ctrl+a"]);
    hear_for(&mut recording, a_while);
    // What is clicked in a pause is in no picture after it.
    recording.control.pause();
    while !matches!(recording.hear(), CaptureEvent::Paused { .. }) {}
    hands(&display, &["mousemove", "400", "250", "click", "1"]);
    recording.control.resume();
    while !matches!(recording.hear(), CaptureEvent::Resumed { .. }) {}
    hear_for(&mut recording, a_while);
    let (end, counts) = recording.stop();
    assert_eq!(end, CaptureEnd::Stopped);
    assert!(recording.issues().is_empty(), "{:?}", recording.issues());
    // Two times 400 ms move; the rest stands still.
    assert!(counts.unchanged > counts.encoded, "{counts:?}");
    recording.check_files();

    let marks = marks(&recording, 1_001, 601);
    let of = |x: usize, y: usize| -> Vec<&Mark> {
        let is_there = |mark: &&Mark| {
            let (middle, centre) = (mark.left + mark.width / 2, mark.top + mark.height / 2);
            middle.abs_diff(x) <= 8 && centre.abs_diff(y) <= 8
        };
        marks.iter().filter(is_there).collect()
    };
    let (left, right) = (of(299, 197), of(599, 297));
    let all: Vec<_> = marks.iter().map(|m| (m.seconds, m.left, m.top, m.width, m.height)).collect();
    assert_eq!(left.len() + right.len(), marks.len(), "something else is marked: {all:?}");
    for (clicked, is_round) in [(&left, true), (&right, false)] {
        assert!(clicked.len() >= 4, "{} pictures", clicked.len());
        let (first, last) = (clicked[0], clicked[clicked.len() - 2]);
        assert!(last.width > first.width, "{} to {}", first.width, last.width);
        assert!(last.seconds - first.seconds < 0.6);
        // A circle has 0.79 of its square, the other 0.58, and less where it is too pale to be told.
        let part = clicked.iter().map(|mark| mark.part).fold(0.0, f64::max);
        assert_eq!(part > 0.67, is_round, "{part}");
    }
}

#[test]
fn shortcuts_are_drawn_and_typed_text_is_not() {
    let display = Xvfb::start("1281x721x24");
    display.connect().fill_root(SCREEN);
    let folder = Folder::new();
    let keys = |keys| Marks { clicks: false, keys: Some(keys) };
    let all = Source::Display(None);
    let mut recording = begin(&display, &folder, all.clone(), keys(Keys::Shortcuts));
    hands(&display, &["type", "secret PIN: 1234"]);
    hear_for(&mut recording, Duration::from_millis(600));
    hands(&display, &["key", "ctrl+shift+p"]);
    hear_for(&mut recording, OVER);
    recording.stop();
    let shown = marks(&recording, 1_281, 721);
    assert!(shown.iter().any(|mark| mark.is_dark));
    for mark in &shown {
        assert!((mark.left + mark.width / 2).abs_diff(640) <= 2 && mark.top > 600);
        // Three caps, not sixteen letters.
        assert!(mark.width < 330, "{}", mark.width);
    }
    let (first, last) = (shown[0].seconds, shown[shown.len() - 1].seconds);
    // It goes; what is written was before it and gave no picture.
    assert!((1.0..2.2).contains(&(last - first)), "{first} to {last}");
    recording.check_files();

    let folder = Folder::new();
    let mut recording = begin(&display, &folder, all, keys(Keys::All));
    hands(&display, &["type", "Grüße"]);
    hear_for(&mut recording, OVER);
    recording.stop();
    assert!(marks(&recording, 1_281, 721).iter().any(|mark| mark.is_dark));
}

#[test]
fn keys_of_other_windows_are_not_drawn_in_a_window_recording() {
    let display = Xvfb::start("1281x721x24");
    let painter = display.connect();
    let window = painter.window(50, 50, 1_000, 600);
    let other = painter.window(1_100, 50, 100, 100);
    painter.fill(window, SCREEN, 0, 0, 1_000, 600);
    let focus = |window: u32| {
        let time = x11rb::CURRENT_TIME;
        painter.connection.set_input_focus(InputFocus::NONE, window, time).unwrap();
        painter.connection.flush().unwrap();
        hands(&display, &["key", "ctrl+c"]);
    };
    let folder = Folder::new();
    let keys = Marks { clicks: false, keys: Some(Keys::All) };
    let mut recording = begin(&display, &folder, Source::Window(window.into()), keys);
    painter.fill(window, SCREEN, 0, 0, 1_000, 600);
    recording.wait_for_segments(1);
    focus(other);
    recording.wait_for_segments(2);
    let before = recording.segments().iter().map(|s| s.duration_ms).sum::<u64>();
    focus(window);
    hear_for(&mut recording, OVER);
    recording.stop();
    let dark: Vec<f64> = (marks(&recording, 1_000, 600).iter())
        .filter(|mark| mark.is_dark && mark.height < 100)
        .map(|mark| mark.seconds * 1_000.0)
        .collect();
    assert!(!dark.is_empty());
    assert!(dark.iter().all(|at| *at > before as f64 - 100.0), "{dark:?}, not before {before}");
}
