//! The size of a picture that is pinned on the screen.

use super::place::{Display, Size};

/// A pin is at most this share of its display, so that it can be moved and the work below it seen.
const SHARE_MAX: f64 = 0.5;
/// Smaller pins can't be grabbed.
pub const SIDE_MIN: f64 = 48.0;
/// The room where the desktop names no display.
const USUAL_ROOM: (f64, f64) = (1280.0, 720.0);

/// Returns the size of a pin in CSS pixels: that of the picture, whose pixels are the display's own, or as much of it as
/// there is room for, in its own proportions.
pub fn size((width, height): (u32, u32), display: Option<&Display>) -> Size {
    let scale = display.map_or(1.0, |display| display.scale);
    let room = display.map_or(USUAL_ROOM, |display| {
        let side = |px: u32| f64::from(px) / scale * SHARE_MAX;
        (side(display.at.width), side(display.at.height))
    });
    let (width, height) = (f64::from(width) / scale, f64::from(height) / scale);
    let factor = (room.0 / width).min(room.1 / height).min(1.0);
    Size { width: (width * factor).max(SIDE_MIN), height: (height * factor).max(SIDE_MIN) }
}

#[cfg(test)]
mod tests {
    use super::super::place::Rect;
    use super::*;

    fn sized(picture: (u32, u32), scale: f64) -> (f64, f64) {
        let at = Rect { x: 0, y: 0, width: 1920, height: 1080 };
        let display = Display { name: "DP-1".to_owned(), at, area: at, scale };
        let size = size(picture, Some(&display));
        (size.width, size.height)
    }

    #[test]
    fn pin_keeps_the_pictures_proportions_within_its_room() {
        assert_eq!(sized((400, 200), 1.0), (400.0, 200.0));
        assert_eq!(sized((3840, 2160), 1.0), (960.0, 540.0));
        assert_eq!(sized((100, 2160), 1.0), (SIDE_MIN, 540.0));
    }

    #[test]
    fn pin_shows_the_pictures_own_pixels_on_a_scaled_display() {
        assert_eq!(sized((400, 200), 2.0), (200.0, 100.0));
        assert_eq!(sized((3840, 2160), 2.0), (480.0, 270.0));
        let unknown = size((3000, 1000), None);
        assert_eq!(unknown, Size { width: 1280.0, height: 1280.0 / 3.0 });
    }
}
