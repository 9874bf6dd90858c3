//! JPEG: segments that begin with a marker, and scans of compressed data between them, up to EOI.

use super::{ByteReader, PictureError, exif};

const SOI: u8 = 0xD8;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const APP0: u8 = 0xE0;
const APP1: u8 = 0xE1;
const APP2: u8 = 0xE2;
const APP14: u8 = 0xEE;
const EXIF: &[u8] = b"Exif\0\0";

/// A segment, or the end.
enum JpegSegment<'a> {
    /// The marker, and its data without the length.
    Data(u8, &'a [u8]),
    /// A marker without data.
    Bare(u8),
    End,
}

pub(super) fn clean(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let mut from = after_start(bytes)?;
    let mut clean = Vec::with_capacity(bytes.len() + 64);
    clean.extend([0xFF, SOI]);
    let orientation = orientation(bytes);
    let (mut is_orientation_written, mut has_scan) = (orientation.is_none(), false);
    loop {
        let segment = match next(&mut from) {
            // Some cameras leave out EOI. What there is of the last scan is shown by everything.
            Err(PictureError::Cut) if has_scan => JpegSegment::End,
            segment => segment?,
        };
        match segment {
            JpegSegment::End if !has_scan => return Err(PictureError::Cut),
            JpegSegment::End => {
                clean.extend([0xFF, EOI]);
                return Ok(clean);
            }
            JpegSegment::Bare(marker) => clean.extend([0xFF, marker]),
            JpegSegment::Data(marker, data) => {
                if !is_kept(marker, data) {
                    continue;
                }
                // JFIF comes first, if it is there.
                if !is_orientation_written && marker != APP0 {
                    is_orientation_written = true;
                    let exif = orientation.map(exif::of_orientation).unwrap_or_default();
                    push(&mut clean, APP1, &[EXIF, &exif].concat());
                }
                push(&mut clean, marker, data);
                if marker == SOS {
                    has_scan = true;
                    clean.extend(scan(&mut from));
                }
            }
        }
    }
}

/// Returns the orientation of the first EXIF before the picture, if it changes how the picture is shown.
pub(super) fn orientation(bytes: &[u8]) -> Option<u16> {
    let mut from = after_start(bytes).ok()?;
    loop {
        match next(&mut from).ok()? {
            JpegSegment::Data(APP1, data) => {
                if let Some(tiff) = data.strip_prefix(EXIF) {
                    return exif::orientation(tiff);
                }
            }
            JpegSegment::Data(SOS, _) | JpegSegment::End => return None,
            JpegSegment::Data(..) | JpegSegment::Bare(_) => {}
        }
    }
}

fn after_start(bytes: &[u8]) -> Result<ByteReader<'_>, PictureError> {
    let mut from = ByteReader { left: bytes };
    if from.take(2)? == [0xFF, SOI] { Ok(from) } else { Err(PictureError::Malformed) }
}

fn next<'a>(from: &mut ByteReader<'a>) -> Result<JpegSegment<'a>, PictureError> {
    if from.byte()? != 0xFF {
        return Err(PictureError::Malformed);
    }
    let marker = loop {
        // Any number of 0xFF may precede a marker.
        match from.byte()? {
            0xFF => {}
            marker => break marker,
        }
    };
    match marker {
        EOI => Ok(JpegSegment::End),
        // TEM and restart markers have no data.
        0x01 | 0xD0..=0xD7 => Ok(JpegSegment::Bare(marker)),
        0x00 | SOI => Err(PictureError::Malformed),
        _ => {
            let length = usize::from(u16::from_be_bytes(from.array()?));
            let data = length.checked_sub(2).ok_or(PictureError::Malformed)?;
            Ok(JpegSegment::Data(marker, from.take(data)?))
        }
    }
}

/// Returns whether the picture looks different without the segment.
fn is_kept(marker: u8, data: &[u8]) -> bool {
    match marker {
        APP0 => data.starts_with(b"JFIF\0"),
        APP2 => data.starts_with(b"ICC_PROFILE\0"),
        // Says how the colors are encoded.
        APP14 => data.starts_with(b"Adobe"),
        // Frames, tables, scans, restart intervals.
        0xC0..=0xCF | SOS | 0xDB..=0xDF => true,
        _ => false,
    }
}

fn push(clean: &mut Vec<u8>, marker: u8, data: &[u8]) {
    // The bytes after a JFIF header's 14 are an embedded thumbnail of the size that its last two give.
    let jfif = if marker == APP0 { data.get(..12) } else { None };
    let (data, thumbnail): (&[u8], &[u8]) = match jfif {
        Some(head) => (head, &[0, 0]),
        None => (data, &[]),
    };
    clean.extend([0xFF, marker]);
    clean.extend(((data.len() + thumbnail.len() + 2) as u16).to_be_bytes());
    clean.extend(data);
    clean.extend(thumbnail);
}

/// Takes the compressed data of a scan: up to the next marker that isn't part of it.
fn scan<'a>(from: &mut ByteReader<'a>) -> &'a [u8] {
    let data = from.left;
    let mut at = 0;
    let end = loop {
        let Some(found) = data[at..].iter().position(|byte| *byte == 0xFF) else {
            break data.len();
        };
        let marker = at + found;
        match data.get(marker + 1) {
            // A stuffed byte, or a restart marker.
            Some(0x00 | 0xD0..=0xD7) => at = marker + 2,
            Some(_) | None => break marker,
        }
    };
    from.left = &data[end..];
    &data[..end]
}
