//! `snaplark edit` and `snaplark export`: what is kept of a recording, and a recording in another format.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use snaplark_app::{
    EditedRecording, ErrorCode, ExportFormat, ExportOptions, Home, RecordingId, RenderProgress,
    control,
};
use snaplark_terminal::output;
use snaplark_terminal::signals::Polite;

use crate::args::{EditArgs, ExportArgs};
use crate::publish;
use crate::ranges::{KeptRanges, shown};
use crate::say::{self, Topic};

/// How often the progress of an export is read.
const PROGRESS_POLL: Duration = Duration::from_millis(100);

/// Stores which ranges of a recording are kept, and publishes that if it is wanted.
pub async fn edit(home: Home, args: &EditArgs) -> anyhow::Result<ExitCode> {
    let id = parse(&args.id)?;
    let recording = EditedRecording::open(&home, id)?;
    let all = || Vec::from([std::ops::Range { start: 0, end: recording.duration_ms() }]);
    let edit = match &args.keep {
        _ if args.original => Some(recording.whole()),
        Some(keep) => Some(recording.with_kept(ranges(keep, &recording)?)?),
        None if args.publish => None,
        None => Some(recording.with_kept(all())?),
    };
    if args.publish {
        return publish::publish(home, id, edit).await;
    }
    let edit = edit.unwrap_or(recording.whole());
    match recording.save(&home, &edit) {
        Err(error) if error.code() == ErrorCode::InUse => {
            control::save_edit(&home, id, EditedRecording::view(&edit)?).await.map(drop)?;
        }
        saved => saved?,
    }
    let duration_ms = edit.duration_ms().unwrap_or_default();
    if say::is_json() {
        say::json(&serde_json::json!({ "id": id.to_string(), "durationMs": duration_ms }))?;
    } else {
        say::line(&format!(
            "{} of {} are kept. The recording itself is unchanged.",
            shown(duration_ms),
            shown(recording.duration_ms())
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a recording, or its edit, in another format.
pub async fn export(home: &Home, args: ExportArgs) -> anyhow::Result<ExitCode> {
    let mut polite = Polite::new();
    let recording = EditedRecording::open(home, parse(&args.id)?)?;
    let edit = match &args.keep {
        Some(keep) => Some(recording.with_kept(ranges(keep, &recording)?)?),
        None if args.original => None,
        None => recording.edit().cloned(),
    };
    let options = ExportOptions { format: args.format, fps: args.fps, width: args.width };
    let file = std::path::absolute(&args.out).context("The folder can't be found")?;
    let progress = Arc::new(RenderProgress::default());
    let work = {
        let progress = progress.clone();
        move || {
            let render = snaplark_render::SystemRender;
            recording.export(&render, edit.as_ref(), &options, &file, &progress)
        }
    };
    let mut working = tokio::task::spawn_blocking(work);
    let mut line = say::Progress::default();
    let written = loop {
        let shown = format!("Exporting: {}%", progress.thousandths() / 10);
        line.show(Topic::Exporting, &shown);
        tokio::select! {
            done = &mut working => break done.context("The export ended unexpectedly")?,
            () = polite.asked(), if !progress.is_cancelled() => progress.cancel(),
            () = tokio::time::sleep(PROGRESS_POLL) => {}
        }
    };
    line.end();
    let path = written?;
    let size_bytes = size_of(&path, args.format);
    if say::is_json() {
        let file = path.to_string_lossy();
        say::json(&serde_json::json!({ "file": file, "sizeBytes": size_bytes }))?;
    } else {
        output::answer(&path.to_string_lossy());
        say::line(&format!("{} written.", say::size(size_bytes)));
    }
    Ok(ExitCode::SUCCESS)
}

fn size_of(path: &Path, format: ExportFormat) -> u64 {
    let length = |path: PathBuf| path.metadata().map_or(0, |found| found.len());
    match format {
        ExportFormat::Png => std::fs::read_dir(path)
            .map_or(0, |entries| entries.flatten().map(|entry| length(entry.path())).sum()),
        ExportFormat::Webm
        | ExportFormat::Mp4
        | ExportFormat::Gif
        | ExportFormat::Webp
        | ExportFormat::Opus
        | ExportFormat::Wav => length(path.to_owned()),
    }
}

fn ranges(
    keep: &KeptRanges,
    recording: &EditedRecording,
) -> anyhow::Result<Vec<std::ops::Range<u64>>> {
    keep.of(recording.duration_ms()).map_err(|reason| anyhow::anyhow!("--keep: {reason}"))
}

/// Reads the ID of a recording.
pub fn parse(id: &str) -> anyhow::Result<RecordingId> {
    id.parse().map_err(|_| {
        anyhow::anyhow!("'{id}' is not the ID of a recording. `snaplark list` shows the IDs")
    })
}
