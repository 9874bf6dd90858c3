//! `snaplark send`: a recording, a screenshot or a file to one more place.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use snaplark_app::pictures::view::PictureSummary;
use snaplark_app::view::{PlacedUpload, RecordingState, RecordingView};
use snaplark_app::{AppError, Home, RecordingId, control};
use snaplark_terminal::output::answer;
use snaplark_terminal::signals::Polite;

use crate::print::{pictures, recordings, state_words};
use crate::program::Program;
use crate::say::{self, Topic};
use crate::{NOT_ONLINE, waiting};

/// How often the state of the upload is asked for.
const ASK_EVERY: Duration = Duration::from_millis(500);

pub async fn send(home: Home, id: &str, to: &str) -> anyhow::Result<ExitCode> {
    let item: RecordingId = id.parse().ok().with_context(|| {
        format!(
            "'{id}' is no ID. `snaplark list` shows the IDs of recordings, screenshots and files"
        )
    })?;
    let to = absolute(to);
    let upload = match control::send_to(&home, item, &to).await {
        Err(AppError::NotRunning) => {
            let sending = Program::with(home, async |program| {
                let upload = program.app.send_to(item, &to).await?;
                let ask = async || {
                    let snapshot = program.app.snapshot().await?;
                    Ok(uploads_of(item, snapshot.recordings, snapshot.pictures))
                };
                settled(ask, upload).await
            });
            sending.await?
        }
        sent => {
            let upload = sent?;
            let ask =
                async || Ok(uploads_of(item, recordings(&home).await?, pictures(&home).await?));
            settled(ask, upload).await?
        }
    };
    let upload = upload.with_context(|| format!("{item} is not in the library any more"))?;
    if say::is_json() {
        say::json(&upload)?;
    } else {
        let place = upload.link.clone().unwrap_or_else(|| state_words(&upload.state));
        answer(&format!("{}  {place}", upload.place));
    }
    let is_there = upload.state == RecordingState::Done;
    Ok(if is_there { ExitCode::SUCCESS } else { ExitCode::from(NOT_ONLINE) })
}

/// Returns the path of a folder as a whole one. Everything else stays as it is.
fn absolute(place: &str) -> String {
    let path = std::path::absolute(place).ok().filter(|path| path.is_dir());
    match path.filter(|_| !place.contains("://")) {
        Some(path) => format!("folder:{}", path.display()),
        None => place.to_owned(),
    }
}

/// Returns the uploads of an item of the library.
fn uploads_of(
    item: RecordingId,
    recordings: Vec<RecordingView>,
    pictures: Vec<PictureSummary>,
) -> Vec<PlacedUpload> {
    let item = item.to_string();
    let recordings = recordings.into_iter().map(|recording| (recording.id, recording.uploads));
    let pictures = pictures.into_iter().map(|picture| (picture.id, picture.uploads));
    let found = recordings.chain(pictures).find(|(id, _)| *id == item);
    found.map(|(_, uploads)| uploads).unwrap_or_default()
}

/// Waits until the upload is there, or needs the person, or the person interrupts.
async fn settled(
    ask: impl AsyncFn() -> anyhow::Result<Vec<PlacedUpload>>,
    upload: RecordingId,
) -> anyhow::Result<Option<PlacedUpload>> {
    let upload = upload.to_string();
    let ask = async || Ok(ask().await?.into_iter().find(|placed| placed.id == upload));
    let words = |placed: &Option<PlacedUpload>| {
        let placed = placed.as_ref()?;
        let goes_on =
            matches!(placed.state, RecordingState::Uploading | RecordingState::Waits { .. });
        let state = state_words(&placed.state);
        goes_on.then(|| {
            let line = format!("{} · {}% · {state}", placed.place, placed.percentage);
            (Topic::Uploading, line)
        })
    };
    let (mut polite, mut line) = (Polite::new(), say::Progress::default());
    waiting::until_settled(&mut polite, &mut line, ASK_EVERY, ask, words).await
}
