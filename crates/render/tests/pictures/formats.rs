//! Files in and out: sizes are bounded, orientation is applied, nothing but pixels is written.

use std::io::Write as _;

use super::*;

fn empty() -> Drawing {
    Drawing::default()
}

/// Returns the types of a PNG's chunks, and asserts that nothing follows the last.
fn chunks(png: &[u8]) -> Vec<String> {
    let (mut at, mut types) = (8, Vec::new());
    while at < png.len() {
        let length = u32::from_be_bytes(png[at..at + 4].try_into().unwrap()) as usize;
        types.push(String::from_utf8_lossy(&png[at + 4..at + 8]).into_owned());
        at += 12 + length;
    }
    assert_eq!(at, png.len());
    types
}

/// Returns a chunk with its checksum.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut checked = kind.to_vec();
    checked.extend_from_slice(data);
    let mut sum = flate2::Crc::new();
    sum.update(&checked);
    let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
    chunk.extend(checked);
    chunk.extend(sum.sum().to_be_bytes());
    chunk
}

/// Returns the picture as a JPEG that says it is turned by 90 degrees, with a name in its metadata.
fn turned_jpeg(picture: &RgbaImage) -> Vec<u8> {
    let jpeg = export(&png_of(picture), &empty(), PictureFormat::Jpeg { quality: 95 }).unwrap();
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01".to_vec();
    exif.extend(b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0Secret Name");
    let mut file = jpeg[..2].to_vec();
    file.extend([0xff, 0xe1]);
    file.extend((exif.len() as u16 + 2).to_be_bytes());
    file.extend(exif);
    file.extend(&jpeg[2..]);
    file
}

#[test]
fn each_format_is_written_and_read_again() {
    let picture = pattern(70, 50);
    for format in FORMATS {
        let file = export(&png_of(&picture), &empty(), format).unwrap();
        assert_eq!(SystemRender.picture_size(&file), Ok((70, 50)), "{format:?}");
        let again = pixels(&file, &empty());
        match format {
            PictureFormat::Png | PictureFormat::WebpLossless => assert_eq!(again, picture),
            PictureFormat::Jpeg { .. } => {
                let off = again.iter().zip(picture.iter()).map(|(a, b)| a.abs_diff(*b)).max();
                assert!(off.unwrap() < 60, "{off:?}");
            }
        }
    }
}

#[test]
fn png_is_exact_with_a_palette_without_one_and_with_alpha() {
    let few =
        RgbaImage::from_fn(64, 64, |x, y| image::Rgba([(x / 16 * 16) as u8, y as u8 / 32, 9, 255]));
    let many = altered(&pattern(700, 900), area(0, 0, 700, 400), 1);
    let clear = RgbaImage::from_fn(64, 64, |x, y| {
        let alpha = (x * 4) as u8;
        image::Rgba(if alpha == 255 || y % 2 == 0 { [200, 30, 90, 255] } else { [0, 0, 0, 0] })
    });
    let one = RgbaImage::from_pixel(1, 1, image::Rgba([1, 2, 3, 255]));
    for (picture, kind) in [(few, 3), (many, 2), (clear, 6), (one, 3)] {
        let file = export(&png_of(&picture), &empty(), PictureFormat::Png).unwrap();
        assert_eq!(file[25], kind, "the color type");
        assert_eq!(decoded(&file), picture);
    }
}

#[test]
fn webp_keeps_alpha_and_jpeg_puts_it_on_white() {
    let clear = RgbaImage::from_pixel(16, 16, image::Rgba([0, 0, 0, 0]));
    let file = export(&png_of(&clear), &empty(), PictureFormat::WebpLossless).unwrap();
    assert_eq!(decoded(&file), clear);
    let file = export(&png_of(&clear), &empty(), PictureFormat::Jpeg { quality: 90 }).unwrap();
    assert!(decoded(&file).pixels().all(|pixel| pixel.0 == [255; 4]));
}

#[test]
fn orientation_is_applied_and_the_metadata_are_gone() {
    let source = turned_jpeg(&pattern(60, 40));
    assert!(source.windows(6).any(|bytes| bytes == b"Secret"));
    assert_eq!(SystemRender.picture_size(&source), Ok((40, 60)));
    for format in FORMATS {
        let file = export(&source, &empty(), format).unwrap();
        assert_eq!(decoded(&file).dimensions(), (40, 60));
        assert!(!file.windows(4).any(|bytes| bytes == b"Exif"), "{format:?}");
        assert!(!file.windows(6).any(|bytes| bytes == b"Secret"), "{format:?}");
    }
}

#[test]
fn texts_of_a_png_are_gone_and_nothing_follows_its_end() {
    let plain = png_of(&pattern(60, 40));
    let mut source = plain[..33].to_vec();
    source.extend(chunk(b"tEXt", b"Author\0Secret Name"));
    source.extend(chunk(b"tIME", &[7, 230, 1, 1, 1, 1, 1]));
    source.extend(&plain[33..]);
    source.write_all(b"Secret tail").unwrap();
    for format in FORMATS {
        let file = export(&source, &empty(), format).unwrap();
        assert!(!file.windows(6).any(|bytes| bytes == b"Secret"), "{format:?}");
    }
    let png = export(&source, &empty(), PictureFormat::Png).unwrap();
    let types = chunks(&png);
    let allowed = ["IHDR", "PLTE", "IDAT", "IEND"];
    assert!(types.iter().all(|kind| allowed.contains(&kind.as_str())), "{types:?}");
    assert_eq!(types.last().unwrap(), "IEND");
}

#[test]
fn thumbnail_is_a_jpeg_within_its_size() {
    let source = png_of(&pattern(200, 100));
    for (longest, size) in
        [(50, (50, 25)), (200, (200, 100)), (999, (200, 100)), (1, (1, 1)), (0, (1, 1))]
    {
        let file = SystemRender.thumbnail(&source, &empty(), longest).unwrap();
        assert_eq!(image::guess_format(&file).unwrap(), image::ImageFormat::Jpeg);
        assert_eq!(decoded(&file).dimensions(), size);
    }
}

#[test]
fn what_is_no_picture_or_a_damaged_one_is_refused() {
    let png = png_of(&pattern(60, 40));
    let gif = b"GIF89a\x01\0\x01\0\0\0\0;".to_vec();
    let mut broken = png.clone();
    broken.truncate(png.len() / 2);
    for bytes in [Vec::new(), b"hello".to_vec(), gif, broken, png[..20].to_vec()] {
        let refused = export(&bytes, &empty(), PictureFormat::Png);
        assert!(matches!(refused, Err(RenderError::NotAPicture { .. })), "{refused:?}");
    }
}

#[test]
fn picture_with_an_enormous_size_in_its_header_is_refused_before_memory_is_taken() {
    let plain = png_of(&pattern(8, 8));
    for (width, height) in [(30_000_u32, 30_000_u32), (1 << 30, 4), (32_768, 2_049)] {
        let mut header = width.to_be_bytes().to_vec();
        header.extend(height.to_be_bytes());
        header.extend([8, 6, 0, 0, 0]);
        let mut bomb = plain[..8].to_vec();
        bomb.extend(chunk(b"IHDR", &header));
        bomb.extend(&plain[33..]);
        let refused = export(&bomb, &empty(), PictureFormat::Png).unwrap_err();
        let is_refused = matches!(
            refused,
            RenderError::PictureTooLarge { .. } | RenderError::NotAPicture { .. }
        );
        assert!(is_refused, "{refused}");
        assert!(SystemRender.picture_size(&bomb).is_err());
    }
}

#[test]
fn export_ends_when_it_is_cancelled() {
    let progress = RenderProgress::default();
    progress.cancel();
    let line = ShapeKind::Line { from: point(0, 0), to: point(9, 9), color: RED, width_px: 1 };
    let (source, drawing) = (png_of(&pattern(8, 8)), drawing(vec![line]));
    let recipe = PictureRecipe { source: &source, drawing: &drawing, format: PictureFormat::Png };
    assert_eq!(SystemRender.picture(&recipe, &progress), Err(RenderError::Cancelled));
}
