//! Covers an area of a picture, in its own planes.
//!
//! Invariant: no byte inside of an area depends on what was inside of it, or inside of another covered area. The
//! color planes have one value for four pixels, so the area is widened to whole ones.

use std::ops::Range;

use snaplark_core::edit::{Area, Cover, CoverStyle};

use crate::codec::Picture;

/// Black in video range.
const BLACK: [u8; 3] = [16, 128, 128];
/// Stands where nothing is known: a middle gray.
const GREY: [u8; 3] = [126, 128, 128];

/// An area in the pixels of a plane.
#[derive(Clone, Debug)]
struct PlaneArea {
    columns: Range<usize>,
    rows: Range<usize>,
}

/// Draws the covers.
pub(super) fn cover<'a>(picture: &mut Picture, covers: impl Iterator<Item = &'a Cover>) {
    let covers: Vec<&Cover> = covers.collect();
    for plane in 0..3 {
        let areas: Vec<(PlaneArea, CoverStyle)> = covers
            .iter()
            .filter_map(|cover| Some((plane_area(picture, plane, cover.area)?, cover.style)))
            .collect();
        // First everything that is hidden goes, so that no rim of one area shows what another hides.
        for (area, _) in &areas {
            fill(picture, plane, area, GREY[plane]);
        }
        for (area, _) in areas.iter().filter(|(_, style)| *style == CoverStyle::Blurred) {
            fade(picture, plane, area);
        }
        for (area, _) in areas.iter().filter(|(_, style)| *style == CoverStyle::Solid) {
            fill(picture, plane, area, BLACK[plane]);
        }
    }
}

/// Returns the area in a plane's pixels; `None` if it is outside of the picture.
fn plane_area(picture: &Picture, plane: usize, area: Area) -> Option<PlaneArea> {
    let area = area.within(picture.width, picture.height)?;
    let half = |start: i32, length: u32| {
        let start = start.cast_unsigned() as usize;
        start / 2..(start + length as usize).div_ceil(2)
    };
    let (columns, rows) = (half(area.x, area.width), half(area.y, area.height));
    let (width, height) = picture.plane_size(plane);
    Some(match plane {
        0 => PlaneArea {
            columns: columns.start * 2..(columns.end * 2).min(width),
            rows: rows.start * 2..(rows.end * 2).min(height),
        },
        _ => PlaneArea { columns, rows },
    })
}

fn fill(picture: &mut Picture, plane: usize, area: &PlaneArea, value: u8) {
    let (bytes, stride) = picture.plane_mut(plane);
    for row in area.rows.clone() {
        bytes[row * stride..][area.columns.clone()].fill(value);
    }
}

/// How many pixels of a rim make one value: a single one could show text that ends at the area.
const RIM_MEAN: usize = 17;

/// Fills the area with the values just outside of it, each heavier the nearer it is.
fn fade(picture: &mut Picture, plane: usize, area: &PlaneArea) {
    let (width, height) = picture.plane_size(plane);
    let PlaneArea { columns, rows } = area.clone();
    let (bytes, stride) = picture.plane_mut(plane);
    let row = |y: usize| smooth(bytes[y * stride..][columns.clone()].iter().copied());
    let column = |x: usize| smooth(rows.clone().map(|y| bytes[y * stride + x]));
    let above = rows.start.checked_sub(1).map(row);
    let below = (rows.end < height).then(|| row(rows.end));
    let before = columns.start.checked_sub(1).map(column);
    let after = (columns.end < width).then(|| column(columns.end));
    for y in rows.clone() {
        for x in columns.clone() {
            let (inner_x, inner_y) = (x - columns.start, y - rows.start);
            let sides = [
                (above.as_ref().map(|rim| rim[inner_x]), inner_y),
                (below.as_ref().map(|rim| rim[inner_x]), rows.end - 1 - y),
                (before.as_ref().map(|rim| rim[inner_y]), inner_x),
                (after.as_ref().map(|rim| rim[inner_y]), columns.end - 1 - x),
            ];
            let (mut sum, mut weights) = (0, 0);
            for (value, distance) in sides {
                if let Some(value) = value {
                    let weight = 65_536 / (distance as u64 + 1);
                    sum += u64::from(value) * weight;
                    weights += weight;
                }
            }
            if let Some(mean) = sum.checked_div(weights) {
                bytes[y * stride + x] = mean as u8;
            }
        }
    }
}

/// Returns each value's mean with its neighbors.
fn smooth(values: impl Iterator<Item = u8>) -> Vec<u8> {
    let values: Vec<u8> = values.collect();
    let mean = |place: usize| {
        let from = place.saturating_sub(RIM_MEAN / 2);
        let near = &values[from..values.len().min(place + RIM_MEAN / 2 + 1)];
        let sum: u32 = near.iter().map(|value| u32::from(*value)).sum();
        (sum / near.len() as u32) as u8
    };
    (0..values.len()).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(x: i32, y: i32, width: u32, height: u32) -> Area {
        Area { x, y, width, height }
    }

    /// Returns a picture whose pixels differ, with other values inside of the areas for another seed.
    fn picture(areas: &[Area], seed: usize) -> Picture {
        let mut picture = Picture::black(61, 47).unwrap();
        for plane in 0..3 {
            let hidden: Vec<PlaneArea> =
                areas.iter().filter_map(|area| plane_area(&picture, plane, *area)).collect();
            let (width, height) = picture.plane_size(plane);
            let (bytes, stride) = picture.plane_mut(plane);
            for y in 0..height {
                for x in 0..width {
                    let inside = hidden
                        .iter()
                        .any(|area| area.columns.contains(&x) && area.rows.contains(&y));
                    let seed = if inside { seed } else { 0 };
                    bytes[y * stride + x] = (x * 7 + y * 31 + seed * 97) as u8;
                }
            }
        }
        picture
    }

    #[test]
    fn covered_picture_is_the_same_whatever_was_below() {
        for areas in [
            vec![area(11, 5, 20, 13)],
            vec![area(-5, -5, 30, 30), area(20, 20, 100, 7)],
            vec![area(0, 0, 61, 47)],
            vec![area(3, 3, 1, 1), area(4, 3, 2, 2)],
        ] {
            for style in [CoverStyle::Solid, CoverStyle::Blurred] {
                let covers: Vec<Cover> = areas
                    .iter()
                    .map(|area| Cover { area: *area, during_ms: 0..1, style })
                    .collect();
                let covered = |seed| {
                    let mut picture = picture(&areas, seed);
                    cover(&mut picture, covers.iter());
                    picture
                };
                let first = covered(1);
                assert!((2..6).all(|seed| covered(seed) == first), "{areas:?} {style:?}");
            }
        }
    }

    #[test]
    fn cover_changes_nothing_outside_of_its_area() {
        let area = area(10, 10, 20, 20);
        let before = picture(&[area], 1);
        let mut after = before.clone();
        cover(&mut after, [Cover { area, during_ms: 0..1, style: CoverStyle::Solid }].iter());
        let (old, stride) = before.plane(0);
        let (new, _) = after.plane(0);
        for (at, (old, new)) in old.iter().zip(new).enumerate() {
            let (x, y) = (at % stride, at / stride);
            let inside = (10..30).contains(&x) && (10..30).contains(&y);
            assert_eq!(*new, if inside { 16 } else { *old }, "{x} {y}");
        }
    }
}
