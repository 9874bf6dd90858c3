//! The first start: the welcome makes a first recording by the keys, gives way to the library, and is
//! never seen again. And what a person can copy for others holds nothing of theirs.

use std::time::Duration;

use serde_json::json;
use snaplark_tests::browser::Browser;
use snaplark_tests::demonstration::Demonstration;
use snaplark_tests::home::Home;
use snaplark_tests::process::program;
use snaplark_tests::recorder::ask_json;
use snaplark_tests::wait;
use snaplark_tests::webdriver::Session;

use crate::{SOON, pictures};

const TITLE: &str = "Salaries of the board";
const NEXT: &str = "[data-testid=welcome-next]";
const TRIAL: &str = "[data-testid=trial]";
/// The time limit from the second key to the recording's result.
const MADE: Duration = Duration::from_secs(60);

#[test]
fn welcome_window_opens_on_the_first_start_only() {
    let folder = pictures("welcome");
    let shown = Demonstration::begin_driven_with(Home::new().unwrap(), &folder, &[]).unwrap();
    let windows = &shown.windows().unwrap().session;
    let picture = |name: &str| {
        let file = folder.join(format!("{name}.png"));
        shown.desk.display.picture(&shown.desk.home, &file, None).unwrap();
    };
    windows.enter_window_at("welcome", SOON).unwrap();
    windows.says("[data-testid=welcome-abilities]", "ready to record", SOON).unwrap();
    picture("hello");
    windows.press(NEXT, SOON).unwrap();
    // Asked for, and on unless it is declined.
    windows.find("[data-testid=microphone-on]:checked", SOON).unwrap();
    picture("microphone");
    windows.press(NEXT, SOON).unwrap();
    windows.says("main", "without signing in", SOON).unwrap();
    picture("destination");
    windows.press(NEXT, SOON).unwrap();
    windows.says(TRIAL, "to record this screen", SOON).unwrap();

    shown.start_recording().unwrap();
    windows.says(TRIAL, "again to stop", SOON).unwrap();
    picture("trial");
    wait::pass("the recording", Duration::from_secs(3)).unwrap();
    shown.desk.display.press(&shown.desk.home, &shown.record_keys).unwrap();
    windows.says(TRIAL, "It works", MADE).unwrap();
    picture("made");
    windows.press(NEXT, SOON).unwrap();
    windows.enter_window_at("library", SOON).unwrap();
    assert!(!is_there(windows, "welcome"));
    windows.enter_window_at("library", SOON).unwrap();

    // What a person copies for others, and the log that is in it.
    let home = &shown.desk.home;
    let listed = ask_json(home, None, &["list", "--json"]).unwrap();
    let id = listed["recordings"][0]["id"].as_str().unwrap().to_owned();
    let rename =
        "window.__TAURI_INTERNALS__.invoke('rename', {id: arguments[0], title: arguments[1]});";
    windows.run(rename, &[json!(id), json!(TITLE)]).unwrap();
    windows.says("main", TITLE, SOON).unwrap();
    windows.press("[data-testid=open-settings]", SOON).unwrap();
    windows.enter_window_at("settings", SOON).unwrap();
    windows.press("[data-testid=copy-diagnostics]", SOON).unwrap();
    windows.says("[data-testid=copy-diagnostics]", "Copied", SOON).unwrap();
    picture("settings");
    let copied = shown.desk.display.clipboard(home).unwrap().unwrap();
    for secret in [TITLE, &id, &home.path().display().to_string()] {
        assert!(!copied.contains(secret), "the diagnostics hold '{secret}':\n{copied}");
    }
    assert!(copied.contains("this computer") && copied.contains("1 done"), "{copied}");

    let desk = shown.without_app();
    let program = program("snaplark-desktop").unwrap();
    let again = Browser::app(&desk.home, &program, &[]).unwrap();
    again.session.enter_window_at("library", SOON).unwrap();
    assert!(!is_there(&again.session, "welcome"));
}

fn is_there(windows: &Session, page: &str) -> bool {
    windows.windows().unwrap().iter().any(|window| {
        windows.enter(window).unwrap();
        windows.run("return location.href;", &[]).unwrap().as_str().unwrap().contains(page)
    })
}
