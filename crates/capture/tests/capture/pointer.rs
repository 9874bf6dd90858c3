//! Positions and clicks of the pointer, as another program moves it, in the files beside the segments.

use std::process::Command;
use std::time::Duration;

use snaplark_core::capture::*;
use snaplark_core::{pointer_file, segment_file};
use snaplark_formats::pointer::{PointerAction, PointerButton, decode};

use crate::common::*;
use crate::sound::until;

use PointerAction::{Left, MovedTo, Pressed, Released};

fn hands(display: &Xvfb, do_this: &[&str]) {
    let done = Command::new("xdotool").args(do_this).env("DISPLAY", &display.name).status();
    assert!(done.expect("xdotool is needed for this test").success(), "{do_this:?}");
}

/// Returns what the pointer did in the whole recording, with its times.
fn all(recording: &Recording) -> Vec<(u64, PointerAction)> {
    let mut all = Vec::new();
    for segment in recording.segments() {
        let path = recording.folder.join(pointer_file(segment.index));
        let records = decode(&std::fs::read(&path).unwrap()).unwrap();
        assert!(matches!(records[0].action, MovedTo(..) | Left), "it begins with a position");
        assert_eq!(records[0].at_ms, 0);
        assert!(records.iter().all(|record| record.at_ms < segment.duration_ms));
        all.extend(records.iter().map(|it| (segment.start_ms + it.at_ms, it.action)));
    }
    all
}

fn wait(recording: &mut Recording, ms: u64) {
    recording.hear_nothing_for(Duration::from_millis(ms));
}

#[test]
fn positions_and_clicks_are_kept_beside_segments_in_pixels_of_the_video() {
    let display = Xvfb::start("1280x720x24");
    display.connect().fill_root(0xC0_C0_C0);
    let folder = Folder::new();
    hands(&display, &["mousemove", "300", "250"]);
    let source = Source::Region { x: 100, y: 50, width: 1_000, height: 600 };
    // Half as large as on the screen.
    let wanted = CaptureRequest {
        pointer_positions: true,
        lines_max: Some(300),
        ..request(&folder.0, source)
    };
    let mut recording = record(&display, wanted);
    until(&mut recording, |event| matches!(event, CaptureEvent::Started { .. }));
    wait(&mut recording, 400);
    hands(&display, &["mousemove", "500", "350", "click", "1"]);
    wait(&mut recording, 400);
    // Off the region, where a click is nobody's business.
    hands(&display, &["mousemove", "40", "20", "click", "3"]);
    wait(&mut recording, 400);
    recording.control.pause();
    until(&mut recording, |event| matches!(event, CaptureEvent::Paused { .. }));
    hands(&display, &["mousemove", "400", "300", "click", "1"]);
    hands(&display, &["mousemove", "900", "450"]);
    recording.control.resume();
    until(&mut recording, |event| matches!(event, CaptureEvent::Resumed { .. }));
    wait(&mut recording, 300);
    hands(&display, &["click", "3"]);
    recording.wait_for_segments(2);
    recording.stop();
    let all = all(&recording);
    // A segment repeats where the pointer was.
    let (mut changes, mut last) = (Vec::new(), None);
    for (_, action) in &all {
        let is_position = matches!(action, MovedTo(..) | Left);
        if !is_position || last != Some(*action) {
            changes.push(*action);
        }
        last = if is_position { Some(*action) } else { last };
    }
    let (left, right) = (PointerButton::Left, PointerButton::Right);
    assert_eq!(
        changes,
        [
            MovedTo(100, 100),
            MovedTo(200, 150),
            Pressed(left),
            Released(left),
            Left,
            MovedTo(400, 200),
            Pressed(right),
            Released(right),
        ],
        "{all:?}"
    );
    let time_of = |wanted| all.iter().find(|(_, action)| *action == wanted).unwrap().0;
    assert!(time_of(Pressed(left)) >= 350, "{all:?}");
    assert!(time_of(Left) >= time_of(Released(left)) + 350, "{all:?}");
    for segment in recording.segments() {
        for name in [pointer_file(segment.index), segment_file(segment.index)] {
            let mode = std::fs::metadata(folder.0.join(name)).unwrap().permissions();
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
        }
    }
}

#[test]
fn struck_positions_are_in_no_file() {
    let display = Xvfb::start("640x360x24");
    let (folder, other) = (Folder::new(), Folder::new());
    hands(&display, &["mousemove", "10", "10"]);
    let wanted =
        CaptureRequest { pointer_positions: true, ..request(&folder.0, Source::Display(None)) };
    let mut recording = record(&display, wanted);
    recording.wait_for_segments(1);
    hands(&display, &["mousemove", "333", "222", "click", "1"]);
    wait(&mut recording, 300);
    hands(&display, &["mousemove", "20", "20"]);
    wait(&mut recording, 200);
    recording.control.strike(700, other.0.clone());
    until(&mut recording, |event| matches!(event, CaptureEvent::Struck { .. }));
    let before = recording.segments().len();
    recording.wait_for_segments(before + 1);
    recording.stop();
    for segment in recording.segments() {
        let from = if (segment.index as usize) < before { &folder } else { &other };
        let bytes = std::fs::read(from.0.join(pointer_file(segment.index))).unwrap();
        let records = decode(&bytes).unwrap();
        let is_secret = |action| matches!(action, MovedTo(333, 222) | Pressed(_));
        assert!(!records.iter().any(|record| is_secret(record.action)), "{records:?}");
    }
}
