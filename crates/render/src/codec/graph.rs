//! A GStreamer pipeline that ends when it is dropped.

use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use snaplark_core::render::RenderError;

/// How long a codec may take for one step. A busy machine takes a second for a picture of 4K.
const STEP_WAIT: Duration = Duration::from_secs(60);

pub(crate) struct CodecPipeline {
    pipeline: gst::Pipeline,
}

impl CodecPipeline {
    /// Builds a pipeline from its description and starts it.
    pub(crate) fn start(description: &str) -> Result<Self, RenderError> {
        let graph = CodecPipeline::build(description)?;
        graph.play()?;
        Ok(graph)
    }

    /// Builds a pipeline from its description.
    pub(crate) fn build(description: &str) -> Result<Self, RenderError> {
        gst::init().map_err(failed)?;
        let pipeline = gst::parse::launch(description).map_err(failed)?;
        let pipeline = pipeline.downcast::<gst::Pipeline>();
        Ok(CodecPipeline { pipeline: pipeline.map_err(|_| failed("not a pipeline"))? })
    }

    pub(crate) fn play(&self) -> Result<(), RenderError> {
        self.pipeline.set_state(gst::State::Playing).map(drop).map_err(|_| self.failure())
    }

    /// Stops it, also while others push into it: they get an error.
    pub(crate) fn stop(&self) {
        // It fails only if an element hangs, and then nothing more can be done.
        let _ = self.pipeline.set_state(gst::State::Null);
    }

    pub(crate) fn element<T: IsA<gst::Element>>(&self, name: &str) -> Result<T, RenderError> {
        let found = self.pipeline.by_name(name).and_then(|found| found.downcast().ok());
        found.ok_or_else(|| failed(format!("there is no '{name}'")))
    }

    /// Pushes a buffer with its time. Waits while the queue is full, if the source is set to do so.
    pub(crate) fn push(
        &self,
        to: &gst_app::AppSrc,
        data: Vec<u8>,
        time: gst::ClockTime,
        duration: Option<gst::ClockTime>,
    ) -> Result<(), RenderError> {
        let mut buffer = gst::Buffer::from_mut_slice(data);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(time);
            buffer.set_duration(duration);
        }
        to.push_buffer(buffer).map(drop).map_err(|_| self.failure())
    }

    /// Returns the next sample; `None` at the end of the stream.
    pub(crate) fn pull(&self, from: &gst_app::AppSink) -> Result<Option<gst::Sample>, RenderError> {
        let wait = gst::ClockTime::from_mseconds(STEP_WAIT.as_millis() as u64);
        match from.try_pull_sample(wait) {
            Some(sample) => Ok(Some(sample)),
            None if from.is_eos() => Ok(None),
            None => Err(self.failure()),
        }
    }

    /// Waits until the pipeline has ended, at most as long as `goes_on` says.
    pub(crate) fn wait_for_end(&self, goes_on: impl Fn() -> bool) -> Result<(), RenderError> {
        let bus = self.pipeline.bus().ok_or_else(|| failed("there is no bus"))?;
        let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
        loop {
            let message = bus.timed_pop_filtered(gst::ClockTime::from_mseconds(100), &kinds);
            match message.as_deref().map(gst::MessageRef::view) {
                Some(gst::MessageView::Error(error)) => return Err(failed(error.error())),
                Some(_) => return Ok(()),
                None if !goes_on() => return Err(RenderError::Cancelled),
                None => {}
            }
        }
    }

    /// Returns why the pipeline doesn't go on.
    pub(crate) fn failure(&self) -> RenderError {
        let bus = self.pipeline.bus();
        let error = bus.and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
        match error.as_deref().map(gst::MessageRef::view) {
            Some(gst::MessageView::Error(error)) => failed(error.error()),
            _ => failed("the codec gives nothing"),
        }
    }
}

impl Drop for CodecPipeline {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Returns whether this GStreamer element is installed.
pub(crate) fn has_element(name: &str) -> bool {
    gst::init().is_ok() && gst::ElementFactory::find(name).is_some()
}

pub(crate) fn failed(reason: impl std::fmt::Display) -> RenderError {
    RenderError::NotEncoded { reason: reason.to_string() }
}
