//! Two displays, with the pointer on the second, and windows drawn once and twice as large: the
//! chooser covers each, and what is chosen is, pixel by pixel, what the video shows.

use std::time::Duration;

use serde_json::json;
use snaplark_tests::browser::Browser;
use snaplark_tests::desk::Desk;
use snaplark_tests::display::{Display, Rectangle};
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, output, program};
use snaplark_tests::recorder::ask_json;
use snaplark_tests::webdriver::Session;
use snaplark_tests::{media, numbers, wait};

use crate::{SHOW, SOON, pictures};

const FIRST: Rectangle = Rectangle { x: 0, y: 0, width: 1600, height: 900 };
const SECOND: Rectangle = Rectangle { x: 1600, y: 100, width: 1280, height: 720 };
/// Of a window on the second.
const INSIDE: Rectangle = Rectangle { x: 1900, y: 200, width: 800, height: 500 };
/// Its lower left corner is the window's, where the numbers are.
const REGION: Rectangle = Rectangle { x: 1900, y: 300, width: 600, height: 400 };
const LABEL: &str = "[data-testid=label]";
const TOOLBAR: &str = "return document.querySelector('[data-testid=toolbar]') !== null;";
/// Regions are looked for so many pixels around where they should be.
const ASTRAY: i32 = 2;

/// The app on a desk with a window that counts.
struct Stage<'a> {
    desk: &'a Desk,
    scale: u32,
    app: Browser,
}

impl Stage<'_> {
    /// Where a person choosing on the second display finds it.
    fn open(&self, pointer: (i32, i32)) -> &Session {
        let Desk { display, home, .. } = self.desk;
        display.point(home, pointer).unwrap();
        display.press(home, "alt+a").unwrap();
        for covered in [FIRST, SECOND] {
            wait::until(&format!("the chooser over {covered:?}"), SOON, || {
                let windows = display.windows(home, "snaplark")?;
                Ok(windows.iter().any(|window| window.at == covered).then_some(()))
            })
            .unwrap_or_else(|error| {
                self.picture("uncovered");
                panic!("{error:#}: {:?}", display.windows(home, "snaplark"))
            });
        }
        self.on(FIRST);
        let other = "return document.querySelector('[data-testid=toolbar]') === null;";
        self.app.session.until("the first display to be only looked at", SOON, other).unwrap();
        self.on(SECOND);
        self.app.session.until("the toolbar where the pointer is", SOON, TOOLBAR).unwrap();
        &self.app.session
    }

    /// Enters the chooser of that display.
    fn on(&self, display: Rectangle) {
        let width = display.width / self.scale;
        let is_it = format!(
            "return location.pathname.includes('chooser') && window.innerWidth === {width}
                && document.querySelector('[data-testid=stage]') !== null;"
        );
        let session = &self.app.session;
        wait::until(&format!("the chooser's page on {display:?}"), SOON, || {
            for window in session.windows()? {
                session.enter(&window)?;
                if session.run(&is_it, &[])? == json!(true) {
                    return Ok(Some(()));
                }
            }
            Ok(None)
        })
        .unwrap();
    }

    fn press(&self, keys: &str) {
        self.desk.display.press(&self.desk.home, keys).unwrap();
    }

    fn drag(&self, from: (i32, i32), to: (i32, i32)) {
        self.desk.display.drag(&self.desk.home, from, to).unwrap();
    }

    fn picture(&self, name: &str) {
        let file = pictures("displays").join(format!("{name}-{}x.png", self.scale));
        self.desk.display.picture(&self.desk.home, &file, None).unwrap();
    }

    /// Records what is chosen, which is to be that part of the screen, and compares.
    fn record(&self, chosen: Rectangle) {
        let Desk { display, home, .. } = self.desk;
        self.press("Return");
        wait::until("the recording", SHOW, || {
            let newest = &ask_json(home, None, &["list", "--json"])?["recordings"][0];
            Ok((newest["state"]["kind"] == "recording").then_some(()))
        })
        .unwrap();
        wait::pass("the recording", Duration::from_secs(2)).unwrap();
        let shown = grey(&display.pixels(chosen).unwrap());
        ask_json(home, None, &["stop", "--json"]).unwrap();
        let (file, title) = wait::until("the recording's own file", SHOW, || {
            let newest = &ask_json(home, None, &["list", "--json"])?["recordings"][0];
            let text = |name: &str| newest[name].as_str().map(str::to_owned);
            Ok(text("file").zip(text("title")))
        })
        .unwrap();
        assert!(title.contains("Numbered screen"), "it is named after the window, not {title}");
        let size = (chosen.width, chosen.height);
        let probe = media::probe(&file).unwrap();
        assert_eq!((probe.width, probe.height), size, "at {}x", self.scale);
        let seen = media::last_picture(&file, size).unwrap();
        assert_eq!(astray(&seen, &shown, chosen), (0, 0), "at {}x", self.scale);
        if chosen == REGION {
            numbers::read_video(&file, size).unwrap().missing().unwrap();
        }
        // What is said of it is said on the display where the person is.
        wait::until("the toast on the second display", SHOW, || {
            let windows = display.windows(home, "snaplark")?;
            let is_toast = |at: Rectangle| {
                at.x + at.width.cast_signed() == right(SECOND)
                    && at.y + at.height.cast_signed() == bottom(SECOND)
            };
            Ok(windows.iter().any(|window| is_toast(window.at)).then_some(()))
        })
        .unwrap();
    }
}

fn right(at: Rectangle) -> i32 {
    at.x + at.width.cast_signed()
}

fn bottom(at: Rectangle) -> i32 {
    at.y + at.height.cast_signed()
}

fn middle(at: Rectangle) -> (i32, i32) {
    (at.x + at.width.cast_signed() / 2, at.y + at.height.cast_signed() / 2)
}

/// Blue, green, red and a byte that is nothing.
fn grey(bgrx: &[u8]) -> Vec<u8> {
    let mix =
        |px: &[u8]| (u32::from(px[0]) * 11 + u32::from(px[1]) * 59 + u32::from(px[2]) * 30) / 100;
    bgrx.chunks_exact(4).map(|px| mix(px) as u8).collect()
}

/// By how many pixels the picture has to be moved to be most like what was on the screen.
fn astray(seen: &[u8], shown: &[u8], at: Rectangle) -> (i32, i32) {
    let (width, height) = (at.width.cast_signed(), at.height.cast_signed());
    let difference = |dx: i32, dy: i32| -> u64 {
        let rows = ASTRAY..height - ASTRAY;
        let of_row = |y: i32| {
            (ASTRAY..width - ASTRAY).map(move |x| {
                let here = seen[(y * width + x) as usize];
                let there = shown[((y + dy) * width + x + dx) as usize];
                u64::from(here.abs_diff(there))
            })
        };
        rows.flat_map(of_row).sum()
    };
    let moves = (-ASTRAY..=ASTRAY).flat_map(|dy| (-ASTRAY..=ASTRAY).map(move |dx| (dx, dy)));
    moves.min_by_key(|(dx, dy)| difference(*dx, *dy)).unwrap()
}

#[test]
fn what_is_chosen_on_the_second_display_is_what_the_video_shows_at_any_scale() {
    let mut home = Home::new().unwrap();
    let display = Display::start_with_monitors(&mut home, &[FIRST, SECOND]).unwrap();
    let mut desk = Desk::on(home, display, (FIRST.width, FIRST.height)).unwrap();
    let _window = counting_window(&desk);
    for scale in [1, 2] {
        desk.home.set("GDK_SCALE", &scale.to_string());
        let program = program("snaplark-desktop").unwrap();
        let app = Browser::app(&desk.home, &program, &["--hidden"]).unwrap();
        let stage = Stage { desk: &desk, scale, app };
        wait::until("the shortcut", SHOW, || {
            let log = std::fs::read_dir(desk.home.snaplark()).is_ok();
            Ok((log && !snaplark_tests::tray::is_empty(&desk.home)?).then_some(()))
        })
        .unwrap();

        // The window under the pointer, then a region of it, to the pixel.
        let windows = stage.open(middle(INSIDE));
        stage.desk.display.point(&desk.home, (INSIDE.x + 20, INSIDE.y + 20)).unwrap();
        windows.says(LABEL, "Numbered screen", SOON).unwrap();
        stage.picture("hovered");
        stage.drag((REGION.x, REGION.y), (right(REGION), bottom(REGION)));
        windows.says(LABEL, "600 × 400", SOON).unwrap();
        stage.press("ctrl+Right");
        windows.says(LABEL, "601 × 400", SOON).unwrap();
        stage.press("ctrl+Left");
        windows.says(LABEL, "600 × 400", SOON).unwrap();
        stage.picture("region");
        stage.record(REGION);

        // What is bare is the display.
        let windows = stage.open(middle(SECOND));
        let bare = (right(SECOND) - 40, SECOND.y + 40);
        stage.drag(bare, bare);
        windows.says(LABEL, "1280 × 720", SOON).unwrap();
        stage.record(SECOND);

        // A window by a click; and on to the other display by keys.
        let windows = stage.open(middle(SECOND));
        stage.drag(middle(INSIDE), middle(INSIDE));
        windows.says(LABEL, "Numbered screen", SOON).unwrap();
        stage.press("ctrl+Tab");
        stage.on(FIRST);
        windows.until("the toolbar on the first display", SOON, TOOLBAR).unwrap();
        stage.press("Escape");
        wait::until("the chooser to go", SHOW, || {
            let shown = desk.display.windows(&desk.home, "snaplark")?;
            Ok((!shown.iter().any(|window| window.at == FIRST || window.at == SECOND))
                .then_some(()))
        })
        .unwrap();
    }
}

fn counting_window(desk: &Desk) -> Process {
    let mut start = command(&desk.home, program("numbered-screen").unwrap());
    let (width, height) = (INSIDE.width.to_string(), INSIDE.height.to_string());
    start.args(["--managed", "--fps", "5", "--width", &width, "--height", &height]);
    let mut window = Process::start(&desk.home, "numbered-screen", start).unwrap();
    let said = window.line(SHOW).unwrap();
    let id: u32 = said.split(' ').nth(1).unwrap().parse().unwrap();
    let place = |x: i32, y: i32| {
        let mut xdotool = command(&desk.home, "xdotool");
        xdotool.args(["windowmove", "--sync", &id.to_string(), &x.to_string(), &y.to_string()]);
        output(xdotool, SOON).unwrap();
        desk.display.window(&desk.home, id).unwrap().at
    };
    // It is its frame that is moved.
    let framed = place(INSIDE.x, INSIDE.y);
    let at = place(2 * INSIDE.x - framed.x, 2 * INSIDE.y - framed.y);
    assert_eq!(at, INSIDE);
    window
}
