//! Benchmarks, built with optimization: areas beside other programs, and single waits beside their limits.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::packages::Need;
use crate::{Place, build, packages, peers, tools, ui};

/// The areas that `peer-bench` measures beside other programs.
pub const AREAS: [&str; 9] =
    ["recording", "desktop", "upload", "link", "shaped", "resume", "cloud", "finalize", "library"];

/// Measures what a screenshot of a large display costs: what a person waits for in a release build of the desktop program.
pub fn screenshot(place: &Place) -> Result<ExitCode> {
    packages::ensure(place, Need::Stage)?;
    ui::install(place)?;
    ui::build(place)?;
    build::programs(place)?;
    let released = build::released(place, "snaplark-desktop")?;
    let waited = Command::new(build::program(place, "screenshot-cost"))
        .env("SNAPLARK_PROGRAMS", released)
        .status();
    ensure!(
        waited.context("screenshot-cost can't be started")?.success(),
        "screenshot-cost failed"
    );
    build::become_program(place, "picture-cost", &[])
}

/// Measures what a trim costs until the link shows it, what a cut and a GIF cost, beside ffmpeg, and the memory of
/// exports: in release builds, as a person has them. The limits are those of the tests.
pub fn cut(place: &Place) -> Result<()> {
    packages::ensure(place, Need::Tests)?;
    build::released(place, "snaplark-cloud")?;
    build::cargo(place, "a trim of two hours, until the link shows it")
        .remedy("read the figures above; other work on this machine makes them worse.")
        .args(["test", "--release"])
        .args(build::WORKSPACE)
        .args(["--test", "uploads", "--", "--nocapture", "publishing_a_trim"])
        .env("SNAPLARK_BENCH", "1")
        .run()?;
    build::cargo(place, "cuts and GIFs beside ffmpeg")
        .remedy("read the figures above; other work on this machine makes them worse.")
        .args(["test", "--release"])
        .args(build::WORKSPACE)
        .args(["--test", "cuts", "--", "--nocapture", "--test-threads", "1", "figures::"])
        .env("SNAPLARK_BENCH", "1")
        .run()
}

/// The areas that need the desktop program, which takes longest to build.
const DESKTOP_AREAS: [&str; 2] = ["desktop", "library"];

/// Measures areas beside other programs, built with optimization, and writes docs/benchmarks.md. A short run only shows
/// that the areas work, and writes nothing.
pub fn beside_peers(place: &Place, areas: &[&str], is_short: bool) -> Result<ExitCode> {
    packages::ensure(place, Need::Peers)?;
    tools::ensure(place)?;
    let peers = peers::ensure(place)?;
    let mut programs =
        vec!["snaplark", "snaplark-cloud", "fake-recorder", "numbered-screen", "peer-bench"];
    let mut examples = Vec::new();
    if areas.iter().any(|area| DESKTOP_AREAS.contains(area)) {
        ui::install(place)?;
        ui::build(place)?;
        programs.push("snaplark-desktop");
        examples.push("empty-tauri");
    }
    build::cargo(place, "build the measured programs with optimization")
        .args(["build", "--release"])
        .args(build::WORKSPACE)
        .args(programs.into_iter().map(|bin| format!("--bin={bin}")))
        .args(examples.into_iter().map(|example| format!("--example={example}")))
        .run()?;
    let short = is_short.then_some("--short");
    let measured = Command::new(place.target.join("release/peer-bench"))
        .args(areas.iter().copied().chain(short).map(OsString::from))
        .env("SNAPLARK_PEERS", peers)
        .status();
    ensure!(measured.context("peer-bench can't be started")?.success(), "peer-bench failed");
    Ok(ExitCode::SUCCESS)
}

/// Measures how soon a link shows its first picture in Chromium on a shaped line, beside a bare `<video>` of the same
/// file. The limits are those of the tests.
pub fn page(place: &Place) -> Result<()> {
    packages::ensure(place, Need::Tests)?;
    ui::install(place)?;
    ui::build(place)?;
    build::everything(place)?;
    build::cargo(place, "the first picture on a line of 5 Mbit/s and 20 ms")
        .remedy("read the figures above; other work on this machine makes them worse.")
        .args(["test"])
        .args(build::WORKSPACE)
        .args(["--test", "system", "--", "--nocapture", "--test-threads", "1", "first_frame::"])
        .run()
}
