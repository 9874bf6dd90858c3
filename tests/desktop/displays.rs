//! Two displays, with the pointer on the second, and windows drawn once and twice as large: the
//! chooser covers each, and what is chosen is, pixel by pixel, what the video or the screenshot shows.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use snaplark_tests::browser::Browser;
use snaplark_tests::desk::{self, Desk};
use snaplark_tests::display::{Display, Rectangle};
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, output, program};
use snaplark_tests::recorder::ask_json;
use snaplark_tests::webdriver::Session;
use snaplark_tests::{media, numbers, tray, wait};

use crate::{SHOW, SOON, pictures};

const FIRST: Rectangle = Rectangle { x: 0, y: 0, width: 1600, height: 900 };
const SECOND: Rectangle = Rectangle { x: 1600, y: 100, width: 1280, height: 720 };
/// The area of a window on the second display.
const INSIDE: Rectangle = Rectangle { x: 1900, y: 200, width: 800, height: 500 };
/// Its lower left corner is the window's, where the numbers are.
const REGION: Rectangle = Rectangle { x: 1900, y: 300, width: 600, height: 400 };
/// On both displays, with a part of the window.
const REGION_ACROSS: Rectangle = Rectangle { x: 1500, y: 300, width: 800, height: 400 };
/// Begins on the first display. Above the second, which lies lower, there is none.
const BESIDE_GAP: Rectangle = Rectangle { x: 1500, y: 20, width: 320, height: 200 };
/// A part of the window's frame and of what is around it: nothing moves there.
/// A page gets the pointer in whole CSS pixels. At each scale that is tested, they are whole pixels here.
const FRAME: Rectangle = Rectangle { x: 1870, y: 160, width: 300, height: 30 };
/// On both displays.
const ACROSS: Rectangle = Rectangle { x: 1501, y: 151, width: 203, height: 99 };
/// On both displays, with a part of the window's frame; in whole CSS pixels of the first display, too.
const CHOSEN_ACROSS: Rectangle = Rectangle { x: 1500, y: 150, width: 660, height: 30 };
const LABEL: &str = "[data-testid=label]";
const TOOLBAR: &str = "return document.querySelector('[data-testid=toolbar]') !== null;";
/// Regions are looked for so many pixels around where they should be.
const ASTRAY: i32 = 2;

/// The app on a desk with a window that counts.
struct Stage<'a> {
    desk: &'a Desk,
    /// The scale of the desktop, which is that of the pages.
    percent: u32,
    app: Browser,
}

impl Stage<'_> {
    /// Opens the chooser with the pointer on the second display.
    fn open(&self, pointer: (i32, i32)) -> &Session {
        self.open_by("alt+a", pointer)
    }

    /// Opens the chooser by other keys.
    fn open_by(&self, keys: &str, pointer: (i32, i32)) -> &Session {
        let Desk { display, home, .. } = self.desk;
        display.point(home, pointer).unwrap();
        display.press(home, keys).unwrap();
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
        let (width, percent) = (display.width, self.percent);
        let is_it = format!(
            "return location.pathname.includes('chooser')
                && Math.abs(window.innerWidth - {width} * 100 / {percent}) < 1
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
        let file = pictures("displays").join(format!("{name}-{}.png", self.percent));
        self.desk.display.picture(&self.desk.home, &file, None).unwrap();
    }

    /// Takes screenshots of an area of the second display and of one on both, and compares them with the screen.
    fn screenshot(&self) {
        let Desk { display, home, .. } = self.desk;
        let rgb = |at| -> Vec<u8> {
            let pixels = display.pixels(at).unwrap();
            pixels.chunks_exact(4).flat_map(|px| [px[2], px[1], px[0]]).collect()
        };
        let read = |file: &Path| media::picture(file.to_str()?, 0.0).ok();
        for (at, starts_on, size) in
            [(FRAME, SECOND, "300 × 30"), (CHOSEN_ACROSS, FIRST, "660 × 30")]
        {
            display.point(home, (right(SECOND) - 20, bottom(SECOND) - 20)).unwrap();
            let want = rgb(at);
            assert!(want.iter().any(|one| *one != want[0]), "there is something to compare");
            let windows = self.open_by("alt+s", (right(SECOND) - 20, bottom(SECOND) - 20));
            self.drag((at.x, at.y), (right(at), bottom(at)));
            self.on(starts_on);
            windows.says(LABEL, size, SOON).unwrap();
            if at == CHOSEN_ACROSS {
                // The other display shows its part of it.
                self.on(SECOND);
                windows.find("[data-testid=frame].area", SOON).unwrap();
            }
            self.picture(&format!("screenshot-{}", at.x));
            self.press("Return");
            let folder = home.path().join("taken");
            let (file, seen) = wait::until("the screenshot's file", SHOW, || {
                let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
                let mut files = files.map(|file| file.path());
                Ok(files.find_map(|file| read(&file).map(|pixels| (file, pixels))))
            })
            .unwrap();
            std::fs::remove_file(file).unwrap();
            assert!(seen == want, "other pixels than the screen's, at {} %", self.percent);
        }

        // Over both displays by the command line, too.
        let Rectangle { x, y, width, height } = ACROSS;
        let (area, out) = (format!("{width}x{height}+{x}+{y}"), home.path().join("across.png"));
        let args = ["screenshot", "--area", &area, "--no-upload", "--force", "--json", "--out"];
        ask_json(home, None, &[&args[..], &[out.to_str().unwrap()]].concat()).unwrap();
        assert!(read(&out).unwrap() == rgb(ACROSS), "other pixels over both displays");
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
        assert_eq!((probe.width, probe.height), size, "at {} %", self.percent);
        let seen = media::last_picture(&file, size).unwrap();
        assert_eq!(astray(&seen, &shown, chosen), (0, 0), "at {} %", self.percent);
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

/// Returns by how many pixels the picture has to be moved to be most like the screen.
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

/// A desk with two monitors, and a window that counts on the second. Screenshots are saved to `taken`.
fn desk() -> (Desk, Process) {
    let mut home = Home::new().unwrap();
    let display = Display::start_with_monitors(&mut home, &[FIRST, SECOND]).unwrap();
    let desk = Desk::on(home, display, (FIRST.width, FIRST.height)).unwrap();
    let window = counting_window(&desk);
    let taken = desk.home.path().join("taken");
    for (name, value) in [
        ("screenshots.after", "save"),
        ("screenshots.sound", "no"),
        ("screenshots.save-folder", taken.to_str().unwrap()),
    ] {
        ask_json(&desk.home, None, &["settings", name, value, "--json"]).unwrap();
    }
    (desk, window)
}

/// Starts the app and waits until it holds its shortcuts.
fn start(desk: &Desk) -> Browser {
    let program = program("snaplark-desktop").unwrap();
    let app = Browser::app(&desk.home, &program, &["--hidden"]).unwrap();
    tray::appears(&desk.home, SHOW).unwrap();
    app
}

/// Desktops on X11 have one scale for all displays. Fractions are set as dots per inch, which WebKitGTK follows.
#[test]
fn screenshot_on_two_displays_has_the_screens_pixels_at_fractional_scales() {
    let (desk, _window) = desk();
    for (dpi, percent) in [(120, 125), (144, 150)] {
        let mut xrdb = command(&desk.home, "sh");
        xrdb.args(["-c", "echo \"Xft.dpi: $0\" | xrdb -merge -nocpp"]).arg(dpi.to_string());
        output(xrdb, SOON).unwrap();
        let stage = Stage { desk: &desk, percent, app: start(&desk) };
        stage.screenshot();
    }
}

#[test]
fn region_and_window_on_the_second_display_are_recorded_and_taken_at_any_scale() {
    let (mut desk, _window) = desk();
    for scale in [1, 2] {
        desk.home.set("GDK_SCALE", &scale.to_string());
        let stage = Stage { desk: &desk, percent: 100 * scale, app: start(&desk) };

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

        stage.screenshot();

        // A region of both displays.
        let windows = stage.open((right(SECOND) - 20, bottom(SECOND) - 20));
        let at = REGION_ACROSS;
        stage.drag((at.x, at.y), (right(at), bottom(at)));
        stage.on(FIRST);
        windows.says(LABEL, "800 × 400", SOON).unwrap();
        stage.picture("region-across");
        stage.record(at);

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

/// The server keeps pixels between displays that nobody sees.
#[test]
fn recorded_region_is_black_where_no_display_is() {
    let mut home = Home::new().unwrap();
    let display = Display::start_with_monitors(&mut home, &[FIRST, SECOND]).unwrap();
    let _painter = desk::paint(&home, 5).unwrap();
    let Rectangle { x, y, width, height } = BESIDE_GAP;
    let region = format!("{width}x{height}+{x}+{y}");
    let args = ["record", "--region", &region, "--seconds", "2", "--no-upload", "--json"];
    let recorded = ask_json(&home, None, &args).unwrap();
    let file = recorded["file"].as_str().unwrap();
    let seen = media::last_picture(file, (width, height)).unwrap();
    let kept = grey(&display.pixels(BESIDE_GAP).unwrap());
    // An encoder blurs edges.
    let edge = 16;
    let (gap_left, gap_bottom) = ((SECOND.x - x) as usize, (SECOND.y - y) as usize);
    let pixels = |of: &[u8], in_gap: bool| -> Vec<u8> {
        let place = |n: usize| (n % width as usize, n / width as usize);
        let is_wanted = |n: &usize| match (place(*n), in_gap) {
            ((x, y), true) => x >= gap_left + edge && y + edge < gap_bottom,
            ((x, y), false) => x + edge < gap_left || y >= gap_bottom + edge,
        };
        (0..of.len()).filter(is_wanted).map(|n| of[n]).collect()
    };
    let mean = |of: Vec<u8>| of.iter().map(|one| u64::from(*one)).sum::<u64>() / of.len() as u64;
    assert!(mean(pixels(&kept, true)) > 40, "there is something to hide");
    assert!(
        pixels(&seen, true).iter().all(|one| *one < 24),
        "what nobody sees is in the recording"
    );
    assert!(mean(pixels(&seen, false)) > 40, "the displays are in it");
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
