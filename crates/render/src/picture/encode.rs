//! Pixels -> PNG, JPEG, WebP. Nothing but pixels is written: no text, time, profile or EXIF.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use resvg::tiny_skia::Pixmap;
use snaplark_core::render::{PictureFormat, RenderError};

use super::png_file;

/// Encodes a picture.
pub(super) fn encode(picture: Pixmap, format: PictureFormat) -> Result<Vec<u8>, RenderError> {
    let (width, height) = (picture.width(), picture.height());
    let is_opaque = picture.data().chunks_exact(4).all(|pixel| pixel[3] == 255);
    let mut bytes = Vec::new();
    let encoded = match format {
        PictureFormat::Png => {
            return png_file::encode(picture, is_opaque)
                .map_err(|error| RenderError::NotEncoded { reason: error.to_string() });
        }
        PictureFormat::Jpeg { quality } => JpegEncoder::new_with_quality(
            &mut bytes,
            quality.clamp(1, 100),
        )
        .write_image(&rgb_on_white(&picture), width, height, ExtendedColorType::Rgb8),
        PictureFormat::WebpLossless => {
            let encoder = WebPEncoder::new_lossless(&mut bytes);
            match is_opaque {
                true => encoder.write_image(
                    &rgb_on_white(&picture),
                    width,
                    height,
                    ExtendedColorType::Rgb8,
                ),
                false => encoder.write_image(
                    &picture.take_demultiplied(),
                    width,
                    height,
                    ExtendedColorType::Rgba8,
                ),
            }
        }
    };
    encoded.map_err(|error| RenderError::NotEncoded { reason: error.to_string() })?;
    Ok(bytes)
}

/// Returns red, green and blue of each pixel, above white. The channels are premultiplied.
fn rgb_on_white(picture: &Pixmap) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(picture.data().len() / 4 * 3);
    for pixel in picture.data().chunks_exact(4) {
        let white = 255 - pixel[3];
        // No sum overflows: a premultiplied channel is at most its alpha.
        let above_white = |channel: u8| channel.saturating_add(white);
        rgb.extend([above_white(pixel[0]), above_white(pixel[1]), above_white(pixel[2])]);
    }
    rgb
}
