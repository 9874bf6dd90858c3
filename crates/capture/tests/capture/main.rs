//! Real recordings of real (virtual) displays and sound devices. Needs Xvfb, PulseAudio and ffmpeg.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod common;
mod drift;
mod marks;
mod pause;
mod recording;
mod refusals;
mod sound;
mod still;
