//! Uploads that fail: a server that refuses, a network that goes and comes, and an end before it
//! was all up. Each time it is said, nothing is lost, and the rest goes up, at the next login too.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use snaplark_tests::cloud::{Cloud, fetch};
use snaplark_tests::demonstration::Demonstration;
use snaplark_tests::display::Window;
use snaplark_tests::fault_proxy::{FaultProxy, Route, Turn};
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, program};
use snaplark_tests::recorder::ask_json;
use snaplark_tests::tray::{self, Tray};
use snaplark_tests::{media, wait};

use crate::{SHOW, SOON, pictures};

const REASON: &str = "Recordings are closed until Monday";
/// Parts are tried again after at most 16 s.
const SENT: Duration = Duration::from_secs(60);

fn is_question(window: &Window) -> bool {
    window.name == "Quit Snaplark?"
}

/// Returns the autostart entry.
fn login_entry(home: &Home) -> PathBuf {
    home.path().join(".config/autostart/Snaplark.desktop")
}

#[test]
fn unsent_recordings_are_shown_and_uploaded_after_the_next_login() {
    let mut home = Home::new().unwrap();
    let cloud = Cloud::start(&home).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = cloud.address.strip_prefix("http://").unwrap().parse().unwrap();
    let proxy = runtime.block_on(FaultProxy::start(server)).unwrap();
    home.set("SNAPLARK_SERVER", &proxy.url());
    home.set("SNAPLARK_TOKEN", &cloud.token);
    let shown = Demonstration::begin_driven(home, &pictures("unsent")).unwrap();
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let windows = &shown.windows().unwrap().session;
    let icon = Tray::of(home).unwrap();
    let picture = |name: &str| {
        let file = pictures("unsent").join(format!("{name}.png"));
        display.picture(home, &file, None).unwrap();
    };
    let newest = || ask_json(home, None, &["list", "--json"]).unwrap()["recordings"][0].clone();
    let record = || {
        shown.start_recording().unwrap();
        wait::pass("the recording", Duration::from_secs(2)).unwrap();
        display.press(home, &shown.record_keys).unwrap();
        windows.enter_window_at("toast", SOON).unwrap();
        format!("[data-testid=toast][data-recording='{}']", newest()["id"].as_str().unwrap())
    };

    // Started with the session, and files elsewhere, as the system's own dialog has it.
    icon.press(&["Settings…"]).unwrap();
    windows.enter_window_at("settings", SHOW).unwrap();
    windows.press("#start-at-login", SOON).unwrap();
    let exec = wait::until("the entry for logins", SOON, || {
        let Ok(entry) = fs::read_to_string(login_entry(home)) else { return Ok(None) };
        Ok(entry.lines().find_map(|line| line.strip_prefix("Exec=").map(str::to_owned)))
    })
    .unwrap();
    let folder = home.path().join("Videos of mine");
    fs::create_dir(&folder).unwrap();
    windows.press("#save-folder", SOON).unwrap();
    let is_dialog = |window: &Window| window.name == "Save recordings in";
    let dialog = shown.window("the folders' dialog", is_dialog).unwrap();
    display.settled("the folders' dialog to be drawn", dialog.at, None, SOON).unwrap();
    picture("folder");
    display.press(home, "ctrl+l").unwrap();
    display.write(home, folder.to_str().unwrap()).unwrap();
    display.settled("the folder to be found", dialog.at, None, SOON).unwrap();
    picture("folder-named");
    display.press(home, "Return").unwrap();
    shown.no_window("the folders' dialog to go", is_dialog).unwrap();
    windows.says("#save-folder-hint", "Videos of mine", SOON).unwrap();

    // The server says no, and why.
    let body = format!(r#"{{"success":false,"error":"closed","message":"{REASON}"}}"#);
    proxy.script(move |asked| match asked.route {
        Route::Init => {
            Turn::answer("403 Forbidden", &[("content-type", "application/json")], &body)
        }
        _ => Turn::Pass,
    });
    let toast = record();
    windows.says(&toast, "Upload refused", SENT).unwrap();
    windows.says(&toast, REASON, SOON).unwrap();
    picture("refused");
    icon.press(&["Open library"]).unwrap();
    windows.enter_window_at("library", SHOW).unwrap();
    windows.says("[data-testid=recording-state]", "Upload refused", SOON).unwrap();
    let why = format!(
        "return document.querySelector('[data-testid=recording-state]').title.includes('{REASON}');"
    );
    windows.until("the reason in the library", SOON, &why).unwrap();
    // It is still so: nothing has changed.
    windows.press("[data-testid=recording-retry]", SOON).unwrap();
    wait::until("another try", SENT, || Ok((proxy.count(&Route::Init) > 1).then_some(()))).unwrap();
    windows.says("[data-testid=recording-state]", "Upload refused", SOON).unwrap();
    proxy.script(|_| Turn::Pass);
    windows.enter_window_at("toast", SOON).unwrap();
    windows.press(&format!("{toast} [data-testid=toast-retry]"), SOON).unwrap();
    windows.says(&toast, "Link copied", SENT).unwrap();
    let link = display.clipboard(home).unwrap().unwrap();
    fetch(&link).unwrap();
    let file = newest()["file"].as_str().unwrap().to_owned();
    assert!(file.starts_with(folder.to_str().unwrap()), "{file}");

    // The network goes, and comes back.
    proxy.close();
    let toast = record();
    windows.says(&toast, "Offline, saved", SENT).unwrap();
    picture("offline");
    runtime.block_on(proxy.reopen()).unwrap();
    windows.says(&toast, "Link copied", SENT).unwrap();
    assert_ne!(display.clipboard(home).unwrap().unwrap(), link);

    // The end comes before it is back: not without a question.
    proxy.close();
    let toast = record();
    windows.says(&toast, "Offline, saved", SENT).unwrap();
    icon.press(&["Quit Snaplark"]).unwrap();
    let question = shown.window("the question", is_question).unwrap();
    display.settled("the question to be drawn", question.at, None, SOON).unwrap();
    picture("question");
    display.press(home, "Escape").unwrap();
    shown.no_window("the question to go", is_question).unwrap();
    icon.find(&["Quit Snaplark"]).unwrap();
    icon.press(&["Quit Snaplark"]).unwrap();
    let question = shown.window("the question again", is_question).unwrap();
    display.settled("the question to be drawn again", question.at, None, SOON).unwrap();
    display.press(home, "Return").unwrap();
    wait::until("the icon to go", SHOW, || {
        Ok(tray::is_empty(home)?.filter(|empty| *empty).map(drop))
    })
    .unwrap();
    let desk = shown.without_app();

    // The next login: no window comes, and what is left goes up by itself.
    runtime.block_on(proxy.reopen()).unwrap();
    let mut words = exec.split(' ');
    assert_eq!(words.next().unwrap(), program("snaplark-desktop").unwrap().to_str().unwrap());
    let mut start = command(&desk.home, program("snaplark-desktop").unwrap());
    start.args(words.filter(|word| !word.is_empty()));
    let _app = Process::start(&desk.home, "snaplark-desktop", start).unwrap();
    let last = wait::until("what was left to be up", SENT, || {
        let listed = ask_json(&desk.home, None, &["list", "--json"])?;
        let last = listed["recordings"][0].clone();
        Ok((last["state"]["kind"] == "done").then_some(last))
    })
    .unwrap();
    let video = format!("{}/video.webm", last["link"].as_str().unwrap());
    media::decode(&video).unwrap();
    let windows = desk.display.windows(&desk.home, "snaplark").unwrap();
    assert!(windows.iter().all(|window| window.at.height < 400), "{windows:?}");
}
