//! Checks that no compiler does. Every finding names its file and rule.

mod arrows;
mod licences;
mod source;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::progress::Progress;
use crate::steps::answer;
use crate::{Place, build};

type Check = fn(&Place) -> Result<Vec<String>>;

/// The checks that need no build of the workspace.
pub const CHECKS: [(&str, Check); 5] = [
    ("formatting", formatting),
    ("arrows between crates", arrows::check),
    ("file lengths", source::lengths),
    ("leftovers", source::leftovers),
    ("licences", licences::check),
];

/// The folder of the generated TypeScript types of the app's views.
const BINDINGS: &str = "ui/src/lib/bindings";

pub fn tidy(place: &Place, fix: bool) -> Result<ExitCode> {
    if fix {
        build::cargo(place, "cargo fmt").args(["fmt", "--all"]).run()?;
    }
    let mut failed = 0;
    for (name, check) in CHECKS {
        if let Err(error) = self::check(place, name, check) {
            eprintln!("{error:#}\n");
            failed += 1;
        }
    }
    if let Err(error) = bindings(place, fix) {
        eprintln!("{error:#}\n");
        failed += 1;
    }
    if failed > 0 {
        bail!("{failed} of {} checks found something.", CHECKS.len() + 1);
    }
    Ok(ExitCode::SUCCESS)
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

/// Checks the types that the windows import, which tests of `app` generate (ts-rs). They are written to a
/// separate folder and compared; with `fix` they are written in place.
pub fn bindings(place: &Place, fix: bool) -> Result<()> {
    let kept = place.root.join(BINDINGS);
    let made = if fix { kept.clone() } else { place.root.join("target/xtask/bindings") };
    if made.exists() {
        std::fs::remove_dir_all(&made).with_context(|| made.display().to_string())?;
    }
    std::fs::create_dir_all(&made).with_context(|| made.display().to_string())?;
    build::cargo(place, "the windows' bindings")
        .args(["test", "--lib", "--exclude", "xtask"])
        .args(build::WORKSPACE)
        .args(["export_bindings"])
        .env("TS_RS_EXPORT_DIR", &made)
        .run()?;
    let names = |folder: &Path| -> Result<Vec<PathBuf>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            names.push(PathBuf::from(entry?.file_name()));
        }
        names.sort();
        Ok(names)
    };
    let fresh = names(&made)?;
    if fresh.is_empty() {
        bail!("no binding was written: the export tests of crates/app did not run");
    }
    if fix {
        return Ok(());
    }
    let mut stale: Vec<String> = Vec::new();
    for name in names(&kept).unwrap_or_default() {
        if !fresh.contains(&name) {
            stale.push(format!("{BINDINGS}/{}: nothing makes it any more", name.display()));
        }
    }
    for name in fresh {
        let same = std::fs::read(kept.join(&name)).ok() == std::fs::read(made.join(&name)).ok();
        if !same {
            stale.push(format!("{BINDINGS}/{}: not what crates/app says", name.display()));
        }
    }
    if !stale.is_empty() {
        bail!("{}\n  `cargo xtask tidy --fix` writes them.", stale.join("\n  "));
    }
    Ok(())
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
