//! Prints recordings and pictures on standard output.

use std::process::ExitCode;

use serde::Serialize;
use snaplark_app::pictures::view::PictureSummary;
use snaplark_app::view::{NeedReason, PlacedUpload, RecordingState, RecordingView, WaitReason};
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

/// Does the same with the pictures.
pub async fn pictures(home: &Home) -> anyhow::Result<Vec<PictureSummary>> {
    match control::pictures(home).await {
        Ok(pictures) => Ok(pictures),
        Err(AppError::NotRunning | AppError::Closing) => {
            Ok(peek(home)?.map(|snapshot| snapshot.pictures).unwrap_or_default())
        }
        Err(error) => Err(error.into()),
    }
}

/// A recording or a picture, as `--json` prints it: with its kind.
#[derive(Serialize)]
struct OfKind<'a, T> {
    kind: &'static str,
    #[serde(flatten)]
    item: &'a T,
}

fn recording_of_kind(item: &RecordingView) -> OfKind<'_, RecordingView> {
    OfKind { kind: if item.is_imported { "import" } else { "recording" }, item }
}

fn picture_of_kind(item: &PictureSummary) -> OfKind<'_, PictureSummary> {
    OfKind { kind: if item.is_imported { "import" } else { "screenshot" }, item }
}

/// Lists recordings and pictures, the newest first.
pub async fn list(home: &Home) -> anyhow::Result<ExitCode> {
    let (recordings, pictures) = (recordings(home).await?, pictures(home).await?);
    if say::is_json() {
        let recordings: Vec<_> = recordings.iter().map(recording_of_kind).collect();
        let pictures: Vec<_> = pictures.iter().map(picture_of_kind).collect();
        say::json(&serde_json::json!({ "recordings": recordings, "pictures": pictures }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if recordings.is_empty() && pictures.is_empty() {
        say::line("Nothing here yet. Begin with `snaplark record` or `snaplark screenshot`.");
    }
    let of_recording = |one: &RecordingView| (one.id.clone(), summary(one), one.link.clone());
    let of_picture =
        |one: &PictureSummary| (one.id.clone(), picture_summary(one), one.link.clone());
    let mut lines: Vec<_> =
        recordings.iter().map(of_recording).chain(pictures.iter().map(of_picture)).collect();
    // An id begins with its time.
    lines.sort_unstable_by(|(one, ..), (other, ..)| other.cmp(one));
    for (id, summary, link) in lines {
        answer(&format!("{id}  {summary}"));
        if let Some(link) = link {
            answer(&format!("    {link}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn show(home: &Home, id: &str) -> anyhow::Result<ExitCode> {
    if let Some(picture) = pictures(home).await?.iter().find(|picture| picture.id == id) {
        return show_picture(picture);
    }
    let recordings = recordings(home).await?;
    let recording = recordings.iter().find(|recording| recording.id == id).ok_or_else(|| {
        anyhow::anyhow!(
            "There is no recording or screenshot {id}. `snaplark list` shows all of them"
        )
    })?;
    if say::is_json() {
        say::json(&recording_of_kind(recording))?;
        return Ok(ExitCode::SUCCESS);
    }
    answer(&summary(recording));
    if let Some(link) = &recording.link {
        answer(&format!("link  {link}"));
    }
    show_further(&recording.uploads);
    if let Some(file) = &recording.file {
        answer(&format!("file  {file}"));
    }
    if let Some(problem) = &recording.file_problem {
        answer(&format!("file  {problem}"));
    }
    for issues in &recording.issues {
        answer(&format!("{:<5} {}", say::time(issues.at_ms), issues.detail));
    }
    if let Some(detail) = &recording.end_detail {
        answer(&format!("end   {detail}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn show_picture(picture: &PictureSummary) -> anyhow::Result<ExitCode> {
    if say::is_json() {
        say::json(&picture_of_kind(picture))?;
        return Ok(ExitCode::SUCCESS);
    }
    answer(&picture_summary(picture));
    if let Some(link) = &picture.link {
        answer(&format!("link  {link}"));
    }
    show_further(&picture.uploads);
    Ok(ExitCode::SUCCESS)
}

/// Prints the uploads to further places: all but the first, which is the item's own.
fn show_further(uploads: &[PlacedUpload]) {
    for upload in uploads.iter().skip(1) {
        let place = upload.link.clone().unwrap_or_else(|| state_words(&upload.state));
        answer(&format!("sent  {}  {}  {place}", upload.id, upload.place));
    }
}

fn picture_summary(picture: &PictureSummary) -> String {
    let PictureSummary { title, width, height, size_bytes, state, .. } = picture;
    let size = say::size(*size_bytes);
    format!("{title} · {width} x {height} · {size} · {}", state_words(state))
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
            WaitReason::Offline => "Waiting: the server can't be reached",
            WaitReason::FolderMissing => {
                "Waiting: the folder is missing, or another one is in its place"
            }
            WaitReason::StorageFull => "Waiting: no space is left at the destination",
            WaitReason::AccessDenied => "Waiting: the folder can't be written",
            WaitReason::ServerTrouble => "Waiting: the server reports an error",
            WaitReason::RateLimited => "Waiting: the server is limiting requests",
            WaitReason::Queue => "Waiting for other uploads",
            WaitReason::Paused => "Paused",
            WaitReason::Metered => "Waiting for an unmetered connection",
            WaitReason::NotRunning => "Waiting: the upload continues when Snaplark runs",
        },
        RecordingState::NeedsYou { reason, detail } => {
            return match reason {
                NeedReason::SignIn => {
                    "Sign-in required: run `snaplark login`, or set SNAPLARK_TOKEN"
                        .into()
                }
                NeedReason::Refused => format!("The server refused the upload: {detail}"),
                NeedReason::FilesMissing => format!("Files of the recording are missing: {detail}"),
                NeedReason::FileMissing => format!(
                    "The file was moved or deleted: {detail}. Put it back, then run `snaplark retry`"
                ),
                NeedReason::FileChanged => {
                    "The file has changed since it was added. `snaplark retry` uploads it as it is now"
                        .into()
                }
                NeedReason::TooLarge => format!(
                    "The server takes files of up to {}. Nothing was sent. Cut the file, or use another server",
                    say::size(detail.parse().unwrap_or_default())
                ),
                NeedReason::DamagedOnServer => {
                    "The server's copy is damaged, and this computer no longer has the data to repair it"
                        .into()
                }
                NeedReason::NewLink => {
                    "This server gives an edited recording a new link. `snaplark edit --publish` does that"
                        .into()
                }
                NeedReason::OtherServer => {
                    format!(
                        "You are no longer signed in to {detail}. `snaplark login` resumes the upload, \
                         `snaplark retry` sends it to the current server"
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
        None => format!("The list of recordings was missing and has been rebuilt: {found}."),
    }
}
