//! Scales pictures of a source that changes its size into the recording's size, with their aspect ratio
//! kept and black bars beside them: a video track has one size from its first picture to its last.
//!
//! GStreamer's converter does the scaling. It uses a cubic filter with as many taps as a smaller
//! picture needs, so that text stays readable.

use gstreamer as gst;
use gstreamer_video::{
    VideoConverter, VideoConverterConfig, VideoFormat, VideoFrameRef, VideoInfo,
    VideoResamplerMethod,
};
use snaplark_core::capture::CaptureError;

use super::picture::{BYTES_PER_PIXEL, PixelRect};

const OPAQUE_BLACK: u32 = 0xFF00_0000;

/// Fits pictures of any size into one size.
pub(super) struct Fit {
    size: (u32, u32),
    /// The scaler for pictures of the last size.
    scaler: Option<Scaler>,
}

struct Scaler {
    from: (u32, u32),
    into: PixelRect,
    converter: VideoConverter,
    input: (gst::Buffer, VideoInfo),
    output: (gst::Buffer, VideoInfo),
}

impl Fit {
    pub(super) fn new(size: (u32, u32)) -> Self {
        Fit { size, scaler: None }
    }

    /// Scales a picture of the size `from`, whose rows lie `stride_bytes` apart, into `own`, and
    /// returns where in it the picture is.
    pub(super) fn scale(
        &mut self,
        own: &mut [u8],
        picture: &[u8],
        stride_bytes: usize,
        from: (u32, u32),
    ) -> Result<PixelRect, CaptureError> {
        let size = self.size;
        let scaler = match self.scaler.take() {
            Some(scaler) if scaler.from == from => scaler,
            Some(_) | None => Scaler::new(from, size).map_err(failed)?,
        };
        let scaler = self.scaler.insert(scaler);
        scaler.run(own, picture, stride_bytes).map_err(failed)?;
        Ok(scaler.into)
    }
}

impl Scaler {
    fn new(from: (u32, u32), size: (u32, u32)) -> Result<Self, gst::glib::BoolError> {
        let into = fitted(from, size);
        let mut config = VideoConverterConfig::new();
        config.set_dest_x(into.x);
        config.set_dest_y(into.y);
        config.set_dest_width(Some(into.width.cast_signed()));
        config.set_dest_height(Some(into.height.cast_signed()));
        config.set_fill_border(true);
        config.set_border_argb(OPAQUE_BLACK);
        config.set_resampler_method(VideoResamplerMethod::Cubic);
        let side = |(width, height): (u32, u32)| {
            let info = VideoInfo::builder(VideoFormat::Bgrx, width, height).build()?;
            Ok::<_, gst::glib::BoolError>((gst::Buffer::with_size(info.size())?, info))
        };
        let (input, output) = (side(from)?, side(size)?);
        let converter = VideoConverter::new(&input.1, &output.1, Some(config))?;
        Ok(Scaler { from, into, converter, input, output })
    }

    fn run(
        &mut self,
        own: &mut [u8],
        picture: &[u8],
        stride_bytes: usize,
    ) -> Result<(), gst::glib::BoolError> {
        let (buffer, info) = &mut self.input;
        {
            let buffer = buffer.get_mut().ok_or_else(shared)?;
            let mut map = buffer.map_writable()?;
            let row_bytes = self.from.0 as usize * BYTES_PER_PIXEL;
            let rows = map.as_mut_slice().chunks_exact_mut(row_bytes);
            for (to, from) in rows.zip(picture.chunks(stride_bytes)) {
                to.copy_from_slice(&from[..row_bytes]);
            }
        }
        let input = VideoFrameRef::from_buffer_ref_readable(buffer, info)?;
        let (buffer, info) = &mut self.output;
        {
            let buffer = buffer.get_mut().ok_or_else(shared)?;
            let mut output = VideoFrameRef::from_buffer_ref_writable(buffer, info)?;
            self.converter.frame_ref(&input, &mut output);
            own.copy_from_slice(&output.plane_data(0)?[..own.len()]);
        }
        Ok(())
    }
}

/// Returns where a picture of the size `from` is in a picture of the size `size`: in its middle, as
/// large as its aspect allows.
pub(crate) fn fitted(from: (u32, u32), size: (u32, u32)) -> PixelRect {
    let [from_width, from_height, width, height] =
        [from.0, from.1, size.0, size.1].map(|side| u64::from(side.max(1)));
    // Finds the side that reaches the edge first, without dividing.
    let (into_width, into_height) = match from_width * height >= from_height * width {
        true => (width, (from_height * width + from_width / 2) / from_width),
        false => ((from_width * height + from_height / 2) / from_height, height),
    };
    let into_width = (into_width as u32).clamp(1, size.0);
    let into_height = (into_height as u32).clamp(1, size.1);
    PixelRect {
        x: ((size.0 - into_width) / 2).cast_signed(),
        y: ((size.1 - into_height) / 2).cast_signed(),
        width: into_width,
        height: into_height,
    }
}

fn shared() -> gst::glib::BoolError {
    gst::glib::bool_error!("a buffer of the scaler is in use")
}

fn failed(error: gst::glib::BoolError) -> CaptureError {
    CaptureError::PipelineFailed { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fitted_keeps_the_aspect_and_stays_inside() {
        let at = |from, size| {
            let PixelRect { x, y, width, height } = fitted(from, size);
            (x, y, width, height)
        };
        assert_eq!(at((400, 300), (200, 150)), (0, 0, 200, 150));
        assert_eq!(at((100, 50), (200, 150)), (0, 25, 200, 100));
        assert_eq!(at((50, 100), (200, 150)), (62, 0, 75, 150));
        assert_eq!(at((333, 77), (201, 151)), (0, 52, 201, 46));
        assert_eq!(at((1, 8_000), (640, 360)), (319, 0, 1, 360));
        assert_eq!(at((8_000, 1), (640, 360)), (0, 179, 640, 1));
    }

    #[test]
    fn scale_leaves_black_bars_beside_the_picture() {
        gst::init().unwrap();
        let size = (64, 48);
        let mut fit = Fit::new(size);
        let mut own = vec![7; 64 * 48 * BYTES_PER_PIXEL];
        // Wide, with odd sides, padding behind each row, and one color; then a tall one.
        for (from, colour) in [((101, 21), [200, 40, 90]), ((11, 97), [10, 250, 30])] {
            let stride_bytes = from.0 as usize * BYTES_PER_PIXEL + 12;
            let mut picture = vec![255; stride_bytes * from.1 as usize];
            for row in picture.chunks_mut(stride_bytes) {
                for pixel in row[..from.0 as usize * BYTES_PER_PIXEL].chunks_mut(4) {
                    pixel[..3].copy_from_slice(&colour);
                }
            }
            let into = fit.scale(&mut own, &picture, stride_bytes, from).unwrap();
            assert_eq!(into, fitted(from, size));
            for (n, pixel) in (0..).zip(own.chunks_exact(BYTES_PER_PIXEL)) {
                let at = PixelRect { x: n % 64, y: n / 64, width: 1, height: 1 };
                let expected = if at.common(into).is_some() { colour } else { [0; 3] };
                // The filter's weights are rounded.
                let far = pixel.iter().zip(expected).any(|(a, b)| a.abs_diff(b) > 5);
                assert!(!far, "{pixel:?} instead of {expected:?} at {at:?} of {into:?}");
            }
        }
    }
}
