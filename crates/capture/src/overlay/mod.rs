//! What stands upon the picture of the source: the webcam. On the eye's thread alone.
//!
//! Where nothing stands upon it the source's own picture goes on, uncopied: a screen that stands
//! still costs what it did. Else it is copied once and painted over; equal things painted make equal
//! pictures, so the gate goes on to see whether anything changed.
//!
//! The webcam lies above the pointer: it belongs to the video, not to the screen.

mod canvas;
pub mod shape;

use std::sync::Arc;

use self::canvas::{Canvas, Ink};
use self::shape::Mask;
use crate::webcam::{Shown, Webcam};

pub struct Overlay {
    canvas: Canvas,
    webcam: Arc<Webcam>,
    /// Of the webcam's shape and size of last time.
    mask: Mask,
}

impl Overlay {
    pub fn new(size: (u32, u32), webcam: Arc<Webcam>) -> Self {
        Overlay { canvas: Canvas::new(size), webcam, mask: Mask::default() }
    }

    /// Upon that picture, or upon the last one where there is none now.
    pub fn lay<'a>(&'a mut self, picture: Option<&'a [u8]>) -> Option<&'a [u8]> {
        let webcam = self.webcam.look();
        match picture {
            Some(picture) if webcam.is_none() => {
                self.canvas.clear();
                return Some(picture);
            }
            Some(picture) => self.canvas.set(picture),
            None if self.canvas.is_empty() => return None,
            None => self.canvas.uncover(),
        }
        if let Some(shown) = &webcam {
            self.paint_webcam(shown);
        }
        Some(self.canvas.pixels())
    }

    fn paint_webcam(&mut self, shown: &Shown) {
        let Shown { face, rect, shape, mirrored } = shown;
        let side = rect.width;
        self.mask.fit(*shape, side);
        let mask = &self.mask;
        self.canvas.paint(*rect, |x, y| {
            let (cover, ring) = mask.at(x, y);
            let x = if *mirrored { side - 1 - x } else { x };
            // The camera gives another size only for the moment after that was changed.
            let face_at = |at: u32| at * face.side / side;
            let colour = face.pixel(face_at(x), face_at(y));
            Ink { colour: canvas::mix(colour, RING, ring), cover }
        });
    }
}

/// The hairline around it, to be seen on dark screens and on light ones.
const RING: [u8; 3] = [0xFF; 3];
