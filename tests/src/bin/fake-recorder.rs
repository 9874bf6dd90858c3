//! The real app around the fake capture, as a process that can be killed at any moment and measured.
//! Records what it is told to, prints `recorded`, waits until everything in its home is online, and ends
//! with one line of JSON.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::json;
use snaplark_app::cuts::ExportChoice;
use snaplark_app::cuts::view::{CutEdit, CutFormat, KeptSpan, PublishView};
use snaplark_app::view::{JobStateView, RecorderView, RecordingState, RingView, Snapshot};
use snaplark_app::{
    Account, App, AppOptions, Home, Keeps, Profile, RecordingId, StartRequest, Token,
};
use snaplark_tests::fake_capture::{Clip, FakeCapture, Pace, SEGMENT_MS};
use tokio::signal::unix::{SignalKind, signal};

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
    /// Strikes the last seconds when so many segments have their rows: `SEGMENTS:SECONDS`.
    #[arg(long, value_parser = strike)]
    strike: Option<(u32, u64)>,
    #[arg(long, default_value_t = 50)]
    every_ms: u64,
    #[arg(long, default_value_t = 0)]
    segment_bytes: u64,
    /// Keeps this range of each recording, in milliseconds, and waits until its link shows that.
    #[arg(long, num_args = 2)]
    publish: Vec<u64>,
    /// Records on at the end of the recording that is there, and waits until its link shows all of it. With no
    /// segments it only waits.
    #[arg(long)]
    append: bool,
    /// Waits until all but the last segment are sent, prints `sent SEGMENTS`, waits for SIGUSR1, records one segment more, stops,
    /// and prints `linked MS`: the milliseconds from the stop to the link.
    #[arg(long)]
    time_link: bool,
    /// Records nothing: keeps the last so many seconds until it is ended, and says each time what has
    /// become of that.
    #[arg(long)]
    keep: Option<u64>,
    /// Uploads nothing: exports what it has recorded as MP4 or PNG, or says what became of earlier exports if it
    /// records nothing.
    #[arg(long)]
    export: Option<Format>,
}

const TIMED_MORE: u32 = 20;

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    Mp4,
    Png,
}

fn strike(text: &str) -> Result<(u32, u64), String> {
    let (segments, seconds) = text.split_once(':').ok_or("it has no colon")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    Ok((number(segments)? as u32, number(seconds)?))
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
    let struck = args.strike.map_or(0, |(_, seconds)| seconds.div_ceil(SEGMENT_MS / 1_000) as u32);
    // While it waits to be timed, a few more may be sealed until the pause has begun.
    let more = if args.time_link { struck + TIMED_MORE } else { struck };
    let pace = Pace {
        segments_max: args.segments + more,
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
        render: capture.clone(),
        keeps: args
            .keep
            .map_or(Keeps::Nothing, |seconds| Keeps::Last(Duration::from_secs(seconds))),
        notices: Box::new(|_| {}),
    })
    .await?;
    if args.keep.is_some() {
        return keep(&app).await;
    }
    if args.append {
        return append(&app, args.segments).await;
    }
    forget_peak()?;
    let idle_bytes = memory("VmRSS")?;
    if args.segments > 0 {
        let id = app.start_recording(StartRequest::default()).await?.to_string();
        let reaches = async |count: u32| {
            until(&app, |view| view.recordings.iter().any(|r| r.id == id && r.segments >= count))
                .await
        };
        if let Some((segments, seconds)) = args.strike {
            reaches(segments).await?;
            app.strike(Duration::from_secs(seconds)).await?;
        }
        reaches(args.segments - u32::from(args.time_link)).await?;
        if args.time_link {
            time_link(&app, &id).await?;
        } else {
            app.stop_recording().await?;
        }
        println!("recorded");
        if let Some(format) = args.export {
            export(&app, id.parse()?, format).await?;
        }
    }
    if args.export.is_some() {
        println!("{}", serde_json::to_string(&app.snapshot().await?.jobs)?);
        app.shutdown().await;
        return Ok(());
    }
    let view = until(&app, |view| {
        view.recordings.iter().all(|r| r.state == RecordingState::Done && r.file.is_some())
    })
    .await?;
    // What an earlier run has published is shown before this one publishes anything.
    let mut versions = Vec::new();
    for recording in &view.recordings {
        versions.push(shown(&app, recording.id.parse()?).await?.version);
    }
    if let [start_ms, end_ms] = args.publish[..] {
        for recording in &view.recordings {
            publish(&app, recording.id.parse()?, start_ms, end_ms).await?;
        }
    }
    let view = app.snapshot().await?;
    let peak_bytes = memory("VmHWM")?;
    app.shutdown().await;
    let recordings: Vec<_> = view
        .recordings
        .iter()
        .zip(versions)
        .map(|(r, version)| {
            json!({
                "id": r.id, "link": r.link, "file": r.file, "segments": r.segments,
                "versionBefore": version,
            })
        })
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

/// Measures the time from the stop of a recording whose earlier segments are all sent to its link.
async fn time_link(app: &App, id: &str) -> Result<()> {
    let mut go = signal(SignalKind::user_defined1())?;
    app.pause_recording().await?;
    let of = |view: &Snapshot| view.recordings.iter().find(|one| one.id == id).cloned();
    let view = until(app, |view| {
        let pauses = matches!(view.recorder, RecorderView::Paused { .. });
        let upload = of(view).and_then(|one| Some((one.segments, one.upload?.uploaded)));
        pauses && upload.is_some_and(|(segments, uploaded)| uploaded >= segments)
    })
    .await?;
    let segments = of(&view).map_or(0, |one| one.segments);
    println!("sent {segments}");
    go.recv().await.context("no signal comes any more")?;
    app.resume_recording().await?;
    until(app, |view| of(view).is_some_and(|one| one.segments > segments)).await?;
    let stopped = Instant::now();
    app.stop_recording().await?;
    until(app, |view| of(view).is_some_and(|one| one.state == RecordingState::Done)).await?;
    println!("linked {:.1}", stopped.elapsed().as_secs_f64() * 1_000.0);
    Ok(())
}

/// Records so many segments at the end of the oldest recording, and waits until its link and its file have them.
async fn append(app: &App, segments: u32) -> Result<()> {
    let view = app.snapshot().await?;
    let oldest = view.recordings.iter().map(|recording| &recording.id).min();
    let id: RecordingId = oldest.context("there is no recording")?.parse()?;
    if segments > 0 {
        let request = StartRequest { append_to: Some(id), ..StartRequest::default() };
        let more = app.start_recording(request).await?.to_string();
        until(app, |view| {
            view.recordings.iter().any(|it| it.id == more && it.segments >= segments)
        })
        .await?;
        app.stop_recording().await?;
        println!("recorded");
    }
    let is_one = |view: &Snapshot| match &view.recordings[..] {
        [one] => one.file.is_some() && one.state == RecordingState::Done,
        _ => false,
    };
    let mut changes = app.changes();
    loop {
        let view = until(app, is_one).await?;
        let published = app.cuts().published(id).await?;
        if published.is_shown && published.is_current {
            let [one] = &view.recordings[..] else { unreachable!("there is one") };
            let found = json!({"link": one.link, "file": one.file, "segments": one.segments});
            app.shutdown().await;
            println!("{}", json!({"recordings": [found]}));
            return Ok(());
        }
        changes.changed().await.context("the app ended by itself")?;
    }
}

/// Waits until the link shows the version that was published last, if any was.
async fn shown(app: &App, id: RecordingId) -> Result<PublishView> {
    let mut changes = app.changes();
    loop {
        let published = app.cuts().published(id).await?;
        if published.version.is_none() || published.is_shown {
            return Ok(published);
        }
        changes.changed().await.context("the app ended by itself")?;
    }
}

async fn publish(app: &App, id: RecordingId, start_ms: u64, end_ms: u64) -> Result<()> {
    let cuts = app.cuts();
    let edit = CutEdit {
        keep: vec![KeptSpan { start_ms, end_ms }],
        covers: Vec::new(),
        chapters: Vec::new(),
    };
    cuts.save(id, edit, None).await?;
    anyhow::ensure!(cuts.publish(id).await?, "it was cancelled");
    let mut changes = app.changes();
    while !matches!(cuts.published(id).await?, PublishView { is_shown: true, is_current: true, .. })
    {
        changes.changed().await.context("the app ended by itself")?;
    }
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

/// Exports into the saved files' folder. Says when it runs, and ends with it.
async fn export(app: &App, id: RecordingId, format: Format) -> Result<()> {
    let format = match format {
        Format::Mp4 => CutFormat::Mp4,
        Format::Png => CutFormat::Png,
    };
    let cuts = app.cuts();
    // The recording's own file is another job, which the test is not about.
    until(app, |view| view.recordings.iter().all(|one| one.file.is_some())).await?;
    let file = cuts.proposed_file(id, format).await?;
    let job = cuts.export(id, ExportChoice { format, fps: None, width: None }, file).await?;
    println!("exporting");
    until(app, |view| {
        let goes_on =
            |state: &JobStateView| matches!(state, JobStateView::Waiting | JobStateView::Running);
        !view.jobs.iter().any(|one| one.id == job && goes_on(&one.state))
    })
    .await
    .map(drop)
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
