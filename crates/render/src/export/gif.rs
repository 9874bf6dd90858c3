//! Writes GIF. Each picture is the rectangle that changed; inside it, pixels that stay are transparent, which
//! compresses best.

use gif::{DisposalMethod, Encoder, Frame, Repeat};
use snaplark_core::render::RenderError;

use super::animation::{AnimationWriter, Output, changed};
use super::palette::{COLORS_MAX, Palette, distance};
use super::pictures::Rgba;
use crate::codec::failed;

/// How much worse than the best color the one that is there may be and stay. It hides the noise of the video's
/// encoder, which would change pixels that look the same.
const STAYS: u32 = 30;
/// Browsers show shorter pictures for a tenth of a second.
const DELAY_CS_MIN: u64 = 2;

#[derive(Default)]
pub(super) struct GifWriter {
    palette: Option<Palette>,
    /// Writes into memory, from where its bytes are taken.
    encoder: Option<Encoder<Vec<u8>>>,
    size: (usize, usize),
    /// The color numbers that are shown.
    shown: Vec<u8>,
    /// The last picture, whose length isn't known before the next one comes.
    waiting: Option<(Frame<'static>, u64)>,
    /// Until when pictures are written, in hundredths of a second.
    written_cs: u64,
}

/// The number that means "as before".
const TRANSPARENT: u8 = COLORS_MAX as u8;

impl GifWriter {
    fn flush(&mut self, to: &mut dyn Output, until_ms: u64) -> Result<(), RenderError> {
        let Some((mut frame, _)) = self.waiting.take() else { return Ok(()) };
        let until_cs = (until_ms / 10).max(self.written_cs + DELAY_CS_MIN);
        let delay = until_cs - self.written_cs;
        frame.delay = u16::try_from(delay).unwrap_or(u16::MAX);
        self.written_cs = until_cs;
        let encoder = self.encoder.as_mut().ok_or_else(|| failed("it has not begun"))?;
        encoder.write_frame(&frame).map_err(failed)?;
        to.write_all(&std::mem::take(encoder.get_mut())).map_err(failed)
    }
}

impl AnimationWriter for GifWriter {
    fn wants_samples(&self) -> bool {
        true
    }

    fn prepare(&mut self, samples: &[Rgba]) {
        self.palette = Some(Palette::of(samples.iter().map(|sample| sample.pixels.as_slice())));
    }

    fn begin(&mut self, to: &mut dyn Output, size: (u32, u32)) -> Result<(), RenderError> {
        let palette = self.palette.as_ref().ok_or_else(|| failed("no colors were chosen"))?;
        let side = |side: u32| {
            u16::try_from(side)
                .map_err(|_| failed(format!("a GIF can't have {side} pixels in a row")))
        };
        let (width, height) = (side(size.0)?, side(size.1)?);
        self.size = (size.0 as usize, size.1 as usize);
        self.shown.clear();
        let mut colors = palette.colors.concat();
        colors.resize(3 * (COLORS_MAX + 1), 0);
        let mut encoder = Encoder::new(Vec::new(), width, height, &colors).map_err(failed)?;
        encoder.set_repeat(Repeat::Infinite).map_err(failed)?;
        to.write_all(&std::mem::take(encoder.get_mut())).map_err(failed)?;
        self.encoder = Some(encoder);
        Ok(())
    }

    fn picture(
        &mut self,
        to: &mut dyn Output,
        picture: &Rgba,
        from_ms: u64,
        to_ms: u64,
    ) -> Result<(), RenderError> {
        let (width, height) = self.size;
        let palette = self.palette.as_mut().ok_or_else(|| failed("no colors were chosen"))?;
        let is_first = self.shown.is_empty();
        let pixels = picture.pixels.chunks_exact(4).map(|pixel| [pixel[0], pixel[1], pixel[2]]);
        let mut next: Vec<u8> = pixels.clone().map(|pixel| palette.nearest(pixel)).collect();
        if !is_first {
            for ((pixel, next), shown) in pixels.zip(&mut next).zip(&self.shown) {
                let off = |number: u8| distance(palette.colors[usize::from(number)], pixel);
                if *next != *shown && off(*shown) <= off(*next) + STAYS {
                    *next = *shown;
                }
            }
        }
        let shown = &self.shown;
        let at = |x: usize, y: usize| y * width + x;
        let rect = changed(width, height, |x, y| is_first || next[at(x, y)] != shown[at(x, y)]);
        let Some(rect) = rect else {
            // The picture before stays longer.
            if let Some((_, until_ms)) = &mut self.waiting {
                *until_ms = to_ms;
            }
            return Ok(());
        };
        let rows = rect.top..rect.top + rect.height;
        let buffer: Vec<u8> = rows
            .flat_map(|y| (rect.left..rect.left + rect.width).map(move |x| y * width + x))
            .map(|at| match is_first || next[at] != shown[at] {
                true => next[at],
                false => TRANSPARENT,
            })
            .collect();
        // All fit, since the picture's sides do.
        let small = |value: usize| value as u16;
        let frame = Frame {
            delay: 0,
            dispose: DisposalMethod::Keep,
            transparent: (!is_first).then_some(TRANSPARENT),
            needs_user_input: false,
            top: small(rect.top),
            left: small(rect.left),
            width: small(rect.width),
            height: small(rect.height),
            interlaced: false,
            palette: None,
            buffer: buffer.into(),
        };
        self.flush(to, from_ms)?;
        self.shown = next;
        self.waiting = Some((frame, to_ms));
        Ok(())
    }

    fn end(&mut self, to: &mut dyn Output) -> Result<(), RenderError> {
        let until_ms = self.waiting.as_ref().map_or(0, |(_, until_ms)| *until_ms);
        self.flush(to, until_ms)?;
        let encoder = self.encoder.take().ok_or_else(|| failed("it has not begun"))?;
        to.write_all(&encoder.into_inner().map_err(failed)?).map_err(failed)
    }
}
