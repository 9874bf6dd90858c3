//! Hidden pixels leave in no format: neither below a cover nor below a pixelated area, whatever else is drawn.

use snaplark_core::edit::{Background, Paint};

use super::*;

const WIDTH: u32 = 120;
const HEIGHT: u32 = 90;

fn cover(area: Area) -> ShapeKind {
    ShapeKind::Cover { area, color: Rgb([20, 20, 24]) }
}

fn pixelate(area: Area) -> ShapeKind {
    ShapeKind::Pixelate { area, block_px: 8 }
}

fn blur(area: Area) -> ShapeKind {
    ShapeKind::Blur { area, radius_px: 12 }
}

fn text() -> ShapeKind {
    let text = "secret".to_owned();
    ShapeKind::Text { at: point(20, 30), text, size_px: 20, color: RED, plate: true }
}

fn arrow() -> ShapeKind {
    let (from, to) = (point(5, 5), point(90, 60));
    ShapeKind::Arrow { from, to, bend: None, color: RED, width_px: 5 }
}

fn marker() -> ShapeKind {
    let points = vec![point(0, 40), point(60, 45), point(119, 40)];
    ShapeKind::Marker { points, color: Rgb([255, 214, 10]), width_px: 20 }
}

/// Asserts that two originals that differ only in `hidden` give the same bytes everywhere.
fn hides(drawing: &Drawing, hidden: &[Area]) {
    let original = pattern(WIDTH, HEIGHT);
    let other = hidden.iter().fold(original.clone(), |picture, area| altered(&picture, *area, 7));
    assert_ne!(original, other);
    let (original, other) = (png_of(&original), png_of(&other));
    for format in FORMATS {
        let [one, two] = [&original, &other].map(|source| export(source, drawing, format).unwrap());
        assert!(one == two, "{format:?} shows what is hidden: {drawing:?}");
    }
    for longest in [16, 64, 4_000] {
        let [one, two] = [&original, &other]
            .map(|source| SystemRender.thumbnail(source, drawing, longest).unwrap());
        assert!(one == two, "the thumbnail of {longest} pixels shows it: {drawing:?}");
    }
}

fn canvases() -> Vec<Canvas> {
    let plain = Canvas::default();
    let background = Background {
        paint: Paint::Gradient { from: Rgb([9, 8, 70]), to: Rgb([200, 8, 7]), degrees: 135 },
        padding_px: 16,
        radius_px: 12,
        shadow: true,
    };
    vec![
        plain,
        Canvas { crop: Some(area(30, 30, 50, 40)), ..plain },
        Canvas { quarter_turns: 1, ..plain },
        Canvas { width: Some(77), ..plain },
        Canvas { width: Some(300), ..plain },
        Canvas {
            crop: Some(area(-10, 25, 70, 400)),
            quarter_turns: 3,
            width: Some(31),
            background: Some(background),
        },
    ]
}

fn hides_on_every_canvas(kinds: Vec<ShapeKind>, hidden: &[Area]) {
    for canvas in canvases() {
        hides(&Drawing { canvas, ..drawing(kinds.clone()) }, hidden);
    }
}

#[test]
fn originals_that_differ_are_exported_differently_without_a_cover() {
    let original = pattern(WIDTH, HEIGHT);
    let other = altered(&original, area(40, 30, 2, 2), 7);
    let (original, other) = (png_of(&original), png_of(&other));
    for kinds in [vec![], vec![blur(area(30, 20, 40, 40))], vec![marker()]] {
        let drawing = drawing(kinds);
        for format in FORMATS {
            let [one, two] =
                [&original, &other].map(|source| export(source, &drawing, format).unwrap());
            assert!(one != two, "{format:?} {drawing:?}");
        }
    }
}

#[test]
fn cover_hides_everything_below_it() {
    let hidden = area(30, 20, 50, 40);
    hides_on_every_canvas(vec![cover(hidden)], &[hidden]);
    hides_on_every_canvas(vec![text(), marker(), cover(hidden), arrow()], &[hidden]);
}

#[test]
fn pixelate_hides_everything_below_it() {
    let hidden = area(30, 20, 50, 40);
    hides_on_every_canvas(vec![pixelate(hidden)], &[hidden]);
    hides_on_every_canvas(vec![text(), marker(), pixelate(hidden), arrow(), marker()], &[hidden]);
}

#[test]
fn areas_at_the_edges_and_over_all_are_hidden() {
    for hidden in [
        area(-20, -20, 60, 60),
        area(100, 70, 500, 500),
        area(0, 30, 120, 10),
        area(0, 0, 120, 90),
        area(-65_536, -65_536, 65_536, 65_536 + 3),
        area(50, 50, 1, 1),
    ] {
        if hidden.within(WIDTH, HEIGHT).is_none() {
            continue;
        }
        hides(&drawing(vec![cover(hidden)]), &[hidden]);
        hides(&drawing(vec![pixelate(hidden)]), &[hidden]);
    }
}

#[test]
fn neighbouring_pixelated_areas_dont_show_each_other() {
    let (left, right) = (area(20, 20, 30, 30), area(50, 20, 30, 30));
    let (over, under) = (area(30, 10, 40, 30), area(20, 35, 70, 30));
    hides_on_every_canvas(vec![pixelate(left), pixelate(right)], &[left, right]);
    hides_on_every_canvas(vec![pixelate(left), cover(right)], &[left, right]);
    hides_on_every_canvas(vec![pixelate(over), pixelate(under), cover(left)], &[left, over, under]);
}

#[test]
fn blur_below_or_beside_a_hidden_area_carries_nothing_out_of_it() {
    let hidden = area(40, 30, 30, 20);
    let around = area(20, 10, 80, 70);
    for hide in [cover(hidden), pixelate(hidden)] {
        hides_on_every_canvas(vec![blur(around), hide.clone()], &[hidden]);
        hides_on_every_canvas(vec![hide, blur(around)], &[hidden]);
    }
}

#[test]
fn crop_takes_away_what_is_outside_of_it() {
    let canvas = Canvas { crop: Some(area(40, 30, 20, 20)), ..Canvas::default() };
    let outside = [area(0, 0, 40, 90), area(60, 0, 60, 90), area(40, 0, 20, 30)];
    hides(&Drawing { canvas, shapes: Vec::new() }, &outside);
}

#[test]
fn cover_is_one_color_and_hides_transparency_too() {
    let mut picture = pattern(WIDTH, HEIGHT);
    for x in 30..50 {
        picture.put_pixel(x, 30, image::Rgba([200, 0, 0, 60]));
    }
    let covered = pixels(&png_of(&picture), &drawing(vec![cover(area(20, 20, 50, 40))]));
    for (x, y, pixel) in covered.enumerate_pixels() {
        if (20..70).contains(&x) && (20..60).contains(&y) {
            assert_eq!(pixel.0, [20, 20, 24, 255], "at {x}, {y}");
        } else {
            assert_eq!(pixel, picture.get_pixel(x, y), "at {x}, {y}");
        }
    }
}

#[test]
fn pixelated_area_has_blocks_of_colors_like_those_around_it() {
    let white = RgbaImage::from_pixel(WIDTH, HEIGHT, image::Rgba([240, 240, 240, 255]));
    let hidden = area(24, 16, 64, 48);
    let secret = altered(&white, hidden, 3);
    let made = pixels(&png_of(&secret), &drawing(vec![pixelate(hidden)]));
    let mut colors = std::collections::BTreeSet::new();
    for (x, y, pixel) in made.enumerate_pixels() {
        if (24..88).contains(&x) && (16..64).contains(&y) {
            assert!(pixel[0] >= 224, "at {x}, {y}: {pixel:?}");
            let block = made.get_pixel(24 + (x - 24) / 8 * 8, 16 + (y - 16) / 8 * 8);
            assert_eq!(pixel, block, "at {x}, {y}");
            colors.insert(pixel.0);
        }
    }
    assert!(colors.len() > 8, "blocks are to be seen: {} colors", colors.len());
}
