//! Draws shapes onto a picture, from the bottom up. Vectors go through resvg, effects through `effects`.

use resvg::tiny_skia::{BlendMode, IntRect, Pixmap, PixmapPaint, Transform};
use resvg::usvg::Tree;
use snaplark_core::edit::{Area, Shape};
use snaplark_core::render::{RenderError, RenderProgress};

use super::tools::{MULTIPLY, Technique, technique_of};
use super::{blank, effects, fonts};

/// Draws all shapes. Nothing of what is hidden is in the picture before the first is drawn.
pub(super) fn draw(
    picture: &mut Pixmap,
    shapes: &[Shape],
    progress: &RenderProgress,
) -> Result<(), RenderError> {
    let techniques: Vec<Technique> = shapes.iter().map(|shape| technique_of(&shape.kind)).collect();
    effects::erase_hidden(picture, &techniques);
    let mut spotlights: Vec<Area> = techniques.iter().filter_map(spotlight).collect();
    for (done, technique) in techniques.iter().enumerate() {
        if progress.is_cancelled() {
            return Err(RenderError::Cancelled);
        }
        progress.advance(done as u64, shapes.len() as u64);
        match technique {
            Technique::Vector(elements) => vector(picture, elements)?,
            Technique::Cover { area, color } => effects::cover(picture, *area, *color),
            Technique::Pixelate { area, block_px } => {
                effects::pixelate(picture, *area, *block_px, None);
            }
            Technique::Blur { area, radius_px } => effects::blur(picture, *area, *radius_px),
            // All of them together, where the lowest lies.
            Technique::Spotlight { .. } => {
                let lights = std::mem::take(&mut spotlights);
                if !lights.is_empty() {
                    effects::darken_around(picture, &lights);
                }
            }
        }
    }
    progress.advance(1, 1);
    Ok(())
}

fn spotlight(technique: &Technique) -> Option<Area> {
    if let Technique::Spotlight { area } = technique { Some(*area) } else { None }
}

fn vector(picture: &mut Pixmap, elements: &str) -> Result<(), RenderError> {
    if elements.is_empty() {
        return Ok(());
    }
    let multiplied = elements.contains(MULTIPLY);
    let document = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="{}">{}</svg>"#,
        picture.width(),
        picture.height(),
        elements.replace(MULTIPLY, ""),
    );
    let tree = Tree::from_str(&document, &fonts::options())
        .map_err(|error| RenderError::NotEncoded { reason: error.to_string() })?;
    if multiplied {
        multiply(picture, &tree)
    } else {
        resvg::render(&tree, Transform::identity(), &mut picture.as_mut());
        Ok(())
    }
}

/// Multiplies the picture with what the tree draws. resvg does that with a layer of up to 25 times the picture's
/// size if a stroke reaches far outside; this layer is no larger than the picture.
fn multiply(picture: &mut Pixmap, tree: &Tree) -> Result<(), RenderError> {
    let bounds = tree.root().abs_stroke_bounding_box();
    let whole = Area { x: 0, y: 0, width: picture.width(), height: picture.height() };
    let left = bounds.left().floor().max(0.0) as i32;
    let top = bounds.top().floor().max(0.0) as i32;
    let width = (bounds.right().ceil() - left as f32).max(0.0) as u32;
    let height = (bounds.bottom().ceil() - top as f32).max(0.0) as u32;
    let area = Area { x: left, y: top, width, height }.within(whole.width, whole.height);
    let Some(area) = area else { return Ok(()) };
    let mut layer = blank(area.width, area.height)?;
    let moved = Transform::from_translate(-(area.x as f32), -(area.y as f32));
    resvg::render(tree, moved, &mut layer.as_mut());
    let paint = PixmapPaint { blend_mode: BlendMode::Multiply, ..PixmapPaint::default() };
    picture.draw_pixmap(area.x, area.y, layer.as_ref(), &paint, Transform::identity(), None);
    Ok(())
}

/// Copies a part of a picture.
pub(crate) fn part_of(picture: &Pixmap, area: Area) -> Option<Pixmap> {
    picture.clone_rect(IntRect::from_xywh(area.x, area.y, area.width, area.height)?)
}
