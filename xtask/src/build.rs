//! Cargo, called the same way by every command. One set of packages and features for all: two sets
//! would compile the same 700 crates twice.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::Place;
use crate::steps::Step;

/// What all calls on the workspace share. The features embed the windows in the desktop program,
/// and give the cloud its databases and stores for many nodes (so that they are tested; what is
/// shipped has them in the server alone, see `package`).
pub const WORKSPACE: [&str; 4] = [
    "--workspace",
    "--locked",
    "--features",
    "snaplark-desktop/custom-protocol,snaplark-cloud/server,snaplark-capture/scap",
];

const REMEDY: &str = "read the first error above; where a system library is missing, \
    `cargo xtask run` installs it on Debian, Ubuntu, Fedora, Arch and macOS.";

/// A cargo call without what `cargo run` told this program of itself: some build scripts watch
/// those variables and would run again, and much with them.
pub fn cargo(place: &Place, step: &str) -> Step {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Step::new(place, step, program).remedy(REMEDY);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let ours = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
        if ours.iter().any(|prefix| text.starts_with(prefix)) {
            cargo.command().env_remove(&name);
        }
    }
    cargo = cargo.env("CARGO_TARGET_DIR", &place.target);
    if std::env::var_os("CI").is_some() {
        // A fresh clone never meets its increments again.
        cargo = cargo.env("CARGO_INCREMENTAL", "0");
    }
    cargo
}

/// All programs. `xtask` stays out: on Windows a program that runs can't be replaced.
pub fn programs(place: &Place) -> Result<()> {
    cargo(place, "build the programs")
        .args(["build", "--bins", "--exclude", "xtask"])
        .args(WORKSPACE)
        .run()
}

/// Programs and tests with one set of features, so that `cargo test` finds everything built.
pub fn everything(place: &Place) -> Result<()> {
    cargo(place, "build programs and tests")
        .args(["build", "--all-targets", "--exclude", "xtask"])
        .args(WORKSPACE)
        .run()
}

pub fn program(place: &Place, name: &str) -> PathBuf {
    place.target.join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Runs one of the built programs as the last act: on Unix it takes this process's place, so that
/// Ctrl-C reaches it alone and it can clean up after itself.
pub fn become_program(place: &Place, name: &str, args: &[OsString]) -> Result<ExitCode> {
    let mut command = Command::new(program(place, name));
    command.args(args);
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        let error = command.exec();
        Err(error).with_context(|| format!("{name} can't be started"))
    }
    #[cfg(not(unix))]
    {
        let status = command.status().with_context(|| format!("{name} can't be started"))?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
