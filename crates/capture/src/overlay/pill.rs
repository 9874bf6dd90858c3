//! Paints typed keys near the lower edge: shortcuts as key caps side by side, text as text.

use std::time::Duration;

use super::canvas::{Canvas, Ink, mix};
use super::shape::{cover, rounded};
use super::text::TextLine;
use crate::marks::Typed;
use crate::policy::{KEYS_FADE, KEYS_SHOWN};
use crate::source::picture::PixelRect;

/// The colors of the windows' raised surface in dark mode, of the caps on it, of their edge, and of the
/// letters.
const GROUND: [u8; 3] = [0x24, 0x1D, 0x1A];
const CAP: [u8; 3] = [0x40, 0x37, 0x32];
const EDGE: [u8; 3] = [0x68, 0x5C, 0x55];
const LETTERS: [u8; 3] = [0xF8, 0xF4, 0xF2];

/// The size is in pixels of a picture of 1080 rows.
const CAP_HEIGHT: f32 = 52.0;
const CAP_CORNER: f32 = 11.0;
const CAP_INSET: f32 = 18.0;
const GAP: f32 = 8.0;
const PADDING: f32 = 10.0;
const ABOVE_EDGE: f32 = 56.0;

/// A rendered pill. It is drawn once for each text and painted as often as it is shown.
#[derive(Default)]
pub(super) struct KeyPill {
    of: Option<Typed>,
    width: u32,
    height: u32,
    pixels: Vec<Ink>,
}

impl KeyPill {
    pub(super) fn paint(&mut self, canvas: &mut Canvas, typed: &Typed, age: Duration) {
        let (width, height) = canvas.size();
        let scale = (height as f32 / 1_080.0).clamp(0.5, 2.5);
        if self.of.as_ref() != Some(typed) {
            *self = KeyPill::draw(typed, scale, width);
        }
        let left = KEYS_SHOWN.saturating_sub(age).as_secs_f32() / KEYS_FADE.as_secs_f32();
        let part = (left.min(1.0) * 255.0) as u32;
        let rect = PixelRect {
            x: (width as i32 - self.width as i32) / 2,
            y: height as i32 - (ABOVE_EDGE * scale) as i32 - self.height as i32,
            width: self.width,
            height: self.height,
        };
        canvas.paint(rect, |x, y| {
            let Ink { colour, cover } = self.pixels[(y * self.width + x) as usize];
            Ink { colour, cover: (u32::from(cover) * part / 255) as u8 }
        });
    }

    fn draw(typed: &Typed, scale: f32, width_max: u32) -> Self {
        let px = |length: f32| (length * scale).round().max(1.0) as u32;
        let (cap, inset, gap, padding) = (px(CAP_HEIGHT), px(CAP_INSET), px(GAP), px(PADDING));
        let (lines, has_caps) = match typed {
            Typed::Shortcut(keys) => {
                (keys.iter().map(|key| TextLine::draw(key, cap)).collect(), true)
            }
            Typed::Text(text) => {
                // The end is kept, since it was typed last.
                let room = width_max.saturating_sub(2 * (padding + inset));
                let mut text = text.as_str();
                let mut line = TextLine::draw(text, cap);
                while line.width > room && !text.is_empty() {
                    text = text.char_indices().nth(1).map_or("", |(at, _)| &text[at..]);
                    line = TextLine::draw(text, cap);
                }
                (vec![line], false)
            }
        };
        // A key with one letter is as wide as it is high.
        let cap_width = |line: &TextLine| (line.width + 2 * inset).max(cap);
        let width = lines.iter().map(|line| cap_width(line) + gap).sum::<u32>() - gap + 2 * padding;
        let height = cap + 2 * padding;
        let mut pill = KeyPill { of: Some(typed.clone()), width, height, pixels: Vec::new() };
        let half = (width as f32 / 2.0, height as f32 / 2.0);
        let corner = (CAP_CORNER + PADDING) * scale;
        pill.pixels.extend((0..width * height).map(|n| {
            let x = (n % width) as f32 + 0.5 - half.0;
            let y = (n / width) as f32 + 0.5 - half.1;
            let distance = rounded(x, y, half, corner);
            let edge = 255 - cover(distance + scale.max(1.0));
            Ink { colour: mix(GROUND, CAP, edge), cover: cover(distance) }
        }));
        let mut left = padding;
        for line in &lines {
            let width = cap_width(line);
            if has_caps {
                pill.cap((left, padding), (width, cap), scale);
            }
            pill.write(line, left + (width - line.width) / 2, padding);
            left += width + gap;
        }
        pill
    }

    fn cap(&mut self, at: (u32, u32), size: (u32, u32), scale: f32) {
        let half = (size.0 as f32 / 2.0, size.1 as f32 / 2.0);
        for n in 0..size.0 * size.1 {
            let (x, y) = (n % size.0, n / size.0);
            let (from_x, from_y) = (x as f32 + 0.5 - half.0, y as f32 + 0.5 - half.1);
            let distance = rounded(from_x, from_y, half, CAP_CORNER * scale);
            let colour = mix(CAP, EDGE, 255 - cover(distance + scale.max(1.0)));
            self.blend(at.0 + x, at.1 + y, colour, cover(distance));
        }
    }

    fn write(&mut self, line: &TextLine, left: u32, top: u32) {
        for n in 0..line.width * line.height {
            let (x, y) = (n % line.width, n / line.width);
            self.blend(left + x, top + y, LETTERS, line.at(x, y));
        }
    }

    fn blend(&mut self, x: u32, y: u32, colour: [u8; 3], cover: u8) {
        let ink = &mut self.pixels[(y * self.width + x) as usize];
        ink.colour = mix(ink.colour, colour, cover);
    }
}
