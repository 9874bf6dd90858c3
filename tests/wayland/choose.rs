//! Tests of choosing a source where the desktop asks: each way opens the desktop's own question,
//! for what it says. There is no compositor: the app's windows are on an X11 display, as they are beside
//! one, and the portal's screen is a stand-in's.

use serde_json::Value;
use snaplark_tests::browser::Browser;
use snaplark_tests::display::Display;
use snaplark_tests::process::{command, output, program};
use snaplark_tests::recorder::{ask_json, snaplark};
use snaplark_tests::wait;
use snaplark_tests::wayland::Session;

use crate::LIMIT;

#[test]
fn portal_asks_each_time_a_window_or_screen_is_chosen() {
    let mut session = Session::with_stand_in("accept").unwrap();
    let _display = Display::start(&mut session.home, 1280, 720).unwrap();
    let program = program("snaplark-desktop").unwrap();
    let app = Browser::app(&session.home, &program, &["--hidden"]).unwrap();
    let again = |session: &Session, flag: &str| {
        let mut again = command(&session.home, &program);
        again.arg(flag);
        output(again, LIMIT).unwrap();
    };

    again(&session, "--quick-menu");
    app.session.enter_window_at("windows/quick", LIMIT).unwrap();
    app.session.says("[data-testid=entry-area]", "Choose a display", LIMIT).unwrap();
    // The driver's own click waits for a window that is gone with it.
    app.session.run("document.querySelector('[data-testid=entry-window]').click();", &[]).unwrap();
    hold(&mut session, "asked for windows");

    output(snaplark(&session.home, None, &["start"]).unwrap(), LIMIT).unwrap();
    hold(&mut session, "asked for screens");
    // What the desktop permitted with that would answer the next question.
    again(&session, "--choose");
    hold(&mut session, "asked for screens");
}

/// The desktop was asked so, and a recording began and ends.
fn hold(session: &mut Session, asked: &str) {
    assert_eq!(session.last().line(LIMIT).unwrap(), asked);
    let newest = |session: &Session| {
        let list = ask_json(&session.home, None, &["list", "--json"])?;
        Ok::<Value, anyhow::Error>(list["recordings"][0].clone())
    };
    wait::until("a recording", LIMIT, || {
        let newest = newest(session)?;
        let runs = newest["state"]["kind"] == "recording" && newest["segments"] != 0;
        Ok(runs.then_some(()))
    })
    .unwrap();
    output(snaplark(&session.home, None, &["stop"]).unwrap(), LIMIT).unwrap();
}
