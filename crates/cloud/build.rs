//! A new migration is compiled in: files that are there already are tracked by themselves.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
