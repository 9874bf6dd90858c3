//! What is tested for Windows on another system: every crate is checked by the compiler, and suites that need no
//! Windows of their own run under Wine.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::wine::{self, Wine};
use super::{Kit, emptied, write_script};
use crate::steps::{Step, answer};
use crate::test::{Runner, Tally, shown};
use crate::{Place, build};

/// The suites that run under Wine, by the names of their targets. Each has to be there and has to run a test.
///
/// Not among them: the integration tests of `capture`, which are for X11 and Wayland, `cluster`, which needs PostgreSQL,
/// and `players` of `formats`, which needs mkvtoolnix.
const SUITES: [&str; 16] = [
    "snaplark_api",
    "snaplark_formats",
    "parts",
    "placeholder",
    "snaplark_files",
    "snaplark_core",
    "simulation",
    "snaplark_store",
    "snaplark_destinations",
    "destinations",
    "snaplark_capture",
    "snaplark_render",
    "snaplark_app",
    "snaplark_cloud_data",
    "snaplark_cloud",
    "cloud",
];

/// Tests that can't pass under Wine, with the reason, which each run prints: the suite, what the tests' names contain,
/// and why. A name that no test has is an error. docs/windows.md has the same list.
const SKIPPED: [(&str, &str, &str); 2] = [
    ("destinations", "s3_at_seaweedfs::", "SeaweedFS is here as a program of Linux"),
    ("destinations", "s3_at_moto::", "moto is here as a program of Linux"),
];

/// Checks every crate and the desktop with all their tests. A warning is an error: it may be the only thing that says
/// that code for Windows is never used.
pub fn check(place: &Place, kit: &Kit) -> Result<()> {
    kit.cargo(
        place,
        "check everything for Windows",
        &["check", "--all-targets", "--keep-going"],
        "-Dwarnings",
    )
    .run()
}

/// Builds the suites and runs each under Wine.
pub fn run(place: &Place, kit: &Kit, wine: &Wine) -> Result<Tally> {
    let built = built(place, kit)?;
    let mut tally = Tally::default();
    for Suite { name, program, folder } in built {
        let skipped = skipped(wine, &name, &program)?;
        let step = Step::new(place, &format!("under Wine: {name}"), wine.script())
            .folder(folder.as_ref())
            .remedy("read the failures above.")
            .env("CARGO_MANIFEST_DIR", &folder)
            .env("TS_RS_EXPORT_DIR", wine::windows_path(&kit.path("bindings")))
            .env("RUST_LIB_BACKTRACE", "0")
            .args([program])
            .args(skipped.iter().flat_map(|name| ["--skip", name]));
        tally.runner(&format!("{name} under Wine"), shown(step, Runner::CargoTest));
    }
    Ok(tally)
}

/// Prints which tests of a suite are left out and why, and returns their names.
fn skipped(wine: &Wine, suite: &str, program: &str) -> Result<Vec<&'static str>> {
    let skipped: Vec<_> = SKIPPED.into_iter().filter(|(of, ..)| *of == suite).collect();
    if skipped.is_empty() {
        return Ok(Vec::new());
    }
    let listed = answer(Command::new(wine.script()).args([program, "--list"]))?;
    for (_, name, reason) in &skipped {
        let count = listed.lines().filter(|line| line.contains(name)).count();
        ensure!(count > 0, "{suite} has no test '{name}' that could be left out");
        eprintln!("· left out under Wine: {suite} {name} ({count} tests): {reason}");
    }
    Ok(skipped.into_iter().map(|(_, name, _)| name).collect())
}

/// Records the numbered screen with the programs for Windows: `tests/wine`, which finds each as a script.
pub fn run_programs(place: &Place, kit: &Kit, wine: &Wine, folder: &Path) -> Result<Tally> {
    build::programs(place)?;
    let scripts = kit.path("programs");
    emptied(&scripts)?;
    for name in ["snaplark", "snaplark-cloud"] {
        let script = scripts.join(name);
        let text = format!(
            "#!/bin/sh\n# Runs {name}.exe under Wine. Written by `cargo xtask windows`.\n\
             exec '{}' '{}' \"$@\"\n",
            wine.script().display(),
            folder.join(format!("{name}.exe")).display()
        );
        write_script(&script, &text)?;
    }
    let step = build::cargo(place, "the programs under Wine")
        .remedy("read the failures above.")
        .env("SNAPLARK_PROGRAMS", scripts)
        .env("SNAPLARK_WINE_SCRIPT", wine.script())
        // Wine has one display at a time.
        .env("RUST_TEST_THREADS", "1")
        .args(["test"])
        .args(build::WORKSPACE)
        .args(["--test", "wine"]);
    shown(step, Runner::CargoTest)
}

struct Suite {
    name: String,
    program: String,
    folder: String,
}

/// Builds the suites and returns them in the order of `SUITES`.
fn built(place: &Place, kit: &Kit) -> Result<Vec<Suite>> {
    let mut command = vec!["test", "--no-run", "--message-format=json", "--lib"];
    let targets = SUITES.into_iter().filter(|name| !name.starts_with("snaplark_"));
    command.extend(targets.flat_map(|name| ["--test", name]));
    let mut step = kit.cargo(place, "build the suites for Windows", &command, "");
    // Its standard output is the list of programs, so `Step::run`, which mixes it with the rest, is of no use.
    let progress = crate::progress::Progress::begin(step.name());
    let output = step.command().stderr(Stdio::inherit()).output();
    let output = output.context("cargo can't be started")?;
    if !output.status.success() {
        progress.failed();
        anyhow::bail!("{}", step.failed(output.status));
    }
    progress.done("");
    let found = programs(&String::from_utf8_lossy(&output.stdout));
    ordered(found)
}

fn ordered(mut found: Vec<Suite>) -> Result<Vec<Suite>> {
    let place_of = |suite: &Suite| SUITES.iter().position(|name| *name == suite.name);
    found.retain(|suite| place_of(suite).is_some());
    found.sort_by_key(place_of);
    for name in SUITES {
        ensure!(found.iter().any(|suite| suite.name == name), "the build has no suite '{name}'");
    }
    Ok(found)
}

/// Reads the test programs from Cargo's messages.
fn programs(messages: &str) -> Vec<Suite> {
    let read = |line: &str| -> Option<Suite> {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_test = message["profile"]["test"].as_bool()?;
        let program = message["executable"].as_str().filter(|_| is_test)?.to_owned();
        let manifest = message["manifest_path"].as_str()?;
        let folder = manifest.strip_suffix("/Cargo.toml")?.to_owned();
        Some(Suite { name: message["target"]["name"].as_str()?.to_owned(), program, folder })
    };
    messages.lines().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_programs_are_read_and_a_missing_suite_is_an_error() {
        let message = |name: &str, test: bool| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/r/crates/x/Cargo.toml","target":{{"name":"{name}"}},"profile":{{"test":{test}}},"executable":"/t/{name}.exe"}}"#
            )
        };
        let mut lines: Vec<String> = SUITES.iter().map(|name| message(name, true)).collect();
        lines.push(message("players", true));
        lines.push(message("snaplark", false));
        lines.push("not JSON".to_owned());
        lines.reverse();
        let found = ordered(programs(&lines.join("\n"))).unwrap();
        assert_eq!(found.iter().map(|suite| suite.name.as_str()).collect::<Vec<_>>(), SUITES);
        assert_eq!(
            (found[0].folder.as_str(), found[0].program.as_str()),
            ("/r/crates/x", "/t/snaplark_api.exe")
        );
        assert!(ordered(programs(&lines[1..].join("\n")[..40])).is_err());
    }
}
