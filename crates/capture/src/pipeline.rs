//! The GStreamer pipeline: raw pictures go in at one end, encoded frames come out at the other. It
//! knows nothing about screens, files or segments, except where keyframes must be placed.
//!
//! ```text
//!  frame grabber   appsrc's thread             queue's thread                     writer's thread
//! ┌────────────┐  ┌────────────────────────┐  ┌────────────────────────────────┐  ┌──────────────┐
//! │   push      ├─►│ appsrc ► convert, scale ├─►│ ◇ ► vp9enc ► appsink ► on_frame ├─►│ Receiver     │
//! └────────────┘  └────────────────────────┘  └────────────────────────────────┘  └──────────────┘
//!        RAW_FRAMES_MAX          CONVERTED_FRAMES_MAX               ENCODED_FRAMES_MAX
//!   full: FrameInput::has_room     full: conversion waits       full: on_frame waits, and all before it
//!   returns false, the frame grabber counts a drop
//!
//! ◇ a probe on the encoder's sink pad: requests a keyframe right before a frame that begins a segment
//!   (`KeyframeRequests`); on_frame then marks that keyframe. It also watches how many frames wait, and makes the
//!   encoder faster at lower quality before any frame is lost (`EncoderSpeed`)
//! ```
//!
//! A hardware encoder of the graphics card may take the place of vp9enc. If it fails, only the encoder
//! fails, not the recording: the writer starts another pipeline, and messages of the old one are
//! ignored.

use std::collections::VecDeque;
use std::sync::mpsc::{SyncSender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use snaplark_core::capture::{CaptureError, Issue};

use crate::encoder::{self, Encoder, EncoderSettings};
use crate::encoder_speed::EncoderSpeed;
use crate::graph::{self, Graph, make};
use crate::policy::{CONVERTED_BYTES_MAX, CONVERTED_FRAMES_MAX, ENCODER_END_WAIT, RAW_FRAMES_MAX};
use crate::segmenter::EncodedFrame;
use crate::signals::Signals;
use crate::vp9;

pub(crate) enum EncoderOutput {
    Frame(EncodedFrame),
    /// Marks the end of the stream: no frame follows.
    End,
}

/// The input end of the pipeline, for raw pictures.
pub(crate) struct FrameInput {
    appsrc: gst_app::AppSrc,
    pool: gst::BufferPool,
    /// The buffer that was pushed last.
    last: Option<gst::Buffer>,
    requests: Arc<Mutex<KeyframeRequests>>,
    /// True if the writer starts another pipeline when this one fails.
    pub is_replaceable: bool,
}

/// How a frame is to be encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EncodeMode {
    /// Encode it as the keyframe that begins a segment.
    pub begins_segment: bool,
    /// Encode it at high quality, as a picture that stays on the screen.
    pub high_quality: bool,
}

/// Passes the `EncodeMode` of each frame from the feed to the encoder, and remembers which requested
/// keyframe begins a segment, so that it can be marked behind the encoder.
#[derive(Debug, Default)]
struct KeyframeRequests {
    pending: VecDeque<(u64, EncodeMode)>,
    requested: bool,
    /// Counts the frames that went into the encoder's side of the pipeline and that came out.
    frames_in: u64,
    frames_out: u64,
}

impl KeyframeRequests {
    /// Is called when a frame enters the encoder. Returns how to encode it.
    fn frame_entered(&mut self, time_ms: u64) -> EncodeMode {
        let mut mode = EncodeMode::default();
        while let Some((_, pending)) = self.pending.pop_front_if(|(told_ms, _)| *told_ms <= time_ms)
        {
            // If the frame that should have begun a segment was lost, this one begins it instead.
            mode = EncodeMode {
                begins_segment: mode.begins_segment || pending.begins_segment,
                high_quality: pending.high_quality,
            };
        }
        self.requested |= mode.begins_segment;
        mode
    }

    /// Is called when a keyframe came out. Returns true if it was requested; other keyframes begin no
    /// segment.
    fn keyframe_came_out(&mut self) -> bool {
        std::mem::take(&mut self.requested)
    }
}

/// The pipeline did not accept a frame. It has failed and reports the reason itself.
#[derive(Debug)]
pub(crate) struct FrameRejected;

impl FrameInput {
    pub(crate) fn has_room(&self) -> bool {
        self.appsrc.property::<u64>("current-level-buffers") < RAW_FRAMES_MAX
    }

    pub(crate) fn is_last(&self, picture: &[u8]) -> bool {
        let last = self.last.as_ref().and_then(|last| last.map_readable().ok());
        last.is_some_and(|last| last.as_slice() == picture)
    }

    /// Pushes a frame. Without a picture, the last one is pushed again.
    pub(crate) fn push(
        &mut self,
        picture: Option<&[u8]>,
        time_ms: u64,
        mode: EncodeMode,
    ) -> Result<(), FrameRejected> {
        let mut buffer = match (picture, &self.last) {
            (Some(picture), _) => self.copy(picture)?,
            (None, Some(last)) => last.copy(),
            (None, None) => return Ok(()),
        };
        let fresh = buffer.get_mut().ok_or(FrameRejected)?;
        fresh.set_pts(gst::ClockTime::from_mseconds(time_ms));
        self.last = Some(buffer.clone());
        {
            let mut requests = lock(&self.requests);
            requests.pending.push_back((time_ms, mode));
            requests.frames_in += 1;
        }
        self.appsrc.push_buffer(buffer).map(drop).map_err(|_| FrameRejected)
    }

    /// Replaces another feed and takes over its last picture, which is still the current one.
    pub(crate) fn take_over(&mut self, other: &mut FrameInput) {
        self.last = other.last.take();
    }

    #[cfg(test)]
    pub(crate) fn set_last(&mut self, last: gst::Buffer) {
        self.last = Some(last);
    }

    fn copy(&self, picture: &[u8]) -> Result<gst::Buffer, FrameRejected> {
        let mut buffer = self.pool.acquire_buffer(None).map_err(|_| FrameRejected)?;
        {
            let fresh = buffer.get_mut().ok_or(FrameRejected)?;
            let mut map = fresh.map_writable().map_err(|_| FrameRejected)?;
            map.as_mut_slice().copy_from_slice(picture);
        }
        Ok(buffer)
    }
}

/// Ends the stream: the frames in flight come out, then `EncoderOutput::End`.
impl Drop for FrameInput {
    fn drop(&mut self) {
        // A failed pipeline refuses this; it has already reported the failure.
        let _ = self.appsrc.end_of_stream();
    }
}

/// A running pipeline; it stops when this is dropped.
pub(crate) struct RunningPipeline {
    /// Messages of the pipeline's threads are ignored once this is dropped.
    live: Option<Arc<()>>,
    requests: Arc<Mutex<KeyframeRequests>>,
    graph: Option<Graph>,
    encoder: &'static Encoder,
}

impl RunningPipeline {
    /// Returns how many frames went in and have not come out.
    pub(crate) fn frames_inside(&self) -> u64 {
        let requests = lock(&self.requests);
        requests.frames_in - requests.frames_out
    }
}

impl Drop for RunningPipeline {
    fn drop(&mut self) {
        self.live = None;
        let graph = self.graph.take();
        if !self.encoder.is_hardware() {
            return;
        }
        // A hardware encoder that hangs while it shuts down is left behind on its own thread.
        let (tell, pending) = channel();
        let end = move || {
            drop(graph);
            // Fails only if the shutdown took too long.
            let _ = tell.send(());
        };
        if crate::spawn("encoder-end", end).is_ok() {
            // Times out if the encoder hangs.
            let _ = pending.recv_timeout(ENCODER_END_WAIT);
        }
    }
}

/// Builds the pipeline and starts it. Later failures are reported to `signals`.
pub(crate) fn start(
    encoder: &'static Encoder,
    settings: &EncoderSettings,
    source: (u32, u32),
    fps: u32,
    out: SyncSender<EncoderOutput>,
    signals: Arc<Signals>,
) -> Result<(RunningPipeline, FrameInput), CaptureError> {
    let frame_bytes = source.0 as usize * source.1 as usize * 4;
    let raw = gst::Caps::builder("video/x-raw")
        .field("format", "BGRx")
        .field("width", source.0 as i32)
        .field("height", source.1 as i32)
        .field("framerate", gst::Fraction::new(fps as i32, 1))
        .build();
    let appsrc = graph::appsrc_for(&raw);
    let convert = make(encoder::CONVERTER).map_err(failed)?;
    // With nothing to scale, the element passes pictures through unchanged.
    let scale = make(encoder::SCALER).map_err(failed)?;
    scale.set_property_from_str("method", "catrom");
    scale.set_property("add-borders", settings.has_borders);
    for element in [&convert, &scale] {
        element.set_property("n-threads", encoder::threads());
    }
    // Browsers assume BT.601 for small videos unless the stream states otherwise; this makes it state
    // BT.709.
    let planar = gst::Caps::builder("video/x-raw")
        .field("format", encoder.format)
        .field("colorimetry", "bt709")
        .field("width", settings.width as i32)
        .field("height", settings.height as i32)
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .build();
    let planar = gst::ElementFactory::make("capsfilter").property("caps", planar).build();
    let planar = planar.map_err(failed)?;
    let queue = make("queue").map_err(failed)?;
    queue.set_property("max-size-buffers", CONVERTED_FRAMES_MAX);
    queue.set_property("max-size-bytes", CONVERTED_BYTES_MAX);
    queue.set_property("max-size-time", 0_u64);
    let encode = encoder.make(settings)?;
    let requests = Arc::new(Mutex::new(KeyframeRequests::default()));
    let speed = EncoderSpeed::new(encoder.speed_steps_max(settings));
    let settings = *settings;
    let high_quality =
        EncoderEffort { encoder, settings, queue: queue.clone(), speed, is_high_quality: false };
    control_each_frame(&encode, requests.clone(), high_quality, signals.clone())?;
    let appsink = gst_app::AppSink::builder().sync(false).build();
    let live = Arc::new(());
    let output = FrameOutput { out, requests: requests.clone(), live: Arc::downgrade(&live) };
    let size = (settings.width, settings.height);
    let check = encoder.is_hardware().then(|| (size, signals.clone()));
    appsink.set_callbacks(output.callbacks(check));

    let (source, sink) = (appsrc.upcast_ref(), appsink.upcast_ref());
    let graph =
        Graph::of([source, &convert, &scale, &planar, &queue, &encode, sink]).map_err(failed)?;

    let pool = gst::BufferPool::new();
    let mut config = pool.config();
    config.set_params(None, frame_bytes as u32, 0, 0);
    pool.set_config(config).map_err(failed)?;
    pool.set_active(true).map_err(failed)?;

    handle_messages(&graph, Arc::downgrade(&live), encoder, signals);
    graph.play().map_err(failed)?;
    let is_replaceable = encoder.is_hardware();
    let input = FrameInput { appsrc, pool, last: None, requests: requests.clone(), is_replaceable };
    Ok((RunningPipeline { live: Some(live), requests, graph: Some(graph), encoder }, input))
}

fn failed(error: impl std::fmt::Display) -> CaptureError {
    CaptureError::PipelineFailed { reason: error.to_string() }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adjusts the encoder's quality and speed.
struct EncoderEffort {
    encoder: &'static Encoder,
    settings: EncoderSettings,
    queue: gst::Element,
    speed: EncoderSpeed,
    is_high_quality: bool,
}

impl EncoderEffort {
    /// Sets the quality for the next frame.
    fn set(&mut self, encode: &gst::Element, high_quality: bool) {
        if high_quality != self.is_high_quality {
            self.is_high_quality = high_quality;
            self.encoder.set_quality(encode, high_quality);
        }
    }

    /// Makes the encoder faster if it falls behind, and slower again once it keeps up.
    fn take_over(&mut self, encode: &gst::Element, time_ms: u64, signals: &Signals) {
        let waiting = self.queue.property::<u32>("current-level-buffers");
        if let Some(steps) = self.speed.judge(waiting, time_ms) {
            self.encoder.set_speed(encode, &self.settings, steps);
            signals.report_issue(match steps {
                0 => Issue::EncoderRelaxed,
                _ => Issue::EncoderHurried,
            });
        }
    }
}

/// Installs a probe that runs right before each frame enters the encoder, on the thread that encodes
/// it. Nothing in it blocks on another thread.
fn control_each_frame(
    encode: &gst::Element,
    requests: Arc<Mutex<KeyframeRequests>>,
    high_quality: EncoderEffort,
    signals: Arc<Signals>,
) -> Result<(), CaptureError> {
    let pad = encode.static_pad("sink").ok_or_else(|| failed("the encoder takes no pictures"))?;
    let high_quality = Mutex::new(high_quality);
    // A weak reference, since the element owns this closure.
    let encode = encode.downgrade();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if let Some(time) = info.buffer().and_then(|buffer| buffer.pts()) {
            let time_ms = time.mseconds();
            let mode = lock(&requests).frame_entered(time_ms);
            if mode.begins_segment {
                pad.send_event(keyframe_event());
            }
            if let Some(encode) = encode.upgrade() {
                let mut high_quality = lock(&high_quality);
                high_quality.set(&encode, mode.high_quality);
                high_quality.take_over(&encode, time_ms, &signals);
            }
        }
        gst::PadProbeReturn::Ok
    });
    Ok(())
}

/// Returns GStreamer's "force key unit" event, as gst_video_event_new_downstream_force_key_unit makes
/// it. Without a time it applies to the next frame.
pub(crate) fn keyframe_event() -> gst::Event {
    let none = u64::MAX;
    gst::event::CustomDownstream::new(
        gst::Structure::builder("GstForceKeyUnit")
            .field("timestamp", none)
            .field("stream-time", none)
            .field("running-time", none)
            .field("all-headers", false)
            .field("count", 0_u32)
            .build(),
    )
}

/// Receives the encoded frames from the appsink and sends them to the writer.
struct FrameOutput {
    out: SyncSender<EncoderOutput>,
    requests: Arc<Mutex<KeyframeRequests>>,
    live: Weak<()>,
}

impl FrameOutput {
    /// Returns the appsink's callbacks. With `check`, each frame is checked: the track must keep the
    /// size and format it began with.
    fn callbacks(self, check: Option<((u32, u32), Arc<Signals>)>) -> gst_app::AppSinkCallbacks {
        let FrameOutput { out, requests, live } = self;
        let (at_end, live_at_end) = (out.clone(), live.clone());
        gst_app::AppSinkCallbacks::builder()
            .new_sample(move |appsink| {
                let sample = appsink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                let buffer = sample.buffer().ok_or(gst::FlowError::Error)?;
                let map = buffer.map_readable().map_err(|_| gst::FlowError::Error)?;
                let _live = live.upgrade().ok_or(gst::FlowError::Eos)?;
                let mut keyframe = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
                if let Some((size, signals)) = &check {
                    match vp9::read_header(map.as_slice()) {
                        Some(head) if head.keyframe.is_none_or(|own| own == *size) => {
                            keyframe = head.keyframe.is_some();
                        }
                        _ => {
                            signals.encoder_failed("what it made can't be played".to_owned());
                            return Err(gst::FlowError::Error);
                        }
                    }
                }
                let begins_segment = {
                    let mut requests = lock(&requests);
                    requests.frames_out += 1;
                    keyframe && requests.keyframe_came_out()
                };
                let frame = EncodedFrame {
                    time_ms: buffer.pts().ok_or(gst::FlowError::Error)?.mseconds(),
                    keyframe,
                    begins_segment,
                    data: map.as_slice().to_vec(),
                };
                // Blocks while the queue is full; fails once the writer has ended.
                out.send(EncoderOutput::Frame(frame)).map_err(|_| gst::FlowError::Eos)?;
                Ok(gst::FlowSuccess::Ok)
            })
            .eos(move |_| {
                if live_at_end.upgrade().is_some() {
                    // Fails only if the writer has already ended.
                    drop(at_end.send(EncoderOutput::End));
                }
            })
            .build()
    }
}

fn handle_messages(
    graph: &Graph,
    live: Weak<()>,
    encoder: &'static Encoder,
    signals: Arc<Signals>,
) {
    graph.on_message(move |message| match message.view() {
        _ if live.upgrade().is_none() => {}
        gst::MessageView::Error(error) if encoder.is_hardware() => {
            signals.encoder_failed(error.error().to_string());
        }
        gst::MessageView::Error(error) => signals.pipeline_failed(format!(
            "{} ({})",
            error.error(),
            error.src().map(|src| src.name()).unwrap_or_default()
        )),
        gst::MessageView::Warning(warning) => {
            tracing::warn!(warning = %warning.error(), "Recording pipeline warning");
        }
        _ => {}
    });
}
