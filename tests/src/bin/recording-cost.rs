//! What a recording costs: CPU and memory of `snaplark record` on a screen that moves and on one
//! that stands still. Read from /proc, so on Linux only.

use std::time::Duration;

use anyhow::{Context, Result};
use snaplark_tests::display::Display;
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, program};
use snaplark_tests::recorder::{Recorded, snaplark};
use snaplark_tests::{desk, wait};

const SECONDS: u32 = 20;
const LIMIT: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    wait::catch_interrupts()?;
    program("snaplark")?;
    println!("1280x720, 30 frames a second, {SECONDS} s, without upload:");
    for (name, numbers) in [("moving, 15 pictures a second", 15), ("still", 0)] {
        let mut home = Home::new()?;
        let _display = Display::start(&mut home, 1280, 720)?;
        let _painter = if numbers > 0 { Some(desk::paint(&home, numbers)?) } else { None };
        let seconds = SECONDS.to_string();
        let args = ["record", "--seconds", &seconds, "--json", "--no-upload"];
        let mut record = Process::start(&home, "snaplark", snaplark(&home, None, &args)?)?;
        let mut cost = Cost::default();
        wait::until("the recording", LIMIT, || {
            // The last look before its end counts: a tenth of a second is lost at most.
            if let Ok(seen) = Cost::of(record.id()) {
                cost = seen;
            }
            Ok((!record.is_running()).then_some(()))
        })?;
        let recorded =
            Recorded::read(&record.lines().join("\n")).with_context(|| record.complaints())?;
        println!(
            "  {name}: {:.1} s of CPU ({:.0}% of one core), {} frames, {} dropped, {} MB at most",
            cost.cpu_s,
            cost.cpu_s / f64::from(SECONDS) * 100.0,
            recorded.frames,
            recorded.dropped,
            cost.memory_kib / 1024,
        );
    }
    Ok(())
}

#[derive(Clone, Copy, Default)]
struct Cost {
    cpu_s: f64,
    memory_kib: u64,
}

impl Cost {
    fn of(process: u32) -> Result<Self> {
        /// What the kernel counts CPU time in, on every Linux of today.
        const TICKS_A_SECOND: f64 = 100.0;
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
        // After the name in parentheses; user and system time are fields 14 and 15.
        let fields: Vec<&str> =
            stat.rsplit_once(')').context("stat has no name")?.1.split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.context("it has ended")?.trim().trim_end_matches(" kB").parse()?;
        Ok(Self { cpu_s: ticks / TICKS_A_SECOND, memory_kib: peak })
    }
}
