//! Effects that are computed from pixels: cover, pixelate, blur, spotlight. Whole numbers only, so that the
//! editor's window can do the same to its preview.
//!
//! Invariant: no byte that [`cover`] or [`pixelate`] leaves in its area depends on what the original has in any
//! covered or pixelated area. [`erase_hidden`] runs first and makes the originals equal there.

use resvg::tiny_skia::Pixmap;
use snaplark_core::edit::{Area, Rgb};

use super::tools::Technique;

/// The alpha of the black that darkens what lies outside of the spotlights.
const DARKNESS: u32 = 140;
/// Stands in hidden areas while no better color is known.
const GREY: [u8; 4] = [128, 128, 128, 255];
/// The box blurs that make one blur. Three come close to a Gaussian.
const BOX_PASSES: u32 = 3;
/// The unit of the weights of a pixelated area's four sides.
const WEIGHT_UNIT: u64 = 1 << 16;

/// Replaces the pixels of all covered and pixelated areas by what can be known from outside of them.
pub(super) fn erase_hidden(picture: &mut Pixmap, techniques: &[Technique]) {
    let hidden = |technique: &Technique| match technique {
        Technique::Cover { area, .. } => Some((*area, None)),
        Technique::Pixelate { area, block_px } => Some((*area, Some(*block_px))),
        Technique::Vector(_) | Technique::Blur { .. } | Technique::Spotlight { .. } => None,
    };
    let hidden: Vec<(Area, Option<u32>)> = techniques.iter().filter_map(hidden).collect();
    if hidden.is_empty() {
        return;
    }
    for (area, _) in &hidden {
        fill(picture, *area, GREY);
    }
    // A rim that lies in another hidden area is grey and says nothing, so it is left out.
    let size = (picture.width(), picture.height());
    let areas: Vec<Area> =
        hidden.iter().filter_map(|(area, _)| area.within(size.0, size.1)).collect();
    for (area, block_px) in &hidden {
        if let Some(block_px) = block_px {
            pixelate(picture, *area, *block_px, Some(&areas));
        }
    }
    for technique in techniques {
        if let Technique::Cover { area, color } = technique {
            cover(picture, *area, *color);
        }
    }
}

/// Fills an area with one color.
pub(super) fn cover(picture: &mut Pixmap, area: Area, color: Rgb) {
    let [red, green, blue] = color.0;
    fill(picture, area, [red, green, blue, 255]);
}

fn fill(picture: &mut Pixmap, area: Area, pixel: [u8; 4]) {
    let Some(area) = area.within(picture.width(), picture.height()) else { return };
    for y in 0..area.height {
        for target in row_mut(picture, area, y).chunks_exact_mut(4) {
            target.copy_from_slice(&pixel);
        }
    }
}

/// Fills an area with blocks. Each block's color is the mean of the area's four rims beside the block (the pixels
/// just outside of the area), the nearer the heavier, plus a fixed pattern that makes the blocks visible. Rims
/// outside of the picture, and pixels in `unknown` areas, are left out.
pub(super) fn pixelate(picture: &mut Pixmap, area: Area, block_px: u32, unknown: Option<&[Area]>) {
    let Some(area) = area.within(picture.width(), picture.height()) else { return };
    let block = block_px.max(1);
    let (left, top) = (area.x.cast_unsigned(), area.y.cast_unsigned());
    let (right, bottom) = (left + area.width, top + area.height);
    let rims = Rims {
        above: top.checked_sub(1).map(|y| rim(picture, left..right, y..y + 1, unknown)),
        below: (bottom < picture.height())
            .then(|| rim(picture, left..right, bottom..bottom + 1, unknown)),
        before: left.checked_sub(1).map(|x| rim(picture, x..x + 1, top..bottom, unknown)),
        after: (right < picture.width())
            .then(|| rim(picture, right..right + 1, top..bottom, unknown)),
    };
    for block_y in 0..area.height.div_ceil(block) {
        let rows = block_y * block..((block_y + 1) * block).min(area.height);
        let mut line = vec![0; area.width as usize * 4];
        for block_x in 0..area.width.div_ceil(block) {
            let columns = block_x * block..((block_x + 1) * block).min(area.width);
            let color = rims.color(&area, &columns, &rows);
            let pixel = patterned(color, block_x, block_y);
            let bytes = columns.start as usize * 4..columns.end as usize * 4;
            for target in line[bytes].chunks_exact_mut(4) {
                target.copy_from_slice(&pixel);
            }
        }
        for y in rows {
            row_mut(picture, area, y).copy_from_slice(&line);
        }
    }
}

/// The pixels just outside of an area; `None` where they are outside of the picture. A pixel is `None` if it is
/// unknown.
struct Rims {
    above: Option<Vec<Option<[u8; 3]>>>,
    below: Option<Vec<Option<[u8; 3]>>>,
    before: Option<Vec<Option<[u8; 3]>>>,
    after: Option<Vec<Option<[u8; 3]>>>,
}

impl Rims {
    fn color(
        &self,
        area: &Area,
        columns: &std::ops::Range<u32>,
        rows: &std::ops::Range<u32>,
    ) -> [u8; 3] {
        let center_x = u64::from((columns.start + columns.end) / 2);
        let center_y = u64::from((rows.start + rows.end) / 2);
        let sides = [
            (&self.above, columns, center_y + 1),
            (&self.below, columns, u64::from(area.height) - center_y + 1),
            (&self.before, rows, center_x + 1),
            (&self.after, rows, u64::from(area.width) - center_x + 1),
        ];
        let mut sums = [0; 3];
        let mut weights = 0;
        for (rim, span, distance) in sides {
            let Some(mean) = rim.as_ref().and_then(|rim| mean(rim, span)) else { continue };
            let weight = WEIGHT_UNIT / distance;
            weights += weight;
            for (sum, channel) in sums.iter_mut().zip(mean) {
                *sum += weight * u64::from(channel);
            }
        }
        match weights {
            0 => [GREY[0], GREY[1], GREY[2]],
            _ => sums.map(|sum| (sum / weights) as u8),
        }
    }
}

fn rim(
    picture: &Pixmap,
    columns: std::ops::Range<u32>,
    rows: std::ops::Range<u32>,
    unknown: Option<&[Area]>,
) -> Vec<Option<[u8; 3]>> {
    let width = picture.width() as usize;
    let data = picture.data();
    let mut pixels = Vec::with_capacity(columns.len() * rows.len());
    // Only the areas that this rim meets are asked for each of its pixels.
    let unknown: Vec<Area> = unknown
        .unwrap_or_default()
        .iter()
        .copied()
        .filter(|area| {
            let (x, y) = (area.x.cast_unsigned(), area.y.cast_unsigned());
            x < columns.end
                && columns.start < x + area.width
                && y < rows.end
                && rows.start < y + area.height
        })
        .collect();
    for y in rows {
        for x in columns.clone() {
            let is_unknown = unknown.iter().any(|area| {
                let (left, top) = (area.x.cast_unsigned(), area.y.cast_unsigned());
                (left..left + area.width).contains(&x) && (top..top + area.height).contains(&y)
            });
            let at = (y as usize * width + x as usize) * 4;
            pixels.push((!is_unknown).then(|| [data[at], data[at + 1], data[at + 2]]));
        }
    }
    pixels
}

fn mean(rim: &[Option<[u8; 3]>], span: &std::ops::Range<u32>) -> Option<[u8; 3]> {
    let known = rim[span.start as usize..span.end as usize].iter().flatten();
    let (sums, count) = known.fold(([0_u64; 3], 0_u64), |(mut sums, count), pixel| {
        for (sum, channel) in sums.iter_mut().zip(pixel) {
            *sum += u64::from(*channel);
        }
        (sums, count + 1)
    });
    (count > 0).then(|| sums.map(|sum| ((sum + count / 2) / count) as u8))
}

/// Adds -16 to 15 to a color, by the block's number alone.
fn patterned(color: [u8; 3], block_x: u32, block_y: u32) -> [u8; 4] {
    let mut mixed = block_x.wrapping_mul(0x9E37_79B1) ^ block_y.wrapping_mul(0x85EB_CA77);
    mixed ^= mixed >> 15;
    mixed = mixed.wrapping_mul(0x2C1B_3C6D);
    mixed ^= mixed >> 12;
    let offset = (mixed & 31).cast_signed() - 16;
    let [red, green, blue] = color.map(|channel| (i32::from(channel) + offset).clamp(0, 255) as u8);
    [red, green, blue, 255]
}

/// Blurs an area by three box blurs. Only pixels of the area are read; its edges are repeated outwards.
pub(super) fn blur(picture: &mut Pixmap, area: Area, radius_px: u32) {
    let Some(area) = area.within(picture.width(), picture.height()) else { return };
    let radius = ((radius_px + BOX_PASSES / 2) / BOX_PASSES).max(1) as usize;
    let (width, height) = (area.width as usize, area.height as usize);
    let mut pixels = Vec::with_capacity(width * height);
    for y in 0..area.height {
        pixels.extend(row_mut(picture, area, y).chunks_exact(4).map(pixel_of));
    }
    let mut line = vec![[0; 4]; width.max(height)];
    for _ in 0..BOX_PASSES {
        for row in pixels.chunks_exact_mut(width) {
            box_blur(row, &mut line[..width], radius);
        }
    }
    let mut column = vec![[0; 4]; height];
    for x in 0..width {
        for (y, pixel) in column.iter_mut().enumerate() {
            *pixel = pixels[y * width + x];
        }
        for _ in 0..BOX_PASSES {
            box_blur(&mut column, &mut line[..height], radius);
        }
        for (y, pixel) in column.iter().enumerate() {
            pixels[y * width + x] = *pixel;
        }
    }
    for (y, row) in (0..area.height).zip(pixels.chunks_exact(width)) {
        for (target, pixel) in row_mut(picture, area, y).chunks_exact_mut(4).zip(row) {
            target.copy_from_slice(pixel);
        }
    }
}

fn pixel_of(bytes: &[u8]) -> [u8; 4] {
    [bytes[0], bytes[1], bytes[2], bytes[3]]
}

/// Replaces each pixel of a line by the mean of those around it.
fn box_blur(line: &mut [[u8; 4]], copy: &mut [[u8; 4]], radius: usize) {
    copy.copy_from_slice(line);
    let last = copy.len() - 1;
    let count = (2 * radius + 1) as u32;
    let mut sums = copy[0].map(|channel| u32::from(channel) * (radius as u32 + 1));
    for at in 1..=radius {
        add(&mut sums, copy[at.min(last)]);
    }
    for (at, pixel) in line.iter_mut().enumerate() {
        *pixel = sums.map(|sum| ((sum + count / 2) / count) as u8);
        add(&mut sums, copy[(at + radius + 1).min(last)]);
        for (sum, channel) in sums.iter_mut().zip(copy[at.saturating_sub(radius)]) {
            *sum -= u32::from(channel);
        }
    }
}

fn add(sums: &mut [u32; 4], pixel: [u8; 4]) {
    for (sum, channel) in sums.iter_mut().zip(pixel) {
        *sum += u32::from(channel);
    }
}

/// Darkens everything outside of the areas.
pub(super) fn darken_around(picture: &mut Pixmap, areas: &[Area]) {
    let (width, height) = (picture.width(), picture.height());
    let areas: Vec<Area> = areas.iter().filter_map(|area| area.within(width, height)).collect();
    let whole = Area { x: 0, y: 0, width, height };
    let mut lit = vec![false; width as usize];
    for y in 0..height {
        lit.fill(false);
        for area in &areas {
            let top = area.y.cast_unsigned();
            if (top..top + area.height).contains(&y) {
                let left = area.x as usize;
                lit[left..left + area.width as usize].fill(true);
            }
        }
        for (pixel, lit) in row_mut(picture, whole, y).chunks_exact_mut(4).zip(&lit) {
            if !lit {
                for channel in &mut pixel[..3] {
                    *channel = ((u32::from(*channel) * (255 - DARKNESS) + 127) / 255) as u8;
                }
                let clear = 255 - u32::from(pixel[3]);
                pixel[3] = (255 - (clear * (255 - DARKNESS) + 127) / 255) as u8;
            }
        }
    }
}

/// Returns the bytes of a row of an area, which lies within the picture.
fn row_mut(picture: &mut Pixmap, area: Area, y: u32) -> &mut [u8] {
    let start = ((area.y as usize + y as usize) * picture.width() as usize + area.x as usize) * 4;
    &mut picture.data_mut()[start..start + area.width as usize * 4]
}
