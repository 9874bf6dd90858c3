//! Chaos: the built recorder, a proxy and the built server, under faults that a seed chooses. After
//! each round everything is healed, and nothing that was sealed may be missing.
//!
//! `SNAPLARK_CHAOS_ROUNDS` sets the number of rounds (10 with every change, 200 in a soak),
//! `SNAPLARK_CHAOS_SEED` the seed. A failure names the seed of its round: run with that seed and
//! `SNAPLARK_CHAOS_ROUNDS=1` to see it alone.

#![cfg(test)]

mod checks;
mod faults;
mod ledger;
mod round;
mod world;

use crate::round::Plan;
use crate::world::World;

/// A world lives for so many rounds: recordings of earlier rounds have to survive later faults, and
/// the whole check at its end stays short.
const ROUNDS_PER_WORLD: u64 = 10;
const ROUNDS: u64 = 10;
const SEED: u64 = 20_261_128;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("it is a number"))
}

#[test]
fn sealed_segments_survive_seeded_faults() {
    let rounds = number("SNAPLARK_CHAOS_ROUNDS", ROUNDS);
    let first_seed = number("SNAPLARK_CHAOS_SEED", SEED);
    let mut failures = Vec::new();
    let mut sealed = 0;
    let mut destroyed = 0;
    let seeds: Vec<u64> = (first_seed..first_seed + rounds).collect();
    for seeds in seeds.chunks(ROUNDS_PER_WORLD as usize) {
        let mut world = World::start().unwrap();
        for &seed in seeds {
            let plan = Plan::from_seed(seed);
            println!("round {seed}: {plan:?}");
            if let Err(error) = plan.run(&mut world).and_then(|()| checks::hold_touched(&mut world))
            {
                println!("round {seed} FAILED: {error:#}\n{}", world.complaints());
                failures.push(format!("seed {seed} {plan:?}: {error:#}"));
                sealed += world.ledger.sealed();
                destroyed += world.ledger.destroyed();
                // What is broken now would fail the rounds after it as well.
                drop(world);
                world = World::start().unwrap();
            }
        }
        if let Err(error) = checks::hold_all(&mut world) {
            failures.push(format!("after seeds {seeds:?}: {error:#}"));
        }
        sealed += world.ledger.sealed();
        destroyed += world.ledger.destroyed();
    }
    println!(
        "figures: chaos: {rounds} rounds from seed {first_seed}, {sealed} segments sealed, \
         {destroyed} destroyed on purpose, {} rounds failed",
        failures.len()
    );
    assert!(sealed >= rounds, "{sealed} segments in {rounds} rounds: nothing was tried");
    assert!(
        failures.is_empty(),
        "{} of {rounds} rounds failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
