//! Runs a program in a terminal: output that never panics, signals that always end the program, and the
//! manual pages and shell completions. Shared by `snaplark` and `snaplark-cloud`.
//!
//! Nothing outside this crate writes to standard output or standard error: the standard macros panic if
//! a stream can't be written, and a closed terminal must not cost a recording.

#![warn(missing_docs, unreachable_pub)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod manual;
pub mod output;
pub mod signals;
