//! `cargo xtask run` without a display: the whole product on a virtual one. Progress goes to standard
//! error, the results to standard output.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use snaplark_tests::demonstration::{Demonstration, NUMBERS_A_SECOND, SIZE, Shared};
use snaplark_tests::home::Home;
use snaplark_tests::{cloud, media, numbers, process, wait};

#[derive(Parser)]
struct Options {
    /// The length of the recording, in seconds.
    #[arg(long, default_value_t = 12)]
    seconds: u64,
    /// The folder for pictures and, unless SNAPLARK_HOME is set, for the recording. It is emptied first.
    #[arg(long)]
    pictures: PathBuf,
    /// Leaves the app running until Ctrl-C, so that the link works.
    #[arg(long)]
    keep: bool,
}

fn main() -> ExitCode {
    match show(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn show(options: &Options) -> Result<()> {
    wait::catch_interrupts()?;
    if options.pictures.exists() {
        std::fs::remove_dir_all(&options.pictures)
            .with_context(|| format!("{} can't be emptied", options.pictures.display()))?;
    }
    std::fs::create_dir_all(&options.pictures)
        .with_context(|| format!("{} can't be made", options.pictures.display()))?;

    let mut home = Home::new()?;
    home.keep_snaplark_in(match std::env::var_os("SNAPLARK_HOME") {
        Some(folder) if !folder.is_empty() => std::path::absolute(PathBuf::from(folder))?,
        _ => options.pictures.join("home"),
    });

    let shown = step("desktop, tray and app", || Demonstration::begin(home, &options.pictures))?;
    let shared = record(&shown, options.seconds)
        .with_context(|| format!("the end of the app's log:\n{}\n", shown.complaints()))?;
    step("library", || shown.open_library())?;
    let found = step("check of link and file", || check(&shared))?;

    println!();
    println!("Link      {}", shared.link);
    println!("File      {}", shared.file.display());
    println!("Video     {found}");
    for name in ["recording", "tray", "toast", "done", "library", "desktop"] {
        println!("Picture   {}", options.pictures.join(format!("{name}.png")).display());
    }
    let kept = shown.desk.home.snaplark().to_owned();
    if options.keep {
        println!("\nThe link works until Ctrl-C.");
        wait::until_interrupted();
    }
    step("closing", || shown.quit())?;
    println!("\nThe cloud ended with the app. To bring the link back:");
    println!(
        "  SNAPLARK_HOME={} {} serve",
        kept.display(),
        process::program("snaplark")?.display()
    );
    Ok(())
}

fn record(shown: &Demonstration, seconds: u64) -> Result<Shared> {
    step("Alt+R: it records", || shown.start_recording())?;
    step("recording", || wait::pass("the recording", Duration::from_secs(seconds)))?;
    step("Alt+R: toast, link, file", || shown.stop_recording())
}

/// Checks that the page answers, and that video and file are VP9, decode without a complaint and show the
/// same frames.
fn check(shared: &Shared) -> Result<String> {
    let page = cloud::fetch(&shared.link)?;
    if !String::from_utf8_lossy(&page).contains("<video") {
        bail!("{} is no page with a video", shared.link);
    }
    let file = shared.file.to_str().context("the file's path is not UTF-8")?;
    let mut frames = Vec::new();
    for video in [file, &shared.video()] {
        let probe = media::probe(video)?;
        if (probe.codec.as_str(), probe.width, probe.height) != ("vp9", SIZE.0, SIZE.1) {
            bail!("{video} is {probe:?}");
        }
        frames.push((media::decode(video)?, probe.duration_s));
    }
    if frames[0].0 != frames[1].0 {
        bail!("the file has {} frames, the link {}", frames[0].0, frames[1].0);
    }
    let reading = numbers::read_file(&shared.file, SIZE)?;
    // Missing numbers are printed and not refused, since this machine may have had other work to do.
    let (span, missing) = reading.hold(shared.seconds.clone(), NUMBERS_A_SECOND, 0.2)?;
    Ok(format!(
        "VP9, {}x{}, {:.1} s, {} frames; of {span} numbers that the screen showed {missing} are missing",
        SIZE.0,
        SIZE.1,
        frames[0].1.unwrap_or_default(),
        frames[0].0,
    ))
}

fn step<T>(name: &str, act: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("· {name} …");
    let started = Instant::now();
    let result = act().with_context(|| format!("step '{name}' failed"));
    let took = started.elapsed().as_secs_f32();
    match &result {
        Ok(_) => eprintln!("✓ {name} ({took:.1} s)"),
        Err(_) => eprintln!("✗ {name} ({took:.1} s)"),
    }
    result
}
