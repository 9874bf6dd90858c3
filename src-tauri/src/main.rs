//! The desktop program: windows, tray, shortcuts and clipboard around `snaplark-app`. It decides nothing:
//! windows show the app's snapshot, and what a person presses becomes a call to the app.

#![cfg_attr(test, allow(clippy::unwrap_used))]
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod about;
mod bar;
mod camera;
mod captured_area;
mod chooser;
mod commands;
mod cutter;
mod desktop_shell;
mod devices;
mod dropping;
mod edit_window;
mod editor;
mod events;
mod media;
mod media_server;
mod meter;
mod navigation;
mod pages;
mod panel;
mod pin;
mod place;
mod platform;
mod program;
mod quick;
mod quiet;
mod quit;
mod shell;
mod shortcut;
mod stills;
mod toast;
mod tray;
mod updates;
mod web_process;
mod window_state;
mod words;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Mutex;

use snaplark_app::pictures::clipboard;
use snaplark_app::{Home, logs};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

/// The environment variable with the filter for standard error, in the syntax of `tracing`'s filters.
const LOG_VARIABLE: &str = "SNAPLARK_LOG";
/// The default filter, which is also the only one for the log file. zbus warns about each answer of a
/// portal that has no properties.
const LOGGED: &str = "warn,snaplark=info,zbus=error";

/// The output of `--help`. The manual page snaplark-desktop.1 says the same.
const HELP: &str = "\
Records the screen; the recording is online when you stop. Lives in the tray.

Usage: snaplark-desktop [--hidden] [LINK]

Arguments:
  [LINK]         What to show, as a link: snaplark://account

Options:
      --hidden   Start to the tray, without a window
  -h, --help     Print help
  -V, --version  Print version

The command line is a program of its own: snaplark --help";

fn main() -> ExitCode {
    if let Some(ended) = clipboard::run_if_holder() {
        return ended;
    }
    if let Some(ended) = snaplark_capture::run_if_helper() {
        return ended;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(answer) = answer(&arguments) {
        // Nobody may be reading the output.
        let _ = writeln!(std::io::stdout(), "{answer}");
        return ExitCode::SUCCESS;
    }
    let wanted = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new(LOGGED));
    let shown = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter(wanted);
    // A missing home is reported where it is opened.
    let home = Home::from_env().ok();
    let kept = home.as_ref().map(|home| {
        fmt::layer()
            .with_writer(Mutex::new(logs::LogFile::below(home)))
            .with_ansi(false)
            .with_filter(EnvFilter::new(LOGGED))
    });
    tracing_subscriber::registry().with(shown).with(kept).init();
    if let Some(home) = &home {
        logs::note_panics(home);
    }

    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be closed.
            let _ = writeln!(std::io::stderr(), "{error:#}");
            platform::show_failure(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Vec<String>) -> anyhow::Result<()> {
    if platform::pass_to_running(&program::instance_id())? {
        return Ok(());
    }
    platform::prepare()?;
    shell::run(arguments.into())
}

/// Answers `--help` and `--version`, which need no display.
fn answer(arguments: &[String]) -> Option<String> {
    arguments.iter().find_map(|argument| match argument.as_str() {
        "-h" | "--help" => Some(HELP.to_owned()),
        "-V" | "--version" => Some(format!("snaplark-desktop {}", env!("CARGO_PKG_VERSION"))),
        _ => None,
    })
}
