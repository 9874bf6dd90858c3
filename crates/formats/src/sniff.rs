//! Recognizes the type of a file by its first bytes. Names and declared types are never trusted. Pure.
//!
//! This is not done by a library (`infer`, `file-format`): eight types are accepted, each by a signature of
//! a few bytes, and what matters is what counts as what (a Matroska that was announced as WebM, a QuickTime
//! file without `ftyp`).

/// The type of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// WebM, or anything else in EBML until its codecs are known.
    Webm,
    /// Matroska: the container of WebM with codecs that WebM does not allow, such as Chromium's
    /// H.264. It is recognized at finalize.
    Mkv,
    /// MP4, also in fragments.
    Mp4,
    /// QuickTime.
    Mov,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP, still or animated.
    Webp,
    /// GIF, still or animated.
    Gif,
    /// A video whose first part has not arrived yet. Only that part shows the type.
    Unknown,
}

impl MediaKind {
    /// All types.
    pub const ALL: [MediaKind; 9] = [
        MediaKind::Webm,
        MediaKind::Mkv,
        MediaKind::Mp4,
        MediaKind::Mov,
        MediaKind::Png,
        MediaKind::Jpeg,
        MediaKind::Webp,
        MediaKind::Gif,
        MediaKind::Unknown,
    ];

    /// Returns the file extension, which is also the name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            MediaKind::Webm => "webm",
            MediaKind::Mkv => "mkv",
            MediaKind::Mp4 => "mp4",
            MediaKind::Mov => "mov",
            MediaKind::Png => "png",
            MediaKind::Jpeg => "jpg",
            MediaKind::Webp => "webp",
            MediaKind::Gif => "gif",
            MediaKind::Unknown => "unknown",
        }
    }

    /// Returns the media type for HTTP.
    pub const fn mime(self) -> &'static str {
        match self {
            MediaKind::Webm => "video/webm",
            MediaKind::Mkv => "video/x-matroska",
            MediaKind::Mp4 => "video/mp4",
            MediaKind::Mov => "video/quicktime",
            MediaKind::Png => "image/png",
            MediaKind::Jpeg => "image/jpeg",
            MediaKind::Webp => "image/webp",
            MediaKind::Gif => "image/gif",
            MediaKind::Unknown => "application/octet-stream",
        }
    }

    /// Returns whether the type is an image, animated or not.
    pub const fn is_image(self) -> bool {
        match self {
            MediaKind::Png | MediaKind::Jpeg | MediaKind::Webp | MediaKind::Gif => true,
            MediaKind::Webm
            | MediaKind::Mkv
            | MediaKind::Mp4
            | MediaKind::Mov
            | MediaKind::Unknown => false,
        }
    }

    /// Returns the type that a client announces by this media type.
    pub fn of_mime(mime: &str) -> Option<MediaKind> {
        let named = |media: &MediaKind| !matches!(media, MediaKind::Unknown | MediaKind::Mkv);
        MediaKind::ALL.into_iter().filter(named).find(|media| media.mime() == mime)
    }

    /// Returns the type by the extension of a file name. `m4v` is another name for MP4.
    pub fn of_name(name: &str) -> Option<MediaKind> {
        let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
        match ending.as_str() {
            "m4v" => Some(MediaKind::Mp4),
            "qt" => Some(MediaKind::Mov),
            "jpeg" => Some(MediaKind::Jpeg),
            // Nobody announces Matroska, because only the header tells it from WebM.
            "unknown" | "mkv" => None,
            other => MediaKind::ALL.into_iter().find(|media| media.name() == other),
        }
    }

    /// Returns the type by the first bytes of a file.
    pub fn of_bytes(head: &[u8]) -> Option<MediaKind> {
        const QUICKTIME_BOXES: [&[u8]; 5] = [b"moov", b"mdat", b"wide", b"free", b"skip"];
        let at_4 = head.get(4..8)?;
        Some(match head {
            _ if head.starts_with(b"\x1A\x45\xDF\xA3") => MediaKind::Webm,
            _ if at_4 == b"ftyp" && head.get(8..12) == Some(b"qt  ") => MediaKind::Mov,
            _ if at_4 == b"ftyp" => MediaKind::Mp4,
            _ if head.starts_with(b"\x89PNG\r\n\x1A\n") => MediaKind::Png,
            _ if head.starts_with(b"\xFF\xD8\xFF") => MediaKind::Jpeg,
            _ if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") => MediaKind::Webp,
            _ if head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a") => MediaKind::Gif,
            // Cameras before 2005 wrote no `ftyp`.
            _ if QUICKTIME_BOXES.contains(&at_4) => MediaKind::Mov,
            _ => return None,
        })
    }

    /// Returns whether a file that was announced as this type may turn out to be `found`.
    pub fn may_be(self, found: MediaKind) -> bool {
        match self {
            MediaKind::Unknown => !found.is_image(),
            // Both use the same container, and programs confuse the two.
            MediaKind::Mp4 | MediaKind::Mov => matches!(found, MediaKind::Mp4 | MediaKind::Mov),
            MediaKind::Webm | MediaKind::Mkv => matches!(found, MediaKind::Webm | MediaKind::Mkv),
            MediaKind::Png | MediaKind::Jpeg | MediaKind::Webp | MediaKind::Gif => self == found,
        }
    }
}

/// Media never contains so much text in a row: the probability is below 2^-100.
const TEXT_BYTES_MIN: usize = 16;

/// Returns whether the bytes begin a file of a known type other than WebM, or plain text.
pub fn is_foreign(head: &[u8]) -> bool {
    const SIGNATURES: [&[u8]; 14] = [
        b"\x89PNG",
        b"\xFF\xD8\xFF",
        b"GIF8",
        b"RIFF",
        b"%PDF",
        b"PK\x03\x04",
        b"\x7FELF",
        b"\x1F\x8B",
        b"MZ",
        b"OggS",
        b"ID3",
        b"fLaC",
        b"BZh",
        b"7z\xBC\xAF",
    ];
    let is_mp4 = head.get(4..8) == Some(b"ftyp");
    is_mp4 || SIGNATURES.iter().any(|s| head.starts_with(s)) || is_text(head)
}

fn is_text(head: &[u8]) -> bool {
    head.len() >= TEXT_BYTES_MIN
        && head.iter().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | 0x20..=0x7E))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_tell_the_kind() {
        for (head, media) in [
            (b"\x1A\x45\xDF\xA3\x9F\x42\x86\x81".as_slice(), Some(MediaKind::Webm)),
            (b"\0\0\0\x20ftypisom\0\0", Some(MediaKind::Mp4)),
            (b"\0\0\0\x14ftypqt  \0\0", Some(MediaKind::Mov)),
            (b"\0\0\0\x08wide\0\0\0\0mdat", Some(MediaKind::Mov)),
            (b"\x89PNG\r\n\x1A\n\0\0", Some(MediaKind::Png)),
            (b"\xFF\xD8\xFF\xE0\0\x10JFIF", Some(MediaKind::Jpeg)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(MediaKind::Webp)),
            (b"GIF89a\x01\0\x01\0", Some(MediaKind::Gif)),
            (b"RIFF\0\0\0\0WAVEfmt ", None),
            (b"<svg xmlns=", None),
            (b"<!doctype html>", None),
            (b"\x89PN", None),
            (b"", None),
        ] {
            assert_eq!(MediaKind::of_bytes(head), media, "{head:?}");
        }
    }
}
