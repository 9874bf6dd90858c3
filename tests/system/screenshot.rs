//! `snaplark screenshot`: the file has the screen's pixels, nothing is overwritten, and what is copied can be
//! pasted when the command has ended.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use snaplark_tests::display::{Display, Rectangle};
use snaplark_tests::failure::hold;
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command};
use snaplark_tests::recorder::{ask, ask_json, snaplark};
use snaplark_tests::{desk, media, wait};

const LIMIT: Duration = Duration::from_secs(60);
const SIZE: (u32, u32) = (1280, 720);
const AREA: Rectangle = Rectangle { x: 101, y: 203, width: 641, height: 359 };

/// A display whose numbers stand still.
struct StillScreen {
    display: Display,
    painter: Process,
    home: Home,
}

impl StillScreen {
    fn start() -> Self {
        let mut home = Home::new().unwrap();
        let display = Display::start(&mut home, SIZE.0, SIZE.1).unwrap();
        let painter = desk::paint(&home, 15).unwrap();
        painter.send_signal(Signal::STOP);
        let screen = StillScreen { display, painter, home };
        // What was sent before it stopped is drawn soon.
        wait::until("a still screen", LIMIT, || {
            let before = screen.pixels(AREA);
            wait::pass("a moment", Duration::from_millis(200))?;
            Ok((before == screen.pixels(AREA)).then_some(()))
        })
        .unwrap();
        screen
    }

    /// Red, green and blue of that part of the screen.
    fn pixels(&self, at: Rectangle) -> Vec<u8> {
        let pixels = self.display.pixels(at).unwrap();
        pixels.chunks_exact(4).flat_map(|px| [px[2], px[1], px[0]]).collect()
    }

    fn take(&self, args: &[&str]) -> Value {
        ask_json(&self.home, None, &[&["screenshot", "--json", "--no-upload"], args].concat())
            .unwrap()
    }

    fn file(&self, name: &str) -> String {
        self.home.path().join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for StillScreen {
    fn drop(&mut self) {
        // A stopped program can't be asked to end.
        self.painter.send_signal(Signal::CONT);
    }
}

fn whole() -> Rectangle {
    Rectangle { x: 0, y: 0, width: SIZE.0, height: SIZE.1 }
}

#[test]
fn file_of_a_screenshot_has_the_pixels_of_the_screen_in_each_format() {
    let screen = StillScreen::start();
    let area = "641x359+101+203";
    for (name, args, part) in [
        ("all.png", &["--all"][..], whole()),
        ("display.png", &["--display", "0"], whole()),
        ("area.png", &["--area", area], AREA),
        ("area.webp", &["--area", area], AREA),
    ] {
        let file = screen.file(name);
        let taken = screen.take(&[args, &["--out", &file]].concat());
        assert_eq!(taken["file"], file.as_str());
        assert_eq!((&taken["width"], &taken["height"]), (&part.width.into(), &part.height.into()));
        assert_eq!((taken["kind"].as_str(), taken["link"].as_str()), (Some("screenshot"), None));
        assert_eq!(taken["state"]["kind"], "local", "{taken}");
        assert!(taken["id"].as_str().is_some_and(|id| !id.is_empty()));
        let seen = media::picture(&file, 0.0).unwrap();
        assert!(seen == screen.pixels(part), "{name} has other pixels than the screen");
    }
}

#[test]
fn existing_file_is_kept_unless_force_is_given() {
    let screen = StillScreen::start();
    let file = screen.file("mine.png");
    let before = vec![7; 4_000_000];
    std::fs::write(&file, &before).unwrap();
    let args = ["screenshot", "--no-upload", "--out", &file];
    hold(&ask(&screen.home, None, &args).unwrap(), &["exists already", "--force"]);
    assert!(std::fs::read(&file).unwrap() == before, "the file was changed");
    screen.take(&["--out", &file, "--force"]);
    let after = std::fs::read(&file).unwrap();
    assert!(after.ends_with(b"IEND\xaeB`\x82"), "something is left after the end");
    assert!(media::picture(&file, 0.0).unwrap() == screen.pixels(whole()));
}

#[test]
fn nothing_is_left_when_the_source_is_not_there() {
    let screen = StillScreen::start();
    let file = screen.file("none.png");
    for (args, words) in [
        (["--display", "3"], "there is no display 3"),
        (["--window", "0x12345"], "there is no window"),
        (["--area", "10x10+5000+0"], "not on the screen"),
    ] {
        let args = [&["screenshot", "--out", &file][..], &args].concat();
        hold(&ask(&screen.home, None, &args).unwrap(), &[words]);
        assert!(!Path::new(&file).exists(), "an empty file is left");
    }
}

#[test]
fn copied_picture_can_be_pasted_when_the_command_has_ended() {
    let screen = StillScreen::start();
    let taken = screen.take(&["--copy", "--area", "64x32+10+20"]);
    assert_eq!(taken["copied"], true);
    let file = screen.file("pasted.png");
    let mut paste = command(&screen.home, "xclip");
    paste.args(["-selection", "clipboard", "-t", "image/png", "-out"]);
    let pasted = paste.output().unwrap();
    assert!(pasted.status.success(), "{}", String::from_utf8_lossy(&pasted.stderr));
    std::fs::write(&file, &pasted.stdout).unwrap();
    let part = Rectangle { x: 10, y: 20, width: 64, height: 32 };
    assert!(media::picture(&file, 0.0).unwrap() == screen.pixels(part));
    // Whoever copies next ends the process that held it.
    screen.display.copy(&screen.home, "text").unwrap();
    assert_eq!(screen.display.clipboard(&screen.home).unwrap().as_deref(), Some("text"));
}

#[test]
fn screenshot_is_added_by_the_program_that_runs() {
    let screen = StillScreen::start();
    let keep = snaplark(&screen.home, None, &["keep", "--json"]).unwrap();
    let mut keep = Process::start(&screen.home, "keep", keep).unwrap();
    keep.line(LIMIT).unwrap();
    let first = screen.take(&[]);
    assert_eq!(first["state"]["kind"], "local", "{first}");
    let left = std::fs::read_dir(screen.home.snaplark().join("screenshots"));
    assert_eq!(left.unwrap().count(), 0, "the running program has it");
    keep.terminate();
    keep.wait(LIMIT).unwrap();
    let second = screen.take(&["--delay", "1"]);
    assert_ne!(first["id"], second["id"]);
}
