//! Commands whose full content comes with later work. Each does something true today and says what
//! it does not do yet.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::packages::Need;
use crate::progress::spoken;
use crate::{Place, build, mutants, packages, test, ui};

pub const SOAK_MINUTES: u32 = 30;
const SEEDS: &str = "10000";

/// The system tests again and again until the time is up, or one fails.
pub fn soak(place: &Place, minutes: u32) -> Result<ExitCode> {
    eprintln!(
        "soak: 10,000 seeds of the simulation and the mutants; then the system tests over and over for {minutes} minutes and stops at the first \
         failure.\nNot yet: recordings of hours, memory over time, faults at random moments."
    );
    packages::ensure(place, Need::Tests)?;
    ui::install(place)?;
    ui::build(place)?;
    build::everything(place)?;
    simulation(place)?;
    mutants::mutants(place)?;
    let limit = Duration::from_secs(u64::from(minutes) * 60);
    let started = Instant::now();
    let mut rounds = 0;
    while started.elapsed() < limit {
        let tally = test::system(place)?;
        rounds += 1;
        eprintln!("soak: round {rounds} after {}: {tally}", spoken(started.elapsed()));
        if tally.failed > 0 {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn simulation(place: &Place) -> Result<()> {
    build::cargo(place, "10,000 seeds of the simulation")
        .remedy("run the seed that it names alone, with SNAPLARK_SEED.")
        .args(["test", "--package", "snaplark-core", "--test", "simulation"])
        .env("SNAPLARK_SEEDS", SEEDS)
        .run()
}

/// What one recording costs here.
pub fn bench(place: &Place) -> Result<ExitCode> {
    eprintln!(
        "bench: records a moving and a still screen and says what that cost.\n\
         Not yet: a comparison with other recorders, uploads, the server's throughput."
    );
    packages::ensure(place, Need::Stage)?;
    ui::install(place)?;
    ui::build(place)?;
    build::programs(place)?;
    build::become_program(place, "recording-cost", &[])
}
