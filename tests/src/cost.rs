//! Measures what a program uses of the machine, including everything that it started: `Process` gives each
//! program a process group of its own. Reads /proc, so it works on Linux only.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::home::Home;
use crate::process::Process;
use crate::wait;

/// What a program used from its start to its end.
pub struct Use {
    pub time: Duration,
    pub cpu: Duration,
    pub peak_kib: u64,
    /// Its standard output.
    pub said: String,
}

/// Runs a program to its end and measures it. Up to the last 20 ms of its CPU time are not seen.
pub fn of_run(home: &Home, name: &str, command: Command, limit: Duration) -> Result<Use> {
    let begun = Instant::now();
    let mut process = Process::start(home, name, command)?;
    let (mut cpu, mut peak_kib) = (Duration::ZERO, 0);
    wait::until(name, limit, || {
        cpu = self::cpu(process.id()).unwrap_or(cpu);
        peak_kib = self::peak_kib(process.id()).unwrap_or(0).max(peak_kib);
        Ok((!process.is_running()).then_some(()))
    })?;
    let time = begun.elapsed();
    let is_good = process.wait(limit)?.success();
    is_good.then_some(()).with_context(|| format!("{name}:\n{}", process.complaints()))?;
    Ok(Use { time, cpu, peak_kib, said: process.lines().join("\n") })
}

/// Returns the CPU time of the group's running processes.
pub fn cpu(group: u32) -> Result<Duration> {
    Ok(members(group)?.iter().map(|member| member.cpu).sum())
}

/// Returns the CPU time of this process.
pub fn own_cpu() -> Result<Duration> {
    Ok(stat(std::process::id()).context("/proc has no entry of this process")?.1.cpu)
}

/// Returns the sum of the peak memory of the group's processes, each for itself.
pub fn peak_kib(group: u32) -> Result<u64> {
    let peak = |process| kib(process, "status", "VmHWM:").unwrap_or(0);
    Ok(members(group)?.iter().map(|member| peak(member.process)).sum())
}

/// Returns the memory that the group uses now. Pages shared by several processes are split among them. The
/// query costs each process some milliseconds.
pub fn memory_kib(group: u32) -> Result<u64> {
    let now = |process| kib(process, "smaps_rollup", "Pss:").unwrap_or(0);
    Ok(members(group)?.iter().map(|member| now(member.process)).sum())
}

/// Returns how often the group's running threads have slept and were woken, as often as they gave the processor up.
pub fn wakeups(group: u32) -> Result<u64> {
    let threads = |process| {
        let folder = std::fs::read_dir(format!("/proc/{process}/task"));
        folder.into_iter().flatten().flatten().map(|thread| thread.path().join("status"))
    };
    let slept = members(group)?.into_iter().flat_map(|member| threads(member.process));
    Ok(slept.filter_map(|status| number(&status, "voluntary_ctxt_switches:")).sum())
}

/// Returns how many of the group's processes have this name, of which the system keeps 15 letters.
pub fn count(group: u32, name: &str) -> Result<usize> {
    let is_it = |process| {
        let file = std::fs::read_to_string(format!("/proc/{process}/comm"));
        file.is_ok_and(|found| found.trim_end() == name)
    };
    Ok(members(group)?.iter().filter(|member| is_it(member.process)).count())
}

struct Member {
    process: u32,
    cpu: Duration,
}

fn members(group: u32) -> Result<Vec<Member>> {
    let processes = std::fs::read_dir("/proc")?.flatten();
    let processes = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let members: Vec<Member> = processes.filter_map(|process| member(process, group)).collect();
    ensure!(!members.is_empty(), "it has ended");
    Ok(members)
}

/// Returns `None` if the process is in another group, has ended, or ends just now.
fn member(process: u32, group: u32) -> Option<Member> {
    stat(process).and_then(|(of, member)| (of == group).then_some(member))
}

/// Returns the group of a process that has not ended, and what it has used.
fn stat(process: u32) -> Option<(u32, Member)> {
    /// The kernel's unit of CPU time, on every Linux of today.
    const TICK: Duration = Duration::from_millis(10);
    const ENDED: &str = "Z";
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Fields after the name in parentheses; state, group, user and system time are fields 3, 5, 14 and 15.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if fields[0] == ENDED {
        return None;
    }
    let ticks = fields[11].parse::<u32>().ok()? + fields[12].parse::<u32>().ok()?;
    Some((fields[2].parse().ok()?, Member { process, cpu: TICK * ticks }))
}

/// Returns a field of a file about a process, in KiB.
fn kib(process: u32, file: &str, field: &str) -> Option<u64> {
    number(&PathBuf::from(format!("/proc/{process}/{file}")), field)
}

/// Returns the number of the line that begins with `field`.
fn number(file: &Path, field: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
