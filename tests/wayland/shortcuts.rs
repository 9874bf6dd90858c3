//! The app on a Wayland desktop that gives it shortcuts, or doesn't: what it asks for, what it shows
//! of the answer, and what it does when a key is pressed.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use snaplark_tests::browser::Browser;
use snaplark_tests::numbers::read_file;
use snaplark_tests::process::program;
use snaplark_tests::recorder::ask_json;
use snaplark_tests::shortcuts::Shortcuts;
use snaplark_tests::wait;
use snaplark_tests::wayland::Session;

use crate::{LIMIT, NUMBERS};

const ASKED: &str =
    "asked record=ALT+r choose-area=ALT+a microphone=ALT+m webcam=ALT+w quick-menu=ALT+q";
const NOTE: &str = "[data-testid=shortcuts-note]";
const RECORD: &str = "[data-testid=shortcut-record]";
const MENU: &str = "[data-testid=shortcut-quickMenu]";

/// One session for the whole story: a compositor without a graphics card takes its time to start.
#[test]
fn the_desktop_keeps_the_keys_and_the_app_follows() {
    let session = Session::start(&["1280x720"], NUMBERS).unwrap();
    let mut desktop = Shortcuts::start(&session, "decline").unwrap();
    let program = program("snaplark-desktop").unwrap();
    let app = Browser::app(&session.home, &program, &[]).unwrap();
    let windows = &app.session;
    assert_eq!(desktop.line(LIMIT).unwrap(), ASKED);

    // A no, which the first run and the settings say with the commands that do the same.
    windows.enter_window_at("welcome", LIMIT).unwrap();
    windows.says("[data-testid=welcome-abilities]", "snaplark toggle", LIMIT).unwrap();
    windows.press("[data-testid=welcome-skip]", LIMIT).unwrap();
    windows.enter_window_at("library", LIMIT).unwrap();
    windows.press("[data-testid=open-settings]", LIMIT).unwrap();
    windows.enter_window_at("settings", LIMIT).unwrap();
    windows.says(NOTE, "You said no", LIMIT).unwrap();
    windows.says(RECORD, "snaplark toggle", LIMIT).unwrap();
    windows.says(MENU, "snaplark-desktop --quick-menu", LIMIT).unwrap();

    // A yes, when it is asked again; then other keys.
    desktop.give().unwrap();
    windows.press("[data-testid=shortcuts-again]", LIMIT).unwrap();
    assert_eq!(desktop.line(LIMIT).unwrap(), ASKED);
    windows.says(NOTE, "Your desktop keeps these keys", LIMIT).unwrap();
    windows.says(RECORD, "ALT", LIMIT).unwrap();
    desktop.change("record", "Super+F9").unwrap();
    windows.says(RECORD, "F9", LIMIT).unwrap();

    desktop.press("record").unwrap();
    let recorded = |state: &str| {
        let is_it = |list: &Value| list["recordings"][0]["state"]["kind"] == state;
        wait::until(&format!("a recording that is {state}"), LIMIT, || {
            let list = ask_json(&session.home, None, &["list", "--json"])?;
            Ok(is_it(&list).then(|| list["recordings"][0].clone()))
        })
        .unwrap()
    };
    recorded("recording");
    wait::pass("the recording", Duration::from_secs(4)).unwrap();
    desktop.press("record").unwrap();
    let file = PathBuf::from(recorded("done")["file"].as_str().unwrap());
    let reading = read_file(&file, (1280, 720)).unwrap();
    // What a busy machine leaves out, others judge: it is the first key to the second that counts here.
    reading.hold(2.0..=8.0, NUMBERS, 0.5).unwrap();

    // The program behind the portal ends, is there again and hangs, ends, gives nothing, ends.
    desktop.kill().unwrap();
    windows.says(NOTE, "gives programs no shortcuts", LIMIT).unwrap();
    desktop.start_again("hang").unwrap();
    assert_eq!(desktop.line(LIMIT).unwrap(), "hangs");
    desktop.start_again("give-none").unwrap();
    assert_eq!(desktop.line(LIMIT).unwrap(), ASKED);
    windows.says(NOTE, "gives programs no shortcuts", LIMIT).unwrap();
    desktop.start_again("give").unwrap();
    windows.says(NOTE, "Your desktop keeps these keys", LIMIT).unwrap();
    desktop.press("quick-menu").unwrap();
    windows.enter_window_at("windows/quick", LIMIT).unwrap();
}
