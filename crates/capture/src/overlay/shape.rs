//! Signed distance functions: how far a point is from a shape's edge, negative inside. They give soft
//! edges and lines along them.

use snaplark_core::overlay::Shape;

/// The corner's radius, relative to the side. As round as the windows' cards at that size.
const CORNER: f32 = 0.16;
/// A hairline at 1080 rows, and never less than a pixel.
const RING: f32 = 1.0 / 110.0;

/// Returns the distance to a rounded rectangle around the origin, with these half sides and corner
/// radius.
pub(crate) fn rounded(x: f32, y: f32, half: (f32, f32), corner: f32) -> f32 {
    let (x, y) = (x.abs() - half.0 + corner, y.abs() - half.1 + corner);
    x.max(0.0).hypot(y.max(0.0)) + x.max(y).min(0.0) - corner
}

/// Returns how much of a pixel is inside, of 255.
pub(crate) fn cover(distance: f32) -> u8 {
    ((0.5 - distance).clamp(0.0, 1.0) * 255.0).round() as u8
}

/// For each pixel, its coverage by the webcam's shape and by the line around it.
#[derive(Debug, Default)]
pub(crate) struct Mask {
    of: Option<(Shape, u32)>,
    pixels: Vec<(u8, u8)>,
}

impl Mask {
    pub(crate) fn fit(&mut self, shape: Shape, side: u32) {
        if self.of == Some((shape, side)) {
            return;
        }
        self.of = Some((shape, side));
        let half = side as f32 / 2.0;
        let corner = match shape {
            Shape::Circle => half,
            Shape::Square => side as f32 * CORNER,
        };
        let ring = (side as f32 * RING).max(1.0);
        let place = |at: u32| at as f32 + 0.5 - half;
        self.pixels.clear();
        self.pixels.extend((0..side * side).map(|n| {
            let distance = rounded(place(n % side), place(n / side), (half, half), corner);
            (cover(distance), 255 - cover(distance + ring))
        }));
    }

    pub(crate) fn at(&self, x: u32, y: u32) -> (u8, u8) {
        let side = self.of.map_or(0, |(_, side)| side);
        self.pixels[(y * side + x) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mask_covers_the_area_of_its_shape() {
        let mut mask = Mask::default();
        let covered = |mask: &Mask| {
            mask.pixels.iter().map(|(cover, _)| f64::from(*cover) / 255.0).sum::<f64>()
        };
        mask.fit(Shape::Circle, 200);
        assert!((covered(&mask) - std::f64::consts::PI * 1e4).abs() < 10.0, "{}", covered(&mask));
        assert_eq!((mask.at(0, 0).0, mask.at(100, 100)), (0, (255, 0)));
        assert!(mask.at(100, 0).1 > 200 && mask.at(100, 3).1 == 0);
        mask.fit(Shape::Square, 201);
        // The part of the square that remains inside a circle.
        let corner = 201.0_f64 * f64::from(CORNER);
        let wanted = 201.0 * 201.0 - (4.0 - std::f64::consts::PI) * corner * corner;
        assert!((covered(&mask) - wanted).abs() < 10.0, "{} {wanted}", covered(&mask));
    }
}
