//! The programs for Windows under Wine, on a virtual display whose pictures have numbers: the promises of `system`
//! that Wine can keep. `cargo xtask windows suites` builds the programs and runs these tests one after the other.
//!
//! A program of Windows is a script of the same name in `SNAPLARK_PROGRAMS`, which starts it under Wine; so homes,
//! processes and the cloud are those of the other tests. Wine shows the machine's root folder as drive Z, and a killed
//! script is a killed program: it runs no further instruction.

#![cfg(test)]

mod recording;
mod running;
mod session;
