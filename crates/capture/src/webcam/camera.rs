//! One camera, which is open while its picture is shown. If it is lost, it is reopened until that
//! works.

use std::time::Instant;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video::{VideoFrameExt, VideoFrameRef, VideoInfo};
use snaplark_core::capture::Device;

use super::cameras::{self, PipewireConnection};
use super::{CameraFrame, SILENT, WebcamCapture};
use crate::graph::{Graph, make, text};
use crate::policy::{CAMERA_POLL, CAMERA_ROWS, DEVICE_RETRY};
use crate::source::picture::BYTES_PER_PIXEL;

/// Runs the camera's thread until the stop, or until no webcam is to be shown.
pub(super) fn run(webcam: &std::sync::Arc<WebcamCapture>) {
    while let Some(wanted) = webcam.wanted() {
        let problem = match OpenCamera::new(&wanted, webcam) {
            Ok(open) => open.watch(&wanted, webcam),
            Err(problem) => Some(problem),
        };
        let is_lost = problem.is_some();
        if let Some(problem) = &problem {
            tracing::debug!(problem, "Webcam lost");
        }
        webcam.note_closed(problem);
        if is_lost {
            webcam.signals.stop_comes_before(Instant::now() + DEVICE_RETRY);
        }
    }
}

struct OpenCamera {
    graph: Graph,
    /// The caps filter that sets the size of pictures.
    scaled: gst::Element,
    side: u32,
    _connection: Option<PipewireConnection>,
}

impl OpenCamera {
    fn new(wanted: &Device, webcam: &std::sync::Arc<WebcamCapture>) -> Result<Self, String> {
        let camera = cameras::find(wanted)?;
        let (given, decoder) = choose(&camera.caps)?;
        let (source, connection) = cameras::source(&camera)?;
        let filter = |caps: &gst::Caps| {
            let built = gst::ElementFactory::make("capsfilter").property("caps", caps).build();
            built.map_err(text)
        };
        let side = webcam.side();
        let (given, scaled) = (filter(&given)?, filter(&square(side))?);
        let cut = make("aspectratiocrop")?;
        cut.set_property("aspect-ratio", gst::Fraction::new(1, 1));
        let appsink = gst_app::AppSink::builder().sync(false).max_buffers(1).drop(true).build();
        let receiver = webcam.clone();
        let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(move |appsink| {
            let sample = appsink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            receiver.set_newest(frame_of(&sample).ok_or(gst::FlowError::Error)?);
            Ok(gst::FlowSuccess::Ok)
        });
        appsink.set_callbacks(callbacks.build());
        let graph = Graph::of([
            &source,
            &given,
            &make(decoder)?,
            &cut,
            &make("videoscale")?,
            &make("videoconvert")?,
            &scaled,
            appsink.upcast_ref(),
        ])?;
        graph.play().map_err(|_| {
            let bus = graph.pipeline().bus();
            let said = bus.and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
            said.as_ref().map_or_else(|| "it can't be opened".to_owned(), bus_error)
        })?;
        Ok(OpenCamera { graph, scaled, side, _connection: connection })
    }

    /// Watches the camera until another one or none is wanted, or until it is lost. Returns why it was
    /// lost.
    fn watch(mut self, wanted: &Device, webcam: &WebcamCapture) -> Option<String> {
        let Some(bus) = self.graph.pipeline().bus() else {
            return Some("it can't be heard".to_owned());
        };
        let wait = gst::ClockTime::try_from(CAMERA_POLL).ok();
        while webcam.wants(wanted) {
            let heard =
                bus.timed_pop_filtered(wait, &[gst::MessageType::Error, gst::MessageType::Eos]);
            if let Some(message) = heard {
                return Some(bus_error(&message));
            }
            // Not every camera reports that it was unplugged.
            if webcam.is_silent() {
                return Some(SILENT.to_owned());
            }
            let side = webcam.side();
            if side != self.side {
                self.side = side;
                self.scaled.set_property("caps", square(side));
            }
        }
        None
    }
}

fn bus_error(message: &gst::Message) -> String {
    match message.view() {
        gst::MessageView::Error(error) => error.error().to_string(),
        _ => "it ended".to_owned(),
    }
}

fn square(side: u32) -> gst::Caps {
    gst::Caps::builder("video/x-raw")
        .field("format", "BGRx")
        .field("width", side as i32)
        .field("height", side as i32)
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .build()
}

/// Chooses the camera's format and its decoder: the smallest picture that is large enough,
/// uncompressed, with at least 24 frames a second; or the nearest that is offered.
fn choose(offered: &gst::Caps) -> Result<(gst::Caps, &'static str), String> {
    let fluent = gst::FractionRange::new(gst::Fraction::new(24, 1), gst::Fraction::new(120, 1));
    let rows = gst::IntRange::new(CAMERA_ROWS, 4 * CAMERA_ROWS);
    let (raw, jpeg) = (("video/x-raw", "identity"), ("image/jpeg", "jpegdec"));
    for is_fluent in [true, false] {
        for (kind, decoder) in [raw, jpeg] {
            let caps = gst::Caps::builder(kind);
            let caps = if is_fluent { caps.field("framerate", fluent) } else { caps };
            let tall = caps.field("height", rows).build();
            let caps = gst::Caps::new_empty_simple(kind);
            for wanted in [tall, caps] {
                let mut found = offered.intersect(&wanted);
                if !found.is_empty() {
                    found.truncate();
                    if let Some(kind) = found.make_mut().structure_mut(0) {
                        kind.fixate_field_nearest_int("height", CAMERA_ROWS);
                        kind.fixate_field_nearest_fraction("framerate", gst::Fraction::new(30, 1));
                    }
                    return Ok((found, decoder));
                }
            }
        }
    }
    Err("it gives no pictures that can be shown here".to_owned())
}

fn frame_of(sample: &gst::Sample) -> Option<CameraFrame> {
    let info = VideoInfo::from_caps(sample.caps()?).ok()?;
    let frame = VideoFrameRef::from_buffer_ref_readable(sample.buffer()?, &info).ok()?;
    let stride_bytes = usize::try_from(*frame.plane_stride().first()?).ok()?;
    let row_bytes = info.width() as usize * BYTES_PER_PIXEL;
    let rows = frame.plane_data(0).ok()?.chunks(stride_bytes).take(info.height() as usize);
    let pixels = rows.flat_map(|row| &row[..row_bytes]).copied().collect();
    Some(CameraFrame { side: info.width(), pixels })
}
