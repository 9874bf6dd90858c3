//! The library with 10, 1,000 and 50,000 recordings: the program's start, the library's window until its first card, a
//! fast scroll, and a search. There is no peer; what grows with the number is seen.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use snaplark_tests::browser::Browser;
use snaplark_tests::desk::Desk;
use snaplark_tests::home::Home;
use snaplark_tests::process::{command, output, program};
use snaplark_tests::webdriver::Session;
use snaplark_tests::{cost, shelf, wait};

use crate::desktop::started;
use crate::report::{Area, millis};

const PROGRAM: &str = "snaplark-desktop";
const SIZE: (u32, u32) = (1280, 720);
const COUNTS: [usize; 3] = [10, 1_000, 50_000];
const ROUNDS: usize = 5;
const RECORD: &str = "alt+r";
const RECORDED: Duration = Duration::from_secs(3);
const LIMIT: Duration = Duration::from_secs(120);
const FRAMES: usize = 300;
/// A fast scroll, as of a hand in a hurry.
const FRAME_PX: u32 = 120;

const OURS: &str = "Snaplark";

pub fn measure(area: &mut Area) -> Result<()> {
    area.title = "A library of 10, 1,000 and 50,000 recordings".to_owned();
    let desk = Desk::start(Home::new()?, SIZE.0, SIZE.1)?;
    one_recording(&desk)?;
    let mut have = 1;
    let counts = area.much(&COUNTS[..], &COUNTS[..2]);
    for count in counts {
        area.progress(&format!("{count} recordings"));
        shelf::multiply(desk.home.snaplark(), count - have)?;
        have = *count;
        for _ in 0..area.much(ROUNDS, 1) {
            start(area, &desk, have)?;
            browse(area, &desk, have)?;
        }
    }
    let (least, most) = (counts[0], counts[counts.len() - 1]);
    for what in ["CPU of a start", "Start to tray"] {
        let ratio =
            area.median(&figure(what, most), OURS)? / area.median(&figure(what, least), OURS)?;
        area.aim(&format!("{what}, {most} beside {least}"), ratio, None, Some(1.2));
    }
    let search = area.median(&figure("Search until it is drawn", most), OURS)?;
    area.aim(&format!("Search in {most}, in ms"), search, None, Some(50.0));
    let frame = area.median(&figure("A frame of the scroll, median", most), OURS)?;
    area.aim(&format!("A frame of a scroll in {most}, in ms"), frame, None, Some(16.7));
    area.left_out.push(
        "All recordings but one are copies of its rows and its still. No other program has such a library, so there is \
         nothing beside it."
            .to_owned(),
    );
    Ok(())
}

fn figure(what: &str, count: usize) -> String {
    format!("{what}, {count} recordings")
}

/// Makes the recording that all others are copies of.
fn one_recording(desk: &Desk) -> Result<()> {
    let Desk { display, home, .. } = desk;
    let (app, _) = started(desk)?;
    let idle_tray = display.pixels(desk.tray())?;
    display.press(home, RECORD)?;
    display.settled("the tray to show that it records", desk.tray(), Some(&idle_tray), LIMIT)?;
    wait::pass("the recording", RECORDED)?;
    display.press(home, RECORD)?;
    open_library(desk)?;
    wait::until("the recording's still", LIMIT, || Ok(shelf::still(home.snaplark())))?;
    drop(app);
    Ok(())
}

fn start(area: &mut Area, desk: &Desk, count: usize) -> Result<()> {
    let (app, took) = started(desk)?;
    area.add(&figure("Start to tray", count), OURS, "ms", millis(took));
    area.add(&figure("CPU of a start", count), OURS, "ms", millis(cost::cpu(app.id())?));
    let memory = cost::memory_kib(app.id())? as f64 / 1024.0;
    area.add(&figure("Memory after a start", count), OURS, "MiB", memory);
    Ok(())
}

fn browse(area: &mut Area, desk: &Desk, count: usize) -> Result<()> {
    let browser = Browser::app(&desk.home, &program(PROGRAM)?, &["--hidden"])?;
    let windows = &browser.session;
    let asked = Instant::now();
    open_library(desk)?;
    windows.enter_window_at("windows/library", LIMIT)?;
    windows.find("[data-testid=recording-still]", LIMIT)?;
    area.add(&figure("Library until its first card", count), OURS, "ms", millis(asked.elapsed()));

    // All titles are compared, and none is drawn.
    let found = search(windows, "no such title")?;
    area.add(&figure("Search until it is drawn", count), OURS, "ms", found);
    search(windows, "")?;

    let mut times = shelf::scroll(windows, FRAMES, FRAME_PX, LIMIT)?;
    times.sort_by(f64::total_cmp);
    let (middle, last) = (times.len() / 2, times.len().checked_sub(1).context("no frames")?);
    area.add(&figure("A frame of the scroll, median", count), OURS, "ms", times[middle]);
    area.add(&figure("A frame of the scroll, longest", count), OURS, "ms", times[last]);
    Ok(())
}

/// Types into the search as one step, and returns the milliseconds until the window has drawn what it found.
fn search(windows: &Session, words: &str) -> Result<f64> {
    let script = "const words = arguments[0];
        const field = document.querySelector('[data-testid=search]');
        window.searched = undefined;
        requestAnimationFrame(() => {
            const begun = performance.now();
            field.value = words;
            field.dispatchEvent(new Event('input', {bubbles: true}));
            requestAnimationFrame(() => setTimeout(() => window.searched = performance.now() - begun));
        });";
    windows.run(script, &[serde_json::json!(words)])?;
    let ms = windows.until("the search", LIMIT, "return window.searched ?? false;")?;
    ms.as_f64().context("the search has no time")
}

/// Opens the library by a second start of the program.
fn open_library(desk: &Desk) -> Result<()> {
    output(command(&desk.home, program(PROGRAM)?), LIMIT).map(drop)
}
