//! What a person waits for, and what the program uses while nobody uses it: key to first picture, second key to toast, key
//! to chooser; CPU, wakeups and memory at rest. Beside it at rest: a Tauri app that does nothing, with no window and with
//! one that is hidden, and OBS.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use snaplark_tests::desk::Desk;
use snaplark_tests::display::Rectangle;
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, program};
use snaplark_tests::{cost, numbers, peer_recorders, wait};

use crate::report::{Area, millis};
use crate::sides;

const PROGRAM: &str = "snaplark-desktop";
/// An example of the desktop's package, so that it is built with the same Tauri.
const EMPTY_PROGRAM: &str = "examples/empty-tauri";
const SIZE: (u32, u32) = (1280, 720);
/// The rate of the numbered screen. What is measured by it is accurate to one number.
const NUMBERS_A_SECOND: u32 = 60;
const RECORD: &str = "alt+r";
const CHOOSE: &str = "alt+a";
const STARTS: usize = 3;
const RECORDINGS: usize = 10;
const RECORDED: Duration = Duration::from_secs(3);
const LIMIT: Duration = Duration::from_secs(60);
/// After it, a start's work has ended: windows are prepared, plugins are loaded.
const SETTLED: Duration = Duration::from_secs(10);
const REST: Duration = Duration::from_secs(20);

const OURS: &str = "Snaplark";
const EMPTY: &str = "A Tauri app without a window";
const WINDOWED: &str = "A Tauri app with a hidden window";
const OBS: &str = "OBS";

const FIRST_PICTURE: &str = "Key to first picture";
const TOAST: &str = "Second key to toast";
const CHOOSER: &str = "Key to chooser";
const WAKEUPS: &str = "Wakeups a second at rest";
const MEMORY: &str = "Memory at rest";
const CPU: &str = "CPU at rest";
const WEB: &str = "Web processes at rest";

pub fn measure(area: &mut Area) -> Result<()> {
    area.title = "Waiting, and rest".to_owned();
    let mut desk = Desk::start(Home::new()?, SIZE.0, SIZE.1)?;
    area.versions.insert("OBS".to_owned(), sides::version(&desk.home, "obs", "--version")?);
    // The first start creates the databases, and the session starts its portal, unlike at later starts.
    drop(started(&desk)?);
    for round in 0..area.much(STARTS, 1) {
        area.progress(&format!("round {}, rest", round + 1));
        let (app, to_tray) = started(&desk)?;
        area.add("Start to tray", OURS, "ms", millis(to_tray));
        rest(area, OURS, &app)?;
        drop(app);
        for (side, windows) in [(EMPTY, "0"), (WINDOWED, "1")] {
            let mut empty = command(&desk.home, program(EMPTY_PROGRAM)?);
            empty.arg(windows);
            rest(area, side, &Process::start(&desk.home, side, empty)?)?;
        }
        rest(area, OBS, &Process::start(&desk.home, OBS, peer_recorders::obs(&desk.home)?)?)?;
    }

    let app = started(&desk)?;
    desk.paint(NUMBERS_A_SECOND)?;
    for round in 0..area.much(RECORDINGS, 2) {
        area.progress(&format!("round {}, keys", round + 1));
        area.add(CHOOSER, OURS, "ms", millis(chooser(&desk)?));
        let (first_picture, toast) = recording(&desk)?;
        area.add(FIRST_PICTURE, OURS, "ms", millis(first_picture));
        area.add(TOAST, OURS, "ms", millis(toast));
    }
    drop(app);

    for (what, most) in [(FIRST_PICTURE, 300.0), (TOAST, 200.0), (CHOOSER, 300.0), (WAKEUPS, 5.0)] {
        let measured = area.median(what, OURS)?;
        area.aim(what, measured, None, Some(most));
    }
    let beside = area.median(MEMORY, OURS)? / area.median(MEMORY, WINDOWED)?;
    area.aim("Memory at rest beside a Tauri app with a hidden window", beside, None, Some(1.2));
    area.left_out.push(
        "Memory is each process's share (PSS) of what it uses, with its web processes. The times of keys count the program \
         that presses them in. OBS draws its preview by software here, which a graphics card would do, and no other \
         recorder's keys were measured. A tray menu, a window in front and a network that fails are no rest and were not \
         measured."
            .to_owned(),
    );
    Ok(())
}

/// Starts the program, hidden, and waits for its icon in the tray.
pub fn started(desk: &Desk) -> Result<(Process, Duration)> {
    let empty_tray = desk.display.settled("an empty tray", desk.tray(), None, LIMIT)?;
    let asked = Instant::now();
    let mut app = command(&desk.home, program(PROGRAM)?);
    app.arg("--hidden");
    let app = Process::start(&desk.home, PROGRAM, app)?;
    wait::until("the tray icon", LIMIT, || {
        Ok((desk.display.pixels(desk.tray())? != empty_tray).then_some(()))
    })?;
    let took = asked.elapsed();
    desk.display.settled("the tray", desk.tray(), Some(&empty_tray), LIMIT)?;
    Ok((app, took))
}

/// Measures a program that was just started, while nothing happens.
fn rest(area: &mut Area, side: &str, app: &Process) -> Result<()> {
    let (settled, rest) = (area.much(SETTLED, SETTLED / 5), area.much(REST, REST / 5));
    wait::pass("the end of its start", settled)?;
    let (cpu, wakeups) = (cost::cpu(app.id())?, cost::wakeups(app.id())?);
    wait::pass("the rest", rest)?;
    let worked = (cost::cpu(app.id())? - cpu).as_secs_f64() / rest.as_secs_f64();
    let woken = cost::wakeups(app.id())?.saturating_sub(wakeups) as f64 / rest.as_secs_f64();
    area.add(CPU, side, "% of a core", 100.0 * worked);
    area.add(WAKEUPS, side, "a second", woken);
    area.add(MEMORY, side, "MiB", cost::memory_kib(app.id())? as f64 / 1024.0);
    if side != OBS {
        let processes = cost::count(app.id(), "WebKitWebProces")?;
        area.add(WEB, side, "processes", processes as f64);
    }
    Ok(())
}

/// Measures one recording.
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
    let pressed = Instant::now();
    display.press(home, CHOOSE)?;
    display.dimmed("the chooser", margin(), &uncovered, LIMIT)?;
    let took = pressed.elapsed();
    display.press(home, "Escape")?;
    wait::until("the chooser to go", LIMIT, || {
        Ok((display.pixels(margin())? == uncovered).then_some(()))
    })?;
    display.settled("the tray", desk.tray(), None, LIMIT)?;
    Ok(took)
}

/// A rectangle within a toast, right of the recorder bar, where nothing else moves.
fn toast_corner() -> Rectangle {
    Rectangle { x: 1000, y: 640, width: 60, height: 50 }
}

/// A rectangle beside the numbered screen's content, where nothing ever moves.
fn margin() -> Rectangle {
    Rectangle { x: 8, y: 300, width: 32, height: 32 }
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
