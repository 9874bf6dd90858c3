//! The migrations are embedded by a macro: a changed folder has to recompile the crate.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
