//! Tests of screenshots on the screen: by Alt+S and a drag, pixel by pixel; by a click on a window; and with
//! the countdown.

use std::path::PathBuf;
use std::time::Instant;

use snaplark_tests::demonstration::{Demonstration, SIZE};
use snaplark_tests::display::{Rectangle, Window};
use snaplark_tests::home::Home;
use snaplark_tests::recorder::ask_json;
use snaplark_tests::{media, wait};

use crate::{SHOW, SOON, pictures};

const KEYS: &str = "alt+s";
const STAGE: &str = "[data-testid=stage]";
const LABEL: &str = "[data-testid=label]";

fn covers(window: &Window) -> bool {
    (window.at.width, window.at.height) == SIZE
}

/// Starts the app, which saves each screenshot into a folder of its own.
fn begin() -> (Demonstration, PathBuf) {
    let home = Home::new().unwrap();
    let folder = home.path().join("taken");
    for (name, value) in [
        ("screenshots.after", "save"),
        ("screenshots.format", "png"),
        ("screenshots.sound", "no"),
        ("screenshots.save-folder", folder.to_str().unwrap()),
    ] {
        ask_json(&home, None, &["settings", name, value, "--json"]).unwrap();
    }
    let shown = Demonstration::begin_driven(home, &pictures("screenshot")).unwrap();
    (shown, folder)
}

fn picture(shown: &Demonstration, name: &str) {
    let file = pictures("screenshot").join(format!("{name}.png"));
    shown.desk.display.picture(&shown.desk.home, &file, None).unwrap();
}

fn freeze(shown: &Demonstration) {
    let began = Instant::now();
    shown.desk.display.press(&shown.desk.home, KEYS).unwrap();
    shown.window("the frozen screen", covers).unwrap();
    println!("figures: the frozen screen is there after {} ms", began.elapsed().as_millis());
    let windows = &shown.windows().unwrap().session;
    windows.enter_window_at("windows/chooser", SOON).unwrap();
    windows.find(STAGE, SOON).unwrap();
}

/// Waits for the only picture of the folder, and takes it away. A file gets its name once it is whole.
fn taken(folder: &PathBuf) -> Vec<u8> {
    let file = wait::until("the file", SHOW, || {
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let is_png = |file: &PathBuf| file.extension().is_some_and(|ending| ending == "png");
        Ok(files.map(|file| file.path()).find(is_png))
    })
    .unwrap();
    let pixels = media::picture(file.to_str().unwrap(), 0.0).unwrap();
    std::fs::remove_file(file).unwrap();
    pixels
}

/// Red, green and blue of that part of the screen, once it stands still.
fn still(shown: &Demonstration, at: Rectangle) -> Vec<u8> {
    let pixels = || {
        let pixels = shown.desk.display.pixels(at).unwrap();
        pixels.chunks_exact(4).flat_map(|px| [px[2], px[1], px[0]]).collect::<Vec<u8>>()
    };
    wait::until("a part of the screen that stands still", SHOW, || {
        let before = pixels();
        wait::pass("a moment", std::time::Duration::from_millis(300))?;
        Ok(Some(pixels()).filter(|now| *now == before))
    })
    .unwrap()
}

#[test]
fn dragged_area_of_the_frozen_screen_is_the_files_pixels() {
    let (shown, folder) = begin();
    let library = shown.open_library().unwrap();
    let area = Rectangle { x: library.at.x + 40, y: library.at.y + 60, width: 333, height: 121 };
    shown.desk.display.point(&shown.desk.home, (5, 5)).unwrap();
    let want = still(&shown, area);
    freeze(&shown);
    picture(&shown, "frozen");
    let end = (area.x + area.width.cast_signed(), area.y + area.height.cast_signed() - 1);
    shown.desk.display.drag(&shown.desk.home, (area.x, area.y), end).unwrap();
    let windows = &shown.windows().unwrap().session;
    windows.says(LABEL, "333 × 120", SOON).unwrap();
    // The last pixel by a key.
    shown.desk.display.press(&shown.desk.home, "ctrl+Down").unwrap();
    windows.says(LABEL, "333 × 121", SOON).unwrap();
    picture(&shown, "area");
    shown.desk.display.press(&shown.desk.home, "Return").unwrap();
    shown.no_window("the frozen screen to go", covers).unwrap();
    assert!(taken(&folder) == want, "the file has other pixels than the screen");

    // The same area again, without the chooser: from the tray's menu or a key of the desktop's. The library shows the
    // first one there by now.
    shown.desk.display.point(&shown.desk.home, (5, 5)).unwrap();
    let want = still(&shown, area);
    let mut again = snaplark_tests::process::command(
        &shown.desk.home,
        snaplark_tests::process::program("snaplark-desktop").unwrap(),
    );
    again.arg("--screenshot-last-area");
    snaplark_tests::process::output(again, SOON).unwrap();
    assert!(taken(&folder) == want, "the last area is not the one that was chosen");
}

#[test]
fn area_may_begin_and_end_at_the_edges_of_the_display() {
    let (shown, _folder) = begin();
    freeze(&shown);
    let windows = &shown.windows().unwrap().session;
    let (right, bottom) = (SIZE.0.cast_signed() - 1, SIZE.1.cast_signed() - 1);
    for (from, to, size) in [
        ((0, 100), (right, bottom), (SIZE.0, SIZE.1 - 100)),
        ((right, 60), (2, bottom - 3), (SIZE.0 - 2, SIZE.1 - 64)),
    ] {
        shown.desk.display.drag(&shown.desk.home, from, to).unwrap();
        windows.says(LABEL, &format!("{} × {}", size.0, size.1), SOON).unwrap();
        // Chosen anew, not pulled at what is chosen.
        shown.desk.display.press(&shown.desk.home, "Escape").unwrap();
        shown.no_window("the frozen screen to go", covers).unwrap();
        freeze(&shown);
    }
}

#[test]
fn clicked_window_is_cut_from_the_frozen_screen_and_escape_keeps_nothing() {
    let (shown, folder) = begin();
    let library = shown.open_library().unwrap();
    shown.desk.display.point(&shown.desk.home, (5, 5)).unwrap();
    let want = still(&shown, library.at);
    freeze(&shown);
    shown.desk.display.press(&shown.desk.home, "Escape").unwrap();
    shown.no_window("the frozen screen to go", covers).unwrap();
    freeze(&shown);
    let middle =
        |at: Rectangle| (at.x + at.width.cast_signed() / 2, at.y + at.height.cast_signed() / 2);
    shown.desk.display.drag(&shown.desk.home, middle(library.at), middle(library.at)).unwrap();
    let windows = &shown.windows().unwrap().session;
    let chosen = "return document.querySelector('[data-testid=frame].window') !== null;";
    windows.until("the window to be chosen", SOON, chosen).unwrap();
    picture(&shown, "window");
    shown.desk.display.press(&shown.desk.home, "Return").unwrap();
    shown.no_window("the frozen screen to go", covers).unwrap();
    assert!(taken(&folder) == want, "the file has other pixels than the window");
}
