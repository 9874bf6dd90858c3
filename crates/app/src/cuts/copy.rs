//! An edit as a recording of its own: the segments that stay as they are, and those at cuts and below covers rendered
//! again. They are written into a folder outside of the recordings; the event loop then moves them into the new
//! recording as it moves those of the ring buffer. A folder that no recording expects is deleted at the next start.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use snaplark_core::edit::{Chapter, Edit};
use snaplark_core::render::{Render, RenderError, RenderProgress, SegmentReader};
use snaplark_core::{INIT_FILE, RecordingId, segment_file};
use snaplark_files as files;
use snaplark_formats::webm;
use snaplark_store::{NewRecording, Segment};

use crate::AppError;

/// The rendered pieces before they are segments, in the folder of those.
const RENDERED: &str = "rendered";

/// A recording that is made of an edit, before it is in the store.
#[derive(Clone, Debug)]
pub(crate) struct CopiedCut {
    /// The recording that was edited.
    pub(crate) of: RecordingId,
    pub(crate) new: NewRecording,
    /// Its width and height.
    pub(crate) size: (u32, u32),
    /// Names the folder of its init and its segments.
    pub(crate) folder: PathBuf,
    pub(crate) made: CopiedSegments,
}

/// Describes the segments that were written of an edit.
#[derive(Clone, Debug)]
pub(crate) struct CopiedSegments {
    /// The segments with their times in the new recording.
    pub(crate) segments: Vec<Segment>,
    /// The chapters, at their times there.
    pub(crate) chapters: Vec<Chapter>,
}

/// Writes the segments of an edit into a folder. Nothing of it is left after an error or a cancel.
pub(super) fn write(
    source: &dyn SegmentReader,
    edit: &Edit,
    render: &dyn Render,
    folder: &Path,
    progress: &RenderProgress,
) -> Result<CopiedSegments, AppError> {
    let made = write_segments(source, edit, render, folder, progress);
    if made.is_err()
        && let Err(error) = std::fs::remove_dir_all(folder)
    {
        // The next start deletes it.
        tracing::debug!(%error, "What was rendered of an edit could not be removed");
    }
    made
}

fn write_segments(
    source: &dyn SegmentReader,
    edit: &Edit,
    render: &dyn Render,
    folder: &Path,
    progress: &RenderProgress,
) -> Result<CopiedSegments, AppError> {
    let unwritable = |error: io::Error| RenderError::Unwritable {
        path: folder.to_owned(),
        reason: error.to_string(),
    };
    let unreadable = |error: io::Error| RenderError::Unreadable { reason: error.to_string() };
    let rendered = folder.join(RENDERED);
    files::make_folder(&rendered).map_err(unwritable)?;
    files::write_durably(&folder.join(INIT_FILE), source.init()).map_err(unwritable)?;
    let cut = render.cut(source, edit, &rendered, progress)?;
    let paths: BTreeMap<usize, PathBuf> =
        cut.files.into_iter().map(|file| (file.piece, file.path)).collect();
    let mut segments = Vec::new();
    for (index, (n, piece)) in (0..).zip(cut.plan.pieces.iter().enumerate()) {
        if progress.is_cancelled() {
            return Err(RenderError::Cancelled.into());
        }
        let bytes = match paths.get(&n) {
            Some(path) => std::fs::read(path).map_err(unreadable)?,
            None => {
                let segment = piece.segment();
                let bytes = source.read(segment).map_err(|_| source.refusal(vec![segment]))?;
                // Its number for a later time may be longer.
                match piece.shift_ms() > 0 {
                    true => webm::moved(&bytes, piece.at_ms())
                        .ok_or_else(|| source.refusal(vec![segment]))?,
                    false => bytes,
                }
            }
        };
        files::write_durably(&folder.join(segment_file(index)), &bytes).map_err(unwritable)?;
        segments.push(Segment {
            index,
            size_bytes: bytes.len() as u64,
            start_ms: piece.at_ms(),
            duration_ms: piece.duration_ms(),
            sha256: Sha256::digest(&bytes).into(),
        });
    }
    std::fs::remove_dir_all(&rendered).map_err(unwritable)?;
    let chapters = match edit {
        Edit::Cuts { chapters, .. } => cut.plan.chapters(chapters),
        Edit::Annotations { .. } => Vec::new(),
    };
    Ok(CopiedSegments { segments, chapters })
}
