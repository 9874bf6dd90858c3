//! The effects of a program on its files and sockets, as `crash-point` lists them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command};

/// The list of what a traced program has done so far.
pub struct Effects {
    list: PathBuf,
}

/// How many effects of each kind there are on files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    pub syncs: f64,
    pub writes: f64,
    pub renames: f64,
    /// All effects on files.
    pub all: f64,
}

impl Effects {
    /// Makes a command trace its effects below a folder.
    pub fn trace(home: &Home, name: &str, root: &Path, traced: &Command) -> (Self, Command) {
        let list = home.path().join(format!("{name}.effects"));
        let mut run = command(home, env!("CARGO_BIN_EXE_crash-point"));
        run.args(["--at", "0", "--root"]).arg(root).arg("--list").arg(&list).arg("--");
        run.arg(traced.get_program()).args(traced.get_args());
        for (name, value) in traced.get_envs() {
            match value {
                Some(value) => run.env(name, value),
                None => run.env_remove(name),
            };
        }
        (Self { list }, run)
    }

    /// Returns the effects on files whose path has this in it.
    pub fn on(&self, path: &str) -> Vec<String> {
        let list = std::fs::read_to_string(&self.list).unwrap_or_default();
        let lines = list.lines().filter(|line| !line.contains(" a socket by "));
        lines.filter(|line| line.contains(path)).map(str::to_owned).collect()
    }

    /// Counts the effects so far.
    pub fn count(&self) -> Count {
        let mut count = Count::default();
        for line in self.on("") {
            let call = line.split(' ').next().unwrap_or_default();
            count.all += 1.0;
            match call {
                "fsync" | "fdatasync" => count.syncs += 1.0,
                "write" | "writev" | "pwrite64" | "copy_file_range" => count.writes += 1.0,
                _ if call.starts_with("rename") => count.renames += 1.0,
                _ => {}
            }
        }
        count
    }
}

/// Returns a counter of a traced program's `/proc/PID/io`: `rchar` are the bytes that it has read with `read` and its
/// kin, `wchar` those that it has written. Most of them are of files, since sockets have calls of their own.
pub fn traced_io(tracer: &Process, counter: &str) -> Result<f64> {
    let tracer = tracer.id();
    let children = std::fs::read_to_string(format!("/proc/{tracer}/task/{tracer}/children"))?;
    let program = children.split_whitespace().next().context("the traced program")?;
    let io = std::fs::read_to_string(format!("/proc/{program}/io"))?;
    let count = io.lines().find_map(|line| line.strip_prefix(counter)?.strip_prefix(": "));
    Ok(count.with_context(|| counter.to_owned())?.trim().parse()?)
}

impl Count {
    /// Returns what was added since `before`, for each of `units`.
    pub fn each(self, before: Count, units: u32) -> Count {
        let each = |now: f64, before: f64| (now - before) / f64::from(units);
        Count {
            syncs: each(self.syncs, before.syncs),
            writes: each(self.writes, before.writes),
            renames: each(self.renames, before.renames),
            all: each(self.all, before.all),
        }
    }
}
