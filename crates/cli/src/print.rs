//! Prints recordings on standard output.

use std::process::ExitCode;

use snaplark_app::view::{NeedReason, RecordingState, RecordingView, WaitReason};
use snaplark_app::{AppError, Home, Rebuilt, control, peek};
use snaplark_terminal::output::answer;

use crate::say;

/// Returns the recordings as the running program shows them, since it knows what uploads wait for. If none
/// is running, returns them as their rows say.
pub async fn recordings(home: &Home) -> anyhow::Result<Vec<RecordingView>> {
    match control::recordings(home).await {
        Ok(recordings) => Ok(recordings),
        // No program is running, it is closing, or it is another version.
        Err(AppError::NotRunning | AppError::Closing) => {
            Ok(peek(home)?.map(|snapshot| snapshot.recordings).unwrap_or_default())
        }
        Err(error) => Err(error.into()),
    }
}

pub async fn list(home: &Home) -> anyhow::Result<ExitCode> {
    let recordings = recordings(home).await?;
    if say::is_json() {
        say::json(&serde_json::json!({ "recordings": recordings }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if recordings.is_empty() {
        say::line("No recordings yet. `snaplark record` makes one.");
    }
    for recording in &recordings {
        answer(&format!("{}  {}", recording.id, summary(recording)));
        if let Some(link) = &recording.link {
            answer(&format!("    {link}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn show(home: &Home, id: &str) -> anyhow::Result<ExitCode> {
    let recordings = recordings(home).await?;
    let recording = recordings
        .iter()
        .find(|recording| recording.id == id)
        .ok_or_else(|| anyhow::anyhow!("There is no recording {id}. `snaplark list` shows them"))?;
    if say::is_json() {
        say::json(recording)?;
        return Ok(ExitCode::SUCCESS);
    }
    answer(&summary(recording));
    if let Some(link) = &recording.link {
        answer(&format!("link  {link}"));
    }
    if let Some(file) = &recording.file {
        answer(&format!("file  {file}"));
    }
    if let Some(problem) = &recording.file_problem {
        answer(&format!("file  {problem}"));
    }
    for health in &recording.health {
        answer(&format!("{:<5} {}", say::time(health.at_ms), health.detail));
    }
    if let Some(detail) = &recording.end_detail {
        answer(&format!("end   {detail}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn summary(recording: &RecordingView) -> String {
    let RecordingView { title, duration_ms, size_bytes, state, .. } = recording;
    let (time, size) = (say::time(*duration_ms), say::size(*size_bytes));
    format!("{title} · {time} · {size} · {}", state_words(state))
}

pub fn state_words(state: &RecordingState) -> String {
    let waits = match state {
        RecordingState::Recording => return "Recording".into(),
        RecordingState::Uploading => return "Uploading".into(),
        RecordingState::Done => return "Online".into(),
        RecordingState::Local => return "On this computer only".into(),
        RecordingState::Waits { reason } => match reason {
            WaitReason::Offline => "Waits: the server can't be reached",
            WaitReason::ServerTrouble => "Waits: the server has trouble",
            WaitReason::RateLimited => "Waits: the server asked for a pause",
            WaitReason::Queue => "Waits: others go first",
            WaitReason::Paused => "Paused",
            WaitReason::Metered => "Waits for a link that isn't metered",
            WaitReason::NotRunning => "Waits: goes on when Snaplark runs",
        },
        RecordingState::NeedsYou { reason, detail } => {
            return match reason {
                NeedReason::SignIn => {
                    "Needs a sign-in: `snaplark login`, or SNAPLARK_TOKEN with a token of the server"
                        .into()
                }
                NeedReason::Refused => format!("The server refuses it: {detail}"),
                NeedReason::FilesMissing => format!("Files of it are missing: {detail}"),
                NeedReason::DamagedOnServer => {
                    "The server's copy is damaged, and the bytes are not on this computer any more"
                        .into()
                }
                NeedReason::OtherServer => {
                    format!(
                        "It was begun for {detail}. `snaplark retry` sends it to the one of now"
                    )
                }
            };
        }
    };
    waits.into()
}

/// Returns a sentence for a person whose list of recordings was rebuilt, with the place of the old one.
pub fn rebuilt_words(rebuilt: &Rebuilt) -> String {
    let found = match rebuilt.recordings {
        1 => "1 recording was found in its folder".to_owned(),
        count => format!("{count} recordings were found in their folders"),
    };
    match &rebuilt.set_aside {
        Some(file) => format!(
            "The list of recordings was damaged and has been rebuilt: {found}. The damaged list is \
             kept as {file}."
        ),
        None => format!("The list of recordings was gone and has been rebuilt: {found}."),
    }
}
