//! Pictures as they leave the program: every tool against a kept picture, what is hidden, the formats, random
//! drawings, and what is read from pictures. Through the port, as the app uses it.

#![allow(clippy::unwrap_used)]

mod animations;
mod canvas;
mod covering;
mod formats;
mod random;
mod recognition;
mod tools;

use std::io::Cursor;

use image::{ExtendedColorType, ImageEncoder as _, RgbaImage};
use snaplark_core::edit::{Area, Canvas, Drawing, Point, Rgb, Shape, ShapeKind};
use snaplark_core::render::{
    PictureFormat, PictureRecipe, Render as _, RenderError, RenderProgress,
};
use snaplark_render::SystemRender;

/// All formats of the export.
pub(crate) const FORMATS: [PictureFormat; 3] =
    [PictureFormat::Png, PictureFormat::Jpeg { quality: 90 }, PictureFormat::WebpLossless];

/// Returns the exported picture.
pub(crate) fn export(
    source: &[u8],
    drawing: &Drawing,
    format: PictureFormat,
) -> Result<Vec<u8>, RenderError> {
    let recipe = PictureRecipe { source, drawing, format };
    SystemRender.picture(&recipe, &RenderProgress::default())
}

/// Returns the pixels of the exported PNG.
pub(crate) fn pixels(source: &[u8], drawing: &Drawing) -> RgbaImage {
    decoded(&export(source, drawing, PictureFormat::Png).unwrap())
}

pub(crate) fn decoded(file: &[u8]) -> RgbaImage {
    image::load_from_memory(file).unwrap().into_rgba8()
}

/// Returns a picture as a PNG file.
pub(crate) fn png_of(picture: &RgbaImage) -> Vec<u8> {
    let mut file = Vec::new();
    image::codecs::png::PngEncoder::new(Cursor::new(&mut file))
        .write_image(picture, picture.width(), picture.height(), ExtendedColorType::Rgba8)
        .unwrap();
    file
}

/// Returns an opaque picture with soft colors and sharp edges.
pub(crate) fn pattern(width: u32, height: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, y| {
        let stripe = if (x / 9 + y / 7) % 2 == 0 { 40 } else { 0 };
        let red = 180 + (x * 35 / width) as u8 + stripe;
        let green = 190 + (y * 25 / height) as u8 + stripe;
        image::Rgba([red, green, 215 + stripe, 255])
    })
}

/// Returns the same picture with other pixels in an area, by a fixed sequence.
pub(crate) fn altered(picture: &RgbaImage, area: Area, seed: u32) -> RgbaImage {
    let mut altered = picture.clone();
    let mut state = seed | 1;
    let Some(area) = area.within(picture.width(), picture.height()) else { return altered };
    for y in 0..area.height {
        for x in 0..area.width {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [a, b, c, _] = state.to_be_bytes();
            let at = (area.x.cast_unsigned() + x, area.y.cast_unsigned() + y);
            altered.put_pixel(at.0, at.1, image::Rgba([a, b, c, 255]));
        }
    }
    altered
}

pub(crate) fn drawing(kinds: Vec<ShapeKind>) -> Drawing {
    let shapes = (1..).zip(kinds).map(|(id, kind)| Shape { id, kind }).collect();
    Drawing { canvas: Canvas::default(), shapes }
}

pub(crate) fn area(x: i32, y: i32, width: u32, height: u32) -> Area {
    Area { x, y, width, height }
}

pub(crate) fn point(x: i32, y: i32) -> Point {
    Point { x, y }
}

pub(crate) const RED: Rgb = Rgb([255, 59, 48]);
