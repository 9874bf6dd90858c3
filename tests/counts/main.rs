//! Counts on fixed inputs, with room for noise: what a segment, a part, an end, a read of one range, a trim and a snapshot of
//! the library cost, in system calls, bytes, requests and allocations. Times depend on the machine; these don't, so a change
//! that makes the product do more work fails here. `cargo xtask bench` measures the times.

#![cfg(test)]

mod allocations;
mod client;
mod effects;
mod publishing;
mod server;

/// Fails where a count is above its limit, and says both.
fn hold(what: &str, count: f64, most: f64) {
    println!("figures: {what}: {count:.1}, at most {most}");
    assert!(count <= most, "{what}: {count:.1}, which is more than {most}");
}
