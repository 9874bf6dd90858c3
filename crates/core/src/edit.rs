//! The changes of a person to an item, without touching its source.
//!
//! An edit is data beside the source: it is saved, undone and opened again, and the source never changes.
//! Publishing renders it. What is rendered is decided by the edit alone: [`Cover`]s hide an area and are
//! computed from nothing inside it.
//!
//! Stored form: JSON with a format number ([`Edit::FORMAT`]), written by [`StoredEdit`]. A program keeps an
//! edit of a newer format as it is and doesn't open it.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::item::ItemKind;

mod drawing;

pub use drawing::{
    Area, Background, BadDrawing, Canvas, DRAWING_JSON_BYTES_MAX, Drawing, EFFECT_PX_MAX,
    EMOJI_BYTES_MAX, LETTERS_PX_MAX, OUTPUT_WIDTH_PX_MAX, PADDING_PX_MAX, POINTS_MAX,
    POSITION_PX_MAX, Paint, Point, Rgb, SHAPES_MAX, STEP_NUMBER_MAX, STROKE_POINTS_MAX,
    STROKE_PX_MAX, Shape, ShapeKind, TEXT_BYTES_MAX, TEXTS_BYTES_MAX,
};

/// The changes of a person to an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Edit {
    /// A drawing on a picture.
    Annotations {
        /// The drawing.
        drawing: Drawing,
    },
    /// Cuts, covers and chapters of a video.
    Cuts {
        /// The ranges of the source that stay, in playing order, without overlap. A stretch that was recorded again
        /// plays before what follows it in the source.
        keep: Vec<Range<u64>>,
        /// The areas that are hidden.
        #[serde(default)]
        covers: Vec<Cover>,
        /// The chapters, by their starts in the source.
        #[serde(default)]
        chapters: Vec<Chapter>,
    },
}

/// An area of a video that is hidden for some time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cover {
    /// The area, in the video's pixels.
    pub area: Area,
    /// When it is hidden, in milliseconds of the source.
    pub during_ms: Range<u64>,
    /// The look of its place.
    #[serde(default)]
    pub style: CoverStyle,
}

/// The look of a covered area. Neither depends on anything inside the area.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CoverStyle {
    /// Plain black.
    #[default]
    Solid,
    /// The colors just outside of the area, fading into each other. It looks like a strong blur, and can't be
    /// undone as a blur can.
    Blurred,
}

/// A chapter of a video.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chapter {
    /// Its start, in milliseconds of the source.
    pub start_ms: u64,
    /// Its title.
    pub title: String,
}

/// Why an edit doesn't fit its item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadEdit {
    /// A video was annotated, or a picture was cut.
    #[error("a {} can't be edited that way", .0.name())]
    OtherKind(ItemKind),
    /// Nothing of the source stays.
    #[error("nothing of it stays")]
    Empty,
    /// Ranges that overlap, or end before they begin.
    #[error("its ranges overlap or end before they begin")]
    Disordered,
    /// A range ends after the source.
    #[error("its ranges go beyond the end")]
    BeyondEnd,
    /// The drawing is out of bounds.
    #[error("the drawing is refused: {0}")]
    Drawing(#[from] BadDrawing),
}

impl Edit {
    /// The greatest number of the stored form. It is incremented when an earlier program could not read a new one.
    pub const FORMAT: u32 = 2;

    /// Returns the number of the stored form that this edit needs. Programs that know form 1 alone refuse ranges that
    /// are not in the order of the source.
    pub fn format(&self) -> u32 {
        match self {
            Edit::Cuts { keep, .. } if !keep.is_sorted_by_key(|range| range.start) => 2,
            Edit::Cuts { .. } | Edit::Annotations { .. } => 1,
        }
    }

    /// Returns the edit of a video that keeps all of it.
    pub fn whole(duration_ms: u64) -> Self {
        let keep = Vec::from([Range { start: 0, end: duration_ms }]);
        Edit::Cuts { keep, covers: Vec::new(), chapters: Vec::new() }
    }

    /// Checks the edit against its item. Pictures have no duration.
    pub fn check(&self, kind: ItemKind, duration_ms: u64) -> Result<(), BadEdit> {
        match self {
            Edit::Annotations { drawing } => match kind {
                ItemKind::Screenshot | ItemKind::Import => Ok(drawing.check()?),
                ItemKind::Recording => Err(BadEdit::OtherKind(kind)),
            },
            Edit::Cuts { .. } if kind == ItemKind::Screenshot => Err(BadEdit::OtherKind(kind)),
            Edit::Cuts { keep, covers, chapters: _ } => {
                check_kept(keep, duration_ms)?;
                match covers.iter().all(|cover| cover.during_ms.start < cover.during_ms.end) {
                    true => Ok(()),
                    false => Err(BadEdit::Disordered),
                }
            }
        }
    }

    /// Returns how long a video is after the cuts; `None` for a picture.
    pub fn duration_ms(&self) -> Option<u64> {
        match self {
            Edit::Annotations { .. } => None,
            Edit::Cuts { keep, .. } => {
                Some(keep.iter().map(|range| range.end.saturating_sub(range.start)).sum())
            }
        }
    }

    /// Returns where a moment of the source is after the cuts; `None` if it was cut out.
    pub fn position_ms(&self, source_ms: u64) -> Option<u64> {
        let Edit::Cuts { keep, .. } = self else { return None };
        let mut before_ms = 0;
        for range in keep {
            if range.contains(&source_ms) {
                return Some(before_ms + source_ms - range.start);
            }
            before_ms += range.end.saturating_sub(range.start);
        }
        None
    }
}

/// Returns the ranges with a stretch replaced by another range of the source, which plays in its place. If the stretch is
/// cut out already, it plays where the stretch was.
pub fn with_replaced(
    keep: &[Range<u64>],
    stretch: &Range<u64>,
    by: &Range<u64>,
) -> Vec<Range<u64>> {
    let is_touched = |range: &Range<u64>| range.start < stretch.end && stretch.start < range.end;
    let is_cut_out = !keep.iter().any(is_touched);
    let before = keep.iter().filter(|range| range.end <= stretch.start).max_by_key(|it| it.end);
    let mut replaced = Vec::with_capacity(keep.len() + 2);
    let mut is_placed = false;
    if is_cut_out && before.is_none() {
        replaced.push(by.clone());
    }
    for range in keep {
        if !is_touched(range) {
            replaced.push(range.clone());
            if is_cut_out && before == Some(range) {
                replaced.push(by.clone());
            }
            continue;
        }
        if range.start < stretch.start {
            replaced.push(range.start..stretch.start);
        }
        if !is_placed {
            replaced.push(by.clone());
            is_placed = true;
        }
        if stretch.end < range.end {
            replaced.push(stretch.end..range.end);
        }
    }
    replaced
}

/// Checks that the ranges don't overlap, and are inside of the source.
pub(crate) fn check_kept(keep: &[Range<u64>], duration_ms: u64) -> Result<(), BadEdit> {
    let mut by_source: Vec<&Range<u64>> = keep.iter().collect();
    by_source.sort_unstable_by_key(|range| range.start);
    let last = by_source.last().ok_or(BadEdit::Empty)?;
    let is_ordered = by_source.iter().all(|range| range.start < range.end)
        && by_source.windows(2).all(|pair| pair[0].end <= pair[1].start);
    match (is_ordered, last.end <= duration_ms) {
        (false, _) => Err(BadEdit::Disordered),
        (true, false) => Err(BadEdit::BeyondEnd),
        (true, true) => Ok(()),
    }
}

/// An edit in its stored form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredEdit {
    /// The number of the form.
    pub format: u32,
    /// The edit.
    #[serde(flatten)]
    pub edit: Edit,
}

impl From<Edit> for StoredEdit {
    fn from(edit: Edit) -> Self {
        StoredEdit { format: edit.format(), edit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cuts(keep: &[Range<u64>]) -> Edit {
        Edit::Cuts { keep: keep.to_vec(), covers: Vec::new(), chapters: Vec::new() }
    }

    #[test]
    fn cuts_are_refused_when_ranges_overlap_or_leave_nothing() {
        let of = |keep: &[Range<u64>]| cuts(keep).check(ItemKind::Recording, 10_000);
        assert_eq!(of(&[0..4_000, 6_000..10_000]), Ok(()));
        assert_eq!(of(&[0..4_000, 4_000..10_000]), Ok(()));
        assert_eq!(of(&[]), Err(BadEdit::Empty));
        assert_eq!(of(&[0..4_000, 3_999..10_000]), Err(BadEdit::Disordered));
        assert_eq!(of(&[6_000..10_000, 0..4_000]), Ok(()), "another order of playing");
        assert_eq!(of(&[6_000..10_000, 0..6_001]), Err(BadEdit::Disordered));
        assert_eq!(of(&[Range { start: 5, end: 5 }]), Err(BadEdit::Disordered));
        assert_eq!(of(&[0..4_000, 4_000..10_001]), Err(BadEdit::BeyondEnd));
    }

    #[test]
    fn edit_is_refused_when_it_is_of_another_kind() {
        let drawn = Edit::Annotations { drawing: Drawing::default() };
        let other = |kind| Err(BadEdit::OtherKind(kind));
        assert_eq!(drawn.check(ItemKind::Screenshot, 0), Ok(()));
        assert_eq!(drawn.check(ItemKind::Recording, 1), other(ItemKind::Recording));
        assert_eq!(Edit::whole(1).check(ItemKind::Screenshot, 0), other(ItemKind::Screenshot));
    }

    #[test]
    fn edit_is_refused_when_its_drawing_is() {
        let canvas = Canvas { quarter_turns: 4, ..Canvas::default() };
        let drawn = Edit::Annotations { drawing: Drawing { canvas, shapes: Vec::new() } };
        let refused = Err(BadEdit::Drawing(BadDrawing::BadCanvas));
        assert_eq!(drawn.check(ItemKind::Import, 0), refused);
    }

    #[test]
    fn stored_drawing_is_read_again_as_it_was() {
        let area = Area { x: 1, y: 2, width: 3, height: 4 };
        let cover = Shape { id: 1, kind: ShapeKind::Cover { area, color: Rgb([0; 3]) } };
        let drawing = Drawing { canvas: Canvas::default(), shapes: vec![cover] };
        let stored = StoredEdit::from(Edit::Annotations { drawing });
        let json = serde_json::to_string(&stored).unwrap();
        assert_eq!(serde_json::from_str::<StoredEdit>(&json).unwrap(), stored);
        assert!(
            json.starts_with(r#"{"format":1,"kind":"annotations","drawing":{"canvas":{"#),
            "{json}"
        );
    }

    #[test]
    fn another_order_of_playing_needs_a_newer_form() {
        let form = |keep: &[Range<u64>]| StoredEdit::from(cuts(keep)).format;
        assert_eq!(form(&[0..4_000, 6_000..10_000]), 1);
        assert_eq!(form(&[0..4_000, 8_000..10_000, 6_000..8_000]), 2);
    }

    #[test]
    #[allow(clippy::single_range_in_vec_init, reason = "an edit may keep one range")]
    fn stretch_is_replaced_where_it_was_played() {
        let by = 10..14;
        for (keep, stretch, expected) in [
            (&[0..10][..], 3..5, &[0..3, 10..14, 5..10][..]),
            (&[0..10], 0..5, &[10..14, 5..10]),
            (&[0..10], 5..10, &[0..5, 10..14]),
            (&[0..10], 0..10, std::slice::from_ref(&by)),
            // Part of it is cut out already, or all.
            (&[0..3, 4..10], 2..6, &[0..2, 10..14, 6..10]),
            (&[0..3, 6..10], 4..5, &[0..3, 10..14, 6..10]),
            (std::slice::from_ref(&(0..3)), 4..5, &[0..3, 10..14]),
            (std::slice::from_ref(&(6..9)), 4..5, &[10..14, 6..9]),
            // Something was replaced before.
            (&[0..3, 14..16, 5..10], 6..7, &[0..3, 14..16, 5..6, 10..14, 7..10]),
        ] {
            assert_eq!(with_replaced(keep, &stretch, &by), expected, "{keep:?} {stretch:?}");
        }
    }

    #[test]
    fn moments_move_forward_by_what_was_cut_before_them() {
        let edit = cuts(&[1_000..2_000, 5_000..6_000]);
        assert_eq!(edit.duration_ms(), Some(2_000));
        assert_eq!(edit.position_ms(1_500), Some(500));
        assert_eq!(edit.position_ms(5_000), Some(1_000));
        assert_eq!(edit.position_ms(2_000), None);
    }
}
