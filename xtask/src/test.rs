//! `cargo xtask test`: runs everything that this machine can test. Each part runs even if an earlier one
//! failed, unless it depends on that; then it counts as failed. The last line sums up.

use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::process::{ExitCode, Stdio};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::packages::Need;
use crate::progress::{Progress, spoken};
use crate::steps::{Step, has_program};
use crate::{Place, build, mutants, packages, soak, tidy, tools, ui};

/// About two minutes of chaos with every change, always with the same plans, so that a failure is caused by
/// the change. The soak uses other seeds.
const CHAOS_ROUNDS: &str = "10";
const CHAOS_SEED: &str = "20261128";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u32,
    pub failed: u32,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Counts a part without a test runner.
    fn part(&mut self, part: &str, result: Result<()>) -> bool {
        let passed = result.is_ok();
        if let Err(error) = result {
            eprintln!("\nFAILED {part}: {error:#}\n");
            self.failed += 1;
        } else {
            self.passed += 1;
        }
        passed
    }

    /// Counts a part with a test runner. One that ran no test has failed.
    fn runner(&mut self, part: &str, result: Result<Tally>) {
        match result {
            Ok(Tally { passed: 0, failed: 0 }) => {
                eprintln!("\nFAILED {part}: it ran no test\n");
                self.failed += 1;
            }
            Ok(tally) => self.add(tally),
            Err(error) => {
                eprintln!("\nFAILED {part}: {error:#}\n");
                self.failed += 1;
            }
        }
    }
}

pub fn test(place: &Place) -> Result<ExitCode> {
    let started = Instant::now();
    let mut tally = Tally::default();
    tally.part("packages", packages::ensure(place, Need::Tests));
    tally.part("tools", tools::ensure(place));
    for (name, check) in tidy::CHECKS {
        tally.part(name, tidy::check(place, name, check));
    }

    let windows = tally.part("npm ci", ui::install(place))
        && tally.part("build the windows", ui::build(place));
    if windows {
        tally.part(
            "check the windows",
            ui::npm(place, "check the windows", &["run", "check"]).run(),
        );
        let tests = ui::npm(place, "the windows' tests", &["test"]);
        tally.runner("the windows' tests", shown(tests, Runner::Vitest));
    } else {
        // Neither could be run.
        tally.failed += 2;
    }

    tally.part("clippy", tidy::clippy(place));
    tally.part("cargo deny", deny(place));
    tally.part("mutants", mutants::mutants(place));
    if tally.part("build", build::everything(place)) {
        tally.part("bindings", tidy::bindings(place, false));
        tally.runner("the workspace's tests", workspace(place, &[]));
        if has_program("cargo-nextest") {
            tally.runner("the cloud on PostgreSQL and SeaweedFS", cluster(place));
            tally.runner("ten rounds of chaos", chaos(place));
        }
    } else {
        tally.failed += 2;
    }

    eprintln!("\nAll of it took {}.", spoken(started.elapsed()));
    println!("{tally}");
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the system tests alone. The programs they control must be built already.
pub fn system(place: &Place) -> Result<Tally> {
    workspace(place, &["snaplark-tests"])
}

/// Runs `cargo nextest` if it is installed (.config/nextest.toml says which tests run in parallel), else
/// `cargo test` with one test at a time.
fn workspace(place: &Place, only: &[&str]) -> Result<Tally> {
    let nextest = has_program("cargo-nextest");
    let mut step = build::cargo(place, "the workspace's tests")
        .remedy("read the failures above.")
        .env("RUST_LIB_BACKTRACE", "0");
    if nextest {
        let threads = 2 * thread::available_parallelism().map_or(1, usize::from);
        step = step.args(["nextest", "run", "--no-fail-fast"]).args(build::WORKSPACE);
        step = step.args(["--test-threads", &threads.to_string()]);
        for package in only {
            step = step.args(["-E", &format!("package({package})")]);
        }
        if only.is_empty() {
            // Two of them run as separate steps, and the last as a soak.
            let elsewhere = "binary(cluster) + binary(chaos) + test(/^player::variants::/)";
            step = step.args(["-E", &format!("not ({elsewhere})")]);
        }
        if std::io::stderr().is_terminal() {
            step = step.args(["--color", "always"]);
        }
    } else {
        step = step.args(["test", "--no-fail-fast"]);
        // The workspace's set of features is used even if only one package's tests run.
        step = if only.is_empty() {
            step.args(build::WORKSPACE)
        } else {
            step.args(build::WORKSPACE)
                .args(["--test", "system", "--test", "desktop", "--test", "wayland"])
        };
        step = step.env("RUST_TEST_THREADS", "1");
    }
    shown(step, if nextest { Runner::Nextest } else { Runner::CargoTest })
}

/// Checks licences, bans and sources of what we link, by deny.toml. Advisories are not checked, since their
/// list is on no package registry.
fn deny(place: &Place) -> Result<()> {
    Step::new(place, "cargo deny", tools::program(place, "cargo-deny"))
        .remedy("take out what it names, or say in deny.toml why it may stay.")
        .args(["--locked", "check", "licenses", "bans", "sources"])
        .run()
}

/// Runs these tests in one process, unlike nextest: they share one PostgreSQL and one store, and wait for
/// these most of the time.
fn cluster(place: &Place) -> Result<Tally> {
    let threads = 2 * thread::available_parallelism().map_or(1, usize::from);
    let step = build::cargo(place, "the cloud on PostgreSQL and SeaweedFS")
        .remedy("read the failures above.")
        .args(["test", "--no-fail-fast"])
        .args(build::WORKSPACE)
        .args(["--test", "cluster"])
        .env("RUST_TEST_THREADS", threads.to_string());
    shown(step, Runner::CargoTest)
}

/// Runs a short form of `cargo xtask soak chaos`. It prints the seed of each round, and ends a round that
/// hangs by itself.
fn chaos(place: &Place) -> Result<Tally> {
    let step = build::cargo(place, "ten rounds of chaos")
        .remedy(soak::CHAOS_REMEDY)
        .env("SNAPLARK_CHAOS_ROUNDS", CHAOS_ROUNDS)
        .env("SNAPLARK_CHAOS_SEED", CHAOS_SEED)
        .env("RUST_LIB_BACKTRACE", "0")
        .args(["test"])
        .args(build::WORKSPACE)
        .args(["--test", "chaos", "--", "--nocapture"]);
    shown(step, Runner::CargoTest)
}

#[derive(Clone, Copy)]
enum Runner {
    CargoTest,
    Nextest,
    Vitest,
}

/// Runs a test runner with visible output, and parses its closing lines.
fn shown(mut step: Step, runner: Runner) -> Result<Tally> {
    let progress = Progress::begin(step.name());
    let command = step.command();
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            progress.failed();
            anyhow::bail!("{}", step.unstarted(&error));
        }
    };
    let stdout = child.stdout.take().context("the runner's output is piped")?;
    let stderr = child.stderr.take().context("the runner's output is piped")?;
    let tally = thread::scope(|scope| {
        let out = scope.spawn(|| pass_on(stdout, runner));
        let mut tally = pass_on(stderr, runner);
        tally.add(out.join().unwrap_or_default());
        tally
    });
    let status = child.wait()?;
    if status.success() {
        progress.done(&tally.to_string());
    } else {
        progress.failed();
        if tally.failed == 0 {
            anyhow::bail!("{}", step.failed(status));
        }
    }
    Ok(tally)
}

fn pass_on(stream: impl Read, runner: Runner) -> Tally {
    let mut tally = Tally::default();
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line);
        eprint!("{text}");
        if let Some(more) = runner.closing(&plain(&text)) {
            tally.add(more);
        }
        line.clear();
    }
    tally
}

impl Runner {
    /// Parses the runner's own closing line. Lines of others don't count: nextest shows a failed test's
    /// output, which has a closing line of its own.
    fn closing(self, line: &str) -> Option<Tally> {
        let line = line.trim();
        match self {
            // "test result: ok. 4 passed; 0 failed; 0 ignored"
            Self::CargoTest => {
                let rest = line.strip_prefix("test result: ")?;
                Some(Tally { passed: number(rest, " passed")?, failed: number(rest, " failed")? })
            }
            // "Summary [ 0.1s] 3/5 tests run: 2 passed (1 slow), 1 timed out, 0 skipped"
            Self::Nextest => {
                let rest = line.strip_prefix("Summary [")?;
                let (ran, results) = rest.split_once(']')?.1.split_once(" run: ")?;
                let all = ran.split_whitespace().next()?.split('/').next_back()?;
                let passed = number(results, " passed").unwrap_or(0);
                Some(Tally { passed, failed: all.parse::<u32>().ok()?.saturating_sub(passed) })
            }
            // "Tests  1 failed | 12 passed (13)"
            Self::Vitest => {
                let rest = line.strip_prefix("Tests  ")?;
                Some(Tally {
                    passed: number(rest, " passed").unwrap_or(0),
                    failed: number(rest, " failed").unwrap_or(0),
                })
            }
        }
    }
}

fn number(text: &str, before: &str) -> Option<u32> {
    let (head, _) = text.split_once(before)?;
    head.split_whitespace().last()?.parse().ok()
}

/// Removes the colour codes.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\x1b[") {
        plain.push_str(&rest[..at]);
        let code = &rest[at + 2..];
        let end = code.find(|c: char| c.is_ascii_alphabetic()).map_or(code.len(), |end| end + 1);
        rest = &code[end..];
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_all_runners_are_read() {
        use Runner::{CargoTest, Nextest, Vitest};
        for (runner, line, passed, failed) in [
            (CargoTest, "test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured", 4, 0),
            (CargoTest, "test result: FAILED. 3 passed; 2 failed; 0 ignored", 3, 2),
            (Nextest, "  Summary [   0.011s] 12 tests run: 12 passed, 0 skipped", 12, 0),
            (Nextest, "Summary [ 61s] 3/5 tests run: 2 passed (1 slow), 1 timed out", 2, 3),
            (Vitest, "      Tests  1 failed | 12 passed (13)", 12, 1),
            (Vitest, "\x1b[2m  Tests \x1b[22m \x1b[1m\x1b[32m7 passed\x1b[39m\x1b[22m (7)", 7, 0),
        ] {
            let tally = Some(Tally { passed, failed });
            assert_eq!(runner.closing(&plain(line)), tally, "{line}");
        }
        assert_eq!(Nextest.closing("test result: FAILED. 0 passed; 1 failed"), None);
    }

    #[test]
    fn a_runner_that_ran_nothing_has_failed() {
        let mut tally = Tally::default();
        tally.runner("empty", Ok(Tally::default()));
        assert_eq!(tally, Tally { passed: 0, failed: 1 });
    }
}
