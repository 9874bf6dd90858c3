//! Under a window manager that tiles (i3): toasts and recorder bar are in their places, as large as
//! they are, and the window that had the focus keeps it.

use std::time::Duration;

use snaplark_store::Store;
use snaplark_tests::browser::Browser;
use snaplark_tests::display::{Display, Window};
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, finish, output, program};
use snaplark_tests::recorder::snaplark;
use snaplark_tests::{session, wait};

use crate::{SHOW, SOON, pictures};

#[test]
fn toasts_and_bar_float_and_never_take_the_focus_in_a_tiling_window_manager() {
    let mut home = Home::new().unwrap();
    let store = Store::open(home.snaplark()).unwrap();
    store.set_setting("desktop", r#"{"welcomed":true,"barInRecordings":true}"#).unwrap();
    drop(store);
    let display = Display::start(&mut home, 1280, 720).unwrap();
    let _bus = session::bus(&mut home).unwrap();
    let config = home.path().join("i3.conf");
    std::fs::write(&config, "font pango:monospace 8\n").unwrap();
    let mut i3 = command(&home, "i3");
    i3.arg("-c").arg(&config);
    let _i3 = Process::start(&home, "i3", i3).unwrap();
    let mut screen = command(&home, program("numbered-screen").unwrap());
    screen.args(["--managed", "--fps", "5"]);
    let _screen = Process::start(&home, "numbered-screen", screen).unwrap();
    let focus = || {
        let mut xdotool = command(&home, "xdotool");
        xdotool.args(["getactivewindow", "getwindowname"]);
        finish(&mut xdotool, SOON).map(|answer| answer.stdout.trim().to_owned())
    };
    wait::until("the window to have the focus", SHOW, || {
        Ok((focus()? == "Numbered screen").then_some(()))
    })
    .unwrap();
    let _app = Browser::app(&home, &program("snaplark-desktop").unwrap(), &["--hidden"]).unwrap();
    wait::until("a recording", SHOW, || {
        let started = finish(&mut snaplark(&home, None, &["start"])?, SHOW)?;
        Ok(started.status.success().then_some(()))
    })
    .unwrap();
    let shown = |what: &str, is_it: &dyn Fn(&Window) -> bool| {
        wait::until(what, SHOW, || {
            Ok(display.windows(&home, "snaplark")?.into_iter().find(|window| is_it(window)))
        })
        .unwrap()
    };
    let bottom = |window: &Window| window.at.y + window.at.height.cast_signed();
    let right = |window: &Window| window.at.x + window.at.width.cast_signed();
    let bar = shown("the bar", &|window| window.name.contains("bar"));
    let middle = bar.at.x + bar.at.width.cast_signed() / 2;
    assert!((middle - 640).abs() <= 2 && bar.at.height < 200, "{bar:?}");
    assert!((600..720).contains(&bottom(&bar)), "{bar:?}");
    assert_eq!(focus().unwrap(), "Numbered screen");
    wait::pass("the recording", Duration::from_secs(2)).unwrap();
    output(snaplark(&home, None, &["stop"]).unwrap(), SHOW).unwrap();
    let toast = shown("a toast", &|window| {
        !window.name.contains("bar") && window.at.height > 40 && right(window) == 1280
    });
    display.picture(&home, &pictures("tiling").join("toast.png"), None).unwrap();
    assert!(toast.at.height < 400 && toast.at.width < 500, "{toast:?}");
    assert!(bottom(&toast) >= 690, "{toast:?}");
    assert_eq!(focus().unwrap(), "Numbered screen");
}
