//! A window is where it was left, after the program has ended and begun again.

use std::time::Duration;

use snaplark_tests::desk::Desk;
use snaplark_tests::display::{Rectangle, Window};
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, output, program};
use snaplark_tests::wait;

use crate::{SHOW, SOON};

const LEFT: (u32, u32) = (700, 480);
/// A frame is drawn a moment after its window.
const STEADY: Duration = Duration::from_secs(10);

fn begin(desk: &Desk, empty_tray: &[u8]) -> Process {
    let mut app = command(&desk.home, program("snaplark-desktop").unwrap());
    app.arg("--hidden");
    let app = Process::start(&desk.home, "snaplark-desktop", app).unwrap();
    desk.display.settled("the tray icon", desk.tray(), Some(empty_tray), SHOW).unwrap();
    app
}

/// A second start opens the library of the first. It needs no display for that.
fn open_library(desk: &Desk) -> Window {
    let mut second = command(&desk.home, program("snaplark-desktop").unwrap());
    second.env_remove("DISPLAY");
    output(second, SHOW).unwrap();
    let window = wait::until("the library", SHOW, || {
        let windows = desk.display.windows(&desk.home, "snaplark")?;
        Ok(windows.into_iter().find(|window| window.at.width > 600 && window.at.height > 400))
    });
    let Window { id, at, .. } = window.unwrap();
    desk.display.settled("the library to be drawn", at, None, STEADY).unwrap();
    let windows = desk.display.windows(&desk.home, "snaplark").unwrap();
    windows.into_iter().find(|window| window.id == id).unwrap()
}

fn tell_window(desk: &Desk, what: &str, window: u32, (x, y): (u32, u32)) {
    let mut xdotool = command(&desk.home, "xdotool");
    xdotool.args([what, &window.to_string(), &x.to_string(), &y.to_string()]);
    output(xdotool, SOON).unwrap();
}

#[test]
fn library_reopens_at_its_last_position_and_size() {
    let desk = Desk::start(Home::new().unwrap(), 1280, 720).unwrap();
    let empty_tray = desk.display.pixels(desk.tray()).unwrap();
    let mut app = begin(&desk, &empty_tray);
    let Window { id, at: first, .. } = open_library(&desk);
    tell_window(&desk, "windowsize", id, LEFT);
    tell_window(&desk, "windowmove", id, (120, 90));
    let moved = wait::until("the library to be elsewhere", SOON, || {
        let windows = desk.display.windows(&desk.home, "snaplark")?;
        let now = windows.into_iter().find(|window| window.id == id).map(|window| window.at);
        let is_there = |at: &Rectangle| (at.width, at.height) == LEFT && at.x < first.x;
        Ok(now.filter(is_there))
    });
    let moved = moved.unwrap();
    app.terminate();
    assert!(app.wait(SHOW).unwrap().success());

    wait::until("the icon to go", SOON, || {
        Ok((desk.display.pixels(desk.tray())? == empty_tray).then_some(()))
    })
    .unwrap();
    let _app = begin(&desk, &empty_tray);
    assert_eq!(open_library(&desk).at, moved);
}
