//! Long tests, which take too long to run with each change.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::packages::Need;
use crate::progress::spoken;
use crate::{Place, build, mutants, packages, test, tools, ui};

pub const SOAK_MINUTES: u32 = 30;
pub const LONG_MINUTES: u32 = 120;
pub const CHAOS_ROUNDS: u32 = 200;
pub const PLAYER_ROUNDS: u32 = 20;
pub const LOAD_SECONDS: u32 = 60;
pub const CUT_EDITS: u32 = 200;
/// The length of each of 50 recordings, of which four rounds are sent.
const LIVE_SECONDS: &str = "60";
pub const CHAOS_REMEDY: &str = "run the seed that it names alone: `cargo xtask soak chaos --rounds 1 \
    --seed N`, or the ten that end with it where earlier recordings matter.";
const SEEDS: &str = "10000";
/// The time for which each kind of malformed input is tested. All kinds run in parallel.
pub const FUZZ_MINUTES: u32 = 5;
/// One thread for each test `hostile::spoiled_…`.
const FUZZ_KINDS: &str = "8";
const FUZZ_CASES_PER_MINUTE: u32 = 10_000;

pub fn soak(place: &Place, minutes: u32, long_minutes: u32) -> Result<ExitCode> {
    eprintln!(
        "soak: {SEEDS} seeds of the simulation and the mutants; an upload and a publication killed at every point and an upload \
         of 2 GB (13 GB of disk); five minutes of spoiled bytes and of Schemathesis; a minute of honest and hostile clients; a recorder killed 50 times and sound that drifts for ten minutes; {CUT_EDITS} seeded edits; {CHAOS_ROUNDS} rounds of chaos; a recording of {long_minutes} minutes; streams of 50 recordings, and of one of {long_minutes} minutes; then the system tests over and over for {minutes} minutes. It stops \
         at the first failure."
    );
    packages::ensure(place, Need::Tests)?;
    ui::install(place)?;
    ui::build(place)?;
    build::everything(place)?;
    simulation(place)?;
    mutants::mutants(place)?;
    uploads(place)?;
    spoiled_bytes(place, FUZZ_MINUTES)?;
    tools::ensure(place)?;
    schemathesis(place)?;
    load_of(place, LOAD_SECONDS, "cloud")?;
    recordings(place)?;
    cut_edits(place, CUT_EDITS)?;
    chaos_rounds(place, CHAOS_ROUNDS, None)?;
    long_recording(place, long_minutes)?;
    stream_costs(place, long_minutes)?;
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

/// Runs the chaos test alone, after installing and building what it needs.
pub fn chaos(place: &Place, rounds: u32, seed: Option<u32>) -> Result<()> {
    packages::ensure(place, Need::Tests)?;
    ui::install(place)?;
    ui::build(place)?;
    build::everything(place)?;
    chaos_rounds(place, rounds, seed)
}

fn chaos_rounds(place: &Place, rounds: u32, seed: Option<u32>) -> Result<()> {
    let mut step = build::cargo(place, &format!("{rounds} rounds of chaos"))
        .remedy(CHAOS_REMEDY)
        .args(["test"])
        .args(build::WORKSPACE)
        .args(["--test", "chaos", "--", "--nocapture"])
        .env("SNAPLARK_CHAOS_ROUNDS", rounds.to_string());
    if let Some(seed) = seed {
        step = step.env("SNAPLARK_CHAOS_SEED", seed.to_string());
    }
    step.run()
}

/// Runs the test of seeded edits alone, after installing what it needs.
pub fn cuts(place: &Place, edits: u32) -> Result<()> {
    packages::ensure(place, Need::Tests)?;
    cut_edits(place, edits)
}

fn cut_edits(place: &Place, edits: u32) -> Result<()> {
    build::cargo(place, &format!("{edits} seeded edits"))
        .remedy("the failure names the seed, the recording and what was kept of it.")
        .args(["test"])
        .args(build::WORKSPACE)
        .args(["--test", "cuts", "--", "--nocapture", "seeded_edits"])
        .env("SNAPLARK_CUT_EDITS", edits.to_string())
        .run()
}

/// Runs the test of the library's player alone, repeatedly, and a quarter as often on each other kind of machine,
/// after installing and building what it needs.
pub fn player(place: &Place, rounds: u32) -> Result<()> {
    packages::ensure(place, Need::Tests)?;
    ui::install(place)?;
    ui::build(place)?;
    build::everything(place)?;
    player_rounds(place, rounds, "test(/^player::recording/)")?;
    player_rounds(place, rounds.div_ceil(4), "test(/^player::variants::/)")
}

/// Stops at the first failure. Nextest's own repetition (`--stress-count`) ends well even if a round failed.
fn player_rounds(place: &Place, rounds: u32, tests: &str) -> Result<()> {
    for round in 1..=rounds {
        let name = format!("the library's player, {round} of {rounds}");
        let tally = test::nextest(place, &name, &[], &format!("binary(desktop) & {tests}"))?;
        ensure!(
            tally.failed == 0 && tally.passed > 0,
            "the player failed; its output above says what the video was at, and what was seen and heard"
        );
    }
    Ok(())
}

/// Runs the test with honest and hostile clients alone, after installing and building what it needs: on
/// SQLite and files, or on PostgreSQL and a bucket.
pub fn load(place: &Place, seconds: u32, is_cluster: bool) -> Result<()> {
    packages::ensure(place, Need::Tests)?;
    load_of(place, seconds, if is_cluster { "cluster" } else { "cloud" })
}

/// Runs the tests of the stream's costs and of a long stream alone, one at a time, after installing what they need.
pub fn streams(place: &Place, minutes: u32) -> Result<()> {
    packages::ensure(place, Need::Tests)?;
    stream_costs(place, minutes)
}

fn stream_costs(place: &Place, minutes: u32) -> Result<()> {
    build::cargo(place, &format!("streams of 50 recordings, and of one of {minutes} minutes"))
        .remedy("read the figures above: what each mode took, or which picture was off.")
        .args(["test"])
        .args(build::WORKSPACE)
        .args(["--test", "cloud", "--", "--nocapture", "--test-threads", "1", "stream_cost::"])
        .env("SNAPLARK_LIVE_SECONDS", LIVE_SECONDS)
        .env("SNAPLARK_STREAM_MINUTES", minutes.to_string())
        .run()
}

fn schemathesis(place: &Place) -> Result<()> {
    build::cargo(place, "five minutes of Schemathesis")
        .remedy("read its findings above; each has the request that showed it.")
        .args(["test"])
        .args(build::WORKSPACE)
        .args(["--test", "cloud", "--", "--nocapture", "openapi::schemathesis"])
        .env("SNAPLARK_SCHEMATHESIS_SECONDS", (u64::from(FUZZ_MINUTES) * 60).to_string())
        .run()
}

/// Runs what has limits on time, one test at a time: they hold only where nothing else runs.
fn load_of(place: &Place, seconds: u32, test: &str) -> Result<()> {
    // A map is in memory, whatever database it came from.
    if test == "cloud" {
        build::cargo(place, "two hours finished, and ranges of them and of the worst video")
            .remedy("read the line of figures above: how long a range or /healthz took.")
            .args(["test"])
            .args(build::WORKSPACE)
            .args([
                "--test",
                test,
                "--",
                "--nocapture",
                "--test-threads",
                "1",
                "maps::",
                "serving::finalize",
            ])
            .env("SNAPLARK_QUIET", "1")
            .run()?;
    }
    build::cargo(place, &format!("{seconds} seconds of honest and hostile clients"))
        .remedy("read the line of figures above: which kind of request was late, and beside what.")
        .args(["test"])
        .args(build::WORKSPACE)
        .args(["--test", test, "--", "--nocapture", "load::"])
        .env("SNAPLARK_LOAD_SECONDS", seconds.to_string())
        .run()
}

fn simulation(place: &Place) -> Result<()> {
    build::cargo(place, "10,000 seeds of the simulation")
        .remedy("run the seed that it names alone, with SNAPLARK_SEED.")
        .args(["test"])
        .args(build::WORKSPACE)
        .args(["--test", "simulation"])
        .env("SNAPLARK_SEEDS", SEEDS)
        .run()
}

fn uploads(place: &Place) -> Result<()> {
    build::cargo(place, "every crash point, and two gigabytes")
        .remedy("read the failures above.")
        .args(["test"])
        .args(build::WORKSPACE)
        .args([
            "--test",
            "uploads",
            "--",
            "--nocapture",
            "crashes",
            "step_of_publishing",
            "memory",
            "files::large",
        ])
        .env("SNAPLARK_SOAK", "1")
        .run()?;
    build::cargo(place, "every crash point of publishing, on SQLite and on PostgreSQL and a bucket")
        .remedy("read the failures above.")
        .args(["test"])
        .args(build::WORKSPACE)
        .args(["--test", "cloud", "--test", "cluster", "--", "--nocapture", "crash_points::"])
        .env("SNAPLARK_SOAK", "1")
        .run()
}

/// Fuzzes the cloud's parsers, and the app's parsers of what servers answer.
pub fn fuzz(place: &Place, minutes: u32) -> Result<()> {
    packages::ensure(place, Need::Tests)?;
    ui::install(place)?;
    ui::build(place)?;
    spoiled_bytes(place, minutes)
}

fn spoiled_bytes(place: &Place, minutes: u32) -> Result<()> {
    build::cargo(place, &format!("{minutes} minutes of spoiled bytes for the cloud"))
        .remedy("run the test that failed with the SNAPLARK_FUZZ_SEED that it names.")
        .args(["test"])
        .args(build::WORKSPACE)
        .args(["--test", "cloud", "--", "--nocapture", "hostile::spoiled"])
        .env("SNAPLARK_FUZZ_SECONDS", (u64::from(minutes) * 60).to_string())
        .env("RUST_TEST_THREADS", FUZZ_KINDS)
        .run()?;
    let cases = FUZZ_CASES_PER_MINUTE * minutes;
    build::cargo(place, &format!("{cases} hostile answers of each kind for the app"))
        .remedy("the failure above names the smallest input; it is a test case from now on.")
        .args(["test"])
        .args(build::WORKSPACE)
        .args(["--lib", "--", "brings_anything_down", "bring_anything_down"])
        .env("PROPTEST_CASES", cases.to_string())
        .run()
}

fn long_recording(place: &Place, minutes: u32) -> Result<()> {
    build::cargo(place, "a long recording")
        .remedy("read the failures above.")
        .args(["test"])
        .args(build::WORKSPACE)
        .args(["--test", "system", "--", "--nocapture", "long::"])
        .env("SNAPLARK_LONG_SECONDS", (minutes * 60).to_string())
        .run()
}

fn recordings(place: &Place) -> Result<()> {
    build::cargo(place, "50 killed recorders")
        .remedy("read the failures above.")
        .args(["test"])
        .args(build::WORKSPACE)
        .args(["--test", "system", "--", "--nocapture", "kill_at_any_moment"])
        .env("SNAPLARK_KILLS", "50")
        .run()?;
    build::cargo(place, "ten minutes of sound and picture")
        .remedy("read the failures above.")
        .args(["test"])
        .args(build::WORKSPACE)
        .args(["--test", "capture", "--", "--nocapture", "drift"])
        .env("SNAPLARK_TEST_SYNC_SECONDS", "600")
        .run()
}
