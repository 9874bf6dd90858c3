//! The chosen theme on a desktop with another one: every window that is made asks the desktop, and
//! none may turn the others.

use serde_json::json;
use snaplark_tests::browser::Browser;
use snaplark_tests::demonstration::{Demonstration, SIZE};
use snaplark_tests::desk::Desk;
use snaplark_tests::display::Window;
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, program};
use snaplark_tests::wait;
use snaplark_tests::webdriver::Session;

use crate::{SHOW, SOON, pictures};

/// A desk whose desktop prefers this theme, and the portal that says so.
fn desk(scheme: &str) -> (Desk, Process) {
    let desk = Desk::start(Home::new().unwrap(), SIZE.0, SIZE.1).unwrap();
    let mut portal = command(&desk.home, program("stand-in-settings").unwrap());
    portal.arg(scheme);
    let mut portal = Process::start(&desk.home, "stand-in-settings", portal).unwrap();
    assert_eq!(portal.line(SHOW).unwrap().trim(), "ready");
    (desk, portal)
}

fn choose(settings: &Session, theme: &str) {
    let change = "window.__TAURI_INTERNALS__.invoke('change_settings', {change: arguments[0]});";
    settings.run(change, &[json!({ "desktop": { "theme": theme } })]).unwrap();
}

fn is_dark(windows: &Session) -> bool {
    let script = "return matchMedia('(prefers-color-scheme: dark)').matches;";
    windows.run(script, &[]).unwrap() == json!(true)
}

fn until_dark(windows: &Session, dark: bool, what: &str) {
    wait::until(what, SOON, || Ok((is_dark(windows) == dark).then_some(()))).unwrap();
}

fn open_settings(windows: &Session) {
    windows.enter_window_at("library", SOON).unwrap();
    windows.shown(SOON).unwrap();
    windows.press("[data-testid=open-settings]", SOON).unwrap();
    windows.enter_window_at("settings", SOON).unwrap();
}

#[test]
fn dark_theme_survives_new_windows_and_a_restart() {
    let (desk, _portal) = desk("light");
    let shown = Demonstration::begin_driven_on(desk, &pictures("theme")).unwrap();
    let windows = &shown.windows().unwrap().session;
    shown.open_library().unwrap();
    open_settings(windows);
    choose(windows, "dark");
    until_dark(windows, true, "the settings to be dark");

    let is_menu = |window: &Window| window.name.contains("menu");
    shown.desk.display.press(&shown.desk.home, "alt+q").unwrap();
    shown.window("the quick menu", is_menu).unwrap();
    windows.enter_window_at("windows/quick", SOON).unwrap();
    until_dark(windows, true, "the quick menu to be dark");
    windows.enter_window_at("library", SOON).unwrap();
    assert!(is_dark(windows), "the library turned light when the quick menu opened");

    let desk = shown.without_app();
    let program = program("snaplark-desktop").unwrap();
    let again = Browser::app(&desk.home, &program, &[]).unwrap();
    let windows = &again.session;
    // It was only ever started hidden before.
    windows.enter_window_at("welcome", SOON).unwrap();
    until_dark(windows, true, "the welcome to be dark after a restart");
    windows.run("window.__TAURI_INTERNALS__.invoke('leave_welcome');", &[]).unwrap();
    open_settings(windows);
    until_dark(windows, true, "the settings to be dark after a restart");
}

#[test]
fn system_theme_follows_the_desktop_as_soon_as_it_is_selected() {
    let (desk, _portal) = desk("dark");
    let shown = Demonstration::begin_driven_on(desk, &pictures("theme")).unwrap();
    let windows = &shown.windows().unwrap().session;
    shown.open_library().unwrap();
    open_settings(windows);
    until_dark(windows, true, "the settings to be as dark as the desktop");
    choose(windows, "light");
    until_dark(windows, false, "the settings to be light");
    choose(windows, "system");
    until_dark(windows, true, "the settings to be as dark as the desktop again");
}
