//! Benchmarks: how long a person waits, what the app uses at rest, and what one recording costs compared to
//! ffmpeg. Uploads and the server's throughput are not measured yet.

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
    build::become_program(place, "recording-cost", &[])
}
