//! The settings in their own window: what is chosen there is what happens from then on, also after
//! a restart.

use serde_json::json;
use snaplark_tests::demonstration::Demonstration;
use snaplark_tests::home::Home;
use snaplark_tests::process::output;
use snaplark_tests::recorder::snaplark;
use snaplark_tests::{media, wait};

use crate::{SHOW, SOON, pictures};

const KEYS: &str = "ctrl+shift+9";
const FIELD: &str = "[data-testid=shortcut-record]";

#[test]
fn keys_rate_and_theme_are_what_was_chosen() {
    let mut shown =
        Demonstration::begin_driven(Home::new().unwrap(), &pictures("settings")).unwrap();
    shown.open_library().unwrap();
    let windows = &shown.windows().unwrap().session;
    windows.enter_window_at("library", SOON).unwrap();
    windows.press("[data-testid=open-settings]", SOON).unwrap();
    windows.enter_window_at("settings", SOON).unwrap();
    windows.says("main", "Frame rate", SOON).unwrap();

    windows.press("input[value=dark]", SOON).unwrap();
    let dark = "return matchMedia('(prefers-color-scheme: dark)').matches;";
    windows.until("the dark", SOON, dark).unwrap();
    windows
        .run(
            "const rate = document.getElementById('fps');
             rate.value = '15'; rate.dispatchEvent(new Event('change', {bubbles: true}));",
            &[],
        )
        .unwrap();
    windows.press(FIELD, SOON).unwrap();
    windows.says(FIELD, "Press the keys", SOON).unwrap();
    shown.desk.display.press(&shown.desk.home, KEYS).unwrap();
    windows.says(FIELD, "9", SOON).unwrap();
    let trouble = windows.run("return document.querySelector('[data-testid=trouble]');", &[]);
    assert_eq!(trouble.unwrap(), json!(null), "nothing was refused");
    let picture = pictures("settings").join("settings.png");
    shown.desk.display.picture(&shown.desk.home, &picture, None).unwrap();

    shown.record_keys = KEYS.into();
    shown.start_recording().unwrap();
    wait::pass("the recording", std::time::Duration::from_secs(4)).unwrap();
    let file = shown.stop_recording().unwrap().file;
    let file = file.to_str().unwrap();
    let rate =
        f64::from(media::decode(file).unwrap()) / media::probe(file).unwrap().duration_s.unwrap();
    assert!(
        (9.0..=16.0).contains(&rate),
        "{rate} frames a second of a screen that changes as often"
    );

    let desk = shown.without_app();
    let kept = output(snaplark(&desk.home, None, &["settings"]).unwrap(), SHOW).unwrap();
    assert!(kept.contains("fps              15"), "{kept}");
}
