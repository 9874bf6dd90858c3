//! Benchmarks: how long a person waits, what the app uses at rest, how long the export of a screenshot takes, and
//! what one recording costs compared to ffmpeg. Uploads and the server's throughput are not measured yet.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::packages::Need;
use crate::{Place, build, packages, ui};

pub fn bench(place: &Place) -> Result<ExitCode> {
    packages::ensure(place, Need::Stage)?;
    ui::install(place)?;
    ui::build(place)?;
    build::programs(place)?;
    let measured = Command::new(build::program(place, "desktop-cost")).status();
    ensure!(measured.context("desktop-cost can't be started")?.success(), "desktop-cost failed");
    let measured = Command::new(build::program(place, "picture-cost")).status();
    ensure!(measured.context("picture-cost can't be started")?.success(), "picture-cost failed");
    build::become_program(place, "recording-cost", &[])
}

/// Measures what a screenshot of a large display costs.
pub fn screenshot(place: &Place) -> Result<ExitCode> {
    packages::ensure(place, Need::Stage)?;
    ui::install(place)?;
    ui::build(place)?;
    build::programs(place)?;
    let waited = Command::new(build::program(place, "screenshot-cost")).status();
    ensure!(
        waited.context("screenshot-cost can't be started")?.success(),
        "screenshot-cost failed"
    );
    build::become_program(place, "picture-cost", &[])
}

/// Measures what a cut and a GIF cost, beside ffmpeg, and the memory of exports. The limits are those of the tests.
pub fn cut(place: &Place) -> Result<()> {
    packages::ensure(place, Need::Tests)?;
    build::cargo(place, "cuts and GIFs beside ffmpeg")
        .remedy("read the figures above; other work on this machine makes them worse.")
        .args(["test"])
        .args(build::WORKSPACE)
        .args(["--test", "cuts", "--", "--nocapture", "--test-threads", "1", "figures::"])
        .env("SNAPLARK_BENCH", "1")
        .run()
}
