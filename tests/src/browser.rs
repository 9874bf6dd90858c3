//! Browsers: Chromium for what a viewer sees, WebKit for the app's own windows.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::home::Home;
use crate::ports;
use crate::process::{Process, command};
use crate::wait;
use crate::webdriver::Session;

const START: Duration = Duration::from_secs(30);
/// Added to a video's own length, for loading and for a loaded machine.
const PLAY_MARGIN: Duration = Duration::from_secs(30);

/// A browser under WebDriver control; the session ends before its driver.
pub struct Browser {
    pub session: Session,
    _driver: Process,
}

impl Browser {
    /// Starts Chromium without a window.
    pub fn chromium(home: &Home) -> Result<Self> {
        let mut chromedriver = command(home, "chromedriver");
        // With port 0 it takes a free port of IPv4 and fails if the same port of IPv6 is in use.
        let [port] = ports::free()?;
        chromedriver.arg(format!("--port={port}"));
        let mut driver = Process::start(home, "chromedriver", chromedriver)?;
        wait::until("chromedriver to listen", START, || {
            Ok(driver.line(START)?.contains("started successfully").then_some(()))
        })?;
        let profile = format!("--user-data-dir={}", home.path().join("chromium").display());
        let mut args = vec![
            "--headless=new",
            "--disable-gpu",
            "--mute-audio",
            "--no-first-run",
            "--disable-dev-shm-usage",
            "--autoplay-policy=no-user-gesture-required",
            "--window-size=1280,900",
            &profile,
        ];
        if rustix::process::getuid().is_root() {
            // Chromium refuses its sandbox when it runs as root, as it does in containers.
            args.push("--no-sandbox");
        }
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": {"args": args},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let session = Session::open(&format!("http://127.0.0.1:{port}"), &capabilities)?;
        Ok(Self { session, _driver: driver })
    }

    /// Starts one of our own programs, whose windows are WebKit's, through WebKit's driver on the home's
    /// display. The windows accept the driver because environment variables tell Tauri that they are
    /// automated.
    pub fn app(home: &Home, program: &Path, args: &[&str]) -> Result<Self> {
        Self::on_webkit(
            home,
            &json!({"webkitgtk:browserOptions": {"binary": program, "args": args}}),
        )
    }

    /// Starts WebKit's own small browser on the home's display.
    pub fn webkit(home: &Home) -> Result<Self> {
        Self::on_webkit(home, &json!({}))
    }

    fn on_webkit(home: &Home, capabilities: &Value) -> Result<Self> {
        let [port] = ports::free()?;
        let mut webdriver = command(home, "WebKitWebDriver");
        webdriver.arg(format!("--port={port}"));
        webdriver.env("TAURI_AUTOMATION", "true").env("TAURI_WEBVIEW_AUTOMATION", "true");
        let driver = Process::start(home, "WebKitWebDriver", webdriver)?;
        let session = Session::open(&format!("http://127.0.0.1:{port}"), capabilities)?;
        Ok(Self { session, _driver: driver })
    }
}

/// The result of playing a video.
#[derive(Clone, Debug)]
pub struct Played {
    pub duration_s: f64,
    /// Frames that the browser decoded from start to end.
    pub frames: u64,
}

/// Plays the page's video from start to end, then seeks to its middle and continues from there.
pub fn play(session: &Session, url: &str) -> Result<Played> {
    session.go(url)?;
    // A page that falls through to another source loads again until one plays.
    session
        .until(
            "a video that can be played",
            START,
            "const v = document.querySelector('video'); return v && (v.readyState > 0 || v.error);",
        )
        .with_context(|| format!("{url} shows no video"))?;
    session.run(
        "const v = document.querySelector('video');
         v.pause(); v.muted = true; v.loop = false; v.currentTime = 0;
         window.seen = {ended: false, error: null};
         v.addEventListener('ended', () => { window.seen.ended = true; });
         v.addEventListener('error', () => { window.seen.error = String(v.error && v.error.message); });
         v.play().catch((e) => { window.seen.error = String(e); });",
        &[],
    )?;
    let duration = session.until(
        "the video's length",
        START,
        "const v = document.querySelector('video');
         return window.seen.error || (Number.isFinite(v.duration) && v.duration > 0 && v.duration);",
    )?;
    let duration_s = number(session, &duration)?;
    let ended = session.until(
        "the video's end",
        Duration::from_secs_f64(duration_s) + PLAY_MARGIN,
        "return window.seen.error || window.seen.ended;",
    )?;
    if ended != json!(true) {
        bail!("Chromium on {url}: {ended}");
    }
    let frames = session.run(
        "return document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames;",
        &[],
    )?;
    session.run(
        "const v = document.querySelector('video');
         window.seen = {seeked: false, error: null};
         v.addEventListener('seeked', () => { window.seen.seeked = true; }, {once: true});
         v.currentTime = v.duration / 2;
         v.play().catch((e) => { window.seen.error = String(e); });",
        &[],
    )?;
    let at = session.until(
        "the video to play on from its middle",
        START,
        "const v = document.querySelector('video');
         return window.seen.error || (window.seen.seeked && v.readyState >= 2
             && v.currentTime > v.duration / 2 + 0.3 && v.currentTime);",
    )?;
    let at = number(session, &at)?;
    if at < duration_s / 2.0 || at > duration_s {
        bail!("after a seek to the middle of {duration_s} s the video plays at {at} s");
    }
    Ok(Played { duration_s, frames: frames.as_u64().unwrap_or(0) })
}

fn number(session: &Session, value: &Value) -> Result<f64> {
    match value.as_f64() {
        Some(number) => Ok(number),
        None => bail!("Chromium on {}: {value}", session.title()?),
    }
}
