//! Removes metadata from pictures: where, when and with what a picture was taken, comments, embedded
//! thumbnails, and everything behind the picture's end.
//!
//! A list names what stays; everything else goes, also what nobody knows. Pixels are not decoded: the
//! compressed data is copied byte by byte. What stays is what changes how the picture looks: color
//! (ICC profiles, gamma), transparency, animation, the density of pixels, and the orientation of
//! cameras, as an EXIF record of that one number. Without it, a photo would lie on its side.
//!
//! | Format | Stays | Goes |
//! |---|---|---|
//! | PNG | the picture, color, transparency, `pHYs`, animation | `tEXt`, `zTXt`, `iTXt`, `tIME`, `eXIf`, others |
//! | JPEG | tables, scans, JFIF, ICC, Adobe's APP14 | EXIF, XMP, other APPn, comments |
//! | WebP | `VP8 `, `VP8L`, `ALPH`, `ANIM`, `ANMF`, `ICCP` | `EXIF`, `XMP `, others |
//! | GIF | pictures, their timing, the number of repetitions | comments, plain text, other applications |
//!
//! The result doesn't depend on anything but the bytes, and cleaning it again changes nothing.

mod exif;
pub(crate) mod gif;
mod jpeg;
pub(crate) mod png;
pub(crate) mod webp;

use thiserror::Error;

use crate::sniff::MediaKind;

/// A reason why a picture can't be taken apart.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PictureError {
    /// The bytes don't begin like a picture of an accepted type.
    #[error("it is no picture of a known type")]
    Unknown,
    /// The file is cut off.
    #[error("the picture ends early")]
    Cut,
    /// The structure contradicts the format.
    #[error("the picture is not well formed")]
    Malformed,
}

/// Returns the picture without its metadata. The size of the result is at most that of the picture,
/// plus a record of the orientation.
pub fn without_metadata(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    match MediaKind::of_bytes(bytes) {
        Some(MediaKind::Png) => png::clean(bytes),
        Some(MediaKind::Jpeg) => jpeg::clean(bytes),
        Some(MediaKind::Webp) => webp::clean(bytes),
        Some(MediaKind::Gif) => gif::clean(bytes),
        Some(
            MediaKind::Webm | MediaKind::Mkv | MediaKind::Mp4 | MediaKind::Mov | MediaKind::Unknown,
        )
        | None => Err(PictureError::Unknown),
    }
}

/// Returns whether a JPEG that [`without_metadata`] returned is shown turned by a quarter, so that its
/// width is the height of its data. Reads only the beginning. Other types are shown as they lie by some
/// browsers and turned by others, so they count as not turned.
pub fn is_turned(bytes: &[u8]) -> bool {
    let orientation = match MediaKind::of_bytes(bytes) {
        Some(MediaKind::Jpeg) => jpeg::orientation(bytes),
        Some(_) | None => None,
    };
    orientation.is_some_and(|orientation| orientation >= exif::FIRST_TURNED)
}

/// Reads bytes from the front. Every read is checked against the end.
#[derive(Clone, Copy, Debug)]
struct ByteReader<'a> {
    left: &'a [u8],
}

impl<'a> ByteReader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], PictureError> {
        let (taken, left) = self.left.split_at_checked(count).ok_or(PictureError::Cut)?;
        self.left = left;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PictureError> {
        self.take(N)?.try_into().map_err(|_| PictureError::Cut)
    }

    fn byte(&mut self) -> Result<u8, PictureError> {
        Ok(self.array::<1>()?[0])
    }
}

#[cfg(test)]
mod tests;
