//! The audio input of one device, which stays open for the whole recording. Its frames go into a
//! `Resampler`; if the device is lost, it is reopened until that works. Everything that may hang is on this
//! one thread, and nothing waits for it: if no frames come, the sound thread (`SoundThread`) produces silence
//! and reports it.
//!
//! ```text
//!  PulseAudio's, PipeWire's   the element's own thread            device's thread
//! ┌─────────────────────┐    ┌────────────────────────────┐     ┌─────────────────────────────┐
//! │ its own rate         ├──►│ pulsesrc ► appsink ► Line   │     │ opens, hears errors, looks   │
//! └─────────────────────┘    └────────────────────────────┘     │ whether it is the right one  │
//!                                                                └─────────────────────────────┘
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use snaplark_core::capture::{Device, Listening};

use super::RATE;
use super::devices::{DEFAULT_MONITOR, SoundServer, bus_error};
use super::resampler::Resampler;
use crate::graph::Graph;
use crate::policy::{DEVICE_POLL, DEVICE_RETRY, SOUND_LOST, UNMUTE_POLL};
use crate::signals::Signals;

/// The size of a device's chunks: 1024 frames, PipeWire's own default. For a smaller size PipeWire
/// makes all programs of the computer work in shorter periods, which crackles on a busy computer.
const CHUNK_MICROSECONDS: i64 = 21_334;

/// The state that the device's thread and the sound thread share.
pub(super) struct AudioInput {
    pub listening: Listening,
    /// True until the device is first needed. It is not opened before; meanwhile there is silence, and
    /// no loss is reported.
    waits: AtomicBool,
    state: Mutex<InputState>,
}

pub(super) struct InputState {
    pub resampler: Resampler,
    /// When frames last came; before the first ones, when waiting for them began.
    pub last_came: Instant,
    /// Why no frames come.
    pub problem: Option<String>,
}

impl AudioInput {
    pub(super) fn new(listening: Listening, waits: bool) -> Arc<Self> {
        let now = Instant::now();
        let state = InputState { resampler: Resampler::new(now), last_came: now, problem: None };
        Arc::new(AudioInput { listening, waits: waits.into(), state: Mutex::new(state) })
    }

    pub(super) fn waits(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    /// Waits until the microphone is unmuted for the first time. Returns `false` if the recording ended
    /// before.
    pub(super) fn wait_until_wanted(&self, signals: &Signals) -> bool {
        while self.waits() {
            if signals.stop_asked().is_some() {
                return false;
            }
            if !signals.muted().was_on(Instant::now()) {
                self.lock().last_came = Instant::now();
                self.waits.store(false, Ordering::Relaxed);
                break;
            }
            signals.stop_comes_before(Instant::now() + UNMUTE_POLL);
        }
        true
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, InputState> {
        // A poisoned lock is ignored: a panic elsewhere can't leave frames and moments inconsistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns why nothing is heard, if that is so.
    pub(super) fn problem(&self) -> Option<String> {
        if self.waits() {
            return None;
        }
        let state = self.lock();
        let silent = || state.last_came.elapsed() > SOUND_LOST;
        let nothing = || "nothing comes from it".to_owned();
        state.problem.clone().or_else(|| silent().then(nothing))
    }
}

/// Runs the device's thread until the stop.
pub(super) fn run(
    server: &SoundServer,
    device: &Device,
    input: &Arc<AudioInput>,
    signals: &Signals,
) {
    if !input.wait_until_wanted(signals) {
        return;
    }
    while signals.stop_asked().is_none() {
        let problem = match OpenDevice::new(server, device, input) {
            Ok(open) => open.watch(signals),
            Err(problem) => Some(problem),
        };
        if let Some(problem) = problem {
            tracing::debug!(listening = %input.listening, problem, "Sound device lost");
            input.lock().problem = Some(problem);
            signals.stop_comes_before(Instant::now() + DEVICE_RETRY);
        }
    }
}

struct OpenDevice {
    graph: Graph,
    source: gst::Element,
    /// The system's name, if a device was chosen.
    name: Option<String>,
    follows_default: bool,
}

impl OpenDevice {
    fn new(server: &SoundServer, device: &Device, input: &Arc<AudioInput>) -> Result<Self, String> {
        let (name, target) = match (input.listening, device) {
            (Listening::System, _) => (None, Some(DEFAULT_MONITOR.to_owned())),
            (Listening::Microphone, Device::Default) => (None, None),
            (Listening::Microphone, Device::Named(wanted)) => {
                let name = server.resolve(wanted)?;
                (Some(name.clone()), Some(name))
            }
        };
        let source = server.source(target.as_deref())?;
        source.set_property("latency-time", CHUNK_MICROSECONDS);
        // The times of frames are determined here, not by the element.
        source.set_property_from_str("slave-method", "none");
        let raw = gst::Caps::builder("audio/x-raw")
            .field("format", "F32LE")
            .field("layout", "interleaved")
            .field("rate", RATE as i32)
            .field("channels", 2_i32)
            .build();
        let appsink = gst_app::AppSink::builder().caps(&raw).sync(false).build();
        let graph = Self::graph(&source, &appsink)?;
        // The pipeline uses the system clock. The device's clock is only read, in the appsink's
        // callback.
        graph.pipeline().use_clock(Some(&gst::SystemClock::obtain()));
        let open = OpenDevice {
            graph,
            source,
            name,
            follows_default: input.listening == Listening::System,
        };
        input.lock().resampler.restart();
        appsink.set_callbacks(callbacks(&open.source, input.clone()));
        open.graph.play().map_err(|_| {
            let said = open.graph.pipeline().bus().and_then(|bus| bus_error(&bus));
            said.unwrap_or_else(|| "it can't be opened".to_owned())
        })?;
        Ok(open)
    }

    #[cfg(not(windows))]
    fn graph(source: &gst::Element, appsink: &gst_app::AppSink) -> Result<Graph, String> {
        Graph::of([source, appsink.upcast_ref()])
    }

    /// WASAPI delivers the format that the device has.
    #[cfg(windows)]
    fn graph(source: &gst::Element, appsink: &gst_app::AppSink) -> Result<Graph, String> {
        let [convert, resample] = ["audioconvert", "audioresample"].map(crate::graph::make);
        Graph::of([source, &convert?, &resample?, appsink.upcast_ref()])
    }

    /// Returns a property of the device that only some elements have.
    fn name_of(&self, property: &str) -> Option<String> {
        if !self.source.has_property(property) {
            return None;
        }
        self.source.property(property)
    }

    /// Watches the device until the stop or until it is lost, and returns why it was lost.
    fn watch(&self, signals: &Signals) -> Option<String> {
        let Some(bus) = self.graph.pipeline().bus() else {
            return Some("it can't be heard".to_owned());
        };
        let wait = gst::ClockTime::try_from(DEVICE_POLL).ok();
        let wanted = [gst::MessageType::Error, gst::MessageType::Eos];
        let mut followed = None;
        while signals.stop_asked().is_none() {
            if let Some(message) = bus.timed_pop_filtered(wait, &wanted) {
                return Some(match message.view() {
                    gst::MessageView::Error(error) => error.error().to_string(),
                    _ => "it ended".to_owned(),
                });
            }
            // PulseAudio moves the clients of a device that is gone to another device.
            let current = self.name_of("current-device");
            let current = current.filter(|current| !current.is_empty());
            if let (Some(name), Some(current)) = (&self.name, current)
                && *name != current
            {
                return Some("it was unplugged".to_owned());
            }
            if self.follows_default {
                // The description of the device, if the server reports it. It changes when another
                // device becomes the default.
                let now = self.name_of("device-name");
                if followed.is_some() && now.is_some() && now != followed {
                    // The device is not lost: it is reopened at once, as the new default.
                    return None;
                }
                followed = now.or(followed);
            }
        }
        None
    }
}

fn callbacks(source: &gst::Element, input: Arc<AudioInput>) -> gst_app::AppSinkCallbacks {
    // A weak reference, since the source indirectly owns these callbacks.
    let source = source.downgrade();
    let mut clock = None;
    let mut next_offset = None;
    gst_app::AppSinkCallbacks::builder()
        .new_sample(move |appsink| {
            let sample = appsink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let buffer = sample.buffer().ok_or(gst::FlowError::Error)?;
            let now = Instant::now();
            if clock.is_none() {
                clock = source.upgrade().and_then(|source| source.provide_clock());
            }
            let device_time = clock.as_ref().map(|clock| clock.internal_time().nseconds());
            let map = buffer.map_readable().map_err(|_| gst::FlowError::Error)?;
            let samples: Vec<f32> = map
                .chunks_exact(4)
                .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
                .map(|value| if value.is_finite() { value } else { 0.0 })
                .collect();
            let (offset, end) = (buffer.offset(), buffer.offset_end());
            let skipped = next_offset.map_or(0, |next: u64| offset.saturating_sub(next));
            next_offset = Some(end);
            let mut state = input.lock();
            state.resampler.skip(skipped as usize);
            let ahead = device_time.map(|ns| ns as f64 * f64::from(RATE) / 1e9 - end as f64);
            state.resampler.push(&samples, now, ahead);
            (state.last_came, state.problem) = (now, None);
            Ok(gst::FlowSuccess::Ok)
        })
        .build()
}
