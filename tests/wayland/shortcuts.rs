//! The app on a Wayland desktop that gives it shortcuts, or doesn't: what it asks for, what it shows
//! of the answer, and what it does when a key is pressed.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use snaplark_tests::browser::Browser;
use snaplark_tests::numbers::read_file;
use snaplark_tests::process::{command, finish, program};
use snaplark_tests::recorder::ask_json;
use snaplark_tests::shortcuts::Shortcuts;
use snaplark_tests::wait;
use snaplark_tests::wayland::Session;

use crate::{LIMIT, NUMBERS};

const ASKED: &str = "asked record=ALT+r choose-area=ALT+a microphone=ALT+m webcam=ALT+w quick-menu=ALT+q pause=ALT+p share-last=ALT+l library= screenshot=ALT+s strike=ALT+z";
const NOTE: &str = "[data-testid=shortcuts-note]";
const RECORD: &str = "[data-testid=shortcut-record]";
const MENU: &str = "[data-testid=shortcut-quickMenu]";

/// One session for the whole story: a compositor without a graphics card takes its time to start.
#[test]
fn portal_shortcuts_are_bound_and_the_app_follows_their_changes() {
    let session = Session::start(&["1280x720"], NUMBERS).unwrap();
    let mut desktop = Shortcuts::start(&session, "decline").unwrap();
    let program = program("snaplark-desktop").unwrap();
    let app = Browser::app(&session.home, &program, &[]).unwrap();
    let windows = &app.session;
    // By the page itself: the driver's own click misses in a window that is still given its size.
    let click = |selector: &str| {
        windows.find(selector, LIMIT).unwrap();
        let click = "document.querySelector(arguments[0]).click();";
        windows.run(click, &[json!(selector)]).unwrap();
    };
    assert_eq!(desktop.line(LIMIT).unwrap(), ASKED);

    // A no, which the first run and the settings say with the commands that do the same.
    windows.enter_window_at("welcome", LIMIT).unwrap();
    windows.says("[data-testid=welcome-abilities]", "snaplark toggle", LIMIT).unwrap();
    click("[data-testid=welcome-skip]");
    windows.enter_window_at("library", LIMIT).unwrap();
    click("[data-testid=open-settings]");
    windows.enter_window_at("settings", LIMIT).unwrap();
    windows.says(NOTE, "You declined", LIMIT).unwrap();
    windows.says(RECORD, "snaplark toggle", LIMIT).unwrap();
    windows.says(MENU, "snaplark-desktop --quick-menu", LIMIT).unwrap();

    // A yes, when it is asked again; then other keys.
    desktop.give().unwrap();
    click("[data-testid=shortcuts-again]");
    assert_eq!(desktop.line(LIMIT).unwrap(), ASKED);
    windows.says(NOTE, "Your desktop manages these keys", LIMIT).unwrap();
    windows.says(RECORD, "ALT", LIMIT).unwrap();
    desktop.change("record", "Super+F9").unwrap();
    windows.says(RECORD, "F9", LIMIT).unwrap();

    desktop.press("record").unwrap();
    let recorded = |state: &str| {
        let is_it = |list: &Value| {
            let newest = &list["recordings"][0];
            newest["state"]["kind"] == state && newest["segments"].as_u64() > Some(0)
        };
        wait::until(&format!("a recording that is {state}"), LIMIT, || {
            let list = ask_json(&session.home, None, &["list", "--json"])?;
            Ok(is_it(&list).then(|| list["recordings"][0].clone()))
        })
        .unwrap()
    };
    recorded("recording");
    wait::pass("more of the recording", Duration::from_secs(2)).unwrap();
    desktop.press("record").unwrap();
    let copied = wait::until("the link on the clipboard", LIMIT, || {
        let mut xclip = command(&session.home, "xclip");
        xclip.args(["-selection", "clipboard", "-out"]);
        Ok(Some(finish(&mut xclip, LIMIT)?.stdout).filter(|text| !text.is_empty()))
    });
    windows.enter_window_at("windows/toast", LIMIT).unwrap();
    let corner = "return window.screenX + window.outerWidth === 1280
        && window.screenY + window.outerHeight === 720 && window.outerHeight > 60;";
    windows.until("the toast in the corner", LIMIT, corner).unwrap();
    windows.enter_window_at("settings", LIMIT).unwrap();
    let done = recorded("done");
    assert_eq!(copied.unwrap(), done["link"].as_str().unwrap());
    let file = PathBuf::from(done["file"].as_str().unwrap());
    let reading = read_file(&file, (1280, 720)).unwrap();
    // What a busy machine leaves out, others judge: it is the first key to the second that counts here.
    reading.hold(2.0..=20.0, NUMBERS, 0.9).unwrap();

    // The program behind the portal ends, is there again and hangs, ends, gives nothing, ends.
    desktop.kill().unwrap();
    windows.says(NOTE, "can't register shortcuts", LIMIT).unwrap();
    desktop.start_again("hang").unwrap();
    assert_eq!(desktop.line(LIMIT).unwrap(), "hangs");
    desktop.start_again("give-none").unwrap();
    assert_eq!(desktop.line(LIMIT).unwrap(), ASKED);
    windows.says(NOTE, "can't register shortcuts", LIMIT).unwrap();
    desktop.start_again("give").unwrap();
    windows.says(NOTE, "Your desktop manages these keys", LIMIT).unwrap();
    desktop.press("quick-menu").unwrap();
    windows.enter_window_at("windows/quick", LIMIT).unwrap();
    windows.until("the menu to hear keys", LIMIT, "return document.hasFocus();").unwrap();
}
