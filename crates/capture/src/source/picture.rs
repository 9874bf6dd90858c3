//! Rectangles, and pictures of four bytes a pixel.

use snaplark_core::capture::CaptureError;
pub(crate) use snaplark_core::still::PixelRect;

use super::missing;
use crate::policy::{SIDE_PX_MAX, SIDE_PX_MIN};

pub(crate) const BYTES_PER_PIXEL: usize = 4;

/// Checks that a picture of that size can be encoded.
pub(crate) fn check_size((width, height): (u32, u32)) -> Result<(), CaptureError> {
    if width.min(height) >= SIDE_PX_MIN && width.max(height) <= SIDE_PX_MAX {
        return Ok(());
    }
    Err(missing(&format!(
        "{width} x {height} pixels can't be recorded, only {SIDE_PX_MIN} to {SIDE_PX_MAX} on each side"
    )))
}

/// Copies `rect`'s rows, each `stride_bytes` after the one before, to that position of a picture which
/// is black elsewhere.
pub(crate) fn set_on_black(
    own: &mut [u8],
    size: (u32, u32),
    picture: &[u8],
    stride_bytes: usize,
    rect: PixelRect,
    at: (u32, u32),
) {
    if (rect.width, rect.height) != size {
        own.fill(0);
    }
    copy_rows(own, size, picture, stride_bytes, rect, at);
}

/// Copies `rect`'s rows, each `stride_bytes` after the one before, to that position of a picture, and leaves the rest as
/// it is.
pub(crate) fn copy_rows(
    own: &mut [u8],
    size: (u32, u32),
    picture: &[u8],
    stride_bytes: usize,
    rect: PixelRect,
    at: (u32, u32),
) {
    let row_bytes = rect.width as usize * BYTES_PER_PIXEL;
    let own_stride = size.0 as usize * BYTES_PER_PIXEL;
    let start = at.1 as usize * own_stride + at.0 as usize * BYTES_PER_PIXEL;
    let rows = own[start..].chunks_mut(own_stride).zip(picture.chunks(stride_bytes));
    for (to, from) in rows.take(rect.height as usize) {
        to[..row_bytes].copy_from_slice(&from[..row_bytes]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_on_black_fills_the_rest_with_black() {
        let mut own = vec![9; 3 * 2 * BYTES_PER_PIXEL];
        let rect = PixelRect { x: 0, y: 0, width: 1, height: 1 };
        // The bytes after the first pixel of each row are padding.
        set_on_black(&mut own, (3, 2), &[1, 2, 3, 4, 7, 7, 7, 7], 8, rect, (2, 1));
        assert_eq!(own[..20], [0; 20]);
        assert_eq!(own[20..], [1, 2, 3, 4]);
    }
}
