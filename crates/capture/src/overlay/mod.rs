//! Paints clicks, the webcam and keys onto the source's picture. Runs on the frame grabber's thread
//! only.
//!
//! If there is nothing to paint, the source's picture is passed on without a copy, so a still screen
//! costs nothing extra. Otherwise it is copied once and painted over. Painting the same things gives an
//! equal picture, so the gate can still detect whether anything changed.
//!
//! The webcam covers the pointer and clicks: it belongs to the video, not to the screen. Keys cover
//! everything.

mod canvas;
mod click;
mod pill;
pub(crate) mod shape;
pub(crate) mod text;

use std::sync::Arc;
use std::time::Instant;

use self::canvas::{Canvas, Ink};
use self::pill::KeyPill;
use self::shape::Mask;
use crate::marks::MarkReader;
use crate::source::ScreenMapping;
use crate::webcam::{WebcamCapture, WebcamLayer};

pub(crate) struct Overlay {
    canvas: Canvas,
    webcam: Arc<WebcamCapture>,
    /// The mask for the webcam's last shape and size.
    mask: Mask,
    marks: Option<MarkReader>,
    pill: KeyPill,
}

impl Overlay {
    pub(crate) fn new(
        size: (u32, u32),
        webcam: Arc<WebcamCapture>,
        marks: Option<MarkReader>,
    ) -> Self {
        let (canvas, mask, pill) = (Canvas::new(size), Mask::default(), KeyPill::default());
        Overlay { canvas, webcam, mask, marks, pill }
    }

    /// Paints onto that picture, or onto the last one if there is none now. `mapping` is the picture's
    /// position on the screen.
    pub(crate) fn draw<'a>(
        &'a mut self,
        picture: Option<&'a [u8]>,
        mapping: ScreenMapping,
    ) -> Option<&'a [u8]> {
        let now = Instant::now();
        let webcam = self.webcam.layer();
        if let Some(Err(reason)) = self.marks.as_mut().map(|marks| marks.poll(now)) {
            // The display is gone, which the source will report.
            tracing::debug!(reason, "Click and key input lost");
            self.marks = None;
        }
        let marks = self.marks.as_ref();
        let clicks = marks.map_or(&[][..], MarkReader::clicks);
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
            click::paint(&mut self.canvas, click, mapping.in_picture(click.at), now);
        }
        if let Some(shown) = &webcam {
            paint_webcam(&mut self.canvas, &mut self.mask, shown);
        }
        if let Some((typed, age)) = typed {
            self.pill.paint(&mut self.canvas, typed, age);
        }
        Some(self.canvas.pixels())
    }

    /// Returns whether it neither draws something nor did so last time.
    pub(crate) fn is_clear(&self) -> bool {
        self.marks.is_none() && self.canvas.is_empty() && self.webcam.layer().is_none()
    }

    /// Discards the input of a pause.
    pub(crate) fn discard_input(&mut self) {
        if let Some(marks) = &mut self.marks {
            marks.forget();
        }
    }
}

fn paint_webcam(canvas: &mut Canvas, mask: &mut Mask, shown: &WebcamLayer) {
    let WebcamLayer { frame, rect, shape, mirrored } = shown;
    let side = rect.width;
    mask.fit(*shape, side);
    canvas.paint(*rect, |x, y| {
        let (cover, ring) = mask.at(x, y);
        let x = if *mirrored { side - 1 - x } else { x };
        // The camera's size differs only for a moment after it was changed.
        let frame_at = |at: u32| at * frame.side / side;
        let colour = frame.pixel(frame_at(x), frame_at(y));
        Ink { colour: canvas::mix(colour, RING, ring), cover }
    });
}

/// The color of the hairline around the webcam, which is visible on dark and light screens.
const RING: [u8; 3] = [0xFF; 3];
