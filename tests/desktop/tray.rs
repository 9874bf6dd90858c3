//! Another program holds Alt+R: that is said, the tray records in its place, and other keys, chosen in
//! the settings, do from then on. The menu is pressed as a panel presses it (`snaplark_tests::tray`),
//! once by the pointer on the panel itself.

use std::time::Duration;

use serde_json::json;
use snaplark_tests::demonstration::{Demonstration, SIZE};
use snaplark_tests::desk::Desk;
use snaplark_tests::home::Home;
use snaplark_tests::process::output;
use snaplark_tests::recorder::{ask_json, snaplark};
use snaplark_tests::tray::Tray;
use snaplark_tests::webdriver::Session;
use snaplark_tests::{media, wait};

use crate::{SHOW, SOON, pictures};

const KEYS: &str = "ctrl+shift+9";
const FIELD: &str = "[data-testid=shortcut-record]";
/// A title with characters that menus treat as markup or mnemonics.
const TITLE: &str = "R&D_plan <b>";

const START: &str = "Start recording";
const PAUSE: &str = "Pause";
const GO_ON: &str = "Resume";
const STOP: &str = "Stop recording";

#[test]
fn tray_records_and_settings_offer_another_shortcut_when_the_shortcut_is_taken() {
    let desk = Desk::start(Home::new().unwrap(), SIZE.0, SIZE.1).unwrap();
    let taken = desk.display.take_alt('r').unwrap();
    let mut shown = Demonstration::begin_driven_on(desk, &pictures("tray")).unwrap();
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let windows = &shown.windows().unwrap().session;
    let tray = Tray::of(home).unwrap();
    let picture = |name: &str| {
        let file = pictures("tray").join(format!("{name}.png"));
        display.picture(home, &file, None).unwrap();
    };
    let has = |words: &str| tray.find(&[words]).unwrap();
    let clipboard = || display.clipboard(home).unwrap().unwrap_or_default();

    // Which of them is taken is said; the others work.
    tray.press(&["Open library"]).unwrap();
    windows.enter_window_at("library", SHOW).unwrap();
    windows.says("[data-testid=shortcut-notice]", "Another app uses Alt+R", SOON).unwrap();
    display.press(home, "alt+r").unwrap();
    display.press(home, "alt+a").unwrap();
    shown.window("the chooser", |window| (window.at.width, window.at.height) == SIZE).unwrap();
    display.press(home, "Escape").unwrap();
    shown
        .no_window("the chooser to go", |window| (window.at.width, window.at.height) == SIZE)
        .unwrap();
    assert!(taken.heard().unwrap(), "the other program has its keys");
    assert_eq!(recorder(windows), json!("idle"));

    // The menu follows what goes on.
    let menu = shown.desk.open_tray_menu();
    picture("menu");
    let menu = menu.unwrap();
    picture("menu");
    let first_line = (menu.x + 40, menu.y + 16);
    display.drag(home, first_line, first_line).unwrap();
    has(STOP);
    wait::until("the time beside the icon", SOON, || Ok((tray.label()? == "0:01").then_some(())))
        .unwrap();
    tray.press(&[PAUSE]).unwrap();
    has(GO_ON);
    assert_eq!(recorder(windows), json!("paused"));
    tray.press(&[GO_ON]).unwrap();
    has(PAUSE);
    assert!(tray.words().unwrap().iter().all(|words| words != START && words != GO_ON));
    tray.press(&[STOP]).unwrap();
    has(START);
    wait::until("the link on the clipboard", SOON, || {
        Ok(clipboard().starts_with("http://127.0.0.1:").then_some(()))
    })
    .unwrap();
    let link = clipboard();

    // Its link is at hand from then on, below the name that it was given.
    let listed = ask_json(home, None, &["list", "--json"]).unwrap();
    let id = listed["recordings"][0]["id"].as_str().unwrap().to_owned();
    windows.enter_window_at("library", SOON).unwrap();
    let rename =
        "window.__TAURI_INTERNALS__.invoke('rename', {id: arguments[0], title: arguments[1]});";
    windows.run(rename, &[json!(id), json!(TITLE)]).unwrap();
    // The menu is made anew with it, and a press on the old one would reach nothing.
    wait::until("the name in the menu", SOON, || {
        Ok(tray.find(&["Recent recordings", TITLE, "Copy link"]).ok())
    })
    .unwrap();
    for path in [&["Copy last link"][..], &["Recent recordings", TITLE, "Copy link"]] {
        display.copy(home, "something else").unwrap();
        tray.press(path).unwrap();
        wait::until("the link to be copied", SOON, || Ok((clipboard() == link).then_some(())))
            .unwrap_or_else(|error| panic!("{path:?}: {error}"));
    }
    tray.find(&["Recent recordings", TITLE, "Show in folder"]).unwrap();

    tray.press(&["Settings…"]).unwrap();
    windows.enter_window_at("settings", SOON).unwrap();
    windows.says("main", "Another app uses these keys", SOON).unwrap();
    picture("taken");
    // They are tried again when the field is left.
    let none_is_taken = "return !document.body.innerText.includes('Another program holds');";
    drop(taken);
    windows.press(FIELD, SOON).unwrap();
    windows.says(FIELD, "Press the keys", SOON).unwrap();
    display.press(home, "Escape").unwrap();
    windows.until("the notice to go", SOON, none_is_taken).unwrap();

    windows.press(FIELD, SOON).unwrap();
    windows.says(FIELD, "Press the keys", SOON).unwrap();
    display.press(home, KEYS).unwrap();
    windows.says(FIELD, "9", SOON).unwrap();
    assert_eq!(
        windows.run("return document.querySelector('[data-testid=trouble]');", &[]).unwrap(),
        json!(null),
        "nothing was refused"
    );
    windows.press("input[value=dark]", SOON).unwrap();
    let dark = "return matchMedia('(prefers-color-scheme: dark)').matches;";
    windows.until("the dark", SOON, dark).unwrap();
    windows
        .run(
            "const rate = document.getElementById('fps');
             rate.value = '15'; rate.dispatchEvent(new Event('change', {bubbles: true}));",
            &[],
        )
        .unwrap();
    picture("chosen");

    shown.record_keys = KEYS.into();
    shown.start_recording().unwrap();
    wait::pass("the recording", Duration::from_secs(4)).unwrap();
    let file = shown.stop_recording().unwrap().file;
    let file = file.to_str().unwrap();
    let rate =
        f64::from(media::decode(file).unwrap()) / media::probe(file).unwrap().duration_s.unwrap();
    assert!(
        (9.0..=16.0).contains(&rate),
        "{rate} frames a second of a screen that changes as often"
    );

    // Nothing is unsent, so nothing is asked.
    Tray::of(&shown.desk.home).unwrap().press(&["Quit Snaplark"]).unwrap();
    wait::until("the icon to go", SHOW, || {
        Ok(snaplark_tests::tray::is_empty(&shown.desk.home)?.filter(|empty| *empty).map(drop))
    })
    .unwrap();
    let kept = snaplark(&shown.desk.home, None, &["settings", "fps"]).unwrap();
    assert_eq!(output(kept, SHOW).unwrap(), "15\n");
}

fn recorder(windows: &Session) -> serde_json::Value {
    let ask = "return window.__TAURI_INTERNALS__.invoke('snapshot', {since: 0}).then((s) => s.recorder.kind);";
    windows.until("an answer", SOON, ask).unwrap()
}
