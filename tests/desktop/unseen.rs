//! Neither the recorder bar nor a toast is in a recording or a screenshot of the display that they would be on,
//! unless that is wanted.

use std::path::PathBuf;
use std::time::Duration;

use snaplark_store::Store;
use snaplark_tests::browser::Browser;
use snaplark_tests::desk::Desk;
use snaplark_tests::display::{Rectangle, Window};
use snaplark_tests::home::Home;
use snaplark_tests::process::{command, output, program};
use snaplark_tests::recorder::{ask_json, snaplark};
use snaplark_tests::tray::{self, Tray};
use snaplark_tests::{media, wait};

use crate::{SHOW, SOON, pictures};

const SIZE: (u32, u32) = (1280, 720);
/// The area of bar and toasts: below the panel and the pointer, which stands in the middle.
const LOWER: Rectangle = Rectangle { x: 0, y: 420, width: 1280, height: 300 };
/// The desk is black, cards are white.
const BLACK_MAX: u8 = 60;
const WHITE_MIN: u8 = 180;

fn is_bar(window: &Window) -> bool {
    window.name.contains("bar")
}

fn is_toast(window: &Window) -> bool {
    let right = window.at.x + window.at.width.cast_signed();
    window.at.height > 40 && right == SIZE.0.cast_signed() && !is_bar(window)
}

fn settle(home: &Home, settings: &str) {
    // An app that ends has it for a moment longer.
    let store = wait::until("the store", SHOW, || Ok(Store::open(home.snaplark()).ok())).unwrap();
    store.set_setting("desktop", settings).unwrap();
}

fn begin(desk: &Desk) -> Browser {
    let app = Browser::app(&desk.home, &program("snaplark-desktop").unwrap(), &["--hidden"]);
    tray::appears(&desk.home, SHOW).unwrap();
    app.unwrap()
}

fn shows(desk: &Desk, is_it: impl Fn(&Window) -> bool) -> bool {
    desk.display.windows(&desk.home, "snaplark").unwrap().iter().any(is_it)
}

fn wait_for(desk: &Desk, what: &str, is_it: impl Fn(&Window) -> bool) {
    wait::until(what, SOON, || Ok(shows(desk, &is_it).then_some(()))).unwrap();
}

/// Records by the shortcut for two seconds and more; `meanwhile` is what there is to see then. Gives
/// the recording's own file.
fn record(desk: &Desk, meanwhile: impl Fn()) -> String {
    let Desk { display, home, .. } = desk;
    let newest = || ask_json(home, None, &["list", "--json"]).map(|it| it["recordings"][0].clone());
    display.press(home, "alt+r").unwrap();
    wait::until("a segment", SHOW, || {
        let newest = newest()?;
        let runs = newest["state"]["kind"] == "recording" && newest["segments"] != 0;
        Ok(runs.then_some(()))
    })
    .unwrap();
    meanwhile();
    display.press(home, "alt+r").unwrap();
    wait::until("the recording's own file", SHOW, || {
        Ok(newest()?["file"].as_str().map(str::to_owned))
    })
    .unwrap()
}

/// Takes a screenshot of the display with the pointer, and returns its file.
fn screenshot(desk: &Desk) -> PathBuf {
    let folder = desk.home.path().join("taken");
    for (name, value) in [
        ("screenshots.after", "save"),
        ("screenshots.sound", "no"),
        ("screenshots.save-folder", folder.to_str().unwrap()),
    ] {
        ask_json(&desk.home, None, &["settings", name, value, "--json"]).unwrap();
    }
    let mut second = command(&desk.home, program("snaplark-desktop").unwrap());
    second.arg("--screenshot-display");
    output(second, SHOW).unwrap();
    wait::until("the screenshot's file", SHOW, || {
        let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut files = files.map(|file| file.path());
        Ok(files.find(|file| media::picture(file.to_str().unwrap_or_default(), 0.0).is_ok()))
    })
    .unwrap()
}

/// The brightest pixel of each frame, where bar and toasts are.
fn brightest(file: &str) -> Vec<u8> {
    media::brightest(file, LOWER).unwrap()
}

#[test]
fn bar_and_toasts_are_recorded_only_when_the_setting_is_on() {
    let home = Home::new().unwrap();
    settle(&home, r#"{"welcomed":true}"#);
    let desk = Desk::start(home, SIZE.0, SIZE.1).unwrap();
    let app = begin(&desk);

    // The bar is away, and comes when the person asks for it.
    record(&desk, || {
        assert!(!shows(&desk, is_bar), "the bar would be in the picture");
        Tray::of(&desk.home).unwrap().press(&["Show recorder bar"]).unwrap();
        wait_for(&desk, "the bar", is_bar);
        desk.display.picture(&desk.home, &pictures("unseen").join("asked-for.png"), None).unwrap();
    });
    // The first one's toast is there when the second one begins, and comes again after it.
    wait_for(&desk, "a toast", is_toast);
    let taken = screenshot(&desk);
    let bright = brightest(taken.to_str().unwrap());
    assert!(bright.iter().all(|it| *it < BLACK_MAX), "something of ours is in it: {bright:?}");
    wait_for(&desk, "a toast after the screenshot", is_toast);
    let file = record(&desk, || {
        assert!(!shows(&desk, |window| is_bar(window) || is_toast(window)));
    });
    wait_for(&desk, "a toast after the recording", is_toast);
    desk.display.picture(&desk.home, &pictures("unseen").join("after.png"), None).unwrap();
    let frames = brightest(&file);
    assert!(frames.len() > 3, "{frames:?}");
    assert!(frames.iter().all(|it| *it < BLACK_MAX), "something of ours is in it: {frames:?}");

    drop(app);
    settle(&desk.home, r#"{"welcomed":true,"barInRecordings":true}"#);
    let _app = begin(&desk);
    let file = record(&desk, || {
        wait_for(&desk, "the bar", is_bar);
        wait::pass("the bar in the picture", Duration::from_secs(1)).unwrap();
    });
    let frames = brightest(&file);
    assert!(frames.iter().any(|it| *it > WHITE_MIN), "the bar is wanted in it: {frames:?}");
}

/// The second press of the shortcut comes right after the first one.
#[test]
fn double_press_of_the_shortcut_discards_the_recording_with_a_message() {
    let home = Home::new().unwrap();
    settle(&home, r#"{"welcomed":true}"#);
    let desk = Desk::start(home, SIZE.0, SIZE.1).unwrap();
    let app = begin(&desk);
    desk.display.press(&desk.home, "alt+r").unwrap();
    desk.display.press(&desk.home, "alt+r").unwrap();
    app.session.enter_window_at("windows/toast", SOON).unwrap();
    app.session.says("[data-testid=toast]", "Nothing was recorded", SOON).unwrap();
    let list = ask_json(&desk.home, None, &["list", "--json"]).unwrap();
    assert_eq!(list["recordings"].as_array().unwrap().len(), 0, "{list}");
}

/// While the bar is hidden, the tray says what is wrong; why it is hidden is said once.
#[test]
fn hidden_bar_is_explained_once_and_tray_warns_of_a_lost_microphone() {
    const HIDDEN: &str = "[data-testid=toast][data-kind=barHidden]";
    const WARNING: &str = "[data-testid=toast][data-kind=warning]";
    let home = Home::new().unwrap();
    settle(&home, r#"{"welcomed":true}"#);
    let desk = Desk::start(home, SIZE.0, SIZE.1).unwrap();
    let named = ["settings", "microphone", "a microphone that is gone"];
    output(snaplark(&desk.home, None, &named).unwrap(), SHOW).unwrap();
    let app = begin(&desk);
    let windows = &app.session;
    let tray = || Tray::of(&desk.home).unwrap();

    let file = record(&desk, || {
        let lost = |words: &Vec<String>| words.first().is_some_and(|it| it == "Microphone lost");
        wait::until("the warning in the tray's menu", SOON, || {
            Ok(Some(tray().words()?).filter(lost))
        })
        .unwrap();
        assert!(!shows(&desk, |window| is_bar(window) || is_toast(window)));
        desk.display.picture(&desk.home, &pictures("unseen").join("warning.png"), None).unwrap();
    });
    assert!(brightest(&file).iter().all(|it| *it < BLACK_MAX), "something of ours is in it");
    windows.enter_window_at("windows/toast", SOON).unwrap();
    windows.says(WARNING, "Microphone lost", SOON).unwrap();
    windows.says(HIDDEN, "Alt+R", SOON).unwrap();
    desk.display.picture(&desk.home, &pictures("unseen").join("explained.png"), None).unwrap();
    assert!(tray().words().unwrap().iter().all(|words| words != "Microphone lost"));
    windows.gone(HIDDEN, SHOW).unwrap();

    record(&desk, || {});
    windows.says(WARNING, "Microphone lost", SOON).unwrap();
    let is_said = format!("return document.querySelector('{HIDDEN}') !== null;");
    assert_eq!(windows.run(&is_said, &[]).unwrap(), false);
}
