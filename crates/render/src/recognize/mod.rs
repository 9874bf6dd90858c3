//! Reads text and QR codes from a picture. Everything happens on this computer.
//!
//! | Module | Does |
//! |---|---|
//! | `tesseract` | the text, by tesseract's library, if that is installed |
//! | `codes` | the QR codes |
//! | `packages` | the names of what is to be installed |

mod codes;
mod packages;
mod tesseract;

use resvg::tiny_skia::Pixmap;
use snaplark_core::edit::Area;
use snaplark_core::render::{RecognizeError, Recognized, RenderError, TextLanguage};

use crate::picture;

/// Letters of a screenshot are about ten pixels high, and tesseract wants twenty and more. Pictures are doubled
/// unless they then have more pixels than this, which costs some seconds.
const DOUBLED_PIXELS_MAX: u64 = 12_000_000;

/// Lightness of each pixel, row by row.
struct Grey {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

/// Reads text and codes from a picture or an area of it.
pub(crate) fn recognize(
    source: &[u8],
    area: Option<Area>,
    languages: &[TextLanguage],
) -> Result<Recognized, RecognizeError> {
    let picture = picture::decode(source)?;
    let whole = Area { x: 0, y: 0, width: picture.width(), height: picture.height() };
    let picture = area
        .unwrap_or(whole)
        .within(picture.width(), picture.height())
        .and_then(|area| picture::part_of(&picture, area))
        .ok_or(RenderError::EmptyCrop)?;
    let codes = codes::read(&Grey::of(&picture));

    let missing = tesseract::missing(languages);
    let install = (!missing.is_empty()).then(|| packages::names(&missing));
    if missing.len() == languages.len() {
        return match (install, codes.is_empty()) {
            (Some(install), true) => Err(RecognizeError::NoEngine { install }),
            (install, _) => Ok(Recognized { text: String::new(), codes, install }),
        };
    }
    let there: Vec<TextLanguage> =
        languages.iter().copied().filter(|language| !missing.contains(language)).collect();
    let doubled = u64::from(picture.width()) * u64::from(picture.height()) * 4;
    let grey = if doubled <= DOUBLED_PIXELS_MAX {
        Grey::of(&picture::resize(&picture, picture.width() * 2, picture.height() * 2)?)
    } else {
        Grey::of(&picture)
    };
    let text = tesseract::read(&grey, &there)?;
    Ok(Recognized { text: tidied(&text), codes, install })
}

impl Grey {
    /// Returns the picture's lightness above white.
    fn of(picture: &Pixmap) -> Self {
        let lightness = |pixel: &[u8]| {
            let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(u32::from);
            let color = (red * 299 + green * 587 + blue * 114) / 1_000;
            (color + 255 - u32::from(pixel[3])).min(255) as u8
        };
        let pixels = picture.data().chunks_exact(4).map(lightness).collect();
        Grey { width: picture.width(), height: picture.height(), pixels }
    }
}

/// Returns the text without spaces at the ends of lines and without more than one empty line in a row.
fn tidied(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if !(line.is_empty() && lines.last().is_none_or(|last| last.is_empty())) {
            lines.push(line);
        }
    }
    lines.join("\n").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_tidied_line_by_line() {
        assert_eq!(tidied("\n \n a  \n\n\n\u{c}\nb c\n\n"), "a\n\nb c");
        assert_eq!(tidied(" \n"), "");
    }
}
