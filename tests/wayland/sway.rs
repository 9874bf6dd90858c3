//! The app under sway: its icon in sway's bar, toasts and recorder bar in their places, and the focus
//! where it was.

use std::path::Path;
use std::time::Duration;

use snaplark_store::Store;
use snaplark_tests::browser::Browser;
use snaplark_tests::display::{Display, Rectangle, Window};
use snaplark_tests::home::Home;
use snaplark_tests::process::{finish, output, program};
use snaplark_tests::recorder::snaplark;
use snaplark_tests::sway::{Placed, SIZE, Sway};
use snaplark_tests::tray::Tray;
use snaplark_tests::wait;
use snaplark_tests::wayland::Session;

use crate::LIMIT;

/// Sway's bar is as high as its text, and has its tray at the right.
const TRAY: Rectangle = Rectangle { x: 1180, y: 0, width: 100, height: 16 };
/// The smallest number of coloured pixels of an icon that is 14 pixels wide and high.
const ICON_PIXELS_MIN: usize = 20;
const ICON: Duration = Duration::from_secs(20);
const MOVED: Duration = Duration::from_secs(2);

fn picture(sway: &Sway, home: &Home, name: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let file = root.join("target/pictures/sway").join(name).with_extension("png");
    sway.picture(home, &file).unwrap();
}

/// The colours in the tray.
fn colours(sway: &Sway, home: &Home) -> Vec<[u8; 3]> {
    let pixels = sway.pixels(home, TRAY).unwrap();
    pixels.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
}

/// The icon of a program at rest is blue, of one that records red, each a little more than that: pure
/// red is the face that sway draws for an icon that it doesn't find.
fn is_blue([red, _, blue]: &[u8; 3]) -> bool {
    *blue > 150 && *red < 120
}

fn is_red([red, green, blue]: &[u8; 3]) -> bool {
    *red > 150 && (20..110).contains(green) && (20..110).contains(blue)
}

fn wait_for_icon(sway: &Sway, home: &Home, what: &str, is_it: fn(&[u8; 3]) -> bool) {
    let drawn = wait::until(&format!("the icon of {what}"), ICON, || {
        let colours = colours(sway, home);
        let count = colours.iter().filter(|colour| is_it(colour)).count();
        Ok((count >= ICON_PIXELS_MIN).then_some(()))
    });
    picture(sway, home, what);
    drawn.unwrap();
}

#[test]
fn sway_shows_the_icon_and_keeps_focus_when_bar_and_toast_appear() {
    let screen = ["--managed", "--width", "1280", "--height", "720", "--fps", "5"];
    let (session, sway) = Session::sway(&screen, true).unwrap();
    let home = &session.home;
    let store = Store::open(home.snaplark()).unwrap();
    store.set_setting("desktop", r#"{"welcomed":true,"barInRecordings":true}"#).unwrap();
    drop(store);
    let display = Display::beside(home).unwrap();
    let _bar = sway.bar(home).unwrap();
    let keeps_focus = || {
        let windows = sway.windows(home).unwrap();
        let focused = windows.iter().find(|window| window.focused);
        assert_eq!(focused.map(|it| it.name.as_str()), Some("Numbered screen"), "{windows:?}");
        let ours = |window: &Placed| window.name != "Numbered screen" && !window.floats;
        assert!(!windows.iter().any(ours), "a tiled window of ours: {windows:?}");
    };

    let _app = Browser::app(home, &program("snaplark-desktop").unwrap(), &["--hidden"]).unwrap();
    Tray::of(home).unwrap();
    wait_for_icon(&sway, home, "rest", is_blue);
    keeps_focus();

    let started = finish(&mut snaplark(home, None, &["start"]).unwrap(), LIMIT).unwrap();
    assert!(started.status.success(), "{}", started.stderr);
    let shown = |what: &str, is_it: &dyn Fn(&Window) -> bool| {
        wait::until(what, LIMIT, || {
            Ok(display.windows(home, "snaplark")?.into_iter().find(|window| is_it(window)))
        })
        .unwrap()
    };
    let right = |window: &Window| window.at.x + window.at.width.cast_signed();
    let bottom = |window: &Window| window.at.y + window.at.height.cast_signed();
    let bar = shown("the bar", &|window| window.name.contains("bar"));
    let middle = bar.at.x + bar.at.width.cast_signed() / 2;
    assert!((middle - 640).abs() <= 2 && bar.at.height < 200, "{bar:?}");
    assert!((600..720).contains(&bottom(&bar)), "{bar:?}");
    keeps_focus();
    wait::pass("the recording", MOVED).unwrap();
    wait_for_icon(&sway, home, "recording", is_red);
    output(snaplark(home, None, &["stop"]).unwrap(), LIMIT).unwrap();
    let toast = shown("a toast", &|window| {
        !window.name.contains("bar")
            && window.at.height > 40
            && right(window) == SIZE.0.cast_signed()
    });
    picture(&sway, home, "toast");
    assert!(toast.at.height < 400 && toast.at.width < 500, "{toast:?}");
    assert!(bottom(&toast) >= 690, "{toast:?}");
    keeps_focus();
}
