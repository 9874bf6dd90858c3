//! WebP: a RIFF of chunks of type, length and data, padded to even lengths.

use super::{ByteReader, PictureError, exif};

const HEADER_BYTES: usize = 12;
/// The part of a frame before its chunks.
const FRAME_BYTES: usize = 16;
const KEPT: [&[u8; 4]; 7] = [b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"];
const KEPT_IN_FRAME: [&[u8; 4]; 3] = [b"ALPH", b"VP8 ", b"VP8L"];
/// The flags of VP8X that say that EXIF and XMP are there.
const EXIF_FLAG: u8 = 0b1000;
const XMP_FLAG: u8 = 0b0100;
/// Further flags of VP8X.
const ANIMATION_FLAG: u8 = 0b0010;
const ALPHA_FLAG: u8 = 0b1_0000;

pub(super) fn clean(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let mut from = inside(bytes)?;
    let orientation = orientation(from);

    let mut clean = Vec::with_capacity(bytes.len());
    clean.extend(b"RIFF\0\0\0\0WEBP");
    let (mut has_picture, mut is_extended) = (false, false);
    while !from.left.is_empty() {
        let (kind, data) = chunk(&mut from)?;
        match &kind {
            b"VP8X" => {
                let mut header = data.to_vec();
                let flags = header.first_mut().ok_or(PictureError::Malformed)?;
                *flags &= !(EXIF_FLAG | XMP_FLAG);
                *flags |= if orientation.is_some() { EXIF_FLAG } else { 0 };
                is_extended = true;
                push(&mut clean, kind, &header);
            }
            b"ANMF" => {
                has_picture = true;
                push(&mut clean, kind, &frame(data)?);
            }
            kind if KEPT.contains(&kind) => {
                has_picture |= kind == b"VP8 " || kind == b"VP8L";
                push(&mut clean, *kind, data);
            }
            _ => {}
        }
    }
    if !has_picture {
        return Err(PictureError::Cut);
    }
    if let Some(orientation) = orientation.filter(|_| is_extended) {
        push(&mut clean, *b"EXIF", &exif::of_orientation(orientation));
    }
    let riff = u32::try_from(clean.len() - 8).map_err(|_| PictureError::Malformed)?;
    clean[4..8].copy_from_slice(&riff.to_le_bytes());
    Ok(clean)
}

/// Returns the number of frames; 1 for a picture without animation, whose data is not looked at.
pub(crate) fn frame_count(bytes: &[u8]) -> Result<u64, PictureError> {
    let mut from = inside(bytes)?;
    match chunk(&mut from) {
        Ok((kind, data)) if is_animated(&kind, data) => {}
        Ok(_) | Err(_) => return Ok(1),
    }
    let mut frames = 0;
    while !from.left.is_empty() {
        frames += u64::from(&chunk(&mut from)?.0 == b"ANMF");
    }
    if frames > 0 { Ok(frames) } else { Err(PictureError::Cut) }
}

fn is_animated(kind: &[u8; 4], data: &[u8]) -> bool {
    kind == b"VP8X" && data.first().is_some_and(|flags| flags & ANIMATION_FLAG != 0)
}

/// Returns the first frame as a file of its own; `None` for a picture without animation.
pub(crate) fn first_frame(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut from = inside(bytes).ok()?;
    let (kind, header) = chunk(&mut from).ok()?;
    if !is_animated(&kind, header) {
        return None;
    }
    let frame = loop {
        let (kind, data) = chunk(&mut from).ok()?;
        if &kind == b"ANMF" {
            break frame(data).ok()?;
        }
    };
    let (place, pictures) = frame.split_at_checked(FRAME_BYTES)?;
    let mut first = b"RIFF\0\0\0\0WEBP".to_vec();
    // Width and height of the frame, less one, have the same form there. The flags say whether it has an alpha channel.
    let mut extended = vec![header.first()? & ALPHA_FLAG, 0, 0, 0];
    extended.extend(place.get(6..12)?);
    push(&mut first, *b"VP8X", &extended);
    first.extend(pictures);
    let riff = u32::try_from(first.len() - 8).ok()?;
    first[4..8].copy_from_slice(&riff.to_le_bytes());
    Some(first)
}

/// Returns a reader of the chunks. Everything behind the RIFF is cut off.
fn inside(bytes: &[u8]) -> Result<ByteReader<'_>, PictureError> {
    let mut from = ByteReader { left: bytes };
    let header = from.take(HEADER_BYTES)?;
    let riff = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    let inside = usize::try_from(riff).ok().and_then(|riff| riff.checked_sub(4));
    Ok(ByteReader { left: from.take(inside.ok_or(PictureError::Malformed)?)? })
}

/// Returns the orientation, if it changes how the picture is shown.
fn orientation(mut from: ByteReader<'_>) -> Option<u16> {
    while !from.left.is_empty() {
        let (kind, data) = chunk(&mut from).ok()?;
        if &kind == b"EXIF" {
            // Some programs write the prefix that EXIF has in JPEG.
            return exif::orientation(data.strip_prefix(b"Exif\0\0").unwrap_or(data));
        }
    }
    None
}

/// Returns a frame of an animation with its picture alone.
fn frame(data: &[u8]) -> Result<Vec<u8>, PictureError> {
    let mut from = ByteReader { left: data };
    let mut clean = from.take(FRAME_BYTES)?.to_vec();
    while !from.left.is_empty() {
        let (kind, data) = chunk(&mut from)?;
        if KEPT_IN_FRAME.contains(&&kind) {
            push(&mut clean, kind, data);
        }
    }
    Ok(clean)
}

fn chunk<'a>(from: &mut ByteReader<'a>) -> Result<([u8; 4], &'a [u8]), PictureError> {
    let kind: [u8; 4] = from.array()?;
    let length = usize::try_from(u32::from_le_bytes(from.array()?));
    let length = length.map_err(|_| PictureError::Malformed)?;
    let data = from.take(length)?;
    // The padding of the last chunk is sometimes missing.
    if length % 2 == 1 && !from.left.is_empty() {
        from.byte()?;
    }
    Ok((kind, data))
}

fn push(clean: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    clean.extend(kind);
    clean.extend((data.len() as u32).to_le_bytes());
    clean.extend(data);
    if data.len() % 2 == 1 {
        clean.push(0);
    }
}
