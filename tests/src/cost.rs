//! What a program takes of the machine, with everything that it started. Read from /proc, so on
//! Linux only.

use std::time::Duration;

use anyhow::{Context, Result};

#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    pub cpu: Duration,
    /// Shared pages are counted once, split among those that share them.
    pub memory_kib: u64,
}

impl Cost {
    /// Of a process group: `Process` gives each program one of its own.
    pub fn of(group: u32) -> Result<Self> {
        let mut cost = Self::default();
        let mut found = false;
        for entry in std::fs::read_dir("/proc")?.flatten() {
            let Ok(process) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
            // Any of them may end between two questions.
            let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) else {
                continue;
            };
            let stat = Stat::read(&stat)?;
            if stat.group == group && stat.state != "Z" {
                found = true;
                cost.cpu += stat.cpu;
                cost.memory_kib += memory_kib(process).unwrap_or(0);
            }
        }
        found.then_some(cost).context("it has ended")
    }
}

struct Stat<'a> {
    state: &'a str,
    group: u32,
    cpu: Duration,
}

impl<'a> Stat<'a> {
    fn read(text: &'a str) -> Result<Self> {
        /// What the kernel counts CPU time in, on every Linux of today.
        const TICKS_A_SECOND: u64 = 100;
        // After the name in parentheses; user and system time are fields 14 and 15 of the whole.
        let (_, rest) = text.rsplit_once(')').context("a process without a name")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        let cpu = Duration::from_millis(ticks * 1_000 / TICKS_A_SECOND);
        Ok(Self { state: fields[0], group: fields[2].parse()?, cpu })
    }
}

fn memory_kib(process: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
