//! The edit as a WebM file of its own: the segments that stay, byte for byte but for their times, and the rendered
//! pieces; with Cues, so that it can be sought, and chapters.

use std::io::{Seek as _, SeekFrom, Write as _};

use snaplark_core::cut::Piece;
use snaplark_core::render::RenderError;
use snaplark_formats::webm::{self, Cluster};

use super::{Export, ExportTarget};
use crate::codec::{failed, malformed};
use crate::cut;

pub(super) fn write(export: &Export<'_>, target: &ExportTarget) -> Result<(), RenderError> {
    let (recording, plan) = (&export.recording, &export.plan);
    let unwritable = |error| target.unwritable(error);
    let mut file = std::io::BufWriter::new(target.handle()?);
    // Numbers have a fixed width in it, so the head of no cluster is as long as that of all.
    let finish = |clusters: &[Cluster]| {
        webm::finish_with_chapters(recording.init(), clusters, &export.chapters).map_err(malformed)
    };
    let head = finish(&[])?.head;
    file.write_all(&head).map_err(unwritable)?;
    let mut clusters = Vec::new();
    for (place, piece) in plan.pieces.iter().enumerate() {
        export.check()?;
        export.advance(piece.at_ms());
        let bytes = match piece {
            Piece::Keep { segment, at_ms, .. } => {
                let bytes = recording.bytes(*segment)?;
                webm::moved(&bytes, *at_ms).ok_or_else(|| failed("a segment without a head"))?
            }
            Piece::Render { .. } => cut::render_piece(recording, plan, place, export.progress)?,
        };
        file.write_all(&bytes).map_err(unwritable)?;
        let size_bytes = bytes.len() as u64;
        clusters.push(Cluster::of_segment(size_bytes, piece.at_ms(), piece.duration_ms()));
    }
    let finished = finish(&clusters)?;
    if finished.head.len() != head.len() {
        return Err(failed("the head changed its length"));
    }
    file.write_all(&finished.cues).map_err(unwritable)?;
    file.seek(SeekFrom::Start(0)).map_err(unwritable)?;
    file.write_all(&finished.head).map_err(unwritable)?;
    file.flush().map_err(unwritable)
}
