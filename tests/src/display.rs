//! An X display without a screen, and what a person would see on it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{ConnectionExt, GrabMode, ImageFormat, ModMask};
use x11rb::rust_connection::RustConnection;

use crate::home::Home;
use crate::process::{Process, command, output};
use crate::wait;

/// A graphics card with sixteen monitors and no screen.
const MONITORS: &str = r#"
Section "ServerFlags"
  Option "AutoAddDevices" "false"
  Option "AutoAddGPU" "false"
EndSection
Section "Device"
  Identifier "card"
  Driver "dummy"
  VideoRam 128000
EndSection
Section "Monitor"
  Identifier "any"
  HorizSync 1-1000
  VertRefresh 1-1000
EndSection
Section "Screen"
  Identifier "screen"
  Device "card"
  Monitor "any"
  DefaultDepth 24
EndSection
"#;

/// Xvfb starts in well under a second; a loaded machine takes longer.
const START: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_secs(10);

pub struct Display {
    name: String,
    _server: Option<Process>,
}

/// A rectangle of the screen, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rectangle {
    pub x: i32,
    pub y: i32,
    pub width: u32,
    pub height: u32,
}

#[derive(Clone, Debug)]
pub struct Window {
    pub id: u32,
    pub name: String,
    pub at: Rectangle,
}

/// Returns an unused display number. A number chosen by the server may be that of a server that is ending,
/// which then removes the new one's socket.
fn number_of_its_own() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(":{}", 1_000 + std::process::id() % 5_000 * 10 + count % 10)
}

/// Keys that another program has grabbed.
pub struct Taken {
    connection: RustConnection,
}

impl Taken {
    /// Returns whether the program received the keys since the last call.
    pub fn heard(&self) -> Result<bool> {
        let mut heard = false;
        while let Some(event) = self.connection.poll_for_event()? {
            heard |= matches!(event, Event::KeyPress(_));
        }
        Ok(heard)
    }
}

impl Display {
    /// Starts a display and makes it the home's.
    pub fn start(home: &mut Home, width: u32, height: u32) -> Result<Self> {
        let mut xvfb = command(home, "Xvfb");
        xvfb.args(["-screen", "0", &format!("{width}x{height}x24")]);
        Self::serve(home, xvfb)
    }

    /// Returns the home's display, which another program serves: that of a Wayland compositor.
    pub fn beside(home: &Home) -> Result<Self> {
        let name = home.var("DISPLAY").context("there is no display")?.to_owned();
        Ok(Self { name, _server: None })
    }

    /// Starts a display with several monitors, of usual sizes; the first is the primary one. Xvfb supports
    /// only one monitor, so this is the server for real screens, with a driver that needs none.
    pub fn start_with_monitors(home: &mut Home, monitors: &[Rectangle]) -> Result<Self> {
        let config = home.path().join("xorg.conf");
        std::fs::write(&config, MONITORS)?;
        let mut xorg = command(home, "Xorg");
        xorg.arg("-config").arg(config).arg("-logfile").arg(home.log("xorg"));
        xorg.args(["-novtswitch", "-sharevts", "-keeptty"]);
        let display = Self::serve(home, xorg)?;
        let mut xrandr = command(home, "xrandr");
        for (number, Rectangle { x, y, width, height }) in monitors.iter().enumerate() {
            let (name, mode) = (format!("DUMMY{number}"), format!("{width}x{height}"));
            if number > 0 {
                let mut add = command(home, "xrandr");
                add.args(["--addmode", &name, &mode]);
                output(add, SHORT)?;
            }
            xrandr.args(["--output", &name, "--mode", &mode, "--pos", &format!("{x}x{y}")]);
        }
        output(xrandr, SHORT)?;
        // The server detects the monitors again, and finds them connected.
        output(command(home, "xrandr"), SHORT)?;
        Ok(display)
    }

    fn serve(home: &mut Home, mut server: Command) -> Result<Self> {
        server.args([&number_of_its_own(), "-displayfd", "1"]);
        server.args(["-nolisten", "tcp", "-noreset", "-dpi", "96"]);
        let mut server = Process::start(home, "X", server)?;
        let number = server.line(START)?;
        let name = format!(":{}", number.trim());
        home.set("DISPLAY", &name);
        Ok(Self { name, _server: Some(server) })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the current pixels of a part of the screen.
    pub fn pixels(&self, at: Rectangle) -> Result<Vec<u8>> {
        let (connection, screen) = self.connect()?;
        let root = connection.setup().roots[screen].root;
        let image = connection
            .get_image(
                ImageFormat::Z_PIXMAP,
                root,
                i16::try_from(at.x)?,
                i16::try_from(at.y)?,
                u16::try_from(at.width)?,
                u16::try_from(at.height)?,
                u32::MAX,
            )?
            .reply()?;
        Ok(image.data)
    }

    /// Waits until a part of the screen differs from `before` (if given) and has not changed for a moment:
    /// windows and icons are drawn in steps. Of a window that reaches beyond the screen only the visible
    /// part counts.
    pub fn settled(
        &self,
        what: &str,
        at: Rectangle,
        before: Option<&[u8]>,
        limit: Duration,
    ) -> Result<Vec<u8>> {
        const STEADY_LOOKS: u32 = 12;
        let at = self.visible(at)?;
        let mut last = Vec::new();
        let mut steady = 0;
        wait::until(what, limit, || {
            let now = self.pixels(at)?;
            steady = if now == last { steady + 1 } else { 0 };
            last = now;
            let changed = before.is_none_or(|before| before != last);
            Ok((changed && steady >= STEADY_LOOKS).then(|| last.clone()))
        })
    }

    /// Waits until a part of the screen is as dim as under an overlay. `bright` is the picture before.
    pub fn dimmed(&self, what: &str, at: Rectangle, bright: &[u8], limit: Duration) -> Result<()> {
        let bright = brightness(bright);
        wait::until(what, limit, || {
            let now = brightness(&self.pixels(at)?);
            Ok((bright / 4..bright * 3 / 4).contains(&now).then_some(()))
        })
    }

    fn visible(&self, at: Rectangle) -> Result<Rectangle> {
        let (connection, screen) = self.connect()?;
        let screen = &connection.setup().roots[screen];
        let cut = |from: i32, length: u32, most: u16| {
            let end = from.saturating_add_unsigned(length).clamp(1, most.into());
            let from = from.clamp(0, end - 1);
            (from, (end - from).cast_unsigned())
        };
        let (x, width) = cut(at.x, at.width, screen.width_in_pixels);
        let (y, height) = cut(at.y, at.height, screen.height_in_pixels);
        Ok(Rectangle { x, y, width, height })
    }

    /// Saves a picture of the screen or a part of it.
    pub fn picture(&self, home: &Home, file: &Path, part: Option<Rectangle>) -> Result<()> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut import = command(home, "import");
        import.args(["-window", "root"]);
        if let Some(Rectangle { x, y, width, height }) = part {
            import.args(["-crop", &format!("{width}x{height}+{x}+{y}"), "+repage"]);
        }
        import.arg(file);
        output(import, SHORT).map(|_| ())
    }

    /// Returns the mapped windows whose class contains `class`, as a person sees them.
    pub fn windows(&self, home: &Home, class: &str) -> Result<Vec<Window>> {
        let mut search = command(home, "xdotool");
        search.args(["search", "--onlyvisible", "--class", class]);
        // xdotool exits non-zero when it finds none.
        let found = crate::process::finish(&mut search, SHORT)?.stdout;
        let mut windows = Vec::new();
        for id in found.lines().filter_map(|line| line.trim().parse::<u32>().ok()) {
            // A window may disappear between the two queries.
            if let Ok(window) = self.window(home, id) {
                windows.push(window);
            }
        }
        Ok(windows)
    }

    pub fn window(&self, home: &Home, id: u32) -> Result<Window> {
        let ask = |what: &str| {
            let mut xdotool = command(home, "xdotool");
            xdotool.args([what, &id.to_string()]);
            output(xdotool, SHORT)
        };
        let name = ask("getwindowname")?.trim().to_owned();
        let (connection, screen) = self.connect()?;
        let root = connection.setup().roots[screen].root;
        let size = connection.get_geometry(id)?.reply()?;
        let corner = connection.translate_coordinates(id, root, 0, 0)?.reply()?;
        let at = Rectangle {
            x: corner.dst_x.into(),
            y: corner.dst_y.into(),
            width: size.width.into(),
            height: size.height.into(),
        };
        Ok(Window { id, name, at })
    }

    /// Presses keys as a person does: `alt+r`.
    pub fn press(&self, home: &Home, keys: &str) -> Result<()> {
        let mut xdotool = command(home, "xdotool");
        xdotool.args(["key", "--clearmodifiers", keys]);
        output(xdotool, SHORT).map(|_| ())
    }

    /// Types text, including line ends, into whatever has the focus.
    pub fn write(&self, home: &Home, text: &str) -> Result<()> {
        let mut xdotool = command(home, "xdotool");
        xdotool.args(["type", "--delay", "5", text]);
        output(xdotool, SHORT).map(|_| ())
    }

    /// Presses the left button at one place, moves to another, and releases it. If both are the same, this
    /// is a click.
    pub fn drag(&self, home: &Home, from: (i32, i32), to: (i32, i32)) -> Result<()> {
        let middle = ((from.0 + to.0) / 2, (from.1 + to.1) / 2);
        self.hold(home, from)?;
        if from != to {
            // Moves in steps, as a hand does.
            self.point(home, middle)?;
            self.point(home, to)?;
        }
        self.let_go(home)
    }

    /// Puts a window there, as a person does by its frame.
    pub fn put(&self, home: &Home, window: u32, at: Rectangle) -> Result<()> {
        let size = [at.width, at.height].map(|px| px.to_string());
        let corner = [at.x, at.y].map(|px| px.to_string());
        for (act, values) in [("windowsize", size), ("windowmove", corner)] {
            let mut xdotool = command(home, "xdotool");
            xdotool.args([act, "--sync", &window.to_string()]).args(values);
            output(xdotool, SHORT)?;
        }
        Ok(())
    }

    /// Drags something from one window into another. A web page begins a drag only after its process has answered,
    /// which takes a second where the machine is busy: it has to be there before the button is let go.
    pub fn carry(&self, home: &Home, from: (i32, i32), to: (i32, i32)) -> Result<()> {
        const STEPS: i32 = 40;
        self.hold(home, from)?;
        for step in 1..=STEPS {
            let along = |from: i32, to: i32| from + (to - from) * step / STEPS;
            self.point(home, (along(from.0, to.0), along(from.1, to.1)))?;
            wait::pass("a hand's way", Duration::from_millis(60))?;
        }
        self.let_go(home)
    }

    pub fn hold(&self, home: &Home, at: (i32, i32)) -> Result<()> {
        self.point(home, at)?;
        let mut xdotool = command(home, "xdotool");
        xdotool.args(["mousedown", "1"]);
        output(xdotool, SHORT).map(|_| ())
    }

    pub fn let_go(&self, home: &Home) -> Result<()> {
        let mut xdotool = command(home, "xdotool");
        xdotool.args(["mouseup", "1"]);
        output(xdotool, SHORT).map(|_| ())
    }

    pub fn point(&self, home: &Home, (x, y): (i32, i32)) -> Result<()> {
        let mut xdotool = command(home, "xdotool");
        xdotool.args(["mousemove", &x.to_string(), &y.to_string()]);
        output(xdotool, SHORT).map(|_| ())
    }

    /// Copies text as another program would.
    pub fn copy(&self, home: &Home, text: &str) -> Result<()> {
        self.put_on_clipboard(home, &[], text)
    }

    /// Copies files as a file manager would. Their paths need no escapes.
    pub fn copy_files(&self, home: &Home, files: &[&Path]) -> Result<()> {
        let addresses = files.iter().map(|file| format!("file://{}\r\n", file.display()));
        self.put_on_clipboard(home, &["-target", "text/uri-list"], &addresses.collect::<String>())
    }

    fn put_on_clipboard(&self, home: &Home, target: &[&str], text: &str) -> Result<()> {
        let mut xclip = command(home, "xclip");
        xclip.args(["-selection", "clipboard", "-in"]).args(target);
        // xclip stays running to provide what was copied, and would hold the outputs open.
        xclip.stdout(Stdio::null()).stderr(Stdio::null()).stdin(Stdio::piped());
        let mut xclip = xclip.spawn()?;
        xclip.stdin.take().context("its input is piped")?.write_all(text.as_bytes())?;
        xclip.wait()?;
        Ok(())
    }

    /// Returns what a person would paste, or `None` while nothing has been copied.
    pub fn clipboard(&self, home: &Home) -> Result<Option<String>> {
        let mut xclip = command(home, "xclip");
        xclip.args(["-selection", "clipboard", "-out"]);
        let answer = crate::process::finish(&mut xclip, SHORT)?;
        let text = answer.stdout.trim().to_owned();
        Ok((answer.status.success() && !text.is_empty()).then_some(text))
    }

    /// Starts another program that holds Alt with that letter until it is dropped.
    pub fn take_alt(&self, letter: char) -> Result<Taken> {
        let (connection, screen) = self.connect()?;
        let setup = connection.setup();
        let (first, root) = (setup.min_keycode, setup.roots[screen].root);
        let count = setup.max_keycode - first + 1;
        let keys = connection.get_keyboard_mapping(first, count)?.reply()?;
        let rows = keys.keysyms.chunks(keys.keysyms_per_keycode.into());
        let key = (first..).zip(rows).find(|(_, row)| row.contains(&u32::from(letter)));
        let (key, _) = key.context("the keyboard lacks that letter")?;
        let (alt, mode) = (ModMask::M1, GrabMode::ASYNC);
        connection.grab_key(false, root, alt, key, mode, mode)?.check()?;
        Ok(Taken { connection })
    }

    fn connect(&self) -> Result<(RustConnection, usize)> {
        RustConnection::connect(Some(&self.name)).with_context(|| format!("display {}", self.name))
    }
}

fn brightness(pixels: &[u8]) -> u64 {
    pixels.chunks_exact(4).flat_map(|pixel| &pixel[..3]).map(|part| u64::from(*part)).sum()
}
