//! GIF: a screen, then pictures and extensions in blocks, up to the trailer.

use super::{ByteReader, PictureError};

const HEADER_BYTES: usize = 6;
const SCREEN_BYTES: usize = 7;
const IMAGE_BYTES: usize = 9;
const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2C;
const TRAILER: u8 = 0x3B;
const CONTROL: u8 = 0xF9;
const APPLICATION: u8 = 0xFF;
/// The extensions that say how often an animation is repeated.
const KEPT: [&[u8]; 2] = [b"NETSCAPE2.0", b"ANIMEXTS1.0"];

pub(super) fn clean(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let mut from = ByteReader { left: bytes };
    let mut clean = Vec::with_capacity(bytes.len());
    clean.extend(from.take(HEADER_BYTES)?);
    let screen = from.take(SCREEN_BYTES)?;
    clean.extend(screen);
    clean.extend(from.take(colors_bytes(screen[4]))?);
    let mut has_picture = false;
    loop {
        let block = from.left;
        let is_kept = match from.byte() {
            // Some programs leave out the trailer.
            Err(PictureError::Cut) if has_picture => break,
            Ok(TRAILER) => break,
            Ok(IMAGE) => {
                skip_image(&mut from)?;
                has_picture = true;
                true
            }
            Ok(EXTENSION) => {
                let label = from.byte()?;
                let data = from.left;
                skip_blocks(&mut from)?;
                let name = data.get(1..12).unwrap_or_default();
                label == CONTROL || (label == APPLICATION && KEPT.contains(&name))
            }
            Ok(_) => return Err(PictureError::Malformed),
            Err(error) => return Err(error),
        };
        if is_kept {
            clean.extend(&block[..block.len() - from.left.len()]);
        }
    }
    if !has_picture {
        return Err(PictureError::Cut);
    }
    clean.push(TRAILER);
    Ok(clean)
}

/// Returns the number of pictures.
pub(crate) fn frame_count(bytes: &[u8]) -> Result<u64, PictureError> {
    let mut from = ByteReader { left: bytes };
    from.take(HEADER_BYTES)?;
    let screen = from.take(SCREEN_BYTES)?;
    from.take(colors_bytes(screen[4]))?;
    let mut count = 0;
    loop {
        match from.byte() {
            // Some programs leave out the trailer.
            Err(PictureError::Cut) if count > 0 => return Ok(count),
            Ok(TRAILER) if count > 0 => return Ok(count),
            Ok(IMAGE) => {
                skip_image(&mut from)?;
                count += 1;
            }
            Ok(EXTENSION) => {
                from.byte()?;
                skip_blocks(&mut from)?;
            }
            Ok(_) => return Err(PictureError::Malformed),
            Err(error) => return Err(error),
        }
    }
}

/// Reads a picture behind its first byte.
fn skip_image(from: &mut ByteReader<'_>) -> Result<(), PictureError> {
    let image = from.take(IMAGE_BYTES)?;
    from.take(colors_bytes(image[8]))?;
    // The size of the codes.
    from.byte()?;
    skip_blocks(from)
}

/// Returns the size of the table of colors that the flags announce.
fn colors_bytes(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Reads blocks up to the empty one that ends them.
fn skip_blocks(from: &mut ByteReader<'_>) -> Result<(), PictureError> {
    loop {
        match from.byte()? {
            0 => return Ok(()),
            length => _ = from.take(usize::from(length))?,
        }
    }
}
