//! A running element that captures one display or one window, and its newest picture.

use std::sync::{Arc, OnceLock};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video::{VideoFrameExt, VideoFrameRef, VideoInfo};

use super::super::ScreenElement;
use super::super::picture::PixelRect;
use super::desktop;
use crate::graph::{Graph, make, text};

/// The formats in which pictures are taken: four bytes a pixel, blue first.
const FORMATS: [&str; 2] = ["BGRx", "BGRA"];

/// The display or window that one element captures.
#[derive(Clone, Copy, Debug)]
pub(super) enum StreamSubject {
    /// The display at that position of the desktop.
    Display(PixelRect),
    Window(u64),
}

pub(super) struct ElementStream {
    _graph: Graph,
    appsink: gst_app::AppSink,
    newest: Option<gst::Sample>,
    end: Arc<OnceLock<String>>,
}

impl ElementStream {
    pub(super) fn start(
        element: ScreenElement,
        subject: StreamSubject,
        fps: u32,
        pointer: bool,
    ) -> Result<Self, String> {
        let source = match element {
            ScreenElement::Direct3d => direct3d(subject, pointer)?,
            ScreenElement::Gdi => gdi(subject, pointer)?,
        };
        let rate = gst::Fraction::new(fps.max(1).cast_signed(), 1);
        let rate = gst::Caps::builder("video/x-raw").field("framerate", rate).build();
        let filter = make("capsfilter")?;
        filter.set_property("caps", rate);
        let convert = make("videoconvert")?;
        let caps =
            gst::Caps::builder("video/x-raw").field("format", gst::List::new(FORMATS)).build();
        let appsink =
            gst_app::AppSink::builder().caps(&caps).max_buffers(1).drop(true).sync(false).build();
        let graph = Graph::of([&source, &filter, &convert, appsink.upcast_ref()])?;
        let end = Arc::new(OnceLock::new());
        let ended = end.clone();
        graph.on_message(move |message| match message.view() {
            gst::MessageView::Error(error) => drop(ended.set(error.error().to_string())),
            gst::MessageView::Eos(_) => drop(ended.set("it ended".to_owned())),
            _ => {}
        });
        graph.play()?;
        Ok(ElementStream { _graph: graph, appsink, newest: None, end })
    }

    /// Takes the newest picture, if there is a new one. An error means that the stream has ended.
    pub(super) fn update(&mut self) -> Result<(), String> {
        if let Some(sample) = self.appsink.try_pull_sample(gst::ClockTime::ZERO) {
            self.newest = Some(sample);
        }
        match self.end.get() {
            Some(reason) => {
                tracing::debug!(reason, "The stream of a display or a window has ended");
                Err(reason.clone())
            }
            None => Ok(()),
        }
    }

    /// Waits for the next picture.
    pub(super) fn wait(&mut self, wait: gst::ClockTime) {
        if let Some(sample) = self.appsink.try_pull_sample(wait) {
            self.newest = Some(sample);
        }
    }

    pub(super) fn frame(&self) -> Option<SampleFrame<'_>> {
        let sample = self.newest.as_ref()?;
        let info = VideoInfo::from_caps(sample.caps()?).ok()?;
        let frame = VideoFrameRef::from_buffer_ref_readable(sample.buffer()?, &info).ok()?;
        Some(SampleFrame(frame))
    }
}

/// A picture as it was delivered.
pub(super) struct SampleFrame<'a>(VideoFrameRef<&'a gst::BufferRef>);

impl SampleFrame<'_> {
    pub(super) fn size(&self) -> (u32, u32) {
        (self.0.info().width(), self.0.info().height())
    }

    pub(super) fn stride_bytes(&self) -> usize {
        self.0.plane_stride()[0] as usize
    }

    pub(super) fn pixels(&self) -> &[u8] {
        self.0.plane_data(0).unwrap_or_default()
    }
}

/// Returns Windows.Graphics.Capture where the element has it, which captures windows and follows a display's changes;
/// else DXGI's duplication of a display.
fn direct3d(subject: StreamSubject, pointer: bool) -> Result<gst::Element, String> {
    let source = made(ScreenElement::Direct3d)?;
    source.set_property("show-cursor", pointer);
    let has_graphics_capture = source.has_property("capture-api");
    if has_graphics_capture {
        source.set_property_from_str("capture-api", "wgc");
        // The system grants this from Windows 11 on. Elsewhere its yellow border stays.
        source.set_property("show-border", false);
    }
    match subject {
        StreamSubject::Display(at) => {
            let handle = desktop::monitor_at(at).ok_or("the display is gone")?;
            source.set_property("monitor-handle", handle);
        }
        StreamSubject::Window(_) if !has_graphics_capture => {
            return Err("this Windows captures no windows".to_owned());
        }
        StreamSubject::Window(id) => source.set_property("window-handle", id),
    }
    Ok(source)
}

fn gdi(subject: StreamSubject, pointer: bool) -> Result<gst::Element, String> {
    let StreamSubject::Display(at) = subject else {
        return Err("GDI captures displays".to_owned());
    };
    let index = desktop::monitor_index(at).ok_or("the display is gone")?;
    let source = made(ScreenElement::Gdi)?;
    source.set_property("monitor", index);
    source.set_property("cursor", pointer);
    Ok(source)
}

fn made(element: ScreenElement) -> Result<gst::Element, String> {
    gst::ElementFactory::make(element.name()).build().map_err(text)
}
