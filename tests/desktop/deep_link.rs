//! `snaplark://` addresses, through the desktop's own way of opening them and the program's own entry:
//! a recording is shown, and nothing is ever begun.

use std::fs;
use std::time::Duration;

use serde_json::json;
use snaplark_tests::demonstration::Demonstration;
use snaplark_tests::home::Home;
use snaplark_tests::process::{command, output, program};
use snaplark_tests::recorder::ask_json;
use snaplark_tests::wait;

use crate::{SHOW, SOON, pictures};

const ENTRY: &str = include_str!("../../src-tauri/snaplark.desktop");

/// Registers the link handler as the package does.
fn register(home: &Home) {
    let applications = home.path().join("data/applications");
    fs::create_dir_all(&applications).unwrap();
    let exec = program("snaplark-desktop").unwrap();
    let entry = ENTRY
        .replace("{{exec}}", exec.to_str().unwrap())
        .replace("{{name}}", "Snaplark")
        .replace("{{comment}}", "")
        .replace("{{icon}}", "snaplark");
    fs::write(applications.join("snaplark.desktop"), entry).unwrap();
    let mut default = command(home, "xdg-mime");
    default.args(["default", "snaplark.desktop", "x-scheme-handler/snaplark"]);
    output(default, SOON).unwrap();
}

/// Opens an address as a browser does.
fn open(home: &Home, address: &str) {
    let mut xdg_open = command(home, "xdg-open");
    xdg_open.arg(address);
    output(xdg_open, SOON).unwrap();
}

#[test]
fn deep_link_opens_a_recording_and_never_starts_one() {
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &pictures("deep-link")).unwrap();
    let home = &shown.desk.home;
    register(home);
    shown.start_recording().unwrap();
    wait::pass("the recording", Duration::from_secs(3)).unwrap();
    shown.stop_recording().unwrap();
    let listed = || ask_json(home, None, &["list", "--json"]).unwrap()["recordings"].clone();
    let id = listed()[0]["id"].as_str().unwrap().to_owned();

    let windows = &shown.windows().unwrap().session;
    let has_focus =
        format!("return document.activeElement.closest('[data-recording=\"{id}\"]') !== null;");
    // Once as the window is made for it, once as it is there already.
    for _ in 0..2 {
        open(home, &format!("snaplark://open/{id}"));
        windows.enter_window_at("library", SHOW).unwrap();
        windows.until("the recording to be shown", SOON, &has_focus).unwrap();
        windows.run("document.activeElement.blur();", &[]).unwrap();
    }
    for address in [
        "snaplark://record",
        "snaplark://start",
        "snaplark://sign-in?server=http://127.0.0.1:1",
        "snaplark://signed-in",
    ] {
        open(home, address);
    }
    // The last of them is heard when the library is asked to the front again: all were, by then.
    open(home, &format!("snaplark://open/{id}"));
    windows.until("the recording to be shown", SOON, &has_focus).unwrap();
    let now = windows
        .until("an answer", SOON, "return window.__TAURI_INTERNALS__.invoke('snapshot', {since: 0}).then((s) => [s.recorder.kind, s.account.kind]);")
        .unwrap();
    assert_eq!(now, json!(["idle", "this-computer"]));
    assert_eq!(listed().as_array().unwrap().len(), 1);
}
