//! Web processes that die or hang: every window is loaded again and shows what it showed, and a
//! recording can be stopped all the while.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use snaplark_store::Store;
use snaplark_tests::demonstration::{Demonstration, SIZE};
use snaplark_tests::display::Window;
use snaplark_tests::home::Home;
use snaplark_tests::recorder::ask_json;
use snaplark_tests::tray::Tray;
use snaplark_tests::wait;
use snaplark_tests::webdriver::Session;

use crate::{SHOW, SOON, pictures};

/// A hung process is noticed within 16 s; then its windows are loaded on a busy machine.
const BACK: Duration = Duration::from_secs(60);
const AT_S: f64 = 2.0;

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

/// Kills or stops all of them, and waits until others are there.
fn replace(home: &Home, signal: Signal) {
    let before = signal_all(home, signal);
    wait::until("other web processes", BACK, || {
        let now = web_processes(home);
        Ok((!now.is_empty() && now.is_disjoint(&before)).then_some(()))
    })
    .unwrap();
}

/// Waits until the page at `part` returns something else than false or null. A page that just loads
/// has no answers.
fn page(windows: &Session, part: &str, what: &str, script: &str) -> Value {
    let limit = Duration::from_millis(1);
    wait::until(&format!("{what} in {part}"), BACK, || {
        let answer = windows.enter_window_at(part, limit).and_then(|()| windows.run(script, &[]));
        Ok(answer.ok().filter(|value| !value.is_null() && *value != json!(false)))
    })
    .unwrap_or_else(|error| {
        let said = "return document.body?.innerText;";
        let said = windows.enter_window_at(part, SOON).and_then(|()| windows.run(said, &[]));
        panic!("{error:#}; it says {said:?}")
    })
}

fn begin(home: Home, args: &[&str], folder: &str) -> Demonstration {
    let store = Store::open(home.snaplark()).unwrap();
    // With one display the bar would hide from the picture.
    store.set_setting("desktop", r#"{"barInRecordings":true}"#).unwrap();
    drop(store);
    Demonstration::begin_driven_with(home, &pictures(folder), args).unwrap()
}

fn picture(shown: &Demonstration, name: &str) {
    let file = pictures("web-process").join(format!("{name}.png"));
    shown.desk.display.picture(&shown.desk.home, &file, None).unwrap();
}

fn is_bar(window: &Window) -> bool {
    window.name.contains("bar")
}

fn covers(window: &Window) -> bool {
    (window.at.width, window.at.height) == SIZE
}

fn is_menu(window: &Window) -> bool {
    window.name.contains("menu")
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

fn library_and_settings_come_back(signal: Signal) {
    let shown = begin(Home::new().unwrap(), &["--hidden"], "web-process");
    let home = &shown.desk.home;
    let windows = &shown.windows().unwrap().session;
    shown.start_recording().unwrap();
    wait::pass("the recording", Duration::from_secs(4)).unwrap();
    shown.stop_recording().unwrap();
    shown.open_library().unwrap();
    windows.enter_window_at("library", SOON).unwrap();
    windows.press("[data-testid=open-settings]", SOON).unwrap();
    page(windows, "settings", "the settings", "return document.querySelector('#sound') !== null;");
    let press = "document.querySelector('nav a[href=\"#sound\"]').click(); return true;";
    page(windows, "settings", "the section", press);
    windows.enter_window_at("library", SOON).unwrap();
    windows.press("[data-testid=recording-open]", SOON).unwrap();
    let plays = "const v = document.querySelector('video');
        return v !== null && v.readyState >= 2 && v.currentTime > 0;";
    page(windows, "library", "the player", plays);
    let place = format!(
        "const v = document.querySelector('video'); v.pause(); v.currentTime = {AT_S}; return true;"
    );
    page(windows, "library", "the place", &place);
    let kept = "return (sessionStorage.getItem('player-place') ?? '').endsWith(' 2');";
    page(windows, "library", "the place to be kept", kept);

    replace(home, signal);
    let there = format!(
        "const v = document.querySelector('video');
         return v !== null && v.readyState >= 2 && v.currentTime >= {AT_S};"
    );
    page(windows, "library", "the player where it was", &there);
    let section =
        "return document.querySelector('nav a[href=\"#sound\"]')?.ariaCurrent === 'true';";
    page(windows, "settings", "the section where it was", section);
    picture(&shown, "pages");
}

#[test]
fn library_and_settings_show_the_same_again_when_their_web_processes_die() {
    library_and_settings_come_back(Signal::KILL);
}

#[test]
fn library_and_settings_show_the_same_again_when_their_web_processes_hang() {
    library_and_settings_come_back(Signal::STOP);
}

#[test]
fn welcome_shows_the_same_page_again_when_its_web_process_dies_or_hangs() {
    let shown = begin(Home::new().unwrap(), &[], "web-process");
    let windows = &shown.windows().unwrap().session;
    let title = "return document.querySelector('h1')?.innerText;";
    let first = page(windows, "welcome", "the first page", title);
    windows.enter_window_at("welcome", SOON).unwrap();
    windows.press("[data-testid=welcome-next]", SOON).unwrap();
    let second = "return document.querySelector('[data-testid=microphone-on]') !== null
        && document.querySelector('h1').innerText;";
    let second = page(windows, "welcome", "the second page", second);
    assert_ne!(first, second);
    for signal in [Signal::KILL, Signal::STOP] {
        replace(&shown.desk.home, signal);
        let same = format!("return document.querySelector('h1')?.innerText === {second};");
        page(windows, "welcome", "the same page", &same);
    }
}

fn small_windows_come_back(signal: Signal) {
    let shown = begin(Home::new().unwrap(), &["--hidden"], "web-process");
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let windows = &shown.windows().unwrap().session;
    display.press(home, "alt+a").unwrap();
    shown.window("the chooser", covers).unwrap();
    page(
        windows,
        "windows/chooser",
        "the chooser",
        "return document.querySelector('[data-testid=stage]') !== null;",
    );
    replace(home, signal);
    page(
        windows,
        "windows/chooser",
        "the chooser",
        "return document.querySelector('[data-testid=stage]') !== null;",
    );
    shown.window("the chooser again", covers).unwrap();
    picture(&shown, "chooser");
    display.press(home, "Escape").unwrap();
    shown.no_window("the chooser to go", covers).unwrap();

    display.point(home, (640, 300)).unwrap();
    display.press(home, "alt+q").unwrap();
    shown.window("the quick menu", is_menu).unwrap();
    replace(home, signal);
    let marked = "return document.querySelector('.deed.marked')?.dataset.testid ?? null;";
    assert_eq!(page(windows, "windows/quick", "the quick menu", marked), json!("deed-record"));
    shown.window("the quick menu again", is_menu).unwrap();
    picture(&shown, "quick");
    display.press(home, "Escape").unwrap();
    shown.no_window("the quick menu to go", is_menu).unwrap();

    // The bar that came back stops.
    shown.start_recording().unwrap();
    shown.window("the bar", is_bar).unwrap();
    replace(home, signal);
    let counts = "return document.querySelector('[data-testid=bar]')?.dataset.kind === 'recording'
        && document.querySelector('[data-testid=bar-stop]') !== null;";
    page(windows, "windows/bar", "the bar", counts);
    shown.window("the bar again", is_bar).unwrap();
    picture(&shown, "bar");
    let stop = "setTimeout(() => document.querySelector('[data-testid=bar-stop]').click());
        return true;";
    page(windows, "windows/bar", "Stop", stop);
    ended(home);

    let toast = shown.toast().unwrap().at;
    let on_it = (toast.x + toast.width.cast_signed() / 2, toast.y + toast.height.cast_signed() / 2);
    display.point(home, on_it).unwrap();
    let copied = "return document.querySelector('[data-testid=toast]')?.innerText
        .includes('Link copied');";
    page(windows, "windows/toast", "the toast", copied);
    replace(home, signal);
    page(windows, "windows/toast", "the same toast", copied);
    shown.toast().unwrap();
    picture(&shown, "toast");
}

#[test]
fn chooser_quick_menu_bar_and_toast_show_the_same_again_when_their_web_process_dies() {
    small_windows_come_back(Signal::KILL);
}

#[test]
fn chooser_quick_menu_bar_and_toast_show_the_same_again_when_their_web_process_hangs() {
    small_windows_come_back(Signal::STOP);
}

/// Neither needs a page.
#[test]
fn key_and_tray_stop_a_recording_while_every_web_process_hangs() {
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
