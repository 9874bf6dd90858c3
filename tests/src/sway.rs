//! Sway without a screen and without a graphics card: a compositor of the wlroots family, its list of
//! windows, and its bar.
//!
//! Sway refuses to run as root, so as root it runs as nobody, in a folder of its own. Other programs are
//! started by the test and not by sway, so that they have the home's buses and files.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::getuid;
use serde_json::Value;

use crate::display::Rectangle;
use crate::home::Home;
use crate::media;
use crate::process::{Process, command, output};

const START: Duration = Duration::from_secs(30);
/// Debian's `nobody`. Nothing depends on the name.
const NOBODY: u32 = 65_534;
pub const MONITOR: &str = "HEADLESS-1";
pub const SIZE: (u32, u32) = (1280, 720);

/// One monitor, an X11 display as on any desktop, and a bar with a tray that the test starts.
const CONFIG: &str = "
xwayland force
output HEADLESS-1 resolution 1280x720
bar {
    id bar
    swaybar_command true
    position top
    tray_output *
}
";

pub struct Sway {
    _process: Process,
    /// The socket for clients, as `WAYLAND_DISPLAY` names it.
    pub socket: PathBuf,
    orders: PathBuf,
}

/// A window of any kind, as sway places it.
#[derive(Debug)]
pub struct Placed {
    pub name: String,
    pub floats: bool,
    pub focused: bool,
    pub x: i64,
    pub y: i64,
    pub width: i64,
    pub height: i64,
}

impl Sway {
    /// Starts sway and makes its displays the home's.
    pub fn start(home: &mut Home) -> Result<Self> {
        let folder = home.path().join("sway");
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        let is_root = getuid().is_root();
        // X11 accepts only the user whose server it is, so root has to be let in.
        let let_in = if is_root { "xhost +si:localuser:root >&2; " } else { "" };
        let tell = r#"echo "$DISPLAY"; echo "$WAYLAND_DISPLAY"; echo "$SWAYSOCK""#;
        let config = home.path().join("sway.conf");
        fs::write(&config, format!("{CONFIG}exec sh -c '{let_in}{tell}'\n"))?;
        let mut sway = if is_root {
            chown(&folder, Some(NOBODY), Some(NOBODY))?;
            let mut sway = command(home, "setpriv");
            let user = NOBODY.to_string();
            sway.args(["--reuid", &user, "--regid", &user, "--clear-groups", "--"]);
            // Changing the user clears the death signal, so it is set again.
            sway.args(["setpriv", "--pdeathsig", "KILL", "--", "sway"]);
            sway
        } else {
            command(home, "sway")
        };
        sway.arg("--config").arg(&config).env("HOME", &folder).env("XDG_RUNTIME_DIR", &folder);
        sway.envs([
            ("WLR_BACKENDS", "headless"),
            ("WLR_RENDERER", "pixman"),
            ("WLR_LIBINPUT_NO_DEVICES", "1"),
        ]);
        let mut process = Process::start(home, "sway", sway)?;
        let display = process.line(START)?;
        let socket = folder.join(process.line(START)?);
        let orders = PathBuf::from(process.line(START)?);
        home.set("DISPLAY", &display);
        home.set("WAYLAND_DISPLAY", socket.to_str().context("the path is not UTF-8")?);
        home.set("XDG_SESSION_TYPE", "wayland");
        home.set("XDG_CURRENT_DESKTOP", "sway");
        Ok(Sway { _process: process, socket, orders })
    }

    /// Starts sway's own bar, which is the session's tray. The home must have a bus.
    pub fn bar(&self, home: &Home) -> Result<Process> {
        let mut bar = command(home, "swaybar");
        bar.args(["--bar_id", "bar", "--socket"]).arg(&self.orders);
        Process::start(home, "swaybar", bar)
    }

    /// Gives sway an order, as its user would: see sway(5).
    pub fn order(&self, home: &Home, words: &[&str]) -> Result<()> {
        let mut message = Command::new("swaymsg");
        home.apply(&mut message);
        message.arg("--socket").arg(&self.orders).args(words);
        output(message, START).map(drop)
    }

    /// Returns all windows that sway places: Wayland and X11, tiled and floating.
    pub fn windows(&self, home: &Home) -> Result<Vec<Placed>> {
        let mut message = Command::new("swaymsg");
        home.apply(&mut message);
        message.arg("--socket").arg(&self.orders).args(["--raw", "--type", "get_tree"]);
        let tree: Value = serde_json::from_str(&output(message, START)?)?;
        let mut windows = Vec::new();
        collect(&tree, false, &mut windows);
        Ok(windows)
    }

    /// Returns the pixels of a part of its monitor: red, green, blue; rows from the top.
    pub fn pixels(&self, home: &Home, at: Rectangle) -> Result<Vec<u8>> {
        let file = home.path().join("sway.png");
        self.picture(home, &file)?;
        let all = media::picture(file.to_str().context("the path is not UTF-8")?, 0.0)?;
        let (left, width) = (usize::try_from(at.x)? * 3, at.width as usize * 3);
        let rows = all.chunks_exact(SIZE.0 as usize * 3);
        let rows = rows.skip(usize::try_from(at.y)?).take(at.height as usize);
        Ok(rows.flat_map(|row| row[left..left + width].to_vec()).collect())
    }

    /// Saves a picture of its monitor.
    pub fn picture(&self, home: &Home, file: &Path) -> Result<()> {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut grim = command(home, "grim");
        grim.args(["-o", MONITOR]).arg(file);
        output(grim, START).map(drop)
    }
}

fn collect(node: &Value, floats: bool, windows: &mut Vec<Placed>) {
    if node["pid"].is_number() {
        let number = |name: &str| node["rect"][name].as_i64().unwrap_or_default();
        windows.push(Placed {
            name: node["name"].as_str().unwrap_or_default().to_owned(),
            floats,
            focused: node["focused"] == true,
            x: number("x"),
            y: number("y"),
            width: number("width"),
            height: number("height"),
        });
    }
    for (list, floats) in [("nodes", floats), ("floating_nodes", true)] {
        for child in node[list].as_array().into_iter().flatten() {
            collect(child, floats, windows);
        }
    }
}
