//! Rectangles on displays, in physical pixels, and what of a display is recorded.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A rectangle on the desktop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Rect {
    /// Its left edge.
    pub x: i32,
    /// Its upper edge.
    pub y: i32,
    /// Its width.
    pub width: u32,
    /// Its height.
    pub height: u32,
}

impl Rect {
    /// Returns the first column beyond it.
    pub fn right(self) -> i32 {
        self.x + self.width.cast_signed()
    }

    /// Returns the first row beyond it.
    pub fn bottom(self) -> i32 {
        self.y + self.height.cast_signed()
    }

    /// Returns whether the two overlap.
    pub fn meets(self, other: Rect) -> bool {
        self.x < other.right()
            && other.x < self.right()
            && self.y < other.bottom()
            && other.y < self.bottom()
    }

    /// Returns the smallest rectangle that holds both.
    #[must_use]
    pub fn around(self, other: Rect) -> Rect {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let length = |end: i32, start: i32| u32::try_from(end - start).unwrap_or_default();
        let width = length(self.right().max(other.right()), x);
        let height = length(self.bottom().max(other.bottom()), y);
        Rect { x, y, width, height }
    }

    /// Returns the squared distance of a point from the rectangle; 0 inside.
    pub fn distance(self, x: i32, y: i32) -> i64 {
        let beyond = |at: i32, from: i32, to: i32| i64::from((from - at).max(at - (to - 1)).max(0));
        beyond(x, self.x, self.right()).pow(2) + beyond(y, self.y, self.bottom()).pow(2)
    }

    /// Returns the other rectangle moved inside; at the upper left if it is too large.
    pub fn hold(self, other: Rect) -> Rect {
        let x = other.x.min(self.right() - other.width.cast_signed()).max(self.x);
        let y = other.y.min(self.bottom() - other.height.cast_signed()).max(self.y);
        Rect { x, y, ..other }
    }
}

/// A display, as far as placing windows needs it.
#[derive(Clone, Debug)]
pub struct Display {
    /// The system's name of it.
    pub name: String,
    /// Where it is on the desktop.
    pub at: Rect,
    /// The work area: without panels and docks.
    pub area: Rect,
    /// Physical pixels for each CSS pixel.
    pub scale: f64,
}

impl Display {
    /// Returns a length of CSS pixels in physical pixels.
    pub fn px(&self, length: f64) -> u32 {
        (length * self.scale).round() as u32
    }
}

/// The part of the screen that is in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapturedPart {
    /// None of our windows, wherever they are: only another window is recorded, or the platform excludes
    /// ours.
    NoneOfOurs,
    /// Everything in that part of the screen, in physical pixels.
    Part(Rect),
    /// A display, but the desktop doesn't report which.
    SomeDisplay,
}

impl CapturedPart {
    /// Returns whether a window at that place would be in the picture.
    pub fn has(self, at: Rect) -> bool {
        match self {
            CapturedPart::NoneOfOurs => false,
            CapturedPart::Part(part) => part.meets(at),
            CapturedPart::SomeDisplay => true,
        }
    }
}

/// The size of a window's content, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, TS)]
#[ts(export)]
pub struct Size {
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangle_around_two_holds_both() {
        let (left, right) = (
            Rect { x: -800, y: 0, width: 800, height: 600 },
            Rect { x: 0, y: 100, width: 1280, height: 720 },
        );
        let both = Rect { x: -800, y: 0, width: 2080, height: 820 };
        assert_eq!((left.around(right), right.around(left)), (both, both));
    }

    #[test]
    fn a_place_is_as_far_away_as_the_nearest_pixel() {
        let display = Rect { x: 1600, y: 100, width: 1280, height: 720 };
        assert_eq!(display.distance(1600, 100), 0);
        assert_eq!(display.distance(2879, 819), 0);
        assert_eq!(display.distance(1599, 500), 1);
        assert_eq!(display.distance(2882, 823), 3 * 3 + 4 * 4);
    }
}
