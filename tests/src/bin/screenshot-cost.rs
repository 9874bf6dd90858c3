//! Measures how long a person waits for a screenshot of a display of 3840x2160: the key to the frozen screen, the choice
//! to the editor, and each frame of a drag in the editor's own WebView. docs/screenshots.md has the figures;
//! `picture-cost` measures the export.
//!
//! `cargo xtask bench screenshot` has it measure a release build of the desktop program. Counted in are xdotool, which
//! presses the keys, and the intervals of looking.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use snaplark_tests::browser::Browser;
use snaplark_tests::desk::Desk;
use snaplark_tests::display::{Rectangle, Window};
use snaplark_tests::home::Home;
use snaplark_tests::process::program;
use snaplark_tests::recorder::ask_json;
use snaplark_tests::wait;
use snaplark_tests::webdriver::Session;

const PROGRAM: &str = "snaplark-desktop";
const SIZE: (u32, u32) = (3840, 2160);
const ROUNDS: usize = 7;
const KEYS: &str = "alt+s";
const OVERLAY_MAX: Duration = Duration::from_millis(300);
/// Nobody chooses an area faster.
const PREPARED_MAX: Duration = Duration::from_secs(1);
const EDITOR_MAX: Duration = Duration::from_millis(300);
/// Nobody looks at single pixels sooner.
const WHOLE_MAX: Duration = Duration::from_secs(1);
/// Of 60 frames a second.
const FRAME_MAX_MS: f64 = 16.7;
const FRAMES: u32 = 120;
const LIMIT: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    wait::catch_interrupts()?;
    let home = Home::new()?;
    for (name, value) in [("screenshots.after", "editor"), ("screenshots.sound", "no")] {
        ask_json(&home, None, &["settings", name, value, "--json"])?;
    }
    let mut desk = Desk::start(home, SIZE.0, SIZE.1)?;
    desk.paint(1)?;
    let app = Browser::app(&desk.home, &program(PROGRAM)?, &["--hidden"])?;
    let windows = &app.session;
    desk.display.settled("the tray", desk.tray(), None, LIMIT)?;

    let (mut overlays, mut prepared) = (Vec::new(), Vec::new());
    let (mut editors, mut wholes) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        overlays.push(freeze(&desk)?);
        prepared.push(prepare(windows)?);
        let (shown, whole) = choose(&desk, windows)?;
        editors.push(shown);
        wholes.push(whole);
        if round + 1 < ROUNDS {
            close(windows)?;
        }
    }
    print("key to the frozen screen", overlays, OVERLAY_MAX);
    print("frozen screen to the prepared editor", prepared, PREPARED_MAX);
    print("choice to the editor with its picture", editors, EDITOR_MAX);
    print("choice to all pixels in the editor", wholes, WHOLE_MAX);
    for tool in ["arrow", "pen", "blur"] {
        drag(windows, tool)?;
    }
    Ok(())
}

/// Measures from the key to the dim overlay.
fn freeze(desk: &Desk) -> Result<Duration> {
    let Desk { display, home, .. } = desk;
    let bright = display.pixels(MARGIN)?;
    let pressed = Instant::now();
    display.press(home, KEYS)?;
    display.dimmed("the frozen screen", MARGIN, &bright, LIMIT)?;
    Ok(pressed.elapsed())
}

/// Measures until the editor's page waits for its picture, hidden. A person chooses meanwhile.
fn prepare(windows: &Session) -> Result<Duration> {
    let frozen = Instant::now();
    windows.enter_window_at("windows/editor", LIMIT)?;
    windows.find("[data-testid=editor]", LIMIT)?;
    let prepared = frozen.elapsed();
    // The page notes the times itself: WebDriver takes longer to ask than what is measured.
    let note = "window.shownAt = window.wholeAt = null;
        new MutationObserver((_, watch) => {
            const stage = document.querySelector('[data-testid=stage]');
            if (document.hidden || stage === null) return;
            if (stage.dataset.shown === 'true') window.shownAt ??= Date.now();
            if (stage.dataset.whole !== 'true') return;
            window.wholeAt = Date.now();
            watch.disconnect();
        }).observe(document, {subtree: true, childList: true, attributes: true});";
    windows.run(note, &[])?;
    Ok(prepared)
}

/// Chooses nearly all of the display, and measures from the key that takes it until the editor has drawn its picture, as a
/// glance and with all its pixels.
fn choose(desk: &Desk, windows: &Session) -> Result<(Duration, Duration)> {
    let Desk { display, home, .. } = desk;
    let (width, height) = (SIZE.0.cast_signed(), SIZE.1.cast_signed());
    windows.enter_window_at("windows/chooser", LIMIT)?;
    windows.find("[data-testid=stage]", LIMIT)?;
    display.drag(home, (EDGE, EDGE), (width - EDGE, height - EDGE))?;
    windows.says("[data-testid=label]", &format!("{}", width - 2 * EDGE), LIMIT)?;
    let chosen = SystemTime::now().duration_since(UNIX_EPOCH)?;
    display.press(home, "Return")?;
    let is_editor = |window: &Window| window.name.contains("Edit screenshot");
    wait::until("the editor's window", LIMIT, || {
        Ok(display.windows(home, PROGRAM)?.into_iter().find(is_editor))
    })?;
    windows.enter_window_at("windows/editor", LIMIT)?;
    let times = "return window.wholeAt && [window.shownAt, window.wholeAt];";
    let times = windows.until("the picture in the editor", LIMIT, times)?;
    let after = |n: usize| {
        let at = times[n].as_f64().context("the page noted no time")?;
        anyhow::Ok(Duration::from_secs_f64(at / 1000.0).saturating_sub(chosen))
    };
    Ok((after(0)?, after(1)?))
}

fn close(windows: &Session) -> Result<()> {
    let before = windows.windows()?.len();
    windows.run("window.__TAURI_INTERNALS__.invoke('close_editor');", &[])?;
    wait::until("the editor to close", LIMIT, || {
        Ok((windows.windows()?.len() < before).then_some(()))
    })
}

/// Drags with a tool for some frames: one move of the pointer each. Prints what the script takes for a frame, and how far
/// frames are apart.
fn drag(windows: &Session, tool: &str) -> Result<()> {
    windows.find("[data-testid=stage][data-loaded=true]", LIMIT)?;
    windows.press(&format!("[data-testid=tool-{tool}]"), LIMIT)?;
    let script = "const [frames] = arguments;
        const stage = document.querySelector('[data-testid=stage]');
        stage.setPointerCapture = () => {};
        const {left, top, width, height} = stage.getBoundingClientRect();
        const at = (share) => ({clientX: left + width * (0.2 + share / 2), clientY: top + height * (0.3 + share / 3),
            pointerId: 1, button: 0, bubbles: true, cancelable: true});
        window.dragged = null;
        const [work, apart] = [[], []];
        stage.dispatchEvent(new PointerEvent('pointerdown', at(0)));
        let [count, last] = [0, 0];
        const step = async (now) => {
            if (last > 0) apart.push(now - last);
            last = now;
            const began = performance.now();
            stage.dispatchEvent(new PointerEvent('pointermove', at((count += 1) / frames)));
            // Svelte updates the elements in a microtask, and the layout is asked for.
            await null; await null;
            stage.getBoundingClientRect();
            work.push(performance.now() - began);
            if (count < frames) return requestAnimationFrame(step);
            stage.dispatchEvent(new PointerEvent('pointerup', at(1)));
            window.dragged = {work, apart};
        };
        requestAnimationFrame(step);";
    windows.run(script, &[json!(FRAMES)])?;
    let dragged = windows.until("the drag", LIMIT, "return window.dragged;")?;
    let median = |name: &str| -> Result<(f64, f64)> {
        let values = dragged[name].as_array().into_iter().flatten();
        let mut values: Vec<f64> = values.filter_map(|value| value.as_f64()).collect();
        ensure!(!values.is_empty(), "no frame was drawn");
        values.sort_by(f64::total_cmp);
        Ok((values[values.len() / 2], values[values.len() * 95 / 100]))
    };
    let ((work, work_95), (apart, apart_95)) = (median("work")?, median("apart")?);
    println!(
        "drag with {tool}: {work:.1} ms of script and layout for a frame ({work_95:.1} ms at the 95th of a hundred), a \
         frame each {apart:.1} ms ({apart_95:.1}); limit {FRAME_MAX_MS} ms"
    );
    Ok(())
}

/// How far from the display's edges the chosen area ends: below the panel.
const EDGE: i32 = 40;

/// A rectangle where nothing ever moves.
const MARGIN: Rectangle = Rectangle { x: 8, y: 900, width: 32, height: 32 };

fn print(what: &str, mut times: Vec<Duration>, limit: Duration) {
    let first = times[0];
    times.sort();
    println!(
        "{what}, 3840x2160: {} ms, {} ms the first time, {} ms at worst of {ROUNDS} (limit {} ms)",
        times[times.len() / 2].as_millis(),
        first.as_millis(),
        times[times.len() - 1].as_millis(),
        limit.as_millis(),
    );
}
