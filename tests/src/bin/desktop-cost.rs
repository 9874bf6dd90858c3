//! Measures how long a person waits, and what the app uses while nobody uses it: start to tray, shortcut to
//! first frame, second shortcut to toast, shortcut to chooser, a library of thousands that scrolls, CPU and
//! memory at rest.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use snaplark_tests::browser::Browser;
use snaplark_tests::desk::Desk;
use snaplark_tests::display::Rectangle;
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, output, program};
use snaplark_tests::{cost, numbers, shelf, wait};

const PROGRAM: &str = "snaplark-desktop";
const SIZE: (u32, u32) = (1280, 720);
const ROUNDS: usize = 10;
/// The rate of the numbered screen. What is measured by it is accurate to one number.
const NUMBERS_A_SECOND: u32 = 60;
const RECORD: &str = "alt+r";
const CHOOSE: &str = "alt+a";

const FIRST_PICTURE_MAX: Duration = Duration::from_millis(300);
const TOAST_MAX: Duration = Duration::from_millis(200);
const CHOOSER_MAX: Duration = Duration::from_millis(300);

const RECORDED: Duration = Duration::from_secs(3);
const LIMIT: Duration = Duration::from_secs(60);
const REST: Duration = Duration::from_secs(30);

const RECORDINGS: usize = 5_000;
const FRAMES: usize = 600;
/// A fast scroll, as of a hand in a hurry.
const FRAME_PX: u32 = 120;

fn main() -> Result<()> {
    wait::catch_interrupts()?;
    let mut desk = Desk::start(Home::new()?, SIZE.0, SIZE.1)?;
    // The first start creates the databases, and the session starts its portal, unlike at later starts.
    drop(start(&desk, "the first time")?);
    let app = start(&desk, "later")?;
    rest(&desk, &app)?;

    desk.paint(NUMBERS_A_SECOND)?;
    let choosers: Result<Vec<Duration>> = (0..ROUNDS).map(|_| chooser(&desk)).collect();
    let recordings: Result<Vec<(Duration, Duration)>> =
        (0..ROUNDS).map(|_| recording(&desk)).collect();
    let (first_pictures, toasts): (Vec<_>, Vec<_>) = recordings?.into_iter().unzip();
    print("shortcut to first picture", first_pictures, FIRST_PICTURE_MAX);
    print("second shortcut to toast", toasts, TOAST_MAX);
    print("shortcut to chooser", choosers?, CHOOSER_MAX);

    open_library(&desk)?;
    let snaplark = desk.home.snaplark();
    wait::until("a recording's still", LIMIT, || Ok(shelf::still(snaplark)))?;
    drop(app);
    shelf::multiply(snaplark, RECORDINGS)?;
    scroll(&desk)
}

fn start(desk: &Desk, when: &str) -> Result<Process> {
    let empty_tray = desk.display.settled("an empty tray", desk.tray(), None, LIMIT)?;
    let asked = Instant::now();
    let mut app = command(&desk.home, program(PROGRAM)?);
    app.arg("--hidden");
    let app = Process::start(&desk.home, PROGRAM, app)?;
    wait::until("the tray icon", LIMIT, || {
        Ok((desk.display.pixels(desk.tray())? != empty_tray).then_some(()))
    })?;
    println!("start to tray, {when}: {} ms", asked.elapsed().as_millis());
    desk.display.settled("the tray", desk.tray(), Some(&empty_tray), LIMIT)?;
    Ok(app)
}

fn rest(desk: &Desk, app: &Process) -> Result<()> {
    // Work that prepares windows after the start doesn't count as rest.
    wait::pass("the start's end", REST / 3)?;
    desk.display.settled("the tray", desk.tray(), None, LIMIT)?;
    let before = cost::cpu(app.id())?;
    wait::pass("the rest", REST)?;
    let worked = cost::cpu(app.id())? - before;
    println!(
        "at rest: {:.2}% of one core (limit 1%), {} MB",
        worked.as_secs_f64() / REST.as_secs_f64() * 100.0,
        cost::memory_kib(app.id())? / 1024,
    );
    Ok(())
}

/// Measures one recording. The time of the process that presses the shortcut counts too.
fn recording(desk: &Desk) -> Result<(Duration, Duration)> {
    let Desk { display, home, .. } = desk;
    let corner = toast_corner();
    let before = saved(home)?;
    let idle_tray = display.pixels(desk.tray())?;
    let pressed = shown_number(desk)?;
    display.press(home, RECORD)?;
    display.settled("the tray to show that it records", desk.tray(), Some(&idle_tray), LIMIT)?;
    wait::pass("the recording", RECORDED)?;

    let uncovered = display.pixels(corner)?;
    let stopped = Instant::now();
    display.press(home, RECORD)?;
    wait::until("the toast", LIMIT, || Ok((display.pixels(corner)? != uncovered).then_some(())))?;
    let toast = stopped.elapsed();

    let file = wait::until("the recording's own file", LIMIT, || {
        Ok(saved(home)?.into_iter().find(|file| !before.contains(file)))
    })?;
    let reading = numbers::read_file(&file, SIZE)?;
    let first = reading.frames.into_iter().flatten().next().context("no number is to be read")?;
    wait::until("the toast to go", LIMIT, || {
        Ok((display.pixels(corner)? == uncovered).then_some(()))
    })?;
    let numbers = u32::from(first.saturating_sub(pressed));
    Ok((Duration::from_secs(1) * numbers / NUMBERS_A_SECOND, toast))
}

/// Measures opening the chooser, and closes it again. It is open when the picture under it has become dim.
fn chooser(desk: &Desk) -> Result<Duration> {
    let Desk { display, home, .. } = desk;
    let uncovered = display.pixels(margin())?;
    let bright = brightness(&uncovered);
    let pressed = Instant::now();
    display.press(home, CHOOSE)?;
    wait::until("the chooser", LIMIT, || {
        let now = brightness(&display.pixels(margin())?);
        Ok((bright / 4..bright * 3 / 4).contains(&now).then_some(()))
    })?;
    let took = pressed.elapsed();
    display.press(home, "Escape")?;
    wait::until("the chooser to go", LIMIT, || {
        Ok((display.pixels(margin())? == uncovered).then_some(()))
    })?;
    display.settled("the tray", desk.tray(), None, LIMIT)?;
    Ok(took)
}

/// Measures scrolling through thousands of recordings in the app's own WebView: the time from each frame to
/// the next.
fn scroll(desk: &Desk) -> Result<()> {
    let windows = Browser::app(&desk.home, &program(PROGRAM)?, &["--hidden"])?;
    open_library(desk)?;
    let windows = &windows.session;
    windows.enter_window_at("windows/library", LIMIT)?;
    windows.find("[data-testid=recording-still]", LIMIT)?;
    let times = shelf::scroll(windows, FRAMES, FRAME_PX, LIMIT)?;
    let mut sorted = times.clone();
    sorted.sort_by(f64::total_cmp);
    println!(
        "library of {RECORDINGS}, scrolled: a picture each {:.1} ms, {:.1} ms at the median \
         (limit 16.7 ms), {:.0} ms at worst of {FRAMES}",
        times.iter().sum::<f64>() / times.len() as f64,
        sorted[sorted.len() / 2],
        sorted[sorted.len() - 1],
    );
    Ok(())
}

/// Opens the library by a second start of the program.
fn open_library(desk: &Desk) -> Result<()> {
    output(command(&desk.home, program(PROGRAM)?), LIMIT).map(drop)
}

/// A rectangle within a toast, right of the recorder bar, where nothing else moves.
fn toast_corner() -> Rectangle {
    Rectangle { x: 1000, y: 640, width: 60, height: 50 }
}

/// A rectangle beside the numbered screen's content, where nothing ever moves.
fn margin() -> Rectangle {
    Rectangle { x: 8, y: 300, width: 32, height: 32 }
}

fn brightness(pixels: &[u8]) -> u64 {
    pixels.chunks_exact(4).flat_map(|pixel| &pixel[..3]).map(|part| u64::from(*part)).sum()
}

fn shown_number(desk: &Desk) -> Result<u16> {
    wait::until("a number on the screen", LIMIT, || {
        let field = desk.display.pixels(numbers::field(SIZE.0, SIZE.1))?;
        let grey: Vec<u8> = field.chunks_exact(4).map(|pixel| pixel[1]).collect();
        Ok(numbers::read(&grey))
    })
}

fn saved(home: &Home) -> Result<Vec<PathBuf>> {
    let Ok(entries) = std::fs::read_dir(home.snaplark().join("saved")) else {
        return Ok(Vec::new());
    };
    let files = entries.flatten().map(|entry| entry.path());
    Ok(files.filter(|file| file.extension().is_some_and(|end| end == "webm")).collect())
}

fn print(what: &str, mut times: Vec<Duration>, limit: Duration) {
    let first = times[0];
    times.sort();
    println!(
        "{what}: {} ms, {} ms the first time, {} ms at worst of {ROUNDS} (limit {} ms)",
        times[times.len() / 2].as_millis(),
        first.as_millis(),
        times[times.len() - 1].as_millis(),
        limit.as_millis(),
    );
}
