//! `snaplark upload`.
//!
//! The files are brought in by the program that holds the library: by a running Snaplark, or else by this one. A
//! running Snaplark uploads them whatever becomes of this command; this one has to wait until they are online.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use snaplark_app::control::{self, UploadedItem};
use snaplark_app::view::RecordingState;
use snaplark_app::{AppError, Home, ImportOptions, ItemId};
use snaplark_terminal::output;
use snaplark_terminal::signals::Polite;

use crate::args::UploadArgs;
use crate::program::LibraryHolder;
use crate::say::{self, Topic};
use crate::{FAILED, NOT_ONLINE, print, waiting};

/// How often the uploads are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a command that doesn't wait looks for the link, which most servers make at once.
const LINK_MAX: Duration = Duration::from_secs(2);

/// One file in the output with `--json`.
#[derive(Serialize)]
#[serde(untagged)]
enum UploadOutcome {
    Added {
        file: String,
        #[serde(flatten)]
        item: Box<UploadedItem>,
    },
    Refused {
        file: String,
        error: RefusedFile,
    },
}

#[derive(Serialize)]
struct RefusedFile {
    code: String,
    message: String,
}

impl LibraryHolder<'_> {
    async fn bring_in(&self, file: PathBuf, said: ImportOptions) -> Result<ItemId, AppError> {
        match self {
            LibraryHolder::Here(program) => program.app.imports().upload(file, said).await,
            LibraryHolder::Elsewhere(home) => control::upload_elsewhere(home, file, said).await,
        }
    }

    async fn uploaded(&self, ids: &[ItemId]) -> anyhow::Result<Vec<UploadedItem>> {
        Ok(match self {
            LibraryHolder::Here(program) => control::uploaded(&program.app, ids).await?,
            LibraryHolder::Elsewhere(home) => control::uploaded_elsewhere(home, ids).await?,
        })
    }
}

pub async fn upload(home: Home, options: UploadArgs) -> anyhow::Result<ExitCode> {
    let mut polite = Polite::new();
    LibraryHolder::with(home, async |library| run(&library, options, &mut polite).await).await
}

async fn run(
    library: &LibraryHolder<'_>,
    options: UploadArgs,
    polite: &mut Polite,
) -> anyhow::Result<ExitCode> {
    let UploadArgs { files, title, description, wait } = options;
    let count = files.len();
    let said = ImportOptions { title, description };
    let mut brought = Vec::new();
    for file in files {
        // The running program has another folder to which paths are relative.
        let path = std::path::absolute(&file).unwrap_or_else(|_| file.clone());
        let outcome = library.bring_in(path, said.clone()).await;
        if let Err(error) = &outcome {
            output::say(&format!("snaplark: {error}."));
        }
        brought.push((file, outcome));
    }
    let ids = brought.iter().filter_map(|(_, outcome)| outcome.as_ref().ok()).copied();
    let ids: Vec<ItemId> = ids.collect();
    // Nobody else would send them.
    let waits = wait || matches!(library, LibraryHolder::Here(_));
    let items = until_settled(library, &ids, waits, polite).await?;
    report(brought, &items, count, waits)
}

fn report(
    brought: Vec<(PathBuf, Result<ItemId, AppError>)>,
    items: &[UploadedItem],
    count: usize,
    waits: bool,
) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    let mut outcomes = Vec::new();
    for (file, outcome) in brought {
        let file = file.to_string_lossy().into_owned();
        match outcome {
            Ok(id) => {
                let id = id.to_string();
                let Some(item) = items.iter().find(|item| item.id == id).cloned() else { continue };
                if !say::is_json() {
                    output::answer(item.link.as_deref().unwrap_or(&item.id));
                }
                if waits && !is_online(&item.state) {
                    code = ExitCode::from(NOT_ONLINE);
                    say::line(&format!("{}: {}.", item.title, print::state_words(&item.state)));
                }
                outcomes.push(UploadOutcome::Added { file, item: Box::new(item) });
            }
            Err(error) => {
                let (code, message) = (error.code().to_string(), format!("{error}."));
                let error = RefusedFile { code, message };
                outcomes.push(UploadOutcome::Refused { file, error });
            }
        }
    }
    if outcomes.iter().any(|outcome| matches!(outcome, UploadOutcome::Refused { .. })) {
        code = ExitCode::from(FAILED);
    }
    if say::is_json() {
        match &outcomes[..] {
            [only] if count == 1 => say::json(only)?,
            all => say::json(&all)?,
        }
    }
    Ok(code)
}

fn is_online(state: &RecordingState) -> bool {
    matches!(state, RecordingState::Done)
}

/// Waits until the files are online, or until something has to change first. Without `waits` only until their links
/// are known.
async fn until_settled(
    library: &LibraryHolder<'_>,
    ids: &[ItemId],
    waits: bool,
    polite: &mut Polite,
) -> anyhow::Result<Vec<UploadedItem>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let began = std::time::Instant::now();
    let line = &mut say::Progress::default();
    waiting::until_settled(
        polite,
        line,
        LOOK_EVERY,
        async || library.uploaded(ids).await,
        |items: &Vec<UploadedItem>| {
            let moving = items.iter().find(|item| match &item.state {
                RecordingState::Done | RecordingState::Local | RecordingState::NeedsYou { .. } => {
                    false
                }
                RecordingState::Recording
                | RecordingState::Uploading
                | RecordingState::Waits { .. } => true,
            })?;
            let is_linked = items.iter().all(|item| item.link.is_some());
            if !waits && (is_linked || began.elapsed() >= LINK_MAX) {
                return None;
            }
            Some((Topic::Uploading, progress(moving, items)))
        },
    )
    .await
}

/// Returns what the progress line says: the file that is on its way, and how far all of them are.
fn progress(moving: &UploadedItem, items: &[UploadedItem]) -> String {
    let total: u64 = items.iter().map(|item| item.size_bytes).sum();
    let sent: u64 = items.iter().map(|item| item.sent_bytes).sum();
    let percentage = (sent * 100).checked_div(total).unwrap_or(0).min(99);
    let state = match moving.state {
        RecordingState::Uploading => String::new(),
        ref other => format!(" · {}", print::state_words(other)),
    };
    let speed = match (moving.bytes_per_second, moving.seconds_left) {
        (0, _) => String::new(),
        (speed, None) => format!(" · {}/s", say::size(speed)),
        (speed, Some(left)) => {
            format!(" · {}/s · {} left", say::size(speed), say::time(left * 1_000))
        }
    };
    format!("{} · {percentage}% of {}{speed}{state}", moving.title, say::size(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(state: RecordingState, sent_bytes: u64) -> UploadedItem {
        UploadedItem {
            id: "a".into(),
            kind: "import".into(),
            title: "Demo".into(),
            state,
            link: None,
            reach: None,
            size_bytes: 200_000_000,
            sent_bytes,
            percentage: 50,
            bytes_per_second: 1_000_000,
            seconds_left: Some(100),
        }
    }

    #[test]
    fn progress_names_the_file_its_speed_and_the_time_left() {
        let moving = item(RecordingState::Uploading, 100_000_000);
        let words = progress(&moving, std::slice::from_ref(&moving));
        assert_eq!(words, "Demo · 50% of 200 MB · 1.0 MB/s · 1:40 left");
    }
}
