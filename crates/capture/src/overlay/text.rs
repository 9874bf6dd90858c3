//! Renders text in the windows' own font, as the coverage of each pixel.

use std::sync::LazyLock;

use ab_glyph::{Font as _, FontRef, PxScale, ScaleFont as _, point};

/// Latin, Greek, Cyrillic, and the symbols of keys. License: assets/fonts/OFL.txt.
static FACE: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    let bytes = include_bytes!("../../../../assets/fonts/Inter-SemiBold.otf");
    FontRef::try_from_slice(bytes).expect("the face that is built in is one")
});

/// One rendered line of text.
pub(crate) struct TextLine {
    pub width: u32,
    pub height: u32,
    /// The coverage of each pixel, of 255, row by row.
    cover: Vec<u8>,
}

pub(crate) fn can_draw(sign: char) -> bool {
    FACE.glyph_id(sign).0 != 0
}

/// The size of letters, relative to the line's height.
const LETTERS: f32 = 0.82;

impl TextLine {
    pub(crate) fn draw(text: &str, height: u32) -> Self {
        let face = FACE.as_scaled(PxScale::from(height as f32 * LETTERS));
        let mut at = 0.0;
        let mut last = None;
        let mut glyphs = Vec::new();
        for id in text.chars().map(|sign| face.glyph_id(sign)) {
            at += last.map_or(0.0, |last| face.kern(last, id));
            glyphs.push(id.with_scale_and_position(face.scale(), point(at, 0.0)));
            at += face.h_advance(id);
            last = Some(id);
        }
        let width = at.ceil() as u32;
        let mut line = TextLine { width, height, cover: vec![0; (width * height) as usize] };
        // Capital letters are centered vertically.
        let base = (height as f32 + face.scale().y * CAPITALS) / 2.0;
        for glyph in glyphs {
            let Some(outline) = FACE.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            outline.draw(|x, y, cover| {
                let x = x as f32 + corner.x;
                let y = y as f32 + corner.y + base.round();
                line.ink(x as i64, y as i64, cover);
            });
        }
        line
    }

    pub(crate) fn at(&self, x: u32, y: u32) -> u8 {
        self.cover[(y * self.width + x) as usize]
    }

    fn ink(&mut self, x: i64, y: i64, cover: f32) {
        if (0..i64::from(self.width)).contains(&x) && (0..i64::from(self.height)).contains(&y) {
            let pixel = &mut self.cover[y as usize * self.width as usize + x as usize];
            *pixel = pixel.saturating_add((cover * 255.0).round() as u8);
        }
    }
}

/// The height of a capital letter, relative to the size. (The font's size is from ascent to descent.)
const CAPITALS: f32 = 0.60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn font_has_the_characters_of_keyboards() {
        for sign in "Ag@ßéÅłşőđĐΩжЯїởẾ€₺←↑→↓↵⇥⌫•`´^~¨".chars()
        {
            assert!(can_draw(sign), "{sign}");
        }
        assert!(!can_draw('ש') && !can_draw('中'));
    }

    #[test]
    fn text_line_is_as_wide_as_its_letters_and_centres_them() {
        let [one, two] = ["H", "HH"].map(|text| TextLine::draw(text, 40));
        assert!(two.width.abs_diff(2 * one.width) <= 1);
        let inked = |row: u32| (0..one.width).any(|x| one.at(x, row) > 128);
        let top = (0..40).position(inked).unwrap();
        let bottom = (0..40).rev().position(inked).unwrap();
        assert!(top.abs_diff(bottom) <= 1, "{top} above, {bottom} below");
        assert!((20..26).contains(&(40 - top - bottom)), "{top} {bottom}");
    }
}
