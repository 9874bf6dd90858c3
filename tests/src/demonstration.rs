//! The product on a virtual desktop, from the shortcut to the link. `cargo xtask run` shows it where there
//! is no display, and the desktop tests check it.

use std::cell::Cell;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::browser::Browser;
use crate::desk::Desk;
use crate::display::{Rectangle, Window};
use crate::home::Home;
use crate::process::{Process, command, program};
use crate::{session, wait};

/// 720p, the size for which the limits are stated.
pub const SIZE: (u32, u32) = (1280, 720);
/// Half the recording's rate. With equal rates the two clocks would drift against each other, and a number
/// could fall between two frames without a bug.
pub const NUMBERS_A_SECOND: u32 = 15;

const PROGRAM: &str = "snaplark-desktop";
/// Part of every window's class.
const CLASS: &str = "snaplark";
const RECORD_KEYS: &str = "alt+r";

/// The limit of a cold start of WebKit on a loaded machine.
const START: Duration = Duration::from_secs(60);
/// The limit from the key to its visible effect.
const RESPONSE: Duration = Duration::from_secs(15);
/// Tolerance for the time that a key takes, and for counting whole numbers of the screen.
const MARGIN_S: f64 = 0.3;
/// A toast's window has a margin for its shadow and round corners.
const AROUND: u32 = 28;
/// The limit from the second key to the link.
const LINK: Duration = Duration::from_secs(60);

/// The app, with or without a driver for its windows.
enum Running {
    Plain(Process),
    Driven(Browser),
}

/// The app on its desktop.
pub struct Demonstration {
    running: Running,
    /// Present if the windows are driven. Started before the app, since the portal would start a locked
    /// one.
    pub keyring: Option<Process>,
    pub desk: Desk,
    /// The shortcut in xdotool's syntax.
    pub record_keys: String,
    pictures: PathBuf,
    idle_tray: Vec<u8>,
    /// The times at which the key was pressed and the tray showed it.
    started: Cell<Option<(Instant, Instant)>>,
}

/// The result of one recording.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The link from the clipboard.
    pub link: String,
    /// The person's own file.
    pub file: PathBuf,
    /// The allowed length in seconds: to the second key, from the time the tray showed it or from the first
    /// key.
    pub seconds: RangeInclusive<f64>,
}

impl Shared {
    /// Returns the address of the video behind the link, as the share page plays it.
    pub fn video(&self) -> String {
        format!("{}/video.webm", self.link)
    }
}

impl Demonstration {
    /// Starts a desktop with the numbered screen and the app in its tray.
    pub fn begin(home: Home, pictures: &Path) -> Result<Self> {
        Self::start(Desk::start(home, SIZE.0, SIZE.1)?, pictures, |home| {
            let mut app = command(home, program(PROGRAM)?);
            app.arg("--hidden");
            Ok((Running::Plain(Process::start(home, PROGRAM, app)?), None))
        })
    }

    /// Starts it with an unlocked keyring, and with windows that WebDriver controls.
    pub fn begin_driven(home: Home, pictures: &Path) -> Result<Self> {
        Self::begin_driven_with(home, pictures, &["--hidden"])
    }

    /// Starts the driven app on an existing desktop.
    pub fn begin_driven_on(desk: Desk, pictures: &Path) -> Result<Self> {
        Self::start(desk, pictures, |home| drive(home, &["--hidden"]))
    }

    /// Starts the driven app with these arguments, as a person would.
    pub fn begin_driven_with(home: Home, pictures: &Path, args: &[&str]) -> Result<Self> {
        Self::start(Desk::start(home, SIZE.0, SIZE.1)?, pictures, |home| drive(home, args))
    }

    fn start(
        mut desk: Desk,
        pictures: &Path,
        start: impl FnOnce(&Home) -> Result<(Running, Option<Process>)>,
    ) -> Result<Self> {
        desk.paint(NUMBERS_A_SECOND)?;
        record_sound(&desk.home)?;
        let empty_tray = desk.display.pixels(desk.tray())?;
        let (running, keyring) = start(&desk.home)?;
        let idle_tray =
            desk.display.settled("the tray icon", desk.tray(), Some(&empty_tray), START)?;
        desk.hears_tone()?;
        let started = Cell::new(None);
        let record_keys = RECORD_KEYS.into();
        let pictures = pictures.into();
        Ok(Self { running, keyring, desk, record_keys, pictures, idle_tray, started })
    }

    /// Returns the driven windows.
    pub fn windows(&self) -> Result<&Browser> {
        match &self.running {
            Running::Driven(browser) => Ok(browser),
            Running::Plain(_) => bail!("nobody drives these windows"),
        }
    }

    /// Presses the shortcut and waits until the tray shows the recording.
    pub fn start_recording(&self) -> Result<()> {
        self.record_by(&self.record_keys)
    }

    /// Starts a recording like `start_recording`, with other keys.
    pub fn record_by(&self, keys: &str) -> Result<()> {
        let Desk { display, home, .. } = &self.desk;
        display.press(home, keys)?;
        let pressed = Instant::now();
        display.settled(
            "the tray icon to show that it records",
            self.desk.tray(),
            Some(&self.idle_tray),
            RESPONSE,
        )?;
        self.started.set(Some((pressed, Instant::now())));
        let tray = self.desk.tray();
        let wide = Rectangle { x: tray.x - 200, width: tray.width + 200, ..tray };
        self.picture("tray", Some(wide))?;
        self.picture("recording", None)
    }

    /// Presses the shortcut again, and waits for toast and link.
    pub fn stop_recording(&self) -> Result<Shared> {
        let Desk { display, home, .. } = &self.desk;
        let before = self.files()?;
        let (pressed, shown) = self.started.take().context("nothing records")?;
        let at_least = shown.elapsed().as_secs_f64();
        display.press(home, &self.record_keys)?;
        let at_most = pressed.elapsed().as_secs_f64();
        let seconds = at_least - MARGIN_S..=at_most + MARGIN_S;
        // The toast closes by itself after a while, unless the pointer is over it.
        let Rectangle { x, y, width, height } = self.toast()?.at;
        display.point(home, (x + width.cast_signed() / 2, y + height.cast_signed() / 2))?;
        let link = wait::until("a link on the clipboard", LINK, || {
            let text = display.clipboard(home)?;
            Ok(text.filter(|text| text.starts_with("http://") || text.starts_with("https://")))
        })?;
        let file = wait::until("the recording's own file", LINK, || {
            Ok(self.files()?.into_iter().find(|file| !before.contains(file)))
        })?;
        // It says "copied" a moment after the clipboard has the link. Its margin shows what lies below,
        // where a video may play.
        let at = self.toast()?.at;
        let card = Rectangle {
            x: at.x + AROUND.cast_signed(),
            y: at.y + AROUND.cast_signed(),
            width: at.width.saturating_sub(2 * AROUND).max(1),
            height: at.height.saturating_sub(2 * AROUND).max(1),
        };
        display.settled("the toast to be drawn", card, None, RESPONSE)?;
        self.picture("toast", Some(at))?;
        self.picture("done", None)?;
        let (width, height) = self.desk.size;
        display.point(home, (width.cast_signed() / 2, height.cast_signed() / 2))?;
        Ok(Shared { link, file, seconds })
    }

    /// Waits until the app shows a window that `is_it` accepts.
    pub fn window(&self, what: &str, is_it: impl Fn(&Window) -> bool) -> Result<Window> {
        let Desk { display, home, .. } = &self.desk;
        let found =
            wait::until(what, START, || Ok(display.windows(home, CLASS)?.into_iter().find(&is_it)));
        found.inspect_err(|_| {
            self.picture("missing-window", None).ok();
            eprintln!("{:#?}", display.windows(home, CLASS));
        })
    }

    /// Waits until it shows none.
    pub fn no_window(&self, what: &str, is_it: impl Fn(&Window) -> bool) -> Result<()> {
        let Desk { display, home, .. } = &self.desk;
        wait::until(what, START, || {
            Ok((!display.windows(home, CLASS)?.iter().any(&is_it)).then_some(()))
        })
    }

    /// Waits until the app shows a toast: its window at the bottom right.
    pub fn toast(&self) -> Result<Window> {
        self.window("a toast at the bottom right", |window| self.is_toast(window))
    }

    fn is_toast(&self, window: &Window) -> bool {
        let (width, height) = self.desk.size;
        let right = window.at.x + window.at.width.cast_signed();
        let bottom = window.at.y + window.at.height.cast_signed();
        window.at.height > 40
            && window.at.height < 400
            && right >= width.cast_signed() - 32
            && bottom >= height.cast_signed() - 32
    }

    /// Starts the program a second time, which opens the library of the running one.
    pub fn open_library(&self) -> Result<Window> {
        let Desk { display, home, .. } = &self.desk;
        let second = command(home, program(PROGRAM)?);
        crate::process::output(second, START).context("the second start")?;
        let window = wait::until("the library's window", START, || {
            let windows = display.windows(home, CLASS)?;
            Ok(windows.into_iter().find(|window| window.at.width > 600 && window.at.height >= 400))
        })?;
        display.settled("the library to be drawn", window.at, None, START)?;
        self.picture("desktop", None)?;
        // Nothing is wrong, so the toast closes by itself and uncovers the library.
        self.no_window("the toast to go", |window| self.is_toast(window))?;
        display.settled("the library to be uncovered", window.at, None, START)?;
        self.picture("library", Some(window.at))?;
        Ok(window)
    }

    /// Returns the desktop without the app, which ends with its driver.
    pub fn without_app(self) -> Desk {
        drop(self.running);
        self.desk
    }

    /// Ends the app as a logout does.
    pub fn quit(self) -> Result<()> {
        match self.running {
            Running::Plain(mut app) => {
                app.terminate();
                let status = app.wait(START)?;
                if !status.success() {
                    bail!("the app ended with {status}:\n{}", app.complaints());
                }
                Ok(())
            }
            // The driver ends it.
            Running::Driven(_) => Ok(()),
        }
    }

    /// Returns the app's error output, if it has a log of its own.
    pub fn complaints(&self) -> String {
        match &self.running {
            Running::Plain(app) => app.complaints(),
            Running::Driven(_) => String::new(),
        }
    }

    fn files(&self) -> Result<Vec<PathBuf>> {
        let folder = self.desk.home.snaplark().join("saved");
        let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(Vec::new()) };
        let files = entries.flatten().map(|entry| entry.path());
        Ok(files.filter(|file| file.extension().is_some_and(|end| end == "webm")).collect())
    }

    fn picture(&self, name: &str, part: Option<Rectangle>) -> Result<()> {
        let file = self.pictures.join(format!("{name}.png"));
        self.desk.display.picture(&self.desk.home, &file, part)
    }
}

/// Sets a microphone, since most people record one.
fn record_sound(home: &Home) -> Result<()> {
    let mut choose = command(home, program("snaplark")?);
    choose.args(["settings", "microphone", "default"]);
    crate::process::output(choose, START).map(|_| ())
}

fn drive(home: &Home, args: &[&str]) -> Result<(Running, Option<Process>)> {
    let keyring = session::keyring(home)?;
    let windows = Browser::app(home, &program(PROGRAM)?, args)?;
    Ok((Running::Driven(windows), Some(keyring)))
}
