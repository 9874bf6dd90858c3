//! Pictures of a Wayland desktop: xdg-desktop-portal lets a person choose what is shared, and
//! PipeWire brings it.
//!
//! ```text
//!  PipeWire's threads                                   eye's thread
//! ┌────────────────────────────────────────────────┐   ┌──────────────────────────────────┐
//! │ pipewiresrc ► appsink, which keeps the newest   ├──►│ look: copied, cropped, BGRx       │
//! └────────────────────────────────────────────────┘   └──────────────────────────────────┘
//! ```
//!
//! Pictures come when something changes and at no other time, so none for long says nothing. That
//! the sharing ended is heard from the bus (`sharing`) and from the pipeline. The size of a recording
//! does not change: what is shared may, and is cut or set on black.

pub mod sharing;

use std::os::fd::AsRawFd;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video::{VideoCropMeta, VideoFormat, VideoFrameExt, VideoFrameRef, VideoInfo};
use snaplark_core::capture::{CaptureError, Permission, Source as Wanted};

use self::sharing::Sharing;
use super::picture::{BYTES_PER_PIXEL, Rect, check_size, set_on_black};
use super::{Opening, Source, missing};
use crate::graph::Graph;
use crate::policy::OPEN_WAIT;

pub use self::sharing::offered;

/// The element that speaks PipeWire.
const ELEMENT: &str = "pipewiresrc";

/// What compositors give from memory: four bytes a pixel, in one order or the other.
const FORMATS: [&str; 4] = ["BGRx", "BGRA", "RGBx", "RGBA"];

pub struct PortalSource {
    stream: Stream,
    sharing: Sharing,
    /// Of what is shared.
    region: Option<Rect>,
    size: (u32, u32),
    picture: Vec<u8>,
}

struct Stream {
    _graph: Graph,
    appsink: gst_app::AppSink,
}

impl PortalSource {
    pub fn open(opening: &Opening) -> Result<Self, CaptureError> {
        check_element()?;
        let sharing = sharing::share(opening)?;
        let stream = Stream::start(&sharing)?;
        let wait = gst::ClockTime::try_from(OPEN_WAIT).ok();
        let first = stream.appsink.try_pull_sample(wait).ok_or_else(|| {
            let reason = "no picture comes of it".to_owned();
            sharing.end().get().unwrap_or(CaptureError::SharingRefused { reason })
        })?;
        let mut source =
            PortalSource { stream, sharing, region: None, size: (0, 0), picture: Vec::new() };
        let whole = Shown::of(&first)?.rect;
        let seen = match opening.wanted {
            Wanted::Region { x, y, width, height } => {
                let (left, top) = source.sharing.position;
                let region = Rect { x: x - left, y: y - top, width, height };
                let shared = Rect { x: 0, y: 0, ..whole };
                let seen = region.common(shared);
                *source
                    .region
                    .insert(seen.ok_or_else(|| missing("the region is not on the shared screen"))?)
            }
            Wanted::Display(_) | Wanted::Window(_) => whole,
        };
        source.size = (seen.width, seen.height);
        check_size(source.size)?;
        source.picture = vec![0; seen.bytes()];
        source.take(&first)?;
        Ok(source)
    }

    fn take(&mut self, sample: &gst::Sample) -> Result<(), CaptureError> {
        let shown = Shown::of(sample)?;
        let Rect { x, y, width, height } = shown.rect;
        let wanted =
            self.region.unwrap_or(Rect { x: 0, y: 0, width: self.size.0, height: self.size.1 });
        let Some(seen) = wanted.common(Rect { x: 0, y: 0, width, height }) else {
            self.picture.fill(0);
            return Ok(());
        };
        let stride_bytes = shown.frame.plane_stride()[0] as usize;
        let pixels = shown.frame.plane_data(0).map_err(broken)?;
        let start = (y + seen.y) as usize * stride_bytes + (x + seen.x) as usize * BYTES_PER_PIXEL;
        let at = ((seen.x - wanted.x) as u32, (seen.y - wanted.y) as u32);
        set_on_black(&mut self.picture, self.size, &pixels[start..], stride_bytes, seen, at);
        if shown.red_first {
            for pixel in self.picture.chunks_exact_mut(BYTES_PER_PIXEL) {
                pixel.swap(0, 2);
            }
        }
        Ok(())
    }
}

impl Source for PortalSource {
    fn size(&self) -> (u32, u32) {
        self.size
    }

    fn look(&mut self) -> Result<Option<&[u8]>, CaptureError> {
        if let Some(sample) = self.stream.appsink.try_pull_sample(gst::ClockTime::ZERO) {
            self.take(&sample)?;
        }
        match self.sharing.end().get() {
            Some(error) => Err(error),
            None => Ok(Some(&self.picture)),
        }
    }

    fn permission(&self) -> Option<Permission> {
        self.sharing.permission.clone()
    }
}

impl Stream {
    fn start(sharing: &Sharing) -> Result<Self, CaptureError> {
        let source = gst::ElementFactory::make(ELEMENT)
            .property("fd", sharing.remote.as_raw_fd())
            .property("path", sharing.node.to_string())
            // The compositor has few pictures to give away, and gets each back at once.
            .property("always-copy", true)
            .build()
            .map_err(|_| element_missing())?;
        let caps =
            gst::Caps::builder("video/x-raw").field("format", gst::List::new(FORMATS)).build();
        let appsink =
            gst_app::AppSink::builder().caps(&caps).max_buffers(1).drop(true).sync(false).build();
        let graph = Graph::of([&source, appsink.upcast_ref()]).map_err(broken)?;
        let end = sharing.end().clone();
        graph.listen(move |message| match message.view() {
            gst::MessageView::Error(error) => end.set(broken(error.error())),
            gst::MessageView::Eos(_) => end.set(broken("it ended")),
            _ => {}
        });
        graph.play().map_err(broken)?;
        Ok(Stream { _graph: graph, appsink })
    }
}

/// One picture as it came.
struct Shown<'a> {
    frame: VideoFrameRef<&'a gst::BufferRef>,
    /// The part of it that is meant: a window comes in a picture as large as its monitor.
    rect: Rect,
    red_first: bool,
}

impl<'a> Shown<'a> {
    fn of(sample: &'a gst::Sample) -> Result<Self, CaptureError> {
        let (Some(buffer), Some(caps)) = (sample.buffer(), sample.caps()) else {
            return Err(broken("a picture without content"));
        };
        let info = VideoInfo::from_caps(caps).map_err(broken)?;
        let frame = VideoFrameRef::from_buffer_ref_readable(buffer, &info).map_err(broken)?;
        let whole = Rect { x: 0, y: 0, width: info.width(), height: info.height() };
        let crop = buffer.meta::<VideoCropMeta>().map(|crop| crop.rect());
        let crop = crop.and_then(|(x, y, width, height)| {
            Rect { x: x as i32, y: y as i32, width, height }.common(whole)
        });
        let red_first = matches!(info.format(), VideoFormat::Rgbx | VideoFormat::Rgba);
        Ok(Shown { frame, rect: crop.unwrap_or(whole), red_first })
    }
}

pub fn check_element() -> Result<(), CaptureError> {
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
