//! Changes the picture as a whole: crop, quarter turns, width, background.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x4;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use resvg::tiny_skia::Pixmap;
use snaplark_core::edit::{Background, Canvas, Paint, Rgb};
use snaplark_core::render::RenderError;

use super::{blank, draw, limited};

/// The opacity of the shadow's darkest place.
const SHADOW_OPACITY: f32 = 0.4;

/// Applies the canvas in the order of its fields.
pub(super) fn apply(picture: Pixmap, canvas: &Canvas) -> Result<Pixmap, RenderError> {
    let mut picture = match canvas.crop {
        None => picture,
        Some(crop) => crop
            .within(picture.width(), picture.height())
            .and_then(|area| draw::part_of(&picture, area))
            .ok_or(RenderError::EmptyCrop)?,
    };
    for _ in 0..canvas.quarter_turns % 4 {
        picture = turned(&picture)?;
    }
    if let Some(width) = canvas.width.filter(|width| *width != picture.width()) {
        let height = u64::from(picture.height()) * u64::from(width);
        let height = (height + u64::from(picture.width()) / 2) / u64::from(picture.width());
        let (width, height) = limited(u64::from(width), height.max(1))?;
        picture = resize(&picture, width, height)?;
    }
    match &canvas.background {
        None => Ok(picture),
        Some(background) => with_background(&picture, background),
    }
}

/// Turns a picture clockwise by 90 degrees.
fn turned(picture: &Pixmap) -> Result<Pixmap, RenderError> {
    let (width, height) = (picture.height(), picture.width());
    let mut turned = blank(width, height)?;
    let source = picture.pixels();
    for (y, row) in turned.pixels_mut().chunks_exact_mut(width as usize).enumerate() {
        for (x, pixel) in row.iter_mut().enumerate() {
            *pixel = source[(width as usize - 1 - x) * height as usize + y];
        }
    }
    Ok(turned)
}

/// Scales a picture by Lanczos' filter. The channels are premultiplied, so transparent pixels add no color.
pub(crate) fn resize(picture: &Pixmap, width: u32, height: u32) -> Result<Pixmap, RenderError> {
    let failed = |reason: String| RenderError::NotEncoded { reason };
    let mut scaled = blank(width, height)?;
    let source =
        TypedImageRef::<U8x4>::from_buffer(picture.width(), picture.height(), picture.data())
            .map_err(|error| failed(error.to_string()))?;
    let mut target = TypedImage::<U8x4>::from_buffer(width, height, scaled.data_mut())
        .map_err(|error| failed(error.to_string()))?;
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .use_alpha(false);
    Resizer::new()
        .resize_typed(&source, &mut target, &options)
        .map_err(|error| failed(error.to_string()))?;
    // The filter overshoots at edges; no channel may be greater than the alpha.
    for pixel in scaled.data_mut().chunks_exact_mut(4) {
        let alpha = pixel[3];
        if alpha < 255 {
            for channel in &mut pixel[..3] {
                *channel = (*channel).min(alpha);
            }
        }
    }
    Ok(scaled)
}

fn with_background(picture: &Pixmap, background: &Background) -> Result<Pixmap, RenderError> {
    let padding = background.padding_px;
    let framed = |side: u32| u64::from(side) + 2 * u64::from(padding);
    let (width, height) = limited(framed(picture.width()), framed(picture.height()))?;
    let mut out = blank(width, height)?;
    paint(&mut out, &background.paint);
    if background.shadow && padding > 0 {
        shadow(&mut out, picture.width(), picture.height(), padding);
    }
    let radius = background.radius_px.min(picture.width().min(picture.height()) / 2);
    let rows = picture.data().chunks_exact(picture.width() as usize * 4);
    for (y, row) in rows.enumerate() {
        let start = ((y + padding as usize) * width as usize + padding as usize) * 4;
        let target = &mut out.data_mut()[start..start + row.len()];
        let depth_y = edge_distance(y, picture.height());
        for (x, (below, pixel)) in target.chunks_exact_mut(4).zip(row.chunks_exact(4)).enumerate() {
            let depth_x = edge_distance(x, picture.width());
            let covered = coverage(depth_x, depth_y, radius as f32);
            if covered >= 1.0 && pixel[3] == 255 {
                below.copy_from_slice(pixel);
                continue;
            }
            let clear = 1.0 - covered * f32::from(pixel[3]) / 255.0;
            for (channel, above) in below.iter_mut().zip(pixel) {
                let mixed = f32::from(*channel) * clear + f32::from(*above) * covered;
                *channel = (mixed + 0.5) as u8;
            }
        }
    }
    Ok(out)
}

/// Returns how far the center of a pixel is from the nearer of two edges.
fn edge_distance(at: usize, length: u32) -> f32 {
    at.min(length as usize - 1 - at) as f32 + 0.5
}

/// Returns how much of a pixel lies within rounded corners, from 0 to 1.
fn coverage(depth_x: f32, depth_y: f32, radius: f32) -> f32 {
    if depth_x >= radius || depth_y >= radius {
        return 1.0;
    }
    let (dx, dy) = (radius - depth_x, radius - depth_y);
    (radius - (dx * dx + dy * dy).sqrt() + 0.5).clamp(0.0, 1.0)
}

fn paint(out: &mut Pixmap, paint: &Paint) {
    let (width, height) = (out.width() as f32, out.height() as f32);
    match *paint {
        Paint::Solid { color: Rgb([red, green, blue]) } => {
            for pixel in out.data_mut().chunks_exact_mut(4) {
                pixel.copy_from_slice(&[red, green, blue, 255]);
            }
        }
        // As `linear-gradient` in CSS: the corners have the colors of the ends.
        Paint::Gradient { from, to, degrees } => {
            let (sin, cos) = f32::from(degrees).to_radians().sin_cos();
            let length = (width * sin).abs() + (height * cos).abs();
            let row_bytes = out.width() as usize * 4;
            for (y, row) in out.data_mut().chunks_exact_mut(row_bytes).enumerate() {
                let down = (y as f32 + 0.5 - height / 2.0) * cos;
                for (x, pixel) in row.chunks_exact_mut(4).enumerate() {
                    let right = (x as f32 + 0.5 - width / 2.0) * sin;
                    let share = ((right - down) / length + 0.5).clamp(0.0, 1.0);
                    for (at, channel) in pixel[..3].iter_mut().enumerate() {
                        let (from, to) = (f32::from(from.0[at]), f32::from(to.0[at]));
                        *channel = (from + (to - from) * share + 0.5) as u8;
                    }
                    pixel[3] = 255;
                }
            }
        }
    }
}

/// Darkens the background below the picture's rectangle, blurred. A blurred rectangle is the product of two
/// blurred steps, one for each direction. Its corners are softer than any radius.
fn shadow(out: &mut Pixmap, width: u32, height: u32, padding: u32) {
    let spread = (padding as f32 / 4.0).max(1.0);
    let drop = padding as f32 / 8.0;
    let profile = |length: u32, size: u32, moved: f32| -> Vec<f32> {
        let begin = padding as f32 + moved;
        let inside = |at: f32| soft_step(at) - soft_step(at - size as f32 / spread);
        (0..length).map(|at| inside((at as f32 + 0.5 - begin) / spread)).collect()
    };
    let columns = profile(out.width(), width, 0.0);
    let rows = profile(out.height(), height, drop);
    let row_bytes = out.width() as usize * 4;
    for (row, down) in out.data_mut().chunks_exact_mut(row_bytes).zip(&rows) {
        for (pixel, right) in row.chunks_exact_mut(4).zip(&columns) {
            let light = 1.0 - SHADOW_OPACITY * down * right;
            for channel in &mut pixel[..3] {
                *channel = (f32::from(*channel) * light + 0.5) as u8;
            }
        }
    }
}

/// Returns a blurred step: 0 far below zero, 1 far above (close to the normal distribution's integral).
fn soft_step(at: f32) -> f32 {
    1.0 / (1.0 + (-1.702 * at).exp())
}
