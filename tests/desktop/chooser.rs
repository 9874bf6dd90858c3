//! Tests of the chooser on the screen: by a drag, by a click, by keys.

use std::time::{Duration, Instant};

use serde_json::json;
use snaplark_tests::demonstration::{Demonstration, NUMBERS_A_SECOND, SIZE};
use snaplark_tests::display::Window;
use snaplark_tests::home::Home;
use snaplark_tests::{media, numbers, wait};

use crate::{SOON, pictures};

const KEYS: &str = "alt+a";
const STAGE: &str = "[data-testid=stage]";
const LABEL: &str = "[data-testid=label]";

fn covers(window: &Window) -> bool {
    (window.at.width, window.at.height) == SIZE
}

fn picture(shown: &Demonstration, name: &str) {
    let file = pictures("chooser").join(format!("{name}.png"));
    shown.desk.display.picture(&shown.desk.home, &file, None).unwrap();
}

fn open(shown: &Demonstration) {
    let began = Instant::now();
    shown.desk.display.press(&shown.desk.home, KEYS).unwrap();
    shown.window("the chooser", covers).unwrap();
    println!("figures: the chooser is there after {} ms", began.elapsed().as_millis());
}

#[test]
fn dragged_region_is_what_the_video_shows() {
    // The numbers are at the lower left of any region that ends there.
    const REGION: (u32, u32) = (640, 400);
    let (width, height) = (REGION.0.cast_signed(), REGION.1.cast_signed());
    let bottom = SIZE.1.cast_signed();
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &pictures("chooser")).unwrap();
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let windows = &shown.windows().unwrap().session;

    open(&shown);
    windows.enter_window_at("windows/chooser", SOON).unwrap();
    windows.find(STAGE, SOON).unwrap();
    picture(&shown, "opened");
    display.press(home, "Escape").unwrap();
    shown.no_window("the chooser to go", covers).unwrap();

    open(&shown);
    windows.find(STAGE, SOON).unwrap();
    display.drag(home, (0, bottom - height + 20), (width, bottom - 1)).unwrap();
    picture(&shown, "dragged");
    windows.says(LABEL, "640", SOON).unwrap();
    // The upper edge by its handle, the last pixels by keys.
    display.drag(home, (width / 2, bottom - height + 20), (width / 2, bottom - height)).unwrap();
    display.press(home, "ctrl+Down").unwrap();
    windows.says(LABEL, "640 × 400", SOON).unwrap();
    picture(&shown, "region");

    shown.record_by("Return").unwrap();
    shown.no_window("the chooser to go", covers).unwrap();
    let bar = shown.window("the bar", |window| window.name.contains("bar")).unwrap();
    picture(&shown, "recording");
    let bar_bottom = bar.at.y + bar.at.height.cast_signed();
    let is_beside = bar_bottom <= bottom - height || bar.at.x >= width;
    assert!(is_beside, "the bar is not in the picture: {:?}", bar.at);
    wait::pass("the recording", Duration::from_secs(4)).unwrap();
    let shared = shown.stop_recording().unwrap();
    let file = shared.file.to_str().unwrap();
    let probe = media::probe(file).unwrap();
    assert_eq!((probe.width, probe.height), REGION);
    let read = numbers::read_video(file, REGION).unwrap();
    read.hold(shared.seconds.clone(), NUMBERS_A_SECOND, 0.05).unwrap();

    // It is there again the next time.
    open(&shown);
    windows.press("[data-testid=preset]:last-child", SOON).unwrap();
    windows.says(LABEL, "640 × 400", SOON).unwrap();
    display.press(home, "Escape").unwrap();
    shown.no_window("the chooser to go", covers).unwrap();
}

#[test]
fn chooser_selects_a_window_by_click_and_by_keyboard() {
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &pictures("chooser")).unwrap();
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    shown.open_library().unwrap();
    let library = shown.window("the library", |window| window.at.width > 600).unwrap();
    let windows = &shown.windows().unwrap().session;
    open(&shown);
    windows.enter_window_at("windows/chooser", SOON).unwrap();
    windows.find(STAGE, SOON).unwrap();
    let middle = |window: &Window| {
        let at = window.at;
        (at.x + at.width.cast_signed() / 2, at.y + at.height.cast_signed() / 2)
    };
    display.point(home, middle(&library)).unwrap();
    windows.says(LABEL, "Snaplark", SOON).unwrap();
    picture(&shown, "hovered");
    display.press(home, "Tab").unwrap();
    let chosen = "return document.querySelector('[data-testid=frame].window') !== null;";
    windows.until("the window to be chosen by a key", SOON, chosen).unwrap();
    display.press(home, "Tab").unwrap();
    let whole = "return document.querySelector('[data-testid=frame].display') !== null;";
    windows.until("the display to be chosen by a key", SOON, whole).unwrap();
    picture(&shown, "display");
    display.drag(home, middle(&library), middle(&library)).unwrap();
    windows.until("the window to be chosen by a click", SOON, chosen).unwrap();
    picture(&shown, "window");
    shown.record_by("Return").unwrap();
    wait::pass("the recording", Duration::from_secs(2)).unwrap();
    let shared = shown.stop_recording().unwrap();
    let probe = media::probe(shared.file.to_str().unwrap()).unwrap();
    assert_eq!((probe.width, probe.height), (library.at.width, library.at.height));
    let none = windows.run("return document.querySelector('img');", &[]).unwrap();
    assert_eq!(none, json!(null), "what was seen is forgotten");
}

#[test]
fn chooser_is_named_after_what_it_is_for() {
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &pictures("chooser")).unwrap();
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let (record, capture) = ("Choose what to record", "Choose what to capture");
    // One window serves both, and has the other name before.
    for (keys, name) in [(KEYS, record), ("alt+s", capture), (KEYS, record)] {
        display.press(home, keys).unwrap();
        shown.window(name, |window| covers(window) && window.name == name).unwrap();
        let windows = &shown.windows().unwrap().session;
        windows.enter_window_at("windows/chooser", SOON).unwrap();
        windows.find(&format!("[aria-label='{name}']"), SOON).unwrap();
        display.press(home, "Escape").unwrap();
        shown.no_window("the chooser to go", covers).unwrap();
    }
}
