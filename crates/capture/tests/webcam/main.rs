//! Recordings with a webcam: a camera that another process plays into a media server of their own.
//! Apart from the other tests, since which server it is stands in the process's environment, and with
//! a `main` of its own, since cameras are looked for in a part of the program. Needs Xvfb, PipeWire
//! with WirePlumber, and ffmpeg.

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
#[allow(clippy::unwrap_used)]
mod cameras;
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
fn main() -> std::process::ExitCode {
    own_main::run(&recordings::ALL)
}
