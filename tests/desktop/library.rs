//! The library in the app's own WebView, on a recording that was just made.

use std::time::Duration;

use snaplark_tests::demonstration::Demonstration;
use snaplark_tests::home::Home;
use snaplark_tests::wait;

use crate::{SOON, pictures};

#[test]
fn a_card_shows_the_screen_that_was_recorded() {
    let shown = Demonstration::begin_driven(Home::new().unwrap(), &pictures("library")).unwrap();
    let windows = &shown.windows().unwrap().session;
    shown.start_recording().unwrap();
    wait::pass("the recording", Duration::from_secs(5)).unwrap();
    shown.open_library().unwrap();
    windows.enter_window_at("library", SOON).unwrap();
    // While it runs: its second segment is sealed.
    windows
        .until(
            "the running recording's still",
            SOON,
            "return document.querySelector('[data-testid=recording-still]')?.naturalWidth === 480;",
        )
        .unwrap();
    shown.stop_recording().unwrap();
}
