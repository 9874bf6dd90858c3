//! What stands upon the picture of the source: clicks, the webcam, keys. On the eye's thread alone.
//!
//! Where nothing stands upon it the source's own picture goes on, uncopied: a screen that stands
//! still costs what it did. Else it is copied once and painted over; equal things painted make equal
//! pictures, so the gate goes on to see whether anything changed.
//!
//! The webcam lies above the pointer and above clicks: it belongs to the video, not to the screen.
//! Keys are above all.

mod canvas;
mod click;
mod pill;
pub mod shape;
pub mod text;

use std::sync::Arc;
use std::time::Instant;

use self::canvas::{Canvas, Ink};
use self::pill::Pill;
use self::shape::Mask;
use crate::marks::Marks;
use crate::source::Place;
use crate::webcam::{Shown, Webcam};

pub struct Overlay {
    canvas: Canvas,
    webcam: Arc<Webcam>,
    /// Of the webcam's shape and size of last time.
    mask: Mask,
    marks: Option<Marks>,
    pill: Pill,
}

impl Overlay {
    pub fn new(size: (u32, u32), webcam: Arc<Webcam>, marks: Option<Marks>) -> Self {
        let (canvas, mask, pill) = (Canvas::new(size), Mask::default(), Pill::default());
        Overlay { canvas, webcam, mask, marks, pill }
    }

    /// Upon that picture, or upon the last one where there is none now. `place`: the picture's own on
    /// the screen.
    pub fn lay<'a>(&'a mut self, picture: Option<&'a [u8]>, place: Place) -> Option<&'a [u8]> {
        let now = Instant::now();
        let webcam = self.webcam.look();
        if let Some(Err(reason)) = self.marks.as_mut().map(|marks| marks.look(now)) {
            // The display is gone, which the source will say.
            tracing::debug!(reason, "clicks and keys are not seen any more");
            self.marks = None;
        }
        let marks = self.marks.as_ref();
        let clicks = marks.map_or(&[][..], Marks::clicks);
        let typed = marks.and_then(|marks| marks.typed(now));
        match picture {
            Some(picture) if webcam.is_none() && clicks.is_empty() && typed.is_none() => {
                self.canvas.clear();
                return Some(picture);
            }
            Some(picture) => self.canvas.set(picture),
            None if self.canvas.is_empty() => return None,
            None => self.canvas.uncover(),
        }
        for click in clicks {
            click::paint(&mut self.canvas, click, place.in_picture(click.at), now);
        }
        if let Some(shown) = &webcam {
            paint_webcam(&mut self.canvas, &mut self.mask, shown);
        }
        if let Some((typed, age)) = typed {
            self.pill.paint(&mut self.canvas, typed, age);
        }
        Some(self.canvas.pixels())
    }

    /// What happened in a pause is not recorded.
    pub fn break_off(&mut self) {
        if let Some(marks) = &mut self.marks {
            marks.forget();
        }
    }
}

fn paint_webcam(canvas: &mut Canvas, mask: &mut Mask, shown: &Shown) {
    let Shown { face, rect, shape, mirrored } = shown;
    let side = rect.width;
    mask.fit(*shape, side);
    canvas.paint(*rect, |x, y| {
        let (cover, ring) = mask.at(x, y);
        let x = if *mirrored { side - 1 - x } else { x };
        // The camera gives another size only for the moment after that was changed.
        let face_at = |at: u32| at * face.side / side;
        let colour = face.pixel(face_at(x), face_at(y));
        Ink { colour: canvas::mix(colour, RING, ring), cover }
    });
}

/// The hairline around it, to be seen on dark screens and on light ones.
const RING: [u8; 3] = [0xFF; 3];
