//! Paints a click as an outline that grows and fades. Its shape shows the button: a circle for the left
//! one, a square on its corner for the right one, an upright square for the middle one.

use std::time::Instant;

use super::canvas::{Canvas, Ink, mix};
use super::shape::{cover, rounded};
use crate::marks::{Button, Click};
use crate::policy::CLICK_SHOWN;
use crate::source::picture::PixelRect;

/// The windows' accent color, with white around it, so that it is also visible on the accent color.
const LINE: [u8; 3] = [0xFF, 0x70, 0x21];
const AROUND: [u8; 3] = [0xFF; 3];

/// The size is in pixels of a picture of 1080 rows.
const RADIUS_FROM: f32 = 12.0;
const RADIUS_TO: f32 = 34.0;
const THICKNESS: f32 = 5.0;

/// Paints a click at that position of the picture.
pub(super) fn paint(canvas: &mut Canvas, click: &Click, at: (i32, i32), now: Instant) {
    let scale = (canvas.size().1 as f32 / 1_080.0).clamp(0.5, 2.5);
    let age = now.saturating_duration_since(click.since).as_secs_f32() / CLICK_SHOWN.as_secs_f32();
    // Fast at first, then slower.
    let grown = 1.0 - (1.0 - age.min(1.0)).powi(3);
    let radius = (RADIUS_FROM + (RADIUS_TO - RADIUS_FROM) * grown) * scale;
    let thickness = THICKNESS * scale;
    let (line, fill) = (1.0 - age.min(1.0), 0.28 * (1.0 - age.min(1.0)));
    // A square's corners reach beyond its sides.
    let half = (radius * 0.82, radius * 0.82);
    let reach = (radius * 1.1 + thickness).ceil() as i32 + 1;
    let side = 2 * reach as u32 + 1;
    let rect = PixelRect { x: at.0 - reach, y: at.1 - reach, width: side, height: side };
    canvas.paint(rect, |x, y| {
        let (x, y) = ((x as i32 - reach) as f32, (y as i32 - reach) as f32);
        let distance = match click.button {
            Button::Left => x.hypot(y) - radius,
            Button::Middle => rounded(x, y, half, radius / 4.0),
            Button::Right => {
                // The same square, rotated by 45 degrees.
                let turn = std::f32::consts::FRAC_1_SQRT_2;
                rounded((x + y) * turn, (x - y) * turn, half, radius / 4.0)
            }
        };
        let part = |cover: u8, of: f32| f32::from(cover) / 255.0 * of;
        let from_line = distance.abs() - thickness / 2.0;
        let around = part(cover(from_line - thickness / 4.0), line);
        let within = part(cover(distance), fill);
        let colour = mix(AROUND, LINE, cover(from_line).max(cover(distance + thickness)));
        Ink { colour, cover: (around.max(within) * 255.0) as u8 }
    });
}
