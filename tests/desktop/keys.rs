//! The program's keys are other programs' while they would do nothing.

use snaplark_tests::demonstration::Demonstration;
use snaplark_tests::home::Home;
use snaplark_tests::process::output;
use snaplark_tests::recorder::snaplark;
use snaplark_tests::wait;

use crate::{SHOW, SOON, pictures};

#[test]
fn microphone_and_webcam_shortcuts_are_grabbed_only_while_recording() {
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &pictures("keys")).unwrap();
    let (display, home) = (&shown.desk.display, &shown.desk.home);
    let windows = &shown.windows().unwrap().session;
    output(snaplark(home, None, &["settings", "microphone", "off"]).unwrap(), SHOW).unwrap();

    // Another program has them for itself, as an editor hears them: that fails where we hold them.
    for letter in ['m', 'w', 'p', 'l'] {
        let other = display.take_alt(letter).unwrap_or_else(|error| {
            panic!("Alt+{letter} is held while nothing is recorded: {error}")
        });
        display.press(home, &format!("alt+{letter}")).unwrap();
        wait::until("the other program to hear its key", SOON, || Ok(other.heard()?.then_some(())))
            .unwrap();
    }

    shown.start_recording().unwrap();
    windows.enter_window_at("windows/bar", SOON).unwrap();
    // It was begun without a microphone, says so, and can have one all the same.
    windows.says("[data-testid=bar-silent]", "No sound", SOON).unwrap();
    display.press(home, "alt+m").unwrap();
    windows.find("[data-testid=bar-mute][aria-pressed=false]", SOON).unwrap();
    windows.gone("[data-testid=bar-silent]", SOON).unwrap();
    // Nothing of it was heard before: a webcam was not switched on for later.
    windows.find("[data-testid=bar-webcam][aria-pressed=false]", SOON).unwrap();
    display.press(home, "alt+p").unwrap();
    windows.find("[data-testid=bar][data-kind=paused]", SOON).unwrap();
    display.press(home, "alt+p").unwrap();
    windows.find("[data-testid=bar][data-kind=recording]", SOON).unwrap();
    assert!(display.take_alt('m').is_err(), "Alt+M is not ours while something is recorded");
    shown.stop_recording().unwrap();
    for letter in ['m', 'w', 'p'] {
        wait::until(&format!("Alt+{letter} to be given back"), SOON, || {
            Ok(display.take_alt(letter).ok())
        })
        .unwrap();
    }
}
