//! Renders the pieces of a cut: what is at a cut or under a cover is decoded, and encoded again as one cluster
//! each; everything else stays as it is and isn't read.
//!
//! ```text
//! segment's blocks -> shots (which picture from when to when) -> decode -> cover -> encode ─┐
//! packets around   -> joint (fades, 5 ms) -> encode ────────────────────────────────────────┴-> cluster
//! ```
//!
//! Invariant: what was cut out or covered is in no byte of a rendered piece. Pictures before the first one that
//! is kept are decoded, since it depends on them, and are not encoded; sound is silent outside of what is kept.

mod append;
mod cover;
mod joint;
mod shots;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use snaplark_core::cut::{self, CutPlan, Piece, SourceSegment};
use snaplark_core::edit::Edit;
use snaplark_core::render::{CutFiles, PieceFile, RenderError, RenderProgress, SegmentReader};
use snaplark_files as files;
use snaplark_formats::webm::{self, Block, Track};

use crate::codec::{Picture, PictureEncoder, SourceRecording, decode_pictures, failed, malformed};
use shots::Shot;

pub(crate) use append::joined;
pub(crate) use joint::{fade_in, fade_out, joined_sound};

/// Plans the cut and writes its rendered pieces into `folder`.
pub(crate) fn cut(
    segments: &dyn SegmentReader,
    edit: &Edit,
    folder: &Path,
    progress: &RenderProgress,
) -> Result<CutFiles, RenderError> {
    let recording = SourceRecording::open(segments)?;
    let plan = plan(&recording, Some(edit))?;
    files::make_folder(folder).map_err(unwritable(folder))?;
    let mut written = Vec::new();
    match write_pieces(&recording, &plan, folder, progress, &mut written) {
        Ok(()) => Ok(CutFiles { plan, files: written }),
        Err(error) => {
            for PieceFile { path, .. } in written {
                // Some pieces of a cut help nobody.
                let _ = std::fs::remove_file(path);
            }
            Err(error)
        }
    }
}

fn write_pieces(
    recording: &SourceRecording<'_>,
    plan: &CutPlan,
    folder: &Path,
    progress: &RenderProgress,
    written: &mut Vec<PieceFile>,
) -> Result<(), RenderError> {
    let total = plan.rendered().count() as u64;
    for (done, (piece, _)) in plan.rendered().enumerate() {
        progress.advance(done as u64, total);
        let bytes = render_piece(recording, plan, piece, progress)?;
        let path = folder.join(format!("piece-{piece:06}.webm"));
        files::write_durably(&path, &bytes).map_err(unwritable(&path))?;
        written.push(PieceFile { piece, path, size_bytes: bytes.len() as u64 });
    }
    progress.advance(total.max(1), total.max(1));
    Ok(())
}

fn unwritable(path: &Path) -> impl Fn(std::io::Error) -> RenderError {
    let path: PathBuf = path.to_owned();
    move |error| RenderError::Unwritable { path: path.clone(), reason: error.to_string() }
}

/// Returns the plan of an edit; without one, of the whole recording.
pub(crate) fn plan(
    recording: &SourceRecording<'_>,
    edit: Option<&Edit>,
) -> Result<CutPlan, RenderError> {
    let segments: Vec<SourceSegment> = recording.list.iter().map(SourceSegment::from).collect();
    let whole = Edit::whole(segments.last().map_or(0, SourceSegment::end_ms));
    let (keep, covers) = match edit.unwrap_or(&whole) {
        Edit::Cuts { keep, covers, chapters: _ } => (keep, covers),
        Edit::Annotations { .. } => {
            let kind = snaplark_core::ItemKind::Recording;
            return Err(snaplark_core::edit::BadEdit::OtherKind(kind).into());
        }
    };
    let mut frames = BTreeMap::new();
    for index in cut::segments_to_read(&segments, keep) {
        frames.insert(index, recording.picture_times(index)?);
    }
    let has_sound = recording.tracks.audio.is_some();
    Ok(cut::plan(&segments, keep, covers, has_sound, &frames)?)
}

/// Renders a piece of the plan as one cluster, at its time of the output.
pub(crate) fn render_piece(
    recording: &SourceRecording<'_>,
    plan: &CutPlan,
    place: usize,
    progress: &RenderProgress,
) -> Result<Vec<u8>, RenderError> {
    let piece = &plan.pieces[place];
    let source = piece.source_ms();
    let (mut encoder, mut times) = (None, Vec::new());
    each_shot(recording, piece, |shot, picture| {
        if progress.is_cancelled() {
            return Err(RenderError::Cancelled);
        }
        let encoder = match &mut encoder {
            Some(encoder) => encoder,
            none @ None => none.insert(PictureEncoder::start(picture.width, picture.height)?),
        };
        times.push((shot.from_ms, shot.to_ms - shot.from_ms));
        encoder.push(picture, shot.from_ms - source.start)
    })?;
    let encoded = encoder.ok_or_else(|| failed("a piece without a picture"))?.finish()?;
    if encoded.len() != times.len() {
        return Err(failed("the VP9 encoder lost a picture"));
    }
    let at = |time_ms: u64| piece.at_ms() + (time_ms - source.start);
    let mut blocks: Vec<Block> = encoded
        .into_iter()
        .zip(times)
        .map(|(picture, (time_ms, duration_ms))| Block {
            track: Track::Video,
            time_ms: at(time_ms),
            keyframe: picture.keyframe,
            duration_ms: Some(duration_ms),
            data: picture.data,
        })
        .collect();
    if recording.tracks.audio.is_some() {
        let packets = joined_sound(recording, plan, place)?;
        blocks.extend(packets.into_iter().map(|(time_ms, data)| Block {
            track: Track::Audio,
            time_ms: at(time_ms),
            keyframe: true,
            duration_ms: None,
            data,
        }));
    }
    webm::cluster(&blocks).map_err(malformed)
}

/// Hands over each picture of a piece as it is shown, with its time in the source.
pub(crate) fn each_shot(
    recording: &SourceRecording<'_>,
    piece: &Piece,
    mut each: impl FnMut(&Shot, &mut Picture) -> Result<(), RenderError>,
) -> Result<(), RenderError> {
    let blocks = recording.blocks(piece.segment())?;
    let pictures: Vec<&Block> = blocks.iter().filter(|block| block.track == Track::Video).collect();
    let times: Vec<u64> = pictures.iter().map(|block| block.time_ms).collect();
    let segment = recording.list.iter().find(|one| one.index == piece.segment());
    let end_ms = segment.map_or(0, |segment| segment.start_ms + segment.duration_ms);
    let covers = match piece {
        Piece::Keep { .. } => &[][..],
        Piece::Render { covers, .. } => covers,
    };
    let shots = shots::shots(&times, end_ms, &piece.source_ms(), covers);
    let needed = shots.last().map_or(0, |shot| shot.picture + 1);
    let mut rest = shots.as_slice();
    let packets = pictures[..needed].iter().map(|block| block.data.as_slice());
    decode_pictures(packets, |number, mut picture| {
        while let Some((shot, after)) =
            rest.split_first().filter(|(shot, _)| shot.picture == number)
        {
            rest = after;
            if shot.covers.is_empty() {
                each(shot, &mut picture)?;
            } else {
                let mut covered = picture.clone();
                let touching = shot.covers.iter().map(|cover| &covers[*cover]);
                cover::cover(&mut covered, touching);
                each(shot, &mut covered)?;
            }
        }
        Ok(())
    })
}
