//! A Wine of its own for each test, on a display that shows numbers.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use snaplark_tests::desk;
use snaplark_tests::display::Display;
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, finish};

pub const SIZE: (u32, u32) = (1280, 720);
/// Numbers a second: half of what is recorded, since two clocks of one rate would beat.
pub const NUMBERS: u32 = 15;
/// The script that runs a program under Wine.
const SCRIPT: &str = "SNAPLARK_WINE_SCRIPT";
const LIMIT: Duration = Duration::from_secs(60);

/// Ends in the reverse order of its start.
pub struct WineSession {
    _painter: Process,
    _display: Display,
    pub home: Home,
}

impl WineSession {
    pub fn start() -> Self {
        Self::start_in(Home::new().unwrap())
    }

    /// Starts the session in a home that is there.
    pub fn start_in(mut home: Home) -> Self {
        let script = std::env::var_os(SCRIPT)
            .unwrap_or_else(|| panic!("{SCRIPT} is not set: `cargo xtask windows suites` sets it"));
        // Wine keeps the display of its first program until its own server ends.
        for words in [["-k"], ["-w"]] {
            let mut server = Command::new(&script);
            // It fails where none runs.
            finish(server.env("SNAPLARK_WINE", "wineserver").args(words), LIMIT).unwrap();
        }
        let display = Display::start(&mut home, SIZE.0, SIZE.1).unwrap();
        let painter = desk::paint(&home, NUMBERS).unwrap();
        WineSession { _painter: painter, _display: display, home }
    }
}

/// Returns the path of a file that a program of Windows has named: `Z:\tmp\a` is `/tmp/a`.
pub fn unix_path(named: &str) -> PathBuf {
    let named = named.strip_prefix(r"\\?\").unwrap_or(named);
    let path = named.strip_prefix("Z:").unwrap_or_else(|| panic!("{named} is not on drive Z"));
    path.replace('\\', "/").into()
}
