//! `cargo xtask test`: runs everything that this machine can test. Each part runs even if an earlier one
//! failed, unless it depends on that; then it counts as failed. The last line sums up.
//!
//! Tests that record real time mostly wait, so two groups run at the same time:
//!
//! ```text
//! install, tidy, build ─┬─ recordings, displays, browsers, chaos       (normal priority) ─┬─ summary
//!                       └─ windows, clippy, mutants, all other tests   (lowest priority) ─┘
//! ```
//!
//! The second group is this program once more, under `nice`: it gets the processor time that the first
//! leaves. Its steps are shown as they end, and the rest of its output at the end, if something failed.

use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread::{self, JoinHandle};
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
    /// Those of the passed ones that failed first and passed when they were repeated.
    pub repeated: u32,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        match self.repeated {
            0 => Ok(()),
            repeated => write!(f, ", {repeated} of them only when repeated (FLAKY above)"),
        }
    }
}

impl Tally {
    /// Reads what `Display` wrote.
    fn parse(line: &str) -> Option<Self> {
        let (passed, rest) = line.split_once(" passed, ")?;
        let (failed, repeated) = rest.split_once(" failed")?;
        let repeated = number(repeated, " of them").unwrap_or(0);
        Some(Self { passed: passed.parse().ok()?, failed: failed.parse().ok()?, repeated })
    }

    fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.repeated += other.repeated;
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
    pub fn runner(&mut self, part: &str, result: Result<Tally>) {
        match result {
            Ok(Tally { passed: 0, failed: 0, .. }) => {
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
    let built = tally.part("npm ci", ui::install(place))
        && tally.part("build the windows", ui::build(place))
        && tally.part("build", build::everything(place));
    if built {
        let background = Background::begin();
        if has_program("cargo-nextest") {
            tally.runner("the tests in real time", real_time(place));
            tally.runner("ten rounds of chaos", chaos(place));
        } else {
            tally.runner("all tests", cargo_test(place, "all tests, one after the other", &[]));
        }
        tally.runner("the tests in the background", background.and_then(Background::end));
    } else {
        // None of these could be run.
        tally.failed += 3;
    }
    Ok(sum_up(started, tally))
}

/// Runs the second group. `test` starts it as a process of its own.
pub fn background(place: &Place) -> ExitCode {
    let started = Instant::now();
    let mut tally = Tally::default();
    tally.part("windows", ui::npm(place, "check the windows", &["run", "check"]).run());
    let windows = ui::npm(place, "the windows' tests", &["test"]);
    tally.runner("the windows' tests", shown(windows, Runner::Vitest));
    tally.part("clippy", tidy::clippy(place));
    tally.part("cargo deny", deny(place));
    tally.part("mutants", mutants::mutants_of_changes(place));
    tally.part("bindings", tidy::bindings(place, false));
    tally.part("share player", tidy::share_player(place, false));
    if has_program("cargo-nextest") {
        tally.runner("the other tests", others(place));
        tally.runner("the cloud on PostgreSQL and SeaweedFS", cluster(place));
    }
    sum_up(started, tally)
}

fn sum_up(started: Instant, tally: Tally) -> ExitCode {
    eprintln!("\nAll of it took {}.", spoken(started.elapsed()));
    println!("{tally}");
    if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The second group while it runs.
struct Background {
    child: Child,
    output: JoinHandle<String>,
}

impl Background {
    fn begin() -> Result<Self> {
        let program = std::env::current_exe().context("this program's path")?;
        let mut command = if cfg!(unix) {
            let mut nice = Command::new("nice");
            nice.args(["-n", "19"]).arg(program);
            nice
        } else {
            Command::new(program)
        };
        command.args(["test", "--background"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("the tests in the background can't be started")?;
        let stderr = child.stderr.take().context("its output is piped")?;
        let output = thread::spawn(move || steps_shown(stderr));
        Ok(Self { child, output })
    }

    fn end(mut self) -> Result<Tally> {
        let mut summary = String::new();
        let mut stdout = self.child.stdout.take().context("its output is piped")?;
        stdout.read_to_string(&mut summary)?;
        let output = self.output.join().unwrap_or_default();
        if !self.child.wait()?.success() {
            eprintln!("\nThe output of the tests in the background:\n{output}");
        }
        summary.lines().last().and_then(Tally::parse).context("they ended without a summary")
    }
}

/// Shows the beginning and the end of each step and the tests that were repeated, and returns the whole output.
fn steps_shown(stream: impl Read) -> String {
    let mut output = String::new();
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line);
        if ["· ", "✓ ", "✗ "].iter().any(|mark| text.starts_with(mark))
            || plain(&text).trim_start().starts_with("FLAKY ")
        {
            eprint!("{text}");
        }
        output.push_str(&text);
        line.clear();
    }
    output
}

/// Runs the system tests alone. The programs they control must be built already.
pub fn system(place: &Place) -> Result<Tally> {
    if has_program("cargo-nextest") {
        let tests = "package(snaplark-tests)";
        return nextest(place, "the system tests", &[], tests);
    }
    cargo_test(place, "the system tests", &["--test", "system", "--test", "desktop"])
}

/// The tests that record real time. Nothing else of this program may take their processor time.
const REAL_TIME: &str = "(package(snaplark-capture) & kind(test)) \
    + binary(system) + binary(desktop) + binary(wayland)";
/// These run as separate steps (`wine` by `cargo xtask windows suites`), and the last as a soak.
const ELSEWHERE: &str =
    "binary(cluster) + binary(chaos) + binary(wine) + test(/^player::variants::/)";

fn real_time(place: &Place) -> Result<Tally> {
    let tests = format!("({REAL_TIME}) - ({ELSEWHERE})");
    nextest(place, "the tests in real time", retries(), &tests)
}

fn others(place: &Place) -> Result<Tally> {
    let args = [&["--profile", "background"], retries()].concat();
    nextest(place, "the other tests", &args, &format!("not ({REAL_TIME} + {ELSEWHERE})"))
}

/// Pictures the cloud's pages in all their forms. The programs must be built already.
pub fn pages_pictured(place: &Place) -> Result<()> {
    build::cargo(place, "pictures of the cloud's pages")
        .remedy("read the failures above.")
        .env("SNAPLARK_ALL_FORMS", "1")
        .args(["test"])
        .args(build::WORKSPACE)
        .args(["--test", "system", "--", "pages::cloud_pages_are_pictured"])
        .run()
}

/// Runs the tests that match an expression. `.config/nextest.toml` says which of them run in parallel.
pub fn nextest(place: &Place, name: &str, args: &[&str], tests: &str) -> Result<Tally> {
    let threads = 2 * thread::available_parallelism().map_or(1, usize::from);
    let mut step = build::cargo(place, name)
        .remedy("read the failures above.")
        .env("RUST_LIB_BACKTRACE", "0")
        .args(["nextest", "run", "--no-fail-fast"])
        .args(args)
        .args(build::WORKSPACE)
        .args(["--test-threads", &threads.to_string(), "-E", tests]);
    if std::io::stderr().is_terminal() {
        step = step.args(["--color", "always"]);
    }
    shown(step, Runner::Nextest)
}

/// Here, a test that fails once has failed. A CI's machine is shared with others, so a test is tried once more there, and
/// the summary names it as FLAKY if it passes then.
fn retries() -> &'static [&'static str] {
    if std::env::var_os("CI").is_some() { &["--retries", "1"] } else { &[] }
}

/// Runs tests where `cargo nextest` is not installed: one after the other.
fn cargo_test(place: &Place, name: &str, targets: &[&str]) -> Result<Tally> {
    let step = build::cargo(place, name)
        .remedy("read the failures above.")
        .env("RUST_LIB_BACKTRACE", "0")
        .env("RUST_TEST_THREADS", "1")
        .args(["test", "--no-fail-fast"])
        // The workspace's set of features is used even if only one package's tests run.
        .args(build::WORKSPACE)
        .args(targets);
    shown(step, Runner::CargoTest)
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
pub enum Runner {
    CargoTest,
    Nextest,
    Vitest,
}

/// Runs a test runner with visible output, and parses its closing lines.
pub fn shown(mut step: Step, runner: Runner) -> Result<Tally> {
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
                Some(Tally {
                    passed: number(rest, " passed")?,
                    failed: number(rest, " failed")?,
                    repeated: 0,
                })
            }
            // "Summary [ 0.1s] 3/5 tests run: 2 passed (1 slow, 1 flaky), 1 timed out, 0 skipped"
            Self::Nextest => {
                let rest = line.strip_prefix("Summary [")?;
                let (ran, results) = rest.split_once(']')?.1.split_once(" run: ")?;
                let all = ran.split_whitespace().next()?.split('/').next_back()?;
                let passed = number(results, " passed").unwrap_or(0);
                Some(Tally {
                    passed,
                    failed: all.parse::<u32>().ok()?.saturating_sub(passed),
                    repeated: number(results, " flaky").unwrap_or(0),
                })
            }
            // "Tests  1 failed | 12 passed (13)"
            Self::Vitest => {
                let rest = line.strip_prefix("Tests  ")?;
                Some(Tally {
                    passed: number(rest, " passed").unwrap_or(0),
                    failed: number(rest, " failed").unwrap_or(0),
                    repeated: 0,
                })
            }
        }
    }
}

fn number(text: &str, before: &str) -> Option<u32> {
    let (head, _) = text.split_once(before)?;
    head.split_whitespace().last()?.trim_start_matches('(').parse().ok()
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
            let tally = Some(Tally { passed, failed, repeated: 0 });
            assert_eq!(runner.closing(&plain(line)), tally, "{line}");
        }
        assert_eq!(Nextest.closing("test result: FAILED. 0 passed; 1 failed"), None);
        for results in ["5 passed (2 flaky), 0 skipped", "5 passed (1 slow, 2 flaky), 0 skipped"] {
            let tally = Nextest.closing(&format!("Summary [ 61s] 5 tests run: {results}"));
            assert_eq!(tally, Some(Tally { passed: 5, failed: 0, repeated: 2 }), "{results}");
        }
    }

    #[test]
    fn summary_is_read_as_it_was_written() {
        for repeated in [0, 2] {
            let tally = Tally { passed: 12, failed: 3, repeated };
            assert_eq!(Tally::parse(&tally.to_string()), Some(tally));
        }
        assert_eq!(Tally::parse("nothing"), None);
    }

    #[test]
    fn a_runner_that_ran_nothing_has_failed() {
        let mut tally = Tally::default();
        tally.runner("empty", Ok(Tally::default()));
        assert_eq!(tally, Tally { passed: 0, failed: 1, repeated: 0 });
    }
}
