//! What a program takes of the machine, with everything that it started: `Process` gives each
//! program a group of its own. Read from /proc, so on Linux only.

use std::time::Duration;

use anyhow::{Result, ensure};

/// How long the processors worked for it, as far as it still runs.
pub fn cpu(group: u32) -> Result<Duration> {
    Ok(members(group)?.iter().map(|member| member.cpu).sum())
}

/// The most that its processes have had in memory at once, each for itself.
pub fn peak_kib(group: u32) -> Result<u64> {
    let peak = |process| kib(process, "status", "VmHWM:").unwrap_or(0);
    Ok(members(group)?.iter().map(|member| peak(member.process)).sum())
}

/// What it has in memory now. Pages that several processes share are split among them. Asking
/// costs each of them some milliseconds.
pub fn memory_kib(group: u32) -> Result<u64> {
    let now = |process| kib(process, "smaps_rollup", "Pss:").unwrap_or(0);
    Ok(members(group)?.iter().map(|member| now(member.process)).sum())
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

/// `None` where it is of another group, has ended, or ends just now.
fn member(process: u32, group: u32) -> Option<Member> {
    /// What the kernel counts CPU time in, on every Linux of today.
    const TICK: Duration = Duration::from_millis(10);
    const ENDED: &str = "Z";
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // After the name in parentheses; state, group, user and system time are fields 3, 5, 14 and 15.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if fields[0] == ENDED || fields[2].parse() != Ok(group) {
        return None;
    }
    let ticks = fields[11].parse::<u32>().ok()? + fields[12].parse::<u32>().ok()?;
    Some(Member { process, cpu: TICK * ticks })
}

fn kib(process: u32, file: &str, field: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/{file}")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
