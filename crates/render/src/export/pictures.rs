//! The pictures of an edit, one after the other, and their colors as RGB.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x4;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use snaplark_core::render::RenderError;

use super::Export;
use crate::codec::{Picture, failed};
use crate::cut;

/// A picture as it is shown, in milliseconds of the output.
pub(super) struct ShownPicture {
    pub from_ms: u64,
    pub to_ms: u64,
    pub picture: Picture,
}

/// Hands over the pictures of the edit. With `fps`, those that are on the screen at the ticks of that rate, so that
/// the last picture before a still is never lost.
pub(super) fn each_picture(
    export: &Export<'_>,
    fps: Option<u32>,
    mut each: impl FnMut(ShownPicture) -> Result<(), RenderError>,
) -> Result<(), RenderError> {
    let plan = &export.plan;
    let mut waiting: Option<ShownPicture> = None;
    for piece in &plan.pieces {
        let source = piece.source_ms();
        cut::each_shot(&export.recording, piece, |shot, picture| {
            export.check()?;
            let at = |time_ms: u64| piece.at_ms() + (time_ms - source.start);
            let (from_ms, to_ms) = (at(shot.from_ms), at(shot.to_ms));
            let Some(from_ms) = tick(fps, from_ms, to_ms) else { return Ok(()) };
            let next = ShownPicture { from_ms, to_ms, picture: picture.clone() };
            if let Some(mut last) = waiting.replace(next) {
                last.to_ms = from_ms;
                export.advance(from_ms);
                each(last)?;
            }
            Ok(())
        })?;
    }
    match waiting {
        Some(last) => {
            each(ShownPicture { to_ms: plan.duration_ms().max(last.from_ms + 1), ..last })
        }
        None => Err(failed("the edit has no picture")),
    }
}

/// Returns when a picture is first seen at that rate; `None` if it is gone before the next tick.
pub(super) fn tick(fps: Option<u32>, from_ms: u64, to_ms: u64) -> Option<u64> {
    let Some(fps) = fps.map(u64::from).filter(|fps| *fps > 0) else { return Some(from_ms) };
    let tick_ms = |number: u64| (number * 1_000).div_ceil(fps);
    let number = (from_ms * fps) / 1_000;
    let ticks = (number..=number + 1).map(tick_ms);
    ticks.into_iter().find(|tick| (from_ms..to_ms).contains(tick))
}

/// A picture in RGBA, opaque.
#[derive(Clone)]
pub(super) struct Rgba {
    pub width: u32,
    pub height: u32,
    pub pixels: Vec<u8>,
}

/// Returns the size at which pictures are exported.
pub(super) fn scaled_size((width, height): (u32, u32), wanted: Option<u32>) -> (u32, u32) {
    match wanted.filter(|wanted| (1..width).contains(wanted)) {
        Some(wanted) => {
            let rows = u64::from(height) * u64::from(wanted) / u64::from(width.max(1));
            (wanted, (rows as u32).max(1))
        }
        None => (width, height),
    }
}

/// Converts a picture, and scales it down to that width.
pub(super) fn rgba(picture: &Picture, width: Option<u32>) -> Result<Rgba, RenderError> {
    let full = to_rgb(picture);
    let (to_width, to_height) = scaled_size((picture.width, picture.height), width);
    if (to_width, to_height) == (full.width, full.height) {
        return Ok(full);
    }
    let mut pixels = vec![0; to_width as usize * to_height as usize * 4];
    let from = TypedImageRef::<U8x4>::from_buffer(full.width, full.height, &full.pixels);
    let to = TypedImage::<U8x4>::from_buffer(to_width, to_height, &mut pixels);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom))
        .use_alpha(false);
    let (from, mut to) = (from.map_err(failed)?, to.map_err(failed)?);
    Resizer::new().resize_typed(&from, &mut to, &options).map_err(failed)?;
    Ok(Rgba { width: to_width, height: to_height, pixels })
}

/// Converts from BT.709 in video range, in 16.16 fixed point.
fn to_rgb(picture: &Picture) -> Rgba {
    let ((luma, stride), (blue, color_stride), (red, _)) =
        (picture.plane(0), picture.plane(1), picture.plane(2));
    let (width, height) = (picture.width as usize, picture.height as usize);
    let mut pixels = Vec::with_capacity(width * height * 4);
    for y in 0..height {
        let luma = &luma[y * stride..][..width];
        let blue = &blue[y / 2 * color_stride..];
        let red = &red[y / 2 * color_stride..];
        for (x, luma) in luma.iter().enumerate() {
            let brightness = (i32::from(*luma) - 16) * 76_309;
            let (u, v) = (i32::from(blue[x / 2]) - 128, i32::from(red[x / 2]) - 128);
            let channel = |value: i32| ((value + 32_768) >> 16).clamp(0, 255) as u8;
            pixels.extend([
                channel(brightness + 117_489 * v),
                channel(brightness - 13_975 * u - 34_925 * v),
                channel(brightness + 138_438 * u),
                255,
            ]);
        }
    }
    Rgba { width: picture.width, height: picture.height, pixels }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tick_finds_the_pictures_that_are_on_the_screen_at_that_rate() {
        let times = (0..60).map(|n| (n * 1_000 / 60, (n + 1) * 1_000 / 60));
        let seen: Vec<u64> = times.filter_map(|(from, to)| tick(Some(10), from, to)).collect();
        assert_eq!(seen, [0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
        // The last picture before a still is seen, at the next tick.
        assert_eq!(tick(Some(10), 130, 5_000), Some(200));
        assert_eq!(tick(Some(10), 130, 160), None);
        assert_eq!(tick(None, 130, 160), Some(130));
    }

    #[test]
    fn colors_are_those_of_bt_709() {
        let mut picture = Picture::black(2, 2).unwrap();
        assert_eq!(to_rgb(&picture).pixels[..3], [0, 0, 0]);
        for (plane, value) in [(0, 235), (1, 128), (2, 128)] {
            picture.plane_mut(plane).0.fill(value);
        }
        assert_eq!(to_rgb(&picture).pixels[..3], [255, 255, 255]);
        // Pure red is 63, 102, 240.
        for (plane, value) in [(0, 63), (1, 102), (2, 240)] {
            picture.plane_mut(plane).0.fill(value);
        }
        let [red, green, blue] = to_rgb(&picture).pixels[..3] else { panic!() };
        assert!(red >= 253 && green <= 2 && blue <= 2, "{red} {green} {blue}");
    }
}
