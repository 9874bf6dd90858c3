//! Holds what GIF and WebP animations share: pictures at a low rate, of which each writes only what changed; and the
//! estimate of their size.

use std::fs::File;
use std::io::{BufWriter, Seek, Write};

use snaplark_core::render::RenderError;

use super::pictures::{Rgba, ShownPicture, each_picture, rgba};
use super::{ANIMATION_FPS, Export, ExportTarget};
use crate::codec::failed;
use crate::cut;

/// How many pictures are looked at for the colors of all.
const SAMPLES_MAX: usize = 24;
/// How many pieces are encoded for an estimate, and how much of an animation they stand for at most.
const ESTIMATED_PIECES_MAX: usize = 4;

/// The file to which an animation is written.
pub(super) trait Output: Write + Seek {}
impl<T: Write + Seek> Output for T {}

/// A writer of animations.
pub(super) trait AnimationWriter {
    /// Returns whether it wants samples of the pictures first.
    fn wants_samples(&self) -> bool;

    /// Takes samples of the pictures, all of one size.
    fn prepare(&mut self, samples: &[Rgba]);

    /// Writes what comes before the first picture.
    fn begin(&mut self, to: &mut dyn Output, size: (u32, u32)) -> Result<(), RenderError>;

    /// Writes a picture, which is shown for so long.
    fn picture(
        &mut self,
        to: &mut dyn Output,
        picture: &Rgba,
        from_ms: u64,
        to_ms: u64,
    ) -> Result<(), RenderError>;

    /// Writes what comes after the last picture.
    fn end(&mut self, to: &mut dyn Output) -> Result<(), RenderError>;
}

/// Writes the animation of an edit.
pub(super) fn write(
    export: &Export<'_>,
    target: &ExportTarget,
    writer: &mut dyn AnimationWriter,
) -> Result<(), RenderError> {
    if writer.wants_samples() {
        writer.prepare(&samples(export, SAMPLES_MAX)?);
    }
    let mut file: BufWriter<File> = BufWriter::new(target.handle()?);
    let width = export.options.width;
    let mut begun = false;
    each_picture(export, Some(fps(export)), |ShownPicture { from_ms, to_ms, picture }| {
        let picture = rgba(&picture, width)?;
        if !begun {
            writer.begin(&mut file, (picture.width, picture.height))?;
            begun = true;
        }
        writer.picture(&mut file, &picture, from_ms, to_ms)
    })?;
    writer.end(&mut file)?;
    file.flush().map_err(|error| target.unwritable(error))
}

/// Estimates the size of the animation: some pieces, spread over the edit, are encoded and counted. What the first
/// picture of a piece takes is counted once only, because later pictures write only what changed.
pub(super) fn size<W: AnimationWriter>(
    export: &Export<'_>,
    open: impl Fn() -> W,
) -> Result<u64, RenderError> {
    let samples = samples(export, SAMPLES_MAX / 2)?;
    let pieces = &export.plan.pieces;
    let step = pieces.len().div_ceil(ESTIMATED_PIECES_MAX).max(1);
    let (mut first_bytes, mut later_bytes, mut sampled_ms) = (0, 0, 0);
    for piece in pieces.iter().step_by(step) {
        let mut writer = open();
        writer.prepare(&samples);
        let mut out = std::io::Cursor::new(Vec::new());
        let (mut first, mut last_end_ms) = (None, 0);
        let (mut begun, source) = (false, piece.source_ms());
        let fps = fps(export);
        cut::each_shot(&export.recording, piece, |shot, picture| {
            let at = |time_ms: u64| time_ms - source.start;
            let (from_ms, to_ms) = (at(shot.from_ms), at(shot.to_ms));
            let Some(from_ms) = super::pictures::tick(Some(fps), from_ms, to_ms) else {
                return Ok(());
            };
            let picture = rgba(picture, export.options.width)?;
            if !begun {
                writer.begin(&mut out, (picture.width, picture.height))?;
                begun = true;
            }
            writer.picture(&mut out, &picture, from_ms.max(last_end_ms), to_ms)?;
            last_end_ms = to_ms;
            first.get_or_insert(out.get_ref().len());
            Ok(())
        })?;
        if begun {
            writer.end(&mut out)?;
        }
        let first = first.unwrap_or(0);
        first_bytes = first_bytes.max(first as u64);
        later_bytes += (out.get_ref().len() - first) as u64;
        sampled_ms += piece.duration_ms();
    }
    let scaled = u128::from(later_bytes) * u128::from(export.plan.duration_ms())
        / u128::from(sampled_ms.max(1));
    Ok(first_bytes + u64::try_from(scaled).unwrap_or(u64::MAX))
}

fn fps(export: &Export<'_>) -> u32 {
    export.options.fps.unwrap_or(ANIMATION_FPS)
}

/// Returns the first pictures of pieces that are spread over the edit.
fn samples(export: &Export<'_>, most: usize) -> Result<Vec<Rgba>, RenderError> {
    let pieces = &export.plan.pieces;
    let step = pieces.len().div_ceil(most).max(1);
    let mut samples = Vec::new();
    for piece in pieces.iter().step_by(step) {
        export.check()?;
        let mut taken = 0;
        let wanted = if pieces.len() * 2 <= most { usize::MAX } else { 1 };
        let mut since = 0;
        let done = cut::each_shot(&export.recording, piece, |_, picture| {
            if taken >= wanted {
                return Err(RenderError::Cancelled);
            }
            if since % 15 == 0 {
                samples.push(rgba(picture, export.options.width)?);
                taken += 1;
            }
            since += 1;
            Ok(())
        });
        match done {
            Ok(()) => {}
            // The first picture was enough.
            Err(RenderError::Cancelled) if taken > 0 && !export.progress.is_cancelled() => {}
            Err(error) => return Err(error),
        }
        if samples.len() >= most {
            break;
        }
    }
    match samples.is_empty() {
        true => Err(failed("the edit has no picture")),
        false => Ok(samples),
    }
}

/// A rectangle of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Changed {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

/// Returns the smallest rectangle with all changed pixels; `None` if nothing changed.
pub(super) fn changed(
    width: usize,
    height: usize,
    is_changed: impl Fn(usize, usize) -> bool,
) -> Option<Changed> {
    let row_changed = |y: &usize| (0..width).any(|x| is_changed(x, *y));
    let top = (0..height).find(row_changed)?;
    let bottom = (top..height).rev().find(row_changed)?;
    let (mut left, mut right) = (width - 1, 0);
    for y in top..=bottom {
        left = (0..left).find(|x| is_changed(*x, y)).unwrap_or(left);
        right = (right + 1..width).rev().find(|x| is_changed(*x, y)).unwrap_or(right);
    }
    // A single changed column is both.
    let right = right.max(left);
    Some(Changed { left, top, width: right - left + 1, height: bottom - top + 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_is_the_smallest_rectangle_of_all_changes() {
        let of = |points: &[(usize, usize)]| changed(9, 7, |x, y| points.contains(&(x, y)));
        assert_eq!(of(&[]), None);
        let rect = |left, top, width, height| Some(Changed { left, top, width, height });
        assert_eq!(of(&[(0, 0)]), rect(0, 0, 1, 1));
        assert_eq!(of(&[(8, 6)]), rect(8, 6, 1, 1));
        assert_eq!(of(&[(3, 2), (5, 4), (4, 1)]), rect(3, 1, 3, 4));
        assert_eq!(of(&[(0, 3), (8, 3)]), rect(0, 3, 9, 1));
    }
}
