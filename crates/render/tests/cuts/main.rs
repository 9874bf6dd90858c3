//! Cuts and exports of generated recordings whose pictures carry numbers, judged by ffmpeg and ffprobe.
//!
//! | Module | Shows |
//! |---|---|
//! | `numbers` | seeded edits: every picture is the expected one, at its time |
//! | `sound` | flash and beep at joints, and no click |
//! | `covers` | what is covered is gone |
//! | `exports` | files of every format |
//! | `figures` | what publishing a trim and a GIF cost (`cargo xtask bench cut`) |

#![allow(clippy::print_stdout, reason = "figures are printed")]
#![allow(clippy::single_range_in_vec_init, reason = "an edit may keep one range")]
#![allow(clippy::unwrap_used)]

mod covers;
mod exports;
mod figures;
mod judge;
mod numbers;
mod recorded;
mod sound;
