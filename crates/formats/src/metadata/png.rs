//! PNG: a signature, then chunks of length, type, data and checksum, up to IEND.

use super::{ByteReader, PictureError, exif};

const SIGNATURE_BYTES: usize = 8;
const CRC_BYTES: usize = 4;
/// The picture itself, and what changes how it looks.
const KEPT: [&[u8; 4]; 18] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP",
    b"mDCV", b"cLLI", b"bKGD", b"sBIT", b"pHYs", b"acTL", b"fcTL", b"fdAT",
];

pub(super) fn clean(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let mut from = ByteReader { left: bytes };
    let mut clean = Vec::with_capacity(bytes.len());
    clean.extend(from.take(SIGNATURE_BYTES)?);
    let (mut is_first, mut has_data, mut orientation) = (true, false, None);
    loop {
        let chunk = from.left;
        let (kind, data) = next_chunk(&mut from)?;
        if is_first != (&kind == b"IHDR") {
            return Err(PictureError::Malformed);
        }
        is_first = false;
        match &kind {
            b"eXIf" if !has_data => {
                orientation = orientation.or_else(|| exif::orientation(data));
                continue;
            }
            b"IDAT" if !has_data => {
                has_data = true;
                if let Some(orientation) = orientation {
                    push(&mut clean, *b"eXIf", &exif::of_orientation(orientation));
                }
            }
            kind if KEPT.contains(&kind) => {}
            // An unknown chunk without which the picture can't be shown (the first letter is a capital).
            [first, ..] if first.is_ascii_uppercase() => return Err(PictureError::Malformed),
            _ => continue,
        }
        let whole = chunk.len() - from.left.len();
        clean.extend(&chunk[..whole]);
        if &kind == b"IEND" {
            return if has_data { Ok(clean) } else { Err(PictureError::Cut) };
        }
    }
}

/// Returns the number of frames of an APNG; 1 for a PNG without animation, whose data is not looked at.
pub(crate) fn frame_count(bytes: &[u8]) -> Result<u64, PictureError> {
    let mut from = ByteReader { left: bytes };
    from.take(SIGNATURE_BYTES)?;
    let (mut is_animated, mut frames) = (false, 0);
    loop {
        let chunk = next_chunk(&mut from);
        match chunk {
            Ok((kind, _)) => match &kind {
                b"acTL" => is_animated = true,
                b"fcTL" => frames += 1,
                b"IDAT" | b"IEND" if !is_animated => return Ok(1),
                b"IEND" => {
                    return if frames > 0 { Ok(frames) } else { Err(PictureError::Malformed) };
                }
                _ => {}
            },
            Err(error) => return if is_animated { Err(error) } else { Ok(1) },
        }
    }
}

/// Reads a chunk with its checksum. Returns its type and data.
fn next_chunk<'a>(from: &mut ByteReader<'a>) -> Result<([u8; 4], &'a [u8]), PictureError> {
    let length = usize::try_from(u32::from_be_bytes(from.array()?));
    let length = length.map_err(|_| PictureError::Malformed)?;
    let kind = from.array()?;
    let data = from.take(length)?;
    from.take(CRC_BYTES)?;
    Ok((kind, data))
}

fn push(clean: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    clean.extend((data.len() as u32).to_be_bytes());
    clean.extend(kind);
    clean.extend(data);
    clean.extend(crc(&[&kind, data]).to_be_bytes());
}

/// The checksum of a chunk's type and data (PNG, annex D), without a table: it is for 26 bytes.
pub(super) fn crc(pieces: &[&[u8]]) -> u32 {
    let mut crc = u32::MAX;
    for byte in pieces.iter().copied().flatten() {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
        }
    }
    !crc
}
