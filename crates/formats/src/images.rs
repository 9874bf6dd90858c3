//! Reads the width and height of an image from its header.

use crate::sniff::MediaKind;

/// Returns the width and height of an image of an accepted type, without decoding it. The first bytes of
/// the file are enough, as far as the size stands in them.
pub fn image_size(bytes: &[u8]) -> Option<(u32, u32)> {
    MediaKind::of_bytes(bytes).filter(|media| media.is_image())?;
    let size = imagesize::blob_size(bytes).ok()?;
    // In a lossy WebP the upper two bits are a scale, which nobody applies.
    let bits = if bytes.get(12..16) == Some(b"VP8 ") { 0x3FFF } else { usize::MAX };
    Some((u32::try_from(size.width & bits).ok()?, u32::try_from(size.height & bits).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x07\x80\0\0\x04\x38\x08";
    const GIF: &[u8] = b"GIF89a\x40\x01\xB4\0\x80\0\0";
    const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0\0\x04ab\xFF\xC0\0\x11\x08\x00\xB4\x01\x40\x03";
    const WEBP: [&[u8]; 3] = [
        b"RIFF\x60\0\0\0WEBPVP8 \x50\0\0\0\x30\0\0\x9D\x01\x2A\x40\x41\xB4\x80",
        b"RIFF\x60\0\0\0WEBPVP8L\x50\0\0\0\x2F\x3F\xC1\x2C\0",
        b"RIFF\x60\0\0\0WEBPVP8X\x0A\0\0\0\x10\0\0\0\x3F\x01\0\xB3\0\0",
    ];

    #[test]
    fn sizes_are_in_the_header() {
        assert_eq!(image_size(PNG), Some((1920, 1080)));
        for image in [GIF, JPEG, WEBP[0], WEBP[1], WEBP[2]] {
            assert_eq!(image_size(image), Some((320, 180)), "{image:?}");
        }
        for cut in 0..JPEG.len() - 1 {
            assert_eq!(image_size(&JPEG[..cut]), None);
        }
    }

    #[test]
    fn files_of_other_types_have_no_size() {
        for other in
            [b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0".as_slice(), b"P6 320 180 255 ", b"", b"\xFF"]
        {
            assert_eq!(image_size(other), None, "{other:?}");
        }
    }

    #[test]
    fn spoiled_headers_end_the_search() {
        let images = [PNG, GIF, JPEG, WEBP[0], WEBP[1], WEBP[2]];
        for (round, image) in images.into_iter().cycle().enumerate().take(6_000) {
            let mut spoiled = [image, &[0xFF; 64]].concat();
            for step in 0..=round % 4 {
                let at = (round * 7_919 + step * 104_729) % spoiled.len();
                spoiled[at] = (round as u8).wrapping_mul(31).wrapping_add(step as u8);
            }
            // Whatever it answers: it neither panics nor searches forever.
            std::hint::black_box(image_size(&spoiled));
        }
    }
}
