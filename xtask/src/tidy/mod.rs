//! Checks that no compiler does. Every finding names its file and rule.

mod arrows;
mod generated;
mod licences;
mod named_tests;
mod names;
mod source;

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::packages::Need;
use crate::progress::Progress;
use crate::steps::answer;
use crate::{Place, build, packages, ui};

pub use generated::{bindings, share_player};

type Check = fn(&Place) -> Result<Vec<String>>;

/// The checks that need no build of the workspace.
pub const CHECKS: [(&str, Check); 7] = [
    ("formatting", formatting),
    ("arrows between crates", arrows::check),
    ("shared names of types", names::check),
    ("tests that documents name", named_tests::check),
    ("file lengths", source::lengths),
    ("leftovers", source::leftovers),
    ("licences", licences::check),
];

pub fn tidy(place: &Place, fix: bool) -> Result<ExitCode> {
    if fix {
        build::cargo(place, "cargo fmt").args(["fmt", "--all"]).run()?;
    }
    let mut failed = 0;
    let mut count = |result: Result<()>| {
        if let Err(error) = &result {
            eprintln!("{error:#}\n");
            failed += 1;
        }
        result.is_ok()
    };
    for (name, check) in CHECKS {
        count(self::check(place, name, check));
    }
    // The other checks build the app, which needs the system's libraries and the windows' modules.
    if count(needs(place)) {
        count(bindings(place, fix));
        count(share_player(place, fix));
    }
    if failed > 0 {
        bail!("{failed} of {} checks found something.", CHECKS.len() + 3);
    }
    Ok(ExitCode::SUCCESS)
}

/// Installs whatever is missing to build the app, as `run` and `test` do.
fn needs(place: &Place) -> Result<()> {
    packages::ensure(place, Need::App).context(
        "The generated files could not be checked, and are as they were: libraries of the system are \
         missing. `cargo xtask test` installs them, too.",
    )?;
    ui::install(place)?;
    // The windows are embedded in the desktop program. Their age doesn't matter to its tests.
    if place.root.join("ui/dist/windows").exists() {
        return Ok(());
    }
    ui::build(place)
}

pub fn check(place: &Place, name: &str, check: Check) -> Result<()> {
    let progress = Progress::begin(name);
    match check(place) {
        Ok(findings) if findings.is_empty() => {
            progress.done("");
            Ok(())
        }
        Ok(findings) => {
            progress.failed();
            bail!("{name}:\n  {}", findings.join("\n  "))
        }
        Err(error) => {
            progress.failed();
            Err(error.context(format!("the check '{name}' could not be done")))
        }
    }
}

fn formatting(place: &Place) -> Result<Vec<String>> {
    let mut fmt = build::cargo(place, "formatting").args(["fmt", "--all", "--", "--check", "-l"]);
    let output = fmt.command().output().context("cargo fmt can't be started")?;
    if output.status.success() {
        return Ok(Vec::new());
    }
    let files = String::from_utf8_lossy(&output.stdout);
    let mut findings: Vec<String> = files
        .lines()
        .map(|file| Path::new(file).strip_prefix(&place.root).unwrap_or(Path::new(file)))
        .map(|file| format!("{}: not formatted; `cargo xtask tidy --fix` does it", file.display()))
        .collect();
    findings.dedup();
    if findings.is_empty() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(findings)
}

pub fn clippy(place: &Place) -> Result<()> {
    build::cargo(place, "clippy")
        .args(["clippy", "--all-targets"])
        .args(build::WORKSPACE)
        .args(["--", "-D", "warnings"])
        .remedy("each warning says what to write instead; none is switched off without a reason.")
        .run()
}

/// Returns every file that git tracks or would add, relative to the root.
fn files(place: &Place) -> Result<Vec<String>> {
    let list = answer(Command::new("git").current_dir(&place.root).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]))?;
    Ok(list.lines().filter(|file| place.root.join(file).is_file()).map(str::to_owned).collect())
}

/// Returns cargo's metadata of all packages.
pub fn metadata(place: &Place) -> Result<serde_json::Value> {
    let mut cargo =
        build::cargo(place, "metadata").args(["metadata", "--format-version", "1", "--locked"]);
    Ok(serde_json::from_str(&answer(cargo.command())?)?)
}
