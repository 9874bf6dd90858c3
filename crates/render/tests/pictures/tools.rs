//! Each tool against a kept picture. They are equal within the tolerance below, which is for rounding of another
//! processor or of a new version of the library that draws; a shape that moves by a pixel exceeds it.
//!
//! `SNAPLARK_WRITE_FIXTURES=1` writes the kept pictures anew. Look at them before they are committed.

use super::*;

const WIDTH: u32 = 160;
const HEIGHT: u32 = 120;
/// How far a channel may be from the kept one.
const CHANNEL_TOLERANCE: u8 = 12;
/// How many pixels may be farther off.
const PIXELS_TOLERANCE: usize = (WIDTH * HEIGHT) as usize / 500;

fn holds(name: &str, kinds: Vec<ShapeKind>) {
    holds_with(name, &drawing(kinds));
}

fn holds_with(name: &str, drawing: &Drawing) {
    let file = export(&png_of(&pattern(WIDTH, HEIGHT)), drawing, PictureFormat::Png).unwrap();
    let path = format!("{}/tests/pictures/kept/{name}.png", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("SNAPLARK_WRITE_FIXTURES").is_some() {
        std::fs::write(&path, &file).unwrap();
    }
    let made = decoded(&file);
    let kept = decoded(&std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}")));
    assert_eq!(made.dimensions(), kept.dimensions(), "{name}");
    let is_off = |(made, kept): (&image::Rgba<u8>, &image::Rgba<u8>)| {
        made.0.iter().zip(kept.0).any(|(made, kept)| made.abs_diff(kept) > CHANNEL_TOLERANCE)
    };
    let off = made.pixels().zip(kept.pixels()).filter(|pair| is_off(*pair)).count();
    assert!(off <= PIXELS_TOLERANCE, "{name}: {off} pixels differ, {PIXELS_TOLERANCE} may");
}

fn arrow(bend: Option<Point>) -> ShapeKind {
    ShapeKind::Arrow { from: point(20, 20), to: point(130, 90), bend, color: RED, width_px: 5 }
}

fn text(text: &str, plate: bool) -> ShapeKind {
    let (text, color) = (text.to_owned(), Rgb([88, 86, 214]));
    ShapeKind::Text { at: point(14, 20), text, size_px: 24, color, plate }
}

fn wave() -> Vec<Point> {
    (0..12).map(|at| point(15 + at * 12, 60 + if at % 2 == 0 { -14 } else { 18 })).collect()
}

const MIDDLE: Area = Area { x: 40, y: 30, width: 80, height: 60 };

#[test]
fn arrow_is_drawn_as_kept() {
    holds("arrow", vec![arrow(None)]);
    holds("arrow-curved", vec![arrow(Some(point(130, 10)))]);
}

#[test]
fn line_is_drawn_as_kept() {
    let (from, to) = (point(10, 100), point(150, 20));
    holds("line", vec![ShapeKind::Line { from, to, color: RED, width_px: 4 }]);
}

#[test]
fn box_is_drawn_as_kept() {
    let of =
        |filled| ShapeKind::Box { area: MIDDLE, radius_px: 10, filled, color: RED, width_px: 4 };
    holds("box", vec![of(false)]);
    holds("box-filled", vec![of(true)]);
}

#[test]
fn ellipse_is_drawn_as_kept() {
    let of = |filled| ShapeKind::Ellipse { area: MIDDLE, filled, color: RED, width_px: 4 };
    holds("ellipse", vec![of(false)]);
    holds("ellipse-filled", vec![of(true)]);
}

#[test]
fn pen_is_drawn_as_kept() {
    holds("pen", vec![ShapeKind::Pen { points: wave(), color: RED, width_px: 5 }]);
    let points = vec![point(80, 60)];
    holds("pen-dot", vec![ShapeKind::Pen { points, color: RED, width_px: 20 }]);
}

#[test]
fn marker_multiplies_as_kept() {
    let color = Rgb([255, 214, 10]);
    holds("marker", vec![ShapeKind::Marker { points: wave(), color, width_px: 24 }]);
}

#[test]
fn marker_that_reaches_far_outside_is_drawn_within_the_picture() {
    let points = vec![point(-65_536, -65_536), point(80, 60), point(65_536, 65_536)];
    let marker = ShapeKind::Marker { points, color: Rgb([255, 214, 10]), width_px: 24 };
    holds("marker-far", vec![marker]);
}

#[test]
fn text_is_set_as_kept() {
    holds("text", vec![text("Größe 42%\n<two> & more", false)]);
    holds("text-plate", vec![text("On a plate", true)]);
}

#[test]
fn step_is_drawn_as_kept() {
    let step = |x, number, color| ShapeKind::Step { at: point(x, 60), number, size_px: 40, color };
    let yellow = Rgb([255, 214, 10]);
    holds("step", vec![step(30, 1, RED), step(80, 42, yellow), step(130, 100, RED)]);
}

#[test]
fn blur_is_as_kept() {
    holds("blur", vec![ShapeKind::Blur { area: MIDDLE, radius_px: 9 }]);
}

#[test]
fn pixelate_is_as_kept() {
    holds("pixelate", vec![ShapeKind::Pixelate { area: MIDDLE, block_px: 10 }]);
}

#[test]
fn cover_is_as_kept() {
    holds("cover", vec![ShapeKind::Cover { area: MIDDLE, color: Rgb([20, 20, 24]) }]);
}

#[test]
fn spotlights_leave_their_areas_bright_and_what_lies_above_them() {
    let spotlight = |area| ShapeKind::Spotlight { area };
    let other = area(100, 20, 50, 40);
    holds(
        "spotlight",
        vec![arrow(None), spotlight(MIDDLE), text("above", false), spotlight(other)],
    );
}

#[test]
fn shapes_lie_above_each_other_in_their_order() {
    let cover = ShapeKind::Cover { area: MIDDLE, color: Rgb([20, 20, 24]) };
    holds("order", vec![text("below", true), cover, arrow(None)]);
}

#[test]
fn emoji_has_the_colors_of_the_systems_font() {
    let emoji =
        |emoji: &str| ShapeKind::Emoji { at: point(80, 60), emoji: emoji.into(), size_px: 80 };
    let source = png_of(&RgbaImage::from_pixel(WIDTH, HEIGHT, image::Rgba([255; 4])));
    let heart = pixels(&source, &drawing(vec![emoji("❤️")]));
    let red = heart.pixels().filter(|pixel| pixel[0] > 150 && pixel[1] < 90).count();
    assert!(
        red > 1_000,
        "{red} red pixels; is a color emoji font installed (fonts-noto-color-emoji)?"
    );
    let center = heart.enumerate_pixels().filter(|(_, _, pixel)| pixel[1] < 90);
    let (sum, count) = center.fold((0, 0), |(sum, count), (_, y, _)| (sum + y, count + 1));
    let middle = sum / count;
    assert!((48..=72).contains(&middle), "the heart's middle is at {middle}, not at 60");
}

#[test]
fn arabic_is_set_by_a_font_of_the_system_from_right_to_left() {
    let source = png_of(&RgbaImage::from_pixel(WIDTH, HEIGHT, image::Rgba([255; 4])));
    let dark = |text: &str| {
        let kind = ShapeKind::Text {
            at: point(10, 20),
            text: text.to_owned(),
            size_px: 30,
            color: Rgb([0; 3]),
            plate: false,
        };
        let picture = pixels(&source, &drawing(vec![kind]));
        let dark = picture.enumerate_pixels().filter(|(_, _, pixel)| pixel[0] < 100);
        dark.map(|(x, y, _)| (x, y)).collect::<Vec<_>>()
    };
    let (joined, apart) = (dark("سلام").len(), dark("س ل ا م").len());
    assert!(
        joined > 100,
        "{joined} dark pixels; is a font with Arabic installed (fonts-dejavu-core)?"
    );
    assert_ne!(joined, apart, "letters are joined");
    // The full stop of a line that begins in Arabic stands at its left end.
    let with_stop = dark("سلام.");
    let leftmost = |points: &[(u32, u32)]| points.iter().map(|(x, _)| *x).min().unwrap();
    let at_left = with_stop.iter().filter(|(x, _)| *x < leftmost(&with_stop) + 3);
    let highest = at_left.map(|(_, y)| *y).min().unwrap();
    let lowest = with_stop.iter().map(|(_, y)| *y).max().unwrap();
    assert!(highest + 20 > lowest, "a stop is low: {highest} to {lowest}");
    assert!(with_stop.len() > joined);
}
