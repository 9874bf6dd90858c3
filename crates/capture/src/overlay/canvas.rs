//! A copy of the source's picture that can be painted on and restored.

use crate::source::picture::{BYTES_PER_PIXEL, PixelRect};

pub(super) struct Canvas {
    size: (u32, u32),
    /// BGRx. Empty if no picture was set.
    pixels: Vec<u8>,
    /// The original pixels of each painted rectangle, in painting order.
    covered: Vec<(PixelRect, Vec<u8>)>,
}

/// One pixel of what is painted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ink {
    /// Blue, green, red.
    pub colour: [u8; 3],
    /// The opacity, of 255. At 0 the pixel under it is unchanged.
    pub cover: u8,
}

impl Canvas {
    pub(super) fn new(size: (u32, u32)) -> Self {
        Canvas { size, pixels: Vec::new(), covered: Vec::new() }
    }

    pub(super) fn size(&self) -> (u32, u32) {
        self.size
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    pub(super) fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    pub(super) fn clear(&mut self) {
        self.pixels.clear();
        self.covered.clear();
    }

    pub(super) fn set(&mut self, picture: &[u8]) {
        self.clear();
        self.pixels.extend_from_slice(picture);
    }

    /// Restores the picture as it was set.
    pub(super) fn uncover(&mut self) {
        while let Some((rect, under)) = self.covered.pop() {
            let row_bytes = rect.width as usize * BYTES_PER_PIXEL;
            for (row, under) in under.chunks_exact(row_bytes).enumerate() {
                let start = self.start_of(rect, row);
                self.pixels[start..start + row_bytes].copy_from_slice(under);
            }
        }
    }

    /// Paints the visible part of the rectangle. `ink` returns each pixel, with coordinates from the
    /// rectangle's corner.
    pub(super) fn paint(&mut self, rect: PixelRect, ink: impl Fn(u32, u32) -> Ink) {
        let whole = PixelRect { x: 0, y: 0, width: self.size.0, height: self.size.1 };
        let Some(seen) = rect.common(whole) else { return };
        let (left, top) = ((seen.x - rect.x) as u32, (seen.y - rect.y) as u32);
        let row_bytes = seen.width as usize * BYTES_PER_PIXEL;
        let mut covered = Vec::with_capacity(seen.bytes());
        for row in 0..seen.height {
            let start = self.start_of(seen, row as usize);
            let pixels = &mut self.pixels[start..start + row_bytes];
            covered.extend_from_slice(pixels);
            for (column, under) in (0..).zip(pixels.as_chunks_mut::<BYTES_PER_PIXEL>().0) {
                let Ink { colour, cover } = ink(left + column, top + row);
                let [blue, green, red, _] = *under;
                under[..3].copy_from_slice(&mix([blue, green, red], colour, cover));
            }
        }
        self.covered.push((seen, covered));
    }

    fn start_of(&self, rect: PixelRect, row: usize) -> usize {
        ((rect.y as usize + row) * self.size.0 as usize + rect.x as usize) * BYTES_PER_PIXEL
    }
}

/// Mixes two colors: `part` of 255 of the second, the rest of the first.
pub(super) fn mix(from: [u8; 3], to: [u8; 3], part: u8) -> [u8; 3] {
    match part {
        0 => from,
        255 => to,
        part => {
            let part = u32::from(part);
            std::array::from_fn(|n| {
                ((u32::from(from[n]) * (255 - part) + u32::from(to[n]) * part + 127) / 255) as u8
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canvas_clips_at_the_edges_and_restores_the_picture() {
        let mut canvas = Canvas::new((3, 2));
        canvas.set(&[100; 24]);
        let half = |_, _| Ink { colour: [0, 200, 255], cover: 128 };
        canvas.paint(PixelRect { x: -1, y: 1, width: 2, height: 5 }, half);
        canvas.paint(PixelRect { x: 0, y: 0, width: 1, height: 2 }, half);
        let pixel = |n: usize| canvas.pixels()[n * 4..n * 4 + 4].to_vec();
        assert_eq!(pixel(0), [50, 150, 178, 100]);
        assert_eq!(pixel(3), [25, 175, 217, 100]);
        assert!([1, 2, 4, 5].into_iter().all(|n| pixel(n) == [100; 4]));
        canvas.uncover();
        assert_eq!(canvas.pixels(), [100; 24]);
    }
}
