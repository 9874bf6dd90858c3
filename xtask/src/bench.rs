//! What one recording costs here: a moving and a still screen. Not yet: a comparison with other
//! recorders, uploads, the server's throughput.

use std::process::ExitCode;

use anyhow::Result;

use crate::packages::Need;
use crate::{Place, build, packages, ui};

pub fn bench(place: &Place) -> Result<ExitCode> {
    packages::ensure(place, Need::Stage)?;
    ui::install(place)?;
    ui::build(place)?;
    build::programs(place)?;
    build::become_program(place, "recording-cost", &[])
}
