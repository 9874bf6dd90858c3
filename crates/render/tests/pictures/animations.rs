//! The first frame of an animation, as the editor and the thumbnails show it: on the whole canvas, at its place, whatever
//! its disposal says, and not mixed with later frames.

use gif::{DisposalMethod, Encoder, Frame};
use image::{Rgba, RgbaImage};
use snaplark_formats::webp_animation;

use super::*;

const CANVAS: (u16, u16) = (12, 8);
/// Where the first frame lies. WebP has even places only.
const PLACE: (u16, u16) = (4, 2);
const SIZE: (u16, u16) = (3, 5);
const CLEAR: Rgba<u8> = Rgba([0, 0, 0, 0]);
const GREEN: Rgba<u8> = Rgba([0, 200, 0, 255]);
const BLUE: Rgba<u8> = Rgba([0, 0, 200, 255]);

/// Returns the canvas with a green rectangle in the first frame's place.
fn expected() -> RgbaImage {
    RgbaImage::from_fn(CANVAS.0.into(), CANVAS.1.into(), |x, y| {
        let is_within = |at: u32, start: u16, size: u16| {
            (u32::from(start)..u32::from(start + size)).contains(&at)
        };
        let is_inside = is_within(x, PLACE.0, SIZE.0) && is_within(y, PLACE.1, SIZE.1);
        if is_inside { GREEN } else { CLEAR }
    })
}

fn canvas_of(color: Rgba<u8>) -> RgbaImage {
    RgbaImage::from_pixel(CANVAS.0.into(), CANVAS.1.into(), color)
}

fn gif_frame(
    place: (u16, u16),
    size: (u16, u16),
    color: u8,
    dispose: DisposalMethod,
) -> Frame<'static> {
    Frame {
        left: place.0,
        top: place.1,
        width: size.0,
        height: size.1,
        dispose,
        delay: 10,
        buffer: vec![color; usize::from(size.0) * usize::from(size.1)].into(),
        ..Frame::default()
    }
}

/// Returns a GIF of these frames. Its colors are red, green and blue.
fn gif(frames: &[Frame<'_>]) -> Vec<u8> {
    let palette = [200, 0, 0, 0, 200, 0, 0, 0, 200];
    let mut encoder = Encoder::new(Vec::new(), CANVAS.0, CANVAS.1, &palette).unwrap();
    for frame in frames {
        encoder.write_frame(frame).unwrap();
    }
    encoder.into_inner().unwrap()
}

#[test]
fn first_frame_of_a_gif_is_at_its_place_whatever_its_disposal() {
    for dispose in [
        DisposalMethod::Any,
        DisposalMethod::Keep,
        DisposalMethod::Background,
        DisposalMethod::Previous,
    ] {
        let first = gif_frame(PLACE, SIZE, 1, dispose);
        let later = gif_frame((0, 0), CANVAS, 2, DisposalMethod::Keep);
        let file = gif(&[first, later]);
        assert_eq!(SystemRender.picture_size(&file), Ok((12, 8)), "{dispose:?}");
        assert_eq!(pixels(&file, &Drawing::default()), expected(), "{dispose:?}");
    }
}

#[test]
fn transparent_pixels_of_a_gifs_first_frame_stay_transparent() {
    let mut first = gif_frame((0, 0), CANVAS, 1, DisposalMethod::Keep);
    first.transparent = Some(2);
    let mut numbers = first.buffer.into_owned();
    numbers[..6].fill(2);
    first.buffer = numbers.into();
    let file = gif(&[first, gif_frame((0, 0), CANVAS, 0, DisposalMethod::Keep)]);
    let shown = pixels(&file, &Drawing::default());
    assert_eq!((shown.get_pixel(5, 0), shown.get_pixel(6, 0)), (&CLEAR, &GREEN));
}

#[test]
fn first_frame_of_a_gif_that_lies_outside_of_its_canvas_does_not_crash() {
    for place in [(10, 7), (12, 8), (u16::MAX, u16::MAX)] {
        let file = gif(&[gif_frame(place, SIZE, 1, DisposalMethod::Keep)]);
        match export(&file, &Drawing::default(), PictureFormat::Png) {
            Ok(png) => assert_eq!(decoded(&png).dimensions(), (12, 8), "{place:?}"),
            Err(refused) => {
                assert!(matches!(refused, RenderError::NotAPicture { .. }), "{refused:?}");
            }
        }
    }
}

#[test]
fn first_frame_of_a_webp_is_at_its_place() {
    let frame = |place: (u16, u16), size: (u16, u16), color| {
        let (width, height) = (u32::from(size.0), u32::from(size.1));
        let still = RgbaImage::from_pixel(width, height, color);
        let file = export(&png_of(&still), &Drawing::default(), PictureFormat::WebpLossless);
        webp_animation::frame(&webp_animation::Frame {
            left: place.0.into(),
            top: place.1.into(),
            width,
            height,
            duration_ms: 100,
            file: file.unwrap(),
        })
        .unwrap()
    };
    let frames = [frame(PLACE, SIZE, GREEN), frame((0, 0), CANVAS, BLUE)].concat();
    let head = webp_animation::head(CANVAS.0.into(), CANVAS.1.into(), frames.len() as u64);
    let file = [head, frames].concat();
    let shown = pixels(&file, &Drawing::default());
    assert_eq!(shown.dimensions(), (12, 8));
    // What lies around it is the background, which programs choose.
    for (x, y, wanted) in expected().enumerate_pixels() {
        let found = shown.get_pixel(x, y);
        assert_eq!(found == &GREEN, wanted == &GREEN, "{x},{y}: {found:?}");
        assert_ne!(found, &BLUE, "{x},{y}: a later frame");
    }
}

/// Returns an APNG whose picture is of one color, and whose last frame is of another. `is_first`: the picture is the
/// first frame, too; else it is for programs that show no animations.
fn apng(is_first: bool) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, CANVAS.0.into(), CANVAS.1.into());
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_animated(2, 0).unwrap();
    encoder.set_sep_def_img(!is_first).unwrap();
    encoder.set_frame_delay(1, 10).unwrap();
    encoder.set_dispose_op(png::DisposeOp::Background).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&canvas_of(GREEN)).unwrap();
    if !is_first {
        writer.write_image_data(&canvas_of(BLUE)).unwrap();
    }
    writer.set_frame_dimension(SIZE.0.into(), SIZE.1.into()).unwrap();
    writer.set_frame_position(PLACE.0.into(), PLACE.1.into()).unwrap();
    let small = RgbaImage::from_pixel(SIZE.0.into(), SIZE.1.into(), BLUE);
    writer.write_image_data(&small).unwrap();
    writer.finish().unwrap();
    file
}

/// A picture in front of the frames is shown by programs without animations; we show it as a still, as they do.
#[test]
fn still_of_an_apng_is_the_picture_that_programs_without_animations_show() {
    for is_first in [true, false] {
        let file = apng(is_first);
        assert_eq!(snaplark_formats::animation::frame_count(&file), Ok(2), "{is_first}");
        assert_eq!(pixels(&file, &Drawing::default()), canvas_of(GREEN), "{is_first}");
    }
}

#[test]
fn thumbnail_of_an_animation_is_its_first_frame() {
    let files = [
        gif(&[
            gif_frame((0, 0), CANVAS, 1, DisposalMethod::Background),
            gif_frame(PLACE, SIZE, 2, DisposalMethod::Keep),
        ]),
        apng(true),
    ];
    for file in files {
        let thumbnail = SystemRender.thumbnail(&file, &Drawing::default(), 12).unwrap();
        let thumbnail = decoded(&thumbnail);
        assert_eq!(thumbnail.dimensions(), (12, 8));
        let is_green = |[red, green, blue, _]: [u8; 4]| red < 30 && green > 150 && blue < 30;
        assert!(thumbnail.pixels().all(|pixel| is_green(pixel.0)), "a later frame shows");
    }
}
