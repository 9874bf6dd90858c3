//! Stills of files that nobody has looked into: made in a helper process, whose time and memory are limited. This
//! program has a `main` of its own, since it is started once more as that process. Needs ffmpeg.

#![allow(clippy::print_stdout)]

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
#[path = "../capture/own_main.rs"]
mod own_main;
#[cfg(target_os = "linux")]
#[allow(clippy::unwrap_used)]
mod stills;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    own_main::run(&stills::ALL)
}
