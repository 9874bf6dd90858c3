//! Captures pictures on Windows by GStreamer's own elements: of displays, areas of them, and windows.
//!
//! ```text
//!  an element's threads, one element for each display          frame grabber
//! ┌────────────────────────────────────────────────────┐     ┌──────────────────────────────────┐
//! │ d3d11screencapturesrc, gdiscreencapsrc ► appsink,    ├───►│ grab: the parts of all displays, │
//! │ which keeps the newest                               │    │ black where there is none         │
//! └────────────────────────────────────────────────────┘     └──────────────────────────────────┘
//! ```
//!
//! - Direct3D is used where it is registered and delivers a first picture, else GDI, which delivers on every Windows
//!   and under Wine.
//! - Direct3D captures a window itself (Windows.Graphics.Capture), whole even if others cover it. With GDI a window is
//!   cut from the displays that it is on, with whatever lies upon it.
//! - A display whose element fails (unplugged; the session is locked; the secure desktop of UAC is shown) is opened
//!   again once a second. Until then its part is black; with no part left, nothing can be seen, which is not the end.
//! - The size of a recording does not change: a window that grows or shrinks is scaled into it (`fit`).
//!
//! All positions are physical pixels of the desktop; the process is made aware of each display's scale first.

mod desktop;
mod stream;

use std::time::{Duration, Instant};

use snaplark_core::capture::{CaptureError, Source as Wanted};
use snaplark_core::still::{DisplayArea, Screen};

pub(crate) use self::desktop::{active_window, list_sources};
use self::stream::{ElementStream, StreamSubject};
use super::fit::Fit;
use super::picture::{BYTES_PER_PIXEL, PixelRect, check_size, copy_rows};
use super::{FrameSource, ScreenElement, ScreenMapping, SourceRequest, missing};
use crate::policy::OPEN_WAIT;

/// How soon an element that failed is opened again.
const RETRY: Duration = Duration::from_secs(1);

pub(crate) struct WindowsSource {
    element: ScreenElement,
    target: WindowsTarget,
    fps: u32,
    pointer: bool,
    size: (u32, u32),
    pixels: Vec<u8>,
    fit: Fit,
    mapping: ScreenMapping,
    scale: f64,
}

enum WindowsTarget {
    /// An area of the desktop.
    Area { area: PixelRect, displays: DisplayStreams },
    /// A window, cut from the displays.
    CutWindow { id: u64, displays: DisplayStreams, cut: Vec<u8> },
    /// A window that the system captures by itself.
    Window { id: u64, stream: Option<ElementStream>, retry_at: Instant },
}

/// The streams of the displays that are needed, by their names.
#[derive(Default)]
struct DisplayStreams {
    open: Vec<(Screen, Option<ElementStream>)>,
    listed_at: Option<Instant>,
}

impl WindowsSource {
    /// Opens the source with the element that was chosen, or else with GDI.
    pub(crate) fn open(
        opening: &SourceRequest,
        element: ScreenElement,
    ) -> Result<Self, CaptureError> {
        match (Self::open_with(opening, element), element) {
            (Err(error), ScreenElement::Direct3d)
                if !matches!(
                    error,
                    CaptureError::SourceMissing { .. } | CaptureError::Abandoned
                ) =>
            {
                tracing::warn!(%error, "Direct3D captures nothing, so GDI is used");
                Self::open_with(opening, ScreenElement::Gdi)
            }
            (opened, _) => opened,
        }
    }

    fn open_with(opening: &SourceRequest, element: ScreenElement) -> Result<Self, CaptureError> {
        let screens = desktop::screens()?;
        let (target, size, scale) = match opening.wanted {
            Wanted::Display(index) => {
                let screen = match index {
                    None => screens.iter().find(|screen| screen.is_first),
                    Some(index) => screens.get(index as usize),
                };
                let screen = screen.ok_or_else(|| missing("there is no such display"))?;
                let (area, scale) = (screen.at, screen.scale);
                (
                    WindowsTarget::Area { area, displays: DisplayStreams::default() },
                    sides_of(area),
                    scale,
                )
            }
            Wanted::Region { x, y, width, height } => {
                let wanted = PixelRect { x, y, width, height };
                let all = screens.iter().map(|screen| screen.at).reduce(united);
                let area = all.and_then(|all| wanted.common(all));
                let area = area.ok_or_else(|| missing("the region is not on the screen"))?;
                let shown = screens.iter().find(|screen| screen.at.common(area).is_some());
                let scale = shown.ok_or_else(|| missing("the region is not on any display"))?.scale;
                (
                    WindowsTarget::Area { area, displays: DisplayStreams::default() },
                    sides_of(area),
                    scale,
                )
            }
            Wanted::Window(id) => {
                let at = desktop::window_area(id)?
                    .ok_or_else(|| missing("nothing can be seen of it now"))?;
                let shown = screens.iter().find(|screen| screen.at.common(at).is_some());
                let scale = shown.map_or(1.0, |screen| screen.scale);
                let target = match element {
                    ScreenElement::Direct3d => {
                        WindowsTarget::Window { id, stream: None, retry_at: Instant::now() }
                    }
                    ScreenElement::Gdi => {
                        let displays = DisplayStreams::default();
                        WindowsTarget::CutWindow { id, displays, cut: Vec::new() }
                    }
                };
                (target, sides_of(at), scale)
            }
        };
        check_size(size)?;
        let bytes = PixelRect { x: 0, y: 0, width: size.0, height: size.1 }.bytes();
        let mut source = WindowsSource {
            element,
            target,
            fps: opening.fps,
            pointer: opening.pointer,
            size,
            pixels: vec![0; bytes],
            fit: Fit::new(size),
            mapping: ScreenMapping::default(),
            scale,
        };
        source.wait_for_first(opening)?;
        Ok(source)
    }

    /// Returns when there is a picture, which shows that the element works here.
    fn wait_for_first(&mut self, opening: &SourceRequest) -> Result<(), CaptureError> {
        let until = Instant::now() + OPEN_WAIT;
        loop {
            if self.update()? {
                return Ok(());
            }
            if opening.abandoned.is_set() {
                return Err(CaptureError::Abandoned);
            }
            if Instant::now() >= until {
                let reason = "the display delivers no picture".to_owned();
                return Err(CaptureError::NoDisplay { reason });
            }
            self.wait_for_sample();
        }
    }

    /// Waits a moment for a new picture of one of the streams.
    fn wait_for_sample(&mut self) {
        let wait = gstreamer::ClockTime::from_mseconds(20);
        let waited = match &mut self.target {
            WindowsTarget::Area { displays, .. } | WindowsTarget::CutWindow { displays, .. } => {
                displays.open.iter_mut().find_map(|(_, stream)| stream.as_mut())
            }
            WindowsTarget::Window { stream, .. } => stream.as_mut(),
        };
        match waited {
            Some(stream) => stream.wait(wait),
            None => std::thread::park_timeout(Duration::from_millis(20)),
        }
    }

    /// Brings the picture up to date. Returns whether anything can be seen.
    fn update(&mut self) -> Result<bool, CaptureError> {
        let opener = (self.element, self.fps, self.pointer);
        let size = self.size;
        match &mut self.target {
            WindowsTarget::Area { area, displays } => {
                self.mapping = ScreenMapping { corner: (area.x, area.y), scaled: None };
                displays.compose(*area, &mut self.pixels, opener)
            }
            WindowsTarget::CutWindow { id, displays, cut } => {
                let Some(at) = desktop::window_area(*id)? else { return Ok(false) };
                self.mapping.corner = (at.x, at.y);
                if sides_of(at) == size {
                    self.mapping.scaled = None;
                    return displays.compose(at, &mut self.pixels, opener);
                }
                cut.resize(at.bytes(), 0);
                if !displays.compose(at, cut, opener)? {
                    return Ok(false);
                }
                let stride_bytes = at.width as usize * BYTES_PER_PIXEL;
                let into = self.fit.scale(&mut self.pixels, cut, stride_bytes, sides_of(at))?;
                self.mapping.scaled = Some((sides_of(at), into));
                Ok(true)
            }
            WindowsTarget::Window { id, stream, retry_at } => {
                let Some(at) = desktop::window_area(*id)? else { return Ok(false) };
                self.mapping.corner = (at.x, at.y);
                if stream.is_none() && Instant::now() >= *retry_at {
                    *retry_at = Instant::now() + RETRY;
                    *stream = opened(StreamSubject::Window(*id), opener);
                }
                if stream.as_mut().is_some_and(|stream| stream.update().is_err()) {
                    *stream = None;
                }
                let Some(frame) = stream.as_ref().and_then(ElementStream::frame) else {
                    return Ok(false);
                };
                let from = frame.size();
                if from == size {
                    self.mapping.scaled = None;
                    let whole = PixelRect { x: 0, y: 0, width: size.0, height: size.1 };
                    copy_rows(
                        &mut self.pixels,
                        size,
                        frame.pixels(),
                        frame.stride_bytes(),
                        whole,
                        (0, 0),
                    );
                } else {
                    let pixels = frame.pixels();
                    let into =
                        self.fit.scale(&mut self.pixels, pixels, frame.stride_bytes(), from)?;
                    self.mapping.scaled = Some((from, into));
                }
                Ok(true)
            }
        }
    }
}

impl DisplayStreams {
    /// Puts the parts of all displays that show `area` into `pixels`, which is as large as it. Returns whether there is
    /// any.
    fn compose(
        &mut self,
        area: PixelRect,
        pixels: &mut [u8],
        opener: (ScreenElement, u32, bool),
    ) -> Result<bool, CaptureError> {
        let is_due = self.listed_at.is_none_or(|at| at.elapsed() >= RETRY);
        if is_due {
            self.listed_at = Some(Instant::now());
            self.relist(area)?;
        }
        let mut is_black = false;
        let mut is_seen = false;
        for (screen, stream) in &mut self.open {
            let Some(part) = screen.at.common(area) else { continue };
            if stream.is_none() && is_due {
                *stream = opened(StreamSubject::Display(screen.at), opener);
            }
            if stream.as_mut().is_some_and(|stream| stream.update().is_err()) {
                *stream = None;
            }
            let Some(frame) = stream.as_ref().and_then(ElementStream::frame) else { continue };
            if !is_black && (part.width, part.height) != (area.width, area.height) {
                pixels.fill(0);
                is_black = true;
            }
            let (left, top) = ((part.x - screen.at.x) as usize, (part.y - screen.at.y) as usize);
            let (width, height) = frame.size();
            // The display's mode has changed, and its stream is not yet the new one.
            if left + part.width as usize > width as usize
                || top + part.height as usize > height as usize
            {
                continue;
            }
            let stride_bytes = frame.stride_bytes();
            let from = &frame.pixels()[top * stride_bytes + left * BYTES_PER_PIXEL..];
            let at = ((part.x - area.x) as u32, (part.y - area.y) as u32);
            copy_rows(pixels, sides_of(area), from, stride_bytes, part, at);
            is_seen = true;
        }
        Ok(is_seen)
    }

    /// Keeps the streams of displays that are as they were, and names those that are needed now.
    fn relist(&mut self, area: PixelRect) -> Result<(), CaptureError> {
        let mut before = std::mem::take(&mut self.open);
        for screen in desktop::screens()? {
            if screen.at.common(area).is_none() {
                continue;
            }
            let same = before.iter().position(|(known, _)| *known == screen);
            let stream = same.and_then(|place| before.swap_remove(place).1);
            self.open.push((screen, stream));
        }
        Ok(())
    }
}

impl FrameSource for WindowsSource {
    fn size(&self) -> (u32, u32) {
        self.size
    }

    fn grab(&mut self) -> Result<Option<&[u8]>, CaptureError> {
        Ok(self.update()?.then_some(self.pixels.as_slice()))
    }

    fn mapping(&self) -> ScreenMapping {
        self.mapping
    }

    fn scale(&self) -> f64 {
        self.scale
    }
}

fn opened(
    subject: StreamSubject,
    (element, fps, pointer): (ScreenElement, u32, bool),
) -> Option<ElementStream> {
    let stream = ElementStream::start(element, subject, fps, pointer);
    stream.inspect_err(|reason| tracing::debug!(reason, "A display is not captured")).ok()
}

fn sides_of(area: PixelRect) -> (u32, u32) {
    (area.width, area.height)
}

/// Returns the area of all displays together.
pub(crate) fn whole_desktop() -> Result<PixelRect, CaptureError> {
    let screens = desktop::screens()?;
    let all = screens.iter().map(|screen| screen.at).reduce(united);
    all.ok_or_else(|| CaptureError::NoDisplay { reason: "Windows names no display".to_owned() })
}

fn united(a: PixelRect, b: PixelRect) -> PixelRect {
    let end = |at: i32, length: u32| at + length.cast_signed();
    let (x, y) = (a.x.min(b.x), a.y.min(b.y));
    let right = end(a.x, a.width).max(end(b.x, b.width));
    let bottom = end(a.y, a.height).max(end(b.y, b.height));
    PixelRect { x, y, width: (right - x).cast_unsigned(), height: (bottom - y).cast_unsigned() }
}

/// Returns the displays that a picture of `area` shows, and the scale of the one that has most of it.
pub(crate) fn displays_in(area: PixelRect) -> Result<(Vec<DisplayArea>, f64), CaptureError> {
    let screens = desktop::screens()?;
    let parts = screens.into_iter().filter_map(|screen| {
        let part = screen.at.common(area)?;
        let at = PixelRect { x: part.x - area.x, y: part.y - area.y, ..part };
        Some(DisplayArea { name: screen.name, at, scale: screen.scale })
    });
    let parts: Vec<DisplayArea> = parts.collect();
    let pixels = |part: &&DisplayArea| u64::from(part.at.width) * u64::from(part.at.height);
    let scale = parts.iter().max_by_key(pixels).map_or(1.0, |part| part.scale);
    Ok((parts, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn desktop_of_displays_with_negative_positions_is_one_rectangle() {
        let first = PixelRect { x: 0, y: 0, width: 1_920, height: 1_080 };
        let left = PixelRect { x: -1_280, y: 200, width: 1_280, height: 1_024 };
        let all = PixelRect { x: -1_280, y: 0, width: 3_200, height: 1_224 };
        assert_eq!(united(first, left), all);
        assert_eq!(united(first, first), first);
    }
}
