//! `snaplark status`, `retry`, `rename` and `delete`: commands for existing recordings.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;
use snaplark_app::view::{RecordingState, RecordingView};
use snaplark_app::{Action, AppError, Home, RecordingId, control};
use snaplark_terminal::output::answer;
use snaplark_terminal::signals::Polite;

use crate::print::{recordings, state_words};
use crate::program::Program;
use crate::say::{self, Topic};
use crate::{FAILED, NOT_ONLINE, waiting};

/// How long to wait for the server's report on damaged copies of what is online.
const CHECKING_MAX: Duration = Duration::from_secs(5);
/// How often the running program is asked for its progress.
const ASK_EVERY: Duration = Duration::from_secs(1);

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    online: usize,
    local: usize,
    /// Recordings whose upload continues by itself.
    unsent: usize,
    /// Recordings that need the person to do something.
    need_you: usize,
}

impl Counts {
    fn of(recordings: &[RecordingView]) -> Self {
        let mut counts = Counts::default();
        let goes_on = |state: &RecordingState| {
            matches!(state, RecordingState::Uploading | RecordingState::Waits { .. })
        };
        for recording in recordings {
            match recording.state {
                // It is on its way to a further place.
                RecordingState::Done if recording.uploads.iter().any(|it| goes_on(&it.state)) => {
                    counts.unsent += 1;
                }
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

    fn words(&self) -> String {
        let Counts { online, local, unsent, need_you } = self;
        let needs = if *need_you == 1 { "needs" } else { "need" };
        format!(
            "{online} online · {local} on this computer only · {unsent} not uploaded yet · {need_you} {needs} your action"
        )
    }
}

pub async fn status(home: Home, wait: bool) -> anyhow::Result<ExitCode> {
    let recordings = match wait {
        true => when_sent(home, &[]).await?,
        false => recordings(&home).await?,
    };
    let counts = Counts::of(&recordings);
    if say::is_json() {
        say::json(&serde_json::json!({ "counts": counts, "recordings": recordings }))?;
    } else {
        answer(&counts.words());
        for recording in &recordings {
            if !matches!(recording.state, RecordingState::Done | RecordingState::Local) {
                answer(&format!("{}  {}", recording.id, state_words(&recording.state)));
            }
            if let Some(problem) = recording.file_problem.as_ref().filter(|_| wait) {
                answer(&format!("{}  File: {problem}", recording.id));
            }
        }
    }
    let is_clear = counts.unsent + counts.need_you == 0;
    Ok(if is_clear { ExitCode::SUCCESS } else { ExitCode::from(NOT_ONLINE) })
}

/// Sends what is not uploaded, and retries `retried` in any case. Returns all recordings when none is left
/// whose upload continues by itself, or when the person interrupts.
async fn when_sent(home: Home, retried: &[RecordingId]) -> anyhow::Result<Vec<RecordingView>> {
    let mut polite = Polite::new();
    for id in retried {
        match control::ask_for(&home, Action::Retry(*id)).await {
            Ok(_) => {}
            Err(AppError::NotRunning) => break,
            Err(error) => return Err(error.into()),
        }
    }
    // The running program is sending them already.
    if control::recordings(&home).await.is_ok() {
        let (ask, line) = (async || recordings(&home).await, &mut say::Progress::default());
        return waiting::until_settled(
            &mut polite,
            line,
            ASK_EVERY,
            ask,
            |recordings: &Vec<RecordingView>| {
                (!is_settled(recordings)).then(|| progress(recordings))
            },
        )
        .await;
    }
    Program::with(home, async |program| {
        for id in retried {
            program.app.retry(*id).await?;
        }
        until_sent(program, &mut polite).await
    })
    .await
}

async fn until_sent(program: &Program, polite: &mut Polite) -> anyhow::Result<Vec<RecordingView>> {
    let mut changes = program.app.changes();
    let mut line = say::Progress::default();
    if let Some(problem) = &program.no_cloud {
        say::line(&format!("This computer's built-in cloud can't start: {problem}."));
    }
    let began = Instant::now();
    loop {
        // Asked before the snapshot is taken, so that the snapshot shows what has to be sent again.
        let is_checked = began.elapsed() >= CHECKING_MAX || program.app.is_up_to_date().await?;
        let recordings = program.app.snapshot().await?.recordings;
        let is_checked = is_checked || Counts::of(&recordings).online == 0;
        let is_settled = is_settled(&recordings) && is_checked;
        if is_settled || polite.is_asked() || program.no_cloud.is_some() {
            line.end();
            return Ok(recordings);
        }
        let (topic, words) = progress(&recordings);
        line.show(topic, &words);
        tokio::select! {
            changed = changes.changed() => changed.context("Snaplark ended unexpectedly")?,
            () = polite.asked() => {}
            () = tokio::time::sleep(ASK_EVERY), if !is_checked => {}
        }
    }
}

/// Returns whether no upload is left that continues by itself, and every file is written.
fn is_settled(recordings: &[RecordingView]) -> bool {
    Counts::of(recordings).unsent == 0 && recordings.iter().all(has_file)
}

/// Returns whether the recording's file is written, or will never be.
fn has_file(recording: &RecordingView) -> bool {
    recording.file.is_some()
        || recording.file_problem.is_some()
        || matches!(recording.state, RecordingState::NeedsYou { .. })
}

/// Returns what the progress line says.
fn progress(recordings: &[RecordingView]) -> (Topic, String) {
    let current = recordings.iter().find(|recording| {
        matches!(recording.state, RecordingState::Uploading | RecordingState::Waits { .. })
    });
    match current {
        Some(recording) => {
            let percentage = recording.upload.as_ref().map_or(0, |upload| upload.percentage);
            let state = state_words(&recording.state);
            (Topic::Uploading, format!("{} · {percentage}% · {state}", recording.title))
        }
        None if recordings.iter().all(has_file) => {
            (Topic::Uploading, "Checking the uploads".to_owned())
        }
        None => (Topic::Ending, "Saving the files".to_owned()),
    }
}

pub async fn retry(home: Home, ids: &[String]) -> anyhow::Result<ExitCode> {
    let ids = parse(ids)?;
    let recordings = when_sent(home, &ids).await?;
    let retried: Vec<RecordingView> = recordings
        .into_iter()
        .filter(|recording| ids.iter().any(|id| id.to_string() == recording.id))
        .collect();
    let counts = Counts::of(&retried);
    if say::is_json() {
        say::json(&serde_json::json!({ "counts": counts, "recordings": retried }))?;
    } else {
        for recording in &retried {
            let place = recording.link.clone().unwrap_or_else(|| state_words(&recording.state));
            answer(&format!("{}  {place}", recording.id));
        }
    }
    let is_clear = counts.unsent + counts.need_you == 0;
    Ok(if is_clear { ExitCode::SUCCESS } else { ExitCode::from(NOT_ONLINE) })
}

/// Renames a recording. If the server can't be told now, the next Snaplark that runs does it.
pub async fn rename(home: Home, id: &str, title: String) -> anyhow::Result<ExitCode> {
    let id: RecordingId = id.parse().map_err(|_| unknown(id))?;
    match control::rename(&home, id, &title).await {
        Err(AppError::NotRunning) => {
            Program::with(home, async |program| Ok(program.app.rename(id, title).await?)).await?;
        }
        told => told?,
    }
    if say::is_json() {
        say::json(&serde_json::json!({ "renamed": id.to_string() }))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Deletes recordings. One that can't be deleted doesn't keep the others from it.
pub async fn delete(home: Home, ids: &[String]) -> anyhow::Result<ExitCode> {
    let ids = parse(ids)?;
    let mut done = Deleted::default();
    if control::recordings(&home).await.is_ok() {
        for id in ids {
            done.note(id, control::delete(&home, id).await);
        }
    } else {
        let deleting = Program::with(home, async |program| {
            for id in ids {
                done.note(id, program.app.delete(id).await);
            }
            Ok(())
        });
        deleting.await?;
    }
    for (_, reason) in &done.refused {
        snaplark_terminal::output::say(&format!("snaplark: {reason}."));
    }
    if say::is_json() {
        let refused = done.refused.iter().map(
            |(code, message)| serde_json::json!({ "code": code, "message": format!("{message}.") }),
        );
        let refused: Vec<_> = refused.collect();
        match &refused[..] {
            [] => say::json(&serde_json::json!({ "deleted": done.deleted }))?,
            [first, ..] => {
                say::json(&serde_json::json!({ "deleted": done.deleted, "error": first }))?;
            }
        }
    }
    let is_well = done.refused.is_empty();
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

#[derive(Default)]
struct Deleted {
    deleted: Vec<String>,
    /// Code and sentence.
    refused: Vec<(String, String)>,
}

impl Deleted {
    fn note(&mut self, id: RecordingId, answer: Result<(), AppError>) {
        match answer {
            Ok(()) => self.deleted.push(id.to_string()),
            Err(error) => self.refused.push((error.code().to_string(), error.to_string())),
        }
    }
}

fn parse(ids: &[String]) -> anyhow::Result<Vec<RecordingId>> {
    ids.iter().map(|id| id.parse().map_err(|_| unknown(id))).collect()
}

fn unknown(id: &str) -> anyhow::Error {
    anyhow::anyhow!("'{id}' is not the ID of a recording. `snaplark list` shows the IDs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_in_words_and_in_camel_case() {
        let counts = Counts { online: 2, local: 0, unsent: 1, need_you: 1 };
        assert_eq!(
            counts.words(),
            "2 online · 0 on this computer only · 1 not uploaded yet · 1 needs your action"
        );
        let json = serde_json::to_value(&counts).unwrap();
        assert_eq!(json["needYou"], 1, "{json}");
    }
}
