//! Chooses the colors of a GIF and finds the nearest of them.
//!
//! The colors of samples are counted in 32,768 bins. The bins are divided into boxes, always the one with the
//! largest error along the axis on which it spreads most (variance-based median cut), and the boxes' means are then
//! moved to the means of the bins nearest to them (k-means). Screens have few colors and large plain areas, so
//! nothing is dithered: dots would have to be written anew with each change. Samples with few colors keep all of them
//! as they are.

use std::collections::{BTreeSet, HashMap};

/// Colors of a GIF, without the one that means "as before".
pub(super) const COLORS_MAX: usize = 255;
/// Bits of each channel in a bin.
const BIN_BITS: u32 = 5;
/// More rounds change no picture visibly.
const MEAN_ROUNDS: usize = 4;

/// A set of colors, and the nearest of them for any color.
pub(super) struct Palette {
    pub colors: Vec<[u8; 3]>,
    /// Filled as colors are asked for.
    nearest: HashMap<[u8; 3], u8>,
    /// The color that was asked for last: screens have long runs of one color.
    last: Option<([u8; 3], u8)>,
}

/// A bin: how many pixels, and their mean color.
#[derive(Clone, Copy)]
struct Bin {
    count: f64,
    color: [f64; 3],
}

impl Palette {
    /// Chooses the colors for pixels in RGBA.
    pub(super) fn of<'a>(samples: impl Iterator<Item = &'a [u8]> + Clone) -> Self {
        if let Some(colors) = few_colors(samples.clone()) {
            return Palette { colors, nearest: HashMap::new(), last: None };
        }
        let mut sums = vec![[0_u64; 4]; 1 << (3 * BIN_BITS)];
        for pixel in samples.flat_map(|sample| sample.chunks_exact(4)) {
            let shift = 8 - BIN_BITS;
            let bin = pixel[..3]
                .iter()
                .fold(0, |bin, value| bin << BIN_BITS | usize::from(value >> shift));
            let sum = &mut sums[bin];
            sum[0] += 1;
            for (sum, value) in sum[1..].iter_mut().zip(pixel) {
                *sum += u64::from(*value);
            }
        }
        let bins: Vec<Bin> = sums
            .iter()
            .filter(|sum| sum[0] > 0)
            .map(|sum| {
                let count = sum[0] as f64;
                Bin { count, color: [1, 2, 3].map(|channel| sum[channel] as f64 / count) }
            })
            .collect();
        let mut colors = divide(bins.clone());
        for _ in 0..MEAN_ROUNDS {
            colors = means(&bins, &colors);
        }
        let rounded =
            colors.iter().map(|color| color.map(|value| value.round().clamp(0.0, 255.0) as u8));
        Palette { colors: rounded.collect(), nearest: HashMap::new(), last: None }
    }

    /// Returns the number of the color that is nearest.
    pub(super) fn nearest(&mut self, pixel: [u8; 3]) -> u8 {
        if let Some((_, found)) = self.last.filter(|(last, _)| *last == pixel) {
            return found;
        }
        let colors = &self.colors;
        let found = *self.nearest.entry(pixel).or_insert_with(|| {
            let nearest = (0..).zip(colors).min_by_key(|(_, color)| distance(**color, pixel));
            nearest.map_or(0, |(number, _)| number)
        });
        self.last = Some((pixel, found));
        found
    }
}

/// Returns the colors of the samples if a palette can have all of them.
fn few_colors<'a>(samples: impl Iterator<Item = &'a [u8]>) -> Option<Vec<[u8; 3]>> {
    let mut colors = BTreeSet::new();
    let mut last = None;
    for pixel in samples.flat_map(|sample| sample.chunks_exact(4)) {
        let color = [pixel[0], pixel[1], pixel[2]];
        if last != Some(color) && colors.insert(color) && colors.len() > COLORS_MAX {
            return None;
        }
        last = Some(color);
    }
    Some(colors.into_iter().collect())
}

/// Returns how different two colors are. Eyes see green best.
pub(super) fn distance(one: [u8; 3], other: [u8; 3]) -> u32 {
    let squares = [0, 1, 2].map(|channel| u32::from(one[channel].abs_diff(other[channel])).pow(2));
    2 * squares[0] + 4 * squares[1] + squares[2]
}

/// A box of bins, with its error along its widest axis.
struct ColorBox {
    bins: Vec<Bin>,
    axis: usize,
    error: f64,
}

impl ColorBox {
    fn of(bins: Vec<Bin>) -> Self {
        let mean = mean(&bins);
        let weights = [2.0, 4.0, 1.0];
        let errors = [0, 1, 2].map(|axis| {
            let square = |bin: &Bin| bin.count * (bin.color[axis] - mean[axis]).powi(2);
            weights[axis] * bins.iter().map(square).sum::<f64>()
        });
        let widest = (0..3).max_by(|one, other| errors[*one].total_cmp(&errors[*other]));
        let axis = widest.unwrap_or(1);
        let error = if bins.len() < 2 { 0.0 } else { errors[axis] };
        ColorBox { bins, axis, error }
    }

    /// Divides it at the mean of its widest axis.
    fn divide(mut self) -> [ColorBox; 2] {
        let middle = mean(&self.bins)[self.axis];
        self.bins.sort_by(|one, other| one.color[self.axis].total_cmp(&other.color[self.axis]));
        let at = self.bins.partition_point(|bin| bin.color[self.axis] <= middle);
        let upper = self.bins.split_off(at.clamp(1, self.bins.len() - 1));
        [ColorBox::of(self.bins), ColorBox::of(upper)]
    }
}

fn mean(bins: &[Bin]) -> [f64; 3] {
    let count: f64 = bins.iter().map(|bin| bin.count).sum();
    [0, 1, 2].map(|axis| {
        bins.iter().map(|bin| bin.color[axis] * bin.count).sum::<f64>() / count.max(1.0)
    })
}

fn divide(bins: Vec<Bin>) -> Vec<[f64; 3]> {
    let mut boxes = vec![ColorBox::of(bins)];
    while boxes.len() < COLORS_MAX {
        let worst =
            (0..boxes.len()).max_by(|one, other| boxes[*one].error.total_cmp(&boxes[*other].error));
        let Some(worst) = worst.filter(|worst| boxes[*worst].error > 0.0) else { break };
        let halves = boxes.swap_remove(worst).divide();
        boxes.extend(halves);
    }
    boxes.iter().map(|one| mean(&one.bins)).collect()
}

/// Moves each color to the mean of the bins that are nearest to it.
fn means(bins: &[Bin], colors: &[[f64; 3]]) -> Vec<[f64; 3]> {
    let mut sums = vec![[0.0; 4]; colors.len()];
    for bin in bins {
        let distance = |color: &[f64; 3]| {
            2.0 * (color[0] - bin.color[0]).powi(2)
                + 4.0 * (color[1] - bin.color[1]).powi(2)
                + (color[2] - bin.color[2]).powi(2)
        };
        let nearest = colors
            .iter()
            .enumerate()
            .min_by(|(_, one), (_, other)| distance(one).total_cmp(&distance(other)));
        let Some((nearest, _)) = nearest else { continue };
        sums[nearest][0] += bin.count;
        for (sum, value) in sums[nearest][1..].iter_mut().zip(bin.color) {
            *sum += value * bin.count;
        }
    }
    let moved = sums.iter().zip(colors).map(|(sum, color)| match sum[0] > 0.0 {
        true => [sum[1] / sum[0], sum[2] / sum[0], sum[3] / sum[0]],
        false => *color,
    });
    moved.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn palette_has_the_colors_of_a_picture_with_few_of_them() {
        let colors = [[10, 20, 30, 255], [200, 100, 0, 255], [255, 255, 255, 255], [0, 0, 0, 255]];
        let pixels: Vec<u8> = (0..4_000).flat_map(|n| colors[n % 4]).collect();
        let mut palette = Palette::of([pixels.as_slice()].into_iter());
        assert_eq!(palette.colors.len(), 4);
        for color in colors {
            let color = [color[0], color[1], color[2]];
            let nearest = palette.nearest(color);
            assert_eq!(palette.colors[usize::from(nearest)], color);
        }
    }

    #[test]
    fn palette_spreads_over_a_gradient() {
        let pixels: Vec<u8> =
            (0..=255_u8).flat_map(|n| [[n, n, n, 255], [n, n, n ^ 1, 255]]).flatten().collect();
        let mut palette = Palette::of([pixels.as_slice()].into_iter());
        let worst = (0..=255_u8).map(|n| {
            let nearest = palette.nearest([n; 3]);
            palette.colors[usize::from(nearest)][1].abs_diff(n)
        });
        assert!(worst.max().unwrap() <= 8);
    }
}
