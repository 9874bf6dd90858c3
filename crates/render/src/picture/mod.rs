//! A picture and its drawing -> one flat picture without metadata, for files, links, clipboard and cards.
//!
//! ```text
//! decode ► erase what is hidden ► shapes, from the bottom up ► crop ► turns ► width ► background ► encode
//! ```
//!
//! What a cover or a pixelated area hides is erased from the pixels before anything else is drawn. So neither a
//! blur beside it nor the rim of another area can carry it out, and two originals that differ only there give
//! the same bytes. docs/screenshots.md says the same for everybody.

mod canvas;
mod decode;
mod draw;
mod effects;
mod encode;
mod fonts;
mod png_file;
mod tools;

use resvg::tiny_skia::Pixmap;
use snaplark_core::edit::Drawing;
use snaplark_core::render::{
    PICTURE_PIXELS_MAX, PICTURE_SIDE_PX_MAX, PictureFormat, PictureRecipe, RenderError,
    RenderProgress,
};

pub(crate) use canvas::resize;
pub(crate) use decode::{decode, size};
pub(crate) use draw::part_of;
pub use tools::svg_of;

/// The quality of thumbnails: small files for cards, in which nobody looks for artefacts.
const THUMBNAIL_QUALITY: u8 = 82;

/// Returns the picture that the recipe describes.
pub(crate) fn render(
    recipe: &PictureRecipe<'_>,
    progress: &RenderProgress,
) -> Result<Vec<u8>, RenderError> {
    let picture = flatten(recipe.source, recipe.drawing, progress)?;
    encode::encode(picture, recipe.format)
}

/// Returns a JPEG of the picture with its drawing, whose longest side has at most this many pixels.
pub(crate) fn thumbnail(
    source: &[u8],
    drawing: &Drawing,
    longest_side_px: u32,
) -> Result<Vec<u8>, RenderError> {
    let picture = flatten(source, drawing, &RenderProgress::default())?;
    let longest = picture.width().max(picture.height());
    let wanted = longest_side_px.max(1);
    let small = if longest <= wanted {
        picture
    } else {
        let shrunk = |side: u32| {
            let side = u64::from(side) * u64::from(wanted) / u64::from(longest);
            (side as u32).max(1)
        };
        canvas::resize(&picture, shrunk(picture.width()), shrunk(picture.height()))?
    };
    encode::encode(small, PictureFormat::Jpeg { quality: THUMBNAIL_QUALITY })
}

/// Returns the picture with everything that was drawn onto it.
fn flatten(
    source: &[u8],
    drawing: &Drawing,
    progress: &RenderProgress,
) -> Result<Pixmap, RenderError> {
    drawing.check()?;
    let mut picture = decode(source)?;
    draw::draw(&mut picture, &drawing.shapes, progress)?;
    canvas::apply(picture, &drawing.canvas)
}

/// Checks a size against the limits, and returns it.
fn limited(width: u64, height: u64) -> Result<(u32, u32), RenderError> {
    let side = |px: u64| u32::try_from(px).unwrap_or(u32::MAX);
    let (wide, high) = (side(width), side(height));
    let pixels = u64::from(wide) * u64::from(high);
    if wide > PICTURE_SIDE_PX_MAX || high > PICTURE_SIDE_PX_MAX || pixels > PICTURE_PIXELS_MAX {
        return Err(RenderError::PictureTooLarge { width: wide, height: high });
    }
    Ok((wide, high))
}

/// Returns an empty picture. Both sides are at least one pixel.
fn blank(width: u32, height: u32) -> Result<Pixmap, RenderError> {
    Pixmap::new(width, height).ok_or(RenderError::PictureTooLarge { width, height })
}
