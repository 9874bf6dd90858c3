//! Encoders of a graphics card: tried before they are used, and done without when they fail. There
//! is no card here; in the place of its encoder stands an element that is true GStreamer, registered
//! under the name of a card's. Inside it libvpx encodes until it does what its width says.
//!
//! This program has a `main` of its own, since a trial starts it once more as a part of itself, in
//! which the same element must be known.

#![allow(clippy::print_stdout, clippy::print_stderr)]

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
#[allow(dead_code, clippy::unwrap_used)]
#[path = "../capture/common/mod.rs"]
mod common;
#[cfg(target_os = "linux")]
#[path = "../capture/own_main.rs"]
mod own_main;
#[cfg(target_os = "linux")]
#[allow(clippy::unwrap_used)]
mod recordings;
#[cfg(target_os = "linux")]
#[allow(clippy::unwrap_used)]
mod stand_in;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    stand_in::register();
    own_main::run(&recordings::ALL)
}
