//! Holds what all GStreamer pipelines here share: a chain of elements, an input for frames, a message
//! handler, and shutdown on drop.

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;

/// A pipeline that runs until it is dropped. It must not be dropped on one of its own threads.
pub(crate) struct Graph(gst::Pipeline);

impl Graph {
    /// Builds a pipeline with each element linked to the next.
    pub(crate) fn of<const N: usize>(elements: [&gst::Element; N]) -> Result<Self, String> {
        let pipeline = gst::Pipeline::new();
        pipeline.add_many(elements).map_err(text)?;
        gst::Element::link_many(elements).map_err(text)?;
        Ok(Graph(pipeline))
    }

    /// Sets the message handler. Must be called before `play`. There is no main loop here, so messages
    /// are handled on the thread that posts them.
    pub(crate) fn on_message(&self, handle: impl Fn(&gst::Message) + Send + Sync + 'static) {
        if let Some(bus) = self.0.bus() {
            bus.set_sync_handler(move |_, message| {
                handle(message);
                gst::BusSyncReply::Drop
            });
        }
    }

    pub(crate) fn play(&self) -> Result<(), String> {
        self.0.set_state(gst::State::Playing).map(drop).map_err(text)
    }

    pub(crate) fn pipeline(&self) -> &gst::Pipeline {
        &self.0
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        if let Some(bus) = self.0.bus() {
            bus.unset_sync_handler();
        }
        if let Err(error) = self.0.set_state(gst::State::Null) {
            tracing::warn!(%error, "Pipeline shutdown failed");
        }
    }
}

/// Returns an appsrc for frames of that kind, each with its time. Pushing to it never blocks.
pub(crate) fn appsrc_for(caps: &gst::Caps) -> gst_app::AppSrc {
    gst_app::AppSrc::builder()
        .caps(caps)
        .format(gst::Format::Time)
        .is_live(true)
        .block(false)
        .build()
}

pub(crate) fn make(element: &str) -> Result<gst::Element, String> {
    gst::ElementFactory::make(element).build().map_err(text)
}

pub(crate) fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
