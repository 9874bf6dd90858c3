//! `snaplark edit --publish`: an edited recording behind its link, by a running Snaplark or else by this one.

use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use snaplark_app::control::{self, PublishedEdit};
use snaplark_app::cuts::view::PublishWay;
use snaplark_app::view::{NeedReason, RecordingState, WaitReason};
use snaplark_app::{AppError, Edit, EditedRecording, ErrorCode, Home, RecordingId};
use snaplark_terminal::output;
use snaplark_terminal::signals::Polite;
use tokio::time::Instant;

use crate::program::LibraryHolder;
use crate::say::{self, Topic};
use crate::{NOT_ONLINE, print, waiting};

/// How often the upload is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a server is waited for that can't be reached: a person at a terminal isn't kept waiting for one that is
/// gone.
const OFFLINE_MAX: Duration = Duration::from_secs(20);

/// The output with `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Published<'a> {
    id: &'a str,
    link: Option<&'a str>,
    /// `None`: the link shows the recording as it is, or the edit has a link of its own.
    version: Option<u32>,
    duration_ms: u64,
    sent_bytes: u64,
}

/// Saves an edit, if there is a new one, and publishes it. Returns when the link shows it.
pub async fn publish(home: Home, id: RecordingId, edit: Option<Edit>) -> anyhow::Result<ExitCode> {
    let mut polite = Polite::new();
    LibraryHolder::with(home, async |library| finish(&library, id, edit, &mut polite).await).await
}

impl LibraryHolder<'_> {
    async fn save(&self, id: RecordingId, edit: &Edit) -> Result<(), AppError> {
        let edit = EditedRecording::view(edit)?;
        match self {
            LibraryHolder::Here(program) => program.app.cuts().save(id, edit, None).await,
            LibraryHolder::Elsewhere(home) => control::save_edit(home, id, edit).await,
        }
        .map(drop)
    }

    async fn publish(&self, id: RecordingId) -> Result<bool, AppError> {
        match self {
            LibraryHolder::Here(program) => program.app.cuts().publish(id).await,
            LibraryHolder::Elsewhere(home) => control::publish(home, id).await,
        }
    }

    async fn copy(&self, id: RecordingId) -> Result<Option<RecordingId>, AppError> {
        match self {
            LibraryHolder::Here(program) => program.app.cuts().copy(id).await,
            LibraryHolder::Elsewhere(home) => control::copy_edit(home, id).await,
        }
    }

    async fn published(&self, id: RecordingId) -> Result<PublishedEdit, AppError> {
        match self {
            LibraryHolder::Here(program) => control::published(&program.app, id).await,
            LibraryHolder::Elsewhere(home) => control::published_elsewhere(home, id).await,
        }
    }
}

async fn finish(
    library: &LibraryHolder<'_>,
    id: RecordingId,
    edit: Option<Edit>,
    polite: &mut Polite,
) -> anyhow::Result<ExitCode> {
    if let Some(edit) = edit {
        library.save(id, &edit).await?;
    }
    let mut line = say::Progress::default();
    line.show(Topic::Exporting, "Rendering the cuts");
    let published = tokio::select! {
        published = library.publish(id) => published,
        () = polite.asked() => {
            line.end();
            anyhow::bail!("Nothing was published. The edit is saved");
        }
    };
    match published {
        Ok(true) => {}
        Ok(false) => anyhow::bail!("Publishing was cancelled. The edit is saved"),
        Err(error) if error.code() == ErrorCode::NewLinkOnly => {
            line.end();
            return finish_copy(library, id, polite).await;
        }
        Err(error) => return Err(error.into()),
    }
    let shown = until_shown(library, id, polite, &mut line, |now| {
        now.publish.is_shown && now.publish.is_current
    });
    let now = shown.await?;
    match &now.recording.state {
        RecordingState::NeedsYou { reason: NeedReason::NewLink, .. } => {
            finish_copy(library, id, polite).await
        }
        _ => answer(&now, now.publish.is_shown && now.publish.is_current),
    }
}

/// Publishes the edit as a recording of its own, since the server can't show it behind the same link.
async fn finish_copy(
    library: &LibraryHolder<'_>,
    id: RecordingId,
    polite: &mut Polite,
) -> anyhow::Result<ExitCode> {
    say::line(
        "This server can't show another video behind a link. The edit becomes a recording of its own, with a new \
         link. The old link still shows the original.",
    );
    let copied = library.copy(id).await?;
    let Some(copy) = copied else { anyhow::bail!("Publishing was cancelled. The edit is saved") };
    let mut line = say::Progress::default();
    let is_online = |now: &PublishedEdit| now.recording.state == RecordingState::Done;
    let now = until_shown(library, copy, polite, &mut line, is_online).await?;
    answer(&now, is_online(&now))
}

/// Waits until the link shows what was published, or until something has to change first.
async fn until_shown(
    library: &LibraryHolder<'_>,
    id: RecordingId,
    polite: &mut Polite,
    line: &mut say::Progress,
    is_shown: impl Fn(&PublishedEdit) -> bool,
) -> anyhow::Result<PublishedEdit> {
    let mut offline_since = None;
    let ask = async || Ok(library.published(id).await?);
    waiting::until_settled(polite, line, LOOK_EVERY, ask, |now: &PublishedEdit| {
        let state = &now.recording.state;
        let is_offline = matches!(state, RecordingState::Waits { reason: WaitReason::Offline });
        let since = *offline_since.get_or_insert_with(Instant::now);
        if !is_offline {
            offline_since = None;
        }
        let is_over = match state {
            RecordingState::NeedsYou { .. } => true,
            RecordingState::Local => now.publish.way == PublishWay::None,
            RecordingState::Waits { .. }
            | RecordingState::Uploading
            | RecordingState::Recording
            | RecordingState::Done => false,
        };
        let is_given_up = is_offline && since.elapsed() >= OFFLINE_MAX;
        if is_shown(now) || is_over || is_given_up {
            return None;
        }
        let percentage = now.recording.upload.as_ref().map(|upload| upload.percentage);
        let words = match (state, percentage) {
            (RecordingState::Uploading, Some(percentage)) => format!("Publishing: {percentage}%"),
            _ => print::state_words(state),
        };
        Some((Topic::Uploading, words))
    })
    .await
}

fn answer(now: &PublishedEdit, is_shown: bool) -> anyhow::Result<ExitCode> {
    let PublishedEdit { recording, publish } = now;
    let link = recording.link.as_deref();
    if say::is_json() {
        say::json(&Published {
            id: &recording.id,
            link,
            version: publish.version,
            duration_ms: publish.duration_ms.unwrap_or(recording.duration_ms),
            sent_bytes: publish.sent_bytes,
        })?;
    } else {
        link.iter().for_each(|link| output::answer(link));
    }
    if !is_shown {
        say::line(&format!("Not published yet. {}.", print::state_words(&recording.state)));
        say::line("The edit is saved. The upload continues when Snaplark runs.");
        return Ok(ExitCode::from(NOT_ONLINE));
    }
    say::line(&format!("Published. Sent {}.", say::size(publish.sent_bytes)));
    Ok(ExitCode::SUCCESS)
}
