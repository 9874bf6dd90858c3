//! The first hour of a person with Snaplark, in one go: the welcome, a recording with sound, its
//! player in the library, and its link. `cargo xtask soak installed` runs it with the programs of
//! the package on a machine that has nothing else.

use std::time::Duration;

use serde_json::json;
use snaplark_tests::demonstration::Demonstration;
use snaplark_tests::home::Home;
use snaplark_tests::wait;
use snaplark_tests::webdriver::Session;

use crate::{SOON, hold, pictures};

const NEXT: &str = "[data-testid=welcome-next]";
const TRIAL: &str = "[data-testid=trial]";
/// The time limit from the second key to the link, and from opening a recording to three seconds of it.
const MADE: Duration = Duration::from_secs(60);
const SECONDS: u64 = 6;

#[test]
fn first_hour_leads_from_welcome_to_a_link_that_plays() {
    let folder = pictures("first-hour");
    let shown = Demonstration::begin_driven_with(Home::new().unwrap(), &folder, &[]).unwrap();
    let windows = &shown.windows().unwrap().session;
    windows.enter_window_at("welcome", SOON).unwrap();
    wait::until("the welcome's last page", MADE, || {
        if is_there(windows, TRIAL)? {
            return Ok(Some(()));
        }
        windows.press(NEXT, SOON)?;
        Ok(None)
    })
    .unwrap();
    shown.start_recording().unwrap();
    wait::pass("the recording", Duration::from_secs(SECONDS)).unwrap();
    let shared = shown.stop_recording().unwrap();

    windows.enter_window_at("welcome", SOON).unwrap();
    windows.press(NEXT, MADE).unwrap();
    windows.enter_window_at("library", SOON).unwrap();
    windows.press("[data-testid=recording-open]", SOON).unwrap();
    windows
        .until(
            "three seconds of the recording",
            MADE,
            "const v = document.querySelector('video');
             return v !== null && v.error === null && v.videoWidth > 0 && v.currentTime > 3;",
        )
        .unwrap();
    let file = folder.join("player.png");
    shown.desk.display.picture(&shown.desk.home, &file, None).unwrap();
    hold(&shown.desk.home, &shared.file, &shared.link, shared.seconds.clone());
}

fn is_there(windows: &Session, selector: &str) -> anyhow::Result<bool> {
    let script = "return document.querySelector(arguments[0]) !== null;";
    Ok(windows.run(script, &[json!(selector)])? == json!(true))
}
