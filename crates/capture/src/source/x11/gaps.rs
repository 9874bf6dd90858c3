//! Finds what no display shows of an area that several displays share. The server keeps windows there that nobody can see, so it
//! is black in pictures.

use std::ops::Range;

use snaplark_core::still::{DisplayArea, PixelRect, Screen};

/// The bytes of a picture of four bytes a pixel that no display shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gaps(Vec<Range<usize>>);

impl Gaps {
    /// Finds the gaps in a picture of `shown`, a part of the desktop. Without displays, all of it is shown.
    pub(super) fn of(shown: PixelRect, screens: &[Screen]) -> Self {
        let seen: Vec<PixelRect> =
            displays_in(shown, screens).iter().map(|display| display.at).collect();
        let whole = PixelRect { x: 0, y: 0, ..shown };
        if screens.is_empty() || seen.contains(&whole) {
            return Gaps::default();
        }
        let row_bytes = PixelRect { height: 1, ..whole }.bytes();
        let bytes_until =
            |x: i32| PixelRect { width: x.cast_unsigned(), height: 1, ..whole }.bytes();
        let mut gaps = Vec::new();
        for y in 0..shown.height.cast_signed() {
            let start = y as usize * row_bytes;
            let line = PixelRect { x: 0, y, width: whole.width, height: 1 };
            let mut spans: Vec<PixelRect> = seen.iter().filter_map(|at| at.common(line)).collect();
            spans.sort_by_key(|span| span.x);
            let mut end = 0;
            let after = PixelRect { x: shown.width.cast_signed(), width: 0, ..line };
            for span in spans.into_iter().chain([after]) {
                if span.x > end {
                    gaps.push(start + bytes_until(end)..start + bytes_until(span.x));
                }
                end = end.max(span.x + span.width.cast_signed());
            }
        }
        Gaps(gaps)
    }

    /// Blackens the gaps in a picture.
    pub(super) fn blacken(&self, bgrx: &mut [u8]) {
        for gap in &self.0 {
            bgrx[gap.clone()].fill(0);
        }
    }
}

/// Returns the parts of displays that are in a picture of `shown`.
pub(super) fn displays_in(shown: PixelRect, screens: &[Screen]) -> Vec<DisplayArea> {
    let of = |screen: &Screen| {
        let at = screen.at.common(shown)?.from_corner((shown.x, shown.y));
        Some(DisplayArea { name: screen.name.clone(), at, scale: screen.scale })
    };
    screens.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(x: i32, y: i32, width: u32, height: u32) -> Screen {
        let at = PixelRect { x, y, width, height };
        Screen { name: String::new(), at, is_first: x == 0, scale: 1.0 }
    }

    #[test]
    fn gaps_between_displays_are_black() {
        let shown = PixelRect { x: 1, y: 0, width: 6, height: 3 };
        let mut bgrx = vec![9; shown.bytes()];
        // One display lies at the left, a smaller and lower one at the right, with a column between them.
        let screens = [screen(0, 0, 3, 3), screen(4, 1, 2, 1)];
        Gaps::of(shown, &screens).blacken(&mut bgrx);
        let seen: Vec<u8> = bgrx.chunks_exact(4).map(|pixel| pixel[0]).collect();
        assert_eq!(seen, [9, 9, 0, 0, 0, 0, 9, 9, 0, 9, 9, 0, 9, 9, 0, 0, 0, 0]);
    }

    #[test]
    fn area_of_one_display_has_no_gaps() {
        let screens = [screen(0, 0, 30, 30), screen(30, 10, 20, 20)];
        let area = PixelRect { x: 5, y: 5, width: 20, height: 20 };
        assert_eq!(Gaps::of(area, &screens), Gaps::default());
        let across = PixelRect { x: 5, y: 12, width: 40, height: 10 };
        assert_eq!(Gaps::of(across, &screens), Gaps::default(), "two displays show all of it");
        assert_eq!(Gaps::of(area, &[]), Gaps::default(), "the server can't tell");
    }
}
