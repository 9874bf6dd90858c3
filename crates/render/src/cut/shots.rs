//! Decides which picture of a segment is shown from when to when in a piece, and what is covered then. Pure.

use std::ops::Range;

use snaplark_core::cut::HOLD_MS;
use snaplark_core::edit::Cover;

/// A picture of a piece, from one time of the source to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shot {
    /// The picture's number in its segment.
    pub picture: usize,
    pub from_ms: u64,
    pub to_ms: u64,
    /// The places of the covers that lie over it.
    pub covers: Vec<usize>,
}

/// Returns the shots of a piece of a segment, without a gap. Where the screen stands still, a cover begins and ends
/// within the picture; otherwise it lies over all of a picture that it touches.
pub(super) fn shots(times: &[u64], end_ms: u64, piece: &Range<u64>, covers: &[Cover]) -> Vec<Shot> {
    let ends = times.iter().copied().skip(1).chain([end_ms]);
    let mut shots = Vec::new();
    for (picture, (time_ms, end_ms)) in times.iter().zip(ends).enumerate() {
        let (from_ms, to_ms) = ((*time_ms).max(piece.start), end_ms.min(piece.end));
        if from_ms >= to_ms {
            continue;
        }
        let mut bounds = vec![from_ms, to_ms];
        for Cover { during_ms, .. } in covers {
            let inside = |time_ms: u64| from_ms < time_ms && time_ms < to_ms;
            if inside(during_ms.start) && during_ms.start - from_ms > HOLD_MS {
                bounds.push(during_ms.start);
            }
            if inside(during_ms.end) && to_ms - during_ms.end > HOLD_MS {
                bounds.push(during_ms.end);
            }
        }
        bounds.sort_unstable();
        bounds.dedup();
        shots.extend(bounds.windows(2).map(|pair| {
            let (from_ms, to_ms) = (pair[0], pair[1]);
            let touches =
                |cover: &Cover| cover.during_ms.start < to_ms && from_ms < cover.during_ms.end;
            let touching = covers.iter().enumerate().filter(|(_, cover)| touches(cover));
            let covers = touching.map(|(place, _)| place).collect();
            Shot { picture, from_ms, to_ms, covers }
        }));
    }
    shots
}

#[cfg(test)]
mod tests {
    use snaplark_core::edit::{Area, CoverStyle};

    use super::*;

    fn cover(during_ms: Range<u64>) -> Cover {
        let area = Area { x: 0, y: 0, width: 8, height: 8 };
        Cover { area, during_ms, style: CoverStyle::Solid }
    }

    fn seen(
        times: &[u64],
        piece: Range<u64>,
        covers: &[Cover],
    ) -> Vec<(usize, u64, u64, Vec<usize>)> {
        let shots = shots(times, 2_000, &piece, covers).into_iter();
        shots.map(|shot| (shot.picture, shot.from_ms, shot.to_ms, shot.covers)).collect()
    }

    #[test]
    fn piece_begins_with_its_first_picture_or_with_the_one_that_stands_there() {
        assert_eq!(seen(&[0, 40, 80], 40..100, &[]), [(1, 40, 80, vec![]), (2, 80, 100, vec![])]);
        assert_eq!(
            seen(&[0, 1_900], 500..2_000, &[]),
            [(0, 500, 1_900, vec![]), (1, 1_900, 2_000, vec![])]
        );
    }

    #[test]
    fn cover_lies_over_whole_pictures_but_begins_within_a_still() {
        let covers = [cover(70..1_000)];
        assert_eq!(
            seen(&[0, 40, 80], 0..2_000, &covers),
            [
                (0, 0, 40, vec![]),
                (1, 40, 80, vec![0]),
                (2, 80, 1_000, vec![0]),
                (2, 1_000, 2_000, vec![]),
            ]
        );
        assert_eq!(
            seen(&[0], 0..2_000, &[cover(500..1_970)]),
            [(0, 0, 500, vec![]), (0, 500, 2_000, vec![0])]
        );
    }

    #[test]
    fn no_uncovered_moment_is_left_of_what_a_cover_touches() {
        for start in 0..120 {
            for length in [1, 30, 90] {
                let covers = [cover(start..start + length)];
                for shot in shots(&[0, 33, 50, 200], 2_000, &(0..2_000), &covers) {
                    let touches = start < shot.to_ms && shot.from_ms < start + length;
                    assert_eq!(!shot.covers.is_empty(), touches, "{shot:?}");
                }
            }
        }
    }
}
