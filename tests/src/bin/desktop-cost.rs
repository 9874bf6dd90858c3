//! What a person waits for, and what the app takes while nobody uses it: start to tray, shortcut to
//! first picture, second shortcut to toast, CPU and memory at rest.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use snaplark_tests::desk::Desk;
use snaplark_tests::display::Rectangle;
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, program};
use snaplark_tests::{cost, numbers, wait};

const SIZE: (u32, u32) = (1280, 720);
const ROUNDS: usize = 10;
/// The screen's own clock: what is measured by it is right within one number.
const NUMBERS_A_SECOND: u32 = 60;
const KEYS: &str = "alt+r";

const FIRST_PICTURE_MAX: Duration = Duration::from_millis(300);
const TOAST_MAX: Duration = Duration::from_millis(200);

const RECORDED: Duration = Duration::from_secs(3);
const LIMIT: Duration = Duration::from_secs(60);
const REST: Duration = Duration::from_secs(30);

fn main() -> Result<()> {
    wait::catch_interrupts()?;
    let mut desk = Desk::start(Home::new()?, SIZE.0, SIZE.1)?;
    let empty_tray = desk.display.pixels(desk.tray())?;
    let asked = Instant::now();
    let mut app = command(&desk.home, program("snaplark-desktop")?);
    app.arg("--hidden");
    let app = Process::start(&desk.home, "snaplark-desktop", app)?;
    wait::until("the tray icon", LIMIT, || {
        Ok((desk.display.pixels(desk.tray())? != empty_tray).then_some(()))
    })?;
    println!("start to tray: {} ms", asked.elapsed().as_millis());

    desk.display.settled("the tray", desk.tray(), Some(&empty_tray), LIMIT)?;
    let before = cost::cpu(app.id())?;
    wait::pass("the rest", REST)?;
    let worked = cost::cpu(app.id())? - before;
    println!(
        "at rest: {:.2}% of one core (limit 1%), {} MB",
        worked.as_secs_f64() / REST.as_secs_f64() * 100.0,
        cost::memory_kib(app.id())? / 1024,
    );

    desk.paint(NUMBERS_A_SECOND)?;
    let mut first_pictures = Vec::new();
    let mut toasts = Vec::new();
    for _ in 0..ROUNDS {
        let (first_picture, toast) = round(&desk)?;
        first_pictures.push(first_picture);
        toasts.push(toast);
    }
    print("shortcut to first picture", first_pictures, FIRST_PICTURE_MAX);
    print("second shortcut to toast", toasts, TOAST_MAX);
    Ok(())
}

/// One recording. The shortcut's own time counts: a process that presses it.
fn round(desk: &Desk) -> Result<(Duration, Duration)> {
    let Desk { display, home, .. } = desk;
    let corner = toast_corner();
    let before = saved(home)?;
    let idle_tray = display.pixels(desk.tray())?;
    let pressed = shown_number(desk)?;
    display.press(home, KEYS)?;
    display.settled("the tray to show that it records", desk.tray(), Some(&idle_tray), LIMIT)?;
    wait::pass("the recording", RECORDED)?;

    let uncovered = display.pixels(corner)?;
    let stopped = Instant::now();
    display.press(home, KEYS)?;
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

/// Within a toast, right of the recorder bar: nothing else moves there.
fn toast_corner() -> Rectangle {
    Rectangle { x: 1000, y: 640, width: 60, height: 50 }
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
    times.sort();
    println!(
        "{what}: {} ms, {} ms at worst of {ROUNDS} (limit {} ms)",
        times[times.len() / 2].as_millis(),
        times[times.len() - 1].as_millis(),
        limit.as_millis(),
    );
}
