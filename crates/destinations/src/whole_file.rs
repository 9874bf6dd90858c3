//! The common part of the destinations of the older documents (seeds 002 and 003): they take whole videos up to a
//! size, at addresses that aren't below the API's.

use std::borrow::Cow;

use snaplark_api::{Media, routes};
use snaplark_core::upload::Failure;

use crate::{FileFacts, Opening, WholeItem};

/// The media types that both documents take, with the endings of their files. The first is the usual one.
const TYPES: [(&str, &[&str]); 3] = [
    ("video/mp4", &["mp4", "m4v", "mov"]),
    ("video/quicktime", &["mov", "mp4"]),
    ("video/webm", &["webm"]),
];

/// Returns the address below which the documents' paths are. Accounts have the API's address.
pub(crate) fn root_of(base_url: &str) -> String {
    let base_url = base_url.trim_end_matches('/');
    let root = base_url.strip_suffix(routes::PREFIX).unwrap_or(base_url);
    root.trim_end_matches('/').to_owned()
}

/// Refuses what the documents don't provide for, before anything is sent. Returns the size of the item.
pub(crate) fn check_opening(opening: &Opening, bytes_max: u64) -> Result<WholeItem, Failure> {
    let no = |detail: String| Err(Failure::Refused { detail });
    if opening.picture.is_some() {
        return no("this destination takes videos, and no pictures".into());
    }
    if opening.version.is_some() {
        return no("this destination has no versions of videos".into());
    }
    let (_, mime) = name_and_mime(opening.file.as_ref(), &opening.media);
    if !TYPES.iter().any(|(taken, _)| *taken == mime) {
        return no(format!("this destination takes MP4, QuickTime and WebM, and no {mime}"));
    }
    let Some(whole) = opening.whole else { return no("the item isn't whole yet".into()) };
    if whole.size_bytes > bytes_max {
        let (is, most) = (megabytes(whole.size_bytes), megabytes(bytes_max));
        return no(format!("the file has {is} MB, and this destination takes {most} MB at most"));
    }
    Ok(whole)
}

/// Returns the name and the media type of a file that a person brought in, or of a recording.
pub(crate) fn name_and_mime<'a>(
    file: Option<&'a FileFacts>,
    media: &'a Media,
) -> (&'a str, &'a str) {
    match file {
        Some(file) => (&file.filename, &file.mime),
        None => (&media.filename, "video/webm"),
    }
}

/// Returns a name whose ending says what the file is: servers decide by it, and only when all has been sent.
pub(crate) fn with_ending<'a>(filename: &'a str, mime: &str) -> Cow<'a, str> {
    let endings = TYPES.iter().find(|(taken, _)| *taken == mime).map_or(&[][..], |(_, it)| *it);
    let ending = filename.rsplit_once('.').map_or("", |(_, ending)| ending);
    match endings.first() {
        Some(usual) if !endings.iter().any(|known| known.eq_ignore_ascii_case(ending)) => {
            Cow::Owned(format!("{filename}.{usual}"))
        }
        Some(_) | None => Cow::Borrowed(filename),
    }
}

/// Returns a size in the documents' unit, rounded up: a file above a limit never seems to be as large as it.
fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1024 * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_the_address_without_the_api() {
        for address in [
            "https://host/below/api/v1",
            "https://host/below/api/v1/",
            "https://host/below",
            "https://host/below/",
        ] {
            assert_eq!(root_of(address), "https://host/below", "{address}");
        }
        assert_eq!(root_of("http://127.0.0.1:80/api/v1"), "http://127.0.0.1:80");
    }

    #[test]
    fn name_has_an_ending_that_fits_its_type() {
        for (filename, mime, is) in [
            ("a.mp4", "video/mp4", "a.mp4"),
            ("A.MOV", "video/quicktime", "A.MOV"),
            ("clip", "video/mp4", "clip.mp4"),
            ("clip.mp4", "video/webm", "clip.mp4.webm"),
            ("clip.v2", "video/quicktime", "clip.v2.mov"),
        ] {
            assert_eq!(with_ending(filename, mime), is);
        }
    }
}
