//! Animations among the pictures: GIF, animated WebP and APNG.
//!
//! - A file's bytes stay as they are. What leaves is the same frames without metadata (`flatten::unchanged`), so it moves;
//!   with a drawing it is a still of the first frame, as every rendering is.
//! - Whether a picture moves, the name of its file says (`source.animated.gif`): the list of all pictures reads no files.

use std::path::Path;

use snaplark_core::render::{ANIMATION_FRAMES_MAX, ANIMATION_PIXELS_MAX};
use snaplark_formats::animation::frame_count;
use snaplark_formats::metadata::PictureError;
use snaplark_formats::sniff::MediaKind;
use snaplark_store::Item;

use super::rows::PictureRow;
use crate::FileRefusal;

/// Stands before the ending of an animation's file.
const MARK: &str = "animated";

/// Returns the number of frames. Of a picture that doesn't move, the header alone is read.
pub(super) fn frames(bytes: &[u8]) -> Result<u64, FileRefusal> {
    frame_count(bytes).map_err(|error| match error {
        PictureError::Unknown => FileRefusal::OtherType,
        PictureError::Cut | PictureError::Malformed => FileRefusal::CutOff,
    })
}

/// Returns whether a picture of so many frames of this size moves, or why it is refused.
pub(super) fn check(frames: u64, (width, height): (u32, u32)) -> Result<bool, FileRefusal> {
    let pixels = frames.saturating_mul(u64::from(width) * u64::from(height));
    match frames > ANIMATION_FRAMES_MAX || pixels > ANIMATION_PIXELS_MAX {
        // A still has a limit of its own.
        true if frames > 1 => Err(FileRefusal::AnimationTooLarge),
        true | false => Ok(frames > 1),
    }
}

/// Returns the ending of a picture's file.
pub(super) fn extension(media: MediaKind, is_animated: bool) -> String {
    match is_animated {
        true => format!("{MARK}.{}", media.name()),
        false => media.name().to_owned(),
    }
}

/// Returns whether a picture is an animation.
pub(super) fn is_one(item: &Item) -> bool {
    let stem = item.source.as_ref().and_then(|source| source.path.file_stem());
    stem.is_some_and(|stem| Path::new(stem).extension() == Some(MARK.as_ref()))
}

/// Returns whether it leaves as an animation: nothing is drawn on it.
pub(super) fn moves(row: &PictureRow) -> bool {
    is_one(&row.item) && row.edit.is_none() && !row.is_of_newer_form
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn animation_is_told_from_a_still_and_from_one_that_is_too_large() {
        assert_eq!(check(1, (32_768, 2_048)), Ok(false));
        assert_eq!(check(2, (320, 180)), Ok(true));
        assert_eq!(check(20_000, (320, 180)), Ok(true));
        assert_eq!(check(20_001, (320, 180)), Err(FileRefusal::AnimationTooLarge));
        assert_eq!(check(128, (8_192, 8_192)), Ok(true));
        assert_eq!(check(129, (8_192, 8_192)), Err(FileRefusal::AnimationTooLarge));
        assert_eq!(check(u64::MAX, (u32::MAX, u32::MAX)), Err(FileRefusal::AnimationTooLarge));
    }

    #[test]
    fn name_of_the_file_says_whether_it_moves() {
        assert_eq!(extension(MediaKind::Gif, true), "animated.gif");
        assert_eq!(extension(MediaKind::Png, false), "png");
    }
}
