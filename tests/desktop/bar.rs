//! The recorder bar, pressed as a person presses it.

use std::time::Duration;

use serde_json::json;
use snaplark_store::Store;
use snaplark_tests::demonstration::Demonstration;
use snaplark_tests::display::Window;
use snaplark_tests::home::Home;
use snaplark_tests::process::output;
use snaplark_tests::recorder::{ask_json, snaplark};
use snaplark_tests::tray::Tray;
use snaplark_tests::wait;

use crate::{SHOW, SOON, pictures};

const BAR: &str = "[data-testid=bar]";

fn is_bar(window: &Window) -> bool {
    window.name.contains("bar")
}

fn picture(shown: &Demonstration, name: &str) {
    let file = pictures("bar").join(format!("{name}.png"));
    let bar = shown.window("the bar", is_bar).unwrap();
    shown.desk.display.picture(&shown.desk.home, &file, Some(bar.at)).unwrap();
}

#[test]
fn recorder_bar_pauses_mutes_stops_and_keeps_its_position_after_a_drag() {
    let home = Home::new().unwrap();
    for (name, value) in [("microphone", "default"), ("countdown", "3")] {
        output(snaplark(&home, None, &["settings", name, value]).unwrap(), SHOW).unwrap();
    }
    // With one display it would hide from the picture.
    let store = Store::open(home.snaplark()).unwrap();
    store.set_setting("desktop", r#"{"barInRecordings":true}"#).unwrap();
    drop(store);
    let shown = Demonstration::begin_driven(home, &pictures("bar")).unwrap();
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let windows = &shown.windows().unwrap().session;
    display.press(home, &shown.record_keys).unwrap();
    windows.enter_window_at("windows/bar", SOON).unwrap();
    windows.find("[data-testid=bar-count]", SOON).unwrap();
    shown.window("the bar", is_bar).unwrap();
    picture(&shown, "counting");
    windows.says(BAR, "0:0", SOON).unwrap();
    let bar = shown.window("the bar", is_bar).unwrap();
    display.settled("the bar to be drawn", bar.at, None, SOON).ok();
    picture(&shown, "recording");

    let state = |wanted: &str| {
        let script = "return document.querySelector('[data-testid=bar]').dataset.kind;";
        wait::until(&format!("the bar to say {wanted}"), SOON, || {
            Ok((windows.run(script, &[])? == wanted).then_some(()))
        })
        .unwrap();
    };
    windows.press("[data-testid=bar-pause]", SOON).unwrap();
    state("paused");
    picture(&shown, "paused");
    windows.press("[data-testid=bar-pause]", SOON).unwrap();
    state("recording");
    windows.press("[data-testid=bar-mute]", SOON).unwrap();
    windows.find("[data-testid=bar-mute][aria-pressed=true]", SOON).unwrap();
    picture(&shown, "muted");
    // The shortcut and the command line do the same.
    display.press(home, "alt+m").unwrap();
    windows.find("[data-testid=bar-mute][aria-pressed=false]", SOON).unwrap();
    assert_eq!(ask_json(home, None, &["mute", "--json"]).unwrap()["muted"], true);
    windows.find("[data-testid=bar-mute][aria-pressed=true]", SOON).unwrap();

    // The last seconds go, by the bar and by the keys, and it says whether they had left.
    const STRUCK: &str = "[data-testid=bar-struck]";
    windows.press("[data-testid=bar-strike]", SOON).unwrap();
    windows.says(STRUCK, "removed", SOON).unwrap();
    picture(&shown, "struck");
    display.press(home, "alt+z").unwrap();
    windows.says("[data-testid=bar-time]", "0:00", SOON).unwrap();
    // The bar is as wide as before when that was said for a while.
    windows.gone(STRUCK, 2 * SOON).unwrap();

    let before = shown.window("the bar", is_bar).unwrap().at;
    let grip = (before.x + 60, before.y + before.height.cast_signed() / 2);
    // A click moves nothing, and the bar doesn't stick to the pointer afterwards.
    display.drag(home, grip, grip).unwrap();
    display.point(home, (grip.0 + 30, grip.1 - 200)).unwrap();
    wait::pass("the bar to stick to the pointer", Duration::from_millis(500)).unwrap();
    assert_eq!(shown.window("the bar", is_bar).unwrap().at, before);
    display.hold(home, grip).unwrap();
    // It follows the pointer when its page has heard of the press, and not before.
    let mut moved = 0;
    wait::until("the bar to follow the pointer", SOON, || {
        moved += 5;
        display.point(home, (grip.0 - moved % 100, grip.1 - 20 - moved % 100))?;
        Ok((shown.window("the bar", is_bar)?.at.y < before.y - 10).then_some(()))
    })
    .unwrap();
    display.point(home, (grip.0 - 100, grip.1 - 300)).unwrap();
    display.let_go(home).unwrap();
    let dragged = wait::until("the bar to be where it was dragged to", SOON, || {
        let at = shown.window("the bar", is_bar)?.at;
        Ok((at.y <= before.y - 250).then_some(at))
    })
    .unwrap();
    windows.press("[data-testid=bar-restart]", SOON).unwrap();
    windows.says("[data-testid=bar-question]", "restart", SOON).unwrap();
    picture(&shown, "asks");
    windows.press("[data-testid=bar-keep]", SOON).unwrap();
    windows.gone("[data-testid=bar-question]", SOON).unwrap();
    windows.press("[data-testid=bar-stop]", SOON).unwrap();
    shown.no_window("the bar to go", is_bar).unwrap();

    display.press(home, &shown.record_keys).unwrap();
    windows.says(BAR, "0:0", SOON).unwrap();
    let again = shown.window("the bar", is_bar).unwrap().at;
    assert!((again.y - dragged.y).abs() <= 2, "{again:?} after {dragged:?}");
    // WebKit's driver waits for a click to be painted, which a window that hides never does.
    let click = |name: &str| {
        let script = "const one = document.querySelector(`[data-testid=${arguments[0]}]`);
            setTimeout(() => one.click());";
        windows.run(script, &[json!(name)]).unwrap();
    };
    click("bar-hide");
    shown.no_window("the bar to be hidden", is_bar).unwrap();
    Tray::of(home).unwrap().press(&["Show recorder bar"]).unwrap();
    shown.window("the bar again", is_bar).unwrap();

    // Deleted, once one is sure.
    windows.press("[data-testid=bar-cancel]", SOON).unwrap();
    windows.says("[data-testid=bar-question]", "Discard this recording?", SOON).unwrap();
    click("bar-answer");
    shown.no_window("the bar to go", is_bar).unwrap();
    wait::until("the first recording to be the only one", SOON, || {
        let listed = ask_json(home, None, &["list", "--json"])?;
        Ok((listed["recordings"].as_array().map(Vec::len) == Some(1)).then_some(()))
    })
    .unwrap();
}
