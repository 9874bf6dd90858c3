//! The accepted types of files, determined from their first bytes. Names and declared types are never
//! trusted. Pure.

/// The type of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Media {
    Webm,
    /// Matroska: the container of WebM with codecs that WebM does not allow, such as Chromium's
    /// H.264. It is recognized at finalize.
    Mkv,
    Mp4,
    Mov,
    Png,
    Jpeg,
    Webp,
    Gif,
    /// A video whose first part has not arrived yet. Only that part shows the type.
    Unknown,
}

impl Media {
    pub const ALL: [Media; 9] = [
        Media::Webm,
        Media::Mkv,
        Media::Mp4,
        Media::Mov,
        Media::Png,
        Media::Jpeg,
        Media::Webp,
        Media::Gif,
        Media::Unknown,
    ];

    /// Returns the file extension, which is also the name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Media::Webm => "webm",
            Media::Mkv => "mkv",
            Media::Mp4 => "mp4",
            Media::Mov => "mov",
            Media::Png => "png",
            Media::Jpeg => "jpg",
            Media::Webp => "webp",
            Media::Gif => "gif",
            Media::Unknown => "unknown",
        }
    }

    pub const fn mime(self) -> &'static str {
        match self {
            Media::Webm => "video/webm",
            Media::Mkv => "video/x-matroska",
            Media::Mp4 => "video/mp4",
            Media::Mov => "video/quicktime",
            Media::Png => "image/png",
            Media::Jpeg => "image/jpeg",
            Media::Webp => "image/webp",
            Media::Gif => "image/gif",
            Media::Unknown => "application/octet-stream",
        }
    }

    pub const fn is_image(self) -> bool {
        match self {
            Media::Png | Media::Jpeg | Media::Webp | Media::Gif => true,
            Media::Webm | Media::Mkv | Media::Mp4 | Media::Mov | Media::Unknown => false,
        }
    }

    pub fn of_mime(mime: &str) -> Option<Media> {
        let named = |media: &Media| !matches!(media, Media::Unknown | Media::Mkv);
        Media::ALL.into_iter().filter(named).find(|media| media.mime() == mime)
    }

    /// Returns the type by the extension of a file name. `m4v` is another name for MP4.
    pub fn of_name(name: &str) -> Option<Media> {
        let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
        match ending.as_str() {
            "m4v" => Some(Media::Mp4),
            "qt" => Some(Media::Mov),
            "jpeg" => Some(Media::Jpeg),
            // Nobody announces Matroska, because only the header tells it from WebM.
            "unknown" | "mkv" => None,
            other => Media::ALL.into_iter().find(|media| media.name() == other),
        }
    }

    pub fn of_bytes(head: &[u8]) -> Option<Media> {
        const QUICKTIME_BOXES: [&[u8]; 5] = [b"moov", b"mdat", b"wide", b"free", b"skip"];
        let at_4 = head.get(4..8)?;
        Some(match head {
            _ if head.starts_with(b"\x1A\x45\xDF\xA3") => Media::Webm,
            _ if at_4 == b"ftyp" && head.get(8..12) == Some(b"qt  ") => Media::Mov,
            _ if at_4 == b"ftyp" => Media::Mp4,
            _ if head.starts_with(b"\x89PNG\r\n\x1A\n") => Media::Png,
            _ if head.starts_with(b"\xFF\xD8\xFF") => Media::Jpeg,
            _ if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") => Media::Webp,
            _ if head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a") => Media::Gif,
            // Cameras before 2005 wrote no `ftyp`.
            _ if QUICKTIME_BOXES.contains(&at_4) => Media::Mov,
            _ => return None,
        })
    }

    /// Returns whether a file that was announced as this type may turn out to be `found`.
    pub fn may_be(self, found: Media) -> bool {
        match self {
            Media::Unknown => !found.is_image(),
            // Both use the same container, and programs confuse the two.
            Media::Mp4 | Media::Mov => matches!(found, Media::Mp4 | Media::Mov),
            Media::Webm | Media::Mkv => matches!(found, Media::Webm | Media::Mkv),
            Media::Png | Media::Jpeg | Media::Webp | Media::Gif => self == found,
        }
    }
}

/// Returns the width and height of an image from its header, without decoding it.
pub fn image_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let big = |at: usize, len: usize| Some(fold(bytes.get(at..at + len)?.iter()));
    let little = |at: usize, len: usize| Some(fold(bytes.get(at..at + len)?.iter().rev()));
    match Media::of_bytes(bytes)? {
        Media::Png => (bytes.get(12..16)? == b"IHDR").then_some((big(16, 4)?, big(20, 4)?)),
        Media::Gif => Some((little(6, 2)?, little(8, 2)?)),
        Media::Jpeg => jpeg_size(bytes),
        Media::Webp => match bytes.get(12..16)? {
            b"VP8X" => Some((little(24, 3)? + 1, little(27, 3)? + 1)),
            b"VP8 " => Some((little(26, 2)? & 0x3FFF, little(28, 2)? & 0x3FFF)),
            b"VP8L" => {
                let bits = little(21, 4)?;
                Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
            }
            _ => None,
        },
        Media::Webm | Media::Mkv | Media::Mp4 | Media::Mov | Media::Unknown => None,
    }
}

fn fold<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    bytes.fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// Finds the frame header, which comes after any number of other segments.
fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let [0xFF, marker, high, low] = *bytes.get(at..)?.first_chunk()? else { return None };
        let is_frame = matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC);
        if is_frame {
            let height = fold(bytes.get(at + 5..at + 7)?.iter());
            return Some((fold(bytes.get(at + 7..at + 9)?.iter()), height));
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]).max(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_tell_the_kind() {
        for (head, media) in [
            (b"\x1A\x45\xDF\xA3\x9F\x42\x86\x81".as_slice(), Some(Media::Webm)),
            (b"\0\0\0\x20ftypisom\0\0", Some(Media::Mp4)),
            (b"\0\0\0\x14ftypqt  \0\0", Some(Media::Mov)),
            (b"\0\0\0\x08wide\0\0\0\0mdat", Some(Media::Mov)),
            (b"\x89PNG\r\n\x1A\n\0\0", Some(Media::Png)),
            (b"\xFF\xD8\xFF\xE0\0\x10JFIF", Some(Media::Jpeg)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(Media::Webp)),
            (b"GIF89a\x01\0\x01\0", Some(Media::Gif)),
            (b"RIFF\0\0\0\0WAVEfmt ", None),
            (b"<svg xmlns=", None),
            (b"<!doctype html>", None),
            (b"\x89PN", None),
            (b"", None),
        ] {
            assert_eq!(Media::of_bytes(head), media, "{head:?}");
        }
    }

    #[test]
    fn sizes_are_in_the_header() {
        let png = b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x07\x80\0\0\x04\x38\x08";
        assert_eq!(image_size(png), Some((1920, 1080)));
        let gif = b"GIF89a\x40\x01\xB4\0";
        assert_eq!(image_size(gif), Some((320, 180)));
        let jpeg = b"\xFF\xD8\xFF\xE0\0\x04ab\xFF\xC0\0\x11\x08\x00\xB4\x01\x40\x03";
        assert_eq!(image_size(jpeg), Some((320, 180)));
        for cut in 0..jpeg.len() - 1 {
            assert_eq!(image_size(&jpeg[..cut]), None);
        }
    }
}
