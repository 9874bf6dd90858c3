//! Cargo, called the same way by every command. All commands use one set of packages and features, since a
//! second set would compile the same 700 crates again.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::Place;
use crate::steps::Step;

/// The arguments of every call on the workspace. The features embed the windows in the desktop program, and
/// enable the cloud's databases and stores for many nodes, so that these are tested. In releases only the
/// server has them, see `package`.
pub const WORKSPACE: [&str; 4] = [
    "--workspace",
    "--locked",
    "--features",
    "snaplark-desktop/custom-protocol,snaplark-capture/scap",
];

const REMEDY: &str = "read the first error above; where a system library is missing, \
    `cargo xtask test` installs it on Debian, Ubuntu, Fedora, Arch and macOS (`cargo xtask run` installs \
    what the app alone needs).";

/// Returns a cargo call without the variables that `cargo run` set for this program: some build scripts
/// watch them and would run again, and rebuild much.
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
        // A fresh clone never uses its incremental data again.
        cargo = cargo.env("CARGO_INCREMENTAL", "0");
    }
    cargo
}

/// Builds all programs except `xtask`, since on Windows a running program can't be replaced.
pub fn programs(place: &Place) -> Result<()> {
    cargo(place, "build the programs")
        .args(["build", "--bins", "--exclude", "xtask"])
        .args(WORKSPACE)
        .run()
}

/// Builds programs and tests with one set of features, so that `cargo test` finds everything built.
pub fn everything(place: &Place) -> Result<()> {
    cargo(place, "build programs and tests")
        .args(["build", "--all-targets", "--exclude", "xtask"])
        .args(WORKSPACE)
        .run()
}

/// Builds one program with optimizations, and returns the folder that it is in.
pub fn released(place: &Place, name: &str) -> Result<PathBuf> {
    cargo(place, "build the program that is measured")
        .args(["build", "--release", "--bin", name])
        .args(WORKSPACE)
        .run()?;
    Ok(place.target.join("release"))
}

pub fn program(place: &Place, name: &str) -> PathBuf {
    place.target.join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Runs one of the built programs as the last step. On Unix it replaces this process, so that only it
/// receives Ctrl-C and can clean up.
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
