//! Random drawings: nothing panics, and what is hidden stays hidden.

use proptest::prelude::*;
use snaplark_core::edit::{Background, Paint};

use super::*;

const WIDTH: u32 = 48;
const HEIGHT: u32 = 36;
/// Drawings for each property. Each is exported several times.
const CASES: u32 = 96;

fn points() -> impl Strategy<Value = Point> {
    let near = -20..80;
    let far = prop_oneof![Just(-65_536), Just(65_536), -65_536..=65_536];
    let at = prop_oneof![9 => near, 1 => far];
    (at.clone(), at).prop_map(|(x, y)| Point { x, y })
}

fn areas() -> impl Strategy<Value = Area> {
    let side = prop_oneof![9 => 0_u32..50, 1 => 0_u32..=65_536];
    (points(), side.clone(), side).prop_map(|(Point { x, y }, width, height)| Area {
        x,
        y,
        width,
        height,
    })
}

fn colors() -> impl Strategy<Value = Rgb> {
    any::<[u8; 3]>().prop_map(Rgb)
}

fn widths() -> impl Strategy<Value = u32> {
    prop_oneof![9 => 1_u32..20, 1 => 1_u32..=1_000]
}

fn shapes() -> impl Strategy<Value = ShapeKind> {
    let strokes = || prop::collection::vec(points(), 0..12);
    let texts =
        prop_oneof![".{0,12}", Just("مرحبا\n".to_owned()), Just("a\n\n<&>\u{202e}b".to_owned())];
    prop_oneof![
        (points(), points(), prop::option::of(points()), colors(), widths()).prop_map(
            |(from, to, bend, color, width_px)| ShapeKind::Arrow {
                from,
                to,
                bend,
                color,
                width_px
            }
        ),
        (points(), points(), colors(), widths())
            .prop_map(|(from, to, color, width_px)| ShapeKind::Line { from, to, color, width_px }),
        (areas(), 0_u32..30, any::<bool>(), colors(), widths()).prop_map(
            |(area, radius_px, filled, color, width_px)| {
                ShapeKind::Box { area, radius_px, filled, color, width_px }
            }
        ),
        (areas(), any::<bool>(), colors(), widths()).prop_map(|(area, filled, color, width_px)| {
            ShapeKind::Ellipse { area, filled, color, width_px }
        }),
        (strokes(), colors(), widths()).prop_map(|(points, color, width_px)| ShapeKind::Pen {
            points,
            color,
            width_px
        }),
        (strokes(), colors(), widths()).prop_map(|(points, color, width_px)| ShapeKind::Marker {
            points,
            color,
            width_px
        }),
        (points(), texts, 1_u32..60, colors(), any::<bool>()).prop_map(
            |(at, text, size_px, color, plate)| ShapeKind::Text { at, text, size_px, color, plate }
        ),
        (points(), 0_u32..10_000, 1_u32..60, colors()).prop_map(|(at, number, size_px, color)| {
            ShapeKind::Step { at, number, size_px, color }
        }),
        (points(), "[👍❤🇩a]{0,3}", 1_u32..60).prop_map(|(at, emoji, size_px)| ShapeKind::Emoji {
            at,
            emoji,
            size_px
        }),
        (areas(), 1_u32..=500).prop_map(|(area, radius_px)| ShapeKind::Blur { area, radius_px }),
        hiding(),
        areas().prop_map(|area| ShapeKind::Spotlight { area }),
    ]
}

fn hiding() -> impl Strategy<Value = ShapeKind> {
    prop_oneof![
        (areas(), 1_u32..=500).prop_map(|(area, block_px)| ShapeKind::Pixelate { area, block_px }),
        (areas(), colors()).prop_map(|(area, color)| ShapeKind::Cover { area, color }),
    ]
}

fn canvases() -> impl Strategy<Value = Canvas> {
    let paint = prop_oneof![
        colors().prop_map(|color| Paint::Solid { color }),
        (colors(), colors(), 0_u16..360).prop_map(|(from, to, degrees)| Paint::Gradient {
            from,
            to,
            degrees
        }),
    ];
    let background = (paint, 0_u32..60, 0_u32..60, any::<bool>()).prop_map(
        |(paint, padding_px, radius_px, shadow)| Background {
            paint,
            padding_px,
            radius_px,
            shadow,
        },
    );
    let crop = areas().prop_filter("a crop has pixels", |area| !area.is_empty());
    (
        prop::option::weighted(0.3, crop),
        0_u8..4,
        prop::option::weighted(0.3, 1_u32..200),
        prop::option::weighted(0.3, background),
    )
        .prop_map(|(crop, quarter_turns, width, background)| Canvas {
            crop,
            quarter_turns,
            width,
            background,
        })
}

fn drawings() -> impl Strategy<Value = Drawing> {
    (canvases(), prop::collection::vec(shapes(), 0..8))
        .prop_map(|(canvas, kinds)| Drawing { canvas, ..drawing(kinds) })
}

fn hidden_areas(drawing: &Drawing) -> Vec<Area> {
    let area = |shape: &Shape| match shape.kind {
        ShapeKind::Cover { area, .. } | ShapeKind::Pixelate { area, .. } => Some(area),
        ShapeKind::Arrow { .. }
        | ShapeKind::Line { .. }
        | ShapeKind::Box { .. }
        | ShapeKind::Ellipse { .. }
        | ShapeKind::Pen { .. }
        | ShapeKind::Marker { .. }
        | ShapeKind::Text { .. }
        | ShapeKind::Step { .. }
        | ShapeKind::Emoji { .. }
        | ShapeKind::Blur { .. }
        | ShapeKind::Spotlight { .. } => None,
    };
    drawing.shapes.iter().filter_map(area).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_drawing_is_exported_or_refused(drawing in drawings()) {
        prop_assert_eq!(drawing.check(), Ok(()));
        let source = png_of(&pattern(WIDTH, HEIGHT));
        match export(&source, &drawing, PictureFormat::Png) {
            Ok(file) => prop_assert_eq!(
                image::load_from_memory(&file).map(|_| ()).map_err(|error| error.to_string()),
                Ok(())
            ),
            Err(RenderError::EmptyCrop | RenderError::PictureTooLarge { .. }) => {}
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }

    #[test]
    fn what_is_hidden_stays_hidden(
        canvas in canvases(),
        below in prop::collection::vec(shapes(), 0..4),
        hide in hiding(),
        above in prop::collection::vec(shapes(), 0..4),
        seed in any::<u32>(),
    ) {
        let kinds = below.into_iter().chain([hide]).chain(above).collect();
        let drawing = Drawing { canvas, ..drawing(kinds) };
        let original = pattern(WIDTH, HEIGHT);
        let other = hidden_areas(&drawing)
            .into_iter()
            .fold(original.clone(), |picture, area| altered(&picture, area, seed));
        let (original, other) = (png_of(&original), png_of(&other));
        for format in [PictureFormat::Png, PictureFormat::Jpeg { quality: 90 }] {
            let one = export(&original, &drawing, format);
            let two = export(&other, &drawing, format);
            prop_assert!(one == two, "{:?}", format);
        }
    }
}
