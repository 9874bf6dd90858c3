//! The last minutes: looked at, cut and shared from their window, or discarded.

use std::time::Duration;

use serde_json::json;
use snaplark_store::Store;
use snaplark_tests::browser::{Browser, play};
use snaplark_tests::demonstration::{Demonstration, NUMBERS_A_SECOND, SIZE};
use snaplark_tests::home::Home;
use snaplark_tests::numbers::{MISSING_SHARE, read_file};
use snaplark_tests::recorder::ask_json;
use snaplark_tests::webdriver::Session;
use snaplark_tests::{media, wait};

use crate::{SHOW, SOON, pictures};

const KEYS: &str = "alt+l";
/// Five pieces of two seconds.
const KEPT: usize = 5;
/// The time limit on a busy machine.
const PLAYS: Duration = Duration::from_secs(20);
const LENGTH: &str = "[data-testid=preview-length]";

fn segments(home: &Home) -> usize {
    let rings = std::fs::read_dir(home.snaplark().join("ring")).into_iter().flatten().flatten();
    let files = rings.flat_map(|ring| std::fs::read_dir(ring.path()).into_iter().flatten());
    let names = files.flatten().map(|file| file.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(".webm") && name != "init.webm").count()
}

fn recordings(home: &Home) -> Vec<serde_json::Value> {
    ask_json(home, None, &["list", "--json"]).unwrap()["recordings"].as_array().unwrap().clone()
}

/// Opens the preview and waits until it plays.
fn open(shown: &Demonstration, windows: &Session) {
    shown.desk.display.press(&shown.desk.home, KEYS).unwrap();
    windows.enter_window_at("windows/preview", SOON).unwrap();
    let plays = "const v = document.querySelector('video');
        return v !== null && v.currentTime > 0.3 && !v.paused && v.error === null;";
    wait::until("the preview to play", PLAYS, || {
        Ok((windows.run(plays, &[])? == json!(true)).then_some(()))
    })
    .unwrap_or_else(|error| {
        let state = "const v = document.querySelector('video');
            return [document.body.innerText, v && {at: v.currentTime, of: v.duration,
                ready: v.readyState, paused: v.paused, error: v.error?.message, from: v.src}];";
        panic!("{error:#}; {:?}", windows.run(state, &[]))
    });
}

#[test]
fn preview_of_the_last_minutes_plays_trims_shares_and_discards() {
    let home = Home::new().unwrap();
    let store = Store::open(home.snaplark()).unwrap();
    store.set_setting("recording", r#"{"keepLast":true,"keepLastSeconds":60}"#).unwrap();
    drop(store);
    let folder = pictures("preview");
    let shown = Demonstration::begin_driven(home, &folder).unwrap();
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let windows = &shown.windows().unwrap().session;
    wait::until("ten seconds to be kept", SHOW, || Ok((segments(home) >= KEPT).then_some(())))
        .unwrap();

    open(&shown, windows);
    display.picture(home, &folder.join("opened.png"), None).unwrap();
    assert!(recordings(home).is_empty(), "nothing is a recording before it is shared");
    let whole = windows.text(LENGTH, SOON).unwrap();
    // The left handle has the focus: it leaves the first two pieces out.
    display.press(home, "Right").unwrap();
    display.press(home, "Right").unwrap();
    wait::until("the length to be shorter", SOON, || {
        Ok((windows.text(LENGTH, SOON)? != whole).then_some(()))
    })
    .unwrap();
    display.picture(home, &folder.join("cut.png"), None).unwrap();
    windows.press("[data-testid=preview-share]", SOON).unwrap();

    let mut online = None;
    wait::until("it to be online", SHOW, || {
        online = recordings(home).into_iter().find(|it| it["state"]["kind"] == "done");
        Ok(online.as_ref().filter(|it| it["file"].is_string()).map(drop))
    })
    .unwrap();
    let online = online.unwrap();
    let file = std::path::PathBuf::from(online["file"].as_str().unwrap());
    let seconds = media::probe(file.to_str().unwrap()).unwrap().duration_s.unwrap();
    assert!((5.5..20.0).contains(&seconds), "{seconds} s of '{whole}'");
    let reading = read_file(&file, SIZE).unwrap();
    reading.hold(seconds * 0.9 - 0.3..=seconds + 0.3, NUMBERS_A_SECOND, MISSING_SHARE).unwrap();
    let browser = Browser::chromium(home).unwrap();
    assert!(play(&browser.session, online["link"].as_str().unwrap()).unwrap().frames > 0);

    open(&shown, windows);
    let count = recordings(home).len();
    display.press(home, "Escape").unwrap();
    windows.says(LENGTH, "again to discard", SOON).unwrap();
    display.press(home, "Escape").unwrap();
    let title = |it: &snaplark_tests::display::Window| it.at.width > 600 && it.at.width < SIZE.0;
    shown.no_window("the preview to go", title).unwrap();
    wait::pass("what it would have shared", Duration::from_secs(1)).unwrap();
    assert_eq!(recordings(home).len(), count);
}
