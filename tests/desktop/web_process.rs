//! Web processes that hang or are killed: their windows are loaded again and answer, and a recording
//! can be stopped all the while.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use snaplark_store::Store;
use snaplark_tests::demonstration::{Demonstration, SIZE};
use snaplark_tests::display::{Rectangle, Window};
use snaplark_tests::home::Home;
use snaplark_tests::process::{command, output, program};
use snaplark_tests::recorder::ask_json;
use snaplark_tests::tray::Tray;
use snaplark_tests::wait;

use crate::{SHOW, pictures};

/// A hung process is noticed within 16 s; then its windows are loaded on a busy machine.
const BACK: Duration = Duration::from_secs(60);

/// The bar's "Stop" with the margin beside it.
const STOP_WIDTH: u32 = 78;

/// The web processes of this home's app.
fn web_processes(home: &Home) -> BTreeSet<i32> {
    let folder = home.path().to_str().unwrap().as_bytes();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id: &i32| {
        let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        let lives = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        name.starts_with("WebKitWeb") && lives.windows(folder.len()).any(|part| part == folder)
    })
    .collect()
}

fn signal_all(home: &Home, signal: Signal) -> BTreeSet<i32> {
    let all = web_processes(home);
    assert!(!all.is_empty());
    for id in &all {
        kill_process(Pid::from_raw(*id).unwrap(), signal).unwrap();
    }
    all
}

/// Stops or kills all of them, and waits until others are there.
fn replace(home: &Home, signal: Signal) {
    let before = signal_all(home, signal);
    wait::until("other web processes", BACK, || {
        let now = web_processes(home);
        Ok((!now.is_empty() && now.is_disjoint(&before)).then_some(()))
    })
    .unwrap();
}

fn begin(home: Home, args: &[&str], folder: &str) -> Demonstration {
    let store = Store::open(home.snaplark()).unwrap();
    // With one display the bar would hide from the picture.
    store.set_setting("desktop", r#"{"barInRecordings":true}"#).unwrap();
    drop(store);
    Demonstration::begin_driven_with(home, &pictures(folder), args).unwrap()
}

fn covers(window: &Window) -> bool {
    (window.at.width, window.at.height) == SIZE
}

/// Waits until the newest recording is one that has ended.
fn ended(home: &Home) {
    wait::until("the recording's end", SHOW, || {
        let list = ask_json(home, None, &["list", "--json"])?;
        let newest = &list["recordings"][0];
        let runs = newest["state"]["kind"] == "recording" || newest["file"].is_null();
        Ok((!newest.is_null() && !runs).then_some(()))
    })
    .unwrap();
}

/// Presses a key until that is so: a page that just loads hears none. Asked of the display alone: the
/// driver waits for answers of processes that are gone.
fn press_until(shown: &Demonstration, key: &str, what: &str, holds: impl Fn() -> bool) {
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    wait::until(what, BACK, || {
        display.press(home, key)?;
        wait::pass("the key's effect", Duration::from_millis(500))?;
        Ok(holds().then_some(()))
    })
    .unwrap();
}

fn shows(shown: &Demonstration, is_it: impl Fn(&Window) -> bool) -> bool {
    shown.desk.display.windows(&shown.desk.home, "snaplark").unwrap().iter().any(is_it)
}

/// Runs without WebDriver, because WebKit's driver waits for the answers of processes that are gone.
#[test]
fn chooser_recovers_after_its_web_process_hangs_or_is_killed() {
    let shown = Demonstration::begin(Home::new().unwrap(), &pictures("web-process")).unwrap();
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    for signal in [Signal::STOP, Signal::KILL] {
        display.press(home, "alt+a").unwrap();
        shown.window("the chooser", covers).unwrap();
        replace(home, signal);
        press_until(&shown, "Escape", "the chooser to hear Escape", || !shows(&shown, covers));
    }
}

#[test]
fn library_and_settings_restore_their_content_after_their_web_processes_are_killed() {
    let shown = Demonstration::begin(Home::new().unwrap(), &pictures("web-process")).unwrap();
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let library = shown.open_library().unwrap();
    shows_again_after_a_kill(&shown, library.at);

    let mut open = command(home, program("snaplark-desktop").unwrap());
    open.arg("snaplark://account");
    output(open, SHOW).unwrap();
    let settings = shown
        .window("the settings", |window| window.at.width > 300 && window.id != library.id)
        .unwrap();
    display.settled("the settings to be drawn", settings.at, None, SHOW).unwrap();
    shows_again_after_a_kill(&shown, settings.at);
}

/// All web processes, and what is seen at that place comes back to the pixel.
fn shows_again_after_a_kill(shown: &Demonstration, at: Rectangle) {
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let drawn = display.pixels(at).unwrap();
    let killed = signal_all(home, Signal::KILL);
    wait::until("the window as it was", BACK, || {
        let now = web_processes(home);
        let is_new = !now.is_empty() && now.is_disjoint(&killed);
        Ok((is_new && display.pixels(at)? == drawn).then_some(()))
    })
    .unwrap_or_else(|error| {
        let file = pictures("web-process").join("gone.png");
        display.picture(home, &file, None).unwrap();
        panic!("{error:#}")
    });
}

/// Neither needs a page.
#[test]
fn shortcut_and_tray_stop_a_recording_while_all_web_processes_hang() {
    let shown = begin(Home::new().unwrap(), &["--hidden"], "web-process");
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    shown.start_recording().unwrap();
    wait::pass("a segment", Duration::from_secs(3)).unwrap();
    signal_all(home, Signal::STOP);
    display.press(home, &shown.record_keys).unwrap();
    ended(home);

    display.press(home, &shown.record_keys).unwrap();
    let tray = Tray::of(home).unwrap();
    wait::until("the tray to record", SHOW, || Ok(tray.find(&["Stop recording"]).ok())).unwrap();
    wait::pass("a segment", Duration::from_secs(3)).unwrap();
    signal_all(home, Signal::STOP);
    tray.press(&["Stop recording"]).unwrap();
    ended(home);
    let list = ask_json(home, None, &["list", "--json"]).unwrap();
    assert_eq!(list["recordings"].as_array().unwrap().len(), 2, "{list}");
}

#[test]
fn bar_stops_the_recording_after_its_web_process_was_killed() {
    let shown = begin(Home::new().unwrap(), &["--hidden"], "web-process");
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    shown.start_recording().unwrap();
    let is_bar = |window: &Window| window.name.contains("bar");
    shown.window("the bar", is_bar).unwrap();
    wait::pass("a segment", Duration::from_secs(3)).unwrap();
    let whole = shown.window("the bar", is_bar).unwrap().at.width;
    replace(home, Signal::KILL);
    // "Stop" is at the bar's right end, when the window is as wide as its page again. A page that is
    // still loading doesn't notice clicks.
    wait::until("the bar's Stop to end the recording", BACK, || {
        let list = ask_json(home, None, &["list", "--json"])?;
        if list["recordings"][0]["state"]["kind"] != "recording" {
            return Ok(Some(()));
        }
        let windows = display.windows(home, "snaplark")?;
        let bar = windows.into_iter().find(is_bar);
        if let Some(Window { at, .. }) =
            bar.filter(|bar| bar.at.width.abs_diff(whole) < STOP_WIDTH / 2)
        {
            let x = at.x + (at.width - STOP_WIDTH / 2).cast_signed();
            let stop = (x, at.y + at.height.cast_signed() / 2);
            display.drag(home, stop, stop)?;
        }
        wait::pass("the click's effect", Duration::from_millis(500))?;
        Ok(None)
    })
    .unwrap();
    ended(home);
}
