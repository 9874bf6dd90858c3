//! Rectangles, and pictures of four bytes a pixel.

use snaplark_core::capture::CaptureError;

use super::missing;
use crate::policy::{SIDE_PX_MAX, SIDE_PX_MIN};

pub const BYTES_PER_PIXEL: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rect {
    pub x: i32,
    pub y: i32,
    pub width: u32,
    pub height: u32,
}

impl Rect {
    /// Returns the intersection. `None` if the rectangles do not overlap.
    pub fn common(self, other: Rect) -> Option<Rect> {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let end = |start: i32, length: u32| i64::from(start) + i64::from(length);
        let right = end(self.x, self.width).min(end(other.x, other.width));
        let bottom = end(self.y, self.height).min(end(other.y, other.height));
        let width = u32::try_from(right - i64::from(x)).ok()?;
        let height = u32::try_from(bottom - i64::from(y)).ok()?;
        (width > 0 && height > 0).then_some(Rect { x, y, width, height })
    }

    pub fn bytes(self) -> usize {
        self.width as usize * self.height as usize * BYTES_PER_PIXEL
    }
}

/// Checks that a picture of that size can be encoded.
pub fn check_size((width, height): (u32, u32)) -> Result<(), CaptureError> {
    if width.min(height) >= SIDE_PX_MIN && width.max(height) <= SIDE_PX_MAX {
        return Ok(());
    }
    Err(missing(&format!(
        "{width} x {height} pixels can't be recorded, only {SIDE_PX_MIN} to {SIDE_PX_MAX} on each side"
    )))
}

/// Copies `rect`'s rows, each `stride_bytes` after the one before, to that position of a picture which
/// is black elsewhere.
pub fn set_on_black(
    own: &mut [u8],
    size: (u32, u32),
    picture: &[u8],
    stride_bytes: usize,
    rect: Rect,
    at: (u32, u32),
) {
    if (rect.width, rect.height) != size {
        own.fill(0);
    }
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
    fn what_rectangles_have_in_common() {
        let screen = Rect { x: 0, y: 0, width: 100, height: 50 };
        let at = |x, y| Rect { x, y, width: 30, height: 30 }.common(screen);
        assert_eq!(at(10, 10), Some(Rect { x: 10, y: 10, width: 30, height: 30 }));
        assert_eq!(at(-10, 40), Some(Rect { x: 0, y: 40, width: 20, height: 10 }));
        assert_eq!(at(100, 0), None);
        assert_eq!(at(-30, 0), None);
        let endless = Rect { x: i32::MIN, y: 0, width: u32::MAX, height: u32::MAX };
        assert_eq!(endless.common(screen), Some(Rect { width: 100, ..screen }));
    }

    #[test]
    fn a_smaller_picture_stands_on_black() {
        let mut own = vec![9; 3 * 2 * BYTES_PER_PIXEL];
        let rect = Rect { x: 0, y: 0, width: 1, height: 1 };
        // The bytes after the first pixel of each row are padding.
        set_on_black(&mut own, (3, 2), &[1, 2, 3, 4, 7, 7, 7, 7], 8, rect, (2, 1));
        assert_eq!(own[..20], [0; 20]);
        assert_eq!(own[20..], [1, 2, 3, 4]);
    }
}
