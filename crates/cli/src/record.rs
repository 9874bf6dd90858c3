//! `snaplark record`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use snaplark_app::view::{
    NeedReason, RecorderView, RecordingState, RecordingView, Snapshot, WaitReason,
};
use snaplark_app::{AppError, Home, LinkReach, SpaceLimits, StartRequest};
use snaplark_core::RecordingId;

use crate::args::Record;
use crate::print::state_words;
use crate::program::{Program, asked_to_end};
use crate::{NOT_ONLINE, say};

/// After the end of a recording, an upload that waits is given so long to go on: a server that
/// restarts is back by then, and a person at a terminal isn't kept waiting for one that is gone.
const WAITING_MAX: Duration = Duration::from_secs(20);
/// Below this the progress line says how long the disk lasts.
const SPACE_SECONDS_TOLD: u64 = 2 * 60 * 60;
/// How often a countdown is looked at.
const COUNTDOWN_TICK: Duration = Duration::from_millis(100);
/// How often the time on the progress line moves.
const TICK: Duration = Duration::from_secs(1);

/// What `--json` prints.
#[derive(Serialize)]
struct Recorded<'a> {
    id: &'a str,
    state: &'static str,
    link: Option<&'a str>,
    /// Who can open the link.
    reach: Option<LinkReach>,
    file: Option<&'a str>,
    segments: u32,
    duration_ms: u64,
    frames: u64,
    dropped: u64,
}

pub async fn record(home: Home, options: Record) -> anyhow::Result<ExitCode> {
    let recordings = home.root.join("recordings");
    let program = Program::open(home).await?;
    let outcome = run(&program, &options).await;
    let is_this_computer = program.is_this_computer();
    program.close().await?;
    let recording = outcome?;

    if options.json {
        let recorded = Recorded {
            id: &recording.id,
            state: state_code(&recording.state),
            link: recording.link.as_deref(),
            reach: recording.link_reach,
            file: recording.file.as_deref(),
            segments: recording.segments,
            duration_ms: recording.duration_ms,
            frames: recording.frames,
            dropped: recording.dropped,
        };
        println!("{}", serde_json::to_string(&recorded)?);
    }
    if let Some(detail) = &recording.end_detail {
        say::line(&format!("{}.", detail.trim_end_matches('.')));
    }
    if let Some(problem) = &recording.file_problem {
        say::line(&format!("The file could not be saved: {problem}."));
        let folder = recordings.join(&recording.id);
        say::line(&format!("The recording itself is safe in {}.", folder.display()));
    }
    let saved = recording.file.is_some();
    Ok(match &recording.state {
        RecordingState::Done | RecordingState::Local => {
            say_where(&recording, options.json, is_this_computer);
            if saved { ExitCode::SUCCESS } else { ExitCode::from(crate::FAILED) }
        }
        state => {
            say::line(&format!("Not online yet. {}.", state_words(state)));
            let file = recording.file.as_deref().unwrap_or("Snaplark's folder");
            say::line(&format!("The recording is safe in {file}."));
            say::line(
                "It goes on by itself when Snaplark runs; `snaplark status --wait` sends it now.",
            );
            ExitCode::from(NOT_ONLINE)
        }
    })
}

async fn run(program: &Program, options: &Record) -> anyhow::Result<RecordingView> {
    let settings = program.app.settings().await?;
    let request = StartRequest {
        source: options.source.source(),
        asks: false,
        fps: options.fps,
        bitrate_bits: options.bitrate,
        hardware_encoding: !options.no_hardware_encoding,
        lines_max: options.size.lines_max(),
        pointer: !options.no_pointer,
        sound: options.sound.sound(),
        muted: false,
        webcam: options.overlay.webcam(settings.recording.webcam.webcam()),
        marks: options.overlay.marks(),
        upload: !options.no_upload,
        countdown: options.countdown.map(Duration::from_secs),
        limit: options.seconds.map(Duration::from_secs),
        past: None,
        space: SpaceLimits::default(),
    };
    let mut progress = say::Progress::default();
    let id = start(program, request, &mut progress).await?.to_string();
    until_stop(program, &id, &mut progress).await?;
    match program.app.stop_recording().await {
        // It ended by itself: what was sealed before is there.
        Ok(_) | Err(AppError::NotRecording) => {}
        Err(error) => return Err(error.into()),
    }
    let recording = until_settled(program, &id, &mut progress).await;
    progress.end();
    recording
}

/// The desktop may ask the person first, and Ctrl-C takes the question back.
async fn start(
    program: &Program,
    request: StartRequest,
    progress: &mut say::Progress,
) -> anyhow::Result<RecordingId> {
    let started = program.app.start_recording(request);
    tokio::pin!(started);
    let stop = asked_to_end();
    tokio::pin!(stop);
    let mut tick = tokio::time::interval(COUNTDOWN_TICK);
    loop {
        tokio::select! {
            started = &mut started => return Ok(started?),
            asked = &mut stop => {
                asked?;
                program.app.cancel_recording().await?;
                return Err(AppError::NothingRecorded.into());
            }
            _ = tick.tick() => {}
        }
        if let RecorderView::Counting { starts_unix_ms } = program.app.snapshot().await?.recorder {
            let left_ms = starts_unix_ms - now_unix_ms();
            progress.show(&format!("Recording begins in {}", (left_ms.max(0) + 999) / 1_000));
        }
    }
}

fn now_unix_ms() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    since.as_millis() as i64
}

/// Shows the time until Ctrl-C or the end of the recording by itself.
async fn until_stop(
    program: &Program,
    id: &str,
    progress: &mut say::Progress,
) -> anyhow::Result<()> {
    let mut changes = program.app.changes();
    let stop = asked_to_end();
    tokio::pin!(stop);
    let began = tokio::time::Instant::now();
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            asked = &mut stop => return asked,
            changed = changes.changed() => changed.context("Snaplark ended by itself")?,
            _ = tick.tick() => {}
        }
        let snapshot = program.app.snapshot().await?;
        let Some(recording) = find(&snapshot, id) else { return Ok(()) };
        if let RecorderView::Recording { trouble: Some(trouble), .. } = &snapshot.recorder {
            progress.say_once(trouble);
        }
        if recording.state != RecordingState::Recording {
            return Ok(());
        }
        let elapsed = say::time(began.elapsed().as_millis() as u64);
        let sent = recording.upload.as_ref().map_or_else(String::new, |upload| {
            format!(" · {} of {} parts online", upload.uploaded, upload.total)
        });
        let space = match snapshot.space_seconds {
            SPACE_SECONDS_TOLD.. => String::new(),
            seconds => format!(" · space for {}", say::hours(seconds)),
        };
        progress.show(&format!("Recording {elapsed}{sent}{space}"));
    }
}

/// Until it is online and its file is written, or it is clear that something has to change first.
async fn until_settled(
    program: &Program,
    id: &str,
    progress: &mut say::Progress,
) -> anyhow::Result<RecordingView> {
    let mut changes = program.app.changes();
    let mut waiting_since = None;
    loop {
        let snapshot = program.app.snapshot().await?;
        let recording = find(&snapshot, id).cloned().ok_or(AppError::NothingRecorded)?;
        let has_file = recording.file.is_some() || recording.file_problem.is_some();
        let now = tokio::time::Instant::now();
        let settled = match &recording.state {
            RecordingState::Done | RecordingState::Local | RecordingState::NeedsYou { .. } => true,
            RecordingState::Waits { .. } => now >= *waiting_since.get_or_insert(now) + WAITING_MAX,
            RecordingState::Uploading | RecordingState::Recording => {
                waiting_since = None;
                false
            }
        };
        if settled && has_file {
            return Ok(recording);
        }
        progress.show(&settling(&recording));
        tokio::select! {
            changed = changes.changed() => changed.context("Snaplark ended by itself")?,
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

fn settling(recording: &RecordingView) -> String {
    match (&recording.state, &recording.upload) {
        (RecordingState::Uploading, Some(upload)) => format!("Uploading {}%", upload.percentage),
        (state, _) => state_words(state),
    }
}

fn say_where(recording: &RecordingView, json: bool, is_this_computer: bool) {
    if !json {
        if let Some(link) = &recording.link {
            println!("{link}");
        }
        if let Some(file) = &recording.file {
            println!("{file}");
        }
    }
    let summary = format!(
        "{} · {} · {} segments",
        say::time(recording.duration_ms),
        say::size(recording.size_bytes),
        recording.segments
    );
    say::line(&summary);
    if is_this_computer && recording.link.is_some() {
        say::line("The link works while Snaplark or `snaplark serve` runs on this computer.");
        if recording.link_reach == Some(LinkReach::ThisComputer) {
            say::line(
                "It opens only on this computer. For others: `snaplark login`, or `snaplark settings \
                 share-on-local-network on`.",
            );
        }
    }
}

fn find<'a>(snapshot: &'a Snapshot, id: &str) -> Option<&'a RecordingView> {
    snapshot.recordings.iter().find(|recording| recording.id == id)
}

pub fn state_code(state: &RecordingState) -> &'static str {
    match state {
        RecordingState::Recording => "recording",
        RecordingState::Uploading => "uploading",
        RecordingState::Waits { reason: WaitReason::Paused } => "paused",
        RecordingState::Waits { .. } => "waits",
        RecordingState::NeedsYou { reason: NeedReason::SignIn, .. } => "needs-sign-in",
        RecordingState::NeedsYou { .. } => "needs-you",
        RecordingState::Done => "done",
        RecordingState::Local => "local",
    }
}
