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

/// Returns whether a picture of this size moves, or why such an animation is refused. Of a picture that doesn't move, the
/// header alone is read.
pub(super) fn check(bytes: &[u8], (width, height): (u32, u32)) -> Result<bool, FileRefusal> {
    let frames = frame_count(bytes).map_err(|error| match error {
        PictureError::Unknown => FileRefusal::OtherType,
        PictureError::Cut | PictureError::Malformed => FileRefusal::CutOff,
    })?;
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

    fn gif(frames: usize) -> Vec<u8> {
        let frame = b"\x21\xF9\x04\0\0\0\0\0\x2C\0\0\0\0\x40\x01\xB4\0\0\x02\x03abc\x02de\0";
        [b"GIF89a\x40\x01\xB4\0\x80\0\0".as_slice(), &[0; 6], &frame.repeat(frames), b";"].concat()
    }

    #[test]
    fn animation_is_told_from_a_still_and_from_one_that_is_too_large() {
        assert_eq!(check(&gif(1), (320, 180)), Ok(false));
        assert_eq!(check(&gif(2), (320, 180)), Ok(true));
        assert_eq!(check(&gif(20_000), (320, 180)), Ok(true));
        assert_eq!(check(&gif(20_001), (320, 180)), Err(FileRefusal::AnimationTooLarge));
        // 8,192 x 8,192 pixels, 128 times.
        assert_eq!(check(&gif(128), (8_192, 8_192)), Ok(true));
        assert_eq!(check(&gif(129), (8_192, 8_192)), Err(FileRefusal::AnimationTooLarge));
        let whole = gif(3);
        assert_eq!(check(&whole[..whole.len() - 5], (320, 180)), Err(FileRefusal::CutOff));
    }
}
