//! A new migration is compiled in: files that are there already are tracked by themselves.

#![allow(clippy::print_stdout, clippy::print_stderr)]

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
