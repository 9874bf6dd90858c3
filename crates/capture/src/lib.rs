//! Records the screen and its sound as WebM segments: the product's implementation of `Capture`. Takes still
//! pictures of the screen as well (`still`, the implementation of `Stills`).
//!
//! ```text
//! grabber   (`frame_grabber`) opens the source (`source`), grabs it fps times a second, drops frames
//!           equal to the last one (`gate`), and pushes the rest into the pipeline's bounded queue
//! overlay   draws the webcam (`webcam`), clicks and keys (`marks`) onto each frame
//! pipeline  GStreamer's threads: convert to I420, encode to VP9, a keyframe every two seconds (`pipeline`)
//! sound     mixes the microphone and the computer's own sound into one Opus track (`sound`)
//! writer    groups blocks into clusters (`segmenter`), writes clusters to durable files (`disk`) and
//!           sends the events; owns the pipeline
//! ```
//!
//! Backpressure: the frame grabber never blocks. The encoder blocks on the writer only when 20 s of
//! encoded frames are queued between them. The writer blocks on the disk and the event sink. So a slow
//! disk costs nothing for the first 20 s. After that raw frames are dropped, which is counted and
//! reported; an encoded frame is never dropped. Sound has its own queue and never blocks either. A
//! segment waits for its sound, up to a bound. All bounds are in `policy`.
//!
//! Times are milliseconds of one monotonic clock that starts when the source is first grabbed.
#![warn(missing_docs, unreachable_pub)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod border;
mod devices;
mod disk;
mod encoder;
mod encoder_choice;
mod encoder_speed;
mod encoder_trial;
mod file_still;
mod frame_grabber;
mod gate;
mod graph;
mod helper_process;
// Clicks and keys are read on Linux alone so far.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
mod marks;
mod overlay;
mod pipeline;
mod pointer;
mod policy;
mod probe;
mod remedy;
mod segmenter;
mod shutter;
mod signals;
mod sound;
mod source;
mod still;
mod strikes;
mod subject;
mod timeline;
mod vp9;
mod warm_up;
mod webcam;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;

use gstreamer as gst;
use snaplark_core::INIT_FILE;
use snaplark_core::capture::{
    Capture, CaptureControl, CaptureError, CaptureRequest, CaptureSink, Issue, Source, Subject,
};
use snaplark_core::overlay::Webcam as WantedWebcam;
use snaplark_core::render::RenderError;

pub use helper_process::run_if_helper;

use crate::encoder::{EncoderSettings, SOFTWARE};
use crate::encoder_choice::TrialCache;
use crate::frame_grabber::{GrabberSetup, SourceInfo};
use crate::marks::MarkReader;
use crate::overlay::Overlay;
use crate::pointer::PointerReader;
use crate::policy::{BITRATE_BITS_MIN, ENCODED_FRAMES_MAX, FPS_MAX};
use crate::signals::{Signals, internal_error};
use crate::source::SourceRequest;
use crate::webcam::WebcamCapture;
use crate::writer::{FallbackEncoder, SegmentWriter};

/// Records what this computer shows and plays.
#[derive(Clone, Debug, Default)]
pub struct SystemCapture {
    display: Option<String>,
    sound_server: Option<String>,
    trials: Option<TrialCache>,
}

impl SystemCapture {
    /// Captures the session that the program runs in.
    pub fn new() -> Self {
        SystemCapture::default()
    }

    /// Captures the X11 display with that name and ignores the environment.
    pub fn on_display(name: impl Into<String>) -> Self {
        SystemCapture { display: Some(name.into()), ..SystemCapture::default() }
    }

    /// Records sound from that server, given as a PulseAudio address (`unix:/path`), and ignores the
    /// environment.
    pub fn with_sound_server(self, name: impl Into<String>) -> Self {
        SystemCapture { sound_server: Some(name.into()), ..self }
    }

    /// Caches the results of encoder trials in that folder. Without this only libvpx is used.
    pub fn with_trial_cache_in(self, folder: &Path) -> Self {
        SystemCapture { trials: Some(TrialCache::in_folder(folder)), ..self }
    }
}

impl SystemCapture {
    fn display(&self) -> Option<&str> {
        self.display.as_deref()
    }
}

impl Capture for SystemCapture {
    fn start(
        &self,
        request: CaptureRequest,
        events: CaptureSink,
    ) -> Result<Box<dyn CaptureControl>, CaptureError> {
        check_gstreamer()?;
        tracing::debug!("GStreamer initialized");
        let signals = Arc::new(Signals::default());
        let started = self.begin(request, events, &signals);
        if started.is_err() {
            // Ends the threads that were already started.
            signals.ask_to_stop();
        }
        started
            .map(|webcam| Box::new(RecordingControl { signals, webcam }) as Box<dyn CaptureControl>)
    }

    fn subject(&self, source: &Source) -> Option<Subject> {
        subject::of(source::backend(self.display.as_deref()).ok()?, source)
    }

    fn still_of_file(&self, file: &Path) -> Result<Vec<u8>, RenderError> {
        file_still::of(file).map_err(|reason| RenderError::NoStill { reason })
    }
}

impl SystemCapture {
    fn begin(
        &self,
        request: CaptureRequest,
        events: CaptureSink,
        signals: &Arc<Signals>,
    ) -> Result<Arc<WebcamCapture>, CaptureError> {
        let fps = request.fps.clamp(1, FPS_MAX);
        let (opened, found) = sync_channel(1);
        let (setups, setup) = sync_channel(1);
        let backend = source::backend(self.display.as_deref())?;
        let open_wait = backend.open_wait();
        let marks = MarkReader::open(request.marks, &backend, &request.source);
        let pointer_backend = request.pointer_positions.then(|| backend.clone());
        let opening = SourceRequest {
            backend,
            wanted: request.source.clone(),
            fps,
            pointer: request.pointer,
            permission: request.permission.clone(),
            abandoned: request.abandoned.clone(),
        };
        let grabber_signals = signals.clone();
        spawn("eye", move || frame_grabber::run(&opening, fps, &grabber_signals, &opened, &setup))?;
        let SourceInfo { size, permission } =
            found.recv_timeout(open_wait).map_err(|error| match error {
                RecvTimeoutError::Timeout => {
                    CaptureError::NoDisplay { reason: "the display does not answer".to_owned() }
                }
                RecvTimeoutError::Disconnected => internal_error(),
            })??;
        tracing::debug!("Capture source opened");

        disk::check(&request.folder, INIT_FILE)?;
        let sound = sound::start(&request.sound, self.sound_server.as_deref(), fps, signals)?;
        let webcam = WebcamCapture::new(size, request.webcam, signals.clone());
        let bitrate_bits = request.bitrate_bits.max(BITRATE_BITS_MIN);
        let fitted = || policy::fitted(size, request.lines_max);
        let picture = request.picture_size.unwrap_or_else(fitted);
        let settings = EncoderSettings {
            width: picture.0,
            height: picture.1,
            bitrate_bits,
            has_borders: request.picture_size.is_some(),
        };
        let (out, frames) = sync_channel(ENCODED_FRAMES_MAX);
        let trials = self.trials.as_ref().filter(|_| request.hardware_encoding);
        let chosen = trials.map_or(SOFTWARE, |trials| trials.choose(&settings));
        let pipeline_signals = signals.clone();
        let start = move |encoder| {
            pipeline::start(encoder, &settings, size, fps, out.clone(), pipeline_signals.clone())
        };
        let (encoder, (pipeline, input)) = match start(chosen) {
            Err(_) if chosen.is_hardware() => (SOFTWARE, start(SOFTWARE)?),
            started => (chosen, started?),
        };
        tracing::debug!("Recording pipeline started");
        let (replaced, replacements) = sync_channel(1);
        let spare =
            trials.filter(|_| encoder.is_hardware()).cloned().map(|trials| FallbackEncoder {
                start: Box::new(move || start(SOFTWARE)),
                inputs: replaced,
                on_failure: Box::new(move |why| trials.store(encoder, &settings, why)),
            });
        let writer = SegmentWriter {
            folder: request.folder,
            spare_folder: request.spare_folder,
            size: picture,
            fps,
            permission,
            sink: events,
            signals: signals.clone(),
            spare,
        };
        spawn("writer", move || writer::run(writer, frames, pipeline, sound))?;
        let marks = marks.unwrap_or_else(|reason| {
            signals.report_issue(Issue::MarksMissing { reason });
            None
        });
        let overlay = Overlay::new(size, webcam.clone(), marks);
        let pointer = pointer_backend
            .and_then(|backend| PointerReader::open(&backend, size, source::fitted(size, picture)));
        // The frame grabber waits for this message. The send fails only if that thread has died; then
        // the writer receives no frames, and the control's stop ends it.
        setups
            .send(GrabberSetup { input, overlay, pointer, replacements })
            .map_err(|_| internal_error())?;
        if let Some(trials) = trials {
            trials.try_untested(settings);
        }
        Ok(webcam)
    }
}

struct RecordingControl {
    signals: Arc<Signals>,
    webcam: Arc<WebcamCapture>,
}

impl CaptureControl for RecordingControl {
    fn stop(&mut self) {
        self.signals.ask_to_stop();
    }

    fn pause(&mut self) {
        self.signals.pause();
    }

    fn resume(&mut self) {
        self.signals.resume();
    }

    fn cut(&mut self) {
        self.signals.cut();
    }

    fn strike(&mut self, length_ms: u64, folder: PathBuf) {
        self.signals.strike(length_ms, folder);
    }

    fn set_muted(&mut self, muted: bool) {
        self.signals.set_muted(muted);
    }

    fn set_webcam(&mut self, webcam: WantedWebcam) {
        self.webcam.set(webcam);
    }
}

impl Drop for RecordingControl {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Initializes GStreamer and checks that the elements that every recording needs are installed.
fn check_gstreamer() -> Result<(), CaptureError> {
    gst::init().map_err(|error| CaptureError::PipelineFailed { reason: error.to_string() })?;
    encoder::check()
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), CaptureError> {
    thread::Builder::new()
        .name(format!("snaplark-{name}"))
        .spawn(run)
        .map(drop)
        .map_err(|error| CaptureError::PipelineFailed { reason: error.to_string() })
}
