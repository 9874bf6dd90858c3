//! Makes what a version consists of: renders what is at cuts and below covers, and finds what the server can keep.
//!
//! Rows alone say what the server has; of the recording's segments only those are read that are
//! rendered, or kept as a part of a larger one. So it takes as long for hours as for a minute.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use snaplark_api::limits;
use snaplark_core::cut::CutPlan;
use snaplark_core::edit::{Chapter, Edit};
use snaplark_core::render::{Render, RenderError, RenderProgress};
use snaplark_core::upload::{
    EditedVersion, PartContent, PlannedPart, RenderedPiece, SegmentCuts, ServedVersion,
    planned_parts,
};

use crate::source::RecordingSource;
use crate::{AppError, ErrorCode};
use snaplark_api::hex;

/// Renders an edit into a folder and says what its version consists of.
pub(super) fn rendered_version(
    source: &RecordingSource,
    edit: &Edit,
    served: Option<&ServedVersion>,
    part_bytes_max: u64,
    render: &dyn Render,
    folder: &Path,
    progress: &RenderProgress,
) -> Result<EditedVersion, AppError> {
    let cut = render.cut(source, edit, folder, progress)?;
    let unreadable = |error: std::io::Error| {
        AppError::from(RenderError::Unreadable { reason: error.to_string() })
    };
    let mut rendered = BTreeMap::new();
    let within = folder.file_name().map(PathBuf::from).unwrap_or_default();
    for file in cut.files {
        let bytes = std::fs::read(&file.path).map_err(unreadable)?;
        let name = file.path.file_name().unwrap_or_default();
        let piece = RenderedPiece {
            file: within.join(name).to_string_lossy().into_owned(),
            size_bytes: bytes.len() as u64,
            sha256: hex(&Sha256::digest(&bytes)),
        };
        rendered.insert(file.piece, piece);
    }
    let segment_bytes: Vec<u64> = source.rows().iter().map(|it| it.size_bytes).collect();
    let mut planned = planned_parts(&cut.plan, &segment_bytes, &rendered, served, part_bytes_max);
    for part in &mut planned {
        if progress.is_cancelled() {
            return Err(RenderError::Cancelled.into());
        }
        hash_kept(source, part);
    }
    let chapters = match edit {
        Edit::Cuts { chapters, .. } => chapters.as_slice(),
        Edit::Annotations { .. } => &[],
    };
    check(&cut.plan, &planned)?;
    Ok(version(&cut.plan, planned, served, chapters))
}

fn version(
    plan: &CutPlan,
    planned: Vec<PlannedPart>,
    served: Option<&ServedVersion>,
    chapters: &[Chapter],
) -> EditedVersion {
    // If the link shows no version, no piece is kept, and any number will do.
    let from_version = served.map_or(1, |served| served.number);
    EditedVersion::new(plan, planned, from_version, chapters)
}

/// Computes the digest of a kept range of which only the digests of its segments are known. A range that can't be
/// read is sent when it can be.
fn hash_kept(source: &RecordingSource, part: &mut PlannedPart) {
    let PartContent::Segments(first, count) = part.part.content else { return };
    let Some(kept) = &mut part.kept else { return };
    let has_init = kept.bytes.end - kept.bytes.start > part.part.size_bytes;
    if kept.sha256.is_some() {
        return;
    }
    if let (1, false) = (count, has_init) {
        let row = source.row(first);
        kept.sha256 = row.ok().map(|row| hex(&row.sha256));
        return;
    }
    let whole = snaplark_core::upload::Part::whole(first, count, part.part.size_bytes);
    kept.sha256 =
        source.part(whole, has_init, SegmentCuts::None).ok().map(|bytes| hex(&bytes.sha256));
}

fn check(plan: &CutPlan, planned: &[PlannedPart]) -> Result<(), AppError> {
    let is_within =
        planned.len() <= limits::PIECES_MAX as usize && plan.kept.len() <= limits::STRETCHES_MAX;
    match is_within {
        true => Ok(()),
        false => Err(AppError::told(ErrorCode::BadEdit, "it has too many pieces for a link")),
    }
}
