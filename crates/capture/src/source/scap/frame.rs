//! Converts scap's pictures to BGRx, four bytes a pixel, rows without padding. A picture's header is
//! not trusted: a picture with too little content for its size is skipped. So is one without a size,
//! which means that nothing changed.

use ::scap::frame::Frame;

use crate::policy::SIDE_PX_MAX;
use crate::source::picture::BYTES_PER_PIXEL;

/// The last valid picture.
#[derive(Default)]
pub(super) struct Bgrx(Vec<u8>);

/// The positions of a pixel's bytes.
struct PixelLayout {
    bytes: usize,
    blue: usize,
    green: usize,
    red: usize,
}

const BGR_: PixelLayout = PixelLayout { bytes: 4, blue: 0, green: 1, red: 2 };
const RGB_: PixelLayout = PixelLayout { bytes: 4, blue: 2, green: 1, red: 0 };
const _BGR: PixelLayout = PixelLayout { bytes: 4, blue: 1, green: 2, red: 3 };
const BGR: PixelLayout = PixelLayout { bytes: 3, blue: 0, green: 1, red: 2 };
const RGB: PixelLayout = PixelLayout { bytes: 3, blue: 2, green: 1, red: 0 };

impl Bgrx {
    pub(super) fn pixels(&self) -> &[u8] {
        &self.0
    }

    /// Converts a frame and returns its size. `None` if it holds nothing new.
    pub(super) fn of(&mut self, frame: &Frame) -> Option<(u32, u32)> {
        let (width, height) = match frame {
            Frame::YUVFrame(f) => (f.width, f.height),
            Frame::RGB(f) => (f.width, f.height),
            Frame::RGBx(f) => (f.width, f.height),
            Frame::XBGR(f) => (f.width, f.height),
            Frame::BGRx(f) => (f.width, f.height),
            Frame::BGR0(f) => (f.width, f.height),
            Frame::BGRA(f) => (f.width, f.height),
        };
        let side = |px: i32| u32::try_from(px).ok().filter(|px| (1..=SIDE_PX_MAX).contains(px));
        let size = (side(width)?, side(height)?);
        match frame {
            Frame::RGB(f) => self.copy(size, &f.data, &RGB),
            Frame::RGBx(f) => self.copy(size, &f.data, &RGB_),
            Frame::XBGR(f) => self.copy(size, &f.data, &_BGR),
            Frame::BGRx(f) => self.copy(size, &f.data, &BGR_),
            Frame::BGR0(f) => self.copy(size, &f.data, &BGR),
            Frame::BGRA(f) => self.copy(size, &f.data, &BGR_),
            Frame::YUVFrame(f) => {
                let stride = |bytes: i32| usize::try_from(bytes).ok();
                let luma = Plane::of(&f.luminance_bytes, stride(f.luminance_stride)?);
                let chroma = Plane::of(&f.chrominance_bytes, stride(f.chrominance_stride)?);
                self.compute(size, &luma, &chroma)
            }
        }?;
        Some(size)
    }

    fn copy(&mut self, size: (u32, u32), data: &[u8], layout: &PixelLayout) -> Option<()> {
        let (width, height) = (size.0 as usize, size.1 as usize);
        let row_bytes = width * layout.bytes;
        if data.len() < row_bytes * height {
            return None;
        }
        // scap returns the buffer in its full length, but not the stride.
        let stride_bytes =
            if data.len().is_multiple_of(height) { data.len() / height } else { row_bytes };
        self.0.resize(width * height * BYTES_PER_PIXEL, 0);
        let own_bytes = width * BYTES_PER_PIXEL;
        for (to, from) in self.0.chunks_exact_mut(own_bytes).zip(data.chunks(stride_bytes)) {
            if layout.bytes == BYTES_PER_PIXEL && layout.blue == 0 {
                to.copy_from_slice(&from[..row_bytes]);
                continue;
            }
            let pixels = from[..row_bytes].chunks_exact(layout.bytes);
            for (to, from) in to.chunks_exact_mut(BYTES_PER_PIXEL).zip(pixels) {
                to.copy_from_slice(&[from[layout.blue], from[layout.green], from[layout.red], 0]);
            }
        }
        Some(())
    }

    /// Converts from BT.709, video range, with one pair of chroma values for four pixels.
    fn compute(&mut self, size: (u32, u32), luma: &Plane<'_>, chroma: &Plane<'_>) -> Option<()> {
        let (width, height) = (size.0 as usize, size.1 as usize);
        if !luma.holds(width, height)
            || !chroma.holds(width.next_multiple_of(2), height.div_ceil(2))
        {
            return None;
        }
        self.0.resize(width * height * BYTES_PER_PIXEL, 0);
        for (n, to) in self.0.chunks_exact_mut(BYTES_PER_PIXEL).enumerate() {
            let (x, y) = (n % width, n / width);
            let pair = y / 2 * chroma.stride_bytes + x / 2 * 2;
            let luma = 1.164 * (f32::from(luma.bytes[y * luma.stride_bytes + x]) - 16.0);
            let [u, v] = [pair, pair + 1].map(|place| f32::from(chroma.bytes[place]) - 128.0);
            let blue = luma + 2.112 * u;
            let green = luma - 0.213 * u - 0.533 * v;
            let red = luma + 1.793 * v;
            // The cast clamps values that are out of range.
            to.copy_from_slice(&[blue as u8, green as u8, red as u8, 0]);
        }
        Some(())
    }
}

struct Plane<'a> {
    bytes: &'a [u8],
    stride_bytes: usize,
}

impl<'a> Plane<'a> {
    fn of(bytes: &'a [u8], stride_bytes: usize) -> Self {
        Plane { bytes, stride_bytes }
    }

    fn holds(&self, row_bytes: usize, rows: usize) -> bool {
        self.stride_bytes >= row_bytes
            && self.bytes.len() >= self.stride_bytes * (rows - 1) + row_bytes
    }
}

#[cfg(test)]
mod tests {
    use ::scap::frame::*;

    use super::*;

    const BLUE: [u8; 3] = [200, 30, 10];

    /// 2 x 2 pixels of one color, in all of scap's formats.
    fn all(width: i32, height: i32) -> Vec<Frame> {
        let [b, g, r] = BLUE;
        let four = |pixel: [u8; 4]| pixel.repeat(4);
        let three = |pixel: [u8; 3]| pixel.repeat(4);
        let display_time = 0;
        vec![
            Frame::RGB(RGBFrame { display_time, width, height, data: three([r, g, b]) }),
            Frame::RGBx(RGBxFrame { display_time, width, height, data: four([r, g, b, 9]) }),
            Frame::XBGR(XBGRFrame { display_time, width, height, data: four([9, b, g, r]) }),
            Frame::BGRx(BGRxFrame { display_time, width, height, data: four([b, g, r, 9]) }),
            Frame::BGR0(BGRFrame { display_time, width, height, data: three([b, g, r]) }),
            Frame::BGRA(BGRAFrame { display_time, width, height, data: four([b, g, r, 255]) }),
            Frame::YUVFrame(YUVFrame {
                display_time,
                width,
                height,
                // By BT.709's formulas, from the color above.
                luminance_bytes: [49, 49, 7, 49, 49, 7].to_vec(),
                luminance_stride: 3,
                chrominance_bytes: [205, 112].to_vec(),
                chrominance_stride: 2,
            }),
        ]
    }

    #[test]
    fn bgrx_is_the_same_from_every_format() {
        for frame in all(2, 2) {
            let mut bgrx = Bgrx::default();
            assert_eq!(bgrx.of(&frame), Some((2, 2)), "{frame:?}");
            assert_eq!(bgrx.pixels().len(), 16);
            for pixel in bgrx.pixels().chunks_exact(4) {
                for (is, wanted) in pixel.iter().zip(BLUE) {
                    assert!(is.abs_diff(wanted) <= 3, "{pixel:?} of {frame:?}");
                }
            }
        }
    }

    #[test]
    fn bgrx_skips_frames_that_are_too_short_or_have_no_size() {
        for (width, height) in [(0, 0), (2, 0), (-2, 2), (3, 2), (2, 3), (i32::MAX, i32::MAX)] {
            for frame in all(width, height) {
                assert_eq!(Bgrx::default().of(&frame), None, "{width} x {height} of {frame:?}");
            }
        }
    }

    #[test]
    fn bgrx_removes_the_padding_of_rows() {
        let data = [[1, 2, 3, 4, 0, 0, 0, 0], [5, 6, 7, 8, 0, 0, 0, 0]].concat();
        let frame = BGRxFrame { display_time: 0, width: 1, height: 2, data };
        let mut bgrx = Bgrx::default();
        assert_eq!(bgrx.of(&Frame::BGRx(frame)), Some((1, 2)));
        assert_eq!(bgrx.pixels(), [1, 2, 3, 4, 5, 6, 7, 8]);
    }
}
