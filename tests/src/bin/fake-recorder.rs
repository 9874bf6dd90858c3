//! The real app around the fake capture, as a process that can be killed at any moment and measured.
//! Records what it is told to, prints `recorded`, waits until everything in its home is online, and ends
//! with one line of JSON.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::json;
use snaplark_app::view::{RecordingState, RingView, Snapshot};
use snaplark_app::{Account, App, AppOptions, Home, Keeps, Profile, StartRequest, Token};
use snaplark_tests::fake_capture::{Clip, FakeCapture, Pace};

#[derive(Parser)]
struct Args {
    #[arg(long)]
    home: PathBuf,
    #[arg(long)]
    server: String,
    #[arg(long)]
    token: String,
    #[arg(long, default_value = "spec")]
    profile: Profile,
    /// VP9 in IVF, as the fake capture encodes it.
    #[arg(long)]
    clip: PathBuf,
    /// 0: records nothing, and only sends what is there.
    #[arg(long, default_value_t = 0)]
    segments: u32,
    #[arg(long, default_value_t = 50)]
    every_ms: u64,
    #[arg(long, default_value_t = 0)]
    segment_bytes: u64,
    /// Records nothing: keeps the last so many seconds until it is ended, and says each time what has
    /// become of that.
    #[arg(long)]
    keep: Option<u64>,
}

fn main() -> ExitCode {
    // One worker, so that requests happen one after the other and a crash point is nearly the same one in
    // each run.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    match runtime.block_on(run(Args::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<()> {
    let pace = Pace {
        segments_max: args.segments,
        every: Duration::from_millis(args.every_ms),
        segment_bytes: args.segment_bytes,
    };
    let capture = Arc::new(FakeCapture::new(Arc::new(Clip::at(&args.clip)?), pace));
    let account = Account::at(&args.server, Some(args.profile))?;
    let account = account.with_token(Token::new(args.token));
    let save_folder = args.home.join("saved");
    let app = App::open(AppOptions {
        home: Home { root: args.home, save_folder },
        account: Some(account),
        capture: capture.clone(),
        keeps: args
            .keep
            .map_or(Keeps::Nothing, |seconds| Keeps::Last(Duration::from_secs(seconds))),
        notices: Box::new(|_| {}),
    })
    .await?;
    if args.keep.is_some() {
        return keep(&app).await;
    }
    forget_peak()?;
    let idle_bytes = memory("VmRSS")?;
    if args.segments > 0 {
        let id = app.start_recording(StartRequest::default()).await?.to_string();
        until(&app, |view| {
            view.recordings.iter().any(|r| r.id == id && r.segments == args.segments)
        })
        .await?;
        app.stop_recording().await?;
        println!("recorded");
    }
    let view = until(&app, |view| {
        view.recordings.iter().all(|r| r.state == RecordingState::Done && r.file.is_some())
    })
    .await?;
    let peak_bytes = memory("VmHWM")?;
    app.shutdown().await;
    let recordings: Vec<_> = view
        .recordings
        .iter()
        .map(|r| json!({"id": r.id, "link": r.link, "file": r.file, "segments": r.segments}))
        .collect();
    let held_up_ms = capture.record().held_up_max.as_millis();
    println!(
        "{}",
        json!({
            "recordings": recordings,
            "idleBytes": idle_bytes,
            "peakBytes": peak_bytes,
            "heldUpMs": held_up_ms as u64,
        })
    );
    Ok(())
}

async fn keep(app: &App) -> Result<()> {
    let mut changes = app.changes();
    let mut said = String::new();
    loop {
        let now = match app.snapshot().await?.ring {
            RingView::Keeping { held_ms, length_ms } if held_ms >= length_ms => "full".into(),
            RingView::Keeping { .. } => "keeps".into(),
            other => serde_json::to_string(&other)?,
        };
        if now != said {
            println!("{now}");
            said = now;
        }
        changes.changed().await.context("the app ended by itself")?;
    }
}

/// Waits for a state without a limit of its own; the caller of this program has one.
async fn until(app: &App, is_so: impl Fn(&Snapshot) -> bool) -> Result<Snapshot> {
    let mut changes = app.changes();
    loop {
        let snapshot = app.snapshot().await?;
        if is_so(&snapshot) {
            return Ok(snapshot);
        }
        changes.changed().await.context("the app ended by itself")?;
    }
}

/// Resets the peak memory, so that a new one is measured from here on.
fn forget_peak() -> Result<()> {
    std::fs::write("/proc/self/clear_refs", "5").context("the peak can't be forgotten")
}

fn memory(name: &str) -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kib.with_context(|| format!("no {name} in the status"))? * 1024)
}
