//! The desktop program: windows, tray, shortcut and clipboard around `snaplark-app`. It decides
//! nothing; what a person sees is the app's snapshot, what they press becomes one of its calls.

#![cfg_attr(test, allow(clippy::unwrap_used))]
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod commands;
mod media;
mod pages;
mod platform;
mod program;
mod shell;
mod shortcut;
mod sign_in;
mod toast;
mod tray;
mod words;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

/// Says in SNAPLARK_LOG what is logged, in `tracing`'s own language.
const LOG_VARIABLE: &str = "SNAPLARK_LOG";

/// Starts to the tray alone: what a login does.
const HIDDEN_FLAG: &str = "--hidden";

fn main() -> ExitCode {
    // zbus warns of each answer of a portal that has no properties.
    let filter = EnvFilter::try_from_env(LOG_VARIABLE)
        .unwrap_or_else(|_| EnvFilter::new("warn,snaplark=info,zbus=error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();

    let hidden = std::env::args().skip(1).any(|argument| argument == HIDDEN_FLAG);
    match platform::prepare().and_then(|()| shell::run(hidden)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
