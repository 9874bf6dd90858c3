//! A PNG's pixels, for the clipboard.

use std::io::Cursor;

use png::{
    BitDepth, ColorType, Compression, Decoder, DecodingError, Encoder, EncodingError,
    Transformations,
};

/// A picture's pixels: red, green, blue and alpha, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pixels {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) rgba: Vec<u8>,
}

/// Decodes a PNG of any kind.
pub(super) fn png(bytes: &[u8]) -> Result<Pixels, DecodingError> {
    let mut decoder = Decoder::new(Cursor::new(bytes));
    // Eight bits a channel, and an alpha channel.
    decoder.set_transformations(Transformations::normalize_to_color8() | Transformations::ALPHA);
    let mut reader = decoder.read_info()?;
    let size_bytes = reader.output_buffer_size().ok_or(DecodingError::LimitsExceeded)?;
    let mut decoded = vec![0; size_bytes];
    let info = reader.next_frame(&mut decoded)?;
    decoded.truncate(info.buffer_size());
    let rgba = match info.color_type {
        ColorType::GrayscaleAlpha => {
            decoded.chunks_exact(2).flat_map(|px| [px[0], px[0], px[0], px[1]]).collect()
        }
        ColorType::Rgba | ColorType::Rgb | ColorType::Grayscale | ColorType::Indexed => decoded,
    };
    Ok(Pixels { width: info.width, height: info.height, rgba })
}

/// Encodes pixels without waiting long for a small file.
pub(super) fn encode(pixels: &Pixels) -> Result<Vec<u8>, EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, pixels.width, pixels.height);
    encoder.set_color(ColorType::Rgba);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels.rgba)?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(color: ColorType, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, 2, 1);
        encoder.set_color(color);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(data).unwrap();
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn every_kind_of_png_is_rgba() {
        let gray = png(&encoded(ColorType::Grayscale, &[10, 20])).unwrap();
        assert_eq!(gray.rgba, [10, 10, 10, 255, 20, 20, 20, 255]);
        let rgb = png(&encoded(ColorType::Rgb, &[1, 2, 3, 4, 5, 6])).unwrap();
        assert_eq!(rgb.rgba, [1, 2, 3, 255, 4, 5, 6, 255]);
        let rgba = png(&encoded(ColorType::Rgba, &[1, 2, 3, 9, 4, 5, 6, 8])).unwrap();
        assert_eq!((rgba.width, rgba.height), (2, 1));
        assert_eq!(rgba.rgba, [1, 2, 3, 9, 4, 5, 6, 8]);
        assert!(png(b"no PNG").is_err());
        assert_eq!(png(&encode(&rgba).unwrap()).unwrap(), rgba);
    }
}
