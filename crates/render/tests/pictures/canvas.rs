//! Crop, turns, width and background.

use snaplark_core::edit::{Background, Paint};

use super::*;

const WIDTH: u32 = 60;
const HEIGHT: u32 = 40;

fn on(canvas: Canvas) -> Result<RgbaImage, RenderError> {
    let drawing = Drawing { canvas, shapes: Vec::new() };
    let source = png_of(&pattern(WIDTH, HEIGHT));
    export(&source, &drawing, PictureFormat::Png).map(|file| decoded(&file))
}

#[test]
fn crop_keeps_the_pixels_and_is_clamped_to_the_picture() {
    let crop = Some(area(-10, 5, 30, 500));
    let made = on(Canvas { crop, ..Canvas::default() }).unwrap();
    let kept = image::imageops::crop_imm(&pattern(WIDTH, HEIGHT), 0, 5, 20, 35).to_image();
    assert_eq!(made, kept);
    let outside = Some(area(60, 0, 10, 10));
    let refused = on(Canvas { crop: outside, ..Canvas::default() });
    assert_eq!(refused, Err(RenderError::EmptyCrop));
}

#[test]
fn quarter_turns_are_clockwise_and_keep_the_pixels() {
    let pattern = pattern(WIDTH, HEIGHT);
    let turned = |quarter_turns| on(Canvas { quarter_turns, ..Canvas::default() }).unwrap();
    assert_eq!(turned(1), image::imageops::rotate90(&pattern));
    assert_eq!(turned(2), image::imageops::rotate180(&pattern));
    assert_eq!(turned(3), image::imageops::rotate270(&pattern));
}

#[test]
fn width_is_of_the_turned_crop_and_the_height_follows() {
    let canvas = Canvas {
        crop: Some(area(0, 0, 60, 20)),
        quarter_turns: 1,
        width: Some(10),
        background: None,
    };
    assert_eq!(on(canvas).unwrap().dimensions(), (10, 30));
    let flat = RgbaImage::from_pixel(90, 50, image::Rgba([10, 200, 90, 255]));
    for width in [1, 33, 300] {
        let canvas = Canvas { width: Some(width), ..Canvas::default() };
        let made = pixels(&png_of(&flat), &Drawing { canvas, shapes: Vec::new() });
        assert!(made.pixels().all(|pixel| pixel.0 == [10, 200, 90, 255]), "{width}");
    }
}

#[test]
fn background_lies_around_the_picture_and_in_its_corners() {
    let background = Background {
        paint: Paint::Solid { color: Rgb([1, 2, 3]) },
        padding_px: 10,
        radius_px: 8,
        shadow: false,
    };
    let made = on(Canvas { background: Some(background), ..Canvas::default() }).unwrap();
    assert_eq!(made.dimensions(), (80, 60));
    let pattern = pattern(WIDTH, HEIGHT);
    for outside in [(0, 0), (79, 59), (5, 30), (10, 10), (69, 49)] {
        assert_eq!(made.get_pixel(outside.0, outside.1).0, [1, 2, 3, 255], "{outside:?}");
    }
    for inside in [(10, 30), (40, 10), (40, 30), (13, 13)] {
        let kept = pattern.get_pixel(inside.0 - 10, inside.1 - 10);
        assert_eq!(made.get_pixel(inside.0, inside.1), kept, "{inside:?}");
    }
}

#[test]
fn gradient_runs_from_corner_to_corner_and_the_shadow_falls_downwards() {
    let white = Rgb([255; 3]);
    let gradient = Paint::Gradient { from: Rgb([0; 3]), to: white, degrees: 90 };
    let background = |paint, shadow| Background { paint, padding_px: 24, radius_px: 0, shadow };
    let of = |background| on(Canvas { background: Some(background), ..Canvas::default() }).unwrap();
    let made = of(background(gradient, false));
    assert!(made.get_pixel(0, 50)[0] < 4 && made.get_pixel(107, 50)[0] > 251);
    let made = of(background(Paint::Solid { color: white }, true));
    let [above, below] = [made.get_pixel(54, 20)[0], made.get_pixel(54, 67)[0]];
    assert!(below < above && above < 255, "{above} above, {below} below");
}

#[test]
fn output_that_would_be_too_large_is_refused() {
    let tall = png_of(&RgbaImage::from_pixel(1, 400, image::Rgba([0, 0, 0, 255])));
    let canvas = Canvas { width: Some(16_384), ..Canvas::default() };
    let refused = export(&tall, &Drawing { canvas, shapes: Vec::new() }, PictureFormat::Png);
    let too_large = RenderError::PictureTooLarge { width: 16_384, height: 6_553_600 };
    assert_eq!(refused, Err(too_large));
}
