//! `snaplark status`, `retry` and `delete`: the recordings that are there already.

use std::process::ExitCode;

use anyhow::Context as _;
use serde::Serialize;
use snaplark_app::view::{RecordingState, RecordingView};
use snaplark_app::{Home, peek};
use snaplark_core::RecordingId;

use crate::print::state_words;
use crate::program::Program;
use crate::{NOT_ONLINE, say};

#[derive(Default, Serialize)]
struct Counts {
    online: usize,
    local: usize,
    /// They go on by themselves.
    unsent: usize,
    /// They go on when the person has done something.
    need_you: usize,
}

impl Counts {
    fn of(recordings: &[RecordingView]) -> Self {
        let mut counts = Counts::default();
        for recording in recordings {
            match recording.state {
                RecordingState::Done => counts.online += 1,
                RecordingState::Local => counts.local += 1,
                RecordingState::NeedsYou { .. } => counts.need_you += 1,
                RecordingState::Recording
                | RecordingState::Uploading
                | RecordingState::Waits { .. } => counts.unsent += 1,
            }
        }
        counts
    }
}

pub async fn status(home: Home, wait: bool, json: bool) -> anyhow::Result<ExitCode> {
    let recordings = if wait {
        let program = Program::open(home).await?;
        let recordings = until_sent(&program).await;
        program.close().await?;
        recordings?
    } else {
        peek(&home)?.map(|snapshot| snapshot.recordings).unwrap_or_default()
    };
    let counts = Counts::of(&recordings);
    if json {
        let status = serde_json::json!({ "counts": counts, "recordings": recordings });
        println!("{}", serde_json::to_string(&status)?);
    } else {
        let Counts { online, local, unsent, need_you } = counts;
        println!(
            "{online} online · {local} on this computer only · {unsent} not yet sent · {need_you} need you"
        );
        for recording in &recordings {
            if !matches!(recording.state, RecordingState::Done | RecordingState::Local) {
                println!("{}  {}", recording.id, state_words(&recording.state));
            }
        }
    }
    let is_clear = counts.unsent + counts.need_you == 0;
    Ok(if is_clear { ExitCode::SUCCESS } else { ExitCode::from(NOT_ONLINE) })
}

/// Until nothing is left that goes on by itself, and every file is written.
async fn until_sent(program: &Program) -> anyhow::Result<Vec<RecordingView>> {
    let mut changes = program.app.changes();
    let mut progress = say::Progress::default();
    loop {
        let recordings = program.app.snapshot().await?.recordings;
        let has_file = |recording: &RecordingView| {
            recording.file.is_some()
                || recording.file_problem.is_some()
                || matches!(recording.state, RecordingState::NeedsYou { .. })
        };
        if Counts::of(&recordings).unsent == 0 && recordings.iter().all(has_file) {
            progress.end();
            return Ok(recordings);
        }
        let current = recordings.iter().find(|recording| {
            matches!(recording.state, RecordingState::Uploading | RecordingState::Waits { .. })
        });
        if let Some(recording) = current {
            let percentage = recording.upload.as_ref().map_or(0, |upload| upload.percentage);
            let state = state_words(&recording.state);
            progress.show(&format!("{} · {percentage}% · {state}", recording.title));
        }
        changes.changed().await.context("Snaplark ended by itself")?;
    }
}

pub async fn retry(home: Home, ids: &[String]) -> anyhow::Result<ExitCode> {
    let ids = parse(ids)?;
    let program = Program::open(home).await?;
    for id in ids {
        program.app.retry(id).await?;
    }
    let recordings = until_sent(&program).await;
    program.close().await?;
    let counts = Counts::of(&recordings?);
    Ok(if counts.need_you == 0 { ExitCode::SUCCESS } else { ExitCode::from(NOT_ONLINE) })
}

pub async fn delete(home: Home, ids: &[String]) -> anyhow::Result<ExitCode> {
    let ids = parse(ids)?;
    let program = Program::open(home).await?;
    for id in ids {
        program.app.delete(id).await?;
    }
    program.close().await?;
    Ok(ExitCode::SUCCESS)
}

fn parse(ids: &[String]) -> anyhow::Result<Vec<RecordingId>> {
    ids.iter()
        .map(|id| id.parse().with_context(|| format!("'{id}' is no recording's id")))
        .collect()
}
