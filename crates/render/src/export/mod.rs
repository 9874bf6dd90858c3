//! Exports a recording, or an edit of it: one module for each format.
//!
//! | Module | Writes |
//! |---|---|
//! | `webm` | the edit's own file: kept segments as they are, seekable |
//! | `mp4` | H.264 and AAC by the encoders that the system has |
//! | `gif`, `webp` | animations: only the rectangle that changed |
//! | `png` | a folder of pictures |
//! | `sound` | Opus in Ogg, WAV |
//!
//! A result is written in a folder of its own beside its place, and gets the first free name when it is complete. So
//! exports that run at once never meet in one file, and nothing else is ever removed.

mod animation;
mod chapters;
mod gif;
mod mp4;
mod palette;
mod pictures;
mod png;
mod sound;
mod target;
mod webm;
mod webp;

use std::path::PathBuf;

use snaplark_core::cut::CutPlan;
use snaplark_core::edit::Edit;
use snaplark_core::render::{
    ExportFormat, ExportOptions, RenderError, RenderProgress, SegmentReader,
};

use crate::codec::SourceRecording;
use crate::cut;
use snaplark_formats::ChapterMark;
use target::ExportTarget;

pub(crate) use target::ExportPaths;

/// Free space beyond the estimate: what a system needs to go on.
const SPARE_BYTES: u64 = 64 * 1024 * 1024;
/// Pictures a second of an animation, if nothing else is asked for: screens look smooth enough, and each picture
/// costs.
const ANIMATION_FPS: u32 = 12;

/// An export that runs, with what every format needs.
pub(crate) struct Export<'a> {
    recording: SourceRecording<'a>,
    plan: CutPlan,
    chapters: Vec<ChapterMark>,
    options: ExportOptions,
    progress: &'a RenderProgress,
}

impl<'a> Export<'a> {
    fn open(
        segments: &'a dyn SegmentReader,
        edit: Option<&Edit>,
        options: &ExportOptions,
        progress: &'a RenderProgress,
    ) -> Result<Self, RenderError> {
        let recording = SourceRecording::open(segments)?;
        let plan = cut::plan(&recording, edit)?;
        let chapters = chapters::of(&plan, edit);
        let export = Export { recording, plan, chapters, options: *options, progress };
        check_format(&export)?;
        Ok(export)
    }

    /// Returns an error if the export was cancelled.
    fn check(&self) -> Result<(), RenderError> {
        match self.progress.is_cancelled() {
            true => Err(RenderError::Cancelled),
            false => Ok(()),
        }
    }

    /// Reports how far it is, by the time of the output.
    fn advance(&self, done_ms: u64) {
        // The last step is to make the file durable.
        self.progress.advance(done_ms, self.plan.duration_ms() + 1);
    }
}

/// Writes the export and returns its path.
pub(crate) fn export(
    segments: &dyn SegmentReader,
    edit: Option<&Edit>,
    options: &ExportOptions,
    to: ExportPaths<'_>,
    progress: &RenderProgress,
) -> Result<PathBuf, RenderError> {
    let export = Export::open(segments, edit, options, progress)?;
    let target = match options.format {
        ExportFormat::Png => ExportTarget::folder(to)?,
        ExportFormat::Webm
        | ExportFormat::Mp4
        | ExportFormat::Gif
        | ExportFormat::Webp
        | ExportFormat::Opus
        | ExportFormat::Wav => ExportTarget::file(to)?,
    };
    check_space(&export, target.folder_of())?;
    write(&export, &target)?;
    export.check()?;
    let path = target.finish()?;
    progress.advance(1, 1);
    Ok(path)
}

fn write(export: &Export<'_>, target: &ExportTarget) -> Result<(), RenderError> {
    match export.options.format {
        ExportFormat::Webm => webm::write(export, target),
        ExportFormat::Mp4 => mp4::write(export, target),
        ExportFormat::Gif => animation::write(export, target, &mut gif::GifWriter::default()),
        ExportFormat::Webp => animation::write(export, target, &mut webp::WebpWriter::open()?),
        ExportFormat::Png => png::write(export, target),
        ExportFormat::Opus => sound::write_opus(export, target),
        ExportFormat::Wav => sound::write_wav(export, target),
    }
}

/// Says what is missing before anything is written.
fn check_format(export: &Export<'_>) -> Result<(), RenderError> {
    match export.options.format {
        ExportFormat::Mp4 => mp4::check(export.recording.tracks.audio.is_some()),
        ExportFormat::Webp => webp::WebpWriter::open().map(drop),
        ExportFormat::Opus | ExportFormat::Wav if export.recording.tracks.audio.is_none() => {
            Err(RenderError::Silent)
        }
        ExportFormat::Webm
        | ExportFormat::Gif
        | ExportFormat::Png
        | ExportFormat::Opus
        | ExportFormat::Wav => Ok(()),
    }
}

fn check_space(export: &Export<'_>, folder: &std::path::Path) -> Result<(), RenderError> {
    let needed_bytes = rough_size(export).saturating_add(SPARE_BYTES);
    // A disk that doesn't say how much is free is asked by writing.
    let free_bytes = fs4::available_space(folder).unwrap_or(u64::MAX);
    match free_bytes < needed_bytes {
        true => Err(RenderError::NoSpace { needed_bytes, free_bytes }),
        false => Ok(()),
    }
}

/// Estimates the size of an export.
pub(crate) fn size(
    segments: &dyn SegmentReader,
    edit: Option<&Edit>,
    options: &ExportOptions,
) -> Result<u64, RenderError> {
    let progress = RenderProgress::default();
    let export = Export::open(segments, edit, options, &progress)?;
    match options.format {
        ExportFormat::Gif => animation::size(&export, gif::GifWriter::default),
        ExportFormat::Webp => {
            webp::WebpWriter::open()?;
            animation::size(&export, || webp::WebpWriter::open().unwrap_or_default())
        }
        ExportFormat::Webm
        | ExportFormat::Mp4
        | ExportFormat::Png
        | ExportFormat::Opus
        | ExportFormat::Wav => Ok(rough_size(&export)),
    }
}

/// Estimates the size from the recording's own, without decoding anything.
fn rough_size(export: &Export<'_>) -> u64 {
    let (recording, plan) = (&export.recording, &export.plan);
    let source_bytes: u64 = recording.list.iter().map(|segment| segment.size_bytes).sum();
    let source_ms: u64 = recording.list.iter().map(|segment| segment.duration_ms).sum();
    let output_ms = plan.duration_ms();
    let share = |bytes: u64| {
        let share = u128::from(bytes) * u128::from(output_ms) / u128::from(source_ms.max(1));
        u64::try_from(share).unwrap_or(u64::MAX)
    };
    let channels = recording.tracks.audio.as_ref().map_or(0, |audio| u64::from(audio.channels));
    match export.options.format {
        ExportFormat::Webm => {
            // Pieces that are rendered again keep all that is visible, which takes more.
            let rendered_ms: u64 = plan.rendered().map(|(_, piece)| piece.duration_ms()).sum();
            share(source_bytes) + rendered_ms * 1_000
        }
        ExportFormat::Mp4 => share(source_bytes).saturating_mul(2),
        ExportFormat::Gif | ExportFormat::Webp | ExportFormat::Png => {
            share(source_bytes).saturating_mul(3)
        }
        // 96 kbit/s.
        ExportFormat::Opus => output_ms * 12,
        ExportFormat::Wav => output_ms * 96 * channels + 44,
    }
}
