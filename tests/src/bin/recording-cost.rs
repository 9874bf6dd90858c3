//! Measures what a recording costs, of a screen that moves and of one that stands still: CPU and memory of
//! `snaplark record`, and for comparison of ffmpeg with the same codec, size and rates.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use snaplark_tests::display::Display;
use snaplark_tests::home::Home;
use snaplark_tests::process::{Process, command, program};
use snaplark_tests::recorder::{Recorded, snaplark};
use snaplark_tests::{cost, desk, media, wait};

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
        let (theirs, _) = run(&home, "ffmpeg", ffmpeg(&home, &file))?;
        let frames = media::decode(&file.to_string_lossy())?;
        println!("    ffmpeg:   {theirs}; {frames} frames");
    }
    Ok(())
}

/// Returns the ffmpeg command, with the options that its documentation gives for encoding in real time.
fn ffmpeg(home: &Home, file: &Path) -> Command {
    let mut ffmpeg = command(home, "ffmpeg");
    let (width, height) = SIZE;
    ffmpeg.args(["-v", "error", "-f", "x11grab", "-framerate", "30"]);
    ffmpeg.args(["-video_size", &format!("{width}x{height}")]);
    ffmpeg.args(["-i", home.var("DISPLAY").unwrap_or_default(), "-t", &SECONDS.to_string()]);
    ffmpeg.args(["-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p", "-b:v", "2500k", "-g", "60"]);
    ffmpeg.args(["-deadline", "realtime", "-cpu-used", "7", "-row-mt", "1", "-lag-in-frames", "0"]);
    ffmpeg.arg(file);
    ffmpeg
}

/// Runs a recorder. Returns its cost in words, and its output.
fn run(home: &Home, name: &str, command: Command) -> Result<(String, String)> {
    let mut recorder = Process::start(home, name, command)?;
    let (mut cpu, mut peak_kib) = (Duration::ZERO, 0);
    wait::until("the recording", LIMIT, || {
        // The last check before its end counts, so at most a tenth of a second is lost.
        if let Ok(now) = cost::cpu(recorder.id()) {
            cpu = now;
        }
        peak_kib = cost::peak_kib(recorder.id()).unwrap_or(0).max(peak_kib);
        Ok((!recorder.is_running()).then_some(()))
    })?;
    let said = recorder.lines().join("\n");
    recorder.wait(LIMIT)?.success().then_some(()).with_context(|| recorder.complaints())?;
    let took = format!(
        "{:.1} s of CPU ({:.0}% of one core), {} MB at most",
        cpu.as_secs_f64(),
        cpu.as_secs_f64() / f64::from(SECONDS) * 100.0,
        peak_kib / 1024,
    );
    Ok((took, said))
}
