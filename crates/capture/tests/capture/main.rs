//! Real recordings of real (virtual) displays and sound devices. Needs Xvfb, PulseAudio and ffmpeg.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod common;
mod drift;
mod marks;
mod pause;
mod pointer;
mod recording;
mod refusals;
mod screenshots;
mod sound;
mod still;
mod strike;
