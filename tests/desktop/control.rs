//! Orders from the command line to the app in its tray: what a key is bound to where the desktop
//! gives programs none.

use std::time::Duration;

use snaplark_tests::demonstration::Demonstration;
use snaplark_tests::failure::hold as hold_failure;
use snaplark_tests::home::Home;
use snaplark_tests::process::{finish, output};
use snaplark_tests::recorder::{ask_json, snaplark};
use snaplark_tests::wait;

use crate::{SHOW, SOON, pictures};

#[test]
fn running_app_records_pauses_and_stops_by_command_line() {
    let shown = Demonstration::begin(Home::new().unwrap(), &pictures("control")).unwrap();
    let home = &shown.desk.home;
    let told = |order: &str| ask_json(home, None, &[order, "--json"]).unwrap();
    let started = told("toggle");
    assert_eq!(started["state"]["kind"], "recording", "{started}");
    wait::pass("a second of it", Duration::from_secs(1)).unwrap();
    assert_eq!(told("pause")["state"]["kind"], "paused");
    assert_eq!(told("pause")["state"]["kind"], "recording");
    wait::pass("another second", Duration::from_secs(1)).unwrap();

    let link = output(snaplark(home, None, &["stop"]).unwrap(), SHOW).unwrap();
    let link = link.trim();
    assert!(link.starts_with("http://127.0.0.1:"), "'{link}'");
    let copied =
        wait::until("the link on the clipboard", SOON, || shown.desk.display.clipboard(home));
    assert_eq!(copied.unwrap(), link);

    hold_failure(
        &finish(&mut snaplark(home, None, &["stop"]).unwrap(), SHOW).unwrap(),
        &["no recording is running"],
    );
    let before = ask_json(home, None, &["list", "--json"]).unwrap();
    told("start");
    output(snaplark(home, None, &["cancel", "--yes"]).unwrap(), SHOW).unwrap();
    wait::until("the cancelled recording to go", SOON, || {
        let after = ask_json(home, None, &["list", "--json"])?;
        let count = |list: &serde_json::Value| list["recordings"].as_array().map(Vec::len);
        Ok((count(&after) == count(&before)).then_some(()))
    })
    .unwrap();

    let desk = shown.without_app();
    let alone = finish(&mut snaplark(&desk.home, None, &["toggle"]).unwrap(), SHOW).unwrap();
    hold_failure(&alone, &["isn't running"]);
}

#[test]
fn running_app_applies_settings_and_sign_out_of_the_command_line() {
    let shown = Demonstration::begin(Home::new().unwrap(), &pictures("control")).unwrap();
    let home = &shown.desk.home;
    let set = ask_json(home, None, &["settings", "countdown", "0", "--json"]).unwrap();
    assert_eq!(set["settings"]["countdown"], 0, "{set}");
    ask_json(home, None, &["settings", "fps", "15", "--json"]).unwrap();
    let fps = output(snaplark(home, None, &["settings", "fps"]).unwrap(), SHOW).unwrap();
    assert_eq!(fps, "15\n");

    let left = ask_json(home, None, &["logout", "--json"]).unwrap();
    assert_eq!(left["account"], serde_json::Value::Null, "{left}");
    // What is recorded from now on has its link from this computer, as before any sign-in.
    wait::until("a recording with a link of this computer", SHOW, || {
        ask_json(home, None, &["start", "--json"])?;
        wait::pass("a second of it", Duration::from_secs(1))?;
        let stopped = ask_json(home, None, &["stop", "--json"])?;
        let link = stopped["link"].as_str().unwrap_or_default();
        Ok(link.starts_with("http://127.0.0.1:").then_some(()))
    })
    .unwrap();
}
