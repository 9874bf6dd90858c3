//! Counts the frames of animated pictures (GIF, animated WebP, APNG) without decoding them, and cuts the first frame out of
//! a WebP. Pure.
//!
//! Every block is looked at once, so the work is bounded by the size of the file, and nothing is allocated for what a header
//! announces. A picture that is still is not looked at beyond its header: whether it is whole, its decoder finds out.

use crate::metadata::PictureError;
use crate::sniff::MediaKind;

/// Returns the number of frames; 1 for a picture that doesn't move. An animation that ends early, or whose blocks contradict
/// the format, is an error.
pub fn frame_count(bytes: &[u8]) -> Result<u64, PictureError> {
    match MediaKind::of_bytes(bytes) {
        Some(MediaKind::Gif) => crate::metadata::gif::frame_count(bytes),
        Some(MediaKind::Png) => crate::metadata::png::frame_count(bytes),
        Some(MediaKind::Webp) => crate::metadata::webp::frame_count(bytes),
        Some(MediaKind::Jpeg) => Ok(1),
        Some(
            MediaKind::Webm | MediaKind::Mkv | MediaKind::Mp4 | MediaKind::Mov | MediaKind::Unknown,
        )
        | None => Err(PictureError::Unknown),
    }
}

/// Returns the first frame of an animated WebP as a WebP of its own, whose pixels are not encoded again. `None` for every
/// other picture, and for a file that can't be taken apart. Decoders of older versions of ffmpeg read no animated WebP.
pub fn first_webp_frame(bytes: &[u8]) -> Option<Vec<u8>> {
    match MediaKind::of_bytes(bytes) {
        Some(MediaKind::Webp) => crate::metadata::webp::first_frame(bytes),
        Some(_) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::image_size;

    fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let mut bytes = [kind.as_slice(), &(data.len() as u32).to_le_bytes(), data].concat();
        bytes.resize(bytes.len().next_multiple_of(2), 0);
        bytes
    }

    /// A WebP of 320x180 with that many frames, each lossless and with an alpha channel.
    fn webp(frames: usize) -> Vec<u8> {
        let place = [&[0; 6][..], &[0x3F, 0x01, 0, 0xB3, 0, 0], &[100, 0, 0, 0]].concat();
        // The signature, and 14 bits each of width and height, less one.
        let lossless = chunk(b"VP8L", b"\x2F\x3F\xC1\x2C\x10data");
        let frame = chunk(b"ANMF", &[place, lossless].concat());
        let header = chunk(b"VP8X", &[0b0001_0010, 0, 0, 0, 0x3F, 0x01, 0, 0xB3, 0, 0]);
        let inside = [b"WEBP".to_vec(), header, chunk(b"ANIM", &[0; 6]), frame.repeat(frames)];
        let inside = inside.concat();
        [b"RIFF", (inside.len() as u32).to_le_bytes().as_slice(), &inside].concat()
    }

    fn gif(frames: usize) -> Vec<u8> {
        let frame = b"\x21\xF9\x04\0\0\0\0\0\x2C\0\0\0\0\x40\x01\xB4\0\0\x02\x03abc\x02de\0";
        [b"GIF89a\x40\x01\xB4\0\x80\0\0".as_slice(), &[0; 6], &frame.repeat(frames), b";"].concat()
    }

    fn png(is_animated: bool, frames: usize) -> Vec<u8> {
        let chunk = |kind: &[u8; 4], data: &[u8]| {
            [&(data.len() as u32).to_be_bytes(), kind.as_slice(), data, &[0; 4]].concat()
        };
        let control = chunk(b"acTL", &[0; 8]);
        let frame = [chunk(b"fcTL", &[0; 26]), chunk(b"fdAT", &[0; 9])].concat();
        let parts = [
            b"\x89PNG\r\n\x1A\n".to_vec(),
            chunk(b"IHDR", b"\0\0\x01\x40\0\0\0\xB4\x08\x06\0\0\0"),
            if is_animated { control } else { Vec::new() },
            chunk(b"IDAT", b"data"),
            frame.repeat(frames),
            chunk(b"IEND", b""),
        ];
        parts.concat()
    }

    #[test]
    fn frames_are_counted_in_every_format() {
        for frames in [1, 2, 25] {
            assert_eq!(frame_count(&gif(frames)), Ok(frames as u64));
            assert_eq!(frame_count(&webp(frames)), Ok(frames as u64));
            assert_eq!(frame_count(&png(true, frames)), Ok(frames as u64));
        }
        // Without the chunk in front of the data, others show one picture.
        assert_eq!(frame_count(&png(false, 3)), Ok(1));
        assert_eq!(frame_count(b"\xFF\xD8\xFF\xE0\0\x10JFIF"), Ok(1));
        assert_eq!(frame_count(b"<svg xmlns="), Err(PictureError::Unknown));
    }

    #[test]
    fn animation_that_ends_early_is_refused() {
        for whole in [gif(3), webp(3), png(true, 3)] {
            // Half of it, in a frame: more than the header, less than what ends it.
            let cut = &whole[..whole.len() * 2 / 3];
            assert!(frame_count(cut).is_err(), "{:?}", &whole[..4]);
        }
        assert!(frame_count(&webp(0)).is_err(), "it has no frame");
        assert!(frame_count(&gif(0)).is_err(), "it has no frame");
    }

    #[test]
    fn first_frame_of_a_webp_is_a_webp_without_animation() {
        let first = first_webp_frame(&webp(3)).unwrap();
        assert_eq!(image_size(&first), Some((320, 180)));
        assert_eq!(frame_count(&first), Ok(1));
        assert_eq!(crate::metadata::without_metadata(&first).as_ref(), Ok(&first));
        assert!(!first.windows(4).any(|four| four == b"ANMF" || four == b"ANIM"));
        assert_eq!(first_webp_frame(&first), None, "it doesn't move");
        assert_eq!(first_webp_frame(&gif(3)), None);
        let whole = webp(1);
        for cut in 0..whole.len() - 1 {
            std::hint::black_box(first_webp_frame(&whole[..cut]));
        }
    }
}
