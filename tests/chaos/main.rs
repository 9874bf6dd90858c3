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

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::round::Plan;
use crate::world::World;

/// A world lives for so many rounds: recordings of earlier rounds have to survive later faults, and
/// the whole check at its end stays short.
const ROUNDS_PER_WORLD: usize = 5;
/// A round waits most of the time.
const WORLDS_AT_ONCE: usize = 2;
const ROUNDS: u64 = 10;
const SEED: u64 = 20_261_128;

/// Each wait of a round has a limit of its own. Where all of them together take longer than this,
/// the harness itself hangs.
const ROUND_MAX: Duration = Duration::from_secs(180);

/// Ends the process when a round takes too long; the programs of its world end with it.
struct Watchdog {
    began: Instant,
    seed: AtomicU64,
    /// The end, in milliseconds since the beginning.
    until: AtomicU64,
}

impl Watchdog {
    fn start() -> Arc<Self> {
        let (seed, until) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
        let dog = Arc::new(Self { began: Instant::now(), seed, until });
        let watching = Arc::clone(&dog);
        thread::spawn(move || {
            while watching.now_ms() < watching.until.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_secs(1));
            }
            let (seed, seconds) = (watching.seed.load(Ordering::Relaxed), ROUND_MAX.as_secs());
            println!("round {seed} FAILED: it is not over after {seconds} s");
            std::process::exit(1);
        });
        dog
    }

    fn now_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn round(&self, seed: u64) {
        self.seed.store(seed, Ordering::Relaxed);
        self.until.store(self.now_ms() + ROUND_MAX.as_millis() as u64, Ordering::Relaxed);
    }

    /// Waits until the next round.
    fn rest(&self) {
        self.until.store(u64::MAX, Ordering::Relaxed);
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("it is a number"))
}

/// The results of some rounds.
#[derive(Default)]
struct Outcome {
    sealed: u64,
    destroyed: u64,
    failures: Vec<String>,
}

impl Outcome {
    fn count(&mut self, world: &World) {
        self.sealed += world.ledger.sealed();
        self.destroyed += world.ledger.destroyed();
    }
}

/// Runs rounds one after the other in one world, which is made anew after one that failed.
fn run_rounds(seeds: &[u64], watchdog: &Watchdog) -> Outcome {
    let mut outcome = Outcome::default();
    let mut world = World::start().unwrap();
    for &seed in seeds {
        watchdog.round(seed);
        let plan = Plan::from_seed(seed);
        println!("round {seed}: {plan:?}");
        if let Err(error) = plan.run(&mut world).and_then(|()| checks::hold_touched(&mut world)) {
            println!("round {seed} FAILED: {error:#}\n{}", world.evidence());
            outcome.failures.push(format!("seed {seed} {plan:?}: {error:#}"));
            outcome.count(&world);
            // What is broken now would fail the rounds after it as well.
            drop(world);
            world = World::start().unwrap();
        }
    }
    if let Err(error) = checks::hold_all(&mut world) {
        outcome.failures.push(format!("after seeds {seeds:?}: {error:#}"));
    }
    outcome.count(&world);
    watchdog.rest();
    outcome
}

#[test]
fn sealed_segments_survive_seeded_faults() {
    let rounds = number("SNAPLARK_CHAOS_ROUNDS", ROUNDS);
    let first_seed = number("SNAPLARK_CHAOS_SEED", SEED);
    println!("chaos: {rounds} rounds from seed {first_seed}");
    let began = Instant::now();
    let seeds: Vec<u64> = (first_seed..first_seed + rounds).collect();
    let worlds = Mutex::new(seeds.chunks(ROUNDS_PER_WORLD));
    let all = Mutex::new(Outcome::default());
    thread::scope(|scope| {
        for _ in 0..WORLDS_AT_ONCE {
            scope.spawn(|| {
                let watchdog = Watchdog::start();
                loop {
                    let Some(seeds) = worlds.lock().unwrap().next() else { break };
                    let outcome = run_rounds(seeds, &watchdog);
                    let mut all = all.lock().unwrap();
                    all.sealed += outcome.sealed;
                    all.destroyed += outcome.destroyed;
                    all.failures.extend(outcome.failures);
                }
            });
        }
    });
    let Outcome { sealed, destroyed, failures } = all.into_inner().unwrap();
    println!(
        "figures: chaos: {rounds} rounds from seed {first_seed}, {sealed} segments sealed, \
         {destroyed} destroyed on purpose, {} rounds failed, {} s",
        failures.len(),
        began.elapsed().as_secs()
    );
    assert!(sealed >= rounds, "{sealed} segments in {rounds} rounds: nothing was tried");
    assert!(
        failures.is_empty(),
        "{} of {rounds} rounds failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
