//! Writes animated WebP: pictures that are WebP files of their own, each for a rectangle and a time.
//!
//! ```text
//! RIFF size WEBP
//!   VP8X  flags (animation), canvas
//!   ANIM  background, loops
//!   ANMF  rectangle, duration, flags, the picture's VP8 or VP8L chunk      for each picture
//! ```

/// The bytes before the first picture.
const HEAD_BYTES: u64 = 12 + (8 + 10) + (8 + 6);
/// The flag of an animation in VP8X.
const ANIMATION: u8 = 0x02;
/// Don't blend: the rectangle replaces what was there.
const REPLACE: u8 = 0x02;

/// A picture of an animation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The left edge in pixels; even.
    pub left: u32,
    /// The upper edge in pixels; even.
    pub top: u32,
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
    /// How long it is shown.
    pub duration_ms: u64,
    /// The picture as a WebP file.
    pub file: Vec<u8>,
}

/// Returns the bytes before the first picture. `frames_bytes` is the length of all pictures together.
pub fn head(width: u32, height: u32, frames_bytes: u64) -> Vec<u8> {
    let mut head = Vec::from(*b"RIFF");
    // Players read on to the end of a file that is too long for the field.
    let size = u32::try_from(HEAD_BYTES - 8 + frames_bytes).unwrap_or(!1);
    head.extend(size.to_le_bytes());
    head.extend(b"WEBPVP8X");
    head.extend(10_u32.to_le_bytes());
    head.extend([ANIMATION, 0, 0, 0]);
    head.extend(three(width.saturating_sub(1)));
    head.extend(three(height.saturating_sub(1)));
    head.extend(b"ANIM");
    head.extend(6_u32.to_le_bytes());
    // A white background, and no end of the loop.
    head.extend([255, 255, 255, 255, 0, 0]);
    head
}

/// Returns a picture's chunk; `None` if its file is no WebP.
pub fn frame(frame: &Frame) -> Option<Vec<u8>> {
    let chunk = picture_chunk(&frame.file)?;
    let mut data = Vec::with_capacity(16 + chunk.len());
    data.extend(three(frame.left / 2));
    data.extend(three(frame.top / 2));
    data.extend(three(frame.width.saturating_sub(1)));
    data.extend(three(frame.height.saturating_sub(1)));
    data.extend(three(u32::try_from(frame.duration_ms).unwrap_or(u32::MAX).min(0xFF_FFFF)));
    data.push(REPLACE);
    data.extend_from_slice(chunk);
    let mut bytes = Vec::from(*b"ANMF");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    Some(bytes)
}

/// Returns the VP8 or VP8L chunk of a WebP file, with its padding.
fn picture_chunk(file: &[u8]) -> Option<&[u8]> {
    let mut rest = file.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WEBP")?;
    loop {
        let (name, size) = (rest.get(..4)?, rest.get(4..8)?.first_chunk()?);
        let length = usize::try_from(u32::from_le_bytes(*size)).ok()?;
        let padded = 8_usize.checked_add(length)?.checked_add(length % 2)?;
        let chunk = rest.get(..padded)?;
        if name == b"VP8 " || name == b"VP8L" {
            return Some(chunk);
        }
        rest = &rest[padded..];
    }
}

fn three(value: u32) -> [u8; 3] {
    let [low, middle, high, _] = value.to_le_bytes();
    [low, middle, high]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_holds_the_picture_of_a_file_without_its_header() {
        let mut file = Vec::from(*b"RIFF\x0e\0\0\0WEBPVP8L\x03\0\0\0abc\0");
        let of = |file: &[u8]| {
            let file = file.to_vec();
            frame(&Frame { left: 4, top: 2, width: 3, height: 1, duration_ms: 300, file })
        };
        let bytes = of(&file).unwrap();
        assert_eq!(&bytes[..4], b"ANMF");
        assert_eq!(bytes[8..24], [2, 0, 0, 1, 0, 0, 2, 0, 0, 0, 0, 0, 44, 1, 0, 2]);
        assert_eq!(&bytes[24..], b"VP8L\x03\0\0\0abc\0");
        file.truncate(20);
        assert_eq!(of(&file), None);
        assert_eq!(of(b"no file"), None);
    }

    #[test]
    fn head_states_the_length_of_all() {
        let head = head(640, 360, 1_000);
        assert_eq!(head.len() as u64, HEAD_BYTES);
        assert_eq!(head[4..8], (1_000 + HEAD_BYTES as u32 - 8).to_le_bytes());
    }
}
