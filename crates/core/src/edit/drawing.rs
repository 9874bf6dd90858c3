//! The drawing of a person on a picture, as data beside the original pixels.
//!
//! The editor's window changes it, `render` draws it, and both take the JSON that serde makes of these types
//! (TypeScript's types come from here by ts-rs). All positions and sizes are whole pixels of the original
//! picture. [`Drawing::check`] bounds everything, so that nobody's file costs much memory or time.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;
use ts_rs::TS;

/// The most shapes of a drawing. A step-by-step guide has some dozens.
pub const SHAPES_MAX: usize = 2_000;
/// The most points of one stroke: two minutes of a pen that reports 125 times a second.
pub const STROKE_POINTS_MAX: usize = 15_000;
/// The most points of all strokes together, which bounds the time that drawing takes.
pub const POINTS_MAX: usize = 150_000;
/// The most bytes of one text: some pages.
pub const TEXT_BYTES_MAX: usize = 8_000;
/// The most bytes of all texts together, which bounds the time that setting them takes.
pub const TEXTS_BYTES_MAX: usize = 64_000;
/// The most bytes of an emoji. The longest that Unicode lists, a family with skin tones, has 41.
pub const EMOJI_BYTES_MAX: usize = 64;
/// The greatest distance of a position from the upper left corner, and the greatest side of an area: twice
/// the widest picture, so that a shape may hang over the edge.
pub const POSITION_PX_MAX: i32 = 65_536;
/// The widest stroke and the widest corner.
pub const STROKE_PX_MAX: u32 = 1_000;
/// The largest letters, steps and emoji.
pub const LETTERS_PX_MAX: u32 = 2_000;
/// The largest block of a pixelated area, and the widest blur.
pub const EFFECT_PX_MAX: u32 = 500;
/// The greatest number in a step's circle.
pub const STEP_NUMBER_MAX: u32 = 9_999;
/// The widest output.
pub const OUTPUT_WIDTH_PX_MAX: u32 = 16_384;
/// The widest padding, and the widest corner of the background.
pub const PADDING_PX_MAX: u32 = 2_000;
/// The longest stored form. A drawing of [`POINTS_MAX`] points has about 4 MB; whoever reads a drawing from
/// outside checks this before parsing.
pub const DRAWING_JSON_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Everything that was drawn onto a picture, and how its canvas was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
#[ts(export)]
pub struct Drawing {
    /// The changes of the picture as a whole.
    pub canvas: Canvas,
    /// The later ones lie above the earlier ones.
    #[serde(deserialize_with = "at_most::<SHAPES_MAX, _, _>")]
    pub shapes: Vec<Shape>,
}

/// The changes of the picture as a whole, in the order of the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default, rename_all = "camelCase")]
#[ts(export)]
pub struct Canvas {
    /// The part of the original that stays. What lies outside of the original is cut off.
    pub crop: Option<Area>,
    /// Clockwise turns by 90 degrees, 0 to 3.
    pub quarter_turns: u8,
    /// The width of the picture after crop and turns; the height follows.
    pub width: Option<u32>,
    /// The background around the picture.
    pub background: Option<Background>,
}

/// The background around the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Background {
    /// Its color or gradient.
    pub paint: Paint,
    /// Its width on each side, in pixels of the output.
    pub padding_px: u32,
    /// The radius of the picture's corners, in pixels of the output.
    pub radius_px: u32,
    /// Whether the picture throws a shadow onto the background.
    pub shadow: bool,
}

/// A background's color or gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[ts(export)]
pub enum Paint {
    /// One color.
    Solid {
        /// The color.
        color: Rgb,
    },
    /// A linear gradient.
    Gradient {
        /// The color at its beginning.
        from: Rgb,
        /// The color at its end.
        to: Rgb,
        /// Its direction as in CSS: 0 is upwards, 90 to the right. Below 360.
        degrees: u16,
    },
}

/// Something that was drawn onto the picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Shape {
    /// Its name within the drawing.
    pub id: u32,
    /// The kind of shape.
    #[serde(flatten)]
    pub kind: ShapeKind,
}

/// The kind of a shape: one variant for each tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "tool", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[ts(export)]
pub enum ShapeKind {
    /// An arrow that points to its end.
    Arrow {
        /// Its start.
        from: Point,
        /// Its head.
        to: Point,
        /// The point that a curved arrow bends towards (the control point of a quadratic curve).
        bend: Option<Point>,
        /// Its color.
        color: Rgb,
        /// The stroke's width.
        width_px: u32,
    },
    /// A straight line.
    Line {
        /// Its start.
        from: Point,
        /// Its end.
        to: Point,
        /// Its color.
        color: Rgb,
        /// The stroke's width.
        width_px: u32,
    },
    /// A rectangle.
    Box {
        /// The rectangle; the stroke lies on its edge.
        area: Area,
        /// The radius of its corners.
        radius_px: u32,
        /// Whether it is filled.
        filled: bool,
        /// Its color.
        color: Rgb,
        /// The stroke's width.
        width_px: u32,
    },
    /// An ellipse.
    Ellipse {
        /// The rectangle around it; the stroke lies on its edge.
        area: Area,
        /// Whether it is filled.
        filled: bool,
        /// Its color.
        color: Rgb,
        /// The stroke's width.
        width_px: u32,
    },
    /// A line that was drawn freely.
    Pen {
        /// The line's points.
        #[serde(deserialize_with = "at_most::<STROKE_POINTS_MAX, _, _>")]
        points: Vec<Point>,
        /// Its color.
        color: Rgb,
        /// The stroke's width.
        width_px: u32,
    },
    /// A half transparent line that was drawn freely; its color is multiplied with what lies below.
    Marker {
        /// The line's points.
        #[serde(deserialize_with = "at_most::<STROKE_POINTS_MAX, _, _>")]
        points: Vec<Point>,
        /// Its color.
        color: Rgb,
        /// The stroke's width.
        width_px: u32,
    },
    /// A text.
    Text {
        /// The upper left corner of the first line's box.
        at: Point,
        /// The text. It may have several lines.
        text: String,
        /// The letters' size.
        size_px: u32,
        /// Its color.
        color: Rgb,
        /// Whether it stands on a plate of this color (and is itself black or white).
        plate: bool,
    },
    /// A number in a circle.
    Step {
        /// The center of the circle.
        at: Point,
        /// The number.
        number: u32,
        /// The diameter of the circle.
        size_px: u32,
        /// The circle's color.
        color: Rgb,
    },
    /// An emoji.
    Emoji {
        /// Its center.
        at: Point,
        /// The emoji: one sign of Unicode, perhaps of several code points.
        emoji: String,
        /// Its height.
        size_px: u32,
    },
    /// An area that is blurred. A blur can be undone: it isn't for secrets.
    Blur {
        /// The area.
        area: Area,
        /// How far a pixel is spread.
        radius_px: u32,
    },
    /// An area that is hidden behind blocks, whose colors are computed from the pixels around the area only.
    Pixelate {
        /// The area.
        area: Area,
        /// The side of a block.
        block_px: u32,
    },
    /// An area that is hidden behind one color.
    Cover {
        /// The area.
        area: Area,
        /// The color.
        color: Rgb,
    },
    /// An area that stays bright while the rest of the picture is darkened, except other spotlights.
    Spotlight {
        /// The area.
        area: Area,
    },
}

/// A position in pixels from the upper left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Point {
    /// The distance from the left edge.
    pub x: i32,
    /// The distance from the upper edge.
    pub y: i32,
}

/// A rectangle in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Area {
    /// The distance from the left edge.
    pub x: i32,
    /// The distance from the upper edge.
    pub y: i32,
    /// The width; an area without one is empty.
    pub width: u32,
    /// The height; an area without one is empty.
    pub height: u32,
}

/// A color as red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct Rgb(pub [u8; 3]);

/// Why a drawing is refused. Shapes are named by their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadDrawing {
    /// There are more shapes than [`SHAPES_MAX`].
    #[error("it has more than {SHAPES_MAX} shapes")]
    TooManyShapes,
    /// A stroke has more points than [`STROKE_POINTS_MAX`], or all have more than [`POINTS_MAX`].
    #[error("its strokes have too many points")]
    TooManyPoints,
    /// A text is longer than [`TEXT_BYTES_MAX`], or all are longer than [`TEXTS_BYTES_MAX`].
    #[error("its texts are too long")]
    TooMuchText,
    /// Two shapes have the same id.
    #[error("the id {0} is used twice")]
    RepeatedId(u32),
    /// A position, a size or a number of a shape is out of bounds.
    #[error("shape {0} has a position or a size that is out of bounds")]
    OutOfBounds(u32),
    /// The crop, the turns, the width or the background are out of bounds.
    #[error("its canvas is out of bounds")]
    BadCanvas,
}

impl Drawing {
    /// Returns whether the drawing leaves the picture as it is.
    pub fn is_empty(&self) -> bool {
        self.shapes.is_empty() && self.canvas == Canvas::default()
    }

    /// Checks every count, position and size against its limit.
    pub fn check(&self) -> Result<(), BadDrawing> {
        self.canvas.check()?;
        if self.shapes.len() > SHAPES_MAX {
            return Err(BadDrawing::TooManyShapes);
        }
        let (mut ids, mut points, mut text_bytes) = (BTreeSet::new(), 0, 0);
        for shape in &self.shapes {
            if !ids.insert(shape.id) {
                return Err(BadDrawing::RepeatedId(shape.id));
            }
            match &shape.kind {
                ShapeKind::Pen { points: stroke, .. }
                | ShapeKind::Marker { points: stroke, .. } => {
                    points += stroke.len();
                    if stroke.len() > STROKE_POINTS_MAX || points > POINTS_MAX {
                        return Err(BadDrawing::TooManyPoints);
                    }
                }
                ShapeKind::Text { text, .. } => {
                    text_bytes += text.len();
                    if text.len() > TEXT_BYTES_MAX || text_bytes > TEXTS_BYTES_MAX {
                        return Err(BadDrawing::TooMuchText);
                    }
                }
                ShapeKind::Arrow { .. }
                | ShapeKind::Line { .. }
                | ShapeKind::Box { .. }
                | ShapeKind::Ellipse { .. }
                | ShapeKind::Step { .. }
                | ShapeKind::Emoji { .. }
                | ShapeKind::Blur { .. }
                | ShapeKind::Pixelate { .. }
                | ShapeKind::Cover { .. }
                | ShapeKind::Spotlight { .. } => {}
            }
            if !shape.kind.is_bounded() {
                return Err(BadDrawing::OutOfBounds(shape.id));
            }
        }
        Ok(())
    }
}

impl Canvas {
    fn check(&self) -> Result<(), BadDrawing> {
        let crop = self.crop.is_none_or(|area| area.is_bounded() && !area.is_empty());
        let width = self.width.is_none_or(|width| (1..=OUTPUT_WIDTH_PX_MAX).contains(&width));
        let background = self.background.is_none_or(|background| {
            let paint = match background.paint {
                Paint::Solid { .. } => true,
                Paint::Gradient { degrees, .. } => degrees < 360,
            };
            paint
                && background.padding_px <= PADDING_PX_MAX
                && background.radius_px <= PADDING_PX_MAX
        });
        match crop && width && background && self.quarter_turns < 4 {
            true => Ok(()),
            false => Err(BadDrawing::BadCanvas),
        }
    }
}

impl ShapeKind {
    fn is_bounded(&self) -> bool {
        let stroke = |width_px: u32| (1..=STROKE_PX_MAX).contains(&width_px);
        let letters = |size_px: u32| (1..=LETTERS_PX_MAX).contains(&size_px);
        let effect = |size_px: u32| (1..=EFFECT_PX_MAX).contains(&size_px);
        match self {
            ShapeKind::Arrow { from, to, bend, width_px, .. } => {
                from.is_bounded()
                    && to.is_bounded()
                    && bend.is_none_or(Point::is_bounded)
                    && stroke(*width_px)
            }
            ShapeKind::Line { from, to, width_px, .. } => {
                from.is_bounded() && to.is_bounded() && stroke(*width_px)
            }
            ShapeKind::Box { area, radius_px, width_px, .. } => {
                area.is_bounded() && *radius_px <= STROKE_PX_MAX && stroke(*width_px)
            }
            ShapeKind::Ellipse { area, width_px, .. } => area.is_bounded() && stroke(*width_px),
            ShapeKind::Pen { points, width_px, .. }
            | ShapeKind::Marker { points, width_px, .. } => {
                points.iter().all(|point| point.is_bounded()) && stroke(*width_px)
            }
            ShapeKind::Text { at, size_px, .. } => at.is_bounded() && letters(*size_px),
            ShapeKind::Step { at, number, size_px, .. } => {
                at.is_bounded() && letters(*size_px) && *number <= STEP_NUMBER_MAX
            }
            ShapeKind::Emoji { at, emoji, size_px } => {
                at.is_bounded() && letters(*size_px) && emoji.len() <= EMOJI_BYTES_MAX
            }
            ShapeKind::Blur { area, radius_px } => area.is_bounded() && effect(*radius_px),
            ShapeKind::Pixelate { area, block_px } => area.is_bounded() && effect(*block_px),
            ShapeKind::Cover { area, .. } | ShapeKind::Spotlight { area } => area.is_bounded(),
        }
    }
}

impl Point {
    fn is_bounded(self) -> bool {
        let in_bounds = |at: i32| (-POSITION_PX_MAX..=POSITION_PX_MAX).contains(&at);
        in_bounds(self.x) && in_bounds(self.y)
    }
}

impl Area {
    /// Returns whether the area holds no pixel.
    pub fn is_empty(self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// Returns the part of the area that lies within a picture of this size; `None` if there is none.
    pub fn within(self, width: u32, height: u32) -> Option<Self> {
        let (x, right) = overlap(self.x, self.width, width)?;
        let (y, bottom) = overlap(self.y, self.height, height)?;
        Some(Area { x: x.cast_signed(), y: y.cast_signed(), width: right - x, height: bottom - y })
    }

    fn is_bounded(self) -> bool {
        let side = |px: u32| px <= POSITION_PX_MAX.unsigned_abs();
        Point { x: self.x, y: self.y }.is_bounded() && side(self.width) && side(self.height)
    }
}

/// Returns begin and end of what a range has in common with `0..length`.
fn overlap(begin: i32, size: u32, length: u32) -> Option<(u32, u32)> {
    let end = i64::from(begin) + i64::from(size);
    let end = u32::try_from(end.clamp(0, i64::from(length))).ok()?;
    let begin = u32::try_from(begin.max(0)).ok()?;
    (begin < end).then_some((begin, end))
}

/// Deserializes a list, and refuses it at the first element that is one too many.
fn at_most<'de, const MAX: usize, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct AtMost<const MAX: usize, T>(PhantomData<T>);

    impl<'de, const MAX: usize, T: Deserialize<'de>> Visitor<'de> for AtMost<MAX, T> {
        type Value = Vec<T>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(formatter, "a list of at most {MAX}")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut read = Vec::new();
            while let Some(element) = list.next_element()? {
                if read.len() == MAX {
                    return Err(A::Error::invalid_length(MAX + 1, &self));
                }
                read.push(element);
            }
            Ok(read)
        }
    }

    deserializer.deserialize_seq(AtMost::<MAX, T>(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(x: i32, y: i32) -> Point {
        Point { x, y }
    }

    fn with(kind: ShapeKind) -> Drawing {
        Drawing { canvas: Canvas::default(), shapes: vec![Shape { id: 1, kind }] }
    }

    fn pen(points: usize) -> ShapeKind {
        ShapeKind::Pen { points: vec![point(0, 0); points], color: Rgb([0; 3]), width_px: 4 }
    }

    fn text(bytes: usize) -> ShapeKind {
        let text = "a".repeat(bytes);
        ShapeKind::Text { at: point(0, 0), text, size_px: 20, color: Rgb([0; 3]), plate: false }
    }

    #[test]
    fn json_of_the_contract_is_read_and_written_as_it_is() {
        let json = r#"{"canvas":{"crop":{"x":-3,"y":0,"width":10,"height":10},"quarterTurns":3,"width":1280,"background":{"paint":{"kind":"gradient","from":[1,2,3],"to":[4,5,6],"degrees":135},"paddingPx":64,"radiusPx":12,"shadow":true}},"shapes":[{"id":1,"tool":"arrow","from":{"x":1,"y":2},"to":{"x":3,"y":4},"bend":null,"color":[255,0,0],"widthPx":4},{"id":2,"tool":"line","from":{"x":1,"y":2},"to":{"x":3,"y":4},"color":[255,0,0],"widthPx":4},{"id":3,"tool":"box","area":{"x":1,"y":2,"width":3,"height":4},"radiusPx":2,"filled":false,"color":[255,0,0],"widthPx":4},{"id":4,"tool":"ellipse","area":{"x":1,"y":2,"width":3,"height":4},"filled":true,"color":[255,0,0],"widthPx":4},{"id":5,"tool":"pen","points":[{"x":1,"y":2}],"color":[255,0,0],"widthPx":4},{"id":6,"tool":"marker","points":[{"x":1,"y":2}],"color":[255,0,0],"widthPx":4},{"id":7,"tool":"text","at":{"x":1,"y":2},"text":"a","sizePx":24,"color":[255,0,0],"plate":true},{"id":8,"tool":"step","at":{"x":1,"y":2},"number":1,"sizePx":24,"color":[255,0,0]},{"id":9,"tool":"emoji","at":{"x":1,"y":2},"emoji":"👍","sizePx":24},{"id":10,"tool":"blur","area":{"x":1,"y":2,"width":3,"height":4},"radiusPx":8},{"id":11,"tool":"pixelate","area":{"x":1,"y":2,"width":3,"height":4},"blockPx":8},{"id":12,"tool":"cover","area":{"x":1,"y":2,"width":3,"height":4},"color":[0,0,0]},{"id":13,"tool":"spotlight","area":{"x":1,"y":2,"width":3,"height":4}}]}"#;
        let drawing: Drawing = serde_json::from_str(json).unwrap();
        assert_eq!(drawing.check(), Ok(()));
        assert_eq!(serde_json::to_string(&drawing).unwrap(), json);
        assert_eq!(serde_json::from_str::<Drawing>("{}").unwrap(), Drawing::default());
    }

    #[test]
    fn json_with_too_long_lists_is_refused_while_it_is_read() {
        let shapes = |count| format!("{{\"shapes\":[{}]}}", vec!["null"; count].join(","));
        let error = serde_json::from_str::<Drawing>(&shapes(1)).unwrap_err();
        assert!(!error.to_string().contains("at most"), "{error}");
        let points = vec![r#"{"x":0,"y":0}"#; STROKE_POINTS_MAX + 1].join(",");
        let json = format!(r#"{{"tool":"pen","points":[{points}],"color":[0,0,0],"widthPx":1}}"#);
        let error = serde_json::from_str::<ShapeKind>(&json).unwrap_err();
        assert!(error.to_string().contains("at most 15000"), "{error}");
        let area = r#"{"id":1,"tool":"spotlight","area":{"x":0,"y":0,"width":1,"height":1}}"#;
        let json = format!("{{\"shapes\":[{}]}}", vec![area; SHAPES_MAX + 1].join(","));
        let error = serde_json::from_str::<Drawing>(&json).unwrap_err();
        assert!(error.to_string().contains("at most 2000"), "{error}");
    }

    #[test]
    fn numbers_that_are_no_whole_pixels_are_refused() {
        for x in ["0.5", "1e10", "99999999999", "\"1\"", "null"] {
            let json = format!(r#"{{"x":{x},"y":0}}"#);
            assert!(serde_json::from_str::<Point>(&json).is_err(), "{json}");
        }
    }

    #[test]
    fn drawing_is_refused_when_it_has_too_much_of_anything() {
        assert_eq!(with(pen(STROKE_POINTS_MAX)).check(), Ok(()));
        assert_eq!(with(pen(STROKE_POINTS_MAX + 1)).check(), Err(BadDrawing::TooManyPoints));
        assert_eq!(with(text(TEXT_BYTES_MAX)).check(), Ok(()));
        assert_eq!(with(text(TEXT_BYTES_MAX + 1)).check(), Err(BadDrawing::TooMuchText));
        let many = |kind: ShapeKind, count: u32| {
            let shapes = (0..count).map(|id| Shape { id, kind: kind.clone() }).collect();
            Drawing { canvas: Canvas::default(), shapes }.check()
        };
        assert_eq!(many(pen(STROKE_POINTS_MAX), 10), Ok(()));
        assert_eq!(many(pen(STROKE_POINTS_MAX), 11), Err(BadDrawing::TooManyPoints));
        assert_eq!(many(text(TEXT_BYTES_MAX), 8), Ok(()));
        assert_eq!(many(text(TEXT_BYTES_MAX), 9), Err(BadDrawing::TooMuchText));
        assert_eq!(many(pen(1), SHAPES_MAX as u32), Ok(()));
        assert_eq!(many(pen(1), SHAPES_MAX as u32 + 1), Err(BadDrawing::TooManyShapes));
    }

    #[test]
    fn drawing_is_refused_when_a_size_is_out_of_bounds() {
        let bad = Err(BadDrawing::OutOfBounds(1));
        let line = |to: Point, width_px| {
            let color = Rgb([0; 3]);
            with(ShapeKind::Line { from: point(0, 0), to, color, width_px }).check()
        };
        assert_eq!(line(point(POSITION_PX_MAX, -POSITION_PX_MAX), STROKE_PX_MAX), Ok(()));
        assert_eq!(line(point(POSITION_PX_MAX + 1, 0), 1), bad);
        assert_eq!(line(point(0, i32::MIN), 1), bad);
        assert_eq!(line(point(0, 0), 0), bad);
        assert_eq!(line(point(0, 0), STROKE_PX_MAX + 1), bad);
        let wide = Area { x: 0, y: 0, width: u32::MAX, height: 1 };
        assert_eq!(with(ShapeKind::Spotlight { area: wide }).check(), bad);
        let area = Area { width: 10, ..wide };
        assert_eq!(with(ShapeKind::Pixelate { area, block_px: 0 }).check(), bad);
        assert_eq!(with(ShapeKind::Blur { area, radius_px: EFFECT_PX_MAX + 1 }).check(), bad);
        let step = ShapeKind::Step {
            at: point(0, 0),
            number: STEP_NUMBER_MAX + 1,
            size_px: 20,
            color: Rgb([0; 3]),
        };
        assert_eq!(with(step).check(), bad);
        let emoji = "a".repeat(EMOJI_BYTES_MAX + 1);
        assert_eq!(with(ShapeKind::Emoji { at: point(0, 0), emoji, size_px: 20 }).check(), bad);
    }

    #[test]
    fn drawing_is_refused_when_its_canvas_is_out_of_bounds() {
        let check = |canvas: Canvas| Drawing { canvas, shapes: Vec::new() }.check();
        let ok = Canvas::default();
        let area = Area { x: 0, y: 0, width: 0, height: 1 };
        let paint = Paint::Gradient { from: Rgb([0; 3]), to: Rgb([1; 3]), degrees: 359 };
        let background = Background { paint, padding_px: 64, radius_px: 12, shadow: true };
        let of = |background| check(Canvas { background: Some(background), ..ok });
        assert_eq!(of(background), Ok(()));
        let bad = Err(BadDrawing::BadCanvas);
        assert_eq!(of(Background { padding_px: PADDING_PX_MAX + 1, ..background }), bad);
        let turned = Paint::Gradient { from: Rgb([0; 3]), to: Rgb([1; 3]), degrees: 360 };
        assert_eq!(of(Background { paint: turned, ..background }), bad);
        assert_eq!(check(Canvas { crop: Some(area), ..ok }), bad);
        assert_eq!(check(Canvas { quarter_turns: 4, ..ok }), bad);
        assert_eq!(check(Canvas { width: Some(0), ..ok }), bad);
        assert_eq!(check(Canvas { width: Some(OUTPUT_WIDTH_PX_MAX + 1), ..ok }), bad);
    }

    #[test]
    fn shapes_have_ids_of_their_own() {
        let shape = Shape { id: 7, kind: pen(1) };
        let drawing = Drawing { canvas: Canvas::default(), shapes: vec![shape.clone(), shape] };
        assert_eq!(drawing.check(), Err(BadDrawing::RepeatedId(7)));
    }

    #[test]
    fn area_is_clamped_to_the_picture() {
        let within = |x, y, width, height| Area { x, y, width, height }.within(100, 50);
        let area = |x, y, width, height| Some(Area { x, y, width, height });
        assert_eq!(within(10, 10, 5, 5), area(10, 10, 5, 5));
        assert_eq!(within(-10, -20, 200, 200), area(0, 0, 100, 50));
        assert_eq!(within(95, 45, u32::MAX, u32::MAX), area(95, 45, 5, 5));
        assert_eq!(within(100, 0, 1, 1), None);
        assert_eq!(within(-5, 0, 5, 1), None);
        assert_eq!(within(i32::MIN, i32::MIN, u32::MAX, u32::MAX), area(0, 0, 100, 50));
        assert_eq!(within(i32::MAX, 0, 1, 1), None);
    }
}
