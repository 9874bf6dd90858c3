//! Recordings on standard output.

use std::process::ExitCode;

use snaplark_app::view::{NeedReason, RecordingState, RecordingView, WaitReason};
use snaplark_app::{Home, Rebuilt, peek};

use crate::say;

pub fn list(home: &Home, json: bool) -> anyhow::Result<ExitCode> {
    let recordings = peek(home)?.map(|snapshot| snapshot.recordings).unwrap_or_default();
    if json {
        println!("{}", serde_json::to_string(&serde_json::json!({ "recordings": recordings }))?);
        return Ok(ExitCode::SUCCESS);
    }
    if recordings.is_empty() {
        say::line("No recordings yet. `snaplark record` makes one.");
    }
    for recording in &recordings {
        println!("{}  {}", recording.id, summary(recording));
        if let Some(link) = &recording.link {
            println!("    {link}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub fn show(home: &Home, id: &str, json: bool) -> anyhow::Result<ExitCode> {
    let recordings = peek(home)?.map(|snapshot| snapshot.recordings).unwrap_or_default();
    let recording = recordings
        .iter()
        .find(|recording| recording.id == id)
        .ok_or_else(|| anyhow::anyhow!("There is no recording {id}. `snaplark list` shows them"))?;
    if json {
        println!("{}", serde_json::to_string(recording)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("{}", summary(recording));
    if let Some(link) = &recording.link {
        println!("link  {link}");
    }
    if let Some(file) = &recording.file {
        println!("file  {file}");
    }
    for health in &recording.health {
        println!("{:<5} {}", say::time(health.at_ms), health.detail);
    }
    if let Some(detail) = &recording.end_detail {
        println!("end   {detail}");
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
                    "The server doesn't know this token. Set SNAPLARK_TOKEN to one of its own"
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

/// One sentence for the person whose list of recordings was rebuilt, and where the old one is.
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
