//! `snaplark record`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use snaplark_app::cuts::view::PublishWay;
use snaplark_app::view::{FileProblem, RecorderView, RecordingState, RecordingView, Snapshot};
use snaplark_app::{AppError, Home, LinkReach, SpaceLimits, StartRequest};
use snaplark_core::RecordingId;
use snaplark_terminal::output;
use snaplark_terminal::signals::{self, Polite};
use tokio::time::Instant;

use crate::args::Record;
use crate::edit;
use crate::print::state_words;
use crate::program::Program;
use crate::say::{self, Topic};
use crate::{ENDED_EARLY, FAILED, NOT_ONLINE};

/// How long an upload without progress is waited for after the recording has ended. A server that restarts
/// is back by then, and a person at a terminal isn't kept waiting for one that is gone.
const WAITING_MAX: Duration = Duration::from_secs(20);
/// How long stopping may take. Far longer than the last segment takes, or a wait for the database: a
/// recording that hasn't stopped by then is stuck.
const STOPPING_MAX: Duration = Duration::from_secs(60);
/// Below this the progress line shows how long the disk lasts.
const SPACE_SECONDS_TOLD: u64 = 2 * 60 * 60;
/// How often a countdown is updated.
const COUNTDOWN_TICK: Duration = Duration::from_millis(100);
/// How often the time on the progress line is updated.
const TICK: Duration = Duration::from_secs(1);

/// The output with `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Recorded<'a> {
    id: &'a str,
    title: &'a str,
    state: &'a RecordingState,
    link: Option<&'a str>,
    /// Who can open the link.
    reach: Option<LinkReach>,
    /// Why there is no link and none is expected.
    link_problem: Option<&'a str>,
    file: Option<&'a str>,
    file_problem: Option<&'a FileProblem>,
    segments: u32,
    duration_ms: u64,
    size_bytes: u64,
    frames: u64,
    dropped: u64,
    /// Why the recording ended, if neither the person nor the time limit ended it.
    ended: Option<Ended<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ended<'a> {
    /// `disk-full`, `slept`, or the code of the failure.
    kind: &'a str,
    detail: &'a str,
}

/// The outcome of a recording.
struct Outcome {
    recording: RecordingView,
    ended_kind: Option<String>,
    is_this_computer: bool,
    /// Why the embedded cloud isn't running, if the recording should have gone to it.
    link_problem: Option<String>,
}

pub async fn record(home: Home, options: Record) -> anyhow::Result<ExitCode> {
    let recordings = home.root.join("recordings");
    let mut polite = Polite::new();
    let outcome = Program::with(home, async |program| run(program, &options, &mut polite).await);
    let Outcome { recording, ended_kind, is_this_computer, link_problem } = outcome.await?;
    let ended = recording
        .end_detail
        .as_deref()
        .map(|detail| Ended { kind: ended_kind.as_deref().unwrap_or("unknown"), detail });
    let is_early = ended.as_ref().is_some_and(|ended| ended.kind != "slept");

    if say::is_json() {
        say::json(&Recorded {
            id: &recording.id,
            title: &recording.title,
            state: &recording.state,
            link: recording.link.as_deref(),
            reach: recording.link_reach,
            link_problem: link_problem.as_deref(),
            file: recording.file.as_deref(),
            file_problem: recording.file_problem.as_ref(),
            segments: recording.segments,
            duration_ms: recording.duration_ms,
            size_bytes: recording.size_bytes,
            frames: recording.frames,
            dropped: recording.dropped,
            ended,
        })?;
    }
    if let Some(detail) = &recording.end_detail {
        say::line(&format!("{}.", detail.trim_end_matches('.')));
        let recorded = say::time(recording.duration_ms);
        let wanted = options.seconds.map(|seconds| say::time(seconds * 1_000));
        match wanted.filter(|_| is_early) {
            Some(wanted) => {
                say::line(&format!("The recording ended after {recorded} of {wanted}."));
            }
            None => say::line(&format!("The recording ended after {recorded}.")),
        }
    }
    if let Some(problem) = &recording.file_problem {
        say::line(&format!(
            "The video file could not be saved: {}.",
            problem.to_string().trim_end_matches('.')
        ));
        let folder = recordings.join(&recording.id);
        say::line(&format!("The recording is safe in {}.", folder.display()));
    }
    let code = match &recording.state {
        RecordingState::Done | RecordingState::Local => {
            say_where(&recording, is_this_computer);
            if recording.file.is_some() { 0 } else { FAILED }
        }
        state => {
            match &link_problem {
                Some(problem) => say::line(&format!(
                    "There is no link yet, because this computer's built-in cloud can't start: {problem}."
                )),
                None => say::line(&format!("Not online yet. {}.", state_words(state))),
            }
            let file = recording.file.as_deref().unwrap_or("Snaplark's folder");
            say::line(&format!("The recording is saved in {file}."));
            say::line(
                "The upload continues when Snaplark runs. Upload it now with `snaplark status --wait`.",
            );
            NOT_ONLINE
        }
    };
    Ok(ExitCode::from(if code == 0 && is_early { ENDED_EARLY } else { code }))
}

async fn run(program: &Program, options: &Record, polite: &mut Polite) -> anyhow::Result<Outcome> {
    let settings = program.app.settings().await?;
    let longer = options.append.as_deref().or(options.replace.as_deref());
    let append_to = longer.map(edit::parse).transpose()?;
    let request = StartRequest {
        source: options.source.source(),
        asks: false,
        fps: options.fps,
        bitrate_bits: options.bitrate,
        hardware_encoding: !options.no_hardware_encoding,
        lines_max: options.size.lines_max(),
        picture_size: None,
        pointer: !options.no_pointer,
        pointer_positions: true,
        sound: options.sound.sound(),
        muted: false,
        webcam: options.overlay.webcam(settings.recording.webcam.webcam()),
        marks: options.overlay.marks(),
        upload: !options.no_upload,
        countdown: options.countdown.map(Duration::from_secs),
        limit: options.seconds.map(Duration::from_secs),
        past: None,
        append_to,
        replaces: options.from.zip(options.to),
        space: SpaceLimits::default(),
    };
    let link_problem = program.no_cloud.clone().filter(|_| request.upload);
    if let Some(problem) = &link_problem {
        say::line(&format!(
            "There will be no link yet, because this computer's built-in cloud can't start: \
             {problem}. The recording is saved on this computer."
        ));
    }
    let mut progress = say::Progress::default();
    let recording = start(program, request, &mut progress, polite).await?;
    let id = recording.to_string();
    until_stop(program, &id, &mut progress, polite).await?;
    stop(program, &mut progress).await?;
    let id = match append_to {
        Some(to) => {
            until_appended(program, &id, to, !options.no_upload, &mut progress).await?;
            to.to_string()
        }
        None => id,
    };
    let settled = until_settled(program, &id, &mut progress, polite).await;
    progress.end();
    Ok(Outcome {
        recording: settled?,
        ended_kind: program.app.why_ended(recording).await?,
        is_this_computer: program.is_this_computer(),
        link_problem,
    })
}

/// Starts the recording. The desktop may ask the person first; Ctrl-C withdraws the question.
async fn start(
    program: &Program,
    request: StartRequest,
    progress: &mut say::Progress,
    polite: &mut Polite,
) -> anyhow::Result<RecordingId> {
    let started = program.app.start_recording(request);
    tokio::pin!(started);
    let mut tick = tokio::time::interval(COUNTDOWN_TICK);
    loop {
        tokio::select! {
            started = &mut started => return Ok(started?),
            () = polite.asked() => {
                program.app.cancel_recording().await?;
                return Err(AppError::NothingRecorded.into());
            }
            _ = tick.tick() => {}
        }
        if let RecorderView::Counting { starts_unix_ms } = program.app.snapshot().await?.recorder {
            let left_ms = starts_unix_ms - now_unix_ms();
            let words = format!("Recording begins in {}", (left_ms.max(0) + 999) / 1_000);
            progress.show(Topic::Countdown, &words);
        }
    }
}

fn now_unix_ms() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    since.as_millis() as i64
}

/// Shows the time until Ctrl-C, the end of the terminal, or the end of the recording by itself.
async fn until_stop(
    program: &Program,
    id: &str,
    progress: &mut say::Progress,
    polite: &mut Polite,
) -> anyhow::Result<()> {
    let mut changes = program.app.changes();
    let began = Instant::now();
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            () = polite.asked() => return Ok(()),
            changed = changes.changed() => changed.context("Snaplark ended unexpectedly")?,
            _ = tick.tick() => {}
        }
        let snapshot = program.app.snapshot().await?;
        let Some(recording) = find(&snapshot, id) else { return Ok(()) };
        if let RecorderView::Recording { issue: Some(issue), .. } = &snapshot.recorder {
            progress.say_once(issue);
        }
        // The recorder's state is used, because the row says so a little later, and never if it can't be
        // written.
        let runs = match &snapshot.recorder {
            RecorderView::Recording { id: running, .. }
            | RecorderView::Paused { id: running, .. } => running == id,
            RecorderView::Idle
            | RecorderView::Counting { .. }
            | RecorderView::Starting
            | RecorderView::Stopping { .. } => false,
        };
        if !runs {
            return Ok(());
        }
        let elapsed = say::time(began.elapsed().as_millis() as u64);
        let sent = recording.upload.as_ref().map_or_else(String::new, |upload| {
            format!(" · {} of {} online", upload.uploaded, say::counted(upload.total, "part"))
        });
        let space = match snapshot.space_seconds {
            SPACE_SECONDS_TOLD.. => String::new(),
            seconds => format!(" · space for {}", say::hours(seconds)),
        };
        progress.show(Topic::Recording, &format!("Recording {elapsed}{sent}{space}"));
        if output::is_terminal_gone() && !signals::is_hang_up_ignored() {
            // Nobody can stop the recording from that terminal any more.
            signals::ask();
        }
    }
}

async fn stop(program: &Program, progress: &mut say::Progress) -> anyhow::Result<()> {
    let stopping = program.app.stop_recording();
    tokio::pin!(stopping);
    let until = Instant::now() + STOPPING_MAX;
    loop {
        match tokio::time::timeout(TICK, &mut stopping).await {
            Ok(Ok(_)) => return Ok(()),
            // The recording ended by itself; what was sealed before is saved.
            Ok(Err(AppError::NotRecording)) => return Ok(()),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) if Instant::now() < until => {
                progress.show(Topic::Ending, "Saving the end of the recording");
            }
            Err(_) => {
                progress.end();
                let stuck = "The recording can't be stopped: the disk or the encoder does not respond. What was \
                             recorded up to the last two seconds is saved, and will be listed when \
                             Snaplark starts again";
                return Err(program_is_stuck(stuck));
            }
        }
    }
}

/// Waits until what was recorded is the end of another recording, and publishes that if it is uploaded.
async fn until_appended(
    program: &Program,
    id: &str,
    to: RecordingId,
    publishes: bool,
    progress: &mut say::Progress,
) -> anyhow::Result<()> {
    let mut changes = program.app.changes();
    while let Some(more) = find(&program.app.snapshot().await?, id) {
        if more.file.is_some() || more.file_problem.is_some() {
            anyhow::bail!(
                "Nothing was appended. What was recorded is a recording of its own: {id}"
            );
        }
        progress.show(Topic::Ending, "Appending");
        changes.changed().await.context("Snaplark ended unexpectedly")?;
    }
    program.app.cuts().publish_appended(to).await?;
    let now = program.app.cuts().published(to).await?;
    if publishes && now.way == PublishWay::NewLink && !now.is_current {
        progress.say_once(
            "This server can't show another video behind a link, which shows the recording of before. To give the \
             longer one a link of its own, run `snaplark edit --publish`.",
        );
    }
    Ok(())
}

/// Ends the process as a failure. A program that doesn't stop recording can't be closed either.
fn program_is_stuck(sentence: &'static str) -> anyhow::Error {
    say::failure(&anyhow::anyhow!(sentence));
    signals::end(FAILED.into())
}

/// Waits until the recording is online and its file is written, or until something has to change first.
async fn until_settled(
    program: &Program,
    id: &str,
    progress: &mut say::Progress,
    polite: &mut Polite,
) -> anyhow::Result<RecordingView> {
    let mut changes = program.app.changes();
    // A person who stopped the recording by a signal has used up the polite one.
    let may_leave = !polite.is_asked();
    let mut patience = Patience::new(Instant::now());
    loop {
        let snapshot = program.app.snapshot().await?;
        let recording = find(&snapshot, id).cloned().ok_or(AppError::NothingRecorded)?;
        let has_file = recording.file.is_some() || recording.file_problem.is_some();
        let is_over = patience.is_over(&recording, Instant::now());
        let leaves = may_leave && polite.is_asked();
        let settled = match &recording.state {
            RecordingState::Done | RecordingState::Local | RecordingState::NeedsYou { .. } => true,
            RecordingState::Waits { .. }
            | RecordingState::Uploading
            | RecordingState::Recording => is_over || leaves,
        };
        if settled && (has_file || leaves) {
            return Ok(recording);
        }
        progress.show(Topic::Uploading, &settling(&recording, settled));
        tokio::select! {
            changed = changes.changed() => changed.context("Snaplark ended unexpectedly")?,
            () = polite.asked(), if may_leave => {}
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

/// Measures how long an upload has made no progress. Parts that are sent again, or that wait and are
/// retried, don't count as progress; only a new maximum does.
struct Patience {
    most: (u32, u64),
    since: Instant,
}

impl Patience {
    fn new(now: Instant) -> Self {
        Patience { most: (0, 0), since: now }
    }

    fn is_over(&mut self, recording: &RecordingView, now: Instant) -> bool {
        let upload = recording.upload.as_ref();
        let seen = upload.map_or((0, 0), |upload| (upload.uploaded, upload.sent_bytes));
        if seen.0 > self.most.0 || seen.1 > self.most.1 {
            self.most = (self.most.0.max(seen.0), self.most.1.max(seen.1));
            self.since = now;
        }
        now.duration_since(self.since) >= WAITING_MAX
    }
}

fn settling(recording: &RecordingView, is_sent: bool) -> String {
    match (&recording.state, &recording.upload) {
        _ if is_sent => "Saving the file".into(),
        (RecordingState::Uploading, Some(upload)) => format!("Uploading {}%", upload.percentage),
        (state, _) => state_words(state),
    }
}

fn say_where(recording: &RecordingView, is_this_computer: bool) {
    if !say::is_json() {
        let places = [&recording.link, &recording.file];
        places.into_iter().flatten().for_each(|place| output::answer(place));
    }
    let summary = format!(
        "{} · {} · {}",
        say::time(recording.duration_ms),
        say::size(recording.size_bytes),
        say::counted(recording.segments, "segment")
    );
    say::line(&summary);
    if is_this_computer && recording.link.is_some() {
        say::line("The link works while Snaplark or `snaplark serve` runs on this computer.");
        if recording.link_reach == Some(LinkReach::ThisComputer) {
            say::line(
                "It opens only on this computer. To share it with others, run `snaplark login` or \
                 `snaplark settings share-on-local-network yes`.",
            );
        }
    }
}

fn find<'a>(snapshot: &'a Snapshot, id: &str) -> Option<&'a RecordingView> {
    snapshot.recordings.iter().find(|recording| recording.id == id)
}

#[cfg(test)]
mod tests {
    use snaplark_app::view::UploadProgress;

    use super::*;

    fn sent(uploaded: u32, sent_bytes: u64) -> RecordingView {
        RecordingView {
            is_imported: false,
            id: String::new(),
            title: String::new(),
            started_unix_ms: 0,
            duration_ms: 0,
            size_bytes: 0,
            segments: 0,
            state: RecordingState::Uploading,
            link: None,
            link_reach: None,
            file: None,
            file_problem: None,
            here: true,
            frames: 0,
            dropped: 0,
            issues: Vec::new(),
            end_detail: None,
            end: None,
            upload: Some(UploadProgress {
                uploaded,
                pending: 9,
                failed: 0,
                total: 9,
                percentage: 0,
                is_online: true,
                other_server: None,
                has_session: true,
                sent_bytes,
                total_bytes: 1_000,
                bytes_per_second: 0,
                seconds_left: None,
            }),
            uploads: Vec::new(),
        }
    }

    #[test]
    fn patience_ends_when_a_server_takes_the_same_bytes_again_and_again() {
        let began = Instant::now();
        let at = |second| began + Duration::from_secs(second);
        let mut patience = Patience::new(began);
        assert!(!patience.is_over(&sent(0, 500), at(1)));
        assert!(!patience.is_over(&sent(0, 0), at(15)), "it failed, and is sent once more");
        assert!(!patience.is_over(&sent(0, 500), at(16)));
        assert!(patience.is_over(&sent(0, 400), at(21)));
    }

    #[test]
    fn patience_begins_anew_when_more_is_online_than_before() {
        let began = Instant::now();
        let at = |second| began + Duration::from_secs(second);
        let mut patience = Patience::new(began);
        assert!(!patience.is_over(&sent(1, 100), at(19)));
        assert!(!patience.is_over(&sent(2, 100), at(38)));
        assert!(patience.is_over(&sent(2, 100), at(58)));
    }
}
