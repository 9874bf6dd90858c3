//! Measures what a recording costs, of a screen that moves and of one that stands still: CPU and memory of
//! `snaplark record`, and for comparison of ffmpeg with the same codec, size and rates.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use snaplark_tests::cost::{self, Use};
use snaplark_tests::display::Display;
use snaplark_tests::home::Home;
use snaplark_tests::process::program;
use snaplark_tests::recorder::{Recorded, snaplark};
use snaplark_tests::{desk, media, peer_recorders, wait};

const SIZE: (u32, u32) = (1280, 720);
const SECONDS: u32 = 20;
const LIMIT: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    wait::catch_interrupts()?;
    program("snaplark")?;
    let (width, height) = SIZE;
    println!("{width}x{height}, 30 frames a second, {SECONDS} s, without upload:");
    for (name, numbers) in [("moving, 15 pictures a second", 15), ("still", 0)] {
        let mut home = Home::new()?;
        let _display = Display::start(&mut home, width, height)?;
        let _painter = if numbers > 0 { Some(desk::paint(&home, numbers)?) } else { None };
        println!("  {name}");

        let seconds = SECONDS.to_string();
        let args = ["record", "--seconds", &seconds, "--json", "--no-upload"];
        let (ours, said) = run(&home, "snaplark", snaplark(&home, None, &args)?)?;
        let Recorded { frames, dropped, .. } = Recorded::read(&said)?;
        println!("    snaplark: {ours}; {frames} frames, {dropped} dropped");

        let file = home.path().join("ffmpeg.webm");
        let (theirs, _) =
            run(&home, "ffmpeg", peer_recorders::ffmpeg(&home, SIZE, SECONDS, &file))?;
        let frames = media::decode(&file.to_string_lossy())?;
        println!("    ffmpeg:   {theirs}; {frames} frames");
    }
    Ok(())
}

/// Runs a recorder. Returns its cost in words, and its output.
fn run(home: &Home, name: &str, command: Command) -> Result<(String, String)> {
    let Use { cpu, peak_kib, said, .. } = cost::of_run(home, name, command, LIMIT)?;
    let took = format!(
        "{:.1} s of CPU ({:.0}% of one core), {} MB at most",
        cpu.as_secs_f64(),
        cpu.as_secs_f64() / f64::from(SECONDS) * 100.0,
        peak_kib / 1024,
    );
    Ok((took, said))
}
