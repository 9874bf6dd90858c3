//! Runs a program in a terminal: output that never panics, signals that always end the program, and
//! the manual pages and completions that come with it. `snaplark` and `snaplark-cloud` share it.
//!
//! Nothing outside this crate writes to standard output or standard error: the standard macros
//! panic when a stream can't be written, and a closed terminal is no reason to lose a recording.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod manual;
pub mod output;
pub mod signals;
