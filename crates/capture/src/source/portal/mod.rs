//! Captures a Wayland desktop: xdg-desktop-portal lets a person choose what to share, and PipeWire
//! delivers it.
//!
//! ```text
//!  PipeWire's threads                                   frame grabber
//! ┌────────────────────────────────────────────────┐   ┌──────────────────────────────────┐
//! │ pipewiresrc ► appsink, which keeps the newest   ├──►│ look: copied, cropped, BGRx       │
//! └────────────────────────────────────────────────┘   └──────────────────────────────────┘
//! ```
//!
//! Pictures come only when something changes, so a long time without any means nothing. The end of the
//! sharing is reported on the bus (`sharing`) and by the pipeline. The size of a recording does not
//! change: the size of the source may, with new caps or another crop, and it is scaled into the
//! recording's (`fit`). A region is cropped instead, and is black where it is no longer shared.

pub(crate) mod screenshot;
pub(crate) mod sharing;

use std::os::fd::AsRawFd;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video::{VideoCropMeta, VideoFormat, VideoFrameExt, VideoFrameRef, VideoInfo};
use snaplark_core::capture::{CaptureError, Permission, Source as Wanted};

use self::sharing::ScreenShare;
use super::fit::Fit;
use super::picture::{BYTES_PER_PIXEL, PixelRect, check_size, set_on_black};
use super::{FrameSource, SourceRequest, missing};
use crate::graph::Graph;
use crate::policy::OPEN_WAIT;

pub(crate) use self::sharing::offered;

/// The element for PipeWire.
const ELEMENT: &str = "pipewiresrc";

/// The formats in which compositors deliver memory: four bytes a pixel, in one order or the other.
const FORMATS: [&str; 4] = ["BGRx", "BGRA", "RGBx", "RGBA"];

pub(crate) struct PortalSource {
    stream: PipewireStream,
    sharing: ScreenShare,
    picture: PortalPicture,
    /// The size of the first picture, before anything was cut from it.
    whole: (u32, u32),
}

/// The newest picture, in the recording's size.
struct PortalPicture {
    /// The recorded area of the source.
    region: Option<PixelRect>,
    size: (u32, u32),
    fit: Fit,
    pixels: Vec<u8>,
}

struct PipewireStream {
    _graph: Graph,
    appsink: gst_app::AppSink,
}

impl PortalSource {
    pub(crate) fn open(opening: &SourceRequest) -> Result<Self, CaptureError> {
        check_element()?;
        let sharing = sharing::share(opening)?;
        let stream = PipewireStream::start(&sharing)?;
        let wait = gst::ClockTime::try_from(OPEN_WAIT).ok();
        let first = stream.appsink.try_pull_sample(wait).ok_or_else(|| {
            let reason = "it sent no picture; some desktops send one only when something on the screen changes"
                .to_owned();
            sharing.end().get().unwrap_or(CaptureError::SharingRefused { reason })
        })?;
        let whole = DeliveredFrame::of(&first)?.rect;
        let size = (whole.width, whole.height);
        let region = match opening.wanted {
            Wanted::Region { x, y, width, height } => {
                let (left, top) = sharing.position;
                let region = PixelRect { x: x - left, y: y - top, width, height };
                let seen = region.common(PixelRect { x: 0, y: 0, ..whole });
                Some(seen.ok_or_else(|| missing("the region is not on the shared screen"))?)
            }
            Wanted::Display(_) | Wanted::Window(_) => None,
        };
        let seen = region.unwrap_or(whole);
        check_size((seen.width, seen.height))?;
        let mut picture = PortalPicture::new(region, (seen.width, seen.height));
        picture.update(&first)?;
        Ok(PortalSource { stream, sharing, picture, whole: size })
    }
}

impl PortalPicture {
    fn new(region: Option<PixelRect>, size: (u32, u32)) -> Self {
        let bytes = PixelRect { x: 0, y: 0, width: size.0, height: size.1 }.bytes();
        PortalPicture { region, size, fit: Fit::new(size), pixels: vec![0; bytes] }
    }

    fn update(&mut self, sample: &gst::Sample) -> Result<(), CaptureError> {
        let shown = DeliveredFrame::of(sample)?;
        let PixelRect { x, y, width, height } = shown.rect;
        let whole = PixelRect { x: 0, y: 0, width, height };
        let stride_bytes = shown.frame.plane_stride()[0] as usize;
        let pixels = shown.frame.plane_data(0).map_err(broken)?;
        let from = |left: i32, top: i32| {
            &pixels[(y + top) as usize * stride_bytes + (x + left) as usize * BYTES_PER_PIXEL..]
        };
        match self.region {
            None if (width, height) != self.size => {
                let picture = from(0, 0);
                self.fit.scale(&mut self.pixels, picture, stride_bytes, (width, height))?;
            }
            region => {
                let wanted = region.unwrap_or(whole);
                let Some(seen) = wanted.common(whole) else {
                    self.pixels.fill(0);
                    return Ok(());
                };
                let at = ((seen.x - wanted.x) as u32, (seen.y - wanted.y) as u32);
                let picture = from(seen.x, seen.y);
                set_on_black(&mut self.pixels, self.size, picture, stride_bytes, seen, at);
            }
        }
        if shown.red_first {
            for pixel in self.pixels.chunks_exact_mut(BYTES_PER_PIXEL) {
                pixel.swap(0, 2);
            }
        }
        Ok(())
    }
}

impl FrameSource for PortalSource {
    fn size(&self) -> (u32, u32) {
        self.picture.size
    }

    fn grab(&mut self) -> Result<Option<&[u8]>, CaptureError> {
        if let Some(sample) = self.stream.appsink.try_pull_sample(gst::ClockTime::ZERO) {
            self.picture.update(&sample)?;
        }
        match self.sharing.end().get() {
            Some(error) => Err(error),
            None => Ok(Some(&self.picture.pixels)),
        }
    }

    fn permission(&self) -> Option<Permission> {
        self.sharing.permission.clone()
    }

    fn scale(&self) -> f64 {
        let drawn = f64::from(self.whole.0);
        match self.sharing.logical_width {
            Some(width) if width > 0 => drawn / f64::from(width),
            Some(_) | None => 1.0,
        }
    }
}

impl PipewireStream {
    fn start(sharing: &ScreenShare) -> Result<Self, CaptureError> {
        let source = gst::ElementFactory::make(ELEMENT)
            .property("fd", sharing.remote.as_raw_fd())
            .property("path", sharing.node.to_string())
            // The compositor has few buffers to lend, and each is returned at once.
            .property("always-copy", true)
            .build()
            .map_err(|_| element_missing())?;
        let caps =
            gst::Caps::builder("video/x-raw").field("format", gst::List::new(FORMATS)).build();
        let appsink =
            gst_app::AppSink::builder().caps(&caps).max_buffers(1).drop(true).sync(false).build();
        let graph = Graph::of([&source, appsink.upcast_ref()]).map_err(broken)?;
        let end = sharing.end().clone();
        graph.on_message(move |message| match message.view() {
            gst::MessageView::Error(error) => end.set(broken(error.error())),
            gst::MessageView::Eos(_) => end.set(broken("it ended")),
            _ => {}
        });
        graph.play().map_err(broken)?;
        Ok(PipewireStream { _graph: graph, appsink })
    }
}

/// One picture as it was delivered.
struct DeliveredFrame<'a> {
    frame: VideoFrameRef<&'a gst::BufferRef>,
    /// The relevant part: a window is delivered in a picture as large as its monitor.
    rect: PixelRect,
    red_first: bool,
}

impl<'a> DeliveredFrame<'a> {
    fn of(sample: &'a gst::Sample) -> Result<Self, CaptureError> {
        let (Some(buffer), Some(caps)) = (sample.buffer(), sample.caps()) else {
            return Err(broken("a picture without content"));
        };
        let info = VideoInfo::from_caps(caps).map_err(broken)?;
        let frame = VideoFrameRef::from_buffer_ref_readable(buffer, &info).map_err(broken)?;
        let whole = PixelRect { x: 0, y: 0, width: info.width(), height: info.height() };
        let crop = buffer.meta::<VideoCropMeta>().map(|crop| crop.rect());
        let crop = crop.and_then(|(x, y, width, height)| {
            PixelRect { x: x as i32, y: y as i32, width, height }.common(whole)
        });
        let red_first = matches!(info.format(), VideoFormat::Rgbx | VideoFormat::Rgba);
        Ok(DeliveredFrame { frame, rect: crop.unwrap_or(whole), red_first })
    }
}

pub(crate) fn check_element() -> Result<(), CaptureError> {
    gst::ElementFactory::find(ELEMENT).map(drop).ok_or_else(element_missing)
}

fn element_missing() -> CaptureError {
    CaptureError::EncoderMissing {
        element: ELEMENT.to_owned(),
        remedy: "Install the package gstreamer1.0-pipewire (Debian, Ubuntu), \
                 pipewire-gstreamer (Fedora) or gst-plugin-pipewire (Arch), then try again."
            .to_owned(),
    }
}

fn broken(error: impl std::fmt::Display) -> CaptureError {
    CaptureError::SharingLost { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLOUR: [u8; 3] = [30, 140, 220];

    /// One color in `crop` (or everywhere), another one around it.
    fn sample(size: (u32, u32), format: VideoFormat, crop: Option<PixelRect>) -> gst::Sample {
        let info = VideoInfo::builder(format, size.0, size.1).build().unwrap();
        let mut buffer = gst::Buffer::with_size(info.size()).unwrap();
        {
            let buffer = buffer.get_mut().unwrap();
            let meant = crop.unwrap_or(PixelRect { x: 0, y: 0, width: size.0, height: size.1 });
            let mut colour = COLOUR;
            if format == VideoFormat::Rgbx {
                colour.reverse();
            }
            let mut map = buffer.map_writable().unwrap();
            for (n, pixel) in (0..).zip(map.as_mut_slice().chunks_exact_mut(BYTES_PER_PIXEL)) {
                let (x, y) = (n % size.0.cast_signed(), n / size.0.cast_signed());
                let is_meant = PixelRect { x, y, width: 1, height: 1 }.common(meant).is_some();
                pixel[..3].copy_from_slice(if is_meant { &colour } else { &[255; 3] });
            }
            drop(map);
            if let Some(PixelRect { x, y, width, height }) = crop {
                VideoCropMeta::add(buffer, (x as u32, y as u32, width, height));
            }
        }
        let caps = info.to_caps().unwrap();
        gst::Sample::builder().buffer(&buffer).caps(&caps).build()
    }

    /// Asserts that the picture has the color in that rectangle, and is black elsewhere.
    fn hold(picture: &PortalPicture, into: PixelRect) {
        for (n, pixel) in (0..).zip(picture.pixels.chunks_exact(BYTES_PER_PIXEL)) {
            let (x, y) = (n % picture.size.0.cast_signed(), n / picture.size.0.cast_signed());
            let is_in = PixelRect { x, y, width: 1, height: 1 }.common(into).is_some();
            let expected = if is_in { COLOUR } else { [0; 3] };
            let far = pixel.iter().zip(expected).any(|(a, b)| a.abs_diff(b) > 1);
            assert!(!far, "{pixel:?} instead of {expected:?} at {x}, {y}; {into:?}");
        }
    }

    #[test]
    fn portal_picture_is_scaled_when_the_stream_changes_its_size() {
        gst::init().unwrap();
        let mut picture = PortalPicture::new(None, (96, 54));
        let at = |x, y, width, height| PixelRect { x, y, width, height };
        for (size, crop, into) in [
            ((96, 54), None, at(0, 0, 96, 54)),
            // With new caps: larger, odd, smaller.
            ((192, 108), None, at(0, 0, 96, 54)),
            ((101, 33), None, at(0, 11, 96, 31)),
            ((20, 40), None, at(34, 0, 27, 54)),
            // A window in a picture as large as its monitor, which grows within it.
            ((128, 128), Some(at(16, 16, 48, 27)), at(0, 0, 96, 54)),
            ((128, 128), Some(at(8, 8, 100, 100)), at(21, 0, 54, 54)),
            ((96, 54), None, at(0, 0, 96, 54)),
        ] {
            for format in [VideoFormat::Bgrx, VideoFormat::Rgbx] {
                picture.update(&sample(size, format, crop)).unwrap();
                hold(&picture, into);
            }
        }
    }

    #[test]
    fn portal_region_is_cropped_when_the_screen_changes_its_size() {
        gst::init().unwrap();
        let region = PixelRect { x: 40, y: 20, width: 30, height: 20 };
        let mut picture = PortalPicture::new(Some(region), (30, 20));
        for (size, into) in [((96, 54), (30, 20)), ((60, 54), (20, 20)), ((30, 10), (0, 0))] {
            picture.update(&sample(size, VideoFormat::Bgrx, None)).unwrap();
            hold(&picture, PixelRect { x: 0, y: 0, width: into.0, height: into.1 });
        }
    }
}
