//! PNG, JPEG, WebP and GIF, of animations the first frame -> pixels, turned as their EXIF orientation says.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use resvg::tiny_skia::{IntSize, Pixmap};
use snaplark_core::render::{PICTURE_PIXELS_MAX, PICTURE_SIDE_PX_MAX, RenderError};

use super::limited;

/// The most bytes that a decoder may allocate: eight for each pixel, as of a PNG with 16 bits a channel.
const DECODER_BYTES_MAX: u64 = PICTURE_PIXELS_MAX * 8;

/// Decodes a picture. The sizes in its header are checked before anything is allocated for them.
pub(crate) fn decode(source: &[u8]) -> Result<Pixmap, RenderError> {
    let mut decoder = open(source)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(not_a_picture)?;
    picture.apply_orientation(orientation);
    let picture = picture.into_rgba8();
    let (width, height) = picture.dimensions();
    let mut pixels = picture.into_raw();
    premultiply(&mut pixels);
    IntSize::from_wh(width, height)
        .and_then(|size| Pixmap::from_vec(pixels, size))
        .ok_or(RenderError::PictureTooLarge { width, height })
}

/// Returns width and height of a picture as it is shown.
pub(crate) fn size(source: &[u8]) -> Result<(u32, u32), RenderError> {
    let mut decoder = open(source)?;
    let (width, height) = decoder.dimensions();
    Ok(match decoder.orientation().unwrap_or(Orientation::NoTransforms) {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => (height, width),
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => (width, height),
    })
}

fn open(source: &[u8]) -> Result<impl ImageDecoder + '_, RenderError> {
    let format = image::guess_format(source).map_err(not_a_picture)?;
    let known = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif];
    if !known.contains(&format) {
        return Err(RenderError::NotAPicture { reason: format!("{format:?}") });
    }
    let mut reader = ImageReader::with_format(Cursor::new(source), format);
    let mut limits = Limits::no_limits();
    limits.max_image_width = Some(PICTURE_SIDE_PX_MAX);
    limits.max_image_height = Some(PICTURE_SIDE_PX_MAX);
    limits.max_alloc = Some(DECODER_BYTES_MAX);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(not_a_picture)?;
    let (width, height) = decoder.dimensions();
    limited(u64::from(width), u64::from(height))?;
    Ok(decoder)
}

fn not_a_picture(error: image::ImageError) -> RenderError {
    RenderError::NotAPicture { reason: error.to_string() }
}

fn premultiply(pixels: &mut [u8]) {
    for pixel in pixels.chunks_exact_mut(4) {
        let alpha = u32::from(pixel[3]);
        if alpha < 255 {
            for channel in &mut pixel[..3] {
                *channel = ((u32::from(*channel) * alpha + 127) / 255) as u8;
            }
        }
    }
}
