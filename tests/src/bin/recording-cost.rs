//! What a recording costs: CPU and memory of `snaplark record` on a screen that moves and on one
//! that stands still.

use std::time::Duration;

use anyhow::{Context, Result};
use snaplark_tests::cost::Cost;
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
        let mut memory_kib = 0;
        wait::until("the recording", LIMIT, || {
            // The last look before its end counts: a tenth of a second is lost at most.
            if let Ok(seen) = Cost::of(record.id()) {
                cost = seen;
                memory_kib = memory_kib.max(seen.memory_kib);
            }
            Ok((!record.is_running()).then_some(()))
        })?;
        let recorded =
            Recorded::read(&record.lines().join("\n")).with_context(|| record.complaints())?;
        println!(
            "  {name}: {:.1} s of CPU ({:.0}% of one core), {} frames, {} dropped, {} MB at most",
            cost.cpu.as_secs_f64(),
            cost.cpu.as_secs_f64() / f64::from(SECONDS) * 100.0,
            recorded.frames,
            recorded.dropped,
            memory_kib / 1024,
        );
    }
    Ok(())
}
